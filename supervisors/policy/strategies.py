"""Who is restarted when a child ends."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AutoShutdown", "Outcome", "Restart", "Strategy", "affected", "restarts", "should_shut_down"]

T = TypeVar("T")


class Strategy(Enum):
    """Which children are restarted with the one that failed."""

    ONE_FOR_ONE = "one_for_one"
    """None: the children do not depend on each other."""

    ONE_FOR_ALL = "one_for_all"
    """All: each depends on each."""

    REST_FOR_ONE = "rest_for_one"
    """Those started after it: children depend on earlier ones."""


class Restart(Enum):
    """After which ends a child is started again."""

    PERMANENT = "permanent"
    """After every end: it is meant to run always."""

    TRANSIENT = "transient"
    """After an abnormal end only: it may come to an end of its own."""

    TEMPORARY = "temporary"
    """Never: whoever wants it again starts it."""


class AutoShutdown(Enum):
    """When a supervisor ends because a significant child ended by itself."""

    NEVER = "never"
    """Children are not significant."""

    ANY_SIGNIFICANT = "any_significant"
    """When any of them ends."""

    ALL_SIGNIFICANT = "all_significant"
    """When the last of them ends."""


class Outcome(Enum):
    """How an actor ended."""

    NORMAL = "normal"
    """It stopped, or was stopped."""

    ABNORMAL = "abnormal"
    """It crashed, was killed, or did not start."""


def restarts(restart: Restart, outcome: Outcome) -> bool:
    """Tell whether a child of kind `restart` is started again after `outcome`."""
    if restart is Restart.TRANSIENT:
        return outcome is Outcome.ABNORMAL
    return restart is Restart.PERMANENT


def affected(strategy: Strategy, names: Sequence[T], failed: T) -> tuple[T, ...]:
    """Return who is ended and started anew because `failed` is, itself included.

    Args:
        strategy: of the supervisor.
        names: all its children in start order, each once.
        failed: one of them.

    Returns:
        In start order. End them in the reverse order.

    Raises:
        ValueError: `failed` is none of `names`.
    """
    if failed not in names:
        msg = f"failed={failed!r} is not valid: one of {tuple(names)!r}"
        raise ValueError(msg)
    if strategy is Strategy.ONE_FOR_ONE:
        return (failed,)
    if strategy is Strategy.ONE_FOR_ALL:
        return tuple(names)
    return tuple(names[names.index(failed) :])


def should_shut_down(auto: AutoShutdown, others_left: bool) -> bool:  # noqa: FBT001  # one truth value, named at the call or plain from it
    """Tell whether a supervisor ends after one of its significant children ended by itself.

    Args:
        auto: of the supervisor.
        others_left: whether it has other significant children that have not ended.
    """
    if auto is AutoShutdown.ALL_SIGNIFICANT:
        return not others_left
    return auto is AutoShutdown.ANY_SIGNIFICANT
