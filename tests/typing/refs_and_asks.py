"""Typed refs, requests and futures. Checked by two type checkers, never run."""
# mypy: disable-error-code="unused-awaitable"

from __future__ import annotations

import asyncio
import concurrent.futures
from dataclasses import dataclass
from typing import Any, assert_type

import pykka

from actors import (
    Actor,
    ActorRef,
    ActorStats,
    ActorSystem,
    CancelToken,
    DispatcherKind,
    Down,
    DownReason,
    Future,
    Lifecycle,
    ReplyHandle,
    Request,
    ShutdownReport,
    Subscription,
    default_system,
    get_all,
    handler,
    wait_any,
)
from actors.events import ActorCrashed, DeadLetter


@dataclass(frozen=True)
class Add:
    amount: int


class Get(Request[int]):
    pass


@dataclass(frozen=True)
class Names(Request[list[str]]):
    prefix: str


class Nothing(Request[None]):
    pass


class Counter(Actor):
    label: str = "counter"

    def __init__(self, start: int = 0) -> None:
        super().__init__()
        self.total = start

    @handler
    def added(self, message: Add) -> None:
        self.total += message.amount

    @handler
    def get(self, message: Get) -> int:
        assert_type(message, Get)
        return self.total

    def add(self, amount: int, *, twice: bool = False) -> int:
        self.total += amount * (2 if twice else 1)
        return self.total

    async def fetch(self, url: str) -> bytes:
        return url.encode()

    def tagged(self, *, method: str) -> str:
        return method


# -- starting: the ref knows its class ---------------------------------------------------------------------------------------

assert_type(Counter.start(), ActorRef[Counter])
assert_type(Counter.start(3), ActorRef[Counter])
assert_type(default_system(), ActorSystem)


def starting(system: ActorSystem) -> None:
    ref = system.spawn(Counter, 1, name="one", dispatcher=DispatcherKind.EVENT_LOOP)
    assert_type(ref, ActorRef[Counter])
    assert_type(system.start(Counter), ActorRef[Counter])
    assert_type(ref.actor_class, type[Counter])
    assert_type(ref.path, str)
    assert_type(ref.name, str)
    assert_type(ref.uid, int)
    assert_type(ref.state, Lifecycle)
    assert_type(ref.is_alive(), bool)
    assert_type(ref.stats(), ActorStats)
    assert_type(system.lookup("/one"), ActorRef[Any] | None)
    assert_type(system.actors(), list[ActorRef[Any]])
    assert_type(system.shutdown(), ShutdownReport)


async def starting_async(system: ActorSystem) -> None:
    assert_type(await system.spawn_async(Counter, 1), ActorRef[Counter])
    assert_type(await system.shutdown_async(), ShutdownReport)
    async with ActorSystem() as entered:
        assert_type(entered, ActorSystem)
    with ActorSystem() as plain:
        assert_type(plain, ActorSystem)


# -- asking: the answer's type follows from the request ------------------------------------------------------------------------


def asking(ref: ActorRef[Counter]) -> None:
    assert_type(ref.ask(Get()), int)
    assert_type(ref.ask(Get(), timeout=1.0), int)
    assert_type(ref.ask(Get(), block=True, deadline=2.0), int)
    assert_type(ref.ask(Get(), block=False), Future[int])
    assert_type(ref.ask(Names("a")), list[str])
    assert_type(ref.ask(Names("a"), block=False), Future[list[str]])
    assert_type(ref.ask(Names("a"), block=False).get(), list[str])
    assert_type(ref.ask(Nothing(), block=False), Future[None])
    assert_type(ref.ask("anything"), Any)
    assert_type(ref.ask("anything", block=False), Future[Any])


async def asking_async(ref: ActorRef[Counter]) -> None:
    assert_type(await ref.ask_async(Get()), int)
    assert_type(await ref.ask_async(Names("a"), timeout=1.0), list[str])
    assert_type(await ref.ask_async("anything"), Any)
    assert_type(await ref.ask(Get(), block=False), int)
    both = await asyncio.gather(ref.ask_async(Get()), ref.ask_async(Names("a")))
    assert_type(both, tuple[int, list[str]])


def telling(ref: ActorRef[Counter]) -> None:
    ref.tell(Add(1))
    ref.tell_within(Add(1), 0.5)
    # Plain pykka code takes our refs and futures.
    theirs: pykka.ActorRef[Counter] = ref
    future: pykka.Future[int] = ref.ask(Get(), block=False)
    theirs.tell(future.get())


# -- calling: the answer's type follows from the method ------------------------------------------------------------------------


def calling(ref: ActorRef[Counter]) -> None:
    assert_type(ref.call(Counter.add, 2), Future[int])
    assert_type(ref.call(Counter.add, 2, twice=True).get(), int)
    assert_type(ref.call(Counter.get, Get()), Future[int])
    assert_type(ref.call(Counter.fetch, "there"), Future[bytes])
    assert_type(ref.call(Counter.fetch, url="there").get(), bytes)
    assert_type(ref.call(Counter.tagged, method="post"), Future[str])
    ref.call(Counter.fetch, 2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    ref.call(Counter.add, "two")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    ref.call(Counter.add)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    ref.call(Counter.add, 2, thrice=True)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]


# -- ending --------------------------------------------------------------------------------------------------------------------


def ending(ref: ActorRef[Counter]) -> None:
    assert_type(ref.stop(), bool)
    assert_type(ref.stop(timeout=1.0, deadline=2.0), bool)
    assert_type(ref.stop(block=False), Future[bool])
    assert_type(ref.kill(), bool)
    assert_type(ref.kill(block=False), Future[bool])
    assert_type(ref.restart(block=False), Future[bool])


# -- futures -------------------------------------------------------------------------------------------------------------------


def futures(ref: ActorRef[Counter]) -> None:
    future = ref.ask(Get(), block=False)
    assert_type(future.get(timeout=1.0), int)
    assert_type(future.exception(), BaseException | None)
    assert_type(future.map(str), Future[str])
    assert_type(future.done(), bool)
    assert_type(future.cancel(), bool)
    assert_type(future.cancelled(), bool)
    assert_type(future.as_concurrent(), concurrent.futures.Future[int])
    assert_type(get_all([future, future]), list[int])
    assert_type(wait_any([future]), Future[int])
    future.add_done_callback(done)


def from_the_standard_library(future: concurrent.futures.Future[str]) -> None:
    assert_type(Future.from_concurrent(future), Future[str])


def done(future: Future[int]) -> None:
    assert_type(future.get(), int)


async def awaiting(future: Future[int]) -> None:
    assert_type(await future, int)
    assert_type(future.as_asyncio(), asyncio.Future[int])


# -- inside an actor -----------------------------------------------------------------------------------------------------------


class Parent(Actor):
    def on_receive(self, message: object) -> Any:
        mine: ActorRef[Parent] = self.actor_ref
        mine.tell("self")
        child = self.spawn(Counter, 1, name="child")
        assert_type(child, ActorRef[Counter])
        self.watch(child)
        assert_type(self.reply_later(), ReplyHandle)
        assert_type(self.unstash(), int)
        match message:
            case Down(ref, reason, error):
                assert_type(ref, ActorRef[Any])
                assert_type(reason, DownReason)
                assert_type(error, BaseException | None)
            case _:
                self.pipe_to_self(child.ask(Get(), block=False), on_success=Add)

    async def make(self) -> ActorRef[Counter]:
        return await self.spawn_async(Counter)


def inside(actor: Parent) -> None:
    assert_type(actor.system, ActorSystem)
    assert_type(actor.parent, ActorRef[Any] | None)
    assert_type(actor.children, tuple[ActorRef[Any], ...])
    assert_type(actor.path, str)
    assert_type(actor.deadline, float | None)
    assert_type(actor.cancel_token, CancelToken)
    assert_type(actor.correlation_id, str | None)


# -- events --------------------------------------------------------------------------------------------------------------------


def listening(system: ActorSystem, ref: ActorRef[Counter]) -> None:
    def on_letter(letter: DeadLetter) -> None:
        assert_type(letter.recipient, ActorRef[Any])

    assert_type(system.events.subscribe(DeadLetter, on_letter), Subscription)
    system.events.subscribe(ActorCrashed, lambda crash: assert_type(crash, ActorCrashed))
    system.events.subscribe(ActorCrashed, ref)
    system.events.subscribe(ActorCrashed, on_letter)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
