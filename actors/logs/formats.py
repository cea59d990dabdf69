"""How a line looks: text as loguru formats it, or JSON lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from actors._core.frozen import RedactedError, text_of
from actors.logs.json_lines import JsonLines
from actors.logs.loguru_port import Emitter, RecordFile, RecordLevel, RecordProcess, RecordThread
from actors.logs.record import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.logs.record import Record

__all__ = ["JSON", "TEXT", "Format", "TextLines", "check_format", "renderer"]

INDENT = "    "


class Format:
    """A form of lines that is made here: `TEXT` or `JSON`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"actors.logs.{self._name}"


TEXT = Format("TEXT")
"""Lines for people: time, level, actor, message and fields."""

JSON = Format("JSON")
"""A JSON object a line, for `greenroom logs` and whatever else reads logs."""

_TEXT = "<green>{stamp}</green> | <level>{level: <8}</level> | <cyan>{origin}</cyan> - <level>{message}</level><dim>{details}</dim>\n"
_TEXT += "{exception}"  # of loguru's own tracebacks
_COLORS = re.compile("(\x1b\\[[0-9;]*m)")


def _clean_but_colors(text: str) -> str:
    return "".join(part if number % 2 else clean(part) for number, part in enumerate(_COLORS.split(text)))


def _single_line(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _single_line(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_single_line(one) for one in value]
    return value


_NAMES = ("name", "function", "module", "actor", "actor_class", "correlation", "system", "event")


def _one_line(source: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be changed in a record of loguru's, so that no name in it can end a line."""
    made: dict[str, Any] = {name: clean(source[name]) for name in _NAMES if not source[name].isprintable()}
    file, level, process, thread = source["file"], source["level"], source["process"], source["thread"]
    if not file.path.isprintable():
        made["file"] = RecordFile(clean(file.name), clean(file.path))
    if not level.name.isprintable():
        made["level"] = RecordLevel(clean(level.name), level.no, level.icon)
    if not process.name.isprintable():
        made["process"] = RecordProcess(process.id, clean(process.name))
    if not thread.name.isprintable():
        made["thread"] = RecordThread(thread.id, clean(thread.name))
    return made


def _details(record: Record) -> str:
    """Return correlation and fields, as a line ends with them."""
    parts = [f"{name}={_value(value)}" for name, value in record.fields.items()] if record.fields else []
    if record.correlation is not None:
        parts.append(f"~{record.correlation}")
    return f"  {' '.join(parts)}" if parts else ""


def _value(value: Any) -> str:
    if isinstance(value, str):
        return repr(value) if " " in value or not value or "=" in value else value
    return text_of(value)


def _redacted(record: Record) -> bool:
    return record.exception is not None and isinstance(record.exception.error, RedactedError)


def _origin(record: Record) -> str:
    if record.who is None:
        site = record.site
        return ":".join(str(part) for part in (site.name, site.function, site.line) if part)
    return record.who.path if record.incarnation <= 1 else f"{record.who.path}#{record.incarnation}"


class TextLines:
    """Makes lines of text of records, by a format of loguru's. One thread at a time.

    What is not the format's own comes out on one line: control characters are escaped, tracebacks are indented. So no message, field,
    name or exception can look like a line that nobody logged.
    """

    def __init__(self, given: Any, *, colorize: bool, filter_: Any = None, backtrace: bool = False, diagnose: bool = False) -> None:
        self._made: list[str] = []
        self._ours = given is TEXT
        self._colorize = colorize
        self._loguru_tracebacks = backtrace or diagnose
        self._filters = filter_ is not None
        self._stamps = JsonLines()
        self._breaks = given.count("\n") if isinstance(given, str) else 0
        self._emitter = Emitter(
            self._made.append,
            format=(lambda _: _TEXT) if self._ours else given,
            colorize=colorize,
            filter=filter_,
            backtrace=backtrace,
            diagnose=diagnose,
        )

    def line(self, record: Record) -> str:
        """Return a record as text, with its end; nothing if the filter refuses it."""
        more = record.more
        raw, markup = (more.raw, more.markup) if more is not None else (False, None)
        if raw:
            self._emitter.emit({**record.as_loguru(), "exception": None}, raw=True, colors=markup)
            return self._taken()
        shown = self._own_record(record) if self._ours else self._loguru_record(record)
        self._emitter.emit(shown, colors=markup)
        text = self._taken()
        return text if record.exception is None or not text else self._with_traceback(record, text)

    def _own_record(self, record: Record) -> dict[str, Any]:
        """Return what `TEXT` shows; that is quicker made than all that loguru's formats may ask for."""
        message, who, details = record.message, record.who, ""
        if record.fields or record.correlation is not None:
            details = clean(_details(record))
        shown = {
            "stamp": self._stamps.local(record.time),
            "level": record.level if record.level.name.isprintable() else _one_line(record.as_loguru())["level"],
            "origin": clean(who.path if who is not None and record.incarnation <= 1 else _origin(record)),
            "message": message if message.isprintable() else clean(message),
            "details": details,
            "exception": None,
        }
        if self._filters or (self._loguru_tracebacks and record.exception is not None):
            shown = {**self._loguru_record(record), **shown, "exception": record.as_loguru()["exception"]}
            if not self._loguru_tracebacks or _redacted(record):
                shown["exception"] = None
        return shown

    def _loguru_record(self, record: Record) -> dict[str, Any]:
        source = record.as_loguru()
        names = _one_line(source)
        if record.message.isprintable() and not record.fields and record.exception is None and not names:
            return source
        exception = source["exception"] if self._loguru_tracebacks and not _redacted(record) else None
        return {**source, **names, "message": clean(record.message), "extra": _single_line(record.fields), "exception": exception}

    def _taken(self) -> str:
        text = "".join(self._made)
        self._made.clear()
        return text

    def _with_traceback(self, record: Record, text: str) -> str:
        captured = record.exception
        assert captured is not None
        if not self._loguru_tracebacks or _redacted(record):
            traceback = captured.traceback()
            head = text.rstrip("\n")
        else:
            lines = text.split("\n")
            head, traceback = "\n".join(lines[: self._breaks + 1]), "\n".join(lines[self._breaks + 1 :]).strip("\n")
        keep = clean if not self._colorize or not self._loguru_tracebacks or _redacted(record) else _clean_but_colors
        return "\n".join([head, *(f"{INDENT}{keep(one)}" for one in traceback.split("\n")), ""])


def check_format(given: Any) -> None:
    """Raise ValueError or TypeError unless lines can be made in this format."""
    if given is None or isinstance(given, Format) or callable(given):
        return
    if not isinstance(given, str):
        msg = f"format={given!r} is not valid: TEXT, JSON, a format text of loguru's, or a function of the record"
        raise TypeError(msg)
    from actors.logs.probe import probe_record  # noqa: PLC0415  # it makes a whole record

    try:
        TextLines(given, colorize=True).line(probe_record())
    except Exception as error:
        msg = f"format={given!r} is not valid: {type(error).__name__}: {error}"
        raise ValueError(msg) from error


def renderer(given: Any, *, ascii_only: bool = False, **options: Any) -> Callable[[Record], str]:
    """Return the function that makes lines in a format; what cannot be made comes out in a plain form, with the reason."""
    plain = JsonLines(ascii_only=ascii_only)
    if given is JSON:
        filter_ = options.get("filter_")
        if filter_ is None:
            return plain.line
        probe = TextLines("{message}", colorize=False, filter_=filter_)
        return lambda record: plain.line(record) if probe.line(record) else ""
    lines = TextLines(given, **options)

    def line(record: Record) -> str:
        try:
            return lines.line(record)
        except Exception as error:  # noqa: BLE001  # a format, filter or field that does not fit is not the sink's failure; told in the line
            lines._made.clear()
            reason = clean(f"[not formatted: {type(error).__name__}: {text_of(error)}]")
            return f"{plain.time(record.time)} | {record.level.name: <8} | {clean(record.actor)} - {clean(record.message)} {reason}\n"

    return line
