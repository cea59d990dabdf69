"""The tree and the feed of a demo as rows of a terminal, cut to its size."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from actors.texts import plain
from supervisors.demo.feed import Tone
from supervisors.picture import Condition, condition_of, lines_of, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from supervisors.demo.feed import Note
    from supervisors.nodes import TreeNode
    from supervisors.picture import Line

__all__ = ["FeedRows", "Rates", "TreeRows"]

_STYLES = {Condition.RUNNING: "green", Condition.CHANGING: "yellow", Condition.OVER: "bright_black"}
_TONES = {Tone.QUIET: "bright_black", Tone.GOOD: "green", Tone.ODD: "yellow", Tone.BAD: "red"}
_ELLIPSIS = "…"
_SPAN = 1.0  # demo seconds over which messages per second are averaged
_LEAST_NAME, _LEAST_ERROR = 14, 12  # columns
_LEAST_ROWS = 5  # of which two may say how many are left out, and the selected one is another
_OFFSET = 9  # columns of the time in the feed


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    right: bool


_COLUMNS = (
    _Column("state", 10, right=False),
    _Column("life", 4, right=True),
    _Column("restarts", 8, right=True),
    _Column("mail", 5, right=True),
    _Column("msg/s", 6, right=True),
)


class Rates:
    """Messages per second of every actor, from what it has handled at several moments."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def note(self, top: TreeNode, now: float) -> dict[str, float]:
        """Return the rates by path."""
        before, self._seen = self._seen, {}
        rates = {}
        for node in top.everyone():
            seen = self._seen[node.path] = before.get(node.path) or deque()
            if seen and seen[-1][1] > node.handled:  # another actor has come in its place
                seen.clear()
            if not seen or now > seen[-1][0]:
                seen.append((now, node.handled))
            while len(seen) > 2 and seen[1][0] <= now - _SPAN:  # noqa: PLR2004  # two make a span
                seen.popleft()
            span = seen[-1][0] - seen[0][0]
            rates[node.path] = (seen[-1][1] - seen[0][1]) / span if span > 0 else 0.0
        return rates


class TreeRows:
    """A tree with its figures. Of more rows than there is room for, those around the selected one, and how many are above and below."""

    def __init__(self, top: TreeNode, rates: dict[str, float], selected: str | None) -> None:
        self._lines = lines_of(top)
        self._rates = rates
        self._selected = selected

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a row for each line."""
        width, height = options.max_width, options.height or len(self._lines) + 1
        names = names_of(self._lines)
        columns, name, error = _layout(width, max(map(cell_len, names)))
        head = [_fit("actor", name), *(_fit(column.title, column.width, right=column.right) for column in columns)]
        yield _row(" ".join([*head, "last error" if error else ""]), width, "bold")
        visible = self._visible(height - 1)
        told = self._left_out(visible)
        for place in visible:
            if place in told:
                yield _row(told[place], width, "bright_black")
            else:
                yield self._drawn(self._lines[place], names[place], (columns, name, error), width)

    def _visible(self, room: int) -> range:
        if room >= len(self._lines):
            return range(len(self._lines))
        at = next((place for place, line in enumerate(self._lines) if line.node is not None and line.node.path == self._selected), 0)
        first = max(0, min(at - room // 2, len(self._lines) - room))
        return range(first, first + max(0, room))

    def _left_out(self, visible: range) -> dict[int, str]:
        """Return what stands in the first and the last row instead of an actor, if there are more above or below."""
        told: dict[int, str] = {}
        if len(visible) >= _LEAST_ROWS:
            above, below = visible.start, len(self._lines) - visible.stop
            if above:
                told[visible.start] = f"↑ {above + 1:,} more"
            if below:
                told[visible.stop - 1] = f"↓ {below + 1:,} more"
        return told

    def _drawn(self, line: Line[TreeNode], name: str, layout: tuple[Sequence[_Column], int, int], width: int) -> Text:
        columns, name_width, error_width = layout
        node = line.node
        if node is None:
            return _row(name, width, "bright_black")
        row = Text(_fit(name, name_width), "bold" if node.strategy is not None else "", no_wrap=True, overflow="crop", end="")
        for column, cell in zip(columns, self._cells(node), strict=False):
            row.append(" " + _fit(cell, column.width, right=column.right), _STYLES[condition_of(node)] if column.title == "state" else "")
        if error_width and node.error is not None:
            row.append(" " + _fit(plain(node.error), error_width), "red")
        row.truncate(width, pad=True)
        if node.path == self._selected:
            row.stylize("reverse")
        row.append("\n")
        return row

    def _cells(self, node: TreeNode) -> list[str]:
        restarts = f"{node.recent} of {node.limit.restarts}" if node.limit is not None else _number(node.restarts)
        rate = self._rates.get(node.path, 0.0)
        return [
            f"{_state(node)}{' •' if node.busy else ''}",
            _number(node.incarnation),
            restarts,
            _number(node.waiting),
            f"{rate:,.0f}" if rate >= 9.95 else f"{rate:.1f}" if rate > 0.05 else "",  # noqa: PLR2004  # digits that fit
        ]


def _state(node: TreeNode) -> str:
    """Return what an actor is at: of a machine that runs, the state it is in."""
    if node.machine_state is not None and condition_of(node) is Condition.RUNNING:
        return plain(node.machine_state)
    return str(node.state.value)


def _layout(width: int, widest: int) -> tuple[Sequence[_Column], int, int]:
    """Return the columns that there is room for, and the widths of the name and of the error."""
    columns: Sequence[_Column] = _COLUMNS
    while (room := width - sum(column.width + 1 for column in columns)) < _LEAST_NAME and columns:
        columns = columns[:-1]
    name = max(1, min(widest, room - (_LEAST_ERROR + 1 if room > _LEAST_NAME + _LEAST_ERROR else 0)))
    error = room - name - 1
    return columns, name, error if error >= _LEAST_ERROR else 0


def _number(number: int) -> str:
    return f"{number:,}" if number else ""


def _fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` columns."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + _ELLIPSIS if width else ""
    blanks = " " * (width - size)
    return blanks + text if right else text + blanks


def _row(text: str, width: int, style: str) -> Text:
    return Text(_fit(text, width) + "\n", style, no_wrap=True, overflow="crop", end="")


class FeedRows:
    """The newest lines of a feed, the very newest last."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = notes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a row for each line, and a second one for what does not fit."""
        width, height = options.max_width, options.height or len(self._notes)
        rows: list[Text] = []
        for note in reversed(self._notes):
            rows[:0] = _noted(note, width)
            if len(rows) >= height:
                break
        yield from rows[-height:] if height else ()


def _noted(note: Note, width: int) -> list[Text]:
    head = Text(f"{note.at:7.2f}  ", "bright_black", no_wrap=True, overflow="crop", end="")
    head.append(note.who, "cyan")
    text = f" {note.whole}"
    if cell_len(head.plain) + cell_len(text) <= width:
        head.append(text, _TONES[note.tone])
        rows = [head]
    else:
        rows = [head, Text(" " * _OFFSET + note.whole, _TONES[note.tone], no_wrap=True, overflow="crop", end="")]
    for row in rows:
        if cell_len(row.plain) > width:
            row.truncate(width, overflow="ellipsis")
        row.append("\n")
    return rows
