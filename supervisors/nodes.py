"""A tree of actors as records, read from what the kernel and the supervisors keep: nobody is asked, so nobody need answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors import ActorRef, ActorSystem, Lifecycle
from actors._core.messages import Control
from actors._core.ports import touched
from actors.texts import error_text
from supervisors.keeper import Keeper
from supervisors.policy import Limit, Strategy
from supervisors.requests import ChildState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum

    from actors._core.cell import Cell
    from supervisors.keeper import Child

__all__ = ["DEEPEST", "TreeNode", "tree"]

DEEPEST = 100  # levels below the first
EXACT = 1000  # messages up to which it is looked whether each counts as waiting
LONGEST = 500  # characters that are kept of an error


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """One actor, or a system, and what is below it.

    Attributes:
        path: the names from the root down, "/" for a system.
        name: its own name.
        kind: the name of its class.
        state: a `Lifecycle`; a `ChildState` where its supervisor knows more than the kernel; a `SystemState`.
        incarnation: 1 for the first instance, one more with each restart in place; 0 without any, and for a system.
        restarts: how often it was restarted.
        waiting: messages in its mailbox.
        handled: messages that it is done with.
        error: what it failed with last, as text; None if it never did.
        strategy: of a supervisor; None for everybody else.
        children: in start order.
        busy: whether it is handling a message.
        recent: of a supervisor, how many restarts count against `limit`.
        limit: of a supervisor; None for everybody else, and for one without.
        retry_after: seconds left of a backoff, None outside of one.
        elided: how many there are below that were not taken in, because they are too deep.
        machine_state: of a state machine, the name of the state it is in; None if it is in none, and for everybody else.
    """

    path: str
    name: str
    kind: str
    state: Enum
    incarnation: int = 0
    restarts: int = 0
    waiting: int = 0
    handled: int = 0
    error: str | None = None
    strategy: Strategy | None = None
    children: tuple[TreeNode, ...] = ()
    busy: bool = False
    recent: int = 0
    limit: Limit | None = None
    retry_after: float | None = None
    elided: int = 0
    machine_state: str | None = None

    def everyone(self) -> Iterator[TreeNode]:
        """Yield this node and all below it, each before its children."""
        todo = [self]
        while todo:
            node = todo.pop()
            yield node
            todo += reversed(node.children)


def tree(of: ActorSystem | ActorRef[Any]) -> TreeNode:
    """Return what there is of a system, or of an actor and those below it, at this moment.

    It waits for nobody: of an actor that is busy or blocked it shows what it is at. Figures of actors that are at work meanwhile may be of
    slightly different moments. Children that a supervisor keeps without an actor, stopped or in backoff, are there, too. Below 100 levels
    it only counts.

    Raises:
        TypeError: `of` is neither.
    """
    if isinstance(of, ActorSystem):
        touched(of.ports, None)
        top = _Draft("/", None, None, 0)
        runtime = of._runtime
    elif isinstance(of, ActorRef):
        cell: Cell = of._target
        touched(cell.system.ports, None)
        top = _Draft(cell.path, cell, _child_of(cell), 0)
        runtime = cell.system
    else:
        msg = f"of={of!r} is not valid: a system, or a ref of an actor"
        raise TypeError(msg)
    drafts = [top]
    for draft in drafts:  # which grows meanwhile
        draft.below = [_Draft(draft.path, *one, draft.depth + 1) for one in _below(runtime, draft)]
        if draft.depth < DEEPEST:
            drafts += draft.below
        else:
            draft.elided = _count(runtime, draft.below)
            draft.below = []
    for draft in reversed(drafts):  # children first
        draft.node = _node(draft) if draft is not top or top.cell is not None else _root(runtime, draft)
    assert top.node is not None  # the last one made
    return top.node


class _Draft:
    """One node while it is put together; `path` is its own for the first, its parent's for the others until `named`."""

    __slots__ = ("below", "cell", "child", "depth", "elided", "node", "path")

    def __init__(self, path: str, cell: Cell | None, child: Child | None, depth: int) -> None:
        self.cell = cell
        self.child = child
        self.depth = depth
        self.path = f"{'' if path == '/' else path}/{self.name}" if depth else path
        self.below: list[_Draft] = []
        self.elided = 0
        self.node: TreeNode | None = None

    @property
    def name(self) -> str:
        if self.cell is not None:
            return self.cell.get_name()
        return (self.child.name or self.child.spec.actor_class.__name__) if self.child is not None else ""


def _child_of(cell: Cell) -> Child | None:
    return cell.guard.child if cell.guard is not None else None


def _below(runtime: Any, draft: _Draft) -> list[tuple[Cell | None, Child | None]]:
    """Return the children of an actor: those that live, and those that its supervisor keeps without an actor."""
    parent = draft.cell
    if parent is None and draft.depth:
        return []
    cells: dict[Cell, None] = dict.fromkeys(runtime.tree.children(parent))
    keeper = parent.actor if parent is not None else None
    found: list[tuple[Cell | None, Child | None]] = []
    if isinstance(keeper, Keeper):
        of_child = {_child_of(cell): cell for cell in cells}
        kept = tuple(keeper._all())  # in one step: the supervisor may change it in its own turn meanwhile
        for child in sorted(kept, key=lambda one: one.number):
            cell = of_child.get(child)
            if cell is not None:
                del cells[cell]
                found.append((cell, child))
            elif child.cell is None:
                found.append((None, child))
    return [*found, *((cell, _child_of(cell)) for cell in cells)]


def _count(runtime: Any, drafts: list[_Draft]) -> int:
    count, cells = len(drafts), [draft.cell for draft in drafts if draft.cell is not None]
    while cells:
        below = runtime.tree.children(cells.pop())
        count += len(below)
        cells += below
    return count


def _root(runtime: Any, draft: _Draft) -> TreeNode:
    return TreeNode(path="/", name=runtime.name, kind=ActorSystem.__name__, state=runtime.state, children=_children(draft))


def _children(draft: _Draft) -> tuple[TreeNode, ...]:
    return tuple(one.node for one in draft.below if one.node is not None)


def _node(draft: _Draft) -> TreeNode:
    cell, child = draft.cell, draft.child
    if cell is None:
        assert child is not None  # the children without an actor are a supervisor's
        return TreeNode(
            path=draft.path,
            name=draft.name,
            kind=child.spec.actor_class.__name__,
            state=child.state,
            restarts=child.restarts,
            error=_text(child.error),
        )
    dispatcher = cell.system.ports.dispatcher
    if dispatcher is not None:
        dispatcher.observed(cell)
    strategy, recent, limit = _supervision(cell)
    rare, guard, under_way = cell.rare, cell.guard, _under_way(cell)
    return TreeNode(
        path=draft.path,
        name=draft.name,
        kind=cell.actor_class.__name__,
        state=_state(cell, child),
        incarnation=cell.incarnation,
        restarts=max(child.restarts if child is not None else 0, rare.restarts if rare is not None else 0),
        waiting=_waiting(cell),
        handled=max(0, cell.handled - under_way),  # counted when taken
        error=_text(_error(cell, child)),
        strategy=strategy,
        children=_children(draft),
        busy=under_way > 0,
        recent=recent,
        limit=limit,
        retry_after=guard.retry_after(cell) if guard is not None and child is not None and child.state is ChildState.WAITING else None,
        elided=draft.elided,
        machine_state=_machine_state(cell),
    )


def _state(cell: Cell, child: Child | None) -> Enum:
    state = cell.state
    if state is Lifecycle.RESTARTING and child is not None and child.state in (ChildState.DOWN, ChildState.WAITING):
        return child.state
    return state


def _machine_state(cell: Cell) -> str | None:
    run = getattr(cell.actor, "_greenroom_run", None)
    place = run.place if run is not None and cell.state not in (Lifecycle.RESTARTING, Lifecycle.STOPPED) else None
    return None if place is None else place.name.name


def _waiting(cell: Cell) -> int:
    queue = cell.queue
    # Of very many it makes no difference whether the marker of a stop is among them; to go through them would.
    return cell.waiting() if len(queue) <= EXACT else len(queue)


def _under_way(cell: Cell) -> int:
    """Return how many messages are being handled."""
    rare = cell.rare
    return len(rare.open) if cell.reentrant and rare is not None else 0 if isinstance(cell.current, Control) else 1


def _error(cell: Cell, child: Child | None) -> BaseException | None:
    if cell.end is not None and cell.end[1] is not None:
        return cell.end[1]
    if cell.rare is not None and cell.rare.cause is not None:
        return cell.rare.cause
    return child.error if child is not None else None


def _text(error: BaseException | None) -> str | None:
    return None if error is None else error_text(error)[:LONGEST]


def _supervision(cell: Cell) -> tuple[Strategy | None, int, Limit | None]:
    """Return the strategy of a supervisor, how many restarts count, and how many may."""
    keeper = cell.actor
    if not isinstance(keeper, Keeper):
        return None, 0, None
    limit = keeper._limit
    strategy = getattr(keeper, "_strategy", Strategy.ONE_FOR_ONE)
    return strategy, keeper._window.look(cell.system.ports.clock.now()), limit
