"""The records that travel from a measure to the report: figures, checks, outcomes."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

# Contenders, by the names that the report prints.
BARE = "bare loop"
POOL = "greenroom: pool"
LOOP = "greenroom: event_loop"
THREAD = "greenroom: thread"
TRACED = "greenroom: pool, traced"
PYKKA = "pykka"
QUEUE = "asyncio.Queue"
UVLOOP_QUEUE = "asyncio.Queue, uvloop"
EVERYTHING = "everything-is-an-actor"
ERLANG = "Erlang gen_server"

# Units. A rate is stored as operations per second and also shown as time per operation.
MESSAGES = "messages/s"
ASKS = "asks/s"
EVENTS = "events/s"
CALLS = "calls/s"
LINES = "lines/s"
ACTORS = "actors/s"
RUNS = "runs/s"
ELEMENTS = "elements/s"
JOBS = "jobs/s"
TRIES = "tries/s"  # no rate to compare: most of that time may be patience
SECONDS = "s"
BYTES = "B"
COUNT = ""
RATES = frozenset({MESSAGES, ASKS, EVENTS, CALLS, LINES, ACTORS, RUNS, ELEMENTS, JOBS})


@dataclasses.dataclass(slots=True)
class Figure:
    """One contender's samples, one per round; ``error`` says why there are none, or no more."""

    contender: str
    unit: str
    samples: list[float] = dataclasses.field(default_factory=list)
    operations: int = 0
    error: str = ""
    absent: bool = False

    @property
    def median(self) -> float | None:
        """The middle sample, ``None`` without samples."""
        return statistics.median(self.samples) if self.samples else None


@dataclasses.dataclass(slots=True)
class Check:
    """One line of the acceptance table: a value, what it must reach, and so whether it does."""

    claim: str
    value: float | None
    limit: float
    at_least: bool
    unit: str = "×"
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the value is there and reaches the limit."""
        if self.value is None or self.problem:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclasses.dataclass(slots=True)
class Findings:
    """What a measure returns."""

    figures: list[Figure]
    checks: list[Check] = dataclasses.field(default_factory=list)
    #: The contenders that the report gives ratios to.
    references: tuple[str, ...] = ()
    note: str = ""


@dataclasses.dataclass(slots=True)
class Outcome:
    """Findings and what became of the process that made them."""

    measure: str
    title: str
    findings: Findings
    seconds: float = 0.0
    error: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """Rebuild what `dataclasses.asdict` took apart."""
        found = data["findings"]
        findings = Findings(
            figures=[Figure(**figure) for figure in found["figures"]],
            checks=[Check(**check) for check in found["checks"]],
            references=tuple(found["references"]),
            note=found["note"],
        )
        return cls(**{**data, "findings": findings})


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much to do."""

    quick: bool
    rounds: int

    @property
    def patience(self) -> float:
        """Seconds after which one sample counts as hung."""
        return 15.0 if self.quick else 60.0

    def size(self, full: int, quick: int) -> int:
        """Return the size for this run."""
        return quick if self.quick else full


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """A named thing to measure, and the seconds after which it counts as hung."""

    name: str
    title: str
    run: Callable[[Plan], Findings]
    limit: float
    quick_limit: float

    def time_limit(self, plan: Plan) -> float:
        """Seconds for the whole measure; more rounds than usual get more."""
        return self.quick_limit if plan.quick else self.limit * max(1.0, plan.rounds / 5)
