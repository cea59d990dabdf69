"""How the tools against failure call what they are given: plain functions here, async ones there, and never one for the other."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["call_async", "call_plain", "check_async", "check_callable", "check_plain", "is_async"]


def check_callable(name: str, function: object) -> None:
    """Raise TypeError unless `function` can be called."""
    if not callable(function):
        msg = f"{name}={function!r} is not valid: a function"
        raise TypeError(msg)


def is_async(function: object) -> bool:
    """Tell whether calling `function` gives a coroutine, as far as one can see."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def check_plain(function: object, instead: str) -> None:
    """Raise TypeError unless `function` can be called, and is not async or a generator as far as one can see."""
    check_async(function)
    if is_async(function):
        msg = f"function={function!r} is not valid: nobody would await it here; write `await {instead}`"
        raise TypeError(msg)


def check_async(function: object) -> None:
    """Raise TypeError unless `function` can be called, and is no generator as far as one can see."""
    check_callable("function", function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        msg = f"function={function!r} is not valid: a generator, which does nothing when it is called; give a function that reads it"
        raise TypeError(msg)


def call_plain(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], instead: str) -> Any:
    """Return what `function` returns; raise TypeError if that is a coroutine, which has not done anything yet."""
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        result.close()
        msg = f"function={function!r} is not valid: it returned a coroutine that nobody would await; write `await {instead}`"
        raise TypeError(msg)
    return result


async def call_async(function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any], instead: str) -> Any:
    """Return what awaiting the result of `function` gives; raise TypeError if that cannot be awaited."""
    result = function(*args, **kwargs)
    if not inspect.isawaitable(result):
        kind = type(result).__name__
        msg = f"function={function!r} is not valid: it returned {kind}, which cannot be awaited; for plain functions there is {instead}"
        raise TypeError(msg)
    return await result
