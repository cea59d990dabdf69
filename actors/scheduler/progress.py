"""`show_progress`: what a scheduler runs, shown while it runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol, TextIO

from actors._shown import check_rich, output, shown
from actors.scheduler.board import Board
from actors.scheduler.events import TaskFailed
from actors.scheduler.lines import Lines
from actors.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from actors.scheduler.board import View

__all__ = ["show_progress"]

PERIOD = 0.1  # seconds between two looks


class Display(Protocol):
    """Where progress is shown. One thread at a time uses it."""

    def begin(self) -> None:
        """Begin to show."""

    def show(self, view: View) -> None:
        """Show a look."""

    def end(self, view: View, sums: str) -> None:
        """Show the last look and the sums, and give back what was taken."""

    def close(self) -> None:
        """Only give back what was taken. Idempotent."""


def show_progress(scheduler: Scheduler, *, file: TextIO | None = None) -> AbstractContextManager[None]:
    """Show what `scheduler` runs, as long as the ``with`` block goes on.

    ::

        with show_progress(scheduler):
            scheduler.drain()

    On a terminal there is a bar for each run under way: its name, what it says by `report_progress`, how long it takes and which attempt
    it is; without a total, a spinner. Failures are printed in red, and what the program prints appears above the bars. Elsewhere there
    are plain lines: one for each tenth of a run, at least one in five seconds, and one for its end; ten at most at a time. The last line
    says what became of everything.

    A thread of its own looks ten times a second, in real time; runs that are shorter than that show in the sums only, unless they fail.
    In a simulation nobody looks before the end. When the block is left, however that comes, the terminal is as it was before.

    Args:
        scheduler: whose runs are shown.
        file: where; None: standard error, so that the program's output stays its own.

    Raises:
        TypeError: `scheduler` or `file` is none.
        ImportError: `file` is a terminal, and rich is not installed: ``pip install 'greenroom[cli]'``.
        OSError, ValueError: (at the end of the block) `file` could not be written; if the block raises itself, that is a note on its error.
    """
    if not isinstance(scheduler, Scheduler):
        msg = f"scheduler={scheduler!r} is not valid: a Scheduler"
        raise TypeError(msg)
    out = output(file)
    return contextlib.nullcontext() if out is None else _shown(scheduler, _display(out))


def _display(file: TextIO) -> Display:
    if not file.isatty():
        return Lines(file)
    check_rich("show_progress")
    from actors.scheduler.bars import Bars  # noqa: PLC0415  # rich need not be there

    return Bars(file)


@contextlib.contextmanager
def _shown(scheduler: Scheduler, display: Display) -> Iterator[None]:
    books = scheduler._books
    board = Board(books)
    subscription = scheduler.ref._target.system.events.subscribe(TaskFailed, board.failed)
    try:
        with shown(
            display,
            lambda: display.show(board.look()),
            lambda: display.end(board.look(), board.sums()),
            what="its progress",
            name="scheduler-progress",
            period=PERIOD,
            watched=books.ports.dispatcher is None,
        ):
            yield
    finally:
        subscription.cancel()
