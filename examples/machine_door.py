"""A door with a code lock, as a state machine: its chart says what becomes of each event in each state.

The digits are kept beside the state. While the door is open, or blocked after too many wrong codes, time closes it; digits that are typed
while it is open wait (they are postponed) and count when it is locked again. The picture at the end is drawn from the chart, too: paste it
into anything that shows Mermaid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from actors import ActorRef, ActorSystem, Request, get_all
from supervisors.machine import (
    Chart,
    EventTimeout,
    StateChanged,
    StateMachine,
    event_timeout,
    ignore,
    initial,
    on,
    on_enter,
    postpone,
    state,
    state_timeout,
)

TRIES = 3


class Lock(Enum):
    LOCKED = auto()
    OPEN = auto()
    BLOCKED = auto()


@dataclass(frozen=True)
class Press(Request[str]):
    """Press a key of the lock. Asking tells what the display shows."""

    digit: str


@dataclass(frozen=True)
class Wait(Request[None]):
    """Answered as soon as the door is locked."""


@dataclass
class Code:
    right: str
    typed: str = ""
    wrong: int = 0


class Door(StateMachine[Lock, Code]):
    def is_right(self, event: Press) -> bool:
        return self.data.typed + event.digit == self.data.right

    def is_complete(self, event: Press) -> bool:
        return len(self.data.typed + event.digit) == len(self.data.right)

    def is_last_try(self, event: Press) -> bool:
        return self.is_complete(event) and self.data.wrong + 1 == TRIES

    def welcome(self, event: Press) -> str:
        del event
        self.data.wrong = 0
        return "welcome"

    def refuse(self, event: Press) -> str:
        del event
        self.data.typed = ""
        self.data.wrong += 1
        return "wrong"

    def note(self, event: Press) -> str:
        self.data.typed += event.digit
        return "*" * len(self.data.typed)

    def show_blocked(self, event: Press) -> str:
        del event
        return "blocked"

    def forget(self, event: EventTimeout) -> None:
        del event
        self.data.typed = ""

    def begin_anew(self) -> None:
        self.data.typed = ""
        self.data.wrong %= TRIES

    chart = Chart(
        initial(
            Lock.LOCKED,
            on_enter(begin_anew),
            on(Press, to=Lock.OPEN, when=is_right, do=welcome),
            on(Press, to=Lock.BLOCKED, when=is_last_try, do=refuse),
            on(Press, when=is_complete, do=refuse),
            on(Press, do=note),
            event_timeout(5.0, do=forget),  # somebody has gone away in the middle of a code
            ignore(Wait),  # an event that is ignored is answered with None
        ),
        state(Lock.OPEN, state_timeout(0.2, to=Lock.LOCKED), postpone(Press, Wait)),
        state(Lock.BLOCKED, state_timeout(0.4, to=Lock.LOCKED), on(Press, do=show_blocked), postpone(Wait)),
    )


def enter(door: ActorRef[Door], code: str) -> None:
    for digit in code:
        print(f"    {digit}: {door.ask(Press(digit))}")


def tell_change(change: StateChanged) -> None:
    if change.old is not None:
        print(f"    {change.old.name} -> {change.new.name}")


def main() -> None:
    with ActorSystem() as system:
        system.events.subscribe(StateChanged, tell_change)
        door = system.spawn(Door, Code("1984"), name="door")

        print("The right code:")
        enter(door, "1984")
        print("Somebody types while it is open. The door keeps the digits until it is locked again:")
        shown = get_all([door.ask(Press(digit), block=False) for digit in "1984"], timeout=5)
        print(f"    {', '.join(shown)}")
        door.ask(Wait(), timeout=5)

        print("Wrong codes. After the third one no key does anything, for a while:")
        enter(door, "0000" * TRIES + "1")
        door.ask(Wait(), timeout=5)
        enter(door, "1984")

    print("\nWhat it does, as a picture:\n")
    print(Door.diagram())


if __name__ == "__main__":
    main()
