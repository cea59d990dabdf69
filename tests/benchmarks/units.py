"""How figures read: 1.23 M messages/s, 0.81 µs each."""

from __future__ import annotations

from .model import BYTES, COUNT, RATES, SECONDS, Check, Figure


def quantity(value: float, unit: str) -> str:
    """Write a value with its unit."""
    if unit.endswith("/s"):
        return f"{scaled(value)} {unit}"
    if unit == SECONDS:
        return duration(value)
    if unit == BYTES:
        return f"{value:,.0f} B"
    if unit == COUNT:
        return f"{value:,.0f}"
    return f"{value:.2f} {unit}"


def duration(seconds: float) -> str:
    """Write seconds in the unit that suits them."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def each(figure: Figure) -> str:
    """Write what one operation takes, for rates."""
    median = figure.median
    return duration(1 / median) if median and figure.unit in RATES else ""


def times(value: float | None) -> str:
    """Write a ratio, with three digits that mean something."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def reached(check: Check) -> str:
    """Write what a check found."""
    if check.value is None or check.problem:
        return "—"
    return times(check.value) if check.unit == "×" else quantity(check.value, check.unit)


def wanted(check: Check) -> str:
    """Write what a check wants."""
    sign = "≥" if check.at_least else "≤"
    limit = f"{check.limit:g}" if check.unit == "×" else quantity(check.limit, check.unit)
    return f"{sign} {limit}"


def scaled(value: float) -> str:
    """Write a number with thousands or millions as a letter."""
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"
