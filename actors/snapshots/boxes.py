"""A tree of boxes as an SVG picture: the first to the left, its children stacked to the right of it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from actors.palette import on_both_pages
from actors.texts import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.snapshots.layout import Line

__all__ = ["Box", "boxes_svg"]

_BOLD, _SANS = 8.8, 7.4  # pixels of a column, about
_MARGIN, _PAD, _DOT = 14, 12, 18
_LINE, _GAP, _ALLEY = 17, 10, 46  # pixels of a line of text, between two boxes, between two generations
_SHAPE = """
.gt { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 13px; }
.gt-name { font-weight: 600; font-size: 14px; }
.gt-supervisor { stroke-width: 2; }
.gt-branch { fill: none; stroke-width: 1.4; }
.gt-left-out { stroke-dasharray: 2 4; }
"""


def _colours(of: Mapping[str, str]) -> str:
    return "\n".join(
        [
            f".gt-paper {{ fill: {of['paper']}; }}",
            f".gt-ink {{ fill: {of['ink']}; }}",
            f".gt-muted {{ fill: {of['muted']}; }}",
            f".gt-box {{ fill: {of['head']}; stroke: {of['lane']}; }}",
            f".gt-supervisor {{ stroke: {of['signal']}; }}",
            f".gt-branch {{ stroke: {of['muted']}; }}",
            *(f".gt-{name} {{ fill: {of[name]}; }}" for name in ("start", "warm", "reply", "crash")),
        ]
    )


_STYLE = on_both_pages(_colours) + _SHAPE


@dataclass(frozen=True, slots=True)
class Box:
    """What is drawn of one actor.

    Attributes:
        texts: the lines of text, each with its CSS classes; "gt-name" stands for a name.
        tooltip: what is told when one points at it.
        frame: CSS class of its frame.
        dot: CSS class of the dot beside the name; empty for none.
    """

    texts: Sequence[tuple[str, str]]
    tooltip: str
    frame: str = ""
    dot: str = ""


def boxes_svg(lines: Sequence[Line[Any]], boxes: Sequence[Box]) -> str:
    """Return the picture of `lines`, with the box of each, as an SVG document. Its colours follow the page: light or dark."""
    return _Picture(lines, boxes).svg()


class _Picture:
    """The boxes of a tree, each with a place."""

    def __init__(self, lines: Sequence[Line[Any]], boxes: Sequence[Box]) -> None:
        self._lines = lines
        self._boxes = boxes
        self._widths = [max(_pixels(text, classes) for classes, text in texts) + _PAD * 2 + _DOT for texts in (box.texts for box in boxes)]
        self._heights = [_LINE * len(box.texts) + _PAD for box in boxes]
        self._xs, self._right = self._columns()
        self._tops, self._bottom = self._rows()

    def _columns(self) -> tuple[list[float], float]:
        """Return where the boxes begin: those of one generation below each other, right of the widest of the one before."""
        widest = [0.0] * (1 + max(line.depth for line in self._lines))
        for line, width in zip(self._lines, self._widths, strict=True):
            widest[line.depth] = max(widest[line.depth], width)
        begins = [float(_MARGIN)]
        for width in widest:
            begins.append(begins[-1] + width + _ALLEY)
        return [begins[line.depth] for line in self._lines], begins[-1] - _ALLEY + _MARGIN

    def _rows(self) -> tuple[list[float], float]:
        """Return where the boxes begin from above: each in the middle of what is to the right of it."""
        below = [0.0] * len(self._lines)  # pixels that the children of a box take, with all of theirs
        blocks = [0.0] * len(self._lines)  # what it takes itself, with them
        for place in range(len(self._lines) - 1, -1, -1):
            blocks[place] = max(below[place] - _GAP, float(self._heights[place]))
            if place:
                below[self._lines[place].parent] += blocks[place] + _GAP
        free = [0.0] * len(self._lines)  # where the next child of a box goes
        tops = []
        for place, line in enumerate(self._lines):
            begin = free[line.parent] if place else float(_MARGIN)
            if place:
                free[line.parent] += blocks[place] + _GAP
            free[place] = begin + (blocks[place] - (below[place] - _GAP)) / 2
            tops.append(begin + (blocks[place] - self._heights[place]) / 2)
        return tops, blocks[0] + 2 * _MARGIN

    def svg(self) -> str:
        """Return the picture."""
        size = f'width="{self._right:.0f}" height="{self._bottom:.0f}" viewBox="0 0 {self._right:.0f} {self._bottom:.0f}"'
        actors = sum(1 for line in self._lines if line.node is not None) + sum(line.left_out for line in self._lines)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="gt" role="img" {size}>',
                f"<title>A tree of {actors:,}, with the system</title>",
                f"<style>{_STYLE}</style>",
                f'<rect class="gt-paper" width="{self._right:.0f}" height="{self._bottom:.0f}" rx="8"/>',
                *(self._branch(place) for place in range(1, len(self._lines))),
                *(self._box(place) for place in range(len(self._lines))),
                "</svg>\n",
            ]
        )

    def _branch(self, place: int) -> str:
        parent = self._lines[place].parent
        from_x, from_y = self._xs[parent] + self._widths[parent], self._tops[parent] + self._heights[parent] / 2
        to_x, to_y = self._xs[place], self._tops[place] + self._heights[place] / 2
        middle = to_x - _ALLEY / 2
        return f'<path class="gt-branch" d="M{from_x:g} {from_y:g}H{middle:g}V{to_y:g}H{to_x:g}"/>'

    def _box(self, place: int) -> str:
        box, x, y = self._boxes[place], self._xs[place], self._tops[place]
        wide, high = self._widths[place], self._heights[place]
        parts = [
            f"<g><title>{escape(box.tooltip)}</title>",
            f'<rect class="gt-box {box.frame}" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high}" rx="8"/>',
        ]
        if box.dot:
            parts.append(f'<circle class="{box.dot}" cx="{x + _PAD + 4:g}" cy="{y + 18:g}" r="4.5"/>')
        for number, (classes, text) in enumerate(box.texts):
            at = f'x="{x + _PAD + _DOT:g}" y="{y + 5 + _LINE * (number + 1):g}"'
            parts.append(f'<text class="{classes}" {at}>{escape(text)}</text>')
        return "".join([*parts, "</g>"])


def _pixels(text: str, classes: str) -> float:
    return columns(text) * (_BOLD if "gt-name" in classes else _SANS)
