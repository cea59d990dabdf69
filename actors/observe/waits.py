"""Who waits for whom, as a graph; and who of them go round in a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.snapshots.mermaid import CLASSES
from actors.snapshots.records import WaitKind
from actors.snapshots.waits import last_child
from actors.texts import clipped, for_mermaid, plain

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.snapshots.waits import Wait

__all__ = ["WaitEdge", "WaitGraph", "graph_of"]

_LIMIT = 200  # edges that are drawn


@dataclass(frozen=True, slots=True)
class WaitEdge:
    """That one actor waits for something.

    Attributes:
        waiter: its path; ``system:path`` if actors of several systems wait.
        on: the path of what it waits for, or what else `WaitInfo.on` says.
        kind: what it waits for.
        finite: whether the wait has a timeout.
    """

    waiter: str
    on: str
    kind: WaitKind
    finite: bool


@dataclass(frozen=True, slots=True)
class WaitGraph:
    """Who waits for whom.

    Attributes:
        edges: all waits within the framework.
        cycles: actors that wait for each other in a circle, the first one again at the end; of actors that do so in several circles one
            is told. Those with a timeout in it end by themselves; others raise `DeadlockError` before they begin.
    """

    edges: tuple[WaitEdge, ...]
    cycles: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Return a line for each cycle, and one for each wait."""
        lines = [f"cycle: {' → '.join(cycle)}" for cycle in self.cycles]
        lines += [f"{one.waiter} → {one.on or '?'} ({one.kind.value}{', with a timeout' if one.finite else ''})" for one in self.edges]
        return "".join(f"{line}\n" for line in lines)

    def mermaid(self) -> str:
        """Return the text of a Mermaid ``flowchart``. Actors in a cycle have orange frames; of many waits those are drawn first."""
        circling = {path for cycle in self.cycles for path in cycle}
        drawn = sorted(self.edges, key=lambda edge: not {edge.waiter, edge.on} <= circling)[:_LIMIT]
        numbers: dict[str, int] = {}
        for edge in drawn:
            for name in (edge.waiter, edge.on):
                numbers.setdefault(name, len(numbers))
        boxes = [
            f'    n{number}["{for_mermaid(clipped(plain(name), 60)) or "?"}"]:::{"changing" if name in circling else "over"}'
            for name, number in numbers.items()
        ]
        links = [f"    n{numbers[edge.waiter]} -- {edge.kind.value} --> n{numbers[edge.on]}" for edge in drawn]
        return "\n".join(["flowchart LR", *boxes, *links]) + f"\n{CLASSES}"


def graph_of(waits: dict[Cell, tuple[Wait, ...]]) -> WaitGraph:
    """Return the graph of what was seen of actors.

    Invariant: only waits that still are the same count for cycles; so there was a moment with all of them.
    """
    several = len({cell.system for cell in waits}) > 1

    def name(thing: Cell | str) -> str:
        if isinstance(thing, str):
            return thing
        return f"{thing.system.name}:{thing.path}" if several else thing.path

    edges: list[WaitEdge] = []
    arrows: dict[Cell, list[Cell]] = {}
    for cell, found in waits.items():
        mine = name(cell)
        for wait in found:
            if wait.kind is WaitKind.FOREIGN:
                continue
            edges.append(WaitEdge(mine, name(wait.on), wait.kind, wait.finite))
            if not isinstance(wait.on, str) and (cell.wait is wait.by or last_child(cell) is wait.by):
                arrows.setdefault(cell, []).append(wait.on)
    return WaitGraph(tuple(edges), tuple(tuple(map(name, cycle)) for cycle in _cycles(arrows)))


def _cycles(arrows: dict[Cell, list[Cell]]) -> list[list[Cell]]:
    """Return a cycle for each actor that one can come back to, none of them twice."""
    done: set[Cell] = set()
    cycles: list[list[Cell]] = []
    circling: set[Cell] = set()
    for start, first in arrows.items():
        if start in done:
            continue
        trail, places = [start], {start: 0}
        ways = [iter(first)]
        while trail:
            following = next(ways[-1], None)
            if following is None:
                ended = trail.pop()
                ways.pop()
                del places[ended]
                done.add(ended)
            elif following in places:
                cycle = [*trail[places[following] :], following]
                if circling.isdisjoint(cycle):
                    cycles.append(cycle)
                    circling.update(cycle)
            elif following not in done and following in arrows:
                places[following] = len(trail)
                trail.append(following)
                ways.append(iter(arrows[following]))
    return cycles
