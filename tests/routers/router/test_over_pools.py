"""Routers whose routees are pools."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor
from actors.routers import (
    Broadcast,
    ConsistentHash,
    LeastLoaded,
    NoRouteeError,
    Pool,
    PoolClosedError,
    PoolFullError,
    RandomRouting,
    RoundRobin,
    Router,
    ScatterGather,
    TailChopping,
)
from actors.testing import Simulation
from tests.routers.pool.kit import Doubling, Holding

if TYPE_CHECKING:
    from collections.abc import Iterator

SINGLE = [RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(str), TailChopping(1.0), lambda _, refs: refs[-1]]


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation(max_steps=100_000) as simulation:
        yield simulation


def pools(sim: Simulation, **options: Any) -> list[Pool[Any]]:
    return [Pool(sim.system, Doubling, size=1, name=name, **options) for name in ("first", "second")]


class Closing(Actor):
    """Closes a pool, and waits for that."""

    def on_receive(self, pool: Pool[Any]) -> None:
        pool.close(timeout=None)


def holding(sim: Simulation, handles: list[Any], jobs: int = 1) -> Pool[Any]:
    """A pool that is at the first of so many jobs, until its handle is replied to."""
    pool: Pool[Any] = Pool(sim.system, partial(Holding, handles), size=1, name="holding")
    for number in range(jobs):
        pool.ref.ask(number, block=False)
    sim.run()
    return pool


def accepted(*every: Pool[Any]) -> list[int]:
    return [pool.stats().accepted for pool in every]


@pytest.mark.parametrize("routing", SINGLE)
def test_each_message_is_a_job_of_one_pool(sim: Simulation, routing: Any) -> None:
    first, second = pools(sim)
    with Router(sim.system, [first.ref, second.ref], routing=routing) as router:
        assert [router.ref.ask(number) for number in range(20)] == [2 * number for number in range(20)]
        for number in range(20):
            router.ref.tell(number)
        sim.run()
        assert sum(accepted(first, second)) == 40
        assert first.stats().done + second.stats().done == 40


def test_round_robin_over_pools_is_exact(sim: Simulation) -> None:
    first, second = pools(sim)
    with Router(sim.system, [first.ref, second.ref]) as router:
        for number in range(20):
            router.ref.tell(number)
        assert accepted(first, second) == [10, 10]


def test_least_loaded_knows_how_many_jobs_a_pool_has(sim: Simulation) -> None:
    busy, idle = holding(sim, [], jobs=3), pools(sim)[0]
    with Router(sim.system, [busy.ref, idle.ref], routing=LeastLoaded()) as router:
        for number in range(3):  # one is under way, and two wait
            router.ref.tell(number)
        assert accepted(busy, idle) == [3, 3]
        router.ref.tell(3)
        router.ref.tell(4)
        assert accepted(busy, idle) == [4, 4]
        sim.run()
        assert [router.ref.ask(number) for number in range(5)] == [2 * number for number in range(5)]
        assert accepted(busy, idle) == [4, 9]


def test_least_loaded_takes_a_pool_with_room(sim: Simulation) -> None:
    full = Pool(sim.system, Doubling, size=0, capacity=1, name="full")
    long = Pool(sim.system, Doubling, size=0, name="long")
    full.ref.tell("a")
    for number in range(5):
        long.ref.tell(number)
    with Router(sim.system, [full.ref, long.ref], routing=LeastLoaded()) as router:
        for number in range(5):
            router.ref.tell(number)
        assert accepted(full, long) == [1, 10]
        long.close(timeout=0)
        sim.run()
        with pytest.raises(PoolFullError) as caught:
            router.ref.tell("b")
        assert caught.value.pool == "/full"


def test_a_full_pool_refuses_through_a_router_as_it_would_refuse_anybody(sim: Simulation) -> None:
    full = Pool(sim.system, Doubling, size=0, capacity=1, name="full")
    full.ref.tell("a")
    with Router(sim.system, [full.ref, *(pool.ref for pool in pools(sim))]) as router, pytest.raises(PoolFullError) as caught:
        router.ref.tell("b")
    assert caught.value.message == "b"


@pytest.mark.parametrize("routing", SINGLE)
def test_a_pool_that_is_closing_is_passed_over_and_forgotten_at_its_end(sim: Simulation, routing: Any) -> None:
    handles: list[Any] = []
    busy, other = holding(sim, handles), pools(sim)[1]
    sim.system.spawn(Closing).tell(busy)
    sim.run()
    with Router(sim.system, [other.ref, busy.ref], routing=routing) as router:
        assert [router.ref.ask(number) for number in range(10)] == [2 * number for number in range(10)]
        assert accepted(busy, other) == [1, 10]
        assert busy.ref in router.routees  # it may be that it lives on
        handles[0][1].reply(None)
        sim.run()
        assert router.ref.ask(21) == 42
        assert router.routees == (other.ref,)


def test_without_a_pool_that_takes_jobs_the_sender_is_told(sim: Simulation) -> None:
    busy = holding(sim, [])
    sim.system.spawn(Closing).tell(busy)
    sim.run()
    with Router(sim.system, [busy.ref]) as router:
        with pytest.raises(NoRouteeError) as caught:
            router.ref.tell("late")
        assert caught.value.message == "late"
        assert isinstance(caught.value.__context__, PoolClosedError)
        answer = router.ref.ask("late", block=False)
        assert isinstance(answer.exception(), NoRouteeError)


def test_several_pools_are_asked_at_once(sim: Simulation) -> None:
    first, second = pools(sim)
    with Router(sim.system, [first.ref, second.ref], routing=Broadcast(), name="all") as every:
        assert every.ref.ask(21) == [42, 42]
        assert every.broadcast(1) == 2
    handles: list[Any] = []
    slow = holding(sim, handles)
    with Router(sim.system, [slow.ref, first.ref], routing=ScatterGather(), name="any") as either:
        assert either.ref.ask(21) == 42
        sim.run()
        assert slow.stats().cancelled == 1  # the other one is told


def test_a_job_that_a_pool_has_taken_is_its_own(sim: Simulation) -> None:
    first, second = pools(sim)
    first.pause(3600.0)
    with Router(sim.system, [first.ref, second.ref]) as router:
        answer = router.ref.ask("x", block=False)
        first.close(timeout=0)
        assert isinstance(answer.exception(), PoolClosedError)
        assert accepted(first, second) == [1, 0]
