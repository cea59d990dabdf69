"""Order per key, and the fates of jobs, in every order of what happens."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.routers import Batch, ConsistentHash, LeastLoaded, Pool, PoolBackoff, RandomRouting, RoundRobin
from actors.testing import Simulation, simulate
from actors.testing.hypothesis import simulations
from tests.routers.pool.kit import Events, accounted
from tests.support import scaled

if TYPE_CHECKING:
    from actors import Future
    from actors.routers import PoolStats, Routing


class Keyed(Actor):
    """Notes (key, number) when it begins and when it is done, and waits in between; dies of some."""

    def __init__(self, log: list[Any], fatal: set[Any]) -> None:
        super().__init__()
        self.log = log
        self.fatal = fatal

    async def on_receive(self, message: Any) -> Any:
        self.log.append(("begin", message))
        await asyncio.sleep(0.01)
        if message in self.fatal:
            raise ValueError(message)
        self.log.append(("end", message))
        return message


class Several(Keyed, reentrant=True):
    """Likewise, and is at several at once."""


def check_keys(log: list[Any]) -> None:
    """Per key: jobs are begun in the order sent, and each only when the one before is over."""
    latest: dict[Any, int] = {}
    for what, (key, number) in log:
        if what == "begin":
            assert latest.get(key, -1) <= number, f"{number} of {key} was begun after {latest[key]}"
            latest[key] = number
        else:
            assert latest[key] == number, f"{latest[key]} of {key} was begun before the end of {number}"


def new_pool(sim: Simulation, log: list[Any], fatal: set[Any], routing: Routing | None, redeliver: int = 1, room: int = 1) -> Pool[Any]:
    return Pool(
        sim.system,
        functools.partial(Several if room > 1 else Keyed, log, fatal),
        size=2,
        routing=routing,
        redeliver=redeliver,
        concurrency=room,
        backoff=PoolBackoff(initial=0.01, maximum=0.01),
    )


ACTIONS = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from("abc")),
    st.tuples(st.just("ask"), st.sampled_from("abc")),
    st.tuples(st.just("fatal_tell"), st.sampled_from("abc")),
    st.tuples(st.just("resize"), st.integers(0, 4)),
    st.tuples(st.just("kill"), st.integers(0, 3)),
    st.tuples(st.just("restart"), st.integers(0, 3)),
    st.tuples(st.just("step"), st.integers(1, 6)),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
)


class Run:
    """A pool that things happen to, and what was sent to it."""

    def __init__(self, sim: Simulation, routing: Routing | None, redeliver: int, room: int) -> None:
        self.sim = sim
        self.log: list[Any] = []
        self.sent: list[Any] = []
        self.asks: dict[Any, Future[Any]] = {}
        self.fatal: set[Any] = set()
        self.events = Events(sim.system)
        self.redeliver = redeliver
        self.pool = new_pool(sim, self.log, self.fatal, routing, redeliver, room)

    def tell(self, key: str) -> Any:
        message = (key, len(self.sent))
        self.sent.append(message)
        self.pool.ref.tell(message)
        return message

    def fatal_tell(self, key: str) -> None:
        self.fatal.add((key, len(self.sent)))
        self.tell(key)

    def ask(self, key: str) -> None:
        message = (key, len(self.sent))
        self.sent.append(message)
        self.asks[message] = self.pool.ref.ask(message, block=False)

    def resize(self, size: int) -> None:
        self.pool.resize(size)

    def kill(self, index: int) -> None:
        for worker in self.pool.workers[index : index + 1]:
            worker.kill(block=False)

    def restart(self, index: int) -> None:
        for worker in self.pool.workers[index : index + 1]:
            worker.restart(block=False)

    def cancel(self, index: int) -> None:
        for ask in list(self.asks.values())[index : index + 1]:
            ask.cancel()

    def step(self, count: int) -> None:
        for _ in range(count):
            self.sim.step()

    def check_figures(self) -> PoolStats:
        stats = self.pool.stats()
        assert stats.accepted == accounted(stats) == len(self.sent)
        return stats

    def check_fates(self) -> None:
        begun = Counter(message for what, message in self.log if what == "begin")
        ended = Counter(message for what, message in self.log if what == "end")
        letters = Counter(message for message, _ in self.events.letters)
        assert max(begun.values(), default=0) <= 1 + self.redeliver
        assert max(letters.values(), default=0) <= 1
        for message in self.sent:
            assert self.asks[message].done() if message in self.asks else ended[message] or letters[message]


@given(
    sim=simulations(), actions=st.lists(ACTIONS, max_size=25), redeliver=st.integers(0, 2), routed=st.integers(0, 4), room=st.integers(1, 2)
)
@settings(max_examples=scaled(3000, 150), deadline=None)
def test_jobs_have_one_fate_each_and_keys_keep_their_order_whatever_happens(
    sim: Simulation, actions: list[tuple[str, Any]], redeliver: int, routed: int, room: int
) -> None:
    routing = [ConsistentHash(lambda message: message[0]), None, RoundRobin(), RandomRouting(), LeastLoaded()][routed]
    with sim:
        run = Run(sim, routing, redeliver, room)
        for what, value in actions:
            getattr(run, what)(value)
            run.check_figures()
        run.resize(2)
        assert run.pool.drain()
        stats = run.check_figures()
        assert (stats.waiting, stats.running, stats.busy) == (0, 0, 0)
        run.check_fates()
        if routed == 0:
            check_keys(run.log)
        run.pool.close()


@simulate(runs=scaled(2000, 100))
def test_order_per_key_survives_a_death_in_any_order_of_steps(sim: Simulation) -> None:
    log: list[Any] = []
    pool = new_pool(sim, log, set(), ConsistentHash(lambda message: message[0]))
    for number in range(4):
        pool.ref.tell(("a", number))
        pool.ref.tell(("b", number))
        if number == 1:
            for worker in pool.workers[:1]:
                worker.kill(block=False)
        if number == 2:
            pool.resize(3)
    assert pool.drain()
    check_keys(log)
    assert {message for what, message in log if what == "end"} == {(key, number) for key in "ab" for number in range(4)}
    pool.close()


@simulate(runs=scaled(1000, 60))
def test_a_job_that_crashes_a_worker_as_it_is_restarted_is_not_forgotten(sim: Simulation) -> None:
    run = Run(sim, None, 0, 2)
    run.tell("a")
    run.fatal_tell("a")
    run.step(6)
    run.restart(0)
    assert run.pool.drain()
    assert run.check_figures().running == 0
    run.check_fates()
    run.pool.close()


@simulate(runs=scaled(2000, 100))
def test_what_a_former_instance_tells_of_a_job_does_not_count_for_the_next_that_has_it(sim: Simulation) -> None:
    run = Run(sim, RoundRobin(), 1, 2)
    run.tell("a")
    run.ask("a")
    run.step(2)
    run.resize(0)
    run.step(3)
    run.restart(1)
    run.resize(2)
    assert run.pool.drain()
    assert run.check_figures().running == 0
    run.check_fates()
    run.pool.close()


def test_a_worker_with_room_for_two_is_at_one_job_of_a_key_at_a_time(sim: Simulation) -> None:
    log: list[Any] = []
    pool = new_pool(sim, log, set(), ConsistentHash(lambda message: message[0]), room=2)
    for number in range(6):
        pool.ref.tell(("a", number))
        pool.ref.tell(("b", number))
        sim.advance(0.004)  # they are under way when the next ones come
    assert pool.drain()
    check_keys(log)
    assert len(log) == 24
    assert [what for what, _ in log[:2]] == ["begin", "begin"]  # of two keys, two at once
    pool.close()


def test_jobs_of_one_key_wait_for_each_other_also_where_a_worker_has_room_for_more(sim: Simulation) -> None:
    log: list[Any] = []
    pool = Pool(
        sim.system, functools.partial(Several, log, set()), size=1, concurrency=3, routing=ConsistentHash(lambda message: message[0])
    )
    for number in range(3):
        pool.ref.tell(("a", number))
        sim.advance(0.002)  # the first is under way when the others come
    assert pool.drain()
    assert log == [(what, ("a", number)) for number in range(3) for what in ("begin", "end")]
    pool.close()


def test_a_job_that_comes_again_comes_before_other_keys_of_its_lane(sim: Simulation) -> None:
    log: list[Any] = []
    pool = new_pool(sim, log, {("a", 0)}, ConsistentHash(lambda message: message[0]))
    pool.resize(1)
    sim.run()
    for message in [("a", 0), ("b", 0), ("a", 1)]:
        pool.ref.tell(message)
    assert pool.drain()
    assert [message for what, message in log if what == "begin"] == [("a", 0), ("a", 0), ("b", 0), ("a", 1)]
    pool.close()


def test_a_job_that_comes_again_is_no_company_for_the_last_of_another_key(sim: Simulation) -> None:
    lists: list[list[Any]] = []

    def work(messages: list[Any]) -> list[Any]:
        lists.append(messages)
        if len(lists) == 1:
            raise ValueError(messages)
        return messages

    pool = Pool(sim.system, work, size=1, routing=ConsistentHash(lambda message: message[0]), batch=Batch(2, 0.01))
    for message in [("b", 0), ("b", 1), ("c", 0)]:
        pool.ref.tell(message)
    assert pool.drain()
    assert lists == [[("b", 0), ("b", 1)], [("b", 0)], [("c", 0)], [("b", 1)]]
    pool.close()
