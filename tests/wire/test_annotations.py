"""What a field's annotation excludes is refused on both sides, by path, by what was declared and by what came."""

from __future__ import annotations

import abc
import collections.abc
import datetime as dt
import enum
import typing
from dataclasses import dataclass, make_dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Protocol, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import CodecError, RemoteError
from actors.wire import Codec, Registry
from actors.wire.specs import spec_of
from tests.wire.payloads import packed

T = TypeVar("T")
Bound = TypeVar("Bound", bound=int)
LateBound = TypeVar("LateBound", bound="Nested")
Constrained = TypeVar("Constrained", int, str)
Number = NewType("Number", int)


@dataclass(frozen=True)
class Nested:
    number: int


@dataclass(frozen=True)
class Other:
    number: int


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


@dataclass(frozen=True)
class Square(Shape):
    side: float

    def area(self) -> float:
        return self.side**2


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int


class Options(TypedDict, total=False):
    name: str


@typing.runtime_checkable
class HasArea(Protocol):
    def area(self) -> float: ...


class NotRuntime(Protocol):
    def area(self) -> float: ...


@dataclass(frozen=True)
class Box(Generic[T]):
    content: Any


REGISTERED = (Nested, Other, Square, Colour, Level, Point, Box)
NOW = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)

# An annotation, values that pass, values that do not.
CASES: list[tuple[Any, list[Any], list[Any]]] = [
    (int, [0, True, 2**80, -5], [1.0, "1", None, Level.LOW]),
    (float, [1.5, 1, True, 2**80], ["1", None, Decimal(1)]),
    (bool, [True], [1, 0, None]),
    (str, ["", "\ud800"], [b"", None, Colour.RED]),
    (bytes, [b""], ["", bytearray(b"")]),
    (None, [None], [0, False]),
    (str | None, ["x", None], [1, b""]),
    (typing.Optional[int], [1, None, True], [1.5, "x"]),  # noqa: UP045
    (int | str | None, [1, "x", None], [1.5, [1]]),
    (Literal["a", 1, None], ["a", 1, None], ["b", True, 1.0, 2, ["a"]]),  # noqa: PYI061
    (Literal[True, Colour.RED], [True, Colour.RED], [1, False, None]),
    (Literal["a"] | int, ["a", 5], ["b", None]),
    (list[int], [[], [1, 2**80, True]], [(1,), [1.5], ["1"], {1}, 1]),
    (list[Literal["a"]], [[], ["a"]], [["b"], "a"]),
    (list, [[], ["a", 1]], [()]),
    (typing.List, [[], [1]], [()]),  # noqa: UP006
    (list[list[int] | None], [[[1], None]], [[["x"]], [1]]),
    (list[Nested], [[Nested(1)]], [[Other(1)], [1]]),
    (tuple[int, ...], [(), (1, 2)], [[1], ("x",), (1, "x"), 1]),
    (tuple[int, str], [(1, "x")], [(1,), (1, "x", 2), ("x", 1), [1, "x"], ()]),
    (tuple[()], [()], [(1,), []]),
    (tuple, [(), (1, "x")], [[]]),
    (typing.Tuple, [(), (1, "x")], [[]]),  # noqa: UP006
    (tuple[int, *tuple[str, ...]], [(1,), (1, "a", "b")], [[1]]),
    (dict[str, list[int]], [{}, {"a": [1]}], [{"a": [""]}, {1: [1]}, {"a": 1}, [], "x"]),
    (dict[str, Any], [{"a": [None]}], [{1: 1}]),
    (dict, [{}, {1: 2}], [[]]),
    (set[int], [set(), {1}], [frozenset(), {"x"}, [1]]),
    (frozenset[str], [frozenset("a")], [{"a"}, frozenset({1})]),
    (collections.abc.Sequence[int], [[1], (1,), "text", b"bytes"], [["x"], {1}, 1]),
    (collections.abc.Mapping[str, int], [{"a": 1}], [{"a": "b"}, {1: 1}, [], "a"]),
    (collections.abc.Iterable[int], [[1], (1,), {1}, {1: "x"}, "text"], [1, ["x"], {"x": 1}]),
    (collections.abc.Set[int], [{1}, frozenset({1})], [[1], {"x"}]),
    (collections.abc.Hashable, [1, "x", Nested(1)], [[1], {}]),
    (Number, [1, True], ["x"]),
    (Annotated[int, "above zero"], [1], ["x"]),
    (list[Annotated[int, 1]], [[1]], [["x"]]),
    (typing.Final[int], [1], ["x"]),
    (Bound, [1], ["x"]),
    (LateBound, [1, "x"], []),
    (T, [1, "x", []], []),
    (Constrained, [1, "x", []], []),
    (HasArea, [Square(1.0)], [1, Nested(1)]),
    (NotRuntime, [1, Square(1.0)], []),
    (Options, [{}, {"name": "x"}], [[], 1]),
    (Nested, [Nested(1)], [Other(1), 1, None]),
    (Nested | Other, [Nested(1), Other(1)], [1, Square(1.0)]),
    (Nested | None, [Nested(1), None], [Other(1)]),
    (Shape, [Square(1.0)], [Nested(1), 1]),
    (Box[int], [Box(1), Box("x")], [1]),
    (Any, [1, "x", None, [1], Nested(1)], []),
    (object, [1, None, [1], Nested(1)], []),
    (typing.Never, [1], []),
    (typing.LiteralString, ["x", 1], []),
    (Colour, [Colour.RED], [1, "RED", Level.LOW]),
    (Level, [Level.LOW], [1]),
    (Point, [Point(1)], [(1,)]),
    (dt.date, [NOW.date(), NOW], [1]),
    (dt.datetime, [NOW], [NOW.date()]),
    (Decimal, [Decimal(1)], [1, 1.0]),
    (np.ndarray, [np.zeros(2)], [[0.0], np.float64(1)]),
    (npt.NDArray[np.float64], [np.zeros(2), np.zeros(2, "i4")], [[0.0]]),
    (np.float64, [np.float64(1)], [1.0]),
    (BaseException, [RemoteError("a.B")], [1]),
    (type, [], [1]),
    (collections.abc.Callable[[int], str], [], [1]),
]


def _registry() -> Registry:
    registry = Registry()
    for cls in REGISTERED:
        registry.register(cls, name=cls.__name__)
    return registry


def _field_of(annotation: Any) -> tuple[Codec, Codec, type]:
    """A codec that checks one field, another that does not, under the same name; and the class."""
    cls = make_dataclass("Checked", [("it", annotation)])
    free = make_dataclass("Free", [("it", Any)])
    checked, unchecked = _registry(), _registry()
    checked.register(cls, name="Checked")
    unchecked.register(free, name="Checked")
    return Codec(checked), Codec(unchecked), free


def _ids(case: Any) -> str:
    return str(case[0]).replace("typing.", "")


@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_a_value_passes_both_ways_or_none(case: tuple[Any, list[Any], list[Any]]) -> None:
    annotation, good, bad = case
    codec, sender, free = _field_of(annotation)
    cls: Any = codec.registry.named("Checked").cls  # type: ignore[union-attr]
    for value in good:
        payload = codec.encode([cls(value)])
        made = codec.decode(payload)[0].it
        assert type(made) is type(value)
        assert codec.copy([cls(value)])[0].it is not None or value is None
    for value in bad:
        with pytest.raises(CodecError) as sent:
            codec.encode([cls(value)])
        with pytest.raises(CodecError) as copied:
            codec.copy([cls(value)])
        with pytest.raises(CodecError) as received:
            codec.decode(sender.encode([free(value)]))
        kind = type(value).__name__
        article = "an" if kind[0] in "aeiouAEIOU" else "a"
        assert str(sent.value) == str(received.value) == str(copied.value)
        told, _, wanted = str(sent.value).rpartition(", and ")
        assert told.partition(" of ")[0] == f"message[0].it is {article} {kind}"
        assert wanted == f"{spec_of(annotation).text} is declared"


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        (list[int], ["a", 1], "a list of int, str"),
        (tuple[int, ...], ("a",), "a tuple of str"),
        (frozenset[int], frozenset({None}), "a frozenset of NoneType"),
        (dict[str, int], {"a": "b", "c": 1}, "a dict of str to int, str"),
        (list[Point], [1, "a", 1.5, b"", None], "a list of NoneType, bytes, float, int, ..."),
        (tuple[int, int], (), "a tuple"),
    ],
)
def test_of_a_collection_is_told_what_is_in_it(annotation: Any, value: Any, told: str) -> None:
    codec, sender, free = _field_of(annotation)
    cls: Any = codec.registry.named("Checked").cls  # type: ignore[union-attr]
    expected = f"message.it is {told}, and {spec_of(annotation).text} is declared"
    for act in (lambda: codec.encode(cls(value)), lambda: codec.copy(cls(value)), lambda: codec.decode(sender.encode(free(value)))):
        with pytest.raises(CodecError) as caught:
            act()
        assert str(caught.value) == expected


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 2**66),
        st.floats(allow_nan=False),
        st.text(max_size=3),
        st.binary(max_size=3),
        st.sampled_from([Nested(1), Other(1), Square(1.0), Colour.RED, Level.LOW, Point(1), "a", 1]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=2), st.integers()), inner, max_size=3),
        st.sets(st.integers(), max_size=3),
        st.frozensets(st.text(max_size=2), max_size=3),
    ),
    max_leaves=5,
)
CODECS = [(case[0], *_field_of(case[0])) for case in CASES]


@given(st.sampled_from(CODECS), VALUES)
def test_any_value_passes_encoding_if_and_only_if_it_passes_decoding_and_copying(case: tuple[Any, Codec, Codec, Any], value: Any) -> None:
    _, codec, sender, free = case
    cls: Any = codec.registry.named("Checked").cls  # type: ignore[union-attr]
    outcomes = []
    for act in (lambda: codec.encode([cls(value)]), lambda: codec.decode(sender.encode([free(value)])), lambda: codec.copy([cls(value)])):
        try:
            act()
            outcomes.append(None)
        except CodecError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    assert (outcomes[2] is None) == (outcomes[0] is None)


def test_a_class_whose_metaclass_cannot_compare_is_an_error_and_no_crash() -> None:
    class Meta(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            if instance is None:
                return False
            raise ZeroDivisionError("no")

    class Odd(metaclass=Meta):
        pass

    codec, sender, free = _field_of(Odd)
    cls: Any = codec.registry.named("Checked").cls  # type: ignore[union-attr]
    for act in (lambda: codec.encode([cls(1)]), lambda: codec.decode(sender.encode([free(1)])), lambda: codec.copy([cls([1])])):
        with pytest.raises(CodecError, match=r"cannot be compared with .*Odd, which is declared: ZeroDivisionError: no"):
            act()


def test_a_wrong_value_of_a_message_by_itself_names_its_field() -> None:
    registry = Registry()
    registry.register(Nested, name="Nested")
    codec = Codec(registry)
    for act in (lambda: codec.encode(Nested("x")), lambda: codec.decode(packed(["Nested/1:number", "x"]))):  # type: ignore[arg-type]
        with pytest.raises(CodecError, match=r"^message.number is a str, and int is declared$") as caught:
            act()
        assert (caught.value.path, caught.value.limit) == ("message.number", None)
