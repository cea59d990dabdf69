"""A tree of actors as an SVG picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.boxes import Box, boxes_svg
from actors.snapshots.drawn import Top, is_changing, lines_of_tree
from actors.snapshots.layout import more
from actors.snapshots.words import details
from actors.texts import clipped, plain

if TYPE_CHECKING:
    from actors.snapshots.drawn import Drawn
    from actors.snapshots.tree import Tree

__all__ = ["tree_svg"]

_NAME, _TOLD = 40, 64  # columns that are shown of a text; all of it is in the tooltip


def tree_svg(tree: Tree, limit: int) -> str:
    """Return a tree as an SVG document.

    Supervisors have a violet frame. A green dot is an actor that runs; an orange one comes or goes, or watchdogs have something to say of
    it.
    """
    lines = lines_of_tree(tree, limit)
    return boxes_svg(lines, [_box(line) for line in lines])


def _box(line: Drawn) -> Box:
    node = line.node
    if node is None:
        return Box([("gt-muted", more(line.left_out))], more(line.left_out), "gt-left-out")
    if isinstance(node, Top):
        return Box([("gt-ink gt-name", clipped(plain(node.name), _NAME)), ("gt-muted", "ActorSystem")], plain(node.name), "", "gt-start")
    told = " · ".join([node.state.value, *details(node)])
    texts = [
        ("gt-ink gt-name", clipped(node.name, _NAME)),
        ("gt-muted", clipped(plain(node.actor_class), _TOLD)),
        ("gt-ink", clipped(plain(told), _TOLD)),
    ]
    dot = "gt-warm" if is_changing(node) or node.warnings else "gt-start"
    tooltip = "\n".join(map(plain, [node.path, node.actor_class, told]))
    return Box(texts, tooltip, "gt-supervisor" if node.supervisor else "", dot)
