"""A mutual exclusion lock without convoys.

A thread that blocks in ``threading.Lock.acquire`` comes to own the lock while it still waits for the interpreter. Whoever runs
meanwhile then blocks on its next acquire, owns the lock before it can run in turn, and so on: two busy threads end up switching at every
acquire, which costs more than the work between. A thread that waits for a `Mutex` lets the others run for a moment and tries again, and
blocks only after many tries that found the lock taken: nobody starves, and the others, who try first, form no convoy behind it.
"""

from __future__ import annotations

import threading
from _thread import RLock  # the one in C, as a class to inherit from

__all__ = ["Mutex"]

PAUSE = 5e-5  # seconds; the owner only needs the interpreter to get out of a few lines
TRIES = 20  # a thread that finds the lock taken so often waits for it as for any other

_never = threading.Lock()
_never.acquire()


class Mutex(RLock):  # type: ignore[misc]  # final for type checkers only
    """Use it with ``with``, for a few lines that run no user code.

    Ctrl-C may raise KeyboardInterrupt between any two steps of Python code. So the lock is given back by the C method that this class
    inherits, and one that was got when the interrupt came is given back at once.
    """

    def __enter__(self) -> bool:  # type: ignore[override]  # never called with arguments
        try:
            return _acquire(self, False) or self.acquire()  # by position: a keyword costs as much as the call
        except BaseException:
            if self._is_owned():  # type: ignore[attr-defined]  # what threading.Condition asks, too
                self.release()
            raise

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as threading.RLock has it
        """Get the lock, letting others run until it is free."""
        if not blocking or timeout >= 0:
            return _acquire(self, blocking, timeout)
        for _ in range(TRIES):
            if _acquire(self, False):
                return True
            _never.acquire(timeout=PAUSE)
        return _acquire(self)


_acquire = RLock.acquire
