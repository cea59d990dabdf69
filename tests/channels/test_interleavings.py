"""Single interleavings of the lock-free parts of channels, each brought about on purpose.

White-box by nature: the other thread's part is run at the very line where it hurts. The claims are those of the contract.
"""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors.channels import Channel, ChannelClosedError, open_channel, select
from actors.channels.meeting import Meeting
from actors.channels.pipe import Pipe
from tests.channels.kit import Parties, Receive, Select, Send, until, until_receivers, until_senders
from tests.stress.threads import at_line

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("no_leaks")


def line_of(function: Callable[..., Any], text: str) -> int:
    """Return the number of the line of `function` that contains `text`."""
    lines, first = inspect.getsourcelines(function)
    (found,) = [index for index, line in enumerate(lines) if text in line]
    return first + found


def at(function: Callable[..., Any], text: str, call: Callable[[], object]) -> None:
    """Make `call` on another thread just before this thread runs that line."""
    at_line(function.__code__, line_of(function, text), call)


def short_send(channel: Channel[Any], value: Any) -> None:
    """The first half of a send that began when nobody waited."""
    pipe: Any = channel._pipe
    pipe.claim()
    pipe.count()
    pipe.push(value)


def short_receive(channel: Channel[Any]) -> Any:
    """The first half of a receive that began when nobody waited."""
    pipe: Any = channel._pipe
    value = pipe.pull()
    pipe.free(None)
    return value


@pytest.mark.parametrize("what", ["close", "send", "sender waits"])
def test_a_select_that_one_channel_claimed_in_vain_is_served_by_the_other(parties: Parties, what: str) -> None:
    """The value that it was claimed for is taken by who came the short way; meanwhile the other channel has passed it over."""
    busy, other = Channel[int](1), Channel[int](0 if what == "sender waits" else 1)
    selecting = parties.begin("thread", Select(busy, other))
    until_receivers(other, 1)
    short_send(busy, 1)
    sending = []

    def meanwhile() -> None:
        assert short_receive(busy) == 1
        if what == "close":
            other.close()
        elif what == "send":
            other.send(2, timeout=0)
        else:
            sending.append(parties.begin("thread", Send(other, 2)))
            until_senders(other, 1)

    at(Meeting._hand_over, "turn, value = self._next_value()", meanwhile)
    busy._pipe.settle_late(1)
    chosen = selecting.result(10)
    assert chosen.case is other
    assert (chosen.ended, chosen.value) == ((True, None) if what == "close" else (False, 2))
    for one in sending:
        one.result()
    assert busy.stats().waiting == busy.stats().waiting_receivers == 0


@pytest.mark.parametrize("what", ["close", "receive", "receiver closes"])
def test_a_select_that_was_to_send_and_was_claimed_in_vain_is_served_by_the_other(parties: Parties, what: str) -> None:
    busy, (sender, receiver) = Channel[int](1), open_channel(0, of=int)
    busy.send(0)
    selecting = parties.begin("thread", Select(busy.sending(1), sender.sending(2)))
    until_senders(sender, 1)
    assert short_receive(busy) == 0
    receiving = []

    def meanwhile() -> None:
        short_send(busy, 9)
        if what == "close":
            sender.close()
        elif what == "receive":
            receiving.append(parties.begin("thread", Receive(receiver)))
            until_receivers(receiver, 1)
        else:
            receiver.close()

    at(Meeting._let_in, "if not self._token():", meanwhile)
    busy._pipe.settle()
    if what == "receive":
        assert receiving[0].result(10) == 2
        assert selecting.result(10).index == 1
    else:
        error = selecting.error()
        assert isinstance(error, ChannelClosedError)
        assert error.value == 2
    assert busy.drain() == [9]


def test_two_channels_that_would_serve_one_select_do_so_once(parties: Parties) -> None:
    one, other = Channel[int](1), Channel[int](1)
    selecting = parties.begin("thread", Select(one, other))
    until_receivers(other, 1)
    at(Meeting._first, "if place.wait.claim():", lambda: other.send(2, timeout=0))
    one.send(1, timeout=5)
    assert selecting.result(10).value == 2
    assert one.drain() == [1]
    assert other.drain() == []


@pytest.mark.parametrize("how", ["channel", "senders", "receivers"])
def test_a_send_on_the_short_way_that_meets_a_close_comes_back_or_arrives(how: str) -> None:
    sender, receiver = open_channel(2, of=int)
    channel = Channel[int](2)
    out: Any = channel if how == "channel" else sender
    into: Any = channel if how == "channel" else receiver
    closed: list[Any] = []

    def close() -> None:
        closed.append((into if how == "receivers" else out).close())
        if how != "receivers":
            assert list(into) == []  # the end was told

    lines, first = inspect.getsourcelines(type(out).send)
    (push,) = [index for index, line in enumerate(lines) if "self._push(value)" in line]
    at_line(type(out).send.__code__, first + push, close)
    with pytest.raises(ChannelClosedError) as caught:
        out.send(7)
    assert caught.value.value == 7
    assert closed in ([None], [[]])
    stats = out.stats()
    assert (stats.sent, stats.waiting, stats.received, stats.discarded) == (0, 0, 0, 0)


def test_a_send_on_the_short_way_that_a_receiver_got_before_the_end_was_sent(parties: Parties) -> None:
    """The channel is closed while the value comes; a receiver takes it before anybody was told of the end."""
    sender, receiver = open_channel(2, of=int)
    got: list[int] = []

    def close_and_receive() -> None:
        sender.close()
        got.append(receiver.receive())

    at(type(sender).send, "if pipe.busy:", close_and_receive)
    sender.send(7)
    assert got == [7]
    assert list(receiver) == []


@pytest.mark.parametrize("kind", ["thread", "coroutine", "pool"])
def test_a_value_that_comes_while_a_receiver_takes_its_place_is_not_left_beside_it(parties: Parties, kind: str) -> None:
    channel = Channel[int](1)
    joined = threading.Event()
    real = Pipe.join

    def join(self: Pipe, place: Any, after: Any) -> None:
        if self is channel._pipe:
            short_send(channel, 5)  # it looked at `busy` before; it will look again, but not yet
            joined.set()
        real(self, place, after)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipe, "join", join)
        assert parties.begin(kind, Receive(channel)).result(10) == 5
    assert joined.is_set()
    assert channel.stats().waiting_receivers == 0


@pytest.mark.parametrize("kind", ["thread", "coroutine", "pool"])
def test_room_that_comes_while_a_sender_takes_its_place_is_not_left_beside_it(parties: Parties, kind: str) -> None:
    channel = Channel[int](1)
    channel.send(1)
    real = Pipe.join

    def join(self: Pipe, place: Any, after: Any) -> None:
        if self is channel._pipe:
            assert short_receive(channel) == 1
        real(self, place, after)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipe, "join", join)
        parties.begin(kind, Send(channel, 2)).result(10)
    assert channel.drain() == [2]


def test_ctrl_c_while_others_are_woken_wakes_them_all_the_same(parties: Parties) -> None:
    sender, receiver = open_channel(0, of=int)
    waiting = [parties.begin("thread", Receive(receiver)) for _ in range(3)]
    until_receivers(receiver, 3)
    from actors.channels.waits import ThreadWait

    real, calls = ThreadWait.rouse, []

    def rouse(self: ThreadWait) -> None:
        real(self)
        calls.append(self)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadWait, "rouse", rouse)
        with pytest.raises(KeyboardInterrupt):
            sender.close()
    for one in waiting:
        assert isinstance(one.error(), EOFError)
    until(lambda: receiver.stats().waiting_receivers == 0)
    assert select(receiver).ended
