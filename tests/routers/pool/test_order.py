"""Order per key, and the fates of jobs, in every order of what happens."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.routers import ConsistentHash, LeastLoaded, Pool, PoolBackoff, RandomRouting, RoundRobin
from actors.testing import Simulation, simulate
from actors.testing.hypothesis import simulations
from tests.routers.pool.kit import Events, accounted
from tests.support import scaled

if TYPE_CHECKING:
    from actors.routers import Routing


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
    st.tuples(st.just("fatal"), st.sampled_from("abc")),
    st.tuples(st.just("resize"), st.integers(0, 4)),
    st.tuples(st.just("kill"), st.integers(0, 3)),
    st.tuples(st.just("step"), st.integers(1, 6)),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
)


@given(
    sim=simulations(), actions=st.lists(ACTIONS, max_size=25), redeliver=st.integers(0, 2), routed=st.integers(0, 4), room=st.integers(1, 2)
)
@settings(max_examples=scaled(3000, 150), deadline=None)
def test_jobs_have_one_fate_each_and_keys_keep_their_order_whatever_happens(
    sim: Simulation, actions: list[tuple[str, Any]], redeliver: int, routed: int, room: int
) -> None:
    log: list[Any] = []
    sent: list[Any] = []
    asks: dict[Any, Any] = {}
    fatal: set[Any] = set()
    routing = [ConsistentHash(lambda message: message[0]), None, RoundRobin(), RandomRouting(), LeastLoaded()][routed]
    with sim:
        events = Events(sim.system)
        pool = new_pool(sim, log, fatal, routing, redeliver, room)
        for what, value in actions:
            message = (value, len(sent))
            match what:
                case "tell" | "fatal":
                    if what == "fatal":
                        fatal.add(message)
                    sent.append(message)
                    pool.ref.tell(message)
                case "ask":
                    sent.append(message)
                    asks[message] = pool.ref.ask(message, block=False)
                case "resize":
                    pool.resize(value)
                case "kill":
                    workers = pool.workers
                    if value < len(workers):
                        workers[value].kill(block=False)
                case "cancel":
                    if value < len(asks):
                        list(asks.values())[value].cancel()
                case _:
                    for _ in range(value):
                        sim.step()
            stats = pool.stats()
            assert stats.accepted == accounted(stats) == len(sent)
        pool.resize(2)
        assert pool.drain()
        stats = pool.stats()
        assert (stats.waiting, stats.running, stats.busy) == (0, 0, 0)
        assert stats.accepted == accounted(stats) == len(sent)
        assert stats.deaths or not stats.poisoned
        ended = Counter(message for what, message in log if what == "end")
        letters = Counter(message for message, _ in events.letters)
        for message in sent:
            begun = sum(1 for what, other in log if what == "begin" and other == message)
            assert begun <= 1 + redeliver
            if message in asks:
                assert asks[message].done()
            else:
                assert bool(ended[message]) + letters[message] >= 1
            assert letters[message] <= 1
        if isinstance(routing, ConsistentHash):
            check_keys(log)
        pool.close()


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
