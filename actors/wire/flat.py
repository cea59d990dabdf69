"""Collections of plain values in the fields of a class, as most messages have them: there is nothing to look for within them.

So a message that has only these, and plain values, needs no walk. What is not as expected, or large, is left to the walk: MISS.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from actors.wire.tags import DICT, FROZENSET, LIST, SET, TUPLE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MISS", "Flat", "flat_of"]

MISS: Final = object()
# Tags are compared by identity: 2.0 == 2, and is no tag. Small ints are one object each; if one were not, the walk would do it.
MOST: Final = 1000  # elements: more are for the walk, which knows the limits


@dataclass(frozen=True, slots=True)
class Flat:
    """What a field with such a collection does; each function returns MISS if the walk has to do it.

    Attributes:
        encode: returns the node of a value.
        decode: returns the value of what msgpack has read, and may change that.
        copy: returns a copy of a value.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    copy: Callable[[Any], Any]


def flat_of(kind: Any, parts: tuple[frozenset[type], ...], natives: frozenset[type]) -> Flat | None:
    """Return what a field does that has a `kind` of plain values.

    Args:
        kind: list, tuple, set, frozenset or dict.
        parts: types of its elements; for a dict those of keys and of values.
        natives: types of plain values that the field may have instead, like None.
    """
    if kind in (list, tuple):
        return _sequence(kind, parts[0], natives)
    if kind in (set, frozenset):
        return _set(kind, parts[0], natives)
    return _dict(parts[0], parts[1], natives) if kind is dict else None


def _sequence(kind: Any, items: frozenset[type], natives: frozenset[type]) -> Flat:  # noqa: C901  # three functions
    tag = LIST if kind is list else TUPLE

    def encode(value: Any) -> Any:
        if type(value) is kind:
            found = value.copy() if kind is list else value  # another thread may change the list
            for item in found:  # quicker than `issuperset` for so few
                if type(item) not in items:
                    return MISS
            return [tag, *found] if len(found) < MOST else MISS
        return value if type(value) in natives else MISS

    def decode(raw: Any) -> Any:
        if type(raw) is list:
            if not raw or raw[0] is not tag or len(raw) > MOST:
                return MISS
            del raw[0]
            for item in raw:
                if type(item) not in items:
                    return MISS
            return raw if kind is list else tuple(raw)
        return raw if type(raw) in natives else MISS

    def copy(value: Any) -> Any:
        if type(value) is kind:
            made = value.copy() if kind is list else value
            for item in made:
                if type(item) not in items:
                    return MISS
            return made if len(made) < MOST else MISS
        return value if type(value) in natives else MISS

    return Flat(encode, decode, copy)


def _set(kind: Any, items: frozenset[type], natives: frozenset[type]) -> Flat:
    tag = SET if kind is set else FROZENSET
    sortable = items <= {int} or items <= {str} or items <= {bytes}  # among themselves, as the walk does it

    def encode(value: Any) -> Any:
        if type(value) is kind and sortable:
            found = list(value)
            if len(found) < MOST and items.issuperset(map(type, found)):
                found.sort()
                return [tag, *found]
            return MISS
        return value if type(value) in natives else MISS

    def decode(raw: Any) -> Any:
        if type(raw) is list:
            if raw and raw[0] is tag and len(raw) <= MOST:
                found = raw[1:]
                if items.issuperset(map(type, found)):
                    made = kind(found)
                    return made if len(made) == len(found) else MISS
            return MISS
        return raw if type(raw) in natives else MISS

    def copy(value: Any) -> Any:
        if type(value) is kind:
            made = value.copy()
            return made if len(made) < MOST and items.issuperset(map(type, made)) else MISS
        return value if type(value) in natives else MISS

    return Flat(encode, decode, copy)


def _dict(keys: frozenset[type], values: frozenset[type], natives: frozenset[type]) -> Flat:
    def encode(value: Any) -> Any:
        if type(value) is dict:
            try:
                node = [DICT, *chain.from_iterable(value.items())]
            except RuntimeError:  # changed by another thread
                return MISS
            small = len(node) <= MOST
            return node if small and keys.issuperset(map(type, node[1::2])) and values.issuperset(map(type, node[2::2])) else MISS
        return value if type(value) in natives else MISS

    def decode(raw: Any) -> Any:
        if type(raw) is list:
            if raw and raw[0] is DICT and len(raw) <= MOST and len(raw) % 2:
                names, found = raw[1::2], raw[2::2]
                if keys.issuperset(map(type, names)) and values.issuperset(map(type, found)):
                    made = dict(zip(names, found, strict=True))
                    return made if len(made) == len(names) else MISS
            return MISS
        return raw if type(raw) in natives else MISS

    def copy(value: Any) -> Any:
        if type(value) is dict:
            made = value.copy()
            small = len(made) < MOST
            return made if small and keys.issuperset(map(type, made)) and values.issuperset(map(type, made.values())) else MISS
        return value if type(value) in natives else MISS

    return Flat(encode, decode, copy)
