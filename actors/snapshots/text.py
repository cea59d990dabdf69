"""A tree of actors as text: a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.drawn import Top, is_changing, lines_of_tree
from actors.snapshots.layout import MOST, more, stems_of
from actors.snapshots.words import details
from actors.texts import clipped, columns, plain

if TYPE_CHECKING:
    from actors.snapshots.drawn import Drawn
    from actors.snapshots.tree import Tree

__all__ = ["tree_text"]

_NAME = 48  # columns
_GREEN, _YELLOW, _GREY, _OFF = "\x1b[32m", "\x1b[33m", "\x1b[90m", "\x1b[0m"


def tree_text(tree: Tree, *, width: int | None, depth: int | None, color: bool) -> str:
    """Return a tree as text; see `Tree.text`."""
    lines = lines_of_tree(tree, MOST, depth)
    cells = [(stem + name, kind, state) for stem, (name, kind, state) in zip(stems_of(lines), map(_cells, lines), strict=True)]
    room = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    rows = []
    for line, row in zip(lines, cells, strict=True):
        padded = "  ".join(cell + " " * (size - columns(cell)) for cell, size in zip(row, room, strict=True))
        text = f"{padded}  {_said(tree, line)}".rstrip()
        text = text if width is None else clipped(text, width)
        rows.append(f"{_color(line)}{text}{_OFF}" if color else text)
    return "\n".join(rows) + "\n"


def _cells(line: Drawn) -> tuple[str, str, str]:
    node = line.node
    if node is None:
        return more(line.left_out), "", ""
    if isinstance(node, Top):
        return clipped(plain(node.name), _NAME), "ActorSystem", ""
    return clipped(node.name, _NAME), clipped(plain(node.actor_class), _NAME), node.state.value


def _said(tree: Tree, line: Drawn) -> str:
    node = line.node
    if node is None:
        return ""
    if isinstance(node, Top):
        return f"{tree.count:,} actors · {tree.threads} threads · {tree.dead_letters:,} dead letters"
    return " · ".join(details(node))


def _color(line: Drawn) -> str:
    node = line.node
    if node is None or isinstance(node, Top):
        return _GREY
    return _YELLOW if is_changing(node) or node.warnings else _GREEN if node.handling is not None else ""
