"""One-way messages, ping-pong and the ring: plain and traced."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import bare, erlang, everything, queue_actor, scenarios
from tests.benchmarks.contenders.kits import LOOP_KIT, POOL_KIT, PYKKA_KIT, THREAD_KIT, TRACED_KIT
from tests.benchmarks.harness import Case, race, reach
from tests.benchmarks.model import (
    BARE,
    ERLANG,
    EVERYTHING,
    MESSAGES,
    POOL,
    PYKKA,
    QUEUE,
    TRACED,
    UVLOOP_QUEUE,
    Findings,
    Measure,
    Plan,
)


def count(plan: Plan) -> Findings:
    """Count: a plain thread sends, one actor handles."""
    n = plan.size(300_000, 20_000)
    cases = [
        Case(BARE, n, bare.messages),
        # The same number for all: a sender that is done before the receiver gets a turn has it easy.
        *[Case(kit.name, n, partial(scenarios.count, kit)) for kit in (POOL_KIT, LOOP_KIT, THREAD_KIT, PYKKA_KIT)],
        Case(QUEUE, n, lambda n: queue_actor.run(queue_actor.plain_loop, queue_actor.count(n))),
        Case(UVLOOP_QUEUE, n, lambda n: queue_actor.run(queue_actor.uv_loop, queue_actor.count(n))),
        Case(EVERYTHING, n, partial(everything.measured, everything.count)),
        Case(ERLANG, n, partial(erlang.seconds, scenario="count")),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    checks = [reach(figures, POOL, BARE, 0.25), reach(figures, POOL, PYKKA, 10)]
    return Findings(figures, checks, (BARE, PYKKA))


def _ring(plan: Plan, size: int) -> Findings:
    n = plan.size(200_000, 10_000)

    def on_loop(factory: queue_actor.LoopFactory, hops: int) -> float:
        return queue_actor.run(factory, queue_actor.ring(hops, size=size))

    cases = [
        Case(BARE, n, bare.messages),
        *[
            Case(kit.name, hops, partial(scenarios.ring, kit, size=size))
            for kit, hops in (
                (POOL_KIT, n),
                (LOOP_KIT, n),
                (THREAD_KIT, n // 10),
                (PYKKA_KIT, n // 10),
            )
        ],
        Case(QUEUE, n // 4, partial(on_loop, queue_actor.plain_loop)),
        Case(UVLOOP_QUEUE, n // 4, partial(on_loop, queue_actor.uv_loop)),
        Case(EVERYTHING, n // 4, partial(everything.measured, everything.ring, size=size)),
        Case(ERLANG, n, partial(erlang.seconds, scenario="ring", size=size)),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    checks = [reach(figures, POOL, BARE, 0.17), reach(figures, POOL, PYKKA, 12)]
    return Findings(figures, checks, (BARE, PYKKA))


def ping_pong(plan: Plan) -> Findings:
    """Two actors, one message between them."""
    return _ring(plan, 2)


def thread_ring(plan: Plan) -> Findings:
    """A hundred actors, one message that goes round."""
    return _ring(plan, 100)


def traced_count(plan: Plan) -> Findings:
    """One-way messages with correlation and tracing on."""
    n = plan.size(200_000, 20_000)
    cases = [
        Case(BARE, n, bare.messages),
        Case(POOL, n, partial(scenarios.count, POOL_KIT)),
        Case(TRACED, n, partial(scenarios.count, TRACED_KIT)),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [reach(figures, TRACED, BARE, 0.12)], (BARE, POOL))


def traced_ping_pong(plan: Plan) -> Findings:
    """Ping-pong with correlation and tracing on."""
    n = plan.size(200_000, 10_000)
    cases = [
        Case(BARE, n, bare.messages),
        Case(POOL, n, partial(scenarios.ring, POOL_KIT, size=2)),
        Case(TRACED, n, partial(scenarios.ring, TRACED_KIT, size=2)),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [reach(figures, TRACED, BARE, 0.07)], (BARE, POOL))


MEASURES = (
    Measure("count", "one-way messages, outside → actor", count, 240, 60),
    Measure("ping-pong", "ping-pong between two actors", ping_pong, 240, 60),
    Measure("ring", "thread ring of 100 actors", thread_ring, 240, 60),
    Measure("count-traced", "one-way messages, tracing on", traced_count, 120, 45),
    Measure("ping-pong-traced", "ping-pong, tracing on", traced_ping_pong, 120, 45),
)
