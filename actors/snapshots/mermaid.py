"""A tree of actors as the text of a Mermaid flowchart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.drawn import Top, is_changing, lines_of_tree
from actors.snapshots.layout import more
from actors.snapshots.words import details
from actors.texts import clipped, for_mermaid, plain

if TYPE_CHECKING:
    from actors.snapshots.drawn import Drawn
    from actors.snapshots.tree import Tree

__all__ = ["CLASSES", "LONGEST", "flowchart", "tree_mermaid"]

LONGEST = 48_000  # characters; Mermaid reads 50,000
_WIDE = 60  # columns of a line in a box
CLASSES = """\
    classDef running stroke:#15803d,stroke-width:2px;
    classDef changing stroke:#ea580c,stroke-width:2px;
    classDef over stroke:#8b949e,stroke-dasharray:4 3;
    classDef more stroke:#8b949e,stroke-dasharray:1 3;
"""


def tree_mermaid(tree: Tree, limit: int) -> str:
    """Return a tree as a flowchart. Supervisors have a double frame; green frames are actors that run, orange ones come or go."""
    most = limit
    while len(picture := _picture(lines_of_tree(tree, most))) > LONGEST:
        most //= 2
    return picture


def _picture(lines: list[Drawn]) -> str:
    return flowchart([_box(line) for line in lines], [line.parent for line in lines])


def flowchart(boxes: list[str], parents: list[int]) -> str:
    """Return a tree of boxes, each with the place of its parent, as a flowchart."""
    drawn = [f"    n{number}{box}" for number, box in enumerate(boxes)]
    links = [f"    n{parent} --- n{number}" for number, parent in enumerate(parents) if number]
    return "\n".join(["flowchart LR", *drawn, *links]) + f"\n{CLASSES}"


def _box(line: Drawn) -> str:
    node = line.node
    if node is None:
        return f'("{for_mermaid(more(line.left_out))}"):::more'
    if isinstance(node, Top):
        return f'(["{for_mermaid(clipped(plain(node.name), _WIDE))}"]):::running'
    texts = [f"{node.name}  {node.actor_class}", " · ".join([node.state.value, *details(node)])]
    label = "<br/>".join(for_mermaid(clipped(plain(text), _WIDE)) for text in texts)
    left, right = ("[[", "]]") if node.supervisor else ("[", "]")
    return f'{left}"{label}"{right}:::{"changing" if is_changing(node) else "running"}'
