"""JSON lines: one object a line, only with what there is to tell."""

from __future__ import annotations

import json
import re
import time as clock
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from actors._core.frozen import shortened, text_of
from actors.logs.levels import NUMBERS
from actors.logs.record import UNSAFE, zone_at

if TYPE_CHECKING:
    from actors.logs.record import Record, Site, Who

__all__ = ["JsonLines"]

_OTHERS = re.compile("[^\x00-\x7f]+")  # in a JSON line they stand within texts only
_quoted = encode_basestring  # the C function behind json.dumps, for text alone


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else text_of(value)


_dumped = json.JSONEncoder(ensure_ascii=False, default=_text, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _site_json(site: Site) -> str:
    site.json = made = f',"logger":{_quoted(site.name)},"function":{_quoted(site.function)},"line":{site.line}'
    return made


def _who_json(who: Who) -> str:
    who.json = made = f',"system":{_quoted(who.system)},"actor":{_quoted(who.path)},"class":{_quoted(who.class_name)}'
    return made


def _plain(value: Any) -> Any:
    """Return a value that JSON has a form for; its nan and infinities are none."""
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 10_000:  # noqa: PLR2004  # Python refuses to print more
        return f"<a whole number of {value.bit_length()} bits>"
    return value


class JsonLines:
    """Makes JSON lines of records. One thread at a time.

    Args:
        ascii_only: for where not every character can be written: others are JSON's escapes.
    """

    def __init__(self, *, ascii_only: bool = False) -> None:
        self._ascii_only = ascii_only
        self._second = -1
        self._names: Any = None  # replaced by `time.tzset`
        self._start = self._shown = self._zone = ""

    def time(self, seconds: float) -> str:
        """Return a time in ISO 8601, with microseconds and zone."""
        micro = self._micro(seconds)
        return f"{self._start}.{micro:06d}{self._zone}"

    def local(self, seconds: float) -> str:
        """Return a time for people, with milliseconds."""
        micro = self._micro(seconds)
        return f"{self._shown}.{micro // 1000:03d}"

    def _micro(self, seconds: float) -> int:
        """Return the microseconds, rounded as `datetime` does; the second is the present one then."""
        second = int(seconds // 1)
        micro = round((seconds - second) * 1e6)
        if micro == 1_000_000:  # noqa: PLR2004  # so near to the next one
            second, micro = second + 1, 0
        if second != self._second or clock.tzname is not self._names:
            self._begin(second)
        return micro

    def _begin(self, second: int) -> None:
        zone = zone_at(second)
        offset = int(zone.utcoffset(None).total_seconds()) // 60
        self._start = clock.strftime("%Y-%m-%dT%H:%M:%S", clock.gmtime(second + offset * 60))
        self._shown = self._start.replace("T", " ")
        self._zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
        self._second, self._names = second, clock.tzname

    def line(self, record: Record) -> str:
        """Return a record as a line, with its end."""
        who, site, more = record.who, record.site, record.more
        parts = [f'{{"time":"{self.time(record.time)}","level":{_quoted(record.level.name)},"message":{_quoted(record.message)}']
        if record.level.name not in NUMBERS:
            parts.append(f',"no":{record.no}')
        if who is not None:
            parts.append(f'{who.json or _who_json(who)},"incarnation":{record.incarnation}')
        if record.correlation is not None:
            parts.append(f',"correlation":{_quoted(record.correlation)}')
        if more is not None and more.event is not None:
            parts.append(f',"event":{_quoted(more.event)}')
        parts.append(site.json or _site_json(site))
        parts.append(f',"thread":{_quoted(record.thread.name)},"process":{record.process.id}')
        if record.fields:
            parts.append(f',"fields":{_fields(record.fields)}')
        if record.exception is not None:
            parts.append(f',"exception":{_exception(record)}')
        parts.append("}")
        line = "".join(parts)
        if not line.isascii():  # what JSON leaves as it is, and some take for the end of a line, or terminals for a command
            line = _OTHERS.sub(_escaped, line) if self._ascii_only else UNSAFE.sub(_escape, line)
        return line + "\n"


def _escaped(match: re.Match[str]) -> str:
    return encode_basestring_ascii(match.group())[1:-1]


def _fields(fields: dict[str, Any]) -> str:
    try:
        return _dumped(fields)
    except (ValueError, TypeError):
        return _dumped(_plain(fields))


def _exception(record: Record) -> str:
    captured = record.exception
    assert captured is not None
    return _dumped({"type": captured.name, "message": shortened(captured.text), "traceback": captured.traceback()})
