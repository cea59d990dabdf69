"""What is not valid at a channel is refused at once, by an error that says what to do; errors survive pickling."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

from actors import Actor, ActorError, ActorSystem, BlockingInLoopError, Timeout
from actors.channels import (
    Channel,
    ChannelClosedError,
    ChannelEmptyError,
    ChannelEndedError,
    ChannelError,
    ChannelFullError,
    ChannelOutsideError,
    errors,
    open_channel,
    select,
    select_async,
)
from tests.channels.kit import PATIENCE

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize("make", [Channel[int], open_channel])
@pytest.mark.parametrize(
    ("capacity", "error", "text"),
    [
        (-1, ValueError, "capacity=-1 is not valid: from 0 (a rendezvous) to 1,000,000, or None for no bound"),
        (1_000_001, ValueError, "capacity=1000001 is not valid: from 0 (a rendezvous) to 1,000,000, or None for no bound"),
        (10**30, ValueError, f"capacity={10**30} is not valid: from 0"),
        (True, TypeError, "capacity=True is not valid: how many values may wait, a whole number; 0 for a rendezvous, None for no bound"),
        (1.5, TypeError, "capacity=1.5 is not valid: how many"),
        (float("inf"), TypeError, "capacity=inf is not valid: how many"),
        ("3", TypeError, "capacity='3' is not valid: how many"),
        ([], TypeError, "capacity=[] is not valid: how many"),
    ],
)
def test_a_capacity_that_is_none_is_refused(make: Callable[[Any], object], capacity: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        make(capacity)


@pytest.mark.parametrize("make", [Channel[int], open_channel])
@pytest.mark.parametrize("capacity", [0, 1, 1_000_000, None])
def test_any_other_capacity_is_taken(make: Callable[[Any], object], capacity: int | None) -> None:
    made: Any = make(capacity)
    end = made[0] if isinstance(made, tuple) else made
    assert end.stats().capacity == capacity


def test_a_name_and_a_type_that_are_none_are_refused() -> None:
    for make in (lambda: Channel[int](1, name=7), lambda: open_channel(1, name=7)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="name=7 is not valid: a text"):
            make()
    for of in ("int", 7, int | str):
        with pytest.raises(TypeError, match=re.escape(f"of={of!r} is not valid: a class, or None for any value")):
            open_channel(1, of=of)  # type: ignore[arg-type]


BAD_TIMEOUTS = [("3", TypeError), (True, TypeError), (float("nan"), ValueError), ([], TypeError)]
USES: list[Callable[[Channel[int], Any], Any]] = [
    lambda channel, timeout: channel.send(1, timeout=timeout),
    lambda channel, timeout: channel.receive(timeout=timeout),
    lambda channel, timeout: select(channel, timeout=timeout),
    lambda channel, timeout: asyncio.run(channel.send_async(1, timeout=timeout)),
    lambda channel, timeout: asyncio.run(channel.receive_async(timeout=timeout)),
    lambda channel, timeout: asyncio.run(select_async(channel, timeout=timeout)),
]


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("use", USES, ids=["send", "receive", "select", "send_async", "receive_async", "select_async"])
@pytest.mark.parametrize(("timeout", "error"), BAD_TIMEOUTS)
def test_a_timeout_that_is_none_is_refused_before_anything_is_done(
    timeout: Any, error: type[Exception], use: Callable[[Channel[int], Any], Any], *, ready: bool
) -> None:
    channel = Channel[int](2 if ready else 0)
    if ready:
        channel.send(7)
    before = channel.stats()
    with pytest.raises(error, match=re.escape(f"timeout={timeout!r} is not valid: a number of seconds, or None")):
        use(channel, timeout)
    assert channel.stats() == before


def test_select_needs_cases_and_cases_are_receivers_and_sendings() -> None:
    sender, receiver = open_channel(1, of=int)
    for choose in (select, lambda *cases, **options: asyncio.run(select_async(*cases, **options))):
        with pytest.raises(ValueError, match=re.escape("select() needs at least one case: with none it would wait for ever")):
            choose()
        for wrong in (sender, 1, None, [receiver], "x"):
            with pytest.raises(TypeError, match=re.escape(f"case={wrong!r} is not valid: a receiver, or sender.sending(value)")):
                choose(receiver, wrong, timeout=0)
        strict, _ = open_channel(1, of=str)
        with pytest.raises(TypeError, match="value=3 is not valid: channel is for str"):
            choose(receiver, strict.sending(3), timeout=0)  # type: ignore[arg-type]
    assert receiver.stats().waiting_receivers == 0


def test_a_value_whose_methods_misbehave_travels_like_any_other() -> None:
    class Nasty:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        def __hash__(self) -> int:
            raise RuntimeError

        def __bool__(self) -> bool:
            raise RuntimeError

        def __repr__(self) -> str:
            raise RuntimeError

    value = Nasty()
    channel = Channel[Any](1)
    channel.send(value)
    assert channel.receive() is value
    sender, receiver = open_channel(0)
    receiver.close()
    with pytest.raises(ChannelClosedError) as caught:
        sender.send(value)
    assert caught.value.value is value
    assert "all receivers are closed" in str(caught.value)


def test_channel_values_may_be_what_the_implementation_works_with() -> None:
    from actors.channels.waits import ENDED

    for value in (ENDED, Channel[int](0), StopIteration(), StopAsyncIteration(), Timeout("x"), ChannelEndedError("x"), None):
        channel = Channel[Any](1)
        channel.send(value)
        assert channel.receive() is value


# -- where one must not block ----------------------------------------------------------------------------------------------


class Blocks(Actor):
    """Blocks in an async handler."""

    async def on_receive(self, message: Any) -> Any:
        try:
            return message()
        except Exception as error:  # noqa: BLE001  # for the test to look at
            return error


def test_what_would_block_the_loop_of_actors_is_refused_and_leaves_no_trace() -> None:
    channel = Channel[int](0)
    with ActorSystem() as system:
        ref = system.spawn(Blocks)
        for use in (channel.receive, lambda: channel.send(1), lambda: select(channel), lambda: list(channel)):
            error = ref.ask(use, timeout=PATIENCE)
            assert isinstance(error, BlockingInLoopError)
            assert "_async" in str(error)
        for use in (lambda: channel.receive(timeout=0), lambda: channel.send(1, timeout=0), lambda: select(channel, timeout=0)):
            assert isinstance(ref.ask(use, timeout=PATIENCE), Timeout)
        assert channel.stats().waiting_receivers == channel.stats().waiting_senders == 0
        roomy = Channel[int](1)
        assert ref.ask(lambda: roomy.send(1), timeout=PATIENCE) is None
        assert ref.ask(roomy.receive, timeout=PATIENCE) == 1


# -- errors ----------------------------------------------------------------------------------------------------------------

ERRORS: list[ChannelError] = [
    ChannelError("text"),
    ChannelClosedError("jobs", "it is closed: nothing can be sent any more", (1, "x")),
    ChannelEndedError("jobs"),
    ChannelFullError("jobs", (1, "x"), 3),
    ChannelEmptyError("jobs"),
    ChannelOutsideError("jobs"),
]


def test_every_error_of_the_tree_is_in_the_list() -> None:
    assert {type(error).__name__ for error in ERRORS} == set(errors.__all__)
    assert all(isinstance(error, ActorError) for error in ERRORS)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling_with_their_attributes_and_text(error: ChannelError, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_an_error_at_an_async_iteration_is_not_taken_for_its_end() -> None:
    async def scene() -> None:
        sender, receiver = open_channel(0, of=int)
        keep = receiver.clone()
        receiver.close()
        with pytest.raises(ChannelClosedError):
            async for _ in receiver:
                pass
        keep.close()
        sender.close()

    asyncio.run(scene())
