"""Actor systems: the wiring of kernel, dispatchers and ports, and the defaults."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from actors._core import life
from actors._core.cell import Cell, Lane, Rare
from actors._core.context import current_cell
from actors._core.events import (
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    CallbackFailed,
    DeadLetter,
    DeadLetterReason,
    EventStream,
    HandlerAbandoned,
    UnreadFailure,
)
from actors._core.future import Future
from actors._core.lifecycle import DownReason, Lifecycle, advance
from actors._core.mailbox import CLOSED, BoundedMailbox, Door
from actors._core.messages import IDLE, STOP, Control, Entry, Signal
from actors._core.options import DispatcherKind, Options
from actors._core.ref import ActorRef
from actors._core.registry import share
from actors._core.timers import check_seconds
from actors._core.tracing import TracedInbox
from actors._core.tree import Groups, Tree
from actors.config import SystemConfig
from actors.dispatch.clock import RealClock
from actors.dispatch.event_loop import LoopHost, LoopThread
from actors.dispatch.interop import attach
from actors.dispatch.pool import Pool
from actors.dispatch.real import real_ports
from actors.dispatch.thread import ThreadHost
from actors.errors import ActorDeadError, ActorKilled, ActorStartError, DeadlockError, ForkedError, SystemStoppedError
from actors.shutdown import Shutdown, ShutdownPhase, ShutdownReport, run_until_signal, run_until_signal_async

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._core.actor import Actor
    from actors._core.mailbox import Mailbox

__all__ = ["ActorSystem", "SystemState", "SystemStats", "default_system"]

logger = logging.getLogger("pykka")

A = TypeVar("A", bound="Actor")

WARM = 20_000  # mailboxes kept for actors that are idle; those of the longest idle are given back beyond that

_refs = share()


class SystemState(Enum):
    """Where a system is in its life."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FORKED = "forked"


@dataclass(frozen=True, slots=True)
class SystemStats:
    """Figures of a system at one moment.

    Attributes:
        actors: living actors.
        dead_letters: messages that were not handled, so far.
        threads: pool and loop threads.
        parked: handlers that wait in `get()` without holding a thread.
    """

    actors: int
    dead_letters: int
    threads: int
    parked: int


class ActorSystem:
    """A world of actors: their names, threads, events and end.

    Use it with ``with`` or ``async with``; async actors then run on the loop of the ``async with``, else on a loop thread of the
    system's own. All methods may be called from any thread.

    Args:
        name: for people to read.
        config: see `SystemConfig`.
    """

    def __init__(self, name: str = "greenroom", *, config: SystemConfig | None = None) -> None:
        if not isinstance(name, str) or not name:
            msg = f"name={name!r} is not valid: a text that is not empty"
            raise ValueError(msg)
        if config is not None and not isinstance(config, SystemConfig):
            msg = f"config={config!r} is not valid: a SystemConfig"
            raise TypeError(msg)
        self.name = name
        self.config = config or SystemConfig()
        self.ports = self.config.ports or real_ports()
        # Guards the tree, control lanes and counters that several threads write. Held for a few lines, never over user code.
        self.lock = threading.Lock()
        self.state = SystemState.RUNNING
        self.events = EventStream(self.callback_failed)
        self.groups = Groups(self.lock)
        self.tree = Tree(self.lock)
        self.is_default = False
        self._pool = Pool(self)
        self._loop_host: LoopHost | None = None  # under _wiring
        self._loop_thread: LoopThread | None = None  # under _wiring
        self._wiring = threading.Lock()
        self._warm: deque[Cell] = deque()
        self._dead_letters = 0  # under lock
        self._shutdown = Shutdown(self)
        self._keeping = 0  # under lock: living actors that keep the process alive
        self._kept = threading.Condition(self.lock)
        _systems.add(self)

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name!r} {self.state.value}, {self.tree.living()} actors>"

    # -- starting actors ---------------------------------------------------------------------------------------------------

    def spawn(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start an actor at root level and return its ref once its `on_start` is done.

        Args:
            actor_class: the class; `args` and `kwargs` go to its ``__init__``, now and at each restart.
            name: unique among living siblings; None gives it one made of its uid.
            dispatcher: in place of what the class declares.
            mailbox: in place of what the class declares.

        Raises:
            ActorStartError: ``__init__`` or `on_start` raised; its ``__cause__`` says what.
            NameTakenError, InvalidNameError: because of `name`.
            SystemStoppedError: the system is shut down.
        """
        self.ports.waiter.check("spawn() would block the event loop; write `await system.spawn_async(...)`")
        return self.spawn_under(None, actor_class, args, kwargs, name, dispatcher, mailbox).get()

    async def spawn_async(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Do what `spawn` does, awaiting `on_start`."""
        return await self.spawn_under(None, actor_class, args, kwargs, name, dispatcher, mailbox)

    def start(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start an actor at root level and return its ref at once, as pykka's `Actor.start` does.

        What ``__init__`` raises comes out here; a failing `on_start` is a crash of the actor.
        """
        cell = self._prepare(None, actor_class, args, kwargs, name, dispatcher, mailbox)
        self._build(cell)
        self.begin(cell)
        return cell.ref

    def spawn_under(
        self,
        parent: Cell | None,
        actor_class: type[A],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        dispatcher: DispatcherKind | None,
        mailbox: Mailbox | None,
    ) -> Future[ActorRef[A]]:
        """Start an actor under `parent`; return the future of its ref."""
        future: Future[ActorRef[A]] = Future()
        cell = self._prepare(parent, actor_class, args, kwargs, name, dispatcher, mailbox)
        try:
            self._build(cell)
        except Exception as error:
            raise ActorStartError(actor_class.__qualname__, error) from error
        future._cell = cell

        def report() -> None:
            if cell.end is None or cell.end == (DownReason.STOPPED, None):
                future.try_set(cell.ref)
            else:
                future.try_fail(life.start_error(cell))

        self.begin(cell, report)
        return future

    def _prepare(
        self,
        parent: Cell | None,
        actor_class: type[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        dispatcher: DispatcherKind | None,
        mailbox: Mailbox | None,
    ) -> Cell:
        """Check what is asked for and give the actor its place."""
        self._check_open()
        options = self._options(actor_class, dispatcher, mailbox)
        cell = Cell(self, actor_class, options, _NO_LANE, args, kwargs or None)
        cell.ref = ActorRef(cell)
        self.tree.enter(cell, parent, name)
        return cell

    def _build(self, cell: Cell) -> None:
        """Make the instance; if that fails, take the actor out of its place again."""
        try:
            life.instantiate(cell)
            cell.lane = self._lane(cell)
        except BaseException:
            self._undo(cell)
            raise

    def _undo(self, cell: Cell) -> None:
        """Take an actor that will not be started out of its place, unless it was killed before."""
        with self.lock:
            if cell.state is not Lifecycle.CREATED:
                return
            cell.state = Lifecycle.STOPPED
        cell.close()
        cell.actor = None
        self._left(cell)

    def _options(self, actor_class: Any, dispatcher: DispatcherKind | None, mailbox: Mailbox | None) -> Options:
        options = getattr(actor_class, "_greenroom_options", None)
        if not isinstance(actor_class, type) or not isinstance(options, Options):
            msg = f"actor_class={actor_class!r} is not valid: a subclass of actors.Actor"
            raise TypeError(msg)
        if dispatcher is not None or mailbox is not None:
            options = options.merged({"dispatcher": dispatcher, "mailbox": mailbox})
            if dispatcher is not None and (dispatcher is not DispatcherKind.EVENT_LOOP) and actor_class._greenroom_async:
                msg = f"dispatcher={dispatcher} is not valid for {actor_class.__qualname__}: its async handlers need an event loop"
                raise TypeError(msg)
        if not options.mailbox_declared and self.config.mailbox != options.mailbox:
            options = options.merged({"mailbox": self.config.mailbox})
        return options

    def _lane(self, cell: Cell) -> Lane:
        """Choose who gives the actor its turns."""
        if self.ports.dispatcher is not None:
            return self.ports.dispatcher.lane(cell)
        kind = cell.options.dispatcher
        if kind is DispatcherKind.EVENT_LOOP or (kind is None and cell.actor_class._greenroom_async):
            return self._loop().lane
        if kind is DispatcherKind.THREAD:
            daemon = cell.actor_class.use_daemon_thread or not self.is_default
            return ThreadHost(cell.actor_class, daemon=daemon, turn=self.config.turn).lane
        return self._pool.lane(cell.actor_class)

    def begin(self, cell: Cell, report: Callable[[], object] | None = None) -> None:
        """Let a built actor live: it is registered, then gets its first turn, for `on_start`."""
        if not cell.uid:  # built by hand
            self._check_open()
            self.tree.enter(cell, None, None)
            cell.lane = self._lane(cell)
        with self.lock:
            open_ = self.state is SystemState.RUNNING and cell.state is Lifecycle.CREATED
            if open_:
                cell.state = advance(cell.state, Lifecycle.STARTING)
                cell.control = (*cell.control, Control(Signal.START, call=report))
        if not open_:
            self._undo(cell)
            self._check_open()
            raise life.start_error(cell)
        if self.is_default:
            _refs.add_cell(cell)
            if not cell.actor_class.use_daemon_thread:
                with self.lock:
                    self._keeping += 1
                _keep_alive()
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Registered {cell.label()}")
            logger.debug(f"Starting {cell.label()}")
        host = cell.lane.host
        if isinstance(host, ThreadHost):
            host.thread.start()
        cell.requeue()

    def adopt(self, actor: Actor) -> Cell:
        """Give an actor that was built by hand a cell; it queues what it is sent until it is started."""
        cell = Cell(self, type(actor), type(actor)._greenroom_options, _NO_LANE, (), None)
        cell.ref = ActorRef(cell)
        cell.actor = actor
        return cell

    def _check_open(self) -> None:
        if self.state is SystemState.RUNNING:
            return
        raise ForkedError(self.name) if self.state is SystemState.FORKED else SystemStoppedError(self.name)

    def _check_here(self) -> None:
        if self.state is SystemState.FORKED:
            raise ForkedError(self.name)

    def _loop(self) -> LoopHost:
        """Return the host of async actors, starting a loop thread if the system has no loop yet."""
        with self._wiring:
            if self._loop_host is None:
                self._loop_thread = LoopThread(self)
                self._loop_host = self._loop_thread.start()
            return self._loop_host

    # -- finding actors ----------------------------------------------------------------------------------------------------

    def lookup(self, path: str) -> ActorRef[Any] | None:
        """Return the living actor at `path`, like ``/parent/child``; None if there is none."""
        cell = self.tree.lookup(path)
        return cell.ref if cell is not None else None

    def actors(self) -> list[ActorRef[Any]]:
        """Return the refs of all living actors, in start order."""
        return [cell.ref for cell in self.tree.everyone()]

    def stats(self) -> SystemStats:
        """Return a snapshot of the system's figures."""
        loop = 1 if self._loop_thread is not None else 0
        return SystemStats(self.tree.living(), self._dead_letters, self._pool.threads() + loop, self._pool.parked())

    # -- ending actors: the mechanisms behind ActorRef ---------------------------------------------------------------------

    def stop(self, cell: Cell, deadline: float | None) -> Future[bool]:
        """Queue a graceful stop behind the mail of `cell`; kill it `deadline` seconds later if it is still there."""
        seconds = None if deadline is None else check_seconds("deadline", deadline)
        future: Future[bool] = Future()
        future._cell = cell
        if not cell.post(Entry((STOP, future, None))) and not self._when_stopped(cell, future):
            future.try_set(False)
        elif seconds is not None:
            clock = self.ports.clock
            timer = clock.call_at(clock.now() + seconds, lambda: self.kill(cell))
            future._listen(lambda _: timer.cancel())
        return future

    @staticmethod
    def _when_stopped(cell: Cell, future: Future[bool]) -> bool:
        """Have `future` set when `cell` has ended; return False if it has. An actor does not wait for its own end."""
        return current_cell() is not cell and cell.mourn(future)

    def kill(self, cell: Cell) -> Future[bool]:
        """End `cell` now; see `ActorRef.kill`."""
        self._check_here()
        future: Future[bool] = Future()
        future._cell = cell
        if current_cell() is cell:
            future.try_set(True)  # it ends when its handler returns, and does not wait for that
        elif not self._when_stopped(cell, future):
            future.try_set(False)
            return future
        if cell.state is Lifecycle.CREATED:
            if life.begin_end(cell, DownReason.KILLED, None):
                life.finish(cell)
            return future
        cell.signal(Control(Signal.KILL))
        wait = cell.wait
        if wait is not None:
            wait.throw(ActorKilled())
        cancel = getattr(cell.lane.host, "cancel", None)
        if cancel is not None:
            cancel(cell)
        clock = self.ports.clock
        clock.call_at(clock.now() + self.config.blocked_after, lambda: self._abandon(cell))
        return future

    def restart(self, cell: Cell) -> Future[bool]:
        """Replace the instance behind `cell`; see `ActorRef.restart`."""
        self._check_here()
        future: Future[bool] = Future()
        if cell.inbox is CLOSED or cell.state is Lifecycle.CREATED:
            future.try_set(False)
            return future
        future._cell = cell
        if current_cell() is cell:
            future.try_set(True)  # it restarts when its handler returns, and does not wait for that
        cell.signal(Control(Signal.RESTART, call=lambda: future.try_set(cell.state is Lifecycle.RUNNING)))
        if cell.state is Lifecycle.STOPPED:
            future.try_set(False)
        return future

    def _abandon(self, cell: Cell) -> None:
        """Fence off the handler or hook of a killed actor that will not end, and end the actor without it. On the clock's thread."""
        if cell.state is Lifecycle.STOPPED:
            return
        entry = cell.current
        if entry is IDLE:  # it waits for its turn, or for its children
            clock = self.ports.clock
            clock.call_at(clock.now() + self.config.blocked_after, lambda: self._abandon(cell))
            return
        life.begin_end(cell, DownReason.KILLED, None)
        with self.lock:
            rare = cell.extras_locked()
            if cell.state is Lifecycle.STOPPED:
                return
            rare.abandoned = True
        future = entry[1] if type(entry) is Entry else None
        if future is not None:
            label = cell.label()
            future.try_fail(ActorDeadError(f"{label} was killed while it handled the message", label, entry[0]))
        self.events.publish(HandlerAbandoned(cell.ref))
        if rare.children:
            for child in self.children_of(cell):
                self.kill(child)
        else:
            life.finish(cell)

    # -- what the kernel asks of its system --------------------------------------------------------------------------------

    def children_of(self, cell: Cell) -> tuple[Cell, ...]:
        """Return the living children of `cell`, the last started first."""
        return tuple(reversed(self.tree.children(cell)))

    def stop_last(self, family: Rare) -> None:
        """Tell the child that was started last to stop, if no other is being stopped."""
        self.tree.stop_last(family)

    def door_of(self, cell: Cell) -> Any:
        """Return what senders append to: the mailbox itself, or what stands before it in a traced system."""
        return TracedInbox(cell.queue, self.ports.ids.correlation) if self.config.tracing else cell.queue

    def warmed(self, cell: Cell) -> None:
        """Take note that `cell` has a mailbox; give back that of one that has been idle for long."""
        warm = self._warm
        warm.append(cell)
        if len(warm) > WARM:
            try:
                oldest = warm.popleft()
            except IndexError:
                return
            if not oldest.cool():
                warm.append(oldest)

    @staticmethod
    def put_back(cell: Cell, entries: list[Any]) -> None:
        """Put unstashed entries at the front of the mailbox, in order."""
        cell.warm()
        queue = cell.queue
        if isinstance(queue, BoundedMailbox):
            queue.put_back(entries)
        else:
            queue.extendleft(reversed(entries))

    def started(self, cell: Cell, *, restarted: bool, error: BaseException | None) -> None:
        """Publish that `cell` is running."""
        if self.events.idle:
            return
        self.events.publish(ActorRestarted(cell.ref, error) if restarted else ActorStarted(cell.ref))

    def unregister(self, cell: Cell) -> None:
        """Take `cell`, which is closing, out of pykka's registry."""
        if self.is_default and _refs.discard_cell(cell) and logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Unregistered {cell.label()}")

    def gone(self, cell: Cell, reason: DownReason, error: BaseException | None) -> None:
        """Forget `cell`, which has ended, and tell its parent."""
        if cell.rare is not None and cell.rare.groups:
            self.groups.gone(cell)
        cell.lane.host.retire(cell)
        if not self.events.idle:
            self.events.publish(ActorStopped(cell.ref, reason, error))
        if self.is_default and not cell.actor_class.use_daemon_thread:
            with self.lock:
                self._keeping -= 1
                if not self._keeping:
                    self._kept.notify_all()
        self._left(cell)

    def _left(self, cell: Cell) -> None:
        if not cell.uid:  # built by hand and never started
            return
        last = self.tree.leave(cell)
        parent = cell.parent
        if parent is None:
            if self.state is SystemState.STOPPING:
                self._shutdown.root_gone(last=last)
        elif parent.state in (Lifecycle.STOPPING, Lifecycle.RESTARTING):
            rare = parent.extras()
            if not rare.abandoned:
                parent.signal(Control(Signal.CHILD_GONE))
            elif not rare.children:
                life.finish(parent)
        if last and self.state is SystemState.STOPPING:
            self._shutdown.root_gone(last=True)

    def dead_letter(self, cell: Cell, message: Any, reason: DeadLetterReason) -> None:
        """Count and publish a message that will not be handled."""
        with self.lock:
            self._dead_letters += 1
        self.events.publish(DeadLetter(message, reason, cell.ref))

    def callback_failed(self, callback: Any, error: BaseException) -> None:
        """Publish that a callback raised."""
        self.events.publish(CallbackFailed(error, callback))

    def unread(self, cell: Cell, error: BaseException) -> None:
        """Publish, from the clock's thread, a failed ask that nobody read. Safe from ``__del__``."""
        if self.state in (SystemState.RUNNING, SystemState.STOPPING):
            self.ports.clock.soon(lambda: self.events.publish(UnreadFailure(error, cell.label())))

    def fatal(self, error: BaseException) -> None:
        """End the system because of a BaseException in a handler: in order, and not on the thread of that handler."""
        del error
        self.ports.aside(self._fatal, "fatal")

    def _fatal(self) -> None:
        if self.is_default:
            from actors._core.registry import ActorRegistry  # noqa: PLC0415

            ActorRegistry.stop_all()
        else:
            self.shutdown()

    @staticmethod
    def stopped_event(cell: Cell) -> threading.Event:
        """Return the event that is set when `cell` is closed."""
        rare = cell.extras()
        with cell.system.lock:
            if rare.stopped_event is None:
                rare.stopped_event = threading.Event()
                if cell.inbox is CLOSED:
                    rare.stopped_event.set()
            return rare.stopped_event

    @staticmethod
    def attach(cell: Cell, future: Any) -> Any:
        """Return a function that reports the outcome of `future`."""
        del cell
        return attach(future)

    # -- ending ------------------------------------------------------------------------------------------------------------

    def on_shutdown(self, phase: ShutdownPhase, hook: Callable[[], object], *, name: str, timeout: float = 5.0) -> None:
        """Call `hook()` in `phase` of the shutdown, on a thread of its own, for at most `timeout` seconds."""
        self._shutdown.add(phase, hook, name, timeout)

    def request_shutdown(self) -> None:
        """Begin to shut down, and return at once. Also from a handler or a signal handler."""
        self.ports.clock.soon(lambda: self.ports.aside(self.shutdown, "shutdown"))

    def shutdown(self, *, timeout: float | None = None) -> ShutdownReport:
        """End the system in order: hooks, actors in reverse start order, hooks, threads. Idempotent; waits for a shutdown under way.

        Args:
            timeout: seconds that actors have to end before they are killed; None takes the config's.

        Raises:
            BlockingInLoopError: called on the event loop that runs the system's actors; use `shutdown_async`.
            DeadlockError: called in a handler of the system, which would wait for its own end; use `request_shutdown`.
        """
        self._check_outside()
        return self._shutdown.run(timeout)

    def _check_outside(self) -> None:
        cell = current_cell()
        if cell is not None and cell.system is self:
            raise DeadlockError((cell.path, "the shutdown of its own system (use request_shutdown())", cell.path))

    async def shutdown_async(self, *, timeout: float | None = None) -> ShutdownReport:
        """Do what `shutdown` does without blocking the loop."""
        self._check_outside()
        return await self._shutdown.run_async(timeout)

    def close_threads(self, timeout: float) -> None:
        """End pool, loop thread and clock. The last step of a shutdown."""
        self._pool.shutdown(timeout)
        with self._wiring:
            thread = self._loop_thread
        if thread is not None:
            thread.stop(timeout)
        if self.config.ports is None and isinstance(self.ports.clock, RealClock):
            self.ports.clock.close()

    async def close_loop(self) -> None:
        """End what runs on the caller's loop."""
        host = self._loop_host
        if host is not None and self._loop_thread is None and host.loop is asyncio.get_running_loop():
            await host.close()

    def run(self) -> ShutdownReport:
        """Serve until `request_shutdown` or SIGINT or SIGTERM, then shut down in order. A second signal kills what is left.

        Call it in the main thread.
        """
        return run_until_signal(self)

    async def run_async(self) -> ShutdownReport:
        """Do what `run` does on the running event loop."""
        return await run_until_signal_async(self)

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.shutdown()

    async def __aenter__(self) -> Self:
        self._check_open()
        with self._wiring:
            if self._loop_host is None:
                self._loop_host = LoopHost(self, asyncio.get_running_loop())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.shutdown_async()

    def keep_process(self) -> None:
        """Block while an actor lives that keeps the process alive."""
        with self.lock:
            while self._keeping:
                self._kept.wait()

    def forked(self) -> None:
        """Refuse everything from now on: this is a forked child and the threads are elsewhere."""
        self.lock = self.tree.lock = self.groups._lock = threading.Lock()
        self.state = SystemState.FORKED
        door = _ForkedDoor(self.name)
        for cell in self.tree.everyone():
            cell.inbox = door


class _ForkedDoor(Door):
    """Where the mailbox was before the fork."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def append(self, _: object) -> None:
        raise ForkedError(self._name)

    exempt = append


class _NoHost:
    """The host of actors that are not started: they queue."""

    queue: deque[Cell] = deque(maxlen=0)
    sleepers: list[Any] = []

    def wake(self) -> None:
        """Nobody sleeps here."""

    def retire(self, cell: Cell) -> None:
        """Nothing is kept for a cell."""


_NO_LANE = Lane(_NoHost())

# -- the default system ----------------------------------------------------------------------------------------------------

_default: ActorSystem | None = None
_default_lock = threading.Lock()
_keeper: threading.Thread | None = None
_systems: weakref.WeakSet[ActorSystem] = weakref.WeakSet()


def default_system() -> ActorSystem:
    """Return the system of `Actor.start()` outside of any handler. It is made when first asked for, and anew after a shutdown."""
    global _default  # noqa: PLW0603
    with _default_lock:
        if _default is None or _default.state not in (SystemState.RUNNING, SystemState.STOPPING):
            _default = ActorSystem("default")
            _default.is_default = True
        return _default


def ambient_system() -> ActorSystem:
    """Return the system of the handler that is running here, else the default system."""
    cell = current_cell()
    return cell.system if cell is not None else default_system()


def adopt(actor: Actor) -> Cell:
    """Give an actor built by hand a cell in the ambient system."""
    return ambient_system().adopt(actor)


def _keep_alive() -> None:
    """Have a thread that keeps the process alive, as pykka's threads would, while an actor of the default system lives."""
    global _keeper  # noqa: PLW0603
    if _keeper is None:
        with _default_lock:
            if _keeper is None:
                _keeper = threading.Thread(target=_keep, name="greenroom-keeper", daemon=False)
                _keeper.start()


def _keep() -> None:
    threading.main_thread().join()
    system = _default
    if system is not None:
        system.keep_process()


def _after_fork() -> None:
    global _default, _default_lock, _keeper  # noqa: PLW0603
    _default_lock = threading.Lock()
    for system in list(_systems):
        system.forked()
    _refs.forget_cells()
    _default = None
    _keeper = None


os.register_at_fork(after_in_child=_after_fork)
