"""How long to wait before the next attempt: Pekko's exponential backoff, capped after jitter, too."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow with each attempt, up to a maximum, and begin anew after a quiet time.

    Args:
        initial: seconds before the first attempt, more than 0.
        maximum: seconds at most, jitter included.
        factor: what each wait is multiplied by to make the next, 1 or more.
        jitter: how much longer, at random, a wait may be than computed, as a fraction of it: 0 to 1.
        reset_after: seconds without a failure after which the waits begin anew; None takes `maximum`.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.2
    reset_after: float | None = None

    def __post_init__(self) -> None:
        _check("initial", self.initial, "seconds, more than 0", 0 < _number(self.initial) < math.inf)
        _check("maximum", self.maximum, f"seconds, initial ({self.initial}) or more", self.initial <= _number(self.maximum) < math.inf)
        _check("factor", self.factor, "a number, 1 or more", 1 <= _number(self.factor) < math.inf)
        _check("jitter", self.jitter, "a fraction from 0 to 1", 0 <= _number(self.jitter) <= 1)
        if self.reset_after is not None:
            _check("reset_after", self.reset_after, "seconds, more than 0, or None", 0 < _number(self.reset_after) < math.inf)

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait before attempt number `attempt` (from 0), given a `chance` in [0, 1)."""
        try:
            grown = self.initial * self.factor**attempt
        except OverflowError:
            grown = self.maximum
        return min(self.maximum, min(self.maximum, grown) * (1 + self.jitter * chance))

    def next_attempt(self, attempt: int, quiet: float) -> int:
        """Return the number of the next attempt after `attempt` when `quiet` seconds went by without a failure."""
        reset = self.maximum if self.reset_after is None else self.reset_after
        return 0 if quiet >= reset else attempt + 1


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _check(name: str, value: object, wanted: str, holds: bool) -> None:  # noqa: FBT001  # what is checked
    if not holds:
        msg = f"{name}={value!r} is not valid: {wanted}"
        raise ValueError(msg)
