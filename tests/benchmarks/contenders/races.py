"""Threads against each other: asks against stops, senders against one mailbox."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from .kits import Kit, Start
from .scenarios import WAIT

ASKERS = 2
ASKS_EACH = 4  # asks by each asker to each actor, some before its stop and some after
ACTORS = 250  # alive together
PATIENCE = 5.0  # seconds until an unresolved ask counts as hung; every stop is through by then

ENOUGH = 100  # hung asks after which there is nothing more to learn


@dataclasses.dataclass(slots=True)
class Tally:
    """What became of the asks."""

    tries: int = 0
    answered: int = 0
    refused: int = 0
    hung: int = 0
    wrong: int = 0
    twice: int = 0

    @property
    def bad(self) -> int:
        """Asks that did not resolve exactly once with the value or ``ActorDeadError``."""
        return self.hung + self.wrong + self.twice


@contextlib.contextmanager
def _restless(interval: float = 1e-5) -> Iterator[None]:
    """Let threads switch far more often than usual, so that races are met more often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def asks_and_stops(kit: Kit, asks: int, *, tally: Tally) -> float:
    """Ask actors from some threads while another stops them, one after the other, in step."""
    began = time.perf_counter()
    done = 0
    with kit.session() as start, _restless():
        while done < asks:
            done += _one_batch(kit, start, tally)
            if tally.hung > ENOUGH:
                raise AssertionError(f"{tally.hung:,} of {tally.tries:,} asks hung")
    return time.perf_counter() - began


class _Asker:
    """Asks every actor some times and keeps the futures; counts how often each of them resolves."""

    def __init__(self) -> None:
        self.resolved = bytearray(ACTORS * ASKS_EACH)
        self.futures: list[Any] = []
        self.position = 0

    def run(self, refs: list[Any]) -> None:
        for number in range(ACTORS * ASKS_EACH):
            self.position = number // ASKS_EACH
            future = refs[self.position].ask(number, block=False)
            if hasattr(future, "add_done_callback"):
                future.add_done_callback(partial(self._note, number))
            else:  # pykka's future cannot tell
                self.resolved[number] = 1
            self.futures.append(future)

    def _note(self, number: int, _future: Any) -> None:
        self.resolved[number] += 1


def _one_batch(kit: Kit, start: Start, tally: Tally) -> int:
    mortal = kit.role("mortal")
    refs = [start(mortal) for _ in range(ACTORS)]
    askers = [_Asker() for _ in range(ASKERS)]
    threads = [threading.Thread(target=asker.run, args=(refs,)) for asker in askers]
    for thread in threads:
        thread.start()
    # In step with the first asker, so that the stops fall among the asks and not behind them.
    for index, ref in enumerate(refs):
        while askers[0].position < index and threads[0].is_alive():
            time.sleep(0)
        _stop_one(kit, ref, index)
    for thread in threads:
        thread.join()
    for asker in askers:
        if len(asker.futures) != ACTORS * ASKS_EACH:
            raise AssertionError("an ask raised instead of failing its future")
        _judge(kit, asker.resolved, asker.futures, tally)
    return ASKERS * ASKS_EACH * ACTORS


def _stop_one(kit: Kit, ref: Any, index: int) -> None:
    """Stop from outside, from inside, or (where there is such a thing) by a kill."""
    with contextlib.suppress(kit.library().ActorDeadError):
        if index % 3 == 0:
            ref.tell("stop")
        elif index % 3 == 1 and hasattr(ref, "kill"):
            ref.kill(block=False)
        else:
            ref.stop(block=False)


def _judge(kit: Kit, resolved: bytearray, futures: list[Any], tally: Tally) -> None:
    dead, late = kit.library().ActorDeadError, kit.library().Timeout
    end = time.monotonic() + PATIENCE
    hung = 0
    for number, future in enumerate(futures):
        tally.tries += 1
        try:
            # One patience for all: they wait side by side.
            value = future.get(timeout=max(0.01, end - time.monotonic()))
        except dead:
            tally.refused += 1
        except late:
            hung += 1
        else:
            tally.answered += 1
            tally.wrong += value != number
    # A callback may run a moment after get() returns.
    while not hung and 0 in resolved and time.monotonic() < end:
        time.sleep(0.001)
    tally.hung += hung or resolved.count(0)
    tally.twice += sum(times > 1 for times in resolved)


def burst(kit: Kit, messages: int, *, senders: int, disorder: dict[str, int]) -> float:
    """Tell one actor from several threads at once; whatever comes out of order is counted."""
    each = messages // senders
    done = threading.Event()
    ready = threading.Barrier(senders + 1)
    with kit.session() as start:
        ref = start(kit.role("witness"), senders, each * senders, done)

        def send(sender: int) -> None:
            tell = ref.tell
            ready.wait()
            for number in range(each):
                tell((sender, number))

        threads = [threading.Thread(target=send, args=(i,)) for i in range(senders)]
        for thread in threads:
            thread.start()
        ready.wait()
        began = time.perf_counter()
        complete = done.wait(WAIT)
        seconds = time.perf_counter() - began
        for thread in threads:
            thread.join()
        if not complete:
            raise AssertionError(f"not all of {messages:,} messages were handled")
        disorder[kit.name] = disorder.get(kit.name, 0) + ref.ask(None, timeout=WAIT)
        return seconds
