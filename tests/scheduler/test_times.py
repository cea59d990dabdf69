"""When tasks are due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorSystem, SystemConfig, TimerMode
from actors.scheduler import (
    ClockJumped,
    Kind,
    Missed,
    Overlap,
    RunMissed,
    RunOutcome,
    RunSkipped,
    Scheduler,
    TaskMissedError,
    TaskState,
)
from actors.testing import ManualClock
from tests.scheduler.kit import Events, Sink, add, fail

if TYPE_CHECKING:
    from actors.testing import Simulation

START = datetime(2026, 1, 1, tzinfo=UTC)


class Times:
    """A function that keeps the times of its calls, and takes so long."""

    def __init__(self, sim: Simulation, takes: float = 0.0) -> None:
        self.sim, self.takes = sim, takes
        self.began: list[float] = []

    async def __call__(self, *_: Any) -> None:
        self.began.append(round(self.sim.now, 6))
        await asyncio.sleep(self.takes)


def test_delayed_message_comes_at_its_time(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.after(10.0, sink, "ten")
    scheduler.after(2.0, sink, "two")
    assert task.due_in == 10.0
    assert task.next_run == START + timedelta(seconds=10)
    sim.run()
    assert sim.instance(sink).got == ["two", "ten"]
    assert sim.instance(sink).times == [2.0, 10.0]
    assert (task.due_in, task.next_run) == (None, None)


def test_thousand_tasks_come_in_the_order_of_their_times(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    for number in range(1000):
        scheduler.after((number * 7919) % 1000 / 10, sink, (number * 7919) % 1000)
    sim.run()
    assert sim.instance(sink).got == sorted(sim.instance(sink).got)
    assert scheduler.stats().succeeded == 1000


def test_task_at_a_time_of_day_follows_the_clock_on_the_wall(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.at(START + timedelta(hours=2), sink, "two o'clock")
    assert task.due_in == 7200.0
    sim.advance(60)
    sim.jump(3600.0)
    sim.advance(3540.0 - 1)
    assert sim.instance(sink).got == []
    sim.advance(2)
    assert sim.instance(sink).got == ["two o'clock"]
    assert [round(event.seconds) for event in events.of(ClockJumped)] == [3600]


def test_jump_past_the_time_is_seen_within_half_a_minute(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    scheduler.at(START + timedelta(hours=2), sink, "two o'clock")
    sim.advance(1)
    sim.jump(7200.0)
    sim.advance(30)
    assert sim.instance(sink).got == ["two o'clock"]


def test_past_time_is_due_now(sim: Simulation, scheduler: Scheduler) -> None:
    assert scheduler.at(START - timedelta(days=400), add, 1, missed=Missed.SKIP).result() == 1
    assert sim.now == 0


def test_fixed_rate_counts_from_due_time_to_due_time(sim: Simulation, scheduler: Scheduler) -> None:
    times = Times(sim, takes=0.3)
    task = scheduler.every(1.0, times, times=4)
    assert task.result() == 4
    assert times.began == [1.0, 2.0, 3.0, 4.0]
    assert task.state is TaskState.SUCCEEDED


def test_fixed_delay_counts_from_the_end_of_a_run(sim: Simulation, scheduler: Scheduler) -> None:
    times = Times(sim, takes=0.5)
    scheduler.every(1.0, times, times=3, mode=TimerMode.FIXED_DELAY, initial_delay=0.0)
    sim.run()
    assert times.began == [0.0, 1.5, 3.0]


def test_failed_run_does_not_end_a_recurring_task(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.every(1.0, fail, times=3)
    assert task.result() == 3
    assert scheduler.stats().failed == 3
    assert task.last.number == 3


def test_recurring_message_is_told_again_and_again(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.every(2.0, sink, "tick", initial_delay=1.0, times=3)
    sim.run()
    assert sim.instance(sink).times == [1.0, 3.0, 5.0]
    assert task.runs == 3


def test_cron_task_runs_when_the_clock_fits(sim: Simulation, scheduler: Scheduler) -> None:
    times = Times(sim)
    task = scheduler.cron("*/5 * * * *", times, times=3)
    assert task.next_run == START + timedelta(minutes=5)
    assert task.result() == 3
    assert times.began == [300.0, 600.0, 900.0]


def test_cron_follows_its_zone(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.cron("0 12 * * *", add, zone="Asia/Tokyo")
    assert task.next_run == START + timedelta(hours=3)


def test_clock_set_ahead_makes_a_cron_run_missed(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    task = scheduler.cron("0 * * * *", add, missed=Missed.SKIP)
    sim.advance(1)
    sim.jump(3 * 3600.0)
    sim.advance(60)
    assert task.runs == 0
    assert [(event.task, event.count, event.due) for event in events.of(RunMissed)] == [(task, 3, START + timedelta(hours=1))]
    assert scheduler.stats().missed == 3


def test_clock_set_back_by_far_lets_cron_go_by_the_new_time(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.cron("0 0 * * *", add)
    sim.advance(60)
    sim.jump(-10 * 86400.0)
    sim.advance(60)
    assert task.next_run == START - timedelta(days=9)


def test_clock_set_back_a_little_runs_nothing_twice(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.cron("0 * * * *", add)
    sim.advance(3601)
    assert task.runs == 1
    sim.jump(-600.0)
    sim.advance(1800)
    assert task.runs == 1


@pytest.mark.parametrize(
    ("overlap", "began", "skipped"),
    [
        (Overlap.SKIP, [1.0, 4.0, 7.0], 4),
        (Overlap.QUEUE, [1.0, 3.5, 6.0], 3),
        (Overlap.ALLOW, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 0),
    ],
)
def test_overlap_policies(
    sim: Simulation, scheduler: Scheduler, events: Events, overlap: Overlap, began: list[float], skipped: int
) -> None:
    times = Times(sim, takes=2.5)
    task = scheduler.every(1.0, times, overlap=overlap)
    sim.advance(7.2)
    assert times.began == began
    assert len(events.of(RunSkipped)) == scheduler.stats().skipped == skipped
    assert task.state is TaskState.RUNNING


@pytest.mark.parametrize(
    ("missed", "began", "not_run"),
    [
        (Missed.SKIP, [1.0, 2.0, 8.0, 9.0], 5),
        (Missed.ONCE, [1.0, 2.0, 7.5, 8.0, 9.0], 4),
        (Missed.ALL, [1.0, 2.0, 7.5, 7.5, 7.5, 7.5, 7.5, 8.0, 9.0], 0),
    ],
)
def test_missed_policies_after_a_pause(
    sim: Simulation, scheduler: Scheduler, events: Events, missed: Missed, began: list[float], not_run: int
) -> None:
    times = Times(sim)
    scheduler.every(1.0, times, missed=missed, grace=0.1)
    sim.advance(2.5)
    scheduler.pause()
    sim.advance(5.0)
    scheduler.resume()
    sim.advance(2.0)
    assert times.began == began
    assert sum(event.count for event in events.of(RunMissed)) == scheduler.stats().missed == not_run


def test_missed_runs_are_made_up_for_one_after_the_other(sim: Simulation, scheduler: Scheduler) -> None:
    times = Times(sim, takes=0.2)
    scheduler.every(1.0, times, missed=Missed.ALL, grace=0.1)
    scheduler.pause()
    sim.advance(3.5)
    scheduler.resume()
    sim.advance(1.0)
    assert times.began[:3] == [3.5, 3.7, 3.9]


def test_one_off_that_is_too_late_fails_if_it_is_to_be_skipped(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    late = scheduler.after(1.0, add, 1, missed=Missed.SKIP, grace=0.5)
    in_time = scheduler.after(3.0, add, 1, missed=Missed.SKIP, grace=0.5)
    once = scheduler.after(1.0, add, 1, grace=0.5)
    scheduler.pause()
    sim.advance(3.2)
    scheduler.resume()
    with pytest.raises(TaskMissedError):
        late.result()
    assert (in_time.result(), once.result()) == (1, 1)
    assert late.last.outcome is RunOutcome.MISSED
    assert late.runs == 0
    assert [event.task for event in events.of(RunMissed)] == [late]


def test_pause_lets_nothing_begin(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.pause()
    tasks = [scheduler.submit(add, 1), scheduler.after(1, sim.spawn(Sink), 1), scheduler.submit(asyncio.sleep, 1)]
    sim.advance(10)
    assert [task.runs for task in tasks] == [0, 0, 0]
    scheduler.resume()
    sim.run()
    assert [task.runs for task in tasks] == [1, 1, 1]


def test_manual_clock_moves_a_real_scheduler(no_leaks: Any) -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system, Scheduler(system) as scheduler:
        task = scheduler.after(3600.0, add, 1, 2)
        while not clock.pending:
            scheduler.drain(timeout=0)
        clock.advance(3599)
        assert task.state is TaskState.SCHEDULED
        clock.advance(1)
        assert task.result() == 3
        scheduler.cron("0 0 * * *", add, times=1)


def test_lateness_is_the_median_of_the_last_runs(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.after(1.0, add)
    scheduler.after(2.0, add)
    scheduler.after(3.5, add)
    scheduler.pause()
    sim.advance(4.0)
    scheduler.resume()
    sim.run()
    assert scheduler.stats().late == 2.0


def test_progress_of_a_run_is_seen_at_its_task(sim: Simulation, scheduler: Scheduler) -> None:
    from actors.scheduler import Progress, report_progress

    async def work() -> None:
        report_progress(1, 3, "first")
        await asyncio.sleep(1)
        report_progress(2, 3)
        await asyncio.sleep(1)

    task = scheduler.submit(work)
    assert task.progress is None
    sim.advance(0.5)
    assert task.progress == Progress(1, 3, "first")
    sim.advance(1)
    assert task.progress == Progress(2, 3, "")
    report_progress(1, 2)  # outside of any run: nothing


def test_kind_of_a_simulated_process_is_a_function(sim: Simulation, scheduler: Scheduler) -> None:
    assert scheduler.submit(add, 2, 3, kind=Kind.PROCESS).result() == 5
