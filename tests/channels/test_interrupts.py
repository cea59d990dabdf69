"""A Ctrl-C in the middle of a send or receive: wherever it comes, the channel has its whole room afterwards, and goes on.

Signals are handled between two steps of Python code. Here the interrupt is raised by a profile function, after one call after the other.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from actors.channels import Channel, ChannelFullError

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 2


class Interrupt:
    """Raises KeyboardInterrupt after the call with this number, of all that are made meanwhile."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __enter__(self) -> None:
        sys.setprofile(self)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_return"):
            self.left -= 1
            if self.left < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt


def send_async(channel: Channel[int]) -> None:
    with pytest.raises(StopIteration):
        channel.send_async(1).send(None)


def receive_async(channel: Channel[int]) -> None:
    with pytest.raises(StopIteration):
        channel.receive_async().send(None)


def send_twice(channel: Channel[int]) -> None:
    """The second one finds no room."""
    channel.send_nowait(1)
    with pytest.raises(ChannelFullError):
        channel.send_nowait(1)


@pytest.mark.parametrize(
    "use",
    [
        lambda channel: channel.send(1),
        lambda channel: channel.receive(),
        lambda channel: channel.send_nowait(1),
        lambda channel: channel.receive_nowait(),
        lambda channel: channel.drain(),
        send_async,
        receive_async,
        send_twice,
    ],
    ids=["send", "receive", "send_nowait", "receive_nowait", "drain", "send_async", "receive_async", "send_twice"],
)
def test_an_interrupt_at_any_moment_takes_no_room_away(use: Callable[[Channel[int]], Any]) -> None:
    for number in range(10_000):
        channel = Channel[int](CAPACITY)
        channel.send(0)
        interrupt = Interrupt(number)
        try:
            with interrupt:
                use(channel)
        except KeyboardInterrupt:
            pass
        else:
            break
        channel.drain()
        for value in range(CAPACITY):
            channel.send_nowait(value)
        with pytest.raises(ChannelFullError):
            channel.send_nowait(CAPACITY)
        assert channel.drain() == list(range(CAPACITY))
        channel.close()
        assert list(channel) == []
    else:
        pytest.fail("the interrupts never came to an end")
    assert number > 3  # or nothing was interrupted
