"""A ring of hashes: which member a key belongs to, so that a change of the members moves few keys.

The algorithm is consistent hashing (Karger et al., 1997): each member has many points on a circle, and a key belongs to the member of the
next point. Whoever comes takes keys from its new neighbours only, about one in n of all, and whoever goes leaves its keys to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from hashlib import blake2b
from struct import unpack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Ring", "hash_of"]

_BYTES = 8  # of a point; of two points out of a million, one chance in thirty million that any are the same
_BLOCK = 64  # bytes that one hash gives


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

    Args:
        names: who the members are. Of several with the same name, each has points of its own.
        points: how many each of them has: more points, more equal shares, and more memory.
    """

    __slots__ = ("_owners", "_places")

    def __init__(self, names: Sequence[str], points: int) -> None:
        seen: Counter[str] = Counter()
        places: list[tuple[int, int]] = []
        for index, name in enumerate(names):
            places += ((place, index) for place in _points(name, seen[name], points))
            seen[name] += 1
        places.sort()
        self._places = [place for place, _ in places]
        self._owners = [index for _, index in places]

    def find(self, key: object) -> int:
        """Return the index of the name that `key` belongs to.

        Raises:
            TypeError: as `hash_of`.
        """
        index = bisect_right(self._places, hash_of(key))
        return self._owners[index] if index < len(self._owners) else self._owners[0]


def _points(name: str, same: int, points: int) -> Iterator[int]:
    """Yield the points of `name`, of which there were `same` before."""
    raw = name.encode("utf-8", "surrogatepass")
    each = _BLOCK // _BYTES
    for block in range(-(-points // each)):
        digest = blake2b(b"%d %d " % (same, block) + raw, digest_size=_BLOCK).digest()
        yield from unpack(f">{each}Q", digest)[: points - block * each]
