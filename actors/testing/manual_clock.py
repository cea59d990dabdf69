"""`ManualClock`: time for a real system that stands still until a test moves it."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from actors._core.context import current_cell
from actors._core.seconds import check_seconds
from actors.dispatch.real import ambient_clock, real_ports
from actors.testing.checks import EPOCH, check_epoch, check_jump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from actors._core.ports import Ports

__all__ = ["ManualClock"]

Call = Callable[[], object]
Key = tuple[float, int]  # when a call is due, and its number in the order of scheduling

SLACK = 1024  # keys of cancelled calls that are let be


class _Handle:
    """One call that waits."""

    __slots__ = ("_calls", "_key")

    def __init__(self, calls: dict[Key, Call], key: Key) -> None:
        self._calls = calls
        self._key = key

    def cancel(self) -> None:
        """Make sure that the call is not begun after this returns, if it was not taken to be run yet."""
        self._calls.pop(self._key, None)  # no lock: a finalizer may come here while its thread holds it


class ManualClock:
    """Time that stands still until it is moved, for systems with real threads.

    ::

        clock = ManualClock()
        with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
            ...
            clock.advance(60)

    It begins at 0.0 and never goes back. What is scheduled is run by `advance` and `advance_to_next` only, on the thread that calls
    them; also what is due at once waits for the next of them. They do not wait for actors: a tick has been sent when they return, and
    what an actor schedules because of it counts from the time when the actor gets there. So move time from tick to tick, and wait for
    the actor in between, with an ask or a `Probe`.

    It governs what a system takes from its clock: timers, receive timeouts, the deadlines of messages, ``stop(deadline=...)``, the time
    after which a killed handler that is blocked is abandoned, and the timeouts of waits in plain handlers of pool actors.

    It does not govern what runs on real time in any system: timeouts of waits on a thread of one's own (a test's, a
    `ThreadingActor`'s, one of a class that was seen blocking) and on an event loop (``await``, `asyncio.sleep`), the watch for blocked
    handlers, and the timeouts of a shutdown.

    All of it may be called from any thread.

    Args:
        epoch: the time of the day at 0.0, with a zone: what `wall` tells then.
    """

    def __init__(self, *, epoch: datetime = EPOCH) -> None:
        self._epoch = check_epoch(epoch)  # the time of the day at 0.0; written under the lock
        self._moving = threading.Lock()  # held by the one call that moves time
        self._time = 0.0  # written by the holder of `_moving`
        # Invariant: who pops a call from `_calls` may run it, and nobody else: `dict.pop` is atomic. `_order` has the key of each call
        # that waits, and of some that were cancelled; it is guarded by the lock, under which nothing of anybody else's runs.
        self._calls: dict[Key, Call] = {}
        self._order: list[Key] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def __repr__(self) -> str:
        return f"<ManualClock at {self._time} s, {self.pending} calls waiting>"

    def ports(self) -> Ports:
        """Return the real ports with this clock, for ``SystemConfig(ports=...)``; several systems may share one clock."""
        return replace(real_ports(), clock=self)

    # -- the test's --------------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many calls wait for their time: timers and receive timeouts of actors, and what the system itself has scheduled."""
        return len(self._calls)

    def advance(self, seconds: float) -> None:
        """Move time on by `seconds`, and run what becomes due: in order of time, and of scheduling where that is equal.

        Each call sees its own due time as `now()`, or the present where it was due before. What the calls schedule within the span is
        run too. Returns when all of them have been run. What a call raises comes out here: time stands still then, and the next
        `advance` goes on with the calls that are left.

        Args:
            seconds: 0 or more; 0 runs what is due already.

        Raises:
            RuntimeError: time is being moved already, by another thread or by the very call that calls this; or a handler calls it.
        """
        seconds = check_seconds("seconds", seconds)
        with self._alone("advance()"):
            end = self._time + seconds
            self._run_until(end)
            self._time = end

    def advance_to_next(self) -> bool:
        """Move time to when the next call is due, and run all that are due then.

        Returns:
            False if no call waits; time stands still then.

        Raises:
            RuntimeError: as for `advance`.
        """
        with self._alone("advance_to_next()"):
            due = self._next()
            if due is None:
                return False
            self._run_until(max(due, self._time))
            return True

    def jump(self, seconds: float) -> None:
        """Set the clock on the wall: `wall` goes ahead by so many seconds, or back. `now` and what is scheduled do not notice.

        Args:
            seconds: more than 0 to go ahead, less to go back.
        """
        seconds = check_jump(seconds)
        with self._lock:
            self._epoch += seconds

    @contextlib.contextmanager
    def _alone(self, call: str) -> Iterator[None]:
        if current_cell() is not None:
            msg = f"{call} runs the clock's calls, which belong in no handler; let the test move the time"
            raise RuntimeError(msg)
        if not self._moving.acquire(blocking=False):
            msg = f"{call}: time is being moved already, by another thread or by the call that calls this"
            raise RuntimeError(msg)
        try:
            yield
        finally:
            self._moving.release()

    def _next(self) -> float | None:
        with self._lock:
            while self._order and self._order[0] not in self._calls:
                heapq.heappop(self._order)
            return self._order[0][0] if self._order else None

    def _run_until(self, end: float) -> None:
        while (call := self._take_due(end)) is not None:
            call()

    def _take_due(self, end: float) -> Call | None:
        """Take the next call that is due by `end`, and move time to it."""
        with self._lock:
            while self._order and self._order[0][0] <= end:
                key = heapq.heappop(self._order)
                call = self._calls.pop(key, None)
                if call is not None:
                    self._time = max(self._time, key[0])
                    return call
        return None

    # -- the Clock port ----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time, in seconds since the clock was made."""
        return self._time

    def wall(self) -> float:
        """Return the time of the day, in seconds since the epoch of Unix: `epoch`, the time since then, and what was jumped."""
        return self._epoch + self._time

    def call_at(self, when: float, call: Call) -> _Handle:
        """Have `call` run once time is moved to `when`, or by the next move if it is due already; at infinity it never is."""
        key = (when, next(self._numbers))
        if when != float("inf"):
            with self._lock:
                self._calls[key] = call
                heapq.heappush(self._order, key)
                if len(self._order) > 2 * len(self._calls) + SLACK:
                    self._order = sorted(self._calls)
        return _Handle(self._calls, key)

    def soon(self, call: Call) -> None:
        """Call `call` soon, on the thread of the real clock that all systems share: what is to happen at once waits for no time."""
        ambient_clock.soon(call)
