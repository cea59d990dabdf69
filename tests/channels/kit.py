"""Who can use a channel: threads, handlers of each dispatcher, coroutines on a plain loop; all told in one way what to do."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from actors import Actor, ActorRef, ActorSystem, DispatcherKind
from actors.channels import Receiver, Sender, select, select_async

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors import Future

PATIENCE = 60.0  # seconds until a wait that should have ended fails its test
KINDS = ("thread", "pool", "thread handler", "coroutine", "async handler")
HANDLERS = {"pool": DispatcherKind.POOL, "thread handler": DispatcherKind.THREAD}


class Send:
    """To send something."""

    def __init__(self, end: Any, *values: Any, timeout: float | None = None) -> None:
        self.end, self.values, self.timeout = end, values, timeout

    def do(self) -> None:
        for value in self.values:
            self.end.send(value, timeout=self.timeout)

    async def do_async(self) -> None:
        for value in self.values:
            await self.end.send_async(value, timeout=self.timeout)


class Receive:
    """To receive one value, or a list of so many."""

    def __init__(self, end: Any, number: int | None = None, *, timeout: float | None = None) -> None:
        self.end, self.number, self.timeout = end, number, timeout

    def do(self) -> Any:
        if self.number is None:
            return self.end.receive(timeout=self.timeout)
        return [self.end.receive(timeout=self.timeout) for _ in range(self.number)]

    async def do_async(self) -> Any:
        if self.number is None:
            return await self.end.receive_async(timeout=self.timeout)
        return [await self.end.receive_async(timeout=self.timeout) for _ in range(self.number)]


class Iterate:
    """To receive until the end."""

    def __init__(self, end: Any) -> None:
        self.end = end

    def do(self) -> list[Any]:
        return list(self.end)

    async def do_async(self) -> list[Any]:
        return [value async for value in self.end]


class Select:
    """To do one of several things."""

    def __init__(self, *cases: Any, timeout: float | None = None) -> None:
        self.cases, self.timeout = cases, timeout

    def do(self) -> Any:
        return select(*self.cases, timeout=self.timeout)

    async def do_async(self) -> Any:
        return await select_async(*self.cases, timeout=self.timeout)


class Doer(Actor):
    """Does what it is told."""

    def on_receive(self, message: Any) -> Any:
        return message.do()


class AsyncDoer(Actor):
    """Does what it is told, awaiting."""

    async def on_receive(self, message: Any) -> Any:
        return await message.do_async()


class Doing:
    """What somebody is doing."""

    def __init__(self, future: Any, ref: ActorRef[Any] | None = None, task: concurrent.futures.Future[Any] | None = None) -> None:
        self.future: concurrent.futures.Future[Any] | Future[Any] = future
        self.ref = ref
        self.task = task

    def result(self, timeout: float = PATIENCE) -> Any:
        """Wait for what it comes to."""
        if isinstance(self.future, concurrent.futures.Future):
            return self.future.result(timeout)
        return self.future.get(timeout=timeout)

    def error(self) -> BaseException:
        """Wait for the error that it comes to."""
        try:
            result = self.result()
        except BaseException as error:  # noqa: BLE001  # the test's to look at
            return error
        msg = f"no error, but {result!r}"
        raise AssertionError(msg)

    @property
    def done(self) -> bool:
        return self.future.done()

    def give_up(self) -> None:
        """Cancel the task, or kill the actor; begun, not waited for."""
        if self.task is not None:
            self.task.cancel()
        elif self.ref is not None:
            self.ref.kill(block=False)


class Parties:
    """Makes one after another. The pool has one worker, so who waits there must be parked."""

    def __enter__(self) -> Self:
        self.stack = ExitStack()
        self.system = self.stack.enter_context(ActorSystem("parties"))
        self.loop = asyncio.new_event_loop()
        self.loop_thread = threading.Thread(target=self.loop.run_forever, name="plain loop", daemon=True)
        self.loop_thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stack.close()
        asyncio.run_coroutine_threadsafe(cancel_all(), self.loop).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.loop_thread.join(PATIENCE)
        self.loop.close()

    def begin(self, kind: str, what: Any) -> Doing:
        """Have somebody new of this kind do it."""
        if kind == "thread":
            future: concurrent.futures.Future[Any] = concurrent.futures.Future()
            threading.Thread(target=resolve, args=(future, what.do), daemon=True).start()
            return Doing(future)
        if kind == "coroutine":
            task = asyncio.run_coroutine_threadsafe(what.do_async(), self.loop)
            return Doing(task, task=task)
        ref = self.system.spawn(AsyncDoer) if kind == "async handler" else self.system.spawn(Doer, dispatcher=HANDLERS[kind])
        return Doing(ref.ask(what, block=False), ref)


async def cancel_all() -> None:
    """Cancel all other tasks of this loop, and wait for them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def resolve(future: concurrent.futures.Future[Any], call: Callable[[], Any]) -> None:
    """Resolve `future` with what `call()` comes to."""
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001  # for who reads the future
        future.set_exception(error)


def until(holds: Callable[[], object]) -> None:
    """Return when it holds; fail after a long time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.0005)


def until_receivers(end: Any, number: int) -> None:
    """Return when so many wait to receive."""
    until(lambda: end.stats().waiting_receivers == number)


def until_senders(end: Any, number: int) -> None:
    """Return when so many wait to send."""
    until(lambda: end.stats().waiting_senders == number)


def adds_up(end: Sender[Any] | Receiver[Any] | Any) -> bool:
    """Tell whether the channel accounts for all values."""
    stats = end.stats()
    return bool(stats.sent == stats.received + stats.waiting + stats.discarded)
