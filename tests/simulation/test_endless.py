"""What never ends of itself is ended, and named: handlers and checks that loop, handlers that swallow the end of their simulation."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorRef, Future
from actors.testing import EndlessStepError, Simulation, SimulationError, TooManyStepsError
from actors.testing.oracles import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Simulation, "step_seconds", 0.05)


class Endless(Actor):
    def on_receive(self, _: Any) -> None:
        while True:
            with contextlib.suppress(Exception):
                len([])


class EndlessAsync(Actor):
    async def on_receive(self, _: Any) -> None:
        await asyncio.sleep(1)
        while True:
            pass


class EndlessCallback(Actor):
    async def on_receive(self, _: Any) -> None:
        def spin() -> None:
            while True:
                pass

        asyncio.get_running_loop().call_soon(spin)


class EndlessThenWrong(Actor):
    def on_receive(self, _: Any) -> None:
        try:
            while True:
                pass
        finally:
            raise AssertionError


def _ask_or_tell(sim: Simulation, endless: ActorRef[Any], *, waits: bool) -> None:
    if waits:
        endless.ask("go")
    endless.tell("go")
    sim.run()


class EndlessSwallowing(Actor):
    def on_receive(self, _: Any) -> None:
        self.times = 0
        while True:
            with contextlib.suppress(BaseException):
                while True:
                    with contextlib.suppress(BaseException):
                        self.times += 1


@pytest.mark.parametrize("actor", [EndlessSwallowing, Endless, EndlessAsync, EndlessCallback, EndlessThenWrong])
@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_loops_without_waiting_is_ended_and_named(actor: type[Actor], *, waits: bool) -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    with Simulation() as sim:
        endless = sim.spawn(actor, name="endless")
        with pytest.raises(EndlessStepError, match=r"/endless .*test_endless\.py:\d+") as caught:
            _ask_or_tell(sim, endless, waits=waits)
        assert (caught.value.actor, caught.value.check) == ("/endless", "")
    assert signal.getsignal(signal.SIGVTALRM) is before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "5"])
def test_seconds_that_are_none_are_refused_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch, seconds: Any) -> None:
    monkeypatch.setattr(Simulation, "step_seconds", seconds)
    before = signal.getsignal(signal.SIGVTALRM), time.sleep
    with pytest.raises(ValueError, match="step_seconds"), Simulation():
        pass
    assert gc.isenabled()
    assert before == (signal.getsignal(signal.SIGVTALRM), time.sleep)


def test_a_step_may_be_let_take_as_long_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Simulation, "step_seconds", None)
    with Simulation():
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_long_run_of_short_steps_is_not_taken_for_an_endless_step() -> None:
    class Countdown(Actor):
        def on_receive(self, left: int) -> None:
            if left:
                self.actor_ref.tell(left - 1)

    with Simulation(max_steps=30_000) as sim:
        sim.spawn(Countdown).tell(20_000)
        begun = time.process_time()
        sim.run()
        assert time.process_time() - begun > 0.05  # or the run was no test of it


def spin() -> bool:
    while True:
        pass


class Spinning(Oracle):
    """Loops in the method that it is made with."""

    name = "spinning"

    def __init__(self, method: str) -> None:
        setattr(self, method, lambda *_: spin())


@pytest.mark.parametrize("method", ["sent", "delivered", "done", "stepped", "crashed"])
def test_an_oracle_that_loops_is_ended_and_named_and_not_the_actor(method: str) -> None:
    class Wrong(Actor):
        def on_receive(self, _: Any) -> None:
            raise RuntimeError

    with Simulation() as sim:
        wrong = sim.spawn(Wrong)
        sim.check(Spinning(method))
        with pytest.raises(EndlessStepError, match=r"the check 'spinning' .*test_endless\.py:\d+") as caught:
            _ask_or_tell(sim, wrong, waits=False)
        assert caught.value.check == "spinning"


@pytest.mark.parametrize("watch", [Simulation.always, Simulation.at_rest, Simulation.eventually])
def test_a_property_that_loops_is_ended_and_named(watch: Callable[[Simulation, str, Callable[[], object]], None]) -> None:
    def scenario() -> None:
        with Simulation() as sim:
            sim.spawn(Idle).tell("go")
            watch(sim, "turns", spin)
            sim.run()

    with pytest.raises(EndlessStepError, match="the check 'turns'"):
        scenario()


class Idle(Actor):
    def on_receive(self, _: Any) -> None: ...


class Swallowing(Actor):
    """Waits in a loop that nothing ends."""

    def __init__(self, future: Future[Any]) -> None:
        super().__init__()
        self.future = future

    def on_receive(self, _: Any) -> None:
        while True:
            with contextlib.suppress(BaseException):
                self.future.get()


class SwallowingAsync(Swallowing):
    async def on_receive(self, _: Any) -> None:
        while True:
            with contextlib.suppress(BaseException):
                await self.future


class SwallowingSleeper(Swallowing):
    async def on_receive(self, _: Any) -> None:
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(1)


class SpinningInTheEnd(Swallowing):
    def on_receive(self, _: Any) -> None:
        try:
            self.future.get()
        finally:
            EndlessSwallowing().on_receive(None)


class SpinningInTheEndAsync(Swallowing):
    async def on_receive(self, _: Any) -> None:
        try:
            await self.future
        finally:
            EndlessSwallowing().on_receive(None)


@pytest.mark.parametrize("actor", [Swallowing, SwallowingAsync, SwallowingSleeper, SpinningInTheEnd, SpinningInTheEndAsync])
def test_a_simulation_ends_though_a_handler_swallows_its_end(actor: type[Swallowing]) -> None:
    with Simulation() as sim:
        sim.spawn(actor, Future()).tell("go")
        sim.advance(2.5)
    gc.collect()  # what is left must not be unwound again
    with pytest.raises(SimulationError, match="over"):
        sim.step()


@pytest.mark.parametrize("count", [1, 30])
def test_each_finally_of_a_handler_runs_when_its_simulation_ends(count: int) -> None:
    class Tidy(Actor):
        def __init__(self, log: ActorRef[Any]) -> None:
            super().__init__()
            self.log = log

        def on_receive(self, left: int) -> None:
            try:
                if left:
                    self.on_receive(left - 1)
                else:
                    Future().get()
            finally:
                tidied.append(left)
                self.log.ask("bye")

    tidied: list[int] = []
    with Simulation() as sim:
        sim.spawn(Tidy, sim.spawn(Idle)).tell(count - 1)
        sim.run()
        assert not tidied
    assert tidied == list(range(count))


@pytest.mark.parametrize("call", [Simulation.step, Simulation.run, lambda sim: sim.advance(1.0)])
def test_no_step_is_taken_once_a_simulation_is_over(call: Callable[[Simulation], object]) -> None:
    with Simulation() as sim:
        sim.spawn(Idle).tell("left")
    taken = sim.steps
    with pytest.raises(SimulationError, match="over"):
        call(sim)
    assert sim.steps == taken


class Flooding(Actor):
    def on_receive(self, _: Any) -> None:
        while True:
            with contextlib.suppress(Exception):
                self.actor_ref.tell("more")


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_sends_without_end_is_ended_before_it_has_filled_the_memory(*, waits: bool) -> None:
    with Simulation(max_steps=100) as sim:
        flooding = sim.spawn(Flooding, name="flooding")
        with pytest.raises(TooManyStepsError, match="a step of /flooding has sent 100 messages") as caught:
            _ask_or_tell(sim, flooding, waits=waits)
        assert caught.value.sends


def test_a_scenario_and_the_steps_of_several_handlers_may_send_more_than_there_may_be_in_a_step() -> None:
    class Sending(Actor):
        def on_receive(self, count: int) -> None:
            for _ in range(count):
                idle.tell("one")

    with Simulation(max_steps=100) as sim:
        idle = sim.spawn(Idle)
        senders = [sim.spawn(Sending) for _ in range(3)]
        before = sim.steps
        for sender in senders:
            sender.tell(90)
        for _ in senders:
            sim.step()
        for _ in range(200):
            idle.tell("one")
        assert sim.steps == before + 3
