"""What has become of the actors of a system between two looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.snapshots.words import details

if TYPE_CHECKING:
    from actors.snapshots.records import ActorInfo
    from actors.snapshots.tree import Tree

__all__ = ["TreeDifference", "difference"]


@dataclass(frozen=True, slots=True)
class TreeDifference:
    """What has become of the actors of a system. False if it is nothing.

    Attributes:
        started: actors that were not there before.
        ended: actors that are not there any more.
        restarted: actors with another instance, before and after.
        changed: those with the same instance that did something, or are in another state, before and after.
    """

    started: tuple[ActorInfo, ...]
    ended: tuple[ActorInfo, ...]
    restarted: tuple[tuple[ActorInfo, ActorInfo], ...]
    changed: tuple[tuple[ActorInfo, ActorInfo], ...]

    def __bool__(self) -> bool:
        return bool(self.started or self.ended or self.restarted or self.changed)

    def text(self) -> str:
        """Return a line for each of these actors: ``+`` started, ``-`` ended, ``!`` restarted, ``~`` changed."""
        lines = [f"+ {info.path}  {info.actor_class}" for info in self.started]
        lines += [f"- {info.path}  {info.actor_class}" for info in self.ended]
        lines += [f"! {after.path}  incarnation {before.incarnation} → {after.incarnation}" for before, after in self.restarted]
        lines += [f"~ {after.path}  {_said(before)} → {_said(after)}" for before, after in self.changed]
        return "".join(f"{line}\n" for line in lines)


def difference(before: Tree, after: Tree) -> TreeDifference:
    """Return what has become of the actors of `before` in `after`. An actor is the same if path and uid are."""
    was = {(info.path, info.uid): info for info in before.walk()}
    now = {(info.path, info.uid): info for info in after.walk()}
    both = [(info, now[key]) for key, info in was.items() if key in now]
    return TreeDifference(
        tuple(info for key, info in now.items() if key not in was),
        tuple(info for key, info in was.items() if key not in now),
        tuple(pair for pair in both if pair[0].incarnation != pair[1].incarnation),
        tuple(pair for pair in both if pair[0].incarnation == pair[1].incarnation and _lasting(pair[0]) != _lasting(pair[1])),
    )


def _lasting(info: ActorInfo) -> ActorInfo:
    """Return the record without what changes by itself: the time that passes, and its children, which have records of their own."""
    waits = tuple(replace(wait, seconds=None) for wait in info.waits)
    timers = tuple(replace(timer, due=0.0) for timer in info.timers)
    return replace(info, waits=waits, timers=timers, children=())


def _said(info: ActorInfo) -> str:
    return ", ".join([info.state.value, *details(info)])
