"""Each kind of work runs where it should, and its outcome comes back."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorDeadError, AskCancelled, Bounded, Future, MailboxFullError, wait_any
from actors.scheduler import Kind, Run, RunOutcome, Scheduler, TaskFailed, TaskState
from tests.scheduler.kit import Events, Failing, Sink, Stuck, add, add_async, fail

if TYPE_CHECKING:
    from actors import ActorSystem
    from actors.testing import Simulation


def test_message_is_told_and_the_task_is_over(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.submit(sink, "hello")
    assert task.result() is None
    sim.run()
    assert sim.instance(sink).got == ["hello"]
    assert (task.kind, task.state, task.runs) == (Kind.TELL, TaskState.SUCCEEDED, 1)


def test_answer_of_an_ask_is_the_result(sim: Simulation, scheduler: Scheduler) -> None:
    assert scheduler.submit(sim.spawn(Sink), "hello", kind=Kind.ASK).result() == ("answer to", "hello")


def test_failure_of_an_ask_is_the_tasks(sim: Simulation, scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match="hello"):
        scheduler.submit(sim.spawn(Failing), "hello", kind=Kind.ASK).result()


def test_function_runs_in_an_actor_and_its_value_is_the_result(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.submit(add, 1, 2)
    assert task.result() == 3
    assert task.last == Run(task, 1, 1, task.last.due, task.last.began, 0.0, RunOutcome.SUCCEEDED, 3, None, task.last.id)


def test_what_a_function_raises_is_raised_by_result(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    task = scheduler.submit(fail)
    with pytest.raises(ValueError, match="on purpose") as caught:
        task.result()
    assert task.state is TaskState.FAILED
    (event,) = events.of(TaskFailed)
    assert event.task is task
    assert event.run.error is caught.value


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_function_that_raises_what_is_no_exception_has_failed_and_the_worker_lives(system: ActorSystem, error: Any) -> None:
    def leave() -> None:
        raise error

    with Scheduler(system, threads=1) as scheduler:
        with pytest.raises(error):
            scheduler.submit(leave).result(timeout=10)
        assert scheduler.submit(add, 1).result(timeout=10) == 1


def test_coroutine_runs_on_the_loop(sim: Simulation, scheduler: Scheduler) -> None:
    async def later() -> str:
        await asyncio.sleep(5)
        return "later"

    task = scheduler.submit(later)
    assert task.kind is Kind.COROUTINE
    assert task.result() == "later"
    assert sim.now == 5


def test_coroutines_run_beside_each_other_up_to_the_limit(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=10)
    tasks = [scheduler.submit(asyncio.sleep, 1.0) for _ in range(30)]
    assert [task.result() for task in tasks] == [None] * 30
    assert sim.now == 3.0


def test_async_callable_is_a_coroutine_function(scheduler: Scheduler) -> None:
    class Call:
        async def __call__(self, number: int) -> int:
            return number + 1

    assert scheduler.submit(Call(), 1).result() == 2


def test_message_to_a_dead_actor_fails_with_the_reason(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    sink.stop()
    task = scheduler.submit(sink, "hello")
    with pytest.raises(ActorDeadError):
        task.result()
    assert task.state is TaskState.FAILED


def test_full_mailbox_does_not_hold_the_scheduler_up(system: ActorSystem) -> None:
    gate: Future[None] = Future()
    stuck = system.spawn(Stuck, gate, mailbox=Bounded(1))
    with Scheduler(system) as scheduler:
        # One may be under way and one wait: of three there is one too many, whenever the actor begins.
        told = [scheduler.submit(stuck, number) for number in range(3)]
        assert any(isinstance(task.future.exception(timeout=10), MailboxFullError) for task in told)
        asked = [scheduler.submit(stuck, number, kind=Kind.ASK) for number in range(3)]
        assert isinstance(wait_any([task.future for task in asked], timeout=10).exception(), MailboxFullError)
        assert scheduler.submit(add, 1).result(timeout=10) == 1
        gate.set(None)


def test_blocking_functions_run_beside_each_other_on_threads_of_their_own(system: ActorSystem) -> None:
    met = threading.Barrier(4)
    with Scheduler(system, threads=4) as scheduler:
        tasks = [scheduler.submit(met.wait, 10) for _ in range(4)]
        assert sorted(task.result(timeout=10) for task in tasks) == [0, 1, 2, 3]


def test_no_more_functions_run_at_once_than_threads_say(system: ActorSystem) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def work() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.001)
        with lock:
            now[0] -= 1

    with Scheduler(system, threads=3) as scheduler:
        for _ in range(60):
            scheduler.submit(work)
        assert scheduler.drain(timeout=30)
    assert most[0] == 3


def test_task_is_awaited_from_a_coroutine_of_the_user() -> None:
    async def main() -> Any:
        from actors import ActorSystem

        async with ActorSystem() as system, Scheduler(system) as scheduler:
            return await scheduler.submit(add, 1, 2), await scheduler.submit(add_async, 3, 4), await scheduler.drain_async()

    assert asyncio.run(main()) == (3, 7, True)


def test_lowest_priority_goes_first_of_those_that_wait_and_equal_ones_in_order(sim: Simulation) -> None:
    scheduler, order = Scheduler(sim.system, threads=1), list[str]()
    scheduler.pause()
    for name, priority in (("c", 2), ("a", -1), ("b", 0), ("d", 2), ("b2", 0)):
        scheduler.submit(order.append, name, priority=priority)
    scheduler.resume()
    sim.run()
    assert order == ["a", "b", "b2", "c", "d"]


def test_future_can_be_asked_for_when_the_task_is_over(sim: Simulation, scheduler: Scheduler) -> None:
    tasks = [scheduler.submit(add, 1), scheduler.submit(fail), scheduler.submit(sim.spawn(Sink), 1), scheduler.after(5, add, 1)]
    tasks[3].cancel()
    sim.run()
    assert tasks[0].future.get() == 1
    assert isinstance(tasks[1].future.exception(), ValueError)
    assert tasks[2].future.get() is None
    assert isinstance(tasks[3].future.exception(), AskCancelled)
    assert tasks[0].future is tasks[0].future
