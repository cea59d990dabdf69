"""Places for the boxes and arrows of one level of a picture: in rows from above, with few crossings, and nothing over anything else.

The steps are those of Sugiyama: break cycles, give ranks, order the rows, give places in the rows. A label is a box of its own in a row of
its own, and a long arrow has a bend in each row that it passes, so neither can lie over anything.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from supervisors.machine.layout.columns import place_rows, side, spread, straighten
from supervisors.machine.layout.crossings import ordered
from supervisors.machine.layout.vertices import Links, Vertex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supervisors.machine.layout.vertices import Chain

__all__ = ["arrange"]

_GAP, _STEEP, _MOST = 16.0, 0.12, 80.0  # pixels between two rows, more of them for each pixel that an arrow goes sideways, at most
_DOCKS = 16.0  # pixels between two arrows at the side of a box, at most
_SAME = 0.01  # pixels: two points that are one


def arrange(vertices: Sequence[Vertex], chains: Sequence[Chain]) -> tuple[float, float]:
    """Give all vertices and chains their places; return the width and the height of it all, from 0, 0.

    Bends are added to the chains.
    """
    rows = _rows(vertices, chains)
    links = Links(chains)
    rows = ordered(rows, links)
    place_rows(rows, links)
    straighten(rows, chains)
    first = min(vertex.x - vertex.left for row in rows for vertex in row)
    for row in rows:
        for vertex in row:
            vertex.x = vertex.left if vertex.head else vertex.x - first
    tops, bottoms = _heights(rows, links)
    _route(chains, tops, bottoms)
    width = max(vertex.x + vertex.right for row in rows for vertex in row)
    return width, bottoms[-1]


def _rows(vertices: Sequence[Vertex], chains: Sequence[Chain]) -> list[list[Vertex]]:
    """Return the rows in use, from above, with bends where chains pass them."""
    numbers = {rank: number for number, rank in enumerate(sorted({vertex.rank for vertex in vertices}))}
    for vertex in vertices:
        vertex.rank = numbers[vertex.rank]
    rows: list[list[Vertex]] = [[] for _ in numbers]
    for vertex in vertices:
        rows[vertex.rank].append(vertex)
    for chain in chains:
        whole = chain.vertices[:1]
        for one, other in pairwise(chain.vertices):
            bends = [Vertex(rank, 4.0, 4.0) for rank in range(one.rank + 1, other.rank)]
            for bend in bends:
                rows[bend.rank].append(bend)
            whole += [*bends, other]
        chain.vertices = whole
    return rows


def _heights(rows: list[list[Vertex]], links: Links) -> tuple[list[float], list[float]]:
    """Give the rows their heights; return where each begins and ends."""
    tops, bottoms, y = [], [], 0.0
    for number, row in enumerate(rows):
        if number:
            aside = max((abs(link.wish - one.x) for one in rows[number - 1] for link in links.downs.get(one, ())), default=0.0)
            y += min(_GAP + _STEEP * aside, _MOST)
        height = max(vertex.height for vertex in row)
        for vertex in row:
            vertex.y = y + height / 2
        tops.append(y)
        y += height
        bottoms.append(y)
    return tops, bottoms


def _route(chains: Sequence[Chain], tops: list[float], bottoms: list[float]) -> None:
    """Give the chains their ways: upright in the rows, sideways between them."""
    begins = _docked([(chain, chain.vertices[0], chain.vertices[1].x, chain.begin) for chain in chains])
    ends = _docked(
        [
            (chain, chain.vertices[-1], chain.vertices[-2].x if len(chain.vertices) > 2 else begins[chain], chain.end)  # noqa: PLR2004
            for chain in chains
        ]
    )
    for chain in chains:
        first, last = chain.vertices[0], chain.vertices[-1]
        points = [(begins[chain], first.y + first.height / 2), (begins[chain], bottoms[first.rank])]
        for vertex in chain.vertices[1:-1]:
            points += [(vertex.x, tops[vertex.rank]), (vertex.x, bottoms[vertex.rank])]
        points += [(ends[chain], tops[last.rank]), (ends[chain], last.y - last.height / 2)]
        chain.points = list(_slim(points))


def _docked(wishes: list[tuple[Chain, Vertex, float, float | None]]) -> dict[Chain, float]:
    """Return where chains meet the side of a vertex: near where they come from, and not all in one place."""
    found: dict[Chain, float] = {}
    by_vertex: dict[Vertex, list[tuple[float, Chain, bool]]] = {}
    for chain, vertex, toward, fixed in wishes:
        place = vertex.x + fixed if fixed is not None else toward
        by_vertex.setdefault(vertex, []).append((place, chain, fixed is not None or not vertex.box))
    for vertex, docks in by_vertex.items():
        docks.sort(key=lambda dock: dock[0])
        begin, end = side(vertex, None) if vertex.box else (vertex.x, vertex.x)
        free: list[tuple[float, Chain]] = []
        after = False  # whether `begin` is a dock, too
        for place, chain, fixed in docks:
            if not fixed:
                free.append((place, chain))
                continue
            until = found[chain] = place if vertex.box else vertex.x
            found.update(_within(free, begin, until, (after, True)))
            begin, after, free = until, True, []
        found.update(_within(free, begin, end, (after, False)))
    return found


def _within(free: list[tuple[float, Chain]], low: float, high: float, taken: tuple[bool, bool]) -> dict[Chain, float]:
    """Return places near the wished ones, apart from each other and from the two ends, if these are taken."""
    if not free:
        return {}
    wishes = [wish for wish, _ in free]
    count = len(wishes) - 1 + sum(taken)
    gap = min(_DOCKS, max(0.0, high - low) / count) if count else 0.0
    low, high = low + gap * taken[0], high - gap * taken[1]
    places = spread([max(low, min(high, wish)) for wish in wishes], [1.0] * len(wishes), [gap] * (len(wishes) - 1))
    last = len(places) - 1
    inside = [min(max(place, low + gap * number), high - gap * (last - number)) for number, place in enumerate(places)]
    return {chain: place for (_, chain), place in zip(free, inside, strict=True)}


def _slim(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Leave out points at the same place."""
    last: tuple[float, float] | None = None
    for point in points:
        if last is None or abs(point[0] - last[0]) + abs(point[1] - last[1]) > _SAME:
            yield point
            last = point
