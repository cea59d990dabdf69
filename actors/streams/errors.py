"""What goes wrong with a stream.

ActorError
├── StreamCancelled
├── StageDiedError
├── StreamGraphError (also ValueError)
└── StreamLimitError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.errors import ActorError

if TYPE_CHECKING:
    from actors._core.lifecycle import DownReason

__all__ = ["StageDiedError", "StreamCancelled", "StreamGraphError", "StreamLimitError"]


class StreamCancelled(ActorError):
    """The stream was cancelled before it had a result.

    Attributes:
        stream: its name.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.stream = stream

    def __str__(self) -> str:
        return f"stream {self.stream!r} was cancelled before it had a result"


class StageDiedError(ActorError):
    """An actor of the stream has ended that should not: it was killed or stopped from outside, or crashed by itself.

    The elements that it had are gone with it, so no policy lets a stream go on without them.

    Attributes:
        stream: the stream's name.
        stage: the stage's name; that of the stream if the actor that runs it has ended.
        reason: how the actor ended; None if that is not known.
    """

    def __init__(self, stream: str, stage: str, reason: DownReason | None = None) -> None:
        super().__init__(stream, stage, reason)
        self.stream = stream
        self.stage = stage
        self.reason = reason

    def __str__(self) -> str:
        how = self.reason.name.lower() if self.reason is not None else "ended"
        what = "the stream" if self.stage == self.stream else f"stage {self.stage!r}"
        return f"stream {self.stream!r}: the actor of {what} was {how} before its work was done; run the stream again"


class StreamGraphError(ActorError, ValueError):
    """The stages cannot be run as they hang together.

    Attributes:
        why: what is wrong, and what to do about it.
        stage: the name of the stage where it is.
    """

    def __init__(self, why: str, stage: str) -> None:
        super().__init__(why, stage)
        self.why = why
        self.stage = stage

    def __str__(self) -> str:
        return f"stage {self.stage!r}: {self.why}"


class StreamLimitError(ActorError):
    """More elements came than the sink was to hold.

    Attributes:
        stage: the name of the sink.
        limit: how many it was to hold.
    """

    def __init__(self, stage: str, limit: int) -> None:
        super().__init__(stage, limit)
        self.stage = stage
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.stage}: more than limit={self.limit} elements; give a higher limit, or a sink that holds none, like Sink.each"
