"""Delivery: a deadline expires the message, and nested asks inherit it. Time here is virtual."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import ActorRef, ActorSystem, DeadLetterReason, DeadlineExceeded
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, FakeClock, Gate, Puppet, dead_letters, emptied, eventually, held, pause, settle


def undelivered(log: list[Any]) -> list[Any]:
    return [entry[1:] for entry in log if isinstance(entry, tuple)]


def test_an_expired_tell_is_a_dead_letter_and_the_actor_is_told(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(timeless_system)
    ref = timeless_system.spawn(on(Diary), log)
    with held(ref):
        ref.tell_within("expired", 5.0)
        asyncio.run(ref.tell_async("expired, too", deadline=5.0))
        ref.tell_within("in time", 5.1)
        clock.advance(5.0)
    settle(ref)
    assert log[2:] == [
        ("undelivered", "expired", DeadLetterReason.EXPIRED),
        ("undelivered", "expired, too", DeadLetterReason.EXPIRED),
        "in time",
    ]
    assert letters == [("expired", DeadLetterReason.EXPIRED), ("expired, too", DeadLetterReason.EXPIRED)]


def test_an_expired_ask_gets_deadline_exceeded_with_its_message(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(timeless_system)
    ref = timeless_system.spawn(on(Diary), log)
    with held(ref):
        expired = ref.ask("expired", block=False, deadline=5.0)
        in_time = ref.ask("in time", block=False, deadline=6.0)
        clock.advance(5.0)
    with pytest.raises(DeadlineExceeded) as caught:
        expired.get(timeout=WAIT)
    assert caught.value.message == "expired"
    assert in_time.get(timeout=WAIT) == "in time"
    assert letters == [("expired", DeadLetterReason.EXPIRED)]
    assert undelivered(log) == letters


def test_a_message_taken_in_time_is_handled_to_its_end(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    gate = Gate()
    ref = timeless_system.spawn(on(Puppet))
    future = ref.ask(gate.hold, block=False, deadline=5.0)
    gate.reached()
    clock.advance(10.0)
    gate.open()
    assert future.get(timeout=WAIT) == "opened"


def test_expired_messages_are_counted(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    ref = timeless_system.spawn(on(Puppet))
    with held(ref):
        for _ in range(3):
            ref.tell_within("expired", 1.0)
        clock.advance(2.0)
    emptied(ref)
    stats = ref.stats()
    assert (stats.accepted, stats.handled, stats.dead_lettered) == (4, 1, 3)


def test_a_handler_sees_what_is_left_of_its_deadline(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    def look(actor: Any) -> tuple[float | None, float | None, bool]:
        return actor.deadline, actor.cancel_token.deadline, actor.cancel_token.cancelled

    ref = timeless_system.spawn(on(Puppet))
    with held(ref):
        within = ref.ask(look, block=False, deadline=5.0)
        without = ref.ask(look, block=False)
        clock.advance(2.0)
    assert within.get(timeout=WAIT) == (pytest.approx(3.0), pytest.approx(3.0), False)
    assert without.get(timeout=WAIT) == (None, None, False)


def test_a_deadline_that_passes_cancels_the_token(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    def look(actor: Any) -> tuple[float | None, bool]:
        gate.hold()
        return actor.deadline, actor.cancel_token.cancelled

    gate = Gate()
    ref = timeless_system.spawn(on(Puppet))
    future = ref.ask(look, block=False, deadline=5.0)
    gate.reached()
    clock.advance(6.0)
    gate.open()
    assert future.get(timeout=WAIT) == (0.0, True)


def test_a_nested_ask_inherits_what_is_left(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    asker, inner = timeless_system.spawn(on(Puppet)), timeless_system.spawn(on(Puppet))

    def nested(_: Any) -> Any:
        clock.advance(2.0)
        return pause(inner.ask(lambda actor: actor.deadline, block=False))

    assert asker.ask(nested, deadline=5.0, timeout=WAIT) == pytest.approx(3.0)
    assert asker.ask(nested, timeout=WAIT) is None


def test_the_inheritance_goes_down_a_whole_chain(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    chain: list[ActorRef[Any]] = [timeless_system.spawn(on(Puppet)) for _ in range(5)]

    def step(depth: int) -> Any:
        def ask(actor: Any) -> Any:
            clock.advance(1.0)
            return pause(chain[depth + 1].ask(step(depth + 1), block=False)) if depth < 4 else actor.deadline

        return ask

    assert chain[0].ask(step(0), deadline=10.0, timeout=WAIT) == pytest.approx(5.0)


def test_a_nested_ask_expires_with_the_message_that_made_it(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    asker, inner = timeless_system.spawn(on(Puppet)), timeless_system.spawn(on(Puppet), log)
    with held(inner):
        asked = asker.ask(lambda _: pause(inner.ask("nested", block=False)), block=False, deadline=5.0)
        emptied_or_waiting(asker)
        clock.advance(5.0)
    with pytest.raises(DeadlineExceeded) as caught:
        asked.get(timeout=WAIT)
    assert caught.value.message == "nested"
    assert log == []


def emptied_or_waiting(ref: ActorRef[Any]) -> None:
    """Return when the one message of `ref` is being handled, and that handler waits."""
    eventually(lambda: ref._target.wait is not None)


def test_a_nested_ask_may_have_a_deadline_of_its_own(timeless_system: ActorSystem, on: On) -> None:
    asker, inner = timeless_system.spawn(on(Puppet)), timeless_system.spawn(on(Puppet))

    def nested(_: Any) -> Any:
        return pause(inner.ask(lambda actor: actor.deadline, block=False, deadline=2.0))

    assert asker.ask(nested, deadline=5.0, timeout=WAIT) == pytest.approx(2.0)


def test_a_tell_from_a_handler_does_not_inherit_the_deadline(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    teller, inner = timeless_system.spawn(on(Puppet)), timeless_system.spawn(on(Puppet), log)
    with held(inner):
        teller.ask(lambda _: inner.tell("told"), deadline=5.0, timeout=WAIT)
        clock.advance(10.0)
    settle(inner)
    assert log == ["told"]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), "soon"])
def test_a_deadline_is_checked_where_it_comes_in(timeless_system: ActorSystem, on: On, bad: Any) -> None:
    ref = timeless_system.spawn(on(Puppet))
    with pytest.raises((ValueError, TypeError), match="deadline"):
        ref.tell_within("message", bad)
    with pytest.raises((ValueError, TypeError), match="deadline"):
        ref.ask("message", deadline=bad)
