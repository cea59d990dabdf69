"""What the scheduler's actor, its handles and its children tell each other. Internal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.future import Future
    from actors.scheduler.errors import StoreError
    from actors.scheduler.execution import Attempt, Execution
    from actors.scheduler.stored import RunRow
    from actors.scheduler.task import Run

__all__ = ["LOOK", "Adopt", "Begin", "Begun", "Call", "Cancel", "Claimed", "Close", "Drain", "Ended", "Look", "Prewarm", "Save"]


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


@dataclass(frozen=True, slots=True)
class Claimed:
    """To the actor: the store has answered the claim of a run.

    Attributes:
        execution: the run.
        row: what the store had of this run before, so that it is not begun again.
        error: why the store could not answer.
    """

    execution: Execution
    row: RunRow | None = None
    error: StoreError | None = None


@dataclass(frozen=True, slots=True)
class Adopt:
    """To the actor: go on with what is in the store and was not declared."""


@dataclass(frozen=True, slots=True)
class Save:
    """To the scribe: write what waits."""
