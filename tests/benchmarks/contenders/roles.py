"""The actors of the scenarios, with plain handlers, for any base class with pykka's API.

Each function makes a class on the base that is given, once; `counter` serves the bare loop too, on
``object``. Handlers do as little as the scenario allows: what is measured is the way to them.
"""

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

        def on_receive(self, _message: Any) -> None:
            self.left -= 1
            if not self.left:
                self.done.set()

    return Counter


@functools.cache
def node(base: Any) -> Any:
    """Hands a number that counts down to its successor: a ring of them, or a pair for ping-pong."""

    class Node(base):
        def __init__(self, table: list[Any], successor: int, done: threading.Event) -> None:
            super().__init__()
            self.table = table
            self.successor = successor
            self.done = done

        def on_receive(self, left: int) -> None:
            if left:
                self.table[self.successor].tell(left - 1)
            else:
                self.done.set()

    return Node


@functools.cache
def echo(base: Any) -> Any:
    """Replies with what it is asked, as a message and as a method."""

    class Echo(base):
        def on_receive(self, message: Any) -> Any:
            return message

        def same(self, value: Any) -> Any:
            return value

    return Echo


@functools.cache
def asker(base: Any) -> Any:
    """Asks another actor so many times, each time waiting for the reply, and replies with the seconds."""

    class Asker(base):
        def __init__(self, target: Any) -> None:
            super().__init__()
            self.target = target

        def on_receive(self, count: int) -> float:
            ask = self.target.ask
            start = time.perf_counter()
            for number in range(count):
                ask(number)
            return time.perf_counter() - start

    return Asker


@functools.cache
def link(base: Any) -> Any:
    """Waits in ``ask`` for the next of a chain; the last notes how many threads there are by then."""

    class Link(base):
        def __init__(self, table: list[Any], successor: int, threads: list[int]) -> None:
            super().__init__()
            self.table = table
            self.successor = successor
            self.threads = threads

        def on_receive(self, message: int) -> int:
            if self.successor < len(self.table):
                reply: int = self.table[self.successor].ask(message)
                return reply + 1
            self.threads.append(threading.active_count())
            return 1

    return Link


@functools.cache
def producer(base: Any) -> Any:
    """Sends so many messages to a collector."""

    class Producer(base):
        def __init__(self, collector: Any) -> None:
            super().__init__()
            self.collector = collector

        def on_receive(self, count: int) -> None:
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

        def on_receive(self, _message: Any) -> None:
            if next(self.tickets) == self.last:
                self.done.set()

    return Leaf


@functools.cache
def pinger(base: Any) -> Any:
    """Pings others in a given order, the next when the pong is there; answers their pings.

    A number at or above zero is a ping from the actor of that index, a negative one is a pong.
    """

    class Pinger(base):
        def __init__(self, table: list[Any], index: int, targets: list[int], finished: Any) -> None:
            super().__init__()
            self.table = table
            self.index = index
            self.targets = iter(targets)
            self.finished = finished

        def on_receive(self, message: int) -> None:
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
def witness(base: Any) -> Any:
    """Checks that every sender's numbers come without a gap and in order."""

    class Witness(base):
        def __init__(self, senders: int, expected: int, done: threading.Event) -> None:
            super().__init__()
            self.last = [-1] * senders
            self.left = expected
            self.done = done
            self.disorder = 0

        def on_receive(self, message: tuple[int, int] | None) -> int:
            if message is None:
                return self.disorder
            sender, number = message
            if number != self.last[sender] + 1:
                self.disorder += 1
            self.last[sender] = number
            self.left -= 1
            if not self.left:
                self.done.set()
            return 0

    return Witness


def sleeper(base: Any) -> Any:
    """Blocks its thread for the seconds it is told. A new class each time: classes are remembered."""

    class Sleeper(base):
        def on_receive(self, seconds: float) -> float:
            time.sleep(seconds)
            return seconds

    return Sleeper


def waiter(base: Any) -> Any:
    """Waits in ``get()`` for a future and notes when it goes on; the future's value is when it was set."""

    class Waiter(base):
        def __init__(self, latencies: list[float]) -> None:
            super().__init__()
            self.latencies = latencies

        def on_receive(self, future: Any) -> None:
            was_set: float = future.get()
            self.latencies.append(time.perf_counter() - was_set)

    return Waiter


@functools.cache
def mortal(base: Any) -> Any:
    """Echoes, and stops itself when it is told to."""

    class Mortal(base):
        def on_receive(self, message: Any) -> Any:
            if message == "stop":
                self.stop()
            return message

    return Mortal
