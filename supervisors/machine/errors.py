"""Every exception of state machines, as one tree.

actors.ActorError
└── MachineError
    ├── MachineDeclarationError (also TypeError)
    ├── UnhandledEventError
    ├── TransitionError
    └── EndlessEventsError
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.errors import ActorError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum

__all__ = ["EndlessEventsError", "MachineDeclarationError", "MachineError", "Problem", "TransitionError", "UnhandledEventError"]


class MachineError(ActorError):
    """Root of the errors of state machines."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a chart.

    Attributes:
        where: the line to change, as "file:line".
        what: what is wrong with it, and what to do.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class MachineDeclarationError(MachineError, TypeError):
    """A machine was declared wrongly: all that is wrong with it, at once.

    Attributes:
        machine: the name of the class.
        problems: what is wrong, and in which line.
    """

    def __init__(self, machine: str, problems: Iterable[Problem]) -> None:
        self.machine = machine
        self.problems = tuple(problems)
        super().__init__(machine, self.problems)

    def __str__(self) -> str:
        return "\n  ".join([f"the chart of {self.machine} is not valid:", *map(str, self.problems)])


class UnhandledEventError(MachineError):
    """The machine does not take this event in this state: the chart refuses it, or does not know it.

    Attributes:
        machine: the name of the class.
        state: where the machine is.
        event: what came.
        why: the reason.
    """

    def __init__(self, machine: str, state: Enum | None, event: object, why: str) -> None:
        super().__init__(machine, state, event, why)
        self.machine = machine
        self.state = state
        self.event = event
        self.why = why

    def __str__(self) -> str:
        return f"{self.machine} in {self.state} does not take {_short(self.event)}: {self.why}"


class TransitionError(MachineError):
    """An action, guard or enter action did what it may not do there.

    Attributes:
        machine: the name of the class.
        state: where the machine is.
        why: what it did, and what to do instead.
    """

    def __init__(self, machine: str, state: Enum | None, why: str) -> None:
        super().__init__(machine, state, why)
        self.machine = machine
        self.state = state
        self.why = why

    def __str__(self) -> str:
        return f"{self.machine} in {self.state}: {self.why}"


class EndlessEventsError(MachineError):
    """The machine has kept itself busy for too long: it inserts events, or starts timeouts of 0, or postpones events, without an end.

    Attributes:
        machine: the name of the class.
        state: where the machine is.
        limit: how many events in a row were too many: the class keyword ``event_limit``.
        recent: the last of them.
    """

    def __init__(self, machine: str, state: Enum | None, limit: int, recent: Iterable[object]) -> None:
        self.machine = machine
        self.state = state
        self.limit = limit
        self.recent = tuple(recent)
        super().__init__(machine, state, limit, self.recent)

    def __str__(self) -> str:
        recent = ", ".join(map(_short, self.recent))
        return (
            f"{self.machine} in {self.state} went through more than {self.limit} events of its own without one from outside; the last of "
            f"them: {recent}. Break the circle, or raise the class keyword event_limit"
        )


def _short(event: object) -> str:
    text = repr(event)
    return text if len(text) <= 200 else f"{text[:200]}..."  # noqa: PLR2004  # characters
