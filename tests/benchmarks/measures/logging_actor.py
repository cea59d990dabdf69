"""The logging actor beside other loggers: what a call costs, how many lines it writes, what it does under too many, whether any is lost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from actors.logs import Overload
from tests.benchmarks.contenders import log_account, log_flood, log_storm, loggers
from tests.benchmarks.harness import Case, at_most, attempt, percentile, race, ratio, reach
from tests.benchmarks.model import BYTES, CALLS, COUNT, LINES, SECONDS, Check, Figure, Findings, Measure, Plan

TEXT, JSON, SHAPED, UNTRACED = "greenroom: TEXT", "greenroom: JSON", "greenroom: loguru's format", "greenroom: TEXT, correlation=False"
LOGURU, LOGURU_JSON, ENQUEUE = "loguru", "loguru, serialize=True", "loguru, enqueue=True"
STANDARD, QUEUE = "logging", "logging, QueueHandler"
PICO, PICO_QUEUE = "picologging", "picologging, QueueHandler"
OPENERS = {
    TEXT: loggers.TEXT,
    JSON: loggers.JSON,
    SHAPED: loggers.SHAPED,
    UNTRACED: loggers.UNTRACED,
    LOGURU: loggers.LOGURU,
    LOGURU_JSON: loggers.LOGURU_JSON,
    ENQUEUE: loggers.LOGURU_ENQUEUE,
    STANDARD: loggers.STANDARD,
    QUEUE: loggers.STANDARD_QUEUE,
    PICO: loggers.PICO,
    PICO_QUEUE: loggers.PICO_QUEUE,
}
ON_TIME = 0.020  # seconds
MOST = Overload().drop_at + log_storm.PRODUCERS  # lines: each producer may be past its look at the queue
MEMORY = 64 * 2**20  # bytes: a kilobyte for each line that may wait


def _less(figures: Sequence[Figure], contender: str, reference: str, limit: float) -> Check:
    """Check that a line takes the contender no more than so many times what it takes the reference."""
    value = ratio(figures, reference, contender)
    return Check(f"time per call, {contender} ÷ {reference}", value, limit, at_least=False)


def calls(plan: Plan) -> Findings:
    """What a call costs the handler that logs."""
    n = plan.size(5, 1) * loggers.BURST
    names = [name for name in OPENERS if name not in {SHAPED, LOGURU_JSON}]
    used: dict[str, list[float]] = {name: [] for name in names}
    cases = [Case(name, n, partial(loggers.bursts, opener=OPENERS[name], cpu=used[name])) for name in names]
    figures = race(cases, plan, unit=CALLS)
    checks = [_less(figures, ours, LOGURU, 0.1) for ours in (TEXT, JSON)]
    checks += [_less(figures, ours, rival, 1.0) for ours in (TEXT, JSON) for rival in (ENQUEUE, QUEUE)]
    cpu = [Figure(f"{one.contender}: processor time", SECONDS, used[one.contender][1:], error=one.error) for one in figures]
    return Findings([*figures, *cpu], checks, (LOGURU,), "Bursts of 5,000 lines, the writer idle before each.")


def off(plan: Plan) -> Findings:
    """What a call costs whose level is off."""
    n = plan.size(500_000, 20_000)
    cases = [Case(name, n, partial(loggers.off, opener=OPENERS[name])) for name in (TEXT, LOGURU, STANDARD, PICO)]
    figures = race(cases, plan, unit=CALLS)
    return Findings(figures, [_less(figures, TEXT, STANDARD, 2.0)], (STANDARD,))


def one_producer(plan: Plan) -> Findings:
    """Lines of one actor, until all are in the file."""
    n = plan.size(30_000, 5_000)
    sizes = {ENQUEUE: n // 4, LOGURU_JSON: n // 4}  # slow ones: they would take most of the time
    names = [name for name in OPENERS if name != UNTRACED]
    cases = [Case(name, sizes.get(name, n), partial(loggers.by_actors, opener=OPENERS[name])) for name in names]
    figures = race(cases, plan, unit=LINES)
    return Findings(figures, [reach(figures, ours, LOGURU, 0.85) for ours in (TEXT, JSON, SHAPED)], (LOGURU,))


def ten_producers(plan: Plan) -> Findings:
    """Lines of ten actors, and of ten threads, until all are in the file."""
    n = plan.size(30_000, 5_000)
    cases = []
    for name in (TEXT, JSON, LOGURU, ENQUEUE, QUEUE):
        size = n // 4 if name == ENQUEUE else n
        cases.append(Case(f"{name}; actors", size, partial(loggers.by_actors, opener=OPENERS[name], actors=10)))
        cases.append(Case(f"{name}; threads", size, partial(loggers.by_threads, opener=OPENERS[name], threads=10)))
    figures = race(cases, plan, unit=LINES)
    checks = [reach(figures, f"{ours}; {kind}", f"{ENQUEUE}; {kind}", 2) for ours in (TEXT, JSON) for kind in ("actors", "threads")]
    note = "Without picologging: its handlers take their lock while they hold the interpreter's, and several threads wait for each other."
    return Findings(figures, checks, (f"{ENQUEUE}; actors", f"{ENQUEUE}; threads"), note)


def flood(plan: Plan) -> Findings:
    """How many lines wait, and how memory grows, under producers that never stop."""
    seconds = plan.size(2, 1)
    figures: list[Figure] = []
    checks: list[Check] = []
    for kind, name in log_flood.KINDS.items():
        waiting, backlog, grown, astray = _flooded(kind, name, seconds, plan)
        figures += [waiting, backlog, grown, astray]
        checks += [at_most(waiting, MOST), at_most(grown, MEMORY), at_most(astray, 0)]
    return Findings(figures, checks, note=f"Four producers for {seconds} s, each time in a fresh process.")


def _flooded(kind: str, name: str, seconds: float, plan: Plan) -> tuple[Figure, Figure, Figure, Figure]:
    waiting = Figure(f"{name}: lines in the queue at most", COUNT)
    backlog = Figure(f"{name}: lines in the sink's backlog at most", COUNT)
    grown = Figure(f"{name}: resident memory grown by", BYTES)
    astray = Figure(f"{name}: lines not accounted for", COUNT)

    def sample() -> float:
        found = log_flood.flood(kind, seconds)
        for figure, value in ((backlog, found.backlog), (grown, found.grown), (astray, found.astray)):
            figure.samples.append(float(value))
        return float(found.queue)

    for _ in range(plan.size(min(plan.rounds, 2), 1)):
        attempt(waiting, sample, plan.patience)
    backlog.error = grown.error = astray.error = waiting.error
    return waiting, backlog, grown, astray


BUSY = "4 busy threads, no logging"
STORMS = {
    f"{TEXT}; 4 threads": (loggers.TEXT, log_storm.from_threads),
    f"{TEXT}; 4 actors": (loggers.TEXT, log_storm.from_actors),
    f"{TEXT}; 4 actors on the loop, a line each": (loggers.TEXT, log_storm.from_the_loop),
    f"{TEXT}; 4 handlers on the loop": (loggers.TEXT, log_storm.from_handlers),
    f"{LOGURU}; 4 threads": (loggers.LOGURU, log_storm.from_threads),
    f"{LOGURU}; 4 actors on the loop, a line each": (loggers.LOGURU, log_storm.from_the_loop),
    f"{QUEUE}; 4 threads": (loggers.STANDARD_QUEUE, log_storm.from_threads),
    f"{QUEUE}; 4 actors on the loop, a line each": (loggers.STANDARD_QUEUE, log_storm.from_the_loop),
    BUSY: (loggers.TEXT, log_storm.no_logging),
}
OURS = [name for name in STORMS if name.startswith(TEXT)]


def storm(plan: Plan) -> Findings:
    """How late an event loop is while others log as fast as they can."""
    medians = {name: Figure(f"{name}: median", SECONDS) for name in STORMS}
    tails = {name: Figure(f"{name}: p99", SECONDS) for name in STORMS}

    def sample(name: str) -> float:
        opener, kind = STORMS[name]
        late = log_storm.lateness(plan.size(2, 1) if name in OURS else 1, opener=opener, storm=kind)
        tails[name].samples.append(percentile(late, 99))
        return percentile(late, 50)

    for _ in range(plan.size(min(plan.rounds, 2), 1)):
        for name, figure in medians.items():
            if not figure.error:
                attempt(figure, partial(sample, name), plan.patience)
    figures = [figure for name in STORMS for figure in (medians[name], tails[name])]
    checks = [at_most(medians[name], ON_TIME, f"lateness of a loop, {name}: median") for name in OURS]
    return Findings(figures, checks, note="A coroutine sleeps 5 ms again and again.")


def accounts(plan: Plan) -> Findings:
    """Whether each line of a hundred actors is written or reported as lost, by sinks that fail at random."""
    n = plan.size(1_000_000, 20_000)
    figures: list[Figure] = []
    checks: list[Check] = []
    whole = Figure("all", SECONDS)
    found: list[log_account.Account] = []

    def sample() -> float:
        found[:] = log_account.accounts(n)
        return 0.0

    attempt(whole, sample, 300.0)
    for one in found:
        counts = {"written": one.written, "reported as lost": one.reported, "failures": one.failures}
        figures += [Figure(f"{one.sink}: {what}", COUNT, [float(count)]) for what, count in counts.items()]
        claim = f"{one.sink}: of {one.logged:,} lines neither written nor reported, or twice, or out of order"
        checks.append(Check(claim, one.astray, 0, at_least=False, unit=COUNT))
    if whole.error:
        figures.append(whole)
        checks.append(at_most(whole, 0))
    note = "Half of the lines come from handlers that wait while too many wait, half from an event loop, where no call waits."
    return Findings(figures, checks, note=note)


MEASURES = (
    Measure("log-calls", "a log call in a handler, to a file", calls, 180.0, 60.0),
    Measure("log-off", "a log call whose level is off", off, 60.0, 30.0),
    Measure("log-lines", "lines of one actor to a file, flushed", one_producer, 180.0, 60.0),
    Measure("log-producers", "lines of ten producers to a file, flushed", ten_producers, 180.0, 60.0),
    Measure("log-flood", "producers that never stop logging", flood, 120.0, 60.0),
    Measure("log-storm", "lateness of an event loop under a log storm", storm, 180.0, 60.0),
    Measure("log-account", "lines of 100 actors under random failures of sinks", accounts, 330.0, 60.0),
)
