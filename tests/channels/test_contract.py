"""What channels promise, whoever uses them: a thread, a handler that parks, a handler on a thread, a coroutine, an async handler."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import pytest

from actors import ActorSystem, Timeout
from actors.channels import (
    Channel,
    ChannelClosedError,
    ChannelEmptyError,
    ChannelEndedError,
    ChannelFullError,
    ChannelStats,
    open_channel,
)
from tests.channels.conftest import every_kind
from tests.channels.kit import KINDS, Iterate, Parties, Receive, Send, adds_up, until, until_receivers, until_senders

pytestmark = pytest.mark.usefixtures("no_leaks")

every_pair = pytest.mark.parametrize(("one", "other"), list(itertools.product(KINDS, KINDS)))


# -- rendezvous, bounded, unbounded ----------------------------------------------------------------------------------------


@every_pair
def test_a_rendezvous_brings_any_two_together_whoever_comes_first(parties: Parties, one: str, other: str) -> None:
    channel = Channel[int](0)
    sending = parties.begin(one, Send(channel, 1, 2))
    until_senders(channel, 1)
    assert parties.begin(other, Receive(channel)).result() == 1
    until_senders(channel, 1)
    assert not sending.done
    assert parties.begin(other, Receive(channel)).result() == 2
    sending.result()
    receiving = parties.begin(other, Receive(channel))
    until_receivers(channel, 1)
    parties.begin(one, Send(channel, 3)).result()
    assert receiving.result() == 3
    assert channel.stats().sent == channel.stats().received == 3


@every_pair
@pytest.mark.parametrize("capacity", [0, 1, 3, None])
def test_a_long_stream_arrives_in_order(parties: Parties, one: str, other: str, capacity: int | None) -> None:
    sender, receiver = open_channel(capacity, of=int)
    receiving = parties.begin(other, Iterate(receiver))
    parties.begin(one, Send(sender, *range(300))).result()
    sender.close()
    assert receiving.result() == list(range(300))
    assert adds_up(receiver)


@every_kind
def test_a_send_to_a_full_channel_waits_for_room(parties: Parties, kind: str) -> None:
    channel = Channel[int](2)
    sending = parties.begin(kind, Send(channel, 1, 2, 3, 4))
    until_senders(channel, 1)
    assert channel.stats().waiting == 2
    assert not sending.done
    assert [channel.receive() for _ in range(4)] == [1, 2, 3, 4]
    sending.result()


@every_kind
def test_an_unbounded_channel_never_keeps_a_sender_waiting(parties: Parties, kind: str) -> None:
    channel = Channel[int](None)
    parties.begin(kind, Send(channel, *range(5000))).result()
    assert channel.stats().waiting == 5000
    assert channel.drain() == list(range(5000))


@every_kind
def test_none_and_false_are_values_like_others(parties: Parties, kind: str) -> None:
    for capacity in (0, 2):
        channel = Channel[Any](capacity)
        receiving = parties.begin(kind, Receive(channel, 2))
        parties.begin(kind, Send(channel, None, False)).result()
        assert receiving.result() == [None, False]


# -- who waits is served in order ------------------------------------------------------------------------------------------


@every_kind
def test_receivers_that_wait_are_served_in_the_order_in_which_they_came(parties: Parties, kind: str) -> None:
    channel = Channel[int](5)
    waiting = []
    for number in range(6):
        waiting.append(parties.begin(kind, Receive(channel)))
        until_receivers(channel, number + 1)
    for number in range(6):
        channel.send(number)
    assert [one.result() for one in waiting] == list(range(6))


@every_kind
@pytest.mark.parametrize("capacity", [0, 2])
def test_senders_that_wait_are_served_in_the_order_in_which_they_came(parties: Parties, kind: str, capacity: int) -> None:
    channel = Channel[int](capacity)
    for number in range(capacity):
        channel.send(number)
    sending = []
    for number in range(capacity, capacity + 5):
        sending.append(parties.begin(kind, Send(channel, number)))
        until_senders(channel, len(sending))
    assert [channel.receive() for _ in range(capacity + 5)] == list(range(capacity + 5))
    for one in sending:
        one.result()


def test_who_comes_later_does_not_overtake_who_waits(parties: Parties) -> None:
    channel = Channel[int](1)
    channel.send(1)
    sending = parties.begin("thread", Send(channel, 2))
    until_senders(channel, 1)
    with pytest.raises(ChannelFullError):
        channel.send_nowait(3)
    assert channel.receive() == 1
    with pytest.raises(ChannelFullError):  # the room went to the one who waited
        channel.send_nowait(3)
    sending.result()
    assert channel.drain() == [2]
    receiving = parties.begin("thread", Receive(channel))
    until_receivers(channel, 1)
    with pytest.raises(ChannelEmptyError):
        channel.receive_nowait()
    channel.send(4)
    assert receiving.result() == 4
    with pytest.raises(ChannelEmptyError):
        channel.receive_nowait()


# -- closing ---------------------------------------------------------------------------------------------------------------


@every_kind
def test_what_waits_is_received_after_the_last_sender_is_closed_and_then_the_end_is_seen(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(3, of=int)
    sender.send(1)
    sender.send(2)
    sender.close()
    assert parties.begin(kind, Receive(receiver, 2)).result() == [1, 2]
    for _ in range(2):
        error = parties.begin(kind, Receive(receiver)).error()
        assert isinstance(error, ChannelEndedError)
        assert isinstance(error, EOFError)


@every_kind
def test_receivers_that_wait_see_the_end_when_the_last_sender_is_closed(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(3, of=int)
    second = sender.clone()
    waiting = [parties.begin(kind, Receive(receiver)) for _ in range(3)]
    until_receivers(receiver, 3)
    sender.close()
    assert receiver.stats().waiting_receivers == 3
    assert not receiver.stats().closed
    second.close()
    assert all(isinstance(one.error(), ChannelEndedError) for one in waiting)
    assert receiver.stats().closed
    assert receiver.stats().waiting_receivers == 0


@every_kind
def test_senders_that_wait_get_their_value_back_when_the_last_receiver_is_closed(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(1, of=int)
    second = receiver.clone()
    sender.send(0)
    waiting = []
    for number in range(1, 4):
        waiting.append(parties.begin(kind, Send(sender, number)))
        until_senders(sender, number)
    assert second.close() == []
    assert sender.stats().waiting_senders == 3
    assert receiver.close() == [0]
    errors = [one.error() for one in waiting]
    assert [(type(error), error.value) for error in errors] == [(ChannelClosedError, number) for number in range(1, 4)]  # type: ignore[attr-defined]
    assert "all receivers are closed" in str(errors[0])
    with pytest.raises(ChannelClosedError, match="all receivers are closed") as caught:
        sender.send(9)
    assert caught.value.value == 9
    stats = sender.stats()
    assert (stats.sent, stats.received, stats.waiting, stats.discarded) == (1, 0, 0, 1)


@every_kind
def test_whoever_waits_at_an_end_that_is_closed_is_told_so_and_others_wait_on(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(0, of=int)
    other_sender = sender.clone()
    other_receiver = receiver.clone()
    mine = parties.begin(kind, Receive(receiver))
    until_receivers(sender, 1)
    others = parties.begin(kind, Receive(other_receiver))
    until_receivers(sender, 2)
    receiver.close()
    assert isinstance(mine.error(), ChannelClosedError)
    assert sender.stats().waiting_receivers == 1
    sender.send(1)
    assert others.result() == 1
    sending = parties.begin(kind, Send(sender, 2))
    until_senders(sender, 1)
    more = parties.begin(kind, Send(other_sender, 3))
    until_senders(sender, 2)
    sender.close()
    error = sending.error()
    assert isinstance(error, ChannelClosedError)
    assert error.value == 2
    assert other_receiver.receive() == 3
    more.result()


@every_kind
def test_senders_that_wait_at_a_channel_object_get_their_value_back_when_it_is_closed(parties: Parties, kind: str) -> None:
    channel = Channel[int](1)
    clone = channel.sender()
    channel.send(1)
    waiting = [parties.begin(kind, Send(clone, 2))]
    until_senders(channel, 1)
    channel.close()
    error = waiting[0].error()
    assert isinstance(error, ChannelClosedError)
    assert error.value == 2
    with pytest.raises(ChannelClosedError, match="nothing can be sent any more"):
        clone.send(3)
    assert list(channel) == [1]
    assert channel.closed
    channel.close()


@every_kind
def test_iteration_ends_with_the_channel(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(0, of=int)
    iterating = parties.begin(kind, Iterate(receiver))
    with sender:
        for number in range(10):
            sender.send(number)
    assert iterating.result() == list(range(10))


def test_what_iterates_at_an_end_that_is_closed_is_told_so(parties: Parties) -> None:
    sender, receiver = open_channel(0, of=int)
    keep = receiver.clone()
    iterating = parties.begin("thread", Iterate(receiver))
    until_receivers(sender, 1)
    receiver.close()
    assert isinstance(iterating.error(), ChannelClosedError)
    keep.close()


def test_each_clone_is_closed_by_itself_and_counts() -> None:
    sender, receiver = open_channel(4, of=int)
    senders = [sender, sender.clone(), sender.clone()]
    receivers = [receiver, receiver.clone()]
    assert (receiver.stats().senders, receiver.stats().receivers) == (3, 2)
    for left, one in zip((2, 1, 0), senders, strict=True):
        one.close()
        one.close()
        assert one.closed
        assert receiver.stats().senders == left
        assert receiver.stats().closed is (left == 0)
        with pytest.raises(ChannelClosedError, match="this end of it is closed"):
            one.clone()
        with pytest.raises(ChannelClosedError, match="this end of it is closed") as caught:
            one.send(7)
        assert caught.value.value == 7
        with pytest.raises(ChannelClosedError, match="this end of it is closed"):
            one.send_nowait(7)
    for one in receivers:
        assert one.close() == []
        assert one.close() == []
        assert one.closed
        for use in (one.receive, one.receive_nowait, one.clone, one.drain, lambda one=one: next(iter(one))):
            with pytest.raises(ChannelClosedError, match="this end of it is closed"):
                use()
    assert receiver.stats().receivers == 0


def test_close_of_the_last_receiver_returns_what_waits_in_order() -> None:
    sender, receiver = open_channel(None, of=int)
    for number in range(5):
        sender.send(number)
    assert receiver.receive() == 0
    assert receiver.close() == [1, 2, 3, 4]
    stats = sender.stats()
    assert (stats.sent, stats.received, stats.discarded, stats.waiting) == (5, 1, 4, 0)


def test_ends_are_closed_by_with() -> None:
    sender, receiver = open_channel(1, of=int)
    with sender as same, receiver:
        assert same is sender
    assert sender.closed
    assert receiver.closed
    with Channel[int](1) as channel:
        assert not channel.closed
    assert channel.closed


async def closed_by_async_with() -> list[bool]:
    sender, receiver = open_channel(1, of=int)
    async with sender, receiver, Channel[int](0) as channel:
        before = [sender.closed, receiver.closed, channel.closed]
    return [*before, sender.closed, receiver.closed, channel.closed]


def test_ends_are_closed_by_async_with() -> None:
    import asyncio

    assert asyncio.run(closed_by_async_with()) == [False] * 3 + [True] * 3


# -- timeouts --------------------------------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("timeout", [0.01, 0, -1])
def test_a_receive_that_timed_out_has_lost_nothing(parties: Parties, kind: str, timeout: float) -> None:
    channel = Channel[int](1)
    error = parties.begin(kind, Receive(channel, timeout=timeout)).error()
    assert isinstance(error, Timeout)
    assert str(error) == f"nothing came through channel within {timeout} seconds"
    assert channel.stats().waiting_receivers == 0
    channel.send(1)
    assert parties.begin(kind, Receive(channel, timeout=timeout)).result() == 1


@every_kind
@pytest.mark.parametrize("timeout", [0.01, 0, -1])
@pytest.mark.parametrize("capacity", [0, 1])
def test_a_send_that_timed_out_has_sent_nothing(parties: Parties, kind: str, timeout: float, capacity: int) -> None:
    channel = Channel[int](capacity)
    for number in range(capacity):
        channel.send(number)
    error = parties.begin(kind, Send(channel, 9, timeout=timeout)).error()
    assert isinstance(error, Timeout)
    assert str(error) == f"channel had no room within {timeout} seconds; the value was not sent"
    assert channel.stats().waiting_senders == 0
    assert channel.drain() == list(range(capacity))


@every_kind
def test_a_wait_with_time_enough_is_as_one_without(parties: Parties, kind: str) -> None:
    for timeout in (PATIENT, float("inf"), 10**400):
        channel = Channel[int](0)
        receiving = parties.begin(kind, Receive(channel, timeout=timeout))
        until_receivers(channel, 1)
        channel.send(1, timeout=timeout)
        assert receiving.result() == 1


PATIENT = 50.0


# -- without waiting -------------------------------------------------------------------------------------------------------


def test_send_nowait_and_receive_nowait_do_not_wait() -> None:
    channel = Channel[int](1, name="jobs")
    with pytest.raises(ChannelEmptyError, match=r"^nothing waits in jobs; receive\(\) and receive_async\(\) wait$") as empty:
        channel.receive_nowait()
    assert empty.value.channel == "jobs"
    channel.send_nowait(1)
    with pytest.raises(ChannelFullError, match=r"^jobs is full \(1 values wait\); send\(\) and send_async\(\) wait$") as full:
        channel.send_nowait(2)
    assert (full.value.value, full.value.capacity, full.value.channel) == (2, 1, "jobs")
    assert channel.receive_nowait() == 1
    channel.close()
    with pytest.raises(ChannelEndedError):
        channel.receive_nowait()
    with pytest.raises(ChannelClosedError):
        channel.send_nowait(1)


def test_at_a_rendezvous_nowait_meets_who_waits(parties: Parties) -> None:
    channel = Channel[int](0, name="door")
    with pytest.raises(ChannelFullError, match="door is a rendezvous, and nobody waits to receive"):
        channel.send_nowait(1)
    receiving = parties.begin("pool", Receive(channel))
    until_receivers(channel, 1)
    channel.send_nowait(2)
    assert receiving.result() == 2
    sending = parties.begin("async handler", Send(channel, 3))
    until_senders(channel, 1)
    assert channel.receive_nowait() == 3
    sending.result()


def test_drain_takes_also_what_senders_wait_with(parties: Parties) -> None:
    channel = Channel[int](2)
    sending = []
    for number in range(5):
        sending.append(parties.begin("coroutine", Send(channel, number)))
        until(lambda number=number: channel.stats().waiting + channel.stats().waiting_senders == number + 1)
    assert channel.drain() == [0, 1, 2, 3, 4]
    for one in sending:
        one.result()
    assert channel.drain() == []
    channel.close()
    assert channel.drain() == []


# -- types, statistics, names ----------------------------------------------------------------------------------------------


@every_kind
def test_only_what_the_channel_is_for_is_let_in(parties: Parties, kind: str) -> None:
    sender, receiver = open_channel(2, of=str, name="names")
    error = parties.begin(kind, Send(sender, 7)).error()
    assert isinstance(error, TypeError)
    assert str(error) == "value=7 is not valid: names is for str"
    clone = sender.clone()
    for refused in (lambda: clone.send(7), lambda: sender.send_nowait(7)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="value=7 is not valid: names is for str"):
            refused()
    parties.begin(kind, Send(sender, "seven")).result()
    assert receiver.drain() == ["seven"]
    assert sender.stats().sent == 1


def test_statistics_tell_all_there_is(parties: Parties) -> None:
    sender, receiver = open_channel(2, of=int)
    sender.send(1)
    sender.send(2)
    waiting = parties.begin("thread", Send(sender, 3))
    until_senders(sender, 1)
    assert sender.stats() == ChannelStats(
        capacity=2,
        waiting=2,
        sent=2,
        received=0,
        discarded=0,
        senders=1,
        receivers=1,
        waiting_senders=1,
        waiting_receivers=0,
        closed=False,
    )
    assert receiver.receive() == 1
    waiting.result()
    assert receiver.stats() == sender.stats()
    assert (sender.stats().sent, sender.stats().received, sender.stats().waiting) == (3, 1, 2)


def test_a_pool_of_one_worker_carries_two_handlers_that_talk_through_a_channel(parties: Parties) -> None:
    there, back = Channel[int](0), Channel[int](0)

    class PingPong:
        def __init__(self, out: Channel[int], into: Channel[int], *, serves: bool) -> None:
            self.out, self.into, self.serves = out, into, serves

        def do(self) -> int:
            number = 0
            if self.serves:
                self.out.send(0)
            while number < 400:
                number = self.into.receive() + 1
                if number <= 400:
                    self.out.send(number, timeout=PATIENT)
            return number

    one = parties.begin("pool", PingPong(there, back, serves=True))
    other = parties.begin("pool", PingPong(back, there, serves=False))
    until(lambda: one.done or other.done)
    assert 400 <= (one if one.done else other).result() <= 401
    there.close()
    back.close()


def test_ends_are_not_copied_or_pickled() -> None:
    sender, receiver = open_channel(1, of=int, name="jobs")
    for end in (sender, receiver, Channel[int](0)):
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"use clone\(\) for another end of the same channel"):
                make(end)
    assert repr(sender) == "<Sender of jobs>"
    receiver.close()
    assert repr(receiver) == "<Receiver of jobs, closed>"
    assert sender.name == "jobs"


def test_ends_travel_in_messages() -> None:
    with ActorSystem() as system:
        from tests.channels.kit import Doer

        channel = Channel[int](0)
        doer = system.spawn(Doer)
        asked = doer.ask(Receive(channel), block=False)
        channel.send(5)
        assert asked.get(timeout=PATIENT) == 5
