"""What a job of a pool costs, when what it does costs nothing."""

from __future__ import annotations

from functools import partial

from actors.routers import ConsistentHash, RoundRobin
from tests.benchmarks.contenders import pool_jobs
from tests.benchmarks.harness import Case, race
from tests.benchmarks.model import JOBS, Findings, Measure, Plan

ACTOR, OURS, EXECUTOR = "one actor, no pool", "greenroom: Pool", "ThreadPoolExecutor"


def tell(plan: Plan) -> Findings:
    """From the first send until the last job is done."""
    n = plan.size(100_000, 3_000)
    cases = [
        Case(ACTOR, n, pool_jobs.tell_actor),
        Case(OURS, n, pool_jobs.tell_pool),
        Case(f"{OURS}, RoundRobin", n, partial(pool_jobs.tell_pool, routing=RoundRobin())),
        Case(f"{OURS}, ConsistentHash", n, partial(pool_jobs.tell_pool, routing=ConsistentHash(lambda number: number % 1000))),
        Case(EXECUTOR, n, pool_jobs.submit_jobs),
    ]
    return Findings(race(cases, plan, unit=JOBS), references=(ACTOR, EXECUTOR), note="Four workers.")


def ask(plan: Plan) -> Findings:
    """A plain thread waits for each answer; of the executor, ``submit().result()``."""
    n = plan.size(20_000, 1_000)
    cases = [
        Case(ACTOR, n, pool_jobs.ask_actor),
        Case(OURS, n, pool_jobs.ask_pool),
        Case(EXECUTOR, n, pool_jobs.submit_and_wait),
    ]
    return Findings(race(cases, plan, unit=JOBS), references=(ACTOR, EXECUTOR), note="Four workers.")


MEASURES = (
    Measure("pools-tell", "jobs told to a pool", tell, 180.0, 60.0),
    Measure("pools-ask", "jobs asked of a pool, one at a time", ask, 180.0, 60.0),
)
