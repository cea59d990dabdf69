"""Log lines to a file: ours, loguru's, the standard library's and picologging's loggers, each with what it is used for that with.

All write the same lines in formats that look the same, but for JSON. None may lose any: the lines in the file are counted.
"""

# it takes an actor's log for one of the standard library's
from __future__ import annotations

import contextlib
import copy
import importlib
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from actors import Actor, ActorSystem, get_all, logs
from tests.benchmarks.harness import ContenderAbsentError

BURST = 5_000  # lines that the queues hold: the caller is not slowed down to the pace of the writer
WAIT = 60.0
SHAPE = "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}:{function}:{line} - {message}"
_SHAPE = "%(asctime)s.%(msecs)03d | %(levelname)-8s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
_SECONDS = "%Y-%m-%d %H:%M:%S"
BRACES, PERCENT = "took {} from {}", "took %s from %s"


class Channel(NamedTuple):
    """A logger that writes to a file.

    Attributes:
        logger: for threads; for actors too, unless each of them has one of its own.
        message: with its two places in the logger's own style.
        flush: waits until all is written.
        own: whether actors have loggers of their own.
    """

    logger: Any
    message: str
    flush: Callable[[], object]
    own: bool = False


Opener = Callable[[Path], AbstractContextManager[Channel]]


@contextlib.contextmanager
def greenroom(path: Path, *, form: Any = logs.TEXT, **options: Any) -> Iterator[Channel]:
    """Our logging actor, with one sink."""

    def flush() -> None:
        if not logging.flush(WAIT):
            raise TimeoutError("not all lines were written")

    with logs.setup(logs.Sink(path, format=form), **options) as logging:
        yield Channel(logs.log, BRACES, flush, own=True)


@contextlib.contextmanager
def loguru(path: Path, **options: Any) -> Iterator[Channel]:
    """A logger of loguru's that nobody else writes to."""
    library = importlib.import_module("loguru")
    library.logger.remove()
    logger = copy.deepcopy(library.logger)
    logger.add(path, format=SHAPE, level="INFO", **options)
    try:
        yield Channel(logger, BRACES, logger.complete)
    finally:
        logger.remove()


def _library(name: str) -> Any:
    with contextlib.suppress(ImportError):
        importlib.import_module(f"{name}.handlers")
        return importlib.import_module(name)
    raise ContenderAbsentError(f"{name} is not installed")


@contextlib.contextmanager
def standard(path: Path, *, library: str = "logging", queued: bool = False) -> Iterator[Channel]:
    """The standard library's logger, or one with its API; written in the call, or by a `QueueListener`."""
    module = _library(library)
    handler = module.FileHandler(str(path))
    handler.setFormatter(module.Formatter(_SHAPE, _SECONDS))
    logger = module.Logger("bench", module.INFO)
    if not queued:
        logger.addHandler(handler)
        yield Channel(logger, PERCENT, handler.flush)
        handler.close()
        return
    waiting: queue.Queue[Any] = queue.Queue(-1)
    listener = module.handlers.QueueListener(waiting, handler)
    logger.addHandler(module.handlers.QueueHandler(waiting))
    listener.start()
    try:
        yield Channel(logger, PERCENT, waiting.join)
    finally:
        listener.stop()
        handler.close()


class OwnLog(Actor):
    """Logs with its own log; answers with the seconds of the calls, on the wall and of its thread's processor."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()

    def on_receive(self, lines: int) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.thread_time()
        for number in range(lines):
            self.log.info("took {} from {}", number, "x")
        return time.perf_counter() - wall, time.thread_time() - cpu


class TheirLog(Actor):
    """Does the same with a logger that it is given."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.logger, self.message = channel.logger, channel.message

    def on_receive(self, lines: int) -> tuple[float, float]:
        message = self.message
        wall, cpu = time.perf_counter(), time.thread_time()
        for number in range(lines):
            self.logger.info(message, number, "x")
        return time.perf_counter() - wall, time.thread_time() - cpu


def _actor(channel: Channel) -> type[Any]:
    return OwnLog if channel.own else TheirLog


@contextlib.contextmanager
def _file(opener: Opener, lines: int) -> Iterator[Channel]:
    """Open a logger on a new file; so many lines have to be in it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines.log")
        with opener(path) as channel:
            yield channel
        found = path.read_text(encoding="utf-8").splitlines()
    ours = sum(" from x" in line for line in found)
    if ours != lines:
        others = [line for line in found if " from x" not in line][:3]
        raise AssertionError(f"{ours:,} lines in the file, of {lines:,}; others: {others}")


def bursts(lines: int, *, opener: Opener, cpu: list[float]) -> float:
    """Log bursts in an actor's handler, the writer idle before each; the median burst's seconds, as many times as there were bursts.

    Notes in `cpu` what a line took of the thread's processor.
    """
    times = max(1, lines // BURST)
    each = lines // times
    with _file(opener, each * (times + 1)) as channel, ActorSystem("bench") as system:
        ref = system.spawn(_actor(channel), channel)
        taken = []
        for _ in range(times + 1):  # the first one wakes everybody
            taken.append(ref.ask(each))
            channel.flush()
    cpu.append(statistics.median(used for _, used in taken[1:]) / each)
    return statistics.median(seconds for seconds, _ in taken[1:]) * lines / each


def by_actors(lines: int, *, opener: Opener, actors: int = 1) -> float:
    """Log from so many actors at once; until all is written."""
    each = lines // actors
    with _file(opener, each * actors) as channel, ActorSystem("bench") as system:
        refs = [system.spawn(_actor(channel), channel) for _ in range(actors)]
        began = time.perf_counter()
        get_all([ref.ask(each, block=False) for ref in refs])
        channel.flush()
        return time.perf_counter() - began


def by_threads(lines: int, *, opener: Opener, threads: int) -> float:
    """Log from so many threads at once; until all is written."""
    each = lines // threads
    ready = threading.Barrier(threads + 1)

    def run(channel: Channel) -> None:
        info, message = channel.logger.info, channel.message
        ready.wait()
        for number in range(each):
            info(message, number, "x")

    with _file(opener, each * threads) as channel:
        running = [threading.Thread(target=run, args=(channel,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        ready.wait()
        began = time.perf_counter()
        for thread in running:
            thread.join()
        channel.flush()
        return time.perf_counter() - began


class OwnOff(Actor):
    """Logs at a level that is off, ten calls a turn: the loop around them is no part of what is measured."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()

    def on_receive(self, lines: int) -> float:
        began = time.perf_counter()
        for number in range(lines // 10):
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
            self.log.debug("took {} from {}", number, "x")
        return time.perf_counter() - began


class TheirOff(Actor):
    """Does the same with a logger that it is given."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.logger = channel.logger

    def on_receive(self, lines: int) -> float:
        began = time.perf_counter()
        for number in range(lines // 10):
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
            self.logger.debug("took %s from %s", number, "x")
        return time.perf_counter() - began


def off(lines: int, *, opener: Opener) -> float:
    """Call a logger in an actor's handler at a level that is off."""
    with _file(opener, 0) as channel, ActorSystem("bench") as system:
        return system.spawn(OwnOff if channel.own else TheirOff, channel).ask(lines)


TEXT: Opener = greenroom
JSON: Opener = partial(greenroom, form=logs.JSON)
SHAPED: Opener = partial(greenroom, form=SHAPE)
UNTRACED: Opener = partial(greenroom, correlation=False)
LOGURU: Opener = loguru
LOGURU_JSON: Opener = partial(loguru, serialize=True)
LOGURU_ENQUEUE: Opener = partial(loguru, enqueue=True)
STANDARD: Opener = standard
STANDARD_QUEUE: Opener = partial(standard, queued=True)
PICO: Opener = partial(standard, library="picologging")
PICO_QUEUE: Opener = partial(standard, library="picologging", queued=True)
