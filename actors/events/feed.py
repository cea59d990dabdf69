"""What the bus does with an event for one subscription: find room for it, or apply the policy; and the account of that."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors.errors import Timeout
from actors.events.drops import Drops
from actors.events.outlets import Gone
from actors.events.records import BusEvent, BusSubscriptionStats, EventDropped, Slow, SubscriberFailed, SubscriptionClosed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors._core.ports import Ports
    from actors._core.ref import ActorRef
    from actors.events.outlets import Outlet
    from actors.events.topics import Words

__all__ = ["CANCELLED", "Feed", "Home", "Outcome"]

CANCELLED = "it was cancelled"
TOO_SLOW = "it was too slow"
NO_RECEIVER = "nothing can be put into its target any more"


class Outcome(Enum):
    """What became of an event at one subscription."""

    GOT = "it waits there, or was handed over"
    REPLACED = "likewise, and the oldest was dropped for it"
    LOST = "it was dropped"
    GONE = "the subscription has ended"
    FULL = "the publisher is to wait"


class Home(Protocol):
    """What a feed wants of its bus."""

    ports: Ports
    resource: Hashable

    @property
    def name(self) -> str:
        """The name of the bus."""

    def forget_feed(self, feed: Feed) -> None:
        """Let nothing that is published from now on find `feed`."""

    def feed_ended(self, feed: Feed) -> None:
        """Take note that `feed`, which nothing finds any more, has ended."""

    def tell(self, event: object) -> None:
        """Publish on the event stream of the system."""


class Feed:
    """One subscription, as the bus sees it; a subclass knows where its events wait.

    Attributes:
        home: the bus.
        pattern: as it was given.
        words: the pattern, taken apart.
        of: the class of the events.
        slow: the policy.
        outlet: where the events go.
        runner: the actor of its function, if it has one; ends with it.
        actor: the actor that is its target; it ends with that.
    """

    def __init__(
        self, home: Home, pattern: str, words: Words, outlet: Outlet, *, of: type[Any], capacity: int, slow: Slow, timeout: float | None
    ) -> None:
        self.home = home
        self.pattern = pattern
        self.words = words
        self.of = of
        self.slow = slow
        self.outlet = outlet
        self.runner: ActorRef[Any] | None = None
        self.actor: ActorRef[Any] | None = None
        self._capacity = capacity
        self._timeout = timeout
        # The lock guards the figures and `_why`, here and in subclasses. No user code runs under it.
        self._lock = Mutex()
        self._drops = Drops(pattern, slow)
        self._offered = 0
        self._publishers = 0  # those that wait for room
        self._why: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.pattern!r}>"

    def wants(self, event: Any) -> bool:
        """Tell whether `event` is of its class."""
        return self.of is object or isinstance(event, self.of)

    # -- overridden --------------------------------------------------------------------------------------------------------

    def open(self, retained: list[BusEvent[Any]]) -> None:
        """Give the subscriber `retained`, ahead of all that was published since the bus knows the feed. Called once."""
        raise NotImplementedError

    def offer(self, event: BusEvent[Any]) -> Outcome:
        """Give the subscriber an event, without waiting."""
        raise NotImplementedError

    def lose_all(self) -> None:
        """Drop what waits, since nobody will take it."""

    def _arrived(self) -> None:
        """Take note that an event whose publisher waited has found room."""

    def _wait_open(self, begun: float) -> None:
        """Wait until `open` has returned."""

    async def _await_open(self, begun: float) -> None:
        """Do as `_wait_open` without blocking the event loop."""

    def _waiting(self) -> int:
        """Return how many events wait for the subscriber. Under the lock."""
        raise NotImplementedError

    def _close(self) -> None:
        """Let nothing more be put where the events wait."""

    def _is_publisher(self) -> bool:
        """Tell whether the caller is the subscriber, who would wait for himself."""
        return False

    # -- events that wait for room -----------------------------------------------------------------------------------------

    def wait(self, event: BusEvent[Any], begun: float, *, first: bool = False) -> Outcome:
        """Wait for room for an event that found none, as long as the subscription says.

        Args:
            event: for which `offer` said FULL.
            begun: from when on the publisher waits.
            first: whether it comes from `open`.

        Raises:
            BaseException: the caller was cancelled or killed; then it has to `give_up`.
        """
        try:
            if self._is_publisher():
                return self.give_up(event)
            if not first:
                self._wait_open(begun)
            fits = self.outlet.put_waiting(event, self._left(begun))
        except Exception as error:  # noqa: BLE001  # told there
            return self._waited(event, error)
        return self._waited(event, None if fits else Timeout())

    async def wait_async(self, event: BusEvent[Any], begun: float) -> Outcome:
        """Do as `wait` without blocking the event loop."""
        try:
            if self._is_publisher():
                return self.give_up(event)
            await self._await_open(begun)
            fits = await self.outlet.put_async(event, self._left(begun))
        except Exception as error:  # noqa: BLE001  # told there
            return self._waited(event, error)
        return self._waited(event, None if fits else Timeout())

    def give_up(self, event: BusEvent[Any]) -> Outcome:
        """Drop an event that nobody waits with any more."""
        return self._waited(event, Timeout())

    def _waited(self, event: BusEvent[Any], error: Exception | None) -> Outcome:
        touched(self.home.ports, self.home.resource, changes=False)  # the figures change, in another step than that of the publishing
        with self._lock:
            self._publishers -= 1
        if error is None:
            self._arrived()
            self._calm()
            return Outcome.GOT
        return self._lose(event) if isinstance(error, Timeout) else self._refused(event, error)

    def _left(self, begun: float) -> float | None:
        if self._timeout is None:
            return None
        return max(0.0, begun + self._timeout - self.home.ports.clock.now())

    # -- events that find no room ------------------------------------------------------------------------------------------

    def _no_room(self, event: BusEvent[Any]) -> Outcome:
        if self.slow is not Slow.BLOCK:
            return self._lose(event)
        with self._lock:
            self._publishers += 1
        return Outcome.FULL

    def _refused(self, event: BusEvent[Any], error: Exception) -> Outcome:
        """Go on after an outlet has raised."""
        if isinstance(error, Gone):
            with self._lock:
                self._offered -= 1
            self.end(NO_RECEIVER)
            return Outcome.GONE
        # Of a mailbox's key or codec, or a channel's check: it is the subscriber's, and no publisher's matter.
        self.home.tell(SubscriberFailed(self.pattern, error))
        with self._lock:
            told = self._drops.add(event)
        self._tell(told)
        return Outcome.LOST

    def _lose(self, event: BusEvent[Any]) -> Outcome:
        with self._lock:
            told = self._drops.add(event)
        self._tell(told)
        if self.slow is Slow.CLOSE:
            self.end(TOO_SLOW)
        return Outcome.LOST

    def _calm(self) -> None:
        """Note that the subscriber is no more than half behind."""
        with self._lock:
            told = self._drops.over()
        self._tell(told)

    def _tell(self, told: EventDropped | None) -> None:
        if told is not None:
            self.home.tell(told)

    # -- the end -----------------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._why is not None

    def end(self, why: str, *, told: bool = True) -> None:
        """End the subscription; `told`: nobody asked for it, so it is published. To do so again does nothing."""
        self.home.forget_feed(self)
        with self._lock:
            if self._why is not None:
                return
            self._why = why
        self._close()
        self._calm()
        if told:
            self.home.tell(SubscriptionClosed(self.pattern, why))
        self.home.feed_ended(self)

    def stats(self) -> BusSubscriptionStats:
        """Return the figures of now."""
        touched(self.home.ports, self.home.resource)
        with self._lock:
            waiting = self._waiting()
            delivered = self._offered - self._drops.total - self._publishers - waiting
            return BusSubscriptionStats(delivered, waiting, self._drops.total, self._why)
