"""Two builds of one program: what the one sends, the other reads, or says by name what it lacks."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from typing import Any, NamedTuple

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import CodecError
from actors.wire import Codec, Registry
from tests.wire.payloads import packed


@dataclass(frozen=True)
class Old:
    number: int
    name: str


@dataclass(frozen=True)
class New:
    name: str
    number: int
    tags: list[str] = field(default_factory=lambda: ["none"])
    paid: bool = False


@dataclass(frozen=True)
class Address:
    street: str


def codec_of(cls: type, name: str = "order", *others: type, **options: Any) -> Codec:
    registry = Registry()
    registry.register(cls, name=name, **options)
    for other in others:
        registry.register(other, name=other.__name__)
    return Codec(registry)


def between(sender: Codec, receiver: Codec, value: Any) -> Any:
    """The value as received alone; as a part of a message, twice, it is the same."""
    alone = receiver.decode(sender.encode(value))
    first, second = receiver.decode(sender.encode([value, value]))
    assert first is second
    assert first == alone
    return alone


def refusal(receiver: Codec, data: bytes) -> str:
    with pytest.raises(CodecError) as caught:
        receiver.decode(data)
    return str(caught.value)


# -- fields ------------------------------------------------------------------------------------------------------------------


def test_fields_that_came_later_take_their_defaults_and_those_that_are_gone_are_ignored_in_any_order() -> None:
    old, new = codec_of(Old), codec_of(New)
    assert between(old, new, Old(1, "x")) == New("x", 1, ["none"])
    assert between(new, old, New("x", 1, ["a"], paid=True)) == Old(1, "x")


def test_a_factory_makes_each_default_anew() -> None:
    old, new = codec_of(Old), codec_of(New)
    first, second = new.decode(old.encode([Old(1, "x"), Old(2, "y")]))
    assert first.tags is not second.tags


def test_a_field_that_is_missing_without_a_default_is_named_with_its_path() -> None:
    strict = make_dataclass("Strict", [("number", int), ("name", str), ("price", float)])
    assert (
        refusal(codec_of(strict), codec_of(Old).encode({"first": [Old(1, "x")]}))
        == "message['first'][0].price is missing: order needs it, and it has no default"
    )


def test_a_default_that_cannot_be_made_is_an_error_by_name() -> None:
    failing = make_dataclass("Failing", [("number", int), ("made", int, field(default_factory=lambda: 1 // 0))])
    assert refusal(codec_of(failing), codec_of(Old).encode([Old(1, "x")])) == (
        "message[0].made is missing, and its default cannot be made: ZeroDivisionError: integer division or modulo by zero"
    )


@dataclass
class WithUnknown:
    number: int
    name: str
    extra: Any
    later: Any = None


def test_an_unknown_field_may_hold_what_is_unknown_here() -> None:
    sender, receiver = codec_of(WithUnknown, "order", Address), codec_of(Old)
    assert between(sender, receiver, WithUnknown(1, "x", [Address("s")])) == Old(1, "x")
    with pytest.raises(CodecError, match=r"message\[1\] is a Address, which is not registered here"):
        receiver.decode(sender.encode([WithUnknown(1, "x", None), Address("s")]))


def test_what_is_shared_arrives_shared_though_it_was_first_met_in_an_unknown_field() -> None:
    shared = ["shared"]
    receiver = make_dataclass("Receiver", [("later", Any), ("number", int)])
    sender = codec_of(WithUnknown, "order", Address)
    made = codec_of(receiver).decode(sender.encode([WithUnknown(1, "x", [shared, Address("s")], (shared,)), shared]))
    assert made[0].later[0] == shared
    assert made[0].later[0] is made[1]


def test_types_that_are_known_are_found_behind_others_that_are_not() -> None:
    sender = codec_of(WithUnknown, "order", Address, Old)
    receiver = codec_of(make_dataclass("Receiver", [("later", Any)]), "order", Old)
    assert receiver.decode(sender.encode([WithUnknown(1, "x", Address("s"), Old(2, "y"))]))[0].later == Old(2, "y")


def test_an_annotation_that_changed_refuses_by_name_what_it_excludes() -> None:
    changed = make_dataclass("Changed", [("number", str), ("name", str)])
    assert refusal(codec_of(changed), codec_of(Old).encode(Old(1, "x"))) == "message.number is an int, and str is declared"


def test_a_field_that_was_renamed_is_read_under_its_former_name_and_the_present_one_counts() -> None:
    renamed = make_dataclass("Renamed", [("count", int), ("name", str, "")], frozen=True)
    receiver = codec_of(renamed, renamed={"number": "count", "amount": "count"})
    assert between(codec_of(Old), receiver, Old(1, "x")) == renamed(1, "x")
    assert between(receiver, receiver, renamed(2)) == renamed(2)
    assert receiver.decode(packed(["order/1:amount", 3])) == renamed(3)
    assert receiver.decode(packed(["order/1:number,count", 1, 2])) == renamed(2)
    assert receiver.decode(packed(["order/1:count,number", 2, 1])) == renamed(2)


def test_who_sends_to_older_builds_keeps_the_name() -> None:
    renamed = make_dataclass("Renamed", [("count", int), ("name", str, "")])
    assert "message.number is missing" in refusal(codec_of(Old), codec_of(renamed, renamed={"number": "count"}).encode(renamed(1)))


@pytest.mark.parametrize(
    "node",
    [["order/1:number,name", 1], ["order/1:number,name", 1, "x", 2], ["order/1:name,number", "x"], ["order/1:"], ["order/1", 1, "x"]],
)
def test_a_node_whose_fields_are_not_those_of_its_key_is_refused(node: list[Any]) -> None:
    codec = codec_of(Old)
    for data in (packed(node), packed([2, node]), packed([0, [node[0]], [], [32, *node[1:]]])):
        why = refusal(codec, data)
        assert "its key has" in why or "is missing" in why or "another kind of type" in why


@pytest.mark.parametrize(
    "key",
    [
        "order/1:a,a",
        "order/1:,",
        "order/1:a,",
        "order/0:a",
        "order/01:a",
        "order:a",
        "order",
        "/1:a",
        "order/1:a b",
        "order/1:a:b",
        "order/9999999999:a",
        "",
    ],
)
def test_a_key_that_is_none_is_refused(key: str) -> None:
    assert "key of" in refusal(codec_of(Old), packed([key, 1]))


# -- names and kinds ---------------------------------------------------------------------------------------------------------


def test_a_former_name_of_a_type_is_read_and_the_present_one_is_written() -> None:
    receiver = codec_of(New, "shop.Order", aliases=("order", "Order"))
    assert between(codec_of(Old), receiver, Old(1, "x")) == New("x", 1)
    assert between(codec_of(Old, "Order"), receiver, Old(1, "x")) == New("x", 1)
    assert b"shop.Order/1" in receiver.encode(New("x", 1))
    assert "is a shop.Order, which is not registered here" in refusal(codec_of(Old), receiver.encode(New("x", 1)))


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class LevelNow(enum.Enum):
    HIGH = "high"
    BASIC = "basic"


def test_members_are_found_by_name_also_by_former_ones() -> None:
    old, new = codec_of(Level, "level"), codec_of(LevelNow, "level", renamed={"LOW": "BASIC"})
    assert new.decode(old.encode([Level.LOW, Level.HIGH])) == [LevelNow.BASIC, LevelNow.HIGH]
    assert "has 'BASIC', which is no member of Level" in refusal(old, new.encode(LevelNow.BASIC))


def test_members_of_an_older_version_are_upgraded_by_name() -> None:
    new = codec_of(LevelNow, "level", version=3, upgrades={1: str.upper, 2: {"LOW": "BASIC"}.__getitem__})
    assert new.decode(packed(["level/1", "low"])) is LevelNow.BASIC
    assert new.decode(packed(["level/2", "LOW"])) is LevelNow.BASIC
    assert new.decode(packed(["level/3", "BASIC"])) is LevelNow.BASIC
    assert "cannot be upgraded from version 2 of level: KeyError: 'GONE'" in refusal(new, packed(["level/2", "GONE"]))
    assert "has a list, which is no member" in refusal(
        codec_of(LevelNow, "level", version=2, upgrades={1: lambda _: []}), packed(["level/1", "x"])
    )


class AsTuple(NamedTuple):
    number: int
    name: str = "x"


@attrs.frozen
class AsAttrs:
    number: int
    name: str


class AsStruct(msgspec.Struct):
    name: str
    number: int


@pytest.mark.parametrize("cls", [AsTuple, AsAttrs, AsStruct])
def test_kinds_with_fields_read_each_other(cls: Any) -> None:
    assert between(codec_of(Old), codec_of(cls), Old(1, "x")) == cls(number=1, name="x")
    assert between(codec_of(cls), codec_of(Old), cls(number=1, name="x")) == Old(1, "x")


def test_a_type_that_became_another_kind_is_refused_by_that() -> None:
    enum_, fields = codec_of(Level, "it"), codec_of(Old, "it")
    registry = Registry()
    registry.register_functions(Address, encode=lambda it: it.street, decode=Address, name="it")
    functions = Codec(registry)
    assert "has a key of it without fields, which is another kind of type than" in refusal(fields, enum_.encode([Level.LOW]))
    assert "has a key of it with fields, which is another kind of type than" in refusal(enum_, fields.encode([Old(1, "x")]))
    assert "another kind of type" in refusal(functions, fields.encode([Old(1, "x")]))
    assert "has a Address, which" not in refusal(enum_, functions.encode([Address("s")]))
    assert "no member of Level" in refusal(enum_, functions.encode([Address("s")]))


# -- versions ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Versioned:
    cents: int
    currency: str = "EUR"


def _euros(fields: dict[str, Any]) -> dict[str, Any]:
    return {"cents": fields["euros"] * 100}


def _text(fields: dict[str, Any]) -> dict[str, Any]:
    return {"euros": int(fields["text"])}


def test_upgrades_lead_from_version_to_version() -> None:
    codec = codec_of(Versioned, "price", version=3, upgrades={1: _text, 2: _euros})
    assert codec.decode(packed(["price/1:text,gone", "12", None])) == Versioned(1200)
    assert codec.decode(packed([0, ["price/2:euros"], [], [2, [32, 12], [32, 13]]])) == [Versioned(1200), Versioned(1300)]
    assert codec.decode(packed(["price/3:currency,cents", "USD", 7])) == Versioned(7, "USD")
    assert codec.decode(codec.encode(Versioned(5))) == Versioned(5)


def test_an_upgrade_may_return_former_names_and_more() -> None:
    codec = codec_of(Versioned, "price", version=2, upgrades={1: lambda fields: {**fields, "more": 1, 5: 6}}, renamed={"amount": "cents"})
    assert codec.decode(packed(["price/1:amount", 7])) == Versioned(7)


def test_a_version_from_which_nothing_leads_here_is_refused_with_what_to_do() -> None:
    codec = codec_of(Versioned, "price", version=3, upgrades={2: _euros})
    assert (
        refusal(codec, packed([2, ["price/1:text", "12"]]))
        == "message[0] is price version 1, and there is no upgrade from version 1: register one with upgrades={1: ...}"
    )


def test_a_newer_version_is_refused() -> None:
    assert refusal(codec_of(Versioned, "price", version=3), packed([2, ["price/4:cents", 1]])) == (
        "message[0] is price version 4, and version 3 is the newest known here"
    )
    assert "version 2, and version 1 is the newest" in refusal(codec_of(Level, "level"), packed(["level/2", "LOW"]))


@pytest.mark.parametrize(
    ("upgrade", "why"),
    [
        (lambda _: 1 // 0, "message[0] cannot be upgraded from version 1 of price: ZeroDivisionError: "),
        (lambda _: {}.popitem(), "message[0] cannot be upgraded from version 1 of price: KeyError: "),
        (lambda _: None, "message[0] was upgraded to NoneType: an upgrade returns a dict of fields"),
        (lambda _: [("cents", 1)], "message[0] was upgraded to list: an upgrade returns a dict of fields"),
        (lambda _: {}, "message[0].cents is missing: price needs it"),
        (lambda _: {"cents": "x"}, "message[0].cents is a str, and int is declared"),
        (lambda _: {"cents": []}, "message[0].cents is a list, and int is declared"),
    ],
)
def test_an_upgrade_that_raises_or_returns_nonsense_is_an_error_with_its_path(upgrade: Callable[[Any], Any], why: str) -> None:
    codec = codec_of(Versioned, "price", version=2, upgrades={1: upgrade})
    assert refusal(codec, packed([2, ["price/1:euros", 1]])).startswith(why)


def test_what_functions_returned_in_an_older_version_is_upgraded() -> None:
    registry = Registry()
    registry.register_functions(
        Address,
        encode=lambda it: [it.street],
        decode=lambda given: Address(*given),
        name="address",
        version=2,
        upgrades={1: lambda it: [it]},
    )
    codec = Codec(registry)
    assert codec.decode(packed(["address/1", "s"])) == codec.decode(packed(["address/2", [2, "s"]])) == Address("s")


def test_registries_see_upgrades_of_their_own_types_only() -> None:
    base = Registry()
    base.register(Versioned, name="price", version=2, upgrades={1: _euros})
    assert Codec(Registry(base)).decode(packed(["price/1:euros", 1])) == Versioned(100)


# -- any fields --------------------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d", "e"]
FIELDS = st.lists(st.sampled_from(NAMES), unique=True).flatmap(
    lambda names: st.tuples(*(st.tuples(st.just(name), st.booleans()) for name in names))
)
VALUES = st.one_of(st.integers(), st.text(max_size=2), st.lists(st.integers(), max_size=2), st.just(Address("s")))


@given(FIELDS, FIELDS, st.data())
def test_any_generation_reads_what_it_knows_of_any_other(theirs: Any, ours: Any, data: st.DataObject) -> None:
    """`ours` has defaults where the second of a pair says so."""
    sender_class = make_dataclass("Sender", [(name, Any) for name, _ in theirs])
    ours = sorted(ours, key=lambda pair: pair[1])
    receiver_class = make_dataclass("Receiver", [(name, Any, "default") if optional else (name, Any) for name, optional in ours])
    values = {name: data.draw(VALUES, label=name) for name, _ in theirs}
    payload = codec_of(sender_class, "it", Address).encode([sender_class(**values)])
    missing = [name for name, optional in ours if not optional and name not in values]
    receiver = codec_of(receiver_class, "it", Address)
    if missing:
        assert refusal(receiver, payload) == f"message[0].{missing[0]} is missing: it needs it, and it has no default"
    else:
        assert vars(receiver.decode(payload)[0]) == {name: values.get(name, "default") for name, _ in ours}
