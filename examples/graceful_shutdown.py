"""A service that runs until Ctrl-C and then ends in order: no more work is let in, what was begun is finished, nothing is lost.

`system.run()` serves until SIGINT, SIGTERM or `request_shutdown()`. Then come the phases: hooks before the stop, the actors in
reverse start order, each with the mail it has, and hooks after it. A second signal kills what is left. Press Ctrl-C, or wait five
seconds.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from actors import Actor, ActorRef, ActorSystem, ShutdownPhase, handler

from _terminal import QUICK

CLOSING_TIME = 1_000  # orders


@dataclass(frozen=True)
class Order:
    number: int


@dataclass(frozen=True)
class NextOrder:
    """Time to let more in."""


class Store(Actor):
    """Started first, so it stops last: everybody else may still use it while ending."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = 0

    @handler
    def on_order(self, _: Order) -> None:
        self.kept += 1

    def on_stop(self) -> None:
        print(f"  store stops, with {self.kept} orders")


class Kitchen(Actor):
    """Works through the orders, more slowly than they come."""

    def __init__(self, store: ActorRef[Store]) -> None:
        super().__init__()
        self.store = store
        self.done = 0

    @handler
    def on_order(self, order: Order) -> None:
        sum(range(500_000))  # cooking
        self.done += 1
        self.store.tell(order)

    def on_stop(self) -> None:
        print(f"  kitchen stops, {self.done} orders done")


class Door(Actor):
    """Lets ten orders in, twenty times a second."""

    def __init__(self, kitchen: ActorRef[Kitchen]) -> None:
        super().__init__()
        self.kitchen = kitchen
        self.taken = 0

    def on_start(self) -> None:
        self.start_periodic_timer("next", 0.05, NextOrder(), initial_delay=0.0)

    @handler
    def on_next_order(self, _: NextOrder) -> None:
        for _order in range(10):
            self.taken += 1
            self.kitchen.tell(Order(self.taken))
        if QUICK and self.taken == 50:
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C would
        if self.taken == CLOSING_TIME:
            self.system.request_shutdown()

    def on_stop(self) -> None:
        print(f"  door stops, {self.taken} orders taken")


def main() -> None:
    system = ActorSystem("restaurant")
    store = system.spawn(Store, name="store")
    kitchen = system.spawn(Kitchen, store, name="kitchen")
    system.spawn(Door, kitchen, name="door")

    system.on_shutdown(ShutdownPhase.BEFORE_STOP, lambda: print(f"\nlast orders; {kitchen.stats().waiting} wait"), name="announce")
    system.on_shutdown(ShutdownPhase.AFTER_STOP, lambda: print("lights out"), name="lights")

    print("open")
    report = system.run()
    why = report.signal.name if report.signal else "closing time"
    print(f"{why}: {report.stopped} actors stopped, {len(report.killed)} killed, in {report.elapsed:.2f} s")


if __name__ == "__main__":
    main()
