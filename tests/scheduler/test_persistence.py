"""Persistent tasks: what the next program finds, whatever the last one was at when it ended."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import ActorSystem, AskCancelled, CodecError, TimerMode
from actors.scheduler import (
    AlreadyRunError,
    DuplicateTaskError,
    Interrupted,
    Jobs,
    Kind,
    Missed,
    Overlap,
    Retry,
    RunInterrupted,
    RunMissed,
    RunSkipped,
    RunState,
    ScheduleChanged,
    ScheduleLeft,
    Scheduler,
    SchedulerActor,
    Store,
    StoredRun,
    StoreError,
    StoreFailed,
    StoreFullError,
    StoreLockedError,
    Task,
    TaskMissedError,
    TaskState,
    current_run,
)
from actors.scheduler.recovery import RERUNS
from actors.scheduler.stored import AddRun, PutSchedule, RunRow
from actors.testing import RandomWalk, Simulation
from supervisors import GetChild, Supervisor, child
from tests.scheduler.kit import Events, Sink
from tests.scheduler.test_store import Faulty, limit_pages
from tests.support import scaled

START = datetime(2026, 1, 1, tzinfo=UTC)


class Program:
    """One program with a store, in virtual time, that begins so many seconds after `START`."""

    def __init__(
        self, path: Path, at: float = 0.0, *, jobs: bool = True, seed: int | None = None, keep: int = 100_000, **options: Any
    ) -> None:
        self.at, self.keep = at, keep
        self.sim = Simulation(None if seed is None else RandomWalk(seed), epoch=START + timedelta(seconds=at), max_steps=1_000_000)
        self.path, self.options = path, options
        self.began: list[tuple[str, int]] = []  # ids of runs, with their attempts
        self.done: list[str] = []
        self.takes = 0.0
        self.jobs = Jobs()
        if jobs:
            self.jobs.register(self.work, name="work")
            self.jobs.register(self.fails, name="fails")
            self.jobs.register(self.notes, name="notes")

    async def work(self, takes: float = 0.0, *_: Any) -> None:
        run = current_run()
        assert run is not None
        self.began.append((run.id, run.attempt))
        await asyncio.sleep(takes)
        self.done.append(run.id)

    async def fails(self, *_: Any) -> None:
        run = current_run()
        assert run is not None
        self.began.append((run.id, run.attempt))
        msg = "on purpose"
        raise ValueError(msg)

    def notes(self, *_: Any) -> None:
        run = current_run()
        assert run is not None
        self.began.append((run.id, run.attempt))

    def __enter__(self) -> Self:
        self.sim.__enter__()
        self.events = Events(self.sim.system)
        self.store = Store(self.path, keep=self.keep, synchronous=False)
        self.store._database._connection.execute("PRAGMA synchronous = OFF")  # no test here takes the power away
        self.scheduler = Scheduler(self.sim.system, store=self.store, jobs=self.jobs, **self.options)
        return self

    def kill(self) -> None:
        """End it as SIGKILL does: what is committed is all that is left. To be called between two steps."""
        self.store._database.close()

    def __exit__(self, *error: object) -> None:
        if not self.store._database.closed:
            if error[0] is None:
                self.scheduler.close()
            self.store.close()
        self.sim.__exit__(*error)

    @property
    def now(self) -> float:
        return self.at + self.sim.now

    @property
    def dues(self) -> list[float]:
        """When the runs were due that have begun, in seconds from START."""
        return [seconds(run) for run, _ in self.began]


def seconds(run: str) -> float:
    return (datetime.fromisoformat(run.partition("@")[2]) - START).total_seconds()


def history(path: Path, name: str | None = None) -> list[StoredRun]:
    with Store(path) as store:
        return list(reversed(store.history(name)))


def states(path: Path, name: str | None = None) -> list[tuple[float, str]]:
    """Each run, by when it was due, with what became of it."""
    return sorted(((run.due - START).total_seconds(), run.state.value) for run in history(path, name))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedules.db"


# -- from one program to the next ----------------------------------------------------------------------------------------------------


def test_schedule_goes_on_in_the_next_program_where_it_was(path: Path) -> None:
    with Program(path) as first:
        task = first.scheduler.every(10.0, first.work, name="a", persist=True)
        first.sim.advance(25.0)
        assert first.dues == [10.0, 20.0]
        assert task.runs == 2
    with Program(path, at=27.0) as second:
        task = second.scheduler.every(10.0, second.work, name="a", persist=True)
        assert task.runs == 2
        assert task.due_in == pytest.approx(3.0)
        second.sim.advance(15.0)
        assert second.dues == [30.0, 40.0]
        assert task.last is not None
        assert task.last.number == 4
        assert second.events.of(ScheduleChanged) == []
    assert states(path) == [(due, "succeeded") for due in (10.0, 20.0, 30.0, 40.0)]


def test_cron_goes_on_in_its_zone(path: Path) -> None:
    for at in (0.0, 86_400.0):
        with Program(path, at=at) as program:
            program.scheduler.cron("30 7 * * *", program.work, zone="Europe/Berlin", name="a", persist=True)
            program.sim.advance(86_400.0 - 1)
            assert program.dues == [at + 6.5 * 3600]


@pytest.mark.parametrize(
    ("missed", "runs", "counted"),
    [(Missed.SKIP, [], 4), (Missed.ONCE, [60.0], 3), (Missed.ALL, [30.0, 40.0, 50.0, 60.0], 0)],
)
def test_what_was_due_while_the_program_was_down_is_run_or_skipped_as_its_policy_says(
    path: Path, missed: Missed, runs: list[float], counted: int
) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, name="a", persist=True, missed=missed)
        first.sim.advance(25.0)
    with Program(path, at=65.0) as second:
        second.scheduler.every(10.0, second.work, name="a", persist=True, missed=missed)
        second.sim.advance(10.0)
        assert second.dues == [*runs, 70.0]
        assert [event.count for event in second.events.of(RunMissed)] == ([counted] if counted else [])
    rows = [run for run in history(path) if run.state is RunState.MISSED]
    assert [(run.due - START).total_seconds() for run in rows] == ([30.0] if counted else [])
    assert sum(run.count for run in rows) == counted


def test_one_off_whose_time_passed_while_the_program_was_down_is_run_late(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.after(10.0, first.work, name="a", persist=True)
    with Program(path, at=3600.0) as second:
        task = second.scheduler.after(10.0, second.work, name="a", persist=True)
        assert task.result() is None
        assert second.dues == [10.0]
        assert task.state is TaskState.SUCCEEDED
    assert states(path) == [(10.0, "succeeded")]


def test_one_off_that_skips_what_it_missed_fails_and_is_accounted_for(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.after(10.0, first.work, name="a", persist=True, missed=Missed.SKIP)
    with Program(path, at=3600.0) as second:
        task = second.scheduler.after(10.0, second.work, name="a", persist=True, missed=Missed.SKIP)
        with pytest.raises(TaskMissedError):
            task.result()
        assert second.began == []
    assert states(path) == [(10.0, "missed")]
    with Store(path) as store:
        assert store.schedules() == []


def test_one_off_of_a_time_is_run_once_however_often_it_is_declared(path: Path) -> None:
    when = START + timedelta(seconds=10)
    for at in (0.0, 20.0, 40.0):
        with Program(path, at=at) as program:
            task = program.scheduler.at(when, program.work, name="a", persist=True)
            assert task.result() is None
            assert task.state is TaskState.SUCCEEDED
            assert program.dues == ([10.0] if at == 0.0 else [])
            again = program.scheduler.at(when, program.work, name="a", persist=True)
            assert again.result() is None
            assert len(program.began) == (1 if at == 0.0 else 0)
    assert states(path) == [(10.0, "succeeded")]


def test_one_off_that_failed_in_an_earlier_program_says_so_and_is_not_run_again(path: Path) -> None:
    when = START + timedelta(seconds=10)
    with Program(path) as first, pytest.raises(ValueError, match="on purpose"):
        first.scheduler.at(when, first.fails, name="a", persist=True).result()
    with Program(path, at=20.0) as second:
        told: list[Any] = []
        task = second.scheduler.at(when, second.fails, name="a", persist=True, on_failure=told.append)
        with pytest.raises(AlreadyRunError, match=r"failed in an earlier program.*ValueError: on purpose") as caught:
            task.result()
        assert caught.value.run_id == "a@2026-01-01T00:00:10.000000Z"
        second.sim.advance(5.0)
        assert told == []
        assert second.began == []


def test_one_off_under_a_name_that_is_over_is_a_new_one(path: Path) -> None:
    for at in (0.0, 20.0):
        with Program(path, at=at) as program:
            assert program.scheduler.after(5.0, program.work, name="a", persist=True).result() is None
            assert program.scheduler.after(5.0, program.work, name="a", persist=True).result() is None
    assert states(path) == [(due, "succeeded") for due in (5.0, 10.0, 25.0, 30.0)]


def test_times_are_counted_over_all_programs(path: Path) -> None:
    runs: list[float] = []
    for at in (0.0, 30.0, 60.0):
        with Program(path, at=at) as program:
            task = program.scheduler.every(10.0, program.work, name="a", times=4, persist=True)
            program.sim.advance(25.0)
            runs += program.dues
            assert (task.state is TaskState.SUCCEEDED) == (at > 0.0)
    assert runs == [10.0, 20.0, 30.0, 40.0]


def test_next_run_with_a_fixed_delay_is_due_after_the_end_of_the_last(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 3.0, name="a", mode=TimerMode.FIXED_DELAY, persist=True)
        first.sim.advance(30.0)
        assert first.dues == [10.0, 23.0]
    with Program(path, at=31.0) as second:
        second.scheduler.every(10.0, second.work, 3.0, name="a", mode=TimerMode.FIXED_DELAY, persist=True)
        second.sim.advance(10.0)
        assert second.dues == [36.0]


def test_messages_and_asks_persist_by_the_path_of_their_actor(path: Path) -> None:
    with Program(path) as first:
        sink = first.sim.spawn(Sink, name="sink")
        first.scheduler.every(10.0, sink, ("tell", 1), name="tell", persist=True)
        assert first.scheduler.after(5.0, sink, {"ask": [1, 2]}, kind=Kind.ASK, name="ask", persist=True).result() == (
            "answer to",
            {"ask": [1, 2]},
        )
        first.scheduler.after(12.0, sink, "later", name="later", persist=True)
    with Program(path, at=20.0, jobs=False) as second:
        sink = second.sim.spawn(Sink, name="sink")
        second.sim.advance(5.0)  # nothing is declared: all of it comes out of the store
        assert sorted(second.sim.instance(sink).got, key=str) == [("tell", 1), "later"]


# -- kills -------------------------------------------------------------------------------------------------------------------------


def test_run_has_its_claim_in_the_store_before_it_begins(path: Path) -> None:
    with Program(path) as program:
        claimed: list[list[str]] = []

        @program.jobs.register(name="look")
        def look() -> None:
            claimed.append([run.id for run in program.store.claimed()])

        program.scheduler.after(1.0, look, name="a", persist=True).result()
        assert claimed == [["a@2026-01-01T00:00:01.000000Z"]]


def test_run_that_was_under_way_is_told_and_never_begun_again(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 5.0, name="a", persist=True)
        first.scheduler.after(11.0, first.work, 5.0, name="b", persist=True)
        first.sim.advance(12.0)
        assert first.dues == [10.0, 11.0]
        first.kill()
    with Program(path, at=13.0) as second:
        second.scheduler.every(10.0, second.work, 5.0, name="a", persist=True)
        second.sim.advance(10.0)
        assert second.dues == [20.0]
        assert second.events.of(RunInterrupted) == [
            RunInterrupted("a", "a@2026-01-01T00:00:10.000000Z"),
            RunInterrupted("b", "b@2026-01-01T00:00:11.000000Z"),
        ]
        second.sim.advance(5.0)
    assert states(path) == [(10.0, "interrupted"), (11.0, "interrupted"), (20.0, "succeeded")]


def test_run_that_was_under_way_begins_again_under_its_id_if_it_may(path: Path) -> None:
    def declare(program: Program) -> list[Task[Any]]:
        options: dict[str, Any] = {"persist": True, "interrupted": Interrupted.RERUN}
        return [
            program.scheduler.every(10.0, program.work, 5.0, name="a", **options),
            program.scheduler.after(11.0, program.work, 5.0, name="b", **options),
        ]

    with Program(path) as first:
        declare(first)
        first.sim.advance(12.0)
        first.kill()
    with Program(path, at=13.0) as second:
        recurring, one_off = declare(second)
        assert one_off.result() is None
        assert second.began == [("a@2026-01-01T00:00:10.000000Z", 2), ("b@2026-01-01T00:00:11.000000Z", 2)]
        assert recurring.runs == 1
        assert recurring.last is not None
        assert (recurring.last.number, recurring.last.attempt) == (1, 2)
        assert second.events.of(RunInterrupted) == []
    assert states(path) == [(10.0, "succeeded"), (11.0, "succeeded")]


@pytest.mark.parametrize(("retry", "attempts"), [(None, RERUNS), (Retry(attempts=2), 2)])
def test_run_that_ends_its_program_each_time_is_told_after_so_many_attempts(path: Path, retry: Retry | None, attempts: int) -> None:
    for number in range(attempts + 1):
        with Program(path, at=100.0 * number) as program:
            program.scheduler.after(1.0, program.work, 50.0, name="a", persist=True, interrupted=Interrupted.RERUN, retry=retry)
            program.sim.advance(10.0)
            if number < attempts:
                assert program.began == [("a@2026-01-01T00:00:01.000000Z", number + 1)]
                program.kill()
            else:
                assert [event.name for event in program.events.of(RunInterrupted)] == ["a"]
                assert [seconds(run) for run, _ in program.began] == [100.0 * attempts + 1.0]  # declared anew: another run


def test_attempts_of_one_program_are_known_to_the_next(path: Path) -> None:
    options: dict[str, Any] = {"persist": True, "interrupted": Interrupted.RERUN, "retry": Retry(attempts=5, initial=1.0, jitter=0.0)}
    with Program(path) as first:
        first.scheduler.after(1.0, first.fails, name="a", **options)
        first.sim.advance(3.0)
        assert [attempt for _, attempt in first.began] == [1, 2]
        first.kill()
    with Program(path, at=10.0) as second:
        second.scheduler.after(1.0, second.fails, name="a", **options)
        second.sim.advance(100.0)
        assert [attempt for _, attempt in second.began] == [3, 4, 5]


def test_run_that_waited_for_a_place_when_the_program_was_killed_is_still_due(path: Path) -> None:
    with Program(path, coroutines=1) as first:
        first.scheduler.after(1.0, first.work, 60.0, name="busy", persist=True)
        first.scheduler.after(2.0, first.work, name="waits", persist=True)
        first.scheduler.every(3.0, first.work, name="every", persist=True)
        first.sim.advance(20.0)
        assert first.dues == [1.0]
        first.kill()
    with Program(path, at=20.5) as second:
        second.scheduler.after(1.0, second.work, name="waits", persist=True)
        second.scheduler.every(3.0, second.work, name="every", persist=True)
        second.sim.advance(0.4)
        assert sorted(second.dues) == [2.0, 3.0]
    assert states(path, "waits") == [(2.0, "succeeded")]
    assert states(path, "every") == [(3.0, "succeeded"), *((due, "skipped") for due in (6.0, 9.0, 12.0, 15.0, 18.0))]


def test_job_that_has_ended_but_whose_end_was_not_stored_is_told_to_be_interrupted(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.after(1.0, first.work, 1.0, name="a", persist=True)
        while not first.done:
            assert first.sim.step()
        first.kill()
    with Program(path, at=5.0) as second:
        second.sim.advance(2.0)
        assert [event.name for event in second.events.of(RunInterrupted)] == ["a"]
        assert second.began == []


# -- what programs declare -----------------------------------------------------------------------------------------------------------


def test_other_arguments_hold_from_now_on_and_the_times_stay(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 0.0, "old", name="a", persist=True)
        first.sim.advance(15.0)
    with Program(path, at=16.0) as second:
        task = second.scheduler.every(10.0, second.notes, "new", name="a", persist=True)
        task.stored.get()
        second.sim.advance(5.0)
        assert second.dues == [20.0]
        assert task.runs == 2
        assert second.events.of(ScheduleChanged) == [ScheduleChanged("a", 0)]
        (stored,) = second.store.schedules()
        assert stored.target == "notes"


def test_other_interval_begins_anew_and_what_was_missed_is_accounted_for(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, name="a", persist=True)
        first.sim.advance(15.0)
    with Program(path, at=45.0) as second:
        second.scheduler.every(60.0, second.work, name="a", persist=True)
        assert second.events.of(ScheduleChanged) == [ScheduleChanged("a", 3)]
        second.sim.advance(61.0)
        assert second.dues == [105.0]
    assert [(run.state, run.count) for run in history(path)] == [
        (RunState.SUCCEEDED, 1),
        (RunState.MISSED, 3),
        (RunState.SUCCEEDED, 1),
    ]


def test_rerun_of_another_definition_is_told_instead(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 5.0, name="a", persist=True, interrupted=Interrupted.RERUN)
        first.sim.advance(12.0)
        first.kill()
    with Program(path, at=13.0) as second:
        second.scheduler.every(10.0, second.work, 6.0, name="a", persist=True, interrupted=Interrupted.RERUN)
        second.sim.advance(1.0)
        assert [event.name for event in second.events.of(RunInterrupted)] == ["a"]
        assert second.began == []


def test_what_is_not_declared_goes_on_by_itself_if_its_job_is_registered(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 2.0, name="a", persist=True, overlap=Overlap.QUEUE, priority=-3, retry=Retry(on=OSError))
        first.sim.advance(15.0)
    with Program(path, at=16.0) as second:
        assert second.scheduler.get("a") is None
        second.sim.advance(15.0)
        task = second.scheduler.get("a")
        assert task is not None
        assert (task.priority, task.runs) == (-3, 3)
        assert task._options.overlap is Overlap.QUEUE
        assert task._options.retry == Retry(on=(OSError,))
        assert second.dues == [20.0, 30.0]
        assert second.events.of(ScheduleChanged) == []


class OurError(Exception):
    pass


def test_what_cannot_go_on_by_itself_is_kept_and_told(path: Path) -> None:
    with Program(path) as first:
        sink = first.sim.spawn(Sink, name="sink")
        first.scheduler.every(10.0, first.work, name="job", persist=True)
        first.scheduler.every(10.0, sink, "hello", name="message", persist=True)
        first.scheduler.every(10.0, first.work, name="retry", persist=True, retry=Retry(on=OurError))
    with Program(path, at=50.0, jobs=False) as second:
        second.sim.advance(30.0)
        left = {event.name: event.why for event in second.events.of(ScheduleLeft)}
        assert left.keys() == {"job", "message", "retry"}
        assert "no job is registered as 'work'" in left["job"]
        assert "no actor '/sink'" in left["message"]
        assert second.scheduler.tasks() == []
        assert len(second.store.schedules()) == 3
    with Program(path, at=90.0) as third:
        third.sim.advance(2.0)
        assert {event.name for event in third.events.of(ScheduleLeft)} == {"message", "retry"}
        assert third.dues == [90.0]
        third.scheduler.every(10.0, third.work, name="retry", persist=True, retry=Retry(on=OurError))
        third.sim.advance(0.5)
        assert third.dues == [90.0, 90.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"recurrence": "every 10.0 SOMETIMES"},
        {"recurrence": "cron 61 * * * *"},
        {"zone": "../../etc/passwd", "recurrence": "cron 0 7 * * *"},
        {"options": "[" * 100_000},
        {"options": '{"interrupted": "RERUN", "retry": {"attempts": 1e999}}'},
        {"options": '{"deadline": -1}'},
        {"kind": "TELL", "target": "\0"},
        {"arguments": b"\x91" * 5000},
    ],
)
def test_schedule_that_makes_no_sense_holds_up_no_other(path: Path, changes: dict[str, Any]) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, name="odd", persist=True)
        first.sim.advance(10.0)
        first.kill()
    with Store(path) as store:
        (found,) = store.schedules()
        store.apply([PutSchedule(replace(found, **changes)), AddRun(RunRow("odd@x", "odd", 9, 0.0, 1, RunState.CLAIMED), found.due, 1)])
    with Program(path, at=20.0) as second:
        second.scheduler.every(1.0, second.work, name="other", persist=True)
        second.sim.advance(3.5)
        assert second.dues == [21.0, 22.0, 23.0]
        assert [event.name for event in second.events.of(ScheduleLeft)] == ["odd"]


def test_task_that_goes_on_by_itself_can_be_declared_later(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.fails, name="same", persist=True)
        first.scheduler.every(10.0, first.work, name="other", persist=True)
    with Program(path, at=1.0) as second:
        second.sim.advance(5.0)
        told: list[Any] = []
        same = second.scheduler.get("same")
        assert second.scheduler.every(10.0, second.fails, name="same", persist=True, on_failure=told.append) is same
        other = second.scheduler.get("other")
        assert other is not None
        new = second.scheduler.every(10.0, second.notes, name="other", persist=True)
        assert new is not other
        assert other.state is TaskState.CANCELLED
        assert second.events.of(ScheduleChanged) == [ScheduleChanged("other", 0)]
        with pytest.raises(DuplicateTaskError):
            second.scheduler.every(10.0, second.fails, name="same", persist=True)
        second.sim.advance(5.0)
        assert len(told) == 1
        assert second.dues == [10.0, 10.0]
        assert [s.target for s in second.store.schedules()] == ["fails", "notes"]


def test_task_that_goes_on_by_itself_may_be_declared_otherwise_while_it_runs(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 5.0, name="a", persist=True)
        first.sim.advance(1.0)
    with Program(path, at=2.0) as second:
        second.sim.advance(9.0)
        assert second.dues == [10.0]
        second.scheduler.every(10.0, second.work, 0.5, name="a", persist=True)
        second.sim.advance(30.0)
        assert second.dues == [10.0, 20.0, 30.0, 40.0]
    assert states(path) == [(10.0, "cancelled"), (20.0, "succeeded"), (30.0, "succeeded"), (40.0, "succeeded")]


def test_cancelled_runs_that_waited_for_a_place_do_not_come_again_if_the_scheduler_is_closed_at_once(path: Path) -> None:
    with Program(path, coroutines=1) as program:
        program.scheduler.after(1.0, program.work, 60.0, name="long", persist=True)
        waiting = [
            program.scheduler.after(2.0, program.work, name="one-off", persist=True),
            program.scheduler.every(2.0, program.work, name="recurring", overlap=Overlap.ALLOW, persist=True),
        ]
        program.sim.advance(3.0)
        assert all(task.cancel() for task in waiting)
        program.scheduler.close(timeout=0.0)
    with Store(path) as store:
        assert store.schedules() == []
    assert states(path, "one-off") == [(2.0, "cancelled")]
    assert states(path, "recurring") == [(2.0, "cancelled")]


def test_cancelled_task_does_not_come_again(path: Path) -> None:
    when = START + timedelta(seconds=30)
    with Program(path) as first:
        tasks = [
            first.scheduler.every(10.0, first.work, name="every", persist=True),
            first.scheduler.at(when, first.work, name="at", persist=True),
            first.scheduler.every(10.0, first.work, 100.0, name="long", persist=True),
        ]
        first.sim.advance(15.0)
        assert all(task.cancel() for task in tasks)
        first.sim.advance(1.0)
        assert first.store.schedules() == []
    with Program(path, at=40.0) as second:
        second.sim.advance(5.0)
        assert second.began == []
        with pytest.raises(AskCancelled):
            second.scheduler.at(when, second.work, name="at", persist=True).result()
    assert states(path) == [(10.0, "cancelled"), (10.0, "succeeded"), (30.0, "cancelled")]


def test_new_task_under_the_name_of_a_cancelled_one_is_not_touched_by_what_that_still_writes(path: Path) -> None:
    with Program(path) as first:
        old = first.scheduler.every(10.0, first.work, 7.0, name="a", persist=True)
        first.sim.advance(12.0)
        old.cancel()
        first.scheduler.every(50.0, first.work, name="a", persist=True)
        first.sim.advance(10.0)
        (stored,) = first.store.schedules()
        assert stored.recurrence == "every 50.0 FIXED_RATE"
        assert stored.due == START.timestamp() + 62.0
        assert stored.runs == 0


def test_skipped_runs_have_rows(path: Path) -> None:
    with Program(path) as first:
        first.scheduler.every(10.0, first.work, 25.0, name="a", persist=True)
        first.sim.advance(36.0)
        assert [event.due for event in first.events.of(RunSkipped)] == [START + timedelta(seconds=s) for s in (20, 30)]
    assert states(path) == [(10.0, "succeeded"), (20.0, "skipped"), (30.0, "skipped")]


def test_clock_that_is_set_back_does_not_bring_runs_a_second_time(path: Path) -> None:
    with Program(path) as program:
        program.scheduler.cron("0 * * * *", program.work, name="a", persist=True)
        program.sim.advance(6 * 3600.0 + 1)
        assert len(program.began) == 6
        program.sim.jump(-5 * 3600.0)
        program.sim.advance(6 * 3600.0)
        assert len(program.began) == 7
        assert len(set(program.began)) == 7
    assert Counter(state for _, state in states(path)) == {"succeeded": 7}


@pytest.mark.parametrize("forget", [False, True])
def test_clock_that_is_set_back_does_not_bring_runs_again_that_the_history_has_lost(path: Path, forget: bool) -> None:
    with Program(path, keep=10) as program:
        program.scheduler.cron("*/5 * * * *", program.work, name="a", persist=True)
        program.sim.advance(6 * 3600.0 + 1)
        if forget:
            program.store.forget(START + timedelta(hours=5.5))
        program.sim.jump(-5 * 3600.0)
        program.sim.advance(6 * 3600.0)
        assert len(program.began) == 6 * 12 + 12
        assert len(set(program.began)) == len(program.began)


def test_run_that_is_refused_does_not_begin_though_its_row_is_forgotten_at_that_moment(path: Path) -> None:
    when = START + timedelta(seconds=5)
    with Program(path) as first:
        first.scheduler.at(when, first.work, name="a", persist=True)
        first.sim.advance(6.0)
    with Program(path, at=10.0) as second:
        real = second.store.run

        def forgotten(id: str) -> None:  # noqa: A002  # as the one it stands for
            assert real(id) is not None
            second.store.forget(START + timedelta(days=1))

        second.store.run = forgotten  # type: ignore[method-assign]
        task = second.scheduler.at(when, second.work, name="a", persist=True)
        with pytest.raises(AlreadyRunError):
            task.result()
        assert second.began == []


# -- what is refused -----------------------------------------------------------------------------------------------------------------


def test_persistence_needs_a_store(path: Path) -> None:
    with Simulation() as sim:
        scheduler = Scheduler(sim.system)
        with pytest.raises(ValueError, match="persist=True is not valid without a store"):
            scheduler.submit(print, name="a", persist=True)


@pytest.mark.parametrize(
    ("declare", "error", "text"),
    [
        (lambda p: p.scheduler.submit(p.work, persist=True), ValueError, "name=None"),
        (lambda p: p.scheduler.submit(p.work, name="a\n", persist=True), ValueError, "name="),
        (lambda p: p.scheduler.submit(print, name="a", persist=True), ValueError, "register it first"),
        (lambda p: p.scheduler.submit(p.work, object(), name="a", persist=True), CodecError, "object"),
        (lambda p: p.scheduler.submit(p.work, p.scheduler.submit(print), name="a", persist=True), ValueError, "needs"),
        (lambda p: p.scheduler.submit(p.work, name="a", persist=True, needs=[p.scheduler.submit(print)]), ValueError, "needs"),
        (
            lambda p: p.scheduler.cron("* * * * *", p.work, zone=timezone(timedelta(hours=5)), name="a", persist=True),
            ValueError,
            "zone with a name",
        ),
    ],
)
def test_what_a_store_cannot_keep_is_refused_at_once(
    path: Path, declare: Callable[[Program], Any], error: type[Exception], text: str
) -> None:
    with Program(path) as program:
        with pytest.raises(error, match=text):
            declare(program)
        assert program.scheduler.get("a") is None
        program.sim.advance(1.0)
        assert program.store.schedules() == []


def test_names_are_unique_among_persistent_tasks_too(path: Path) -> None:
    with Program(path) as program:
        program.scheduler.every(10.0, program.work, name="a", persist=True)
        with pytest.raises(DuplicateTaskError):
            program.scheduler.every(10.0, program.work, name="a", persist=True)


@pytest.mark.parametrize(("options", "text"), [({"store": 3}, "path="), ({"jobs": 3}, "jobs=")])
def test_wrong_store_or_jobs_are_refused(options: dict[str, Any], text: str) -> None:
    with Simulation() as sim, pytest.raises(TypeError, match=text):
        Scheduler(sim.system, **options)


def test_no_run_begins_when_the_file_was_removed_because_another_program_may_make_it_anew(path: Path) -> None:
    with Program(path) as program:
        program.scheduler.every(10.0, program.work, name="a", persist=True)
        program.sim.advance(15.0)
        path.unlink()
        Store(path).close()
        program.sim.advance(20.0)
        assert program.dues == [10.0]
        assert "removed or replaced" in str(program.events.of(StoreFailed)[0].error)


def test_store_belongs_to_one_scheduler(path: Path) -> None:
    with Program(path) as program:
        for store in (path, program.store):
            with pytest.raises(StoreLockedError):
                Scheduler(program.sim.system, name="second", store=store)
        program.scheduler.after(1.0, program.work, name="a", persist=True).result()


# -- a store that fails --------------------------------------------------------------------------------------------------------------


def test_task_is_stored_when_its_future_says_so(path: Path) -> None:
    with Program(path) as program:
        task = program.scheduler.every(10.0, program.work, name="a", persist=True)
        assert not task.stored.done()
        assert program.store.schedules() == []
        task.stored.get()
        assert [stored.name for stored in program.store.schedules()] == ["a"]
        assert program.scheduler.submit(print).stored.done()


def test_run_does_not_begin_while_the_store_cannot_take_its_claim(path: Path) -> None:
    with Program(path, coroutines=1) as program:
        program.scheduler.after(1.0, program.work, name="a", persist=True)
        program.sim.advance(0.5)
        limit_pages(program.store, 0)
        real = program.store._database._connection
        faulty = program.store._database._connection = Faulty(real)
        faulty.fail(0, again=True, code=sqlite3.SQLITE_FULL)
        program.sim.advance(10.0)
        assert program.began == []
        failures = program.events.of(StoreFailed)
        assert 4 <= len(failures) <= 12  # with a backoff
        assert all(isinstance(failure.error, StoreFullError) for failure in failures)
        assert program.scheduler.submit(program.work).result() is None  # it holds up nobody else
        program.began.clear()
        faulty.left = None
        program.sim.advance(60.0)
        assert program.dues == [1.0]
    assert states(path) == [(1.0, "succeeded")]


def test_end_of_a_run_is_stored_later_if_the_store_fails_meanwhile(path: Path) -> None:
    with Program(path) as program:
        task = program.scheduler.after(1.0, program.work, 1.0, name="a", persist=True)
        program.sim.advance(1.5)
        faulty = program.store._database._connection = Faulty(program.store._database._connection)
        faulty.fail(0, again=True)
        assert task.result() is None
        program.sim.advance(3.0)
        faulty.left = None
        assert [run.state for run in program.store.history()] == [RunState.CLAIMED]
        program.sim.advance(10.0)
        assert [run.state for run in program.store.history()] == [RunState.SUCCEEDED]


def test_run_that_was_cancelled_while_its_claim_was_refused_is_accounted_for(path: Path) -> None:
    with Program(path) as program:
        task = program.scheduler.after(1.0, program.work, name="a", persist=True)
        program.sim.advance(0.5)
        faulty = program.store._database._connection = Faulty(program.store._database._connection)
        faulty.fail(0, again=True)
        program.sim.advance(5.0)
        assert task.cancel()
        faulty.left = None
        program.sim.advance(60.0)
    assert states(path) == [(1.0, "cancelled")]
    with Store(path) as store:
        assert store.schedules() == []


def test_run_whose_deadline_passes_while_the_store_fails_is_accounted_for(path: Path) -> None:
    with Program(path) as program:
        task = program.scheduler.after(1.0, program.work, name="a", deadline=3.0, persist=True)
        program.sim.advance(0.5)
        faulty = program.store._database._connection = Faulty(program.store._database._connection)
        faulty.fail(0, again=True)
        program.sim.advance(5.0)
        assert task.state is TaskState.FAILED
        faulty.left = None
        program.sim.advance(60.0)
    assert states(path) == [(1.0, "failed")]


# -- ends ----------------------------------------------------------------------------------------------------------------------------


def test_close_keeps_schedules_ends_runs_and_gives_the_file_back(path: Path) -> None:
    with Program(path, coroutines=1) as program:
        program.scheduler.every(10.0, program.work, 60.0, name="runs", persist=True)
        program.scheduler.after(11.0, program.work, name="waits", persist=True)
        program.scheduler.after(50.0, program.work, name="later", persist=True)
        program.sim.advance(15.0)
        program.scheduler.close(timeout=1.0)
        assert list(path.parent.iterdir()) == [path]
        with Store(path) as store:
            assert [stored.name for stored in store.schedules()] == ["runs", "waits", "later"]
        assert states(path) == [(10.0, "cancelled")]
    with Program(path, at=20.0) as second:
        second.sim.advance(1.5)
        assert sorted(second.dues) == [11.0, 20.0]


def test_close_while_the_store_fails_says_so_and_still_gives_the_file_back(path: Path) -> None:
    with Program(path) as program:
        program.scheduler.after(1.0, program.work, 1.0, name="a", persist=True)
        program.sim.advance(1.5)
        faulty = program.store._database._connection = Faulty(program.store._database._connection)
        faulty.fail(0, again=True)
        late = program.scheduler.after(60.0, program.work, name="late", persist=True)
        program.sim.advance(1.0)
        before = len(program.events.of(StoreFailed))
        program.scheduler.close()
        assert len(program.events.of(StoreFailed)) > before
        assert isinstance(late.stored.exception(timeout=0.0), StoreError)  # nobody waits for it for ever
    with Program(path, at=10.0) as second:
        second.sim.advance(1.0)
        assert [event.name for event in second.events.of(RunInterrupted)] == ["a"]


@pytest.mark.parametrize("ending", ["shutdown", "stop", "kill"])
def test_store_is_given_back_however_the_scheduler_ends(path: Path, ending: str, no_leaks: None) -> None:
    jobs = Jobs()
    jobs.register(print, name="print")
    with ActorSystem() as system:
        scheduler = Scheduler(system, store=path, jobs=jobs)
        scheduler.every(60.0, print, name="a", persist=True).stored.get(timeout=10)
        if ending == "stop":
            scheduler.ref.stop()
        elif ending == "kill":
            scheduler.ref.kill()
    eventually_free(path)
    with Store(path) as store:
        assert [stored.name for stored in store.schedules()] == ["a"]


def eventually_free(path: Path) -> None:
    """A killed actor's store is closed by a thread of its own."""
    import threading

    for thread in threading.enumerate():
        if thread.name == "greenroom-store":
            thread.join(10)


def test_scheduler_that_cannot_have_its_store_does_not_start_and_leaves_no_actor(path: Path, system: ActorSystem) -> None:
    with Store(path):
        before = system.actors()
        with pytest.raises(StoreLockedError):
            Scheduler(system, store=path)
        assert system.actors() == before
    Scheduler(system, store=path).close()


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_restart_of_the_actor_in_place_loses_nothing(path: Path, how: str) -> None:
    with Program(path) as program:
        supervisor = program.sim.spawn(Supervisor, [child(SchedulerActor, name="own", store=path.with_name("own.db"), jobs=program.jobs)])
        program.sim.advance(0.0)
        ref = program.sim.system.lookup(f"{supervisor.path}/own")
        assert ref is not None
        scheduler = Scheduler.of(ref)
        task = scheduler.every(10.0, program.work, 1.0, name="a", persist=True)
        scheduler.after(25.0, program.work, 10.0, name="b", persist=True, retry=Retry(initial=1.0, jitter=0.0))
        program.sim.advance(26.5)
        if how == "crash":
            program.sim.crash(ref)
        else:
            ref.restart()
        program.sim.advance(20.0)
        assert sorted(program.dues) == [10.0, 20.0, 25.0, 25.0, 30.0, 40.0]
        assert task.runs == 4
        supervisor.stop()
    assert states(path.with_name("own.db")) == [(due, "succeeded") for due in (10.0, 20.0, 25.0, 30.0, 40.0)]
    assert [run.attempt for run in history(path.with_name("own.db"), "b")] == [2]


def declare_kind(program: Program, kind: str, takes: float) -> None:
    scheduler, work, more = program.scheduler, program.work, {"name": "a", "persist": True}
    if kind == "at":
        scheduler.at(START + timedelta(seconds=15), work, takes, **more)
    elif kind == "cron":
        scheduler.cron("*/10 * * * * *", work, takes, missed=Missed.ALL, **more)
    else:
        mode = TimerMode.FIXED_DELAY if kind == "delay" else TimerMode.FIXED_RATE
        overlap = Overlap.QUEUE if kind == "queue" else Overlap.SKIP
        scheduler.every(10.0, work, takes * 7 if kind == "queue" else takes, mode=mode, overlap=overlap, missed=Missed.ALL, **more)


@pytest.mark.parametrize(
    ("kind", "changed"), [("rate", False), ("rate", True), ("queue", True), ("delay", False), ("cron", False), ("at", False)]
)
def test_each_due_time_is_accounted_for_whichever_statement_is_the_last_of_its_program(path: Path, kind: str, changed: bool) -> None:
    last = 0
    for n in range(200):  # ends much earlier, when the first program is through
        file = path.with_name(f"{n}.db")
        begun: Counter[str] = Counter()
        for at, takes in ((0.0, 2.0), (42.0, 3.0 if changed else 2.0), (80.0, 2.0)):
            with Program(file, at=at) as program:
                faulty = program.store._database._connection = Faulty(program.store._database._connection)
                if at < 80.0:
                    faulty.fail(n, again=True)
                declare_kind(program, kind, takes)
                program.sim.advance(31.0)
                if at < 80.0:
                    through = bool(faulty.left)
                    program.kill()
                else:
                    program.scheduler.close(timeout=None)
                begun.update(run for run, _ in program.began)
        assert max(begun.values(), default=0) <= 1
        with Store(file) as store:
            rows = [row for run in store.history() if (row := store.run(run.id)) is not None]
            left = store.schedules()
        assert set(begun) <= {row.id for row in rows}
        assert RunState.CLAIMED not in {row.state for row in rows}
        if kind == "at":
            assert len(rows) == 1
            assert left == []
        elif kind in ("rate", "queue", "cron"):
            first = min(row.due for row in rows)
            end = left[0].due
            assert end is not None
            assert kind == "queue" or end > START.timestamp() + 100.0
            assert sum(row.count for row in rows if row.due < end) == round((end - first) / 10.0)
        last = n
        if through:
            break
    assert 5 < last < 199


# -- all of it at once ---------------------------------------------------------------------------------------------------------------


@st.composite
def stories(draw: st.DrawFn) -> tuple[dict[str, Any], float, list[tuple[float, float]]]:
    """Options of a task, how long its work takes, and how long each program lives and is gone then."""
    options = {
        "missed": draw(st.sampled_from(Missed)),
        "overlap": draw(st.sampled_from(Overlap)),
        "interrupted": draw(st.sampled_from(Interrupted)),
        "grace": draw(st.sampled_from([0.0, 0.5, 2.0])),
    }
    lives = draw(st.lists(st.tuples(st.floats(0.0, 12.0), st.floats(0.0, 8.0)), min_size=1, max_size=4))
    return options, draw(st.sampled_from([0.0, 0.3, 1.5])), lives


@settings(max_examples=scaled(1000, 60), deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories(), seed=st.none() | st.integers(0, 1000), places=st.integers(1, 3))
def test_each_due_time_is_accounted_for_exactly_once_whenever_the_programs_are_killed(
    tmp_path_factory: pytest.TempPathFactory, story: tuple[dict[str, Any], float, list[tuple[float, float]]], seed: int | None, places: int
) -> None:
    options, takes, lives = story
    path = tmp_path_factory.mktemp("story") / "s.db"
    at = 0.0
    begun: Counter[str] = Counter()
    for number, (life, gone) in enumerate([*lives, (30.0, 0.0)]):
        with Program(path, at=at, seed=None if seed is None else seed + number, coroutines=places) as program:
            for name in ("a", "b"):
                program.scheduler.every(1.0, program.work, takes, name=name, persist=True, **options)
            program.sim.advance(life)
            if number < len(lives):
                program.kill()
            else:
                program.scheduler.close(timeout=None)
            begun.update(run for run, _ in program.began)
            at = program.now + gone
    with Store(path) as store:
        # What was to begin again and found no place until the last program was closed is left to the next one.
        assert store.claimed() == [] or options["interrupted"] is Interrupted.RERUN
        for schedule in store.schedules():
            assert schedule.due is not None
            check_accounts(store, schedule.name, schedule.origin, schedule.due, begun, rerun=options["interrupted"] is Interrupted.RERUN)


def check_accounts(store: Store, name: str, origin: float, end: float, begun: Counter[str], *, rerun: bool) -> None:
    rows = [store.run(run.id) for run in reversed(store.history(name, limit=100_000))]
    counts: Counter[float] = Counter()
    own = {row.due for row in rows if row is not None}
    for row in rows:
        assert row is not None
        counts[row.due] += 1
        due, left = row.due, row.count - 1
        while left:
            due = origin + (round(due - origin) + 1)
            if due not in own:
                own.add(due)
                counts[due] += 1
                left -= 1
        if row.state in (RunState.MISSED, RunState.SKIPPED):
            assert begun[row.id] == 0
        elif not rerun:
            assert begun[row.id] <= 1
        if row.state is RunState.SUCCEEDED:
            assert begun[row.id] >= 1
    for n in range(round(end - origin)):
        assert counts.pop(origin + n) == 1, (name, n)
    assert origin + round(end - origin) not in counts
    assert all(count == 1 for count in counts.values())
    assert {run for run in begun if run.startswith(f"{name}@") and begun[run]} <= {row.id for row in rows if row is not None}


def test_scheduler_that_was_killed_gives_its_store_to_the_one_that_its_supervisor_starts(path: Path) -> None:
    jobs = Jobs()
    jobs.register(print, name="print")
    with ActorSystem() as system:
        supervisor = system.spawn(Supervisor, [child(SchedulerActor, name="own", store=path, jobs=jobs)], intensity=None)
        ref = supervisor.ask(GetChild("own"), timeout=10)
        Scheduler.of(ref).every(60.0, print, name="each minute", persist=True).stored.get(timeout=10)
        for _ in range(scaled(100, 10)):
            new = ref
            ref.kill()
            while new is None or new == ref:
                new = supervisor.ask(GetChild("own"), timeout=10)
            ref = new
        found = Scheduler.of(ref).every(60.0, print, name="each minute", persist=True)
        found.stored.get(timeout=10)
        assert found.state is TaskState.SCHEDULED
