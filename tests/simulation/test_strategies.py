"""Strategies: the same seed makes the same choices, all choices are possible ones, and each has what it is chosen for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.testing import Delays, Faults, Fifo, Kind, PartialOrderSampling, PriorityChanges, RandomWalk, Simulation, explore
from actors.testing.trace import record
from tests.simulation.scenarios import Forward, Log, arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing import Pending, Strategy

RANDOM: list[Callable[[int], Strategy]] = [RandomWalk, PartialOrderSampling, PriorityChanges, Delays]


class Noting:
    """Notes the choices of another strategy."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.asks_always = getattr(inner, "asks_always", False)
        self.made: list[tuple[int, int]] = []

    def choose(self, enabled: Sequence[Pending]) -> int:
        index: int = self.inner.choose(enabled)
        if len(enabled) > 1:
            self.made.append((index, len(enabled)))
        return index


def choices(strategy: Any, scenario: Callable[[Simulation], object] = arrivals, faults: Faults | None = None) -> list[tuple[int, int]]:
    noting = Noting(strategy)
    with Simulation(noting, faults=faults) as sim:
        scenario(sim)
    return noting.made


@settings(deadline=None, max_examples=60)
@given(make=st.sampled_from(RANDOM), seed=st.integers(0, 10_000), faults=st.sampled_from([None, Faults(duplicate=2, drop=2, delay=2)]))
def test_the_same_seed_makes_the_same_choices_and_all_are_possible(make: Callable[[int], Any], seed: int, faults: Faults | None) -> None:
    made = choices(make(seed), faults=faults)
    assert choices(make(seed), faults=faults) == made
    assert all(0 <= index < count for index, count in made)


@pytest.mark.parametrize("make", RANDOM)
def test_other_seeds_make_other_choices(make: Callable[[int], Any]) -> None:
    assert len({tuple(choices(make(seed))) for seed in range(40)}) > 2


def test_fifo_takes_what_has_waited_longest() -> None:
    assert {index for index, _ in choices(Fifo())} == {0}


@pytest.mark.parametrize("delays", [0, 1, 2, 3])
def test_delays_leave_the_usual_order_but_for_so_many_steps(delays: int) -> None:
    seen = set()
    for seed in range(50):
        overtaken: set[int] = set()

        class Overtaken(Delays):
            def choose(self, enabled: Sequence[Pending], overtaken: set[int] = overtaken) -> int:
                index = super().choose(enabled)
                overtaken.update(one.sequence for one in enabled if one.sequence < enabled[index].sequence and one.kind is not Kind.TIMER)
                return index

        with Simulation(Overtaken(seed, 12, delays)) as sim:
            arrivals(sim)
        seen.add(len(overtaken))
    assert max(seen) == delays  # steps that something came before: those that were put off, and no others
    assert {index for index, _ in choices(Delays(1, 12, 0))} == {0}


@pytest.mark.parametrize("make", RANDOM)
def test_faults_come_at_some_steps_of_some_runs(make: Callable[[int], Any]) -> None:
    first: Counter[int] = Counter()
    for seed in range(100):
        with Simulation(make(seed), faults=Faults(drop=1)) as sim:
            steps = record(sim._world)
            arrivals(sim)
        first.update(step.number for step in steps if step.kind is Kind.FAULT)
    assert len(first) > 4  # at different steps
    assert 5 < sum(first.values()) < 95  # not always, not never


def behind_a_chain(sim: Simulation) -> None:
    """A message overtakes another only if one relay after the other is slow."""
    log = sim.spawn(Log, name="log")
    relay = log
    for _ in range(8):
        relay = sim.spawn(Forward, relay)
    relay.tell("long way")
    sim.spawn(Forward, log).tell("short way")
    sim.run()
    assert log.ask("got")[0] == "short way"


def share(make: Callable[[int], Any], runs: int = 300) -> float:
    """Return how often the message that came the long way was first."""
    failed = 0
    for seed in range(runs):
        try:
            with Simulation(make(seed)) as sim:
                behind_a_chain(sim)
        except AssertionError:
            failed += 1
    return failed / runs


def test_priorities_reach_behind_long_chains() -> None:
    """A random walk rarely takes the whole long way first; with priorities it is one choice between two chains."""
    assert share(RandomWalk) < 0.1
    assert share(PartialOrderSampling) > 0.15
    assert share(lambda seed: PriorityChanges(seed, 20, 1)) > 0.3


@pytest.mark.parametrize("strategy", ["portfolio", "random", "sampling", "priorities", "delays", "exhaustive"])
def test_every_explorer_finds_a_race(strategy: Any) -> None:
    def race(sim: Simulation) -> None:
        log = sim.spawn(Log)
        sim.spawn(Forward, log).tell(1)
        sim.spawn(Forward, log).tell(2)
        sim.run()
        assert log.ask("got") == (1, 2)

    found = explore(race, strategy=strategy, runs=200)
    assert found.failure is not None
    assert found.failure.deliveries == 5


def test_a_strategy_of_ones_own_makes_the_choices() -> None:
    numbers: list[int] = []

    def make(number: int) -> Strategy:
        numbers.append(number)
        return RandomWalk(number)

    assert explore(arrivals, strategy=make, runs=3).failure is None
    assert numbers == [1, 2, 3]
