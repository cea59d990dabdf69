"""A mutual exclusion lock without convoys.

A thread that blocks in ``threading.Lock.acquire`` comes to own the lock while it still waits for the interpreter. Whoever runs
meanwhile then blocks on its next acquire, owns the lock before it can run in turn, and so on: two busy threads end up switching at every
acquire, which costs more than the work between. A thread that waits for a `Mutex` lets the others run for a moment and tries again, and
blocks only after many tries that found the lock taken: nobody starves, and the others, who try first, form no convoy behind it.
"""

from __future__ import annotations

import threading

__all__ = ["Mutex"]

PAUSE = 5e-5  # seconds; the owner only needs the interpreter to get out of a few lines
TRIES = 20  # a thread that finds the lock taken so often waits for it as for any other

_never = threading.Lock()
_never.acquire()


class Mutex:
    """Use it with ``with``, for a few lines that run no user code. Not reentrant."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(False):  # by position: a keyword costs as much as the call
            self.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def acquire(self, blocking: bool = True) -> bool:  # noqa: FBT001, FBT002  # as threading.Lock has it
        """Get the lock, letting others run until it is free; with `blocking` False only if it is free now."""
        if not blocking:
            return self._lock.acquire(False)
        for _ in range(TRIES):
            if self._lock.acquire(False):
                return True
            _never.acquire(timeout=PAUSE)
        return self._lock.acquire()

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()
