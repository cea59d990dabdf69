"""Code for one registered class: functions that take its instances apart and put them together again.

Written out field by field and compiled once for a class, as `dataclasses` does it: a loop over the fields would cost several times as
much as the work. What is not plain goes through the function `slow`, which knows the fields by name and says what is wrong.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError
from actors.wire.exceptions import reason_of
from actors.wire.flat import MISS
from actors.wire.specs import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding
    from actors.wire.kinds import Field

__all__ = ["generate_decode", "generate_duplicate", "generate_encode", "generate_flat", "generate_make", "wrong_value"]

_COLLECTIONS: Final = frozenset({list, tuple, set, frozenset, dict})
MOST_TYPES: Final = 4  # that an error names
MOST_PARTS: Final = (
    16  # collections of a message without a walk: each is held against each other, and the code for that grows by the square
)


def wrong_value(field: Field, value: Any) -> CodecError:
    """Return the error of a value that its field may not have."""
    return CodecError(f"is {_article(_told(value))}, and {field.spec.text} is declared", f"message.{field.name}")


def _told(value: Any) -> str:
    """Return the type of a value; of a collection, also of what is in it: that may be what is wrong."""
    kind = type(value)
    if kind in _COLLECTIONS and value:
        return f"{kind.__name__} of {_types(value)}{f' to {_types(value.values())}' if kind is dict else ''}"
    return kind.__name__


def _types(values: Iterable[Any]) -> str:
    # A list first, which is one operation: another thread may change the collection.
    names = sorted({type(one).__name__ for one in list(values)})
    return ", ".join(names[:MOST_TYPES]) + (", ..." if len(names) > MOST_TYPES else "")


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


# -- taking apart ------------------------------------------------------------------------------------------------------------


def _part(field: Field) -> Callable[[Any, Encoding, int], Any]:
    """Return what makes the value of a field ready to travel."""
    accepts = field.spec.accepts
    name = f".{field.name}"

    def part(value: Any, state: Encoding, depth: int) -> Any:
        if not accepts(value):
            raise wrong_value(field, value)
        return value if type(value) in NATIVE else state.part(value, depth, name)

    return part


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name)
    except AttributeError:
        msg = "has not been set"
        raise CodecError(msg, f"message.{name}") from None
    except Exception as error:  # a property or a descriptor has computed it
        msg = f"cannot be read: {reason_of(error)}"
        raise CodecError(msg, f"message.{name}") from error


def generate_encode(fields: tuple[Field, ...]) -> Callable[[Any, Any, Encoding, int], list[Any]]:
    """Return a function that takes an instance, a tag, the state and the depth, and returns the node."""
    parts = {f"part{index}": _part(field) for index, field in enumerate(fields)}

    def slow(value: Any, tag: Any, state: Encoding, depth: int) -> list[Any]:
        named = zip(fields, parts.values(), strict=True)
        return [tag, *(part(_attribute(value, field.name), state, depth) for field, part in named)]

    names, tests = _names(fields)
    source = ["def encode(value, tag, state, depth):", " try:"]
    source += [f"  {name} = value.{field.name}" for name, field in names] or ["  pass"]
    source += [" except Exception:", "  return slow(value, tag, state, depth)"]
    ready = [name if field.spec.plain else f"part{index}({name}, state, depth)" for index, (name, field) in enumerate(names)]
    source += [f" if {tests}:", f"  return [{', '.join(['tag', *ready])}]", " return slow(value, tag, state, depth)"]
    return _compiled(source, "encode", {"slow": slow, **parts, **_kinds(fields)})


# -- putting together --------------------------------------------------------------------------------------------------------


def _whole(field: Field) -> Callable[[Any, Decoding, int], Any]:
    """Return what makes the value of a field out of what travelled."""
    accepts, deep = field.spec.accepts, field.spec.deep
    name = f".{field.name}"

    def whole(raw: Any, state: Decoding, depth: int) -> Any:
        if type(raw) in NATIVE:
            value = raw
        else:
            value = state.part(raw, depth, name)
            if deep and state.shared:
                state.checked(raw)
        if not accepts(value):
            raise wrong_value(field, value)
        return value

    return whole


def generate_decode(cls: Any, fields: tuple[Field, ...], make: Callable[..., Any] | None) -> Callable[[list[Any], Decoding, int], Any]:
    """Return a function that takes a node with all fields in their order, the state and the depth, and returns the instance."""
    wholes = {f"whole{index}": _whole(field) for index, field in enumerate(fields)}
    construct = generate_make(cls, fields, make)
    count = len(fields)

    def slow(raw: list[Any], state: Decoding, depth: int) -> Any:
        if len(raw) != count + 1:
            msg = f"is a {cls.__qualname__} with {len(raw) - 1} fields, and its key has {count}"
            raise CodecError(msg)
        return construct(*(whole(one, state, depth) for one, whole in zip(raw[1:], wholes.values(), strict=True)))

    names, tests = _names(fields)
    lines, words = _construction(cls, fields, make)
    source = ["def decode(raw, state, depth):", f" if len(raw) == {count + 1}:"]
    source += [f"  {', '.join(['_', *(name for name, _ in names)])}{'' if names else ','} = raw", f"  if {tests}:"]
    source += [f"   {name} = whole{index}({name}, state, depth)" for index, (name, field) in enumerate(names) if not field.spec.plain]
    source += ["   try:", *(f"    {line}" for line in lines), "    return it"]
    source += ["   except Exception as error:", "    raise refused(error) from error", " return slow(raw, state, depth)"]
    return _compiled(source, "decode", {"slow": slow, "refused": _refused(cls), **wholes, **words, **_kinds(fields)})


def generate_make(cls: Any, fields: tuple[Field, ...], make: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return a function that makes an instance of the values of its fields; CodecError if the class does not take them."""
    lines, words = _construction(cls, fields, make)
    names = ", ".join(f"a{index}" for index in range(len(fields)))
    source = [f"def construct({names}):", " try:", *(f"  {line}" for line in lines), "  return it"]
    source += [" except Exception as error:", "  raise refused(error) from error"]
    return _compiled(source, "construct", {"refused": _refused(cls), **words})


def _refused(cls: type) -> Callable[[Exception], CodecError]:
    def refused(error: Exception) -> CodecError:
        return CodecError(f"is refused by {cls.__qualname__}: {reason_of(error)}")

    return refused


def _construction(cls: Any, fields: tuple[Field, ...], make: Callable[..., Any] | None) -> tuple[list[str], dict[str, Any]]:
    """Return the lines that make `it` of a0, a1, ..., and what the names in them stand for.

    A dataclass's ``__init__`` is passed by, as in pickle: that of a frozen one takes four times as long, and fields that it does not take
    travel, too. Its ``__post_init__`` is called.
    """
    values = [f"a{index}" for index in range(len(fields))]
    if make is not None:
        return [f"it = make({', '.join(values)})"], {"make": make}
    words: dict[str, Any] = {"new": object.__new__, "cls": cls}
    lines = ["it = new(cls)"]
    plain = cls.__setattr__ is object.__setattr__
    twin = None if plain else _twin(cls, fields)
    if twin is not None:
        words["twin"] = twin
        lines = [
            "it = new(twin)",
            *(f"it.{field.name} = {value}" for value, field in zip(values, fields, strict=True)),
            "it.__class__ = cls",
        ]
        return [*lines, *_after(cls)], words
    if not plain and cls.__dictoffset__:
        lines.append("own = it.__dict__")
    for index, (value, field) in enumerate(zip(values, fields, strict=True)):
        found = next((vars(base)[field.name] for base in cls.__mro__ if field.name in vars(base)), None)
        if plain:
            lines.append(f"it.{field.name} = {value}")
        elif isinstance(found, types.MemberDescriptorType):  # a slot
            words[f"set{index}"] = found.__set__
            lines.append(f"set{index}(it, {value})")
        elif hasattr(type(found), "__set__") or not cls.__dictoffset__:
            words["setattr"] = object.__setattr__
            lines.append(f"setattr(it, {field.name!r}, {value})")
        else:
            lines.append(f"own[{field.name!r}] = {value}")
    return [*lines, *_after(cls)], words


def _after(cls: Any) -> list[str]:
    return ["it.__post_init__()"] if hasattr(cls, "__post_init__") else []


def _twin(cls: Any, fields: tuple[Field, ...]) -> Any:
    """Return a class with the same slots as a frozen one, but not frozen; None if there can be none.

    An instance gets its fields as one of the twin, by plain attribute stores, and then becomes one of `cls`: half the time of going through
    the descriptors of the slots. Python allows that where the layouts are the same.
    """
    bases = [base for base in cls.__mro__[1:] if base is not object and base.__module__ != "typing"]
    slots = vars(cls).get("__slots__")
    # A base would be told of the twin by __init_subclass__, or tell of it by __subclasses__: some programs go by these.
    hooked = any(base.__module__.partition(".")[0] != "actors" or "__init_subclass__" in vars(base) for base in bases)
    own = all(isinstance(vars(cls).get(field.name), types.MemberDescriptorType) for field in fields)
    if cls.__class__ is not type or hooked or cls.__dictoffset__ or not own or not isinstance(slots, tuple) or not fields:
        return None
    space = {"__slots__": slots, "__setattr__": object.__setattr__, "__module__": cls.__module__}
    twin: Any = type(cls.__name__, cls.__bases__, space)
    try:
        object.__new__(twin).__class__ = cls
    except TypeError:
        return None
    return twin


# -- both at once ------------------------------------------------------------------------------------------------------------


def generate_duplicate(cls: Any, fields: tuple[Field, ...], make: Callable[..., Any] | None) -> Callable[[Any, Any, int], Any]:
    """Return a function that takes an instance, the state of a copy and the depth, and returns a copy of the instance."""
    parts = {f"part{index}": _part(field) for index, field in enumerate(fields)}
    construct = generate_make(cls, fields, make)

    def slow(value: Any, state: Any, depth: int) -> Any:
        return construct(*(part(_attribute(value, field.name), state, depth) for field, part in zip(fields, parts.values(), strict=True)))

    names, tests = _names(fields)
    lines, words = _construction(cls, fields, make)
    source = ["def duplicate(value, state, depth):", " try:"]
    source += [f"  {name} = value.{field.name}" for name, field in names] or ["  pass"]
    source += [" except Exception:", "  return slow(value, state, depth)", f" if {tests}:"]
    source += [f"  {name} = part{index}({name}, state, depth)" for index, (name, field) in enumerate(names) if not field.spec.plain]
    source += ["  try:", *(f"   {line}" for line in lines), "   return it"]
    source += ["  except Exception as error:", "   raise refused(error) from error", " return slow(value, state, depth)"]
    return _compiled(source, "duplicate", {"slow": slow, "refused": _refused(cls), **parts, **words, **_kinds(fields)})


# -- without a walk ------------------------------------------------------------------------------------------------------------


def generate_flat(
    cls: Any, fields: tuple[Field, ...], make: Callable[..., Any] | None
) -> tuple[Callable[[Any], Any], Callable[[list[Any]], Any], Callable[[Any], Any]] | None:
    """Return functions that encode, decode and copy messages of a class whose fields have plain values and flat collections only.

    None if it has others, or very many collections. Each returns MISS where a walk is needed: to say what is wrong, to keep what is shared,
    for large collections.
    """
    parts = [f"a{index}" for index, field in enumerate(fields) if field.spec.flat is not None]
    if len(parts) > MOST_PARTS or not all(field.spec.plain or field.spec.flat is not None for field in fields):
        return None
    names, tests = _names(fields)
    flat = {f"flat{index}": field.spec.flat for index, field in enumerate(fields) if field.spec.flat is not None}
    # The same list in two fields stays one: that is for the walk.
    twice = [f"({one} is {other} and {one} is not None)" for index, one in enumerate(parts) for other in parts[:index]]
    words: dict[str, Any] = {"MISS": MISS, **_kinds(fields)}
    guards = ["  if " + " or ".join(twice) + ":", "   return MISS"] if twice else []
    take = [
        " try:",
        *([f"  {name} = value.{field.name}" for name, field in names] or ["  pass"]),
        " except Exception:",  # the walk tells of it
        "  return MISS",
    ]

    def each(what: str) -> list[str]:
        words.update({f"{name}_{what}": getattr(one, what) for name, one in flat.items()})
        found = []
        for index, (name, field) in enumerate(names):
            if field.spec.flat is not None:
                found += [f"  {name} = flat{index}_{what}({name})", f"  if {name} is MISS:", "   return MISS"]
        return found

    lines, more = _construction(cls, fields, make)
    words |= {"refused": _refused(cls), **more}
    build = [
        "  try:",
        *(f"   {line}" for line in lines),
        "   return it",
        "  except Exception as error:",
        "   raise refused(error) from error",
    ]
    unpack = f"  {', '.join(['_', *(name for name, _ in names)])}{'' if names else ','} = raw"
    encode = ["def encode(value, tag):", *take, f" if {tests}:", *guards, *each("encode")]
    encode += [f"  return [{', '.join(['tag', *(name for name, _ in names)])}]", " return MISS"]
    decode = ["def decode(raw):", f" if len(raw) == {len(fields) + 1}:", unpack, f"  if not ({tests}):", "   return MISS"]
    decode += [*each("decode"), *build, " return MISS"]
    copy = ["def copy(value):", *take, f" if {tests}:", *guards, *each("copy"), *build, " return MISS"]
    return _compiled(encode, "encode", words), _compiled(decode, "decode", words), _compiled(copy, "copy", words)


# -- both ----------------------------------------------------------------------------------------------------------------------


def _names(fields: tuple[Field, ...]) -> tuple[list[tuple[str, Field]], str]:
    """Return a variable for each field, and the test that the values of the plain ones pass."""
    names = [(f"a{index}", field) for index, field in enumerate(fields)]
    tests = []
    for index, (name, field) in enumerate(names):
        if field.spec.plain:
            more = f" or type({name}) in kinds{index}" if len(field.spec.natives) > 1 else ""
            tests.append(f"(type({name}) is kind{index}{more})")
    return names, " and ".join(tests) or "True"


def _kinds(fields: tuple[Field, ...]) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for index, field in enumerate(fields):
        if field.spec.plain:
            words[f"kinds{index}"] = field.spec.natives
            words[f"kind{index}"] = next(kind for kind in _USUAL if kind in field.spec.natives)
    return words


_USUAL: Final = (str, float, int, bytes, bool, type(None))  # of several types that a field may have, the one to expect


def _compiled(source: list[str], name: str, words: dict[str, Any]) -> Any:
    space = dict(words)
    # Invariant: nothing in the source comes from bytes; field names were found to be identifiers when the class was registered.
    exec("\n".join(source), space)  # noqa: S102
    return space[name]
