"""Waiting and blocking: chains of asks, handlers stuck in calls that nobody can see into."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.benchmarks.contenders import erlang, scenarios
from tests.benchmarks.contenders.kits import POOL_KIT, PYKKA_KIT, Kit, Start
from tests.benchmarks.harness import Case, at_most, attempt, percentile, race
from tests.benchmarks.model import (
    ACTORS,
    COUNT,
    ERLANG,
    POOL,
    PYKKA,
    SECONDS,
    Check,
    Figure,
    Findings,
    Measure,
    Plan,
)

STUCK = 1.0  # seconds that a blocker blocks
BLOCKERS = 10
OTHERS = 100
SPACING = 0.002  # seconds between the asks to the others
ROUNDS = ("first", "second")  # the second time the blockers' class is known


def chain(plan: Plan) -> Findings:
    """So many actors, each blocked in ``get()`` on the next."""
    n = plan.size(10_000, 1_000)
    threads: list[int] = []
    cases = [
        Case(POOL, n, partial(scenarios.chain, POOL_KIT, threads=threads)),
        # A thread for each: ten thousand are too many for most machines.
        Case(PYKKA, min(n, 1_000), partial(scenarios.chain, PYKKA_KIT, threads=[])),
        Case(ERLANG, n, partial(erlang.seconds, scenario="chain")),
    ]
    figures = race(cases, plan, unit=ACTORS)
    ours = figures[0]
    whole = Figure(f"{POOL}: whole chain", SECONDS, [n / rate for rate in ours.samples])
    most = Figure(f"{POOL}: threads at the deepest point", COUNT, [float(number) for number in threads[1:]])  # without the warm-up
    whole.error = most.error = ours.error
    checks = [
        at_most(whole, 1.0, f"a chain of {n:,}"),
        at_most(most, 9, "threads of the process meanwhile"),
    ]
    return Findings([*figures, whole, most], checks, (PYKKA,))


def _latencies(others: list[Any]) -> list[float]:
    """Ask the others in turn at fixed times while the blockers block; seconds from due time to reply.

    From the due time, not from the send: an ask that is late because the one before it was slow counts
    as slow too.
    """
    taken = []
    began = time.perf_counter()
    for number in range(int(STUCK / SPACING)):
        due = began + number * SPACING
        ahead = due - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        others[number % len(others)].ask(number, timeout=20)
        taken.append(time.perf_counter() - due)
    return taken


def _stuck(kit: Kit) -> dict[str, list[float]]:
    """Latencies beside blocked handlers, the first and the second time that class blocks."""
    found = {}
    with kit.session() as start:
        base = getattr(kit.library(), kit.base)
        sleeper = kit.roles.sleeper(base)
        others = [start(kit.role("echo")) for _ in range(OTHERS)]
        blockers = [start(sleeper) for _ in range(BLOCKERS)]
        for name in ROUNDS:
            for ref in (*others, *blockers):
                ref.ask(0, timeout=20)
            for ref in blockers:
                ref.tell(STUCK)
            found[name] = _latencies(others)
    return found


def _two_rounds(kits: tuple[Kit, ...], rounds: int, job: Callable[[Kit], dict[str, list[float]]]) -> dict[tuple[str, str, int], Figure]:
    """Median and p99 of what a job finds in its first and its second round."""
    figures = {
        (kit.name, name, percent): Figure(f"{kit.name}: {name} time, p{percent}", SECONDS)
        for kit in kits
        for name in ROUNDS
        for percent in (50, 99)
    }
    for _ in range(rounds):
        for kit in kits:
            mine = {key: figure for key, figure in figures.items() if key[0] == kit.name}

            def sample(kit: Kit = kit, mine: dict[Any, Figure] = mine) -> float:
                found = job(kit)
                for (_, name, percent), figure in mine.items():
                    figure.samples.append(percentile(found[name], percent))
                return 0.0

            whole = Figure(kit.name, SECONDS)
            attempt(whole, sample, 60.0)
            for figure in mine.values():
                figure.error = figure.error or whole.error
    return figures


def stuck(plan: Plan) -> Findings:
    """The latency of other actors beside handlers that block a thread."""
    figures = _two_rounds((POOL_KIT, PYKKA_KIT), plan.size(min(plan.rounds, 3), 1), _stuck)
    checks = [
        at_most(figures[POOL, "first", 50], 0.015, "others' latency, first time, median"),
        at_most(figures[POOL, "second", 50], 0.015, "others' latency, second time, median"),
        at_most(figures[POOL, "second", 99], 0.050, "others' latency, second time, p99"),
    ]
    return Findings(list(figures.values()), checks)


def _resumed(start: Start, waiter: Any, future_class: Any, sleeper: Any, count: int) -> list[float]:
    """Park so many handlers, block one, resolve the others' futures one by one meanwhile."""
    latencies: list[float] = []
    waiters = [start(waiter, latencies) for _ in range(count)]
    futures = [future_class() for _ in waiters]
    for ref, future in zip(waiters, futures, strict=True):
        ref.tell(future)
    time.sleep(0.3)  # all of them wait in get() by now
    sleeper.tell(STUCK)
    time.sleep(0.02)
    pause = 0.6 * STUCK / count
    for future in futures:
        future.set(time.perf_counter())
        time.sleep(pause)
    end = time.perf_counter() + 20
    while len(latencies) < count and time.perf_counter() < end:
        time.sleep(0.01)
    if len(latencies) < count:
        raise AssertionError(f"{count - len(latencies)} of {count} handlers did not resume")
    sleeper.ask(0, timeout=20)
    for ref in waiters:
        ref.stop(block=False)
    return latencies


def _resume(kit: Kit, count: int) -> dict[str, list[float]]:
    library = kit.library()
    base = getattr(library, kit.base)
    future_class = getattr(library, "ThreadingFuture", None) or library.Future
    sleeper, waiter = kit.roles.sleeper(base), kit.roles.waiter(base)
    with kit.session() as start:
        blocker = start(sleeper)
        return {name: _resumed(start, waiter, future_class, blocker, count) for name in ROUNDS}


def resume(plan: Plan) -> Findings:
    """How soon parked handlers go on beside one that sleeps."""
    count = plan.size(1_000, 200)
    rounds = plan.size(min(plan.rounds, 3), 1)
    figures = _two_rounds((POOL_KIT, PYKKA_KIT), rounds, lambda kit: _resume(kit, count))
    note = "The first time, what is parked on the sleeper's thread waits with it, by design."
    return Findings(list(figures.values()), _within(figures), note=note)


def _within(figures: dict[tuple[str, str, int], Figure]) -> list[Check]:
    """The bound for the second time is the one that the table gives for other actors' latency."""
    return [at_most(figures[POOL, "second", 99], 0.050, "parked handlers resume, second time, p99")]


MEASURES = (
    Measure("chain", "actors blocked in get() on one another", chain, 180, 45),
    Measure("stuck", "other actors beside handlers stuck 1 s", stuck, 90, 45),
    Measure("resume", "parked handlers beside one that sleeps", resume, 120, 45),
)
