"""The state of an event bus: who is subscribed to what, what is retained, and the figures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core.admission import post
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import Entry
from actors._core.mutex import Mutex
from actors._core.options import AS_DECLARED, Overrides
from actors._core.ports import touched
from actors.errors import ActorDeadError
from actors.events.errors import BusClosedError, BusFullError
from actors.events.feed import Feed, Outcome
from actors.events.futures import new_future
from actors.events.hosts import BusActor, Expired, Stay, Unwatch, Watch
from actors.events.records import BusStats, Slow
from actors.events.retained import RetainedEvents
from actors.events.topics import PatternTree, Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.actor import Actor
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.ref import ActorRef
    from actors.runtime import Runtime

__all__ = ["CLOSED", "Board", "Count"]

CLOSED = "the bus was closed"
BUS_DEAD = "the actor of the bus has ended"
RUNNER_DEAD = "the actor of its function has ended"


class Board:
    """See the module's docstring. Usable from any thread.

    Attributes:
        ports: of the system.
        resource: what a simulation knows it as.
        name: of the bus.
        host: its actor.
    """

    def __init__(self, runtime: Runtime, name: str, *, retained: int, subscriptions: int) -> None:
        self._runtime = runtime
        self._limit = subscriptions
        self.name = name
        self.ports = runtime.ports
        dispatcher = self.ports.dispatcher
        self.resource: Any = self if dispatcher is None else dispatcher.resource("bus")
        # The lock guards all that follows. It is held for a look or a change, never while anything is delivered.
        self._lock = Mutex()
        self._retained = RetainedEvents(retained)
        self._subscribed: PatternTree[Feed] = PatternTree()
        self._responding: PatternTree[Feed] = PatternTree()
        self._open: dict[Feed, PatternTree[Feed]] = {}
        self._why_closed: str | None = None
        self._published = self._delivered = self._dropped = self._unheard = 0
        self.host: ActorRef[BusActor] = runtime.start(BusActor, (), {}, name)
        _at_end(self.host, self._host_ended)

    def _touch(self, *, changes: bool = True) -> None:
        touched(self.ports, self.resource, changes=changes)

    def _check_open(self, event: object = None) -> None:
        if self._why_closed is not None:
            raise BusClosedError(self.name, event)

    def _check_room(self) -> None:
        if len(self._open) >= self._limit:
            raise BusFullError("subscriptions", self._limit)

    # -- who gets what -----------------------------------------------------------------------------------------------------

    def route(self, topic: str, words: Words, event: Any, *, retain: bool) -> list[Feed]:
        """Return the feeds that match a topic, of any class of events; and retain the event, if that is wanted, at that very moment.

        Raises:
            BusClosedError, BusFullError: nothing was done.
        """
        self._touch(changes=retain)
        with self._lock:
            self._check_open(event)
            if retain:
                self._retained.keep(topic, words, event)
            self._published += 1
            return self._subscribed.match(words)

    def may_block(self, words: Words, event: Any) -> Feed | None:
        """Return a feed for which a publisher of `event` may have to wait; None if there is none."""
        self._touch(changes=False)
        with self._lock:
            feeds = [feed for feed in self._subscribed.match(words) if feed.slow is Slow.BLOCK]
        return next((feed for feed in feeds if feed.wants(event)), None)

    def responders(self, words: Words, message: Any) -> list[Feed]:
        """Return the feeds that answer requests on a topic."""
        self._touch(changes=False)
        with self._lock:
            self._check_open(message)
            return self._responding.match(words)

    def enter(self, feed: Feed, *, responds: bool = False, retained: bool = False) -> list[tuple[str, Any]]:
        """Let `feed` be found; return the retained events that match it at that very moment.

        Raises:
            BusClosedError, BusFullError: it is not found, and has ended.
        """
        self._touch()
        try:
            with self._lock:
                self._check_open()
                self._check_room()
                tree = self._responding if responds else self._subscribed
                tree.add(feed.words, feed)
                self._open[feed] = tree
                # Invariant: an event is retained, and its feeds are looked up, within the same lock. So each one that is retained is
                # either among these, or will be offered to `feed`: not both, and not neither.
                kept = self._retained.match(feed.words) if retained else []
                if feed.actor is not None:
                    self._post(Watch(feed.actor, feed))
        except (BusClosedError, BusFullError) as error:
            feed.end(str(error), told=False)
            raise
        if feed.runner is not None:
            _at_end(feed.runner, partial(_runner_ended, feed))
        return kept

    def forget_feed(self, feed: Feed) -> None:
        """Let nothing that is published from now on find `feed`."""
        self._touch()
        with self._lock:
            tree = self._open.pop(feed, None)
            if tree is not None:
                tree.discard(feed.words, feed)

    def feed_ended(self, feed: Feed) -> None:
        """Take note that `feed`, which nothing finds any more, has ended."""
        if feed.actor is not None:
            with self._lock:
                self._post(Unwatch(feed.actor, feed))
        if feed.runner is not None:
            feed.runner.stop(block=False)

    # -- what is retained --------------------------------------------------------------------------------------------------

    def retained(self, words: Words) -> dict[str, Any]:
        """Return the retained events of the topics that match."""
        self._touch(changes=False)
        with self._lock:
            return dict(self._retained.match(words))

    def forget(self, words: Words) -> bool:
        """Retain nothing for a topic."""
        self._touch()
        with self._lock:
            return self._retained.forget(words)

    # -- figures -----------------------------------------------------------------------------------------------------------

    def account(self, count: Count, *, heard: bool) -> None:
        """Add what became of one event; `heard`: whether it was for anybody."""
        self._touch(changes=False)
        with self._lock:
            self._delivered += count.got - count.replaced
            self._dropped += count.lost + count.replaced
            self._unheard += not heard

    def stats(self) -> BusStats:
        """Return the figures of now."""
        self._touch()
        with self._lock:
            return BusStats(self._published, self._delivered, self._dropped, self._unheard, len(self._open), len(self._retained))

    # -- the system --------------------------------------------------------------------------------------------------------

    def start(self, actor_class: type[Actor], *args: Any, overrides: Overrides = AS_DECLARED) -> ActorRef[Any]:
        """Start the actor of a function, a child of the bus's own."""
        try:
            cell: Cell = self._runtime.prepare(self.host._target, actor_class, args, {}, None, overrides)
        except ActorDeadError:
            raise BusClosedError(self.name) from None
        self._runtime.build(cell)
        self._runtime.begin(cell)
        return cell.ref

    def tell(self, event: object) -> None:
        """Publish on the event stream of the system."""
        self._runtime.events.publish(event)

    def expire(self, expired: Expired) -> None:
        """Fail a request whose time is up; in the turn of the bus's actor, since that runs callbacks of users, while it is there."""
        with self._lock:
            posted = self._post(expired)
        if not posted:
            expired.fail()

    def _post(self, message: object) -> bool:
        # Under the lock, as the end is: nothing comes behind the stop of the actor, where it would be a dead letter.
        if self._why_closed is not None or self.ending:
            return False
        return post(self.host._target, Entry((message, None, None)))

    # -- the end -----------------------------------------------------------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Whether the bus's actor is being stopped, and with it those of its functions."""
        return self.host._target.state in (Lifecycle.STOPPING, Lifecycle.STOPPED)

    @property
    def closed(self) -> bool:
        """Whether it carries nothing any more."""
        return self._why_closed is not None

    def shut(self, why: str, *, told: bool = False) -> None:
        """End all feeds, and let none be made. To do so again does nothing."""
        self._touch()
        with self._lock:
            if self._why_closed is not None:
                return
            self._why_closed = why
            feeds = tuple(self._open)
        for feed in feeds:
            feed.end(why, told=told)

    def _host_ended(self) -> None:
        self.shut(BUS_DEAD, told=not _is_stopped(self.host))


def _at_end(ref: ActorRef[Any], call: Callable[[], object]) -> None:
    """Call `call()` when an actor of the bus begins to end, however that comes."""
    cell = ref._target
    stay = new_future(cell.system.ports, cell)

    def ended(_: Future[None]) -> None:
        stay.exception()  # read, so that nobody reports it
        call()

    stay.add_done_callback(ended)
    if not post(cell, Entry((Stay(), stay, None))):  # past the bound of the mailbox
        stay.try_fail(ActorDeadError())


def _runner_ended(feed: Feed) -> None:
    """End a feed whose runner has ended. One that is stopped sees to what waits; others cannot."""
    feed.end(RUNNER_DEAD)
    if feed.runner is not None and not _is_stopped(feed.runner):
        feed.lose_all()


def _is_stopped(ref: ActorRef[Any]) -> bool:
    """Tell whether an actor that ends does so in order."""
    end = ref._target.end
    return end is not None and end[0] is DownReason.STOPPED


class Count:
    """What became of one event."""

    __slots__ = ("got", "lost", "replaced")

    def __init__(self) -> None:
        self.got = self.lost = self.replaced = 0

    def add(self, outcome: Outcome) -> Outcome:
        """Count the outcome at one subscription, and return it."""
        self.got += outcome in (Outcome.GOT, Outcome.REPLACED)
        self.lost += outcome is Outcome.LOST
        self.replaced += outcome is Outcome.REPLACED
        return outcome
