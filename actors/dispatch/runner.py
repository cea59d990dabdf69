"""The task that runs one async actor.

It drains the mailbox in batches and lingers for the next batch. An ask that a coroutine on the same loop makes of an idle actor is begun at
once, inside of that coroutine's step but as this task: so an answer that needs no waiting needs no trip through the loop. A handler that
does wait is carried on by the task as usual.
"""

from __future__ import annotations

import asyncio
import contextvars
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any

from actors._core import life
from actors._core.cell import NOTHING_OPEN
from actors._core.context import Delivery, bind, deliver, handling
from actors._core.high_water import look
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import IDLE, STOP, WRAPPED, Control, Entry, Note, Signal
from actors._core.reply import close_handles
from actors._core.supervision import give_back
from actors._core.turn import accept, answered, execute, failed
from actors.errors import ActorDeadError, ActorError, ActorKilled, ActorRestarting, AskCancelled

if TYPE_CHECKING:
    from collections.abc import Generator

    from actors._core.cell import Cell
    from actors.dispatch.event_loop import LoopHost

__all__ = ["Runner"]

_RUNNING = Lifecycle.RUNNING


class Runner:
    """The task of one actor. Everything here happens on the loop's thread."""

    def __init__(self, host: LoopHost, cell: Cell) -> None:
        self.host = host
        self.cell: Cell = cell
        self._idle: asyncio.Future[None] | None = None
        self._due = True
        self._running = False  # a task that is cancelled before its first step would never take its turn
        if cell.reentrant and cell.extras().open is NOTHING_OPEN:
            cell.extras().open = {}
        self._open = cell.extras().open  # the cell's: a runner may go before the messages are over
        # An ask begun early: (handler, what it waits for), or (None, the exception that came out of it).
        self._begun: tuple[Any, Any] | None = None
        self._begun_cancelled = False
        self._context = contextvars.Context()  # the actor's own, as on the pool; not that of whoever happened to send first
        self.task = host.loop.create_task(self._main(), name=f"greenroom:{cell.name}", context=self._context)
        self.task.add_done_callback(self._unrun)

    def _unrun(self, _: object) -> None:
        """Let another task have the turn of one that was cancelled before its first step."""
        if not self._running:
            self._forget()
            if self.cell.state is not Lifecycle.STOPPED:
                self.host.again(self.cell)

    def go(self) -> None:
        """Give the actor a turn."""
        self._due = True
        idle = self._idle
        if idle is not None and not idle.done():
            idle.set_result(None)

    @property
    def idle(self) -> bool:
        """Whether the task only waits for mail."""
        idle = self._idle
        return idle is not None and not idle.done() and not self._due and self._begun is None and not self._open

    def here(self) -> bool:
        """Tell whether the calling code runs in the actor's own task, not in one that a handler made."""
        return asyncio._get_running_loop() is self.host.loop and asyncio.current_task() is self.task

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
        """Throw CancelledError into what the actor is at, also into a handler begun early. On the loop's thread."""
        if self._begun is not None:
            self._begun_cancelled = True
        elif self._idle is None and self._running:
            self.task.cancel()

    def begin(self, entry: Entry, asker: asyncio.Task[Any] | None) -> None:
        """Begin with the ask `entry` at once, on the stack of `asker`. The caller has taken the token of the cell, which is idle."""
        cell, loop = self.cell, self.host.loop
        cell.current = entry
        cell.handled += 1
        cell.reply = entry[1]
        if asker is not None:
            asyncio._leave_task(loop, asker)
        asyncio._enter_task(loop, self.task)
        try:
            done = self._context.run(self._first_step, entry[0])
        finally:
            asyncio._leave_task(loop, self.task)
            if asker is not None:
                asyncio._enter_task(loop, asker)
        if not done:
            self.go()
            return
        cell.current = IDLE
        cell.token.append(cell)
        if cell.queue or cell.control:
            cell.rouse()

    def _first_step(self, message: Any) -> bool:
        """Run the handler up to its first wait; tell whether it is done."""
        cell = self.cell
        handling(cell.current)
        try:
            value = execute(cell, message)
            if type(value) is CoroutineType:
                try:
                    waiting_for = value.send(None)
                    _mark_awaited(waiting_for, awaited=False)  # others may await it before the task does
                    self._begun = (value, waiting_for)
                except StopIteration as stop:
                    value = stop.value
                else:
                    return False
            handling(None)  # as in `_main`
        except BaseException as error:  # noqa: BLE001  # raised again in the task, where every kind has its place
            self._begun = (None, error)
            return False
        answered(cell, value)
        return True

    async def _main(self) -> None:  # noqa: C901  # one loop, read from top to bottom
        bind(self)
        self._running = True
        cell = self.cell
        try:
            while self._due:
                self._due = False
                if self._begun is not None:
                    if not await self._turn():
                        return
                elif cell.control and not await adrive(life.attend(cell)):
                    cell.end_turn()
                elif not await self._turn():
                    return
                if self._due:
                    await asyncio.sleep(0)  # an actor that is never without mail leaves the loop to others, too
                    continue
                if cell.state is Lifecycle.STOPPED:
                    give_up_open(cell)  # a graceful stop has waited for them
                    return
                handling(None)  # an idle actor keeps no message alive
                self._idle = self.host.loop.create_future()
                self.host.went_idle()
                try:
                    await self._idle
                except asyncio.CancelledError:
                    if self._begun is None:
                        raise
                    self._begun_cancelled = self._due = True  # it was meant for the handler
                finally:
                    self._idle = None
        finally:
            self._forget()
            if self._due and cell.state is not Lifecycle.STOPPED:
                self.host.again(cell)

    async def _turn(self) -> bool:  # noqa: C901, PLR0912, PLR0915  # the hot path of async actors, like `turn.run`
        """Hand the actor a batch of messages; return False if the task was cancelled and shall end."""
        cell = self.cell
        queue = cell.queue
        note = None
        try:
            if self._begun is not None:
                await self._finish()
            for _ in self.host.turns:
                if not queue or cell.control or cell.queue is not queue:
                    break
                cell.current = entry = queue.popleft()
                cell.handled += 1
                if cell.options.reentrant:
                    await self._admit(entry)
                    continue
                handling(entry)
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
            return await self._cancelled(note)
        except BaseException as error:  # every kind has its place in the life of an actor
            if isinstance(error, cell.system.ports.passing):
                cell.current = IDLE
                cell.end_turn()
                raise
            await adrive(life.crashed(cell, error))
            cell.end_turn()
            return True
        cell.current = IDLE
        if cell.state is not _RUNNING or cell.queue is not queue:
            cell.end_turn()
        elif queue:
            look(cell)
            cell.requeue()
        else:
            if cell.rare is not None and cell.rare.crowded:
                look(cell)
            cell.token.append(cell)
            # Invariant: as in `turn.run`, the token is back before this look.
            if cell.queue or cell.control:
                cell.rouse()
        return True

    async def _finish(self) -> None:
        """Carry on with an ask that was begun early."""
        cell = self.cell
        assert self._begun is not None
        (handler, waiting_for), self._begun = self._begun, None
        cancelled, self._begun_cancelled = self._begun_cancelled, False
        try:
            if handler is None:
                raise waiting_for  # noqa: TRY301  # came out of the first step, and belongs here
            value = await _carry_on(handler, waiting_for, cancelled=cancelled)
        except Exception as error:
            if not failed(cell, cell.current, error):
                raise
        else:
            answered(cell, value)

    async def _stop(self) -> None:
        """Take the marker of a graceful stop."""
        cell = self.cell
        cell.handled -= 1  # a marker, not a message
        future, cell.reply = cell.reply, None
        await adrive(life.stop(cell, future, under_way=self._open_done if self._open else None))

    async def _open_done(self) -> None:
        """Wait for the messages under way."""
        try:
            await asyncio.wait(self._open)
        except asyncio.CancelledError:  # whoever cancels the actor's task wants no waiting; the stop must not be lost
            cancel_open(self.cell)
            if _killed(self.cell):
                raise

    async def _cancelled(self, note: Note | None) -> bool:
        """Deal with a handler that was cancelled: by a kill, or by somebody's ``task.cancel()``, which ends the handler only."""
        cell = self.cell
        if _killed(cell):
            await adrive(life.crashed(cell, ActorKilled()))
            cell.end_turn()
            return True
        entry, cell.current, cell.reply = cell.current, IDLE, None
        future = entry[1] if type(entry) is Entry else None
        if future is not None:
            close_handles(cell, future)
            future.try_fail(_ended_by_cancel(cell, Delivery(entry, future, cell.incarnation)))
        if note is not None:
            note.delivered(cell)
        # The loop may be cancelling everything because it ends, so this task obeys; mail that is left gets another.
        self._forget()
        cell.end_turn()
        return False

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
        delivery = Delivery(entry, future, cell.incarnation)
        task = self.host.loop.create_task(self._one(message, delivery, note))
        self._open[task] = delivery
        task.add_done_callback(lambda done: self._over(done, delivery, note))
        await asyncio.sleep(0)

    def _over(self, task: asyncio.Task[None], delivery: Delivery, note: Note | None) -> None:
        """Take a message off those under way."""
        self._open.pop(task)
        if not delivery.begun:
            self._outlives(None, delivery, asyncio.CancelledError())
            if note is not None:
                deliver(delivery)  # in this callback's own context
                note.delivered(self.cell)

    async def _one(self, message: Any, delivery: Delivery, note: Note | None) -> None:
        delivery.begun = True
        bind(self)
        deliver(delivery)
        cell = self.cell
        try:
            value = execute(cell, message)
            if type(value) is CoroutineType:
                value = await value
            if delivery.reply is not None:
                delivery.reply.try_set(value)
        except BaseException as error:  # a task that let it through would take the loop with it
            if isinstance(error, cell.system.ports.passing):
                raise
            # A crash of the present instance is told by its end. That of a former one is nobody's, and its message is over with it.
            if not self._outlives(message, delivery, error) and delivery.incarnation == cell.incarnation:
                return
        if note is not None:
            note.delivered(cell)

    def _outlives(self, message: Any, delivery: Delivery, error: BaseException) -> bool:
        """Tell the asker of a failed handler and return True; or have the actor crash in its own turn, if that instance is still there."""
        cell = self.cell
        if isinstance(error, asyncio.CancelledError):
            future = delivery.current[1] if type(delivery.current) is Entry else None
            if future is not None:
                close_handles(cell, future)
                future.try_fail(_ended_by_cancel(cell, delivery))
            return True
        if isinstance(error, Exception):
            if failed(cell, delivery.current, error):
                return True
            if cell.guard is not None and cell.state is _RUNNING and delivery.incarnation == cell.incarnation:
                give_back(cell, delivery.current, error)
        elif delivery.reply is not None:
            delivery.reply.try_fail(life.unwound(cell, message, error))
        cell.signal(Control(Signal.CRASH, error=error, call=lambda: cell.incarnation == delivery.incarnation))
        return False


def cancel_open(cell: Cell) -> None:
    """Cancel the messages that a reentrant actor is at."""
    for task in tuple(cell.extras().open):
        task.cancel()


def give_up_open(cell: Cell) -> None:
    """Cancel them for an instance that is no more, and fail their asks: what they may still return is nobody's answer."""
    for task, delivery in tuple(cell.extras().open.items()):
        if delivery.reply is not None:
            delivery.reply.try_fail(_ended_by_cancel(cell, delivery))
        task.cancel()


def _killed(cell: Cell) -> bool:
    """Tell whether a kill waits to be taken."""
    return any(control.signal is Signal.KILL for control in cell.control)


def _ended_by_cancel(cell: Cell, delivery: Delivery) -> ActorError:
    """Return the error for an ask whose handler was cancelled."""
    if cell.end is None and delivery.incarnation != cell.incarnation:
        return ActorRestarting(cell.label())
    if cell.end is None and not _killed(cell):
        return AskCancelled("the handler was cancelled")
    label = cell.label()
    how = "was killed" if cell.end is None or cell.end[0] is DownReason.KILLED else "ended"
    return ActorDeadError(f"{label} {how} while it handled the message", label, delivery.current[0])


async def adrive(steps: Generator[Any, Any, Any]) -> Any:
    """Run the steps of a life event, awaiting async hooks."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            pending = steps.throw(error) if error is not None else steps.send(value)
        except StopIteration as stop:
            return stop.value
        finally:
            value = error = None  # a failure has this frame in its traceback: as long as the frame has the failure, neither is freed
        try:
            value = await pending
        except asyncio.CancelledError:
            error = ActorKilled()
        except BaseException as raised:  # noqa: BLE001  # handed to the life event, which knows what it means
            error = raised


def _mark_awaited(future: Any, *, awaited: bool) -> None:
    """Set the mark by which a task tells a future that was awaited from one that was merely yielded."""
    if getattr(future, "_asyncio_future_blocking", None) is not None:
        future._asyncio_future_blocking = awaited


@coroutine
def _carry_on(handler: Any, waiting_for: Any, *, cancelled: bool) -> Generator[Any, Any, Any]:
    """Drive a handler from its first wait on, handing each wait to the task that awaits this."""
    _mark_awaited(waiting_for, awaited=True)
    while True:
        cancel = getattr(waiting_for, "cancel", None)
        step: Any
        argument: Any
        if cancelled and not (cancel is not None and cancel()):
            step, argument = handler.throw, asyncio.CancelledError()
            cancelled = False
        else:
            cancelled = False  # if it was, the cancellation comes out of what was waited for, as with any task
            try:
                step, argument = handler.send, (yield waiting_for)
            except BaseException as error:  # noqa: BLE001  # for the handler to see
                step, argument = handler.throw, error
        try:
            waiting_for = step(argument)
        except StopIteration as stop:
            return stop.value
