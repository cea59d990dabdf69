"""Workers in processes of their own: an actor here, its instance there.

The actor takes the messages, hands each of them to its process, and waits for the outcome, parked. The process lives and dies with it:
an actor that ends, however it does, ends its process, and a process that dies crashes its actor, whose pool then makes another one.

In a simulation there are no processes, and the instance lives in the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.actor import Actor
from actors._core.context import current_entry, current_reply
from actors._core.events import DeadLetterReason
from actors._core.messages import Control, Entry, Signal
from actors.routers.pool.jobs import Parcel
from actors.routers.workers.homes import InProgram, Process
from actors.routers.workers.recipe import Recipe
from actors.scheduler.errors import WorkerDiedError
from actors.scheduler.processes import UnsendableError, check_picklable

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["ProcessWorker", "in_process"]


def in_process(recipe: Recipe) -> Recipe:
    """Return how to make workers in processes of their own that do what those of `recipe` do.

    Raises:
        TypeError: it is async, or cannot be sent to a process.
    """
    what = recipe.function or recipe.actor_class
    if recipe.is_async:
        msg = f"worker={what!r} is not valid with processes=True: a process runs no event loop; make it plain, or leave processes= out"
        raise TypeError(msg)
    arguments = (*recipe.args, *(recipe.kwargs or {}).values()) if recipe.function is None else ()
    check_picklable(what, arguments)
    return Recipe(ProcessWorker, (recipe.actor_class, recipe.args, recipe.kwargs or {}), None, recipe.function)


class ProcessWorker(Actor):
    """Does in a process of its own what an actor of another class would do here.

    - Answers and exceptions come back to the asker, exceptions with the traceback of the process in a note. What cannot be pickled, on
      either way, is an error of the asker's as well. A told message that cannot is a dead letter (`REFUSED`).
    - An exception while a told message is handled crashes the actor, as everywhere, and ends the process.
    - The death of the process, also between two messages, crashes the actor with WorkerDiedError, as does what ends a program there,
      such as `sys.exit()`. An ask that was under way fails with ActorDeadError.
    - A kill of the actor kills the process at once. A stop comes behind the messages, runs `on_stop` in there and then ends the process.
    - A cancelled ask does not end anything: the handler finds it in its ``cancel_token``.

    Args:
        actor_class: a class without async handlers or hooks, which can be imported in the process.
        args: of its ``__init__``, as `kwargs`.
        kwargs: likewise.
    """

    use_daemon_thread = True

    def __init__(self, actor_class: type[Actor], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        super().__init__()
        cell = self._greenroom_cell
        kind: type[Process | InProgram] = InProgram if cell.system.ports.dispatcher is not None else Process
        self._home: Process | InProgram = kind(self, (actor_class, args, kwargs or {}, self.path))

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what `call()` looks for, which is in the process."""
        msg = f"{name} is not to be had here: the instance lives in a process, which call() does not reach; ask a message that it handles"
        raise AttributeError(msg, name=name, obj=self)

    def on_start(self) -> None:
        """Start the process, and make the instance in it."""
        try:
            self._home.open()
        except BaseException:
            self._home.leave()
            raise

    def on_receive(self, message: Any) -> Any:
        """Have `message` handled in the process; return its answer."""
        cell = self._greenroom_cell
        future = current_reply(cell)
        if future is None:
            try:
                return self._home.tell(message, self.deadline)
            except UnsendableError as error:  # nobody is told by it, and it is no crash: the instance has not seen the message
                _refused(cell, message, error)
                return None
        try:
            return self._home.ask(message, self.deadline, future, self.cancel_token)
        except WorkerDiedError as error:
            if not self._home.dead:  # raised by the handler itself, which may use processes as well
                raise
            # This is no answer, but the end of the actor, which a failed ask is not. That end fails the ask, with its open handle.
            self.reply_later()
            cell.signal(Control(Signal.CRASH, error))
            return None

    def on_stop(self) -> None:
        """Run the hook of the instance, and end the process."""
        try:
            self._home.stop()
        finally:
            self._home.close()

    def on_failure(self, *_: Any) -> None:
        """Run the hook of the instance, if that lives, and end the process."""
        try:
            if not self._home.dead:
                self._home.fail()
        finally:
            self._home.close()


def _refused(cell: Cell, message: Any, error: UnsendableError) -> None:
    """Account for a told message that cannot be sent to the process: it is a dead letter, in a pool as one of its jobs."""
    entry = current_entry(cell)
    note = entry[2] if type(entry) is Entry else None
    if isinstance(note, Parcel):
        note.books.returns.refused(note, note.attempt, cell, error)
    else:
        cell.system.dead_letter(cell, message, DeadLetterReason.REFUSED)
