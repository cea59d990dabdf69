"""Types of state machines: states, events and data. Checked by two type checkers, never run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_type

from actors import ActorRef, ActorSystem, ReplyHandle, Request
from supervisors.machine import (
    Chart,
    Done,
    EventTimeout,
    History,
    InternalEvent,
    NamedTimeout,
    Snapshot,
    StateMachine,
    StateTimeout,
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


class Lock(Enum):
    LOCKED = auto()
    OPEN = auto()
    BROKEN = auto()


class Other(Enum):
    THING = auto()


class Key(Enum):
    UP = auto()
    DOWN = auto()


@dataclass(frozen=True)
class Digit:
    number: int


class Push:
    pass


class Count(Request[int]):
    pass


class Step(InternalEvent):
    pass


@dataclass
class Code:
    right: list[int]
    typed: list[int]


# -- a chart knows the states, and each transition its event ---------------------------------------------------------------------------


class Door(StateMachine[Lock, Code], stash_capacity=10, event_limit=100):
    def __init__(self, code: list[int]) -> None:
        super().__init__(Code(code, []))

    def is_right(self, event: Digit) -> bool:
        return [*self.data.typed, event.number] == self.data.right

    def remember(self, event: Digit) -> None:
        assert_type(self.data, Code)
        self.data.typed.append(event.number)

    def press(self, key: Key) -> None:
        self.goto(Lock.OPEN)
        self.goto(history(Lock.OPEN))
        self.insert(Step(), Push())

    def count(self, event: Count) -> int | ReplyHandle:
        return self.reply_later() if self.data.typed else len(self.data.typed)

    def alarm(self, event: StateTimeout | EventTimeout | NamedTimeout | Done) -> None:
        assert_type(self.state, Lock)
        assert_type(self.is_in(Lock.OPEN), bool)

    def seconds(self) -> float:
        return 1.0

    async def swing(self) -> None:
        self.start_timeout("swing", 1.0)

    chart = Chart(
        initial(
            Lock.LOCKED,
            on_enter(swing),
            on_exit(lambda self: None),
            on(Digit, when=is_right, to=Lock.OPEN, postpone=True),
            on(Digit, do=remember),
            on(Digit, when=lambda self, event: event.number > 3, do=lambda self, event: event.number, reenter=True),
            ignore(Push),
            stays=True,
        ),
        state(
            Lock.OPEN,
            on(Push, to=history(Lock.OPEN, deep=True)),
            on(Key.UP, to=(Lock.LOCKED, history(Lock.OPEN)), do=press),
            on(Key, to=Lock.LOCKED, do=press),
            state_timeout(10.0, to=Lock.LOCKED, do=alarm),
            state_timeout(seconds, to=Lock.LOCKED),
            event_timeout(None, do=alarm),
            on_done(to=Lock.LOCKED, do=alarm),
            postpone(Digit, Key.DOWN),
            refuse(Step),
        ),
        final(Lock.BROKEN, on_enter(swing)),
        timeout("swing", do=alarm),
        on(Count, do=count),
    )


assert_type(history(Lock.OPEN), History[Lock])


class Bad(StateMachine[Lock, None]):
    def takes_push(self, event: Push) -> None: ...

    a = on(Digit, to=Lock.OPEN, do=takes_push)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    b = on(Digit, to=Lock.OPEN, when=lambda self, event: event.nothing)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownLambdaType]
    c = on(Digit, to=Lock.OPEN, when=lambda self, event: event.number)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType, reportCallIssue]
    chart = Chart(
        initial(Lock.LOCKED, on(Push, to=Other.THING)),  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
        state(Other.THING),  # type: ignore[arg-type]
    )


# -- starting --------------------------------------------------------------------------------------------------------------------------


class Plain(StateMachine[Lock, None]):
    pass


class WithData(StateMachine[Lock, dict[str, int]]):
    pass


def starting(system: ActorSystem) -> None:
    door = system.spawn(Door, [1, 2])
    assert_type(door, ActorRef[Door])
    assert_type(door.ask(Count()), int)
    system.spawn(Plain)
    system.spawn(WithData, {"one": 1})


def instances(door: Door, plain: Plain) -> None:
    assert_type(door.state, Lock)
    assert_type(door.data, Code)
    assert_type(door.snapshot(), Snapshot[Lock, Code])
    assert_type(door.snapshot().history, Mapping[Lock, Lock])
    assert_type(Door.diagram("svg", current=Lock.OPEN), str)
    door.goto(Other.THING)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    door.goto("OPEN")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    door.resume(plain.snapshot())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Door.diagram("png")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
