"""What is otherwise while simulations run: reaching for the real world is refused, and futures note who resolves them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.future import Future
from actors.testing.futures import adopting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["guarded"]

# CPython's audit events, and what they mean.
_REFUSED = {
    "_thread.start_new_thread": "a new thread",
    "_thread.start_joinable_thread": "a new thread",
    "socket.connect": "a socket",
    "socket.bind": "a socket",
    "socket.getaddrinfo": "the name service",
    "subprocess.Popen": "a new process",
    "os.fork": "a new process",
}
_inside: dict[int, list[Callable[[str], NoReturn]]] = {}  # {thread: who refuses there}; each thread writes its own entry
_hooked: list[bool] = []


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if event in _REFUSED:
        refusing = _inside.get(threading.get_ident())
        if refusing:
            refusing[-1](_REFUSED[event])


def _unless_inside(real: Callable[..., Any], what: str) -> Callable[..., Any]:
    """Return `real`, which has no audit event in some versions, refused in simulations."""

    def checked(*args: Any, **kwargs: Any) -> Any:
        refusing = _inside.get(threading.get_ident())
        if refusing:
            refusing[-1](what)
        return real(*args, **kwargs)

    return checked


_lock = threading.Lock()
_replaced: list[tuple[Any, str, Any]] = []  # under the lock: what stands for what while any thread is inside


def _replace(owner: Any, name: str, by: Any) -> None:
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, by)


def _refuse(owner: Any, name: str, what: str) -> None:
    _replace(owner, name, _unless_inside(getattr(owner, name), what))


@contextlib.contextmanager
def guarded(refuse: Callable[[str], NoReturn]) -> Iterator[None]:
    """Have `refuse(what)` called for threads, sockets, processes and real sleeps on this thread for as long as it lasts.

    Meanwhile futures that are made there belong to the simulation. An audit hook cannot be taken away again; outside of simulations it
    only looks the event up.
    """
    here = threading.get_ident()
    with _lock:
        if not _hooked:
            _hooked.append(True)
            sys.addaudithook(_audit)
        if not _inside:
            _refuse(time, "sleep", "time.sleep()")
            _refuse(threading.Thread, "start", "a new thread")
            _refuse(asyncio.events, "new_event_loop", "an event loop of its own")
            _refuse(asyncio, "new_event_loop", "an event loop of its own")
            _replace(Future, "__init__", adopting(Future.__init__))
        _inside.setdefault(here, []).append(refuse)
    try:
        yield
    finally:
        with _lock:
            _inside[here].pop()
            if not _inside[here]:
                del _inside[here]
            if not _inside:
                while _replaced:
                    setattr(*_replaced.pop())
