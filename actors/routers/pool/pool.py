"""The handle of a pool."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, Self

from actors._core.bounded import Overflow
from actors._core.ending import when_ended
from actors._core.messages import Entry
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds, check_timeout
from actors.errors import ActorDeadError, DeadlockError, Timeout
from actors.routers.errors import PoolClosedError
from actors.routers.pool.actor import LOOK, Close, Errand, PoolActor, attach, books_of
from actors.routers.pool.books import Books
from actors.routers.pool.events import PoolResized
from actors.routers.pool.options import CAPACITY, check_options, check_size
from actors.routers.pool.refs import PoolRef

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import TypeVar

    from actors._core.actor import Actor
    from actors._core.future import Future
    from actors.routers.pool.options import Batch, Elastic, PoolBackoff, Rate
    from actors.routers.pool.stats import PoolStats
    from actors.routers.routing import Routing
    from actors.system import ActorSystem

__all__ = ["Pool"]

if TYPE_CHECKING:
    A = TypeVar("A", bound=Actor, default=Any)  # so that who does not care need not write Pool[Any]
else:
    from typing import TypeVar

    A = TypeVar("A")


class Pool(Generic[A]):
    """Workers that are started, replaced and counted, behind one ref. What is told or asked of `ref` is a job for one of them.

    Jobs wait in the pool and not with the workers. When a worker dies, what it was at is handed out again, to another one, so many times
    as `redeliver` says: a job is begun at most ``1 + redeliver`` times, and has one end, which its asker, or the dead letters, are told.
    What a handler raises for an ask is the asker's, and its worker lives on; of what it raises for a tell, the worker dies.

    A `deadline` is looked at, as with every actor, when a worker comes to the job: nobody looks at those that wait. A worker that asks its
    own pool waits for another worker: give such an ask a timeout. If all of them do so at once, nothing else ends it.

    It may be used from any thread, handler and coroutine. With ``with`` or ``async with`` it is closed at the end; it also ends with its
    system.

    Args:
        system: whose actors the workers are.
        worker: an Actor class, a functools.partial of one, or a function of one message: a plain one runs on threads, one for each worker,
            and an async one on the event loop. Mailboxes that the class declares do not count: there is never more than what it is at.
        size: how many workers, or an `Elastic`; None: as many as there are processors.
        name: of the pool's actor.
        routing: None: a worker takes the oldest job when it is free. RoundRobin, RandomRouting, LeastLoaded: each worker has a lane of its
            own, which outlives it. ConsistentHash: likewise, and jobs of one key are done one after the other, in the order sent, come what
            may.
        capacity: how many jobs may wait.
        overflow: what becomes of one more. REJECT: `PoolFullError`. DROP_OLDEST, DROP_NEWEST: one is shed; its asker gets PoolFullError,
            and one that was told is a dead letter. BLOCK: the sender waits; a worker of the pool itself, which would wait for itself, is
            refused.
        timeout: seconds that a sender waits at most (BLOCK); None: as long as it takes.
        redeliver: how often a job is handed out again. 0: at most once.
        concurrency: jobs that one worker may be at; more than 1 for async functions, reentrant classes, and those that reply later.
        batch: workers get lists of messages, and return lists of results.
        rate: how many jobs are begun in a time.
        backoff: when a worker is replaced that died without having done a job; else it is at once.
        intensity: deaths in `period` seconds beyond which the pool itself crashes, for its supervisor to decide; None: no limit.
        period: seconds.
        processes: let each worker live in a process of its own.
        hangs_after: seconds after which a worker that is at one job is killed. A thread that is stuck cannot be ended; it is left behind.
    """

    def __init__(
        self,
        system: ActorSystem,
        worker: Any,
        *,
        size: int | Elastic | None = None,
        name: str = "pool",
        routing: Routing | None = None,
        capacity: int = CAPACITY,
        overflow: Overflow = Overflow.REJECT,
        timeout: float | None = None,
        redeliver: int = 1,
        concurrency: int = 1,
        batch: Batch | None = None,
        rate: Rate | None = None,
        backoff: PoolBackoff | None = None,
        intensity: int | None = None,
        period: float = 5.0,
        processes: bool = False,
        hangs_after: float | None = None,
    ) -> None:
        if not callable(getattr(system, "start", None)) or not hasattr(system, "ports"):
            msg = f"system={system!r} is not valid: an ActorSystem"
            raise TypeError(msg)
        options = check_options(
            worker,
            size=size,
            routing=routing,
            capacity=capacity,
            overflow=overflow,
            timeout=timeout,
            redeliver=redeliver,
            concurrency=concurrency,
            batch=batch,
            rate=rate,
            backoff=backoff,
            intensity=intensity,
            period=period,
            processes=processes,
            hangs_after=hangs_after,
        )
        self._books = Books(f"/{name}", system.ports, options)
        ref = system.start(PoolActor, worker, name=name, books=self._books)
        attach(self._books, ref)
        self._ref: PoolRef[A] = PoolRef(ref._target, self._books)

    @classmethod
    def of(cls, ref: ActorRef[Any]) -> Pool[Any]:
        """Return a handle of a PoolActor, such as a supervised one.

        Raises:
            TypeError: `ref` is of another actor.
            PoolClosedError: it has ended.
        """
        if not isinstance(ref, ActorRef) or not issubclass(ref.actor_class, PoolActor):
            msg = f"ref={ref!r} is not valid: a ref of a PoolActor"
            raise TypeError(msg)
        books = books_of(ref)
        if books is None:  # it is starting, or restarting
            plain = ref._target.ref
            try:
                plain.ask(LOOK, timeout=5.0)
            except ActorDeadError:
                raise PoolClosedError(ref.path) from None
            books = books_of(ref)
            if books is None:
                raise PoolClosedError(ref.path)
        pool = cls.__new__(cls)
        pool._books = books
        pool._ref = PoolRef(ref._target, books)
        return pool

    def __repr__(self) -> str:
        return f"<Pool {self._books.name!r}{' closed' if self._books.closing else ''}>"

    @property
    def ref(self) -> PoolRef[A]:
        """Where jobs are sent."""
        return self._ref

    @property
    def size(self) -> int:
        """How many workers there shall be."""
        return self._books.target

    @property
    def workers(self) -> tuple[ActorRef[A], ...]:
        """The workers that are running."""
        books = self._books
        books.touches(changes=False)
        with books.lock:
            return tuple(slot.cell.ref for slot in books.slots if slot.ready and slot.cell is not None)

    def resize(self, size: int) -> None:
        """Have `size` workers from now on. What a worker is at is finished before it goes; with 0, jobs wait.

        Raises:
            ValueError: the pool is elastic.
            PoolClosedError: it is closed.
        """
        books = self._books
        after = check_size(size)
        if books.options.elastic is not None:
            msg = f"size={size!r} is not valid: the pool is elastic, and has a size by itself"
            raise ValueError(msg)
        books.touches()
        with books.lock:
            if books.is_closed():
                raise PoolClosedError(books.name, cause=books.cause)
            before, books.target = books.target, after
        if before != after:
            books.accounts.publish(PoolResized, before, after, "it was asked for")
            books.ring()

    def pause(self, seconds: float) -> None:
        """Begin no job for so many seconds: what a service's Retry-After asks for. Jobs under way go on; the longest of pauses counts."""
        books = self._books
        until = books.ports.clock.now() + check_seconds("seconds", seconds)
        books.touches()
        with books.lock:
            books.gate.shut(until)
            books.want_look(until)

    def stats(self) -> PoolStats:
        """Return the figures of this moment."""
        return self._books.stats()

    # -- the end -------------------------------------------------------------------------------------------------------------

    def drain(self, *, timeout: float | None = None) -> bool:
        """Wait until no job waits or is under way; return False after `timeout` seconds.

        Raises:
            DeadlockError: a worker of the pool calls it without a timeout.
        """
        self._check_drain(timeout)
        future = self._books.drained()
        try:
            return future.get(timeout=timeout)
        except Timeout:
            return not future.cancel()
        except BaseException:
            future.cancel()
            raise

    async def drain_async(self, *, timeout: float | None = None) -> bool:
        """Await what `drain` waits for."""
        self._check_drain(timeout)
        future = self._books.drained()
        try:
            if timeout is None:
                return await future
            return await self._books.ports.awaiter.within(future, timeout)
        except Timeout:
            return not future.cancel()
        except BaseException:
            future.cancel()
            raise

    def _check_drain(self, timeout: float | None) -> None:
        check_timeout(timeout)
        if timeout is None and self._books.works_here():
            raise DeadlockError((self._books.name, self._books.name), "give drain() a timeout, or call it outside of the pool's workers")

    def close(self, *, timeout: float | None = 5.0) -> None:
        """Take no job any more, finish those there are, and end. Idempotent.

        Args:
            timeout: seconds that jobs have. Those that are not done by then fail with PoolClosedError, or are dead letters, and their
                workers are killed. So are workers that have not ended by then, or a second later at most, as in a start that takes
                minutes; in processes, those that have not started are killed at once if there are no jobs. None: as long as they take.

        Raises:
            DeadlockError: a worker of the pool calls it. The pool is closed all the same.
        """
        check_timeout(timeout)
        self._books.ports.waiter.check("close() would block the event loop; write `await pool.close_async()`, or `async with`")
        self._close(timeout).get()
        self._books.gone.get()

    async def close_async(self, *, timeout: float | None = 5.0) -> None:
        """Await what `close` waits for."""
        check_timeout(timeout)
        await self._close(timeout)
        await self._books.gone

    def _close(self, timeout: float | None) -> Future[bool]:
        books, cell = self._books, self._ref._target
        books.touches()
        with books.lock:
            books.closing = True
        gone = when_ended(cell)
        gone._ends = cell  # a worker that waits for this would be waited for itself
        with contextlib.suppress(ActorDeadError):  # it is ending already
            cell.ref.tell(Entry((Close(None if timeout is None else max(0.0, timeout)), None, Errand())))
        if books.works_here():
            raise DeadlockError((books.name, books.name), "do not wait for the end of a pool in its own worker")
        return gone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close_async()
