"""`@simulate`: a scenario as a test of pytest, with fixtures and with inputs of hypothesis."""

from __future__ import annotations

import inspect
import sys
import unittest
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from actors.testing import Faults, Ordering, Simulation, TokenError, explore, keeping, simulate
from actors.testing import shrink as shrinking
from tests.simulation.scenarios import Forward, Log, check_then_create

calls: list[str] = []


@pytest.fixture
def word() -> str:
    return "word"


@simulate(runs=10)
def test_a_simulated_test_takes_fixtures_and_runs_in_many_orders(sim: Simulation, word: str) -> None:
    calls.append(word)
    log = sim.spawn(Log)
    for _ in range(3):
        sim.spawn(Forward, log).tell(word)
    sim.run()
    assert log.ask("got") == (word,) * 3


@settings(deadline=None, max_examples=10)
@given(words=st.lists(st.text(max_size=3), max_size=3))
@simulate(runs=5)
def test_a_simulated_test_takes_inputs_of_hypothesis(sim: Simulation, words: list[str]) -> None:
    log = sim.spawn(Log)
    forward = sim.spawn(Forward, log)
    for word in words:
        forward.tell(word)
    sim.run()
    assert log.ask("got") == tuple(word for word in words if word != "got")


def test_each_call_makes_as_many_runs_as_were_asked_for() -> None:
    count: list[None] = []

    @simulate(runs=7)
    def scenario(sim: Simulation) -> None:
        count.append(None)
        log = sim.spawn(Log)
        for _ in range(3):
            sim.spawn(Forward, log).tell(1)
        sim.run()

    scenario()
    assert len(count) == 7


def test_the_failure_comes_out_with_the_report_and_its_token_makes_it_again() -> None:
    failure = explore(check_then_create).failure
    assert failure is not None
    with pytest.raises(AssertionError) as caught:
        simulate()(check_then_create)()
    assert failure.token in caught.value.__notes__[0]
    with pytest.raises(AssertionError) as again:
        simulate(token=failure.token)(check_then_create)()
    assert str(len(failure.steps)) in again.value.__notes__[0]
    with pytest.raises(TokenError):
        simulate(token="damaged")(check_then_create)()


def test_name_text_and_the_other_parameters_stay() -> None:
    def scenario(sim: Simulation, one: int, *, other: str = "x") -> None:
        """Says what it is."""

    made: Any = simulate()(scenario)
    assert (made.__name__, made.__doc__) == ("scenario", "Says what it is.")
    assert list(inspect.signature(made).parameters) == ["one", "other"]


def test_a_test_that_takes_no_simulation_is_refused() -> None:
    with pytest.raises(TypeError, match="first parameter"):
        simulate()(lambda: None)  # type: ignore[misc, arg-type]


# -- what is no verdict ----------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> tuple[Any, list[None]]:
    """Return a simulated test that raises `error` in every run, and a list of its runs."""
    made: list[None] = []

    @simulate(runs=5)
    def scenario(sim: Simulation) -> None:
        made.append(None)
        sim.spawn(Log).tell(1)
        raise error

    return scenario, made


def outcome(leave: Callable[[], object]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # any
        leave()
    return caught.value


@pytest.mark.parametrize(
    "leave", [lambda: pytest.skip("no"), lambda: pytest.xfail("no"), lambda: pytest.exit("no"), lambda: unittest.TestCase().skipTest("no")]
)
def test_what_leaves_a_test_is_no_failure_and_goes_out_at_once(leave: Callable[[], object]) -> None:
    error = outcome(leave)
    scenario, made = raising(error)
    with pytest.raises(type(error)) as caught:
        scenario()
    assert caught.value is error
    assert not hasattr(error, "__notes__")
    assert len(made) == 1


@pytest.mark.parametrize("leave", [lambda: pytest.fail("no"), lambda: unittest.TestCase().fail("no")])
def test_a_verdict_of_a_test_framework_is_a_failure(leave: Callable[[], object]) -> None:
    error = outcome(leave)
    scenario, made = raising(error)
    with pytest.raises(type(error)) as caught:
        scenario()
    assert "replay with" in caught.value.__notes__[0]
    assert len(made) > 1


def test_an_input_that_hypothesis_is_to_drop_is_no_failure() -> None:
    words: list[str] = []

    @settings(deadline=None, max_examples=10, database=None, suppress_health_check=list(HealthCheck))
    @given(word=st.text(max_size=3))
    @simulate(runs=3)
    def scenario(sim: Simulation, word: str) -> None:
        words.append(word)
        assume(len(word) != 1)
        sim.spawn(Log).tell(word)
        sim.run()

    scenario()
    short = [word for word in words if len(word) == 1]
    assert short
    assert all(words.count(word) < 3 for word in short)


def test_a_skip_in_another_order_does_not_hide_a_failure() -> None:
    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        for word in "abc":
            sim.spawn(Forward, log).tell(word)
        sim.run()
        if log.ask("got") == ("b", "a", "c"):
            pytest.skip("an order that the failure is made small by")
        assert log.ask("got") in {("a", "b", "c"), ("a", "c", "b")}

    for seed in (1, 4, 5, 6):  # whose first failure is not the skip
        assert explore(scenario, seed=seed).failure is not None


# -- what is kept ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)  # what fails here is to be kept for no other test, and no other session
def database(monkeypatch: pytest.MonkeyPatch) -> InMemoryExampleDatabase:
    database = InMemoryExampleDatabase()
    monkeypatch.setattr(keeping, "_database", lambda: database)
    return database


def kept_in(database: InMemoryExampleDatabase) -> list[str]:
    return [value.decode() for values in database.data.values() for value in values]


class Order:
    """A scenario that fails if its messages do not come in the order sent, and counts its runs."""

    def __init__(self) -> None:
        self.words = list("abc")
        self.runs = 0
        self.fails = True

    def test(self, **options: Any) -> Callable[[], None]:
        def scenario(sim: Simulation) -> None:
            self.runs += 1
            log = sim.spawn(Log)
            for word in self.words:
                sim.spawn(Forward, log).tell(word)
            sim.run()
            assert log.ask("got") == tuple(self.words) or not self.fails

        return simulate(**{"runs": 20, **options})(scenario)

    def failure(self, **options: Any) -> str:
        """Return the notes that the test fails with; "" if it passes."""
        self.runs = 0
        try:
            self.test(**options)()
        except AssertionError as error:
            return "\n".join(error.__notes__)
        return ""


def test_a_kept_failure_is_tried_first_and_says_so(database: InMemoryExampleDatabase) -> None:
    order = Order()
    assert "kept from an earlier session" not in order.failure()
    (token,) = kept_in(database)
    again = order.failure(seed=1)  # another seed is no other program
    assert order.runs == 1
    assert "kept from an earlier session" in again
    assert token in again


@pytest.mark.parametrize("other", [{"ordering": Ordering.PAIR_FIFO}, {"max_steps": 1000}, {"faults": Faults(drop=1, actors=(Log,))}])
def test_a_kept_failure_is_forgotten_when_the_test_asks_for_another_world(database: InMemoryExampleDatabase, other: dict[str, Any]) -> None:
    order = Order()
    assert order.failure()
    before = kept_in(database)
    assert "kept from an earlier session" not in order.failure(**other)
    assert order.runs > 1
    assert len(kept_in(database)) == 1
    assert kept_in(database) != before
    assert "kept from an earlier session" in order.failure(**other)


@pytest.mark.parametrize("words", ["abc", "a"])  # a token of three messages does not fit to one
def test_a_kept_failure_that_is_mended_is_forgotten(database: InMemoryExampleDatabase, words: str) -> None:
    order = Order()
    assert order.failure()
    order.fails, order.words = False, list(words)
    assert order.failure() == ""
    assert kept_in(database) == []
    assert order.runs == 21


# -- methods ---------------------------------------------------------------------------------------------------------------


class TestMethods:
    """Tests in a class."""

    words = ("a", "b")

    @simulate(runs=3)
    def test_a_method_takes_the_simulation_after_its_object(self, sim: Simulation) -> None:
        assert type(self) is TestMethods
        log = sim.spawn(Log)
        log.tell(self.words)
        assert log.ask("got") == (self.words,)

    @simulate(runs=3)
    def test_a_method_takes_fixtures(self, sim: Simulation, word: str) -> None:
        assert (type(self), type(sim), word) == (TestMethods, Simulation, "word")

    @settings(deadline=None, max_examples=3)
    @given(number=st.integers())
    @simulate(runs=3)
    def test_a_method_takes_inputs(self, sim: Simulation, number: int) -> None:
        assert (type(self), type(sim), type(number)) == (TestMethods, Simulation, int)

    @staticmethod
    @simulate(runs=3)
    def test_a_static_method_takes_the_simulation_first(sim: Simulation, word: str) -> None:
        assert (type(sim), word) == (Simulation, "word")

    @classmethod
    @simulate(runs=3)
    def test_a_class_method_takes_it_after_the_class(cls, sim: Simulation) -> None:
        assert (cls, type(sim)) == (TestMethods, Simulation)


class TestCases(unittest.TestCase):
    """Tests of unittest."""

    @simulate(runs=3)
    def test_a_test_case_takes_the_simulation(self, sim: Simulation) -> None:
        self.assertIsInstance(sim, Simulation)  # noqa: PT009  # what it is there for


class Wrong:
    @simulate()
    def forgets_itself(sim: Simulation) -> None:  # noqa: N805
        pass


def test_methods_that_cannot_be_simulated_are_refused_with_the_way_out() -> None:
    def alone(self: object) -> None: ...

    with pytest.raises(TypeError, match=r"the one after it is to be the simulation.*\(self, sim\)"):
        simulate()(alone)  # type: ignore[arg-type, call-overload]
    with pytest.raises(TypeError, match=r"is a method.*named self.*staticmethod"):
        Wrong().forgets_itself()  # type: ignore[call-arg]
    for kind in (staticmethod, classmethod):
        with pytest.raises(TypeError, match=f"@{kind.__name__} stands above"):
            simulate()(kind(lambda sim: None))  # type: ignore[arg-type, call-overload]


def test_a_failing_method_is_kept(database: InMemoryExampleDatabase) -> None:
    class Tests:
        @simulate()
        def fails(self, sim: Simulation) -> None:
            check_then_create(sim)

    notes = []
    for _ in range(2):
        with pytest.raises(AssertionError) as caught:
            Tests().fails()
        notes.append("".join(caught.value.__notes__))
    assert ["kept" in note for note in notes] == [False, True]


# -- inputs of hypothesis that fail ----------------------------------------------------------------------------------------


def test_a_schedule_is_shrunk_only_for_the_inputs_that_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    failed, runs, shrunk = [0], [0], [0]
    real = shrinking.shrink

    def count(*args: Any) -> list[int]:
        shrunk[0] += 1
        return real(*args)

    monkeypatch.setattr(sys.modules["actors.testing.explore"], "shrink", count)  # the package has the function by that name

    @settings(deadline=None, max_examples=100, database=None, derandomize=True)
    @given(words=st.lists(st.text(max_size=5), max_size=8))
    @simulate(runs=20)
    def scenario(sim: Simulation, words: list[str]) -> None:
        runs[0] += 1
        log = sim.spawn(Log)
        for word in words:
            sim.spawn(Forward, log).tell((word,))
        sim.run()
        failed[0] += log.ask("got") != tuple((word,) for word in words)
        assert log.ask("got") == tuple((word,) for word in words)

    with pytest.raises(AssertionError) as caught:
        scenario()
    assert any("replay with" in note for note in caught.value.__notes__)
    assert failed[0] > 10  # failing runs while the inputs are simplified
    assert shrunk == [1]
    assert runs[0] < 1500  # 3147 with each failure shrunk, 579 with one
