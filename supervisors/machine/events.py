"""What only a machine itself brings about, and what it tells the event stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Hashable
    from enum import Enum

    from actors import ActorRef

__all__ = ["Done", "EventTimeout", "InternalEvent", "NamedTimeout", "StateChanged", "StateTimeout"]


class InternalEvent:
    """Base class of events that come from inside: a machine inserts them itself. From outside they are refused.

    With an Enum: ``class Step(InternalEvent, Enum)``.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StateTimeout(InternalEvent):
    """The machine has been in a state for as long as its `state_timeout` says."""

    state: Enum

    def __hash__(self) -> int:
        """Return a hash by the identity of the state: that of a member of an Enum is computed in Python, each time."""
        return object.__hash__(self.state)


@dataclass(frozen=True, slots=True)
class EventTimeout(InternalEvent):
    """No event came for as long as an `event_timeout` says."""


@dataclass(frozen=True, slots=True)
class NamedTimeout(InternalEvent):
    """A timeout of `start_timeout(key, seconds)` is over."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class Done(InternalEvent):
    """A final state inside of `state` was entered."""

    state: Enum


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A machine changed its state. Published on the event stream of its system.

    Attributes:
        ref: the machine.
        old: the state it left; None when it began.
        event: what brought it about; None when it began.
        new: the state it is in now.
    """

    log_as: ClassVar[tuple[str, str]] = ("state.changed", "DEBUG")

    ref: ActorRef[Any]
    old: Enum | None
    event: object
    new: Enum
