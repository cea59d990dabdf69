"""Failure: what a restart in place cuts off from the new instance."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorRestarting, ActorSystem, DeadLetterReason, Future, TimerMode
from tests.contract.conftest import On
from tests.contract.kit import WAIT, FakeClock, Puppet, dead_letters, held, settle


@pytest.mark.parametrize("mode", TimerMode)
def test_timers_die_and_their_waiting_ticks_are_fenced(timeless_system: ActorSystem, clock: FakeClock, on: On, mode: TimerMode) -> None:
    log: list[Any] = []
    ref = timeless_system.spawn(on(Puppet), log)
    ref.ask(lambda actor: actor.start_timer("once", 1.0, "one-shot"))
    ref.ask(lambda actor: actor.start_periodic_timer("again", 1.0, "periodic", mode=mode))
    ref.ask(lambda actor: actor.set_receive_timeout(1.0))
    with held(ref):
        clock.advance(1.0)
        restarted = ref.restart(block=False)
    assert restarted.get(timeout=WAIT) is True
    settle(ref)
    clock.pass_for(ref, 10.0)
    assert log == []
    assert ref.ask(lambda actor: actor.timer_active("again")) is False


def test_the_pipes_of_the_old_instance_are_fenced_and_their_results_are_dead_letters(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    waiting, late = Future[Any](), Future[Any]()
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: (actor.pipe_to_self(waiting), actor.pipe_to_self(late)))
    with held(ref):
        waiting.set("waiting")
        restarted = ref.restart(block=False)
    assert restarted.get(timeout=WAIT) is True
    late.set("late")
    settle(ref)
    assert log == []
    assert sorted(letters, key=str) == [("late", DeadLetterReason.RESTARTED), ("waiting", DeadLetterReason.RESTARTED)]


def test_timers_and_pipes_that_on_failure_starts_belong_to_the_old_instance(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    class Clinging(Puppet):
        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            self.start_timer("key", 1.0, "old timer")
            self.set_receive_timeout(1.0)
            self.pipe_to_self(future)

    log: list[Any] = []
    future: Future[Any] = Future()
    ref = timeless_system.spawn(on(Clinging), log)
    ref.restart(timeout=WAIT)
    future.set("old pipe")
    clock.pass_for(ref, 10.0)
    assert log == []


def test_open_reply_handles_get_actor_restarting(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Puppet))
    asked = ref.ask(lambda actor: handles.append(actor.reply_later()), block=False)
    settle(ref)
    ref.restart(timeout=WAIT)
    with pytest.raises(ActorRestarting):
        asked.get(timeout=WAIT)
    assert handles[0].reply("too late") is False


def test_on_failure_may_still_answer(system: ActorSystem, on: On) -> None:
    class Polite(Puppet):
        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            self.handle.reply("sorry")

        def keep(self) -> None:
            self.handle = self.reply_later()

    ref = system.spawn(on(Polite))
    asked = ref.ask(lambda actor: actor.keep(), block=False)
    settle(ref)
    ref.restart(timeout=WAIT)
    assert asked.get(timeout=WAIT) == "sorry"
