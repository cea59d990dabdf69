"""Which actor is running here: the cell of the calling greenlet, thread or task."""

from __future__ import annotations

from contextvars import Context, ContextVar
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from greenlet import getcurrent, greenlet

from actors._core.messages import IDLE, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.messages import Stashed

__all__ = [
    "Delivery",
    "Strand",
    "bind",
    "binding",
    "bound_worker",
    "correlation_key",
    "correlation_of",
    "current_cell",
    "current_entry",
    "current_reply",
    "deliver",
    "forget_entry",
    "handling",
    "in_context",
    "incarnation_here",
    "origin_of",
    "take_reply",
]


class _Worker(Protocol):
    @property
    def cell(self) -> Cell | None:
        """What the worker is at."""


class Strand(greenlet):  # type: ignore[misc]  # greenlet has no types
    """A greenlet that runs turns for a worker; it stays with the worker's thread for life."""

    worker: Any


# (who, thread id): the worker of a thread whose handlers run on its own stack, or the runner of an asyncio task. The thread id keeps
# a copy of the context that travelled to another thread (asyncio.to_thread) from speaking in the actor's name there.
_bound: ContextVar[tuple[_Worker, int] | None] = ContextVar("greenroom_runner", default=None)


binding = _bound.get  # None where certainly no handler runs, but for one on a strand


def bind(worker: _Worker) -> None:
    """Let `worker` say which cell runs in this context: that of a worker thread, or of an asyncio task."""
    _bound.set((worker, get_ident()))


def bound_worker() -> _Worker | None:
    """Return the worker or runner bound to this context on this thread, None on a strand or outside of any handler."""
    bound = _bound.get()
    return bound[0] if bound is not None and bound[1] == get_ident() else None


def in_context(cell: Cell, call: Callable[..., Any], *arguments: Any) -> Any:
    """Run ``call(*arguments)`` in the actor's own context if its class asked for one, else here."""
    if not cell.options.own_context:
        return call(*arguments)
    rare = cell.extras()
    if rare.context is None:
        rare.context = Context()
    bound = _bound.get()
    if bound is not None:
        rare.context.run(_bound.set, bound)  # the context has to know who runs in it
    return rare.context.run(call, *arguments)


def current_cell() -> Cell | None:
    """Return the cell whose handler or hook is running here, None outside of any."""
    try:
        here: Any = getcurrent()
    except RuntimeError:  # a finalizer at the very end of the interpreter: greenlet has ended before
        return None
    if type(here) is Strand:
        return here.worker.cell
    bound = _bound.get()
    if bound is not None and bound[1] == get_ident():
        return bound[0].cell
    return None


class Delivery:
    """The message one task of a reentrant actor is at; other actors are at one message at a time and keep it in the cell."""

    __slots__ = ("begun", "current", "incarnation", "reply")

    def __init__(self, entry: Any, reply: Future[Any] | None, incarnation: int) -> None:
        self.current = entry
        self.reply = reply
        self.incarnation = incarnation
        self.begun = False  # a task that is cancelled before its first step never handles its message


_PLAIN = ("message", "future", "note")  # the fields of an Entry that is not traced

_delivery: ContextVar[Delivery | None] = ContextVar("greenroom_delivery", default=None)

# The entry that an async actor is at. A task made by its handler keeps a copy, and so can tell when that message is over.
_handled: ContextVar[Any] = ContextVar("greenroom_handled", default=None)


def deliver(delivery: Delivery) -> None:
    """Make `delivery` the one this task is at."""
    _delivery.set(delivery)


handling = _handled.set  # for the task of an async actor, before each message

_NOTHING = Delivery(IDLE, None, 0)


def _holder(cell: Cell) -> Any:
    if cell.reentrant:
        return _delivery.get() or cell
    runner = cell.rare.runner if cell.rare is not None else None
    if runner is None or runner.here() or _handled.get() is cell.current:
        return cell
    return _NOTHING  # a task left over from a message before: the one being handled now is none of its business


def current_entry(cell: Cell) -> Any:
    """Return the mailbox entry being handled here; a Control between messages, in hooks, or once it was stashed."""
    return _holder(cell).current


def incarnation_here(cell: Cell) -> int:
    """Return the incarnation of `cell` that the handler running here is of: a former one, if it has outlived that."""
    return int(_holder(cell).incarnation)


def current_reply(cell: Cell) -> Future[Any] | None:
    """Return the future that the handler running here still has to answer."""
    return _holder(cell).reply


def take_reply(cell: Cell) -> None:
    """Relieve the handler running here from answering."""
    _holder(cell).reply = None


def forget_entry(cell: Cell, stashed: Stashed) -> None:
    """Drop the message being handled here; the stash accounts for it."""
    holder = _holder(cell)
    holder.current = stashed
    holder.reply = None


def origin_of(cell: Cell) -> tuple[Any, ...]:
    """Return the three fields that make an `Entry` a part of what the message being handled brought about; none if untraced."""
    entry = current_entry(cell)
    if not cell.system.config.tracing or not isinstance(entry, tuple) or len(entry) <= len(_PLAIN):
        return ()
    return entry[-3], None, 0


def correlation_key(cell: Cell) -> Any:
    """Return what the text of the correlation id is made of, None if the message being handled has none."""
    rare = cell.rare
    # Only actors of an event loop have a runner, and may be at several messages.
    entry = cell.current if rare is None or rare.runner is None else current_entry(cell)
    if type(entry) is tuple:
        return entry[1] if cell.system.config.tracing else None
    return entry[-3] if type(entry) is Entry and len(entry) > len(_PLAIN) else None


def correlation_of(cell: Cell) -> str | None:
    """Return the correlation id of the message being handled, None if it has none."""
    entry = current_entry(cell)
    if not cell.system.config.tracing or not isinstance(entry, tuple) or len(entry) <= len(_PLAIN):
        return None
    return cell.system.ports.ids.text_of(entry[-3])
