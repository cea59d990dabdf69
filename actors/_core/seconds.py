"""Durations that users hand over."""

from __future__ import annotations

import sys

__all__ = ["LONGEST", "check_seconds", "check_timeout"]

LONGEST = sys.float_info.max  # a whole number may be more than any float is


def check_seconds(name: str, seconds: object) -> float:
    """Return `seconds` as a float, or raise naming parameter and value."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        msg = f"{name}={seconds!r} is not valid: a number of seconds"
        raise TypeError(msg)
    if not 0 <= seconds <= LONGEST:
        msg = f"{name}={seconds!r} is not valid: seconds, 0 or more"
        raise ValueError(msg)
    return float(seconds)


def check_timeout(timeout: object) -> float | None:
    """Return `timeout`, or raise unless it is None or a number of seconds.

    A negative one is as good as 0, as in pykka; an infinite one is as good as None, also where a deadlock is looked for.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        msg = f"timeout={timeout!r} is not valid: a number of seconds, or None"
        raise TypeError(msg)
    if timeout != timeout:  # noqa: PLR0124  # nan
        msg = f"timeout={timeout!r} is not valid: a number of seconds, or None"
        raise ValueError(msg)
    return None if timeout > LONGEST else timeout
