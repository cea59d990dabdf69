"""Pools whose workers are processes: the same supervision and results as with workers of the program."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from actors import ActorSystem, DeadLetter, DeadLetterReason
from actors.routers import Batch, ConsistentHash, Pool, WorkerLostError
from actors.scheduler import ResultNotPicklableError, WorkerDiedError
from actors.testing import Simulation
from tests.routers.processes.workers import Async, Count, Worker, Writer, double, double_all
from tests.scheduler.test_process_slot import LIMIT, children, is_running, pid_in, wait_until
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from actors.routers import PoolStats

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem() as system:
        yield system
    wait_until(lambda: children("worker /pool") == [])


def balanced(stats: PoolStats) -> bool:
    ends = stats.done + stats.failed + stats.shed + stats.expired + stats.cancelled + stats.poisoned
    return stats.accepted == stats.waiting + stats.running + ends


def test_jobs_are_done_in_as_many_processes(system: ActorSystem) -> None:
    with Pool(system, Worker, size=2, processes=True) as pool:
        asked = [pool.ref.ask("pid", block=False) for _ in range(200)]
        pids = {future.get(timeout=LIMIT) for future in asked}
        assert os.getpid() not in pids
        assert 1 <= len(pids) <= 2
    assert not any(is_running(pid) for pid in pids)


def test_function_is_called_in_a_process(system: ActorSystem) -> None:
    with Pool(system, double, size=1, processes=True) as pool:
        assert [pool.ref.ask(number, timeout=LIMIT) for number in range(5)] == [0, 2, 4, 6, 8]


def test_errors_of_jobs_are_those_of_their_askers(system: ActorSystem) -> None:
    with Pool(system, Worker, size=1, processes=True) as pool:
        pid = pool.ref.ask("pid", timeout=LIMIT)
        for job, kind in [(("fail", "x"), ValueError), (("give", threading.Lock()), TypeError), ("give_lambda", ResultNotPicklableError)]:
            assert isinstance(pool.ref.ask(job, block=False).exception(timeout=LIMIT), kind)
        assert pool.ref.ask("pid", timeout=LIMIT) == pid
        assert (pool.stats().failed, pool.stats().deaths) == (3, 0)


def test_told_job_that_cannot_be_pickled_is_refused_and_kills_no_process(system: ActorSystem) -> None:
    letters: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, letters.append)
    lock = threading.Lock()
    with Pool(system, Worker, size=1, processes=True) as pool:
        pid = pool.ref.ask("pid", timeout=LIMIT)
        pool.ref.tell(("give", lock))
        assert pool.drain(timeout=LIMIT)
        assert pool.ref.ask("pid", timeout=LIMIT) == pid
        stats = pool.stats()
        assert (stats.accepted, stats.done, stats.failed, stats.deaths) == (3, 2, 1, 0)
        assert balanced(stats)
        assert [(letter.message, letter.reason) for letter in letters] == [(("give", lock), DeadLetterReason.REFUSED)]


def test_job_whose_process_dies_comes_again_and_is_then_lost(system: ActorSystem) -> None:
    with Pool(system, Worker, size=1, processes=True, redeliver=1) as pool:
        error = pool.ref.ask("die", block=False).exception(timeout=LIMIT)
        assert isinstance(error, WorkerLostError)
        assert error.deliveries == 2
        assert isinstance(error.error, WorkerDiedError)
        assert error.error.code == 3
        assert pool.ref.ask("pid", timeout=LIMIT)
        assert pool.stats().deaths == 2
        assert pool.stats().redelivered == 1
        assert balanced(pool.stats())


def test_job_is_done_by_another_process_once_its_own_was_killed(system: ActorSystem, tmp_path: Path) -> None:
    with Pool(system, Worker, size=1, processes=True) as pool:
        future = pool.ref.ask(("until_cancelled", str(tmp_path / "pid")), block=False)
        first = pid_in(tmp_path / "pid")
        (tmp_path / "pid").unlink()
        os.kill(first, signal.SIGKILL)
        second = pid_in(tmp_path / "pid")
        assert second != first
        assert not future.done()
        future.cancel()


def test_process_that_is_killed_at_nothing_is_replaced_and_costs_no_delivery(system: ActorSystem) -> None:
    with Pool(system, Worker, size=1, processes=True, redeliver=0) as pool:
        for _ in range(scaled(20, 1)):
            pid = pool.ref.ask("pid", timeout=LIMIT)
            deaths = pool.stats().deaths
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda deaths=deaths: pool.stats().deaths > deaths)  # type: ignore[misc]
            assert pool.ref.ask("pid", timeout=LIMIT) != pid
        assert pool.stats().failed == 0


def test_process_that_hangs_is_killed(system: ActorSystem, tmp_path: Path) -> None:
    with Pool(system, Worker, size=1, processes=True, redeliver=0, hangs_after=0.3) as pool:
        future = pool.ref.ask(("sleep", str(tmp_path / "pid")), block=False)
        pid = pid_in(tmp_path / "pid")
        assert isinstance(future.exception(timeout=LIMIT), WorkerLostError)
        wait_until(lambda: not is_running(pid))
        assert pool.ref.ask("pid", timeout=LIMIT) != pid


def test_idle_pool_does_not_wait_for_processes_that_are_starting(system: ActorSystem) -> None:
    pool = Pool(system, functools.partial(Worker, start="sleep"), size=2, processes=True)
    wait_until(lambda: len(children("worker /pool")) == 2)
    pool.close(timeout=None)


def test_batches_are_handled_in_processes(system: ActorSystem) -> None:
    with Pool(system, double_all, size=1, processes=True, batch=Batch(10, within=0.01)) as pool:
        asked = [pool.ref.ask(np.full(100_000, number), block=False) for number in range(25)]
        assert [int(future.get(timeout=LIMIT)[0]) for future in asked] == list(range(0, 50, 2))


def test_order_of_each_key_holds_while_processes_die(system: ActorSystem, tmp_path: Path) -> None:
    count = scaled(3000, 100, least=100)
    with Pool(system, Writer, size=2, processes=True, routing=ConsistentHash(lambda job: job[1]), redeliver=50) as pool:
        asked = [pool.ref.ask((str(tmp_path), number % 7, number), block=False) for number in range(count)]
        assert [future.get(timeout=2 * LIMIT) for future in asked] == list(range(count))
        assert balanced(pool.stats())
        assert pool.stats().done == count
        assert pool.stats().deaths > 0
    for key in range(7):
        numbers = [int(line) for line in (tmp_path / str(key)).read_text(encoding="utf-8").split()]
        # A job that was under way when its worker died may have been written twice, the second time at once after the first.
        assert numbers == sorted(numbers)
        assert sorted(set(numbers)) == list(range(key, count, 7))


def test_async_class_and_concurrency_are_refused(system: ActorSystem) -> None:
    with pytest.raises(TypeError, match="processes=True"):
        Pool(system, Async, processes=True)
    with pytest.raises(ValueError, match="concurrency=2"):
        Pool(system, Worker, processes=True, concurrency=2)
    with pytest.raises(TypeError, match="processes=1 is not valid"):
        Pool(system, Worker, processes=1)  # type: ignore[arg-type]


def test_pool_of_processes_runs_in_a_simulation() -> None:
    with Simulation() as simulation, Pool(simulation.system, Worker, size=2, processes=True) as pool:
        assert pool.ref.ask("pid") == os.getpid()
        asked = [pool.ref.ask(("give", number), block=False) for number in range(10)]
        pool.workers[0].kill()
        assert [future.get() for future in asked] == list(range(10))


def test_call_is_told_that_it_does_not_reach_a_process() -> None:
    with Simulation() as simulation, Pool(simulation.system, Worker, size=1, processes=True) as pool:
        with pytest.raises(AttributeError, match="lives in a process, which call"):
            pool.ref.call(Worker.count, Count()).get()
        assert pool.ref.ask(Count()) == 0
