"""Supervised functions: results, failures, cancellation, limits, the end of their supervisor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorDeadError, ActorSystem, AskCancelled, Future
from actors.testing import Simulation
from supervisors import CountChildren, TaskSupervisor, TooManyChildrenError, run_task


def double(number: int) -> int:
    return number * 2


async def double_later(number: int, pause: Any) -> int:
    await pause
    return number * 2


def fails() -> None:
    raise LookupError("nothing there")


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem() as system:
        yield system


def test_the_result_of_a_plain_function_is_in_its_future(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    assert run_task(tasks, double, 4).get(timeout=5) == 8


def test_the_result_of_an_async_function_is_in_its_future(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    pause: Future[None] = Future()
    result = run_task(tasks, double_later, 4, pause=pause)
    assert not result.done()
    pause.set(None)
    assert result.get(timeout=5) == 8


def test_what_a_function_raises_is_in_its_future_and_hurts_nobody(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    with pytest.raises(LookupError, match="nothing there"):
        run_task(tasks, fails).get(timeout=5)
    assert run_task(tasks, double, 1).get(timeout=5) == 2


def test_a_task_runs_beside_its_supervisor_and_the_others(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    begun, release = threading.Event(), threading.Event()

    def blocks() -> bool:
        begun.set()
        return release.wait(10)

    slow = run_task(tasks, blocks)
    assert begun.wait(5)
    assert run_task(tasks, double, 3).get(timeout=5) == 6
    release.set()
    assert slow.get(timeout=5) is True


def test_a_place_is_free_as_soon_as_a_result_is_there() -> None:
    with Simulation(seed=1) as sim:
        tasks = sim.system.spawn(TaskSupervisor, max_children=1)
        for number in range(20):
            assert run_task(tasks, double, number).get() == number * 2


def test_beyond_max_children_a_task_is_refused_and_not_run() -> None:
    with Simulation() as sim:
        tasks = sim.system.spawn(TaskSupervisor, max_children=2)
        pauses: list[Future[None]] = [Future(), Future()]
        under_way = [run_task(tasks, double_later, 1, pause) for pause in pauses]
        with pytest.raises(TooManyChildrenError) as refused:
            run_task(tasks, double, 1).get()
        assert refused.value.limit == 2
        for pause in pauses:
            pause.set(None)
        assert [task.get() for task in under_way] == [2, 2]


def test_a_cancelled_task_is_unwound_and_its_actor_ends() -> None:
    with Simulation() as sim:
        unwound: list[str] = []

        async def waits() -> None:
            try:
                await Future()
            finally:
                unwound.append("yes")

        tasks = sim.system.spawn(TaskSupervisor)
        task = run_task(tasks, waits)
        sim.run()
        assert task.cancel()
        sim.run()
        with pytest.raises(AskCancelled):
            task.get()
        assert unwound == ["yes"]
        assert tasks.ask(CountChildren()).specs == 0


def test_a_task_cancelled_before_it_began_is_not_run_and_leaves_no_actor() -> None:
    with Simulation() as sim:
        ran: list[int] = []
        tasks = sim.system.spawn(TaskSupervisor)
        task = run_task(tasks, ran.append, 1)
        assert task.cancel()
        sim.run()
        assert ran == []
        assert tasks.ask(CountChildren()).specs == 0


def test_the_end_of_the_supervisor_kills_its_tasks_and_tells_the_askers() -> None:
    with Simulation() as sim:
        tasks = sim.system.spawn(TaskSupervisor)

        async def waits() -> None:
            await Future()

        task = run_task(tasks, waits)
        sim.run()
        tasks.stop()
        with pytest.raises(ActorDeadError):
            task.get()


def test_a_task_that_is_told_of_by_nobody_leaves_nothing(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    for _ in range(50):
        run_task(tasks, double, 1)
    assert run_task(tasks, double, 2).get(timeout=5) == 4


def test_a_task_may_run_tasks_and_wait_for_them(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)

    def outer() -> int:
        return sum(one.get(timeout=5) for one in [run_task(tasks, double, number) for number in range(10)])

    assert run_task(tasks, outer).get(timeout=5) == 90


class Later:
    """What is called is async, though it is no function."""

    async def __call__(self, number: int) -> int:
        return number * 2


def test_an_object_with_an_async_call_runs_as_an_async_function(system: ActorSystem) -> None:
    assert run_task(system.spawn(TaskSupervisor), Later(), 4).get(timeout=5) == 8


def test_a_plain_function_that_returns_a_coroutine_fails_instead_of_giving_what_nobody_has_begun(system: ActorSystem) -> None:
    tasks = system.spawn(TaskSupervisor)
    with pytest.raises(TypeError, match="give run_task the async function itself"):
        run_task(tasks, lambda: Later()(4)).get(timeout=5)
    assert run_task(tasks, double, 1).get(timeout=5) == 2


def counts_up() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("wrong", [None, 3, "name", counts_up])
def test_what_cannot_be_called_is_refused_at_once(system: ActorSystem, wrong: Any) -> None:
    tasks = system.spawn(TaskSupervisor)
    with pytest.raises(TypeError, match="function="):
        run_task(tasks, wrong)
