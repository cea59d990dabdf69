"""The figures of a running stream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["StageState", "StageStats", "StreamState", "StreamStats"]


class StreamState(Enum):
    """Where a stream is in its life."""

    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StageState(Enum):
    """What a stage is at."""

    WORKING = "working"
    WAITS_FOR_ELEMENTS = "waits for elements"
    WAITS_FOR_ROOM = "waits for room"
    ENDED = "ended"
    FAILED = "failed"
    """Ended, with the error that ended the stream: what it raised, or because its actor died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStats:
    """A stage at one moment. The figures are read while it works: they may be of moments that lie a little apart.

    Attributes:
        name: the stage's name.
        kind: what it does, like ``map``.
        state: what it is at. A stage that waits for something outside of the stream (the answer to an ask, the next element of a slow
            iterator) is WORKING.
        taken: elements that it has taken from those that waited.
        given: elements that it has given on; of a broadcast, to the fastest branch; of a partition, to all together.
        skipped: elements that were dropped because of an error.
        dropped: elements that were dropped for want of room, by the policy of a buffer, or of somebody who wants them, by a partition.
        restarts: how often it began anew.
        waiting: elements that wait before it.
        capacity: how many may wait before it; 0 for a source.
        room: elements that those behind it have room for.
        under_way: elements that it has taken and not done with, in parallel stages.
        rate: elements a second, lately: taken, or given by a source.
        feeds: the indexes of the stages behind it.
    """

    name: str
    kind: str
    state: StageState
    taken: int
    given: int
    skipped: int
    dropped: int
    restarts: int
    waiting: int
    capacity: int
    room: int
    under_way: int
    rate: float
    feeds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """A stream at one moment.

    Attributes:
        name: the stream's name.
        state: where it is in its life.
        seconds: how long it has run, or ran.
        stages: its stages, each after those before it.
        error: type and text of the error that it failed with, None if it has not failed.
    """

    name: str
    state: StreamState
    seconds: float
    stages: tuple[StageStats, ...]
    error: str | None = None

    def stuck(self) -> StageStats | None:
        """Return the stage that sets the pace of the others: the bottleneck. None if there is none, or it cannot be told.

        That is the stage that works while elements wait before it and those behind it wait for what it gives; of several the one with the
        fullest room before it. A source sets the pace if it works and nothing waits anywhere.
        """
        working = [one for one in self.stages if one.state is StageState.WORKING and self._starves(one)]
        held_up = [one for one in working if one.capacity]
        full = [one for one in held_up if one.waiting]
        if full:
            return max(full, key=lambda one: one.waiting / one.capacity)
        return next(iter(held_up), next(iter(working), None))

    def _starves(self, stage: StageStats) -> bool:
        """Tell whether nobody behind `stage` has more to do than it can."""
        after = [self.stages[index] for index in stage.feeds]
        return all(one.state is not StageState.WAITS_FOR_ROOM and 2 * one.waiting <= one.capacity for one in after)
