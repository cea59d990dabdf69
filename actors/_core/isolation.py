"""Isolation: whether an actor shares what it is sent, and what it answers, with those it talks to.

It is chosen when a cell gets its mailbox: an isolated one has an `IsolatedInbox` before it, and the others pay nothing.
"""

from __future__ import annotations

import functools
from enum import Enum
from typing import TYPE_CHECKING, Any

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from actors._core.future import Future
from actors._core.messages import STOP, Entry
from actors._core.reports import watch_reading
from actors.errors import ActorDeadError, ActorError, MailboxFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell

__all__ = ["IsolatedInbox", "Isolation", "hand_back"]


class Isolation(Enum):
    """What an actor and those it talks to have in common of a message, and of an answer."""

    SHARE = "share"
    """The object itself. Messages are meant not to change once they are sent; nobody looks whether they do."""

    CHECK = "check"
    """The object itself, which is refused if any part of it can change: with `MutableMessageError`, which names that part."""

    COPY = "copy"
    """Nothing that can change: the other side gets a copy, made by the system's codec, or the object itself if all of it is immutable.
    What the codec cannot encode is refused with `CodecError`."""


class IsolatedInbox:
    """Stands before the mailbox and hands every message of a user through `isolate`, in the sender's own call.

    What no bound holds back goes past it: stops, ticks, notices and piped results are the kernel's, or the actor's own.
    """

    __slots__ = ("_cell", "_door", "_isolate", "exempt", "queue")

    def __init__(self, cell: Cell, door: Any, isolate: Callable[[Any], Any]) -> None:
        self.queue = cell.queue
        self.exempt = getattr(door, "exempt", door.append)
        self._cell = cell
        self._door = door
        self._isolate = isolate

    def append(self, entry: Any, *timeout: float) -> None:
        """Admit what the actor is given for `entry`.

        Raises:
            MutableMessageError, CodecError: it is given nothing; the mailbox has not seen it.
        """
        isolated = self._isolated(entry)
        try:
            self._door.append(isolated, *timeout)
        except (MailboxFullError, ActorDeadError) as error:
            hand_back(error, self._cell.unwrap(entry)[0])
            raise

    def offer(self, entry: Entry) -> Any:
        """Do as `append` does for a sender that awaits its admission to a bounded mailbox."""
        isolated = self._isolated(entry)
        try:
            return self._door.offer(isolated)
        except MailboxFullError as error:
            hand_back(error, entry[0])
            raise

    def _isolated(self, entry: Any) -> Any:
        if type(entry) is not Entry:
            return self._message(entry)
        message, future = entry[:2]
        given = self._message(message)
        if isinstance(future, Future):
            self._isolate_answer(future, given, message)
        return entry if given is message else Entry((given, *entry[1:]))

    def _message(self, message: Any) -> Any:
        kind = type(message)
        if kind is ProxyCall:
            return _call(message, self._isolate)
        if kind is ProxySetAttr:
            return message._replace(value=self._isolate(message.value))
        if message is STOP or kind is ProxyGetAttr or kind is _ActorStop:
            return message
        return self._isolate(message)

    def _isolate_answer(self, future: Future[Any], given: Any, message: Any) -> None:
        """Have what the actor answers isolated as well. Before the actor has the message: it may answer at once."""
        dispatcher = self._cell.system.ports.dispatcher
        if dispatcher is not None:
            dispatcher.adopt(future)  # a simulation makes its own kind of plain futures only, and would not know this one
        kind: Any = type(future)
        if not issubclass(kind, _Isolating):
            future.__class__ = _isolating(kind)
        future._isolate = self._isolate  # type: ignore[attr-defined]  # it is one by now
        if given is not message:
            future._asked = self._cell, given, message  # type: ignore[attr-defined]  # likewise


def _call(message: ProxyCall, isolate: Callable[[Any], Any]) -> ProxyCall:
    """Isolate the arguments of a call through a proxy, all at once: what two of them share they share afterwards."""
    arguments = (*message.args, *message.kwargs.values())
    try:
        given = isolate(arguments)
    except ActorError as error:
        error.add_note(f"the message is a call of {'.'.join(message.attr_path)}(): its arguments in order, those with keywords last")
        raise
    if given is arguments:
        return message
    positional = len(message.args)
    return message._replace(args=given[:positional], kwargs=dict(zip(message.kwargs, given[positional:], strict=True)))


def hand_back(error: MailboxFullError | ActorDeadError, message: Any) -> None:
    """Let the error of a send, which may have been isolated, carry the sender's own message."""
    given, error.message = error.message, message
    error.args = tuple(message if one is given else one for one in error.args)


class _Isolating(Future[Any]):
    """A future whose value is isolated before it is set: the answer of an isolated actor."""

    _isolate: Callable[[Any], Any] = staticmethod(lambda value: value)  # of what `map` and the like make of it
    _asked: tuple[Cell, Any, Any] | None = None  # who was asked, what it was given, and what in its place is the asker's own

    def try_set(self, value: Any = None) -> bool:
        """Do as every future does with what the asker is given for `value`, or fail with why it is given nothing."""
        if not self._claim:  # it is resolved: nobody will see this value
            return super().try_set(value)
        try:
            value = self._isolate(value)
        except Exception as error:  # noqa: BLE001  # told to the asker; the actor has done what it was asked for
            # Frames hold their callers, and those this future, which would hold itself and never tell that nobody has read it. What the
            # framework refuses is said in words; what somebody's own function raises is worth its traceback.
            failure = error.with_traceback(None) if isinstance(error, ActorError) else error
            failure.add_note("it is the answer that was refused; the actor has handled the message")
        else:
            self._asked = None
            return super().try_set(value)
        if self._cell is not None:
            watch_reading(self._cell, self, failure)
        return self.try_fail(failure)

    def try_fail(self, error: BaseException) -> bool:
        """Do as every future does; but a message comes back as the asker's own: a killed actor may still change what it was given."""
        asked = self._asked
        if asked is not None and isinstance(error, ActorDeadError):
            cell, given, message = asked
            # Of this actor only: an error that it raises of its own, of what it asked others, is its own, with its own message.
            if error.message is given and error.recipient == cell.label():
                hand_back(error, message)
        failed = super().try_fail(error)
        self._asked = None  # not before: of two that fail it at once, either may be the first
        return failed


@functools.cache
def _isolating(kind: type[Any]) -> type[Any]:
    """Return the class of futures like those of `kind` whose values are isolated. Instances of `kind` may become instances of it."""
    return type(kind.__name__, (_Isolating, kind), {"__doc__": kind.__doc__, "__module__": kind.__module__})
