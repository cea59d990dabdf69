"""A tree of actors as an SVG picture: the first to the left, its children stacked to the right of it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from actors.palette import on_both_pages
from actors.texts import clipped, columns, plain
from supervisors.picture import Condition, condition_of, details, lines_of, more

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisors.nodes import TreeNode
    from supervisors.picture import Line

__all__ = ["tree_svg"]

_NAME, _TOLD = 40, 64  # columns that are shown of a text; all of it is in the tooltip
_BOLD, _SANS = 8.8, 7.4  # pixels of a column, about
_MARGIN, _PAD, _DOT = 14, 12, 18
_LINE, _GAP, _ALLEY = 17, 10, 46  # pixels of a line of text, between two boxes, between two generations
_DOTS = {Condition.RUNNING: "gt-start", Condition.CHANGING: "gt-warm", Condition.OVER: "gt-reply"}
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


def tree_svg(node: TreeNode) -> str:
    """Return a tree as an SVG document.

    Supervisors have a violet frame. A green dot is an actor that runs, an orange one comes or goes, a grey one has ended; the last error is
    red. Tooltips have the whole path and the whole error. The colours follow the page: light or dark. Of more than 300 actors, and of more
    than 40 children of one, some are only counted.
    """
    return _Picture(lines_of(node)).svg()


class _Picture:
    """The boxes of a tree, each with a place."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._texts = [_texts(line) for line in lines]
        self._widths = [max(_pixels(text, classes) for classes, text in texts) + _PAD * 2 + _DOT for texts in self._texts]
        self._heights = [_LINE * len(texts) + _PAD for texts in self._texts]
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
        line, x, y = self._lines[place], self._xs[place], self._tops[place]
        node = line.node
        frame = "gt-left-out" if node is None else "gt-supervisor" if node.strategy is not None else ""
        parts = [
            f"<g><title>{escape(_tooltip(line))}</title>",
            f'<rect class="gt-box {frame}" x="{x:g}" y="{y:g}" width="{self._widths[place]:g}" height="{self._heights[place]}" rx="8"/>',
        ]
        if node is not None:
            parts.append(f'<circle class="{_DOTS[condition_of(node)]}" cx="{x + _PAD + 4:g}" cy="{y + 18:g}" r="4.5"/>')
        for number, (classes, text) in enumerate(self._texts[place]):
            at = f'x="{x + _PAD + _DOT:g}" y="{y + 5 + _LINE * (number + 1):g}"'
            parts.append(f'<text class="{classes}" {at}>{escape(text)}</text>')
        return "".join([*parts, "</g>"])


def _texts(line: Line) -> list[tuple[str, str]]:
    """Return the lines of text in a box, each with its classes."""
    node = line.node
    if node is None:
        return [("gt-muted", more(line.left_out))]
    told = " · ".join([str(node.state.value), *details(node)])
    texts = [
        ("gt-ink gt-name", clipped(plain(node.name), _NAME)),
        ("gt-muted", clipped(plain(node.kind), _TOLD)),
        ("gt-ink", clipped(plain(told), _TOLD)),
    ]
    if node.error is not None:
        texts.append(("gt-crash", clipped(plain(node.error), _TOLD)))
    return texts


def _tooltip(line: Line) -> str:
    node = line.node
    if node is None:
        return more(line.left_out)
    return "\n".join(map(plain, [node.path, node.kind, *([node.error] if node.error is not None else [])]))


def _pixels(text: str, classes: str) -> float:
    return columns(text) * (_BOLD if "gt-name" in classes else _SANS)
