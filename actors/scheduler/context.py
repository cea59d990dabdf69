"""What a function or coroutine that is run can know of its run, and say of its progress."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["Progress", "RunContext", "RunInfo", "current_run", "report_progress", "running"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        done: how much is done.
        total: of how much; None if that is not known.
        text: what it is at.
    """

    done: float
    total: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What travels of a `RunContext` into a process.

    Attributes:
        id: of the run; the same for all of its attempts.
        name: of the task.
        number: of the run, from 1.
        attempt: from 1.
        due: when the run was due.
        deadline: seconds left when this was made, None without a deadline.
    """

    id: str
    name: str
    number: int
    attempt: int
    due: datetime
    deadline: float | None


class RunContext:
    """One attempt of a run, as the code that is run sees it.

    Attributes:
        id: of the run; the same for all of its attempts.
        name: of the task.
        number: of the run, from 1.
        attempt: from 1.
        due: when the run was due.
        cancelled: whether nobody wants the result any more: the task was cancelled, or the attempt has run out of time. Written by
            whoever ends the attempt, once.
    """

    __slots__ = ("_expires", "_now", "_on_cancel", "_report", "attempt", "cancelled", "due", "id", "name", "number")

    def __init__(self, info: RunInfo, *, now: Callable[[], float], expires: float | None, report: Callable[[Progress], object]) -> None:
        self.id = info.id
        self.name = info.name
        self.number = info.number
        self.attempt = info.attempt
        self.due = info.due
        self.cancelled = False
        self._now = now
        self._expires = expires
        self._report = report
        self._on_cancel: list[Callable[[], object]] = []

    @property
    def deadline(self) -> float | None:
        """Seconds left until the deadline of the run, 0.0 if it has passed, None without one."""
        return None if self._expires is None else max(0.0, self._expires - self._now())

    def cancel(self) -> None:
        """Note that nobody wants the result any more, and tell those who asked to be told, once. By whoever ends the attempt."""
        self.cancelled = True
        while self._on_cancel:
            try:
                callback = self._on_cancel.pop()
            except IndexError:
                return
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have `callback`, which does not raise, called by `cancel`; at once if that has been."""
        self._on_cancel.append(callback)
        # Invariant: appended before this look; `cancel` sets the flag before it pops.
        if self.cancelled:
            self.cancel()


_current: ContextVar[RunContext | None] = ContextVar("greenroom_run", default=None)


def current_run() -> RunContext | None:
    """Return the run whose function or coroutine is calling, None outside of any."""
    return _current.get()


class running:  # noqa: N801  # reads like a function
    """Make `context` the current run within a ``with``."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def __enter__(self) -> RunContext:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def report_progress(done: float, total: float | None = None, text: str = "") -> None:
    """Say how far the run that calls has come; outside of any run, do nothing.

    Args:
        done: how much is done.
        total: of how much; None if that is not known.
        text: what it is at.
    """
    for name, value in (("done", done), ("total", total)):
        if isinstance(value, bool) or not (isinstance(value, int | float) or (name == "total" and value is None)):
            msg = f"{name}={value!r} is not valid: a number"
            raise TypeError(msg)
    if not isinstance(text, str):
        msg = f"text={text!r} is not valid: a text"
        raise TypeError(msg)
    context = _current.get()
    if context is not None:
        context._report(Progress(done, total, text))
