"""The format holds still: these values make these bytes, and these bytes make these values, for ever.

``python -m tests.wire.test_golden --write`` adds the entries that ``golden.json`` has not yet. It changes none: bytes of an old version of
the format are somewhere in a file.
"""

from __future__ import annotations

import enum
import json
import math
import re
import struct
import sys
import zlib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import msgspec
import numpy as np
import pytest

from actors import Actor, ActorSystem
from actors.errors import RemoteError
from actors.wire import FORMAT_VERSION, Codec, FrameDecoder, RefAddress, Registry, tags
from tests.wire.payloads import packed

GOLDEN = Path(__file__).with_name("golden.json")
FORMAT = Path(__file__).parents[2] / "docs/reference/wire-format.md"


@dataclass(frozen=True)
class Order:
    number: int
    price: Any
    tags: Any = ()


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@attrs.frozen
class Place:
    street: str


class Item(msgspec.Struct):
    number: int


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Lost(Exception):
    pass


def _codec(**options: Any) -> Codec:
    registry = Registry()
    for cls in (Order, Colour, Access, Point, Place, Item, Lost):
        registry.register(cls, name=f"shop.{cls.__name__}", version=2 if cls is Place else 1)
    registry.register_functions(Money, encode=lambda money: money.cents, decode=Money, name="shop.Money")
    return Codec(registry, **options)


def _shared() -> list[Any]:
    names = ["Ann"]
    order = Order(1, None, (names, names))
    return [order, names, {"order": order}]


def _error() -> Lost:
    error = Lost("gone", [1])
    error.code = 7  # type: ignore[attr-defined]
    error.add_note("while paying")
    return error


def _unknown_error() -> Exception:
    error = ValueError("bad", Decimal(1))
    error.add_note("a note")
    return error


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
CODEC = _codec()

# Made anew each time: what is met twice is shared.
VALUES: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    **{f"int {number}": lambda number=number: number for number in (0, 127, 128, -1, -32, -33, 2**32, -(2**63), 2**64 - 1)},
    **{f"int {number}": lambda number=number: number for number in (2**64, -(2**63) - 1, 2**100)},
    "float": lambda: 1.5,
    "float nan": lambda: math.nan,
    "float -inf": lambda: -math.inf,
    "float -0.0": lambda: -0.0,
    "str": lambda: "text ä 😀",
    "str of 300": lambda: "x" * 300,
    "str with a surrogate": lambda: "a\ud800b",
    "bytes": lambda: b"\x00\xff",
    "bytearray": lambda: bytearray(b"\x00\xff"),
    "list": lambda: [1, "a", [], [None]],
    "list of 20": lambda: [*range(20)],
    "tuple": lambda: (1, (), ("a",)),
    "set of str": lambda: {"b", "a", "c"},
    "set of int": lambda: {3, -1, 300},
    "set of many kinds": lambda: {1, "a", None, (1, 2), b"b", 2.5, frozenset({1})},
    "set of registered types": lambda: {Order(1, 2), Point(1, 2), Colour.RED, Order(0, None)},
    "frozenset": lambda: frozenset({2, 1}),
    "dict": lambda: {"b": 1, "a": [2], 3: None, (1, 2): {}, None: 1.5},
    "large int and surrogate within": lambda: {"\udc80": [2**70], 2**65: (Order(1, -(2**64)),)},
    "datetime": lambda: datetime(2024, 5, 1, 12, 30, 59, 5),  # noqa: DTZ001
    "datetime with a zone": lambda: datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    "datetime in UTC": lambda: datetime(2024, 5, 1, tzinfo=UTC),
    "datetime with an offset": lambda: datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=-2, microseconds=1))),
    "datetime with a named offset": lambda: datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=1), "XST")),
    "date": lambda: date(2024, 5, 1),
    "time": lambda: time(12, 30, 59, 5, fold=1),
    "time with a zone": lambda: time(12, tzinfo=UTC),
    "timedelta": lambda: timedelta(-1, 2, 3),
    "Decimal": lambda: Decimal("-1.50"),
    "Decimal sNaN": lambda: Decimal("sNaN12"),
    "UUID": lambda: UUID(int=2**127 + 5),
    "PosixPath": lambda: PosixPath("/etc/hosts"),
    "PurePosixPath": lambda: PurePosixPath("a/b"),
    "PureWindowsPath": lambda: PureWindowsPath("C:/a"),
    "path with a surrogate": lambda: PurePosixPath("a/\udcff"),
    "exception": _unknown_error,
    "exception told on": lambda: RemoteError("a.B", (1,), "text", ("note",), "Traceback: ..."),
    "array": lambda: np.array([[1.0, 2.5], [0.0, -0.0]]),
    "array in the order of Fortran": lambda: np.asfortranarray(np.array([[1, 2, 3], [4, 5, 6]], "<i2")),
    "array without elements": lambda: np.zeros((2, 0), ">i4"),
    "array of no dimension": lambda: np.array(7, "|u1"),
    "array of dates": lambda: np.array(["2024-05-01"], "<M8[D]"),
    "array of texts": lambda: np.array(["ab", "c"], "<U2"),
    "array in a section": lambda: np.arange(256, dtype="<u4"),
    "arrays in sections": lambda: [np.arange(1025, dtype="|u1") % 7, np.zeros((2, 64), "<c16", "F")],
    "numpy scalar": lambda: np.float32(1.5),
    "numpy bool": lambda: np.True_,
    "dataclass": lambda: Order(1, 2.5, ["a"]),
    "dataclass within": lambda: [Order(1, Decimal(1)), Order(2, Place("Main Street"))],
    "enum": lambda: Colour.GREEN,
    "enum within": lambda: (Colour.GREEN, Colour.GREEN),
    "flag": lambda: Access.READ | Access.WRITE,
    "named tuple": lambda: Point(1, 2),
    "attrs class": lambda: Place("Main Street"),
    "Struct": lambda: Item(5),
    "functions": lambda: [Money(150)],
    "registered exception": _error,
    "shared": _shared,
    "shared array": lambda: [array := np.zeros(2, "|u1"), array],
}
REF = ["ref"]
FRAMES = {"frame": lambda: [1, Order(1, None)], "frame of a section": lambda: np.arange(256, dtype="<u4")}
# Whatever the compressor makes of it, this is read.
COMPRESSED = "compressed frame"
DECODED_ONLY: dict[str, Callable[[], Any]] = {
    COMPRESSED: lambda: ["text"] * 50,
    "WindowsPath": lambda: PureWindowsPath("C:/a"),
    "envelope without need": lambda: [1, Order(1, 2)],
    "keys in the nodes": lambda: [Order(1, 2), Order(3, 4)],
}


def _made() -> dict[str, str]:
    """All entries as this build makes them."""
    found = {name: CODEC.encode(make()).hex() for name, make in VALUES.items()}
    found |= {name: CODEC.frame(make()).hex() for name, make in FRAMES.items()}
    body = zlib.compress(CODEC.encode(DECODED_ONLY[COMPRESSED]()))
    key = "shop.Order/1:number,price,tags"
    found[COMPRESSED] = (struct.pack(">2sBBI", b"GR", 1, 1, len(body)) + body).hex()
    found["WindowsPath"] = packed([16, "W", "C:\\a"]).hex()
    found["envelope without need"] = packed([0, ["a/1", key, "b/1:x"], [[2, 1], [35, 2]], [2, 1, [33, 1, 2, [3]]]]).hex()
    found["keys in the nodes"] = packed([2, [key, 1, 2, [3]], ["shop.Order/1:tags,number,price", [3], 3, 4]]).hex()
    found["ref"] = packed([18, "shop", "4b1d", "/db/conn", 17]).hex()
    return found


def alike(one: Any, other: Any) -> bool:  # noqa: C901, PLR0911  # a line for each kind
    """Equal, and of the same types all the way down; nan is nan, and 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, np.ndarray):
        same = (one.dtype.str, one.shape, one.flags.c_contiguous) == (other.dtype.str, other.shape, other.flags.c_contiguous)
        return same and one.tobytes() == other.tobytes()
    if isinstance(one, np.generic):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return alike([*one], [*other]) and alike([*one.values()], [*other.values()])
    if isinstance(one, set | frozenset):
        return one == other and {(type(item), item) for item in one} == {(type(item), item) for item in other}
    if isinstance(one, Exception):
        return alike(one.args, other.args) and alike(vars(one), vars(other))
    if isinstance(one, Money):
        return one.cents == other.cents
    if isinstance(one, datetime | time):
        return repr(one) == repr(other)
    if isinstance(one, Decimal):
        return one.compare_total(other) == 0
    if isinstance(one, Order):
        return alike(vars(one), vars(other))
    return bool(one == other)


def golden() -> dict[str, str]:
    return json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}


@pytest.mark.parametrize("name", [*VALUES, *FRAMES])
def test_a_value_makes_these_bytes(name: str) -> None:
    made = CODEC.encode(VALUES[name]()) if name in VALUES else CODEC.frame(FRAMES[name]())
    assert made.hex() == golden()[name]


@pytest.mark.parametrize("name", [*VALUES, *FRAMES, *DECODED_ONLY])
def test_these_bytes_make_this_value(name: str) -> None:
    data = bytes.fromhex(golden()[name])
    made = CODEC.unframe(data) if name in FRAMES or name == COMPRESSED else CODEC.decode(data)
    expected = {**VALUES, **FRAMES, **DECODED_ONLY}[name]()
    if name == "exception":
        expected = RemoteError("builtins.ValueError", ("bad", Decimal(1)), "('bad', Decimal('1'))", ("a note",))
    assert alike(made, expected)


def test_what_was_shared_is_shared() -> None:
    order, names, holder = CODEC.decode(bytes.fromhex(golden()["shared"]))
    assert holder["order"] is order
    assert order.tags[0] is order.tags[1] is names
    first, second = CODEC.decode(bytes.fromhex(golden()["shared array"]))
    assert first is second


class Quiet(Actor):
    pass


def test_a_ref_is_its_address() -> None:
    with ActorSystem("golden") as system:
        ref = system.spawn(Quiet)
        asked: list[RefAddress] = []

        def find(address: RefAddress) -> Any:
            asked.append(address)
            return ref

        assert _codec(refs=find).decode(bytes.fromhex(golden()["ref"])) is ref
        assert asked == [RefAddress("shop", "4b1d", "/db/conn", 17)]
        address = ref.address
        assert CODEC.encode(ref) == packed([18, address.system, address.system_id, address.path, address.uid])


def test_the_frames_of_a_file_follow_each_other() -> None:
    decoder = FrameDecoder(CODEC)
    decoder.feed(bytes.fromhex("".join(golden()[name] for name in (*FRAMES, COMPRESSED))))
    for name, made in zip((*FRAMES, COMPRESSED), decoder, strict=True):
        assert alike(made, {**FRAMES, **DECODED_ONLY}[name]())


def test_every_entry_is_of_a_value_and_every_tag_is_in_one() -> None:
    assert golden().keys() == {*VALUES, *FRAMES, *DECODED_ONLY, *REF}
    names = {*VALUES, "ref"}
    sectioned = {name for name in names if golden()[name].startswith("c1")}
    assert sectioned == {"array in a section", "arrays in sections"}
    import msgpack

    met: set[Any] = set()

    def look(node: Any) -> None:
        if isinstance(node, list) and node:
            if type(node[0]) is int:
                met.add(node[0])
            for part in node:
                look(part)

    for name in names - sectioned:
        look(msgpack.unpackb(bytes.fromhex(golden()[name])))
    assert met >= {*tags.NAMES, tags.FIRST_KEY}


# -- the specification -------------------------------------------------------------------------------------------------------


def _table() -> dict[int, str]:
    rows = re.findall(r"^\| (\d+)(?: and up)? \| `\[(\d+).*?` \| (.+) \|$", FORMAT.read_text("utf-8"), re.MULTILINE)
    for tag, first, _ in rows:
        assert first == tag
    return {int(tag): what for tag, _, what in rows}


def test_the_table_of_the_specification_and_the_tags_agree() -> None:
    table = _table()
    assert set(table) == {*tags.NAMES, tags.FIRST_KEY}
    words = {tags.BIGINT: "an int", tags.SURROGATES: "a str", tags.REF: "the ref of an actor", tags.SHARED: "shared node"}
    for tag, name in tags.NAMES.items():
        assert words.get(tag, name) in table[tag].replace("*", "")
    constants = {
        name: value
        for name, value in vars(tags).items()
        if name.isupper() and type(value) is int and name not in ("FORMAT_VERSION", "SECTIONED", "LAST_CONTAINER")
    }
    assert len(set(constants.values())) == len(constants), "no tag has two meanings"
    assert set(constants.values()) == set(table)


def test_the_specification_has_the_version_and_the_first_byte_of_sections() -> None:
    text = FORMAT.read_text("utf-8")
    assert f"Version {FORMAT_VERSION}." in text
    assert f"`0x{tags.SECTIONED:X}`" in text


def main() -> int:
    """Add the entries that are missing."""
    if sys.argv[1:] != ["--write"]:
        print(__doc__)  # noqa: T201
        return 2
    known, made = golden(), _made()
    changed = [name for name in known if made.get(name, known[name]) != known[name] and name != COMPRESSED]
    if changed:
        print(f"refused: these are other bytes than before: {', '.join(changed)}", file=sys.stderr)  # noqa: T201
        return 1
    GOLDEN.write_text(json.dumps({**made, **known}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
