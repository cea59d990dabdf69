"""What routing adds to a send, for each strategy."""

from __future__ import annotations

import statistics
from functools import partial

from actors.routers import ConsistentHash, LeastLoaded, RandomRouting, RoundRobin
from tests.benchmarks.contenders import routing
from tests.benchmarks.harness import Case, find, race
from tests.benchmarks.model import MESSAGES, Check, Figure, Findings, Measure, Plan

DIRECT = "a direct tell"
STRATEGIES = {
    "RoundRobin": RoundRobin(),
    "RandomRouting": RandomRouting(),
    "ConsistentHash": ConsistentHash(lambda message: message),
    "LeastLoaded": LeastLoaded(),
}
# Microseconds. The least load is looked for among four actors that all have something to do, so all of them are looked at.
LIMITS = {"RoundRobin": 0.5, "RandomRouting": 0.5, "ConsistentHash": 0.5, "LeastLoaded": 0.5}


def added(figures: list[Figure], name: str) -> Check:
    """Check how many microseconds a strategy adds to a direct tell, by the median of the differences within each round."""
    one, direct = find(figures, name), find(figures, DIRECT)
    samples = zip(one.samples, direct.samples, strict=False) if one is not None and direct is not None else ()
    differences = [1e6 / rate - 1e6 / least for rate, least in samples]
    value = statistics.median(differences) if differences else None
    return Check(f"{name} less {DIRECT}", value, LIMITS[name], at_least=False, unit="µs")


def tell(plan: Plan) -> Findings:
    """Tell four actors, in turn or by a strategy."""
    n = plan.size(100_000, 5_000)
    cases = [Case(DIRECT, n, routing.sends)]
    cases += [Case(name, n, partial(routing.sends, routing=strategy)) for name, strategy in STRATEGIES.items()]
    figures = race(cases, plan, unit=MESSAGES)
    return Findings(figures, [added(figures, name) for name in STRATEGIES], (DIRECT,))


MEASURES = (Measure("routers-tell", "messages told to four busy actors, directly and through a router", tell, 60.0, 30.0),)
