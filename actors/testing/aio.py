"""An asyncio event loop in virtual time, for the async actors of a simulation.

It has no selector, no threads and no executor. What becomes ready runs at once, first come, first served, as on a real loop; what others
decide (messages, replies, time) is a step of the simulation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.context import _bound, current_cell
from actors._core.future import Future
from actors.dispatch.waiting import AsyncioAwaiter
from actors.testing.errors import SimulationOver
from actors.testing.futures import origin_of
from actors.testing.network import Kind

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Coroutine

    from actors._core.cell import Cell
    from actors._core.ports import TimerHandle
    from actors.testing.world import World

__all__ = ["SimAwaiter", "SimLoop", "actor_of"]

AT_ONCE = 1000  # handles run in one step; a coroutine that polls must not keep everybody else from ever doing anything


class SimLoop(asyncio.AbstractEventLoop):
    """The loop. Everything that asyncio's tasks, futures, locks, queues and timeouts want of one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.watch: Callable[[asyncio.Handle], object] | None = None  # is told what is about to run
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: dict[asyncio.TimerHandle, TimerHandle] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order made

    # -- what asyncio asks -------------------------------------------------------------------------------------------------

    def get_debug(self) -> bool:
        """Return False."""
        return False

    def is_running(self) -> bool:
        """Return True: it runs whenever a step lets it."""
        return True

    def is_closed(self) -> bool:
        """Return False."""
        return False

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._world.now()

    def call_soon(self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None) -> asyncio.Handle:  # type: ignore[override]  # plain types for typeshed's TypeVarTuple
        """Call back in the step under way."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back after `delay` seconds of virtual time."""
        return self.call_at(self._world.now() + max(delay, 0.0), callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at `when` in virtual time."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)

        def due() -> None:
            del self._timers[handle]
            self._ready.append(handle)

        self._timers[handle] = self._world.call_at(when, due)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        timer = self._timers.pop(handle, None)
        if timer is not None:
            timer.cancel()

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future of this loop; raise SimulationOver if nothing will ever resolve it."""
        self._world.check_open(scenario=False)
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        """Return a new task of this loop."""
        task = asyncio.Task(coro, loop=self, **options)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Fail the simulation: a callback raised, or a task's exception was never read."""
        error = context.get("exception")
        if error is not None and not isinstance(error, SimulationOver):
            self._world.broken(error)

    def run_in_executor(self, *_: object) -> NoReturn:
        """Refuse: an executor has threads of its own."""
        self._world.refuse("an executor")

    # -- the simulation's --------------------------------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether anything is ready to run."""
        return bool(self._ready)

    @property
    def at_work(self) -> Cell | None:
        """The actor of what runs next; None if that is nobody's, or nothing."""
        return actor_of(self._ready[0]) if self._ready else None

    def run_ready(self) -> None:
        """Run what is ready, and what that makes ready, up to a limit."""
        ready = self._ready
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            for _ in range(AT_ONCE):
                if not ready:
                    return
                handle = ready.popleft()
                if not handle.cancelled():
                    if self.watch is not None:
                        self.watch(handle)
                    self._world.run_as(actor_of(handle), handle._run)
        finally:
            asyncio._set_running_loop(outer)

    def abandon(self, unwind: Callable[[Callable[[], object]], None]) -> None:
        """Drop all tasks, in the order made; `unwind(call)` unwinds one."""
        self._ready.clear()
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            for task in list(self._tasks):
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch
                unwind(task.get_coro().close)
        finally:
            asyncio._set_running_loop(outer)
        self._tasks.clear()


def actor_of(handle: asyncio.Handle) -> Cell | None:
    """Return the actor whose coroutine or callback it is; None if it is nobody's."""
    bound = handle._context.get(_bound)  # type: ignore[attr-defined]  # not in typeshed
    return bound[0].cell if bound is not None else None


class SimAwaiter(AsyncioAwaiter):
    """How a coroutine waits in a simulation: it goes on in a step that is chosen."""

    def __init__(self, world: World) -> None:
        self._world = world

    reply: Any = staticmethod(Future)  # no shortcut: each answer is a step

    @staticmethod
    def begin_now(cell: Cell, entry: object) -> bool:  # noqa: ARG004
        """Return False: each ask goes through the mailbox."""
        return False

    async def answer(self, reply: Future[Any]) -> Any:
        """Return what an ask is answered with."""
        return await reply

    def begin(self, future: Future[Any], *, finite: bool = False) -> tuple[asyncio.Future[None], Callable[[Any], None], Cell | None]:
        """Return what a coroutine awaits until `future` has changed, and what `end` wants to know."""
        cell = self.enter(future, finite=finite)
        here, world = current_cell(), self._world
        waiter = world.loop.create_future()  # raises when the simulation is over
        wait = world.begin_wait()

        def wake(resolved: Future[Any]) -> None:
            world.sent(Kind.REPLY, here, waiter, origin_of(resolved), wait)

        future._listen(wake)
        return waiter, wake, cell
