"""What an annotation says about the values of a field, as a check of values.

Both sides ask it: the sender, so that a wrong value is told where it comes from, and the receiver, who trusts nobody.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError, RemoteError
from actors.wire.exceptions import reason_of
from actors.wire.flat import Flat, flat_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ANYTHING", "NATIVE", "Spec", "is_missing", "spec_of"]

# What msgpack has itself: these travel as they are. Exact types, no subclasses.
NATIVE: Final = frozenset({type(None), bool, int, float, str, bytes})
# An int is accepted where a float is declared, and stays an int: PEP 484's numeric tower.
_PROMOTED: Final[dict[type, frozenset[type]]] = {int: frozenset({int, bool}), float: frozenset({float, int, bool})}
_NOTHING: Final[frozenset[type]] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Spec:
    """A check of values.

    Attributes:
        text: for people.
        natives: which of the types that msgpack has itself pass unseen.
        accepts: tells of any value whether it passes.
        plain: whether nothing but `natives` passes.
        deep: whether it looks at the elements of collections.
        collection: kind of the collection of plain values that is declared, and the types of its elements, or of keys and values.
        flat: how a collection of plain values is dealt with, if that is what is declared.
    """

    text: str
    natives: frozenset[type]
    accepts: Callable[[Any], bool]
    plain: bool = False
    deep: bool = False
    collection: tuple[type, tuple[frozenset[type], ...]] | None = None
    flat: Flat | None = None


ANYTHING: Final = Spec("Any", NATIVE, lambda _: True)


def is_missing(value: object) -> bool:
    """Tell whether a default of a dataclass's field is none."""
    return value is dataclasses.MISSING


def spec_of(annotation: Any) -> Spec:  # noqa: PLR0911  # one for each way to write a type
    """Return the check that `annotation`, resolved, stands for; `ANYTHING` where it says nothing about values."""
    if annotation is None:
        annotation = type(None)
    if isinstance(annotation, typing.NewType):
        return spec_of(annotation.__supertype__)
    if annotation is typing.Tuple:  # noqa: UP006  # by itself it is of any length; its arguments are those of an empty one
        annotation = tuple
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is None:
        return _of_class(annotation) if isinstance(annotation, type) else _of_variable(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union([spec_of(one) for one in arguments], _text(annotation))
    if origin is typing.Literal:
        return _literal(arguments, _text(annotation))
    if origin in (typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired):
        return spec_of(arguments[0])
    if isinstance(origin, type):
        return _generic(origin, arguments, _text(annotation))
    return ANYTHING


def _of_variable(annotation: Any) -> Spec:
    bound = getattr(annotation, "__bound__", None)  # of a TypeVar
    return spec_of(bound) if bound is not None and not isinstance(bound, str | typing.ForwardRef) else ANYTHING


def _of_class(cls: type) -> Spec:
    if cls is object:
        return ANYTHING
    if cls in NATIVE:
        natives = _PROMOTED.get(cls, frozenset({cls}))
        return Spec(_text(cls), natives, lambda value: type(value) in natives, plain=True)
    if typing.is_typeddict(cls):
        return Spec(_text(cls), _NOTHING, lambda value: type(value) is dict)
    try:
        natives = frozenset(kind for kind in NATIVE if issubclass(kind, cls))
        isinstance(None, cls)
    except TypeError:  # a protocol that cannot be asked for
        return ANYTHING
    text = _text(cls)
    raised = issubclass(cls, BaseException)  # as whatever its type is, it may arrive as a RemoteError

    def accepts(value: Any) -> bool:
        try:
            return isinstance(value, cls) or (raised and type(value) is RemoteError)
        except Exception as error:  # a metaclass may answer, with code of its own
            msg = f"cannot be compared with {text}, which is declared: {reason_of(error)}"
            raise CodecError(msg) from error

    return Spec(text, natives, accepts)


def _union(parts: list[Spec], text: str) -> Spec:
    natives: frozenset[type] = frozenset().union(*(part.natives for part in parts))
    if all(part.plain for part in parts):
        return Spec(text, natives, lambda value: type(value) in natives, plain=True)
    checks = tuple(part.accepts for part in parts)
    collections = [part.collection for part in parts if part.collection is not None]
    flat = None
    if len(collections) == 1 and sum(not part.plain for part in parts) == 1:  # like list[str] | None
        flat = flat_of(*collections[0], natives)
    # A Literal's natives are none, so that its values are looked at.
    return Spec(
        text,
        natives,
        lambda value: type(value) in natives or any(accepts(value) for accepts in checks),
        flat=flat,
        deep=any(part.deep for part in parts),
    )


def _literal(values: tuple[Any, ...], text: str) -> Spec:
    known = {(type(value), value) for value in values}
    types_ = frozenset(type(value) for value in values)
    return Spec(text, _NOTHING, lambda value: type(value) in types_ and (type(value), value) in known)


def _generic(origin: type, arguments: tuple[Any, ...], text: str) -> Spec:
    """Return the check of a class with parameters; those of other classes than collections say nothing that can be looked at."""
    base = _of_class(origin)
    if base is ANYTHING:
        return base
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):  # noqa: PLR2004
        if any(typing.get_origin(one) is typing.Unpack or getattr(one, "__unpacked__", False) for one in arguments):
            return base  # of any length
        return _exact_tuple([spec_of(one) for one in arguments], text)
    if issubclass(origin, collections.abc.Mapping) and len(arguments) == 2:  # noqa: PLR2004
        keys, values = _every(spec_of(arguments[0])), _every(spec_of(arguments[1]))

        def of_dict(value: Any) -> bool:
            return isinstance(value, origin) and (type(value) is not dict or (keys(value) and values(value.values())))

        plain = _plain_collection(origin, arguments)
        return Spec(text, _NOTHING, of_dict, collection=plain, flat=None if plain is None else flat_of(*plain, _NOTHING), deep=True)
    if issubclass(origin, collections.abc.Iterable) and arguments and origin.__module__ in ("builtins", "collections.abc"):
        items = _every(spec_of(arguments[0]))
        plain = _plain_collection(origin, arguments[:1])

        def of_items(value: Any) -> bool:
            return isinstance(value, origin) and (type(value) not in _COLLECTIONS or items(value))

        return Spec(text, base.natives, of_items, collection=plain, flat=None if plain is None else flat_of(*plain, _NOTHING), deep=True)
    return Spec(text, base.natives, base.accepts)


def _plain_collection(origin: type, arguments: tuple[Any, ...]) -> tuple[type, tuple[frozenset[type], ...]] | None:
    parts = [spec_of(one) for one in arguments]
    return (origin, tuple(part.natives for part in parts)) if origin in _COLLECTIONS and all(part.plain for part in parts) else None


_COLLECTIONS: Final = frozenset({list, tuple, set, frozenset, dict})


def _exact_tuple(parts: list[Spec], text: str) -> Spec:
    checks = tuple(part.accepts for part in parts)

    def accepts(value: Any) -> bool:
        return type(value) is tuple and len(value) == len(checks) and all(ok(one) for ok, one in zip(checks, value, strict=True))

    return Spec(text, _NOTHING, accepts, deep=True)


def _every(part: Spec) -> Callable[[Iterable[Any]], bool]:
    if part is ANYTHING:
        return lambda _: True
    natives, accepts = part.natives, part.accepts
    # Another thread may change the sender's own collection while it is checked. What is walked is a snapshot, made in
    # one operation (`list`): a walk of the collection itself would raise when its size changes under it.
    if part.plain:
        return lambda values: natives.issuperset(map(type, list(values)))
    return lambda values: (
        natives.issuperset(map(type, snapshot := list(values))) or all(type(one) in natives or accepts(one) for one in snapshot)
    )


def _text(annotation: Any) -> str:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return "None" if annotation is type(None) else annotation.__qualname__
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")
