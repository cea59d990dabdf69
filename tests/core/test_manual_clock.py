"""A clock that a test moves: what it runs, in which order, and what in a real system goes by it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    DeadlineExceeded,
    DispatcherKind,
    DownReason,
    ReceiveTimeout,
    ShutdownPhase,
    SystemConfig,
    Timeout,
    TimerMode,
)
from actors.events import DeadLetter, DeadLetterReason, UnreadFailure
from actors.testing import ManualClock, Probe
from actors.testing.manual_clock import SLACK
from tests.stress.threads import race
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")

SAFETY = 30.0


class Doing(Actor):
    """Calls what it is told or asked, with itself."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Passing(Actor):
    """Tells the target whatever comes."""

    def __init__(self, target: ActorRef[Any], begin: Callable[[Actor], object]) -> None:
        super().__init__()
        self.target = target
        self.begin = begin

    def on_start(self) -> None:
        self.begin(self)

    def on_receive(self, message: Any) -> None:
        self.target.tell(message)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def system(clock: ManualClock) -> Iterator[ActorSystem]:
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        yield system


# -- the clock by itself ---------------------------------------------------------------------------------------------------


def test_calls_are_run_in_order_of_time_and_then_of_scheduling_each_at_its_own_time(clock: ManualClock) -> None:
    ran: list[tuple[str, float]] = []
    for name, when in (("c", 3.0), ("a", 1.0), ("b", 1.0), ("d", 3.5), ("e", 3.5001)):
        clock.call_at(when, lambda name=name: ran.append((name, clock.now())))  # type: ignore[misc]
    assert (clock.now(), clock.pending, ran) == (0.0, 5, [])
    clock.advance(3.5)
    assert ran == [("a", 1.0), ("b", 1.0), ("c", 3.0), ("d", 3.5)]
    assert (clock.now(), clock.pending) == (3.5, 1)
    clock.advance(10)
    assert (ran[-1], clock.now()) == (("e", 3.5001), 13.5)


def test_what_calls_schedule_within_the_span_is_run_too(clock: ManualClock) -> None:
    times: list[float] = []

    def again() -> None:
        times.append(clock.now())
        clock.call_at(clock.now() + 1.0, again)

    clock.call_at(1.0, again)
    clock.advance(3.0)
    assert (times, clock.pending) == ([1.0, 2.0, 3.0], 1)


def test_what_is_due_already_waits_for_the_next_move_and_time_never_goes_back(clock: ManualClock) -> None:
    times: list[float] = []
    clock.advance(5.0)
    for when in (2.0, 5.0):
        clock.call_at(when, lambda: times.append(clock.now()))
    assert times == []
    clock.advance(0)
    assert times == [5.0, 5.0]
    clock.call_at(1.0, lambda: times.append(clock.now()))
    assert clock.advance_to_next() is True
    assert (times, clock.now()) == ([5.0] * 3, 5.0)


def test_moving_to_the_next_runs_all_that_is_due_then(clock: ManualClock) -> None:
    ran: list[str] = []

    def first() -> None:
        ran.append("first")
        clock.call_at(2.0, lambda: ran.append("at once"))
        clock.call_at(2.5, lambda: ran.append("later"))

    clock.call_at(1.0, lambda: ran.append("cancelled")).cancel()
    clock.call_at(2.0, first)
    clock.call_at(2.0, lambda: ran.append("second"))
    assert clock.advance_to_next() is True
    assert (ran, clock.now()) == (["first", "second", "at once"], 2.0)
    assert clock.advance_to_next() is True
    assert (ran[-1], clock.now()) == ("later", 2.5)
    assert clock.advance_to_next() is False
    assert clock.now() == 2.5


def test_pending_counts_what_waits_for_its_time(clock: ManualClock) -> None:
    handles = [clock.call_at(float(number), lambda: None) for number in range(3)]
    clock.call_at(float("inf"), lambda: None).cancel()
    clock.call_at(float("inf"), lambda: None)
    assert clock.pending == 3
    handles[1].cancel()
    handles[1].cancel()
    assert clock.pending == 2
    assert repr(clock) == "<ManualClock at 0.0 s, 2 calls waiting>"
    clock.advance(2.0)
    assert clock.pending == 0
    handles[2].cancel()
    assert clock.advance_to_next() is False


def test_a_call_may_cancel_a_later_one(clock: ManualClock) -> None:
    ran: list[str] = []
    clock.call_at(1.0, lambda: later.cancel())  # noqa: PLW0108  # made below
    later = clock.call_at(1.0, lambda: ran.append("later"))
    clock.advance(1.0)
    assert (ran, clock.pending) == ([], 0)


def test_what_a_call_raises_comes_out_and_the_next_move_goes_on(clock: ManualClock) -> None:
    ran: list[float] = []

    def fail() -> None:
        raise LookupError

    clock.call_at(1.0, fail)
    clock.call_at(1.0, lambda: ran.append(clock.now()))
    with pytest.raises(LookupError):
        clock.advance(5.0)
    assert (clock.now(), ran, clock.pending) == (1.0, [], 1)
    clock.advance(5.0)
    assert (clock.now(), ran) == (6.0, [1.0])


def test_time_is_moved_by_one_at_a_time_and_by_no_handler(clock: ManualClock, system: ActorSystem) -> None:
    errors: list[BaseException] = []

    def within() -> None:
        for move in (clock.advance_to_next, lambda: clock.advance(1.0)):
            with pytest.raises(RuntimeError, match="moved already") as caught:
                move()
            errors.append(caught.value)

    clock.call_at(1.0, within)
    clock.call_at(1.0, lambda: race(within))
    clock.advance(1.0)
    assert len(errors) == 4
    for move in (clock.advance_to_next, lambda: clock.advance(1.0)):
        with pytest.raises(RuntimeError, match="no handler"):
            system.spawn(Doing).ask(lambda _, move=move: move(), timeout=SAFETY)
    for wrong in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="seconds="):
            clock.advance(wrong)
    assert clock.now() == 1.0


def test_calls_are_run_under_no_lock(clock: ManualClock) -> None:
    """Another thread may schedule, cancel and look while one is run."""
    ran: list[int] = []

    def busy() -> None:
        race(lambda: clock.call_at(1.0, lambda: ran.append(clock.pending)).cancel(), lambda: clock.call_at(1.0, lambda: ran.append(1)))

    clock.call_at(1.0, busy)
    clock.advance(1.0)
    assert ran == [1]


def test_cancelled_calls_take_no_room(clock: ManualClock) -> None:
    kept = [clock.call_at(float(number), lambda: None) for number in range(10)]
    for number in range(20 * SLACK):
        clock.call_at(float(number), lambda: None).cancel()
    assert (clock.pending, len(clock._calls)) == (len(kept), len(kept))
    assert len(clock._order) <= 2 * len(kept) + SLACK
    clock.advance(9.0)
    assert clock.pending == 0


def test_a_clock_has_no_thread_of_its_own() -> None:
    def now() -> set[str]:
        return {thread.name for thread in threading.enumerate()}

    for _ in range(2):
        before, done = now(), threading.Event()
        for _ in range(20):
            clock = ManualClock()
            clock.ports().clock.soon(done.set)
        assert done.wait(SAFETY)
        clock.advance(1.0)
        assert now() <= before | {"greenroom-ambient-clock"}


# -- against a model -------------------------------------------------------------------------------------------------------

halves = st.integers(0, 6).map(lambda number: number / 2)
delays = st.integers(-3, 6).map(lambda number: number / 2)  # below 0: due already
# What a call does when it is run: schedules others, so many seconds later, and cancels some by number.
deeds = st.lists(st.one_of(st.tuples(st.just("at"), delays), st.tuples(st.just("cancel"), st.integers(0, 12))), max_size=3)
moves = st.one_of(
    st.tuples(st.just("at"), delays, deeds),
    st.tuples(st.just("cancel"), st.integers(0, 12)),
    st.tuples(st.just("advance"), halves),
    st.tuples(st.just("next")),
)


class Model:
    """The clock as a list that is looked through for the next call."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waiting: list[tuple[float, int, Any]] = []
        self.count = 0
        self.log: list[tuple[int, float]] = []

    def at(self, delay: float, does: Any = ()) -> None:
        self.waiting.append((self.time + delay, self.count, does))
        self.count += 1

    def cancel(self, number: int) -> None:
        self.waiting = [one for one in self.waiting if one[1] != number]

    def until(self, end: float) -> None:
        while due := sorted(one[:2] for one in self.waiting if one[0] <= end):
            found = next(one for one in self.waiting if one[:2] == due[0])
            self.waiting.remove(found)
            self.time = max(self.time, found[0])
            self.log.append((found[1], self.time))
            for deed, number in found[2]:
                getattr(self, deed)(number)

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        self.until(end)
        self.time = end

    def next(self) -> bool:
        if not self.waiting:
            return False
        self.until(max(self.time, min(one[0] for one in self.waiting)))
        return True


class Real:
    """The same orders, given to the clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.handles: list[Any] = []
        self.log: list[tuple[int, float]] = []

    def at(self, delay: float, does: Any = ()) -> None:
        number = len(self.handles)

        def call() -> None:
            self.log.append((number, self.clock.now()))
            for deed, value in does:
                getattr(self, deed)(value)

        self.handles.append(self.clock.call_at(self.clock.now() + delay, call))

    def cancel(self, number: int) -> None:
        if number < len(self.handles):
            self.handles[number].cancel()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def next(self) -> bool:
        return self.clock.advance_to_next()


@given(st.lists(moves, max_size=25))
def test_the_clock_does_what_a_simple_model_does(orders: list[Any]) -> None:
    model, real = Model(), Real()
    for order, *arguments in orders:
        assert getattr(real, order)(*arguments) == getattr(model, order)(*arguments)
        assert real.log == model.log
        assert (real.clock.now(), real.clock.pending) == (model.time, len(model.waiting))


# -- races -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("tiny_switch_interval")
def test_each_call_is_run_once_or_cancelled_whoever_schedules_cancels_and_moves_the_time(clock: ManualClock) -> None:
    threads, each = 3, scaled(20_000, 2_000)
    ran: list[list[int]] = [[] for _ in range(threads)]
    moving = threading.Event()

    def schedule(name: int) -> None:
        for number in range(each):
            handle = clock.call_at(clock.now() + number % 3, lambda number=number: ran[name].append(number))  # type: ignore[misc]
            if number % 2:
                handle.cancel()

    def move() -> None:
        while not moving.is_set():
            clock.advance(1.0)
            clock.advance_to_next()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        race(*(lambda name=name: schedule(name) for name in range(threads)))  # type: ignore[misc]
    finally:
        moving.set()
        mover.join(SAFETY)
    clock.advance(3.0)
    assert clock.pending == 0
    for one in ran:
        assert len(one) == len(set(one))
        assert {number for number in one if number % 2 == 0} == set(range(0, each, 2))


@pytest.mark.usefixtures("tiny_switch_interval")
def test_a_call_that_was_cancelled_before_its_time_is_not_begun(clock: ManualClock) -> None:
    ran: list[int] = []
    for _ in range(scaled(2_000, 100)):
        handles = [clock.call_at(clock.now() + 1.0, lambda: ran.append(1)) for _ in range(20)]
        race(*(handle.cancel for handle in handles[:3]), *(handle.cancel for handle in handles[:3]))
        for handle in handles[3:]:
            handle.cancel()
        clock.advance(1.0)
    assert (ran, clock.pending) == ([], 0)


# -- a real system by this clock -------------------------------------------------------------------------------------------


def test_timers_tick_when_time_is_moved(clock: ManualClock, system: ActorSystem) -> None:
    probe = Probe(system, timeout=SAFETY)
    once = system.spawn(Passing, probe.ref, lambda me: me.start_timer("once", 3600.0, "once"))
    assert clock.pending == 1
    clock.advance(3599.0)
    once.ask(None, block=False)
    probe.expect(None)
    clock.advance(1.0)
    probe.expect("once")
    delayed = system.spawn(Passing, probe.ref, lambda me: me.start_periodic_timer("tick", 60.0, "delay"))
    for _ in range(3):
        clock.advance(60.0)
        probe.expect("delay")
        delayed.ask(None)  # the next delay has begun
        probe.expect(None)
    delayed.stop()
    assert clock.pending == 0
    system.spawn(Passing, probe.ref, lambda me: me.start_periodic_timer("tick", 60.0, "rate", mode=TimerMode.FIXED_RATE))
    for _ in range(3):
        assert clock.advance_to_next() is True
        probe.expect("rate")
    assert clock.now() == 3600.0 + 6 * 60.0


def test_a_receive_timeout_comes_when_time_is_moved(clock: ManualClock, system: ActorSystem) -> None:
    probe = Probe(system, timeout=SAFETY)
    ref = system.spawn(Passing, probe.ref, lambda me: me.set_receive_timeout(10.0))
    clock.advance(9.0)
    ref.tell("once more")
    probe.expect("once more")
    clock.advance(9.0)
    ref.ask(None)
    probe.expect(None)
    clock.advance(10.0)
    probe.expect(ReceiveTimeout)


def test_deadlines_pass_when_time_is_moved(clock: ManualClock, system: ActorSystem) -> None:
    busy, gate = threading.Event(), threading.Event()
    letters: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, letters.append)
    ref = system.spawn(Doing, dispatcher=DispatcherKind.THREAD)
    ref.tell(lambda _: (busy.set(), gate.wait(SAFETY)))
    assert busy.wait(SAFETY)
    asked, in_time = (ref.ask("x", block=False, deadline=seconds) for seconds in (5.0, 5.5))
    ref.tell_within("told", 5.0)
    clock.advance(5.0)
    gate.set()
    with pytest.raises(DeadlineExceeded):
        asked.get(timeout=SAFETY)
    assert in_time.get(timeout=SAFETY) == "x"
    ref.ask(None, timeout=SAFETY)
    assert [letter.message for letter in letters if letter.reason is DeadLetterReason.EXPIRED] == ["x", "told"]


def test_an_actor_that_does_not_stop_by_its_deadline_is_killed_and_abandoned_when_time_is_moved(
    clock: ManualClock, system: ActorSystem
) -> None:
    busy, gate = threading.Event(), threading.Event()
    probe = Probe(system, timeout=SAFETY)
    ref = system.spawn(Doing, dispatcher=DispatcherKind.THREAD)
    probe.watch(ref)
    try:
        ref.tell(lambda _: (busy.set(), gate.wait(SAFETY)))
        assert busy.wait(SAFETY)
        stopping = ref.stop(block=False, deadline=60.0)
        assert (clock.pending, stopping.done()) == (1, False)
        clock.advance(60.0)
        assert probe.messages == ()
        assert clock.pending == 1  # the look whether the killed handler is blocked
        clock.advance(system.config.blocked_after)
        assert probe.expect_down(ref).reason is DownReason.KILLED
    finally:
        gate.set()


def test_waits_of_pool_handlers_time_out_when_time_is_moved(
    clock: ManualClock, system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()

    def call_at(when: float, call: Callable[[], object]) -> Any:
        handle = ManualClock.call_at(clock, when, call)
        waits.set()
        return handle

    monkeypatch.setattr(clock, "call_at", call_at)
    probe = Probe(system, timeout=SAFETY)
    asked = system.spawn(Doing).ask(lambda _: probe.ref.ask("question", timeout=7.0), block=False)
    probe.expect("question")
    assert waits.wait(SAFETY)
    clock.advance(6.5)
    assert not asked.done()
    clock.advance(0.5)
    with pytest.raises(Timeout, match=r"7\.0 seconds"):
        asked.get(timeout=SAFETY)


def test_waits_of_threads_and_of_event_loops_time_out_by_real_time(clock: ManualClock, system: ActorSystem) -> None:
    class Sleeping(Actor):
        async def on_receive(self, message: Any) -> str:
            await asyncio.sleep(0.001)
            return "slept"

    probe = Probe(system, timeout=SAFETY)
    with pytest.raises(Timeout):
        probe.ref.ask("x", timeout=0.01)
    with pytest.raises(Timeout):
        asyncio.run(probe.ref.ask_async("x", timeout=0.01))
    threaded = system.spawn(Doing, dispatcher=DispatcherKind.THREAD)
    with pytest.raises(Timeout):
        threaded.ask(lambda _: probe.ref.ask("x", timeout=0.01), timeout=SAFETY)
    assert system.spawn(Sleeping).ask("x", timeout=SAFETY) == "slept"
    assert clock.now() == 0.0


def test_what_is_to_happen_at_once_waits_for_no_time(clock: ManualClock) -> None:
    down, failure = threading.Event(), threading.Event()
    system = ActorSystem(config=SystemConfig(ports=clock.ports()))
    system.on_shutdown(ShutdownPhase.AFTER_STOP, down.set, name="down")
    system.events.subscribe(UnreadFailure, lambda _: failure.set())
    ref = system.spawn(Doing)
    ref.ask(lambda me: me.missing, block=False)
    ref.ask(None, timeout=SAFETY)
    assert failure.wait(SAFETY)
    system.request_shutdown()
    assert down.wait(SAFETY)
    assert system.shutdown().killed == ()
    assert clock.now() == 0.0


def test_a_shutdown_ends_also_where_a_handler_is_blocked_and_time_stands_still(clock: ManualClock) -> None:
    busy, gate = threading.Event(), threading.Event()
    system = ActorSystem(config=SystemConfig(ports=clock.ports(), shutdown_timeout=0.01))
    ref = system.spawn(Doing, dispatcher=DispatcherKind.THREAD)
    ref.tell(lambda _: (busy.set(), gate.wait(SAFETY)))
    assert busy.wait(SAFETY)
    path = ref.path
    assert system.shutdown().killed == (path,)
    gate.set()
    with pytest.raises(ActorDeadError):
        ref.ask("x", timeout=SAFETY)


def test_systems_may_share_a_clock(clock: ManualClock) -> None:
    with (
        ActorSystem(config=SystemConfig(ports=clock.ports())) as one,
        ActorSystem(config=SystemConfig(ports=clock.ports())) as other,
    ):
        probe = Probe(one, timeout=SAFETY)
        for system, name in ((one, "late"), (other, "early")):
            delay = 2.0 if name == "late" else 1.0
            system.spawn(Passing, probe.ref, lambda me, name=name, delay=delay: me.start_timer(name, delay, name))
        clock.advance_to_next()
        probe.expect("early")
        clock.advance_to_next()
        probe.expect("late")
