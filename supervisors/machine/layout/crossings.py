"""The order in rows, so that little crosses."""

from __future__ import annotations

from bisect import bisect_right, insort
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisors.machine.layout.vertices import Links, Neighbour, Vertex

__all__ = ["ordered"]

_FINE = 1e-5  # of a place in a row, for each pixel: where a frame is met decides between arrows to the same one
_BEGINNINGS = (1, -1, 3, 5, 7, 11)
_MANY = 600  # vertices from which on there is one beginning
_SORTINGS, _SWAPS = 12, 5  # sweeps


def ordered(rows: list[list[Vertex]], links: Links) -> list[list[Vertex]]:
    """Return the rows with few crossings between them: the best of what comes of some orders to begin with."""
    best, least = rows, inf
    for step in _BEGINNINGS:
        found = _uncrossed([_mixed(row, step) for row in rows], links)
        crossings = _crossings(found, links)
        if crossings < least:
            best, least = found, crossings
        if not least or sum(map(len, rows)) > _MANY:
            break
    return best


def _mixed(row: list[Vertex], step: int) -> list[Vertex]:
    """Return a row in another order, headings first."""
    order = sorted(range(len(row)), key=lambda place: (not row[place].head, place * step % (2 * len(row) + 1)))
    return [row[place] for place in order]


def _uncrossed(rows: list[list[Vertex]], links: Links) -> list[list[Vertex]]:
    """Sort rows by where their neighbours are, again and again; return the best order that came of it, and made better by swaps."""
    best, least = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(_SORTINGS):
        if not least:
            break
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            _sort(row, links.ups if down else links.downs)
        crossings = _crossings(rows, links)
        if crossings < least:
            best, least = [list(row) for row in rows], crossings
    _number(best)
    for _ in range(_SWAPS):
        if sum(_swaps(row, links) for row in best) == 0:
            break
    return best


def _number(rows: Iterable[list[Vertex]]) -> None:
    """Let x be the place in the row, for as long as there is no other."""
    for row in rows:
        for place, vertex in enumerate(row):
            vertex.x = float(place)


def _sort(row: list[Vertex], toward: dict[Vertex, list[Neighbour]]) -> None:
    """Sort a row by the means of where its neighbours are; headings stay in front."""

    def mean(vertex: Vertex) -> float:
        near = toward.get(vertex)
        return -1.0 if vertex.head else sum(map(_at, near)) / len(near) if near else vertex.x

    _number([row])
    row.sort(key=mean)
    _number([row])


def _at(link: Neighbour) -> float:
    return link.other.x + link.there * _FINE


def _swaps(row: list[Vertex], links: Links) -> int:
    """Swap neighbours in a row that cross less the other way round; return how many."""
    found = 0
    for place in range(len(row) - 1):
        one, other = row[place], row[place + 1]
        if not one.head and _crossed(one, other, links) > _crossed(other, one, links):
            row[place : place + 2] = [other, one]
            one.x, other.x = other.x, one.x
            found += 1
    return found


def _crossed(one: Vertex, other: Vertex, links: Links) -> int:
    """Return how much of what leads to two vertices crosses if the first is left of the second."""
    return sum(
        _at(left) > _at(right) for toward in (links.ups, links.downs) for left in toward.get(one, ()) for right in toward.get(other, ())
    )


def _crossings(rows: list[list[Vertex]], links: Links) -> int:
    found = 0
    _number(rows)
    for row in rows:
        seen: list[float] = []
        for _, end in sorted((vertex.x + link.here * _FINE, _at(link)) for vertex in row for link in links.downs.get(vertex, ())):
            found += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return found
