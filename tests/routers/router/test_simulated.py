"""Routers under the simulator: every order is tried, and time is virtual."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorDeadError, ActorRef, DeadLetter, Future, Timeout
from actors.routers import (
    Broadcast,
    ConsistentHash,
    LeastLoaded,
    NoRouteeError,
    RandomRouting,
    RoundRobin,
    Router,
    RouterActor,
    ScatterGather,
    TailChopping,
)
from actors.routers.switch import load_of
from actors.testing import Simulation, check_stable, explore
from supervisors import Supervisor, child
from tests.routers.router.kit import Worker
from tests.support import scaled

EVERY = [RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(str), Broadcast(), ScatterGather(), TailChopping(1.0)]
every_routing = pytest.mark.parametrize("routing", EVERY, ids=lambda routing: type(routing).__name__)


class Sender(Actor):
    """Sends its messages through a router."""

    def on_receive(self, message: tuple[ActorRef[Any], tuple[Any, ...]]) -> None:
        ref, messages = message
        for one in messages:
            ref.tell(one)


class Parked(Actor):
    """At its first message for ever."""

    def on_receive(self, message: Any) -> None:
        Future[None]().get()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9), st.sets(st.integers(0, 8)), st.integers(0, 12))
@settings(max_examples=scaled(500, 40), deadline=None)
def test_the_next_in_turn_of_the_least_loaded_gets_each_message(waiting: list[int], busy: set[int], count: int) -> None:
    loads = [wait + (number in busy) for number, wait in enumerate(waiting)]
    with Simulation() as simulation:
        refs = [simulation.spawn(Parked) for _ in waiting]
        for number in busy & set(range(len(refs))):
            refs[number].tell("the first")
        simulation.run()
        for ref, wait in zip(refs, waiting, strict=True):
            for number in range(wait):
                ref.tell(number)
        router = Router(simulation.system, refs, routing=LeastLoaded())
        before = [load_of(ref) for ref in refs]
        # An idle actor that is sent something begins with it only when the simulation goes on.
        assert before == loads
        for turn in range(count):
            router.ref.tell("message")
            in_turn = [(turn + step) % len(refs) for step in range(len(refs))]
            loads[next(index for index in in_turn if loads[index] == min(loads))] += 1
            assert [load_of(ref) for ref in refs] == loads
        for ref in refs:
            ref.kill(block=False)


class AsyncSender(Actor):
    """Does as `Sender`, awaiting."""

    async def on_receive(self, message: tuple[ActorRef[Any], tuple[Any, ...]]) -> None:
        ref, messages = message
        for one in messages:
            await ref.tell_async(one)


class Noting(Actor):
    """Notes what it is sent where the test can see it, also once it was killed."""

    def __init__(self, done: list[Any]) -> None:
        super().__init__()
        self.done = done

    def on_receive(self, message: Any) -> None:
        self.done.append(message)


class Manager(Actor):
    """Adds a routee, or removes it if it is one."""

    def on_receive(self, message: tuple[Router[Any], ActorRef[Any]]) -> None:
        router, worker = message
        if not router.remove(worker):
            router.add(worker)


class Killer(Actor):
    """Kills whom it is told to."""

    def on_receive(self, ref: ActorRef[Any]) -> None:
        ref.kill(block=False)


class SlowAnswer(Actor):
    """Answers after some seconds of the clock, awaiting; or fails then."""

    def __init__(self, seconds: float, answer: Any) -> None:
        super().__init__()
        self.seconds, self.answer = seconds, answer
        self.done = 0

    async def on_receive(self, _: Any) -> Any:
        await asyncio.sleep(self.seconds)
        self.done += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("sender", [Sender, AsyncSender])
def test_two_senders_meet_in_either_order(sender: type[Actor]) -> None:
    found: set[tuple[Any, ...]] = set()

    def scenario(sim: Simulation) -> None:
        workers = [sim.spawn(Worker) for _ in range(2)]
        router = Router(sim.system, workers)
        for name in "ab":
            sim.spawn(sender).tell((router.ref, (name,)))
        sim.run()
        found.add(tuple(tuple(sim.instance(worker).seen) for worker in workers))  # type: ignore[attr-defined]

    result = explore(scenario, strategy="exhaustive")
    result.check()
    assert result.exhausted
    assert found == {(("a",), ("b",)), (("b",), ("a",))}


@every_routing
def test_runs_are_the_same_again(routing: Any) -> None:
    def scenario(sim: Simulation) -> None:
        workers = [sim.spawn(Worker, name=f"w{index}") for index in range(3)]
        router = Router(sim.system, workers, routing=routing)
        asked = [router.ref.ask(number, block=False) for number in range(3)]
        sim.spawn(Sender).tell((router.ref, (1, 2)))
        workers[0].stop(block=False)
        for future in asked:
            future.exception()

    check_stable(scenario)


@every_routing
@pytest.mark.parametrize("sender", [Sender, AsyncSender])
def test_no_message_is_lost_or_doubled_while_routees_come_and_go(routing: Any, sender: type[Actor]) -> None:
    """Messages that a routee has taken end with it, as dead letters; those that it has not taken go to another."""

    def scenario(sim: Simulation) -> None:
        done: list[Any] = []
        dead: list[Any] = []
        sim.system.events.subscribe(DeadLetter, lambda letter: dead.append(letter.message))
        workers = [sim.spawn(Noting, done) for _ in range(3)]
        router = Router(sim.system, workers[:2], routing=routing)
        for name in (1, 2):
            sim.spawn(sender).tell((router.ref, (name * 10, name * 10 + 1)))
        manager = sim.spawn(Manager)
        manager.tell((router, workers[2]))
        manager.tell((router, workers[1]))
        sim.spawn(Killer).tell(workers[0])
        sim.run()
        fates = Counter([*done, *dead])
        assert fates.keys() == {10, 11, 20, 21}
        assert max(fates.values()) <= (3 if isinstance(routing, Broadcast | ScatterGather) else 1)

    explore(scenario, runs=scaled(400, 60)).check()


def test_messages_of_one_key_stay_in_order() -> None:
    def scenario(sim: Simulation) -> None:
        workers = [sim.spawn(Worker) for _ in range(3)]
        router = Router(sim.system, workers, routing=ConsistentHash(lambda message: message[0]))
        for name in "ab":
            sim.spawn(Sender).tell((router.ref, tuple((key, name, number) for number in range(3) for key in (1, 2))))
        sim.run()
        for key in (1, 2):
            places = [worker for worker in workers if any(one[0] == key for one in sim.instance(worker).seen)]  # type: ignore[attr-defined]
            assert len(places) == 1
            for name in "ab":
                numbers = [one[2] for one in sim.instance(places[0]).seen if one[:2] == (key, name)]  # type: ignore[attr-defined]
                assert numbers == [0, 1, 2]

    explore(scenario, runs=scaled(400, 60)).check()


def test_a_send_that_meets_a_death_goes_either_way() -> None:
    outcomes: set[str] = set()

    def scenario(sim: Simulation) -> None:
        workers = [sim.spawn(Worker, name=f"w{index}") for index in range(2)]
        router = Router(sim.system, workers, routing=lambda _, refs: refs[0])

        class Asker(Actor):
            def on_receive(self, _: Any) -> None:
                try:
                    outcomes.add(router.ref.ask("question"))
                except NoRouteeError:
                    raise
                except ActorDeadError:
                    outcomes.add("died with it")

        sim.spawn(Asker).tell("go")
        sim.spawn(Killer).tell(workers[0])
        sim.run()

    result = explore(scenario, strategy="exhaustive", runs=20_000)
    result.check()
    assert result.exhausted
    assert outcomes == {"w0", "w1", "died with it"}


@pytest.mark.parametrize("routing", [ScatterGather(), Broadcast()])
def test_answers_race_in_either_order(routing: Any) -> None:
    outcomes: set[Any] = set()

    def scenario(sim: Simulation) -> None:
        router = Router(sim.system, [sim.spawn(Worker, name=f"w{index}") for index in range(2)], routing=routing)
        answer = router.ref.ask("question")
        outcomes.add(tuple(answer) if isinstance(answer, list) else answer)

    result = explore(scenario, strategy="exhaustive", runs=20_000)
    result.check()
    assert result.exhausted
    assert outcomes == ({("w0", "w1")} if isinstance(routing, Broadcast) else {"w0", "w1"})


def test_tail_chopping_asks_another_at_each_interval_until_there_is_an_answer() -> None:
    with Simulation() as sim:
        slow = [sim.spawn(SlowAnswer, 100.0, index) for index in range(3)]
        router = Router(sim.system, slow, routing=TailChopping(10.0))
        future = router.ref.ask("question", block=False)
        begun = []
        for _ in range(4):
            sim.advance(5.0)
            begun.append(sum(ref.stats().in_progress for ref in slow))
            sim.advance(5.0)
        assert begun == [1, 2, 3, 3]
        assert future.get() in {0, 1, 2}
        assert sim.now == 100.0


def test_a_fast_answer_ends_tail_chopping_and_its_timer() -> None:
    with Simulation() as sim:
        router = Router(sim.system, [sim.spawn(SlowAnswer, 5.0, "fast") for _ in range(3)], routing=TailChopping(10.0))
        assert router.ref.ask("question") == "fast"
        assert sim.now == 5.0
        sim.run()
        assert sim.now == 5.0  # nothing is left that waits for its time
        cancelled = router.ref.ask("question", block=False)
        cancelled.cancel()
        sim.run()
        assert sim.now <= 10.0


def test_tail_chopping_is_as_fast_as_the_fastest_it_has_asked() -> None:
    times = set()
    for seed in range(10):
        with Simulation(seed=seed) as sim:
            refs = [sim.spawn(SlowAnswer, 100.0, "slow"), sim.spawn(SlowAnswer, 1.0, "fast")]
            assert Router(sim.system, refs, routing=TailChopping(10.0)).ref.ask("question") == "fast"
            times.add(sim.now)
    assert times == {1.0, 11.0}


@every_routing
def test_a_timeout_passes_in_virtual_time(routing: Any) -> None:
    with Simulation() as sim:
        router = Router(sim.system, [sim.spawn(SlowAnswer, 100.0, "late") for _ in range(2)], routing=routing)
        with pytest.raises(Timeout):
            router.ref.ask("question", timeout=30.0)
        assert sim.now == 30.0


def test_a_supervised_router_keeps_its_routees_over_a_restart() -> None:
    with Simulation() as sim:
        one, two = (sim.spawn(Worker, name=f"w{index}") for index in range(2))
        supervisor = sim.spawn(Supervisor, [child(RouterActor, [one], name="router", routing=RoundRobin())])
        plain = sim.system.lookup(f"{supervisor.path}/router")
        assert plain is not None
        router: Router[Worker] = Router.of(plain)
        router.add(two)
        ref = router.ref
        plain.restart()
        assert {ref.ask(number) for number in range(2)} == {"w0", "w1"}
        assert {plain.ask(number) for number in range(2)} == {"w0", "w1"}
        assert Router.of(plain).routees == (one, two)
        one.kill()
        sim.run()
        assert router.routees == (two,)


def test_a_handle_waits_for_a_router_that_is_starting() -> None:
    with Simulation() as sim:
        worker = sim.spawn(Worker, name="w0")
        plain = sim.system.start(RouterActor, [worker], name="router")
        assert Router.of(plain).ref.ask("question") == "w0"
