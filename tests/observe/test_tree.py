"""All actors of a system as data: what `ActorSystem.tree` sees, and what can be made of it."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, Bounded, Future, Lifecycle, Overflow, SystemConfig
from actors.channels import Channel
from actors.snapshots.records import WaitKind
from actors.snapshots.tree import Tree
from actors.testing import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors import ActorRef


class Plain(Actor):
    """Does what it is sent."""

    def on_receive(self, message: Callable[[Plain], Any]) -> Any:
        return message(self)


class Family(Actor):
    """Has two children."""

    def on_start(self) -> None:
        self.spawn(Plain, name="first")
        self.spawn(Plain, name="second")


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("shop", config=SystemConfig(tracing=True)) as made:
        yield made


def parked(system: ActorSystem, count: int) -> None:
    """Return once so many handlers wait."""
    while system.stats().parked < count:
        threading.Event().wait(0.001)


def test_the_tree_has_every_actor_at_its_place(system: ActorSystem) -> None:
    system.spawn(Family, name="family")
    system.spawn(Plain)
    tree = system.tree()
    assert [info.path for info in tree.walk()] == ["/family", "/family/first", "/family/second", "/$4"]
    assert tree.count == 4
    assert tree.system == "shop"
    found = tree.find("/family/second")
    assert found is not None
    assert (found.name, found.actor_class, found.state, found.incarnation) == ("second", "Plain", Lifecycle.RUNNING, 1)
    assert tree.find("/family/third") is None
    assert tree.find("/nobody") is None


def test_an_actor_that_waits_for_another_says_so(system: ActorSystem) -> None:
    gate: Future[int] = Future()
    slow = system.spawn(Plain, name="slow")
    asker = system.spawn(Plain, name="asker")
    slow.tell(lambda _: gate.get())
    asker.tell(lambda _: slow.ask(lambda _: 1, timeout=60))
    parked(system, 2)
    tree = system.tree()
    waiter, waited = tree.find("/asker"), tree.find("/slow")
    assert waiter is not None
    assert waited is not None
    (wait,) = waiter.waits
    assert (wait.kind, wait.on, wait.finite) == (WaitKind.ANSWER, "/slow", True)
    assert [one.kind for one in waited.waits] == [WaitKind.FUTURE]
    assert waited.handling is not None
    assert waited.mailbox.waiting == 1
    assert waited.mailbox.head[0].asked
    assert waited.mailbox.head[0].sender == "/asker"
    assert waited.mailbox.head[0].correlation is not None
    gate.set(1)


def test_a_wait_is_timed_from_the_first_look_at_it() -> None:
    async def scenario(sim: Any) -> None:
        gate: Future[int] = Future()
        sim.system.spawn(Plain, name="slow").tell(lambda _: gate.get())
        sim.advance(1.0)
        first, = sim.system.tree().find("/slow").waits
        sim.advance(2.5)
        second, = sim.system.tree().find("/slow").waits
        assert (first.seconds, second.seconds) == (0.0, 2.5)
        gate.set(1)

    del scenario


def test_waits_at_channels_and_for_room_are_told_apart(system: ActorSystem) -> None:
    channel: Channel[int] = Channel(1, name="orders")
    gate: Future[int] = Future()
    receiver = channel.receiver
    full = system.spawn(Plain, name="full", mailbox=Bounded(1, Overflow.BLOCK))
    full.tell(lambda _: gate.get())
    parked(system, 1)
    full.tell(lambda _: None)
    system.spawn(Plain, name="takes").tell(lambda _: receiver.receive())
    system.spawn(Plain, name="puts").tell(lambda _: full.tell(lambda _: None))
    parked(system, 3)
    tree = system.tree()
    takes, puts, crowded = tree.find("/takes"), tree.find("/puts"), tree.find("/full")
    assert takes is not None
    assert puts is not None
    assert crowded is not None
    assert [(wait.kind, wait.on) for wait in takes.waits] == [(WaitKind.CHANNEL, "receiver of orders")]
    assert [(wait.kind, wait.on) for wait in puts.waits] == [(WaitKind.ROOM, "/full")]
    assert (crowded.mailbox.kind, crowded.mailbox.capacity, crowded.mailbox.waiting) == ("bounded", 1, 1)
    gate.set(1)
    channel.sender.send(1)
