"""`CircuitBreaker`: do not call for a while what keeps failing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from greenlet import getcurrent

from actors._core.callbacks import check_callback
from actors._core.context import current_cell
from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors.errors import AskCancelled
from supervisors.calling import call_async, call_plain, check_async, check_plain
from supervisors.errors import BulkheadFullError, CircuitOpenError, RateLimitedError
from supervisors.events import BreakerChanged
from supervisors.policy import breaker as steps
from supervisors.policy.breaker import BreakerRules, BreakerState, Circuit, Pass
from supervisors.waiting import check_name, check_ports, ports_here, renewed_after_fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from actors._core.ports import Ports
    from actors.runtime import Runtime
    from supervisors.policy import Backoff

__all__ = ["BreakerSubscription", "CircuitBreaker"]

logger = logging.getLogger("actors")

P = ParamSpec("P")
R = TypeVar("R")

# What tells nothing of the service: it was not called, or nobody waited for what it would say.
NO_WORD = (AskCancelled, BulkheadFullError, CircuitOpenError, RateLimitedError)


def is_failure(error: BaseException) -> bool:
    """Tell whether `error` is one, if the breaker was told nothing else."""
    return isinstance(error, Exception) and not isinstance(error, NO_WORD)


class BreakerSubscription:
    """A listener of a breaker; `cancel()` ends it."""

    __slots__ = ("_breaker", "callback")

    def __init__(self, breaker: CircuitBreaker, callback: Callable[[BreakerState, BreakerState], object]) -> None:
        self._breaker = breaker
        self.callback = callback

    def cancel(self) -> None:
        """Have the callback not called for changes from now on. Idempotent."""
        self._breaker.drop(self)


class _Entered:
    """The calls that were let through by ``with``, by who is in there. Guarded by the lock of its owner."""

    def __init__(self) -> None:
        self._passes: dict[Any, list[Pass]] = {}

    def add(self, passed: Pass) -> None:
        self._passes.setdefault(_who(), []).append(passed)

    def take(self) -> Pass | None:
        """Return the caller's last; if it was let through elsewhere, as in another task, the first one's last."""
        who = _who()
        if who not in self._passes:
            if not self._passes:
                return None
            who = next(iter(self._passes))
        passes = self._passes[who]
        passed = passes.pop()
        if not passes:
            del self._passes[who]
        return passed


def _who() -> Any:
    """Return the task, or else the greenlet, that is running: a thread has one of its own."""
    return getcurrent() if asyncio._get_running_loop() is None else asyncio.current_task() or getcurrent()


class CircuitBreaker:
    """Stops calling a service that keeps failing, and finds out with one call at a time whether it works again.

    ::

        breaker = CircuitBreaker(failures=5, reset=30.0, name="model")
        answer = breaker.call(complete, prompt)
        answer = await breaker.call_async(complete_async, prompt)
        with breaker:
            answer = complete(prompt)

    *Closed*, it lets all calls through and counts failures in a row. After `failures` of them it *opens*: calls are refused at once with
    `CircuitOpenError`. After `reset` seconds it lets one call through, the probe, and is *half open* until that is back: if it went well
    the circuit closes, else it opens again.

    What an exception says, `counts` decides. By default each `Exception` is a failure, except those that say nothing of the service: an
    ask that was cancelled, and refusals of bulkheads, limiters and other breakers. An `Exception` that does not count is an answer, as
    good as a value. What is no `Exception` (a cancelled task, a killed actor, Ctrl-C) tells nothing. So put a timeout inside of
    the breaker, not around it: a call that is cancelled from outside does not count as one that took too long.

    A probe that is cancelled, or killed, makes room for another at once. One that does not come back for as long as the circuit was open
    before makes room for another, too; if it comes back well after all, that closes the circuit. What calls bring back that were let
    through before the circuit last opened or closed does not count.

    May be used by threads, handlers and coroutines at once; but all of them by one clock. In a simulation whose orders are explored,
    breakers of the same name count as one.

    Args:
        failures: in a row after which it opens; 1 or more.
        reset: seconds until it lets a call through to find out, more than 0; or a `Backoff`, to have it wait longer each time that fails.
        counts: tells whether an exception is a failure. It is called for each, with no lock held.
        name: for errors and events.
        ports: the clock and so on; None: those of whoever calls.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        reset: float | Backoff = 30.0,
        counts: Callable[[BaseException], bool] = is_failure,
        name: str = "breaker",
        ports: Ports | None = None,
    ) -> None:
        self._rules = BreakerRules(failures, reset)
        check_callback("counts", counts, "a function that tells whether an exception is a failure")
        self._counts = counts
        self.name = check_name(name)
        self._ports = check_ports(ports)
        self._resource = f"breaker {name!r}"
        # Written under the lock, all of it. The clock is read under it, too, so that time goes back only if the clock does. `_circuit` is a
        # frozen record, replaced whole and read without the lock; a closed one that stays as it is needs none, which is most calls.
        self._lock = Mutex()
        self._circuit = Circuit()
        self._entered = _Entered()
        self._subscriptions: tuple[BreakerSubscription, ...] = ()  # replaced whole
        # Invariant: changes are appended in their order, and told by the one who has set `_telling`, with the lock given up.
        self._changes: deque[tuple[BreakerState, BreakerState, Runtime | None]] = deque()
        self._telling = False
        renewed_after_fork(self)

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name!r}: {self._circuit.state.value}>"

    @property
    def state(self) -> BreakerState:
        """What it does with calls. It stays open until a call comes when its time is up."""
        touched(ports_here(self._ports), self._resource, changes=False)
        return self._circuit.state

    @property
    def retry_after(self) -> float | None:
        """Seconds until a call is let through to find out; None if calls are let through, or one is out to find out."""
        ports = ports_here(self._ports)
        touched(ports, self._resource, changes=False)
        return steps.retry_after(self._circuit, ports.clock.now())

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return ``function(*args, **kwargs)``, if calls are let through.

        A future that it returns says nothing yet: let the function wait for the answer, or await it in `call_async`.

        Raises:
            CircuitOpenError: they are not; nothing was called.
            TypeError: it is an async function or a generator.
            BaseException: what the function raised.
        """
        check_plain(function, "breaker.call_async(...)")
        passed = self._admit()
        try:
            result: R = call_plain(function, args, kwargs, "breaker.call_async(...)")
        except BaseException as error:
            self._back(passed, error)
            raise
        self._back(passed, None)
        return result

    async def call_async(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``await function(*args, **kwargs)`` gives, if calls are let through. Raises: as `call`."""
        check_async(function)
        passed = self._admit()
        try:
            result: R = await call_async(function, args, kwargs, "breaker.call(...)")
        except BaseException as error:
            self._back(passed, error)
            raise
        self._back(passed, None)
        return result

    def __enter__(self) -> Self:
        passed = self._admit()
        with self._lock:
            self._entered.add(passed)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with self._lock:
            passed = self._entered.take()
        if passed is not None:
            self._back(passed, error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.__exit__(kind, error, traceback)

    def trip(self) -> None:
        """Open the circuit now, as if enough calls had failed; if it is open, for as long again."""
        ports = ports_here(self._ports)
        self._go_on(ports, lambda circuit, now: steps.trip(circuit, self._rules, now, self._chance(ports)))

    def reset(self) -> None:
        """Close the circuit now, and forget the failures."""
        self._go_on(ports_here(self._ports), steps.close)

    def subscribe(self, callback: Callable[[BreakerState, BreakerState], object]) -> BreakerSubscription:
        """Have ``callback(before, after)`` called for each change of the state from now on; `cancel()` what is returned to end that.

        Changes are told in their order, one at a time, by whoever brought one about (or by who was telling an earlier one), after the
        fact and with no lock held. The callback must not block. What it raises is published as `CallbackFailed`, outside of a handler
        logged.

        In the system of a handler that brings about a change, it is published as `BreakerChanged`, too.
        """
        check_callback("callback", callback, "a function of the states before and after")
        subscription = BreakerSubscription(self, callback)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def drop(self, subscription: BreakerSubscription) -> None:
        """End `subscription`."""
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    # -- one call ----------------------------------------------------------------------------------------------------------

    def _admit(self) -> Pass:
        """Let the caller through, or raise CircuitOpenError."""
        ports = ports_here(self._ports)
        circuit = self._circuit
        if circuit.state is BreakerState.CLOSED:
            touched(ports, self._resource, changes=False)
            return Pass(circuit.epoch, 0)
        passed: Pass | None = None

        def step(circuit: Circuit, now: float) -> Circuit:
            nonlocal passed
            circuit, passed = steps.admit(circuit, now)
            return circuit

        try:
            after = self._go_on(ports, step)
        except BaseException as error:  # a Ctrl-C in a callback: nobody makes the call
            if passed is not None:
                self._back(passed, error)
            raise
        if passed is None:
            raise CircuitOpenError(self.name, steps.retry_after(after, ports.clock.now()))
        return passed

    def _back(self, passed: Pass, error: BaseException | None) -> None:
        """Go on from what a call brought back."""
        ports = ports_here(self._ports)
        circuit = self._circuit
        if error is None and circuit.state is BreakerState.CLOSED and not circuit.failures:
            touched(ports, self._resource, changes=False)
            return
        failed, told = False, error is None
        try:
            failed = error is not None and bool(self._counts(error))
            told = told or (isinstance(error, Exception) and not isinstance(error, NO_WORD))
        finally:
            self._go_on(ports, lambda circuit, now: self._judged(circuit, passed, now, ports, failed=failed, told=told))

    def _judged(self, circuit: Circuit, passed: Pass, now: float, ports: Ports, *, failed: bool, told: bool) -> Circuit:
        if failed:
            # Most failures open nothing, and who draws a number changes what others will draw.
            opens = circuit.state is not BreakerState.CLOSED or circuit.failures + 1 >= self._rules.failures
            return steps.fail(circuit, self._rules, passed, now, self._chance(ports) if opens else 0.0)
        return steps.succeed(circuit, passed, now) if told else steps.abandon(circuit, passed, now)

    def _chance(self, ports: Ports) -> float:
        return ports.random.random() if self._rules.waits.jitter else 0.0

    # -- changes -----------------------------------------------------------------------------------------------------------

    def _go_on(self, ports: Ports, step: Callable[[Circuit, float], Circuit]) -> Circuit:
        """Take a step, tell of the change if it is one, and return what came of it."""
        cell = current_cell()
        with self._lock:
            before = self._circuit
            after = self._circuit = step(before, ports.clock.now())
            if after.state is not before.state:
                self._changes.append((before.state, after.state, None if cell is None else cell.system))
        touched(ports, self._resource, changes=after is not before)
        self._tell()
        return after

    def _tell(self) -> None:
        """Tell of the changes that nobody is telling of yet."""
        while True:
            with self._lock:
                if self._telling or not self._changes:
                    return
                self._telling = True
                before, after, system = self._changes.popleft()
            try:
                self._tell_one(before, after, system)
            finally:
                self._telling = False

    def _tell_one(self, before: BreakerState, after: BreakerState, system: Runtime | None) -> None:
        if system is not None:
            system.events.publish(BreakerChanged(self.name, before, after))
        for subscription in self._subscriptions:
            try:
                subscription.callback(before, after)
            except (Exception, SystemExit) as error:  # told to the system: who calls the service has nothing to do with it
                if system is not None:
                    system.callback_failed(subscription.callback, error)
                else:
                    logger.exception("callback %r of %r raised", subscription.callback, self)

    def renew(self) -> None:
        """Begin anew, in a forked child: the calls that are under way have not come along."""
        self._lock, self._entered, self._telling = Mutex(), _Entered(), False
        if self._circuit.state is BreakerState.HALF_OPEN:
            self._circuit = steps.abandon(self._circuit, Pass(self._circuit.epoch, self._circuit.probes), self._circuit.since)
