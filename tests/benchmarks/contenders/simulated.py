"""Actors in a simulation: what a step costs that is chosen, and what a run costs before its first step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from actors import Actor
from actors.testing import Fifo, RandomWalk, Simulation
from tests.benchmarks.harness import ContenderAbsentError

from . import async_roles, roles

STEPS = 1_000_000  # more than any of these takes
PER_RUN = 3_000  # deliveries; a run of a test has hundreds
CHOICES = 300  # that hypothesis draws in one run; it gives no run more than some thousand
ABREAST = 4  # messages under way at once, where there is something to choose


def _in_runs(deliveries: int, run: Callable[[int], float]) -> float:
    """Make runs of the usual length, and scale what they took."""
    runs = max(1, deliveries // PER_RUN)
    return sum(run(PER_RUN) for _ in range(runs)) * deliveries / (runs * PER_RUN)


def burst(deliveries: int) -> float:
    """All messages are sent to one actor, and then delivered."""

    def run(count: int) -> float:
        with Simulation(Fifo(), max_steps=STEPS) as sim:
            counter = sim.spawn(roles.counter(Actor), count, threading.Event())
            began = time.perf_counter()
            for number in range(count):
                counter.tell(number)
            sim.run()
            return time.perf_counter() - began

    return _in_runs(deliveries, run)


def _table(sim: Simulation, node: Any) -> list[Any]:
    table: list[Any] = []
    table += [sim.spawn(node, table, (index + 1) % 10, threading.Event()) for index in range(10)]
    return table


def _ring(sim: Simulation, node: Any, count: int, abreast: int) -> float:
    table = _table(sim, node)
    began = time.perf_counter()
    for index in range(abreast):
        table[index].tell(count // abreast - 1)
    sim.run()
    return time.perf_counter() - began


def ring(deliveries: int, *, abreast: int = 1, asynchronous: bool = False) -> float:
    """Messages go round; with several, the order is drawn at random."""

    def run(count: int) -> float:
        node = async_roles.node(Actor) if asynchronous else roles.node(Actor)
        with Simulation(RandomWalk(1) if abreast > 1 else Fifo(), max_steps=STEPS) as sim:
            return _ring(sim, node, count, abreast)

    return _in_runs(deliveries, run)


def by_hypothesis(deliveries: int) -> float:
    """The same with several, hypothesis drawing the order."""
    try:
        from actors.testing.hypothesis import simulations
    except ImportError:
        raise ContenderAbsentError("hypothesis is not installed") from None

    def run(sim: Simulation) -> None:
        with sim:
            seconds.append(_ring(sim, roles.node(Actor), CHOICES, ABREAST))

    seconds: list[float] = []
    _given(simulations(), run, deliveries // CHOICES)
    return sum(seconds) * deliveries / (CHOICES * len(seconds))


def drawn(deliveries: int) -> float:
    """The same in random order, and after each step hypothesis draws a number: what its draws cost between steps."""
    try:
        from hypothesis import strategies as st
    except ImportError:
        raise ContenderAbsentError("hypothesis is not installed") from None

    def run(draw: Any) -> None:
        with Simulation(RandomWalk(1), max_steps=STEPS) as sim:
            table = _table(sim, roles.node(Actor))
            began = time.perf_counter()
            for index in range(ABREAST):
                table[index].tell(CHOICES // ABREAST - 1)
            while sim.step():
                draw(number)
            seconds.append(time.perf_counter() - began)

    number = st.integers(0, ABREAST - 1)
    seconds: list[float] = []
    _given(st.composite(lambda draw: draw)(), run, deliveries // CHOICES)
    return sum(seconds) * deliveries / (CHOICES * len(seconds))


def _given(strategy: Any, test: Callable[[Any], None], examples: int) -> None:
    from hypothesis import HealthCheck, Phase, given, settings

    checks = list(HealthCheck)
    once = settings(max_examples=max(1, examples), database=None, deadline=None, phases=[Phase.generate], suppress_health_check=checks)

    @once
    @given(strategy)
    def runs(value: Any) -> None:
        test(value)

    runs()


def starts(runs: int, *, systems: int = 0, actors: int = 0) -> float:
    """Simulations are begun and ended, with so many systems and actors."""
    began = time.perf_counter()
    for _ in range(runs):
        with Simulation() as sim:
            for _ in range(systems):
                assert sim.system
            for _ in range(actors):
                sim.spawn(roles.echo(Actor))
    return time.perf_counter() - began
