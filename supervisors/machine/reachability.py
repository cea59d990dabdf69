"""How each state of a chart is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import Kind
from supervisors.machine.checks import possible
from supervisors.machine.coverage import tree_of
from supervisors.machine.edges import edges_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import Enum

    from supervisors.machine.edges import Edge
    from supervisors.machine.machine import StateMachine
    from supervisors.machine.tree import Node, Tree

__all__ = ["Reachability", "reachability"]


@dataclass(frozen=True)
class Reachability:
    """How the states of a machine are reached, as far as its chart says: whether a guard ever holds, it does not know.

    Attributes:
        machine: the name of the class.
        paths: for each innermost state the shortest way there from the beginning, in the order in which they are reached.
        ends: for each innermost state from which a final one can be reached, the least number of transitions until then.
    """

    machine: str
    paths: Mapping[Enum, tuple[Edge, ...]]
    ends: Mapping[Enum, int]

    def __str__(self) -> str:
        lines = [f"{self.machine}: {len(self.paths)} states"]
        for state, path in self.paths.items():
            end = f", {self.ends[state]} from an end" if self.ends.get(state) else ""
            steps = "where it begins" if not path else f"{len(path)} transition{'s' if len(path) > 1 else ''} from the beginning"
            lines.append(f"  {state.name}: {steps}{end}")
            lines += [f"      {edge}{_condition(edge)}  ({edge.where})" for edge in path]
        never = [state.name for state in self.paths if state not in self.ends]
        if self.ends and never:
            lines.append(f"  no way to an end from: {', '.join(never)}")
        return "\n".join(lines)


def _condition(edge: Edge) -> str:
    conditions = ["when time has passed"] if edge.timed else []
    conditions += ["if its action says so"] if edge.rule.choice else []
    return f", {' and '.join(conditions)}" if conditions else ""


def reachability(machine_class: type[StateMachine[Any, Any]]) -> Reachability:
    """Return how each state of a class of machines is reached. ``str()`` of it is a report.

    Raises:
        TypeError: `machine_class` is no class of machines with a chart.
    """
    tree: Tree = tree_of(machine_class)
    out = {leaf: _leaving(tree, leaf) for leaf in tree.leaves}
    start = tree.root.start()
    paths: dict[Node, tuple[Edge, ...]] = {start: ()}
    todo = [start]
    for leaf in todo:  # grows: breadth first
        for edge, target in out[leaf]:
            if target not in paths:
                paths[target] = (*paths[leaf], edge)
                todo.append(target)
    named = {leaf.name: path for leaf, path in paths.items() if leaf.name is not None}
    return Reachability(machine_class.__qualname__, named, _ends(tree, out))


def _leaving(tree: Tree, leaf: Node) -> list[tuple[Edge, Node]]:
    found: list[tuple[Edge, Node]] = []
    if leaf.kind is Kind.FINAL and leaf.parent is tree.root:
        return found
    rules = possible(tree, leaf)
    for edge in edges_of(tree):
        if edge.rule in rules and edge.target is not None:
            node = tree.resolve(edge.target)
            if node is not None:
                found.append((edge, node.start()))
    return found


def _ends(tree: Tree, out: Mapping[Node, list[tuple[Edge, Node]]]) -> dict[Enum, int]:
    """Return how far the nearest final state of the machine itself is, by state."""
    far = {leaf: 0 for leaf in tree.leaves if leaf.kind is Kind.FINAL and leaf.parent is tree.root}
    grows = bool(far)
    while grows:
        grows = False
        for leaf, edges in out.items():
            nearest = min((far[target] + 1 for _, target in edges if target in far), default=None)
            if nearest is not None and nearest < far.get(leaf, len(out) + 1):
                far[leaf], grows = nearest, True
    return {leaf.name: steps for leaf, steps in far.items() if leaf.name is not None}
