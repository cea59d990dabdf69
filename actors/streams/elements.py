"""A stream whose end is a loop: `Source.iterate`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from actors._core.future import Future
from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors.errors import BlockingInLoopError
from actors.streams.errors import StreamCancelled
from actors.streams.logic import NOTHING, SinkLogic, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from actors._core.ports import Ports
    from actors.streams.stream import StreamRun

__all__ = ["Elements", "Handover", "ToLoop"]

T = TypeVar("T")

ADVICE = "`for` would block the event loop until the stream gives something; write `async for element in elements`"


class Handover:
    """What the last stage and the loop share: elements on their way from one to the other.

    `_items` is filled by the stage's turn and emptied by whoever reads, each by one operation of a deque. `_ended` is set once. `_waiters`
    belongs to `_lock`.

    Invariant: who waits first stands in line and then looks for elements and the end; who brings them first puts them there and then looks
    at the line. `held_up` likewise: the stage first sets it and then looks for room; who reads first makes room and then looks at it.

    Args:
        capacity: elements that may wait.
        ports: of the system.
    """

    def __init__(self, capacity: int, ports: Ports) -> None:
        self._capacity = capacity
        self._ports = ports
        self._items: deque[Any] = deque()
        self._lock = Mutex()
        self._waiters: list[Future[None]] = []
        self._ended = False
        self._stage: Stage | None = None  # written by its turn, once
        self._held_up = False  # whether it waits for room

    # -- of the stage --------------------------------------------------------------------------------------------------------

    def room(self, stage: Stage) -> int:
        """Return for how many elements there is room; if there is none, `stage` is woken when there is."""
        touched(self._ports, self)
        self._stage = stage
        room = self._capacity - len(self._items)
        if room <= 0:
            self._held_up = True
            room = self._capacity - len(self._items)
        return room

    def put(self, items: list[Any]) -> None:
        """Bring elements."""
        touched(self._ports, self)
        self._items.extend(items)
        self._rouse()

    def end(self, _: object = None) -> None:
        """Take note that nothing more will come. From any thread."""
        touched(self._ports, self)
        self._ended = True
        self._rouse()

    def _rouse(self) -> None:
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.try_set(None)

    @property
    def waiting(self) -> int:
        """How many elements wait for the loop."""
        return len(self._items)

    # -- of the loop ---------------------------------------------------------------------------------------------------------

    def take(self) -> Any:
        """Return the next element; NOTHING at the end; or a future to wait for, as a `Wait`, before trying again."""
        touched(self._ports, self)
        ended = self._ended  # before the look for elements: none come after the end
        try:
            item = self._items.popleft()
        except IndexError:
            return NOTHING if ended else self._wait()
        if self._held_up and 2 * len(self._items) <= self._capacity:
            self._held_up = False
            self._wake()
        return item

    def _wake(self) -> None:
        if self._stage is not None:
            self._stage.wake()

    def check(self) -> None:
        """Raise BlockingInLoopError where a wait would block an event loop, also one without actors."""
        if self._ports.waiter.on_loop():
            raise BlockingInLoopError(ADVICE)

    def _wait(self) -> Wait:
        future: Future[None] = Future()
        if self._ports.dispatcher is not None:
            self._ports.dispatcher.adopt(future)
        with self._lock:
            self._waiters.append(future)
        self._wake()  # to take note that it holds none
        if self._items or self._ended:
            self._rouse()
        return Wait(future)

    def drop(self) -> None:
        """Drop what waits: nobody will read it."""
        self._items.clear()


class Wait:
    """Holds a future where an element might be expected: any object may be an element, but no other code has one of these."""

    __slots__ = ("future",)

    def __init__(self, future: Future[None]) -> None:
        self.future = future


class ToLoop(SinkLogic):
    """Hands the elements over to a loop."""

    def __init__(self, handover: Handover) -> None:
        self.handover = handover

    def work(self) -> int:
        """See `Logic`. What the loop has not taken is under way: it waits for the world outside."""
        done = super().work()
        self.flow.under_way = self.handover.waiting
        return done

    def quota(self) -> int:
        """See `Linear`."""
        return max(0, self.handover.room(self.stage))

    def feed(self, count: int) -> None:
        """See `Linear`."""
        self.handover.put([self.take() for _ in range(count)])

    def result(self) -> None:
        """See `SinkLogic`."""
        return


class Elements(Generic[T]):
    """The elements of a stream, for ``for`` or ``async for``. Made by `Source.iterate`.

    ::

        with source.iterate(system) as elements:
            for element in elements:
                ...

    The stream has begun when this is made. Leaving the loop or the ``with`` block cancels it, if it is not over; a loop that does not come
    back for more holds it up. What goes wrong in the stream is raised in the loop, after the elements that came before it. ``for`` waits as
    `Future.get` does: on an event loop it raises BlockingInLoopError; there write ``async for``.

    It is gone through once: a second loop gets what the first has left, and nothing once that was left.

    Attributes:
        run: the stream, to be looked at or cancelled.
    """

    def __init__(self, run: StreamRun[Any], handover: Handover) -> None:
        self.run = run
        self._handover = handover
        self._left = False  # whether nobody reads any more
        run.future.add_done_callback(handover.end)

    def __repr__(self) -> str:
        return f"<Elements of {self.run!r}>"

    def close(self) -> None:
        """End the stream, and drop what was not read. Does not wait for anything; to do so again does nothing."""
        self._left = True
        self.run.cancel()
        self._handover.drop()

    def __iter__(self) -> Iterator[T]:
        try:
            while (found := self._next()) is not NOTHING:
                if type(found) is Wait:
                    self._handover.check()
                    found.future.get()
                else:
                    yield found
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            while (found := self._next()) is not NOTHING:
                if type(found) is Wait:
                    await found.future
                else:
                    yield found
        finally:
            self.close()

    def _next(self) -> Any:
        """Return what `Handover.take` does; raise what the stream has failed with at its end."""
        if self._left:
            return NOTHING
        found = self._handover.take()
        if found is NOTHING:
            error = self.run.future.exception()
            if error is not None and not (self._left and isinstance(error, StreamCancelled)):
                raise error
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        self.run.__exit__(kind, error, trace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        await self.run.__aexit__(kind, error, trace)
