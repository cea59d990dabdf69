"""A Ctrl-C in the middle of a send or receive: wherever it comes, the channel has its whole room afterwards, and goes on.

Signals are handled between two steps of Python code. Here the interrupt is raised by a profile function, after one call after the other.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from actors.channels import Channel, ChannelClosedError, ChannelEndedError, ChannelFullError
from tests import interrupts
from tests.channels.kit import adds_up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CAPACITY = 2


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
        if interrupt(number, lambda channel=channel: use(channel)):  # type: ignore[misc]
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


def send(channel: Channel[int]) -> None:
    channel.send(1, timeout=0)


def close(channel: Channel[int]) -> None:
    channel.close()


@pytest.mark.parametrize("capacity", [0, 1])
@pytest.mark.parametrize("use", [send, close])
def test_an_interrupt_at_any_moment_leaves_no_receiver_waiting(use: Callable[[Channel[int]], None], capacity: int) -> None:
    async def interrupted(number: int) -> bool:
        channel = Channel[int](capacity)
        waits = asyncio.create_task(channel.receive_async())
        await asyncio.sleep(0)
        done = interrupt(number, lambda: use(channel))
        await asyncio.sleep(0)
        if not waits.done():
            use(channel)
        await asyncio.wait([waits], timeout=1.0)
        assert waits.done()
        assert isinstance(waits.exception(), ChannelEndedError) if use is close else waits.result() == 1
        assert adds_up(channel)
        return not done

    assert count_interrupts(interrupted) > 10


@pytest.mark.parametrize("capacity", [0, 1])
@pytest.mark.parametrize("use", [Channel.receive_nowait, close])
def test_an_interrupt_at_any_moment_leaves_no_sender_waiting(use: Callable[[Channel[int]], Any], capacity: int) -> None:
    async def interrupted(number: int) -> bool:
        channel = Channel[int](capacity)
        for value in range(capacity):
            channel.send_nowait(value)
        waits = asyncio.create_task(channel.send_async(5))
        await asyncio.sleep(0)
        done = interrupt(number, lambda: use(channel))
        await asyncio.sleep(0)
        if not waits.done():
            use(channel)
        await asyncio.wait([waits], timeout=1.0)
        assert waits.done()
        assert isinstance(waits.exception(), ChannelClosedError) is (use is close)
        return not done

    assert count_interrupts(interrupted) > 10


def interrupt(number: int, use: Callable[[], object]) -> bool:
    """Call `use()`, interrupted after so many calls of channels: asyncio stands none within its own. Tell whether it came to its end."""
    return not interrupts.interrupted("channels", use, number)


def count_interrupts(interrupted: Callable[[int], Coroutine[Any, Any, bool]]) -> int:
    """Let it run with an interrupt after no call, one, two, ..., until there is none; return how many there were."""
    return next(number for number in itertools.count() if not asyncio.run(interrupted(number)))
