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
from actors.testing import Fifo, Simulation

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


def test_a_simulated_wait_is_timed_from_the_first_look_at_it() -> None:
    with Simulation(Fifo()) as simulation:
        system = simulation.system
        gate: Future[int] = Future()
        system.spawn(Plain, name="slow").tell(lambda _: gate.get())
        simulation.run()
        seconds = []
        for passed in (0.0, 2.5):
            simulation.advance(passed)
            slow = system.tree().find("/slow")
            assert slow is not None
            seconds += [wait.seconds for wait in slow.waits]
            assert slow.dispatcher == "simulated"
        assert seconds == [0.0, 2.5]
        gate.set(1)


def test_waits_at_channels_and_for_room_are_told_apart(system: ActorSystem) -> None:
    channel: Channel[int] = Channel(1, name="orders")
    receiver = channel.receiver()
    gate: Future[int] = Future()
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
    channel.send(1)


def test_timers_watches_links_and_groups_are_in_the_tree(system: ActorSystem) -> None:
    other = system.spawn(Plain, name="other")

    def set_up(actor: Plain) -> None:
        actor.start_timer("late", 60.0, "late")
        actor.start_periodic_timer("often", 5.0, "often")
        actor.watch(other)
        actor.link(other)

    system.spawn(Plain, name="one").ask(set_up)
    system.groups.join("everyone", other)
    tree = system.tree()
    one, watched = tree.find("/one"), tree.find("/other")
    assert one is not None
    assert watched is not None
    assert [(timer.key, timer.interval) for timer in one.timers] == [("'often'", 5.0), ("'late'", None)]
    assert (one.watching, one.links) == (("/other",), ("/other",))
    assert (watched.watchers, watched.links, watched.groups) == (("/one",), ("/one",), ("everyone",))


def test_without_detail_there_are_counts_only(system: ActorSystem) -> None:
    gate: Future[int] = Future()
    busy = system.spawn(Plain, name="busy")
    busy.tell(lambda _: gate.get())
    busy.tell(lambda _: None)
    parked(system, 1)
    (info,) = system.tree(detail=False).actors
    assert (info.stats.in_progress, info.mailbox.waiting) == (1, 1)
    assert (info.handling, info.waits, info.mailbox.head) == (None, (), ())
    gate.set(1)


class Hostile:
    """A message that nothing good comes of looking at."""

    def __init__(self, gate: Future[int]) -> None:
        self.gate = gate
        self.much = "x" * 10_000_000

    def __repr__(self) -> str:
        raise AssertionError("nobody may call this")

    __str__ = __len__ = __eq__ = __hash__ = __repr__  # type: ignore[assignment]

    def __call__(self, _: Plain) -> int:
        return self.gate.get()


def test_messages_whose_repr_raises_or_is_huge_do_no_harm(system: ActorSystem) -> None:
    gate: Future[int] = Future()
    actor = system.spawn(Plain, name="poor")
    actor.tell(Hostile(gate))
    actor.tell(Hostile(gate))
    parked(system, 1)
    info = system.tree().find("/poor")
    assert info is not None
    assert info.handling is not None
    assert info.handling.type == "Hostile"
    assert all(len(one.text) <= 200 for one in (info.handling, *info.mailbox.head))
    gate.set(1)


def test_json_comes_back_as_the_same_tree(system: ActorSystem) -> None:
    gate: Future[int] = Future()
    system.spawn(Family, name="family")
    system.spawn(Plain, name="slow").tell(lambda _: gate.get())
    parked(system, 1)
    tree = system.tree()
    assert Tree.from_json(tree.json()) == tree
    gate.set(1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "actors": [{"parent": 5}]}', "null"])
def test_what_is_no_tree_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the JSON of a tree"):
        Tree.from_json(text)


def test_a_difference_tells_who_came_and_went_restarted_and_worked(system: ActorSystem) -> None:
    stays, goes, again = (system.spawn(Plain, name=name) for name in ("stays", "goes", "again"))
    system.spawn(Plain, name="rests")
    before = system.tree()
    assert not before.difference(system.tree())
    goes.stop()
    again.restart()
    system.spawn(Plain, name="new")
    stays.ask(lambda _: 1)
    found = before.difference(system.tree())
    assert found
    assert [info.path for info in found.started] == ["/new"]
    assert [info.path for info in found.ended] == ["/goes"]
    assert [after.path for _, after in found.restarted] == ["/again"]
    assert [after.path for _, after in found.changed] == ["/stays"]
    assert [line[:6] for line in found.text().splitlines()] == ["+ /new", "- /goe", "! /aga", "~ /sta"]


def test_pictures_name_every_actor_and_count_what_they_leave_out(system: ActorSystem) -> None:
    system.spawn(Family, name="family")
    for number in range(5):
        system.spawn(Plain, name=f"one{number}")
    tree = system.tree()
    for picture in (tree.text(), tree.mermaid(), tree.svg()):
        assert all(f"one{number}" in picture for number in range(5))
        assert "second" in picture
    assert "… 2 more" in tree.text(depth=1)
    assert "… 4 more" in tree.mermaid(limit=2)
    assert "… 4 more" in tree.svg(limit=2)
    assert max(map(len, tree.text(width=30).splitlines())) == 30
    assert "\x1b[" in tree.text(color=True)
    assert "\x1b[" not in tree.text()
    ET.fromstring(tree.svg())  # our own


def test_actors_come_and_go_while_others_look(system: ActorSystem) -> None:
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            refs: list[ActorRef[Plain]] = [system.start(Plain) for _ in range(20)]
            for ref in refs:
                ref.tell(lambda actor: actor.spawn(Plain))
            for ref in refs:
                ref.kill()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(200):
            tree = system.tree()
            assert len({info.uid for info in tree.walk()}) == tree.count
    finally:
        over.set()
        thread.join()
