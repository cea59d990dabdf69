"""What is the same for all runs of an exploration."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.testing.checks import check_count
from actors.testing.faults import Faults
from actors.testing.network import Ordering
from actors.testing.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.strategies import Strategy

    Scenario = Callable[[Simulation], object]

__all__ = ["Setup", "attempt", "leaves_test"]

# What ends a test without a verdict on it. By name, since a scenario is no reason to import any of these.
LEAVING = {
    "unittest.case": ("SkipTest",),
    "_pytest.outcomes": ("Skipped", "XFailed", "Exit"),
    "hypothesis.errors": ("UnsatisfiedAssumption", "StopTest", "Frozen", "BackendCannotProceed"),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """How runs are made. See `explore` for what the fields mean."""

    ordering: Ordering = Ordering.CAUSAL
    seed: int = 0
    max_steps: int = 10_000
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if type(self.seed) is not int or not -(2**63) <= self.seed < 2**63:
            msg = f"seed={self.seed!r} is not valid: a whole number of 64 bits"
            raise ValueError(msg)
        check_count("max_steps", self.max_steps, 1)
        if not isinstance(self.faults, Faults):
            msg = f"faults={self.faults!r} is not valid: like Faults(drop=1)"
            raise TypeError(msg)

    def simulation(self, strategy: Strategy) -> Simulation:
        """Return a new simulation in which `strategy` makes the choices."""
        return Simulation(strategy, ordering=self.ordering, seed=self.seed, max_steps=self.max_steps, faults=self.faults)


def attempt(scenario: Scenario, simulation: Simulation) -> BaseException | None:
    """Make a run; return what it failed with. What ends the test, or the program, is no failure, and is raised."""
    try:
        with simulation:
            _check_returned(scenario, scenario(simulation))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit) or leaves_test(error):
            raise
        return error  # whatever else a scenario ends in is the finding
    return None


def leaves_test(error: BaseException) -> bool:
    """Tell whether `error` ends a test without a verdict: a skip, an expected failure, or an input that hypothesis is to drop."""
    for module, names in LEAVING.items():
        loaded = sys.modules.get(module)
        if any(isinstance(error, getattr(loaded, name, ())) for name in names):
            return True
    return False


def _check_returned(scenario: Scenario, returned: object) -> None:
    """Raise TypeError for what was meant as a verdict, or has not run at all."""
    if isinstance(returned, bool) or inspect.isawaitable(returned) or inspect.isgenerator(returned):
        if inspect.iscoroutine(returned):
            returned.close()
        msg = f"{scenario!r} returned {returned!r}: a scenario is a plain function that asserts what should hold"
        raise TypeError(msg)
