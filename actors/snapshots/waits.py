"""What an actor waits for, read from beside."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from actors._core.future import DONE
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import Control
from actors.snapshots.records import WaitInfo, WaitKind
from actors.snapshots.shown import LONGEST, name_of
from actors.texts import clipped, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.ports import Parker

__all__ = ["Wait", "last_child", "wait_infos", "waits_of"]

MOST = 100  # waits of one actor that are told of: a handler may gather thousands of asks


class Wait(NamedTuple):
    """One thing that an actor waits for.

    Attributes:
        kind: what kind of thing.
        on: the actor, or a text.
        finite: whether the wait has a timeout.
        by: the wait itself: a parker, or the child that is to end. As long as the actor has the same one, it is the same wait.
    """

    kind: WaitKind
    on: Cell | str
    finite: bool
    by: Parker | Cell | None


def waits_of(cell: Cell) -> tuple[Wait, ...]:
    """Return what `cell` waits for at this moment."""
    parker = cell.wait
    if parker is not None:
        futures = parker.futures
        found = (one for future in futures for one in _of_future(future, parker))
        return tuple(islice(found, MOST)) or (Wait(WaitKind.FUTURE, "", parker.finite, parker),)  # resolved at this moment
    child = last_child(cell)
    if child is not None:
        finite = child.guard is not None and (child.guard.kills or child.guard.deadline is not None)
        return (Wait(WaitKind.CHILD, child, finite, child),)
    if not isinstance(cell.current, Control):
        return (Wait(WaitKind.FOREIGN, "", False, None),)
    return ()


def last_child(cell: Cell) -> Cell | None:
    """Return the child whose end `cell`, which is stopping or restarting, waits for."""
    rare = cell.rare
    if rare is None or cell.state not in (Lifecycle.STOPPING, Lifecycle.RESTARTING):
        return None
    child = rare.told
    if child is None or child.state is Lifecycle.STOPPED:
        return None
    end = cell.end
    return None if end is not None and end[0] is DownReason.KILLED else child


def _of_future(future: Future[Any], parker: Parker) -> Iterator[Wait]:
    """Yield what keeps `future` from being resolved: for one that is made of others, each of those that is not done."""
    sources = future._sources if future._gathers is not None else (future,)
    for source in sources:
        if getattr(source, "_state", 0) >= DONE:
            continue
        for kind, on in _about(source):  # a name is a user's, and may be long, or control a terminal
            yield Wait(kind, clipped(plain(on), LONGEST) if isinstance(on, str) else on, parker.finite, parker)


def _about(future: Any) -> tuple[tuple[WaitKind, Cell | str], ...]:
    ends = getattr(future, "_ends", None)
    if ends is not None:
        return ((WaitKind.END, ends),)
    about = getattr(future, "_about", None)
    if about is not None:
        return tuple((WaitKind(kind), on) for kind, on in about.about())
    asked = getattr(future, "_cell", None)
    if asked is not None:
        return ((WaitKind.ANSWER, asked),)
    return ((WaitKind.FUTURE, name_of(type(future))),)


def wait_infos(waits: tuple[Wait, ...], now: float) -> tuple[WaitInfo, ...]:
    """Return waits as records; `now` is the clock's time, from which the first look at each is counted."""
    infos = []
    for kind, on, finite, by in waits:
        seconds = None
        if kind not in (WaitKind.CHILD, WaitKind.FOREIGN):
            parker: Any = by
            if parker.seen is None:
                parker.seen = now  # of two who look at the same moment either may be the first
            seconds = now - parker.seen
        infos.append(WaitInfo(kind, on if isinstance(on, str) else on.path, finite, seconds))
    return tuple(infos)
