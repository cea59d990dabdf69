"""Requests over the bus: several are asked, and the first answer counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from actors._core.sending import ask_at_once
from actors.errors import MailboxFullError
from actors.events.futures import new_future

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.events.records import BusEvent

__all__ = ["ask_all", "ask_now"]


def ask_now(cell: Cell, request: BusEvent[Any]) -> Future[Any]:
    """Ask an actor without ever waiting for room in its mailbox; the future fails if there is none, or if the actor is dead."""
    try:
        return ask_at_once(cell, request)
    except (MailboxFullError, pykka.ActorDeadError) as error:
        failed = new_future(cell.system.ports, cell)
        failed.try_fail(error)
        return failed


def ask_all(cells: list[Cell], request: BusEvent[Any], reply: Future[Any]) -> None:
    """Resolve `reply` with the first answer of `cells`; if none of them has one, with the failure that came last.

    Whatever resolves `reply`, the asks that are left are cancelled.
    """
    left = list(range(len(cells)))  # list.pop: exactly one failure gets the 0, and it is the last

    def answered(ask: Future[Any]) -> None:
        error = ask.exception()
        if error is None:
            reply.try_set(ask.get())
        elif left.pop() == 0:
            reply.try_fail(error)

    asks = [ask_now(cell, request) for cell in cells]
    for ask in asks:
        ask.add_done_callback(answered)

    def cancel_rest(_: Future[Any]) -> None:
        for ask in asks:
            if not ask.done():
                ask.cancel()

    reply.add_done_callback(cancel_rest)
