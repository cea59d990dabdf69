"""Delivery: closing a mailbox is atomic with admission, and an ask resolves exactly once, however they race."""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    Bounded,
    DeadLetter,
    Future,
    MailboxFullError,
    Overflow,
    SystemConfig,
    Unbounded,
)
from actors import Priority as PriorityMailbox
from tests.contract.conftest import On
from tests.contract.kit import WAIT
from tests.support import scaled

ROUNDS = scaled(2_500, 120)
SENDERS = 3
EACH = 6
MAILBOXES: dict[str, Any] = {
    "unbounded": Unbounded(),
    "bounded, block": Bounded(3),
    "bounded, reject": Bounded(3, Overflow.REJECT),
    "bounded, drop newest": Bounded(3, Overflow.DROP_NEWEST),
    "bounded, drop oldest": Bounded(3, Overflow.DROP_OLDEST),
    "priority": PriorityMailbox(lambda message: message[1] % 2),
}


@pytest.fixture(autouse=True)
def _threads_switch_as_often_as_they_can() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Keeper(Actor):
    """Keeps what it handles."""

    def __init__(self, kept: list[Any]) -> None:
        super().__init__()
        self.kept = kept

    def on_receive(self, message: Any) -> Any:
        self.kept.append(message)
        return message


class Round:
    """One actor, some senders, one end; and what became of each message."""

    def __init__(self, system: ActorSystem, actor_class: type[Keeper], mailbox: Any) -> None:
        self.handled: list[Any] = []
        self.returned: list[Any] = []
        self.resolved: list[Any] = []
        self.futures: list[tuple[Any, Future[Any]]] = []
        self.ref: ActorRef[Keeper] = system.spawn(actor_class, self.handled, mailbox=mailbox)
        self.start = threading.Barrier(SENDERS + 1)

    def tell(self, sender: int) -> None:
        self.start.wait(WAIT)
        for number in range(EACH):
            message = (sender, number)
            try:
                self.ref.tell(message)
            except (ActorDeadError, MailboxFullError) as error:
                self.returned.append(error.message)

    def ask(self, sender: int) -> None:
        self.start.wait(WAIT)
        for number in range(EACH):
            future = self.ref.ask((sender, number), block=False)
            future.add_done_callback(lambda _, message=(sender, number): self.resolved.append(message))
            self.futures.append(((sender, number), future))

    def end(self, way: int) -> Future[bool]:
        self.start.wait(WAIT)
        ended = self.ref.kill(block=False) if way % 2 else self.ref.stop(block=False)
        assert isinstance(ended, Future)
        return ended


EVERY = Counter((sender, number) for sender in range(SENDERS) for number in range(EACH))


def play(on: On, mailbox: Any, send: Callable[[Round, int], None], check: Callable[[Round, list[Any]], None], rounds: int = ROUNDS) -> None:
    letters: list[Any] = []
    # Handlers are quick; on a crowded machine their threads may not be, and nobody shall be abandoned here.
    config = SystemConfig(blocked_after=WAIT)
    with ActorSystem(config=config) as system, ThreadPoolExecutor(SENDERS) as pool:
        system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
        actor_class = on(Keeper)
        for way in range(rounds):
            one = Round(system, actor_class, mailbox)
            letters.clear()
            jobs = [pool.submit(send, one, sender) for sender in range(SENDERS)]
            ended = one.end(way)
            for job in jobs:
                job.result(timeout=WAIT)
            assert ended.get(timeout=WAIT) is True
            check(one, letters)


@pytest.mark.long
@pytest.mark.parametrize("mailbox", MAILBOXES.values(), ids=MAILBOXES)
def test_a_tell_that_races_with_the_end_is_handled_or_returned_or_a_dead_letter(on: On, mailbox: Any) -> None:
    def check(one: Round, letters: list[Any]) -> None:
        assert Counter(itertools.chain(one.handled, one.returned, letters)) == EVERY
        per_sender: dict[int, list[int]] = {}
        for sender, number in one.handled:
            per_sender.setdefault(sender, []).append(number)
        if not isinstance(mailbox, PriorityMailbox):
            assert all(numbers == sorted(numbers) for numbers in per_sender.values())
        stats = one.ref.stats()
        assert stats.waiting == stats.in_progress == stats.stashed == 0
        assert stats.handled == len(one.handled)
        assert stats.dead_lettered + stats.dropped == len(letters)
        assert stats.accepted == EVERY.total() - len(one.returned)

    play(on, mailbox, Round.tell, check)


@pytest.mark.long
@pytest.mark.parametrize("mailbox", MAILBOXES.values(), ids=MAILBOXES)
def test_an_ask_that_races_with_the_end_resolves_exactly_once(on: On, mailbox: Any) -> None:
    def check(one: Round, letters: list[Any]) -> None:
        handled = set(one.handled)
        for message, future in one.futures:
            error = future.exception(timeout=WAIT)
            if error is None:
                assert future.get() == message
                assert message in handled
            else:
                assert isinstance(error, ActorDeadError | MailboxFullError)
                assert error.message == message
                assert message not in handled
        assert Counter(one.resolved) == EVERY
        assert Counter(one.handled).keys() <= EVERY.keys()
        assert len(handled) == len(one.handled)

    play(on, mailbox, Round.ask, check)


@pytest.mark.long
def test_stops_that_race_are_all_answered(on: On) -> None:
    with ActorSystem() as system, ThreadPoolExecutor(SENDERS) as pool:
        actor_class = on(Keeper)
        for _ in range(ROUNDS):
            ref = system.spawn(actor_class, [])
            start = threading.Barrier(SENDERS)

            def stop(ref: ActorRef[Any] = ref, start: threading.Barrier = start) -> bool:
                start.wait(WAIT)
                return ref.stop(timeout=WAIT)

            answers = [job.result(timeout=WAIT) for job in [pool.submit(stop) for _ in range(SENDERS)]]
            assert True in answers
            assert not ref.is_alive()


@pytest.mark.long
def test_a_reply_handle_answers_once_however_many_race(on: On) -> None:
    class Later(Actor):
        def on_receive(self, message: list[Any]) -> None:
            message.append(self.reply_later())

    with ActorSystem() as system, ThreadPoolExecutor(SENDERS) as pool:
        actor_class = on(Later)
        for number in range(ROUNDS):
            ref = system.spawn(actor_class)
            handles: list[Any] = []
            future = ref.ask(handles, block=False)
            while not handles:
                assert ref.is_alive()
            start = threading.Barrier(SENDERS + 1)

            def reply(value: int, handle: Any = handles[0], start: threading.Barrier = start) -> bool:
                start.wait(WAIT)
                answered: bool = handle.reply(value)
                return answered

            jobs = [pool.submit(reply, value) for value in range(SENDERS)]
            start.wait(WAIT)
            ended = ref.kill(block=False) if number % 2 else ref.stop(block=False)
            answers = [job.result(timeout=WAIT) for job in jobs]
            assert isinstance(ended, Future)
            assert ended.get(timeout=WAIT)
            assert answers.count(True) <= 1
            if True in answers:
                assert future.get(timeout=WAIT) == answers.index(True)
            else:
                with pytest.raises(ActorDeadError):
                    future.get(timeout=WAIT)
