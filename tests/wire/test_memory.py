"""What a scan says that decoding takes at most is more than it takes, and not very much more."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from actors.errors import CodecError
from actors.wire import costs
from actors.wire.codec import Codec
from actors.wire.limits import Limits
from actors.wire.registry import Registry
from actors.wire.scanning import _Scan, memory_of
from tests.wire.payloads import MESSAGES, packed


@dataclass
class Order:
    id: int
    price: float
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


REGISTRY = Registry()
REGISTRY.register(Order, name="shop.Order")
REGISTRY.register(Point, name="shop.Point")
CODEC = Codec(REGISTRY)
LIMITS = Limits()
MANY = 2000
ONCE = 64 * 1024  # bytes that reading takes, however small a message is: msgpack's own

KINDS: dict[str, Callable[[int], Any]] = {
    "ints": lambda n: 10**9 + n,
    "negative ints": lambda n: -n - 1,
    "long ints": lambda n: 2**63 + n,
    "huge ints": lambda n: 2 ** (300 + n % 7) + n,
    "floats": lambda n: n + 0.5,
    "texts": lambda n: f"text {n}",
    "long texts": lambda n: f"text {n} " * 20,
    "latin texts": lambda n: f"täxt {n} " * 20,
    "texts with one wide character": lambda n: f"text {n} 😀" + "x" * 100,
    "lone surrogates": lambda n: f"{n} \ud800" + "x" * 50,
    "bytes": lambda n: bytes(n % 100),
    "bytearrays": lambda n: bytearray(n % 100),
    "empty lists": lambda n: [],
    "lists": lambda n: [n, n + 1, n + 2],
    "tuples": lambda n: (n, n + 1),
    "sets of one": lambda n: {n},
    "sets of five": lambda n: {*range(n, n + 5)},
    "sets of nineteen": lambda n: {*range(n, n + 19)},
    "frozensets": lambda n: frozenset({f"{n}", f"{n + 1}"}),
    "empty sets": lambda n: set(),
    "dicts": lambda n: {f"a{n}": n, "b": n + 1},
    "dicts of six": lambda n: {n + other: other for other in range(6)},
    "empty dicts": lambda n: {},
    "datetimes": lambda n: datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=n),
    "datetimes with zones of their own": lambda n: datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=n), f"zone {n}")),
    "dates": lambda n: date(2000 + n % 100, 1, 1),
    "times": lambda n: time(1, 2, 3, n),
    "timedeltas": lambda n: timedelta(days=n, seconds=n, microseconds=n),
    "decimals": lambda n: Decimal(f"{n}.{'123' * 30}"),
    "ids": lambda n: UUID(int=n),
    "paths": lambda n: PurePosixPath(f"/a/b{n}/c{n}/d"),
    "exceptions": lambda n: ValueError(f"failure {n}", n),
    "dataclasses": lambda n: Order(n + 1000, n + 0.5, [f"tag {n}"]),
    "slotted dataclasses": lambda n: Point(n + 0.5, n + 0.25),
}


def estimate(payload: bytes) -> int:
    scan = _Scan(payload, LIMITS)
    scan.run()
    return LIMITS.memory - scan._left


def measured(payload: bytes) -> int:
    CODEC.decode(payload)  # what is learnt once, and kept, is no part of a message
    tracemalloc.start()
    try:
        value = CODEC.decode(payload)
        peak = tracemalloc.get_traced_memory()[1]
        del value
        return peak
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_takes_no_more_than_estimated_and_not_far_less(kind: str) -> None:
    payload = CODEC.encode([KINDS[kind](number) for number in range(MANY)])
    real = measured(payload)
    assert real <= ONCE + estimate(payload) <= 6 * max(real, ONCE)


@pytest.mark.parametrize(
    "value",
    [
        list(range(1000, 100_000)),
        tuple(range(1000, 100_000)),
        {*range(1000, 100_000)},
        frozenset(map(str, range(30_000))),
        {number: str(number) for number in range(30_000)},
        [{*range(number, number + 2000)} for number in range(10)],
        "x" * 500_000,
        "x" * 500_000 + "😀",
        bytes(500_000),
        bytearray(500_000),
        2**1_000_000,
        PurePosixPath("ab/" * 30_000),
        PurePosixPath("ab/" * 30_000 + "\udcff"),
        ["x" * 30_000] * 20,
    ],
    ids=lambda value: type(value).__name__,
)
def test_decoding_something_large_takes_no_more_than_estimated_and_not_far_less(value: Any) -> None:
    payload = CODEC.encode(value)
    real = measured(payload)
    if isinstance(value, PurePosixPath):  # newer versions of Python take a path apart only when somebody asks
        assert real <= ONCE + estimate(payload)
    else:
        assert real <= ONCE + estimate(payload) <= 8 * max(real, ONCE)


def test_an_array_in_the_message_takes_no_more_than_estimated() -> None:
    numpy = pytest.importorskip("numpy")
    payload = CODEC.encode([numpy.arange(number % 50) for number in range(MANY)])
    assert measured(payload) <= ONCE + estimate(payload)


@given(MESSAGES)
def test_of_any_message_decoding_takes_no_more_than_estimated_and_what_is_there_once(value: Any) -> None:
    payload = packed(value)
    tracemalloc.start()
    try:
        CODEC.decode(payload)
    except CodecError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 2 * ONCE + estimate(payload)


@given(MESSAGES)
def test_no_message_takes_more_than_the_worst_for_each_of_its_bytes(value: Any) -> None:
    payload = packed(value)
    memory_of(payload, Limits(memory=costs.WORST * len(payload)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_takes_a_tenth_of_the_limit_as_it_is_estimated_is_a_message(kind: str) -> None:
    payload = CODEC.encode([KINDS[kind](number) for number in range(MANY)])
    # So much that msgpack's lists are counted while it makes them, which is coarser than the estimate.
    limits = Limits(memory=min(10 * estimate(payload), (costs.WORST - 1) * len(payload)))
    assert len(Codec(REGISTRY, limits=limits).decode(payload)) == MANY


def test_what_paths_are_made_of_is_counted_while_msgpack_makes_it_too() -> None:
    payload = CODEC.encode([PurePosixPath(f"{number}/" * 3000 + "\udcff") for number in range(30)])
    with pytest.raises(CodecError) as caught:
        Codec(limits=Limits(memory=estimate(payload) // 2)).decode(payload)
    assert caught.value.limit == "memory"


def test_a_large_bytearray_is_a_message() -> None:
    value = bytearray(10_000_000)
    assert Codec().decode(Codec().encode(value)) == value


def test_what_would_take_too_much_is_refused_before_it_is_made() -> None:
    codec = Codec(limits=Limits(memory=1_000_000))
    payload = packed([2, *([4] for _ in range(20_000))])
    tracemalloc.start()
    try:
        with pytest.raises(CodecError) as caught:
            codec.decode(payload)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.limit == "memory"
    assert caught.value.path.startswith("message[")
