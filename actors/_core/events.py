"""What a system tells about itself: frozen records, and the stream that carries them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from actors._core.callbacks import check_callback
from actors._core.messages import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.lifecycle import DownReason
    from actors._core.ref import ActorRef

__all__ = [
    "ActorCrashed",
    "ActorRestarted",
    "ActorStarted",
    "ActorStopped",
    "CallbackFailed",
    "DeadLetter",
    "DeadLetterReason",
    "EventStream",
    "HandlerAbandoned",
    "HandlerBlocked",
    "Subscription",
    "UnreadFailure",
    "WorkersExhausted",
]


class DeadLetterReason(Enum):
    """Why a message was not handled."""

    STOPPED = "the actor stopped first"
    CRASHED = "the actor crashed first"
    KILLED = "the actor was killed first"
    EXPIRED = "its deadline passed"
    CANCELLED = "its asker cancelled it"
    DROPPED_NEWEST = "the mailbox was full"
    DROPPED_OLDEST = "it made room in a full mailbox"
    RESTARTED = "the incarnation it was for is gone"
    STALE_SENDER = "its sender's handler was abandoned"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody will handle."""

    message: Any
    reason: DeadLetterReason
    recipient: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class ActorStarted:
    """`on_start` of the actor's first incarnation is done."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class ActorStopped:
    """The actor has ended, hooks included."""

    ref: ActorRef[Any]
    reason: DownReason
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class ActorCrashed:
    """An exception nobody asked for came out of a handler or hook."""

    ref: ActorRef[Any]
    error: BaseException


@dataclass(frozen=True, slots=True)
class ActorRestarted:
    """A new incarnation is running behind the same ref."""

    ref: ActorRef[Any]
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class HandlerBlocked:
    """A handler kept its worker for `seconds` without waiting in the framework's own primitives.

    Published once a class: from then on its actors run on workers that never park.
    """

    ref: ActorRef[Any]
    actor_class: type
    seconds: float
    stack: str


@dataclass(frozen=True, slots=True)
class HandlerAbandoned:
    """A killed actor's handler would not end; it is fenced off and its thread left behind."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class WorkersExhausted:
    """All workers for blocking classes are blocked; `stacks` tells where."""

    limit: int
    stacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadFailure:
    """An ask failed and its future was dropped without anybody reading it."""

    error: BaseException
    recipient: str


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """A callback of a future, subscription or cancel token raised."""

    error: BaseException
    callback: Any


E = TypeVar("E")


def _delivery(target: Any) -> Callable[[Any], object] | None:
    """Return how an actor is told of events: like ticks, past the bounds of its mailbox, so that the publisher never waits for room."""
    cell = getattr(target, "_target", None)
    if cell is None:
        return getattr(target, "tell", None)

    def deliver(event: Any) -> None:
        if not cell.post(Entry((event, None, None))):
            raise pykka.ActorDeadError

    return deliver


class Subscription:
    """A listener on an event stream; `cancel()` ends it."""

    __slots__ = ("_stream", "event_type", "target")

    def __init__(self, stream: EventStream, event_type: type[Any], target: Callable[[Any], object]) -> None:
        self._stream = stream
        self.event_type = event_type
        self.target = target

    def cancel(self) -> None:
        """Deliver no event that is published from now on. Idempotent."""
        self._stream.drop(self)


class EventStream:
    """Typed publish and subscribe within one system."""

    def __init__(self, failed: Callable[[Any, BaseException], object]) -> None:
        self._failed = failed
        self._lock = threading.Lock()
        # Replaced whole under the lock, so that publishers read it without.
        self._subscriptions: tuple[Subscription, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether nobody listens, so that an event need not even be made."""
        return not self._subscriptions

    def subscribe(self, event_type: type[E], target: Callable[[E], object] | ActorRef[Any]) -> Subscription:
        """Deliver every event that is an instance of `event_type` to `target` from now on.

        Args:
            event_type: the class of the events; ``object`` for all.
            target: a plain function, called in the publishing thread (it must be quick and must not block), or a ref, which is
                told the event and dropped from the stream when it is dead.
        """
        if not isinstance(event_type, type):
            msg = f"event_type={event_type!r} is not valid: a class of events"
            raise TypeError(msg)
        call: Any = target if callable(target) else _delivery(target)
        check_callback("target", target if call is None else call, "a function of the event, or a ref")
        subscription = Subscription(self, event_type, call)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """End `subscription`."""
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def publish(self, event: object) -> None:
        """Deliver `event` to all who subscribed to its type."""
        for subscription in self._subscriptions:
            if isinstance(event, subscription.event_type):
                try:
                    subscription.target(event)
                except pykka.ActorDeadError:
                    subscription.cancel()
                except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  # told through the stream; a listener is no handler
                    if not isinstance(event, CallbackFailed):  # a failing listener of failures must not feed itself
                        self._failed(subscription.target, error)
