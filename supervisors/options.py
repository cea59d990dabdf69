"""The class keywords of supervisors, and the same as arguments: checked by name and value."""

from __future__ import annotations

from enum import Enum
from typing import Any

from supervisors.errors import ChildSpecError
from supervisors.policy import AutoShutdown, Limit, Strategy

__all__ = ["Unset", "declared", "limit_of"]


class Unset(Enum):
    """Stands for what was not given, where None means something."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "..."


def declared(owner: Any, **given: Any) -> None:
    """Keep on `owner`, a class or an instance, what was given.

    Raises:
        ChildSpecError: it does not fit.
    """
    kinds = {"strategy": Strategy, "auto_shutdown": AutoShutdown}
    for name, value in given.items():
        if value is Unset.UNSET or (value is None and name not in ("intensity", "max_children")):
            continue
        if name in kinds and not isinstance(value, kinds[name]):
            raise ChildSpecError(name, value, f"a member of {kinds[name].__name__}")
        if name == "max_children" and value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ChildSpecError(name, value, "a whole number, 1 or more, or None")
        setattr(owner, f"_{name}", value)
    limit_of(owner._intensity, owner._period)


def limit_of(intensity: int | None, period: float) -> Limit | None:
    """Return the limit of restarts that intensity and period make; None for no limit.

    Raises:
        ChildSpecError: one of them does not fit.
    """
    try:
        limit = Limit(0 if intensity is None else intensity, period)
    except (TypeError, ValueError) as error:
        name, value = ("period", period) if str(error).startswith("period") else ("intensity", intensity)
        raise ChildSpecError(name, value, str(error).partition("is not valid: ")[2]) from None
    return None if intensity is None else limit
