"""The rules of OTP's gen_statem, written down once more: a machine as a plain object, one event after the other.

Written from the documentation of gen_statem and not from the implementation: a queue of events received, a list of those postponed, a queue
of timeouts of 0 that is looked at when no event received is left, and the mailbox last.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Place(Enum):
    A = auto()
    B = auto()
    C = auto()


class What(Enum):
    """What becomes of a kind of events in a place."""

    TAKE = auto()
    POSTPONE = auto()
    IGNORE = auto()
    TAKE_AND_POSTPONE = auto()


@dataclass(frozen=True)
class Goto:
    place: Place


@dataclass(frozen=True)
class Insert:
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Start:
    """Of a timeout: "state", "event", or a name."""

    timeout: str
    seconds: float


@dataclass(frozen=True)
class Cancel:
    timeout: str


Effect = Goto | Insert | Start | Cancel


@dataclass(frozen=True)
class Event:
    """An event of one of the kinds, with what its action does where it is taken."""

    kind: int
    name: str
    script: tuple[Effect, ...] = ()


Rules = dict[tuple[Place, int], What | Place]  # a place: taken, and it leads there whatever its script says
Scripts = dict[tuple[Place, str], tuple[Effect, ...]]  # what the actions of timeouts do
TIMEOUTS = ("state", "event", "one", "two")
MANY = 1000  # events
MOMENT = 1e-6  # seconds


class Tie(Exception):  # no error: gen_statem does not say which is first
    """Two timers are due at the same moment, or one just when time stops."""


class Endless(Exception):  # no error: the machine has a limit, where the model has none
    """The machine goes on and on."""


class Model:
    """One machine.

    Args:
        rules: what becomes of which kind of events where; an event that is not mentioned is taken.
        scripts: what the action of a timeout does, by place.
        entering: timeouts that a place starts when it is entered.
        hooks: whether places have enter and exit actions, which are seen in the log.
        timed: whether they have state timeouts.
    """

    def __init__(
        self, rules: Rules, scripts: Scripts, entering: dict[Place, tuple[Start, ...]], *, hooks: bool = True, timed: bool = True
    ) -> None:
        self.hooks = hooks
        self.timed = timed
        self.rules = rules
        self.scripts = scripts
        self.entering = entering
        self.state = Place.A
        self.log: list[str] = []
        self.mailbox: deque[Any] = deque()
        self.received: deque[Any] = deque()  # what is taken before anything else
        self.postponed: list[Any] = []  # the oldest first
        self.zeros: list[str] = []
        self.timers: dict[str, float] = {}
        self.now = 0.0
        self.taken = 0
        self.enter()
        self.settle()

    def run(self) -> None:
        """Take all there is in the mailbox."""
        self.settle()
        while self.mailbox:
            self.take(self.mailbox.popleft())
            self.settle()

    def settle(self) -> None:
        while self.received or self.zeros:
            self.take(self.received.popleft() if self.received else self.zeros.pop(0))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.timers and min(self.timers.values()) < end + MOMENT:
            due = min(self.timers.values())
            first = [name for name, when in self.timers.items() if when - due < MOMENT]
            if len(first) > 1 or end - due < MOMENT:
                raise Tie
            self.now = due
            del self.timers[first[0]]
            self.mailbox.append(first[0])
            self.run()
        self.now = end

    def take(self, event: Any) -> None:
        """Take one event: an `Event`, or the name of a timeout."""
        self.taken += 1
        if self.taken > MANY:
            raise Endless
        self.cancel("event")
        if isinstance(event, str):
            self.log.append(f"{self.state.name}:{event}")
            self.act(self.scripts.get((self.state, event), ()))
            return
        what = self.rules.get((self.state, event.kind), What.TAKE)
        if what is What.IGNORE:
            return
        if isinstance(what, Place):
            self.log.append(f"{self.state.name}:{event.name}")
            self.act((*(one for one in event.script if not isinstance(one, Goto)), Goto(what)))
            return
        postpones = what is not What.TAKE
        if what in (What.TAKE, What.TAKE_AND_POSTPONE):
            self.log.append(f"{self.state.name}:{event.name}")
        self.act(event.script if what is not What.POSTPONE else (), event if postpones else None)

    def act(self, script: tuple[Effect, ...], postponed: Any = None) -> None:  # noqa: C901  # one list, read from top to bottom
        """Do what an action asks for: postpone, go, start the timeouts, insert; in this order."""
        if postponed is not None:
            self.postponed.append(postponed)
        target = self.state
        inserted: list[Any] = []
        for effect in script:
            if isinstance(effect, Goto):
                target = effect.place
            elif isinstance(effect, Insert):
                inserted += effect.events
        changes = target is not self.state
        if changes:
            self.see("-")
            self.cancel("state")
            self.state = target
            self.start_entering()
        for effect in script:
            if isinstance(effect, Start | Cancel) and effect.timeout == "state" and not self.timed:
                continue
            if isinstance(effect, Start):
                self.start(effect.timeout, effect.seconds)
            elif isinstance(effect, Cancel):
                self.cancel(effect.timeout)
        if changes:
            self.see("+")
            self.received.extendleft(reversed(self.postponed))
            self.postponed = []
        self.received.extendleft(reversed(inserted))

    def enter(self) -> None:
        self.start_entering()
        self.see("+")

    def see(self, sign: str) -> None:
        if self.hooks:
            self.log.append(f"{sign}{self.state.name}")

    def start_entering(self) -> None:
        for one in self.entering.get(self.state, ()) if self.timed else ():
            self.start(one.timeout, one.seconds)

    def start(self, timeout: str, seconds: float) -> None:
        self.cancel(timeout)
        if seconds == 0:
            self.zeros.append(timeout)
        else:
            self.timers[timeout] = self.now + seconds

    def cancel(self, timeout: str) -> None:
        self.timers.pop(timeout, None)
        if timeout in self.zeros:
            self.zeros.remove(timeout)
