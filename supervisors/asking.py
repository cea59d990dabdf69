"""Asking actors that may be slow, restarting or overloaded: again, or several at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pykka

from actors import ActorRef, Future, Request, wait_any
from actors._core.context import current_cell
from actors._core.messages import Entry
from actors._core.seconds import check_seconds, check_timeout
from actors._core.sending import note_of, send_async
from actors.errors import ActorError, ActorRestarting, MailboxFullError, Timeout
from supervisors.errors import BulkheadFullError, CircuitOpenError, RateLimitedError
from supervisors.retrying import BACKOFF, Course, told_of
from supervisors.waiting import alarm, check_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actors._core.ports import Ports
    from supervisors.policy import Backoff

__all__ = ["hedge_ask", "hedge_ask_async", "passes", "retry_ask", "retry_ask_async"]

R = TypeVar("R")

PASSING = (ActorRestarting, BulkheadFullError, CircuitOpenError, MailboxFullError, RateLimitedError, Timeout, pykka.Timeout)


def passes(error: Exception) -> bool:
    """Tell whether asking again may help, if `retry_ask` was told nothing else.

    So it is with what a handler raised, a timeout, a full mailbox, a restart and the refusals of breakers, bulkheads and limiters; not with
    other errors of the framework: an actor that has stopped does not come back.
    """
    return isinstance(error, PASSING) or not isinstance(error, ActorError | pykka.ActorDeadError)


@overload
def retry_ask(
    ref: ActorRef[Any],
    message: Request[R],
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> R: ...


@overload
def retry_ask(
    ref: ActorRef[Any],
    message: Any,
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> Any: ...


def retry_ask(
    ref: ActorRef[Any],
    message: Any,
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> Any:
    """Ask, and ask again if that fails, waiting in between.

    An ask that got no answer in time is cancelled before the next: if its message still waits it is not handled any more. If it is being
    handled, it will have been handled twice, so ask only what may be asked twice.

    Args:
        ref: whom to ask.
        message: what to ask, each time the same object.
        timeout: seconds for each ask, room in a bounded mailbox included.
        attempts: asks at most; 1 or more.
        backoff: how long to wait; an `ActorRestarting` that says when to come back is obeyed.
        on: which failures to ask again after, as for `retry`; by default those that may pass.
        deadline: seconds for all of it. No ask begins or waits for an answer later, and its message is not handled later either.
        ports: the clock and so on; None: those of the caller's system, outside of actors of that of `ref`.

    Raises:
        TypeError: an argument is of the wrong kind; nothing was asked.
        ValueError: an argument is out of range; nothing was asked.
        BlockingInLoopError: on an event loop that runs actors; nothing was asked.
        BaseException: the last failure, with notes on the others.
    """
    seconds = check_seconds("timeout", timeout)
    course = Course(_ports(_checked(ref), ports), backoff, attempts, on, deadline)
    course.ports.waiter.check("retry_ask() would block the event loop; write `await retry_ask_async(...)`")
    return course.run(lambda: _ask_once(course, ref, message, seconds))


@overload
async def retry_ask_async(
    ref: ActorRef[Any],
    message: Request[R],
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> R: ...


@overload
async def retry_ask_async(
    ref: ActorRef[Any],
    message: Any,
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> Any: ...


async def retry_ask_async(
    ref: ActorRef[Any],
    message: Any,
    *,
    timeout: float,
    attempts: int = 3,
    backoff: Backoff = BACKOFF,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = passes,
    deadline: float | None = None,
    ports: Ports | None = None,
) -> Any:
    """Do what `retry_ask` does, without blocking the event loop. Args and raises: as for that."""
    seconds = check_seconds("timeout", timeout)
    course = Course(_ports(_checked(ref), ports), backoff, attempts, on, deadline)
    return await course.run_async(lambda: _ask_once_async(course, ref, message, seconds))


@overload
def hedge_ask(
    refs: Iterable[ActorRef[Any]], message: Request[R], *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> R: ...


@overload
def hedge_ask(
    refs: Iterable[ActorRef[Any]], message: Any, *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> Any: ...


def hedge_ask(
    refs: Iterable[ActorRef[Any]], message: Any, *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> Any:
    """Ask the first of several actors that can all answer; each time it takes `delay` longer, ask the next, too. The first answer counts.

    That cuts the long tail of answer times for a little more work: choose for `delay` what 95 of 100 answers take. The other asks are
    cancelled then: a message that still waits is not handled, and a handler at work sees it in its ``cancel_token``. So ask only
    what may be asked twice.

    If an ask fails, the next actor is asked at once; so it is if a bounded mailbox has no room.

    Args:
        refs: whom to ask, in this order; at least one.
        message: what to ask, each of them the same object.
        delay: seconds between an ask and the next; 0 asks all at once.
        timeout: seconds for all of it; None: as long as it takes.
        ports: the clock and so on; None: those of the caller's system, outside of actors of that of the first ref.

    Raises:
        Timeout: no answer within `timeout`.
        DeadlockError: no answer could ever come.
        BlockingInLoopError: on an event loop that runs actors; nothing was asked.
        TypeError: an argument is of the wrong kind; nothing was asked.
        ValueError: an argument is out of range; nothing was asked.
        BaseException: all failed; the last failure, with notes on the others.
    """
    hedge = _Hedge(refs, message, delay, timeout, ports)
    hedge.ports.waiter.check("hedge_ask() would block the event loop; write `await hedge_ask_async(...)`")
    with hedge.asking():
        while True:
            hedge.proceed(wait_any(hedge.waits()))
            if hedge.winner is not None:
                return hedge.winner.get()


@overload
async def hedge_ask_async(
    refs: Iterable[ActorRef[Any]], message: Request[R], *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> R: ...


@overload
async def hedge_ask_async(
    refs: Iterable[ActorRef[Any]], message: Any, *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> Any: ...


async def hedge_ask_async(
    refs: Iterable[ActorRef[Any]], message: Any, *, delay: float, timeout: float | None = None, ports: Ports | None = None
) -> Any:
    """Do what `hedge_ask` does, without blocking the event loop. Args and raises: as for that.

    Without a timeout, a deadlock is not found while several asks are open.
    """
    hedge = _Hedge(refs, message, delay, timeout, ports)
    with hedge.asking():
        while True:
            hedge.proceed(await _first(hedge.waits()))
            if hedge.winner is not None:
                return await hedge.winner


class _Hedge:
    """One question to several actors: which asks are open, and what comes next. For one caller."""

    def __init__(self, refs: Iterable[ActorRef[Any]], message: Any, delay: float, timeout: float | None, ports: Ports | None) -> None:
        try:
            every = tuple(refs)
        except TypeError:
            msg = f"refs={refs!r} is not valid: refs of actors"
            raise TypeError(msg) from None
        if not every:
            msg = "refs=() is not valid: at least one ref"
            raise ValueError(msg)
        for ref in every:
            _checked(ref)
        self.ports = _ports(every[0], ports)
        self.winner: Future[Any] | None = None
        self._left = list(every)
        self._message = message
        self._delay = check_seconds("delay", delay)
        self._timeout = check_timeout(timeout)
        self._open: list[Future[Any]] = []
        self._failures: list[BaseException] = []
        self._timers = contextlib.ExitStack()
        self._next: Future[None] | None = None  # when it is time for the next
        self._end: Future[None] | None = None  # when it has taken too long

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Begin; in the end cancel what is still open."""
        with contextlib.ExitStack() as until:
            until.enter_context(self._timers)
            until.callback(self._cancel)
            if self._timeout is not None:
                self._end = until.enter_context(alarm(self.ports, max(0.0, self._timeout)))
            self._ask_next()
            yield

    def _cancel(self) -> None:
        for future in self._open:
            if future is not self.winner:
                future.cancel()

    def _ask_next(self) -> None:
        self._timers.close()
        self._next = None
        ref = self._left.pop(0)
        self._open.append(ref.ask(self._message, block=False, timeout=0))
        if self._left:
            self._next = self._timers.enter_context(alarm(self.ports, self._delay))

    def waits(self) -> tuple[Future[Any], ...]:
        """Return what to wait for the first of: an answer that meets a timer counts."""
        return (*self._open, *(timer for timer in (self._next, self._end) if timer is not None))

    def proceed(self, first: Future[Any]) -> None:
        """Go on from what came first."""
        if first is self._end:
            raise self._noted(Timeout(f"no answer of {len(self._open)} open asks within {self._timeout} seconds"), self._failures)
        if first is self._next:
            self._ask_next()
            return
        error = first.exception()
        if error is None:
            self.winner = first
            return
        self._open.remove(first)
        self._failures.append(error)
        if self._left:
            self._ask_next()
        elif not self._open:
            raise self._noted(error, self._failures[:-1])

    @staticmethod
    def _noted(error: BaseException, before: list[BaseException]) -> BaseException:
        if before:
            error.add_note("others that were asked failed before with")
            for other in before:
                error.add_note(f"    {told_of(other)}")
        return error


def _checked(ref: object) -> ActorRef[Any]:
    if not isinstance(ref, ActorRef):
        msg = f"ref={ref!r} is not valid: a ref of an actor"
        raise TypeError(msg)
    return ref


def _ports(ref: ActorRef[Any], given: Ports | None) -> Ports:
    if check_ports(given) is not None:
        return given  # type: ignore[return-value]
    cell = current_cell()
    return (ref._target if cell is None else cell).system.ports


def _ask_once(course: Course, ref: ActorRef[Any], message: Any, timeout: float) -> Any:
    clock, left = course.ports.clock, course.left()
    seconds = timeout if left is None else min(timeout, left)
    begin = clock.now()
    future = ref.ask(message, block=False, timeout=seconds, deadline=left)
    try:
        with alarm(course.ports, max(0.0, seconds - (clock.now() - begin))) as late:
            wait_any((future, late))
    except BaseException:
        future.cancel()
        raise
    if not future.done() and future.cancel():
        raise _no_answer(ref, seconds)
    return future.get()


async def _ask_once_async(course: Course, ref: ActorRef[Any], message: Any, timeout: float) -> Any:
    clock, left = course.ports.clock, course.left()
    seconds = timeout if left is None else min(timeout, left)
    begin = clock.now()
    future: Future[Any] = Future()
    target = future._cell = ref._target
    try:
        await send_async(target, Entry((message, future, note_of(target, left))), seconds)
        with alarm(course.ports, max(0.0, seconds - (clock.now() - begin))) as late:
            await _first((future, late))
    except BaseException:
        future.cancel()
        raise
    if not future.done() and future.cancel():
        raise _no_answer(ref, seconds)
    return await future


def _no_answer(ref: ActorRef[Any], seconds: float) -> Timeout:
    return Timeout(f"no answer of {ref.path} within {seconds} seconds")


async def _first(futures: tuple[Future[Any], ...]) -> Future[Any]:
    """Return the first of `futures` that is resolved; of several that are, the first in order."""
    if len(futures) == 1:
        try:
            await futures[0]  # where a deadlock is looked for
        except Exception:
            if not futures[0].done():
                raise
        return futures[0]
    woken: Future[Any] = Future()
    for future in futures:
        future._listen(woken.try_set)
    try:
        await woken
    finally:
        for future in futures:
            if not future.done():
                future._forget(woken.try_set)
    return next(future for future in futures if future.done())
