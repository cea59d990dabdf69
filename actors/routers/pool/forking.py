"""What a pool is in a forked child: nothing that can be used. Its workers are elsewhere, and so may be who holds its lock."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

from actors.errors import ForkedError

if TYPE_CHECKING:
    from actors.routers.pool.books import Books

__all__ = ["ForkedLock", "inherit"]

_inherited: weakref.WeakSet[Books] = weakref.WeakSet()  # by a child that this process may fork

inherit = _inherited.add  # have the books refuse in a child


class ForkedLock:
    """What nobody gets."""

    def __init__(self, system: str) -> None:
        self._system = system

    def __enter__(self) -> None:
        """Refuse."""
        raise ForkedError(self._system)

    def __exit__(self, *_: object) -> None:
        """Nobody has it."""


def _after_fork() -> None:
    for books in list(_inherited):
        books.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
