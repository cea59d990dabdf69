"""Which lines are wanted: the filters of ``greenroom logs``, and the times and levels that they name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from actors.logs.reading import LEVELS, field_text, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actors.logs.reading import Line

__all__ = ["Wanted", "actor_path", "level_number", "time_of"]

AGO = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
OF_DAY = re.compile(r"\d\d:\d\d(:\d\d([.,]\d+)?)?")
# How a line of the logging actor begins.
STARTS = (b'{"time": "', b'{"time":"')
# What would be written as an escape in JSON, or may stand for bytes that are no text: no bytes to look for.
UNSURE = re.compile('[\x00-\x1f"\\\\\ufffd]')
WORDS = re.compile("[a-z]{2,}")
NUMBERS = ("infinity", "nan")  # may be written otherwise


class Wanted:
    """What a line must have to be wanted; what is not given, it need not have.

    Args:
        actors: one of these actors, or an actor below it. ``*`` stands for one name or a part of it, ``**`` for any number of names.
        correlations: one of these correlation ids.
        level: at least this level, as a number.
        since: not before this time, in seconds since the epoch.
        until: not after this time.
        events: one of these events; ``*`` stands for anything.
        grep: each of these texts in its message, in a field, ``key=value``, or in its exception; upper and lower case are the same.
    """

    __slots__ = ("_actors", "_checks", "_correlations", "_events", "_grep", "_level", "_needles", "_since", "_until", "_words")

    def __init__(
        self,
        *,
        actors: Sequence[str] = (),
        correlations: Sequence[str] = (),
        level: int | None = None,
        since: float | None = None,
        until: float | None = None,
        events: Sequence[str] = (),
        grep: Sequence[str] = (),
    ) -> None:
        self._actors = _any([_below(path) for path in actors])
        self._correlations = frozenset(correlations)
        self._level = level
        self._since = since
        self._until = until
        self._events = _any([_starred(name, ".*") for name in events])
        self._grep = [text.casefold() for text in grep]
        self._checks = list(self._conditions())
        groups = [
            _bytes_of([_beginning(path) for path in actors]),
            _bytes_of(correlations, '"'),
            _bytes_of([name.partition("*")[0] for name in events]),
            () if level is None else (*(f'"{name}"'.encode() for name, no in LEVELS.items() if no >= level), b'"no"'),
        ]
        self._needles = [group for group in groups if group]
        words = {word for text in self._grep for word in WORDS.findall(text)}
        self._words = [word.encode() for word in sorted(words) if not any(word in number for number in NUMBERS)]

    def wants(self, line: Line) -> bool:
        """Return whether a line has all that is asked for."""
        return all(check(line) for check in self._checks)

    def may_want(self, raw: bytes) -> bool:
        """Return False only for a line that `wants` would refuse, after a glance at its bytes."""
        for needles in self._needles:
            for needle in needles:
                if needle in raw:
                    break
            else:
                # Nothing else in JSON can stand for what is looked for.
                return b"\\u" in raw or b"\\/" in raw
        if self._words and not self._may_have_words(raw):
            return False
        return not ((self._since is not None or self._until is not None) and self._is_out_of_time(raw))

    def _may_have_words(self, raw: bytes) -> bool:
        lower = raw.lower()
        for word in self._words:
            if word not in lower:
                return not raw.isascii() or b"\\u" in raw
        return True

    def _is_out_of_time(self, raw: bytes) -> bool:
        for start in STARTS:
            if raw.startswith(start):
                break
        else:
            return False
        if raw.count(b'"time"') != 1 or b"\\u" in raw:
            return False  # of two keys with the same name, the last one counts
        at = moment(raw[len(start) : raw.find(b'"', len(start))].decode("ascii", "replace"))
        return at is not None and not self._is_in_time(at)

    def _is_in_time(self, at: float) -> bool:
        return (self._since is None or self._since <= at) and (self._until is None or at <= self._until)

    def _conditions(self) -> Iterator[Callable[[Line], bool]]:
        if self._level is not None:
            least = self._level
            yield lambda line: line.no is not None and line.no >= least
        if self._since is not None or self._until is not None:
            yield lambda line: line.at is not None and self._is_in_time(line.at)
        if self._correlations:
            yield lambda line: line.correlation in self._correlations
        if (actors := self._actors) is not None:
            yield lambda line: line.actor is not None and actors.fullmatch(line.actor) is not None
        if (events := self._events) is not None:
            yield lambda line: line.event is not None and events.fullmatch(line.event) is not None
        if self._grep:
            yield lambda line: _has(line, self._grep)


def actor_path(text: str) -> str:
    """Return the path of an actor, or a pattern of paths, as it was given.

    Raises:
        ValueError: it does not begin with a slash.
    """
    if not text.startswith("/"):
        msg = f"{text} is no path of an actor: it begins with a slash, like /{text}; /**/{text} is one at any depth"
        raise ValueError(msg)
    return text


def level_number(text: str) -> int:
    """Return the number of a level, which may be given by name.

    Raises:
        ValueError: there is no such level.
    """
    if text.upper() in LEVELS:
        return LEVELS[text.upper()]
    if text.isascii() and text.isdigit() and len(text) < len("1000000"):
        return int(text)
    msg = f"{text} is no level: it is one of {', '.join(LEVELS)}, or a number, which is what other levels have"
    raise ValueError(msg)


def time_of(text: str, now: float) -> float:
    """Return the time that is meant, in seconds since the epoch.

    Args:
        text: a date, a date and time, a time of day, which is the last time that it was that time, or like ``10m``, which is ten
            minutes ago. What names no zone is of this machine's zone.
        now: the current time.

    Raises:
        ValueError: it is none of these.
    """
    today = datetime.fromtimestamp(now, UTC).astimezone()
    try:
        if ago := AGO.fullmatch(text):
            return now - timedelta(**{UNITS[ago[2]]: float(ago[1])}).total_seconds()
        if OF_DAY.fullmatch(text):
            at = datetime.combine(today.date(), time.fromisoformat(text))
            if at.timestamp() > now:
                at -= timedelta(days=1)
            return at.timestamp()
    except (ValueError, OverflowError):
        pass
    else:
        if (found := moment(text)) is not None:
            return found
    msg = f"{text} is no time: it is like 2024-05-31, 2024-05-31T14:30:00, 14:30, or 10m (s, m, h, d or w ago)"
    raise ValueError(msg)


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL) if patterns else None


def _starred(text: str, star: str) -> str:
    return star.join(re.escape(part) for part in text.split("*"))


def _below(path: str) -> str:
    parts: list[str] = []
    for name in path.split("/"):
        if name == "**":
            if parts[-1:] != ["(?:/[^/]+)*"]:
                parts.append("(?:/[^/]+)*")
        elif name:
            parts.append("/" + ("[^/]+" if name == "*" else _starred(name, "[^/]*")))
    return "".join(parts) + "(?:/.*)?"


def _beginning(path: str) -> str:
    """What a path that matches begins with in JSON: the names before the first one with a star."""
    names: list[str] = []
    for name in filter(None, path.split("/")):
        if "*" in name:
            break
        names.append(f"/{name}")
    return "".join(names) or "/"


def _bytes_of(texts: Sequence[str], end: str = "") -> tuple[bytes, ...]:
    """How values that begin so stand in a line; nothing if that is not sure for all of them."""
    if any(UNSURE.search(text) for text in texts):
        return ()
    try:
        return tuple(f'"{text}{end}'.encode() for text in texts)
    except UnicodeEncodeError:
        return ()


def _has(line: Line, texts: list[str]) -> bool:
    parts = [line.message, *(f"{key}={field_text(value)}" for key, value in line.fields.items())]
    if line.exception is not None:
        kind, message, traceback = line.exception
        parts += [f"{kind}: {message}", traceback]
    folded = [part.casefold() for part in parts]
    return all(any(text in part for part in folded) for text in texts)
