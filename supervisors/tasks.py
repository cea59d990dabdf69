"""Supervised functions: each runs once, in an actor of its own, and its result is a future."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from actors import Actor, ActorRef, Isolation, Request, handler
from actors._core.context import current_reply, take_reply
from actors._core.messages import Entry
from supervisors.calling import check_async, is_async
from supervisors.dynamic import DynamicSupervisor
from supervisors.options import Unset
from supervisors.policy import Restart
from supervisors.spec import ChildSpec, Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors import Future
    from supervisors.keeper import Child

__all__ = ["TaskSupervisor", "run_task"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Run(Request[Any]):
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class _Task(Actor, isolation=Isolation.SHARE):
    @handler
    def _run(self, message: _Run) -> Any:
        result = message.function(*message.args, **message.kwargs)
        if inspect.iscoroutine(result):
            result.close()
            msg = f"function={message.function!r} is not valid: it returned a coroutine; give run_task the async function itself"
            raise TypeError(msg)
        return result


class _AsyncTask(Actor, isolation=Isolation.SHARE):
    @handler
    async def _run(self, message: _Run) -> Any:
        return await message.function(*message.args, **message.kwargs)


class TaskSupervisor(DynamicSupervisor):
    """Runs functions, each in a child of its own that ends with it; see `run_task`.

    At the end of the supervisor the tasks that are under way are killed. Args: as for `DynamicSupervisor`.
    """

    def __init__(
        self,
        *,
        max_children: int | Unset | None = Unset.UNSET,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
    ) -> None:
        super().__init__(max_children=max_children, intensity=intensity, period=period)
        self._futures: dict[Child, Future[Any]] = {}

    def _forget(self, child: Child) -> None:
        super()._forget(child)
        self._futures.pop(child, None)

    def _check_room(self) -> None:
        if self._max_children is not None and len(self._children) >= self._max_children:
            # Who has a result may use the place that it leaves: its actor has nothing left to do but to end.
            for child in [child for child, future in self._futures.items() if future.done()]:
                self._forget(child)
        super()._check_room()

    @handler
    def _run_task(self, message: _Run) -> Any:
        function = message.function
        task = _AsyncTask if is_async(function) or is_async(inspect.unwrap(function)) else _Task
        child = self._admit(ChildSpec(actor_class=task, restart=Restart.TEMPORARY, shutdown=Shutdown.KILL))
        cell = self._greenroom_cell
        future = current_reply(cell)
        if future is not None:
            take_reply(cell)  # the child answers
        self._start(child)
        if child.cell is None:  # the system ends
            self._check_open()
            return None
        ref = child.cell.ref
        if future is None:
            ref.tell(message)
            ref.stop(block=False)
            return None
        self._futures[child] = future
        future._cell = child.cell
        ref.tell(Entry((message, future, None)))
        future.add_done_callback(lambda done: ref.kill(block=False) if done.cancelled() else ref.stop(block=False))
        return None


@overload
def run_task(
    supervisor: ActorRef[TaskSupervisor], function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs
) -> Future[R]: ...


@overload
def run_task(supervisor: ActorRef[TaskSupervisor], function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...


def run_task(supervisor: ActorRef[TaskSupervisor], function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """Call ``function(*args, **kwargs)`` in a child of `supervisor`, and return the future of what comes out of it.

    A plain function runs on the pool: it may block. An async one runs on the system's event loop. Cancelling the future ends the task:
    a function that waits is unwound, one that is blocked elsewhere is abandoned.

    The future fails with what the function raises; with TooManyChildrenError, SupervisorStoppingError or ActorDeadError if it was not run;
    with ActorDeadError if it was killed; and with TypeError if a plain function returned a coroutine, which nobody has begun.

    Raises:
        TypeError: `function` cannot be called, or is a generator.
    """
    check_async(function)
    return supervisor.ask(_Run(function, args, kwargs), block=False)
