"""Dynamic batching: what it gives many clients, and what it costs a single one."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

from actors.routers import Batch
from tests.benchmarks.contenders import batching
from tests.benchmarks.harness import Case, attempt, race, reach
from tests.benchmarks.model import ASKS, SECONDS, Check, Figure, Findings, Measure, Plan

CLIENTS = 64
BATCH = Batch(most=64, within=0.005)
MODELS: dict[str, Callable[[], batching.Embed]] = {"scikit-learn": batching.trained, "stand-in": batching.stand_in}


def throughput(plan: Plan, *, model: str) -> Findings:
    """64 clients, each of which asks again when it has its answer."""
    n = plan.size(64 * 100, 64 * 4)
    figures: list[Figure] = []
    checks = []
    for who, run in (("coroutines", batching.coroutines), ("threads", batching.threads)):
        batched, single = f"{CLIENTS} {who}, batched", f"{CLIENTS} {who}, one by one"
        cases = [
            Case(batched, n, partial(run, model=MODELS[model], batch=BATCH, clients=CLIENTS)),
            Case(single, max(CLIENTS, n // 8), partial(run, model=MODELS[model], batch=None, clients=CLIENTS)),
        ]
        found = race(cases, plan, unit=ASKS)
        figures += found
        checks.append(reach(found, batched, single, 5.0))
    alone = [
        Case(f"the model alone, for {most} at once", max(CLIENTS, n // share), partial(batching.calls, model=MODELS[model], most=most))
        for most, share in ((CLIENTS, 1), (1, 8))
    ]
    figures += race(alone, plan, unit=ASKS)
    return Findings(figures, checks, (f"{CLIENTS} coroutines, one by one",), "One worker.")


def latency(plan: Plan, *, model: str) -> Findings:
    """One client, which waits for company in vain."""
    asks = plan.size(400, 40)
    batched, single = (Figure(f"one client, {how}: median", SECONDS, operations=asks) for how in ("batched", "one by one"))
    for _ in range(plan.rounds):
        for figure, batch in ((batched, BATCH), (single, None)):
            attempt(figure, partial(batching.latency, asks, model=MODELS[model], batch=batch), plan.patience)
    added = [one - other for one, other in zip(batched.samples, single.samples, strict=False)]
    value = statistics.median(added) if added else None
    claim = "what batching adds to the median of a single client"
    check = Check(claim, value, BATCH.within, at_least=False, unit=SECONDS, problem=batched.error or single.error)
    return Findings([batched, single], [check], note=f"A job waits for company for {BATCH.within * 1000:g} ms at most.")


MEASURES = tuple(
    Measure(f"batching-{what}-{model}", f"{title}; {model}", partial(run, model=model), 300.0, 90.0)
    for model in MODELS
    for what, title, run in (
        ("clients", "64 clients and a model that costs by the call", throughput),
        ("latency", "a single client and a pool that waits for a batch", latency),
    )
)
