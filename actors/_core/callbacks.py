"""Functions that users hand over to be called where nobody awaits them."""

from __future__ import annotations

import inspect

__all__ = ["check_callback"]


def check_callback(name: str, callback: object, what: str) -> None:
    """Raise TypeError unless `callback` is callable and plain: the coroutine of an async one would never run."""
    if not callable(callback):
        msg = f"{name}={callback!r} is not valid: {what}"
        raise TypeError(msg)
    if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__):
        msg = f"{name}={callback!r} is not valid: nobody would await it; pass a plain function, such as one that tells an async actor"
        raise TypeError(msg)
