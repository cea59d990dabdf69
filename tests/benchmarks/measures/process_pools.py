"""Pools whose workers are processes."""

from __future__ import annotations

from functools import partial

import numpy as np

from tests.benchmarks.contenders import process_pools
from tests.benchmarks.contenders.process_pools import EXECUTOR, OURS
from tests.benchmarks.harness import Case, race, ratio
from tests.benchmarks.model import CALLS, Check, Findings, Measure, Plan

SIZE = 8 * 2**20  # bytes


def cpu(plan: Plan) -> Findings:
    """Jobs that keep a processor busy, on one process and on two."""
    jobs, rounds = plan.size(40, 8), plan.size(200_000, 20_000)
    one, two = (f"{OURS}; {processes} at once" for processes in (1, 2))
    cases = [
        Case(name, jobs, partial(process_pools.cpu_ours, processes=processes, rounds=rounds)) for name, processes in ((one, 1), (two, 2))
    ]
    figures = race(cases, plan, unit=CALLS)
    return Findings(figures, [Check("2 processes ÷ 1", ratio(figures, two, one), 1.7, at_least=True)], (one,))


def arrays(plan: Plan) -> Findings:
    """An array of 8 MiB goes to a process and comes back, in shared memory; and as bytes, through the pipe."""
    times = plan.size(100, 10)
    array = np.ones(SIZE // 8)
    shared, piped = f"{OURS}; an array, shared memory", f"{OURS}; bytes, pipe"
    executor = f"{EXECUTOR}; an array, pipe"
    cases = [
        Case(shared, times, partial(process_pools.there_and_back, what=array)),
        Case(piped, times, partial(process_pools.there_and_back, what=array.tobytes())),
        Case(executor, times, partial(process_pools.there_and_back_executor, what=array)),
    ]
    figures = race(cases, plan, unit=CALLS)
    return Findings(figures, [Check("shared memory ÷ pipe", ratio(figures, shared, piped), 1.5, at_least=True)], (piped, executor))


MEASURES = (
    Measure("pools-cpu", "CPU-bound jobs on processes", cpu, 300.0, 90.0),
    Measure("pools-arrays", "arrays of 8 MiB to a process and back", arrays, 300.0, 90.0),
)
