"""Who is restarted when a child ends or fails, and when its supervisor has nothing left to do: OTP's rules."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AutoShutdown", "Outcome", "Restart", "Strategy", "affected", "restarts", "shuts_down"]

T = TypeVar("T")


class Strategy(Enum):
    """Which children are restarted when one fails."""

    ONE_FOR_ONE = "one for one"
    """The one that failed."""

    ONE_FOR_ALL = "one for all"
    """All of them."""

    REST_FOR_ONE = "rest for one"
    """The one that failed, and those started after it."""


class Restart(Enum):
    """Whether a child is restarted."""

    PERMANENT = "permanent"
    """Always, also after a normal end."""

    TRANSIENT = "transient"
    """After a failure only."""

    TEMPORARY = "temporary"
    """Never, not even on behalf of a sibling: then it is forgotten."""


class AutoShutdown(Enum):
    """Whether a supervisor ends when significant children have ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any significant"
    ALL_SIGNIFICANT = "all significant"


class Outcome(Enum):
    """How a child ended."""

    NORMAL = "normal"
    """By a graceful stop."""

    ABNORMAL = "abnormal"
    """By a crash, a kill, or a start that failed."""


def restarts(restart: Restart, outcome: Outcome) -> bool:
    """Tell whether a child that ended so by itself is to be restarted."""
    return restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and outcome is Outcome.ABNORMAL)


def affected(strategy: Strategy, children: Sequence[T], failed: T) -> Sequence[T]:
    """Return which of `children`, given in start order, a failure of `failed` concerns, itself included."""
    if strategy is Strategy.ONE_FOR_ONE:
        return (failed,)
    return children if strategy is Strategy.ONE_FOR_ALL else children[children.index(failed) :]


def shuts_down(auto: AutoShutdown, *, significant: bool, others: int) -> bool:
    """Tell whether a supervisor ends because a child has ended by itself and is not restarted.

    Args:
        auto: what the supervisor declares.
        significant: whether that child is.
        others: how many other significant children there are that have not ended.
    """
    if not significant or auto is AutoShutdown.NEVER:
        return False
    return auto is AutoShutdown.ANY_SIGNIFICANT or not others
