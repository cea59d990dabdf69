"""Failure: restart in place."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from actors import (
    ActorDeadError,
    ActorRef,
    ActorSystem,
    DeadLetterReason,
    Down,
    DownReason,
    Lifecycle,
    SystemConfig,
)
from actors.events import ActorRestarted, ActorStarted, ActorStopped
from tests.contract.conftest import On
from tests.contract.kit import (
    WAIT,
    Diary,
    Gate,
    Puppet,
    dead_letters,
    emptied,
    eventually,
    held,
    settle,
    spawn_child,
    until_down,
)


class Numbered(Diary):
    """Notes which instance of it a hook belongs to."""

    def __init__(self, log: list[Any], *, first: str = "instance") -> None:
        super().__init__([])
        self.number = sum(1 for entry in log if isinstance(entry, str) and entry.startswith("init")) + 1
        self.log = log
        self.log.append(f"init {self.number}")

    def on_start(self) -> None:
        self.log.append(f"on_start {self.number}")

    def on_stop(self) -> None:
        self.log.append(f"on_stop {self.number}")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.log.append(f"on_failure {self.number}")


class Child(Puppet):
    def __init__(self, log: list[Any], name: str) -> None:
        super().__init__(log)
        self.name = name

    def on_stop(self) -> None:
        self.log.append(f"{self.name} stopped")


def test_restart_runs_on_failure_of_the_old_then_init_and_on_start_of_the_new(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Numbered), log)
    assert ref.restart(timeout=WAIT) is True
    assert log == ["init 1", "on_start 1", "on_failure 1", "init 2", "on_start 2"]


def test_children_stop_in_reverse_start_order_between_on_failure_and_the_new_instance(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Numbered), log)
    for name in ("a", "b", "c"):
        ref.ask(lambda actor, name=name: spawn_child(actor, on(Child), log, name, name=name), timeout=WAIT)
    assert ref.restart(timeout=WAIT) is True
    assert log == ["init 1", "on_start 1", "on_failure 1", "c stopped", "b stopped", "a stopped", "init 2", "on_start 2"]
    assert ref.ask(lambda actor: actor.children) == ()


def test_the_names_of_the_old_children_are_free_for_the_new_instance(system: ActorSystem, on: On) -> None:
    class Parent(Puppet):
        def on_start(self) -> None:
            spawn_child(self, on(Puppet), name="child")

    ref = system.spawn(on(Parent), name="parent")
    before = system.lookup("/parent/child")
    assert ref.restart(timeout=WAIT) is True
    after = system.lookup("/parent/child")
    assert before is not None
    assert after is not None
    assert before != after
    assert not before.is_alive()


def test_the_new_instance_is_made_with_the_same_arguments(system: ActorSystem, on: On) -> None:
    class Given(Puppet):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.given = (args, kwargs)

    marker = object()
    ref = system.spawn(on(Given), 1, marker, key=marker)
    first = ref.ask(lambda actor: actor)
    ref.restart(timeout=WAIT)
    second = ref.ask(lambda actor: actor)
    assert first is not second
    assert first.given == second.given == ((1, marker), {"key": marker})


def test_state_of_the_old_instance_does_not_survive(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    ref.ask("half-changed")
    ref.restart(timeout=WAIT)
    assert ref.ask(lambda actor: actor.log) == []


def test_ref_path_name_uid_and_urn_stay(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), name="lasting")
    before = (ref.path, ref.name, ref.uid, ref.actor_urn, hash(ref))
    ref.restart(timeout=WAIT)
    assert (ref.path, ref.name, ref.uid, ref.actor_urn, hash(ref)) == before
    assert system.lookup("/lasting") == ref
    assert ref.ask(lambda actor: actor.actor_ref) == ref


def test_the_mailbox_is_kept(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    ref = system.spawn(on(Numbered), log)
    with held(ref):
        ref.tell("told")
        asked = ref.ask("asked", block=False)
        restarted = ref.restart(block=False)
        ref.tell("told later")
    assert restarted.get(timeout=WAIT) is True
    assert asked.get(timeout=WAIT) == "asked"
    settle(ref)
    assert log[2:] == ["on_failure 1", "init 2", "on_start 2", "told", "asked", "told later"]
    assert letters == []


def test_the_message_being_handled_is_finished_by_the_old_instance(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Numbered), log)
    gate = Gate()
    asked = ref.ask(lambda actor: (gate.hold(), actor.number), block=False)
    gate.reached()
    restarted = ref.restart(block=False)
    assert not restarted.done()
    gate.open()
    assert asked.get(timeout=WAIT) == ("opened", 1)
    assert restarted.get(timeout=WAIT) is True


def test_the_stash_returns_to_the_front_in_order(system: ActorSystem, on: On) -> None:
    class Stasher(Puppet):
        instances = 0

        def on_start(self) -> None:
            type(self).instances += 1

        def on_receive(self, message: Any) -> Any:
            if type(self).instances == 1 and isinstance(message, int):
                return self.stash()
            return super().on_receive(message)

    log: list[Any] = []
    ref = system.spawn(on(Stasher), log)
    for number in range(3):
        ref.tell(number)
    asked = ref.ask(3, block=False)
    with held(ref):
        ref.tell("waiting")
        restarted = ref.restart(block=False)
    assert restarted.get(timeout=WAIT) is True
    assert asked.get(timeout=WAIT) == 3
    settle(ref)
    assert log == [0, 1, 2, 3, "waiting"]
    assert ref.stats().stashed == 0


def test_watchers_stay(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(lambda actor: actor.watch(ref))
    ref.restart(timeout=WAIT)
    settle(watcher)
    assert log == [], "a restart is no end"
    ref.stop(timeout=WAIT)
    settle(watcher)
    assert log == [Down(ref, DownReason.STOPPED)]


def test_what_it_watches_stays(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref, watched = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    ref.ask(lambda actor: actor.watch(watched))
    ref.restart(timeout=WAIT)
    watched.stop(timeout=WAIT)
    settle(ref)
    assert log == [Down(watched, DownReason.STOPPED)]


def test_links_stay(system: ActorSystem, on: On) -> None:
    ref, other = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    ref.ask(lambda actor: actor.link(other))
    down = until_down(system, other)
    ref.restart(timeout=WAIT)
    settle(other)
    ref.kill(timeout=WAIT)
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED


def test_groups_stay(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    system.groups.join("group", ref)
    ref.restart(timeout=WAIT)
    assert system.groups.members("group") == [ref]


def test_proxies_and_weak_references_follow_the_new_instance(system: ActorSystem, on: On) -> None:
    class Holder(Puppet):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            type(self).made += 1
            self.number = self.made

        def number_plus(self, more: int) -> int:
            return self.number + more

    ref = system.spawn(on(Holder))
    proxy = ref.proxy()
    assert proxy.number.get(timeout=WAIT) == 1
    ref.restart(timeout=WAIT)
    assert proxy.number.get(timeout=WAIT) == 2
    assert proxy.number_plus(10).get(timeout=WAIT) == 12
    assert ref._actor_weakref() is ref.ask(lambda actor: actor)


def test_a_restart_is_counted_and_published(system: ActorSystem, on: On) -> None:
    events: list[Any] = []
    system.events.subscribe(object, events.append)
    ref = system.spawn(on(Puppet))
    for _ in range(3):
        ref.restart(timeout=WAIT)
    assert ref.stats().restarts == 3
    assert [event for event in events if isinstance(event, ActorStarted | ActorRestarted | ActorStopped)] == [
        ActorStarted(ref),
        *[ActorRestarted(ref, None)] * 3,
    ]


def test_the_counters_go_on(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    for number in range(5):
        ref.ask(number)
    ref.restart(timeout=WAIT)
    ref.ask(5)
    emptied(ref)
    assert (ref.stats().accepted, ref.stats().handled) == (6, 6)


@pytest.mark.parametrize("broken", ["__init__", "on_start"])
def test_a_new_instance_that_cannot_start_ends_the_actor(system: ActorSystem, on: On, broken: str) -> None:
    class Fragile(Puppet):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            type(self).made += 1
            if self.made > 1 and broken == "__init__":
                raise LookupError(broken)

        def on_start(self) -> None:
            if self.made > 1 and broken == "on_start":
                raise LookupError(broken)

    letters = dead_letters(system)
    ref = system.spawn(on(Fragile))
    down = until_down(system, ref)
    with held(ref):
        ref.tell("waiting")
        asked = ref.ask("asked", block=False)
        restarted = ref.restart(block=False)
    assert restarted.get(timeout=WAIT) is False
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED
    assert isinstance(down.get().error, LookupError)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)
    assert letters == [("waiting", DeadLetterReason.CRASHED)]
    assert ref.state is Lifecycle.STOPPED


def test_an_on_failure_that_raises_does_not_keep_from_restarting(system: ActorSystem, on: On) -> None:
    class Broken(Puppet):
        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            raise LookupError

    ref = system.spawn(on(Broken))
    assert ref.restart(timeout=WAIT) is True
    assert ref.ask("alive", timeout=WAIT) == "alive"


def test_restart_of_a_dead_actor_is_false(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    ref.stop(timeout=WAIT)
    assert ref.restart(timeout=WAIT) is False


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_that_meets_an_end_is_answered(on: On, end: str) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Any) -> None:
        entered.set()
        go.wait(WAIT)

    with ActorSystem(config=SystemConfig(blocked_after=WAIT)) as system:
        ref = system.spawn(on(Puppet))
        ref.tell(block)
        assert entered.wait(WAIT)
        ended = getattr(ref, end)(block=False)
        restarts = [ref.restart(block=False) for _ in range(3)]
        go.set()
        assert ended.get(timeout=WAIT) is True
        assert [restart.get(timeout=WAIT) for restart in restarts] == [end == "stop"] * 3  # it overtakes a stop, not a kill
        assert not ref.is_alive()


def test_a_stop_during_a_restart_ends_the_new_instance(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Child):
        def on_stop(self) -> None:
            gate.hold()

    log: list[Any] = []
    ref: ActorRef[Any] = system.spawn(on(Numbered), log)
    ref.ask(lambda actor: spawn_child(actor, on(Slow), log, "child"), timeout=WAIT)
    restarted = ref.restart(block=False)
    gate.reached()
    assert ref.state is Lifecycle.RESTARTING
    stopped = ref.stop(block=False)
    ref_alive = ref.is_alive()
    gate.open()
    assert restarted.get(timeout=WAIT) is True
    assert stopped.get(timeout=WAIT) is True
    assert ref_alive
    assert log == ["init 1", "on_start 1", "on_failure 1", "init 2", "on_start 2", "on_stop 2"]


def test_an_actor_may_restart_itself(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Numbered), log)
    assert ref.ask(lambda actor: (actor.actor_ref.restart(block=False), actor.number)[1], timeout=WAIT) == 1
    eventually(lambda: log[-1] == "on_start 2")
    assert ref.ask(lambda actor: actor.number) == 2
