"""Siblings that wait for each other, or crash together, while a round takes them down."""

from __future__ import annotations

from typing import Any

import pytest

from actors import Actor, ActorRef, ActorRestarting, ActorSystem, DispatcherKind, Future, get_all
from actors.testing import Simulation
from supervisors import ChildState, GetChild, ListChildren, Shutdown, Strategy, Supervisor, child


class Oven(Actor):
    def on_receive(self, message: Any) -> Any:
        if message == "smoke":
            raise ValueError(message)
        return message


class Baker(Actor):
    def __init__(self, oven: ActorRef[Oven]) -> None:
        super().__init__()
        self.oven = oven

    def on_receive(self, message: Any) -> Any:
        self.oven.tell("smoke")
        return self.oven.ask(message)


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_a_sibling_that_waits_for_the_one_that_crashed_is_told_and_holds_nobody_up(strategy: Strategy) -> None:
    class Bakery(Supervisor, strategy=strategy):
        oven = child(Oven)
        baker = child(Baker, oven, shutdown=Shutdown.INFINITY)

    with Simulation() as sim:
        bakery = sim.system.spawn(Bakery)
        baker = bakery.ask(GetChild("baker"))
        assert baker is not None
        with pytest.raises(ActorRestarting):
            baker.ask("bread")
        sim.run()
        assert [one.state for one in bakery.ask(ListChildren())] == [ChildState.RUNNING, ChildState.RUNNING]


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_siblings_that_crash_at_the_same_time_all_come_back(strategy: Strategy, dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        specs = [child(Oven, name=f"oven{number}", dispatcher=dispatcher) for number in range(4)]
        group = system.spawn(Supervisor, specs, strategy=strategy, intensity=None)
        refs = [one.ref for one in group.ask(ListChildren()) if one.ref is not None]
        for _ in range(50):
            for ref in refs:
                ref.tell("smoke")
        answers: list[Future[Any]] = [ref.ask("bread", block=False) for ref in refs]
        assert get_all(answers, timeout=30) == ["bread"] * 4


def test_a_supervisor_that_ends_while_children_crash_ends() -> None:
    for _ in range(30):
        with ActorSystem() as system:
            group = system.spawn(Supervisor, [child(Oven, name=f"oven{number}") for number in range(4)], intensity=None)
            refs = [one.ref for one in group.ask(ListChildren()) if one.ref is not None]
            for ref in refs:
                for _ in range(5):
                    ref.tell("smoke")
            assert group.stop(timeout=30) is True
            assert system.actors() == []
