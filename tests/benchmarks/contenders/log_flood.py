"""Producers that never stop: how many lines wait at most, and how far memory grows. Each flood in a fresh process.

``python -m tests.benchmarks.contenders.log_flood KIND SECONDS`` prints what was found, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from actors import ActorSystem, logs

from .idle import in_a_process, rss
from .log_storm import from_the_loop, from_threads
from .loggers import BRACES, Channel

THREADS, ON_LOOP, HANGS = "threads", "loop", "hangs"
KINDS = {THREADS: "threads", ON_LOOP: "handlers on a loop", HANGS: "threads, and a sink that hangs"}
OWN = '"event":"log.'  # in lines of the logging actor's own
GLANCE = 0.01  # seconds between two looks at what waits


@dataclasses.dataclass(slots=True)
class Flood:
    """What was found.

    Attributes:
        queue: lines that waited for the logging actor at most.
        backlog: lines that waited for the sink at most.
        grown: bytes by which the resident memory grew at most.
        logged: lines of all producers.
        written: those that the sink took.
        astray: those that were neither written nor counted as lost.
    """

    queue: int = 0
    backlog: int = 0
    grown: int = 0
    logged: int = 0
    written: int = 0
    astray: int = 0


def flood(kind: str, seconds: float) -> Flood:
    """Let producers log for so long; in a process of its own."""
    return Flood(**json.loads(in_a_process(__name__, kind, seconds)))


def _never(_message: Any) -> None:
    """Be a sink that does not get on."""
    time.sleep(3600)


def _watch(logging: logs.Logging, seconds: float, found: Flood, before: int) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        stats = logging.stats()
        found.queue = max(found.queue, stats.waiting)
        found.backlog = max(found.backlog, stats.sinks[0].waiting)
        found.grown = max(found.grown, rss() - before)
        time.sleep(GLANCE)


def _run(kind: str, seconds: float) -> Flood:
    found, over = Flood(), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        target: Any = _never if kind == HANGS else Path(folder, "lines.log")
        storm = from_the_loop if kind == ON_LOOP else from_threads
        logging = logs.setup(logs.Sink(target), exit_timeout=0.0)
        channel = Channel(logs.log, BRACES, logging.flush)
        with ActorSystem("bench") as system:
            before = rss()
            with storm(system, channel, over):
                _watch(logging, seconds, found, before)
        logging.flush(0.5 if kind == HANGS else 60.0)
        stats = logging.stats()
        sink = stats.sinks[0]
        found.logged, found.written = stats.logged, sink.written
        found.astray = stats.logged - stats.waiting - sink.written - sink.lost - sink.waiting
        if isinstance(target, Path):
            with target.open(encoding="utf-8") as file:
                found.astray += abs(sink.written - sum(OWN not in line for line in file))
        return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dataclasses.asdict(_run(sys.argv[1], float(sys.argv[2])))))
    sys.stdout.flush()
    os._exit(0)  # a sink may never get on
