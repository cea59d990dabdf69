"""Values as text that is the same in every process."""

from __future__ import annotations

from typing import Any

__all__ = ["error_text", "short", "text_of"]

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
