"""A scan of a payload: what is wrong, at which byte and where in the message; and what decoding would take."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.errors import CodecError
from actors.wire import costs
from actors.wire.limits import Limits
from actors.wire.scanning import _Scan, explain, memory_of
from actors.wire.tokens import skip
from tests.wire.payloads import CUSTOMER, MESSAGES, ORDER, PAYLOADS, packed, sectioned

LIMITS = Limits()


def refused(payload: bytes, **limits: int) -> CodecError:
    with pytest.raises(CodecError) as caught:
        memory_of(payload, Limits(**limits))
    assert str(explain(payload, Limits(**limits))) == str(caught.value)
    return caught.value


def in_order(node: Any) -> bytes:
    """A node as the third tag of an order."""
    return packed([0, [ORDER, CUSTOMER], [], [32, 7, [14, "1"], [2, "a", "b", node], None]])


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_valid_payload_passes(name: str) -> None:
    memory_of(PAYLOADS[name], LIMITS)
    memory_of(bytearray(PAYLOADS[name]), LIMITS)
    memory_of(memoryview(PAYLOADS[name]), LIMITS)
    assert "no value of the wire format" in explain(PAYLOADS[name], LIMITS).why


@given(MESSAGES)
def test_any_message_in_the_format_passes(value: Any) -> None:
    memory_of(packed(value), LIMITS)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "is cut off at byte 0"),
        (packed([2, 1, 2])[:-1], "has an array of 3 elements at byte 0, and only 2 bytes are left"),
        (packed([2, "abcdef"])[:-2], "has 6 bytes of text at byte 2, and only 4 bytes are left: 2 missing"),
        (
            packed([2, b"abcdef"])[:-2],
            "has 6 bytes of binary data at byte 2",
        ),
        (packed(2**40)[:-3], "is cut off in the element at byte 0: 3 bytes are missing"),
        (b"\xdd\xff\xff\xff\xff\x02", "has an array of 4294967295 elements at byte 0, and only 1 byte is left"),
        (b"\xdb\xff\xff\xff\xffa", "has 4294967295 bytes of text at byte 0, and only 1 byte is left: 4294967294 missing"),
        (b"\xc6\xff\xff\xff\xffa", "4294967294 missing"),
        (b"\x80", "has a map at byte 0"),
        (b"\x92\x02\xde\x00\x00", "has a map at byte 2"),
        (b"\x92\x02\xd4\x05\x00", "has unknown extension type 5 at byte 2"),
        (b"\x92\x02\xc7\x01\x85\x00", "has unknown extension type -123 at byte 2"),
        (b"\xd6\xff\x00\x00\x00\x00", "has a timestamp (extension type -1) at byte 0"),
        (b"\xc9\x00", "is cut off in the extension type"),
        (b"\x92\x02\xc1", "has 0xc1 at byte 2"),
        (b"\x92\x02\xa2a\xff", "has text that is no UTF-8 at byte 4: invalid start byte"),
        (b"\x01\x01\x01", "goes on after its end: 2 more bytes from byte 1"),
        (b"\x90", "has an empty array at byte 0"),
        (b"\x92\x02\x90", "has an empty array at byte 2"),
        (b"\x91\x91\x02", "has an array at byte 1 where a node has its tag"),
        (b"\x91\xc0", "has something at byte 1 that is no tag"),
        (b"\x91\xff", "has something at byte 1 that is no tag"),
        (b"\x91\xc3", "has something at byte 1 that is no tag"),
        (packed(["x" * 100_000]), "has a text of 100000 bytes at byte 1 as the key of a registered type"),
    ],
)
def test_bytes_that_are_no_message_are_told_by_what_is_wrong_and_at_which_byte(payload: bytes, why: str) -> None:
    assert why in refused(payload).why


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\xc1\x00", "is cut off in the lengths of its sections: 2 of 16 bytes"),
        (b"\xc1\x01" + sectioned(1)[2:], "bytes 1 to 3 are not zero"),
        (sectioned(1)[:4] + b"\xff\xff\xff\xff" + sectioned(1)[8:], "has 4294967295 sections"),
        (sectioned(1)[:8] + b"\xff" * 8 + sectioned(1)[16:], "has a value of 18446744073709551615 bytes"),
        (sectioned(1, b"abc")[:-1], "has a section 0 of 3 bytes, and only 2 bytes are left"),
        (sectioned(1, b"abc") + b"x", "goes on after its last section: 1 bytes"),
        (sectioned(5, b"abc").replace(b"\x05\x00\x00", b"\x05\x00\x07"), "has something other than zeros before its section 0"),
        (sectioned([2, [2, b"x"]], b"abc").replace(b"\x92\x02\xc4\x01x", b"\x92\x02\xc4\x09x"), "has 9 bytes of binary data"),
    ],
)
def test_sections_that_do_not_fill_the_payload_are_refused(payload: bytes, why: str) -> None:
    assert why in refused(payload).why


BAD = b"\xd4\x05\x00"
MARK = "\x00mark"


def with_bad(value: Any) -> bytes:
    """A payload with an extension type in place of `MARK`."""
    return packed(value).replace(packed(MARK), BAD)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (MARK, "message"),
        ([2, 1, MARK], "message[1]"),
        ([3, [2, MARK]], "message[0][0]"),
        ([4, 1, 2, MARK], "message{2}"),
        ([6, "a", 1, "key", MARK], "message['key']"),
        ([6, "a", 1, 17, [2, MARK]], "message[17][0]"),
        ([6, "a", 1, [3, 1], MARK], "message[…]"),
        ([6, "x" * 41, MARK], f"message['{'x' * 40}'...]"),
        ([6, b"x", MARK], "message[…]"),
        ([6, "a", 1, MARK, 1], "message{1}"),
        ([6, "a", 1, [3, MARK], 1], "message{1}[0]"),
        ([6, "a", 1, [3, 1], 1, "b", MARK], "message['b']"),
        ([0, [ORDER, CUSTOMER], [], [32, 1, 2, [2, MARK]]], "message.tags[0]"),
        ([0, [ORDER, CUSTOMER], [], [32, 1, 2, [2], [33, MARK]]], "message.customer.name"),
        ([ORDER, 1, MARK], "message.price"),
        ([32, 1, MARK], "message[1]"),
        (["shop.Colour/1", [2, 1, MARK]], "message[1]"),
        (["no key", MARK], "message[0]"),
        ([CUSTOMER, 1, 2, MARK], "message[2]"),
        ([0, [ORDER], [[2, 1], [2, [32, 5, MARK]]], None], "message&1[0].price"),
        ([0, [MARK], [], None], "message"),
        ([17, "a.B", "text", [1, MARK], [], ""], "message.args[1]"),
        ([17, "a.B", "text", [[2, 1]], ["note", MARK], ""], "message.notes[1]"),
        ([2, [19, "<f8", "C", [1, MARK], b""]], "message[0]"),
        ([MARK], "message"),
    ],
)
def test_the_path_says_where_in_the_message_it_is(value: Any, path: str) -> None:
    error = refused(with_bad(value))
    assert error.why.startswith("has unknown extension type 5 at byte")
    assert error.path == path


def test_a_very_long_path_is_shortened() -> None:
    value: Any = MARK
    for _ in range(200):
        value = [2, value]
    path = refused(with_bad(value), depth=200).path
    assert path == "message" + "[0]" * 20 + "…" + "[0]" * 20


@pytest.mark.parametrize("length", [100, 70_000, 200_000])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_text_that_is_no_utf8_is_found_in_texts_of_any_length(length: int, cut: int) -> None:
    text = b"a" * cut + "ä".encode() * (length // 2)
    assert refused(packed(text.decode()).replace(text, text[:-1] + b"a")).why.startswith(
        f"has text that is no UTF-8 at byte {len(packed(text.decode())) - 2}"
    )
    memory_of(packed(text.decode()), LIMITS)


def nested(levels: int, tag: int = 2) -> bytes:
    return bytes([0x92, tag]) * levels + b"\x01"


def test_what_is_deeper_than_the_limit_is_refused_there() -> None:
    memory_of(nested(5), Limits(depth=5))
    error = refused(nested(6), depth=5)
    assert error.limit == "depth"
    assert error.path == "message" + "[0]" * 5
    assert "the limit is depth=5" in error.why


@pytest.mark.parametrize("levels", [1024, 1_000_000])
def test_any_depth_is_refused_without_recursion(levels: int) -> None:
    assert refused(nested(levels)).limit == "depth"
    assert "more than 511 arrays within each other" in refused(nested(levels, tag=7)).why


def test_leaves_and_exceptions_are_no_levels() -> None:
    memory_of(packed([17, "a.B", "", [[3, [17, "a.B", "", [[3, [14, "1"]]], [], ""]]], [], ""]), Limits(depth=2))
    refused(packed([17, "a.B", "", [[3, [17, "a.B", "", [[3, [14, "1"]]], [], ""]]], [], ""]), depth=1)


@pytest.mark.parametrize(
    ("node", "elements"),
    [([2, 1, 2, 3, 4], 4), ([4, 1, 2, 3, 4], 4), ([6, *range(8)], 4), (["a.B/1", 1, 2, 3, 4], 4), ([19, "<f8", "C", [1, 1, 1, 1], b""], 4)],
)
def test_a_collection_longer_than_the_limit_is_refused_with_its_path(node: Any, elements: int) -> None:
    memory_of(packed([3, node]), Limits(length=elements))
    error = refused(packed([3, node]), length=elements - 1)
    assert (error.limit, error.path) == ("length", "message[0]")
    assert f"has {elements} elements, and the limit is length={elements - 1}" in error.why


def test_keys_and_shared_nodes_are_limited_as_collections() -> None:
    assert refused(packed([0, ["a/1"] * 4, [], None]), length=3).limit == "length"
    assert refused(packed([0, [], [[2]] * 4, None]), length=3).limit == "length"


def test_a_payload_larger_than_the_limit_is_refused() -> None:
    assert refused(packed("abcdef"), size=6).limit == "size"


def test_memory_is_refused_where_it_passes_the_limit() -> None:
    error = refused(in_order([2, *([4, number] for number in range(300, 1300))]), memory=100_000)
    assert error.limit == "memory"
    assert error.path.startswith("message.tags[2][")
    assert "needs more than 100000 bytes to be decoded, and the limit is memory=100000" in error.why


@pytest.mark.parametrize("payload", [packed([4] + [300] * 1000), packed(["é" * 300] * 3), nested(90, 4), packed([16, "P", "ab/" * 100])])
def test_a_scan_stops_early_when_memory_is_short(payload: bytes) -> None:
    assert refused(payload, memory=1000).limit == "memory"


def test_a_scan_takes_little_memory_itself() -> None:
    payloads = [packed([2, *([3, number, "text"] for number in range(20_000))]), packed("é" * 1_000_000)]
    tracemalloc.start()
    try:
        for payload in payloads:
            memory_of(payload, LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


SMALLEST: list[Any] = [
    300,
    -6,
    2**32,
    1.5,
    "",
    "é",
    b"",
    *([tag] for tag in (2, 3, 4, 5, 6, 32)),
    [4, 1, 2, 3, 4, 5],
    [4, *range(19)],
    [6, 1, 1],
    *([tag, b""] for tag in (7, 8, 9)),
    [9, b"\xed\xa0\x80"],
    [10, 1, 1, 1, 0, 0, 0, 0, 0, [0]],
    [11, 1, 1, 1],
    [12, 0, 0, 0, 0, 0, [0]],
    [13, 0, 0, 0],
    [14, "1"],
    [15, bytes(16)],
    [16, "P", ""],
    [16, "P", "a/b"],
    [17, "a", "", [], [], ""],
    [18, "a", "", "/", 1],
    [19, "|u1", "C", [], b"a"],
    [20, "|u1", b"a"],
    ["a/1"],
    ["a/1:a", 1],
]


@pytest.mark.parametrize("node", SMALLEST, ids=repr)
@pytest.mark.parametrize("times", [1, 100])
def test_a_payload_takes_no_more_than_the_worst_for_each_of_its_bytes(node: Any, times: int) -> None:
    payload = packed(node if times == 1 else [2, *[node] * times])
    memory_of(payload, Limits(memory=costs.WORST * len(payload)))


def test_an_envelope_takes_no_more_than_the_worst_for_each_of_its_bytes() -> None:
    for value in ([0, [], [], None], [0, ["a/1"] * 100, [], None], [0, [], [[3]] * 100, None]):
        memory_of(packed(value), Limits(memory=costs.WORST * len(packed(value))))


@given(st.binary(max_size=60))
@example(b"\x93\x00\x90")
def test_any_bytes_are_explained_or_pass(data: bytes) -> None:
    assert isinstance(explain(data, LIMITS), CodecError)
    assert isinstance(explain(b"\xc1\x00\x00\x00" + data, LIMITS), CodecError)


@given(st.sampled_from(sorted(PAYLOADS)), st.integers(0, 10_000), st.integers(0, 255))
def test_any_mutation_is_explained_or_passes(name: str, at: int, byte: int) -> None:
    payload = bytearray(PAYLOADS[name])
    payload[at % len(payload)] = byte
    assert isinstance(explain(payload, LIMITS), CodecError)


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_truncation_is_refused(name: str) -> None:
    payload = PAYLOADS[name]
    for end in range(len(payload)):
        refused(payload[:end])


@given(MESSAGES)
def test_elements_that_are_passed_by_count_as_much_as_those_that_are_looked_at(value: Any) -> None:
    payload = packed(value)
    scan = _Scan(payload, LIMITS)
    scan.run()
    slow = _Scan(payload, LIMITS)
    slow._run = lambda place, at, end: at  # type: ignore[method-assign]
    slow.run()
    assert scan._left == slow._left


@pytest.mark.parametrize("size", [*range(30), 76, 77, 100, 1000, 50_000, 100_000])
def test_tables_are_estimated_from_above_and_not_far(size: int) -> None:
    keys = range(size)
    real_set, real_dict = sys.getsizeof(set(keys)), sys.getsizeof(dict.fromkeys(keys))
    assert real_set <= 216 + costs._table_of_set(size) <= 216 + 3 * real_set
    assert real_dict <= 64 + costs._table_of_dict(size) <= 400 + 3 * real_dict


@given(MESSAGES)
def test_a_value_that_is_skipped_ends_where_it_ends(value: Any) -> None:
    payload = packed(value)
    assert skip(payload + b"\x01", 0, len(payload) + 1) == len(payload)
