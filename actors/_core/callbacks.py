"""Functions that users hand over to be called where nobody awaits them."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.future import Future

__all__ = ["check_callback", "report_callback", "wait_for_all"]

logger = logging.getLogger("actors")


def check_callback(name: str, callback: object, what: str) -> None:
    """Raise TypeError unless `callback` is callable and plain: the coroutine of an async one would never run."""
    if not callable(callback):
        msg = f"{name}={callback!r} is not valid: {what}"
        raise TypeError(msg)
    if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__):
        msg = f"{name}={callback!r} is not valid: nobody would await it; pass a plain function, such as one that tells an async actor"
        raise TypeError(msg)


def report_callback(future: Future[Any], callback: Any, error: BaseException) -> None:
    """Publish that a callback raised; without a system to publish to, log it."""
    cell = future._cell
    if cell is not None:
        cell.system.callback_failed(callback, error)
    else:
        logger.error("callback %r of a future raised", callback, exc_info=error)


def wait_for_all(sources: list[Future[Any]], call: Callable[[], object]) -> None:
    """Call `call()` when all of `sources` are resolved."""
    left = list(range(len(sources)))

    def one_is_done(_: Future[Any]) -> None:
        if left.pop() == 0:  # exactly one caller gets the 0, and it is the last
            call()

    for source in sources:
        source.add_done_callback(one_is_done)
