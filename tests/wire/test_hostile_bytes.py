"""Bytes that nobody sends by mistake: decoding gives a message or a CodecError, within time and memory, and makes nothing else."""

from __future__ import annotations

import datetime as dt
import enum
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import field, make_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import ActorDeadError, CodecError, RemoteError
from actors.wire import Codec, FrameDecoder, Limits, RefAddress, Registry
from actors.wire.probing import probes_of_dict, probes_of_set
from tests.support import scaled
from tests.wire import classes as c
from tests.wire import fuzz
from tests.wire.payloads import PAYLOADS, packed, sectioned
from tests.wire.values import VALUES

REGISTRY = c.registry()
CODEC = Codec(REGISTRY)
MEMORY = 2**20
SMALL = Codec(REGISTRY, limits=Limits(memory=MEMORY))
ONCE = 2**18  # bytes that decoding takes whatever comes: msgpack's own, the text of an error


def refused(payload: bytes, codec: Codec = CODEC) -> CodecError:
    with pytest.raises(CodecError) as caught:
        codec.decode(payload)
    str(caught.value)
    return caught.value


def read(payload: bytes) -> None:
    """Decode what may be anything."""
    fuzz.check(payload)


def lying(kind: int, count: int) -> bytes:
    """The head of an array, a text or bytes that says what is not there."""
    return bytes([kind]) + count.to_bytes(4, "big")


# -- every change of what is valid -----------------------------------------------------------------------------------------------

SHARED = [c.Box(1)]
SAMPLES: list[Any] = [
    [1, "a", b"b", None, True, 1.5, 2**70, "\ud800"],
    {"key": (1, 2), (1, 2): {3, "x"}},
    [bytearray(b"x"), Decimal("1.5"), UUID(int=5), Path("/a/b")],
    [dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC), dt.time(1, 2), dt.date(2024, 5, 1), dt.timedelta(1)],
    c.Plain("name", 1, 2.5, b"x"),
    c.Flat(["a"], {"b": 1}, {2}),
    [c.Mutable(1, []), c.Frozen({c.Frozen(1)} and frozenset({c.Frozen(1)})), c.Colour.RED, c.Access.READ | c.Access.RUN],
    [SHARED, SHARED, {"x": SHARED}],
    [c.Failed("gone"), RemoteError("a.B", (1, [2]), "text", ("note",), "trace")],
    [c.Money(1, "EUR"), c.Holder([c.TypedTuple(1)]), c.StructMutable(1)],
]
VALID = [*(CODEC.encode(value) for value in SAMPLES), *PAYLOADS.values()]
BYTES = (0, 1, 2, 0x7F, 0x80, 0x90, 0x91, 0x92, 0xC0, 0xC1, 0xC3, 0xC4, 0xC7, 0xCA, 0xD9, 0xDC, 0xDD, 0xDF, 0xFF)


@pytest.mark.parametrize("payload", VALID)
def test_whatever_byte_is_changed_it_is_a_message_or_refused(payload: bytes) -> None:
    for at in range(0, len(payload), scaled(1, 1 + len(payload) // 100)):
        for byte in scaled(range(256), (0, 1, 0x80, 0xC1, 0xDD, payload[at] ^ 1, payload[at] ^ 0x10)):
            read(payload[:at] + bytes([byte]) + payload[at + 1 :])


@pytest.mark.parametrize("payload", VALID)
def test_whatever_byte_is_missing_or_too_much_it_is_a_message_or_refused(payload: bytes) -> None:
    for at in range(0, len(payload), scaled(1, 1 + len(payload) // 100)):
        read(payload[:at])
        read(payload[:at] + payload[at + 1 :])
        for byte in scaled(BYTES, (0x01, 0x93)):
            read(payload[:at] + bytes([byte]) + payload[at:])


@pytest.mark.parametrize("codec", [CODEC, Codec(REGISTRY, compress_above=0)])
@pytest.mark.parametrize("value", SAMPLES[:3])
def test_whatever_byte_of_a_frame_is_changed_it_is_a_message_or_refused(codec: Codec, value: Any) -> None:
    frame = codec.frame(value)
    for at in range(len(frame)):
        for changed in (frame[:at], frame[:at] + frame[at + 1 :], frame[:at] + bytes([frame[at] ^ 0x81]) + frame[at + 1 :]):
            fuzz.stream(changed)
            try:
                codec.unframe(changed)
            except CodecError as error:
                assert str(error)  # noqa: PT017  # either will do


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    read(data)
    read(b"GR\x01\x00" + len(data).to_bytes(4, "big") + data)
    read(b"\xc1\0\0\0" + data)


@given(VALUES, st.data())
def test_parts_of_messages_put_together_are_a_message_or_refused(value: Any, data: st.DataObject) -> None:
    payload = CODEC.encode(value)
    other = data.draw(st.sampled_from(VALID))
    at, start, end = (data.draw(st.integers(0, len(other))) for _ in range(3))
    read(other[:at] + payload[start:end] + other[at:])


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.integers(0, 40),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
        st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20)),
        st.builds(msgpack.Timestamp, st.integers(0, 2**60), st.integers(0, 999_999_999)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.builds(
            lambda tag, items: [tag, *items], st.one_of(st.integers(0, 36), st.sampled_from([True, 2.0])), st.lists(inner, max_size=5)
        ),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=10,
)


@given(ANYTHING)
def test_any_value_of_msgpack_is_a_message_or_refused(value: Any) -> None:
    read(msgpack.packb(value))
    read(packed([0, ["Frozen/1:key,more", "Mutable/1:number,zzz", "Colour/1", "Holder/1"], [value, [2, value]], [2, [1, 0], value]]))


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1}, {1: 2}, [2, {}], [6, 1, {}], msgpack.ExtType(5, b"x"), [2, msgpack.Timestamp(1)], [3, msgpack.ExtType(127, b"")]],
)
def test_maps_and_extensions_are_refused(value: Any) -> None:
    assert "which no message has" in str(refused(packed(value))) or "tag" in str(refused(packed(value))) or refused(packed(value))


# -- tags, references, keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag", [True, False, 1.0, 2.0, 6.0, 14.0, 32.0, None, b"", -1, -32, 21, 31, 32, 2**63, [2], "x", "", "Frozen/0:key,more", "Frozen/1"]
)
@pytest.mark.parametrize("parts", [[], [0], [1, 2], ["1"]])
def test_what_is_no_tag_is_refused(tag: Any, parts: list[Any]) -> None:
    for value in (
        [tag, *parts],
        [2, [tag, *parts]],
        [6, 1, [tag, *parts]],
        ["Box/1:content", [tag, *parts]],
        [0, [], [[2]], [2, [tag, *parts]]],
    ):
        refused(packed(value))


@pytest.mark.parametrize("tag", [2.0, 3.0])
def test_a_tag_of_another_type_is_refused_on_the_fast_way_too(tag: float) -> None:
    flat = ["Flat/1:names,counts,seen,more,pair", [2], [6], None, None, [3]]
    for _ in range(2):
        CODEC.decode(packed(flat))
        for place in (1, 5):
            changed = [*flat]
            changed[place] = [tag]
            refused(packed(changed))


@pytest.mark.parametrize(
    "shared",
    [
        [[1, 0]],
        [[1, 1], [1, 0]],
        [[2, [1, 0]]],
        [[2, [1, 1]], [3, [1, 0]]],
        [[5, [1, 0]]],
        [[6, 1, [1, 0]]],
        [["Box/1:content", [1, 0]]],
        [[17, "a", "b", [[1, 0]], [], ""]],
        [[16, "p", [1, 0]]],
        [[1, 5]],
        [1],
        ["x"],
        [[]],
        [None],
        [{}],
        [[1]],
        [[1, -1]],
        [[1, True]],
        [[1, 0.0]],
        [[0, [], [], 1]],
    ],
)
def test_references_in_circles_and_to_nothing_are_refused(shared: list[Any]) -> None:
    for value in ([1, 0], [2, [1, 0], [1, 0]], [5, [1, 0]]):
        refused(packed([0, [], shared, value]))


def test_what_looks_like_a_reference_and_is_none_is_no_circle() -> None:
    error = [17, "a.B", "text", [1, 0], [], ""]  # its arguments are 1 and 0
    one, other = CODEC.decode(packed([0, [], [error], [3, [1, 0], [1, 0]]]))
    assert one is other
    assert one.arguments == (1, 0)


@pytest.mark.parametrize(
    "key",
    [
        "Frozen/1:key,key",
        "Frozen/1:key,",
        "Frozen/1:,",
        "Frozen/2:key,more",
        "Frozen/999999999:key",
        "Frozen/9999999999:key",
        "Frozen/-1:key",
        "Frozen/1",
        "Colour/1:a",
        "Frozen/1:key,more/1",
        "x" * 70_000,
        "Frozen/1:" + ",".join(map(str, range(20_000))),
        "os.system/1",
        "builtins.object/1:",
        "Frozen\n/1:key,more",
        "\x1b[31mFrozen/1:key",
        "Mutable/1:\x1b[2J",
    ],
)
def test_keys_that_are_none_are_refused(key: str) -> None:
    for value in ([key, 1, 2], [0, [key], [], [32, 1, 2]]):
        refused(packed(value))


def test_no_error_has_control_characters_of_the_message() -> None:
    bad = "\x1b]0;x\x07\u202e"
    nodes = [
        *([bad + "/1", 1], [bad, 1], ["Colour/1", bad], [14, bad], [16, bad, "a"], [18, bad, bad, bad, 1], [20, "<M8[" + bad, b""]),
        *(
            [10, 2024, 1, 1, 0, 0, 0, 0, 0, bad],
            ["Frozen/1:key," + bad, [99], [99]],
            [6, bad, [99]],
            ["Failed/1", [3], [6, bad, [99]], [2]],
        ),
        *(["Mutable/1:number," + bad, 1, [99]], [19, "<" + bad, "C", [1], b"x"], [bad], [0, [bad], [], [32]], ["Rows/1:rows", bad]),
    ]
    for node in nodes:
        for value in (node, [6, bad, node]):
            assert str(refused(packed(value))).isprintable(), node


@pytest.mark.parametrize("keys", [[1], [None], [[2]], [b"Frozen/1:key,more"], [True], [{}], []])
def test_keys_that_are_no_text_are_refused(keys: list[Any]) -> None:
    refused(packed([0, keys, [], [32, 1, 2]]))
    refused(packed([0, keys, [], [2, [32, 1, 2], [32, 1, 2]]]))


@pytest.mark.parametrize("value", [[0], [0, []], [0, [], []], [0, [], [], 1, 2], [0, 1, [], 1], [0, [], 1, 1], [2, [0, [], [], 1]]])
def test_what_is_no_envelope_is_refused(value: Any) -> None:
    refused(packed(value))


def test_what_is_kept_of_other_versions_is_bounded() -> None:
    codec = Codec(c.registry())
    before = len(codec._decoders)
    tracemalloc.start()
    try:
        for number in range(60):
            fields = ",".join(f"f{number}x{index}" for index in range(2000))
            codec.decode(packed([f"Frozen/1:key,{fields}", *[None] * 2001]))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4_000_000
    assert len(codec._decoders) - before < 60
    for number in range(1500):
        codec.decode(packed([f"Frozen/1:key,f{number}", 1, 2]))
    bounded = len(codec._decoders)
    codec.decode(codec.encode(c.Money(1, 2)))
    assert len(codec._decoders) == bounded + 1  # present keys are always learned


# -- too long, too deep, too large ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [102, 512, 1000, 100_000])
@pytest.mark.parametrize(
    "head", [b"\x92\x02", b"\x92\x03", b"\x93\x06\x01", b"\x92\xb0Box/1:content\0\0\0", b"\x92\xadBox/1:content", b"\x91"]
)
def test_depth_is_refused(head: bytes, depth: int) -> None:
    refused(head * depth + b"\xc0")


@pytest.mark.parametrize("depth", [101, 250])
def test_depth_within_what_has_no_level_of_its_own_is_refused(depth: int) -> None:
    error: Any = None
    path: Any = "x"
    for _ in range(depth):
        error, path = [17, "a", "b", [error], [], ""], [16, "p", path]
    refused(packed(error))
    refused(packed(path))


@pytest.mark.parametrize("links", [150, 5000])
@pytest.mark.parametrize("tag", [2, 3, 5])
@pytest.mark.parametrize("backwards", [False, True])
def test_depth_through_references_is_refused(tag: int, links: int, backwards: bool) -> None:
    shared = [[tag], *([tag, [1, index]] for index in range(links))]
    places = [[1, index] for index in range(links + 1)]
    for kind in (2, 5):
        assert refused(packed([0, [], shared, [kind, *(places[::-1] if backwards else places)]])).limit == "depth" or (tag, kind) == (2, 5)


@pytest.mark.parametrize("kind", [0xDD, 0xDB, 0xC6, 0xDF, 0xC9])
@pytest.mark.parametrize("times", [1, 10, 400])
@pytest.mark.parametrize("count", [0xFFFF_FFFF, 2**31, 2**20, 5000])
def test_lengths_that_lie_take_no_memory(kind: int, times: int, count: int) -> None:
    for payload in (lying(0xDD, count) * times + lying(kind, count), (lying(0xDD, count) + b"\x02") * times + lying(kind, count)):
        for data in (payload, payload.ljust(3000, b"\0")):
            assert peak(lambda data=data: refused(data, SMALL)) < MEMORY + ONCE
            refused(data)


def peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def attempt(payload: bytes) -> None:
    try:
        SMALL.decode(payload)
    except CodecError as error:
        str(error)


HUNGRY: dict[str, bytes] = {
    "nothing": packed([2, *[None] * 1_000_000]),
    "empty sets": packed([2, *[[4]] * 20_000]),
    "small dicts": packed([2, *[[6, 1, 2]] * 20_000]),
    "bytes": packed(b"x" * 8_000_000),
    "text": packed("x" * 8_000_000),
    "wide text": packed("x" * 1_000_000 + "😀"),
    "errors": packed([2, *[[17, "", "", [], [], ""]] * 5000]),
    "paths": packed([2, *[[16, "p", "a/b/c/d/e/f"]] * 5000]),
    "a path": packed([16, "p", "a/" * 100_000]),
    "arrays": packed([2, *[[19, "|u1", "C", [0], b""]] * 5000]),
    "uuids": packed([2, *[[15, bytes(16)]] * 5000]),
    "references": packed([0, [], [[2, *range(1000)]], [2, *[[1, 0]] * 20_000]]),
    "shared nodes": packed([0, [], [[2]] * 100_000, [2, *[[1, index] for index in range(100_000)]]]),
    "keys": packed([0, [f"Frozen/1:key,x{index}" for index in range(100_000)], [], None]),
    "keys that are used": packed(
        [0, [f"Frozen/1:x{index}" for index in range(5000)], [], [2, *[[32 + index, 1] for index in range(5000)]]]
    ),
    "a long key": packed(["Frozen/1:" + ",".join(f"x{index}" for index in range(9000)), *[None] * 9000]),
    "instances": packed([0, ["Nothing/1:"], [], [2, *[[32]] * 20_000]]),
    "sections": sectioned(None, *[b""] * 100_000),
    "many sections": b"\xc1\0\0\0" + (1_000_000).to_bytes(4, "big") + (1).to_bytes(8, "big") + bytes(8_000_000) + b"\xc0".ljust(8, b"\0"),
    "a wide dtype": packed([19, "<U99999999", "C", [0], b""]),
}


@pytest.mark.parametrize("name", HUNGRY)
def test_decoding_takes_no_more_memory_than_the_limit(name: str) -> None:
    payload = HUNGRY[name]
    attempt(packed([2, 1]))  # what is made once is made
    assert peak(lambda: attempt(payload)) <= MEMORY + ONCE


def test_a_zlib_bomb_is_refused_before_it_has_swollen() -> None:
    codec = Codec(limits=Limits(size=100_000))
    body = zlib.compress(bytes(50_000_000))
    frame = b"GR\x01\x01" + len(body).to_bytes(4, "big") + body

    def attempt() -> None:
        with pytest.raises(CodecError) as caught:
            codec.unframe(frame)
        assert caught.value.limit == "size"
        decoder = FrameDecoder(codec)
        decoder.feed(frame)
        with pytest.raises(CodecError):
            next(decoder)

    assert peak(attempt) < 2_000_000


def test_a_shared_node_is_as_deep_as_where_it_is_referred_to() -> None:
    shared: list[Any] = [[]]
    payload = CODEC.encode([shared, [shared]])
    assert Codec(limits=Limits(depth=4)).decode(payload) == [[[]], [[[]]]]
    assert refused(payload, Codec(limits=Limits(depth=3))).limit == "depth"


@pytest.mark.parametrize("node", [[4, 1, 1], [4, 1, True], [5, "a", "a"], [6, 1, 2, 1, 3], [6, "a", 1, "a", 1]])
def test_what_is_there_twice_is_refused_in_a_field_too(node: list[Any]) -> None:
    kind = {4: set[int], 5: frozenset[str], 6: dict[int, int] if node[1] == 1 else dict[str, int]}[node[0]]
    registry = Registry()
    registry.register(make_dataclass("Holder", [("held", kind)]), name="Holder")
    codec = Codec(registry)
    for _ in range(2):  # the first message of a type goes another way
        assert "twice" in str(refused(packed(["Holder/1:held", node]), codec))


# -- what takes for ever -------------------------------------------------------------------------------------------------------------

PRIME = 2**61 - 1  # ints that differ by a multiple of it have the same hash
MULTIPLES = [PRIME * number for number in range(1, 3001)]
BIG = [[8, one.to_bytes(16, "big")] for one in MULTIPLES]
FLOODS: dict[str, list[Any]] = {
    "ints": BIG,
    "Decimals": [[14, str(one)] for one in MULTIPLES],
    "UUIDs": [[15, one.to_bytes(16, "big")] for one in MULTIPLES],
    "tuples": [[3, one] for one in BIG],
    "instances": [["FrozenSlots/1:key", one] for one in BIG],
    "functions": [["Money/1", [3, one, 1]] for one in BIG],
}


@pytest.mark.parametrize("name", FLOODS)
def test_keys_with_the_same_hash_are_refused_before_they_are_compared(name: str) -> None:
    items = FLOODS[name]
    for value in ([4, *items], [5, *items], [6, *(one for item in items for one in (item, None))]):
        assert "same hash" in str(refused(packed(value)))
    # Nor are many small tables a way around that.
    several = [[4, *items[:300]]] * 100
    assert "same hash" in str(refused(packed([2, *several])))


def test_a_few_keys_with_the_same_hash_are_nothing_special() -> None:
    value = [{*MULTIPLES[:200]}, *({-1, -2, Decimal(-2) * PRIME} for _ in range(1000))]
    assert CODEC.decode(CODEC.encode(value)) == value


def in_each_others_way(bits: int, steps: range) -> list[int]:
    """Return ints that fill a row of places of a table of so many bits, and as many that all look for a place along that row."""
    size, place, row = 1 << bits, 1, []
    for _ in range(size // 3):
        row.append(place)
        place = place * 5 + 1 & size - 1
    # Behind the size a table looks at higher bits first: with these none of them leads away from the beginning of the row.
    late = []
    order = {one: index for index, one in enumerate(row)}
    for step in steps:
        for first in range(1, size, 3):
            key = first + step * size
            perturb, at = key, first
            while perturb:
                perturb >>= 5
                at = at * 5 + perturb + 1 & size - 1
            if order.get(at, size) < size // 20:
                late.append(key)
    return row + late[: size // 3 - 2]


CROWD = in_each_others_way(15, range(1, 40))


@pytest.mark.parametrize("made", [lambda one: one, float, lambda one: [8, one.to_bytes(8, "big")]])
def test_keys_that_are_in_each_others_way_are_refused_before_a_table_is_made(made: Callable[[int], Any]) -> None:
    payload = packed([6, *(part for one in CROWD for part in (made(one), None))])
    assert "in each other's way" in str(refused(payload))


def test_places_taken_are_counted_as_a_table_finds_them() -> None:
    alike = [number << 50 for number in range(5000)]  # they differ where a table looks last
    for probes_of in (probes_of_dict, probes_of_set):
        assert probes_of(range(5000), 10**9) == 0
        assert probes_of(alike, 10**9) > 5 * len(alike)
        assert probes_of(alike, 1000) < 20_000  # no more than it takes to know


@pytest.mark.parametrize("step", [1, 10, 64, 4096, 10**9, 1 << 32, 1 << 40])
def test_many_keys_that_are_multiples_are_nothing_special(step: int) -> None:
    value = [{number * step for number in range(20_000)}, dict.fromkeys(number * step for number in range(20_000))]
    assert CODEC.decode(CODEC.encode(value)) == value


def test_a_huge_int_is_not_compared_with_a_decimal() -> None:
    huge = 1 << 4_000_000
    alike = Decimal(huge % PRIME)
    assert hash(huge) == hash(alike)
    node = [8, huge.to_bytes(600_000, "big")]
    decimal = [14, str(alike)]
    for one, other in ((node, decimal), ([3, node], [3, decimal]), (["FrozenSlots/1:key", node], ["FrozenSlots/1:key", decimal])):
        assert "huge int" in str(refused(packed([4, one, other])))
        assert "huge int" in str(refused(packed([6, one, 1, other, 2])))
        assert "huge int" in str(refused(packed([0, [], [one, other], [4, [1, 0], [1, 1]]])))
    assert CODEC.decode(packed([2, node, decimal])) == [huge, alike]
    assert CODEC.decode(packed([4, node, 1])) == {huge, 1}


def laughs(levels: int, around: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Shared nodes each of which refers to the one before more than once."""
    return [[3, 1], *(around([1, index]) for index in range(levels))]


LAUGHS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "tuples": lambda one: [3, one, one],
    "frozensets of tuples": lambda one: [5, [3, one, one], [3, one]],
    "instances": lambda one: ["Frozen/1:key,more", one, one],
    "attrs": lambda one: ["AttrsFrozen/1:key", [3, one, one]],
    "functions": lambda one: ["Money/1", [3, one, one]],
}


@pytest.mark.parametrize("name", LAUGHS)
def test_what_is_hashed_is_bounded_with_shared_parts_counted_each_time(name: str) -> None:
    shared = laughs(40, LAUGHS[name])
    for value in ([4, [1, 40]], [5, [1, 40], 1], [6, [1, 40], 1], [2, [6, [3, [1, 40]], 1]]):
        assert refused(packed([0, [], shared, value])).limit == "length"
    # In the end it is the sum that counts.
    shared = laughs(14, LAUGHS[name])
    assert refused(packed([0, [], shared, [2, *[[4, [3, [1, 14], index]] for index in range(1000)]]])).limit == "length"


@pytest.mark.parametrize("value", [[2, [1, 60]], [6, "a", [1, 60]], ["Box/1:content", [1, 60]], ["Frozen/1:key,more", [1, 60], 1]])
def test_what_is_shared_and_not_hashed_is_a_message(value: list[Any]) -> None:
    assert CODEC.decode(packed([0, [], laughs(60, LAUGHS["tuples"]), value]))


@pytest.mark.parametrize("key", ["Rows/1:rows,named", "Rows/1:rows"])
def test_what_is_held_against_annotations_is_bounded_with_shared_parts_counted_each_time(key: str) -> None:
    more = [None] if key.endswith("named") else []
    rows = [2, *[[1, 0]] * 20_000]
    for node in ([key, rows, *more], [2, *[[key, [2, [1, 0]], *more]] * 20_000], [2, *[[key, [1, 1], *more]] * 20]):
        assert refused(packed([0, [], [[2, *range(10_000)], rows], node])).limit == "length"


# -- values that are no values ---------------------------------------------------------------------------------------------------------

HUGE = [8, b"\x01" + bytes(5000)]


@pytest.mark.parametrize(
    "node",
    [
        [10, 0, 1, 1, 0, 0, 0, 0, 0, None],
        [10, 2024, 2, 30, 0, 0, 0, 0, 0, None],
        [10, 2024, 1, 1, 0, 0, 0, 0, 2, None],
        [10, 2024, 1, 1, 0, 0, 0, 10**6, 0, None],
        [10, 2**63, 1, 1, 0, 0, 0, 0, 0, None],
        [10, True, 1, 1, 0, 0, 0, 0, 0, None],
        [10, 2024.0, 1, 1, 0, 0, 0, 0, 0, None],
        [10, HUGE, 1, 1, 0, 0, 0, 0, 0, None],
        [10, b"\x07\xe8\x05\x01\x0c\x00\x00\x00\x00\x00"],
        [10],
        [11, 2024, 13, 1],
        [11, b"\x07\xe8\x05\x01"],
        [12, 24, 0, 0, 0, 0, None],
        [12, 1, 0, 0, 0, -1, None],
        [13, 10**9, 0, 0],
        [13, 2**63, 2**63, 2**63],
        [13, 1.5, 0, 0],
        [13, float("nan"), 0, 0],
        [14, "x"],
        [14, ""],
        [14, "1e9999999999999999999999"],
        [14, "1" * 20 + "e-99999999999999999999"],
        [14, 1],
        [14, b"1"],
        [15, bytes(15)],
        [15, b""],
        [15, "0" * 32],
        [16, "x", "a"],
        [16, "p", 1],
        [16, ["p"], "a"],
        [16, "p"],
        [16],
        [16, "p", [2]],
        [7, "text"],
        [7, 1_000_000_000],
        [8, "text"],
        [8, 5],
        [9, b"\xff"],
        [9, "text"],
        [17, "a", "b", [], []],
        [17, "a", "b", [], [1], ""],
        [17, 1, "b", [], [], ""],
        [17, "a", "b", [2] * 101, [], ""],
        [17, "a", "b", {}, [], ""],
        [18, "a", "b", "c", 1],
        [18, "a"],
        [18, 1, 2, 3, 4],
        ["Colour/1", "BLUE"],
        ["Colour/1", "__class__"],
        ["Colour/1", 1],
        ["Colour/1", HUGE],
        ["Colour/1", [2]],
        ["Colour/1"],
        ["Access/1", 8],
        ["Access/1", "READ"],
        ["Access/1", HUGE],
        ["Access/1", True],
        ["Access/1", 1.0],
        ["Loose/1", HUGE],
        ["Failed/1", [2], [6], [2]],
        ["Failed/1", [3], [6, "__notes__", 1], [2]],
        ["Failed/1", [3], [6, 1, 1], [2]],
        ["Failed/1", [3], [6], [2, 1]],
        ["Money/1", 5],
        ["Money/1", HUGE],
        ["Money/1"],
        ["Frozen/1:key,more", 1],
        ["Frozen/1:key,more", 1, 2, 3],
        ["Mutable/3:number,anything", "text", None],
        ["Mutable/1:zzz", 1],
        ["Rows/1:rows,named", [2, [2, "text"]], None],
        [4, [2]],
        [4, 1, True],
        [4, 1, 1.0],
        [5, "a", "a"],
        [4, [14, "sNaN"]],
        [6, 1],
        [6, 1, 2, 1, 3],
        [6, 1, 2, True, 3],
        [6, [2], 1],
        [6, [6], 1],
    ],
)
def test_what_is_no_value_of_its_kind_is_refused(node: Any) -> None:
    for value in (node, [2, node], [6, "key", node], [0, [], [node], [2, [1, 0]]], [0, ["Box/1:content"], [], [32, node]]):
        refused(packed(value))


@pytest.mark.parametrize(
    "zone",
    [
        *(
            "../../etc/passwd",
            "/etc/passwd",
            "tzdata",
            "",
            ".",
            "..",
            "Europe",
            "Europe/",
            "Europe/../UTC",
            "europe/berlin",
            "posix/../UTC",
        ),
        *("UTC\0", "tzdata.zoneinfo", "__init__.py", "zone.tab", "x" * 100_000, "Europe//Berlin", "right/../../x", "C:\\UTC", "UTC "),
        *(
            1,
            True,
            [],
            [1, 2],
            [1.0],
            [86_400_000_000],
            [2**63],
            [HUGE],
            [0, "a", "b"],
            [0, [9.0, b""]],
            [0, [9, b"\xff"]],
            [0, 1],
            b"UTC",
            {},
        ),
    ],
)
def test_what_is_no_zone_is_refused(zone: Any) -> None:
    refused(packed([10, 2024, 1, 1, 0, 0, 0, 0, 0, zone]))
    refused(packed([12, 1, 0, 0, 0, 0, zone]))


@pytest.mark.parametrize(
    "dtype",
    [
        *(
            "O",
            "|O",
            "<O8",
            "V8",
            "|V8",
            "i4,i4",
            "<i4,<i4",
            "<U99999999999999999999",
            "(2,2)f8",
            "<f8(2)",
            "<i3",
            "<f1",
            "f8",
            "float64",
            "",
            "<",
        ),
        *(
            "|",
            "<M8[x]",
            "<M8[",
            "<M8[ns",
            "object",
            "T",
            "<i4\0",
            "<i4 ",
            "{'names': []}",
            "<U-1",
            "<S-5",
            "|b2",
            "<c3",
            "=O",
            5,
            None,
            b"<i4",
        ),
        "<" + "i" * 100_000,
    ],
)
def test_what_is_no_plain_dtype_is_refused(dtype: Any) -> None:
    for size in (0, 1, 2, 4, 8):
        refused(packed([20, dtype, bytes(size)]))
        refused(packed([19, dtype, "C", [1], bytes(size)]))


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ([2**32, 2**32], b"x"),
        ([2**47] * 32, b"x"),
        ([2**63], b""),
        ([-1], b"x"),
        ([-1, -1], b"x"),
        ([True], b"x"),
        ([1.0], b"x"),
        (["1"], b"x"),
        ([[2]], b"x"),
        ([1] * 33, b"x"),
        ([1] * 1000, b"x"),
        ([2], b"x"),
        ([0], b"x"),
        ([], b""),
        (1, b"x"),
        ([1], "x"),
        ([1], 0),
        ([1], -1),
        ([1], True),
        ([1], None),
        ([1], [7, b"x"]),
    ],
)
def test_what_is_no_shape_of_an_array_is_refused(shape: Any, data: Any) -> None:
    refused(packed([19, "|u1", "C", shape, data]))
    refused(packed([19, "|u1", "A", [1], b"x"]))


def test_empty_arrays_have_a_shape_that_can_be() -> None:
    for shape in ([2**47, 0], [2**47] * 4 + [0], [0] * 32):
        try:
            made = CODEC.decode(packed([19, "|u1", "C", shape, b""]))
        except CodecError:
            continue
        assert made.shape == tuple(shape)
    refused(packed([19, "<U0", "C", [2**40], b""]))


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc1",
        b"\xc1\0\0\0",
        b"\xc1" + bytes(15),
        b"\xc1\0\0\0" + b"\xff" * 12,
        b"\xc1\0\0\0\0\0\0\0" + (2**64 - 1).to_bytes(8, "big") + b"\xc0",
        b"\xc1\0\0\0\0\0\0\1" + (1).to_bytes(8, "big") + (2**64 - 1).to_bytes(8, "big") + b"\xc0" + bytes(7),
        b"\xc1\0\0\0\0\0\0\1" + (2**64 - 8).to_bytes(8, "big") + (16).to_bytes(8, "big") + b"\xc0" + bytes(7),
        sectioned(None, b"abc") + b"x",
        b"\xc1\0\0\1" + sectioned(None, b"abc")[4:],
        sectioned(None, b"abc")[:-1],
        sectioned([19, "|u1", "C", [3], 1], b"abc"),
        sectioned([19, "|u1", "C", [4], 0], b"abc"),
        sectioned([2, [7, 0]], b"abc"),
        sectioned([0], b"abc"),
    ],
)
def test_sections_that_lie_are_refused(payload: bytes) -> None:
    refused(payload)


def test_an_error_of_a_class_that_cannot_even_be_told_is_a_refusal() -> None:
    table = {1: c.Holder(1)}

    class Looked:
        pass

    registry = c.registry()
    registry.register_functions(Looked, name="Looked", encode=lambda _it: 1, decode=lambda given: table[given])  # type: ignore[arg-type, return-value]
    # KeyError says its key, and an int of so many digits says nothing.
    assert "unprintable KeyError" in str(refused(packed(["Looked/1", HUGE]), Codec(registry)))


def test_a_default_that_raises_is_a_refusal() -> None:
    def unlucky() -> int:
        raise KeyError("none left")

    cls = make_dataclass("Unlucky", [("first", Any), ("second", int, field(default_factory=unlucky))])
    registry = c.registry()
    registry.register(cls, name="Unlucky")
    assert "none left" in str(refused(packed(["Unlucky/1:first", 1]), Codec(registry)))


def test_a_flag_has_no_more_values_than_can_be_kept() -> None:
    wide = enum.IntFlag("wide", [f"BIT{number}" for number in range(20)])
    registry = c.registry()
    registry.register(wide, name="Wide")
    codec = Codec(registry)
    assert codec.decode(packed(["Wide/1", 2**19 + 1])) == 2**19 + 1
    few = 2**16 - len(wide._value2member_map_)
    values = [["Wide/1", 8 * number + 7] for number in range(1, few + 100)]
    assert "too many" in str(refused(packed([2, *values]), codec))
    assert codec.decode(packed(["Wide/1", 2**19 + 1])) == 2**19 + 1
    for value in (HUGE, -1, 2**20):
        assert "no member" in str(refused(packed(["Wide/1", value]), codec))


# -- nothing else is made --------------------------------------------------------------------------------------------------------------

IMPORTS = """
import sys
sys.path[:0] = {path!r}
from actors.errors import CodecError
from actors.wire import Codec
from tests.wire import classes as c
from tests.wire.payloads import packed
codec = Codec(c.registry())
codec.decode(packed([10, 2024, 1, 1, 0, 0, 0, 0, 0, "Europe/Berlin"]))  # the names of zones are read once
before = set(sys.modules)
for value in {values!r}:
    try:
        codec.decode(packed(value))
    except CodecError:
        pass
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_imported_because_bytes_ask_for_it() -> None:
    names = ["antigravity/1", "this/1:", "os.system/1", "xml.dom.minidom/1:a", "tkinter.Tk/1", "tests.wire.test_framing/1:"]
    zones = ["this", "antigravity", "../this", "tzdata", "tests"]
    values = [
        *([key, 1] for key in names),
        *([0, [key], [], [32, 1]] for key in names),
        *([10, 2024, 1, 1, 0, 0, 0, 0, 0, zone] for zone in zones),
        *([17, key.split("/")[0], "x", [], [], ""] for key in names),
        [19, "<M8[ns]", "C", [1], bytes(8)],
        [18, "this", "this", "this", 1],
        [16, "W", "c:\\x"],
        [8, b"\x01" + bytes(100)],
    ]
    script = IMPORTS.format(path=sys.path, values=values)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2], timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_an_exception_that_is_not_registered_is_never_one_of_its_class() -> None:
    for name in ("builtins.SystemExit", "builtins.KeyboardInterrupt", "tests.wire.classes.Failed"):
        made = CODEC.decode(packed([17, name, "text", [1], [], ""]))
        assert type(made) is RemoteError
        assert made.type_name == name


def test_a_class_that_is_known_and_not_registered_is_not_made() -> None:
    made: list[int] = []

    class Secret:
        def __init__(self) -> None:
            made.append(1)

    assert Secret.__qualname__
    for name in ("Secret", f"{Secret.__module__}.{Secret.__qualname__}", "tests.wire.classes.Unregistered", "Unregistered"):
        for key in (f"{name}/1", f"{name}/1:", f"{name}/1:a"):
            try:
                CODEC.decode(packed([key, 1]))
            except CodecError as error:
                assert "registered" in str(error)  # noqa: PT017  # each of them is
            else:
                pytest.fail(key)
    assert made == []


def test_what_finds_actors_is_asked_for_addresses_only() -> None:
    asked: list[RefAddress] = []

    def refs(address: RefAddress) -> Any:
        asked.append(address)
        return "no ref"

    assert "returned str" in str(refused(packed([18, "a", "b", "/c", 1]), CODEC.with_refs(refs)))
    for parts in (["a", "b", "c"], ["a", "b", 1, 1], [["a"], "b", "c", 1], ["a", "b", "c", True], ["a", "b", "c", 1, 2]):
        refused(packed([18, *parts]), CODEC.with_refs(refs))
    assert asked == [RefAddress("a", "b", "/c", 1)]


@pytest.mark.parametrize("error", [KeyError("/c"), ActorDeadError("gone"), ZeroDivisionError()], ids=lambda error: type(error).__name__)
def test_what_the_function_that_finds_actors_raises_is_an_error_of_the_message(error: Exception) -> None:
    def refs(_: RefAddress) -> Any:
        raise error

    found = refused(packed([2, [18, "a", "b", "/c", 1]]), CODEC.with_refs(refs))
    assert found.path == "message[0]"
    assert type(error).__name__ in found.why
    assert found.__cause__ is error


@pytest.mark.parametrize("path", sorted(fuzz.CORPUS.iterdir()) if fuzz.CORPUS.is_dir() else [], ids=lambda path: path.name)
def test_the_fuzzers_corpus_decodes_or_is_refused(path: Path) -> None:
    data = path.read_bytes()
    assert path.name == fuzz.file_name(data)
    fuzz.check(data)
