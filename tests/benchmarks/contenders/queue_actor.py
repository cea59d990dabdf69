"""What one writes by hand: an ``asyncio.Queue``, a task that reads it, a future for each reply.

It runs on asyncio's own loop or, where that is installed, on uvloop. It has no supervision, no close, no names:
it is the price of asyncio alone. Tells are plain ``put_nowait``, the cheapest there is.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tests.benchmarks.harness import ContenderAbsentError

from .scenarios import WAIT, big_targets

Handler = Callable[[Any], Awaitable[Any]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def plain_loop() -> asyncio.AbstractEventLoop:
    """Make asyncio's own loop."""
    return asyncio.new_event_loop()


def uv_loop() -> asyncio.AbstractEventLoop:
    """Make a uvloop loop."""
    try:
        import uvloop
    except ImportError as error:
        raise ContenderAbsentError("uvloop is not installed") from error
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def run(factory: LoopFactory, job: Coroutine[Any, Any, float]) -> float:
    """Run a job on a fresh loop; every wait in it has a limit."""
    try:
        runner = asyncio.Runner(loop_factory=factory)
        runner.get_loop()
    except ContenderAbsentError:
        job.close()
        raise
    with runner:
        return runner.run(asyncio.wait_for(job, WAIT))


class QueueActor:
    """A queue, and a task that handles what is in it."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            message, reply = await self.queue.get()
            if message is None:
                return
            result = await self.handler(message)
            if reply is not None:
                reply.set_result(result)

    def tell(self, message: Any) -> None:
        """Send without waiting."""
        self.queue.put_nowait((message, None))

    async def ask(self, message: Any) -> Any:
        """Send and await the reply."""
        reply = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((message, reply))
        return await reply

    async def stop(self) -> None:
        """Let it handle what is queued, then end."""
        self.queue.put_nowait((None, None))
        await self.task


class Countdown:
    """The handler of a counter: sets an event at the last message."""

    def __init__(self, expected: int) -> None:
        self.left = expected
        self.done = asyncio.Event()

    async def __call__(self, _message: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


async def same(message: Any) -> Any:
    """Reply with the message."""
    return message


async def count(messages: int) -> float:
    """One-way messages from a coroutine to one actor."""
    countdown = Countdown(messages)
    actor = QueueActor(countdown)
    began = time.perf_counter()
    for number in range(messages):
        actor.tell(number)
    await countdown.done.wait()
    seconds = time.perf_counter() - began
    await actor.stop()
    return seconds


async def ring(hops: int, *, size: int) -> float:
    """One message that goes round."""
    done = asyncio.Event()
    table: list[QueueActor] = []

    def node(successor: int) -> Handler:
        async def handle(left: int) -> None:
            if left:
                table[successor].tell(left - 1)
            else:
                done.set()

        return handle

    table += [QueueActor(node((index + 1) % size)) for index in range(size)]
    began = time.perf_counter()
    table[0].tell(hops - 1)
    await done.wait()
    seconds = time.perf_counter() - began
    for actor in table:
        await actor.stop()
    return seconds


async def ask_between_actors(asks: int) -> float:
    """One actor asks another and awaits each reply; timed inside the asker."""
    target = QueueActor(same)

    async def ask_often(count: int) -> float:
        began = time.perf_counter()
        for number in range(count):
            await target.ask(number)
        return time.perf_counter() - began

    asker = QueueActor(ask_often)
    seconds: float = await asker.ask(asks)
    await asker.stop()
    await target.stop()
    return seconds


async def ask_from_coroutine(asks: int) -> float:
    """A coroutine on the actor's loop asks and awaits each reply."""
    actor = QueueActor(same)
    began = time.perf_counter()
    for number in range(asks):
        await actor.ask(number)
    seconds = time.perf_counter() - began
    await actor.stop()
    return seconds


async def lives(actors: int) -> float:
    """Start, tell, ask and stop so many actors, all alive together."""
    began = time.perf_counter()
    alive = [QueueActor(same) for _ in range(actors)]
    for actor in alive:
        actor.tell(0)
    await asyncio.gather(*[actor.ask(1) for actor in alive])
    await asyncio.gather(*[actor.stop() for actor in alive])
    return time.perf_counter() - began


async def fan_in(messages: int, *, producers: int) -> float:
    """Many actors send to one."""
    each = max(1, messages // producers)
    countdown = Countdown(each * producers)
    collector = QueueActor(countdown)

    async def produce(count: int) -> None:
        for number in range(count):
            collector.tell(number)

    senders = [QueueActor(produce) for _ in range(producers)]
    began = time.perf_counter()
    for sender in senders:
        sender.tell(each)
    await countdown.done.wait()
    seconds = time.perf_counter() - began
    for actor in (*senders, collector):
        await actor.stop()
    return seconds


async def fork_join(actors: int) -> float:
    """Create so many actors with one message for each; ends when all are handled."""
    tickets, done = itertools.count(1), asyncio.Event()

    async def leaf(_message: Any) -> None:
        if next(tickets) == actors:
            done.set()

    began = time.perf_counter()
    alive = []
    for number in range(1, actors + 1):
        actor = QueueActor(leaf)
        actor.tell(number)
        alive.append(actor)
    await done.wait()
    seconds = time.perf_counter() - began
    await asyncio.gather(*[actor.stop() for actor in alive])
    return seconds


async def big(messages: int, *, actors: int) -> float:
    """Every actor pings others at random, one ping at a time."""
    pings = max(1, messages // (2 * actors))
    countdown = Countdown(actors)
    table: list[QueueActor] = []

    def pinger(index: int, order: list[int]) -> Handler:
        targets = iter(order)

        async def handle(message: int) -> None:
            if message >= 0:
                table[message].tell(-1)
                return
            target = next(targets, None)
            if target is None:
                await countdown(None)
            else:
                table[target].tell(index)

        return handle

    table += [QueueActor(pinger(i, order)) for i, order in enumerate(big_targets(actors, pings))]
    began = time.perf_counter()
    for actor in table:
        actor.tell(-1)
    await countdown.done.wait()
    seconds = time.perf_counter() - began
    for actor in table:
        await actor.stop()
    return seconds


class LoopThread:
    """A loop in a thread of its own, for what comes from other threads."""

    def __init__(self, factory: LoopFactory) -> None:
        self.loop = factory()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> asyncio.AbstractEventLoop:
        self.thread.start()
        return self.loop

    def __exit__(self, *_error: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def call_soon(messages: int, *, factory: LoopFactory) -> float:
    """``call_soon_threadsafe`` with a counting function, once per message."""
    left, done = iter(range(messages - 1, -1, -1)), threading.Event()

    def handle(_message: Any) -> None:
        if not next(left):
            done.set()

    with LoopThread(factory) as loop:
        call = loop.call_soon_threadsafe
        began = time.perf_counter()
        for number in range(messages):
            call(handle, number)
        if not done.wait(WAIT):
            raise TimeoutError
        return time.perf_counter() - began


def wake_up(latencies: list[float], pauses: int, pause: float, *, factory: LoopFactory) -> None:
    """Wake a sleeping loop by ``call_soon_threadsafe``, again and again; note how long each took."""

    def handle(sent: float) -> None:
        latencies.append(time.perf_counter() - sent)

    with LoopThread(factory) as loop:
        for _ in range(pauses):
            time.sleep(pause)
            loop.call_soon_threadsafe(handle, time.perf_counter())
        time.sleep(0.1)
