"""What a run waits for besides its outcome: the time of its next attempt, and the limits of its time."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Execution

__all__ = ["Alarm", "Bell", "drop_alarm_locked", "set_alarm_locked"]


class Bell(Enum):
    """What an alarm is for."""

    RETRY = "retry"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"


class Alarm:
    """One of them, guarded by the lock of the books.

    Attributes:
        live: False once it is of no interest any more.
    """

    __slots__ = ("bell", "execution", "live")

    def __init__(self, bell: Bell, execution: Execution) -> None:
        self.bell = bell
        self.execution = execution
        self.live = True


def set_alarm_locked(books: Books, bell: Bell, execution: Execution, when: float) -> None:
    """Have the scheduler's actor attend to `execution` at clock time `when`. Who sets one tells the actor, or is it: it arms the clock."""
    execution.alarms[bell] = alarm = Alarm(bell, execution)
    books.alarms.insert(when, next(books.numbers), alarm)


def drop_alarm_locked(books: Books, bell: Bell, execution: Execution) -> None:
    """Undo `set_alarm_locked`, if that has not rung."""
    alarm = execution.alarms.pop(bell, None)
    if alarm is not None and alarm.live:
        alarm.live = False
        books.alarms.cancelled()
