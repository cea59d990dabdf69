"""Asks that are made again, or of several actors at once."""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRestarting,
    ActorSystem,
    BlockingInLoopError,
    Bounded,
    DeadlockError,
    Future,
    MailboxFullError,
    Overflow,
    SystemConfig,
    Timeout,
)
from actors.events import DeadLetter, DeadLetterReason, UnreadFailure
from actors.testing import ManualClock, Simulation, explore
from supervisors import Backoff, CircuitOpenError, hedge_ask, hedge_ask_async, retry_ask, retry_ask_async
from tests.contract.kit import eventually
from tests.supervisors.kit import AsyncDoing, Doing, Down

STEADY = Backoff(1.0, 60.0, jitter=0.0)


class Replica(Actor):
    """Answers its name after the seconds, or with the failure, that it is told for each ask; then at once."""

    def __init__(self, name: str, *plan: float | BaseException) -> None:
        super().__init__()
        self.name = name
        self.plan = list(plan)
        self.asked: list[float] = []
        self.tokens: list[Any] = []

    async def on_receive(self, message: Any) -> Any:
        now = self.system.ports.clock.now
        self.asked.append(now())
        self.tokens.append(self.cancel_token)
        what = self.plan.pop(0) if self.plan else 0.0
        if isinstance(what, BaseException):
            raise what
        await asyncio.sleep(what)
        return self.name


WAYS = pytest.mark.parametrize("way", ["scenario", "plain", "async"])


def ask(sim: Simulation, way: str, plain: Any, coroutine: Any, *args: Any, **options: Any) -> Any:
    """Ask from the scenario itself, from a plain handler or from an async one."""
    if way == "scenario":
        return plain(*args, **options)
    if way == "plain":
        return sim.spawn(Doing).ask(functools.partial(plain, *args, **options))
    return sim.spawn(AsyncDoing).ask(functools.partial(coroutine, *args, **options))


def again(sim: Simulation, way: str, ref: ActorRef[Any], message: Any = "?", **options: Any) -> Any:
    return ask(sim, way, retry_ask, retry_ask_async, ref, message, **{"timeout": 5.0, "backoff": STEADY, **options})


def hedge(sim: Simulation, way: str, refs: Any, message: Any = "?", **options: Any) -> Any:
    return ask(sim, way, hedge_ask, hedge_ask_async, refs, message, **{"delay": 1.0, **options})


# -- again -----------------------------------------------------------------------------------------------------------------


@WAYS
def test_an_ask_that_failed_or_got_no_answer_in_time_is_made_again(way: str) -> None:
    class Sleeper(Replica, reentrant=True):
        """Answers the next ask while it sleeps over one."""

    with Simulation() as sim:
        sleeper = sim.spawn(Sleeper, "a", Down(), 100.0)
        assert again(sim, way, sleeper) == "a"
        assert sim.instance(sleeper).asked == [0.0, 1.0, 8.0]  # 1 s of backoff; 5 s of waiting and 2 s of backoff
        assert [token.cancelled for token in sim.instance(sleeper).tokens] == [False, True, False]


@WAYS
def test_the_message_of_an_ask_that_got_no_answer_is_not_handled_later(way: str) -> None:
    with Simulation() as sim:
        letters: list[DeadLetter] = []
        sim.system.events.subscribe(DeadLetter, letters.append)
        replica = sim.spawn(Replica, "a", 13.0)
        replica.tell("busy")
        sim.advance(0.0)
        with pytest.raises(Timeout, match="no answer of /") as caught:
            again(sim, way, replica, attempts=2)
        assert sim.now == 11.0
        assert caught.value.__notes__[0] == "call 2 of up to 2, within 11 seconds; before it failed with"
        sim.run()
        assert sim.instance(replica).asked == [0.0]
        assert [letter.reason for letter in letters] == [DeadLetterReason.CANCELLED] * 2


@WAYS
def test_an_answer_is_not_waited_for_beyond_the_deadline(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a", 100.0)
        with pytest.raises(Timeout, match=r"within 2\.0 seconds") as caught:
            again(sim, way, replica, deadline=8.0)  # 5 s, 1 s of backoff, 2 s
        assert sim.now == 8.0
        assert "deadline=8.0" in caught.value.__notes__[-1]


@WAYS
def test_the_deadline_goes_with_the_message(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Doing)
        seen: list[float | None] = []

        def look() -> None:
            seen.append(sim.instance(replica).deadline)

        again(sim, way, replica, look, deadline=8.0)
        again(sim, way, replica, look)
        assert seen == [8.0, None]


@WAYS
@pytest.mark.parametrize(
    ("error", "asks"),
    [
        (Down(), 3),
        (Timeout(), 3),
        (CircuitOpenError("x", 0.5), 3),
        (ActorRestarting("/x", 0.5), 3),
        (ActorDeadError(), 1),
        (DeadlockError(("/a", "/b")), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_by_default_what_may_pass_is_tried_again(way: str, error: Exception, asks: int) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a", error, error, error)
        with pytest.raises(type(error)):
            again(sim, way, replica)
        assert len(sim.instance(replica).asked) == asks


@WAYS
def test_what_is_tried_again_can_be_declared(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a", LookupError(), Down())
        with pytest.raises(Down):
            again(sim, way, replica, on=LookupError)
        assert len(sim.instance(replica).asked) == 2


@WAYS
def test_a_dead_actor_is_asked_once(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a")
        replica.stop()
        with pytest.raises(ActorDeadError):
            again(sim, way, replica)
        assert sim.now == 0.0


@WAYS
def test_a_restarting_actor_is_asked_again_when_it_says(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a", ActorRestarting("/a", 7.0))
        assert again(sim, way, replica) == "a"
        assert sim.instance(replica).asked == [0.0, 7.0]


@WAYS
def test_a_full_mailbox_is_waited_for_and_then_asked_again(way: str) -> None:
    class Small(Replica, mailbox=Bounded(1, Overflow.BLOCK)):
        """Has room for one message besides that which it is at."""

    with Simulation() as sim:
        replica = sim.spawn(Small, "a", 8.0, 8.0)
        replica.tell("handled until 8")
        sim.advance(0.0)
        replica.tell("handled until 16")
        with pytest.raises(MailboxFullError):
            again(sim, way, replica, attempts=1)
        assert sim.now == 5.0
        assert again(sim, way, replica, timeout=12.0, attempts=1) == "a"
        assert sim.now == 16.0  # 3 s for room, 8 s for its turn: one timeout for both


@WAYS
def test_an_answer_that_meets_the_timeout_counts(way: str) -> None:
    answers = set()

    def scenario(sim: Simulation) -> None:
        replica = sim.spawn(Replica, "a", 5.0)
        try:
            answers.add(again(sim, way, replica, attempts=1))
        except Timeout:
            answers.add("late")
        sim.run()

    found = explore(scenario, runs=100)
    found.check()
    assert answers == {"a", "late"}


@pytest.mark.parametrize("kind", [Doing, AsyncDoing])
def test_a_killed_asker_takes_its_ask_back(kind: Any) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "a", 100.0)
        for call in (
            lambda: retry_ask(replica, "?", timeout=50.0) if kind is Doing else retry_ask_async(replica, "?", timeout=50.0),
            lambda: hedge_ask([replica], "?", delay=50.0) if kind is Doing else hedge_ask_async([replica], "?", delay=50.0),
        ):
            asker = sim.spawn(kind)
            asker.tell(call)
            sim.advance(0.0)
            asker.kill()
            sim.advance(0.0)
        sim.run()
        assert sim.now == 100.0
        assert [token.cancelled for token in sim.instance(replica).tokens] == [True]


def test_a_thread_asks_by_the_clock_of_the_system_that_it_asks() -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        silent = system.spawn(Doing)
        gate: Future[None] = Future()
        failures: list[BaseException] = []

        def call() -> None:
            try:
                retry_ask(silent, gate.get, timeout=5.0, attempts=1)
            except Timeout as error:
                failures.append(error)

        before = clock.pending
        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        eventually(lambda: clock.pending > before)
        clock.advance(5.0)
        thread.join(60)
        gate.set()
        assert len(failures) == 1


# -- several ---------------------------------------------------------------------------------------------------------------


@WAYS
def test_a_quick_answer_asks_nobody_else(way: str) -> None:
    with Simulation() as sim:
        one, two = sim.spawn(Replica, "one", 0.9), sim.spawn(Replica, "two")
        assert hedge(sim, way, [one, two]) == "one"
        assert sim.now == 0.9
        sim.run()
        assert (sim.instance(two).asked, sim.now) == ([], 0.9)  # no timer was left


@WAYS
def test_the_next_is_asked_after_each_delay_the_first_answer_counts_and_the_others_are_cancelled(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, name, seconds) for name, seconds in (("one", 9.0), ("two", 1.5), ("three", 9.0), ("four", 0.0))]
        assert hedge(sim, way, iter(refs)) == "two"
        assert sim.now == 2.5
        actors = [sim.instance(ref) for ref in refs]
        assert [actor.asked for actor in actors] == [[0.0], [1.0], [2.0], []]
        assert [token.cancelled for actor in actors for token in actor.tokens] == [True, False, True]


@WAYS
def test_a_failure_asks_the_next_at_once(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, "one", Down()), sim.spawn(Replica, "two", 0.5), sim.spawn(Replica, "three")]
        refs[2].stop()
        assert hedge(sim, way, [refs[0], refs[2], refs[1]]) == "two"
        assert sim.now == 0.5


@WAYS
def test_a_failure_does_not_hurt_an_ask_that_is_open(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, "one", 3.0), sim.spawn(Replica, "two", Down())]
        assert hedge(sim, way, refs) == "one"
        assert sim.now == 3.0


@WAYS
def test_if_all_fail_the_last_failure_is_raised_with_notes(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, "one", LookupError("first")), sim.spawn(Replica, "two", Down("last"))]
        with pytest.raises(Down, match="last") as caught:
            hedge(sim, way, refs)
        assert caught.value.__notes__ == ["others that were asked failed before with", "    LookupError: first"]


@WAYS
def test_if_nobody_answers_in_time_all_are_cancelled(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, "one", Down()), sim.spawn(Replica, "two", 9.0), sim.spawn(Replica, "three", 9.0)]
        with pytest.raises(Timeout, match=r"no answer of 2 open asks within 2\.5 seconds") as caught:
            hedge(sim, way, refs, timeout=2.5)
        assert sim.now == 2.5
        assert caught.value.__notes__[1:] == ["    Down: "]
        assert [token.cancelled for ref in refs[1:] for token in sim.instance(ref).tokens] == [True, True]


@WAYS
def test_a_mailbox_without_room_is_passed_over(way: str) -> None:
    class Small(Replica, mailbox=Bounded(1, Overflow.BLOCK)):
        """Has room for one message besides that which it is at."""

    with Simulation() as sim:
        full, free = sim.spawn(Small, "full", 9.0), sim.spawn(Replica, "free")
        full.tell(1)
        sim.advance(0.0)
        full.tell(2)
        assert hedge(sim, way, [full, free]) == "free"
        assert sim.now == 0.0


@WAYS
def test_no_delay_asks_all_at_once(way: str) -> None:
    with Simulation() as sim:
        refs = [sim.spawn(Replica, "slow", 2.0), sim.spawn(Replica, "quick", 1.0)]
        assert hedge(sim, way, refs, delay=0) == "quick"
        assert sim.now == 1.0


@WAYS
def test_a_single_actor_may_be_asked_so_too(way: str) -> None:
    with Simulation() as sim:
        replica = sim.spawn(Replica, "one", 9.0)
        assert hedge(sim, way, [replica]) == "one"
        with pytest.raises(Timeout):
            hedge(sim, way, [sim.spawn(Replica, "two", 9.0)], timeout=3.0)


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_deadlock_is_found_once_nothing_else_can_come(kind: str) -> None:
    with Simulation() as sim:
        first = sim.spawn(Doing if kind == "plain" else AsyncDoing)
        second = sim.spawn(Doing)

        def plain() -> Any:
            return hedge_ask([second], lambda: first.ask("?"), delay=1.0)

        async def coroutine() -> Any:
            return await hedge_ask_async([second], lambda: first.ask("?"), delay=1.0)

        with pytest.raises(DeadlockError):
            first.ask(plain if kind == "plain" else coroutine)


@WAYS
def test_under_every_order_of_messages_one_answer_comes_and_no_ask_is_left(way: str) -> None:
    answers = set()

    def scenario(sim: Simulation) -> None:
        unread: list[UnreadFailure] = []
        sim.system.events.subscribe(UnreadFailure, unread.append)
        refs = [sim.spawn(Doing), sim.spawn(Doing)]
        answers.add(hedge(sim, way, refs, lambda: sim.now, delay=1.0))
        sim.run()
        assert unread == []

    found = explore(scenario, strategy="exhaustive", seconds=60)
    found.check()
    assert found.proved
    assert answers >= {0.0, 1.0}


def test_a_blocking_ask_on_a_loop_with_actors_is_refused_before_anything_is_done() -> None:
    with ActorSystem() as system:
        replica, asker = system.spawn(Replica, "a"), system.spawn(AsyncDoing)

        async def again_blocking() -> Any:
            return retry_ask(replica, "?", timeout=1.0)

        async def hedge_blocking() -> Any:
            return hedge_ask([replica], "?", delay=1.0)

        for blocking, advice in ((again_blocking, "retry_ask_async"), (hedge_blocking, "hedge_ask_async")):
            with pytest.raises(BlockingInLoopError, match=advice):
                asker.ask(blocking)
        assert replica.stats().accepted == 0


def test_they_work_in_real_time_from_threads_and_loops() -> None:
    with ActorSystem() as system:
        one, two = system.spawn(Replica, "one", Down(), 60.0), system.spawn(Replica, "two")
        with pytest.raises(Down):
            retry_ask(one, "?", timeout=60.0, attempts=1)
        assert hedge_ask([one, two], "?", delay=0.001, timeout=60.0) == "two"

        async def main() -> list[Any]:
            return [
                await retry_ask_async(two, "?", timeout=60.0),
                await hedge_ask_async([one, two], "?", delay=0.001, timeout=60.0),
            ]

        assert asyncio.run(main()) == ["two", "two"]
        one.kill()


# -- what they are given ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"ref": None}, TypeError, "ref=None"),
        ({"timeout": None}, TypeError, "timeout=None"),
        ({"timeout": -1.0}, ValueError, r"timeout=-1\.0"),
        ({"timeout": math.inf}, ValueError, "timeout=inf"),
        ({"attempts": 0}, ValueError, "attempts=0"),
        ({"backoff": 3}, TypeError, "backoff=3"),
        ({"deadline": math.nan}, ValueError, "deadline=nan"),
        ({"on": 3}, TypeError, "on=3"),
        ({"ports": 3}, TypeError, "ports=3"),
    ],
)
def test_bad_arguments_of_retry_ask_are_refused_by_name_and_value(given: dict[str, Any], error: type[Exception], names: str) -> None:
    with Simulation() as sim:
        options = {"ref": sim.spawn(Replica, "a"), "message": "?", "timeout": 1.0, **given}
        with pytest.raises(error, match=names):
            retry_ask(**options)
        with pytest.raises(error, match=names):
            begin(retry_ask_async(**options))


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"refs": []}, ValueError, r"refs=\(\)"),
        ({"refs": 3}, TypeError, "refs=3"),
        ({"refs": [None]}, TypeError, "ref=None"),
        ({"delay": None}, TypeError, "delay=None"),
        ({"delay": -1}, ValueError, "delay=-1"),
        ({"timeout": "1"}, TypeError, "timeout='1'"),
        ({"timeout": math.nan}, ValueError, "timeout=nan"),
        ({"ports": 3}, TypeError, "ports=3"),
    ],
)
def test_bad_arguments_of_hedge_ask_are_refused_by_name_and_value(given: dict[str, Any], error: type[Exception], names: str) -> None:
    with Simulation() as sim:
        options = {"refs": [sim.spawn(Replica, "a")], "message": "?", "delay": 1.0, **given}
        with pytest.raises(error, match=names):
            hedge_ask(**options)
        with pytest.raises(error, match=names):
            begin(hedge_ask_async(**options))


def begin(coroutine: Any) -> None:
    """Run a coroutine up to its first await."""
    coroutine.send(None)
