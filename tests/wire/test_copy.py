"""Copies within the process: what encoding and decoding would give, and nothing that can change is had by both sides."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Actor, ActorSystem
from actors.errors import CodecError, RemoteError
from actors.wire import Codec, Limits, Registry
from actors.wire.immutable import is_immutable


@dataclass
class Node:
    part: Any = None
    parts: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    part: Any = None
    other: Any = None


@dataclass
class Flat:
    number: int
    name: str | None = None
    numbers: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    pair: tuple[int, ...] = ()


@attrs.define
class Defined:
    part: Any


class Item(msgspec.Struct):
    part: Any


class Pair(NamedTuple):
    first: Any
    second: Any = None


class Colour(enum.Enum):
    RED = [1]  # noqa: RUF012  # a member is a constant, whatever its value is


class Money:
    def __init__(self, cents: list[int]) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None  # type: ignore[assignment]


class Lost(Exception):
    pass


@dataclass(frozen=True)
class Unknown:
    """Not registered."""

    part: Any = None


@dataclass
class UnknownMutable:
    """Not registered, and mutable."""

    part: Any = None


def _codec(**options: Any) -> Codec:
    registry = Registry()
    for cls in (Node, Frozen, Flat, Defined, Item, Pair, Colour, Lost):
        registry.register(cls, name=cls.__name__)
    registry.register_functions(Money, encode=lambda money: money.cents, decode=Money, name="Money")
    return Codec(registry, **options)


CODEC = _codec()


def parts_of(value: Any) -> Iterator[Any]:
    """The parts of a value, of whatever kind it is."""
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, BaseException):
        yield from value.args
        yield from vars(value).values()
    elif isinstance(value, Item | Defined):
        yield value.part
    elif hasattr(value, "__dict__") and not isinstance(value, enum.Enum | type):
        yield from vars(value).values()


def everything_in(value: Any) -> dict[int, Any]:
    found: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += parts_of(one)
    return found


def shape_of(value: Any) -> list[Any]:
    """What is where, with which type, and what is the same object: two values that are alike in all of it have the same shape."""
    places: dict[int, int] = {}
    shape: list[Any] = []

    def look(one: Any) -> None:
        kind = type(one)
        parts = [*parts_of(one)] if not isinstance(one, set | frozenset) else sorted(one, key=repr)
        if not parts and not isinstance(one, list | dict | set | bytearray | Node):
            shape.append((kind, repr(one)))
            return
        if id(one) in places:
            shape.append(places[id(one)])
            return
        places[id(one)] = len(places)
        shape.append((kind, len(parts), one if isinstance(one, bytearray) else None))
        for part in parts:
            look(part)

    look(value)
    return shape


def separate(value: Any, copy: Any) -> None:
    """Fails if both have an object that can change."""
    there = everything_in(copy)
    both = [one for key, one in everything_in(value).items() if key in there and not is_immutable(one, CODEC.registry)]
    assert both == []


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.binary(max_size=2).map(bytearray),
    st.decimals(allow_nan=False, places=1),
    st.sampled_from([Colour.RED, Frozen(1), timedelta(1)]),
    st.builds(Flat, st.integers(), st.none(), st.lists(st.integers(), max_size=2), st.just({"a": 1}), st.just({1}), st.just((1,))),
)
KEYS = st.one_of(st.integers(), st.text(max_size=2), st.tuples(st.integers(), st.text(max_size=1)), st.builds(Frozen, st.integers()))


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=3)
    return st.one_of(
        several,
        several.map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
        st.sets(KEYS, max_size=3),
        st.frozensets(KEYS, max_size=3),
        several.map(lambda items: [items, items, (items,)]),
        inner.map(lambda one: {"a": one, "b": [one]}),
        st.builds(Node, inner, several),
        st.builds(Frozen, inner, inner),
        st.builds(Defined, inner),
        st.builds(Item, inner),
        st.builds(Pair, inner, inner),
    )


VALUES = st.recursive(LEAVES, _around, max_leaves=12)


@given(VALUES)
def test_a_copy_is_what_encoding_and_decoding_gives_and_shares_nothing_that_can_change(value: Any) -> None:
    copy, there = CODEC.copy(value), CODEC.decode(CODEC.encode(value))
    assert copy == value
    assert shape_of(copy) == shape_of(there) == shape_of(value)
    separate(value, copy)
    separate(value, there)


FORBIDDEN = st.sampled_from([UnknownMutable(), [UnknownMutable()], type("Sub", (list,), {})(), iter([])])


@given(st.recursive(FORBIDDEN, _around, max_leaves=4))
def test_what_encoding_refuses_copying_refuses_with_the_same_words(value: Any) -> None:
    def outcome(act: Any) -> Any:
        try:
            act(value)
        except CodecError as error:
            return error.why
        return None

    # Of several parts that are refused, and in sets, another one may come first.
    assert (outcome(CODEC.copy) is None) == (outcome(CODEC.encode) is None)


@pytest.mark.parametrize(
    "value",
    [
        5,
        "text",
        (1, ("a", None)),
        frozenset({1, (2,)}),
        Frozen(1, (2, Decimal(3))),
        Pair(1, "x"),
        Colour.RED,
        Lost("x", 1),
        Unknown(1),
        Unknown((Frozen(),)),
        ValueError("not registered"),
        np.float64(1.5),
    ],
    ids=repr,
)
def test_what_cannot_change_is_handed_on_as_it_is_alone_and_within(value: Any) -> None:
    assert CODEC.copy(value) is value
    copy = CODEC.copy([value, {"a": value}, Node(value)])
    assert copy[0] is copy[1]["a"] is copy[2].part is value


def test_a_tuple_is_copied_only_if_something_in_it_can_change() -> None:
    inner = (1, 2)
    value = (inner, [1])
    copy = CODEC.copy(value)
    assert copy == value
    assert copy[0] is inner
    assert copy[1] is not value[1]


@pytest.mark.parametrize(
    "make", [Node, Defined, Item, Frozen, Pair, lambda part: Money([part]), lambda part: [part], lambda part: {1: part}]
)
def test_what_can_change_is_made_anew(make: Any) -> None:
    value = make([1])
    copy = CODEC.copy(value)
    assert copy == value
    assert type(copy) is type(value)
    separate(value, copy)


def test_a_flat_message_shares_no_collection() -> None:
    value = Flat(1, None, [1, 2], {"a": 1}, {1}, (1, 2))
    for copy in (CODEC.copy(value), CODEC.copy([value])[0], CODEC.copy(value)):
        assert copy == value
        separate(value, copy)
        assert copy.pair is value.pair


def test_the_same_list_in_two_fields_of_a_flat_message_stays_one() -> None:
    @dataclass
    class Two:
        first: list[int]
        second: list[int]

    registry = Registry()
    registry.register(Two)
    codec = Codec(registry)
    one = [1]
    for _ in range(3):
        for made in (codec.copy(Two(one, one)), codec.decode(codec.encode(Two(one, one)))):
            assert made.first is made.second
            assert made.first is not one


def test_shared_parts_stay_shared_and_equal_ones_stay_apart() -> None:
    shared, node = [1], Node()
    value = [shared, {"a": shared}, (shared, node), node, [1]]
    copy = CODEC.copy(value)
    assert copy[0] is copy[1]["a"] is copy[2][0]
    assert copy[2][1] is copy[3]
    assert copy[4] is not copy[0]


def test_a_frozen_class_that_is_not_registered_passes_while_nothing_in_it_can_change() -> None:
    with pytest.raises(CodecError, match=rf"message\[0\] is of {__name__}.Unknown, which is not registered"):
        CODEC.copy([Unknown([1])])
    with pytest.raises(CodecError, match=rf"message.part is of {__name__}.UnknownMutable, which is not registered"):
        CODEC.copy(Node(UnknownMutable()))


def test_what_is_declared_immutable_is_handed_on_whatever_is_in_it() -> None:
    registry = Registry()
    registry.declare_immutable(UnknownMutable)
    value = UnknownMutable([1])
    codec = Codec(registry)
    assert codec.copy(value) is value
    assert codec.copy([value])[0] is value
    with pytest.raises(CodecError):
        codec.encode(value)


class Own(tzinfo):
    def utcoffset(self, _at: Any) -> timedelta:
        return timedelta(0)


def test_a_datetime_within_a_message_is_handed_on_with_its_zone() -> None:
    at = datetime(2024, 1, 1, tzinfo=Own())
    assert CODEC.copy([at])[0] is at


def test_refs_futures_and_reply_handles_are_handed_on() -> None:
    class Quiet(Actor):
        def on_receive(self, _message: Any) -> int:
            return 1

    with ActorSystem("copies") as system:
        ref = system.spawn(Quiet)
        future = ref.ask(1, block=False)
        copy = CODEC.copy({"ref": [ref], "future": future})
        assert copy["ref"][0] is ref
        assert copy["future"] is future
        assert future.get() == 1


def test_arrays_are_copied_in_their_order_and_can_be_written_to() -> None:
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    first, second = CODEC.copy([value, value])
    assert first is second
    assert first.flags.f_contiguous
    first[0, 0] = 9
    assert value[0, 0] == 0
    assert CODEC.copy(value) is not value
    with pytest.raises(CodecError, match="only plain ones travel"):
        CODEC.copy([np.array([object()])])


def test_exceptions_that_can_change_are_copied_by_their_rules() -> None:
    registered = Lost([1])
    registered.more = [2]  # type: ignore[attr-defined]
    copy = CODEC.copy(registered)
    assert (type(copy), copy.args, copy.more) == (Lost, ([1],), [2])
    separate(registered, copy)
    unregistered = ValueError([1])
    told = CODEC.copy({"error": unregistered})["error"]
    assert (type(told), told.type_name, told.arguments) == (RemoteError, "builtins.ValueError", ([1],))
    assert told.arguments[0] is not unregistered.args[0]


def test_a_value_is_checked_by_the_annotations_when_it_is_copied() -> None:
    for value in (Flat("x"), Flat(1, numbers=["x"]), Flat(1, names={"a": "b"})):  # type: ignore[arg-type, list-item, dict-item]
        for act in (CODEC.copy, CODEC.encode):
            with pytest.raises(CodecError, match="is declared"):
                act(value)


def test_depth_and_length_hold_for_copies_and_size_and_memory_do_not() -> None:
    codec = _codec(limits=Limits(size=10, depth=3, length=5, memory=10))
    assert codec.copy(["x" * 100]) == ["x" * 100]
    for value, limit in (([[[[]]]], "depth"), ([1] * 6, "length"), (Node(Node(Node([]))), "depth")):
        with pytest.raises(CodecError) as caught:
            codec.copy(value)
        assert caught.value.limit == limit


def test_the_copy_of_a_part_whose_temporary_is_gone_is_not_taken_for_another() -> None:
    registry = Registry()
    registry.register_functions(
        Money, encode=lambda money: [money.cents, [object]] and [[*money.cents]], decode=lambda given: Money(given[0])
    )
    codec = Codec(registry)
    value = [Money([number]) for number in range(200)]
    assert codec.copy(value) == value
    assert codec.decode(codec.encode(value)) == value
