"""What the tests of routers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import Any

from actors import Actor, ActorRef, ActorSystem

WAIT = 30.0  # a safety net for what should come at once


@dataclass(frozen=True)
class Say:
    """Asks a routee for its name, and for what it has been sent."""

    text: str = ""


class Worker(Actor):
    """Answers with its name; remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "seen":
            return list(self.seen)
        self.seen.append(message)
        if isinstance(message, BaseException):
            raise message
        return self.actor_ref.name

    def shout(self, text: str) -> str:
        """For proxies and `call`."""
        return f"{text.upper()} of {self.actor_ref.name}"


class Held(Worker):
    """Does as `Worker` once its gate is open."""

    def __init__(self, gate: Event) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        assert self.gate.wait(WAIT)
        return super().on_receive(message)


def crew(system: ActorSystem, count: int = 3, prefix: str = "w") -> list[ActorRef[Worker]]:
    """Start so many workers, w0 and on."""
    return [system.spawn(Worker, name=f"{prefix}{index}") for index in range(count)]


def seen(ref: ActorRef[Any]) -> list[Any]:
    """What a worker was sent."""
    found: list[Any] = ref.ask("seen", timeout=WAIT)
    return found
