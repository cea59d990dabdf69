"""Mailboxes as a class declares them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors._core.bounded import BoundedMailbox, Overflow
from actors._core.callbacks import check_callback
from actors._core.priority import PriorityMailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell

__all__ = ["Bounded", "Mailbox", "Priority", "Unbounded"]


def _check_capacity(capacity: object) -> None:
    if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
        msg = f"capacity={capacity!r} is not valid: a mailbox holds a whole number of messages, 1 or more"
        raise ValueError(msg)


def _check_overflow(overflow: object, timeout: object) -> None:
    if not isinstance(overflow, Overflow):
        msg = f"overflow={overflow!r} is not valid: use a member of Overflow"
        raise TypeError(msg)
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        msg = f"timeout={timeout!r} is not valid: a number of seconds, or None"
        raise TypeError(msg)
    if not timeout >= 0:
        msg = f"timeout={timeout!r} is not valid: seconds, 0 or more, or None"
        raise ValueError(msg)
    if overflow is not Overflow.BLOCK:
        msg = f"timeout={timeout!r} is not valid with overflow={overflow}: only Overflow.BLOCK waits"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A mailbox without bound: sends never wait and never fail for want of room."""

    def build(self, cell: Cell) -> BoundedMailbox | None:  # noqa: ARG002  # same signature for every declaration
        """Return the mailbox object; None means a plain deque."""
        return None


@dataclass(frozen=True, slots=True)
class Bounded:
    """A mailbox of at most `capacity` waiting messages.

    Args:
        capacity: how many messages may wait.
        overflow: what happens to one more.
        timeout: for `Overflow.BLOCK`, seconds a sender waits before MailboxFullError; None waits for ever.
    """

    capacity: int
    overflow: Overflow = Overflow.BLOCK
    timeout: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_capacity(self.capacity)
        _check_overflow(self.overflow, self.timeout)

    def build(self, cell: Cell) -> BoundedMailbox:
        """Return the mailbox object for `cell`."""
        return BoundedMailbox(cell, self)


@dataclass(frozen=True, slots=True)
class Priority:
    """A mailbox that hands out the message with the lowest `key(message)` first; equal keys in the order sent.

    Args:
        key: called by the sender; must be quick. What it raises, the sender gets, and also what comparing its result with others
            raises. The results are compared under the mailbox's lock: return numbers, strings or tuples of these.
        capacity: how many messages may wait; None: any number.
        overflow: what happens to one more. DROP_OLDEST drops the message that would be handled last.
        timeout: as for `Bounded`.
    """

    key: Callable[[Any], Any]
    capacity: int | None = field(default=None, kw_only=True)
    overflow: Overflow = field(default=Overflow.REJECT, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_callback("key", self.key, "a function of the message")
        if self.capacity is not None:
            _check_capacity(self.capacity)
        _check_overflow(self.overflow, self.timeout)

    def build(self, cell: Cell) -> BoundedMailbox:
        """Return the mailbox object for `cell`."""
        return PriorityMailbox(cell, self)


Mailbox = Unbounded | Bounded | Priority
