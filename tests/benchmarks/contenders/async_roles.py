"""The same actors as in `roles`, with ``async def`` handlers, for our event-loop dispatcher."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from typing import Any


@functools.cache
def counter(base: Any) -> Any:
    """Counts messages and says when the last has come."""

    class Counter(base):
        def __init__(self, expected: int, done: threading.Event) -> None:
            super().__init__()
            self.left = expected
            self.done = done

        async def on_receive(self, _message: Any) -> None:
            self.left -= 1
            if not self.left:
                self.done.set()

    return Counter


@functools.cache
def node(base: Any) -> Any:
    """Hands a number that counts down to its successor."""

    class Node(base):
        def __init__(self, table: list[Any], successor: int, done: threading.Event) -> None:
            super().__init__()
            self.table = table
            self.successor = successor
            self.done = done

        async def on_receive(self, left: int) -> None:
            if left:
                self.table[self.successor].tell(left - 1)
            else:
                self.done.set()

    return Node


@functools.cache
def echo(base: Any) -> Any:
    """Replies with what it is asked."""

    class Echo(base):
        async def on_receive(self, message: Any) -> Any:
            return message

        async def same(self, value: Any) -> Any:
            return value

    return Echo


@functools.cache
def asker(base: Any) -> Any:
    """Asks another actor so many times, each time awaiting the reply, and replies with the seconds."""

    class Asker(base):
        def __init__(self, target: Any) -> None:
            super().__init__()
            self.target = target

        async def on_receive(self, count: int) -> float:
            ask = self.target.ask_async
            start = time.perf_counter()
            for number in range(count):
                await ask(number)
            return time.perf_counter() - start

    return Asker


@functools.cache
def producer(base: Any) -> Any:
    """Sends so many messages to a collector."""

    class Producer(base):
        def __init__(self, collector: Any) -> None:
            super().__init__()
            self.collector = collector

        async def on_receive(self, count: int) -> None:
            tell = self.collector.tell
            for number in range(count):
                tell(number)

    return Producer


@functools.cache
def leaf(base: Any) -> Any:
    """Takes one message; the last of all of them says so."""

    class Leaf(base):
        def __init__(self, tickets: Iterator[int], last: int, done: threading.Event) -> None:
            super().__init__()
            self.tickets = tickets
            self.last = last
            self.done = done

        async def on_receive(self, _message: Any) -> None:
            if next(self.tickets) == self.last:
                self.done.set()

    return Leaf


@functools.cache
def pinger(base: Any) -> Any:
    """Pings others in a given order, the next when the pong is there; answers their pings."""

    class Pinger(base):
        def __init__(self, table: list[Any], index: int, targets: list[int], finished: Any) -> None:
            super().__init__()
            self.table = table
            self.index = index
            self.targets = iter(targets)
            self.finished = finished

        async def on_receive(self, message: int) -> None:
            if message >= 0:
                self.table[message].tell(-1)
                return
            target = next(self.targets, None)
            if target is None:
                self.finished.release()
            else:
                self.table[target].tell(self.index)

    return Pinger


@functools.cache
def stamp(base: Any) -> Any:
    """Notes how long ago the time it is told was: the latency of a wake-up."""

    class Stamp(base):
        def __init__(self, latencies: list[float]) -> None:
            super().__init__()
            self.latencies = latencies

        async def on_receive(self, sent: float) -> None:
            self.latencies.append(time.perf_counter() - sent)

    return Stamp


@functools.cache
def mortal(base: Any) -> Any:
    """Echoes, and stops itself when it is told to."""

    class Mortal(base):
        async def on_receive(self, message: Any) -> Any:
            if message == "stop":
                self.stop()
            return message

    return Mortal
