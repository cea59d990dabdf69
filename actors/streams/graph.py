"""The description of a stream: stages and how they hang together. Immutable; it runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from actors.streams.errors import StreamGraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.streams.logic import Logic

__all__ = ["Edge", "Node", "OnError", "Planned", "plan"]


class OnError(Enum):
    """What becomes of a stage whose function raises, or of a source that does.

    STOP ends the stream with that error, and a note on it says where. SKIP drops the element, which becomes a dead letter of the stage's
    actor and an `ElementSkipped`. RESTART does so too, and has the stage begin anew, without its state; a source that was made by a
    function begins anew with it.
    """

    STOP = "stop"
    SKIP = "skip"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One stage, by identity: two stages that look alike are two.

    Attributes:
        kind: what it does, for pictures, like ``map``.
        logic: makes what it does, for each run and at each RESTART anew.
        inputs: where its elements come from; empty for a source.
        outlets: how many outlets it has; 0 for a sink.
        name: of it, for people; None: its kind.
        policy: what becomes of a bad element.
        limit: how many bad elements there may be until STOP; None: any number.
        fixed: why the policy cannot be RESTART; None if it can.
    """

    kind: str
    logic: Callable[[], Logic]
    inputs: tuple[Edge, ...] = ()
    outlets: int = 1
    name: str | None = None
    policy: OnError = OnError.STOP
    limit: int | None = None
    fixed: str | None = None

    @property
    def label(self) -> str:
        """What people see."""
        return self.name or self.kind


@dataclass(frozen=True, slots=True)
class Edge:
    """One outlet of a stage: what another takes its elements from."""

    node: Node
    outlet: int = 0


@dataclass(slots=True)
class Planned:
    """One stage of a run.

    Attributes:
        index: its place; sources come before those that they feed.
        node: its description.
        name: for people, and unique in the run.
        inlets: stage and outlet that feed each of its inlets.
        outlets: stage and inlet that each of its outlets feeds.
    """

    index: int
    node: Node
    name: str
    inlets: list[tuple[int, int]]
    outlets: list[tuple[int, int]]


def plan(ends: Iterable[Node]) -> list[Planned]:
    """Return the stages that lead to `ends`, each after those that feed it.

    Raises:
        StreamGraphError: an outlet is not used, or used twice.
    """
    stages: list[Planned] = []
    index_of: dict[Node, int] = {}
    users: dict[tuple[Node, int], tuple[int, int]] = {}
    names: set[str] = set()
    for node in _in_order(ends):
        planned = Planned(len(stages), node, _unique(node.label, names), [], [])
        index_of[node] = planned.index
        for inlet, edge in enumerate(node.inputs):
            key = (edge.node, edge.outlet)
            if key in users:
                why = "what it gives is used twice; write broadcast(2), and use each of the two"
                raise StreamGraphError(why, edge.node.label)
            users[key] = (planned.index, inlet)
            planned.inlets.append((index_of[edge.node], edge.outlet))
        stages.append(planned)
    for planned in stages:
        for outlet in range(planned.node.outlets):
            user = users.get((planned.node, outlet))
            if user is None:
                why = f"branch {outlet} of {planned.node.outlets} is not used; run all of them together, as Stream(one, other)"
                raise StreamGraphError(why, planned.node.label)
            planned.outlets.append(user)
    return stages


def _in_order(ends: Iterable[Node]) -> list[Node]:
    """Return all stages, each after those that feed it; without recursion, for a graph may be deep."""
    order: list[Node] = []
    seen: set[Node] = set()
    for end in ends:
        if end in seen:
            raise StreamGraphError("this end is given twice; each end has one result", end.label)
        todo = [(end, iter(end.inputs))]
        seen.add(end)
        while todo:
            node, edges = todo[-1]
            edge = next(edges, None)
            if edge is None:
                order.append(node)
                todo.pop()
            elif edge.node not in seen:
                seen.add(edge.node)
                todo.append((edge.node, iter(edge.node.inputs)))
    return order


def _unique(label: str, names: set[str]) -> str:
    name, number = label, 1
    while name in names:
        number += 1
        name = f"{label}-{number}"
    names.add(name)
    return name
