"""The subscriber's end of the event bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from actors.channels import ChannelEndedError
from actors.events.feed import CANCELLED, Feed
from actors.events.feeds import OwnFeed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from actors.events.records import BusEvent, BusSubscriptionStats

__all__ = ["BusSubscription"]

E = TypeVar("E")


class BusSubscription(Generic[E]):
    """The events of the topics that match a pattern, for one subscriber. Made by `EventBus.subscribe` and `EventBus.respond`.

    Without a target the subscriber receives from it, in any thread, handler or coroutine, or iterates over it with ``for`` or
    ``async for``. Each event is received once. As a context manager, plain or async, it is cancelled at the end.
    """

    def __init__(self, feed: Feed, target: object = None) -> None:
        self._feed = feed
        self._target = target

    def __repr__(self) -> str:
        why = self._feed.stats().closed_for
        return f"<BusSubscription to {self.pattern!r} of {self._feed.home.name!r}{f', ended: {why}' if why is not None else ''}>"

    @property
    def pattern(self) -> str:
        """The pattern as it was given."""
        return self._feed.pattern

    def receive(self, *, timeout: float | None = None) -> BusEvent[E]:
        """Return the next event, waiting for it as `Receiver.receive` does.

        Args:
            timeout: seconds to wait at most; 0: not at all.

        Raises:
            ChannelEndedError: the subscription has ended, and what waited has been received.
            Timeout: nothing came within `timeout` seconds.
            BlockingInLoopError: it would have to wait, on an event loop with actors; use `receive_async`.
            TypeError: the events go to a target.
        """
        feed = self._own()
        first = feed.take_retained()
        return feed.receiver.receive(timeout=timeout) if first is None else first

    async def receive_async(self, *, timeout: float | None = None) -> BusEvent[E]:
        """Do as `receive` without blocking the event loop. If the task is cancelled, no event is lost."""
        feed = self._own()
        first = feed.take_retained()
        return await feed.receiver.receive_async(timeout=timeout) if first is None else first

    def receive_nowait(self) -> BusEvent[E]:
        """Return the next event if it is there.

        Raises:
            ChannelEmptyError: nothing is there now.
            ChannelEndedError, TypeError: as `receive`.
        """
        feed = self._own()
        first = feed.take_retained()
        return feed.receiver.receive_nowait() if first is None else first

    def __iter__(self) -> Iterator[BusEvent[E]]:
        """Receive until the subscription has ended and nothing waits any more."""
        self._own()
        return self._all()

    def __aiter__(self) -> AsyncIterator[BusEvent[E]]:
        """Receive until the subscription has ended and nothing waits any more, without blocking the event loop."""
        self._own()
        return self._all_async()

    def _all(self) -> Iterator[BusEvent[E]]:
        while True:
            try:
                event = self.receive()
            except ChannelEndedError:
                return
            yield event

    async def _all_async(self) -> AsyncIterator[BusEvent[E]]:
        while True:
            try:
                event = await self.receive_async()
            except ChannelEndedError:
                return
            yield event

    def cancel(self) -> None:
        """End the subscription: it gets nothing that is published from now on. To do so again does nothing.

        What waits is still received, or handled by its function; then iterations end.
        """
        self._feed.end(CANCELLED, told=False)

    def stats(self) -> BusSubscriptionStats:
        """Return what is known of the subscription now."""
        return self._feed.stats()

    def _own(self) -> OwnFeed:
        feed = self._feed
        if self._target is not None or not isinstance(feed, OwnFeed):
            msg = f"the events of {self!r} go to {self._target!r}; subscribe without a target to receive them"
            raise TypeError(msg)
        return feed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cancel()
