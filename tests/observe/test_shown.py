"""Values as text, for whoever looks from beside: bounded, and without running code of the value's own class."""

from __future__ import annotations

import collections
import enum
import types
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from actors.snapshots.shown import LONGEST, shown


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: object = None


class Pair(NamedTuple):
    first: int
    second: str


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError


class Hostile:
    """Runs nothing, or the test fails."""

    def __init__(self) -> None:
        self.__dict__["name"] = "x"

    def __getattribute__(self, name: str) -> object:
        if name == "__dict__":
            return object.__getattribute__(self, name)
        raise AssertionError(name)

    def __repr__(self) -> str:
        raise AssertionError

    @property
    def __class__(self) -> type:
        raise AssertionError


class Lying(dict[str, int]):
    def items(self) -> object:  # type: ignore[override]
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ((1,), "(1,)"),
        ([1, {"a": {3, 1}}], "[1, {'a': {1, 3}}]"),
        (frozenset(), "frozenset()"),
        ("a\nb", r"'a\nb'"),
        (Point(1, [2]), "Point(x=1, y=[2])"),
        (Pair(1, "b"), "Pair(first=1, second='b')"),
        (Colour.RED, "Colour.RED"),
        (Text("abc"), "Text('abc')"),
        (ValueError("no", 1), "ValueError('no', 1)"),
        (collections.deque([1]), "deque([1])"),
        (Point, "<class Point>"),
        (object(), "<object>"),
        (Lying(a=1), "Lying({'a': 1})"),
    ],
)
def test_a_value_is_shown_by_what_it_is_made_of_and_no_code_of_its_class_runs(value: object, text: str) -> None:
    assert shown(value) == text


def test_nothing_of_an_object_that_raises_whatever_is_asked_is_called() -> None:
    assert shown([Hostile()]) == "[Hostile(name='x')]"


def _cycle() -> list[object]:
    values: list[object] = []
    values.append(values)
    return values


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        b"x" * 10_000_000,
        1 << 10_000_000,
        range(1 << 10_000_000),
        list(range(1_000_000)),
        dict.fromkeys(range(1000), "x" * 1000),
        set(range(1000)),
        [["x" * 10_000] * 10_000] * 10_000,
        _cycle(),
        Text("x" * 10_000_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_text_of_what_is_huge_is_short(value: object) -> None:
    assert 0 < len(shown(value)) <= LONGEST
    assert len(shown(value, 10)) <= 10


def _nested(levels: int) -> frozenset[object]:
    sets: list[frozenset[object]] = [frozenset([number]) for number in range(20)]
    for _ in range(levels):
        sets = [frozenset(sets[:number] + sets[number + 1 :]) for number in range(20)]
    return frozenset(sets)


def test_sets_in_sets_are_looked_at_only_so_often() -> None:
    assert len(shown(_nested(5))) <= LONGEST  # 20 ** 6 looks, were all of them put into order


RAN: list[str] = []


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        RAN.append("str")
        return "ran"


class Meta(type):
    def __eq__(cls, other: object) -> bool:
        RAN.append("eq")
        return False

    __hash__ = type.__hash__

    def __getattribute__(cls, name: str) -> object:
        if name == "__qualname__":
            RAN.append("qualname")
        return type.__getattribute__(cls, name)


class Strange(list[int], metaclass=Meta):
    pass


class Fields(tuple[int, ...]):
    __slots__ = ()
    _fields = (Word("first"), 3)


def _with_words() -> object:
    class Plain:
        pass

    one = Plain()
    one.__dict__[Word("name")] = 1
    return one


@pytest.mark.parametrize(
    "value", [_with_words(), Fields((1, 2)), Strange(), Strange().append, [Strange]], ids=lambda value: type(value).__name__
)
def test_neither_names_nor_metaclasses_run_code(value: object) -> None:
    RAN.clear()
    shown(value)
    assert RAN == []


def test_methods_of_methods_are_not_followed() -> None:
    method: object = print
    for _ in range(100_000):
        method = types.MethodType(method, 1)  # type: ignore[arg-type]
    assert shown(method) == "<method>"
    while type(method) is types.MethodType:  # or they would be freed one inside of the other
        method = method.__func__
