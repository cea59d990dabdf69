"""A simulated system is a system: the same actors, in virtual time, on the test's own thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import itertools
import socket
import subprocess
import threading
import time
import weakref
from typing import Any

import pytest
from greenlet import greenlet

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    ActorSystem,
    Bounded,
    DeadlockError,
    Down,
    DownReason,
    Future,
    MailboxFullError,
    Overflow,
    Priority,
    Timeout,
)
from actors.events import CallbackFailed, MailboxHighWater
from actors.testing import (
    Fifo,
    Ordering,
    RandomWalk,
    RealWorldError,
    Simulation,
    SimulationError,
    StuckError,
    TooManyStepsError,
)
from tests.simulation.scenarios import Forward, Log, arrivals


class Echo(Actor):
    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Sleeper(Actor):
    async def on_receive(self, seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds


class Relay(Actor):
    def __init__(self, target: ActorRef[Any]) -> None:
        super().__init__()
        self.target = target

    def on_receive(self, message: Any) -> Any:
        return self.target.ask(message)


def orders(ordering: Ordering, runs: int = 400) -> set[tuple[int, ...]]:
    found = set()
    for seed in range(runs):
        with Simulation(RandomWalk(seed), ordering=ordering) as sim:
            found.add(arrivals(sim))
    return found


def test_time_is_virtual_and_jumps_to_what_is_waited_for() -> None:
    with Simulation() as sim:
        asked = sim.spawn(Relay, sim.spawn(Sleeper)).ask(3600.0)
        assert (asked, sim.now) == (3600.0, 3600.0)
        sim.advance(60.0)
        assert sim.now == 3660.0


def test_plain_and_async_actors_with_timers_run_as_in_production() -> None:
    class Periodic(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.ticks = 0

        def on_start(self) -> None:
            self.start_periodic_timer("tick", 1.0, "tick")

        def on_receive(self, message: Any) -> Any:
            if message == "tick":
                self.ticks += 1
            return self.ticks

    with Simulation() as sim:
        ref = sim.spawn(Periodic)
        sim.advance(10.5)
        assert ref.ask("how many?") == 10


def test_a_causal_run_keeps_cause_before_effect_and_gives_all_else() -> None:
    # 2 and 3 come by one way and keep their order; each other pair is concurrent.
    expected = {order for order in itertools.permutations((1, 2, 3, 4)) if order.index(2) < order.index(3)}
    assert orders(Ordering.CAUSAL) == expected


def test_an_effect_never_overtakes_its_cause_under_causal_order_and_may_under_pair_fifo() -> None:
    def run(ordering: Ordering, seed: int) -> tuple[int, ...]:
        with Simulation(RandomWalk(seed), ordering=ordering) as sim:
            log = sim.spawn(Log)
            forward = sim.spawn(Forward, log)
            log.tell(1)
            forward.tell(2)  # sent after 1, arrives by another way
            sim.run()
            got: tuple[int, ...] = log.ask("got")
            return got

    assert {run(Ordering.CAUSAL, seed) for seed in range(100)} == {(1, 2)}
    assert {run(Ordering.PAIR_FIFO, seed) for seed in range(100)} == {(1, 2), (2, 1)}


def test_pair_fifo_keeps_the_order_of_one_sender_and_unordered_keeps_none() -> None:
    def run(ordering: Ordering, seed: int) -> tuple[int, ...]:
        with Simulation(RandomWalk(seed), ordering=ordering) as sim:
            log = sim.spawn(Log)
            for number in range(3):
                log.tell(number)
            sim.run()
            got: tuple[int, ...] = log.ask("got")
            return got

    assert {run(Ordering.PAIR_FIFO, seed) for seed in range(50)} == {(0, 1, 2)}
    assert {run(Ordering.UNORDERED, seed) for seed in range(200)} == set(itertools.permutations(range(3)))


def test_without_a_strategy_what_has_waited_longest_comes_first() -> None:
    with Simulation(Fifo()) as sim:
        assert arrivals(sim) == (4, 1, 2, 3)
    with Simulation() as sim:
        assert arrivals(sim) == (4, 1, 2, 3)


def test_a_timeout_races_with_the_answer() -> None:
    def run(seed: int) -> str:
        with Simulation(RandomWalk(seed)) as sim:
            try:
                sim.spawn(Echo).ask("x", timeout=1.0)
            except Timeout:
                return "late"
            return "in time"

    assert {run(seed) for seed in range(50)} == {"late", "in time"}


def test_bounded_and_priority_mailboxes_keep_their_rules() -> None:
    class Small(Log, mailbox=Bounded(1)):
        pass

    class Refusing(Log, mailbox=Bounded(1, Overflow.REJECT)):
        pass

    class Sorted(Log, mailbox=Priority(key=lambda message: -message if isinstance(message, int) else 0)):
        pass

    with Simulation() as sim:
        small, refusing, ranked = sim.spawn(Small), sim.spawn(Refusing), sim.spawn(Sorted)
        for number in range(5):
            small.tell(number)  # waits for room by taking steps
        for number in range(5):
            ranked.tell(number)
        refusing.tell(0)
        with pytest.raises(MailboxFullError):
            refusing.tell(1)
        sim.run()
        assert small.ask("got") == (0, 1, 2, 3, 4)
        assert ranked.ask("got") == (4, 3, 2, 1, 0)
        assert refusing.ask("got") == (0,)


def test_unstashed_messages_come_first_and_in_order_under_every_model() -> None:
    class Stasher(Log):
        locked = True

        def on_receive(self, message: Any) -> Any:
            if message == "unlock":
                self.locked = False
                return self.unstash()
            if self.locked:
                self.stash()
                return None
            return super().on_receive(message)

    for ordering in Ordering:
        for seed in range(20):
            with Simulation(RandomWalk(seed), ordering=ordering) as sim:
                ref = sim.spawn(Stasher)
                for number in range(3):
                    ref.tell(number)
                sim.run()
                ref.tell("unlock")
                sim.run()
                got = ref.ask("got")
                assert sorted(got) == [0, 1, 2]
                if ordering is not Ordering.UNORDERED:
                    assert got == (0, 1, 2)


def test_watches_restarts_kills_and_shutdowns_work() -> None:
    class Watching(Log):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                self.watch(message)
                return None
            return super().on_receive(message.reason if isinstance(message, Down) else message)

    with Simulation() as sim:
        watcher, victim, parked = sim.spawn(Watching), sim.spawn(Sleeper), sim.spawn(Relay, sim.spawn(Sleeper))
        watcher.ask(victim)
        watcher.ask(parked)
        asked = parked.ask(5.0, block=False)
        sim.step()
        assert victim.restart() is True
        assert victim.kill() is True
        assert parked.kill() is True
        sim.run()
        assert watcher.ask("got") == (DownReason.KILLED, DownReason.KILLED)
        assert isinstance(asked.exception(), ActorDeadError)
        assert sim.system.shutdown().killed == ()


def test_a_cycle_of_waits_raises_as_everywhere() -> None:
    with Simulation() as sim:
        echo = sim.spawn(Echo)
        with pytest.raises(DeadlockError):
            echo.ask(lambda me: me.actor_ref.ask("me"))


@pytest.mark.parametrize("mailbox", [None, Bounded(10), Priority(id)], ids=repr)
def test_messages_under_way_to_an_actor_are_not_called_too_many(mailbox: Any) -> None:
    found: list[Any] = []
    with Simulation() as sim:
        system = sim.new_system(high_water=1)
        system.events.subscribe(MailboxHighWater, found.append)
        ref = system.spawn(Log, mailbox=mailbox)
        for number in range(10):
            ref.tell(number)
        sim.run()
    assert found == []


def test_the_correlation_ids_of_a_simulation_are_the_same_in_every_run() -> None:
    class Identify(Actor):
        def on_receive(self, _: Any) -> Any:
            return self.correlation_id

    def run() -> list[Any]:
        with Simulation() as sim:
            ref = sim.new_system(tracing=True).spawn(Identify)
            return [ref.ask("x") for _ in range(3)]

    assert run() == run()


def test_waiting_for_what_can_never_come_says_who_else_waits() -> None:
    class Never(Actor):
        def on_receive(self, _: object) -> None:
            self.reply_later()

    with Simulation() as sim:
        asked = sim.spawn(Relay, sim.spawn(Never, name="never"), name="relay").ask("x", block=False)
        with pytest.raises(StuckError) as caught:
            asked.get()
        assert caught.value.waiting == ("/relay",)
        assert "the scenario waits for an answer of /relay;" in str(caught.value)
        assert "/relay for an answer of /never" in str(caught.value)


def test_a_coroutine_that_waits_for_what_can_never_come_is_named_too() -> None:
    class Forgotten(Actor):
        async def on_receive(self, _: object) -> None:
            await asyncio.Event().wait()

    with Simulation() as sim:
        with pytest.raises(StuckError) as caught:
            sim.spawn(Forgotten, name="forgotten").ask("x")
        assert caught.value.asked == caught.value.waiting == ("/forgotten",)


def test_a_run_without_end_is_ended_and_names_the_busy() -> None:
    class Restless(Actor):
        def on_receive(self, message: Any) -> None:
            self.actor_ref.tell(message)

    with Simulation(max_steps=100) as sim:
        sim.spawn(Restless, name="restless").tell("go")
        with pytest.raises(TooManyStepsError, match="/restless"):
            sim.run()


def test_a_coroutine_that_polls_for_ever_is_ended_and_named() -> None:
    class Polling(Actor):
        async def on_receive(self, _: Any) -> None:
            while True:  # noqa: ASYNC110
                await asyncio.sleep(0)

    with Simulation(max_steps=200) as sim:
        sim.spawn(Polling, name="polling").tell("go")
        with pytest.raises(TooManyStepsError, match=r"coroutine of /polling polls") as caught:
            sim.run()
        assert caught.value.polls


def test_many_short_bursts_on_the_loop_are_no_polling() -> None:
    class Bursting(Actor):
        async def on_receive(self, _: Any) -> None:
            for _turn in range(1_100):  # more than what runs in one step
                await asyncio.sleep(0)

    with Simulation(max_steps=1_000) as sim:
        bursting = sim.spawn(Bursting)
        for _ in range(12):
            bursting.ask("go")


def reach_thread() -> None:
    threading.Thread(target=print).start()


def reach_sleep() -> None:
    time.sleep(0.001)


def reach_socket() -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", 9))


def reach_process() -> None:
    subprocess.run(["true"], check=True)


def reach_executor() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(print)


@pytest.mark.parametrize("reach", [reach_thread, reach_sleep, reach_socket, reach_process, reach_executor])
def test_what_reaches_for_the_real_world_is_refused_with_its_line(reach: Any) -> None:
    def handler(_: Any) -> None:
        try:
            reach()
        except Exception:  # noqa: BLE001  # what careless code does
            return

    with Simulation() as sim:
        with pytest.raises(RealWorldError) as caught:
            sim.spawn(Echo).ask(handler)
        assert __file__ in caught.value.where
    if reach is not reach_socket:
        reach()  # outside everything is as before


def test_an_async_handler_cannot_use_an_executor_either() -> None:
    class Executing(Actor):
        async def on_receive(self, _: object) -> None:
            await asyncio.to_thread(print)

    with Simulation() as sim, pytest.raises(RealWorldError, match="executor"):
        sim.spawn(Executing).ask("go")


def test_systems_and_actors_made_inside_belong_to_the_simulation() -> None:
    with Simulation() as sim:
        with ActorSystem("own") as own:
            assert own.spawn(Sleeper).ask(100.0) == 100.0
        started = Echo.start()
        assert started.ask("x") == "x"
        assert sim.now == 100.0
        assert started in sim.system.actors()
    with ActorSystem() as real:
        assert real.spawn(Echo).ask("real", timeout=30) == "real"


def test_other_threads_have_nothing_to_do_with_a_simulation() -> None:
    begin, done = threading.Event(), threading.Event()
    outcomes: list[Any] = []

    def elsewhere() -> None:
        begin.wait(30)
        with ActorSystem() as real:
            future: Future[int] = Future()
            threading.Timer(0.01, future.set, [7]).start()
            outcomes.append((future.get(timeout=30), real.spawn(Echo).ask("real", timeout=30)))
        done.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with Simulation() as sim:
        begin.set()
        assert done.wait(30)
        assert (sim.steps, sim.now) == (0, 0.0)
    thread.join()
    assert outcomes == [(7, "real")]


@pytest.mark.parametrize("runs", [True, False])
def test_what_another_thread_sends_into_a_simulation_is_refused_there_and_fails_the_run(*, runs: bool) -> None:
    """It would come at a moment that nobody chose. That its own thread swallows the error helps nothing."""
    begin, done = threading.Event(), threading.Event()
    calls: list[Any] = []
    met: list[BaseException] = []

    def elsewhere() -> None:
        begin.wait(30)
        for call in calls:
            try:
                call()
            except RealWorldError as error:
                met.append(error)
        done.set()

    def simulated() -> None:
        with Simulation() as sim:
            answer: Future[int] = Future()
            echo = sim.spawn(Echo)
            sim.spawn(Waits, answer).tell("go")
            sim.run()
            calls.extend((lambda: echo.tell("stray"), lambda: answer.set(1)))
            begin.set()
            assert done.wait(30)
            if runs:
                sim.run()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with pytest.raises(RealWorldError, match=r"another thread .*test_simulation\.py:\d+"):
        simulated()
    thread.join()
    assert len(met) == 2


class Waits(Actor):
    def __init__(self, answer: Future[Any]) -> None:
        super().__init__()
        self.answer = answer

    def on_receive(self, _: Any) -> None:
        self.answer.get()


def test_the_end_unwinds_what_waits_and_leaves_no_greenlet_and_no_task() -> None:
    unwound: list[str] = []

    class Cleaning(Relay):
        def on_receive(self, message: Any) -> Any:
            try:
                return super().on_receive(message)
            finally:
                unwound.append("plain")

    class AsyncCleaning(Sleeper):
        async def on_receive(self, seconds: float) -> float:
            try:
                return await super().on_receive(seconds)
            finally:
                unwound.append("async")

    def run() -> weakref.ref[Simulation]:
        with Simulation() as sim:
            sim.spawn(Cleaning, sim.spawn(Sleeper)).tell(1.0)
            sim.spawn(AsyncCleaning).tell(1.0)
            for _ in range(4):
                sim.step()
        return weakref.ref(sim)

    gc.collect()
    before = sum(isinstance(one, greenlet) for one in gc.get_objects())
    alive = run()
    assert sorted(unwound) == ["async", "plain"]
    gc.collect()
    assert alive() is None
    assert sum(isinstance(one, greenlet) for one in gc.get_objects()) <= before


def test_a_mistaken_ordering_is_refused() -> None:
    with pytest.raises(TypeError, match="Ordering"):
        Simulation(ordering="causal")  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["step", "run", "advance"])
def test_steps_are_not_taken_by_handlers(call: str) -> None:
    class Meddler(Actor):
        def on_receive(self, message: Any) -> None:
            getattr(sim, call)(*[1] * (call == "advance"))

    with Simulation() as sim, pytest.raises(SimulationError, match="is for the scenario"):
        sim.spawn(Meddler).ask("go")


class Pinged(Actor):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.got.append(message)
        return tuple(self.got)


def test_the_registry_shows_the_actors_of_the_simulation_and_no_others() -> None:
    real = Pinged.start()
    try:
        with Simulation() as sim:
            assert ActorRegistry.get_all() == []
            one = Pinged.start()
            other = sim.spawn(Pinged)
            elsewhere = sim.new_system("elsewhere").spawn(Pinged)
            assert ActorRegistry.get_by_class(Pinged) == ActorRegistry.get_by_class_name("Pinged") == [one, other]
            assert ActorRegistry.get_by_urn(one.actor_urn) == one
            assert ActorRegistry.get_by_urn(real.actor_urn) is None
            assert ActorRegistry.get_by_urn(elsewhere.actor_urn) is None
            ActorRegistry.broadcast("all", Pinged)
            assert [ref.ask("asked") for ref in (one, other, elsewhere)] == [("all", "asked"), ("all", "asked"), ("asked",)]
            assert ActorRegistry.stop_all() == [True, True]
            assert ActorRegistry.get_all() == []
            assert elsewhere.is_alive()
        assert ActorRegistry.get_all() == [real]
        assert real.ask("asked") == ("asked",)
    finally:
        real.stop()


def test_actors_find_each_other_by_the_registry_in_a_simulation_as_in_production() -> None:
    class Finder(Actor):
        def on_receive(self, _: Any) -> Any:
            return [ref.ask("found") for ref in ActorRegistry.get_by_class(Pinged)]

    def program() -> Any:
        for _ in range(2):
            Pinged.start()
        return Finder.start().ask("go")

    try:
        produced = program()
    finally:
        ActorRegistry.stop_all()
    with Simulation():
        assert program() == produced == [("found",), ("found",)]


class Exits(Actor):
    def on_receive(self, _: Any) -> None:
        raise SystemExit


def test_a_handler_that_exits_stops_all_actors_of_the_default_system_as_in_production() -> None:
    with Simulation() as sim:
        exits, other = sim.spawn(Exits), sim.spawn(Pinged)
        exits.tell("now")
        sim.run()
        assert not exits.is_alive()
        assert not other.is_alive()
        assert sim.spawn(Pinged).ask("still here") == ("still here",)


def test_a_future_that_is_resolved_is_read_on_the_loop_as_in_production() -> None:
    class Reader(Actor):
        def __init__(self, setter: ActorRef[Any]) -> None:
            super().__init__()
            self.setter = setter
            self.ready: list[Future[int]] = []

        async def on_receive(self, message: Any) -> Any:
            if message == "read":
                return [(one.get(), one.exception()) for one in self.ready]
            answer: Future[int] = Future()
            answer.add_done_callback(self.ready.append)
            self.setter.tell(answer)
            return None

    class Setter(Actor):
        def on_receive(self, answer: Future[int]) -> None:
            answer.set(1)

    with Simulation() as sim:
        reader = sim.spawn(Reader, sim.spawn(Setter))
        reader.ask("go")
        sim.run()
        assert reader.ask("read") == [(1, None)]


def test_callbacks_are_checked_and_told_of_as_in_production() -> None:
    async def awaits(_: Any) -> None: ...

    def fails(_: Any) -> None:
        raise ValueError

    told: list[CallbackFailed] = []
    with Simulation() as sim:
        sim.system.events.subscribe(CallbackFailed, told.append)
        answer: Future[int] = sim.spawn(Pinged).ask("go", block=False)
        with pytest.raises(TypeError, match="nobody would await it"):
            answer.add_done_callback(awaits)
        answer.add_done_callback(fails)
        sim.run()
    assert [one.callback for one in told] == [fails]


def test_a_simulation_does_not_begin_in_a_handler() -> None:
    class Nesting(Actor):
        def on_receive(self, _: Any) -> None:
            with Simulation():
                pass

    with Simulation() as sim, pytest.raises(SimulationError, match="begins in a handler"):
        sim.spawn(Nesting).ask("go")
    assert gc.isenabled()
