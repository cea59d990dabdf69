"""How a simulation ends, and that nothing in it, nor around it, is lost, stuck or left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from actors import Actor, ActorRef, Bounded, Down, Priority, ShutdownPhase
from actors.events import ActorCrashed
from actors.testing import Kind, Ordering, RandomWalk, RealWorldError, Simulation, SimulationError, explore
from tests.simulation.scenarios import Forward, Log


class Echo(Actor):
    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Waiting(Actor):
    async def on_receive(self, message: Any) -> None:
        await asyncio.sleep(10.0)


def test_a_start_or_restart_takes_no_message_along() -> None:
    """Each message is a delivery of its own, or a proof would leave orders out."""

    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        log.tell(1)
        log.tell(2)
        log.restart(block=False)
        sim.run()
        seen.add(log.ask("got"))

    seen: set[tuple[int, ...]] = set()
    result = explore(scenario, strategy="exhaustive", ordering=Ordering.UNORDERED)
    assert result.exhausted
    assert seen == {(1, 2), (2, 1)}


class Sender(Actor):
    """Tells "first" where the effect of that will be "second"."""

    def __init__(self, target: ActorRef[Any], way: ActorRef[Any]) -> None:
        super().__init__()
        self.target, self.way = target, way

    def on_receive(self, _: object) -> None:
        self.target.tell(1)
        self.way.tell(2)


@pytest.mark.parametrize("mailbox", [None, Bounded(1), Priority(lambda _: 0)])
def test_causes_come_first_through_mailboxes_of_every_kind(mailbox: Any) -> None:
    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        way = sim.spawn(Forward, log, mailbox=mailbox)
        sender = sim.spawn(Sender, log, way)
        way.tell(0)
        sender.tell("go")
        sim.run()
        got = log.ask("got")
        assert got.index(1) < got.index(2)

    explore(scenario, runs=300).check()


def test_a_coroutine_that_polls_lets_others_go_on() -> None:
    class Polling(Actor, reentrant=True):
        ready = False

        async def on_receive(self, message: Any) -> Any:
            if message == "ready":
                self.ready = True
            while not self.ready:  # noqa: ASYNC110  # the point
                await asyncio.sleep(0)
            return message

    with Simulation(max_steps=1000) as sim:
        ref = sim.spawn(Polling)
        asked = ref.ask("poll", block=False)
        ref.tell("ready")
        assert asked.get() == "poll"


def test_the_failure_of_the_scenario_comes_out_whatever_unwinding_raises() -> None:
    class Untidy(Actor):
        async def on_receive(self, _: object) -> None:
            try:
                await asyncio.sleep(10.0)
            finally:
                raise ValueError

    def fail() -> None:
        with Simulation() as sim:
            sim.spawn(Untidy).tell("go")
            sim.step()
            raise LookupError

    with pytest.raises(LookupError):
        fail()


def test_the_end_is_no_crash_of_what_waits() -> None:
    crashed: list[Any] = []
    with Simulation() as sim:
        sim.system.events.subscribe(ActorCrashed, crashed.append)
        for _ in range(3):
            sim.spawn(Waiting).tell("go")
        for _ in range(3):
            sim.step()
    assert crashed == []


def test_a_simulation_inside_a_coroutine_leaves_its_loop_running() -> None:
    async def main() -> str:
        with Simulation() as sim:
            assert sim.spawn(Waiting).ask("x") is None
        await asyncio.sleep(0)
        return "still running"

    assert asyncio.run(main()) == "still running"


def test_two_threads_may_simulate_at_once_and_all_is_as_before_afterwards() -> None:
    sleep, start = time.sleep, threading.Thread.start
    results: list[tuple[float, bool]] = []
    both = threading.Barrier(2)

    def simulated() -> None:
        with Simulation() as sim:
            both.wait(30)
            ref = Waiting.start()
            ref.ask("x")
            results.append((sim.now, ref in sim.system.actors()))
            both.wait(30)

    threads = [threading.Thread(target=simulated) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(10.0, True)] * 2
    assert time.sleep is sleep
    assert threading.Thread.start is start


def test_a_shutdown_hook_may_ask_while_an_actor_waits() -> None:
    answers: list[Any] = []
    with Simulation(RandomWalk(1)) as sim:
        slow, echo = sim.spawn(Waiting), sim.spawn(Echo)
        waiting = sim.spawn(Echo).ask(lambda _: slow.ask("x"), block=False)
        sim.system.on_shutdown(ShutdownPhase.BEFORE_STOP, lambda: answers.append(echo.ask("status")), name="ask", timeout=100.0)
        sim.step()
        assert sim.system.shutdown(timeout=1000.0).failed_hooks == ()
        assert waiting.done()
    assert answers == ["status"]


def test_a_timeout_that_was_not_needed_costs_no_time() -> None:
    class Hasty(Actor):
        async def on_receive(self, message: Any) -> Any:
            async with asyncio.timeout(3600):
                await asyncio.sleep(0)
                return message

    with Simulation() as sim:
        assert sim.spawn(Hasty).ask("x") == "x"
        sim.run()
        assert sim.now == 0.0


def test_what_fails_in_the_background_fails_the_run() -> None:
    class Background(Actor):
        async def on_receive(self, _: object) -> None:
            asyncio.get_running_loop().call_soon(self.broken)

        def broken(self) -> None:
            raise LookupError

    with pytest.raises(LookupError), Simulation() as sim:
        sim.spawn(Background).ask("go")


def test_nothing_is_collected_in_the_middle_of_a_run() -> None:
    assert gc.isenabled()
    with Simulation():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_another_loop_is_refused() -> None:
    def run(_: Any) -> None:
        asyncio.new_event_loop()

    with Simulation() as sim, pytest.raises(RealWorldError, match="event loop"):
        sim.spawn(Echo).ask(run)


def test_after_the_end_nothing_happens_and_that_is_said() -> None:
    with Simulation() as sim:
        ref = sim.spawn(Echo)
    with pytest.raises(SimulationError, match="over"):
        ref.ask("x")


def test_another_assertion_is_another_failure() -> None:
    """Shrinking keeps to the one that was found."""

    def scenario(sim: Simulation) -> None:
        log = sim.spawn(Log)
        one, other = sim.spawn(Forward, log), sim.spawn(Forward, log)
        one.tell(1)
        other.tell(2)
        sim.run()
        got = log.ask("got")
        assert got != (2, 1)
        assert got != (1, 2)

    found = explore(scenario).failure
    assert found is not None
    assert found.raw == len(found.steps)
    assert [step.message for step in found.steps if step.kind is Kind.DELIVERY][-1] == "'got'"


class LastWords(Actor):
    def on_receive(self, target: ActorRef[Any]) -> None:
        target.tell("last")
        self.stop()


class LateWatcher(Log):
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ActorRef):
            self.watch(message)
            return None
        return super().on_receive("down" if isinstance(message, Down) else message)


@pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
def test_the_down_of_an_actor_that_is_dead_already_comes_after_what_it_sent(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        watcher, dying = sim.spawn(LateWatcher), sim.spawn(LastWords)
        watcher.tell(dying)
        dying.tell(watcher)
        sim.run()
        assert watcher.ask("got") == ("last", "down")

    result = explore(scenario, strategy="exhaustive", ordering=ordering)
    result.check()
    assert result.exhausted
