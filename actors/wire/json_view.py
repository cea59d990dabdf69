"""A payload as JSON, with nothing lost: its nodes as they are in the format, written while they are read."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING

from actors.wire.tokens import ARRAY, BINARY, TEXT, Malformed, bounds, check_end, text_of, token

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

__all__ = ["json_pieces"]


def json_pieces(payload: bytes, error: str | None = None) -> Iterator[str]:
    """Yield the members of a JSON object in pieces: ``"message"``, ``"sections"`` and ``"error"``.

    Arrays are arrays, with their tags; bytes are ``{"bytes": "..."}`` in base64, and floats that JSON does not have ``{"float": "nan"}``.
    Everything is in ASCII, so that no terminal finds more in it than text.

    Args:
        payload: any bytes. Of what is broken, what comes before is written.
        error: what is wrong with the frame that it was in.
    """
    at: int | None = None
    sections: list[tuple[int, int]] = []
    start, end = 0, len(payload)
    yield '"message": '
    try:
        start, end, sections = bounds(memoryview(payload))
    except Malformed as found:
        yield "null"
        error, at = error or found.why, found.at
    else:
        trouble = yield from _value(payload, start, end)
        if trouble is not None:
            error, at = error or trouble.why, trouble.at
    yield ', "sections": ['
    for index, (begin, stop) in enumerate(sections):
        yield f"{', ' if index else ''}{_bytes(payload[begin:stop])}"
    yield f'], "error": {json.dumps(None if error is None else {"why": error, "payload_offset": at})}'


def _value(data: bytes, at: int, end: int) -> Generator[str, None, Malformed | None]:
    """Yield a value; return what is wrong with it."""
    left: list[int] = []  # of each array around, how many elements are still to come
    comma = ""
    trouble: Malformed | None = None
    try:
        while True:
            (kind, value, after), lie = _token(data, at, end)
            trouble = trouble or lie
            yield f"{comma}[" if kind == ARRAY else f"{comma}{_scalar(data, kind, value, after)}"
            comma = ", "
            if kind == ARRAY:
                left.append(value + 1)  # and itself
                comma = ""
            at = after
            while left:
                left[-1] -= 1
                if left[-1]:
                    break
                left.pop()
                yield "]"
                comma = ", "
            else:
                check_end(at, end)
                return trouble
    except Malformed as error:
        if not left and not comma:
            yield "null"
        yield "]" * len(left)
        return trouble or error


def _token(data: bytes, at: int, end: int) -> tuple[tuple[int, Any, int], Malformed | None]:
    """Return an element; of one that says it is longer than it can be, what is there is written."""
    try:
        return token(data, at, end), None
    except Malformed as error:
        if error.rest is None:
            raise
        return error.rest, error


def _scalar(data: bytes, kind: int, value: Any, after: int) -> str:
    if kind == TEXT:
        return json.dumps(text_of(data, value, after))
    if kind == BINARY:
        return _bytes(data[value:after])
    if type(value) is float and not math.isfinite(value):
        return json.dumps({"float": repr(value)})
    return json.dumps(value)


def _bytes(data: bytes) -> str:
    return json.dumps({"bytes": base64.b64encode(data).decode("ascii")})
