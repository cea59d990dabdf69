"""The errors of what a machine is told that it cannot do."""

from __future__ import annotations

from typing import Any

from supervisors.machine.errors import TransitionError, UnhandledEventError

__all__ = ["name_of", "refused", "wrong"]


def refused(machine: Any, event: object, why: str) -> UnhandledEventError:
    """Return the error for an event that is not taken."""
    return UnhandledEventError(type(machine).__qualname__, machine._greenroom_run.leaf.name, event, why)


def wrong(machine: Any, why: str) -> TransitionError:
    """Return the error for what an action, a guard or an enter or exit action did."""
    return TransitionError(type(machine).__qualname__, machine._greenroom_run.leaf.name, why)


def name_of(function: Any) -> str:
    """Return what a function is called in errors."""
    return getattr(function, "__qualname__", repr(function))
