"""Demand-driven pipelines: sources, stages and sinks, each stage an actor, and back-pressure from end to end."""

from actors.streams.coordinator import StreamActor
from actors.streams.elements import Elements
from actors.streams.errors import StageDiedError, StreamCancelled, StreamGraphError, StreamLimitError
from actors.streams.events import ElementSkipped, StageRestarted, StreamEnded
from actors.streams.graph import OnError
from actors.streams.showing import show_stream
from actors.streams.sink import Sink
from actors.streams.source import Source
from actors.streams.stats import StageState, StageStats, StreamState, StreamStats
from actors.streams.stream import Stream, StreamRun

__all__ = [
    "ElementSkipped",
    "Elements",
    "OnError",
    "Sink",
    "Source",
    "StageDiedError",
    "StageRestarted",
    "StageState",
    "StageStats",
    "Stream",
    "StreamActor",
    "StreamCancelled",
    "StreamEnded",
    "StreamGraphError",
    "StreamLimitError",
    "StreamRun",
    "StreamState",
    "StreamStats",
    "show_stream",
]
