"""The books of a demo: every event of its system, counted as it comes, so that sums can be compared at the end."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from actors import ActorRef, ActorStats, ActorSystem, DeadLetter, DownReason
from actors.events import ActorCrashed, ActorRestarted, ActorStarted, ActorStopped
from actors.texts import error_text
from supervisors.demo.feed import note_of
from supervisors.demo.parts import Order, Ordered
from supervisors.events import RestartScheduled, SupervisorGaveUp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisors.demo.feed import Note

__all__ = ["Books", "Decision", "Life", "Totals"]

E = TypeVar("E")

KEPT = 500  # lines that a screen may want
UNREAD = 20_000  # lines that a log has not fetched


@dataclass(frozen=True, slots=True)
class Decision:
    """A supervisor has decided to start a child again.

    Attributes:
        at: demo seconds.
        supervisor: its path.
        child: its name.
        delay: seconds of backoff.
        error: what it failed with, as text; "" for none.
    """

    at: float
    supervisor: str
    child: str
    delay: float
    error: str


@dataclass(frozen=True, slots=True)
class Life:
    """An actor runs: its first instance (of a new actor) or another one behind the same ref."""

    path: str
    again: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """What became of the messages of several actors, from their own counters."""

    accepted: int
    handled: int
    dead_lettered: int
    dropped: int
    left: int
    restarts: int


class Books:
    """Listens to all events of a system; anybody may read."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._lock = threading.Lock()  # guards everything below; held for one event
        self.notes: deque[Note] = deque(maxlen=KEPT)
        self._unread: deque[Note] = deque(maxlen=UNREAD)
        self.refs: dict[int, ActorRef[Any]] = {}  # all actors that were ever started, by uid
        self.crashes: Counter[str] = Counter()  # by path
        self.kills: Counter[str] = Counter()
        self.dead: Counter[tuple[str, str]] = Counter()  # by path and type of message
        self.reasons: Counter[str] = Counter()  # of dead letters
        self.orders: Counter[tuple[str, Order]] = Counter()  # those that reached somebody
        self.given_up: Counter[str] = Counter()  # by path of the supervisor
        self.history: list[Decision | Life] = []
        self.others: defaultdict[type[Any], list[tuple[float, Any]]] = defaultdict(list)  # what else was told, and when
        self._subscription = system.events.subscribe(object, self._hear)

    def _hear(self, event: object) -> None:
        at = self._system.ports.clock.now()
        note = note_of(event, at)
        with self._lock:
            if note is not None:
                self.notes.append(note)
                self._unread.append(note)
            self._count(event, at)

    def _count(self, event: object, at: float) -> None:
        match event:
            case ActorStarted() | ActorRestarted():
                self.refs[event.ref.uid] = event.ref
                self.history.append(Life(event.ref.path, isinstance(event, ActorRestarted)))
            case ActorCrashed():
                self.crashes[event.ref.path] += 1
            case ActorStopped(reason=DownReason.KILLED):
                self.kills[event.ref.path] += 1
            case DeadLetter():
                self.dead[event.recipient.path, type(event.message).__name__] += 1
                self.reasons[event.reason.name] += 1
            case RestartScheduled():
                error = "" if event.error is None else error_text(event.error)
                self.history.append(Decision(at, event.supervisor.path, event.child, event.delay, error))
            case SupervisorGaveUp():
                self.given_up[event.supervisor.path] += 1
            case Ordered():
                self.orders[event.path, event.order] += event.reached
            case _:
                if not type(event).__module__.startswith("actors."):
                    self.others[type(event)].append((at, event))

    def close(self) -> None:
        """Listen no more."""
        self._subscription.cancel()

    # -- reading -----------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the demo time."""
        return self._system.ports.clock.now()

    def fetch(self) -> list[Note]:
        """Return the lines that were not fetched before."""
        with self._lock:
            notes = list(self._unread)
            self._unread.clear()
        return notes

    def recent(self, number: int) -> list[Note]:
        """Return the last lines, the newest last."""
        with self._lock:
            return list(self.notes)[-number:] if number > 0 else []

    def all_of(self, kind: type[E]) -> list[E]:
        """Return all events of a kind that is not counted otherwise, such as the demo's own."""
        return [event for _, event in self.timed(kind)]

    def timed(self, kind: type[E]) -> list[tuple[float, E]]:
        """Return the same, each with the demo time at which it was told."""
        with self._lock:
            return list(self.others.get(kind, ()))

    def last_of(self, kind: type[E]) -> E | None:
        """Return the last of them, None if there is none."""
        with self._lock:
            told = self.others.get(kind)
            return told[-1][1] if told else None

    def decisions(self, supervisor: str) -> list[Decision]:
        """Return the restarts that a supervisor has decided on, in order."""
        with self._lock:
            return [one for one in self.history if isinstance(one, Decision) and one.supervisor == supervisor]

    def failures(self, paths: Iterable[str]) -> int:
        """Return how often the actors at `paths` have crashed or were killed."""
        with self._lock:
            return sum(self.crashes[path] + self.kills[path] for path in paths)

    def dead_at(self, paths: Iterable[str], kind: str | None = None) -> int:
        """Return how many dead letters were told of at `paths`: of messages of a type, or of all."""
        wanted = frozenset(paths)
        with self._lock:
            return sum(number for (path, message), number in self.dead.items() if path in wanted and kind in (None, message))

    def dead_letters(self) -> int:
        """Return how many dead letters the system itself has counted."""
        return self._system.stats().dead_letters

    def lives(self, path: str) -> int:
        """Return how many instances the actors at `path` have had."""
        with self._lock:
            return sum(isinstance(one, Life) and one.path == path for one in self.history)

    def totals(self, paths: Iterable[str] | None = None) -> Totals:
        """Add up the counters of all actors that ever were at `paths`; None: of all."""
        wanted = None if paths is None else frozenset(paths)
        with self._lock:
            refs = [ref for ref in self.refs.values() if wanted is None or ref.path in wanted]
        stats: list[ActorStats] = [ref.stats() for ref in refs]
        return Totals(
            accepted=sum(one.accepted for one in stats),
            handled=sum(one.handled for one in stats),
            dead_lettered=sum(one.dead_lettered for one in stats),
            dropped=sum(one.dropped for one in stats),
            left=sum(one.waiting + one.stashed + one.in_progress for one in stats),
            restarts=sum(one.restarts for one in stats),
        )
