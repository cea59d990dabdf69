"""Routes: what else in the program leads to the logging actor."""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from actors._core.context import current_cell
from actors._core.desk import DESK
from actors._core.frozen import frozen_field, text_of
from actors.logs.events import OWN_CONFIG
from actors.logs.foreign import put
from actors.logs.levels import NUMBERS
from actors.logs.loguru_port import route
from actors.logs.uncaught import route_uncaught

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Routes"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CRASH = "Unhandled exception in "  # pykka's record of what `actor.crashed` tells with fields


@dataclass(frozen=True, slots=True)
class Routes:
    """What else leads to the logging actor.

    Args:
        logging: the standard `logging`: pykka's logger and those of all libraries that propagate. Its root logger gets the level of
            `setup`, unless it was given another than its default.
        warnings: the `warnings` module.
        uncaught: exceptions that nobody caught: of the main thread, other threads, and finalizers. Those of event loops come by `logging`.
        loguru: loguru's global logger; in place of its default handler to stderr.
    """

    logging: bool = True
    warnings: bool = True
    uncaught: bool = True
    loguru: bool = True

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not isinstance(value, bool):
                msg = f"{one.name}={value!r} is not valid: True or False"
                raise TypeError(msg)

    def install(self) -> Callable[[], None]:
        """Make the routes; return a function that takes them away."""
        undo: list[Callable[[], None]] = []
        if self.logging:
            undo.append(_route_logging())
        if self.warnings:
            undo.append(_route_warnings())
        if self.uncaught:
            undo.append(route_uncaught())
        if self.loguru:
            undo.append(route(_from_loguru))

        def undo_all() -> None:
            for one in reversed(undo):
                one()

        return undo_all


class RouteHandler(logging.Handler):
    """Hands the records of `logging` to the logging actor. Needs no lock, so that nobody waits for one who is slowed down."""

    def createLock(self) -> None:  # noqa: N802  # its name in `logging`
        """Have none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Take a record, unless a filter refuses it."""
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        if record.name == "pykka" and _of_logging_itself():
            return
        if record.name == "pykka" and record.exc_info and isinstance(record.msg, str) and record.msg.startswith(_CRASH):
            return  # the event tells it
        try:
            message = record.getMessage()
        except Exception as failure:  # noqa: BLE001  # told in the line
            message = f"{text_of(record.msg)} [not formatted: {type(failure).__name__}: {text_of(failure)}]"
        error = record.exc_info[1] if record.exc_info else None
        extra = {name: frozen_field(value) for name, value in vars(record).items() if name not in _STANDARD}
        if record.stack_info:
            extra["stack"] = record.stack_info
        put(
            record.levelno,
            message,
            where=(record.name, record.funcName or "", record.lineno, record.pathname),
            level=None if NUMBERS.get(record.levelname) == record.levelno else record.levelname,
            at=record.created,
            error=error,
            fields=extra,
            thread=(record.threadName or "", record.thread),
        )


def _of_logging_itself() -> bool:
    """Tell whether this is the turn of the logging actor, or of one of its sinks."""
    cell = current_cell()
    return cell is not None and cell.system.config is OWN_CONFIG


def _route_logging() -> Callable[[], None]:
    root = logging.getLogger()
    handler = RouteHandler()
    level = root.level
    # What basicConfig() made writes to the terminal; the sinks of `setup` do that now.
    replaced = [one for one in root.handlers if type(one) is logging.StreamHandler and one.stream in (sys.stderr, sys.stdout)]
    for one in replaced:
        root.removeHandler(one)
    root.addHandler(handler)
    given = max(1, DESK.level)
    if level == logging.WARNING:
        root.setLevel(given)

    def undo() -> None:
        root.removeHandler(handler)
        if level == logging.WARNING and root.level == given:
            root.setLevel(level)
        for one in replaced:
            root.addHandler(one)

    return undo


def _route_warnings() -> Callable[[], None]:
    former = warnings.showwarning

    def show(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: str | None = None) -> None:
        if file is not None:  # meant for a certain file
            former(message, category, filename, lineno, file, line)
            return
        where = ("py.warnings", "", lineno, filename)
        put(logging.WARNING, text_of(message), where=where, fields={"category": category.__name__, "file": filename, "line": lineno})

    warnings.showwarning = show

    def undo() -> None:
        if warnings.showwarning is show:
            warnings.showwarning = former

    return undo


def _from_loguru(message: Any) -> None:
    """Take a record of loguru's global logger."""
    record = message.record
    level = record["level"]
    captured = record["exception"]
    put(
        level.no,
        record["message"],
        where=(record["name"] or "", record["function"], record["line"], record["file"].path),
        level=None if NUMBERS.get(level.name) == level.no else level.name,
        at=record["time"].timestamp(),
        error=captured.value if captured else None,
        fields={name: frozen_field(value) for name, value in record["extra"].items()},
        thread=(record["thread"].name, record["thread"].id),
        waits=False,  # loguru holds the lock of its handler
    )
