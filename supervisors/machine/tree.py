"""The states of a chart as a tree, and what is wrong with it as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import Action, Chart, History, Kind, State, Transition, event_text
from supervisors.machine.errors import Problem
from supervisors.machine.events import Done, StateTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from enum import Enum

__all__ = ["Node", "Tree", "bound", "grow"]


class Node:
    """A state in its place; the root of the tree is none of the user's and has no name.

    Attributes:
        name: the state.
        parent: the state around it.
        children: those inside, in the order written.
        initial: the one of them in which it begins.
        rules: its own transitions by event, each list in the order written.
        enters: what is done when it is entered.
        exits: what is done when it is left.
        recorded: whether some history() wants to know where the machine was inside of it.
    """

    __slots__ = ("children", "enters", "exits", "initial", "kind", "name", "parent", "recorded", "rules", "stays", "where")

    def __init__(self, name: Enum | None, parent: Node | None, kind: Kind, *, stays: bool, where: str) -> None:
        self.name = name
        self.parent = parent
        self.kind = kind
        self.stays = stays
        self.where = where
        self.children: list[Node] = []
        self.initial: Node | None = None
        self.rules: dict[Any, list[Transition[Any]]] = {}
        self.enters: list[Callable[[Any], Any]] = []
        self.exits: list[Callable[[Any], Any]] = []
        self.recorded = False

    def __repr__(self) -> str:
        return f"<node {self.name}>"

    @property
    def chain(self) -> tuple[Node, ...]:
        """The node, the state around it, and so on up to the root."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return tuple(nodes)

    def start(self) -> Node:
        """Return the innermost state in which it begins."""
        node = self
        while node.children and node.initial is not None:
            node = node.initial
        return node

    def everyone(self) -> Iterator[Node]:
        """Yield this node and all inside, each before those inside of it, in the order written."""
        yield self
        for child in self.children:
            yield from child.everyone()

    def transitions(self) -> Iterator[tuple[Any, Transition[Any]]]:
        """Yield its own events and transitions."""
        for event, rules in self.rules.items():
            for rule in rules:
                yield event, rule

    def timeout(self, event: Any) -> Transition[Any] | None:
        """Return the transition that says how long a timeout of this state is."""
        return next((rule for rule in self.rules.get(event, ()) if rule.seconds is not None), None)


class Tree:
    """All states of a machine, and what was found to be wrong while it grew."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.nodes: dict[Enum, Node] = {}
        self.problems: list[Problem] = []

    @property
    def leaves(self) -> list[Node]:
        """The states without any inside, in the order written."""
        return [node for node in self.root.everyone() if not node.children and node is not self.root]

    def problem(self, where: str, what: str) -> None:
        """Take note of something wrong."""
        self.problems.append(Problem(where, what))

    def resolve(self, target: Enum | History[Any]) -> Node | None:
        """Return the node of a target, None for one that is not in the chart."""
        return self.nodes.get(target.of if isinstance(target, History) else target)


def grow(chart: Chart[Any]) -> Tree:
    """Make the tree of a chart."""
    tree = Tree(Node(None, None, Kind.PLAIN, stays=False, where=chart.where))
    _fill(tree, tree.root, chart.parts)
    _check_states(tree)
    for node in tree.root.everyone():
        for event, rule in node.transitions():
            for target in rule.targets:
                _check_target(tree, event, rule, target)
    return tree


def _fill(tree: Tree, node: Node, parts: tuple[Any, ...]) -> None:
    for part in parts:
        if isinstance(part, State):
            _add_state(tree, node, part)
        elif isinstance(part, Action):
            (node.enters if part.enters else node.exits).append(part.do)
            if node.kind is Kind.FINAL and not part.enters:
                tree.problem(part.where, f"on_exit() in the final state {node.name} is never done: a final state is not left")
        elif isinstance(part, Transition):
            _add_transition(tree, node, part)


def _add_state(tree: Tree, parent: Node, part: State[Any]) -> None:
    node = Node(part.name, parent, part.kind, stays=part.stays, where=part.where)
    if parent.kind is Kind.FINAL:
        tree.problem(part.where, f"{part.name} is inside of the final state {parent.name}, in which nothing happens any more; move it out")
    former = tree.nodes.setdefault(part.name, node)
    if former is not node:
        tree.problem(part.where, f"{part.name} is in the chart twice (also at {former.where}); keep one")
        return
    parent.children.append(node)
    if part.kind is Kind.INITIAL:
        if parent.initial is not None:
            tree.problem(part.where, f"{part.name} and {parent.initial.name} are both initial(); make one of them state()")
        parent.initial = parent.initial or node
    _fill(tree, node, part.parts)


def _add_transition(tree: Tree, node: Node, part: Transition[Any]) -> None:
    if node.kind is Kind.FINAL:
        tree.problem(part.where, f"{part!r} in the final state {node.name}: a final state takes no events; remove it, or make it state()")
        return
    for event in part.event if isinstance(part.event, tuple) else (part.event,):
        key = event(node.name) if event in (StateTimeout, Done) else event
        if key == StateTimeout(None) or key == Done(None):  # type: ignore[arg-type]  # of the root
            tree.problem(part.where, f"{part!r} belongs into a state: the machine as a whole is in no state, and is not left")
            continue
        node.rules.setdefault(key, []).append(part)


def _check_states(tree: Tree) -> None:
    root = tree.root
    if not root.children:
        tree.problem(root.where, "it has no states: write initial(...) and state(...)")
        return
    for node in root.everyone():
        if node.children and node.initial is None:
            what = "the chart" if node is root else str(node.name)
            tree.problem(node.where, f"{what} has states inside, but none of them is initial(): say where it begins")
    first: Any = type(root.children[0].name)
    for node in tree.nodes.values():
        if type(node.name) is not first:
            tree.problem(
                node.where, f"{node.name} is not a member of {first.__qualname__}: the states of a machine are members of one Enum"
            )
    for member in first:
        if member not in tree.nodes:
            tree.problem(root.where, f"{member} is a member of {first.__qualname__}, but not in the chart: add state({member}, ...)")


def _check_target(tree: Tree, event: Any, rule: Transition[Any], target: Any) -> None:
    found = tree.resolve(target)
    if found is None:
        tree.problem(rule.where, f"{rule.word}({event_text(event)}, to={target}): that state is not in the chart; add it, or change to=")
    elif isinstance(target, History):
        found.recorded = True
        if not found.children:
            tree.problem(rule.where, f"{target}: there are no states inside of {found.name}; use to={found.name}")


def bound(machine: type[Any], function: Any) -> Any:
    """Return what a function of a chart is in a class: a method that the class overrides is the overriding one."""
    name = getattr(function, "__name__", "")
    if any(vars(base).get(name) is function for base in machine.__mro__):
        return getattr(machine, name)
    return function
