"""Promises that hold in whatever order things happen: explored by the simulator."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, AskCancelled, Future
from actors.scheduler import (
    Kind,
    Missed,
    NeedFailedError,
    Overlap,
    Retry,
    Scheduler,
    SchedulerClosedError,
    TaskFailed,
    TaskState,
    current_run,
)
from actors.testing import Simulation, simulate
from actors.testing.oracles import NothingLeft
from tests.scheduler.kit import Events, Sink, add

if TYPE_CHECKING:
    from actors.scheduler import Task

OVER = {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}


class Canceller(Actor):
    """Cancels tasks, and notes what was begun of each at that moment."""

    def __init__(self, begun: list[Any]) -> None:
        super().__init__()
        self.begun = begun
        self.after: dict[int, int] = {}

    def on_receive(self, message: Task[Any]) -> bool:
        cancelled = message.cancel()
        if cancelled:
            self.after[message.id] = message.runs
        return cancelled


@simulate(runs=60)
def test_nothing_begins_once_cancel_has_returned_true(sim: Simulation) -> None:
    scheduler, sink = Scheduler(sim.system, threads=1, coroutines=1), sim.spawn(Sink)
    canceller = sim.spawn(Canceller, [])

    async def work() -> None:
        await asyncio.sleep(1)

    tasks: list[Task[Any]] = [
        scheduler.submit(add, 1),
        scheduler.submit(work),
        scheduler.submit(sink, "told"),
        scheduler.submit(sink, "asked", kind=Kind.ASK),
        scheduler.after(0.5, add, 1),
        scheduler.every(0.5, add, 1, times=3, overlap=Overlap.ALLOW),  # else a strategy that lets time pass before all else had no end
        scheduler.submit(add, 3),
        scheduler.submit(sink, "told and noted", retry=Retry()),
    ]
    told_and_noted = tasks[-1]
    tasks.append(scheduler.submit(add, tasks[0]))
    for task in tasks:
        canceller.tell(task)
    sim.run()
    after = sim.instance(canceller).after
    for task in tasks:
        assert task.state in OVER
        if task.id in after:
            assert task.runs == after[task.id]
            assert task.state is TaskState.CANCELLED
    for message, task in (("told", tasks[2]), ("told and noted", told_and_noted)):
        assert (message in sim.instance(sink).got) == (task.state is TaskState.SUCCEEDED)
    stats = scheduler.stats()
    assert (stats.scheduled, stats.ready, sum(stats.running.values())) == (0, 0, 0)


@simulate(runs=60)
def test_function_that_was_cancelled_in_time_is_never_called(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=2)
    called: list[int] = []

    class Late(Actor):
        def on_receive(self, message: Any) -> None:
            number, task = message
            if task.cancel() and number not in called:
                assert number not in called
                cancelled.add(number)

    cancelled: set[int] = set()
    late = sim.spawn(Late)
    for number in range(4):
        late.tell((number, scheduler.submit(called.append, number)))
    sim.run()
    assert not cancelled & set(called)


@simulate(runs=60)
def test_limits_are_never_exceeded(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=2, coroutines=2, asks=1)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    sink = sim.spawn(Sink)

    def enter(kind: str) -> None:
        now[kind] += 1
        most[kind] = max(most[kind], now[kind])

    def work() -> None:
        enter("function")
        sink.ask("x")
        now["function"] -= 1

    async def work_async(seconds: float) -> None:
        enter("coroutine")
        await asyncio.sleep(seconds)
        now["coroutine"] -= 1

    sim.always("places", lambda: all(scheduler._books.running[kind] <= limit for kind, limit in scheduler._books.limits.places.items()))
    for number in range(5):
        scheduler.submit(work)
        scheduler.submit(work_async, number % 2)
        scheduler.submit(sink, number, kind=Kind.ASK)
    sim.run()
    assert max(most.values()) <= 2
    assert scheduler.stats().succeeded == 15


@simulate(runs=60)
def test_every_task_ends_exactly_once_whatever_is_cancelled_or_dies(sim: Simulation) -> None:
    sim.check(NothingLeft())
    events = Events(sim.system)
    scheduler = Scheduler(sim.system, threads=1, coroutines=2)
    ends: Counter[int] = Counter()

    async def work(number: int) -> int:
        await asyncio.sleep(number % 2)
        if number == 2:
            raise ValueError(number)
        return number

    told: list[Any] = []
    tasks = [scheduler.submit(work, number, retry=Retry(attempts=5, initial=0.5), on_failure=told.append) for number in range(4)]
    tasks += [scheduler.submit(add, tasks[0], tasks[1]), scheduler.submit(add, tasks[2], on_failure=told.append)]
    for task in tasks:
        task.future.add_done_callback(lambda _, task=task: ends.update([task.id]))
    sim.advance(0.5)
    for ref in sim.system.actors():
        if ref.actor_class.__name__ in ("FunctionWorker", "CoroutineRunner"):
            ref.kill(block=False)
            break
    sim.run()
    assert ends == {task.id: 1 for task in tasks}
    assert [type(task.future.exception()) for task in tasks] == [type(None)] * 2 + [ValueError, type(None), type(None), NeedFailedError]
    assert Counter(event.task for event in events.of(TaskFailed)) == Counter(tasks[i] for i in (2, 5))
    assert Counter(run.task for run in told) == Counter(tasks[i] for i in (2, 5))
    scheduler.close()


@simulate(runs=60)
def test_close_races_with_everything_and_leaves_nothing(sim: Simulation) -> None:
    sim.check(NothingLeft())
    scheduler = Scheduler(sim.system, threads=1)
    outcomes: list[Any] = []

    class User(Actor):
        def on_receive(self, number: int) -> None:
            try:
                task = scheduler.submit(add, number) if number % 2 else scheduler.after(0.1, asyncio.sleep, 1)
            except SchedulerClosedError:
                outcomes.append("closed")
            else:
                task.future.add_done_callback(lambda future: outcomes.append(type(future.exception())))

    user = sim.spawn(User)
    for number in range(6):
        user.tell(number)
    scheduler.close(timeout=0.5)
    sim.run()
    assert len(outcomes) == 6
    assert set(outcomes) <= {"closed", type(None), AskCancelled}
    assert scheduler._books.open == 0
    user.stop()


@simulate(runs=60)
def test_drain_returns_when_all_that_was_handed_in_before_is_over(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=1)
    tasks = [scheduler.submit(add, 1), scheduler.submit(asyncio.sleep, 1)]
    tasks.append(scheduler.submit(add, tasks[0], tasks[0]))
    assert scheduler.drain()
    assert [task.state for task in tasks] == [TaskState.SUCCEEDED] * 3


@simulate(runs=40)
def test_abandoned_places_come_back(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=2, abandoned=1)
    gates = [Future[None]() for _ in range(3)]
    stuck = [scheduler.submit(gate.get, timeout=0.5) for gate in gates]
    sim.run()
    assert [task.state for task in stuck] == [TaskState.FAILED] * 3
    assert scheduler.submit(add, 1).result() == 1
    assert scheduler.stats().abandoned == 0


@settings(max_examples=40)
@given(
    interval=st.integers(1, 4),
    takes=st.integers(0, 9),
    overlap=st.sampled_from(Overlap),
    missed=st.sampled_from(Missed),
    pauses=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), max_size=3),
)
def test_every_due_time_of_a_recurring_task_is_accounted_for(
    interval: int, takes: int, overlap: Overlap, missed: Missed, pauses: list[tuple[int, int]]
) -> None:
    """Each is begun, skipped, missed, or waits; and none is begun before its time, nor beside another unless that is allowed."""
    began: list[tuple[float, float]] = []
    now = [0]
    most = [0]

    with Simulation(max_steps=100_000) as sim:
        scheduler = Scheduler(sim.system, coroutines=1000)

        async def work() -> None:
            began.append((sim.now, current_run().due.timestamp()))
            now[0] += 1
            most[0] = max(most[0], now[0])
            await asyncio.sleep(takes)
            now[0] -= 1

        task = scheduler.every(float(interval), work, overlap=overlap, missed=missed, grace=0.5)
        for go_on, rest in pauses:
            sim.advance(go_on + 0.2)
            scheduler.pause()
            sim.advance(rest)
            scheduler.resume()
        sim.advance(3 * interval + 0.2)
        stats, extra = scheduler.stats(), task._extra
        waiting = len(extra.made_up or ()) + (extra.queued is not None)
        due = int(sim.now // interval)
        assert len(began) + stats.skipped + stats.missed + waiting == due
        assert task.runs == len(began)
        epoch = task._books.at_of(0.0).timestamp()
        assert all(at + 1e-6 >= when - epoch for at, when in began)
        assert len({when for _, when in began}) == len(began)
        if overlap is not Overlap.ALLOW:
            assert most[0] <= 1
        if missed is Missed.ALL:
            assert stats.missed == 0
        task.cancel()
