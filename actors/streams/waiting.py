"""Ends of a stream that wait for something outside: async iterables and channels."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from actors.channels.errors import ChannelClosedError
from actors.channels.lifetime import NOBODY_RECEIVES
from actors.streams.companion import END, Deliver, Pull, Puller, Pusher, Raised, Retry
from actors.streams.logic import SLICE, Logic, SinkLogic
from actors.streams.messages import send
from actors.streams.sourcing import FromIterable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from actors._core.ref import ActorRef
    from actors.channels.using import Sending

__all__ = ["FromAsync", "FromEither", "ToChannel"]

IN_HAND = 256  # elements that a stage hands over at a time to be sent
PATIENCE: Final = 0.5  # seconds that an async iterable has to end once it is told to; then the stream goes on without it


class FromAsync(Logic):
    """Gives the elements of an async iterable, awaiting no more of them than are demanded.

    `_told` is filled by the companion and emptied by the stage's turn; each is one operation of a deque.

    Invariant: `close` sets `_closed` and then empties `_told`; the companion fills it and then looks at `_closed`. So one of the two finds
    what nobody takes any more.
    """

    def __init__(self, elements: AsyncIterable[Any]) -> None:
        self.elements = elements
        self._told: deque[Any] = deque()
        self._puller: ActorRef[Puller] | None = None
        self._pulled = 0  # elements that were asked for and have not come
        self._fruitless = True  # whether none has come
        self._raised = False  # whether the companion waits to be told to go on after an error
        self._stopping = False  # whether it was told to end
        self._left = False  # whether it did not, for so long that the stream goes on without it
        self._closed = False  # set once

    def _tell(self, told: Any) -> None:
        self._told.append(told)
        if self._closed:
            self._lose()
        else:
            self.stage.wake()

    def _lose(self) -> None:
        """Account for what came after the last slice of work: it is a dead letter, unless nobody wants it any more."""
        missed = self.flow.outlets[0].ended
        while self._told:
            try:
                told = self._told.popleft()
            except IndexError:  # the other of the two
                return
            if type(told) is Raised:
                self.stage.close_failed(self.elements, told.error)
            elif told is not END and missed:
                self.stage.lost(told)

    def work(self) -> int:
        """See `Logic`."""
        outlet, told = self.flow.outlets[0], self._told
        if self._raised and self._puller is not None:  # the policy lets it go on
            self._raised = False
            send(self._puller, Retry())
        done = 0
        while told and done < SLICE:
            found = told.popleft()
            if found is END:
                self.over = True
                break
            if type(found) is Raised:
                self.hopeless, self._raised = self._fruitless, True
                raise found.error
            self._fruitless = False
            self._pulled -= 1
            outlet.out.append(found)
            done += 1
        self.over = self.over or (self._left and not told)
        wanted = outlet.room - self._pulled
        if wanted > 0 and not self.over:
            self._pull(wanted)
        self.flow.under_way = 0 if self.over else min(1, self._pulled)
        return done

    def _pull(self, count: int) -> None:
        if self._puller is None:  # not before it is wanted
            self._puller = self.stage.spawn(Puller, self.stage.actor_ref, self._tell, self.elements)
        # Invariant: no more is asked for than was demanded; what has come and waits in `_told` is counted, too.
        self._pulled += count
        send(self._puller, Pull(count))

    def stop(self) -> None:
        """See `Logic`. What has come goes through."""
        if self._puller is None:
            self.over = True
        elif not self._stopping:  # each slice of work comes here, and must not put the end off
            self._stopping = True
            self._puller.stop(block=False)
            self.stage.wake_after(PATIENCE)

    def tick(self) -> None:
        """See `Logic`."""
        self._left = True

    def close(self) -> None:
        """See `Logic`."""
        self._closed = True
        if self._puller is not None:
            self._puller.stop(block=False)
        self._lose()


class FromEither(Logic):
    """Gives the elements of an iterable, or of an async one: which of the two a function makes is seen when it has made it.

    What is both (a receiver, a subscription) is awaited: a thread that waits for the next element would hold up the end of the run.
    """

    def __init__(self, make: Callable[[], Iterable[Any] | AsyncIterable[Any]]) -> None:
        self.make = make
        self._inner: Logic | None = None

    def work(self) -> int:
        """See `Logic`."""
        inner = self._inner
        if inner is None:
            if self.flow.outlets[0].room <= 0:  # it may open a file: not before it is wanted
                return 0
            self.hopeless = True
            made: Any = self.make()
            inner = FromAsync(made) if hasattr(made, "__aiter__") else FromIterable(lambda: made)
            inner.open(self.stage)
            self._inner = inner
        try:
            return inner.work()
        finally:
            self.over, self.hopeless = inner.over, inner.hopeless

    def stop(self) -> None:
        """See `Logic`."""
        if self._inner is None:
            self.over = True
        else:
            self._inner.stop()
            self.over = self._inner.over

    def tick(self) -> None:
        """See `Logic`."""
        if self._inner is not None:
            self._inner.tick()

    def close(self) -> None:
        """See `Logic`."""
        if self._inner is not None:
            self._inner.close()


class ToChannel(SinkLogic):
    """Sends the elements over a channel; its result is their number.

    `_sent` and `_failure` are written by the companion on its loop, which then wakes the stage. `_sent` may be read at any moment.
    """

    def __init__(self, sender: Sending[Any], *, close: bool) -> None:
        self.sender = sender
        self.closes = close
        self._pusher: ActorRef[Pusher] | None = None
        self._handed = 0
        self._sent = 0
        self._failure: BaseException | None = None

    def _tell(self, told: Any) -> None:
        if type(told) is Raised:
            self._failure = told.error
        elif told is not END:
            self._sent += 1
            if self._sent < self._handed:
                return
        self.stage.wake()

    def work(self) -> int:
        """See `Logic`."""
        failure = self._failure
        if failure is not None:
            if isinstance(failure, ChannelClosedError) and failure.why == NOBODY_RECEIVES:
                self.over = True  # nobody wants any more
                return 0
            raise failure
        self.flow.under_way = self._handed - self._sent
        return super().work()

    def quota(self) -> int:
        """See `Linear`."""
        return 0 if self._handed > self._sent else IN_HAND

    def feed(self, count: int) -> None:
        """See `Linear`."""
        if self._pusher is None:
            self._pusher = self.stage.spawn(Pusher, self.stage.actor_ref, self._tell, self.sender)
        items = [self.take() for _ in range(count)]
        self._handed += count
        self.flow.under_way = count
        send(self._pusher, Deliver(items))

    def finish(self) -> None:
        """See `Linear`."""
        self.over = self._handed == self._sent

    def close(self) -> None:
        """See `Logic`."""
        if self._pusher is not None:
            self._pusher.stop(block=False)
        if self.closes:
            self.sender.close()

    def result(self) -> int:
        """See `SinkLogic`."""
        return self._sent
