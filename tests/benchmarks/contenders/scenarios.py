"""The scenarios, written once for everything that has pykka's API. All return seconds.

What is timed begins with the first send (or start, where starting is the point) and ends when the
last message was handled. Systems are made and ended outside of it.
"""

from __future__ import annotations

import itertools
import random
import threading
import time

from .kits import Kit

WAIT = 55.0  # seconds until a lost message counts as lost: below the harness's limit for one sample


class LostMessagesError(AssertionError):
    """Not everything that was sent was handled."""


def _wait(done: threading.Event) -> None:
    if not done.wait(WAIT):
        raise LostMessagesError(f"not all messages were handled within {WAIT:g} s")


def count(kit: Kit, messages: int) -> float:
    """One-way messages from a plain thread to one actor."""
    done = threading.Event()
    with kit.session() as start:
        tell = start(kit.role("counter"), messages, done).tell
        began = time.perf_counter()
        for number in range(messages):
            tell(number)
        _wait(done)
        return time.perf_counter() - began


def ring(kit: Kit, hops: int, *, size: int) -> float:
    """One message that goes round; with two actors it is ping-pong."""
    done = threading.Event()
    table: list[object] = []
    with kit.session() as start:
        node = kit.role("node")
        table += [start(node, table, (index + 1) % size, done) for index in range(size)]
        first = start(node, table, 0, done)
        began = time.perf_counter()
        first.tell(hops - 1)
        _wait(done)
        return time.perf_counter() - began


def ask_between_actors(kit: Kit, asks: int) -> float:
    """One actor asks another and waits for each reply; timed inside the asker."""
    with kit.session() as start:
        target = start(kit.role("echo"))
        seconds: float = start(kit.role("asker"), target).ask(asks, timeout=WAIT)
        return seconds


def ask_from_thread(kit: Kit, asks: int) -> float:
    """The main thread asks and waits for each reply."""
    with kit.session() as start:
        ask = start(kit.role("echo")).ask
        began = time.perf_counter()
        for number in range(asks):
            ask(number)
        return time.perf_counter() - began


def proxy_from_thread(kit: Kit, calls: int) -> float:
    """The main thread calls a method through a proxy and gets each result."""
    with kit.session() as start:
        proxy = start(kit.role("echo")).proxy()
        began = time.perf_counter()
        for number in range(calls):
            proxy.same(number).get()
        return time.perf_counter() - began


def lives(kit: Kit, actors: int, *, batch: int = 0) -> float:
    """Start, tell, ask and stop so many actors, all alive together (or ``batch`` of them at a time)."""
    batch = min(batch or actors, actors)
    with kit.session() as start:
        echo = kit.role("echo")
        began = time.perf_counter()
        for _ in range(actors // batch):
            refs = [start(echo) for _ in range(batch)]
            for ref in refs:
                ref.tell(0)
            replies = [ref.ask(1, block=False) for ref in refs]
            for reply in replies:
                reply.get(timeout=WAIT)
            stops = [ref.stop(block=False) for ref in refs]
            for stopped in stops:
                stopped.get(timeout=WAIT)
        return time.perf_counter() - began


def chain(kit: Kit, length: int, threads: list[int]) -> float:
    """Ask the first of so many actors, each of which is blocked in ``get()`` on the next."""
    table: list[object] = []
    with kit.session() as start:
        link = kit.role("link")
        table += [start(link, table, index + 1, threads) for index in range(length)]
        first = table[0]
        began = time.perf_counter()
        depth = first.ask(0, timeout=WAIT)  # type: ignore[attr-defined]
        seconds = time.perf_counter() - began
        if depth != length:
            raise LostMessagesError(f"the chain of {length} actors answered {depth}")
        return seconds


def fan_in(kit: Kit, messages: int, *, producers: int) -> float:
    """Many actors send to one."""
    each = max(1, messages // producers)
    done = threading.Event()
    with kit.session() as start:
        collector = start(kit.role("counter"), each * producers, done)
        senders = [start(kit.role("producer"), collector) for _ in range(producers)]
        began = time.perf_counter()
        for sender in senders:
            sender.tell(each)
        _wait(done)
        return time.perf_counter() - began


def fork_join(kit: Kit, actors: int) -> float:
    """Create so many actors with one message for each; ends when all are handled."""
    done = threading.Event()
    tickets = itertools.count(1)
    with kit.session() as start:
        leaf = kit.role("leaf")
        began = time.perf_counter()
        for number in range(actors):
            start(leaf, tickets, actors, done).tell(number)
        _wait(done)
        return time.perf_counter() - began


def big_targets(actors: int, pings: int) -> list[list[int]]:
    """Whom each actor of `big` pings: the same draw for every contender."""
    draw = random.Random(20)
    return [[draw.randrange(actors) for _ in range(pings)] for _ in range(actors)]


def big(kit: Kit, messages: int, *, actors: int) -> float:
    """Every actor pings others at random, one ping at a time; a ping and its pong are two messages."""
    pings = max(1, messages // (2 * actors))
    finished = threading.Semaphore(0)
    table: list[object] = []
    with kit.session() as start:
        pinger = kit.role("pinger")
        targets = big_targets(actors, pings)
        table += [start(pinger, table, i, targets[i], finished) for i in range(actors)]
        began = time.perf_counter()
        for ref in table:
            ref.tell(-1)  # type: ignore[attr-defined]
        for _ in range(actors):
            if not finished.acquire(timeout=WAIT):
                raise LostMessagesError(f"an actor waits for a pong after {WAIT:g} s")
        return time.perf_counter() - began


def stop_all(kit: Kit, actors: int) -> float:
    """``ActorRegistry.stop_all()`` with so many actors; starting them is not timed."""
    echo = kit.role("echo")
    registry = kit.library().ActorRegistry
    for _ in range(actors):
        echo.start()
    began = time.perf_counter()
    registry.stop_all()
    return time.perf_counter() - began
