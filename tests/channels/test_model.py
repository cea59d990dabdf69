"""A channel against a model of lists: whatever threads and coroutines do there, and whoever waits, it does as the model."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from actors.channels import Channel, ChannelClosedError, ChannelEmptyError, ChannelEndedError, ChannelFullError
from tests.channels.kit import PATIENCE, Doing, Receive, Send, cancel_all, resolve, until
from tests.support import scaled


class Wait:
    """Somebody who waits: what is done, and what it will come to by the model."""

    def __init__(self, doing: Doing, value: Any = None) -> None:
        self.doing = doing
        self.value = value


class ModelOfAChannel(RuleBasedStateMachine):
    """The model: a list of values, and two lines."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.values: deque[int] = deque()
        self.takers: list[Wait] = []
        self.givers: list[Wait] = []
        self.closed = False
        self.let_in: list[Wait] = []  # whose sends must have returned
        self.number = 0
        self.sent = 0

    @initialize(capacity=st.sampled_from([0, 1, 2, None]))
    def make(self, capacity: int | None) -> None:
        self.channel = Channel[int](capacity)
        self.capacity = float("inf") if capacity is None else capacity

    def teardown(self) -> None:
        self.channel.close()
        asyncio.run_coroutine_threadsafe(cancel_all(), self.loop).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()

    def begin(self, what: Any, *, on_loop: bool) -> Doing:
        if on_loop:
            task = asyncio.run_coroutine_threadsafe(what.do_async(), self.loop)
            return Doing(task, task=task)
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        threading.Thread(target=resolve, args=(future, what.do), daemon=True).start()
        return Doing(future)

    # -- what somebody does ------------------------------------------------------------------------------------------------

    @rule(on_loop=st.booleans())
    def send(self, on_loop: bool) -> None:
        value = self.number = self.number + 1
        doing = self.begin(Send(self.channel, value), on_loop=on_loop)
        if self.closed:
            error = doing.error()
            assert isinstance(error, ChannelClosedError)
            assert error.value == value
        elif self.takers:
            self.sent += 1
            doing.result()
            assert self.takers.pop(0).doing.result() == value
        elif len(self.values) < self.capacity:
            self.sent += 1
            doing.result()
            self.values.append(value)
        else:
            self.givers.append(Wait(doing, value))
            until(lambda: self.channel.stats().waiting_senders == len(self.givers))

    @rule(on_loop=st.booleans())
    def receive(self, on_loop: bool) -> None:
        doing = self.begin(Receive(self.channel), on_loop=on_loop)
        if self.values or self.givers:
            assert doing.result() == self.next_value()
        elif self.closed:
            assert isinstance(doing.error(), ChannelEndedError)
        else:
            self.takers.append(Wait(doing))
            until(lambda: self.channel.stats().waiting_receivers == len(self.takers))

    def next_value(self) -> int:
        """What the model receives next."""
        if self.givers:
            giver = self.givers.pop(0)
            self.values.append(giver.value)
            self.sent += 1
            self.let_in.append(giver)
        return self.values.popleft()

    @rule()
    def send_nowait(self) -> None:
        value = self.number = self.number + 1
        if self.closed:
            with pytest.raises(ChannelClosedError):
                self.channel.send_nowait(value)
        elif self.takers:
            self.sent += 1
            self.channel.send_nowait(value)
            assert self.takers.pop(0).doing.result() == value
        elif len(self.values) < self.capacity:
            self.sent += 1
            self.channel.send_nowait(value)
            self.values.append(value)
        else:
            with pytest.raises(ChannelFullError) as caught:
                self.channel.send_nowait(value)
            assert caught.value.value == value

    @rule()
    def receive_nowait(self) -> None:
        if self.values or self.givers:
            assert self.channel.receive_nowait() == self.next_value()
        else:
            with pytest.raises(ChannelEndedError if self.closed else ChannelEmptyError):
                self.channel.receive_nowait()

    @rule()
    def drain(self) -> None:
        expected = []
        while self.values or self.givers:
            expected.append(self.next_value())
        assert self.channel.drain() == expected

    @precondition(lambda self: any(one.doing.task for one in self.takers + self.givers))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.takers + self.givers if one.doing.task]))
        one.doing.give_up()
        line = self.takers if one in self.takers else self.givers
        line.remove(one)
        until(
            lambda: (self.channel.stats().waiting_receivers, self.channel.stats().waiting_senders) == (len(self.takers), len(self.givers))
        )

    @rule(data=st.data())
    def close_sometimes(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 4)):
            return
        self.channel.close()
        self.closed = True
        for one in self.takers:
            assert isinstance(one.doing.error(), ChannelEndedError)
        for one in self.givers:
            error = one.doing.error()
            assert isinstance(error, ChannelClosedError)
            assert error.value == one.value
        self.takers, self.givers = [], []

    @invariant()
    def the_channel_is_as_the_model(self) -> None:
        for giver in self.let_in:
            giver.doing.result()
        self.let_in.clear()
        stats = self.channel.stats()
        assert stats.waiting == len(self.values)
        assert stats.waiting_receivers == len(self.takers)
        assert stats.waiting_senders == len(self.givers)
        assert stats.sent == self.sent
        assert stats.received == self.sent - len(self.values)
        assert stats.closed is self.closed


@pytest.mark.usefixtures("no_leaks")
def test_the_channel_does_as_the_model() -> None:
    examples = settings(max_examples=scaled(500, 40), stateful_step_count=30, deadline=None)
    run_state_machine_as_test(ModelOfAChannel, settings=examples)  # type: ignore[no-untyped-call]
