"""Routers under real threads that are switched as often as the interpreter can: every message has one fate."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, AskCancelled, DeadLetter, Future
from actors.routers import (
    Broadcast,
    ConsistentHash,
    LeastLoaded,
    RandomRouting,
    RoundRobin,
    Router,
    ScatterGather,
    TailChopping,
)
from tests.routers.router.kit import WAIT, Worker, crew, seen
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.usefixtures("restless", "no_leaks"), pytest.mark.long, pytest.mark.timeout(900)]

SINGLE = [RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(lambda message: message)]


@pytest.fixture
def restless() -> Iterator[None]:
    """Have the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*works: Callable[[], object]) -> None:
    """Run these at the same time, each on a thread of its own."""
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait(WAIT)
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10 * WAIT)
        assert not thread.is_alive()
    for error in errors:
        raise error


def test_round_robin_is_exact_under_many_senders() -> None:
    each = scaled(20_000, 2_000)
    with ActorSystem() as system:
        workers = crew(system, 5)
        with Router(system, workers) as router:
            together(*[lambda: [router.ref.tell(number) for number in range(5 * each)]] * 4)
            assert {len(seen(worker)) for worker in workers} == {4 * each}


class Counting(Actor):
    """Counts what it is sent, for all of its kind."""

    def __init__(self, handled: deque[int]) -> None:
        super().__init__()
        self.handled = handled  # appended to by several threads, which is one operation

    def on_receive(self, message: int) -> None:
        self.handled.append(message)


def until_forgotten(router: Router[Any]) -> None:
    """Wait until the router has heard of all ends."""
    while any(not ref.is_alive() for ref in router.routees):
        router.ref.stats()


@pytest.mark.parametrize("routing", SINGLE)
def test_no_message_is_lost_or_doubled_while_routees_are_added_removed_and_killed(routing: Any) -> None:
    count, rounds = scaled(20_000, 1_500), scaled(300, 30)
    handled: deque[int] = deque()
    letters: deque[int] = deque()
    with ActorSystem() as system:
        system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
        steady = system.spawn(Counting, handled)
        with Router(system, [steady], routing=routing) as router:

            def send(first: int) -> None:
                for number in range(first, first + count):
                    router.ref.tell(number)

            def come_and_go(end: Callable[[ActorRef[Any]], object]) -> None:
                for _ in range(rounds):
                    refs: list[ActorRef[Any]] = [system.spawn(Counting, handled) for _ in range(3)]
                    router.add(*refs)
                    for ref in refs:
                        end(ref)

            together(
                *[partial(send, index * count) for index in range(3)],
                lambda: come_and_go(lambda ref: router.remove(ref) and ref.stop()),
                lambda: come_and_go(ActorRef.kill),
            )
            until_forgotten(router)
            assert router.routees == (steady,)
    assert Counter([*letters, *handled]) == Counter(range(3 * count))


def outcome_of(future: Future[Any]) -> str:
    """How an ask has ended."""
    try:
        future.get(timeout=WAIT)
    except AskCancelled:
        return "cancelled"
    except ActorDeadError as error:
        return type(error).__name__
    return "answered"


@pytest.mark.parametrize("routing", [*SINGLE, Broadcast(), ScatterGather(), TailChopping(0.0), TailChopping(0.001)])
def test_every_ask_ends_while_routees_die_and_askers_cancel(routing: Any) -> None:
    count, rounds = scaled(3_000, 200), scaled(200, 20)
    ends: deque[str] = deque()
    with ActorSystem() as system, Router(system, crew(system, 2), routing=routing) as router:

        def ask() -> None:
            for number in range(count):
                future = router.ref.ask(number, block=False)
                if number % 7 == 0:
                    future.cancel()
                ends.append(outcome_of(future))

        async def ask_async() -> None:
            for number in range(count):
                with contextlib.suppress(ActorDeadError):
                    await router.ref.ask_async(number, timeout=WAIT)

        def come_and_die() -> None:
            for _ in range(rounds):
                refs = [system.spawn(Worker) for _ in range(2)]
                router.add(*refs)
                for ref in refs:
                    ref.kill()

        together(ask, ask, lambda: asyncio.run(ask_async()), come_and_die)
        until_forgotten(router)
        assert router.ref.ask("still there")
    assert "answered" in ends
    assert set(ends) <= {"answered", "cancelled", "ActorDeadError"}
