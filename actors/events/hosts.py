"""The actors of an event bus: one that sees to its subscriptions, and one for each function."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.lifecycle import DownReason
from actors._core.mailbox import Unbounded
from actors._core.messages import Down, Signal
from actors._core.reply import ReplyHandle
from actors.errors import Timeout
from actors.events.feeds import EventsWait, OwnFeed
from actors.events.records import BusEvent, SubscriberFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.events import DeadLetterReason
    from actors._core.future import Future
    from actors._core.ref import ActorRef
    from actors.events.feed import Feed

__all__ = ["AsyncResponder", "AsyncRunner", "BusActor", "Expired", "Responder", "Runner", "Stay", "Unwatch", "Watch", "is_async"]

TARGET_DEAD = "the actor that is its target has ended"


@dataclass(frozen=True, slots=True)
class Stay:
    """An ask that is open as long as the actor lives. It fails with its end, however that comes, and so the asker learns of it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Asks that `feed` be ended when `ref` ends."""

    ref: ActorRef[Any]
    feed: Feed


@dataclass(frozen=True, slots=True)
class Unwatch:
    """Takes a `Watch` back."""

    ref: ActorRef[Any]
    feed: Feed


@dataclass(frozen=True, slots=True)
class Expired:
    """The time of a request is up."""

    reply: Future[Any]
    seconds: float

    def fail(self) -> None:
        """Fail the request, unless it was answered."""
        self.reply.try_fail(Timeout(f"no answer within {self.seconds} seconds"))


class _Host(Actor, isolation=Isolation.SHARE, mailbox=Unbounded()):
    use_daemon_thread = True  # a bus alone keeps no process alive

    @handler
    def stay(self, _: Stay) -> ReplyHandle:
        """Never answer: the asker learns of the end."""
        return self.reply_later()


class BusActor(_Host):
    """Ends subscriptions whose target has ended, and requests whose time is up. The parent of the actors of functions."""

    def __init__(self) -> None:
        super().__init__()
        self._feeds: dict[ActorRef[Any], dict[Feed, None]] = {}

    @handler
    def begin(self, message: Watch) -> None:
        """Watch an actor."""
        if message.feed.ended:
            return
        self._feeds.setdefault(message.ref, {})[message.feed] = None
        self.watch(message.ref)

    @handler
    def give_up(self, message: Unwatch) -> None:
        """Watch an actor no more, unless others of its subscriptions are there."""
        feeds = self._feeds.get(message.ref, {})
        if message.feed not in feeds:
            return
        del feeds[message.feed]
        if not feeds:
            del self._feeds[message.ref]
            self.unwatch(message.ref)

    @handler
    def down(self, message: Down) -> None:
        """End the subscriptions of an actor."""
        for feed in self._feeds.pop(message.ref, {}):
            feed.end(TARGET_DEAD)

    @handler
    def expire(self, message: Expired) -> None:
        """Fail a request."""
        message.fail()

    def on_undelivered(self, message: Any, reason: DeadLetterReason) -> None:  # noqa: ARG002  # the hook's signature
        """Leave no request open."""
        if isinstance(message, Expired):
            message.fail()


class Runner(_Host):
    """Calls a plain function with one event after the other."""

    def __init__(self, feed: OwnFeed, function: Callable[[BusEvent[Any]], Any]) -> None:
        super().__init__()
        self._feed = feed
        self._function = function

    @handler
    def run(self, _: EventsWait) -> None:
        """Handle an event, and let others have a turn before the next."""
        event = self._feed.take()
        if event is not None:
            self._call(event)
            self._feed.wake()

    def on_stop(self) -> None:
        """Handle what waits."""
        while (event := self._feed.take()) is not None:
            self._call(event)

    def _call(self, event: BusEvent[Any]) -> None:
        try:
            call_plain(self._function, event)
        except failures(self) as error:
            self._feed.home.tell(SubscriberFailed(self._feed.pattern, error))


class AsyncRunner(_Host):
    """Awaits an async function with one event after the other."""

    def __init__(self, feed: OwnFeed, function: Callable[[BusEvent[Any]], Any]) -> None:
        super().__init__()
        self._feed = feed
        self._function = function

    @handler
    async def run(self, _: EventsWait) -> None:
        """Handle an event, and let others have a turn before the next."""
        event = self._feed.take()
        if event is not None:
            await self._call(event)
            self._feed.wake()

    async def on_stop(self) -> None:  # type: ignore[override]  # hooks may be async
        """Handle what waits."""
        while (event := self._feed.take()) is not None:
            await self._call(event)

    async def _call(self, event: BusEvent[Any]) -> None:
        try:
            await self._function(event)
        except failures(self) as error:
            self._feed.home.tell(SubscriberFailed(self._feed.pattern, error))


class Responder(_Host):
    """Answers requests with what a plain function returns. What it raises goes to the asker."""

    def __init__(self, function: Callable[[BusEvent[Any]], Any]) -> None:
        super().__init__()
        self._function = function

    def on_receive(self, message: BusEvent[Any]) -> Any:
        """Answer a request."""
        return call_plain(self._function, message)


class AsyncResponder(_Host):
    """Answers requests with what an async function returns. What it raises goes to the asker."""

    def __init__(self, function: Callable[[BusEvent[Any]], Any]) -> None:
        super().__init__()
        self._function = function

    async def on_receive(self, message: BusEvent[Any]) -> Any:
        """Answer a request."""
        return await self._function(message)


def failures(host: Actor) -> tuple[type[BaseException], ...]:
    """Return what a function may raise that is its own failure, and is published.

    So is a cancellation: of something that it awaited, or of its own task by somebody else. The kernel would end the handler alone, and
    nobody would take the next event. One that comes with a kill has to go through.
    """
    cell = host.actor_ref._target
    killed = cell.end is not None and cell.end[0] is DownReason.KILLED
    if killed or any(control.signal is Signal.KILL for control in cell.control):
        return (Exception,)
    return (Exception, *cell.system.ports.cancelled)


def is_async(function: object) -> bool:
    """Tell whether calling `function` gives a coroutine, as far as one can see."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def call_plain(function: Callable[[BusEvent[Any]], Any], event: BusEvent[Any]) -> Any:
    """Return what `function` returns; raise TypeError if that is a coroutine, which nobody has begun."""
    result = function(event)
    if inspect.iscoroutine(result):
        result.close()
        msg = f"target={function!r} is not valid: it returned a coroutine that nobody would await; pass the async function itself"
        raise TypeError(msg)
    return result
