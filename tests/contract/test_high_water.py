"""Mailboxes: too many messages that wait are told of, once each time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorRef, ActorSystem, Bounded, DispatcherKind, Overflow, Priority, SystemConfig
from actors.events import MailboxHighWater
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Gate, Puppet, emptied, eventually, held, pause, under

HIGH = 4
FULL = [
    Bounded(10),
    Bounded(10, Overflow.REJECT),
    Bounded(10, Overflow.DROP_NEWEST),
    Bounded(10, Overflow.DROP_OLDEST),
    Priority(id, capacity=10),
]


@pytest.fixture
def low() -> Iterator[ActorSystem]:
    """A system in which no more than four messages should wait, and turns are short."""
    with ActorSystem(config=SystemConfig(turn=2, high_water=HIGH)) as made:
        yield made


def crossings(system: ActorSystem) -> list[MailboxHighWater]:
    """Return the list that the crossings will be noted in from now on."""
    found: list[MailboxHighWater] = []
    system.events.subscribe(MailboxHighWater, found.append)
    return found


def pile(ref: ActorRef[Any], count: int, tell: Callable[[Any], object] | None = None) -> None:
    """Send `count` messages, or send them in another way."""
    for number in range(count):
        (tell or ref.tell)(number)


@pytest.mark.parametrize("waiting", [HIGH, HIGH + 1, HIGH + 50])
def test_too_many_messages_that_wait_are_published_at_the_end_of_the_turn(on: On, waiting: int) -> None:
    with ActorSystem(config=SystemConfig(turn=1, high_water=HIGH)) as system:
        found = crossings(system)
        ref = system.spawn(on(Puppet))
        with held(ref):
            pile(ref, waiting)
            assert found == []
        emptied(ref)
        assert found == ([MailboxHighWater(ref, waiting, HIGH)] if waiting > HIGH else [])


def test_a_second_crossing_is_published_after_fewer_than_half_have_waited(low: ActorSystem, on: On) -> None:
    found = crossings(low)
    ref = low.spawn(on(Puppet))
    for expected in (1, 2, 3):
        with held(ref):
            pile(ref, HIGH + 3)
        emptied(ref)
        assert len(found) == expected


def test_no_second_crossing_is_published_before_fewer_than_half_have_waited(low: ActorSystem, on: On) -> None:
    found = crossings(low)
    ref = low.spawn(on(Puppet))
    again = Gate()
    with held(ref):
        pile(ref, 4)
        ref.tell(again.hold)
        pile(ref, HIGH // 2)
    again.reached()
    assert len(found) == 1
    pile(ref, HIGH + 3)
    again.open()
    emptied(ref)
    assert len(found) == 1


def test_who_subscribes_while_too_many_wait_is_told(low: ActorSystem, on: On) -> None:
    ref = low.spawn(on(Puppet))
    again = Gate()
    with held(ref):
        pile(ref, 4)
        ref.tell(again.hold)
        pile(ref, HIGH + 3)
    again.reached()
    found = crossings(low)
    again.open()
    emptied(ref)
    assert len(found) == 1


def test_a_cancelled_handler_that_leaves_the_mailbox_empty_ends_a_crossing_too(low: ActorSystem) -> None:
    def cancelled(_: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        pause(asyncio.sleep(0))

    found = crossings(low)
    ref = low.spawn(under(DispatcherKind.EVENT_LOOP, Puppet))
    for expected in (1, 2):
        with held(ref):
            pile(ref, HIGH + 2)
            ref.tell(cancelled)  # the second message of a turn before which two waited, which is no fewer than half
        eventually(lambda: ref._target.token)  # the turn is over; `emptied` would give it another
        assert len(found) == expected


@pytest.mark.parametrize("mailbox", FULL, ids=repr)
def test_a_bounded_mailbox_is_published_when_more_than_four_fifths_of_it_are_taken(system: ActorSystem, mailbox: Any) -> None:
    found = crossings(system)
    ref = system.spawn(Puppet, mailbox=mailbox)
    for expected in (1, 2):
        with held(ref):
            pile(ref, 8)
            assert len(found) == expected - 1
            ref.tell(9)
            assert found[expected - 1 :] == [MailboxHighWater(ref, waiting=9, high_water=8)]
            ref.tell(10)
            assert len(found) == expected
        emptied(ref)


@pytest.mark.parametrize(("left", "expected"), [(4, 1), (3, 2)])
def test_a_bounded_mailbox_is_published_again_only_after_fewer_than_half_have_waited(
    system: ActorSystem,
    left: int,
    expected: int,
) -> None:
    found = crossings(system)
    ref = system.spawn(Puppet, mailbox=Bounded(10))
    again = Gate()
    with held(ref):
        pile(ref, 8 - left)
        ref.tell(again.hold)
        pile(ref, left)
        assert len(found) == 1
    again.reached()
    pile(ref, 9 - left)
    again.open()
    assert len(found) == expected


def test_who_subscribes_while_a_bounded_mailbox_is_too_full_is_told_at_the_next_message(system: ActorSystem) -> None:
    ref = system.spawn(Puppet, mailbox=Bounded(10))
    with held(ref):
        pile(ref, 9)
        found = crossings(system)
        ref.tell("one more")
        assert found == [MailboxHighWater(ref, waiting=10, high_water=8)]


@pytest.mark.parametrize("mailbox", [Bounded(10), Priority(id), Priority(id, capacity=10)], ids=repr)
def test_a_bounded_or_priority_mailbox_keeps_to_the_mark_of_the_system_if_that_is_lower(low: ActorSystem, mailbox: Any) -> None:
    found = crossings(low)
    ref = low.spawn(Puppet, mailbox=mailbox)
    with held(ref):
        pile(ref, HIGH)
        assert found == []
        ref.tell("one more")
        assert found == [MailboxHighWater(ref, waiting=HIGH + 1, high_water=HIGH)]
    emptied(ref)
    assert len(found) == 1


def test_an_awaited_send_crosses_the_mark_like_any_other(low: ActorSystem) -> None:
    found = crossings(low)
    ref = low.spawn(Puppet, mailbox=Bounded(10))

    async def fill() -> None:
        for number in range(HIGH + 1):
            await ref.tell_async(number)

    with held(ref):
        asyncio.run(fill())
        assert len(found) == 1


def test_messages_that_no_bound_holds_back_are_seen_at_the_end_of_the_turn(low: ActorSystem, on: On) -> None:
    found = crossings(low)
    ref = low.spawn(on(Puppet), mailbox=Bounded(2))
    low.events.subscribe(int, ref)
    with held(ref):
        pile(ref, HIGH + 3, low.events.publish)
        assert found == []
    emptied(ref)
    assert [event.high_water for event in found] == [1]


@pytest.mark.parametrize("published", [False, True], ids=["sent", "published"])
@pytest.mark.parametrize("mailbox", [None, Bounded(10)], ids=repr)
def test_who_hears_of_a_crossing_may_look_at_the_mailbox_and_send(
    low: ActorSystem,
    mailbox: Any,
    published: bool,  # a parameter of the test
) -> None:
    found: list[int] = []
    log: list[Any] = []
    ref = low.spawn(Puppet, log, mailbox=mailbox)

    def look(event: MailboxHighWater) -> None:
        event.ref.tell("heard")
        found.append(event.ref.stats().waiting)

    def hear(event: MailboxHighWater) -> None:
        other = threading.Thread(target=look, args=(event,))  # locks are reentrant
        other.start()
        other.join(WAIT)
        assert not other.is_alive()

    low.events.subscribe(MailboxHighWater, hear)
    low.events.subscribe(int, ref)
    with held(ref):
        pile(ref, HIGH + 3, low.events.publish if published else ref.tell)
    emptied(ref)
    assert len(found) == 1
    assert found[0] > HIGH
    assert log.count("heard") == 1
