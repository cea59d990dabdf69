"""The contract's lines about blocking: what a handler that waits costs whom."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import queue
import threading
import time
from typing import Any

import pytest

from actors import (
    Actor,
    ActorRef,
    ActorSystem,
    BlockingInLoopError,
    DispatcherKind,
    Future,
    SystemConfig,
    Timeout,
    wait_any,
)
from actors.events import HandlerAbandoned, HandlerBlocked, WorkersExhausted
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0


class Echo(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


class Link(Actor):
    """Asks the next one and adds one; the last of a chain waits for the test."""

    def __init__(self, following: ActorRef[Any] | Future[int]) -> None:
        super().__init__()
        self.following = following

    def on_receive(self, message: Any) -> Any:
        if isinstance(self.following, Future):
            return self.following.get()
        return self.following.ask(message) + 1


class Blocker(Actor):
    """Blocks its thread where the framework cannot see it."""

    def on_receive(self, message: Any) -> Any:
        begun, release = message
        begun.release()
        release.wait(SAFETY)
        return threading.current_thread()


def heard(system: ActorSystem, kind: type[Any]) -> queue.SimpleQueue[Any]:
    """Collects the events of a kind."""
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    system.events.subscribe(kind, events.put)
    return events


# -- parking ---------------------------------------------------------------------------------------------------------------


def test_two_thousand_actors_wait_in_get_on_one_another_on_few_threads() -> None:
    number = scaled(10_000, 2_000)
    with ActorSystem() as system:
        end: Future[int] = Future()
        chain: list[ActorRef[Any]] = [system.spawn(Link, end)]
        for _ in range(number - 1):
            chain.append(system.start(Link, chain[-1]))
        answer = chain[-1].ask("count", block=False)
        chain[0].ask("behind", block=False)  # the deepest is busy, not refused
        while system.stats().parked < number:
            with pytest.raises(Timeout):
                answer.get(timeout=0.01)
        assert system.stats().threads < 10
        assert system.spawn(Echo).ask("others go on", timeout=SAFETY) == "others go on"
        end.set(0)
        assert answer.get(timeout=SAFETY) == number - 1
        assert system.stats().parked == 0


def test_many_actors_wait_for_one_future_at_once() -> None:
    number = scaled(5_000, 500)
    with ActorSystem() as system:
        shared: Future[int] = Future()
        answers = [system.start(Link, shared).ask("wait", block=False) for _ in range(number)]
        shared.set(7)
        assert [answer.get(timeout=SAFETY) for answer in answers] == [7] * number


class Patient(Actor):
    """Waits as long as the message says, then answers."""

    def __init__(self, pending: Future[Any]) -> None:
        super().__init__()
        self.pending = pending
        self.interrupted = False

    def on_receive(self, message: float | None) -> Any:
        try:
            return self.pending.get(timeout=message)
        except Timeout:
            return "timeout"


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
@pytest.mark.parametrize("timeout", [0, 0.001, 0.05])
def test_a_parked_handler_wakes_after_its_timeout(timeout: float, dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Patient, Future[Any](), dispatcher=dispatcher)
        assert ref.ask(timeout, timeout=SAFETY) == "timeout"
        assert ref.ask(timeout, timeout=SAFETY) == "timeout"


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_a_parked_handler_wakes_before_its_timeout_when_the_answer_comes(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        pending: Future[Any] = Future()
        answer = system.spawn(Patient, pending, dispatcher=dispatcher).ask(SAFETY, block=False)
        pending.set("came")
        assert answer.get(timeout=SAFETY) == "came"


def test_a_timeout_and_an_answer_at_the_same_moment_give_one_of_the_two() -> None:
    with ActorSystem() as system:
        for _ in range(scaled(2_000, 100)):
            pending: Future[Any] = Future()
            ref = system.start(Patient, pending)
            answer = ref.ask(0.001, block=False)
            with pytest.raises(Timeout):
                Future[Any]().get(timeout=0.001)
            pending.set("came")
            assert answer.get(timeout=SAFETY) in {"came", "timeout"}
            assert ref.ask(None, timeout=SAFETY) == "came"
            ref.stop()


def test_a_parked_actor_takes_no_other_message_meanwhile() -> None:
    class Counting(Actor):
        def __init__(self, pending: Future[Any]) -> None:
            super().__init__()
            self.pending = pending
            self.inside = 0

        def on_receive(self, message: Any) -> Any:
            self.inside += 1
            most = self.inside
            self.pending.get()
            self.inside -= 1
            return most

    with ActorSystem() as system:
        pending: Future[Any] = Future()
        ref = system.spawn(Counting, pending)
        answers = [ref.ask(number, block=False) for number in range(20)]
        assert system.spawn(Echo).ask("others go on", timeout=SAFETY)
        assert not any(answer.done() for answer in answers)
        pending.set()
        assert [answer.get(timeout=SAFETY) for answer in answers] == [1] * 20


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_hooks_may_wait_too(dispatcher: DispatcherKind) -> None:
    class Waiting(Actor):
        def __init__(self, echo: ActorRef[Any], said: list[Any]) -> None:
            super().__init__()
            self.echo, self.said = echo, said

        def on_start(self) -> None:
            self.said.append(self.echo.ask("on_start"))

        def on_stop(self) -> None:
            self.said.append(self.echo.ask("on_stop"))

        def on_failure(self, *_: Any) -> None:
            self.said.append(self.echo.ask("on_failure"))

        def on_receive(self, message: Any) -> Any:
            raise message

    said: list[Any] = []
    with ActorSystem() as system:
        echo = system.spawn(Echo)
        system.spawn(Waiting, echo, said, dispatcher=dispatcher).stop(timeout=SAFETY)
        failing = system.spawn(Waiting, echo, said, dispatcher=dispatcher)
        failing.tell(ValueError())
        failing.actor_stopped.wait(SAFETY)
        failing.stop(timeout=SAFETY)
        system.shutdown()
    assert said == ["on_start", "on_stop", "on_start", "on_failure"]


def test_a_ping_pong_of_blocking_asks_keeps_the_order_of_the_answers() -> None:
    class Asking(Actor):
        def on_receive(self, message: Any) -> Any:
            other, count = message
            return [other.ask(number) for number in range(count)]

    with ActorSystem() as system:
        count = scaled(10_000, 1_000)
        assert system.spawn(Asking).ask((system.spawn(Echo), count), timeout=SAFETY) == list(range(count))


# -- blocking elsewhere ----------------------------------------------------------------------------------------------------


def test_a_handler_blocked_elsewhere_does_not_stall_others() -> None:
    begun, release = threading.Semaphore(0), threading.Event()
    with ActorSystem() as system:
        echo = system.spawn(Echo)
        blocked = [system.start(Blocker).ask((begun, release), block=False) for _ in range(4)]
        for _ in blocked:
            assert begun.acquire(timeout=SAFETY)
        assert [echo.ask(number, timeout=SAFETY) for number in range(100)] == list(range(100))
        assert not any(answer.done() for answer in blocked)
        release.set()
        threads = {answer.get(timeout=SAFETY) for answer in blocked}
        assert len(threads) == 4


def test_actors_parked_beside_a_blocked_handler_go_on_when_it_ends() -> None:
    begun, release = threading.Semaphore(0), threading.Event()
    with ActorSystem() as system:
        pending: Future[Any] = Future()
        parked = [system.start(Link, pending).ask("wait", block=False) for _ in range(50)]
        blocked = system.start(Blocker).ask((begun, release), block=False)
        assert begun.acquire(timeout=SAFETY)
        pending.set(1)
        assert system.spawn(Echo).ask("others go on", timeout=SAFETY)
        release.set()
        assert [answer.get(timeout=SAFETY) for answer in parked] == [1] * 50
        blocked.get(timeout=SAFETY)


def test_the_first_offence_of_a_class_is_published_with_its_stack_and_no_other() -> None:
    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        events = heard(system, HandlerBlocked)
        first, second = system.spawn(Blocker), system.spawn(Blocker)
        begun, release = threading.Semaphore(0), threading.Event()
        answer = first.ask((begun, release), block=False)
        event = events.get(timeout=SAFETY)
        assert (event.ref, event.actor_class) == (first, Blocker)
        assert event.seconds >= 0.02
        assert "release.wait(SAFETY)" in event.stack
        again = second.ask((begun, release), block=False)
        later = [system.spawn(Blocker).ask((begun, release), block=False) for _ in range(3)]
        for _ in range(5):
            assert begun.acquire(timeout=SAFETY)

        # Another class offends: its report comes behind any that these would have made.
        class Other(Blocker):
            pass

        other = system.spawn(Other).ask((begun, release), block=False)
        assert events.get(timeout=SAFETY).actor_class is Other
        release.set()
        for one in [answer, again, *later, other]:
            one.get(timeout=SAFETY)
        assert events.empty()


def test_every_actor_of_a_blocking_class_gets_a_worker_below_the_cap() -> None:
    release = threading.Event()
    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        events = heard(system, HandlerBlocked)
        begun = threading.Semaphore(0)
        answers = [system.spawn(Blocker).ask((begun, release), block=False)]
        events.get(timeout=SAFETY)
        # Each spawn waits for a worker to run on_start.
        answers += [system.spawn(Blocker).ask((begun, release), block=False) for _ in range(scaled(30, 20))]
        for _ in answers:
            assert begun.acquire(timeout=SAFETY / 2)
        release.set()
        for answer in answers:
            answer.get(timeout=SAFETY)


def test_a_class_once_seen_blocking_runs_on_workers_of_its_own_and_still_may_wait() -> None:
    class Both(Blocker):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                return message.ask("x"), threading.current_thread()
            return super().on_receive(message)

    begun, release = threading.Semaphore(0), threading.Event()
    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        events = heard(system, HandlerBlocked)
        echo, first, second = system.spawn(Echo), system.spawn(Both), system.spawn(Both)
        pool_thread = first.ask(echo, timeout=SAFETY)[1]
        blocked = first.ask((begun, release), block=False)
        events.get(timeout=SAFETY)
        answer, thread = second.ask(echo, timeout=SAFETY)
        assert answer == "x"
        assert thread is not pool_thread
        assert thread.name.startswith("greenroom-blocking")
        release.set()
        assert blocked.get(timeout=SAFETY) is pool_thread


def test_a_long_computation_stalls_nobody_either() -> None:
    computing, stop = threading.Semaphore(0), threading.Event()

    class Computing(Actor):
        def on_receive(self, message: Any) -> Any:
            computing.release()
            rounds = 0
            while not stop.is_set():
                rounds += 1
            return rounds

    with ActorSystem() as system:
        echo = system.spawn(Echo)
        answer = system.spawn(Computing).ask("go", block=False)
        assert computing.acquire(timeout=SAFETY)
        assert echo.ask("others go on", timeout=SAFETY)
        stop.set()
        assert answer.get(timeout=SAFETY) >= 0


def test_time_in_which_nobody_could_run_is_not_held_against_a_handler() -> None:
    begun, release = threading.Semaphore(0), threading.Event()

    class Pausing(Actor):
        """Blocks until another worker has taken over, then keeps the interpreter, as a garbage collection does."""

        def on_receive(self, message: Any) -> Any:
            begun.release()
            release.wait(SAFETY)
            end = time.perf_counter() + 2.5
            while time.perf_counter() < end:
                sum(itertools.repeat(1, 20_000_000))

    with ActorSystem(config=SystemConfig(blocked_after=1.0)) as system:
        events = heard(system, HandlerBlocked)
        paused = system.spawn(Pausing).ask("go", block=False)
        assert begun.acquire(timeout=SAFETY)
        assert system.spawn(Echo).ask("others go on", timeout=SAFETY)
        release.set()
        paused.get(timeout=SAFETY)
        release.clear()
        answer = system.spawn(Blocker).ask((begun, release), block=False)
        assert events.get(timeout=SAFETY).actor_class is Blocker
        release.set()
        answer.get(timeout=SAFETY)


def test_at_the_cap_the_exhausted_workers_are_published_with_all_stacks() -> None:
    begun, release = threading.Semaphore(0), threading.Event()
    with ActorSystem(config=SystemConfig(max_workers=2, blocked_after=0.02)) as system:
        blocked, exhausted = heard(system, HandlerBlocked), heard(system, WorkersExhausted)
        first = system.spawn(Blocker).ask((begun, release), block=False)
        blocked.get(timeout=SAFETY)  # from now on the class runs on the two
        others = [system.start(Blocker).ask((begun, release), block=False) for _ in range(4)]
        event = exhausted.get(timeout=SAFETY)
        assert event.limit == 2
        assert len(event.stacks) == 2
        assert system.spawn(Echo).ask("other classes go on", timeout=SAFETY)
        release.set()
        for answer in [first, *others]:
            answer.get(timeout=SAFETY)
        assert exhausted.empty()  # told once


def test_a_killed_handler_that_blocks_elsewhere_is_abandoned_and_fenced() -> None:
    begun, release = threading.Semaphore(0), threading.Event()
    ended = threading.Event()

    class Sending(Blocker):
        def __init__(self, target: ActorRef[Any]) -> None:
            super().__init__()
            self.target = target

        def on_receive(self, message: Any) -> Any:
            super().on_receive(message)
            try:
                return "late answer"
            finally:
                ended.set()

    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        abandoned = heard(system, HandlerAbandoned)
        ref = system.spawn(Sending, system.spawn(Echo))
        asked = ref.ask((begun, release), block=False)
        assert begun.acquire(timeout=SAFETY)
        assert ref.kill(timeout=SAFETY) is True
        assert abandoned.get(timeout=SAFETY).ref == ref
        error = asked.exception(timeout=SAFETY)
        release.set()
        assert ended.wait(SAFETY)
        assert asked.exception() is error


# -- contexts --------------------------------------------------------------------------------------------------------------

_mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="unset")


class Marking(Actor):
    def on_receive(self, message: Any) -> Any:
        before = _mark.get()
        _mark.set(message)
        return before


class OwnMarking(Marking, own_context=True):
    pass


@pytest.mark.parametrize("dispatcher", list(DispatcherKind))
def test_an_actor_with_its_own_context_keeps_what_it_sets_for_itself(dispatcher: DispatcherKind) -> None:
    _mark.set("outside")
    with ActorSystem() as system:
        first, second = system.spawn(OwnMarking, dispatcher=dispatcher), system.spawn(OwnMarking, dispatcher=dispatcher)
        assert [first.ask("a", timeout=SAFETY), second.ask("b", timeout=SAFETY)] == ["unset", "unset"]
        assert [first.ask("c", timeout=SAFETY), second.ask("d", timeout=SAFETY)] == ["a", "b"]
    assert _mark.get() == "outside"


def test_an_own_context_survives_a_park() -> None:
    class Parking(Actor, own_context=True):
        def on_receive(self, message: Any) -> Any:
            other, mark = message
            _mark.set(mark)
            other.ask("x")
            return _mark.get()

    with ActorSystem() as system:
        echo = system.spawn(Echo)
        refs = [system.spawn(Parking) for _ in range(20)]
        answers = [ref.ask((echo, str(number)), block=False) for number, ref in enumerate(refs)]
        assert [answer.get(timeout=SAFETY) for answer in answers] == [str(number) for number in range(20)]


def test_a_senders_context_does_not_reach_the_receiver() -> None:
    class Reading(Actor):
        def on_receive(self, message: Any) -> Any:
            return _mark.get()

    _mark.set("outside")
    with ActorSystem() as system:
        assert system.spawn(Reading).ask("x", timeout=SAFETY) == "unset"


# -- event loops -----------------------------------------------------------------------------------------------------------


class Async(Actor):
    """Waits for what it is sent, blocking, although its class runs on the loop."""

    async def on_receive(self, message: Any) -> Any:
        return message()

    def plain(self, call: Any) -> Any:
        return call()


def test_an_unresolved_blocking_get_on_the_loop_raises_and_names_the_awaitable_form() -> None:
    with ActorSystem() as system:
        echo, ref = system.spawn(Echo), system.spawn(Async)
        pending: Future[Any] = Future()
        for wait in (pending.get, lambda: pending.get(timeout=1), lambda: echo.ask("x"), lambda: wait_any([pending]), echo.stop):
            with pytest.raises(BlockingInLoopError, match="await"):
                ref.ask(wait, timeout=SAFETY)
        # Plain methods of the class run on the loop as well.
        with pytest.raises(BlockingInLoopError):
            ref.call(Async.plain, pending.get).get(timeout=SAFETY)


def test_a_resolved_get_on_the_loop_is_fine() -> None:
    with ActorSystem() as system:
        done: Future[int] = Future()
        done.set(1)
        ref = system.spawn(Async)
        assert ref.ask(done.get, timeout=SAFETY) == 1
        assert ref.ask(lambda: wait_any([Future(), done]) is done, timeout=SAFETY) is True


def test_a_blocking_get_on_the_users_own_loop_with_actors_on_it_raises() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            with pytest.raises(BlockingInLoopError):
                system.start(Async).ask(lambda: 1)
            assert await system.start(Async).ask_async(lambda: 1) == 1

    asyncio.run(main())


def test_a_thread_that_a_handler_on_the_loop_made_may_block() -> None:
    class Offloading(Actor):
        async def on_receive(self, message: Any) -> Any:
            return await asyncio.to_thread(message.ask, "x")

    with ActorSystem() as system:
        echo = system.spawn(Echo)
        assert system.spawn(Offloading).ask(echo, timeout=SAFETY) == "x"


def test_a_pool_handler_that_runs_a_loop_of_its_own_may_await_there() -> None:
    class Running(Actor):
        def on_receive(self, message: Any) -> Any:
            async def main() -> Any:
                return await message.ask_async("x")

            return asyncio.run(main())

    with ActorSystem() as system:
        async_echo = system.spawn(Async)
        echo = system.spawn(Echo)
        assert system.spawn(Running).ask(echo, timeout=SAFETY) == "x"
        assert async_echo.ask(lambda: 2, timeout=SAFETY) == 2


# -- the thread dispatcher -------------------------------------------------------------------------------------------------


def test_an_actor_on_a_thread_of_its_own_holds_its_lock_across_waits() -> None:
    """Under the pool, an RLock held while parked would admit another actor: same thread."""
    lock = threading.RLock()
    inside: list[int] = []
    most: list[int] = []

    class Locking(Actor, dispatcher=DispatcherKind.THREAD):
        def on_receive(self, message: Any) -> Any:
            with lock:
                inside.append(1)
                most.append(len(inside))
                message.ask("x")
                inside.pop()
            return threading.current_thread()

    with ActorSystem() as system:
        echo = system.spawn(Echo)
        refs = [system.spawn(Locking) for _ in range(4)]
        answers = [ref.ask(echo, block=False) for ref in refs for _ in range(5)]
        threads = [answer.get(timeout=SAFETY) for answer in answers]
    assert set(most) == {1}
    assert len(set(threads)) == 4


def test_a_thread_actor_keeps_one_thread_with_pykkas_name_and_flag() -> None:
    class Bound(Actor, dispatcher=DispatcherKind.THREAD):
        use_daemon_thread = True

        def on_start(self) -> None:
            self.first = threading.current_thread()

        def on_receive(self, message: Any) -> Any:
            return self.first, threading.current_thread()

    with ActorSystem() as system:
        ref = system.spawn(Bound)
        for _ in range(3):
            first, now = ref.ask("x", timeout=SAFETY)
            assert first is now
        assert first.name.startswith("Bound-")
        assert first.daemon
        ref.stop(timeout=SAFETY)
        first.join(SAFETY)
        assert not first.is_alive()


def test_a_class_seen_blocking_does_not_concern_actors_with_threads_of_their_own() -> None:
    begun, release = threading.Semaphore(0), threading.Event()
    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        events = heard(system, HandlerBlocked)
        threaded = system.spawn(Blocker, dispatcher=DispatcherKind.THREAD).ask((begun, release), block=False)
        pooled = system.spawn(Echo)
        assert begun.acquire(timeout=SAFETY)
        blocked = system.spawn(Blocker).ask((begun, release), block=False)
        assert events.get(timeout=SAFETY).ref.actor_class is Blocker
        assert pooled.ask("others go on", timeout=SAFETY)
        release.set()
        assert threaded.get(timeout=SAFETY).name.startswith("Blocker-")
        blocked.get(timeout=SAFETY)
        assert events.empty()
