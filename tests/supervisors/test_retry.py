"""Retries: how often, how far apart, after which failures, and what is raised in the end."""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from datetime import timedelta
from typing import Any

import pytest

from actors import ActorSystem, BlockingInLoopError, DispatcherKind, Future, SystemConfig
from actors._core import ports as kernel_ports
from actors.testing import ManualClock, Simulation
from supervisors import Backoff, Bulkhead, CircuitBreaker, RateLimiter, retry, retry_async
from supervisors.retrying import BACKOFF
from tests.contract.kit import eventually
from tests.supervisors.kit import AsyncDoing, Doing, Down, fails, fails_async

STEADY = Backoff(1.0, 60.0, jitter=0.0)  # 1, 2, 4, 8 ...


class Later(Exception):
    def __init__(self, retry_after: Any) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Service:
    """Fails as it is told, call by call, and then works. Notes when it was called."""

    def __init__(self, sim: Simulation, *failures: BaseException) -> None:
        self.sim = sim
        self.failures = list(failures)
        self.called: list[float] = []

    def __call__(self, answer: Any = "well") -> Any:
        self.called.append(self.sim.now)
        if self.failures:
            raise self.failures.pop(0)
        return answer

    async def async_call(self, answer: Any = "well") -> Any:
        await asyncio.sleep(0)
        return self(answer)


def try_it(sim: Simulation, way: str, service: Service, **options: Any) -> Any:
    """Call with retries from a handler, or from the scenario itself."""
    if way == "scenario":
        return retry(service, **options)
    if way == "plain":
        return sim.spawn(Doing).ask(functools.partial(retry, service, **options))
    return sim.spawn(AsyncDoing).ask(functools.partial(retry_async, service.async_call, **options))


every_way = pytest.mark.parametrize("way", ["scenario", "plain", "async"])


@every_way
def test_what_fails_is_called_again_with_a_growing_wait_until_it_works(way: str) -> None:
    with Simulation() as sim:
        service = Service(sim, Down(), Down(), Down())
        assert try_it(sim, way, service, backoff=STEADY, attempts=4) == "well"
        assert service.called == [0.0, 1.0, 3.0, 7.0]


@every_way
def test_after_so_many_attempts_the_last_failure_is_raised_with_notes_on_the_others(way: str) -> None:
    with Simulation() as sim:
        last = Down("fifth")
        service = Service(sim, *map(LookupError, ("first", "second", "third", "fourth")), last, Down("sixth"))
        with pytest.raises(Down, match="fifth") as caught:
            try_it(sim, way, service, backoff=STEADY, attempts=5)
        assert caught.value is last
        assert caught.value.__notes__ == [
            "call 5 of up to 5, within 15 seconds; before it failed with",
            "    (1 more)",
            "    LookupError: second",
            "    LookupError: third",
            "    LookupError: fourth",
        ]
        assert len(service.called) == 5


@every_way
def test_a_single_attempt_is_a_plain_call(way: str) -> None:
    with Simulation() as sim:
        with pytest.raises(Down) as caught:
            try_it(sim, way, Service(sim, Down()), attempts=1)
        assert not hasattr(caught.value, "__notes__")
        assert sim.now == 0.0


@every_way
@pytest.mark.parametrize("asked", [5, 5.0, timedelta(seconds=5)])
def test_what_an_exception_asks_for_is_obeyed(way: str, asked: Any) -> None:
    with Simulation() as sim:
        service = Service(sim, Later(asked), Down())
        try_it(sim, way, service, backoff=STEADY)
        assert service.called == [0.0, 5.0, 7.0]


@pytest.mark.parametrize("asked", [0.5, 0, None, "5", True, -1, math.nan, math.inf, 10**400])
def test_a_shorter_wait_or_nonsense_asked_for_is_not(asked: Any) -> None:
    with Simulation() as sim:
        service = Service(sim, Later(asked))
        retry(service, backoff=STEADY)
        assert service.called == [0.0, 1.0]


@every_way
def test_no_call_begins_after_the_deadline_and_no_wait_for_it_is_begun(way: str) -> None:
    with Simulation() as sim:
        service = Service(sim, Down(), Down(), Down(), Down())
        with pytest.raises(Down) as caught:
            try_it(sim, way, service, backoff=STEADY, attempts=10, deadline=6.9)
        assert (service.called, sim.now) == ([0.0, 1.0, 3.0], 3.0)
        assert caught.value.__notes__[-1] == "not tried again: the wait would have gone beyond deadline=6.9 seconds"


def test_a_call_may_begin_at_the_deadline_itself() -> None:
    with Simulation() as sim:
        service = Service(sim, Down(), Down(), Down())
        retry(service, backoff=STEADY, attempts=10, deadline=7.0)
        assert service.called == [0.0, 1.0, 3.0, 7.0]


def test_a_call_that_is_under_way_at_the_deadline_is_not_ended() -> None:
    async def slow() -> str:
        await asyncio.sleep(100.0)
        return "well"

    with Simulation() as sim:
        assert sim.spawn(AsyncDoing).ask(lambda: retry_async(slow, deadline=5.0)) == "well"
        assert sim.now == 100.0


@every_way
@pytest.mark.parametrize(
    "on", [LookupError, (ValueError, LookupError), lambda error: isinstance(error, KeyError)], ids=["class", "tuple", "function"]
)
def test_only_failures_that_are_declared_are_tried_again(way: str, on: Any) -> None:
    with Simulation() as sim:
        service = Service(sim, KeyError(), Down())
        with pytest.raises(Down):
            try_it(sim, way, service, on=on, backoff=STEADY, attempts=10)
        assert len(service.called) == 2


@pytest.mark.parametrize("way", ["plain", "async"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_exception_is_never_tried_again(way: str, error: type[BaseException]) -> None:
    outcome: list[type[BaseException]] = []

    def call() -> None:
        raise error

    async def call_async() -> None:
        raise error

    clock = ManualClock()
    try:
        if way == "async":
            coroutine = retry_async(call_async, on=BaseException, ports=clock.ports())
            coroutine.send(None)
        else:
            retry(call, on=BaseException, ports=clock.ports())
    except BaseException as caught:  # noqa: BLE001
        outcome.append(type(caught))
    assert outcome == [error]
    assert clock.pending == 0


def test_a_function_that_decides_may_raise_which_ends_it() -> None:
    def broken(error: Exception) -> bool:
        msg = "broken"
        raise RuntimeError(msg)

    with Simulation() as sim:
        service = Service(sim, Down())
        with pytest.raises(RuntimeError, match="broken"):
            retry(service, on=broken)
        assert len(service.called) == 1


def test_arguments_go_to_the_function() -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    async def function_async(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    expected = (1, 2), {"timeout": 3, "function": 4}
    assert retry(function, 1, 2, timeout=3, function=4) == expected
    assert asyncio.run(retry_async(function_async, 1, 2, timeout=3, function=4)) == expected


def test_a_failure_that_cannot_be_asked_when_to_come_back_does_not_hide_itself() -> None:
    class Unreadable(Exception):
        @property
        def retry_after(self) -> float:
            raise KeyError("retry-after")

    with Simulation() as sim:
        service = Service(sim, Unreadable(), Unreadable())
        with pytest.raises(Unreadable):
            retry(service, backoff=STEADY, attempts=2)
        assert service.called == [0.0, 1.0]


def test_a_failure_that_cannot_be_told_does_not_take_the_place_of_the_last() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with Simulation() as sim:
        with pytest.raises(Down) as caught:
            retry(Service(sim, Silent(), ValueError("x" * 1000), Down()))
        assert caught.value.__notes__[1:] == ["    Silent", "    ValueError: " + "x" * 187 + "…"]


# -- waiting ---------------------------------------------------------------------------------------------------------------


def test_a_thread_waits_by_the_clock_that_it_is_given() -> None:
    clock = ManualClock()
    calls = [0]

    def call() -> int:
        calls[0] += 1
        if calls[0] < 3:
            raise Down
        return calls[0]

    result: list[int] = []
    thread = threading.Thread(target=lambda: result.append(retry(call, backoff=STEADY, ports=clock.ports())), daemon=True)
    thread.start()
    for number in (1, 2):
        eventually(lambda: clock.pending)
        assert calls[0] == number
        clock.advance(float(number))
    thread.join(60)
    assert (result, clock.pending, clock.now()) == ([3], 0, 3.0)


def test_a_handler_waits_by_the_clock_of_its_system_and_holds_no_thread() -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        calls = [0]

        def call() -> None:
            calls[0] += 1
            if calls[0] <= 100:
                raise Down

        before = clock.pending
        asks = [system.spawn(Doing).ask(lambda: retry(call, backoff=STEADY), block=False) for _ in range(100)]
        eventually(lambda: clock.pending == before + 100)
        assert system.stats().threads < 20
        clock.advance(1.0)
        for ask in asks:
            ask.get(timeout=60)


@pytest.mark.parametrize("kind", [Doing, AsyncDoing])
def test_a_killed_handler_waits_no_longer(kind: Any) -> None:
    with Simulation() as sim:
        service = Service(sim, Down())
        actor = sim.spawn(kind)
        actor.tell(lambda: retry(service) if kind is Doing else retry_async(service.async_call))
        sim.advance(0.01)
        actor.kill()
        sim.run()
        assert (len(service.called), sim.now) == (1, 0.01)  # no timer was left


def test_a_cancelled_task_waits_no_longer() -> None:
    clock = ManualClock()

    async def main() -> None:
        task = asyncio.create_task(retry_async(fails_async, ports=clock.ports()))
        await asyncio.sleep(0)
        assert clock.pending == 1
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
    assert clock.pending == 0


def test_chance_spreads_the_waits_and_comes_from_the_random_port() -> None:
    times = []
    for seed in (1, 1, 2):
        with Simulation(seed=seed) as sim:
            service = Service(sim, Down(), Down())
            retry(service, backoff=Backoff(1.0, 10.0, jitter=0.5))
            times.append(service.called)
            assert 1.0 < service.called[1] < 1.5
    assert times[0] == times[1] != times[2]


def test_a_blocking_retry_on_a_loop_with_actors_is_refused_before_anything_is_done() -> None:
    async def blocks() -> None:
        retry(lambda: pytest.fail("called"))

    with ActorSystem() as system, pytest.raises(BlockingInLoopError, match="retry_async"):
        system.spawn(AsyncDoing).ask(blocks)


@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_it_works_in_real_time_on_every_dispatcher_of_plain_handlers(kind: DispatcherKind) -> None:
    calls = [0]

    def call() -> int:
        calls[0] += 1
        if calls[0] < 3:
            raise Down
        return calls[0]

    with ActorSystem() as system:
        assert system.spawn(Doing, dispatcher=kind).ask(lambda: retry(call, backoff=Backoff(0.001, 0.001))) == 3


# -- with others -----------------------------------------------------------------------------------------------------------


def test_an_open_circuit_is_waited_for_until_it_lets_through() -> None:
    with Simulation() as sim:
        service = Service(sim, Down())
        breaker = CircuitBreaker(failures=1, reset=20.0)
        assert retry(breaker.call, service, backoff=STEADY) == "well"
        assert service.called == [0.0, 20.0]


def test_the_stack_of_the_documentation_holds_together() -> None:
    with Simulation() as sim:
        service = Service(sim, Later(10.0), Down())
        breaker, bulkhead = CircuitBreaker(failures=3), Bulkhead(2, waiting=10)
        limiter = RateLimiter(1.0)

        def call(name: str) -> Any:
            return breaker.call(bulkhead.call, limiter.call, service, name)

        asks = [sim.spawn(Doing).ask(lambda name=name: retry(call, name, backoff=STEADY), block=False) for name in "abc"]
        assert [ask.get() for ask in asks] == ["a", "b", "c"]
        assert (breaker.call(lambda: breaker.state.value), bulkhead.active) == ("closed", 0)
        assert all(later - earlier >= 1.0 for earlier, later in zip(service.called, service.called[1:], strict=False))
        assert service.called[1] >= 10.0  # all of them pause when the service asks one of them to


def test_a_limiter_inside_of_a_bulkhead_keeps_its_rate_after_the_service_was_stuck() -> None:
    with Simulation() as sim:
        bulkhead, limiter = Bulkhead(2, waiting=10), RateLimiter(1.0)
        begun: list[float] = []

        async def service() -> None:
            begun.append(sim.now)
            await asyncio.sleep(10.0 if len(begun) < 3 else 0.0)

        async def call() -> None:
            await bulkhead.call_async(limiter.call_async, service)

        for _ in range(6):
            sim.spawn(AsyncDoing).tell(call)
        sim.run()
        assert begun == [0.0, 1.0, 10.0, 11.0, 12.0, 13.0]


# -- what it is given ------------------------------------------------------------------------------------------------------


def test_an_async_function_is_not_called_as_a_plain_one() -> None:
    with pytest.raises(TypeError, match=r"await retry_async"):
        retry(fails_async)
    with pytest.raises(TypeError, match=r"await retry_async"):
        retry(lambda: fails_async(), attempts=1)  # noqa: PLW0108
    with pytest.raises(TypeError, match=r"retry\("):
        asyncio.run(retry_async(lambda: 3, attempts=1))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"attempts": 0}, ValueError, "attempts=0"),
        ({"attempts": 2.0}, TypeError, r"attempts=2\.0"),
        ({"attempts": True}, TypeError, "attempts=True"),
        ({"backoff": 1.0}, TypeError, r"backoff=1\.0"),
        ({"on": "Down"}, TypeError, "on='Down'"),
        ({"on": int}, TypeError, "on=<class 'int'>"),
        ({"on": ()}, TypeError, r"on=\(\)"),
        ({"on": (Down, 3)}, TypeError, "on="),
        ({"deadline": -1}, ValueError, "deadline=-1"),
        ({"deadline": math.nan}, ValueError, "deadline=nan"),
        ({"deadline": "1"}, TypeError, "deadline='1'"),
        ({"ports": 1}, TypeError, "ports=1"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value_before_anything_is_called(
    given: dict[str, Any], error: type[Exception], names: str
) -> None:
    with pytest.raises(error, match=names):
        retry(lambda: pytest.fail("called"), **given)
    with pytest.raises(error, match=names):
        asyncio.run(retry_async(lambda: pytest.fail("called"), **given))


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="function=None"):
        retry(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function=3"):
        asyncio.run(retry_async(3))  # type: ignore[arg-type]


def test_without_a_handler_the_ambient_clock_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(kernel_ports, "_ambient", [clock.ports()])
    done: Future[int] = Future()
    calls = [0]

    def call() -> int:
        calls[0] += 1
        return fails() if calls[0] == 1 else calls[0]

    threading.Thread(target=lambda: done.set(retry(call, backoff=BACKOFF)), daemon=True).start()
    eventually(lambda: clock.pending)
    clock.advance(BACKOFF.maximum)
    assert done.get(timeout=60) == 2
