"""Actors that do what they are told, and what goes wrong for them."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from actors import Actor, ActorSystem
from tests.stress.threads import PATIENCE, race


class Doing(Actor):
    """Calls what it is told or asked."""

    def on_receive(self, message: Any) -> Any:
        return message()


class AsyncDoing(Actor):
    """Awaits what it is told or asked."""

    async def on_receive(self, message: Any) -> Any:
        return await message()


class Reentrant(AsyncDoing, reentrant=True):
    """Does several things at a time."""


class Down(Exception):
    """The service does not work."""


def fails() -> Any:
    raise Down


async def fails_async() -> Any:
    raise Down


@contextmanager
def restless() -> Iterator[None]:
    """Have the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Crowd:
    """Makes calls from threads, tasks (some of which are cancelled) and handlers at once.

    Args:
        plain: a call.
        coroutine: the same call, for coroutines.
        refused: what a call may fail with.
        rounds: how many calls each makes.
    """

    def __init__(
        self, plain: Callable[[], object], coroutine: Callable[[], Coroutine[Any, Any, object]], refused: type[Exception], rounds: int
    ) -> None:
        self.plain, self.coroutine, self.refused, self.rounds = plain, coroutine, refused, rounds

    def threads(self) -> None:
        for _ in range(self.rounds):
            with suppress(self.refused):
                self.plain()

    def handlers(self) -> None:
        with ActorSystem() as system:
            refs = [system.spawn(Doing) for _ in range(8)]
            for _ in range(self.rounds // 8):
                for future in [ref.ask(self.plain, block=False) for ref in refs]:
                    with suppress(self.refused):
                        future.get(timeout=PATIENCE)

    async def tasks(self) -> None:
        chance = random.Random(2)
        for _ in range(self.rounds // 10):
            made = [asyncio.create_task(self.coroutine()) for _ in range(10)]
            await asyncio.sleep(0)
            for task in made:
                if chance.random() < 0.3:
                    task.cancel()
            await asyncio.wait(made)
            for task in made:
                assert task.cancelled() or isinstance(task.exception(), self.refused | None)

    def loop(self) -> None:
        asyncio.run(self.tasks())

    def race(self, meanwhile: Callable[[], object]) -> None:
        """Have all of them do so, while `meanwhile` is called again and again."""
        works = [self.threads, self.handlers, self.loop]
        left = list(works)

        def counted(work: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    work()
                finally:
                    left.pop()

            return run

        def clockwork() -> None:
            while left:
                meanwhile()

        with restless():
            race(*map(counted, works), clockwork)
