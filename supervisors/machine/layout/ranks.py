"""Which row a box is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ranked"]


def ranked(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the ranks of so many vertices, 0 for the uppermost: along the edges downwards, but for those that close a cycle.

    Args:
        count: the vertices are 0, 1 and so on; what comes first is above, where there is a choice.
        edges: pairs of different vertices.
    """
    outs: list[list[int]] = [[] for _ in range(count)]
    for source, target in dict.fromkeys(edges):
        outs[source].append(target)
    downs: list[list[int]] = [[] for _ in range(count)]
    done: list[int] = []  # the last one first
    state = [0] * count  # 1: on the way, 2: done
    for first in range(count):
        todo = [(first, iter(outs[first]))] if not state[first] else []
        state[first] = state[first] or 1
        while todo:
            here, left = todo[-1]
            for target in left:
                if state[target] == 1:
                    downs[target].append(here)  # which goes up
                    continue
                downs[here].append(target)
                if not state[target]:
                    state[target] = 1
                    todo.append((target, iter(outs[target])))
                    break
            else:
                state[here] = 2
                done.append(here)
                todo.pop()
    return _longest(count, downs, done)


def _longest(count: int, downs: list[list[int]], done: list[int]) -> list[int]:
    """Return the longest ways from above; what nothing leads to is right above what it leads to."""
    ranks = [0] * count
    led = {target for targets in downs for target in targets}
    for here in reversed(done):
        for target in downs[here]:
            ranks[target] = max(ranks[target], ranks[here] + 1)
    for here in range(count):
        if here not in led and downs[here]:
            ranks[here] = min(ranks[target] for target in downs[here]) - 1
    return ranks
