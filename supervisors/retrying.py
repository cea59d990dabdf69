"""`retry`: call again what failed, a few times and not too soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, Retrying

from actors._core.seconds import check_seconds
from supervisors.calling import call_async, call_plain, check_async, check_plain
from supervisors.limiter import asked_for
from supervisors.policy import Backoff
from supervisors.policy.checks import check_whole
from supervisors.waiting import check_ports, ports_here, sleep, sleep_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors._core.ports import Ports

__all__ = ["BACKOFF", "Course", "retry", "retry_async", "told_of"]

R = TypeVar("R")

BACKOFF = Backoff(0.1, 10.0)

TOLD = 3  # failures before the last that its notes tell
LONG = 200  # characters that a note tells of each


def retry(
    function: Callable[..., R],
    /,
    *args: Any,
    backoff: Backoff = BACKOFF,
    attempts: int = 3,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = Exception,
    deadline: float | None = None,
    ports: Ports | None = None,
    **kwargs: Any,
) -> R:
    """Return ``function(*args, **kwargs)``; if it fails, wait and call it again.

    Call nothing again that must not be done twice: a call that failed may have done its work before.

    The wait between two calls is that of `backoff`, or what the exception asks for in its `retry_after` (seconds, or a `timedelta`), if
    that is longer. A handler that waits holds no thread. The calls take place on the caller's thread, and are not bounded in time.

    Args:
        function: a plain function.
        *args: for it.
        backoff: how long to wait.
        attempts: calls at most, the first one included; 1 or more.
        on: which failures to try again after: a class of exceptions, several, or a function of the exception. What is no `Exception` (a
            kill, a cancellation, Ctrl-C) is never tried again.
        deadline: seconds; no call begins later than so long after the first, and there is no wait that would end later.
        ports: the clock and so on; None: those of whoever calls.
        **kwargs: for the function. If one has the name of an option of this, use `functools.partial`.

    Raises:
        TypeError: an argument is of the wrong kind; nothing was called.
        ValueError: an argument is out of range; nothing was called.
        BlockingInLoopError: on an event loop that runs actors; nothing was called.
        BaseException: the last failure, with notes on the others.
    """
    check_plain(function, "retry_async(...)")
    course = Course(ports_here(check_ports(ports)), backoff, attempts, on, deadline)
    course.ports.waiter.check("retry() would block the event loop between two calls; write `await retry_async(...)`")
    result: R = course.run(lambda: call_plain(function, args, kwargs, "retry_async(...)"))
    return result


async def retry_async(
    function: Callable[..., Awaitable[R]],
    /,
    *args: Any,
    backoff: Backoff = BACKOFF,
    attempts: int = 3,
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = Exception,
    deadline: float | None = None,
    ports: Ports | None = None,
    **kwargs: Any,
) -> R:
    """Return what ``await function(*args, **kwargs)`` gives; if it fails, wait without blocking the event loop and call it again.

    Args and raises: as for `retry`, for an async function.
    """
    check_async(function)
    course = Course(ports_here(check_ports(ports)), backoff, attempts, on, deadline)
    result: R = await course.run_async(lambda: call_async(function, args, kwargs, "retry(...)"))
    return result


class Course:
    """One thing that is tried: what is decided after each failure, and what has become of it so far."""

    def __init__(self, ports: Ports, backoff: Backoff, attempts: int, on: Any, deadline: float | None) -> None:
        if not isinstance(backoff, Backoff):
            msg = f"backoff={backoff!r} is not valid: a Backoff"
            raise TypeError(msg)
        check_whole("attempts", attempts, "a whole number of calls, 1 or more", 1)
        self.ports = ports
        self._backoff = backoff
        self._attempts = attempts
        self._matches = _matcher(on)
        self._deadline = None if deadline is None else check_seconds("deadline", deadline)
        self._begin = ports.clock.now()
        self._number = 0  # of failures
        self._before: list[str] = []  # what the last of them were
        self._last: BaseException | None = None
        self._late = False

    def left(self) -> float | None:
        """Return the seconds left of the deadline, 0 or more; None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - self._elapsed())

    def _elapsed(self) -> float:
        return self.ports.clock.now() - self._begin

    def run(self, call: Callable[[], Any]) -> Any:
        """Return what `call` returns in the end, or raise what it raises in the end."""
        retrying = Retrying(sleep=lambda seconds: sleep(self.ports, seconds), **self._rules())
        try:
            return retrying(call)
        except Exception as error:
            self._explain(error)
            raise

    async def run_async(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Do the same with an async function."""
        retrying = AsyncRetrying(sleep=lambda seconds: sleep_async(self.ports, seconds), **self._rules())

        async def attempt() -> Any:  # tenacity awaits what it sees to be async
            return await call()

        try:
            return await retrying(attempt)
        except Exception as error:
            self._explain(error)
            raise

    def _rules(self) -> dict[str, Any]:
        return {"retry": self._again, "wait": self._wait, "stop": self._stop, "reraise": True}

    # -- what tenacity asks after each call, in this order -------------------------------------------------------------------

    def _again(self, state: RetryCallState) -> bool:
        error = None if state.outcome is None else state.outcome.exception()
        if not isinstance(error, Exception):
            return False
        if self._last is not None:
            self._before.append(told_of(self._last))
            del self._before[:-TOLD]
        self._number += 1
        self._last = error
        return bool(self._matches(error))

    def _wait(self, state: RetryCallState) -> float:
        if state.attempt_number >= self._attempts:
            return 0.0
        chance = self.ports.random.random() if self._backoff.jitter else 0.0
        delay = self._backoff.delay(state.attempt_number - 1, chance)
        asked = None if self._last is None else asked_for(self._last)
        return delay if asked is None else max(delay, asked)

    def _stop(self, state: RetryCallState) -> bool:
        if state.attempt_number >= self._attempts:
            return True
        self._late = self._deadline is not None and self._elapsed() + state.upcoming_sleep > self._deadline
        return self._late

    # ------------------------------------------------------------------------------------------------------------------------

    def _explain(self, error: Exception) -> None:
        """Say on the last failure what it was the last of."""
        if error is not self._last:
            return
        if self._number > 1:
            error.add_note(f"call {self._number} of up to {self._attempts}, within {self._elapsed():.3g} seconds; before it failed with")
            hidden = self._number - 1 - len(self._before)
            for told in [f"({hidden} more)"] * (hidden > 0) + self._before:
                error.add_note(f"    {told}")
        if self._late:
            error.add_note(f"not tried again: the wait would have gone beyond deadline={self._deadline} seconds")


def _matcher(on: Any) -> Callable[[Exception], bool]:
    kinds = on if isinstance(on, tuple) else (on,)
    if kinds and all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        return lambda error: isinstance(error, kinds)
    if isinstance(on, type | tuple) or not callable(on):
        msg = f"on={on!r} is not valid: a class of exceptions, a tuple of such, or a function of the exception"
        raise TypeError(msg)
    return on


def told_of(error: BaseException) -> str:
    """Return one line about `error`, for a note on another."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # of a stranger's exception, whose failure must not take its place
        text = type(error).__name__
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
