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
SHORT = "the same plain one, in runs of 300"
HYPOTHESIS = "the same, hypothesis draws the order"
DRAWN = "hypothesis draws, and nothing else"
EMPTY = "a simulation"
SYSTEM = "a simulation with a system"
ACTOR = "a simulation with a system and an actor"

RATE = 60_000  # deliveries a second
DRAWS = 1.5


def _rate(figures: list[Figure], contender: str, at_least: float) -> Check:
    figure = find(figures, contender)
    return Check(contender, figure.median if figure else None, at_least, at_least=True, unit=MESSAGES)


def _added(figures: list[Figure]) -> Check:
    """Compare what it adds to a delivery that hypothesis draws the order with what hypothesis itself takes for a draw."""
    found = [find(figures, name) for name in (SHORT, HYPOTHESIS, DRAWN)]
    rates = [figure.median for figure in found if figure is not None and figure.median]
    value = None
    if len(rates) == len(found):
        plain, by_hypothesis, draw = (1 / rate for rate in rates)
        value = (by_hypothesis - plain) / draw
    return Check("what hypothesis's choice adds ÷ a draw", value, DRAWS, at_least=False)


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
        Case(SHORT, n, partial(simulated.ring, **several, per_run=simulated.CHOICES)),
        Case(HYPOTHESIS, n, simulated.by_hypothesis),
        Case(DRAWN, n, simulated.drawn),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    checks = [
        _rate(figures, BURST, RATE),
        _rate(figures, RING, RATE),
        reach(figures, ASYNC, RING, 1 / 3),
        _added(figures),
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
