"""One party that waits at one or several channels, and how it does that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from actors._core.context import current_cell
from actors._core.future import Future
from actors._core.ports import ambient
from actors.errors import BlockingInLoopError, Timeout

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ports import Parker, Ports
    from actors.channels.meeting import After
    from actors.channels.pipe import Pipe

__all__ = ["ENDED", "NOTHING", "LoopWait", "Place", "Refusal", "Wait", "WaitAsync", "new_wait", "new_wait_async", "ports_here"]

NOTHING: Final = object()
"""Stands for no value where None may be one."""

ENDED: Final = object()
"""Stands for the end of a channel that is closed and drained."""

ADVICE = "this would block the event loop until another end of the channel does something; await the form whose name ends in _async"


def ports_here() -> Ports:
    """Return the ports of the system whose handler runs here; else the ambient ones."""
    cell = current_cell()
    return cell.system.ports if cell is not None else ambient()


class Place:
    """The place of a wait in the line of one channel.

    Args:
        wait: whose place it is.
        pipe: at which channel.
        end: the sender or receiver that waits.
        offer: the value to be sent; NOTHING if one is to be received.
        index: which of the cases of a `select` it is; 0 for others.
    """

    __slots__ = ("end", "index", "offer", "pipe", "wait")

    def __init__(self, wait: Wait, pipe: Pipe, end: Any, offer: Any, index: int) -> None:
        self.wait = wait
        self.pipe = pipe
        self.end = end
        self.offer = offer
        self.index = index


class Wait(Place):
    """A wait, which is its own place if it stands in one line only. How it waits is a matter of the classes below.

    Args: as for a `Place`, of that line.

    Invariant: whoever pops the only item of `_claim` decides how the wait ends. It does so under the lock of the channel that it ends the
    wait for, and writes `served` and `value` under it. The waiter reads them when it was woken, or when it failed to pop the item
    itself while it held the locks of all its channels.

    Attributes:
        places: where it stands in line, if that is not in one line only; written by the waiter before anybody sees it.
        served: the place at which it was served; None if it was not yet.
        turn: of what was received: values that come back are received again in this order.
        value: what was received; NOTHING if a value was sent; ENDED at the end of the channel; a `Refusal` if it can never be done.
    """

    __slots__ = ("_claim", "places", "served", "turn", "value")

    def __init__(self, pipe: Pipe, end: Any, offer: Any) -> None:
        # Not by the base class: each wait is one allocation and one call.
        self.wait = self
        self.pipe = pipe
        self.end = end
        self.offer = offer
        self.index = 0
        self.places: tuple[Place, ...] = ()
        self.served: Place | None = None
        self.turn = 0
        self.value: Any = NOTHING
        self._claim: list[None] = [None]

    @property
    def live(self) -> bool:
        """Whether nobody has ended it; another may do so at any moment."""
        return bool(self._claim)

    def claim(self) -> bool:
        """Take the right to end the wait; False if another has it."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        return True

    def unclaim(self) -> None:
        """Give the right back."""
        self._claim.append(None)

    def stand(self, places: tuple[Place, ...]) -> None:
        """Stand in these lines in place of the one. By the waiter, before anybody sees it."""
        self.places = places

    def rouse(self) -> After | None:
        """Let the waiter, which is served, go on. With no lock held. Return what is to be called then."""
        raise NotImplementedError

    def block(self, timeout: float | None) -> bool:
        """Wait until woken; False after `timeout` seconds."""
        raise NotImplementedError


class Refusal:
    """Holds the error with which a wait was ended."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class ThreadWait(Wait):
    """The wait of a thread that runs no handler."""

    __slots__ = ("_parker",)

    def __init__(self, pipe: Pipe, end: Any, offer: Any, parker: Parker) -> None:
        super().__init__(pipe, end, offer)
        self._parker = parker

    def rouse(self) -> After | None:
        """Let the thread go on."""
        self._parker.wake()
        return None

    def block(self, timeout: float | None) -> bool:
        """Block until woken; False after `timeout` seconds."""
        return self._parker.park(timeout)


class _Ends:
    """Several ends of channels, as what a wait is about."""

    __slots__ = ("_ends",)

    def __init__(self, ends: tuple[Any, ...]) -> None:
        self._ends = ends

    def about(self) -> tuple[tuple[str, Cell | str], ...]:
        return tuple(thing for end in self._ends for thing in end.about())


class FutureWait(Wait):
    """The wait of a handler, which can be killed meanwhile, and of anybody in a simulation, where to go on is a step."""

    __slots__ = ("_future",)

    def __init__(self, pipe: Pipe, end: Any, offer: Any, ports: Ports) -> None:
        super().__init__(pipe, end, offer)
        self._future: Future[None] = Future()
        self._future._about = end
        if ports.dispatcher is not None:
            ports.dispatcher.adopt(self._future)

    def stand(self, places: tuple[Place, ...]) -> None:
        """Stand in these lines in place of the one."""
        super().stand(places)
        self._future._about = _Ends(tuple(place.end for place in places))

    def rouse(self) -> After | None:
        """Let the waiter go on."""
        self._future.try_set(None)
        return None

    def block(self, timeout: float | None) -> bool:
        """Wait until woken; False after `timeout` seconds."""
        try:
            self._future.get(timeout=timeout)
        except Timeout:
            return False
        return True

    async def wait_async(self, timeout: float | None) -> bool:
        """Wait until woken, not blocking the event loop; False after `timeout` seconds."""
        if timeout is None:
            await self._future
            return True
        try:
            await self._future._ports().awaiter.within(self._future, timeout)
        except Timeout:
            return False
        return True


class LoopWait(Wait):
    """The wait of a coroutine on a real event loop: by a bare future of that loop, at half the cost of one of ours."""

    __slots__ = ("_loop", "waiter")

    def __init__(self, pipe: Pipe, end: Any, offer: Any) -> None:
        super().__init__(pipe, end, offer)
        self._loop = loop = asyncio.get_running_loop()
        self.waiter: asyncio.Future[None] = loop.create_future()  # that of the coroutine

    def rouse(self) -> After | None:
        """Let the coroutine go on."""
        waiter = self.waiter
        try:
            if asyncio._get_running_loop() is not self._loop:
                self._loop.call_soon_threadsafe(_set, waiter)
            elif not waiter.done():
                waiter.set_result(None)
        except RuntimeError:  # the loop is closed: the coroutine will never read what it was given
            return self.served.pipe.reclaim(self) if self.served is not None else None
        return None

    async def wait_async(self, timeout: float | None) -> bool:
        """Wait until woken; False after `timeout` seconds."""
        if timeout is None:
            await self.waiter
            return True
        try:
            async with asyncio.timeout(timeout):
                await self.waiter
        except TimeoutError:
            return False
        return True


WaitAsync = FutureWait | LoopWait


def new_wait(pipe: Pipe, end: Any, offer: Any) -> Wait:
    """Return a wait for the caller, which blocks; arguments as for a `Place`.

    Raises:
        BlockingInLoopError: that would block an event loop with actors.
    """
    cell = current_cell()
    ports = ambient() if cell is None else cell.system.ports
    if cell is None and not pipe.watched and ports.dispatcher is None:
        try:
            return ThreadWait(pipe, end, offer, ports.waiter.parker())
        except BlockingInLoopError:
            raise BlockingInLoopError(ADVICE) from None
    ports.waiter.check(ADVICE)
    return FutureWait(pipe, end, offer, ports)


def new_wait_async(pipe: Pipe, end: Any, offer: Any) -> WaitAsync:
    """Return a wait for the coroutine that calls; arguments as for a `Place`."""
    return FutureWait(pipe, end, offer, ports_here()) if pipe.watched else LoopWait(pipe, end, offer)


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
