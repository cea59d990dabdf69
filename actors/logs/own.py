"""Lines of the logging actor's own: about lost lines and about its sinks."""

from __future__ import annotations

import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from actors._core.desk import More
from actors.logs.levels import level_number
from actors.logs.record import Maker

if TYPE_CHECKING:
    from actors.logs.record import Record
    from actors.logs.redaction import Redactor


__all__ = ["OwnLines", "emergency", "nobody", "own_line", "too_late"]

MOST_SELECTED = 1024  # `select` knows no descriptors from there on


def own_line(event: str, level: str, message: str, fields: dict[str, Any]) -> tuple[Any, ...]:
    """Return a line that the logging actor has to tell itself; it is not counted among those that were logged."""
    more = More()
    more.own = True
    more.event = event
    more.fields = fields
    thread = threading.current_thread()
    more.where = ("actors.logs", "", 0, "", thread.name, thread.ident)
    return (time.time(), level_number(level), message, (), {}, None, None, None, 0, None, None, 0, {}, None, more)


class OwnLines:
    """Makes records of such lines. May be used from any thread."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._lock = threading.Lock()
        self._maker = Maker(redactor)  # under _lock

    def record(self, event: str, level: str, message: str, fields: dict[str, Any]) -> Record:
        """Return a record."""
        line = own_line(event, level, message, fields)
        with self._lock:
            return self._maker.make(line)

    @staticmethod
    def thread() -> threading.Thread:
        """Return the thread that calls this."""
        return threading.current_thread()


def nobody(message: Any) -> None:
    """Stand in for the stderr of a program that has none."""


def too_late() -> bool:
    """Tell whether this is a finalizer at the very end of the interpreter that can make no time any more: the attempt would crash it."""
    return sys.version_info >= (3, 13) and sys.is_finalizing()


def emergency(text: str) -> None:
    """Tell people past all sinks: on stderr, if there is one that works. Does not wait for one that nobody reads."""
    for stream in (sys.stderr, sys.__stderr__):
        if stream is None:
            continue
        try:
            if not _takes(stream):
                continue
            stream.write(f"greenroom: {text}\n")
            stream.flush()
        except Exception:  # noqa: BLE001, S112  # closed, broken or a program's own: there may be another, and after that nobody is left to tell
            continue
        return


def _takes(stream: Any) -> bool:
    """Tell whether a short text can be written without waiting. Of a stream that is no file, nobody knows."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return True
    return bool(select.select([], [descriptor], [], 0)[1]) if descriptor < MOST_SELECTED else True
