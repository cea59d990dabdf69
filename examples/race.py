"""Find a race in a bank transfer, look at it, make it again from its token, and prove the repair.

Nothing here runs in real time, and the actors know nothing of it: in a simulation, which message comes next is a choice, and an explorer
makes the choices until something breaks. `--html FILE` saves the failure as a page to walk through.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors import Actor, ActorRef
from actors.testing import Faults, Ordering, Simulation, explore, replay

if TYPE_CHECKING:
    from collections.abc import Callable


class Account(Actor):
    """Holds money; can be told a balance, or a change of it."""

    def __init__(self, balance: int) -> None:
        super().__init__()
        self.balance = balance

    def on_receive(self, message: Any) -> int | None:
        match message:
            case "balance":
                return self.balance
            case ("set", int(balance)):
                self.balance = balance
            case ("add", int(change)):
                self.balance += change
        return None


class Teller(Actor):
    """Reads a balance and writes a new one. Between the two, anything may come."""

    def __init__(self, source: ActorRef[Account], target: ActorRef[Account]) -> None:
        super().__init__()
        self.source = source
        self.target = target

    def on_receive(self, amount: int) -> None:
        for account, change in ((self.source, -amount), (self.target, amount)):
            account.tell(("set", account.ask("balance") + change))


class CarefulTeller(Teller):
    """Leaves the arithmetic to the account, which is at one message at a time."""

    def on_receive(self, amount: int) -> None:
        self.source.tell(("add", -amount))
        self.target.tell(("add", amount))


def two_transfers(teller: type[Teller]) -> Callable[[Simulation], None]:
    """Return a scenario: two tellers at the same two accounts."""

    def scenario(sim: Simulation) -> None:
        ours, theirs = sim.spawn(Account, 100, name="ours"), sim.spawn(Account, 0, name="theirs")
        for name in ("ada", "bob"):
            sim.spawn(teller, ours, theirs, name=name).tell(10)
        sim.run()
        balances = sim.instance(ours).balance, sim.instance(theirs).balance
        assert balances == (80, 20), f"100 and 0 became {balances[0]} and {balances[1]}"

    return scenario


def main() -> None:
    """Hunt, look, replay, prove."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--html", type=Path, metavar="FILE", help="save the failure as a page to walk through")
    page = options.parse_args().html

    careless = two_transfers(Teller)
    failure = explore(careless).failure
    assert failure is not None
    print(f"The careless tellers, {failure.deliveries} deliveries:\n\n{failure}\n")
    if page is not None:
        failure.save(page)
        print(f"saved as {page}\n")

    again = replay(careless, failure.token)
    assert again is not None
    print(f"The token makes the same run again: {again.error}\n")

    careful = two_transfers(CarefulTeller)
    for ordering in Ordering:
        found = explore(careful, strategy="exhaustive", ordering=ordering, runs=10_000)
        found.check()
        print(f"The careful tellers, ordering {ordering.value}: {found}")

    twice = explore(careful, ordering=Ordering.UNORDERED, faults=Faults(duplicate=1))
    assert twice.failure is not None
    print(f"\nBut over a network that repeats a message:\n\n{twice.failure}")


if __name__ == "__main__":
    main()
