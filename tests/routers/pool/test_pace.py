"""Rates, pauses and elastic sizes."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.routers import Elastic, Pool, PoolResized, Rate
from actors.routers.pool.pace import Gate
from actors.testing import Simulation
from tests.routers.pool.kit import Doubling, Events, Holding

if TYPE_CHECKING:
    from actors import ActorSystem


class Timed(Actor):
    """Notes when it begins."""

    def __init__(self, times: list[float]) -> None:
        super().__init__()
        self.times = times

    def on_receive(self, message: Any) -> Any:
        self.times.append(self.system.ports.clock.now())
        return message


def times_of(sim: Simulation, jobs: int, rate: Rate, **options: Any) -> list[float]:
    times: list[float] = []
    with Pool(sim.system, functools.partial(Timed, times), rate=rate, **options) as pool:
        for number in range(jobs):
            pool.ref.tell(number)
        assert pool.drain()
    return times


def test_jobs_are_begun_no_faster_than_the_rate(sim: Simulation) -> None:
    assert times_of(sim, 5, Rate(2.0), size=3) == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_a_burst_is_begun_at_once(sim: Simulation) -> None:
    assert times_of(sim, 6, Rate(1.0, burst=3), size=3) == pytest.approx([0, 0, 0, 1, 2, 3])


@given(gaps=st.lists(st.floats(0, 5), min_size=1, max_size=60), per_second=st.floats(0.1, 100), burst=st.integers(1, 10))
@settings(max_examples=200, deadline=None)
def test_no_stretch_of_time_sees_more_than_its_share_and_no_token_is_lost(gaps: list[float], per_second: float, burst: int) -> None:
    gate = Gate(Rate(per_second, burst))
    now, begun = 100.0, []
    for gap in gaps:
        now += gap
        if gate.free(now, 1):
            gate.let_through(now, 1)
            begun.append(now)
        else:
            later = gate.opens_at(now)
            assert later > now
            assert gate.free(later + 1e-6, 1) == 1
    for index, first in enumerate(begun):
        for count, last in enumerate(begun[index:], 1):
            assert count <= burst + (last - first) * per_second + 1e-3


def test_nothing_is_begun_in_a_pause(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=2) as pool:
        assert pool.ref.ask(1) == 2
        pool.pause(5.0)
        pool.pause(1.0)
        assert pool.ref.ask(2) == 4
        assert sim.now == pytest.approx(5.0)
        assert pool.ref.ask(3) == 6
        assert sim.now == pytest.approx(5.0)


def test_an_elastic_pool_grows_while_jobs_wait_and_shrinks_when_idle(sim: Simulation, events: Events) -> None:
    async def work(message: float) -> None:
        await asyncio.sleep(message)

    with Pool(sim.system, work, size=Elastic(1, 4, grow_after=0.1, idle_after=5.0)) as pool:
        assert pool.size == 1
        for _ in range(40):
            pool.ref.tell(1.0)
        sim.advance(2)
        assert pool.size == 4
        assert pool.drain()
        assert sim.now < 13
        sim.advance(20)
        assert pool.size == 1
        assert pool.stats().ready == 1
        sizes = [(event.before, event.after) for event in events.of(PoolResized)]
        assert sizes[:3] == [(1, 2), (2, 3), (3, 4)]
        assert sizes[-1][1] == 1
        with pytest.raises(ValueError, match="elastic"):
            pool.resize(3)


def test_an_elastic_pool_may_have_nobody_while_there_is_nothing_to_do(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=Elastic(0, 2, grow_after=0.1, idle_after=1.0)) as pool:
        assert pool.ref.ask(1) == 2
        sim.advance(5)
        assert pool.stats().ready == 0
        assert pool.ref.ask(2) == 4


def test_an_elastic_pool_keeps_its_size_while_its_workers_keep_up(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=Elastic(1, 4, grow_after=0.1)) as pool:
        for number in range(100):
            assert pool.ref.ask(number) == 2 * number
            sim.advance(0.05)
        assert pool.size == 1


def test_an_elastic_pool_grows_while_jobs_wait_for_long_though_none_waits_in_front_for_long(sim: Simulation) -> None:
    async def work(_: int) -> None:
        await asyncio.sleep(0.01)

    with Pool(sim.system, work, size=Elastic(1, 4, grow_after=0.1)) as pool:
        for number in range(200):
            pool.ref.tell(number)  # two seconds of work for one
        sim.advance(0.5)
        assert pool.size == 4
        assert pool.drain()


def test_an_elastic_pool_shrinks_to_what_a_light_load_takes(sim: Simulation) -> None:
    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)

    with Pool(sim.system, work, size=Elastic(1, 4, grow_after=0.1, idle_after=5.0)) as pool:
        for _ in range(8):
            pool.ref.tell(1.0)
        sim.advance(5)
        assert pool.size == 4
        for _ in range(20):  # a job a second, which four that took turns would all be kept for
            pool.ref.tell(0.01)
            sim.advance(1)
        assert pool.size == 1


def test_an_elastic_pool_whose_workers_fall_idle_all_at_once_keeps_the_least_of_them(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=Elastic(2, 4, grow_after=0.1, idle_after=5.0)) as pool:
        for number in range(4):
            pool.ref.ask(number, block=False)
        sim.advance(2)
        assert pool.size == len(handles) == 4
        for _, handle in handles:
            handle.reply()
        sim.advance(20)
        assert pool.size == pool.stats().ready == 2


def test_an_idle_elastic_pool_arms_no_timer(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=Elastic(1, 4)) as pool:
        assert pool.ref.ask(1) == 2
        sim.advance(1)
        before = sim.steps
        for _ in range(3):
            sim.advance(1000)  # a step itself
        assert sim.steps == before + 3


def test_a_real_pool_grows_too(system: ActorSystem) -> None:
    gate = threading.Barrier(3)
    with Pool(system, lambda _: gate.wait(30), size=Elastic(1, 3, grow_after=0.01)) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(3)]
        for ask in asks:  # each waits for the two others
            ask.get(timeout=60)
