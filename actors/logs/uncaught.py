"""Exceptions that nobody caught, of the main thread, of other threads and of finalizers, as lines."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors._core.frozen import repr_of, text_of
from actors.logs import assembly
from actors.logs.foreign import put

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["route_uncaught"]


def _uncaught(no: int, error: BaseException, what: str, **said: Any) -> None:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = ("", "", 0, "")
    if frame is not None:
        code = frame.tb_frame.f_code
        where = (Path(code.co_filename).stem, code.co_name, frame.tb_lineno, code.co_filename)
    put(no, f"{what}: {type(error).__name__}: {text_of(error)}", where=where, error=error, event="uncaught", fields=said)


def _of_main_thread(former: Any) -> Any:
    def hook(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        if isinstance(error, Exception):
            _uncaught(logging.CRITICAL, error, "uncaught exception")
        if former is not sys.__excepthook__ or not isinstance(error, Exception) or not _seen_on_terminal():
            former(kind, error, traceback)

    return hook


def _of_other_threads(former: Any) -> Any:
    def hook(given: threading.ExceptHookArgs) -> None:
        error = given.exc_value
        if error is None or isinstance(error, SystemExit):
            return
        name = given.thread.name if given.thread is not None else "?"
        _uncaught(logging.ERROR, error, f"uncaught exception in thread {name}")
        if former is not threading.__excepthook__ or not _seen_on_terminal():
            former(given)

    return hook


def _of_finalizers(former: Any) -> Any:
    def hook(given: Any) -> None:
        if given.exc_value is not None:
            _uncaught(logging.ERROR, given.exc_value, given.err_msg or "exception ignored", object=repr_of(given.object)[:200])
        if former is not sys.__unraisablehook__ or not _seen_on_terminal():
            former(given)

    return hook


def route_uncaught() -> Callable[[], None]:
    """Install the hooks, which call those that were there, unless a sink shows on stderr what Python would; return what undoes that."""
    formers = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    hooks = (_of_main_thread(formers[0]), _of_other_threads(formers[1]), _of_finalizers(formers[2]))
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks

    def undo() -> None:  # unless somebody else has put another there since
        if sys.excepthook is hooks[0]:
            sys.excepthook = formers[0]
        if threading.excepthook is hooks[1]:
            threading.excepthook = formers[1]
        if sys.unraisablehook is hooks[2]:
            sys.unraisablehook = formers[2]

    return undo


def _seen_on_terminal() -> bool:
    """Tell whether a sink shows lines where Python would print a traceback."""
    current = assembly._current
    return current is not None and any(sink.target in (sys.stderr, sys.__stderr__) for sink in current._config.sinks)
