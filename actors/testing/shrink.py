"""Shrinking: of a run that fails, find the shortest and plainest that fails in the same way.

A step is told by its causes: the step that sent it and how many that had sent before. So it is the same step in another run, where
the choices before it were others and an index would mean something else. Chunks of steps are put off, larger ones first (delta
debugging, Zeller and Hildebrandt 2002); what is not possible any more without them is skipped. Then each step out of turn is tried in turn,
and at last every run with a single step out of turn. All of these lead from one run to others like it; that there is no shorter one of
another kind is made likely by sampling runs that are given up as soon as they are too long.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.testing.dpor import PrunedError
from actors.testing.errors import InvariantError
from actors.testing.setup import attempt, leaves_test
from actors.testing.strategies import Chosen, PartialOrderSampling, Scheduled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.testing.network import Pending
    from actors.testing.setup import Scenario, Setup
    from actors.testing.strategies import Strategy
    from actors.testing.world import World

__all__ = ["shrink"]

ENOUGH = 6  # other failures that brought nothing smaller
SAMPLES = 300  # runs with fewer deliveries of which none failed


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that failed."""

    choices: tuple[int, ...]
    schedule: tuple[int, ...]
    deliveries: int

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Deliveries, steps, steps out of turn, and how far out of turn: less is plainer."""
        return self.deliveries, len(self.schedule), sum(choice > 0 for choice in self.choices), sum(self.choices)


class _Shrinker:
    def __init__(self, scenario: Scenario, setup: Setup, error: BaseException, limit: float) -> None:
        self._scenario = scenario
        self._setup = setup
        self._kind = _kind(error)
        self._names: dict[tuple[Any, ...], int] = {}
        self._end = time.perf_counter() + limit

    @property
    def late(self) -> bool:
        return time.perf_counter() >= self._end

    def attempt(self, strategy: Strategy, cap: int | None = None) -> _Run | None:
        """Return the run that `strategy` makes, None if it does not fail in the same way, with `cap` deliveries at most."""
        simulation = self._setup.simulation(strategy)
        world = simulation._world
        world.names = self._names
        if cap is not None:
            world.strategy = _Capped(strategy, world, cap)
        try:
            error = attempt(self._scenario, simulation)
        except BaseException as left:
            if leaves_test(left):  # another order than the one that failed: no reason to give that one up
                return None
            raise
        if error is None or _kind(error) != self._kind:
            return None
        return _Run(tuple(world.choices), tuple(world.schedule), world.deliveries)

    def smallest(self, best: _Run) -> _Run:
        """Return the smallest run that leads on from `best`."""
        while True:
            smaller = self.once_out_of_turn(self.in_turn(self.without_chunks(best)))
            if smaller.size >= best.size or self.late:
                return smaller
            best = smaller

    def without_chunks(self, best: _Run) -> _Run:
        """Put off chunks of steps for as long as that makes the run smaller."""
        size = max(1, len(best.schedule) // 2)
        while True:
            begin, smaller = 0, False
            while begin < len(best.schedule) and not self.late:
                kept = best.schedule[:begin] + best.schedule[begin + size :]
                run = self.attempt(Scheduled(kept))
                if run is not None and run.size < best.size:
                    best, smaller = run, True
                else:
                    begin += size
            if self.late or (size == 1 and not smaller):
                return best
            size = max(1, size // 2)

    def in_turn(self, best: _Run) -> _Run:
        """Take each step in turn that need not be out of turn."""
        place = 0
        while place < len(best.choices) and not self.late:
            choice = best.choices[place]
            for less in range(choice):
                run = self.attempt(Chosen((*best.choices[:place], less, *best.choices[place + 1 :])))
                if run is not None and run.size < best.size:
                    best = run
                    break
            place += 1
        return best

    def once_out_of_turn(self, best: _Run) -> _Run:
        """Return a run of which a single step is out of turn, if one fails."""
        for place in range(len(best.choices)):
            choice = 0
            while best.size[2] > 1 and not self.late:
                choice += 1
                strategy = Chosen((*[0] * place, choice))
                run = self.attempt(strategy)
                if run is not None and run.size < best.size:
                    return run
                if strategy.misfits or strategy.unused:
                    break
        return best


class _Capped:
    """Gives a run up that is too long."""

    def __init__(self, strategy: Strategy, world: World, cap: int) -> None:
        self._strategy = strategy
        self._world = world
        self._cap = cap

    def choose(self, enabled: Sequence[Pending]) -> int:
        if self._world.deliveries >= self._cap:
            raise PrunedError
        return self._strategy.choose(enabled)


def shrink(
    scenario: Scenario, setup: Setup, error: BaseException, choices: Sequence[int], others: Iterable[Strategy], limit: float
) -> list[int]:
    """Return the choices of the smallest run found that fails like the one of `choices`.

    Each stage comes to a run that none of its changes makes smaller, and another failing run may lead to a smaller one: so the failures of
    some other runs are shrunk, too, until several have brought nothing.

    Args:
        scenario: what is run.
        setup: how it is run.
        error: what the given run failed with; another kind of failure is another bug.
        choices: of the given run.
        others: makes other runs, of which some fail.
        limit: seconds after which the best so far has to do.
    """
    shrinker = _Shrinker(scenario, setup, error, limit)
    first = shrinker.attempt(Chosen(choices))
    if first is None:
        return list(choices)
    best = shrinker.smallest(first)
    in_vain = 0
    for strategy in others:
        if in_vain == ENOUGH or shrinker.late:
            break
        other = shrinker.attempt(strategy)
        if other is None:
            continue
        in_vain += 1
        other = shrinker.without_chunks(other)
        if other.size[:2] > best.size[:2]:  # the other stages only bring its steps in turn
            continue
        other = shrinker.smallest(other)
        if other.size < best.size:
            best, in_vain = other, 0
    number = 0
    while number < SAMPLES and not shrinker.late:
        number += 1
        shorter = shrinker.attempt(PartialOrderSampling(f"{setup.seed}/{best.deliveries}/{number}"), best.deliveries - 1)
        if shorter is not None and shorter.deliveries < best.deliveries:  # not one that only came to no choice after the cap
            best, number = shrinker.smallest(shorter), 0
    return list(best.choices)


def _kind(error: BaseException) -> tuple[object, ...]:
    """Return what two failures of the same bug have in common: type, what did not hold, and the line."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    line = None if traceback is None else (traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
    return type(error), error.name if isinstance(error, InvariantError) else None, line
