"""Refusing bad arguments of stages at once."""

from __future__ import annotations

import functools
import inspect
import math
from typing import TYPE_CHECKING, Any

from actors._core.seconds import check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_callable",
    "check_count",
    "check_interval",
    "check_name",
    "check_plain",
    "check_rate",
    "check_system",
    "is_async",
]

SHORTEST = 0.001  # seconds between two moments at which something happens by the clock


def check_count(name: str, value: object, *, least: int = 1) -> int:
    """Return `value`, or raise unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name}={value!r} is not valid: a whole number"
        raise TypeError(msg)
    if value < least:
        msg = f"{name}={value!r} is not valid: {least} or more"
        raise ValueError(msg)
    return value


def check_callable(name: str, value: Any, what: str) -> Any:
    """Return `value`, or raise unless it can be called, and not to an async generator: no stage takes the elements of one."""
    if not callable(value):
        msg = f"{name}={value!r} is not valid: {what}"
        raise TypeError(msg)
    if _is(inspect.isasyncgenfunction, value):
        msg = (
            f"{name}={value!r} is not valid: an async generator function, whose elements nobody would await here; make it an `async def` "
            "that returns a list, map() that, and flat_map() the lists"
        )
        raise TypeError(msg)
    return value


def is_async(function: Any) -> bool:
    """Tell whether calling `function` gives a coroutine."""
    return _is(inspect.iscoroutinefunction, function)


def _is(kind: Callable[[Any], bool], function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return kind(function) or kind(type(function).__call__)


def check_plain(name: str, value: Any, what: str) -> Any:
    """Return `value`, or raise unless it can be called and is not async: nobody would await what it returns."""
    check_callable(name, value, what)
    if is_async(value):
        msg = f"{name}={value!r} is not valid: nobody would await it here; await it in map(), and use what that gives"
        raise TypeError(msg)
    return value


def check_name(name: object) -> str | None:
    """Return `name`, or raise unless it is a text with something in it, or None."""
    if name is not None and not isinstance(name, str):
        msg = f"name={name!r} is not valid: a text"
        raise TypeError(msg)
    if name is not None and (not name.strip() or not name.isprintable()):
        msg = f"name={name!r} is not valid: a text for people, on one line"
        raise ValueError(msg)
    return name


def check_interval(name: str, seconds: object) -> float:
    """Return `seconds` as a float, or raise unless the clock can go by it."""
    checked = check_seconds(name, seconds)
    if checked < SHORTEST:
        msg = f"{name}={seconds!r} is not valid: seconds, {SHORTEST} or more"
        raise ValueError(msg)
    return checked


def check_rate(name: str, rate: object) -> float:
    """Return `rate` as a float, or raise unless it is so many a second."""
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        msg = f"{name}={rate!r} is not valid: a number of elements a second"
        raise TypeError(msg)
    if not 0 < rate < math.inf:
        msg = f"{name}={rate!r} is not valid: elements a second, more than 0"
        raise ValueError(msg)
    return float(rate)


def check_system(system: Any) -> None:
    """Raise unless actors can be started in `system`."""
    if isinstance(system, type) or not callable(getattr(system, "start", None)) or not hasattr(system, "ports"):
        msg = f"system={system!r} is not valid: an ActorSystem"
        raise TypeError(msg)
