"""A tree of actors as an SVG picture: the first to the left, its children stacked to the right of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.boxes import Box, boxes_svg
from actors.texts import clipped, plain
from supervisors.picture import Condition, condition_of, details, lines_of, more

if TYPE_CHECKING:
    from supervisors.nodes import TreeNode
    from supervisors.picture import Line

__all__ = ["tree_svg"]

_NAME, _TOLD = 40, 64  # columns that are shown of a text; all of it is in the tooltip
_DOTS = {Condition.RUNNING: "gt-start", Condition.CHANGING: "gt-warm", Condition.OVER: "gt-reply"}


def tree_svg(node: TreeNode) -> str:
    """Return a tree as an SVG document.

    Supervisors have a violet frame. A green dot is an actor that runs, an orange one comes or goes, a grey one has ended; the last error is
    red. Tooltips have the whole path and the whole error. The colours follow the page: light or dark. Of more than 300 actors, and of more
    than 40 children of one, some are only counted.
    """
    lines = lines_of(node)
    return boxes_svg(lines, [_box(line) for line in lines])


def _box(line: Line[TreeNode]) -> Box:
    node = line.node
    if node is None:
        return Box(_texts(line), _tooltip(line), "gt-left-out")
    return Box(_texts(line), _tooltip(line), "gt-supervisor" if node.strategy is not None else "", _DOTS[condition_of(node)])


def _texts(line: Line[TreeNode]) -> list[tuple[str, str]]:
    """Return the lines of text in a box, each with its classes."""
    node = line.node
    if node is None:
        return [("gt-muted", more(line.left_out))]
    told = " · ".join([str(node.state.value), *details(node)])
    texts = [
        ("gt-ink gt-name", clipped(plain(node.name), _NAME)),
        ("gt-muted", clipped(plain(node.kind), _TOLD)),
        ("gt-ink", clipped(plain(told), _TOLD)),
    ]
    if node.error is not None:
        texts.append(("gt-crash", clipped(plain(node.error), _TOLD)))
    return texts


def _tooltip(line: Line[TreeNode]) -> str:
    node = line.node
    if node is None:
        return more(line.left_out)
    return "\n".join(map(plain, [node.path, node.kind, *([node.error] if node.error is not None else [])]))
