"""What every picture of a machine tells: the words for its transitions, and which of them are arrows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from actors.texts import plain, text_of
from supervisors.machine.chart import History, Verdict, event_text
from supervisors.machine.events import Done, EventTimeout, NamedTimeout, StateTimeout
from supervisors.machine.tree import bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervisors.machine.chart import Transition
    from supervisors.machine.table import Table
    from supervisors.machine.tree import Node, Tree

__all__ = ["EVERYWHERE", "Arrow", "Drawing", "Line", "Place", "current_node", "function_name", "histories_of", "tooltip", "wrapped"]

EVERYWHERE = "in any state"  # what stands for the chart itself

_TIMED = ("state_timeout", "event_timeout", "timeout")
_VERDICTS = {Verdict.IGNORE: "ignore", Verdict.POSTPONE: "postpone", Verdict.REFUSE: "refuse"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an arrow ends: a state, or the history inside of it."""

    node: Node
    history: str = ""  # "H", or "H*" for a deep one


@dataclass(frozen=True, slots=True)
class Arrow:
    """A transition that leads somewhere.

    Attributes:
        source: the state in which it is declared; the root for one of the chart itself.
        targets: where it may lead; several if its action chooses.
        text: what it says, in one line.
        where: the line of its declaration.
        timed: whether it is a timeout.
    """

    source: Node
    targets: tuple[Place, ...]
    text: str
    where: str
    timed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What a state does without being left.

    Attributes:
        text: what it says.
        where: the line of its declaration.
        timed: whether it is a timeout.
        leads: whether something is done; not for what only says what becomes of an event.
    """

    text: str
    where: str
    timed: bool = False
    leads: bool = True


class Drawing:
    """The chart of a class, as pictures tell it.

    Attributes:
        name: that of the class.
        tree: its states.
        lines: by state, what it does without being left.
        arrows: the transitions that lead somewhere, in the order written.
    """

    def __init__(self, machine: type[Any], table: Table) -> None:
        self.name = machine.__name__
        self.tree: Tree = table.tree
        self._machine = machine
        self.lines: dict[Node, list[Line]] = {}
        self.arrows: list[Arrow] = []
        for node in self.tree.root.everyone():
            self.lines[node] = [*self._hooks(node)]
            for rule, events in _grouped(node):
                self._add(node, rule, events)

    def _hooks(self, node: Node) -> Iterator[Line]:
        for word, actions in (("enter", node.enters), ("exit", node.exits)):
            if actions:
                names = ", ".join(self._named(do) for do in actions)
                yield Line(f"{word} / {names}", node.where)

    def _add(self, node: Node, rule: Transition[Any], events: list[Any]) -> None:
        targets = tuple(self._place(target) for target in rule.targets)
        again = rule.reenter
        if not targets and rule.reenter and node.name is not None:
            targets = (Place(node),)
        leaf = not node.children
        if targets == (Place(node),) and leaf:
            again = False  # an arrow from a state to itself says so
            targets = targets if rule.reenter else ()
        text = self._text(rule, events, again=again)
        timed = rule.word in _TIMED
        if targets:
            self.arrows.append(Arrow(node, targets, text, rule.where, timed))
        else:
            self.lines[node].append(Line(text, rule.where, timed=timed, leads=rule.verdict is Verdict.TAKE))

    def _place(self, target: Any) -> Place:
        found = self.tree.resolve(target)
        assert found is not None  # the chart was checked
        return Place(found, ("H*" if target.deep else "H") if isinstance(target, History) else "")

    def _text(self, rule: Transition[Any], events: list[Any], *, again: bool) -> str:
        """Return ``Event [guard] / action``, and what else becomes of the event."""
        parts = [", ".join(_event(event, rule) for event in events)]
        if rule.verdict in _VERDICTS:
            parts.insert(0, _VERDICTS[rule.verdict])
        if rule.when is not None:
            parts.append(f"[{self._named(rule.when)}]")
        if rule.do is not None:
            parts.append(f"/ {self._named(rule.do)}")
        extra = [*(["re-enter"] if again else []), *(["postpone"] if rule.aside else [])]
        return plain(" ".join(parts) + "".join(f", {one}" for one in extra))

    def _named(self, function: Any) -> str:
        return function_name(bound(self._machine, function))


def histories_of(drawing: Drawing) -> dict[Node, list[str]]:
    """Return which kinds of history of which states are targets."""
    found: dict[Node, list[str]] = {}
    for arrow in drawing.arrows:
        for place in arrow.targets:
            if place.history and place.history not in found.setdefault(place.node, []):
                found[place.node].append(place.history)
    return found


def current_node(machine: type[Any], tree: Tree, current: Any) -> Node | None:
    """Return the state to be shown as the current one.

    Raises:
        ValueError: it is none of the chart.
    """
    if current is None:
        return None
    try:
        return tree.nodes[current]
    except (KeyError, TypeError):
        msg = f"current={current!r} is not valid: a state of {machine.__qualname__}"
        raise ValueError(msg) from None


def function_name(function: Any) -> str:
    """Return the name of a function as people call it; an ellipsis for one without."""
    name = getattr(function, "__name__", None) or type(function).__name__
    return "…" if name == "<lambda>" else name


def wrapped(lines: Iterable[Line], width: int) -> list[Line]:
    """Return lines with those that are longer than `width` on several, as for ``ignore()`` of many events."""
    return [replace(line, text=part) for line in lines for part in wrap(line.text, width, break_long_words=False, break_on_hyphens=False)]


def tooltip(where: str) -> str:
    """Return a line of a declaration without the directories, which differ from machine to machine."""
    file, _, line = where.rpartition(":")
    return f"{Path(file).name}:{line}" if file else where


def _grouped(node: Node) -> list[tuple[Transition[Any], list[Any]]]:
    """Return the transitions of a state, each with all its events: ``ignore(A, B)`` is one."""
    found: dict[int, tuple[Transition[Any], list[Any]]] = {}
    for event, rule in node.transitions():
        found.setdefault(id(rule), (rule, []))[1].append(event)
    return list(found.values())


def _event(event: Any, rule: Transition[Any]) -> str:
    if isinstance(event, StateTimeout | EventTimeout):
        return _after(rule, "state timeout" if isinstance(event, StateTimeout) else "event timeout")
    if isinstance(event, NamedTimeout):
        return f"timeout {event.key if isinstance(event.key, str) else text_of(event.key)}"
    if isinstance(event, Done):
        return "done"
    return event_text(event) if isinstance(event, type) else f"{type(event).__qualname__.rpartition('.<locals>.')[2]}.{event.name}"


def _after(rule: Transition[Any], otherwise: str) -> str:
    if rule.seconds is None:
        return otherwise
    seconds = f"{function_name(rule.seconds)}()" if callable(rule.seconds) else f"{rule.seconds:g} s"
    return f"after {seconds}" + (" without an event" if otherwise == "event timeout" else "")
