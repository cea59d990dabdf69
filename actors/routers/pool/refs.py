"""The ref of a pool: what is sent to it goes into the pool's books in the sender's own call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from pykka.messages import ProxyCall, _ActorStop

from actors._core.lineage import give_back, next_lineage, pay
from actors._core.messages import Entry
from actors._core.ref import ActorRef
from actors._core.seconds import check_timeout
from actors._core.sending import note_of
from actors._core.tracing import origin
from actors.errors import DeadlockError
from actors.routers.pool.intake import hand_in, hand_in_async, take_in
from actors.routers.pool.jobs import Job
from actors.routers.routing import FULL

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.actor import Actor
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.messages import Note, Request
    from actors.routers.pool.books import Books

__all__ = ["PoolRef"]

R = TypeVar("R")
A_co = TypeVar("A_co", bound="Actor", covariant=True)


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
            job = self._job(*message[:3])  # of who passes on what it was sent
            if job is not None:
                _let_in(hand_in, books, job)
        elif type(message) is _ActorStop:
            super().tell(message)
        else:
            job = Job(books, message)
            if books.traced:
                job.origin = origin(books.ports.ids.correlation)
            if self._target.system.carries and not self._pay(job):
                return
            _let_in(hand_in if books.blocks else take_in, books, job)

    def _job(self, message: Any, future: Future[Any] | None, note: Note | None) -> Job | None:
        """Return the job to be handed in; None if it is over budget."""
        if type(message) is ProxyCall and self._books.options.batch is not None:
            msg = (
                f"{self._books.name} hands its workers lists of messages, and call() is none; ask a message, or call() one of pool.workers"
            )
            raise TypeError(msg)
        if future is not None:
            self._books.adopt(future)
            future._cell = self._target
            future._owed = False  # a worker answers, and which one nobody knows
        job = Job(self._books, message, future, note.expires if note is not None else None)
        if self._books.traced:
            job.origin = origin(self._books.ports.ids.correlation)
        return None if self._target.system.carries and not self._pay(job) else job

    def _pay(self, job: Job) -> bool:
        job.lineage = next_lineage(self._target, job.message)
        return job.lineage is None or pay(self._target, job.lineage, job.message, job.future)

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None:
        job = self._job(message, future, note)
        if job is None:
            return timeout
        if timeout is None or not self._books.blocks:
            _let_in(hand_in, self._books, job)
            return timeout
        clock = self._books.ports.clock
        begin = clock.now()
        _let_in(hand_in, self._books, job, timeout)
        return max(0.0, timeout - (clock.now() - begin))

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None:
        job = self._job(message, future, note)
        if job is None:
            return
        try:
            await hand_in_async(self._books, job, timeout)
        except BaseException:
            give_back(job.lineage)
            raise

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None:
        job = self._job(message, future, note)
        if job is not None:
            _let_in(take_in, self._books, job)

    @overload
    async def ask_async(self, message: Request[R], *, timeout: float | None = None, deadline: float | None = None) -> R: ...

    @overload
    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any: ...

    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any:
        """Hand in a job and await the answer, without blocking the event loop. Cancelling the await gives the job up.

        Args and raises: as for `ask`, and as `tell`.
        """
        check_timeout(timeout)
        awaiter = self._books.ports.awaiter
        future = awaiter.reply()
        note = note_of(self._target, deadline)
        try:
            if timeout is not None:
                return await self._ask_within(message, future, note, timeout)
            await self._send_async(message, future, note, None)
            return await awaiter.answer(future)
        except DeadlockError:
            future.cancel()
            raise
        except Exception:
            raise
        except BaseException:  # the await was cancelled
            future.cancel()
            raise

    def proxy(self) -> NoReturn:
        """Refuse: attributes are those of one instance, and which worker takes a job is not known before.

        Raises:
            TypeError: always.
        """
        msg = (
            f"{self._books.name} is a pool, which has no proxy; use pool.ref.call(Worker.method, ...), or the proxy of one of pool.workers"
        )
        raise TypeError(msg)

    def _load(self) -> int:
        """Return how much the pool has to do, for a router that chooses by it; FULL if it takes no more."""
        accounts = self._books.accounts
        if accounts.waiting >= self._books.options.capacity or self._books.closing:
            return FULL
        return accounts.waiting + accounts.running


def _let_in(call: Callable[..., object], books: Books, job: Job, *timeout: float) -> None:
    """Hand `job` in; what was paid for it out of a budget comes back if it is refused."""
    if job.lineage is None:
        call(books, job, *timeout)
        return
    try:
        call(books, job, *timeout)
    except BaseException:
        give_back(job.lineage)
        raise
