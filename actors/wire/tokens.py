"""The elements of a msgpack value one by one, from bytes that may be anything: no element is trusted, and nothing is made of it."""

from __future__ import annotations

import codecs
import re
import struct
from typing import TYPE_CHECKING

from actors.wire.tags import SECTIONED

if TYPE_CHECKING:
    from typing import Any, Final

__all__ = [
    "ARRAY",
    "BINARY",
    "RUNS",
    "SCALAR",
    "SHORT",
    "SHORT_END",
    "SIZES",
    "TEXT",
    "TRIVIAL",
    "Data",
    "Malformed",
    "bounds",
    "check_end",
    "check_text",
    "skip",
    "text_of",
    "token",
]

# What an element is, and what `token` gives as its value:
SCALAR: Final = 0  # None, a bool, an int or a float; itself
TEXT: Final = 1  # where its bytes begin; they end where the element ends
BINARY: Final = 2  # the same
ARRAY: Final = 3  # how many elements follow

Data = bytes | memoryview
PIECE: Final = 1 << 16  # bytes of a text that are looked at at once
_ONE = {1: struct.Struct(">B"), 2: struct.Struct(">H"), 4: struct.Struct(">I")}
_KINDS: Final = {
    **{first: (BINARY, _ONE[size]) for first, size in ((0xC4, 1), (0xC5, 2), (0xC6, 4))},
    **{first: (TEXT, _ONE[size]) for first, size in ((0xD9, 1), (0xDA, 2), (0xDB, 4))},
    **{first: (ARRAY, _ONE[size]) for first, size in ((0xDC, 2), (0xDD, 4))},
    **{0xCA + offset: (SCALAR, struct.Struct(f">{code}")) for offset, code in enumerate("fdBHIQbhiq")},
}
_CONSTANTS: Final = {0xC0: None, 0xC2: False, 0xC3: True}
_NAMES: Final = {TEXT: "text", BINARY: "binary data"}
_EXTENSIONS: Final = {0xC7: 2, 0xC8: 3, 0xC9: 5, **dict.fromkeys(range(0xD4, 0xD9), 1)}  # where their type is
TIMESTAMP: Final = -1
MAPS: Final = {*range(0x80, 0x90), 0xDE, 0xDF}
# For those who pass by many elements at once. Bytes each of which is an element for which nothing is made, and that can be wrong in no way:
TRIVIAL: Final = re.compile(rb"[\x00-\x7f\xc0\xc2\xc3]+")
SHORT, SHORT_END = 0xA0, 0xC0  # the first bytes of texts of so many bytes
# Of the first byte: the size of the whole element, if it is a number or a short text, else 0.
SIZES: Final = [1 if first < 0x80 or first >= 0xE0 or first in _CONSTANTS else 0 for first in range(256)]  # noqa: PLR2004
SIZES[0xCA:0xD4] = [5, 9, 2, 3, 5, 9, 2, 3, 5, 9]
SIZES[SHORT:SHORT_END] = range(1, 33)
# Of the first byte of a number: several of the same kind, one after the other.
RUNS: Final = {first: re.compile(b"(?:%b.{%d})+" % (re.escape(bytes([first])), SIZES[first] - 1), re.DOTALL) for first in range(0xCA, 0xD4)}
_START = struct.Struct(">IIQ")
_LENGTH = struct.Struct(">Q")
ALIGNMENT: Final = 8


class Malformed(Exception):  # what is wrong with bytes, not of the program; it never leaves `actors.wire`
    """Bytes that are no value.

    Attributes:
        why: what is wrong.
        at: at which byte.
        rest: if it is an element that says it is longer than what is there: what `token` would return for as much of it as there is.
    """

    def __init__(self, why: str, at: int, rest: tuple[int, int, int] | None = None) -> None:
        super().__init__(why, at, rest)
        self.why = why
        self.at = at
        self.rest = rest


def token(data: Data, at: int, end: int) -> tuple[int, Any, int]:  # noqa: PLR0911  # one for each way in which elements are written
    """Return the kind of the element at a byte, its value, and where it ends; of an array, where its first element begins.

    Raises:
        Malformed: there is none, or it says that more follows than there is up to `end`.
    """
    if at >= end:
        raise Malformed(f"is cut off at byte {at}: an element is missing", at)
    first = data[at]
    if first < 0x80:  # noqa: PLR2004  # these and the next are the format's
        return SCALAR, first, at + 1
    if first >= 0xE0:  # noqa: PLR2004
        return SCALAR, first - 0x100, at + 1
    if 0xA0 <= first < 0xC0:  # noqa: PLR2004
        return _sized(TEXT, first & 0x1F, at, at + 1, end)
    if 0x90 <= first < 0xA0:  # noqa: PLR2004
        return _sized(ARRAY, first & 0x0F, at, at + 1, end)
    if first in _CONSTANTS:
        return SCALAR, _CONSTANTS[first], at + 1
    known = _KINDS.get(first)
    if known is None:
        raise Malformed(_forbidden(data, at, end), at)
    kind, layout = known
    after = at + 1 + layout.size
    if after > end:
        raise Malformed(f"is cut off in the element at byte {at}: {_bytes(after - end)} missing", at)
    value = layout.unpack_from(data, at + 1)[0]
    if kind == SCALAR:
        return SCALAR, value, after
    return _sized(kind, value, at, after, end)


def _sized(kind: int, length: int, at: int, after: int, end: int) -> tuple[int, Any, int]:
    left = end - after
    if length > left:
        if kind == ARRAY:
            why = f"has an array of {length} elements at byte {at}, and only {_bytes(left)} left"
            raise Malformed(why, at, (ARRAY, length, after))
        why = f"has {length} bytes of {_NAMES[kind]} at byte {at}, and only {_bytes(left)} left: {length - left} missing"
        raise Malformed(why, at, (kind, after, end))
    return (ARRAY, length, after) if kind == ARRAY else (kind, after, after + length)


def _bytes(number: int) -> str:
    return "1 byte is" if number == 1 else f"{number} bytes are"


def _forbidden(data: Data, at: int, end: int) -> str:
    first = data[at]
    if first in MAPS:
        return f"has a map at byte {at}: dicts are arrays in this format"
    if first == SECTIONED:
        return f"has {SECTIONED:#04x} at byte {at}, which means nothing in msgpack"
    where = at + _EXTENSIONS[first]
    if where >= end:
        return f"is cut off in the extension type at byte {at}"
    number = data[where] - 0x100 if data[where] > 0x7F else data[where]  # noqa: PLR2004  # it is signed
    if number == TIMESTAMP:
        return f"has a timestamp (extension type -1) at byte {at}: datetimes are arrays in this format"
    return f"has unknown extension type {number} at byte {at}"


def skip(data: Data, at: int, end: int) -> int:
    """Return where the value that begins at a byte ends, however deep it is.

    Raises:
        Malformed: it does not.
    """
    missing = 1
    while missing:
        found = TRIVIAL.match(data, at, min(end, at + missing))
        if found is not None:
            missing -= found.end() - at
            at = found.end()
            continue
        size = SIZES[data[at]] if at < end else 0
        if size and at + size <= end and (not SHORT <= data[at] < SHORT_END or bytes(data[at + 1 : at + size]).isascii()):
            missing -= 1
            at += size
            continue
        kind, value, after = token(data, at, end)
        if kind == TEXT:
            check_text(data, value, after)
        missing += value - 1 if kind == ARRAY else -1
        at = after
    return at


def text_of(data: Data, start: int, end: int) -> str:
    """Return the text of these bytes.

    Raises:
        Malformed: they are no UTF-8.
    """
    try:
        return str(data[start:end], "utf-8")
    except UnicodeDecodeError as error:
        raise _no_text(start + error.start, error.reason) from error


def check_end(at: int, end: int) -> None:
    """Make sure that a value that ends at a byte is all that there is.

    Raises:
        Malformed: it is not.
    """
    if at != end:
        raise Malformed(f"goes on after its end: {end - at} more bytes from byte {at}", at)


def check_text(data: Data, start: int, end: int) -> bool:
    """Return whether these bytes are text in ASCII; it never takes more memory than some pieces of it.

    Raises:
        Malformed: they are no UTF-8.
    """
    if end - start <= PIECE:
        return text_of(data, start, end).isascii()
    decoder = codecs.getincrementaldecoder("utf-8")()
    ascii_only = True
    for at in range(start, end, PIECE):
        waiting = len(decoder.getstate()[0])  # bytes of a character that began in the piece before
        try:
            text = decoder.decode(data[at : min(at + PIECE, end)], final=at + PIECE >= end)
        except UnicodeDecodeError as error:
            raise _no_text(at - waiting + error.start, error.reason) from error
        ascii_only = ascii_only and text.isascii()
    return ascii_only


def _no_text(at: int, reason: str) -> Malformed:
    return Malformed(f"has text that is no UTF-8 at byte {at}: {reason}", at)


def bounds(data: Data) -> tuple[int, int, list[tuple[int, int]]]:
    """Return where the msgpack value of a payload begins and ends, and where each of its sections does.

    Raises:
        Malformed: the lengths of the sections are not those of the payload.
    """
    if not data or data[0] != SECTIONED:
        return 0, len(data), []
    if len(data) < _START.size:
        raise Malformed(f"is cut off in the lengths of its sections: {len(data)} of {_START.size} bytes", 0)
    first, number, length = _START.unpack_from(data)
    if first != SECTIONED << 24:
        raise Malformed("has sections, and bytes 1 to 3 are not zero", 1)
    start = _START.size + _LENGTH.size * number
    if start > len(data):
        raise Malformed(f"has {number} sections, and only {_bytes(len(data) - _START.size)} left for their lengths", 4)
    end = at = start + length
    if end > len(data):
        raise Malformed(f"has a value of {length} bytes before its sections, and only {_bytes(len(data) - start)} left", 8)
    found = []
    for index in range(number):
        begin = at + -at % ALIGNMENT
        size = _LENGTH.unpack_from(data, _START.size + _LENGTH.size * index)[0]
        if begin + size > len(data):
            left = max(0, len(data) - begin)
            raise Malformed(f"has a section {index} of {size} bytes, and only {_bytes(left)} left", _START.size + 8 * index)
        if any(data[at:begin]):
            raise Malformed(f"has something other than zeros before its section {index}", at)
        at = begin + size
        found.append((begin, at))
    if at != len(data):
        raise Malformed(f"goes on after its last section: {len(data) - at} bytes from byte {at}", at)
    return start, end, found
