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
    DeadlockFound,
    HandlerAbandoned,
    HandlerBlocked,
    MailboxHighWater,
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
    "DeadlockFound",
    "EventStream",
    "HandlerAbandoned",
    "HandlerBlocked",
    "MailboxHighWater",
    "Subscription",
    "UnreadFailure",
    "WorkersExhausted",
]
