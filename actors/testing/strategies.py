"""Who makes the choices of a run."""

from __future__ import annotations

import math
import random
from operator import length_hint
from typing import TYPE_CHECKING, Protocol

from actors.testing.network import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.network import Pending

__all__ = ["Chosen", "Delays", "Fifo", "PartialOrderSampling", "PriorityChanges", "RandomWalk", "Scheduled", "Strategy"]


class Strategy(Protocol):
    """Makes the choices of a run.

    One with an attribute `asks_always` that is true is asked where there is no choice, too.
    """

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return the index of what happens next; 0 is what has waited longest. Called only where there are two or more."""


class Fifo:
    """What has waited longest comes first, timers last: the run that a quiet machine would make."""

    def choose(self, enabled: Sequence[Pending]) -> int:  # noqa: ARG002  # the protocol's signature
        """Return 0."""
        return 0


class _Chance:
    """A strategy that leaves something to chance: among it, when something goes wrong.

    Args:
        seed: the same seed makes the same choices, on every version of Python.
        length: steps that a run is expected to take; faults are spread over them.
    """

    def __init__(self, seed: int | str = 0, length: int = 40) -> None:
        self._random = random.Random(seed).random
        self._rate = 2 / max(length, 4)

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return any index; that of a fault as rarely as they are in life."""
        right = len(enabled)
        while right and enabled[right - 1].kind is Kind.FAULT:
            right -= 1
        wrong = len(enabled) - right
        if wrong and (not right or self._random() < self._rate):
            return right + int(self._random() * wrong)
        return self._pick(enabled[:right] if wrong else enabled)

    def _pick(self, enabled: Sequence[Pending]) -> int:
        raise NotImplementedError


class RandomWalk(_Chance):
    """Each of the possible steps is as likely as the others."""

    def _pick(self, enabled: Sequence[Pending]) -> int:
        return int(self._random() * len(enabled))


class PartialOrderSampling(_Chance):
    """Each step gets a random priority when it becomes possible, and a new one when another step of its actor came first.

    Orders that differ only in independent steps count less than with `RandomWalk`. Yuan, Yang and Gu, "Partial Order Aware Concurrency
    Sampling", CAV 2018.
    """

    def __init__(self, seed: int | str = 0, length: int = 40) -> None:
        super().__init__(seed, length)
        self._priorities: dict[Pending, float] = {}

    def _pick(self, enabled: Sequence[Pending]) -> int:
        priorities = self._priorities
        best, highest = 0, -1.0
        for index, one in enumerate(enabled):
            priority = priorities.get(one)
            if priority is None:
                priority = priorities[one] = self._random()
            if priority > highest:
                best, highest = index, priority
        cell = enabled[best].cell
        for one in enabled:
            if one.cell is cell:
                del priorities[one]
        return best


class PriorityChanges(_Chance):
    """Chains of messages have random priorities, and the highest goes on; a few times in a run the highest becomes the lowest.

    Finds an order that takes `depth` constraints with a probability that has a lower bound. Burckhardt et al., "A Randomized Scheduler with
    Probabilistic Guarantees of Finding Bugs" (PCT), ASPLOS 2010; for message passing: Ozkan et al., OOPSLA 2018. Chains are made greedily:
    the first message that a step leads to goes on with its chain, the others begin new ones.

    Args:
        seed: as for `RandomWalk`.
        length: as for `RandomWalk`.
        depth: constraints in the order looked for; priorities change `depth` - 1 times.
    """

    asks_always = True

    def __init__(self, seed: int | str = 0, length: int = 40, depth: int = 3) -> None:
        super().__init__(seed, length)
        self._step = 0
        self._chains: dict[Pending, int] = {}
        self._ends: dict[int, int | None] = {}  # the chain that ended in a step, until something goes on with it
        self._priorities: list[float] = []
        self._changes = {1 + int(self._random() * max(length, 1)): -1.0 - number for number in range(depth - 1)}

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return the index of the step whose chain has the highest priority."""
        self._step += 1
        index = super().choose(enabled)
        self._ends[self._step] = self._chains.get(enabled[index])
        return index

    def _pick(self, enabled: Sequence[Pending]) -> int:
        best = self._best(enabled)
        change = self._changes.get(self._step)
        if change is not None:
            self._priorities[self._chains[enabled[best]]] = change
            best = self._best(enabled)
        return best

    def _best(self, enabled: Sequence[Pending]) -> int:
        best, highest = 0, -math.inf
        for index, one in enumerate(enabled):
            priority = self._priorities[self._chain(one)]
            if priority > highest:
                best, highest = index, priority
        return best

    def _chain(self, one: Pending) -> int:
        chain = self._chains.get(one)
        if chain is None:
            chain = self._ends.get(one.cause)
            if chain is None:
                chain = len(self._priorities)
                self._priorities.append(self._random())
            else:
                self._ends[one.cause] = None
            self._chains[one] = chain
        return chain


class Delays(_Chance):
    """What has waited longest comes first, but for a few steps at random that are put behind all others.

    Emmi, Qadeer and Rakamaric, "Delay-Bounded Scheduling", POPL 2011.

    Args:
        seed: as for `RandomWalk`.
        length: as for `RandomWalk`.
        delays: how many steps are put off.
    """

    def __init__(self, seed: int | str = 0, length: int = 40, delays: int = 2) -> None:
        super().__init__(seed, length)
        self._call = 0
        self._delayed: dict[Pending, int] = {}
        self._moments = {1 + int(self._random() * max(length, 1)) for _ in range(delays)}

    def _pick(self, enabled: Sequence[Pending]) -> int:
        self._call += 1
        index = self._first(enabled)
        if self._call in self._moments:
            self._delayed[enabled[index]] = self._call
            index = self._first(enabled)
        return index

    def _first(self, enabled: Sequence[Pending]) -> int:
        delayed = self._delayed
        return min(range(len(enabled)), key=lambda index: delayed.get(enabled[index], 0))


class Scheduled:
    """The steps of a schedule as soon as they are possible, in its order; where none is, what has waited longest.

    Args:
        schedule: names of steps.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        self._rank = {name: rank for rank, name in enumerate(schedule)}

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return the index of the step that the schedule has first."""
        rank, unknown = self._rank, len(self._rank)
        index, least = 0, unknown
        for place, one in enumerate(enabled):
            if (here := rank.get(one.name, unknown)) < least:
                index, least = place, here
        return index


class Chosen:
    """The given choices, and 0 after the last of them."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = iter(choices)
        self.misfits = 0  # choices that were not possible

    @property
    def unused(self) -> int:
        """How many of the choices the run had no use for."""
        return length_hint(self._choices)

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return the next choice."""
        choice = next(self._choices, 0)
        if choice >= len(enabled):
            self.misfits += 1
            return 0
        return choice
