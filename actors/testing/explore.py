"""Exploring: run a scenario in many orders, keep the first failure, make it small, replay it from a token."""

from __future__ import annotations

import inspect
import time
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from actors.testing import token
from actors.testing.checks import check_count
from actors.testing.dpor import EveryOrder, PrunedError
from actors.testing.errors import EndlessStepError, StuckError, TokenError, TooManyStepsError, UnstableError
from actors.testing.failure import Exploration, Failure
from actors.testing.network import Ordering
from actors.testing.options import StrategyName
from actors.testing.setup import Setup, attempt
from actors.testing.shrink import shrink
from actors.testing.strategies import Chosen, Delays, Fifo, PartialOrderSampling, PriorityChanges, RandomWalk
from actors.testing.trace import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.faults import Faults
    from actors.testing.setup import Scenario
    from actors.testing.simulation import Simulation
    from actors.testing.strategies import Strategy
    from actors.testing.trace import Step

__all__ = ["Exploration", "Failure", "check_stable", "explore", "replay"]

OTHERS = 300  # further runs that are made in search of a smaller failure


def explore(
    scenario: Scenario,
    *,
    strategy: StrategyName | Callable[[int], Strategy] = "portfolio",
    runs: int = 1000,
    seconds: float | None = None,
    seed: int = 0,
    ordering: Ordering = Ordering.CAUSAL,
    faults: Faults | None = None,
    max_steps: int = 10_000,
    shrinking: float = 5.0,
    progress: Callable[[int], object] | None = None,
) -> Exploration:
    """Run `scenario(simulation)` again and again, each time in another order of events, until it fails.

    A run fails if the scenario raises, if it waits for what can never come (`StuckError`), if it has no end, or if an actor's assertion
    fails. The first run is that of a quiet machine: whatever has waited longest comes first.

    Args:
        scenario: starts actors, sends messages, waits, and asserts what should hold.
        strategy: who makes the choices. ``"portfolio"`` takes turns with the following four; ``"random"`` chooses each step at random;
            ``"sampling"`` samples partial orders (`PartialOrderSampling`); ``"priorities"`` is PCT (`PriorityChanges`); ``"delays"`` is
            delay-bounded (`Delays`); ``"exhaustive"`` makes every order once, leaving out those that differ only in steps that do not
            depend on each other; or a function of the number of the run, from 1, that returns a `Strategy`.
        runs: how many at most.
        seconds: how long at most, by the wall clock; None: as long as it takes.
        seed: the same seed makes the same runs.
        ordering: in which order messages may arrive.
        faults: what may go wrong; nothing if left out.
        max_steps: steps after which a run counts as endless.
        shrinking: seconds that may be spent on making a failure smaller; 0 leaves it as it was found.
        progress: is called with the number of runs so far, about once a second.

    Returns:
        How many runs there were and the first failure; ``explore(...).check()`` raises it.
    """
    setup = _setup(ordering, seed, max_steps, faults)
    check_scenario(scenario)
    if strategy not in get_args(StrategyName) and not callable(strategy):
        names = ", ".join(map(repr, get_args(StrategyName)))
        msg = f"strategy={strategy!r} is not valid: one of {names}, or a function that makes a strategy"
        raise ValueError(msg)
    check_count("runs", runs, 1)
    for name, value in (("seconds", seconds), ("shrinking", shrinking)):
        if value is not None and not (isinstance(value, int | float) and value >= 0):
            msg = f"{name}={value!r} is not valid: seconds, 0 or more"
            raise ValueError(msg)
    begin = time.perf_counter()
    limit = _Limit(begin, seconds, progress)
    found = _exhaust(scenario, setup, runs, limit) if strategy == "exhaustive" else _hunt(scenario, setup, strategy, runs, limit)
    made, exhausted, failed, name = found
    failure = None
    if failed is not None:
        error, simulation = failed
        choices = simulation._world.choices
        if shrinking and not isinstance(error, EndlessStepError):  # each try would take as long
            others = (_strategy("portfolio", seed, number, simulation.steps)[1] for number in range(1, OTHERS))
            choices = shrink(scenario, setup, error, choices, others, shrinking)
        failure = _reproduce(scenario, token.dump(scenario, setup, choices), error)
        failure = replace(failure, raw=simulation.steps, found_by=name, runs=made, seed=seed)
    return Exploration(made, exhausted, failure, time.perf_counter() - begin)


class _Limit:
    """The time that an exploration may take, and who hears of its progress."""

    def __init__(self, begin: float, seconds: float | None, progress: Callable[[int], object] | None) -> None:
        self._end = None if seconds is None else begin + seconds
        self._progress = progress
        self._next = begin + 1.0

    def over(self, runs: int) -> bool:
        """Tell whether the time is over after `runs` runs."""
        now = time.perf_counter()
        if self._progress is not None and now >= self._next:
            self._progress(runs)
            self._next = now + 1.0
        return self._end is not None and now >= self._end


_Found = tuple[int, bool, "tuple[BaseException, Simulation] | None", str]  # runs, whether those were all, the failure, who found it


def _hunt(scenario: Scenario, setup: Setup, strategy: str | Callable[[int], Strategy], runs: int, limit: _Limit) -> _Found:
    length = 0
    for number in range(1, runs + 1):
        if isinstance(strategy, str):
            name, chooser = _strategy(strategy, setup.seed, number, length)
        else:
            chooser = strategy(number)
            name = type(chooser).__name__
        simulation = setup.simulation(chooser)
        error = attempt(scenario, simulation)
        if error is not None:
            return number, False, (error, simulation), name
        if limit.over(number):
            return number, False, None, ""
        length = max(length, simulation.steps)
    return runs, False, None, ""


_PORTFOLIO = ("sampling", "priorities", "random", "delays")


def _strategy(name: str, seed: int, number: int, length: int) -> tuple[str, Strategy]:
    """Return who makes the choices of a run, and the name for it; `length` is how many steps former runs took."""
    if number == 1:
        return "Fifo", Fifo()
    key = f"{seed}/{number}"
    match _PORTFOLIO[number % 4] if name == "portfolio" else name:
        case "random":
            return "RandomWalk", RandomWalk(key, length)
        case "sampling":
            return "PartialOrderSampling", PartialOrderSampling(key, length)
        case "priorities":
            return "PriorityChanges", PriorityChanges(key, length, 1 + number // 4 % 4)
        case _:
            return "Delays", Delays(key, length, 1 + number // 4 % 4)


def _exhaust(scenario: Scenario, setup: Setup, runs: int, limit: _Limit) -> _Found:
    every = EveryOrder()
    for _ in range(runs):
        simulation = setup.simulation(every)
        every.attach(simulation._world)
        error = attempt(scenario, simulation)
        if error is not None and not isinstance(error, PrunedError):
            return every.runs + 1, False, (error, simulation), "EveryOrder"
        if not every.advance():
            return every.runs, every.complete, None, ""
        if limit.over(every.runs):
            break
    return every.runs, False, None, ""


def check_scenario(scenario: object) -> None:
    """Raise TypeError for what is no scenario."""
    if not callable(scenario) or any(
        kind(one) for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction) for one in (scenario, type(scenario).__call__)
    ):
        msg = f"{scenario!r} is no scenario: a plain function of the simulation is (its actors may be async)"
        raise TypeError(msg)


def _setup(ordering: Ordering, seed: int, max_steps: int, faults: Faults | None) -> Setup:
    return Setup(ordering, seed, max_steps, faults) if faults is not None else Setup(ordering, seed, max_steps)


def replay(scenario: Scenario, text: str, *, states: bool = False) -> Failure | None:
    """Make the run of a token again; return its failure, None if it does not fail any more.

    Args:
        scenario: the one that the token is of.
        text: the token.
        states: whether the steps are to have the states of actors and what is under way.

    Raises:
        TokenError: the token is of another version or another scenario, or damaged; or the program has changed so much that some of its
            choices cannot be made, and what came of the others does not fail.
    """
    error, steps, setup = rerun(scenario, text, states=states)
    return None if error is None else Failure(error, text, setup.ordering, tuple(steps), seed=setup.seed)


def rerun(scenario: Scenario, text: str, *, states: bool = False, any_name: bool = False) -> tuple[BaseException | None, list[Step], Setup]:
    """Make the run of a token again; return what it failed with, its steps, and how it was made.

    `any_name` lets the scenario have another name than it had when the token was made.

    Raises:
        TokenError: as `replay` does.
    """
    setup, choices = token.load(scenario, text, any_name=any_name)
    strategy = Chosen(choices)
    simulation = setup.simulation(strategy)
    steps = record(simulation._world, states=states)
    error = attempt(scenario, simulation)
    missed = strategy.misfits + strategy.unused
    if error is None and missed:
        # That it does not fail says nothing: it is not the run that was asked for.
        why = f"it does not fit this program any more: {missed} of its {len(choices)} choices could not be made"
        raise TokenError(text, f"{why}, and the run without them does not fail")
    return error, steps, setup


def _reproduce(scenario: Scenario, text: str, error: BaseException) -> Failure:
    """Run a failure again to write down what happens."""
    try:
        failure = replay(scenario, text)
    except TokenError:  # the choices were not even possible
        failure = None
    if failure is None or type(failure.error) is not type(error):
        again = "no failure" if failure is None else repr(failure.error)
        raise UnstableError(0, repr(error), again) from error
    return failure


def check_stable(
    scenario: Scenario,
    *,
    seed: int = 0,
    ordering: Ordering = Ordering.CAUSAL,
    faults: Faults | None = None,
    max_steps: int = 10_000,
) -> int:
    """Run `scenario` twice with the same choices and compare what happens; return the number of steps.

    Raises:
        UnstableError: the runs differ; it names the first difference.
    """
    setup = _setup(ordering, seed, max_steps, faults)
    traces = []
    for _ in range(2):
        simulation = setup.simulation(RandomWalk(seed))
        steps = record(simulation._world)
        error = attempt(scenario, simulation)
        if error is not None and not isinstance(error, AssertionError | StuckError | TooManyStepsError):
            raise error
        traces.append([str(step) for step in steps])
    first, second = traces
    for number, (one, other) in enumerate(zip(first, second, strict=False), 1):
        if one != other:
            raise UnstableError(number, one, other)
    if len(first) != len(second):
        number = min(len(first), len(second))
        longer = first if len(first) > len(second) else second
        pair = (longer[number], "the end") if longer is first else ("the end", longer[number])
        raise UnstableError(number + 1, *pair)
    return len(first)
