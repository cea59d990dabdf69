"""A made-up record, with which a format is tried before it is used."""

from __future__ import annotations

import threading
from typing import Any

from actors._core.log import More
from actors.logs.record import Maker, Record

__all__ = ["probe_record"]


class _Anything(str):
    """A field that has whatever a format asks for."""

    __slots__ = ()

    def __getitem__(self, _: object) -> _Anything:
        return self

    def __getattr__(self, name: str) -> _Anything:
        return self

    def __format__(self, spec: str) -> str:
        return ""


class _Fields(dict[str, Any]):
    """Fields of any name: which ones lines will have, nobody knows before."""

    def __missing__(self, name: str) -> _Anything:
        return _Anything()


def probe_record() -> Record:
    """Return a record as one outside of any actor would make it, with all fields that a format may ask for."""
    more = More()
    more.where = ("module", "function", 1, "module.py", "MainThread", threading.get_ident())
    record = Maker().make((0.0, 20, "a line to try the format with", (), {}, None, None, None, 0, None, None, 0, {}, None, more))
    record.fields = _Fields()
    return record
