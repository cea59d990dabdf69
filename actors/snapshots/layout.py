"""Which actors of a tree are drawn, and in what order: of very many those near the top, and those that are in trouble first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MOST", "WIDEST", "Line", "lines_of", "more", "stems_of"]

MOST = 300  # actors that are drawn; Mermaid draws 500 links at most
WIDEST = 40  # children of one actor that are drawn


class Node(Protocol):
    """What can be drawn."""

    @property
    def children(self) -> Sequence[Any]:
        """Nodes of the same kind, in start order."""


N = TypeVar("N", bound=Node)


@dataclass(frozen=True, slots=True)
class Line(Generic[N]):
    """One actor in a picture, or what stands for those that are left out.

    Attributes:
        parent: the place of its parent in the list of lines, -1 for the first.
        depth: 0 for the first.
        last: whether no sibling comes after it.
        node: the actor; None for those that are left out.
        left_out: how many these are.
    """

    parent: int
    depth: int
    last: bool
    node: N | None
    left_out: int = 0


def lines_of(
    top: N,
    *,
    most: int,
    widest: int,
    in_trouble: Callable[[N], bool],
    elided: Callable[[N], int] = lambda _: 0,
    deepest: int | None = None,
) -> list[Line[N]]:
    """Return what is drawn of a tree, each before its children.

    Args:
        top: the first one.
        most: how many are drawn.
        widest: how many children of one are drawn.
        in_trouble: tells whether one comes before its siblings if there is no room for all.
        elided: returns how many there are below one that are not among its children.
        deepest: levels below the first that are drawn; None: all.
    """
    sizes = _sizes(top, elided)
    chosen: dict[int, list[N]] = {}
    room = most - 1
    level, depth = [top], 0
    while level:
        below: list[N] = []
        for node in level:
            chosen[id(node)] = picked = _picked(node.children, min(widest, room) if depth != deepest else 0, in_trouble)
            room -= len(picked)
            below += picked
        level, depth = below, depth + 1
    lines: list[Line[N]] = []
    todo: list[tuple[N | int, int, int, bool]] = [(top, -1, 0, True)]
    while todo:
        one, parent, depth, last = todo.pop()
        if isinstance(one, int):
            lines.append(Line(parent, depth, last, None, one))
            continue
        lines.append(Line(parent, depth, last, one))
        here = len(lines) - 1
        picked = chosen[id(one)]
        left_out = sizes[id(one)] - 1 - sum(sizes[id(child)] for child in picked)
        last_first: list[N | int] = [*([left_out] if left_out else []), *reversed(picked)]
        todo += [(child, here, depth + 1, not number) for number, child in enumerate(last_first)]
    return lines


def _picked(children: Sequence[N], room: int, in_trouble: Callable[[N], bool]) -> list[N]:
    if len(children) <= room:
        return list(children)
    first = heapq.nsmallest(max(0, room), range(len(children)), key=lambda place: (not in_trouble(children[place]), place))
    return [children[place] for place in sorted(first)]


def _sizes(top: N, elided: Callable[[N], int]) -> dict[int, int]:
    """Return of how many actors each part of the tree is, by the id of its first node."""
    everyone: list[N] = [top]
    for node in everyone:  # which grows meanwhile
        everyone += node.children
    sizes: dict[int, int] = {}
    for node in reversed(everyone):  # children first
        sizes[id(node)] = 1 + elided(node) + sum(sizes[id(child)] for child in node.children)
    return sizes


def more(left_out: int) -> str:
    """Return what stands for those that are left out."""
    return f"… {left_out:,} more"


def stems_of(lines: Sequence[Line[Any]]) -> list[str]:
    """Return the branches that lead to each line."""
    stems: list[str] = []  # what is drawn in front of the children of each line
    branches = []
    for line in lines:
        before = stems[line.parent] if line.depth else ""
        branch = "" if not line.depth else "└─ " if line.last else "├─ "
        stems.append(before + ("" if not line.depth else "   " if line.last else "│  "))
        branches.append(before + branch)
    return branches
