"""Options and arguments that make no sense are refused at once, by name; limits hold."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from actors import TimerMode
from actors.scheduler import (
    CronError,
    CycleError,
    DuplicateTaskError,
    Kind,
    NeedFailedError,
    ResultNotPicklableError,
    Scheduler,
    SchedulerActor,
    SchedulerClosedError,
    SchedulerFullError,
    StoreDamagedError,
    StoreFullError,
    StoreLockedError,
    StoreVersionError,
    TaskDeadlineExceeded,
    TaskMissedError,
    TaskState,
    TaskTimeout,
    UnknownNeedError,
    Work,
    WorkerDiedError,
    report_progress,
)
from tests.scheduler.kit import Sink, add, add_async

if TYPE_CHECKING:
    from actors.testing import Simulation


async def an_async_callback(_: Any) -> None: ...


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kind": "function"}, TypeError),
        ({"kind": Kind.TELL}, ValueError),
        ({"kind": Kind.ASK}, ValueError),
        ({"name": 3}, TypeError),
        ({"name": ""}, ValueError),
        ({"name": "x" * 201}, ValueError),
        ({"priority": 1.5}, TypeError),
        ({"priority": True}, TypeError),
        ({"deadline": 0}, ValueError),
        ({"deadline": -1}, ValueError),
        ({"deadline": "1"}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": float("inf")}, ValueError),
        ({"retry": 3}, TypeError),
        ({"overlap": "skip"}, TypeError),
        ({"missed": True}, TypeError),
        ({"interrupted": None}, TypeError),
        ({"grace": -1}, ValueError),
        ({"grace": None}, TypeError),
        ({"on_success": 3}, TypeError),
        ({"on_failure": an_async_callback}, TypeError),
        ({"persist": 1}, TypeError),
    ],
)
def test_option_that_makes_no_sense_is_refused_by_name(scheduler: Scheduler, options: dict[str, Any], error: type[Exception]) -> None:
    (name,) = options
    with pytest.raises(error, match=f"{name}="):
        scheduler.submit(add, **options)
    assert scheduler.tasks() == []


@pytest.mark.parametrize("name", ["prio", "wall", "plain"])
def test_unknown_option_is_refused_with_the_known_ones(scheduler: Scheduler, name: str) -> None:
    with pytest.raises(TypeError, match=r"needs.*priority"):
        scheduler.submit(add, **{name: 1})


def test_work_that_is_none_is_refused(scheduler: Scheduler) -> None:
    for work in (3, None, "add"):
        with pytest.raises(TypeError, match="work="):
            scheduler.submit(work)  # type: ignore[call-overload]


def test_kind_has_to_fit_the_work(sim: Simulation, scheduler: Scheduler) -> None:
    for kind in (Kind.FUNCTION, Kind.PROCESS):
        with pytest.raises(ValueError, match="coroutine function"):
            scheduler.submit(add_async, kind=kind)
        with pytest.raises(ValueError, match="ref"):
            scheduler.submit(sim.spawn(Sink), 1, kind=kind)


def test_message_is_exactly_one(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    for args in ((), (1, 2)):
        with pytest.raises(TypeError, match="exactly one"):
            scheduler.submit(sink, *args)


def test_partial_functions_are_what_they_wrap(scheduler: Scheduler) -> None:
    assert scheduler.submit(partial(add, 1), 2).result() == 3
    task = scheduler.submit(partial(add_async, 1), 2)
    assert (task.kind, task.result()) == (Kind.COROUTINE, 3)


def test_kind_coroutine_takes_a_function_that_returns_an_awaitable(scheduler: Scheduler) -> None:
    assert scheduler.submit(lambda: add_async(4), kind=Kind.COROUTINE).result() == 4
    with pytest.raises(TypeError, match="await"):
        scheduler.submit(add, kind=Kind.COROUTINE).result()


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf")])
def test_delay_that_makes_no_sense_is_refused(scheduler: Scheduler, delay: float) -> None:
    with pytest.raises(ValueError, match="delay="):
        scheduler.after(delay, add)


def test_time_of_day_needs_a_zone(scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match="zone"):
        scheduler.at(datetime(2026, 1, 1), add)  # noqa: DTZ001
    with pytest.raises(TypeError, match="when="):
        scheduler.at(3.0, add)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"times": 0}, ValueError, "times="),
        ({"times": True}, TypeError, "times="),
        ({"initial_delay": -1}, ValueError, "initial_delay="),
        ({"mode": "rate"}, TypeError, "mode="),
    ],
)
def test_recurrence_that_makes_no_sense_is_refused(
    scheduler: Scheduler, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        scheduler.every(1.0, add, **options)
    with pytest.raises(ValueError, match="interval="):
        scheduler.every(0, add)
    assert scheduler.tasks() == []


def test_cron_that_is_none_or_never_fires_is_refused(scheduler: Scheduler) -> None:
    for expression in ("often", "* * *", "0 0 30 2 *"):
        with pytest.raises(CronError, match="expression=") as caught:
            scheduler.cron(expression, add)
        assert caught.value.expression == expression
    with pytest.raises(CronError):
        scheduler.cron("* * * * *", add, zone="Atlantis")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"threads": 0}, ValueError),
        ({"coroutines": -1}, ValueError),
        ({"processes": 0}, ValueError),
        ({"asks": 1.5}, TypeError),
        ({"capacity": True}, TypeError),
        ({"abandoned": -1}, ValueError),
        ({"abandoned": "16"}, TypeError),
    ],
)
def test_limit_that_makes_no_sense_is_refused_by_name(sim: Simulation, options: dict[str, Any], error: type[Exception]) -> None:
    (name,) = options
    with pytest.raises(error, match=f"{name}="):
        Scheduler(sim.system, **options)
    with pytest.raises(error, match=f"{name}="):
        SchedulerActor(**options)


def test_system_has_to_be_one() -> None:
    with pytest.raises(TypeError, match="system="):
        Scheduler(None)  # type: ignore[arg-type]


def test_names_are_unique_among_tasks_that_are_not_over(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.after(1.0, add, name="mine")
    with pytest.raises(DuplicateTaskError, match="'mine'"):
        scheduler.submit(add, name="mine")
    sim.run()
    assert scheduler.submit(add, 3, name="mine").result() == 3
    assert scheduler.get("mine") is None


def test_capacity_counts_tasks_that_are_not_over(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, capacity=3)
    tasks = [scheduler.after(float(number + 1), add) for number in range(3)]
    with pytest.raises(SchedulerFullError, match="3"):
        scheduler.submit(add)
    tasks[2].cancel()
    scheduler.after(5.0, add)
    with pytest.raises(SchedulerFullError):
        scheduler.submit(add)
    sim.advance(1.5)
    scheduler.submit(add)


def test_tasks_are_listed_by_due_time(sim: Simulation, scheduler: Scheduler) -> None:
    late, soon = scheduler.after(20.0, add), scheduler.after(10.0, add)
    wall = scheduler.at(datetime.fromisoformat("2026-01-01T00:00:00+00:00") + timedelta(seconds=15), add)
    blocked = scheduler.submit(add, needs=[late])
    cancelled = scheduler.after(5.0, add)
    cancelled.cancel()
    assert scheduler.tasks() == [soon, wall, late, blocked]
    assert scheduler.tasks(limit=2) == [soon, wall]
    assert scheduler.tasks(state=TaskState.BLOCKED) == [blocked]
    assert scheduler.tasks(state=TaskState.CANCELLED) == []
    with pytest.raises(TypeError, match="state="):
        scheduler.tasks(state="ready")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit="):
        scheduler.tasks(limit=0)


def test_task_has_a_name_for_people(sim: Simulation, scheduler: Scheduler) -> None:
    assert scheduler.after(1.0, add, name="mine").name == "mine"
    assert scheduler.after(1.0, add).name.startswith("add-")
    assert "scheduled" in repr(scheduler.after(1.0, partial(add)))


def test_handles_are_not_pickled(scheduler: Scheduler) -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(scheduler.after(1.0, add))


@pytest.mark.parametrize(
    "error",
    [
        CronError("x", "it is none"),
        CycleError(("a", "b", "a")),
        UnknownNeedError("a", "b"),
        DuplicateTaskError("a"),
        SchedulerFullError(3),
        SchedulerClosedError("/s"),
        NeedFailedError("a", ValueError("x")),
        TaskTimeout("a", 1.0),
        TaskDeadlineExceeded("a", 1.0),
        TaskMissedError("a", 1.0),
        WorkerDiedError("a", -9),
        WorkerDiedError("a"),
        ResultNotPicklableError("a", "it is a lambda"),
        StoreLockedError("p"),
        StoreVersionError("p", 3, 2),
        StoreFullError("p"),
        StoreDamagedError("p", "no table"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_pickle_with_their_data(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
    assert {key: repr(value) for key, value in vars(copy).items()} == {key: repr(value) for key, value in vars(error).items()}


@pytest.mark.parametrize(("args", "match"), [(("1",), "done="), ((1, "2"), "total="), ((True,), "done="), ((1, 2, 3), "text=")])
def test_progress_that_is_none_is_refused(args: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        report_progress(*args)


@pytest.mark.parametrize(("options", "match"), [({"args": [1]}, "args="), ({"needs": "ab"}, "needs="), ({"options": 3}, "options=")])
def test_work_of_a_graph_is_checked(options: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        Work(add, **options)


def test_mode_is_that_of_timers(scheduler: Scheduler) -> None:
    assert scheduler.every(1.0, add, mode=TimerMode.FIXED_DELAY, times=1).result() == 1
