"""Tables and progress on a terminal: with rich where it is installed and somebody is looking, else as plain text."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

__all__ = ["QUICK", "Bar", "open_bar", "print_table"]

# The tests run every example with this set: the same idea, smaller.
QUICK = os.environ.get("GREENROOM_QUICK") == "1"

Row = Sequence[object]


class Bar(Protocol):
    """A progress bar."""

    def show(self, done: int, total: int) -> None:
        """Draw it anew."""

    def close(self) -> None:
        """Leave the line as it is and give the terminal back."""


def open_bar(what: str) -> Bar:
    """Return a progress bar that suits the place the output goes to."""
    return _RichBar(what) if _is_rich() else _PlainBar(what)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a table; numbers stand to the right."""
    (_print_rich_table if _is_rich() else _print_plain_table)(title, columns, rows)


def _is_rich() -> bool:
    return sys.stdout.isatty() and find_spec("rich") is not None


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _right(rows: Sequence[Row], column: int) -> bool:
    return all(isinstance(row[column], int) for row in rows)


# rich is imported where it is used, because it need not be there.


class _RichBar:
    def __init__(self, what: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._progress = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._progress.add_task(what, total=None)
        self._progress.start()

    def show(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def close(self) -> None:
        self._progress.stop()


class _PlainBar:
    """A line for every few hundred: as many as a log file can bear."""

    STEP = 250

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = self.STEP

    def show(self, done: int, total: int) -> None:
        if done >= self._next:
            print(f"{self._what}: {done:,} of {total:,}", flush=True)
            self._next = done - done % self.STEP + self.STEP

    def close(self) -> None:
        """Nothing to give back."""


def _print_rich_table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if _right(rows, number) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    Console().print(table)


def _print_plain_table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(line[number]) for line in (columns, *cells)) for number in range(len(columns))]
    right = [_right(rows, number) for number in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        return "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)).rstrip()

    print(f"\n{title}\n{line(columns)}\n{line(['-' * width for width in widths])}")
    for values in cells:
        print(line(values))
