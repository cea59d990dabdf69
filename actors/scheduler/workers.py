"""The children of the scheduler's actor: those that run functions and coroutines, and the helper that calls callbacks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import traceback
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.bounded import Overflow
from actors._core.events import CallbackFailed
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Bounded, Unbounded
from actors._core.options import DispatcherKind
from actors.errors import ActorDeadError, ActorKilled
from actors.scheduler.context import running
from actors.scheduler.errors import WorkerDiedError
from actors.scheduler.messages import Begin, Call, Cancel, Ended, Save
from actors.scheduler.places import pass_on

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Attempt
    from actors.scheduler.keeper import Keeper

__all__ = ["CALLBACKS_WAITING", "CoroutineRunner", "FunctionWorker", "Helper", "Scribe"]

CALLBACKS_WAITING = 10_000
SAVE_DELAYS = (0.1, 30.0)  # seconds after which the store is tried again when it has failed, at first and at most


class FunctionWorker(Actor, dispatcher=DispatcherKind.THREAD, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Runs one function after the other on a thread of its own.

    A function that is given up cannot be ended: the actor is killed then, and the thread is left behind until the function returns.
    """

    use_daemon_thread = True

    def __init__(self, books: Books) -> None:
        super().__init__()
        self._books = books

    @handler
    def begin(self, message: Begin) -> None:
        """Run the function, unless its attempt was given up before, and then those that wait for a place, as long as there are any."""
        following: Attempt | None = message.attempt
        while following is not None:
            attempt = following
            following = self._run(attempt) if attempt.take() else None
            if attempt.abandoned:
                return
            tell_ended(self._books, attempt, following)

    def _run(self, attempt: Attempt) -> Attempt | None:
        """Run the function of `attempt`; return what gets its place."""
        process = os.getpid()
        returned = False
        try:
            self._call(attempt)
            returned = True
        finally:
            if os.getpid() != process:
                _end_fork(attempt)
            following = pass_on(self._books, attempt, willing=returned and self._may_go_on())
            if attempt.abandoned:
                # Not by tell(): nothing that an abandoned handler sends need arrive.
                self._books.clock.soon(self._books.wake_again)
        return following

    def _may_go_on(self) -> bool:
        """Tell whether nothing waits for this actor, such as its end. In a simulation each run is a step of its own."""
        books, cell = self._books, self._greenroom_cell
        assert books.ref is not None
        return books.ports.dispatcher is None and not cell.queue and not cell.control and books.ref.is_alive()

    def _call(self, attempt: Attempt) -> None:
        assert attempt.call is not None
        try:
            with running(attempt.context):
                attempt.outcome = (_plain(attempt.call(*attempt.given)), None)
        except ActorKilled:
            raise
        except self._books.ports.passing:
            raise
        except BaseException as error:  # noqa: BLE001  # the outcome, whatever it is: the thread is not the function's to end
            attempt.outcome = (None, error)


class CoroutineRunner(Actor, dispatcher=DispatcherKind.EVENT_LOOP, reentrant=True, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Runs any number of coroutines beside each other on the event loop."""

    def __init__(self, books: Books) -> None:
        super().__init__()
        self._books = books

    @handler
    async def begin(self, message: Begin) -> None:
        """Run the coroutine, unless its attempt was given up before. Each message has an asyncio task of its own."""
        attempt = message.attempt
        attempt.task = asyncio.current_task()
        if attempt.take():
            assert attempt.call is not None
            process = os.getpid()
            try:
                with running(attempt.context):
                    attempt.outcome = (await attempt.call(*attempt.given), None)
            except self._books.ports.passing:
                raise
            except asyncio.CancelledError as error:
                attempt.outcome = (None, self._cancelled(attempt, error))
                raise
            except BaseException as error:  # noqa: BLE001  # the outcome, whatever it is: the loop is not the coroutine's to end
                attempt.outcome = (None, error)
            finally:
                if os.getpid() != process:
                    _end_fork(attempt)
                attempt.task = None
                tell_ended(self._books, attempt)
        else:
            tell_ended(self._books, attempt)

    @staticmethod
    def _cancelled(attempt: Attempt, error: asyncio.CancelledError) -> BaseException:
        """Return the outcome of a coroutine that was cancelled: by itself, or from outside, as when this actor is killed."""
        task = asyncio.current_task()
        if task is None or not task.cancelling() or attempt.context.cancelled:
            return error
        died = WorkerDiedError(attempt.execution.task.name)
        died.__cause__ = error
        return died

    @handler
    async def cancel(self, message: Cancel) -> None:
        """Cancel a coroutine, unless it has returned."""
        task = message.attempt.task
        if task is not None:  # both run on the loop: nothing comes between this look and the next line
            task.cancel()


class Scribe(Actor, dispatcher=DispatcherKind.THREAD, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Writes into the store what waits for that: all of it in one transaction, and again if that fails."""

    use_daemon_thread = True

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = keeper
        self._delay = SAVE_DELAYS[0]

    @handler
    def save(self, _: Save) -> None:
        """Write, or try it again later."""
        if self._keeper.save():
            self._delay = SAVE_DELAYS[0]
            self.cancel_timer("again")
        else:
            self.start_timer("again", self._delay, Save())
            self._delay = min(SAVE_DELAYS[1], self._delay * 2)


class Helper(Actor, isolation=Isolation.SHARE, mailbox=Bounded(CALLBACKS_WAITING, Overflow.REJECT)):
    """Calls callbacks of users, one after the other."""

    @handler
    def call(self, message: Call) -> None:
        """Call one; publish what it raises."""
        try:
            message.function(message.run)
        except Exception as error:  # noqa: BLE001  # told to the system: the runs have nothing to do with it
            self.system.events.publish(CallbackFailed(error, message.function))


def _plain(value: Any) -> Any:
    """Return what a function has returned, unless that is a coroutine: nobody would await it.

    Raises:
        TypeError: it is one.
    """
    if type(value) is not CoroutineType:
        return value
    name = value.__qualname__
    value.close()
    msg = f"the function returned a coroutine of {name!r}, which nobody would await: hand in the coroutine function, or kind=Kind.COROUTINE"
    raise TypeError(msg)


def tell_ended(books: Books, attempt: Attempt, following: Attempt | None = None) -> None:
    """Tell the scheduler's actor of an outcome; if it has just ended, it finds the outcome at the attempt."""
    assert books.ref is not None
    with contextlib.suppress(ActorDeadError):
        books.ref.tell(Ended(attempt, following))


def _end_fork(attempt: Attempt) -> Any:
    """End a process that the function forked and that has come back from it: the outcome is the parent's to tell, and told once."""
    error = attempt.outcome[1] if attempt.outcome is not None else sys.exception()
    name = attempt.execution.task.name
    if error is not None:
        traceback.print_exception(error)
    sys.stderr.write(f"greenroom: a process that was forked in the task {name!r} has come back from its function; it ends here\n")
    sys.stderr.flush()
    os._exit(1)
