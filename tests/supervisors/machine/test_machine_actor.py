"""A machine is an actor: asked, watched, supervised, restarted, stopped."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import pytest

from actors import ActorRef, ActorSystem, Bounded, DispatcherKind, Overflow, Priority, SystemConfig, ThreadingActor
from actors.testing import Probe, Simulation, explore
from supervisors import Supervisor, child
from supervisors.machine import (
    Chart,
    Snapshot,
    StateChanged,
    StateMachine,
    TransitionError,
    event_timeout,
    final,
    history,
    ignore,
    initial,
    on,
    on_enter,
    postpone,
    state,
    state_timeout,
    timeout,
)
from tests.supervisors.machine.kit import STAGES, Do, Inside, Later, Place, Player, Stage, log, stage, to

A, B, C = Place.A, Place.B, Place.C


@pytest.fixture(params=STAGES)
def on_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(request.param) as made:
        yield made


class S(Enum):
    IDLE = auto()
    BUSY = auto()
    OUTER = auto()
    ONE = auto()
    TWO = auto()


class Go:
    pass


class Save:
    pass


class Fail:
    pass


class Where:
    pass


class Leave:
    pass


class Back:
    pass


@dataclass
class Count:
    entered: list[str] = field(default_factory=list)
    jobs: int = 0


class Worker(StateMachine[S, Count]):
    def __init__(self, start: Snapshot[S, Count] | None = None) -> None:
        super().__init__(Count())
        if start is not None:
            self.resume(start)

    def entered(self) -> None:
        self.data.entered.append(self.state.name)

    def job(self, event: Go) -> None:
        self.data.jobs += 1

    def save(self, event: Save) -> None:
        self.checkpoint()
        self.data.jobs += 100  # as of when the event is done with

    def where(self, event: Where) -> tuple[S, Count]:
        return self.state, copy.deepcopy(self.data)

    def fail(self, event: Fail) -> None:
        self.data.jobs = -1
        raise RuntimeError

    chart = Chart(
        initial(S.IDLE, on(Go, to=S.BUSY, do=job), on_enter(entered), on(Back, to=history(S.OUTER)), on(Save, to=S.IDLE, do=save)),
        state(S.BUSY, on(Go, to=S.OUTER, do=job), on_enter(entered), state_timeout(5.0, to=S.IDLE), postpone(Leave)),
        state(S.OUTER, initial(S.ONE, on(Go, to=S.TWO), on_enter(entered)), state(S.TWO, on(Go, to=S.ONE), on_enter(entered))),
        on(Save, do=save),
        on(Fail, do=fail),
        on(Where, do=where),
        on(Leave, to=S.IDLE),
        ignore(Back),
    )


def fail(worker: ActorRef[Any], probe: Probe) -> None:
    """Crash a supervised machine, and see its next incarnation."""
    worker.tell(Fail())
    probe.expect(lambda change: change.old is None)


@pytest.fixture
def supervised() -> Iterator[tuple[ActorRef[Any], Probe]]:
    class Root(Supervisor, intensity=100):
        worker = child(Worker)

    with ActorSystem("supervised") as system:
        root = system.spawn(Root)
        worker = system.lookup(f"{root.path}/worker")
        assert worker is not None
        probe = Probe(system, timeout=20)
        system.events.subscribe(StateChanged, lambda change: probe.ref.tell(change) if change.old is None else None)
        yield worker, probe


def test_a_restart_leads_to_the_initial_state_with_new_data(supervised: tuple[ActorRef[Any], Probe]) -> None:
    worker, probe = supervised
    worker.tell(Go())
    fail(worker, probe)
    assert worker.ask(Where()) == (S.IDLE, Count(["IDLE"]))


def test_a_restart_resumes_from_the_last_checkpoint_as_often_as_it_is_needed(supervised: tuple[ActorRef[Any], Probe]) -> None:
    worker, probe = supervised
    worker.tell(Go())
    worker.tell(Go())
    worker.tell(Go())
    worker.tell(Save())
    for _ in range(3):
        worker.tell(Go())
        fail(worker, probe)
        # The state is entered again: each time its enter action adds to a copy of what was kept.
        assert worker.ask(Where()) == (S.TWO, Count(["IDLE", "BUSY", "ONE", "TWO", "TWO"], 102))


def test_a_checkpoint_is_of_the_state_that_the_event_leads_to(supervised: tuple[ActorRef[Any], Probe]) -> None:
    worker, probe = supervised
    worker.tell(Save())
    fail(worker, probe)
    assert worker.ask(Where())[0] is S.IDLE


def test_a_checkpoint_knows_the_history(supervised: tuple[ActorRef[Any], Probe]) -> None:
    worker, probe = supervised
    for event in (Go(), Go(), Go(), Leave(), Save()):
        worker.tell(event)
    fail(worker, probe)
    worker.tell(Back())
    assert worker.ask(Where())[0] is S.TWO


def test_postponed_events_survive_a_restart(supervised: tuple[ActorRef[Any], Probe]) -> None:
    worker, probe = supervised
    worker.tell(Go())
    leave = worker.ask(Leave(), block=False)
    fail(worker, probe)
    assert leave.get(timeout=20) is None
    assert worker.ask(Where())[0] is S.IDLE


def test_events_that_the_former_incarnation_inserted_are_fenced_off() -> None:
    class Root(Supervisor, intensity=100):
        player = child(Player)

    def leaves(machine: Player) -> None:
        machine.insert(Later("inserted, postponed"), Later("inserted, postponed again"))

    def crashes(machine: Player) -> None:
        raise RuntimeError

    with stage("pool") as made:
        root = made.system.spawn(Root)
        player = made.system.lookup(f"{root.path}/player")
        assert player is not None
        probe = Probe(made.system, timeout=20)
        made.system.events.subscribe(StateChanged, probe.ref)
        player.ask(Do("inserts", leaves))
        player.tell(Later("from outside"))
        player.tell(Do("goes", to(B)))
        player.tell(Do("back", to(A)))
        player.ask(Do("inserts", leaves))
        player.tell(Later("from outside, too"))
        crash = Do("crashes", crashes)
        player.tell(crash)
        probe.fish_for(lambda change: change.old is None)
        player.tell(Do("goes", to(B)))
        assert log(player) == ["+A", "A:goes", "-A", "+B", "B:from outside, too"]
        assert made.letters == [crash, Later("inserted, postponed"), Later("inserted, postponed again")]


def test_a_snapshot_starts_a_machine_where_another_was() -> None:
    with Simulation() as sim:
        worker = sim.spawn(Worker)
        for event in (Go(), Go(), Go()):
            worker.tell(event)
        sim.advance(0)
        taken = sim.instance(worker).snapshot()
        worker.tell(Leave())
        sim.advance(0)
        assert taken == Snapshot(S.TWO, Count(["IDLE", "BUSY", "ONE", "TWO"], 2))
        other = sim.spawn(Worker, taken)
        assert other.ask(Where()) == (S.TWO, Count(["IDLE", "BUSY", "ONE", "TWO", "TWO"], 2))
        other.tell(Go())
        sim.advance(0)
        assert taken.data.jobs == 2
        assert len(taken.data.entered) == 4


def test_the_timeouts_of_the_state_it_resumes_in_begin_anew() -> None:
    with Simulation() as sim:
        worker = sim.spawn(Worker, Snapshot(S.BUSY, Count()))
        sim.advance(4.9)
        assert worker.ask(Where())[0] is S.BUSY
        sim.advance(0.1)
        assert worker.ask(Where())[0] is S.IDLE


@pytest.mark.parametrize(
    ("snapshot", "error"),
    [
        (Snapshot(S.OUTER, Count()), ValueError),
        (Snapshot(A, Count()), ValueError),
        (Snapshot(S.IDLE, Count(), {S.OUTER: S.OUTER}), ValueError),
        ("IDLE", TypeError),
    ],
)
def test_a_snapshot_of_something_else_is_refused(snapshot: Any, error: type[Exception]) -> None:
    with ActorSystem("refusing") as system, pytest.raises(Exception, match="snapshot=") as caught:
        system.spawn(Worker, snapshot)
    assert isinstance(caught.value, error) or isinstance(caught.value.__cause__, error)


# -- mail --------------------------------------------------------------------------------------------------------------------------------


def test_the_counts_of_a_machine_add_up(on_stage: Stage) -> None:
    player = on_stage.spawn(Player)
    for number in range(5):
        player.tell(Later(str(number)))
    player.tell(Do("x"))
    log(player)
    stats = player.stats()
    assert (stats.stashed, stats.waiting, stats.handled) == (5, 0, 2)
    player.tell(Do("go", to(B)))
    log(player)
    stats = player.stats()
    assert (stats.accepted, stats.handled, stats.stashed, stats.waiting) == (9, 9, 0, 0)


@pytest.mark.parametrize("mailbox", [Bounded(2, Overflow.REJECT), Priority(lambda message: 0)], ids=["bounded", "priority"])
def test_postponed_events_come_first_whatever_the_mailbox(mailbox: Any) -> None:
    with ActorSystem("mailboxes") as system:
        player = system.spawn(Player, mailbox=mailbox)
        player.ask(Do("x"))
        for name in ("1", "2", "3"):
            player.tell(Later(name))
            log(player)

        def go(machine: Player) -> None:
            machine.goto(B)
            machine.insert(Inside("inserted"))
            machine.start_timeout("one", 0)

        player.ask(Do("go", go))
        assert log(player) == ["+A", "A:x", "A:go", "-A", "+B", "B:inserted", "B:1", "B:2", "B:3", "B:one"]


def test_a_machine_may_have_a_thread_of_its_own() -> None:
    class Threaded(Player, ThreadingActor):
        pass

    names: list[str] = []
    with ActorSystem("threads") as system:
        system.spawn(Threaded).ask(Do("x", lambda machine: names.append(threading.current_thread().name)))
    assert names[0].startswith("Threaded")


def test_in_a_traced_system_postponed_and_inserted_events_keep_their_correlation() -> None:
    found: list[tuple[str, str | None]] = []

    def told(name: str) -> Any:
        return Inside(name, lambda machine: found.append((name, machine.correlation_id)))

    with ActorSystem("traced", config=SystemConfig(tracing=True)) as system:
        player = system.spawn(Player)
        player.ask(Do("first", lambda machine: found.append(("first", machine.correlation_id))))
        player.tell(Later("second", lambda machine: (found.append(("second", machine.correlation_id)), machine.insert(told("inserted")))))
        log(player)
        player.ask(Do("third", lambda machine: (found.append(("third", machine.correlation_id)), machine.goto(B))))
        log(player)
    ids = dict(found)
    assert [name for name, _ in found] == ["first", "third", "second", "inserted"]
    assert len({ids["first"], ids["second"], ids["third"]}) == 3
    assert ids["inserted"] == ids["second"]


def test_a_machine_that_ended_is_freed_without_the_garbage_collector() -> None:
    class Ends(StateMachine[Place, list[str]]):
        chart = Chart(initial(A, on(Do, to=B), postpone(Go)), state(B, on(Go, to=C), on(Do, to=A)), final(C))

    with Simulation() as sim:
        ref = sim.spawn(Ends, [])
        ref.tell(Go())
        ref.tell(Do("x"))
        sim.advance(0)
        instance = weakref.ref(sim.instance(ref)) if ref.is_alive() else None
        assert instance is None  # it has ended
    gc.disable()
    try:
        with ActorSystem("freed") as system:
            kept: list[Any] = []

            class Tells(Player):
                def __init__(self) -> None:
                    super().__init__()
                    kept.append(weakref.ref(self))

            player = system.spawn(Tells)
            player.tell(Later("postponed"))
            player.tell(Do("inserts", lambda machine: machine.insert(Inside("x"))))
            player.tell(Do("times", lambda machine: machine.start_timeout("one", 100)))
            player.tell(Do("go", to(B)))
            log(player)
            player.stop()
        assert kept[0]() is None
    finally:
        gc.enable()


# -- changes are told --------------------------------------------------------------------------------------------------------------------


def test_changes_of_state_are_published(on_stage: Stage) -> None:
    changes: list[StateChanged] = []
    on_stage.system.events.subscribe(StateChanged, changes.append)
    player = on_stage.spawn(Player)
    go, stay = Do("go", to(B)), Do("stay")
    player.tell(stay)
    player.tell(go)
    log(player)
    assert changes == [StateChanged(player, None, None, A), StateChanged(player, A, go, B)]


def test_a_change_that_needs_no_care_is_published_too() -> None:
    class Flips(StateMachine[Place, None]):
        chart = Chart(initial(A, on(Go, to=B)), state(B, on(Go, to=C)), state(C, on(Go, to=A)))

    changes: list[tuple[Any, Any]] = []
    with stage("pool") as made:
        made.system.events.subscribe(StateChanged, lambda change: changes.append((change.old, change.new)))
        flips = made.spawn(Flips)
        for _ in range(3):
            flips.tell(Go())
        flips.proxy().state.get(timeout=20)
    assert changes == [(None, A), (A, B), (B, C), (C, A)]


class Starts(StateMachine[Place, list[str]]):
    """Enter actions that start timeouts, in states that need no care otherwise."""

    def entered(self) -> None:
        self.data.append(f"+{self.state.name}")
        if self.state is B:
            self.start_timeout("soon", 0)
        elif self.state is C:
            self.start_event_timeout(5.0)

    def note(self, event: Any) -> None:
        self.data.append(f"{self.state.name}:{type(event).__name__}")

    chart = Chart(
        initial(A, on_enter(entered), on(Go, to=B)),
        state(B, on_enter(entered), on(Go, to=C)),
        state(C, on_enter(entered), on(Go, do=note), on(Leave, to=A), event_timeout(None, do=note)),
        timeout("soon", do=note),
        ignore(Leave),
    )


def test_what_an_enter_action_starts_happens_also_where_the_event_needs_no_care(on_stage: Stage) -> None:
    starts = on_stage.spawn(Starts, [])
    starts.tell(Go())
    starts.tell(Go())
    assert log(starts) == ["+A", "+B", "B:NamedTimeout", "+C"]
    on_stage.advance(5.0)
    assert log(starts)[-1] == "C:EventTimeout"
    starts.tell(Leave())
    starts.tell(Go())
    starts.tell(Go())
    starts.tell(Go())
    on_stage.advance(10.0)
    assert log(starts)[-2:] == ["+C", "C:Go"]


# -- subclasses --------------------------------------------------------------------------------------------------------------------------


def test_a_subclass_takes_part_in_the_chart_with_its_own_actions(on_stage: Stage) -> None:
    class Louder(Player):
        def take(self, event: Do | Inside) -> object:
            self.data.append("louder")
            return super().take(event)

    louder = on_stage.spawn(Louder)
    louder.tell(Do("x"))
    assert log(louder) == ["+A", "louder", "A:x"]


def test_a_subclass_may_make_an_action_async() -> None:
    class Waits(Player):
        async def take(self, event: Do | Inside) -> object:  # type: ignore[override]
            return super().take(event)

    with ActorSystem("subclass") as system:
        waits = system.spawn(Waits)
        assert waits.ask(Do("x", lambda machine: machine._greenroom_cell.options.dispatcher)) in (None, DispatcherKind.EVENT_LOOP)
        assert log(waits) == ["+A", "A:x"]


# -- every order -------------------------------------------------------------------------------------------------------------------------


class Buffer(StateMachine[Place, list[int]], stash_capacity=10):
    """Full in B: puts are postponed there."""

    def put(self, event: Put) -> None:
        self.data.append(event.number)

    def get(self, event: Get) -> int:
        return self.data.pop(0)

    chart: Chart[Place]


@dataclass(frozen=True)
class Put:
    number: int


class Get:
    pass


class OneSlot(Buffer):
    chart = Chart(
        initial(A, on(Put, to=B, do=Buffer.put), postpone(Get)),
        state(B, on(Get, to=A, do=Buffer.get), postpone(Put), on(Go, to=C)),
        state(C, on(Go, to=A), ignore(Put, Get)),
        ignore(Go),
    )


def test_a_buffer_of_one_slot_gives_everything_once_in_every_order() -> None:
    def scenario(sim: Simulation) -> None:
        buffer = sim.spawn(OneSlot, [])
        gets = [buffer.ask(Get(), block=False) for _ in range(3)]
        for number in range(3):
            buffer.tell(Put(number))
        assert sorted(get.get() for get in gets) == [0, 1, 2]

    explore(scenario, strategy="exhaustive", runs=5_000).check()
    explore(scenario, runs=200).check()


def test_machines_on_several_threads_lose_no_event() -> None:
    with ActorSystem("threads") as system:
        buffer = system.spawn(OneSlot, [])
        numbers = range(2_000)
        gets: list[Any] = []

        def putting() -> None:
            for number in numbers:
                gets.append(buffer.ask(Get(), block=False))
                buffer.tell(Put(number))

        class Wide(OneSlot, stash_capacity=100_000):
            pass

        buffer = system.spawn(Wide, [])
        threads = [threading.Thread(target=putting) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = sorted(get.get(timeout=60) for get in gets)
    assert found == sorted([*numbers] * 4)


def test_a_transition_error_and_its_kin_can_be_pickled() -> None:
    import pickle  # that errors survive it is what is claimed

    error = pickle.loads(pickle.dumps(TransitionError("M", A, "why")))
    assert (error.machine, error.state, error.why) == ("M", A, "why")
