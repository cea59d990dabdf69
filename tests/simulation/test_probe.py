"""Probes say what came and what did not, in real systems and in simulated ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    AskCancelled,
    BlockingInLoopError,
    Down,
    DownReason,
    Future,
    SystemConfig,
)
from actors.testing import ManualClock, Probe, ProbeError, Simulation, explore, replay
from actors.testing import probe as module
from tests.simulation.scenarios import Forward, Log
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")

SAFETY = 30.0


class Ticker(Actor):
    """Tells the target "tick" every so many seconds."""

    def __init__(self, target: ActorRef[Any], seconds: float) -> None:
        super().__init__()
        self.target = target
        self.seconds = seconds

    def on_start(self) -> None:
        self.start_periodic_timer("tick", self.seconds, "tick")

    def on_receive(self, message: Any) -> None:
        self.target.tell(message)


class Breaking(Actor):
    def on_receive(self, message: Any) -> None:
        raise ValueError(message)


class Doing(Actor):
    """Calls what it is asked."""

    def on_receive(self, message: Any) -> Any:
        return message()


class Asker(Actor):
    """Passes an ask on; the answer comes from there."""

    def __init__(self, target: ActorRef[Any]) -> None:
        super().__init__()
        self.target = target

    def on_receive(self, message: Any) -> Any:
        return self.target.ask(message)


@pytest.fixture(params=["real", "simulated"])
def system(request: pytest.FixtureRequest) -> Iterator[ActorSystem]:
    if request.param == "real":
        with ActorSystem() as real:
            yield real
    else:
        with Simulation() as sim:
            yield sim.system


@pytest.fixture
def probe(system: ActorSystem) -> Probe:
    return Probe(system, name="probe", timeout=SAFETY)


def tell(probe: Probe, *messages: Any) -> None:
    for message in messages:
        probe.ref.tell(message)


# -- expect ----------------------------------------------------------------------------------------------------------------


def test_what_is_expected_may_be_a_value_a_type_a_predicate_or_anything(probe: Probe) -> None:
    tell(probe, "one", 2, 3.0, 4, "five", None, None)
    assert probe.expect("one") == "one"
    assert probe.expect(int) == 2
    assert probe.expect(int | float) == 3.0
    assert probe.expect(lambda message: message == 4) == 4
    assert probe.expect() == "five"
    assert probe.expect() is None
    assert probe.expect(None) is None


def test_a_value_that_stands_for_many_is_asked_whether_it_is_equal(probe: Probe) -> None:
    class Particular:
        def __eq__(self, other: object) -> bool:
            return False

        def __hash__(self) -> int:
            return 0

    tell(probe, ("id", 7), (mine := Particular()))
    assert probe.expect(("id", mock.ANY)) == ("id", 7)
    assert probe.expect(mock.ANY) is mine


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("two", "expected 'two', but 'one' came"),
        (int, "expected an instance of int, but 'one' came"),
        (int | None, "expected an instance of int | None, but 'one' came"),
        (str.isupper, "is true, but 'one' came"),
        (lambda message: message == 2, f"<lambda> ({__file__}:"),
    ],
)
def test_another_message_is_told_with_what_was_expected_and_is_taken(probe: Probe, expected: Any, text: str) -> None:
    tell(probe, "one", "two")
    with pytest.raises(ProbeError, match=re.escape(text)) as caught:
        probe.expect(expected)
    assert isinstance(caught.value, AssertionError)
    assert (caught.value.probe, caught.value.recent[0]) == ("/probe", "'one'")
    assert probe.expect() == "two"


def test_nothing_within_the_timeout_is_told_with_the_last_messages(probe: Probe) -> None:
    with pytest.raises(ProbeError) as caught:
        probe.expect("x", timeout=0.01)
    assert str(caught.value) == "probe /probe: expected 'x', but nothing came within 0.01 seconds\nit has received no message"
    tell(probe, *range(12))
    for number in range(12):
        probe.expect(number)
    with pytest.raises(ProbeError) as caught:
        probe.expect(timeout=0.01)
    lines = str(caught.value).splitlines()
    assert lines[0] == "probe /probe: expected any message, but nothing came within 0.01 seconds"
    assert lines[1:] == ["the last messages it received:", *(f"  {number}" for number in range(2, 12))]


def test_the_timeout_of_the_probe_holds_where_none_is_given(system: ActorSystem) -> None:
    with pytest.raises(ProbeError, match=r"nothing came within 0\.02 seconds"):
        Probe(system, timeout=0.02).expect()


def test_messages_are_shown_short_and_also_if_they_cannot_be_shown(probe: Probe) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise LookupError

    tell(probe, "x" * 1000, Shy())
    with pytest.raises(ProbeError) as caught:
        probe.expect("y")
    assert len(str(caught.value)) < 600
    with pytest.raises(ProbeError, match=r"<Shy whose repr\(\) raised LookupError> came"):
        probe.expect("y")


def test_what_can_match_nothing_is_refused_at_once(probe: Probe) -> None:
    async def predicate(message: Any) -> bool:
        return True

    for one in (list[int], predicate):
        for call in (probe.expect, probe.fish_for, probe.expect_all):
            with pytest.raises(TypeError, match="is not valid"):
                call(one)
    with pytest.raises(TypeError, match="ignore="):
        probe.fish_for(int, ignore=dict[str, int])
    with pytest.raises(ValueError, match="timeout=-1"):
        probe.expect(timeout=-1)
    with pytest.raises(TypeError, match="system="):
        Probe("system")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout="):
        Probe(probe.ref._target.system.face, timeout=float("inf"))


def test_what_a_predicate_raises_comes_out_and_the_probe_goes_on(probe: Probe) -> None:
    tell(probe, "one", "two")
    with pytest.raises(AttributeError):
        probe.expect(lambda message: message.missing)
    assert probe.expect() == "two"


# -- nothing, some, and several --------------------------------------------------------------------------------------------


def test_nothing_comes_where_nothing_is_expected(probe: Probe) -> None:
    probe.expect_none(0.01)
    tell(probe, "one")
    with pytest.raises(ProbeError, match=r"expected nothing within 30\.0 seconds, but 'one' came"):
        probe.expect_none(SAFETY)
    probe.expect_none(0.01)


def test_fishing_skips_what_is_not_looked_for(probe: Probe) -> None:
    tell(probe, "one", 2, "three", 4)
    assert probe.fish_for(int) == 2
    assert probe.fish_for(4, ignore=str) == 4


def test_fishing_ends_at_what_is_not_to_be_ignored(probe: Probe) -> None:
    tell(probe, "one", 2.0, 3)
    with pytest.raises(ProbeError, match=r"expected an instance of int, but 2\.0 came"):
        probe.fish_for(int, ignore=str)
    assert probe.expect() == 3


def test_fishing_ends_at_its_timeout_however_much_comes(system: ActorSystem, probe: Probe) -> None:
    system.spawn(Ticker, probe.ref, 0.001)
    probe.expect("tick")
    with pytest.raises(ProbeError, match=r"expected 'fish', but no such message came within 0\.05 seconds\nthe last messages .*\n  'tick'"):
        probe.fish_for("fish", timeout=0.05)


def test_fishing_in_a_flood_ends_at_its_timeout_too() -> None:
    with ActorSystem() as system:
        probe = Probe(system)

        def more(message: Any) -> bool:
            probe._arrive(message, None)  # there is always one
            return False

        probe.ref.tell("drop")
        with pytest.raises(ProbeError, match="no such message came"):
            probe.fish_for(more, timeout=0.05)
        assert probe.expect() == "drop"


def test_several_may_come_in_any_order_and_are_returned_in_the_order_expected(probe: Probe) -> None:
    tell(probe, "b", "a", 3)
    assert probe.expect_all("a", int, "b") == ("a", 3, "b")
    assert probe.messages == ()


def test_a_message_that_fits_several_leaves_the_only_place_of_another_free(probe: Probe) -> None:
    tell(probe, 5, 7, 6)
    assert probe.expect_all(int, lambda message: message < 7, 5) == (7, 6, 5)


def test_of_several_each_needs_a_message_of_its_own(probe: Probe) -> None:
    tell(probe, "a", "c")
    with pytest.raises(ProbeError, match="expected 'b', but 'c' came"):
        probe.expect_all("a", "b")
    tell(probe, "a")
    with pytest.raises(ProbeError, match=r"expected an instance of int and 'a', but not all of that came within 0\.01 seconds"):
        probe.expect_all("a", int, "a", timeout=0.01)
    with pytest.raises(ValueError, match="at least one"):
        probe.expect_all()


def test_several_share_one_timeout(system: ActorSystem, probe: Probe) -> None:
    system.spawn(Ticker, probe.ref, 0.01)
    with pytest.raises(ProbeError, match=r"not all of that came within 0\.05 seconds"):
        probe.expect_all(*["tick"] * 1000, timeout=0.05)


def test_what_was_not_expected_yet_can_be_looked_at(system: ActorSystem, probe: Probe) -> None:
    tell(probe, 0, 1, 2)
    assert probe.expect() == 0
    probe._wait(probe.ref.call(Actor.unwatch, probe.ref), SAFETY)  # it has handled what came before
    assert probe.messages == (1, 2)
    assert probe.messages == (1, 2)


def test_a_probe_that_runs_over_says_so_wherever_it_is_used(
    probe: Probe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert module.LIMIT == 10_000  # as the documentation says
    monkeypatch.setattr(module, "LIMIT", 3)
    tell(probe, 0, 1, 2, 3, 4)
    with caplog.at_level(logging.ERROR, "actors"), pytest.raises(ProbeError, match="more than 3 messages"):
        probe.ref.ask("asked", timeout=SAFETY)
    assert len([record for record in caplog.records if "more than 3 messages" in record.message]) == 1
    with pytest.raises(ProbeError, match="more than 3 messages came that nobody expected; 3 were refused"):
        probe.expect()
    with pytest.raises(ProbeError, match="more than 3 messages"):
        _ = probe.messages
    assert len(probe._came) == 3


# -- ends ------------------------------------------------------------------------------------------------------------------


def test_a_watched_end_comes_with_its_reason(system: ActorSystem, probe: Probe) -> None:
    breaking = system.spawn(Breaking)
    probe.watch(breaking)
    breaking.tell("no")
    down = probe.expect_down(breaking)
    assert (down.ref, down.reason, str(down.error)) == (breaking, DownReason.CRASHED, "no")
    probe.watch(breaking)
    assert probe.expect_down(breaking).reason is DownReason.NOT_FOUND


def test_the_end_of_another_or_another_message_is_not_the_end_expected(system: ActorSystem, probe: Probe) -> None:
    one, other = system.spawn(Breaking, name="one"), system.spawn(Breaking, name="other")
    probe.watch(other)
    other.stop(block=False)
    with pytest.raises(ProbeError, match=r"expected the Down of /one, but Down\(.*came"):
        probe.expect_down(one)
    tell(probe, "x")
    with pytest.raises(ProbeError, match="expected the Down of /one, but 'x' came"):
        probe.expect_down(one)
    with pytest.raises(ProbeError, match=r"expected the Down of /one, but nothing came within 0\.01 seconds"):
        probe.expect_down(one, timeout=0.01)
    for call in (probe.watch, probe.expect_down):
        with pytest.raises(TypeError, match="ref='one'"):
            call("one")  # type: ignore[operator]


def test_the_probe_ends_with_its_block(system: ActorSystem) -> None:
    other = Probe(system, timeout=SAFETY)
    with Probe(system, timeout=0.01) as probe:
        assert repr(probe) == f"<Probe {probe.ref.path}>"
        other.watch(probe.ref)
    assert other.expect_down(probe.ref).reason is DownReason.STOPPED
    with pytest.raises(ProbeError, match="the probe has ended"):
        probe.expect()
    with pytest.raises(ActorDeadError):
        probe.watch(other.ref)


# -- answers ---------------------------------------------------------------------------------------------------------------


def test_an_ask_waits_for_the_answer_of_the_test(probe: Probe) -> None:
    asked = probe.ref.ask("question", block=False)
    probe.expect("question")
    assert not asked.done()
    assert probe.reply(7) is True
    assert asked.get(timeout=SAFETY) == 7


def test_of_several_asks_the_one_that_came_last_is_answered(probe: Probe) -> None:
    first, last = (probe.ref.ask(name, block=False) for name in ("first", "last"))
    probe.expect_all("last", "first")
    probe.reply("answer")
    assert last.get(timeout=SAFETY) == "answer"
    assert not first.done()


def test_an_answer_goes_through_the_actor_that_asked(system: ActorSystem, probe: Probe) -> None:
    asked = system.spawn(Asker, probe.ref).ask("question", block=False)
    probe.expect("question")
    probe.reply("answer")
    assert asked.get(timeout=SAFETY) == "answer"


def test_an_ask_may_be_answered_with_a_failure(system: ActorSystem, probe: Probe) -> None:
    asked = system.spawn(Asker, probe.ref).ask("question", block=False)
    probe.expect("question")
    with pytest.raises(TypeError, match="error='no'"):
        probe.fail("no")  # type: ignore[arg-type]
    assert probe.fail(LookupError("no")) is True
    with pytest.raises(LookupError, match="no"):
        asked.get(timeout=SAFETY)


def test_where_there_is_nothing_to_answer_it_says_why(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="nothing to answer: no message was expected yet"):
        probe.reply()
    tell(probe, "told")
    probe.expect()
    for call in (probe.reply, lambda: probe.fail(LookupError())):
        with pytest.raises(ProbeError, match="'told', was told and not asked"):
            call()  # type: ignore[operator]
    asked = probe.ref.ask("asked", block=False)
    probe.expect()
    assert probe.reply(1) is True
    for call in (probe.reply, lambda: probe.fail(LookupError())):
        with pytest.raises(ProbeError, match="'asked', has its answer"):
            call()  # type: ignore[operator]
    assert asked.get(timeout=SAFETY) == 1


def test_an_answer_that_nobody_waits_for_any_more_says_so(probe: Probe) -> None:
    asked = probe.ref.ask("asked", block=False)
    probe.expect()
    asked.cancel()
    assert probe.reply() is False
    assert isinstance(asked.exception(), AskCancelled)


def test_an_ask_that_is_not_answered_ends_with_the_probe(system: ActorSystem) -> None:
    with Probe(system, timeout=SAFETY) as probe:
        taken, waiting = (probe.ref.ask(name, block=False) for name in ("taken", "waiting"))
        probe.expect("taken")
    for asked in (taken, waiting):
        assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)


# -- who waits -------------------------------------------------------------------------------------------------------------


def test_a_handler_may_expect_too(system: ActorSystem, probe: Probe) -> None:
    doing = system.spawn(Doing)
    asked = doing.ask(lambda: probe.expect("x"), block=False)
    tell(probe, "x")
    assert asked.get(timeout=SAFETY) == "x"
    late = doing.ask(lambda: probe.expect("x", timeout=0.01), block=False)
    assert isinstance(late.exception(timeout=SAFETY), ProbeError)


def test_two_calls_at_once_are_refused() -> None:
    within, gate = threading.Event(), threading.Event()
    got: list[Any] = []

    def slowly(message: Any) -> bool:
        within.set()
        return gate.wait(SAFETY)

    with ActorSystem() as system:
        probe = Probe(system, timeout=SAFETY)
        thread = threading.Thread(target=lambda: got.append(probe.expect(slowly)))
        thread.start()
        tell(probe, "one")
        assert within.wait(SAFETY)
        for call in (probe.expect, lambda: probe.expect_none(0.0), lambda: probe.fish_for(int), lambda: probe.expect_all(int)):
            with pytest.raises(RuntimeError, match="give each thread or task a probe of its own"):
                call()  # type: ignore[operator]
        gate.set()
        thread.join(SAFETY)
        tell(probe, "two")
        assert (got, probe.expect()) == (["one"], "two")


def test_on_an_event_loop_expecting_is_awaited() -> None:
    async def scenario() -> None:
        async with ActorSystem() as system:
            probe = Probe(system, timeout=SAFETY)
            with pytest.raises(BlockingInLoopError):
                probe.expect()
            asyncio.get_running_loop().call_soon(probe.ref.tell, "one")
            assert await probe.expect_async("one") == "one"
            breaking = await system.spawn_async(Breaking)
            await probe.watch_async(breaking)
            breaking.tell("no")
            assert (await probe.expect_async(Down)).reason is DownReason.CRASHED
            tell(probe, "two")
            with pytest.raises(ProbeError, match="expected 'x', but 'two' came"):
                await probe.expect_async("x")
            with pytest.raises(ProbeError, match=r"expected 'x', but nothing came within 0\.01 seconds"):
                await probe.expect_async("x", timeout=0.01)
            waiting = asyncio.ensure_future(probe.expect_async())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="probe of its own"):
                await probe.expect_async()
            waiting.cancel()
            tell(probe, "three")
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await probe.expect_async() == "three"

    asyncio.run(scenario())


def test_an_async_handler_expects_in_a_simulation() -> None:
    class Expecting(Actor):
        async def on_receive(self, probe: Probe) -> Any:
            return await probe.expect_async("tick", timeout=100.0)

    with Simulation() as sim:
        probe = Probe(sim.system)
        sim.spawn(Ticker, probe.ref, 60.0)
        assert sim.spawn(Expecting).ask(probe) == "tick"
        assert sim.now == 60.0


def test_a_clock_that_stands_still_keeps_no_probe_waiting() -> None:
    with ActorSystem(config=SystemConfig(ports=ManualClock().ports())) as system:
        probe = Probe(system)
        with pytest.raises(ProbeError, match="nothing came"):
            probe.expect(timeout=0.01)
        probe.expect_none(0.01)

        def feed() -> None:
            with contextlib.suppress(ActorDeadError):
                while True:
                    probe.ref.ask("noise")

        feeder = threading.Thread(target=feed)
        feeder.start()

        def heard(message: Any) -> bool:
            probe.reply()
            return False

        with pytest.raises(ProbeError, match="no such message came"):
            probe.fish_for(heard, timeout=0.05)
        probe.ref.kill()
        feeder.join(SAFETY)


# -- simulations -----------------------------------------------------------------------------------------------------------


def test_waits_in_a_simulation_take_virtual_time() -> None:
    with Simulation() as sim:
        probe = Probe(sim.system)
        with pytest.raises(ProbeError, match=r"nothing came within 3\.0 seconds"):
            probe.expect()
        assert sim.now == 3.0
        probe.expect_none(3600.0)
        assert sim.now == 3603.0
        sim.spawn(Ticker, probe.ref, 60.0)
        assert probe.expect("tick", timeout=60.0) == "tick"
        assert sim.now == 3663.0
        probe.expect_none(59.0)
        assert sim.now == 3722.0
        assert probe.fish_for("tick", timeout=1.0) == "tick"
        assert sim.now == 3723.0
        with pytest.raises(ProbeError, match=r"'tick' and 'tick', but not all of that came"):
            probe.expect_all(*["tick"] * 4, timeout=179.0)
        assert sim.now == 3902.0


def chain(sim: Simulation) -> Probe:
    """Three messages under way to a probe, each by two others."""
    probe = Probe(sim.system)
    for number in range(3):
        sim.spawn(Forward, sim.spawn(Forward, probe.ref)).tell(number)
    return probe


def test_no_order_of_events_makes_a_probe_miss_what_is_under_way() -> None:
    def all_come(sim: Simulation) -> None:
        probe = chain(sim)
        other = sim.spawn(Breaking)
        probe.watch(other)
        probe.expect_all(0, 1, 2)
        other.tell("no")
        probe.expect_down(other)

    def nothing_is_overlooked(sim: Simulation) -> None:
        with pytest.raises(ProbeError):
            chain(sim).expect_none(1.0)

    for scenario in (all_come, nothing_is_overlooked):
        found = explore(scenario, runs=scaled(2000, 200))
        found.check()
        assert found.runs == scaled(2000, 200)


def test_what_is_due_after_the_timeout_does_not_come_before_it() -> None:
    def scenario(sim: Simulation) -> None:
        probe, idle = Probe(sim.system), sim.spawn(Doing)
        busy = [sim.spawn(Forward, idle) for _ in range(5)]
        doing = sim.spawn(Doing)
        late = lambda: sim.instance(doing).start_timer("late", 1.5, lambda: probe.ref.tell("late"))  # noqa: E731
        for one in busy:
            one.tell(int)
        doing.tell(late)
        probe.expect_none(1.0)
        assert sim.now == 1.0

    explore(scenario, runs=scaled(2000, 200)).check()


@pytest.mark.parametrize("look", [lambda probe: probe.expect("done"), lambda probe: probe.messages], ids=["expect", "messages"])
def test_what_is_sent_because_of_what_a_probe_has_comes_after_what_led_to_that(look: Any) -> None:
    """Also if it had come before the scenario looked: no wait has told it then."""

    class First(Actor):
        def on_receive(self, targets: Any) -> None:
            log, ref = targets
            log.tell(1)
            ref.tell("done")

    def scenario(sim: Simulation) -> None:
        probe, log = Probe(sim.system), sim.spawn(Log)
        sim.spawn(First).tell((log, probe.ref))
        while not probe._came:
            sim.step()
        look(probe)
        assert log.ask("got") == (1,)

    explore(scenario, runs=scaled(1000, 100)).check()


def test_a_small_scenario_with_a_probe_is_proved() -> None:
    def scenario(sim: Simulation) -> None:
        probe = Probe(sim.system)
        for number in range(2):
            sim.spawn(Forward, probe.ref).tell(number)
        probe.expect_all(0, 1)
        probe.expect_none(1.0)

    found = explore(scenario, strategy="exhaustive", runs=10_000)
    found.check()
    assert found.exhausted
    assert found.runs > 1


def out_of_order(sim: Simulation) -> None:
    probe = Probe(sim.system, name="probe")
    for number in range(2):
        sim.spawn(Forward, probe.ref).tell(number)
    probe.expect(0)
    probe.expect(1)


def test_a_failure_that_a_probe_finds_is_shrunk_and_replayed() -> None:
    failure = explore(out_of_order, runs=100).failure
    assert failure is not None
    assert "probe /probe: expected 0, but 1 came" in str(failure)
    again = replay(out_of_order, failure.token)
    assert again is not None
    assert again.steps == failure.steps


# -- races -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("tiny_switch_interval")
def test_no_message_is_lost_or_out_of_order_however_waits_and_timeouts_meet_it() -> None:
    senders, each = 3, scaled(20_000, 2_000)
    with ActorSystem() as system:
        probe = Probe(system, timeout=SAFETY)

        def send(name: int) -> None:
            for number in range(each):
                probe.ref.ask((name, number), timeout=SAFETY)

        threads = [threading.Thread(target=send, args=(name,)) for name in range(senders)]
        for thread in threads:
            thread.start()
        next_of = [0] * senders
        while sum(next_of) < senders * each:
            try:
                name, number = probe.expect(timeout=(0.0, 1e-6, SAFETY)[sum(next_of) % 3])
            except ProbeError:
                name, number = probe.expect()  # a message that meets the timeout is not lost
            assert number == next_of[name]
            next_of[name] += 1
            probe.reply()
        for thread in threads:
            thread.join(SAFETY)
        assert probe.messages == ()


@pytest.mark.usefixtures("tiny_switch_interval")
def test_a_message_that_comes_while_a_wait_begins_ends_it() -> None:
    rounds = scaled(20_000, 3_000)
    with ActorSystem() as system:
        probe, echo = Probe(system, timeout=SAFETY), Probe(system, timeout=SAFETY)
        done: Future[None] = Future()

        def bounce() -> None:
            for number in range(rounds):
                echo.expect(number)
                probe.ref.tell(number)
            done.set()

        thread = threading.Thread(target=bounce)
        thread.start()
        for number in range(rounds):
            echo.ref.tell(number)
            probe.expect(number)
        done.get(timeout=SAFETY)
        thread.join(SAFETY)
