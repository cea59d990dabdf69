"""Supervision: what a restart costs, and that neither it nor a life depends on how many siblings there are."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import bare, supervised
from tests.benchmarks.harness import Case, find, race, ratio
from tests.benchmarks.model import ACTORS, BARE, MESSAGES, RUNS, Check, Findings, Measure, Plan

ASK = "ask of a child"
CRASH = "crash, restart, ask"
RATE = 15_000  # restarts a second
SAME = 1.3  # rounds of one and the same size differ by that much
CLASS = 75e-6  # seconds from crash to running


def restarts(plan: Plan) -> Findings:
    """Restarts without backoff: of one child again and again, and of many at once."""
    n, many = plan.size(5_000, 500), plan.size(100_000, 2_000)
    crowd, together = f"{CRASH}, {many:,} siblings", "all of many at once"
    cases = [
        Case(BARE, n * 100, bare.messages),
        Case(ASK, n, partial(supervised.one_by_one, siblings=10, crashes=False)),
        Case(CRASH, n, partial(supervised.one_by_one, siblings=10, crashes=True)),
        Case(crowd, n, partial(supervised.one_by_one, siblings=many, crashes=True)),
        Case(together, plan.size(20_000, 1_000), supervised.all_together),
    ]
    figures = race(cases, plan, unit=RUNS, rounds=min(plan.rounds, 3))
    found = {case: find(figures, case) for case in (ASK, CRASH, together)}
    medians = {case: figure.median if figure else None for case, figure in found.items()}
    ask, crash = medians[ASK], medians[CRASH]
    cost = 1 / crash - 1 / ask if ask and crash else None
    checks = [
        Check("crash to running, of a child without backoff", cost, CLASS, at_least=False, unit="s"),
        Check(together, medians[together], RATE, at_least=True, unit=MESSAGES.replace("messages", "restarts")),
        Check(f"time per restart, {many:,} ÷ 10 siblings", ratio(figures, CRASH, crowd), SAME, at_least=False),
    ]
    return Findings(figures, checks, (BARE,))


def lives(plan: Plan) -> Findings:
    """Children started and ended, few and many under one supervisor."""
    few, many = plan.size(1_000, 200), plan.size(100_000, 2_000)
    checks: list[Check] = []
    cases: list[Case] = []
    for kind, dynamic in (("Supervisor", False), ("DynamicSupervisor", True)):
        cases.append(Case(f"{kind}, {few:,}", max(few, many // 5), partial(supervised.life, siblings=few, dynamic=dynamic)))
        cases.append(Case(f"{kind}, {many:,}", many, partial(supervised.life, siblings=many, dynamic=dynamic)))
    figures = race(cases, plan, unit=ACTORS, rounds=min(plan.rounds, 3))
    for small, large in zip(cases[::2], cases[1::2], strict=True):
        value = ratio(figures, small.contender, large.contender)
        checks.append(Check(f"time per child, {large.contender} ÷ {small.contender}", value, SAME, at_least=False))
    return Findings(figures, checks, (cases[0].contender,))


MEASURES = (
    Measure("restarts", "restarts of supervised actors", restarts, 600.0, 60.0),
    Measure("supervised-lives", "children started and ended by a supervisor", lives, 600.0, 60.0),
)
