"""Checks of what users pass."""

from __future__ import annotations

__all__ = ["check_count"]


def check_count(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is a whole number, `least` or more."""
    if type(value) is not int or value < least:
        msg = f"{name}={value!r} is not valid: a whole number, {least} or more"
        raise ValueError(msg)
