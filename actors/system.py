"""Actor systems: the user's face of a runtime, and the default system."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from actors._core.context import current_cell
from actors._core.lineage import Budget, Purse, lineage_here, scope
from actors._core.options import Overrides
from actors._core.ports import touched
from actors.config import SystemConfig
from actors.errors import DeadlockError
from actors.runtime import Runtime, SystemState
from actors.shutdown import ShutdownPhase, ShutdownReport, run_until_signal, run_until_signal_async

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from actors._core.actor import Actor
    from actors._core.cell import Cell
    from actors._core.event_stream import EventStream
    from actors._core.isolation import Isolation
    from actors._core.mailbox import Mailbox
    from actors._core.options import DispatcherKind
    from actors._core.ports import Ports
    from actors._core.ref import ActorRef
    from actors._core.tree import Groups
    from actors.snapshots.tree import Tree
    from actors.wire.codec import Codec

__all__ = ["ActorSystem", "SystemState", "SystemStats", "default_system"]

A = TypeVar("A", bound="Actor")


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
        self._runtime = Runtime(name, config or SystemConfig(), self)

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name!r} {self.state.value}, {self._runtime.tree.living()} actors>"

    @property
    def name(self) -> str:
        """The name given to it."""
        return self._runtime.name

    @property
    def config(self) -> SystemConfig:
        """Its settings."""
        return self._runtime.config

    @property
    def ports(self) -> Ports:
        """Its clock, chance, ids and ways to wait."""
        return self._runtime.ports

    @property
    def state(self) -> SystemState:
        """Where it is in its life, at this moment."""
        return self._runtime.state

    @property
    def events(self) -> EventStream:
        """What it tells about itself; subscribe to it."""
        touched(self._runtime.ports, None)
        return self._runtime.events

    @property
    def codec(self) -> Codec:
        """The codec of `SystemConfig.codec`, or else one that knows no types; it finds the actors of this system by their addresses.

        For those of other systems it asks the `refs` of the config's codec, if that has some.
        It makes the copies of `Isolation.COPY`, and its registry is what `Isolation.CHECK` asks.
        """
        return self._runtime.codec

    @property
    def groups(self) -> Groups:
        """Named sets of actors."""
        return self._runtime.groups

    @contextmanager
    def budgeted(self, budget: Budget) -> Generator[None, None, None]:
        """Give a budget to what begins inside of ``with system.budgeted(budget):``, all of it together.

        That is, to all that is sent in the block, and to all that it brings about, now or later. In a handler whose message has a budget
        already, the block spends that one as well. Systems that the messages get to keep to the budget if they keep budgets themselves: by
        `SystemConfig.budget`, or a block like this one. From the first block on, sending costs more in this system.
        """
        if not isinstance(budget, Budget):
            msg = f"budget={budget!r} is not valid: a Budget"
            raise TypeError(msg)
        self._runtime.check_here()
        self._runtime.carry()
        mark = scope.set((Purse(budget, lineage_here()), current_cell()))
        try:
            yield
        finally:
            scope.reset(mark)

    # -- starting actors ---------------------------------------------------------------------------------------------------

    def spawn(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        isolation: Isolation | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start an actor at root level and return its ref once its `on_start` is done.

        Args:
            actor_class: the class.
            *args: for its ``__init__``, now and at each restart.
            **kwargs: likewise.
            name: unique among living siblings; None gives it one made of its uid.
            dispatcher: in place of what the class declares.
            mailbox: in place of what the class declares.
            isolation: in place of what the class declares.

        Raises:
            ActorStartError: ``__init__`` or `on_start` raised; its ``__cause__`` says what.
            NameTakenError, InvalidNameError: because of `name`.
            SystemStoppedError: the system is shut down.
        """
        self._runtime.ports.waiter.check("spawn() would block the event loop; write `await system.spawn_async(...)`")
        return self._runtime.spawn_under(None, actor_class, args, kwargs, name, Overrides(dispatcher, mailbox, isolation)).get()

    async def spawn_async(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        isolation: Isolation | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Do what `spawn` does, awaiting `on_start`."""
        return await self._runtime.spawn_under(None, actor_class, args, kwargs, name, Overrides(dispatcher, mailbox, isolation))

    def start(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        isolation: Isolation | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start an actor at root level and return its ref at once, as pykka's `Actor.start` does.

        What ``__init__`` raises comes out here; a failing `on_start` is a crash of the actor.
        """
        return self._runtime.start(actor_class, args, kwargs, name, Overrides(dispatcher, mailbox, isolation))

    # -- finding actors ----------------------------------------------------------------------------------------------------

    def lookup(self, path: str) -> ActorRef[Any] | None:
        """Return the living actor at `path`, like ``/parent/child``; None if there is none."""
        cell = self._runtime.tree.lookup(path)
        touched(self._runtime.ports, f"/{path.strip('/')}")
        return cell.ref if cell is not None else None

    def actors(self) -> list[ActorRef[Any]]:
        """Return the refs of all living actors, in start order."""
        touched(self._runtime.ports, None)
        return [cell.ref for cell in self._runtime.tree.everyone()]

    def stats(self) -> SystemStats:
        """Return a snapshot of the system's figures."""
        touched(self._runtime.ports, None)
        runtime = self._runtime
        threads = 1 if runtime.loop_thread is not None else 0
        parked = 0
        if runtime.pool is not None:
            threads += runtime.pool.threads()
            parked = runtime.pool.parked()
        return SystemStats(runtime.tree.living(), runtime.dead_letters, threads, parked)

    def tree(self, *, detail: bool = True) -> Tree:
        """Return all its actors as data: what each is at, waits for, has in its mailbox.

        It asks no actor and waits for nobody: also what is stuck is seen.

        Args:
            detail: whether to look at messages, waits, timers, watches and groups, too; without, 100,000 actors take half a second.
        """
        from actors.snapshots.taking import tree_of  # noqa: PLC0415  # systems that nobody looks at do not load it

        return tree_of(self._runtime, detail=detail)

    # -- ending ------------------------------------------------------------------------------------------------------------

    def on_shutdown(self, phase: ShutdownPhase, hook: Callable[[], object], *, name: str, timeout: float = 5.0) -> None:
        """Call `hook()` in `phase` of the shutdown, on a thread of its own, for at most `timeout` seconds.

        An async hook runs on an event loop of its own there.

        Raises:
            SystemStoppedError: it is too late for a hook of `phase`.
        """
        self._runtime.shutdown.add(phase, hook, name, timeout)

    def request_shutdown(self) -> None:
        """Begin to shut down, and return at once. Also from a handler or a signal handler."""
        self._runtime.check_here()
        self._runtime.request_shutdown()

    def shutdown(self, *, timeout: float | None = None) -> ShutdownReport:
        """End the system in order: hooks, actors in reverse start order, hooks, threads. Idempotent; waits for a shutdown under way.

        Args:
            timeout: seconds that actors have to end before they are killed; None takes the config's.

        Raises:
            BlockingInLoopError: called on the event loop that runs the system's actors; use `shutdown_async`.
            DeadlockError: called in a handler of the system, which would wait for its own end; use `request_shutdown`.
        """
        self._runtime.check_here()
        self._check_outside()
        return self._runtime.shutdown.run(timeout)

    def _check_outside(self) -> None:
        cell = current_cell()
        if cell is not None and cell.system is self._runtime:
            raise DeadlockError((cell.path, "the shutdown of its own system", cell.path), "use request_shutdown(), which does not wait")

    async def shutdown_async(self, *, timeout: float | None = None) -> ShutdownReport:
        """Do what `shutdown` does without blocking the loop. If this is cancelled, what is left is killed, and then it is over."""
        self._runtime.check_here()
        self._check_outside()
        return await self._runtime.shutdown.run_async(timeout)

    def run(self) -> ShutdownReport:
        """Serve until `request_shutdown` or SIGINT or SIGTERM, then shut down in order. A second signal kills what is left.

        Call it in the main thread.
        """
        self._runtime.check_here()
        return run_until_signal(self._runtime)

    async def run_async(self) -> ShutdownReport:
        """Do what `run` does on the running event loop."""
        self._runtime.check_here()
        return await run_until_signal_async(self._runtime)

    def __enter__(self) -> Self:
        self._runtime.check_open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.shutdown()

    async def __aenter__(self) -> Self:
        self._runtime.check_open()
        self._runtime.live_on(asyncio.get_running_loop())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.shutdown_async()


# -- the default system ----------------------------------------------------------------------------------------------------

_default: ActorSystem | None = None
_default_lock = threading.Lock()


_in_place: list[tuple[int, Callable[[], ActorSystem]]] = []  # of the default system: (thread, what makes it); the last one counts


def in_place_of_default(make: Callable[[], ActorSystem]) -> Callable[[], None]:
    """Let what `make()` returns stand for the default system on this thread; return a function that ends that."""
    entry = (threading.get_ident(), make)
    _in_place.append(entry)
    return lambda: _in_place.remove(entry)


def default_system() -> ActorSystem:
    """Return the system of `Actor.start()` outside of any handler. It is made when first asked for, and anew after a shutdown."""
    global _default  # noqa: PLW0603
    for thread, make in reversed(_in_place):
        if thread == threading.get_ident():
            return make()
    with _default_lock:
        if _default is None or _default.state not in (SystemState.RUNNING, SystemState.STOPPING):
            _default = ActorSystem("default")
            _default._runtime.is_default = True
        return _default


def ambient_system() -> ActorSystem:
    """Return the system of the handler that is running here, else the default system."""
    cell = current_cell()
    return cell.system.face if cell is not None else default_system()


def adopt(actor: Actor) -> Cell:
    """Give an actor built by hand a cell in the ambient system."""
    return ambient_system()._runtime.adopt(actor)


def _after_fork() -> None:
    global _default, _default_lock  # noqa: PLW0603
    _default_lock = threading.Lock()
    _default = None


os.register_at_fork(after_in_child=_after_fork)
