"""The kinds of classes that can be registered: what fields they have, and how an instance is made of them.

attrs and msgspec are never imported: their classes say themselves what they are.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import keyword
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, Final

from actors.errors import RegistrationError
from actors.wire.specs import ANYTHING, Spec, is_missing, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Field", "Fields", "fields_of", "is_named_tuple", "name_of"]

NEVER: Final = object()


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a class.

    Attributes:
        name: of the attribute.
        spec: what values it may have.
        default: makes the value of a field that was not sent; None: there is none.
    """

    name: str
    spec: Spec
    default: Callable[[], Any] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a class.

    Attributes:
        fields: in the order in which they travel.
        unchecked: names of those whose annotation could not be resolved.
        make: makes an instance of the values of all fields; None for a dataclass, for which code is generated.
    """

    fields: tuple[Field, ...]
    unchecked: tuple[str, ...]
    make: Callable[..., Any] | None


def name_of(subject: object) -> str:
    """Return module and qualified name of a class, of anything else its `repr`."""
    return f"{subject.__module__}.{subject.__qualname__}" if isinstance(subject, type) else repr(subject)


def is_named_tuple(cls: type) -> bool:
    """Tell whether `cls` was made by `typing.NamedTuple` or `collections.namedtuple`."""
    names = getattr(cls, "_fields", None)
    return issubclass(cls, tuple) and isinstance(names, tuple) and all(isinstance(name, str) for name in names) and hasattr(cls, "_make")


def fields_of(cls: type) -> Fields | None:
    """Return what fields `cls` has; None if it is of no kind that has fields.

    Raises:
        RegistrationError: it is of such a kind, but an instance cannot be made of its fields alone.
    """
    if "__attrs_attrs__" in vars(cls):
        found = _of_attrs(cls)
    elif hasattr(cls, "__struct_fields__"):
        found = _of_struct(cls)
    elif is_named_tuple(cls):
        found = _of_named_tuple(cls)
    elif "__dataclass_fields__" in vars(cls):
        found = _of_dataclass(cls)
    else:
        return None
    for field in found.fields:
        if not field.name.isidentifier() or keyword.iskeyword(field.name):
            raise RegistrationError(name_of(cls), f"a field cannot be named {field.name!r}")
    return found


def _specs(cls: type, names: tuple[str, ...]) -> tuple[dict[str, Spec], tuple[str, ...]]:
    """Return the check of each field, and the fields whose annotation cannot be resolved: then every value passes."""
    found: dict[str, Spec] = {}
    unchecked = []
    for name in names:
        annotation, owner = _annotation(cls, name)
        if isinstance(annotation, str | typing.ForwardRef):
            annotation = _resolved(annotation, owner)
        else:
            annotation = _resolved_within(annotation, owner)
        if annotation is NEVER:
            unchecked.append(name)
            found[name] = ANYTHING
        else:
            found[name] = spec_of(annotation)
    return found, tuple(unchecked)


def _annotation(cls: type, name: str) -> tuple[Any, type]:
    for base in cls.__mro__:
        annotations = inspect.get_annotations(base)
        if name in annotations:
            return annotations[name], base
    return Any, cls


def _resolved(annotation: Any, owner: type) -> Any:
    """Return what a text stands for where its class was declared; NEVER if it has names that are not there at run time."""
    return _resolved_within(typing.ForwardRef(annotation) if isinstance(annotation, str) else annotation, owner)


def _resolved_within(annotation: Any, owner: type) -> Any:
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    module = sys.modules.get(owner.__module__)
    local = {**{base.__name__: base for base in owner.__mro__}, **{one.__name__: one for one in getattr(owner, "__type_params__", ())}}
    try:
        # `get_type_hints` of a module: it resolves names within names, too, and knows every Python's ways to write a type.
        return typing.get_type_hints(holder, vars(module) if module is not None else {}, local, include_extras=True)["it"]
    except Exception:  # noqa: BLE001  # an annotation may be any expression
        return NEVER


def _of_dataclass(cls: Any) -> Fields:
    subject = name_of(cls)
    kinds = [one for one in cls.__dataclass_fields__.values() if one._field_type is dataclasses._FIELD_INITVAR]  # type: ignore[attr-defined]
    if kinds:
        why = f"{kinds[0].name!r} is an InitVar, which no instance can be asked for: use register_functions()"
        raise RegistrationError(subject, why)
    if not cls.__dataclass_params__.init or not _is_generated(cls):
        raise RegistrationError(subject, "its __init__ is not the one that dataclass() makes: use register_functions()")
    if cls.__new__ is not object.__new__:
        raise RegistrationError(subject, "its __new__ is not object's: use register_functions()")
    fields = dataclasses.fields(cls)
    specs, unchecked = _specs(cls, tuple(field.name for field in fields))

    def default(field: dataclasses.Field[Any]) -> Callable[[], Any] | None:
        if not is_missing(field.default_factory):
            return typing.cast("Callable[[], Any]", field.default_factory)
        value = field.default
        return None if is_missing(value) else lambda: value

    return Fields(tuple(Field(one.name, specs[one.name], default(one)) for one in fields), unchecked, None)


def _is_generated(cls: Any) -> bool:
    """Tell whether ``__init__`` is of the class itself, and code that was made of a text: dataclass() leaves one alone that it finds."""
    code = getattr(vars(cls).get("__init__"), "__code__", None)
    return code is not None and code.co_filename == "<string>"


def _of_attrs(cls: Any) -> Fields:
    if "__attrs_init__" in vars(cls):
        raise RegistrationError(name_of(cls), "its __init__ is not the one that attrs makes: use register_functions()")
    attributes = tuple(cls.__attrs_attrs__)
    specs, unchecked = _specs(cls, tuple(one.name for one in attributes))
    wanted = tuple((one.name, one.alias or one.name) for one in attributes if one.init)
    late = tuple(one.name for one in attributes if not one.init)

    def default(attribute: Any) -> Callable[[], Any] | None:
        value = attribute.default
        if type(value).__name__ == "Factory" and hasattr(value, "takes_self"):
            # One that takes the instance: the field is left out, and attrs asks it.
            return (lambda: NEVER) if value.takes_self else typing.cast("Callable[[], Any]", value.factory)
        return None if type(value).__name__ == "_Nothing" else lambda: value

    def make(*values: Any) -> Any:
        given = dict(zip((one.name for one in attributes), values, strict=True))
        made = cls(**{alias: given[name] for name, alias in wanted if given[name] is not NEVER})
        for name in (name for name in late if given[name] is not NEVER):
            object.__setattr__(made, name, given[name])
        return made

    return Fields(tuple(Field(one.name, specs[one.name], default(one)) for one in attributes), unchecked, make)


def _of_struct(cls: Any) -> Fields:
    names: tuple[str, ...] = tuple(cls.__struct_fields__)
    specs, unchecked = _specs(cls, names)
    defaults = (NEVER,) * (len(names) - len(cls.__struct_defaults__)) + tuple(cls.__struct_defaults__)

    def default(value: Any) -> Callable[[], Any] | None:
        if type(value).__name__ == "Factory" and hasattr(value, "factory"):
            return typing.cast("Callable[[], Any]", value.factory)
        return None if value is NEVER or type(value).__name__ == "NoDefaultType" else lambda: value

    def make(*values: Any) -> Any:
        return cls(**dict(zip(names, values, strict=True)))

    fields = zip(names, defaults, strict=True)
    return Fields(tuple(Field(name, specs[name], default(value)) for name, value in fields), unchecked, make)


def _of_named_tuple(cls: Any) -> Fields:
    owners = [next(base for base in cls.__mro__ if name in vars(base)) for name in ("__new__", "_fields")]
    if owners[0] is not owners[1]:
        raise RegistrationError(name_of(cls), "its __new__ is not the one that a named tuple has: use register_functions()")
    if cls.__dictoffset__ or cls.__itemsize__ == 0:
        raise RegistrationError(name_of(cls), "its instances may have attributes beside their fields: add __slots__ = ()")
    specs, unchecked = _specs(cls, cls._fields)

    def default(name: str) -> Callable[[], Any] | None:
        values = cls._field_defaults
        return (lambda: values[name]) if name in values else None

    return Fields(tuple(Field(name, specs[name], default(name)) for name in cls._fields), unchecked, cls)


def changes(cls: Any) -> bool:
    """Tell whether instances of a class with fields can be changed: it is not frozen, and says so itself."""
    parameters = vars(cls).get("__dataclass_params__")
    return parameters is not None and not parameters.frozen


def is_enum(cls: type) -> bool:
    """Tell whether `cls` is an enum with members."""
    return issubclass(cls, enum.Enum) and len(cls.__members__) > 0
