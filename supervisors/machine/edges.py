"""The arrows of a chart, one by one: what there is to cover, and what leads from where to where."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import History, event_text
from supervisors.machine.events import Done, EventTimeout, NamedTimeout, StateTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors.machine.chart import Transition
    from supervisors.machine.table import Leaf
    from supervisors.machine.tree import Node, Tree

__all__ = ["Edge", "edges_of", "taken_edge"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition of a chart; of one with several targets, one of them.

    Attributes:
        source: the state in which it is declared; None for the chart itself.
        event: a class, a member of an Enum, or the event of a timeout.
        target: the state, or the history, that it leads to; None if it does not lead anywhere.
        word: what it is declared with: "on", "ignore", "postpone", "refuse", "state_timeout", ...
        guard: the name of its guard; None without one.
        where: the line of its declaration.
    """

    source: Enum | None
    event: Any
    target: Enum | History[Any] | None
    word: str
    guard: str | None
    where: str
    rule: Transition[Any] = field(repr=False, hash=False, compare=False)
    number: int = field(default=0, repr=False)  # tells apart two of one line

    def __str__(self) -> str:
        what = self.word if self.event_name == self.word else f"{self.word} {self.event_name}"
        guard = f" [{self.guard}]" if self.guard else ""
        target = "" if self.target is None else f" → {_name(self.target)}"
        return f"{_name(self.source)}: {what}{guard}{target}"

    @property
    def event_name(self) -> str:
        """How its event is written; that of a timeout of the state, or between events, is its word."""
        if isinstance(self.event, StateTimeout | EventTimeout | Done):
            return self.word
        return repr(self.event.key) if isinstance(self.event, NamedTimeout) else event_text(self.event)

    @property
    def timed(self) -> bool:
        """Whether it is taken when time has passed."""
        return isinstance(self.event, StateTimeout | EventTimeout | NamedTimeout)


def edges_of(tree: Tree) -> list[Edge]:
    """Return all transitions of a chart, in the order written."""
    found: list[Edge] = []
    for node in tree.root.everyone():
        for event, rule in node.transitions():
            for target in rule.targets or (None,):
                found.append(_edge(node, event, rule, target, len(found)))
    return found


def _edge(node: Node, event: Any, rule: Transition[Any], target: Any, number: int) -> Edge:
    guard = None if rule.when is None else getattr(rule.when, "__name__", "a guard")
    return Edge(node.name, event, target, rule.word, "..." if guard == "<lambda>" else guard, rule.where, rule, number)


def taken_edge(edges: list[Edge], old: Leaf, rule: Transition[Any], event: Any, chosen: Any) -> Edge | None:
    """Return the edge that a machine took in `old`; None for a transition whose action has chosen none of its targets.

    Args:
        edges: all of the chart.
        old: where the machine was.
        rule: the transition.
        event: what came.
        chosen: the target that its action has chosen; None for none.
    """
    keys = tuple(_keys(event))
    chain = [node.name for node in old.chain]
    for edge in edges:
        if edge.rule is rule and edge.event in keys and edge.source in chain and (not rule.choice or edge.target == chosen):
            return edge
    return None


def _keys(event: Any) -> Iterator[Any]:
    if isinstance(event, Enum | StateTimeout | EventTimeout | NamedTimeout | Done):
        yield event
    yield from type(event).__mro__


def _name(state: Enum | History[Any] | None) -> str:
    if state is None:
        return "in any state"
    return state.name if isinstance(state, Enum) else f"history of {state.of.name}"
