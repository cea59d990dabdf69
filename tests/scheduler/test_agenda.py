"""The agenda against a model: a sorted list."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors import ActorSystem
from actors.scheduler import Scheduler
from actors.scheduler.agenda import Agenda
from tests.scheduler.kit import Sink
from tests.support import scaled


class Item:
    """Is never compared: that would raise."""

    def __init__(self, key: float, number: int) -> None:
        self.key, self.number, self.live = key, number, True

    def __lt__(self, other: object) -> bool:
        raise AssertionError

    __le__ = __gt__ = __ge__ = __eq__ = __lt__  # type: ignore[assignment]
    __hash__ = object.__hash__


class AgendaMachine(RuleBasedStateMachine):
    """Inserts, cancels and takes out as the model does."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda: Agenda[Item] = Agenda(lambda item: item.live)
        self.model: list[Item] = []
        self.number = 0

    def sorted(self) -> list[Item]:
        return sorted(self.model, key=lambda item: (item.key, item.number))

    @rule(keys=st.lists(st.sampled_from([0.0, 1.0, 2.5, float("inf")]) | st.floats(0, 10), min_size=1, max_size=100))
    def insert(self, keys: list[float]) -> None:
        for key in keys:
            self.number += 1
            item = Item(key, self.number)
            self.agenda.insert(key, self.number, item)
            self.model.append(item)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), count=st.integers(1, 100))
    def cancel(self, data: st.DataObject, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            item = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)))
            item.live = False
            self.agenda.cancelled()

    @rule()
    def pop(self) -> None:
        expected = self.sorted()
        item = self.agenda.pop()
        assert item is (expected[0] if expected else None)
        if item is not None:
            self.forget([item])

    @rule(key=st.floats(0, 10), limit=st.integers(0, 50))
    def pop_until(self, key: float, limit: int) -> None:
        expected = [item for item in self.sorted() if item.key <= key][:limit]
        found = [entry[2] for entry in self.agenda.pop_until(key, limit)]
        assert [id(item) for item in found] == [id(item) for item in expected]
        self.forget(found)

    def forget(self, items: list[Item]) -> None:
        gone = {id(item) for item in items}
        self.model = [item for item in self.model if id(item) not in gone]

    @invariant()
    def agrees(self) -> None:
        assert len(self.agenda) == len(self.model)
        first = self.sorted()[:1]
        assert self.agenda.first() == (first[0].key if first else None)

    @invariant()
    def is_small(self) -> None:
        assert len(self.agenda.entries()) <= max(2 * len(self.model) + 130, 65)


TestAgenda = AgendaMachine.TestCase


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_equal_keys_keep_their_order(keys: list[float]) -> None:
    agenda: Agenda[int] = Agenda(lambda _: True)
    for number, key in enumerate(keys):
        agenda.insert(round(key / 50), number, number)
    found: list[Any] = []
    while (item := agenda.pop()) is not None:
        found.append(item)
    assert found == sorted(range(len(keys)), key=lambda number: (round(keys[number] / 50), number))


def test_pending_message_costs_at_most_250_bytes_beside_itself() -> None:
    count = scaled(200_000, 10_000)  # the cost of each does not depend on it, and tracing a million takes minutes
    with ActorSystem() as system:
        sink = system.spawn(Sink)
        with Scheduler(system) as scheduler:
            messages = list(range(count))
            tasks: list[Any] = [None] * count
            gc.collect()
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                for number, message in enumerate(messages):
                    tasks[number] = scheduler.after(600.0, sink, message)
                gc.collect()
                used = tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()
            assert used / count <= 250
            for task in tasks:
                task.cancel()
