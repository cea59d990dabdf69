"""Every exception of supervision, as one tree.

actors.ActorError
└── SupervisorError
    ├── ChildSpecError (also ValueError)
    ├── DuplicateChildError
    ├── UnknownChildError
    ├── ChildRunningError
    ├── TooManyChildrenError
    ├── SupervisorStoppingError
    ├── RestartLimitError
    ├── CircuitOpenError
    ├── BulkheadFullError
    └── RateLimitedError
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.errors import ActorError

__all__ = [
    "BulkheadFullError",
    "ChildRunningError",
    "ChildSpecError",
    "CircuitOpenError",
    "DuplicateChildError",
    "Failure",
    "RateLimitedError",
    "RestartLimitError",
    "SupervisorError",
    "SupervisorStoppingError",
    "TooManyChildrenError",
    "UnknownChildError",
]


class SupervisorError(ActorError):
    """Root of the errors of supervision."""


class ChildSpecError(SupervisorError, ValueError):
    """A child was declared wrongly.

    Attributes:
        parameter: the parameter's name.
        value: what was given.
        why: what it should be.
    """

    def __init__(self, parameter: str, value: object, why: str) -> None:
        super().__init__(parameter, value, why)
        self.parameter = parameter
        self.value = value
        self.why = why

    def __str__(self) -> str:
        return f"{self.parameter}={self.value!r} is not valid: {self.why}"


class DuplicateChildError(SupervisorError):
    """The supervisor has a child of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"name={self.name!r} is taken: choose another, or remove that child first (StopChild, then RemoveChild)"


class UnknownChildError(SupervisorError):
    """The supervisor has no such child."""

    def __init__(self, child: object) -> None:
        super().__init__(child)
        self.child = child

    def __str__(self) -> str:
        return f"{self.child!r} is not a child of this supervisor, or not any more: ListChildren tells which there are"


class ChildRunningError(SupervisorError):
    """What was asked for needs a child that is stopped.

    Attributes:
        child: its name.
        state: what it is.
    """

    def __init__(self, child: str, state: str) -> None:
        super().__init__(child, state)
        self.child = child
        self.state = state

    def __str__(self) -> str:
        return f"the child {self.child!r} is {self.state}: StopChild first"


class TooManyChildrenError(SupervisorError):
    """The supervisor has as many children as it may have.

    Attributes:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"there are {self.limit} children already: try again when one has ended, or raise max_children"


class SupervisorStoppingError(SupervisorError):
    """The supervisor ends, and starts nothing any more."""

    def __init__(self, supervisor: str) -> None:
        super().__init__(supervisor)
        self.supervisor = supervisor

    def __str__(self) -> str:
        return f"the supervisor {self.supervisor} is stopping: it starts no children"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of a child.

    Attributes:
        child: its name.
        error: what it failed with; None if it ended without an error, though it is permanent, or was killed.
        at: clock time in seconds.
    """

    child: str
    error: BaseException | None
    at: float


class RestartLimitError(SupervisorError):
    """A supervisor gave up: a child, or all together, failed more often than declared.

    Attributes:
        supervisor: its path.
        child: the name of the child that failed last.
        restarts: how many restarts are allowed in `period` seconds.
        period: seconds.
        history: the last failures, the newest last.
    """

    def __init__(self, supervisor: str, child: str, restarts: int, period: float, history: tuple[Failure, ...]) -> None:
        super().__init__(supervisor, child, restarts, period, history)
        self.supervisor = supervisor
        self.child = child
        self.restarts = restarts
        self.period = period
        self.history = history

    def __str__(self) -> str:
        times: dict[str, int] = {}
        for failure in self.history:
            times[failure.child] = times.get(failure.child, 0) + 1
        counted = ", ".join(f"{child!r} {_times(number)}" for child, number in times.items())
        restarts = "restart" if self.restarts == 1 else "restarts"
        last = self.history[-1].error if self.history else None
        why = f"; the last error was {type(last).__name__}: {last}" if last is not None else ""
        return (
            f"{self.supervisor} gives up: more than {self.restarts} {restarts} in {self.period:g} seconds. Failed lately: {counted}{why}. "
            "Mend the cause, give the child a backoff, or allow more (intensity, period)"
        )


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _hint(retry_after: float | None) -> str:
    return "try again later" if retry_after is None else f"try again in {retry_after:.3g} seconds"


class CircuitOpenError(SupervisorError):
    """A circuit breaker let the call not through: what it is for failed of late. Nothing was called.

    Attributes:
        name: of the breaker.
        retry_after: seconds until one call is let through to find out; None if one is out to find out.
    """

    def __init__(self, name: str, retry_after: float | None = None) -> None:
        super().__init__(name, retry_after)
        self.name = name
        self.retry_after = retry_after

    def __str__(self) -> str:
        why = "one call is out to find out whether it works again" if self.retry_after is None else "calls failed of late"
        return f"the circuit {self.name!r} lets no calls through, for {why}: {_hint(self.retry_after)}, or do without"


class BulkheadFullError(SupervisorError):
    """As many calls as a bulkhead lets through at once are under way, and none ended in time. Nothing was called.

    Attributes:
        name: of the bulkhead.
        limit: how many calls it lets through at once.
        waited: seconds that this one waited; None if as many waited already as may.
    """

    def __init__(self, name: str, limit: int, waited: float | None = None) -> None:
        super().__init__(name, limit, waited)
        self.name = name
        self.limit = limit
        self.waited = waited

    def __str__(self) -> str:
        why = "" if self.waited is None else f", and still were after {self.waited:.3g} seconds"
        return (
            f"{self.limit} calls are in the bulkhead {self.name!r}, which lets no more in{why}: "
            "call less at once, or let more wait (waiting, timeout)"
        )


class RateLimitedError(SupervisorError):
    """A rate limiter let the call not through in time. Nothing was called.

    Attributes:
        name: of the limiter.
        retry_after: seconds until it would have come through behind all that wait now.
    """

    def __init__(self, name: str, retry_after: float) -> None:
        super().__init__(name, retry_after)
        self.name = name
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"the rate limiter {self.name!r} lets nothing more through at this time: {_hint(self.retry_after)}, or call less often"
