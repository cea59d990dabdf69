"""How callers wait for real: pool handlers park their greenlet, coroutines await, everybody else blocks their thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from actors._core.context import Strand, bound_worker, current_cell
from actors._core.deadlock import begin_wait, refuse_own_end
from actors._core.future import DONE, Future
from actors.errors import BlockingInLoopError, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors._core.cell import Cell
    from actors._core.ports import Parker

__all__ = ["AsyncioAwaiter", "RealWaiter", "ThreadParker", "hosts_actors"]

SLICE = 1.0  # seconds between two looks of a thread that waits without end

# {event loop: how many systems have actors on it}. Each entry is written on its loop's own thread only.
_hosts: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, int] = weakref.WeakKeyDictionary()


def hosts_nobody() -> None:
    """Forget all loops, in a forked child."""
    _hosts.clear()


def hosts_actors(loop: asyncio.AbstractEventLoop, *, here: bool) -> None:
    """Note that `loop`, which is running here, runs actors of one more system, or of one less."""
    systems = _hosts.get(loop, 0) + (1 if here else -1)
    if systems > 0:
        _hosts[loop] = systems
    else:
        _hosts.pop(loop, None)


class ThreadParker:
    """Blocks the calling thread until woken."""

    futures: tuple[Future[Any], ...] = ()
    finite = False
    seen: float | None = None

    def __init__(self) -> None:
        # Invariant: who pops the claim ends the wait, and is the only one to release the lock.
        self._claim: list[None] = [None]
        self._lock = threading.Lock()
        self._lock.acquire()
        self._error: BaseException | None = None

    def wake(self, *_: object) -> None:
        """End the wait."""
        try:
            self._claim.pop()
        except IndexError:
            return
        self._lock.release()

    def throw(self, error: BaseException) -> bool:
        """End the wait with `error`."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._error = error
        self._lock.release()
        return True

    def park(self, timeout: float | None) -> bool:
        """Block until woken, or for `timeout` seconds."""
        if timeout is None:
            # In slices: the main thread looks at a signal that came in the instant before the wait, and plain code notices a loop that
            # was closed under the actor it waits for.
            while not self._lock.acquire(timeout=SLICE):
                for future in self.futures:
                    if future._cell is not None:
                        future._cell.lane.host.check_turns()
        elif not self._lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX)):
            try:
                self._claim.pop()
            except IndexError:
                self._lock.acquire()  # woken at this very moment
            else:
                return False
        if self._error is not None:
            raise self._error
        return True


class RealWaiter:
    """The `Waiter` port of real systems."""

    def parker(self) -> Parker:
        """Return a parker that fits the caller."""
        here: Any = getcurrent()
        loop = asyncio._get_running_loop()
        if loop is None:
            if type(here) is Strand:
                return here.worker.new_parker(here)
            worker = bound_worker()
            # Not `isinstance` of a protocol: that alone costs as much as all the rest of an ask from a plain thread.
            lend: Callable[[], Parker] | None = None if worker is None else getattr(worker, "lend_place", None)
            return ThreadParker() if lend is None else lend()
        if loop in _hosts:
            raise BlockingInLoopError
        return ThreadParker()

    def check(self, advice: str) -> None:
        """Refuse where an event loop with actors would be blocked, before anything has been done."""
        loop = asyncio._get_running_loop()
        if loop is not None and loop in _hosts:
            raise BlockingInLoopError(advice)

    def on_loop(self) -> bool:
        """Tell whether an event loop is running in this thread."""
        return asyncio._get_running_loop() is not None


class TaskParker:
    """Stands for a handler that awaits; only there to be thrown at."""

    futures: tuple[Future[Any], ...] = ()
    finite = False
    seen: float | None = None

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def wake(self, *_: object) -> None:
        """Never called: the asyncio future is woken instead."""

    def throw(self, error: BaseException) -> bool:
        """Cancel what the handler awaits; the runner turns that into the kill that was asked for."""
        del error
        self._cell.lane.host.cancel(self._cell)  # type: ignore[attr-defined]  # a LoopHost: the handler is async
        return True

    def park(self, timeout: float | None) -> bool:
        """Never called."""
        del timeout
        raise BlockingInLoopError


class LoopReply(Future[Any]):
    """The future of an ask that one coroutine awaits at once: resolving it wakes that coroutine's own waiter, without detours."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waiter: asyncio.Future[None] | None = None

    def listen(self) -> asyncio.Future[None]:
        """Return the waiter, which is set already if the future is resolved."""
        self._waiter = waiter = self._loop.create_future()
        # Invariant: the waiter is there before this look; a resolver writes the state before it looks for the waiter.
        if self._state >= DONE:
            _set(waiter)
        return waiter

    def try_set(self, value: Any = None) -> bool:
        """Resolve with `value` and wake the coroutine; return False if it was resolved before."""
        if not super().try_set(value):
            return False
        self._rouse()
        return True

    def try_fail(self, error: BaseException) -> bool:
        """Resolve with `error` and wake the coroutine; return False if it was resolved before."""
        if not super().try_fail(error):
            return False
        self._rouse()
        return True

    def _rouse(self) -> None:
        waiter = self._waiter
        if waiter is None:
            return
        if threading.get_ident() == self._thread:
            _set(waiter)
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                self._loop.call_soon_threadsafe(_set, waiter)


class AsyncioAwaiter:
    """The `Awaiter` port of real systems."""

    reply = staticmethod(LoopReply)

    @staticmethod
    def begin_now(cell: Cell, entry: Any) -> bool:
        """Begin with an ask at once if its actor is idle on this very loop; False if it has to go through the mailbox."""
        begin = getattr(cell.lane.host, "begin_now", None)
        return begin is not None and begin(cell, entry)

    async def answer(self, reply: LoopReply) -> Any:
        """Return what an ask is answered with."""
        if reply._state >= DONE:
            return reply.get()
        cell = own_task(current_cell())
        if cell is None:
            await reply.listen()
        else:
            begin_wait(cell, TaskParker(cell), (reply,), finite=False)
            try:
                await reply.listen()
            finally:
                cell.wait = None
        return reply.get()

    @staticmethod
    def enter(future: Future[Any], *, finite: bool) -> Cell | None:
        """Note that the calling handler is about to wait for `future`; return its actor, None if it is no part of an actor's turn.

        Raises:
            DeadlockError: the wait could never end.
        """
        here = current_cell()
        cell = own_task(here)
        if cell is not None:
            begin_wait(cell, TaskParker(cell), (future,), finite=finite)
        elif here is not None and here.reentrant and not finite and asyncio.current_task() in here.extras().open:
            refuse_own_end(here, future)
        return cell

    def begin(self, future: Future[Any], *, finite: bool = False) -> tuple[asyncio.Future[None], Callable[[Any], None], Cell | None]:
        """Return what a coroutine awaits until `future` has changed, and what `end` wants to know."""
        cell = self.enter(future, finite=finite)
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        thread = threading.get_ident()

        def wake(_: Any) -> None:
            if threading.get_ident() == thread:
                if not waiter.done():
                    waiter.set_result(None)
                return
            try:
                loop.call_soon_threadsafe(_set, waiter)
            except RuntimeError:  # the loop has ended, and with it whoever waited
                return

        future._listen(wake)
        return waiter, wake, cell

    @staticmethod
    def end(future: Future[Any], wake: Callable[[Any], None], cell: Cell | None) -> None:
        """Undo what `begin` did."""
        if cell is not None:
            cell.wait = None
        if not future.done():
            future._forget(wake)

    async def within(self, future: Future[Any], timeout: float) -> Any:
        """Return what `future` is resolved with; raise Timeout after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while future.debtor() is not None or not (future.done() or future._get_hook):
                    waiter, wake, cell = self.begin(future, finite=True)
                    try:
                        await waiter
                    finally:
                        self.end(future, wake, cell)
                return await future
        except TimeoutError:
            if future.done():  # the answer met the timeout, or is itself a TimeoutError
                return await future
            msg = f"no answer within {timeout} seconds"
            raise Timeout(msg) from None

    def call_blocking(self, call: Callable[[], Any]) -> Generator[Any, None, Any]:
        """Run `call` on a helper thread and yield until it has returned."""
        return (yield from asyncio.get_running_loop().run_in_executor(None, call))


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def own_task(cell: Cell | None) -> Cell | None:
    """Return `cell` if the task here is its own; one that a handler made is no part of its turn."""
    if cell is None or cell.reentrant or cell.rare is None or cell.rare.runner is None:
        return None
    return cell if cell.rare.runner.task is asyncio.current_task() else None
