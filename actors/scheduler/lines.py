"""Progress as plain lines, for files and pipes: few enough for a log to bear."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from actors.scheduler.task import RunOutcome
from actors.texts import error_text, plain

if TYPE_CHECKING:
    from actors.scheduler.board import Row, View
    from actors.scheduler.context import Progress

__all__ = ["Lines", "amount", "ending", "share", "short_text"]

MOST = 10  # lines of one look
QUIET = 5.0  # seconds without a line of a run
STEPS = 10  # lines of a run whose total is known
EXACT = 1e15  # from which on a number is shown by its first digits
LONGEST = 200  # characters of what users say

_ENDINGS = {RunOutcome.SUCCEEDED: "done", RunOutcome.FAILED: "failed", RunOutcome.CANCELLED: "cancelled"}


class Lines:
    """Writes a line for every tenth of a run, at least one in five seconds, and one for its end.

    Args:
        file: where they go.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._told: dict[tuple[int, int], tuple[int, float]] = {}  # of runs under way: the step and the seconds of their last line

    def begin(self) -> None:
        """Nothing is shown before there is something to say."""

    def show(self, view: View) -> None:
        """Write what is new. Of very much at once, the failures go first, and what is left out is counted."""
        ends = [_end_line(row) for row in sorted(view.ended, key=lambda row: row.outcome is not RunOutcome.FAILED)]
        steps = []
        told = {}
        for row in view.running:
            step, before = _step(row.progress), self._told.get(row.key, (0, 0.0))
            if step > before[0] or row.seconds - before[1] >= QUIET:
                steps.append(_line(row))
                before = (step, row.seconds)
            told[row.key] = before
        self._told = told
        lines = (ends + steps)[:MOST]
        left = len(ends) - len(lines)
        if left > 0:
            lines.append(f"... and {left} more that have ended")
        self._write(lines)

    def end(self, view: View, sums: str) -> None:
        """Write what is new, and the sums."""
        self.show(view)
        self._write([sums])

    def close(self) -> None:
        """Nothing to give back."""

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        text = "".join(f"{line}\n" for line in lines)
        self._file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._file.flush()


def amount(number: float) -> str:
    """Return a number as people read it."""
    number = _float(number)
    return f"{number:,.0f}" if number.is_integer() and abs(number) < EXACT else f"{number:,.4g}"


def share(progress: Progress | None) -> float | None:
    """Return how much of a run is done, 0.0 to 1.0; None if that is not known."""
    if progress is None or progress.total is None or not progress.total > 0:
        return None
    return min(1.0, max(0.0, _float(progress.done) / _float(progress.total)))


def ending(row: Row) -> str:
    """Return in words what became of a run, and how long it took."""
    assert row.outcome is not None
    words = _ENDINGS.get(row.outcome, row.outcome.value)
    tries = f", attempt {row.attempt}" if row.attempt > 1 else ""
    error = "" if row.error is None or row.outcome is not RunOutcome.FAILED else f": {short_text(error_text(row.error))}"
    return f"{words} in {row.seconds:.1f} s{tries}{error}"


def short_text(text: str) -> str:
    """Return what users say in one line that is not too long."""
    text = plain(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # a whole number may be more than any float is
        return float("inf") if number > 0 else float("-inf")


def _step(progress: Progress | None) -> int:
    done = share(progress)
    return 0 if done is None else int(done * STEPS)


def _line(row: Row) -> str:
    progress = row.progress
    parts = []
    if progress is not None:
        done = share(progress)
        if done is not None and progress.total is not None:
            parts.append(f"{done:.0%} ({amount(progress.done)} of {amount(progress.total)})")
        else:
            parts.append(f"{amount(progress.done)} done")
        if progress.text:
            parts.append(short_text(progress.text))
    parts.append(f"{'waiting for attempt ' + str(row.attempt + 1) if row.waiting else 'running'} for {row.seconds:.0f} s")
    return f"{short_text(row.name)}: {', '.join(parts)}"


def _end_line(row: Row) -> str:
    return f"{short_text(row.name)}: {ending(row)}"
