"""Pictures of a tree of actors: as text and for Mermaid. What all of them say of an actor, and what they leave out of very many."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from actors import Lifecycle, SystemState
from actors.snapshots import layout
from actors.snapshots.layout import MOST, WIDEST, Line, more, stems_of
from actors.snapshots.mermaid import LONGEST, flowchart
from actors.texts import clipped, columns, for_mermaid, plain
from supervisors.requests import ChildState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisors.nodes import TreeNode

__all__ = ["MOST", "WIDEST", "Condition", "Line", "condition_of", "details", "lines_of", "more", "names_of", "tree_mermaid", "tree_text"]

_NAME, _ERROR = 48, 90  # columns
_MERMAID = 60  # columns of a line in a box
_RUNNING = (Lifecycle.RUNNING, SystemState.RUNNING, ChildState.RUNNING)
_OVER = (Lifecycle.STOPPED, SystemState.STOPPED, SystemState.FORKED, ChildState.STOPPED)


def lines_of(top: TreeNode, *, most: int = MOST, widest: int = WIDEST) -> list[Line[TreeNode]]:
    """Return what is drawn of a tree, each before its children; of very many those near the top, and those that are in trouble first."""
    return layout.lines_of(top, most=most, widest=widest, in_trouble=_in_trouble, elided=lambda node: node.elided)


class Condition(Enum):
    """What all the states come down to."""

    RUNNING = "running"
    CHANGING = "changing"
    OVER = "over"


def condition_of(node: TreeNode) -> Condition:
    """Return whether an actor runs, comes or goes, or has ended."""
    return Condition.RUNNING if node.state in _RUNNING else Condition.OVER if node.state in _OVER else Condition.CHANGING


def _in_trouble(node: TreeNode) -> bool:
    return condition_of(node) is not Condition.RUNNING or node.error is not None


def details(node: TreeNode) -> list[str]:
    """Return what there is to say of an actor besides its name, class, state and error: only what is out of the ordinary."""
    said = []
    if node.machine_state is not None:
        said.append(f"in {clipped(plain(node.machine_state), _NAME)}")
    if node.strategy is not None:
        said.append(node.strategy.value)
    if node.limit is not None:
        said.append(f"{node.recent} of {node.limit.restarts} restarts in {node.limit.period:g} s")
    if node.retry_after is not None:
        said.append(f"again in {node.retry_after:.1f} s")
    if node.incarnation > 1:
        said.append(f"incarnation {node.incarnation}")
    if node.restarts:
        said.append(_counted(node.restarts, "restart"))
    if node.busy:
        said.append("busy")
    if node.waiting:
        said.append(f"{node.waiting:,} waiting")
    if node.handled:
        said.append(f"{node.handled:,} handled")
    return said


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


# -- text ------------------------------------------------------------------------------------------------------------------


def tree_text(node: TreeNode, *, width: int | None = None, ascii_only: bool = False) -> str:
    """Return a tree as text: a line for each actor, with its class, its state, and what is out of the ordinary.

    Of more than 300 actors, and of more than 40 children of one, some are only counted.

    Args:
        node: what `tree` returned.
        width: columns of the longest line; None: as long as it takes.
        ascii_only: draw without anything that a simple terminal cannot show.
    """
    lines = lines_of(node)
    names = names_of(lines)
    kinds = ["" if line.node is None else clipped(plain(line.node.kind), _NAME) for line in lines]
    states = ["" if line.node is None else plain(str(line.node.state.value)) for line in lines]
    room = [max(map(columns, column)) for column in (names, kinds, states)]
    rows = []
    for line, *cells in zip(lines, names, kinds, states, strict=True):
        padded = "  ".join(cell + " " * (size - columns(cell)) for cell, size in zip(cells, room, strict=True))
        row = f"{padded}  {_said(line.node, ', ' if ascii_only else ' · ')}".rstrip()
        row = row if not ascii_only else row.translate(_ASCII).encode("ascii", "backslashreplace").decode()
        rows.append(row if width is None else clipped(row, width, ".." if ascii_only else "…"))
    return "\n".join(rows) + "\n"


_ASCII = str.maketrans({"├": "|", "│": "|", "└": "`", "─": "-", "…": "..", "✗": "!"})


def names_of(lines: list[Line[TreeNode]]) -> list[str]:
    """Return the names, with the branches that lead to them."""
    names = [more(line.left_out) if line.node is None else clipped(plain(line.node.name), _NAME) for line in lines]
    return [stem + name for stem, name in zip(stems_of(lines), names, strict=True)]


def _said(node: TreeNode | None, between: str) -> str:
    if node is None:
        return ""
    error = [] if node.error is None else [f"✗ {clipped(plain(node.error), _ERROR)}"]
    return between.join([*details(node), *error])


# -- Mermaid ---------------------------------------------------------------------------------------------------------------


def tree_mermaid(node: TreeNode) -> str:
    """Return a tree as the text of a Mermaid ``flowchart``, which GitHub and MkDocs draw.

    Supervisors have a double frame. Green frames are actors that run, orange ones come or go, dashed ones have ended. Of more than 300
    actors, and of more than 40 children of one, some are only counted.
    """
    most = MOST
    while len(picture := _flowchart(lines_of(node, most=most))) > LONGEST:
        most //= 2
    return picture


def _flowchart(lines: list[Line[TreeNode]]) -> str:
    return flowchart([_box(line) for line in lines], [line.parent for line in lines])


def _box(line: Line[TreeNode]) -> str:
    node = line.node
    if node is None:
        return f'("{for_mermaid(more(line.left_out))}"):::more'
    error = [] if node.error is None else [f"✗ {node.error}"]
    texts = [f"{node.name}  {node.kind}", " · ".join([str(node.state.value), *details(node)]), *error]
    label = "<br/>".join(_for_boxes(texts))
    left, right = ("([", "])") if not line.depth and node.kind == "ActorSystem" else ("[[", "]]") if node.strategy else ("[", "]")
    return f'{left}"{label}"{right}:::{condition_of(node).value}'


def _for_boxes(texts: Iterable[str]) -> list[str]:
    return [for_mermaid(clipped(plain(text), _MERMAID)) for text in texts]
