"""A stream's picture on a terminal. Imported only where it is drawn: rich need not be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from actors._shown import live
from actors.streams.picture_text import MARK, stream_ascii, stream_text

if TYPE_CHECKING:
    from actors.streams.stats import StreamStats

__all__ = ["Screen"]

OTHER = 2  # rows of the screen that the picture does not get
NARROWEST = 20


class Screen:
    """Draws the picture again and again in the same place; what the program prints appears above it.

    Args:
        file: the terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._live = live(self._console, file)

    def begin(self) -> None:
        """Take the lower end of the terminal."""
        self._live.start()

    def show(self, stats: StreamStats) -> None:
        """Draw."""
        self._live.update(self._drawn(stats), refresh=True)

    def end(self, stats: StreamStats) -> None:
        """Draw for the last time, and give the terminal back."""
        try:
            self.show(stats)
        finally:
            self.close()

    def close(self) -> None:
        """Give the terminal back. Idempotent."""
        self._live.stop()

    def _drawn(self, stats: StreamStats) -> Text:
        text = stream_text(stats, max(NARROWEST, self._console.width - 1))
        lines = text.splitlines()
        stuck = next((number for number, line in enumerate(lines) if MARK in line), 0)
        drawn = Text(no_wrap=True, overflow="crop")
        if not self._console.encoding.startswith("utf"):
            lines = [stream_ascii(line).encode("ascii", "replace").decode() for line in lines]
        for number in _shown(len(lines), max(1, self._console.height - OTHER), stuck):
            style = "bold" if number == 0 else "bold yellow" if stuck and number in (stuck, len(lines) - 1) else ""
            drawn.append(lines[number] + "\n", style)
        drawn.right_crop(1)
        return drawn


def _shown(count: int, room: int, stuck: int) -> range:
    """Return which of the lines are shown on a screen that is too small for all: those around the one that matters."""
    first = min(max(0, stuck - room // 2), max(0, count - room))
    return range(first, min(count, first + room))
