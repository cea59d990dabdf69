"""Real threads, and a killer that picks at random: every job is accounted for."""

from __future__ import annotations

import functools
import random
import sys
import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, DeadLetter, DispatcherKind, Future
from actors.routers import ConsistentHash, Pool, PoolBackoff, PoolFullError, WorkerLostError
from tests.routers.pool.kit import accounted
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = scaled(1_000_000, 20_000)
SENDERS = 4


def waits(message: int, deliveries: int) -> bool:
    """Whether a job is one that the killer finds its worker at: asks and tells, some the first time, some whenever they come."""
    return message % 1000 < 2 or (message % 500 < 2 and deliveries == 1)


class Counting(Actor):
    """Counts how often it begins with each job, and waits at some of them, to be killed.

    One list for each worker, for no lock is held. No two workers are at one job, so nobody else writes its number of deliveries.
    """

    def __init__(self, lists: list[list[int]], deliveries: dict[int, int], held: deque[ActorRef[Any]]) -> None:
        super().__init__()
        self.mine: list[int] = []
        self.deliveries = deliveries
        self.held = held
        lists.append(self.mine)

    def on_receive(self, message: int) -> int:
        self.mine.append(message)
        self.deliveries[message] = self.deliveries.get(message, 0) + 1
        if waits(message, self.deliveries[message]):
            self.held.append(self.actor_ref)
            Future[None]().get(timeout=60)
        return message


class CountingOnThread(Counting, dispatcher=DispatcherKind.THREAD):
    """Likewise, on a thread of its own."""


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def kill_at_random(pool: Pool[Any], held: deque[ActorRef[Any]], over: threading.Event, seed: int) -> None:
    """Kill workers of the pool, and those that wait to be killed, which may be leaving it."""
    draw = random.Random(seed)
    while not over.wait(0.002):
        workers = pool.workers
        if workers:
            draw.choice(workers).kill(block=False)
        if held and draw.random() < 0.5:
            held.popleft().kill(block=False)
        if draw.random() < 0.2:
            pool.resize(draw.randint(1, 5))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("redeliver", [0, 1, 3])
@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("worker", [Counting, CountingOnThread])
def test_every_job_is_accounted_for_under_a_random_killer(
    hasty: None, no_leaks: Any, worker: type[Counting], keyed: bool, redeliver: int
) -> None:
    jobs = JOBS if (worker, keyed, redeliver) == (Counting, False, 1) else JOBS // 10
    lists: list[list[int]] = []
    deliveries: dict[int, int] = {}
    held: deque[ActorRef[Any]] = deque()
    letters: list[int] = []
    over = threading.Event()
    with ActorSystem() as system:
        system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
        pool: Pool[Any] = Pool(
            system,
            functools.partial(worker, lists, deliveries, held),
            size=3,
            routing=ConsistentHash(lambda message: message % 17) if keyed else None,
            redeliver=redeliver,
            capacity=1000,
            backoff=PoolBackoff(initial=0.001, maximum=0.001),
        )
        asked: dict[int, Any] = {}

        def send(first: int) -> None:
            for number in range(first, jobs, SENDERS):
                while True:
                    try:
                        if number % 10 == 0:
                            future = pool.ref.ask(number, block=False)
                            if future.done() and isinstance(future.exception(), PoolFullError):
                                raise future.exception()  # type: ignore[misc]
                            asked[number] = future
                        else:
                            pool.ref.tell(number)
                        break
                    except PoolFullError:
                        threading.Event().wait(0.001)

        senders = [threading.Thread(target=send, args=(first,)) for first in range(SENDERS)]
        killer = threading.Thread(target=kill_at_random, args=(pool, held, over, 7))
        for thread in (*senders, killer):
            thread.start()
        while any(thread.is_alive() for thread in senders):
            stats = pool.stats()
            assert stats.accepted == accounted(stats)
            senders[0].join(0.05)
            senders[-1].join(0.05)
        assert pool.drain(timeout=60)
        over.set()
        killer.join()
        stats = pool.stats()
        pool.close()
    assert stats.accepted == accounted(stats) == jobs
    assert (stats.waiting, stats.running, stats.shed, stats.expired, stats.cancelled) == (0, 0, 0, 0, 0)
    begun = Counter(number for mine in lists for number in mine)
    assert max(begun.values()) <= 1 + redeliver
    assert begun.keys() | set(letters) | {n for n, f in asked.items() if f.exception()} == set(range(jobs))
    assert max(Counter(letters).values(), default=0) <= 1
    lost = [number for number, future in asked.items() if isinstance(future.exception(), WorkerLostError)]
    assert all(future.done() and isinstance(future.exception(), WorkerLostError | ActorDeadError | None) for future in asked.values())
    assert stats.poisoned == len(letters) + len(lost)
    assert stats.done == jobs - stats.poisoned
    # The killer did find workers at a job, and as often as makes an end of the job, be it told or asked.
    fatal = set(range(0, jobs, 1000)), set(range(1, jobs, 1000))
    assert fatal[0] <= set(lost)
    assert fatal[1] <= set(letters)
    assert stats.redelivered >= redeliver * len(fatal[0] | fatal[1])
