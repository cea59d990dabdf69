"""Where a thread is, as the events about blocked handlers tell it."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest

from actors.dispatch.stacks import stacks_of


def somewhere(reached: threading.Event, gate: threading.Event) -> None:
    reached.set()
    gate.wait()


def test_the_stack_of_a_thread_says_where_it_is_and_that_of_no_thread_is_empty() -> None:
    reached, gate = threading.Event(), threading.Event()
    thread = threading.Thread(target=somewhere, args=(reached, gate))
    unborn = threading.Thread(target=somewhere)
    thread.start()
    try:
        assert reached.wait(30)
        first, second = stacks_of([thread, unborn])
    finally:
        gate.set()
        thread.join()
    assert "in somewhere" in first
    assert second == ""
    assert stacks_of([thread]) == [""]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="these versions collect garbage between instructions only")
def test_a_listing_that_interrupts_another_leaves_collection_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    real, depth = gc.disable, [0]

    def disable() -> None:
        depth[0] += 1
        if depth[0] == 1:  # as a signal handler may, in between
            stacks_of([threading.current_thread()])
        real()

    monkeypatch.setattr(gc, "disable", disable)
    stacks_of([threading.current_thread()])
    assert gc.isenabled()
    assert depth[0] == 2


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="these versions collect garbage between instructions only")
@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_while_the_interpreter_lists_its_frames(monkeypatch: pytest.MonkeyPatch, collects: bool) -> None:
    # That may hang the process: python/cpython#106883.
    real, seen = sys._current_frames, []

    def listing() -> dict[int, Any]:
        seen.append(gc.isenabled())
        return real()

    monkeypatch.setattr(sys, "_current_frames", listing)
    try:
        if not collects:
            gc.disable()
        stacks_of([threading.current_thread()])
        assert seen == [False]
        assert gc.isenabled() is collects
    finally:
        gc.enable()
