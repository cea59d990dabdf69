"""Functions that run in processes, through the scheduler."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorRestarting, ActorSystem, AskCancelled, Future
from actors.scheduler import (
    Kind,
    Progress,
    ResultNotPicklableError,
    ResultOf,
    Retry,
    RunOutcome,
    Scheduler,
    TaskDeadlineExceeded,
    TaskFailed,
    TaskState,
    TaskTimeout,
    Work,
    WorkerDiedError,
)
from actors.scheduler.worker_process import WorkerProcess
from tests.scheduler import in_processes as work
from tests.scheduler.kit import Events
from tests.scheduler.test_process_slot import LIMIT, is_running, open_files, pid_in, wait_until
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.scheduler import Task
    from actors.testing import Simulation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")


@pytest.fixture(scope="module")
def shared() -> Iterator[Scheduler]:
    """One scheduler for all tests that leave its processes as they were."""
    with ActorSystem() as system, Scheduler(system, processes=2) as scheduler:
        yield scheduler
    assert not multiprocessing.active_children()


@pytest.fixture
def one(system: ActorSystem) -> Iterator[Scheduler]:
    with Scheduler(system, processes=1) as scheduler:
        yield scheduler


def submit(scheduler: Scheduler, function: Any, *args: Any, **options: Any) -> Task[Any]:
    return scheduler.submit(function, *args, kind=Kind.PROCESS, **options)


def result(scheduler: Scheduler, function: Any, *args: Any, **options: Any) -> Any:
    return submit(scheduler, function, *args, **options).result(timeout=LIMIT)


def process_ids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


def error_of(task: Task[Any]) -> BaseException:
    error = task.future.exception(timeout=LIMIT)
    assert error is not None
    return error


# -- outcomes ---------------------------------------------------------------------------------------------------------------


def test_function_runs_in_another_process_and_its_value_is_the_result(shared: Scheduler) -> None:
    task = submit(shared, work.where)
    pid, on_main_thread = task.result(timeout=LIMIT)
    assert pid != os.getpid()
    assert on_main_thread
    assert (task.kind, task.state, task.runs) == (Kind.PROCESS, TaskState.SUCCEEDED, 1)


def test_awaited_task_gives_the_result(shared: Scheduler) -> None:
    async def program() -> int:
        return await submit(shared, work.square, 12)

    assert asyncio.run(program()) == 144


def test_exception_is_raised_by_result_with_the_traceback_of_the_process(shared: Scheduler) -> None:
    with pytest.raises(ValueError, match="no such thing") as caught:
        result(shared, work.fail, "no such thing")
    assert "raise ValueError(text)" in caught.value.__notes__[0]


def test_value_that_cannot_be_pickled_is_an_error_that_names_the_task(shared: Scheduler) -> None:
    error = error_of(submit(shared, work.give_lambda, name="the name"))
    assert isinstance(error, ResultNotPicklableError)
    assert error.task == "the name"
    assert "lambda" in error.why
    assert "give" in str(error)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_function_that_wants_to_leave_has_failed(shared: Scheduler, kind: type[BaseException]) -> None:
    task = submit(shared, work.raise_it, {SystemExit: "exit", KeyboardInterrupt: "interrupt"}[kind])
    assert type(error_of(task)) is kind
    assert task.state is TaskState.FAILED


@pytest.mark.parametrize("how", ["submit", "every", "graph"])
def test_what_cannot_be_pickled_is_refused_when_it_is_handed_in(shared: Scheduler, how: str) -> None:
    before = len(shared.tasks())
    with pytest.raises(TypeError, match="top level of a module"):
        hand_in(shared, how, lambda: None)
    with pytest.raises(TypeError, match="argument 0 of"):
        hand_in(shared, how, work.square, threading.Lock())
    assert len(shared.tasks()) == before


def hand_in(scheduler: Scheduler, how: str, function: Any, *args: Any) -> None:
    if how == "submit":
        submit(scheduler, function, *args)
    elif how == "every":
        scheduler.every(60.0, function, *args, kind=Kind.PROCESS)
    else:
        scheduler.graph({"good": Work(work.square, (1,)), "bad": Work(function, args, options={"kind": Kind.PROCESS})})


def test_result_of_another_task_is_an_argument(shared: Scheduler) -> None:
    first = submit(shared, work.square, 3)
    assert result(shared, work.square, first) == 81
    tasks = shared.graph(
        {
            "here": Work(abs, (-2,)),
            "there": Work(work.square, (ResultOf("here"),), options={"kind": Kind.PROCESS}),
        }
    )
    assert tasks["there"].result(timeout=LIMIT) == 4


def test_result_of_another_task_that_cannot_be_pickled_fails_the_run(shared: Scheduler) -> None:
    error = error_of(submit(shared, work.square, shared.submit(threading.Lock)))
    assert isinstance(error, TypeError)
    assert "argument 0 of" in str(error)


def test_run_knows_itself(shared: Scheduler) -> None:
    task = submit(shared, work.about_run, name="me", deadline=1000.0)
    ident, name, number, attempt, due, deadline, cancelled = task.result(timeout=LIMIT)
    assert task.last is not None
    assert (ident, name, number, attempt, due, cancelled) == (task.last.id, "me", 1, 1, task.last.due, False)
    assert 0 < deadline <= 1000.0


def test_recurring_function_keeps_its_process(one: Scheduler) -> None:
    seen: list[Any] = []
    task = one.every(0.01, work.where, kind=Kind.PROCESS, times=5, on_success=lambda run: seen.append(run.value))
    assert task.result(timeout=LIMIT) == 5
    assert one.drain(timeout=LIMIT)
    wait_until(lambda: len(seen) == 5)
    assert len(set(seen)) == 1


def test_progress_of_a_run_is_that_of_its_task(one: Scheduler) -> None:
    task = submit(one, work.report_and_stay, 600.0)
    wait_until(lambda: task.progress == Progress(2, 2, "the latest"))
    task.cancel()


# -- places -----------------------------------------------------------------------------------------------------------------


def test_no_more_runs_at_once_than_processes(system: ActorSystem, tmp_path: Path) -> None:
    with Scheduler(system, processes=2) as scheduler:
        tasks = [submit(scheduler, work.where) for _ in range(scaled(1000, 50))]
        assert len({task.result(timeout=LIMIT)[0] for task in tasks}) <= 2
        long = [submit(scheduler, work.touch_and_wait, str(tmp_path / str(number))) for number in range(3)]
        wait_until(lambda: scheduler.stats().running[Kind.PROCESS] == 2)
        pids = {pid_in(tmp_path / str(number)) for number in range(2)}
        assert len(pids) == 2
        assert long[2].state is TaskState.READY
        long[0].cancel()
        pid_in(tmp_path / "2")
        for task in long:
            task.cancel()


def test_functions_run_beside_each_other(system: ActorSystem, tmp_path: Path) -> None:
    with Scheduler(system, processes=2) as scheduler:
        tasks = [submit(scheduler, work.touch_and_compute, str(tmp_path / str(number))) for number in range(2)]
        assert pid_in(tmp_path / "0") != pid_in(tmp_path / "1")  # neither ever ends
        for task in tasks:
            task.cancel()


def test_prewarmed_processes_are_those_that_run(system: ActorSystem) -> None:
    others = process_ids()
    with Scheduler(system, processes=2) as scheduler:
        scheduler.prewarm()
        scheduler.prewarm()
        wait_until(lambda: len(process_ids() - others) == 2)
        pids = process_ids() - others
        assert result(scheduler, work.where)[0] in pids


@pytest.mark.parametrize("processes", [0, -1, True, 1.5, "2"])
def test_number_of_processes_is_checked(system: ActorSystem, processes: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="processes="):
        Scheduler(system, processes=processes)


# -- runs that do not end ---------------------------------------------------------------------------------------------------


def test_timeout_kills_the_process(one: Scheduler, tmp_path: Path) -> None:
    task = submit(one, work.touch_and_compute, str(tmp_path / "pid"), timeout=0.2)
    error = error_of(task)
    assert isinstance(error, TaskTimeout)
    pid = pid_in(tmp_path / "pid")
    wait_until(lambda: not is_running(pid))
    assert one.stats().abandoned == 0
    assert result(one, work.square, 5) == 25


def test_timeout_counts_from_when_the_function_begins(one: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = WorkerProcess.starts

    def starts_late(worker: WorkerProcess, limit: float) -> bool:
        threading.Event().wait(3.0)
        return starts(worker, limit)

    monkeypatch.setattr(WorkerProcess, "starts", starts_late)
    task = submit(one, work.square, 6, timeout=2.0)
    assert task.result(timeout=LIMIT) == 36
    assert task.last is not None
    assert task.last.seconds is not None
    assert task.last.seconds < 3.0


def test_timeout_is_tried_again(one: Scheduler, tmp_path: Path) -> None:
    task = submit(one, work.touch_and_compute, str(tmp_path / "pid"), timeout=0.05, retry=Retry(attempts=3, initial=0.0))
    assert isinstance(error_of(task), TaskTimeout)
    assert task.last is not None
    assert task.last.attempt == 3


def test_deadline_kills_the_process(one: Scheduler, tmp_path: Path) -> None:
    submit(one, work.square, 1).result(timeout=LIMIT)
    task = submit(one, work.touch_and_compute, str(tmp_path / "pid"), deadline=0.3)
    assert isinstance(error_of(task), TaskDeadlineExceeded)
    wait_until(lambda: not is_running(pid_in(tmp_path / "pid")))


def test_deadline_ends_a_run_whose_process_is_starting(one: Scheduler) -> None:
    assert isinstance(error_of(submit(one, work.run_forever, deadline=0.01)), TaskDeadlineExceeded)
    assert result(one, work.square, 7) == 49


def test_cancelled_run_is_killed(one: Scheduler, tmp_path: Path) -> None:
    task = submit(one, work.touch_and_compute, str(tmp_path / "pid"))
    pid = pid_in(tmp_path / "pid")
    assert task.cancel()
    assert isinstance(error_of(task), AskCancelled)
    wait_until(lambda: not is_running(pid))
    assert result(one, work.square, 8) == 64


def test_run_that_was_cancelled_before_a_place_was_free_is_not_begun(one: Scheduler, tmp_path: Path) -> None:
    first = submit(one, work.touch_and_compute, str(tmp_path / "first"))
    second = submit(one, work.touch_and_wait, str(tmp_path / "second"))
    pid_in(tmp_path / "first")
    assert second.cancel()
    first.cancel()
    assert result(one, work.square, 9) == 81
    assert second.runs == 0
    assert not (tmp_path / "second").exists()


# -- workers that die -------------------------------------------------------------------------------------------------------


def test_death_of_a_worker_fails_one_run_with_its_code(one: Scheduler) -> None:
    error = error_of(submit(one, work.exit_with, 4, name="the name"))
    assert isinstance(error, WorkerDiedError)
    assert (error.task, error.code) == ("the name", 4)
    error = error_of(submit(one, work.kill_itself, signal.SIGKILL))
    assert isinstance(error, WorkerDiedError)
    assert error.code == -signal.SIGKILL
    assert "memory" in str(error)
    assert result(one, work.square, 10) == 100


def test_run_whose_worker_died_is_tried_again(one: Scheduler, tmp_path: Path) -> None:
    assert result(one, work.die_once, str(tmp_path / "flag"), retry=Retry(attempts=2, initial=0.0)) == "second"


def test_failure_is_told_as_an_event_and_to_the_callback(system: ActorSystem) -> None:
    events = Events(system)
    runs: list[Any] = []
    with Scheduler(system, processes=1) as scheduler:
        task = submit(scheduler, work.exit_with, 5, on_failure=runs.append)
        error_of(task)
        wait_until(lambda: runs)
    (event,) = events.of(TaskFailed)
    assert event.task is task
    assert runs == [event.run]
    assert (runs[0].outcome, runs[0].attempt) == (RunOutcome.FAILED, 1)


def test_forked_child_that_returns_ends_nothing(shared: Scheduler, tmp_path: Path) -> None:
    task = submit(shared, work.fork_and_return, str(tmp_path / "child"))
    assert task.result(timeout=LIMIT) == f"parent of {pid_in(tmp_path / 'child')}"
    assert task.state is TaskState.SUCCEEDED
    assert result(shared, work.square, 11) == 121


# -- the end ----------------------------------------------------------------------------------------------------------------


def leaves_nothing(end: Any, tmp_path: Path) -> None:
    pids: list[int] = []
    others = process_ids()

    def once(number: int) -> None:
        with ActorSystem() as system:
            scheduler = Scheduler(system, processes=2)
            result(scheduler, work.square, 1)
            task = submit(scheduler, work.touch_and_compute, str(tmp_path / str(number)))
            pids.append(pid_in(tmp_path / str(number)))
            waiting = [submit(scheduler, work.run_forever) for _ in range(2)]
            end(system, scheduler)
            for one in (task, *waiting):
                assert one.state is TaskState.CANCELLED
                assert isinstance(error_of(one), AskCancelled)

    once(0)  # some things stay once they are there: the pool's threads, the resource tracker of multiprocessing
    threads, files = {thread.name for thread in threading.enumerate()}, open_files()
    once(1)
    wait_until(lambda: not any(is_running(pid) for pid in pids))
    wait_until(lambda: process_ids() <= others)
    wait_until(lambda: {thread.name for thread in threading.enumerate()} <= threads)
    wait_until(lambda: open_files() <= files)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda _, scheduler: scheduler.close(timeout=0.0), id="close"),
        pytest.param(lambda _, scheduler: asyncio.run(scheduler.close_async(timeout=0.1)), id="close_async"),
        pytest.param(lambda system, _: system.shutdown(), id="shutdown"),
        pytest.param(lambda _, scheduler: scheduler.ref.stop(), id="stop of the actor"),
        pytest.param(lambda _, scheduler: scheduler.ref.kill(), id="kill of the actor"),
    ],
)
def test_nothing_is_left_however_a_scheduler_ends(end: Any, tmp_path: Path) -> None:
    leaves_nothing(end, tmp_path)


def test_close_lets_a_run_end_in_its_time(system: ActorSystem, tmp_path: Path) -> None:
    scheduler = Scheduler(system, processes=1)
    task = submit(scheduler, work.touch_and_sleep, str(tmp_path / "pid"), 0.2)
    pid_in(tmp_path / "pid")
    scheduler.close(timeout=LIMIT)
    assert task.result(timeout=0) == 0.2


def test_restart_ends_the_processes_and_what_runs_in_them(one: Scheduler, tmp_path: Path) -> None:
    task = submit(one, work.touch_and_compute, str(tmp_path / "pid"))
    waits = submit(one, work.square, 12)
    pid = pid_in(tmp_path / "pid")
    assert one.ref.restart(timeout=LIMIT)
    assert isinstance(error_of(task), ActorRestarting)
    wait_until(lambda: not is_running(pid))
    assert waits.result(timeout=LIMIT) == 144


def test_simulated_scheduler_runs_the_function_itself(sim: Simulation, scheduler: Scheduler) -> None:
    before = process_ids()
    assert result(scheduler, work.where)[0] == os.getpid()
    assert process_ids() <= before


def test_simulated_scheduler_refuses_what_a_real_one_would(scheduler: Scheduler) -> None:
    with pytest.raises(TypeError, match="top level of a module"):
        submit(scheduler, lambda: None)


def test_simulated_processes_have_places_of_their_own(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=1, processes=1)
    scheduler.prewarm()
    waits: Future[None] = Future()
    blocked = scheduler.submit(waits.get)
    assert result(scheduler, work.square, 2) == 4
    waits.set(None)
    assert blocked.result() is None
