"""All actors of a system at one moment, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.snapshots.difference import TreeDifference
    from actors.snapshots.records import ActorInfo

__all__ = ["Tree"]


@dataclass(frozen=True, slots=True)
class Tree:
    """The actors of a system, as `ActorSystem.tree` saw them. Those that are at work meanwhile may be seen at slightly different moments.

    Attributes:
        system: its name.
        time: the clock's time, in seconds.
        wall: the time of the day, in seconds since the epoch of Unix.
        actors: those at root level, in start order; each has its children.
        threads: pool and loop threads.
        dead_letters: messages that were not handled, so far.
    """

    system: str
    time: float
    wall: float
    actors: tuple[ActorInfo, ...] = field(repr=False)
    threads: int
    dead_letters: int

    def walk(self) -> Iterator[ActorInfo]:
        """Yield every actor, each before its children, in start order."""
        todo = list(reversed(self.actors))
        while todo:
            info = todo.pop()
            yield info
            todo += reversed(info.children)

    def find(self, path: str) -> ActorInfo | None:
        """Return the actor at `path`, like ``/parent/child``; None if there is none."""
        found, level = None, self.actors
        for name in path.strip("/").split("/"):
            found = next((info for info in level if info.name == name), None)
            if found is None:
                return None
            level = found.children
        return found

    @property
    def count(self) -> int:
        """How many actors there are."""
        return sum(1 for _ in self.walk())

    def text(self, *, width: int | None = None, depth: int | None = None, color: bool = False) -> str:
        """Return a line for each actor, with its class, its state, and what is out of the ordinary.

        Of more than 300 actors, and of more than 40 children of one, some are only counted.

        Args:
            width: columns of the longest line; None: as long as it takes.
            depth: levels that are shown; None: all of them.
            color: use the colours of a terminal.
        """
        from actors.snapshots.text import tree_text  # noqa: PLC0415  # pictures are loaded by those who draw

        return tree_text(self, width=width, depth=depth, color=color)

    def mermaid(self, *, limit: int = 200) -> str:
        """Return the text of a Mermaid ``flowchart``, which GitHub and MkDocs draw, of at most `limit` actors; the others are counted."""
        from actors.snapshots.mermaid import tree_mermaid  # noqa: PLC0415  # as above

        return tree_mermaid(self, limit)

    def svg(self, *, limit: int = 500) -> str:
        """Return an SVG document of at most `limit` actors; the others are counted. Its colours follow the page: light or dark."""
        from actors.snapshots.svg import tree_svg  # noqa: PLC0415  # as above

        return tree_svg(self, limit)

    def json(self) -> str:
        """Return everything as JSON; `from_json` reads it."""
        from actors.snapshots.as_json import tree_json  # noqa: PLC0415  # as above

        return tree_json(self)

    @classmethod
    def from_json(cls, text: str) -> Tree:
        """Return the tree that `json` gave, equal to that one.

        Raises:
            ValueError: `text` is not what `json` gives.
        """
        from actors.snapshots.as_json import tree_from_json  # noqa: PLC0415  # as above

        return tree_from_json(text)

    def difference(self, later: Tree) -> TreeDifference:
        """Return what has become of the actors from here to `later`."""
        from actors.snapshots.difference import difference  # noqa: PLC0415  # as above

        return difference(self, later)
