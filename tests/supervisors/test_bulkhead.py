"""The bulkhead: how many are in at once, who comes next, and that no place is lost."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from typing import Any

import pytest

from actors import ActorRef, ActorSystem, BlockingInLoopError, DispatcherKind, Future, SystemConfig
from actors.testing import ManualClock, Simulation, explore
from supervisors import Bulkhead, BulkheadFullError
from tests.contract.kit import eventually
from tests.stress.threads import race
from tests.supervisors.kit import AsyncDoing, Crowd, Doing, Down, Reentrant, fails, fails_async
from tests.support import scaled

KINDS = pytest.mark.parametrize("kind", [Doing, AsyncDoing])


def entering(kind: Any, bulkhead: Bulkhead, log: list[Any], name: Any, gate: Future[Any]) -> Any:
    """A handler that goes into the bulkhead, notes its name, and waits for the gate in there."""

    def plain() -> None:
        with bulkhead:
            log.append(name)
            gate.get()

    async def coroutine() -> None:
        async with bulkhead:
            log.append(name)
            await gate

    return plain if kind is Doing else coroutine


# -- how many --------------------------------------------------------------------------------------------------------------


def test_so_many_are_in_at_once_and_one_more_is_refused() -> None:
    bulkhead = Bulkhead(2, name="model")
    with bulkhead, bulkhead:
        assert (bulkhead.active, bulkhead.waiting) == (2, 0)
        with pytest.raises(BulkheadFullError) as caught:
            bulkhead.call(lambda: pytest.fail("called"))
        with pytest.raises(BulkheadFullError):
            asyncio.run(bulkhead.call_async(fails_async))
    assert (caught.value.name, caught.value.limit, caught.value.waited) == ("model", 2, None)
    assert bulkhead.active == 0
    assert bulkhead.call(lambda: bulkhead.active) == 1


def test_a_call_that_fails_gives_its_place_back() -> None:
    bulkhead = Bulkhead(1)
    with pytest.raises(Down):
        bulkhead.call(fails)
    with pytest.raises(Down):
        asyncio.run(bulkhead.call_async(fails_async))
    with pytest.raises(KeyboardInterrupt), bulkhead:
        raise KeyboardInterrupt
    assert bulkhead.active == 0


@KINDS
def test_those_who_wait_come_in_in_the_order_in_which_they_came(kind: Any) -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(2, waiting=3)
        log: list[int] = []
        gates: list[Future[None]] = [Future() for _ in range(5)]
        for number, gate in enumerate(gates):
            sim.spawn(kind).tell(entering(kind, bulkhead, log, number, gate))
            sim.run()
        assert (log, bulkhead.active, bulkhead.waiting) == ([0, 1], 2, 3)
        for opened, expected in ((1, [0, 1, 2]), (2, [0, 1, 2, 3]), (0, [0, 1, 2, 3, 4])):
            gates[opened].set()
            sim.run()
            assert log == expected
        gates[3].set()
        gates[4].set()
        sim.run()
        assert (bulkhead.active, bulkhead.waiting) == (0, 0)


@KINDS
def test_nobody_overtakes_those_who_wait(kind: Any) -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(1, waiting=1)
        log: list[str] = []
        inside: Future[None] = Future()
        over: Future[None] = Future()
        over.set()
        sim.spawn(kind).tell(entering(kind, bulkhead, log, "first", inside))
        sim.run()
        sim.spawn(kind).tell(entering(kind, bulkhead, log, "waiting", over))
        sim.run()

        def leave_and_come_back() -> None:
            inside.set()
            with bulkhead:
                log.append("again")

        again = sim.spawn(Doing)
        with pytest.raises(BulkheadFullError):  # also in the moment in which the place is free
            again.ask(leave_and_come_back)
        sim.run()
        assert log == ["first", "waiting"]


def test_more_than_may_wait_are_refused() -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(1, waiting=1)
        gate: Future[None] = Future()
        for _ in range(2):
            sim.spawn(Doing).tell(entering(Doing, bulkhead, [], 0, gate))
            sim.run()
        with pytest.raises(BulkheadFullError):
            bulkhead.call(lambda: None)
        gate.set()
        sim.run()


# -- giving up -------------------------------------------------------------------------------------------------------------


@KINDS
def test_a_wait_that_takes_too_long_ends_and_keeps_nothing(kind: Any) -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(1, waiting=5, timeout=3.0)
        gate: Future[None] = Future()
        sim.spawn(kind).tell(entering(kind, bulkhead, [], "in", gate))
        sim.run()
        late = sim.spawn(kind).ask(entering(kind, bulkhead, [], "late", gate), block=False)
        with pytest.raises(BulkheadFullError) as caught:
            late.get()
        assert (sim.now, caught.value.waited) == (3.0, 3.0)
        assert (bulkhead.active, bulkhead.waiting) == (1, 0)
        gate.set()
        sim.run()
        assert bulkhead.active == 0


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_a_wait_of_no_time_is_none(timeout: float) -> None:
    bulkhead = Bulkhead(1, waiting=5, timeout=timeout)
    with bulkhead, pytest.raises(BulkheadFullError):
        bulkhead.call(lambda: None)
    assert bulkhead.active == bulkhead.waiting == 0


def test_the_timeout_goes_by_the_clock_port_and_its_timer_ends_with_the_wait() -> None:
    clock = ManualClock()
    bulkhead = Bulkhead(1, waiting=5, timeout=3.0, ports=clock.ports())
    refused: list[BulkheadFullError] = []
    came = threading.Event()

    def wait() -> None:
        try:
            with bulkhead:
                came.set()
        except BulkheadFullError as error:
            refused.append(error)

    def waiter() -> threading.Thread:
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        eventually(lambda: clock.pending)
        return thread

    with bulkhead:
        late = waiter()
        clock.advance(2.9)
        assert late.is_alive()
        clock.advance(0.1)
        late.join(60)
        assert (len(refused), clock.pending) == (1, 0)
        early = waiter()
    early.join(60)
    assert came.is_set()
    assert clock.pending == 0
    assert bulkhead.active == 0


@KINDS
def test_a_killed_actor_loses_its_place_in_the_line(kind: Any) -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(1, waiting=5, timeout=100.0)
        log: list[str] = []
        gate: Future[None] = Future()
        actors: dict[str, ActorRef[Any]] = {}
        for name in ("in", "killed", "next"):
            actors[name] = sim.spawn(kind)
            actors[name].tell(entering(kind, bulkhead, log, name, gate))
            sim.run() if name == "in" else sim.advance(0.0)
        actors["killed"].kill()
        assert bulkhead.waiting == 1
        gate.set()
        sim.advance(1.0)
        assert log == ["in", "next"]
        assert (bulkhead.active, bulkhead.waiting) == (0, 0)


@KINDS
def test_a_killed_actor_gives_its_place_inside_to_the_next(kind: Any) -> None:
    with Simulation() as sim:
        bulkhead = Bulkhead(1, waiting=5)
        log: list[str] = []
        gate: Future[None] = Future()
        killed = sim.spawn(kind)
        killed.tell(entering(kind, bulkhead, log, "killed", gate))
        sim.run()
        sim.spawn(kind).tell(entering(kind, bulkhead, log, "next", gate))
        sim.run()
        killed.kill()
        sim.run()
        assert log == ["killed", "next"]
        gate.set()
        sim.run()
        assert bulkhead.active == 0


@KINDS
def test_under_every_order_of_messages_a_kill_loses_no_place(kind: Any) -> None:
    ends = set()

    def scenario(sim: Simulation) -> None:
        bulkhead = Bulkhead(1, waiting=5)
        log: list[str] = []
        over: Future[None] = Future()
        over.set()
        inside: Future[None] = Future()
        sim.spawn(kind).tell(entering(kind, bulkhead, log, "in", inside))
        sim.run()
        victim = sim.spawn(kind)
        victim.tell(entering(kind, bulkhead, log, "victim", over))
        sim.run()
        sim.spawn(Doing).tell(lambda: victim.kill(block=False))
        sim.spawn(Doing).tell(inside.set)
        sim.run()
        ends.add(tuple(log))
        assert (bulkhead.active, bulkhead.waiting) == (0, 0)

    found = explore(scenario, strategy="exhaustive", seconds=60)
    found.check()
    assert found.proved
    assert ends == {("in",), ("in", "victim")}


def test_a_cancelled_task_loses_no_place_also_one_that_was_served_in_the_same_moment() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, waiting=5)
        entered: list[str] = []

        async def enter(name: str) -> None:
            async with bulkhead:
                entered.append(name)

        async with bulkhead:
            gone = asyncio.create_task(enter("gone"))
            served = asyncio.create_task(enter("served"))
            third = asyncio.create_task(enter("third"))
            await asyncio.sleep(0)
            assert bulkhead.waiting == 3
            gone.cancel()
            await asyncio.wait([gone])
            assert bulkhead.waiting == 2
        assert bulkhead.waiting == 1  # it was served, and has not come to know of it
        served.cancel()
        await third
        assert served.cancelled()
        assert entered == ["third"]
        assert (bulkhead.active, bulkhead.waiting) == (0, 0)

    asyncio.run(main())


def test_a_timer_that_cannot_be_had_leaves_nobody_in_the_line() -> None:
    class Broken(ManualClock):
        def call_at(self, when: float, call: Any) -> Any:
            msg = "no thread"
            raise RuntimeError(msg)

    bulkhead = Bulkhead(1, waiting=1, timeout=1.0, ports=Broken().ports())
    with bulkhead:
        with pytest.raises(RuntimeError, match="no thread"):
            bulkhead.call(lambda: None)
        assert bulkhead.waiting == 0
    assert bulkhead.active == 0


# -- many at once ----------------------------------------------------------------------------------------------------------


def test_threads_tasks_and_handlers_together_never_exceed_the_limit_and_lose_no_place() -> None:
    clock = ManualClock()
    bulkhead = Bulkhead(2, waiting=1000, timeout=60.0, ports=clock.ports())
    inside: list[None] = []
    most: list[int] = []
    done: list[None] = []

    def work() -> None:
        inside.append(None)
        most.append(len(inside))
        inside.pop()
        done.append(None)

    async def coroutine() -> None:
        async with bulkhead:
            work()
            await asyncio.sleep(0)

    def meanwhile() -> None:
        if len(done) % 50 == 0:
            clock.advance(61.0)  # those who wait have waited too long

    def plain() -> None:
        with bulkhead:
            work()

    Crowd(plain, coroutine, BulkheadFullError, scaled(2000, 160)).race(meanwhile)
    assert max(most) <= 2
    assert len(done) > 10
    assert (len(inside), bulkhead.active, bulkhead.waiting, clock.pending) == (0, 0, 0, 0)


def test_ten_thousand_handlers_wait_on_a_few_threads() -> None:
    count = scaled(10_000, 1_000)
    bulkhead = Bulkhead(1, waiting=count)
    entered: list[int] = []
    with ActorSystem(config=SystemConfig(max_workers=2)) as system, contextlib.ExitStack() as inside:
        inside.enter_context(bulkhead)
        refs = [system.start(Doing) for _ in range(count)]
        asks = [ref.ask(lambda number=number: bulkhead.call(entered.append, number), block=False) for number, ref in enumerate(refs)]
        eventually(lambda: bulkhead.waiting == count)
        assert system.stats().threads < 20
        inside.close()
        for ask in asks:
            ask.get(timeout=60)
    assert sorted(entered) == list(range(count))


def test_an_exploration_knows_that_handlers_share_a_bulkhead() -> None:
    outcomes = set()

    def scenario(sim: Simulation) -> None:
        bulkhead = Bulkhead(1)
        service = sim.spawn(Doing)
        seen: list[str] = []

        def handle(name: str) -> None:
            try:
                bulkhead.call(service.ask, lambda: None)
            except BulkheadFullError:
                seen.append(f"{name} refused")

        sim.spawn(Doing).tell(lambda: handle("one"))
        sim.spawn(Doing).tell(lambda: handle("other"))
        sim.run()
        outcomes.add(tuple(seen))

    assert explore(scenario, strategy="exhaustive", seconds=60).proved
    assert outcomes == {(), ("one refused",), ("other refused",)}


# -- where it is used ------------------------------------------------------------------------------------------------------


def test_a_blocking_wait_on_a_loop_with_actors_is_refused_before_anything_is_done() -> None:
    bulkhead = Bulkhead(1, waiting=1)

    async def blocks() -> None:
        bulkhead.call(lambda: None)

    with ActorSystem() as system:
        actor = system.spawn(AsyncDoing)
        actor.ask(blocks)  # there is room
        with bulkhead, pytest.raises(BlockingInLoopError, match="call_async"):
            actor.ask(blocks)
    assert (bulkhead.active, bulkhead.waiting) == (0, 0)


def test_a_blocking_wait_for_a_task_of_the_same_loop_is_refused_instead_of_waiting_for_ever() -> None:
    bulkhead = Bulkhead(1, waiting=1)

    async def main() -> None:
        async with bulkhead:
            with pytest.raises(BlockingInLoopError, match="async with"), bulkhead:
                pytest.fail("got in")

    race(lambda: asyncio.run(main()))
    assert (bulkhead.active, bulkhead.waiting) == (0, 0)


def test_handlers_of_every_dispatcher_wait_for_each_other() -> None:
    bulkhead = Bulkhead(1, waiting=10)
    entered: list[str] = []
    with ActorSystem() as system:
        with bulkhead:
            asks = [
                system.spawn(Doing, dispatcher=kind).ask(lambda: bulkhead.call(entered.append, "plain"), block=False)
                for kind in (DispatcherKind.POOL, DispatcherKind.THREAD)
            ]

            async def coroutine() -> None:
                async with bulkhead:
                    entered.append("async")

            asks += [system.spawn(kind).ask(coroutine, block=False) for kind in (AsyncDoing, Reentrant)]
            eventually(lambda: bulkhead.waiting == 4)
        for ask in asks:
            ask.get(timeout=60)
    assert sorted(entered) == ["async", "async", "plain", "plain"]


def test_an_async_function_is_not_called_as_a_plain_one() -> None:
    bulkhead = Bulkhead(1)
    with pytest.raises(TypeError, match=r"await bulkhead\.call_async"):
        bulkhead.call(fails_async)
    with pytest.raises(TypeError, match=r"bulkhead\.call\("):
        asyncio.run(bulkhead.call_async(lambda: 3))  # type: ignore[arg-type, return-value]
    assert bulkhead.active == 0


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"limit": 0}, ValueError, "limit=0"),
        ({"limit": True}, TypeError, "limit=True"),
        ({"limit": 2.0}, TypeError, r"limit=2\.0"),
        ({"waiting": -1}, ValueError, "waiting=-1"),
        ({"waiting": None}, TypeError, "waiting=None"),
        ({"timeout": "1"}, TypeError, "timeout='1'"),
        ({"timeout": math.nan}, ValueError, "timeout=nan"),
        ({"timeout": True}, TypeError, "timeout=True"),
        ({"name": b"x"}, TypeError, "name=b'x'"),
        ({"ports": 3}, TypeError, "ports=3"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(given: dict[str, Any], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        Bulkhead(**{"limit": 1, **given})
