"""Retries, timeouts and deadlines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import DeadlineExceeded, Timeout
from actors.scheduler import (
    Kind,
    Missed,
    Retry,
    RunOutcome,
    Scheduler,
    TaskDeadlineExceeded,
    TaskFailed,
    TaskState,
    TaskTimeout,
    current_run,
)
from tests.scheduler.kit import Events, Failing, Silent, Trouble, add, fail

if TYPE_CHECKING:
    from actors.testing import Simulation


def test_failed_attempt_is_made_again_after_a_growing_delay(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    began: list[float] = []

    def work() -> str:
        began.append(sim.now)
        if len(began) < 4:
            raise ValueError
        return "done"

    task = scheduler.submit(work, retry=Retry(attempts=4, initial=1.0, factor=3.0, jitter=0))
    assert task.result() == "done"
    assert began == [0.0, 1.0, 4.0, 13.0]
    assert (task.last.attempt, task.runs, scheduler.stats().retried) == (4, 1, 3)
    assert events.of(TaskFailed) == []


def test_last_failure_is_the_result_and_told_once(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    trouble = Trouble(10)
    task = scheduler.submit(trouble, retry=Retry(attempts=3, initial=0.1))
    with pytest.raises(ValueError, match="not yet"):
        task.result()
    assert trouble.calls == 3
    assert [event.run.attempt for event in events.of(TaskFailed)] == [3]


def test_only_what_the_policy_names_is_tried_again(sim: Simulation, scheduler: Scheduler) -> None:
    calls = {LookupError: 0, KeyError: 0, ValueError: 0, OSError: 0}
    for error, on in (
        (LookupError, LookupError),
        (KeyError, (OSError, LookupError)),
        (ValueError, LookupError),
        (OSError, lambda error: isinstance(error, OSError)),
    ):
        trouble = Trouble(1, error)
        scheduler.submit(trouble, retry=Retry(on=on))
        sim.run()
        calls[error] = trouble.calls
    assert calls == {LookupError: 2, KeyError: 2, ValueError: 1, OSError: 2}


def test_what_no_exception_is_is_not_tried_again(sim: Simulation, scheduler: Scheduler) -> None:
    trouble = Trouble(1, SystemExit)  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        scheduler.submit(trouble, retry=Retry()).result()
    assert trouble.calls == 1


def test_policy_that_raises_says_so_at_the_failure(sim: Simulation, scheduler: Scheduler) -> None:
    def broken(_: Exception) -> bool:
        raise RuntimeError("broken policy")

    with pytest.raises(ValueError, match="on purpose") as caught:
        scheduler.submit(fail, retry=Retry(on=broken)).result()
    assert "broken policy" in caught.value.__notes__[0]


def test_delay_that_the_failure_asks_for_is_obeyed(sim: Simulation, scheduler: Scheduler) -> None:
    class Busy(Exception):
        retry_after = 7.0

    assert scheduler.submit(Trouble(1, Busy), retry=Retry(initial=0.1)).result() == "done"
    assert sim.now == 7.0


@pytest.mark.parametrize("after", [None, True, "soon", float("nan"), -1, float("inf")])
def test_delay_that_is_none_is_not_obeyed(sim: Simulation, scheduler: Scheduler, after: Any) -> None:
    error = type("Busy", (Exception,), {"retry_after": after})
    assert scheduler.submit(Trouble(1, error), retry=Retry(initial=2.0, jitter=0)).result() == "done"
    assert sim.now == 2.0


@pytest.mark.parametrize("kind", [Kind.ASK, Kind.TELL])
def test_messages_are_tried_again_too(sim: Simulation, scheduler: Scheduler, kind: Kind) -> None:
    target = sim.spawn(Failing)
    if kind is Kind.TELL:
        target.stop()
    task = scheduler.submit(target, "x", kind=kind, retry=Retry(attempts=3))
    assert task.future.exception() is not None
    assert task.last.attempt == 3


def test_run_that_waits_for_its_retry_holds_no_place(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, threads=1)
    slow = scheduler.submit(Trouble(1), retry=Retry(initial=100.0))
    assert scheduler.submit(add, 1).result() == 1
    assert sim.now < 100
    assert slow.state is TaskState.WAITING
    assert slow.result() == "done"


def test_each_recurring_run_has_its_own_attempts(sim: Simulation, scheduler: Scheduler) -> None:
    trouble = Trouble(2)
    task = scheduler.every(10.0, trouble, times=2, retry=Retry(attempts=2, initial=1.0))
    assert task.result() == 2
    assert (trouble.calls, scheduler.stats().failed, scheduler.stats().succeeded) == (3, 1, 1)


def test_coroutine_that_takes_too_long_is_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    ends: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            ends.append(f"cancelled {current_run().cancelled}")
            raise

    task = scheduler.submit(work, timeout=2.0)
    with pytest.raises(TaskTimeout) as caught:
        task.result()
    assert isinstance(caught.value, Timeout)
    assert caught.value.seconds == 2.0
    sim.advance(0.1)
    assert (sim.now, ends) == (2.1, ["cancelled True"])


def test_timeout_is_of_one_attempt_and_tried_again(sim: Simulation, scheduler: Scheduler) -> None:
    async def work() -> int:
        attempt = current_run().attempt
        await asyncio.sleep(100 if attempt < 3 else 1)
        return attempt

    assert scheduler.submit(work, timeout=2.0, retry=Retry(initial=1.0, factor=1, jitter=0)).result() == 3
    assert sim.now == 2 + 1 + 2 + 1 + 1


def test_ask_that_takes_too_long_is_given_up(sim: Simulation, scheduler: Scheduler) -> None:
    silent = sim.spawn(Silent)
    task = scheduler.submit(silent, "x", kind=Kind.ASK, timeout=2.0)
    with pytest.raises(TaskTimeout):
        task.result()
    assert sim.instance(silent).handles[0].cancel_token.cancelled
    assert scheduler.stats().running[Kind.ASK] == 0


def test_deadline_counts_from_when_the_run_was_due_retries_included(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.after(1.0, fail, retry=Retry(attempts=100, initial=1.0, factor=1.0, jitter=0), deadline=4.5)
    with pytest.raises(TaskDeadlineExceeded) as caught:
        task.result()
    assert sim.now == 5.5
    assert isinstance(caught.value, DeadlineExceeded)
    assert isinstance(caught.value.__cause__, ValueError)
    assert task.last.attempt == 5
    assert task.last.outcome is RunOutcome.FAILED


def test_deadline_passes_while_the_run_waits_for_a_place(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=1)
    scheduler.submit(asyncio.sleep, 10)
    task = scheduler.submit(asyncio.sleep, 1, deadline=3.0)
    with pytest.raises(TaskDeadlineExceeded):
        task.result()
    assert (sim.now, task.runs) == (3.0, 0)
    sim.run()
    assert task.runs == 0


@pytest.mark.parametrize("times", [1, 3])
def test_run_whose_deadline_passed_in_a_pause_never_begins(sim: Simulation, scheduler: Scheduler, times: int) -> None:
    called: list[float] = []
    scheduler.pause()
    once = scheduler.submit(called.append, 0.0, deadline=1.0)
    again = scheduler.every(5.0, called.append, 1.0, deadline=2.0, times=times, missed=Missed.ALL)
    message = scheduler.submit(sim.spawn(Silent), "late", deadline=1.0)
    sim.advance(times * 5.0 + 3.0)
    scheduler.resume()
    for task in (once, message):
        with pytest.raises(TaskDeadlineExceeded):
            task.result()
        assert task.runs == 0
    assert again.result() == 0
    assert called == []
    assert sum(scheduler.stats().running.values()) == scheduler.stats().ready == 0


def test_deadline_cancels_the_attempt_under_way(sim: Simulation, scheduler: Scheduler) -> None:
    with pytest.raises(TaskDeadlineExceeded):
        scheduler.submit(asyncio.sleep, 100, deadline=3.0).result()
    sim.run()
    assert sim.now < 100


def test_run_in_time_is_not_troubled_later(sim: Simulation, scheduler: Scheduler) -> None:
    task = scheduler.submit(asyncio.sleep, 1, timeout=5.0, deadline=6.0)
    sim.run()
    assert task.state is TaskState.SUCCEEDED


def test_run_knows_what_it_is(sim: Simulation, scheduler: Scheduler) -> None:
    found: list[Any] = []

    def work() -> None:
        run = current_run()
        found.append((run.name, run.number, run.attempt, run.deadline, run.cancelled, run.id))
        if run.attempt == 1:
            raise ValueError

    scheduler.submit(work, name="mine", deadline=9.0, retry=Retry(initial=2.0, jitter=0))
    sim.run()
    assert [one[:5] for one in found] == [("mine", 1, 1, 9.0, False), ("mine", 1, 2, 7.0, False)]
    assert found[0][5] == found[1][5]
    assert current_run() is None


@given(
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(1, 10),
    st.floats(0, 1),
    st.integers(1, 5000),
    st.floats(0, 1, exclude_max=True),
)
def test_delays_are_within_their_bounds(initial: float, maximum: float, factor: float, jitter: float, attempt: int, chance: float) -> None:
    retry = Retry(initial=initial, maximum=maximum, factor=factor, jitter=jitter)
    delay = retry.delay(attempt, chance)
    assert 0 <= delay <= maximum
    if attempt == 1:
        assert delay <= initial * (1 + jitter)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"attempts": 0}, ValueError),
        ({"attempts": True}, TypeError),
        ({"attempts": 1.5}, TypeError),
        ({"initial": -1}, ValueError),
        ({"initial": "1"}, TypeError),
        ({"maximum": float("nan")}, ValueError),
        ({"factor": 0.5}, ValueError),
        ({"jitter": 1.1}, ValueError),
        ({"on": int}, TypeError),
        ({"on": 3}, TypeError),
        ({"on": (ValueError, 3)}, TypeError),
    ],
)
def test_retry_that_makes_no_sense_is_refused_by_name(options: dict[str, Any], error: type[Exception]) -> None:
    (name,) = options
    with pytest.raises(error, match=f"{name}="):
        Retry(**options)
