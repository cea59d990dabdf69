"""A machine as an SVG picture: boxes for its states, nested as they are, and arrows for its transitions."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from actors.palette import on_both_pages
from actors.texts import clipped, columns, plain
from supervisors.machine.chart import Kind
from supervisors.machine.drawing import EVERYWHERE, Drawing, Line, Place, current_node, histories_of, tooltip, wrapped
from supervisors.machine.layout import Item, Link, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisors.machine.tree import Node

__all__ = ["svg"]

_WIDEST, _FOLD = 44, 26  # columns of a line; from which on a label has several
_BOLD, _SMALL = 10.6, 6.9  # pixels of a column, about
_PAD, _TITLE, _LINE = 12.0, 20.0, 16.0
_DOT, _RING, _ROUND, _DIAMOND = 14.0, 18.0, 26.0, 18.0
_LOOP = 26.0  # pixels that an arrow to itself goes aside
_MARGIN = 6.0
_TIP = (4.0, 8.0)  # half the width of the tip of an arrow, and its length
_SHAPE = """
.gm { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 12px; }
.gm-name { font-weight: 600; font-size: 14px; }
.gm-arrow { fill: none; stroke-width: 1.3; }
.gm-box, .gm-frame { stroke-width: 1.3; }
.gm-everywhere { stroke-dasharray: 5 4; }
.gm-pseudo, .gm-ring { stroke-width: 1.5; }
"""


def _colours(of: Mapping[str, str]) -> str:
    return "\n".join(
        [
            f".gm-paper {{ fill: {of['paper']}; }}",
            f".gm-ink {{ fill: {of['ink']}; }}",
            f".gm-muted {{ fill: {of['muted']}; }}",
            f".gm-timed {{ fill: {of['timer']}; }}",
            f".gm-box {{ fill: {of['head']}; stroke: {of['muted']}; }}",
            f".gm-frame {{ fill: {of['paper']}; stroke: {of['signal']}; }}",
            f".gm-everywhere {{ fill: {of['paper']}; stroke: {of['muted']}; }}",
            f".gm-arrow {{ stroke: {of['muted']}; }}",
            f".gm-tip, .gm-dot {{ fill: {of['muted']}; }}",
            f".gm-pseudo, .gm-ring {{ fill: {of['paper']}; stroke: {of['muted']}; }}",
            f".gm-current {{ fill: {of['message']}; stroke: {of['message']}; }}",
            f".gm-frame.gm-current {{ fill: {of['paper']}; stroke: {of['message']}; stroke-width: 2.5; }}",
            f".gm-on-current {{ fill: {of['paper']}; }}",
        ]
    )


_STYLE = on_both_pages(_colours) + _SHAPE


def svg(machine: type[Any], current: Any = None) -> str:
    """Return the chart of a class of machines as an SVG document.

    A violet frame is a state with others inside, a dashed box says what holds in any state. Black dots lead to where it begins, a ring
    marks an end, an H where it was before. What time brings about is in the colour of timers. Tooltips have the lines of the declarations.
    The colours follow the page: light or dark.

    Raises:
        ValueError: `current` is no state of it.
    """
    drawing = Drawing(machine, machine._greenroom_table)
    return _Picture(drawing, current_node(machine, drawing.tree, current)).svg()


class _Shape:
    """A box with what is written in it, or a sign."""

    def __init__(self, kind: str, title: str = "", lines: Sequence[Line] = (), where: str = "", node: Node | None = None) -> None:
        self.kind = kind  # state, frame, everywhere, dot, choice, history
        self.title = clipped(plain(title), _WIDEST)
        self.lines = wrapped(lines, _WIDEST)
        self.where = where
        self.node = node
        self.loop: list[Line] = []
        self.item = Item(*self._size())

    @property
    def final(self) -> bool:
        """Whether it is an end."""
        return self.node is not None and self.node.kind is Kind.FINAL

    def _size(self) -> tuple[float, float]:
        if self.kind in ("dot", "choice", "history"):
            size = {"dot": _DOT, "choice": _DIAMOND, "history": _ROUND}[self.kind]
            return size, size
        ring = _RING + 6 if self.final else 0.0
        texts = [columns(self.title) * _BOLD + ring, *(_pixels(line) for line in self.lines)]
        inset = 0.0 if self.kind == "frame" else _PAD
        height = _TITLE + _LINE * len(self.lines) + (0.0 if self.kind == "frame" else _PAD)
        return max(max(texts) + 2 * inset, 0.0 if self.kind == "frame" else 56.0), height


class _Picture:
    """The shapes and arrows of a chart, each with a place."""

    def __init__(self, drawing: Drawing, current: Node | None) -> None:
        self._drawing = drawing
        self._current = current
        self._shapes: list[_Shape] = []
        self._states: dict[Node, _Shape] = {}
        self._ends: dict[tuple[Node, str], _Shape] = {}  # histories
        self._links: dict[tuple[Item, Item], tuple[Link, list[Line]]] = {}
        root = drawing.tree.root
        self._root = _Shape("frame", drawing.name)
        self._fill(self._root.item, root)
        for arrow in drawing.arrows:
            source = self._states[arrow.source]
            line = Line(arrow.text, arrow.where, timed=arrow.timed)
            if len(arrow.targets) == 1:
                self._link(source, self._end(arrow.targets[0]), line)
                continue
            around = source.item if source.kind == "frame" else source.item.parent
            choice = self._add(self._root.item if around is None else around, _Shape("choice", where=arrow.where))
            self._link(source, choice, line)
            for end in dict.fromkeys(map(self._end, arrow.targets)):
                self._link(choice, end, Line("?", arrow.where))
        self._size_links()
        place(self._root.item, [link for link, _ in self._links.values()])

    # -- what there is -----------------------------------------------------------------------------------------------------

    def _fill(self, item: Item, node: Node) -> None:
        """Add what is inside of a state."""
        dot = self._add(item, _Shape("dot")) if node.initial is not None else None
        for child in sorted(node.children, key=lambda one: one is not node.initial):
            kind = "frame" if child.children else "state"
            shape = _Shape(kind, child.name.name if child.name is not None else "", self._drawing.lines[child], child.where, child)
            self._states[child] = self._add(item, shape)
            if child.children:
                self._fill(shape.item, child)
            if child is node.initial and dot is not None:
                self._link(dot, shape, None)
        for kind in histories_of(self._drawing).get(node, []):
            self._ends[node, kind] = self._add(item, _Shape("history", kind))
        lines = self._drawing.lines[node]
        if node.name is None and (lines or any(arrow.source is node for arrow in self._drawing.arrows)):
            self._states[node] = self._add(item, _Shape("everywhere", EVERYWHERE, lines, node.where))

    def _add(self, around: Item, shape: _Shape) -> _Shape:
        shape.item.parent = around
        around.inside.append(shape.item)
        self._shapes.append(shape)
        return shape

    def _end(self, end: Place) -> _Shape:
        return self._ends[end.node, end.history] if end.history else self._states[end.node]

    def _link(self, source: _Shape, target: _Shape, line: Line | None) -> None:
        """Add an arrow; what leads from the same state to the same one is one arrow."""
        if source is target:
            if line is not None:
                source.loop.append(line)
            return
        key = (source.item, target.item)
        _, lines = self._links.setdefault(key, (Link(*key), []))
        lines += [line] if line is not None else []

    def _size_links(self) -> None:
        for link, lines in self._links.values():
            folded = _folded(lines)
            if folded:
                link.width, link.height = max(map(_pixels, folded)), _LINE * len(folded) + 4
        for shape in self._shapes:
            if shape.loop:
                shape.item.aside = _LOOP + 6 + max(map(_pixels, _folded(shape.loop)))
                shape.item.height = max(shape.item.height, _LINE * len(_folded(shape.loop)))

    # -- drawing -----------------------------------------------------------------------------------------------------------

    def svg(self) -> str:
        """Return the picture."""
        root = self._root.item
        width, height = root.width + 2 * _MARGIN, root.height + 2 * _MARGIN
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="{-_MARGIN:g} {-_MARGIN:g} {width:.0f} {height:.0f}"'
        states = len(self._drawing.tree.nodes)
        choices = {shape.item for shape in self._shapes if shape.kind == "choice"}
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="gm" role="img" {size}>',
                f"<title>{escape(plain(self._drawing.name))}, a state machine of {states} states</title>",
                f"<style>{_STYLE}</style>",
                f'<rect class="gm-paper" x="{-_MARGIN:g}" y="{-_MARGIN:g}" width="{width:.0f}" height="{height:.0f}" rx="8"/>',
                _text("gm-ink gm-name", _MARGIN + 4, _MARGIN + 16, self._root.title),
                *(self._frame(shape) for shape in self._shapes if shape.kind == "frame"),
                *(_arrow(link, inside=link.source in choices) for link, _ in self._links.values()),
                *(self._drawn(shape) for shape in self._shapes),
                *(_labels(_folded(lines), *link.label) for link, lines in self._links.values() if lines),
                "</svg>\n",
            ]
        )

    def _frame(self, shape: _Shape) -> str:
        item = shape.item
        return _rect(f"gm-frame{self._accent(shape)}", item)

    def _accent(self, shape: _Shape) -> str:
        return " gm-current" if shape.node is not None and shape.node is self._current else ""

    def _drawn(self, shape: _Shape) -> str:
        item = shape.item
        x, y = item.x + item.width / 2, item.y + item.height / 2
        if shape.kind == "dot":
            return f'<circle class="gm-dot" cx="{x:.1f}" cy="{y:.1f}" r="{_DOT / 2 - 1:g}"/>'
        if shape.kind == "choice":
            half = _DIAMOND / 2
            path = f"M{x:.1f} {y - half:.1f}l{half:g} {half:g}l{-half:g} {half:g}l{-half:g} {-half:g}z"
            return f'<path class="gm-pseudo" d="{path}"><title>{escape(tooltip(shape.where))}</title></path>'
        if shape.kind == "history":
            text = f'<text class="gm-ink" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{shape.title}</text>'
            return f'<circle class="gm-pseudo" cx="{x:.1f}" cy="{y:.1f}" r="{_ROUND / 2 - 1:g}"/>{text}'
        return self._box(shape)

    def _box(self, shape: _Shape) -> str:
        item = shape.item
        parts = [f'<g class="gm-{shape.kind}-of"><title>{escape(tooltip(shape.where))}</title>']
        inset = _PAD
        if shape.kind != "frame":
            parts.append(_rect(f"gm-{'box' if shape.kind == 'state' else 'everywhere'}{self._accent(shape)}", item))
        else:
            inset = 16.0
        on = shape.kind != "frame" and bool(self._accent(shape))
        x, y = item.x + inset, item.y + (16.0 if shape.kind == "frame" else _PAD / 2) + 15
        if shape.final:
            parts.append(f'<circle class="gm-ring" cx="{x + 8:.1f}" cy="{y - 5:.1f}" r="7"/>')
            parts.append(f'<circle class="gm-dot" cx="{x + 8:.1f}" cy="{y - 5:.1f}" r="3.5"/>')
        parts.append(_text("gm-name " + ("gm-on-current" if on else "gm-ink"), x + (_RING + 4 if shape.final else 0), y, shape.title))
        parts.append(_labels(shape.lines, x, y + 4, "gm-on-current" if on else None))
        if shape.loop:
            parts.append(_loop(item, _folded(shape.loop)))
        return "".join([*parts, "</g>"])


def _rect(classes: str, item: Item) -> str:
    return f'<rect class="{classes}" x="{item.x:.1f}" y="{item.y:.1f}" width="{item.width:.1f}" height="{item.height:.1f}" rx="8"/>'


def _text(classes: str, x: float, y: float, text: str, hint: str = "") -> str:
    title = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}">{title}{escape(text)}</text>'


def _labels(lines: Sequence[Line], x: float, y: float, classes: str | None = None) -> str:
    """Return lines of text below each other, the first one below `y`."""
    drawn = []
    for number, line in enumerate(lines):
        colour = classes or ("gm-timed" if line.timed else "gm-ink" if line.leads else "gm-muted")
        drawn.append(_text(colour, x, y + _LINE * (number + 1) - 2, clipped(line.text, _WIDEST), f"{line.text}\n{tooltip(line.where)}"))
    return "".join(drawn)


def _folded(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a label, long ones folded before the guard and the action."""
    found: list[Line] = []
    for line in lines:
        parts = [line.text]
        if columns(line.text) > _FOLD:
            parts = line.text.replace(" [", "\n[").replace(" / ", "\n/ ").split("\n")
        found += [Line(part, line.where, timed=line.timed) for part in parts]
    return found


def _pixels(line: Line) -> float:
    return min(_WIDEST, columns(line.text)) * _SMALL


def _arrow(link: Link, *, inside: bool) -> str:
    """Return an arrow; one from a sign, which is drawn over it, begins inside of that."""
    points = list(link.points)
    if inside:
        points[0] = (points[0][0], link.source.y + link.source.height / 2)
    (x, y), (_, before) = points[-1], points[-2]
    sign = 1.0 if y >= before else -1.0
    half, length = _TIP
    points[-1] = (x, y - sign * (length - 1))
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for one, other in pairwise(points):
        if abs(one[0] - other[0]) < 0.1:  # noqa: PLR2004  # pixels
            path.append(f"V{other[1]:.1f}")
        else:
            middle = (one[1] + other[1]) / 2
            path.append(f"C{one[0]:.1f} {middle:.1f} {other[0]:.1f} {middle:.1f} {other[0]:.1f} {other[1]:.1f}")
    tip = f"M{x:.1f} {y:.1f}l{-half:g} {-sign * length:g}h{2 * half:g}z"
    return f'<path class="gm-arrow" d="{"".join(path)}"/><path class="gm-tip" d="{tip}"/>'


def _loop(item: Item, lines: Sequence[Line]) -> str:
    """Return an arrow from a box to itself, at its right."""
    x, y = item.x + item.width, item.y + item.height / 2
    half, length = _TIP
    high = min(9.0, item.height / 2 - 6)
    path = f"M{x:.1f} {y - high:.1f}h8a{high:g} {high:g} 0 0 1 0 {2 * high:g}h{length - 8 - 1:g}"
    tip = f"M{x:.1f} {y + high:.1f}l{length:g} {-half:g}v{2 * half:g}z"
    labels = _labels(lines, x + _LOOP, y - _LINE * len(lines) / 2)
    return f'<path class="gm-arrow" d="{path}"/><path class="gm-tip" d="{tip}"/>{labels}'
