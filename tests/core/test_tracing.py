"""`SystemConfig(tracing=True)`: correlation ids, the instrument port, and the fence around abandoned senders."""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorRef,
    ActorSystem,
    Bounded,
    DeadLetter,
    DeadLetterReason,
    DispatcherKind,
    Future,
    Priority,
    SystemConfig,
)
from actors.dispatch.real import RealIds, real_ports
from actors.events import HandlerAbandoned
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0
everywhere = pytest.mark.parametrize("dispatcher", list(DispatcherKind), ids=lambda kind: kind.value)
TRACED = SystemConfig(tracing=True)


class Identify(Actor):
    """Answers with the id of the message; passes on along the refs it is sent."""

    def on_receive(self, message: Any) -> Any:
        if not message:
            return [self.correlation_id]
        following, *rest = message
        return [self.correlation_id, *following.ask(rest)]


class AsyncIdentify(Actor):
    async def on_receive(self, message: Any) -> Any:
        if not message:
            return [self.correlation_id]
        following, *rest = message
        before = self.correlation_id
        found = await following.ask_async(rest)
        assert self.correlation_id == before
        return [self.correlation_id, *found]


class Forwarding(Actor):
    """Tells what it is sent to the next of them; the last one answers by the future."""

    def on_receive(self, message: tuple[list[ActorRef[Any]], list[Any], Future[Any]]) -> None:
        refs, ids, answer = message
        ids = [*ids, self.correlation_id]
        if refs:
            refs[0].tell((refs[1:], ids, answer))
        else:
            answer.set(ids)


def identify(system: ActorSystem, dispatcher: DispatcherKind) -> ActorRef[Any]:
    return system.spawn(AsyncIdentify) if dispatcher is DispatcherKind.EVENT_LOOP else system.spawn(Identify, dispatcher=dispatcher)


# -- correlation -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(list(DispatcherKind)), min_size=1, max_size=6))
@settings(max_examples=scaled(300, 20))
def test_a_correlation_id_follows_asks_through_any_chain_of_dispatchers(chain: list[DispatcherKind]) -> None:
    with ActorSystem(config=TRACED) as system:
        refs = [identify(system, dispatcher) for dispatcher in chain]
        ids = refs[0].ask(refs[1:], timeout=SAFETY)
        assert len(ids) == len(chain)
        assert len(set(ids)) == 1
        assert isinstance(ids[0], str)


@given(st.lists(st.sampled_from(list(DispatcherKind)), min_size=1, max_size=6))
@settings(max_examples=scaled(300, 20))
def test_a_correlation_id_follows_tells_through_any_chain_of_dispatchers(chain: list[DispatcherKind]) -> None:
    with ActorSystem(config=TRACED) as system:
        refs = [system.spawn(Forwarding, dispatcher=dispatcher) for dispatcher in chain]
        answer: Future[list[str]] = Future()
        refs[0].tell((refs[1:], [], answer))
        ids = answer.get(timeout=SAFETY)
        assert len(ids) == len(chain)
        assert len(set(ids)) == 1


@everywhere
def test_every_message_from_outside_has_an_id_of_its_own(dispatcher: DispatcherKind) -> None:
    with ActorSystem(config=TRACED) as system:
        ref = identify(system, dispatcher)
        ids = [ref.ask([], timeout=SAFETY)[0] for _ in range(20)]
        assert len(set(ids)) == 20


def test_the_ids_of_two_systems_are_never_the_same() -> None:
    with ActorSystem(config=TRACED) as one, ActorSystem(config=TRACED) as other:
        ids = [ref.ask([], timeout=SAFETY)[0] for ref in (one.spawn(Identify), other.spawn(Identify)) for _ in range(20)]
        assert len(set(ids)) == 40


def test_the_ids_of_a_system_count_after_a_word_of_its_own() -> None:
    with ActorSystem(config=TRACED) as system:
        ref = system.spawn(Identify)
        words, counts = zip(*(ref.ask([], timeout=SAFETY)[0].split("-") for _ in range(20)), strict=True)
        assert len(set(words)) == 1
        assert [int(count) - int(counts[0]) for count in counts] == list(range(20))


def test_an_id_is_the_same_in_another_system() -> None:
    with ActorSystem(config=TRACED) as one, ActorSystem(config=TRACED) as other:
        first, second = one.spawn(Identify), other.spawn(Identify)
        ids = first.ask([second], timeout=SAFETY)
        assert len(ids) == 2
        assert len(set(ids)) == 1


@given(st.integers(0, 2**62 - 1), st.integers(1, 2**62 - 1) | st.integers(0, 61).map(lambda bit: 1 << bit))
@settings(max_examples=scaled(5000, 500))
def test_two_ids_never_have_the_same_text(number: int, difference: int) -> None:
    ids = RealIds()
    assert ids.text_of(number) != ids.text_of(number ^ difference)


@pytest.mark.parametrize("mailbox", [Bounded(5), Priority(lambda _: 0)], ids=["bounded", "priority"])
def test_ids_go_through_every_kind_of_mailbox(mailbox: Any) -> None:
    with ActorSystem(config=TRACED) as system:
        first, second = system.spawn(Forwarding, mailbox=mailbox), system.spawn(Forwarding, mailbox=mailbox)
        answer: Future[list[str]] = Future()
        first.tell(([second], [], answer))
        assert len(set(answer.get(timeout=SAFETY))) == 1


def test_ids_of_messages_handled_side_by_side_are_kept_apart() -> None:
    class Reentrant(Actor, reentrant=True):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()

        async def on_receive(self, message: Any) -> Any:
            if message == "open":
                self.gate.set()
                return None
            before = self.correlation_id
            await self.gate.wait()
            inner = await message.ask_async([])
            return before, self.correlation_id, inner[0]

    with ActorSystem(config=TRACED) as system:
        ref, other = system.spawn(Reentrant), system.spawn(Identify)
        answers = [ref.ask(other, block=False) for _ in range(10)]
        ref.tell("open")
        found = [answer.get(timeout=SAFETY) for answer in answers]
    for ids in found:
        assert len(set(ids)) == 1
    assert len({ids[0] for ids in found}) == 10


def test_a_piped_result_keeps_the_id_of_the_message_that_asked_for_it() -> None:
    class Piping(Actor):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, tuple):
                source, self.answer = message
                self.first = self.correlation_id
                self.pipe_to_self(source)
            else:
                self.answer.set((self.first, self.correlation_id))

    with ActorSystem(config=TRACED) as system:
        source, answer = Future[str](), Future[Any]()
        system.spawn(Piping).tell((source, answer))
        source.set("value")
        first, second = answer.get(timeout=SAFETY)
        assert first == second
        assert first is not None


def test_a_stashed_message_keeps_its_id() -> None:
    class Stashing(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.ids: list[str | None] = []

        def on_receive(self, message: Any) -> Any:
            if message == "unstash":
                return self.unstash()
            self.ids.append(self.correlation_id)
            if len(self.ids) == 1:
                self.stash()
            return self.ids

    with ActorSystem(config=TRACED) as system:
        ref = system.spawn(Stashing)
        answer = ref.ask("work", block=False)
        ref.ask("unstash", timeout=SAFETY)
        first, second = answer.get(timeout=SAFETY)
        assert first == second


def test_without_tracing_there_is_no_id() -> None:
    with ActorSystem() as system:
        assert system.spawn(Identify).ask([], timeout=SAFETY) == [None]


# -- the instrument --------------------------------------------------------------------------------------------------------


class Noting:
    """An instrument that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def handled(self, cell: Any, message: object, correlation: str, sender: str | None) -> None:
        self.notes.put((cell.path, message, correlation, sender))


@everywhere
def test_the_instrument_is_told_about_every_message_with_its_id_and_sender(dispatcher: DispatcherKind) -> None:
    instrument = Noting()
    ports = dataclasses.replace(real_ports(), instrument=instrument)
    with ActorSystem(config=SystemConfig(tracing=True, ports=ports)) as system:
        first = system.spawn(Forwarding, name="first", dispatcher=dispatcher)
        second = system.spawn(Forwarding, name="second", dispatcher=dispatcher)
        answer: Future[list[str]] = Future()
        message = ([second], [], answer)
        first.tell(message)
        ids = answer.get(timeout=SAFETY)
        path, seen, correlation, sender = instrument.notes.get(timeout=SAFETY)
        assert (path, correlation, sender) == ("/first", ids[0], None)
        assert seen is message
        path, _, correlation, sender = instrument.notes.get(timeout=SAFETY)
        assert (path, correlation, sender) == ("/second", ids[0], "/first")
        other = system.spawn(Identify, name="asked", dispatcher=dispatcher)
        asked = other.ask([], timeout=SAFETY)
        assert instrument.notes.get(timeout=SAFETY) == ("/asked", [], asked[0], None)
        assert instrument.notes.empty()
        system.shutdown()
    close = getattr(ports.clock, "close", None)
    if close is not None:
        close()


# -- stale senders ---------------------------------------------------------------------------------------------------------


class Blocking(Actor):
    """Blocks elsewhere, then goes on sending although it has been killed."""

    def __init__(self, target: ActorRef[Any], begun: threading.Event, release: threading.Event, ended: Future[Any]) -> None:
        super().__init__()
        self.target, self.begun, self.release, self.ended = target, begun, release, ended

    def on_receive(self, message: Any) -> Any:
        self.target.tell("before")
        self.begun.set()
        self.release.wait(SAFETY)
        try:
            self.target.tell("after")
        finally:
            self.ended.set()
        return "late reply"


class Collecting(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "show":
            return self.got
        self.got.append(message)
        return None


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_what_an_abandoned_handler_still_sends_is_fenced_off(dispatcher: DispatcherKind) -> None:
    begun, release, ended = threading.Event(), threading.Event(), Future[Any]()
    with ActorSystem(config=SystemConfig(tracing=True, blocked_after=0.02)) as system:
        letters: queue.SimpleQueue[DeadLetter] = queue.SimpleQueue()
        abandoned: queue.SimpleQueue[HandlerAbandoned] = queue.SimpleQueue()
        system.events.subscribe(DeadLetter, letters.put)
        system.events.subscribe(HandlerAbandoned, abandoned.put)
        target = system.spawn(Collecting)
        ref = system.spawn(Blocking, target, begun, release, ended, dispatcher=dispatcher)
        asked = ref.ask("go", block=False)
        assert begun.wait(SAFETY)
        assert target.ask("show", timeout=SAFETY) == ["before"]
        assert ref.kill(timeout=SAFETY) is True
        assert abandoned.get(timeout=SAFETY).ref == ref
        error = asked.exception(timeout=SAFETY)
        release.set()
        ended.get(timeout=SAFETY)
        assert letters.get(timeout=SAFETY) == DeadLetter("after", DeadLetterReason.STALE_SENDER, target)
        assert target.ask("show", timeout=SAFETY) == ["before"]
        assert asked.exception() is error  # the late reply was fenced off, too


@everywhere
def test_a_deferred_call_through_a_proxy_is_a_call(dispatcher: DispatcherKind) -> None:
    class Called(Collecting):
        def note(self, value: Any) -> None:
            self.got.append((value, self.correlation_id is not None))

    with ActorSystem(config=TRACED) as system:
        ref = system.spawn(Called, dispatcher=dispatcher)
        ref.proxy().note.defer("called")
        assert ref.ask("show", timeout=SAFETY) == [("called", True)]


def test_what_a_living_or_stopped_sender_sent_is_delivered() -> None:
    class Sending(Actor):
        def on_receive(self, message: ActorRef[Any]) -> None:
            message.tell("last words")
            self.stop()

    with ActorSystem(config=TRACED) as system:
        target = system.spawn(Collecting)
        sender = system.spawn(Sending)
        sender.tell(target)
        assert sender.actor_stopped.wait(SAFETY)
        assert target.ask("show", timeout=SAFETY) == ["last words"]


@everywhere
def test_counters_agree_under_tracing(dispatcher: DispatcherKind) -> None:
    with ActorSystem(config=TRACED) as system:
        ref = system.spawn(Collecting, dispatcher=dispatcher)
        for number in range(250):
            ref.tell(number)
        assert ref.ask("show", timeout=SAFETY) == list(range(250))
        stats = ref.stats()
        assert (stats.accepted, stats.handled, stats.waiting, stats.dead_lettered) == (251, 251, 0, 0)
