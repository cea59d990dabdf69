"""A made-up record, with which a format is tried before it is used."""

from __future__ import annotations

import threading

from actors._core.log import More
from actors.logs.record import Maker, Record

__all__ = ["probe_record"]


def probe_record() -> Record:
    """Return a record as one outside of any actor would make it."""
    more = More()
    more.where = ("module", "function", 1, "module.py", "MainThread", threading.get_ident())
    return Maker().make((0.0, 20, "a line to try the format with", (), {}, None, None, None, 0, None, None, 0, {}, None, more))
