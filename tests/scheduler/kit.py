"""What the scheduler's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from actors import Actor, Future, ThreadingActor

if TYPE_CHECKING:
    from actors import ActorSystem

E = TypeVar("E")


class Events:
    """Keeps what is published on a system."""

    def __init__(self, system: ActorSystem) -> None:
        self.all: list[Any] = []
        system.events.subscribe(object, self.all.append)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.all if isinstance(event, kind)]


class Sink(Actor):
    """Keeps its messages, with the time; answers each with itself."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []
        self.times: list[float] = []

    def on_receive(self, message: Any) -> Any:
        self.got.append(message)
        self.times.append(self.system.ports.clock.now())
        return ("answer to", message)


class Failing(Actor):
    """Fails each ask."""

    def on_receive(self, message: Any) -> Any:
        raise ValueError(message)


class Silent(Actor):
    """Never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.handles.append(self.reply_later())


class Stuck(ThreadingActor):
    """Handles a message only when `gate` opens."""

    use_daemon_thread = True

    def __init__(self, gate: Future[None]) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        self.gate.get()


class Trouble:
    """A function that fails so many times before it succeeds."""

    def __init__(self, times: int, error: type[Exception] = ValueError) -> None:
        self.left = times
        self.error = error
        self.calls = 0

    def __call__(self, *args: Any) -> str:
        self.calls += 1
        if self.left > 0:
            self.left -= 1
            raise self.error("not yet")
        return "done"


def add(*numbers: int) -> int:
    return sum(numbers)


def fail(*_: Any) -> None:
    msg = "on purpose"
    raise ValueError(msg)


async def add_async(*numbers: int) -> int:
    return sum(numbers)
