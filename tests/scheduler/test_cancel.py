"""Cancelling tasks."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import AskCancelled
from actors.scheduler import Kind, Retry, RunOutcome, Scheduler, TaskFailed, TaskState, ThreadAbandoned, current_run
from tests.scheduler.kit import Events, Silent, Sink, add, fail

if TYPE_CHECKING:
    from actors import ActorSystem
    from actors.testing import Simulation


def test_cancelled_message_is_never_told(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.after(1.0, sink, "x")
    assert task.cancel()
    sim.run()
    assert sim.instance(sink).got == []
    assert (task.state, task.runs, scheduler.stats().cancelled) == (TaskState.CANCELLED, 0, 1)
    assert not task.cancel()


def test_cancelled_task_fails_its_future_and_nobody_else_is_told(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    told: list[Any] = []
    task = scheduler.after(1.0, add, on_failure=told.append, on_success=told.append)
    future = task.future
    task.cancel()
    sim.run()
    with pytest.raises(AskCancelled):
        future.get()
    assert told == []
    assert events.of(TaskFailed) == []


def test_cancelling_the_future_cancels_the_task(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.after(1.0, add)
    assert task.future.cancel()
    assert task.state is TaskState.CANCELLED
    assert not task.future.cancel()


def test_task_that_is_over_cannot_be_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.submit(add, 1)
    task.result()
    assert not task.cancel()
    assert task.result() == 1


@pytest.mark.parametrize("options", [{}, {"retry": Retry()}, {"on_success": lambda _: None}])
def test_message_that_was_told_cannot_be_cancelled(sim: Simulation, scheduler: Scheduler, options: dict[str, Any]) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.submit(sink, "told", **options)
    while task.state is not TaskState.RUNNING and task.state is not TaskState.SUCCEEDED:
        sim.step()
    assert not task.cancel()
    sim.run()
    assert sim.instance(sink).got == ["told"]
    assert task.state is TaskState.SUCCEEDED


def test_message_that_waits_for_a_retry_can_be_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    gone = sim.spawn(Sink)
    gone.stop()
    task = scheduler.submit(gone, "told", retry=Retry(attempts=5, initial=1.0))
    sim.advance(0.5)
    assert task.state is TaskState.WAITING
    assert task.cancel()
    sim.run()
    assert task.last.attempt == 1


def test_ready_task_never_begins_once_cancelled(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=1)
    first, second = scheduler.submit(asyncio.sleep, 5), scheduler.submit(asyncio.sleep, 5)
    sim.advance(1)
    assert (first.state, second.state) == (TaskState.RUNNING, TaskState.READY)
    assert second.cancel()
    assert scheduler.stats().ready == 0
    sim.run()
    assert (second.runs, sim.now) == (0, 5)


def test_coroutine_under_way_is_cancelled_and_its_place_free(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=1)
    ends: list[float] = []

    async def work() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ends.append(sim.now)

    task = scheduler.submit(work)
    after = scheduler.submit(add, 2, kind=None)
    sim.advance(1)
    assert task.cancel()
    assert task.state is TaskState.CANCELLED
    sim.advance(0.5)
    assert ends == [1.0]
    assert after.result() == 2
    assert task.last.outcome is RunOutcome.CANCELLED
    assert scheduler.stats().running[Kind.COROUTINE] == 0


def test_ask_under_way_is_given_up(sim: Simulation, scheduler: Scheduler) -> None:
    silent = sim.spawn(Silent)
    task = scheduler.submit(silent, "x", kind=Kind.ASK)
    sim.advance(1)
    assert task.cancel()
    sim.advance(1)
    assert sim.instance(silent).handles[0].cancel_token.cancelled


def test_task_that_waits_for_a_retry_is_not_tried_again(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.submit(fail, retry=Retry(initial=10.0))
    sim.advance(1)
    assert task.state is TaskState.WAITING
    assert task.cancel()
    sim.run()
    assert (task.last.attempt, task.last.outcome) == (1, RunOutcome.CANCELLED)
    assert sim.now < 5


def test_cancelled_recurring_task_has_no_more_runs_and_tells_how_many_there_were(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.every(1.0, add)
    sim.advance(3.5)
    assert task.cancel()
    sim.run()
    assert task.runs == 3
    assert task.result() == 3
    assert task.due_in is None


def test_function_under_way_sees_that_it_was_cancelled_and_others_go_on(system: ActorSystem) -> None:
    events = Events(system)
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        run = current_run()
        began.set()
        while not run.cancelled:
            threading.Event().wait(0.001)
        ended.set()

    with Scheduler(system, threads=1) as scheduler:
        task = scheduler.submit(work)
        assert began.wait(10)
        assert task.cancel()
        assert ended.wait(10)
        assert scheduler.submit(add, 1).result(timeout=10) == 1
        with pytest.raises(AskCancelled):
            task.result(timeout=10)
    assert [event.task for event in events.of(ThreadAbandoned)] in ([task], [])


def test_cancelled_handle_keeps_no_message_alive(sim: Simulation, scheduler: Scheduler) -> None:
    import gc
    import weakref

    class Message:
        pass

    message = Message()
    alive = weakref.ref(message)
    task = scheduler.after(1.0, sim.spawn(Sink), message)
    task.cancel()
    del message
    gc.collect()
    assert alive() is None


def test_many_cancellations_do_not_fill_the_agenda(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    for number in range(5000):
        scheduler.after(1000.0 + number, sink, number).cancel()
    assert len(scheduler._books.agenda.entries()) < 200
    assert scheduler.stats().scheduled == 0


def test_name_is_free_once_the_task_is_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.after(1.0, add, name="mine")
    assert scheduler.get("mine") is task
    task.cancel()
    assert scheduler.get("mine") is None
    assert scheduler.after(1.0, add, name="mine").name == "mine"
