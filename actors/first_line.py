"""The first log line of a program that has not set logging up: it loads `actors.logs`, and goes where that says."""

from __future__ import annotations

import time
from typing import Any

from actors._core.desk import DESK

__all__ = ["install"]


def _first(line: tuple[Any, ...]) -> None:
    import actors.logs  # noqa: F401, PLC0415  # loguru need not be loaded before somebody logs; this puts another function in place

    DESK._append(line)


def _number(level: Any) -> tuple[int, str | None]:
    from actors.logs.levels import number_and_name  # noqa: PLC0415  # as above

    return number_and_name(level)


def install() -> None:
    """Let log calls come here."""
    DESK.now = time.time
    DESK.use(_first, 0)
    DESK.number = _number
