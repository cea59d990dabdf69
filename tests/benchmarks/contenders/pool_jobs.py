"""What a job costs that does nothing: told to or asked of an actor, a pool, an executor of the standard library."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from actors import Actor, ActorSystem
from actors.routers import Pool

WAIT = 60.0
WORKERS = 4


class Bell:
    """Rings when the last of `n` jobs has been done, whoever does it."""

    def __init__(self, n: int) -> None:
        # A list's pop is one operation: no job is counted twice, and one finds the last entry.
        self.left = list(range(n))
        self.rung = threading.Event()

    def strike(self, _message: Any) -> None:
        """Count a job."""
        if self.left.pop() == 0:
            self.rung.set()

    def wait(self) -> None:
        """Wait for the last one."""
        if not self.rung.wait(WAIT):
            raise TimeoutError(f"{len(self.left)} jobs were not done")


class Striker(Actor):
    """Strikes a bell at each message."""

    def __init__(self, bell: Bell) -> None:
        super().__init__()
        self.strike = bell.strike

    def on_receive(self, message: Any) -> None:
        self.strike(message)


class Echo(Actor):
    """Replies with what it is asked."""

    def on_receive(self, message: Any) -> Any:
        return message


def same(message: Any) -> Any:
    """Return the message."""
    return message


def _tell(send: Any, n: int, bell: Bell) -> float:
    begin = time.perf_counter()
    for number in range(n):
        send(number)
    bell.wait()
    return time.perf_counter() - begin


def tell_actor(n: int) -> float:
    """Tell one actor."""
    bell = Bell(n)
    with ActorSystem() as system:
        return _tell(system.spawn(Striker, bell).tell, n, bell)


def tell_pool(n: int, *, routing: Any = None) -> float:
    """Tell a pool, whose workers are there already."""
    bell = Bell(n)
    with ActorSystem() as system, Pool(system, functools.partial(Striker, bell), size=WORKERS, capacity=n, routing=routing) as pool:
        _until_ready(pool)
        return _tell(pool.ref.tell, n, bell)


def submit_jobs(n: int) -> float:
    """Submit to an executor, whose futures nobody looks at."""
    bell = Bell(n)
    with ThreadPoolExecutor(WORKERS) as executor:
        executor.submit(same, 0).result()
        strike = bell.strike
        return _tell(lambda number: executor.submit(strike, number), n, bell)


def ask_actor(n: int) -> float:
    """Ask one actor, one ask after the other."""
    with ActorSystem() as system:
        return _ask(system.spawn(Echo).ask, n)


def ask_pool(n: int) -> float:
    """Ask a pool."""
    with ActorSystem() as system, Pool(system, Echo, size=WORKERS) as pool:
        _until_ready(pool)
        return _ask(pool.ref.ask, n)


def submit_and_wait(n: int) -> float:
    """Submit to an executor, and wait for the result."""
    with ThreadPoolExecutor(WORKERS) as executor:
        return _ask(lambda number: executor.submit(same, number).result(), n)


def _ask(ask: Any, n: int) -> float:
    ask(0)
    begin = time.perf_counter()
    for number in range(n):
        ask(number)
    return time.perf_counter() - begin


def _until_ready(pool: Pool[Any]) -> None:
    while pool.stats().ready < WORKERS:
        time.sleep(0.001)
