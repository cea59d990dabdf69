"""Actors that call a function with each message: the workers of a pool that was given a function.

Three, for a class decides once how its actors run: on a thread of its own, on the event loop, or there at several messages at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.options import DispatcherKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["AsyncFunctionWorker", "FunctionWorker", "ReentrantFunctionWorker"]


class FunctionWorker(Actor, dispatcher=DispatcherKind.THREAD):
    """Calls a plain function with each message, on a thread of its own: the function may block as it likes."""

    use_daemon_thread = True

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def on_receive(self, message: Any) -> Any:
        """Return what the function makes of `message`."""
        return self._function(message)


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
