"""How records are taken: from beside, of what the kernel keeps.

Nobody is asked and no lock is taken, so whoever looks neither waits for an actor, or for a thread that is stuck, nor holds one up. What is
read may change at the same moment: a container is copied in one step of the interpreter's, and copied again if it changed in the middle.
No code of users runs.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core.bounded import BoundedMailbox
from actors._core.lifecycle import Lifecycle
from actors._core.messages import STOP, Control, Entry
from actors._core.ports import touched
from actors._core.stats import ActorStats, snapshot
from actors.dispatch.blocking import BlockingWorkers
from actors.dispatch.event_loop import LoopHost
from actors.dispatch.pool import Pool
from actors.dispatch.thread import ThreadHost
from actors.process import NoHost
from actors.snapshots.records import ActorInfo, MailboxInfo, MessageInfo, TimerInfo
from actors.snapshots.shown import name_of, shown
from actors.snapshots.tree import Tree
from actors.snapshots.waits import wait_infos, waits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors._core.cell import Cell, Rare
    from actors.runtime import Runtime
    from actors.snapshots.waits import Wait

__all__ = ["Taking", "copied", "info_of", "tree_of"]

HEAD = 5  # messages of a mailbox that are shown
TRIES = 100  # to copy a container, which takes one step: an interpreter lets others in the middle for a garbage collection only

T = TypeVar("T")

_DISPATCHERS = {Pool: "pool", BlockingWorkers: "blocking", ThreadHost: "thread", LoopHost: "event_loop", NoHost: "none"}

_NO_DETAILS: tuple[Any, ...] = (None, *[()] * 7)  # the fields of `ActorInfo` from `handling` to `warnings`


def copied(read: Callable[[], Iterable[T]]) -> list[T]:
    """Return what `read()` gives, read again if another thread changes it in the middle; nothing of what changes each time."""
    for _ in range(TRIES):
        try:
            return list(read())
        except RuntimeError:
            continue
    return []


class Taking:
    """One look at the actors of one system.

    Attributes:
        cells: the living actors, each before its children, in start order.
        infos: their records, in the same order; filled by `take`.
        waits: what those that wait are waiting for.
    """

    def __init__(self, runtime: Runtime, *, detail: bool) -> None:
        self.runtime = runtime
        self.detail = detail
        self.now = runtime.ports.clock.now()
        self.cells: list[Cell] = []
        self.infos: list[ActorInfo] = []
        self.waits: dict[Cell, tuple[Wait, ...]] = {}
        self._counters: dict[tuple[int, Lifecycle, int], ActorStats] = {}
        self._boxes: dict[int, tuple[str, int | None, MailboxInfo]] = {}  # of each set of options: kind, capacity, an empty one

    def take(self) -> tuple[ActorInfo, ...]:
        """Look at all actors; return the records of those at root level."""
        paths: list[str] = []
        parents: list[int] = []
        todo = [(cell, "", -1) for cell in reversed(_children(self.runtime.tree.root))]
        cells = self.cells
        while todo:
            cell, above, parent = todo.pop()
            path = f"{above}/{cell.name if cell.name is not None else cell.get_name()}"
            rare = cell.rare
            if rare is not None and rare.children:
                here = len(cells)
                todo += [(child, path, here) for child in reversed(_children(rare))]
            cells.append(cell)
            paths.append(path)
            parents.append(parent)
        below: dict[int, list[ActorInfo]] = {}
        infos = self.infos
        for place in range(len(cells) - 1, -1, -1):  # children first
            children = below.pop(place, None)
            info = self.info(cells[place], paths[place], tuple(reversed(children)) if children else ())
            infos.append(info)
            parent = parents[place]
            if parent in below:
                below[parent].append(info)
            else:
                below[parent] = [info]
        infos.reverse()
        return tuple(reversed(below.get(-1, ())))

    def info(self, cell: Cell, path: str, children: tuple[ActorInfo, ...] = ()) -> ActorInfo:
        """Return the record of one actor."""
        dispatcher = cell.system.ports.dispatcher
        if dispatcher is not None:
            dispatcher.observed(cell)
        queue, rare = cell.queue, cell.rare
        entries = _entries(queue) if queue else ()
        waiting = len(entries)
        for entry in entries:
            if type(entry) is Entry and entry[0] is STOP:
                waiting -= 1
        stats = snapshot(cell, waiting) if entries or rare is not None else self._simple(cell)
        kind = cell.actor_class
        rest = (*(self._details(cell, rare) if self.detail else _NO_DETAILS), children)
        return ActorInfo(
            path,
            path[path.rindex("/") + 1 :],
            cell.uid,
            kind.__qualname__,
            kind._greenroom_supervises,
            stats.state,
            cell.incarnation,
            rare is not None and rare.paused,
            _DISPATCHERS.get(type(cell.lane.host), "simulated"),
            stats,
            self._mailbox(cell, entries, stats.waiting, stats.stashed),
            *rest,
        )

    def _simple(self, cell: Cell) -> ActorStats:
        """Return the counters of an actor with nothing out of the ordinary: those that have done the same share one record."""
        handled, state, busy = key = (cell.handled, cell.state, 0 if isinstance(cell.current, Control) else 1)
        known = self._counters.get(key)
        if known is None:
            known = self._counters[key] = ActorStats(handled, handled - busy, busy, 0, 0, 0, 0, 0, state)
        return known

    def _mailbox(self, cell: Cell, entries: Iterable[Any], waiting: int, stashed: int) -> MailboxInfo:
        options = cell.options
        known = self._boxes.get(id(options))
        if known is None:
            kind, capacity = type(options.mailbox).__name__.lower(), getattr(options.mailbox, "capacity", None)
            known = self._boxes[id(options)] = (kind, capacity, MailboxInfo(kind, 0, capacity, 0))
        kind, capacity, empty = known
        if not entries and not stashed:
            return empty
        head = tuple(_message(cell, entry) for entry in islice(entries, HEAD)) if self.detail else ()
        return MailboxInfo(kind, waiting, capacity, stashed, head)

    def _details(self, cell: Cell, rare: Rare | None) -> tuple[Any, ...]:
        """Return the fields of `ActorInfo` from `handling` to `warnings`."""
        waits = waits_of(cell)
        if waits:
            self.waits[cell] = waits
        told = wait_infos(waits, self.now) if waits else ()
        if rare is None:
            current = cell.current
            handling = None if isinstance(current, Control) else _message(cell, current)
            return (handling, told, *_NO_DETAILS[2:])
        timers = rare.timers
        return (
            _handled(cell, rare),
            told,
            _timers(timers, self.now) if timers is not None else (),
            tuple(one.path for one in copied(lambda: rare.watchers)),
            tuple(one.path for one in copied(lambda: rare.watching)),
            tuple(one.path for one in copied(lambda: rare.links)),
            tuple(copied(lambda: rare.groups)),
            rare.warnings,
        )


def tree_of(runtime: Runtime, *, detail: bool) -> Tree:
    """Return all actors of a system as they are now."""
    touched(runtime.ports, None)
    taking = Taking(runtime, detail=detail)
    roots = taking.take()
    pool = runtime.pool
    threads = (pool.threads() if pool is not None else 0) + (1 if runtime.loop_thread is not None else 0)
    return Tree(runtime.name, taking.now, runtime.ports.clock.wall(), roots, threads, runtime.dead_letters)


def info_of(cell: Cell) -> ActorInfo:
    """Return what is known of one actor and those below it."""
    touched(cell.system.ports, cell)
    taking = Taking(cell.system, detail=True)
    below: dict[Cell, list[ActorInfo]] = {}
    cells = [cell]
    for one in cells:  # which grows meanwhile
        if one.rare is not None and one.rare.children:
            cells += _children(one.rare)
    for one in reversed(cells[1:]):  # children first
        assert one.parent is not None  # a child
        below.setdefault(one.parent, []).append(taking.info(one, one.path, tuple(reversed(below.pop(one, [])))))
    return taking.info(cell, cell.path, tuple(reversed(below.pop(cell, []))))


def _children(family: Rare) -> list[Cell]:
    return [child for child in copied(family.children.values) if child.state is not Lifecycle.STOPPED]


def _entries(queue: Any) -> list[Any]:
    return copied(queue.glance if isinstance(queue, BoundedMailbox) else lambda: queue)


def _message(cell: Cell, entry: Any) -> MessageInfo:
    """Return the record of an entry of any form."""
    message, future, _ = cell.unwrap(entry)
    sender = correlation = None
    if cell.system.config.tracing and isinstance(entry, tuple) and len(entry) > 3:  # noqa: PLR2004  # with its origin
        sender = entry[-2].path if entry[-2] is not None else None
        correlation = cell.system.ports.ids.text_of(entry[-3])
    return MessageInfo(name_of(type(message)), shown(message), future is not None, sender, correlation)


def _handled(cell: Cell, rare: Rare) -> MessageInfo | None:
    entries: Iterable[Any] = (cell.current,)
    if cell.reentrant:
        entries = [one.current for one in copied(rare.open.values)]
    return next((_message(cell, entry) for entry in entries if not isinstance(entry, Control)), None)


def _timers(timers: Any, now: float) -> tuple[TimerInfo, ...]:
    found = [TimerInfo(shown(one.key), one.due - now, one.interval) for one in copied(timers._timers.values)]
    return tuple(sorted(found, key=lambda timer: timer.due))
