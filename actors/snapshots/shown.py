"""A value as a short text, for whoever looks at actors from beside.

No code of the value's own class runs, neither ``__repr__`` nor ``__len__`` nor a property: it might raise, block, build a gigabyte, or meet
an object in the middle of a change, on a thread that must go on. So values are shown by what they are made of, and only as much of them is
looked at as there is room for.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import types
from collections import deque
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID  # noqa: TID251  # shown, not made

from actors._core.ref import ActorRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["LONGEST", "name_of", "shown"]

LONGEST = 200  # characters of a text

DEEPEST = 6  # objects inside of objects that are looked into
LOOKS = 20  # objects that are looked at, for each character there is room for: sets in sets are put into order again and again
SORTED = 20  # elements of a set that are put into an order which is the same in every process
BITS = 400  # of an int that is written in digits

_NAMES = type.__dict__["__qualname__"]
_BASES = type.__dict__["__mro__"]
_MEMBERS = type.__dict__["__dict__"]

_SMALL = (dt.date, dt.timedelta, Decimal, UUID)  # not those with a time zone, which may be of any class
_CALLABLE = (types.FunctionType, types.BuiltinFunctionType)


class _Room:
    """How much may be looked at for one text.

    Attributes:
        width: characters that there is room for.
        looks: objects that may still be looked at.
    """

    __slots__ = ("looks", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.looks = LOOKS * width


def shown(value: Any, width: int = LONGEST) -> str:
    """Return a text of at most `width` characters, in one line, with an ellipsis where something is missing.

    Built-in values and containers look as their `repr` does, other objects like ``Point(x=1, y=2)``, with the attributes they have. It
    takes a time and memory that depend on `width`, not on the value, and never raises because of it.
    """
    text = ""
    for piece in _pieces(value, DEEPEST, _Room(width)):
        text += piece
        if len(text) > width:
            return text[: width - 1] + "…"
    return text


def name_of(kind: type) -> str:
    """Return the qualified name of a class, without asking its metaclass."""
    return _word(_NAMES.__get__(kind))


def _is_one_of(kind: type, kinds: tuple[type, ...]) -> bool:
    """Tell whether `kind` is in `kinds`; ``in`` would ask its metaclass whether it is equal to them."""
    return any(kind is one for one in kinds)


def _pieces(value: Any, depth: int, room: _Room) -> Iterator[str]:
    """Yield the text of `value` bit by bit, each of them no empty one: whoever has enough looks at no more of it."""
    kind = type(value)
    room.looks -= 1
    plain = _plain(value, kind, room.width) if room.looks >= 0 else "…"
    if plain is not None:
        yield plain
    elif depth == 0:
        yield "…"
    elif kind is tuple:
        yield from _between("(", (_pieces(one, depth - 1, room) for one in value), ",)" if len(value) == 1 else ")")
    else:
        yield from _container(value, kind, depth - 1, room)


def _plain(value: Any, kind: type, width: int) -> str | None:
    """Return the text of what holds no other values, None for what does."""
    if value is None or value is Ellipsis or value is NotImplemented or _is_one_of(kind, (bool, float, complex)):
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() <= BITS else f"<int of {value.bit_length()} bits>"
    if kind is str or kind is bytes:
        return repr(value[: width + 1])
    if kind is bytearray:
        return f"bytearray({bytes(value[: width + 1])!r})"
    return _named(value, kind)


def _named(value: Any, kind: type) -> str | None:  # noqa: PLR0911  # a table of kinds
    """Return the text of what is shown by its name, or by its own `repr` because that is the standard library's."""
    if _is_one_of(kind, _SMALL):
        return repr(value) if value.__sizeof__() < BITS else f"<{kind.__name__}>"
    if kind is dt.datetime:
        return repr(dt.datetime.replace(value, tzinfo=None))
    if issubclass(kind, type):
        return f"<class {name_of(value)}>"
    if issubclass(kind, ActorRef):
        return f"<ActorRef {ActorRef.path.fget(value)}>"  # type: ignore[attr-defined]  # a property
    if kind is types.MethodType:
        value = value.__func__
        kind = type(value)
        if not _is_one_of(kind, _CALLABLE):  # what is bound may be any callable
            return "<method>"
    if kind is types.FunctionType:
        return f"<function {_word(value.__qualname__)}>"
    if kind is types.BuiltinFunctionType:  # the qualified name is made of that of the class it is bound to, which is asked for it
        return f"<builtin_function_or_method {value.__name__}>"
    if issubclass(kind, types.ModuleType):
        return "<module>"
    return None


def _container(value: Any, kind: type, depth: int, room: _Room) -> Iterator[str]:
    name, width = name_of(kind), room.width
    own = kind is dict or kind is list
    inner = functools.partial(_pieces, depth=depth, room=room)
    try:
        if issubclass(kind, dict):
            items = _first(width, dict.items(value))
            pairs = (_joined(inner(key), ": ", inner(one)) for key, one in items)
            yield from _between("{" if own else f"{name}({{", pairs, "}" if own else "})")
        elif issubclass(kind, (set, frozenset)):
            yield from _set(value, kind, inner, width)
        elif issubclass(kind, (list, tuple, deque)):
            elements = _first(width, _iterator(kind)(value))
            fields = _MEMBERS.__get__(kind).get("_fields")
            if type(fields) is tuple and issubclass(kind, tuple):
                named = (_joined([_word(field)], "=", inner(one)) for field, one in zip(fields, elements, strict=False))
                yield from _between(f"{name}(", named, ")")
            else:
                yield from _between("[" if own else f"{name}([", map(inner, elements), "]" if own else "])")
        else:
            yield from _object(value, kind, name, inner, width)
    except RuntimeError:  # it was changed by its owner at this very moment
        yield f"<{name}, changing>"


def _iterator(kind: type) -> Callable[[Any], Iterator[Any]]:
    return next(base.__iter__ for base in (list, tuple, deque) if issubclass(kind, base))


def _first(width: int, values: Iterable[Any]) -> list[Any]:
    """Return as many of `values` as there can be room for: a container may be changed between two looks at it."""
    return list(islice(values, width))


def _set(value: Any, kind: type, inner: Callable[[Any], Iterator[str]], width: int) -> Iterator[str]:
    base = set if issubclass(kind, set) else frozenset
    elements = _first(width, base.__iter__(value))
    name = name_of(kind)
    if not elements:
        yield f"{name}()"
        return
    parts: Iterable[Iterable[str]] = map(inner, elements)
    if len(elements) <= SORTED:
        parts = ([text] for text in sorted(_cut(inner(one), width) for one in elements))
    yield from _between("{" if kind is set else f"{name}({{", parts, "}" if kind is set else "})")


def _cut(pieces: Iterable[str], width: int) -> str:
    text = ""
    for piece in pieces:
        text += piece
        if len(text) > width:
            break
    return text


def _object(value: Any, kind: type, name: str, inner: Callable[[Any], Iterator[str]], width: int) -> Iterator[str]:
    """Show an object of a class that is not known here: by its attributes, or by the value it stands for."""
    attributes = list(islice(_attributes(value, kind), width))
    stored = dict(attributes)
    if issubclass(kind, enum.Enum):
        yield f"{name}.{stored.get('_name_')}"
    elif issubclass(kind, BaseException):
        yield from _between(f"{name}(", map(inner, BaseException.args.__get__(value)), ")")  # type: ignore[attr-defined]
    elif issubclass(kind, (int, float, str, bytes)):
        base = next(base for base in (int, float, str, bytes) if issubclass(kind, base))
        yield from _between(f"{name}(", [inner(_bare(value, base, width))], ")")
    elif attributes:
        shown_ones = (_joined([key], "=", inner(one)) for key, one in attributes)
        yield from _between(f"{name}(", shown_ones, ")")
    else:
        yield f"<{name}>"


def _bare(value: Any, base: Any, width: int) -> Any:
    """Return what an instance of a subclass of a built-in class would be without it."""
    if base is int:
        return int.__index__(value) if int.bit_length(value) <= BITS else Ellipsis
    return base.__getitem__(value, slice(width + 1)) if base is str or base is bytes else float.__pos__(value)


def _attributes(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what is stored in `value`: in its slots, base classes first, and in its ``__dict__``."""
    for base in reversed(_BASES.__get__(kind)):
        for name, member in _first(1000, _MEMBERS.__get__(base).items()):
            if type(member) is types.MemberDescriptorType and not name.startswith("__"):
                try:
                    yield name, member.__get__(value)
                except AttributeError:  # nothing is in the slot
                    continue
            elif name == "__dict__" and type(member) is types.GetSetDescriptorType:
                for key, one in _first(1000, member.__get__(value).items()):
                    yield _word(key), one


def _word(name: Any) -> str:
    """Return the name of an attribute, which may be of any class."""
    return name if type(name) is str else str.__getitem__(name, slice(None)) if issubclass(type(name), str) else "?"


def _joined(before: Iterable[str], between: str, after: Iterable[str]) -> Iterator[str]:
    yield from before
    yield between
    yield from after


def _between(begin: str, parts: Iterable[Iterable[str]], end: str) -> Iterator[str]:
    yield begin
    for index, part in enumerate(parts):
        if index:
            yield ", "
        yield from part
    yield end
