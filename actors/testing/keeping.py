"""Failures of `simulate` tests are kept in hypothesis's example database, if hypothesis is there, and tried first the next time."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["forget", "keep", "kept"]

MOST = 10  # tokens of one test


def _database() -> Any:
    """Return the database of hypothesis's current settings, None if there is none."""
    if "hypothesis" not in sys.modules:
        return None
    from hypothesis import settings  # noqa: PLC0415  # only where tests use it anyway

    return settings().database


def _key(test: Callable[..., object]) -> bytes:
    return sha256(f"greenroom {test.__module__}.{test.__qualname__}".encode()).digest()


def kept(test: Callable[..., object]) -> list[str]:
    """Return the tokens kept of `test`, the shortest first."""
    database = _database()
    tokens = [] if database is None else [value.decode("ascii", "replace") for value in database.fetch(_key(test))]
    return sorted(tokens, key=lambda token: (len(token), token))[:MOST]


def keep(test: Callable[..., object], token: str) -> None:
    """Keep the token of a failure."""
    database = _database()
    if database is not None:
        database.save(_key(test), token.encode())


def forget(test: Callable[..., object], token: str) -> None:
    """Forget a token that is of no use any more."""
    database = _database()
    if database is not None:
        database.delete(_key(test), token.encode())
