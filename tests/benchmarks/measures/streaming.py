"""Streams: elements a second beside asyncio's queues, memory over a gigabyte, a stage in processes."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.contenders import stream_memory, streaming
from tests.benchmarks.harness import Case, at_most, attempt, find, race, ratio, reach
from tests.benchmarks.model import BYTES, CALLS, ELEMENTS, QUEUE, Check, Figure, Findings, Measure, Plan

OURS, TASKS, BUILT_IN = "greenroom: stream", f"five tasks, {QUEUE}", "one loop: map(), filter(), sum()"
ELEMENTS_A_SECOND = 300_000
GIGABYTE = 10**9
# Bytes. What grows with the input at all, be it a byte for a line, grows by some 20 MB in nine tenths of a gigabyte.
CONSTANT = 4 * 2**20


def numbers(plan: Plan) -> Findings:
    """Source, map, filter, map, fold over numbers."""
    n = plan.size(500_000, 20_000)
    cases = [
        Case(OURS, n, streaming.numbers_as_stream),
        Case(TASKS, n, streaming.numbers_as_tasks),
        Case(BUILT_IN, n, streaming.built_in),
    ]
    figures = race(cases, plan, unit=ELEMENTS)
    return Findings(figures, _checks(figures), (TASKS,))


def lines(plan: Plan) -> Findings:
    """Source.lines, map, filter, map, fold: the words of real text are counted."""
    n = plan.size(500_000, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text")
        streaming.write_lines(path, n)
        cases = [
            Case(OURS, n, partial(streaming.lines_as_stream, path=path)),
            Case(TASKS, n, partial(streaming.lines_as_tasks, path=path)),
        ]
        figures = race(cases, plan, unit=ELEMENTS)
    return Findings(figures, _checks(figures), (TASKS,), "The standard library's own modules, again and again.")


def _checks(figures: list[Figure]) -> list[Check]:
    ours = find(figures, OURS)
    rate = Check(f"{OURS}: five stages", ours and ours.median, ELEMENTS_A_SECOND, at_least=True, unit=ELEMENTS)
    return [rate, reach(figures, OURS, TASKS, 1.0)]


def memory(plan: Plan) -> Findings:
    """How far the peak of memory is from constant: what the last nine tenths of the input add to that of the first."""
    size = plan.size(GIGABYTE, GIGABYTE // 50)
    tenth, added = Figure("peak after a tenth", BYTES), Figure("what the rest adds to it", BYTES)

    def sample() -> float:
        peaks = stream_memory.measure(size)
        tenth.samples.append(float(peaks.at_a_tenth))
        return float(peaks.at_the_end - peaks.at_a_tenth)

    for _ in range(plan.size(min(plan.rounds, 2), 1)):
        attempt(added, sample, 240.0)
    tenth.error = added.error
    check = at_most(added, CONSTANT, f"peak of memory after {size:,} bytes less that after a tenth of them")
    return Findings([tenth, added], [check], note="Lines of text through five stages, in a process of its own.")


def cpu(plan: Plan) -> Findings:
    """A stage that keeps a processor busy, on one process and on two."""
    jobs, rounds = plan.size(40, 8), plan.size(200_000, 20_000)
    one, two = (f"{OURS}; {processes} at once" for processes in (1, 2))
    cases = [Case(name, jobs, partial(streaming.in_processes, processes=count, rounds=rounds)) for name, count in ((one, 1), (two, 2))]
    figures = race(cases, plan, unit=CALLS)
    return Findings(figures, [Check("2 processes ÷ 1", ratio(figures, two, one), 1.7, at_least=True)], (one,))


MEASURES = (
    Measure("streams-numbers", "numbers through five stages", numbers, 180.0, 60.0),
    Measure("streams-lines", "lines of text through five stages", lines, 180.0, 60.0),
    Measure("streams-memory", "memory of five stages, by how much goes through", memory, 500.0, 60.0),
    Measure("streams-cpu", "a CPU-bound stage on processes", cpu, 300.0, 90.0),
)
