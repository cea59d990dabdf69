"""What it takes to put keys into a table, counted before it is done.

Everybody knows the hash of an int, and of what is made of ints. So somebody may choose keys of which each finds a long row of places taken,
though no two have the same hash: a table of a million of them takes minutes. Hashes of texts and of bytes are secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FEW", "probes_of_dict", "probes_of_set"]

FEW: Final = 4096  # keys: so many are put into a table in milliseconds, whatever they are
_SHIFT: Final = 5  # as in dictobject.c and setobject.c
_NEXT: Final = 9  # places behind the one looked at that a set tries first
_UNSIGNED: Final = (1 << 64) - 1


def probes_of_dict(hashes: Sequence[int], most: int) -> int:
    """Return how many places are found taken while a dict of keys with these hashes grows; beyond `most` the count ends."""
    return _growing(hashes, lambda size: size * 2 // 3, 0, most)


def probes_of_set(hashes: Sequence[int], most: int) -> int:
    """Return how many places are found taken while a set of elements with these hashes grows; beyond `most` the count ends."""
    return _growing(hashes, lambda size: (size - 1) * 3 // 5 + 1, _NEXT, most)


def _growing(hashes: Sequence[int], room: Callable[[int], int], following: int, most: int) -> int:
    found, size = 0, 2 * FEW
    while True:
        # A table that grows is filled again from its beginning. A set leaves sizes out; one more that is counted does no harm.
        found += _probes(hashes[: room(size)], size, following, most - found)
        if found > most or room(size) >= len(hashes):
            return found
        size *= 2


def _probes(hashes: Sequence[int], size: int, following: int, most: int) -> int:
    mask = size - 1
    taken = bytearray(size)
    found = 0
    for one in hashes:
        place = one & mask
        if taken[place]:
            perturb = one & _UNSIGNED
            while taken[place]:
                found += 1
                if following and place + following <= mask:
                    free = taken.find(0, place + 1, place + following + 1)
                    if free >= 0:
                        place = free
                        break
                perturb >>= _SHIFT
                place = (place * 5 + perturb + 1) & mask
                if found > most:
                    return found
        taken[place] = 1
    return found
