"""A machine as the text of a Mermaid state diagram."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from actors.texts import clipped, for_mermaid, plain
from supervisors.machine.chart import Kind
from supervisors.machine.drawing import EVERYWHERE, Drawing, Place, current_node, histories_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors.machine.tree import Node

__all__ = ["mermaid"]

_LONGEST = 100  # columns of a label
_WRAP = 60  # columns from which on what is said in a box has several lines
# A state whose name Mermaid could take for a word of its own is given another id; people see the name anyway.
_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = re.compile(
    r"(state|note|direction|end|class|classdef|style|scale|hide|as|left|right|of|over|default|fork|join|choice|history|click|href|"
    r"accdescr|acctitle|title|root|constructor|prototype|tostring|valueof|__proto__|hasownproperty)",
    re.IGNORECASE,
)


def mermaid(machine: type[Any], current: Any = None) -> str:
    """Return the chart of a class of machines as a ``stateDiagram-v2``, which GitHub and MkDocs draw.

    What is declared at the chart, or at a state with others inside, is shown in a box of its own: "in any state", "in all of X". An arrow
    that Mermaid cannot end at the frame of a state ends where that state begins.

    Raises:
        ValueError: `current` is no state of it.
    """
    drawing = Drawing(machine, machine._greenroom_table)
    return _Text(drawing, current_node(machine, drawing.tree, current)).text()


class _Text:
    """The diagram while it is written."""

    def __init__(self, drawing: Drawing, current: Node | None) -> None:
        self._drawing = drawing
        self._current = current
        self._histories = histories_of(drawing)
        self._open = _crossed(drawing)
        self._ids: dict[Any, str] = {}
        self._used: set[str] = set()
        for node in drawing.tree.nodes.values():
            self._ids[node] = self._new_id(node.name.name if node.name is not None else "")
        self._choices: dict[int, str] = {}

    def text(self) -> str:
        """Return the whole of it."""
        drawing = self._drawing
        arrows = list(self._arrows())  # which gives the choices their ids
        lines = ["stateDiagram-v2", *self._inside(drawing.tree.root, 1), *arrows]
        if self._current is not None:
            lines += ["    classDef current fill:#2563eb,stroke:#1d4ed8,color:#ffffff,font-weight:bold"]
            lines += [f"    class {self._ids[self._current]} current"]
        return "\n".join(lines) + "\n"

    # -- states ------------------------------------------------------------------------------------------------------------

    def _inside(self, node: Node, depth: int) -> Iterator[str]:
        """Yield what is inside of a state."""
        indent = "    " * depth
        if self._has_everywhere(node):
            yield from self._box(self._everywhere(node), self._everywhere_title(node), node, indent)
        if node.initial is not None:
            yield f"{indent}[*] --> {self._end(Place(node.initial))}"
        for child in node.children:
            if child.children:
                yield f'{indent}state "{_label(_name(child))}" as {self._ids[child]} {{'
                yield from self._inside(child, depth + 1)
                yield f"{indent}}}"
            else:
                yield from self._box(self._ids[child], _name(child), child, indent)
            if child.kind is Kind.FINAL:
                yield f"{indent}{self._ids[child]} --> [*]"
        for kind in self._histories.get(node, []):
            yield f'{indent}state "{_label(kind)}" as {self._history(node, kind)}'
        for number, arrow in enumerate(self._drawing.arrows):
            if number in self._choices and _around(arrow.source) is node:
                yield f"{indent}state {self._choices[number]} <<choice>>"

    def _box(self, key: str, title: str, node: Node, indent: str) -> Iterator[str]:
        yield f'{indent}state "{_label(title)}" as {key}'
        for line in wrapped(self._drawing.lines[node], _WRAP):
            yield f"{indent}{key} : {_label(line.text)}"

    def _has_everywhere(self, node: Node) -> bool:
        """Tell whether there is a box for what is declared at a state as a whole."""
        if not node.children:
            return False
        leads = (node.name is None or node in self._open) and any(arrow.source is node for arrow in self._drawing.arrows)
        return leads or bool(self._drawing.lines[node])

    def _everywhere_title(self, node: Node) -> str:
        return EVERYWHERE if node.name is None else f"in all of {_name(node)}"

    def _everywhere(self, node: Node) -> str:
        return self._pseudo((node, "everywhere"), f"{self._ids.get(node, 'chart')}_all")

    def _history(self, node: Node, kind: str) -> str:
        return self._pseudo((node, kind), f"{self._ids[node]}_{'history' if kind == 'H' else 'deep_history'}")

    # -- arrows ------------------------------------------------------------------------------------------------------------

    def _arrows(self) -> Iterator[str]:
        loops: dict[str, list[str]] = {}
        for number, arrow in enumerate(self._drawing.arrows):
            node = arrow.source
            source = self._everywhere(node) if node.name is None or node in self._open else self._ids[node]
            text = _label(arrow.text)
            if len(arrow.targets) == 1:
                end = self._end(arrow.targets[0])
                if end == source:
                    loops.setdefault(source, []).append(text)
                else:
                    yield f"    {source} --> {end} : {text}"
                continue
            choice = self._choices[number] = self._new_id(f"choice_{number + 1}")
            yield f"    {source} --> {choice} : {text}"
            for end in dict.fromkeys(map(self._end, arrow.targets)):
                yield f"    {choice} --> {end} : ?"
        for source, texts in loops.items():  # Mermaid draws one of them
            yield f"    {source} --> {source} : {'<br/>'.join(texts)}"

    def _end(self, place: Place) -> str:
        if place.history:
            return self._history(place.node, place.history)
        node = place.node
        while node in self._open and node.initial is not None:
            node = node.initial
        return self._ids[node]

    # -- names -------------------------------------------------------------------------------------------------------------

    def _pseudo(self, key: tuple[Node, str], name: str) -> str:
        if key not in self._ids:
            self._ids[key] = self._new_id(name)
        return self._ids[key]

    def _new_id(self, name: str) -> str:
        key = name if _SAFE.fullmatch(name) and not _WORDS.fullmatch(name) else f"state_{len(self._used) + 1}"
        while key in self._used:
            key += "_"
        self._used.add(key)
        return key


def _crossed(drawing: Drawing) -> set[Node]:
    """Return the states with others inside to whose frame no arrow may be drawn.

    Mermaid fails to draw one between a state and what is inside of it, or to a state that another arrow passes the frame of.
    """
    found: set[Node] = set()
    for arrow in drawing.arrows:
        for place in arrow.targets:
            inside = (*([place.node] if place.history else []), *_outer(place.node))
            source = _outer(arrow.source)
            if len(arrow.targets) > 1 and arrow.source.children:
                source = (*source, arrow.source)  # its choice is inside
            found.update(set(inside) ^ set(source))
    found.discard(drawing.tree.root)
    return found


def _outer(node: Node) -> tuple[Node, ...]:
    return node.chain[1:]


def _around(source: Node) -> Node:
    """Return the state inside of which the choice of an arrow is drawn."""
    return source if source.children or source.parent is None else source.parent


def _name(node: Node) -> str:
    return "" if node.name is None else node.name.name


def _label(text: str) -> str:
    return for_mermaid(clipped(plain(text), _LONGEST))
