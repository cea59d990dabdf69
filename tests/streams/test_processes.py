"""Stages whose functions run in processes."""

from __future__ import annotations

import os
from typing import Any

import pytest

from actors import ActorSystem
from actors.routers import WorkerLostError
from actors.streams import ElementSkipped, OnError, Sink, Source
from tests.support import scaled

DUE = 100.0


def compute(element: int) -> tuple[int, int]:
    if element % 10 == 5:
        raise LookupError(element)
    return os.getpid(), element * element


def die(element: int) -> int:
    if element == 7:
        os._exit(3)
    return element


def test_elements_go_to_processes_and_come_back_in_order(system: ActorSystem) -> None:
    skipped: list[ElementSkipped] = []
    system.events.subscribe(ElementSkipped, skipped.append)
    count = scaled(20_000, 1_000)
    stream = Source(range(count)).map(compute, parallel=2, processes=True).on_error(OnError.SKIP).to(Sink.collect())
    result = stream.run(system).result(timeout=DUE)
    assert [square for _, square in result] == [e * e for e in range(count) if e % 10 != 5]
    assert os.getpid() not in {pid for pid, _ in result}
    assert [one.element for one in skipped] == list(range(5, count, 10))
    assert {type(one.error) for one in skipped} == {LookupError}


def test_unordered_results_are_the_same_elements(system: ActorSystem) -> None:
    stream = Source(range(200)).map(die, parallel=2, processes=True, ordered=False).to(Sink.collect())
    with pytest.raises(WorkerLostError):
        stream.run(system).result(timeout=DUE)
    result = Source(range(8, 200)).map(die, parallel=2, processes=True, ordered=False).to(Sink.collect()).run(system).result(timeout=DUE)
    assert sorted(result) == list(range(8, 200))


def test_a_function_that_cannot_go_to_a_process_is_told(system: ActorSystem) -> None:
    def local(element: Any) -> Any:
        return element

    with pytest.raises(Exception, match="local") as caught:
        Source(range(3)).map(local, parallel=2, processes=True).to(Sink.count()).run(system).result(timeout=DUE)
    assert isinstance(caught.value, Exception)
