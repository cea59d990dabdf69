"""`Log.catch`: log what a function or a block raises."""

from __future__ import annotations

import functools
import inspect
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from actors._core.frozen import Captured
from actors._core.log import Log, More

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Catcher"]


class Catcher:
    """See `Log.catch`."""

    def __init__(
        self,
        log: Log,
        exception: Any,
        level: str | int,
        reraise: bool,  # noqa: FBT001  # as `Log.catch` was given it
        onerror: Callable[[BaseException], object] | None,
        exclude: Any,
        default: Any,
        message: str,
    ) -> None:
        self._log = log
        self._exception = exception
        self._level = log._desk.number(level)
        self._reraise = reraise
        self._onerror = onerror
        self._exclude = exclude
        self._default = default
        self._message = message
        self._depth = 2  # the frame of the ``with``; a decorated function is one further up

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> bool:
        if error is None or not isinstance(error, self._exception) or (self._exclude and isinstance(error, self._exclude)):
            return False
        no, name = self._level
        if self._log._desk.level <= no:
            more = More()
            more.level, more.exception, more.record = name, Captured.of(error), True
            Log._put(self._log, no, self._message, (), {}, more, self._depth)
        if self._onerror is not None:
            self._onerror(error)
        return not self._reraise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> bool:
        return self.__exit__(kind, error, traceback)

    def __call__(self, function: Any) -> Any:
        """Decorate a function, coroutine function, generator function or class's method."""
        if inspect.isclass(function):
            msg = f"catch() is not valid for the class {function.__qualname__}: decorate its methods, or use it around a `with`"
            raise TypeError(msg)
        catcher = copy(self)
        catcher._depth = self._depth + 1
        caught: Any
        if inspect.iscoroutinefunction(function):

            async def caught_async(*args: Any, **kwargs: Any) -> Any:
                with catcher:
                    return await function(*args, **kwargs)
                return catcher._default

            caught = caught_async

        elif inspect.isgeneratorfunction(function):

            def caught_generator(*args: Any, **kwargs: Any) -> Any:
                with catcher:
                    return (yield from function(*args, **kwargs))
                return catcher._default

            caught = caught_generator

        else:

            def caught_plain(*args: Any, **kwargs: Any) -> Any:
                with catcher:
                    return function(*args, **kwargs)
                return catcher._default

            caught = caught_plain

        return functools.wraps(function)(caught)
