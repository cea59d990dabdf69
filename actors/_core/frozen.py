"""What a log call is given, as it is at that moment: plain values are kept, everything else is made text in the call.

So a line never tells what an object became later, no ``__str__`` runs in the logging actor, and what a ``__str__`` raises is told in
the line.
"""

from __future__ import annotations

import reprlib
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._core.log import More

__all__ = ["PLAIN", "Captured", "formatted", "freeze", "frozen_field", "repr_of", "text_of"]

PLAIN = frozenset({str, int, float, bool, type(None), bytes, complex})  # cannot change, and format without anybody's code
DEEP = 6  # containers within each other that a field may have
WIDE = 200  # elements of a container that a field may have
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def text_of(value: Any) -> str:
    """Return ``str(value)``, or what became of that."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  # told in the text
        return f"<unprintable {type(value).__qualname__}: {type(error).__name__}>"


def repr_of(value: Any) -> str:
    """Return ``repr(value)``, or what became of that."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # told in the text
        return f"<unprintable {type(value).__qualname__}: {type(error).__name__}>"


def frozen_field(value: Any, depth: int = 0) -> Any:
    """Return `value` as it is now: plain values, and containers of such; anything else as its `str`."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in (list, tuple, set, frozenset, dict):
        if depth >= DEEP:
            return _cut(_SHORT.repr(value))
        try:
            return _frozen_container(value, depth)
        except RuntimeError:  # another thread changes it at this moment
            return f"<{kind.__name__} that changed while it was logged>"
    return text_of(value)


def _frozen_container(value: Any, depth: int) -> Any:
    left = len(value) - WIDE
    if type(value) is dict:
        items = list(value.items())[:WIDE]
        made: dict[str, Any] = {text_of(key): frozen_field(one, depth + 1) for key, one in items}
        if left > 0:
            made["…"] = f"{left} more"
        return made
    several = [frozen_field(one, depth + 1) for one in list(value)[:WIDE]]
    if left > 0:
        several.append(f"… {left} more")
    return several


def _cut(text: str) -> str:
    return text if len(text) <= WIDE else f"{text[:WIDE]}…"


def formatted(message: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the message with its arguments in their places; if that fails, with the reason and the arguments."""
    try:
        return message.format(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # told in the line
        given = ", ".join([*(_cut(repr_of(one)) for one in args), *(f"{name}={_cut(repr_of(one))}" for name, one in kwargs.items())])
        return f"{message} [not formatted: {type(error).__name__}: {text_of(error)}; arguments: {given}]"


def freeze(
    message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], more: More, secret: Callable[[str], bool]
) -> tuple[str, tuple[Any, ...], dict[str, Any], More]:
    """Format now, and take the fields down; nothing is left to be formatted later."""
    shown = {name: "***" if secret(name) else value for name, value in kwargs.items()}
    fields = {name: frozen_field(value) for name, value in shown.items()}
    if more.record:  # the record is made later: only what does not change can wait for it
        return text_of(message), tuple(one if type(one) in PLAIN else text_of(one) for one in args), fields, more
    more.fields = fields
    return formatted(text_of(message), args, shown), (), {}, more


class Captured:
    """An exception as it was when it was logged: nothing of it is asked later.

    Attributes:
        error: the exception itself, for sinks that want it.
        name: of its type.
        text: its `str`.
        told: knows its traceback, with those of its causes.
    """

    __slots__ = ("error", "name", "text", "told")

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self.name = type(error).__qualname__
        self.text = text_of(error)
        self.told = _told(type(error), error, error.__traceback__)

    @classmethod
    def of(cls, error: BaseException | None) -> Captured | None:
        """Capture `error`, if there is one."""
        return cls(error) if error is not None else None

    def traceback(self) -> str:
        """Return the traceback, as Python prints it."""
        if isinstance(self.told, str):
            return self.told
        return "".join(self.told.format()).rstrip("\n")


def _told(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> TracebackException | str:
    try:
        return TracebackException(kind, error, traceback, lookup_lines=False, limit=-50, compact=True)
    except Exception as failure:  # noqa: BLE001  # an exception may be as odd as any object; told in the text
        return f"{kind.__qualname__}: {text_of(error)} [no traceback: {type(failure).__name__}]"
