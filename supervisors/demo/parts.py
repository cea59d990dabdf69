"""What demos are made of: orders that every actor of a demo obeys, whoever sends work, and whoever looks after the ones that hang."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from actors import Actor, ActorDeadError, ActorSystem, Future, handler
from supervisors.nodes import tree

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Crash",
    "Feeder",
    "Hands",
    "Hang",
    "InjectedFailure",
    "Obedient",
    "Order",
    "Ordered",
    "Sent",
    "Stuck",
    "Victim",
    "Watchdog",
    "Work",
]


class Order(Enum):
    """What can be done to an actor of a demo."""

    CRASH = "crash"
    HANG = "hang"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Victim:
    """An actor that orders may be given to, and which."""

    path: str
    orders: tuple[Order, ...] = (Order.CRASH, Order.CRASH, Order.KILL, Order.HANG)  # chance takes one of these


class InjectedFailure(Exception):
    """A failure that was ordered."""


@dataclass(frozen=True, slots=True)
class Crash:
    """Fail."""

    why: str = "as ordered"


@dataclass(frozen=True, slots=True)
class Hang:
    """Wait for what will never come."""


class Obedient(Actor):
    """Obeys orders, besides what it does for a living."""

    @handler
    def _on_crash(self, order: Crash) -> None:
        raise InjectedFailure(order.why)

    @handler
    def _on_hang(self, _: Hang) -> None:
        Future[None]().get()


# -- giving orders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order was given.

    Attributes:
        path: to whom.
        order: what.
        reached: False if nobody was there to take it.
    """

    path: str
    order: Order
    reached: bool


class Hands:
    """Gives orders to the actors of a system; from any thread."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system

    def give(self, path: str, order: Order) -> None:
        """Give an order to the actor that is at `path` now."""
        ref = self._system.lookup(path)
        if ref is None:
            self._system.events.publish(Ordered(path, order, reached=False))
            return
        try:
            if order is not Order.KILL:
                ref.tell(Crash() if order is Order.CRASH else Hang())
        except ActorDeadError:
            self._system.events.publish(Ordered(path, order, reached=False))
            return
        self._system.events.publish(Ordered(path, order, reached=True))
        if order is Order.KILL:
            ref.kill(block=False)


# -- sending work ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do."""

    number: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What a feeder has sent in its life.

    Attributes:
        feeder: its path.
        accepted: messages that were taken.
        refused: messages that came back, or that nobody was there for.
    """

    feeder: str
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class _Feed:
    """Time to send."""


class Feeder(Actor):
    """Sends work to others, to all of them at every interval, and says at its end how much.

    Args:
        paths: to whom; they are looked up each time.
        interval: seconds.
    """

    def __init__(self, paths: Sequence[str], interval: float) -> None:
        super().__init__()
        self._paths = paths
        self._interval = interval
        self._number = self._refused = 0

    def on_start(self) -> None:
        """Begin to send."""
        self.start_periodic_timer("feed", self._interval, _Feed())

    @handler
    def _on_feed(self, _: _Feed) -> None:
        for path in self._paths:
            self._number += 1
            self._refused += not self._send(path, Work(self._number))

    def _send(self, path: str, work: Work) -> bool:
        ref = self.system.lookup(path)
        try:
            if ref is not None:
                ref.tell(work)
        except ActorDeadError:
            return False
        return ref is not None

    def on_stop(self) -> None:
        """Say how much was sent."""
        self.system.events.publish(Sent(self.path, self._number - self._refused, self._refused))


# -- looking after those that hang -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stuck:
    """An actor makes no progress and is killed for it."""

    path: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Look:
    """Time to look."""


class Watchdog(Actor):
    """Kills who is at one message for too long; the supervisor then starts a successor.

    A supervisor hears of crashes and ends. That an actor hangs, nobody is told: somebody has to look.

    Args:
        paths: whom to look after.
        patience: seconds that a message may take.
    """

    def __init__(self, paths: Sequence[str], patience: float) -> None:
        super().__init__()
        self._paths = paths
        self._patience = patience
        self._seen: dict[str, tuple[tuple[int, int, int], float]] = {}  # what was done when it was last seen to move, and when

    def on_start(self) -> None:
        """Begin to look."""
        self.start_periodic_timer("look", self._patience / 4, _Look())

    @handler
    def _on_look(self, _: _Look) -> None:
        now = self.system.ports.clock.now()
        for path in self._paths:
            ref = self.system.lookup(path)
            node = tree(ref) if ref is not None else None
            if ref is None or node is None or not node.busy:
                self._seen.pop(path, None)
                continue
            done = ref.uid, node.incarnation, node.handled
            before, since = self._seen.get(path, (None, now))
            if before != done:
                self._seen[path] = done, now
            elif now - since >= self._patience:
                del self._seen[path]
                self.system.events.publish(Stuck(path, now - since))
                ref.kill(block=False)
