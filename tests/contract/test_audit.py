"""Delivery: the counters of an actor against the senders' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    ActorDeadError,
    ActorStats,
    ActorSystem,
    Bounded,
    DeadLetterReason,
    DispatcherKind,
    Future,
    MailboxFullError,
    Overflow,
    Priority,
    Unbounded,
)
from tests.contract.conftest import On
from tests.contract.kit import EVERY_KIND, WAIT, FakeClock, Gate, Puppet, dead_letters, emptied, held, timeless, under

MAILBOXES = [
    Unbounded(),
    Bounded(3, Overflow.REJECT),
    Bounded(3, Overflow.DROP_NEWEST),
    Bounded(3, Overflow.DROP_OLDEST),
    Priority(lambda message: message if isinstance(message, int) else 0),
    Priority(lambda message: message if isinstance(message, int) else 0, capacity=3, overflow=Overflow.DROP_OLDEST),
]
DROPS = (DeadLetterReason.DROPPED_NEWEST, DeadLetterReason.DROPPED_OLDEST)


class Auditee(Puppet):
    """Stashes negative numbers and notes the rest."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, int) and message < 0:
            self.stash()
            self.actor_ref._target.system.events.publish(self)
            return None
        self.log.append(message)
        return message(self) if callable(message) else message


def balanced(stats: ActorStats) -> bool:
    parts = stats.handled + stats.in_progress + stats.waiting + stats.stashed + stats.dead_lettered + stats.dropped
    return stats.accepted == parts and min(parts, stats.handled, stats.waiting, stats.stashed, stats.in_progress) >= 0


class Audit:
    """One actor, and what its senders know."""

    def __init__(self, system: ActorSystem, clock: FakeClock, actor_class: type[Auditee], mailbox: Any) -> None:
        self.clock = clock
        self.handled: list[Any] = []
        self.letters = dead_letters(system)
        self.ref = system.spawn(actor_class, self.handled, mailbox=mailbox)
        self.sent = 0
        self.number = 0
        self.gate: Gate | None = None
        self.asks: list[Future[Any]] = []
        self.alive = True

    def send(self, how: Callable[[Any], object], message: Any) -> bool:
        try:
            how(message)
        except (MailboxFullError, ActorDeadError):
            return False
        self.sent += 1
        return True

    def ask(self, message: Any) -> None:
        future = self.ref.ask(message, block=False)
        error = future.exception() if future.done() else None
        # A full mailbox that drops has accepted the ask and told it; any other has refused it, as has a dead actor.
        if isinstance(error, MailboxFullError) or (isinstance(error, ActorDeadError) and not self.alive):
            raise error
        self.asks.append(future)

    def do(self, step: str) -> None:
        self.number += 1
        getattr(self, step)()

    def tell(self) -> None:
        self.send(self.ref.tell, self.number)

    def tell_stashed(self) -> None:
        self.send(self.ref.tell, -self.number)

    def tell_within(self) -> None:
        self.send(lambda message: self.ref.tell_within(message, 1.0), self.number)

    def ask_one(self) -> None:
        self.send(self.ask, self.number)

    def cancel_one(self) -> None:
        if self.asks:
            self.asks.pop(0).cancel()

    def unstash(self) -> None:
        self.send(self.ref.tell, lambda actor: actor.unstash(1))

    def pass_time(self) -> None:
        self.clock.advance(2.0)

    def restart(self) -> None:
        self.ref.restart(block=False)

    def hold(self) -> None:
        if self.gate is None and self.alive:
            emptied(self.ref)
            self.gate = Gate()
            self.send(self.ref.tell, self.gate.hold)
            self.gate.reached()

    def stop(self) -> None:
        if self.gate is None:
            self.ref.stop(timeout=WAIT)
            self.alive = False

    def open(self) -> None:
        if self.gate is not None:
            self.gate.open()
            self.gate = None

    def check(self) -> None:
        stats = self.ref.stats()
        assert balanced(stats)
        assert stats.accepted == self.sent

    def finish(self, *, kill: bool) -> None:
        if kill and self.alive:
            self.ref.kill(timeout=WAIT)
        self.open()
        if self.alive:
            emptied(self.ref) if not kill else self.ref.stop(timeout=WAIT)
            self.check()
            self.ref.stop(timeout=WAIT)
        self.check()
        stats = self.ref.stats()
        assert (stats.waiting, stats.stashed, stats.in_progress) == (0, 0, 0)
        assert stats.handled == len(self.handled)
        assert stats.dropped == sum(reason in DROPS for _, reason in self.letters)
        assert all(future.done() for future in self.asks)


STEPS = st.sampled_from(
    [
        *["tell", "tell", "ask_one", "tell_stashed", "tell_within", "unstash", "cancel_one"],
        *["pass_time", "hold", "open", "restart", "stop", "check"],
    ]
)


@given(kind=st.sampled_from(EVERY_KIND), mailbox=st.sampled_from(MAILBOXES), steps=st.lists(STEPS, max_size=30), kill=st.booleans())
def test_accepted_is_what_the_senders_sent_and_the_sum_of_all_fates(
    kind: DispatcherKind, mailbox: Any, steps: list[str], kill: bool
) -> None:
    clock = FakeClock()
    with ActorSystem(config=timeless(clock, blocked_after=0.002)) as system:
        audit = Audit(system, clock, under(kind, Auditee), mailbox)
        try:
            for step in steps:
                audit.do(step)
            audit.finish(kill=kill)
        finally:
            audit.open()


def test_a_snapshot_from_within_a_turn_is_exact(system: ActorSystem, on: On) -> None:
    snapshots: list[ActorStats] = []
    ref = system.spawn(on(Puppet))
    with held(ref):
        for number in range(5):
            ref.tell(number)
        ref.tell(lambda actor: snapshots.append(actor.actor_ref.stats()))
        for number in range(3):
            ref.tell(number)
    emptied(ref)
    stats = snapshots[0]
    assert (stats.accepted, stats.handled, stats.in_progress, stats.waiting) == (10, 6, 1, 3)


def fail(_: Any) -> None:
    raise LookupError("crashed")


@pytest.mark.parametrize("mailbox", [Unbounded(), Bounded(20), Priority(lambda _: 0)], ids=lambda mailbox: type(mailbox).__name__)
def test_a_snapshot_from_within_the_hook_for_undelivered_messages_is_exact(system: ActorSystem, on: On, mailbox: Any) -> None:
    snapshots: list[ActorStats] = []

    class Telling(Puppet):
        def on_undelivered(self, message: Any, reason: Any) -> None:
            snapshots.append(self.actor_ref.stats())

    ref = system.spawn(on(Telling), mailbox=mailbox)
    with held(ref) as gate:
        ref.tell(fail)
        for number in range(3):
            ref.tell(number)
        gate.open()
        ref.stop(timeout=WAIT)
    assert [(stats.accepted, stats.waiting, stats.dead_lettered) for stats in snapshots] == [(5, 2, 1), (5, 1, 2), (5, 0, 3)]


def test_the_marker_of_a_stop_is_no_message(system: ActorSystem, on: On) -> None:
    class Counting(Puppet):
        def on_stop(self) -> None:
            snapshots.append(self.actor_ref.stats())

    snapshots: list[ActorStats] = []
    ref = system.spawn(on(Counting))
    with held(ref):
        ref.tell(1)
        stopped = ref.stop(block=False)
        ref.tell(2)
        waiting = ref.stats()
    assert stopped.get(timeout=WAIT) is True
    assert (waiting.accepted, waiting.in_progress, waiting.waiting) == (3, 1, 2)
    for stats in (*snapshots, ref.stats()):
        assert (stats.accepted, stats.handled, stats.in_progress, stats.waiting, stats.dead_lettered) == (3, 2, 0, 0, 1)


@pytest.mark.parametrize("message", [None, 0, "", (), False])
def test_every_object_is_counted_while_it_is_handled(system: ActorSystem, on: On, message: Any) -> None:
    class Holding(Puppet):
        def on_receive(self, message: Any) -> Any:
            return gate.hold()

    gate = Gate()
    ref = system.spawn(on(Holding))
    ref.tell(message)
    gate.reached()
    stats = ref.stats()
    gate.open()
    assert (stats.accepted, stats.handled, stats.in_progress) == (1, 0, 1)


def test_system_stats_count_actors_and_dead_letters(system: ActorSystem, on: On) -> None:
    refs = [system.spawn(on(Puppet)) for _ in range(3)]
    with held(refs[0]):
        refs[0].stop(block=False)
        for number in range(4):
            refs[0].tell(number)
    refs[0].stop(timeout=WAIT)
    stats = system.stats()
    assert (stats.actors, stats.dead_letters) == (2, 4)
