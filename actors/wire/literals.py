"""Nodes as text, much like Python's literals; registered types by the names that their keys give."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from actors.texts import escaped
from actors.wire import tags
from actors.wire.layout import CYAN, DIM, GREEN, RED, Group, Part, Text, Use
from actors.wire.places import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final

__all__ = ["Bytes", "Drawing", "Plain", "Words", "node_parts", "parts_of"]

BYTES: Final = 32  # that are shown, of more
DIGITS_OF: Final = 1700  # bytes of an int that Python makes decimal digits of
NUMBERS: Final = 8  # elements of a numpy array that are shown
_BRACKETS: Final = {
    tags.LIST: ("[", "]", "[]"),
    tags.TUPLE: ("(", ")", "()"),
    tags.SET: ("{", "}", "set()"),
    tags.FROZENSET: ("frozenset({", "})", "frozenset()"),
    tags.DICT: ("{", "}", "{}"),
}
_DTYPE = re.compile(r"([<>|=]?)([biuf])([1248])")
_CODES: Final = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"} | {
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
_PATHS: Final = {"P": "PosixPath", "W": "WindowsPath", "p": "PurePosixPath", "w": "PureWindowsPath"}


class Words(NamedTuple):
    """A text.

    Attributes:
        text: as much of it as is kept.
        whole: how many bytes it has, if that is not all of it.
    """

    text: str
    whole: int


class Bytes(NamedTuple):
    """Bytes, by where they begin and end in the payload."""

    start: int
    end: int


class Plain(NamedTuple):
    """An array without a tag.

    Attributes:
        items: those that are kept.
        length: how many it has.
    """

    items: list[Any]
    length: int


@dataclass
class Drawing:
    """What is needed to show the nodes of one payload.

    Attributes:
        payload: its bytes.
        key: finds the n-th key of the envelope.
        note: takes what is wrong, and at which byte.
        full: whether everything is shown to its end.
        sections: where they begin and end.
    """

    payload: bytes
    key: Callable[[int], str | None]
    note: Callable[[str, int], None]
    full: bool
    sections: list[tuple[int, int]] = field(default_factory=list)


def parts_of(value: Any, drawing: Drawing) -> list[Part]:
    """Return what is shown of anything that was read."""
    if isinstance(value, Text | Group | Use):
        return [value]
    if isinstance(value, Words):
        literal = Text(repr(value.text), GREEN)
        return [literal, Text(f"… {value.whole} bytes", DIM)] if value.whole else [literal]
    if isinstance(value, Bytes):
        return _bytes(value.start, value.end, drawing)
    if isinstance(value, Plain):
        return [Group(Text("["), _items(value.items, value.length, drawing), Text("]"))]
    return [Text(repr(value))]


def _bytes(start: int, end: int, drawing: Drawing) -> list[Part]:
    if drawing.full or end - start <= BYTES:
        return [Text(repr(drawing.payload[start:end]), GREEN)]
    return [Text(repr(drawing.payload[start : start + BYTES]), GREEN), Text(f"… {end - start} bytes", DIM)]


def _items(items: Sequence[Any], count: int, drawing: Drawing) -> list[list[Part]]:
    found = [parts_of(item, drawing) for item in items]
    return [*found, [Text(f"… {count - len(items)} more", DIM)]] if count > len(items) else found


def node_parts(tag: int | str | None, items: list[Any], count: int, at: int, drawing: Drawing) -> Any:
    """Return what is shown of a node.

    Args:
        tag: what it is; None if it does not say.
        items: what was kept of it, the tag first.
        count: how many elements it has.
        at: the byte where it begins.
        drawing: of its payload.
    """
    rest = items[1:]
    if isinstance(tag, str) or (tag is not None and tag >= tags.FIRST_KEY):
        return _registered(tag, rest, count - 1, at, drawing)
    if tag in _BRACKETS:
        return _dict(rest, count - 1, at, drawing) if tag == tags.DICT else _collection(tag, rest, count - 1, drawing)
    if tag == tags.SHARED and count == len(rest) + 1 == 2 and type(rest[0]) is int and rest[0] >= 0:  # noqa: PLR2004
        return Use(rest[0], at)
    draw = _DRAWN.get(tag) if tag is not None else None
    try:
        found = draw(rest, drawing) if draw is not None and count == len(items) else None
    except (TypeError, ValueError, IndexError, AttributeError):  # of what is no such thing
        found = None
    if found is not None:
        return found
    # Of one that is broken, that was told already, and is the reason for what is missing here.
    if tag is None:
        drawing.note(f"has an array without a tag at byte {at}", at)
        return Group(Text("<node without a tag ", RED), _items(items, count, drawing), Text(">", RED))
    name = tags.NAMES.get(tag, f"tag {tag}")
    drawing.note(
        f"is no {name} at byte {at}"
        if draw is not None or tag == tags.SHARED
        else f"has {name} at byte {at}, which is none that can be there",
        at,
    )
    return Group(Text(f"<{name} ", RED), _items(rest, count - 1, drawing), Text(">", RED))


def _registered(tag: int | str, rest: list[Any], count: int, at: int, drawing: Drawing) -> Group:
    key = tag if isinstance(tag, str) else drawing.key(tag - tags.FIRST_KEY)
    shape = shape_of(key)
    if key is None:
        drawing.note(f"has a type with key {int(tag) - tags.FIRST_KEY} at byte {at}, and the envelope has no such key", at)
        name = f"<key {int(tag) - tags.FIRST_KEY}>"
    elif shape is None:
        drawing.note(f"has something at byte {at} that is no key of a registered type", at)
        name = f"<{key[:100]!r}>"
    else:
        name = escaped(f"{shape.name}/{shape.version}")
    items = _items(rest, count, drawing)
    fields = shape.fields if shape is not None else None
    if fields is not None:
        for item, one in zip(items[: len(rest)], fields, strict=False):
            item.insert(0, Text(f"{escaped(one)}=", DIM))
        if count != len(fields):
            drawing.note(f"has a {name} with {count} fields at byte {at}, and its key has {len(fields)}", at)
    return Group(Text(f"{name}(", CYAN), items, Text(")", CYAN))


def _collection(tag: int, rest: list[Any], count: int, drawing: Drawing) -> Part:
    opening, closing, empty = _BRACKETS[tag]
    if not count:
        return Text(empty)
    items = _items(rest, count, drawing)
    if tag == tags.TUPLE and count == 1:
        items[0].append(Text(","))
    return Group(Text(opening), items, Text(closing))


def _dict(rest: list[Any], count: int, at: int, drawing: Drawing) -> Part:
    if not count:
        return Text("{}")
    items: list[list[Part]] = []
    for index in range(0, len(rest), 2):
        pair = parts_of(rest[index], drawing)
        pair += [Text(": "), *parts_of(rest[index + 1], drawing)] if index + 1 < len(rest) else []
        items.append(pair)
    if count > len(rest):
        items.append([Text(f"… {(count - len(rest) + 1) // 2} more", DIM)])
    if count % 2:
        drawing.note(f"is a dict with a key that has no value at byte {at}", at)
    return Group(Text("{"), items, Text("}"))


# -- of the standard library -------------------------------------------------------------------------------------------------


def _called(name: str, *parts: Part) -> Text:
    """Return something that is never broken into lines."""
    return Text(f"{name}({''.join(part.text for part in parts if isinstance(part, Text))})", GREEN)


def _ints(values: Sequence[Any], count: int) -> list[int]:
    """Return values that are so many ints.

    Raises:
        ValueError: they are not.
    """
    if len(values) != count or not all(type(value) is int for value in values):
        raise ValueError(values)
    return list(values)


def _words(value: Any) -> str:
    """Return the whole of a text, in a line.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Words):
        raise TypeError(value)
    return escaped(value.text) + (f"… {value.whole} bytes" if value.whole else "")


def _bytearray(rest: list[Any], drawing: Drawing) -> Text:
    (data,) = rest
    return _called("bytearray", *_bytes(data.start, data.end, drawing))


def _bigint(rest: list[Any], drawing: Drawing) -> Text:
    (data,) = rest
    size = data.end - data.start
    # Python refuses to make so many digits: it takes time that grows with their square.
    if size <= (DIGITS_OF if drawing.full else 4 * BYTES):
        return Text(repr(int.from_bytes(drawing.payload[data.start : data.end], "big", signed=True)))
    shown = drawing.payload[data.start : data.end if drawing.full else data.start + BYTES].hex()
    return Text(f"<int of {size} bytes, in two's complement {shown}{'' if drawing.full else '…'}>")


def _surrogates(rest: list[Any], drawing: Drawing) -> Text:
    (data,) = rest
    return Text(repr(drawing.payload[data.start : data.end].decode("utf-8", "surrogatepass")), GREEN)


def _time_text(hour: int, minute: int, second: int, microsecond: int) -> str:
    return f"{hour:02}:{minute:02}:{second:02}" + (f".{microsecond:06}" if microsecond else "")


def _zone(zone: Any, fold: Any) -> str:
    _ints([fold], 1)
    again = " fold=1" if fold else ""
    if zone is None:
        return again
    if isinstance(zone, Words):
        return f"[{_words(zone)}]{again}"
    offset, *names = zone.items
    _ints([offset], 1)
    seconds, micro = divmod(abs(offset), 1_000_000)
    text = f"{'-' if offset < 0 else '+'}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    text += f":{seconds % 60:02}" if seconds % 60 or micro else ""
    text += f".{micro:06}" if micro else ""
    return text + "".join(f"[{_words(name)}]" for name in names) + again


def _date_text(year: int, month: int, day: int) -> str:
    return f"{year:04}-{month:02}-{day:02}"


def _datetime(rest: list[Any], _drawing: Drawing) -> Text:
    *numbers, fold, zone = rest
    year, month, day, *clock = _ints(numbers, 7)
    return _called("datetime", Text(repr(f"{_date_text(year, month, day)}T{_time_text(*clock)}{_zone(zone, fold)}")))


def _date(rest: list[Any], _drawing: Drawing) -> Text:
    return _called("date", Text(repr(_date_text(*_ints(rest, 3)))))


def _time(rest: list[Any], _drawing: Drawing) -> Text:
    *numbers, fold, zone = rest
    return _called("time", Text(repr(_time_text(*_ints(numbers, 4)) + _zone(zone, fold))))


def _timedelta(rest: list[Any], _drawing: Drawing) -> Text:
    named = zip(("days", "seconds", "microseconds"), _ints(rest, 3), strict=True)
    return _called("timedelta", Text(", ".join(f"{name}={number}" for name, number in named if number) or "0"))


def _decimal(rest: list[Any], drawing: Drawing) -> Text:
    (text,) = rest
    _words(text)
    return _called("Decimal", *parts_of(text, drawing))


def _uuid(rest: list[Any], drawing: Drawing) -> Text:
    (data,) = rest
    digits = drawing.payload[data.start : data.end].hex()
    if len(digits) != 32:  # noqa: PLR2004
        raise ValueError(digits)
    return _called("UUID", Text(repr("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))))


def _path(rest: list[Any], drawing: Drawing) -> Text | None:
    flavour, text = rest
    name = _PATHS.get(_words(flavour))
    return None if name is None else _called(name, *parts_of(text, drawing))


def _error(rest: list[Any], drawing: Drawing) -> Group:
    """Show an exception: its type, what it says, its notes, and the traceback on lines of its own."""
    name, text, arguments, notes, traceback = rest
    items: list[list[Part]] = [parts_of(text, drawing)]
    if arguments.items:
        items.append([Text("args=", DIM), *parts_of(arguments, drawing)])
    if notes.items:
        items.append([Text("notes=", DIM), *parts_of(notes, drawing)])
    if isinstance(traceback, Words) and traceback.text:
        lines: list[list[Part]] = [[Text(escaped(line.expandtabs()), RED)] for line in traceback.text.rstrip("\n").split("\n")]
        lines += [[Text(f"… {traceback.whole} bytes", DIM)]] if traceback.whole else []
        items.append([Group(Text("traceback:", DIM), lines, Text(""), lines=True)])
    elif not isinstance(traceback, Words):
        items.append([Text("traceback=", DIM), *parts_of(traceback, drawing)])
    return Group(Text(f"{_words(name)}(", CYAN), items, Text(")", CYAN))


def _ref(rest: list[Any], _drawing: Drawing) -> Text:
    system, _, path, uid = rest
    (number,) = _ints([uid], 1)
    return Text(f"<actor {_words(system)}:{_words(path)} uid {number}>", CYAN)


# -- of numpy ----------------------------------------------------------------------------------------------------------------


def _ndarray(rest: list[Any], drawing: Drawing) -> Group | None:
    dtype, order, shape, data = rest
    dimensions = _ints(shape.items, shape.length)
    if type(data) is int and data < 0:
        return None
    start, end = drawing.sections[data] if type(data) is int else (data.start, data.end)
    items: list[list[Part]] = [[Text(repr(_words(dtype)), GREEN)], [Text(f"shape={tuple(dimensions)}")]]
    if _words(order) != "C":
        items.append([Text(f"order={_words(order)!r}")])
    items.append(_numbers(dtype.text, start, end, drawing))
    return Group(Text("array(", CYAN), items, Text(")", CYAN))


def _numpy_scalar(rest: list[Any], drawing: Drawing) -> Group:
    dtype, data = rest
    return Group(
        Text("scalar(", CYAN), [[Text(repr(_words(dtype)), GREEN)], _numbers(dtype.text, data.start, data.end, drawing)], Text(")", CYAN)
    )


def _numbers(dtype: str, start: int, end: int, drawing: Drawing) -> list[Part]:
    """Return the first elements; of a dtype that is no number, the bytes."""
    match = _DTYPE.fullmatch(dtype)
    code = _CODES.get(f"{match[2]}{match[3]}") if match else None
    if match is None or code is None:
        return _bytes(start, end, drawing)
    size = int(match[3])
    available = (end - start) // size
    number = available if drawing.full else min(NUMBERS, available)
    order = ">" if match[1] == ">" else "<"
    values = struct.unpack_from(f"{order}{number}{code}", drawing.payload, start)
    items: list[list[Part]] = [[Text(repr(value))] for value in values]
    if available > number:
        items.append([Text(f"… {available - number} more", DIM)])
    return [Group(Text("["), items, Text("]"))]


_DRAWN: Final[dict[int | str, Callable[[list[Any], Drawing], Any]]] = {
    tags.BYTEARRAY: _bytearray,
    tags.BIGINT: _bigint,
    tags.SURROGATES: _surrogates,
    tags.DATETIME: _datetime,
    tags.DATE: _date,
    tags.TIME: _time,
    tags.TIMEDELTA: _timedelta,
    tags.DECIMAL: _decimal,
    tags.UUID: _uuid,
    tags.PATH: _path,
    tags.ERROR: _error,
    tags.REF: _ref,
    tags.NDARRAY: _ndarray,
    tags.NUMPY_SCALAR: _numpy_scalar,
}
