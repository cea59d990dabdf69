"""Where the stages of a stream stand in a picture: sources above, what they feed below, branches side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.streams.stats import StageStats

__all__ = ["Place", "layout"]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one stage.

    Attributes:
        lane: its column.
        layer: its row: below all that feed it.
        joins: the other lanes on which elements come to it; they end here.
        forks: the lanes on which its elements go, in the order of `StageStats.feeds`. The first one is its own.
        passing: the lanes of edges that go past it.
    """

    lane: int
    layer: int
    joins: tuple[int, ...]
    forks: tuple[int, ...]
    passing: frozenset[int]


@dataclass(slots=True)
class _Lane:
    """A column while stages are placed: the stage that its edge leads to, and the first layer at which it is free if there is none."""

    target: int | None
    free: int = 0


def layout(stages: Sequence[StageStats]) -> list[Place]:
    """Return the place of each stage. Each has to come after those that feed it.

    No edge crosses a stage: a lane belongs to one edge, or one stage, in each layer.
    """
    layers = _layers(stages)
    lanes: list[_Lane] = []
    places = []
    for index, stage in enumerate(stages):
        layer = layers[index]
        mine = [number for number, lane in enumerate(lanes) if lane.target == index]
        for number in mine:
            lanes[number].target, lanes[number].free = None, layer + 1
        own = mine[0] if mine else _free(lanes, layer, 0)
        passing = frozenset(number for number, lane in enumerate(lanes) if lane.target is not None)
        lanes[own].free = layer + 1
        forks: list[int] = []
        for target in stage.feeds:
            number = _free(lanes, layer + 1, own + 1) if forks else own
            lanes[number].target = target
            forks.append(number)
        places.append(Place(own, layer, tuple(mine[1:]), tuple(forks), passing))
    return places


def _free(lanes: list[_Lane], layer: int, least: int) -> int:
    """Return the first lane from `least` on that is free at `layer`; a new one if there is none."""
    for number in range(least, len(lanes)):
        if lanes[number].target is None and lanes[number].free <= layer:
            return number
    lanes.append(_Lane(None))
    return len(lanes) - 1


def _layers(stages: Sequence[StageStats]) -> list[int]:
    """Return the row of each stage: that of the longest way to it; a source stands just above what it feeds."""
    layers = [0] * len(stages)
    fed = [False] * len(stages)
    for index, stage in enumerate(stages):
        for target in stage.feeds:
            layers[target] = max(layers[target], layers[index] + 1)
            fed[target] = True
    for index, stage in enumerate(stages):
        if not fed[index] and stage.feeds:
            layers[index] = min(layers[target] for target in stage.feeds) - 1
    return layers
