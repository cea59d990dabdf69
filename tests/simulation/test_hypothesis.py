"""Hypothesis drives simulations, and client commands against a simulated system."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import rule, run_state_machine_as_test

from actors import Actor
from actors.testing import Simulation, SimulationError
from actors.testing.hypothesis import SimulatedStateMachine, simulations
from tests.simulation.scenarios import Log, check_then_create

QUICK = settings(deadline=None, max_examples=200, database=None, suppress_health_check=list(HealthCheck))


def test_hypothesis_finds_the_order_that_breaks_a_property_and_notes_the_chart() -> None:
    @QUICK
    @given(simulations())
    def test(sim: Simulation) -> None:
        with sim:
            check_then_create(sim)

    with pytest.raises(AssertionError) as caught:
        test()
    notes = "\n".join(caught.value.__notes__)
    assert notes.count("('create', 'key')") == 2


def test_inputs_that_are_drawn_on_the_way_and_orders_go_together() -> None:
    @QUICK
    @given(simulations(), st.data())
    def test(sim: Simulation, data: st.DataObject) -> None:
        with sim:
            log = sim.spawn(Log)
            sent = []
            for _ in range(data.draw(st.integers(0, 3))):
                sent.append(data.draw(st.integers()))
                log.tell(sent[-1])
                sim.step()
            sim.run()
            assert log.ask("got") == tuple(sent)

    test()


def test_what_fails_is_kept_in_the_example_database() -> None:
    database = InMemoryExampleDatabase()
    runs: list[int] = []

    @settings(QUICK, database=database, max_examples=300)
    @given(simulations())
    def test(sim: Simulation) -> None:
        runs.append(1)
        with sim:
            check_then_create(sim)

    with pytest.raises(AssertionError):
        test()
    assert database.data
    runs.clear()
    with pytest.raises(AssertionError):
        test()
    assert len(runs) < 100


class Register(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def on_receive(self, message: Any) -> int:
        if message != "get":
            self.value = message
        return self.value


class Cache(Actor):
    """Answers from memory what it once asked for: stale, if somebody else has written meanwhile."""

    def __init__(self, register: Any, *, stale: bool) -> None:
        super().__init__()
        self.register = register
        self.stale = stale
        self.value: int | None = None

    def on_receive(self, message: Any) -> int | None:
        if message != "get":
            self.register.tell(message)
            self.value = None
        elif self.value is None or not self.stale:
            self.value = self.register.ask("get")
        return self.value


class CacheMachine(SimulatedStateMachine):
    stale = False

    def __init__(self) -> None:
        super().__init__()
        self.register = self.sim.spawn(Register)
        self.caches = [self.sim.spawn(Cache, self.register, stale=self.stale) for _ in range(2)]
        self.last = 0

    @rule(value=st.integers(1, 3), which=st.integers(0, 1))
    def write(self, value: int, which: int) -> None:
        self.caches[which].ask(value)
        self.sim.run()
        self.last = value

    @rule(which=st.integers(0, 1))
    def read(self, which: int) -> None:
        assert self.caches[which].ask("get") == self.last

    def at_rest(self) -> None:
        assert self.sim.instance(self.register).value == self.last


class StaleMachine(CacheMachine):
    stale = True


def test_client_commands_find_a_stale_cache_and_no_fault_with_one_that_asks() -> None:
    quick = settings(QUICK, max_examples=100, stateful_step_count=10)
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(StaleMachine, settings=quick)
    assert "state._begin(choices=...)" in "\n".join(caught.value.__notes__)
    run_state_machine_as_test(CacheMachine, settings=settings(quick, max_examples=30))


def test_a_simulation_that_outlives_its_test_says_so() -> None:
    kept: list[Simulation] = []

    @settings(QUICK, max_examples=1)
    @given(simulations())
    def test(sim: Simulation) -> None:
        kept.append(sim)

    test()
    with kept[0] as sim, pytest.raises(SimulationError, match="a test that has ended"):
        check_then_create(sim)


def test_a_machine_that_fails_says_with_what_though_it_never_came_to_its_end() -> None:
    class Failing(SimulatedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.sim.eventually("something", lambda: True)

        @rule()
        def fails(self) -> None:
            msg = "not today"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="not today"):
        run_state_machine_as_test(Failing, settings=QUICK)


def test_a_machine_that_cannot_be_made_leaves_no_simulation_behind() -> None:
    class Broken(SimulatedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            msg = "not today"
            raise ValueError(msg)

        @rule()
        def nothing(self) -> None: ...

    with pytest.raises(ValueError, match="not today"):
        run_state_machine_as_test(Broken, settings=QUICK)
    threading.Thread(target=int).start()  # refused in a simulation
    assert gc.isenabled()
