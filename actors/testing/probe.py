"""`Probe`: an actor in the hands of a test, which says what it expects it to be told."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from actors._core.actor import Actor
from actors._core.context import current_cell, current_reply
from actors._core.future import Future
from actors._core.isolation import Isolation
from actors._core.messages import Down
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds
from actors.errors import Timeout
from actors.system import ActorSystem
from actors.testing.errors import ProbeError
from actors.testing.matching import ANYTHING, Assignment, Matcher, matcher_of, short
from actors.testing.waits import wait_patiently
from actors.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from actors._core.reply import ReplyHandle
    from actors.testing.network import Now

__all__ = ["LIMIT", "Probe"]

logger = logging.getLogger("actors")

M = TypeVar("M")

LIMIT = 10_000  # messages that may wait to be expected
RECENT = 10  # messages that an error lists


class _Received:
    """A message that came, and the open answer to it if it was asked."""

    __slots__ = ("answered", "handle", "message", "origin", "when")

    def __init__(self, message: Any, handle: ReplyHandle | None, when: float, origin: Now | None) -> None:
        self.message = message
        self.handle = handle
        self.when = when  # it came
        self.origin = origin  # in a simulation: what led to it
        self.answered = False  # written by whoever calls `reply` or `fail`


class ProbeActor(Actor, isolation=Isolation.SHARE):
    """What a probe's ref leads to."""

    def __init__(self, came: Callable[[Any, ReplyHandle | None], None]) -> None:
        super().__init__()
        self._came = came

    def on_receive(self, message: Any) -> None:
        """Hand the message to the test; an ask waits for its answer."""
        asked = current_reply(self._greenroom_cell) is not None
        self._came(message, self.reply_later() if asked else None)


class Probe:
    """An actor that a test looks through: it takes whatever comes, and the test says what it expects.

    Give `ref` to the actors under test. What they tell or ask it waits, in the order in which it came, until the test expects it; an ask
    stays open until `reply` or `fail`. The methods may be called from any thread, one at a time.

    In a `Simulation` the waits take steps, and their seconds are virtual. A timeout is no race there: it ends the wait only when
    nothing else can happen within it, so that no order of events makes a right program fail.

    Not for event loops that run actors: there only what ends in ``_async`` may wait, all else raises BlockingInLoopError if it has to.

    Args:
        system: where the probe lives; it ends with it, or with the ``with`` block of the probe.
        name: of its actor; None gives it one.
        timeout: seconds that a wait takes at most if it is not told otherwise. A safety net for the test, so be generous.
    """

    def __init__(self, system: ActorSystem, *, name: str | None = None, timeout: float = 3.0) -> None:
        if not isinstance(system, ActorSystem):
            msg = f"system={system!r} is not valid: an ActorSystem (of a simulation: its `system`)"
            raise TypeError(msg)
        self._timeout = check_seconds("timeout", timeout)
        world = system.ports.dispatcher
        self._world = world if isinstance(world, World) else None
        # Not the clock port: what blocks a test's thread is real time, also where a `ManualClock` stands still.
        self._now: Callable[[], float] = time.monotonic if self._world is None else self._world.now
        self._lock = threading.Lock()  # guards the fields below, up to `_using`; nothing of anybody else's runs under it
        self._came: deque[_Received] = deque()  # what nobody has expected yet
        self._recent: deque[Any] = deque(maxlen=RECENT)  # the last messages, expected or not
        self._refused = 0  # how many came when LIMIT waited already
        self._wanted: Future[None] | None = None  # resolved by the next message; only while `_came` is empty
        self._using = threading.Lock()  # held by the one call that takes messages
        self._last: _Received | None = None  # what was taken last; written by the holder of `_using`, read by who replies after that
        self.ref: ActorRef[Any] = system.start(ProbeActor, self._arrive, name=name)

    def __repr__(self) -> str:
        return f"<Probe {self.ref.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.ref.stop(block=False)

    # -- expecting ---------------------------------------------------------------------------------------------------------

    @property
    def messages(self) -> tuple[Any, ...]:
        """What has come and was not expected yet, the oldest first.

        At most 10,000 messages wait. What comes after that is refused: an ask fails with ProbeError, and so does whatever the test does
        with the probe from then on.
        """
        self._check_room()
        with self._lock:
            came = tuple(self._came)
        self._learn(*came)
        return tuple(received.message for received in came)

    @overload
    def expect(self, expected: type[M], *, timeout: float | None = None) -> M: ...

    @overload
    def expect(self, expected: Any = ANYTHING, *, timeout: float | None = None) -> Any: ...

    def expect(self, expected: Any = ANYTHING, *, timeout: float | None = None) -> Any:
        """Take the next message, waiting for it if need be, and return it if it is the expected one.

        Args:
            expected: a value to be equal to, a type to be an instance of, or a plain function that tells whether a message is right.
                Left out: any message will do.
            timeout: seconds to wait at most; None takes the probe's.

        Raises:
            ProbeError: another message came (and is taken), or none did in time.
        """
        matcher, seconds = matcher_of("expected", expected), self._seconds(timeout)
        with self._alone():
            return self._right(matcher, self._take(self._now() + seconds), seconds)

    @overload
    async def expect_async(self, expected: type[M], *, timeout: float | None = None) -> M: ...

    @overload
    async def expect_async(self, expected: Any = ANYTHING, *, timeout: float | None = None) -> Any: ...

    async def expect_async(self, expected: Any = ANYTHING, *, timeout: float | None = None) -> Any:
        """Do what `expect` does, without blocking the event loop."""
        matcher, seconds = matcher_of("expected", expected), self._seconds(timeout)
        with self._alone():
            end = self._now() + seconds
            wanted = self._want()
            if wanted is not None:
                with contextlib.suppress(Timeout):
                    await wanted._ports().awaiter.within(wanted, seconds)
            return self._right(matcher, self._taken(end), seconds)

    def expect_none(self, within: float) -> None:
        """Wait for `within` seconds, in which nothing must come. What waits already counts.

        Outside of a simulation that is real time, spent in each run of the test, and proves little: a message of a slow machine comes
        later. Where an order of messages shows the same, prefer that.

        Raises:
            ProbeError: a message came (and is taken).
        """
        seconds = check_seconds("within", within)
        with self._alone():
            received = self._take(self._now() + seconds)
            if received is not None:
                raise self._error(f"expected nothing within {seconds} seconds, but {short(received.message)} came")

    @overload
    def fish_for(self, matcher: type[M], *, timeout: float | None = None, ignore: Any = ANYTHING) -> M: ...

    @overload
    def fish_for(self, matcher: Any, *, timeout: float | None = None, ignore: Any = ANYTHING) -> Any: ...

    def fish_for(self, matcher: Any, *, timeout: float | None = None, ignore: Any = ANYTHING) -> Any:
        """Take messages until one is the expected one, and return that; the others are gone.

        Args:
            matcher: what it should be, as for `expect`.
            timeout: seconds for all of it; None takes the probe's.
            ignore: what may come before it, as for `expect`. Left out: anything may.

        Raises:
            ProbeError: it did not come in time, or something came that is neither expected nor to be ignored.
        """
        wanted, ignored, seconds = matcher_of("matcher", matcher), matcher_of("ignore", ignore), self._seconds(timeout)
        with self._alone():
            end = self._now() + seconds
            while True:
                received = self._take(end)
                if received is not None and not wanted.matches(received.message) and ignored.matches(received.message):
                    continue
                return self._right(wanted, received, seconds, "no such message")

    def expect_all(self, *expected: Any, timeout: float | None = None) -> tuple[Any, ...]:
        """Take as many messages as are expected, which may come in any order; return them in the order of `expected`.

        Args:
            *expected: each as for `expect`, and each fulfilled by a message of its own.
            timeout: seconds for all of it; None takes the probe's.

        Raises:
            ProbeError: something else came (and is taken), or not all of them came in time.
        """
        if not expected:
            msg = "expect_all() needs at least one expected message; expect_none() expects none"
            raise ValueError(msg)
        assignment, seconds = Assignment([matcher_of("expected", one) for one in expected]), self._seconds(timeout)
        with self._alone():
            end = self._now() + seconds
            while assignment.missing():
                received = self._take(end)
                if received is None or not assignment.give(received.message):
                    raise self._mismatch(assignment.missing(), received, seconds, "not all of that")
            return assignment.messages()

    # -- the end of others -------------------------------------------------------------------------------------------------

    def watch(self, ref: ActorRef[Any]) -> None:
        """Have the probe be told, once, a `Down` when `ref` ends; at once if it has ended. Returns when the watch is on.

        Raises:
            ProbeError: the probe did not get to it within its timeout.
            ActorDeadError: the probe has ended.
        """
        watching = self.ref.call(Actor.watch, ref)
        self._wait(watching, self._timeout)
        if not watching.done():
            raise self._error(f"could not watch {ref} within {self._timeout} seconds")
        watching.get()

    async def watch_async(self, ref: ActorRef[Any]) -> None:
        """Do what `watch` does, without blocking the event loop."""
        await self.ref.call(Actor.watch, ref)

    def expect_down(self, ref: ActorRef[Any], *, timeout: float | None = None) -> Down:
        """Take the next message and return it if it is the `Down` of `ref`, which the probe has to `watch`.

        Raises:
            ProbeError: another message came (and is taken), or none did within `timeout` seconds (None: the probe's).
        """
        if not isinstance(ref, ActorRef):
            msg = f"ref={ref!r} is not valid: a ref of an actor that the probe watches"
            raise TypeError(msg)
        seconds = self._seconds(timeout)
        matcher = Matcher(f"the Down of {ref.path}", lambda message: isinstance(message, Down) and message.ref == ref)
        with self._alone():
            down: Down = self._right(matcher, self._take(self._now() + seconds), seconds)
            return down

    # -- answering ---------------------------------------------------------------------------------------------------------

    def reply(self, value: Any = None) -> bool:
        """Answer the message that was taken last (by `expect_all`: the one that came last) with `value`.

        Returns:
            False if its asker has cancelled it, or it has failed because the probe has ended.

        Raises:
            ProbeError: no message was taken yet, or the last one was told and not asked, or has its answer.
        """
        received, handle = self._unanswered()
        received.answered = True
        return handle.reply(value)

    def fail(self, error: BaseException) -> bool:
        """Answer the message that was taken last with an exception. Returns and raises as `reply` does."""
        received, handle = self._unanswered()
        failed = handle.fail(error)  # first: something else than an exception is no answer
        received.answered = True
        return failed

    def _unanswered(self) -> tuple[_Received, ReplyHandle]:
        last = self._last
        if last is None:
            raise self._error("there is nothing to answer: no message was expected yet")
        if last.handle is None:
            raise self._error(f"there is nothing to answer: the last message expected, {short(last.message)}, was told and not asked")
        if last.answered:
            raise self._error(f"there is nothing to answer: the last message expected, {short(last.message)}, has its answer")
        return last, last.handle

    # -- how messages come, and are waited for -----------------------------------------------------------------------------

    def _arrive(self, message: Any, handle: ReplyHandle | None) -> None:
        """Take a message in. Called in the turn of the probe's actor."""
        origin = None if self._world is None else self._world.snapshot()
        with self._lock:
            self._recent.append(message)
            if len(self._came) >= LIMIT:
                self._refused += 1
            else:
                self._came.append(_Received(message, handle, self._now(), origin))
            refused, wanted = self._refused, self._wanted
        if refused:
            if refused == 1:
                logger.error("%s", self._overflow())
            if handle is not None:
                handle.fail(self._overflow())
        if wanted is not None:
            wanted.try_set()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Take messages, unless somebody else does."""
        if not self._using.acquire(blocking=False):
            msg = f"probe {self.ref.path}: two calls at once would take each other's messages; give each thread or task a probe of its own"
            raise RuntimeError(msg)
        try:
            self._check_room()
            yield
        finally:
            self._using.release()

    def _take(self, end: float) -> _Received | None:
        """Return the next message, None if none comes by `end`."""
        wanted = self._want()
        if wanted is not None:
            self._wait(wanted, max(0.0, end - self._now()))
        return self._taken(end)

    def _want(self) -> Future[None] | None:
        """Return a future that the next message resolves; None if one is there."""
        wanted: Future[None] = Future()
        wanted._cell, wanted._owed = self.ref._target, False  # waited for as that system does; anybody may resolve it
        # Invariant: looked for and asked for under one lock, which an arriving message takes: it is seen here, or sees the future.
        with self._lock:
            if self._came:
                return None
            self._wanted = wanted
        return wanted

    def _taken(self, end: float) -> _Received | None:
        """Take the next message if it came by `end`: also one that met the timeout. A later one stays, however many come."""
        with self._lock:
            self._wanted = None
            if not self._came or self._came[0].when > end:
                return None
            self._last = received = self._came.popleft()
        self._learn(received)
        return received

    def _learn(self, *came: _Received) -> None:
        """Note for a simulation that what the caller does from now on comes after what led to these: no wait may have told it."""
        if self._world is not None:
            for received in came:
                self._world.learns_of(received.origin)

    def _wait(self, future: Future[Any], seconds: float) -> None:
        """Wait until `future` is resolved, for `seconds` at most."""
        world = self._world
        if world is not None and world.lives_here() and current_cell() is None:
            wait_patiently(world, future, seconds)
            return
        with contextlib.suppress(Timeout):
            future._resolve_here(seconds)

    # -- what went wrong ---------------------------------------------------------------------------------------------------

    def _seconds(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else check_seconds("timeout", timeout)

    def _check_room(self) -> None:
        if self._refused:
            raise self._overflow()

    def _right(self, matcher: Matcher, received: _Received | None, seconds: float, late: str = "nothing") -> Any:
        """Return the message if it is the expected one."""
        if received is None or not matcher.matches(received.message):
            raise self._mismatch([matcher], received, seconds, late)
        return received.message

    def _mismatch(self, missing: list[Matcher], received: _Received | None, seconds: float, late: str) -> ProbeError:
        what = " and ".join(matcher.text for matcher in missing)
        came = f"{late} came within {seconds} seconds" if received is None else f"{short(received.message)} came"
        ended = "" if self.ref.is_alive() else " (the probe has ended)"
        return self._error(f"expected {what}, but {came}{ended}")

    def _overflow(self) -> ProbeError:
        return self._error(f"more than {LIMIT} messages came that nobody expected; {self._refused} were refused")

    def _error(self, why: str) -> ProbeError:
        with self._lock:
            recent = tuple(short(message) for message in self._recent)
        return ProbeError(self.ref.path, why, recent)
