"""Futures of the standard library for ours, and the other way round."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from actors._core.future import Future
from actors.errors import AskCancelled

__all__ = ["as_asyncio", "as_concurrent", "attach", "from_concurrent"]

T = TypeVar("T")

_tasks: set[asyncio.Future[Any]] = set()  # event loops hold tasks weakly


def as_concurrent(future: Future[T]) -> concurrent.futures.Future[T]:
    """Return a `concurrent.futures.Future` with the same outcome."""
    other: concurrent.futures.Future[T] = concurrent.futures.Future()

    def copy(done: Future[T]) -> None:
        if done.cancelled():
            other.cancel()
        if not other.set_running_or_notify_cancel():
            return
        error = done.exception()
        if error is None:
            other.set_result(done.get())
        else:
            other.set_exception(error)

    def cancelled(ended: concurrent.futures.Future[T]) -> None:
        if ended.cancelled():
            future.cancel()

    other.add_done_callback(cancelled)
    future.add_done_callback(copy)
    return other


def as_asyncio(future: Future[T]) -> asyncio.Future[T]:
    """Return an `asyncio.Future` of the running loop with the same outcome."""
    return asyncio.wrap_future(as_concurrent(future), loop=asyncio.get_running_loop())


def from_concurrent(other: concurrent.futures.Future[T]) -> Future[T]:
    """Return our future with the same outcome."""
    future: Future[T] = Future()
    attach(other)(lambda value, error: future.try_set(value) if error is None else future.try_fail(error))
    future.add_done_callback(lambda done: other.cancel() if done.cancelled() else None)
    return future


def attach(future: Any) -> Callable[[Callable[[Any, BaseException | None], object]], object]:
    """Return a function that calls its argument with (value, error) once `future`, of any kind, is resolved."""
    if isinstance(future, Future):
        return lambda report: future.add_done_callback(lambda done: report(*_outcome(done)))
    if isinstance(future, concurrent.futures.Future):
        return lambda report: future.add_done_callback(lambda done: report(*_standard_outcome(done)))
    if isinstance(future, asyncio.Future):
        return lambda report: _listen_on_loop(future, lambda done: report(*_standard_outcome(done)))
    if isinstance(future, Awaitable):
        try:
            task = asyncio.ensure_future(future)
        except RuntimeError:
            msg = f"future={future!r}: only an actor on an event loop can wait for an awaitable that is no future"
            raise TypeError(msg) from None
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        return lambda report: task.add_done_callback(lambda done: report(*_standard_outcome(done)))
    msg = f"future={future!r} is not valid: a future of this framework, of concurrent.futures or of asyncio, or an awaitable"
    raise TypeError(msg)


def _listen_on_loop(future: asyncio.Future[Any], call: Callable[[asyncio.Future[Any]], object]) -> None:
    """Call `call(future)` once it is resolved. From any thread, where asyncio's own futures know only that of their loop."""
    loop = future.get_loop()
    if asyncio._get_running_loop() is loop:
        future.add_done_callback(call)
        return
    try:
        loop.call_soon_threadsafe(future.add_done_callback, call)
    except RuntimeError:
        if not future.done():
            msg = f"future={future!r} is not valid: its event loop is closed, so it will never be resolved"
            raise ValueError(msg) from None
        call(future)


def _outcome(future: Future[Any]) -> tuple[Any, BaseException | None]:
    error = future.exception()
    return (None, error) if error is not None else (future.get(), None)


def _standard_outcome(future: Any) -> tuple[Any, BaseException | None]:
    if future.cancelled():
        return None, AskCancelled("the future was cancelled")
    error = future.exception()
    return (None, error) if error is not None else (future.result(), None)
