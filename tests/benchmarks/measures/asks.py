"""Asks and replies: actor to actor, from a plain thread, through a proxy."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import erlang, everything, queue_actor, scenarios
from tests.benchmarks.contenders.kits import LOOP_KIT, POOL_KIT, PYKKA_KIT, THREAD_KIT
from tests.benchmarks.harness import Case, race, reach
from tests.benchmarks.model import (
    ASKS,
    CALLS,
    ERLANG,
    EVERYTHING,
    POOL,
    PYKKA,
    QUEUE,
    UVLOOP_QUEUE,
    Findings,
    Measure,
    Plan,
)


def between_actors(plan: Plan) -> Findings:
    """Blocking ask, actor to actor; the loops' actors await instead."""
    n = plan.size(50_000, 3_000)

    def on_loop(factory: queue_actor.LoopFactory, asks: int) -> float:
        return queue_actor.run(factory, queue_actor.ask_between_actors(asks))

    job = scenarios.ask_between_actors
    cases = [
        Case(POOL, n, partial(job, POOL_KIT)),
        Case(LOOP_KIT.name, n, partial(job, LOOP_KIT)),
        Case(THREAD_KIT.name, n // 5, partial(job, THREAD_KIT)),
        Case(PYKKA, n // 5, partial(job, PYKKA_KIT)),
        Case(QUEUE, n // 2, partial(on_loop, queue_actor.plain_loop)),
        Case(UVLOOP_QUEUE, n // 2, partial(on_loop, queue_actor.uv_loop)),
        Case(EVERYTHING, n // 5, partial(everything.measured, everything.ask_between_actors)),
        Case(ERLANG, n, partial(erlang.seconds, scenario="ask_between_actors")),
    ]
    figures = race(cases, plan, unit=ASKS)
    return Findings(figures, [reach(figures, POOL, PYKKA, 6)], (PYKKA,))


def from_thread(plan: Plan) -> Findings:
    """Blocking ask from the main thread."""
    n = plan.size(15_000, 2_000)
    cases = [
        *[Case(kit.name, n, partial(scenarios.ask_from_thread, kit)) for kit in (POOL_KIT, LOOP_KIT, THREAD_KIT, PYKKA_KIT)],
        Case(ERLANG, n, partial(erlang.seconds, scenario="ask_from_process")),
    ]
    figures = race(cases, plan, unit=ASKS)
    return Findings(figures, [reach(figures, POOL, PYKKA, 1)], (PYKKA,))


def proxy(plan: Plan) -> Findings:
    """A method call through a proxy from the main thread."""
    n = plan.size(15_000, 2_000)
    cases = [Case(kit.name, n, partial(scenarios.proxy_from_thread, kit)) for kit in (POOL_KIT, THREAD_KIT, PYKKA_KIT)]
    figures = race(cases, plan, unit=CALLS)
    return Findings(figures, [reach(figures, POOL, PYKKA, 1)], (PYKKA,))


MEASURES = (
    Measure("ask-actor", "blocking ask, actor → actor", between_actors, 180, 60),
    Measure("ask-thread", "ask from a plain thread", from_thread, 120, 45),
    Measure("proxy-thread", "proxy call from a plain thread", proxy, 120, 45),
)
