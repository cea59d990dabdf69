"""Addresses: what travels of a ref, and the way back to it."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorError,
    ActorRef,
    ActorSystem,
    CodecError,
    Down,
    DownReason,
    Lifecycle,
    SystemConfig,
)
from actors.testing import Simulation, explore
from actors.wire import RefAddress
from actors.wire.codec import Codec
from tests.contract.kit import WAIT, in_threads


class Parent(Actor):
    """Spawns a child of its own for each name, tells of Downs, and crashes if it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.downs: list[Down] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case Down():
                self.downs.append(message)
            case ActorRef():
                self.watch(message)
            case "downs":
                return tuple(self.downs)
            case ("spawn", name):
                return self.spawn(Parent, name=name)
        return None


@pytest.fixture(params=["real", "simulated"])
def system(request: pytest.FixtureRequest) -> Iterator[ActorSystem]:
    """A system, also under simulation."""
    if request.param == "simulated":
        with Simulation() as sim:
            yield sim.new_system("shop")
        return
    with ActorSystem("shop") as made:
        yield made


def resolve(system: ActorSystem, address: RefAddress) -> ActorRef[Any]:
    """Return what the codec of `system` makes of an address."""
    find = system.codec.refs
    assert find is not None
    return find(address)


def tombstone(system: ActorSystem, path: str = "/gone", uid: int = 1000) -> ActorRef[Any]:
    """Return the ref of an actor of which nothing is left."""
    return resolve(system, RefAddress(system.name, system._runtime.identity, path, uid))


def test_an_address_says_system_path_and_uid(system: ActorSystem) -> None:
    ref = system.spawn(Parent, name="parent")
    child = ref.ask(("spawn", "child"), timeout=WAIT)
    address = child.address
    assert (address.system, address.path, address.uid) == ("shop", "/parent/child", child.uid)
    assert address == child.address
    assert address.system_id == ref.address.system_id


def test_an_address_cannot_be_changed(system: ActorSystem) -> None:
    address = system.spawn(Parent).address
    with pytest.raises(dataclasses.FrozenInstanceError):
        address.uid = 2  # type: ignore[misc]
    assert not hasattr(address, "__dict__")


def test_the_identity_of_a_system_is_another_one_in_each_system_and_run() -> None:
    identities = set()
    for _ in range(3):
        with ActorSystem("shop") as one, ActorSystem("shop") as other:
            identities |= {made.spawn(Parent).address.system_id for made in (one, other)}
    assert len(identities) == 6


def test_who_asks_for_the_identity_at_once_gets_one_and_the_same() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Parent)
        found: list[str] = []
        in_threads([lambda: found.append(ref.address.system_id) for _ in range(8)])
        assert len(set(found)) == 1


@pytest.mark.parametrize("name", ["named", None])
def test_the_address_of_a_living_actor_leads_back_to_its_ref(system: ActorSystem, name: str | None) -> None:
    ref = system.spawn(Parent, name=name)
    child = ref.ask(("spawn", name), timeout=WAIT)
    for one in (ref, child):
        found = resolve(system, one.address)
        assert found == one
        assert hash(found) == hash(one)
        assert found.is_alive()
        assert resolve(system, RefAddress("shop", one.address.system_id, one.path, one.uid)) == one


def test_a_ref_goes_through_the_codec_of_its_system(system: ActorSystem) -> None:
    ref = system.spawn(Parent)
    assert system.codec.decode(system.codec.encode(ref)) == ref


def test_a_restarted_actor_keeps_its_address(system: ActorSystem) -> None:
    ref = system.spawn(Parent)
    address = ref.address
    assert ref.restart(timeout=WAIT) is True
    assert ref.address == address
    assert resolve(system, address) == ref


def test_the_address_of_an_actor_that_has_ended_leads_back_to_its_ref_while_somebody_holds_it(system: ActorSystem) -> None:
    ref = system.spawn(Parent, name="parent")
    address = ref.address
    ref.stop(timeout=WAIT)
    assert resolve(system, address) == ref
    successor = system.spawn(Parent, name="parent")
    assert resolve(system, address) == ref != successor
    assert resolve(system, successor.address) == successor


def test_of_an_actor_that_nobody_holds_any_more_comes_a_ref_as_dead_as_it_is(system: ActorSystem) -> None:
    address = system.spawn(Parent, name="parent").address
    ended = system.lookup("/parent")
    assert ended is not None
    ended.stop(timeout=WAIT)
    del ended
    gc.collect()
    ref = resolve(system, address)
    assert not ref.is_alive()
    assert ref.address == address


def test_a_tombstone_has_path_name_and_uid_of_its_address(system: ActorSystem) -> None:
    ref = tombstone(system, "/parent/$7/child", 8)
    assert (ref.path, ref.name, ref.uid) == ("/parent/$7/child", "child", 8)
    assert "/parent/$7/child" in str(ref)
    assert "/parent/$7/child" in repr(ref)


def test_a_tombstone_takes_no_message(system: ActorSystem) -> None:
    ref = tombstone(system)
    message = ["thing"]
    assert (ref.is_alive(), ref.state) == (False, Lifecycle.STOPPED)
    with pytest.raises(ActorDeadError) as caught:
        ref.tell(message)
    assert caught.value.message is message
    with pytest.raises(ActorDeadError):
        ref.ask(message, timeout=WAIT)
    assert isinstance(ref.ask(message, block=False).exception(timeout=WAIT), ActorDeadError)
    with pytest.raises(ActorDeadError):
        ref.proxy()


def test_a_tombstone_has_nothing_left_to_end(system: ActorSystem) -> None:
    ref = tombstone(system)
    assert [end(timeout=WAIT) for end in (ref.stop, ref.kill, ref.restart)] == [False, False, False]
    assert ref.actor_stopped.is_set()
    assert ref.stats().accepted == 0
    assert ref.actor_class is Actor


def test_whoever_watches_a_tombstone_is_told_once_that_nobody_is_there(system: ActorSystem) -> None:
    ref = tombstone(system)
    watcher = system.spawn(Parent)
    watcher.ask(ref, timeout=WAIT)
    watcher.ask("behind the Down", timeout=WAIT)
    assert [(down.ref, down.reason) for down in watcher.ask("downs", timeout=WAIT)] == [(ref, DownReason.NOT_FOUND)]


def test_tombstones_of_one_address_are_equal_and_of_two_are_not(system: ActorSystem) -> None:
    ref = tombstone(system)
    assert (tombstone(system), hash(tombstone(system))) == (ref, hash(ref))
    assert tombstone(system, uid=1001) != ref
    assert tombstone(system, "/other") != ref


def test_who_resolves_one_address_at_once_gets_equal_refs() -> None:
    with ActorSystem() as system:
        address = dataclasses.replace(system.spawn(Parent).address, path="/gone", uid=1000)
        found: list[ActorRef[Any]] = []
        in_threads([lambda: found.append(resolve(system, address)) for _ in range(8)])
        assert len(set(found)) == 1


def test_a_living_actor_is_not_found_under_the_uid_of_another(system: ActorSystem) -> None:
    ref = system.spawn(Parent, name="parent")
    found = resolve(system, dataclasses.replace(ref.address, uid=ref.uid + 1))
    assert found != ref
    assert not found.is_alive()


def test_the_ref_of_another_system_is_refused_and_says_whose_it_is(system: ActorSystem) -> None:
    address = dataclasses.replace(system.spawn(Parent).address, system="bank", system_id="elsewhere")
    with pytest.raises(CodecError, match="'bank'") as caught:
        resolve(system, address)
    assert "elsewhere" in caught.value.why
    assert "Codec(refs=" in caught.value.why


def test_for_actors_of_other_systems_the_refs_of_the_configs_codec_are_asked() -> None:
    with ActorSystem("near") as near, ActorSystem("far", config=SystemConfig(codec=near.codec)) as far:
        here, there = near.spawn(Parent), far.spawn(Parent)
        assert far.codec.decode(far.codec.encode([here, there])) == [here, there]
        with pytest.raises(CodecError, match="'far'"):
            near.codec.decode(near.codec.encode(there))


@pytest.mark.parametrize(
    "path", ["", "/", "gone", "/gone/", "//gone", "/go ne", "/$0", "/$01", "/$" + "9" * 5000, "/" + "a" * 129, "/gone\n", 5, None]
)
def test_a_path_that_no_actor_can_have_is_refused(system: ActorSystem, path: Any) -> None:
    with pytest.raises(CodecError, match="path="):
        tombstone(system, path)


@pytest.mark.parametrize("uid", [0, -1, True, 1.0, "1", None, 1 << 63])
def test_a_uid_that_no_actor_can_have_is_refused(system: ActorSystem, uid: Any) -> None:
    with pytest.raises(CodecError, match="uid="):
        tombstone(system, uid=uid)


def test_an_actor_that_is_not_started_has_no_address() -> None:
    class Builder(Actor):
        def on_receive(self, _: Any) -> Any:
            ref = Parent().actor_ref
            try:
                return str(ref.address)
            except ActorError as error:
                return f"refused: {error}"
            finally:
                ref.stop(block=False)

    with ActorSystem() as system:
        assert "no address before it is started" in system.spawn(Builder).ask("build", timeout=WAIT)


def test_the_codec_of_a_system_is_made_once_of_that_in_its_config() -> None:
    codec = Codec()
    with ActorSystem(config=SystemConfig(codec=codec)) as system:
        found: list[Any] = []
        in_threads([lambda: found.append(system.codec) for _ in range(8)])
        assert all(one is found[0] for one in found)
        assert system.codec.registry is codec.registry
        assert codec.refs is None
    with ActorSystem() as system:
        assert isinstance(system.codec, Codec)


def test_whether_an_address_leads_to_a_living_actor_depends_on_the_order_of_events() -> None:
    outcomes = set()

    class Finder(Actor):
        def __init__(self, address: RefAddress) -> None:
            super().__init__()
            self.address = address

        def on_receive(self, _: Any) -> None:
            outcomes.add(resolve(self.system, self.address).is_alive())

    def scenario(sim: Simulation) -> None:
        ref = sim.spawn(Parent, name="parent")
        finder = sim.spawn(Finder, ref.address)
        finder.tell("look")
        ref.stop(block=False)
        sim.run()

    explore(scenario, strategy="exhaustive")
    assert outcomes == {True, False}
