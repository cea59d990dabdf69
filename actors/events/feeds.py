"""The two kinds of feeds: with a channel of their own, and straight into what somebody else has."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.admission import post
from actors._core.context import current_cell
from actors._core.messages import Entry
from actors._core.ports import touched
from actors.channels import ChannelEmptyError, ChannelEndedError, open_channel
from actors.events.feed import Feed, Home, Outcome
from actors.events.futures import new_future
from actors.events.outlets import ChannelOutlet
from actors.events.records import BusEvent, Slow

if TYPE_CHECKING:
    from actors.channels import Receiver, Sender
    from actors.events.outlets import Outlet
    from actors.events.topics import Words

__all__ = ["EVENTS_WAIT", "EventsWait", "OwnFeed", "TargetFeed"]


GIVEN_UP = "who subscribed was killed meanwhile"


@dataclass(frozen=True, slots=True)
class EventsWait:
    """Tells the actor of a function to take an event."""


EVENTS_WAIT = EventsWait()


class OwnFeed(Feed):
    """Events wait in a channel, until they are received, or until the actor of a function takes them.

    Attributes:
        receiver: of the channel.
    """

    def __init__(self, home: Home, pattern: str, words: Words, *, of: type[Any], capacity: int, slow: Slow, timeout: float | None) -> None:
        sender: Sender[BusEvent[Any]]
        receiver: Receiver[BusEvent[Any]]
        sender, receiver = open_channel(capacity, name=f"the subscription to {pattern!r}")
        self._sender, self.receiver = sender, receiver
        super().__init__(home, pattern, words, ChannelOutlet(self._sender), of=of, capacity=capacity, slow=slow, timeout=timeout)
        self._retained: deque[BusEvent[Any]] = deque()  # taken first; filled before anybody takes, then only popped from
        self._idle = False  # whether the runner has to be told when something waits; under the lock

    def open(self, retained: list[BusEvent[Any]]) -> None:
        """See `Feed`. Invariant: nobody takes anything before this: the subscription is not handed out, and the runner not told."""
        with self._lock:
            self._offered += len(retained)
            self._retained.extend(retained)
        self.wake()

    def offer(self, event: BusEvent[Any]) -> Outcome:
        """See `Feed`."""
        outcome, told = Outcome.GOT, None
        with self._lock:  # events go in under it, so that `take` finds them or says that it has found nothing
            if self._why is not None:
                return Outcome.GONE
            self._offered += 1
            while not self.outlet.put(event):
                if self.slow is not Slow.DROP_OLDEST:
                    outcome = Outcome.FULL
                    break
                oldest = self._take()  # None: a receiver has just made room
                if oldest is not None:
                    outcome, told = Outcome.REPLACED, self._drops.add(oldest)
            if outcome is Outcome.GOT and self._drops.bursting and 2 * self.receiver.stats().waiting <= self._capacity:
                told = self._drops.over()
            self._wake_idle()
        self._tell(told)
        return self._no_room(event) if outcome is Outcome.FULL else outcome

    def take_retained(self) -> BusEvent[Any] | None:
        """Take the next of the events that came before the subscription."""
        if not self._retained:
            return None
        touched(self.home.ports, self.home.resource)
        try:
            return self._retained.popleft()
        except IndexError:  # another receiver was faster
            return None

    def take(self) -> BusEvent[Any] | None:
        """Return the next event; None if nothing waits: then the runner will be told when something does."""
        first = self.take_retained()
        if first is not None:
            return first
        with self._lock:
            event = self._take()
            self._idle = event is None
            return event

    def lose_all(self) -> None:
        """See `Feed`."""
        while (event := self.take()) is not None:
            with self._lock:
                told = self._drops.add(event)
            self._tell(told)
        self._calm()

    def _take(self) -> BusEvent[Any] | None:
        try:
            return self.receiver.receive_nowait()
        except (ChannelEmptyError, ChannelEndedError):
            return None

    def _arrived(self) -> None:
        with self._lock:
            self._wake_idle()

    def wake(self) -> None:
        """Tell the runner that something may wait."""
        with self._lock:
            self._idle = True
            self._wake_idle()

    def _wake_idle(self) -> None:
        # Under the lock, as the end is: nothing comes behind the stop of the runner, where it would be a dead letter.
        if self._idle and self._why is None and self.runner is not None:
            self._idle = False
            post(self.runner._target, Entry((EVENTS_WAIT, None, None)))

    def _waiting(self) -> int:
        return len(self._retained) + self.receiver.stats().waiting

    def _calm(self) -> None:
        if self.ended or 2 * self.receiver.stats().waiting <= self._capacity:
            super()._calm()

    def _close(self) -> None:
        self._sender.close()

    def _is_publisher(self) -> bool:
        return self.runner is not None and current_cell() is self.runner._target


class TargetFeed(Feed):
    """Events go straight into the mailbox of an actor, or into a channel that the program has made."""

    def __init__(
        self,
        home: Home,
        pattern: str,
        words: Words,
        outlet: Outlet,
        *,
        of: type[Any] = object,
        capacity: int = 1,
        slow: Slow = Slow.DROP_NEWEST,
        timeout: float | None = None,
    ) -> None:
        super().__init__(home, pattern, words, outlet, of=of, capacity=capacity, slow=slow, timeout=timeout)
        # Events that were published while the target was given the retained ones. None, under the lock, when there are no more.
        self._late: deque[BusEvent[Any]] | None = deque()
        self._opened = new_future(home.ports)

    def open(self, retained: list[BusEvent[Any]]) -> None:
        """See `Feed`. Invariant: until `_late` is None, nobody else puts anything into the target."""
        with self._lock:
            self._offered += len(retained)
        try:
            for event in retained:
                self._put_first(event)
            while (late := self._next_late()) is not None:
                self._put_first(late)
        except BaseException:  # killed: nobody will have the subscription
            self.end(GIVEN_UP, told=False)
            self.lose_all()
            raise
        finally:
            self._opened.try_set(None)

    def offer(self, event: BusEvent[Any]) -> Outcome:
        """See `Feed`."""
        with self._lock:
            if self._why is not None:
                return Outcome.GONE
            self._offered += 1
            self._opened.done()  # in a simulation, who looks at it comes after who resolved it: after the retained events
            opening = self._late is not None
            if self._late is not None and self.slow is not Slow.BLOCK and len(self._late) < self._capacity:
                self._late.append(event)
                return Outcome.GOT
        return self._no_room(event) if opening else self._put(event)

    def lose_all(self) -> None:
        """See `Feed`."""
        while (late := self._next_late()) is not None:
            self._lose(late)
        self._calm()

    def _put(self, event: BusEvent[Any]) -> Outcome:
        try:
            fits = self.outlet.put(event)
        except Exception as error:  # noqa: BLE001  # told there
            return self._refused(event, error)
        if not fits:
            return self._no_room(event)
        if self._drops.bursting:
            self._calm()
        return Outcome.GOT

    def _put_first(self, event: BusEvent[Any]) -> None:
        """Put an event there while the publishers of others stand back; one who may block waits for room here as they do."""
        if self._put(event) is not Outcome.FULL:
            return
        if self.home.ports.waiter.on_loop():
            self.give_up(event)
            return
        try:
            self.wait(event, self.home.ports.clock.now(), first=True)
        except BaseException:
            self.give_up(event)
            raise

    def _next_late(self) -> BusEvent[Any] | None:
        with self._lock:
            if self._late:
                return self._late.popleft()
            self._late = None
            return None

    def _wait_open(self, begun: float) -> None:
        if self._late is not None:
            self._opened.get(timeout=self._left(begun))

    async def _await_open(self, begun: float) -> None:
        if self._late is None:
            return
        timeout = self._left(begun)
        await (self._opened if timeout is None else self.home.ports.awaiter.within(self._opened, timeout))

    def _waiting(self) -> int:
        return len(self._late) if self._late else 0
