"""What everything is at, at one moment: for a system that does not get on."""

from __future__ import annotations

import threading
from asyncio import current_task
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

from actors._core.lifecycle import Lifecycle
from actors._core.messages import ENDING, PROBE, Control
from actors.dispatch.event_loop import LoopHost
from actors.dispatch.stacks import frames_now
from actors.dispatch.thread import ThreadHost
from actors.observe.dump_text import dump_text
from actors.observe.stacks import Frame, Stacks, places_of
from actors.observe.waits import WaitGraph, graph_of
from actors.process import all_runtimes
from actors.runtime import SystemState
from actors.snapshots.taking import Taking, copied
from actors.system import ActorSystem

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.runtime import Runtime
    from actors.snapshots.records import ActorInfo
    from actors.snapshots.waits import Wait

__all__ = ["ActorDump", "Dump", "Position", "SystemDump", "ThreadDump", "dump"]

TRIES = 3  # looks at a stack that changes


class Position(Enum):
    """What an actor is doing."""

    IDLE = "idle"
    QUEUED = "queued"
    """It has mail, and no turn yet."""
    RUNNING = "running"
    PARKED = "parked"
    """Its handler waits, or its hook does, for something that the framework knows of."""
    AWAITING = "awaiting"
    """Its coroutine awaits something."""
    ENDING = "ending"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class ActorDump:
    """One actor.

    Attributes:
        info: what is known of it.
        position: what it is doing.
        stack: where its handler is, innermost last; empty of one that is at nothing. Of a reentrant actor that of its oldest handler.
    """

    info: ActorInfo
    position: Position
    stack: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class ThreadDump:
    """One thread of the process.

    Attributes:
        name: its name.
        actor: the path of the actor whose turn it runs; None if it runs none.
        stack: where it is, innermost last.
    """

    name: str
    actor: str | None
    stack: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class SystemDump:
    """One system.

    Attributes:
        name: its name.
        state: where it is in its life.
        actors: its actors, each before its children.
        threads: those that run its actors.
    """

    name: str
    state: SystemState
    actors: tuple[ActorDump, ...]
    threads: tuple[ThreadDump, ...]


@dataclass(frozen=True, slots=True)
class Dump:
    """What everything is at.

    Attributes:
        time: the time of the day, in seconds since the epoch of Unix.
        systems: those looked at.
        waits: who waits for whom.
        threads: the threads of the process that run no actors of these systems.
    """

    time: float
    systems: tuple[SystemDump, ...]
    waits: WaitGraph
    threads: tuple[ThreadDump, ...]

    def text(self) -> str:
        """Return it for people. Idle actors are counted; those of one class at the same place stand together."""
        return dump_text(self)

    def actor(self, path: str) -> ActorDump:
        """Return the actor at `path`; of several systems the first that has one there.

        Raises:
            KeyError: there is none.
        """
        for system in self.systems:
            for one in system.actors:
                if one.info.path == path:
                    return one
        raise KeyError(path)


def dump(target: ActorSystem | None = None, *, stacks: bool = True, file: TextIO | None = None) -> Dump:
    """Look at all actors of a system: what each is at, where in its code, and who waits for whom.

    It takes no lock that anybody holds for long, asks no actor, and runs no code of users'.

    Args:
        target: the system; None: all running ones of the process.
        stacks: whether to read stacks.
        file: where to write the text as well.

    Raises:
        TypeError: `target` is no system.
    """
    if target is not None and not isinstance(target, ActorSystem):
        msg = f"target={target!r} is not valid: an ActorSystem, or None for all of them"
        raise TypeError(msg)
    living = (SystemState.RUNNING, SystemState.STOPPING)
    runtimes = [target._runtime] if target is not None else [one for one in all_runtimes() if one.state in living]
    frames = _Threads(runtimes) if stacks else None
    waits: dict[Cell, tuple[Wait, ...]] = {}
    systems = tuple(_system(runtime, frames, waits) for runtime in runtimes)
    wall = min((runtime.ports.clock.wall() for runtime in runtimes), default=0.0)
    made = Dump(wall, systems, graph_of(waits), frames.others() if frames is not None else ())
    if file is not None:
        file.write(made.text())
        file.flush()
    return made


class _Threads:
    """The stacks of all threads; each is told of once."""

    def __init__(self, runtimes: list[Runtime]) -> None:
        self.stacks = Stacks()
        before = _at_work(runtimes)
        places = {ident: places_of(frame) for ident, frame in frames_now().items()}
        # Invariant: a stack is that of an actor if its thread was at the same message of that actor before it was read and after that.
        self._at = {ident: at[0] for ident, at in _at_work(runtimes).items() if before.get(ident) == at}
        self._threads = {one.ident: one for one in threading.enumerate()}
        self._places = places

    def told(self, thread: threading.Thread, actor: str | None) -> ThreadDump:
        """Return the record of one thread."""
        self._threads.pop(thread.ident, None)
        return ThreadDump(thread.name, actor, self._whole(thread.ident))

    def handlers_own(self, ident: int | None, of: object) -> tuple[Frame, ...]:
        """Return the stack of the handler that a thread runs, if that is `of`: a cell, or a task of its loop."""
        return self.stacks.of_places(self._places.get(ident or 0, [])) if self._at.get(ident or 0) is of else ()

    def of_its_own(self, thread: threading.Thread) -> tuple[Frame, ...]:
        """Return the stack of the handler of the one actor of a thread."""
        return self.stacks.of_places(self._places.get(thread.ident or 0, []))

    def _whole(self, ident: int | None) -> tuple[Frame, ...]:
        return self.stacks.of_places(self._places.get(ident or 0, []), whole=True)

    def others(self) -> tuple[ThreadDump, ...]:
        """Return those that nobody has asked for."""
        return tuple(ThreadDump(one.name, None, self._whole(ident)) for ident, one in self._threads.items())


def _at_work(runtimes: list[Runtime]) -> dict[int, tuple[object, int]]:
    """Return what the threads that run turns are at, by ident: a cell or a task of a loop, and how many messages that has been given."""
    found: dict[int, tuple[object, int]] = {}
    for runtime in runtimes:
        for worker in _workers(runtime):
            cell = worker.cell
            if cell is not None:
                found[worker.thread.ident or 0] = (cell, cell.handled)
        host = runtime.loop_host
        task = current_task(host.loop) if host is not None else None
        if host is not None and task is not None:
            found[host.thread] = (task, 0)
    return found


def _system(runtime: Runtime, frames: _Threads | None, waits: dict[Cell, tuple[Wait, ...]]) -> SystemDump:
    workers = _workers(runtime)
    running = {cell: worker.thread for worker in workers if (cell := worker.cell) is not None}
    host = runtime.loop_host
    task = current_task(host.loop) if host is not None else None
    taking = Taking(runtime, detail=True)
    taking.take()
    waits.update((cell, taking.waits[cell]) for cell in taking.cells if cell in taking.waits)
    actors: list[ActorDump] = []
    hosts: list[tuple[threading.Thread, str]] = []
    for cell, info in zip(taking.cells, taking.infos, strict=True):
        if type(cell.lane.host) is ThreadHost:
            running[cell] = cell.lane.host.thread
            hosts.append((cell.lane.host.thread, info.path))
        position = _position(cell, info, running, task)
        stack: tuple[Frame, ...] = ()
        if frames is not None and position not in (Position.IDLE, Position.QUEUED, Position.SUSPENDED):
            stack = _stack(cell, position, running, frames)
        actors.append(ActorDump(info, position, stack))
    told: list[ThreadDump] = []
    if frames is not None:
        at = {worker.thread: cell.path for worker in workers if (cell := worker.cell) is not None}
        told = [frames.told(worker.thread, at.get(worker.thread)) for worker in workers]
        told += [frames.told(thread, path) for thread, path in hosts]
        if runtime.loop_thread is not None:
            told.append(frames.told(runtime.loop_thread.thread, None))
    return SystemDump(runtime.name, runtime.state, tuple(actors), tuple(told))


def _workers(runtime: Runtime) -> list[Any]:
    pool = runtime.pool
    return [] if pool is None else [*copied(lambda: pool.workers), *copied(lambda: pool.blocking._workers)]


def _position(cell: Cell, info: ActorInfo, running: dict[Cell, threading.Thread], task: Any) -> Position:
    current, rare = cell.current, cell.rare
    at_work = not isinstance(current, Control) or (cell.reentrant and rare is not None and bool(rare.open))
    if cell.wait is not None:
        return Position.AWAITING if type(cell.lane.host) is LoopHost else Position.PARKED
    if cell.state in (Lifecycle.STOPPING, Lifecycle.RESTARTING, Lifecycle.STOPPED) or current is ENDING:
        return Position.ENDING
    if at_work and type(cell.lane.host) is LoopHost:
        runner = rare.runner if rare is not None else None
        return Position.RUNNING if runner is not None and runner.task is task else Position.AWAITING
    if at_work or (cell in running and type(cell.lane.host) is not ThreadHost):
        return Position.RUNNING
    if info.suspended:
        return Position.SUSPENDED
    return Position.QUEUED if info.mailbox.waiting or any(one is not PROBE for one in cell.control) else Position.IDLE


def _stack(cell: Cell, position: Position, running: dict[Cell, threading.Thread], frames: _Threads) -> tuple[Frame, ...]:
    stacks = frames.stacks
    for _ in range(TRIES):
        parker: Any = cell.wait
        strand = getattr(parker, "_strand", None)
        if strand is None:
            break
        places = places_of(strand.gr_frame)
        if cell.wait is parker:  # it has not gone on meanwhile
            return stacks.of_places(places)
    host, thread = cell.lane.host, running.get(cell)
    if type(host) is ThreadHost:
        return frames.of_its_own(host.thread)
    if thread is not None:
        return frames.handlers_own(thread.ident, cell)
    if position is Position.RUNNING and type(host) is LoopHost:
        return frames.handlers_own(host.thread, cell.rare.runner.task if cell.rare is not None and cell.rare.runner is not None else None)
    return _awaiting(cell, stacks)


def _awaiting(cell: Cell, stacks: Stacks) -> tuple[Frame, ...]:
    """Return where the coroutine of an async actor awaits."""
    rare = cell.rare
    if rare is None:
        return ()
    for task in copied(lambda: rare.open):
        return stacks.of_coroutine(task.get_coro())
    runner = rare.runner
    if runner is None:
        return ()
    begun = runner._begun
    return stacks.of_coroutine(begun[0] if begun is not None else runner.task.get_coro())
