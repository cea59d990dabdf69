"""What supervision tells about itself on the event stream of its system, besides the records of `actors.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors import ActorRef
    from supervisors.errors import RestartLimitError

__all__ = ["RestartScheduled", "SupervisorGaveUp"]


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

    supervisor: ActorRef[Any]
    child: str
    error: BaseException | None
    delay: float
    restarts: int


@dataclass(frozen=True, slots=True)
class SupervisorGaveUp:
    """A supervisor had too many failures, ends its children and crashes with `error`, which tells the whole story."""

    supervisor: ActorRef[Any]
    error: RestartLimitError
