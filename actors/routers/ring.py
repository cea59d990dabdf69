"""A ring of hashes: which member a key belongs to, so that a change of the members moves few keys.

The algorithm is consistent hashing (Karger et al., 1997): each member has many points on a circle, and a key belongs to the member of the
next point. Whoever comes takes keys from its new neighbours only, about one in n of all, and whoever goes leaves its keys to them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from hashlib import blake2b
from struct import unpack
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["Ring", "hash_of"]

_BYTES = 8  # of a point; of two points out of a million, one chance in thirty million that any are the same
_BLOCK = 64  # bytes that one hash gives
_IN_ARC = 16  # points, on average and about

_Member: TypeAlias = "tuple[str, int]"  # a name, and how many of the same name there are before it
_EMPTY: tuple[array[int], tuple[_Member, ...]] = (array("Q"), ())


def hash_of(key: object) -> int:
    """Return the place of `key` on the ring: the same in every process, unlike Python's own `hash` of a text.

    Raises:
        TypeError: it is no text, bytes or whole number.
    """
    if isinstance(key, str):
        raw = b"s" + key.encode("utf-8", "surrogatepass")
    elif isinstance(key, int):
        raw = b"i%x" % key  # in hexadecimal: of decimals, Python limits the number
    elif isinstance(key, bytes):
        raw = b"b" + key
    else:
        msg = f"key={key!r} is not valid: a str, bytes or int, which is the same in every process"
        raise TypeError(msg)
    return int.from_bytes(blake2b(raw, digest_size=_BYTES).digest())


class Ring:
    """Which of several names a key belongs to. Immutable.

    The shares of the names differ: with 100 points each, one has seldom less than two thirds, or more than four thirds, of an equal share.

    The circle is cut into arcs of some points each, so that a ring that differs little from a former one shares most of its arcs: of a
    million points, those of ten thousand members, a change of one moves a hundred, and not the others.

    Args:
        names: who the members are, at least one. Of several with the same name, each has points of its own.
        points: how many each of them has: more points, more equal shares, and more memory.
        former: a ring to begin from. What comes out is the same.

    Raises:
        ValueError: there is no name.
    """

    __slots__ = ("_arcs", "_bits", "_members", "_points")

    def __init__(self, names: Sequence[str], points: int, former: Ring | None = None) -> None:
        if not names:
            msg = f"names={names!r} is not valid: a ring has at least one member"
            raise ValueError(msg)
        self._points = points
        self._members = _members(names)
        self._bits = (len(names) * points // _IN_ARC).bit_length()
        if former is None or former._points != points or abs(former._bits - self._bits) > 1:
            self._arcs = [_EMPTY] * (1 << self._bits)
            self._change(self._members.keys(), set())
        else:  # as long as the arcs are not much too long or too short
            self._bits = former._bits
            self._arcs = former._arcs.copy()
            self._change(self._members.keys() - former._members.keys(), former._members.keys() - self._members.keys())

    def _change(self, come: AbstractSet[_Member], gone: AbstractSet[_Member]) -> None:
        shift = 8 * _BYTES - self._bits
        new: dict[int, list[tuple[int, _Member]]] = {}
        for member in come:
            for place in _points(*member, self._points):
                new.setdefault(place >> shift, []).append((place, member))
        for member in gone:
            for place in _points(*member, self._points):
                new.setdefault(place >> shift, [])
        for arc, pairs in new.items():
            pairs += [pair for pair in zip(*self._arcs[arc], strict=True) if pair[1] not in gone]
            pairs.sort()
            self._arcs[arc] = (array("Q", [place for place, _ in pairs]), tuple(member for _, member in pairs))

    def find(self, key: object) -> int:
        """Return the index of the name that `key` belongs to.

        Raises:
            TypeError: as `hash_of`.
        """
        place = hash_of(key)
        arc = place >> (8 * _BYTES - self._bits)
        places, members = self._arcs[arc]
        index = bisect_right(places, place)
        while index == len(places):  # it belongs to the first point of a later arc; behind the last comes the first
            arc = (arc + 1) % len(self._arcs)
            places, members = self._arcs[arc]
            index = 0
        return self._members[members[index]]


def _members(names: Sequence[str]) -> dict[_Member, int]:
    """Return who the members are, each with its index."""
    seen: Counter[str] = Counter()
    members: dict[_Member, int] = {}
    for index, name in enumerate(names):
        members[name, seen[name]] = index
        seen[name] += 1
    return members


def _points(name: str, same: int, points: int) -> Iterator[int]:
    """Yield the points of the member `name`, of which there are `same` before it."""
    raw = name.encode("utf-8", "surrogatepass")
    each = _BLOCK // _BYTES
    for block in range(-(-points // each)):
        digest = blake2b(b"%d %d " % (same, block) + raw, digest_size=_BLOCK).digest()
        yield from unpack(f">{each}Q", digest)[: points - block * each]
