"""The stacks of threads, as text."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

__all__ = ["frames_now", "stacks_of"]

# CPython 3.11 may collect garbage while `sys._current_frames` holds a lock of the interpreter; if another thread gets its turn
# then, and starts or ends a thread, both wait for each other for ever (python/cpython#106883). From 3.12 on, it collects elsewhere.
_MAY_COLLECT = sys.version_info < (3, 12)
_one_at_a_time = threading.RLock()
_paused = False  # under the lock


def renew() -> None:
    """Make the lock anew, in a forked child, and take back a pause that its holder cannot end there."""
    global _one_at_a_time, _paused  # noqa: PLW0603
    _one_at_a_time = threading.RLock()
    if _paused:
        _paused = False
        gc.enable()


def stacks_of(threads: Iterable[threading.Thread]) -> list[str]:
    """Return where each of `threads` is, formatted like a traceback; an empty text for one that is not running."""
    frames = frames_now()
    found = [frames.get(thread.ident or 0) for thread in threads]
    return ["".join(traceback.format_stack(frame)) if frame is not None else "" for frame in found]


def frames_now() -> dict[int, FrameType]:
    """Return the innermost frame of each thread of the process, by its ident."""
    if not _MAY_COLLECT:
        return sys._current_frames()
    global _paused  # noqa: PLW0603
    with _one_at_a_time:  # or one would take the other's pause for the user's choice
        collects = gc.isenabled()
        _paused = _paused or collects
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if collects:  # not of one that was interrupted, and is still at it
                _paused = False
                gc.enable()
