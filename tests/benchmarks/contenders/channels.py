"""Values handed from one party to another: channels beside the queues of asyncio and the standard library, and those of others."""

from __future__ import annotations

import asyncio
import importlib
import queue
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from actors.channels import Channel
from tests.benchmarks.harness import ContenderAbsentError

Put = Callable[[int], Any]
Get = Callable[[], Any]
Make = Callable[[int], tuple[Put, Get]]
"""Makes a queue that holds so many values; 0: any number."""


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ContenderAbsentError(f"{module} is not installed") from None


# -- between threads ---------------------------------------------------------------------------------------------------------


def channel(capacity: int) -> tuple[Put, Get]:
    """Ours."""
    made = Channel[int](capacity or None)
    return made.send, made.receive


def standard(capacity: int) -> tuple[Put, Get]:
    """The standard library's."""
    made: queue.Queue[int] = queue.Queue(capacity)
    return made.put, made.get


def simple(capacity: int) -> tuple[Put, Get]:
    """The standard library's in C, which has no bound."""
    if capacity:
        raise ContenderAbsentError("queue.SimpleQueue has no bound")
    made: queue.SimpleQueue[int] = queue.SimpleQueue()
    return made.put, made.get


def culsans(capacity: int) -> tuple[Put, Get]:
    """For threads and coroutines, by its sync side."""
    made = _need("culsans").Queue(capacity).sync_q
    return made.put, made.get


def aiologic(capacity: int) -> tuple[Put, Get]:
    """For threads and coroutines, by its blocking side."""
    made = _need("aiologic").Queue(capacity or None)
    return made.green_put, made.green_get


def threads(n: int, *, make: Make, capacity: int) -> float:
    """Return the seconds that `n` values take from one thread to another."""
    put, get = make(capacity)

    def produce() -> None:
        for number in range(n):
            put(number)

    def consume() -> None:
        for _ in range(n):
            get()

    both = [threading.Thread(target=work, daemon=True) for work in (produce, consume)]
    begin = time.perf_counter()
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    return time.perf_counter() - begin


# -- between coroutines --------------------------------------------------------------------------------------------------------


def channel_async(capacity: int) -> tuple[Put, Get]:
    """Ours."""
    made = Channel[int](capacity or None)
    return made.send_async, made.receive_async


def asyncio_queue(capacity: int) -> tuple[Put, Get]:
    """Asyncio's own."""
    made: asyncio.Queue[int] = asyncio.Queue(capacity)
    return made.put, made.get


def culsans_async(capacity: int) -> tuple[Put, Get]:
    """For threads and coroutines, by its async side."""
    made = _need("culsans").Queue(capacity).async_q
    return made.put, made.get


def aiologic_async(capacity: int) -> tuple[Put, Get]:
    """For threads and coroutines, by its async side."""
    made = _need("aiologic").Queue(capacity or None)
    return made.async_put, made.async_get


def janus_async(capacity: int) -> tuple[Put, Get]:
    """For threads and coroutines, by its async side."""
    made = _need("janus").Queue(capacity).async_q
    return made.put, made.get


async def _produce(put: Callable[[int], Awaitable[object]], n: int) -> None:
    for number in range(n):
        await put(number)


async def _consume(get: Callable[[], Awaitable[object]], n: int) -> None:
    for _ in range(n):
        await get()


def coroutines(n: int, *, make: Make, capacity: int) -> float:
    """Return the seconds that `n` values take from one coroutine to another on one loop."""

    async def main() -> float:
        put, get = make(capacity)
        begin = time.perf_counter()
        await asyncio.gather(_produce(put, n), _consume(get, n))
        return time.perf_counter() - begin

    return asyncio.run(main())


def trio_channel(n: int, *, capacity: int) -> float:
    """Return the same seconds for a memory channel on trio's loop."""
    trio = _need("trio")

    async def main() -> float:
        sender, receiver = trio.open_memory_channel(capacity or float("inf"))
        begin = time.perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_produce, sender.send, n)
            nursery.start_soon(_consume, receiver.receive, n)
        return time.perf_counter() - begin

    seconds: float = trio.run(main)
    return seconds
