"""Every order once: of runs that differ only in the order of steps that do not depend on each other, one is made.

Optimal dynamic partial-order reduction with sleep sets and wakeup trees: Abdulla, Aronsson, Jonsson and Sagonas, "Source Sets: A
Foundation for Optimal Dynamic Partial Order Reduction", JACM 64 (2017). A step here is what is a process there: it is enabled by
the step that sent its message, and depends on the other steps of its actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.testing.footprint import Footprints, conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.footprint import Event, Footprint
    from actors.testing.network import Pending
    from actors.testing.world import World

    Tree = dict[int, tuple[Footprint, Any]]  # by the name of a step: what it touches, and the tree of what is to follow it

__all__ = ["EveryOrder", "PrunedError"]


class PrunedError(BaseException):
    """Ends a run that leads nowhere new. A BaseException, so that no scenario hides it."""


class _Node:
    """One step of the runs that are made at the moment, and what else is to be tried in its place."""

    __slots__ = ("current", "done", "sleep", "tree")

    def __init__(self, current: int, sleep: dict[int, Footprint], tree: Tree) -> None:
        self.current = current
        self.sleep = sleep  # steps that need not be tried here: runs that begin with them were made before
        self.done: dict[int, Footprint] = {}  # steps that were tried here
        self.tree = tree  # steps that are to be tried here, `current` among them


class EveryOrder:
    """A strategy for one run after the other, until there is none left.

    Attributes:
        pruned: whether the last run was cut short because it led nowhere new.
    """

    def __init__(self) -> None:
        self.pruned = False
        self._stack: list[_Node] = []
        self._names: dict[Any, int] = {}
        self._reduces = True
        self._misfit = False

    def attach(self, world: World) -> None:
        """Begin with a run, in `world`."""
        self._world = world
        self._prints = Footprints(world, self._names, reduces=self._reduces)
        self.pruned = self._misfit = False

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Follow the plan; after its end, take what has waited longest and need not sleep."""
        depth = len(self._prints.events)
        if depth == len(self._stack):
            self._stack.append(self._new_node(enabled))
        current = self._stack[depth].current
        for index, one in enumerate(enabled):
            if one.name == current:
                return index
        del self._stack[depth + 1 :]
        self.pruned = self._misfit = True
        raise PrunedError

    def _new_node(self, enabled: Sequence[Pending]) -> _Node:
        sleep: dict[int, Footprint] = {}
        tree: Tree = {}
        if self._stack:
            former = self._stack[-1]
            touched = self._prints.events[-1].footprint
            sleep = {name: step for name, step in (former.sleep | former.done).items() if not conflict(step, touched)}
            tree = former.tree[former.current][1]
        possible = {one.name for one in enabled}
        for name in [name for name in tree if name not in possible or name in sleep]:
            del tree[name]
        for one in enabled:
            if not tree and one.name not in sleep:
                tree[one.name] = ({}, {})
        if not tree:
            self.pruned = True
            raise PrunedError
        return _Node(next(iter(tree)), sleep, tree)

    def advance(self) -> bool:
        """Plan the next run; return False if there is none."""
        if self._reduces and self._world.looked:
            # The scenario looks at actors between steps, so that all of their orders count.
            self._reduces = False
            self._stack.clear()
            return True
        events = self._prints.events
        if not self.pruned:
            for early, late in self._prints.races():
                self._plan(events, early, late)
        while self._stack:
            node = self._stack[-1]
            del node.tree[node.current]
            if not self._misfit:
                node.done[node.current] = events[len(self._stack) - 1].footprint
            self._misfit = False
            if node.tree:
                node.current = next(iter(node.tree))
                return True
            self._stack.pop()
        return False

    def _plan(self, events: list[Event], early: int, late: int) -> None:
        """See to it that a run has the step `late` instead of `early`, unless there was or will be one."""
        node = self._stack[early]
        steps = [index for index in range(early + 1, len(events)) if not events[index].before >> early & 1]
        steps.append(late)
        if any(_may_begin(name, touched, steps, events) for name, touched in (node.sleep | node.done).items()):
            return
        tree = node.tree
        while steps:
            for name, (touched, below) in tree.items():
                if _may_begin(name, touched, steps, events):
                    if not below:
                        return
                    steps = [index for index in steps if events[index].name != name]
                    tree = below
                    break
            else:
                for index in steps:
                    below = {}
                    tree[events[index].name] = (events[index].footprint, below)
                    tree = below
                return


def _may_begin(name: int, touched: Footprint, steps: list[int], events: list[Event]) -> bool:
    """Tell whether a run of `steps` may as well begin with the step `name`: it is one that none before it leads to, or depends on none."""
    for place, index in enumerate(steps):
        if events[index].name == name:
            return not any(events[index].before >> earlier & 1 for earlier in steps[:place])
    return bool(touched) and not any(conflict(touched, events[index].footprint) for index in steps)
