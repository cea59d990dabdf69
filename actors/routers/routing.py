"""Strategies: whom of several a message goes to.

They know nothing of actors: a router chooses among refs with them, a pool among its workers' lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import shake_128
from struct import unpack
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors._core.seconds import check_seconds
from actors.routers.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FULL",
    "Broadcast",
    "ConsistentHash",
    "LeastLoaded",
    "Members",
    "RandomRouting",
    "RoundRobin",
    "Routing",
    "ScatterGather",
    "TailChopping",
]

M = TypeVar("M")

FULL = 1 << 62  # the load of one that takes no more: chosen only where all are full
_DRAWN = 1 << 53  # as many values as a random number has
_CHOICES = 256  # that are made from one
_NUMBERS = f">{_CHOICES}I"
FEW = 8  # members whose loads are read as soon as that of one
KEYS = 10_000  # keys whose member is remembered
PLAIN = frozenset({str, bytes, int})  # types of keys of which no two are equal
MOST_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Members(Generic[M]):
    """Whom a strategy chooses from, and what it may ask about them.

    Attributes:
        all: at least one.
        name: a text by which a member is known in every process.
        load: how many messages wait for a member or are handled by it; `FULL` if it takes no more. May be called by any sender.
        turn: gives 0, 1, 2 and so on; each number once, whoever calls it. It goes on when the members change.
        random: gives a number in [0, 1).
        ring: makes the ring of some names, with so many points each.
    """

    all: tuple[M, ...]
    name: Callable[[M], str]
    load: Callable[[M], int]
    turn: Callable[[], int]
    random: Callable[[], float]
    ring: Callable[[list[str], int], Ring] = Ring


@dataclass(frozen=True, slots=True)
class Routing:
    """Base class of the strategies. They are values: they hold no state, and may be shared."""

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """Return a function that says which of `members` a message goes to. It is called in the sender's own call, by many at once."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RoundRobin(Routing):
    """One after the other, whatever they are at. Exact, however many send at once: of n members each gets every n-th message."""

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """See `Routing.chooser`."""
        every, count, turn = members.all, len(members.all), members.turn
        return lambda _: every[turn() % count]


@dataclass(frozen=True, slots=True)
class RandomRouting(Routing):
    """Any of them, each as likely."""

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """See `Routing.chooser`."""
        every, count, random = members.all, len(members.all), members.random
        # A random number may cost as much as ten messages: each is stretched to many choices, by an extendable hash. Each use of the list
        # is one operation, so that several threads may make them.
        ready: list[M] = []

        def choose(_: Any) -> M:
            try:
                return ready.pop()
            except IndexError:
                stretched = shake_128(b"%d" % int(random() * _DRAWN)).digest(4 * _CHOICES)
            drawn = [every[number % count] for number in unpack(_NUMBERS, stretched)]
            chosen = drawn.pop()
            ready.extend(drawn)
            return chosen

        return choose


@dataclass(frozen=True, slots=True)
class LeastLoaded(Routing):
    """Where the fewest messages wait or are handled; of several such the next in turn. One that is full only if all are.

    If the next in turn has something to do it looks at all of them, which takes its time if there are many. Senders that choose at the same
    moment see the same loads.
    """

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """See `Routing.chooser`."""
        every, count, load, turn = members.all, len(members.all), members.load, members.turn
        many = count > FEW

        def choose(_: Any) -> M:
            first = turn() % count
            if many and not load(every[first]):
                return every[first]
            found = [load(one) for one in every]
            return every[(found + found).index(min(found), first) % count]

        return choose


@dataclass(frozen=True, slots=True)
class ConsistentHash(Routing):
    """The same key, the same member, in every process: so messages of one key are handled in the order sent.

    If one of n members comes or goes, about one in n keys moves, to it or from it, and no other. The place of a member is decided by its
    name. Shares are equal within about a third with 100 points; see `Ring`.

    Args:
        key: gives the key of a message: a text, bytes or a whole number. What it raises goes to the sender.
        points: how many places each member has. More make the shares more equal, and changes slower.
    """

    key: Callable[[Any], str | bytes | int]
    points: int = 100

    def __init__(self, key: Callable[[Any], str | bytes | int], *, points: int = 100) -> None:
        if not callable(key):
            msg = f"key={key!r} is not valid: a function of a message that returns a str, bytes or int"
            raise TypeError(msg)
        if isinstance(points, bool) or not isinstance(points, int):
            msg = f"points={points!r} is not valid: a whole number"
            raise TypeError(msg)
        if not 1 <= points <= MOST_POINTS:
            msg = f"points={points!r} is not valid: 1 to {MOST_POINTS}"
            raise ValueError(msg)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "points", points)

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """See `Routing.chooser`."""
        every, key = members.all, self.key
        ring = members.ring([members.name(one) for one in every], self.points)
        known = _Known(lambda one: every[ring.find(one)])

        def choose(message: Any) -> M:
            one = key(message)
            # Any other type goes with its key: 1.0 is none, though it is equal to one.
            return known[one] if type(one) in PLAIN else known[type(one), one]

        return choose


class _Known(dict[Any, M]):
    """The member of each key there was, for at most `KEYS` of them. For any thread: what it does is single operations of a dict."""

    def __init__(self, find: Callable[[Any], M]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, known: Any) -> M:
        member = self._find(known[1] if type(known) is tuple else known)
        # All at once: who is the oldest would have to be noted at each look. Several threads may each add one too many.
        if len(self) >= KEYS:
            self.clear()
        self[known] = member
        return member


class _Several(Routing):
    """Base class of those that send one message to several; which of them are for a `tell`, the router knows."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Broadcast(_Several):
    """To all. An ask gives the list of all answers, in the order of the members; the first error fails it, and the rest is cancelled."""


@dataclass(frozen=True, slots=True)
class ScatterGather(_Several):
    """To all. An ask gives the first answer there is, and the rest is cancelled. If all fail, it fails with the last error."""


@dataclass(frozen=True, slots=True)
class TailChopping(_Several):
    """A tell goes to a random one. So does an ask; if no answer comes in time, another one is asked as well, and so on: the first counts.

    One that fails has the next asked at once. If all fail, it fails with the last error. For asks that may be done twice.

    Args:
        interval: seconds to wait for an answer before the next is asked as well.
    """

    interval: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval", check_seconds("interval", self.interval))

    def chooser(self, members: Members[M]) -> Callable[[Any], M]:
        """See `Routing.chooser`; of a tell."""
        return RandomRouting().chooser(members)
