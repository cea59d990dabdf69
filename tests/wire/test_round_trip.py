"""What is encoded and decoded again is what it was: value, types, and which objects are one object."""

from __future__ import annotations

import enum
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Actor, ActorSystem, RemoteError
from actors.errors import CodecError
from actors.wire import Codec, FrameDecoder, Limits
from tests.wire import classes as c
from tests.wire.values import HASHABLE, VALUES, assert_same, fingerprint

REGISTRY = c.registry()
CODEC = Codec(REGISTRY)
COMPRESSING = Codec(REGISTRY, compress_above=20)


@given(VALUES)
def test_what_is_decoded_is_what_was_encoded(value: Any) -> None:
    payload = CODEC.encode(value)
    decoded = CODEC.decode(payload)
    assert_same(value, decoded)
    assert CODEC.encode(decoded) == payload


@given(VALUES)
def test_a_copy_is_what_decoding_gives(value: Any) -> None:
    copied = CODEC.copy(value)
    assert_same(value, copied)
    assert CODEC.encode(copied) == CODEC.encode(value)


@given(VALUES)
def test_any_buffer_and_the_joined_parts_are_the_same_payload(value: Any) -> None:
    payload = CODEC.encode(value)
    assert b"".join(CODEC.encode_parts(value)) == payload
    for data in (bytearray(payload), memoryview(b"x" + payload)[1:], np.frombuffer(payload, "u1")):
        assert_same(value, CODEC.decode(data))


@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(st.integers(1, 40), min_size=1, max_size=8), st.booleans())
def test_frames_give_the_same_messages_however_the_stream_is_cut(values: list[Any], cuts: list[int], compressed: bool) -> None:
    codec = COMPRESSING if compressed else CODEC
    frames = [codec.frame(value) for value in values]
    for value, frame in zip(values, frames, strict=True):
        assert_same(value, codec.unframe(frame))
    stream = b"".join(frames)
    decoder = FrameDecoder(codec)
    read = []
    at = turn = 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        decoder.feed(stream[at : at + size])
        read += decoder
        at += size
        turn += 1
    decoder.close()
    assert len(read) == len(values)
    for value, one in zip(values, read, strict=True):
        assert_same(value, one)


@given(st.lists(HASHABLE, max_size=6), st.randoms(use_true_random=False))
def test_sets_that_were_built_in_another_order_make_the_same_bytes(items: list[Any], chance: random.Random) -> None:
    items = [*set(items)]
    mixed = chance.sample(items, len(items))
    one, other = set(items), set(mixed)
    if fingerprint(one) == fingerprint(other):  # of equal elements, 1 and True, the first stays
        # Parts that both share are numbered as they are met: compared is what shares nothing.
        apart = [CODEC.decode(CODEC.encode([item]))[0] for item in mixed]
        assert CODEC.encode({*apart}) == CODEC.encode(CODEC.decode(CODEC.encode(one)))


SETS = """
import sys
sys.path[:0] = {path!r}
from decimal import Decimal
from tests.wire import classes as c
from actors.wire import Codec
fruit = ["apple", "pear", "plum", b"fig", 1, 1.5, None, ("a", "b"), frozenset({{"x", "y", "z"}}), Decimal("1.5")]
alike = [cls(name, 1) for cls in (c.Plain, c.AlsoPlain) for name in "abc"]
print(Codec(c.registry()).encode([{{*fruit, *alike}}, {{"x": {{*map(str, range(50))}}}}, c.Frozen(frozenset(fruit))]).hex())
"""


def test_every_process_makes_the_same_bytes_of_a_set() -> None:
    made = {
        subprocess.run(
            [sys.executable, "-c", SETS.format(path=sys.path)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(made) == 1


def test_elements_of_different_types_with_the_same_fields_have_one_order() -> None:
    one, other = c.Plain("a", 1), c.AlsoPlain("a", 1)
    assert CODEC.encode({one, other}) == CODEC.encode({other, one})


@pytest.mark.parametrize("make", [list, set, dict, bytearray, c.Nothing])
def test_an_empty_object_that_is_met_twice_is_one_object(make: Any) -> None:
    value = make()
    for got in (CODEC.decode(CODEC.encode([value, value, make()])), CODEC.copy([value, value, make()])):
        assert got[0] is got[1]
        assert got[0] is not got[2]


@pytest.mark.parametrize("odd", [2**100, -(2**64), "\ud800", Decimal("1e999999")])
def test_what_msgpack_cannot_take_travels_wherever_it_stands(odd: Any) -> None:
    shared = [odd]
    for value in (odd, [odd], (odd, 1), {odd: odd}, {odd}, [shared, shared], c.Frozen(odd), c.Box((odd,)), c.WithCode(odd)):
        assert_same(value, CODEC.decode(CODEC.encode(value)))
    error = CODEC.decode(CODEC.encode(ValueError(odd)))
    assert error.arguments == (odd,)


def test_exceptions_of_any_kind_keep_what_can_be_told() -> None:
    error = c.Unregistered(object(), [1], 2**70)
    error.add_note("\udcff")
    arrived = CODEC.decode(CODEC.encode(error))
    assert type(arrived) is RemoteError
    assert arrived.type_name == "tests.wire.classes.Unregistered"
    assert arrived.arguments[1:] == ([1], 2**70)
    assert arrived.arguments[0].startswith("<object object")
    assert arrived.notes == ("\udcff",)
    assert_same(arrived, CODEC.decode(CODEC.encode(arrived)))


@pytest.mark.parametrize("error", [c.Failed("gone"), c.Unregistered("gone")])
@pytest.mark.parametrize("notes", [5, None, "text", {1: 2}])
def test_an_exception_whose_notes_are_no_list_travels_with_their_text(error: Exception, notes: Any) -> None:
    error.__notes__ = notes
    arrived = CODEC.decode(CODEC.encode(error))
    assert getattr(arrived, "__notes__", []) == ([] if notes is None else [str(notes)])
    assert arrived.args[0] in ("gone", "tests.wire.classes.Unregistered")


def test_a_flag_without_a_single_bit_travels() -> None:
    nothing = enum.Flag("nothing", {"NONE": 0})
    registry = c.registry()
    registry.register(nothing, name="NothingAtAll")
    codec = Codec(registry)
    assert codec.decode(codec.encode(nothing.NONE)) is nothing.NONE


class Rest(Actor):
    """Does nothing."""


def test_refs_of_actors_arrive_where_they_are_found() -> None:
    with ActorSystem("round-trip") as system:
        ref = system.spawn(Rest)
        codec = CODEC.with_refs(lambda address: {ref.address: ref}[address])
        value = {ref: [ref, c.Box(ref)], "in a tuple": (ref,)}
        assert_same(value, codec.decode(codec.encode(value)))
        with pytest.raises(CodecError, match="finds no actors"):
            CODEC.decode(codec.encode(value))


def nested(times: int, inner: Any, around: Any) -> Any:
    for _ in range(times):
        inner = around(inner)
    return inner


@pytest.mark.parametrize("inner", [1, Decimal(1), b"", c.Plain("a", 1), [], (), {}, frozenset(), [Decimal(1)], c.Colour.RED, np.zeros(2)])
@pytest.mark.parametrize("around", [lambda it: [it], lambda it: (it,), lambda it: {1: it}, c.Box, c.Holder])
@pytest.mark.parametrize("depth", [1, 5])
def test_what_is_not_too_deep_to_be_encoded_is_not_too_deep_to_be_decoded(inner: Any, around: Any, depth: int) -> None:
    codec = Codec(REGISTRY, limits=Limits(depth=depth))
    own = 0 if type(inner) in (int, bytes, Decimal, np.ndarray) else 1
    for times in range(depth + 3):
        value = nested(times, inner, around)
        if times + own <= depth:
            assert_same(value, codec.decode(codec.encode(value)))
            assert_same(value, codec.copy(value))
        else:
            with pytest.raises(CodecError) as caught:
                codec.encode(value)
            assert caught.value.limit == "depth"
            with pytest.raises(CodecError) as caught:
                codec.decode(CODEC.encode(value))
            assert caught.value.limit == "depth"


def test_the_fast_way_is_no_way_around_the_limits() -> None:
    codec = Codec(REGISTRY, limits=Limits(depth=1))
    for value, plain in ((c.Flat([], {}), False), (c.Plain("a", 1), True), (c.Flat([], {}), False)):
        payload = CODEC.encode(value)
        for call in (lambda value=value: codec.encode(value), lambda payload=payload: codec.decode(payload)):
            for _ in range(2):  # the second time, the type is known
                if plain:
                    call()
                else:
                    with pytest.raises(CodecError, match="deep"):
                        call()


def test_sharing_hides_no_depth() -> None:
    links: list[Any] = [[]]
    for _ in range(150):
        links.append([links[-1]])
    with pytest.raises(CodecError) as caught:
        CODEC.encode(links)
    assert caught.value.limit == "depth"
    assert_same(links[:99], CODEC.decode(CODEC.encode(links[:99])))


def test_sets_in_sets_are_encoded_in_time_that_grows_with_their_number() -> None:
    value: Any = 1
    for _ in range(90):  # twice the time for each level would be for ever
        value = frozenset({value, 0.5})
    assert_same(value, CODEC.decode(CODEC.encode(value)))


@pytest.mark.parametrize("count", [4, 4000])
@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_a_decoded_array_cannot_be_written_to_whatever_its_bytes_came_in(buffer: Any, count: int) -> None:
    array = CODEC.decode(buffer(CODEC.encode([np.arange(count)])))[0]
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("dimensions", [0, 1, 32, 33])
def test_arrays_have_as_many_dimensions_as_can_be_read(dimensions: int) -> None:
    value = np.zeros((1,) * dimensions)
    if dimensions > 32:
        with pytest.raises(CodecError, match="dimensions"):
            CODEC.encode(value)
    else:
        assert_same(value, CODEC.decode(CODEC.encode(value)))
