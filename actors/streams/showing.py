"""`show_stream`: a stream, shown while it runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from actors._shown import check_rich, output, shown
from actors.streams.picture import amount, headline, name_of, pace_line, per_second
from actors.streams.stats import StreamState
from actors.streams.stream import StreamRun

if TYPE_CHECKING:
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
    out = output(file)
    if out is None:
        return contextlib.nullcontext()
    display = _display(out)
    return shown(
        display,
        lambda: display.show(run.stats()),
        lambda: display.end(run.stats()),
        what="the stream",
        name="stream-picture",
        period=PERIOD,
        watched=run._course.ports.dispatcher is None,
    )


def _display(file: TextIO) -> Display:
    if not file.isatty():
        return Lines(file)
    check_rich("show_stream")
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
