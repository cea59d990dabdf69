"""What happens at the same time: all orders of few steps, and many on real threads."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, Future
from actors.routers import Batch, ConsistentHash, Pool, PoolClosedError, PoolFullError
from actors.testing import Simulation, explore
from tests.routers.pool.kit import Doubling, Events, Recorder, accounted
from tests.support import scaled

if TYPE_CHECKING:
    from actors import ActorRef


class Teller(Actor):
    """Hands in what it is told."""

    def __init__(self, pool: Pool[Any]) -> None:
        super().__init__()
        self.pool = pool

    def on_receive(self, message: Any) -> None:
        self.pool.ref.tell(message)


class Killer(Actor):
    """Kills what it is told."""

    def on_receive(self, message: ActorRef[Any]) -> None:
        message.kill(block=False)


def test_in_every_order_of_two_senders_and_a_kill_each_job_has_one_end() -> None:
    def scenario(sim: Simulation) -> None:
        begun: list[Any] = []
        events = Events(sim.system)
        pool = Pool(sim.system, functools.partial(Recorder, begun), size=1, redeliver=0)
        first, second, killer = sim.spawn(Teller, pool), sim.spawn(Teller, pool), sim.spawn(Killer)
        assert pool.ref.ask("warm") == "warm"
        (worker,) = pool.workers
        first.tell("a")
        second.tell("b")
        killer.tell(worker)
        assert first.stop()
        assert second.stop()
        assert pool.drain()
        stats = pool.stats()
        assert stats.accepted == accounted(stats) == 3
        assert stats.done + stats.poisoned == 3
        assert len(begun) == len(set(begun))
        assert {*begun} == {"warm", "a", "b"}
        assert {message for message, _ in events.letters} <= {"a", "b"}
        pool.close()

    found = explore(scenario, strategy="exhaustive", runs=scaled(20_000, 100))
    found.check()


def test_in_every_order_of_a_cancel_and_an_answer_the_pool_agrees_with_the_asker() -> None:
    def scenario(sim: Simulation) -> None:
        class Canceller(Actor):
            def on_receive(self, message: Future[Any]) -> bool:
                return message.cancel()

        pool = Pool(sim.system, Doubling, size=1)
        canceller = sim.spawn(Canceller)
        ask = pool.ref.ask(1, block=False)
        cancelled = canceller.ask(ask)
        assert pool.drain()
        stats = pool.stats()
        assert ask.cancelled() is cancelled
        assert (stats.cancelled, stats.done) == ((1, 0) if cancelled else (0, 1))
        pool.close()

    explore(scenario, strategy="exhaustive", runs=scaled(20_000, 100)).check()


def test_a_thousand_answers_at_once_may_each_send_again(system: ActorSystem) -> None:
    count = 1000
    done = threading.Event()
    answers: list[Any] = []

    def again(future: Future[Any]) -> None:
        answers.append(pool.ref.ask(future.get(), block=False))
        if len(answers) == count:
            done.set()

    with Pool(system, lambda messages: messages, size=1, batch=Batch(count, within=5.0)) as pool:
        pool.pause(0.01)
        for number in range(count):
            pool.ref.ask(number, block=False).add_done_callback(again)
        assert done.wait(30)
        assert sorted(answer.get(timeout=30) for answer in answers) == list(range(count))
        assert pool.stats().failed == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_pool_that_is_closed_under_its_senders_loses_nothing(no_leaks: Any, seed: int) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(scaled(100, 10)):
            sent: list[int] = []
            begun: list[int] = []
            with ActorSystem() as system:
                events = Events(system)
                pool = Pool(system, begun.append, size=2, capacity=50)

                def send(first: int, pool: Pool[Any] = pool, sent: list[int] = sent) -> None:
                    for number in range(first, 1_000_000, 3):
                        try:
                            pool.ref.tell(number)
                        except PoolFullError:
                            continue
                        except PoolClosedError:
                            return
                        sent.append(number)

                threads = [threading.Thread(target=send, args=(first,)) for first in range(3)]
                for thread in threads:
                    thread.start()
                pool.close(timeout=None) if seed else pool.ref.stop()
                for thread in threads:
                    thread.join()
                stats = pool.stats()
                letters = [message for message, _ in events.letters]
            assert sorted(begun + letters) == sorted(sent)
            assert stats.accepted == accounted(stats) == len(sent)
    finally:
        sys.setswitchinterval(interval)


def test_resizing_all_the_time_neither_loses_nor_leaves_anything(system: ActorSystem) -> None:
    begun: list[int] = []
    with Pool(system, begun.append, size=1, capacity=100_000, routing=ConsistentHash(lambda n: n % 7)) as pool:
        jobs = scaled(100_000, 3000)
        for number in range(jobs):
            pool.ref.tell(number)
            if number % 50 == 0:
                pool.resize(number // 50 % 5)
        pool.resize(2)
        assert pool.drain(timeout=60)
        assert sorted(begun) == list(range(jobs))
        for key in range(7):
            mine = [number for number in begun if number % 7 == key]
            assert mine == sorted(mine)
        assert pool.stats().deaths == 0


def test_coroutines_ask_a_pool_on_their_own_loop() -> None:
    async def double(message: int) -> int:
        await asyncio.sleep(0)
        return 2 * message

    async def main() -> None:
        async with ActorSystem() as system, Pool(system, double, size=2, concurrency=8) as pool:
            assert await asyncio.gather(*(pool.ref.ask_async(number) for number in range(50))) == [2 * number for number in range(50)]
            await pool.ref.tell_async(1)
            pool.pause(0.1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pool.ref.ask_async(1), 0.01)
            assert await pool.drain_async(timeout=30)
            assert pool.stats().cancelled == 1

    asyncio.run(main())
