"""Two-phase commit: a trip is booked with all of the hotel, the flight and the car, or with none of them.

First the coordinator asks everybody to promise; whoever has promised may not change its mind, and waits for the word. Then it decides, and
tells everybody until it knows that they have heard. What must not be forgotten in a crash is a *checkpoint*: a promise, and a decision.

Coordinator and participants are state machines under a supervisor. The stories run in a simulation, in virtual time. The same simulation
then looks for an order of messages, losses and crashes in which one commits and another aborts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from actors import ActorDeadError, ActorRef, Down
from actors.testing import Exploration, Faults, Simulation, explore
from supervisors import Restart, Supervisor, child
from supervisors.machine import (
    Chart,
    StateMachine,
    StateTimeout,
    final,
    ignore,
    initial,
    machine_info,
    on,
    on_enter,
    refuse,
    state,
    state_timeout,
)

from _terminal import QUICK

# -- messages: each names who sends it ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    ref: ActorRef[Any]


class Prepare(Message):
    """Can you do it? Then promise."""


class Yes(Message):
    """I promise."""


class No(Message):
    """I cannot."""


class Commit(Message):
    """All have promised: do it."""


class Abort(Message):
    """Do it not."""


class Done(Message):
    """I have heard the decision, and shall not forget it."""


def send(ref: ActorRef[Any], message: Message) -> None:
    """Tell somebody who may be gone."""
    with suppress(ActorDeadError):
        ref.tell(message)


# -- who is asked ---------------------------------------------------------------------------------------------------------------


class Part(Enum):
    WORKING = auto()
    CHECKING = auto()
    PREPARED = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass
class Promise:
    """The data beside the state."""

    able: bool = True
    takes: float = 0.0  # seconds to find that out
    to: ActorRef[Any] | None = None


class Participant(StateMachine[Part, Promise]):
    def note(self, event: Prepare) -> None:
        self.data.to = event.ref

    def takes(self) -> float:
        return self.data.takes

    def is_able(self, _: StateTimeout) -> bool:
        return self.data.able

    def promise(self, _: StateTimeout) -> None:
        self.checkpoint()

    def say_yes(self) -> None:
        if self.data.to is not None:
            send(self.data.to, Yes(self.actor_ref))

    def say_again(self, _: Prepare | StateTimeout) -> None:
        self.say_yes()
        self.start_state_timeout(3.0)

    def say_no(self, _: Prepare | StateTimeout) -> None:
        if self.data.to is not None:
            send(self.data.to, No(self.actor_ref))

    def obey(self, event: Commit | Abort) -> None:
        self.checkpoint()
        send(event.ref, Done(self.actor_ref))

    chart = Chart(
        initial(Part.WORKING, on(Prepare, to=Part.CHECKING, do=note), on(Abort, to=Part.ABORTED, do=obey)),
        state(
            Part.CHECKING,
            state_timeout(takes, when=is_able, to=Part.PREPARED, do=promise),
            state_timeout(None, to=Part.ABORTED, do=say_no),
            on(Abort, to=Part.ABORTED, do=obey),
            ignore(Prepare),
        ),
        state(
            Part.PREPARED,
            on_enter(say_yes),  # also when it has begun anew from its checkpoint
            on(Commit, to=Part.COMMITTED, do=obey),
            on(Abort, to=Part.ABORTED, do=obey),
            on(Prepare, do=say_again),
            state_timeout(3.0, do=say_again),  # it may not give up: others may have committed
        ),
        state(Part.COMMITTED, on(Commit, do=obey), ignore(Prepare), stays=True),
        state(Part.ABORTED, on(Abort, do=obey), on(Prepare, do=say_no), stays=True),
        refuse(Commit, Abort),  # nobody can have decided so
    )


# -- who asks -------------------------------------------------------------------------------------------------------------------


class Plan(Enum):
    VOTING = auto()
    DECIDED = auto()
    COMMITTING = auto()
    ABORTING = auto()
    OVER = auto()


@dataclass
class Ballot:
    participants: tuple[ActorRef[Any], ...]
    promised: set[ActorRef[Any]] = field(default_factory=set)
    done: set[ActorRef[Any]] = field(default_factory=set)


class Coordinator(StateMachine[Plan, Ballot]):
    def __init__(self, *participants: ActorRef[Any]) -> None:
        super().__init__(Ballot(participants))

    def on_start(self) -> None:
        super().on_start()
        for participant in self.data.participants:
            self.watch(participant)

    def ask_all(self) -> None:
        for participant in self.data.participants:
            if participant not in self.data.promised:
                send(participant, Prepare(self.actor_ref))

    def ask_again(self, _: StateTimeout) -> None:
        self.ask_all()

    def is_last_promise(self, event: Yes) -> bool:
        return self.data.promised | {event.ref} == {*self.data.participants}

    def count(self, event: Yes) -> None:
        self.data.promised.add(event.ref)

    def decide(self, _: object) -> None:
        self.checkpoint()

    def lose(self, event: Down) -> None:
        self.tick_off(event)
        self.checkpoint()

    def tell(self, participant: ActorRef[Any]) -> None:
        kind = Commit if self.is_in(Plan.COMMITTING) else Abort
        send(participant, kind(self.actor_ref))

    def tell_all(self) -> None:
        for participant in self.data.participants:
            if participant not in self.data.done:
                self.tell(participant)

    def tell_again(self, _: StateTimeout) -> None:
        self.tell_all()
        self.start_state_timeout(1.0)

    def tell_one(self, event: Yes) -> None:
        self.tell(event.ref)

    def is_last(self, event: Done | Down) -> bool:
        return self.data.done | {event.ref} == {*self.data.participants}

    def tick_off(self, event: Done | Down) -> None:
        self.data.done.add(event.ref)

    chart = Chart(
        initial(
            Plan.VOTING,
            on_enter(ask_all),
            on(Yes, when=is_last_promise, to=Plan.COMMITTING, do=decide),
            on(Yes, do=count),
            on(No, to=Plan.ABORTING, do=decide),
            on(Down, to=Plan.ABORTING, do=lose),
            state_timeout(5.0, to=Plan.ABORTING, do=decide),
            ignore(Done),
        ),
        state(
            Plan.DECIDED,
            initial(Plan.COMMITTING, on_enter(tell_all)),
            state(Plan.ABORTING, on_enter(tell_all)),
            on(Done, when=is_last, to=Plan.OVER),
            on(Done, do=tick_off),
            on(Down, when=is_last, to=Plan.OVER),  # nobody is left to be told
            on(Down, do=tick_off),
            on(Yes, do=tell_one),  # somebody has not heard
            ignore(No),
            state_timeout(1.0, do=tell_again),
        ),
        final(Plan.OVER),
    )


# -- stories --------------------------------------------------------------------------------------------------------------------


def book(sim: Simulation, participant: type[Participant] = Participant, /, **promises: Promise) -> dict[str, ActorRef[Any]]:
    """Start the booking of a trip; return who takes part."""
    parts = [child(participant, promise, name=name, restart=Restart.TRANSIENT) for name, promise in promises.items()]
    sim.spawn(Supervisor, [*parts, child(Coordinator, *parts, restart=Restart.TRANSIENT)], intensity=None, name="trip")
    found = {name: sim.system.lookup(f"/trip/{name}") for name in promises}
    return {name: ref for name, ref in found.items() if ref is not None}


def tell_fates(refs: dict[str, ActorRef[Any]]) -> None:
    states = {name: machine_info(ref).state for name, ref in refs.items()}
    print("   ", ", ".join(f"{name}: {state.name if state else 'gone'}" for name, state in states.items()))


def agreement(sim: Simulation, participant: type[Participant] = Participant) -> None:
    """What is explored: two participants, and whatever may go wrong."""
    refs = book(sim, participant, hotel=Promise(), flight=Promise())

    def fates() -> set[Enum | None]:
        return {machine_info(ref).state for ref in refs.values()}

    sim.always("nobody commits what another aborts", lambda: not fates() >= {Part.COMMITTED, Part.ABORTED})
    sim.at_rest("all have met the same fate", lambda: fates() in ({Part.COMMITTED}, {Part.ABORTED}))
    sim.run()


class Forgetful(Participant):
    """Keeps nothing of what it has promised, or done."""

    def checkpoint(self) -> None:
        pass


def look_for_trouble(participant: type[Participant]) -> Exploration:
    return explore(
        lambda sim: agreement(sim, participant),
        strategy="random",  # those who repeat themselves for as long as nobody answers need a schedule that is fair in the long run
        faults=Faults(drop=1, duplicate=1, crash=1, actors=(Participant, Coordinator)),
        runs=100 if QUICK else 300,
        shrinking=4.0,
    )


def main() -> None:
    print("All can:")
    with Simulation() as sim:
        refs = book(sim, hotel=Promise(), flight=Promise(), car=Promise())
        sim.run()
        tell_fates(refs)

    print("The flight is full:")
    with Simulation() as sim:
        refs = book(sim, hotel=Promise(), flight=Promise(able=False), car=Promise())
        sim.run()
        tell_fates(refs)

    print("The hotel thinks for ten seconds, which is too long for the coordinator:")
    with Simulation() as sim:
        refs = book(sim, hotel=Promise(takes=10.0), flight=Promise(), car=Promise())
        sim.advance(4.0)
        tell_fates(refs)
        sim.advance(2.0)
        tell_fates(refs)

    print("The hotel is killed as it thinks:")
    with Simulation() as sim:
        refs = book(sim, hotel=Promise(takes=10.0), flight=Promise(), car=Promise())
        sim.advance(1.0)
        refs["hotel"].kill()
        sim.run()
        tell_fates(refs)

    print("The car crashes when it has promised. Its next incarnation knows, and asks what has become of the trip:")
    with Simulation() as sim:
        refs = book(sim, hotel=Promise(takes=2.0), flight=Promise(), car=Promise())
        sim.advance(1.0)
        tell_fates(refs)
        sim.crash(refs["car"])
        sim.run()
        tell_fates(refs)

    print("Two participants, all kinds of orders; a message is lost, one comes twice, somebody crashes, the coordinator perhaps:")
    found = look_for_trouble(Participant)
    found.check()
    print(f"    {found}")

    print("The same with participants that write nothing down:")
    print(f"\n{look_for_trouble(Forgetful).failure}")


if __name__ == "__main__":
    main()
