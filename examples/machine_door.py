"""A state machine: a door with a code lock. What becomes of which event, in which state, is a chart that one can read.

The clock is the program's own here, so that nobody has to wait ten seconds for a door.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from actors import ActorSystem, Request, SystemConfig
from actors.testing import ManualClock
from supervisors.machine import (
    Chart,
    EventTimeout,
    StateChanged,
    StateMachine,
    event_timeout,
    initial,
    machine_info,
    on,
    on_enter,
    state,
    state_timeout,
)


class Door(Enum):
    LOCKED = auto()
    UNLOCKED = auto()


@dataclass(frozen=True)
class Press:
    """A button is pressed."""

    digit: str


@dataclass(frozen=True)
class Push(Request[bool]):
    """Somebody pushes against the door. Does it open?"""


@dataclass
class Lock:
    """The data beside the state."""

    code: str
    pressed: str = ""


class CodeLock(StateMachine[Door, Lock]):
    def is_right(self, event: Press) -> bool:
        return self.data.pressed + event.digit == self.data.code

    def note(self, event: Press) -> None:
        self.data.pressed += event.digit

    def forget(self, _: EventTimeout) -> None:
        self.data.pressed = ""

    def clear(self) -> None:
        self.data.pressed = ""

    def stay_shut(self, _: Push) -> bool:
        return False

    def swing(self, _: Push) -> bool:
        return True

    chart = Chart(
        initial(
            Door.LOCKED,
            on_enter(clear),
            on(Press, when=is_right, to=Door.UNLOCKED),
            on(Press, do=note),
            on(Push, do=stay_shut),
            event_timeout(5.0, do=forget),  # no event for so long: whoever it was has gone
        ),
        state(
            Door.UNLOCKED,
            on(Push, do=swing, to=Door.LOCKED),  # one person a code
            on(Press),  # nothing is done, and it stays
            state_timeout(10.0, to=Door.LOCKED),
        ),
    )


def main() -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        door = system.spawn(CodeLock, Lock("2671"), name="door")
        system.events.subscribe(StateChanged, lambda change: print(f"    {change.old} -> {change.new}, by {change.event}"))

        def press(digits: str) -> None:
            for digit in digits:
                door.tell(Press(digit))

        print(f"Push: {door.ask(Push())}")
        print("The code, and a push:")
        press("2671")
        print(f"  Push: {door.ask(Push())}; and once more: {door.ask(Push())}")

        print("The code, and nobody comes in:")
        press("2671")
        door.ask(Press("0"))  # answered when those before it are done
        (timeout,) = machine_info(door).timeouts
        print(f"  it is {machine_info(door).state}, for {timeout.left:g} s more")
        clock.advance(10.0)
        print(f"  Push: {door.ask(Push())}")

        print("Half of the code, a long pause, the other half:")
        press("26")
        print(f"  Push: {door.ask(Push())}")
        clock.advance(5.0)
        press("71")
        print(f"  Push: {door.ask(Push())}")


if __name__ == "__main__":
    main()
