"""Redaction: a declared rule takes secrets out of every line before any sink sees it."""

from __future__ import annotations

import re
from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.frozen import RedactedError, text_of
from actors.logs.loguru_port import shown_exception

if TYPE_CHECKING:
    from actors.logs.record import Record

__all__ = ["Redact", "Redactor"]

KEYS = ("password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "cookie", "credential", "private_key")


@dataclass(frozen=True, slots=True)
class Redact:
    """What must not be seen in any sink.

    Args:
        keys: fields and arguments whose name has one of these words in it lose their value, whatever case, also within containers.
        patterns: what matches one of these regular expressions is replaced, in messages, fields and tracebacks.
        replacement: what is put there.

    Raises:
        ValueError: a pattern is no regular expression.
        TypeError: keys or patterns are no collections of texts.
    """

    keys: Collection[str] = KEYS
    patterns: Collection[str | re.Pattern[str]] = ()
    replacement: str = "***"

    def __post_init__(self) -> None:
        for name, is_one in (("keys", _is_text), ("patterns", _is_pattern)):
            given = getattr(self, name)
            if isinstance(given, str | bytes) or not isinstance(given, Collection) or not all(is_one(one) for one in given):
                msg = f"{name}={given!r} is not valid: a collection of texts, like ['token']"
                raise TypeError(msg)
        if not all(self.keys):
            msg = f"keys={self.keys!r} is not valid: words that are not empty"
            raise ValueError(msg)
        for one in self.patterns:
            try:
                re.compile(one)
            except re.error as error:
                msg = f"patterns: {one!r} is not valid: {error}"
                raise ValueError(msg) from error
        if not isinstance(self.replacement, str):
            msg = f"replacement={self.replacement!r} is not valid: a text"
            raise TypeError(msg)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_pattern(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, re.Pattern) and isinstance(value.pattern, str))


class Redactor:
    """Applies a rule."""

    def __init__(self, rule: Redact) -> None:
        self._put = rule.replacement
        self._keys = re.compile("|".join(re.escape(key) for key in rule.keys), re.IGNORECASE) if rule.keys else None
        self._patterns = [re.compile(one) for one in rule.patterns]
        self._known: dict[str, bool] = {}

    def secret(self, name: str) -> bool:
        """Tell whether the value of a field of that name is secret. Any thread: what is remembered is the same whoever is first."""
        known = self._known.get(name)
        if known is None:
            known = self._keys is not None and self._keys.search(name) is not None
            if len(self._known) < 10_000:  # noqa: PLR2004  # names may be made up
                self._known[name] = known
        return known

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a message that is still to be formatted."""
        if kwargs and any(self.secret(name) for name in kwargs):
            kwargs = {name: self._put if self.secret(name) else value for name, value in kwargs.items()}
        return args, kwargs

    def fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return fields without secrets."""
        return {name: self._put if self.secret(name) else self._value(value) for name, value in fields.items()}

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        for pattern in self._patterns:
            # Not `sub` with the replacement as a template: it is text.
            text = pattern.sub(lambda _: self._put, text)
        return text

    def _value(self, value: Any) -> Any:
        if type(value) is str:
            return self.text(value)
        if type(value) is dict:
            return self.fields(value)
        if type(value) is list:
            return [self._value(one) for one in value]
        if type(value) is bytes and self._patterns:
            return self.text(value.decode("utf-8", "backslashreplace"))
        if type(value) is int or type(value) is float:  # a card's number may be one
            text = text_of(value)
            safe = self.text(text)
            return value if safe == text else safe
        return value

    def apply(self, record: Record) -> None:
        """Take the secrets out of a record's message and exception. The exception itself, which has them, is not handed on."""
        record.message = self.text(record.message)
        captured = record.exception
        if captured is not None:
            redacted = copy(captured)
            traceback = redacted.told = self.text(captured.whole_traceback())
            redacted.text = self.text(captured.text)
            redacted.error = RedactedError(captured.name, redacted.text, traceback)
            record.exception = redacted
        if record._loguru is not None:  # a patcher's
            record.fields = self.fields(record.fields)
            record._loguru = {
                **record._loguru,
                "message": record.message,
                "extra": record.fields,
                "exception": shown_exception(record.exception),
            }
