"""What shared nodes are where they are referred to: how deep, and how many elements. A few bytes can refer to much, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError
from actors.wire.limits import exceeded
from actors.wire.tags import (
    BIGINT,
    DATETIME,
    DECIMAL,
    DICT,
    ENVELOPE,
    ERROR,
    FIRST_KEY,
    FROZENSET,
    LIST,
    NAMES,
    NDARRAY,
    NUMPY_SCALAR,
    SET,
    SHARED,
    TIME,
    TUPLE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.wire.limits import Limits

__all__ = ["HUGE", "Sharing", "is_leaf"]

COLLECTIONS: Final = frozenset({LIST, TUPLE, SET, FROZENSET, DICT})
# Tags of nodes that are no level of their own. A reference is none either: what it refers to is asked.
LEAVES: Final = frozenset(NAMES) - COLLECTIONS - {ENVELOPE, ERROR}
_BARE: Final = frozenset({DATETIME, TIME, NDARRAY, NUMPY_SCALAR})  # the arrays in them are no nodes
HUGE: Final = 64  # bytes of an int from which on it is slow to compare with a Decimal
_UNKNOWN: Final = -1
_PENDING: Final = -2


def is_leaf(raw: Any) -> bool:
    """Tell whether a node is no container and no instance of a registered type."""
    return type(raw) is not list or (bool(raw) and type(raw[0]) is int and raw[0] in LEAVES)


class Sharing:
    """The shared nodes of one message.

    Args:
        shared: the nodes; more may be appended.
        limits: those in force.
    """

    __slots__ = ("_heights", "_limits", "_shared", "_weights")

    def __init__(self, shared: Sequence[Any], limits: Limits) -> None:
        self._shared = shared
        self._limits = limits
        self._heights: dict[int, int] = {}
        self._weights: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def check_depth(self, place: int, depth: int) -> None:
        """Raise CodecError if a shared node, referred to from within `depth` containers, is nested too deep, or in itself."""
        left = self._limits.depth - depth
        if self._height(place, left) > left:
            raise self._too_deep()

    def _too_deep(self) -> CodecError:
        return exceeded("depth", f"is nested more than {self._limits.depth} deep", self._limits)

    def _height(self, place: int, left: int) -> int:
        """Return how many containers are within each other in a shared node; `left` bounds the search."""
        known = self._heights.get(place, _UNKNOWN)
        if known == _PENDING:
            msg = "refers to a shared node that it is a part of"
            raise CodecError(msg)
        if known == _UNKNOWN:
            self._heights[place] = _PENDING
            known = self._heights[place] = self._height_of(self._shared[place], left)
        return known

    def _height_of(self, raw: Any, left: int) -> int:
        own = 0 if is_leaf(raw) else 1
        if own > left:
            raise self._too_deep()
        highest = 0
        for part in _parts(raw):
            place = self._place(part)
            height = self._height_of(part, left - own) if place is None else self._height(place, left - own)
            highest = max(highest, height)
        return own + highest

    def _place(self, raw: list[Any]) -> int | None:
        """Return which shared node is referred to."""
        if len(raw) == 2 and raw[0] == SHARED and type(raw[1]) is int and 0 <= raw[1] < len(self._shared):  # noqa: PLR2004
            return raw[1]
        return None

    def repeated(self, raw: Any, *, instances: bool) -> int:
        """Return how many elements a node has by way of references, those of a shared node counted each time.

        Args:
            raw: a node of which each shared node is known to be within the limit of depth.
            instances: whether those within instances of registered types count, too.
        """
        if type(raw) is not list or (not instances and _is_instance(raw)):
            return 0
        place = self._place(raw)
        if place is None:
            return sum(self.repeated(part, instances=instances) for part in _parts(raw))
        weights = self._weights[instances]
        known = weights.get(place)
        if known is None:
            node = self._shared[place]
            known = weights[place] = _own(node, instances=instances) + self.repeated(node, instances=instances)
        return known

    def mixes(self, raws: Sequence[Any]) -> bool:
        """Tell whether among nodes, or within them, are both huge ints and Decimals."""
        found: set[int] = set()
        todo = [raw for raw in raws if type(raw) is list]
        seen: set[int] = set()
        while todo and len(found) < 2:  # noqa: PLR2004  # both
            raw = todo.pop()
            place = self._place(raw)
            if place is not None:
                if place not in seen:
                    seen.add(place)
                    todo.append(self._shared[place])
            elif raw and raw[0] == DECIMAL:
                found.add(DECIMAL)
            elif len(raw) == 2 and raw[0] == BIGINT and type(raw[1]) is bytes and len(raw[1]) > HUGE:  # noqa: PLR2004
                found.add(BIGINT)
            else:
                todo += _parts(raw)
        return len(found) == 2  # noqa: PLR2004  # both


def _is_instance(raw: list[Any]) -> bool:
    return bool(raw) and (type(raw[0]) is str or (type(raw[0]) is int and raw[0] >= FIRST_KEY))


def _own(raw: Any, *, instances: bool) -> int:
    """Return how many elements a node has without references."""
    if type(raw) is not list or (not instances and _is_instance(raw)):
        return 1
    return len(raw) + sum(_own(part, instances=instances) for part in _parts(raw))


def _parts(raw: Any) -> list[list[Any]]:
    """Return the nodes in a node."""
    if type(raw) is not list or not raw:
        return []
    tag = raw[0]
    if type(tag) is int:
        if tag in _BARE:
            return []
        if tag == ERROR:  # arguments and notes are arrays without a tag
            inner = [one for part in raw[3:5] if type(part) is list for one in part]
            return [one for one in (*raw[1:3], *inner, *raw[5:]) if type(one) is list]
    return [one for one in raw[1:] if type(one) is list]
