"""Life: kill, of idle, parked, blocked and async handlers."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from actors import (
    ActorDeadError,
    ActorKilled,
    ActorSystem,
    Bounded,
    DeadLetterReason,
    DispatcherKind,
    DownReason,
    Future,
    Lifecycle,
    SystemConfig,
)
from actors.events import HandlerAbandoned
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, Gate, Puppet, dead_letters, eventually, held, pause, settle, spawn_child, under, until_down


def test_an_idle_actor_is_killed_without_on_stop(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Diary), log)
    down = until_down(system, ref)
    assert ref.kill(timeout=WAIT) is True
    assert down.get(timeout=WAIT).reason is DownReason.KILLED
    assert log == ["init", "on_start"]
    assert ref.kill(timeout=WAIT) is False


def test_the_mail_of_a_killed_actor_is_dead_and_it_is_told(system: ActorSystem, on: On) -> None:
    letters = dead_letters(system)
    log: list[Any] = []
    ref = system.spawn(on(Diary), log)
    with held(ref):
        ref.tell("told")
        asked = ref.ask("asked", block=False)
        stopped = ref.stop(block=False)
        assert ref.kill(timeout=WAIT) is True
    assert letters == [("told", DeadLetterReason.KILLED)]
    with pytest.raises(ActorDeadError) as caught:
        asked.get(timeout=WAIT)
    assert caught.value.message == "asked"
    assert stopped.get(timeout=WAIT) is True


def test_a_waiting_handler_is_unwound(system: ActorSystem, on: On) -> None:
    def wait(_: Any) -> None:
        try:
            gate.hold()
        except Exception:  # noqa: BLE001
            caught.append("an Exception: any handler would have swallowed it")
        except BaseException as error:
            caught.append(type(error))
            raise
        finally:
            caught.append("finally")

    caught: list[Any] = []
    gate = Gate()
    ref = system.spawn(on(Puppet))
    asked = ref.ask(wait, block=False)
    gate.reached()
    assert ref.kill(timeout=WAIT) is True
    expected = asyncio.CancelledError if ref.actor_class._greenroom_options.dispatcher is DispatcherKind.EVENT_LOOP else ActorKilled
    assert caught == [expected, "finally"]
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)


def test_a_handler_that_waits_for_another_actor_is_unwound(system: ActorSystem, on: On) -> None:
    ref, other = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    with held(other):
        asked = ref.ask(lambda _: pause(other.ask("never answered in time", block=False)), block=False)
        eventually(lambda: ref._target.wait is not None)
        assert ref.kill(timeout=WAIT) is True
        with pytest.raises(ActorDeadError):
            asked.get(timeout=WAIT)
    assert other.ask("alive", timeout=WAIT) == "alive"


def test_a_sender_blocked_in_a_full_mailbox_is_unwound(system: ActorSystem) -> None:
    for kind in (DispatcherKind.POOL, DispatcherKind.THREAD):
        log: list[Any] = []
        full = system.spawn(under(kind, Puppet), log, mailbox=Bounded(1))
        ref = system.spawn(under(kind, Puppet))
        with held(full):
            full.tell("in")
            ref.tell(lambda _, full=full: full.tell("out"))
            eventually(lambda ref=ref: ref._target.wait is not None)
            assert ref.kill(timeout=WAIT) is True
        settle(full)
        assert log == ["in"], "what a killed sender still wanted to send is not sent"


def test_a_waiting_on_start_is_unwound(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_start(self) -> None:
            gate.hold()

    ref = system.start(on(Slow))
    gate.reached()
    assert ref.kill(timeout=WAIT) is True


class Blocked:
    """A handler that blocks its thread where nobody can reach it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()
        self.over = threading.Event()
        self.after: Any = lambda actor: "late"

    def __call__(self, actor: Any) -> Any:
        self.entered.set()
        self.go.wait(WAIT)
        try:
            return self.after(actor)
        finally:
            self.over.set()

    def block(self, actor: Any) -> Any:
        return self(actor)


def test_a_blocked_handler_is_abandoned(system: ActorSystem, on: On) -> None:
    abandoned: list[Any] = []
    system.events.subscribe(HandlerAbandoned, abandoned.append)
    blocked = Blocked()
    ref = system.spawn(on(Puppet))
    down = until_down(system, ref)
    asked = ref.ask(blocked.block, block=False)
    assert blocked.entered.wait(WAIT)
    try:
        assert ref.kill(timeout=WAIT) is True
        assert down.get(timeout=WAIT).reason is DownReason.KILLED
        assert abandoned == [HandlerAbandoned(ref)]
        with pytest.raises(ActorDeadError) as caught:
            asked.get(timeout=WAIT)
        assert caught.value.message == blocked.block
    finally:
        blocked.go.set()
    assert blocked.over.wait(WAIT)
    assert isinstance(asked.exception(timeout=WAIT), ActorDeadError), "it cannot reply any more"


def test_an_abandoned_handler_can_send_no_more(on: On) -> None:
    blocked = Blocked()
    log: list[Any] = []
    sent = threading.Event()

    def send(_: Any) -> None:
        receiver.tell("from the grave")
        sent.set()

    blocked.after = send
    with ActorSystem(config=SystemConfig(tracing=True)) as system:
        letters = dead_letters(system)
        receiver = system.spawn(Puppet, log)
        ref = system.spawn(on(Puppet))
        ref.tell(blocked.block)
        assert blocked.entered.wait(WAIT)
        try:
            assert ref.kill(timeout=WAIT) is True
        finally:
            blocked.go.set()
        assert sent.wait(WAIT)
        settle(receiver)
        assert log == []
        assert letters == [("from the grave", DeadLetterReason.STALE_SENDER)]


def test_a_restart_that_waits_for_an_abandoned_handler_is_told_that_it_comes_too_late(on: On) -> None:
    blocked = Blocked()
    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        ref = system.spawn(on(Puppet))
        ref.tell(blocked.block)
        assert blocked.entered.wait(WAIT)
        restarted = ref.restart(block=False)
        try:
            assert ref.kill(timeout=WAIT) is True
            assert restarted.get(timeout=WAIT / 2) is False  # the handler blocks for longer
        finally:
            blocked.go.set()


def test_a_hook_that_blocks_while_a_crash_is_accounted_for_keeps_no_asker_waiting(on: On) -> None:
    """The turn owner has begun with the end, and is stuck in the middle of it: whoever abandons it goes on with it."""
    blocked = Blocked()
    failed: list[Any] = []

    class Telling(Puppet):
        def on_undelivered(self, message: Any, reason: Any) -> None:
            blocked.block(self)
            raise LookupError

        def on_failure(self, *_: Any) -> None:
            failed.append("on_failure")

    def crash(_: Any) -> None:
        raise ValueError

    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        ref = system.spawn(on(Telling))
        with held(ref):
            ref.tell(crash)
            ref.tell("left over")
            asked = ref.ask("asked", block=False)
        assert blocked.entered.wait(WAIT)
        try:
            assert ref.kill(timeout=WAIT) is True
            assert isinstance(asked.exception(timeout=WAIT), ActorDeadError)
        finally:
            blocked.go.set()
        assert blocked.over.wait(WAIT)
    assert failed == []


def test_the_hook_for_undelivered_messages_is_not_called_beside_an_abandoned_handler(on: On) -> None:
    blocked = Blocked()
    told: list[Any] = []

    class Telling(Puppet):
        def on_undelivered(self, message: Any, reason: Any) -> None:
            told.append(message)

    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        letters = dead_letters(system)
        ref = system.spawn(on(Telling))
        ref.tell(blocked.block)
        assert blocked.entered.wait(WAIT)
        ref.tell("left over")
        try:
            assert ref.kill(timeout=WAIT) is True
        finally:
            blocked.go.set()
        assert letters == [("left over", DeadLetterReason.KILLED)]
        assert told == []


def test_other_actors_go_on_while_a_handler_is_abandoned(system: ActorSystem) -> None:
    for kind in (DispatcherKind.POOL, DispatcherKind.THREAD):
        blocked = Blocked()
        ref, other = system.spawn(under(kind, Puppet)), system.spawn(under(kind, Puppet))
        ref.tell(blocked.block)
        assert blocked.entered.wait(WAIT)
        try:
            assert ref.kill(timeout=WAIT) is True
            assert other.ask("alive", timeout=WAIT) == "alive"
        finally:
            blocked.go.set()
        assert blocked.over.wait(WAIT)


def test_a_killed_actors_name_is_free_although_its_handler_still_blocks(system: ActorSystem) -> None:
    blocked = Blocked()
    ref = system.spawn(under(DispatcherKind.THREAD, Puppet), name="name")
    ref.tell(blocked.block)
    assert blocked.entered.wait(WAIT)
    try:
        assert ref.kill(timeout=WAIT) is True
        assert system.spawn(Puppet, name="name").is_alive()
    finally:
        blocked.go.set()
    assert blocked.over.wait(WAIT)


def test_a_handler_that_ends_in_time_is_not_abandoned(on: On) -> None:
    abandoned: list[Any] = []
    blocked = Blocked()
    log: list[Any] = []
    with ActorSystem(config=SystemConfig(blocked_after=WAIT)) as system:
        system.events.subscribe(HandlerAbandoned, abandoned.append)
        ref = system.spawn(on(Puppet), log)
        asked = ref.ask(blocked.block, block=False)
        assert blocked.entered.wait(WAIT)
        ref.tell("never handled")
        killed = ref.kill(block=False)
        blocked.go.set()
        assert isinstance(killed, Future)
        assert killed.get(timeout=WAIT) is True
        assert asked.get(timeout=WAIT) == "late"
    assert abandoned == []
    assert log == []


def test_many_kills_of_one_actor_are_all_answered(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with held(ref):
        kills = [ref.kill(block=False) for _ in range(5)]
        assert all(kill.get(timeout=WAIT) in (True, False) for kill in kills if isinstance(kill, Future))
    assert kills[0].get() is True  # type: ignore[union-attr]


def test_a_kill_of_a_stopping_actor_gives_its_children_up(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_stop(self) -> None:
            gate.hold()

    log: list[Any] = []
    parent = system.spawn(on(Diary), log)
    child = parent.ask(lambda actor: spawn_child(actor, on(Slow)), timeout=WAIT)
    down = until_down(system, child)
    stopped = parent.stop(block=False)
    gate.reached()
    assert parent.kill(timeout=WAIT) is True
    assert stopped.get(timeout=WAIT) is True
    assert down.get(timeout=WAIT).ref == child
    assert child.state is Lifecycle.STOPPED
    assert "on_stop" not in log
