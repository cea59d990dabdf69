"""Helpers for tests that race real threads with each other."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = ["PATIENCE", "at_line", "race"]

PATIENCE = 60.0  # seconds until a wait that should have ended fails its test


def race(*calls: Callable[[], object]) -> None:
    """Make the calls at the same time, each on a thread of its own; raise the first error of any."""
    barrier = threading.Barrier(len(calls))
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)
    assert not any(thread.is_alive() for thread in threads), "a racing thread hangs"
    if errors:
        raise errors[0]


def aside(call: Callable[[], object]) -> None:
    """Make a call on another thread; go on when it has returned, or does not get on."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(0.3)


def at_line(code: CodeType, line: int, call: Callable[[], object], *, frame: FrameType | None = None) -> None:
    """Make `call` once, on another thread, just before this thread runs `line` of `code`; in `frame` if that runs already."""

    def trace(here: FrameType, event: str, _: Any) -> Any:
        if here.f_code is not code:
            return None
        if event == "line" and here.f_lineno == line:
            sys.settrace(None)
            here.f_trace = None
            aside(call)
            return None
        return trace

    if frame is not None:
        frame.f_trace = trace
    sys.settrace(trace)
