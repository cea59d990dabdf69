"""What a machine does: for each innermost state and each event, what is looked at and where it leads. Made once for a class."""

from __future__ import annotations

import inspect
from enum import Enum
from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import History, Kind
from supervisors.machine.events import EventTimeout, StateTimeout
from supervisors.machine.tree import bound

if TYPE_CHECKING:
    from supervisors.machine.chart import Transition
    from supervisors.machine.quick import Way
    from supervisors.machine.tree import Node, Tree

__all__ = ["Arm", "Leaf", "Move", "Table", "candidates"]


def candidates(chain: tuple[Node, ...], event: Any) -> tuple[Transition[Any], ...]:
    """Return the transitions that are looked at for an event, in that order: up to the first without a guard.

    Args:
        chain: the innermost state, the one around it, and so on.
        event: a class, or a value that is an event by itself: a member of an Enum, a timeout.
    """
    keys = event.__mro__ if isinstance(event, type) else (event, *type(event).__mro__) if isinstance(event, Enum) else (event,)
    found: list[Transition[Any]] = []
    for node in chain:
        for key in keys:
            for rule in node.rules.get(key, ()):
                found.append(rule)
                if rule.when is None:
                    return tuple(found)
    return tuple(found)


class Move:
    """A way from one innermost state to another, or to itself, or into the first.

    Attributes:
        leaf: where it leads.
        changes: whether the state is another one afterwards.
        cancels: the timeouts of the states that are left.
        records: the states that are left and of which some history() wants to know where the machine was inside.
        exits: the exit actions, those of the innermost state first.
        starts: the timeouts of the states that are entered, each with the transition that says how long it is.
        enters: the enter actions, those of the outermost state first.
        quick: whether there are no more than plain actions to be done on the way.
    """

    __slots__ = ("cancels", "changes", "enters", "exits", "leaf", "quick", "records", "starts")

    def __init__(self, table: Table, leaf: Leaf, left: tuple[Node, ...], entered: tuple[Node, ...], *, changes: bool) -> None:
        self.leaf = leaf
        self.changes = changes
        self.cancels = tuple(StateTimeout(node.name) for node in left if node.name is not None and StateTimeout(node.name) in node.rules)
        self.records = tuple(node for node in left if node.recorded)
        self.exits = tuple(do for node in left for do in table.exits[node])
        told = [(StateTimeout(node.name), node.timeout(StateTimeout(node.name))) for node in entered if node.name is not None]
        self.starts = tuple((event, rule) for event, rule in told if rule is not None)
        self.enters = tuple(do for node in entered for do in table.enters[node])
        timed = self.cancels or self.records or self.starts or leaf.impatient
        waits = any(map(inspect.iscoroutinefunction, (*self.exits, *self.enters)))
        self.quick = changes and not timed and not waits and leaf.node.kind is not Kind.FINAL


class Arm:
    """A transition as it is from one innermost state.

    Attributes:
        rule: what the chart says.
        when: its guard, bound to the class.
        do: its action, bound to the class.
        move: where it leads if that is certain; None if it stays, or if the action or the past decides.
    """

    __slots__ = ("do", "move", "rule", "verdict", "when")

    def __init__(self, rule: Transition[Any], when: Any, do: Any, move: Move | None) -> None:
        self.rule = rule
        self.when = when
        self.do = do
        self.move = move
        self.verdict = rule.verdict


class Leaf:
    """An innermost state, and what it does with events.

    Attributes:
        name: the state.
        node: its place in the tree.
        inside: the states that a machine is in when it is in this one, the outermost first.
        steps: by class of event, the quick way; filled as events come. A plain dict store, the same whoever is first.
        impatient: whether it, or a state around it, has an event timeout of its own.
    """

    __slots__ = ("_arms", "chain", "impatient", "inside", "name", "node", "steps", "table")

    def __init__(self, table: Table, node: Node) -> None:
        self.table = table
        self.node = node
        self.name: Enum = node.name  # type: ignore[assignment]  # the root is no leaf
        self.chain = node.chain
        self.inside = tuple(one.name for one in reversed(self.chain) if one.name is not None)
        self.steps: dict[type[Any], Way] = {}
        self.impatient = self.patience is not None
        self._arms: dict[Any, tuple[Arm, ...]] = {}

    @property
    def patience(self) -> Transition[Any] | None:
        """The transition that says how long the machine waits here for an event."""
        for node in self.chain:
            rule = node.timeout(EventTimeout())
            if rule is not None:
                return rule
        return None

    def arms(self, event: Any) -> tuple[Arm, ...]:
        """Return what is looked at for an event, which is a class or a value; empty for one that the chart does not know."""
        found = self._arms.get(event)
        if found is None:
            found = tuple(self._arm(rule) for rule in candidates(self.chain, event))
            if found:  # what the chart does not know is not kept: that may be any number of classes
                self._arms[event] = found
        return found

    def _arm(self, rule: Transition[Any]) -> Arm:
        machine = self.table.machine
        move: Move | None = None
        if not rule.choice:
            if rule.targets and not isinstance(rule.targets[0], History):
                move = self.table.move(self, rule.targets[0], reenter=rule.reenter)
            elif not rule.targets and rule.reenter:
                move = self.table.move(self, self._declares(rule), reenter=True)
        return Arm(rule, _bound(machine, rule.when), _bound(machine, rule.do), move)

    def _declares(self, rule: Transition[Any]) -> Enum:
        """Return the state in which a transition is declared; the outermost one for those of the chart itself."""
        for node in self.chain:
            if node.name is not None and any(one is rule for _, one in node.transitions()):
                return node.name
        return self.inside[0]


class Table:
    """What a class of machines does."""

    def __init__(self, tree: Tree, machine: type[Any]) -> None:
        self.tree = tree
        self.machine = machine
        self.states = type(tree.root.children[0].name)
        self.keys = frozenset(key for node in tree.root.everyone() for key in node.rules)  # events as they are declared
        self.enters = {node: tuple(_bound(machine, do) for do in node.enters) for node in tree.root.everyone()}
        self.exits = {node: tuple(_bound(machine, do) for do in node.exits) for node in tree.root.everyone()}
        self.leaves: dict[Enum, Leaf] = {node.name: Leaf(self, node) for node in tree.leaves if node.name is not None}
        self.initial = self.leaf(tree.root)

    def leaf(self, node: Node) -> Leaf:
        """Return the innermost state in which `node` begins."""
        name = node.start().name
        assert name is not None
        return self.leaves[name]

    def functions(self) -> list[Any]:
        """Return all actions, enter and exit actions, bound to the class."""
        found = [one for node in self.tree.root.everyone() for one in (*self.enters[node], *self.exits[node])]
        for node in self.tree.root.everyone():
            found += [_bound(self.machine, rule.do) for _, rule in node.transitions() if rule.do is not None]
        return found

    def move(self, old: Leaf, target: Enum, *, reenter: bool) -> Move:
        """Return the way from `old` to where `target` begins."""
        node = self.tree.nodes[target]
        return self.between(old, self.leaf(node), node if reenter else None)

    def into(self, leaf: Leaf) -> Move:
        """Return the way into the state in which a machine begins."""
        return Move(self, leaf, (), tuple(reversed(leaf.chain)), changes=True)

    def between(self, old: Leaf, new: Leaf, again: Node | None = None) -> Move:
        """Return the way between two innermost states: states around both are not left, but for `again` and those inside of it."""

        def stays(node: Node) -> bool:
            return node in old.chain and node in new.chain and (again is None or again not in node.chain)

        left = tuple(node for node in old.chain if not stays(node))
        entered = tuple(node for node in reversed(new.chain) if not stays(node))
        return Move(self, new, left, entered, changes=new is not old)


def _bound(machine: type[Any], function: Any) -> Any:
    return None if function is None else bound(machine, function)
