"""Actors as such: their whole life, how it scales, what an idle one weighs, how they end."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import erlang, everything, idle, queue_actor, scenarios
from tests.benchmarks.contenders.kits import LOOP_KIT, POOL_KIT, PYKKA_KIT, THREAD_KIT
from tests.benchmarks.harness import (
    Case,
    ContenderAbsentError,
    at_most,
    attempt,
    race,
    ratio,
    reach,
)
from tests.benchmarks.model import (
    ACTORS,
    BYTES,
    ERLANG,
    EVERYTHING,
    POOL,
    PYKKA,
    QUEUE,
    UVLOOP_QUEUE,
    Check,
    Figure,
    Findings,
    Measure,
    Plan,
)

# "The same" time per actor: within what rounds of one and the same size differ by.
SAME = 1.3
IDLE_LIMIT = 1200.0


def lives(plan: Plan) -> Findings:
    """Start, tell, ask and stop; all actors of a contender are alive together."""
    n = plan.size(5_000, 500)

    def on_loop(factory: queue_actor.LoopFactory, actors: int) -> float:
        return queue_actor.run(factory, queue_actor.lives(actors))

    cases = [
        *[Case(kit.name, n, partial(scenarios.lives, kit)) for kit in (POOL_KIT, LOOP_KIT, THREAD_KIT, PYKKA_KIT)],
        Case(QUEUE, n, partial(on_loop, queue_actor.plain_loop)),
        Case(UVLOOP_QUEUE, n, partial(on_loop, queue_actor.uv_loop)),
        Case(EVERYTHING, n, partial(everything.measured, everything.lives)),
        Case(ERLANG, n, partial(erlang.seconds, scenario="lives")),
    ]
    figures = race(cases, plan, unit=ACTORS)
    return Findings(figures, [reach(figures, POOL, PYKKA, 20)], (PYKKA,))


def scaling(plan: Plan) -> Findings:
    """The same life with few and with many actors alive at once."""
    few, many = plan.size(1_000, 200), plan.size(100_000, 4_000)
    small, large = f"{POOL}, {few:,} alive", f"{POOL}, {many:,} alive"
    cases = [
        Case(small, max(few, many // 5), partial(scenarios.lives, POOL_KIT, batch=few)),
        Case(large, many, partial(scenarios.lives, POOL_KIT)),
    ]
    figures = race(cases, plan, unit=ACTORS, rounds=min(plan.rounds, 3))
    problem = "failed" if any(figure.error for figure in figures) else ""
    value = ratio(figures, small, large)
    claim = f"time per actor, {many:,} ÷ {few:,} alive"
    return Findings(figures, [Check(claim, value, SAME, at_least=False, problem=problem)], (small,))


def idle_memory(plan: Plan) -> Findings:
    """Resident bytes per idle actor, each contender in a process of its own."""
    sizes = {
        POOL: plan.size(1_000_000, 50_000),
        PYKKA: plan.size(2_000, 500),
        QUEUE: plan.size(100_000, 10_000),
        EVERYTHING: plan.size(100_000, 10_000),
        ERLANG: plan.size(1_000_000, 50_000),
    }

    def sample(name: str, actors: int) -> float:
        if name == ERLANG:
            return erlang.number("idle_bytes", actors)
        if name == EVERYTHING and everything.library is None:
            raise ContenderAbsentError(name)
        return idle.measure(name, actors)

    figures = []
    for name, actors in sizes.items():
        figure = Figure(name, BYTES, operations=actors)
        attempt(figure, partial(sample, name, actors), plan.size(240, 20))
        figures.append(figure)
    figures = [figure for figure in figures if not figure.absent]
    check = at_most(figures[0], IDLE_LIMIT, f"resident per idle actor at {sizes[POOL]:,}")
    return Findings(figures, [check])


def stop_all(plan: Plan) -> Findings:
    """``ActorRegistry.stop_all()``."""
    n = plan.size(5_000, 500)
    cases = [Case(kit.name, n, partial(scenarios.stop_all, kit)) for kit in (POOL_KIT, PYKKA_KIT)]
    figures = race(cases, plan, unit=ACTORS)
    return Findings(figures, references=(PYKKA,))


MEASURES = (
    Measure("lives", "start + tell + ask + stop, all alive together", lives, 300, 60),
    Measure("scaling", "time per actor, few and many alive", scaling, 240, 45),
    Measure("idle-memory", "resident memory per idle actor", idle_memory, 400, 60),
    Measure("stop-all", "stop all actors", stop_all, 180, 45),
)
