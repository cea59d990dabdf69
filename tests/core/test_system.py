"""Systems: how they end, what they leave behind, and how they get on with signals, forks and the interpreter's exit."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    ActorStartError,
    ActorSystem,
    BlockingInLoopError,
    DeadLetter,
    DeadlockError,
    DispatcherKind,
    Down,
    DownReason,
    Future,
    Lifecycle,
    ShutdownPhase,
    ShutdownReport,
    SystemConfig,
    SystemState,
    SystemStoppedError,
    Timeout,
    default_system,
    get_all,
)
from actors.events import ActorStopped, CallbackFailed
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0
ROOT = Path(__file__).parent.parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks of POSIX")


class Echo(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


class AsyncEcho(Actor):
    async def on_receive(self, message: Any) -> Any:
        return message


class Waiting(Actor):
    def on_receive(self, message: Future[Any]) -> Any:
        return message.get()


class Threaded(Echo, dispatcher=DispatcherKind.THREAD):
    use_daemon_thread = True


class Noting(Actor):
    """Notes its end; makes children when it is told their names."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes

    def on_receive(self, message: str) -> Any:
        return self.spawn(Noting, self.notes, name=message)

    def on_stop(self) -> None:
        self.notes.append(self.path)


class Parked(Actor):
    def on_receive(self, message: Future[None]) -> Any:
        message.set()
        return Future[Any]().get()


class Blocked(Actor):
    def on_receive(self, message: tuple[threading.Event, threading.Event]) -> Any:
        begun, release = message
        begun.set()
        release.wait(SAFETY)


class AsyncParked(Actor):
    async def on_receive(self, message: Future[None]) -> Any:
        message.set()
        await asyncio.Event().wait()


# -- phases and hooks ------------------------------------------------------------------------------------------------------


def test_hooks_run_in_the_order_of_phases_around_the_end_of_the_actors() -> None:
    notes: list[Any] = []
    system = ActorSystem()
    ref = system.spawn(Echo)

    def note(name: str) -> None:
        try:
            notes.append((name, ref.ask("alive", timeout=SAFETY)))
        except ActorDeadError:
            notes.append((name, "dead"))

    system.on_shutdown(ShutdownPhase.AFTER_STOP, lambda: note("after"), name="after")
    system.on_shutdown(ShutdownPhase.ACTORS, lambda: note("actors"), name="actors")
    system.on_shutdown(ShutdownPhase.BEFORE_STOP, lambda: note("before"), name="before")
    system.on_shutdown(ShutdownPhase.BEFORE_STOP, lambda: note("before too"), name="before too")
    report = system.shutdown()
    assert notes == [("before", "alive"), ("before too", "alive"), ("actors", "alive"), ("after", "dead")]
    assert report.failed_hooks == ()


@pytest.mark.parametrize("awaited", [False, True])
def test_a_hook_that_would_wait_for_its_own_shutdown_gets_the_error_at_once(awaited: bool) -> None:
    caught: list[BaseException] = []
    system = ActorSystem()

    def plain() -> None:
        try:
            system.shutdown()
        except DeadlockError as error:
            caught.append(error)

    async def waiting() -> None:
        try:
            await system.shutdown_async()
        except DeadlockError as error:
            caught.append(error)

    system.on_shutdown(ShutdownPhase.BEFORE_STOP, waiting if awaited else plain, name="again", timeout=SAFETY)
    assert system.shutdown().failed_hooks == ()
    assert len(caught) == 1


def test_a_hook_that_raises_or_takes_too_long_is_reported_and_the_others_run() -> None:
    release = threading.Event()
    ran: list[str] = []
    system = ActorSystem()
    failures: queue.SimpleQueue[CallbackFailed] = queue.SimpleQueue()
    system.events.subscribe(CallbackFailed, failures.put)

    def broken() -> None:
        raise LookupError("broken")

    system.on_shutdown(ShutdownPhase.BEFORE_STOP, broken, name="broken")
    system.on_shutdown(ShutdownPhase.BEFORE_STOP, lambda: release.wait(SAFETY), name="slow", timeout=0.01)
    system.on_shutdown(ShutdownPhase.AFTER_STOP, lambda: ran.append("fine"), name="fine")
    report = system.shutdown()
    release.set()
    assert report.failed_hooks == ("broken", "slow")
    assert ran == ["fine"]
    assert isinstance(failures.get(timeout=SAFETY).error, LookupError)
    assert isinstance(failures.get(timeout=SAFETY).error, Timeout)


def test_children_end_before_parents_and_all_in_reverse_start_order() -> None:
    notes: list[str] = []
    with ActorSystem() as system:
        first, second = system.spawn(Noting, notes, name="first"), system.spawn(Noting, notes, name="second")
        inner = first.ask("x", timeout=SAFETY)
        first.ask("y", timeout=SAFETY)
        inner.ask("deep", timeout=SAFETY)
        second.ask("z", timeout=SAFETY)
    assert notes == ["/second/z", "/second", "/first/y", "/first/x/deep", "/first/x", "/first"]


def test_mail_that_was_sent_before_the_shutdown_is_handled() -> None:
    handled: list[int] = []

    class Collecting(Actor):
        def on_receive(self, message: int) -> None:
            handled.append(message)

    with ActorSystem() as system:
        refs = [system.spawn(Collecting, dispatcher=kind) for kind in DispatcherKind]
        for number in range(100):
            for ref in refs:
                ref.tell(number)
    assert sorted(handled) == sorted(list(range(100)) * len(refs))


# -- the report ------------------------------------------------------------------------------------------------------------


def test_the_report_counts_who_ended_and_says_how_long_it_took() -> None:
    system = ActorSystem()
    for kind in DispatcherKind:
        system.spawn(Echo, dispatcher=kind)
    report = system.shutdown()
    assert (report.stopped, report.killed, report.failed_hooks) == (3, (), ())
    assert 0 <= report.elapsed < SAFETY
    assert ActorSystem().shutdown().stopped == 0


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_actors_that_wait_too_long_are_killed_and_named(dispatcher: DispatcherKind) -> None:
    parked: Future[None] = Future()
    system = ActorSystem()
    stuck = system.spawn(Parked, name="stuck", dispatcher=dispatcher)
    system.spawn(Echo, name="fine")
    asked = stuck.ask(parked, block=False)
    parked.get(timeout=SAFETY)
    report = system.shutdown(timeout=0.05)
    assert report.killed == ("/stuck",)
    assert report.stopped == 2
    assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)


def test_async_actors_that_wait_too_long_are_killed_and_named() -> None:
    parked: Future[None] = Future()
    system = ActorSystem(config=SystemConfig(shutdown_timeout=0.05))
    asked = system.spawn(AsyncParked, name="stuck").ask(parked, block=False)
    parked.get(timeout=SAFETY)
    assert system.shutdown().killed == ("/stuck",)
    assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)


def test_a_handler_blocked_elsewhere_is_left_behind_and_named() -> None:
    begun, release = threading.Event(), threading.Event()
    system = ActorSystem(config=SystemConfig(shutdown_timeout=0.05, blocked_after=0.02))
    stuck = system.spawn(Blocked, name="stuck")
    asked = stuck.ask((begun, release), block=False)
    assert begun.wait(SAFETY)
    report = system.shutdown()
    assert report.killed == ("/stuck",)
    assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)
    assert system.state is SystemState.STOPPED
    release.set()


# -- once, by anybody ------------------------------------------------------------------------------------------------------


def test_a_shutdown_is_idempotent_and_gives_the_same_report() -> None:
    system = ActorSystem()
    system.spawn(Echo)
    first = system.shutdown()
    assert system.shutdown() is first
    assert asyncio.run(system.shutdown_async()) is first
    with pytest.raises(SystemStoppedError), system:
        pass


def test_concurrent_shutdowns_wait_for_the_one_under_way() -> None:
    for _ in range(scaled(200, 10)):
        notes: list[str] = []
        system = ActorSystem()
        for number in range(5):
            system.spawn(Noting, notes, name=f"a{number}")
        reports: list[ShutdownReport] = []
        barrier = threading.Barrier(4)

        def shut_down(system: ActorSystem = system, barrier: threading.Barrier = barrier, reports: list[Any] = reports) -> None:
            barrier.wait(SAFETY)
            reports.append(system.shutdown())

        threads = [threading.Thread(target=shut_down) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SAFETY)
        assert len(reports) == 4
        assert all(report is reports[0] for report in reports)
        assert notes == ["/a4", "/a3", "/a2", "/a1", "/a0"]


@pytest.mark.parametrize("actor_class", [Echo, AsyncEcho, Threaded])
def test_a_handler_may_request_the_shutdown_of_its_own_system(actor_class: type[Actor]) -> None:
    class Ending(actor_class):  # type: ignore[misc, valid-type]
        def on_receive(self, message: Any) -> Any:
            self.system.request_shutdown()
            return "asked for"

    system = ActorSystem()
    try:
        bystander = system.spawn(Echo)
        ending = system.spawn(Ending)
        assert ending.ask("end", timeout=SAFETY) == "asked for"
        for ref in (bystander, ending):
            assert ref.actor_stopped.wait(SAFETY)
    finally:
        assert system.shutdown().stopped == 2
    assert system.state is SystemState.STOPPED


@pytest.mark.parametrize("actor_class", [Echo, AsyncEcho, Threaded])
def test_a_handler_that_would_wait_for_its_own_systems_end_is_told_what_to_do(actor_class: type[Actor]) -> None:
    class Ending(actor_class):  # type: ignore[misc, valid-type]
        def on_receive(self, message: Any) -> Any:
            return self.system.shutdown()

    with ActorSystem() as system, pytest.raises(DeadlockError, match="request_shutdown"):
        system.spawn(Ending).ask("end", timeout=SAFETY)


def test_a_handler_may_shut_another_system_down() -> None:
    class Ending(Actor):
        def on_receive(self, message: ActorSystem) -> Any:
            return message.shutdown().stopped

    other = ActorSystem()
    other.spawn(Echo)
    with ActorSystem() as system:
        assert system.spawn(Ending).ask(other, timeout=SAFETY) == 1


def test_nothing_starts_after_a_shutdown() -> None:
    with ActorSystem("gone") as system:
        ref = system.spawn(Echo)
    for start in (system.spawn, system.start):
        with pytest.raises(SystemStoppedError, match="gone"):
            start(Echo)
    with pytest.raises(SystemStoppedError):
        asyncio.run(system.spawn_async(Echo))
    with pytest.raises(ActorDeadError):
        ref.tell("dead")
    assert system.actors() == []


def test_nothing_starts_during_a_shutdown() -> None:
    caught: list[BaseException] = []

    class Late(Actor):
        def on_stop(self) -> None:
            for start in (lambda: self.system.start(Echo), lambda: self.spawn(Echo), lambda: Echo.start()):  # noqa: PLW0108
                try:
                    start()
                except (SystemStoppedError, ActorDeadError, ActorStartError) as error:
                    caught.append(error)

    with ActorSystem() as system:
        system.spawn(Late)
    assert len(caught) == 3


def test_actors_that_send_to_each_other_while_ending_do_not_hold_the_shutdown_up() -> None:
    class Chatty(Actor):
        def __init__(self, peers: list[ActorRef[Any]]) -> None:
            super().__init__()
            self.peers = peers

        def on_stop(self) -> None:
            for peer in self.peers:
                try:
                    peer.tell("bye")
                    peer.ask("bye", timeout=SAFETY)
                except ActorDeadError:
                    continue

        def on_receive(self, message: Any) -> Any:
            return message

    peers: list[ActorRef[Any]] = []
    with ActorSystem() as system:
        for kind in list(DispatcherKind) * 3:
            peers.append(system.spawn(Chatty, list(peers), dispatcher=kind))
    assert not any(peer.is_alive() for peer in peers)


@pytest.mark.parametrize("left_running", [False, True])
def test_a_shutdown_leaves_no_thread(left_running: bool) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        system = ActorSystem()
        refs = [system.spawn(Echo, dispatcher=kind) for kind in DispatcherKind]
        assert [ref.ask("x", timeout=SAFETY) for ref in refs] == ["x"] * 3
        with pytest.raises(Timeout):  # the clock runs
            system.spawn(Echo).ask(1, block=False).map(lambda _: Future[Any]().get(timeout=0.001)).get()
        if not left_running:
            for ref in refs:
                ref.stop(timeout=SAFETY)
        system.shutdown()
        left = {thread for thread in threading.enumerate() if thread not in before and not thread.name.startswith("greenroom-ambient")}
        for thread in left:
            thread.join(SAFETY / 10)
        assert not [thread.name for thread in left if thread.is_alive()]


def test_a_shutdown_right_after_the_pool_went_quiet_ends_its_watcher() -> None:
    """Sweeps the moment at which the watcher goes to sleep."""
    for step in range(scaled(60, 12)):
        before = set(threading.enumerate())
        system = ActorSystem()
        system.spawn(Echo).ask("x", timeout=SAFETY)
        with pytest.raises(Timeout):
            Future[Any]().get(timeout=0.09 + step * 0.002)
        watcher = [thread for thread in threading.enumerate() if thread not in before and thread.name == "greenroom-watcher"]
        system.shutdown()
        assert not [thread for thread in watcher if thread.is_alive()]


def test_a_system_that_was_shut_down_is_freed_with_all_its_workers_had_at_hand() -> None:
    """A hundred handlers waited at once: the worker's idle stacks must end with its thread, or what they hold is held for ever."""
    gates = [Future[None]() for _ in range(100)]

    def use() -> weakref.ref[Any]:
        with ActorSystem() as system:
            answers = [system.spawn(Waiting).ask(gate, block=False) for gate in gates]
            for gate in gates:
                gate.set()
            get_all(answers, timeout=SAFETY)
            return weakref.ref(system._runtime)

    runtime = use()
    gc.collect()
    assert runtime() is None


def test_the_default_system_is_made_anew_after_a_shutdown() -> None:
    before = default_system()
    ref = Echo.start()
    assert ref in ActorRegistry.get_all()
    before.shutdown()
    assert not ref.is_alive()
    assert ActorRegistry.get_all() == []
    after = default_system()
    assert after is not before
    again = Echo.start()
    assert again.ask("x", timeout=SAFETY) == "x"
    again.stop()


def test_a_started_actor_belongs_to_the_system_of_the_handler_that_started_it() -> None:
    class Starting(Actor):
        def on_receive(self, message: Any) -> Any:
            return Echo.start()

    with ActorSystem() as system:
        ref = system.spawn(Starting).ask("x", timeout=SAFETY)
        assert ref in system.actors()
        assert ref not in ActorRegistry.get_all()


def test_stop_events_of_all_actors_come_before_the_report() -> None:
    ended: list[ActorRef[Any]] = []
    system = ActorSystem()
    system.events.subscribe(ActorStopped, lambda event: ended.append(event.ref))
    refs = [system.spawn(Echo, dispatcher=kind) for kind in DispatcherKind]
    system.shutdown()
    assert ended == refs[::-1]


def test_run_returns_after_a_request_and_needs_no_signal() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ActorSystem() as system:
        system.spawn(Echo)
        system.request_shutdown()
        system.run()  # in the main thread, as tests are
        assert system.state is SystemState.STOPPED
    assert signal.getsignal(signal.SIGINT) is before


def test_run_async_leaves_the_signal_handlers_as_they_were() -> None:
    async def main() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with ActorSystem() as system:
            system.request_shutdown()
            await asyncio.wait_for(system.run_async(), SAFETY)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    asyncio.run(main())


def test_run_on_the_loop_of_the_actors_is_refused() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            with pytest.raises(BlockingInLoopError, match="run_async"):
                system.run()
            assert await (await system.spawn_async(AsyncEcho)).ask_async("goes on") == "goes on"

    asyncio.run(main())


def test_run_elsewhere_than_in_the_main_thread_says_so() -> None:
    errors: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def serve() -> None:
        try:
            system.run()
        except RuntimeError as error:
            errors.put(str(error))

    with ActorSystem() as system:
        thread = threading.Thread(target=serve)
        thread.start()
        assert "main thread" in errors.get(timeout=SAFETY)
        thread.join(SAFETY)


class Stuck(Actor):
    """Ignores that it is to stop until it is killed."""

    def __init__(self, stopping: Future[None]) -> None:
        super().__init__()
        self.stopping = stopping

    async def on_stop(self) -> None:
        self.stopping.set()
        await asyncio.Event().wait()


def test_a_shutdown_that_is_cancelled_kills_what_is_left_and_sees_itself_through() -> None:
    """However often it is cancelled, nothing stays behind on the loop: it may block afterwards like any other."""
    stopping: Future[None] = Future()
    systems: list[ActorSystem] = []

    async def main() -> None:
        systems.append(ActorSystem())
        async with systems[0] as system:
            await system.spawn_async(Stuck, stopping)

    async def cancel_twice() -> None:
        task = asyncio.ensure_future(main())
        await stopping
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert systems[0].state is SystemState.STOPPED
        with ActorSystem() as other:
            assert other.spawn(Echo).ask("blocks", timeout=SAFETY) == "blocks"

    asyncio.run(cancel_twice())


# -- loops that are closed under their actors ------------------------------------------------------------------------------


def orphaned() -> tuple[ActorSystem, ActorRef[Any], ActorRef[Any]]:
    """A system whose loop was closed, with an async actor on it and a plain one that watches that."""
    system = ActorSystem()

    async def main() -> tuple[ActorRef[Any], ActorRef[Any]]:
        await system.__aenter__()
        ref = await system.spawn_async(AsyncEcho)
        assert await ref.ask_async("x") == "x"
        watcher = await system.spawn_async(Watching)
        await watcher.ask_async(ref)
        return ref, watcher

    return system, *asyncio.run(main())


class Watching(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.down: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ActorRef):
            self.watch(message)
        elif isinstance(message, Down):
            self.down.append(message.reason)
        return self.down


def test_the_actors_of_a_loop_that_was_closed_are_dead_and_nobody_waits_for_them() -> None:
    system, ref, watcher = orphaned()
    letters: list[Any] = []
    system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
    ref.tell("accounted for")
    assert letters == ["accounted for"]
    with pytest.raises(ActorDeadError):
        ref.ask("dead", timeout=SAFETY)
    assert watcher.ask("down", timeout=SAFETY) == [DownReason.KILLED]
    assert system.spawn(AsyncEcho).ask("on another loop", timeout=SAFETY) == "on another loop"
    assert system.shutdown().killed == ()


def test_an_ask_of_an_actor_whose_loop_was_closed_fails() -> None:
    system, ref, _ = orphaned()
    with pytest.raises(ActorDeadError) as caught:
        ref.ask("first", timeout=SAFETY)
    assert caught.value.message == "first"
    system.shutdown()


class InTheMiddle(Actor):
    async def on_receive(self, message: Future[None]) -> None:
        message.set()
        await asyncio.Event().wait()


class AtSeveral(InTheMiddle, reentrant=True):
    pass


@pytest.mark.parametrize("actor_class", [InTheMiddle, AtSeveral])
def test_a_thread_that_waits_while_the_loop_is_closed_under_its_actor_is_told(actor_class: type[Actor]) -> None:
    system, parked = ActorSystem(), Future[None]()
    outcomes: Future[BaseException | None] = Future()

    async def main() -> None:
        await system.__aenter__()
        asked = (await system.spawn_async(actor_class)).ask(parked, block=False)
        threading.Thread(target=lambda: outcomes.set(asked.exception()), daemon=True).start()
        await parked
        while not asked._waiters:  # noqa: ASYNC110
            await asyncio.sleep(0)  # the thread has no event to tell that it waits

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # that tasks were pending is the point
    loop.run_until_complete(main())
    loop.close()
    assert isinstance(outcomes.get(timeout=SAFETY), ActorDeadError)
    system.shutdown()


@pytest.mark.parametrize("how", ["turn", "wake-up"])
def test_nobody_waits_for_an_actor_whose_loop_was_closed_in_the_middle(how: str) -> None:
    """Its turn is held by a handler that nothing will resume, or a wake-up was under way: a send finds nothing amiss."""
    system, parked = ActorSystem(), Future[None]()

    async def main() -> ActorRef[Any]:
        await system.__aenter__()
        ref = await system.spawn_async(InTheMiddle)
        if how == "turn":
            ref.tell(parked)
            await parked
        return ref

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # that tasks were pending is the point
    ref = loop.run_until_complete(main())
    if how == "wake-up":
        ref.tell(parked)
    loop.close()
    with pytest.raises(ActorDeadError):
        ref.ask("too late", timeout=SAFETY)
    assert ref.state is Lifecycle.STOPPED
    assert system.shutdown().killed == ()


def test_a_system_whose_loop_was_closed_can_be_shut_down_from_plain_code() -> None:
    system, ref, _ = orphaned()
    system.shutdown()
    assert ref.state is Lifecycle.STOPPED


def test_run_async_returns_after_a_request() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            await system.spawn_async(AsyncEcho)
            system.request_shutdown()
            await asyncio.wait_for(system.run_async(), SAFETY)
            assert system.state is SystemState.STOPPED

    asyncio.run(main())


# -- programs --------------------------------------------------------------------------------------------------------------

PRELUDE = """
import asyncio, os, signal, sys, threading, time
from actors import *

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored

def print(*texts):  # each line in one piece, whichever thread it comes from
    os.write(1, (" ".join(map(str, texts)) + "\\n").encode())

class Echo(Actor):
    def on_receive(self, message):
        return message
    def on_stop(self):
        print("on_stop")

class AsyncEcho(Actor):
    async def on_receive(self, message):
        return message
    async def on_stop(self):
        print("on_stop")

class Parked(Actor):
    def on_receive(self, message):
        print("parked")
        Future().get()

class AsyncParked(Actor):
    async def on_receive(self, message):
        print("parked")
        await asyncio.Event().wait()

class Blocked(Actor):
    def on_receive(self, message):
        print("blocked")
        time.sleep(1000)

def say_ready_once_signals_are_handled():
    def look():
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            time.sleep(0.001)
        print("ready")
    threading.Thread(target=look).start()

def say_ready_once_main_waits():
    def look():
        main, seen, looks = threading.main_thread().ident, None, 0
        while looks < 50:
            time.sleep(0.001)
            frame = sys._current_frames()[main]
            here = (id(frame), frame.f_lasti)
            looks = looks + 1 if here == seen else 0
            seen = here
        print("ready")
    threading.Thread(target=look).start()
"""


class Program:
    """A Python program in a process of its own."""

    def __init__(self, text: str) -> None:
        source = PRELUDE + textwrap.dedent(text)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", source],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == line + "\n"

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def finish(self) -> tuple[int, list[str], str]:
        """Returns exit code, lines printed (since the last wait_for) and what went to stderr."""
        try:
            out, errors = self.process.communicate(timeout=SAFETY)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, errors = self.process.communicate()
            pytest.fail(f"the program does not end: {out!r} {errors!r}")
        return self.process.returncode, out.splitlines(), errors


def test_no_search_through_the_heap_begins_when_a_worker_that_parked_handlers_ends() -> None:
    # Decision 12: in that search a collection at the wrong moment crashes the process.
    program = Program("""
        import gc

        class Waits(Actor):
            def on_receive(self, message):
                return self.actor_ref.ask("me") if message == "deadlock" else message.get()

        found = []
        gc.get_referrers = lambda one: found.append(one) or [one, one]
        for turn in range(10):
            gates = [Future() for _ in range(10)]
            with ActorSystem() as system:
                asks = [system.spawn(Waits).ask(gate, block=False) for gate in gates]
                for gate in gates:
                    gate.set(turn)
                assert [ask.get() for ask in asks] == [turn] * 10
                assert system.spawn(Waits).ask("deadlock", block=False).exception() is not None
            for _ in range(100):  # greenlet cleans up between two instructions of the main thread
                pass
        print(len(found))
    """)
    assert program.finish() == (0, ["0"], "")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_on_a_signal_in_order_with_exit_code_0_and_no_traceback(number: int) -> None:
    program = Program("""
        system = ActorSystem()
        system.spawn(Echo)
        system.on_shutdown(ShutdownPhase.AFTER_STOP, lambda: print("after"), name="after")
        say_ready_once_signals_are_handled()
        report = system.run()
        print("returned", system.state.name, int(report.signal))
    """)
    program.wait_for("ready")
    program.send(number)
    assert program.finish() == (0, ["on_stop", "after", f"returned STOPPED {int(number)}"], "")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_async_ends_on_a_signal_in_order_with_exit_code_0_and_no_traceback(number: int) -> None:
    program = Program("""
        async def main():
            async with ActorSystem() as system:
                await system.spawn_async(AsyncEcho)
                asyncio.get_running_loop().call_later(0.01, lambda: print("ready"))
                report = await system.run_async()
                print("returned", system.state.name, int(report.signal))
        asyncio.run(main())
    """)
    program.wait_for("ready")
    program.send(number)
    assert program.finish() == (0, ["on_stop", f"returned STOPPED {int(number)}"], "")


@posix
@pytest.mark.parametrize("parked", ["Parked", "AsyncParked"])
def test_a_second_signal_kills_what_is_left(parked: str) -> None:
    program = Program(f"""
        system = ActorSystem(config=SystemConfig(shutdown_timeout=1000.0))
        system.on_shutdown(ShutdownPhase.ACTORS, lambda: print("stopping"), name="stopping")
        ref = system.spawn({parked})
        ref.tell("park")
        ref.stats()  # it is parked, or about to
        say_ready_once_signals_are_handled()
        system.run()
        print("returned", system.state.name)
    """)
    program.wait_for("parked")
    program.wait_for("ready")
    program.send(signal.SIGINT)
    program.wait_for("stopping")
    program.send(signal.SIGINT)
    assert program.finish() == (0, ["returned STOPPED"], "")


@posix
def test_a_second_signal_kills_what_is_left_of_run_async() -> None:
    program = Program("""
        async def main():
            async with ActorSystem(config=SystemConfig(shutdown_timeout=1000.0)) as system:
                system.on_shutdown(ShutdownPhase.ACTORS, lambda: print("stopping"), name="stopping")
                (await system.spawn_async(AsyncParked)).tell("park")
                await system.run_async()
                print("returned", system.state.name)
        asyncio.run(main())
    """)
    program.wait_for("parked")
    program.send(signal.SIGINT)
    program.wait_for("stopping")
    program.send(signal.SIGINT)
    assert program.finish() == (0, ["returned STOPPED"], "")


@posix
@pytest.mark.parametrize(
    "wait",
    [
        "time.sleep(1000)",
        "Future().get()",
        "Future().get(timeout=1000)",
        "ref.ask(Future()).get()",
        "system.spawn(Parked, name='parked').ask('park')",
    ],
)
def test_ctrl_c_inside_with_shuts_the_system_down_and_comes_out(wait: str) -> None:
    program = Program(f"""
        try:
            with ActorSystem(config=SystemConfig(shutdown_timeout=0.1)) as system:
                ref = system.spawn(Echo)
                say_ready_once_main_waits()
                {wait}
        except KeyboardInterrupt:
            for thread in threading.enumerate():
                if thread.name.startswith("greenroom"):
                    thread.join()
            print("interrupted", system.state.name)
    """)
    if "Parked" in wait:
        program.wait_for("parked")
    program.wait_for("ready")
    program.send(signal.SIGINT)
    code, lines, errors = program.finish()
    assert (code, lines[-1], errors) == (0, "interrupted STOPPED", "")
    if "Parked" not in wait:  # which keeps the first one waiting until both are killed
        assert lines[0] == "on_stop"


def test_a_default_actor_keeps_the_process_alive_until_it_stops() -> None:
    program = Program("""
        class Counting(Echo):
            def on_receive(self, message):
                if message == 0:
                    self.stop()
                else:
                    main_is_over = not threading.main_thread().is_alive()
                    self.start_timer("next", 0.01, message - main_is_over)
        Counting.start().tell(5)
        print("main is over")
    """)
    assert program.finish() == (0, ["main is over", "on_stop"], "")


@pytest.mark.parametrize("dispatcher", ["POOL", "THREAD", "EVENT_LOOP"])
def test_a_default_actor_with_a_daemon_flag_does_not_keep_the_process_alive(dispatcher: str) -> None:
    program = Program(f"""
        class Daemon(Echo, dispatcher=DispatcherKind.{dispatcher}):
            use_daemon_thread = True
        print(Daemon.start().ask("main is over"))
    """)
    assert program.finish() == (0, ["main is over"], "")


def test_a_default_actor_stopped_by_another_thread_after_main_lets_the_process_end() -> None:
    program = Program("""
        ref = Echo.start()
        def end():
            threading.main_thread().join()
            ref.stop()
        threading.Thread(target=end).start()
        print("main is over")
    """)
    assert program.finish() == (0, ["main is over", "on_stop"], "")


@pytest.mark.parametrize(
    "busy",
    [
        "system.spawn(Echo).ask(1)",
        "system.spawn(AsyncEcho).ask(1)",
        "system.spawn(Echo, dispatcher=DispatcherKind.EVENT_LOOP).ask(1)",
        "system.spawn(Echo, dispatcher=DispatcherKind.THREAD).ask(1)",  # its flag is for the default system, as pykka's is
        "[system.spawn(Echo).tell(i) for i in range(1000)]",
        "(system.spawn(Parked).tell(1), time.sleep(0.05))",
        "(system.spawn(AsyncParked).tell(1), time.sleep(0.05))",
        "(system.spawn(Blocked).tell(1), time.sleep(0.2))",
    ],
)
def test_the_interpreter_exits_cleanly_with_an_explicit_system_left_running(busy: str) -> None:
    program = Program(f"""
        system = ActorSystem()
        {busy}
        print("main is over")
    """)
    code, lines, errors = program.finish()
    assert (code, errors) == (0, "")
    assert "main is over" in lines


FORKING = """
class Marked(Echo):
    def on_stop(self):
        pass

def attempt(call):
    try:
        return repr(call())
    except BaseException as error:
        return type(error).__name__

def in_child(*calls):
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        pid = os.fork()
    if pid == 0:
        for call in calls:
            print(attempt(call))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


@posix
def test_after_a_fork_the_inherited_system_refuses_and_a_new_one_works() -> None:
    program = Program(
        FORKING
        + """
system = ActorSystem()
refs = [system.spawn(Marked, dispatcher=kind) for kind in DispatcherKind]
assert [ref.ask("x") for ref in refs] == ["x"] * 3
def new_system():
    with ActorSystem() as other:
        return [other.spawn(Marked, dispatcher=kind).ask("new", timeout=20) for kind in DispatcherKind]
calls = [call for ref in refs for call in (lambda: ref.tell("x"), lambda: ref.ask("x", timeout=20))]
in_child(*calls, lambda: refs[0].ask("x", block=False).get(timeout=20), lambda: refs[0].tell_within("x", 1.0),
    lambda: system.spawn(Marked), lambda: system.start(Marked), lambda: system.state.name, new_system)
assert [ref.ask("x") for ref in refs] == ["x"] * 3
print("the parent goes on", system.shutdown().stopped)
"""
    )
    code, lines, errors = program.finish()
    assert (code, errors) == (0, "")
    assert lines == [*["ForkedError"] * 10, "'FORKED'", "['new', 'new', 'new']", "the parent goes on 3"]


@posix
def test_after_a_fork_a_child_gives_correlation_ids_of_its_own() -> None:
    program = Program(
        FORKING
        + """
from actors import SystemConfig
from actors.dispatch.real import real_ports

class Tracing(Actor):
    def on_receive(self, message):
        return self.correlation_id

config = SystemConfig(tracing=True, ports=real_ports())
def word():
    with ActorSystem(config=config) as system:
        return system.spawn(Tracing).ask("x").split("-")[0]
in_child(word)
in_child(word)
print(repr(word()))
"""
    )
    code, lines, errors = program.finish()
    assert (code, errors) == (0, "")
    assert len(lines) == 3
    assert all(len(line) == 10 for line in lines)
    assert len(set(lines)) == 3


@posix
def test_after_a_fork_the_default_system_begins_anew() -> None:
    program = Program(
        FORKING
        + """
ref = Marked.start()
assert ref.ask("x") == "x"
def anew():
    other = Marked.start()
    answer = other.ask("anew", timeout=20)
    registered = ActorRegistry.get_all() == [other]
    other.stop()
    return answer, registered
in_child(lambda: ref.ask("x"), lambda: len(ActorRegistry.get_all()), anew)
assert ref.ask("x") == "x"
assert ActorRegistry.get_all() == [ref]
ref.stop()
"""
    )
    assert program.finish() == (0, ["ForkedError", "0", "('anew', True)"], "")


@posix
def test_stopping_and_asking_about_inherited_actors_after_a_fork_never_hangs() -> None:
    program = Program(
        FORKING
        + """
system = ActorSystem()
ref = system.spawn(Marked, name="one")
ref.ask("x")
in_child(lambda: ref.stop(timeout=20), lambda: ref.kill(timeout=20), lambda: ref.restart(timeout=20), lambda: system.shutdown(),
    lambda: system.request_shutdown(), lambda: asyncio.run(system.shutdown_async()), lambda: system.run(),
    lambda: asyncio.run(system.run_async()))
assert ref.ask("x") == "x"
system.shutdown()
"""
    )
    code, lines, errors = program.finish()
    assert (code, errors) == (0, "")
    assert lines == ["ForkedError"] * 8
