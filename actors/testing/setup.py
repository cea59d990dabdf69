"""What is the same for all runs of an exploration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.testing.faults import Faults
from actors.testing.network import Ordering
from actors.testing.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.world import Strategy

    Scenario = Callable[[Simulation], object]

__all__ = ["Setup", "attempt"]


@dataclass(frozen=True, slots=True)
class Setup:
    """How runs are made. See `explore` for what the fields mean."""

    ordering: Ordering = Ordering.CAUSAL
    seed: int = 0
    max_steps: int = 10_000
    faults: Faults = field(default_factory=Faults)

    def simulation(self, strategy: Strategy) -> Simulation:
        """Return a new simulation in which `strategy` makes the choices."""
        return Simulation(strategy, ordering=self.ordering, seed=self.seed, max_steps=self.max_steps, faults=self.faults)


def attempt(scenario: Scenario, simulation: Simulation) -> BaseException | None:
    """Make a run; return what it failed with."""
    try:
        with simulation:
            scenario(simulation)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # whatever a scenario fails with is the finding
        return error
    return None
