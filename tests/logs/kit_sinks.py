"""Sinks that a test holds or has fail, and programs that log and end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors import logs

WAIT = 30.0  # seconds until a test gives up
SOON = logs.SinkBackoff(first=0.001, most=0.01)
NO_ROUTES = logs.Routes(logging=False, warnings=False, uncaught=False, loguru=False)


class Taker:
    """A sink that keeps what it takes, and does to each message first what `first` does."""

    def __init__(self, first: Callable[[Any], object] | None = None) -> None:
        self.messages: list[Any] = []
        self._first = first
        self._changed = threading.Condition()

    def __call__(self, message: Any) -> None:
        if self._first is not None:
            self._first(message)
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    @property
    def lines(self) -> list[str]:
        """What was logged, without the lines about the logging itself."""
        return [str(one).removesuffix("\n") for one in list(self.messages) if not one.record["event"].startswith("log.")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The fields of the events of a name."""
        return [one.record["extra"] for one in list(self.messages) if one.record["event"] == name]

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Wait until something holds after a message."""
        with self._changed:
            return self._changed.wait_for(condition, WAIT)

    def lost(self) -> int:
        """How many lines are reported as lost."""
        return sum(one["lines"] for one in self.events("log.lost"))


class Held(Taker):
    """A sink that takes nothing before it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.gate = threading.Event()
        super().__init__(self._hold)

    def _hold(self, message: Any) -> None:
        self.began.set()
        self.gate.wait(WAIT)


@contextmanager
def held(**options: Any) -> Iterator[tuple[Held, logs.Logging]]:
    """Logging to one sink that is held at the first line, which is logged already, and has room for that one alone."""
    sink = Held()
    logging = plain(logs.Sink(sink, backlog=1_000_000), **options)
    try:
        yield sink, logging
    finally:
        sink.gate.set()
        logging.close()


def plain(*sinks: Any, **options: Any) -> logs.Logging:
    """Set logging up without routes and events."""
    return logs.setup(*sinks, **{"routes": NO_ROUTES, "events": False, **options})


def balanced(logging: logs.Logging) -> logs.LogStats:
    """The account, which must add up."""
    stats = logging.stats()
    for one in stats.sinks:
        assert one.accepted == one.written + one.lost + one.waiting, one
    return stats


def run(program: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, here in the checkout."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    environment.pop("PYTHONWARNINGS", None)
    given = {"capture_output": True, "text": True, "timeout": 60, "env": environment, **options}
    return subprocess.run(
        [sys.executable, "-W", "ignore:This process", "-c", textwrap.dedent(program), *map(str, arguments)], check=False, **given
    )
