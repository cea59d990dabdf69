"""Futures: pykka's, resolved exactly once, awaitable, cancellable, with no lock of their own.

A future has two states of waiting, *pending* and *hooked* (a function computes the value in the first getter), and two ends,
*done* and *failed*. Who may resolve it is decided by one `list.pop` of its only claim, which Python documents as thread-safe.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pykka

from actors._core import ports
from actors._core.callbacks import check_callback, report_callback, wait_for_all
from actors._core.seconds import check_timeout
from actors._core.wait import wait_for_one
from actors.errors import AskCancelled, BlockingInLoopError, DeadlockError, Timeout

if TYPE_CHECKING:
    import asyncio
    import concurrent.futures
    from collections.abc import Callable, Generator, Iterable

    from pykka._types import OptExcInfo

    from actors._core.cell import Cell
    from actors._core.ports import About

__all__ = ["Future"]

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
R = TypeVar("R")

PENDING = 0
HOOKED = 1
DONE = 2
FAILED = 3

OF_THE_WAIT = (pykka.Timeout, DeadlockError, BlockingInLoopError)  # what a getter raises that is not the outcome


class Future(pykka.Future[T], Generic[T]):
    """A value that is available now or later, or the exception that came instead.

    Get it with `get()` (blocks; in a plain handler only the handler waits, not its worker thread) or with ``await`` (from any
    running event loop, never blocking it). Both may be done any number of times.
    """

    _state = PENDING
    _value: Any = None
    _traceback: Any = None  # of the exception, as it was failed with
    _cell: Cell | None = None  # who was asked
    _owed = True  # False once the duty to answer was taken out of the handler of `_cell`: anybody may answer then
    _ends: Cell | None = None  # the actor whose graceful end, or restart, resolves this
    _token: Any = None  # CancelToken of the ask, made when somebody wants it
    _unread: Any = None  # reports a failure that nobody reads
    _sources: tuple[Any, ...] = ()  # what a combinator computes from; asks that are open for this one, and are cancelled with it
    _gathers: bool | None = None  # whether all of these asks must be answered, or any; None if not so, or if there may be more of them
    _about: About | None = None  # what a wait for it is for, if not for an answer of `_cell`; read by who looks on from beside
    _blocks = True  # whether a hook may wait for anything but futures of ours among `_sources`

    _get_hook: Any = None

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]  # the class attributes above are pykka's defaults
        # Invariant: whoever pops the only item of `_claim` resolves the future or installs its hook; nobody else writes
        # `_value`, and `_state` after `_value`. A waiter appends itself to `_waiters` and then reads `_state`; a resolver writes
        # `_state` and then pops waiters: so each waiter is called exactly once, by one side or the other.
        self._claim: list[None] = [None]
        self._waiters: list[Callable[[Future[T]], object]] = []

    def __reduce__(self) -> Any:
        msg = f"{self!r} cannot be copied or pickled: only the one that was asked is answered; pass on the future itself, or its value"
        raise TypeError(msg)

    # -- resolving ---------------------------------------------------------------------------------------------------------

    def set(self, value: T | None = None) -> None:
        """Resolve the future with `value`.

        Raises:
            queue.Full: it is resolved already, or has a get hook.
        """
        if not self.try_set(value):
            raise queue.Full

    def set_exception(self, exc_info: OptExcInfo | BaseException | None = None) -> None:
        """Resolve the future with an exception, which `get()` raises.

        Args:
            exc_info: an exception, a `sys.exc_info()` triple, or None for the exception being handled.

        Raises:
            queue.Full: it is resolved already, or has a get hook.
        """
        if not self.try_fail(_exception_of(exc_info)):
            raise queue.Full

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Let `func(timeout)`, called in the first getter or awaiter, produce the value.

        As in pykka, another hook takes the place of one that has not produced the value yet, and does nothing after that.

        Raises:
            queue.Full: the future was resolved without a hook, or cancelled.
        """
        try:
            self._claim.pop()
        except IndexError:
            if self._get_hook is None or self._state == FAILED:
                raise queue.Full from None
            self._get_hook, self._sources, self._blocks = func, (), True
            return
        self._get_hook = func
        # Invariant: whoever holds the item of `_hook_turn` computes; whoever pops that of `_hook_claim` ends the future.
        self._hook_turn: list[None] = [None]
        self._hook_claim: list[None] = [None]
        self._state = HOOKED
        self._wake()

    def try_set(self, value: Any = None) -> bool:
        """Resolve with `value` and return True; return False if it was resolved before."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._value = value
        self._state = DONE
        if self._waiters:
            self._wake()
        return True

    def try_fail(self, error: BaseException) -> bool:
        """Resolve with `error` and return True; return False if it was resolved before."""
        if not isinstance(error, BaseException):
            msg = f"error={error!r} is not valid: an exception, like LookupError('nobody there')"
            raise TypeError(msg)
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._value = error
        self._traceback = error.__traceback__
        self._state = FAILED
        if self._waiters:
            self._wake()
        return True

    def cancel(self) -> bool:
        """Give up the answer.

        `get()` raises AskCancelled from now on. A message that still waits in the mailbox is not handled; a handler that is
        already at work sees it in its ``cancel_token`` and may end early. A lazy future (of `map`, `filter`, ...) cancels the futures it
        computes from, too.

        Returns:
            True if the future was not resolved before.
        """
        cancelled = self._cancel()
        todo = list(self._sources) if cancelled else []
        while todo:
            source = todo.pop(0)
            if isinstance(source, Future) and source._cancel():
                todo += source._sources
        return cancelled

    def _cancel(self) -> bool:
        error = AskCancelled("the ask was cancelled")
        if not self.try_fail(error) and not (self._state == HOOKED and self._end_hook(FAILED, error)):
            return False
        if self._token is not None:
            self._token.cancel()
        return True

    def _wake(self) -> None:
        waiters = self._waiters
        interrupt: BaseException | None = None
        while waiters:
            try:
                waiter = waiters.pop(0)
            except IndexError:
                break
            try:
                waiter(self)
            except BaseException as error:  # noqa: BLE001  # a Ctrl-C, not to be lost; the others must be woken all the same
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _listen(self, waiter: Callable[[Future[T]], object]) -> None:
        """Call `waiter(self)` once something has happened: the end, a hook, or a hook that failed."""
        self._waiters.append(waiter)
        # A free hook is something to do for the waiter, too: it was installed, or failed in another getter, before this append.
        if self._state >= DONE or (self._state == HOOKED and self._hook_turn):
            self._wake()

    def _forget(self, waiter: Callable[[Future[T]], object]) -> None:
        """Undo `_listen` for a wait that ended otherwise."""
        with contextlib.suppress(ValueError):  # its resolver has just taken it
            self._waiters.remove(waiter)

    # -- asking ------------------------------------------------------------------------------------------------------------

    def done(self) -> bool:
        """Tell whether the value or exception is there."""
        return self._state >= DONE

    def cancelled(self) -> bool:
        """Tell whether `cancel()` ended it."""
        return self._state == FAILED and isinstance(self._value, AskCancelled)

    def get(self, *, timeout: float | None = None) -> T:
        """Return the value, waiting for it if need be.

        Args:
            timeout: seconds to wait at most; None waits for ever. It bounds the wait only: the message is still handled.

        Raises:
            Timeout: the wait took longer than `timeout`.
            DeadlockError: the wait could never end.
            BlockingInLoopError: called unresolved on an event loop that runs actors.
            BaseException: what the future was failed with.
        """
        if self._state < DONE:
            self._resolve_here(timeout)
        if self._unread is not None:
            self._unread.disarm()
        if self._state == DONE:
            return cast("T", self._value)
        raise self._value.with_traceback(self._traceback)  # as it came: each getter that raises adds its own frames

    def exception(self, *, timeout: float | None = None) -> BaseException | None:
        """Return the exception the future failed with, None if it has a value.

        It waits like `get()`, and raises what `get()` does if the wait itself fails: Timeout, DeadlockError, BlockingInLoopError.
        """
        check_timeout(timeout)
        if self._state < DONE:
            try:
                self._resolve_here(timeout)
            except Exception as error:
                if self._state == PENDING or (isinstance(error, OF_THE_WAIT) and self._waits()):
                    raise
                if self._state == HOOKED:
                    return error
        if self._unread is not None:
            self._unread.disarm()
        return self._value if self._state == FAILED else None

    def _resolve_here(self, timeout: float | None) -> None:
        """Wait until the future is resolved, computing the value here if it has a hook."""
        for future in self._chain():
            future.get(timeout=timeout)
        while self._state < DONE:
            if self._state == HOOKED and self._run_hook(timeout):
                return
            if not wait_for_one((self,), timeout):
                msg = f"no answer within {timeout} seconds"
                raise Timeout(msg)

    def _run_hook(self, timeout: float | None) -> bool:
        """Compute the value here, unless another getter is at it; tell whether that ended the wait.

        A hook that raises leaves the future as it was (it may have run out of time); the next getter tries again, as in pykka.
        """
        try:
            self._hook_turn.pop()
        except IndexError:
            return False
        try:
            value = self._get_hook(timeout)
        except BaseException as error:
            self._hook_turn.append(None)
            self._wake()
            # Invariant: a future is cancelled before its sources are, so a hook that failed because of that finds it ended.
            if self._state >= DONE and isinstance(error, Exception):
                return True
            raise
        self._end_hook(DONE, value)
        return True

    def _end_hook(self, state: int, value: Any) -> bool:
        """End a future that has a hook and return True; return False if that was done before."""
        try:
            self._hook_claim.pop()
        except IndexError:
            return False
        self._value = value
        if state == FAILED:
            self._traceback = value.__traceback__
        self._state = state
        self._wake()
        return True

    def _chain(self) -> list[Future[Any]]:
        """Return the lazy futures that this one would first compute, the innermost first: each computed in turn, no chain is too long."""
        chain: list[Future[Any]] = []
        one: Any = self
        while isinstance(one := next((source for source in one._sources if not _done(source)), None), Future) and one._state == HOOKED:
            chain.append(one)
        return chain[::-1]

    def _leaves(self) -> list[Future[Any]]:
        """Return the futures that this lazy one computes from in the end: those that somebody else resolves."""
        leaves: list[Future[Any]] = []
        seen: set[Future[Any]] = set()
        todo: list[Future[Any]] = [self]
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            if one._state == HOOKED and not one._blocks:
                todo.extend(one._sources)
            else:
                leaves.append(one)
        return leaves

    def _waits(self) -> bool:
        """Tell whether a getter may have to wait for somebody."""
        todo: list[Any] = [self]
        seen: set[Any] = set()
        while todo:
            one = todo.pop()
            if one._state < DONE and one not in seen:
                seen.add(one)
                if one._blocks:
                    return True
                todo.extend(one._sources)
        return False

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call `callback(future)` when the future is resolved, in the resolving thread; at once if it is.

        The callback must be a plain function and must not block. What it raises is published as `CallbackFailed`. A lazy future (of
        `map`, `filter`, ...) is computed for it.
        """
        check_callback("callback", callback, "a function of the future")
        self._call_when_done(callback)

    def _call_when_done(self, callback: Callable[[Future[T]], object]) -> None:
        """Do as `add_done_callback` with a function of our own, which is known to be plain: to look costs more than all the rest."""
        if self._unread is not None:
            self._unread.disarm()

        known = self._registers()

        def call(_: Future[Any]) -> None:
            if self._state == HOOKED:
                self._ports().aside(functools.partial(_compute, self, call), "future")
                return
            self._informs(known)
            try:
                callback(self)
            except (Exception, SystemExit) as error:  # noqa: BLE001  # told to the system; who resolves has nothing to do with it
                report_callback(self, callback, error)

        if self._state == PENDING:
            self._listen(call)
        elif self._state == HOOKED and not self._blocks:
            wait_for_all(self._leaves(), lambda: call(self))
        else:
            call(self)

    def _registers(self) -> Any:
        """Return what whoever adds a callback knows, for a simulation."""
        return None

    def _informs(self, known: Any) -> None:
        """Note that whoever runs a callback learns what is `known` to it, for a simulation."""

    def debtor(self) -> Cell | None:
        """Return the actor that alone can resolve this future; None if resolved, or if others can."""
        return self._cell if self._owed and self._state == PENDING else None

    def __await__(self) -> Generator[None, None, T]:
        """Wait for the value without blocking the running event loop."""
        while self._state < DONE:
            if self._state == HOOKED:
                if self._blocks:
                    return (yield from self._ports().awaiter.call_blocking(self.get))
                for future in self._chain():
                    yield from future.__await__()
                for source in self._sources:
                    yield from source._settled()
                if self._run_hook(None):
                    break
            awaiter = self._ports().awaiter
            waiter, wake, cell = awaiter.begin(self)
            try:
                yield from waiter  # also for another getter that is computing it
            finally:
                awaiter.end(self, wake, cell)
        return self.get()

    def _settled(self) -> Generator[Any, None, None]:
        """Wait like `__await__`, but leave the value or exception where it is."""
        try:
            yield from self.__await__()
        except Exception:
            if self._state < DONE:
                raise

    __iter__ = __await__

    def _ports(self) -> ports.Ports:
        return self._cell.system.ports if self._cell is not None else ports.ambient()

    # -- other kinds of futures --------------------------------------------------------------------------------------------

    def as_concurrent(self) -> concurrent.futures.Future[T]:
        """Return a `concurrent.futures.Future` with the same outcome; cancelling it cancels this one."""
        from actors.dispatch.interop import as_concurrent  # noqa: PLC0415  # needs the outer layer

        return as_concurrent(self)

    def as_asyncio(self) -> asyncio.Future[T]:
        """Return an `asyncio.Future` of the running loop with the same outcome; cancelling it cancels this one."""
        from actors.dispatch.interop import as_asyncio  # noqa: PLC0415  # needs the outer layer

        return as_asyncio(self)

    @classmethod
    def from_concurrent(cls, future: concurrent.futures.Future[M]) -> Future[M]:
        """Return a future with the same outcome as `future`; cancelling it cancels that one."""
        from actors.dispatch.interop import from_concurrent  # noqa: PLC0415  # needs the outer layer

        return from_concurrent(future)

    # -- combinators: lazy, computed once in the first getter or awaiter, no lock held -------------------------------------

    def filter(self: Future[Iterable[J]], func: Callable[[J], bool]) -> Future[Iterable[J]]:
        """Return a future of the list of the items for which `func(item)` is true."""
        return _lazy(self, (self,), lambda timeout: list(filter(func, self.get(timeout=timeout))))

    def join(self: Future[Any], *futures: Future[Any]) -> Future[Iterable[Any]]:  # type: ignore[override]  # our futures for pykka's
        """Return a future of the list of this value and those of `futures`, in order."""
        every = (self, *futures)
        return _lazy(self, every, lambda timeout: [future.get(timeout=timeout) for future in every])

    def map(self, func: Callable[[T], M]) -> Future[M]:
        """Return a future of `func(value)`."""
        return _lazy(self, (self,), lambda timeout: func(self.get(timeout=timeout)))

    def reduce(self: Future[Iterable[J]], func: Callable[[R, J], R], *args: R) -> Future[R]:
        """Return a future of the items folded with `func` from the left, beginning with `args[0]` if given."""
        return _lazy(self, (self,), lambda timeout: functools.reduce(func, self.get(timeout=timeout), *args))


def _done(future: Any) -> bool:
    """Tell whether there is no need to wait for `future`; of one that is not ours, nobody knows."""
    return isinstance(future, Future) and future._state >= DONE


def _lazy(like: Future[Any], sources: tuple[Future[Any], ...], hook: Callable[[float | None], Any]) -> Future[Any]:
    future = like.__class__()
    future._sources = sources
    future._blocks = not all(isinstance(source, Future) for source in sources)  # a pykka future may block in its get()
    future.set_get_hook(hook)
    return future


def _exception_of(given: OptExcInfo | BaseException | None) -> BaseException:
    """Return the exception that `set_exception` was given."""
    if isinstance(given, BaseException):
        return given
    try:
        kind, value, traceback = sys.exc_info() if given is None else given
        if value is None:
            value = kind() if kind is not None else RuntimeError("set_exception() without an exception")
        return value if value.__traceback__ is traceback else value.with_traceback(traceback)
    except (TypeError, ValueError, AttributeError):
        msg = f"exc_info={given!r} is not valid: an exception, a sys.exc_info() triple, or None for the exception being handled"
        raise TypeError(msg) from None


def _compute(future: Future[Any], then: Callable[[Future[Any]], None]) -> None:
    """Run the hook of a future for its callbacks. What it raises is the outcome: a callback has no second chance."""
    try:
        future._hook_turn.pop()
    except IndexError:
        if future._state < DONE:  # a getter is at it; look again when it is done or has failed
            future._listen(then)
        else:
            then(future)
        return
    try:
        value, state = future._get_hook(None), DONE
    except BaseException as error:  # noqa: BLE001
        value, state = error, FAILED
    future._end_hook(state, value)
    then(future)
