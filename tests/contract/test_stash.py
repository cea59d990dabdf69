"""Delivery: the stash, an exception to order that one asks for, and its bound."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorDeadError, ActorSystem, DeadLetterReason, DispatcherKind, NotInActorError, StashFullError
from tests.contract.conftest import On
from tests.contract.kit import EVERY_KIND, WAIT, Puppet, dead_letters, emptied, held, settle, under, until_down


class Stasher(Puppet):
    """Stashes numbers until it is unlocked."""

    locked = True

    def on_receive(self, message: Any) -> Any:
        if self.locked and isinstance(message, int):
            self.stash()
            return "not the answer"
        return super().on_receive(message)


def unlock(actor: Stasher) -> int:
    actor.locked = False
    return actor.unstash()


def test_unstashed_messages_come_back_to_the_front_in_order(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Stasher), log)
    with held(ref):
        for number in range(4):
            ref.tell(number)
        ref.tell(unlock)
        ref.tell("behind")
    settle(ref)
    assert log == [0, 1, 2, 3, "behind"]


def test_unstash_takes_the_oldest_and_says_how_many(system: ActorSystem, on: On) -> None:
    class Picky(Stasher):
        def unstash_some(self, count: int | None) -> int:
            self.locked = False
            return self.unstash(count)

    log: list[Any] = []
    ref = system.spawn(on(Picky), log)
    for number in range(5):
        ref.tell(number)
    settle(ref)
    answers = []
    for count in (2, 0, 2, 7, None):
        answers.append(ref.ask(lambda actor, count=count: actor.unstash_some(count), timeout=WAIT))
        settle(ref)
    assert answers == [2, 0, 2, 1, 0]
    assert log == [0, 1, 2, 3, 4]


@given(kind=st.sampled_from(EVERY_KIND), steps=st.lists(st.one_of(st.just("send"), st.integers(0, 3)), max_size=25))
def test_the_stash_is_a_queue_before_the_mailbox(kind: DispatcherKind, steps: list[Any]) -> None:
    class Counted(Puppet):
        passes = 0

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, int):
                if not self.passes:
                    return self.stash()
                self.passes -= 1
            return super().on_receive(message)

    def let_pass(actor: Counted, count: int) -> int:
        actor.passes = actor.unstash(count)
        return actor.passes

    log: list[Any] = []
    aside: list[int] = []
    expected: list[int] = []
    with ActorSystem() as system:
        ref = system.spawn(under(kind, Counted), log)
        for number, step in enumerate(steps):
            if step == "send":
                ref.tell(number)
                aside.append(number)
            else:
                assert ref.ask(lambda actor, step=step: let_pass(actor, step), timeout=WAIT) == min(step, len(aside))
                expected += aside[:step]
                del aside[:step]
        settle(ref)
        assert log == expected
        assert ref.stats().stashed == len(aside)


def test_a_stashed_ask_is_answered_when_it_is_handled(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Stasher))
    answers = [ref.ask(number, block=False) for number in range(3)]
    settle(ref)
    assert not any(answer.done() for answer in answers)
    ref.ask(unlock, timeout=WAIT)
    assert [answer.get(timeout=WAIT) for answer in answers] == [0, 1, 2]


def test_a_full_stash_raises_and_the_message_is_still_being_handled(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Stasher, stash_capacity=2))
    ref.ask(0, block=False)
    ref.ask(1, block=False)
    with pytest.raises(StashFullError) as caught:
        ref.ask(2, timeout=WAIT)
    assert caught.value.capacity == 2
    assert ref.is_alive()
    assert ref.stats().stashed == 2


def test_stashing_is_counted_and_a_stashed_message_is_not_handled(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Stasher))
    for number in range(3):
        ref.tell(number)
    emptied(ref)
    stats = ref.stats()
    assert (stats.accepted, stats.handled, stats.stashed, stats.waiting) == (3, 0, 3, 0)
    ref.tell(unlock)
    emptied(ref)
    stats = ref.stats()
    assert (stats.accepted, stats.handled, stats.stashed, stats.waiting) == (4, 4, 0, 0)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_is_stashed_at_the_end_is_told(system: ActorSystem, on: On, end: str) -> None:
    letters = dead_letters(system)
    ref = system.spawn(on(Stasher))
    ref.tell(1)
    asked = ref.ask(2, block=False)
    settle(ref)
    getattr(ref, end)(timeout=WAIT)
    assert letters == [(1, DeadLetterReason.STOPPED if end == "stop" else DeadLetterReason.KILLED)]
    with pytest.raises(ActorDeadError) as caught:
        asked.get(timeout=WAIT)
    assert caught.value.message == 2


def test_a_message_is_stashed_once(system: ActorSystem, on: On) -> None:
    def twice(actor: Puppet) -> None:
        actor.stash()
        with pytest.raises(NotInActorError):
            actor.stash()
        actor.log.append("checked")

    log: list[Any] = []
    ref = system.spawn(on(Puppet), log)
    ref.tell(twice)
    emptied(ref)
    assert log == ["checked"]
    assert ref.stats().stashed == 1


def test_a_failure_after_stashing_an_ask_is_told_and_the_actor_lives_on(system: ActorSystem, on: On) -> None:
    def stash_and_fail(actor: Puppet) -> None:
        actor.stash()
        msg = "after the stash"
        raise LookupError(msg)

    def stash_twice(actor: Puppet) -> None:
        actor.stash()
        actor.stash()

    letters = dead_letters(system)
    ref = system.spawn(on(Puppet))
    with pytest.raises(LookupError):
        ref.ask(stash_and_fail, timeout=WAIT)
    with pytest.raises(NotInActorError):
        ref.ask(stash_twice, timeout=WAIT)
    settle(ref)
    stats = ref.stats()
    assert (stats.stashed, stats.handled) == (0, 3)
    assert ref.ask(lambda actor: actor.unstash(), timeout=WAIT) == 0
    assert letters == []


def test_a_failure_after_stashing_a_told_message_crashes_and_the_message_is_told(system: ActorSystem, on: On) -> None:
    def stash_and_fail(actor: Puppet) -> None:
        actor.stash()
        msg = "after the stash"
        raise LookupError(msg)

    letters = dead_letters(system)
    ref = system.spawn(on(Puppet))
    down = until_down(system, ref)
    ref.tell(stash_and_fail)
    assert isinstance(down.get(timeout=WAIT).error, LookupError)
    assert letters == [(stash_and_fail, DeadLetterReason.CRASHED)]


def test_only_a_message_being_handled_can_be_stashed(system: ActorSystem, on: On) -> None:
    class Early(Puppet):
        def on_start(self) -> None:
            try:
                self.stash()
            except NotInActorError:
                self.log.append("refused")

    log: list[Any] = []
    ref = system.spawn(on(Early), log)
    assert log == ["refused"]
    actor = ref.ask(lambda actor: actor)
    with pytest.raises(NotInActorError):
        actor.unstash()
