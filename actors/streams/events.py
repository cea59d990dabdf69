"""What a stream tells on `system.events`: frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.streams.stats import StreamState

__all__ = ["ElementSkipped", "StageRestarted", "StreamEnded"]


@dataclass(frozen=True, slots=True)
class ElementSkipped:
    """An element was dropped, by `OnError.SKIP` or `OnError.RESTART`; it is a dead letter of the stage's actor, too.

    Attributes:
        stream: the name of the stream.
        stage: the name of the stage.
        element: the element; None for one that a source did not come to give.
        error: what was raised.
    """

    stream: str
    stage: str
    element: Any
    error: BaseException


@dataclass(frozen=True, slots=True)
class StageRestarted:
    """A stage began anew, without its state, by `OnError.RESTART`.

    Attributes:
        stream: the name of the stream.
        stage: the name of the stage.
        error: what was raised.
    """

    stream: str
    stage: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A stream is over.

    Attributes:
        stream: the name of the stream.
        state: how it ended.
        error: what it failed with; None if it did not.
    """

    stream: str
    state: StreamState
    error: BaseException | None
