"""All that is known here of loguru's insides: records handed to a handler of its without going through its own front end.

That front end takes down time, place and thread of the call, which were taken down already, and costs half of a line. What is used
besides the public API is `Logger`, `Core`, `Handler.emit` and the types of a record; a test compares the outcome with the public API's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loguru import _colorizer, _locks_machinery, _logger, _recattrs, logger
from loguru._datetime import datetime as loguru_datetime
from loguru._handler import Message

from actors._core.frozen import Captured, RedactedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

__all__ = [
    "Emitter",
    "Message",
    "RecordException",
    "RecordFile",
    "RecordLevel",
    "RecordProcess",
    "RecordThread",
    "colored",
    "level_named",
    "local_time",
    "private_logger",
    "route",
    "shown_exception",
]


# Its insides have no types.
_insides: Any = _logger
_global: Any = logger
_locks: Any = _locks_machinery
_markup: Any = _colorizer.Colorizer
RecordException: Any = _recattrs.RecordException
RecordFile: Any = _recattrs.RecordFile
RecordLevel: Any = _recattrs.RecordLevel
RecordProcess: Any = _recattrs.RecordProcess
RecordThread: Any = _recattrs.RecordThread


def private_logger() -> Any:
    """Return a logger of loguru's with no handler, which shares nothing with the global one."""
    return _insides.Logger(
        core=_insides.Core(),
        exception=None,
        depth=0,
        record=False,
        lazy=False,
        colors=False,
        raw=False,
        capture=True,
        patchers=[],
        extra={},
    )


def level_named(name: str) -> Any:
    """Return a level of the global logger's; raise ValueError if there is none of that name."""
    level = logger.level(name)
    return RecordLevel(level.name, level.no, level.icon)


def local_time(seconds: float, zone: tzinfo) -> Any:
    """Return the time of a record, which formats as loguru's do."""
    return loguru_datetime.fromtimestamp(seconds, zone)


def shown_exception(captured: Captured | None) -> Any:
    """Return an exception as records have it."""
    if captured is None or captured.error is None:
        return None
    return RecordException(type(captured.error), captured.error, captured.error.__traceback__)


def colored(message: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return a message with markup, its arguments in place; ``stripped`` is the text without colours."""
    if args or kwargs:
        return _markup.prepare_message(message, args, kwargs)
    return _markup.prepare_simple_message(message)


class _Tracebacks:
    """Makes tracebacks as loguru does, and as Python does where that fails: for an exception that is odd, or has very many causes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def format_exception(self, kind: Any, error: Any, traceback: Any, **options: Any) -> list[str]:
        """Return the lines."""
        if isinstance(error, RedactedError):
            return [f"{error.traceback}\n"]
        try:
            return [*self._inner.format_exception(kind, error, traceback, **options)]
        except Exception:  # noqa: BLE001  # as above; a line about it is better than a sink that fails
            return [f"{Captured(error).traceback()}\n"]


class Emitter:
    """One handler of loguru's, and the way to it.

    Args:
        target: a sink as `logger.add` takes it.
        **options: those of `logger.add`.

    Raises:
        TypeError, ValueError: loguru refuses an option.
        OSError: the file cannot be opened.
    """

    def __init__(self, target: Any, **options: Any) -> None:
        self._logger = private_logger()
        self._id = self._logger.add(target, level=0, catch=False, **options)
        self._handler = self._logger._core.handlers[self._id]
        self._handler._exception_formatter = _Tracebacks(self._handler._exception_formatter)
        self._known: set[str | None] = {*self._logger._core.levels, None}
        # A fork takes all of loguru's locks first: it would wait for a sink that hangs. What is forked off uses none of these.
        _locks.logger_locks.discard(self._logger._core.lock)
        _locks.handler_locks.discard(self._handler._lock)

    def emit(self, record: dict[str, Any], *, raw: bool = False, colors: Any = None) -> None:
        """Format a record and hand it to the sink; what the sink raises comes out here."""
        name = record["level"].name
        if name not in self._known:
            name = self._learn(name)
        self._handler.emit(record, name, False, raw, colors)

    def _learn(self, name: str) -> str | None:
        try:
            level = logger.level(name)
        except ValueError:  # a bare number
            return None
        self._logger.level(name, no=level.no, color=level.color, icon=level.icon)
        self._known.add(name)
        return name

    def raw(self, text: str) -> None:
        """Hand a text to the sink as it is."""
        self._logger.opt(raw=True).critical(text)

    def close(self) -> None:
        """Close the sink."""
        self._logger.remove(self._id)


def route(sink: Callable[[Any], object]) -> Callable[[], None]:
    """Have the global logger call `sink` with its records, in place of its default handler; return what undoes that."""
    put_back = _put_default_aside()
    number = _global.add(sink, level=0, format="{message}", catch=False, backtrace=False, diagnose=False)

    def undo() -> None:
        if number in _global._core.handlers:  # else the program has taken all handlers away
            _global.remove(number)
            put_back()

    return undo


def _put_default_aside() -> Callable[[], None]:
    """Take the handler away that loguru begins with; return what puts it back, with its number."""
    core = _global._core
    with core.lock:
        handler = core.handlers.get(0)
        if handler is None or handler._name != "<stderr>":
            return lambda: None
        _set_handlers({number: one for number, one in core.handlers.items() if number})

    def put_back() -> None:
        with core.lock:
            _set_handlers({0: handler, **core.handlers})

    return put_back


def _set_handlers(handlers: dict[int, Any]) -> None:
    core = _global._core
    core.handlers = handlers
    core.min_level = min((one.levelno for one in handlers.values()), default=float("inf"))
