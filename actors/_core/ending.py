"""The mechanisms behind `ActorRef.stop`, `kill` and `restart`: from any thread, onto the actor's own turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._core import burial
from actors._core.admission import post
from actors._core.context import current_cell
from actors._core.doors import CLOSED
from actors._core.events import HandlerAbandoned
from actors._core.future import Future
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import IDLE, KILL, STOP, STOP_DOWN, Control, Entry, Signal
from actors._core.ports import touched
from actors._core.seconds import check_seconds
from actors.errors import ActorDeadError, ActorKilled

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["end_supervised", "give_up", "kill", "restart", "stop", "when_ended"]


def stop(cell: Cell, deadline: float | None) -> Future[bool]:
    """Queue a graceful stop behind the mail of `cell`; kill it `deadline` seconds later if it is still there."""
    seconds = None if deadline is None else check_seconds("deadline", deadline)
    future = _future(cell)
    if not post(cell, Entry((STOP, future, None))) and not _when_stopped(cell, future):
        future.try_set(False)
    elif seconds is None:
        future._ends = cell
    else:
        future._owed = False  # whatever `cell` waits for, the kill ends it
        clock = cell.system.ports.clock
        timer = clock.call_at(clock.now() + seconds, lambda: kill(cell))
        future._listen(lambda _: timer.cancel())
    # Invariant: the marker is posted before this look. A cell that comes down later comes to the marker when it is up again.
    if cell.state is Lifecycle.RESTARTING:
        cell.signal(STOP_DOWN)
    return future


def end_supervised(cell: Cell) -> None:
    """End a child for its supervisor: as its guard says, or else without a limit of time."""
    guard = cell.guard
    if guard is not None and guard.kills:
        kill(cell)
    else:
        stop(cell, guard.deadline if guard is not None else None)


def _future(cell: Cell) -> Future[bool]:
    """Return a future that tells of an end or restart of `cell`."""
    future: Future[bool] = Future()
    future._cell = cell
    dispatcher = cell.system.ports.dispatcher
    if dispatcher is not None:
        dispatcher.adopt(future)
    return future


def _when_stopped(cell: Cell, future: Future[bool]) -> bool:
    """Have `future` set when `cell` has ended; return False if it has. An actor does not wait for its own end."""
    touched(cell.system.ports, cell)
    return current_cell() is not cell and cell.mourn(future)


def when_ended(cell: Cell) -> Future[bool]:
    """Return a future that is set once `cell` has ended, however it does. It ends nothing itself."""
    future = _future(cell)
    future._owed = False
    touched(cell.system.ports, cell)
    if not cell.mourn(future):
        future.try_set(True)
    return future


def kill(cell: Cell) -> Future[bool]:
    """End `cell` now; see `ActorRef.kill`."""
    cell.system.check_here()
    future = _future(cell)
    future._owed = False  # whatever `cell` waits for, this ends it
    if current_cell() is cell:
        future.try_set(True)  # it ends when its handler returns, and does not wait for that
    elif not _when_stopped(cell, future):
        future.try_set(False)
        return future
    if cell.state is Lifecycle.CREATED:
        burial.bury(cell, DownReason.KILLED, None)
        return future
    cell.signal(KILL)
    wait = cell.wait
    if wait is not None:
        wait.throw(ActorKilled())
    cancel = getattr(cell.lane.host, "cancel", None)
    if cancel is not None:
        cancel(cell)
    if cell.system.ports.dispatcher is None:  # in a simulation no handler blocks anything but the step under way
        clock = cell.system.ports.clock
        clock.call_at(clock.now() + cell.system.config.blocked_after, lambda: _abandon(cell))
    return future


def restart(cell: Cell) -> Future[bool]:
    """Replace the instance behind `cell`; see `ActorRef.restart`."""
    cell.system.check_here()
    future = _future(cell)
    if cell.inbox is CLOSED or cell.state is Lifecycle.CREATED:
        touched(cell.system.ports, cell)
        future.try_set(False)
        return future
    future._ends = cell
    if current_cell() is cell:
        future.try_set(True)  # it restarts when its handler returns, and does not wait for that
    cell.signal(Control(Signal.RESTART, call=lambda: future.try_set(cell.state is Lifecycle.RUNNING)))
    # Invariant: an abandon notes itself and then takes what is left in the control lane; this looks after the signal.
    if cell.state is Lifecycle.STOPPED or (cell.rare is not None and cell.rare.abandoned):
        future.try_set(False)
    return future


def _abandon(cell: Cell, *, again: bool = False, left: int | None = None) -> None:
    """End a killed actor without its handler or hook, which is fenced off, or without its turn, which does not come.

    On the clock's thread.
    """
    if cell.state is Lifecycle.STOPPED:
        return
    system = cell.system
    closing = len(cell.queue) if cell.end is not None else None
    waits = cell.current is IDLE and not again  # for its turn, or for its children: one more look
    # Its turn is accounting for the mail: two at it at once would tell of the end before the last message is counted.
    counts = closing is not None and (left is None or closing < left)
    if waits or counts:
        clock = system.ports.clock
        clock.call_at(clock.now() + system.config.blocked_after, lambda: _abandon(cell, again=again or waits, left=closing))
        return
    give_up(cell)


def _tell_left(cell: Cell) -> None:
    """Tell whoever asked for a start or restart that will not be attended to any more."""
    with cell.system.lock:
        left = [control for control in cell.control if control.signal in (Signal.START, Signal.RESTART) and control.call is not None]
        cell.control = tuple(control for control in cell.control if control not in left)
    for control in left:
        control.call()  # type: ignore[misc]


def give_up(cell: Cell) -> None:
    """End `cell` beside its turn: that is held by a blocked handler, or never comes.

    Safe beside a turn that comes after all: a kill runs no hook, and `begin_end` and `finish` happen once.
    """
    system = cell.system
    entry = cell.current
    burial.begin_end(cell, DownReason.KILLED, None)
    # Also if the turn owner has begun with that: it may be stuck in a hook in the middle of it.
    cell.close(own_turn=False)
    burial.fail_handles(cell)
    with system.lock:
        rare = cell.extras_locked()
        rare.abandoned = cell.state is not Lifecycle.STOPPED  # `begin_end` has moved it on
    if not rare.abandoned:
        return
    for current in (entry, *(one.current for one in list(rare.open.values()))):
        if type(current) is Entry and current[1] is not None:
            label = cell.label()
            current[1].try_fail(ActorDeadError(f"{label} was killed while it handled the message", label, current[0]))
    _tell_left(cell)
    if entry is not IDLE:
        system.events.publish(HandlerAbandoned(cell.ref))
    host = cell.lane.host
    if host.queue and host.sleepers:
        host.wake()  # its thread is lost; what waits there may need another
    if rare.children:
        for child in system.children_of(cell):
            kill(child)
    else:
        burial.finish(cell)
