"""What all the tools against failure have in common: their errors, and forks."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from actors import ActorDeadError, ActorError, ActorSystem
from supervisors import (
    Backoff,
    Bulkhead,
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    RateLimitedError,
    RateLimiter,
    SupervisorError,
    hedge_ask,
    retry,
    retry_ask,
    retry_ask_async,
    retry_async,
)
from tests.contract.kit import eventually
from tests.stress.threads import PATIENCE, race
from tests.supervisors.kit import Doing, Down, fails

ERRORS = [
    (CircuitOpenError("model", 6.0), {"name": "model", "retry_after": 6.0}, ["'model'", "6 seconds"]),
    (CircuitOpenError("model"), {"name": "model", "retry_after": None}, ["'model'", "later"]),
    (BulkheadFullError("model", 3), {"name": "model", "limit": 3, "waited": None}, ["'model'", "3 calls"]),
    (BulkheadFullError("model", 3, 2.5), {"name": "model", "limit": 3, "waited": 2.5}, ["'model'", "3 calls", "2.5 seconds"]),
    (RateLimitedError("model", 0.25), {"name": "model", "retry_after": 0.25}, ["'model'", "0.25 seconds"]),
]


@pytest.mark.parametrize(("error", "data", "words"), ERRORS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("way", [lambda error: error, copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_keeps_its_data_and_says_what_to_do(error: SupervisorError, data: dict[str, object], words: list[str], way) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    again = way(error)
    assert type(again) is type(error)
    assert isinstance(again, SupervisorError)
    assert isinstance(again, ActorError)
    assert {name: getattr(again, name) for name in data} == data
    assert all(word in str(again) for word in words)
    assert str(again) == str(error)


# -- what they are given ---------------------------------------------------------------------------------------------------


def numbers() -> Iterator[int]:
    yield 1


async def numbers_async() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("generator", [numbers, numbers_async, partial(numbers)], ids=["plain", "async", "partial"])
def test_a_generator_is_refused_for_its_call_would_be_over_before_it_begins(generator: Any) -> None:
    breaker, bulkhead, limiter = CircuitBreaker(), Bulkhead(1), RateLimiter(1.0)
    for call in (breaker.call, bulkhead.call, limiter.call, retry):
        with pytest.raises(TypeError, match=r"function=.*a generator"):
            call(generator)
    for call_async in (breaker.call_async, bulkhead.call_async, limiter.call_async, retry_async):
        with pytest.raises(TypeError, match=r"function=.*a generator"):
            asyncio.run(call_async(generator))
    assert limiter.try_acquire()  # nothing was done


# -- the end of a system ---------------------------------------------------------------------------------------------------


def test_who_waits_by_the_clock_of_a_system_that_has_ended_does_not_wait_for_ever() -> None:
    soon = Backoff(0.001, 0.001)
    with ActorSystem() as system:
        ref, ports = system.spawn(Doing), system.ports

    def asks() -> None:
        with pytest.raises(ActorDeadError):
            retry_ask(ref, int, timeout=60.0, on=Exception, backoff=soon)

    def awaits() -> None:
        with pytest.raises(ActorDeadError):
            asyncio.run(retry_ask_async(ref, int, timeout=60.0, on=Exception, backoff=soon))

    def hedges() -> None:
        with pytest.raises(ActorDeadError):
            hedge_ask([ref, ref], int, delay=60.0)

    def retries() -> None:
        with pytest.raises(Down):
            retry(fails, backoff=soon, ports=ports)

    def takes_turns() -> None:
        limiter = RateLimiter(1000.0, ports=ports)
        for _ in range(3):
            limiter.acquire()

    def waits_too_long() -> None:
        bulkhead = Bulkhead(1, waiting=1, timeout=0.001, ports=ports)
        with bulkhead, pytest.raises(BulkheadFullError):
            bulkhead.call(int)

    race(asks, awaits, hedges, retries, takes_turns, waits_too_long)


def test_an_actor_that_was_left_behind_in_the_line_of_a_limiter_holds_up_nobody() -> None:
    limiter = RateLimiter(100.0)
    limiter.pause(1.0)
    threads: list[int] = []
    blocked, release = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        threads.append(threading.get_ident())
        limiter.acquire()

    def block() -> None:
        threads.append(threading.get_ident())
        blocked.release()
        release.wait(PATIENCE)

    with ActorSystem() as system:
        system.spawn(Doing).tell(wait)
        eventually(lambda: limiter.waiting == 1)
        while threads[0] not in threads[1:]:  # the worker on which it waits
            system.spawn(Doing).tell(block)
            assert blocked.acquire(timeout=PATIENCE)
        system.shutdown(timeout=0.05)
        try:
            race(limiter.acquire)
        finally:
            release.set()


# -- forks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="forks of POSIX")
def test_a_forked_child_waits_for_no_caller_that_did_not_come_along() -> None:
    program = """
        import os, threading, warnings

        from actors.testing import ManualClock
        from supervisors import BreakerState, Bulkhead, CircuitBreaker, RateLimiter

        clock = ManualClock()
        breaker = CircuitBreaker(failures=1, reset=10.0, ports=clock.ports())
        bulkhead = Bulkhead(1, waiting=5, ports=clock.ports())
        limiter = RateLimiter(1.0, waiting=1, ports=clock.ports())
        release = threading.Event()
        breaker.trip()
        limiter.acquire()
        clock.advance(10.0)
        limiter.acquire()
        inside = threading.Barrier(2)


        def hold():
            with bulkhead, breaker:
                inside.wait()
                release.wait()


        threading.Thread(target=hold).start()
        inside.wait()
        waits = [threading.Thread(target=limiter.acquire), threading.Thread(target=lambda: bulkhead.call(int))]
        for thread in waits:
            thread.start()
        while not (limiter.waiting and bulkhead.waiting):
            pass
        caught = threading.Event()


        def in_the_middle():
            for tool in (breaker, bulkhead, limiter):
                tool._lock.acquire()
            caught.set()
            release.wait()


        threading.Thread(target=in_the_middle).start()
        caught.wait()
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
        if pid == 0:
            assert (bulkhead.active, bulkhead.waiting, limiter.waiting) == (0, 0, 0)
            assert breaker.call(lambda: breaker.state) is BreakerState.HALF_OPEN  # the other probe is not here
            assert bulkhead.call(lambda: bulkhead.active) == 1
            clock.advance(1.0)
            limiter.acquire()
            limiter.pause(1.0)
            timer = threading.Thread(target=limiter.acquire)
            timer.start()
            while not limiter.waiting:
                pass
            clock.advance(1.0)
            timer.join()
            print("well", flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        os._exit(0)
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == "well\n", result.stderr
