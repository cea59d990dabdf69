"""`show_stream`: a stream, shown while it runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from actors.streams.picture import amount, headline, name_of, pace_line, per_second
from actors.streams.stats import StreamState
from actors.streams.stream import StreamRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from actors.streams.stats import StreamStats

__all__ = ["show_stream"]

PERIOD = 0.2  # seconds between two looks
QUIET = 5.0  # seconds between two lines


class Display(Protocol):
    """Where a stream is shown. One thread at a time uses it."""

    def begin(self) -> None:
        """Begin to show."""

    def show(self, stats: StreamStats) -> None:
        """Show a look."""

    def end(self, stats: StreamStats) -> None:
        """Show the last look, and give back what was taken."""

    def close(self) -> None:
        """Only give back what was taken. Idempotent."""


def show_stream(run: StreamRun[Any], *, file: TextIO | None = None) -> AbstractContextManager[None]:
    """Show the picture of `run` as long as the ``with`` block goes on.

    ::

        with show_stream(run):
            result = run.result()

    On a terminal it is drawn in place, five times a second, and what the program prints appears above it. Elsewhere there is a line every
    five seconds that says which stage sets the pace, and one at the end.

    A thread of its own looks, in real time; in a simulation nobody looks before the end. The stream does not notice, and does not end with
    the block. When the block is left, however that comes, the terminal is as it was before.

    Args:
        run: what is shown.
        file: where; None: standard error, so that the program's output stays its own.

    Raises:
        TypeError: `run` or `file` is none.
        ImportError: `file` is a terminal, and rich is not installed: ``pip install 'greenroom[cli]'``.
        OSError, ValueError: (at the end of the block) `file` could not be written; if the block raises itself, that is a note on its error.
    """
    if not isinstance(run, StreamRun):
        msg = f"run={run!r} is not valid: a StreamRun, which Stream.run() returns"
        raise TypeError(msg)
    out = sys.stderr if file is None else file
    if out is None:  # a program without a console
        return contextlib.nullcontext()
    if not callable(getattr(out, "write", None)) or not callable(getattr(out, "isatty", None)):
        msg = f"file={file!r} is not valid: a text file, open for writing, or None"
        raise TypeError(msg)
    return _shown(run, _display(out))


def _display(file: TextIO) -> Display:
    if not file.isatty():
        return Lines(file)
    if find_spec("rich") is None:
        msg = "show_stream draws on a terminal with rich: pip install 'greenroom[cli]'"
        raise ImportError(msg, name="rich")
    from actors.streams.screen import Screen  # noqa: PLC0415  # rich need not be there

    return Screen(file)


class Lines:
    """Writes a line now and then, for files and pipes.

    Args:
        file: where they go.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._told = 0.0  # seconds of the stream at the last line

    def begin(self) -> None:
        """Nothing is shown before there is something to say."""

    def show(self, stats: StreamStats) -> None:
        """Write a line if the last one is some time ago."""
        if stats.seconds - self._told >= QUIET:
            self._told = stats.seconds
            self._write(stats)

    def end(self, stats: StreamStats) -> None:
        """Write the last line."""
        self._write(stats)

    def close(self) -> None:
        """Nothing to give back."""

    def _write(self, stats: StreamStats) -> None:
        ends = [stage for stage in stats.stages if not stage.feeds]
        over = stats.state not in (StreamState.RUNNING, StreamState.STOPPING)
        counted = [f"{name_of(end)} {amount(end.taken)}" + ("" if over else f" ({per_second(end.rate)}/s)") for end in ends]
        stuck = stats.stuck()
        pace = [] if stuck is None or over else [pace_line(stuck)]
        text = "; ".join([headline(stats), ", ".join(counted), *pace]) + "\n"
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._file.flush()


@contextlib.contextmanager
def _shown(run: StreamRun[Any], display: Display) -> Iterator[None]:
    watcher = _Watcher(run, display)
    try:
        display.begin()
        if run._course.ports.dispatcher is None:  # a thread of its own has no place in a simulation
            watcher.start()
        try:
            yield
        except BaseException as error:
            try:
                watcher.finish()
            except Exception as broken:  # noqa: BLE001  # what ended the block comes first
                error.add_note(f"the stream could not be shown: {type(broken).__name__}: {broken}")
            raise
        watcher.finish()
    finally:
        watcher.leave()  # whatever came in between: also an interrupt while the thread was started
        display.close()


class _Watcher(threading.Thread):
    """Looks again and again, until it is stopped or cannot show what it sees.

    `_error` is written by the thread, and read after that has ended.
    """

    def __init__(self, run: StreamRun[Any], display: Display) -> None:
        super().__init__(name="stream-picture", daemon=True)
        self._shown = run
        self._display = display
        self._over = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        """Look and show."""
        try:
            while not self._over.wait(PERIOD):
                self._display.show(self._shown.stats())
        except Exception as error:  # noqa: BLE001  # raised by the block that shows the stream
            self._error = error

    def leave(self) -> None:
        """Let the thread end, without waiting for that. Idempotent."""
        self._over.set()

    def finish(self) -> None:
        """End the thread, and show the last look; raise what kept the thread from showing anything."""
        self.leave()
        if self.ident is not None:
            self.join()
        if self._error is not None:
            raise self._error
        self._display.end(self._shown.stats())
