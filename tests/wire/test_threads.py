"""One codec, used by many threads at once, while types are being registered."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import make_dataclass
from decimal import Decimal
from typing import Any

import pytest

from actors.errors import CodecError, RegistrationError
from actors.wire import Codec
from tests.support import scaled
from tests.wire import classes as c
from tests.wire.payloads import packed
from tests.wire.values import assert_same

THREADS = 8
ROUNDS = scaled(2000, 60)


@pytest.fixture(autouse=True)
def tiny_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Any) -> list[Any]:
    """What `work`, called with the number of its thread, returns in each; all begin at once."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [one.result() for one in [pool.submit(run, number) for number in range(THREADS)]]


def messages(number: int) -> list[Any]:
    shared = [number]
    return [
        c.Plain(f"name {number}", number, number / 3, b"x" * number),
        c.Flat([str(number)] * 3, {"a": number}, {number, -number}),
        c.Mutable(number, {"key": shared, ("a", number): [shared]}),
        {c.Frozen(number): frozenset({Decimal(number), "x"}), c.Colour.RED: c.Access.READ | c.Access.RUN},
        [c.StructMutable(number), c.AttrsMutable(number), c.TypedTuple(number), c.Money(number, "EUR"), c.Holder([number])],
        c.WithCode(2**70 + number),
        [2**64 + number, "\ud800", shared, shared],
        f"text {number}",
    ]


def test_one_codec_gives_every_thread_its_own_messages() -> None:
    codec = Codec(c.registry(), compress_above=50)

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            for value in messages(number * ROUNDS + turn if turn % 2 else number):
                assert_same(value, codec.decode(codec.encode(value)))
                assert_same(value, codec.unframe(codec.frame(value)))
                assert_same(value, codec.copy(value))

    in_threads(work)


def test_all_threads_make_the_same_bytes() -> None:
    for _ in range(scaled(50, 5)):
        codec = Codec(c.registry())  # that has learned nothing yet
        made = in_threads(lambda _number, codec=codec: [codec.encode(value) for value in messages(7)])
        assert all(one == made[0] for one in made)


def test_what_is_registered_meanwhile_counts_from_then_on() -> None:
    registry = c.registry()
    codec = Codec(registry)
    each = scaled(200, 12)
    made = [[make_dataclass(f"Late{number}x{index}", [("value", Any)]) for index in range(each)] for number in range(THREADS)]

    def work(number: int) -> None:
        for cls in made[number]:
            value = [cls(number), c.Box(cls([1]))]
            payload = packed([0, [f"{cls.__name__}/1:value", "Box/1:content"], [], [2, [32, number], [33, [32, [2, 1]]]]])
            for call in (lambda value=value: codec.encode(value), lambda payload=payload: codec.decode(payload)):
                with pytest.raises(CodecError, match="registered"):
                    call()
            registry.register(cls, name=cls.__name__)
            assert codec.encode(value) == payload
            assert_same(value, codec.decode(payload))
            assert_same(value, codec.copy(value))

    in_threads(work)
    assert sum(one.cls.__name__.startswith("Late") for one in registry.types) == THREADS * each


def test_of_several_threads_one_registers_a_class() -> None:
    registry = c.registry()
    codec = Codec(registry)
    classes = [make_dataclass(f"Wanted{index}", [("value", int)]) for index in range(scaled(200, 20))]

    def work(number: int) -> int:
        won = 0
        for cls in classes:
            try:
                registry.register(cls, name=cls.__name__)
                won += 1
            except RegistrationError as error:
                assert "registered already" in error.why  # noqa: PT017  # there is no other reason
            assert_same(cls(number), codec.decode(codec.encode(cls(number))))
        return won

    assert sum(in_threads(work)) == len(classes)


def test_keys_of_other_versions_are_learned_by_many_threads_at_once() -> None:
    codec = Codec(c.registry())

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            for field in (f"f{turn}", f"f{number}x{turn}"):
                assert codec.decode(packed([f"Frozen/1:key,{field}", turn, None])) == c.Frozen(turn)
                assert codec.decode(packed(["Old/1:count", turn])) == c.Mutable(turn)

    in_threads(work)
