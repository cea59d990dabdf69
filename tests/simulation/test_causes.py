"""Under causal ordering, whoever has learned of a message, by whatever way actors of one machine can, sends later than it was sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorDeadError, ActorRef, ActorRegistry, Bounded, Future, MailboxFullError, Overflow, wait_any
from actors.testing import Ordering, Simulation, explore
from tests.simulation.scenarios import Log
from tests.simulation.test_exhaustive import brute_force

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[Any], object]


class Doer(Actor):
    """Does what it is told."""

    def on_receive(self, call: Call) -> Any:
        return call(self)


class Other(Doer):
    """A class of its own, to be looked up."""


def tells_first(sink: ActorRef[Any], then: Call) -> Call:
    """Return what the first does: it tells the sink 1, and then what the other may learn of."""

    def call(doer: Any) -> None:
        sink.tell(1)
        then(doer)

    return call


def meeting(sim: Simulation, first: Call, second: Callable[[Any, ActorRef[Any]], object], sink: ActorRef[Any]) -> None:
    one = sim.spawn(Doer)
    other = sim.spawn(Doer)
    one.tell(tells_first(sink, first))
    other.tell(lambda doer: sink.tell(2) if second(doer, one) else None)


def an_end(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: not one.is_alive(), sink)


def an_end_met_by_a_send(sim: Simulation, sink: ActorRef[Any]) -> None:
    def refused(_: Any, one: ActorRef[Any]) -> bool:
        try:
            one.tell(lambda _: None)
        except ActorDeadError:
            return True
        return False

    meeting(sim, lambda doer: doer.stop(), refused, sink)


def the_registry(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda _: Other.start(), lambda *_: ActorRegistry.get_by_class(Other), sink)


def a_name(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda _: sim.spawn(Other, name="other"), lambda *_: sim.system.lookup("/other"), sink)


def a_full_mailbox(sim: Simulation, sink: ActorRef[Any]) -> None:
    box = sim.spawn(Log, mailbox=Bounded(1, overflow=Overflow.REJECT))

    def refused(*_: Any) -> bool:
        try:
            box.tell("mine")
        except MailboxFullError:
            return True
        return False

    meeting(sim, lambda _: box.tell("theirs"), refused, sink)


def something_shared(sim: Simulation, sink: ActorRef[Any]) -> None:
    shared: list[int] = []
    one, other = sim.spawn(Doer), sim.spawn(Doer)
    sim.shares("a list", one, other)
    one.tell(tells_first(sink, lambda _: shared.append(1)))
    other.tell(lambda _: sink.tell(2) if shared else None)


def an_answer(sim: Simulation, sink: ActorRef[Any]) -> None:
    """Of two answers, the other one is waited for; then it is looked which are there."""
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answers = [one.ask(tells_first(sink, lambda _: None), block=False), quick.ask(lambda _: 0, block=False)]
        answers[1].get()
        if wait_any(answers) is answers[0]:
            sink.tell(2)

    sim.spawn(Doer).tell(ask_both)


def late_answer(sim: Simulation, sink: ActorRef[Any], then: Callable[[ActorRef[Any]], object]) -> None:
    """The answer is there when it is read, or not; then the reader goes on."""
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answer = one.ask(tells_first(sink, lambda _: None), block=False)
        quick.ask(lambda _: 0)
        answer.get()
        then(quick)

    sim.spawn(Doer).tell(ask_both)


def an_answer_read_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_answer(sim, sink, lambda _: sink.tell(2))


def an_answer_read_late_and_passed_on(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_answer(sim, sink, lambda other: other.tell(lambda _: sink.tell(2)))


def an_answer_awaited_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    class Awaiting(Actor):
        async def on_receive(self, _: Any) -> None:
            answer = one.ask(tells_first(sink, lambda _: None), block=False)
            await quick.ask_async(lambda _: 0)
            await answer
            sink.tell(2)

    sim.spawn(Awaiting).tell("go")


def a_future_that_is_done(sim: Simulation, sink: ActorRef[Any]) -> None:
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answer = one.ask(tells_first(sink, lambda _: None), block=False)
        quick.ask(lambda _: 0)
        if answer.done():
            sink.tell(2)

    sim.spawn(Doer).tell(ask_both)


def a_future_made_by_hand(sim: Simulation, sink: ActorRef[Any]) -> None:
    """The answer may be there already when it is read."""
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.get(), sink)


def a_look_at_a_future_made_by_hand(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.done(), sink)


def a_callback(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.add_done_callback(lambda _: sink.tell(2)), sink)


WAYS = [
    an_end,
    an_end_met_by_a_send,
    the_registry,
    a_name,
    a_full_mailbox,
    something_shared,
    an_answer,
    an_answer_read_late,
    an_answer_read_late_and_passed_on,
    an_answer_awaited_late,
    a_future_that_is_done,
    a_future_made_by_hand,
    a_look_at_a_future_made_by_hand,
    a_callback,
]


def outcome_of(way: Callable[[Simulation, ActorRef[Any]], None]) -> Callable[[Simulation], Any]:
    def scenario(sim: Simulation) -> Any:
        sink = sim.spawn(Log)
        way(sim, sink)
        sim.run()
        return sink.ask("got")

    return scenario


@pytest.mark.parametrize("way", WAYS)
def test_what_is_known_to_be_sent_comes_before_what_is_sent_then(way: Callable[[Simulation, ActorRef[Any]], None]) -> None:
    """Over a network it may come after; that aside, there are the same outcomes."""
    scenario = outcome_of(way)
    made: list[Any] = []
    assert explore(lambda sim: made.append(scenario(sim)), strategy="exhaustive").exhausted
    causal, remote = brute_force(scenario, Ordering.CAUSAL), brute_force(scenario, Ordering.PAIR_FIFO)
    assert causal is not None
    assert remote is not None
    assert {(1, 2), (2, 1)} <= set(remote)
    assert set(made) == set(causal) == set(remote) - {(2, 1)}


def test_futures_are_what_they_were_after_a_simulation_and_on_other_threads() -> None:
    before, inside, elsewhere = Future.__init__, threading.Event(), threading.Event()
    made: list[Future[int]] = []

    def make() -> None:
        assert inside.wait(10)
        made.append(Future())
        elsewhere.set()

    thread = threading.Thread(target=make)
    thread.start()
    with Simulation():
        ours: Future[int] = Future()
        inside.set()
        assert elsewhere.wait(10)
    thread.join()
    assert type(ours) is not Future
    assert type(made[0]) is type(Future()) is Future
    assert Future.__init__ is before
