"""Messages the kernel itself sends, and what a mailbox entry is.

An entry is the bare message, or an `Entry` *(message, future, note)* where an ask, a deadline, a timer or a watch needs more than the
message. `Entry` is private, so no message of a user's can be taken for one. In a traced system bare messages travel as exact tuples
*(message, correlation, sender, incarnation)* and entries have these last three, too; see `actors._core.tracing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.events import DeadLetterReason
    from actors._core.lifecycle import DownReason
    from actors._core.ref import ActorRef

__all__ = [
    "BRING_UP",
    "CHILD_EVENT",
    "CHILD_GONE",
    "ENDING",
    "IDLE",
    "KILL",
    "PROBE",
    "STOP",
    "STOP_DOWN",
    "TAKE_DOWN",
    "WRAPPED",
    "Control",
    "Down",
    "Entry",
    "Note",
    "PipeFailed",
    "ReceiveTimeout",
    "Request",
    "Signal",
    "Stashed",
]

R_co = TypeVar("R_co", covariant=True)


class _Stop:
    """The marker of a graceful stop in the user lane."""

    def __repr__(self) -> str:
        return "<stop>"


STOP = _Stop()


class Entry(tuple[Any, ...]):
    """A message with its future and note, either of which may be None."""

    __slots__ = ()


# Entry types that are not simply handed to on_receive.
WRAPPED = frozenset({Entry, ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop})


class Request(Generic[R_co]):
    """Base class for messages whose answer has a type: ``class Get(Request[int])`` makes ``ref.ask(Get())`` an int."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Down:
    """A watched actor has ended. Comes once a watch, after every message the actor sent the watcher."""

    ref: ActorRef[Any]
    reason: DownReason
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class ReceiveTimeout:
    """No message came for as long as `set_receive_timeout` said."""


@dataclass(frozen=True, slots=True)
class PipeFailed:
    """The future given to `pipe_to_self` failed."""

    error: BaseException


class Note:
    """What travels with a message besides its future; subclasses fence.

    Attributes:
        expires: clock time after which the message is not handled any more.
        fate: the dead letter that a fenced message becomes; None for ticks and notices, which carry nothing.
        stays: whether it stays with a message that is stashed. That of a tick or notice has done with it.
    """

    __slots__ = ("expires",)

    fate: ClassVar[DeadLetterReason | None] = None
    stays: ClassVar[bool] = False

    def __init__(self, expires: float | None = None) -> None:
        self.expires = expires

    def fenced(self, cell: Cell) -> bool:  # noqa: ARG002  # the signature is for subclasses
        """Tell whether the message must no longer reach `cell`. Asked once, when its turn has come."""
        return False

    def expired(self, cell: Cell) -> bool:
        """Tell whether it is too late to handle the message. Asked once, of a message that is not fenced."""
        return self.expires is not None and cell.system.ports.clock.now() >= self.expires

    def stale(self, cell: Cell) -> None:
        """Take note that `cell` is not given the message: the handler that had sent it was abandoned."""

    def delivered(self, cell: Cell) -> None:
        """Take note that the message has been handled by `cell`."""

    def withdrawn(self) -> None:
        """Take note that the message is not sent after all: its sender waits for room no more."""


class Signal(Enum):
    """What the control lane carries; it overtakes the user lane. The last four are between supervisors and their children."""

    START = auto()
    KILL = auto()
    RESTART = auto()
    CRASH = auto()
    CHILD_GONE = auto()
    CALL = auto()
    PROBE = auto()
    STOP_DOWN = auto()
    TAKE_DOWN = auto()
    BRING_UP = auto()
    CHILD_EVENT = auto()


class Control:
    """One entry of the control lane.

    Attributes:
        signal: what is wanted.
        error: what happened, for CRASH and RESTART.
        call: for CALL what to call; for START and RESTART who is told; for CRASH tells whether it still matters.
    """

    __slots__ = ("call", "error", "signal")

    def __init__(self, signal: Signal, error: BaseException | None = None, call: Callable[[], object] | None = None) -> None:
        self.signal = signal
        self.error = error
        self.call = call


class Stashed(Control):
    """What a handler is at once it has stashed its message; `entry` is what the stash has now."""

    __slots__ = ("entry",)

    def __init__(self, entry: Any) -> None:
        super().__init__(Signal.CALL)
        self.entry = entry


# What an actor is at between two messages, and while it ends. (None would not do: it may be a message.)
IDLE = Control(Signal.CALL)
ENDING = Control(Signal.CALL)

# Signals that carry nothing are one and the same each time.
KILL = Control(Signal.KILL)
CHILD_GONE = Control(Signal.CHILD_GONE)
PROBE = Control(Signal.PROBE)
STOP_DOWN = Control(Signal.STOP_DOWN)
TAKE_DOWN = Control(Signal.TAKE_DOWN)
BRING_UP = Control(Signal.BRING_UP)
CHILD_EVENT = Control(Signal.CHILD_EVENT)
