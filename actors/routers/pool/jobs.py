"""A job, and what is handed to a worker in one message: one job, or a batch of them.

Both travel as the note of their message, so the worker's turn tells the pool when it begins with one, and when it is done with it.
Every field is guarded by the lock of the pool's books, but for those that never change.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from actors._core.messages import Note

if TYPE_CHECKING:
    from collections import OrderedDict

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.lineage import Lineage
    from actors.routers.pool.books import Books
    from actors.routers.pool.slots import Slot

__all__ = ["Bundle", "Job", "JobState", "Parcel"]


class JobState(Enum):
    """Where a job is."""

    OUTSIDE = auto()
    """Not let in, or not yet."""

    WAITING = auto()
    """In a lane."""

    RUNNING = auto()
    """With a worker."""

    OVER = auto()
    """Counted: it has its one fate."""


class Parcel(Note):
    """What a worker is handed in one message.

    Attributes:
        books: of its pool.
        slot: whose worker has it.
        cell: that worker; None while nobody has it. What another one tells of it comes too late, and counts for nothing.
        attempt: resolved by the worker; None for a message that was told.
        begun: whether the worker has begun with it.
        incarnation: of the worker when it began.
        handled: whether the worker's handler has returned.
        answered: whether `attempt` was resolved, and its jobs told.
        lineage: in a system that keeps budgets, the lineage of what is in it.
        origin: in a traced system, the correlation, sender and sender's incarnation of what is in it; else nothing.
        jobs: what is in it, in order.
    """

    stays = True  # a worker may stash its job, and is at it until it has handled it

    __slots__ = ("answered", "attempt", "begun", "books", "cell", "handled", "incarnation", "lineage", "origin", "slot")

    def __init__(self, books: Books, expires: float | None = None) -> None:
        super().__init__(expires)
        self.books = books
        self.slot: Slot | None = None
        self.cell: Cell | None = None
        self.attempt: Future[Any] | None = None
        self.begun = False
        self.incarnation = 0
        self.handled = False
        self.answered = False
        self.origin: tuple[Any, ...] = ()
        self.lineage: Lineage | None = None

    jobs: tuple[Job, ...]

    @property
    def content(self) -> Any:
        """What the worker gets to see."""
        raise NotImplementedError

    def fenced(self, cell: Cell) -> bool:
        """Tell whether it must not reach `cell` any more; take note that `cell` begins with it if it does."""
        return not self.books.returns.begin(self, cell)

    def expired(self, cell: Cell) -> bool:  # noqa: ARG002  # the pool has looked, by its own books, a moment ago
        """Return False: what is too late was fenced."""
        return False

    def stale(self, cell: Cell) -> None:
        """Take note that `cell` is not given it: the handler that had sent it was abandoned."""
        self.books.returns.stale(self, cell)

    def delivered(self, cell: Cell) -> None:
        """Take note that the handler of `cell` has returned, and hand it the next job."""
        self.books.returns.handled(self, cell)


class Job(Parcel):
    """One message for a pool, until its end.

    Attributes:
        message: as it was sent.
        future: its asker's; None for a message that was told.
        key: of consistent hashing.
        number: in the order in which jobs were let in.
        since: clock time at which it was let in, where that matters: in pools with batches.
        deliveries: how many workers that had begun with it have died.
        lane: where it waits.
    """

    __slots__ = ("deliveries", "future", "key", "lane", "message", "number", "since", "state")

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self, books: Books, message: Any, future: Future[Any] | None = None, expires: float | None = None
    ) -> None:
        # No super().__init__(): there is one of these for each message, and each call would cost as much as all that follows.
        self.books = books
        self.expires = expires
        self.slot = self.cell = self.attempt = None
        self.begun = self.handled = self.answered = False
        self.incarnation = 0
        self.origin = ()
        self.lineage = None
        self.message = message
        self.future = future
        self.key: Any = None
        self.number = 0
        self.since = 0.0
        self.deliveries = 0
        self.lane: OrderedDict[Job, None] | None = None
        self.state = JobState.OUTSIDE

    @property
    def jobs(self) -> tuple[Job, ...]:  # type: ignore[override]  # of a batch they can be changed
        """Itself."""
        return (self,)

    @property
    def content(self) -> Any:
        """The message."""
        return self.message

    def forsaken(self, future: Future[Any]) -> None:
        """Take note that somebody has resolved the asker's future; the pool does so only once the job is over."""
        if self.state is not JobState.OVER and future.cancelled():
            self.books.cancel(self)


class Bundle(Parcel):
    """A batch."""

    __slots__ = ("jobs",)

    def __init__(self, books: Books, jobs: list[Job]) -> None:
        super().__init__(books)
        self.jobs = tuple(jobs)
        # One message goes on with the correlation of the first of them, and is nobody's: its senders are several.
        self.origin = (jobs[0].origin[0], None, 0) if jobs[0].origin else ()
        self.lineage = next((job.lineage for job in jobs if job.lineage is not None), None)

    @property
    def content(self) -> list[Any]:
        """Their messages."""
        return [job.message for job in self.jobs]
