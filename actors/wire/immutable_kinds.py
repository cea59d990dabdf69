"""Which classes have instances that cannot change, what those are made of, and why all others are refused.

Classes are judged by what they are exactly and by what they declare, never by trying. No code of theirs runs: fields are read as
``object`` reads them, classes as ``type`` does.

Three kinds are taken at their word. A frozen dataclass (attrs class, msgspec Struct) is its fields: what else is in its ``__dict__``,
like the value of a ``cached_property``, is not looked at. An enum member is a constant, whatever its value is. An exception is its
arguments and attributes: its notes, traceback, cause and context tell where it has been.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from threading import Lock, RLock
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    EllipsisType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    NotImplementedType,
)
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TID251  # the type: none is made here
from zoneinfo import ZoneInfo

import pykka

from actors._core.future import Future
from actors._core.proxy import ActorProxy
from actors._core.ref import ActorRef
from actors._core.reply import CancelToken, ReplyHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ATOMS", "MISSING", "Kind", "kind_of", "name_of", "read", "reads_plainly"]

ATOMS: Final = (
    *(NoneType, bool, int, float, complex, str, bytes, range, EllipsisType, NotImplementedType, object),
    *(date, timedelta, timezone, ZoneInfo, Decimal, Fraction, UUID, re.Pattern),
    *(PurePath, PurePosixPath, PureWindowsPath, Path, PosixPath, WindowsPath),
)
# Addresses and promises, with their subclasses: they are made to be handed on, and what changes behind them is guarded by the framework.
_HANDLES: Final = (ActorRef, pykka.ActorRef, ActorProxy, Future, ReplyHandle, CancelToken)
_CONTAINERS: Final = (list, dict, set, bytearray, deque)
_WHYS: Final = {
    MappingProxyType: "is a view of a dict that may change",
    FunctionType: "is a function, and may refer to anything",
    BuiltinFunctionType: "is a function, and may refer to anything",
    MethodType: "is a method, and has the object that it is bound to",
    partial: "is a function, and has arguments that may change",
    GeneratorType: "is a computation under way",
    CoroutineType: "is a computation under way",
    AsyncGeneratorType: "is a computation under way",
    type(Lock()): "is a lock, which changes whenever it is taken",
    type(RLock()): "is a lock, which changes whenever it is taken",
    memoryview: "is a view of memory that may change",
    ModuleType: "is a module, which can change",
}

MISSING: Final = object()  # in place of the value of a field that has none

# Through these nothing of a metaclass is asked, and nothing that a class has put in their place.
read: Final = object.__getattribute__
_vars: Final[Any] = type.__dict__["__dict__"].__get__
_mro: Final[Any] = type.__dict__["__mro__"].__get__
_module_of: Final[Any] = type.__dict__["__module__"].__get__
_dict_offset: Final[Any] = type.__dict__["__dictoffset__"].__get__
name_of: Final[Callable[[type], str]] = type.__dict__["__name__"].__get__
_raised_args: Final[Any] = BaseException.__dict__["args"].__get__
_raised_vars: Final[Any] = BaseException.__dict__["__dict__"].__get__


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of the instances of a class.

    Attributes:
        why: they are refused; None if they are immutable when their parts are.
        fields: the names of what they are made of, None if that is not the same for all.
        parts: of an instance, each with what it adds to a path, like ``.price`` or ``[3]``.
    """

    why: str | None = None
    fields: tuple[str, ...] | None = None
    parts: Callable[[Any], Iterator[tuple[str, Any]]] = lambda _value: iter(())


_ATOM: Final = Kind(fields=())


def kind_of(cls: type) -> Kind:
    """Return what is known of the instances of `cls`."""
    known = _KNOWN.get(id(cls))
    if known is not None:
        return known
    for judge in (_constant, _raised, _tuple, _declared):
        kind = judge(cls)
        if kind is not None:
            return kind
    return Kind(_why_unknown(cls))


def reads_plainly(cls: type) -> bool:
    """Return whether ``value.name`` runs no code of `cls`, also if there is no such attribute."""
    return _lookup(cls, "__getattribute__") is _vars(object)["__getattribute__"] and _lookup(cls, "__getattr__") is MISSING


def _lookup(cls: type, name: str) -> Any:
    for base in _mro(cls):
        if name in _vars(base):
            return _vars(base)[name]
    return MISSING


# -- judges: each returns None of what it does not know ---------------------------------------------------------------------


def _constant(cls: type) -> Kind | None:
    if issubclass(cls, (Enum, type, *_HANDLES)):
        return _ATOM
    if _is_a(cls, "numpy", "ndarray"):
        return Kind("is a numpy array, and its memory can change")
    if _is_a(cls, "numpy", "void"):
        return Kind("is a record of numpy, which can change")
    # Of numpy's scalars only its own: a subclass may have attributes.
    return _ATOM if _is_a(cls, "numpy", "generic") and _module_of(cls) == "numpy" else None


def _is_a(cls: type, module: str, name: str) -> bool:
    """Return whether `cls` is, or derives from, the class of that name. Its library is not imported, and need not be there."""
    return any(name_of(base) == name and _module_of(base) == module for base in _mro(cls))


def _raised(cls: type) -> Kind | None:
    if not issubclass(cls, BaseException):
        return None
    group = issubclass(cls, BaseExceptionGroup)  # its argument may be a list, but what counts is the tuple made from that
    names = tuple(
        name
        for name in dict.fromkeys(name for base in _mro(cls) for name in _vars(base))
        # `obj` is where an attribute was missing: like the traceback, it is where the exception has been.
        if type(_lookup(cls, name)) is MemberDescriptorType and not (name == "obj" and issubclass(cls, AttributeError))
    )

    def parts(error: Any) -> Iterator[tuple[str, Any]]:
        if not group:
            yield from _items(_raised_args(error), ".args[", "]")
        for name in names:
            value = _field(error, name)
            if value is not MISSING:
                yield f".{name}", value
        for name, value in _raised_vars(error).copy().items():
            if name != "__notes__":
                yield f".{name}", value

    return Kind(parts=parts)


def _tuple(cls: type) -> Kind | None:
    if not issubclass(cls, tuple):
        return None
    names = _lookup(cls, "_fields")
    if type(names) is not tuple or not all(type(name) is str for name in names):
        return None
    if _dict_offset(cls):
        return Kind("is a named tuple with attributes beside its fields (`__slots__ = ()` in its class takes them away)")

    def parts(value: Any) -> Iterator[tuple[str, Any]]:
        for at, item in enumerate(tuple.__iter__(value)):
            yield (f".{names[at]}" if at < len(names) else f"[{at}]"), item

    return Kind(parts=parts)


def _declared(cls: type) -> Kind | None:
    """Judge dataclasses, attrs classes and msgspec Structs."""
    own = _vars(cls)
    if _is_a(cls, "msgspec", "Struct"):
        struct: Any = cls
        return (
            _fields(cls, struct.__struct_fields__)
            if struct.__struct_config__.frozen
            else Kind("is a mutable Struct (declare it as frozen)")
        )
    for word, mark, frozen, names in (
        ("dataclass", "__dataclass_fields__", _frozen_dataclass, _names_of_dataclass),
        ("attrs class", "__attrs_attrs__", _frozen_attrs, _names_of_attrs),
    ):
        if mark in own:
            if not frozen(own):
                return Kind(f"is a mutable {word} (declare it as frozen)")
            native = _native_base(cls)
            return _fields(cls, names(cls)) if native is None else Kind(f"has the contents of a {name_of(native)} beside its fields")
        if _lookup(cls, mark) is not MISSING:
            base = next(base for base in _mro(cls) if mark in _vars(base))
            return Kind(f"is no {word} itself, only its base class {name_of(base)} is: decorate it, too, as frozen")
    return None


def _native_base(cls: type) -> type | None:
    """Return what `cls` derives from that has contents in no attribute, like a list: such classes bring a constructor in C."""
    for base in _mro(cls):
        if base is not object and type(_vars(base).get("__new__")) is BuiltinFunctionType:
            return base
    return None


def _frozen_dataclass(own: Any) -> bool:
    return own["__dataclass_params__"].frozen is True


def _names_of_dataclass(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def _frozen_attrs(own: Any) -> bool:
    props = own.get("__attrs_props__")  # since attrs 25.4; before, all there is is the method that refuses
    if props is not None:
        return props.is_frozen is True
    refuses = own.get("__setattr__")
    return type(refuses) is FunctionType and (refuses.__module__, refuses.__name__) == ("attr._make", "_frozen_setattrs")


def _names_of_attrs(cls: type) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in _vars(cls)["__attrs_attrs__"])


def _fields(cls: type, names: tuple[str, ...]) -> Kind:
    for name in names:
        found = _lookup(cls, name)
        if type(found) not in (MemberDescriptorType, FunctionType) and _lookup(type(found), "__get__") is not MISSING:
            return Kind(f"computes its field {name!r}: a {name_of(type(found))} stands for it in its class")
    return _of_fields(names)


def _of_fields(names: tuple[str, ...]) -> Kind:
    def parts(value: Any) -> Iterator[tuple[str, Any]]:
        for name in names:
            yield f".{name}", _field(value, name)

    return Kind(fields=names, parts=parts)


def _field(value: Any, name: str) -> Any:
    try:
        return read(value, name)
    except AttributeError:
        return MISSING


def _items(values: Any, before: str, after: str) -> Iterator[tuple[str, Any]]:
    for at, item in enumerate(values):
        yield f"{before}{at}{after}", item


def _why_unknown(cls: type) -> str:
    for base in _mro(cls):
        if any(base is container for container in _CONTAINERS):
            return "can change"
        if base is not object and id(base) in _KNOWN:
            return (
                f"is a subclass of {name_of(base)}, which may have attributes and other methods "
                "(if nothing of it changes, declare it with Registry.declare_immutable)"
            )
    return "is of a class that is not known to be immutable (if nothing of it changes, declare it with Registry.declare_immutable)"


_KNOWN: Final = {
    **{id(cls): _ATOM for cls in ATOMS},
    **{id(cls): Kind("can change") for cls in _CONTAINERS},
    **{id(cls): Kind(why) for cls, why in _WHYS.items()},
    id(tuple): Kind(parts=lambda value: _items(value, "[", "]")),
    id(frozenset): Kind(parts=lambda value: _items(value, "{", "}")),
    id(datetime): _of_fields(("tzinfo",)),  # a zone of a class of its own may change
    id(time): _of_fields(("tzinfo",)),
}
