"""The types of the standard library that have no parts: both ways."""

from __future__ import annotations

import os
import re
import zoneinfo
from datetime import date, datetime, time, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID as UniversalId  # noqa: N811, TID251  # the tag has the name; no id is made

from actors.errors import CodecError
from actors.wire.sharing import HUGE
from actors.wire.tags import (
    BIGINT,
    BYTEARRAY,
    DATE,
    DATETIME,
    DECIMAL,
    NAMES,
    PATH,
    SURROGATES,
    TIME,
    TIMEDELTA,
    UUID,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding

__all__ = ["ATOMS", "ATOM_DECODERS"]

_MICROSECOND: Final = timedelta(microseconds=1)
_DECIMALS: Final = Context(traps=[InvalidOperation])  # the caller's may let what is no number pass
_ZONE_NAME: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_FLAVOURS: Final[dict[type, str]] = {PosixPath: "P", WindowsPath: "W", PurePosixPath: "p", PureWindowsPath: "w"}
# A path of the other kind of system is read as one to look at.
_PATHS: Final[dict[str, Callable[[str], Any]]] = {
    "P": PosixPath if os.name == "posix" else PurePosixPath,
    "W": WindowsPath if os.name == "nt" else PureWindowsPath,
    "p": PurePosixPath,
    "w": PureWindowsPath,
}


# -- to nodes ------------------------------------------------------------------------------------------------------------------


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _zone(zone: tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is zoneinfo.ZoneInfo and zone.key is not None:
        return zone.key
    if type(zone) is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]  # not in the stubs; what pickle asks for
        if not all(map(_is_text, name)):
            msg = "has a name that is no valid UTF-8"
            raise CodecError(msg, "message.tzinfo")
        return [offset // _MICROSECOND, *name]
    msg = f"is of the class {type(zone).__qualname__}: a datetime.timezone can travel, or a ZoneInfo with a key"
    raise CodecError(msg, "message.tzinfo")


def _datetime(it: datetime, _state: Encoding, _depth: int) -> list[Any]:
    zone = _zone(it.tzinfo)
    return [DATETIME, it.year, it.month, it.day, it.hour, it.minute, it.second, it.microsecond, it.fold, zone]


def _time(it: time, _state: Encoding, _depth: int) -> list[Any]:
    return [TIME, it.hour, it.minute, it.second, it.microsecond, it.fold, _zone(it.tzinfo)]


ATOMS: Final[dict[type, Callable[[Any, Encoding, int], list[Any]]]] = {
    bytearray: lambda it, state, _depth: state.finish(it, [BYTEARRAY, bytes(it)]),
    datetime: _datetime,
    date: lambda it, _state, _depth: [DATE, it.year, it.month, it.day],
    time: _time,
    timedelta: lambda it, _state, _depth: [TIMEDELTA, it.days, it.seconds, it.microseconds],
    Decimal: lambda it, _state, _depth: [DECIMAL, str(it)],
    UniversalId: lambda it, _state, _depth: [UUID, it.bytes],
    **dict.fromkeys(_FLAVOURS, lambda it, _state, _depth: [PATH, _FLAVOURS[type(it)], str(it)]),
}


# -- from nodes ----------------------------------------------------------------------------------------------------------------


def _checked(tag: int, kinds: tuple[Any, ...], make: Callable[..., Any]) -> Callable[[list[Any], Decoding, int], Any]:
    """Return a decoder that looks at number and types of the parts before it calls `make` with them."""
    name, count = NAMES[tag], len(kinds)

    def decode(raw: list[Any], state: Decoding, depth: int) -> Any:
        del state, depth
        parts = raw[1:]
        if len(parts) == count and all(kind is None or type(part) is kind for part, kind in zip(parts, kinds, strict=True)):
            try:
                return make(*parts)
            except (ValueError, OverflowError, ArithmeticError, LookupError) as error:
                msg = f"is no {name}: {error}"
                raise CodecError(msg) from None
        msg = f"is no {name}: it has other parts than one has"
        raise CodecError(msg)

    return decode


@lru_cache(maxsize=1)
def _zones() -> set[str]:
    return zoneinfo.available_timezones()


def _zone_of(raw: Any) -> tzinfo | None:
    if raw is None:
        return None
    if type(raw) is str:
        # Only names that are in the database: ZoneInfo would look for a file, or for a package, by any.
        if not _ZONE_NAME.fullmatch(raw) or raw not in _zones():
            msg = f"the time zone {raw[:100]!r} is not in the IANA database of this machine"
            raise ValueError(msg)
        return zoneinfo.ZoneInfo(raw)
    if type(raw) is list and [type(one) for one in raw] in ([int], [int, str]):
        return timezone(timedelta(microseconds=raw[0]), *raw[1:])
    msg = "its zone is none"
    raise ValueError(msg)


def _datetime_of(*parts: Any) -> datetime:
    *numbers, fold, zone = parts
    return datetime(*numbers, tzinfo=_zone_of(zone), fold=fold)  # type: ignore[misc]  # seven of them


def _time_of(*parts: Any) -> time:
    *numbers, fold, zone = parts
    return time(*numbers, tzinfo=_zone_of(zone), fold=fold)  # type: ignore[misc]  # four of them


def _bigint_of(raw: list[Any], state: Decoding, _depth: int) -> int:
    if len(raw) != 2 or type(raw[1]) is not bytes:  # noqa: PLR2004
        msg = "is no int: it has other parts than one has"
        raise CodecError(msg)
    if len(raw[1]) > HUGE:
        state.huge = True
    return int.from_bytes(raw[1], "big", signed=True)


def _surrogates_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _path_of(raw: list[Any], state: Decoding, depth: int) -> Any:
    text = state.part(raw[2], depth, "") if len(raw) == 3 else None  # noqa: PLR2004
    make = _PATHS.get(raw[1]) if type(text) is str and type(raw[1]) is str else None
    if make is None:
        msg = "is no path: it has other parts than one has"
        raise CodecError(msg)
    return make(text)  # type: ignore[arg-type]


ATOM_DECODERS: Final[dict[int, Callable[[list[Any], Decoding, int], Any]]] = {
    BYTEARRAY: _checked(BYTEARRAY, (bytes,), bytearray),
    BIGINT: _bigint_of,
    SURROGATES: _checked(SURROGATES, (bytes,), _surrogates_of),
    DATETIME: _checked(DATETIME, (*[int] * 8, None), _datetime_of),
    DATE: _checked(DATE, (int, int, int), date),
    TIME: _checked(TIME, (*[int] * 5, None), _time_of),
    TIMEDELTA: _checked(TIMEDELTA, (int, int, int), timedelta),
    DECIMAL: _checked(DECIMAL, (str,), lambda text: Decimal(text, _DECIMALS)),
    UUID: _checked(UUID, (bytes,), lambda data: UniversalId(bytes=data)),
    PATH: _path_of,
}
