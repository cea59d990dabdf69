"""Delivery: the graceful stop is a marker in the user lane."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorDeadError, ActorSystem, Bounded, DeadLetterReason, DownReason, Lifecycle, Overflow, Priority, Timeout
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, Gate, Puppet, dead_letters, held, settle, until_down


def test_mail_sent_before_the_stop_is_handled_before_on_stop(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Diary), log)
    with held(ref):
        for number in range(5):
            ref.tell(number)
        stopped = ref.stop(block=False)
    assert stopped.get(timeout=WAIT) is True
    assert log == ["init", "on_start", 0, 1, 2, 3, 4, "on_stop"]


def test_asks_before_the_stop_are_answered(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with held(ref):
        answers = [ref.ask(number, block=False) for number in range(5)]
        stopped = ref.stop(block=False)
    assert [answer.get(timeout=WAIT) for answer in answers] == list(range(5))
    assert stopped.get(timeout=WAIT)


def test_an_ask_behind_the_stop_gets_actor_dead_error_with_its_message(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Diary), log)
    with held(ref):
        ref.stop(block=False)
        asked = ref.ask("behind", block=False)
    with pytest.raises(ActorDeadError) as caught:
        asked.get(timeout=WAIT)
    assert caught.value.message == "behind"
    assert "behind" not in log


def test_a_stop_behind_the_stop_gets_true(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with held(ref):
        stops = [ref.stop(block=False) for _ in range(3)]
    assert [stop.get(timeout=WAIT) for stop in stops] == [True, True, True]
    assert ref.stop(timeout=WAIT) is False


def test_a_tell_behind_the_stop_becomes_a_dead_letter_and_the_actor_is_told(system: ActorSystem, on: On) -> None:
    letters = dead_letters(system)
    log: list[Any] = []
    ref = system.spawn(on(Diary), log)
    with held(ref):
        stopped = ref.stop(block=False)
        ref.tell("behind")
        assert ref.is_alive(), "admission closes when the marker is taken, not before"
    assert stopped.get(timeout=WAIT)
    assert letters == [("behind", DeadLetterReason.STOPPED)]
    assert ("undelivered", "behind", DeadLetterReason.STOPPED) in log


def test_admission_closes_when_the_marker_is_taken(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_stop(self) -> None:
            gate.hold()

    ref = system.spawn(on(Slow))
    stopped = ref.stop(block=False)
    gate.reached()
    try:
        assert not ref.is_alive()
        assert ref.actor_stopped.is_set()
        assert ref.state is Lifecycle.STOPPING
        with pytest.raises(ActorDeadError) as caught:
            ref.tell("too late")
        assert caught.value.message == "too late"
        assert not stopped.done(), "a stop is done when on_stop is"
    finally:
        gate.open()
    assert stopped.get(timeout=WAIT)
    assert ref.state is Lifecycle.STOPPED


def test_a_stop_of_a_stopping_actor_waits_for_its_end(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_stop(self) -> None:
            gate.hold()

    ref = system.spawn(on(Slow))
    first = ref.stop(block=False)
    gate.reached()
    second = ref.stop(block=False)
    done_early = second.done()
    gate.open()
    assert (first.get(timeout=WAIT), second.get(timeout=WAIT), done_early) == (True, True, False)


@pytest.mark.parametrize("overflow", Overflow)
def test_the_marker_is_exempt_from_bounds(system: ActorSystem, on: On, overflow: Overflow) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(2, overflow))
    with held(ref):
        ref.tell(1)
        ref.tell(2)
        stopped = ref.stop(block=False)
    assert stopped.get(timeout=WAIT) is True
    assert log == [1, 2]


def test_the_marker_is_exempt_from_priority(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(lambda message: message if isinstance(message, int) else 0))
    with held(ref):
        for number in (3, 1, 2):
            ref.tell(number)
        stopped = ref.stop(block=False)
        ref.tell(-1)
    assert stopped.get(timeout=WAIT) is True
    assert log == [1, 2, 3]


def test_an_actor_stops_itself_behind_its_mail(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Diary), log)
    down = until_down(system, ref)
    with held(ref):
        ref.tell("before")
        ref.tell(lambda actor: actor.stop())
        ref.tell("handled: in the mailbox before the stop")
    assert down.get(timeout=WAIT).reason is DownReason.STOPPED
    assert log == ["init", "on_start", "before", "handled: in the mailbox before the stop", "on_stop"]
    assert letters == []


def test_stop_timeout_bounds_the_wait_and_the_actor_ends_all_the_same(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    down = until_down(system, ref)
    with held(ref), pytest.raises(Timeout):
        ref.stop(timeout=0.01)
    assert down.get(timeout=WAIT).reason is DownReason.STOPPED


def test_a_stop_with_a_deadline_ends_in_a_kill(timeless_system: ActorSystem, clock: Any, on: On) -> None:
    log: list[Any] = []
    ref = timeless_system.spawn(on(Diary), log)
    down = until_down(timeless_system, ref)
    with held(ref):
        stopped = ref.stop(block=False, deadline=5.0)
        clock.advance(4.9)
        assert not stopped.done()
        clock.advance(0.2)
        assert stopped.get(timeout=WAIT) is True
    assert down.get(timeout=WAIT).reason is DownReason.KILLED
    assert "on_stop" not in log


def test_a_stop_within_its_deadline_kills_nobody(timeless_system: ActorSystem, clock: Any, on: On) -> None:
    ref = timeless_system.spawn(on(Puppet))
    down = until_down(timeless_system, ref)
    assert ref.stop(deadline=5.0, timeout=WAIT) is True
    clock.advance(10.0)
    assert down.get(timeout=WAIT).reason is DownReason.STOPPED


def test_open_reply_handles_get_actor_dead_error_at_the_stop(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    handles: list[Any] = []
    asked = ref.ask(lambda actor: handles.append(actor.reply_later()), block=False)
    settle(ref)
    assert ref.stop(timeout=WAIT)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)
    assert handles[0].done
    assert handles[0].reply("too late") is False
