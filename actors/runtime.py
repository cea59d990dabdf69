"""The runtime of one actor system: what the kernel asks of the outer layers, and the mechanisms behind refs.

Cells hold the runtime; `ActorSystem` is the user's face of it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from actors import process
from actors._core import burial, ending, life
from actors._core.actor import Actor
from actors._core.address import AddressBook, RefAddress
from actors._core.admission import warm
from actors._core.bounded import BoundedMailbox
from actors._core.cell import Cell, Lane
from actors._core.doors import CLOSED, Door
from actors._core.event_stream import EventStream
from actors._core.events import (
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    CallbackFailed,
    DeadLetter,
    DeadLetterReason,
    UnreadFailure,
)
from actors._core.future import Future
from actors._core.isolation import IsolatedInbox, Isolation
from actors._core.lifecycle import DownReason, Lifecycle, advance
from actors._core.lineage import CarryingInbox, of_start
from actors._core.messages import CHILD_GONE, Control, Signal
from actors._core.mutex import Mutex
from actors._core.options import AS_DECLARED, DispatcherKind, Options, Overrides, note_own_keywords
from actors._core.ports import simulated, touched
from actors._core.ref import ActorRef
from actors._core.registry import ActorRegistry
from actors._core.reports import start_error
from actors._core.tracing import TracedInbox
from actors._core.tree import Groups, Tree
from actors.dispatch.clock import RealClock
from actors.dispatch.event_loop import LoopHost, LoopThread
from actors.dispatch.interop import attach
from actors.dispatch.pool import Pool
from actors.dispatch.real import real_ports
from actors.dispatch.thread import ThreadHost
from actors.errors import ActorStartError, ForkedError, SystemStoppedError
from actors.process import NO_LANE, ForkedDoor
from actors.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.supervision import Guard
    from actors.config import SystemConfig
    from actors.system import ActorSystem
    from actors.wire.codec import Codec

__all__ = ["Runtime", "SystemState"]

logger = logging.getLogger("pykka")

A = TypeVar("A", bound="Actor")

WARM = 100_000  # mailboxes kept for actors that are idle (760 bytes each); those of the longest idle are given back beyond that

_refs = process.refs


class SystemState(Enum):
    """Where a system is in its life."""

    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FORKED = "forked"


class Runtime:
    """See the module's docstring. All methods may be called from any thread."""

    def __init__(self, name: str, config: SystemConfig, face: ActorSystem) -> None:
        self.name = name
        self.face = face
        self.ports = config.ports or simulated() or real_ports()
        if config.tracing is None:
            config = replace(config, tracing=process.defaults["tracing"] and self.ports.dispatcher is None)
        self.config = config
        self.carries = config.budget is not None  # whether messages have lineages; set once, under lock
        # Guards the tree, control lanes and counters that several threads write. Held for a few lines, never over user code.
        self.lock = Mutex()
        self.state = SystemState.RUNNING
        self.events = EventStream(self.callback_failed, self.ports)
        self.groups = Groups(self.lock)
        self.tree = Tree(self.lock)
        self.is_default = False
        self.pool = Pool(self) if self.ports.dispatcher is None else None  # a simulation has a dispatcher of its own
        self.loop_host: LoopHost | None = None  # under _wiring
        self.loop_thread: LoopThread | None = None  # under _wiring
        self._wiring = threading.Lock()
        self.warm: OrderedDict[Cell, None] = OrderedDict()  # living cells that have a mailbox; under lock
        # What `_options` found for classes spawned as declared; a plain dict store, the same whoever is first.
        self._options_of: dict[type[Any], Options] = {}
        self._isolators: dict[Isolation, Callable[[Any], Any]] = {}  # of the modes that its actors have; likewise
        self._codec: Codec | None = None  # under lock
        self._addresses = AddressBook(self, Actor, NO_LANE)
        self.dead_letters = 0  # under lock
        self.shutdown = Shutdown(self)
        self._keeping = 0  # under lock: living actors that keep the process alive
        self._kept = threading.Condition(self.lock)
        process.runtimes.add(self)
        for watch in tuple(process.watchers):
            watch(self)

    # -- starting actors ---------------------------------------------------------------------------------------------------

    def spawn_under(
        self,
        parent: Cell | None,
        actor_class: type[A],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        overrides: Overrides,
    ) -> Future[ActorRef[A]]:
        """Start an actor under `parent`; return the future of its ref."""
        future: Future[ActorRef[A]] = Future()
        cell = self.prepare(parent, actor_class, args, kwargs, name, overrides)
        try:
            self.build(cell)
        except Exception as error:
            failure = ActorStartError(actor_class.__qualname__, error)
            if isinstance(error, TypeError):
                note_own_keywords(failure, actor_class, name=name, **overrides._asdict())
            raise failure from error
        future._cell = cell

        def report() -> None:
            if cell.end is None or cell.end == (DownReason.STOPPED, None):
                future.try_set(cell.ref)
            else:
                future.try_fail(start_error(cell))

        self.begin(cell, report)
        return future

    def spawn_supervised(
        self,
        guard: Guard,
        actor_class: type[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
        name: str | None,
        overrides: Overrides,
    ) -> Cell:
        """Start a child of a supervisor and return its cell at once; the instance is made in the child's own turn."""
        cell = self.prepare(guard.supervisor, actor_class, args, kwargs or {}, name, overrides)
        cell.guard = guard
        try:
            cell.lane = self._lane(cell)
            self.begin(cell)
        except BaseException as error:
            cell.guard = None  # whoever called this is told by the exception
            burial.bury(cell, DownReason.CRASHED, error)
            raise
        return cell

    def start(
        self,
        actor_class: type[A],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        overrides: Overrides = AS_DECLARED,
        *,
        parent: Cell | None = None,
    ) -> ActorRef[A]:
        """Start an actor at root level, or under `parent`, and return its ref at once."""
        cell = self.prepare(parent, actor_class, args, kwargs, name, overrides)
        self.build(cell)
        self.begin(cell)
        return cell.ref

    def prepare(
        self,
        parent: Cell | None,
        actor_class: type[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None,
        overrides: Overrides,
    ) -> Cell:
        """Check what is asked for and give the actor its place."""
        self.check_open()
        options = self._options(actor_class, overrides)
        cell = Cell(self, actor_class, options, NO_LANE, args, kwargs or None)
        cell.ref = ActorRef(cell)
        if name is not None:
            touched(self.ports, f"{parent.path if parent is not None else ''}/{name}")
        if self.carries:
            lineage = of_start(cell)
            if lineage is not None:
                cell.extras().lineage = lineage
        self.tree.enter(cell, parent, name)
        return cell

    def build(self, cell: Cell) -> None:
        """Make the instance; if that fails, take the actor out of its place again."""
        try:
            life.instantiate(cell)
            cell.lane = self._lane(cell)
        except BaseException as error:
            burial.bury(cell, DownReason.CRASHED, error)
            raise

    def _options(self, actor_class: Any, overrides: Overrides) -> Options:
        if overrides == AS_DECLARED:
            known = self._options_of.get(actor_class) if isinstance(actor_class, type) else None
            if known is not None:
                return known
        options = getattr(actor_class, "_greenroom_options", None)
        if not isinstance(options, Options) or not isinstance(actor_class, type):
            msg = f"actor_class={actor_class!r} is not valid: a subclass of actors.Actor"
            raise TypeError(msg)
        dispatcher = overrides.dispatcher
        if dispatcher not in (None, DispatcherKind.EVENT_LOOP) and getattr(actor_class, "_greenroom_async", False):
            msg = f"dispatcher={dispatcher} is not valid for {actor_class.__qualname__}: its async handlers need an event loop"
            raise TypeError(msg)
        asked = options.merged(overrides._asdict())
        if not asked.mailbox_declared:
            asked = asked.merged({"mailbox": self.config.mailbox})
        self._prepare_isolation(asked)
        if overrides == AS_DECLARED:
            self._options_of[actor_class] = asked
        return asked

    def _prepare_isolation(self, options: Options) -> None:
        """Make what `door_of`, which is called under the lock, hands messages through."""
        mode = options.isolation or self.config.isolation
        if mode is Isolation.SHARE or mode in self._isolators:
            return
        from actors.wire.isolation import isolator  # noqa: PLC0415  # systems in which everybody shares do not load the codec

        self._isolators[mode] = isolator(mode, self.codec)

    def _lane(self, cell: Cell) -> Lane:
        """Choose who gives the actor its turns."""
        if self.ports.dispatcher is not None:
            return self.ports.dispatcher.lane(cell)
        kind = cell.options.dispatcher
        if kind is DispatcherKind.EVENT_LOOP or (kind is None and cell.actor_class._greenroom_async):
            return self._loop().lane
        if kind is DispatcherKind.THREAD:
            daemon = cell.actor_class.use_daemon_thread or not self.is_default
            host = ThreadHost(cell.actor_class, daemon=daemon, turn=self.config.turn)
            host.thread.start()
            return host.lane
        assert self.pool is not None  # there is no dispatcher
        return self.pool.lane(cell.actor_class)

    def begin(self, cell: Cell, report: Callable[[], object] | None = None) -> None:
        """Let a built actor live: it is registered, then gets its first turn, for `on_start`."""
        if not cell.uid:  # built by hand
            self.check_open()
            self.tree.enter(cell, None, None)
            cell.lane = self._lane(cell)
        with self.lock:
            open_ = self.state is SystemState.RUNNING and cell.state is Lifecycle.CREATED
            if open_:
                cell.state = advance(cell.state, Lifecycle.STARTING)
                cell.incarnation = 1
                cell.control = (*cell.control, Control(Signal.START, call=report))
        if not open_:
            burial.bury(cell, DownReason.STOPPED, None)
            self.check_open()
            raise start_error(cell)
        if self.is_default:
            _refs.add_cell(cell)
            if self._keeps_process(cell):
                with self.lock:
                    self._keeping += 1
                process.keep_alive()
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Registered {cell.label()}")
            logger.debug(f"Starting {cell.label()}")
        cell.requeue()

    def adopt(self, actor: Actor) -> Cell:
        """Give an actor that was built by hand a cell; it queues what it is sent until it is started."""
        options = type(actor)._greenroom_options
        self._prepare_isolation(options)
        cell = Cell(self, type(actor), options, NO_LANE, (), None)
        cell.ref = ActorRef(cell)
        cell.actor = actor
        return cell

    def check_open(self) -> None:
        """Raise unless actors may be started."""
        if self.state is SystemState.RUNNING:
            return
        raise ForkedError(self.name) if self.state is SystemState.FORKED else SystemStoppedError(self.name)

    def live_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let async actors run on `loop`, which is running here, unless they have one already."""
        self._see_off_closed_loop()
        with self._wiring:
            if self.loop_host is None:
                self.loop_host = LoopHost(self, loop)

    def _see_off_closed_loop(self) -> None:
        """End the actors of a loop that was closed under them, and forget it."""
        with self._wiring:
            closed = self.loop_host
            if closed is None or not closed.loop.is_closed():
                return
            self.loop_host = None
        closed.lost()  # runs callbacks of users: no lock is held

    def check_here(self) -> None:
        """Raise ForkedError in a process that only inherited the system."""
        if self.state is SystemState.FORKED:
            raise ForkedError(self.name)

    def _loop(self) -> LoopHost:
        """Return the host of async actors, starting a loop thread if the system has no loop yet."""
        self._see_off_closed_loop()
        with self._wiring:
            if self.loop_host is None:
                thread = LoopThread(self)
                self.loop_host = thread.start()
                self.loop_thread = thread
            return self.loop_host

    # -- ending actors: the mechanisms behind ActorRef ---------------------------------------------------------------------

    def kill(self, cell: Cell) -> None:
        """End `cell` now, without waiting for that."""
        ending.kill(cell)

    # -- what the kernel asks of its system --------------------------------------------------------------------------------

    def children_of(self, cell: Cell) -> tuple[Cell, ...]:
        """Return the living children of `cell`, the last started first."""
        return tuple(reversed(self.tree.children(cell)))

    def door_of(self, cell: Cell) -> Any:
        """Return what senders append to: the mailbox itself, or what stands before it in a traced system, and of an isolated actor."""
        door = TracedInbox(cell.queue, self.ports.ids.correlation) if self.config.tracing else cell.queue
        if self.carries:
            door = CarryingInbox(cell, door)
        mode = cell.options.isolation or self.config.isolation
        return door if mode is Isolation.SHARE else IsolatedInbox(cell, door, self._isolators[mode])

    def carry(self) -> None:
        """Let messages have lineages from now on, if they have none yet."""
        with self.lock:
            if self.carries:
                return
            self.carries = True
            # Invariant: who warms an actor up, or lets mail in again, asks for a door under this lock; all others get theirs here. What a
            # sender puts through the door that it saw before comes into the same queue.
            for cell in self.tree.everyone():
                if not isinstance(cell.inbox, Door):
                    cell.inbox = self.door_of(cell)

    def warmed(self, cell: Cell) -> Cell | None:
        """Note that `cell` has a mailbox, under the lock; return one that has had one for longest if there are too many."""
        self.warm[cell] = None
        return self.warm.popitem(last=False)[0] if len(self.warm) > WARM else None

    def keep_warm(self, cell: Cell) -> None:
        """Note again a cell that would not give its mailbox back: it is busy."""
        with self.lock:
            if cell.state is not Lifecycle.STOPPED:
                self.warm[cell] = None

    @staticmethod
    def put_back(cell: Cell, entries: list[Any]) -> None:
        """Put unstashed entries at the front of the mailbox, in order."""
        warm(cell)
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

    def _keeps_process(self, cell: Cell) -> bool:
        """Tell whether the process does not end before `cell` does, as in pykka."""
        return self.is_default and not cell.actor_class.use_daemon_thread and self.ports.dispatcher is None

    def unregister(self, cell: Cell) -> None:
        """Take `cell`, which is closing, out of pykka's registry."""
        if self.is_default and _refs.discard_cell(cell) and logger.isEnabledFor(logging.DEBUG):
            logger.debug(f"Unregistered {cell.label()}")

    def gone(self, cell: Cell, reason: DownReason, error: BaseException | None) -> None:
        """Forget `cell`, which has ended, and tell its parent."""
        if cell.rare is not None and cell.rare.groups:
            self.groups.gone(cell)
        cell.lane.host.retire(cell)
        begun = cell.incarnation > 0
        if begun and not self.events.idle:
            self.events.publish(ActorStopped(cell.ref, reason, error))
        if begun and self._keeps_process(cell):
            with self.lock:
                self._keeping -= 1
                if not self._keeping:
                    self._kept.notify_all()
        self._left(cell)

    def _left(self, cell: Cell) -> None:
        if not cell.uid:  # built by hand and never started
            return
        last = self.tree.leave(cell)
        if cell.name is not None:
            touched(self.ports, cell.path)
        parent = cell.parent
        if parent is not None and parent.state in (Lifecycle.STOPPING, Lifecycle.RESTARTING):
            rare = parent.extras()
            if not rare.abandoned:
                parent.signal(CHILD_GONE, once=True)
            elif not rare.children:
                burial.finish(parent)
        if self.state is SystemState.STOPPING and (parent is None or last):
            self.shutdown.root_gone(last=last)

    def dead_letter(self, cell: Cell, message: Any, reason: DeadLetterReason) -> None:
        """Count and publish a message that will not be handled."""
        with self.lock:
            self.dead_letters += 1
        self.events.publish(DeadLetter(message, reason, cell.ref))

    def callback_failed(self, callback: Any, error: BaseException) -> None:
        """Publish that a callback raised."""
        self.events.publish(CallbackFailed(error, callback))

    def unread(self, cell: Cell, error: BaseException) -> None:
        """Publish, from the clock's thread, a failed ask that nobody read. Safe from ``__del__``."""
        if self.state in (SystemState.RUNNING, SystemState.STOPPING):
            self.ports.clock.soon(lambda: self.events.publish(UnreadFailure(error, cell.label())))

    def fatal(self) -> None:
        """End the system because of a BaseException in a handler: in order, and not on the thread of that handler."""
        if self.is_default:
            self.ports.aside(ActorRegistry.stop_all, "fatal")  # as in pykka; the system itself lives on
        else:
            self.shutdown.begin(None)

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

    # -- messages as bytes -------------------------------------------------------------------------------------------------

    @property
    def codec(self) -> Codec:
        """The config's codec, or else one that knows no types; it finds the actors of this system, too. Made when first asked for."""
        if self._codec is None:
            from actors.wire.codec import Codec  # noqa: PLC0415  # systems in which everybody shares do not load it

            made = (self.config.codec if self.config.codec is not None else Codec()).with_refs(self.resolve)
            with self.lock:
                if self._codec is None:
                    self._codec = made
        return self._codec

    @property
    def identity(self) -> str:
        """A text unique to this system and run, made when first asked for."""
        return self._addresses.identity

    def address_of(self, cell: Cell) -> RefAddress:
        """Return the address of `cell`; see `AddressBook.address_of`."""
        return self._addresses.address_of(cell)

    def resolve(self, address: RefAddress) -> ActorRef[Any]:
        """Return the ref of `address`, or what the `refs` of the config's codec return for another system's; see `AddressBook.resolve`."""
        given = self.config.codec
        return self._addresses.resolve(address, None if given is None else given.refs)

    # -- ending ------------------------------------------------------------------------------------------------------------

    def request_shutdown(self) -> None:
        """Begin to shut down, and return at once."""
        self.ports.clock.soon(lambda: self.shutdown.begin(None))

    def close_threads(self, timeout: float) -> None:
        """End pool, loop thread and clock. The last step of a shutdown."""
        if self.pool is not None:
            self.pool.shutdown(timeout)
        with self._wiring:
            thread = self.loop_thread
        if thread is not None:
            thread.stop(timeout)
        if self.config.ports is None and isinstance(self.ports.clock, RealClock):
            self.ports.clock.close()

    async def close_loop(self) -> None:
        """End what runs on the caller's loop."""
        host = self.loop_host
        if host is not None and self.loop_thread is None and host.loop is asyncio.get_running_loop():
            await host.close()

    def keep_process(self) -> None:
        """Block while an actor lives that keeps the process alive."""
        with self.lock:
            while self._keeping:
                self._kept.wait()

    def forked(self) -> None:
        """Refuse everything from now on: this is a forked child and the threads are elsewhere."""
        self.lock = self.tree.lock = self.groups._lock = Mutex()
        self._kept = threading.Condition(self.lock)
        self.state = SystemState.FORKED
        door = ForkedDoor(self.name)
        for cell in self.tree.everyone():
            cell.inbox = door
