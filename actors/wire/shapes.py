"""Keys of registered types, as they travel: name, version and fields of a type in one text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from actors.errors import CodecError

__all__ = ["LONGEST", "Shape", "check_name", "parse_shape"]

_NAME = re.compile(r"[^\s/:,]+")
_KEY = re.compile(r"([^\s/:,]+)/([1-9][0-9]{0,8})(?::([^\s/:]*))?")
LONGEST = 65_536  # characters of a key


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sender knew of a type.

    Attributes:
        name: under which it is registered.
        version: of its fields.
        fields: their names in the order in which they travel; None of a type that has no fields, like an enum.
    """

    name: str
    version: int
    fields: tuple[str, ...] | None

    @property
    def key(self) -> str:
        """The text that stands for it in a message."""
        fields = "" if self.fields is None else f":{','.join(self.fields)}"
        return f"{self.name}/{self.version}{fields}"


def check_name(name: object) -> str | None:
    """Return what is wrong with a name for a type, None if nothing is."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or not name.isprintable():
        return f"name={name!r} is not valid: a text that can be printed, without spaces, '/', ':' and ','"
    return None


def parse_shape(key: str) -> Shape:
    """Return what `key` says.

    Raises:
        CodecError: it is none.
    """
    match = _KEY.fullmatch(key) if len(key) <= LONGEST else None
    if match is None:
        shown = key if len(key) <= 100 else f"{key[:100]}..."  # noqa: PLR2004
        msg = f"has {shown!r} where the key of a registered type should be, like 'shop.Order/1:id,price'"
        raise CodecError(msg)
    name, version, listed = match.groups()
    fields = None if listed is None else tuple(listed.split(",")) if listed else ()
    if fields is not None and (len(set(fields)) < len(fields) or not all(fields)):
        msg = f"has a key of {name!r} with a field twice, or one without a name"
        raise CodecError(msg)
    return Shape(name, int(version), fields)
