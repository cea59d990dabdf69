"""The simulator: deliveries, choices and starts."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import bare, simulated
from tests.benchmarks.harness import Case, find, race, reach
from tests.benchmarks.model import BARE, MESSAGES, RUNS, Check, Figure, Findings, Measure, Plan

BURST = "a burst to one actor"
RING = "a ring, one message"
SEVERAL = "a ring, four messages, random order"
ASYNC = "an async ring, one message"
ASYNC_SEVERAL = "an async ring, four messages, random order"
HYPOTHESIS = "the same, hypothesis draws the order"
DRAWN = "the same in random order, hypothesis draws besides"
EMPTY = "a simulation"
SYSTEM = "a simulation with a system"
ACTOR = "a simulation with a system and an actor"

RATE = 60_000  # deliveries a second


def _rate(figures: list[Figure], contender: str, at_least: float) -> Check:
    figure = find(figures, contender)
    return Check(contender, figure.median if figure else None, at_least, at_least=True, unit=MESSAGES)


def deliveries(plan: Plan) -> Findings:
    """Deliveries in virtual time, each of them chosen."""
    n = plan.size(30_000, 3_000)
    several = {"abreast": simulated.ABREAST}
    cases = [
        Case(BARE, n * 10, bare.messages),
        Case(BURST, n, simulated.burst),
        Case(RING, n, simulated.ring),
        Case(SEVERAL, n, partial(simulated.ring, **several)),
        Case(ASYNC, n, partial(simulated.ring, asynchronous=True)),
        Case(ASYNC_SEVERAL, n, partial(simulated.ring, **several, asynchronous=True)),
        Case(HYPOTHESIS, n, simulated.by_hypothesis),
        Case(DRAWN, n, simulated.drawn),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    checks = [
        _rate(figures, BURST, RATE),
        _rate(figures, RING, RATE),
        reach(figures, ASYNC, RING, 1 / 3),
        reach(figures, HYPOTHESIS, DRAWN, 0.8),
    ]
    return Findings(figures, checks, (BARE,))


def starts(plan: Plan) -> Findings:
    """Simulations begun and ended: what each run of an exploration costs before its first step."""
    n = plan.size(2_000, 200)
    cases = [
        Case(EMPTY, n, simulated.starts),
        Case(SYSTEM, n, partial(simulated.starts, systems=1)),
        Case(ACTOR, n, partial(simulated.starts, actors=1)),
    ]
    figures = race(cases, plan, unit=RUNS)
    return Findings(figures, [], (EMPTY,))


MEASURES = (
    Measure("simulated", "deliveries in a simulation", deliveries, 300.0, 60.0),
    Measure("simulated-starts", "simulations begun and ended", starts, 120.0, 60.0),
)
