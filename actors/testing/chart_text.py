"""A run as lines of text: one lane per actor, one line per step."""

from __future__ import annotations

import string
import textwrap
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from actors.testing.chart_model import Shape, chart_of
from actors.texts import clipped, columns, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.chart_model import Chart, Row
    from actors.testing.trace import Step

__all__ = ["text_chart"]

NARROWEST = 40
_HEADS = (24, 18, 14, 10, 8)  # columns of the head of a lane: the first with which all of them fit
_ARROW = 6  # columns of an arrow that its label leaves: ends, tip, and a line before and after
_MESSAGES = 20  # columns of messages in a compact chart, at least
_LETTERS = string.ascii_uppercase + string.ascii_lowercase  # of lanes in a compact chart
_OTHERS = "*"


@dataclass(frozen=True, slots=True)
class _Signs:
    """The characters that lines are drawn with."""

    lane: str
    line: str
    dashes: str
    cross: str
    tails: str
    tips: str
    concurrent: str
    ellipsis: str
    marks: dict[Shape, str]

    def of(self, text: str) -> str:
        """Return `text` as these signs can show it."""
        return text if self is _UNICODE else text.replace(" → ", " -> ").encode("ascii", "backslashreplace").decode("ascii")


_UNICODE = _Signs("│", "─", "╌", "┼", "├┤", "▶◀", "∥", "…", dict(zip(Shape, "↺↺○■✗◷●✗", strict=True)))
_ASCII = _Signs("|", "-", ".", "+", "||", "><", "=", "..", dict(zip(Shape, "@@o#xt*x", strict=True)))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand.

    Attributes:
        width: columns of the chart.
        lanes: the column of each lane that is shown; of those that are merged into the last one, that.
        heads: columns of the head of each lane; empty in a compact chart.
        margin: columns for number, marks and time.
        times: columns of these for the time.
        signs: what lines are drawn with.
    """

    width: int
    lanes: tuple[int, ...]
    heads: tuple[int, ...]
    margin: int
    times: int
    signs: _Signs

    @property
    def compact(self) -> bool:
        """Whether messages have a column of their own, to the right of all lanes."""
        return not self.heads


def text_chart(steps: Sequence[Step], *, width: int = 100, ascii_only: bool = False) -> str:
    """Return a sequence chart of a run as text, for a terminal.

    Every actor has a lane, every step a line, on which an arrow goes from the lane of the sender to that of the receiver. A legend
    explains the marks that are used. Where there are too many lanes for `width`, they become narrow and messages stand beside them;
    where there are too many even for that, the actors with the fewest steps share the last lane.

    Args:
        steps: of a run, like `Failure.steps`; those of a part of it will do.
        width: columns that no line exceeds; a wide character counts as two.
        ascii_only: draw with ASCII, and escape what is not.

    Raises:
        ValueError: `width` is less than 40.
    """
    if width < NARROWEST:
        msg = f"width={width!r} is not valid: a chart takes {NARROWEST} columns at least"
        raise ValueError(msg)
    chart = chart_of(steps)
    if not steps:
        return "no steps"
    signs = _ASCII if ascii_only else _UNICODE
    layout = _wide(chart, width, signs) or _compact(chart, width, signs)
    lines = [*(_key if layout.compact else _heads)(chart, layout)]
    for row in chart.rows:
        lines += _row(row, layout)
    return "\n".join([*lines, *_legend(chart, layout)])


# -- layout ----------------------------------------------------------------------------------------------------------------


def _margin(chart: Chart) -> tuple[int, int]:
    """Return the columns of the margin, and of the time in it."""
    times = max((len(f"{row.step.time:g}s") for row in chart.rows if row.time is not None), default=0)
    digits = max((len(str(row.step.number)) for row in chart.rows), default=0)
    return digits + times + 5, times


def _wide(chart: Chart, width: int, signs: _Signs) -> _Layout | None:
    """Return a layout with messages on their arrows; None if there are too many lanes."""
    margin, times = _margin(chart)
    for most in _HEADS:
        heads = [min(most, max(columns(signs.of(text)) for text in (plain(lane.name), plain(lane.path)))) for lane in chart.lanes]
        gaps = [(one + other) // 2 + 2 for one, other in pairwise(heads)]
        spare = width - margin - sum(gaps) - (heads[0] + 1) // 2 - (heads[-1] + 1) // 2 - 1
        if spare >= 0:
            break
    else:
        return None
    _make_room(gaps, chart, spare, signs)
    lanes = [margin + heads[0] // 2]
    for gap in gaps:
        lanes.append(lanes[-1] + gap)
    return _Layout(width, tuple(lanes), tuple(heads), margin, times, signs)


def _make_room(gaps: list[int], chart: Chart, spare: int, signs: _Signs) -> None:
    """Widen `gaps` for the labels of arrows, the short ones first, as long as there is room to spare."""
    arrows = sorted((columns(signs.of(row.label)) + _ARROW, *sorted((row.source, row.target))) for row in chart.rows if not row.stays)
    for needed, low, high in arrows:
        missing = needed - sum(gaps[low:high])
        if 0 < missing <= spare:
            gaps[high - 1] += missing
            spare -= missing


def _compact(chart: Chart, width: int, signs: _Signs) -> _Layout:
    """Return a layout with narrow lanes and the messages beside them."""
    margin, times = _margin(chart)
    room = max(1, min((width - margin - _MESSAGES) // 2, len(_LETTERS)))
    own = set(range(len(chart.lanes)))
    if len(own) > room:
        busy = Counter(lane for row in chart.rows for lane in (row.source, row.target))
        own = set(sorted(own, key=lambda lane: -busy[lane])[: room - 1])
    lanes, column = [], margin
    for lane in range(len(chart.lanes)):
        lanes.append(column if lane in own else margin + 2 * len(own))
        column += 2 * (lane in own)
    return _Layout(width, tuple(lanes), (), margin, times, signs)


# -- lines -----------------------------------------------------------------------------------------------------------------


class _Line:
    """A line of text that can be written on at any column."""

    def __init__(self, layout: _Layout, margin: str = "", *, lanes: bool = True) -> None:
        self._cells = [" "] * layout.width
        self._layout = layout
        self.put(0, margin)
        for lane in layout.lanes if lanes else ():
            self.put(lane, layout.signs.lane)

    def put(self, column: int, text: str) -> None:
        """Write `text` over what is there."""
        for char in text:
            size = columns(char)
            if size == 0 and column:
                self._cells[column - 1] += char
            elif column + size <= len(self._cells):
                self._cells[column : column + size] = [char, ""][:size]
                column += size

    def near(self, column: int, text: str) -> None:
        """Write `text` at `column`, or as far to the left of it as it takes to fit."""
        layout = self._layout
        text = clipped(text, layout.width - layout.margin, layout.signs.ellipsis)
        self.put(min(column, layout.width - columns(text)), text)

    def __str__(self) -> str:
        return "".join(self._cells).rstrip()


def _heads(chart: Chart, layout: _Layout) -> list[str]:
    """Return the names and the paths of the lanes, each above its lane."""
    names, paths = _Line(layout, lanes=False), _Line(layout, lanes=False)
    for lane, column, room in zip(chart.lanes, layout.lanes, layout.heads, strict=True):
        for line, text in ((names, lane.name), (paths, lane.path)):
            shown = clipped(layout.signs.of(plain(text)), room, layout.signs.ellipsis)
            line.put(column - columns(shown) // 2, shown)
    return [str(names), str(paths), str(_Line(layout))]


def _key(chart: Chart, layout: _Layout) -> list[str]:
    """Return whose the narrow lanes are, and the letters above them."""
    signs = layout.signs
    line = _Line(layout, lanes=False)
    letters = iter(_LETTERS)
    owners = Counter(layout.lanes)
    names = [""]
    for lane, column in zip(chart.lanes, layout.lanes, strict=True):
        letter = next(letters) if owners[column] == 1 else _OTHERS
        line.put(column, letter)
        if letter != _OTHERS:
            name = clipped(signs.of(f"{letter} {lane.title}"), layout.width, signs.ellipsis)
            _pack(names, name, layout.width)
    others = max(owners.values())
    if others > 1:
        _pack(names, f"{_OTHERS} {others} others", layout.width)
    return [*names, "", str(line)]


def _pack(lines: list[str], text: str, width: int) -> None:
    """Write `text` at the end of the last line, or on a new one."""
    joined = f"{lines[-1]}   {text}" if lines[-1] else text
    if columns(joined) <= width:
        lines[-1] = joined
    else:
        lines.append(text)


def _row(row: Row, layout: _Layout) -> list[str]:
    """Return the lines of one step: that of its arrow, and those that explain it."""
    signs = layout.signs
    time = f"{row.step.time:g}s" if row.time is not None else ""
    concurrent = signs.concurrent if row.concurrent else " "
    mark = "!" if row.notes else "^" if row.late else " "
    digits = layout.margin - layout.times - 5
    line = _Line(layout, f"{row.step.number:>{digits}} {concurrent}{mark} {time:>{layout.times}} ")
    source, target = layout.lanes[row.source], layout.lanes[row.target]
    low, high = min(source, target), max(source, target)
    label = signs.of(row.label)
    if source != target:
        _arrow(line, row, layout)
    else:
        line.put(target, signs.marks[row.shape])
    above: list[str] = []
    if layout.compact:
        column = max(layout.lanes) + 3
        line.put(column, clipped(f"{label}  {_way(row, layout)}", layout.width - column, signs.ellipsis))
    elif columns(label) + _ARROW <= high - low:
        spare = high - low - columns(label) - 4
        line.put(low + 1 + spare // 2 + (source > target), f" {label} ")
    elif columns(label) <= layout.width - high - 2:
        line.put(high + 2, label)
    elif columns(label) <= low - 1 - layout.margin:
        line.put(low - 1 - columns(label), label)
    else:
        over = _Line(layout)
        over.near(low + 2, label)
        above = [str(over)]
    told = [f"! {note}" for note in row.notes]
    if row.crash:
        told.append(f"{signs.marks[Shape.CRASH]} {row.crash}")
    return [*above, str(line), *(_note(text, target, layout) for text in told)]


def _arrow(line: _Line, row: Row, layout: _Layout) -> None:
    signs = layout.signs
    source, target = layout.lanes[row.source], layout.lanes[row.target]
    ahead = 1 if target > source else -1
    for column in range(source + ahead, target, ahead):
        line.put(column, signs.dashes if row.shape is Shape.REPLY else signs.line)
    for lane in layout.lanes:
        if min(source, target) < lane < max(source, target):
            line.put(lane, signs.cross)
    line.put(source, signs.tails[ahead < 0])
    line.put(target - ahead, signs.tips[ahead < 0])
    if row.shape is not Shape.MESSAGE and row.shape is not Shape.REPLY:
        line.put(target, signs.marks[row.shape])


def _way(row: Row, layout: _Layout) -> str:
    """Return from whom to whom, in words."""
    sender, actor = row.step.sender or "scenario", row.step.actor or "scenario"
    return layout.signs.of(plain(f"{sender} → {actor}" if sender != actor else actor))


def _note(text: str, target: int, layout: _Layout) -> str:
    """Return the line of a note."""
    line = _Line(layout)
    line.near(max(layout.lanes) + 3 if layout.compact else target + 2, layout.signs.of(text))
    return str(line)


def _legend(chart: Chart, layout: _Layout) -> list[str]:
    """Return what explains the marks that are used."""
    rows, signs = chart.rows, layout.signs
    told = [chart.not_shown] if chart.folded else []
    if any(row.notes for row in rows):
        told.append("! overtook an older message to the same actor")
    if any(row.late and not row.notes for row in rows):
        told.append("^ came before something that had waited longer")
    if any(row.concurrent for row in rows):
        told.append(f"{signs.concurrent} concurrent with the step before: they could as well come the other way round, or at once")
    lines = [line for text in told for line in textwrap.wrap(text, layout.width, subsequent_indent="  ")]
    return ["", *lines] if lines else []
