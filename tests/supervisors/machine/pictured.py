"""Machines to draw."""

from __future__ import annotations

import random
from enum import Enum, auto
from typing import Any

from supervisors.machine import (
    Chart,
    InternalEvent,
    StateMachine,
    event_timeout,
    final,
    history,
    ignore,
    initial,
    on,
    on_done,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)

# -- a door with a code lock -----------------------------------------------------------------------------------------------


class Lock(Enum):
    LOCKED = auto()
    OPEN = auto()


class Key:
    """A button was pressed."""


class Push:
    """Somebody leans against the door."""


class Door(StateMachine[Lock, list[Any]]):
    def opens(self, event: Key) -> bool:
        return len(self.data) >= 3

    def note(self, event: Key) -> None:
        self.data.append(event)

    def lock(self, event: object = None) -> None:
        self.data.clear()

    chart = Chart(
        initial(
            Lock.LOCKED, on_enter(lock), on(Key, to=Lock.OPEN, when=opens), on(Key, do=note), event_timeout(30.0, do=lock), ignore(Push)
        ),
        state(Lock.OPEN, state_timeout(10.0, to=Lock.LOCKED), postpone(Key), on(Push, to=Lock.LOCKED)),
    )


# -- a connection that comes back ------------------------------------------------------------------------------------------


class Link(Enum):
    IDLE = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    BACKOFF = auto()
    CLOSED = auto()


class Open:
    """Connect."""


class Opened(InternalEvent):
    """It did."""


class Lost:
    """It broke."""


class Send:
    """Data to send."""


class Close:
    """Enough."""


class Connection(StateMachine[Link, int]):
    def wait(self) -> float:
        return float(2**self.data)

    def dial(self) -> None:
        self.insert(Opened())

    def count(self, event: object) -> None:
        self.data += 1

    def may_retry(self, event: object) -> bool:
        return self.data < 5

    def reset(self, event: object) -> None:
        self.data = 0

    def send(self, event: Send) -> None:
        pass

    chart = Chart(
        on(Close, to=Link.CLOSED),
        ignore(Open, Opened),
        initial(Link.IDLE, on(Open, to=Link.CONNECTING), postpone(Send), ignore(Lost)),
        state(
            Link.CONNECTING,
            on(Opened, to=Link.CONNECTED, do=reset),
            on(Lost, to=Link.BACKOFF, when=may_retry, do=count),
            on(Lost, to=Link.CLOSED),
            state_timeout(5.0, to=Link.BACKOFF, do=count),
            postpone(Send),
        ),
        state(Link.CONNECTED, on(Send, do=send), on(Lost, to=Link.BACKOFF, do=count)),
        state(Link.BACKOFF, state_timeout(wait, to=Link.CONNECTING), on(Open, to=Link.CONNECTING), postpone(Send), ignore(Lost)),
        final(Link.CLOSED),
    )


# -- a request to a slow service -------------------------------------------------------------------------------------------


class Step(Enum):
    QUEUED = auto()
    RUNNING = auto()
    STREAMING = auto()
    RETRYING = auto()
    DONE = auto()
    CANCELLED = auto()
    FAILED = auto()


class Told(Enum):
    GRANTED = auto()
    CHUNK = auto()
    END = auto()
    ERROR = auto()
    CANCEL = auto()


class Session(StateMachine[Step, int]):
    def keep(self, event: object) -> None:
        pass

    def again(self, event: object) -> bool:
        return self.data < 3

    def give_up(self) -> None:
        pass

    chart = Chart(
        on(Told.CANCEL, to=Step.CANCELLED),
        refuse(Told.GRANTED, Told.CHUNK, Told.END),
        on(Told.ERROR, to=Step.RETRYING, when=again),
        on(Told.ERROR, to=Step.FAILED),
        timeout("deadline", to=Step.FAILED),
        initial(Step.QUEUED, on(Told.GRANTED, to=Step.RUNNING), state_timeout(60.0, to=Step.FAILED)),
        state(Step.RUNNING, on(Told.CHUNK, to=Step.STREAMING, do=keep), on(Told.END, to=Step.DONE)),
        state(Step.STREAMING, on(Told.CHUNK, do=keep), on(Told.END, to=Step.DONE), event_timeout(5.0, to=Step.RETRYING)),
        state(Step.RETRYING, state_timeout(1.0, to=Step.QUEUED), ignore(Told.ERROR)),
        final(Step.DONE),
        final(Step.CANCELLED),
        final(Step.FAILED, on_enter(give_up)),
    )


# -- a philosopher ---------------------------------------------------------------------------------------------------------


class Mood(Enum):
    AWAKE = auto()
    THINKING = auto()
    HUNGRY = auto()
    WAITING = auto()
    ONE_FORK = auto()
    SATED = auto()
    EATING = auto()
    ASLEEP = auto()


class Fork:
    """Was handed over."""


class Night:
    """Comes."""


class Day:
    """Comes, too."""


class Philosopher(StateMachine[Mood, None]):
    def ask_forks(self) -> None:
        pass

    def give_back(self) -> None:
        pass

    chart = Chart(
        initial(
            Mood.AWAKE,
            on(Night, to=Mood.ASLEEP),
            ignore(Day),
            initial(Mood.THINKING, state_timeout(3.0, to=Mood.HUNGRY), ignore(Fork)),
            state(
                Mood.HUNGRY,
                on_enter(ask_forks),
                on_done(to=Mood.EATING),
                initial(Mood.WAITING, on(Fork, to=Mood.ONE_FORK)),
                state(Mood.ONE_FORK, on(Fork, to=Mood.SATED), state_timeout(1.0, to=Mood.WAITING)),
                final(Mood.SATED),
            ),
            state(Mood.EATING, on_exit(give_back), state_timeout(2.0, to=Mood.THINKING), refuse(Fork)),
        ),
        state(Mood.ASLEEP, on(Day, to=history(Mood.AWAKE)), ignore(Night), postpone(Fork)),
    )


# -- all that a chart may have ---------------------------------------------------------------------------------------------


class Part(Enum):
    OUT = auto()
    OUTER = auto()
    INNER = auto()
    A = auto()
    B = auto()
    C = auto()
    SIDE = auto()
    END = auto()


class E1:
    pass


class E2:
    pass


class E3:
    pass


class Everything(StateMachine[Part, None]):
    def pick(self, event: object) -> None:
        self.goto(Part.OUT)

    def is_odd(self, event: object) -> bool:
        return True

    async def work(self, event: object) -> None:
        pass

    def hello(self) -> None:
        pass

    chart = Chart(
        ignore(E1, when=is_odd),
        refuse(E1),
        on(E2, to=Part.END, do=work),
        on(E3, reenter=True),
        timeout("late", do=work),
        timeout(("a", 1)),
        initial(Part.OUT, on(E1, to=Part.OUTER), on(E3, to=history(Part.OUTER, deep=True)), on(E2, to=Part.B, postpone=True)),
        state(
            Part.OUTER,
            on_enter(hello),
            on_exit(hello),
            on(E1, to=(Part.OUT, history(Part.INNER), Part.C), do=pick),
            on(E3, to=Part.SIDE, when=lambda self, event: False, do=lambda self, event: None),
            state_timeout(None, to=Part.OUT),
            event_timeout(30.0, reenter=True),
            initial(
                Part.INNER,
                initial(Part.A, on(E1, to=(Part.B, Part.A), do=pick), on(E2, do=work), on(E3, reenter=True)),
                state(Part.B, on(E1, to=Part.C), on(E2, to=Part.INNER)),
                final(Part.C),
                on_done(to=Part.SIDE),
            ),
            state(Part.SIDE, on(E2, to=Part.A), timeout(("a", 1), to=Part.OUTER, reenter=True)),
        ),
        final(Part.END, on_enter(hello)),
    )


ALL: list[type[StateMachine[Any, Any]]] = [Door, Connection, Session, Philosopher, Everything]

# -- any chart -------------------------------------------------------------------------------------------------------------


class Next:
    """Leads through all states."""


class Event(Enum):
    A = auto()
    B = auto()
    C = auto()


def act(self: Any, event: object) -> None:
    """Do nothing."""


def asks(self: Any, event: object) -> bool:
    return True


class _Grower:
    """Makes a chart of so many innermost states, nested and connected at random."""

    def __init__(self, chance: random.Random, count: int, names: list[str] | None, *, flat: bool) -> None:
        self.chance = chance
        self.flat = flat
        self.inside: list[list[int]] = []  # by state
        self.top = self.grown(count, 0)
        total = len(self.inside)
        made: Any = Enum("Any", names[:total] if names is not None else [f"S{number}" for number in range(total)])  # type: ignore[misc]
        self.states = list(made)
        self.leaves = [number for number in range(total) if not self.inside[number]]
        self.composites = [number for number in range(total) if self.inside[number]]

    def grown(self, leaves: int, depth: int) -> list[int]:
        made: list[int] = []
        while leaves > 0:
            inside = 0 if self.flat or depth == 3 or self.chance.random() < 0.6 else min(leaves, self.chance.randint(1, 6))
            made.append(len(self.inside))
            self.inside.append([])
            self.inside[made[-1]] = self.grown(inside, depth + 1)
            leaves -= max(1, inside)
        return made

    def target(self) -> Any:
        if self.composites and self.chance.random() < 0.2:
            return history(self.states[self.chance.choice(self.composites)], deep=self.chance.random() < 0.5)
        return self.chance.choice(self.states)

    def rules(self) -> list[Any]:
        found: list[Any] = []
        for event in Event if self.chance.random() < 0.2 else ():  # which makes a tall box
            found += [on(event, when=asks, do=act) for _ in range(self.chance.randint(1, 4))]
        for event in Event:
            pick = self.chance.random()
            if pick < 0.25:
                to = self.target() if self.chance.random() < 0.8 else (self.target(), self.target(), self.target())
                guard = asks if self.chance.random() < 0.3 else None
                found.append(on(event, to=to, when=guard, do=act, reenter=self.chance.random() < 0.2))
            elif pick < 0.35:
                found.append(self.chance.choice([ignore, postpone, refuse])(event))
        if self.chance.random() < 0.2:
            found.append(state_timeout(1.5, to=self.target()))
        return found

    def built(self, number: int, *, first: bool) -> Any:
        parts = self.rules()
        if number in self.leaves:
            place = self.leaves.index(number)
            parts.append(on(Next, to=self.states[self.leaves[(place + 1) % len(self.leaves)]]))
        inside = self.inside[number]
        parts += [self.built(child, first=child == inside[0]) for child in inside]
        return (initial if first else state)(self.states[number], *parts, stays=True)

    def chart(self) -> Chart[Any]:
        body = [self.built(number, first=number == self.top[0]) for number in self.top]
        extra = [on(Event.A, to=self.target(), when=asks)] if self.chance.random() < 0.5 else []
        return Chart(*extra, ignore(*Event, Next), *body)


def random_machine(seed: int, count: int, *, names: list[str] | None = None, flat: bool = False) -> type[StateMachine[Any, Any]]:
    """Make a machine with so many innermost states."""
    return type("Wanderer", (StateMachine,), {"chart": _Grower(random.Random(seed), count, names, flat=flat).chart()})
