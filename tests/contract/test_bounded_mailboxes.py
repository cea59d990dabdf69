"""Delivery: what a bounded mailbox does when it is full."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    Bounded,
    DeadLetterReason,
    DispatcherKind,
    Down,
    Future,
    MailboxFullError,
    Overflow,
    WouldBlockError,
)
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, FakeClock, Puppet, dead_letters, emptied, eventually, held, in_threads, pause, settle


def blocked_senders(ref: ActorRef[Any]) -> int:
    return len(ref._target.queue._waiting)


def send_in_background(ref: ActorRef[Any], message: Any, outcomes: list[Any]) -> threading.Thread:
    """Tell from a thread of its own and return when that is blocked."""

    def send() -> None:
        try:
            ref.tell(message)
        except Exception as error:  # noqa: BLE001  # looked at by the test
            outcomes.append(error)
        else:
            outcomes.append(message)

    before = blocked_senders(ref)
    thread = threading.Thread(target=send)
    thread.start()
    eventually(lambda: blocked_senders(ref) > before)
    return thread


def test_block_lets_the_sender_wait_until_there_is_room(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    outcomes: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(2))
    with held(ref):
        ref.tell(1)
        ref.tell(2)
        thread = send_in_background(ref, 3, outcomes)
        assert outcomes == []
    thread.join(WAIT)
    settle(ref)
    assert log == [1, 2, 3]
    assert outcomes == [3]


def test_block_with_a_timeout_gives_the_message_back(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1, timeout=0.01))
    with held(ref):
        ref.tell("in")
        with pytest.raises(MailboxFullError) as caught:
            ref.tell("out")
        assert (caught.value.message, caught.value.capacity) == ("out", 1)
        assert not isinstance(caught.value, WouldBlockError)
        with pytest.raises(MailboxFullError) as asked:
            ref.ask("asked", block=False).get(timeout=WAIT)
        assert asked.value.message == "asked"
    settle(ref)
    assert log == ["in"]


def test_an_ask_with_a_timeout_waits_no_longer_for_room_whether_it_blocks_or_not(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))
    with held(ref):
        ref.tell("in")
        for asked in (ref.ask("first", block=False, timeout=0.01), ref.ask("second", block=False, deadline=0.01)):
            assert isinstance(asked.exception(timeout=WAIT), MailboxFullError)


def test_a_message_with_a_deadline_waits_no_longer_for_room(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1))
    with held(ref):
        ref.tell("in")
        with pytest.raises(MailboxFullError) as caught:
            ref.tell_within("out", 0.01)
        assert caught.value.message == "out"
        with pytest.raises(MailboxFullError):
            asyncio.run(ref.tell_async("out", deadline=0.01))
    settle(ref)
    assert log == ["in"]


def test_an_awaited_send_with_a_timeout_gives_the_message_back(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1, timeout=0.01))
    with held(ref):
        ref.tell("in")
        with pytest.raises(MailboxFullError) as caught:
            asyncio.run(ref.tell_async("out"))
        assert caught.value.message == "out"
    settle(ref)
    assert log == ["in"]


def test_reject_gives_the_message_back_on_the_error(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(2, Overflow.REJECT))
    message = object()
    with held(ref):
        ref.tell(1)
        ref.tell(2)
        with pytest.raises(MailboxFullError) as caught:
            ref.tell(message)
        assert caught.value.message is message
        assert caught.value.capacity == 2
        assert str(ref) in caught.value.recipient
        with pytest.raises(MailboxFullError):
            ref.ask(message, block=False).get(timeout=WAIT)
        with pytest.raises(MailboxFullError):
            asyncio.run(ref.tell_async(message))
    emptied(ref)
    assert log == [1, 2]
    assert ref.stats().dropped == ref.stats().dead_lettered == 0


def test_drop_newest_drops_the_message_sent_and_says_so(system: ActorSystem, on: On) -> None:
    letters = dead_letters(system)
    log: list[Any] = []
    ref = system.spawn(on(Diary), log, mailbox=Bounded(2, Overflow.DROP_NEWEST))
    with held(ref):
        for number in range(5):
            ref.tell(number)
        assert letters == [(number, DeadLetterReason.DROPPED_NEWEST) for number in (2, 3, 4)]
    emptied(ref)
    assert [entry for entry in log if isinstance(entry, int)] == [0, 1]
    assert [entry for entry in log if isinstance(entry, tuple)] == [("undelivered", n, DeadLetterReason.DROPPED_NEWEST) for n in (2, 3, 4)]
    assert ref.stats().dropped == 3


def test_drop_oldest_makes_room_for_the_message_sent_and_says_so(system: ActorSystem, on: On) -> None:
    letters = dead_letters(system)
    log: list[Any] = []
    ref = system.spawn(on(Diary), log, mailbox=Bounded(2, Overflow.DROP_OLDEST))
    with held(ref):
        for number in range(5):
            ref.tell(number)
        assert letters == [(number, DeadLetterReason.DROPPED_OLDEST) for number in (0, 1, 2)]
    emptied(ref)
    assert [entry for entry in log if isinstance(entry, int)] == [3, 4]
    assert [entry for entry in log if isinstance(entry, tuple)] == [("undelivered", n, DeadLetterReason.DROPPED_OLDEST) for n in (0, 1, 2)]
    assert ref.stats().dropped == 3


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEWEST, Overflow.DROP_OLDEST])
def test_a_dropped_ask_is_told(system: ActorSystem, on: On, overflow: Overflow) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1, overflow))
    with held(ref):
        first, second = ref.ask(1, block=False), ref.ask(2, block=False)
        dropped, kept = (second, first) if overflow is Overflow.DROP_NEWEST else (first, second)
        with pytest.raises(ActorDeadError):
            dropped.get(timeout=WAIT)
    assert kept.get(timeout=WAIT) in (1, 2)


def test_senders_from_many_threads_lose_nothing_in_a_full_mailbox(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(3))

    def sender(number: int) -> Callable[[], None]:
        return lambda: [ref.tell((number, count)) for count in range(100)] and None

    in_threads([sender(number) for number in range(4)])
    settle(ref)
    assert sorted(log) == [(number, count) for number in range(4) for count in range(100)]
    assert all([c for n, c in log if n == number] == list(range(100)) for number in range(4))


def test_blocked_senders_are_admitted_in_the_order_they_came(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1))
    with held(ref):
        ref.tell(0)
        threads = [send_in_background(ref, number, []) for number in range(1, 6)]
    for thread in threads:
        thread.join(WAIT)
    settle(ref)
    assert log == [0, 1, 2, 3, 4, 5]


def test_a_newcomer_does_not_barge_in_before_blocked_senders(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(2))

    async def main() -> None:
        line = []
        for number in range(2, 8):  # each has its place in line when `sleep` returns
            line.append(asyncio.ensure_future(ref.tell_async(number)))
            await asyncio.sleep(0)
        gate.open()
        line.extend([asyncio.ensure_future(ref.tell_async(number)) for number in range(8, 14)])
        await asyncio.gather(*line)

    with held(ref) as gate:
        ref.tell(0)
        ref.tell(1)
        asyncio.run(main())
    settle(ref)
    assert log == list(range(14))


def test_a_sender_that_gave_up_leaves_the_line(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1))

    async def main() -> None:
        given_up, patient = asyncio.ensure_future(ref.tell_async("given up")), asyncio.ensure_future(ref.tell_async("patient"))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        gate.open()
        await patient

    with held(ref) as gate:
        ref.tell("in")
        asyncio.run(main())
    settle(ref)
    assert log == ["in", "patient"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_blocked_senders_are_woken_with_actor_dead_error_on_close(system: ActorSystem, on: On, end: str) -> None:
    outcomes: list[Any] = []
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))
    with held(ref):
        if end == "stop":
            ref.stop(block=False)
        ref.tell("in")
        threads = [send_in_background(ref, number, outcomes) for number in range(3)]
        if end == "kill":
            ref.kill(timeout=WAIT)
    for thread in threads:
        thread.join(WAIT)
    assert all(isinstance(error, ActorDeadError) for error in outcomes)
    assert sorted(error.message for error in outcomes) == [0, 1, 2]


def test_an_awaited_send_is_woken_with_actor_dead_error_on_close(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))

    async def main() -> None:
        waiting = asyncio.ensure_future(ref.tell_async("waiting"))
        await asyncio.sleep(0)
        gate.open()
        with pytest.raises(ActorDeadError) as caught:
            await waiting
        assert caught.value.message == "waiting"

    with held(ref) as gate:
        ref.stop(block=False)
        ref.tell("in")
        asyncio.run(main())


def test_a_send_that_would_block_an_event_loop_raises_and_names_its_awaitable_form(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))

    async def main() -> None:
        with pytest.raises(WouldBlockError, match="tell_async") as told:
            ref.tell("out")
        assert told.value.message == "out"
        with pytest.raises(WouldBlockError):
            await ref.ask("out", block=False)

    with held(ref):
        ref.tell("in")
        asyncio.run(main())


def test_a_send_that_need_not_block_is_fine_on_an_event_loop(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))

    async def main() -> Any:
        return await ref.ask("in", block=False)

    assert asyncio.run(main()) == "in"


def test_an_awaited_ask_waits_for_room_and_gets_its_answer(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), mailbox=Bounded(1))

    async def main() -> Any:
        asked = asyncio.ensure_future(ref.ask_async("asked"))
        await asyncio.sleep(0)
        assert not asked.done()
        gate.open()
        return await asked

    with held(ref) as gate:
        ref.tell("in")
        assert asyncio.run(main()) == "asked"


@pytest.mark.parametrize("timeout", [None, 1000.0])
def test_a_full_self_send_raises_at_once(system: ActorSystem, on: On, timeout: float | None) -> None:
    def fill(actor: Puppet) -> Any:
        actor.actor_ref.tell(1)
        try:
            actor.actor_ref.tell(2)
        except MailboxFullError as error:
            return error.message
        return "told"

    log: list[Any] = []
    ref = system.spawn(on(Puppet), log, mailbox=Bounded(1, timeout=timeout))
    assert ref.ask(fill, timeout=WAIT) == 2
    settle(ref)
    assert log == [1]


@pytest.mark.parametrize("asked", [False, True])
def test_an_awaited_send_to_oneself_raises_at_once_when_full(system: ActorSystem, asked: bool) -> None:
    class Filler(Actor, dispatcher=DispatcherKind.EVENT_LOOP, mailbox=Bounded(1)):
        async def on_receive(self, message: Any) -> Any:
            if message != "fill":
                return message
            await self.actor_ref.tell_async(1)
            with pytest.raises(MailboxFullError) as caught:
                await (self.actor_ref.ask_async(2) if asked else self.actor_ref.tell_async(2))
            return caught.value.message

    async def main() -> Any:
        return await system.spawn(Filler).ask_async("fill")

    assert asyncio.run(main()) == 2
    assert system.spawn(Filler).ask("fill", timeout=WAIT) == 2


def test_a_task_that_a_handler_made_may_wait_for_room_in_its_own_mailbox(system: ActorSystem) -> None:
    class Filler(Actor, dispatcher=DispatcherKind.EVENT_LOOP, mailbox=Bounded(1)):
        def __init__(self) -> None:
            super().__init__()
            self.got: list[Any] = []

        async def on_receive(self, message: Any) -> Any:
            if message == "got":
                return self.got
            if message == "fill":
                await self.actor_ref.tell_async(1)
                self.task = asyncio.ensure_future(self.actor_ref.tell_async(2))
            else:
                self.got.append(message)
            return None

    ref = system.spawn(Filler)
    ref.ask("fill", timeout=WAIT)
    eventually(lambda: ref.ask("got", timeout=WAIT) == [1, 2])


def test_replies_are_exempt_from_the_bound_of_the_asker(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    asker, other = system.spawn(on(Puppet), log, mailbox=Bounded(1, Overflow.REJECT)), system.spawn(on(Puppet))

    def ask(actor: Puppet) -> None:
        actor.actor_ref.tell("full")
        actor.log.append(pause(other.ask("answer", block=False)))

    with held(other):
        asker.tell(ask)
        eventually(lambda: asker._target.wait is not None or asker.stats().waiting == 1)
    emptied(asker)
    assert log == ["answer", "full"]


def test_ticks_downs_and_pipes_are_exempt_from_bounds(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    ref = timeless_system.spawn(on(Puppet), log, mailbox=Bounded(1, Overflow.REJECT))
    watched = timeless_system.spawn(on(Puppet))
    piped: Future[Any] = Future()
    ref.ask(lambda actor: actor.start_timer("key", 1.0, "tick"))
    ref.ask(lambda actor: actor.watch(watched))
    ref.ask(lambda actor: actor.pipe_to_self(piped))
    with held(ref):
        ref.tell("full")
        clock.advance(1.0)
        piped.set("piped")
        watched.stop(timeout=WAIT)
        with pytest.raises(MailboxFullError):
            ref.tell("still full")
    eventually(lambda: len(log) == 4)
    assert log[:3] == ["full", "tick", "piped"]
    assert isinstance(log[3], Down)


def test_exempt_messages_take_no_room_from_others(timeless_system: ActorSystem, clock: FakeClock, on: On) -> None:
    log: list[Any] = []
    ref = timeless_system.spawn(on(Puppet), log, mailbox=Bounded(2, Overflow.REJECT))
    ref.ask(lambda actor: [actor.start_timer(key, 1.0, f"tick {key}") for key in range(5)] and None)
    with held(ref):
        clock.advance(1.0)
        ref.tell(1)
        ref.tell(2)
        with pytest.raises(MailboxFullError):
            ref.tell(3)
    eventually(lambda: len(log) == 7)
    assert log == [f"tick {key}" for key in range(5)] + [1, 2]


def test_unstashed_messages_are_exempt_from_bounds(system: ActorSystem, on: On) -> None:
    class Stasher(Puppet):
        ready = False

        def on_receive(self, message: Any) -> Any:
            if not self.ready and isinstance(message, int):
                self.stash()
                return None
            return super().on_receive(message)

        def unlock(self) -> int:
            self.ready = True
            return self.unstash()

    log: list[Any] = []
    ref = system.spawn(on(Stasher), log, mailbox=Bounded(1, Overflow.REJECT))
    for number in range(5):
        ref.ask(number, block=False)
        eventually(lambda count=number + 1: ref.stats().stashed == count)
    assert ref.ask(lambda actor: actor.unlock(), timeout=WAIT) == 5
    emptied(ref)
    assert log == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("message", [(), (None,), [], "", None, 0], ids=repr)
@pytest.mark.parametrize("overflow", Overflow)
def test_any_object_may_be_a_message_of_a_bounded_mailbox(system: ActorSystem, overflow: Overflow, message: Any) -> None:
    log: list[Any] = []
    ref = system.spawn(Puppet, log, mailbox=Bounded(2, overflow))
    with held(ref):
        ref.tell(message)
        ref.tell(message)
        if overflow in (Overflow.DROP_NEWEST, Overflow.DROP_OLDEST):
            ref.tell(message)
    emptied(ref)
    assert log == [message, message]
