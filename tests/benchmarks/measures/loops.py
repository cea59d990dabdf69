"""The event-loop dispatcher beside what asyncio gives: asks on one loop, tells from other threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.benchmarks.contenders import everything, ours_loop, queue_actor
from tests.benchmarks.harness import Case, at_most, attempt, percentile, race, reach
from tests.benchmarks.model import (
    ASKS,
    EVERYTHING,
    LOOP,
    MESSAGES,
    QUEUE,
    SECONDS,
    UVLOOP_QUEUE,
    Figure,
    Findings,
    Measure,
    Plan,
)

ON_UVLOOP = f"{LOOP}, uvloop"
CALL_SOON = "call_soon_threadsafe"
UVLOOP_CALL_SOON = "call_soon_threadsafe, uvloop"
AT_ONCE = 0.001  # seconds: some ten times what a thread switch takes


def ask_from_coroutine(plan: Plan) -> Findings:
    """A coroutine asks an actor on its own loop, one ask at a time."""
    n = plan.size(40_000, 3_000)

    def ours(factory: queue_actor.LoopFactory, asks: int) -> float:
        return queue_actor.run(factory, ours_loop.ask_from_coroutine(asks))

    def by_hand(factory: queue_actor.LoopFactory, asks: int) -> float:
        return queue_actor.run(factory, queue_actor.ask_from_coroutine(asks))

    cases = [
        Case(LOOP, n, partial(ours, queue_actor.plain_loop)),
        Case(QUEUE, n, partial(by_hand, queue_actor.plain_loop)),
        Case(ON_UVLOOP, n, partial(ours, queue_actor.uv_loop)),
        Case(UVLOOP_QUEUE, n, partial(by_hand, queue_actor.uv_loop)),
        Case(EVERYTHING, n // 2, partial(everything.measured, everything.ask_from_coroutine)),
    ]
    figures = race(cases, plan, unit=ASKS)
    return Findings(figures, [reach(figures, LOOP, QUEUE, 1)], (QUEUE, UVLOOP_QUEUE))


def tell_from_thread(plan: Plan) -> Findings:
    """Messages from a plain thread to an actor on a loop in another thread."""
    n = plan.size(100_000, 10_000)
    plain = partial(queue_actor.call_soon, factory=queue_actor.plain_loop)
    cases = [
        Case(LOOP, n, ours_loop.tell_from_thread),
        Case(CALL_SOON, n, plain),
        Case(UVLOOP_CALL_SOON, n, partial(queue_actor.call_soon, factory=queue_actor.uv_loop)),
    ]
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [reach(figures, LOOP, CALL_SOON, 3)], (CALL_SOON,))


def wake_up(plan: Plan) -> Findings:
    """How long a message takes to an actor whose loop sleeps."""
    pauses = plan.size(200, 50)

    def latencies(job: Callable[..., None], **options: object) -> list[float]:
        taken: list[float] = []
        job(taken, pauses, 0.002, **options)
        if len(taken) != pauses:
            raise AssertionError(f"{pauses - len(taken)} of {pauses} messages were not handled")
        return taken

    jobs = {
        LOOP: partial(latencies, ours_loop.wake_up),
        CALL_SOON: partial(latencies, queue_actor.wake_up, factory=queue_actor.plain_loop),
        UVLOOP_CALL_SOON: partial(latencies, queue_actor.wake_up, factory=queue_actor.uv_loop),
    }
    medians = {name: Figure(f"{name}: median", SECONDS) for name in jobs}
    tails = {name: Figure(f"{name}: p99", SECONDS) for name in jobs}
    for _ in range(plan.rounds):
        for name, job in jobs.items():
            if medians[name].error:
                continue

            def sample(job: Callable[[], list[float]] = job, name: str = name) -> float:
                taken = job()
                tails[name].samples.append(percentile(taken, 99))
                return percentile(taken, 50)

            attempt(medians[name], sample, 30.0)
    figures = [f for name in jobs for f in (medians[name], tails[name]) if not medians[name].absent]
    check = at_most(medians[LOOP], AT_ONCE, "wakes a sleeping loop, median")
    return Findings(figures, [check])


MEASURES = (
    Measure("ask-loop", "ask from a coroutine, same loop", ask_from_coroutine, 120, 45),
    Measure("tell-loop", "tell from a thread to an event-loop actor", tell_from_thread, 120, 45),
    Measure("wake-up", "wake-up of a sleeping loop", wake_up, 60, 30),
)
