"""What the scheduler's actor, its handles and its children tell each other. Internal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.future import Future
    from actors.scheduler.execution import Attempt
    from actors.scheduler.task import Run

__all__ = ["LOOK", "Begin", "Begun", "Call", "Cancel", "Close", "Drain", "Ended", "Look", "Prewarm"]


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
class Begun:
    """To the actor: the process of the attempt has started, and its function begins."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Ended:
    """To the actor: the outcome of the attempt is there, and its worker has gone on with another."""

    attempt: Attempt
    following: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """To the actor: resolve this once no task is due or under way."""

    future: Future[bool]


@dataclass(frozen=True, slots=True)
class Prewarm:
    """To the actor: start all processes."""


@dataclass(frozen=True, slots=True)
class Close:
    """To the actor: let what is under way end within `timeout` seconds, and end."""

    timeout: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """To the helper: call this."""

    function: Any
    run: Run[Any]
