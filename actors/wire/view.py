"""A payload as text for people, read without any registry: nothing is imported, and no type is made, because bytes ask for it.

Of what is long, only the beginning is read and kept, unless all is asked for. What is broken is shown as far as it can be read.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from actors.wire import tags
from actors.wire.layout import DIM, LEVELS, RED, Group, Text, Use, laid_out, settle
from actors.wire.literals import Bytes, Drawing, Plain, Words, node_parts, parts_of
from actors.wire.places import NODE, NODES, PLAIN, Place, path_of, role_below
from actors.wire.shapes import LONGEST
from actors.wire.tokens import ARRAY, BINARY, TEXT, Malformed, bounds, check_end, check_text, skip, text_of, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from actors.wire.layout import Part

__all__ = ["Trouble", "view"]

ITEMS: Final = 20  # of a collection that are shown
FIELDS: Final = 200  # of a registered type
ALL: Final = 5000  # elements of a message that are shown
CHARACTERS: Final = 300  # of a text
TRACEBACK: Final = 50_000  # bytes of one
MOST: Final = 1_000_000  # keys, and shared nodes, whose places are remembered
_SHORTENED: Final = frozenset({tags.LIST, tags.TUPLE, tags.SET, tags.FROZENSET})
_UNLIMITED: Final = 1 << 62


class Trouble(NamedTuple):
    """What is wrong with a payload.

    Attributes:
        why: what.
        path: where in the message.
        at: at which byte of the payload.
    """

    why: str
    path: str
    at: int


def view(payload: bytes, *, width: int, full: bool = False) -> tuple[Iterator[Text], list[Trouble]]:
    """Return a payload as texts to be written one after the other, and what is wrong with it.

    Args:
        payload: any bytes.
        width: columns of a line.
        full: whether long collections, texts and bytes are shown to their end.
    """
    reader = _Reader(payload, full=full)
    root = Group(Text(""), [reader.message()], Text(""))
    settle(root, reader.shared)
    return laid_out(root, width), reader.trouble


class _Open(Place):
    """An array that is being read.

    Attributes:
        at: the byte where it begins.
        items: what was read of it, the tag first.
        most: how many of its elements are kept.
    """

    __slots__ = ("at", "items", "most")

    def __init__(self, count: int, role: int, at: int) -> None:
        super().__init__(count, role)
        self.at = at
        self.items: list[Any] = []
        self.most = FIELDS if role in (PLAIN, NODES) else _UNLIMITED


class _Reader:
    def __init__(self, payload: bytes, *, full: bool) -> None:
        self.trouble: list[Trouble] = []
        self._data = payload
        self._full = full
        self._stack: list[_Open] = []
        self._left = _UNLIMITED if full else ALL
        self._end = len(payload)
        self._keys = array("Q")  # where they begin; read when they are needed, for there may be very many
        self._shared = array("Q")
        self._drawing = Drawing(payload, self.key, self._note, full=full)

    # -- the message ---------------------------------------------------------------------------------------------------------

    def message(self) -> list[Part]:
        """Return the outermost node, and behind it what belongs to it and could not be read where it belongs."""
        at = self._sections()
        parts: list[Part] = []
        try:
            kind, count, after = self._token(at)
            if kind == ARRAY and count and self._data[after : after + 1] == b"\x00":
                at = self._envelope(count, at, after + 1)
        except Malformed as error:
            self._fail(error)
            return self._left_over()
        value, at = self._value(at)
        parts += parts_of(value, self._drawing)
        if not self.trouble:
            try:
                check_end(at, self._end)
            except Malformed as error:
                self._fail(error)
        return parts

    def _sections(self) -> int:
        """Learn where the sections are; return where the value begins."""
        try:
            start, self._end, self._drawing.sections = bounds(memoryview(self._data))
        except Malformed as error:
            self._fail(error)
            # The value itself may be whole: it stands before them.
            start = min(len(self._data), 16 + 8 * int.from_bytes(self._data[4:8], "big"))
        return start

    def _envelope(self, count: int, at: int, after: int) -> int:
        """Learn where keys and shared nodes are; return where the value begins."""
        if count != 4:  # noqa: PLR2004  # tag, keys, shared nodes and value
            raise Malformed(f"is no envelope at byte {at}: it has {count} elements, not 4", at)
        for starts, expected in ((self._keys, TEXT), (self._shared, ARRAY)):
            kind, length, at = self._token(after)
            if kind != ARRAY:
                raise Malformed(f"is no envelope: at byte {after} should be an array of keys or shared nodes", after)
            if length > MOST:
                raise Malformed(f"has an envelope with {length} keys or shared nodes at byte {after}, and {MOST} are read at most", after)
            for _ in range(length):
                if self._token(at)[0] != expected:
                    raise Malformed(f"has something at byte {at} that is neither a key nor a shared node, as it should be there", at)
                starts.append(at)
                at = skip(self._data, at, self._end)
            after = at
        return after

    def _left_over(self) -> list[Part]:
        """Return what was read of an envelope whose value was not."""
        items: list[list[Part]] = [[Text(repr(self.key(number)))] for number in range(min(len(self._keys), ITEMS))]
        for number, at in enumerate(self._shared[:ITEMS]):
            value, _ = self._value(at)
            items.append([Text(f"&{number} "), *parts_of(value, self._drawing)])
        return [Group(Text("<envelope "), [*items, [Text("…", RED)]], Text(">"))] if items else []

    def shared(self, use: Use) -> list[Part]:
        """Return a shared node, where it is used first."""
        number = use.number
        if number >= len(self._shared):
            self._note(f"refers at byte {use.at} to shared node {number}, and the envelope has {len(self._shared)}", use.at)
            return [Text("<none>", RED)]
        value, _ = self._value(self._shared[number])
        return parts_of(value, self._drawing)

    def key(self, number: int) -> str | None:
        """Return the n-th key of the envelope."""
        if number >= len(self._keys):
            return None
        try:
            _, start, end = self._token(self._keys[number])
            return text_of(self._data, start, end) if end - start <= LONGEST else f"<key of {end - start} bytes>"
        except Malformed:  # told when it was passed by
            return None

    # -- values --------------------------------------------------------------------------------------------------------------

    def _value(self, at: int) -> tuple[Any, int]:
        """Return one value and where it ends; of one that is broken, what could be read."""
        outside, self._stack = self._stack, []
        try:
            return self._read(at)
        except Malformed as error:
            self._fail(error)
            value: Any = Text("…", RED)
            while self._stack:
                place = self._stack.pop()
                place.items.append(value)
                place.count = len(place.items)  # the mark says that something is missing
                value = self._closed(place, place.items)
            return value, self._end
        finally:
            self._stack = outside

    def _read(self, at: int) -> tuple[Any, int]:
        stack = self._stack
        while True:
            kind, value, after = self._token(at)
            self._left -= 1
            if kind == ARRAY and len(stack) < LEVELS:
                role = role_below(stack[-1].role, stack[-1].tag, stack[-1].index) if stack else NODE
                stack.append(_Open(value, role, at))
                at = after
            else:
                made = self._made(kind, value, after)
                begin, at = at, skip(self._data, at, self._end) if kind == ARRAY else after
                if not stack:
                    return made, at
                self._add(made, begin)
            while stack[-1].index == stack[-1].count or self._enough(stack[-1]):
                at = self._passed(stack[-1], at)
                place = stack.pop()
                closed = self._closed(place, place.items)
                if not stack:
                    return closed, at
                self._add(closed, -1)

    def _token(self, at: int) -> tuple[int, Any, int]:
        """Return an element; of one that says it is longer than it can be, what is there is shown."""
        try:
            return token(self._data, at, self._end)
        except Malformed as error:
            if error.rest is None:
                raise
            self._fail(error)
            return error.rest

    def _add(self, made: Any, at: int) -> None:
        place = self._stack[-1]
        if place.index == 0 and place.role == NODE:
            self._tag(place, made)
        elif place.tag == tags.DICT and place.index % 2:
            place.key_at = at
        place.items.append(made)
        place.index += 1

    def _tag(self, place: _Open, made: Any) -> None:
        """Learn what a node is, and how much of it is shown."""
        if isinstance(made, Words):
            place.tag = made.text
        elif type(made) is int and made >= 0:
            place.tag = made
        if self._full:
            return
        if place.tag in _SHORTENED:
            place.most = ITEMS + 1
        elif place.tag == tags.DICT:
            place.most = 2 * ITEMS + 1
        elif isinstance(place.tag, str) or (place.tag is not None and place.tag >= tags.FIRST_KEY):
            place.most = FIELDS + 1

    def _enough(self, place: _Open) -> bool:
        """Return whether the rest of an array is not shown."""
        if place.most != _UNLIMITED and self._left < 0 and place.role == NODE:
            # All that may be shown of the message is: of a dict, no key without its value.
            place.most = min(place.most, place.index + (place.tag == tags.DICT and place.index % 2 == 0))
        return place.index >= place.most

    def _passed(self, place: _Open, at: int) -> int:
        while place.index < place.count:
            at = skip(self._data, at, self._end)
            place.index += 1
        return at

    def _made(self, kind: int, value: Any, after: int) -> Any:
        """Return what is kept of an element."""
        if kind == ARRAY:
            return Text("…", DIM)
        if kind == BINARY:
            return Bytes(value, after)
        if kind == TEXT:
            check_text(self._data, value, after)
            most = value + self._characters(after - value)
            if most >= after:
                return Words(text_of(self._data, value, after), 0)
            return Words(self._data[value:most].decode("utf-8", "ignore"), after - value)
        return value

    def _characters(self, size: int) -> int:
        """Return how many bytes of a text of this size are shown."""
        place = self._stack[-1] if self._stack else None
        if place is not None and place.role == NODE and place.index == 0:
            return LONGEST  # the key of a type
        if self._full:
            return size
        return TRACEBACK if place is not None and place.tag == tags.ERROR else CHARACTERS

    def _closed(self, place: _Open, items: list[Any]) -> Any:
        if place.role != NODE:
            return Plain(items, place.count)
        return node_parts(place.tag, items, place.count, place.at, self._drawing)

    # -- what is wrong -------------------------------------------------------------------------------------------------------

    def _fail(self, error: Malformed) -> None:
        self._note(error.why, error.at)

    def _note(self, why: str, at: int) -> None:
        # One is enough: what follows it is often no more than its consequence.
        if not self.trouble:
            self.trouble.append(Trouble(why, path_of(self._stack, self._data, self.key), at))
