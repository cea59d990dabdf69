"""Levels: loguru's, by name or number."""

from __future__ import annotations

from typing import Any

from actors._core.desk import LEVELS
from actors.logs.loguru_port import RecordLevel, level_named

__all__ = ["level_number", "number_and_name", "record_level"]

NUMBERS = {name: no for no, name in LEVELS.items()}
_BY_NUMBER: dict[int, Any] = {}  # a plain dict store, the same whoever is first
_BY_NAME: dict[str, Any] = {}


def number_and_name(level: Any, argument: str = "level") -> tuple[int, str | None]:
    """Return number and name of a level; the name is None where the number says it.

    Args:
        level: name or number.
        argument: what the argument is called that it was given as.

    Raises:
        ValueError: there is no level of that name, or the number is negative.
        TypeError: neither a name nor a number.
    """
    if isinstance(level, str):
        no = NUMBERS.get(level)
        if no is not None:
            return no, None
        return _named(level, argument).no, level
    if isinstance(level, bool) or not isinstance(level, int):
        msg = f"{argument}={level!r} is not valid: a level's name, like 'INFO', or its number"
        raise TypeError(msg)
    if level < 0:
        msg = f"{argument}={level!r} is not valid: a level's number is 0 or more"
        raise ValueError(msg)
    return level, None


def level_number(level: Any, argument: str = "level") -> int:
    """Return the number of a level; raises as `number_and_name`."""
    return number_and_name(level, argument)[0]


def _named(name: str, argument: str = "level") -> Any:
    known = _BY_NAME.get(name)
    if known is None:
        try:
            known = level_named(name)
        except ValueError:
            msg = f"{argument}={name!r} is not valid: {', '.join(NUMBERS)}, or one made with loguru's logger.level({name!r}, no=...)"
            raise ValueError(msg) from None
        _BY_NAME[name] = known
    return known


def record_level(no: int, name: str | None) -> Any:
    """Return a level as records have it."""
    if name is not None:
        try:
            return _named(name)
        except ValueError:  # of a library's own, as it comes from `logging`
            return RecordLevel(name, no, " ")
    known = _BY_NUMBER.get(no)
    if known is None:
        standard = LEVELS.get(no)
        known = _named(standard) if standard is not None else RecordLevel(f"Level {no}", no, " ")
        if len(_BY_NUMBER) < 1000:  # noqa: PLR2004  # numbers may be made up
            _BY_NUMBER[no] = known
    return known
