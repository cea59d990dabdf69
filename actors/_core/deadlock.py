"""Deadlocks between actors, found before the asker blocks.

Every actor whose handler waits notes what for in `cell.wait`. A new wait is checked before it begins: if every way it could end
leads back to actors that can only be ended by it, nobody will ever move. So it is when a handler waits for the graceful end, or the
restart, of an actor that it descends from: that one waits for its children. An actor that is stopping or restarting waits for one child
after the other; each time it turns to the next, it is checked as if it began a wait. Waits with a finite timeout end by themselves, and
reentrant actors, channels and open reply handles answer while they wait, so none of these is an edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.events import DeadlockFound
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.mutex import Mutex
from actors.errors import ActorRestarting, DeadlockError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.ports import Parker

__all__ = ["begin_wait", "check_end", "refuse_own_end"]

OWN_END = "the stop or restart was begun and goes on: do not wait for it in a handler that it waits for; use self.stop() or block=False"

# Orders all writes of a parker to `cell.wait` against all walks: of two actors that close a cycle at the same moment, the later one
# sees the earlier one's edge. Held for the walk only; no user code runs under it.
_lock = Mutex()


def renew() -> None:
    """Make the lock anew, in a forked child."""
    global _lock  # noqa: PLW0603
    _lock = Mutex()


def begin_wait(cell: Cell, parker: Parker, futures: tuple[Future[Any], ...], *, finite: bool) -> None:
    """Note that `cell` now waits in `parker` for any of `futures`. The caller sets ``cell.wait = None`` afterwards.

    Raises:
        DeadlockError: the wait could never end. Nothing is noted then.
    """
    parker.futures = futures
    parker.finite = finite
    with _lock:
        # Nearly every wait is for one actor that waits for nobody: no cycle then.
        debtor = futures[0].debtor()
        free = len(futures) == 1 and (debtor is None or (debtor is not cell and debtor.wait is None and _last_child(debtor) is None))
        free = free and futures[0]._gathers is None
        above = None if finite else _forebear_ending(cell, futures)
        if above is not None:
            cycle = [cell, above, cell]
        elif free or finite:
            cycle = []
        else:
            cycle = _find_cycle(cell, parker)
        if not cycle:
            # Invariant: a wait that others see is entered: a killer may end it from now on.
            cell.wait = parker
    if cycle:
        if cell.system.ports.dispatcher is not None:
            cell.system.ports.dispatcher.entangled(tuple(cycle))
        raise _found(cell, cycle, futures[0])


def refuse_own_end(cell: Cell, future: Future[Any]) -> None:
    """Raise DeadlockError if `future` is the end of the reentrant actor `cell`, in a handler of which this is, or of one above it.

    A reentrant actor answers while it waits; but it ends only after its handlers have returned, and one above it after it.
    """
    if future._ends is cell and not future.done():
        raise _found(cell, [cell, cell], future)
    above = _forebear_ending(cell, (future,))
    if above is not None:
        raise _found(cell, [cell, above, cell], future)


def _forebear_ending(cell: Cell, futures: tuple[Future[Any], ...]) -> Cell | None:
    """Return the actor above `cell` whose end or restart is all that `cell` would wait for, if there is one."""
    ending = futures[0]._ends
    if ending is None or len(futures) > 1 or futures[0].done():
        return None
    above = cell.parent
    while above is not None and above is not ending:
        above = above.parent
    return above


def check_end(cell: Cell) -> None:
    """Fail a wait that keeps `cell`, which has just told a child to stop, from ever ending or restarting.

    The wait is that of the first actor below `cell` whose handler waits; it gets the DeadlockError for what it waits for.
    """
    with _lock:
        cycle = _find_cycle(cell, None)
        waiter, wait = next(((one, one.wait) for one in cycle if one.wait is not None), (cell, None))
    if wait is None:
        return
    error = _error(cycle, wait.futures[0])
    if wait.futures[0].try_fail(error):
        _publish(waiter, error)


def give_up_on_siblings(cell: Cell) -> None:
    """Fail what the handler of `cell`, which is to come down, waits for of siblings that are down: they come up only after it is down."""
    wait, guard = cell.wait, cell.guard
    if wait is None or guard is None:
        return
    for future in wait.futures:
        owing = future.debtor()
        other = owing.guard if owing is not None else None
        if owing is not None and other is not None and other.held and other.owner is guard.owner:
            future.try_fail(ActorRestarting(owing.label(), other.retry_after(owing)))


def _found(cell: Cell, cycle: list[Cell], future: Future[Any]) -> DeadlockError:
    """Return the error for `cell`, whose wait for `future` would close `cycle`, having published it. Without a lock."""
    error = _error(cycle, future)
    _publish(cell, error)
    return error


def _publish(cell: Cell, error: DeadlockError) -> None:
    events = cell.system.events
    if not events.idle:
        events.publish(DeadlockFound(error.cycle, cell.ref, error))


def _error(cycle: list[Cell], future: Future[Any]) -> DeadlockError:
    """Return the error for a wait for `future` that would close `cycle`."""
    several = len({stuck.system for stuck in cycle}) > 1
    paths = tuple(f"{stuck.system.name}:{stuck.path}" if several else stuck.path for stuck in cycle)
    return DeadlockError(paths) if future._ends is None else DeadlockError(paths, OWN_END)


def _last_child(cell: Cell) -> Cell | None:
    """Return the child whose end `cell`, which is ending or restarting, waits for."""
    if cell.state is not Lifecycle.STOPPING and cell.state is not Lifecycle.RESTARTING:
        return None
    child = cell.rare.told if cell.rare is not None else None
    killed = cell.end is not None and cell.end[0] is DownReason.KILLED  # and so are its children, which ends any wait
    return None if child is None or killed or child.state is Lifecycle.STOPPED else child


def _debtors(cell: Cell, wait: Parker | None) -> tuple[list[Cell], bool] | None:
    """Return the actors that owe what `cell` waits for, and whether it needs all of them; None if it need not wait for them.

    That is, it does not wait at all, or its wait can end in another way.
    """
    if wait is None:
        child = _last_child(cell)
        return None if child is None else ([child], False)
    if wait.finite or cell.reentrant:
        return None
    if len(wait.futures) == 1 and wait.futures[0]._gathers:
        owing = [debtor for source in wait.futures[0]._sources if (debtor := source.debtor()) is not None]
        return (owing, True) if owing else None
    owing = []
    for future in wait.futures:
        for source in future._sources if future._gathers is False else (future,):
            debtor = source.debtor()
            if debtor is not None:
                owing.append(debtor)
            elif source is future or not source.done():  # of several asks, one that has failed does not count
                return None
    return (owing, False) if owing else None


def _find_cycle(cell: Cell, parker: Parker | None) -> list[Cell]:
    """Return a cycle of waits that nothing can end and that `cell` would depend on; or an empty list.

    Args:
        cell: where to begin.
        parker: what its handler would wait in; None if it waits for a child to end.
    """
    owed: dict[Cell, tuple[list[Cell], bool]] = {}
    todo = [cell]
    while todo:
        one = todo.pop()
        if one in owed:
            continue
        debtors = _debtors(one, parker if one is cell else one.wait)
        if debtors is None:
            continue
        owed[one] = debtors
        todo.extend(debtors[0])
    # Whoever waits for an actor that can still move can still move itself: take those away until nothing changes.
    changed = True
    while changed:
        movable = [one for one, (debtors, every) in owed.items() if (all if every else any)(debtor not in owed for debtor in debtors)]
        for one in movable:
            del owed[one]
        changed = bool(movable)
    return _walk(cell, owed) if cell in owed else []


def _walk(cell: Cell, owed: dict[Cell, tuple[list[Cell], bool]]) -> list[Cell]:
    """Follow the first edges from `cell` until an actor comes twice; return from its first time on."""
    trail: list[Cell] = []
    one = cell
    while one not in trail:
        trail.append(one)
        one = next(debtor for debtor in owed[one][0] if debtor in owed)
    return [*trail[trail.index(one) :], one]
