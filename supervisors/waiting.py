"""Waits of the tools against failure: futures that somebody resolves, or the clock.

So a handler that waits parks and holds no thread, a plain thread blocks, a coroutine awaits, and a simulation decides when it goes on.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Protocol

from actors import Future
from actors._core.context import current_cell
from actors._core.ports import Ports, ambient
from actors.dispatch.clock import RealClock
from actors.dispatch.real import ambient_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors._core.ports import TimerHandle

__all__ = [
    "Line",
    "Place",
    "Renewed",
    "alarm",
    "call_at",
    "check_name",
    "check_ports",
    "ports_here",
    "renewed_after_fork",
    "sleep",
    "sleep_async",
]


def check_name(name: object) -> str:
    """Return `name` if it is a text."""
    if not isinstance(name, str):
        msg = f"name={name!r} is not valid: a text"
        raise TypeError(msg)
    return name


def check_ports(ports: object) -> Ports | None:
    """Return `ports` if they are some, or None."""
    if ports is not None and not isinstance(ports, Ports):
        msg = f"ports={ports!r} is not valid: a Ports, such as those of a system or of a ManualClock, or None for those of the caller"
        raise TypeError(msg)
    return ports


def ports_here(given: Ports | None) -> Ports:
    """Return `given`; else the ports of the system whose handler runs here; else the ambient ones."""
    if given is not None:
        return given
    cell = current_cell()
    return cell.system.ports if cell is not None else ambient()


def call_at(ports: Ports, when: float, call: Callable[[], object]) -> TimerHandle:
    """Call `call` at `when` by the clock of `ports`.

    Also when the system that they belong to has ended, and its clock makes no calls any more: who waits may be a plain thread, or stand in
    front of callers that have nothing to do with that system.
    """
    clock = ambient_clock if isinstance(ports.clock, RealClock) else ports.clock
    return clock.call_at(when, call)


@contextlib.contextmanager
def alarm(ports: Ports, seconds: float) -> Iterator[Future[None]]:
    """Give a future that is resolved in `seconds`, unless the block ends before."""
    future: Future[None] = Future()
    timer = call_at(ports, ports.clock.now() + seconds, partial(future.try_set, None))
    try:
        yield future
    finally:
        timer.cancel()


def sleep(ports: Ports, seconds: float) -> None:
    """Wait for `seconds`."""
    if seconds > 0:
        with alarm(ports, seconds) as over:
            over.get()


async def sleep_async(ports: Ports, seconds: float) -> None:
    """Wait for `seconds` without blocking the event loop."""
    if seconds > 0:
        with alarm(ports, seconds) as over:
            await over


class Place:
    """The place of one caller in a line.

    Attributes:
        ports: that it waits with.
        future: resolved when the wait is over: with True if it was served, with False if that took too long.
        served: whether it has got what it waits for; written under the lock of the line's owner, by who takes it out of the line.
        timer: that ends the wait; the caller's own.
    """

    __slots__ = ("future", "ports", "served", "timer")

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.future: Future[bool] = Future()
        self.served = False
        self.timer: TimerHandle | None = None


class Line:
    """Those who wait, first come, first served. Guarded by the lock of its owner.

    Who takes a place out of the line decides, under the lock, how its wait ends. So it ends in one way, and what was given to a caller
    that does not wait any more is known to be left over.
    """

    def __init__(self) -> None:
        self._places: OrderedDict[Place, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def head(self) -> Place | None:
        """Return the first."""
        return next(iter(self._places), None)

    def join(self, ports: Ports) -> Place:
        """Return a place behind all others."""
        place = Place(ports)
        self._places[place] = None
        return place

    def serve(self) -> Place:
        """Take the first out of the line, as served; its future is the caller's to resolve, once it has given up the lock."""
        place, _ = self._places.popitem(last=False)
        place.served = True
        return place

    def leave(self, place: Place) -> bool:
        """Take `place` out of the line; False if it is not there any more."""
        if place not in self._places:
            return False
        del self._places[place]
        return True


class Renewed(Protocol):
    """What begins anew in a forked child."""

    def renew(self) -> None:
        """Forget all callers: their threads did not come along."""


_tools: weakref.WeakSet[Renewed] = weakref.WeakSet()


def renewed_after_fork(tool: Renewed) -> None:
    """Have `tool.renew()` called in each child that this process forks, before anything else runs there."""
    _tools.add(tool)


def _renew() -> None:
    for tool in list(_tools):
        tool.renew()


os.register_at_fork(after_in_child=_renew)
