"""The ref of a pool: what is sent to it goes into the pool's books in the sender's own call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pykka.messages import _ActorStop

from actors._core.messages import Entry
from actors._core.ref import NO_ANSWER, ActorRef
from actors._core.seconds import check_seconds, check_timeout
from actors._core.sending import note_of
from actors.errors import ActorError, DeadlockError, Timeout
from actors.routers.pool.intake import hand_in, hand_in_async, take_in
from actors.routers.pool.jobs import Job

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.routers.pool.books import Books

__all__ = ["PoolRef"]

A_co = TypeVar("A_co", bound="Any", covariant=True)


class PoolRef(ActorRef[A_co]):
    """The address of a pool: what is told or asked is a job for one of its workers.

    Path, state, stop, kill and watch are those of the pool's actor, and it is equal to that actor's plain ref.

    Errors of sending are those of an actor with a bounded mailbox, and more exact: `PoolFullError` is a MailboxFullError with
    `retry_after`, and `PoolClosedError` an ActorDeadError.
    """

    __slots__ = ("_books",)

    def __init__(self, target: Cell, books: Books) -> None:
        super().__init__(target)
        self._books = books

    def tell(self, message: Any) -> None:
        """Hand in a job and go on.

        Raises:
            PoolClosedError: the pool takes no job any more.
            PoolFullError: it has no room (policy REJECT), or had none in time (BLOCK).
            WouldBlockError: the caller is an event loop, and would have to wait: use `tell_async`.
            TypeError: the key of consistent hashing is none; also whatever its function raises.
        """
        books = self._books
        if type(message) is Entry:
            hand_in(books, self._job(*message[:3]))
        elif type(message) is _ActorStop:
            super().tell(message)
        else:
            job = Job(books, message)
            if books.blocks:
                hand_in(books, job)
            else:
                take_in(books, job)

    def _job(self, message: Any, future: Future[Any] | None, note: Any) -> Job:
        return Job(self._books, message, future, note.expires if note is not None else None)

    async def tell_async(self, message: Any, *, deadline: float | None = None) -> None:
        """Hand in a job, awaiting room instead of blocking the event loop. Raises as `tell`."""
        note = None if deadline is None else note_of(self._target, deadline)
        await hand_in_async(self._books, self._job(message, None, note))

    def tell_within(self, message: Any, deadline: float) -> None:
        """Hand in a job that becomes a dead letter if no worker has begun with it within `deadline` seconds. Raises as `tell`."""
        expires = self._books.ports.clock.now() + check_seconds("deadline", deadline)
        hand_in(self._books, Job(self._books, message, None, expires))

    def ask(  # the overloads are those of the base class
        self, message: Any, *, block: bool = True, timeout: float | None = None, deadline: float | None = None
    ) -> Any:
        """Hand in a job and get the answer of the worker that does it.

        Args:
            message: the job.
            block: False returns a `Future` at once, or as soon as there is room. Its `cancel()` gives the job up.
            timeout: seconds to wait at most, for room and then for the answer; the job is done all the same.
            deadline: seconds within which a worker must begin with it.

        Raises (or the future fails with):
            PoolClosedError, PoolFullError: as of `tell`.
            WorkerLostError: the workers that were at it have died.
            BatchResultError: what the worker returned for the batch is no list of as many results.
            DeadlineExceeded: no worker began with it within `deadline`.
            Timeout: no answer within `timeout`.
            BaseException: what the handler raised.
        """
        check_timeout(timeout)
        books = self._books
        if block:
            books.ports.waiter.check("ask() would block the event loop; write `await ref.ask_async(...)`")
        future = self._asked()
        job = self._job(message, future, note_of(self._target, deadline))
        begin = books.ports.clock.now() if timeout is not None else 0.0
        try:
            hand_in(books, job, timeout)
        except ActorError as error:
            future.try_fail(error)
        if not block:
            return future
        try:
            left = None if timeout is None else max(0.0, timeout - (books.ports.clock.now() - begin))
            return future.get(timeout=left)
        except Timeout:
            if future.done():
                raise
            raise Timeout(NO_ANSWER.format(timeout)) from None
        except DeadlockError:
            future.cancel()
            raise

    def _asked(self) -> Future[Any]:
        future = self._books.new_future()
        future._cell = self._target
        future._owed = False  # a worker answers, and which one nobody knows
        return future

    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any:
        """Hand in a job and await the answer, without blocking the event loop. Cancelling the await gives the job up.

        Args and raises: as for `ask`.
        """
        check_timeout(timeout)
        books = self._books
        awaiter, clock = books.ports.awaiter, books.ports.clock
        future = awaiter.reply() if timeout is None else books.new_future()
        if books.ports.dispatcher is not None:
            books.ports.dispatcher.adopt(future)
        future._cell = self._target
        future._owed = False
        job = self._job(message, future, note_of(self._target, deadline))
        try:
            begin = clock.now() if timeout is not None else 0.0
            await hand_in_async(books, job, timeout)
            if timeout is None:
                return await awaiter.answer(future)
            return await awaiter.within(future, max(0.0, timeout - (clock.now() - begin)))
        except Timeout:
            if future.done() or timeout is None:
                raise
            raise Timeout(NO_ANSWER.format(timeout)) from None
        except DeadlockError:
            future.cancel()
            raise
        except Exception:
            raise
        except BaseException:  # the await was cancelled
            future.cancel()
            raise
