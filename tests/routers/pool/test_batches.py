"""Jobs handed out by the list."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, AskCancelled, DeadLetterReason
from actors.routers import Batch, BatchResultError, ConsistentHash, Pool, PoolBackoff, Rate, RoundRobin, WorkerLostError
from actors.testing import Simulation, simulate
from tests.routers.pool.kit import Events, accounted
from tests.support import scaled

if TYPE_CHECKING:
    from actors import ActorSystem


class Model(Actor):
    """Answers each message with twice of it; notes its batches; does as the message says if that is a text."""

    def __init__(self, batches: list[list[Any]], seconds: float = 0.0) -> None:
        super().__init__()
        self.batches = batches
        self.seconds = seconds

    async def on_receive(self, messages: list[Any]) -> Any:
        self.batches.append(list(messages))
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if "raise" in messages:
            raise ValueError("the whole batch")
        if "few" in messages:
            return [0] * (len(messages) - 1)
        if "none" in messages:
            return None
        return [LookupError(message) if message == "one" else message * 2 for message in messages]


def new_pool(sim: Simulation, batches: list[list[Any]], seconds: float = 0.0, **options: Any) -> Pool[Any]:
    options = {"size": 1, "batch": Batch(4, within=1.0), **options}
    return Pool(sim.system, functools.partial(Model, batches, seconds), **options)


@pytest.mark.parametrize("routing", [None, RoundRobin(), ConsistentHash(str)])
def test_each_asker_gets_its_own_result(sim: Simulation, routing: Any) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches, routing=routing) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(10)]
        assert [ask.get() for ask in asks] == [2 * number for number in range(10)]
        assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert pool.stats().batches == 3


def test_a_full_batch_goes_at_once_and_one_that_is_not_within_its_time(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches) as pool:
        sim.run()
        asks = [pool.ref.ask(number, block=False) for number in range(4)]
        asks[-1].get()
        assert sim.now == 0
        pool.ref.tell(4)
        sim.advance(0.5)
        pool.ref.tell(5)
        sim.advance(0.4)
        assert len(batches) == 1
        sim.advance(0.2)
        assert batches[1:] == [[4, 5]]


def test_a_job_that_has_waited_for_a_worker_waits_no_more_for_company(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches, seconds=5.0) as pool:
        first = [pool.ref.ask(number, block=False) for number in range(4)]
        sim.advance(1.5)
        late = pool.ref.ask(9, block=False)
        sim.advance(3)
        first[0].get()
        sim.advance(0.6)
        assert batches[1:] == [[9]]
        late.get()
        assert sim.now == pytest.approx(10)


@pytest.mark.parametrize(("word", "found"), [("few", 2), ("none", None)])
def test_another_number_of_results_fails_all_askers(sim: Simulation, events: Events, word: str, found: int | None) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches) as pool:
        asks = [pool.ref.ask(message, block=False) for message in (1, word)]
        pool.ref.tell("told")
        sim.run()
        sim.advance(2)
        for ask in asks:
            with pytest.raises(BatchResultError) as caught:
                ask.get()
            assert (caught.value.expected, caught.value.found) == (3, found)
            assert ("NoneType, which is no list" in str(caught.value)) is (found is None)
        assert events.letters == [("told", DeadLetterReason.POISONED)]
        stats = pool.stats()
        assert (stats.failed, stats.deaths, accounted(stats)) == (3, 0, 3)
        assert pool.ref.ask(1) == 2


def test_an_exception_among_the_results_fails_its_asker_only(sim: Simulation) -> None:
    with new_pool(sim, []) as pool:
        asks = [pool.ref.ask(message, block=False) for message in (1, "one", 3)]
        assert asks[0].get() == 2
        with pytest.raises(LookupError):
            asks[1].get()
        assert asks[2].get() == 6
        assert (pool.stats().done, pool.stats().failed) == (2, 1)


def test_when_a_batch_fails_its_askers_are_told_and_what_was_told_comes_again_alone(sim: Simulation, events: Events) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches) as pool:
        ask = pool.ref.ask("raise", block=False)
        pool.ref.tell("told")
        pool.ref.tell("too")
        assert not sim.advance(2)
        with pytest.raises(ValueError, match="the whole batch"):
            ask.get()
        assert pool.drain()
        assert batches == [["raise", "told", "too"], ["told"], ["too"]]
        stats = pool.stats()
        assert (stats.done, stats.failed, stats.redelivered, stats.deaths) == (2, 1, 2, 0)


def test_a_told_job_that_fails_every_batch_is_a_dead_letter(sim: Simulation, events: Events) -> None:
    with new_pool(sim, [], redeliver=2) as pool:
        pool.ref.tell("raise")
        pool.ref.tell("fine")
        assert pool.drain()
        assert events.letters == [("raise", DeadLetterReason.POISONED)]
        stats = pool.stats()
        assert (stats.done, stats.poisoned) == (1, 1)


def test_jobs_of_a_worker_that_died_come_again_alone(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches, seconds=1.0) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(4)]
        sim.advance(0.5)
        pool.workers[0].kill()
        assert [ask.get() for ask in asks] == [0, 2, 4, 6]
        assert batches == [[0, 1, 2, 3], [0], [1], [2], [3]]


def test_a_batch_whose_workers_are_killed_each_time_fails(sim: Simulation) -> None:
    with new_pool(sim, [], seconds=1.0, redeliver=0) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(4)]
        sim.advance(0.5)
        pool.workers[0].kill()
        for ask in asks:
            with pytest.raises(WorkerLostError):
                ask.get()


def test_one_who_cancels_does_not_disturb_the_batch(sim: Simulation) -> None:
    with new_pool(sim, [], seconds=1.0) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(4)]
        sim.advance(0.5)
        asks[2].cancel()
        assert [ask.get() for ask in (asks[0], asks[1], asks[3])] == [0, 2, 6]
        with pytest.raises(AskCancelled):
            asks[2].get()
        assert (pool.stats().done, pool.stats().cancelled) == (3, 1)


def test_a_batch_takes_no_more_than_the_rate_allows(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches, rate=Rate(1.0, burst=3)) as pool:
        for number in range(8):
            pool.ref.tell(number)
        pool.drain()
        assert len(batches[0]) == 3
        assert [message for batch in batches for message in batch] == list(range(8))
        assert sim.now >= 4.9


def test_a_pool_that_closes_waits_for_no_company(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    pool = new_pool(sim, batches, batch=Batch(100, within=60.0))
    pool.ref.tell(1)
    sim.advance(0.1)
    pool.close()
    assert batches == [[1]]
    assert sim.now < 1


@simulate(runs=scaled(1000, 60))
def test_batches_keep_the_order_of_each_key_in_any_order_of_steps(sim: Simulation) -> None:
    batches: list[list[Any]] = []
    with new_pool(sim, batches, size=2, routing=ConsistentHash(lambda message: message[0]), batch=Batch(3, within=0.1)) as pool:
        for number in range(4):
            pool.ref.tell(("a", number))
            pool.ref.tell(("b", number))
        assert pool.drain()
        for key in "ab":
            assert [message for batch in batches for message in batch if message[0] == key] == [(key, number) for number in range(4)]


@given(
    words=st.lists(st.sampled_from([1, 2, "one", "few", "raise", "kill"]), max_size=20),
    most=st.integers(1, 4),
    size=st.integers(1, 2),
    keyed=st.booleans(),
    told=st.booleans(),
)
@settings(max_examples=scaled(2000, 80), deadline=None)
def test_every_job_of_every_batch_is_accounted_for(words: list[Any], most: int, size: int, keyed: bool, told: bool) -> None:
    with Simulation(max_steps=100_000) as sim:
        events = Events(sim.system)
        pool = new_pool(
            sim,
            [],
            seconds=0.1,
            size=size,
            batch=Batch(most, within=0.2),
            routing=ConsistentHash(str) if keyed else None,
            backoff=PoolBackoff(0.01, 0.01),
        )
        asks = []
        for number, word in enumerate(words):
            if word == "kill":
                for worker in pool.workers:
                    worker.kill(block=False)
            elif told and number % 2:
                pool.ref.tell(word)
            else:
                asks.append(pool.ref.ask(word, block=False))
            sim.advance(0.05)
        assert pool.drain()
        stats = pool.stats()
        assert stats.accepted == accounted(stats) == len([word for word in words if word != "kill"])
        assert (stats.waiting, stats.running, stats.busy) == (0, 0, 0)
        assert all(ask.done() for ask in asks)
        assert len(events.letters) <= stats.poisoned + stats.failed
        pool.close()


def test_many_clients_share_the_calls_of_a_model(system: ActorSystem) -> None:
    sizes: list[int] = []

    async def model(messages: list[int]) -> list[int]:
        sizes.append(len(messages))
        await asyncio.sleep(0.01)
        return [message + 1 for message in messages]

    with Pool(system, model, size=1, batch=Batch(32, within=0.05)) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(320)]
        assert [ask.get(timeout=30) for ask in asks] == [number + 1 for number in range(320)]
        assert max(sizes) == 32
        assert sum(sizes) == 320
