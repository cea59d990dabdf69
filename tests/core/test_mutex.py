"""The kernel's lock under Ctrl-C. White-box: from outside, a lock that was left held is a hang, once in a long while."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from actors._core.mutex import Mutex
from tests.support import scaled

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="interrupts come from an interval timer")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def until_interrupted(mutex: Mutex, seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    while True:
        with mutex:
            pass


def is_free(mutex: Mutex) -> bool:
    """Tell whether another thread gets the lock."""
    got: list[bool] = []
    other = threading.Thread(target=lambda: got.append(mutex.acquire(blocking=False)))
    other.start()
    other.join()
    return got == [True]


def test_an_interrupt_at_any_moment_leaves_the_lock_free() -> None:
    draw = random.Random(1)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(scaled(20_000, 1_000)):
            mutex = Mutex()
            with pytest.raises(KeyboardInterrupt):
                until_interrupted(mutex, draw.uniform(5e-5, 2e-4))
            assert is_free(mutex)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
