"""What a log call is given, as it is at that moment: plain values are kept, everything else is made text in the call.

So a line never tells what an object became later, no ``__str__`` runs in the logging actor, and what a ``__str__`` raises is told in
the line.
"""

from __future__ import annotations

import reprlib
from itertools import islice
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from actors._core.desk import Desk, More

__all__ = ["LONGEST", "PLAIN", "Captured", "RedactedError", "formatted", "freeze", "frozen_field", "repr_of", "shortened", "text_of"]

PLAIN = frozenset({str, int, float, bool, type(None), bytes, complex})  # cannot change, and format without anybody's code
DEEP = 6  # containers within each other that a field may have
WIDE = 200  # elements of a container that a field may have
MANY = 2000  # elements that all containers of a field may have together
LONGEST = 100_000  # characters of a text that are written
_SEVERAL = (list, tuple, set, frozenset)
_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = 200


def text_of(value: Any) -> str:
    """Return ``str(value)``, or what became of that."""
    try:
        text = str(value)
        return text if type(text) is str else str.__str__(text)  # nobody's subclass, with methods of its own
    except Exception as error:  # noqa: BLE001  # told in the text
        return f"<unprintable {type(value).__qualname__}: {type(error).__name__}>"


def repr_of(value: Any) -> str:
    """Return ``repr(value)``, or what became of that."""
    try:
        text = repr(value)
        return text if type(text) is str else str.__str__(text)
    except Exception as error:  # noqa: BLE001  # told in the text
        return f"<unprintable {type(value).__qualname__}: {type(error).__name__}>"


def shortened(text: str) -> str:
    """Return a text that is no longer than a line may be."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"


def frozen_field(value: Any) -> Any:
    """Return `value` as it is now: plain values, and containers of such; anything else as its `str`."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in _SEVERAL or isinstance(value, dict):
        return _frozen_container(value, 0, [MANY])
    return text_of(value)


def _frozen(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if type(value) in PLAIN:
        return value
    if type(value) in _SEVERAL or isinstance(value, dict):
        return _frozen_container(value, depth, left)
    return text_of(value)


def _frozen_container(value: Any, depth: int, left: list[int]) -> Any:
    """Return a dict or list; `left` has how many elements it may still have, with all those within it."""
    try:
        if left[0] <= 0:
            return "…"
        if depth >= DEEP:
            left[0] -= 20  # what its text is long
            return _cut(_SHORT.repr(value))
        more = len(value) - WIDE
        if isinstance(value, dict):
            items = list(islice(dict.items(value), WIDE))
            made: dict[str, Any] = {text_of(key): _frozen(one, depth + 1, left) for key, one in items}
            if more > 0:
                made["…"] = f"{more} more"
            return made
        several = [_frozen(one, depth + 1, left) for one in list(islice(value, WIDE))]
        if more > 0:
            several.append(f"… {more} more")
        return several
    except Exception as error:  # noqa: BLE001  # another thread changes it at this moment, or it is a class's of its own; told in the text
        return f"<{type(value).__name__} that could not be read: {type(error).__name__}>"


def without_secrets(value: Any, desk: Desk, known: dict[int, Any]) -> Any:
    """Return `value`, or, if a dict in it has keys that are secret, a copy without what they stand for."""
    if not (type(value) in _SEVERAL or isinstance(value, dict)):
        return value
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = "…"  # of one that contains itself
    made = value
    try:
        if isinstance(value, dict):
            items = list(dict.items(value))
            safe = [(key, _safe(key, one, desk, known)) for key, one in items]
            if any(new is not one for (_, one), (_, new) in zip(items, safe, strict=True)):
                made = dict(safe)
        else:
            several = list(value)
            parts = [without_secrets(one, desk, known) for one in several]
            if any(new is not one for one, new in zip(several, parts, strict=True)):
                made = parts if type(value) not in (tuple, list) else type(value)(parts)
    except Exception as error:  # noqa: BLE001  # as above, or it is too deep
        made = f"<{type(value).__name__} that could not be read: {type(error).__name__}>"
    known[id(value)] = made
    return made


def _safe(key: Any, value: Any, desk: Desk, known: dict[int, Any]) -> Any:
    return desk.hidden if desk.secret(text_of(key)) else without_secrets(value, desk, known)


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
    message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], more: More, desk: Desk
) -> tuple[str, tuple[Any, ...], dict[str, Any], More]:
    """Format now, and take the fields down; nothing is left to be formatted later."""
    if desk.hides:
        args = tuple(without_secrets(one, desk, {}) for one in args)
        kwargs = {name: _safe(name, value, desk, {}) for name, value in kwargs.items()}
    fields = {name: frozen_field(value) for name, value in kwargs.items()}
    if more.record:  # the record is made later: only what does not change can wait for it
        return message, tuple(one if type(one) in PLAIN else text_of(one) for one in args), fields, more
    if more.capture:
        more.fields = fields
    if more.colors:
        try:
            more.markup = desk.colored(message, args, kwargs)
            return more.markup.stripped, (), {}, more
        except Exception:  # noqa: BLE001  # markup or arguments that do not fit: without colours, with the reason
            more.colors = False
    return formatted(message, args, kwargs)[: 2 * LONGEST], (), {}, more


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
        """Return the traceback, as Python prints it, but no more of it than a line may have."""
        return shortened(self.whole_traceback())

    def whole_traceback(self) -> str:
        """Return the traceback, as Python prints it."""
        if isinstance(self.told, str):
            return self.told
        try:
            return "".join(self.told.format()).rstrip("\n")
        except Exception as failure:  # noqa: BLE001  # notes may be as odd as any object; told in the text
            return f"{self.name}: {self.text} [no traceback: {type(failure).__name__}]"


class RedactedError(Exception):
    """Stands for an exception whose secrets were taken out, where a sink asks for the exception itself.

    Attributes:
        name: of its type.
        traceback: as Python prints it, without secrets.
    """

    def __init__(self, name: str, text: str, traceback: str) -> None:
        super().__init__(text)
        self.name = name
        self.traceback = traceback


def _told(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> TracebackException | str:
    try:
        return TracebackException(kind, error, traceback, lookup_lines=False, limit=-50, compact=True)
    except Exception as failure:  # noqa: BLE001  # an exception may be as odd as any object; told in the text
        return f"{kind.__qualname__}: {text_of(error)} [no traceback: {type(failure).__name__}]"
