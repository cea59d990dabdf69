"""The event stream of a system: who listens to which types of events, and how they are told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from actors._core.admission import post
from actors._core.callbacks import check_callback
from actors._core.events import CallbackFailed
from actors._core.messages import Entry
from actors._core.ports import touched

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.ports import Ports
    from actors._core.ref import ActorRef

__all__ = ["EventStream", "Subscription"]

E = TypeVar("E")


def _delivery(target: Any) -> Callable[[Any], object] | None:
    """Return how an actor is told of events: like ticks, past the bounds of its mailbox, so that the publisher never waits for room."""
    cell = getattr(target, "_target", None)
    if cell is None:
        return getattr(target, "tell", None)

    def deliver(event: Any) -> None:
        if not post(cell, Entry((event, None, None))):
            raise pykka.ActorDeadError

    return deliver


class Subscription:
    """A listener on an event stream; `cancel()` ends it."""

    __slots__ = ("__weakref__", "_stream", "event_type", "target")

    def __init__(self, stream: EventStream, event_type: type[Any], target: Callable[[Any], object]) -> None:
        self._stream = stream
        self.event_type = event_type
        self.target = target

    def cancel(self) -> None:
        """Deliver no event that is published from now on. Idempotent."""
        self._stream.drop(self)


class EventStream:
    """Typed publish and subscribe within one system."""

    def __init__(self, failed: Callable[[Any, BaseException], object], ports: Ports | None = None) -> None:
        self._failed = failed
        self._ports = ports
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
        touched(self._ports, "events")
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """End `subscription`."""
        touched(self._ports, "events")
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def publish(self, event: object) -> None:
        """Deliver `event` to all who subscribed to its type."""
        touched(self._ports, "events", changes=False)
        for subscription in self._subscriptions:
            if isinstance(event, subscription.event_type):
                try:
                    subscription.target(event)
                except pykka.ActorDeadError:
                    subscription.cancel()
                except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  # told through the stream; a listener is no handler
                    if not isinstance(event, CallbackFailed):  # a failing listener of failures must not feed itself
                        self._failed(subscription.target, error)
