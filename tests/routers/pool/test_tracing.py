"""Pools of traced systems: a job carries where it came from, and not where the worker had the one before from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, DeadLetter, DeadLetterReason, SystemConfig
from actors.routers import Batch, Pool
from tests.routers.pool.kit import accounted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors import Future

TRACED = SystemConfig(tracing=True)


@pytest.fixture
def traced(no_leaks: Any) -> Iterator[ActorSystem]:
    with ActorSystem(config=TRACED) as system:
        yield system


class Identify(Actor):
    """Answers with the id of the message."""

    def on_receive(self, message: Any) -> Any:
        return self.correlation_id


class Sender(Actor):
    """Has a job done, and answers with its own id and that of the job."""

    def __init__(self, pool: Pool[Any], plain: bool) -> None:
        super().__init__()
        self.ref = pool.ref._target.ref if plain else pool.ref

    def on_receive(self, message: Any) -> Any:
        return self.correlation_id, self.ref.ask(message, block=False)


@pytest.mark.parametrize("plain", [False, True])
def test_a_job_has_the_correlation_of_who_sent_it_whoever_hands_it_over(traced: ActorSystem, plain: bool) -> None:
    with Pool(traced, Identify, size=1) as pool:
        senders = [traced.start(Sender, pool, plain) for _ in range(5)]
        pool.pause(0.05)  # so that all but the first are handed over by the worker, which has just done another
        answers = [sender.ask(number) for number, sender in enumerate(senders)]
        found = [(own, job.get(timeout=60)) for own, job in answers]
    assert all(own == job for own, job in found)
    assert len({own for own, _ in found}) == 5


def test_jobs_of_nobody_are_each_the_beginning_of_something(traced: ActorSystem) -> None:
    with Pool(traced, Identify, size=1) as pool:
        asks = [pool.ref.ask(number, block=False) for number in range(5)]
        assert len({ask.get(timeout=60) for ask in asks}) == 5


def test_a_batch_has_the_correlation_of_the_first_of_its_jobs(traced: ActorSystem) -> None:
    class IdentifyList(Actor):
        def on_receive(self, messages: list[Any]) -> list[Any]:
            return [self.correlation_id] * len(messages)

    with Pool(traced, IdentifyList, size=1, batch=Batch(2, 60.0)) as pool:
        first, second = (traced.start(Sender, pool, plain=False).ask(number) for number in range(2))
        assert first[1].get(timeout=60) == second[1].get(timeout=60) == first[0]


def test_a_job_that_comes_again_has_its_correlation_still(traced: ActorSystem) -> None:
    ids: list[str | None] = []

    class Fragile(Actor):
        def on_receive(self, message: Any) -> None:
            ids.append(self.correlation_id)
            if len(ids) == 1:
                raise ValueError(message)

    class Teller(Actor):
        def on_receive(self, message: Any) -> Any:
            pool.ref.tell(message)
            return self.correlation_id

    with Pool(traced, Fragile, size=1) as pool:
        own = traced.start(Teller).ask("x")
        assert pool.drain(timeout=60)
    assert ids == [own, own]


def test_a_worker_that_was_killed_after_it_handed_jobs_over_takes_none_of_them_along(traced: ActorSystem) -> None:
    gate = threading.Event()
    at_gate = threading.Event()
    letters: list[Any] = []
    asks: list[Future[Any]] = []
    traced.events.subscribe(DeadLetter, lambda letter: letters.append((letter.message, letter.reason)))

    def work(message: Any) -> Any:
        if message == "first":
            for number in range(2):
                pool.ref.tell(number)  # a sender that is about to be abandoned
            asks.append(pool.ref.ask(2, block=False))
            at_gate.set()
            gate.wait()
        return message

    with Pool(traced, work, size=1, redeliver=0) as pool:
        pool.ref.tell("first")
        at_gate.wait()
        ask = pool.ref.ask("of somebody else", block=False)
        pool.workers[0].kill()
        assert ask.get(timeout=60) == "of somebody else"
        assert pool.drain(timeout=60)
        stats = pool.stats()
        assert stats.accepted == accounted(stats) == 5
        assert (stats.poisoned, stats.cancelled, stats.done) == (1, 3, 1)
        assert asks[0].cancelled()
        gate.set()
    stale = [message for message, reason in letters if reason is DeadLetterReason.STALE_SENDER]
    assert stale == [0, 1, 2]
