"""Where actors are: names, the tree of parents and children, groups."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core import ending
from actors._core.admission import post
from actors._core.cell import Rare
from actors._core.lifecycle import Lifecycle
from actors._core.messages import STOP, Entry
from actors._core.ports import simulated, touched
from actors.errors import ActorDeadError, CodecError, InvalidNameError, MailboxFullError, MutableMessageError, NameTakenError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.mutex import Mutex
    from actors._core.ref import ActorRef

__all__ = ["NAME", "Groups", "Tree"]

NAME = re.compile(r"[A-Za-z0-9_.~+@-]{1,128}")


class Tree:
    """All living actors of one system. Everything here is guarded by the system's lock."""

    def __init__(self, lock: Mutex) -> None:
        self.lock = lock
        self.root = Rare()
        self._uids = 0
        self._living = 0

    def family(self, parent: Cell | None) -> Rare:
        """Return what holds the children of `parent`."""
        return self.root if parent is None else parent.extras()

    def enter(self, cell: Cell, parent: Cell | None, name: str | None) -> None:
        """Give `cell` its uid and its place under `parent`.

        Raises:
            InvalidNameError: `name` is malformed.
            NameTakenError: a living sibling has it.
            ActorDeadError: the parent is ending.
        """
        if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
            raise InvalidNameError(name)
        family = self.family(parent)
        with self.lock:
            former = family.children.get(name) if name is not None else None
            taken = former is not None and former.state is not Lifecycle.STOPPED
            dead = parent is not None and parent.state in (Lifecycle.STOPPING, Lifecycle.STOPPED)
            if not taken and not dead:
                if former is not None:  # it has ended, and is still telling those whom it concerns
                    family.children[former.uid] = former
                self._uids += 1
                cell.uid = self._uids
                cell.name = name
                cell.parent = parent
                family.children[name if name is not None else cell.uid] = cell
                self._living += 1
        if taken:
            raise NameTakenError(str(name), parent.path if parent is not None else "/")
        if dead:
            assert parent is not None
            raise ActorDeadError(f"{parent.label()} is stopping and starts no children", parent.label())

    def leave(self, cell: Cell) -> bool:
        """Take `cell` out of the tree; return whether it was the last actor of the system."""
        family = self.family(cell.parent)
        with self.lock:
            key = cell.name if cell.name is not None and family.children.get(cell.name) is cell else cell.uid
            family.children.pop(key, None)
            self._living -= 1
            return self._living == 0

    def living(self) -> int:
        """Return how many actors there are."""
        return self._living

    def children(self, parent: Cell | None) -> tuple[Cell, ...]:
        """Return the living children of `parent`, in start order."""
        family = self.family(parent)
        with self.lock:
            return tuple(child for child in family.children.values() if child.state is not Lifecycle.STOPPED)

    def everyone(self) -> list[Cell]:
        """Return all living actors, in start order."""
        found: list[Cell] = []
        todo = list(self.children(None))
        while todo:
            cell = todo.pop()
            found.append(cell)
            if cell.rare is not None and cell.rare.children:
                todo.extend(self.children(cell))
        return sorted(found, key=lambda cell: cell.uid)

    def lookup(self, path: str) -> Cell | None:
        """Return the living actor at `path`, None if there is none."""
        if not isinstance(path, str) or not path.startswith("/"):
            msg = f"path={path!r} is not valid: an absolute path like '/parent/child'"
            raise ValueError(msg)
        cell: Cell | None = None
        for name in path.strip("/").split("/"):
            key: str | int = int(name[1:]) if name.startswith("$") and name[1:].isdecimal() else name
            with self.lock:
                family = self.root if cell is None else cell.rare
                cell = family.children.get(key) if family is not None else None
            if cell is None:
                return None
        return cell if cell is None or cell.state is not Lifecycle.STOPPED else None

    def stop_last(self, family: Rare) -> None:
        """Tell the child that was started last to stop, unless the one told before has not ended yet.

        Called again whenever a child has ended, so that children end one after the other in reverse start order.
        """
        while True:
            with self.lock:
                if family.told is not None and family.told.state is not Lifecycle.STOPPED:
                    return
                if not family.leaving:
                    family.leaving = _in_order(list(family.children.values()))
                family.told = child = family.leaving.pop() if family.leaving else None
            if child is None:
                return
            if child.guard is not None:
                ending.end_supervised(child)
                if child.state is not Lifecycle.STOPPED:  # else it has told of its end already
                    return
                continue
            if post(child, Entry((STOP, None, None))) or child.state is not Lifecycle.STOPPED:
                return

    def stop_together(self, cell: Cell) -> None:
        """Tell all children of the supervisor `cell` to end now; what is left is killed, by one timer for each deadline there is."""
        left: dict[float, list[Cell]] = {}
        for child in reversed(self.children(cell)):
            guard = child.guard
            if guard is not None and guard.deadline is not None and not guard.kills:
                left.setdefault(guard.deadline, []).append(child)
                ending.stop(child, None)
            else:
                ending.end_supervised(child)
        clock = cell.system.ports.clock
        now = clock.now()
        timers = [clock.call_at(now + seconds, partial(_kill, those)) for seconds, those in left.items()]
        with self.lock:
            cell.extras_locked().deadlines = timers


def _kill(cells: list[Cell]) -> None:
    for cell in cells:
        if cell.state is not Lifecycle.STOPPED:
            ending.kill(cell)


def _in_order(children: list[Cell]) -> list[Cell]:
    """Return children in the order of their supervisor, which one that succeeds an ended actor has from that."""
    supervised = iter(sorted((one for one in children if one.guard is not None), key=_order))
    return [one if one.guard is None else next(supervised) for one in children]


def _order(child: Cell) -> int:
    assert child.guard is not None  # only those are sorted
    return child.guard.order


def _cell_of(ref: Any) -> Cell:
    cell: Cell | None = getattr(ref, "_target", None)
    if cell is None:
        msg = f"ref={ref!r} is not valid: a ref of an actor of this framework"
        raise TypeError(msg)
    return cell


class Groups:
    """Named sets of actors; an actor leaves its groups when it ends."""

    def __init__(self, lock: Mutex) -> None:
        self._lock = lock
        self._members: dict[str, dict[Cell, ActorRef[Any]]] = {}

    def join(self, name: str, ref: ActorRef[Any]) -> None:
        """Add `ref` to the group `name`, which comes to be with its first member. A dead ref is not added."""
        if not isinstance(name, str) or not name:
            msg = f"name={name!r} is not valid: a text that is not empty"
            raise ValueError(msg)
        touched(simulated(), None)
        cell = _cell_of(ref)
        rare = cell.extras()
        with self._lock:
            if cell.state is not Lifecycle.STOPPED:
                self._members.setdefault(name, {})[cell] = ref
                rare.groups[name] = None

    def leave(self, name: str, ref: ActorRef[Any]) -> None:
        """Take `ref` out of the group `name`, if it is in."""
        touched(simulated(), None)
        cell = _cell_of(ref)
        rare = cell.extras()
        with self._lock:
            rare.groups.pop(name, None)
            self._drop(name, cell)

    def members(self, name: str) -> list[ActorRef[Any]]:
        """Return the members of the group `name` in the order they joined; empty for an unknown group."""
        touched(simulated(), None)
        with self._lock:
            return list(self._members.get(name, {}).values())

    def broadcast(self, name: str, message: Any) -> int:
        """Tell `message` to all members; return how many took it. Members that have just died, or have no room, are passed over.

        Raises:
            MutableMessageError, CodecError: an isolated member cannot be given it; all others have been told.
        """
        told = 0
        refused: MutableMessageError | CodecError | None = None
        for ref in self.members(name):
            try:
                ref.tell(message)
            except (ActorDeadError, MailboxFullError):
                continue
            except (MutableMessageError, CodecError) as error:
                # Not at once: who joined earlier is no reason to be told, and who joined later none to be left out.
                refused = refused or error
                continue
            told += 1
        if refused is not None:
            raise refused
        return told

    def gone(self, cell: Cell) -> None:
        """Take an ended actor out of all its groups."""
        rare = cell.rare
        if rare is None:
            return
        with self._lock:
            for name in rare.groups:
                self._drop(name, cell)
            rare.groups.clear()

    def _drop(self, name: str, cell: Cell) -> None:
        members = self._members.get(name)
        if members is not None:
            members.pop(cell, None)
            if not members:
                del self._members[name]
