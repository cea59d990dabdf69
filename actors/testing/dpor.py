"""Every order once: of runs that differ only in the order of steps that do not depend on each other, one is made.

Optimal dynamic partial-order reduction with sleep sets and wakeup trees: Abdulla, Aronsson, Jonsson and Sagonas, "Source Sets: A
Foundation for Optimal Dynamic Partial Order Reduction", JACM 64 (2017). A step here is what is a process there: it is enabled by
the step that sent its message, and depends on the other steps of its actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.testing.footprint import Footprints, conflict
from actors.testing.network import Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from actors.testing.footprint import Event, Footprint
    from actors.testing.network import Pending
    from actors.testing.world import World

    Tree = dict[int, tuple[Footprint, Any]]  # by the name of a step: what it touches, and the tree of what is to follow it

__all__ = ["EveryOrder", "PrunedError"]


LEFT = 1000  # steps after the end of a scenario that are looked at; with more, nothing is proved


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
        complete: whether nothing was passed over so far.
        runs: how many were made so far, but for those that led nowhere new.
    """

    def __init__(self) -> None:
        self.pruned = False
        self.complete = True
        self.runs = 0
        self._known = 0  # pairs, when the runs that count began
        self._stack: list[_Node] = []
        self._names: dict[Any, int] = {}
        self._pairs: dict[int, dict[Hashable, None]] = {}
        self._reduces = True
        self._misfit = False

    def attach(self, world: World) -> None:
        """Begin with a run, in `world`."""
        self._world = world
        self._prints = Footprints(world, self._names, self._pairs, reduces=self._reduces)
        self.pruned = self._misfit = False

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Follow the plan; after its end, take what has waited longest and need not sleep."""
        if self.pruned:  # the scenario goes on all the same
            raise PrunedError
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

    def drain(self) -> None:
        """See what the scenario left. Where nothing is left out, each of those steps has its runs anyway."""
        if self._reduces and not self._world.drain(LEFT):
            self.complete = False

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
            # No race leads to a fault that has not happened yet, so each is tried wherever it may happen.
            if one.name not in sleep and (not tree or one.kind is Kind.FAULT):
                tree.setdefault(one.name, ({}, {}))
        if not tree:
            self.pruned = True
            raise PrunedError
        return _Node(next(iter(tree)), sleep, tree)

    def advance(self) -> bool:
        """Plan the next run; return False if there is none."""
        self.runs += not self.pruned
        # The scenario looks at actors between steps, or a plan did not fit: then nothing is left out.
        looked = self._reduces and (self._world.looked or self._misfit)
        self.complete = self.complete and (self._reduces or not self._misfit)
        known = sum(map(len, self._pairs.values()))
        if looked or known > self._known:  # what was taken for independent is not
            self._reduces = self._reduces and not looked
            self._known = known
            self.runs = 0
            self._stack.clear()
            return True
        if not self.pruned:
            for early, late in self._prints.races():
                self._plan(early, late)
        while self._stack:
            node = self._stack[-1]
            del node.tree[node.current]
            if not self._misfit:
                node.done[node.current] = self._prints.events[len(self._stack) - 1].footprint
            self._misfit = False
            if node.tree:
                node.current = next(iter(node.tree))
                return True
            self._stack.pop()
        return False

    def _plan(self, early: Event, late: Event) -> None:
        """See to it that a run has the step `late` instead of `early`, unless there was or will be one."""
        node = self._stack[early.index]
        steps = [event for event in self._prints.events[early.index + 1 :] if not event.before >> early.index & 1]
        steps.append(late)
        if any(_may_begin(name, touched, steps) for name, touched in (node.sleep | node.done).items()):
            return
        tree = node.tree
        while steps:
            for name, (touched, below) in tree.items():
                if _may_begin(name, touched, steps):
                    if not below:
                        return
                    steps = [event for event in steps if event.name != name]
                    tree = below
                    break
            else:
                for event in steps:
                    below = {}
                    tree[event.name] = (event.footprint, below)
                    tree = below
                return


def _may_begin(name: int, touched: Footprint, steps: list[Event]) -> bool:
    """Tell whether a run of `steps` may as well begin with the step `name`: it is one that none before it leads to, or depends on none."""
    for place, event in enumerate(steps):
        if event.name == name and event.happened:
            return not any(event.before >> earlier.index & 1 for earlier in steps[:place])
        if event.name == name:  # where it did happen, it touched this
            return not any(conflict(touched, earlier.footprint) for earlier in steps[:place])
    return bool(touched) and not any(conflict(touched, event.footprint) for event in steps)
