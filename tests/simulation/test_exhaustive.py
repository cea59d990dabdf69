"""Exhaustive exploration: of runs that differ only in the order of independent steps exactly one is made, and none is missed.

What there is to find is counted by brute force: every choice of every run, told apart by what each actor received in which order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorError, ActorRef, Bounded, Down, Overflow, Priority, Timeout
from actors.testing import Faults, Ordering, Simulation, explore
from tests.simulation.brute import MOST, brute_force
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable


Message = tuple[int, tuple[int, ...]]  # its kind, and by which sends it came to be: no two are equal
Program = list[list[list[tuple[str, int, int]]]]  # of each actor, for each kind of message: what it does


class Player(Actor):
    """Does for each kind of message what a script says, and notes what comes."""

    def __init__(
        self, number: int, script: list[list[tuple[str, int, int]]], others: list[ActorRef[Any]], logs: list[list[Message]]
    ) -> None:
        super().__init__()
        self.number, self.script, self.others, self.log = number, script, others, logs[number]

    def on_receive(self, message: Message) -> int:
        kind, trail = message
        self.log.append(message)
        for place, (verb, target, what) in enumerate(self.script[kind] if len(trail) < 3 else ()):
            send = (what, (*trail, place))
            if verb == "tell":
                self.others[target].tell(send)
            elif verb == "ask" and target > self.number:  # never in a circle
                self.log.append((-1, (self.others[target].ask(send),)))
        return kind


class AsyncPlayer(Player):
    async def on_receive(self, message: Message) -> int:  # type: ignore[override]
        kind, trail = message
        self.log.append(message)
        for place, (verb, target, what) in enumerate(self.script[kind] if len(trail) < 3 else ()):
            send = (what, (*trail, place))
            if verb == "tell":
                self.others[target].tell(send)
            elif verb == "ask" and target > self.number:
                self.log.append((-1, (await self.others[target].ask_async(send),)))
        return kind


def playing(program: Program, first: list[tuple[int, int]], kinds: list[type[Player]]) -> Callable[[Simulation], Any]:
    def scenario(sim: Simulation) -> Any:
        logs: list[list[Message]] = [[] for _ in program]
        refs: list[ActorRef[Any]] = []
        for number, script in enumerate(program):
            refs.append(sim.spawn(kinds[number], number, script, refs, logs))
        for place, (target, what) in enumerate(first):
            refs[target].tell((what, (place,)))
        sim.run()
        return tuple(tuple(log) for log in logs)

    return scenario


ACTORS = 3
action = st.tuples(st.sampled_from(["tell", "tell", "ask"]), st.integers(0, ACTORS - 1), st.integers(0, 1))
programs = st.lists(st.lists(st.lists(action, max_size=2), min_size=2, max_size=2), min_size=ACTORS, max_size=ACTORS)
firsts = st.lists(st.tuples(st.integers(0, ACTORS - 1), st.integers(0, 1)), min_size=1, max_size=4)


@settings(max_examples=scaled(2000, 25), deadline=None)
@given(programs, firsts, st.lists(st.sampled_from([Player, AsyncPlayer]), min_size=ACTORS, max_size=ACTORS), st.sampled_from(Ordering))
def test_each_class_of_runs_is_made_exactly_once(
    program: Program, first: list[tuple[int, int]], kinds: list[type[Player]], ordering: Ordering
) -> None:
    scenario = playing(program, first, kinds)
    every = brute_force(scenario, ordering)
    if every is None:
        return
    made: list[Any] = []
    result = explore(lambda sim: made.append(scenario(sim)), strategy="exhaustive", ordering=ordering, runs=10_000)
    assert result.exhausted
    assert sorted(made) == sorted(set(every))
    assert result.runs == len(made)


# -- what else steps have in common ----------------------------------------------------------------------------------------


class Logs(dict[str, list[Any]]):
    """What each actor noted. Each notes for itself, so that only what messages tell decides."""

    def __missing__(self, name: str) -> list[Any]:
        self[name] = []
        return self[name]

    def outcome(self) -> Any:
        return tuple((name, tuple(self[name])) for name in sorted(self))


class Sink(Actor):
    """Notes what comes."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.log = log

    def on_receive(self, message: Any) -> Any:
        self.log.append(message)
        if message == "stop":
            self.stop()
        if message == "crash":
            raise ValueError
        return message


class Doer(Actor):
    """Calls what it is told, and notes what that returned."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.log = log

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.log.append("down")
            return
        call, *args = message
        try:
            self.log.append(call(self, *args))
        except ActorError as error:
            self.log.append(type(error).__name__)


def doers(sim: Simulation, logs: Logs, *calls: Any) -> None:
    """Have each call made by an actor of its own."""
    for number, call in enumerate(calls):
        sim.spawn(Doer, logs[f"doer {number}"]).tell(call)
    sim.run()


def to_sink(*messages: str, mailbox: Any = None) -> Callable[[Simulation], Any]:
    def scenario(sim: Simulation) -> Any:
        logs = Logs()
        sink = sim.spawn(Sink, logs["sink"], mailbox=mailbox)
        doers(sim, logs, *((lambda _, message: sink.tell(message), message) for message in messages))
        return logs.outcome()

    return scenario


def killing(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    doers(sim, logs, (lambda _: sink.kill(block=False) and None,), (lambda _: sink.tell("x"),), (lambda _: sink.is_alive(),))
    return logs.outcome()


def watching(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    doers(sim, logs, (lambda doer: doer.watch(sink) and None,), (lambda _: sink.tell("stop"),))
    return logs.outcome()


def timeouts(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])

    def ask(_: Actor, message: str) -> Any:
        try:
            return sink.ask(message, timeout=1)
        except Timeout:
            return "late"

    doers(sim, logs, (ask, "x"), (ask, "y"))
    return logs.outcome()


def deadlocks(sim: Simulation) -> Any:
    logs = Logs()
    refs: list[ActorRef[Any]] = [sim.spawn(Doer, logs[name]) for name in ("one", "two")]
    for ref, other in zip(refs, reversed(refs), strict=True):
        ref.tell((lambda _, other: other.ask((lambda _: None,)), other))
    sim.run()
    return logs.outcome()


def names(sim: Simulation) -> Any:
    logs = Logs()
    make = (lambda _: sim.system.start(Sink, logs["sink"], name="sink") and None,)
    doers(sim, logs, make, make, (lambda _: sim.system.lookup("/sink") is None,))
    return logs.outcome()


def late_reads(sim: Simulation) -> Any:
    logs = Logs()
    sink, last = sim.spawn(Sink, logs["sink"]), sim.spawn(Sink, logs["last"])
    doer = sim.spawn(Doer, logs["doer"])
    answers: list[Any] = []
    doer.tell((lambda _: answers.append(sink.ask("x", block=False)),))
    doer.tell((lambda _: last.tell(answers[0].get()),))
    doers(sim, logs, (lambda _: last.tell("y"),))
    return logs.outcome()


def shared(sim: Simulation) -> Any:
    logs = Logs()
    refs = [sim.spawn(Doer, logs["all"]) for _ in range(3)]
    sim.shares("log", *refs)
    for number, ref in enumerate(refs):
        ref.tell((lambda _, number: number, number))
    sim.run()
    return logs.outcome()


def looking(sim: Simulation) -> Any:
    logs = Logs()
    refs = [sim.spawn(Doer, logs[name]) for name in ("one", "two")]
    for ref in refs:
        ref.tell((lambda _: None,))
    seen = []
    while sim.step():
        seen.append(logs.outcome())
    return tuple(seen)


def waiting_with_a_limit(sim: Simulation) -> Any:
    """What the scenario itself does between steps counts, too."""
    logs = Logs()
    sink, other = sim.spawn(Sink, logs["sink"]), sim.spawn(Sink, logs["other"])
    other.tell("stop")
    try:
        answer = sink.ask("x", timeout=1)
    except Timeout:
        answer = "late"
    return answer, other.is_alive()


def looking_at_answers(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    answers = [sink.ask("x", block=False)]
    doers(sim, logs, (lambda _: answers[0].done(),))
    return logs.outcome()


def answering_for_another(sim: Simulation) -> Any:
    handles: list[Any] = []

    class Deferring(Actor):
        def on_receive(self, message: Any) -> None:
            handles.append(self.reply_later())

    logs = Logs()
    answer = sim.spawn(Deferring).ask("x", block=False)
    sim.run()
    doers(sim, logs, *((lambda _, number: handles[0].reply(number) and None, number) for number in range(2)))
    return answer.get()


def crossing_asks(sim: Simulation) -> Any:
    """An actor that is busy when a step comes may have been free for it in another order."""
    logs = Logs()
    one, two, three = (sim.spawn(Doer, logs[name]) for name in ("one", "two", "three"))

    def ask(_: Actor, other: ActorRef[Any]) -> Any:
        return other.ask((lambda _: None,))

    for asker, asked in ((one, two), (two, one), (two, three), (three, two)):
        asker.tell((ask, asked))
    sim.run()
    return logs.outcome()


def giving_up(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"], mailbox=Bounded(1))
    doers(sim, logs, *((lambda _, number: sink.tell_within(number, 1), number) for number in range(2)))
    return logs.outcome()


def shutting_down(sim: Simulation) -> Any:
    logs = Logs()
    one, other = (sim.spawn(Doer, logs[name]) for name in ("one", "other"))
    one.tell((lambda _: other.tell((lambda _: "x",)),))
    other.tell((lambda _: "y",))
    sim.system.shutdown()
    return logs.outcome()


def cancelling(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    answers: list[Any] = []
    doer = sim.spawn(Doer, logs["doer"])
    doer.tell((lambda _: answers.append(sink.ask("x", block=False)),))
    doer.tell((lambda _: answers[0].cancel(),))
    sim.run()
    return logs.outcome()


def joining(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    groups = sim.system.groups
    doers(sim, logs, (lambda _: groups.join("all", sink),), (lambda _: len(groups.members("all")),))
    return logs.outcome()


@pytest.mark.parametrize(
    "scenario",
    [
        waiting_with_a_limit,
        giving_up,
        shutting_down,
        cancelling,
        joining,
        looking_at_answers,
        answering_for_another,
        crossing_asks,
        pytest.param(to_sink("x", "stop", "y"), id="stop"),
        pytest.param(to_sink("x", "crash", "y"), id="crash"),
        pytest.param(to_sink("x", "y", "z", mailbox=Bounded(1, overflow=Overflow.DROP_NEWEST)), id="drop newest"),
        pytest.param(to_sink("x", "y", "z", mailbox=Bounded(1, overflow=Overflow.DROP_OLDEST)), id="drop oldest"),
        pytest.param(to_sink("x", "y", "z", mailbox=Bounded(1, overflow=Overflow.REJECT)), id="reject"),
        pytest.param(to_sink("x", "y", "z", mailbox=Bounded(1)), id="block"),
        pytest.param(to_sink("x", "y", "z", mailbox=Priority(key=str)), id="priority"),
        killing,
        watching,
        timeouts,
        deadlocks,
        names,
        late_reads,
        shared,
        looking,
    ],
)
def test_every_outcome_is_reached(scenario: Callable[[Simulation], Any]) -> None:
    every = brute_force(scenario, Ordering.CAUSAL)
    assert every is not None
    made: list[Any] = []
    result = explore(lambda sim: made.append(scenario(sim)), strategy="exhaustive", runs=MOST)
    assert result.exhausted
    assert set(made) == set(every)
    assert result.runs <= len(every)


def converging(sim: Simulation) -> Any:
    logs = Logs()
    sink = sim.spawn(Sink, logs["sink"])
    for number in range(2):
        sim.spawn(Doer, logs[str(number)]).tell((lambda _, number: sink.tell(number), number))
    sim.run()
    return logs.outcome(), sink.is_alive()


def in_turn(sim: Simulation) -> Any:
    logs = Logs()
    doer = sim.spawn(Doer, logs["doer"])
    sink = sim.spawn(Sink, logs["sink"])
    for number in range(3):
        doer.tell((lambda _, number: sink.tell(number), number))
    sim.run()
    return logs.outcome(), sink.is_alive()


@pytest.mark.parametrize("scenario", [converging, in_turn])
@pytest.mark.parametrize("kind", ["duplicate", "drop", "delay", "crash", "restart", "pause"])
def test_every_outcome_with_a_fault_is_reached(scenario: Callable[[Simulation], Any], kind: str) -> None:
    faults = Faults(**{kind: 1}, actors=(Sink,))
    every = brute_force(scenario, Ordering.CAUSAL, faults)
    assert every is not None
    made: list[Any] = []
    result = explore(lambda sim: made.append(scenario(sim)), strategy="exhaustive", runs=MOST, faults=faults)
    assert result.exhausted
    assert set(made) == set(every)
    assert result.runs <= len(every)


def test_a_forgotten_end_is_told_in_an_exhaustive_exploration_too() -> None:
    def forgetful(sim: Simulation) -> None:
        sim.at_rest("never looked at", lambda: False)
        sim.spawn(Sink, []).tell("x")

    found = explore(forgetful, strategy="exhaustive")
    assert found.failure is not None
    assert "let the scenario call sim.run()" in str(found.failure.error)


def test_what_the_scenario_leaves_is_looked_at_and_every_handler_that_waits_is_unwound() -> None:
    begun: list[str] = []
    unwound: list[str] = []

    class Silent(Actor):
        def on_receive(self, message: Any) -> None:
            self.reply_later()

    class Waiting(Actor):
        def __init__(self, silent: ActorRef[Any]) -> None:
            super().__init__()
            self.silent = silent

        def on_receive(self, message: str) -> None:
            begun.append(message)
            try:
                self.silent.ask(message)
            finally:
                unwound.append(message)

    def scenario(sim: Simulation) -> None:
        silent = sim.spawn(Silent)
        for message in ("x", "y"):
            sim.spawn(Waiting, silent).tell(message)

    found = explore(scenario, strategy="exhaustive")
    assert (found.runs, found.exhausted) == (2, True)
    assert sorted(begun) == sorted(unwound)
    assert begun
