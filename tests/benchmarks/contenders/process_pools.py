"""Pools of processes: work that keeps a processor busy, and arrays that go there and back."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from actors import ActorSystem
from actors.routers import Pool

from .scheduling import burn

OURS, EXECUTOR = "greenroom: Pool", "ProcessPoolExecutor"


def give(what: Any) -> Any:
    """Give it back."""
    return what


def cpu_ours(jobs: int, *, processes: int, rounds: int) -> float:
    """Return the seconds that `jobs` take on so many processes of a pool, which are there already."""
    with ActorSystem() as system, Pool(system, burn, size=processes, processes=True) as pool:
        _warm(pool, processes, 1)
        begin = time.perf_counter()
        for future in [pool.ref.ask(rounds, block=False) for _ in range(jobs)]:
            future.get()
        return time.perf_counter() - begin


def there_and_back(times: int, *, what: Any) -> float:
    """Return the seconds that `what` takes to a process of a pool and back, one after the other."""
    with ActorSystem() as system, Pool(system, give, size=1, processes=True) as pool:
        _warm(pool, 1, what)
        begin = time.perf_counter()
        for _ in range(times):
            pool.ref.ask(what)
        return time.perf_counter() - begin


def there_and_back_executor(times: int, *, what: Any) -> float:
    """Return the same for an executor of the standard library."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        executor.submit(give, what).result()
        begin = time.perf_counter()
        for _ in range(times):
            executor.submit(give, what).result()
        return time.perf_counter() - begin


def _warm(pool: Pool[Any], processes: int, job: Any) -> None:
    """Wait until all processes are there."""
    while pool.stats().ready < processes:
        for future in [pool.ref.ask(job, block=False) for _ in range(4 * processes)]:
            future.get()
        time.sleep(0.01)
