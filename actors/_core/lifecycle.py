"""The life of an actor as one enum and one table."""

from __future__ import annotations

from enum import Enum

from actors.errors import InternalError

__all__ = ["DownReason", "Lifecycle", "advance"]


class Lifecycle(Enum):
    """Where an actor is in its life."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"

    __hash__ = object.__hash__  # members are themselves only; Enum's own hashes the name, in Python


class DownReason(Enum):
    """How an actor ended."""

    STOPPED = "stopped"
    CRASHED = "crashed"
    KILLED = "killed"
    NOT_FOUND = "not found"


_NEXT = {
    Lifecycle.CREATED: {Lifecycle.STARTING, Lifecycle.STOPPING},
    Lifecycle.STARTING: {Lifecycle.RUNNING, Lifecycle.RESTARTING, Lifecycle.STOPPING},
    Lifecycle.RUNNING: {Lifecycle.RESTARTING, Lifecycle.STOPPING},
    Lifecycle.RESTARTING: {Lifecycle.STARTING, Lifecycle.STOPPING},
    Lifecycle.STOPPING: {Lifecycle.STOPPED},
    Lifecycle.STOPPED: set(),
}


def advance(now: Lifecycle, to: Lifecycle) -> Lifecycle:
    """Return `to` if an actor may go there from `now`; raise InternalError if not."""
    if to not in _NEXT[now]:
        msg = f"an actor cannot go from {now.name} to {to.name}"
        raise InternalError(msg)
    return to
