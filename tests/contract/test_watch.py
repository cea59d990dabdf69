"""Life: `watch` always answers, exactly once."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors import ActorSystem, DispatcherKind, Down, DownReason
from tests.contract.conftest import On
from tests.contract.kit import EVERY_KIND, WAIT, Gate, Puppet, emptied, eventually, held, settle, spawn_child, under, until_down
from tests.support import scaled


def watch(target: Any) -> Any:
    return lambda actor: actor.watch(target)


def unwatch(target: Any) -> Any:
    return lambda actor: actor.unwatch(target)


def crash(_: Any) -> None:
    raise LookupError("crashed")


def test_a_stop_is_told(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    ref.stop(timeout=WAIT)
    settle(watcher)
    assert log == [Down(ref, DownReason.STOPPED)]


def test_a_crash_is_told_with_its_error(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    ref.tell(crash)
    eventually(lambda: log)
    assert (log[0].ref, log[0].reason, repr(log[0].error)) == (ref, DownReason.CRASHED, "LookupError('crashed')")


def test_a_kill_is_told(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    ref.kill(timeout=WAIT)
    settle(watcher)
    assert log == [Down(ref, DownReason.KILLED)]


def test_watching_a_dead_actor_is_answered_at_once(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    ref.stop(timeout=WAIT)
    watcher.ask(watch(ref))
    settle(watcher)
    assert log == [Down(ref, DownReason.NOT_FOUND)]


def test_each_of_many_watchers_is_told_once(system: ActorSystem, on: On) -> None:
    logs: list[list[Any]] = [[] for _ in range(5)]
    watchers = [system.spawn(on(Puppet), log) for log in logs]
    ref = system.spawn(on(Puppet))
    for watcher in watchers:
        watcher.ask(watch(ref))
    ref.stop(timeout=WAIT)
    for watcher in watchers:
        settle(watcher)
    assert logs == [[Down(ref, DownReason.STOPPED)]] * 5


def test_watching_twice_is_watching_once(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    watcher.ask(watch(ref))
    ref.stop(timeout=WAIT)
    settle(watcher)
    assert log == [Down(ref, DownReason.STOPPED)]


def test_down_comes_after_on_stop(system: ActorSystem, on: On) -> None:
    gate = Gate()

    class Slow(Puppet):
        def on_stop(self) -> None:
            gate.hold()

    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Slow))
    watcher.ask(watch(ref))
    stopped = ref.stop(block=False)
    gate.reached()
    settle(watcher)
    early = list(log)
    gate.open()
    assert stopped.get(timeout=WAIT)
    settle(watcher)
    assert early == []
    assert log == [Down(ref, DownReason.STOPPED)]


@pytest.mark.parametrize("dying", EVERY_KIND, ids=lambda kind: f"{kind.value} dies")
def test_down_comes_after_every_message_of_the_dead_actor(system: ActorSystem, on: On, dying: DispatcherKind) -> None:
    def last_words(count: int, actor: Any) -> None:
        for number in range(count):
            watcher.tell(number)
        if count % 2:
            actor.stop()
        else:
            raise LookupError

    log: list[Any] = []
    watcher = system.spawn(on(Puppet), log)
    dying_class = under(dying, Puppet)
    for count in range(scaled(500, 30)):
        log.clear()
        ref = system.spawn(dying_class)
        watcher.ask(watch(ref))
        ref.tell(partial(last_words, count).__call__)
        eventually(lambda: log and isinstance(log[-1], Down))
        assert log[:-1] == list(range(count))


def test_unwatch_ends_the_watch(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    watcher.ask(unwatch(ref))
    ref.stop(timeout=WAIT)
    settle(watcher)
    assert log == []


def test_unwatch_purges_a_down_that_waits(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    with held(watcher):
        watcher.tell(unwatch(ref))
        ref.stop(timeout=WAIT)
    emptied(watcher)
    assert log == []


def test_after_a_purge_the_watch_can_begin_anew(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher, ref = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    with held(watcher):
        watcher.tell(unwatch(ref))
        watcher.tell(watch(ref))
        ref.stop(timeout=WAIT)
    settle(watcher)
    emptied(watcher)
    assert log == [Down(ref, DownReason.NOT_FOUND)]


def test_a_stashed_down_comes_back_once(system: ActorSystem, on: On) -> None:
    class Stasher(Puppet):
        stashed = False

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Down) and not self.stashed:
                self.stashed = True
                return self.stash()
            return super().on_receive(message)

    log: list[Any] = []
    watcher, ref = system.spawn(on(Stasher), log), system.spawn(on(Puppet))
    watcher.ask(watch(ref))
    ref.stop(timeout=WAIT)
    settle(watcher)
    assert log == []
    watcher.ask(lambda actor: actor.unstash())
    settle(watcher)
    assert log == [Down(ref, DownReason.STOPPED)]


@pytest.mark.long
def test_a_watch_that_races_with_the_end_is_answered_exactly_once(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    watcher = system.spawn(on(Puppet), log)
    actor_class = on(Puppet)
    for number in range(scaled(5_000, 150)):
        log.clear()
        ref = system.spawn(actor_class)
        ended = ref.stop(block=False) if number % 2 else ref.kill(block=False)
        watcher.tell(watch(ref))
        assert ended.get(timeout=WAIT) is True
        settle(watcher)  # behind the watch
        settle(watcher)  # behind its Down, if that was posted by the watch itself
        assert [down.ref for down in log] == [ref]


def test_an_actor_may_watch_across_dispatchers_and_be_watched_by_its_child(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    parent = system.spawn(on(Puppet))
    child = parent.ask(lambda actor: _spawn(actor, on(Puppet), log), timeout=WAIT)
    child.ask(watch(parent))
    down = until_down(system, parent)
    parent.stop(timeout=WAIT)
    assert down.get(timeout=WAIT).reason is DownReason.STOPPED
    assert not child.is_alive()


def _spawn(actor: Any, actor_class: type[Any], log: list[Any]) -> Any:
    return spawn_child(actor, actor_class, log)


def test_only_a_ref_of_ours_can_be_watched(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with pytest.raises(TypeError, match="ref"):
        ref.ask(watch("no ref"))
