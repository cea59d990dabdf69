"""The lines of a picture of a `Tree`: the system first, then its actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from actors._core.lifecycle import Lifecycle
from actors.snapshots.layout import WIDEST, Line, lines_of
from actors.snapshots.records import ActorInfo, WaitKind

if TYPE_CHECKING:
    from actors.snapshots.tree import Tree

__all__ = ["Drawn", "Top", "is_changing", "lines_of_tree"]


@dataclass(frozen=True, slots=True)
class Top:
    """The system itself, as the first one of a picture."""

    name: str
    children: tuple[ActorInfo, ...]


Drawn: TypeAlias = Line[ActorInfo | Top]


def lines_of_tree(tree: Tree, most: int, depth: int | None = None) -> list[Drawn]:
    """Return the system and at most `most` of its actors; of very many those that do not just run, or that wait, come first."""
    top: ActorInfo | Top = Top(tree.system, tree.actors)
    return lines_of(top, most=most + 1, widest=WIDEST, in_trouble=_in_trouble, deepest=depth)


def is_changing(info: ActorInfo) -> bool:
    """Tell whether an actor comes or goes."""
    return info.state is not Lifecycle.RUNNING


def _in_trouble(info: ActorInfo | Top) -> bool:
    if not isinstance(info, ActorInfo):
        return False
    return is_changing(info) or info.suspended or bool(info.warnings) or any(wait.kind is not WaitKind.FOREIGN for wait in info.waits)
