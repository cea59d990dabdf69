"""What pictures of a stream say, in whatever form: words and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.streams.stats import StageState
from actors.texts import clipped, plain

if TYPE_CHECKING:
    from actors.streams.stats import StageStats, StreamStats

__all__ = ["PACE", "amount", "fullness", "headline", "name_of", "notes", "pace_line", "per_second", "waiting"]

PACE = "sets the pace"
LONGEST = 40  # columns of a name
TOLD = 200  # columns of an error
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_EXACT = 10_000  # up to which a number is shown digit by digit


def amount(number: float) -> str:
    """Return a number in few characters, as people read it."""
    if number < _EXACT:
        return f"{number:.0f}"
    for size, unit in _UNITS:
        if number >= size:
            scaled = number / size
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.1f}{unit}"  # noqa: PLR2004  # three digits
    raise AssertionError(number)


def per_second(rate: float) -> str:
    """Return a rate in few characters."""
    return f"{rate:.1f}" if 0 < rate < 10 else amount(rate)  # noqa: PLR2004  # one digit says too little


def name_of(stage: StageStats) -> str:
    """Return the name of a stage, on one line that is not too long."""
    return clipped(plain(stage.name), LONGEST)


def fullness(stage: StageStats) -> float:
    """Return how much of the room before a stage is taken, 0.0 to 1.0."""
    return min(1.0, stage.waiting / stage.capacity) if stage.capacity else 0.0


def waiting(stage: StageStats) -> str:
    """Return how many elements wait before a stage, and how many may; nothing for a source."""
    return f"{amount(stage.waiting)}/{amount(stage.capacity)}" if stage.capacity else ""


def notes(stage: StageStats) -> str:
    """Return what else there is to say: only what is out of the ordinary."""
    said = [(stage.under_way, "under way"), (stage.skipped, "skipped"), (stage.dropped, "dropped"), (stage.restarts, "restarts")]
    return ", ".join(f"{amount(number)} {what}" for number, what in said if number)


def headline(stats: StreamStats) -> str:
    """Return what there is to say of the whole stream."""
    over = all(stage.state in (StageState.ENDED, StageState.FAILED) for stage in stats.stages)
    said = f"stream {clipped(plain(stats.name), LONGEST)}: {stats.state.value} {'after' if over else 'for'} {stats.seconds:.1f} s"
    if stats.error is None:
        return said
    where = next((f" in {name_of(stage)}" for stage in stats.stages if stage.state is StageState.FAILED), "")
    return f"{said}{where}: {clipped(plain(stats.error), TOLD)}"


def pace_line(stuck: StageStats) -> str:
    """Return in words where the stream is stuck."""
    if not stuck.capacity:
        return f"{name_of(stuck)} {PACE}: nothing waits, all others could do more"
    return f"{name_of(stuck)} {PACE}: {stuck.waiting:,} of {stuck.capacity:,} wait before it"
