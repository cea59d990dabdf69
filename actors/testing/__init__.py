"""For tests: a simulation of a system in virtual time, in any order that may come; probes; and, for real systems, a clock to move."""

from actors.testing import oracles
from actors.testing.charts import html_chart, mermaid_chart, svg_chart, text_chart
from actors.testing.decorator import simulate
from actors.testing.errors import (
    EndlessStepError,
    InjectedCrash,
    InvariantError,
    LinearizabilityError,
    LogError,
    ProbeError,
    RealWorldError,
    SimulationError,
    StuckError,
    TokenError,
    TooManyConfigurationsError,
    TooManyStepsError,
    UnstableError,
)
from actors.testing.explore import check_stable, explore, replay
from actors.testing.failure import Exploration, Failure
from actors.testing.faults import Faults
from actors.testing.history import Call, History, Operation
from actors.testing.linearizability import check_linearizable
from actors.testing.logs import CapturedLine, CapturedLogs
from actors.testing.manual_clock import ManualClock
from actors.testing.models import Counter, FifoQueue, Model, Mutex, Register
from actors.testing.network import Kind, Ordering, Pending
from actors.testing.probe import Probe
from actors.testing.simulation import Simulation
from actors.testing.strategies import Delays, Fifo, PartialOrderSampling, PriorityChanges, RandomWalk, Strategy
from actors.testing.trace import Step

__all__ = [
    "Call",
    "CapturedLine",
    "CapturedLogs",
    "Counter",
    "Delays",
    "EndlessStepError",
    "Exploration",
    "Failure",
    "Faults",
    "Fifo",
    "FifoQueue",
    "History",
    "InjectedCrash",
    "InvariantError",
    "Kind",
    "LinearizabilityError",
    "LogError",
    "ManualClock",
    "Model",
    "Mutex",
    "Operation",
    "Ordering",
    "PartialOrderSampling",
    "Pending",
    "PriorityChanges",
    "Probe",
    "ProbeError",
    "RandomWalk",
    "RealWorldError",
    "Register",
    "Simulation",
    "SimulationError",
    "Step",
    "Strategy",
    "StuckError",
    "TokenError",
    "TooManyConfigurationsError",
    "TooManyStepsError",
    "UnstableError",
    "check_linearizable",
    "check_stable",
    "explore",
    "html_chart",
    "mermaid_chart",
    "oracles",
    "replay",
    "simulate",
    "svg_chart",
    "text_chart",
]
