"""Delivery: timers, receive timeouts, and the fences around their ticks. Time here is virtual."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import ActorRef, ActorSystem, NotInActorError, ReceiveTimeout, TimerMode
from tests.contract.conftest import On
from tests.contract.kit import WAIT, FakeClock, Gate, Puppet, emptied, eventually, held, settle


@pytest.fixture
def log() -> list[Any]:
    return []


@pytest.fixture
def ref(timeless_system: ActorSystem, on: On, log: list[Any]) -> ActorRef[Any]:
    made: ActorRef[Any] = timeless_system.spawn(on(Puppet), log)
    return made


def periodic(ref: ActorRef[Any], interval: float, mode: TimerMode, **options: Any) -> None:
    ref.ask(lambda actor: actor.start_periodic_timer("key", interval, "tick", mode=mode, **options), timeout=WAIT)


def test_a_one_shot_timer_ticks_once_and_not_before_its_time(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "tick"))
    clock.pass_for(ref, 4.9)
    assert log == []
    clock.pass_for(ref, 0.1)
    assert log == ["tick"]
    clock.pass_for(ref, 100.0)
    assert log == ["tick"]


def test_a_timer_is_active_until_its_last_tick_is_delivered(ref: ActorRef[Any], clock: FakeClock) -> None:
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "tick"))
    assert ref.ask(lambda actor: (actor.timer_active("key"), actor.timer_active("other"))) == (True, False)
    clock.pass_for(ref, 5.0)
    assert ref.ask(lambda actor: actor.timer_active("key")) is False


def test_timers_with_different_keys_are_independent(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: [actor.start_timer(key, 5.0 - key, key) for key in range(4)])
    clock.pass_for(ref, 10.0)
    assert log == [3, 2, 1, 0]


def test_a_timer_replaces_the_one_with_the_same_key(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "old"))
    clock.pass_for(ref, 4.0)
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "new"))
    clock.pass_for(ref, 4.9)
    assert log == []
    clock.pass_for(ref, 10.0)
    assert log == ["new"]


def test_the_waiting_tick_of_a_replaced_timer_is_fenced(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "old"))
    with held(ref):
        ref.tell(lambda actor: actor.start_timer("key", 5.0, "new"))
        clock.advance(5.0)  # the tick waits behind the message that replaces its timer
    emptied(ref)
    assert log == []
    clock.pass_for(ref, 5.0)
    assert log == ["new"]


def test_a_cancelled_timer_does_not_tick(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "tick"))
    assert ref.ask(lambda actor: (actor.cancel_timer("key"), actor.cancel_timer("key"))) == (True, False)
    clock.pass_for(ref, 10.0)
    assert log == []


def test_the_waiting_tick_of_a_cancelled_timer_is_fenced(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    answers: list[bool] = []
    ref.ask(lambda actor: actor.start_timer("key", 5.0, "tick"))
    with held(ref):
        ref.tell(lambda actor: answers.append(actor.cancel_timer("key")))
        clock.advance(5.0)
    emptied(ref)
    assert answers == [True]
    assert log == []


@pytest.mark.parametrize("mode", TimerMode)
def test_a_periodic_timer_ticks_until_it_is_cancelled(ref: ActorRef[Any], clock: FakeClock, log: list[Any], mode: TimerMode) -> None:
    periodic(ref, 2.0, mode)
    for _ in range(5):
        clock.pass_for(ref, 2.0)
    assert log == ["tick"] * 5
    assert ref.ask(lambda actor: actor.cancel_timer("key")) is True
    clock.pass_for(ref, 20.0)
    assert log == ["tick"] * 5


@pytest.mark.parametrize("mode", TimerMode)
def test_the_first_tick_comes_after_the_initial_delay(ref: ActorRef[Any], clock: FakeClock, log: list[Any], mode: TimerMode) -> None:
    periodic(ref, 2.0, mode, initial_delay=0.5)
    clock.pass_for(ref, 0.4)
    assert log == []
    clock.pass_for(ref, 0.1)
    assert log == ["tick"]
    clock.pass_for(ref, 1.9)
    assert log == ["tick"]
    clock.pass_for(ref, 0.1)
    assert log == ["tick"] * 2


def slow_tick(timeless_system: ActorSystem, on: On, log: list[Any]) -> tuple[ActorRef[Any], list[Gate]]:
    """Spawn an actor whose first tick is held at the first gate."""
    gates = [Gate()]

    class Slow(Puppet):
        def on_receive(self, message: Any) -> Any:
            if message == "tick" and not self.log:
                gates[0].hold()
            return super().on_receive(message)

    return timeless_system.spawn(on(Slow), log), gates


def test_a_fixed_delay_counts_from_the_end_of_handling(timeless_system: ActorSystem, clock: FakeClock, on: On, log: list[Any]) -> None:
    ref, gates = slow_tick(timeless_system, on, log)
    periodic(ref, 2.0, TimerMode.FIXED_DELAY)
    clock.advance(2.0)
    gates[0].reached()
    clock.advance(1.5)
    gates[0].open()
    eventually(lambda: log == ["tick"])
    emptied(ref)
    clock.pass_for(ref, 1.9)
    assert log == ["tick"]
    clock.pass_for(ref, 0.1)
    assert log == ["tick"] * 2


def test_a_fixed_delay_goes_on_after_a_tick_whose_handler_was_cancelled(
    timeless_system: ActorSystem, clock: FakeClock, on: On, log: list[Any]
) -> None:
    class Cancelled(Puppet):
        def on_receive(self, message: Any) -> Any:
            if message == "tick" and not self.log:
                self.log.append("cancelled")
                raise asyncio.CancelledError
            return super().on_receive(message)

    ref = timeless_system.spawn(on(Cancelled), log)
    periodic(ref, 1.0, TimerMode.FIXED_DELAY)
    clock.advance(1.0)
    eventually(lambda: log == ["cancelled"])
    clock.pass_for(ref, 1.0)
    assert log == ["cancelled", "tick"]


def test_a_fixed_rate_makes_up_for_late_ticks_one_at_a_time(timeless_system: ActorSystem, clock: FakeClock, on: On, log: list[Any]) -> None:
    ref, gates = slow_tick(timeless_system, on, log)
    periodic(ref, 2.0, TimerMode.FIXED_RATE)
    clock.advance(2.0)
    gates[0].reached()
    clock.advance(7.0)  # the ticks of 4, 6 and 8 are late
    assert ref.stats().waiting <= 1
    gates[0].open()
    eventually(lambda: log == ["tick"] or clock.advance())
    clock.pass_for(ref, 0.0)
    assert log == ["tick"] * 4
    clock.pass_for(ref, 1.0)
    assert log == ["tick"] * 5, "the tick of 10 is on time again"


@pytest.mark.parametrize("mode", TimerMode)
def test_at_most_one_tick_of_a_timer_waits(ref: ActorRef[Any], clock: FakeClock, log: list[Any], mode: TimerMode) -> None:
    periodic(ref, 1.0, mode)
    with held(ref):
        clock.advance(50.0)
        assert ref.stats().waiting == 1


@pytest.mark.parametrize("mode", TimerMode)
def test_a_tick_that_was_stashed_does_not_double_its_timer(
    timeless_system: ActorSystem, clock: FakeClock, on: On, log: list[Any], mode: TimerMode
) -> None:
    class Stasher(Puppet):
        stashed = False

        def on_receive(self, message: Any) -> Any:
            if message == "tick" and not self.stashed:
                self.stashed = True
                return self.stash()
            return super().on_receive(message)

    ref = timeless_system.spawn(on(Stasher), log)
    periodic(ref, 1.0, mode)
    clock.pass_for(ref, 1.0)
    assert log == []
    ref.ask(lambda actor: actor.unstash())
    settle(ref)
    assert log == ["tick"]
    for count in range(2, 6):
        clock.pass_for(ref, 1.0)
        assert log == ["tick"] * count


def test_timers_die_with_the_actor(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    periodic(ref, 1.0, TimerMode.FIXED_DELAY)
    ref.ask(lambda actor: actor.set_receive_timeout(1.0))
    ref.stop(timeout=WAIT)
    assert clock.advance(10.0) == 0
    assert log == []


def test_receive_timeout_comes_when_no_message_came_for_so_long(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    clock.advance(9.9)
    emptied(ref)
    assert log == []
    clock.advance(0.1)
    emptied(ref)
    assert log == [ReceiveTimeout()]


def test_receive_timeout_comes_again_and_again_while_it_is_quiet(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    for count in range(1, 4):
        clock.advance(10.0)
        emptied(ref)
        assert log == [ReceiveTimeout()] * count


@pytest.mark.parametrize("way", ["set", "get", "call"])
def test_a_use_of_the_proxy_puts_the_receive_timeout_off(ref: ActorRef[Any], clock: FakeClock, log: list[Any], way: str) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    clock.advance(8.0)
    proxy = ref.proxy()
    if way == "set":
        proxy.attribute = 1
    elif way == "get":
        proxy.log.get(timeout=WAIT)
    else:
        proxy.timer_active("none").get(timeout=WAIT)
    emptied(ref)
    clock.advance(9.0)
    emptied(ref)
    assert log == []
    clock.advance(1.0)
    emptied(ref)
    assert log == [ReceiveTimeout()]


@pytest.mark.parametrize("ask", [True, False])
def test_a_message_puts_the_receive_timeout_off(ref: ActorRef[Any], clock: FakeClock, log: list[Any], ask: bool) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    clock.advance(8.0)
    if ask:
        ref.ask("message", timeout=WAIT)
    else:
        ref.tell("message")
        eventually(lambda: log)
    emptied(ref)
    clock.advance(9.0)
    emptied(ref)
    assert log == ["message"]
    clock.advance(1.0)
    emptied(ref)
    assert log == ["message", ReceiveTimeout()]


def test_messages_of_the_turn_that_set_it_put_the_receive_timeout_off(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    gate = Gate()
    with held(ref):
        ref.tell(lambda actor: actor.set_receive_timeout(10.0))
        ref.tell(gate.hold)
        ref.tell("message")
    gate.reached()
    clock.advance(8.0)
    gate.open()
    eventually(lambda: log == ["message"])
    emptied(ref)
    clock.advance(9.0)
    emptied(ref)
    assert log == ["message"]
    clock.advance(1.0)
    emptied(ref)
    assert log == ["message", ReceiveTimeout()]


def test_a_message_that_came_before_a_waiting_receive_timeout_fences_it(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    with held(ref):
        ref.tell("message")
        clock.advance(10.0)
    emptied(ref)
    assert log == ["message"]


def test_receive_timeout_can_be_switched_off(ref: ActorRef[Any], clock: FakeClock, log: list[Any]) -> None:
    ref.ask(lambda actor: actor.set_receive_timeout(10.0))
    ref.ask(lambda actor: actor.set_receive_timeout(None))
    clock.advance(100.0)
    emptied(ref)
    assert log == []


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf")])
def test_a_periodic_timer_needs_a_real_interval(ref: ActorRef[Any], bad: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        periodic(ref, bad, TimerMode.FIXED_DELAY)
    with pytest.raises(ValueError, match="seconds"):
        ref.ask(lambda actor: actor.set_receive_timeout(bad))


def test_timers_are_the_actors_own_to_use(ref: ActorRef[Any]) -> None:
    actor = ref.ask(lambda actor: actor)
    with pytest.raises(NotInActorError):
        actor.start_timer("key", 1.0, "tick")
    with pytest.raises(NotInActorError):
        actor.set_receive_timeout(1.0)
