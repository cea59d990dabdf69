"""Tasks that need others."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import AskCancelled
from actors.scheduler import (
    CycleError,
    Kind,
    NeedFailedError,
    ResultOf,
    Scheduler,
    SchedulerFullError,
    TaskFailed,
    TaskState,
    UnknownNeedError,
    Work,
)
from actors.testing import Simulation
from tests.scheduler.kit import Events, Sink, add, fail


def test_task_among_the_args_is_needed_and_its_result_stands_for_it(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.after(5.0, add, 1, 2)
    second = scheduler.submit(add, first, 10)
    assert second.state is TaskState.BLOCKED
    assert second.result() == 13
    assert sim.now == 5.0


def test_message_that_is_a_task_is_its_result(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    scheduler.submit(sink, scheduler.after(1.0, add, 1, 2))
    assert scheduler.submit(sink, scheduler.submit(add, 4), kind=Kind.ASK).result() == ("answer to", 4)
    sim.run()
    assert sim.instance(sink).got == [4, 3]


def test_needs_without_results_are_waited_for(sim: Simulation, scheduler: Scheduler) -> None:
    order: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(name)

    slow, quick = scheduler.submit(work, "slow", 3), scheduler.submit(work, "quick", 1)
    scheduler.submit(work, "last", 0, needs=[slow, quick, slow])
    sim.run()
    assert order == ["quick", "slow", "last"]


def test_needs_that_have_succeeded_are_no_hindrance(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.submit(add, 1)
    message = scheduler.submit(sim.spawn(Sink), "x")
    sim.run()
    assert scheduler.submit(add, first, 1, needs=[message]).result() == 2


def test_recurring_task_is_a_need_once_it_has_ended(sim: Simulation, scheduler: Scheduler) -> None:
    ticks = scheduler.every(1.0, add, times=3)
    assert scheduler.submit(add, ticks, 100).result() == 103


def test_later_time_counts_beside_needs(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.after(10.0, add, 1, needs=[scheduler.submit(add, 1)])
    assert task.result() == 1
    assert sim.now == 10.0


def test_failure_of_a_need_fails_all_that_follows_and_none_of_it_begins(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    first = scheduler.after(1.0, fail)
    second = scheduler.submit(add, 1, needs=[first])
    third = scheduler.submit(add, second)
    other = scheduler.submit(add, 7)
    sim.run()
    assert other.result() == 7
    with pytest.raises(NeedFailedError) as caught:
        second.result()
    assert (caught.value.need, type(caught.value.error)) == (first.name, ValueError)
    with pytest.raises(NeedFailedError):
        third.result()
    assert (second.runs, third.runs) == (0, 0)
    assert [event.task for event in events.of(TaskFailed)] == [first, second, third]
    assert scheduler.stats().scheduled == 0


def test_need_that_failed_before_fails_the_task_at_once(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.submit(fail)
    sim.run()
    with pytest.raises(NeedFailedError):
        scheduler.submit(add, needs=[first]).result()


def test_cancelled_need_fails_what_needs_it(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.after(1.0, add)
    second = scheduler.submit(add, needs=[first])
    first.cancel()
    with pytest.raises(NeedFailedError) as caught:
        second.result()
    assert isinstance(caught.value.error, AskCancelled)


def test_blocked_task_can_be_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.after(1.0, add)
    second = scheduler.submit(add, needs=[first])
    assert second.cancel()
    sim.run()
    assert (first.state, second.state) == (TaskState.SUCCEEDED, TaskState.CANCELLED)


def test_failed_need_does_not_fail_a_task_that_was_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    first = scheduler.after(1.0, fail)
    second = scheduler.submit(add, needs=[first])
    second.cancel()
    sim.run()
    assert second.state is TaskState.CANCELLED


@pytest.mark.parametrize("needs", ["ab", 3, ["x"], [None]])
def test_needs_that_are_no_tasks_are_refused(scheduler: Scheduler, needs: Any) -> None:
    with pytest.raises(TypeError, match="needs="):
        scheduler.submit(add, needs=needs)


def test_task_of_another_scheduler_is_refused(sim: Simulation, scheduler: Scheduler) -> None:
    other = Scheduler(sim.system, name="other")
    with pytest.raises(ValueError, match="another scheduler"):
        scheduler.submit(add, other.submit(add, 1))


def test_recurring_tasks_have_no_needs(scheduler: Scheduler) -> None:
    first = scheduler.after(1.0, add)
    with pytest.raises(ValueError, match="needs="):
        scheduler.every(1.0, add, needs=[first])
    with pytest.raises(ValueError, match="needs="):
        scheduler.cron("* * * * *", add, first)


def test_graph_runs_each_work_after_those_it_needs(sim: Simulation, scheduler: Scheduler) -> None:
    tasks = scheduler.graph(
        {
            "sum": Work(add, (ResultOf("a"), ResultOf("b")), needs=("c",)),
            "a": Work(add, (1, 2)),
            "b": Work(add, (ResultOf("a"), 10), options={"priority": 3}),
            "c": Work(add),
        }
    )
    assert list(tasks) == ["sum", "a", "b", "c"]
    assert tasks["sum"].result() == 16
    assert tasks["b"].priority == 3


def test_cycle_is_named(scheduler: Scheduler) -> None:
    with pytest.raises(CycleError) as caught:
        scheduler.graph({"a": Work(add, needs=("b",)), "b": Work(add, needs=("c",)), "c": Work(add, (ResultOf("a"),)), "d": Work(add)})
    cycle = caught.value.cycle
    assert cycle[0] == cycle[-1]
    assert {*cycle} == {"a", "b", "c"}
    needs = {"a": "b", "b": "c", "c": "a"}
    assert all(needs[one] == other for one, other in itertools.pairwise(cycle))
    assert scheduler.stats().scheduled == 0


def test_work_that_needs_itself_is_a_cycle(scheduler: Scheduler) -> None:
    with pytest.raises(CycleError):
        scheduler.graph({"a": Work(add, needs=("a",))})


def test_unknown_need_is_named(scheduler: Scheduler) -> None:
    with pytest.raises(UnknownNeedError, match="'b'") as caught:
        scheduler.graph({"a": Work(add, needs=("b",))})
    assert (caught.value.name, caught.value.needed_by) == ("b", "a")


def test_graph_that_does_not_fit_is_not_begun(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, capacity=2)
    calls: list[int] = []
    with pytest.raises(SchedulerFullError):
        scheduler.graph({str(number): Work(calls.append, (number,)) for number in range(3)})
    sim.run()
    assert calls == []
    assert scheduler.tasks() == []


@pytest.mark.parametrize(
    ("works", "error"),
    [
        ([], TypeError),
        ({"a": add}, TypeError),
        ({1: Work(add)}, TypeError),
        ({"a": Work(3)}, TypeError),
        ({"a": Work(add, options={"prio": 1})}, TypeError),
    ],
)
def test_graph_of_anything_else_is_refused(scheduler: Scheduler, works: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        scheduler.graph(works)
    assert scheduler.stats().scheduled == 0


@settings(max_examples=30)
@given(st.data())
def test_random_graphs_run_in_order_and_fail_by_their_needs(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    needs = {number: data.draw(st.sets(st.integers(0, number - 1), max_size=4)) if number else set() for number in range(size)}
    failing = data.draw(st.sets(st.integers(0, size - 1), max_size=3))
    order = data.draw(st.permutations(range(size)))
    ended: list[int] = []

    async def work(number: int, seconds: float) -> int:
        await asyncio.sleep(seconds)
        ended.append(number)
        if number in failing:
            raise ValueError(number)
        return number

    with Simulation(max_steps=100_000) as sim:
        scheduler = Scheduler(sim.system, coroutines=data.draw(st.integers(1, 4)))
        seconds = {number: data.draw(st.integers(0, 3)) for number in range(size)}
        tasks = scheduler.graph(
            {str(number): Work(work, (number, seconds[number]), needs=tuple(map(str, needs[number]))) for number in order}
        )
        sim.run()
        doomed: set[int] = set()
        for number in range(size):
            if number in failing or needs[number] & doomed:
                doomed.add(number)
        runs = {number for number in range(size) if not needs[number] & doomed}
        assert sorted(ended) == sorted(runs)
        for number in runs:
            assert all(ended.index(need) < ended.index(number) for need in needs[number])
        for number in range(size):
            wanted = TaskState.FAILED if number in doomed else TaskState.SUCCEEDED
            assert tasks[str(number)].state is wanted
        assert scheduler.tasks() == []
