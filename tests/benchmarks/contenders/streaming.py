"""The same five stages as a stream and as five tasks with queues between them; and a stage whose function runs in processes."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from actors import ActorSystem
from actors.streams import Sink, Source

from .scheduling import burn

BUFFER = 512  # elements that wait before a stage: the default of a stream, and the room of a queue
WAIT = 300.0


class Middle(NamedTuple):
    """The three stages between the source and the fold, which adds up what they give."""

    first: Callable[[Any], Any]
    keep: Callable[[Any], bool]
    second: Callable[[Any], int]


def increase(number: int) -> int:
    """Return the next number."""
    return number + 1


def keep(number: int) -> bool:
    """Keep six of seven."""
    return number % 7 != 0


def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number


def add(one: int, other: int) -> int:
    """Return the sum."""
    return one + other


NUMBERS = Middle(increase, keep, double)
WORDS = Middle(str.split, bool, len)  # of the lines of a text: how many there are


def as_stream(source: Source[Any], middle: Middle) -> float:
    """Return the seconds that a stream takes, on a system that is there already."""
    stream = source.map(middle.first).filter(middle.keep).map(middle.second).to(Sink.fold(0, add))
    with ActorSystem() as system:
        begin = time.perf_counter()
        stream.run(system, buffer=BUFFER).result(timeout=WAIT)
        return time.perf_counter() - begin


def numbers_as_stream(n: int) -> float:
    """So many numbers through a stream."""
    return as_stream(Source(range(n)), NUMBERS)


def lines_as_stream(n: int, *, path: Path) -> float:
    """So many lines of a file through a stream."""
    return as_stream(Source.lines(path).take(n) if n < count_lines(path) else Source.lines(path), WORDS)


def numbers_as_tasks(n: int) -> float:
    """So many numbers through tasks."""
    return as_tasks(lambda: range(n), NUMBERS)


def lines_as_tasks(n: int, *, path: Path) -> float:
    """So many lines of a file through tasks."""

    def lines() -> Iterator[str]:
        with path.open(encoding="utf-8") as file:
            for line in itertools.islice(file, n):
                yield line.removesuffix("\n")

    return as_tasks(lines, WORDS)


def as_tasks(source: Callable[[], Iterable[Any]], middle: Middle) -> float:
    """Return the seconds that five tasks take, each joined to the next by an ``asyncio.Queue``, on a loop that is there already."""

    async def main() -> float:
        one, two, three, four = (Queue(BUFFER) for _ in range(4))
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_read(source(), one))
            tasks.create_task(_convert(one, two, middle.first))
            tasks.create_task(_choose(two, three, middle.keep))
            tasks.create_task(_convert(three, four, middle.second))
            tasks.create_task(_fold(four))
        return time.perf_counter() - begin

    return asyncio.run(asyncio.wait_for(main(), WAIT))


Queue = asyncio.Queue[Any]
_END = object()


async def _read(elements: Iterable[Any], outlet: Queue) -> None:
    for element in elements:
        await outlet.put(element)
    await outlet.put(_END)


async def _convert(inlet: Queue, outlet: Queue, function: Callable[[Any], Any]) -> None:
    while (element := await inlet.get()) is not _END:
        await outlet.put(function(element))
    await outlet.put(_END)


async def _choose(inlet: Queue, outlet: Queue, predicate: Callable[[Any], bool]) -> None:
    while (element := await inlet.get()) is not _END:
        if predicate(element):
            await outlet.put(element)
    await outlet.put(_END)


async def _fold(inlet: Queue) -> int:
    total = 0
    while (element := await inlet.get()) is not _END:
        total = add(total, element)
    return total


def built_in(n: int) -> float:
    """Return the seconds that the same takes as one loop without stages: nothing that has stages comes near."""
    begin = time.perf_counter()
    sum(map(double, filter(keep, map(increase, range(n)))))
    return time.perf_counter() - begin


# -- text --------------------------------------------------------------------------------------------------------------------


@functools.cache
def texts() -> tuple[Path, ...]:
    """Return the modules of the standard library that lie in its own folder: real text, which is everywhere."""
    return tuple(sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")))


def repeated(size: int) -> Iterator[str]:
    """Yield the lines of `texts` again and again until they are so many bytes."""
    left = size
    for path in itertools.cycle(texts()):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line
                left -= len(line.encode())
                if left <= 0:
                    return


def write_lines(path: Path, lines: int) -> None:
    """Make a file of so many lines of `texts`."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(itertools.islice(repeated(2**62), lines))


@functools.cache
def count_lines(path: Path) -> int:
    """Return how many lines a file has."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


# -- processes ---------------------------------------------------------------------------------------------------------------


def burn_there(rounds: int) -> int:
    """Keep a processor busy; return which process did."""
    burn(rounds)
    return os.getpid()


def in_processes(jobs: int, *, processes: int, rounds: int) -> float:
    """Return the seconds from one result to the one that comes `jobs` later, all processes being there already."""
    there: set[int] = set()
    settled = 0  # results that came when all were there; the first ones may have waited for each other, as they come in order
    with ActorSystem() as system:
        elements = Source(itertools.repeat(rounds)).map(burn_there, parallel=processes, processes=True).iterate(system)
        with elements:
            results = iter(elements)  # one for both: leaving a loop over `elements` itself would end the stream
            while settled <= 4 * processes:
                there.add(next(results))
                settled += len(there) == processes
            begin = time.perf_counter()
            done = sum(1 for _ in itertools.islice(results, jobs))
            seconds = time.perf_counter() - begin
    if done != jobs:
        raise AssertionError(f"{jobs - done} of {jobs} results did not come")
    return seconds
