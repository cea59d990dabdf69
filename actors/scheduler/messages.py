"""What the scheduler's actor, its handles and its children tell each other. Internal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.future import Future
    from actors.scheduler.execution import Attempt
    from actors.scheduler.task import Run

__all__ = ["LOOK", "Begin", "Call", "Cancel", "Close", "Drain", "Ended", "Look"]


@dataclass(frozen=True, slots=True)
class Look:
    """To the actor: something is due, or has changed."""


LOOK = Look()


@dataclass(frozen=True, slots=True)
class Begin:
    """To a worker: run this."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Cancel:
    """To the runner of coroutines: cancel this."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Ended:
    """To the actor: the outcome of the attempt is there."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Drain:
    """To the actor: resolve this once no task is due or under way."""

    future: Future[bool]


@dataclass(frozen=True, slots=True)
class Close:
    """To the actor: let what is under way end within `timeout` seconds, and end."""

    timeout: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """To the helper: call this."""

    function: Any
    run: Run[Any]
