"""Work, arguments, exceptions and callbacks that misbehave cost their own task something, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import subprocess
import sys
import threading
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, Bounded, DeadlockError, Isolation, Overflow, SystemConfig
from actors._core.ending import when_ended
from actors.events import CallbackFailed
from actors.scheduler import (
    Kind,
    NeedFailedError,
    Overlap,
    Progress,
    ResultOf,
    Retry,
    RunSkipped,
    Scheduler,
    Task,
    TaskState,
    TaskTimeout,
    current_run,
    report_progress,
)
from tests.scheduler.kit import Events, Silent, Sink, add, fail
from tests.support import scaled

if TYPE_CHECKING:
    from actors.testing import Simulation


# -- what is handed in -------------------------------------------------------------------------------------------------------


def test_work_that_cannot_say_its_name_runs_under_that_of_its_class(sim: Simulation, scheduler: Scheduler) -> None:
    class Work:
        @property
        def name(self) -> str:
            raise ZeroDivisionError

        def __call__(self) -> str:
            return "done"

    task = scheduler.submit(Work())
    assert task.result() == "done"
    assert task.name == f"{Work.__qualname__}-{task.id}"


def test_partial_is_called_what_it_calls_and_runs_where_that_does(sim: Simulation, scheduler: Scheduler) -> None:
    class Async:
        async def __call__(self, *args: int) -> int:
            return sum(args)

    plain = scheduler.submit(functools.partial(functools.partial(add, 1), 2), 3)
    coroutine = scheduler.submit(functools.partial(Async(), 1), 2)
    assert (plain.name, plain.kind, plain.result()) == (f"add-{plain.id}", Kind.FUNCTION, 6)
    assert (coroutine.kind, coroutine.result()) == (Kind.COROUTINE, 3)


def test_argument_that_is_gone_fails_nothing_but_what_uses_it(sim: Simulation, scheduler: Scheduler) -> None:
    class Thing:
        pass

    thing = Thing()
    task = scheduler.after(1.0, lambda _: "not looked at", weakref.proxy(thing))
    del thing
    assert task.result() == "not looked at"
    assert scheduler.submit(add, 1).result() == 1


def test_function_whose_coroutine_nobody_would_await_fails(sim: Simulation, scheduler: Scheduler) -> None:
    async def fetch() -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match=r"fetch.*nobody would await"):
        scheduler.submit(lambda: fetch()).result()  # noqa: PLW0108  # what is wrong


def test_what_is_no_work_is_refused_with_advice(sim: Simulation, scheduler: Scheduler) -> None:
    async def fetch() -> None:
        """Do nothing."""

    def count() -> Any:
        yield 1

    async def count_async() -> Any:
        yield 1

    coroutine = fetch()
    with pytest.raises(TypeError, match="do not call it"):
        scheduler.submit(coroutine)  # type: ignore[call-overload]
    coroutine.close()
    for generator in (count, count_async):
        with pytest.raises(TypeError, match="generator function"):
            scheduler.submit(generator)
    with pytest.raises(TypeError, match=r"key=1 .*functools\.partial\(function, key=\.\.\.\)"):
        scheduler.submit(add, key=1)
    with pytest.raises(TypeError, match="pass the task itself"):
        scheduler.submit(add, ResultOf("a"))
    assert scheduler.tasks() == []


# -- what it raises ------------------------------------------------------------------------------------------------------------


class Evil(Exception):
    """Does not say when to come back."""

    @property
    def retry_after(self) -> float:
        msg = "nor why"
        raise RuntimeError(msg)


def test_exception_whose_retry_after_raises_is_not_tried_again(sim: Simulation, scheduler: Scheduler) -> None:
    def work() -> None:
        raise Evil

    error = scheduler.submit(work, retry=Retry()).future.exception()
    assert isinstance(error, Evil)
    assert "RuntimeError: nor why" in error.__notes__[0]
    assert scheduler.submit(add, 1).result() == 1


@pytest.mark.parametrize("call", ["close", "drain"])
def test_policy_that_waits_for_the_scheduler_is_told_so(sim: Simulation, scheduler: Scheduler, call: str) -> None:
    error = scheduler.submit(fail, retry=Retry(on=lambda _: getattr(scheduler, call)(timeout=5.0))).future.exception()
    assert isinstance(error, ValueError)
    assert "DeadlockError" in error.__notes__[0]
    assert sim.now == 0.0
    assert scheduler.submit(add, 1).result() == 1


def test_time_to_come_back_may_be_a_timedelta(sim: Simulation, scheduler: Scheduler) -> None:
    calls: list[float] = []

    def work() -> None:
        calls.append(sim.now)
        error = ValueError("later")
        error.retry_after = timedelta(seconds=7)  # type: ignore[attr-defined]
        raise error

    scheduler.submit(work, retry=Retry(attempts=2))
    sim.run()
    assert calls == [0.0, 7.0]


def test_coroutines_that_hold_out_against_their_end_do_not_pile_up_without_end(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=1, abandoned=2)

    async def stubborn() -> None:
        while sim.now < 100:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(100)

    tasks = [scheduler.submit(stubborn, timeout=1.0) for _ in range(3)]
    waits = scheduler.submit(asyncio.sleep, 0, "done")
    sim.advance(10.0)
    assert [task.state for task in tasks] == [TaskState.FAILED] * 3
    assert waits.state is TaskState.READY
    assert waits.result() == "done"
    assert sim.now >= 100


def test_attempt_that_was_given_up_says_nothing_of_the_progress_of_the_next(system: ActorSystem) -> None:
    second, gate, late = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        run = current_run()
        assert run is not None
        attempt = run.attempt
        report_progress(attempt)
        if attempt == 2:
            second.set()
        gate.wait(10)
        report_progress(100 + attempt)
        late.set()

    with Scheduler(system) as scheduler:
        task = scheduler.submit(work, timeout=0.02, retry=Retry(attempts=2, initial=0.0))
        assert second.wait(10)
        assert isinstance(task.future.exception(timeout=10), TaskTimeout)
        gate.set()
        assert late.wait(10)
        assert task.progress == Progress(2)


# -- needs -----------------------------------------------------------------------------------------------------------------------


def test_failure_at_the_end_of_a_very_long_chain_can_be_told(sim: Simulation, scheduler: Scheduler) -> None:
    task: Task[Any] = scheduler.after(1.0, fail)
    for _ in range(sys.getrecursionlimit() + 500):
        task = scheduler.submit(add, needs=[task])
    sim.run()
    error = task.future.exception()
    assert isinstance(error, NeedFailedError)
    assert "because 'fail-1' has not: ValueError: on purpose" in str(error)


def test_need_keeps_nothing_of_what_needs_it_no_more(sim: Simulation, scheduler: Scheduler) -> None:
    need, hopeless = scheduler.after(100.0, add), scheduler.after(1.0, fail)
    cancelled = scheduler.submit(add, needs=[need])
    failed = scheduler.submit(add, needs=[need, hopeless])
    waits = scheduler.submit(add, 1, needs=[need])
    assert cancelled.cancel()
    sim.advance(2.0)
    assert failed.state is TaskState.FAILED
    assert need._extra is not None
    assert list(need._extra.dependents) == [waits]
    assert waits.result() == 1


# -- recurring tasks ---------------------------------------------------------------------------------------------------------------


def test_runs_that_may_overlap_do_not_pile_up_without_end(sim: Simulation, scheduler: Scheduler) -> None:
    events = Events(sim.system)
    task = scheduler.every(0.001, sim.spawn(Silent), "x", kind=Kind.ASK, overlap=Overlap.ALLOW, times=2100)
    sim.advance(2.1005)
    assert task._extra is not None
    assert len(task._extra.under_way) == 2000  # as many as are asked at once, and 1000 more
    assert {event.task for event in events.of(RunSkipped)} == {task}
    assert task.cancel()


# -- callbacks, close and drain ------------------------------------------------------------------------------------------------------


def test_callback_that_never_returns_does_not_hold_close_up(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system)
    silent = sim.spawn(Silent)
    scheduler.submit(add, on_success=lambda _: silent.ask("for ever", timeout=1000.0))
    scheduler.submit(add, on_success=add)
    sim.advance(1.0)
    scheduler.close(timeout=3.0)
    assert sim.now == 4.0
    assert [ref for ref in sim.system.actors() if ref.path.startswith("/scheduler")] == []


def test_callbacks_that_wait_when_the_scheduler_is_closed_are_called(sim: Simulation) -> None:
    told: list[Any] = []
    with Scheduler(sim.system) as scheduler:
        tasks = [scheduler.submit(add, number, on_success=told.append) for number in range(50)]
        assert tasks[-1].result() == 49
    assert len(told) == 50


def test_all_tasks_are_over_when_close_returns_whoever_has_ended_the_actor(system: ActorSystem) -> None:
    for _ in range(scaled(200, 20)):
        scheduler = Scheduler(system)
        tasks = [scheduler.after(100.0, add) for _ in range(500)]
        futures = [task.future for task in tasks]
        scheduler.ref.kill(block=False)
        while scheduler.ref.is_alive():
            threading.Event().wait(0.0001)
        scheduler.close()
        assert all(future.done() for future in futures)
        when_ended(scheduler.ref._target).get(timeout=10)


@pytest.mark.parametrize("call", ["close", "drain"])
def test_run_that_waits_for_itself_is_told_so(system: ActorSystem, call: str) -> None:
    scheduler = Scheduler(system)

    async def wait_async() -> None:
        await (scheduler.close_async(timeout=None) if call == "close" else scheduler.drain_async())

    if call == "drain":
        with pytest.raises(DeadlockError, match="give drain"):
            scheduler.submit(scheduler.drain).result(timeout=10)
    with pytest.raises(DeadlockError):
        scheduler.submit(wait_async).result(timeout=10)
    scheduler.close()


def test_close_in_a_function_of_its_own_is_told_so_and_closes(system: ActorSystem) -> None:
    scheduler = Scheduler(system)
    with pytest.raises(DeadlockError):
        scheduler.submit(scheduler.close).result(timeout=10)
    scheduler.close()
    assert repr(scheduler).endswith("closed>")


def test_close_in_a_callback_of_its_own_is_told_so_and_closes(system: ActorSystem) -> None:
    events, scheduler = Events(system), Scheduler(system)
    scheduler.submit(add, on_success=lambda _: scheduler.close()).result(timeout=10)
    when_ended(scheduler.ref._target).get(timeout=10)
    assert [type(event.error) for event in events.of(CallbackFailed)] == [DeadlockError]


def test_drain_of_a_paused_scheduler_ends_when_what_is_due_is_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.pause()
    task = scheduler.submit(add)
    Scheduler(sim.system, name="other").after(1.0, task.cancel)
    assert scheduler.drain(timeout=10.0)
    assert sim.now == 1.0


def test_interrupt_just_before_the_actor_is_told_loses_no_wake(
    sim: Simulation, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scheduler.submit(add, 1).result() == 1
    books = scheduler._books
    wake = books.wake

    def interrupted() -> None:
        monkeypatch.setattr(books, "wake", wake)
        raise KeyboardInterrupt

    monkeypatch.setattr(books, "wake", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scheduler.submit(add)
    assert scheduler.submit(add, 1).result(timeout=10.0) == 1


# -- systems of another kind --------------------------------------------------------------------------------------------------------


class Asker(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


@pytest.mark.parametrize(
    "config",
    [SystemConfig(isolation=mode) for mode in Isolation] + [SystemConfig(mailbox=Bounded(1, Overflow.REJECT))],
    ids=["share", "check", "copy", "small"],
)
def test_scheduler_works_whatever_its_system_makes_of_messages(no_leaks: Any, config: SystemConfig) -> None:
    told = threading.Event()
    with ActorSystem(config=config) as system, Scheduler(system) as scheduler:
        tasks = [scheduler.submit(add, number, on_success=lambda _: told.set()) for number in range(30)]
        tasks += [scheduler.submit(asyncio.sleep, 0, number) for number in range(30)]
        assert [task.result(timeout=10) for task in tasks] == [*range(30)] * 2
        assert scheduler.submit(system.spawn(Asker), 5, kind=Kind.ASK).result(timeout=10) == 5
        assert told.wait(10)
        assert scheduler.drain(timeout=10)


def test_listener_that_cannot_be_told_a_run_costs_no_run() -> None:
    with ActorSystem(config=SystemConfig(isolation=Isolation.CHECK)) as system, Scheduler(system) as scheduler:
        events, sink = Events(system), system.spawn(Sink)
        assert scheduler.submit(add, 1, on_success=sink).result(timeout=10) == 1
        assert scheduler.submit(add, 2).result(timeout=10) == 2
        assert [event.callback for event in events.of(CallbackFailed)] == [sink]


# -- forks, and threads that cannot be had --------------------------------------------------------------------------------------------

FORKED = """
import os
from actors import ActorSystem, ForkedError
from actors.scheduler import Scheduler

with ActorSystem() as system, Scheduler(system) as scheduler:
    scheduler.submit(int).result(timeout=20)
    if not os.fork():
        for _ in range(3):
            for call in (lambda: scheduler.submit(int), lambda: scheduler.after(5, int)):
                try:
                    print(call(), flush=True)
                except ForkedError:
                    print("refused", flush=True)
        os._exit(0)
    os.wait()
    print(scheduler.submit(int).result(timeout=20))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_process_is_refused_each_time() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["refused"] * 6 + ["0"]


def test_thread_that_cannot_be_had_fails_the_run_and_leaks_no_place(system: ActorSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with Scheduler(system, threads=1, processes=1) as scheduler:
        scheduler.submit(asyncio.sleep, 0).result(timeout=10)  # the actor itself has its thread
        for kind in (Kind.FUNCTION, Kind.PROCESS):
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", start)
                task = scheduler.submit(abs, -1, kind=kind)
                assert "can't start new thread" in str(task.future.exception(timeout=10))
            assert scheduler.submit(abs, -1, kind=kind).result(timeout=60) == 1
