"""Who makes the choices of a run."""

from __future__ import annotations

import random
from operator import length_hint
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.network import Pending

__all__ = ["Chosen", "Fifo", "RandomWalk", "Scheduled"]


class Fifo:
    """What has waited longest comes first, timers last: the run that a quiet machine would make."""

    def choose(self, enabled: Sequence[Pending]) -> int:  # noqa: ARG002  # the protocol's signature
        """Return 0."""
        return 0


class RandomWalk:
    """Each of the possible steps is as likely as the others.

    Args:
        seed: the same seed makes the same choices, on every version of Python.
    """

    def __init__(self, seed: int | str = 0) -> None:
        self._random = random.Random(seed).random

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return any index."""
        return int(self._random() * len(enabled))


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
        self.misfit = False  # whether a choice was not possible

    @property
    def unused(self) -> int:
        """How many of the choices the run had no use for."""
        return length_hint(self._choices)

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Return the next choice."""
        choice = next(self._choices, 0)
        if choice >= len(enabled):
            self.misfit = True
            return 0
        return choice
