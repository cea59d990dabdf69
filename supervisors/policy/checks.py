"""Checks of numbers that users hand over; the errors name parameter and value."""

from __future__ import annotations

import math

__all__ = ["check_chance", "check_instant", "check_number", "check_whole"]


def check_number(name: str, value: object, what: str, *, least: float = 0.0, above: bool = False, infinite: bool = False) -> float:
    """Return `value` as a float.

    Args:
        name: of the parameter, for the error.
        value: what was given for it.
        what: it should be, in words, for the error.
        least: the smallest number that is good.
        above: whether it has to be more than `least`.
        infinite: whether it may be infinite.

    Raises:
        TypeError: it is no number. Truth values are none.
        ValueError: it is out of range, or not a number in the sense of IEEE 754.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name}={value!r} is not valid: {what}"
        raise TypeError(msg)
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond all floats
        number = math.nan
    if not (number > least if above else number >= least) or (number == math.inf and not infinite):
        msg = f"{name}={value!r} is not valid: {what}"
        raise ValueError(msg)
    return number


def check_whole(name: str, value: object, what: str, least: int) -> int:
    """Return `value` if it is a whole number, `least` or more.

    Raises:
        TypeError: it is no whole number. Truth values are none.
        ValueError: it is less.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name}={value!r} is not valid: {what}"
        raise TypeError(msg)
    if value < least:
        msg = f"{name}={value!r} is not valid: {what}"
        raise ValueError(msg)
    return value


def check_instant(now: float) -> None:
    """Raise ValueError unless `now` is a point in time: with any other, what came before it and after it is undecided."""
    if not math.isfinite(now):
        msg = f"now={now!r} is not valid: a clock's time in seconds"
        raise ValueError(msg)


def check_chance(chance: float) -> None:
    """Raise ValueError unless `chance` is from 0 to 1."""
    if not 0 <= chance <= 1:
        msg = f"chance={chance!r} is not valid: a random number in [0, 1)"
        raise ValueError(msg)
