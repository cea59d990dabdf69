"""Simulation: run a system of actors in virtual time, one delivery at a time, in any order that may come."""

from actors.testing.charts import html_chart, mermaid_chart, svg_chart, text_chart
from actors.testing.decorator import simulate
from actors.testing.errors import (
    InvariantError,
    RealWorldError,
    SimulationError,
    StuckError,
    TokenError,
    TooManyStepsError,
    UnstableError,
)
from actors.testing.explore import Exploration, Failure, check_stable, explore, replay
from actors.testing.network import Kind, Ordering, Pending
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
    "Ordering",
    "Pending",
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
    "html_chart",
    "mermaid_chart",
    "replay",
    "simulate",
    "svg_chart",
    "text_chart",
]
