"""`Log.catch`: log what a function or a block raises."""

from __future__ import annotations

import functools
import inspect
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from actors._core.callbacks import check_callback
from actors._core.desk import More
from actors._core.frozen import Captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._core.log import Log

__all__ = ["Catcher"]

F = TypeVar("F", bound="Callable[..., Any]")


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
        _check_types("exception", exception)
        if exclude is not None:
            _check_types("exclude", exclude)
        if onerror is not None:
            check_callback("onerror", onerror, "a function of the exception")
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
            self._log._report(no, self._message, more, self._depth)
        if self._onerror is not None:
            self._onerror(error)
        return not self._reraise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> bool:
        catcher = copy(self)
        catcher._depth += 1
        return catcher.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Decorate a function, coroutine function or generator function, also an async one."""
        if inspect.isclass(function):
            msg = f"catch() is not valid for the class {function.__qualname__}: decorate its methods, or use it around a `with`"
            raise TypeError(msg)
        if not callable(function):
            msg = f"function={function!r} is not valid: catch() decorates functions"
            raise TypeError(msg)
        catcher = copy(self)
        catcher._depth = self._depth + 1
        if inspect.iscoroutinefunction(function):
            made = _async(catcher, function)
        elif inspect.isasyncgenfunction(function):
            made = _async_generator(catcher, function)
        elif inspect.isgeneratorfunction(function):
            made = _generator(catcher, function)
        else:
            made = _plain(catcher, function)
        return cast("F", functools.wraps(function)(made))


def _plain(catcher: Catcher, function: Any) -> Any:
    def caught(*args: Any, **kwargs: Any) -> Any:
        with catcher:
            return function(*args, **kwargs)
        return catcher._default

    return caught


def _async(catcher: Catcher, function: Any) -> Any:
    async def caught(*args: Any, **kwargs: Any) -> Any:
        with catcher:
            return await function(*args, **kwargs)
        return catcher._default

    return caught


def _generator(catcher: Catcher, function: Any) -> Any:
    def caught(*args: Any, **kwargs: Any) -> Any:
        with catcher:
            return (yield from function(*args, **kwargs))
        return catcher._default

    return caught


def _async_generator(catcher: Catcher, function: Any) -> Any:
    async def caught(*args: Any, **kwargs: Any) -> Any:
        with catcher:
            inner = function(*args, **kwargs)
            step = anext(inner)
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield value
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  # thrown in: the generator's to deal with
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)

    return caught


def _check_types(name: str, value: Any) -> None:
    """Raise TypeError unless `value` is what can stand behind ``except``."""
    several = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(one, type) and issubclass(one, BaseException) for one in several):
        msg = f"{name}={value!r} is not valid: a type of exceptions, or a tuple of such"
        raise TypeError(msg)
