"""Which transitions of a chart have been taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors.machine.edges import edges_of, taken_edge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisors.machine.chart import Transition
    from supervisors.machine.edges import Edge
    from supervisors.machine.machine import StateMachine
    from supervisors.machine.table import Leaf

__all__ = ["Coverage", "tree_of"]


def tree_of(machine_class: Any) -> Any:
    """Return the tree of a class of machines.

    Raises:
        TypeError: it is none, or has no chart.
    """
    table = getattr(machine_class, "_greenroom_table", None)
    if not isinstance(machine_class, type) or table is None:
        msg = f"machine_class={machine_class!r} is not valid: a class of machines that has a chart"
        raise TypeError(msg)
    return table.tree


class Coverage:
    """Counts which transitions of a class of machines have been taken, over any number of runs.

    Give it to `walks`, or have it `watch` machines in a simulation of your own. A transition is covered when its guard held for some event;
    one with several targets, when its action has gone to each of them. Not for several threads at once.

    Args:
        machine_class: a class derived from `StateMachine`.

    Raises:
        TypeError: it is none.
    """

    def __init__(self, machine_class: type[StateMachine[Any, Any]]) -> None:
        self._edges = edges_of(tree_of(machine_class))
        self.machine_class = machine_class
        self._taken: dict[Edge, int] = dict.fromkeys(self._edges, 0)

    def watch(self, machine: StateMachine[Any, Any]) -> None:
        """Count what `machine`, an instance, does from now on. In a simulation: between two steps.

        Raises:
            TypeError: it is of another class.
        """
        if not isinstance(machine, self.machine_class):
            msg = f"machine={machine!r} is not valid: an instance of {self.machine_class.__qualname__}"
            raise TypeError(msg)
        machine._greenroom_run.watch(self._note)

    def _note(self, old: Leaf, rule: Transition[Any], event: Any, chosen: Any) -> None:
        edge = taken_edge(self._edges, old, rule, event, chosen)
        if edge is not None:
            self._taken[edge] += 1

    @property
    def taken(self) -> Mapping[Edge, int]:
        """How often each transition was taken, in the order of the chart; only those that were."""
        return {edge: count for edge, count in self._taken.items() if count}

    @property
    def missing(self) -> tuple[Edge, ...]:
        """The transitions that were never taken, in the order of the chart."""
        return tuple(edge for edge, count in self._taken.items() if not count)

    @property
    def ratio(self) -> float:
        """The part of all transitions that were taken, from 0 to 1."""
        return len(self.taken) / len(self._edges)

    def report(self) -> str:
        """Return a table of all transitions with their counts, and the lines of those that were never taken."""
        width = max(len(str(edge)) for edge in self._edges)
        lines = [f"{self.machine_class.__qualname__}: {len(self.taken)} of {len(self._edges)} transitions taken ({self.ratio:.0%})"]
        for edge, count in self._taken.items():
            lines.append(f"  {edge!s:<{width}}  {count:>7,}" if count else f"  {edge!s:<{width}}    never  {edge.where}")
        return "\n".join(lines)

    def require(self, ratio: float = 1.0) -> None:
        """Raise AssertionError, with the report, if less than `ratio` of the transitions were taken.

        Raises:
            ValueError: `ratio` is not a number from 0 to 1.
        """
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 <= ratio <= 1:
            msg = f"ratio={ratio!r} is not valid: from 0 to 1"
            raise ValueError(msg)
        if self.ratio < ratio:
            raise AssertionError(self.report())
