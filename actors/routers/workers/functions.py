"""Actors that call a function with each message: the workers of a pool that was given a function.

Three, for a class decides once how its actors run: on a thread of its own, on the event loop, or there at several messages at once.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.actor import Actor
from actors._core.options import DispatcherKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["AsyncFunctionWorker", "FunctionWorker", "ReentrantFunctionWorker", "refuse_coroutine"]


def refuse_coroutine(function: object, coroutine: CoroutineType[Any, Any, Any]) -> NoReturn:
    """Raise TypeError for what a plain function has returned: nobody would await it, and only a call shows that it comes."""
    coroutine.close()  # or Python warns that nobody has awaited it
    msg = f"{function!r} is a plain function and has returned a coroutine, which nobody awaits here; make it an `async def`"
    raise TypeError(msg)


class FunctionWorker(Actor, dispatcher=DispatcherKind.THREAD):
    """Calls a plain function with each message, on a thread of its own: the function may block as it likes.

    A coroutine that it returns is refused with TypeError.
    """

    use_daemon_thread = True

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def on_receive(self, message: Any) -> Any:
        """Return what the function makes of `message`."""
        answer = self._function(message)
        if type(answer) is CoroutineType:
            refuse_coroutine(self._function, answer)
        return answer


class AsyncFunctionWorker(Actor, dispatcher=DispatcherKind.EVENT_LOOP):
    """Awaits a coroutine function with each message, one after the other."""

    use_daemon_thread = True

    def __init__(self, function: Callable[[Any], Awaitable[Any]]) -> None:
        super().__init__()
        self._function = function

    async def on_receive(self, message: Any) -> Any:
        """Return what the function makes of `message`."""
        return await self._function(message)


class ReentrantFunctionWorker(AsyncFunctionWorker, reentrant=True):
    """Awaits a coroutine function with several messages at once."""
