"""Nodes to values: one walk over what msgpack has read, in which nothing is believed.

`Decoding` is the state of one walk. Its depth is bounded by the limits; what would be hashed or compared is bounded before it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from msgpack import ExtType

from actors.errors import CodecError
from actors.wire.encoding import shown
from actors.wire.exceptions import reason_of
from actors.wire.limits import Limits, exceeded
from actors.wire.probing import FEW, probes_of_dict, probes_of_set
from actors.wire.sharing import Sharing, is_leaf
from actors.wire.specs import NATIVE
from actors.wire.tags import DICT, ENVELOPE, FIRST_KEY, FROZENSET, LIST, NAMES, SET, SHARED, TUPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.wire.codec import Codec

    Decoder = Callable[[list[Any], "Decoding", int], Any]

__all__ = ["CONTAINER_DECODERS", "Decoding", "unhashable"]

TAGS: Final = frozenset({int, str})  # True == 1 and 2.0 == 2, and neither is a tag
_FEW: Final = 16  # keys of one table that may all have the same hash
_COMPARISONS: Final = 1_000_000  # that may be made in one message because of equal hashes: a fraction of a second
_PROBES: Final = 100  # places that a key of a large table may find taken, on the average
_SECRET: Final = frozenset({str, bytes})  # whose hashes nobody can choose
_CHECKED: Final = 10  # times the limit of length: so many elements of shared nodes may be held against annotations


class _Keyed(dict[Any, Any]):
    """The decoders of a message with keys in its envelope, by tag: gathered as they are needed, so that the second look is a plain one."""

    __slots__ = ("_base", "_codec", "_keys")

    def __init__(self, keys: Sequence[Any], base: dict[Any, Any], codec: Codec) -> None:
        self._keys = keys
        self._base = base
        self._codec = codec

    def __missing__(self, tag: Any) -> Any:
        if type(tag) is not int or not FIRST_KEY <= tag < FIRST_KEY + len(self._keys):
            decoder = self._base[tag]
        else:
            key = self._keys[tag - FIRST_KEY]
            if type(key) is not str:
                msg = f"has a key in its envelope that is no text but {type(key).__name__}"
                raise CodecError(msg)
            decoder = self._base.get(key) or self._codec.decoder_of(key)
        self[tag] = decoder
        return decoder


class Decoding:
    """The walk over one message.

    Attributes:
        codec: whose walk it is.
        keys: those of the registered types that the envelope names.
        shared: the shared nodes of the envelope.
        sections: the arrays that are outside of the nodes.
    """

    # Most messages have none of these.
    keys: Sequence[Any] = ()
    shared: Sequence[Any] = ()
    sections: tuple[memoryview, ...] = ()
    sharing = Sharing((), Limits())
    # What was spent of each so far.
    _hashed = 0
    _checked = 0
    _comparisons = 0
    _probes = 0
    _probed = 0
    huge = False  # whether there was an int that is slow to compare with a Decimal

    def __init__(self, codec: Codec, decoders: dict[Any, Decoder]) -> None:
        self.codec = codec
        self.max_depth = codec.limits.depth
        self.longest = codec.limits.length + 1  # with the tag
        self._decoders = decoders

    def root(self, raw: Any) -> Any:
        """Return the message."""
        if type(raw) is list and raw and type(raw[0]) is int and raw[0] == ENVELOPE:
            raw = self._open(raw)
        if type(raw) is list:
            return self.node(raw, 0)
        return raw if type(raw) in NATIVE else self.leaf(raw)

    def _open(self, raw: list[Any]) -> Any:
        parts = raw[1:]
        if len(parts) != 3 or type(parts[0]) is not list or type(parts[1]) is not list:  # noqa: PLR2004
            msg = "is no envelope: it has not keys, shared nodes and a value"
            raise CodecError(msg)
        keys, shared, value = parts
        self.keys = keys
        self.shared = shared
        if len(keys) >= self.longest or len(shared) >= self.longest:
            raise exceeded("length", f"has {max(len(keys), len(shared))} keys or shared nodes", self.codec.limits)
        self._made: list[Any] = [None] * len(shared)  # what came out of each
        self.sharing = Sharing(shared, self.codec.limits)
        if keys:
            self._decoders = _Keyed(keys, self._decoders, self.codec)
        return value

    def node(self, raw: list[Any], depth: int) -> Any:
        """Return the value of a node.

        Args:
            raw: an array as msgpack has read it.
            depth: how many containers it is in.
        """
        if depth >= self.max_depth:
            self._deepest((raw,))
        try:
            decoder = self._decoders[raw[0]]
            if type(raw[0]) not in TAGS:
                decoder = self._unusual(raw)
        except (IndexError, KeyError, TypeError):
            decoder = self._unusual(raw)
        return decoder(raw, self, depth + 1)

    def _deepest(self, items: Sequence[Any]) -> None:
        """Refuse containers and instances where there may be none; of what a reference refers to, that is asked when it is known."""
        if not all(map(is_leaf, items)):
            raise exceeded("depth", f"is nested more than {self.max_depth} deep", self.codec.limits)

    def _unusual(self, raw: list[Any]) -> Decoder:
        """Return what decodes a node of a registered type by a key that was not met before; refuse any other tag."""
        tag = raw[0] if raw else None
        if type(tag) is str:
            return self.codec.decoder_of(tag)
        if not raw:
            msg = "is an empty array, which has no tag"
        elif type(tag) is int and tag >= FIRST_KEY:
            msg = f"has key {tag - FIRST_KEY} of an envelope that has {len(self.keys)}"
        else:
            msg = f"has the tag {tag if type(tag) is int else type(tag).__name__}, which is none of version 1"
        raise CodecError(msg)

    def part(self, raw: Any, depth: int, name: str) -> Any:
        """Return the value of anything that is a part of a message; `name` is that of the part in the path of an error."""
        if type(raw) in NATIVE:
            return raw
        try:
            return self.node(raw, depth) if type(raw) is list else self.leaf(raw)
        except CodecError as error:
            raise error.under(name) from error.__cause__

    def leaf(self, raw: Any) -> NoReturn:
        """Refuse what msgpack has read that is neither an array nor of a native type: a map, an extension type."""
        kind = f"an unknown extension type {raw.code}" if isinstance(raw, ExtType) else f"a msgpack {type(raw).__name__}"
        msg = f"is {kind}, which no message has"
        raise CodecError(msg)

    def items(self, raw: list[Any], depth: int, opening: str = "[", closing: str = "]") -> list[Any]:
        """Return the values of all elements behind the tag."""
        if len(raw) > self.longest:
            raise exceeded("length", f"has {len(raw) - 1} elements", self.codec.limits)
        items = raw[1:]
        if not NATIVE.issuperset(map(type, items)):
            index = 0
            decoders = self._decoders
            if depth >= self.max_depth:
                self._deepest(items)
            try:
                for index, item in enumerate(items):
                    if type(item) is list:
                        try:
                            tag = item[0]
                            decoder = decoders[tag]
                            if type(tag) not in TAGS:
                                decoder = self._unusual(item)
                        except (IndexError, KeyError, TypeError):
                            decoder = self._unusual(item)
                        items[index] = decoder(item, self, depth + 1)
                    elif type(item) not in NATIVE:
                        self.leaf(item)
            except CodecError as error:
                raise error.under(f"{opening}{index}{closing}") from error.__cause__
        return items

    def hashable(self, items: list[Any], raw: list[Any], probes_of: Callable[[list[int], int], int]) -> None:
        """Refuse what would take for ever to make a table of.

        Hashing goes through shared parts again and again, keys with the same hash are compared with each other, and huge ints with
        Decimals slowly.

        Args:
            items: the keys.
            raw: their nodes.
            probes_of: counts what it takes to put hashes into a table of this kind.
        """
        if self.shared:
            self._hashed += sum(self.sharing.repeated(one, instances=True) for one in raw)
            limits = self.codec.limits
            if self._hashed > limits.length:
                raise exceeded("length", f"is hashed with more than {limits.length} elements, shared ones counted each time", limits)
        if self.huge and self.sharing.mixes(raw):
            msg = "has a huge int and a Decimal among its keys, which would be compared"
            raise CodecError(msg)
        if len(items) > FEW:
            self.spread(items, probes_of)
        if len(items) > _FEW:
            try:
                alike = len(items) - len(set(map(hash, items)))
            except Exception as error:
                raise unhashable(error) from error
            self._comparisons += alike * alike
            if self._comparisons > _COMPARISONS:
                msg = f"has {alike} keys with the same hash as others, as nobody has who does not attack"
                raise CodecError(msg)

    def spread(self, items: list[Any], probes_of: Callable[[list[int], int], int]) -> None:
        """Refuse many keys that were chosen to be in each other's way in a table, as `probes_of` counts it."""
        if _SECRET.issuperset(map(type, items)):
            return
        try:
            hashes = list(map(hash, items))
        except Exception as error:
            raise unhashable(error) from error
        self._probed += len(items)
        most = _COMPARISONS + _PROBES * self._probed
        self._probes += probes_of(hashes, most - self._probes)
        if self._probes > most:
            msg = f"has {len(items)} keys that are in each other's way in a table, as nobody has who does not attack"
            raise CodecError(msg)

    def checked(self, raw: list[Any]) -> None:
        """Refuse what would take for ever to hold against the annotation of a field: that goes through shared collections each time."""
        self._checked += self.sharing.repeated(raw, instances=False)
        limits = self.codec.limits
        if self._checked > _CHECKED * limits.length:
            what = f"has fields with more than {_CHECKED * limits.length} elements, shared ones counted each time"
            raise exceeded("length", what, limits)

    def shared_value(self, raw: list[Any], depth: int) -> Any:
        """Return the one object that a reference to a shared node stands for."""
        place = raw[1] if len(raw) == 2 else None  # noqa: PLR2004
        if type(place) is not int or not 0 <= place < len(self.shared):
            msg = f"refers to a shared node that is none of the {len(self.shared)} of the envelope"
            raise CodecError(msg)
        node = self.shared[place]
        if type(node) is not list or not node or node[0] == SHARED:
            msg = f"refers to a shared node that is a {type(node).__name__} without parts"
            raise CodecError(msg)
        # Also of what is there already: here it may be too deep. And it is seen here if nodes refer to each other in a circle.
        self.sharing.check_depth(place, depth - 1)
        known = self._made[place]
        if known is None:
            known = self._made[place] = self.node(node, depth - 1)
        return known


def _list(raw: list[Any], state: Decoding, depth: int) -> list[Any]:
    return state.items(raw, depth)


def _tuple(raw: list[Any], state: Decoding, depth: int) -> tuple[Any, ...]:
    return tuple(state.items(raw, depth))


def unhashable(error: Exception) -> CodecError:
    """Return the error of a dict or set that could not be made of its keys or elements."""
    # It is of no type that can be, or a class's own __hash__ or __eq__ has raised.
    return CodecError(f"has an element that cannot be hashed: {reason_of(error)}")


def _set(raw: list[Any], state: Decoding, depth: int) -> Any:
    items = state.items(raw, depth, "{", "}")
    if list in map(type, raw):
        state.hashable(items, raw[1:], probes_of_set)
    elif len(items) > FEW:
        state.spread(items, probes_of_set)
    try:
        made = set(items) if raw[0] == SET else frozenset(items)
    except Exception as error:
        raise unhashable(error) from error
    if len(made) != len(items):
        msg = f"is a {NAMES[int(raw[0])]} with an element twice"
        raise CodecError(msg)
    return made


def _dict(raw: list[Any], state: Decoding, depth: int) -> dict[Any, Any]:  # noqa: C901  # parts of it cost a call each
    if len(raw) % 2 == 0:
        msg = "is a dict with a key that has no value"
        raise CodecError(msg)
    if len(raw) // 2 >= state.longest:
        raise exceeded("length", f"has {len(raw) // 2} keys", state.codec.limits)
    keys, values = raw[1::2], raw[2::2]
    if not NATIVE.issuperset(map(type, keys)):
        for index, key in enumerate(keys):
            keys[index] = state.part(key, depth, f"{{{index}}}")
        state.hashable(keys, raw[1::2], probes_of_dict)
    elif len(keys) > FEW:
        state.spread(keys, probes_of_dict)
    if not NATIVE.issuperset(map(type, values)):
        for index, value in enumerate(values):
            if type(value) not in NATIVE:
                values[index] = state.part(value, depth, shown(keys[index]))
    try:
        made = dict(zip(keys, values, strict=True))
    except Exception as error:
        raise unhashable(error) from error
    if len(made) != len(keys):
        msg = "is a dict with a key twice"
        raise CodecError(msg)
    return made


def _shared(raw: list[Any], state: Decoding, depth: int) -> Any:
    return state.shared_value(raw, depth)


def _envelope(_raw: list[Any], _state: Decoding, _depth: int) -> Any:
    msg = "is an envelope within a message: only the whole message may be in one"
    raise CodecError(msg)


CONTAINER_DECODERS: Final[dict[int, Any]] = {
    ENVELOPE: _envelope,
    SHARED: _shared,
    LIST: _list,
    TUPLE: _tuple,
    SET: _set,
    FROZENSET: _set,
    DICT: _dict,
}
