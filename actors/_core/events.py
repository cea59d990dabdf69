"""What a system tells about itself: frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.lifecycle import DownReason
    from actors._core.lineage import Budget
    from actors._core.ref import ActorRef
    from actors.errors import DeadlockError

__all__ = [
    "ActorCrashed",
    "ActorRestarted",
    "ActorStarted",
    "ActorStopped",
    "BudgetExceeded",
    "CallbackFailed",
    "DeadLetter",
    "DeadLetterReason",
    "DeadlockFound",
    "HandlerAbandoned",
    "HandlerBlocked",
    "Link",
    "MailboxHighWater",
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
    POISONED = "handling it crashed the actor"
    REFUSED = "the actor could not be given it"
    UNROUTED = "its router found nobody to take it"
    OVER_BUDGET = "its causal tree was over budget"


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
    """An exception nobody asked for came out of a handler or hook.

    Of a supervised actor, the local variables in its traceback are gone once `on_failure` has returned, or whoever kept the error would
    keep the old instance; lines and names stay.
    """

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
class MailboxHighWater:
    """More messages wait for an actor than `SystemConfig.high_water`, or than 80 % of what its bounded mailbox holds if that is less.

    Published once, and again only after fewer than half of `high_water` have waited. Seen at the end of the actor's turn; of a bounded or
    priority mailbox also when a message comes in. So an actor that never comes out of its handler and has no bound is not reported: see
    `HandlerBlocked`. Not published in simulations.

    Attributes:
        ref: the actor.
        waiting: how many messages wait.
        high_water: how many may wait before this is published.
    """

    ref: ActorRef[Any]
    waiting: int
    high_water: int


@dataclass(frozen=True, slots=True)
class DeadlockFound:
    """A wait that could never end was refused, or failed.

    Attributes:
        cycle: the paths of the actors, each waiting for the next, the first one again at the end; like ``system:/path`` if they are of
            several systems.
        ref: the actor whose wait it was.
        error: what it got.
    """

    cycle: tuple[str, ...]
    ref: ActorRef[Any]
    error: DeadlockError


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


@dataclass(frozen=True, slots=True)
class Link:
    """One message of a chain: the path of the actor that it was sent to, and its kind: the name of its type, or of the method called."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """A message from outside has brought about more than its budget allows. Published once for each causal tree.

    Attributes:
        budget: that of the tree.
        chain: the messages that led there, each sent by the handler of the one before: the first, and at most the latest 31.
        message: the first one that was too much, now a dead letter.
        ref: whom it was sent to.
    """

    budget: Budget
    chain: tuple[Link, ...]
    message: Any
    ref: ActorRef[Any]
