"""From a line as it was taken down to a record: formatted, with names in place of objects, and with its secrets taken out."""

from __future__ import annotations

import re
import time as clock
import weakref
from datetime import timedelta, timezone
from multiprocessing import current_process
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from actors._core.desk import own_code
from actors._core.frozen import LONGEST, formatted, frozen_field, shortened, text_of
from actors.logs.levels import record_level
from actors.logs.loguru_port import RecordFile, RecordProcess, RecordThread, colored, local_time, shown_exception

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from actors._core.cell import Cell
    from actors._core.desk import More
    from actors._core.frozen import Captured
    from actors.logs.redaction import Redactor

__all__ = ["UNSAFE", "Maker", "Record", "Site", "clean"]

KNOWN = 20_000  # places in the code, and actors, that are remembered

# Everything that could end a line, move the cursor, or turn the direction of writing; and what no encoding takes.
UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\x1b": "\\x1b"}


def _escaped(match: re.Match[str]) -> str:
    one = match.group()
    return _NAMED.get(one) or (f"\\x{ord(one):02x}" if ord(one) < 256 else f"\\u{ord(one):04x}")  # noqa: PLR2004


def clean(text: str) -> str:
    """Return `text` on one line: control characters are escaped, so that no text can pass for a line of its own."""
    return text if text.isprintable() else UNSAFE.sub(_escaped, text)


class Site:
    """A place in the code."""

    __slots__ = ("code", "file", "function", "json", "line", "module", "name")

    def __init__(self, code: CodeType | None, name: str, function: str, line: int, path: str) -> None:
        self.code = code  # keeps its id from being another's
        self.name = name
        self.function = function
        self.line = line
        pure = PurePath(path)
        self.file = RecordFile(pure.name, path)
        self.module = pure.stem
        self.json: str | None = None


class Who:
    """An actor."""

    __slots__ = ("alive", "class_name", "json", "path", "system")

    def __init__(self, cell: Cell, gone: Callable[[Any], object]) -> None:
        self.alive = weakref.ref(cell, gone)
        self.path = cell.path
        self.class_name = cell.actor_class.__qualname__
        self.system = cell.system.name
        self.json: str | None = None


class Record:
    """One line, ready to be written in any form. Sinks share it and do not change it."""

    __slots__ = (
        "_loguru",
        "correlation",
        "exception",
        "fields",
        "incarnation",
        "level",
        "message",
        "more",
        "no",
        "process",
        "site",
        "thread",
        "time",
        "who",
    )

    time: float
    no: int
    level: Any
    message: str
    fields: dict[str, Any]
    who: Who | None
    incarnation: int
    correlation: str | None
    site: Site
    thread: Any
    process: Any
    exception: Captured | None
    more: More | None
    _loguru: dict[str, Any] | None

    @property
    def event(self) -> str | None:
        """The name of the event, if it is one."""
        return self.more.event if self.more is not None else None

    @property
    def own(self) -> bool:
        """Whether it is a line of the logging actor's own."""
        return self.more is not None and self.more.own

    @property
    def actor(self) -> str:
        """The actor's path, or nothing."""
        return self.who.path if self.who is not None else ""

    def as_loguru(self) -> dict[str, Any]:
        """Return it as the record that loguru's formats, filters and sinks know, made when first asked for.

        Besides loguru's keys it has `actor`, `actor_class`, `incarnation`, `correlation`, `system` and `event`.
        """
        made = self._loguru
        if made is None:
            self._loguru = made = _as_loguru(self)
        return made


_START = clock.time()
_zones: list[tuple[float, Any, Any]] = [(-1.0, None, None)]  # until when, the zone, what `tzset` replaces; replaced whole


def zone_at(seconds: float) -> Any:
    """Return the local time zone, which changes with the season."""
    until, zone, names = _zones[0]
    if names is not clock.tzname or not until - 900 <= seconds < until:  # offsets change at quarters of an hour
        local = clock.localtime(seconds)
        zone = timezone(timedelta(seconds=local.tm_gmtoff), local.tm_zone)
        _zones[0] = (seconds - seconds % 900 + 900, zone, clock.tzname)
    return zone


def _as_loguru(record: Record) -> dict[str, Any]:
    site, who = record.site, record.who
    return {
        "elapsed": timedelta(seconds=record.time - _START),
        "exception": shown_exception(record.exception),
        "extra": record.fields,
        "file": site.file,
        "function": site.function,
        "level": record.level,
        "line": site.line,
        "message": record.message,
        "module": site.module,
        "name": site.name,
        "process": record.process,
        "thread": record.thread,
        "time": local_time(record.time, zone_at(record.time)),
        "actor": who.path if who is not None else "",
        "actor_class": who.class_name if who is not None else "",
        "incarnation": record.incarnation,
        "correlation": record.correlation or "",
        "system": who.system if who is not None else "",
        "event": record.event or "",
    }


class Maker:
    """Makes records of lines. One thread at a time."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor
        self._sites: dict[tuple[int, int], Site] = {}
        # By their ids, and no longer than they live: what is remembered must not keep an actor's system and arguments alive.
        self._who: dict[int, Who] = {}
        self._threads: dict[int, tuple[Any, Any]] = {}
        self._levels: dict[int, Any] = {}
        self._process: Any = None  # not yet: in a forked child it is made when that has a name

    def make(self, line: tuple[Any, ...]) -> Record:
        """Return the record of a line."""
        (seconds, no, message, args, kwargs, bound, context, cell, incarnation, correlation, code, lasti, names, thread, more) = line
        record = Record()
        record._loguru = None
        record.time, record.no, record.more = seconds, no, more
        record.incarnation = incarnation or (0 if cell is None else 1)  # the first one's `__init__` runs before it has begun
        record.fields = fields = _fields(bound, context, kwargs, more)
        record.correlation = None if correlation is None else cell.system.ports.ids.text_of(correlation)
        record.who = None if cell is None else self._who.get(id(cell)) or self._get_who(cell)
        record.process = self._process or self._get_process()
        if more is None:
            record.level = self._levels.get(no) or self._get_level(no)
            record.exception = None
        else:
            record.level = record_level(no, more.level)
            record.exception = more.exception
        if more is not None and more.where is not None:
            name, function, number, path, thread_name, thread_id = more.where
            record.site = Site(None, name, function, number, path)
            record.thread = RecordThread(thread_id, thread_name)
        else:
            record.site = self._sites.get((id(code), lasti)) or self._get_site(code, lasti, names)
            known = self._threads.get(id(thread))
            # Programs name a thread after what it is at.
            record.thread = known[1] if known is not None and known[1].name == thread.name else self._get_thread(thread)
        if self._redactor is not None:
            args, kwargs = self._redactor.arguments(args, kwargs)
            record.fields = self._redactor.fields(fields)
        record.message = message
        if more is not None and (more.record or more.colors or more.patchers):
            self._finish(record, message, args, kwargs)
        elif args or kwargs:
            record.message = formatted(message, args, kwargs)
        if self._redactor is not None:
            self._redactor.apply(record)
        # Cut behind the redaction: half of a secret is one, too, and does not look like one any more.
        if len(record.message) > LONGEST:
            record.message = shortened(record.message)
            if record._loguru is not None:
                record._loguru["message"] = record.message
        if record.fields:
            _shorten(record.fields)
        return record

    def _finish(self, record: Record, message: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Format what needs the record, or markup; let patchers change it."""
        more = record.more
        assert more is not None
        if more.record:
            kwargs = {**kwargs, "record": record.as_loguru()}
        if more.markup is not None:  # made in the call
            pass
        elif more.colors:
            try:
                markup = colored(message, args, kwargs)
                record.message = markup.stripped
                more.markup = markup
            except Exception:  # noqa: BLE001  # markup or arguments that do not fit: the message as it is, with the reason
                record.message = formatted(message, args, kwargs)
        elif args or kwargs:
            record.message = formatted(message, args, kwargs)
        record._loguru = None
        for patcher in more.patchers:
            made = {**record.as_loguru(), "extra": dict(record.fields)}
            try:
                with own_code():
                    patcher(made)
                made["extra"] = {text_of(name): frozen_field(value) for name, value in made["extra"].items()}
                made["message"] = text_of(made["message"])
                record.message, record.fields, record._loguru = made["message"], made["extra"], made
            except Exception as error:  # noqa: BLE001  # told in the line
                record.message = f"{record.message} [patcher failed: {type(error).__name__}: {text_of(error)}]"
                record._loguru = None

    # Looked up for the first line of a kind only.

    def _get_who(self, cell: Cell) -> Who:
        known, key = self._who, id(cell)
        _bound(known)
        known[key] = who = Who(cell, lambda _: known.pop(key, None))
        return who

    def _get_process(self) -> Any:
        process = current_process()
        self._process = made = RecordProcess(process.ident, process.name)
        return made

    def _get_level(self, no: int) -> Any:
        _bound(self._levels)
        self._levels[no] = level = record_level(no, None)
        return level

    def _get_site(self, code: Any, lasti: int, names: dict[str, Any]) -> Site:
        _bound(self._sites)
        line = next((number for start, end, number in code.co_lines() if start <= lasti < end), None)
        site = Site(code, text_of(names.get("__name__")), code.co_name, line or code.co_firstlineno, code.co_filename)
        self._sites[id(code), lasti] = site
        return site

    def _get_thread(self, thread: Any) -> Any:
        known, key = self._threads, id(thread)
        _bound(known, 1000)
        made = RecordThread(thread.ident, thread.name)
        known[key] = weakref.ref(thread, lambda _: known.pop(key, None)), made
        return made


def _fields(bound: dict[str, Any] | None, context: dict[str, Any] | None, kwargs: dict[str, Any], more: More | None) -> dict[str, Any]:
    """Return all fields, the nearest to the call last. The dict is nobody else's."""
    fields = dict(context) if context else {}
    if bound:
        fields.update(bound)
    if kwargs and (more is None or more.capture):
        fields.update(kwargs)
    if more is not None and more.fields:
        fields.update(more.fields)
    return fields


def _shorten(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if type(value) not in (int, bool, float) and (type(value) is not str or len(value) > LONGEST):
            fields[name] = _short(value)


def _short(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return shortened(value)
    if kind is bytes:
        return value if len(value) <= LONGEST else shortened(value.decode("utf-8", "backslashreplace"))
    if kind is dict:
        return {name: _short(one) for name, one in value.items()}
    return [_short(one) for one in value] if kind is list else value


def _bound(known: dict[Any, Any], most: int = KNOWN) -> None:
    if len(known) >= most:
        known.clear()
