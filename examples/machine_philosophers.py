"""Dining philosophers: five machines that think and eat, and five machines that are forks.

A fork that is taken *postpones* whoever asks for it, until it lies on the table again: that is all the queueing there is. If all begin with
the fork to their left, each may hold one and wait for the other for ever; the exploration finds that order. If each begins with the fork of
the lower number, nobody can: for a small table, every order is tried.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue
from typing import Any

from actors import ActorRef, ActorSystem
from actors.testing import Simulation, explore
from supervisors.machine import (
    Chart,
    StateChanged,
    StateMachine,
    final,
    initial,
    on,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
)

# -- forks ----------------------------------------------------------------------------------------------------------------------


class Place(Enum):
    TABLE = auto()
    HAND = auto()


@dataclass(frozen=True)
class Take:
    """May I have the fork?"""

    by: ActorRef[Any]


@dataclass(frozen=True)
class Taken:
    """You have it."""


@dataclass(frozen=True)
class PutDown:
    """Here it is again."""


class Fork(StateMachine[Place, None]):
    def give(self, event: Take) -> None:
        event.by.tell(Taken())

    chart = Chart(
        initial(Place.TABLE, on(Take, to=Place.HAND, do=give), refuse(PutDown)),
        state(Place.HAND, on(PutDown, to=Place.TABLE), postpone(Take)),
    )


# -- philosophers ---------------------------------------------------------------------------------------------------------------


class Mood(Enum):
    THINKING = auto()
    HUNGRY = auto()
    WITHOUT = auto()
    WITH_ONE = auto()
    EATING = auto()
    CONTENT = auto()


@dataclass
class Plate:
    forks: tuple[ActorRef[Fork], ActorRef[Fork]]  # in the order in which they are taken
    seconds: float  # of a thought, and of a meal
    meals: int  # still to be eaten


class Philosopher(StateMachine[Mood, Plate]):
    def seconds(self) -> float:
        return self.data.seconds

    def ask_for_one(self) -> None:
        self.data.forks[0].tell(Take(self.actor_ref))

    def ask_for_other(self) -> None:
        self.data.forks[1].tell(Take(self.actor_ref))

    def eat(self) -> None:
        self.data.meals -= 1

    def put_down(self) -> None:
        for fork in self.data.forks:
            fork.tell(PutDown())

    def wants_more(self, _: object) -> bool:
        return self.data.meals > 0

    chart = Chart(
        initial(Mood.THINKING, state_timeout(seconds, to=Mood.HUNGRY), refuse(Taken)),
        state(
            Mood.HUNGRY,
            initial(Mood.WITHOUT, on_enter(ask_for_one), on(Taken, to=Mood.WITH_ONE)),
            state(Mood.WITH_ONE, on_enter(ask_for_other), on(Taken, to=Mood.EATING)),
        ),
        state(
            Mood.EATING,
            on_enter(eat),
            on_exit(put_down),
            state_timeout(seconds, when=wants_more, to=Mood.THINKING),
            state_timeout(None, to=Mood.CONTENT),
            refuse(Taken),
        ),
        final(Mood.CONTENT),
    )


# -- dinners --------------------------------------------------------------------------------------------------------------------

NAMES = ("Ada", "Bo", "Cleo", "Dan", "Eve")


def lay(system: ActorSystem, count: int, *, meals: int, seconds: float, left_first: bool = False) -> list[ActorRef[Philosopher]]:
    """Lay a round table, and let the philosophers come."""
    forks = [system.start(Fork, name=f"fork-{number}") for number in range(count)]
    guests = []
    for number, name in enumerate(NAMES[:count]):
        left, right = number, (number + 1) % count
        one, other = (left, right) if left_first else sorted((left, right))
        guests.append(system.start(Philosopher, Plate((forks[one], forks[other]), seconds, meals), name=name))
    return guests


def dinner(sim: Simulation, *, count: int = 3, left_first: bool = False) -> None:
    """Let all eat once: what is explored."""
    guests = lay(sim.system, count, meals=1, seconds=0.0, left_first=left_first)
    sim.at_rest("everybody has eaten", lambda: not any(guest.is_alive() for guest in guests))
    sim.run()


def main() -> None:
    with ActorSystem() as system:
        eaten: SimpleQueue[str] = SimpleQueue()
        system.events.subscribe(StateChanged, lambda change: eaten.put(change.ref.name) if change.old is Mood.EATING else None)
        guests = lay(system, 5, meals=3, seconds=0.02)
        for guest in guests:
            guest.actor_stopped.wait(20)
        meals = [eaten.get(timeout=20) for _ in range(15)]
        print("Meals:", ", ".join(f"{name} {meals.count(name)}" for name in NAMES))

    print("All begin with the fork to their left:")
    print(f"\n{explore(partial(dinner, left_first=True), shrinking=1.0).failure}\n")

    print("All begin with the fork of the lower number:")
    for count in (2, 3):
        found = explore(partial(dinner, count=count), strategy="exhaustive", runs=20_000)
        found.check()
        print(f"    {count} philosophers: {found}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
