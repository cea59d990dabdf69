"""The desk of the pipeline: gives each file to one worker at a time, and again if that worker is heard of no more.

    files ──> desk <──> readers
               │ <────> parsers
               └──> clerk

A worker that dies takes the message it was at with it. So a job counts as done only when its result is back, and a worker that begins
anew gets nothing before the job of the one at its place before it was taken back. A result that comes late, from a worker given up too
soon, is dropped: so every file reaches the clerk once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors import ActorDeadError, ActorRef, Request, handler
from supervisors.demo.census import Clerk, Counted, Uncounted
from supervisors.demo.parts import Obedient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Desk", "Figures", "Finish", "Free", "GetFigures", "Job", "Known", "Names", "Parse", "Read", "Station", "Text", "Unusable"]

AHEAD = 6  # texts that are read before they can be parsed
EVERY = 0.05  # demo seconds between two looks at whether there is something to give


class Station(Enum):
    """Where a worker stands."""

    READING = "reading"
    PARSING = "parsing"


@dataclass(frozen=True, slots=True)
class Job:
    """A file, and how often it was given for this step before."""

    number: int
    path: Path
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """Read this file."""

    job: Job


@dataclass(frozen=True, slots=True)
class Parse:
    """Parse this text."""

    job: Job
    text: str


@dataclass(frozen=True, slots=True)
class Free:
    """A worker begins."""

    worker: ActorRef[Any]
    station: Station


@dataclass(frozen=True, slots=True)
class Text:
    """A file was read."""

    job: Job
    worker: str
    text: str


@dataclass(frozen=True, slots=True)
class Names:
    """A text was parsed."""

    job: Job
    worker: str
    lines: int
    names: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file cannot be read, or not be parsed."""

    job: Job
    worker: str
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """So many files have met their fate."""

    files: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The books of the desk.

    Attributes:
        given: jobs given to workers.
        done: results that came back in time.
        again: jobs taken back, because the worker was gone.
        late: results that came when the job had been taken back.
        held: jobs that are not done yet.
        left: files that were not begun.
    """

    given: int
    done: int
    again: int
    late: int
    held: int
    left: int


class Finish(Request[None]):
    """Begin with no further file."""


class GetFigures(Request[Figures]):
    """Hand over the figures."""


@dataclass(frozen=True, slots=True)
class _Look:
    """Time to see whether there is something to give."""


@dataclass(slots=True)
class _State:
    """What the next instance goes on with."""

    waiting: dict[Station, deque[Read | Parse]] = field(default_factory=lambda: {station: deque() for station in Station})
    idle: dict[Station, dict[str, ActorRef[Any]]] = field(default_factory=lambda: {station: {} for station in Station})
    at_work: dict[str, tuple[ActorRef[Any], Station, Read | Parse]] = field(default_factory=dict)
    given: int = 0
    done: int = 0
    again: int = 0
    late: int = 0
    left: int = 0
    known: int = 0


class Desk(Obedient):
    """See the module's docstring.

    Args:
        clerk: who gets what is known of each file.
        files: all of them; their places are their numbers.
    """

    def __init__(self, clerk: ActorRef[Clerk], files: tuple[Path, ...]) -> None:
        super().__init__()
        self._clerk = clerk
        self._state = _State()
        self._state.waiting[Station.READING].extend(Read(Job(number, path)) for number, path in enumerate(files))

    def on_handover(self) -> _State:
        """Leave everything to the next instance."""
        return self._state

    def on_takeover(self, state: Any) -> None:
        """Go on with it."""
        self._state = state

    def on_start(self) -> None:
        """Look from time to time: also after time stood still."""
        self.start_periodic_timer("look", EVERY, _Look())

    # -- giving ------------------------------------------------------------------------------------------------------------

    @handler
    def _on_look(self, _: _Look) -> None:
        self._give_all()

    def _give_all(self) -> None:
        if getattr(self.system.ports.clock, "halted", False):
            return
        state = self._state
        for station in (Station.PARSING, Station.READING):
            waiting, idle = state.waiting[station], state.idle[station]
            while waiting and idle and not (station is Station.READING and self._is_ahead()):
                path, worker = idle.popitem()
                self._give(path, worker, station, waiting.popleft())

    def _is_ahead(self) -> bool:
        reading = sum(station is Station.READING for _, station, _ in self._state.at_work.values())
        return len(self._state.waiting[Station.PARSING]) + reading >= AHEAD

    def _give(self, path: str, worker: ActorRef[Any], station: Station, task: Read | Parse) -> None:
        state = self._state
        try:
            worker.tell(task)
        except ActorDeadError:  # another one will begin in its place
            state.waiting[station].appendleft(task)
            return
        state.given += 1
        state.at_work[path] = worker, station, task

    # -- hearing of workers ------------------------------------------------------------------------------------------------

    @handler
    def _on_free(self, message: Free) -> None:
        state, path = self._state, message.worker.path
        before = state.at_work.pop(path, None)
        if before is not None:
            _, station, task = before
            state.again += 1
            state.waiting[station].appendleft(_once_more(task))
        state.idle[message.station][path] = message.worker
        self._give_all()

    @handler
    def _on_text(self, message: Text) -> None:
        if self._settle(message.job, message.worker):
            self._state.waiting[Station.PARSING].append(Parse(Job(message.job.number, message.job.path), message.text))
        self._give_all()

    @handler
    def _on_names(self, message: Names) -> None:
        if self._settle(message.job, message.worker):
            self._clerk.tell(Counted(message.job.number, message.lines, message.names))
            self._know_one_more()
        self._give_all()

    @handler
    def _on_unusable(self, message: Unusable) -> None:
        if self._settle(message.job, message.worker):
            self._clerk.tell(Uncounted(message.job.number, message.why))
            self._know_one_more()
        self._give_all()

    def _settle(self, job: Job, path: str) -> bool:
        """Take a job off a worker's hands; return False if it was not, or no longer, his."""
        state = self._state
        worker, station, task = state.at_work.get(path, (None, None, None))
        if worker is None or station is None or task is None or task.job != job:
            state.late += 1
            return False
        del state.at_work[path]
        state.done += 1
        state.idle[station][path] = worker
        return True

    def _know_one_more(self) -> None:
        self._state.known += 1
        self.system.events.publish(Known(self._state.known))

    # -- questions ---------------------------------------------------------------------------------------------------------

    @handler
    def _on_finish(self, _: Finish) -> None:
        waiting = self._state.waiting[Station.READING]
        begun = [task for task in waiting if task.job.attempt]
        self._state.left += len(waiting) - len(begun)
        self._state.waiting[Station.READING] = deque(begun)

    @handler
    def _on_get_figures(self, _: GetFigures) -> Figures:
        state = self._state
        held = len(state.at_work) + sum(len(waiting) for waiting in state.waiting.values())
        return Figures(state.given, state.done, state.again, state.late, held, state.left)


def _once_more(task: Read | Parse) -> Read | Parse:
    job = Job(task.job.number, task.job.path, task.job.attempt + 1)
    return Read(job) if isinstance(task, Read) else Parse(job, task.text)
