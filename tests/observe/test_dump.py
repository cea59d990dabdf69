"""What everything is at: `dump`, its stacks, and the graph of waits."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, DispatcherKind, Future
from actors.channels import Channel
from actors.observe import ForeignActorError, Position, WaitKind, dump, inspect
from actors.snapshots.taking import copied
from actors.testing import Fifo, Simulation
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors import ActorRef


class Plain(Actor):
    """Does what it is sent."""

    def on_receive(self, message: Callable[[Plain], Any]) -> Any:
        return message(self)


class Waits(Actor):
    """Waits for a future in a function of its own."""

    def on_receive(self, message: Future[int]) -> int:
        return self.wait_here(message)

    def wait_here(self, future: Future[int]) -> int:
        return future.get()


class Coroutine(Actor):
    """Awaits what it is sent."""

    async def on_receive(self, message: Any) -> int:
        return await self.inner(message)

    async def inner(self, message: Any) -> int:
        return await message


class Threaded(Waits, dispatcher=DispatcherKind.THREAD):
    """Waits on a thread of its own."""


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem() as made:
        yield made


def until(done: Callable[[], bool]) -> None:
    while not done():
        threading.Event().wait(0.001)


def waits(system: ActorSystem, path: str) -> bool:
    info = system.tree().find(path)
    return info is not None and any(wait.kind is not WaitKind.FOREIGN for wait in info.waits)


@pytest.mark.parametrize("kind", [Waits, Threaded])
def test_the_stack_of_a_waiting_handler_is_its_own_code(system: ActorSystem, kind: type[Actor]) -> None:
    gate: Future[int] = Future()
    system.spawn(kind, name="one").tell(gate)
    until(lambda: waits(system, "/one"))
    found = dump(system).actor("/one")
    assert found.position is Position.PARKED
    assert [frame.function for frame in found.stack] == ["Waits.on_receive", "Waits.wait_here"]
    assert found.stack[-1].code == "return future.get()"
    assert found.stack[-1].file == __file__
    gate.set(1)


def test_the_stack_of_a_coroutine_is_what_it_awaits(system: ActorSystem) -> None:
    gate: Future[int] = Future()
    system.spawn(Coroutine, name="one").tell(gate)
    until(lambda: waits(system, "/one"))
    found = dump(system).actor("/one")
    assert found.position is Position.AWAITING
    assert [frame.function for frame in found.stack][:2] == ["Coroutine.on_receive", "Coroutine.inner"]
    gate.set(1)


def test_the_stack_of_a_handler_that_runs_is_found_on_its_thread(system: ActorSystem) -> None:
    begun, gate = threading.Event(), threading.Event()

    def blocks(_: Plain) -> None:
        begun.set()
        gate.wait()

    system.spawn(Plain, name="one").tell(blocks)
    begun.wait()
    found = dump(system).actor("/one")
    assert found.position is Position.RUNNING
    assert [frame.function.rpartition(".")[2] for frame in found.stack][:2] == ["on_receive", "blocks"]
    gate.set()


def test_the_position_of_a_coroutine_that_blocks_its_loop_is_running(system: ActorSystem) -> None:
    begun, gate = threading.Event(), threading.Event()

    class Blocks(Actor):
        async def on_receive(self, message: object) -> None:
            del message
            begun.set()
            gate.wait()

    system.spawn(Blocks, name="one").tell("go")
    begun.wait()
    found = dump(system).actor("/one")
    assert found.position is Position.RUNNING
    assert "gate.wait()" in [frame.code for frame in found.stack]
    gate.set()


def test_an_idle_actor_has_no_stack(system: ActorSystem) -> None:
    system.spawn(Plain, name="idle").ask(lambda _: 1)
    until(lambda: dump(system).actor("/idle").position is Position.IDLE)
    assert dump(system).actor("/idle").stack == ()


def test_a_cycle_of_finite_waits_is_marked(system: ActorSystem) -> None:
    first, second = (system.spawn(Plain, name=name) for name in ("first", "second"))

    def asks(other: ActorRef[Any], gate: Future[int]) -> Callable[[Plain], Any]:
        def handler(_: Plain) -> Any:
            gate.get()
            return other.ask(lambda _: 1, timeout=60)

        return handler

    gate: Future[int] = Future()
    first.tell(asks(second, gate))
    second.tell(asks(first, gate))
    until(lambda: system.stats().parked == 2)
    gate.set(1)
    until(lambda: bool(dump(system).waits.cycles))
    graph = dump(system).waits
    assert {(edge.waiter, edge.on, edge.kind, edge.finite) for edge in graph.edges} == {
        ("/first", "/second", WaitKind.ANSWER, True),
        ("/second", "/first", WaitKind.ANSWER, True),
    }
    ((begin, middle, end),) = graph.cycles
    assert begin == end
    assert {begin, middle} == {"/first", "/second"}
    assert "cycle: " in graph.text()
    assert graph.mermaid().count(":::changing") == 2
    first.kill()
    second.kill()


def test_many_parked_handlers_are_all_seen(system: ActorSystem) -> None:
    idle, parked = scaled(90_000, 1_800), scaled(10_000, 200)
    gate: Future[int] = Future()
    refs = [system.start(Waits) for _ in range(parked)]
    for _ in range(idle):
        system.start(Plain)
    for ref in refs:
        ref.tell(gate)
    until(lambda: system.stats().parked == parked)
    found = dump(system)
    counted = [one for one in found.systems[0].actors if one.position is Position.PARKED]
    assert len(counted) == parked
    assert {tuple(frame.function for frame in one.stack) for one in counted} == {("Waits.on_receive", "Waits.wait_here")}
    assert len(found.waits.edges) == parked
    assert f"… {parked - 5:,} more of them here" in found.text()
    gate.set(1)


def test_dumps_under_load_are_whole(system: ActorSystem) -> None:
    echo = system.spawn(Plain, name="echo")
    over = threading.Event()

    def again(actor: Plain) -> None:
        echo.ask(lambda _: 1)
        if not over.is_set():
            actor.actor_ref.tell(again)

    for _ in range(10):
        system.spawn(Plain).tell(again)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(scaled(5_000, 100)):
            for one in dump(system).systems[0].actors:
                assert all("/_core/" not in frame.file for frame in one.stack[:1])
    finally:
        sys.setswitchinterval(before)
        over.set()


def test_a_simulated_handler_that_waits_is_seen() -> None:
    with Simulation(Fifo()) as simulation:
        gate: Future[int] = Future()
        simulation.system.spawn(Waits, name="one").tell(gate)
        simulation.run()
        found = dump(simulation.system).actor("/one")
        assert found.position is Position.PARKED
        assert [frame.function for frame in found.stack] == ["Waits.on_receive", "Waits.wait_here"]
        gate.set(1)


def test_the_text_goes_to_a_file_and_names_the_threads(system: ActorSystem) -> None:
    out = io.StringIO()
    found = dump(system, file=out)
    assert out.getvalue() == found.text()
    assert "MainThread" in out.getvalue()
    assert dump(system, stacks=False).threads == ()


def test_nonsense_is_refused(system: ActorSystem) -> None:
    with pytest.raises(TypeError, match="target="):
        dump("system")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        dump(system).actor("/nobody")
    with pytest.raises(ForeignActorError):
        inspect("an actor")  # type: ignore[arg-type]


def test_a_dead_actor_is_inspected(system: ActorSystem) -> None:
    ref = system.spawn(Plain, name="gone")
    assert inspect(ref).path == "/gone"
    ref.stop()
    assert inspect(ref).state.value == "stopped"


async def _awaited() -> None:
    async with ActorSystem() as system:
        gate: Future[int] = Future()
        ref = await system.spawn_async(Coroutine, name="one")
        ref.tell(gate)
        while not waits(system, "/one"):  # noqa: ASYNC110  # what happens meanwhile sets no event
            await asyncio.sleep(0)  # what happens meanwhile sets no event
        assert dump(system).actor("/one").position is Position.AWAITING
        gate.set(1)


def test_actors_on_the_callers_own_loop_are_seen() -> None:
    asyncio.run(_awaited())


class Reentrant(Coroutine, reentrant=True):
    """Takes messages while its handlers wait."""


def test_a_reentrant_actor_shows_its_oldest_handler(system: ActorSystem) -> None:
    gates: list[Future[int]] = [Future(), Future()]
    ref = system.spawn(Reentrant, name="one")
    for gate in gates:
        ref.tell(gate)
    until(lambda: inspect(ref).stats.in_progress == 2)
    found = dump(system).actor("/one")
    assert found.position in (Position.AWAITING, Position.RUNNING)
    assert found.info.handling is not None
    for gate in gates:
        gate.set(1)
    until(lambda: dump(system).actor("/one").position is Position.IDLE)


def test_an_actor_that_waits_for_its_child_to_end_says_so(system: ActorSystem) -> None:
    begun, gate = threading.Event(), threading.Event()

    def blocks(_: Plain) -> None:
        begun.set()
        gate.wait()

    parent = system.spawn(Plain, name="parent")
    parent.ask(lambda actor: actor.spawn(Plain, name="child")).tell(blocks)
    begun.wait()
    parent.stop(block=False)
    until(lambda: inspect(parent).state.value == "stopping" and bool(inspect(parent).waits))
    (wait,) = inspect(parent).waits
    assert (wait.kind, wait.on) == (WaitKind.CHILD, "/parent/child")
    assert dump(system).actor("/parent").position is Position.ENDING
    gate.set()


class One(Actor):
    def on_receive(self, message: Any) -> None:
        self.work_of_one()
        self.actor_ref.tell(message)

    def work_of_one(self) -> None:
        sum(range(3000))


class Other(Actor):
    def on_receive(self, message: Any) -> None:
        self.work_of_other()
        self.actor_ref.tell(message)

    def work_of_other(self) -> None:
        sum(range(3000))


def test_a_stack_is_never_that_of_the_actor_that_has_the_worker_next(system: ActorSystem) -> None:
    refs = [system.spawn(kind) for kind in (One, Other) for _ in range(4)]
    for ref in refs:
        ref.tell(1)
    for _ in range(scaled(3000, 150)):
        for one in dump(system).systems[0].actors:
            other = "Other." if one.info.actor_class == "One" else "One."
            assert not any(frame.function.startswith(other) for frame in one.stack)
    for ref in refs:
        ref.kill(block=False)


def test_the_name_of_a_channel_forges_no_lines(system: ActorSystem) -> None:
    channel: Channel[int] = Channel(1, name="orders\n/fake  Actor  running\x1b[31m" + 1000 * "x")
    receiver = channel.receiver()
    system.spawn(Plain, name="takes").tell(lambda _: receiver.receive())
    while not system.stats().parked:
        pass
    found = dump(system)
    assert "\x1b" not in found.text() + system.tree().text() + found.waits.text()
    assert len(found.waits.text().splitlines()) == 1
    assert len(system.tree().text().splitlines()) == 2
    assert len(found.actor("/takes").info.waits[0].on) <= 200
    channel.send(1)


def test_a_container_that_changes_at_each_look_is_given_up() -> None:
    looks: list[int] = []

    def changing() -> list[int]:
        looks.append(1)
        raise RuntimeError

    assert copied(changing) == []
    assert len(looks) <= 1000
