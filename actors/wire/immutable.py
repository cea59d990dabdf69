"""Checking that a value cannot change, all the way down: what `Isolation.CHECK` does, and the fast way out of `Isolation.COPY`.

A class is judged once (see `immutable_kinds`). What stays of that is a function from an instance to those of its parts that are not
obviously immutable; a check calls it and, mostly, is done. Only when a value is refused it is walked again, to find the path.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, Protocol

from actors.errors import MutableMessageError
from actors.wire.immutable_kinds import ATOMS, MISSING, Kind, kind_of, name_of, read, reads_plainly

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

__all__ = ["check_immutable", "is_immutable"]

Rest = Callable[[Any], Collection[Any]]
Way = tuple[Any, str]  # the way to what a part is in, None at the root; the part

LONGEST: Final = 100  # parts of a path that are shown
_REFUSED: Final = (object(),)  # what a function in _rests returns for an instance that can change
_NOT_LOOKED_AT: Final = (object(),)  # in place of what they return, before a class is judged
_NONE_DECLARED: Final[frozenset[type]] = frozenset()


class _Rests(dict[int, Rest]):
    """A dict in which a class that was not judged has a function that says so, without an entry."""

    def __missing__(self, key: int) -> Rest:
        return _not_looked_at


def _not_looked_at(_value: Any) -> Collection[Any]:
    return _NOT_LOOKED_AT


# What has been found out, by the id of the class: the class itself as a key would live for ever, and its metaclass may define a hash.
# Invariant: an entry is gone before the memory of its class is used again, as the callback of a weak reference comes before that.
# Threads: there is no lock, as that callback may come at any time, also within a change. Each change is one atomic operation; two
# threads that judge a class at once store the same twice; and while they do, the instance at hand keeps the class alive.
_rests: Final[dict[int, Rest]] = _Rests()
_plain: Final[set[int]] = set()  # of those in _rests: the classes whose instances need no look
_references: Final[dict[int, weakref.ref[type]]] = {}


class Declared(Protocol):
    """What is needed of a registry."""

    @property
    def immutable(self) -> frozenset[type]:
        """The classes that were declared immutable."""


def check_immutable(value: Any, registry: Declared | None = None) -> None:
    """Raise if `value`, or anything in it, can change.

    Runs no code of the value's classes, and takes any depth, shared parts and cycles.

    Args:
        value: any object.
        registry: whose declared classes are immutable, too.

    Raises:
        MutableMessageError: names the first part that can change.
        TypeError: the registry is none.
    """
    rest = _rests[id(type(value))](value)
    if rest:
        declared = _declared_in(registry)
        if not _holds(value, rest, declared):
            error = _first_mutable(value, declared)
            if error is not None:  # attributes of an exception may have been replaced meanwhile
                raise error


def is_immutable(value: Any, registry: Declared | None = None) -> bool:
    """Return whether `check_immutable` would return."""
    rest = _rests[id(type(value))](value)
    return not rest or _holds(value, rest, _declared_in(registry))


def _declared_in(registry: Declared | None) -> AbstractSet[type]:
    if registry is None:
        return _NONE_DECLARED
    try:
        return registry.immutable
    except AttributeError:
        msg = f"registry={registry!r} is not valid: a Registry, or None"
        raise TypeError(msg) from None


def _holds(value: Any, rest: Collection[Any], declared: AbstractSet[type]) -> bool:
    """Return whether all of `rest`, which is that of `value`, is immutable."""
    if declared and type(value) in declared:
        return True
    if rest is _NOT_LOOKED_AT:
        rest = _learn(type(value), value)(value)
    if rest is _REFUSED:
        return False
    seen = {id(value): value}  # keeps what it has seen, so that no id comes twice
    waiting = [*rest]
    while waiting:
        one = waiting.pop()
        key = id(one)
        if key in seen:
            continue
        cls = type(one)
        if declared and cls in declared:
            continue
        rest_of = _rests.get(id(cls))
        rest = _learn(cls, one)(one) if rest_of is None else rest_of(one)
        if rest:
            if rest is _REFUSED:
                return False
            seen[key] = one
            waiting += rest
    return True


def _first_mutable(value: Any, declared: AbstractSet[type]) -> MutableMessageError | None:
    seen: dict[int, Any] = {}
    waiting: list[tuple[Any, Way | None]] = [(value, None)]
    while waiting:
        one, way = waiting.pop()
        cls = type(one)
        if id(one) in seen or id(cls) in _plain or (declared and cls in declared):
            continue
        seen[id(one)] = one
        kind = kind_of(cls)
        if kind.why is not None:
            return MutableMessageError(_path(way), name_of(cls), kind.why)
        inner = []
        for part, item in kind.parts(one):
            if item is MISSING:
                return MutableMessageError(_path(way), name_of(cls), f"has no value in its field {part.removeprefix('.')!r}")
            if id(type(item)) not in _plain:
                inner.append((item, (way, part)))
        waiting.extend(reversed(inner))
    return None


def _path(way: Way | None) -> str:
    parts = []
    while way is not None:
        way, part = way
        parts.append(part)
    parts.append("message")
    parts.reverse()
    if len(parts) > LONGEST:
        half = LONGEST // 2
        parts[half:-half] = [f"...({len(parts) - LONGEST} more)..."]
    return "".join(parts)


# -- functions from an instance to the parts that need a look ---------------------------------------------------------------


def _nothing(_value: Any) -> Collection[Any]:
    return ()


def _refused(_value: Any) -> Collection[Any]:
    return _REFUSED


def _of_items(values: Collection[Any]) -> Collection[Any]:
    for item in values:
        cls = type(item)
        if cls is not str and cls is not int and id(cls) not in _plain:  # the commonest by identity: that costs half of a look into a set
            return [item for item in values if id(type(item)) not in _plain]
    return ()


def _of_named_tuple(value: Any) -> Collection[Any]:
    return _of_items([*tuple.__iter__(value)])


def _of_parts(kind: Kind, value: Any) -> Collection[Any]:
    return _of_items([item for _part, item in kind.parts(value)])


def _learn(cls: type, first: Any) -> Rest:
    """Judge a class by itself, and choose by its first instance what will be tested first."""
    kind = kind_of(cls)
    if kind.why is not None:
        rest_of: Rest = _refused
    elif kind.fields is not None:
        rest_of = _compiled(cls, kind.fields, first) if kind.fields else _nothing
    elif cls is tuple or cls is frozenset:
        rest_of = _of_items
    elif issubclass(cls, tuple):
        rest_of = _of_named_tuple
    else:
        rest_of = partial(_of_parts, kind)
    key = id(cls)
    _references[key] = weakref.ref(cls, partial(_forget, key))
    _rests[key] = rest_of
    if rest_of is _nothing:
        _plain.add(key)
    return rest_of


def _forget(
    key: int,
    _reference: object,
    rests: dict[int, Rest] = _rests,
    plain: set[int] = _plain,
    references: dict[int, weakref.ref[type]] = _references,  # defaults: at the end of the program, globals may be gone before a class is
) -> None:
    rests.pop(key, None)
    plain.discard(key)
    references.pop(key, None)


# Of these the functions below name the class. They must not name others: that would keep those alive.
_NAMED: Final = {id(cls): cls.__name__ for cls in (bool, int, float, str, bytes)}


def _compiled(cls: type, names: tuple[str, ...], first: Any) -> Rest:
    """Make the function for a class that is its fields.

    The types of the first instance's values are tested first, by identity. Annotations would say less: they are often texts, and never
    more than promises. A wrong guess costs a look into a set.
    """
    by_name = reads_plainly(cls) and all(name.isascii() and name.isidentifier() and not iskeyword(name) for name in names)
    tests, lines = [], []
    for name in names:
        how = f"value.{name}" if by_name else f"read(value, {name!r})"
        test = _test(how, _type_of_field(first, name))
        tests.append(f"({test})")
        lines += [f"if {test}:", f"    rest = (*rest, {how})"]
    source = f"""\
def rest_of(value):
    try:
        if not ({" or ".join(tests)}):
            return ()
        rest = ()
        {(chr(10) + " " * 8).join(lines)}
    except AttributeError:  # a field without a value
        return refused
    return rest
"""
    scope: dict[str, Any] = {"plain": _plain, "read": read, "of_items": _of_items, "refused": _REFUSED}
    exec(compile(source, f"<immutability of {name_of(cls)}>", "exec"), scope)  # noqa: S102  # of names only, and those are checked
    return scope["rest_of"]


def _type_of_field(first: Any, name: str) -> type:
    try:
        return type(read(first, name))
    except AttributeError:
        return type(MISSING)


def _test(how: str, likely: type) -> str:
    """Return the source that asks whether what `how` reads needs a look."""
    needs_look = f"id(type({how})) not in plain"
    if id(likely) in _NAMED:
        return f"type({how}) is not {_NAMED[id(likely)]} and {needs_look}"
    if likely is type(None):
        return f"{how} is not None and {needs_look}"
    if likely is tuple:
        return f"(type({how}) is not tuple or of_items({how})) and {needs_look}"
    return needs_look


for _cls in ATOMS:
    _learn(_cls, None)
