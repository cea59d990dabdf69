"""Waiting for several futures: for all of them, or for the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from actors._core.future import HOOKED, Future
from actors._core.wait import wait_for_one
from actors.errors import Timeout

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["get_all", "wait_any"]

T = TypeVar("T")


def get_all(futures: Iterable[Future[T]], *, timeout: float | None = None) -> list[T]:
    """Return the values of `futures`, in their order.

    Args:
        futures: what to wait for.
        timeout: seconds to wait at most for each, as in pykka.

    Raises:
        Timeout: one of them took longer.
    """
    return [future.get(timeout=timeout) for future in futures]


def wait_any(futures: Iterable[Future[T]], *, timeout: float | None = None) -> Future[T]:
    """Return the first of `futures` that is resolved; of several that are, the first in order.

    Args:
        futures: what to wait for; at least one.
        timeout: seconds to wait at most.

    Raises:
        Timeout: none was resolved in time.
        DeadlockError: none of them can ever be resolved.
        ValueError: there are none.
    """
    every = tuple(futures)
    for future in every:
        if not isinstance(future, Future):
            msg = f"futures: {future!r} is not a future of this framework"
            raise TypeError(msg)
    if not every:
        msg = "wait_any() needs at least one future"
        raise ValueError(msg)
    while True:
        for future in every:
            if future.done():
                return future
        for future in every:
            if future._state == HOOKED:
                msg = "wait_any() takes futures of asks, not lazy ones of map(), filter(), join() or reduce()"
                raise TypeError(msg)
        if not wait_for_one(every, timeout):
            msg = f"none of {len(every)} futures was resolved within {timeout} seconds"
            raise Timeout(msg)
