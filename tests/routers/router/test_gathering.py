"""Broadcast, ScatterGather, TailChopping: one ask of several actors."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorSystem,
    AskCancelled,
    Bounded,
    CancelToken,
    DeadlineExceeded,
    DeadlockError,
    DispatcherKind,
    MailboxFullError,
    Overflow,
    Timeout,
)
from actors.events import UnreadFailure
from actors.routers import Broadcast, NoRouteeError, RoundRobin, Router, ScatterGather, TailChopping
from tests.routers.router.kit import WAIT, Held, Worker, crew, seen

pytestmark = pytest.mark.usefixtures("no_leaks")

EVERY = [Broadcast(), ScatterGather(), TailChopping(3600.0)]
every_kind = pytest.mark.parametrize("routing", EVERY, ids=lambda routing: type(routing).__name__)
both_to_all = pytest.mark.parametrize("routing", EVERY[:2], ids=lambda routing: type(routing).__name__)


@pytest.fixture
def system() -> Any:
    with ActorSystem() as made:
        yield made


class Later(Actor):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[Any] = []
        self.cancelled = Event()
        self.asked = Event()

    def on_receive(self, message: Any) -> Any:
        if message == "tokens":
            return [handle.cancel_token for handle in self.asks]
        if isinstance(message, tuple):
            _, value = message
            if not self.asks:  # cancelled before it was taken
                return False
            handle = self.asks.pop(0)
            return handle.fail(value) if isinstance(value, BaseException) else handle.reply(value)
        handle = self.reply_later()
        handle.cancel_token.add_callback(self.cancelled.set)
        self.asks.append(handle)
        self.asked.set()
        return None


def answer(ref: Any, value: Any) -> bool:
    """Have a `Later` answer the oldest ask it has; False if nobody wants that any more."""
    found: bool = ref.ask(("answer", value), timeout=WAIT)
    return found


@both_to_all
def test_a_tell_goes_to_all(system: ActorSystem, routing: Any) -> None:
    workers = crew(system)
    with Router(system, workers, routing=routing) as router:
        router.ref.tell("one")
        router.ref.tell_within("two", WAIT)
        asyncio.run(router.ref.tell_async("three"))
        workers[0].kill()
        router.ref.tell("four")
    assert [seen(worker) for worker in workers[1:]] == [["one", "two", "three", "four"]] * 2


@both_to_all
def test_one_that_is_full_does_not_keep_a_tell_from_the_others(system: ActorSystem, routing: Any) -> None:
    gate = Event()
    full = system.spawn(Held, gate, mailbox=Bounded(1, overflow=Overflow.REJECT), dispatcher=DispatcherKind.THREAD)
    before, after = crew(system, 2)
    with Router(system, [before, full, after], routing=routing) as router:
        refused: list[MailboxFullError] = []
        for number in range(4):
            try:
                router.ref.tell(number)
            except MailboxFullError as error:
                refused.append(error)
        assert len(refused) in {2, 3}
        assert refused[-1].message == 3
        assert refused[-1].__notes__ == ["2 of 3 routees of /router have got the message all the same"]
        assert router.broadcast(4) == 2
        assert seen(before) == seen(after) == list(range(5))
        gate.set()


def test_broadcast_answers_in_the_order_of_the_routees(system: ActorSystem) -> None:
    laters = [system.spawn(Later, name=f"w{index}") for index in range(3)]
    with Router(system, laters, routing=Broadcast()) as router:
        future = router.ref.ask("question", block=False)
        for index in (2, 0, 1):
            assert not future.done()
            assert answer(laters[index], index)
        assert future.get(timeout=WAIT) == [0, 1, 2]


def test_the_first_error_fails_a_broadcast_and_cancels_the_rest(system: ActorSystem) -> None:
    laters = [system.spawn(Later) for _ in range(3)]
    with Router(system, laters, routing=Broadcast()) as router:
        future = router.ref.ask("question", block=False)
        assert answer(laters[1], LookupError("lost"))
        with pytest.raises(LookupError, match="lost"):
            future.get(timeout=WAIT)
        assert not answer(laters[0], "late")
        assert not answer(laters[2], "late")


def test_scatter_gather_takes_the_first_answer_and_cancels_the_rest(system: ActorSystem) -> None:
    laters = [system.spawn(Later) for _ in range(3)]
    with Router(system, laters, routing=ScatterGather()) as router:
        future = router.ref.ask("question", block=False)
        assert answer(laters[0], LookupError("lost"))
        assert not future.done()
        assert answer(laters[2], "first")
        assert future.get(timeout=WAIT) == "first"
        assert not answer(laters[1], "late")


def test_if_all_fail_the_error_is_that_of_the_last(system: ActorSystem) -> None:
    laters = [system.spawn(Later) for _ in range(3)]
    with Router(system, laters, routing=ScatterGather()) as router:
        future = router.ref.ask("question", block=False)
        for index in (1, 2, 0):
            assert answer(laters[index], LookupError(index))
        error = future.exception(timeout=WAIT)
        assert isinstance(error, LookupError)
        assert error.args == (0,)
        assert error.__notes__ == ["2 others that were asked failed before, the first with LookupError: 1"]


@every_kind
def test_cancelling_reaches_the_asks_under_way(system: ActorSystem, routing: Any) -> None:
    laters = [system.spawn(Later) for _ in range(2)]
    with Router(system, laters, routing=routing) as router:
        future = router.ref.ask("question", block=False)
        tokens: list[CancelToken] = [token for later in laters for token in later.ask("tokens")]
        assert tokens
        assert not any(token.cancelled for token in tokens)
        assert future.cancel()
        assert all(token.cancelled for token in tokens)
        with pytest.raises(AskCancelled):
            future.get()


@every_kind
def test_cancelling_an_await_reaches_them_too(system: ActorSystem, routing: Any) -> None:
    laters = [system.spawn(Later) for _ in range(2)]

    async def main() -> None:
        task = asyncio.create_task(router.ref.ask_async("question"))
        await asyncio.sleep(0)
        tokens = [token for later in laters for token in later.ask("tokens")]
        assert tokens
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert all(token.cancelled for token in tokens)

    with Router(system, laters, routing=routing) as router:
        asyncio.run(main())


@every_kind
def test_a_timeout_bounds_the_wait(system: ActorSystem, routing: Any) -> None:
    with Router(system, [system.spawn(Later) for _ in range(2)], routing=routing) as router:
        with pytest.raises(Timeout):
            router.ref.ask("question", timeout=0.01)
        with pytest.raises(Timeout):
            asyncio.run(router.ref.ask_async("question", timeout=0.01))


@every_kind
def test_a_deadline_is_that_of_each_ask(system: ActorSystem, routing: Any) -> None:
    gate = Event()
    held = [system.spawn(Held, gate, dispatcher=DispatcherKind.THREAD) for _ in range(2)]
    with Router(system, held, routing=routing) as router:
        for ref in held:
            ref.tell("at work")
        future = router.ref.ask("question", block=False, deadline=0.0)
        gate.set()
        assert isinstance(future.exception(timeout=WAIT), DeadlineExceeded)
        assert [seen(ref) for ref in held] == [["at work"]] * 2


@every_kind
def test_one_that_has_ended_is_passed_over(system: ActorSystem, routing: Any) -> None:
    workers = crew(system, 4)
    with Router(system, workers, routing=routing) as router:
        for worker in workers[1:]:
            worker.kill()
        expected = ["w0"] if routing == Broadcast() else "w0"
        assert router.ref.ask("question") == expected
        assert asyncio.run(router.ref.ask_async("question")) == expected
        assert router.ref._target.ref.ask("question") == expected


@every_kind
def test_one_that_ends_while_it_is_asked_has_failed(system: ActorSystem, routing: Any) -> None:
    gate = Event()
    held = [system.spawn(Held, gate, dispatcher=DispatcherKind.THREAD) for _ in range(2)]
    with Router(system, held, routing=routing) as router:
        for ref in held:
            ref.tell("at work")
        future = router.ref.ask("question", block=False)
        stops = [ref.kill(block=False) for ref in held]
        gate.set()
        assert isinstance(future.exception(timeout=WAIT), ActorDeadError)
        for stop in stops:
            stop.get(timeout=WAIT)


@pytest.mark.parametrize("routing", EVERY[1:])
@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.BLOCK])
def test_nobody_waits_for_room_where_one_answer_is_enough(system: ActorSystem, routing: Any, overflow: Overflow) -> None:
    gate = Event()
    full = [system.spawn(Held, gate, mailbox=Bounded(1, overflow=overflow), dispatcher=DispatcherKind.THREAD) for _ in range(2)]
    other = system.spawn(Worker, name="other")
    with Router(system, [full[0], other, full[1]], routing=routing) as router:
        for ref in full:
            ref.tell("at work")
            while ref.stats().in_progress == 0:
                continue
            ref.tell("waits")
        for _ in range(20):
            assert router.ref.ask("question", timeout=WAIT) == "other"
            assert asyncio.run(router.ref.ask_async("question", timeout=WAIT)) == "other"
        router.remove(other)
        with pytest.raises(MailboxFullError):
            router.ref.ask("question")
        gate.set()


def test_broadcast_waits_for_room_as_every_ask_does(system: ActorSystem) -> None:
    gate = Event()
    full = system.spawn(Held, gate, name="full", mailbox=Bounded(1, overflow=Overflow.BLOCK), dispatcher=DispatcherKind.THREAD)
    with Router(system, [*crew(system, 1), full], routing=Broadcast()) as router:
        full.tell("at work")
        while full.stats().in_progress == 0:
            continue
        full.tell("waits")
        with pytest.raises(MailboxFullError):
            router.ref.ask("question", timeout=0.01)
        with pytest.raises(MailboxFullError):
            asyncio.run(router.ref.ask_async("question", timeout=0.01))
        gate.set()
        assert router.ref.ask("question", timeout=WAIT) == ["w0", "full"]
        assert asyncio.run(router.ref.ask_async("question", timeout=WAIT)) == ["w0", "full"]


def test_tail_chopping_asks_the_next_when_one_fails(system: ActorSystem) -> None:
    laters = [system.spawn(Later) for _ in range(3)]
    with Router(system, laters, routing=TailChopping(3600.0)) as router:
        future = router.ref.ask("question", block=False)
        for number in range(3):
            asked = [later for later in laters if later.ask("tokens")]
            assert len(asked) == 1
            assert not future.done()
            assert answer(asked[0], LookupError(number))
        error = future.exception(timeout=WAIT)
        assert error is not None
        assert error.args == (2,)
    with Router(system, [*laters, *crew(system, 1)], routing=TailChopping(0.001), name="again") as router:
        assert router.ref.ask("question", timeout=WAIT) == "w0"


@every_kind
def test_an_actor_that_asks_itself_among_others_is_told(system: ActorSystem, routing: Any) -> None:
    class Caller(Actor):
        def on_receive(self, ref: Any) -> Any:
            return ref.ask("question") if ref != "question" else "answer"

    with Router(system, routing=routing) as router:
        caller = system.spawn(Caller)
        router.add(caller)
        if not isinstance(routing, TailChopping):
            with pytest.raises(DeadlockError):
                caller.ask(router.ref, timeout=WAIT)
            worker = crew(system, 1)[0]
            router.add(worker)
        if isinstance(routing, Broadcast):
            with pytest.raises(DeadlockError):
                caller.ask(router.ref, timeout=WAIT)
        elif isinstance(routing, ScatterGather):
            assert caller.ask(router.ref, timeout=WAIT) == "w0"


def test_actors_that_broadcast_to_each_other_are_told(system: ActorSystem) -> None:
    class Caller(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "question":
                return "answer"
            ref, mine, theirs = message
            mine.set()
            assert theirs.wait(WAIT)
            return ref.ask("question")

    one, two = (system.spawn(Caller, dispatcher=DispatcherKind.THREAD) for _ in range(2))
    worker = crew(system, 1)[0]
    first, second = Event(), Event()
    with (
        Router(system, [worker, two], routing=Broadcast(), name="a") as a,
        Router(system, [worker, one], routing=Broadcast(), name="b") as b,
    ):
        answers = [one.ask((a.ref, first, second), block=False), two.ask((b.ref, second, first), block=False)]
        outcomes = [answer.exception(timeout=WAIT) for answer in answers]
        assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [DeadlockError]


def test_gatherings_may_be_nested(system: ActorSystem) -> None:
    with (
        Router(system, crew(system, 2, "a"), routing=Broadcast(), name="a") as a,
        Router(system, crew(system, 2, "b"), routing=ScatterGather(), name="b") as b,
        Router(system, routing=Broadcast(), name="empty") as empty,
        Router(system, [a.ref, b.ref, empty.ref], routing=Broadcast(), name="top") as top,
        Router(system, [empty.ref, a.ref], routing=RoundRobin(), name="one") as one,
    ):
        both, first = top.ref.ask("question")
        assert both == ["a0", "a1"]
        assert first in {"b0", "b1"}
        assert one.ref.ask("question") == ["a0", "a1"]
        empty.close()
        assert len(top.ref.ask("question")) == 2
        for ref in (*a.routees, *b.routees):
            ref.kill()
        with pytest.raises(NoRouteeError):
            top.ref.ask("question")


class Patient(Actor):
    """Asks what it is given, and says what that ended with; answers a question."""

    def on_receive(self, message: Any) -> Any:
        if message == "question":
            return "answer"
        ref, timeout = message
        try:
            return ref.ask("question", timeout=timeout)
        except Timeout as error:
            return error


def test_a_wait_for_oneself_through_tail_chopping_is_bounded_by_its_timeout(system: ActorSystem) -> None:
    with Router(system, routing=TailChopping(3600.0)) as router:
        asker = system.spawn(Patient)
        router.add(asker)
        assert isinstance(asker.ask((router.ref, 0.01), timeout=WAIT), Timeout)
        assert asker.ask("question", timeout=WAIT) == "answer"


@pytest.mark.parametrize("inner", EVERY, ids=lambda routing: type(routing).__name__)
def test_a_wait_for_oneself_through_nested_routers_is_bounded_by_its_timeout(system: ActorSystem, inner: Any) -> None:
    with (
        Router(system, name="inner", routing=inner) as within,
        Router(system, [within.ref], name="outer", routing=Broadcast()) as outer,
    ):
        asker = system.spawn(Patient)
        within.add(asker)
        assert isinstance(asker.ask((outer.ref, 0.01), timeout=WAIT), Timeout)
        assert asker.ask("question", timeout=WAIT) == "answer"


@every_kind
def test_a_failure_that_nobody_reads_is_reported(system: ActorSystem, routing: Any) -> None:
    unread: SimpleQueue[UnreadFailure] = SimpleQueue()
    system.events.subscribe(UnreadFailure, unread.put)
    with Router(system, crew(system, 2), routing=routing) as router:
        router.ref.ask(LookupError("lost"), block=False)
        router.ref._target.ref.ask(LookupError("lost"), block=False)
        for _ in range(2):
            assert isinstance(unread.get(timeout=WAIT).error, LookupError)


@every_kind
def test_calls_and_proxies_go_the_same_way(system: ActorSystem, routing: Any) -> None:
    with Router(system, crew(system, 2), routing=routing) as router:
        called = router.ref.call(Worker.shout, "hey").get()
        answers = called if isinstance(called, list) else [called]
        assert all(one.startswith("HEY of w") for one in answers)
        proxied = router.ref.proxy().shout("ho").get()
        assert all(one.startswith("HO of w") for one in (proxied if isinstance(proxied, list) else [proxied]))
