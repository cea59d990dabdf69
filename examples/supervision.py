"""A tree of supervisors, and what it does about failures: it tells its own story.

A bakery: an oven, a baker who needs the oven, and a till that has nothing to do with either. Who is started anew with whom, how long to
wait, and when to give up is declared in the two supervisors; the workers know nothing of it, and let it crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors import Actor, ActorRef, ActorSystem, Request, handler
from supervisors import Backoff, GetChild, ListChildren, RestartScheduled, Strategy, Supervisor, SupervisorGaveUp, child


@dataclass(frozen=True)
class Bake(Request[str]):
    what: str


@dataclass(frozen=True)
class Pay:
    coins: str


@dataclass(frozen=True)
class Total(Request[int]):
    pass


class Oven(Actor):
    def on_start(self) -> None:
        print(f"    {self.path} is hot")

    @handler
    def bake(self, message: Bake) -> str:
        return f"{message.what}, warm"

    def on_receive(self, message: Any) -> None:
        raise RuntimeError(f"smoke: {message}")


class Baker(Actor):
    def __init__(self, oven: ActorRef[Oven]) -> None:
        super().__init__()
        self.oven = oven

    def on_start(self) -> None:
        print(f"    {self.path} is at work")

    @handler
    def bake(self, message: Bake) -> str:
        return self.oven.ask(message)


class Till(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_start(self) -> None:
        print(f"    {self.path} is open")

    @handler
    def pay(self, message: Pay) -> None:
        self.total += int(message.coins)  # an int, one would think

    @handler
    def tell_total(self, message: Total) -> int:
        del message
        return self.total


class Kitchen(Supervisor, strategy=Strategy.REST_FOR_ONE, intensity=1, period=60.0):
    """The baker is of no use without the oven, so he begins anew with it; the oven does not need him."""

    oven = child(Oven, backoff=Backoff(0.05, 1.0, jitter=0.0))
    baker = child(Baker, oven)


class Bakery(Supervisor, intensity=2, period=60.0):
    """Kitchen and till fail one by one."""

    kitchen = child(Kitchen)
    till = child(Till)


def tell_story(system: ActorSystem) -> None:
    """Print what the supervisors decide."""

    def restart(event: RestartScheduled) -> None:
        wait = f", in {event.delay:g} s" if event.delay else ""
        print(f"    {event.supervisor.path}: {event.child!r} failed ({type(event.error).__name__}), start it again{wait}")

    system.events.subscribe(RestartScheduled, restart)
    system.events.subscribe(SupervisorGaveUp, lambda event: print(f"    {event.error}"))


def child_of(supervisor: ActorRef[Any], name: str) -> ActorRef[Any]:
    ref = supervisor.ask(GetChild(name))
    if ref is None:
        raise LookupError(name)
    return ref


def main() -> None:
    with ActorSystem() as system:
        tell_story(system)
        print("The bakery opens, in the order declared:")
        bakery = system.spawn(Bakery, name="bakery")
        kitchen, till = child_of(bakery, "kitchen"), child_of(bakery, "till")

        print("A customer pays with a button. The till crashes on it, and on nothing that comes behind it:")
        for coins in ("5", "button", "7"):
            till.tell(Pay(coins))
        print(f"    in the till: {till.ask(Total())}, for what was in it before is gone with the crash")

        print("The oven burns. The baker, who depends on it, begins anew with it; orders wait meanwhile:")
        oven, baker = child_of(kitchen, "oven"), child_of(kitchen, "baker")
        oven.tell("burnt bread")
        bread = oven.ask(Bake("bread"))  # waits in the mailbox until the oven is hot again
        cake = baker.ask(Bake("cake"))
        print(f"    {bread}; {cake}; the same refs as before")

        print("It burns again. That is too much for the kitchen, and a matter for the bakery:")
        oven.tell("burnt cake")
        oven.actor_stopped.wait(10)
        new_oven, baker = child_of(kitchen, "oven"), child_of(kitchen, "baker")
        print(f"    {baker.ask(Bake('pie'))}; the same oven: {new_oven == oven}; in the till, as before: {till.ask(Total())}")

        for info in bakery.ask(ListChildren()):
            print(f"    {info.name}: {info.state.value}, restarts: {info.restarts}, last: {type(info.last_error).__name__}")

        print("One failure more, and the bakery gives up, too. Nobody is above it:")
        till.tell(Pay("another button"))
        bakery.actor_stopped.wait(10)
        print(f"    alive: {bakery.is_alive()}")


if __name__ == "__main__":
    main()
