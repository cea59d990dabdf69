"""Who is told of a run's end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors import MailboxFullError
from actors.events import CallbackFailed
from actors.scheduler import Retry, Run, RunOutcome, Scheduler
from tests.scheduler.kit import Events, Sink, Trouble, add, fail

if TYPE_CHECKING:
    from actors import ActorSystem
    from actors.testing import Simulation


def test_function_is_told_of_a_success_with_its_value(sim: Simulation, scheduler: Scheduler) -> None:
    told: list[Run[Any]] = []
    task = scheduler.submit(add, 1, 2, on_success=told.append, on_failure=lambda _: told.clear())
    sim.run()
    (run,) = told
    assert (run.task, run.outcome, run.value, run.error, run.number, run.attempt) == (task, RunOutcome.SUCCEEDED, 3, None, 1, 1)
    assert run is task.last


def test_failure_is_told_after_the_last_attempt_only(sim: Simulation, scheduler: Scheduler) -> None:
    told: list[Run[Any]] = []
    scheduler.submit(Trouble(5), retry=Retry(attempts=3), on_failure=told.append)
    scheduler.submit(Trouble(1), retry=Retry(attempts=3), on_failure=told.append)
    sim.run()
    assert [(run.outcome, run.attempt) for run in told] == [(RunOutcome.FAILED, 3)]


def test_actor_is_told_the_run(sim: Simulation, scheduler: Scheduler) -> None:
    sink = sim.spawn(Sink)
    task = scheduler.every(1.0, fail, times=2, on_failure=sink)
    sim.run()
    assert [(run.task, run.number) for run in sim.instance(sink).got] == [(task, 1), (task, 2)]


def test_told_message_has_callbacks_too(sim: Simulation, scheduler: Scheduler) -> None:
    told: list[Run[Any]] = []
    scheduler.submit(sim.spawn(Sink), "x", on_success=told.append)
    sim.run()
    assert [run.outcome for run in told] == [RunOutcome.SUCCEEDED]


def test_what_needs_a_failure_is_told_of_as_failed(sim: Simulation, scheduler: Scheduler) -> None:
    told: list[Run[Any]] = []
    task = scheduler.submit(add, needs=[scheduler.submit(fail)], on_failure=told.append)
    sim.run()
    assert [(run.task, run.attempt) for run in told] == [(task, 0)]


def test_callback_that_raises_is_published_and_the_next_one_called(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    told: list[Run[Any]] = []
    scheduler.submit(add, on_success=fail)
    scheduler.submit(add, on_success=told.append)
    sim.run()
    assert [(event.callback, type(event.error)) for event in events.of(CallbackFailed)] == [(fail, ValueError)]
    assert len(told) == 1


def test_dead_listener_is_published(sim: Simulation, scheduler: Scheduler, events: Events) -> None:
    sink = sim.spawn(Sink)
    sink.stop()
    assert scheduler.submit(add, 1, on_success=sink).result() == 1
    sim.run()
    assert [event.callback for event in events.of(CallbackFailed)] == [sink]


def test_slow_callback_does_not_hold_the_scheduler_up(system: ActorSystem) -> None:
    gate, told = threading.Event(), threading.Event()
    with Scheduler(system, threads=1) as scheduler:  # so that the runs end, and are told, in this order
        scheduler.submit(add, on_success=lambda _: gate.wait(10))
        scheduler.submit(add, on_success=lambda _: told.set())
        assert scheduler.submit(add, 1).result(timeout=10) == 1
        assert not told.is_set()
        gate.set()
        assert told.wait(10)


def test_callbacks_that_wait_are_bounded_and_the_rest_is_published(system: ActorSystem) -> None:
    events, bound, beyond = Events(system), 10_000, 7
    begun, gate = threading.Event(), threading.Event()
    told: list[int] = []

    def hold(_: Run[Any]) -> None:
        begun.set()
        gate.wait(60)

    with Scheduler(system) as scheduler:
        scheduler.submit(add, on_success=hold)
        assert begun.wait(10)
        for number in range(bound + beyond):
            scheduler.submit(add, number, on_success=lambda run: told.append(run.value))
        assert scheduler.drain(timeout=60)
        assert [type(event.error) for event in events.of(CallbackFailed)] == [MailboxFullError] * beyond
        gate.set()
    # The helper ends with the scheduler, behind what waits for it.
    assert len(told) == len(set(told)) == bound


def test_helper_that_was_ended_is_replaced(sim: Simulation, scheduler: Scheduler) -> None:
    told: list[Run[Any]] = []
    scheduler.submit(add, on_success=told.append)
    sim.run()
    for ref in sim.system.actors():
        if ref.actor_class.__name__ == "Helper":
            ref.kill()
    sim.run()
    scheduler.submit(add, on_success=told.append)
    sim.run()
    assert len(told) == 2
