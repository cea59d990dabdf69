"""Actors that use actors: ask several at once, wait for all, and hold no thread meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass

from actors import Actor, ActorRef, ActorSystem, Request, get_all, handler


@dataclass(frozen=True)
class Offer:
    what: str
    price: int


@dataclass(frozen=True)
class Find(Request[Offer]):
    """Find something for a trip to this town."""

    town: str


@dataclass(frozen=True)
class Plan(Request[list[Offer]]):
    """Plan a trip to this town."""

    town: str


class Agency(Actor):
    """Finds one thing. Slowly: it asks the outside world."""

    def __init__(self, what: str, price: int) -> None:
        super().__init__()
        self.offer = Offer(what, price)

    @handler
    def on_find(self, _: Find) -> Offer:
        time.sleep(0.2)  # a blocking call is allowed: the others run on
        return self.offer


class Planner(Actor):
    def __init__(self, agencies: list[ActorRef[Agency]]) -> None:
        super().__init__()
        self.agencies = agencies

    @handler
    def on_plan(self, message: Plan) -> list[Offer]:
        offers = [agency.ask(Find(message.town), block=False) for agency in self.agencies]
        return get_all(offers)  # parks this handler; the thread goes on with other actors


def main() -> None:
    with ActorSystem() as system:
        agencies = [system.spawn(Agency, *offer) for offer in (("train", 89), ("room", 120), ("museum", 14))]
        planner = system.spawn(Planner, agencies)

        begin = time.perf_counter()
        offers = planner.ask(Plan("Ghent"))
        print(f"three slow questions, asked at once, took {time.perf_counter() - begin:.1f} s and not 0.6 s:")
        for offer in offers:
            print(f"  {offer.what:<8} {offer.price:>4}")
        print(f"  {'together':<8} {sum(offer.price for offer in offers):>4}")

        # Ten thousand planners that wait at once would still need no more threads.
        planners = [system.spawn(Planner, agencies[:1]) for _ in range(10)]
        plans = [one.ask(Plan("Bruges"), block=False) for one in planners]
        print(f"10 planners wait for one agency, on {system.stats().threads} threads")
        print(f"answers: {len(get_all(plans))}")


if __name__ == "__main__":
    main()
