"""What a pool makes its workers of: a class, a class with arguments, or a function of one message."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

from actors._core.actor import Actor
from actors.routers.workers.functions import AsyncFunctionWorker, FunctionWorker, ReentrantFunctionWorker

__all__ = ["Recipe", "recipe_of"]

WHAT = "an Actor class, a functools.partial of one, or a function of one message"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a worker is made.

    Attributes:
        actor_class: its class.
        args: of its ``__init__``.
        kwargs: likewise.
        function: what it calls, if it was made for a function.
        is_async: whether it runs on an event loop.
    """

    actor_class: type[Actor]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None
    function: Any = None
    is_async: bool = False


def recipe_of(worker: object, concurrency: int = 1) -> Recipe:
    """Return how to make workers of what a pool was given.

    Args:
        worker: see `WHAT`.
        concurrency: messages that one worker may be at.

    Raises:
        TypeError: `worker` is none of these, or an async function hides where nobody would await it.
        ValueError: `worker` is a plain function, and `concurrency` is more than 1.
    """
    given, args, kwargs = worker, (), {}
    if isinstance(worker, functools.partial):
        given, args, kwargs = worker.func, worker.args, worker.keywords
    if isinstance(given, type):
        if not issubclass(given, Actor):
            msg = f"worker={worker!r} is not valid: {given.__qualname__} is no actors.Actor; use {WHAT}"
            raise TypeError(msg)
        return Recipe(given, args, dict(kwargs) or None, is_async=given._greenroom_async)
    return _of_function(worker, concurrency)


def _of_function(function: Any, concurrency: int) -> Recipe:
    if not callable(function):
        msg = f"worker={function!r} is not valid: use {WHAT}"
        raise TypeError(msg)
    _check_signature(function)
    call = inspect.unwrap(function.func if isinstance(function, functools.partial) else function)
    code = (call, type(call).__call__)
    if any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in code):
        msg = f"worker={function!r} is not valid: a generator gives many results, and a message has one; return a list"
        raise TypeError(msg)
    if any(inspect.iscoroutinefunction(one) for one in code):
        kind = ReentrantFunctionWorker if concurrency > 1 else AsyncFunctionWorker
        return Recipe(kind, (function,), None, function, is_async=True)
    if concurrency > 1:
        msg = f"concurrency={concurrency!r} is not valid: a plain function is at one message at a time; use a larger size, or an async one"
        raise ValueError(msg)
    return Recipe(FunctionWorker, (function,), None, function)


def _check_signature(function: Any) -> None:
    """Raise TypeError unless `function` can be called with one message."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of many built-in functions nobody knows
        return
    try:
        signature.bind(None)
    except TypeError as error:
        msg = f"worker={function!r} is not valid: it is called with one message, but {error}"
        raise TypeError(msg) from None
