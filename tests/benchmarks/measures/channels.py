"""Channels beside queues: between threads, and between coroutines on one loop."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import channels
from tests.benchmarks.harness import Case, race, reach
from tests.benchmarks.model import MESSAGES, QUEUE, Findings, Measure, Plan

OURS, STANDARD, TRIO = "greenroom: channel", "queue.Queue", "trio memory channel"
CAPACITIES = {1: "for one value", 10: "for 10", 100: "for 100", 1000: "for 1000", 0: "for any number"}
JUDGED = (100, 1000)  # with little room what counts is how long the machine takes to switch threads

BETWEEN_THREADS = {
    OURS: channels.channel,
    STANDARD: channels.standard,
    "queue.SimpleQueue": channels.simple,
    "culsans": channels.culsans,
    "aiologic": channels.aiologic,
}
BETWEEN_COROUTINES = {
    OURS: channels.channel_async,
    QUEUE: channels.asyncio_queue,
    "culsans": channels.culsans_async,
    "aiologic": channels.aiologic_async,
    "janus": channels.janus_async,
}


def threads(plan: Plan, *, capacity: int) -> Findings:
    """One thread sends, another receives."""
    n = plan.size(10_000 if capacity == 1 else 100_000, 1_000 if capacity == 1 else 5_000)
    cases = [Case(name, n, partial(channels.threads, make=make, capacity=capacity)) for name, make in BETWEEN_THREADS.items()]
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [reach(figures, OURS, STANDARD, 3.0)] if capacity in JUDGED else [], (STANDARD,))


def coroutines(plan: Plan, *, capacity: int) -> Findings:
    """One coroutine sends, another on the same loop receives."""
    n = plan.size(20_000 if capacity == 1 else 100_000, 1_000 if capacity == 1 else 5_000)
    cases = [Case(name, n, partial(channels.coroutines, make=make, capacity=capacity)) for name, make in BETWEEN_COROUTINES.items()]
    cases.append(Case(TRIO, n, partial(channels.trio_channel, capacity=capacity)))
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [reach(figures, OURS, QUEUE, 1.0)] if capacity in JUDGED else [], (QUEUE,))


MEASURES = tuple(
    Measure(
        f"channels-{between}-{capacity or 'unbounded'}",
        f"values from one {party} to another, with room {room}",
        partial(run, capacity=capacity),
        120.0,
        60.0,
    )
    for between, party, run in (("threads", "thread", threads), ("coroutines", "coroutine on the same loop", coroutines))
    for capacity, room in CAPACITIES.items()
)
