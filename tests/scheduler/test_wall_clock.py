"""The clock on the wall: a port like time itself, and it jumps where a test says so."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from actors import Actor, ActorSystem, SystemConfig
from actors.testing import ManualClock, Simulation, explore
from supervisors.demo.clock import DemoClock

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


class Reading(Actor):
    """Tells what it sees on the wall, and what time has gone by."""

    def on_receive(self, _: object) -> tuple[float, float]:
        clock = self.system.ports.clock
        return clock.wall(), clock.now()


def test_the_real_wall_clock_is_that_of_the_machine() -> None:
    with ActorSystem() as system:
        before = time.time()
        assert before <= system.ports.clock.wall() <= time.time()


def test_a_simulation_begins_at_its_epoch_and_its_wall_clock_goes_with_virtual_time() -> None:
    with Simulation(epoch=NOON) as sim:
        ref = sim.spawn(Reading)
        assert ref.ask(0) == (NOON.timestamp(), 0.0)
        sim.advance(90.0)
        assert ref.ask(0) == (NOON.timestamp() + 90.0, 90.0)


@pytest.mark.parametrize("make", [Simulation, ManualClock])
def test_the_epoch_is_the_same_day_in_every_run_unless_one_is_given(make: Callable[[], Any]) -> None:
    made = make()
    clock = made if isinstance(made, ManualClock) else made._world
    assert datetime.fromtimestamp(clock.wall(), UTC) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_jump_of_a_simulation_moves_the_wall_clock_only() -> None:
    with Simulation(epoch=NOON) as sim:
        ref = sim.spawn(Reading)
        for seconds, then in ((3600.0, 3600.0), (-7200.5, -3600.5), (0, -3600.5)):
            sim.jump(seconds)
            assert ref.ask(0) == (NOON.timestamp() + then, 0.0)
        assert sim.now == 0.0


def test_lines_of_a_simulation_are_stamped_with_its_wall_clock() -> None:
    class Logging(Actor):
        def on_receive(self, _: object) -> None:
            self.log.info("seen")

    with Simulation(epoch=NOON) as sim:
        sim.jump(10.0)
        sim.spawn(Logging).ask(0)
        assert [line[0] for line in sim._world.lines] == [NOON.timestamp() + 10.0]


def test_a_manual_clock_jumps_and_goes_on_from_there() -> None:
    clock = ManualClock(epoch=NOON)
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        ref = system.spawn(Reading)
        clock.advance(5.0)
        assert ref.ask(0, timeout=30.0) == (NOON.timestamp() + 5.0, 5.0)
        clock.jump(-3600.0)
        assert ref.ask(0, timeout=30.0) == (NOON.timestamp() - 3595.0, 5.0)


def test_a_jump_makes_no_call_of_a_manual_clock_due() -> None:
    clock = ManualClock()
    made: list[int] = []
    clock.call_at(1.0, lambda: made.append(1))
    clock.jump(1e6)
    clock.advance(0.5)
    assert (made, clock.pending) == ([], 1)


def test_the_wall_clock_of_a_demo_stands_still_while_the_demo_is_halted() -> None:
    clock = DemoClock(speed=1000.0)
    clock.halt()
    assert clock.wall() == clock.wall() >= time.time() - 3600.0
    clock.close()


@pytest.mark.parametrize("make", [Simulation, ManualClock])
@pytest.mark.parametrize(
    ("epoch", "error", "words"),
    [
        (datetime(2026, 1, 1), ValueError, "which zone"),  # noqa: DTZ001  # that is what is refused
        (1_767_225_600.0, TypeError, "epoch=1767225600.0"),
        (None, TypeError, "epoch=None"),
        ("2026-01-01", TypeError, "epoch='2026-01-01'"),
    ],
)
def test_an_epoch_that_is_no_moment_is_refused(make: Callable[..., Any], epoch: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make(epoch=epoch)


def test_an_epoch_counts_in_its_own_zone() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert ManualClock(epoch=datetime(2026, 1, 1, tzinfo=eastern)).wall() == datetime(2026, 1, 1, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("seconds", [True, "1", None, math.nan, math.inf, -math.inf, timedelta(1)])
def test_a_jump_over_what_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="seconds="):
        ManualClock().jump(seconds)
    with Simulation() as sim, pytest.raises((TypeError, ValueError), match="seconds="):
        sim.jump(seconds)


class Looking(Actor):
    """Keeps what it saw on the wall."""

    def __init__(self, seen: list[float]) -> None:
        super().__init__()
        self.seen = seen

    def on_receive(self, _: object) -> None:
        self.seen.append(self.system.ports.clock.wall())


def test_exhaustive_exploration_tries_a_look_at_the_wall_on_either_side_of_a_tick() -> None:
    """As with `now`: a look at the wall clock and a step that moves time are not indifferent to each other."""
    seen: set[float] = set()

    class Late(Actor):
        def on_start(self) -> None:
            self.start_timer("tick", 1.0, "tick")

        def on_receive(self, _: object) -> None:
            return

    def scenario(sim: Simulation) -> None:
        looks: list[float] = []
        sim.spawn(Late)
        sim.spawn(Looking, looks).tell(0)
        sim.run()
        seen.update(looks)

    def with_now(sim: Simulation) -> None:
        looks: list[float] = []

        class Now(Actor):
            def on_receive(self, _: object) -> None:
                looks.append(self.system.ports.clock.now())

        sim.spawn(Late)
        sim.spawn(Now).tell(0)
        sim.run()

    by_wall, by_now = explore(scenario, strategy="exhaustive"), explore(with_now, strategy="exhaustive")
    assert by_wall.proved
    assert by_wall.runs == by_now.runs > 1
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert seen == {begin, begin + 1.0}


def test_exhaustive_exploration_tries_a_look_at_the_wall_on_either_side_of_a_jump() -> None:
    seen: set[float] = set()

    def scenario(sim: Simulation) -> None:
        looks: list[float] = []
        sim.spawn(Looking, looks).tell(0)
        other = sim.spawn(Reading)
        other.ask(0)
        sim.jump(60.0)
        sim.run()
        seen.update(looks)

    assert explore(scenario, strategy="exhaustive").proved
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert seen == {begin, begin + 60.0}
