"""What a system tells about itself: the records that `ActorSystem.events` carries."""

from actors._core.event_stream import EventStream, Subscription
from actors._core.events import (
    ActorCrashed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    CallbackFailed,
    DeadLetter,
    DeadLetterReason,
    HandlerAbandoned,
    HandlerBlocked,
    UnreadFailure,
    WorkersExhausted,
)

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
