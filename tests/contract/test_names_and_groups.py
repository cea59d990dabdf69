"""Life: names, paths, lookup, groups, and refs as addresses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorDeadError, ActorSystem, InvalidNameError, NameTakenError
from actors.events import ActorStopped
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Puppet, held, in_threads, settle, spawn_child, until_down

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+@"


def test_a_name_belongs_to_one_living_sibling(system: ActorSystem, on: On) -> None:
    system.spawn(on(Puppet), name="name")
    with pytest.raises(NameTakenError) as caught:
        system.spawn(on(Puppet), name="name")
    assert caught.value.name == "name"
    assert len(system.actors()) == 1


def test_a_name_belongs_to_one_living_child(system: ActorSystem, on: On) -> None:
    def spawn_twice(actor: Any) -> str:
        spawn_child(actor, child_class, name="name")
        with pytest.raises(NameTakenError) as caught:
            spawn_child(actor, child_class, name="name")
        return str(caught.value)

    child_class = on(Puppet)
    parent = system.spawn(on(Puppet), name="parent")
    assert "/parent" in parent.ask(spawn_twice, timeout=WAIT)


def test_the_same_name_is_free_under_another_parent(system: ActorSystem, on: On) -> None:
    for parent in ("a", "b"):
        ref = system.spawn(on(Puppet), name=parent)
        child = ref.ask(lambda actor: spawn_child(actor, on(Puppet), name="name"), timeout=WAIT)
        assert child.path == f"/{parent}/name"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_name_is_free_again_after_the_end_and_the_old_ref_stays_dead(system: ActorSystem, on: On, end: str) -> None:
    old = system.spawn(on(Puppet), name="name")
    getattr(old, end)(timeout=WAIT)
    new = system.spawn(on(Puppet), name="name")
    assert old.path == new.path
    assert old != new
    assert old.uid != new.uid
    assert len({old, new}) == 2
    with pytest.raises(ActorDeadError):
        old.tell("not redirected")


def test_a_name_is_free_when_down_has_come(system: ActorSystem, on: On) -> None:
    for _ in range(20):
        ref = system.spawn(on(Puppet), name="name")
        down = until_down(system, ref)
        ref.stop(block=False)
        down.get(timeout=WAIT)


def test_a_name_is_free_when_the_end_is_published(system: ActorSystem, on: On) -> None:
    taken: list[Any] = []

    def again(_: ActorStopped) -> None:
        if not taken:
            taken.append(system.lookup("/name"))
            in_threads([lambda: taken.append(system.spawn(Puppet, name="name"))])

    system.events.subscribe(ActorStopped, again)
    ref = system.spawn(on(Puppet), name="name")
    ref.stop(timeout=WAIT)
    assert taken[0] is None
    assert taken[1].path == "/name"
    assert system.actors() == [taken[1]]


@pytest.mark.parametrize("name", ["", " ", "a/b", "/", "$1", "a b", "é", "a\n", "a" * 129, 7, b"bytes", ("a",)])
def test_a_malformed_name_is_refused(system: ActorSystem, name: Any) -> None:
    with pytest.raises(InvalidNameError) as caught:
        system.spawn(Puppet, name=name)
    assert caught.value.name == name
    assert system.actors() == []


@given(st.one_of(st.text(ALPHABET, min_size=1, max_size=128), st.text(max_size=5)))
def test_a_name_is_taken_or_refused_by_its_letters_alone(name: str) -> None:
    with ActorSystem() as system:
        if name and len(name) <= 128 and set(name) <= set(ALPHABET):
            ref = system.spawn(Puppet, name=name)
            assert (ref.name, ref.path) == (name, f"/{name}")
            assert system.lookup(f"/{name}") == ref
        else:
            with pytest.raises(InvalidNameError):
                system.spawn(Puppet, name=name)


def test_lookup_finds_living_actors_by_path(system: ActorSystem, on: On) -> None:
    parent = system.spawn(on(Puppet), name="parent")
    child = parent.ask(lambda actor: spawn_child(actor, on(Puppet), name="child"), timeout=WAIT)
    assert system.lookup("/parent") == parent
    assert system.lookup("/parent/child") == child
    assert child.path == "/parent/child"
    for missing in ("/nobody", "/parent/nobody", "/child", "/parent/child/nobody"):
        assert system.lookup(missing) is None
    parent.stop(timeout=WAIT)
    assert system.lookup("/parent/child") is None


def test_an_unnamed_actor_has_a_path_that_finds_it(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    child = ref.ask(lambda actor: spawn_child(actor, on(Puppet)), timeout=WAIT)
    assert system.lookup(ref.path) == ref
    assert system.lookup(child.path) == child
    assert child.path.startswith(ref.path + "/")


@pytest.mark.parametrize("path", ["relative", "", None, 7])
def test_a_path_is_absolute(system: ActorSystem, path: Any) -> None:
    with pytest.raises(ValueError, match="path"):
        system.lookup(path)


def test_actors_lists_the_living_in_start_order(system: ActorSystem, on: On) -> None:
    refs = [system.spawn(on(Puppet)) for _ in range(5)]
    refs.append(refs[2].ask(lambda actor: spawn_child(actor, on(Puppet)), timeout=WAIT))
    refs.append(system.spawn(on(Puppet)))
    refs.pop(1).stop(timeout=WAIT)
    assert system.actors() == refs


def test_refs_are_equal_by_address(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet), name="name")
    again = system.lookup("/name")
    own = ref.ask(lambda actor: actor.actor_ref)
    assert ref == again == own
    assert len({ref, again, own}) == 1
    with ActorSystem() as other:
        assert other.spawn(on(Puppet), name="name") != ref


def test_a_group_has_its_members_in_the_order_they_joined(system: ActorSystem, on: On) -> None:
    refs = [system.spawn(on(Puppet)) for _ in range(4)]
    for ref in (refs[2], refs[0], refs[3], refs[0]):
        system.groups.join("group", ref)
    assert system.groups.members("group") == [refs[2], refs[0], refs[3]]
    assert system.groups.members("unknown") == []


def test_a_member_may_leave_and_the_group_ends_with_its_last(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    for name in ("one", "two"):
        system.groups.join(name, ref)
    system.groups.leave("one", ref)
    system.groups.leave("one", ref)
    system.groups.leave("unknown", ref)
    assert system.groups.members("one") == []
    assert system.groups.members("two") == [ref]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_actor_leaves_its_groups_when_it_ends(system: ActorSystem, on: On, end: str) -> None:
    ending, staying = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    for name in ("one", "two"):
        system.groups.join(name, ending)
        system.groups.join(name, staying)
    getattr(ending, end)(timeout=WAIT)
    assert system.groups.members("one") == system.groups.members("two") == [staying]


def test_a_dead_actor_joins_no_group(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    ref.stop(timeout=WAIT)
    system.groups.join("group", ref)
    assert system.groups.members("group") == []


def test_broadcast_tells_every_member_and_passes_over_the_dead(system: ActorSystem, on: On) -> None:
    logs: list[list[Any]] = [[] for _ in range(3)]
    refs = [system.spawn(on(Puppet), log) for log in logs]
    for ref in refs:
        system.groups.join("group", ref)
    assert system.groups.broadcast("group", "one") == 3
    with held(refs[1]):
        stopped = refs[0].stop(block=False)
        assert stopped.get(timeout=WAIT)
        assert system.groups.broadcast("group", "two") == 2
    for ref in refs[1:]:
        settle(ref)
    assert logs == [["one"], ["one", "two"], ["one", "two"]]
    assert system.groups.broadcast("unknown", "nothing") == 0
