"""What one can do with the ends of a channel: send and receive, now or waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from actors._core.seconds import check_timeout
from actors.channels.errors import ChannelEmptyError, ChannelEndedError, ChannelFullError
from actors.channels.pipe import Full, Pipe, Waiting
from actors.channels.waiting import block, wait_async
from actors.channels.waits import ENDED, NOTHING, new_wait, new_wait_async
from actors.errors import Timeout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from actors._core.cell import Cell
    from actors.channels.stats import ChannelStats
    from actors.channels.waits import Wait

__all__ = ["End", "Receiving", "SendCase", "Sending"]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class End:
    """What all ends have."""

    _pipe: Pipe
    _closed = False  # written under the channel's lock

    @property
    def closed(self) -> bool:
        """Whether this end is closed."""
        self._pipe.look()
        return self._closed

    @property
    def name(self) -> str:
        """The name of the channel, for people."""
        return self._pipe.name

    def about(self) -> tuple[tuple[str, Cell | str], ...]:
        """Return what a wait at this end is for, for who looks on."""
        return (("channel", f"{type(self).__name__.lower()} of {self._pipe.name}"),)

    def stats(self) -> ChannelStats:
        """Return what is known of the channel now."""
        return self._pipe.stats()

    def close(self) -> object:
        """Close it; see the classes below."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _mark_closed(self) -> bool:
        if self._closed:
            return False
        self._closed = True
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name}{', closed' if self._closed else ''}>"

    def __reduce__(self) -> Any:
        msg = f"{self!r} cannot be copied or pickled: use clone() for another end of the same channel, in this process"
        raise TypeError(msg)


class Sending(End, Generic[T_contra]):
    """What one can do with an end that sends."""

    _of: type | None = None

    def _open_sending(self, pipe: Pipe, of: type | None) -> None:
        self._pipe = pipe
        self._of = of
        self._claim = pipe.claim
        self._push = pipe.push
        self._count = pipe.count

    def send(self, value: T_contra, *, timeout: float | None = None) -> None:
        """Send `value`: return when the channel has room for it, or, at a rendezvous, when somebody has received it.

        It waits as `Future.get` does: a plain handler parks, a plain thread blocks. Senders that wait are served in the order in which they
        came. Values of one sender are received in the order sent.

        Args:
            value: anything.
            timeout: seconds to wait at most; 0: not at all.

        Raises:
            ChannelClosedError: this end, or the sending as such, is closed, or there is no receiver left. The value was not sent, and is
                in the error.
            Timeout: there was no room within `timeout` seconds; the value was not sent.
            TypeError: the value is not what the channel is for.
            BlockingInLoopError: it would have to wait, on an event loop with actors; use `send_async`.
        """
        seconds = None if timeout is None else check_timeout(timeout)
        pipe, of = self._pipe, self._of
        if not pipe.busy and (of is None or isinstance(value, of)):
            try:
                self._claim()
                self._count()
                self._push(value)
            except IndexError:
                pass
            except BaseException:
                pipe.interrupted()
                raise
            else:
                if pipe.busy:
                    pipe.settle_late(value)
                return
        try:
            wait = pipe.give(self, self._checked(value), new_wait if seconds is None or seconds > 0 else None)
        except Full:
            raise self._late(timeout) from None
        if wait is not None and block(wait, seconds) is None:
            raise self._late(timeout)

    async def send_async(self, value: T_contra, *, timeout: float | None = None) -> None:
        """Do as `send` without blocking the event loop.

        If the task is cancelled while it waits, the value was not sent, unless it was received in that very moment.
        """
        seconds = None if timeout is None else check_timeout(timeout)
        pipe, of = self._pipe, self._of
        if not pipe.busy and (of is None or isinstance(value, of)):
            try:
                self._claim()
                self._count()
                self._push(value)
            except IndexError:
                pass
            except BaseException:
                pipe.interrupted()
                raise
            else:
                if pipe.busy:
                    pipe.settle_late(value)
                return
        try:
            wait = pipe.give(self, self._checked(value), new_wait_async if seconds is None or seconds > 0 else None)
        except Full:
            raise self._late(timeout) from None
        if wait is not None and await wait_async(wait, seconds) is None:
            raise self._late(timeout)

    def send_nowait(self, value: T_contra) -> None:
        """Send `value` if that is possible at once.

        Raises:
            ChannelFullError: it is not; the value is in the error.
            ChannelClosedError, TypeError: as `send`.
        """
        try:
            self._pipe.give(self, self._checked(value), None)
        except Full:
            raise ChannelFullError(self.name, value, self._pipe.capacity or 0) from None

    def sending(self, value: T_contra) -> SendCase[T_contra]:
        """Return the sending of `value` as a case for `select`."""
        return SendCase(self, value)

    def _checked(self, value: T_contra) -> Any:
        if self._of is not None and not isinstance(value, self._of):
            msg = f"value={value!r} is not valid: {self.name} is for {self._of.__qualname__}"
            raise TypeError(msg)
        return value

    def _late(self, timeout: float | None) -> Timeout:
        return Timeout(f"{self.name} had no room within {timeout} seconds; the value was not sent")


class SendCase(Generic[T]):
    """The sending of a value, as a case for `select`; made by ``sender.sending(value)``."""

    __slots__ = ("sender", "value")

    def __init__(self, sender: Sending[T], value: T) -> None:
        self.sender = sender
        self.value = value

    def __repr__(self) -> str:
        return f"<sending of {self.value!r} by {self.sender!r}>"


class Receiving(End, Generic[T_co]):
    """What one can do with an end that receives."""

    def _open_receiving(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._pull = pipe.pull
        self._free = pipe.free

    def receive(self, *, timeout: float | None = None) -> T_co:
        """Return the next value, waiting for it if need be.

        It waits as `Future.get` does: a plain handler parks, a plain thread blocks. Receivers that wait are served in the order in which
        they came. Each value is received once.

        Args:
            timeout: seconds to wait at most; 0: not at all.

        Raises:
            ChannelEndedError: the channel is closed and drained.
            ChannelClosedError: this end is closed.
            Timeout: nothing came within `timeout` seconds. Nothing is lost: what comes later is received later.
            BlockingInLoopError: it would have to wait, on an event loop with actors; use `receive_async`.
        """
        seconds = None if timeout is None else check_timeout(timeout)
        pipe = self._pipe
        if not pipe.busy:
            try:
                value: T_co = self._pull()
                self._free(None)
            except IndexError:
                pass
            except BaseException:
                pipe.interrupted()
                raise
            else:
                if pipe.busy:
                    pipe.settle()
                return value
        found = pipe.take(self, new_wait if seconds is None or seconds > 0 else None)
        if type(found) is Waiting:
            found = _outcome(block(found.wait, seconds))
        if found is NOTHING:
            raise Timeout(f"nothing came through {self.name} within {timeout} seconds")
        return self._found(found)

    async def receive_async(self, *, timeout: float | None = None) -> T_co:
        """Do as `receive` without blocking the event loop.

        If the task is cancelled while a value is being handed to it, that value goes back to the front of the channel, or to the next
        who waits.
        """
        seconds = None if timeout is None else check_timeout(timeout)
        pipe = self._pipe
        if not pipe.busy:
            try:
                value: T_co = self._pull()
                self._free(None)
            except IndexError:
                pass
            except BaseException:
                pipe.interrupted()
                raise
            else:
                if pipe.busy:
                    pipe.settle()
                return value
        found = pipe.take(self, new_wait_async if seconds is None or seconds > 0 else None)
        if type(found) is Waiting:
            found = _outcome(await wait_async(found.wait, seconds))
        if found is NOTHING:
            raise Timeout(f"nothing came through {self.name} within {timeout} seconds")
        return self._found(found)

    def receive_nowait(self) -> T_co:
        """Return the next value if it is there.

        Raises:
            ChannelEmptyError: nothing is there now.
            ChannelEndedError, ChannelClosedError: as `receive`.
        """
        found = self._pipe.take(self, None)
        if found is NOTHING:
            raise ChannelEmptyError(self.name)
        return self._found(found)

    def drain(self) -> list[T_co]:
        """Return all that can be received now, in order; an empty list if there is nothing.

        Raises:
            ChannelClosedError: this end is closed.
        """
        return self._pipe.drain(self)

    def __iter__(self) -> Iterator[T_co]:
        """Receive until the channel is closed and drained."""
        while True:
            try:
                value = self.receive()
            except ChannelEndedError:
                return
            yield value

    async def __aiter__(self) -> AsyncIterator[T_co]:
        """Receive until the channel is closed and drained, without blocking the event loop."""
        while True:
            try:
                value = await self.receive_async()
            except ChannelEndedError:
                return
            yield value

    def _found(self, found: Any) -> T_co:
        if found is ENDED:
            raise ChannelEndedError(self.name)
        return cast("T_co", found)


def _outcome(wait: Wait | None) -> Any:
    """Return what a wait came to; NOTHING if its time was up."""
    return NOTHING if wait is None else wait.value
