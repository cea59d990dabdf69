"""What stands between the turn loop and an actor whose class asks for more than plain `on_receive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core import handlers
from actors._core.context import in_context
from actors._core.tracing import TracedReceiver

if TYPE_CHECKING:
    from actors._core.actor import Actor
    from actors._core.cell import Cell

__all__ = ["receiver_of"]


class _Dispatching:
    """Hands each message to the method declared for its type, the rest to `on_receive`."""

    __slots__ = ("_actor", "_cache", "_table")

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._table = actor._greenroom_handlers
        self._cache = actor._greenroom_found

    def on_receive(self, message: Any) -> Any:
        kind = type(message)
        try:
            name = self._cache[kind]
        except KeyError:
            name = self._cache[kind] = handlers.lookup(self._table, kind)
        if name is None:
            return self._actor.on_receive(message)
        return getattr(self._actor, name)(message)


class _InContext:
    """Runs handlers in one contextvars context that is the actor's own."""

    __slots__ = ("_cell", "_inner")

    def __init__(self, cell: Cell, inner: Any) -> None:
        self._cell = cell
        self._inner = inner

    def on_receive(self, message: Any) -> Any:
        return in_context(self._cell, self._inner.on_receive, message)


def receiver_of(cell: Cell, actor: Actor) -> Any:
    """Return what the turn loop shall hand the messages of `actor` to."""
    receiver: Any = _Dispatching(actor) if actor._greenroom_handlers else actor
    if actor._greenroom_options.own_context:
        receiver = _InContext(cell, receiver)
    if cell.system.config.tracing:
        receiver = TracedReceiver(cell, receiver)
    return receiver
