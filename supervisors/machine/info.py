"""Where a machine is, read from what the kernel and the machine keep: it is not asked, so it need not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors import ActorRef, Lifecycle
from actors._core.ports import touched
from supervisors.machine.events import EventTimeout, NamedTimeout, StateTimeout
from supervisors.machine.machine import StateMachine

if TYPE_CHECKING:
    from enum import Enum

    from actors._core.cell import Cell
    from supervisors.machine.run import Run

__all__ = ["MachineInfo", "PendingTimeout", "machine_info"]


@dataclass(frozen=True, slots=True)
class PendingTimeout:
    """A timeout that is running.

    Attributes:
        event: what the machine will take: a `StateTimeout`, an `EventTimeout` or a `NamedTimeout`.
        left: seconds until then, on the clock of its system; 0 for one that is due.
    """

    event: StateTimeout | EventTimeout | NamedTimeout
    left: float


@dataclass(frozen=True, slots=True)
class MachineInfo:
    """Where a machine is.

    Attributes:
        state: the innermost one; None if it is in none: it has not begun, is being restarted, has failed on the way, or has ended.
        inside: all the states that it is in, the outermost first.
        since: for how many seconds it has been there, on the clock of its system.
        transitions: how often this incarnation has changed its state.
        postponed: the events that are kept until the next change of state, the oldest first.
        timeouts: those that are running, the next one first.
        data: the machine's own, not a copy; look at it only. None if it is in no state.
    """

    state: Enum | None = None
    inside: tuple[Enum, ...] = ()
    since: float = 0.0
    transitions: int = 0
    postponed: tuple[Any, ...] = ()
    timeouts: tuple[PendingTimeout, ...] = ()
    data: Any = None


def machine_info(ref: ActorRef[Any]) -> MachineInfo:
    """Return where a machine is at this moment.

    It waits for nobody: of a machine that is busy or blocked it shows where that is. Figures of one that is at work meanwhile may be of
    slightly different moments.

    Raises:
        TypeError: `ref` is no ref of a machine.
    """
    if not isinstance(ref, ActorRef):
        msg = f"ref={ref!r} is not valid: a ref of a state machine"
        raise TypeError(msg)
    cell: Cell = ref._target
    if not issubclass(cell.actor_class, StateMachine):
        msg = f"ref={ref!r} is not valid: a {cell.actor_class.__qualname__} is no state machine"
        raise TypeError(msg)
    touched(cell.system.ports, None)
    dispatcher = cell.system.ports.dispatcher
    if dispatcher is not None:
        dispatcher.observed(cell)
    machine = cell.actor
    run: Run | None = getattr(machine, "_greenroom_run", None)
    leaf = run.place if run is not None and cell.state not in (Lifecycle.RESTARTING, Lifecycle.STOPPED) else None
    if run is None or leaf is None:
        return MachineInfo()
    since, now = run.since, cell.system.ports.clock.now()
    return MachineInfo(
        state=leaf.name,
        inside=leaf.inside,
        since=max(0.0, now - since),
        transitions=run.transitions,
        postponed=_postponed(cell),
        timeouts=_timeouts(cell, run, now),
        data=machine.data,
    )


# What the machine may change meanwhile is copied in one step.


def _postponed(cell: Cell) -> tuple[Any, ...]:
    stash = cell.rare.stash if cell.rare is not None else None
    messages = [cell.unwrap(entry)[0] for entry in stash.copy()] if stash else []
    return tuple(messages)


def _timeouts(cell: Cell, run: Run, now: float) -> tuple[PendingTimeout, ...]:
    timers = cell.rare.timers if cell.rare is not None else None
    running = list(timers._timers.copy().values()) if timers is not None else []
    found = [PendingTimeout(event, 0.0) for event in run.zeros.copy()]
    found += [
        PendingTimeout(one.key, max(0.0, one.due - now))
        for one in running
        if isinstance(one.key, StateTimeout | EventTimeout | NamedTimeout)
    ]
    return tuple(sorted(found, key=lambda one: one.left))
