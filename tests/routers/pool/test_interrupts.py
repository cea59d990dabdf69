"""A Ctrl-C in the middle of a send: wherever it comes, each job is done or was refused, and the pool goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, DispatcherKind, Overflow
from actors.routers import Batch, ConsistentHash, Pool, PoolFullError, RoundRobin
from tests.interrupts import interrupted
from tests.routers.pool.kit import accounted

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors import ActorSystem

POOL = "actors/routers/pool"


class Noting(Actor, dispatcher=DispatcherKind.THREAD):
    """Notes what it handles in a list that all share."""

    use_daemon_thread = True

    def __init__(self, done: list[Any]) -> None:
        super().__init__()
        self.done = done

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            self.done.extend(message)
        else:
            self.done.append(message)
        return message


def tell(pool: Pool[Any]) -> None:
    pool.ref.tell("interrupted")


def ask(pool: Pool[Any]) -> None:
    pool.ref.ask("interrupted", block=False)


def cancel(pool: Pool[Any]) -> None:
    pool.ref.ask("interrupted", block=False).cancel()


def tell_while_paused(pool: Pool[Any]) -> None:
    """Without room for the last one."""
    for _ in range(3):
        try:
            pool.ref.tell("interrupted")
        except PoolFullError:
            return


@pytest.mark.parametrize("use", [tell, ask, cancel])
@pytest.mark.parametrize(
    "options",
    [{}, {"routing": ConsistentHash(str)}, {"routing": RoundRobin()}, {"batch": Batch(2, within=0.0)}, {"overflow": Overflow.BLOCK}],
    ids=["plain", "keyed", "lanes", "batch", "block"],
)
def test_an_interrupt_at_any_moment_neither_loses_a_job_nor_leaves_a_worker_stuck(
    system: ActorSystem, use: Callable[[Pool[Any]], None], options: dict[str, Any]
) -> None:
    begun: list[Any] = []
    with Pool(system, lambda_of(begun), size=1, **options) as pool:
        number = 0
        while interrupted(POOL, lambda: use(pool), number):
            assert pool.ref.ask("after", timeout=10) == "after"
            assert pool.drain(timeout=10)
            stats = pool.stats()
            assert stats.accepted == accounted(stats) == stats.done + stats.cancelled
            assert len(begun) in range(stats.done, stats.accepted + 1)
            assert (stats.waiting, stats.running, stats.busy) == (0, 0, 0)
            number += 1
        assert number > 20  # or nothing was interrupted


def lambda_of(begun: list[Any]) -> Any:
    def work(message: Any) -> Any:
        begun.extend(message if isinstance(message, list) else [message])
        return message

    return work


@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.DROP_OLDEST, Overflow.DROP_NEWEST])
@pytest.mark.parametrize("routing", [None, ConsistentHash(str), RoundRobin()])
def test_an_interrupt_of_a_send_to_a_full_pool_leaves_its_figures_right(system: ActorSystem, overflow: Overflow, routing: Any) -> None:
    begun: list[Any] = []
    number, done = 0, False
    while not done:
        with Pool(system, lambda_of(begun), size=1, name=f"pool-{number}", capacity=2, overflow=overflow, routing=routing) as pool:
            pool.pause(0.001)
            done = not interrupted(POOL, lambda pool=pool: tell_while_paused(pool), number)  # type: ignore[misc]
            assert pool.drain(timeout=10)
            assert pool.ref.ask("after", timeout=10) == "after"
            stats = pool.stats()
            assert stats.accepted == accounted(stats) == stats.done + stats.shed
            number += 1
    assert number > 20
