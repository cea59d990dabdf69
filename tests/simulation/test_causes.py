"""Under causal ordering, whoever has learned of a message, by whatever way actors of one machine can, sends later than it was sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import Future
from actors.testing import Ordering, Simulation, explore
from tests.simulation.brute import brute_force
from tests.simulation.scenarios import Log
from tests.simulation.ways import OF_ONE_SENDER, TIMED, WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.ways import Way


def outcome_of(way: Way) -> Callable[[Simulation], Any]:
    def scenario(sim: Simulation) -> Any:
        sink = sim.spawn(Log)
        way(sim, sink)
        sim.run()
        return sink.ask("got")

    return scenario


def outcomes(scenario: Callable[[Simulation], Any], ordering: Ordering) -> set[Any]:
    """Return what all runs come to; the same by brute force and by an exhaustive exploration."""
    made: list[Any] = []
    assert explore(lambda sim: made.append(scenario(sim)), strategy="exhaustive", ordering=ordering).exhausted
    every = brute_force(scenario, ordering)
    assert every is not None
    assert set(made) == set(every)
    return set(made)


def overtaken(outcome: tuple[int, ...]) -> bool:
    return {1, 2} <= set(outcome) and outcome.index(2) < outcome.index(1)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_known_to_be_sent_comes_before_what_is_sent_then(way: Way) -> None:
    """Over a network it may come after; that aside, there are the same outcomes, or fewer: stops are messages, too."""
    causal, remote = (outcomes(outcome_of(way), ordering) for ordering in (Ordering.CAUSAL, Ordering.PAIR_FIFO))
    assert any(overtaken(outcome) for outcome in remote)
    assert {(1, 2)} <= causal <= {outcome for outcome in remote if not overtaken(outcome)}


@pytest.mark.parametrize("way", OF_ONE_SENDER)
@pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
def test_what_one_actor_sends_comes_in_the_order_sent_in_whoevers_step(way: Way, ordering: Ordering) -> None:
    assert not any(overtaken(outcome) for outcome in outcomes(outcome_of(way), ordering))


@pytest.mark.parametrize("way", TIMED)
@pytest.mark.parametrize("ordering", Ordering)
def test_a_wait_may_end_otherwise_though_the_answer_can_be_there_before_it(way: Way, ordering: Ordering) -> None:
    assert outcomes(outcome_of(way), ordering) == TIMED[way]


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
