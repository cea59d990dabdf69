"""Where the events of a subscription go: into a channel, or into the mailbox of an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pykka

from actors._core.admission import warm
from actors._core.bounded import BoundedMailbox
from actors._core.messages import Entry
from actors._core.sending import send_async, send_at_once, send_within
from actors.channels import ChannelClosedError, ChannelFullError
from actors.errors import MailboxFullError, Timeout

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ref import ActorRef
    from actors.channels.using import Sending
    from actors.events.records import BusEvent

__all__ = ["ChannelOutlet", "Gone", "MailboxOutlet", "Outlet"]


class Gone(Exception):
    """Nothing can be put into an outlet any more."""


class Outlet(Protocol):
    """A place that takes events as long as it has room. All methods raise Gone if it has none for good."""

    def put(self, event: BusEvent[Any]) -> bool:
        """Put `event` there if there is room at once."""

    def put_waiting(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Wait for room as `Future.get` does; False if there was none within `timeout` seconds."""

    async def put_async(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Do as `put_waiting` without blocking the event loop."""


class ChannelOutlet:
    """A channel."""

    def __init__(self, sender: Sending[BusEvent[Any]]) -> None:
        self._sender = sender

    def put(self, event: BusEvent[Any]) -> bool:
        """Put `event` there if there is room at once."""
        try:
            self._sender.send_nowait(event)
        except ChannelFullError:
            return False
        except ChannelClosedError:
            raise Gone from None
        return True

    def put_waiting(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Wait for room as `Future.get` does; False if there was none within `timeout` seconds."""
        try:
            self._sender.send(event, timeout=timeout)
        except Timeout:
            return False
        except ChannelClosedError:
            raise Gone from None
        return True

    async def put_async(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Do as `put_waiting` without blocking the event loop."""
        try:
            await self._sender.send_async(event, timeout=timeout)
        except Timeout:
            return False
        except ChannelClosedError:
            raise Gone from None
        return True


class MailboxOutlet:
    """The mailbox of an actor, which is told."""

    def __init__(self, ref: ActorRef[Any]) -> None:
        self._cell: Cell = ref._target

    def put(self, event: BusEvent[Any]) -> bool:
        """Put `event` there if there is room at once."""
        try:
            send_at_once(self._cell, Entry((event, None, None)))
        except MailboxFullError:
            return False
        except pykka.ActorDeadError:
            raise Gone from None
        return True

    def put_waiting(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Wait for room as `Future.get` does; False if there was none within `timeout` seconds."""
        warm(self._cell)
        try:
            if timeout is not None and isinstance(self._cell.queue, BoundedMailbox):
                send_within(self._cell, Entry((event, None, None)), timeout)
            else:
                self._cell.ref.tell(event)
        except MailboxFullError:
            return False
        except pykka.ActorDeadError:
            raise Gone from None
        return True

    async def put_async(self, event: BusEvent[Any], timeout: float | None) -> bool:
        """Do as `put_waiting` without blocking the event loop."""
        try:
            await send_async(self._cell, Entry((event, None, None)), timeout)
        except MailboxFullError:
            return False
        except pykka.ActorDeadError:
            raise Gone from None
        return True
