"""Refusing bad arguments of stages at once."""

from __future__ import annotations

import functools
import inspect
from typing import Any

__all__ = ["check_callable", "check_count", "check_name", "check_plain", "is_async"]


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
    """Return `value`, or raise unless it can be called."""
    if not callable(value):
        msg = f"{name}={value!r} is not valid: {what}"
        raise TypeError(msg)
    return value


def is_async(function: Any) -> bool:
    """Tell whether calling `function` gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


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
