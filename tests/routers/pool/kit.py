"""What the tests of pools share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from actors import Actor, DeadLetter

if TYPE_CHECKING:
    from actors import ActorSystem, Future
    from actors.routers import PoolStats

E = TypeVar("E")


class Events:
    """Keeps what is published on a system."""

    def __init__(self, system: ActorSystem) -> None:
        self.all: list[Any] = []
        system.events.subscribe(object, self.all.append)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.all if isinstance(event, kind)]

    @property
    def letters(self) -> list[tuple[Any, Any]]:
        return [(letter.message, letter.reason) for letter in self.of(DeadLetter)]


class Doubling(Actor):
    """Answers with twice the message; dies of "die", fails with "fail"."""

    def on_receive(self, message: Any) -> Any:
        if message == "die":
            raise ValueError(message)
        return message * 2


class Recorder(Actor):
    """Notes what it begins with in a list that all share."""

    def __init__(self, begun: list[Any]) -> None:
        super().__init__()
        self.begun = begun

    def on_receive(self, message: Any) -> Any:
        self.begun.append(message)
        return message


class Starting(Actor):
    """Has started once it may; adds itself to a list that all share."""

    def __init__(self, made: list[Starting], may_start: Future[None]) -> None:
        super().__init__()
        self.made = made
        self.may_start = may_start
        self.stopped = False

    def on_start(self) -> None:
        self.may_start.get()
        self.made.append(self)

    def on_stop(self) -> None:
        self.stopped = True


class Holding(Actor):
    """Answers later: keeps the handles of its messages in a list that all share."""

    def __init__(self, handles: list[Any]) -> None:
        super().__init__()
        self.handles = handles

    def on_receive(self, message: Any) -> Any:
        self.handles.append((message, self.reply_later()))


def accounted(stats: PoolStats) -> int:
    """What the figures say has become of the jobs that were let in."""
    return stats.waiting + stats.running + stats.done + stats.failed + stats.shed + stats.expired + stats.cancelled + stats.poisoned
