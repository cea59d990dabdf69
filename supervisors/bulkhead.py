"""`Bulkhead`: so many calls at once, and no more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors._core.seconds import check_timeout
from actors.errors import BlockingInLoopError
from supervisors.calling import call_async, call_plain, check_async, check_plain
from supervisors.errors import BulkheadFullError
from supervisors.policy.checks import check_whole
from supervisors.waiting import Line, Place, call_at, check_name, check_ports, ports_here, renewed_after_fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from actors._core.ports import Ports

__all__ = ["Bulkhead"]

P = ParamSpec("P")
R = TypeVar("R")

ADVICE = "the bulkhead is full, and waiting here would block the event loop; write `await bulkhead.call_async(...)` or `async with`"


class Bulkhead:
    """Lets `limit` calls through at once, so that a service that hangs does not take all there is of threads, memory or connections.

    ::

        bulkhead = Bulkhead(8, waiting=100, timeout=5.0)
        answer = bulkhead.call(complete, prompt)
        async with bulkhead:
            answer = await complete_async(prompt)

    Those who wait are let in in the order in which they came; nobody overtakes them. A caller that gives up (its timeout, a cancelled
    task, a killed actor) gives its place to the next. Handlers that wait hold no thread. May be used by threads, handlers and coroutines
    at once.

    Each ``with`` takes a place of its own: one within another of the same bulkhead takes two, and with a limit of 1 waits for itself.
    In a simulation whose orders are explored, bulkheads of the same name count as one.

    Args:
        limit: how many at once; 1 or more.
        waiting: how many may wait for one of them to end; 0: nobody waits.
        timeout: seconds that one waits at most; None: as long as it takes.
        name: for errors.
        ports: the clock and so on to wait with; None: those of whoever calls.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is out of range.
    """

    def __init__(
        self, limit: int, *, waiting: int = 0, timeout: float | None = None, name: str = "bulkhead", ports: Ports | None = None
    ) -> None:
        self._limit = check_whole("limit", limit, "a whole number of calls, 1 or more", 1)
        self._room = check_whole("waiting", waiting, "a whole number of calls, 0 or more", 0)
        self._timeout = check_timeout(timeout)
        self.name = check_name(name)
        self._ports = check_ports(ports)
        self._resource = f"bulkhead {name!r}"
        # Invariant: all below is read and written under the lock, but for looks at one number. While somebody waits, `_active` is the
        # limit: who ends hands its place on to the first in line, so that nobody gets in between.
        self._lock = Mutex()
        self._active = 0
        self._line = Line()
        renewed_after_fork(self)

    def __repr__(self) -> str:
        return f"<Bulkhead {self.name!r}: {self._active} of {self._limit} active, {len(self._line)} waiting>"

    @property
    def active(self) -> int:
        """How many are in."""
        touched(ports_here(self._ports), self._resource, changes=False)
        return self._active

    @property
    def waiting(self) -> int:
        """How many wait to get in."""
        touched(ports_here(self._ports), self._resource, changes=False)
        return len(self._line)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return ``function(*args, **kwargs)``, called as soon as there is room for it.

        Raises:
            BulkheadFullError: there was none, in time; nothing was called.
            BlockingInLoopError: it would have to wait, on an event loop.
            TypeError: it is an async function or a generator.
            BaseException: what the function raised.
        """
        check_plain(function, "bulkhead.call_async(...)")
        with self:
            result: R = call_plain(function, args, kwargs, "bulkhead.call_async(...)")
            return result

    async def call_async(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``await function(*args, **kwargs)`` gives, called as soon as there is room for it.

        Raises:
            BulkheadFullError: there was none, in time; nothing was called.
            BaseException: what the function raised.
        """
        check_async(function)
        async with self:
            result: R = await call_async(function, args, kwargs, "bulkhead.call(...)")
            return result

    def __enter__(self) -> Self:
        place = self._enter(blocks=True)
        if place is not None:
            try:
                served = self._begin(place).future.get()
            except BaseException:
                self._give_up(place)
                raise
            self._end(place, served=served)
        return self

    async def __aenter__(self) -> Self:
        place = self._enter(blocks=False)
        if place is not None:
            try:
                served = await self._begin(place).future
            except BaseException:
                self._give_up(place)
                raise
            self._end(place, served=served)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._leave()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._leave()

    # -- getting in and out ------------------------------------------------------------------------------------------------

    def _enter(self, *, blocks: bool) -> Place | None:
        """Get in, or get a place in the line."""
        ports = ports_here(self._ports)
        touched(ports, self._resource)
        with self._lock:
            if self._active < self._limit:
                self._active += 1
                return None
            impatient = self._timeout is not None and self._timeout <= 0
            if impatient or len(self._line) >= self._room:
                raise BulkheadFullError(self.name, self._limit)
            if blocks and ports.waiter.on_loop():  # of actors or not: those inside may be tasks on this very loop
                raise BlockingInLoopError(ADVICE)
            return self._line.join(ports)

    def _begin(self, place: Place) -> Place:
        """Have the wait end in time."""
        if self._timeout is not None:
            place.timer = call_at(place.ports, place.ports.clock.now() + self._timeout, partial(self._late, place))
        return place

    def _end(self, place: Place, *, served: bool) -> None:
        if place.timer is not None:
            place.timer.cancel()
        if not served:
            raise BulkheadFullError(self.name, self._limit, self._timeout)

    def _late(self, place: Place) -> None:
        touched(place.ports, self._resource)
        with self._lock:
            late = self._line.leave(place)
        if late:
            place.future.try_set(False)

    def _give_up(self, place: Place) -> None:
        """Do without what was waited for; if it came at this very moment, give it to the next."""
        if place.timer is not None:
            place.timer.cancel()
        touched(place.ports, self._resource)
        with self._lock:
            self._line.leave(place)
            served = place.served
        if served:
            self._leave()

    def _leave(self) -> None:
        touched(ports_here(self._ports), self._resource)
        with self._lock:
            heir = self._line.serve() if len(self._line) else None
            if heir is None and self._active:  # or it was begun before a fork
                self._active -= 1
        if heir is not None:
            heir.future.try_set(True)

    def renew(self) -> None:
        """Begin anew, in a forked child."""
        self._lock, self._active, self._line = Mutex(), 0, Line()
