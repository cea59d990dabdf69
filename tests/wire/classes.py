"""Classes of every kind that can be registered, and a registry of them."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import msgspec

from actors.wire import Registry

T = TypeVar("T")


@dataclass
class Mutable:
    number: int
    anything: Any = None


@dataclass(frozen=True)
class Frozen:
    key: Any
    more: Any = None


@dataclass(frozen=True, slots=True)
class FrozenSlots:
    key: Any


@dataclass(slots=True)
class Slots:
    inner: Any
    many: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plain:
    """Nothing but what msgpack has itself: takes the fast way."""

    name: str
    number: int
    ratio: float = 0.0
    data: bytes | None = None


@dataclass(frozen=True)
class AlsoPlain:
    """The same fields as `Plain`: what tells them apart is the type only."""

    name: str
    number: int
    ratio: float = 0.0
    data: bytes | None = None


@dataclass(kw_only=True)
class KeywordOnly:
    first: Any
    second: Any = 2


@dataclass
class Inherited(Mutable):
    further: Any = None


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class Derived:
    given: int
    made: int = field(init=False, default=0)
    late: Any = field(init=False)

    def __post_init__(self) -> None:
        self.made = self.given + 1
        if not hasattr(self, "late"):
            self.late = ()


@dataclass
class Nothing:
    """An instance is all that it is."""


@dataclass(eq=False)
class ByIdentity:
    content: Any


@dataclass
class Rows:
    """Annotations that look at the elements of collections."""

    rows: list[list[int]]
    named: dict[str, tuple[int, ...]] | None = None


@dataclass
class Flat:
    """Plain values and collections of them: takes the fast way, too."""

    names: list[str]
    counts: dict[str, int]
    seen: set[int] | None = None
    more: list[str] | None = None
    pair: tuple[float, ...] = ()


@attrs.define
class AttrsMutable:
    first: Any
    _private: Any = None
    late: Any = attrs.field(init=False, default=0)


@attrs.frozen
class AttrsFrozen:
    key: Any


class StructMutable(msgspec.Struct):
    first: Any
    second: Any = None


class StructFrozen(msgspec.Struct, frozen=True, kw_only=True):
    key: Any
    other: int = 0


class TypedTuple(NamedTuple):
    first: Any
    second: Any = None


OldTuple = namedtuple("OldTuple", ["first", "second"])  # noqa: PYI024  # the other way to make one


class Colour(enum.Enum):
    RED = 1
    GREEN = (2, [3])
    ALSO_RED = 1  # noqa: PIE796  # an alias


class Access(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4


class Loose(enum.IntFlag):
    A = 1
    B = 4


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"
    NO = "no"


class Money:
    """A class with functions of its own."""

    def __init__(self, amount: Any, currency: Any) -> None:
        self.amount = amount
        self.currency = currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))


class Holder:
    """A class with functions of its own, made of anything."""

    def __init__(self, content: Any) -> None:
        self.content = content


class Failed(Exception):
    """A registered exception, with an attribute."""


class WithCode(Exception):
    def __init__(self, code: Any) -> None:
        super().__init__(code)
        self.code = code


class Unregistered(Exception):
    """Arrives as a RemoteError."""


def _money(given: Any) -> Money:
    amount, currency = given
    return Money(amount, currency)


CLASSES = (
    *(Mutable, Frozen, FrozenSlots, Slots, Plain, AlsoPlain, KeywordOnly, Inherited, Box, Derived, Nothing, ByIdentity, Rows, Flat),
    *(AttrsMutable, AttrsFrozen, StructMutable, StructFrozen, TypedTuple, OldTuple),
    *(Colour, Access, Loose, Level, Word, Failed, WithCode),
)


def registry() -> Registry:
    """All of the classes, under their own names."""
    made = Registry()
    for cls in CLASSES:
        # Names of renamed fields and of an earlier version, for bytes to play with.
        more: dict[str, Any] = (
            {"version": 3, "renamed": {"count": "number"}, "upgrades": {1: dict, 2: dict}, "aliases": ("Old",)} if cls is Mutable else {}
        )
        made.register(cls, name=cls.__name__, **more)
    made.register_functions(Money, encode=lambda it: (it.amount, it.currency), decode=_money, name="Money")
    made.register_functions(Holder, encode=lambda it: it.content, decode=Holder, name="Holder")
    return made
