"""Every kind of class that can be registered travels as what it is: fields, defaults, slots, converters, and all that classes do beside."""

from __future__ import annotations

import enum
import functools
import http
from collections import namedtuple
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import attr
import attrs
import msgspec
import pytest
from msgpack import packb

from actors import Request
from actors.errors import CodecError
from actors.wire import Codec, Registry

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTheChecker

T = TypeVar("T")


def codec_of(*classes: type) -> Codec:
    registry = Registry()
    for cls in classes:
        registry.register(cls, name=cls.__qualname__.rpartition(".")[2])
    return Codec(registry)


def through(value: Any, *others: type) -> Any:
    """The value, alone and as a part, sent and copied: equal, and of the same type."""
    codec = codec_of(*dict.fromkeys((type(value), *others)))
    alone = codec.decode(codec.encode(value))
    for made in (alone, codec.decode(codec.encode([value]))[0], codec.copy(value), codec.copy([value])[0]):
        assert made == value
        assert type(made) is type(value)
    return alone


# -- dataclasses -------------------------------------------------------------------------------------------------------------


@dataclass
class Base:
    number: int
    name: str = "base"


@dataclass
class Overriding(Base):
    extra: float = 0.5
    number: str = "7"  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Slotted:
    number: int
    other: Any = None


@dataclass(slots=True)
class SlottedUnderDict(Base):
    extra: int = 1


@dataclass(frozen=True)
class FrozenBase:
    number: int


@dataclass(frozen=True, slots=True)
class FrozenSlottedUnderDict(FrozenBase):
    extra: list[int]


@dataclass
class Box(Generic[T]):
    content: T


@dataclass(slots=True, weakref_slot=True)
class WithWeakref:
    number: int


@dataclass(order=True)
class Ordered:
    number: int


@dataclass(unsafe_hash=True)
class Hashed:
    number: int


@dataclass
class KeywordOnly:
    first: int = 1
    _: KW_ONLY
    second: int
    count: ClassVar[int] = 0


@dataclass
class Mangled:
    __secret: int = 3


@dataclass
class NotInInit:
    number: int
    double: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.double = self.number * 2


@dataclass
class Nothing:
    pass


@dataclass
class Ask(Request[int]):
    number: int


@dataclass
class OwnSetattr:
    number: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value + 1)


@pytest.mark.parametrize(
    "value",
    [
        Base(1, "x"),
        Overriding("8", "x", 1.5),
        Slotted(1, [2]),
        SlottedUnderDict(1, "x", 5),
        FrozenBase(1),
        FrozenSlottedUnderDict(1, [2]),
        Box(1),
        Box([1]),
        WithWeakref(1),
        Ordered(1),
        Hashed(1),
        KeywordOnly(second=5),
        Mangled(4),
        NotInInit(4),
        Nothing(),
        Ask(1),
        OwnSetattr(1),
        make_dataclass("Made", ["anything", ("number", int, 5)])([1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_dataclass_of_any_make_travels(value: Any) -> None:
    through(value)


def test_an_overridden_field_has_the_annotation_of_the_subclass() -> None:
    codec = codec_of(Overriding)
    with pytest.raises(CodecError, match=r"message.number is an int, and str is declared"):
        codec.encode(Overriding(8))  # type: ignore[arg-type]


def test_init_is_not_called_and_post_init_is() -> None:
    @dataclass
    class Noted:
        number: int
        made: int = 0

        def __post_init__(self) -> None:
            self.made += 1

    codec = codec_of(Noted)
    assert codec.decode(codec.encode(Noted(1))).made == 2, "one more than the one that was sent"


def test_a_setattr_of_its_own_is_passed_by() -> None:
    one = OwnSetattr(1)
    assert one.number == 2
    assert through(one).number == 2


class Event:
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Started(Event):
    by: str


def test_registration_leaves_no_trace_in_the_subclasses_of_a_base() -> None:
    before = Event.__subclasses__()
    through(Started("x"))
    assert Event.__subclasses__() == before


def test_a_cached_property_does_not_travel_and_works_again() -> None:
    @dataclass(frozen=True)
    class Cached:
        number: int

        @functools.cached_property
        def double(self) -> int:
            return self.number * 2

    one = Cached(2)
    assert one.double == 4
    there = through(one)
    assert vars(there) == {"number": 2}
    assert there.double == 4


def test_a_property_as_a_field_is_read_and_set_like_one() -> None:
    @dataclass
    class Clamped:
        number: int

        @property  # type: ignore[no-redef]
        def number(self) -> int:
            return self._number

        @number.setter
        def number(self, value: int) -> None:
            self._number = min(value, 10)

    codec = codec_of(Clamped)
    assert codec.decode(codec.encode(Clamped(11))).number == 10
    assert codec.decode(packb(["Clamped/1:number", 99])).number == 10


def test_a_property_that_raises_is_an_error_with_its_path() -> None:
    def fail(_self: object) -> int:
        raise RuntimeError("not connected")

    raising = dataclass(type("Raising", (), {"__annotations__": {"number": int}, "number": property(fail, lambda *_: None)}))
    codec = codec_of(raising)
    for send in (codec.encode, codec.copy):
        with pytest.raises(CodecError, match=r"message\[0\].number cannot be read: RuntimeError: not connected"):
            send([raising(1)])


def test_a_descriptor_as_a_field_is_asked_and_told() -> None:
    class Positive:
        def __set_name__(self, owner: type, name: str) -> None:
            self.name = f"_{name}"

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return getattr(instance, self.name) if instance is not None else 1

        def __set__(self, instance: Any, value: int) -> None:
            if value < 0:
                raise ValueError("negative")
            instance.__dict__[self.name] = value

    @dataclass(frozen=False)
    class Guarded:
        number: int = Positive()  # type: ignore[assignment]

    codec = codec_of(Guarded)
    assert codec.decode(codec.encode(Guarded(5))) == Guarded(5)
    with pytest.raises(CodecError, match=r"is refused by .*Guarded: ValueError: negative"):
        codec.decode(packb(["Guarded/1:number", -5]))


def test_annotations_that_cannot_be_resolved_take_any_value_and_the_registry_tells_of_them() -> None:
    class Local:
        pass

    @dataclass
    class Unknown:
        price: OnlyForTheChecker
        local: Local
        itself: Unknown | None
        number: int

    registry = Registry()
    registry.register(Unknown)
    assert registry.types[0].unchecked == ("price", "local")
    codec = Codec(registry)
    inner = Unknown([1], "any", None, 1)  # type: ignore[arg-type]
    assert codec.decode(codec.encode(Unknown(None, 1.5, inner, 2))).itself == inner  # type: ignore[arg-type]
    with pytest.raises(CodecError, match=r"message.itself is an int, and"):
        codec.encode(Unknown(None, None, 5, 1))  # type: ignore[arg-type]


def test_an_instance_with_attributes_beside_its_fields_travels_without_them() -> None:
    one = Base(1)
    one.more = 5  # type: ignore[attr-defined]
    assert not hasattr(through(one), "more")


def test_a_subclass_of_a_registered_class_is_registered_by_itself() -> None:
    codec = codec_of(Base)
    with pytest.raises(CodecError, match=r"a subclass of Base: only exact types travel, so register this one, too"):
        codec.encode([Overriding()])
    both = codec_of(Base, Overriding)
    there = both.decode(both.encode([Base(1), Overriding()]))
    assert [type(one) for one in there] == [Base, Overriding]


# -- attrs -------------------------------------------------------------------------------------------------------------------


@attrs.define
class Defined:
    number: int
    names: list[str] = attrs.Factory(list)


@attrs.frozen
class FrozenAttrs:
    number: int
    _private: str = attrs.field(default="p")
    renamed: int = attrs.field(default=1, alias="other")


@attrs.define(slots=False)
class LooseAttrs:
    number: int
    late: int = attrs.field(init=False, default=5)


@attrs.define(kw_only=True)
class Converted:
    number: int = attrs.field(converter=int, validator=attrs.validators.ge(0))
    next: int = attrs.field(default=attrs.Factory(lambda self: self.number + 1, takes_self=True))


@attrs.frozen
class FrozenLate:
    number: int
    late: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "late", self.number + 1)


@attr.s
class Classic:
    number = attr.ib(type=int)
    other = attr.ib(default=None)


@attrs.define
class Derived(Defined):
    more: int = 3


@pytest.mark.parametrize(
    "value",
    [
        Defined(1, ["a"]),
        FrozenAttrs(1, private="q", other=2),
        LooseAttrs(1),
        Converted(number=1, next=7),
        FrozenLate(1),
        Classic(1, [2]),
        Derived(1, ["x"], 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_attrs_class_of_any_make_travels(value: Any) -> None:
    through(value)


def test_a_late_field_of_attrs_has_the_value_that_was_sent() -> None:
    one = LooseAttrs(1)
    one.late = 8
    assert through(one).late == 8


def test_a_validator_of_attrs_that_refuses_is_an_error() -> None:
    codec = codec_of(Converted)
    with pytest.raises(CodecError, match=r"message\[0\] is refused by Converted: ValueError: 'number' must be >= 0"):
        codec.decode(packb([2, ["Converted/1:number,next", -1, 0]]))


def test_defaults_of_attrs_are_those_of_the_class_also_one_that_asks_the_instance() -> None:
    assert codec_of(Converted).decode(packb(["Converted/1:number", 4])) == Converted(number=4)
    assert codec_of(Defined).decode(packb(["Defined/1:number", 4])) == Defined(4, [])
    assert codec_of(LooseAttrs).decode(packb(["LooseAttrs/1:number", 4])).late == 5
    assert codec_of(FrozenAttrs).decode(packb(["FrozenAttrs/1:number", 4])) == FrozenAttrs(4)


# -- msgspec -----------------------------------------------------------------------------------------------------------------


class Item(msgspec.Struct):
    number: int
    names: list[str] = []
    made: dict[str, int] = msgspec.field(default_factory=lambda: {"a": 1})


class FrozenItem(msgspec.Struct, frozen=True, tag="item", rename="camel", forbid_unknown_fields=True):
    long_name: int
    other_name: str = "x"


class KeywordItem(msgspec.Struct, kw_only=True, array_like=True):
    first: int = 1
    second: str


class DerivedItem(Item, tag=True):
    more: int = 1


class CheckedItem(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("negative")


@pytest.mark.parametrize(
    "value",
    [
        Item(1, ["a"], {"b": 2}),
        FrozenItem(1, "y"),
        KeywordItem(second="s"),
        DerivedItem(1, ["a"], {}, 2),
        CheckedItem(1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_struct_of_any_make_travels(value: Any) -> None:
    through(value)


def test_fields_of_a_struct_travel_under_the_names_of_its_attributes_with_its_checks_and_defaults() -> None:
    assert codec_of(FrozenItem).decode(packb(["FrozenItem/1:long_name", 4])) == FrozenItem(4)
    one, two = (codec_of(Item).decode(packb(["Item/1:number", 4])) for _ in range(2))
    assert one == two == Item(4)
    assert one.names is not two.names
    with pytest.raises(CodecError, match=r"message.second is missing"):
        codec_of(KeywordItem).decode(packb(["KeywordItem/1:first", 4]))
    with pytest.raises(CodecError, match=r"is refused by CheckedItem: ValueError: negative"):
        codec_of(CheckedItem).decode(packb(["CheckedItem/1:number", -1]))
    with pytest.raises(CodecError, match=r"message.number is a str, and int is declared"):
        codec_of(Item).encode(Item("x"))  # type: ignore[arg-type]


# -- named tuples ------------------------------------------------------------------------------------------------------------


class Point(NamedTuple):
    x: int
    y: Any = 0


class SubPoint(Point):
    __slots__ = ()

    def length(self) -> int:
        return self.x


Bare = namedtuple("Bare", "a b", defaults=[5])  # noqa: PYI024


@pytest.mark.parametrize("value", [Point(1), Point(1, [2]), SubPoint(1, 2), Bare(1)], ids=repr)
def test_a_named_tuple_travels(value: Any) -> None:
    through(value)


def test_a_named_tuple_has_defaults_and_is_no_tuple() -> None:
    assert codec_of(Point).decode(packb(["Point/1:x", 4])) == Point(4)
    assert codec_of(Bare).decode(packb(["Bare/1:a", 4])) == Bare(4)
    with pytest.raises(CodecError, match=r"Point, a subclass of tuple: only exact types travel"):
        Codec().encode([Point(1)])


# -- enums -------------------------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796  # an alias
    GREEN = (1, [2])
    ODD = dataclass
    SELF = None


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = 1
    WRITE = 2
    BOTH = 3


class Bits(enum.IntFlag):
    A = 1
    B = 4
    HIGH = 1 << 70


class Strict(enum.Flag, boundary=enum.STRICT):
    A = 1
    C = 4


class Ejecting(enum.IntFlag, boundary=enum.EJECT):
    A = 1


class Conforming(enum.Flag, boundary=enum.CONFORM):
    A = 1
    C = 4


class Doing(enum.Enum):
    RUN = enum.auto()

    def __call__(self) -> str:
        return "ran"


@pytest.mark.parametrize(
    "value",
    [
        *Colour,
        Colour.CRIMSON,
        Level.LOW,
        Word.YES,
        Access.READ,
        Access(0),
        Access.READ | Access.WRITE,
        Bits.A | Bits.HIGH,
        ~Bits.A,
        Strict.A | Strict.C,
        Doing.RUN,
        http.HTTPStatus.OK,
    ],
    ids=repr,
)
def test_a_member_arrives_as_itself(value: Any) -> None:
    codec = codec_of(type(value))
    for message in (value, [value, value], {value: value}):
        assert codec.decode(codec.encode(message)) == message
    assert codec.decode(codec.encode(value)) is value
    assert codec.copy(value) is value


def test_an_alias_is_read_as_the_member_and_what_is_none_is_named() -> None:
    codec = codec_of(Colour, Level)
    assert codec.decode(packb(["Colour/1", "CRIMSON"])) is Colour.RED
    for given, shown in (("BLUE", "'BLUE'"), (1, "1"), (None, "a NoneType"), ([2], "a list"), ("x" * 200, f"'{'x' * 99}...")):
        with pytest.raises(CodecError) as caught:
            codec.decode(packb([2, ["Colour/1", given]]))
        assert str(caught.value) == f"message[0] has {shown}, which is no member of Colour"
    with pytest.raises(CodecError, match="no member of Level"):
        codec.decode(packb(["Level/1", 1]))


@pytest.mark.parametrize(
    ("cls", "number"),
    [
        (Access, 4),
        (Access, -1),
        (Bits, 1 << 71),
        (Bits, 1 << 90),
        (Strict, 2),
        (Ejecting, 8),
        (Conforming, 8),
        (Conforming, 2),
        (Access, "READ"),
    ],
)
def test_bits_that_no_member_of_a_flag_has_are_refused_and_not_kept(cls: Any, number: Any) -> None:
    cls(0)  # the one that a flag may make when it leaves bits out
    kept = len(cls._value2member_map_)
    raw = [8, number.to_bytes(16, "big")] if isinstance(number, int) and number >= 1 << 64 else number
    with pytest.raises(CodecError, match=f"which is no member of {cls.__name__}"):
        codec_of(cls).decode(packb([f"{cls.__name__}/1", raw]))
    assert len(cls._value2member_map_) == kept


def test_a_member_that_missing_has_made_is_refused_where_it_is_sent() -> None:
    class Open(enum.Enum):
        KNOWN = 1

        @classmethod
        def _missing_(cls, value: object) -> Any:
            made = object.__new__(cls)
            made._name_, made._value_ = "KNOWN", value
            return made

    codec = codec_of(Open)
    assert codec.decode(codec.encode(Open(1))) is Open.KNOWN
    with pytest.raises(CodecError, match=r"message\[0\] is <.*Open.KNOWN: 7>, which is no member of .*Open that was declared"):
        codec.encode([Open(7)])


def test_a_flag_with_other_bits_is_refused_where_it_is_sent() -> None:
    with pytest.raises(CodecError, match=rf"message\[0\] has {1 << 71}, which is no member of Bits"):
        codec_of(Bits).encode([Bits(1 << 71)])


# -- functions ---------------------------------------------------------------------------------------------------------------


class Money:
    def __init__(self, cents: Any) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None  # type: ignore[assignment]


def test_a_class_with_functions_travels_as_what_they_return_and_stays_shared() -> None:
    registry = Registry()
    registry.register_functions(Money, encode=lambda money: [money.cents], decode=lambda given: Money(*given), name="money")
    codec = Codec(registry)
    one = Money({"a": (1, 2)})
    for made in (codec.decode(codec.encode([one, one])), codec.copy([one, one])):
        assert made == [one, one]
        assert made[0] is made[1]
        assert made[0] is not one
    assert codec.decode(codec.encode(one)) == codec.copy(one) == one


@pytest.mark.parametrize(
    ("encode", "decode", "why"),
    [
        (lambda _: 1 // 0, Money, "is refused by the function that encodes Money: ZeroDivisionError"),
        (lambda _: 1, lambda _: 1 // 0, "is refused by the function that decodes Money: ZeroDivisionError"),
        (lambda _: 1, lambda _: 5, "was decoded to int: the function that decodes Money has to return one"),
        (lambda money: money, Money, "is the Money that it is a part of"),
        (lambda _: iter(()), Money, "is of builtins.tuple_iterator, which is none of the builtin types that travel"),
    ],
)
def test_functions_that_fail_are_errors_with_a_path(encode: Callable[[Any], Any], decode: Callable[[Any], Any], why: str) -> None:
    registry = Registry()
    registry.register_functions(Money, encode=encode, decode=decode)
    codec = Codec(registry)
    for send in (lambda value: codec.decode(codec.encode(value)), codec.copy):
        with pytest.raises(CodecError) as caught:
            send([Money(1)])
        assert str(caught.value).startswith(f"message[0] {why}")
