"""Lines that come from elsewhere: what they have that a line of `Log` has, said in other words."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from actors._core.context import correlation_key, current_cell
from actors._core.desk import DESK, More, context_fields
from actors._core.frozen import Captured

if TYPE_CHECKING:
    from collections.abc import Generator

    from actors._core.cell import Cell

__all__ = ["put", "silenced"]

_silent: set[threading.Thread] = set()  # each adds and discards itself


@contextmanager
def silenced() -> Generator[None, None, None]:
    """Take no line from the calling thread: what the framework logs about logging itself is no news."""
    thread = threading.current_thread()
    _silent.add(thread)
    try:
        yield
    finally:
        _silent.discard(thread)


def put(
    no: int,
    message: str,
    *,
    where: tuple[str, str, int, str],
    level: str | None = None,
    at: float | None = None,
    error: BaseException | None = None,
    fields: dict[str, Any] | None = None,
    event: str | None = None,
    cell: Cell | None = None,
    thread: tuple[str, int | None] | None = None,
    desk: Any = DESK,
    waits: bool = True,
) -> None:
    """Leave a line at the desk, for the actor of `cell`, or else for the one that is running here.

    Args:
        no: the level's number; `level` its name, where the number does not say it.
        message: the whole message.
        where: module, function, line and path.
        level: see `no`.
        at: seconds since the epoch; None: now.
        error: what is reported with it.
        fields: frozen ones.
        event: the name of an event.
        cell: see above.
        thread: name and ident; None: those of the caller's.
        desk: where.
        waits: whether the caller may be slowed down. Not if it holds a lock that others want, who must not wait.
    """
    if desk.level > no:
        return
    caller = threading.current_thread()
    here = current_cell()
    about = cell if cell is not None else here
    if no < desk.refusing:
        desk.refuse(no, about)
        return
    if caller in _silent:
        return
    more = More()
    more.level, more.event, more.fields = level, event, fields
    more.exception = Captured.of(error)
    more.where = (*where, *(thread or (caller.name, caller.ident)))
    correlation = correlation_key(here) if here is not None and about is not None and here.system is about.system else None
    desk.append(
        (
            desk.now() if at is None else at,
            no,
            message,
            (),
            {},
            None,
            None if event is not None else context_fields(),
            about,
            0 if about is None else about.incarnation,
            correlation,
            None,
            0,
            {},
            caller,
            more,
        )
    )
    if len(desk.queue) > desk.calm:
        desk.pressed(waits=waits)
