"""Actors log, faster than it can be written, to sinks that fail at random: is each line there, or reported as lost?"""

# it takes an actor's log for one of the standard library's
from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from actors import Actor, ActorSystem, get_all, logs

ACTORS = 100
FAILED_WRITES = 0.01  # of those to the stream, of many lines each
LATE = logs.SinkBackoff(0.4, 0.4)  # so long that the others go on without it, and its backlog overflows
FAILED_CALLS = 0.0002  # of the function, with one line each
POISON = '"n":77}'  # with such a line the function fails each time
SOON = logs.SinkBackoff(0.001, 0.01)
TURN = 20  # lines that a handler on the loop logs before it lets others go on
WAIT = 120.0

_LINE = re.compile(r'"actor":"([^"]*)".*"fields":\{"n":(\d+)\}')


@dataclasses.dataclass(slots=True)
class Account:
    """What was found in a sink.

    Attributes:
        sink: its name.
        logged: lines of all actors.
        written: lines that the sink has.
        reported: lines that are lost, as lines in the sink itself say.
        disorder: lines that it has twice, or out of their actor's order.
        failures: how often it failed.
    """

    sink: str
    logged: int
    written: int = 0
    reported: int = 0
    disorder: int = 0
    failures: int = 0

    @property
    def astray(self) -> int:
        """Lines that are neither written nor reported, both, or twice."""
        return abs(self.logged - self.written - self.reported) + self.disorder


class Numbered(Actor):
    """Logs its numbers."""

    def on_receive(self, lines: int) -> None:
        for number in range(lines):
            self.log.info("took {} from {}", number, "x", n=number)


class NumberedOnLoop(Actor):
    """Does so on the event loop, where no call waits: of these, lines are dropped while too many wait."""

    async def on_receive(self, lines: int) -> None:
        for number in range(lines):
            self.log.info("took {} from {}", number, "x", n=number)
            if number % TURN == 0:
                await asyncio.sleep(0)


class Stream:
    """A text stream whose writes fail at random."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._chance = random.Random(1)

    def write(self, text: str) -> int:
        if self._chance.random() < FAILED_WRITES:
            raise OSError("no space left at this moment")
        return self._file.write(text)

    def flush(self) -> None:
        self._file.flush()


class Function:
    """A function that raises at random, and with some lines each time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._chance = random.Random(2)

    def __call__(self, message: str) -> None:
        if self._chance.random() < FAILED_CALLS or POISON in message:
            raise ValueError("not this one")
        self._file.write(message)

    def close(self) -> None:
        self._file.close()


def accounts(lines: int) -> list[Account]:
    """Log so many lines, and draw up the account of each sink from what is in it."""
    each = lines // ACTORS
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, name) for name in ("file", "stream", "function")}
        function = Function(paths["function"])
        sinks = (
            logs.Sink(paths["file"], name="file"),
            logs.Sink(Stream(paths["stream"]), name="stream", backlog=2_000, backoff=LATE),
            logs.Sink(function, name="function", format=logs.JSON, backoff=SOON),
        )
        # Without lines of the system's and the libraries' own: those are logged too, and nobody counted them.
        logging = logs.setup(*sinks, events=False, routes=logs.Routes(False, False, False, False))
        with logging, ActorSystem("bench") as system:
            kinds: tuple[type[Any], ...] = (Numbered, NumberedOnLoop)
            for kind in kinds:
                refs = [system.spawn(kind, name=f"{kind.__name__}{number}") for number in range(ACTORS // 2)]
                get_all([ref.ask(each, block=False) for ref in refs])
            _flush(logging)
        function.close()
        failures = {one.name: one.failures for one in logging.stats().sinks}
        return [_account(name, path, each * ACTORS, failures[name]) for name, path in paths.items()]


def _flush(logging: logs.Logging) -> None:
    """Flush until it succeeds: a flush does not wait for a sink that has failed some times in a row."""
    end = time.perf_counter() + WAIT
    while not logging.flush(WAIT):
        if time.perf_counter() > end:
            raise TimeoutError("not all lines were written or given up")
        time.sleep(0.05)


def _account(sink: str, path: Path, logged: int, failures: int) -> Account:
    account = Account(sink, logged, failures=failures)
    latest: dict[str, int] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            found = _LINE.search(line)
            if found is None:
                account.reported += _reported(json.loads(line), sink)
                continue
            actor, number = found[1], int(found[2])
            account.disorder += number <= latest.get(actor, -1)
            latest[actor] = number
            account.written += 1
    return account


def _reported(line: dict[str, Any], sink: str) -> int:
    if line["event"] == "log.lost" and line["fields"]["sink"] == sink:
        return int(line["fields"]["lines"])
    return 0
