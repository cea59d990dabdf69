"""What is shown while something runs: where it goes, who looks, and how the terminal is given back.

For `actors.scheduler.show_progress` and `actors.streams.show_stream`, which say what there is to see.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.live import Live

__all__ = ["Display", "check_rich", "live", "output", "shown"]


class Display(Protocol):
    """Where something is shown. One thread at a time uses it."""

    def begin(self) -> None:
        """Begin to show."""

    def close(self) -> None:
        """Give back what was taken. Idempotent."""


def output(file: TextIO | None) -> TextIO | None:
    """Return where to show: `file`, or standard error for None; None in a program without a console.

    Raises:
        TypeError: `file` is no text file.
    """
    out = sys.stderr if file is None else file
    if out is not None and not (callable(getattr(out, "write", None)) and callable(getattr(out, "isatty", None))):
        msg = f"file={file!r} is not valid: a text file, open for writing, or None"
        raise TypeError(msg)
    return out


def check_rich(who: str) -> None:
    """Raise ImportError unless rich is there, with which `who` draws on a terminal."""
    if find_spec("rich") is None:
        msg = f"{who} draws on a terminal with rich: pip install 'greenroom[cli]'"
        raise ImportError(msg, name="rich")


def live(console: Console, file: TextIO) -> Live:
    """Return a part of the terminal `file`, which `console` writes to, that is drawn in place; what the program prints appears above it."""
    from rich.live import Live  # noqa: PLC0415  # rich need not be there

    ours = file in (sys.stdout, sys.stderr)
    return Live(
        console=console,
        auto_refresh=False,  # drawn when there was a look, and by who looked
        redirect_stdout=ours and sys.stdout is not None and sys.stdout.isatty(),  # what goes elsewhere is not for this terminal
        redirect_stderr=ours and sys.stderr is not None and sys.stderr.isatty(),
    )


@contextlib.contextmanager
def shown(
    display: Display, show: Callable[[], object], end: Callable[[], object], *, what: str, name: str, period: float, watched: bool
) -> Iterator[None]:
    """Show something as long as the block goes on.

    Args:
        display: where; it is closed whatever comes.
        show: looks, and shows that; called every `period` seconds by a thread of its own.
        end: shows the last look, once that thread has ended; not called if it could not show something.
        what: is shown, for people.
        name: of the thread.
        period: seconds.
        watched: whether there is to be a thread; it has no place in a simulation.

    Raises:
        Exception: what kept `show` or `end` from it, at the end of the block; if the block raises itself, that is a note on its error.
    """
    watcher = _Watcher(show, name, period)

    def finish() -> None:
        watcher.finish()
        end()

    try:
        display.begin()
        if watched:
            watcher.start()
        try:
            yield
        except BaseException as error:
            try:
                finish()
            except Exception as broken:  # noqa: BLE001  # what ended the block comes first
                error.add_note(f"{what} could not be shown: {type(broken).__name__}: {broken}")
            raise
        finish()
    finally:
        watcher.leave()  # whatever came in between: also an interrupt while the thread was started
        display.close()


class _Watcher(threading.Thread):
    """Looks again and again, until it is stopped or cannot show what it sees.

    `_error` is written by the thread, and read after that has ended.
    """

    def __init__(self, show: Callable[[], Any], name: str, period: float) -> None:
        super().__init__(name=name, daemon=True)
        self._show = show
        self._period = period
        self._over = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        """Look and show."""
        try:
            while not self._over.wait(self._period):
                self._show()
        except Exception as error:  # noqa: BLE001  # raised by the block that shows it
            self._error = error

    def leave(self) -> None:
        """Let the thread end, without waiting for that. Idempotent."""
        self._over.set()

    def finish(self) -> None:
        """End the thread; raise what kept it from showing anything."""
        self.leave()
        if self.ident is not None:
            self.join()
        if self._error is not None:
            raise self._error
