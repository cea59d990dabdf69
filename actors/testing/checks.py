"""Checks of what users pass."""

from __future__ import annotations

import math
from datetime import UTC, datetime

__all__ = ["EPOCH", "check_count", "check_epoch", "check_jump"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # when time begins, where a test does not say: the same day in every run


def check_count(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is a whole number, `least` or more."""
    if type(value) is not int or value < least:
        msg = f"{name}={value!r} is not valid: a whole number, {least} or more"
        raise ValueError(msg)


def check_epoch(epoch: object) -> float:
    """Return when `epoch` is, in seconds since the epoch of Unix; raise unless it is a datetime that knows its zone."""
    if not isinstance(epoch, datetime):
        msg = f"epoch={epoch!r} is not valid: a datetime, like datetime(2026, 1, 1, tzinfo=UTC)"
        raise TypeError(msg)
    if epoch.utcoffset() is None:
        msg = f"epoch={epoch!r} is not valid: which zone is meant? Give it one, as with tzinfo=UTC"
        raise ValueError(msg)
    return epoch.timestamp()


def check_jump(seconds: object) -> float:
    """Return `seconds`, or raise unless it is a finite number: more than 0 to go ahead, less to go back."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        msg = f"seconds={seconds!r} is not valid: a number of seconds"
        raise TypeError(msg)
    if not math.isfinite(seconds):
        msg = f"seconds={seconds!r} is not valid: a finite number of seconds, less than 0 to go back"
        raise ValueError(msg)
    return float(seconds)
