"""What the tests of supervisors are made of: children that do what they are told, and tell of their hooks."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from actors import Actor, ActorRef, Future
from actors.testing import Simulation
from supervisors import ChildInfo, ChildState, GetChild, ListChildren

__all__ = ["Player", "Script", "crash", "fail", "get", "infos", "names", "states"]


@dataclass
class Script:
    """What the children of a test share."""

    log: list[str] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)  # by name: how many of the next starts fail
    hanging: set[str] = field(default_factory=set)  # names of those whose last hook does not return

    def took(self) -> list[str]:
        """What has been noted since the last look."""
        noted, self.log[:] = list(self.log), []
        return noted


def fail(_: Any) -> None:
    """Crash whoever is told this."""
    raise LookupError("told to")


class Player(Actor):
    """Calls what it is told with itself."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__()
        self.script = script if script is not None else Script()
        self.got: list[Any] = []

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def on_start(self) -> None:
        if self.script.failing.get(self.name, 0):
            self.script.failing[self.name] -= 1
            self.script.log.append(f"{self.name} fails")
            raise LookupError(f"{self.name} cannot start")
        self.script.log.append(f"{self.name} starts")

    def on_receive(self, message: Any) -> Any:
        if inspect.isroutine(message):
            return message(self)
        self.got.append(message)
        return message

    def on_stop(self) -> None:
        self.script.log.append(f"{self.name} stops")
        self._hang()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        if exception_type is None:
            self.script.log.append(f"{self.name} comes down")
            self._hang()

    def _hang(self) -> None:
        if self.name in self.script.hanging:
            self.script.hanging.remove(self.name)
            Future().get()


# -- looking on, in a simulation ---------------------------------------------------------------------------------------------


def get(supervisor: ActorRef[Any], name: str) -> ActorRef[Any]:
    """Return the ref that a child has now."""
    ref: ActorRef[Any] | None = supervisor.ask(GetChild(name))
    assert ref is not None
    return ref


def crash(sim: Simulation, supervisor: ActorRef[Any], *children: str) -> None:
    """Let children crash, one after the other; return when nothing more comes of it."""
    for name in children:
        get(supervisor, name).tell(fail)
        sim.run()


def infos(supervisor: ActorRef[Any]) -> dict[str | None, ChildInfo]:
    return {info.name: info for info in supervisor.ask(ListChildren())}


def names(supervisor: ActorRef[Any]) -> list[str | None]:
    return [info.name for info in supervisor.ask(ListChildren())]


def states(supervisor: ActorRef[Any]) -> dict[str | None, ChildState]:
    return {info.name: info.state for info in supervisor.ask(ListChildren())}
