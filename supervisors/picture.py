"""Pictures of a tree of actors: as text and for Mermaid. What all of them say of an actor, and what they leave out of very many."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from actors import Lifecycle, SystemState
from actors.texts import clipped, columns, for_mermaid, plain
from supervisors.requests import ChildState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisors.nodes import TreeNode

__all__ = ["MOST", "WIDEST", "Condition", "Line", "condition_of", "details", "lines_of", "more", "names_of", "tree_mermaid", "tree_text"]

MOST = 300  # actors that are drawn; Mermaid draws 500 links at most
WIDEST = 40  # children of one actor that are drawn
_NAME, _ERROR = 48, 90  # columns
_MERMAID = 60  # columns of a line in a box
_LONGEST = 48_000  # characters; Mermaid reads 50,000
_RUNNING = (Lifecycle.RUNNING, SystemState.RUNNING, ChildState.RUNNING)
_OVER = (Lifecycle.STOPPED, SystemState.STOPPED, SystemState.FORKED, ChildState.STOPPED)


@dataclass(frozen=True, slots=True)
class Line:
    """One actor in a picture, or what stands for those that are left out.

    Attributes:
        parent: the place of its parent in the list of lines, -1 for the first.
        depth: 0 for the first.
        last: whether no sibling comes after it.
        node: the actor; None for those that are left out.
        left_out: how many these are.
    """

    parent: int
    depth: int
    last: bool
    node: TreeNode | None
    left_out: int = 0


def lines_of(top: TreeNode, *, most: int = MOST, widest: int = WIDEST) -> list[Line]:
    """Return what is drawn of a tree, each before its children; of very many those near the top, and those that are in trouble first."""
    sizes = _sizes(top)
    chosen: dict[int, list[TreeNode]] = {}
    room = most - 1
    level = [top]
    while level:
        below: list[TreeNode] = []
        for node in level:
            chosen[id(node)] = picked = _picked(node.children, min(widest, room))
            room -= len(picked)
            below += picked
        level = below
    lines: list[Line] = []
    todo: list[tuple[TreeNode | int, int, int, bool]] = [(top, -1, 0, True)]
    while todo:
        one, parent, depth, last = todo.pop()
        if isinstance(one, int):
            lines.append(Line(parent, depth, last, None, one))
            continue
        lines.append(Line(parent, depth, last, one))
        here = len(lines) - 1
        picked = chosen[id(one)]
        left_out = sizes[id(one)] - 1 - sum(sizes[id(child)] for child in picked)
        last_first: list[TreeNode | int] = [*([left_out] if left_out else []), *reversed(picked)]
        todo += [(child, here, depth + 1, not number) for number, child in enumerate(last_first)]
    return lines


def _picked(children: tuple[TreeNode, ...], room: int) -> list[TreeNode]:
    if len(children) <= room:
        return list(children)
    first = heapq.nsmallest(max(0, room), range(len(children)), key=lambda place: (not _in_trouble(children[place]), place))
    return [children[place] for place in sorted(first)]


def _sizes(top: TreeNode) -> dict[int, int]:
    """Return of how many actors each part of the tree is, by the id of its first node."""
    sizes: dict[int, int] = {}
    for node in reversed(list(top.everyone())):
        sizes[id(node)] = 1 + node.elided + sum(sizes[id(child)] for child in node.children)
    return sizes


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


def more(left_out: int) -> str:
    """Return what stands for those that are left out."""
    return f"… {left_out:,} more"


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


def names_of(lines: list[Line]) -> list[str]:
    """Return the names, with the branches that lead to them."""
    stems: list[str] = []  # what is drawn in front of the children of each line
    names = []
    for line in lines:
        before = stems[line.parent] if line.depth else ""
        branch = "" if not line.depth else "└─ " if line.last else "├─ "
        stems.append(before + ("" if not line.depth else "   " if line.last else "│  "))
        names.append(before + branch + (more(line.left_out) if line.node is None else clipped(plain(line.node.name), _NAME)))
    return names


def _said(node: TreeNode | None, between: str) -> str:
    if node is None:
        return ""
    error = [] if node.error is None else [f"✗ {clipped(plain(node.error), _ERROR)}"]
    return between.join([*details(node), *error])


# -- Mermaid ---------------------------------------------------------------------------------------------------------------

_CLASSES = """\
    classDef running stroke:#15803d,stroke-width:2px;
    classDef changing stroke:#ea580c,stroke-width:2px;
    classDef over stroke:#8b949e,stroke-dasharray:4 3;
    classDef more stroke:#8b949e,stroke-dasharray:1 3;
"""


def tree_mermaid(node: TreeNode) -> str:
    """Return a tree as the text of a Mermaid ``flowchart``, which GitHub and MkDocs draw.

    Supervisors have a double frame. Green frames are actors that run, orange ones come or go, dashed ones have ended. Of more than 300
    actors, and of more than 40 children of one, some are only counted.
    """
    most = MOST
    while len(picture := _flowchart(lines_of(node, most=most))) > _LONGEST:
        most //= 2
    return picture


def _flowchart(lines: list[Line]) -> str:
    boxes = [f"    n{number}{_box(line)}" for number, line in enumerate(lines)]
    links = [f"    n{line.parent} --- n{number}" for number, line in enumerate(lines) if number]
    return "\n".join(["flowchart LR", *boxes, *links]) + f"\n{_CLASSES}"


def _box(line: Line) -> str:
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
