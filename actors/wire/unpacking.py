"""Bytes to nodes, by msgpack, which believes lengths: it makes a list as long as an array says it is before it has read one element.

So a payload is looked at first, the more closely the more harm it could do. A small one can do none. Of a larger one msgpack checks the
structure, without making anything. If what it decodes to could be beyond the limit of memory, that is counted: as msgpack makes it, or,
where the lists that msgpack has not finished could be too much by themselves, before.
"""

from __future__ import annotations

import math
import struct
from itertools import chain
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final

from msgpack import Unpacker, unpackb

from actors.errors import CodecError
from actors.wire import costs, tags
from actors.wire.limits import exceeded
from actors.wire.scanning import explain, memory_of
from actors.wire.tags import SECTIONED

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from actors.wire.limits import Limits

__all__ = ["HEAD", "Unpacking", "packed_sections", "padded"]

SMALL: Final = 2048  # bytes: msgpack would make lists of 11 MB at most of so many
SECTION: Final = 400  # bytes that a section takes for itself
UNFINISHED: Final = 48  # bytes that one byte of a payload takes at most as an element of a list that msgpack is still making
HEAD: Final = struct.Struct(">IIQ")  # of a payload with sections
ALIGNED: Final = 8
_FIRST: Final = SECTIONED << 24  # with three bytes that are zero, so that later versions can say something there
FEW: Final = 20_000  # arrays that are read again to say where a message has become too large, if that is not much later
_EMPTY: Final = 33  # bytes that there are of every text and bytes


class Unpacking:
    """Makes nodes of payloads, within limits.

    Args:
        limits: those of the codec.
    """

    __slots__ = ("_counted", "_large", "_limits", "small")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # The lists of lying lengths, each in the next: a third as many as there are bytes, 8 bytes for each byte.
        self.small = min(SMALL, math.isqrt(limits.memory // 3))
        self._counted = limits.memory // costs.WORST
        self._large = limits.memory // UNFINISHED

    def unpack(self, payload: bytes) -> Any:
        """Return the nodes of a payload without sections."""
        try:
            if len(payload) <= self.small:
                return unpackb(payload)
            self._look(payload)
            return unpackb(payload, list_hook=_Budget(self._limits) if len(payload) > self._counted else None)
        except _OverBudgetError:
            memory_of(payload, self._limits, patience=FEW)  # says where
            raise exceeded("memory", f"needs more than {self._limits.memory} bytes to be decoded", self._limits) from None
        except CodecError:
            raise
        except Exception as error:  # whatever msgpack raises: it is not of one kind
            raise explain(payload, self._limits) from error

    def _look(self, payload: bytes | memoryview) -> None:
        if len(payload) > self._limits.memory:  # nothing takes less than its bytes, and to look at them takes as much
            raise exceeded("memory", f"needs more than {self._limits.memory} bytes to be decoded", self._limits)
        unpacker = Unpacker(max_buffer_size=len(payload))
        unpacker.feed(payload)
        unpacker.skip()
        if unpacker.tell() != len(payload):
            msg = "trailing bytes"
            raise ValueError(msg)
        if len(payload) > self._large:
            memory_of(payload, self._limits)

    def unpack_sections(self, payload: bytes) -> tuple[Any, tuple[memoryview, ...]]:
        """Return the nodes and the sections of a payload that has some."""
        view = memoryview(payload).toreadonly()  # whoever writes to an array would write to the others, too
        try:
            first, count, length = HEAD.unpack_from(view)
        except struct.error:
            raise self._malformed("is shorter than its head") from None
        if first != _FIRST:
            raise self._malformed("has something where its head has zeros")
        start = HEAD.size + 8 * count
        if start > len(view):
            raise self._malformed(f"has {count} sections, more than there is room for")
        if count > self._limits.length:
            raise exceeded("length", f"has {count} sections", self._limits)
        if count * SECTION + length > self._limits.memory:
            raise exceeded("memory", f"needs more than {self._limits.memory} bytes to be decoded", self._limits)
        lengths = struct.unpack_from(f">{count}Q", view, HEAD.size)
        places = [(start, length)]
        end = start + length
        for one in lengths:
            begin = padded(end)
            places.append((begin, one))
            end = begin + one
        if end != len(view):
            raise self._malformed(f"has {len(view)} bytes, and its head says {end}")
        parts = [view[begin : begin + one] for begin, one in places]
        return self.unpack(bytes(parts[0])), tuple(parts[1:])

    @staticmethod
    def _malformed(what: str) -> CodecError:
        return CodecError(f"is a payload with sections that {what}")

    def check_size(self, size: int) -> None:
        """Refuse a payload that is too large."""
        if size > self._limits.size:
            raise exceeded("size", f"has {size} bytes", self._limits)


class _OverBudgetError(Exception):
    """Raised within msgpack when it has made too much."""


class _Budget:
    """Counts what each list that msgpack has finished takes, with what will be made of it."""

    __slots__ = ("_left",)

    def __init__(self, limits: Limits) -> None:
        self._left = limits.memory

    def __call__(self, node: list[Any]) -> list[Any]:
        size = sum(map(getsizeof, node))
        tag = node[0] if node else None
        if type(tag) is int:
            if tags.LAST_CONTAINER < tag < tags.FIRST_KEY:
                size += costs.again(tag, _texts(node))
        elif type(tag) is not str:
            tag = None
        self._left -= size + costs.node(tag, len(node))
        if self._left < 0:
            raise _OverBudgetError
        return node


def _texts(node: list[Any]) -> int:
    """Return how much text and binary data is in a node that is no collection; a text in it may be a node of its own."""
    parts = chain(node, *(one for one in node if type(one) is list))
    return sum(getsizeof(one) - _EMPTY for one in parts if type(one) is str or type(one) is bytes)


def padded(offset: int) -> int:
    """Return the place at or behind `offset` where a section may begin."""
    return -(-offset // ALIGNED) * ALIGNED


def packed_sections(body: bytes, sections: list[memoryview]) -> list[bytes | memoryview]:
    """Return the pieces of a payload with sections."""
    head = HEAD.pack(_FIRST, len(sections), len(body)) + struct.pack(f">{len(sections)}Q", *(len(one) for one in sections))
    pieces: list[bytes | memoryview] = [head + body]
    offset = len(pieces[0])
    for section in sections:
        gap = padded(offset) - offset
        if gap:
            pieces.append(bytes(gap))
        pieces.append(section)
        offset += gap + len(section)
    return pieces


def as_bytes(data: Buffer) -> bytes | memoryview:
    """Return anything that is bytes in memory as what can be measured and cut byte by byte."""
    if type(data) is bytes:
        return data
    try:
        return memoryview(data).cast("B")
    except TypeError as error:
        msg = f"data={type(data).__name__} is not valid: bytes, or another contiguous buffer ({error})"
        raise TypeError(msg) from None
