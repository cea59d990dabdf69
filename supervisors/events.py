"""What supervision tells about itself on the event stream of its system, besides the records of `actors.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from actors import ActorRef
    from supervisors.errors import RestartLimitError
    from supervisors.policy import BreakerState

__all__ = ["BreakerChanged", "RestartScheduled", "SupervisorGaveUp"]


@dataclass(frozen=True, slots=True)
class RestartScheduled:
    """A child failed and will be started again.

    Attributes:
        supervisor: whose child it is.
        child: its name, or the path of one without a name.
        error: what it failed with; None if it ended without one.
        delay: seconds of backoff.
        restarts: how many restarts count at this moment.
    """

    log_as: ClassVar[tuple[str, str]] = ("restart.scheduled", "WARNING")

    supervisor: ActorRef[Any]
    child: str
    error: BaseException | None
    delay: float
    restarts: int


@dataclass(frozen=True, slots=True)
class SupervisorGaveUp:
    """A supervisor had too many failures, ends its children and crashes with `error`, which tells the whole story."""

    log_as: ClassVar[tuple[str, str]] = ("supervisor.gave_up", "ERROR")

    supervisor: ActorRef[Any]
    error: RestartLimitError


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A handler in this system brought about a change of a circuit breaker.

    Attributes:
        name: of the breaker.
        before: what it did with calls until then.
        after: what it does with them now.
    """

    log_as: ClassVar[tuple[str, str]] = ("breaker.changed", "WARNING")

    name: str
    before: BreakerState
    after: BreakerState
