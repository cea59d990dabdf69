"""Places in rows whose order is known: near to what a vertex is linked with, and upright where there is room."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisors.machine.layout.vertices import Chain, Links, Vertex

__all__ = ["place_rows", "side", "spread", "straighten"]

_APART, _NEAR = 18.0, 10.0  # pixels between two boxes of a row; between others
_CORNER = 10.0  # pixels of a box's side that arrows keep clear of
_PLACINGS, _STRAIGHTENINGS = 24, 3  # sweeps
_LIGHT = 0.1  # the weight of what is linked with nothing


def spread(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return places as near to the wanted ones as can be, in the same order and at least so far apart: the least squares.

    Args:
        wanted: a place for each.
        weights: how much it matters, for each.
        gaps: between each and the next.
    """
    before = 0.0
    offsets = [0.0]
    for gap in gaps:
        before += gap
        offsets.append(before)
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, how many), in which the gaps are as small as may be
    for place, offset, weight in zip(wanted, offsets, weights, strict=True):
        block = (place - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, heavy, count = blocks.pop()
            block = ((mean * heavy + block[0] * block[1]) / (heavy + block[1]), heavy + block[1], count + block[2])
        blocks.append(block)
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _between(one: Vertex, other: Vertex) -> float:
    """Return how far apart two neighbours are at least."""
    return one.right + (_APART if one.box and other.box else _NEAR) + other.left


def place_rows(rows: list[list[Vertex]], links: Links) -> None:
    """Give the vertices of rows their x, the order being kept: again and again as near to what they are linked with as can be."""
    gaps = [[_between(one, other) for one, other in pairwise(row)] for row in rows]
    for row, between in zip(rows, gaps, strict=True):
        for vertex, x in zip(row, spread([0.0] * len(row), [1.0] * len(row), between), strict=True):
            vertex.x = x
    for sweep in range(_PLACINGS):
        down, both = sweep % 2 == 0, sweep % 4 > 1  # a sweep down and one up before one of each that looks both ways
        for row, between in list(zip(rows, gaps, strict=True))[:: 1 if down else -1]:
            near = [
                [*(links.ups.get(vertex, ()) if down or both else ()), *(links.downs.get(vertex, ()) if both or not down else ())]
                for vertex in row
            ]
            weights = [sum(link.weight for link in links) for links in near]
            wanted = [
                sum(link.wish * link.weight for link in links) / weight if links else vertex.x
                for vertex, links, weight in zip(row, near, weights, strict=True)
            ]
            for vertex, x in zip(row, spread(wanted, [weight or _LIGHT for weight in weights], between), strict=True):
                vertex.x = x


def straighten(rows: list[list[Vertex]], chains: Sequence[Chain]) -> None:
    """Make the ways of chains upright for as long as there is room."""
    places = {vertex: place for row in rows for place, vertex in enumerate(row)}

    def room(vertex: Vertex) -> tuple[float, float]:
        row, place = rows[vertex.rank], places[vertex]
        low = row[place - 1].x + _between(row[place - 1], vertex) if place else -inf
        high = row[place + 1].x - _between(vertex, row[place + 1]) if place + 1 < len(row) else inf
        return low, high

    for _ in range(_STRAIGHTENINGS):
        for chain in chains:
            loose = [vertex for vertex in chain.vertices if not vertex.box]
            sides = [side(chain.vertices[0], chain.begin)]  # where the next run should be, if it can
            while loose:
                run, low, high = _run(loose, room)
                loose = loose[len(run) :]
                wish = sum(vertex.x for vertex in run) / len(run)
                for least, most in sides if loose else [*sides, side(chain.vertices[-1], chain.end)]:
                    wish = min(max(wish, least), most)
                for vertex in run:
                    vertex.x = min(max(wish, low), high)
                sides = []


def _run(loose: list[Vertex], room: Callable[[Vertex], tuple[float, float]]) -> tuple[list[Vertex], float, float]:
    """Return the first of some vertices that can have the same x, and between which it can be."""
    low, high = -inf, inf
    for count, vertex in enumerate(loose):
        least, most = room(vertex)
        if max(low, least) > min(high, most):
            if count:
                return loose[:count], low, high
            return loose[:1], vertex.x, vertex.x  # no room at all, up to rounding
        low, high = max(low, least), min(high, most)
    return loose, low, high


def side(vertex: Vertex, fixed: float | None) -> tuple[float, float]:
    """Return where a chain may meet the side of a vertex."""
    if not vertex.box:
        return -inf, inf
    half = _reach(vertex) if fixed is None else 0.0
    return vertex.x + (fixed or 0.0) - half, vertex.x + (fixed or 0.0) + half


def _reach(vertex: Vertex) -> float:
    """Return how far from the middle of a side arrows may meet it."""
    half = min(vertex.left, vertex.right)
    return half - min(_CORNER, half / 2)
