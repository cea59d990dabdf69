"""JSON lines: what they say, and their order in time. Pure: it opens no file and prints nothing."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush, merge
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actors.logs.wanted import Wanted

__all__ = ["LEVELS", "Failure", "Found", "Line", "Splitter", "Tally", "field_text", "matches", "merged", "moment", "ordered", "parse"]

LEVELS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "SUCCESS": 25, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
WINDOW = 10_000  # lines of a file that are put in order at once
LONGEST = 1 << 24  # bytes; what has no end of line for longer is no log, and must not fill the memory
TRACEBACK = "Traceback (most recent call last)"

TEXT, NUMBER = (str,), (int,)
# The keys of a line and the types of their values. What is of another type, or has another name, is a field.
KEYS: dict[str, tuple[type, ...]] = {
    "time": TEXT,
    "level": TEXT,
    "no": NUMBER,
    "message": TEXT,
    "system": TEXT,
    "actor": TEXT,
    "class": TEXT,
    "incarnation": NUMBER,
    "correlation": TEXT,
    "event": TEXT,
    "logger": TEXT,
    "function": TEXT,
    "line": NUMBER,
    "thread": (str, int),
    "process": (str, int),
    "fields": (dict,),
    "exception": (dict,),
}


class Failure(NamedTuple):
    """An exception, as a line tells of it; the traceback is empty if it has none."""

    type: str
    message: str
    traceback: str


# A named tuple and no frozen dataclass: one is made for each of millions of lines, and takes a fraction of the time.
class Line(NamedTuple):
    """What a JSON line says; None for what it does not.

    `at` is its time in seconds since the epoch, `no` the number of its level. `fields` has its fields, and whatever else it has
    that is not one of the keys that the logging actor writes.
    """

    at: float | None
    level: str | None
    no: int | None
    message: str
    system: str | None
    actor: str | None
    incarnation: int | None
    correlation: str | None
    event: str | None
    logger: str | None
    fields: dict[str, Any]
    exception: Failure | None


class Found(NamedTuple):
    """A line that matches: its time in seconds since the epoch, its number in its file, and itself as it stands there.

    A line without a time has that of the line that matched before it. The line is kept as it was written: what it says takes ten
    times the memory.
    """

    at: float
    number: int
    raw: bytes


@dataclass(slots=True)
class Tally:
    """What was seen of a file so far: `lines` counts all of them, `bad` those that are no JSON object, `first_bad` is a line number."""

    lines: int = 0
    bad: int = 0
    first_bad: int | None = None
    last_at: float = -math.inf

    def refuse(self) -> None:
        """Count the line being looked at as one that is no JSON object."""
        self.bad += 1
        if self.first_bad is None:
            self.first_bad = self.lines


class Splitter:
    """Makes lines of the bytes of a file, piece by piece. A line that is far too long is cut off, so that it is no JSON line."""

    __slots__ = ("_rest", "_skipping")

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > LONGEST:
            lines.append(self._rest[:1])
            self._rest = b""
            self._skipping = True
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line, which has no end, if there is one; what is fed next begins a new line."""
        lines = [self._rest] if self._rest else []
        self._rest = b""
        self._skipping = False
        return lines


def parse(raw: bytes) -> Line | None:
    """Return what a line says, or None if it is no JSON object. Lines as loguru serializes them are understood as well."""
    try:
        data = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if type(data) is not dict:
        return None
    if type(data.get("record")) is dict and type(data.get("text")) is str:
        data = _of_loguru(data["record"], data["text"])
    known: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for key, value in data.items():
        if type(value) in KEYS.get(key, ()):
            known[key] = value
        elif value is not None or key not in KEYS:
            fields[key] = value
    get = known.get
    level, no, exception = get("level"), get("no"), get("exception")
    return Line(
        moment(known["time"]) if "time" in known else None,
        level,
        LEVELS.get(level or "") if no is None else no,
        get("message", ""),
        get("system"),
        get("actor"),
        get("incarnation"),
        get("correlation"),
        get("event"),
        get("logger"),
        {**fields, **get("fields", {})},
        None if exception is None else _failure(exception),
    )


def moment(text: str) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 time, of this machine's zone if it names none; None if it is no time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def field_text(value: Any) -> str:
    """Return the value of a field as text: a text itself, anything else as JSON."""
    if type(value) is str:
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def matches(lines: Iterable[bytes], wanted: Wanted, tally: Tally) -> Iterator[Found]:
    """Yield those of some lines of a file that are wanted, as they stand, and count all of them.

    A line that cannot be wanted is not looked into: it is only counted as bad if it does not begin and end as an object does.
    """
    may_want, wants = wanted.may_want, wanted.wants
    for raw in lines:
        tally.lines += 1
        if not may_want(raw):
            if raw[:1] != b"{" or raw[-1:] != b"}":
                text = raw.strip()
                if text and not (text.startswith(b"{") and text.endswith(b"}")):
                    tally.refuse()
            continue
        line = parse(raw)
        if line is None:
            if raw.strip():
                tally.refuse()
        elif wants(line):
            if line.at is not None:
                tally.last_at = line.at
            yield Found(tally.last_at, tally.lines, raw)


def ordered(batches: Iterable[list[bytes]], wanted: Wanted, tally: Tally, window: int = WINDOW) -> Iterator[Found]:
    """Yield the lines of a file that are wanted in the order of time, those of the same time in the order of the file.

    Lines that stand less than `window` lines apart come out in order; a line that is further behind comes out late. So many lines
    at most are held back.
    """
    waiting: list[Found] = []
    for batch in batches:
        for found in matches(batch, wanted, tally):
            heappush(waiting, found)
            if len(waiting) > window:
                yield heappop(waiting)
        while waiting and waiting[0].number <= tally.lines - window:
            yield heappop(waiting)
    waiting.sort()
    yield from waiting


def merged(streams: Iterable[Iterator[Found]]) -> Iterator[Found]:
    """Yield the lines of several files, each in order, in the order of time; of the same time, those of the earlier file first."""
    return merge(*streams, key=_at)


def _at(found: Found) -> float:
    return found.at


def _failure(data: dict[str, Any]) -> Failure:
    kind, message, traceback = (data.get(key) for key in ("type", "message", "traceback"))
    return Failure(*("" if one is None else field_text(one) for one in (kind, message, traceback)))


def _of_loguru(record: dict[str, Any], text: str) -> dict[str, Any]:
    """The keys of a line, from what loguru serializes; what is bound there by the names of our keys counts as these."""

    def part(key: str, name: str) -> Any:
        inside = record.get(key)
        return inside.get(name) if type(inside) is dict else None

    extra = record.get("extra")
    data: dict[str, Any] = dict(extra) if type(extra) is dict else {}
    found = {"time": part("time", "repr"), "level": part("level", "name"), "message": record.get("message"), "logger": record.get("name")}
    data |= {key: value for key, value in found.items() if type(value) is str}
    if type(no := part("level", "no")) is int:
        data["no"] = no
    if type(record.get("exception")) is dict:
        start = text.find(TRACEBACK)
        traceback = text[start:] if start >= 0 else ""
        data["exception"] = {"type": part("exception", "type"), "message": part("exception", "value"), "traceback": traceback}
    return data
