"""What the tests of demos share."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from actors import ActorSystem
from supervisors import Supervisor, child
from supervisors.demo.parts import Feeder, Obedient, Victim
from supervisors.demo.stage import Claim, Demo

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors.demo.books import Books
    from supervisors.nodes import TreeNode


class Worker(Obedient):
    def on_receive(self, message: Any) -> None:
        del message


class Small(Demo):
    """The smallest demo there can be: two workers, one promise."""

    name = "small"
    title = "small"
    about = "Nothing much."
    seconds = 0.3
    promise = True

    def build(self, system: ActorSystem) -> None:
        system.spawn(Supervisor, [child(Worker, name="a"), child(Worker, name="b")], intensity=None, name="top")
        self.sources = [system.spawn(Feeder, [victim.path for victim in self.victims()], 0.01, name="feeder")]

    def victims(self) -> list[Victim]:
        return [Victim("/top/a"), Victim("/top/b")]

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        del books, last
        return [Claim("something is promised", "1 of 1", holds=self.promise)]


def console(**options: Any) -> Console:
    """A console that writes into a string, as wide as it takes."""
    return Console(file=io.StringIO(), **{"width": 120, "height": 40, **options})


def written(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def eventually(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)
