"""Delivery: the priority mailbox, the exception to order that one asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorSystem, Bounded, DeadLetterReason, DispatcherKind, Down, Future, MailboxFullError, Overflow, Priority, Unbounded
from tests.contract.conftest import On
from tests.contract.kit import EVERY_KIND, WAIT, FakeClock, Puppet, dead_letters, emptied, eventually, held, under


def first_item(message: Any) -> Any:
    """Rank tuples by their first item, everything else before them."""
    return message[0] if isinstance(message, tuple) else -1


def test_the_lowest_key_comes_first(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item))
    with held(ref):
        for number in (5, 1, 4, 2, 3):
            ref.tell((number,))
    emptied(ref)
    assert log == [(1,), (2,), (3,), (4,), (5,)]


def test_equal_keys_keep_the_order_sent(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item))
    with held(ref):
        for number in range(30):
            ref.tell((number % 3, number))
    emptied(ref)
    assert log == [(key, number) for key in range(3) for number in range(key, 30, 3)]


@given(
    kind=st.sampled_from(EVERY_KIND), keys=st.lists(st.integers(0, 4), max_size=20), asks=st.lists(st.booleans(), min_size=20, max_size=20)
)
def test_handling_is_a_stable_sort_of_what_waits(kind: DispatcherKind, keys: list[int], asks: list[bool]) -> None:
    log: list[Any] = []
    sent = [(key, number) for number, key in enumerate(keys)]
    with ActorSystem() as system:
        ref = system.spawn(under(kind, Puppet), log, mailbox=Priority(first_item))
        with held(ref):
            answers = []
            for message, ask in zip(sent, asks, strict=False):
                if ask:
                    answers.append((message, ref.ask(message, block=False)))
                else:
                    ref.tell(message)
        ref.stop(timeout=WAIT)
    assert log == sorted(sent, key=lambda message: message[0])
    assert all(answer.get(timeout=0) == message for message, answer in answers)


def test_messages_that_cannot_be_compared_are_fine_under_equal_keys(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(lambda _: 0))
    messages = [object() for _ in range(10)]
    with held(ref):
        for message in messages:
            ref.tell(message)
    emptied(ref)
    assert log == messages


def test_a_stop_comes_after_all_sent_before_whatever_the_keys(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item))
    with held(ref):
        ref.tell((9, "before"))
        stopped = ref.stop(block=False)
        ref.tell((0, "behind"))
    assert stopped.get(timeout=WAIT) is True
    assert log == [(9, "before")]
    assert letters == [((0, "behind"), DeadLetterReason.STOPPED)]


def test_a_down_comes_after_all_the_dead_actor_sent_whatever_the_keys(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item))
    dying = system.spawn(on(Puppet))
    ref.ask(lambda actor: actor.watch(dying))
    with held(ref):
        dying.tell(lambda _: ref.tell((9, "last words")))
        dying.stop(timeout=WAIT)
        ref.tell((5, "another's"))
    emptied(ref)
    assert [type(message) for message in log] == [tuple, Down, tuple]
    assert log[0] == (9, "last words")
    assert log[2] == (5, "another's")


def test_ticks_and_piped_results_are_ranked_like_any_message(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    ref = timeless_system.spawn(on(Puppet), log, mailbox=Priority(first_item))
    ref.ask(lambda actor: actor.start_timer("key", 1.0, (2, "tick")))
    with held(ref):
        ref.tell((3, "low"))
        clock.advance(1.0)
        ref.tell((1, "high"))
    emptied(ref)
    assert log == [(1, "high"), (2, "tick"), (3, "low")]


def test_the_sender_gets_what_the_key_function_raises_and_the_actor_lives_on(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(lambda message: 0 if callable(message) else message[0]))
    with pytest.raises(TypeError):
        ref.tell(None)
    ref.tell((1,))
    emptied(ref)
    assert log == [(1,)]
    assert ref.stats().accepted == ref.stats().handled == 1


@given(kind=st.sampled_from(EVERY_KIND), ranks=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", 1, None])), max_size=12))
def test_partly_comparable_keys_cost_the_order_and_never_a_message(kind: DispatcherKind, ranks: list[tuple[int, object]]) -> None:
    log: list[Any] = []
    admitted: list[Any] = []
    with ActorSystem() as system:
        ref = system.spawn(under(kind, Puppet), log, mailbox=Priority(first_item))
        with held(ref):
            for number, rank in enumerate(ranks):
                try:
                    ref.tell((rank, number))
                except TypeError:
                    continue
                admitted.append((rank, number))
        ref.stop(timeout=WAIT)
        stats = ref.stats()
    assert sorted(log, key=lambda message: message[1]) == admitted
    assert stats.accepted == stats.handled


def test_a_waiting_sender_whose_key_does_not_compare_is_told_and_nothing_else_is_lost(system: ActorSystem) -> None:
    log: list[Any] = []
    key = lambda message: message if isinstance(message, list) else [-1]  # noqa: E731
    ref = system.spawn(Puppet, log, mailbox=Priority(key, capacity=2, overflow=Overflow.BLOCK))

    async def send() -> None:
        with held(ref):
            ref.tell([0])
            ref.tell([1, "text"])
            waiting = [asyncio.ensure_future(ref.tell_async([1, 1])), asyncio.ensure_future(ref.tell_async([2]))]
            await asyncio.sleep(0)
        with pytest.raises(TypeError):
            await waiting[0]
        await waiting[1]

    asyncio.run(send())
    emptied(ref)
    assert log == [[0], [1, "text"], [2]]


def test_a_result_whose_key_does_not_compare_keeps_its_place(system: ActorSystem) -> None:
    log: list[Any] = []
    piped: Future[Any] = Future()
    ref = system.spawn(Puppet, log, mailbox=Priority(first_item))
    ref.ask(lambda actor: actor.pipe_to_self(piped), timeout=WAIT)
    with held(ref):
        ref.tell((1, "before"))
        piped.set(("a", "the result"))
        ref.tell((0, "after"))
    emptied(ref)
    assert log == [(1, "before"), ("a", "the result"), (0, "after")]


def test_the_one_dropped_among_keys_that_do_not_compare_is_the_last_sent(system: ActorSystem) -> None:
    log: list[Any] = []
    keys = {"x": (1, "a"), "y": (0, 0), "z": (1, 1), "w": (0, 1)}
    ref = system.spawn(Puppet, log, mailbox=Priority(lambda m: keys.get(m, (-1,)), capacity=3, overflow=Overflow.DROP_OLDEST))
    letters = dead_letters(system)
    with held(ref):
        for message in ("y", "x", "z", "w"):
            ref.tell(message)
    emptied(ref)
    assert len(letters) == 1
    assert len(log) == 3


def test_keys_that_do_not_compare_lose_no_message_and_no_actor(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(lambda message: "" if callable(message) else message[0]))
    refused = 0
    with held(ref):
        for key in ("a", 1, "b", 2):
            try:
                ref.tell((key,))
            except TypeError:
                refused += 1
    emptied(ref)
    assert refused == 2, "the sender whose key compares with nothing that waits is told"
    assert log == [("a",), ("b",)]
    assert ref.is_alive()
    assert ref.stats().accepted == 3


def test_unstashed_messages_come_ahead_of_everything(system: ActorSystem, on: On) -> None:
    class Stasher(Puppet):
        ready = False

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, tuple) and not self.ready:
                return self.stash()
            return super().on_receive(message)

        def unlock(self, _: object) -> None:
            self.ready = True
            self.unstash()

    log: list[Any] = []
    ref = system.spawn(on(Stasher), log, mailbox=Priority(first_item))
    for number in (8, 7, 9):
        ref.tell((number,))
        emptied(ref)
    with held(ref):
        ref.tell(lambda actor: actor.unlock(None))
        ref.tell("urgent")
    emptied(ref)
    assert log == [(8,), (7,), (9,), "urgent"]


def test_a_full_priority_mailbox_rejects_by_default(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item, capacity=2))
    with held(ref):
        ref.tell((1,))
        ref.tell((2,))
        with pytest.raises(MailboxFullError) as caught:
            ref.tell((0,))
        assert caught.value.message == (0,)
    emptied(ref)
    assert log == [(1,), (2,)]


def test_drop_oldest_drops_what_would_be_handled_last(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item, capacity=2, overflow=Overflow.DROP_OLDEST))
    with held(ref):
        for number in (5, 9, 1, 7):
            ref.tell((number,))
    emptied(ref)
    assert log == [(1,), (5,)]
    assert letters == [((9,), DeadLetterReason.DROPPED_OLDEST), ((7,), DeadLetterReason.DROPPED_OLDEST)]


def test_drop_newest_drops_the_message_sent(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item, capacity=2, overflow=Overflow.DROP_NEWEST))
    with held(ref):
        for number in (5, 9, 1):
            ref.tell((number,))
    emptied(ref)
    assert log == [(5,), (9,)]
    assert letters == [((1,), DeadLetterReason.DROPPED_NEWEST)]


@pytest.mark.parametrize("how", ["tell_async", "ask_async"])
def test_blocked_senders_wait_for_room_on_an_event_loop(system: ActorSystem, on: On, how: str) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Priority(first_item, capacity=1, overflow=Overflow.BLOCK))

    async def main() -> None:
        waiting = asyncio.ensure_future(getattr(ref, how)((1,)))
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.open()
        await waiting

    with held(ref) as gate:
        ref.tell((2,))
        asyncio.run(main())
    eventually(lambda: log == [(2,), (1,)])


def test_other_mailboxes_know_no_priority(system: ActorSystem, on: On) -> None:
    for mailbox in (Unbounded(), Bounded(10)):
        log: list[Any] = []
        ref = system.spawn(on(Puppet), log, mailbox=mailbox)
        with held(ref):
            for number in (3, 1, 2):
                ref.tell((number,))
        emptied(ref)
        assert log == [(3,), (1,), (2,)]
