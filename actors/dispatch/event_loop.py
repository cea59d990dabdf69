"""The event loop dispatcher: async actors on an asyncio loop.

One task per busy actor drains its mailbox in batches and lingers for the next batch. Other threads wake the loop once for all actors that
got mail meanwhile; a send on the loop's own thread wakes nothing but the task.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import deque
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actors._core import life
from actors._core.cell import Lane
from actors._core.context import Delivery, bind, deliver
from actors._core.lifecycle import Lifecycle
from actors._core.messages import IDLE, STOP, WRAPPED, Control, Entry, Note, Signal
from actors._core.turn import accept, answered, execute, failed
from actors.dispatch.waiting import hosts_actors
from actors.errors import ActorDeadError, ActorError, ActorKilled, AskCancelled, SystemStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors._core.cell import Cell
    from actors.runtime import Runtime

__all__ = ["LoopHost", "LoopThread"]

LINGERING = 1000  # idle tasks a loop keeps for actors that may get mail again soon

logger = logging.getLogger("actors")

_RUNNING = Lifecycle.RUNNING


class Runner:
    """The task of one actor. Everything here happens on the loop's thread."""

    def __init__(self, host: LoopHost, cell: Cell) -> None:
        self.host = host
        self.cell: Cell = cell
        self._idle: asyncio.Future[None] | None = None
        self._due = True
        self._open: set[asyncio.Task[None]] = set()  # messages a reentrant actor is at
        self.task = host.loop.create_task(self._main(), name=f"greenroom:{cell.name}")

    def go(self) -> None:
        """Give the actor a turn."""
        self._due = True
        idle = self._idle
        if idle is not None and not idle.done():
            idle.set_result(None)

    @property
    def idle(self) -> bool:
        """Whether the task only waits for mail."""
        return self._idle is not None and not self._due

    def leave(self) -> None:
        """End the idle task; another is made when there is mail."""
        self._forget()
        self.go()
        self._due = False

    def _forget(self) -> None:
        self.host.runners.pop(self, None)
        rare = self.cell.rare
        if rare is not None and rare.runner is self:
            rare.runner = None

    def cancel(self) -> None:
        """Throw CancelledError into what the actor is at. On the loop's thread."""
        for task in self._open:
            task.cancel()
        if self._idle is None:
            self.task.cancel()

    async def _main(self) -> None:
        bind(self)
        cell = self.cell
        try:
            while self._due:
                self._due = False
                if cell.control and not await adrive(life.attend(cell)):
                    cell.end_turn()
                elif not await self._turn():
                    return
                if self._due:
                    continue
                if cell.state is Lifecycle.STOPPED and not self._open:
                    return
                self._idle = self.host.loop.create_future()
                try:
                    await self._idle
                finally:
                    self._idle = None
        finally:
            self._forget()
            if self._due and cell.state is not Lifecycle.STOPPED:
                self.host.again(cell)

    async def _turn(self) -> bool:  # noqa: C901, PLR0912  # the hot path of async actors, like `turn.run`
        """Hand the actor a batch of messages; return False if the task was cancelled and shall end."""
        cell = self.cell
        queue = cell.queue
        try:
            for _ in self.host.turns:
                if not queue or cell.control or cell.queue is not queue:
                    break
                cell.current = entry = queue.popleft()
                cell.handled += 1
                if cell.options.reentrant:
                    await self._admit(entry)
                    continue
                note = None
                if type(entry) in WRAPPED:
                    accepted = accept(cell, entry)
                    if accepted is None:
                        continue
                    entry, cell.reply, note = accepted
                    if entry is STOP:
                        await self._stop()
                        break
                # A failure's traceback holds this frame: it must not hold the future, which holds the failure.
                accepted = None
                try:
                    value = execute(cell, entry)
                    if type(value) is CoroutineType:
                        value = await value
                except Exception as error:
                    if not failed(cell, cell.current, error):
                        raise
                else:
                    if cell.reply is not None:
                        answered(cell, value)
                if note is not None:
                    note.delivered(cell)
        except asyncio.CancelledError:
            return await self._cancelled()
        except BaseException as error:  # noqa: BLE001  # every kind has its place in the life of an actor
            await adrive(life.crashed(cell, error))
            cell.end_turn()
            return True
        cell.current = IDLE
        if cell.state is not _RUNNING or cell.queue is not queue:
            cell.end_turn()
        elif queue:
            cell.requeue()
        else:
            cell.token.append(cell)
            # Invariant: as in `turn.run`, the token is back before this look.
            if cell.queue or cell.control:
                cell.rouse()
        return True

    async def _stop(self) -> None:
        """Take the marker of a graceful stop, once the messages under way are done with."""
        cell = self.cell
        cell.handled -= 1  # a marker, not a message
        future, cell.reply = cell.reply, None
        if self._open:
            await asyncio.wait(self._open)
        await adrive(life.stop(cell, future))

    async def _cancelled(self) -> bool:
        """Deal with a handler that was cancelled: by a kill, or by somebody's ``task.cancel()``, which ends the handler only."""
        cell = self.cell
        if any(control.signal is Signal.KILL for control in cell.control):
            await adrive(life.crashed(cell, ActorKilled()))
            cell.end_turn()
            return True
        entry, cell.current = cell.current, IDLE
        future = entry[1] if type(entry) is Entry else None
        if future is not None:
            future.try_fail(self._ended_by_cancel(entry[0]))
        # The loop may be cancelling everything because it ends, so this task obeys; mail that is left gets another.
        self._forget()
        cell.end_turn()
        return False

    def _ended_by_cancel(self, message: Any) -> ActorError:
        """Return the error for an ask whose handler was cancelled."""
        cell = self.cell
        if cell.end is None and not any(control.signal is Signal.KILL for control in cell.control):
            return AskCancelled("the handler was cancelled")
        label = cell.label()
        return ActorDeadError(f"{label} was killed while it handled the message", label, message)

    async def _admit(self, entry: Any) -> None:
        """Begin with a message of a reentrant actor, in a task of its own; the next one is admitted when it awaits."""
        cell = self.cell
        cell.current = IDLE
        accepted = accept(cell, entry)
        if accepted is None:
            return
        message, future, note = accepted
        if message is STOP:
            cell.reply = future
            await self._stop()
            return
        task = self.host.loop.create_task(self._one(message, Delivery(entry, future), note))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        await asyncio.sleep(0)

    async def _one(self, message: Any, delivery: Delivery, note: Note | None) -> None:
        deliver(delivery)
        bind(self)
        cell = self.cell
        try:
            value = execute(cell, message)
            if type(value) is CoroutineType:
                value = await value
            if delivery.reply is not None:
                delivery.reply.try_set(value)
            if note is not None:
                note.delivered(cell)
        except asyncio.CancelledError:
            if delivery.reply is not None:
                delivery.reply.try_fail(self._ended_by_cancel(message))
        except Exception as error:  # noqa: BLE001  # told to the asker, or crashes the actor in its own turn
            if not failed(cell, delivery.current, error):
                cell.signal(Control(Signal.CRASH, error=error))
        except BaseException as error:
            cell.signal(Control(Signal.CRASH, error=error))
            raise


async def adrive(steps: Generator[Any, Any, Any]) -> Any:
    """Run the steps of a life event, awaiting async hooks."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            pending = steps.throw(error) if error is not None else steps.send(value)
        except StopIteration as stop:
            return stop.value
        value = error = None
        try:
            value = await pending
        except asyncio.CancelledError:
            error = ActorKilled()
        except BaseException as raised:  # noqa: BLE001  # handed to the life event, which knows what it means
            error = raised


class LoopHost:
    """All async actors of one system on one loop."""

    def __init__(self, system: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self.system = system
        self.loop = loop
        self.turns = range(system.config.turn)
        self.queue: deque[Cell] = deque()
        self.sleepers: list[None] = [None]  # holds the claim to wake the loop while no pump is due
        self.runners: dict[Runner, None] = {}  # in the order they were made
        self.lane = Lane(self)
        self._thread = threading.get_ident()
        self._closed = False
        hosts_actors(here=True)

    def wake(self) -> None:
        """Have the queue looked at: here and now on the loop's own thread, else as soon as the loop gets to it."""
        try:
            self.sleepers.pop()
        except IndexError:
            return
        if threading.get_ident() == self._thread:
            self._pump()
            return
        try:
            self.loop.call_soon_threadsafe(self._pump)
        except RuntimeError:  # the loop is closed
            raise SystemStoppedError(self.system.name) from None

    def _pump(self) -> None:
        """Give every queued actor a turn. Runs no user code: it makes and wakes tasks."""
        queue = self.queue
        while True:
            while queue:
                cell = queue.popleft()
                rare = cell.rare or cell.extras()
                if rare.runner is not None:
                    rare.runner.go()
                else:
                    rare.runner = Runner(self, cell)
                    self.runners[rare.runner] = None
                    if len(self.runners) > LINGERING:
                        self._thin_out()
            self.sleepers.append(None)
            # Invariant: the claim is back before this look; senders append before they look for the claim.
            if not queue:
                return
            try:
                self.sleepers.pop()
            except IndexError:
                return

    def _thin_out(self) -> None:
        """End some of the oldest tasks if they are idle; those that are busy count as young again."""
        for runner in list(itertools.islice(self.runners, 2)):
            if runner.idle:
                runner.leave()
            else:
                self.runners[runner] = self.runners.pop(runner)

    def here(self) -> bool:
        """Tell whether the caller is on the loop's thread."""
        return threading.get_ident() == self._thread

    def again(self, cell: Cell) -> None:
        """Queue a cell whose task ended in the middle."""
        self.queue.append(cell)
        if self.sleepers:
            self.wake()

    def retire(self, cell: Cell) -> None:
        """Nothing to do: the task ends by itself."""

    def cancel(self, cell: Cell) -> None:
        """Cancel what `cell` is at. From any thread."""

        def cancel() -> None:
            runner = cell.rare.runner if cell.rare is not None else None
            if runner is not None and cell.state is not Lifecycle.STOPPED:
                runner.cancel()

        self._call(cancel)

    def _call(self, call: Callable[[], None]) -> None:
        try:
            self.loop.call_soon_threadsafe(call)
        except RuntimeError:
            logger.debug("greenroom: the event loop is closed already")

    async def close(self) -> None:
        """End the idle tasks. On the loop's thread."""
        if self._closed:
            return
        self._closed = True
        idle = [runner for runner in self.runners if runner.idle]
        tasks = [runner.task for runner in idle]
        for runner in idle:
            runner.leave()
        current = asyncio.current_task()
        for task in tasks:
            if task is not current:
                await asyncio.wait([task])
        hosts_actors(here=False)


class LoopThread:
    """A thread with an event loop for a system that was not entered with ``async with``."""

    def __init__(self, system: Runtime) -> None:
        self._system = system
        self._ready = threading.Event()
        self._host: LoopHost | None = None
        self._done: asyncio.Event | None = None
        self.thread = threading.Thread(target=self._main, name="greenroom-loop", daemon=True)

    def start(self) -> LoopHost:
        """Start the thread and return its host."""
        self.thread.start()
        self._ready.wait()
        assert self._host is not None
        return self._host

    def _main(self) -> None:
        factory = self._system.config.loop_factory
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._done = asyncio.Event()
        self._host = LoopHost(self._system, asyncio.get_running_loop())
        self._ready.set()
        await self._done.wait()
        await self._host.close()

    def stop(self, timeout: float) -> None:
        """End the loop and its thread."""
        host, done = self._host, self._done
        if host is not None and done is not None and self.thread.is_alive():
            try:
                host.loop.call_soon_threadsafe(done.set)
            except RuntimeError:
                return
            if self.thread is not threading.current_thread():
                self.thread.join(timeout)
