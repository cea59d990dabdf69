"""Faults: each breaks what holds without it, within its budget, and leaves alone what it must not touch."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorDeadError, ActorRef, Bounded, Down, DownReason, Future, Timeout
from actors.events import ActorCrashed
from actors.testing import Faults, InjectedCrash, Kind, Ordering, RandomWalk, Simulation, explore, replay
from actors.testing.trace import Step, record
from tests.simulation.scenarios import Forward, Log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing import Pending

KINDS = Faults.kinds()


class Inject:
    """Makes the faults of a list as soon as each is possible; else what has waited longest comes first."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)

    def choose(self, enabled: Sequence[Pending]) -> int:
        for index, one in enumerate(enabled):
            if self.faults and one.kind is Kind.FAULT and str(one.target) == self.faults[0]:
                del self.faults[0]
                return index
        return 0


class Watcher(Actor):
    """Watches another actor, and keeps what it is told."""

    def __init__(self, target: ActorRef[Any]) -> None:
        super().__init__()
        self.target = target
        self.got: list[Any] = []

    def on_start(self) -> None:
        self.watch(self.target)

    def on_receive(self, message: Any) -> None:
        self.got.append(message.reason if isinstance(message, Down) else message)


class Adder(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_receive(self, number: int) -> int:
        self.total += number
        return self.total


class Asker(Actor):
    def __init__(self, target: ActorRef[Any], timeout: float | None = None) -> None:
        super().__init__()
        self.target, self.timeout = target, timeout
        self.answers: list[Any] = []

    def on_receive(self, message: Any) -> None:
        try:
            self.answers.append(self.target.ask(message, timeout=self.timeout))
        except (Timeout, ActorDeadError) as error:
            self.answers.append(type(error))


class Sleeper(Actor):
    """Sleeps, and notes when it was woken, if it was put to sleep at the beginning."""

    def __init__(self, order: list[float]) -> None:
        super().__init__()
        self.order = order

    async def on_receive(self, seconds: float) -> None:
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        if begun == 0:
            self.order.append(seconds)


# -- each kind ---------------------------------------------------------------------------------------------------------


def comes_once(sim: Simulation) -> None:
    log = sim.spawn(Log)
    sim.spawn(Forward, log).tell("x")
    sim.run()
    assert len(sim.instance(log).got) <= 1


def comes(sim: Simulation) -> None:
    log = sim.spawn(Log)
    sim.spawn(Forward, log).tell("x")
    sim.run()
    assert sim.instance(log).got


class Timed(Log):
    """Is told by a timer of its own, and of what it has piped."""

    def on_start(self) -> None:
        self.start_timer("key", 1.0, "tick")
        done: Future[str] = Future()
        self.pipe_to_self(done)
        done.set("piped")


def keeps_its_timers(sim: Simulation) -> None:
    timed = sim.spawn(Timed)
    sim.run()
    assert Counter(sim.instance(timed).got) == Counter(("piped", "tick"))


@pytest.mark.parametrize("faults", [Faults(drop=1), Faults(duplicate=1)], ids=["drop", "duplicate"])
def test_what_an_actor_brings_itself_is_neither_lost_nor_comes_twice(faults: Faults) -> None:
    explore(keeps_its_timers, faults=faults, runs=200).check()


def in_order(sim: Simulation) -> None:
    log = sim.spawn(Log)
    for number in range(3):
        log.tell(number)
    sim.run()
    assert sim.instance(log).got == [0, 1, 2]


def lives(sim: Simulation) -> None:
    log = sim.spawn(Log)
    log.tell("x")
    sim.run()
    assert log.is_alive()


def remembers(sim: Simulation) -> None:
    log = sim.spawn(Log)
    for number in range(2):
        log.tell(number)
        sim.run()
    assert sim.instance(log).got == [0, 1]


def wakes_in_time(sim: Simulation) -> None:
    order: list[float] = []
    for seconds in (1, 2):
        sim.spawn(Sleeper, order).tell(seconds)
    sim.run()
    assert order != [2, 1]


def comes_to_a_group(sim: Simulation) -> None:
    log = sim.spawn(Log)
    sim.group("far", log)
    sim.spawn(Forward, log).tell("x")
    sim.run()
    assert sim.instance(log).got


BROKEN: dict[str, Callable[[Simulation], None]] = {
    "duplicate": comes_once,
    "drop": comes,
    "delay": in_order,
    "crash": lives,
    "restart": remembers,
    "pause": wakes_in_time,
    "partition": comes_to_a_group,
}


@pytest.mark.parametrize(
    ("kind", "ordering"),
    [(kind, ordering) for kind in KINDS for ordering in Ordering if (kind, ordering) != ("delay", Ordering.UNORDERED)],
)
def test_each_kind_breaks_what_holds_without_it_and_its_token_makes_it_again(kind: str, ordering: Ordering) -> None:
    scenario = BROKEN[kind]
    assert explore(scenario, runs=100, ordering=ordering).failure is None
    assert explore(scenario, runs=100, ordering=ordering, faults=Faults(actors=(Log, Sleeper))).failure is None
    failure = explore(scenario, ordering=ordering, faults=Faults(**{kind: 1}, actors=(Log, Sleeper))).failure  # type: ignore[arg-type]
    assert failure is not None
    wrong = [step.message.split()[0] for step in failure.steps if step.kind is Kind.FAULT]
    assert wrong == {"pause": ["pause", "resume"], "partition": ["partition", "heal"]}.get(kind, [kind])
    again = replay(scenario, failure.token)
    assert again is not None
    assert again.steps == failure.steps


@pytest.mark.parametrize("actor", [Actor, object])
def test_a_token_carries_any_class_that_faults_may_name(actor: type[Any]) -> None:
    failure = explore(comes, faults=Faults(drop=1, actors=(actor,))).failure
    assert failure is not None
    assert replay(comes, failure.token) is not None


# -- the budget --------------------------------------------------------------------------------------------------------


def busy(sim: Simulation) -> None:
    log = sim.spawn(Log, name="log")
    ways = [sim.spawn(Forward, log, name=f"way{number}") for number in range(2)]
    sim.group("one", log)
    sim.group("other", log, ways[0])
    for number in range(4):
        with suppress(ActorDeadError):
            ways[number % 2].tell(number)
    sim.spawn(Sleeper, [], name="sleeper").tell(1)
    sim.run()


def trace_of(scenario: Callable[[Simulation], object], faults: Faults, strategy: Any) -> list[Step]:
    with Simulation(strategy, faults=faults) as sim:
        steps = record(sim._world)
        scenario(sim)
    return steps


@settings(deadline=None, max_examples=60)
@given(budget=st.fixed_dictionaries(dict.fromkeys(KINDS, st.integers(0, 2))), seed=st.integers(0, 10_000))
def test_there_are_never_more_faults_than_the_budget_has_and_those_that_last_end(budget: dict[str, int], seed: int) -> None:
    count: Counter[str] = Counter()
    paused: set[str] = set()
    for step in trace_of(busy, Faults(**budget), RandomWalk(seed, 4)):  # type: ignore[arg-type]
        if step.kind is not Kind.FAULT:
            assert step.actor not in paused
            continue
        kind = step.message.split()[0]
        count[kind] += 1
        if kind == "resume":
            paused.remove(step.actor)
        assert step.actor not in paused
        if kind == "pause":
            paused.add(step.actor)
        assert count["heal"] <= count["partition"]
    assert all(count[kind] <= budget[kind] for kind in KINDS)
    assert (count["resume"], count["heal"]) == (count["pause"], count["partition"])


def test_faults_happen_to_the_actors_that_they_are_meant_for_only() -> None:
    faults = Faults(**dict.fromkeys(("duplicate", "drop", "delay", "crash", "restart", "pause"), 2), actors=(Forward,))
    steps = [step for seed in range(30) for step in trace_of(busy, faults, RandomWalk(seed, 4)) if step.kind is Kind.FAULT]
    assert {step.message.split()[0] for step in steps} == {"duplicate", "drop", "delay", "crash", "restart", "pause", "resume"}
    assert {step.actor for step in steps} == {"/way0", "/way1"}


def test_what_can_go_wrong_does_not_keep_a_run_going() -> None:
    faults = Faults(crash=1, restart=1, pause=1, partition=1)
    assert [step for step in trace_of(busy, faults, None) if step.kind is Kind.FAULT] == []


def test_what_a_scenario_does_itself_is_not_in_the_budget() -> None:
    with Simulation(Inject(*["crash"] * 3), faults=Faults(crash=1)) as sim:
        logs = [sim.spawn(Log) for _ in range(4)]
        sim._world.injector.left["crash"] = 0  # type: ignore[union-attr]
        sim.run()
        sim.crash(logs[0])
        sim.run()
        for log in logs[1:]:
            log.tell("x")
        sim.run()
        assert [log.is_alive() for log in logs] == [False, True, True, True]


@pytest.mark.parametrize("faults", [{"drop": -1}, {"crash": True}, {"pause": 1.5}])
def test_a_budget_is_a_number(faults: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not valid: how many at most"):
        Faults(**faults)


def test_the_classes_of_actors_are_a_tuple() -> None:
    with pytest.raises(TypeError, match="a tuple of classes"):
        Faults(actors=Log)  # type: ignore[arg-type]


# -- messages ----------------------------------------------------------------------------------------------------------


def test_what_the_scenario_asks_is_not_lost_and_what_an_actor_asks_is() -> None:
    with Simulation(Inject("drop"), faults=Faults(drop=5)) as sim:
        adder = sim.spawn(Adder)
        assert adder.ask(1) == 1
        asker = sim.spawn(Asker, adder, 3)
        assert asker.ask(1) is None
        assert sim.instance(asker).answers == [Timeout]
        assert (sim.now, sim.instance(adder).total) == (3, 1)


@pytest.mark.parametrize("ordering", Ordering)
def test_stops_and_notices_of_an_end_are_neither_lost_nor_doubled(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        watcher = sim.spawn(Watcher, log)
        sim.group("log", log)
        sim.run()
        sim.spawn(Stopper, log).tell("stop")
        sim.run()
        assert not log.is_alive()
        assert sim.instance(watcher).got == [DownReason.STOPPED]

    faults = Faults(drop=3, duplicate=3, partition=2, actors=(Log, Watcher))
    explore(scenario, runs=150, faults=faults, ordering=ordering).check()
    explore(scenario, strategy="exhaustive", faults=Faults(partition=1), ordering=ordering).check()


class Stopper(Actor):
    def __init__(self, target: ActorRef[Any]) -> None:
        super().__init__()
        self.target = target

    def on_receive(self, _: object) -> None:
        self.target.stop(block=False)


@pytest.mark.parametrize("mailbox", [None, Bounded(3)])
@pytest.mark.parametrize("actor", [Log, Sleeper])
def test_a_drop_that_empties_a_mailbox_leaves_nothing_to_deliver(mailbox: Any, actor: type[Any]) -> None:
    with Simulation(Inject("drop"), faults=Faults(drop=1)) as sim:
        ref = sim.spawn(actor, *([[]] if actor is Sleeper else []), mailbox=mailbox)
        sim.run()
        ref.tell(1)
        assert sim.step()
        assert not sim.step()
        assert ref.stats().waiting == 0
        ref.tell(1)
        sim.run()
        assert ref.stats().handled == 1


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_drop_makes_room_in_a_bounded_mailbox(capacity: int) -> None:
    with Simulation(Inject(*["drop"] * 3), faults=Faults(drop=3, actors=(Log,))) as sim:
        log = sim.spawn(Log, mailbox=Bounded(capacity))
        sim.run()
        sim.pause(log)
        ways = [sim.spawn(Forward, log) for _ in range(capacity + 2)]
        for number, way in enumerate(ways):
            way.tell(number)
        while any(step.cell is not None and step.cell in {way._target for way in ways} for step in sim._world.enabled()):
            sim.step()
        sim.resume(log)
        sim.run()
        assert len(sim.instance(log).got) == capacity - 1
        assert all(way.stats().handled == 1 for way in ways)


def test_a_message_that_comes_twice_takes_no_room_and_none_is_lost_from_the_count() -> None:
    with Simulation(Inject("duplicate", "duplicate"), faults=Faults(duplicate=2)) as sim:
        log = sim.spawn(Log, mailbox=Bounded(1))
        log.tell(1)
        log.tell(2)
        log.stop()
        assert log._target.queue == ()
    with Simulation(Inject("duplicate"), faults=Faults(duplicate=1)) as sim:
        log = sim.spawn(Log, mailbox=Bounded(1))
        sim.run()
        log.tell(1)
        sim.run()
        assert sim.instance(log).got == [1, 1]
        assert (log._target.queue._exempted, log.stats().accepted) == (0, 2)


def test_an_ask_that_comes_twice_is_done_twice_and_answered_once() -> None:
    answers = set()

    def scenario(sim: Simulation) -> None:
        adder = sim.spawn(Adder)
        asker = sim.spawn(Asker, adder)
        asker.tell(1)
        sim.run()
        assert len(sim.instance(asker).answers) == 1
        answers.add((*sim.instance(asker).answers, sim.instance(adder).total))

    explore(scenario, runs=200, faults=Faults(duplicate=1, actors=(Adder,))).check()
    assert answers == {(1, 1), (1, 2), (2, 2)}


@pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
def test_a_late_message_comes_at_any_later_place_and_the_others_keep_their_order(ordering: Ordering) -> None:
    seen = set()

    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        for number in range(3):
            log.tell(number)
        sim.run()
        seen.add(tuple(sim.instance(log).got))

    explore(scenario, strategy="exhaustive", ordering=ordering, faults=Faults(delay=1)).check()
    assert seen == {(0, 1, 2), (1, 0, 2), (1, 2, 0), (0, 2, 1)}


# -- actors ------------------------------------------------------------------------------------------------------------


def test_a_crash_is_published_and_watchers_are_told() -> None:
    with Simulation() as sim:
        crashes: list[ActorCrashed] = []
        sim.system.events.subscribe(ActorCrashed, crashes.append)
        log = sim.spawn(Log)
        watcher = sim.spawn(Watcher, log)
        sim.run()
        sim.crash(log)
        sim.run()
        assert [type(crash.error) for crash in crashes] == [InjectedCrash]
        assert str(crashes[0].error) == f"{log._target.path} was made to crash"
        assert sim.instance(watcher).got == [DownReason.CRASHED]
        assert not log.is_alive()


def test_faults_are_for_actors_of_the_simulation() -> None:
    with Simulation() as other:
        stranger = other.spawn(Log)
    with Simulation() as sim:
        for call in (sim.crash, sim.pause, sim.resume, sim.instance, partial(sim.group, "cut"), partial(sim.shares, "file")):
            with pytest.raises(TypeError, match="no ref"):
                call("log")  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="outside of this simulation"):
                call(stranger)


def test_a_restart_keeps_the_mail_and_loses_the_state() -> None:
    with Simulation(Inject("restart"), faults=Faults(restart=1)) as sim:
        log = sim.spawn(Log)
        sim.run()
        sim.instance(log).got.append("state")
        log.tell("mail")
        sim.run()
        assert sim.instance(log).got == ["mail"]


def test_a_paused_actor_takes_no_step_and_time_goes_on_for_the_others() -> None:
    with Simulation() as sim:
        order: list[float] = []
        refs = [sim.spawn(Sleeper, order) for _ in range(2)]
        for number, ref in enumerate(refs, 1):
            ref.tell(number)
        sim.advance(0.5)
        sim.pause(refs[0])
        sim.advance(5)
        assert order == [2]
        sim.resume(refs[0])
        sim.run()
        assert order == [2, 1]
        assert sim.now == 5.5


def test_a_pause_ends_when_nothing_else_can_happen() -> None:
    with Simulation() as sim:
        log = sim.spawn(Log)
        sim.pause(log)
        assert log.ask("got") == ()


# -- groups ------------------------------------------------------------------------------------------------------------


def test_what_is_under_way_across_a_cut_is_lost_and_nothing_else_is() -> None:
    with Simulation() as sim:
        inside, outside = sim.spawn(Log), sim.spawn(Log)
        sim.group("far", inside, into := sim.spawn(Forward, inside), out := sim.spawn(Forward, outside))
        near_in, near_out = sim.spawn(Forward, inside), sim.spawn(Forward, outside)
        sim.run()
        sim.partition("far")
        for way in (into, out, near_in, near_out):
            way.tell(("by", way is into or way is near_out))
        sim.spawn(Stopper, near := sim.spawn(Log)).tell("stop")
        inside.tell("scenario")
        sim.advance(1)
        sim.heal("far")
        sim.run()
        assert sorted(map(str, sim.instance(inside).got)) == ["('by', True)", "scenario"]
        assert sim.instance(outside).got == [("by", True)]
        assert not near.is_alive()
        near_in.tell("healed")
        sim.run()
        assert sim.instance(inside).got[-1] == "healed"


def test_a_run_tells_what_a_cut_has_cost() -> None:
    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log, name="log")
        sim.group("far", log)
        forward = sim.spawn(Forward, log, name="forward")
        forward.tell("put")
        sim.run()
        assert sim.instance(log).got == ["put"]

    failure = explore(scenario, faults=Faults(partition=1)).failure
    assert failure is not None
    assert [step.message for step in failure.steps if "heal" in step.message] == ["heal far, lost: 'put' /forward -> /log"]


def test_what_comes_after_a_cut_is_seen_as_before() -> None:
    with Simulation() as sim:
        log = sim.spawn(Log)
        sim.group("far", log)
        sim.run()
        sim.partition("far")
        way = sim.spawn(Forward, log)
        way.tell("lost")
        sim.run()
        assert not sim._world.injector.lasts  # type: ignore[union-attr]
        assert sim.instance(log).got == []
        assert log.stats().waiting == 0


@pytest.mark.parametrize("call", [Simulation.partition, Simulation.heal])
def test_a_group_that_nobody_named_is_refused(call: Callable[[Simulation, str], None]) -> None:
    with Simulation() as sim, pytest.raises(ValueError, match="group='far' is not known"):
        call(sim, "far")
