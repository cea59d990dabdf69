"""An event loop while others log as fast as they can: how late is what it had planned?"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from actors import Actor, ActorSystem

from .loggers import Channel, Opener

PRODUCERS = 4
NAP = 0.005  # seconds that the coroutine sleeps again and again
TURN = 20  # lines that such a handler logs before it lets others go on


class Napping(Actor):
    """Sleeps on the event loop again and again; answers with how late it woke up each time, in seconds."""

    async def on_receive(self, seconds: float) -> list[float]:
        late = []
        began = now = time.perf_counter()
        while now < began + seconds:
            due = now + NAP
            await asyncio.sleep(NAP)
            now = time.perf_counter()
            late.append(now - due)
        return late


class Restless(Actor):
    """Logs until it is over, in a single handler."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.logger, self.message = self.log if channel.own else channel.logger, channel.message

    def on_receive(self, over: threading.Event) -> None:
        number = 0
        while not over.is_set():
            self.logger.info(self.message, number, "x")
            number += 1


class RestlessOnLoop(Actor):
    """Logs a line for each message, and sends itself the next one, until it is over."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.logger, self.message = self.log if channel.own else channel.logger, channel.message

    async def on_receive(self, over: threading.Event) -> None:
        self.logger.info(self.message, 1, "x")
        if not over.is_set():
            self.actor_ref.tell(over)


class RestlessHandler(RestlessOnLoop):
    """Logs until it is over, in a single handler on the loop that lets others go on after some lines."""

    async def on_receive(self, over: threading.Event) -> None:
        while not over.is_set():
            for number in range(TURN):
                self.logger.info(self.message, number, "x")
            await asyncio.sleep(0)


Storm = Callable[[ActorSystem, Channel, threading.Event], "contextlib.AbstractContextManager[None]"]


@contextlib.contextmanager
def _threads(over: threading.Event, work: Callable[[int], object]) -> Iterator[None]:
    def run() -> None:
        number = 0
        while not over.is_set():
            work(number)
            number += 1

    running = [threading.Thread(target=run) for _ in range(PRODUCERS)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in running:
            thread.join()


def from_threads(system: ActorSystem, channel: Channel, over: threading.Event) -> Any:
    """Threads log."""
    info, message = channel.logger.info, channel.message
    return _threads(over, lambda number: info(message, number, "x"))


def no_logging(system: ActorSystem, channel: Channel, over: threading.Event) -> Any:
    """Threads make text, and do not log it: what so many busy threads do to a loop anyway."""
    return _threads(over, "took {} from x".format)


@contextlib.contextmanager
def by(system: ActorSystem, channel: Channel, over: threading.Event, *, kind: type[Any]) -> Iterator[None]:
    """Actors of a kind log."""
    for _ in range(PRODUCERS):
        system.spawn(kind, channel).tell(over)
    try:
        yield
    finally:
        over.set()


def from_actors(system: ActorSystem, channel: Channel, over: threading.Event) -> Any:
    """Actors log, on the pool."""
    return by(system, channel, over, kind=Restless)


def from_the_loop(system: ActorSystem, channel: Channel, over: threading.Event) -> Any:
    """Actors log, on the loop whose lateness is taken: a line for each message."""
    return by(system, channel, over, kind=RestlessOnLoop)


def from_handlers(system: ActorSystem, channel: Channel, over: threading.Event) -> Any:
    """Handlers log, on that loop, with an ``await`` after some lines."""
    return by(system, channel, over, kind=RestlessHandler)


def lateness(seconds: float, *, opener: Opener, storm: Storm) -> list[float]:
    """Return how late each nap ended during a storm."""
    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder, opener(Path(folder, "lines.log")) as channel, ActorSystem("bench") as system:
        napping = system.spawn(Napping)
        napping.ask(NAP)
        with storm(system, channel, over):
            return napping.ask(seconds, timeout=seconds + 30.0)
