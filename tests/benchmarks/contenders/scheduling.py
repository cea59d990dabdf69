"""Timers by the million, and work on threads and processes: the scheduler beside asyncio's timers and `concurrent.futures`.

``python -m tests.benchmarks.contenders.scheduling CONTENDER TIMERS`` prints bytes per pending timer: one contender in one fresh process.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from actors import Actor, ActorSystem
from actors.scheduler import Kind, Scheduler
from tests.benchmarks.contenders.idle import in_a_process, resident

OURS, ASYNCIO = "greenroom: scheduler", "asyncio call_later"
FAR = 3600.0  # seconds: nothing that is scheduled so far ahead becomes due here
MESSAGE = "due"
BLOCK = 0.01  # seconds of a call that blocks


class Silent(Actor):
    """Takes messages and does nothing."""

    def on_receive(self, message: object) -> None:
        """Do nothing."""


class Clerk(Actor):
    """Notes how late each message is that says when it was due; the last one sets an event."""

    def __init__(self, expected: int, done: threading.Event) -> None:
        super().__init__()
        self.late: list[float] = []
        self.expected = expected
        self.done = done

    def on_receive(self, message: float) -> list[float] | None:
        """Take note; answer anything else with the notes."""
        if not isinstance(message, float):
            return self.late
        self.late.append(time.monotonic() - message)
        if len(self.late) == self.expected:
            self.done.set()
        return None


# -- memory ------------------------------------------------------------------------------------------------------------------


def bytes_per_timer(contender: str, timers: int) -> float:
    """Measure in a process of its own."""
    return float(in_a_process(__name__, contender, timers))


def _grown(fill: Callable[[int], list[Any]], timers: int) -> float:
    kept = fill(1_000)  # so that what is made once is there
    before = resident()
    kept += fill(timers)
    return (resident() - before) / (len(kept) - 1_000)


def _our_bytes(timers: int) -> float:
    with ActorSystem() as system, Scheduler(system) as scheduler:
        ref = system.spawn(Silent)
        return _grown(lambda n: [scheduler.after(FAR + number * 1e-3, ref, MESSAGE) for number in range(n)], timers)


def _asyncio_bytes(timers: int) -> float:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        return _grown(lambda n: [loop.call_later(FAR + number * 1e-3, print, MESSAGE) for number in range(n)], timers)

    return asyncio.run(main())


# -- insertion and cancellation ------------------------------------------------------------------------------------------------


def _there_and_back(schedule: Callable[[float], Any], n: int) -> float:
    """Return the seconds that `n` timers take to be made, at random times, and cancelled."""
    times = [FAR + random.random() * 1000 for _ in range(n)]
    begin = time.perf_counter()
    made = [schedule(seconds) for seconds in times]
    for timer in made:
        timer.cancel()
    return time.perf_counter() - begin


class Pending:
    """So many timers that wait all the time, and a way to add to them."""

    def __init__(self, contender: str, timers: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._system = ActorSystem()
        self._scheduler = Scheduler(self._system)
        self.schedule = self._asyncio if contender == ASYNCIO else partial(self._ours, self._system.spawn(Silent))
        self._kept = [self.schedule(FAR + random.random() * 1000) for _ in range(timers)]

    def _ours(self, ref: Any, seconds: float) -> Any:
        return self._scheduler.after(seconds, ref, MESSAGE)

    def _asyncio(self, seconds: float) -> Any:
        return self._loop.call_later(seconds, print, MESSAGE)

    def measured(self, n: int) -> float:
        """Return the seconds for `n` more, made and cancelled."""
        return _there_and_back(self.schedule, n)

    def close(self) -> None:
        """End what was begun."""
        self._loop.close()
        self._scheduler.close()
        self._system.shutdown()


# -- lateness --------------------------------------------------------------------------------------------------------------------


def lateness(pending: int, due_per_second: int, seconds: float) -> list[float]:
    """Return how late messages are handled of which so many a second are due, beside timers that wait, and others made and cancelled."""
    total = int(due_per_second * seconds)
    done = threading.Event()
    with ActorSystem() as system, Scheduler(system) as scheduler:
        silent, clerk = system.spawn(Silent), system.spawn(Clerk, total, done)
        kept = [scheduler.after(FAR + random.random() * 1000, silent, MESSAGE) for _ in range(pending)]
        first = time.monotonic() + total * 1e-4 + 1.0
        for number in range(total):
            due = first + number / due_per_second
            scheduler.after(due - time.monotonic(), clerk, due)
        while not done.wait(0.01):  # some 10,000 insertions and cancellations a second
            for timer in [scheduler.after(FAR, silent, MESSAGE) for _ in range(100)]:
                timer.cancel()
        del kept
        late: list[float] = clerk.ask("late")
        return late


# -- work ------------------------------------------------------------------------------------------------------------------------


def blocking_ours(calls: int, workers: int) -> float:
    """Return the seconds that calls which block take on so many threads of the scheduler."""
    with ActorSystem() as system, Scheduler(system, threads=workers) as scheduler:
        begin = time.perf_counter()
        for task in [scheduler.submit(time.sleep, BLOCK) for _ in range(calls)]:
            task.result()
        return time.perf_counter() - begin


def blocking_executor(calls: int, workers: int) -> float:
    """Return the same for an executor of the standard library."""
    with ThreadPoolExecutor(workers) as executor:
        begin = time.perf_counter()
        for future in [executor.submit(time.sleep, BLOCK) for _ in range(calls)]:
            future.result()
        return time.perf_counter() - begin


def burn(rounds: int) -> str:
    """Keep a processor busy."""
    digest = b"greenroom"
    for _ in range(rounds):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


def cpu_ours(jobs: int, *, processes: int, rounds: int) -> float:
    """Return the seconds that `jobs` take on so many processes of the scheduler, which are there already."""
    with ActorSystem() as system, Scheduler(system, processes=processes) as scheduler:
        for task in [scheduler.submit(burn, 1, kind=Kind.PROCESS) for _ in range(4 * processes)]:
            task.result()
        begin = time.perf_counter()
        for task in [scheduler.submit(burn, rounds, kind=Kind.PROCESS) for _ in range(jobs)]:
            task.result()
        return time.perf_counter() - begin


def cpu_executor(jobs: int, *, processes: int, rounds: int) -> float:
    """Return the same for an executor of the standard library."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        list(executor.map(burn, [1] * (4 * processes)))
        begin = time.perf_counter()
        list(executor.map(burn, [rounds] * jobs))
        return time.perf_counter() - begin


if __name__ == "__main__":
    print({OURS: _our_bytes, ASYNCIO: _asyncio_bytes}[sys.argv[1]](int(sys.argv[2])))
