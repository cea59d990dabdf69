"""Demo time: the real clock, which can be halted and made to run faster."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from actors.dispatch.clock import RealClock
from actors.dispatch.real import real_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.ports import Ports, TimerHandle

__all__ = ["DemoClock"]


class DemoClock:
    """The clock of a demo's system: timers, backoffs and limits of rates stand still while it is halted.

    Args:
        speed: demo seconds in a real one.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self._real = RealClock("greenroom-demo-clock")
        self._speed = speed
        self._lock = threading.Lock()  # guards the four below; nothing of anybody else's runs under it
        self._halted = False
        self._then = 0.0  # demo time at `_since`
        self._since = self._real.now()  # real time
        self._epoch = self._real.wall()  # the time of the day at demo time 0.0
        # Invariant: whoever pops a timer makes its call, and nobody else does. A finalizer may cancel in the middle of anything: no lock.
        self._waiting: dict[_Timer, None] = {}

    def ports(self) -> Ports:
        """Return the real ports with this clock."""
        return replace(real_ports(self._real), clock=self)

    @property
    def halted(self) -> bool:
        """Whether time stands still."""
        return self._halted

    def now(self) -> float:
        """Return demo seconds since the clock was made."""
        with self._lock:
            return self._now()

    def wall(self) -> float:
        """Return the time of the day in the demo, in seconds since the epoch: it stands still and runs faster with the demo."""
        return self._epoch + self.now()

    def _now(self) -> float:
        return self._then if self._halted else self._then + (self._real.now() - self._since) * self._speed

    def call_at(self, when: float, call: Callable[[], object]) -> TimerHandle:
        """Call `call` at `when`, in demo time, on the clock's thread."""
        timer = _Timer(self, when, call)
        self._waiting[timer] = None
        with self._lock:
            halted, wait = self._halted, (when - self._now()) / self._speed
        if not halted:
            timer.real = self._real.call_at(self._real.now() + wait, timer.fire)
        return timer

    def soon(self, call: Callable[[], object]) -> None:
        """Call `call` soon on the clock's thread, also while time stands still."""
        self._real.soon(call)

    def halt(self) -> None:
        """Let time stand still. Idempotent."""
        with self._lock:
            self._then, self._halted = self._now(), True

    def go_on(self) -> None:
        """Let time go on. Idempotent."""
        with self._lock:
            if not self._halted:
                return
            self._since, self._halted = self._real.now(), False
            begin, then = self._since, self._then
        # Some of them may be waiting for the real clock as well, from before: whoever comes first makes the call.
        for timer in tuple(self._waiting):
            timer.real = self._real.call_at(begin + (timer.when - then) / self._speed, timer.fire)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Block the calling thread, which is no actor's, for so many real seconds."""
        threading.Event().wait(seconds)

    def close(self) -> None:
        """End the clock's thread."""
        self._real.close()


class _Timer:
    """One call that waits for demo time."""

    __slots__ = ("_call", "_clock", "real", "when")

    def __init__(self, clock: DemoClock, when: float, call: Callable[[], object]) -> None:
        self._clock = clock
        self._call = call
        self.when = when
        self.real: TimerHandle | None = None

    def fire(self) -> None:
        """Make the call, unless time stands still: then it is made later."""
        if self._clock.halted:
            return
        if self._clock._waiting.pop(self, self) is None:
            self._call()

    def cancel(self) -> None:
        """Forget the call."""
        self._clock._waiting.pop(self, None)
        if self.real is not None:
            self.real.cancel()
