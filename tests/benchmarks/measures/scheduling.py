"""The scheduler: timers by the million, blocking calls on threads, CPU-bound work on processes."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import scheduling
from tests.benchmarks.contenders.scheduling import ASYNCIO, OURS
from tests.benchmarks.harness import Case, at_most, attempt, percentile, race, ratio
from tests.benchmarks.model import BYTES, CALLS, SECONDS, Check, Figure, Findings, Measure, Plan

MANY, FEW = 1_000_000, 1_000
LATE = 0.005  # seconds
CALLS_AT_ONCE, WORKERS = 400, 4


def memory(plan: Plan) -> Findings:
    """What each of very many pending messages keeps resident."""
    timers = plan.size(MANY, 50_000)
    figures = []
    for contender in (OURS, ASYNCIO):
        figure = Figure(contender, BYTES, operations=timers)
        for _ in range(min(plan.rounds, 3)):
            attempt(figure, partial(scheduling.bytes_per_timer, contender, timers), plan.patience)
        figures.append(figure)
    return Findings(figures, [at_most(figures[0], 250, f"bytes for each of {timers:,} pending messages, handle included")], (ASYNCIO,))


def insertion(plan: Plan) -> Findings:
    """A timer is made and cancelled, beside few others and beside very many."""
    many, n = plan.size(MANY, 20_000), plan.size(50_000, 5_000)
    pending = {f"{name}; {beside:,} others wait": scheduling.Pending(name, beside) for name in (OURS, ASYNCIO) for beside in (FEW, many)}
    figures = race([Case(name, n, one.measured) for name, one in pending.items()], plan, unit=CALLS)
    for one in pending.values():
        one.close()
    few_ours, many_ours = (f"{OURS}; {beside:,} others wait" for beside in (FEW, many))
    # Logarithms of a million and of a thousand are 2 : 1; the rest is for memory that is not in the processor's cache.
    check = Check(f"time beside {many:,} ÷ time beside {FEW:,}", ratio(figures, few_ours, many_ours), 4.0, at_least=False)
    return Findings(figures, [check], (f"{ASYNCIO}; {many:,} others wait",))


def lateness(plan: Plan) -> Findings:
    """How late messages are handled while very many wait, and others are made and cancelled."""
    many, rate = plan.size(MANY, 20_000), plan.size(2_000, 500)
    middle, worst = (Figure(f"{OURS}: {which}", SECONDS) for which in ("median", "99 of 100 within"))

    def measured() -> float:
        late = scheduling.lateness(many, rate, 3.0)
        worst.samples.append(percentile(late, 99))
        return percentile(late, 50)

    for _ in range(plan.rounds):
        attempt(middle, measured, 2 * plan.patience)
    return Findings(
        [middle, worst], [at_most(middle, LATE, f"lateness, median; {rate:,} messages a second are due beside {many:,} that wait")]
    )


def blocking(plan: Plan) -> Findings:
    """Calls that block for 10 ms on four threads."""
    calls = plan.size(CALLS_AT_ONCE, 40)
    executor = "ThreadPoolExecutor"
    figures = []
    for name, run in ((OURS, scheduling.blocking_ours), (executor, scheduling.blocking_executor)):
        figure = Figure(f"{name}: {calls} calls on {WORKERS}", SECONDS)
        for _ in range(plan.rounds):
            attempt(figure, partial(run, calls, WORKERS), plan.patience)
        figures.append(figure)
    return Findings(figures, [at_most(figures[0], 1.1 * calls * scheduling.BLOCK / WORKERS)])


def cpu(plan: Plan) -> Findings:
    """Work that keeps a processor busy, on one process and on two."""
    jobs, rounds = plan.size(40, 8), plan.size(200_000, 20_000)
    executor = "ProcessPoolExecutor"
    makers = ((OURS, scheduling.cpu_ours), (executor, scheduling.cpu_executor))
    cases = [
        Case(f"{name}; {processes} at once", jobs, partial(run, processes=processes, rounds=rounds))
        for name, run in makers
        for processes in (1, 2)
    ]
    figures = race(cases, plan, unit=CALLS)
    check = Check("2 processes ÷ 1", ratio(figures, f"{OURS}; 2 at once", f"{OURS}; 1 at once"), 1.7, at_least=True)
    return Findings(figures, [check], (f"{executor}; 1 at once", f"{executor}; 2 at once"))


MEASURES = (
    Measure("scheduler-memory", "messages that wait for their time: what each keeps resident", memory, 240.0, 60.0),
    Measure("scheduler-insertion", "a message is scheduled and cancelled", insertion, 240.0, 60.0),
    Measure("scheduler-lateness", "how late messages are", lateness, 300.0, 60.0),
    Measure("scheduler-blocking", "calls that block for 10 ms", blocking, 120.0, 60.0),
    Measure("scheduler-cpu", "CPU-bound work on processes", cpu, 300.0, 90.0),
)
