"""Copies within the process: what encoding and decoding would give, made without bytes.

By the same rules: exact types, registered ones only, shared parts stay shared, nothing holds itself, and the limits hold. What cannot
change is handed on as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError
from actors.wire.atoms import ATOMS
from actors.wire.decoding import unhashable
from actors.wire.encoding import holds_itself, place_of_element, place_of_item, shown
from actors.wire.immutable import is_immutable
from actors.wire.limits import exceeded
from actors.wire.specs import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.wire.codec import Codec
    from actors.wire.entries import Entry

    Copier = Callable[[Any, "Copying", int], Any]

__all__ = ["COPIERS", "Copying", "copier_of"]

_SAFE: Final = NATIVE | (ATOMS.keys() - {bytearray})  # handed on as they are; a zone may be of any class, but does not change
_NEW: Final = object()
_PENDING: Final = object()


class Copying:
    """The walk over one value.

    Args:
        codec: whose copy it is.
        copiers: how values are copied, by their exact type; what is found out is added.
    """

    __slots__ = ("_copiers", "_kept", "codec", "longest", "max_depth", "memo")

    def __init__(self, codec: Codec, copiers: dict[type, Copier]) -> None:
        self.codec = codec
        self.max_depth = codec.limits.depth
        self.longest = codec.limits.length
        self.memo: dict[int, Any] = {}  # copies by the id of what they are of; _PENDING while one is being made
        self._copiers = copiers
        self._kept: list[Any] = []  # what was copied: the id of an object that is gone could be taken

    def value(self, value: Any, depth: int) -> Any:
        """Return a copy of a value that may change.

        Args:
            value: what is copied.
            depth: in how many containers it is.
        """
        made = self.memo.get(id(value), _NEW)
        if made is _NEW:
            return (self._copiers.get(type(value)) or self.codec.copier_of(value))(value, self, depth)
        if made is _PENDING:
            raise holds_itself(value)
        return made

    def begin(self, value: Any, depth: int) -> None:
        """Note that a copy of `value`, which has parts that may change, is being made."""
        if depth >= self.max_depth:
            raise self.too_deep()
        self.memo[id(value)] = _PENDING

    def part(self, value: Any, depth: int, name: str) -> Any:
        """Return a copy of a part; `name` is that of the part in the path of an error."""
        if type(value) in _SAFE:
            return value
        self._kept.append(value)
        try:
            return self.value(value, depth)
        except CodecError as error:
            raise error.under(name) from error.__cause__

    def attempt(self, value: Any, depth: int) -> Any:
        """Return what `part` returns; if that raises, nothing of the attempt is left in the memory of the walk."""
        before = len(self.memo)
        try:
            return self.part(value, depth, "")
        except CodecError:
            while len(self.memo) > before:
                self.memo.popitem()
            raise

    def items(self, items: Sequence[Any], depth: int, place: Callable[[int], str] = place_of_item) -> list[Any]:
        """Return copies of items of which some may change; nobody else has `items`. `place` tells of an index what a path says."""
        self._kept.append(items)
        made: list[Any] = []
        add = made.append
        memo, copiers = self.memo, self._copiers
        try:
            for item in items:
                kind = type(item)
                if kind in _SAFE:
                    add(item)
                    continue
                known = memo.get(id(item), _NEW)
                if known is _NEW:
                    copier = copiers.get(kind)
                    if copier is None:
                        copier = self.codec.copier_of(item)
                    known = copier(item, self, depth)
                elif known is _PENDING:
                    raise holds_itself(item)
                add(known)
        except CodecError as error:
            raise error.under(place(len(made))) from error.__cause__
        return made

    def too_deep(self) -> CodecError:
        """Return the error of what is in too many containers."""
        return exceeded("depth", f"is nested more than {self.max_depth} deep", self.codec.limits)

    def fits(self, count: int, depth: int) -> None:
        """Refuse a collection that is too long, or in too many others."""
        if count > self.longest:
            raise exceeded("length", f"has {count} elements", self.codec.limits)
        if depth >= self.max_depth:
            raise self.too_deep()


# Each notes its copy itself. Where no part may change, most often, that is all there is to note.


def _list(value: list[Any], state: Copying, depth: int) -> list[Any]:
    made = value.copy()  # one operation: another thread may change the list
    if len(made) > state.longest or depth >= state.max_depth:
        state.fits(len(made), depth)
    for item in made:  # quicker than `issuperset` for a few
        if type(item) not in _SAFE:
            state.begin(value, depth)
            made = state.items(made, depth + 1)
            break
    state.memo[id(value)] = made
    return made


def _tuple(value: tuple[Any, ...], state: Copying, depth: int) -> tuple[Any, ...]:
    if len(value) > state.longest or depth >= state.max_depth:
        state.fits(len(value), depth)
    for item in value:
        if type(item) not in _SAFE:
            break
    else:
        return value
    state.begin(value, depth)
    items = state.items(value, depth + 1)
    made = state.memo[id(value)] = tuple(items) if any(one is not item for one, item in zip(items, value, strict=True)) else value
    return made


def _set(value: set[Any] | frozenset[Any], state: Copying, depth: int) -> Any:
    made: Any = value.copy()
    if len(made) > state.longest or depth >= state.max_depth:
        state.fits(len(made), depth)
    for item in made:
        if type(item) not in _SAFE:
            state.begin(value, depth)
            items = list(made)
            copies = state.items(items, depth + 1, place_of_element)
            same = type(value) is frozenset and all(one is other for one, other in zip(items, copies, strict=True))
            made = value if same else _table(type(value), copies)
            break
    state.memo[id(value)] = made
    return made


def _dict(value: dict[Any, Any], state: Copying, depth: int) -> dict[Any, Any]:
    made = value.copy()
    if len(made) > state.longest or depth >= state.max_depth:
        state.fits(len(made), depth)
    for key, item in made.items():
        if type(item) not in _SAFE or type(key) not in _SAFE:
            state.begin(value, depth)
            made = _parts_of_dict(made, state, depth + 1)
            break
    state.memo[id(value)] = made
    return made


def _parts_of_dict(items: dict[Any, Any], state: Copying, depth: int) -> dict[Any, Any]:
    keys = list(items)
    values = state.items([*items.values()], depth, lambda index: shown(keys[index]))
    if not _SAFE.issuperset(map(type, keys)):
        keys = state.items(keys, depth, place_of_element)
    return _table(dict, zip(keys, values, strict=True))


def _table(kind: Callable[[Any], Any], items: Any) -> Any:
    try:
        return kind(items)
    except Exception as error:
        raise unhashable(error) from error


def _bytearray(value: bytearray, state: Copying, _depth: int) -> bytearray:
    made = state.memo[id(value)] = value.copy()
    return made


COPIERS: Final[dict[type, Any]] = {
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _set,
    bytearray: _bytearray,
}


def copier_of(entry: Entry) -> Copier:
    """Return how instances of a registered type are copied: not at all if they cannot change."""
    duplicate, may_change, plain = entry.duplicate, entry.changes, entry.plain  # with plain values only, it cannot hold itself

    def copier(value: Any, state: Copying, depth: int) -> Any:
        if not may_change and is_immutable(value, state.codec.registry):
            return value
        if not plain:
            state.begin(value, depth)
        elif depth >= state.max_depth:
            raise state.too_deep()
        made = state.memo[id(value)] = duplicate(value, state, depth + 1)
        return made

    return copier
