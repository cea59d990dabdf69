"""When a failure asks to come back: what clients of HTTP services make of ``Retry-After``, and errors of this framework have themselves."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from actors._core.seconds import LONGEST

__all__ = ["asked_for"]


def asked_for(error: BaseException) -> float | None:
    """Return the seconds after which `error` asks to come back; None if it asks for nothing one can do.

    That is its `retry_after` (seconds, or a `timedelta`); else what the header ``Retry-After`` says, of its `headers` or of those of its
    `response`, where errors of HTTP clients have them. A date there counts from the ``Date`` of the same response: it is the service's
    clock that it goes by.
    """
    try:
        seconds = getattr(error, "retry_after", None)
        if seconds is None:
            seconds = _of_headers(getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", None))
    except Exception:  # noqa: BLE001  # of a stranger's error, or its nonsense: neither may take the place of the error
        return None
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST:
        return None
    return float(seconds)


def _of_headers(headers: Any) -> float | timedelta | None:
    text = None if headers is None else headers.get("Retry-After")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date"))
