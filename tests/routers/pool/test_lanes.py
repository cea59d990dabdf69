"""Which worker gets which job, and what becomes of those that wait when workers come and go."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor
from actors.routers import LeastLoaded, Pool, PoolFullError, RoundRobin
from tests.routers.pool.kit import Events, Holding

if TYPE_CHECKING:
    from actors.testing import Simulation


def test_free_workers_take_the_oldest_jobs(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=2) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(6)]
        sim.run()
        assert [message for message, _ in handles] == [0, 1]
        for number in (1, 2, 3, 0, 4, 5):  # job 0 takes its time, and holds nobody up but its worker
            next(handle for message, handle in handles if message == number).reply(number)
            sim.run()
            assert [message for message, _ in handles] == list(range(len(handles)))
        assert [ask.get() for ask in asks] == list(range(6))


def test_with_a_strategy_jobs_wait_for_the_worker_that_was_chosen(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=2, routing=RoundRobin()) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(6)]
        sim.run()
        for number in (1, 3, 5):
            handles[-1][1].reply(number)
            sim.run()
        assert [message for message, _ in handles] == [0, 1, 3, 5]
        assert pool.stats().waiting == 2
        for _ in range(3):
            for _, handle in handles:
                handle.reply(None)
            sim.run()
        assert all(ask.done() for ask in asks)


def test_the_lane_of_a_worker_that_dies_waits_for_the_next(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=2, routing=RoundRobin()) as pool:
        for number in range(6):
            pool.ref.ask(number, block=False)
        sim.run()
        assert [message for message, _ in handles] == [0, 1]
        pool.workers[0].kill()
        sim.advance(1)
        assert [message for message, _ in handles] == [0, 1, 0]
        for _ in range(2):
            handles[-1][1].reply(None)
            sim.run()
        assert [message for message, _ in handles] == [0, 1, 0, 2, 4]
        pool.close(timeout=0)


def test_the_lane_of_a_worker_that_goes_is_shared_out(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=2, routing=RoundRobin()) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(8)]
        sim.run()
        pool.resize(1)
        sim.run()
        for _ in asks:
            for _, handle in handles:
                handle.reply(None)
            sim.run()
        assert all(ask.done() for ask in asks)
        assert sorted(message for message, _ in handles) == list(range(8))
        assert [message for message, _ in handles[2:]] == list(range(2, 8))  # in order, in the one lane that is left


def test_least_loaded_gives_a_job_to_the_worker_with_the_fewest(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=2, routing=LeastLoaded()) as pool:
        for number in range(4):
            pool.ref.ask(number, block=False)
        sim.run()
        for _ in range(2):  # one of them does its two jobs, and is free
            handles[-1][1].reply(None)
            sim.run()
        begun = len(handles)
        pool.ref.ask("next", block=False)
        sim.run()
        assert [message for message, _ in handles[begun:]] == ["next"]
        pool.close(timeout=0)


def test_idle_workers_go_first_when_a_pool_shrinks(sim: Simulation) -> None:
    events = Events(sim.system)
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=3) as pool:
        sim.run()
        ask = pool.ref.ask("x", block=False)
        sim.run()
        pool.resize(1)
        sim.run()
        stats = pool.stats()
        assert (stats.ready, stats.busy, stats.size) == (1, 1, 1)
        handles[0][1].reply("done")
        assert ask.get() == "done"
        assert pool.stats().deaths == 0
        assert (pool.stats().ready, events.letters) == (1, [])


def test_retry_after_is_the_pace_of_late(sim: Simulation) -> None:
    async def work(message: float) -> None:
        await asyncio.sleep(message)

    with Pool(sim.system, work, size=1, capacity=5) as pool:
        sim.run()
        for _ in range(6):
            pool.ref.tell(0.5)
        with pytest.raises(PoolFullError) as caught:
            pool.ref.tell(0.5)
        assert caught.value.retry_after is None  # nothing was done yet
        sim.advance(1.6)
        for _ in range(3):
            pool.ref.tell(0.5)
        with pytest.raises(PoolFullError) as caught:
            pool.ref.tell(0.5)
        assert caught.value.retry_after == pytest.approx(0.5, rel=0.2)
        assert "try again in" in str(caught.value)


@pytest.mark.parametrize("routing", [RoundRobin(), LeastLoaded()])
def test_a_job_comes_again_in_the_lane_that_it_was_in(sim: Simulation, routing: Any) -> None:
    begun: list[str] = []

    class Dying(Actor):
        def on_receive(self, message: str) -> None:
            begun.append(self.actor_ref.name)
            if len(begun) == 1:
                raise ValueError(message)

    with Pool(sim.system, Dying, size=2, routing=routing) as pool:
        pool.ref.tell("dies once")
        assert pool.drain()
        assert begun == ["worker-1", "worker-1"]
