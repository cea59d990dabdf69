"""Values and errors as text: the same in every process, in one line, in so many columns."""

from __future__ import annotations

import string
import unicodedata
from typing import Any

__all__ = ["clipped", "columns", "error_text", "escaped", "for_mermaid", "plain", "short", "text_of"]

# What means nothing to Mermaid, to HTML or to the maths in it. Everything else in ASCII becomes an entity.
_SAFE = frozenset(string.ascii_letters + string.digits + " '()[]/,.!?+=_-")
DEEPEST = 20  # containers inside of containers that are looked into


def text_of(value: Any, around: tuple[int, ...] = ()) -> str:
    """Return the `repr` of a value, with the elements of sets sorted: their own order differs from process to process.

    It looks into dicts, lists, tuples and sets; what other objects write about themselves stays as it is.

    Args:
        value: any object.
        around: the ids of the containers that it is in, which end a cycle.
    """
    kind = type(value)
    if kind not in (dict, list, tuple, set, frozenset) or id(value) in around or len(around) == DEEPEST or not value:
        return _repr(value)
    around = (*around, id(value))
    if kind is dict:
        return f"{{{', '.join(f'{text_of(key, around)}: {text_of(one, around)}' for key, one in value.items())}}}"
    parts = [text_of(one, around) for one in value]
    if kind is list:
        return f"[{', '.join(parts)}]"
    if kind is tuple:
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    elements = ", ".join(sorted(parts))
    return f"{{{elements}}}" if kind is set else f"frozenset({{{elements}}})"


def short(value: Any, width: int = 200) -> str:
    """Return `text_of`, cut to `width` characters."""
    text = text_of(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # what a user's class raises there must not hide what is being told
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def error_text(error: BaseException) -> str:
    """Return the type of an exception and what it says, if anything."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001  # as above
        text = f"<its str raised {type(broken).__name__}>"
    return f"{name}: {text}" if text else name


def plain(text: str) -> str:
    """Return `text` in one line, without anything that a terminal or XML could take for more than text."""
    return "".join(char if char.isprintable() else " " if char.isspace() else ascii(char)[1:-1] for char in text)


def escaped(text: str) -> str:
    """Return a text in one line, with escapes for what a terminal could take for more than text."""
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def for_mermaid(text: str) -> str:
    """Return `text` in one line, with entities for what Mermaid would read as its own."""
    return "".join(char if char in _SAFE or char > "\x7f" else f"#{ord(char)};" for char in plain(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def clipped(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` columns, with an ellipsis where something is missing."""
    if columns(text) <= width:
        return text
    room = width - columns(ellipsis)
    if room < 0:
        return ""
    kept = []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + ellipsis
