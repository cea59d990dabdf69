"""`RateLimiter`: so many calls a second, and a pause when the service asks for one."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors._core.seconds import LONGEST, check_seconds, check_timeout
from actors.errors import ActorError
from supervisors.asked import asked_for
from supervisors.calling import call_async, call_plain, check_async, check_plain
from supervisors.errors import RateLimitedError
from supervisors.policy.checks import check_number, check_whole
from supervisors.waiting import Line, Place, call_at, check_name, check_ports, ports_here, renewed_after_fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from actors._core.ports import Clock, Ports, TimerHandle

__all__ = ["RateLimiter"]

P = ParamSpec("P")
R = TypeVar("R")


ADVICE = "the rate limiter lets nothing through yet, and waiting here would block the event loop; write `await limiter.acquire_async()`"


class RateLimiter:
    """Lets `rate` calls through a second, evenly, after a burst of up to `burst` when there were none for a while (a token bucket).

    ::

        limiter = RateLimiter(50, burst=10)
        answer = limiter.call(complete, prompt)
        async with limiter:
            answer = await complete_async(prompt)

    In any `t` seconds no more than ``burst + t * rate`` calls begin. Those who wait are let through in the order in which they came;
    nobody overtakes them. A caller that gives up (its timeout, a cancelled task, a killed actor) gives its turn to the next. Handlers
    that wait hold no thread. May be used by threads, handlers and coroutines at once; but all of them by one clock.

    In a simulation whose orders are explored, limiters of the same name count as one.

    Args:
        rate: calls per second, more than 0.
        burst: how many may begin at once after a while of none; 1 or more.
        waiting: how many may wait for their turn.
        name: for errors.
        ports: the clock and so on to wait with; None: those of whoever calls.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is out of range.
    """

    def __init__(self, rate: float, *, burst: int = 1, waiting: int = 1000, name: str = "limiter", ports: Ports | None = None) -> None:
        self._interval = 1 / check_number("rate", rate, "calls per second, more than 0", least=1 / LONGEST, above=True)
        whole = check_whole("burst", burst, "a whole number of calls, 1 or more", 1)
        self._slack = (check_number("burst", whole, "a number of calls that a float can hold") - 1) * self._interval
        self._room = check_whole("waiting", waiting, "a whole number of calls, 0 or more", 0)
        self.name = check_name(name)
        self._ports = check_ports(ports)
        self._resource = f"limiter {name!r}"
        # All below is read and written under the lock, where the clock is read, too: so time does not go back unless the clock does.
        self._lock = Mutex()
        self._due = -math.inf  # when the next call may begin
        self._pause = -math.inf  # the end of the last pause
        self._seen = -math.inf  # the time when this was last looked at
        self._line = Line()
        # Invariant: while somebody waits, a timer is set for `_due`, on the clock of the first in line; it does no harm if it comes late.
        self._timer: TimerHandle | None = None
        self._armed: tuple[Clock, float] | None = None  # what for
        renewed_after_fork(self)

    def __repr__(self) -> str:
        return f"<RateLimiter {self.name!r}: {1 / self._interval:g} per second, {len(self._line)} waiting>"

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        touched(ports_here(self._ports), self._resource, changes=False)
        return len(self._line)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return ``function(*args, **kwargs)``, called when it is its turn.

        If the function raises an exception that says when to come back, nothing goes through for so long; see `pause`. It says so in its
        `retry_after` (seconds, or a `timedelta`), or in the header ``Retry-After`` of its `headers` or its `response`, as errors of HTTP
        clients do. An `ActorError` is no word of the service, and makes no pause.

        Raises:
            RateLimitedError: as many wait as may; nothing was called.
            BlockingInLoopError: it would have to wait, on an event loop that runs actors.
            TypeError: it is an async function or a generator.
            BaseException: what the function raised.
        """
        check_plain(function, "limiter.call_async(...)")
        with self:
            result: R = call_plain(function, args, kwargs, "limiter.call_async(...)")
            return result

    async def call_async(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``await function(*args, **kwargs)`` gives, called when it is its turn.

        What an exception asks for is obeyed as by `call`.

        Raises:
            RateLimitedError: as many wait as may; nothing was called.
            BaseException: what the function raised.
        """
        check_async(function)
        async with self:
            result: R = await call_async(function, args, kwargs, "limiter.call(...)")
            return result

    def __enter__(self) -> Self:
        """Wait as `acquire` does. What an exception of the block asks for is obeyed as by `call`."""
        self.acquire()
        return self

    async def __aenter__(self) -> Self:
        """Wait as `acquire_async` does."""
        await self.acquire_async()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._obey(error)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._obey(error)

    def acquire(self, *, timeout: float | None = None) -> None:
        """Wait until it is the caller's turn.

        Args:
            timeout: seconds to wait at most; None: as long as it takes.

        Raises:
            RateLimitedError: it was not in time, which is raised as soon as it is certain; or as many wait as may.
            BlockingInLoopError: it would have to wait, on an event loop that runs actors.
        """
        timeout = check_timeout(timeout)
        place = self._enter(timeout, blocks=True)
        if place is not None:
            try:
                served = self._begin(place, timeout).future.get()
            except BaseException:
                self._give_up(place)
                raise
            self._end(place, served=served)

    async def acquire_async(self, *, timeout: float | None = None) -> None:
        """Wait until it is the caller's turn, without blocking the event loop. Args and raises: as for `acquire`."""
        timeout = check_timeout(timeout)
        place = self._enter(timeout, blocks=False)
        if place is not None:
            try:
                served = await self._begin(place, timeout).future
            except BaseException:
                self._give_up(place)
                raise
            self._end(place, served=served)

    def try_acquire(self) -> bool:
        """Take a turn if there is one now that nobody waits for, and tell whether."""
        ports = ports_here(self._ports)
        touched(ports, self._resource)
        with self._lock:
            now = self._look(ports)
            free = not len(self._line) and now >= self._due
            if free:
                self._take(now)
        return free

    def pause(self, seconds: float) -> None:
        """Let nothing through for `seconds`, as a service's ``Retry-After`` asks for; a longer pause that is on stays.

        After it calls begin at the rate, without a burst.
        """
        seconds = check_seconds("seconds", seconds)
        ports = ports_here(self._ports)
        touched(ports, self._resource)
        with self._lock:
            self._pause = max(self._pause, self._look(ports) + seconds)
            self._due = max(self._due, self._pause)
            self._arm()

    def _obey(self, error: BaseException | None) -> None:
        seconds = asked_for(error) if isinstance(error, Exception) and not isinstance(error, ActorError) else None
        if seconds is not None:
            self.pause(seconds)

    # -- the bucket; under the lock ----------------------------------------------------------------------------------------

    def _look(self, ports: Ports) -> float:
        """Return the time. What there was to wait for stays so long if the clock jumped back."""
        now = ports.clock.now()
        if now < self._seen:
            self._due -= self._seen - now
            self._pause -= self._seen - now
        self._seen = now
        return now

    def _take(self, now: float) -> None:
        """Let one call begin, which is due: with a full bucket so many may follow at once."""
        self._due = max(self._due, now - self._slack) + self._interval

    def _arm(self) -> None:
        """Set the timer that is wanted, if any."""
        head = self._line.head()
        wanted = None if head is None else (head.ports.clock, self._due)
        if wanted == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._armed = None, None
        if head is not None:
            self._timer = call_at(head.ports, self._due, partial(self._serve, head.ports))
            self._armed = wanted

    # -- the line ----------------------------------------------------------------------------------------------------------

    def _enter(self, timeout: float | None, *, blocks: bool) -> Place | None:
        """Take a turn, or a place in the line."""
        ports = ports_here(self._ports)
        touched(ports, self._resource)
        with self._lock:
            now = self._look(ports)
            if not len(self._line) and now >= self._due:
                self._take(now)
                return None
            hopeless = timeout is not None and now + timeout < self._due
            if hopeless or len(self._line) >= self._room:
                raise self._refusal(now)
            if blocks:
                ports.waiter.check(ADVICE)
            place = self._line.join(ports)
            try:
                self._arm()
            except BaseException:  # no thread for the clock is to be had
                self._line.leave(place)
                raise
            return place

    def _refusal(self, now: float) -> RateLimitedError:
        return RateLimitedError(self.name, max(0.0, self._due - now) + len(self._line) * self._interval)

    def _begin(self, place: Place, timeout: float | None) -> Place:
        """Have the wait end in time."""
        if timeout is not None:
            place.timer = call_at(place.ports, place.ports.clock.now() + max(timeout, 0.0), partial(self._late, place))
        return place

    def _end(self, place: Place, *, served: bool) -> None:
        if place.timer is not None:
            place.timer.cancel()
        if not served:
            touched(place.ports, self._resource)
            with self._lock:
                refusal = self._refusal(self._look(place.ports))
            raise refusal

    def _serve(self, ports: Ports) -> None:
        """Let those through whose turn it is."""
        touched(ports, self._resource)
        served = []
        try:
            with self._lock:
                now = self._look(ports)
                self._armed = None
                while len(self._line) and now >= self._due:
                    self._take(now)
                    served.append(self._line.serve())
                self._arm()
        finally:
            for place in served:
                place.future.try_set(True)

    def _late(self, place: Place) -> None:
        touched(place.ports, self._resource)
        with self._lock:
            late = self._line.leave(place)
            self._arm()
        if late:
            place.future.try_set(False)

    def _give_up(self, place: Place) -> None:
        """Do without what was waited for; if it came at this very moment, give it back."""
        if place.timer is not None:
            place.timer.cancel()
        touched(place.ports, self._resource)
        with self._lock:
            self._line.leave(place)
            if place.served:
                self._due = max(self._due - self._interval, self._pause)
            self._arm()

    def renew(self) -> None:
        """Begin anew, in a forked child."""
        self._lock, self._line, self._timer, self._armed = Mutex(), Line(), None, None
