"""`show_progress`: what a scheduler runs, shown while it runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TextIO

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
    out = sys.stderr if file is None else file
    if out is None:  # a program without a console
        return contextlib.nullcontext()
    if not callable(getattr(out, "write", None)) or not callable(getattr(out, "isatty", None)):
        msg = f"file={file!r} is not valid: a text file, open for writing, or None"
        raise TypeError(msg)
    return _shown(scheduler, _display(out))


def _display(file: TextIO) -> Display:
    if not file.isatty():
        return Lines(file)
    if find_spec("rich") is None:
        msg = "show_progress draws on a terminal with rich: pip install 'greenroom[cli]'"
        raise ImportError(msg, name="rich")
    from actors.scheduler.bars import Bars  # noqa: PLC0415  # rich need not be there

    return Bars(file)


@contextlib.contextmanager
def _shown(scheduler: Scheduler, display: Display) -> Iterator[None]:
    books = scheduler._books
    board = Board(books)
    watcher = _Watcher(board, display)
    subscription = scheduler.ref._target.system.events.subscribe(TaskFailed, board.failed)
    try:
        display.begin()
        if books.ports.dispatcher is None:  # a thread of its own has no place in a simulation
            watcher.start()
        try:
            yield
        except BaseException as error:
            try:
                watcher.finish()
            except Exception as broken:  # noqa: BLE001  # what ended the block comes first
                error.add_note(f"its progress could not be shown: {type(broken).__name__}: {broken}")
            raise
        watcher.finish()
    finally:
        watcher.leave()  # whatever came in between: also an interrupt while the thread was started
        subscription.cancel()
        display.close()


class _Watcher(threading.Thread):
    """Looks again and again, until it is stopped or cannot show what it sees.

    `_error` is written by the thread, and read after that has ended.
    """

    def __init__(self, board: Board, display: Display) -> None:
        super().__init__(name="scheduler-progress", daemon=True)
        self._board = board
        self._display = display
        self._over = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        """Look and show."""
        try:
            while not self._over.wait(PERIOD):
                self._display.show(self._board.look())
        except Exception as error:  # noqa: BLE001  # raised by the block that shows progress
            self._error = error

    def leave(self) -> None:
        """Let the thread end, without waiting for that. Idempotent."""
        self._over.set()

    def finish(self) -> None:
        """End the thread, and show the last look and the sums; raise what kept the thread from showing anything."""
        self.leave()
        if self.ident is not None:
            self.join()
        if self._error is not None:
            raise self._error
        self._display.end(self._board.look(), self._board.sums())
