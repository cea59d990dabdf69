"""Where in a message one is while its arrays are read one after the other: what their elements mean, and the path to them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from actors.errors import CodecError
from actors.texts import escaped
from actors.wire import tags
from actors.wire.shapes import parse_shape
from actors.wire.tokens import SCALAR, TEXT, Malformed, text_of, token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final

    from actors.wire.shapes import Shape
    from actors.wire.tokens import Data

__all__ = ["KEYS", "NODE", "NODES", "PLAIN", "SHARED_NODES", "Place", "path_of", "role_below", "shape_of"]

# What an array is:
NODE: Final = 0  # it begins with a tag
PLAIN: Final = 1  # numbers and texts, like the dimensions of an array
KEYS: Final = 2  # those of an envelope
SHARED_NODES: Final = 3  # those of an envelope
NODES: Final = 4  # those that an exception has as its arguments and notes: no tag comes before them

ITEMS: Final = frozenset({tags.LIST, tags.TUPLE})
HASHED: Final = frozenset({tags.SET, tags.FROZENSET})
_PLAIN_WITHIN: Final = frozenset({tags.DATETIME, tags.TIME, tags.NDARRAY})
_ERROR_PARTS: Final = {3: ".args", 4: ".notes"}
SHOWN: Final = 40  # characters of a key
ENDS: Final = 20  # parts of a very long path that are shown of its beginning, and of its end


class Place:
    """An array that has begun and not ended.

    Attributes:
        count: of its elements.
        index: of the one that comes next.
        role: what it is.
        tag: of a node, None before it was read.
        key_at: of a dict, the byte where the last key began.
    """

    __slots__ = ("count", "index", "key_at", "role", "tag")

    def __init__(self, count: int, role: int) -> None:
        self.count = count
        self.index = 0
        self.role = role
        self.tag: int | str | None = None
        self.key_at = -1


def role_below(role: int, tag: int | str | None, index: int) -> int:
    """Return what an array is that is the element `index` of another one."""
    if role in (SHARED_NODES, NODES):
        return NODE
    if role != NODE:
        return PLAIN
    if tag == tags.ENVELOPE:
        return {1: KEYS, 2: SHARED_NODES}.get(index, NODE)
    if tag == tags.ERROR and index in _ERROR_PARTS:
        return NODES
    return PLAIN if tag in _PLAIN_WITHIN else NODE


def path_of(stack: Sequence[Place], data: Data, key: Callable[[int], str | None]) -> str:
    """Return the path to the element that is being read, like ``message.orders[3].price``.

    Args:
        stack: the arrays around it, the outermost one first.
        data: the payload.
        key: finds the n-th key of the envelope.
    """
    parts = [part for part in (_part(place, data, key) for place in stack) if part]
    if len(parts) > 2 * ENDS:
        parts = [*parts[:ENDS], "…", *parts[-ENDS:]]
    return f"message{''.join(parts)}"


def _part(place: Place, data: Data, key: Callable[[int], str | None]) -> str:
    if place.role == SHARED_NODES:
        return f"&{place.index}"  # as YAML writes it: where it belongs is not known before the value is read
    if place.role == NODES:
        return f"[{place.index}]"
    if place.role != NODE or place.tag is None or place.index == 0:
        return ""
    return _part_of_node(place, place.tag, place.index, data, key)


def _part_of_node(place: Place, tag: int | str, index: int, data: Data, key: Callable[[int], str | None]) -> str:
    if isinstance(tag, str) or tag >= tags.FIRST_KEY:
        return _field(tag if isinstance(tag, str) else key(tag - tags.FIRST_KEY), index - 1)
    if tag in ITEMS:
        return f"[{index - 1}]"
    if tag in HASHED:
        return f"{{{index - 1}}}"
    if tag == tags.DICT:
        return f"{{{index // 2}}}" if index % 2 else _item(data, place.key_at)
    return _ERROR_PARTS.get(index, "") if tag == tags.ERROR else ""


def _field(key: str | None, index: int) -> str:
    shape = shape_of(key)
    if shape is None:
        return f"[{index}]"
    if shape.fields is None:
        return ""  # what an enum or a function is made of has no name
    return f".{escaped(shape.fields[index])}" if index < len(shape.fields) else f"[{index}]"


@lru_cache(maxsize=64)
def shape_of(key: str | None) -> Shape | None:
    """Return what the key of a type says, None if it is none."""
    try:
        return None if key is None else parse_shape(key)
    except CodecError:
        return None


def _item(data: Data, at: int) -> str:
    if at < 0:
        return "[…]"  # the key is no scalar
    try:
        kind, value, after = token(data, at, len(data))
        shown: Any = text_of(data, value, after) if kind == TEXT else value
    except Malformed:  # a message never has one here; but this is on the way to telling an error
        return "[…]"
    if kind == TEXT:
        return f"[{shown!r}]" if len(shown) <= SHOWN else f"[{shown[:SHOWN]!r}...]"
    return f"[{shown!r}]" if kind == SCALAR else "[…]"
