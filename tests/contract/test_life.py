"""Life: from created to stopped, spawn and start, children and parents."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from actors import ActorDeadError, ActorStartError, ActorSystem, DownReason, Lifecycle, default_system
from actors.events import ActorStarted, ActorStopped
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, Gate, Puppet, emptied, eventually, held, pause, settle, spawn_child, until_down


class Traced(Puppet):
    """Notes the state it is in in every hook."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__(log)
        self.note("init")

    def note(self, hook: str) -> None:
        self.log.append((hook, self.actor_ref.state))

    def on_start(self) -> None:
        self.note("on_start")

    def on_stop(self) -> None:
        self.note("on_stop")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.note("on_failure")


def fail(_: Any) -> None:
    raise LookupError("crashed")


def test_life_goes_from_created_over_starting_and_running_to_stopping_and_stopped(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Traced), log)
    ref.ask(lambda actor: actor.note("on_receive"))
    ref.stop(timeout=WAIT)
    assert log == [
        ("init", Lifecycle.CREATED),
        ("on_start", Lifecycle.STARTING),
        ("on_receive", Lifecycle.RUNNING),
        ("on_stop", Lifecycle.STOPPING),
    ]
    assert ref.state is Lifecycle.STOPPED


def test_a_restart_goes_over_restarting_and_starting(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Traced), log)
    log.clear()
    ref.restart(timeout=WAIT)
    assert [entry for entry in log if entry[0] != "init"] == [
        ("on_failure", Lifecycle.RESTARTING),
        ("on_start", Lifecycle.STARTING),
    ]
    assert ref.state is Lifecycle.RUNNING


def test_a_crash_runs_on_failure_and_no_on_stop(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Traced), log)
    down = until_down(system, ref)
    ref.tell(fail)
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED
    assert [hook for hook, _ in log] == ["init", "on_start", "on_failure"]
    assert log[-1] == ("on_failure", Lifecycle.STOPPING)


def test_the_start_and_the_end_are_published_once(system: ActorSystem, on: On) -> None:
    events: list[Any] = []
    system.events.subscribe(object, events.append)
    ref = system.spawn(on(Puppet))
    ref.stop(timeout=WAIT)
    assert events == [ActorStarted(ref), ActorStopped(ref, DownReason.STOPPED)]


def test_spawn_returns_after_on_start(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    system.spawn(on(Diary), log)
    assert log == ["init", "on_start"]
    asyncio.run(system.spawn_async(on(Diary), log))
    assert log == ["init", "on_start"] * 2


def test_start_returns_at_once(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_start(self) -> None:
            gate.hold()

    ref = system.start(on(Slow))
    gate.reached()
    assert ref.state is Lifecycle.STARTING
    ref.tell("early")
    gate.open()
    settle(ref)
    assert ref.ask(lambda actor: actor.log) == ["early"]


def test_actor_start_begins_at_root_level_in_the_system_of_the_running_handler(system: ActorSystem, on: On) -> None:
    actor_class = on(Puppet)
    ref = system.spawn(actor_class)
    started = ref.ask(lambda _: actor_class.start(), timeout=WAIT)
    assert started.ask(lambda actor: (actor.system, actor.parent)) == (system, None)
    assert started in system.actors()


def test_actor_start_elsewhere_begins_in_the_default_system(on: On) -> None:
    ref = on(Puppet).start()
    try:
        assert ref.ask(lambda actor: actor.system, timeout=WAIT) is default_system()
    finally:
        ref.stop(timeout=WAIT)


def test_an_unstarted_actor_queues(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref = system.spawn(on(Puppet))
    actor_class = on(Puppet)
    actor = ref.ask(lambda _: actor_class(log), timeout=WAIT)  # made by hand, in the system of the handler
    made = actor.actor_ref
    assert made.state is Lifecycle.CREATED
    made.tell("told")
    asked = made.ask("asked", block=False)
    settle(ref)
    assert log == []
    assert not asked.done()
    assert made.kill(timeout=WAIT) in (True, False)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)


def test_what_it_was_sent_while_starting_is_handled_after_on_start(system: ActorSystem, on: On) -> None:
    class Eager(Diary):
        def __init__(self, log: list[Any]) -> None:
            super().__init__(log)
            self.actor_ref.tell("from init")

        def on_start(self) -> None:
            self.actor_ref.tell("from on_start")
            super().on_start()

    log: list[Any] = []
    ref = system.spawn(on(Eager), log)
    settle(ref)
    assert log == ["init", "on_start", "from init", "from on_start"]


@pytest.mark.parametrize("broken", ["__init__", "on_start"])
def test_spawn_raises_actor_start_error_with_the_cause(system: ActorSystem, on: On, broken: str) -> None:
    error = LookupError("broken")

    class Broken(Puppet):
        def __init__(self) -> None:
            super().__init__()
            if broken == "__init__":
                raise error

        def on_start(self) -> None:
            raise error

    actor_class = on(Broken)
    with pytest.raises(ActorStartError) as caught:
        system.spawn(actor_class, name="broken")
    assert caught.value.__cause__ is error
    assert caught.value.cause is error
    with pytest.raises(ActorStartError):
        asyncio.run(system.spawn_async(actor_class))
    assert system.actors() == []
    assert system.spawn(on(Puppet), name="broken").is_alive(), "the name is free again"


@pytest.mark.parametrize("broken", ["__init__", "on_start"])
def test_a_child_that_cannot_start_is_told_to_its_parent_who_lives_on(system: ActorSystem, on: On, broken: str) -> None:
    class Broken(Puppet):
        def __init__(self) -> None:
            super().__init__()
            if broken == "__init__":
                raise LookupError(broken)

        def on_start(self) -> None:
            raise LookupError(broken)

    def spawn(actor: Any) -> Any:
        with pytest.raises(ActorStartError) as caught:
            spawn_child(actor, child_class)
        return caught.value.cause, actor.children

    child_class = on(Broken)
    parent = system.spawn(on(Puppet))
    cause, children = parent.ask(spawn, timeout=WAIT)
    assert isinstance(cause, LookupError)
    assert children == ()
    assert parent.is_alive()


def test_those_who_know_of_an_actor_whose_init_fails_are_told(system: ActorSystem, on: On) -> None:
    """Its ref can get out of `__init__`: watchers, groups and callers that wait for the end must not wait for ever."""
    known: list[Any] = []

    class Broken(Puppet):
        def __init__(self) -> None:
            super().__init__()
            ref = self.actor_ref
            system.groups.join("group", ref)
            known.extend([ref, until_down(system, ref), ref.actor_stopped, ref.stop(block=False)])
            raise LookupError("no instance")

    with pytest.raises(ActorStartError):
        system.spawn(on(Broken))
    ref, down, event, stopped = known
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED
    assert event.is_set()
    assert stopped.get(timeout=WAIT) is True
    assert ref.state is Lifecycle.STOPPED
    assert system.groups.members("group") == []


def test_mail_of_an_actor_that_cannot_start_is_told(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Broken(Puppet):
        def on_start(self) -> None:
            gate.hold()
            raise LookupError

    ref = system.start(on(Broken))
    asked = ref.ask("asked", block=False)
    gate.reached()
    gate.open()
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)


# -- children --------------------------------------------------------------------------------------------------------------


def grow(system: ActorSystem, on: On, log: list[Any]) -> Any:
    """Spawn a parent with two children, each with two children."""

    class Named(Puppet):
        def on_stop(self) -> None:
            self.log.append(self.path)

    def spawn(name: str, levels: int) -> Any:
        def act(actor: Any) -> None:
            child = spawn_child(actor, on(Named), log, name=name)
            if levels:
                pause_all(child, levels)

        return act

    def pause_all(child: Any, levels: int) -> None:
        for name in ("a", "b"):
            pause(child.ask(spawn(name, levels - 1), block=False))

    root = system.spawn(on(Named), log, name="root")
    for name in ("a", "b"):
        root.ask(spawn(name, 1), timeout=WAIT)
    return root


REVERSE = ["/root/b/b", "/root/b/a", "/root/b", "/root/a/b", "/root/a/a", "/root/a", "/root"]


def test_children_stop_before_parents_in_reverse_start_order(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    root = grow(system, on, log)
    assert len(system.actors()) == 7
    assert root.stop(timeout=WAIT) is True
    assert log == REVERSE
    assert system.actors() == []


def test_the_children_of_a_crashed_actor_stop_gracefully_in_reverse_start_order(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    root = grow(system, on, log)
    down = until_down(system, root)
    root.tell(fail)
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED
    assert log == REVERSE[:-1]


def test_a_kill_kills_the_whole_family(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    root = grow(system, on, log)
    downs = [until_down(system, ref) for ref in system.actors()]
    assert root.kill(timeout=WAIT) is True
    assert {down.get(timeout=WAIT).reason for down in downs} == {DownReason.KILLED}
    assert log == []


def test_a_shutdown_stops_everybody_in_reverse_start_order(on: On) -> None:
    log: list[Any] = []

    class Named(Puppet):
        def on_stop(self) -> None:
            self.log.append(self.path)

    with ActorSystem() as system:
        for name in ("x", "y", "z"):
            system.spawn(on(Named), log, name=name)
        grow(system, on, log)
    assert log == [*REVERSE, "/z", "/y", "/x"]


def test_children_handle_their_mail_before_they_stop(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    parent = system.spawn(on(Puppet))
    child = parent.ask(lambda actor: spawn_child(actor, on(Diary), log), timeout=WAIT)
    with held(child):
        for number in range(3):
            child.tell(number)
        stopped = parent.stop(block=False)
        assert not stopped.done()
    assert stopped.get(timeout=WAIT) is True
    assert log == ["init", "on_start", 0, 1, 2, "on_stop"]


def test_a_child_that_ends_by_itself_leaves_the_family(system: ActorSystem, on: On) -> None:
    parent = system.spawn(on(Puppet))
    children = [parent.ask(lambda actor: spawn_child(actor, on(Puppet)), timeout=WAIT) for _ in range(3)]
    assert parent.ask(lambda actor: actor.children) == tuple(children)
    assert children[1].ask(lambda actor: actor.parent) == parent
    children[1].stop(timeout=WAIT)
    emptied(parent)
    assert parent.ask(lambda actor: actor.children) == (children[0], children[2])


@pytest.mark.parametrize("end", ["stop", "crash", "kill"])
def test_a_system_keeps_nothing_of_an_actor_that_has_ended(system: ActorSystem, on: On, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = system.spawn(on(Puppet), name="gone")
    settle(ref)
    if end == "crash":
        monkeypatch.setattr(logging.getLogger("pykka"), "disabled", True)  # or pytest keeps the record of it, traceback and all
        ref.tell(fail)
    (ref.kill if end == "kill" else ref.stop)(timeout=WAIT)
    cell = weakref.ref(ref._target)
    del ref

    def forgotten() -> bool:
        gc.collect()
        return cell() is None

    eventually(forgotten)


def test_a_worker_that_has_changed_its_handler_keeps_no_actor_that_has_ended(system: ActorSystem) -> None:
    instances: list[Any] = []
    ref = system.spawn(Puppet)
    with held(ref) as gate:  # the worker goes on with the other one on a stack of its own, and comes back to this one
        other = system.spawn(Puppet)
        other.ask(lambda actor: (instances.append(weakref.ref(actor)), gate.open()), timeout=WAIT)
        settle(ref)
        other.stop(timeout=WAIT)

    def forgotten() -> bool:
        gc.collect()
        return instances[0]() is None

    eventually(forgotten)


def test_a_stopping_parent_starts_no_children(system: ActorSystem, on: On) -> None:
    class Late(Puppet):
        def on_stop(self) -> None:
            try:
                spawn_child(self, child_class)
            except ActorDeadError as error:
                self.log.append(error)

    log: list[Any] = []
    child_class = on(Puppet)
    ref = system.spawn(on(Late), log)
    assert ref.stop(timeout=WAIT) is True
    assert len(log) == 1
    assert system.actors() == []
