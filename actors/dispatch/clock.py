"""The real clock: monotonic time and one thread that makes calls when they are due.

That thread is the framework's reserved worker. It runs no user handler (only listeners to events may run there), so timers, kills and
reports work however busy or blocked the rest is.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["RealClock"]

logger = logging.getLogger("actors")

Call = Callable[[], object]


class _Handle:
    """One call that waits; ordered by time, then by request."""

    __slots__ = ("call", "number", "when")

    def __init__(self, when: float, number: int, call: Call) -> None:
        self.when = when
        self.number = number
        self.call: Call | None = call

    def __lt__(self, other: _Handle) -> bool:
        return (self.when, self.number) < (other.when, other.number)

    def cancel(self) -> None:
        """Forget the call; the heap entry goes when its time comes, or when the heap is cleaned."""
        self.call = None


class RealClock:
    """See the module's docstring. The thread starts with the first call and is a daemon."""

    def __init__(self, name: str = "greenroom-clock") -> None:
        self._name = name
        # `SimpleQueue.put` is documented as reentrant, so `soon` is safe from __del__ in the middle of anything.
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heap: list[_Handle] = []  # the clock thread's own
        self._numbers = itertools.count()
        # Invariant: who pops the claim starts the thread, or puts the claim back. No lock: a `__del__` or a signal handler may come here
        # in the middle of the start, and leaves what it has to the thread that is being started.
        self._claim: list[None] = [None]
        self._turn: list[None] = [None]  # popped by the one thread that makes calls: an interrupted start may bring about a second
        self._thread: threading.Thread | None = None  # written by who popped the claim
        self._closed = False  # set once, by `close`: nothing starts the thread again

    now = staticmethod(time.monotonic)
    """Return monotonic seconds. Not wrapped in a method: it is asked with every change of a machine's state."""

    wall = staticmethod(time.time)
    """Return the time of the day, in seconds since the epoch; as the system's clock is set."""

    def call_at(self, when: float, call: Call) -> _Handle:
        """Call `call` at `when` on the clock's thread.

        Raises:
            RuntimeError: no thread can be started.
        """
        handle = _Handle(when, next(self._numbers), call)
        try:
            self._put(handle)
        except BaseException:
            handle.cancel()
            raise
        return handle

    def soon(self, call: Call) -> None:
        """Call `call` on the clock's thread; raise RuntimeError if that cannot be started, and make the call once it can."""
        self._put(call)

    def close(self) -> None:
        """End the thread once it has worked off what it was given before; waiting timers are dropped."""
        self._closed = True
        self._inbox.put(None)  # also ends a thread that is just being started
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)

    def _put(self, item: Any) -> None:
        self._inbox.put(item)
        if self._claim and not self._closed:
            self._start()

    def _start(self) -> None:
        try:
            self._claim.pop()
        except IndexError:
            return
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except BaseException:  # no thread to be had, or interrupted: the next call tries again, and this one's item waits for it
            self._claim.append(None)
            raise
        self._thread = thread

    def _run(self) -> None:
        try:
            self._turn.pop()
        except IndexError:
            return
        # What a step was at dies with it: while the thread sleeps, it keeps nothing alive that a call refers to.
        while self._step():
            continue

    def _step(self) -> bool:
        """Make the calls that are due, and take the next thing asked for; return False to end the thread."""
        self._make_due()
        wait = self._heap[0].when - time.monotonic() if self._heap else None
        try:
            item = self._inbox.get(timeout=None if wait is None else max(0.0, min(wait, threading.TIMEOUT_MAX)))
        except queue.Empty:
            return True
        if isinstance(item, _Handle):
            if item.call is not None:
                heapq.heappush(self._heap, item)
                self._tidy()
        elif item is not None:
            self._make(item)
        return item is not None

    def _make_due(self) -> None:
        while self._heap and (self._heap[0].call is None or self._heap[0].when <= time.monotonic()):
            call = heapq.heappop(self._heap).call
            if call is not None:
                self._make(call)

    def _tidy(self) -> None:
        """Keep cancelled timers from filling the heap: clean it when it has doubled and most of it is cancelled."""
        size = len(self._heap)
        if size > 1024 and size & (size - 1) == 0:  # noqa: PLR2004
            live = [handle for handle in self._heap if handle.call is not None]
            if len(live) < size // 2:
                heapq.heapify(live)
                self._heap = live

    @staticmethod
    def _make(call: Call) -> None:
        try:
            call()
        except BaseException:  # subscribers to events may run here and raise anything; the thread must survive it
            logger.exception("greenroom: an internal timer call failed; please report this")

    def forget(self) -> None:
        """Start over in a forked child: the thread did not come along."""
        self._thread = None
        self._inbox = queue.SimpleQueue()
        self._heap = []
        self._claim, self._turn = [None], [None]
