"""What tests of walks share: a run of hypothesis that is the same each time, and the steps that a failure tells."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from supervisors.machine.testing import Walk

SAME = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def walked(strategy: SearchStrategy[Walk], check: Callable[[Walk], object] = lambda _: None, *, examples: int = 60) -> list[Walk]:
    """Give walks to a test that calls `check`; return all of them."""
    found: list[Walk] = []

    @settings(SAME, max_examples=examples)
    @given(strategy)
    def test(walk: Walk) -> None:
        found.append(walk)
        check(walk)

    test()
    return found


def told(error: BaseException) -> str:
    """Return what an exception says, with its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def steps_of(error: BaseException) -> list[str]:
    """Return the steps that a failure tells, without their numbers."""
    return [line.strip().partition(". ")[2] for line in told(error).splitlines() if line.strip()[:1].isdigit()]
