"""Shrinking: of a run that fails, find the shortest and plainest that fails in the same way.

A step is told by its causes: the step that sent it and how many that had sent before. So it is the same step in another run, where
the choices before it were others and an index would mean something else. Chunks of steps are put off, larger ones first (delta
debugging, Zeller and Hildebrandt 2002); what is not possible any more without them is skipped. Then each step out of turn is tried in turn,
and at last every run with a single step out of turn.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.testing.errors import InvariantError
from actors.testing.simulation import Simulation
from actors.testing.strategies import Chosen, Scheduled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing.network import Kind, Ordering
    from actors.testing.world import Strategy

__all__ = ["shrink"]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that failed."""

    choices: tuple[int, ...]
    schedule: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        """Steps, steps out of turn, and how far out of turn: less is plainer."""
        return len(self.schedule), sum(choice > 0 for choice in self.choices), sum(self.choices)


class _Shrinker:
    def __init__(
        self,
        run: Callable[[Simulation], BaseException | None],
        error: BaseException,
        ordering: Ordering,
        seed: int,
        max_steps: int,
        limit: float,
    ) -> None:
        self._run = run
        self._kind = _kind(error)
        self._ordering, self._seed, self._max_steps = ordering, seed, max_steps
        self._names: dict[tuple[int, bool, Kind, int], int] = {}
        self._end = time.perf_counter() + limit
        self.runs = 0

    @property
    def late(self) -> bool:
        return time.perf_counter() >= self._end

    def attempt(self, strategy: Strategy) -> _Run | None:
        """Return the run that `strategy` makes, None if it does not fail in the same way."""
        self.runs += 1
        simulation = Simulation(strategy, ordering=self._ordering, seed=self._seed, max_steps=self._max_steps)
        world = simulation._world
        world.names = self._names
        error = self._run(simulation)
        if error is None or _kind(error) != self._kind:
            return None
        return _Run(tuple(world.choices), tuple(world.schedule))

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
            while best.size[1] > 1 and not self.late:
                choice += 1
                strategy = Chosen((*[0] * place, choice))
                run = self.attempt(strategy)
                if run is not None and run.size < best.size:
                    return run
                if strategy.misfit or strategy.unused:
                    break
        return best


def shrink(
    run: Callable[[Simulation], BaseException | None],
    error: BaseException,
    choices: Sequence[int],
    *,
    ordering: Ordering,
    seed: int,
    max_steps: int,
    limit: float,
) -> tuple[int, ...]:
    """Return the choices of the smallest run found that fails like the one of `choices`.

    Args:
        run: makes the run of a simulation; returns what it failed with.
        error: what the given run failed with; another kind of failure is another bug.
        choices: of the given run.
        ordering: as for `explore`.
        seed: as for `explore`.
        max_steps: as for `explore`.
        limit: seconds after which the best so far has to do.
    """
    shrinker = _Shrinker(run, error, ordering, seed, max_steps, limit)
    best = shrinker.attempt(Chosen(choices))
    if best is None:
        return tuple(choices)
    while True:
        smaller = shrinker.once_out_of_turn(shrinker.in_turn(shrinker.without_chunks(best)))
        if smaller.size >= best.size or shrinker.late:
            return smaller.choices
        best = smaller


def _kind(error: BaseException) -> tuple[object, ...]:
    """Return what two failures of the same bug have in common: type, what did not hold, and the line."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    line = None if traceback is None else (traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
    return type(error), error.name if isinstance(error, InvariantError) else None, line
