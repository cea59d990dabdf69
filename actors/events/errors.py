"""The exceptions of the event bus.

actors.ActorError
└── BusError
    ├── TopicError (also ValueError)
    ├── BusClosedError
    ├── BusFullError
    └── NoResponderError
"""

from __future__ import annotations

from typing import Any

from actors.errors import ActorError

__all__ = ["BusClosedError", "BusError", "BusFullError", "NoResponderError", "TopicError"]


class BusError(ActorError):
    """Root of the errors of the event bus."""


class TopicError(BusError, ValueError):
    """A text is no topic, or no pattern of topics.

    Attributes:
        topic: the text.
        why: what is wrong with it, and what to write.
    """

    def __init__(self, topic: str, why: str) -> None:
        super().__init__(topic, why)
        self.topic = topic
        self.why = why

    def __str__(self) -> str:
        return f"{self.topic!r} is not valid: {self.why}"


class BusClosedError(BusError):
    """The bus is closed, or its system has ended: it carries nothing any more.

    Attributes:
        name: of the bus.
        event: what was to be published or asked, if anything; it is yours again.
    """

    def __init__(self, name: str, event: Any = None) -> None:
        super().__init__(name, event)
        self.name = name
        self.event = event

    def __str__(self) -> str:
        return f"the bus {self.name!r} is closed; make another EventBus, or close it later"


class BusFullError(BusError):
    """The bus keeps as much as it may.

    Attributes:
        parameter: of `EventBus`: ``"retained"`` or ``"subscriptions"``.
        limit: how many of them it keeps.
    """

    def __init__(self, parameter: str, limit: int) -> None:
        super().__init__(parameter, limit)
        self.parameter = parameter
        self.limit = limit

    def __str__(self) -> str:
        advice = "forget() topics" if self.parameter == "retained" else "cancel some"
        return f"the bus has {self.limit} {self.parameter} already; {advice}, or give EventBus(..., {self.parameter}=) more"


class NoResponderError(BusError):
    """Nobody answers requests on this topic.

    Attributes:
        topic: of the request.
    """

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        return f"nobody answers requests on {self.topic!r}; bus.respond() comes before bus.request()"
