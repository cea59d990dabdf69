"""A stream as text: a line for each stage, with its edges to the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.streams.layout import Place, layout
from actors.streams.picture import PACE, amount, fullness, headline, name_of, notes, pace_line, per_second, waiting
from actors.streams.stats import StageState
from actors.texts import clipped, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.streams.stats import StageStats, StreamStats

__all__ = ["MARK", "stream_ascii", "stream_text"]

BAR = 10  # columns
MARK = "  ◀"
_SIGNS = {
    StageState.WORKING: "●",
    StageState.WAITS_FOR_ELEMENTS: "○",
    StageState.WAITS_FOR_ROOM: "■",
    StageState.ENDED: "✓",
    StageState.FAILED: "✗",
}
_DROPPED = ("given", "taken", "notes", "bar", "state", "before it", "a second")  # columns, in the order in which they go where it is narrow
_ASCII = str.maketrans("●○■✓✗█░│─├╮╯┬┴┼◀…", "*o#+x#.|-+\\/+++<~")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    title: str
    right: bool
    cells: list[str]

    @property
    def width(self) -> int:
        return max(map(columns, (self.title, *self.cells)))

    def padded(self, text: str) -> str:
        gap = " " * (self.width - columns(text))
        return gap + text if self.right else text + gap


def stream_text(stats: StreamStats, width: int) -> str:
    """Return a stream as lines of at most `width` columns.

    Elements go down. A dot works, a circle waits for elements, a square for room; a cross is where it failed. The bar is what waits before
    a stage. Columns for which there is no room are left out.
    """
    places = layout(stats.stages)
    stuck = stats.stuck()
    lanes = 1 + max(max((place.lane, *place.joins, *place.forks)) for place in places)
    graph = 2 * lanes - 1
    whole = [column for column in _table(stats.stages) if column.width]
    table = _fitting(whole, width - graph - 1 - columns(MARK))
    mark = f"{MARK} {PACE}" if graph + 1 + _width(table) + columns(f"{MARK} {PACE}") <= width else MARK
    lines = [headline(stats), " " * (graph + 1) + _row(table, [column.title for column in table])]
    for index, (place, stage) in enumerate(zip(places, stats.stages, strict=True)):
        if place.joins:
            lines.append(_edges(place, place.joins, lanes, "┴╯"))
        said = _row(table, [column.cells[index] for column in table])
        sign = _line(place, {place.lane: _SIGNS[stage.state]}, lanes)
        lines.append(f"{sign} {said}{mark if stage is stuck else ''}")
        if len(place.forks) > 1:
            lines.append(_edges(place, place.forks[1:], lanes, "┬╮"))
    if stuck is not None:
        lines.append(pace_line(stuck))
    return "\n".join(clipped(line.rstrip(), width) for line in lines)


def stream_ascii(text: str) -> str:
    """Return what `stream_text` gave in ASCII, for files that take nothing else; names apart."""
    return text.translate(_ASCII)


def _table(stages: Sequence[StageStats]) -> list[_Column]:
    filled = [round(fullness(stage) * BAR) for stage in stages]
    bars = ["█" * full + "░" * (BAR - full) if stage.capacity else "" for full, stage in zip(filled, stages, strict=True)]
    return [
        _Column("stage", "stage", False, [name_of(stage) for stage in stages]),
        _Column("state", "state", False, [stage.state.value for stage in stages]),
        _Column("bar", "", False, bars),
        _Column("before it", "before it", True, [waiting(stage) for stage in stages]),
        _Column("a second", "a second", True, [per_second(stage.rate) for stage in stages]),
        _Column("taken", "taken", True, [amount(stage.taken) if stage.capacity else "" for stage in stages]),
        _Column("given", "given", True, [amount(stage.given) if stage.feeds else "" for stage in stages]),
        _Column("notes", "", False, [notes(stage) for stage in stages]),
    ]


def _fitting(table: list[_Column], width: int) -> list[_Column]:
    """Return as many of the columns as there is room for."""
    for name in _DROPPED:
        if _width(table) <= width:
            break
        table = [column for column in table if column.name != name]
    return table


def _width(table: list[_Column]) -> int:
    return sum(column.width + 2 for column in table) - 2


def _row(table: list[_Column], cells: list[str]) -> str:
    return "  ".join(column.padded(cell) for column, cell in zip(table, cells, strict=True))


def _line(place: Place, signs: dict[int, str], lanes: int) -> str:
    return " ".join(signs.get(lane, "│" if lane in place.passing else " ") for lane in range(lanes))


def _edges(place: Place, others: tuple[int, ...], lanes: int, corners: str) -> str:
    """Return the line on which the edges of `others` come to the stage, or leave it. All of them are to the right of it."""
    last = max(others)
    signs = {place.lane: "├", last: corners[1]}
    for lane in range(place.lane + 1, last):
        signs[lane] = corners[0] if lane in others else "┼" if lane in place.passing else "─"
    line = list(_line(place, signs, lanes))
    for gap in range(2 * place.lane + 1, 2 * last, 2):
        line[gap] = "─"
    return "".join(line)
