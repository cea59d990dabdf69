"""Chaos that can be repeated: whom it hits, with what and when follows from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors import Actor, handler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supervisors.demo.parts import Hands, Order, Victim

__all__ = ["Chaos", "Strike", "new_seed", "strikes"]


@dataclass(frozen=True, slots=True)
class Strike:
    """One failure to inject.

    Attributes:
        after: demo seconds since the one before.
        path: whom it hits.
        order: what with.
    """

    after: float
    path: str
    order: Order


def new_seed() -> int:
    """Return a seed that people can type."""
    return random.SystemRandom().randrange(10_000)


def strikes(seed: int, victims: Sequence[Victim], pace: float) -> Iterator[Strike]:
    """Yield failures without end: the same for the same seed, victims and pace.

    Args:
        seed: any whole number.
        victims: at least one.
        pace: demo seconds between two strikes, on average.
    """
    chance = random.Random(seed)
    while True:
        victim = chance.choice(victims)
        yield Strike(chance.uniform(0.4, 1.6) * pace, victim.path, chance.choice(victim.orders))


@dataclass(frozen=True, slots=True)
class _Now:
    """Time for the next strike."""

    strike: Strike


class Chaos(Actor):
    """Strikes as planned, in demo time."""

    def __init__(self, plan: Iterator[Strike], hands: Hands) -> None:
        super().__init__()
        self._plan = plan
        self._hands = hands

    def on_start(self) -> None:
        """Begin."""
        self._next()

    def _next(self) -> None:
        strike = next(self._plan)
        self.start_timer("strike", strike.after, _Now(strike))

    @handler
    def _on_now(self, message: _Now) -> None:
        self._hands.give(message.strike.path, message.strike.order)
        self._next()
