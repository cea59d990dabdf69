"""The rate limiter: how many calls begin in which time, who comes next, pauses, and that no turn is lost."""

from __future__ import annotations

import asyncio
import math
import threading
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorRestarting, ActorSystem, BlockingInLoopError, DispatcherKind
from actors.testing import ManualClock, Simulation, explore
from supervisors import RateLimitedError, RateLimiter
from tests.contract.kit import eventually
from tests.supervisors.kit import AsyncDoing, Crowd, Doing, Down, fails, fails_async
from tests.support import scaled

KINDS = pytest.mark.parametrize("kind", [Doing, AsyncDoing])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def taking(kind: Any, limiter: RateLimiter, log: list[Any], name: Any, now: Any, **options: Any) -> Any:
    """A handler that waits for its turn, and notes its name and the time."""

    def plain() -> None:
        limiter.acquire(**options)
        log.append((name, now()))

    async def coroutine() -> None:
        await limiter.acquire_async(**options)
        log.append((name, now()))

    return plain if kind is Doing else coroutine


class Throttled(Exception):
    """The service says when to come back."""

    def __init__(self, retry_after: Any) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


# -- how many in which time ------------------------------------------------------------------------------------------------


class Unreadable(Exception):
    """Of a client that looks for the header only when it is asked, and does not find it."""

    @property
    def retry_after(self) -> float:
        raise KeyError("retry-after")


class Bucket:
    """A bucket of tokens as the textbooks have it: it fills drop by drop, and each call takes one."""

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.drops = burst * 64  # 64 to a token, so that everything is whole

    def passes(self, sixty_fourths: int) -> None:
        self.drops = min(self.burst * 64, self.drops + sixty_fourths * self.rate)

    def take(self) -> bool:
        if self.drops < 64:
            return False
        self.drops -= 64
        return True


@given(
    st.sampled_from([1, 2, 4, 8]),
    st.integers(1, 5),
    st.lists(st.one_of(st.none(), st.integers(0, 200)), max_size=60),
)
def test_it_lets_through_what_a_bucket_of_tokens_does(rate: int, burst: int, todo: list[int | None]) -> None:
    clock = ManualClock()
    limiter, bucket = RateLimiter(rate, burst=burst, ports=clock.ports()), Bucket(rate, burst)
    for wait in todo:
        if wait is None:
            assert limiter.try_acquire() == bucket.take()
        else:
            clock.advance(wait / 64)
            bucket.passes(wait)


@given(st.floats(0.1, 1000), st.integers(1, 5), st.lists(st.floats(0, 0.5), max_size=60))
def test_in_no_span_more_calls_begin_than_the_burst_and_the_rate_allow(rate: float, burst: int, waits: list[float]) -> None:
    clock = ManualClock()
    limiter = RateLimiter(rate, burst=burst, ports=clock.ports())
    begun: list[float] = []
    for wait in waits:
        clock.advance(wait / rate)
        while limiter.try_acquire():
            begun.append(clock.now())
    for first, start in enumerate(begun):
        for last in range(first, len(begun)):
            assert last - first + 1 <= burst + (begun[last] - start) * rate + 1e-6


@KINDS
def test_those_who_wait_come_through_at_the_rate_in_the_order_in_which_they_came(kind: Any) -> None:
    with Simulation() as sim:
        limiter = RateLimiter(2.0, burst=2)
        log: list[tuple[int, float]] = []
        for number in range(6):
            sim.spawn(kind).tell(taking(kind, limiter, log, number, lambda: sim.now))
            sim.advance(0.0)
        assert limiter.waiting == 4
        sim.run()
        assert log == [(0, 0.0), (1, 0.0), (2, 0.5), (3, 1.0), (4, 1.5), (5, 2.0)]
        assert limiter.waiting == 0


def test_nobody_overtakes_those_who_wait() -> None:
    with Simulation() as sim:
        limiter = RateLimiter(1.0)
        log: list[tuple[str, float]] = []
        sim.spawn(Doing).tell(taking(Doing, limiter, log, "first", lambda: sim.now))
        sim.advance(0.0)
        sim.spawn(Doing).tell(taking(Doing, limiter, log, "second", lambda: sim.now))
        sim.advance(0.5)
        assert not limiter.try_acquire()
        sim.spawn(Doing).tell(taking(Doing, limiter, log, "third", lambda: sim.now))
        sim.run()
        assert log == [("first", 0.0), ("second", 1.0), ("third", 2.0)]


def test_a_caller_who_comes_when_a_turn_is_due_for_one_who_waits_does_not_take_it(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, waiting=1, ports=clock.ports())
    limiter.acquire()

    async def main() -> None:
        waits = asyncio.create_task(limiter.acquire_async())
        await asyncio.sleep(0)
        late = ManualClock()
        late.advance(5.0)  # it is due, but its timer has not come
        limiter._ports = late.ports()
        assert not limiter.try_acquire()
        with pytest.raises(RateLimitedError):
            limiter.acquire()
        clock.advance(5.0)
        await waits

    asyncio.run(main())


def test_call_waits_for_its_turn(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())

    async def double(number: int) -> int:
        return 2 * number

    assert limiter.call(lambda: 1) == 1
    clock.advance(1.0)
    assert asyncio.run(limiter.call_async(double, 2)) == 4
    assert not limiter.try_acquire()
    clock.advance(1.0)
    with pytest.raises(Down):
        limiter.call(fails)
    clock.advance(1.0)
    with pytest.raises(Down):
        asyncio.run(limiter.call_async(fails_async))
    assert not limiter.try_acquire()


# -- refusals --------------------------------------------------------------------------------------------------------------


def test_more_than_may_wait_are_refused_and_told_when_to_come_back() -> None:
    with Simulation() as sim:
        limiter = RateLimiter(2.0, waiting=3, name="model")
        for _ in range(4):
            sim.spawn(Doing).tell(limiter.acquire)
        sim.advance(0.25)
        assert limiter.waiting == 3
        with pytest.raises(RateLimitedError) as caught:
            limiter.call(lambda: pytest.fail("called"))
        assert (caught.value.name, caught.value.retry_after) == ("model", 0.25 + 3 * 0.5)
        sim.run()


def test_with_no_room_to_wait_one_is_refused_at_once(clock: ManualClock) -> None:
    limiter = RateLimiter(0.5, waiting=0, ports=clock.ports())
    limiter.acquire()
    clock.advance(0.5)
    with pytest.raises(RateLimitedError) as caught:
        limiter.acquire()
    assert caught.value.retry_after == 1.5


@KINDS
def test_a_wait_that_takes_too_long_ends_and_takes_no_turn(kind: Any) -> None:
    with Simulation() as sim:
        limiter = RateLimiter(1.0)
        log: list[tuple[str, float]] = []
        limiter.acquire()
        for name in ("waits", "late", "last"):
            options = {"timeout": 1.5} if name == "late" else {}
            refused = sim.spawn(kind).ask(taking(kind, limiter, log, name, lambda: sim.now, **options), block=False)
            sim.advance(0.0)
            if name == "late":
                late = refused
        with pytest.raises(RateLimitedError) as caught:
            late.get()
        assert (sim.now, caught.value.retry_after) == (1.5, 1.5)
        sim.run()
        assert log == [("waits", 1.0), ("last", 2.0)]


@pytest.mark.parametrize("timeout", [0, -1.0, 0.9])
def test_a_wait_that_is_certain_to_take_too_long_is_refused_at_once(clock: ManualClock, timeout: float) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire(timeout=timeout)  # its turn is now
    with pytest.raises(RateLimitedError):
        limiter.acquire(timeout=timeout)
    assert clock.pending == limiter.waiting == 0


# -- giving up -------------------------------------------------------------------------------------------------------------


@KINDS
def test_a_killed_actor_gives_its_turn_to_the_next(kind: Any) -> None:
    with Simulation() as sim:
        limiter = RateLimiter(1.0)
        log: list[tuple[str, float]] = []
        limiter.acquire()
        killed = sim.spawn(kind)
        killed.tell(taking(kind, limiter, log, "killed", lambda: sim.now))
        sim.advance(0.0)
        sim.spawn(kind).tell(taking(kind, limiter, log, "next", lambda: sim.now))
        sim.advance(0.5)
        killed.kill()
        assert limiter.waiting == 1
        sim.run()
        assert log == [("next", 1.0)]


@KINDS
def test_under_every_order_of_messages_a_kill_stops_nobody_behind(kind: Any) -> None:
    logs = set()

    def scenario(sim: Simulation) -> None:
        limiter = RateLimiter(1.0)
        log: list[tuple[str, float]] = []
        victim, behind, killer = sim.spawn(kind), sim.spawn(kind), sim.spawn(Doing)
        limiter.acquire()
        victim.ask(taking(kind, limiter, log, "victim", lambda: sim.now), block=False)
        behind.ask(taking(kind, limiter, log, "behind", lambda: sim.now), block=False)
        killer.tell(lambda: victim.kill(block=False))
        sim.run()
        logs.add(tuple(name for name, _ in log))
        assert limiter.waiting == 0
        assert limiter._armed is None

    found = explore(scenario, strategy="exhaustive", seconds=60)
    found.check()
    assert found.proved
    assert logs == {("behind",), ("victim", "behind"), ("behind", "victim")}


def test_a_task_that_is_cancelled_in_the_moment_of_its_turn_gives_it_back(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()

    async def main() -> None:
        gone = asyncio.create_task(limiter.acquire_async())
        second = asyncio.create_task(limiter.acquire_async())
        await asyncio.sleep(0)
        clock.advance(1.0)  # it is its turn now, which it has not come to know
        assert limiter.waiting == 1
        gone.cancel()
        await asyncio.wait([gone])
        assert gone.cancelled()
        clock.advance(0.0)
        await second
        assert not limiter.try_acquire()
        clock.advance(1.0)
        assert limiter.try_acquire()

    asyncio.run(main())
    assert clock.pending == 0


def test_a_turn_that_is_given_back_does_not_shorten_a_pause(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()

    async def main() -> None:
        gone = asyncio.create_task(limiter.acquire_async())
        await asyncio.sleep(0)
        clock.advance(1.0)
        limiter.pause(10.0)
        gone.cancel()
        await asyncio.wait([gone])
        clock.advance(9.9)
        assert not limiter.try_acquire()
        clock.advance(0.1)
        assert limiter.try_acquire()

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [math.inf, 10**400, 1e308], ids=lambda timeout: repr(timeout)[:12])
def test_a_timeout_of_any_length_is_good(timeout: float) -> None:
    with Simulation() as sim:
        limiter = RateLimiter(1.0)
        limiter.acquire()
        limiter.acquire(timeout=timeout)
        assert sim.now == 1.0


def test_timers_end_with_the_last_who_waits(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()

    async def main() -> None:
        tasks = [asyncio.create_task(limiter.acquire_async(timeout=60.0)) for _ in range(3)]
        await asyncio.sleep(0)
        assert clock.pending == 4  # one for the next turn, and one for each wait
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(main())
    assert clock.pending == limiter.waiting == 0


def test_a_timer_that_cannot_be_had_leaves_nobody_in_the_line() -> None:
    class Broken(ManualClock):
        def call_at(self, when: float, call: Any) -> Any:
            msg = "no thread"
            raise RuntimeError(msg)

    broken = Broken()
    limiter = RateLimiter(1.0, ports=broken.ports())
    limiter.acquire()
    with pytest.raises(RuntimeError, match="no thread"):
        limiter.acquire()
    assert limiter.waiting == 0
    broken.advance(1.0)
    limiter.acquire()


# -- pauses ----------------------------------------------------------------------------------------------------------------


def test_nothing_goes_through_in_a_pause_and_after_it_calls_begin_without_a_burst() -> None:
    with Simulation() as sim:
        limiter = RateLimiter(2.0, burst=5)
        log: list[tuple[int, float]] = []
        limiter.pause(10.0)
        limiter.pause(3.0)  # does not shorten it
        for number in range(3):
            sim.spawn(Doing).tell(taking(Doing, limiter, log, number, lambda: sim.now))
            sim.advance(0.0)
        sim.run()
        assert log == [(0, 10.0), (1, 10.5), (2, 11.0)]


def test_a_pause_holds_back_those_who_wait_already() -> None:
    with Simulation() as sim:
        limiter = RateLimiter(1.0)
        log: list[tuple[int, float]] = []
        limiter.acquire()
        for number in range(2):
            sim.spawn(Doing).tell(taking(Doing, limiter, log, number, lambda: sim.now))
            sim.advance(0.0)
        limiter.pause(5.0)
        sim.run()
        assert log == [(0, 5.0), (1, 6.0)]


@pytest.mark.parametrize("way", ["with", "async with"])
def test_a_block_takes_one_turn_and_begins_when_it_is_due(clock: ManualClock, way: str) -> None:
    limiter = RateLimiter(1.0, waiting=0, ports=clock.ports())

    async def within() -> str:
        async with limiter:
            return "done"

    def take() -> str:
        if way == "async with":
            return asyncio.run(within())
        with limiter:
            return "done"

    assert take() == "done"
    with pytest.raises(RateLimitedError):
        take()
    clock.advance(1.0)
    assert take() == "done"
    assert not limiter.try_acquire()


@pytest.mark.parametrize("seconds", [7, 7.0, timedelta(seconds=7)])
@pytest.mark.parametrize("way", ["plain", "async", "with", "async with"])
def test_what_a_service_asks_for_is_a_pause(clock: ManualClock, seconds: Any, way: str) -> None:
    limiter = RateLimiter(100.0, ports=clock.ports())

    def throttled() -> None:
        raise Throttled(seconds)

    async def throttled_async() -> None:
        raise Throttled(seconds)

    async def throttled_within() -> None:
        async with limiter:
            throttled()

    def take() -> None:
        if way == "plain":
            limiter.call(throttled)
        elif way == "with":
            with limiter:
                throttled()
        else:
            asyncio.run(limiter.call_async(throttled_async) if way == "async" else throttled_within())

    with pytest.raises(Throttled):
        take()
    clock.advance(6.9)
    assert not limiter.try_acquire()
    clock.advance(0.1)
    assert limiter.try_acquire()


@pytest.mark.parametrize(
    "error",
    [
        Throttled(None),
        Throttled("7"),
        Throttled(True),
        Throttled(-1),
        Throttled(math.nan),
        Throttled(math.inf),
        Throttled(10**400),
        Unreadable(),
        Down(),
        ActorRestarting("/a", 7.0),
    ],
    ids=lambda error: repr(error)[:30],
)
def test_what_asks_for_no_pause_makes_none(clock: ManualClock, error: Exception) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())

    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        limiter.call(call)
    clock.advance(1.0)
    assert limiter.try_acquire()


# -- the clock -------------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_back_leaves_as_long_to_wait_as_there_was() -> None:
    class Jumping(ManualClock):
        offset = 0.0

        def now(self) -> float:
            return super().now() + self.offset

    clock = Jumping()
    clock.offset = 1000.0
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()
    limiter.pause(5.0)
    clock.offset = 0.0
    assert not limiter.try_acquire()
    clock.advance(4.9)
    assert not limiter.try_acquire()
    clock.advance(0.1)
    assert limiter.try_acquire()


def test_a_turn_is_never_late_or_missed_by_rounding() -> None:
    clock = ManualClock()
    clock.advance(1e6 + 0.1)
    limiter = RateLimiter(3.0, ports=clock.ports())
    limiter.acquire()

    async def main() -> None:
        for _ in range(1000):
            waits = asyncio.create_task(limiter.acquire_async())
            await asyncio.sleep(0)
            assert clock.advance_to_next()  # once is enough
            await waits

    asyncio.run(main())


# -- many at once ----------------------------------------------------------------------------------------------------------


def test_threads_tasks_and_handlers_together_never_exceed_the_rate_and_lose_no_turn(clock: ManualClock) -> None:
    limiter = RateLimiter(4.0, burst=3, ports=clock.ports())
    begun: list[None] = []

    def plain() -> None:
        limiter.acquire(timeout=1000.0)
        begun.append(None)

    async def coroutine() -> None:
        await limiter.acquire_async(timeout=1000.0)
        begun.append(None)

    def meanwhile() -> None:
        clock.advance(0.25)
        assert len(begun) <= 3 + clock.now() * 4

    Crowd(plain, coroutine, RateLimitedError, scaled(2000, 160)).race(meanwhile)
    assert limiter.waiting == clock.pending == 0
    clock.advance(1.0)
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]


def test_an_exploration_knows_that_handlers_share_a_limiter() -> None:
    outcomes = set()

    def scenario(sim: Simulation) -> None:
        limiter = RateLimiter(1.0)
        seen: list[tuple[str, bool]] = []
        sim.spawn(Doing).tell(lambda: seen.append(("one", limiter.try_acquire())))
        sim.spawn(Doing).tell(lambda: seen.append(("other", limiter.try_acquire())))
        sim.run()
        outcomes.add(tuple(sorted(seen)))

    assert explore(scenario, strategy="exhaustive", seconds=60).proved
    assert outcomes == {(("one", False), ("other", True)), (("one", True), ("other", False))}


# -- where it is used ------------------------------------------------------------------------------------------------------


def test_a_blocking_wait_on_a_loop_with_actors_is_refused_before_anything_is_done(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())

    async def blocks() -> None:
        limiter.acquire()

    with ActorSystem() as system:
        actor = system.spawn(AsyncDoing)
        actor.ask(blocks)  # its turn is now
        with pytest.raises(BlockingInLoopError, match="acquire_async"):
            actor.ask(blocks)
    assert limiter.waiting == clock.pending == 0


def test_handlers_of_every_dispatcher_wait_in_one_line(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()
    log: list[tuple[str, float]] = []
    with ActorSystem() as system:
        asks = []
        for name, kind in (("pool", DispatcherKind.POOL), ("thread", DispatcherKind.THREAD), ("loop", None)):
            actor = system.spawn(AsyncDoing) if kind is None else system.spawn(Doing, dispatcher=kind)
            asks.append(actor.ask(taking(AsyncDoing if kind is None else Doing, limiter, log, name, clock.now), block=False))
            eventually(lambda: limiter.waiting == len(asks))
        for ask in asks:
            clock.advance(1.0)
            ask.get(timeout=60)
    assert log == [("pool", 1.0), ("thread", 2.0), ("loop", 3.0)]


def test_its_clock_is_that_of_the_system_of_the_handler() -> None:
    with Simulation() as sim:
        limiter = RateLimiter(0.01)
        actor = sim.spawn(Doing)
        actor.ask(limiter.acquire)
        actor.ask(limiter.acquire)
        assert sim.now == 100.0


def test_an_async_function_is_not_called_as_a_plain_one(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    with pytest.raises(TypeError, match=r"await limiter\.call_async"):
        limiter.call(fails_async)
    with pytest.raises(TypeError, match=r"limiter\.call\("):
        asyncio.run(limiter.call_async(lambda: 3))  # type: ignore[arg-type, return-value]


def test_a_thread_that_waits_is_let_through_by_the_clock(clock: ManualClock) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    limiter.acquire()
    thread = threading.Thread(target=limiter.acquire, daemon=True)
    thread.start()
    eventually(lambda: limiter.waiting)
    clock.advance(0.9)
    assert thread.is_alive()
    clock.advance(0.1)
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"rate": 0}, ValueError, "rate=0"),
        ({"rate": -1.0}, ValueError, r"rate=-1\.0"),
        ({"rate": math.nan}, ValueError, "rate=nan"),
        ({"rate": math.inf}, ValueError, "rate=inf"),
        ({"rate": 5e-324}, ValueError, "rate=5e-324"),  # of which no interval is a number
        ({"rate": True}, TypeError, "rate=True"),
        ({"burst": 0}, ValueError, "burst=0"),
        ({"burst": 1.5}, TypeError, r"burst=1\.5"),
        ({"burst": 10**400}, ValueError, "burst=1000"),
        ({"waiting": -1}, ValueError, "waiting=-1"),
        ({"waiting": False}, TypeError, "waiting=False"),
        ({"name": None}, TypeError, "name=None"),
        ({"ports": {}}, TypeError, "ports={}"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(given: dict[str, Any], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        RateLimiter(**{"rate": 1.0, **given})


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (math.nan, ValueError), (math.inf, ValueError), (10**400, ValueError), ("1", TypeError)],
    ids=lambda value: repr(value)[:12],
)
def test_a_bad_pause_is_refused(clock: ManualClock, seconds: Any, error: type[Exception]) -> None:
    limiter = RateLimiter(1.0, ports=clock.ports())
    with pytest.raises(error, match="seconds="):
        limiter.pause(seconds)
    with pytest.raises((TypeError, ValueError), match="timeout="):
        limiter.acquire(timeout=math.nan if seconds != "1" else seconds)
    assert limiter.try_acquire()
