"""Places for states inside of states, and for the arrows between any of them.

Each state with others inside is a level: what is in it is arranged by itself, and it is a box for what is around it. An arrow that passes
a frame is made of pieces, one for each level, which meet in gates of the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from supervisors.machine.layout.ranks import ranked
from supervisors.machine.layout.rows import arrange
from supervisors.machine.layout.vertices import Chain, Vertex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Item", "Link", "place"]

_PAD = 16.0  # pixels between a frame and what is inside
_AFTER = 6.0  # between an arrow and its label


@dataclass(eq=False, slots=True)
class Item:
    """A box, perhaps with others inside.

    Attributes:
        width: pixels; of one with others inside, those of its heading, until it is placed.
        height: likewise.
        inside: the boxes inside of it, the one in which it begins first.
        aside: pixels to the right of it that nothing else may use: for an arrow to itself and its label.
        parent: the box around it.
        rank: its row among those beside it.
        x: of its upper left corner, once placed.
        y: likewise.
    """

    width: float
    height: float
    inside: list[Item] = field(default_factory=list)
    aside: float = 0.0
    parent: Item | None = None
    rank: int = 0
    x: float = 0.0
    y: float = 0.0

    def chain(self) -> list[Item]:
        """Return the box and those around it, the innermost first."""
        found: list[Item] = []
        item: Item | None = self
        while item is not None:
            found.append(item)
            item = item.parent
        return found


@dataclass(eq=False, slots=True)
class Link:
    """An arrow from one box to another one.

    Attributes:
        source: where it begins.
        target: where it ends.
        width: of its label, in pixels; 0 without one.
        height: likewise.
        points: its way, from source to target, once placed: upright but for the pieces between rows.
        label: the upper left corner of its label, once placed.
    """

    source: Item
    target: Item
    width: float = 0.0
    height: float = 0.0
    points: list[tuple[float, float]] = field(default_factory=list)
    label: tuple[float, float] = (0.0, 0.0)


@dataclass(eq=False, slots=True)
class _Piece:
    """What of a link is drawn in one level; an end that is None is a gate in the frame around it."""

    link: Link
    source: Item | None
    target: Item | None
    down: bool = True
    label: Vertex | None = None
    gate: Vertex | None = None
    chain: Chain | None = None


class _Level:
    """What is inside of one box."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.pieces: list[_Piece] = []


def place(root: Item, links: Sequence[Link]) -> None:
    """Give all boxes inside of `root`, and all links between different ones of them, their places; make `root` as large as it takes."""
    _Layout(root, links).place()


class _Layout:
    """A picture while its parts find their places."""

    def __init__(self, root: Item, links: Sequence[Link]) -> None:
        self._levels = {item: _Level(item) for item in _levels(root)}
        self._pieces: dict[Link, list[_Piece]] = {}
        for link in links:
            level, piece = _parted(link)
            self._levels[level].pieces.append(piece)
            self._pieces[link] = [piece]

    def place(self) -> None:
        """Do all of it."""
        for level in self._levels.values():  # the outer ones first: they say on which side of an inner frame a link passes
            self._rank(level)
        for level in reversed(self._levels.values()):
            self._arrange(level)
        for item in self._levels:  # the outer ones first
            for child in item.inside:
                child.x += item.x + _PAD
                child.y += item.y + _PAD
        for link, pieces in self._pieces.items():
            self._join(link, pieces)

    def _rank(self, level: _Level) -> None:
        """Give the boxes of a level their ranks, and hand links that pass their frames on to the levels inside."""
        inside = level.item.inside
        numbers = {item: number for number, item in enumerate(inside)}
        edges = [(numbers[one.source], numbers[one.target]) for one in level.pieces if one.source is not None and one.target is not None]
        for item, rank in zip(inside, ranked(len(inside), edges), strict=True):
            item.rank = rank
        last = max(item.rank for item in inside)
        bound = {one for edge in edges for one in edge}
        for piece in level.pieces:  # what only an arrow from below leads to is below
            if piece.source is None and piece.target is not None and not piece.down and numbers[piece.target] not in bound:
                piece.target.rank = last
        for piece in level.pieces:
            source, target, link = piece.source, piece.target, piece.link
            if source is not None and target is not None:
                piece.down = source.rank < target.rank
            elif len(self._pieces[link]) == 1:
                piece.down = True  # between a box and what is inside of it
            if source is not None and source is not link.source:
                inner = _Piece(link, _child(source, link.source), None, piece.down)
                self._levels[source].pieces.append(inner)
                self._pieces[link].insert(0, inner)
            if target is not None and target is not link.target:
                inner = _Piece(link, None, _child(target, link.target), piece.down)
                self._levels[target].pieces.append(inner)
                self._pieces[link].append(inner)

    def _arrange(self, level: _Level) -> None:
        """Give everything in a level its place in there, and the box around it its size."""
        item = level.item
        boxes = {one: Vertex(2 * one.rank, one.width / 2, one.width / 2 + one.aside, one.height, box=True) for one in item.inside}
        first, last = min(box.rank for box in boxes.values()), max(box.rank for box in boxes.values())
        vertices = [Vertex(first - 2, 0.0, item.width, item.height, box=True, head=True), *boxes.values()]
        for piece in level.pieces:
            ends = [piece.source, piece.target]
            if not piece.down:
                ends.reverse()
            made = [Vertex((first - 2, last + 2)[lower], 4.0, 4.0) if one is None else boxes[one] for lower, one in enumerate(ends)]
            piece.chain = Chain(made, self._offset(piece, ends[0]), self._offset(piece, ends[1]))
            piece.gate = next((vertex for vertex, one in zip(made, ends, strict=True) if one is None), None)
            vertices += [piece.gate] if piece.gate is not None else []
            if self._is_labelled(piece):
                rank = made[0].rank + 1 if piece.down else made[1].rank - 1  # near to where it begins
                piece.label = Vertex(rank, _AFTER, _AFTER + piece.link.width, piece.link.height)
                vertices.append(piece.label)
                piece.chain.vertices.insert(1, piece.label)
        width, height = arrange(vertices, [piece.chain for piece in level.pieces if piece.chain is not None])
        for one, box in boxes.items():
            one.x, one.y = box.x - one.width / 2, box.y - one.height / 2
        item.width, item.height = width + 2 * _PAD, height + 2 * _PAD

    def _is_labelled(self, piece: _Piece) -> bool:
        """Tell whether it is in this level that a link has its label: where its two ends part."""
        source, target = piece.link.source, piece.link.target
        level = (piece.source or piece.target).parent  # type: ignore[union-attr]  # one of them is none of the gates
        return piece.link.width > 0 and level is _parted(piece.link)[0] and source is not target

    def _offset(self, piece: _Piece, item: Item | None) -> float | None:
        """Return where a link passes the frame of a box, from the middle of that; None if it ends there."""
        if item is None:
            return 0.0
        for inner in self._pieces[piece.link]:
            one = inner.source or inner.target
            if inner.gate is not None and inner is not piece and one is not None and one.parent is item:
                return _PAD + inner.gate.x - item.width / 2
        return None

    def _join(self, link: Link, pieces: list[_Piece]) -> None:
        """Give a link its way."""
        for piece in pieces:
            level = (piece.source or piece.target).parent  # type: ignore[union-attr]  # as above
            assert level is not None  # it is inside of one
            assert piece.chain is not None  # it was arranged
            x, y = level.x + _PAD, level.y + _PAD
            points = [(x + one, y + other) for one, other in piece.chain.points]
            if piece.gate is not None:  # which is as far inside as nothing else is
                upper = piece.gate is piece.chain.vertices[0]
                end = (x + piece.gate.x, level.y if upper else level.y + level.height)
                points.insert(0 if upper else len(points), end)
            link.points += points if piece.down else reversed(points)
            if piece.label is not None:
                link.label = (x + piece.label.x + _AFTER, y + piece.label.y - piece.label.height / 2)


def _levels(item: Item) -> Iterator[Item]:
    if item.inside:
        yield item
    for child in item.inside:
        child.parent = item
        yield from _levels(child)


def _parted(link: Link) -> tuple[Item, _Piece]:
    """Return the level in which the two ends of a link part, and its piece there."""
    sources, targets = link.source.chain(), link.target.chain()
    level = next(item for item in sources if item in targets)
    source = None if level is link.source else sources[sources.index(level) - 1]
    target = None if level is link.target else targets[targets.index(level) - 1]
    return level, _Piece(link, source, target)


def _child(around: Item, item: Item) -> Item:
    chain = item.chain()
    return chain[chain.index(around) - 1]
