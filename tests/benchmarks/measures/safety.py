"""What must not happen under load: an ask that hangs, a message that is lost or out of order."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import races
from tests.benchmarks.contenders.kits import LOOP_KIT, POOL_KIT, PYKKA_KIT, THREAD_KIT, Kit
from tests.benchmarks.harness import Case, find, race
from tests.benchmarks.model import (
    COUNT,
    MESSAGES,
    POOL,
    PYKKA,
    TRIES,
    Check,
    Figure,
    Findings,
    Measure,
    Plan,
)


def stop_race(plan: Plan) -> Findings:
    """Asks that race with the stop of their actor."""
    tries = plan.size(1_000_000, 20_000)
    sizes = {POOL_KIT: tries, LOOP_KIT: tries // 10, THREAD_KIT: tries // 50, PYKKA_KIT: tries // 50}
    figures: list[Figure] = []
    checks: list[Check] = []
    for kit, amount in sizes.items():
        tally = races.Tally()
        # One round: the tries are what counts, not the rate.
        figures += race(
            [Case(kit.name, amount, partial(races.asks_and_stops, kit, tally=tally))],
            plan,
            unit=TRIES,
            rounds=1,
            limit=plan.size(240, 15),
        )
        unresolved = Figure(f"{kit.name}: hung, wrong or twice", COUNT, [float(tally.bad)])
        unresolved.error = figures[-1].error
        figures.append(unresolved)
        if kit is not PYKKA_KIT:
            claim = f"{kit.name}: of {tally.tries or amount:,} asks hung, wrong or resolved twice"
            checks.append(Check(claim, tally.bad, 0, at_least=False, unit=COUNT, problem="failed" if unresolved.error else ""))
    return Findings(figures, checks)


def burst(plan: Plan) -> Findings:
    """Eight threads tell one actor; the handler checks every number."""
    n = plan.size(1_000_000, 40_000)
    disorder: dict[str, int] = {}

    def run(kit: Kit, messages: int) -> float:
        return races.burst(kit, messages, senders=8, disorder=disorder)

    cases = [Case(POOL, n, partial(run, POOL_KIT)), Case(PYKKA, n, partial(run, PYKKA_KIT))]
    figures = race(cases, plan, unit=MESSAGES, rounds=plan.size(min(plan.rounds, 3), 1))
    ours = find(figures, POOL)
    problem = "failed" if ours is None or ours.error else ""
    claim = f"of {n:,} messages lost or out of a sender's order"
    value = disorder.get(POOL)
    check = Check(claim, value, 0, at_least=False, unit=COUNT, problem=problem)
    return Findings(figures, [check], (PYKKA,))


MEASURES = (
    Measure("stop-race", "asks racing with stop", stop_race, 600, 90),
    Measure("burst", "burst of tells from 8 threads", burst, 180, 45),
)
