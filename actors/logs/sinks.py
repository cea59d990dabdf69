"""Sinks as they are declared: where lines go, in which form, and what becomes of them while that fails."""

from __future__ import annotations

import codecs
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors._core.callbacks import check_callback
from actors._core.seconds import check_seconds
from actors.logs.formats import JSON, TEXT, check_format
from actors.logs.levels import level_number
from actors.logs.loguru_port import private_logger
from actors.logs.writers import is_coroutine_function

__all__ = ["Sink", "SinkBackoff", "as_sink"]

_FILE_OPTIONS = ("rotation", "retention", "compression", "delay", "watch", "mode", "buffering", "encoding", "errors", "newline")


@dataclass(frozen=True, slots=True)
class SinkBackoff:
    """When a sink that failed is tried again: after `first` seconds, doubled with each failure in a row, at most after `most`.

    Raises:
        ValueError: not 0 < first <= most, or not finite.
    """

    first: float = 0.1
    most: float = 30.0

    def __post_init__(self) -> None:
        for name in ("first", "most"):
            check_seconds(name, getattr(self, name))
        if not 0 < self.first <= self.most < float("inf"):
            msg = f"SinkBackoff(first={self.first!r}, most={self.most!r}) is not valid: 0 < first <= most, in seconds"
            raise ValueError(msg)

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return float(min(self.most, self.first * 2.0 ** min(failures - 1, 64)))


class Sink:
    """Where lines go. Each sink is a supervised child of the logging actor: it fails, hangs and comes back without the others.

    Args:
        target: a path; a text stream; a function, or coroutine function, of a loguru `Message`; a handler of `logging`.
        level: the lowest level that is written; None: that of `setup`.
        format: `TEXT`, `JSON`, or what loguru takes. None: `TEXT` for a terminal, `JSON` for other streams and files, and
            ``"{message}"`` for functions and handlers.
        filter: a function of the record, or what else loguru takes.
        colorize: whether text is coloured; None: on a terminal, unless NO_COLOR is set.
        name: for people, and to tell sinks apart; None makes one of the target.
        backlog: lines that wait for this sink at most, while it is slower than the others or fails.
        attempts: how often a line is tried with which the sink fails, other than with an OSError, before it is lost.
        backoff: when it is tried again after a failure.
        hangs_after: seconds after which a write is reported as hanging; after four times as long, a new incarnation takes over.
        backtrace: loguru's: tracebacks go on above the catching frame. Formatted when it is written.
        diagnose: loguru's: tracebacks show values. They are those of the moment when it is written, and may be secrets.
        **options: of a path, what loguru takes: rotation, retention, compression, delay, watch, mode, buffering, encoding, errors, newline.

    Raises:
        TypeError, ValueError: an argument is not valid. A file is opened later: that it cannot be is a failure of the sink.
    """

    text = TEXT
    json = JSON

    def __init__(
        self,
        target: Any,
        *,
        level: str | int | None = None,
        format: Any = None,  # noqa: A002  # loguru's word
        filter: Any = None,  # noqa: A002  # loguru's word
        colorize: bool | None = None,
        name: str | None = None,
        backlog: int = 10_000,
        attempts: int = 3,
        backoff: SinkBackoff | None = None,
        hangs_after: float = 5.0,
        backtrace: bool = False,
        diagnose: bool = False,
        **options: Any,
    ) -> None:
        self.target = target
        self.kind = _kind(target)
        self.level = level
        self.no = None if level is None else level_number(level)
        self.format = format
        self.filter = filter
        self.colorize = colorize
        self.name = _name(target, self.kind) if name is None else name
        self.backlog = _whole("backlog", backlog)
        self.attempts = _whole("attempts", attempts)
        self.backoff = SinkBackoff() if backoff is None else backoff
        self.hangs_after = check_seconds("hangs_after", hangs_after)
        self.backtrace = backtrace
        self.diagnose = diagnose
        self.options = options
        self._check()

    def __repr__(self) -> str:
        return f"<Sink {self.name}>"

    def _check(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            msg = f"name={self.name!r} is not valid: a text that is not empty"
            raise ValueError(msg)
        if not isinstance(self.backoff, SinkBackoff):
            msg = f"backoff={self.backoff!r} is not valid: a SinkBackoff"
            raise TypeError(msg)
        if self.hangs_after == 0:
            msg = "hangs_after=0 is not valid: more than 0 seconds"
            raise ValueError(msg)
        unknown = [one for one in self.options if self.kind != "path" or one not in _FILE_OPTIONS]
        if unknown:
            known = ", ".join(_FILE_OPTIONS)
            msg = f"{unknown[0]}={self.options[unknown[0]]!r} is not valid for {self.kind} sinks: a path takes {known}"
            raise TypeError(msg)
        for name in ("colorize", "backtrace", "diagnose"):
            value = getattr(self, name)
            if not (isinstance(value, bool) or (value is None and name == "colorize")):
                msg = f"{name}={value!r} is not valid: True or False"
                raise TypeError(msg)
        check_format(self.format)
        for name, value in self.options.items():
            _check_option(name, value, self.target)
        if self.filter is not None:
            _check_with_loguru("filter", self.filter, lambda _: None)

    def is_terminal(self) -> bool:
        """Tell whether people read it as it is written."""
        isatty = getattr(self.target, "isatty", None)
        try:
            return self.kind == "stream" and callable(isatty) and bool(isatty())
        except ValueError:  # closed
            return False

    def shown_format(self) -> Any:
        """Return the format that is used."""
        if self.format is not None:
            return self.format
        if self.kind not in ("path", "stream"):
            return "{message}"
        return TEXT if self.is_terminal() else JSON

    def shows_colors(self) -> bool:
        """Tell whether text is coloured."""
        if self.colorize is not None:
            return self.colorize
        return self.is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _check_option(name: str, value: Any, path: Any) -> None:
    """Raise TypeError or ValueError unless loguru, or Python's `open`, takes an option of a path."""
    if name in ("rotation", "retention", "compression"):
        _check_with_loguru(name, value, path)
        return
    check, what = _OPENING[name]
    try:
        good = check(value)
    except (LookupError, TypeError):
        good = False
    if not good:
        msg = f"{name}={value!r} is not valid: {what}"
        raise ValueError(msg)


def _check_with_loguru(name: str, value: Any, target: Any) -> None:
    # With delay no file is made. Not removed afterwards: then loguru would delete and compress, as at the end of a program.
    options = {name: value} if name == "filter" else {name: value, "delay": True}
    try:
        private_logger().add(target, **options)
    except (TypeError, ValueError) as error:
        msg = f"{name}={value!r} is not valid: {error}"
        raise type(error)(msg) from error


_OPENING: dict[str, tuple[Any, str]] = {
    "encoding": (codecs.lookup, "a codec's name"),
    "errors": (codecs.lookup_error, "the name of an error handler of codecs"),
    "mode": (lambda value: re.fullmatch(r"[awx]\+?t?|[awx]t?\+", value), "how `open` opens a text to write it, like 'a' or 'w'"),
    "buffering": (lambda value: isinstance(value, int) and not isinstance(value, bool) and value, "a whole number, but not 0"),
    "newline": (lambda value: value in (None, "", "\n", "\r", "\r\n"), "None, '', '\\n', '\\r' or '\\r\\n'"),
    "delay": (lambda value: isinstance(value, bool), "True or False"),
    "watch": (lambda value: isinstance(value, bool), "True or False"),
}


def as_sink(given: Any) -> Sink:
    """Return a sink, of itself or of its target."""
    return given if isinstance(given, Sink) else Sink(given)


def _kind(target: Any) -> str:
    if isinstance(target, str | Path) and str(target):
        return "path"
    if isinstance(target, logging.Handler):
        return "handler"
    if callable(getattr(target, "write", None)) and not isinstance(target, type):
        return "stream"
    if is_coroutine_function(target):
        return "coroutine function"
    if callable(target) and not isinstance(target, type):
        check_callback("target", target, "a function of the message")
        return "function"
    msg = f"target={target!r} is not valid: a path, a text stream, a function of the message, or a handler of logging"
    raise TypeError(msg)


def _name(target: Any, kind: str) -> str:
    if kind == "path":
        return Path(target).name
    for name in ("stderr", "stdout"):
        if target is getattr(sys, name) or target is getattr(sys, f"__{name}__"):
            return name
    return str(getattr(target, "__name__", None) or getattr(target, "name", None) or type(target).__name__)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"{name}={value!r} is not valid: a whole number, 1 or more"
        raise ValueError(msg)
    return int(value)
