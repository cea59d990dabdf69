"""What looking at many actors takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.contenders import looking
from tests.benchmarks.model import SECONDS, Check, Figure, Findings, Measure, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

TREE, DUMP = 0.5, 2.0  # seconds


def look(plan: Plan) -> Findings:
    """Count 100,000 actors; dump them while a tenth of them is parked."""
    actors = plan.size(100_000, 2_000)
    cases: tuple[tuple[str, float, Callable[[], float]], ...] = (
        (f"counts of {actors:,} actors", TREE, lambda: looking.seconds_of_tree(actors)),
        (f"a dump of {actors:,} actors, {actors // 10:,} of them parked", DUMP, lambda: looking.seconds_of_dump(actors, actors // 10)),
    )
    figures, checks = [], []
    for name, limit, take in cases:
        figure = Figure(name, SECONDS, [take() for _ in range(plan.rounds)], operations=actors)
        figures.append(figure)
        checks.append(Check(name, min(figure.samples), limit, at_least=False, unit=SECONDS))
    return Findings(figures, checks)


MEASURES = (Measure("observe-look", "looking at very many actors", look, 240.0, 60.0),)
