"""Which actor is running here: the cell of the calling greenlet, thread or task."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from greenlet import getcurrent, greenlet

from actors.errors import NotInActorError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = [
    "Delivery",
    "Strand",
    "bind_task",
    "bind_worker",
    "correlation_of",
    "current_cell",
    "current_entry",
    "current_reply",
    "deliver",
    "forget_entry",
    "require_cell",
    "take_reply",
]


class _Worker(Protocol):
    cell: Cell | None


class Strand(greenlet):
    """A greenlet that runs turns for a worker; it stays with the worker's thread for life."""

    worker: _Worker


class _Local(threading.local):
    worker: _Worker | None = None


# The worker whose handlers run on this thread's own stack.
_local = _Local()

# (runner, thread id) in asyncio tasks. The thread id keeps a copy of the context that travelled to another thread
# (asyncio.to_thread) from speaking in the actor's name there.
_bound: ContextVar[tuple[_Worker, int] | None] = ContextVar("greenroom_runner", default=None)


def bind_worker(worker: _Worker) -> None:
    """Let `worker` say which cell runs on the calling thread, for the thread's life."""
    _local.worker = worker


def bind_task(runner: _Worker) -> None:
    """Let `runner` say which cell runs in the calling asyncio task, for the task's life."""
    _bound.set((runner, threading.get_ident()))


def current_cell() -> Cell | None:
    """Return the cell whose handler or hook is running here, None outside of any."""
    here: Any = getcurrent()
    if type(here) is Strand:
        return here.worker.cell
    worker = _local.worker
    if worker is not None:
        return worker.cell
    bound = _bound.get()
    if bound is not None and bound[1] == threading.get_ident():
        return bound[0].cell
    return None


def require_cell(cell: Cell) -> None:
    """Raise NotInActorError unless `cell` is the one running here."""
    if current_cell() is not cell:
        raise NotInActorError(cell.path)


class Delivery:
    """The message one task of a reentrant actor is at; other actors are at one message at a time and keep it in the cell."""

    __slots__ = ("current", "reply")

    def __init__(self, entry: Any, reply: Future[Any] | None) -> None:
        self.current = entry
        self.reply = reply


_delivery: ContextVar[Delivery | None] = ContextVar("greenroom_delivery", default=None)


def deliver(delivery: Delivery) -> None:
    """Make `delivery` the one this task is at."""
    _delivery.set(delivery)


def _holder(cell: Cell) -> Any:
    if cell.reentrant:
        return _delivery.get() or cell
    return cell


def current_entry(cell: Cell) -> Any:
    """Return the mailbox entry being handled here, None between messages or once it was stashed."""
    return _holder(cell).current


def current_reply(cell: Cell) -> Future[Any] | None:
    """Return the future that the handler running here still has to answer."""
    return _holder(cell).reply


def take_reply(cell: Cell) -> None:
    """Relieve the handler running here from answering."""
    _holder(cell).reply = None


def forget_entry(cell: Cell) -> None:
    """Drop the message being handled here; somebody else accounts for it."""
    holder = _holder(cell)
    holder.current = holder.reply = None


def correlation_of(cell: Cell) -> str | None:
    """Return the correlation id of the message being handled, None if it has none."""
    entry = current_entry(cell)
    if type(entry) is not tuple or len(entry) <= 3:  # noqa: PLR2004  # not a traced entry
        return None
    return cell.system.correlation_text(entry[3])
