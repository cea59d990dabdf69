"""What one may ask of a supervisor's ref, and the records that come back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors import Actor, ActorRef, Request

if TYPE_CHECKING:
    from supervisors.policy import Restart
    from supervisors.spec import ChildSpec

__all__ = [
    "ChildCounts",
    "ChildInfo",
    "ChildState",
    "CountChildren",
    "GetChild",
    "ListChildren",
    "RemoveChild",
    "RestartChild",
    "StartChild",
    "StopChild",
]

A = TypeVar("A", bound=Actor)


class ChildState(Enum):
    """What a child is at, as its supervisor knows it."""

    STARTING = "starting"
    RUNNING = "running"
    DOWN = "down"
    """It failed, or was taken down for a sibling, and its turn to start again has not come."""

    WAITING = "waiting"
    """It is in backoff."""

    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StartChild(Request[ActorRef[A]], Generic[A]):
    """Start a child, behind the others; the answer is its ref once it is running.

    The ask fails with DuplicateChildError, TooManyChildrenError, SupervisorStoppingError, or with ActorStartError: then the supervisor
    does not keep it.
    """

    spec: ChildSpec[A]


@dataclass(frozen=True, slots=True)
class StopChild(Request[bool]):
    """End a child as its spec says, and do not restart it; the answer comes when it has ended, False if it was not running.

    Its spec is kept for `RestartChild`, unless it is temporary or of a DynamicSupervisor. A restart of the whole group starts it again.
    """

    which: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RestartChild(Request[ActorRef[Any]]):
    """Start a child that is stopped; the answer is its ref once it is running. For one that runs there is `ActorRef.restart`."""

    which: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RemoveChild(Request[None]):
    """Forget a child that is stopped."""

    which: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class GetChild(Request[ActorRef[Any] | None]):
    """Get the ref that a child has now; None if there is no such child, or it has none."""

    which: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class ListChildren(Request[tuple["ChildInfo", ...]]):
    """Get what there is to know of all children, in start order."""


@dataclass(frozen=True, slots=True)
class CountChildren(Request["ChildCounts"]):
    """Get how many children there are."""


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child of a supervisor.

    Attributes:
        name: None for one without a name, under a DynamicSupervisor.
        ref: of now; None if it has none.
        actor_class: its class.
        state: what it is at.
        restart: whether it is restarted.
        restarts: how often that was tried.
        last_error: what it failed with last.
        retry_after: seconds left of a backoff.
    """

    name: str | None
    ref: ActorRef[Any] | None
    actor_class: type[Any]
    state: ChildState
    restart: Restart
    restarts: int
    last_error: BaseException | None
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children a supervisor has.

    Attributes:
        specs: all of them, also those that are stopped.
        active: those that have an actor, whatever it is at.
        supervisors: those whose class is a supervisor's.
        workers: the others.
    """

    specs: int
    active: int
    supervisors: int
    workers: int
