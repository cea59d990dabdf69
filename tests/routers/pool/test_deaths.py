"""What happens when a worker dies, holding a job or not."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, DeadLetterReason, Future, Lifecycle
from actors.routers import (
    ConsistentHash,
    JobRedelivered,
    Pool,
    PoolActor,
    PoolBackoff,
    PoolClosedError,
    TooManyDeathsError,
    WorkerDied,
    WorkerLostError,
)
from supervisors import ChildSpec, Supervisor, child
from tests.routers.pool.kit import Doubling, Events, Holding, Recorder, accounted

if TYPE_CHECKING:
    from actors import ActorSystem
    from actors.testing import Simulation


@pytest.mark.parametrize("redeliver", [0, 1, 3])
def test_a_told_job_that_its_workers_die_of_becomes_a_dead_letter(sim: Simulation, events: Events, redeliver: int) -> None:
    with Pool(sim.system, Doubling, size=2, redeliver=redeliver) as pool:
        pool.ref.tell("die")
        assert pool.ref.ask(1) == 2
        assert pool.drain()
        stats = pool.stats()
        assert (stats.poisoned, stats.redelivered, stats.deaths) == (1, redeliver, 1 + redeliver)
        assert events.letters == [("die", DeadLetterReason.POISONED)]
        assert [event.deliveries for event in events.of(JobRedelivered)] == list(range(1, redeliver + 1))
        assert all(isinstance(event.error, ValueError) and event.jobs == 1 for event in events.of(WorkerDied))
        assert stats.accepted == accounted(stats)


@pytest.mark.parametrize("redeliver", [0, 2])
def test_an_ask_whose_workers_are_killed_fails_and_says_how_often(sim: Simulation, redeliver: int) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1, redeliver=redeliver) as pool:
        ask = pool.ref.ask("x", block=False)
        for _ in range(1 + redeliver):
            sim.advance(60)
            pool.workers[0].kill()
        with pytest.raises(WorkerLostError, match="handed out") as caught:
            ask.get()
        assert (caught.value.message, caught.value.deliveries, caught.value.error) == ("x", 1 + redeliver, None)
        assert caught.value.pool == "/pool"
        assert len(handles) == 1 + redeliver


def test_a_job_comes_again_before_those_that_waited(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        for number in range(3):
            pool.ref.ask(number, block=False)
        sim.run()
        pool.workers[0].kill()
        sim.advance(1)
        assert [message for message, _ in handles] == [0, 0]
        handles[-1][1].reply()
        sim.run()
        assert handles[-1][0] == 1
        pool.close(timeout=0)


def test_a_job_that_was_not_begun_counts_no_delivery(sim: Simulation) -> None:
    handles: list[Any] = []

    class Slow(Holding):
        def on_receive(self, message: Any) -> Any:
            if message == "first":
                waiting.get()  # in its handler; the second job waits in its mailbox
            return super().on_receive(message)

    waiting: Future[None] = Future()
    with Pool(sim.system, functools.partial(Slow, handles), size=1, concurrency=2, redeliver=0) as pool:
        first, second = pool.ref.ask("first", block=False), pool.ref.ask("second", block=False)
        sim.run()
        assert pool.stats().running == 2
        pool.workers[0].kill()
        with pytest.raises(WorkerLostError):
            first.get()
        sim.advance(1)
        handles[-1][1].reply("done")
        assert second.get() == "done"


def test_a_worker_that_has_done_a_job_is_replaced_at_once_and_one_that_has_not_later_and_later(sim: Simulation) -> None:
    starts: list[float] = []

    class Fragile(Actor):
        def __init__(self) -> None:
            super().__init__()
            starts.append(self.system.ports.clock.now())
            if len(starts) > 2:
                raise OSError("no model")

        def on_receive(self, message: Any) -> Any:
            return message

    begin = sim.now
    with Pool(sim.system, Fragile, size=1, backoff=PoolBackoff(initial=1.0, maximum=4.0)) as pool:
        assert pool.ref.ask(1) == 1
        pool.drain()
        pool.workers[0].kill()
        sim.run()
        assert len(starts) == 2  # at once
        pool.workers[0].kill()
        sim.advance(1 + 2 + 4 + 4 + 4.5)
        assert [round(start - begin) for start in starts] == [0, 0, 1, 3, 7, 11, 15]


def test_a_worker_that_stops_itself_is_replaced_and_its_job_is_done(sim: Simulation) -> None:
    class Once(Actor):
        def on_receive(self, message: Any) -> Any:
            self.stop()
            return message

    with Pool(sim.system, Once, size=1, redeliver=0) as pool:
        assert [pool.ref.ask(number) for number in range(5)] == list(range(5))
        stats = pool.stats()
        assert (stats.done, stats.poisoned) == (5, 0)


def test_the_pool_itself_crashes_when_workers_die_too_often(sim: Simulation) -> None:
    pool = Pool(sim.system, Doubling, size=1, intensity=2, period=10.0, redeliver=5)
    watched = Events(sim.system)
    pool.ref.tell("die")
    sim.advance(60)
    assert pool.ref.state is Lifecycle.STOPPED
    crashes = [
        event.error for event in watched.all if type(event).__name__ == "ActorCrashed" and isinstance(event.error, TooManyDeathsError)
    ]
    assert len(crashes) == 1
    assert (crashes[0].deaths, crashes[0].period) == (3, 10.0)
    assert "3 workers of /pool died within 10 seconds" in str(crashes[0])
    assert ("die", DeadLetterReason.STOPPED) in watched.letters
    for use in (lambda: pool.ref.tell("late"), lambda: pool.ref.ask("late"), lambda: pool.resize(2)):
        with pytest.raises(PoolClosedError, match="the pool /pool is closed: TooManyDeathsError: 3 workers of /pool died") as caught:
            use()
        assert caught.value.cause is caught.value.__cause__ is crashes[0]


def test_jobs_of_a_supervised_pool_survive_its_restart(sim: Simulation) -> None:
    handles: list[Any] = []
    supervisor = sim.spawn(Supervisor, [child(PoolActor, functools.partial(Holding, handles), size=1, name="pool")])
    sim.run()
    found = sim.system.lookup(f"{supervisor.path}/pool")
    assert found is not None
    pool = Pool.of(found)
    asks = [pool.ref.ask(number, block=False) for number in range(3)]
    sim.run()
    assert [message for message, _ in handles] == [0]
    pool.ref.restart()
    sim.advance(1)
    assert [message for message, _ in handles] == [0, 0]
    for _ in range(3):
        handles[-1][1].reply("done")
        sim.run()
    assert [ask.get() for ask in asks] == ["done"] * 3
    assert Pool.of(pool.ref).stats().redelivered == 1
    supervisor.stop()


def test_a_supervised_pool_that_crashes_comes_again_with_its_jobs(sim: Simulation) -> None:
    begun: list[Any] = []

    class Ill(Recorder):
        def on_receive(self, message: Any) -> Any:
            super().on_receive(message)
            if len(begun) < 4:
                raise ValueError(message)

    options = {"size": 1, "redeliver": 5, "intensity": 1, "period": 60.0}
    spec = ChildSpec(actor_class=PoolActor, args=(functools.partial(Ill, begun),), kwargs=options, name="pool")
    supervisor = sim.spawn(Supervisor, [spec])
    sim.run()
    found = sim.system.lookup(f"{supervisor.path}/pool")
    assert found is not None
    pool = Pool.of(found)
    for number in range(3):
        pool.ref.tell(number)
    sim.advance(10)
    assert begun == [0, 0, 0, 0, 1, 2]
    assert Pool.of(pool.ref).stats().done == 3
    supervisor.stop()


def test_a_worker_that_somebody_restarts_gets_its_job_again(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        ask = pool.ref.ask("x", block=False)
        sim.run()
        pool.workers[0].restart()
        sim.run()
        assert len(handles) == 2
        handles[-1][1].reply("again")
        assert ask.get() == "again"
        assert pool.drain()
        assert pool.stats().busy == 0


def test_a_key_is_free_again_when_the_worker_at_it_has_died(sim: Simulation) -> None:
    begun: list[Any] = []

    class Dying(Recorder):
        def on_receive(self, message: Any) -> Any:
            super().on_receive(message)
            if message[1] == 0:
                raise ValueError(message)

    with Pool(sim.system, functools.partial(Dying, begun), size=3, routing=ConsistentHash(lambda m: m[0]), redeliver=1) as pool:
        for number in range(3):
            pool.ref.tell(("a", number))
        assert pool.drain()
        assert begun == [("a", 0), ("a", 0), ("a", 1), ("a", 2)]


def test_a_worker_that_hangs_is_killed_and_its_job_comes_again(system: ActorSystem) -> None:
    gate = threading.Event()
    calls: list[int] = []

    def work(message: int) -> int:
        calls.append(message)
        if len(calls) == 1:
            gate.wait()
        return message

    with Pool(system, work, size=1, hangs_after=0.05) as pool:
        assert pool.ref.ask(1, timeout=30) == 1
        assert calls == [1, 1]
        assert pool.stats().deaths == 1
        gate.set()  # what it returns now is nobody's answer
        assert pool.ref.ask(2, timeout=30) == 2
        assert pool.stats().done == 2


def test_a_worker_may_take_as_long_as_it_is_given(sim: Simulation) -> None:
    async def work(message: float) -> float:
        await asyncio.sleep(message)
        return message

    with Pool(sim.system, work, size=1, hangs_after=2.0, redeliver=0) as pool:
        assert pool.ref.ask(1.9) == 1.9
        assert pool.ref.ask(1.9) == 1.9
        with pytest.raises(WorkerLostError):
            pool.ref.ask(5.0)
        assert sim.now < 10


def test_a_killed_worker_that_returns_at_last_has_not_done_what_another_one_is_at(system: ActorSystem) -> None:
    begun = [threading.Event(), threading.Event()]
    gates = [threading.Event(), threading.Event()]
    threads: list[threading.Thread] = []

    def work(_: str) -> None:
        number = len(threads)
        threads.append(threading.current_thread())
        begun[number].set()
        gates[number].wait()

    with Pool(system, work, size=1) as pool:
        pool.ref.tell("x")
        begun[0].wait()
        pool.workers[0].kill()  # its thread stays where it is
        begun[1].wait()
        gates[0].set()
        threads[0].join()
        assert (pool.stats().done, pool.stats().running) == (0, 1)
        gates[1].set()
        assert pool.drain(timeout=60)
        assert (pool.stats().done, pool.stats().redelivered) == (1, 1)


def test_a_job_that_comes_again_to_the_same_place_may_take_as_long_as_ever(sim: Simulation) -> None:
    begun: list[float] = []

    async def work(_: str) -> str:
        begun.append(sim.now)
        await asyncio.sleep(60.0 if len(begun) == 1 else 1.5)
        return "done"

    with Pool(sim.system, work, size=1, hangs_after=2.0, redeliver=1) as pool:
        assert pool.ref.ask("x") == "done"
        assert len(begun) == 2


def test_an_ask_that_is_cancelled_before_it_is_let_in_takes_no_room(sim: Simulation, events: Events) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1, capacity=1) as pool:
        pool.ref.ask("first", block=False)
        sim.run()
        future: Future[Any] = Future()
        future.cancel()
        pool.ref._send("late", future, None, None)
        sim.run()
        assert ("late", DeadLetterReason.CANCELLED) in events.letters
        assert pool.stats().waiting == 0
        pool.close(timeout=0)


class Slow(Actor):
    """Takes an hour to start, or to end."""

    def __init__(self, hook: str) -> None:
        super().__init__()
        self.hook = hook

    async def on_start(self) -> None:
        if self.hook == "start":
            await asyncio.sleep(3600)

    async def on_stop(self) -> None:
        if self.hook == "stop":
            await asyncio.sleep(3600)

    async def on_receive(self, message: Any) -> Any:
        return message


@pytest.mark.parametrize("hook", ["start", "stop"])
@pytest.mark.parametrize("jobs", [0, 1])
def test_a_worker_that_hangs_in_its_start_or_end_does_not_keep_the_pool_from_closing(sim: Simulation, hook: str, jobs: int) -> None:
    pool = Pool(sim.system, functools.partial(Slow, hook), size=2)
    for number in range(jobs):
        pool.ref.tell(number)
    sim.advance(1)
    begin = sim.now
    pool.close(timeout=5.0)
    assert sim.now - begin <= 6.0
    assert pool.ref.state is Lifecycle.STOPPED
    assert pool.stats().shed == (jobs if hook == "start" else 0)


def test_what_the_pool_tells_its_own_actor_is_no_dead_letter(sim: Simulation, events: Events) -> None:
    pool = Pool(sim.system, Doubling, size=2)
    sim.run()
    pool.ref.stop(block=False)
    for size in (1, 3, 1):
        pool.resize(size)
    pool._close(5.0)
    sim.run()
    assert events.letters == []


def test_a_worker_that_is_to_go_goes_though_somebody_restarts_it_at_its_job(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        ask = pool.ref.ask("x", block=False)
        sim.run()
        worker = pool.workers[0]
        pool.resize(0)
        sim.run()
        worker.restart(block=False)
        sim.run()
        assert worker.state is Lifecycle.STOPPED
        pool.resize(1)
        sim.run()
        handles[-1][1].reply("done")
        assert ask.get() == "done"


def test_a_worker_that_is_at_a_job_when_the_time_of_the_pool_is_over_is_killed_then(sim: Simulation) -> None:
    async def work(_: str) -> None:
        await asyncio.sleep(3600)

    pool = Pool(sim.system, work, size=1)
    pool.ref.tell("x")
    sim.advance(1)
    begin = sim.now
    pool.close(timeout=5.0)
    assert sim.now - begin == pytest.approx(5.0)
