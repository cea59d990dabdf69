"""How a line is shown in a terminal: one line for people, without anything that could be more than text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from actors.logs.reading import field_text
from actors.texts import columns, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.logs.reading import Line

__all__ = ["Conversation", "View", "escaped", "json_escaped"]

BARE = re.compile(r'[^\s"=]+')
WIDEST_LEVEL = len("CRITICAL")
DIM, CYAN, RED = "2", "36", "31"
# From this number of a level on.
COLOURS = ((40, "1;31"), (30, "33"), (25, "32"), (20, ""), (0, DIM))


class View:
    """Lines with their time, each for itself.

    Args:
        colours: with ANSI colours.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def text(self, line: Line) -> str:
        """Return a line as it is shown, with what belongs to it in the lines below."""
        return self._whole(f"{self._painted(_time(line.at).ljust(23), DIM)} {self._level(line)} {self._painted(_place(line), CYAN)}", line)

    def _whole(self, head: str, line: Line, hidden: str | None = None) -> str:
        first, *others = line.message.rstrip("\r\n").split("\n")
        fields = [self._field(key, value) for key, value in line.fields.items()]
        if line.event is not None:
            fields.insert(0, self._field("event", line.event))
        if line.correlation not in (None, hidden):
            fields.append(self._field("correlation", line.correlation))
        parts = [head, escaped(first.rstrip("\r")), " ".join(fields)]
        lines = ["  ".join(part for part in parts if part).rstrip(), *(f"    | {escaped(text)}" for text in others)]
        if line.exception is not None:
            kind, message, traceback = line.exception
            below = traceback.rstrip() or ": ".join(part for part in (kind, message) if part)
            lines += [f"    {self._painted(escaped(text.expandtabs()), RED)}" for text in below.split("\n")]
        return "\n".join(lines)

    def _field(self, key: str, value: Any) -> str:
        text = field_text(value)
        if type(value) is str and not BARE.fullmatch(text):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{self._painted(f'{escaped(key)}=', DIM)}{escaped(text)}"

    def _level(self, line: Line) -> str:
        name = escaped(line.level or "-").ljust(WIDEST_LEVEL)
        number = line.no or 0
        return self._painted(name, next((code for least, code in COLOURS if number >= least), DIM))

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and code and text else text


class Conversation(View):
    """The lines of one correlation: who did what in which order, and how long after the first of them."""

    def __init__(self, *, colours: bool) -> None:
        super().__init__(colours=colours)
        self._begun: float | None = None
        self._correlation: str | None = None  # None: nothing was shown yet
        self._width = 0

    def fit(self, lines: Iterable[Line]) -> None:
        """Make the column of the actors as wide as these lines need."""
        self._width = max([self._width, *(columns(_place(line)) for line in lines)])

    def text(self, line: Line) -> str:
        """Return a line as it is shown; before the first one stands which conversation it is, and when it began."""
        self.fit([line])
        title = ""
        if self._correlation is None:
            self._correlation = line.correlation or ""
            title = self._painted(f"correlation {escaped(self._correlation)}, from {_time(line.at)}", DIM) + "\n"
        if self._begun is None:
            self._begun = line.at
        place = _place(line)
        place += " " * (self._width - columns(place))
        after = "-" if line.at is None or self._begun is None else f"{line.at - self._begun:+.6f}"
        head = f"{self._painted(after.rjust(12), DIM)} {self._painted(place, CYAN)} {self._level(line)}"
        return title + self._whole(head, line, self._correlation)


def json_escaped(text: str) -> str:
    """Return JSON that means the same, in which a terminal finds nothing but text."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\t\r" else json_of(char) for char in text)


def json_of(char: str) -> str:
    """Return a character as JSON can write it."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))


def _time(at: float | None) -> str:
    if at is None:
        return "-"
    try:
        # To milliseconds by cutting off, as clocks do.
        return datetime.fromtimestamp(at, UTC).astimezone().isoformat(" ", "milliseconds")[:23]
    except (ValueError, OverflowError, OSError):
        return f"{at:.3f}"  # out of what a calendar has, in this zone


def _place(line: Line) -> str:
    if line.actor is None:
        return escaped(line.logger or "-")
    again = f"#{line.incarnation}" if line.incarnation is not None and line.incarnation > 1 else ""
    return escaped(line.actor) + again
