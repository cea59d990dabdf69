"""A hundred actors log as fast as they can, to three sinks at once: one that works, one that fails at random, one that hangs for a while.

No sink harms another, nobody waits for a broken one for long, and no line vanishes: at the end, what was logged is what was written
and what was reported as lost, for each sink, to the line. (A storm is not what logging is for. It is what logging has to survive.)
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from actors import Actor, ActorRef, ActorSystem, handler, logs
from actors.logs import Overload, Routes, Sink, SinkBackoff

from _terminal import QUICK, print_table

ACTORS = 100
LINES = 200 if QUICK else 500  # of each
GUST = 50  # of them without a pause
HANGS = 0.6  # seconds


class Storm(Actor):
    @handler
    def on_gust(self, first: int) -> None:
        for number in range(first, first + GUST):
            self.log.log("INFO" if number % 100 else "ERROR", "line {}: wind {} m/s", number, number % 33)


class Flaky:
    """Takes lines, but raises in one of 500 calls."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.took = 0

    def __call__(self, message: Any) -> None:
        if self.chance.randrange(500) == 0:
            raise ConnectionError("the collector does not answer")
        self.took += message.record["system"] == "weather"  # the logging actor has some lines of its own, about the sinks


class Sleepy:
    """Takes lines, but the thousandth takes long."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, message: Any) -> None:
        del message
        self.calls += 1
        if self.calls == 1_000:
            time.sleep(HANGS)


def watch(logging: logs.Logging, over: threading.Event) -> None:
    """Print counts as they are, until it is over."""
    began = time.monotonic()
    while not over.wait(0.2):
        stats = logging.stats()
        sinks = ", ".join(f"{one.name} {one.written:,} {one.state.value}" for one in stats.sinks)
        print(
            f"{time.monotonic() - began:4.1f} s: logged {stats.logged:,}, waiting {stats.waiting:,} ({stats.mode.value}); {sinks}",
            flush=True,
        )


def main() -> None:
    flaky = Flaky(seed=7)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "storm.jsonl")
        logging = logs.setup(
            file,
            Sink(flaky, name="flaky", backoff=SinkBackoff(first=0.01, most=0.1), backlog=2_000),
            Sink(Sleepy(), name="sleepy", hangs_after=0.1, backlog=2_000),
            overload=Overload(sync_at=2_000, drop_at=20_000, flush_at=40_000),
            routes=Routes(logging=False),  # only the lines that this program counts itself
            events=False,
        )
        with logging:
            over = threading.Event()
            watcher = threading.Thread(target=watch, args=(logging, over))
            watcher.start()
            blow()
            logging.flush(timeout=60)
            over.set()
            watcher.join()
            stats = logging.stats()
        account(stats, {"storm.jsonl": lines_in(file), "flaky": flaky.took})


def blow() -> None:
    with ActorSystem("weather") as system:
        storms: list[ActorRef[Storm]] = [system.spawn(Storm, name=f"storm-{number}") for number in range(ACTORS)]
        for first in range(0, LINES, GUST):
            for storm in storms:
                storm.tell(first)


def lines_in(file: Path) -> int:
    """Count the lines of the storms."""
    with file.open(encoding="utf-8") as lines:
        return sum('"system":"weather"' in line for line in lines)


def account(stats: logs.LogStats, counted: dict[str, int]) -> None:
    """Show what became of the lines, and make sure that none is missing."""
    rows = [(one.name, one.accepted, one.written, one.lost, one.waiting, one.failures, str(one.error or "")) for one in stats.sinks]
    print_table(
        f"{stats.logged:,} lines logged by {ACTORS} actors", ("sink", "logged", "written", "lost", "waiting", "failures", "error"), rows
    )
    for one in stats.sinks:
        if not stats.logged == one.accepted == one.written + one.lost + one.waiting or one.waiting:
            sys.exit(f"the account of {one.name} does not add up")
        if counted.get(one.name, one.written) != one.written:
            sys.exit(f"{one.name} has {counted[one.name]:,} lines, and not {one.written:,}")
    print("logged = written + lost, for each sink")


if __name__ == "__main__":
    main()
