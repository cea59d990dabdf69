"""How jobs come into a pool: at once, or after a wait for room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._core.bounded import Overflow
from actors._core.events import DeadLetterReason
from actors.errors import ActorError, Timeout, WouldBlockError
from actors.routers.errors import PoolClosedError, PoolFullError

if TYPE_CHECKING:
    from actors._core.future import Future
    from actors.routers.pool.books import Books
    from actors.routers.pool.jobs import Job

__all__ = ["hand_in", "hand_in_async", "take_in"]

DONE = 2  # the state of a future with a value; that of a failed one is more


def take_in(books: Books, job: Job, *, waits: bool = False) -> Future[None] | None:
    """Let `job` in, or do to it what the overflow policy says.

    Args:
        books: of the pool.
        job: what comes.
        waits: whether its sender may wait.

    Returns:
        None, or the future of being let in, if the sender has to wait.

    Raises:
        PoolClosedError: the pool takes no job any more.
        PoolFullError: it has no room.
    """
    if books.keyed:
        books.lanes.prepare(job)
    if books.simulated:
        books.touches()
        books.looks_whether_alive()
    future = job.future
    if future is not None:
        future._listen(job.forsaken)
    try:
        admitted = _let_in(books, job, waits=waits)
        if future is not None and future._state >= DONE:
            # Invariant: `forsaken` was told, or is, of every end of the future; of one before the job was let in it could do nothing.
            job.forsaken(future)
        books.flush()
    except ActorError:
        raise
    except BaseException:
        books.look_soon()
        raise
    return admitted


def _let_in(books: Books, job: Job, *, waits: bool) -> Future[None] | None:
    with books.lock:
        if books.is_closed():
            raise PoolClosedError(books.name, job.message, books.cause)
        try:
            if books.accounts.waiting < books.options.capacity and not books.line.senders:
                books.arrive(job)
                return None
            return _crowded(books, job, waits=waits)
        except PoolFullError:
            raise
        except BaseException:  # a Ctrl-C
            books.mend()
            raise


def _crowded(books: Books, job: Job, *, waits: bool) -> Future[None] | None:
    """Do what the overflow policy says. Under the lock."""
    match books.options.overflow:
        case Overflow.BLOCK if waits:
            admitted = books.new_future()
            books.line.enter(job, admitted)
            return admitted
        case Overflow.DROP_OLDEST:
            oldest = books.lanes.oldest()
            assert oldest is not None  # so many wait
            books.lanes.remove(oldest)
            _shed(books, oldest, DeadLetterReason.DROPPED_OLDEST)
            books.arrive(job)
        case Overflow.DROP_NEWEST:
            books.accounts.accepted += 1
            _shed(books, job, DeadLetterReason.DROPPED_NEWEST)
        case _:
            raise full(books, job)
    return None


def full(books: Books, job: Job) -> PoolFullError:
    """Return the error for a job that finds no room. Under the lock."""
    return PoolFullError(books.name, job.message, books.options.capacity, books.retry_after(books.ports.clock.now()))


def _shed(books: Books, job: Job, reason: DeadLetterReason) -> None:
    books.accounts.lose(job, full(books, job), reason)
    books.accounts.count_shed()


def hand_in(books: Books, job: Job, timeout: float | None = None) -> None:
    """Let `job` in, waiting for room if that is the policy.

    Raises:
        PoolClosedError, PoolFullError: as `take_in`; also after a wait.
        WouldBlockError: the caller is an event loop, and would have to wait.
    """
    blocks = books.options.overflow is Overflow.BLOCK
    admitted = take_in(books, job, waits=blocks and _may_wait(books))
    if admitted is None:
        return
    if books.ports.waiter.on_loop():
        if _withdraw(books, job):
            raise WouldBlockError(books.name, job.message, books.options.capacity)
        return
    seconds = _patience(books, job, timeout)
    try:
        admitted.get(timeout=seconds)
    except Timeout:
        if _withdraw(books, job):
            raise _too_long(books, job) from None
        admitted.get()  # let in at this very moment, or the pool was closed
    except BaseException:
        _withdraw(books, job)
        raise


async def hand_in_async(books: Books, job: Job, timeout: float | None = None) -> None:
    """Let `job` in, awaiting room if that is the policy. Raises as `hand_in`, but for WouldBlockError."""
    blocks = books.options.overflow is Overflow.BLOCK
    admitted = take_in(books, job, waits=blocks and _may_wait(books))
    if admitted is None:
        return
    seconds = _patience(books, job, timeout)
    try:
        if seconds is None:
            await admitted
        else:
            await books.ports.awaiter.within(admitted, seconds)
    except Timeout:
        if _withdraw(books, job):
            raise _too_long(books, job) from None
        await admitted
    except BaseException:
        _withdraw(books, job)
        raise


def _may_wait(books: Books) -> bool:
    """Tell whether the caller may wait for room: a worker of the pool itself would wait for itself."""
    return not books.works_here()


def _patience(books: Books, job: Job, timeout: float | None) -> float | None:
    left = None if job.expires is None else max(0.0, job.expires - books.ports.clock.now())
    given = [seconds for seconds in (timeout, books.options.timeout, left) if seconds is not None]
    return min(given) if given else None


def _withdraw(books: Books, job: Job) -> bool:
    books.touches()
    with books.lock:
        return books.line.leave(job) is not None


def _too_long(books: Books, job: Job) -> PoolFullError:
    with books.lock:
        return full(books, job)
