"""Overload protection, as OTP's logger has it: what happens when lines come faster than the sinks take them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from actors._core.seconds import check_seconds
from actors.logs.levels import level_number

__all__ = ["Burst", "Mode", "Overload"]


class Mode(Enum):
    """What a log call does at this moment."""

    ASYNC = "async"
    """It leaves the line and goes on."""

    SYNC = "sync"
    """It waits for `patience` seconds at most, or until there are fewer lines; on an event loop it goes on at once."""

    DROP = "drop"
    """Lines below `keep` are dropped and counted."""

    FLUSH = "flush"
    """All that wait below `keep` are thrown away and counted; new lines of any level are dropped."""


@dataclass(frozen=True, slots=True)
class Burst:
    """At most so many lines in so many seconds; those beyond are dropped and counted, but for levels that are kept.

    Raises:
        ValueError: lines is no whole number from 1 on, or seconds is not more than 0.
    """

    lines: int = 500
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.lines, bool) or not isinstance(self.lines, int) or self.lines < 1:
            msg = f"lines={self.lines!r} is not valid: a whole number, 1 or more"
            raise ValueError(msg)
        if check_seconds("seconds", self.seconds) == 0:
            msg = "seconds=0 is not valid: more than 0"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """Where the modes begin, in lines that wait; OTP has 10, 200 and 1,000 for a process that handles one line at a time.

    Args:
        sync_at: calls begin to wait.
        drop_at: lines below `keep` are dropped.
        flush_at: all that wait below `keep` are thrown away, and nothing is taken before there is room.
        keep: the level from which on lines are kept longest.
        patience: seconds that one call waits at most.
        burst: a limit of lines per time; None: no limit.

    Raises:
        ValueError: not 1 <= sync_at < drop_at < flush_at, or another value is not valid.
    """

    sync_at: int = 10_000
    drop_at: int = 50_000
    flush_at: int = 100_000
    keep: str | int = "ERROR"
    patience: float = 0.02
    burst: Burst | None = None

    def __post_init__(self) -> None:
        for name in ("sync_at", "drop_at", "flush_at"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                msg = f"{name}={value!r} is not valid: a whole number of lines, 1 or more"
                raise ValueError(msg)
        if not self.sync_at < self.drop_at < self.flush_at:
            msg = (
                f"sync_at={self.sync_at}, drop_at={self.drop_at}, flush_at={self.flush_at} are not valid: "
                "each has to be more than the one before"
            )
            raise ValueError(msg)
        level_number(self.keep, "keep")
        check_seconds("patience", self.patience)
        if self.burst is not None and not isinstance(self.burst, Burst):
            msg = f"burst={self.burst!r} is not valid: a Burst, or None"
            raise TypeError(msg)
