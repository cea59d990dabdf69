"""The ends of a channel: `Sender`, `Receiver`, and `Channel`, which is both."""

from __future__ import annotations

from typing import Any, TypeVar

from actors.channels.pipe import Pipe
from actors.channels.using import Receiving, Sending

__all__ = ["Channel", "Receiver", "Sender", "open_channel"]

LARGEST = 1_000_000
"""The greatest bound of a channel: room for a value takes eight bytes from the start, also where no value ever waits."""

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class Sender(Sending[T_contra]):
    """An end of a channel that sends. Made by `open_channel`, `clone`, or `Channel.sender`.

    May be used by any number of threads, handlers and coroutines at once. As a context manager, plain or async, it is closed at the end.
    """

    def __init__(self, pipe: Pipe, of: type | None = None, like: Sender[T_contra] | None = None) -> None:
        self._open_sending(pipe, of)
        pipe.open_end(like, senders=1)

    def clone(self) -> Sender[T_contra]:
        """Return another end of the same channel. Nothing more can be sent once all of them are closed.

        Raises:
            ChannelClosedError: this end is closed.
        """
        return Sender(self._pipe, self._of, self)

    def close(self) -> None:
        """Close this end. With the last one, receivers get what waits, and then see the end. To do so again does nothing.

        Sends that wait at this end get ChannelClosedError with their value.
        """
        self._claim = _no_token  # the short way is closed to this end
        self._pipe.close_sender(self._mark_closed)


class Receiver(Receiving[T_co]):
    """An end of a channel that receives. Made by `open_channel`, `clone`, or `Channel.receiver`.

    May be used by any number of threads, handlers and coroutines at once: each value goes to one of them. As a context manager, plain or
    async, it is closed at the end.
    """

    def __init__(self, pipe: Pipe, like: Receiver[T_co] | None = None) -> None:
        self._open_receiving(pipe)
        pipe.open_end(like, receivers=1)

    def clone(self) -> Receiver[T_co]:
        """Return another end of the same channel. Senders are refused once all of them are closed.

        Raises:
            ChannelClosedError: this end is closed.
        """
        return Receiver(self._pipe, self)

    def close(self) -> list[T_co]:
        """Close this end. With the last one, nobody can send any more, and senders that wait get their value back in an error.

        Receives that wait at this end get ChannelClosedError.

        Returns:
            What waited and will be received by nobody: of the last end that is closed. To close once more returns an empty list.
        """
        self._pull = _no_value  # the short way is closed to this end
        return self._pipe.close_receiver(self._mark_closed)


class Channel(Sending[T], Receiving[T]):
    """Both ends of a channel in one object, as in Go: for a program that hands it to everybody.

    ::

        jobs = Channel[int](10)
        jobs.send(1)
        jobs.close()
        for job in jobs:
            ...

    `close` ends the sending for everybody; what waits is still received. The object counts as a sender and as a receiver: further ends
    come from `sender` and `receiver`. As a context manager, plain or async, it is closed at the end.

    Args:
        capacity: how many values may wait; 0: a rendezvous, where a send returns when the value was received; None: any number.
        name: for errors.

    Raises:
        TypeError: `capacity` is no whole number.
        ValueError: it is negative, or more than a million.
    """

    def __init__(self, capacity: int | None, *, name: str = "channel") -> None:
        pipe = _new_pipe(capacity, name)
        self._open_sending(pipe, None)
        self._open_receiving(pipe)
        pipe.open_end(senders=1, receivers=1)

    def sender(self) -> Sender[T]:
        """Return a sending end. The channel is open to it until `close`, or until it is closed itself."""
        return Sender(self._pipe)

    def receiver(self) -> Receiver[T]:
        """Return a receiving end."""
        return Receiver(self._pipe)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._pipe.stats().closed

    def close(self) -> None:
        """Let nothing more be sent, by whomever. Receivers get what waits, and then see the end. To do so again does nothing."""
        self._pipe.shut()


def open_channel(capacity: int | None, of: type[T] | None = None, *, name: str = "channel") -> tuple[Sender[T], Receiver[T]]:
    """Return the two ends of a new channel, as in trio: each side closes its own.

    ::

        sender, receiver = open_channel(10, of=str)

    Args:
        capacity: how many values may wait; 0: a rendezvous, where a send returns when the value was received; None: any number.
        of: what alone may be sent; None: anything. Tells type checkers, and is checked with each value.
        name: for errors.

    Raises:
        TypeError: `capacity` is no whole number, or `of` is no class.
        ValueError: `capacity` is negative, or more than a million.
    """
    if of is not None and not isinstance(of, type):
        msg = f"of={of!r} is not valid: a class, or None for any value"
        raise TypeError(msg)
    pipe = _new_pipe(capacity, name)
    return Sender(pipe, of), Receiver(pipe)


def _new_pipe(capacity: object, name: object) -> Pipe:
    if not isinstance(name, str):
        msg = f"name={name!r} is not valid: a text"
        raise TypeError(msg)
    if capacity is None:
        return Pipe(None, name)
    if isinstance(capacity, bool) or not isinstance(capacity, int):
        msg = f"capacity={capacity!r} is not valid: how many values may wait, a whole number; 0 for a rendezvous, None for no bound"
        raise TypeError(msg)
    if not 0 <= capacity <= LARGEST:
        msg = f"capacity={capacity!r} is not valid: from 0 (a rendezvous) to {LARGEST:,}, or None for no bound"
        raise ValueError(msg)
    return Pipe(capacity, name)


def _no_token() -> None:
    raise IndexError


def _no_value() -> Any:
    raise IndexError
