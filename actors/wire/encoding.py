"""Values to nodes: one walk over a value, in which everything is looked at by its exact type.

The nodes are Python lists; msgpack makes them bytes. `Encoding` is the state of one walk.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from msgpack import Packer

from actors.errors import CodecError
from actors.wire.limits import exceeded
from actors.wire.sharing import Sharing
from actors.wire.specs import NATIVE
from actors.wire.tags import (
    BIGINT,
    DICT,
    ENVELOPE,
    FIRST_KEY,
    FROZENSET,
    LIST,
    SET,
    SHARED,
    SURROGATES,
    TUPLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.wire.codec import Codec
    from actors.wire.entries import Entry

    Encoder = Callable[[Any, "Encoding", int], Any]

__all__ = ["CONTAINERS", "Encoding", "holds_itself", "keyed", "place_of_element", "place_of_item", "shown", "widened"]

_SORTED: Final = frozenset({int, str, bytes})  # types of elements of a set that Python can sort among themselves
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1
SHOWN: Final = 40  # characters of a key that a path shows


class Encoding:
    """The walk over one value.

    Attributes:
        codec: whose walk it is.
        keys: the keys of registered types, numbered as they were met.
        shared: nodes of what was met more than once.
        sections: large arrays that stay outside of the nodes.
        alone: the bytes that elements of sets are sorted by, by id, each with its element; None in place of those being made.
    """

    __slots__ = ("_encoders", "_sharing", "alone", "codec", "keys", "longest", "max_depth", "memo", "sections", "shared")

    def __init__(self, codec: Codec, encoders: dict[type, Encoder]) -> None:
        self.codec = codec
        self.keys: dict[str, int] = {}
        self.shared: list[list[Any]] = []
        self.sections: list[memoryview] = []
        self.max_depth = codec.limits.depth
        self.longest = codec.limits.length + 1  # with the tag
        # What was met, by id: its node, None while that is being made, and itself: the id of an object that is gone could be taken.
        self.memo: dict[int, tuple[list[Any] | None, Any]] = {}
        self._encoders = encoders
        # Few messages need these: what is known of the shared nodes; bytes to sort elements of sets by, and the elements, by id.
        self._sharing: Sharing | None = None
        self.alone: dict[int, tuple[bytes | None, Any]] | None = None

    def root(self, value: Any, entry: Entry | None) -> Any:
        """Return the outermost node."""
        if entry is None:
            node = self.part(value, 0, "")
        else:
            self.begin(value, 0)
            node = entry.encode(value, entry.key, self, 1)
        return [ENVELOPE, list(self.keys), self.shared, node] if self.keys or self.shared else node

    def begin(self, value: Any, depth: int) -> None:
        """Note that the node of `value`, which has parts and is in `depth` containers, is being made."""
        if depth >= self.max_depth:
            raise self.too_deep()
        self.memo[id(value)] = (None, value)

    def finish(self, value: Any, node: list[Any]) -> list[Any]:
        """Note the node of `value`, and return it."""
        self.memo[id(value)] = (node, value)
        return node

    def value(self, value: Any, depth: int) -> Any:
        """Return what stands for a value that is of no native type.

        Args:
            value: what is to travel.
            depth: in how many containers it is.
        """
        known = self.memo.get(id(value))
        if known is not None:
            return self._again(value, known[0], depth)
        return (self._encoders.get(type(value)) or self.codec.encoder_of(value))(value, self, depth)

    def _again(self, value: Any, node: list[Any] | None, depth: int) -> list[Any]:
        """Return what stands for an object that was met before."""
        if node is None:
            raise holds_itself(value)
        if len(node) == 1 and (node[0] == TUPLE or node[0] == FROZENSET):  # one object each, wherever they come from
            self.fits(node, depth)
            return node
        if node[0] != SHARED:
            self.shared.append(node.copy())
            node[:] = (SHARED, len(self.shared) - 1)
        if self._sharing is None:
            self._sharing = Sharing(self.shared, self.codec.limits)
        self._sharing.check_depth(node[1], depth)  # here it may be deeper than where it was met first
        return node

    def fits(self, node: list[Any], depth: int) -> None:
        """Refuse a collection that is too long, or in too many others."""
        if depth >= self.max_depth:
            raise self.too_deep()
        if len(node) > self.longest:
            raise exceeded("length", f"has {len(node) - 1} elements", self.codec.limits)

    def part(self, value: Any, depth: int, name: str) -> Any:
        """Return what stands for any part of a message; `name` is that of the part in the path of an error."""
        if type(value) in NATIVE:
            return value
        try:
            return self.value(value, depth)
        except CodecError as error:
            raise error.under(name) from error.__cause__

    def items(self, node: list[Any], depth: int, place: Callable[[int], str]) -> None:
        """Put what stands for it in the place of each element behind the tag; `place` tells of an index what a path says."""
        memo, encoders = self.memo, self._encoders
        index = 0
        try:
            for index, item in enumerate(node):
                kind = type(item)
                if kind not in NATIVE:
                    known = memo.get(id(item))
                    if known is not None:
                        node[index] = self._again(item, known[0], depth)
                        continue
                    encoder = encoders.get(kind)
                    if encoder is None:
                        encoder = self.codec.encoder_of(item)
                    node[index] = encoder(item, self, depth)
        except CodecError as error:
            raise error.under(place(index - 1)) from error.__cause__

    def attempt(self, value: Any, depth: int) -> Any:
        """Return what `value` returns; if that raises, nothing of the attempt is left in the memory of the walk."""
        before = len(self.memo)
        try:
            return self.part(value, depth, "")
        except CodecError:
            while len(self.memo) > before:
                self.memo.popitem()
            raise

    def too_deep(self) -> CodecError:
        """Return the error of what is in too many containers."""
        return exceeded("depth", f"is nested more than {self.max_depth} deep", self.codec.limits)


def holds_itself(value: Any) -> CodecError:
    """Return the error of what is met again while its own node, or copy, is being made."""
    return CodecError(f"is the {type(value).__qualname__} that it is a part of: a message cannot hold itself")


def shown(key: Any) -> str:
    """Return a key of a dict as a path shows it."""
    if type(key) not in NATIVE or (type(key) is int and not _SMALLEST <= key <= _LARGEST):
        return f"[<{type(key).__name__}>]"
    text = repr(key[:SHOWN] if type(key) in (str, bytes) else key)
    return f"[{text}]" if type(key) not in (str, bytes) or len(key) <= SHOWN else f"[{text}...]"


def keyed(entry: Entry) -> Encoder:
    """Return how instances of a registered type are encoded where they are a part of something."""
    encode, key, shares = entry.encode, entry.key, entry.shares

    def encode_keyed(value: Any, state: Encoding, depth: int) -> list[Any]:
        index = state.keys.get(key)
        if index is None:
            index = state.keys[key] = len(state.keys)
        state.begin(value, depth)
        node = encode(value, FIRST_KEY + index, state, depth + 1)
        if shares:
            return state.finish(value, node)
        del state.memo[id(value)]
        return node

    def encode_plain(value: Any, state: Encoding, depth: int) -> list[Any]:
        index = state.keys.get(key)
        if index is None:
            index = state.keys[key] = len(state.keys)
        if depth >= state.max_depth:
            raise state.too_deep()
        node = encode(value, FIRST_KEY + index, state, depth + 1)
        state.memo[id(value)] = (node, value)
        return node

    return encode_plain if entry.plain else encode_keyed  # with plain values only, it cannot hold itself


# Each notes its node itself. Where every part is of a native type, most often, that is all there is to note.


def place_of_item(index: int) -> str:
    """Return how a path tells an item of a list or tuple."""
    return f"[{index}]"


def place_of_element(index: int) -> str:
    """Return how a path tells an element of a set, or a key of a dict."""
    return f"{{{index}}}"


def _sequence(tag: int) -> Encoder:
    def encode(value: Any, state: Encoding, depth: int) -> list[Any]:
        node = [tag, *value]  # one operation: another thread may change a list
        if len(node) > state.longest or depth >= state.max_depth:
            state.fits(node, depth)
        if not NATIVE.issuperset(map(type, node)):
            state.begin(value, depth)
            state.items(node, depth + 1, place_of_item)
        state.memo[id(value)] = (node, value)
        return node

    return encode


def _dict(value: dict[Any, Any], state: Encoding, depth: int) -> list[Any]:
    try:
        node = [DICT, *chain.from_iterable(value.items())]  # one operation, as for a list, unless garbage is collected meanwhile
    except RuntimeError:
        msg = "has changed while it was encoded: another thread has it, too; send a copy"
        raise CodecError(msg) from None
    if len(node) // 2 >= state.longest:
        raise exceeded("length", f"has {len(node) // 2} keys", state.codec.limits)
    if depth >= state.max_depth:
        raise state.too_deep()
    if not NATIVE.issuperset(map(type, node)):
        state.begin(value, depth)
        keys = node[1::2]
        state.items(node, depth + 1, lambda index: shown(keys[index // 2]) if index % 2 else place_of_element(index // 2))
    state.memo[id(value)] = (node, value)
    return node


def _set(value: set[Any] | frozenset[Any], state: Encoding, depth: int) -> list[Any]:
    items = list(value)
    kinds = set(map(type, items))
    # Invariant: equal sets make equal bytes, in every process: the order of a set of texts differs from one to the next.
    if len(kinds) == 1 and kinds <= _SORTED:
        items.sort()
    elif len(items) > 1:
        items.sort(key=lambda item: _bytes_of(item, state, depth))
    node = [SET if type(value) is set else FROZENSET, *items]
    if len(node) > state.longest or depth >= state.max_depth:
        state.fits(node, depth)
    if not kinds <= NATIVE:
        state.begin(value, depth)
        state.items(node, depth + 1, place_of_element)
    state.memo[id(value)] = (node, value)
    return node


def _bytes_of(item: Any, state: Encoding, depth: int) -> bytes:
    """Return bytes to sort by: those of the element by itself. Made once: in sets within sets, each would double the work."""
    if state.alone is None:
        state.alone = {}
    known = state.alone.get(id(item))
    if known is not None:
        if known[0] is None:
            raise holds_itself(item)
        return known[0]
    state.alone[id(item)] = (None, item)
    alone = Encoding(state.codec, state._encoders)
    alone.alone = state.alone
    try:
        node = alone.part(item, depth + 1, "")
        # With the keys: elements of different types may have the same fields.
        made = Packer().pack(widened([list(alone.keys), alone.shared, node]))
    except CodecError as error:
        del state.alone[id(item)]
        raise error.under("{...}") from error.__cause__
    state.alone[id(item)] = (made, item)
    return made


CONTAINERS: Final[dict[type, Any]] = {list: _sequence(LIST), tuple: _sequence(TUPLE), dict: _dict, set: _set, frozenset: _set}


def widened(node: Any) -> Any:
    """Return a node in which what msgpack cannot take, large ints and lone surrogates, is a node of its own.

    A second walk, for the few messages that need it: no other has to look at every int and text.
    """
    if type(node) is not list:
        return _wide(node)
    seen = {id(node)}
    todo = [node]
    while todo:
        one = todo.pop()
        for index, item in enumerate(one):  # the first, too: not every array begins with a tag
            if type(item) is list:
                if id(item) not in seen:  # shared nodes are met more than once
                    seen.add(id(item))
                    todo.append(item)
            elif type(item) is int or type(item) is str:
                one[index] = _wide(item)
    return node


def _wide(value: Any) -> Any:
    if type(value) is int and not _SMALLEST <= value <= _LARGEST:
        return [BIGINT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)]
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return [SURROGATES, value.encode("utf-8", "surrogatepass")]
    return value
