"""What the tests of asks on an event loop share: an actor that does what it is told, and idle ones of its kind."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from actors import Actor, ActorRef, ActorSystem

SAFETY = 30.0


class Doer(Actor):
    """Does what it is told: a function is called with the actor, and awaited if need be; everything else is noted in `log`."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []

    async def on_receive(self, message: Any) -> Any:
        if not inspect.isroutine(message):
            self.log.append(message)
            return message
        value = message(self)
        return await value if inspect.iscoroutine(value) else value

    def entries(self) -> int:
        return len(self.log)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the coroutine of a test; one that hangs fails it."""

    async def limited() -> None:
        async with asyncio.timeout(SAFETY):
            await main()

    asyncio.run(limited())


@contextlib.asynccontextmanager
async def idle(count: int = 1) -> AsyncIterator[list[ActorRef[Doer]]]:
    """That many actors on the running loop, all of them idle."""
    async with ActorSystem() as system:
        refs = [await system.spawn_async(Doer) for _ in range(count)]
        for ref in refs:
            assert await ref.call(Doer.entries) == 0
        yield refs


async def begun(ref: ActorRef[Any], message: Any) -> asyncio.Task[Any]:
    """Have another task ask; return when it waits for the answer, before the actor's own task had a turn."""
    task = asyncio.create_task(ref.ask_async(message))
    await asyncio.sleep(0)
    return task


def log_of(me: Doer) -> list[Any]:
    return me.log


def holding(event: asyncio.Event, answer: Any = "answer") -> Callable[[Doer], Coroutine[Any, Any, Any]]:
    """A handler that waits for `event` at its first step."""

    async def hold(me: Doer) -> Any:
        me.log.append("begin")
        try:
            await event.wait()
        except BaseException as error:
            me.log.append(type(error))
            raise
        me.log.append("end")
        return answer

    return hold
