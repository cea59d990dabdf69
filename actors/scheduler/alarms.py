"""What a run waits for besides its outcome: the time of its next attempt, and the limits of its time."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.scheduler.execution import Execution

__all__ = ["Alarm", "Bell"]


class Bell(Enum):
    """What an alarm is for."""

    RETRY = "retry"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    CLOSE = "close"


class Alarm:
    """One of them. Written by the scheduler's actor.

    Attributes:
        live: False once it is of no interest any more.
    """

    __slots__ = ("bell", "execution", "live")

    def __init__(self, bell: Bell, execution: Execution | None) -> None:
        self.bell = bell
        self.execution = execution
        self.live = True
