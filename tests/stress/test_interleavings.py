"""Single interleavings of the kernel's lock-free protocols, each brought about on purpose.

What a stress test meets once in a million runs happens here every time: the other thread's part is run at the very line, or just before
the very call, where it hurts. White-box by nature; the claims are those of the contract.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorStartError,
    ActorSystem,
    Bounded,
    DispatcherKind,
    Future,
    Lifecycle,
    MailboxFullError,
    SystemConfig,
    SystemStoppedError,
)
from actors._core import burial, deadlock, life, turn
from actors._core import wait as kernel_wait
from actors._core.admission import cool
from actors._core.admission import settle as settle_door
from actors._core.bounded import BoundedMailbox
from actors._core.cell import Cell
from actors._core.messages import Entry, Signal
from actors._core.sending import _offer, send_within
from actors.dispatch.event_loop import LoopHost
from actors.dispatch.pool import PoolWorker
from actors.dispatch.thread import ThreadHost
from actors.events import ActorStarted, DeadLetter
from tests.stress.threads import aside, at_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

pytestmark = pytest.mark.usefixtures("no_leaks")

PATIENCE = 10.0


def line_of(function: Callable[..., Any], text: str) -> int:
    """Return the number of the last line of `function` that contains `text`."""
    lines, first = inspect.getsourcelines(function)
    return first + max(index for index, line in enumerate(lines) if text in line)


class Recorder(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "seen":
            return list(self.seen)
        self.seen.append(message)
        return None


class SlowTell:
    """A `tell` in two halves, so that something may happen between the append and the look at the door."""

    def __init__(self, ref: Any, message: object) -> None:
        self.cell: Cell = ref._target
        self.message = message
        self.door = self.cell.inbox

    def append(self) -> None:
        self.door.append(self.message)

    def finish(self) -> None:
        if self.cell.inbox is not self.door:
            settle_door(self.cell, self.door)
        self.cell.rouse()


# -- turns -----------------------------------------------------------------------------------------------------------------


def test_a_first_message_that_comes_while_a_turn_ends_is_handled() -> None:
    handled = threading.Event()
    code: CodeType = turn.run.__code__
    line = line_of(turn.run, "cell.token.append(cell)")

    class Fresh(Actor):
        def on_start(self) -> None:
            ref, frame = self.actor_ref, sys._getframe()
            while frame.f_code is not code:
                assert frame.f_back is not None
                frame = frame.f_back
            at_line(code, line, lambda: ref.tell("hello"), frame=frame)

        def on_receive(self, message: Any) -> None:
            handled.set()

    with ActorSystem() as system:
        system.start(Fresh)
        assert handled.wait(PATIENCE)


@pytest.mark.parametrize(
    ("kind", "function", "text"),
    [
        (DispatcherKind.POOL, PoolWorker.rest, "self.asleep.append(None)"),
        (DispatcherKind.POOL, PoolWorker.rest, "pool.sleepers.append(self)"),
        (DispatcherKind.POOL, PoolWorker.rest, "if self.cells or"),
        (DispatcherKind.THREAD, ThreadHost.rest, "self.sleepers.append(None)"),
        (DispatcherKind.THREAD, ThreadHost.rest, "if self.queue"),
        (DispatcherKind.EVENT_LOOP, LoopHost._pump, "self.sleepers.append(None)"),
        (DispatcherKind.EVENT_LOOP, LoopHost._pump, "if not queue"),
    ],
)
def test_a_message_that_comes_while_the_dispatcher_falls_asleep_is_handled(
    kind: DispatcherKind, function: Callable[..., Any], text: str
) -> None:
    armed, handled = Future[None](), Future[None]()

    class Sleeper(Actor):
        def on_receive(self, message: str) -> None:
            if message == "arm":
                ref = self.actor_ref
                at_line(function.__code__, line_of(function, text), lambda: ref.tell("crossing"))
                armed.set()
            elif message == "crossing":
                handled.set()

    with ActorSystem() as system:
        ref = system.spawn(Sleeper, dispatcher=kind)
        ref.tell("arm")
        armed.get(timeout=PATIENCE)
        if kind is DispatcherKind.EVENT_LOOP:
            ref.tell("pumped")  # the loop falls asleep when it has taken this one out of its queue
        handled.get(timeout=PATIENCE)


def test_a_wake_up_given_to_a_worker_that_lost_the_run_queue_is_passed_on() -> None:
    handled = threading.Event()

    class Slow(Actor):
        def on_receive(self, message: str) -> None:
            if message == "block":
                blocked.set()
                go.wait(PATIENCE)
            else:
                handled.set()

    blocked, go = threading.Event(), threading.Event()
    with ActorSystem() as system:
        stuck = system.spawn(Slow, dispatcher=DispatcherKind.POOL)
        pool = system._runtime.pool
        stuck.tell("block")
        blocked.wait(PATIENCE)
        first = pool.active
        pool.take_over(first)  # what the watcher does, which may have been faster
        go.set()
        stuck.ask("second worker", timeout=PATIENCE)
        settle(pool)
        old = pool.active
        # `old` has decided to sleep as the active worker; before it says so, it loses the queue; then it says so.
        assert pool.take_over(old)
        settle(pool)
        if old in pool.sleepers:
            pool.sleepers.remove(old)
        pool.sleepers.append(old)
        handled.clear()
        stuck.tell("third")
        assert handled.wait(PATIENCE)


def settle(pool: Any) -> None:
    """Wait until the active worker sleeps."""
    for _ in range(10_000):
        if pool.active is not None and pool.active.asleep and pool.active in pool.sleepers:
            return
        threading.Event().wait(0.001)
    raise AssertionError("the pool does not come to rest")


# -- idle mailboxes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("text", ["cell.inbox = cell.inbox, COLD", "if queue:", "cell.queue = ()", "cell.token.append(cell)"])
@pytest.mark.parametrize("append_first", [True, False])
def test_a_send_that_crosses_the_giving_back_of_a_mailbox_is_handled_in_order(text: str, append_first: bool, tracing: bool) -> None:
    with ActorSystem(config=SystemConfig(tracing=tracing)) as system:
        ref = system.spawn(Recorder)
        ref.ask("seen", timeout=PATIENCE)
        send = SlowTell(ref, "first")
        if append_first:
            send.append()

        def cross() -> None:
            if not append_first:
                send.append()
            send.finish()
            ref.tell("second")

        crossing = threading.Thread(target=cross, daemon=True)

        def begin() -> None:
            crossing.start()
            crossing.join(0.3)  # it may have to wait for a lock that `cool` holds

        at_line(cool.__code__, line_of(cool, text), begin)
        cool(ref._target)
        sys.settrace(None)
        if crossing.ident is None:  # the line was not reached: `cool` gave up before
            begin()
        crossing.join(PATIENCE)
        assert ref.ask("seen", timeout=PATIENCE) == ["first", "second"]


def test_a_traced_message_that_is_settled_arrives_bare() -> None:
    with ActorSystem(config=SystemConfig(tracing=True)) as system:
        ref = system.spawn(Recorder)
        ref.ask("seen", timeout=PATIENCE)
        send = SlowTell(ref, "bare")
        assert cool(ref._target)
        send.append()
        send.finish()
        assert ref.ask("seen", timeout=PATIENCE) == ["bare"]


@pytest.mark.parametrize("text", ["self.inbox = CLOSED", "queue = self.queue", "self.queue = ()", "stash = "])
def test_a_send_that_crosses_the_closing_of_a_mailbox_has_one_fate(text: str) -> None:
    line = line_of(Cell.close, text)
    handled: list[Any] = []
    letters: list[Any] = []

    class Closing(Actor):
        def on_receive(self, message: Any) -> None:
            if message == "go":
                at_line(Cell.close.__code__, line, send.finish)
            else:
                handled.append(message)

    with ActorSystem() as system:
        system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
        ref = system.spawn(Closing, dispatcher=DispatcherKind.THREAD)
        ref.tell("warm")
        send = SlowTell(ref, "crossing")
        ref.tell("go")
        send.append()
        ref.stop(timeout=PATIENCE)
        send.finish()
        assert sorted([*handled, *letters]) == ["crossing", "warm"]


def test_a_first_message_that_crosses_the_closing_of_a_cold_mailbox_does_not_open_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    closing, warming, never = threading.Event(), threading.Event(), threading.Event()
    letters: list[Any] = []

    def about_to_close(_: Cell) -> None:
        closing.set()
        warming.wait(PATIENCE)

    with ActorSystem(config=SystemConfig(blocked_after=PATIENCE)) as system:  # or the kill gives the turn up
        system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
        ref = system.spawn(Recorder)
        runtime = ref._target.system
        door_of = runtime.door_of

        def slow_door(cell: Cell) -> Any:
            warming.set()
            never.wait(0.3)  # the other thread closes the mailbox meanwhile, if it can
            return door_of(cell)

        monkeypatch.setattr(runtime, "unregister", about_to_close)
        monkeypatch.setattr(runtime, "door_of", slow_door)
        killed = ref.kill(block=False)
        assert closing.wait(PATIENCE)
        try:
            ref.tell("crossing")
        except ActorDeadError as error:
            letters.append(error.message)
        monkeypatch.undo()
        assert isinstance(killed, Future)
        assert killed.get(timeout=PATIENCE)
        assert letters == ["crossing"]
        assert not ref.is_alive()


def test_callbacks_of_a_send_that_crosses_the_end_run_with_no_lock_of_the_framework_held() -> None:
    """Else a callback that takes a lock, and a sender that holds it, wait for each other for ever."""
    lock = threading.Lock()
    in_callback, has_lock = threading.Event(), threading.Event()
    outcomes: list[str] = []

    def callback(_: Future[Any]) -> None:
        in_callback.set()
        has_lock.wait(PATIENCE)
        with lock:
            outcomes.append("callback")

    with ActorSystem() as system:
        ended, other = system.spawn(Recorder), system.spawn(Recorder)
        for ref in (ended, other):
            ref.ask("seen", timeout=PATIENCE)
        future: Future[Any] = Future()
        future.add_done_callback(callback)
        asked, told = SlowTell(ended, Entry(("asked", future, None))), SlowTell(other, "told")
        ended.stop(timeout=PATIENCE)
        asked.append()
        settling = threading.Thread(target=asked.finish, daemon=True)
        settling.start()
        assert in_callback.wait(PATIENCE)

        def send_with_lock() -> None:
            with lock:
                has_lock.set()
                cool(other._target)
                told.append()
                told.finish()
            outcomes.append("sender")

        sender = threading.Thread(target=send_with_lock, daemon=True)
        sender.start()
        for thread in (sender, settling):
            thread.join(PATIENCE)
        assert sorted(outcomes) == ["callback", "sender"]
        assert other.ask("seen", timeout=PATIENCE) == ["told"]


# -- futures ---------------------------------------------------------------------------------------------------------------


def before_listening(monkeypatch: pytest.MonkeyPatch, future: Future[Any], call: Callable[[], object]) -> None:
    """Make `call` once, just before the next listener of `future` is noted."""
    listen = Future._listen

    def late(self: Future[Any], waiter: Any) -> None:
        if self is future:
            monkeypatch.setattr(Future, "_listen", listen)
            call()
        listen(self, waiter)

    monkeypatch.setattr(Future, "_listen", late)


def test_a_hook_set_while_a_getter_goes_to_sleep_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    future: Future[int] = Future()
    before_listening(monkeypatch, future, lambda: future.set_get_hook(lambda _: 42))
    assert future.get(timeout=PATIENCE) == 42


def test_a_hook_set_while_a_callback_is_added_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    future: Future[int] = Future()
    called: Future[int] = Future()
    before_listening(monkeypatch, future, lambda: future.set_get_hook(lambda _: 42))
    future.add_done_callback(lambda done: called.set(done.get()))
    assert called.get(timeout=PATIENCE) == 42


def test_a_getter_that_goes_to_sleep_while_anothers_hook_fails_tries_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    future: Future[str] = Future()
    inside, fail = threading.Event(), threading.Event()
    errors: list[ValueError] = []

    def hook(_: float | None) -> str:
        if inside.is_set():
            return "second try"
        inside.set()
        fail.wait(PATIENCE)
        raise ValueError

    def get_first() -> None:
        try:
            future.get()
        except ValueError as error:
            errors.append(error)

    future.set_get_hook(hook)
    first = threading.Thread(target=get_first)
    first.start()
    inside.wait(PATIENCE)

    def let_it_fail() -> None:
        fail.set()
        first.join(PATIENCE)

    before_listening(monkeypatch, future, let_it_fail)
    assert future.get(timeout=PATIENCE) == "second try"
    assert len(errors) == 1


def test_a_future_resolved_while_a_waiter_is_noted_wakes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    future: Future[int] = Future()
    before_listening(monkeypatch, future, lambda: future.set(1))
    assert future.get(timeout=PATIENCE) == 1


# -- bounded mailboxes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "admit"])
def test_a_blocked_sender_whose_time_is_up_just_when_its_fate_is_decided_learns_it(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[Any] = []
    busy, go = threading.Event(), threading.Event()

    class Slow(Actor, mailbox=Bounded(1, timeout=0.02)):
        def on_receive(self, message: Any) -> None:
            if message == 0:
                busy.set()
                go.wait(PATIENCE)
            handled.append(message)

    withdraw = BoundedMailbox.withdraw

    def late(self: BoundedMailbox, admitted: Future[None]) -> bool:
        monkeypatch.setattr(BoundedMailbox, "withdraw", withdraw)
        if how == "close":
            ref.kill(block=False)
            go.set()
            ref.actor_stopped.wait(PATIENCE)
        else:
            go.set()
            admitted._listen(lambda _: let_in.set())
            let_in.wait(PATIENCE)
        return withdraw(self, admitted)

    let_in = threading.Event()
    with ActorSystem() as system:
        ref = system.spawn(Slow, dispatcher=DispatcherKind.THREAD)
        ref.tell(0)
        busy.wait(PATIENCE)
        ref.tell(1)
        monkeypatch.setattr(BoundedMailbox, "withdraw", late)
        if how == "close":
            with pytest.raises((ActorDeadError, MailboxFullError)) as caught:
                ref.tell(2)
            assert caught.value.message == 2
            assert 2 not in handled
        else:
            ref.tell(2)
            ref.stop(timeout=PATIENCE)
            assert handled == [0, 1, 2]


# -- the end ---------------------------------------------------------------------------------------------------------------


def test_a_kill_that_comes_just_before_a_handler_parks_leaves_its_worker_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = deadlock.begin_wait
    never: Future[None] = Future()
    waits: list[object] = []

    class Waiting(Actor):
        def on_receive(self, message: Future[Any]) -> Any:
            value = message.get(timeout=PATIENCE)
            waits.append(value)
            return value

    def racing(cell: Cell, *args: Any, **kwargs: Any) -> None:
        begin(cell, *args, **kwargs)
        if cell is ref._target:
            monkeypatch.setattr(kernel_wait, "begin_wait", begin)
            aside(lambda: ref.kill(block=False))

    with ActorSystem() as system:
        ref = system.spawn(Waiting, dispatcher=DispatcherKind.POOL)
        others = [system.spawn(Waiting, dispatcher=DispatcherKind.POOL) for _ in range(3)]
        monkeypatch.setattr(kernel_wait, "begin_wait", racing)
        ref.tell(never)
        assert ref.actor_stopped.wait(PATIENCE)
        gates: list[Future[int]] = [Future() for _ in others]
        asked = [other.ask(gate, block=False) for other, gate in zip(others, gates, strict=True)]
        for gate in gates:
            assert not waits
            gate.set(1)
            break
        assert asked[0].get(timeout=PATIENCE) == 1
        for gate in gates[1:]:
            gate.set(2)
        assert [future.get(timeout=PATIENCE) for future in asked] == [1, 2, 2]
        for worker in system._runtime.pool.workers:
            assert len({id(strand) for strand in worker._strands}) == len(worker._strands)
            assert not worker.resumed
            assert worker.parked == 0


def test_an_actor_that_is_being_made_while_its_system_shuts_down_leaves_nothing_behind() -> None:
    inside, go = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    class Slow(Actor):
        def __init__(self) -> None:
            super().__init__()
            inside.set()
            go.wait(PATIENCE)

    def start() -> None:
        try:
            system.start(Slow)
        except SystemStoppedError as error:
            errors.append(error)

    system = ActorSystem()
    starter = threading.Thread(target=start)
    starter.start()
    inside.wait(PATIENCE)
    reports: list[Any] = []
    stopper = threading.Thread(target=lambda: reports.append(system.shutdown(timeout=PATIENCE)))
    stopper.start()
    while system.state.name == "RUNNING":
        threading.Event().wait(0.001)
    go.set()
    starter.join(PATIENCE)
    stopper.join(PATIENCE)
    assert len(errors) == 1
    assert reports[0].killed == ()
    assert system.actors() == []


def test_a_restart_that_crosses_the_end_of_the_actor_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    ending, go = threading.Event(), threading.Event()
    signal = Cell.signal

    class Ending(Actor):
        def on_stop(self) -> None:
            ending.set()
            go.wait(PATIENCE)

    def late(self: Cell, control: Any) -> None:
        restart = control.signal is Signal.RESTART
        if restart:
            ref.stop(block=False)
            ending.wait(PATIENCE)
        signal(self, control)
        if restart:
            go.set()

    with ActorSystem() as system:
        ref = system.spawn(Ending)
        monkeypatch.setattr(Cell, "signal", late)
        assert ref.restart(timeout=PATIENCE) is False


class Roomy(Recorder, mailbox=Bounded(3)):
    """Has a mailbox with a bound that is never reached."""


@pytest.mark.parametrize("how", ["ask", "tell_async"])
def test_a_bounded_send_that_crosses_the_end_comes_back(how: str) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Roomy)
        ref.ask("seen", timeout=PATIENCE)
        if how == "ask":
            at_line(send_within.__code__, line_of(send_within, "inbox.append"), lambda: ref.stop(timeout=PATIENCE))
            with pytest.raises(ActorDeadError):
                ref.ask("late", timeout=PATIENCE)
            return

        async def late() -> None:
            at_line(_offer.__code__, line_of(_offer, "inbox.offer"), lambda: ref.stop(timeout=PATIENCE))
            await ref.tell_async("late")

        with pytest.raises(ActorDeadError):
            asyncio.run(late())


# -- an actor that is given up beside its turn -----------------------------------------------------------------------------


class GivenUp(Actor):
    """Is killed and given up at one line of the kernel, which its own turn has come to; arms itself when it is asked to."""

    def __init__(self, function: Callable[..., Any], *, at_start: bool) -> None:
        super().__init__()
        self.function = function
        self.at_start = at_start

    def arm(self) -> None:
        ref = self.actor_ref

        def give_up() -> None:
            ref.kill(block=False)
            assert ref.actor_stopped.wait(PATIENCE)
            while ref.state is not Lifecycle.STOPPED:
                continue

        at_line(self.function.__code__, line_of(self.function, "with cell.system.lock"), give_up)

    def on_start(self) -> None:
        if self.at_start:
            self.arm()

    def on_receive(self, message: Any) -> Any:
        self.arm()


@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.THREAD], ids=lambda kind: kind.value)
def test_an_actor_given_up_as_its_start_ends_stays_dead(kind: DispatcherKind) -> None:
    started: list[Any] = []
    with ActorSystem(config=SystemConfig(blocked_after=0.001)) as system:
        system.events.subscribe(ActorStarted, started.append)
        with pytest.raises(ActorStartError):
            system.spawn(GivenUp, life._move, at_start=True, dispatcher=kind)
        assert system.actors() == []
        system.spawn(Recorder, dispatcher=kind).ask("seen", timeout=PATIENCE)
        assert [event.ref.actor_class for event in started] == [Recorder]


@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.THREAD], ids=lambda kind: kind.value)
def test_whoever_waits_for_the_restart_of_an_actor_given_up_as_it_begins_is_told(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(blocked_after=0.001)) as system:
        ref = system.spawn(GivenUp, burial.await_report, at_start=False, dispatcher=kind)
        ref.ask("arm", timeout=PATIENCE)
        assert ref.restart(timeout=PATIENCE) is False
