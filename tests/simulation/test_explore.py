"""Exploring: orders that break a property are found, told, and made again from a token; small scenarios are proved."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, Timeout
from actors.testing import (
    InvariantError,
    Kind,
    Ordering,
    Simulation,
    SimulationError,
    StuckError,
    TokenError,
    UnstableError,
    check_stable,
    explore,
    replay,
)
from tests.simulation.scenarios import Forward, Log, Manager, Table, check_then_create, dining
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def test_a_race_is_found_and_the_report_says_what_happened_and_how_to_repeat_it() -> None:
    found = explore(check_then_create)
    assert found.failure is not None
    assert isinstance(found.failure.error, AssertionError)
    assert found.runs <= 1000
    creates = [step for step in found.failure.steps if step.message == "('create', 'key')"]
    assert len(creates) == 2
    assert all(step.kind is Kind.DELIVERY and step.sender != "" for step in creates)
    report = str(found.failure)
    assert found.failure.token in report
    assert "('create', 'key')" in report
    with pytest.raises(AssertionError) as caught:
        found.check()
    assert any(found.failure.token in note for note in caught.value.__notes__)


def test_a_token_makes_the_run_again() -> None:
    failure = explore(check_then_create).failure
    assert failure is not None
    again = replay(check_then_create, failure.token)
    assert again is not None
    assert again.steps == failure.steps


def test_a_deadlock_over_reply_handles_is_found() -> None:
    failure = explore(dining).failure
    assert failure is not None
    assert isinstance(failure.error, StuckError)
    assert len(failure.error.waiting) == 3


def test_what_should_always_hold_is_checked_after_every_step_and_ends_the_run_there() -> None:
    def scenario(sim: Simulation) -> None:
        table = sim.spawn(Table)
        sim.always("no key twice", lambda: sim.instance(table).twice == 0)
        for _ in range(2):
            sim.spawn(Manager, table).tell("key")
        sim.run()
        pytest.fail("the run goes on")

    failure = explore(scenario).failure
    assert failure is not None
    assert isinstance(failure.error, InvariantError)
    assert (failure.error.name, failure.error.step) == ("no key twice", len(failure.steps))
    assert failure.steps[-1].message == "('create', 'key')"


def busy_table(bystanders: int) -> Callable[[Simulation], None]:
    """Return a scenario with a race, and with so many that have nothing to do with it."""

    def scenario(sim: Simulation) -> None:
        table = sim.spawn(Table)
        sim.always("no key twice", lambda: sim.instance(table).twice == 0)
        chatter = [sim.spawn(Forward, sim.spawn(Log)) for _ in range(bystanders)]
        managers = [sim.spawn(Manager, table) for _ in range(2)]
        for one in chatter:
            for number in range(5):
                one.tell(number)
        for manager in managers:
            manager.tell("key")
        sim.run()

    return scenario


@pytest.mark.parametrize("bystanders", [0, 1, scaled(5, 2)])
def test_a_failure_is_shrunk_to_what_it_takes(bystanders: int) -> None:
    """Two requests, two questions, two answers and two creations: eight steps beside the starts, six of them deliveries."""
    failure = explore(busy_table(bystanders), shrinking=60).failure  # it ends by itself, long before
    assert failure is not None
    assert isinstance(failure.error, InvariantError)
    assert [step.kind for step in failure.steps if step.kind is not Kind.SIGNAL] == [
        *[Kind.DELIVERY] * 4,
        *[Kind.REPLY] * 2,
        *[Kind.DELIVERY] * 2,
    ]
    assert failure.deliveries == 6


def test_steps_that_need_not_be_out_of_turn_are_taken_in_turn() -> None:
    def scenario(sim: Simulation) -> None:
        last = sim.spawn(Log)
        first, second = sim.spawn(Forward, last), sim.spawn(Forward, last)
        for _ in range(5):
            sim.spawn(Forward, sim.spawn(Log)).tell("chatter")
        first.tell(1)
        second.tell(2)
        sim.run()
        assert sim.instance(last).got == [1, 2]

    failure = explore(scenario).failure
    assert failure is not None
    assert sum(step.overtook > 0 for step in failure.steps) == 1


def test_shrinking_can_be_left_out_and_says_how_long_the_run_was() -> None:
    scenario = busy_table(1)
    as_found, shrunk = explore(scenario, shrinking=0).failure, explore(scenario).failure
    assert as_found is not None
    assert shrunk is not None
    assert len(as_found.steps) == as_found.raw == shrunk.raw > len(shrunk.steps)
    assert f"of {shrunk.raw} as found" in str(shrunk)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_a_token_gives_the_same_run_in_a_fresh_process_under_any_hash_seed(hash_seed: str) -> None:
    failure = explore(check_then_create).failure
    assert failure is not None
    program = (
        "from actors.testing import replay; from tests.simulation.scenarios import check_then_create;"
        f"print('\\n'.join(map(str, replay(check_then_create, {failure.token!r}).steps)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.splitlines() == [str(step) for step in failure.steps]


@pytest.mark.parametrize("ordering", Ordering)
@pytest.mark.parametrize("senders", [1, 2, 3, 4])
def test_an_exhaustive_exploration_makes_each_run_once_and_says_that_it_proved_it(ordering: Ordering, senders: int) -> None:
    seen: list[Any] = []

    def converging(sim: Simulation) -> None:
        log = sim.spawn(Log)
        for number in range(senders):
            sim.spawn(Forward, log).tell(number)
        sim.run()
        seen.append(log.ask("got"))

    result = explore(converging, strategy="exhaustive", runs=1000, ordering=ordering)
    assert (result.runs, result.exhausted, result.failure) == (math.factorial(senders), True, None)
    assert len(set(seen)) == len(seen) == math.factorial(senders)


def test_the_order_of_independent_actors_is_no_other_run() -> None:
    def independent(sim: Simulation) -> None:
        for _ in range(6):
            sim.spawn(Log).tell("x")
        sim.run()

    result = explore(independent, strategy="exhaustive")
    assert (result.runs, result.exhausted) == (1, True)


def test_an_exploration_that_was_cut_short_claims_no_proof() -> None:
    def long(sim: Simulation) -> None:
        log = sim.spawn(Log)
        for number in range(6):
            sim.spawn(Forward, log).tell(number)
        sim.run()

    result = explore(long, strategy="exhaustive", runs=10)
    assert (result.runs, result.exhausted) == (10, False)


def test_the_same_seed_makes_the_same_runs_and_another_makes_others() -> None:
    def orders(seed: int) -> list[tuple[int, ...]]:
        seen: list[tuple[int, ...]] = []

        def scenario(sim: Simulation) -> None:
            log = sim.spawn(Log)
            for number in range(5):
                sim.spawn(Forward, log).tell(number)
            sim.run()
            seen.append(log.ask("got"))

        explore(scenario, runs=10, seed=seed)
        return seen

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


@settings(deadline=None, max_examples=25)
@given(plan=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_in_every_run_the_messages_of_a_pair_keep_their_order(plan: list[tuple[int, int]], seed: int) -> None:
    def scenario(sim: Simulation) -> None:
        logs = [sim.spawn(Log) for _ in range(3)]
        ways = [[sim.spawn(Forward, log) for log in logs] for _ in range(3)]
        for number, (sender, receiver) in enumerate(plan):
            ways[sender][receiver].tell((sender, number))
        sim.run()
        for receiver, log in enumerate(logs):
            got = log.ask("got")
            for sender in range(3):
                sent = [number for number, pair in enumerate(plan) if pair == (sender, receiver)]
                assert [number for who, number in got if who == sender] == sent

    explore(scenario, runs=20, seed=seed).check()
    explore(scenario, runs=20, seed=seed, ordering=Ordering.PAIR_FIFO).check()


def test_a_stable_scenario_is_stable() -> None:
    assert check_stable(dining) > 9


def test_what_depends_on_more_than_the_simulation_is_named() -> None:
    before: list[object] = []

    def unstable(sim: Simulation) -> None:
        log = sim.spawn(Log)
        log.tell(f"run {len(before)}")
        before.append(None)
        sim.run()

    with pytest.raises(UnstableError, match="'run 0'") as caught:
        check_stable(unstable)
    assert "run 1" in caught.value.second


def test_a_failure_that_does_not_come_again_is_no_failure_of_an_order() -> None:
    before: list[object] = []

    def once(_: Simulation) -> None:
        before.append(None)
        assert len(before) != 2

    with pytest.raises(UnstableError):
        explore(once)


def other_scenario(sim: Simulation) -> None:
    sim.spawn(Log)


def test_tokens_that_do_not_fit_are_refused_with_the_reason() -> None:
    failure = explore(check_then_create).failure
    assert failure is not None
    with pytest.raises(TokenError, match="scenario"):
        replay(other_scenario, failure.token)
    for damaged in (failure.token[:-3], "x" + failure.token, "", "not a token"):
        with pytest.raises(TokenError, match="damaged"):
            replay(check_then_create, damaged)


def test_a_token_that_does_not_fit_a_changed_program_says_so_unless_it_fails() -> None:
    words, expected = list("abc"), list("abc")

    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        for word in words:
            sim.spawn(Forward, log).tell(word)
        sim.run()
        assert log.ask("got") == tuple(expected)

    failure = explore(scenario).failure
    assert failure is not None
    assert replay(scenario, failure.token) is not None
    words[:] = expected[:] = ["a"]  # without the messages whose order was chosen
    with pytest.raises(TokenError, match=r"does not fit this program any more: \d of its \d choices could not be made"):
        replay(scenario, failure.token)
    expected.clear()
    assert replay(scenario, failure.token) is not None


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="portfolio"):
        explore(dining, strategy="clever")  # type: ignore[arg-type]


def test_an_assertion_in_an_actor_fails_the_run() -> None:
    class Picky(Actor):
        def on_receive(self, message: int) -> None:
            assert message == 1, "out of order"

    def scenario(sim: Simulation) -> None:
        picky = sim.spawn(Picky)
        sim.spawn(Forward, picky).tell(1)
        sim.spawn(Forward, picky).tell(1)
        sim.run()

    def wrong(sim: Simulation) -> None:
        sim.spawn(Picky).tell(2)
        sim.run()

    assert explore(scenario, runs=10).failure is None
    failure = explore(wrong, runs=10).failure
    assert failure is not None
    assert str(failure.error).startswith("out of order")


def test_an_invariant_that_waits_is_refused() -> None:
    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        sim.always("asks", lambda: log.ask("got") == ())
        log.tell(1)
        sim.run()

    failure = explore(scenario, runs=1).failure
    assert failure is not None
    assert isinstance(failure.error, SimulationError)
    assert "may only look" in str(failure.error)


def test_a_scenario_that_is_a_coroutine_function_is_refused() -> None:
    async def scenario(sim: Simulation) -> None:
        sim.run()

    with pytest.raises(TypeError, match="plain function"):
        explore(scenario)


def test_progress_is_told_on_long_explorations(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10_000, 2))  # each look at the clock is two seconds after the last
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(moments)))
    told: list[int] = []
    explore(lambda sim: sim.run(), runs=3, progress=told.append)
    assert told == [1, 2, 3]


@pytest.mark.parametrize(
    "options",
    [{"runs": 0}, {"runs": "5"}, {"runs": True}, {"seconds": -1}, {"seed": 2**70}, {"seed": "x"}, {"max_steps": 0}, {"shrinking": "a"}],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.* is not valid"):
        explore(dining, **options)


def test_what_is_no_strategy_and_what_are_no_faults_are_refused() -> None:
    with pytest.raises(TypeError, match="a method choose"):
        explore(dining, strategy=lambda _: "random", runs=2)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match=r"like Faults\(drop=1\)"):
        explore(dining, faults={"drop": 1})  # type: ignore[arg-type]


def test_a_verdict_that_is_returned_is_refused() -> None:
    failure = explore(lambda _: False, runs=1).failure
    assert failure is not None
    assert isinstance(failure.error, TypeError)
    assert "asserts what should hold" in str(failure.error)

    def generator(sim: Simulation) -> Any:
        yield sim

    with pytest.raises(TypeError, match="plain function"):
        explore(generator)


def test_a_repr_that_raises_does_not_hide_the_finding() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    def scenario(sim: Simulation) -> None:
        sim.spawn(Log).tell(Shy())
        sim.run()
        msg = "found"
        raise AssertionError(msg)

    failure = explore(scenario, runs=1).failure
    assert failure is not None
    assert "its repr raised ValueError" in str(failure)


def test_an_answer_may_meet_the_timeout_of_its_await() -> None:
    class Slow(Actor):
        async def on_receive(self, message: Any) -> Any:
            await asyncio.sleep(0.5)
            return message

    class Asker(Actor):
        def __init__(self, slow: Any) -> None:
            super().__init__()
            self.slow = slow

        async def on_receive(self, message: Any) -> None:
            with contextlib.suppress(Timeout):
                await self.slow.ask_async(message, timeout=1)

    def scenario(sim: Simulation) -> None:
        asker = sim.spawn(Asker, sim.spawn(Slow))
        asker.tell(1)
        sim.run()
        assert asker.is_alive()

    explore(scenario, runs=300, strategy="random").check()
