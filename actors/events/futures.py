"""Futures that the bus makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.future import Future

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ports import Ports

__all__ = ["new_future"]


def new_future(ports: Ports, asked: Cell | None = None) -> Future[Any]:
    """Return a future that nobody has resolved; `asked` is who will, if that is one actor."""
    future: Future[Any] = Future()
    future._cell = asked
    if ports.dispatcher is not None:
        ports.dispatcher.adopt(future)  # before anybody listens to it
    return future
