"""Types of streams: what elements are after each stage, and what a run gives."""

from __future__ import annotations

import itertools
from typing import assert_type

from actors import ActorSystem
from actors.streams import OnError, Sink, Source, StageStats, Stream, StreamRun, StreamStats

system = ActorSystem()


async def fetch(_: int) -> bytes:
    return b""


def add(one: int, other: int) -> int:
    return one + other


numbers = Source([1, 2, 3])
assert_type(numbers, Source[int])
assert_type(Source(lambda: itertools.count()), Source[int])  # noqa: PLW0108  # an overloaded class is too much for pyright
assert_type(numbers.map(str), Source[str])
assert_type(numbers.map(fetch, parallel=4), Source[bytes])
assert_type(numbers.filter(bool), Source[int])
assert_type(numbers.flat_map(lambda number: [str(number)]), Source[str])
assert_type(numbers.scan(0, add), Source[int])
assert_type(numbers.batch(3), Source[list[int]])
assert_type(numbers.window(3, every=1), Source[list[int]])
assert_type(numbers.fold(0, add), Source[int])
assert_type(numbers.zip(Source("abc")), Source[tuple[int, str]])
assert_type(numbers.broadcast(2), tuple[Source[int], ...])
assert_type(numbers.partition(2, lambda number: number > 0), tuple[Source[int], ...])
assert_type(numbers.take(3).named("few").on_error(OnError.SKIP, limit=3), Source[int])
assert_type(numbers.via(lambda source: source.map(str)), Source[str])
numbers.map(str).map(add)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]

assert_type(numbers.to(Sink.collect()), Stream[list[int]])
assert_type(numbers.to(Sink.last()), Stream[int | None])
assert_type(numbers.to(Sink.count()), Stream[int])
assert_type(numbers.to(Sink.each(print)), Stream[int])
run = numbers.to(Sink.collect()).run(system)
assert_type(run, StreamRun[list[int]])
assert_type(run.result(timeout=1), list[int])
assert_type(run.stats(), StreamStats)
assert_type(run.stats().stuck(), StageStats | None)
assert_type(run.cancel(), bool)

both = Stream(numbers.to(Sink.count()), numbers.map(str).to(Sink.collect()))
assert_type(both, Stream[tuple[int, list[str]]])


async def main() -> None:
    async with numbers.to(Sink.count()).run(system) as running:
        assert_type(await running, int)
