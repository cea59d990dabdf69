"""What becomes of a job: answers, failures, deadlines, cancellation."""

from __future__ import annotations

import asyncio
import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorDeadError, AskCancelled, DeadLetterReason, DeadlineExceeded, Future, Timeout, handler
from actors.routers import Broadcast, ConsistentHash, LeastLoaded, Pool, PoolClosedError, RandomRouting, RoundRobin, Router
from tests.routers.pool.kit import Doubling, Events, Holding, Recorder, Starting, accounted

if TYPE_CHECKING:
    from actors import ActorSystem
    from actors.testing import Simulation

ROUTINGS = [None, RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(str)]


@pytest.mark.parametrize("routing", ROUTINGS)
def test_each_job_is_done_once_whatever_the_routing(sim: Simulation, routing: Any) -> None:
    begun: list[int] = []
    with Pool(sim.system, functools.partial(Recorder, begun), size=3, routing=routing) as pool:
        for number in range(50):
            pool.ref.tell(number)
        assert pool.ref.ask(50) == 50
        assert pool.drain()
        assert sorted(begun) == list(range(51))
        assert pool.stats().done == pool.stats().accepted == 51


def test_a_plain_function_is_a_worker(system: ActorSystem) -> None:
    with Pool(system, lambda message: message + 1, size=2) as pool:
        assert [pool.ref.ask(number) for number in range(3)] == [1, 2, 3]


def test_an_async_function_is_at_several_jobs_at_once(sim: Simulation) -> None:
    now: list[int] = [0]
    most: list[int] = [0]

    async def work(message: int) -> int:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(1)
        now[0] -= 1
        return message

    with Pool(sim.system, work, size=2, concurrency=3) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(10)]
        assert [ask.get() for ask in asks] == list(range(10))
    assert most == [6]


def test_methods_of_workers_are_called_through_the_pool(sim: Simulation) -> None:
    class Adder(Actor):
        def __init__(self, more: int) -> None:
            super().__init__()
            self.more = more

        @handler
        def add(self, message: int) -> int:
            return message + self.more

    with Pool(sim.system, functools.partial(Adder, more=5), size=1) as pool:
        assert pool.ref.call(Adder.add, 2).get() == 7
        assert pool.ref.ask(3) == 8


def test_what_a_handler_raises_for_an_ask_is_the_askers_and_its_worker_lives_on(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=1) as pool:
        with pytest.raises(ValueError, match="die"):
            pool.ref.ask("die")
        stats = pool.stats()
        assert (stats.failed, stats.deaths, stats.done) == (1, 0, 0)


def test_jobs_under_way_until_a_later_reply_are_under_way(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        first, second = pool.ref.ask("a", block=False), pool.ref.ask("b", block=False)
        sim.run()
        assert [message for message, _ in handles] == ["a"]
        assert pool.stats().running == pool.stats().waiting == 1
        handles[0][1].reply("done")
        assert first.get() == "done"
        sim.run()
        handles[1][1].fail(LookupError("no"))
        with pytest.raises(LookupError):
            second.get()


def test_a_job_that_waits_and_is_cancelled_is_not_begun(sim: Simulation, events: Events) -> None:
    begun: list[Any] = []
    with Pool(sim.system, functools.partial(Recorder, begun), size=0) as pool:
        future = pool.ref.ask("x", block=False)
        assert future.cancel()
        pool.resize(1)
        assert pool.ref.ask("y") == "y"
        assert begun == ["y"]
        assert events.letters == [("x", DeadLetterReason.CANCELLED)]
        assert pool.stats().cancelled == 1


def test_a_job_under_way_that_is_cancelled_tells_its_handler(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        future = pool.ref.ask("x", block=False)
        sim.run()
        assert not handles[0][1].cancel_token.cancelled
        future.cancel()
        assert handles[0][1].cancel_token.cancelled
        with pytest.raises(AskCancelled):
            future.get()
        stats = pool.stats()
        assert (stats.cancelled, stats.running) == (1, 0)
        again = pool.ref.ask("y", block=False)  # its worker is free
        sim.run()
        handles[1][1].reply(1)
        assert again.get() == 1


def test_a_job_is_not_begun_after_its_deadline(sim: Simulation, events: Events) -> None:
    begun: list[Any] = []
    with Pool(sim.system, functools.partial(Recorder, begun), size=0) as pool:
        future = pool.ref.ask("asked", block=False, deadline=1.0)
        pool.ref.tell_within("told", 1.0)
        pool.ref.ask("in time", block=False, deadline=100.0)
        sim.advance(2.0)
        pool.resize(1)
        assert pool.drain()
        with pytest.raises(DeadlineExceeded):
            future.get()
        assert begun == ["in time"]
        assert sorted(events.letters) == [("asked", DeadLetterReason.EXPIRED), ("told", DeadLetterReason.EXPIRED)]
        assert pool.stats().expired == 2


def test_a_deadline_is_inherited_by_what_the_handler_asks(sim: Simulation) -> None:
    left: list[float | None] = []

    class Looking(Actor):
        def on_receive(self, message: Any) -> None:
            left.append(self.cancel_token.deadline)

    with Pool(sim.system, Looking, size=1) as pool:
        pool.ref.ask("x", deadline=5.0)
        assert left[0] is not None
        assert 0 < left[0] <= 5.0


def test_a_timeout_ends_the_wait_and_not_the_job(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        with pytest.raises(Timeout, match=r"within 0.5 seconds"):
            pool.ref.ask("x", timeout=0.5)
        assert pool.stats().running == 1
        handles[0][1].reply()


def test_the_plain_ref_of_the_pools_actor_takes_jobs_too(sim: Simulation, events: Events) -> None:
    with Pool(sim.system, Doubling, size=1, capacity=1) as pool:
        plain = sim.system.lookup("/pool")
        assert plain == pool.ref
        assert pool.ref == plain
        assert hash(plain) == hash(pool.ref)
        assert plain.ask(4) == 8
        with pytest.raises(ValueError, match="die"):
            plain.ask("die")
        plain.tell(1)
        pool.drain()
        pool.pause(5)
        pool.ref.tell(1)
        plain.tell("too many")
        sim.run()
        assert ("too many", DeadLetterReason.DROPPED_NEWEST) in events.letters
        sim.advance(10)


def test_stashed_jobs_are_under_way_until_they_are_handled(sim: Simulation) -> None:
    class Stashing(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.open = False

        def on_receive(self, message: Any) -> Any:
            if message == "open":
                self.open = True
                self.unstash()
            elif not self.open:
                self.stash()
            return message

    with Pool(sim.system, Stashing, size=1, concurrency=2) as pool:
        first = pool.ref.ask("first", block=False)
        sim.run()
        assert pool.stats().running == 1
        assert pool.ref.ask("open") == "open"
        assert first.get() == "first"
        assert pool.drain()
        assert pool.stats().done == 2


def test_a_closed_pool_refuses_and_finishes_what_it_has(sim: Simulation) -> None:
    pool = Pool(sim.system, Doubling, size=1)
    asks = [pool.ref.ask(number, block=False) for number in range(5)]
    pool.close()
    pool.close()
    assert [ask.get() for ask in asks] == [0, 2, 4, 6, 8]
    with pytest.raises(PoolClosedError) as caught:
        pool.ref.tell("late")
    assert caught.value.message == "late"
    assert isinstance(caught.value, ActorDeadError)
    with pytest.raises(PoolClosedError):
        pool.ref.ask("late")
    with pytest.raises(PoolClosedError):
        pool.resize(3)
    with pytest.raises(PoolClosedError):
        Pool.of(pool.ref)


def test_jobs_that_are_not_done_when_a_pool_has_to_close_are_told(sim: Simulation, events: Events) -> None:
    handles: list[Any] = []
    pool = Pool(sim.system, functools.partial(Holding, handles), size=1)
    asks = [pool.ref.ask(number, block=False) for number in range(2)]
    pool.ref.tell("told")
    sim.run()
    pool.close(timeout=1.0)
    for ask in asks:
        with pytest.raises(PoolClosedError):
            ask.get()
    assert ("told", DeadLetterReason.STOPPED) in events.letters
    stats = pool.stats()
    assert stats.accepted == accounted(stats) == stats.shed == 3


@pytest.mark.parametrize("jobs", [0, 2])
def test_workers_whose_start_never_ends_are_killed_when_a_pool_has_to_close(sim: Simulation, jobs: int) -> None:
    pool = Pool(sim.system, functools.partial(Starting, [], Future()), size=2)
    asks = [pool.ref.ask(number, block=False) for number in range(jobs)]
    sim.run()
    begun = sim.now
    pool.close(timeout=3.0)
    assert sim.now - begun == pytest.approx(3.0)
    for ask in asks:
        with pytest.raises(PoolClosedError):
            ask.get()


def test_a_pool_that_closes_lets_its_workers_start_and_stop_in_order(sim: Simulation) -> None:
    may_start: Future[None] = Future()
    made: list[Starting] = []
    pool = Pool(sim.system, functools.partial(Starting, made, may_start), size=2)
    sim.run()
    sim.system.ports.clock.call_at(sim.now + 1.0, lambda: may_start.set(None))
    pool.close(timeout=3.0)
    assert [worker.stopped for worker in made] == [True, True]


@pytest.mark.parametrize("how", ["stop", "kill", "shutdown"])
def test_nothing_hangs_when_the_pools_actor_ends_however_it_does(sim: Simulation, events: Events, how: str) -> None:
    handles: list[Any] = []
    system = sim.new_system("other")
    events = Events(system)
    pool = Pool(system, functools.partial(Holding, handles), size=1)
    asks = [pool.ref.ask(number, block=False) for number in range(3)]
    sim.run()
    drained = pool._books.drained()
    pool.ref.tell("told")
    if how == "stop":
        pool.ref.stop()
    elif how == "kill":
        pool.ref.kill()
    else:
        system.shutdown()
    for ask in asks:
        with pytest.raises(PoolClosedError):
            ask.get()
    assert drained.get() is True
    assert ("told", DeadLetterReason.STOPPED) in events.letters
    with pytest.raises(PoolClosedError):
        pool.ref.tell("late")
    stats = pool.stats()
    assert stats.accepted == accounted(stats) == 4


def test_a_pool_of_size_zero_lets_jobs_wait(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=2) as pool:
        pool.resize(0)
        sim.run()
        ask = pool.ref.ask(1, block=False)
        sim.run()
        assert pool.workers == ()
        assert pool.stats().waiting == 1
        pool.resize(1)
        assert ask.get() == 2


def test_what_a_worker_is_at_is_finished_before_it_goes(sim: Simulation) -> None:
    handles: list[Any] = []
    with Pool(sim.system, functools.partial(Holding, handles), size=1) as pool:
        ask = pool.ref.ask("x", block=False)
        sim.run()
        pool.resize(0)
        sim.run()
        assert not ask.done()
        handles[0][1].reply("finished")
        assert ask.get() == "finished"
        sim.run()
        assert pool.stats().ready == 0


def test_a_router_over_pools_sends_where_least_is_to_be_done(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=1, name="one") as one, Pool(sim.system, Doubling, size=1, name="two", capacity=1) as two:
        one.pause(5)
        two.pause(5)
        with Router(sim.system, [one.ref, two.ref], routing=LeastLoaded()) as router:
            for number in range(4):
                router.ref.tell(number)
            assert (one.stats().waiting, two.stats().waiting) == (3, 1)
            assert router.ref.ask(5) == 10


def test_a_broadcast_to_the_workers_of_a_pool_is_a_routers(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=3) as pool:
        pool.ref.ask(1)
        sim.run()
        with Router(sim.system, pool.workers, routing=Broadcast()) as router:
            assert router.ref.ask(2) == [4, 4, 4]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_jobs_that_come_at_once_go_to_all_that_are_free_before_anybody_gets_a_second(sim: Simulation, concurrency: int) -> None:
    at: list[Any] = []

    class Busy(Actor):
        def on_receive(self, message: Any) -> Any:
            at.append((message, self.actor_ref, self.reply_later()))

    with Pool(sim.system, Busy, size=3, concurrency=concurrency) as pool:
        sim.run()  # all of them are ready
        for number in range(3):
            pool.ref.ask(number, block=False)
        sim.run()
        assert len(at) == len({ref for _, ref, _ in at}) == 3
        for number in range(3, 9):
            pool.ref.ask(number, block=False)
        sim.run()
        assert len(at) == 3 * concurrency
        pool.close(timeout=0)


def test_a_deadline_that_passes_just_as_a_job_is_begun_leaves_no_worker_stuck(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = sim.system.ports.clock
    now, looks = clock.now, itertools.count()
    with Pool(sim.system, Doubling, size=1) as pool:
        for late_at in range(12):
            first = next(looks)
            monkeypatch.setattr(clock, "now", lambda first=first, late_at=late_at: now() + 100.0 * (next(looks) - first > late_at))
            ask = pool.ref.ask(1, block=False, deadline=1.0)
            assert ask.exception() is None or isinstance(ask.exception(), DeadlineExceeded)
            monkeypatch.setattr(clock, "now", now)
            assert pool.ref.ask(2) == 4
            stats = pool.stats()
            assert (stats.running, stats.busy) == (0, 0)
            assert stats.accepted == accounted(stats)
