"""Exactness: what was written and what is reported as lost is what was logged, whatever sinks do."""

from __future__ import annotations

import random
import re
import threading
from typing import Any

import pytest

from actors import Actor, ActorSystem, logs
from actors.logs import Sink, log
from tests.logs.kit_sinks import SOON, WAIT, Taker, balanced, plain
from tests.support import scaled

ACTORS = 100
LINES = scaled(1_000_000, 20_000) // ACTORS
LEFT = re.compile(r"log sink (\w+): ([\d,]+) lines? (?:was|were|lost)")


class Worker(Actor):
    """Logs, in several messages, so that actors take turns."""

    def on_receive(self, message: Any) -> None:
        first, count = message
        for number in range(first, first + count):
            if number % 50 == 0:
                self.log.error(f"{self.actor_ref.path} {number}")
            else:
                self.log.info(f"{self.actor_ref.path} {number}")


class Chance:
    """Raises at random, as a full disk, a bug, or a broken exit would; hangs at random for good, a few times."""

    def __init__(self, seed: int, *, hangs: int) -> None:
        self._random = random.Random(seed)
        self._hangs = hangs
        self.never = threading.Event()

    def __call__(self, message: Any) -> None:
        drawn = self._random.random()
        if drawn < 0.0005:
            raise OSError(28, "No space left on device")
        if drawn < 0.0010:
            raise ValueError("a bug")
        if drawn < 0.0012:
            raise SystemExit
        if drawn < 0.0016 and self._hangs:
            self._hangs -= 1
            self.never.wait(WAIT * 10)
            raise RuntimeError("given up long ago")


def lost_at_the_end(name: str, told: str) -> int:
    return sum(int(count.replace(",", "")) for sink, count in LEFT.findall(told) if sink == name)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("seed", "patience"), [(1, 0.001), (2, 1.0), (3, 0.02)])  # a storm that is mostly dropped; one that is written
def test_written_and_reported_lost_is_logged_exactly(seed: int, patience: float, capsys: pytest.CaptureFixture[str]) -> None:
    hanging, raising = Chance(seed, hangs=2), Chance(seed + 100, hangs=0)
    sinks = {"hanging": Taker(hanging), "raising": Taker(raising), "tight": Taker(Chance(seed + 200, hangs=0)), "good": Taker()}
    overload = logs.Overload(sync_at=2000, drop_at=4000, flush_at=8000, patience=patience)
    made = [
        Sink(sink, name=name, backoff=SOON, hangs_after=0.05, attempts=2, backlog=50 if name == "tight" else 5000)
        for name, sink in sinks.items()
    ]
    logging = plain(*made, overload=overload)
    try:
        with ActorSystem("shop") as system:
            workers = [system.spawn(Worker, name=f"w{number}") for number in range(ACTORS)]
            step = max(1, LINES // 20)
            for first in range(0, LINES, step):
                for worker in workers:
                    worker.tell((first, min(step, LINES - first)))
            for worker in workers:
                worker.ask((0, 0), timeout=WAIT * 10)
        logging.flush(WAIT * 10)
        for one in balanced(logging).sinks:
            assert one.accepted == ACTORS * LINES, one
    finally:
        logging.close(WAIT)
        hanging.never.set()
    told = capsys.readouterr().err
    for name, sink in sinks.items():
        lines = list(sink.lines)
        assert len(set(lines)) == len(lines), name
        assert len(lines) + sink.lost() + lost_at_the_end(name, told) == ACTORS * LINES, name
    assert [one.failures > 0 for one in logging.stats().sinks if one.name != "tight"] == [True, True, False]


def test_lines_of_one_actor_keep_their_order_through_failures() -> None:
    sink = Taker(Chance(7, hangs=0))
    with plain(Sink(sink, backoff=SOON, attempts=100)) as logging, ActorSystem("shop") as system:
        workers = [system.spawn(Worker, name=f"w{number}") for number in range(10)]
        for worker in workers:
            worker.tell((0, 500))
        for worker in workers:
            worker.ask((0, 0))
        assert logging.flush(WAIT)
        for worker in workers:
            mine = [line for line in sink.lines if line.startswith(f"{worker.path} ")]
            assert mine == [f"{worker.path} {number}" for number in range(500)]


def test_what_is_left_at_the_end_is_counted_on_stderr_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    def first(message: Any) -> None:
        raise OSError("never")

    logging = plain(Sink(Taker(first), name="bad", level="ERROR", backoff=SOON), Sink(Taker(first), name="worse", backoff=SOON))
    for _ in range(7):
        log.info("i")
    for _ in range(3):
        log.error("e")
    assert not logging.close(WAIT)
    told = capsys.readouterr().err
    assert "log sink bad: 3 lines were not written before the end (OSError: never)" in told
    assert "log sink worse: 10 lines were not written before the end (OSError: never)" in told
