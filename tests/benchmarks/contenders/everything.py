"""``everything-is-an-actor``: actors as asyncio tasks, with supervision; its package is ``actor_for_agents``.

Its mailbox is bounded at 256 by default and its senders wait; here it is unbounded, as
everybody's is, so that no contender pays for back-pressure that the others do not have. Its actors
take no arguments, so the classes are made inside the scenarios, around what they share.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import time
from typing import Any

from tests.benchmarks.harness import ContenderAbsentError

from .queue_actor import plain_loop, run
from .scenarios import WAIT, big_targets

library: Any = None
with contextlib.suppress(ImportError):  # it wants Python 3.12
    library = importlib.import_module("actor_for_agents")
Base: Any = object if library is None else library.Actor


def measured(scenario: Any, operations: int, **options: int) -> float:
    """Run a scenario on a fresh loop and system."""
    if library is None:
        raise ContenderAbsentError("everything-is-an-actor is not installed")

    async def job() -> float:
        system = library.ActorSystem("bench")
        seconds: float = await scenario(system, operations, **options)
        await system.shutdown()
        return seconds

    return run(plain_loop, job())


class Echo(Base):
    """Replies with what it is asked."""

    async def on_receive(self, message: Any) -> Any:
        """Reply with the message."""
        return message


def counter(expected: int, done: asyncio.Event) -> Any:
    """Make the class of an actor that says when the last message has come."""

    class Counter(Base):
        left = expected

        async def on_receive(self, _message: Any) -> None:
            self.left -= 1
            if not self.left:
                done.set()

    return Counter


async def count(system: Any, messages: int) -> float:
    """One-way messages from a coroutine to one actor."""
    done = asyncio.Event()
    ref = await system.spawn(counter(messages, done), "counter", mailbox_size=0)
    began = time.perf_counter()
    for number in range(messages):
        await ref.tell(number)
    await done.wait()
    return time.perf_counter() - began


async def ring(system: Any, hops: int, *, size: int) -> float:
    """One message that goes round."""
    done = asyncio.Event()
    table: list[Any] = []

    def node(successor: int) -> Any:
        class Node(Base):
            async def on_receive(self, left: int) -> None:
                if left:
                    await table[successor].tell(left - 1)
                else:
                    done.set()

        return Node

    for index in range(size):
        cls = node((index + 1) % size)
        table.append(await system.spawn(cls, f"node-{index}", mailbox_size=0))
    began = time.perf_counter()
    await table[0].tell(hops - 1)
    await done.wait()
    return time.perf_counter() - began


async def ask_between_actors(system: Any, asks: int) -> float:
    """One actor asks another and awaits each reply; timed inside the asker."""
    target = await system.spawn(Echo, "echo", mailbox_size=0)

    class Asker(Base):
        async def on_receive(self, count: int) -> float:
            began = time.perf_counter()
            for number in range(count):
                await target.ask(number)
            return time.perf_counter() - began

    asker = await system.spawn(Asker, "asker", mailbox_size=0)
    seconds: float = await asker.ask(asks, timeout=WAIT)
    return seconds


async def ask_from_coroutine(system: Any, asks: int) -> float:
    """A coroutine on the actor's loop asks and awaits each reply."""
    ref = await system.spawn(Echo, "echo", mailbox_size=0)
    began = time.perf_counter()
    for number in range(asks):
        await ref.ask(number)
    return time.perf_counter() - began


async def lives(system: Any, actors: int) -> float:
    """Start, tell, ask and stop so many actors, all alive together."""
    began = time.perf_counter()
    refs = [await system.spawn(Echo, f"echo-{i}", mailbox_size=0) for i in range(actors)]
    for ref in refs:
        await ref.tell(0)
    await asyncio.gather(*[ref.ask(1, timeout=WAIT) for ref in refs])
    for ref in refs:
        ref.stop()
    await asyncio.gather(*[ref.join() for ref in refs])
    return time.perf_counter() - began


async def fan_in(system: Any, messages: int, *, producers: int) -> float:
    """Many actors send to one."""
    each = max(1, messages // producers)
    done = asyncio.Event()
    collector = await system.spawn(counter(each * producers, done), "collector", mailbox_size=0)

    class Producer(Base):
        async def on_receive(self, count: int) -> None:
            for number in range(count):
                await collector.tell(number)

    senders = [await system.spawn(Producer, f"p-{i}", mailbox_size=0) for i in range(producers)]
    began = time.perf_counter()
    for sender in senders:
        await sender.tell(each)
    await done.wait()
    return time.perf_counter() - began


async def fork_join(system: Any, actors: int) -> float:
    """Create so many actors with one message for each; ends when all are handled."""
    tickets, done = itertools.count(1), asyncio.Event()

    class Leaf(Base):
        async def on_receive(self, _message: Any) -> None:
            if next(tickets) == actors:
                done.set()

    began = time.perf_counter()
    for number in range(actors):
        ref = await system.spawn(Leaf, f"leaf-{number}", mailbox_size=0)
        await ref.tell(number)
    await done.wait()
    return time.perf_counter() - began


async def big(system: Any, messages: int, *, actors: int) -> float:
    """Every actor pings others at random, one ping at a time."""
    pings = max(1, messages // (2 * actors))
    finished, done = itertools.count(1), asyncio.Event()
    table: list[Any] = []

    def pinger(index: int, order: list[int]) -> Any:
        targets = iter(order)

        class Pinger(Base):
            async def on_receive(self, message: int) -> None:
                if message >= 0:
                    await table[message].tell(-1)
                    return
                target = next(targets, None)
                if target is not None:
                    await table[target].tell(index)
                elif next(finished) == actors:
                    done.set()

        return Pinger

    for index, order in enumerate(big_targets(actors, pings)):
        table.append(await system.spawn(pinger(index, order), f"p-{index}", mailbox_size=0))
    began = time.perf_counter()
    for ref in table:
        await ref.tell(-1)
    await done.wait()
    return time.perf_counter() - began
