"""The events of an actor's life: start, stop, crash, kill, restart.

Each is a generator that the turn owner drives. It yields the coroutines of async hooks, to be awaited by the event loop dispatcher,
and nothing where hooks are plain functions. So there is one text for every dispatcher.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actors._core import events, supervision
from actors._core.burial import await_report, begin_end, cancel_deadlines, end_children, fail_handles, finish, tell_reports
from actors._core.context import in_context
from actors._core.lifecycle import DownReason, Lifecycle, advance
from actors._core.messages import ENDING, IDLE, Control, Entry, Signal, Stashed
from actors._core.reply import close_handles
from actors._core.reports import hide_own_frames, release_locals
from actors._core.supervision import ChildEvent
from actors.errors import ActorDeadError, ActorKilled, ActorRestarting, AskCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.supervision import Guard

__all__ = ["attend", "crashed", "instantiate", "started", "stop", "unwound"]

logger = logging.getLogger("pykka")

Steps = Generator[Any, Any, Any]


def instantiate(cell: Cell) -> None:
    """Make the instance behind `cell`, running its ``__init__`` with the arguments it was started with."""
    actor_class = cell.actor_class
    kwargs = cell.kwargs or {}
    actor = actor_class.__new__(actor_class, *cell.args, **kwargs)
    object.__setattr__(actor, "_greenroom_cell", cell)  # a __setattr__ of the class's own may rely on its __init__
    cell.actor = actor
    cell.receiver = None
    actor.__init__(*cell.args, **kwargs)
    if cell.receiver is None:  # Actor.__init__ sets it
        where = "in __post_init__()" if dataclasses.is_dataclass(actor_class) else "first"
        msg = f"{actor_class.__qualname__}.__init__() does not call super().__init__(); call it {where}"
        raise TypeError(msg)


def attend(cell: Cell) -> Steps:
    """Work through the control lane; return True if the cell may go on with its mailbox."""
    yields = False
    while (control := cell.next_control()) is not None:
        cell.current = control  # a hook is something to abandon, too, if it never ends
        if control.signal is Signal.PROBE:
            yields = True
        elif control.signal is Signal.CALL:
            control.call()  # type: ignore[misc]
        elif control.signal is Signal.CHILD_EVENT:
            failure = _hear(cell)
            if failure is not None:
                yield from crashed(cell, failure)
        elif cell.state is not Lifecycle.STOPPED:
            yield from _obey(cell, control)
        elif control.call is not None:
            control.call()  # whoever asked for a start or restart learns from the state that it came too late
        cell.current = IDLE
    return cell.state is Lifecycle.RUNNING and not yields


def _obey(cell: Cell, control: Control) -> Steps:
    match control.signal:
        case Signal.START:
            if control.call is not None:
                await_report(cell, control.call)
            yield from _start(cell)
        case Signal.KILL:
            yield from end(cell, DownReason.KILLED, None)
        case Signal.CRASH:
            yield from _crash(cell, control, control.error or ActorKilled())
        case Signal.RESTART:
            yield from _restart(cell, control)
        case Signal.CHILD_GONE:
            yield from _child_gone(cell)
        case _ if cell.guard is not None:
            yield from _be_supervised(cell, cell.guard, control.signal)


def _crash(cell: Cell, control: Control, error: BaseException) -> Steps:
    """Crash because of another actor, or of a handler that is no part of the turn."""
    if control.call is None or (cell.state is not Lifecycle.RESTARTING and control.call()):
        yield from crashed(cell, error)
    elif isinstance(error, Exception):  # of the instance that is being replaced, or was
        _log_failure(cell, error)
        cell.system.events.publish(events.ActorCrashed(cell.ref, error))
    elif not isinstance(error, ActorKilled):
        yield from fatal(cell, error)


def _hear(cell: Cell) -> BaseException | None:
    """Let a supervisor hear of its children; return what it crashes with."""
    if cell.state is not Lifecycle.STOPPED:
        try:
            in_context(cell, supervision.hear, cell)
        except BaseException as error:  # noqa: BLE001  # a supervisor crashes as others do
            _let_through(cell, error)
            return error
    return None


def _be_supervised(cell: Cell, guard: Guard, signal: Signal) -> Steps:
    """Do what the supervisor of `cell` has decided. What has begun to end meanwhile goes on with that."""
    if signal is Signal.TAKE_DOWN and not guard.held and cell.state in (Lifecycle.RUNNING, Lifecycle.RESTARTING):
        under_way = cell.state is Lifecycle.RESTARTING  # by `ActorRef.restart`: it waits for its children, and then for its supervisor
        if supervision.come_down(cell) and not under_way:
            yield from _come_down(cell, None)
    elif signal is Signal.BRING_UP and guard.held and cell.state is Lifecycle.RESTARTING:
        guard.held = False
        cell.args, cell.kwargs = guard.arguments
        supervision.reopen(cell)
        yield from _child_gone(cell)
    elif signal is Signal.STOP_DOWN and guard.held:
        yield from end(cell, DownReason.STOPPED, None)


def _come_down(cell: Cell, error: BaseException | None, *, ran: bool = True) -> Steps:
    """Go on with a cell that has been taken down: its mail, its hooks, its timers, its children. Then it waits."""
    cell.extras().cause = error
    supervision.shut(cell)
    if cell.actor is not None:  # its __init__ was fine
        yield from _leave_instance(cell, error, ran=ran)
    if error is not None:
        release_locals(error)
    tell_reports(cell)
    yield from _child_gone(cell)


def _leave_instance(cell: Cell, error: BaseException | None, *, ran: bool = True) -> Steps:
    """Run the hooks of an instance that is to be replaced, if it ran, and forget its timers."""
    if ran:
        yield from _last_hook(cell, lambda: _on_failure(cell, error))
    rare = cell.extras()
    if rare.timers is not None:
        rare.timers.cancel_all()
    if rare.alarms is not None:
        rare.alarms.cancel_all()
    if ran and cell.actor_class._greenroom_hands_over and cell.actor is not None:
        rare.handed = yield from _last_hook(cell, cell.actor.on_handover)


def _start(cell: Cell, *, restarted: bool = False, error: BaseException | None = None) -> Steps:
    if cell.state is not Lifecycle.STARTING:  # killed before its turn came
        return
    try:
        if cell.actor is None:  # a supervised actor is made in its own turn, or a slow __init__ would hold its supervisor up
            in_context(cell, instantiate, cell)
        result = in_context(cell, cell.actor.on_start)
        if type(result) is CoroutineType:
            yield result
    except Exception as failure:  # noqa: BLE001  # logged and told, as every crash
        yield from _start_failed(cell, failure)
        return
    except ActorKilled:
        yield from end(cell, DownReason.KILLED, None)
        return
    except BaseException as failure:  # noqa: BLE001  # ends the system
        _let_through(cell, failure)
        yield from fatal(cell, failure)
        return
    if not _move(cell, Lifecycle.STARTING, Lifecycle.RUNNING):
        return
    if not cell.actor_class._greenroom_supervises:
        started(cell, restarted=restarted, error=error)
        return
    cell.extras().cause = error
    try:
        in_context(cell, cell.actor._greenroom_begin)
    except BaseException as failure:  # noqa: BLE001  # a supervisor crashes as others do
        _let_through(cell, failure)
        yield from crashed(cell, failure)


def started(cell: Cell, *, restarted: bool, error: BaseException | None = None) -> None:
    """Tell everybody that an incarnation is running. For a supervisor, that its children are."""
    if cell.rare is not None:
        cell.rare.handed = cell.rare.lineage = None
    cell.system.started(cell, restarted=restarted, error=error)
    tell_reports(cell)
    guard = cell.guard
    if guard is not None:
        guard.proven = True
        guard.tell(ChildEvent.STARTED)


def _start_failed(cell: Cell, failure: Exception) -> Steps:
    """Deal with an ``__init__`` or `on_start` that raised: a first start ends the actor, a later one is one more crash."""
    _log_failure(cell, failure)
    cell.system.events.publish(events.ActorCrashed(cell.ref, failure))
    guard = cell.guard
    if guard is not None and supervision.come_down(cell):
        guard.down = True
        guard.tell(ChildEvent.FAILED, None, failure)
        yield from _come_down(cell, failure, ran=False)
    else:
        yield from end(cell, DownReason.CRASHED, failure)


def _move(cell: Cell, here: Lifecycle, there: Lifecycle) -> bool:
    """Take the cell from one state to the next; False if it is not in it any more."""
    with cell.system.lock:  # an abandon ends the actor beside its turn
        if cell.state is not here:
            return False
        cell.state = advance(here, there)
        return True


def stop(cell: Cell, future: Future[Any] | None, *, under_way: Callable[[], Any] | None = None) -> Steps:
    """Take the marker of a graceful stop: close, wait for what is under way, stop the children, run `on_stop`, end.

    `under_way` makes the coroutine that waits for the messages a reentrant actor is still at.
    """
    cell.current = ENDING
    if future is not None:
        with cell.system.lock:
            cell.mourners = (*cell.mourners, future)
    if cell.state in (Lifecycle.RUNNING, Lifecycle.STARTING):
        yield from end(cell, DownReason.STOPPED, None, under_way=under_way)


def crashed(cell: Cell, error: BaseException) -> Steps:
    """Deal with an exception that came out of a handler and that nobody asked for."""
    # What a handler raises after its actor was killed is the doing of the kill.
    if _is_killed(cell) or isinstance(error, ActorKilled) or cell.state is Lifecycle.STOPPED:
        _unwound(cell, error)
        yield from end(cell, DownReason.KILLED, None)
        return
    if isinstance(error, cell.system.ports.cancelled):
        entry = cell.current
        if not isinstance(entry, Control) or type(entry) is Stashed:
            _cancelled(cell, entry)
            return
    elif not isinstance(error, Exception):
        _unwound(cell, error)
        yield from fatal(cell, error)
        return
    entry, cell.current = cell.current, ENDING
    hide_own_frames(error)
    _log_failure(cell, error)
    cell.system.events.publish(events.ActorCrashed(cell.ref, error))
    guard = cell.guard
    if guard is None:
        yield from end(cell, DownReason.CRASHED, error, hook=lambda: _on_failure(cell, error))
        return
    supervision.give_back(cell, entry, error)
    if supervision.come_down(cell):
        if cell.actor_class._greenroom_supervises:
            guard.failure = error  # as in OTP, what a supervisor leaves behind ends before its own supervisor hears of it
        else:
            guard.down = True  # what is told next is all the supervisor waits for
            guard.tell(ChildEvent.FAILED, None, error)
        yield from _come_down(cell, error)
    else:
        yield from end(cell, DownReason.CRASHED, error, hook=lambda: _on_failure(cell, error))


def _is_killed(cell: Cell) -> bool:
    """Tell whether a kill is what the cell will attend to next, or soon."""
    return bool(cell.control) and any(control.signal is Signal.KILL for control in cell.control)


def _cancelled(cell: Cell, entry: Any) -> None:
    """Deal with a plain handler that raised a cancellation: it ends that handler only."""
    cell.reply = None
    if type(entry) is not Entry:
        return
    _, future, note = entry[:3]
    if future is not None:
        close_handles(cell, future)
        future.try_fail(AskCancelled("the handler was cancelled"))
    if note is not None:
        note.delivered(cell)


def fatal(cell: Cell, error: BaseException) -> Steps:
    """Deal with a BaseException: stop the actor and its whole system, in order."""
    logger.debug(f"{error!r} in {cell.label()}. Stopping all actors.")
    cell.system.events.publish(events.ActorCrashed(cell.ref, error))
    yield from end(cell, DownReason.STOPPED, error)
    cell.system.fatal()


def _log_failure(cell: Cell, error: BaseException) -> None:
    """Write pykka's record of a crash."""
    if not logger.isEnabledFor(logging.ERROR):  # the label costs more than all the rest
        return
    logger.error(f"Unhandled exception in {cell.label()}:", exc_info=(type(error), error, error.__traceback__))


def _on_failure(cell: Cell, error: BaseException | None) -> Any:
    """Call the hook with what went wrong; with three None for a restart that was asked for."""
    actor = cell.actor
    if actor is None:  # abandoned meanwhile
        return None
    if error is None:
        return actor.on_failure(None, None, None)
    return actor.on_failure(type(error), error, error.__traceback__)


def _unwound(cell: Cell, error: BaseException) -> None:
    """Resolve the ask whose handler was ended by the kernel or a BaseException."""
    entry, cell.current = cell.current, IDLE
    future = entry[1] if type(entry) is Entry else None
    if future is not None and not future.done():
        future.try_fail(unwound(cell, entry[0], error))


def unwound(cell: Cell, message: Any, error: BaseException) -> ActorDeadError:
    """Return the error for an ask whose handler was ended by the kernel or a BaseException."""
    label = cell.label()
    dead = ActorDeadError(f"{label} was ended by {type(error).__name__} while it handled the message", label, message)
    dead.__cause__ = None if isinstance(error, ActorKilled) else error
    return dead


# -- the end ---------------------------------------------------------------------------------------------------------------


def end(
    cell: Cell,
    reason: DownReason,
    error: BaseException | None,
    *,
    hook: Callable[[], Any] | None = None,
    under_way: Callable[[], Any] | None = None,
) -> Steps:
    """End the actor: close its mailbox, stop its children, run the hook, tell everybody.

    Without a `hook`, a graceful end runs `on_stop` and other ends run none. Idempotent: the first reason stays.
    """
    if not begin_end(cell, reason, error):
        if reason is DownReason.KILLED:
            yield from _child_gone(cell)  # a stop that is given up: the children it waits for are killed
        return
    cell.close(own_turn=True)
    if under_way is not None:
        yield from _last_hook(cell, under_way)
    fail_handles(cell)
    if hook is not None:  # as in pykka, on_failure comes at once, on_stop after the children
        yield from _last_hook(cell, hook)
    yield from _child_gone(cell)


def _let_through(cell: Cell, error: BaseException) -> None:
    """Raise what belongs to the driver of a simulation: it is nobody's crash."""
    if isinstance(error, cell.system.ports.passing):
        raise error


def _last_hook(cell: Cell, hook: Callable[[], Any]) -> Steps:
    try:
        result = in_context(cell, hook)
        return (yield result) if type(result) is CoroutineType else result
    except Exception as failure:  # noqa: BLE001  # logged as pykka does
        _log_failure(cell, failure)
    except ActorKilled:
        with cell.system.lock:
            if cell.end is not None:
                cell.end = (DownReason.KILLED, None)
    except BaseException as failure:  # noqa: BLE001  # ends the system, after this actor
        _let_through(cell, failure)
        logger.debug(f"{failure!r} in {cell.label()}. Stopping all actors.")
        cell.system.fatal()


def _child_gone(cell: Cell) -> Steps:
    """Go on with an end or a restart once no child is left; stop the next child if some are."""
    if cell.state not in (Lifecycle.STOPPING, Lifecycle.RESTARTING):
        return
    rare = cell.rare
    if rare is not None and rare.children:
        end_children(cell, rare)
    elif cell.state is Lifecycle.RESTARTING:
        if _is_killed(cell):  # in its last hook: it ends next, and neither comes up nor is merely down
            return
        if rare is not None:
            cancel_deadlines(rare)
        if cell.guard is None or not cell.guard.held:
            yield from _rebuild(cell)
        elif not cell.guard.down:
            cell.guard.down = True
            failure, cell.guard.failure = cell.guard.failure, None
            cell.guard.tell(ChildEvent.DOWN if failure is None else ChildEvent.FAILED, None, failure)
    else:
        down = cell.guard is not None and cell.guard.held  # its instance has had its last hook
        if cell.end is not None and cell.end[0] is DownReason.STOPPED and cell.actor is not None and not down:
            yield from _last_hook(cell, cell.actor.on_stop)
        finish(cell)


# -- restart ---------------------------------------------------------------------------------------------------------------


def _restart(cell: Cell, control: Control) -> Steps:
    """Begin a restart in place: same ref, same mailbox, new instance."""
    rare = cell.extras()
    if control.call is not None:
        await_report(cell, control.call)
    if not _move(cell, Lifecycle.RUNNING, Lifecycle.RESTARTING):
        return  # it is restarting or ending already; who asked is told when that is done
    rare.cause = control.error
    yield from _leave_instance(cell, control.error)
    yield from _child_gone(cell)


def _rebuild(cell: Cell) -> Steps:
    """Finish a restart: what the old instance left behind is fenced off, the stash goes back to the front, the new instance starts."""
    rare = cell.extras()
    error, rare.cause = rare.cause, None
    cell.incarnation += 1
    if cell.reentrant:
        cell.lane.host.renew(cell)  # type: ignore[attr-defined]  # only event loops run reentrant actors
    if rare.timers is not None:
        rare.timers.cancel_all()
        rare.timers = None
    for handle in tuple(rare.handles):
        handle.fail(ActorRestarting(cell.label()))
    if rare.stash:
        cell.system.put_back(cell, list(rare.stash))
        rare.stash.clear()
    rare.restarts += 1
    cell.actor = cell.receiver = None
    try:
        instantiate(cell)
        if rare.handed is not None:
            in_context(cell, cell.actor.on_takeover, rare.handed)
    except Exception as failure:  # noqa: BLE001  # a crash like any other
        cell.actor = cell.receiver = None
        yield from _start_failed(cell, failure)
        return
    except BaseException as failure:  # noqa: BLE001  # ends the system
        _let_through(cell, failure)
        yield from fatal(cell, failure)
        return
    if _move(cell, Lifecycle.RESTARTING, Lifecycle.STARTING):
        yield from _start(cell, restarted=True, error=error)
    else:
        cell.actor = cell.receiver = None  # abandoned in `__init__`, and told so
