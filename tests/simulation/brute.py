"""The truth about small scenarios, found without the explorer: all states, in the order of how many deliveries they take.

A state is told by what has happened to each actor, in order: whatever else differs between two runs that agree on that is the order of
steps that cannot have met. So each state is looked at once, however many runs lead to it (Dijkstra's shortest paths, with the deliveries
as lengths). `strategy="exhaustive"` makes every run instead, and says nothing of lengths.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.testing import Kind, Ordering, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from actors.testing import Faults, Pending

__all__ = ["MOST", "Truth", "brute_force", "truth"]

MOST = 3000  # runs of brute force; larger programs are left out


class _Frontier(BaseException):
    """A run has come to a choice that is not planned."""


@dataclass(frozen=True)
class Truth:
    """What there is to know about a scenario under an ordering.

    Attributes:
        minimum: deliveries of the shortest failure; None if there is none.
        states: how many were looked at.
        complete: whether that were all there are, or all up to the minimum.
        error: of the shortest failure.
    """

    minimum: int | None
    states: int
    complete: bool
    error: BaseException | None = None


class _Prefix:
    """The choices of a prefix; stops the run after them."""

    def __init__(self, choices: tuple[int, ...]) -> None:
        self._choices = choices
        self._depth = 0
        self.enabled: Sequence[Pending] = ()

    def choose(self, enabled: Sequence[Pending]) -> int:
        if self._depth == len(self._choices):
            self.enabled = tuple(enabled)
            raise _Frontier
        self._depth += 1
        return self._choices[self._depth - 1]


def truth(scenario: Callable[[Simulation], object], *, ordering: Ordering = Ordering.CAUSAL, states: int = 100_000) -> Truth:
    """Return the truth about `scenario`, or as much of it as `states` states show."""
    names: dict[Any, int] = {}
    seen: set[Hashable] = set()
    planned: set[Hashable] = set()
    order = itertools.count()
    todo: list[tuple[int, int, tuple[int, ...], BaseException | None]] = [(0, next(order), (), None)]
    while todo:
        least, _, prefix, error = heapq.heappop(todo)
        if error is not None:
            return Truth(least, len(seen), True, error)
        if len(seen) >= states:
            return Truth(None, len(seen), False)
        strategy = _Prefix(prefix)
        sim = Simulation(strategy, ordering=ordering)
        taken: dict[str, list[int]] = {}
        deliveries = [0]
        world = sim._world
        world.names = names
        perform = world.perform

        def noted(chosen: Pending) -> None:
            deliveries[0] += chosen.kind is Kind.DELIVERY  # noqa: B023  # called in this round only
            taken.setdefault(_whose(chosen), []).append(chosen.name)  # noqa: B023
            perform(chosen)  # noqa: B023

        world.perform = noted  # type: ignore[method-assign]
        try:
            with sim:
                scenario(sim)
        except _Frontier:
            histories = {actor: tuple(steps) for actor, steps in taken.items()}
            state = frozenset(histories.items())
            if state in seen:
                continue
            seen.add(state)
            for index, one in enumerate(strategy.enabled):
                actor = _whose(one)
                after = frozenset({**histories, actor: (*histories.get(actor, ()), one.name)}.items())
                if after not in planned:
                    planned.add(after)
                    heapq.heappush(todo, (deliveries[0] + (one.kind is Kind.DELIVERY), next(order), (*prefix, index), None))
        except BaseException as found:  # noqa: BLE001  # whatever a scenario fails with
            heapq.heappush(todo, (deliveries[0], next(order), prefix, found))
    return Truth(None, len(seen), True)


def _whose(step: Pending) -> str:
    if step.kind is Kind.TIMER:
        return "timers"
    return step.cell.path if step.cell is not None else ""


class Every:
    """Makes every choice of every run, depth first."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        self.widths: list[int] = []
        self.depth = 0

    def choose(self, enabled: Sequence[Pending]) -> int:
        if self.depth == len(self.plan):
            self.plan.append(0)
            self.widths.append(len(enabled))
        self.depth += 1
        return self.plan[self.depth - 1]

    def advance(self) -> bool:
        self.depth = 0
        while self.plan:
            if self.plan[-1] + 1 < self.widths[-1]:
                self.plan[-1] += 1
                return True
            self.plan.pop()
            self.widths.pop()
        return False


def brute_force(scenario: Callable[[Simulation], Any], ordering: Ordering, faults: Faults | None = None) -> list[Any] | None:
    """Return what each of all runs came to; None if there are too many."""
    every, found = Every(), []
    while len(found) < MOST:
        with Simulation(every, ordering=ordering, faults=faults) as sim:
            found.append(scenario(sim))
        if not every.advance():
            return found
    return None
