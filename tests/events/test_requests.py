from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorSystem,
    AskCancelled,
    Bounded,
    DeadlockError,
    MailboxFullError,
    Overflow,
    SystemConfig,
    Timeout,
)
from actors.events import BusEvent, EventBus, NoResponderError, SubscriptionClosed
from actors.testing import ManualClock, Probe
from tests.events.kit import SAFETY, Subscriber


def test_a_request_is_answered_by_a_function(bus: EventBus) -> None:
    bus.respond("double.*", lambda request: (request.topic, 2 * request.event))
    assert bus.request("double.it", 21).get(timeout=SAFETY) == ("double.it", 42)


def test_a_request_is_answered_by_an_async_function_and_awaited(bus: EventBus) -> None:
    async def answer(request: BusEvent[int]) -> int:
        await asyncio.sleep(0)
        return 2 * request.event

    bus.respond("double", answer)

    async def ask() -> Any:
        return await bus.request("double", 21, timeout=SAFETY)

    assert asyncio.run(ask()) == 42


def test_a_request_is_answered_by_an_actor(system: ActorSystem, bus: EventBus) -> None:
    probe = Probe(system)
    bus.respond("a", probe.ref)
    reply = bus.request("a", "hello")
    assert probe.expect(BusEvent) == BusEvent("a", "hello")
    probe.reply("world")
    assert reply.get(timeout=SAFETY) == "world"


def test_without_a_responder_a_request_fails_at_once(bus: EventBus) -> None:
    bus.subscribe("#")
    bus.respond("b", print)
    with pytest.raises(NoResponderError) as caught:
        bus.request("a", 1)
    assert caught.value.topic == "a"


def test_events_are_no_requests(bus: EventBus) -> None:
    answers = Subscriber()
    bus.respond("a", answers)
    assert bus.publish("a", 1) == 0
    assert answers.nothing_left()


def test_the_first_answer_wins_and_the_others_are_cancelled(system: ActorSystem, bus: EventBus) -> None:
    seen: list[Any] = []

    class Slow(Actor):
        def on_receive(self, message: Any) -> Any:
            seen.append(self.reply_later())
            return seen[-1]

    slow, fast = system.spawn(Slow), Probe(system)
    bus.respond("a", slow)
    bus.respond("a", fast.ref)
    reply = bus.request("a", 1)
    fast.expect(BusEvent)
    slow.stats()
    fast.reply("fast")
    assert reply.get(timeout=SAFETY) == "fast"
    assert seen[0].cancel_token.cancelled
    assert not seen[0].reply("slow")


def test_a_responder_that_fails_does_not_count_while_another_may_answer(system: ActorSystem, bus: EventBus) -> None:
    def fails(request: BusEvent[Any]) -> None:
        raise LookupError("not here")

    probe = Probe(system)
    bus.respond("a", fails)
    bus.respond("a", probe.ref)
    reply = bus.request("a", 1)
    probe.expect(BusEvent)
    assert not reply.done()
    probe.reply("here")
    assert reply.get(timeout=SAFETY) == "here"


def test_if_all_fail_the_last_failure_is_the_requests(bus: EventBus) -> None:
    first = threading.Event()

    def fails(request: BusEvent[Any]) -> None:
        try:
            raise LookupError("first")
        finally:
            first.set()

    async def fails_later(request: BusEvent[Any]) -> None:
        raise LookupError("first")

    bus.respond("a", fails)
    bus.respond("a", fails_later)
    with pytest.raises(LookupError, match="first"):
        bus.request("a", 1).get(timeout=SAFETY)


def test_a_responder_that_dies_does_not_count_while_another_may_answer(system: ActorSystem, bus: EventBus, told: list[Any]) -> None:
    dying, living = Probe(system), Probe(system)
    dies = bus.respond("a", dying.ref)
    bus.respond("a", living.ref)
    reply = bus.request("a", 1)
    living.expect(BusEvent)
    dying.ref.kill()
    assert not reply.done()
    living.reply("here")
    assert reply.get(timeout=SAFETY) == "here"
    bus._board.host.stop()
    assert told[0] == SubscriptionClosed("a", str(dies.stats().closed_for))


def test_when_the_only_responder_dies_the_request_fails(system: ActorSystem, bus: EventBus) -> None:
    probe = Probe(system)
    bus.respond("a", probe.ref)
    reply = bus.request("a", 1)
    probe.ref.kill()
    with pytest.raises(ActorDeadError):
        reply.get(timeout=SAFETY)


def test_a_request_fails_when_its_time_is_up_and_the_responder_is_told() -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system, EventBus(system) as bus:
        probe = Probe(system)
        bus.respond("a", probe.ref)
        reply, answered = bus.request("a", 1, timeout=2.0), bus.request("a", 2, timeout=3.0)
        probe.expect(BusEvent)
        probe.expect(BusEvent)
        probe.reply("in time")
        assert answered.get(timeout=SAFETY) == "in time"
        clock.advance(1.9)
        assert not reply.done()
        clock.advance(0.2)
        with pytest.raises(Timeout, match=r"2\.0 seconds"):
            reply.get(timeout=SAFETY)
        assert clock.pending == 0


def test_a_request_that_is_cancelled_is_not_handled_any_more(bus: EventBus) -> None:
    held = Subscriber(held=True)
    bus.respond("a", held)
    first, second = bus.request("a", 1), bus.request("a", 2)
    assert held.busy.wait(SAFETY)
    assert second.cancel()
    held.go()
    first.get(timeout=SAFETY)
    third = bus.request("a", 3)
    third.get(timeout=SAFETY)
    with pytest.raises(AskCancelled):
        second.get()
    assert held.get(2) == [1, 3]


def test_a_full_responder_refuses_at_once(system: ActorSystem, bus: EventBus) -> None:
    held = Subscriber(held=True)
    bus.respond("a", held, capacity=1)
    first = bus.request("a", 1)
    assert held.busy.wait(SAFETY)
    second, third = bus.request("a", 2), bus.request("a", 3)
    with pytest.raises(MailboxFullError):
        third.get(timeout=SAFETY)
    held.go()
    first.get(timeout=SAFETY)
    second.get(timeout=SAFETY)


def test_a_request_never_waits_for_room_in_a_mailbox(system: ActorSystem, bus: EventBus) -> None:
    held = Subscriber(held=True)

    class Busy(Actor):
        def on_receive(self, message: BusEvent[int]) -> int:
            held(message)
            return message.event

    ref = system.spawn(Busy, mailbox=Bounded(1, Overflow.BLOCK))
    bus.respond("a", ref)
    first = bus.request("a", 1)
    assert held.busy.wait(SAFETY)
    second, third = bus.request("a", 2), bus.request("a", 3)
    assert isinstance(third.exception(timeout=SAFETY), MailboxFullError)
    held.go()
    assert [first.get(timeout=SAFETY), second.get(timeout=SAFETY)] == [1, 2]


def test_a_responder_that_asks_itself_is_told_of_the_deadlock(bus: EventBus) -> None:
    bus.respond("a", lambda request: bus.request("a", 1).get())
    with pytest.raises(DeadlockError):
        bus.request("a", 1).get(timeout=SAFETY)


def test_a_cancelled_responder_is_asked_no_more_and_answers_what_it_was_asked(bus: EventBus) -> None:
    held = Subscriber(held=True)
    responder = bus.respond("a", held)
    reply, waiting = bus.request("a", 1), bus.request("a", 2)
    assert held.busy.wait(SAFETY)
    responder.cancel()
    with pytest.raises(NoResponderError):
        bus.request("a", 3)
    held.go()
    assert (reply.get(timeout=SAFETY), waiting.get(timeout=SAFETY)) == (None, None)
    assert held.get(2) == [1, 2]
