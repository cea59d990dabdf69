"""`select` does one of several things, the first that is possible, and of several that are possible a random one."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections import Counter
from typing import Any

import pytest

from actors import ActorSystem, SystemConfig, Timeout
from actors.channels import Channel, ChannelClosedError, Selected, open_channel, select
from actors.channels.waits import ports_here
from tests.channels.conftest import every_kind
from tests.channels.kit import PATIENCE, Parties, Receive, Select, Send, until, until_receivers, until_senders
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")


def nobody_waits(*channels: Channel[Any]) -> bool:
    return all(one.stats().waiting_receivers == one.stats().waiting_senders == 0 for one in channels)


@every_kind
def test_what_is_possible_is_done_at_once_and_nothing_else(parties: Parties, kind: str) -> None:
    empty, full = Channel[int](1), Channel[int](1)
    full.send(1)
    chosen = parties.begin(kind, Select(empty, full, full.sending(2), timeout=5)).result()
    assert (chosen.index, chosen.case, chosen.value, chosen.ended) == (1, full, 1, False)
    chosen = parties.begin(kind, Select(empty, full.sending(2))).result()
    assert (chosen.index, chosen.value, chosen.ended) == (1, None, False)
    assert full.drain() == [2]
    assert nobody_waits(empty, full)


@every_kind
def test_the_first_that_becomes_possible_is_done_and_the_others_leave_no_trace(parties: Parties, kind: str) -> None:
    channels = [Channel[int](0) for _ in range(3)]
    for index in range(3):
        selecting = parties.begin(kind, Select(*channels))
        until(lambda: all(one.stats().waiting_receivers == 1 for one in channels))
        channels[index].send(index, timeout=PATIENCE)
        assert selecting.result() == Selected(index, channels[index], index, ended=False)
        assert nobody_waits(*channels)
        sending = parties.begin(kind, Select(*(one.sending(number) for number, one in enumerate(channels))))
        until(lambda: all(one.stats().waiting_senders == 1 for one in channels))
        assert channels[index].receive(timeout=PATIENCE) == index
        assert sending.result().index == index
        assert nobody_waits(*channels)


@every_kind
def test_the_end_of_a_channel_is_chosen_as_a_value_is(parties: Parties, kind: str) -> None:
    one, other = Channel[int](0), Channel[int](0)
    selecting = parties.begin(kind, Select(one, other))
    until_receivers(other, 1)
    other.close()
    assert selecting.result() == Selected(1, other, None, ended=True)
    assert parties.begin(kind, Select(one, other)).result() == Selected(1, other, None, ended=True)
    assert nobody_waits(one, other)


@every_kind
def test_a_case_that_can_never_be_done_is_an_error(parties: Parties, kind: str) -> None:
    empty = Channel[int](0)
    sender, receiver = open_channel(0, of=int)
    selecting = parties.begin(kind, Select(empty, sender.sending(1)))
    until_senders(sender, 1)
    receiver.close()
    error = selecting.error()
    assert isinstance(error, ChannelClosedError)
    assert error.value == 1
    assert isinstance(parties.begin(kind, Select(empty, sender.sending(2))).error(), ChannelClosedError)
    assert isinstance(parties.begin(kind, Select(empty, receiver)).error(), ChannelClosedError)
    assert nobody_waits(empty)


@every_kind
@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_a_select_that_timed_out_has_done_nothing(parties: Parties, kind: str, timeout: float) -> None:
    channels = [Channel[int](0) for _ in range(2)]
    error = parties.begin(kind, Select(channels[0], channels[1].sending(1), timeout=timeout)).error()
    assert isinstance(error, Timeout)
    assert str(error) == f"none of 2 cases was possible within {timeout} seconds"
    assert nobody_waits(*channels)
    assert all(one.stats().sent == 0 for one in channels)


def test_of_several_that_are_possible_each_is_as_likely() -> None:
    channels = [Channel[int](None) for _ in range(2)]
    full = Channel[int](None)
    tries = 3000
    for number in range(tries):
        for one in channels:
            one.send(number)
    chosen = Counter(select(channels[0], full.sending(1), channels[1]).index for _ in range(tries))
    # 1000 each; the standard deviation is 26, and this is more than nine of them
    assert all(abs(chosen[index] - tries / 3) < 240 for index in range(3)), chosen


def test_the_choice_is_made_by_the_random_port() -> None:
    def choices(seed: int) -> list[int]:
        class Port:
            def __init__(self) -> None:
                self.random = random.Random(seed).random

        class Chooser:
            def do(self) -> list[int]:
                channels = [Channel[int](None) for _ in range(3)]
                for one in channels:
                    for _ in range(50):
                        one.send(1)
                return [select(*channels).index for _ in range(50)]

        from tests.channels.kit import Doer

        ports = dataclasses.replace(ports_here(), random=Port())
        with ActorSystem(config=SystemConfig(ports=ports)) as system:
            made: list[int] = system.spawn(Doer).ask(Chooser(), timeout=PATIENCE)
            return made

    assert choices(1) == choices(1)
    assert choices(1) != choices(2)


# -- the same channel more than once ---------------------------------------------------------------------------------------


@every_kind
def test_the_same_channel_may_be_there_twice(parties: Parties, kind: str) -> None:
    channel = Channel[int](0)
    selecting = parties.begin(kind, Select(channel, channel))
    until_receivers(channel, 2)
    channel.send(1, timeout=PATIENCE)
    assert selecting.result().value == 1
    with pytest.raises(Timeout):
        channel.send(2, timeout=0)
    assert nobody_waits(channel)


@every_kind
@pytest.mark.parametrize("partner", ["send", "receive"])
def test_a_select_that_would_send_or_receive_at_one_channel_does_not_meet_itself_but_others(
    parties: Parties, kind: str, partner: str
) -> None:
    channel = Channel[int](0)
    selecting = parties.begin(kind, Select(channel, channel.sending(1)))
    until(lambda: channel.stats().waiting_senders == channel.stats().waiting_receivers == 1)
    if partner == "send":
        channel.send(2, timeout=PATIENCE)
        assert selecting.result() == Selected(0, channel, 2, ended=False)
    else:
        assert channel.receive(timeout=PATIENCE) == 1
        assert selecting.result().index == 1
    assert nobody_waits(channel)


@every_kind
def test_two_selects_of_both_directions_meet_each_other(parties: Parties, kind: str) -> None:
    for _ in range(20):
        channel = Channel[str](0)
        doings = [parties.begin(kind, Select(channel, channel.sending(name))) for name in "ab"]
        values = [one.result().value for one in doings]
        assert values in ([None, "a"], ["b", None])
        assert nobody_waits(channel)


def test_a_select_in_both_lines_does_not_keep_others_apart(parties: Parties) -> None:
    channel = Channel[int](0)
    both = parties.begin("thread", Select(channel, channel.sending(1)))
    until(lambda: channel.stats().waiting_senders == channel.stats().waiting_receivers == 1)
    assert channel.receive(timeout=PATIENCE) == 1
    both.result()
    for _ in range(3):
        receiving = parties.begin("thread", Receive(channel))
        until_receivers(channel, 1)
        parties.begin("thread", Send(channel, 5)).result()
        assert receiving.result() == 5


# -- two selects at the same channels --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("capacity", [0, 1])
def test_selects_over_the_same_channels_in_opposite_directions_never_lock_each_other_out(capacity: int) -> None:
    one, other = Channel[int](capacity), Channel[int](capacity)
    rounds = scaled(20_000, 1500)
    sent: list[list[int]] = [[], []]
    got: list[list[int]] = [[], []]

    def play(me: int) -> None:
        mine, theirs = (one, other) if me else (other, one)
        number = me
        while len(sent[me]) < rounds or len(got[me]) < rounds:
            cases: list[Any] = []
            if len(got[me]) < rounds:
                cases.append(theirs)
            if len(sent[me]) < rounds:
                cases.append(mine.sending(number))
            chosen = select(*cases, timeout=PATIENCE)
            if chosen.case is theirs:
                got[me].append(chosen.value)
            else:
                sent[me].append(number)
                number += 2

    threads = [threading.Thread(target=play, args=(me,), daemon=True) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)
        assert not thread.is_alive(), "two selects wait for each other"
    assert got[0] == sent[1]
    assert got[1] == sent[0]
    assert nobody_waits(one, other)


@pytest.mark.usefixtures("restless")
def test_many_selects_each_way_do_each_thing_exactly_once() -> None:
    channels = [Channel[int](0) for _ in range(3)]
    each, senders = scaled(5000, 400), 3
    got: list[list[int]] = [[] for _ in range(senders)]

    def send(me: int) -> None:
        for number in range(each):
            value = me * each + number
            cases = [one.sending(value) for one in channels]
            random.Random(value).shuffle(cases)
            select(*cases, timeout=PATIENCE)

    def receive(me: int) -> None:
        got[me] += [select(*channels, timeout=PATIENCE).value for _ in range(each)]

    threads = [threading.Thread(target=work, args=(me,), daemon=True) for work in (send, receive) for me in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)
        assert not thread.is_alive(), "a select hangs"
    assert sorted(value for values in got for value in values) == list(range(senders * each))
    for values in got:  # of one sender, to one receiver: in order
        for me in range(senders):
            mine = [value for value in values if value // each == me]
            assert mine == sorted(mine)
    assert nobody_waits(*channels)
