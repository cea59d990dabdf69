"""State machines: actors whose chart says, state by state, what becomes of which event.

The rules are those of OTP's gen_statem: postponed and inserted events, state, event and named timeouts, enter actions; the states may be
nested and have history, as in UML.
"""

from supervisors.machine.chart import (
    Chart,
    History,
    State,
    Transition,
    event_timeout,
    final,
    history,
    ignore,
    initial,
    on,
    on_done,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)
from supervisors.machine.errors import (
    EndlessEventsError,
    MachineDeclarationError,
    MachineError,
    Problem,
    TransitionError,
    UnhandledEventError,
)
from supervisors.machine.events import Done, EventTimeout, InternalEvent, NamedTimeout, StateChanged, StateTimeout
from supervisors.machine.info import MachineInfo, PendingTimeout, machine_info
from supervisors.machine.machine import StateMachine
from supervisors.machine.snapshot import Snapshot

__all__ = [
    "Chart",
    "Done",
    "EndlessEventsError",
    "EventTimeout",
    "History",
    "InternalEvent",
    "MachineDeclarationError",
    "MachineError",
    "MachineInfo",
    "NamedTimeout",
    "PendingTimeout",
    "Problem",
    "Snapshot",
    "State",
    "StateChanged",
    "StateMachine",
    "StateTimeout",
    "Transition",
    "TransitionError",
    "UnhandledEventError",
    "event_timeout",
    "final",
    "history",
    "ignore",
    "initial",
    "machine_info",
    "on",
    "on_done",
    "on_enter",
    "on_exit",
    "postpone",
    "refuse",
    "state",
    "state_timeout",
    "timeout",
]
