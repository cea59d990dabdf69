"""Timing: interleaved rounds, medians, and nobody's garbage in somebody else's time.

pyperf gives every benchmark processes of its own and runs them one after the other. What is wanted here
is the *ratio* between contenders, and a machine that slows down for a minute would hit one of them
and not the next. So the contenders of a measure share one process and take turns, A B C, A B C, and a
ratio is taken within each round; the median of those ratios is what counts.

The garbage collector stays on, because it is on where actors run. Before each sample everything
that exists is collected and frozen, so a contender pays for tracing its own objects only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import signal
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType

from .model import Check, Figure, Plan


class ContenderAbsentError(Exception):
    """A contender that is not installed here: left out of the comparison, which is no failure."""


class CaseTimeoutError(BaseException):
    """A sample took too long; a BaseException, so that no contender's ``except Exception`` eats it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One contender in a measure: ``run(operations)`` does its own set-up and returns seconds."""

    contender: str
    operations: int
    run: Callable[[int], float]


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `CaseTimeoutError` in the main thread after so long, where the platform has timers."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise CaseTimeoutError

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def own_garbage_only() -> Iterator[None]:
    """Collect and freeze what others left; unfreeze at the end."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def attempt(figure: Figure, sample: Callable[[], float], limit: float) -> None:
    """Add one sample to the figure, or the reason why there is none."""
    try:
        with time_limit(limit), own_garbage_only():
            figure.samples.append(sample())
    except ContenderAbsentError as absent:
        figure.absent, figure.error = True, str(absent)
    except CaseTimeoutError:
        figure.error = f"no result within {limit:g} s"
    except Exception as error:  # noqa: BLE001  one contender's failure must not end the comparison
        figure.error = f"{type(error).__name__}: {error}"


def _rate(case: Case, operations: int) -> float:
    return operations / case.run(operations)


def race(cases: Sequence[Case], plan: Plan, *, unit: str, rounds: int | None = None, limit: float | None = None) -> list[Figure]:
    """Let the contenders take turns; a rate per contender and round.

    A contender that fails or hangs leaves the race and keeps its reason. An unmeasured first turn at
    a tenth of the size warms imports, code caches and processor clocks.

    Args:
        cases: the contenders.
        plan: how much to do.
        unit: of the rates, per second.
        rounds: turns for each, if not the plan's.
        limit: seconds after which a single sample counts as hung, if not the plan's.
    """
    figures = [Figure(case.contender, unit, operations=case.operations) for case in cases]
    for turn in range((rounds or plan.rounds) + 1):
        for case, figure in zip(cases, figures, strict=True):
            if figure.error:
                continue
            operations = case.operations if turn else max(1, case.operations // 10)
            attempt(figure, partial(_rate, case, operations), limit or plan.patience)
            if turn == 0:
                figure.samples.clear()
    return [figure for figure in figures if not figure.absent]


def find(figures: Sequence[Figure], contender: str) -> Figure | None:
    """Return the contender's figure, ``None`` if it did not take part."""
    return next((figure for figure in figures if figure.contender == contender), None)


def ratio(figures: Sequence[Figure], contender: str, reference: str) -> float | None:
    """Return the median of the ratios taken within each round, so that drift cancels out."""
    one, other = find(figures, contender), find(figures, reference)
    if one is None or other is None or one.error or other.error:
        return None
    return statistics.median(a / b for a, b in zip(one.samples, other.samples, strict=False))


def reach(figures: Sequence[Figure], contender: str, reference: str, at_least: float) -> Check:
    """Check that a contender does at least so many times the reference's rate."""
    value = ratio(figures, contender, reference)
    problem = ""
    if value is None:
        present = [find(figures, name) for name in (contender, reference)]
        failed = [f"{figure.contender} failed" for figure in present if figure and figure.error]
        problem = ", ".join(failed) or "a contender did not take part"
    return Check(f"{contender} ÷ {reference}", value, at_least, at_least=True, problem=problem)


def at_most(figure: Figure, limit: float, claim: str = "") -> Check:
    """Check that a figure's median does not exceed a limit, given in the figure's unit."""
    return Check(
        claim or figure.contender,
        figure.median,
        limit,
        at_least=False,
        unit=figure.unit,
        problem="failed" if figure.error else "",
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
