"""Delivery: order, one message at a time, and the fate of answers."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, DispatcherKind, Future, Timeout
from tests.contract.conftest import On
from tests.contract.kit import EVERY_KIND, WAIT, Gate, Puppet, dead_letters, held, in_threads, pause, settle, under, until_down
from tests.support import scaled

EACH = 10 * scaled(2_000, 50)  # some are sent in tens


def _sorted_by_sender(log: list[tuple[int, int]]) -> dict[int, list[int]]:
    per_sender: dict[int, list[int]] = defaultdict(list)
    for sender, number in log:
        per_sender[sender].append(number)
    return per_sender


def test_messages_of_one_thread_are_handled_in_the_order_sent(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log)

    def send(sender: int) -> None:
        for number in range(EACH):
            ref.tell((sender, number))

    in_threads([partial(send, sender) for sender in range(4)])
    settle(ref)
    assert _sorted_by_sender(log) == {sender: list(range(EACH)) for sender in range(4)}


@pytest.mark.parametrize("sending", EVERY_KIND, ids=lambda kind: kind.value)
def test_messages_of_one_actor_are_handled_in_the_order_sent(system: ActorSystem, on: On, sending: DispatcherKind) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log)
    senders = [system.spawn(under(sending, Puppet)) for _ in range(3)]

    def burst(sender: int, start: int, _: Actor) -> None:
        for number in range(start, start + 10):
            ref.tell((sender, number))

    for start in range(0, EACH, 10):
        for sender, one in enumerate(senders):
            one.tell(partial(burst, sender, start).__call__)
    for one in senders:
        settle(one)
    settle(ref)
    assert _sorted_by_sender(log) == {sender: list(range(EACH)) for sender in range(3)}


def test_every_way_to_send_keeps_the_one_order_of_its_sender(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log)
    proxy = ref.proxy()
    with held(ref):
        for number in range(0, 60, 6):
            ref.tell(number)
            ref.ask(number + 1, block=False)
            ref.tell_within(number + 2, 1000.0)
            ref.call(Puppet.on_receive, number + 3)
            proxy.on_receive(number + 4)
            asyncio.run(ref.tell_async(number + 5))
    settle(ref)
    assert [entry for entry in log if isinstance(entry, int)] == list(range(60))


def test_one_message_at_a_time_also_while_a_handler_waits(system: ActorSystem, on: On) -> None:
    class Careful(Puppet):
        busy = False
        overlaps = 0
        handled = 0

        def on_receive(self, message: Any) -> Any:
            if inspectable(message):
                return message(self)
            self.overlaps += self.busy
            self.busy = True
            for _ in range(3):
                pause(echo.ask(None, block=False))
            self.busy = False
            self.handled += 1
            return None

    inspectable: Callable[[object], bool] = callable
    echo = system.spawn(on(Puppet))
    ref = system.spawn(on(Careful))
    in_threads([lambda: [ref.tell(None) for _ in range(50)] for _ in range(4)])
    assert ref.ask(lambda actor: (actor.overlaps, actor.handled), timeout=WAIT) == (0, 200)


def test_an_await_does_not_admit_the_next_message(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref, other = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    with held(ref):
        ref.tell("next")
        for _ in range(3):
            settle(other)  # the dispatcher goes round, and had every chance to begin with the next one
        assert log == []
    settle(ref)
    assert log == ["next"]


def test_a_reentrant_class_admits_the_next_message_at_an_await(system: ActorSystem) -> None:
    log: list[Any] = []
    ref = system.spawn(under(DispatcherKind.EVENT_LOOP, Puppet, reentrant=True), log)
    with held(ref):
        assert ref.ask("next", timeout=WAIT) == "next"
    settle(ref)


def test_kill_overtakes_the_mail(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Puppet), log)
    with held(ref):
        for number in range(5):
            ref.tell(number)
        ref.kill(timeout=WAIT)
    assert log == []
    assert [message for message, _ in letters] == list(range(5))


def test_restart_overtakes_the_mail(system: ActorSystem, on: On) -> None:
    class Numbered(Puppet):
        made = 0

        def on_start(self) -> None:
            type(self).made += 1
            self.log.append(f"instance {self.made}")

    log: list[Any] = []
    ref = system.spawn(on(Numbered), log)
    with held(ref):
        ref.tell("mail")
        ref.restart(block=False)
    settle(ref)
    assert log == ["instance 1", "instance 2", "mail"]


def test_a_linked_actors_crash_overtakes_the_mail(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref, other = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    ref.ask(lambda actor: actor.link(other))
    down = until_down(system, ref)
    with held(ref):
        ref.tell("mail")
        other.kill(timeout=WAIT)
    down.get(timeout=WAIT)
    assert log == []


def test_timeout_bounds_the_wait_only_and_the_message_is_handled(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet), log)
    with held(ref):
        with pytest.raises(Timeout):
            ref.ask("asked", timeout=0.01)
        with pytest.raises(Timeout):
            asyncio.run(ref.ask_async("asked by a coroutine", timeout=0.01))
        with pytest.raises(Timeout):
            ref.ask("asked later", block=False).get(timeout=0)
        assert log == []
    settle(ref)
    assert log == ["asked", "asked by a coroutine", "asked later"]


def test_an_answer_after_the_timeout_can_still_be_read_from_the_future(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with held(ref):
        future = ref.ask("late", block=False)
        with pytest.raises(Timeout):
            future.get(timeout=0.01)
    assert future.get(timeout=WAIT) == "late"


def test_a_message_whose_ask_was_cancelled_is_a_dead_letter(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Puppet), log)
    with held(ref):
        future = ref.ask("unwanted", block=False)
        assert future.cancel()
        assert not future.cancel()
    settle(ref)
    assert log == []
    assert [(message, reason.name) for message, reason in letters] == [("unwanted", "CANCELLED")]


def test_the_late_reply_to_a_cancelled_ask_is_fenced_off(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    gate, calls = Gate(), list[Future[Any]]()
    future = ref.ask(gate.hold, block=False)
    future.add_done_callback(calls.append)
    gate.reached()
    assert future.cancel()
    gate.open()
    settle(ref)
    assert future.cancelled()
    assert calls == [future]


def test_the_reply_of_a_killed_handler_is_fenced_off(system: ActorSystem, on: On) -> None:
    def stubborn(actor: Puppet) -> str:
        try:
            gate.hold()
        except BaseException:  # noqa: BLE001  # the worst that a handler can do when it is killed
            actor.log.append("caught")
        return "late"

    log: list[Any] = []
    calls: list[Future[Any]] = []
    gate = Gate()
    ref = system.spawn(on(Puppet), log)
    future = ref.ask(stubborn, block=False)
    future.add_done_callback(calls.append)
    gate.reached()
    assert ref.kill(timeout=WAIT) is True
    error = future.exception(timeout=WAIT)  # either it was answered in time, or the asker was told
    assert error is None or (isinstance(error, ActorDeadError) and error.message is stubborn)
    assert log == ["caught"]
    assert calls == [future]


def test_what_a_dead_actor_is_sent_comes_back(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    ref.stop(timeout=WAIT)
    with pytest.raises(ActorDeadError) as told:
        ref.tell("told")
    assert told.value.message == "told"
    with pytest.raises(ActorDeadError) as asked:
        ref.ask("asked", timeout=WAIT)
    assert asked.value.message == "asked"
    with pytest.raises(ActorDeadError) as sent:
        asyncio.run(ref.tell_async("sent"))
    assert sent.value.message == "sent"
    with pytest.raises(ActorDeadError):
        ref.ask("never raised before get", block=False).get(timeout=WAIT)


def test_messages_of_different_senders_may_arrive_in_any_order_but_none_is_lost(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref: ActorRef[Any] = system.spawn(on(Puppet), log)
    start = threading.Barrier(3)

    def send(sender: int) -> None:
        start.wait(WAIT)
        for number in range(100):
            assert ref.ask((sender, number), timeout=WAIT) == (sender, number)

    in_threads([partial(send, sender) for sender in range(3)])
    assert sorted(log) == [(sender, number) for sender in range(3) for number in range(100)]
