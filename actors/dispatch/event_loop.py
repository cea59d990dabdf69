"""The event loop dispatcher: async actors on an asyncio loop.

One task per busy actor drains its mailbox in batches and lingers for the next batch. Other threads wake the loop once for all actors that
got mail meanwhile; a send on the loop's own thread wakes nothing but the task.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from actors._core import ending
from actors._core.cell import Lane
from actors._core.lifecycle import Lifecycle
from actors.dispatch.runner import Runner, cancel_open, give_up_open
from actors.dispatch.waiting import hosts_actors
from actors.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.messages import Entry
    from actors.runtime import Runtime

__all__ = ["LoopHost", "LoopThread"]

LINGERING = 1000  # idle tasks a loop keeps for actors that may get mail again soon

NESTED = 8  # asks begun early on one stack at most
EARLY = 32  # asks begun early in a row at most

logger = logging.getLogger("actors")

_RUNNING = Lifecycle.RUNNING


class LoopHost:
    """All async actors of one system on one loop."""

    def __init__(self, system: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self.system = system
        self.loop = loop
        self.thread = threading.get_ident()  # that of the loop
        self.turns = range(system.config.turn)
        self.queue: deque[Cell] = deque()
        self.sleepers: list[None] = [None]  # holds the claim to wake the loop while no pump is due
        self.runners: dict[Runner, None] = {}  # in the order they were made
        self.lane = Lane(self)
        self._closed = False
        self._nested = 0  # asks begun early, each on the stack of the one before
        self._early = 0  # asks begun early since the last that was refused for the sake of others
        hosts_actors(loop, here=True)

    def wake(self) -> None:
        """Have the queue looked at: here and now on the loop's own thread, else as soon as the loop gets to it."""
        try:
            self.sleepers.pop()
        except IndexError:
            return
        if self.here():
            self._pump()
            return
        try:
            self.loop.call_soon_threadsafe(self._pump)
        except RuntimeError:  # the loop is closed
            self.lost()

    def check_turns(self) -> None:
        """End the actors of a loop that was closed in the middle of their turns, or with a wake-up under way."""
        if self.loop.is_closed():
            self.lost()

    def lost(self) -> None:
        """End the actors of a loop that was closed under them. From any thread: no turn of theirs will come any more."""
        for cell in reversed(self.system.tree.everyone()):
            if cell.lane.host is self and cell.state is not Lifecycle.STOPPED:
                ending.give_up(cell)

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
            self.sleepers.append(None)
            # Invariant: the claim is back before this look; senders append before they look for the claim.
            if not queue:
                return
            try:
                self.sleepers.pop()
            except IndexError:
                return

    def begin_now(self, cell: Cell, entry: Entry) -> bool:
        """Begin with an ask of an idle actor on the stack of the asker; False if it has to go through the mailbox.

        Every so often it is refused, so that a coroutine that asks and asks lets the loop look at others.
        """
        runner = cell.rare.runner if cell.rare is not None else None
        if runner is None or not runner.idle or asyncio._get_running_loop() is not self.loop or self._nested >= NESTED:
            return False
        if (
            type(cell.inbox) is not deque  # bounded, traced, isolated: all that stands before the handler is to be gone through
            or cell.queue
            or cell.control
            or entry[2] is not None
            or cell.state is not _RUNNING
            or cell.options.reentrant
        ):
            return False
        if sys.exc_info()[1] is not None:
            return False  # the asker is dealing with an exception: what the handler raises has nothing to do with it
        self._early += 1
        if self._early >= EARLY:
            self._early = 0
            return False
        asker = asyncio.current_task()
        try:
            cell.token.pop()
        except IndexError:
            return False
        self._nested += 1
        try:
            runner.begin(entry, asker)
        finally:
            self._nested -= 1
        return True

    def went_idle(self) -> None:
        """Keep the idle tasks few: end some of the oldest if they are idle; those that are busy count as young again."""
        if len(self.runners) <= LINGERING:
            return
        for runner in list(itertools.islice(self.runners, 2)):
            if runner.idle:
                runner.leave()
            else:
                self.runners[runner] = self.runners.pop(runner)

    def here(self) -> bool:
        """Tell whether the loop is running the caller."""
        return asyncio._get_running_loop() is self.loop

    def again(self, cell: Cell) -> None:
        """Queue a cell whose task ended in the middle."""
        self.queue.append(cell)
        if self.sleepers:
            self.wake()

    def retire(self, cell: Cell) -> None:
        """Nothing to do: the task ends by itself."""

    def renew(self, cell: Cell) -> None:
        """Cancel what the old instance of a reentrant actor is still at. On the loop's thread, in the actor's turn."""
        give_up_open(cell)

    def cancel(self, cell: Cell) -> None:
        """Cancel what `cell` is at. From any thread."""

        def cancel() -> None:
            cancel_open(cell)
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
        hosts_actors(self.loop, here=False)


class LoopThread:
    """A thread with an event loop for a system that was not entered with ``async with``."""

    def __init__(self, system: Runtime) -> None:
        self._system = system
        self._ready = threading.Event()
        self._host: LoopHost | None = None
        self._done: asyncio.Event | None = None
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._main, name="greenroom-loop", daemon=True)

    def start(self) -> LoopHost:
        """Start the thread and return its host; raise what kept the loop from being made."""
        self.thread.start()
        self._ready.wait()
        if self._host is None:
            self.thread.join()
            raise self._error or InternalError("the event loop did not start")
        return self._host

    def _main(self) -> None:
        factory = self._system.config.loop_factory
        try:
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._host is not None:
                raise
            self._error = error  # for `start`, whose caller asked for the loop
        finally:
            self._ready.set()

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
