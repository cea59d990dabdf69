"""What a system tells about itself: the records that `ActorSystem.events` carries."""

from actors._core.events import (
    ActorCrashed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    CallbackFailed,
    DeadLetter,
    DeadLetterReason,
    EventStream,
    HandlerAbandoned,
    HandlerBlocked,
    Subscription,
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
