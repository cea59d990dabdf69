"""A full pool."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, DeadLetterReason, Future, MailboxFullError, Overflow, Timeout, WouldBlockError
from actors.routers import ConsistentHash, JobsShed, Pool, PoolClosedError, PoolFullError, RoundRobin
from tests.routers.pool.kit import Doubling, Events, Holding, Recorder, accounted

if TYPE_CHECKING:
    from actors.testing import Simulation

ROUTINGS = [None, RoundRobin(), ConsistentHash(str)]


def test_one_job_too_many_is_refused_and_says_when_to_try_again(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=1, capacity=2) as pool:
        for number in range(20):
            pool.ref.ask(number)
        sim.advance(2)
        pool.pause(60)
        pool.ref.tell(1)
        pool.ref.tell(2)
        with pytest.raises(PoolFullError) as caught:
            pool.ref.tell("x")
        assert (caught.value.message, caught.value.capacity, caught.value.pool) == ("x", 2, "/pool")
        assert isinstance(caught.value, MailboxFullError)
        assert caught.value.retry_after == pytest.approx(60, abs=1)
        future = pool.ref.ask("y", block=False)
        with pytest.raises(PoolFullError):
            future.get()
        stats = pool.stats()
        assert (stats.accepted, stats.waiting, stats.shed) == (22, 2, 0)
        assert stats.retry_after is not None
        sim.advance(61)
        assert pool.drain()
        assert pool.stats().retry_after is None


@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("overflow", [Overflow.DROP_OLDEST, Overflow.DROP_NEWEST])
def test_what_is_shed_is_told(sim: Simulation, events: Events, overflow: Overflow, routing: Any) -> None:
    begun: list[Any] = []
    with Pool(sim.system, functools.partial(Recorder, begun), size=0, capacity=2, overflow=overflow, routing=routing) as pool:
        asks = [pool.ref.ask(number, block=False) for number in (0, 1)]
        pool.ref.tell(2)
        pool.ref.tell(3)
        asks.append(pool.ref.ask(4, block=False))
        pool.resize(2)
        assert pool.drain()
        stats = pool.stats()
        assert (stats.shed, stats.accepted, accounted(stats)) == (3, 5, 5)
        if overflow is Overflow.DROP_OLDEST:
            assert sorted(begun) == [3, 4]
            assert events.letters == [(2, DeadLetterReason.DROPPED_OLDEST)]
            assert asks[2].get() == 4
            failed = asks[:2]
        else:
            assert sorted(begun) == [0, 1]
            assert sorted(events.letters) == [(2, DeadLetterReason.DROPPED_NEWEST), (3, DeadLetterReason.DROPPED_NEWEST)]
            failed = asks[2:]
        for ask in failed:
            with pytest.raises(PoolFullError):
                ask.get()


def test_a_burst_of_shed_jobs_is_told_of_now_and_then(sim: Simulation, events: Events) -> None:
    with Pool(sim.system, Doubling, size=0, capacity=10, overflow=Overflow.DROP_NEWEST) as pool:
        for number in range(10 + 125):
            pool.ref.tell(number)
        assert [event.count for event in events.of(JobsShed)] == [1, 9, 90]
        pool.resize(1)
        assert pool.drain()
        pool.ref._books.ring()
        sim.run()
        assert [event.count for event in events.of(JobsShed)] == [1, 9, 90, 25]


def test_a_sender_waits_for_room_if_that_is_the_policy(sim: Simulation) -> None:
    begun: list[Any] = []
    with Pool(sim.system, functools.partial(Recorder, begun), size=1, capacity=1, overflow=Overflow.BLOCK) as pool:
        pool.pause(5)
        for number in range(10):
            pool.ref.tell(number)
        assert sim.now >= 5
        assert pool.ref.ask(10) == 10
        assert begun == list(range(11))


def test_a_sender_waits_no_longer_than_it_may(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=0, capacity=1, overflow=Overflow.BLOCK, timeout=2.0) as pool:
        pool.ref.tell(0)
        with pytest.raises(PoolFullError):
            pool.ref.tell(1)
        assert sim.now == 2
        with pytest.raises((PoolFullError, Timeout)):
            pool.ref.ask(2, timeout=1.0)
        assert sim.now == 3
        with pytest.raises(PoolFullError):
            pool.ref.tell_within(3, 0.5)
        assert sim.now == 3.5
        assert pool.stats().accepted == 1
        pool.close(timeout=0)


def test_senders_are_let_in_in_order_and_without_barging(sim: Simulation) -> None:
    begun: list[Any] = []

    class Sender(Actor):
        async def on_receive(self, message: Any) -> None:
            await pool.ref.tell_async(message)

    with Pool(sim.system, functools.partial(Recorder, begun), size=0, capacity=1, overflow=Overflow.BLOCK) as pool:
        senders = [sim.spawn(Sender) for _ in range(4)]
        for number, sender in enumerate(senders):
            sender.tell(number)
            sim.run()
        assert pool.stats().waiting == 1
        pool.resize(1)
        sim.run()
        assert begun == [0, 1, 2, 3]


def test_senders_that_wait_are_sent_away_when_the_pool_is_closed(sim: Simulation) -> None:
    outcomes: list[Any] = []

    class Sender(Actor):
        async def on_receive(self, message: Any) -> None:
            try:
                await pool.ref.ask_async(message)
            except PoolClosedError as error:
                outcomes.append(error.message)

    pool = Pool(sim.system, Doubling, size=0, capacity=1, overflow=Overflow.BLOCK)
    pool.ref.tell(0)
    sim.spawn(Sender).tell("waits")
    sim.run()
    pool.close(timeout=0.0)
    assert outcomes == ["waits"]


def test_a_worker_of_a_full_pool_does_not_wait_for_itself(sim: Simulation) -> None:
    class Own(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "more":
                pool.ref.tell("one")
                pool.ref.tell("too many")
            return message

    with Pool(sim.system, Own, size=1, capacity=1, overflow=Overflow.BLOCK) as pool:
        with pytest.raises(PoolFullError):
            pool.ref.ask("more")
        assert pool.drain()


def test_an_event_loop_is_not_blocked_by_a_full_pool() -> None:
    async def main() -> list[int]:
        async with ActorSystem() as system, Pool(system, Doubling, size=0, capacity=1, overflow=Overflow.BLOCK) as pool:
            pool.ref.tell(0)
            with pytest.raises(WouldBlockError):
                pool.ref.tell(1)
            asks = [asyncio.ensure_future(pool.ref.ask_async(number)) for number in range(1, 5)]
            gone = asyncio.ensure_future(pool.ref.ask_async("given up"))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait([gone])
            pool.resize(2)
            assert await pool.ref.ask_async(5, timeout=30) == 10
            answers = await asyncio.gather(*asks)
            assert await pool.drain_async(timeout=30)
            stats = pool.stats()
            assert stats.accepted == accounted(stats) == 6
            return answers

    assert asyncio.run(main()) == [2, 4, 6, 8]


def test_threads_that_wait_for_room_lose_nothing(system: ActorSystem) -> None:
    begun: list[int] = []
    with Pool(system, begun.append, size=2, capacity=3, overflow=Overflow.BLOCK) as pool:
        threads = [threading.Thread(target=lambda first=first: [pool.ref.tell(n) for n in range(first, 4000, 4)]) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pool.drain(timeout=30)
        assert sorted(begun) == list(range(4000))
        assert pool.stats().done == 4000


def test_an_ask_that_is_cancelled_while_its_sender_waits_for_room_lets_the_sender_go(sim: Simulation, events: Events) -> None:
    handles: list[Any] = []
    future: Future[Any] = Future()
    sent: list[bool] = []

    class Sender(Actor):
        def on_receive(self, message: Any) -> None:
            pool.ref._send(message, future, None, None)
            sent.append(future.cancelled())

    with Pool(sim.system, functools.partial(Holding, handles), size=1, capacity=1, overflow=Overflow.BLOCK) as pool:
        pool.ref.ask("under way", block=False)
        pool.ref.ask("waits", block=False)
        sim.run()
        sim.spawn(Sender).tell("late")
        sim.run()
        assert sent == []
        future.cancel()
        sim.run()
        assert sent == [True]
        assert events.letters == [("late", DeadLetterReason.CANCELLED)]
        assert pool.stats().accepted == 2
        pool.close(timeout=0)
