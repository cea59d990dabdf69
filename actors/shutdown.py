"""How a system ends: phases, deadlines, signals."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
import threading
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core.future import Future
from actors._core.seconds import check_seconds
from actors.errors import BlockingInLoopError, DeadlockError, SystemStoppedError, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime import Runtime

__all__ = ["Shutdown", "ShutdownPhase", "ShutdownReport", "run_until_signal", "run_until_signal_async"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL = 0.1  # seconds between two looks for a signal


class ShutdownPhase(Enum):
    """The phases of a shutdown, in order. Hooks are for the first and the last."""

    BEFORE_STOP = "before stop"
    """Stop taking work in; actors still answer."""

    ACTORS = "actors"
    """The actors end, in reverse start order. Hooks run before the first is told."""

    AFTER_STOP = "after stop"
    """Flush and close what the actors used."""


@dataclass(frozen=True, slots=True)
class ShutdownReport:
    """What a shutdown did.

    Attributes:
        stopped: how many actors ended.
        killed: paths of those that did not end in time.
        failed_hooks: names of the hooks that raised or took too long.
        elapsed: seconds it took.
        signal: what ended `run()`; None if that was not a signal. `128 + signal` is the customary exit code.
    """

    stopped: int
    killed: tuple[str, ...]
    failed_hooks: tuple[str, ...]
    elapsed: float
    signal: signal.Signals | None = None


@dataclass(frozen=True, slots=True)
class _Hook:
    phase: ShutdownPhase
    call: Callable[[], object]
    name: str
    timeout: float


_hook_of: ContextVar[Shutdown | None] = ContextVar("greenroom_hook_of", default=None)  # whose hook runs here


class Shutdown:
    """The one shutdown of one system. Whoever comes first runs it; the others wait for its report."""

    def __init__(self, system: Runtime) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._hooks: list[_Hook] = []  # under _lock
        self._begun: set[ShutdownPhase] = set()  # under _lock: phases whose hooks were looked up
        self._first: dict[object, Callable[[], Future[Any]]] | None = {}  # under _lock; None once they were looked up
        self._claim: list[None] = [None]
        self._empty: Future[None] = Future()
        self.report: Future[ShutdownReport] = Future()

    def add(self, phase: ShutdownPhase, call: Callable[[], object], name: str, timeout: float) -> None:
        """Register a hook; raise SystemStoppedError if those of its phase are running already, or have run."""
        if not isinstance(phase, ShutdownPhase):
            msg = f"phase={phase!r} is not valid: use a member of ShutdownPhase"
            raise TypeError(msg)
        if not callable(call):
            msg = f"hook={call!r} is not valid: a function without arguments"
            raise TypeError(msg)
        if not isinstance(name, str) or not name:
            msg = f"name={name!r} is not valid: a text that is not empty"
            raise ValueError(msg)
        seconds = check_seconds("timeout", timeout)
        with self._lock:
            late = phase in self._begun
            if not late:
                self._hooks.append(_Hook(phase, call, name, seconds))
        if late:
            raise SystemStoppedError(self._system.name)

    def ends_first(self, key: object, end: Callable[[], Future[Any]]) -> bool:
        """Have `end()` called before the first actor is told to stop, and the future that it returns waited for; False: it is too late."""
        with self._lock:
            if self._first is None:
                return False
            self._first[key] = end
            return True

    def ended_before(self, key: object) -> None:
        """Take note that what was given with `key` has ended."""
        with self._lock:
            if self._first is not None:
                self._first.pop(key, None)

    def run(self, timeout: float | None) -> ShutdownReport:
        """Shut down, or wait for the shutdown under way, blocking."""
        self._check_no_hook()
        limit = self._limit(timeout)
        self._system.ports.waiter.check("shutdown() would block the event loop; write `await system.shutdown_async()`")
        host = self._system.loop_host
        if host is not None and host.here() and not self.report.done():
            raise BlockingInLoopError("shutdown() would block the event loop of its actors; write `await system.shutdown_async()`")
        self.begin(limit)
        return self.report.get()

    async def run_async(self, timeout: float | None) -> ShutdownReport:
        """Shut down, or wait for the shutdown under way, awaiting. Cancelling it kills what is left; the shutdown is seen through."""
        self._check_no_hook()
        self.begin(self._limit(timeout))
        cancelled: asyncio.CancelledError | None = None
        while not self.report.done():
            try:
                await self.report
            except asyncio.CancelledError as error:
                cancelled = error
                kill_all(self._system)
            except Exception:  # noqa: BLE001  # raised below
                break
        await self._system.close_loop()
        if cancelled is not None:
            raise cancelled
        return self.report.get()

    def begin(self, timeout: float | None) -> None:
        """Begin the shutdown unless it is under way. Not on the caller's stack, where an exception of its own could end it half way."""
        limit = self._limit(timeout)
        try:
            self._claim.pop()
        except IndexError:
            return
        try:
            self._system.ports.aside(lambda: self._guarded(limit), "shutdown")
        except RuntimeError:  # no thread to be had
            self._claim.append(None)
            raise

    def _check_no_hook(self) -> None:
        if _hook_of.get() is self and not self.report.done():
            raise DeadlockError(("a shutdown hook", "the shutdown it is part of", "a shutdown hook"), "it is under way: just return")

    def _guarded(self, limit: float) -> None:
        try:
            self.report.set(self._run(limit))
        except BaseException as error:
            self.report.try_fail(error)
            raise

    def _limit(self, timeout: float | None) -> float:
        return self._system.config.shutdown_timeout if timeout is None else check_seconds("timeout", timeout)

    def _run(self, limit: float) -> ShutdownReport:
        from actors.runtime import SystemState  # noqa: PLC0415  # the runtime imports this module

        system = self._system
        clock = system.ports.clock
        begin = clock.now()
        failed = self._run_hooks(ShutdownPhase.BEFORE_STOP)
        failed += self._run_hooks(ShutdownPhase.ACTORS)
        with system.lock:
            if system.state is not SystemState.RUNNING:
                limit = 0.0
            else:
                system.state = SystemState.STOPPING
            count = system.tree.living()
        until = clock.now() + limit
        self._end_first(until)
        killed = self._stop_actors(max(0.0, until - clock.now()))
        failed += self._run_hooks(ShutdownPhase.AFTER_STOP)
        system.close_threads(timeout=1.0)
        system.state = SystemState.STOPPED
        elapsed = clock.now() - begin
        return ShutdownReport(count, tuple(killed), tuple(failed), elapsed)

    def _run_hooks(self, phase: ShutdownPhase) -> list[str]:
        """Run the hooks of a phase, each for as long as it may take; return the names of those that failed."""
        failed: list[str] = []
        with self._lock:
            self._begun.add(phase)
            hooks = [hook for hook in self._hooks if hook.phase is phase]
        for hook in hooks:
            done: Future[Any] = Future()

            def call(hook: _Hook = hook, done: Future[Any] = done) -> None:
                token = _hook_of.set(self)
                try:
                    value = hook.call()
                    done.set(asyncio.run(value) if inspect.iscoroutine(value) else value)
                except BaseException as error:  # noqa: BLE001  # reported by name, and published
                    done.set_exception(error)
                finally:
                    _hook_of.reset(token)

            self._system.ports.aside(call, f"hook-{hook.name}")
            try:
                done.get(timeout=hook.timeout)
            except BaseException as error:  # noqa: BLE001  # a hook must not keep the system from ending
                failed.append(hook.name)
                self._system.callback_failed(hook.call, error)
        return failed

    def _end_first(self, until: float) -> None:
        """End what a graceful stop of its actors would wait for, and wait for that until the clock says `until`."""
        with self._lock:
            first, self._first = self._first or {}, None
        clock = self._system.ports.clock
        for future in [end() for end in first.values()]:
            with contextlib.suppress(Timeout):
                future.get(timeout=max(0.0, until - clock.now()))

    def _stop_actors(self, limit: float) -> list[str]:
        """Stop all actors in reverse start order; kill what is left after `limit` seconds. Return the paths of the killed."""
        system = self._system
        if not system.tree.living():
            return []
        if system.loop_host is not None:
            system.loop_host.check_turns()
        self.root_gone(last=False)
        try:
            self._empty.get(timeout=limit)
        except Timeout:
            left = system.tree.everyone()
            paths = [cell.path for cell in left]
            kill_all(system)
            try:
                self._empty.get(timeout=1.0 + 4 * system.config.blocked_after)
            except Timeout:
                return paths
            return paths
        return []

    def root_gone(self, *, last: bool) -> None:
        """Go on with the next actor at root level; note when there is none left."""
        system = self._system
        if last or not system.tree.living():
            self._empty.try_set(None)
            return
        system.tree.stop_last(system.tree.root)


def run_until_signal(system: Runtime) -> ShutdownReport:
    """Serve until SIGINT, SIGTERM or a shutdown; then end in order. A second signal kills what is left."""
    check_main_thread("run()")
    system.ports.waiter.check("run() would block the event loop; write `await system.run_async()`")
    got: list[int] = []
    # A signal handler runs in the middle of anything this thread does, under any lock: all it may do is append to a list.
    previous = {number: signal.signal(number, lambda number, _: got.append(number)) for number in SIGNALS}
    report = system.shutdown.report
    over = threading.Event()
    report._listen(wake := lambda _: over.set())
    begun = killed = False
    try:
        while not over.wait(POLL):
            if got and not begun:
                begun = True
                system.request_shutdown()
            elif len(got) > 1 and not killed:
                killed = True
                kill_all(system)
        result = report.get()
        return replace(result, signal=signal.Signals(got[0])) if got else result
    finally:
        report._forget(wake)
        for number, handler in previous.items():
            signal.signal(number, handler)


def check_main_thread(call: str) -> None:
    """Raise RuntimeError unless this is the thread that signals come to."""
    if threading.current_thread() is not threading.main_thread():
        msg = f"{call} serves until a signal comes, which only the main thread sees; elsewhere wait for `shutdown()` or an event of yours"
        raise RuntimeError(msg)


def kill_all(system: Runtime) -> None:
    """Kill every actor, the last started first."""
    for cell in reversed(system.tree.everyone()):
        system.kill(cell)


async def run_until_signal_async(system: Runtime) -> ShutdownReport:
    """Serve on the running loop until SIGINT, SIGTERM or a shutdown; then end in order."""
    check_main_thread("run_async()")
    loop = asyncio.get_running_loop()
    wake = asyncio.Event()
    got: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        got.append(number)
        wake.set()
        if len(got) > 1:
            kill_all(system)

    previous = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    done = system.shutdown.report

    def ended(_: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(wake.set)

    done._listen(ended)
    try:
        await wake.wait()
        report = await system.shutdown.run_async(None)
        return replace(report, signal=got[0]) if got else report
    finally:
        done._forget(ended)
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            if handler is not None:  # one that was not installed from Python cannot be put back
                signal.signal(number, handler)
