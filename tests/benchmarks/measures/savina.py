"""Patterns from the Savina suite: fan-in, fork-join, big."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import erlang, everything, queue_actor, scenarios
from tests.benchmarks.contenders.kits import LOOP_KIT, POOL_KIT, PYKKA_KIT
from tests.benchmarks.harness import Case, race
from tests.benchmarks.model import (
    ACTORS,
    ERLANG,
    EVERYTHING,
    LOOP,
    MESSAGES,
    POOL,
    PYKKA,
    QUEUE,
    UVLOOP_QUEUE,
    Findings,
    Measure,
    Plan,
)


def _cases(scenario: str, fast: int, slow: int, **options: int) -> list[Case]:
    """Everybody in the same scenario; pykka at a size that it can take."""
    by_hand = getattr(queue_actor, scenario)

    def on_loop(factory: queue_actor.LoopFactory, operations: int) -> float:
        return queue_actor.run(factory, by_hand(operations, **options))

    ours = getattr(scenarios, scenario)
    theirs = getattr(everything, scenario)
    return [
        Case(POOL, fast, partial(ours, POOL_KIT, **options)),
        Case(LOOP, fast, partial(ours, LOOP_KIT, **options)),
        Case(PYKKA, slow, partial(ours, PYKKA_KIT, **options)),
        Case(QUEUE, fast, partial(on_loop, queue_actor.plain_loop)),
        Case(UVLOOP_QUEUE, fast, partial(on_loop, queue_actor.uv_loop)),
        Case(EVERYTHING, slow, partial(everything.measured, theirs, **options)),
        Case(ERLANG, fast, partial(erlang.seconds, scenario=scenario, **options)),
    ]


def fan_in(plan: Plan) -> Findings:
    """Twenty actors send to one."""
    n = plan.size(200_000, 20_000)
    cases = _cases("fan_in", n, n, producers=20)
    return Findings(race(cases, plan, unit=MESSAGES), references=(PYKKA,))


def fork_join(plan: Plan) -> Findings:
    """Create actors with one message for each."""
    n = plan.size(20_000, 2_000)
    cases = _cases("fork_join", n, n // 10)
    return Findings(race(cases, plan, unit=ACTORS), references=(PYKKA,))


def big(plan: Plan) -> Findings:
    """A hundred and twenty actors ping others at random."""
    n = plan.size(240_000, 24_000)
    cases = _cases("big", n, n // 10, actors=120)
    return Findings(race(cases, plan, unit=MESSAGES), references=(PYKKA,))


MEASURES = (
    Measure("fan-in", "20 actors send to one", fan_in, 180, 60),
    Measure("fork-join", "create actors, one message each", fork_join, 180, 60),
    Measure("big", "120 actors ping one another at random", big, 180, 60),
)
