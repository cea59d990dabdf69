"""For tests: a simulation of a system in virtual time, in any order that may come; probes; and, for real systems, a clock to move."""

from actors.testing.decorator import simulate
from actors.testing.errors import (
    InvariantError,
    ProbeError,
    RealWorldError,
    SimulationError,
    StuckError,
    TokenError,
    TooManyStepsError,
    UnstableError,
)
from actors.testing.explore import Exploration, Failure, check_stable, explore, replay
from actors.testing.manual_clock import ManualClock
from actors.testing.network import Kind, Ordering, Pending
from actors.testing.probe import Probe
from actors.testing.simulation import Simulation
from actors.testing.strategies import Fifo, RandomWalk
from actors.testing.trace import Step
from actors.testing.world import Strategy

__all__ = [
    "Exploration",
    "Failure",
    "Fifo",
    "InvariantError",
    "Kind",
    "ManualClock",
    "Ordering",
    "Pending",
    "Probe",
    "ProbeError",
    "RandomWalk",
    "RealWorldError",
    "Simulation",
    "SimulationError",
    "Step",
    "Strategy",
    "StuckError",
    "TokenError",
    "TooManyStepsError",
    "UnstableError",
    "check_stable",
    "explore",
    "replay",
    "simulate",
]
