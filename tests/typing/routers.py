"""What type checkers know of routers and pools."""

from __future__ import annotations

from functools import partial
from typing import Any, assert_type

from actors import Actor, ActorRef, ActorSystem, Future, Request, handler
from actors.routers import Pool, PoolRef, Router, RouterRef


class Double(Request[int]):
    def __init__(self, number: int) -> None:
        self.number = number


class Doubler(Actor):
    def __init__(self, times: int = 2) -> None:
        super().__init__()
        self.times = times

    @handler
    def double(self, message: Double) -> int:
        return message.number * self.times


def double(message: int) -> int:
    return 2 * message


async def double_later(message: int) -> int:
    return 2 * message


def routers(system: ActorSystem, refs: list[ActorRef[Doubler]]) -> None:
    with Router(system, refs) as router:
        assert_type(router, Router[Doubler])
        assert_type(router.ref, RouterRef[Doubler])
        assert_type(router.routees, tuple[ActorRef[Doubler], ...])
        assert_type(router.ref.ask(Double(1)), int)
        assert_type(router.ref.call(Doubler.double, Double(1)), Future[int])


def pools_of_classes(system: ActorSystem) -> None:
    pool: Pool[Doubler] = Pool(system, Doubler, size=2)
    assert_type(pool.ref, PoolRef[Doubler])
    assert_type(pool.workers, tuple[ActorRef[Doubler], ...])
    assert_type(pool.ref.ask(Double(1)), int)
    assert_type(pool.ref.call(Doubler.double, Double(1)), Future[int])
    with Pool(system, partial(Doubler, 3)) as other:
        assert_type(other, Pool[Any])


async def asks_awaited(router: Router[Doubler], pool: Pool[Doubler]) -> None:
    assert_type(await router.ref.ask_async(Double(1)), int)
    assert_type(await pool.ref.ask_async(Double(1)), int)


async def pools_of_functions(system: ActorSystem) -> None:
    with Pool(system, double) as pool:
        assert_type(pool, Pool[Any])
        assert_type(pool.ref.ask(Double(1)), int)
    async with Pool(system, double_later, concurrency=10) as other:
        assert_type(other, Pool[Any])
        assert_type(await other.ref.ask_async(Double(1)), int)
