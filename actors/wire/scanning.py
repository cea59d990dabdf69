"""Reads through a payload before anything is made of it, or after msgpack has refused it: is it whole, and within its limits?

Plain Python with a stack of its own. What it remembers is the arrays that have begun and not ended, and where the keys of the envelope
are: never the elements.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from actors.errors import CodecError
from actors.wire import costs, tags
from actors.wire.limits import exceeded
from actors.wire.places import KEYS, NODE, Place, path_of, role_below
from actors.wire.shapes import LONGEST
from actors.wire.tokens import (
    ARRAY,
    RUNS,
    SCALAR,
    SHORT,
    SHORT_END,
    SIZES,
    TEXT,
    TRIVIAL,
    Malformed,
    bounds,
    check_end,
    check_text,
    text_of,
    token,
)

if TYPE_CHECKING:
    from typing import Any, Final

    from actors.wire.limits import Limits

__all__ = ["explain", "memory_of"]

PATIENCE: Final = 500_000  # arrays that are read, in some seconds: a hostile message is not to take more
NESTED: Final = 511  # arrays within each other that msgpack goes into
COSTS: Final = list(costs.FIRST_BYTE)
COSTS[SHORT:SHORT_END] = [costs.text(length, ascii_only=True, tag=None) for length in range(SHORT_END - SHORT)]
LARGEST_TAG: Final = 0x7F  # that is a single byte
COLLECTIONS: Final = frozenset({tags.LIST, tags.TUPLE, tags.SET, tags.FROZENSET, tags.DICT})


def explain(payload: bytes | bytearray | memoryview, limits: Limits) -> CodecError:
    """Return what is wrong with a payload that was refused: the first thing, at which byte, and where in the message.

    Args:
        payload: any bytes.
        limits: those in force.
    """
    data = bytes(payload)
    scan = _Scan(data, limits, PATIENCE)
    try:
        _check_size(data, limits)
        scan.run()
    except _ExhaustedError:
        return CodecError("is malformed behind this place, but has too many parts to look for where", scan.path())
    except CodecError as error:
        return error
    return CodecError("is no value of the wire format, though its bytes are whole and within the limits")


def memory_of(payload: bytes | bytearray | memoryview, limits: Limits, *, patience: int = PATIENCE) -> None:
    """Make sure that a payload is whole, and that decoding it stays within the limits.

    The memory is estimated from above, see `actors.wire.costs`. A payload of fewer than ``limits.memory / costs.WORST`` bytes cannot pass
    that limit.

    Args:
        payload: any bytes.
        limits: those in force.
        patience: arrays to read before the limit of memory is taken for passed.

    Raises:
        CodecError: it is not, or does not.
    """
    data = bytes(payload)  # bytes themselves are not copied, and are read faster than a view
    _check_size(data, limits)
    scan = _Scan(data, limits, patience)
    try:
        scan.run()
    except _ExhaustedError:
        raise exceeded("memory", f"may need more than {limits.memory} bytes to be decoded", limits, scan.path()) from None


def _check_size(data: bytes, limits: Limits) -> None:
    if len(data) > limits.size:
        raise exceeded("size", f"has {len(data)} bytes", limits)


class _ExhaustedError(Exception):
    """A scan has read as many arrays as it was to."""


class _Open(Place):
    """An array of which a scan keeps more than its place.

    Attributes:
        level: of how many collections and registered types it is the innermost, with itself.
        usual: whether its elements, behind the tag, are values, and no more has to be known of each than what it takes.
    """

    __slots__ = ("level", "usual")

    def __init__(self, count: int, role: int, level: int) -> None:
        super().__init__(count, role)
        self.level = level
        self.usual = False


class _Scan:
    def __init__(self, data: bytes, limits: Limits, patience: int = -1) -> None:
        self._patience = patience  # how many arrays more to read; less than 0: any number
        self._data = data
        self._limits = limits
        self._left = limits.memory
        self._stack: list[_Open] = []
        self._keys = array("Q")  # where the keys of the envelope begin

    def run(self) -> None:
        try:
            start, end, _ = bounds(self._data)
            at = self._value(start, end)
            check_end(at, end)
        except Malformed as error:
            raise CodecError(error.why, self.path()) from error

    def _value(self, at: int, end: int) -> int:
        """Read one value, and return where it ends."""
        stack, data = self._stack, self._data
        while True:
            place = stack[-1] if stack else None
            after = self._run(place, at, end) if place is not None and place.usual else at
            if after == at:
                kind, value, after = token(data, at, end)
                if kind == ARRAY:
                    after = self._begin(value, at, after, end)
                else:
                    self._element(kind, value, at, after)
                    if place is not None:
                        place.index += 1
            at = after
            while stack and stack[-1].index == stack[-1].count:
                self._end()
            if not stack:
                return at

    def _run(self, place: _Open, at: int, end: int) -> int:
        """Pass by the elements that most messages are full of, and return where the first other one begins.

        It says no more than `token` and `_element` would: large messages are to be read through in a fraction of the time.
        """
        data, count, index = self._data, place.count, place.index
        pairs = place.tag == tags.DICT
        cost = 0
        while index < count:
            found = None if pairs else TRIVIAL.match(data, at, min(end, at + count - index))
            if found is not None:
                index += found.end() - at
                at = found.end()
                continue
            size = SIZES[data[at]] if at < end else 0
            after = at + size
            if not pairs and after < end and data[at] == data[after] and data[at] in RUNS:
                found = RUNS[data[at]].match(data, at, min(end, at + (count - index) * size))
                assert found is not None  # the first is there
                number = (found.end() - at) // size
                cost += number * COSTS[data[at]]
                index += number
                at = found.end()
                continue
            if not size or after > end or (SHORT <= data[at] < SHORT_END and not data[at + 1 : after].isascii()):
                break
            if pairs and index % 2:
                place.key_at = at
            cost += COSTS[data[at]]
            index += 1
            at = after
        place.index = index
        self._take(cost)
        return at

    def _begin(self, count: int, at: int, after: int, end: int) -> int:
        """Enter an array, and return where its elements begin, behind the tag if that is a number."""
        stack = self._stack
        role, level = NODE, 0
        if stack:
            around = stack[-1]
            if around.role == NODE and around.index == 0:
                raise Malformed(f"has an array at byte {at} where a node has its tag", at)
            role = NODE if around.usual else role_below(around.role, around.tag, around.index)
            level = around.level
        if self._patience == 0:
            raise _ExhaustedError
        self._patience -= 1
        if len(stack) == NESTED:
            # Not the limit, which counts fewer things and is lower: these are nodes that no codec writes.
            raise Malformed(f"has more than {NESTED} arrays within each other at byte {at}", at)
        place = _Open(count, role, level)
        stack.append(place)
        if role != NODE:
            self._long(count)
            self._take(costs.node(None, count))
        elif count == 0:
            raise Malformed(f"has an empty array at byte {at} where a node should be, which begins with a tag", at)
        elif after < end and self._data[after] <= LARGEST_TAG:
            self._tagged(place, self._data[after])
            place.index = 1
            return after + 1
        return after

    def _element(self, kind: int, value: Any, at: int, after: int) -> None:
        place = self._stack[-1] if self._stack else None
        if place is not None and place.role == NODE and place.index == 0:
            self._tag(place, kind, value, at, after)
            return
        tag = None if place is None else place.tag
        if tag == tags.SURROGATES and len(self._stack) > 1 and self._stack[-2].tag == tags.PATH:
            tag = tags.PATH  # a path is made of it
        if kind == SCALAR:
            cost = costs.FIRST_BYTE[self._data[at]]
        elif kind == TEXT:
            plain = check_text(self._data, value, after)
            cost = costs.text(after - value, ascii_only=plain, tag=tag)
        else:
            cost = costs.binary(after - value, tag)
        if place is not None:
            if place.role == KEYS:
                self._keys.append(at)
                cost += costs.key(after - at)
            elif tag == tags.DICT and place.index % 2:
                place.key_at = at
        self._take(cost)

    def _tag(self, place: _Open, kind: int, value: Any, at: int, after: int) -> None:
        """Learn what a node is from an element that is no small number."""
        tag: int | str
        if kind == TEXT:
            if after - value > LONGEST:
                raise Malformed(f"has a text of {after - value} bytes at byte {at} as the key of a registered type", at)
            tag = text_of(self._data, value, after)
            self._take(costs.key(after - value))
        elif kind == SCALAR and type(value) is int and value >= 0:
            tag = value
        else:
            raise Malformed(f"has something at byte {at} that is no tag, where a node has one", at)
        self._tagged(place, tag)

    def _tagged(self, place: _Open, tag: int | str) -> None:
        """Make sure that a node may be as long, and as deep."""
        place.tag = tag
        place.usual = _counts(tag)
        elements = place.count - 1
        self._long(elements // 2 if tag == tags.DICT else elements)
        if _counts(tag):
            place.level += 1
            self._deep(place.level)
        self._take(costs.node(tag, place.count))

    def _end(self) -> None:
        """Leave an array that is complete."""
        self._stack.pop()
        if self._stack:
            around = self._stack[-1]
            if around.tag == tags.DICT and around.index % 2:
                around.key_at = -1
            around.index += 1

    def _long(self, elements: int) -> None:
        if elements > self._limits.length:
            raise exceeded("length", f"has {elements} elements", self._limits, self.path())

    def _deep(self, level: int) -> None:
        if level > self._limits.depth:
            raise exceeded("depth", f"has more than {self._limits.depth} levels", self._limits, self.path())

    def _take(self, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise exceeded("memory", f"needs more than {self._limits.memory} bytes to be decoded", self._limits, self.path())

    def path(self) -> str:
        """Return where the scan is."""
        return path_of(self._stack, self._data, self._key)

    def _key(self, number: int) -> str | None:
        if number >= len(self._keys):
            return None
        kind, value, after = token(self._data, self._keys[number], len(self._data))
        return text_of(self._data, value, after) if kind == TEXT else None


def _counts(tag: int | str | None) -> bool:
    """Return whether a node with this tag is a level of its own."""
    return isinstance(tag, str) or (tag is not None and (tag in COLLECTIONS or tag >= tags.FIRST_KEY))
