"""The event bus: who publishes on a topic need not know who listens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from actors._core.bounded import Overflow
from actors._core.context import current_cell
from actors._core.mailbox import Bounded
from actors._core.options import Overrides
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds, check_timeout
from actors.channels.using import Sending
from actors.errors import BlockingInLoopError
from actors.events.board import CLOSED, Board, Count
from actors.events.checks import check_count, check_of, check_slow, check_target
from actors.events.errors import NoResponderError
from actors.events.feed import Feed, Outcome
from actors.events.feeds import OwnFeed, TargetFeed
from actors.events.futures import new_future
from actors.events.hosts import AsyncResponder, AsyncRunner, Expired, Responder, Runner, is_async
from actors.events.outlets import ChannelOutlet, MailboxOutlet
from actors.events.records import BusEvent, BusStats, Slow
from actors.events.requests import ask_all
from actors.events.subscription import BusSubscription
from actors.events.topics import pattern_words, topic_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._core.future import Future
    from actors.channels import Sender
    from actors.system import ActorSystem

__all__ = ["EventBus"]

E = TypeVar("E")


class EventBus:
    """Carries events from publishers to the subscriptions whose patterns match their topic, within one system.

    ::

        with ActorSystem() as system, EventBus(system) as bus:
            bus.subscribe("orders.#", print)
            bus.publish("orders.eu.created", Order(7))

    It may be used by any thread, handler and coroutine at once. Events of one publisher reach each subscription in the order in which they
    were published. A subscription gets every event that is published after it was made and before it ends, unless its policy for slow
    subscribers drops it; what is dropped is counted and told. As a context manager, plain or async, the bus is closed at the end.

    It is for those who need not know each other. Who wants an answer from one actor, or has work that must be done once, has an ask or a
    channel for that. Events are handed on as they are, to all subscribers: they should be immutable.

    Args:
        system: whose actors run the functions that are subscribed, and on whose event stream drops and failures are told.
        name: of the bus, and of its actor in the system.
        retained: how many topics may have a retained event.
        subscriptions: how many there may be at once, responders included.

    Raises:
        NameTakenError, InvalidNameError: because of `name`.
        SystemStoppedError: the system is shut down.
    """

    def __init__(self, system: ActorSystem, *, name: str = "bus", retained: int = 10_000, subscriptions: int = 100_000) -> None:
        runtime = getattr(system, "_runtime", None)
        if runtime is None:
            msg = f"system={system!r} is not valid: an ActorSystem"
            raise TypeError(msg)
        topics = check_count("retained", retained, least=0)
        self._board = Board(runtime, name, retained=topics, subscriptions=check_count("subscriptions", subscriptions))

    def __repr__(self) -> str:
        return f"<EventBus {self.name!r}{', closed' if self._board.closed else ''}>"

    @property
    def name(self) -> str:
        """The name given to it."""
        return self._board.name

    # -- publishing --------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, event: Any, *, retain: bool = False) -> int:
        """Give `event` to all subscriptions that match `topic`, and go on.

        It waits for nobody but subscriptions with Slow.BLOCK, and for these after all others have got the event.

        Args:
            topic: like ``orders.eu.created``.
            event: anything; should be immutable.
            retain: keep it as the last event of the topic, for those who subscribe later.

        Returns:
            How many subscriptions it went to.

        Raises:
            TopicError: `topic` is none.
            BusClosedError: the bus is closed.
            BusFullError: there are as many topics with a retained event as there may be. Nothing was published.
            BlockingInLoopError: a subscription with Slow.BLOCK matches, on an event loop. Nothing was published; use `publish_async`.
        """
        words = topic_words(topic)
        board = self._board
        if board.ports.waiter.on_loop():
            self._refuse_to_block(topic, event)
        message = BusEvent(topic, event)
        feeds = [feed for feed in board.route(topic, words, event, retain=retain) if feed.wants(event)]
        count = Count()
        waits = [feed for feed in feeds if count.add(feed.offer(message)) is Outcome.FULL]
        try:
            if waits:
                begun = board.ports.clock.now()
                while waits:
                    count.add(waits[0].wait(message, begun))
                    del waits[0]
        finally:
            self._end(message, feeds, waits, count)
        return count.got

    async def publish_async(self, topic: str, event: Any, *, retain: bool = False) -> int:
        """Do as `publish`, without blocking the event loop where a subscription with Slow.BLOCK has no room.

        If the task is cancelled, subscriptions that it was still waiting for do not get the event.
        """
        words = topic_words(topic)
        board = self._board
        message = BusEvent(topic, event)
        feeds = [feed for feed in board.route(topic, words, event, retain=retain) if feed.wants(event)]
        count = Count()
        waits = [feed for feed in feeds if count.add(feed.offer(message)) is Outcome.FULL]
        try:
            if waits:
                begun = board.ports.clock.now()
                while waits:
                    count.add(await waits[0].wait_async(message, begun))
                    del waits[0]
        finally:
            self._end(message, feeds, waits, count)
        return count.got

    def _end(self, message: BusEvent[Any], feeds: list[Feed], waits: list[Feed], count: Count) -> None:
        for feed in waits:  # the publisher was cancelled, or killed, while it waited for the first of them
            count.add(feed.give_up(message))
        self._board.account(count, heard=bool(feeds))

    def _refuse_to_block(self, topic: str, event: Any) -> None:
        feed = self._board.may_block(topic_words(topic), event)
        if feed is not None:
            why = f"publish({topic!r}, ...) may wait for the subscription to {feed.pattern!r}, which has Slow.BLOCK"
            raise BlockingInLoopError(f"{why}; on an event loop write `await bus.publish_async(...)`")

    # -- subscribing -------------------------------------------------------------------------------------------------------

    @overload
    def subscribe(
        self,
        pattern: str,
        target: Callable[[BusEvent[E]], object] | ActorRef[Any] | Sender[BusEvent[E]] | None = None,
        *,
        of: type[E],
        capacity: int = 1000,
        slow: Slow = Slow.DROP_OLDEST,
        timeout: float | None = None,
        retained: bool = True,
    ) -> BusSubscription[E]: ...

    @overload
    def subscribe(
        self,
        pattern: str,
        target: Callable[[BusEvent[Any]], object] | ActorRef[Any] | Sender[BusEvent[Any]] | None = None,
        *,
        capacity: int = 1000,
        slow: Slow = Slow.DROP_OLDEST,
        timeout: float | None = None,
        retained: bool = True,
    ) -> BusSubscription[Any]: ...

    def subscribe(
        self,
        pattern: str,
        target: Any = None,
        *,
        of: type[Any] = object,
        capacity: int = 1000,
        slow: Slow = Slow.DROP_OLDEST,
        timeout: float | None = None,
        retained: bool = True,
    ) -> BusSubscription[Any]:
        """Have the events of the topics that match `pattern` from now on.

        Args:
            pattern: a topic in which ``*`` may stand for one word, and ``#`` for any number of words, also none.
            target: who gets each event, as a `BusEvent`. A function: an actor of its own calls it, with one event after the other; a plain
                one on the pool, where it may block, an async one on the system's event loop. What it raises is published as
                `SubscriberFailed`, and it goes on. A ref: the actor is told; the bound of its mailbox counts in place of `capacity`; the
                subscription ends with the actor. A `Sender`: sent into the channel, whose bound counts; it stays the program's to close.
                None: the subscription is to be iterated, or received from.
            of: only events that are instances of this class.
            capacity: how many events may wait.
            slow: what happens when so many wait.
            timeout: seconds that a publisher waits at most, with Slow.BLOCK; then the event is dropped. None: as long as it takes.
            retained: whether the retained events of the topics that match come first, in the order in which they were published, each once,
                whatever the capacity.

        Raises:
            TopicError: `pattern` is none.
            TypeError, ValueError: another argument is not valid.
            BusClosedError: the bus is closed.
            BusFullError: there are as many subscriptions as there may be.
        """
        words = pattern_words(pattern)
        if target is not None:
            check_target(target)
        seconds = check_slow(slow, timeout)
        options: dict[str, Any] = {"of": check_of(of), "capacity": check_count("capacity", capacity), "slow": slow, "timeout": seconds}
        board = self._board
        feed: Feed
        if isinstance(target, ActorRef):
            feed = TargetFeed(board, pattern, words, MailboxOutlet(target), **options)
            feed.actor = target
        elif isinstance(target, Sending):
            feed = TargetFeed(board, pattern, words, ChannelOutlet(target), **options)
        else:
            feed = own = OwnFeed(board, pattern, words, **options)
            if target is not None:
                feed.runner = board.start(AsyncRunner if is_async(target) else Runner, own, target)
        kept = board.enter(feed, retained=retained)
        feed.open([BusEvent(topic, event, retained=True) for topic, event in kept if feed.wants(event)])
        return BusSubscription(feed, target)

    def retained(self, pattern: str = "#") -> dict[str, Any]:
        """Return the retained events of the topics that match, by topic, in the order in which they were published."""
        return self._board.retained(pattern_words(pattern))

    def forget(self, topic: str) -> bool:
        """Retain nothing for `topic` any more; return False if nothing was retained."""
        return self._board.forget(topic_words(topic))

    # -- requests ----------------------------------------------------------------------------------------------------------

    def respond(
        self, pattern: str, target: Callable[[BusEvent[Any]], Any] | ActorRef[Any], *, capacity: int = 1000
    ) -> BusSubscription[Any]:
        """Answer requests on the topics that match `pattern` from now on.

        Args:
            pattern: as of `subscribe`.
            target: a function, plain or async, that returns the answer; an actor of its own calls it, with one request after the other.
                Or a ref: the actor is asked the `BusEvent`.
            capacity: how many requests may wait for a function; more are refused, with MailboxFullError if nobody else answers.

        Raises:
            TopicError, TypeError, ValueError, BusClosedError, BusFullError: as `subscribe`.
        """
        words = pattern_words(pattern)
        check_target(target, responds=True)
        check_count("capacity", capacity)
        if isinstance(target, ActorRef):
            feed = TargetFeed(self._board, pattern, words, MailboxOutlet(target))
            feed.actor = target
        else:
            bounded = Overrides(None, Bounded(capacity, Overflow.REJECT), None)
            runner = self._board.start(AsyncResponder if is_async(target) else Responder, target, overrides=bounded)
            feed = TargetFeed(self._board, pattern, words, MailboxOutlet(runner))
            feed.runner = runner
        self._board.enter(feed, responds=True)
        return BusSubscription(feed, target)

    def request(self, topic: str, message: Any, *, timeout: float | None = None) -> Future[Any]:
        """Ask all who respond to `topic`, and return the future of the first answer. The others are cancelled then.

        A responder that fails, is full or has ended does not count as long as another one may answer. If none does, the future fails
        with the failure that came last. To cancel the future cancels all that is under way.

        Args:
            topic: like ``prices.eu``.
            message: the event of the `BusEvent` that responders get.
            timeout: seconds after which the future fails with Timeout.

        Raises:
            NoResponderError: nobody responds to `topic`.
            TopicError: `topic` is none.
            BusClosedError: the bus is closed.
        """
        words = topic_words(topic)
        seconds = check_timeout(timeout)
        board = self._board
        feeds = board.responders(words, message)
        if not feeds:
            raise NoResponderError(topic)
        cells = [ref._target for feed in feeds if (ref := feed.runner or feed.actor) is not None]
        # Whoever waits for the answer of one actor waits for that actor: a cycle of such waits is found.
        reply = new_future(board.ports, cells[0] if len(cells) == 1 else None)
        if seconds is not None:
            clock, expired = board.ports.clock, Expired(reply, max(0.0, seconds))
            alarm = clock.call_at(clock.now() + expired.seconds, partial(board.expire, expired))
            reply.add_done_callback(lambda _: alarm.cancel())
        ask_all(cells, BusEvent(topic, message), reply)
        return reply

    # -- the end -----------------------------------------------------------------------------------------------------------

    def close(self, *, timeout: float | None = 5.0) -> None:
        """End all subscriptions and carry nothing any more; return when functions have handled what waits for them. Idempotent.

        Iterations end when what waits has been received. Called by a function that is subscribed, it does not wait.

        Args:
            timeout: seconds that functions have before they are killed; None: as long as it takes.

        Raises:
            BlockingInLoopError: it would have to wait, on an event loop with actors; use `close_async`.
        """
        seconds = _check_patience(timeout)
        if not self._called_from_within():
            self._board.ports.waiter.check("close() would block the event loop; write `await bus.close_async()`")
        self._board.shut(CLOSED)
        over = self._board.host.stop(block=False, deadline=seconds)
        if not self._called_from_within():
            over.get()

    async def close_async(self, *, timeout: float | None = 5.0) -> None:
        """Do as `close` without blocking the event loop."""
        seconds = _check_patience(timeout)
        self._board.shut(CLOSED)
        over = self._board.host.stop(block=False, deadline=seconds)
        if not self._called_from_within():
            await over

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close_async()

    def _called_from_within(self) -> bool:
        cell, host = current_cell(), self._board.host._target
        return cell is not None and (cell is host or cell.parent is host)

    def stats(self) -> BusStats:
        """Return the figures of now."""
        return self._board.stats()


def _check_patience(timeout: object) -> float | None:
    return None if timeout is None else check_seconds("timeout", timeout)
