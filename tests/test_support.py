from __future__ import annotations

import threading

import pykka
import pytest

from tests import support


class Idle(pykka.ThreadingActor):
    use_daemon_thread = True


def test_a_thread_still_running_after_the_grace_is_a_leak() -> None:
    before = support.transient_threads()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="forgotten")
    thread.start()
    try:
        assert support.leaks_since(before, (), grace=0.05) == ["thread forgotten"]
    finally:
        release.set()
        thread.join()
    assert support.leaks_since(before, ()) == []


def test_an_actor_nobody_stopped_is_a_leak() -> None:
    before = support.transient_threads()
    ref = Idle.start()
    try:
        assert f"actor {ref}" in support.leaks_since(before, (), grace=0.05)
        assert support.leaks_since(support.transient_threads(), {ref.actor_urn}, grace=0) == []
    finally:
        ref.stop()


def test_permanent_workers_are_no_leak() -> None:
    before = support.transient_threads()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name=f"{support.PERMANENT_THREADS[0]}worker")
    thread.start()
    try:
        assert support.leaks_since(before, (), grace=0) == []
    finally:
        release.set()
        thread.join()


def test_the_size_of_long_tests_follows_the_kind_of_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "ACCEPT", True)
    assert support.scaled(1000, 10) == 1000
    monkeypatch.setattr(support, "ACCEPT", False)
    monkeypatch.setattr(support, "AGAIN", False)
    assert support.scaled(1000, 10) == 10
    monkeypatch.setattr(support, "AGAIN", True)
    assert [support.scaled(1000, quick) for quick in (10, 2)] == [2, 1]
    assert support.scaled(1000, 100, least=80) == 80
    assert support.scaled(1, 10) == 10  # a stride, which a larger size makes smaller
    assert support.scaled([1, 2, 3], [1, 2]) == [1, 2]
