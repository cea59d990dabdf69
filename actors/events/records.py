"""The records of the event bus: what subscribers get, its figures, and what it tells on the event stream of its system."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

__all__ = ["BusEvent", "BusStats", "BusSubscriptionStats", "EventDropped", "Slow", "SubscriberFailed", "SubscriptionClosed"]

E_co = TypeVar("E_co", covariant=True)


class Slow(Enum):
    """What happens to an event when a subscription has as many waiting as its capacity.

    DROP_OLDEST takes the one that has waited longest out; where the events wait with somebody else (in the mailbox of an actor, in a
    channel that was passed as target) that is not the bus's to do, and it is as DROP_NEWEST. DROP_NEWEST drops the event. BLOCK lets the
    publisher wait, up to the `timeout` of the subscription; then the event is dropped. CLOSE ends the subscription.
    """

    DROP_OLDEST = "drop oldest"
    DROP_NEWEST = "drop newest"
    BLOCK = "block"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class BusEvent(Generic[E_co]):
    """An event as subscribers and responders get it.

    Attributes:
        topic: what it was published, or asked, on.
        event: what was published.
        retained: whether it was published before the subscription was made.
    """

    topic: str
    event: E_co
    retained: bool = False


@dataclass(frozen=True, slots=True)
class BusSubscriptionStats:
    """Figures of a subscription at one moment.

    Every event that it was offered is delivered, waits, or was dropped.

    Attributes:
        delivered: events that were received; of a target, events that it was given.
        waiting: events that were not received yet.
        dropped: events that it did not get, as its policy wants.
        closed_for: why it has ended; None while it has not.
    """

    delivered: int
    waiting: int
    dropped: int
    closed_for: str | None


@dataclass(frozen=True, slots=True)
class BusStats:
    """Figures of a bus at one moment.

    Attributes:
        published: events that were published, those that nobody heard included.
        delivered: how often an event went to a subscription and was not taken out again by DROP_OLDEST.
        dropped: how often a subscription did not get an event that was for it.
        unheard: events that were published while no subscription wanted them.
        subscriptions: those of now, responders included.
        retained: topics with a retained event.
    """

    published: int
    delivered: int
    dropped: int
    unheard: int
    subscriptions: int
    retained: int


@dataclass(frozen=True, slots=True)
class EventDropped:
    """A subscription did not get events, since it was too slow for them.

    The first drop of a burst is told at once, of the others the 10th, 100th, 1000th and so on, and the rest when the burst is over: when an
    event finds the subscription no more than half full, or with the end of the subscription. The counts add up to
    `BusSubscriptionStats.dropped`.

    Attributes:
        topic: of the last of these events.
        event: the last of these events.
        pattern: of the subscription.
        policy: of the subscription.
        count: how many events were dropped since this was told last.
    """

    log_as: ClassVar[tuple[str, str]] = ("event.dropped", "WARNING")

    topic: str
    event: Any
    pattern: str
    policy: Slow
    count: int = 1


@dataclass(frozen=True, slots=True)
class SubscriberFailed:
    """A subscribed function raised; it gets the next event all the same."""

    log_as: ClassVar[tuple[str, str]] = ("subscriber.failed", "ERROR")

    pattern: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class SubscriptionClosed:
    """A subscription has ended that nobody cancelled, on a bus that nobody closed; `why` says what ended it."""

    log_as: ClassVar[tuple[str, str]] = ("subscription.closed", "WARNING")

    pattern: str
    why: str
