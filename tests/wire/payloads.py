"""Payloads as the wire format describes them, made without a codec."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
from hypothesis import strategies as st

ORDER = "shop.Order/1:id,price,tags,customer"
CUSTOMER = "shop.Customer/2:name,seen"


def packed(value: Any) -> bytes:
    return msgpack.packb(value, use_bin_type=True)


def sectioned(value: Any, *sections: bytes) -> bytes:
    """A payload with sections."""
    body = packed(value)
    result = bytearray(struct.pack(">IIQ", 0xC1 << 24, len(sections), len(body)))
    result += b"".join(struct.pack(">Q", len(section)) for section in sections) + body
    for section in sections:
        result += bytes(-len(result) % 8) + section
    return bytes(result)


CUSTOMER_NODE = [33, "Ann", [4, "a", "b"]]
ORDER_NODE = [32, 7, [14, "1.50"], [2, "a", "b"], CUSTOMER_NODE]
FAILURE = [17, "shop.db.Lost", "gone", ["gone", [2, 3]], ["while paying"], "Traceback (most recent call last):\n  File …\nLost: gone"]
EVERYTHING = [
    3,
    None,
    True,
    -(2**63),
    2**64 - 1,
    1.5,
    "text\x1b[31m ä 😀",
    b"bytes",
    [2, 1, [2]],
    [4, 1, [3, 1, 2]],
    [5, "x"],
    [6, "key", [2, 1], [3, 1], "value", 3, None],
    [7, b"array"],
    [8, b"\x01" + bytes(9)],
    [9, "\ud800".encode("utf-8", "surrogatepass")],
    [10, 2024, 5, 1, 12, 30, 0, 5, 1, "Europe/Berlin"],
    [10, 2024, 5, 1, 12, 30, 0, 0, 0, [-9000000000, "XST"]],
    [11, 2024, 5, 1],
    [12, 12, 30, 0, 0, 0, None],
    [13, 1, 2, 3],
    [14, "1.50"],
    [15, bytes(range(16))],
    [16, "P", "/etc/hosts"],
    FAILURE,
    [18, "shop", "4b1d", "/db/conn", 17],
    [19, "<f8", "C", [2, 1], struct.pack("<2d", 1.0, 2.5)],
    [20, "<i4", struct.pack("<i", 7)],
    ["shop.Colour/1", "RED"],
]
PAYLOADS = {
    "none": packed(None),
    "text": packed("text"),
    "order": packed([0, [ORDER, CUSTOMER], [], ORDER_NODE]),
    "shared": packed([0, [CUSTOMER], [[2, 1, 2], [3, [1, 0], [1, 0]]], [6, "a", [1, 1], "b", [1, 0], "c", [32, "Bob", [1, 0]]]]),
    "everything": packed(EVERYTHING),
    "sections": sectioned([2, [19, "<f8", "F", [2], 0], [19, "|u1", "C", [3], 1]], struct.pack("<2d", 1.0, 2.5), b"abc"),
}

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text(max_size=8), st.binary(max_size=8)
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=4)
    return st.one_of(
        several.map(lambda items: [2, *items]),
        several.map(lambda items: [3, *items]),
        several.map(lambda items: [4, *items]),
        several.map(lambda items: [6, *items, *items]),
        several.map(lambda items: [32, *items]),
        inner.map(lambda item: ["shop.Pair/1:a,b", item, 1]),
        inner.map(lambda item: [17, "a.B", "text", [item], [], ""]),
    )


LEAVES = st.one_of(SCALARS, st.sampled_from(EVERYTHING[1:]))
NODES = st.recursive(LEAVES, _around, max_leaves=20)
MESSAGES = NODES.map(lambda node: [0, ["shop.Colour/1"], [[2, 1], [3, [1, 0]]], [2, node, [1, 1], [1, 0]]])
"""Values that `packed` makes payloads of."""
