"""The same programs with more actors, more rounds, and others that have nothing to do with it: more to find, as little to tell."""

from __future__ import annotations

from typing import Any

from actors import Actor, ActorRef
from actors.testing import Simulation
from tests.simulation.programs.data import AskingManager, Repeating, Store, Table, TellingManager
from tests.simulation.programs.protocols import Bank, Candidate, EarlyCoordinator, HastyCandidate, Member, Participant
from tests.simulation.programs.resources import (
    Buffer,
    Fork,
    Process,
    Reader,
    ReadWriteLock,
    Register,
    Station,
    Upgrader,
    Writer,
)

Ref = ActorRef[Any]


def _managers(sim: Simulation, *managers: tuple[type[Actor], Any]) -> None:
    table = sim.spawn(Table)
    sim.always("no key twice", lambda: len(set(sim.instance(table).keys)) == len(sim.instance(table).keys))
    for manager, message in managers:
        sim.spawn(manager, table).tell(message)
    sim.run()


def managers_of_two_kinds(sim: Simulation) -> None:
    """Two that ask take fewer deliveries than two that tell."""
    _managers(sim, *[(TellingManager, ("make", "key"))] * 2, *[(AskingManager, "key")] * 2)


def managers_of_two_keys(sim: Simulation) -> None:
    _managers(sim, *[(AskingManager, key) for key in "xyxy"])


class Hungry(Actor):
    def __init__(self, first: Ref, second: Ref) -> None:
        super().__init__()
        self.forks = first, second

    def on_receive(self, meals: int) -> int:
        for _ in range(meals):
            for fork in self.forks:
                fork.ask("take")
            for fork in self.forks:
                fork.tell("put")
        return meals


def _feast(sim: Simulation, guests: int, meals: int) -> None:
    forks = [sim.spawn(Fork) for _ in range(guests)]
    philosophers = [sim.spawn(Hungry, forks[seat], forks[(seat + 1) % guests]) for seat in range(guests)]
    for done in [one.ask(meals, block=False) for one in philosophers]:
        done.get()


def dining_for_three_meals(sim: Simulation) -> None:
    _feast(sim, 3, 3)


def dining_of_four(sim: Simulation) -> None:
    _feast(sim, 4, 2)


def buffer_of_four_readers(sim: Simulation) -> None:
    buffer = sim.spawn(Buffer, 1)
    readers = [sim.spawn(Reader, buffer, 2) for _ in range(4)]
    for _ in range(2):
        sim.spawn(Writer, buffer, [1, 2, 3, 4])
    sim.run()
    assert sum(len(sim.instance(reader).got) for reader in readers) == 8


def lamport_mutex_of_three(sim: Simulation) -> None:
    processes = {name: sim.spawn(Process, name) for name in "abc"}
    for name, ref in processes.items():
        ref.tell(("peers", {other: peer for other, peer in processes.items() if other != name}))
    sim.run()
    sim.always("one at most is inside", lambda: sum(sim.instance(ref).inside for ref in processes.values()) <= 1)
    for ref in processes.values():
        ref.tell("enter")
    sim.run()


def election_on_a_ring_of_five(sim: Simulation) -> None:
    ring = [sim.spawn(HastyCandidate, number) for number in (1, 2, 5, 3, 4)]
    for place, one in enumerate(ring):
        one.tell(("next", ring[(place + 1) % 5]))
    sim.run()
    sim.always("the highest leads", lambda: all(sim.instance(one).leader in (None, 5) for one in ring))
    for one in ring:
        one.tell(("stand",))
    sim.run()


def election_on_a_ring_of_four(sim: Simulation) -> None:
    """Correct."""
    ring = [sim.spawn(Candidate, number) for number in (2, 4, 1, 3)]
    for place, one in enumerate(ring):
        one.tell(("next", ring[(place + 1) % 4]))
    sim.run()
    sim.always("the highest leads", lambda: all(sim.instance(one).leader in (None, 4) for one in ring))
    for one in ring:
        one.tell(("stand",))
    sim.run()
    assert {sim.instance(one).leader for one in ring} == {4}


def _chatter(sim: Simulation, pairs: int) -> None:
    """Others, who pass two messages on."""
    for _ in range(pairs):
        candidate = sim.spawn(Member, "x")
        candidate.tell(("peers", {"y": sim.spawn(Member, "y")}))
        for number in range(2):
            candidate.tell(("say", str(number)))


def commit_among_chatter(sim: Simulation) -> None:
    participants = [sim.spawn(Participant, vote) for vote in ("yes", "no", "yes")]
    sim.always("all alike", lambda: not {"commit", "abort"} <= {sim.instance(one).state for one in participants})
    _chatter(sim, 1)
    sim.spawn(EarlyCoordinator, participants).tell("go")
    sim.run()


class Flow(Bank):
    """Pays again what it is paid, some times."""

    def on_receive(self, message: Any) -> None:
        super().on_receive(message)
        if message[0] == "money" and message[1] > 1:
            assert self.peer is not None
            self.balance -= message[1] - 1
            self.peer.tell(("money", message[1] - 1))


def snapshot_of_a_flow(sim: Simulation) -> None:
    banks = one, other = sim.spawn(Flow, 100), sim.spawn(Flow, 100)
    one.tell(("peer", other))
    other.tell(("peer", one))
    sim.run()
    sim.always(
        "no money is lost",
        lambda: not all(sim.instance(bank).total for bank in banks) or sum(sim.instance(bank).total for bank in banks) == 200,
    )
    one.tell(("pay", 4))
    other.tell(("pay", 3))
    one.tell(("snapshot",))
    sim.run()


class Puts(Actor):
    """Puts one to three, each after the last was acknowledged, and never wants to read less than it has put."""

    def __init__(self, store: Any) -> None:
        super().__init__()
        self.store = store
        self.acknowledged = 0
        self.wrong = False

    def on_start(self) -> None:
        self.put(1)

    def put(self, number: int) -> None:
        self.store.tell(("put", number, number, self.actor_ref))
        self.store.tell(("get", self.actor_ref))

    def on_receive(self, message: Any) -> None:
        match message:
            case ("ack", number) if number == self.acknowledged + 1:
                self.acknowledged = number
                if number < 3:
                    self.put(number + 1)
            case ("value", value):
                self.wrong |= 0 < value < self.acknowledged - 1


def puts_repeated(sim: Simulation) -> None:
    client = sim.spawn(Puts, Repeating(sim.spawn(Store)))
    sim.always("no old value is read", lambda: not sim.instance(client).wrong)
    sim.run()


def upgrades_of_three(sim: Simulation) -> None:
    """The value that is written is never one that was there before."""
    lock, register = sim.spawn(ReadWriteLock), sim.spawn(Noting)
    sim.always("each count is new", lambda: len(set(sim.instance(register).all)) == len(sim.instance(register).all))
    for _ in range(3):
        sim.spawn(Upgrader, lock, register).tell("count")
    sim.run()


class Noting(Register):
    def __init__(self) -> None:
        super().__init__()
        self.all: list[int] = []

    def on_receive(self, message: Any) -> Any:
        if message != "get":
            self.all.append(message[1])
        return super().on_receive(message)


def token_made_again_on_a_ring_of_five(sim: Simulation) -> None:
    ring = [sim.spawn(Station, 10.0 if place % 2 else None) for place in range(5)]
    sim.always("one token", lambda: sum(sim.instance(one).busy for one in ring) <= 1)
    for place, one in enumerate(ring):
        one.tell(("next", ring[(place + 1) % 5]))
    sim.run()
    for one in ring:
        one.tell("go")
    ring[0].tell("token")
    sim.run()
