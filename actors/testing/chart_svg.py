"""A run as an SVG picture: time runs down, and a message is a line from the step that sent it to its delivery."""

from __future__ import annotations

import math
from html import escape
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from actors.testing.chart_model import Shape, chart_of
from actors.testing.chart_style import CLASS_OF, STYLE
from actors.texts import clipped, columns, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.chart_model import Chart, Row
    from actors.testing.trace import Step

__all__ = ["MOST", "svg_chart"]

MOST = 500  # steps that are drawn
_LABEL, _NOTE, _HEAD = 34, 80, 22  # columns that are shown of a text; all of a message is in the tooltip
_CODE, _SANS, _BOLD = 7.3, 7.2, 9.4  # pixels of a column, about
_MARGIN = 12
_AXIS = 96  # pixels for numbers and time, to the left of everything
_TOP, _ROW, _LINE = 66, 34, 17  # of the first row, of a row, of a line of text
_NEAREST = 120  # pixels between two lanes, at least
_BESIDE = 15  # pixels from a lane to what is written at it
_GLYPHS = {  # around the point of the step
    Shape.MESSAGE: '<circle class="{}" r="4.5"/>',
    Shape.REPLY: '<circle class="{} gr-hollow" r="4" stroke-width="1.6"/>',
    Shape.START: '<circle class="{} gr-hollow" r="5" stroke-width="2"/>',
    Shape.SIGNAL: '<rect class="{}" x="-4.5" y="-4.5" width="9" height="9" rx="1.5"/>',
    Shape.CRASH: '<path class="{}" stroke-width="3" stroke-linecap="round" d="M-5-5L5 5M-5 5L5-5"/>',
    Shape.TIMER: '<circle class="{0} gr-hollow" r="6" stroke-width="1.6"/><path class="{0} gr-hand" d="M0-3.5V0H3"/>',
    Shape.CALL: '<rect class="{} gr-hollow" x="-4" y="-4" width="8" height="8" rx="1.5" stroke-width="1.6"/>',
    Shape.OTHER: '<path class="{}" d="M2-9L-5 1.5H-.5L-2 9L5-1.5H.5Z"/>',
}


def svg_chart(steps: Sequence[Step]) -> str:
    """Return a sequence chart of a run as an SVG document.

    Time runs down. A message is a line from the step that sent it to its delivery, so what overtakes crosses what it overtakes; it is
    drawn in a warm colour, with what it came before. Tooltips have the whole message, and the vector clock. The colours follow the
    page: light or dark.

    Args:
        steps: of a run, like `Failure.steps`; of more than 500, the last 500 are drawn.
    """
    return _Picture(chart_of(steps[-MOST:]), max(0, len(steps) - MOST)).svg()


class _Picture:
    """One chart with a place for everything."""

    def __init__(self, chart: Chart, left_out: int) -> None:
        self._chart = chart
        self._legend = _legend(chart, left_out)
        self._heads = [max(_pixels(_head(lane.name), _BOLD), _pixels(_head(lane.path))) + 24 for lane in chart.lanes]
        self._xs, self._width = self._columns()
        self._ys: list[float] = []
        y = float(_TOP)
        for row in chart.rows:
            y += _ROW + _LINE * len(_lines(row))
            self._ys.append(y)
        self._bottom = y + 16

    def _columns(self) -> tuple[list[float], float]:
        """Return where the lanes are and how wide that is: what is written at a lane has room up to the next one."""
        heads = [0.0, *self._heads, 0.0]
        rooms = [max(_NEAREST / 2, (one + other) / 2 + 16) for one, other in pairwise(heads)]
        for row in self._chart.rows:
            side = row.target + (not _arrives_from_right(row))
            rooms[side] = max(rooms[side], _pixels(_shown(row), _CODE) + _BESIDE + 30)
        for row in filter(_arrives_from_right, self._chart.rows):
            room = sum(rooms[: row.target + 1])
            rooms[row.target] += max(0, *(_pixels(_explained(note)) + _BESIDE - room for note in _lines(row)), 0)
        xs = list(accumulate(rooms, initial=float(_AXIS)))
        notes = [xs[row.target + 1] + _BESIDE + _pixels(_explained(note)) + 12 for row in self._chart.rows for note in _lines(row)]
        legend = [_MARGIN + _pixels(text) + 12 for text in self._legend]
        return xs[1:-1], max(xs[-1], *notes, *legend, 0)

    def svg(self) -> str:
        """Return the picture."""
        legend = self._legend
        height = self._bottom + 14 + _LINE * len(legend)
        rows = [self._row(number, row) for number, row in enumerate(self._chart.rows)]
        told = [_text(_MARGIN, self._bottom + _LINE * (line + 1), "gr-muted", text) for line, text in enumerate(legend)]
        size = f'width="{self._width:.0f}" height="{height:.0f}" viewBox="0 0 {self._width:.0f} {height:.0f}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="gr" role="img" {size}>',
                f"<title>Sequence chart of {len(self._chart.folded) + len(self._chart.rows)} steps</title>",
                f"<style>{STYLE}</style>",
                f'<rect class="gr-paper" width="{self._width:.0f}" height="{height:.0f}" rx="8"/>',
                *self._lanes(),
                *(line for line, _ in rows),
                *(point for _, point in rows),
                *told,
                "</svg>\n",
            ]
        )

    def _lanes(self) -> list[str]:
        found = []
        for lane, x, width in zip(self._chart.lanes, self._xs, self._heads, strict=True):
            found += [
                f'<path class="gr-lane" d="M{x:g} 62V{self._bottom:g}"/>',
                f"<g><title>{escape(lane.title)}</title>",
                f'<rect class="gr-head" x="{x - width / 2:g}" y="14" width="{width:g}" height="48" rx="8"/>',
            ]
            if lane.name:
                found.append(_text(x, 34 if lane.path else 43, "gr-ink gr-name", _head(lane.name), "middle"))
            if lane.path:
                found.append(_text(x, 52 if lane.name else 43, "gr-muted gr-code", _head(lane.path), "middle"))
            found.append("</g>")
        return found

    def _row(self, number: int, row: Row) -> tuple[str, str]:
        """Return the line of a step, and what stands at its end: that is drawn above all lines."""
        x, y = self._xs[row.target], self._ys[number]
        top = y - _ROW * 2 / 3 - _LINE * len(_lines(row))
        colour = "gr-warm" if row.notes else "gr-warm gr-passed" if row.passed else CLASS_OF[row.shape]
        parts = [
            f'<g class="gr-step" data-step="{row.step.number}"><title>{escape(_tooltip(row))}</title>',
            f'<rect class="gr-hit" x="0" y="{top:g}" width="{self._width:.0f}" height="{y + _ROW / 3 - top:g}"/>',
            _text(36, y + 4.5, "gr-muted", str(row.step.number), "end"),
        ]
        if row.concurrent:
            parts.append(_text(43, y + 4.5, "gr-muted", "∥"))
        if row.time is not None:
            parts.append(_text(_AXIS - 6, y + 4.5, "gr-timer", f"{row.step.time:g} s", "end"))
        parts.append(self._label(row, x, y))
        parts.append(f'<g transform="translate({x:g} {y:g})">{_GLYPHS[row.shape].format(colour)}</g></g>')
        jump = f'<path class="gr-lane gr-jump" d="M{_AXIS} {top:g}H{self._width - 12:.0f}"/>' if number and row.time else ""
        return jump + self._line(number, row, colour), "".join(parts)

    def _line(self, number: int, row: Row, colour: str) -> str:
        """Return the line from the step that sent it to this one, if they are apart."""
        from_x, to_x, to_y = self._xs[row.source], self._xs[row.target], self._ys[number]
        from_y = self._ys[row.sent] if row.sent >= 0 else _TOP
        if row.stays:
            if row.sent < 0 or row.sent >= number:
                return ""
            bow = f"C{from_x - 40:g} {from_y:g} {to_x - 40:g} {to_y:g} {to_x - 7:g} {to_y:g}"
            return f'<path class="{colour} gr-line" d="M{from_x:g} {from_y:g}{bow}"/>'
        length = math.hypot(to_x - from_x, to_y - from_y)
        way_x, way_y = (to_x - from_x) / length, (to_y - from_y) / length
        tip_x, tip_y = to_x - 7 * way_x, to_y - 7 * way_y
        angle = math.degrees(math.atan2(way_y, way_x))
        line = f'<path class="{colour} gr-line" d="M{from_x:g} {from_y:g}L{tip_x - 6 * way_x:.1f} {tip_y - 6 * way_y:.1f}"/>'
        place = f'transform="translate({tip_x:.1f} {tip_y:.1f}) rotate({angle:.1f})"'
        return f'{line}<path class="{colour}" stroke="none" {place} d="M0 0L-10-4.5V4.5Z"/>'

    def _label(self, row: Row, x: float, y: float) -> str:
        """Return what is written at a step: above it and on the other side than its line comes from, so that none of its lines is there."""
        left = _arrives_from_right(row)
        texts = [("gr-ink gr-code", _shown(row), _CODE), *(("gr-warm", _explained(note), _SANS) for note in row.notes)]
        if row.crash:
            texts.append((CLASS_OF[Shape.CRASH], _explained(row.crash), _SANS))
        parts = []
        for line, (classes, text, column) in enumerate(reversed(texts)):
            width, at = _pixels(text, column), y - 6 - _LINE * line
            begin = x - _BESIDE - width if left else x + _BESIDE
            ground = f'x="{begin - 3:.1f}" y="{at - 12:g}" width="{width + 6:.1f}" height="15" rx="4"'
            parts.append(f'<rect class="gr-paper" fill-opacity="0.7" {ground}/>')
            parts.append(_text(begin + width if left else begin, at, classes, text, "end" if left else "start"))
        return "".join(parts)


def _legend(chart: Chart, left_out: int) -> list[str]:
    told = []
    if left_out:
        told.append(f"Of {left_out + MOST} steps the last {MOST}.")
    if chart.folded:
        told.append(f"{chart.not_shown.capitalize()}.")
    if any(row.notes for row in chart.rows):
        told.append("Orange: overtook an older message to the same actor; thin and dashed: was overtaken.")
    if any(row.concurrent for row in chart.rows):
        told.append("∥ concurrent with the step before: they could as well come the other way round, or at once.")
    return told


def _lines(row: Row) -> tuple[str, ...]:
    """Return what is written at a step beside its label."""
    return (*row.notes, row.crash) if row.crash else row.notes


def _arrives_from_right(row: Row) -> bool:
    return row.source > row.target


def _shown(row: Row) -> str:
    return clipped(row.label, _LABEL)


def _head(text: str) -> str:
    return clipped(plain(text), _HEAD)


def _explained(note: str) -> str:
    return clipped(note, _NOTE)


def _tooltip(row: Row) -> str:
    step = row.step
    lines = [
        f"{step.number}. {step.sender or 'scenario'} → {step.actor or 'scenario'}: {row.label}",
        f"at {step.time:g} s, because of {f'step {step.cause}' if step.cause else 'the scenario'}",
        *_lines(row),
    ]
    if row.late:
        lines.append(f"came before {step.overtook} that had waited longer")
    if step.clock:
        lines.append("clock: " + ", ".join(f"{path or 'scenario'} {count}" for path, count in step.clock.items()))
    return "\n".join(map(plain, lines))


def _pixels(text: str, column: float = _SANS) -> float:
    return columns(text) * column


def _text(x: float, y: float, classes: str, text: str, anchor: str = "start") -> str:
    return f'<text class="{classes}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
