"""How many bytes decoding takes at most, for each element of a payload: what is counted before anything is made.

The numbers are those of `sys.getsizeof` in CPython 3.11 to 3.13 on 64 bits, rounded up to the 16 bytes in which memory is handed out, with
16 more for what the garbage collector tracks. Counted is all that can be there at once: the lists that msgpack makes, a slice of each
while it is walked through, and the objects that come of it, with their tables while these grow. Not counted is what classes of the
program do with what they are given.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from actors.wire import tags

if TYPE_CHECKING:
    from typing import Final

__all__ = ["FIRST_BYTE", "WORST", "again", "binary", "key", "node", "text"]

WORST: Final = 400  # bytes that one byte of a payload can take, whatever stands in it

ROUNDING: Final = 16
LIST: Final = 56 + 16
SLICED: Final = 2 * LIST  # what msgpack makes of an array, and a slice of it
PER_SLICED: Final = 2 * 8
COLLISIONS: Final = 1000  # keys from which on a set of their hashes is made before the table

# Of the first byte of an element: what a number of this kind takes; None, True, False and ints from -5 to 255 are always there.
FIRST_BYTE: Final = tuple(
    {0xCA: 32, 0xCB: 32, 0xCC: 0, 0xCD: 32, 0xCE: 32, 0xCF: 48, 0xD0: 32, 0xD1: 32, 0xD2: 32, 0xD3: 48}.get(first, 0)
    if first < 0xE0  # noqa: PLR2004  # where the negative ones begin
    else 32
    for first in range(256)
)

# Of a node: what it takes for itself beside its list and the slice, and for each of its elements; of sets and dicts, without the table.
_NODES: Final = {
    tags.LIST: (0, 0),  # the slice becomes the list
    tags.TUPLE: (64, 8),
    tags.SET: (240, 8),
    tags.FROZENSET: (240, 8),
    tags.DICT: (LIST + 80, 8),
    tags.BYTEARRAY: (80, 0),
    tags.BIGINT: (48, 0),
    tags.SURROGATES: (96, 0),
    tags.DATETIME: (256, 0),
    tags.DATE: (48, 0),
    tags.TIME: (240, 0),
    tags.TIMEDELTA: (64, 0),
    tags.DECIMAL: (128, 0),
    tags.UUID: (192, 0),
    tags.PATH: (640, 0),
    tags.ERROR: (1600, 8),
    tags.REF: (640, 0),
    tags.NDARRAY: (1024, 16),
    tags.NUMPY_SCALAR: (256, 0),
    tags.SHARED: (0, 0),
    tags.ENVELOPE: (1024, 0),
}
_TYPE: Final = (192, 48)  # an object with a dict of its own, or the dict that its fields are gathered in
_OTHER: Final = (0, 8)
_SETS: Final = frozenset({tags.SET, tags.FROZENSET})

# What the bytes of a text or of bytes take once more in what is made of them, for each.
_AGAIN: Final = {
    tags.BYTEARRAY: 1,
    tags.BIGINT: 2,
    tags.SURROGATES: 6,
    tags.DECIMAL: 1,
    tags.PATH: 64,
    tags.NDARRAY: 1,
    tags.NUMPY_SCALAR: 1,
}


@lru_cache(maxsize=1024)
def node(tag: int | str | None, elements: int) -> int:
    """Return what an array takes, without its elements.

    Args:
        tag: its first element; None if it has no tag.
        elements: how many it has, with the tag.
    """
    if tag is None:
        own, each = _OTHER
    elif isinstance(tag, str) or tag >= tags.FIRST_KEY:
        own, each = _TYPE
    else:
        own, each = _NODES.get(tag, _OTHER)
    whole = SLICED + own + (PER_SLICED + each) * elements
    if tag == tags.DICT:
        return whole + _table_of_dict(elements // 2) + _hashes(elements // 2)
    return whole + _table_of_set(elements) + _hashes(elements) if tag in _SETS else whole


def _table_of_set(elements: int) -> int:
    """Return what the table of a set takes, with the one before, out of which it has grown."""
    slots, before = 8, 0  # the first 8 are a part of the object
    while elements * 5 >= (slots - 1) * 3:
        used = -(-(slots - 1) * 3 // 5)
        before, slots = slots, 1 << (used * (2 if used > 50_000 else 4)).bit_length()  # noqa: PLR2004  # as in setobject.c
    return 16 * (slots + before) if before else 0


def _table_of_dict(pairs: int) -> int:
    """Return what the table of a dict takes, with the one before."""
    slots, before = 8, 0
    while pairs > slots * 2 // 3:
        before, slots = slots, 1 << (slots * 2 // 3 * 3 - 1).bit_length()
    return 64 + 20 * (slots + before)  # 24 bytes for each of two thirds, and up to 4 for each index


def _hashes(keys: int) -> int:
    return _table_of_set(keys) + 48 * keys if keys > COLLISIONS else 0


def text(length: int, *, ascii_only: bool, tag: int | str | None) -> int:
    """Return what a text takes.

    Args:
        length: its bytes in UTF-8.
        ascii_only: whether it has one byte for each character, in memory too.
        tag: of the node that it stands in.
    """
    # Otherwise up to four, and while it is decoded, the two of its beginning that had no need of them.
    own = 49 + length if ascii_only else 80 + 6 * length
    return own + ROUNDING + again(tag, length)


def binary(length: int, tag: int | str | None) -> int:
    """Return what bytes take that stand in a node with this tag."""
    return 33 + length + ROUNDING + again(tag, length)


def key(length: int) -> int:
    """Return what the key of a type takes: the text, and the name of each of its fields."""
    return 640 + 64 * length


def again(tag: int | str | None, length: int) -> int:
    """Return what so many bytes of text or binary data, in a node with this tag, take once more in what is made of them."""
    return _AGAIN.get(tag, 0) * length if isinstance(tag, int) else 0
