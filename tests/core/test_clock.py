"""The real clock: whatever happens while its thread starts, no call is lost and nobody hangs."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from actors.dispatch.clock import RealClock
from tests.support import transient_threads

SAFETY = 30.0


def test_a_call_that_comes_in_the_middle_of_the_start_of_the_thread_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a `__del__` or a signal handler, on the very stack that starts the thread."""
    clock = RealClock("clock-under-test")
    made: queue.SimpleQueue[str] = queue.SimpleQueue()
    make = threading.Thread.__init__

    def interrupted(thread: threading.Thread, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        if name == "clock-under-test":
            clock.soon(lambda: made.put("from within"))
        make(thread, *args, name=name, **kwargs)

    caller = threading.Thread(target=clock.soon, args=(lambda: made.put("first"),), daemon=True)
    monkeypatch.setattr(threading.Thread, "__init__", interrupted)
    caller.start()
    assert {made.get(timeout=SAFETY), made.get(timeout=SAFETY)} == {"first", "from within"}
    caller.join(SAFETY)
    clock.close()
    assert not [thread for thread in transient_threads() if thread.name == "clock-under-test"]


def test_a_clock_that_got_no_thread_tries_again_and_makes_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RealClock("clock-under-test")
    made: queue.SimpleQueue[str] = queue.SimpleQueue()

    def none_to_be_had(_: Any) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_to_be_had)
        with pytest.raises(RuntimeError, match="new thread"):
            clock.soon(lambda: made.put("first"))
    clock.soon(lambda: made.put("second"))
    assert [made.get(timeout=SAFETY), made.get(timeout=SAFETY)] == ["first", "second"]
    clock.close()


def test_a_closed_clock_starts_no_thread() -> None:
    clock = RealClock("clock-under-test")
    clock.close()
    clock.soon(lambda: None)
    assert not [thread for thread in transient_threads() if thread.name == "clock-under-test"]
