"""A made-up record, with which a format is tried before it is used."""

from __future__ import annotations

import threading
from typing import Any

from actors._core.desk import More
from actors.logs.record import Maker, Record

__all__ = ["probe_record"]


class _Any:
    """Stands for a field, of which nothing is known."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __format__(self, spec: str) -> str:
        return ""


class _Fields(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return _Any()


def probe_record() -> Record:
    """Return a record as one outside of any actor would make it; it has whatever field a format asks for."""
    more = More()
    more.where = ("module", "function", 1, "module.py", "MainThread", threading.get_ident())
    record = Maker().make((0.0, 20, "a line to try the format with", (), {}, None, None, None, 0, None, None, 0, {}, None, more))
    record.fields = _Fields()
    return record
