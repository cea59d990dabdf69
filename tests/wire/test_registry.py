"""Registration: what is declared wrongly is refused at once, with the class and what is wrong with it; the rest is told by `types`."""

from __future__ import annotations

import dataclasses
import enum
import threading
from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import attr
import attrs
import msgspec
import pytest

from actors import ActorRef
from actors.errors import RegistrationError
from actors.wire import Codec, RegisteredType, Registry
from actors.wire.shapes import LONGEST


@dataclass
class Order:
    number: int
    customer: str = ""


@dataclass
class Other:
    number: int


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Lost(Exception):
    pass


def same(value: Any) -> Any:
    return value


def refused(registry: Registry, cls: Any, **options: Any) -> str:
    before = registry.types
    with pytest.raises(RegistrationError) as caught:
        registry.register(cls, **options)
    assert registry.types == before
    assert str(caught.value) == f"{caught.value.subject} cannot be registered: {caught.value.why}"
    return caught.value.why


def test_a_class_may_have_very_many_collections() -> None:
    names = [f"field{number}" for number in range(300)]
    cls = dataclasses.make_dataclass("Wide", [(name, list[int]) for name in names])
    registry = Registry()
    registry.register(cls, name="Wide")
    entry = registry.entry(cls)
    assert entry is not None
    assert entry.flat is None  # the code for that would grow by the square of their number: minutes for a thousand
    codec = Codec(registry)
    message = cls(*([number] for number in range(299)), [])
    message.field1 = message.field0
    for made in (codec.decode(codec.encode(message)), codec.copy(message)):
        assert made == message
        assert made.field1 is made.field0


# -- names -------------------------------------------------------------------------------------------------------------------


def test_a_type_is_known_under_module_and_qualified_name_unless_it_is_given_one() -> None:
    registry = Registry()
    registry.register(Order)
    registry.register(Other, name="shop.Other")
    assert [one.name for one in registry.types] == [f"{__name__}.Order", "shop.Other"]


@pytest.mark.parametrize(
    "name", ["", "with space", "a/b", "a:b", "a,b", "tab\t", "line\n", "a\u2028b", "\ud800", "\x1b[31m", "\x00", 5, b"bytes"]
)
def test_a_name_that_a_key_cannot_hold_is_refused_also_as_an_alias(name: Any) -> None:
    assert f"name={name!r} is not valid" in refused(Registry(), Order, name=name)
    assert f"name={name!r} is not valid" in refused(Registry(), Order, aliases=(name,))


@pytest.mark.parametrize("name", ["ä", "x", "a.b-c_d", "shop.<locals>.Order", "注文", "a\\b", "#1"])
def test_any_other_name_travels(name: str) -> None:
    registry = Registry()
    registry.register(Order, name=name)
    codec = Codec(registry)
    assert codec.decode(codec.encode([Order(1)])) == [Order(1)]
    assert codec.decode(codec.encode(Order(1))) == Order(1)


def test_a_key_that_no_receiver_would_read_is_refused_at_once() -> None:
    assert f"have {LONGEST + 18} characters" in refused(Registry(), Order, name="a" * LONGEST)
    registry = Registry()
    registry.register(Order, name="a" * (LONGEST - 18))
    codec = Codec(registry)
    assert codec.decode(codec.encode(Order(1))) == Order(1)


@pytest.mark.parametrize("first", [{"name": "n"}, {"name": "x", "aliases": ("n",)}, {"name": "x", "aliases": ("y", "n")}])
@pytest.mark.parametrize("second", [{"name": "n"}, {"name": "z", "aliases": ("n",)}])
def test_two_classes_cannot_have_one_name_be_it_present_or_former(first: dict[str, Any], second: dict[str, Any]) -> None:
    registry = Registry()
    registry.register(Order, **first)
    why = refused(registry, Other, **second)
    assert why == f"the name 'n' is taken by {__name__}.Order: give it another with name="
    assert registry.named("z") is None, "what is refused leaves no name behind"


@pytest.mark.parametrize("options", [{"name": "n", "aliases": ("n",)}, {"aliases": ("m", "m")}])
def test_one_class_cannot_have_a_name_twice(options: dict[str, Any]) -> None:
    assert "is taken by" in refused(Registry(), Order, **options)


def test_a_class_is_registered_once() -> None:
    registry = Registry()
    registry.register(Order, name="shop.Order")
    assert refused(registry, Order, name="other") == "it is registered already, as 'shop.Order'"
    with pytest.raises(RegistrationError, match="registered already"):
        registry.register_functions(Order, encode=same, decode=same, name="other")


# -- other registries --------------------------------------------------------------------------------------------------------


def test_a_registry_takes_over_what_others_have_with_aliases_and_what_is_immutable() -> None:
    library = Registry()
    library.register(Order, name="order", aliases=("Order",))
    library.declare_immutable(Other)
    registry = Registry(library, Registry())
    assert registry.types == library.types
    assert registry.named("Order") is library.named("order")
    assert registry.immutable == {Other}
    registry.register(Other)
    assert Other not in library, "only at that moment"


def test_registries_with_a_common_ancestor_go_together() -> None:
    base = Registry()
    base.register(Order)
    assert Order in Registry(base, Registry(base), base)


def test_registries_that_differ_about_a_class_or_a_name_do_not_go_together() -> None:
    one, two, three = Registry(), Registry(), Registry()
    one.register(Order, name="n")
    two.register(Order, name="n")
    three.register(Other, name="m", aliases=("n",))
    with pytest.raises(RegistrationError, match="registered already, as 'n'"):
        Registry(one, two)
    with pytest.raises(RegistrationError, match="the name 'n' is taken"):
        Registry(one, three)
    with pytest.raises(TypeError, match=r"Registry\(5\) is not valid"):
        Registry(5)  # type: ignore[arg-type]


def test_of_many_threads_that_register_one_name_one_succeeds() -> None:
    registry = Registry()
    classes = [dataclasses.make_dataclass("Made", [("number", int)]) for _ in range(16)]
    barrier = threading.Barrier(len(classes))
    failed: list[RegistrationError] = []

    def register(cls: type) -> None:
        barrier.wait()
        try:
            registry.register(cls, name="made")
        except RegistrationError as error:
            failed.append(error)

    threads = [threading.Thread(target=register, args=(cls,)) for cls in classes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.types) == 1
    assert len(failed) == len(classes) - 1


# -- arguments ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None, 1_000_000_000])
def test_a_version_is_a_whole_number_from_1_on(version: Any) -> None:
    assert refused(Registry(), Order, version=version) == f"version={version!r} is not valid: a whole number, 1 or more"


@pytest.mark.parametrize("upgrades", [{0: same}, {3: same}, {4: same}, {True: same}, {"1": same}, {1: "x", 2: same}])
def test_an_upgrade_is_a_function_from_an_older_version(upgrades: Any) -> None:
    assert "an older version than 3, and a function" in refused(Registry(), Order, version=3, upgrades=upgrades)


def test_upgrades_have_no_gaps() -> None:
    why = refused(Registry(), Order, version=5, upgrades={2: same, 4: same})
    assert why == "upgrades has no function for version 3, which the ones before it lead to"
    assert "for version 4" in refused(Registry(), Order, version=5, upgrades={3: same})
    Registry().register(Order, version=5, upgrades={3: same, 4: same})  # older ones need not be read


@pytest.mark.parametrize(
    ("option", "value"),
    [("upgrades", [1]), ("upgrades", 5), ("renamed", [("old", "number")]), ("renamed", "old"), ("aliases", 5), ("aliases", "name")],
)
def test_an_option_of_another_type_is_refused_with_its_value(option: str, value: Any) -> None:
    assert f"{option}={value!r} is not valid" in refused(Registry(), Order, **{option: value})


@pytest.mark.parametrize(
    ("cls", "renamed"),
    [
        (Order, {"old": "gone"}),
        (Order, {"number": "customer"}),
        (Order, {1: "number"}),
        (Colour, {"ROT": "ROUGE"}),
        (Colour, {"RED": "GREEN"}),
        (enum.Flag("Access", "READ"), {"LESEN": "READ"}),
        (Lost, {"old": "new"}),
    ],
)
def test_renamed_leads_from_a_name_that_is_gone_to_one_that_there_is(cls: Any, renamed: Any) -> None:
    assert "renamed=" in refused(Registry(), cls, renamed=renamed)


@pytest.mark.parametrize(("encode", "decode"), [(5, same), (same, None), ("x", same)])
def test_functions_are_callable(encode: Any, decode: Any) -> None:
    with pytest.raises(RegistrationError, match=r"encode=5|decode=None|encode='x'"):
        Registry().register_functions(Order, encode=encode, decode=decode)


@pytest.mark.parametrize("one", [5, "x", None, same])
def test_only_classes_are_declared_immutable(one: Any) -> None:
    registry = Registry()
    with pytest.raises(RegistrationError, match=r"declare_immutable\(\) takes classes"):
        registry.declare_immutable(Order, one)
    assert registry.immutable == frozenset()


# -- classes -----------------------------------------------------------------------------------------------------------------


@dataclass
class WithInitVar:
    number: int
    seed: InitVar[int] = 0


@dataclass
class OwnInit:
    number: int

    def __init__(self, start: int) -> None:
        self.number = start


@dataclass(init=False)
class NoInit:
    number: int


@dataclass
class OwnNew:
    number: int

    def __new__(cls, *_args: Any) -> OwnNew:  # noqa: PYI034
        return super().__new__(cls)


@dataclass
class ListWithFields(list):  # type: ignore[type-arg]
    number: int = 0


@attrs.define
class OwnInitOfAttrs:
    number: int

    def __init__(self, start: int) -> None:
        self.__attrs_init__(start)  # type: ignore[attr-defined]


class Undecorated(Order):
    pass


@attrs.define
class Attrs:
    number: int


class UndecoratedAttrs(Attrs):
    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: int = 0


class PointWithMore(Point):
    pass


class PointOwnNew(Point):
    __slots__ = ()

    def __new__(cls, x: int) -> PointOwnNew:  # noqa: PYI034
        return super().__new__(cls, x, x)


class Empty(enum.Enum):
    pass


class Plain:
    pass


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (WithInitVar, "'seed' is an InitVar"),
        (OwnInit, "its __init__ is not the one that dataclass() makes"),
        (NoInit, "its __init__ is not the one that dataclass() makes"),
        (OwnNew, "its __new__ is not object's"),
        (ListWithFields, "its __new__ is not object's"),
        (OwnInitOfAttrs, "its __init__ is not the one that attrs makes"),
        (attr.s(init=False)(type("Classic", (), {"number": attr.ib()})), "its __init__ is not the one that attrs makes"),
        (Undecorated, "it is no dataclass"),
        (UndecoratedAttrs, "it is no dataclass"),
        (PointWithMore, "add __slots__ = ()"),
        (PointOwnNew, "its __new__ is not the one that a named tuple has"),
        (Empty, "the enum has no members"),
        (Plain, "use register_functions(), or @dataclass"),
        (type("PlainTuple", (tuple,), {}), "it is no dataclass"),
        (namedtuple("Renamed", "class x", rename=True), None),  # noqa: PYI024
        (Order(1), "it is no class"),
        (dataclass, "it is no class"),
        (list[int], "it is no class"),
        ("shop.Order", "it is no class; for the name of one, write @registry.register(name='shop.Order')"),
        (int, "builtin types travel by themselves"),
        (list, "builtin types travel by themselves"),
        (type, "builtin types travel by themselves"),
        (object, "builtin types travel by themselves"),
        (type(None), "builtin types travel by themselves"),
        (Decimal, "it travels by itself"),
        (datetime, "it travels by itself"),
        (ActorRef, "it travels by itself"),
    ],
)
def test_a_class_that_cannot_be_made_again_of_its_fields_is_refused_by_what_is_in_the_way(cls: Any, why: str | None) -> None:
    if why is None:
        Registry().register(cls)
        return
    assert why in refused(Registry(), cls)


def test_any_class_can_have_functions_but_those_that_the_format_has() -> None:
    registry = Registry()
    registry.register_functions(OwnInit, encode=lambda one: one.number, decode=OwnInit)
    codec = Codec(registry)
    assert codec.decode(codec.encode(OwnInit(3))).number == 3
    for cls in (dict, Decimal, ActorRef):
        with pytest.raises(RegistrationError, match=r"by itself|by themselves"):
            registry.register_functions(cls, encode=same, decode=same)


# -- what a registry tells ---------------------------------------------------------------------------------------------------


def test_types_tell_what_was_registered_in_its_order() -> None:
    registry = Registry()
    registry.register(Order, name="order", version=2, aliases=["Order", "Bestellung"], upgrades={1: same})
    registry.register(Colour, name="colour")
    registry.register(Lost, name="lost")
    registry.register_functions(Plain, encode=same, decode=same, name="plain")
    assert registry.types == (
        RegisteredType("order", 2, Order, ("number", "customer"), ("Order", "Bestellung"), ()),
        RegisteredType("colour", 1, Colour, (), (), ()),
        RegisteredType("lost", 1, Lost, (), (), ()),
        RegisteredType("plain", 1, Plain, (), (), ()),
    )
    assert Order in registry
    assert Other not in registry
    assert repr(registry) == "<Registry of 4 types>"


def test_register_is_a_call_and_a_decorator_with_and_without_options() -> None:
    registry = Registry()

    @registry.register
    @dataclass
    class One:
        number: int = field(default=1)

    @registry.register(name="two", version=3)
    class Two(enum.Enum):
        A = 1

    assert isinstance(One, type)
    assert registry.register(Other) is Other
    assert [(one.cls, one.version) for one in registry.types] == [(One, 1), (Two, 3), (Other, 1)]


def test_a_type_registered_after_the_codec_was_made_and_used_travels() -> None:
    registry = Registry()
    codec = Codec(registry)
    error = Lost("gone")
    assert type(codec.decode(codec.encode(error))).__name__ == "RemoteError"
    registry.register(Lost)
    assert type(codec.decode(codec.encode(error))) is Lost
    assert type(codec.decode(codec.encode([error]))[0]) is Lost


def test_a_struct_that_is_registered_keeps_its_order_of_fields() -> None:
    class Item(msgspec.Struct, kw_only=True):
        first: int = 1
        second: int

    registry = Registry()
    registry.register(Item)
    assert registry.types[0].fields == Item.__struct_fields__
