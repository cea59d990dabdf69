"""What a store holds: schedules, runs, and the changes that are made to them. Plain records; times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from actors.scheduler.walltime import from_wall

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "AddRun",
    "EndRun",
    "Operation",
    "PutSchedule",
    "RemoveSchedule",
    "RetryRun",
    "RunRow",
    "RunState",
    "StoredRun",
    "StoredSchedule",
    "run_id",
]

LONGEST_ERROR = 2000  # characters of an error that are kept: it is for people


class RunState(Enum):
    """What became of a run that a store knows."""

    CLAIMED = "claimed"  # begun, or about to be; if the program is not running any more, then nobody knows
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run in the history of a store.

    Attributes:
        id: made of the name and of when it was due; the same for all attempts, and across restarts.
        name: of the task.
        number: of the run, from 1; 0 of runs that were not begun.
        due: when it was due; of several missed runs that are counted in one, the first of them.
        attempt: the last one that was begun, from 1; 0 if none was.
        state: what became of it.
        began: when the last attempt began.
        ended: when it ended, or was found to be over.
        error: what it failed of, for people.
        count: how many runs this stands for that were not begun: this one, and the next ones that no other row, or older count, stands for.
    """

    id: str
    name: str
    number: int
    due: datetime
    attempt: int
    state: RunState
    began: datetime | None
    ended: datetime | None
    error: str | None
    count: int


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A task that a store holds.

    Attributes:
        name: of the task; unique in a store.
        kind: the name of its `Kind`.
        target: the name of a job, or the path of an actor.
        arguments: of the job, or the message, as bytes of the wire format.
        recurrence: "once", or when it comes again, as text.
        zone: of a cron expression; "" of others.
        options: as JSON with sorted keys.
        origin: from when an interval is counted.
        due: when its next run is due; None if there is none any more.
        runs: how many have been begun.
    """

    name: str
    kind: str
    target: str
    arguments: bytes
    recurrence: str
    zone: str
    options: str
    origin: float
    due: float | None
    runs: int = 0

    @property
    def definition(self) -> tuple[object, ...]:
        """What a program declares of it: two schedules with equal ones are the same."""
        return (self.kind, self.target, self.arguments, self.recurrence, self.zone, self.options)

    @property
    def one_off(self) -> bool:
        """Whether it is run once."""
        return self.recurrence.partition(" ")[0] in {"once", "at"}


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is stored. Attributes are those of `StoredRun`; times are seconds since the epoch."""

    id: str
    name: str
    number: int
    due: float
    attempt: int
    state: RunState
    began: float | None = None
    ended: float | None = None
    error: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class PutSchedule:
    """Insert a schedule, or replace that of its name."""

    schedule: StoredSchedule


@dataclass(frozen=True, slots=True)
class RemoveSchedule:
    """Forget a schedule; its runs stay."""

    name: str


@dataclass(frozen=True, slots=True)
class AddRun:
    """Claim a run, or note one that will not begin; refused if there is one of that id.

    Attributes:
        row: the run.
        due: when the next run of its schedule is due then; None if there is none any more.
        runs: how many runs of its schedule have been begun then.
        moves: whether the schedule takes these two; False: another one has taken its name.
    """

    row: RunRow
    due: float | None
    runs: int
    moves: bool = True


@dataclass(frozen=True, slots=True)
class RetryRun:
    """Note that another attempt of a claimed run begins; refused if it is not claimed."""

    id: str
    attempt: int
    began: float


@dataclass(frozen=True, slots=True)
class EndRun:
    """Note how a claimed run ended; refused if it is not claimed.

    Attributes:
        due: when the next run of its schedule is due then; None leaves that as it is. Of schedules with a fixed delay.
    """

    id: str
    state: RunState
    ended: float
    error: str | None = None
    due: float | None = None


Operation: TypeAlias = PutSchedule | RemoveSchedule | AddRun | RetryRun | EndRun


def run_id(name: str, due: float) -> str:
    """Return the id of the run of the task `name` that is due then. To the microsecond, so that people can read it."""
    return f"{name}@{from_wall(due).isoformat(timespec='microseconds')[:-6]}Z"
