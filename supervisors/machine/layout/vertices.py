"""What a level of a picture is made of: boxes, labels and bends in rows, and the chains that link them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Chain", "Links", "Neighbour", "Vertex"]


@dataclass(eq=False, slots=True)
class Vertex:
    """A box, a label, a bend, or a gate in the frame around the level.

    Attributes:
        rank: its row; even for boxes, odd for labels.
        left: pixels to the left of its line.
        right: pixels to the right of it.
        height: pixels.
        x: of its line.
        y: of its middle.
        box: whether it is a box: the others have no other purpose than the arrows through them.
        head: whether it is a heading: it stays at the left.
    """

    rank: int
    left: float = 0.0
    right: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    box: bool = False
    head: bool = False


@dataclass(eq=False, slots=True)
class Chain:
    """What is drawn from a vertex down to another one.

    Attributes:
        vertices: from above: the first, bends and perhaps a label, the last.
        begin: where it leaves the first, in pixels from its line; None: wherever it is best.
        end: where it comes to the last, likewise.
        points: its way, once arranged: upright but between rows.
    """

    vertices: list[Vertex]
    begin: float | None = None
    end: float | None = None
    points: list[tuple[float, float]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Neighbour:
    """What is drawn from a vertex to another one in the next row.

    Attributes:
        other: that one.
        here: where it leaves, in pixels from the line.
        there: where it comes to, in pixels from the line of the other one.
        weight: how much it matters that it is upright.
    """

    other: Vertex
    here: float
    there: float
    weight: float

    @property
    def wish(self) -> float:
        """Where the vertex should be."""
        return self.other.x + self.there - self.here


class Links:
    """What is drawn between neighbouring rows, by vertex: what leads up and what leads down."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self.ups: dict[Vertex, list[Neighbour]] = {}
        self.downs: dict[Vertex, list[Neighbour]] = {}
        for chain in chains:
            last = len(chain.vertices) - 1
            for place, (one, other) in enumerate(pairwise(chain.vertices)):
                weight = (1.0 if one.box else 4.0) * (1.0 if other.box else 4.0)
                begin = chain.begin or 0.0 if place == 0 else 0.0
                end = chain.end or 0.0 if place + 1 == last else 0.0
                self.downs.setdefault(one, []).append(Neighbour(other, begin, end, weight))
                self.ups.setdefault(other, []).append(Neighbour(one, end, begin, weight))
