"""The strategies as rules: of members that are no actors."""

from __future__ import annotations

import dataclasses
import itertools
import random
import subprocess
import sys
from collections import Counter
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.routers import Broadcast, ConsistentHash, LeastLoaded, RandomRouting, RoundRobin, Routing, ScatterGather, TailChopping
from actors.routers.ring import Ring
from actors.routers.routing import FULL, KEYS, Members
from tests.support import scaled

names = st.lists(st.text(min_size=1), min_size=1, max_size=12, unique=True)
keys = st.lists(st.one_of(st.text(), st.binary(), st.integers()), min_size=1, max_size=60)


def members(every: tuple[str, ...], loads: dict[str, int] | None = None, random: Any = None) -> Members[str]:
    """Members that are texts, with these loads."""
    found = loads if loads is not None else {}
    return Members(every, str, lambda one: found.get(one, 0), itertools.count().__next__, random or iter(()).__next__)


@given(names, st.integers(1, 5))
def test_round_robin_gives_each_member_every_nth_message(every: list[str], rounds: int) -> None:
    choose = RoundRobin().chooser(members(tuple(every)))
    assert [choose(None) for _ in range(rounds * len(every))] == every * rounds


@given(names, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_random_routing_chooses_a_member_whatever_is_drawn(every: list[str], drawn: list[float]) -> None:
    choose = RandomRouting().chooser(members(tuple(every), random=itertools.cycle(drawn).__next__))
    assert {choose(None) for _ in range(100)} <= set(every)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 100])
def test_random_routing_chooses_each_as_often_whatever_came_before(count: int) -> None:
    choose = RandomRouting().chooser(members(tuple(map(str, range(count))), random=random.Random(1).random))
    chosen = [choose(None) for _ in range(scaled(100, 20) * count * count)]
    singles, pairs = Counter(chosen), Counter(itertools.pairwise(chosen))
    # Chi-squared, beyond five standard deviations: never by chance.
    for found, kinds in ((singles, count), (pairs, count * count)):
        expected = len(chosen) / kinds
        squares = sum((number - expected) ** 2 for number in found.values()) / expected + expected * (kinds - len(found))
        assert squares < kinds + 5 * (2 * kinds) ** 0.5


@pytest.mark.parametrize("count", [1, 2, 3, 1000, 100_000])
@pytest.mark.parametrize("drawn", [0.0, 1 - 2**-53])
def test_the_least_and_the_greatest_number_choose_a_member(count: int, drawn: float) -> None:
    choose = RandomRouting().chooser(Members(tuple(range(count)), str, lambda _: 0, int, lambda: drawn))
    assert {choose(None) for _ in range(100)} <= set(range(count))


@given(st.lists(st.integers(0, 5) | st.just(FULL), min_size=1, max_size=10), st.integers(0, 20))
def test_least_loaded_chooses_the_first_in_turn_of_the_least(loads: list[int], before: int) -> None:
    every = tuple(str(index) for index in range(len(loads)))
    group = members(every, dict(zip(every, loads, strict=True)))
    for _ in range(before):
        group.turn()
    chosen = int(LeastLoaded().chooser(group)(None))
    in_turn = [(before + step) % len(loads) for step in range(len(loads))]
    assert chosen == next(index for index in in_turn if loads[index] == min(loads))


@given(names, keys)
def test_a_key_has_one_member(every: list[str], some: list[Any]) -> None:
    first, second = Ring(every, 10), Ring(every, 10)
    assert [first.find(key) for key in some] == [second.find(key) for key in some]


@given(names, keys, st.data())
def test_the_ring_knows_names_not_their_order(every: list[str], some: list[Any], data: st.DataObject) -> None:
    other = data.draw(st.permutations(every))
    one, two = Ring(every, 10), Ring(other, 10)
    assert [every[one.find(key)] for key in some] == [other[two.find(key)] for key in some]


@given(st.lists(st.text(min_size=1), min_size=2, max_size=12, unique=True), keys)
def test_a_member_that_goes_leaves_all_other_keys_where_they_are(every: list[str], some: list[Any]) -> None:
    *rest, gone = every
    before, after = Ring(every, 10), Ring(rest, 10)
    for key in some:
        was = every[before.find(key)]
        assert was in {gone, rest[after.find(key)]}


@given(st.lists(st.tuples(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.sampled_from([10, 10, 11])), min_size=2), keys)
def test_a_ring_made_from_another_is_as_one_made_anew(rings: list[tuple[list[str], int]], some: list[Any]) -> None:
    ring: Ring | None = None
    for every, points in rings:
        ring = Ring(every, points, ring)
        anew = Ring(every, points)
        assert [ring.find(key) for key in some] == [anew.find(key) for key in some]


def test_a_change_leaves_the_former_ring_as_it_was() -> None:
    every = [f"/worker-{index}" for index in range(20)]
    ring = Ring(every, 100)
    before = [ring.find(key) for key in range(1000)]
    Ring([*every[:7], *every[8:], "/new"], 100, ring)
    assert [ring.find(key) for key in range(1000)] == before


def test_a_ring_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one member"):
        Ring([], 10)


@pytest.mark.parametrize("count", [2, 3, 10, 30])
def test_about_one_in_n_keys_moves_to_a_new_member(count: int) -> None:
    every = [f"/crew/worker-{index}" for index in range(count)]
    before, after = Ring(every, 100), Ring([*every, "/crew/new"], 100)
    some = [f"user-{number}" for number in range(5000)]
    moved = sum(before.find(key) != after.find(key) for key in some)
    assert moved == sum(after.find(key) == count for key in some)  # to the new one, and nowhere else
    assert 0.5 < moved * (count + 1) / len(some) < 1.6


@pytest.mark.parametrize("count", [2, 5, 20, 100])
def test_shares_are_about_equal(count: int) -> None:
    ring = Ring([f"/crew/worker-{index}" for index in range(count)], 100)
    shares = Counter(ring.find(number) for number in range(count * 1000))
    assert min(shares.values()) > 600
    assert max(shares.values()) < 1500


def test_members_of_one_name_share_its_keys() -> None:
    ring = Ring(["/same", "/same"], 100)
    assert Counter(ring.find(number) for number in range(1000)).keys() == {0, 1}


def test_keys_belong_to_the_same_member_in_every_process() -> None:
    code = (
        "from actors.routers.ring import Ring;"
        "ring = Ring(['/a', '/b', '/c'], 100);"
        "print([ring.find(k) for k in ['x', b'x', 7, -7, 10**5000, 'ä', '\\ud800', *map(str, range(20))]])"
    )
    found = {
        subprocess.run(  # this interpreter, and the code above
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {b"[1, 0, 0, 0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2, 1, 0, 1, 1, 0]\n"}  # and in every version


def test_a_text_its_bytes_and_a_number_are_different_keys() -> None:
    ring = Ring([str(index) for index in range(1000)], 10)
    assert len({ring.find("1"), ring.find(b"1"), ring.find(1)}) == 3


@pytest.mark.parametrize("key", [None, 1.0, ("a",), bytearray(b"a"), object()])
def test_what_is_no_key_is_refused(key: Any) -> None:
    choose = ConsistentHash(lambda message: message).chooser(members(("a", "b")))
    choose(1)
    with pytest.raises(TypeError, match=r"is not valid: a str, bytes or int|unhashable"):
        choose(key)


class Shade(StrEnum):
    RED = "red"


def test_a_key_of_a_class_of_its_own_is_what_it_is_equal_to() -> None:
    choose = ConsistentHash(lambda message: message).chooser(members(tuple(map(str, range(1000)))))
    for own, plain in ((Shade.RED, "red"), (True, 1), (7, 7)):
        assert choose(own) == choose(plain) == choose(own)


def test_what_is_remembered_of_keys_has_a_bound_and_changes_nothing() -> None:
    asked: list[int] = []

    class Counting(Ring):
        def find(self, key: Any) -> int:
            asked.append(key)
            return super().find(key)

    group = dataclasses.replace(members(("a", "b", "c")), ring=Counting)
    choose = ConsistentHash(lambda message: message).chooser(group)
    first = [choose(key) for key in range(KEYS)]
    assert [choose(key) for key in range(KEYS)] == first
    assert len(asked) == KEYS
    choose(KEYS)  # one too many
    assert [choose(key) for key in range(KEYS)] == first
    assert len(asked) > KEYS + 1


def test_what_the_key_function_raises_is_the_senders() -> None:
    choose = ConsistentHash(lambda message: message["user"]).chooser(members(("a", "b")))
    with pytest.raises(KeyError, match="user"):
        choose({})


@pytest.mark.parametrize("key", ["user", None, 3])
def test_a_key_that_is_no_function_is_refused(key: Any) -> None:
    with pytest.raises(TypeError, match="key="):
        ConsistentHash(key)


@pytest.mark.parametrize(("points", "kind"), [(0, ValueError), (-1, ValueError), (10_001, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_number_of_points_that_is_none_is_refused(points: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="points="):
        ConsistentHash(str, points=points)


@pytest.mark.parametrize(
    ("interval", "kind"), [(-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), ("1", TypeError), (None, TypeError)]
)
def test_an_interval_that_is_none_is_refused(interval: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="interval="):
        TailChopping(interval)


def test_strategies_are_values() -> None:
    made = [RoundRobin(), RandomRouting(), LeastLoaded(), Broadcast(), ScatterGather(), TailChopping(1), ConsistentHash(len)]
    assert len(set(made)) == len(made)
    assert TailChopping(1) == TailChopping(1.0)
    assert all(isinstance(one, Routing) for one in made)
    with pytest.raises(AttributeError):
        made[-1].points = 3  # type: ignore[attr-defined]
