"""What goes wrong at a channel.

ActorError
└── ChannelError
    ├── ChannelClosedError
    ├── ChannelEndedError (also EOFError)
    ├── ChannelFullError
    ├── ChannelEmptyError
    └── ChannelOutsideError
"""

from __future__ import annotations

from typing import Any

from actors.errors import ActorError

__all__ = ["ChannelClosedError", "ChannelEmptyError", "ChannelEndedError", "ChannelError", "ChannelFullError", "ChannelOutsideError"]


class ChannelError(ActorError):
    """Root of what is raised at a channel.

    Attributes:
        channel: the name of the channel, for people.
    """

    channel: str


class ChannelClosedError(ChannelError):
    """The end that was used is closed, or nothing can be sent any more.

    Attributes:
        value: what was not sent; None if nothing was to be sent.
        why: what is closed.
    """

    def __init__(self, channel: str, why: str, value: Any = None) -> None:
        super().__init__(channel, why, value)
        self.channel = channel
        self.why = why
        self.value = value

    def __str__(self) -> str:
        return f"{self.channel}: {self.why}"


class ChannelEndedError(ChannelError, EOFError):
    """The channel is closed and drained: nothing will ever come."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"{self.channel} is closed and drained; `for value in receiver` ends by itself here"


class ChannelFullError(ChannelError):
    """There was no room for a value, and the sender did not want to wait.

    Attributes:
        value: what was not sent.
        capacity: how many values may wait; 0: a value has to be taken by somebody who waits for one.
    """

    def __init__(self, channel: str, value: Any, capacity: int) -> None:
        super().__init__(channel, value, capacity)
        self.channel = channel
        self.value = value
        self.capacity = capacity

    def __str__(self) -> str:
        why = f"full ({self.capacity} values wait)" if self.capacity else "a rendezvous, and nobody waits to receive"
        return f"{self.channel} is {why}; send() and send_async() wait"


class ChannelEmptyError(ChannelError):
    """Nothing was there to be received, and the receiver did not want to wait."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"nothing waits in {self.channel}; receive() and receive_async() wait"


class ChannelOutsideError(ChannelError):
    """A simulation uses a channel that was made outside of it: it could not see what happens there, and would try too few orders."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"{self.channel} was made outside of this simulation, which cannot see what happens at it; make it inside of the scenario"
