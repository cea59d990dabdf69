"""Two-phase commit: a coordinator and the accounts of a bank as state machines, who agree on each transfer, or on none of it.

First everybody is asked whether it can be done, and an account that has said yes does nothing else until it knows the outcome: other
transfers are postponed. One no, or silence, and nobody does it. Whatever an actor has promised it keeps with `checkpoint()`, and a
restart resumes from there.

At the end the same actors run under simulation, where messages get lost or come twice and actors are restarted at any moment; and an
account that does not want to wait for the outcome is found out.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from actors import ActorDeadError, ActorRef, ActorSystem, Down, ReplyHandle, Request
from actors.testing import Exploration, Faults, Ordering, Simulation, explore
from supervisors.machine import (
    Chart,
    StateChanged,
    StateMachine,
    StateTimeout,
    ignore,
    initial,
    on,
    on_enter,
    postpone,
    state,
    state_timeout,
)

from _terminal import QUICK

PATIENCE = 1.0  # seconds for all votes
AGAIN = 0.3  # seconds until what was not answered is said again
RUNS = 25 if QUICK else 100

# -- messages ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Transfer(Request[bool]):
    """Make these changes, all or none. Answers whether it was done; asked again, the same. The number is the client's."""

    number: int
    changes: tuple[tuple[ActorRef[Account], int], ...]


@dataclass(frozen=True)
class Prepare:
    """Can you, if you must? To be answered with a Vote."""

    number: int
    change: int
    coordinator: ActorRef[Any]


@dataclass(frozen=True)
class Vote:
    number: int
    account: ActorRef[Any]
    yes: bool


@dataclass(frozen=True)
class Decided:
    """The outcome. To be answered with an Ack."""

    number: int
    commit: bool
    coordinator: ActorRef[Any]


@dataclass(frozen=True)
class Ack:
    number: int
    account: ActorRef[Any]


@dataclass(frozen=True)
class WhatBecameOf:
    number: int
    account: ActorRef[Any]


def send(ref: ActorRef[Any], message: object) -> None:
    """Tell it, dead or alive: who is dead is watched, or asks again."""
    with suppress(ActorDeadError):
        ref.tell(message)


# -- an account --------------------------------------------------------------------------------------------------------------


class Vault(Enum):
    FREE = auto()
    PROMISED = auto()


@dataclass
class Book:
    balance: int
    promised: Prepare | None = None
    outcomes: dict[int, bool] = field(default_factory=dict)


class Account(StateMachine[Vault, Book]):
    def __init__(self, balance: int) -> None:
        super().__init__(Book(balance))

    def is_over(self, event: Prepare) -> bool:
        return event.number in self.data.outcomes

    def can(self, event: Prepare) -> bool:
        return self.data.balance + event.change >= 0

    def is_promised(self, event: Prepare | Decided) -> bool:
        return self.data.promised is not None and event.number == self.data.promised.number

    def promise(self, event: Prepare) -> None:
        self.data.promised = event
        self.checkpoint()
        self.vote(event)

    def vote(self, event: Prepare) -> None:
        send(event.coordinator, Vote(event.number, self.actor_ref, yes=True))

    def vote_no(self, event: Prepare) -> None:
        send(event.coordinator, Vote(event.number, self.actor_ref, yes=False))

    def obey(self, event: Decided) -> None:
        if event.commit and self.data.promised is not None:
            self.data.balance += self.data.promised.change
        self.data.promised = None
        self.data.outcomes[event.number] = event.commit
        self.checkpoint()
        self.acknowledge(event)

    def note(self, event: Decided) -> None:
        self.data.outcomes.setdefault(event.number, event.commit)
        self.checkpoint()
        self.acknowledge(event)

    def acknowledge(self, event: Decided) -> None:
        send(event.coordinator, Ack(event.number, self.actor_ref))

    def inquire(self, event: StateTimeout) -> None:
        del event
        if self.data.promised is not None:
            send(self.data.promised.coordinator, WhatBecameOf(self.data.promised.number, self.actor_ref))

    free = initial(
        Vault.FREE,
        ignore(Prepare, when=is_over),  # a copy that comes late
        on(Prepare, to=Vault.PROMISED, when=can, do=promise),
        on(Prepare, do=vote_no),
    )
    promises = (
        on(Prepare, when=is_promised, do=vote),
        postpone(Prepare),
        on(Decided, to=Vault.FREE, when=is_promised, do=obey),
    )
    elsewhere = on(Decided, do=note)
    chart = Chart(free, state(Vault.PROMISED, *promises, state_timeout(AGAIN, do=inquire, reenter=True)), elsewhere)


class HastyAccount(Account):
    """Breaks its promise when the outcome does not come soon."""

    def break_promise(self, event: StateTimeout) -> None:
        del event
        if self.data.promised is not None:
            self.data.outcomes[self.data.promised.number] = False
        self.data.promised = None
        self.checkpoint()

    chart = Chart(
        Account.free, state(Vault.PROMISED, *Account.promises, state_timeout(AGAIN, to=Vault.FREE, do=break_promise)), Account.elsewhere
    )


# -- the coordinator ---------------------------------------------------------------------------------------------------------


class Phase(Enum):
    READY = auto()
    VOTING = auto()
    DECIDED = auto()
    COMMITTING = auto()
    ABORTING = auto()


@dataclass
class Log:
    transfer: Transfer | None = None
    missing: set[ActorRef[Any]] = field(default_factory=set)
    outcomes: dict[int, bool] = field(default_factory=dict)


class Coordinator(StateMachine[Phase, Log]):
    def __init__(self) -> None:
        super().__init__(Log())
        self.asked: ReplyHandle | None = None

    # guards

    def is_over(self, event: Transfer | WhatBecameOf) -> bool:
        return event.number in self.data.outcomes

    def is_current(self, event: Vote | Ack) -> bool:
        return self.data.transfer is not None and event.number == self.data.transfer.number and event.account in self.data.missing

    def is_no(self, event: Vote) -> bool:
        return self.is_current(event) and not event.yes

    def is_last(self, event: Vote | Ack) -> bool:
        return self.is_current(event) and len(self.data.missing) == 1

    def is_last_down(self, event: Down) -> bool:
        return self.data.missing == {event.ref}

    # the vote

    def answer_again(self, event: Transfer) -> bool:
        return self.data.outcomes[event.number]

    def begin(self, event: Transfer) -> ReplyHandle:
        self.data.transfer = event
        self.data.missing = {account for account, _ in event.changes}
        self.asked = self.reply_later()
        self.checkpoint()
        return self.asked

    def ask_for_votes(self) -> None:
        for account, change in self.changes:
            self.watch(account)
            send(account, Prepare(self.number, change, self.actor_ref))

    def count(self, event: Vote | Ack) -> None:
        self.data.missing.discard(event.account)

    def miss(self, event: Down) -> None:
        self.data.missing.discard(event.ref)

    # the outcome

    def commit(self, event: Vote) -> None:
        del event
        self.decide(commit=True)

    def abort(self, event: Vote | Down | StateTimeout) -> None:
        del event
        self.decide(commit=False)

    def decide(self, *, commit: bool) -> None:
        self.data.outcomes[self.number] = commit
        self.data.missing = {account for account, _ in self.changes}
        self.checkpoint()

    def tell_outcome(self) -> None:
        for account, _ in self.changes:
            if account in self.data.missing:
                self.watch(account)  # also one that was down before this
                send(account, Decided(self.number, self.data.outcomes[self.number], self.actor_ref))

    def tell_again(self, event: StateTimeout) -> None:
        del event
        self.tell_outcome()
        self.start_state_timeout(AGAIN)

    def inform(self, event: WhatBecameOf) -> None:
        send(event.account, Decided(event.number, self.data.outcomes[event.number], self.actor_ref))

    def answer(self, event: Ack | Down) -> None:
        del event
        if self.asked is not None:  # a restart has lost the asker, who has heard of it
            self.asked.reply(self.data.outcomes[self.number])
            self.asked = None
        self.data.transfer = None
        self.checkpoint()

    @property
    def number(self) -> int:
        return -1 if self.data.transfer is None else self.data.transfer.number

    @property
    def changes(self) -> tuple[tuple[ActorRef[Account], int], ...]:
        return () if self.data.transfer is None else self.data.transfer.changes

    chart = Chart(
        initial(Phase.READY, on(Transfer, when=is_over, do=answer_again), on(Transfer, to=Phase.VOTING, do=begin)),
        state(
            Phase.VOTING,
            on_enter(ask_for_votes),
            on(Vote, to=Phase.ABORTING, when=is_no, do=abort),
            on(Vote, to=Phase.COMMITTING, when=is_last, do=commit),
            on(Vote, when=is_current, do=count),
            on(Down, to=Phase.ABORTING, do=abort),
            state_timeout(PATIENCE, to=Phase.ABORTING, do=abort),
        ),
        state(
            Phase.DECIDED,
            on_enter(tell_outcome),
            initial(Phase.COMMITTING),
            state(Phase.ABORTING),
            on(Ack, to=Phase.READY, when=is_last, do=answer),
            on(Ack, when=is_current, do=count),
            on(Down, to=Phase.READY, when=is_last_down, do=answer),
            on(Down, do=miss),
            state_timeout(AGAIN, do=tell_again),
        ),
        postpone(Transfer),
        on(WhatBecameOf, when=is_over, do=inform),
        ignore(WhatBecameOf, Vote, Ack, Down),  # not decided yet; late, or twice
    )


# -- a day at the bank -------------------------------------------------------------------------------------------------------


def tell_story() -> None:
    with ActorSystem("bank") as system:
        changes: queue.Queue[StateChanged] = queue.Queue()
        coordinator = system.spawn(Coordinator, name="coordinator")
        names = ("ada", "bob", "cleo")
        ada, bob, cleo = (system.spawn(Account, 100, name=name) for name in names)
        system.events.subscribe(StateChanged, lambda change: changes.put(change) if change.ref == coordinator else None)

        def transfer(number: int, *parts: tuple[ActorRef[Account], int]) -> None:
            done = coordinator.ask(Transfer(number, parts), timeout=10)
            phases = " -> ".join(changes.get(timeout=10).new.name for _ in range(3))
            balances = ", ".join(f"{ref.name} {ref.proxy().data.get().balance}" for ref in (ada, bob, cleo) if ref.is_alive())
            print(f"    {'done' if done else 'not done'}: {phases}; {balances}")

        print("Ada pays 60, half of it to Bob and half to Cleo:")
        transfer(1, (ada, -60), (bob, 30), (cleo, 30))
        print("And again, but she has only 40 left, and says no:")
        transfer(2, (ada, -60), (bob, 30), (cleo, 30))
        print("Cleo's account is killed. The coordinator hears of it, and Bob's promise is not kept waiting:")
        cleo.kill()
        transfer(3, (bob, -10), (cleo, 10))


# -- every other day ---------------------------------------------------------------------------------------------------------


def a_busy_day(sim: Simulation, account: type[Account]) -> None:
    """Three transfers at once, one of which cannot be done; then: everybody agrees about each of them, and no money is lost."""
    coordinator = sim.spawn(Coordinator, name="coordinator")
    ada, bob, cleo = (sim.spawn(account, 100, name=name) for name in ("ada", "bob", "cleo"))
    transfers = [
        Transfer(1, ((ada, -60), (bob, 30), (cleo, 30))),
        Transfer(2, ((ada, -60), (cleo, 60))),
        Transfer(3, ((bob, -20), (ada, 20))),
    ]
    for transfer in transfers:
        coordinator.ask(transfer, block=False)
    sim.run()

    decided = sim.instance(coordinator).data.outcomes
    for transfer in transfers:
        for ref, _ in transfer.changes:
            known = sim.instance(ref).data.outcomes.get(transfer.number)
            assert known == decided.get(transfer.number), f"transfer {transfer.number}: {ref.name} has {known}, decided was {decided}"
    books = [sim.instance(ref).data for ref in (ada, bob, cleo)]
    assert not any(book.promised for book in books), "a promise is still open"
    assert sum(book.balance for book in books) == 300, f"money is lost: {books}"


def patient(sim: Simulation) -> None:
    a_busy_day(sim, Account)


def hasty(sim: Simulation) -> None:
    a_busy_day(sim, HastyAccount)


def look_for_trouble(scenario: Callable[[Simulation], None]) -> Exploration:
    faults = Faults(drop=3, duplicate=2, delay=3, restart=2)
    # Chance is fair: who says something again and again has an answer in the end.
    return explore(scenario, strategy="random", ordering=Ordering.UNORDERED, faults=faults, runs=RUNS, shrinking=0)


def main() -> None:
    tell_story()

    print("The same under simulation, with messages that are lost, late or come twice, and restarts at any moment:")
    found = look_for_trouble(patient)
    found.check()
    print(f"    nothing found in {found.runs} runs")
    print("And accounts that do not wait for the outcome:")
    failure = look_for_trouble(hasty).failure
    assert failure is not None
    print(f"    run {failure.runs}: {failure.error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
