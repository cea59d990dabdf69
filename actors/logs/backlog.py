"""What waits for one sink, and the account of what became of it.

Two threads meet here: the logging actor puts lines in, the sink's actor takes them out. A sink that hangs is given up with its thread; the
`epoch` fences what that does later.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors.logs.losses import Losses, Why
from actors.logs.record import Record
from actors.logs.writers import Progress

if TYPE_CHECKING:
    from actors.logs.sinks import Sink

__all__ = ["Backlog", "Flush", "SinkState", "SinkStats"]

BATCH = 500  # lines that a sink is given at once


class SinkState(Enum):
    """How a sink is."""

    WORKING = "working"
    FAILED = "failed"
    """It raised, and will be tried again."""
    HUNG = "hung"
    """A write takes longer than `hangs_after`."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SinkStats:
    """The account of one sink: ``accepted == written + lost + waiting``.

    Attributes:
        name: the sink's.
        state: how it is.
        accepted: lines of its level that were logged, and that its filter did not refuse.
        written: those that it took.
        lost: those that it will never get.
        waiting: those that are still to be written.
        failures: how often it raised or hung.
        error: what it failed with last.
    """

    name: str
    state: SinkState
    accepted: int
    written: int
    lost: int
    waiting: int
    failures: int
    error: str | None


class Flush:
    """A marker that goes with the lines: whoever waits for it knows that all before it were dealt with."""

    __slots__ = ("_left", "_lock", "_ok", "done")

    def __init__(self, done: Any) -> None:
        self.done = done  # a future of bool
        self._lock = threading.Lock()
        self._left = 1  # under _lock: sinks that it has not passed, and the desk
        self._ok = True  # under _lock

    def expect(self) -> None:
        """Wait for one more sink."""
        with self._lock:
            self._left += 1

    def passed(self, *, ok: bool = True) -> None:
        """Take note that a sink, or the desk, is past the marker."""
        with self._lock:
            self._left -= 1
            self._ok = self._ok and ok
            over, result = self._left == 0, self._ok
        if over:
            self.done.try_set(result)


class Backlog:
    """See the module's docstring.

    Written by the logging actor: `accepted`, `state`, `streak`, `failures`, `epoch`. By the sink's actor: `written`, `busy_since`, under
    the lock and while its epoch is the present one.
    """

    def __init__(self, sink: Sink, lowest: int, keep: int) -> None:
        self.sink = sink
        self.lowest = lowest
        self._keep = keep
        self.lines: deque[Record | Flush] = deque()
        self.losses = Losses()  # that it has not told of yet
        self.lost = 0  # under lock
        self.accepted = 0  # under lock
        self.written = 0  # under lock
        self.state = SinkState.WORKING
        self.idle = True  # whether its actor has to be told that there is something; set by it, cleared by whoever tells it
        self.busy_since: float | None = None
        self.failures = 0
        self.streak = 0  # failures in a row, nothing being written or given up between them
        self.settled = 0  # under lock: lines that its actors have done with
        self.error: str | None = None
        self.epoch = 0
        self.opened = False
        self.lock = threading.Lock()
        self._batch: list[Record] = []  # under lock: what is being written
        self._progress = Progress()
        self._suspect: Record | None = None  # with which it failed last
        self._tries = 0

    # -- the logging actor's side ------------------------------------------------------------------------------------------

    def full(self) -> bool:
        """Tell whether there is no room for a batch."""
        return len(self.lines) + BATCH > self.sink.backlog

    def put(self, record: Record) -> None:
        """Take a line, or count it as lost: those below the level that is kept longest have no place in a backlog that is full."""
        size = len(self.lines)
        own = record.more is not None and record.more.own
        if not own:
            self.accepted += 1
        if size < self.sink.backlog or (record.no >= self._keep and size < self.sink.backlog + self.sink.backlog // 4):
            self.lines.append(record)
        elif not own:
            self.lose(Why.BACKLOG, record.no, record.actor)

    def lose(self, why: Why, no: int, actor: str, count: int = 1) -> None:
        """Count lines as lost."""
        with self.lock:
            self.lost += count
        self.losses.add(why, no, actor, count)

    def lose_counts(self, counts: dict[tuple[Why, int, str], int]) -> None:
        """Count lines as lost that were lost before they came here."""
        number = self.losses.merge(counts, self.lowest)
        with self.lock:
            self.lost += number
        self.accepted += number

    def progress(self) -> tuple[int, int]:
        """Return what changes whenever the sink gets on."""
        return self.written, self._progress.done

    def waiting(self) -> int:
        """Return how many lines are still to be written."""
        return self.stats().waiting

    def give_up(self) -> list[Flush]:
        """Fence the present actor, which is hung or dead; the line it is at counts as lost, the others wait again."""
        with self.lock:
            self.epoch += 1
            batch, self._batch, self.busy_since = self._batch, [], None
            progress, self._progress = self._progress, Progress()
            self._settle(progress)
        rest = batch[progress.done :]
        if rest:
            if not rest[0].own:
                self.lose(Why.HUNG, rest[0].no, rest[0].actor)
            self.lines.extendleft(reversed(rest[1:]))
        return []

    def stats(self) -> SinkStats:
        """Return the account."""
        with self.lock:
            done = self._progress.done
            waiting = sum(1 for one in list(self.lines) + self._batch[done:] if type(one) is Record and not one.own)
            own = sum(1 for one in self._batch[:done] if one.own)
            written = self.written + done - self._progress.filtered - own
            accepted = self.accepted - self._progress.filtered
            return SinkStats(self.sink.name, self.state, accepted, written, self.lost, waiting, self.failures, self.error)

    # -- the sink's side ---------------------------------------------------------------------------------------------------

    def take(self, epoch: int, now: float) -> tuple[list[Record], Progress] | None:
        """Return the next lines, up to a marker, and what tells how far they are written; None to an actor that was given up."""
        with self.lock:
            if epoch != self.epoch:
                return None
            batch: list[Record] = []
            lines = self.lines
            while len(batch) < BATCH and lines and type(lines[0]) is Record:
                batch.append(lines.popleft())  # type: ignore[arg-type]  # looked at above
            self._batch, self._progress = batch, Progress()
            self.busy_since = now
            return batch, self._progress

    def marker(self, epoch: int) -> Flush | None:
        """Take the marker that is next, if it is one."""
        with self.lock:
            if epoch == self.epoch and self.lines and type(self.lines[0]) is Flush:
                return self.lines.popleft()  # type: ignore[return-value]  # looked at above
        return None

    def finished(self, epoch: int, progress: Progress) -> bool:
        """Take note of what was written; False to an actor that was given up meanwhile."""
        with self.lock:
            if epoch != self.epoch:
                return False
            self.busy_since = None
            self._settle(progress)
            self._batch, self._progress = [], Progress()
            return True

    def _settle(self, progress: Progress) -> None:
        own = sum(1 for one in self._batch[: progress.done] if one.own)
        self.written += progress.done - progress.filtered - own
        self.accepted -= progress.filtered
        self.settled += progress.done
        if progress.done:
            self._suspect = None

    def failed(self, epoch: int, batch: list[Record], progress: Progress, error: BaseException) -> bool:
        """Take note of a failure: what was not written waits again, but for a line with which it fails each time."""
        if not self.finished(epoch, progress):
            return False
        rest = batch[progress.done :]
        if rest and not isinstance(error, OSError):  # a full disk or a broken pipe is no line's fault
            first = rest[0]
            self._tries = self._tries + 1 if first is self._suspect else 1
            self._suspect = first
            if self._tries >= self.sink.attempts:
                del rest[0]
                self._suspect = None
                self.settled += 1
                if not first.own:
                    self.lose(Why.REFUSED, first.no, first.actor)
        self.lines.extendleft(reversed(rest))
        return True
