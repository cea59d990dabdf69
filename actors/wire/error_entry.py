"""What a registry knows of a type of exception."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from actors.errors import CodecError
from actors.wire.entries import Named
from actors.wire.exceptions import notes_of, reason_of, told
from actors.wire.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from actors.wire.copying import Copying
    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding

__all__ = ["ErrorEntry"]


class ErrorEntry(Named):
    """A type of exception: it travels as its arguments, attributes and notes.

    It is made again without a call of its ``__init__``, as a dataclass is: that takes other arguments than those that it hands on to
    ``Exception``, more often than not. One with a ``__reduce__`` or a ``__new__`` of its own is made by a call, as in pickle.
    """

    shares = True

    def __init__(self, cls: type[Any], name: str, version: int, upgrades: Mapping[int, Callable[[Any], Any]]) -> None:
        super().__init__(cls, Shape(name, version, None), {}, upgrades)
        self._native = next(base for base in _bases(cls) if base.__module__ == "builtins")
        self._called = not isinstance(cls.__reduce__, types.MethodDescriptorType) or not isinstance(cls.__new__, types.BuiltinFunctionType)
        # What is found in no `__dict__`: slots, and what the interpreter's own classes keep in their structure, like ImportError.name.
        self._members = {
            name: found
            for base in reversed(cls.__mro__)
            for name, found in vars(base).items()
            if isinstance(found, types.MemberDescriptorType) and not name.startswith("__")
        }
        self._slots = {name: found for name, found in self._members.items() if found.__objclass__.__module__ != "builtins"}

    def encode(self, value: Any, tag: Any, state: Encoding, depth: int) -> list[Any]:
        """Return the node of an exception."""
        return [tag, *self._parts(value, state, depth)]

    def duplicate(self, value: Any, state: Copying, depth: int) -> Any:
        """Return a copy."""
        return self._made(*self._parts(value, state, depth))

    def _parts(self, value: Any, state: Encoding | Copying, depth: int) -> list[Any]:
        try:
            reduced = value.__reduce__()
            known = type(reduced) is tuple and len(reduced) in (2, 3) and reduced[0] is self.cls and type(reduced[1]) is tuple
            attributes = dict(reduced[2] or {}) if known and len(reduced) == 3 else {}  # noqa: PLR2004
        except Exception as error:
            msg = f"cannot be taken apart by its __reduce__: {reason_of(error)}"
            raise CodecError(msg) from error
        if not known:
            msg = f"has a __reduce__ of its own: register {self.cls.__qualname__} with register_functions()"
            raise CodecError(msg)
        attributes |= {name: slot.__get__(value) for name, slot in self._slots.items() if _is_set(slot, value)}
        attributes.pop("__notes__", None)
        if not all(type(name) is str for name in attributes):
            msg = "has an attribute whose name is no text"
            raise CodecError(msg)
        notes = [note if type(note) is str else told(str, note) for note in notes_of(value)]
        parts = ((reduced[1], ".args"), (attributes, ".__dict__"), (notes, ".__notes__"))
        return [state.part(part, depth, name) for part, name in parts]

    def decode(self, raw: list[Any], state: Decoding, depth: int) -> Any:
        """Return the exception."""
        return self._made(*self._given(raw, state, depth))

    def older(self, shape: Shape) -> Callable[[list[Any], Decoding, int], Any]:
        """Return what decodes exceptions of an older version; upgrades take and return a tuple of arguments."""
        self.check(shape, fields=False)

        def decode(raw: list[Any], state: Decoding, depth: int) -> Any:
            arguments, attributes, notes = self._given(raw, state, depth)
            return self._made(self.upgraded(arguments, shape.version), attributes, notes)

        return decode

    def _given(self, raw: list[Any], state: Decoding, depth: int) -> tuple[Any, Any, Any]:
        if len(raw) != 4:  # noqa: PLR2004
            msg = f"is a {self.shape.name} that has not arguments, attributes and notes"
            raise CodecError(msg)
        return tuple(state.part(raw[index + 1], depth, name) for index, name in enumerate((".args", ".__dict__", ".__notes__")))

    def _made(self, arguments: Any, attributes: Any, notes: Any) -> Any:
        parts = type(arguments) is tuple and type(attributes) is dict and type(notes) is list
        if not parts or not all(type(one) is str for one in (*attributes, *notes)) or "__notes__" in attributes:
            msg = f"is a {self.shape.name} whose arguments, attributes and notes are no tuple, dict and list of texts"
            raise CodecError(msg)
        try:
            made = self._new(arguments)
            for name, value in attributes.items():
                if name in self._members:
                    self._members[name].__set__(made, value)
                else:
                    vars(made)[name] = value
            for note in notes:
                BaseException.add_note(made, note)
        except Exception as error:
            msg = f"is refused by {self.cls.__qualname__}: {reason_of(error)}"
            raise CodecError(msg) from error
        if type(made) is not self.cls:  # an OSError that chose a subclass by its number
            msg = f"was decoded to {type(made).__name__}, not to {self.cls.__qualname__}"
            raise CodecError(msg)
        return made

    def _new(self, arguments: tuple[Any, ...]) -> Any:
        if self._called:
            return self.cls(*arguments)
        made = self._native.__new__(self.cls, *arguments)
        self._native.__init__(made, *arguments)
        return made


def _bases(cls: type) -> Iterator[Any]:
    """Yield `cls` and what its instances are made like, one after the other: of several bases the one whose structure they have."""
    base: type | None = cls
    while base is not None:
        yield base
        base = base.__base__


def _is_set(slot: Any, value: Any) -> bool:
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True
