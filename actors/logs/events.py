"""What systems tell about themselves, as lines with fields."""

from __future__ import annotations

import re
import threading
import weakref
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors import process
from actors._core import events as kernel
from actors._core.desk import DESK
from actors._core.frozen import frozen_field
from actors._core.ref import ActorRef
from actors.config import SystemConfig
from actors.logs.foreign import put
from actors.logs.levels import level_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.desk import Desk
    from actors._core.event_stream import Subscription
    from actors.runtime import Runtime

__all__ = ["OWN_CONFIG", "Watching"]

OWN_CONFIG = SystemConfig(tracing=False)  # this very one tells the system that logging runs in; a program's may have the same name

# Events of other packages say it themselves, in a class variable `log_as`.
_KNOWN: dict[type, tuple[str, str]] = {
    kernel.ActorStarted: ("actor.started", "DEBUG"),
    kernel.ActorStopped: ("actor.stopped", "DEBUG"),
    kernel.ActorCrashed: ("actor.crashed", "ERROR"),
    kernel.ActorRestarted: ("actor.restarted", "WARNING"),
    kernel.DeadLetter: ("dead_letter", "WARNING"),
    kernel.HandlerBlocked: ("handler.blocked", "WARNING"),
    kernel.HandlerAbandoned: ("handler.abandoned", "ERROR"),
    kernel.WorkersExhausted: ("workers.exhausted", "ERROR"),
    kernel.UnreadFailure: ("ask.unread_failure", "ERROR"),
    kernel.CallbackFailed: ("callback.failed", "ERROR"),
    kernel.MailboxHighWater: ("mailbox.high_water", "WARNING"),
    kernel.DeadlockFound: ("deadlock.found", "ERROR"),
    kernel.BudgetExceeded: ("budget.exceeded", "ERROR"),
}


def _named(event_type: type) -> tuple[str, int]:
    """Return name and level of events of a type."""
    known = _KNOWN.get(event_type) or getattr(event_type, "log_as", None)
    if known is None:
        known = (re.sub(r"(?<!^)(?=[A-Z])", "_", event_type.__name__).lower(), "DEBUG")
    return known[0], level_number(known[1])


def tell(event: Any, desk: Desk) -> None:
    """Leave a line about an event."""
    name, no = _named(type(event))
    if desk.level > no:
        return
    ref = error = None
    told: dict[str, Any] = {}
    for one in fields(event) if is_dataclass(event) else ():
        value = getattr(event, one.name)
        if isinstance(value, BaseException):
            error = error or value
            told["error"] = type(value).__qualname__
        elif ref is None and isinstance(value, ActorRef):
            ref = value
        else:
            told.update(_field(one.name, value))
    cell = ref._target if ref is not None else None
    text = " ".join(name.replace(".", " ").replace("_", " ").split())
    subject = f": {cell.path}" if cell is not None else ""
    reason = f": {type(error).__name__}: {frozen_field(error)}" if error is not None else ""
    if isinstance(event, kernel.DeadLetter):
        reason = f": {told.get('message_type')}, because {event.reason.value}"
    if isinstance(event, kernel.ActorStopped):
        error = None  # the crash was told
    put(no, f"{text}{subject}{reason}", where=("actors.events", "", 0, ""), error=error, fields=told, event=name, cell=cell, desk=desk)


def _field(name: str, value: Any) -> dict[str, Any]:
    if name in ("message", "event") and not isinstance(value, Enum):  # it may be anything, and secret
        return {f"{name}_type": type(value).__qualname__} if value is not None else {}
    if isinstance(value, ActorRef):
        return {name: value.path}
    if isinstance(value, Enum):
        return {name: value.name.lower()}
    if isinstance(value, type):
        return {name: value.__qualname__}
    if value is None:
        return {}
    return {name: frozen_field(value)}


class Watching:
    """Listens to every system there is and will be, but for the one that logging itself runs in."""

    def __init__(self, *, simulated: bool = False) -> None:
        self._simulated = simulated
        self._lock = threading.RLock()
        # Of systems that are still there: one that ended takes its own away.
        self._subscriptions: weakref.WeakSet[Subscription] | None = weakref.WeakSet()  # under _lock; None: it is over
        self._seen: weakref.WeakSet[Runtime] = weakref.WeakSet()  # under _lock

    def install(self) -> Callable[[], None]:
        """Begin; return a function that ends it."""
        process.watchers.append(self._watch)
        for runtime in process.all_runtimes():
            self._watch(runtime)
        return self._end

    def _watch(self, runtime: Runtime) -> None:
        if runtime.config is OWN_CONFIG or (runtime.ports.dispatcher is not None and not self._simulated):
            return
        desk = runtime.ports.log or DESK
        with self._lock:
            # One that is made at this moment comes here twice: it is on the list, and tells its watchers.
            if self._subscriptions is None or runtime in self._seen:
                return
            self._seen.add(runtime)
            self._subscriptions.add(runtime.events.subscribe(object, lambda event: tell(event, desk)))

    def _end(self) -> None:
        process.watchers.remove(self._watch)
        with self._lock:
            subscriptions, self._subscriptions = self._subscriptions or (), None
            for subscription in subscriptions:
                subscription.cancel()
