"""The timeouts of a machine: of its states, between events, and named ones.

Those of 0 seconds wait in the run itself, as OTP has it: they are taken from there as from the mailbox, but before the mailbox, so that
whatever cancels a timeout cancels these, too. The others are the actor's timers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.seconds import check_seconds
from actors._core.timers import TimerMode, Timers
from supervisors.machine.events import EventTimeout, StateTimeout
from supervisors.machine.wrong import wrong

if TYPE_CHECKING:
    from supervisors.machine.run import Effects, Run
    from supervisors.machine.table import Leaf

__all__ = ["apply", "cancel_timeout", "check_timeouts", "start_timeout"]


def start_timeout(machine: Any, run: Run, event: Any, seconds: Any) -> None:
    """Start a timeout, in place of the one for the same event."""
    cancel_timeout(machine, run, event)
    delay = check_seconds("seconds", seconds(machine) if callable(seconds) else seconds)
    if delay == 0:
        run.zeros[event] = None
    else:
        rare = machine._greenroom_cell.extras()
        if rare.timers is None:
            rare.timers = Timers(machine._greenroom_cell)
        rare.timers.start(event, delay, event, interval=None, mode=TimerMode.FIXED_DELAY)
    if type(event) is EventTimeout:
        run.waiting = True


def cancel_timeout(machine: Any, run: Run, event: Any) -> bool:
    """Cancel a timeout; False if it was not running."""
    if type(event) is EventTimeout:
        run.waiting = False
    if event in run.zeros:
        del run.zeros[event]
        return True
    rare = machine._greenroom_cell.rare
    return rare is not None and rare.timers is not None and rare.timers.cancel(event)


def check_timeouts(machine: Any, leaf: Leaf, effects: Effects) -> None:
    """Raise TransitionError if an action starts a timeout that the state it leads to knows nothing of."""
    for event, seconds in effects.timeouts:
        if seconds is not None:
            _event_of(machine, leaf, event)


def _event_of(machine: Any, leaf: Leaf, event: Any) -> Any:
    """Return the event of a timeout in a state: that of the innermost state with one, if `event` is the class."""
    if event is StateTimeout:
        for node in leaf.chain:
            if node.name is not None and StateTimeout(node.name) in node.rules:
                return StateTimeout(node.name)
        raise wrong(machine, f"{leaf.name} has no state_timeout() in the chart: nothing would happen; add state_timeout(None, ...)")
    if type(event) is EventTimeout and not leaf.arms(event):
        raise wrong(machine, f"{leaf.name} has no event_timeout() in the chart: nothing would happen; add event_timeout(None, ...)")
    return event


def apply(machine: Any, run: Run, effects: Effects) -> None:
    """Start and cancel the timeouts that an action asked for."""
    for event, seconds in effects.timeouts:
        if seconds is not None:
            start_timeout(machine, run, _event_of(machine, run.leaf, event), seconds)
        elif event is StateTimeout:
            for node in run.leaf.chain:
                if node.name is not None:
                    cancel_timeout(machine, run, StateTimeout(node.name))
        else:
            cancel_timeout(machine, run, event)
