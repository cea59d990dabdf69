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
from actors.logs.progress import Progress
from actors.logs.record import Record

if TYPE_CHECKING:
    from actors.logs.sinks import Sink

__all__ = ["Backlog", "Flush", "LevelChange", "Signal", "SinkState", "SinkStats"]

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
    """A marker that goes with the lines: whoever waits for it knows that all before it were dealt with.

    Args:
        done: a future of bool.
        last: nothing behind it is for this logging actor.
    """

    __slots__ = ("_left", "_lock", "_ok", "done", "last")

    def __init__(self, done: Any, *, last: bool = False) -> None:
        self.done = done
        self.last = last
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


class Signal:
    """What a marker sets for a thread that may wait, whatever runs on it otherwise."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._ok = False

    def try_set(self, ok: bool) -> None:  # noqa: FBT001  # as a future's
        """Let the waiting thread go on."""
        self._ok = ok
        self._set.set()

    def wait(self, timeout: float) -> bool:
        """Wait; False if it took too long, or a sink fails."""
        return self._set.wait(timeout) and self._ok


class LevelChange:
    """A marker behind the lines that were logged before the level of sinks without one of their own was changed.

    Attributes:
        no: the level.
    """

    __slots__ = ("no",)

    def __init__(self, no: int) -> None:
        self.no = no

    def passed(self) -> None:
        """Nobody waits for it."""


class Backlog:
    """See the module's docstring.

    Written by the logging actor: `state`, `streak`, `failures`, and under the lock `accepted` and `epoch`. By the sink's actor: `written`,
    `filtered`, `busy_since`, under the lock and while its epoch is the present one. Both move lines under the lock, so that `stats`
    adds up at any moment.
    """

    def __init__(self, sink: Sink, lowest: int, keep: int, totals: Losses) -> None:
        self.sink = sink
        self.lowest = lowest
        self.room = min(BATCH, (sink.backlog + 1) // 2)  # lines that it is given at once
        self._keep = keep
        self._totals = totals
        self.lines: deque[Record | Flush] = deque()  # under lock
        self.losses = Losses()  # that it has not told of yet
        self.lost = 0  # under lock
        self.accepted = 0  # under lock
        self.written = 0  # under lock
        self.filtered = 0  # under lock: of the accepted ones
        self.state = SinkState.WORKING
        self.idle = True  # whether its actor has to be told that there is something; set by it, cleared by whoever tells it
        self.busy_since: float | None = None
        self.failures = 0
        self.streak = 0  # failures in a row, nothing being written or given up between them
        self.settled = 0  # under lock: lines that its actors have done with
        self.error: str | None = None
        self.epoch = 0
        self.thread: threading.Thread | None = None  # of the present actor; written by it when it begins
        self.opened = False
        self.threadless = False  # whether no thread was to be had for its actor
        self.shared = False  # whether its file is the parent's, of whom this is a fork
        self.lock = threading.RLock()  # a signal handler may ask for the account in the middle of anything
        self._batch: list[Record] = []  # under lock: what is being written
        self._progress = Progress()
        self._report: dict[tuple[Why, int, str], int] = {}  # under lock: what a line is being written about
        self._told_at = 0  # `written` at the last report
        self._suspect: Record | None = None  # with which it failed last
        self._tries = 0

    # -- the logging actor's side ------------------------------------------------------------------------------------------

    def full(self) -> bool:
        """Tell whether there is no room for `room` lines."""
        return len(self.lines) + len(self._batch) > self.sink.backlog - self.room

    def put(self, record: Record) -> None:
        """Take a line, or count it as lost: those below the level that is kept longest have no place in a backlog that is full."""
        own = record.more is not None and record.more.own
        most = self.sink.backlog
        if record.no >= self._keep:
            most += most // 4
        with self.lock:
            fits = len(self.lines) + len(self._batch) < most  # what is being written may come back
            if fits:
                self.lines.append(record)
            if not own:
                self.accepted += 1
                self.lost += not fits
        if not fits and not own:
            self._lose(Why.BACKLOG, record)

    def _lose(self, why: Why, record: Record) -> None:
        self.losses.add(why, record.no, record.actor)
        self._totals.add(why, record.no, record.actor)

    def put_marker(self, marker: Flush) -> None:
        """Put a marker in."""
        with self.lock:
            self.lines.append(marker)

    def lose_counts(self, counts: dict[tuple[Why, int, str], int]) -> None:
        """Count lines as lost that were lost before they came here."""
        number = self.losses.merge(counts, self.lowest)
        with self.lock:
            self.lost += number
            self.accepted += number

    def has_news(self) -> bool:
        """Tell whether there are losses to report. A sink that logs while it writes does so for the report too: none about that alone."""
        losses = self.losses
        return losses.total > losses.own or (losses.total > 0 and self.written != self._told_at)

    def progress(self) -> tuple[int, int]:
        """Return what changes whenever the sink gets on."""
        return self.written, self._progress.done

    def waiting(self) -> int:
        """Return how many lines are still to be written."""
        return self.stats().waiting

    def give_up(self) -> None:
        """Fence the present actor, which is hung or dead; the lines of the write it is at count as lost, the others wait again."""
        with self.lock:
            self.epoch += 1
            batch, self._batch, self.busy_since = self._batch, [], None
            progress, self._progress = self._progress, Progress()
            progress.fenced = True
            done, upto = progress.done, progress.upto
            self._settle(batch, done, progress.filtered)
            hung = [one for one in batch[done:upto] if not one.own]
            self.lost += len(hung)
            self.lines.extendleft(reversed(batch[max(done, upto) :]))
            report, self._report = self._report, {}
        for one in hung:
            self._lose(Why.HUNG, one)
        self.losses.merge(report)

    def close(self) -> tuple[dict[tuple[Why, int, str], int], int]:
        """End it; return what it has not told of being lost, and how many lines were not written."""
        self.give_up()
        self.state = SinkState.CLOSED
        return self.losses.take(), self.waiting()

    def stats(self) -> SinkStats:
        """Return the account."""
        with self.lock:
            # Each read once: the writer goes on meanwhile.
            done, filtered = self._progress.done, self._progress.filtered
            waiting = sum(1 for one in [*self.lines, *self._batch[done:]] if type(one) is Record and not one.own)
            own = sum(1 for one in self._batch[:done] if one.own)
            written = self.written + done - filtered - own
            accepted = self.accepted - self.filtered - filtered
            return SinkStats(self.sink.name, self.state, accepted, written, self.lost, waiting, self.failures, self.error)

    # -- the sink's side ---------------------------------------------------------------------------------------------------

    def take(self, epoch: int, now: float) -> tuple[list[Record], Progress] | None:
        """Return the next lines, up to a marker, and what tells how far they are written; None to an actor that was given up."""
        with self.lock:
            if epoch != self.epoch:
                return None
            batch: list[Record] = []
            lines = self.lines
            while len(batch) < self.room and lines and type(lines[0]) is Record:
                batch.append(lines.popleft())  # type: ignore[arg-type]  # looked at above
            self._batch, self._progress = batch, Progress()
            self.busy_since = now
            return batch, self._progress

    def busy(self, epoch: int, since: float | None) -> None:
        """Take note that the sink is closed since then, which may hang too; None: that it was."""
        with self.lock:
            if epoch == self.epoch:
                self.busy_since = since

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
            self._finish(progress)
            return True

    def _finish(self, progress: Progress) -> None:
        self.busy_since = None
        self._settle(self._batch, progress.done, progress.filtered)
        self._batch, self._progress = [], Progress()

    def _settle(self, batch: list[Record], done: int, filtered: int) -> None:
        own = sum(1 for one in batch[:done] if one.own)
        self.written += done - filtered - own
        self.filtered += filtered
        self.settled += done
        if done:
            self._suspect = None

    def reporting(self, epoch: int, now: float) -> dict[tuple[Why, int, str], int] | None:
        """Return what was lost, for a line about it; None to an actor that was given up. If that hangs, it is to be told again."""
        with self.lock:
            if epoch != self.epoch:
                return None
            self.busy_since = now
            self._told_at = self.written
            self._report = self.losses.take()
            return self._report

    def reported(self, epoch: int, *, ok: bool) -> bool:
        """Take note that the line is written, or not; False to an actor that was given up meanwhile."""
        with self.lock:
            if epoch != self.epoch:
                return False
            self.busy_since = None
            report, self._report = self._report, {}
        if not ok:
            self.losses.merge(report)
        return ok

    def failed(self, epoch: int, batch: list[Record], progress: Progress, error: BaseException) -> bool:
        """Take note of a failure: what was not written waits again, but for a line with which it fails each time."""
        refused = None
        with self.lock:
            if epoch != self.epoch:
                return False
            self._finish(progress)
            rest = batch[progress.done :]
            if rest and not isinstance(error, OSError):  # a full disk or a broken pipe is no line's fault
                first = rest[0]
                self._tries = self._tries + 1 if first is self._suspect else 1
                self._suspect = first
                if self._tries >= self.sink.attempts:
                    refused = rest.pop(0)
                    self._suspect = None
                    self.settled += 1
                    self.lost += not refused.own
            self.lines.extendleft(reversed(rest))
        if refused is not None and not refused.own:
            self._lose(Why.REFUSED, refused)
        return True
