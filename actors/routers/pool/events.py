"""What a pool tells on `system.events`: frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.ref import ActorRef

__all__ = ["JobRedelivered", "JobsShed", "PoolResized", "WorkerDied"]


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker has ended that was not told to; another takes its place.

    Attributes:
        pool: the pool's actor.
        worker: the one that died.
        error: what it crashed with; None if it was killed, or ended by itself.
        jobs: how many it had begun.
    """

    pool: ActorRef[Any]
    worker: ActorRef[Any]
    error: BaseException | None
    jobs: int


@dataclass(frozen=True, slots=True)
class JobRedelivered:
    """A job whose worker died is to be handed out again.

    Attributes:
        pool: the pool's actor.
        message: the job.
        deliveries: how often a worker has begun it.
        error: what the last one crashed with, if it did.
    """

    pool: ActorRef[Any]
    message: Any
    deliveries: int
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class PoolResized:
    """The pool has another size.

    Attributes:
        pool: the pool's actor.
        before: workers it should have.
        after: workers it shall have from now on.
        why: in words.
    """

    pool: ActorRef[Any]
    before: int
    after: int
    why: str


@dataclass(frozen=True, slots=True)
class JobsShed:
    """Jobs were dropped for want of room. Told of the first of a burst, then of the 10th, the 100th, and so on, and of its rest.

    Attributes:
        pool: the pool's actor.
        count: how many since this was told last.
        waiting: jobs that wait.
    """

    pool: ActorRef[Any]
    count: int
    waiting: int
