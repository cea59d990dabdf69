"""Where the instance of a `ProcessWorker` lives: in a process, or in a simulation in the program itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from actors._core import ending
from actors._core.future import Future
from actors._core.messages import Control, Signal
from actors.routers.workers import resident
from actors.scheduler.context import RunInfo
from actors.scheduler.errors import WorkerDiedError
from actors.scheduler.processes import ProcessSlot, UnsendableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.actor import Actor
    from actors._core.reply import CancelToken

__all__ = ["InProgram", "Makes", "Process"]

Makes = tuple["type[Actor]", tuple[Any, ...], dict[str, Any], str]
"""What an instance is made of: its class, the arguments, and the path of its actor."""


class Process:
    """A process with one instance in it. Used by one actor, in its turn, but for what is said otherwise.

    Args:
        actor: whose instance it is. It crashes when the process dies, and the process ends when it does.
        makes: what the instance is made of.
    """

    def __init__(self, actor: Actor, makes: Makes) -> None:
        self._actor = actor
        self._cell = actor._greenroom_cell
        self._makes = makes
        self._slot = ProcessSlot(f"worker {self._cell.path}", died=self._died)
        self._number = 0  # of calls
        self._quits = False  # what it called has tried to end the program

    @property
    def dead(self) -> bool:
        """Whether the process has died."""
        return self._quits or self._slot.dead

    def open(self) -> None:
        """Start the process, and make the instance."""
        # However the actor ends. A kill runs no hook, and ends the process here while it is at something.
        ending.when_ended(self._cell)._listen(lambda _: self._slot.close())
        self._call(resident.move_in, *self._makes)

    def tell(self, message: Any, deadline: float | None) -> None:
        """Have `message` handled, which nobody waits for."""
        self._hand_over(resident.tell, message, deadline)

    def ask(self, message: Any, deadline: float | None, _future: Future[Any], token: CancelToken) -> Any:
        """Have `message` handled; return the answer."""
        return self._hand_over(resident.ask, message, deadline, token)

    def stop(self) -> None:
        """Run the hook of an instance that is stopped."""
        self._call(resident.move_out)

    def fail(self) -> None:
        """Run the hook of an instance that has crashed."""
        self._call(resident.fail)

    def _hand_over(self, function: Callable[..., Any], message: Any, deadline: float | None, token: CancelToken | None = None) -> Any:
        """Do as `_call` with a message.

        Raises:
            UnsendableError: it cannot be pickled.
        """
        try:
            return self._call(function, message, deadline=deadline, token=token)
        except UnsendableError as error:
            why = error.__cause__
            msg = f"the message cannot be sent to a process: pass plain data, and open files, connections and locks there ({why!r})"
            raise UnsendableError(msg) from why

    def _call(self, function: Callable[..., Any], *args: Any, deadline: float | None = None, token: CancelToken | None = None) -> Any:
        """Return what ``function(*args)`` returns in the process; raise what it raises there.

        Raises:
            WorkerDiedError: the process has died, or the function has tried to end it; `dead` is True then.
        """
        clock = self._cell.system.ports.clock
        self._number += 1
        path = self._cell.path
        info = RunInfo(f"{path}-{self._number}", path, self._number, 1, datetime.fromtimestamp(clock.wall(), UTC), deadline)
        outcome: Future[tuple[Any, BaseException | None]] = Future()
        self._slot.run(function, args, info, ended=lambda value, error: outcome.try_set((value, error)), progress=_ignore)
        if token is not None:  # behind the call, so that there is something to cancel
            token.add_callback(self._slot.cancel)
        value, error = outcome.get()
        if error is None:
            return value
        if not isinstance(error, Exception):
            self._quits = True
            text = f"{type(error).__name__}({', '.join(map(repr, error.args))})"
            raise WorkerDiedError(path, None, f"its code raised {text}, which ends a program") from error
        raise error

    def _died(self, error: WorkerDiedError) -> None:
        """Crash the actor, which is at nothing. On the slot's thread."""
        cell, actor = self._cell, self._actor
        told = WorkerDiedError(cell.path, error.code, error.why or "it was at nothing")
        cell.signal(Control(Signal.CRASH, told, call=lambda: cell.actor is actor))

    def close(self) -> None:
        """End the process, in order if it is at nothing, and wait for that."""
        over: Future[None] = Future()
        self._slot.close(over.try_set)
        over.get()

    def leave(self) -> None:
        """End the process, and do not wait for that."""
        self._slot.close()


class InProgram:
    """The same where there are no processes."""

    dead = False

    def __init__(self, actor: Actor, makes: Makes) -> None:
        self._ports = actor._greenroom_cell.system.ports
        self._makes = makes
        self._resident: resident.Resident | None = None

    def open(self) -> None:
        """Make the instance."""
        self._resident = resident.Resident(*self._makes, ports=self._ports)

    @property
    def _here(self) -> resident.Resident:
        assert self._resident is not None  # on_start has made it
        return self._resident

    def tell(self, message: Any, deadline: float | None) -> None:
        """Have `message` handled, which nobody waits for."""
        self._here.handle(message, None, deadline)

    def ask(self, message: Any, deadline: float | None, future: Future[Any], _token: CancelToken) -> Any:
        """Have `message` handled; return the answer."""
        return self._here.handle(message, future, deadline)

    def stop(self) -> None:
        """Run the hook of an instance that is stopped."""
        self._here.stop()

    def fail(self) -> None:
        """Run the hook of an instance that has crashed."""
        if self._resident is not None:  # else it was never made
            self._resident.fail()

    def close(self) -> None:
        """Let go of the instance."""
        self._resident = None

    leave = close


def _ignore(_: object) -> None:
    """Progress is for tasks."""
