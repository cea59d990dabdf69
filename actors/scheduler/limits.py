"""How much a scheduler takes in, and how much of it runs at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.scheduler.work import Kind, check_count

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Limits", "check_limits"]

UNLIMITED = 1 << 62  # messages that are told take no place: they are done at once


@dataclass(frozen=True, slots=True)
class Limits:
    """See `Scheduler`.

    Attributes:
        places: runs at once, by kind.
        capacity: tasks that are not over.
        abandoned: threads that may be stuck in runs that were given up.
        look: seconds after which the clock on the wall is looked at again, while tasks wait for it.
    """

    places: Mapping[Kind, int]
    capacity: int
    abandoned: int
    look: float = 30.0


def check_limits(*, threads: int, coroutines: int, processes: int | None, asks: int, capacity: int, abandoned: int) -> Limits:
    """Return the limits, or raise naming parameter and value."""
    if isinstance(abandoned, bool) or not isinstance(abandoned, int) or abandoned < 0:
        msg = f"abandoned={abandoned!r} is not valid: a whole number, 0 or more"
        raise (ValueError if type(abandoned) is int else TypeError)(msg)
    places = {
        Kind.TELL: UNLIMITED,
        Kind.ASK: check_count("asks", asks),
        Kind.FUNCTION: check_count("threads", threads),
        Kind.COROUTINE: check_count("coroutines", coroutines),
        Kind.PROCESS: check_count("processes", processes if processes is not None else os.cpu_count() or 1),
    }
    return Limits(places, check_count("capacity", capacity), abandoned)
