"""What a system tells about itself: the records that `ActorSystem.events` carries. And the event bus, for events of your own.

The bus is loaded when a name of it is first asked for: every program imports the records, and few need the bus.
"""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from actors._core.event_stream import EventStream, Subscription
from actors._core.events import (
    ActorCrashed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    BudgetExceeded,
    CallbackFailed,
    DeadLetter,
    DeadLetterReason,
    DeadlockFound,
    HandlerAbandoned,
    HandlerBlocked,
    Link,
    MailboxHighWater,
    UnreadFailure,
    WorkersExhausted,
)

if _TYPE_CHECKING:
    from actors.events.bus import EventBus
    from actors.events.errors import BusClosedError, BusError, BusFullError, NoResponderError, TopicError
    from actors.events.records import BusEvent, BusStats, BusSubscriptionStats, EventDropped, Slow, SubscriberFailed, SubscriptionClosed
    from actors.events.subscription import BusSubscription

__all__ = [
    "ActorCrashed",
    "ActorRestarted",
    "ActorStarted",
    "ActorStopped",
    "BudgetExceeded",
    "BusClosedError",
    "BusError",
    "BusEvent",
    "BusFullError",
    "BusStats",
    "BusSubscription",
    "BusSubscriptionStats",
    "CallbackFailed",
    "DeadLetter",
    "DeadLetterReason",
    "DeadlockFound",
    "EventBus",
    "EventDropped",
    "EventStream",
    "HandlerAbandoned",
    "HandlerBlocked",
    "Link",
    "MailboxHighWater",
    "NoResponderError",
    "Slow",
    "SubscriberFailed",
    "Subscription",
    "SubscriptionClosed",
    "TopicError",
    "UnreadFailure",
    "WorkersExhausted",
]

_LATER = {
    "BusClosedError": "errors",
    "BusError": "errors",
    "BusEvent": "records",
    "BusFullError": "errors",
    "BusStats": "records",
    "BusSubscription": "subscription",
    "BusSubscriptionStats": "records",
    "EventBus": "bus",
    "EventDropped": "records",
    "NoResponderError": "errors",
    "Slow": "records",
    "SubscriberFailed": "records",
    "SubscriptionClosed": "records",
    "TopicError": "errors",
}


def __getattr__(name: str) -> _Any:
    module = _LATER.get(name)
    if module is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
