"""What a pool refuses, and what it has to put up with."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, DeadLetterReason, DeadlockError, Isolation, MutableMessageError, Overflow, SystemStoppedError
from actors.routers import Batch, Broadcast, ConsistentHash, Elastic, Pool, PoolActor, PoolBackoff, Rate, ScatterGather, TailChopping
from tests.routers.pool.kit import Doubling, Events

if TYPE_CHECKING:
    from actors.testing import Simulation


def generator(message: Any) -> Any:
    yield message


def of_nothing() -> None: ...


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"worker": None}, TypeError, "worker=None is not valid: use an Actor class"),
        ({"worker": int}, TypeError, "int is no actors.Actor"),
        ({"worker": generator}, TypeError, "a generator gives many results"),
        ({"worker": of_nothing}, TypeError, "it is called with one message"),
        ({"worker": print, "concurrency": 2}, ValueError, "concurrency=2"),
        ({"size": -1}, ValueError, "size=-1"),
        ({"size": True}, TypeError, "size=True"),
        ({"size": 1.5}, TypeError, "size=1.5"),
        ({"capacity": 0}, ValueError, "capacity=0"),
        ({"capacity": "1"}, TypeError, "capacity='1'"),
        ({"overflow": "block"}, TypeError, "overflow='block'"),
        ({"timeout": 1.0}, ValueError, "only Overflow.BLOCK waits"),
        ({"overflow": Overflow.BLOCK, "timeout": -1}, ValueError, "timeout=-1"),
        ({"redeliver": -1}, ValueError, "redeliver=-1"),
        ({"redeliver": None}, TypeError, "redeliver=None"),
        ({"concurrency": 0}, ValueError, "concurrency=0"),
        ({"batch": 5}, TypeError, "batch=5"),
        ({"rate": 5}, TypeError, "rate=5"),
        ({"backoff": 5}, TypeError, "backoff=5"),
        ({"intensity": -1}, ValueError, "intensity=-1"),
        ({"period": 0}, ValueError, "period=0"),
        ({"processes": 2}, TypeError, "processes=2"),
        ({"hangs_after": 0}, ValueError, "hangs_after=0"),
        ({"hangs_after": float("nan")}, ValueError, "hangs_after=nan"),
        ({"routing": Broadcast()}, ValueError, "put a Router over"),
        ({"routing": ScatterGather()}, ValueError, "put a Router over"),
        ({"routing": TailChopping(1.0)}, ValueError, "put a Router over"),
        ({"routing": len}, TypeError, "routing=<built-in"),
    ],
)
def test_bad_options_are_refused_and_leave_nothing_behind(
    sim: Simulation, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    worker = options.pop("worker", Doubling)
    with pytest.raises(error, match=text.replace("(", r"\(")):
        Pool(sim.system, worker, **options)
    assert sim.system.lookup("/pool") is None


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Elastic(-1, 2), ValueError),
        (lambda: Elastic(3, 2), ValueError),
        (lambda: Elastic(0, 0), ValueError),
        (lambda: Elastic("1", 2), TypeError),
        (lambda: Elastic(1, 2, grow_after=0), ValueError),
        (lambda: Elastic(1, 2, idle_after=float("inf")), ValueError),
        (lambda: Batch(0), ValueError),
        (lambda: Batch(2, within=-1), ValueError),
        (lambda: Batch(2.0), TypeError),
        (lambda: Rate(0), ValueError),
        (lambda: Rate(1, burst=0), ValueError),
        (lambda: Rate("1"), TypeError),
        (lambda: PoolBackoff(initial=0), ValueError),
        (lambda: PoolBackoff(maximum=None), TypeError),
    ],
)
def test_bad_parts_of_options_are_refused(make: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="is not valid"):
        make()


def test_bad_arguments_are_refused(sim: Simulation) -> None:
    with pytest.raises(TypeError, match="an ActorSystem"):
        Pool(None, Doubling)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a ref of a PoolActor"):
        Pool.of(sim.spawn(Doubling))
    with pytest.raises(TypeError):
        PoolActor()  # type: ignore[call-arg]
    with Pool(sim.system, Doubling, size=1) as pool:
        with pytest.raises(ValueError, match="size=-1"):
            pool.resize(-1)
        with pytest.raises(TypeError, match="size=None"):
            pool.resize(None)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="seconds=-1"):
            pool.pause(-1)
        with pytest.raises(TypeError, match="timeout='1'"):
            pool.drain(timeout="1")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="timeout='1'"):
            pool.close(timeout="1")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="deadline="):
            pool.ref.tell_within(1, "1")  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [lambda _: 1.5, lambda _: None, lambda message: message.missing])
def test_a_job_without_a_key_is_its_senders_to_deal_with(sim: Simulation, key: Any) -> None:
    with Pool(sim.system, Doubling, size=1, routing=ConsistentHash(key)) as pool:
        with pytest.raises((TypeError, AttributeError)):
            pool.ref.tell(1)
        assert pool.stats().accepted == 0


def test_keys_that_are_equal_but_of_other_kinds_are_other_keys(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=2, routing=ConsistentHash(lambda message: message)) as pool:
        assert [pool.ref.ask(key) for key in ("a", b"a", 1, True)] == ["aa", b"aa", 2, 2]


def test_a_pool_of_isolated_workers_tells_what_cannot_be_handed_over(sim: Simulation, events: Events) -> None:
    class Checked(Actor, isolation=Isolation.CHECK):
        def on_receive(self, message: Any) -> Any:
            return message

    with Pool(sim.system, Checked, size=1) as pool:
        with pytest.raises(MutableMessageError):
            pool.ref.ask([1])
        pool.ref.tell([2])
        assert pool.ref.ask((3,)) == (3,)
        assert events.letters == [([2], DeadLetterReason.REFUSED)]
        stats = pool.stats()
        assert (stats.failed, stats.done, stats.deaths) == (2, 1, 0)


def test_a_pool_of_copying_workers_shares_nothing_with_its_senders(sim: Simulation) -> None:
    class Copying(Actor, isolation=Isolation.COPY):
        def on_receive(self, message: Any) -> Any:
            message.append("seen")
            return message

    with Pool(sim.system, Copying, size=1) as pool:
        mine = [1]
        assert pool.ref.ask(mine) == [1, "seen"]
        assert mine == [1]


def test_a_worker_must_not_wait_for_its_own_pool(sim: Simulation) -> None:
    class Own(Actor):
        def on_receive(self, message: Any) -> Any:
            return pool.drain() if message == "drain" else pool.close()

    pool = Pool(sim.system, Own, size=1)
    with pytest.raises(DeadlockError):
        pool.ref.ask("drain")
    with pytest.raises(DeadlockError):
        pool.ref.ask("close")
    sim.advance(10)
    assert not pool.ref.is_alive()


def test_drain_says_when_it_took_too_long(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=0) as pool:
        assert pool.drain()
        pool.ref.tell(1)
        assert pool.drain(timeout=1.0) is False
        pool.resize(1)
        assert pool.drain(timeout=1.0) is True


def test_two_pools_of_one_name_are_refused(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=1), pytest.raises(Exception, match="pool"):
        Pool(sim.system, Doubling, size=1)


def test_a_pool_on_a_stopped_system_is_refused() -> None:
    system = ActorSystem()
    system.shutdown()
    with pytest.raises(SystemStoppedError):
        Pool(system, Doubling)


def test_a_pool_keeps_no_message_alive_that_is_done(system: ActorSystem) -> None:
    class Big:
        pass

    with Pool(system, lambda _: None, size=2) as pool:
        kept = []
        for number in range(50):
            message = Big()
            kept.append(weakref.ref(message))
            if number % 2:
                pool.ref.tell(message)
            else:
                pool.ref.ask(message)
            del message
        assert pool.drain(timeout=30)
        for _ in range(4):  # idle workers keep the one that they had last, perhaps
            pool.ref.ask("other")
        gc.collect()
        assert sum(one() is not None for one in kept) <= 2


def test_cancelled_jobs_take_no_room(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=0, capacity=2) as pool:
        for _ in range(1000):
            pool.ref.ask("x", block=False).cancel()
        stats = pool.stats()
        assert (stats.waiting, stats.cancelled) == (0, 1000)


def test_a_partial_gives_workers_their_arguments(sim: Simulation) -> None:
    class Scaled(Actor):
        def __init__(self, by: int, *, more: int = 0) -> None:
            super().__init__()
            self.by, self.more = by, more

        def on_receive(self, message: int) -> int:
            return message * self.by + self.more

    with Pool(sim.system, functools.partial(Scaled, 3, more=1), size=2) as pool:
        assert pool.ref.ask(2) == 7


def test_a_pool_has_no_proxy_and_says_what_to_use(sim: Simulation) -> None:
    with Pool(sim.system, Doubling, size=1) as pool:
        with pytest.raises(TypeError, match=r"has no proxy; use pool\.ref\.call"):
            pool.ref.proxy()
        assert pool.ref.call(Doubling.on_receive, 2).get() == 4
        assert pool.workers[0].proxy().on_receive(2).get() == 4


def test_a_pool_with_batches_has_no_calls_and_says_what_to_use(sim: Simulation) -> None:
    class Sums(Actor):
        def on_receive(self, message: list[int]) -> list[int]:
            return [sum(message)] * len(message)

    with Pool(sim.system, Sums, size=1, batch=Batch(4)) as pool, pytest.raises(TypeError, match=r"lists of messages, and call\(\) is none"):
        pool.ref.call(Sums.on_receive, [1])


async def doubled(message: int) -> int:
    return 2 * message


def test_a_plain_function_that_returns_a_coroutine_is_refused_and_told_what_to_do(system: ActorSystem) -> None:
    with Pool(system, lambda message: doubled(message), size=1) as pool, pytest.raises(TypeError, match="make it an `async def`"):  # noqa: PLW0108  # it hides what it is
        pool.ref.ask(1, timeout=10)
