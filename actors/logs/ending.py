"""The end of the program, and its forks."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
from typing import Any

from actors._core.desk import DESK
from actors.logs import assembly, direct

__all__ = ["install"]

GATE = 0.1  # seconds that a fork waits at most for a sink to come to the end of a write


def install() -> None:
    """See to it that what was logged is written at the end of the program, and that a forked child begins anew."""
    atexit.register(_at_exit)
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _at_exit() -> None:
    current = assembly._current
    if current is not None:
        with assembly._setting_up:
            current._close(current._config.exit_timeout, then=assembly._Then.LATE)


_held: list[Any] = []  # locks; by the thread that forks


def _before_fork() -> None:
    """Wait for the sinks to come between two writes: no buffer that the child inherits has half of one. And not amid `setup`."""
    if assembly._setting_up.acquire(timeout=GATE):
        _held.append(assembly._setting_up)
    current = assembly._current
    works = current._works if current is not None else None
    if current is not None:
        current.opened(GATE)
    _held.extend(gate for gate in (works.gates if works is not None else ()) if gate.acquire(timeout=GATE))


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    """Begin with nothing: what waits is the parent's to write. The logging actor is started with the first line."""
    _held.clear()
    DESK.queue.clear()
    assembly._setting_up = threading.RLock()
    direct.renew()
    current = assembly._current
    if current is None:
        return
    current._lock, current._starting = threading.RLock(), False
    current._ref = current._system = None
    current._begin()
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(current, lambda _: ends_without_atexit())


_seen_to = 0  # the process whose end `multiprocessing` tells of


def ends_without_atexit() -> None:
    """See to the end of a child process of `multiprocessing`, which has one of its own kind."""
    global _seen_to  # noqa: PLW0603
    util = sys.modules.get("multiprocessing.util")
    if util is not None and multiprocessing.parent_process() is not None and _seen_to != os.getpid():
        _seen_to = os.getpid()
        util.Finalize(None, _at_exit, exitpriority=-100)
