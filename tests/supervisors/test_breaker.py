"""The circuit breaker: when it lets calls through, whatever they come from and however they end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, AskCancelled, Future, SystemConfig, Timeout
from actors.events import CallbackFailed
from actors.testing import ManualClock, Simulation, explore
from supervisors import (
    Backoff,
    BreakerChanged,
    BreakerState,
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    RateLimitedError,
)
from tests.stress.threads import race
from tests.supervisors.kit import AsyncDoing, Doing, Down, Reentrant, fails, fails_async, restless
from tests.support import scaled

CLOSED, OPEN, HALF_OPEN = BreakerState
Ways = Callable[[CircuitBreaker, Any], Any]  # calls a plain function through a breaker


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(failures=2, reset=10.0, name="model", ports=clock.ports())


def by_call(breaker: CircuitBreaker, function: Any) -> Any:
    return breaker.call(function)


def by_with(breaker: CircuitBreaker, function: Any) -> Any:
    with breaker:
        return function()


def by_call_async(breaker: CircuitBreaker, function: Any) -> Any:
    async def wrapped() -> Any:
        return function()

    return asyncio.run(breaker.call_async(wrapped))


def by_async_with(breaker: CircuitBreaker, function: Any) -> Any:
    async def within() -> Any:
        async with breaker:
            return function()

    return asyncio.run(within())


every_way = pytest.mark.parametrize("way", [by_call, by_with, by_call_async, by_async_with])


def fail(breaker: CircuitBreaker, times: int = 1, way: Ways = by_call) -> None:
    for _ in range(times):
        with pytest.raises(Down):
            way(breaker, fails)


# -- its states ------------------------------------------------------------------------------------------------------------


@every_way
def test_it_opens_after_so_many_failures_in_a_row_and_calls_nothing_then(breaker: CircuitBreaker, clock: ManualClock, way: Ways) -> None:
    fail(breaker, 1, way)
    assert way(breaker, lambda: "well") == "well"  # the row begins anew
    fail(breaker, 1, way)
    assert breaker.state is CLOSED
    assert breaker.retry_after is None
    fail(breaker, 1, way)
    assert breaker.state is OPEN
    clock.advance(4.0)
    with pytest.raises(CircuitOpenError) as caught:
        way(breaker, lambda: pytest.fail("called"))
    assert (caught.value.name, caught.value.retry_after) == ("model", 6.0)
    assert breaker.retry_after == 6.0


@every_way
def test_a_probe_that_goes_well_closes_it(breaker: CircuitBreaker, clock: ManualClock, way: Ways) -> None:
    fail(breaker, 2, way)
    clock.advance(10.0)
    assert way(breaker, lambda: breaker.state) is HALF_OPEN
    assert breaker.state is CLOSED
    fail(breaker, 1, way)
    assert breaker.state is CLOSED  # it counts from the beginning


@every_way
def test_a_probe_that_fails_opens_it_again(breaker: CircuitBreaker, clock: ManualClock, way: Ways) -> None:
    fail(breaker, 2, way)
    clock.advance(10.0)
    fail(breaker, 1, way)
    assert breaker.state is OPEN
    assert breaker.retry_after == 10.0


def test_others_are_refused_while_the_probe_is_out(breaker: CircuitBreaker, clock: ManualClock) -> None:
    fail(breaker, 2)
    clock.advance(10.0)
    with breaker:
        assert breaker.retry_after is None
        with pytest.raises(CircuitOpenError) as caught:
            breaker.call(lambda: pytest.fail("called"))
    assert caught.value.retry_after is None  # nobody knows when the probe is back


def test_a_backoff_has_it_wait_longer_each_time_until_it_was_closed_for_long(clock: ManualClock) -> None:
    breaker = CircuitBreaker(failures=1, reset=Backoff(10.0, 100.0, jitter=0.0, reset_after=50.0), ports=clock.ports())
    for wait in (10.0, 20.0, 40.0):
        fail(breaker)
        assert breaker.retry_after == wait
        clock.advance(wait)
    breaker.call(lambda: None)
    clock.advance(49.0)
    fail(breaker)
    assert breaker.retry_after == 80.0
    clock.advance(80.0)
    breaker.call(lambda: None)
    clock.advance(50.0)
    fail(breaker)
    assert breaker.retry_after == 10.0


def test_chance_comes_from_the_random_port_and_only_when_it_opens() -> None:
    class Loaded:
        drawn = 0

        def random(self) -> float:
            self.drawn += 1
            return 0.5

    chance = Loaded()
    clock = ManualClock()
    ports = clock.ports()
    object.__setattr__(ports, "random", chance)
    breaker = CircuitBreaker(failures=2, reset=Backoff(10.0, 100.0, jitter=1.0), ports=ports)
    fail(breaker, 1)
    assert chance.drawn == 0
    fail(breaker, 1)
    assert (chance.drawn, breaker.retry_after) == (1, 15.0)


def test_it_can_be_tripped_and_reset_by_hand(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.trip()
    assert (breaker.state, breaker.retry_after) == (OPEN, 10.0)
    clock.advance(5.0)
    breaker.trip()
    assert breaker.retry_after == 10.0
    breaker.reset()
    assert breaker.call(lambda: breaker.state) is CLOSED
    fail(breaker, 1)
    breaker.reset()
    fail(breaker, 1)
    assert breaker.state is CLOSED  # the first failure is forgotten


# -- what counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Down(), Timeout(), TimeoutError(), KeyError("x")])
def test_an_exception_counts(breaker: CircuitBreaker, error: Exception) -> None:
    for _ in range(2):
        with pytest.raises(type(error)), breaker:
            raise error
    assert breaker.state is OPEN


@pytest.mark.parametrize(
    "error",
    [
        AskCancelled(),
        BulkheadFullError("b", 1),
        RateLimitedError("l", 1.0),
        CircuitOpenError("c", 1.0),
        KeyboardInterrupt(),
        SystemExit(),
        asyncio.CancelledError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_of_the_service_is_neither_a_failure_nor_a_success(
    breaker: CircuitBreaker, clock: ManualClock, error: BaseException
) -> None:
    def call() -> None:
        with pytest.raises(type(error)), breaker:
            raise error

    fail(breaker, 1)
    call()
    call()
    assert breaker.state is CLOSED
    fail(breaker, 1)
    assert breaker.state is OPEN  # the row was not ended
    clock.advance(10.0)
    call()
    assert breaker.state is HALF_OPEN
    breaker.call(lambda: None)  # another probe, at once
    assert breaker.state is CLOSED


def test_an_exception_that_does_not_count_is_an_answer(clock: ManualClock) -> None:
    breaker = CircuitBreaker(failures=2, reset=10.0, counts=lambda error: not isinstance(error, LookupError), ports=clock.ports())

    def answers() -> None:
        with pytest.raises(LookupError), breaker:
            raise LookupError

    fail(breaker, 1)
    answers()
    fail(breaker, 1)
    assert breaker.state is CLOSED
    fail(breaker, 1)
    clock.advance(10.0)
    answers()
    assert breaker.state is CLOSED


def test_a_cancellation_may_be_declared_a_failure(clock: ManualClock) -> None:
    breaker = CircuitBreaker(failures=1, counts=lambda error: isinstance(error, asyncio.CancelledError), ports=clock.ports())
    with pytest.raises(asyncio.CancelledError), breaker:
        raise asyncio.CancelledError
    assert breaker.state is OPEN


def test_counts_that_raises_is_told_and_holds_no_probe(clock: ManualClock) -> None:
    def broken(error: BaseException) -> bool:
        msg = "broken"
        raise RuntimeError(msg)

    breaker = CircuitBreaker(failures=1, reset=10.0, counts=broken, ports=clock.ports())
    breaker.trip()
    clock.advance(10.0)
    with pytest.raises(RuntimeError, match="broken") as caught:
        breaker.call(fails)
    assert isinstance(caught.value.__context__, Down)
    breaker.call(lambda: None)
    assert breaker.state is CLOSED


def test_counts_is_called_with_no_lock_held(clock: ManualClock) -> None:
    def looks(error: BaseException) -> bool:
        other = threading.Thread(target=breaker.trip, daemon=True)
        other.start()
        other.join(30)
        return not other.is_alive()

    breaker = CircuitBreaker(failures=1, counts=looks, ports=clock.ports())
    with pytest.raises(Down):
        breaker.call(fails)
    assert breaker.state is OPEN


# -- probes that do not come back ------------------------------------------------------------------------------------------


def test_a_probe_that_is_lost_makes_room_for_another(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.trip()
    clock.advance(10.0)
    lost = contextlib.ExitStack()
    lost.enter_context(breaker)
    clock.advance(9.9)
    with pytest.raises(CircuitOpenError):
        breaker.call(lambda: None)
    clock.advance(0.1)
    fail(breaker)  # another one, whose failure counts
    assert breaker.state is OPEN
    lost.close()  # went well after all, but it was let through before the circuit last opened
    assert breaker.state is OPEN


def test_a_lost_probe_that_goes_well_after_all_closes_it(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.trip()
    clock.advance(10.0)
    lost = contextlib.ExitStack()
    lost.enter_context(breaker)
    clock.advance(25.0)
    lost.close()
    assert breaker.state is CLOSED


def test_a_cancelled_probe_makes_room_at_once() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(failures=1, reset=10.0)
        with pytest.raises(Down):
            await breaker.call_async(fails_async)
        begun = asyncio.Event()

        async def hangs() -> None:
            begun.set()
            await asyncio.Event().wait()

        async def late() -> None:
            await asyncio.sleep(10.0)
            probe = asyncio.create_task(breaker.call_async(hangs))
            await begun.wait()
            with pytest.raises(CircuitOpenError):
                await breaker.call_async(fails_async)
            probe.cancel()
            with pytest.raises(asyncio.CancelledError):
                await probe
            async with breaker:
                assert breaker.state is HALF_OPEN
            assert breaker.state is CLOSED

        await late()

    with Simulation() as sim:
        sim.spawn(AsyncDoing).ask(main)


@pytest.mark.parametrize("stuck", [Doing, AsyncDoing])
def test_a_killed_probe_makes_room_at_once(stuck: Any) -> None:
    with Simulation() as sim:
        breaker = CircuitBreaker(failures=1, reset=10.0)
        breaker.trip()
        sim.advance(10.0)
        never: Future[None] = Future()

        async def hangs() -> None:
            async with breaker:
                await never

        probe = sim.spawn(stuck)
        probe.tell(hangs if stuck is AsyncDoing else lambda: breaker.call(never.get))
        sim.run()
        with pytest.raises(CircuitOpenError):
            breaker.call(lambda: None)
        probe.kill()
        breaker.call(lambda: None)
        assert breaker.state is CLOSED


# -- many at once ----------------------------------------------------------------------------------------------------------


def test_of_many_threads_exactly_one_is_let_through_half_open(clock: ManualClock) -> None:
    with restless():
        for _ in range(scaled(2000, 100)):
            breaker = CircuitBreaker(failures=1, reset=10.0, ports=clock.ports())
            breaker.trip()
            clock.advance(10.0)
            through: list[BreakerState] = []
            refused: list[CircuitOpenError] = []
            back = threading.Event()

            def call(
                breaker: CircuitBreaker = breaker,
                through: list[BreakerState] = through,
                refused: list[CircuitOpenError] = refused,
                back: threading.Event = back,
            ) -> None:
                try:
                    with breaker:
                        through.append(breaker.state)
                        assert back.wait(60)
                except CircuitOpenError as error:
                    refused.append(error)
                    if len(refused) == 3:
                        back.set()

            race(*[call] * 4)
            assert through == [HALF_OPEN]
            assert breaker.state is CLOSED


def test_no_failure_is_lost_between_threads(clock: ManualClock) -> None:
    rounds = scaled(200, 20)
    with restless():
        for _ in range(rounds):
            breaker = CircuitBreaker(failures=400, ports=clock.ports())

            def call(breaker: CircuitBreaker = breaker) -> None:
                for _ in range(100):
                    with contextlib.suppress(Down, CircuitOpenError):
                        breaker.call(fails)

            race(*[call] * 4)
            assert breaker.state is OPEN


def test_an_exploration_knows_that_handlers_share_a_breaker() -> None:
    outcomes = set()

    def scenario(sim: Simulation) -> None:
        breaker = CircuitBreaker(failures=1, reset=10.0)
        seen: list[str] = []

        def calls(what: Any, name: str) -> Any:
            def handle() -> None:
                try:
                    breaker.call(what)
                except Down:
                    seen.append(f"{name} failed")
                except CircuitOpenError:
                    seen.append(f"{name} refused")
                else:
                    seen.append(f"{name} well")

            return handle

        one, other = sim.spawn(Doing), sim.spawn(Doing)
        one.tell(calls(fails, "one"))
        other.tell(calls(lambda: None, "other"))
        sim.run()
        outcomes.add(tuple(sorted(seen)))

    assert explore(scenario, strategy="exhaustive", seconds=60).proved
    assert outcomes == {("one failed", "other refused"), ("one failed", "other well")}


def test_under_every_order_of_messages_exactly_one_probe_goes_out() -> None:
    def scenario(sim: Simulation) -> None:
        breaker = CircuitBreaker(failures=1, reset=1.0)
        breaker.trip()
        sim.advance(1.0)
        service = sim.spawn(Doing)
        probes: list[int] = []

        def handle(number: int) -> None:
            with contextlib.suppress(CircuitOpenError), breaker:
                if breaker.state is HALF_OPEN:
                    probes.append(number)
                service.ask(lambda: None)

        for number in range(2):
            sim.spawn(Doing).tell(lambda number=number: handle(number))  # type: ignore[misc]
        sim.run()
        assert len(probes) == 1
        assert breaker.state is CLOSED

    found = explore(scenario, strategy="exhaustive", seconds=60)
    found.check()
    assert found.proved


# -- with ------------------------------------------------------------------------------------------------------------------


def test_blocks_of_several_tasks_and_threads_do_not_take_each_others_results(clock: ManualClock) -> None:
    breaker = CircuitBreaker(failures=1, reset=10.0, ports=clock.ports())

    async def main() -> None:
        early = asyncio.Event()

        async def begun_before() -> None:
            async with breaker:  # closed
                await early.wait()

        task = asyncio.create_task(begun_before())
        await asyncio.sleep(0)
        breaker.trip()
        clock.advance(10.0)
        async with breaker:  # the probe
            early.set()
            await task
            assert breaker.state is HALF_OPEN
        assert breaker.state is CLOSED

    asyncio.run(main())


def test_a_block_in_a_block_takes_its_own_result(breaker: CircuitBreaker, clock: ManualClock) -> None:
    with breaker:  # closed
        breaker.trip()
        clock.advance(10.0)
        with breaker:  # the probe
            pass
        assert breaker.state is CLOSED
        breaker.trip()
    assert breaker.state is OPEN


def test_a_block_that_is_left_in_another_task_gives_its_probe_back(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.trip()
    clock.advance(10.0)
    asyncio.run(breaker.__aenter__())
    asyncio.run(breaker.__aexit__(None, None, None))
    assert breaker.state is CLOSED
    breaker.__exit__(None, None, None)  # of nothing: means nothing
    assert not breaker._entered._passes


def test_handlers_of_one_reentrant_actor_have_results_of_their_own() -> None:
    with Simulation() as sim:
        breaker = CircuitBreaker(failures=1, reset=10.0)
        gate: Future[None] = Future()

        async def early() -> None:
            async with breaker:
                await gate

        async def probe() -> None:
            async with breaker:
                gate.set()
                await asyncio.sleep(1.0)
                assert breaker.state is HALF_OPEN

        actor = sim.spawn(Reentrant)
        first = actor.ask(early, block=False)
        sim.run()
        breaker.trip()
        sim.advance(10.0)
        actor.ask(probe)
        first.get()
        assert breaker.state is CLOSED


# -- who is told -----------------------------------------------------------------------------------------------------------


def test_changes_are_told_in_order(breaker: CircuitBreaker, clock: ManualClock) -> None:
    told: list[tuple[BreakerState, BreakerState]] = []
    subscription = breaker.subscribe(lambda before, after: told.append((before, after)))
    fail(breaker, 2)
    clock.advance(10.0)
    fail(breaker, 1)
    clock.advance(10.0)
    breaker.call(lambda: None)
    expected = [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]
    assert told == expected
    subscription.cancel()
    subscription.cancel()
    breaker.trip()
    assert told == expected


def test_changes_brought_about_at_once_are_told_one_at_a_time_and_none_is_lost(clock: ManualClock) -> None:
    breaker = CircuitBreaker(ports=clock.ports())
    told: list[tuple[BreakerState, BreakerState]] = []
    inside = [0]

    def note(before: BreakerState, after: BreakerState) -> None:
        inside[0] += 1
        assert inside[0] == 1
        told.append((before, after))
        inside[0] -= 1

    breaker.subscribe(note)

    def change() -> None:
        for _ in range(scaled(3000, 300)):
            breaker.trip()
            breaker.reset()

    with restless():
        race(*[change] * 3)
    assert len(told) >= 2
    assert told[0][0] is CLOSED
    assert all(one[1] is other[0] for one, other in itertools.pairwise(told))
    assert told[-1][1] is breaker.state is CLOSED


def test_a_callback_may_change_the_breaker_which_is_told_after(breaker: CircuitBreaker) -> None:
    told: list[tuple[str, BreakerState]] = []

    def resets(before: BreakerState, after: BreakerState) -> None:
        told.append(("resets begins", after))
        if after is OPEN:
            breaker.reset()
        told.append(("resets ends", after))

    breaker.subscribe(resets)
    breaker.subscribe(lambda before, after: told.append(("other", after)))
    breaker.trip()
    assert told == [
        ("resets begins", OPEN),
        ("resets ends", OPEN),
        ("other", OPEN),
        ("resets begins", CLOSED),
        ("resets ends", CLOSED),
        ("other", CLOSED),
    ]


def test_a_callback_that_raises_hurts_nobody_and_is_told(breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture) -> None:
    told: list[BreakerState] = []

    def broken(before: BreakerState, after: BreakerState) -> None:
        raise Down

    breaker.subscribe(broken)
    breaker.subscribe(lambda before, after: told.append(after))
    with caplog.at_level(logging.ERROR, "actors"):
        breaker.trip()
    assert told == [OPEN]
    assert "broken" in caplog.text

    failures: list[CallbackFailed] = []
    with ActorSystem() as system:
        system.events.subscribe(CallbackFailed, failures.append)
        system.spawn(Doing).ask(breaker.reset)
    assert [(failure.callback, type(failure.error)) for failure in failures] == [(broken, Down)]


def test_an_interrupt_in_a_callback_comes_out_and_later_changes_are_told(breaker: CircuitBreaker) -> None:
    told: list[BreakerState] = []

    def interrupted(before: BreakerState, after: BreakerState) -> None:
        told.append(after)
        if after is OPEN:
            raise KeyboardInterrupt

    breaker.subscribe(interrupted)
    with pytest.raises(KeyboardInterrupt):
        breaker.trip()
    breaker.reset()
    assert told == [OPEN, CLOSED]


def test_a_probe_that_is_interrupted_in_a_callback_makes_room_at_once(breaker: CircuitBreaker, clock: ManualClock) -> None:
    def interrupted(before: BreakerState, after: BreakerState) -> None:
        if after is HALF_OPEN:
            raise KeyboardInterrupt

    breaker.subscribe(interrupted)
    breaker.trip()
    clock.advance(10.0)
    with pytest.raises(KeyboardInterrupt):
        breaker.call(pytest.fail, "called")
    assert breaker.call(int) == 0
    assert breaker.state is CLOSED


def test_changes_by_a_handler_are_published_in_its_system(clock: ManualClock) -> None:
    breaker = CircuitBreaker(failures=1, name="model")
    events: list[BreakerChanged] = []
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        system.events.subscribe(BreakerChanged, events.append)
        actor = system.spawn(Doing)
        with pytest.raises(Down):
            actor.ask(lambda: breaker.call(fails))
        assert actor.ask(lambda: breaker.retry_after) == 30.0  # by the clock of that system
        clock.advance(30.0)
        actor.ask(lambda: breaker.call(lambda: None))
    assert events == [
        BreakerChanged("model", CLOSED, OPEN),
        BreakerChanged("model", OPEN, HALF_OPEN),
        BreakerChanged("model", HALF_OPEN, CLOSED),
    ]


# -- what it is given ------------------------------------------------------------------------------------------------------


def test_arguments_go_to_the_function_whatever_they_are_called(breaker: CircuitBreaker) -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    async def function_async(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    expected = (1, 2), {"function": 3, "name": 4}
    assert breaker.call(function, 1, 2, function=3, name=4) == expected
    assert asyncio.run(breaker.call_async(function_async, 1, 2, function=3, name=4)) == expected


def test_an_async_function_is_not_called_as_a_plain_one(breaker: CircuitBreaker) -> None:
    with pytest.raises(TypeError, match=r"await breaker\.call_async"):
        breaker.call(fails_async)
    with pytest.raises(TypeError, match=r"await breaker\.call_async"):
        breaker.call(lambda: fails_async())  # noqa: PLW0108
    with pytest.raises(TypeError, match=r"breaker\.call\("):
        asyncio.run(breaker.call_async(lambda: 3))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"failures": 0}, ValueError, "failures=0"),
        ({"failures": True}, TypeError, "failures=True"),
        ({"reset": -1}, ValueError, "reset=-1"),
        ({"reset": math.nan}, ValueError, "reset=nan"),
        ({"reset": "30"}, TypeError, "reset='30'"),
        ({"counts": None}, TypeError, "counts=None"),
        ({"counts": fails_async}, TypeError, "counts="),
        ({"name": 3}, TypeError, "name=3"),
        ({"ports": "real"}, TypeError, "ports='real'"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(given: dict[str, Any], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        CircuitBreaker(**given)


@pytest.mark.parametrize("function", [None, 3, "call"])
def test_what_cannot_be_called_is_refused(breaker: CircuitBreaker, function: Any) -> None:
    with pytest.raises(TypeError, match="function="):
        breaker.call(function)
    with pytest.raises(TypeError, match="function="):
        asyncio.run(breaker.call_async(function))
    with pytest.raises(TypeError, match="callback="):
        breaker.subscribe(function)
    assert breaker.state is CLOSED
