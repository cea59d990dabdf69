"""What a registry knows of one type: how its instances travel under its present key, and how they are read under older ones."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from actors.errors import CodecError, RegistrationError
from actors.wire import kinds
from actors.wire.exceptions import reason_of, told
from actors.wire.generate import generate_decode, generate_duplicate, generate_encode, generate_flat, generate_make, wrong_value
from actors.wire.kinds import name_of
from actors.wire.shapes import LONGEST, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.wire.copying import Copying
    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding
    from actors.wire.kinds import Field, Fields

__all__ = ["Entry", "EnumEntry", "FieldsEntry", "FunctionsEntry", "Named"]


_VALUES: Final = 1 << 16  # of a flag, combinations of its members


class Entry(Protocol):
    """How one registered type travels. Immutable once it is made, so that all threads may use it.

    Attributes:
        cls: the type.
        shape: its present name, version and fields.
        key: the text of that.
        shares: whether its instances have an identity that is kept.
        flat: encodes, decodes and copies its instances without a walk, if that may be possible; returns MISS if it is not.
        plain: whether the values of all its fields are plain.
        changes: whether its instances can always be changed, so that none has to be looked at.
        unchecked: fields whose annotation could not be resolved.
    """

    cls: type[Any]
    shape: Shape
    key: str
    shares: bool
    flat: Any
    plain: bool
    changes: bool
    unchecked: tuple[str, ...]

    def encode(self, value: Any, tag: Any, state: Encoding, depth: int, /) -> list[Any]:
        """Return the node of an instance."""

    def decode(self, raw: list[Any], state: Decoding, depth: int, /) -> Any:
        """Return the instance of a node under the present key."""

    def duplicate(self, value: Any, state: Copying, depth: int, /) -> Any:
        """Return a copy of an instance."""

    def older(self, shape: Shape) -> Callable[[list[Any], Decoding, int], Any]:
        """Return what decodes nodes under another key of the type.

        Raises:
            CodecError: what `shape` says cannot be understood.
        """


class Named:
    """The parts that all entries have."""

    unchecked: tuple[str, ...] = ()
    flat: Any = None
    plain = False
    changes = False

    def __init__(self, cls: type[Any], shape: Shape, renamed: Mapping[str, str], upgrades: Mapping[int, Callable[[Any], Any]]) -> None:
        self.cls = cls
        self.shape = shape
        self.key = shape.key
        if len(self.key) > LONGEST:
            raise RegistrationError(name_of(cls), f"name and fields have {len(self.key)} characters: {LONGEST} at most travel")
        self.renamed = dict(renamed)
        self.upgrades = dict(upgrades)

    def upgraded(self, value: Any, version: int) -> Any:
        """Return what `value`, as it was in `version`, is in the present one."""
        for step in range(version, self.shape.version):
            upgrade = self.upgrades.get(step)
            if upgrade is None:
                advice = f"register one with upgrades={{{step}: ...}}"
                msg = f"is {self.shape.name} version {version}, and there is no upgrade from version {step}: {advice}"
                raise CodecError(msg)
            try:
                value = upgrade(value)
            except CodecError:
                raise
            except Exception as error:
                msg = f"cannot be upgraded from version {step} of {self.shape.name}: {reason_of(error)}"
                raise CodecError(msg) from error
        return value

    def check(self, shape: Shape, *, fields: bool) -> None:
        """Raise CodecError unless a key of the type can be understood."""
        if shape.version > self.shape.version:
            msg = f"is {shape.name} version {shape.version}, and version {self.shape.version} is the newest known here"
            raise CodecError(msg)
        if (shape.fields is not None) is not fields:
            msg = f"has a key of {shape.name} with{'out' if fields else ''} fields, which is another kind of type than {name_of(self.cls)}"
            raise CodecError(msg)


class FieldsEntry(Named):
    """A dataclass, attrs class, msgspec Struct or named tuple."""

    shares = True

    def __init__(
        self,
        cls: type[Any],
        name: str,
        version: int,
        renamed: Mapping[str, str],
        upgrades: Mapping[int, Callable[[Any], Any]],
        found: Fields,
    ) -> None:
        super().__init__(cls, Shape(name, version, tuple(field.name for field in found.fields)), renamed, upgrades)
        for old, new in renamed.items():
            if new not in (self.shape.fields or ()) or old in (self.shape.fields or ()):
                raise RegistrationError(name_of(cls), f"renamed={{{old!r}: {new!r}}} is not valid: a former field, and one that there is")
        self.fields = found.fields
        self.unchecked = found.unchecked
        self.plain = all(field.spec.plain for field in found.fields)
        self.changes = kinds.changes(cls)
        self.flat = generate_flat(cls, found.fields, found.make)
        self.encode = generate_encode(found.fields)
        self.decode = generate_decode(cls, found.fields, found.make)
        self.duplicate = generate_duplicate(cls, found.fields, found.make)
        self.make = generate_make(cls, found.fields, found.make)

    def older(self, shape: Shape) -> Callable[[list[Any], Decoding, int], Any]:
        """Return what decodes nodes with other fields, or of another version."""
        self.check(shape, fields=True)
        theirs = shape.fields or ()
        current = shape.version == self.shape.version
        deep = {field.name for field in self.fields if field.spec.deep}
        wanted = {self.renamed.get(name, name) for name in theirs} & {field.name for field in self.fields}

        def decode(raw: list[Any], state: Decoding, depth: int) -> Any:
            if len(raw) != len(theirs) + 1:
                msg = f"is a {shape.name} with {len(raw) - 1} fields, and its key has {len(theirs)}"
                raise CodecError(msg)
            values: dict[str, Any] = {}
            for name, one in zip(theirs, raw[1:], strict=True):
                # An unknown field is not looked at: it may hold types that only the sender knows.
                if not current or self.renamed.get(name, name) in wanted:
                    values[name] = state.part(one, depth, f".{name}")
                    if state.shared and type(one) is list and (not current or self.renamed.get(name, name) in deep):
                        state.checked(one)
            if not current:
                values = self.upgraded(values, shape.version)
                if not isinstance(values, dict):
                    msg = f"was upgraded to {type(values).__name__}: an upgrade returns a dict of fields"
                    raise CodecError(msg)
            return self._made(values)

        return decode

    def _made(self, values: dict[str, Any]) -> Any:
        named = {self.renamed.get(name, name): value for name, value in values.items() if name in self.renamed}
        named |= {name: value for name, value in values.items() if name not in self.renamed}
        ready = []
        for field in self.fields:
            if field.name in named:
                value = named[field.name]
                if not field.spec.accepts(value):
                    raise wrong_value(field, value)
            elif field.default is not None:
                value = self._default(field)
            else:
                msg = f"is missing: {self.shape.name} needs it, and it has no default"
                raise CodecError(msg, f"message.{field.name}")
            ready.append(value)
        return self.make(*ready)

    def _default(self, field: Field) -> Any:
        assert field.default is not None
        try:
            return field.default()
        except Exception as error:
            msg = f"is missing, and its default cannot be made: {reason_of(error)}"
            raise CodecError(msg, f"message.{field.name}") from error


class EnumEntry(Named):
    """An enum: its members travel by name. Those of a flag, which may be several at once, by value."""

    shares = False

    def __init__(
        self, cls: type[Any], name: str, version: int, renamed: Mapping[str, str], upgrades: Mapping[int, Callable[[Any], Any]]
    ) -> None:
        super().__init__(cls, Shape(name, version, None), renamed, upgrades)
        self.flag = issubclass(cls, enum.Flag)
        self._named = cls.__members__
        # Python keeps every combination that it has seen. Bits beyond those of the members would let bytes fill the memory.
        self._beyond = ~cls._all_bits_ if issubclass(cls, enum.Flag) else 0  # type: ignore[attr-defined]  # not in the stubs
        for old, new in renamed.items():
            if self.flag or new not in cls.__members__ or old in cls.__members__:
                raise RegistrationError(name_of(cls), f"renamed={{{old!r}: {new!r}}} is not valid: a former member, and one that there is")

    def encode(self, value: Any, tag: Any, _state: Encoding, _depth: int) -> list[Any]:
        """Return the node of a member."""
        if not self.flag:
            if self._named.get(value._name_) is not value:  # its `_missing_` has made it
                msg = f"is {told(repr, value)}, which is no member of {self.cls.__qualname__} that was declared"
                raise CodecError(msg)
            return [tag, value._name_]
        if value._value_ & self._beyond:
            raise self._none(value._value_)
        return [tag, value._value_]

    @staticmethod
    def duplicate(value: Any, _state: Copying, _depth: int) -> Any:
        """Return the member: there is only one."""
        return value

    def decode(self, raw: list[Any], state: Decoding, depth: int) -> Any:
        """Return the member."""
        return self._member(self._given(raw, state, depth))

    def older(self, shape: Shape) -> Callable[[list[Any], Decoding, int], Any]:
        """Return what decodes members of an older version."""
        self.check(shape, fields=False)
        return lambda raw, state, depth: self._member(self.upgraded(self._given(raw, state, depth), shape.version))

    @staticmethod
    def _given(raw: list[Any], state: Decoding, depth: int) -> Any:
        if len(raw) != 2:  # noqa: PLR2004
            msg = "is a member of an enum that has not one name"
            raise CodecError(msg)
        return state.part(raw[1], depth, "")

    def _member(self, given: Any) -> Any:
        if not self.flag:
            member = self.cls.__members__.get(self.renamed.get(given, given)) if type(given) is str else None
            if member is not None:
                return member
        elif type(given) is int and not given & self._beyond:
            if given not in self.cls._value2member_map_ and len(self.cls._value2member_map_) >= _VALUES:
                msg = f"is one value of {self.cls.__qualname__} too many: Python keeps each that there ever was, and {_VALUES} are there"
                raise CodecError(msg)
            try:
                made = self.cls(given)
            except ValueError:  # of a flag that does not take every combination
                made = None
            if type(made) is self.cls and made._value_ == given:  # another kind of flag returns an int, or leaves bits out
                return made
        raise self._none(given)

    def _none(self, given: Any) -> CodecError:
        shown = f"a {type(given).__name__}"
        if type(given) is str:
            shown = repr(given[:101])
            shown = shown if len(shown) <= 100 else f"{shown[:100]}..."  # noqa: PLR2004
        elif type(given) is int:
            shown = str(given) if given.bit_length() < 200 else f"{given:#x}"[:60] + "..."  # noqa: PLR2004
        return CodecError(f"has {shown}, which is no member of {self.cls.__qualname__}")


class FunctionsEntry(Named):
    """A type with functions of its own that take its instances apart and put them together."""

    shares = True

    def __init__(
        self,
        cls: type[Any],
        name: str,
        version: int,
        upgrades: Mapping[int, Callable[[Any], Any]],
        take_apart: Callable[[Any], Any],
        put_together: Callable[[Any], Any],
    ) -> None:
        super().__init__(cls, Shape(name, version, None), {}, upgrades)
        self.take_apart = take_apart
        self.put_together = put_together

    def encode(self, value: Any, tag: Any, state: Encoding, depth: int) -> list[Any]:
        """Return the node of an instance."""
        return [tag, state.part(self._apart(value), depth, "")]

    def duplicate(self, value: Any, state: Copying, depth: int) -> Any:
        """Return a copy: put together of a copy of what the instance is taken apart to."""
        return self._made(state.part(self._apart(value), depth, ""))

    def _apart(self, value: Any) -> Any:
        try:
            return self.take_apart(value)
        except Exception as error:
            msg = f"is refused by the function that encodes {self.cls.__qualname__}: {reason_of(error)}"
            raise CodecError(msg) from error

    def decode(self, raw: list[Any], state: Decoding, depth: int) -> Any:
        """Return the instance."""
        return self._made(self._given(raw, state, depth))

    def older(self, shape: Shape) -> Callable[[list[Any], Decoding, int], Any]:
        """Return what decodes instances of an older version."""
        self.check(shape, fields=False)
        return lambda raw, state, depth: self._made(self.upgraded(self._given(raw, state, depth), shape.version))

    def _given(self, raw: list[Any], state: Decoding, depth: int) -> Any:
        if len(raw) != 2:  # noqa: PLR2004
            msg = f"is a {self.shape.name} that has not one value"
            raise CodecError(msg)
        return state.part(raw[1], depth, "")

    def _made(self, given: Any) -> Any:
        try:
            made = self.put_together(given)
        except Exception as error:
            msg = f"is refused by the function that decodes {self.cls.__qualname__}: {reason_of(error)}"
            raise CodecError(msg) from error
        if type(made) is not self.cls:
            msg = f"was decoded to {type(made).__name__}: the function that decodes {self.cls.__qualname__} has to return one"
            raise CodecError(msg)
        return made
