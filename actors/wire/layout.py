"""Fits nested text into the width of a page: what has room stands on one line, of what has not each item is on its own, indented.

Without recursion, for what is laid out comes from outside and may be of any depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.texts import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final

__all__ = ["CYAN", "DIM", "GREEN", "RED", "Group", "Part", "Text", "Use", "laid_out", "settle"]

DIM, CYAN, GREEN, RED = "2", "36", "32", "31"
INDENT: Final = 4
LEVELS: Final = 250  # groups within each other that are shown
ENDLESS: Final = 1 << 60  # the width of what cannot be on one line


class Text(NamedTuple):
    """A piece of a line.

    Attributes:
        text: without line breaks, and with nothing that a terminal could take for more than text.
        style: how it is painted where there are colours.
    """

    text: str
    style: str = ""


class Use(NamedTuple):
    """A place where something stands that may stand in several: it is shown in the first of them.

    Attributes:
        number: which.
        at: where it says so.
    """

    number: int
    at: int


class Group:
    """Items between two texts.

    Args:
        opening: what stands before them.
        items: each is a few parts that follow each other.
        closing: what stands after them.
        lines: every item has a line of its own, and nothing stands between them.
    """

    __slots__ = ("closing", "flat", "items", "lines", "opening")

    def __init__(self, opening: Text, items: list[list[Part]], closing: Text, *, lines: bool = False) -> None:
        self.opening = opening
        self.items = items
        self.closing = closing
        self.lines = lines
        self.flat = 0  # columns on one line, once it is settled


Part = Text | Use | Group


def settle(root: Group, resolve: Callable[[Use], Sequence[Part]]) -> None:
    """Put what is used in the place of its first use, and find out how wide everything is.

    Args:
        root: where to begin.
        resolve: returns what stands for a number, at its first use.
    """
    shown: set[int] = set()
    stack = [[root, 0, 0]]
    root.flat = _frame(root)
    while stack:
        frame = stack[-1]
        group, index, place = frame
        assert isinstance(group, Group)
        assert isinstance(index, int)
        assert isinstance(place, int)
        if index == len(group.items):
            stack.pop()
            if stack:
                around = stack[-1][0]
                assert isinstance(around, Group)
                around.flat += group.flat
            continue
        item = group.items[index]
        if place == len(item):
            group.flat += 2 * (index > 0)
            frame[1:] = index + 1, 0
            continue
        part = item[place]
        if isinstance(part, Use):
            item[place : place + 1] = _used(part, shown, resolve)
        elif isinstance(part, Group) and len(stack) == LEVELS:
            item[place] = Text("…", DIM)
        else:
            frame[2] = place + 1
            if isinstance(part, Group):
                part.flat = _frame(part)
                stack.append([part, 0, 0])
            else:
                group.flat += _width(part.text)


def _used(use: Use, shown: set[int], resolve: Callable[[Use], Sequence[Part]]) -> list[Part]:
    if use.number in shown:
        return [Text(f"*{use.number}", DIM)]
    # Before it is looked into: in a circle, which is no message, it ends there.
    shown.add(use.number)
    return [Text(f"&{use.number} ", DIM), *resolve(use)]


def _frame(group: Group) -> int:
    return ENDLESS if group.lines else _width(group.opening.text) + _width(group.closing.text)


def _width(text: str) -> int:
    return len(text) if text.isascii() else columns(text)


def laid_out(root: Group, width: int) -> Iterator[Text]:
    """Yield the texts of the items of a settled group, one after the other, with line breaks and indents between them.

    Args:
        root: its own texts do not count.
        width: columns that a line may have; a text that has more is not broken.
    """
    todo: list[
        tuple[Part, int, bool]
    ] = []  # what comes, how far it is indented, whether it is on one line anyhow; the last one comes first
    for item in reversed(root.items):
        todo += [(part, 0, False) for part in reversed(item)]
    column = 0
    while todo:
        part, indent, flat = todo.pop()
        if isinstance(part, Text):
            column = indent if part.text.startswith("\n") else column + _width(part.text)
            yield part
            continue
        assert isinstance(part, Group)
        flat = flat or not part.items or column + part.flat + 1 <= width  # one more for a comma behind it
        todo += _opened(part, indent, flat=flat, width=width)


def _opened(group: Group, indent: int, *, flat: bool, width: int) -> list[tuple[Part, int, bool]]:
    """Return what a group consists of, the last one first."""
    # Far inside, more indentation would leave no room.
    inner = min(indent + INDENT, max(INDENT, width // 2))
    line = Text("\n" + " " * inner)
    parts: list[tuple[Part, int, bool]] = [(group.opening, indent, True)]
    for index, item in enumerate(group.items):
        if index and not group.lines:
            parts.append((Text(", " if flat else ","), inner, True))
        if not flat:
            parts.append((line, inner, True))
        parts += [(part, inner, flat) for part in item]
    if not flat and group.closing.text:
        parts.append((Text("\n" + " " * indent), indent, True))
    parts.append((group.closing, indent, True))
    parts.reverse()
    return parts
