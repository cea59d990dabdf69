"""Progress as bars on a terminal. Imported only where it is drawn: rich need not be installed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from actors._shown import live
from actors.scheduler.lines import amount, ending, share, short_text
from actors.scheduler.task import RunOutcome

if TYPE_CHECKING:
    from rich.console import RenderableType

    from actors.scheduler.board import Row, View

__all__ = ["Bars"]

WIDTH = 24  # columns of a bar
KEPT = 8  # runs that have ended and are still shown
MOST = 10  # failures of one look that get a line
OTHER = 4  # rows of the screen that no run gets
NARROW = 60  # columns with fewer of which a bar is left out


class Bars:
    """Draws a bar for each run under way and below them the last that have ended; failures get a line above that stays.

    Args:
        file: the terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._live = live(self._console, file)
        self._spinner = Spinner("line")
        self._kept: deque[Row] = deque(maxlen=KEPT)

    def begin(self) -> None:
        """Take the lower end of the terminal."""
        self._live.start()

    def show(self, view: View) -> None:
        """Draw."""
        self._draw(view, None)

    def end(self, view: View, sums: str) -> None:
        """Draw for the last time, with the sums, and give the terminal back."""
        try:
            self._draw(view, sums)
        finally:
            self.close()

    def close(self) -> None:
        """Give the terminal back. Idempotent."""
        self._live.stop()

    def _draw(self, view: View, sums: str | None) -> None:
        failed = [row for row in view.ended if row.outcome is RunOutcome.FAILED]
        for row in failed[:MOST]:
            self._console.print(Text(f"{short_text(row.name)}: {ending(row)}", "red"))
        if len(failed) > MOST:
            self._console.print(Text(f"... and {len(failed) - MOST} more that have failed", "red"))
        self._kept.extend(row for row in view.ended if row.outcome is not RunOutcome.FAILED)
        self._live.update(self._picture(view, sums), refresh=True)

    def _picture(self, view: View, sums: str | None) -> RenderableType:
        room = max(1, self._console.height - OTHER)
        running = view.running[:room]
        kept = list(self._kept)[-(room - len(running)) :] if room > len(running) else []
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(max_width=max(8, self._console.width // 3), no_wrap=True, overflow="ellipsis")
        if self._console.width >= NARROW:
            table.add_column(width=WIDTH)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for row in running:
            table.add_row(*self._cells(row))
        for row in kept:
            table.add_row(*self._ended_cells(row))
        return Group(table, Text(sums if sums is not None else _footer(view, len(running)), "bold" if sums is not None else "dim"))

    def _cells(self, row: Row) -> list[RenderableType]:
        progress, done = row.progress, share(row.progress)
        mark: RenderableType = self._spinner if done is None else ""
        counted = amount(progress.done) if progress is not None else ""
        if done is not None and progress is not None and progress.total is not None:
            counted += f"/{amount(progress.total)}"
        said = [f"{row.seconds:.1f} s"]
        if row.waiting:
            said.append(f"waits for attempt {row.attempt + 1}")
        elif row.attempt > 1:
            said.append(f"attempt {row.attempt}")
        if progress is not None and progress.text:
            said.append(short_text(progress.text))
        bar: RenderableType = "" if done is None else ProgressBar(total=1.0, completed=done, width=WIDTH)
        return self._line(mark, Text(short_text(row.name)), bar, Text(counted), Text("  ".join(said), "yellow" if row.attempt > 1 else ""))

    def _ended_cells(self, row: Row) -> list[RenderableType]:
        succeeded = row.outcome is RunOutcome.SUCCEEDED
        style = "green" if succeeded else "yellow"
        bar: RenderableType = ProgressBar(total=1.0, completed=1.0, width=WIDTH) if succeeded else ""
        mark = Text("✓" if self._console.encoding.startswith("utf") else "+", style) if succeeded else Text("-", style)
        counted = amount(row.progress.done) if row.progress is not None else ""
        return self._line(mark, Text(short_text(row.name), style), bar, Text(counted), Text(ending(row), style))

    def _line(self, mark: RenderableType, name: Text, bar: RenderableType, counted: Text, said: Text) -> list[RenderableType]:
        return [mark, name, bar, counted, said] if self._console.width >= NARROW else [mark, name, counted, said]


def _footer(view: View, shown: int) -> str:
    parts = [f"{len(view.running) - shown} more under way"] if len(view.running) > shown else []
    if view.ready:
        parts.append(f"{view.ready:,} waiting for a place")
    return ", ".join(parts)
