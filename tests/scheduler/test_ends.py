"""The scheduler's end, and the ends of its parts: nothing is lost, nothing hangs, nothing is left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorRestarting, ActorSystem, AskCancelled, BlockingInLoopError
from actors.scheduler import (
    Kind,
    Retry,
    Scheduler,
    SchedulerActor,
    SchedulerClosedError,
    TaskState,
    TaskTimeout,
    ThreadAbandoned,
    WorkerDiedError,
    current_run,
)
from supervisors import Supervisor, child
from tests.scheduler.kit import Events, Silent, Sink, add, fail
from tests.support import scaled

if TYPE_CHECKING:
    from actors.testing import Simulation


def children(system: ActorSystem, name: str) -> list[Any]:
    return [ref for ref in system.actors() if ref.actor_class.__name__ == name]


# -- close -----------------------------------------------------------------------------------------------------------------


def test_close_lets_what_is_under_way_end_and_cancels_the_rest(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=1)
    running, ready = scheduler.submit(asyncio.sleep, 3, "done"), scheduler.submit(asyncio.sleep, 3)
    later, waits = scheduler.after(5, add), scheduler.submit(fail, retry=Retry(initial=10))
    cron, blocked = scheduler.cron("* * * * *", add), scheduler.submit(add, needs=[running])
    sim.advance(1)
    scheduler.close(timeout=10.0)
    assert sim.now == 3
    assert running.result() == "done"
    assert {task.state for task in (ready, later, waits, cron)} == {TaskState.CANCELLED}
    assert blocked.state is TaskState.CANCELLED
    with pytest.raises(AskCancelled):
        later.result()
    assert sim.system.actors() == []


def test_close_gives_up_what_takes_too_long(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system)
    tasks = [scheduler.submit(asyncio.sleep, 100), scheduler.submit(sim.spawn(Silent), 1, kind=Kind.ASK)]
    sim.advance(1)
    scheduler.close(timeout=2.0)
    assert sim.now == 3
    assert [task.state for task in tasks] == [TaskState.CANCELLED] * 2


def test_close_lets_the_run_of_a_recurring_task_end(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system)
    task = scheduler.every(1.0, asyncio.sleep, 3)
    sim.advance(1.5)
    scheduler.close()
    assert sim.now == 4
    assert (task.state, task.runs, task.last.number) == (TaskState.CANCELLED, 1, 1)


def test_coroutine_that_holds_out_against_its_end_does_not_hold_up_close(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system)

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                if sim.now > 20:
                    raise

    task = scheduler.submit(stubborn)
    sim.advance(1)
    scheduler.close(timeout=1.0)
    assert sim.now <= 10
    assert task.state is TaskState.CANCELLED


def test_closed_scheduler_takes_no_tasks(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.close()
    scheduler.close()
    with pytest.raises(SchedulerClosedError):
        scheduler.submit(add)
    with pytest.raises(SchedulerClosedError):
        scheduler.every(1.0, add)
    assert scheduler.drain()
    assert scheduler.tasks() == []


def test_paused_scheduler_can_be_closed(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.pause()
    task = scheduler.submit(add)
    scheduler.close()
    assert task.state is TaskState.CANCELLED


def test_block_closes_its_scheduler_also_when_it_raises(sim: Simulation) -> None:
    tasks: list[Any] = []

    def block() -> None:
        with Scheduler(sim.system) as scheduler:
            tasks.append(scheduler.after(1.0, add))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert tasks[0].state is TaskState.CANCELLED


def test_close_on_a_loop_names_its_awaitable_form() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            scheduler = Scheduler(system)
            task = scheduler.submit(asyncio.sleep, 0.01, 5)
            with pytest.raises(BlockingInLoopError, match="close_async"):
                scheduler.close()
            assert await task == 5
            await scheduler.close_async()

    asyncio.run(main())


def test_real_scheduler_leaves_no_thread_behind(system: ActorSystem) -> None:
    before = set(threading.enumerate())
    with Scheduler(system) as scheduler:
        scheduler.submit(add)
        scheduler.submit(asyncio.sleep, 0)
        scheduler.every(0.001, add, on_success=add)
        assert scheduler.drain(timeout=10) in (True, False)
    left = {thread for thread in threading.enumerate() if not thread.name.startswith("greenroom-")} - before
    assert not left
    assert system.actors() == []


def test_shutdown_of_the_system_ends_the_scheduler(no_leaks: Any) -> None:
    with ActorSystem() as system:
        scheduler = Scheduler(system)
        done, later = scheduler.submit(add, 1), scheduler.after(100, add)
        assert done.result(timeout=10) == 1
        future = later.future
    assert later.state is TaskState.CANCELLED
    with pytest.raises(AskCancelled):
        future.get(timeout=10)
    with pytest.raises(SchedulerClosedError):
        scheduler.submit(add)


def test_function_that_ends_in_a_shutdown_is_still_told(no_leaks: Any) -> None:
    began = threading.Event()

    def work() -> int:
        began.set()
        threading.Event().wait(0.05)
        return 7

    with ActorSystem() as system:
        task = Scheduler(system).submit(work)
        assert began.wait(10)
    assert task.result(timeout=0) == 7


@pytest.mark.parametrize("how", ["kill", "stop", "crash"])
def test_no_task_outlives_the_actor_and_nobody_waits_for_ever(sim: Simulation, scheduler: Scheduler, how: str) -> None:
    tasks = [scheduler.submit(asyncio.sleep, 10), scheduler.after(5, add), scheduler.every(1.0, add), scheduler.submit(add, name="x")]
    tasks.append(scheduler.submit(add, needs=tasks[:1]))
    futures = [task.future for task in tasks]
    sim.advance(0.5)
    if how == "crash":
        sim.crash(scheduler.ref)
    else:
        getattr(scheduler.ref, how)(block=False)
    sim.run()
    assert all(future.done() for future in futures)
    assert tasks[1].state is TaskState.CANCELLED
    assert scheduler.tasks() == []
    with pytest.raises(SchedulerClosedError):
        scheduler.submit(add)


# -- drain -----------------------------------------------------------------------------------------------------------------


def test_drain_waits_for_what_is_due_or_under_way_and_not_for_later(sim: Simulation, scheduler: Scheduler) -> None:
    slow = scheduler.submit(asyncio.sleep, 2)
    after = scheduler.submit(asyncio.sleep, 3, needs=[slow])
    retried = scheduler.submit(fail, retry=Retry(attempts=2, initial=4.0, jitter=0))
    later = scheduler.after(100, add)
    assert scheduler.drain()
    assert sim.now == 5
    assert (after.state, retried.state, later.state) == (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SCHEDULED)


def test_drain_gives_up_in_time(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.submit(asyncio.sleep, 10)
    assert not scheduler.drain(timeout=1.0)
    assert sim.now == 1.0
    assert scheduler.drain(timeout=20.0)


def test_idle_scheduler_is_drained_at_once(sim: Simulation, scheduler: Scheduler) -> None:
    assert scheduler.drain(timeout=0.0) or scheduler.drain(timeout=1.0)


# -- workers that end -------------------------------------------------------------------------------------------------------


def test_function_that_takes_too_long_is_left_behind_and_replaced(system: ActorSystem) -> None:
    events, gate = Events(system), threading.Event()
    with Scheduler(system, threads=1) as scheduler:
        task = scheduler.submit(gate.wait, 10, timeout=0.02)
        with pytest.raises(TaskTimeout):
            task.result(timeout=10)
        assert scheduler.submit(add, 1).result(timeout=10) == 1
        assert scheduler.stats().abandoned == 1
        (event,) = events.of(ThreadAbandoned)
        assert event.task is task
        assert event.seconds >= 0.02
        gate.set()
        while scheduler.stats().abandoned:
            scheduler.submit(add).result(timeout=10)


def test_no_threads_are_made_beyond_the_limit_until_one_returns(system: ActorSystem) -> None:
    gate = threading.Event()
    with Scheduler(system, threads=1, abandoned=2) as scheduler:
        stuck = [scheduler.submit(gate.wait, 10, timeout=0.02) for _ in range(2)]
        for task in stuck:
            with pytest.raises(TaskTimeout):
                task.result(timeout=10)
        waits = scheduler.submit(add, 1)
        assert scheduler.submit(asyncio.sleep, 0.01, 3).result(timeout=10) == 3
        assert (waits.state, scheduler.stats().abandoned) == (TaskState.READY, 2)
        gate.set()
        assert waits.result(timeout=10) == 1


def test_outcome_of_a_function_that_was_given_up_is_nobodys(system: ActorSystem) -> None:
    gate, back = threading.Event(), threading.Event()

    def work() -> str:
        gate.wait(10)
        try:
            return "too late"
        finally:
            back.set()

    with Scheduler(system) as scheduler:
        task = scheduler.submit(work, timeout=0.02)
        with pytest.raises(TaskTimeout):
            task.result(timeout=10)
        gate.set()
        assert back.wait(10)
        scheduler.submit(add).result(timeout=10)
        assert task.state is TaskState.FAILED
        assert isinstance(task.future.exception(), TaskTimeout)


@pytest.mark.parametrize("retry", [None, Retry(initial=0)])
@pytest.mark.parametrize("name", ["FunctionWorker", "CoroutineRunner"])
def test_death_of_a_worker_fails_the_attempt_only(sim: Simulation, scheduler: Scheduler, name: str, retry: Retry | None) -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(current_run().attempt)
        if len(calls) == 1:
            sim.system.spawn(Silent).ask("for ever", timeout=50)
        return "done"

    async def work_async() -> str:
        calls.append(current_run().attempt)
        if len(calls) == 1:
            await asyncio.sleep(50)
        return "done"

    task = scheduler.submit(work if name == "FunctionWorker" else work_async, retry=retry)
    sim.advance(1)
    (worker,) = children(sim.system, name)
    worker.kill()
    if retry is None:
        with pytest.raises(WorkerDiedError):
            task.result()
    else:
        assert task.result() == "done"
    assert scheduler.submit(add, 1).result() == 1
    assert scheduler.stats().abandoned == 0


def test_idle_worker_that_was_ended_is_replaced(sim: Simulation, scheduler: Scheduler) -> None:
    for name, work in (("FunctionWorker", add), ("CoroutineRunner", asyncio.sleep)):
        scheduler.submit(work, 0).result()
        (worker,) = children(sim.system, name)
        worker.stop()
        sim.run()
        scheduler.submit(work, 0).result()


def test_worker_killed_in_a_blocked_function_goes_on_to_no_other(system: ActorSystem) -> None:
    gate, began = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        gate.wait(10)

    with Scheduler(system, threads=1) as scheduler:
        task = scheduler.submit(work)
        assert began.wait(10)
        (worker,) = children(system, "FunctionWorker")
        worker.kill(timeout=10)
        with pytest.raises(WorkerDiedError):
            task.result(timeout=10)
        assert scheduler.submit(add, 2).result(timeout=10) == 2
        gate.set()
        assert scheduler.submit(add, 3).result(timeout=10) == 3


# -- restarts of the scheduler's actor ----------------------------------------------------------------------------------------


def test_tasks_survive_a_restart_in_place(sim: Simulation, scheduler: Scheduler) -> None:
    later, recurring = scheduler.after(10, add, 1), scheduler.every(2.0, add, times=5)
    running = scheduler.submit(asyncio.sleep, 5)
    tried = scheduler.submit(asyncio.sleep, 5, "done", retry=Retry(initial=0.5))
    sim.advance(3)
    scheduler.ref.restart()
    with pytest.raises(ActorRestarting):
        running.result()
    assert tried.result() == "done"
    assert later.result() == 1
    assert recurring.result() == 5
    assert scheduler.submit(add, 2).result() == 2
    scheduler.close()
    assert sim.system.actors() == []


def test_supervised_actor_keeps_its_tasks_when_it_crashes(sim: Simulation) -> None:
    supervisor = sim.spawn(Supervisor, [child(SchedulerActor, name="scheduler", coroutines=1)])
    sim.run()
    ref = sim.system.lookup(f"{supervisor.path}/scheduler")
    scheduler = Scheduler.of(ref)
    later, running = scheduler.after(10, add, 1), scheduler.submit(asyncio.sleep, 1000)
    tried = scheduler.submit(asyncio.sleep, 5, "done", retry=Retry(initial=0.5))
    sim.advance(1)
    sim.crash(ref)
    sim.advance(1)
    assert isinstance(running.future.exception(), ActorRestarting)
    assert (tried.result(), later.result()) == ("done", 1)
    assert Scheduler.of(ref).stats().succeeded == 2
    scheduler.close()
    assert later.state is TaskState.SUCCEEDED


class Family(Actor):
    """Has a scheduler's actor as its child."""

    def on_start(self) -> None:
        self.child = self.spawn(SchedulerActor, threads=1)

    def on_receive(self, message: Any) -> Any:
        return self.child


def test_handle_of_a_schedulers_actor_that_somebody_else_made(sim: Simulation) -> None:
    ref = sim.spawn(Family).ask("child")
    scheduler = Scheduler.of(ref)
    task = scheduler.after(5.0, add, 1)
    assert scheduler.ref == ref
    assert Scheduler.of(ref).tasks() == [task]
    ref.restart()
    assert Scheduler.of(ref).tasks() == [task]
    assert task.result() == 1
    with pytest.raises(TypeError, match="SchedulerActor"):
        Scheduler.of(sim.spawn(Sink))
    scheduler.close()
    with pytest.raises(SchedulerClosedError):
        Scheduler.of(ref)


# -- processes and signals ----------------------------------------------------------------------------------------------------

FORKING = """
import os, sys, threading
from actors import ActorSystem
from actors.scheduler import Scheduler

def work():
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    {child}

async def work_async():
    return work()

with ActorSystem() as system, Scheduler(system) as scheduler:
    for function in (work, work_async):
        told = []
        status = scheduler.submit(function, on_success=told.append, on_failure=told.append).result(timeout=20)
        scheduler.drain(timeout=20)
        print("status", os.waitstatus_to_exitcode(status), flush=True)
    print("over", scheduler.stats().succeeded, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("child", ["return 0", "raise ValueError('in the child')"])
def test_forked_process_that_comes_back_from_the_function_ends_and_tells_nothing(child: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKING.format(child=child)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split("\n")[:3] == ["status 1", "status 1", "over 2"]
    assert "forked in the task" in done.stderr
    assert ("ValueError: in the child" in done.stderr) == ("raise" in child)


INTERRUPTED = """
import os, signal, threading, time
from actors import ActorSystem
from actors.scheduler import Scheduler

with ActorSystem() as system, Scheduler(system) as scheduler:
    task = scheduler.after(60, print)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        {wait}
    except KeyboardInterrupt:
        print("interrupted", task.state.value, flush=True)
    assert scheduler.submit(int).result(timeout=10) == 0
print("over", task.state.value, [one.name for one in threading.enumerate()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("wait", ["task.result()", "scheduler.submit(time.sleep, 1); scheduler.drain()"])
def test_ctrl_c_in_a_wait_is_clean(wait: str) -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED.format(wait=wait)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["interrupted scheduled", "over cancelled ['MainThread']"]
    assert done.stderr == ""


# -- races --------------------------------------------------------------------------------------------------------------------


def test_every_task_ends_exactly_once_while_threads_insert_and_cancel(system: ActorSystem) -> None:
    """Handles race with the actor over each task; whoever wins, the figures add up and no place is lost."""
    rounds = scaled(400, 40)
    ran: list[int] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Scheduler(system, threads=3) as scheduler:
            tasks: list[Any] = []

            def churn(seed: int) -> None:
                for number in range(rounds):
                    one = scheduler.submit(ran.append, number) if (number + seed) % 2 else scheduler.after(0.0005, ran.append, number)
                    tasks.append((one, one.cancel() if number % 3 == seed % 3 else None))

            threads = [threading.Thread(target=churn, args=(seed,)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            while scheduler.tasks():
                assert scheduler.drain(timeout=60)
            states = [one.state for one, _ in tasks]
            assert set(states) <= {TaskState.SUCCEEDED, TaskState.CANCELLED}
            assert all(one.state is TaskState.CANCELLED for one, cancelled in tasks if cancelled)
            stats = scheduler.stats()
            assert stats.succeeded == states.count(TaskState.SUCCEEDED)
            assert stats.cancelled == states.count(TaskState.CANCELLED)
            assert (stats.ready, stats.scheduled, stats.running[Kind.FUNCTION], scheduler._books.open) == (0, 0, 0, 0)
            assert len(ran) >= stats.succeeded
            assert scheduler.submit(add, 1).result(timeout=10) == 1
    finally:
        sys.setswitchinterval(interval)


def test_future_asked_for_while_the_task_ends_is_resolved(system: ActorSystem) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        sink = system.spawn(Sink)
        with Scheduler(system) as scheduler:
            for number in range(scaled(20_000, 1_000)):
                task = scheduler.submit(sink, number) if number % 2 else scheduler.submit(add, number)
                assert task.result(timeout=10) == (None if number % 2 else number)
    finally:
        sys.setswitchinterval(interval)
