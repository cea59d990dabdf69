"""How long to wait before the next try."""

from __future__ import annotations

import math
from dataclasses import dataclass

from supervisors.policy.checks import check_chance, check_number, check_whole

__all__ = ["Backoff"]

_ENOUGH = 2**62  # attempts after which any factor above 1 that a float can hold has passed every maximum


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow from try to try, spread by chance so that many who failed together do not come back together.

    Args:
        initial: seconds before the first try that is not at once; 0 or more.
        maximum: seconds that no delay exceeds, chance included; `initial` or more.
        factor: how many times longer each delay is than the one before; 1 or more.
        jitter: how much chance may add, as a part of the delay: 0.2 makes it up to a fifth longer; 0 or more.
        reset_after: seconds without a failure after which the delays begin anew, more than 0; None: `maximum`. Infinite: never.

    Raises:
        TypeError: one of them is no number.
        ValueError: one of them is out of range.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.2
    reset_after: float | None = None

    def __post_init__(self) -> None:
        initial = check_number("initial", self.initial, "seconds, 0 or more")
        check_number("maximum", self.maximum, f"seconds, not less than initial={self.initial!r}", least=initial)
        check_number("factor", self.factor, "a number, 1 or more", least=1.0)
        check_number("jitter", self.jitter, "a part of the delay, 0 or more")
        if self.reset_after is not None:
            check_number("reset_after", self.reset_after, "seconds, more than 0, or None for the maximum", above=True, infinite=True)

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait.

        Args:
            attempt: how many times was waited since it last went well; 0 for the first.
            chance: a random number in [0, 1).

        Raises:
            TypeError: `attempt` is no whole number.
            ValueError: `attempt` is negative, or `chance` is out of range.
        """
        check_whole("attempt", attempt, "a whole number, 0 or more", 0)
        check_chance(chance)
        if not self.initial:
            return 0.0
        try:
            growth = float(self.factor) ** min(attempt, _ENOUGH)
        except OverflowError:
            growth = math.inf
        return float(min(self.maximum, min(self.maximum, self.initial * growth) * (1 + self.jitter * chance)))

    def next_attempt(self, attempt: int, quiet: float) -> int:
        """Return the number of the next try.

        Args:
            attempt: the number of the last one.
            quiet: seconds that it went well since then.

        Returns:
            0 if that was `reset_after` or longer, else one more than `attempt`.
        """
        return 0 if quiet >= (self.maximum if self.reset_after is None else self.reset_after) else attempt + 1
