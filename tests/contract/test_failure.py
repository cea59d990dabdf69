"""The contract's lines about failure: every failure is told to someone, and only what failed ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import queue
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pykka
import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    ActorStartError,
    ActorSystem,
    AskCancelled,
    DeadLetter,
    DeadLetterReason,
    DispatcherKind,
    Down,
    DownReason,
    Future,
    Lifecycle,
    NotInActorError,
    ReplyHandle,
    SystemState,
    ThreadingActor,
    default_system,
)
from actors.events import ActorCrashed, ActorStarted, ActorStopped, CallbackFailed, UnreadFailure

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 20.0
everywhere = pytest.mark.parametrize("dispatcher", list(DispatcherKind), ids=lambda kind: kind.value)


class Boom(Exception):
    """What handlers here fail with."""


class Fragile(Actor):
    """Raises what it is sent if that can be raised; notes its hooks."""

    def __init__(self, notes: queue.SimpleQueue[Any] | None = None) -> None:
        super().__init__()
        self.notes: queue.SimpleQueue[Any] = notes or queue.SimpleQueue()
        self.seen = 0

    def on_receive(self, message: Any) -> Any:
        self.seen += 1
        if isinstance(message, BaseException):
            raise message
        return self.seen

    def on_stop(self) -> None:
        self.notes.put("on_stop")

    def on_failure(
        self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.notes.put(("on_failure", exception_type, exception_value, traceback, self.actor_ref.is_alive()))


class Watcher(Actor):
    def __init__(self, target: ActorRef[Any], notes: queue.SimpleQueue[Any]) -> None:
        super().__init__()
        self.target = target
        self.notes = notes

    def on_start(self) -> None:
        self.watch(self.target)

    def on_receive(self, message: Any) -> Any:
        self.notes.put(message)


class Held(Actor):
    """Waits for the test before it answers, or raises."""

    def __init__(self, begun: threading.Event, release: threading.Event) -> None:
        super().__init__()
        self.begun, self.release = begun, release

    def on_receive(self, message: Any) -> Any:
        self.begun.set()
        self.release.wait(SAFETY)
        if isinstance(message, BaseException):
            raise message
        return message


def heard(system: ActorSystem, kind: type[Any]) -> queue.SimpleQueue[Any]:
    """Collects the events of a kind."""
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    system.events.subscribe(kind, events.put)
    return events


def drained(events: queue.SimpleQueue[Any]) -> list[Any]:
    found = []
    while True:
        try:
            found.append(events.get_nowait())
        except queue.Empty:
            return found


# -- an ask that fails -----------------------------------------------------------------------------------------------------


@everywhere
def test_a_failure_while_answering_an_ask_is_told_to_the_asker_and_the_actor_lives_on(
    dispatcher: DispatcherKind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="pykka")
    with ActorSystem() as system:
        crashed = heard(system, ActorCrashed)
        ref = system.spawn(Fragile, dispatcher=dispatcher)
        error = Boom("told")
        with pytest.raises(Boom) as caught:
            ref.ask(error, timeout=SAFETY)
        assert caught.value is error
        assert "on_receive" in {entry.name for entry in caught.traceback}
        assert ref.ask("state is kept", timeout=SAFETY) == 2
        assert ref.state is Lifecycle.RUNNING
        assert drained(crashed) == []
    [record] = [one for one in caplog.records if one.exc_info]
    assert record.levelno == logging.INFO
    assert record.getMessage() == f"Exception returned from {ref} to caller:"


def test_a_failure_travels_back_along_a_chain_of_asks() -> None:
    class Middle(Actor):
        def __init__(self, inner: ActorRef[Any]) -> None:
            super().__init__()
            self.inner = inner

        def on_receive(self, message: Any) -> Any:
            return self.inner.ask(message)

    with ActorSystem() as system:
        ref: ActorRef[Any] = system.spawn(Fragile)
        chain = [ref]
        for _ in range(5):
            chain.append(system.spawn(Middle, chain[-1]))
        with pytest.raises(Boom):
            chain[-1].ask(Boom(), timeout=SAFETY)
        assert all(one.is_alive() for one in chain)


@everywhere
def test_a_failure_through_a_proxy_is_told_to_the_caller(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        proxy = system.spawn(Fragile, dispatcher=dispatcher).proxy()
        with pytest.raises(Boom):
            proxy.on_receive(Boom()).get(timeout=SAFETY)
        with pytest.raises(TypeError):
            proxy.on_receive("too", "many").get(timeout=SAFETY)
        assert proxy.seen.get(timeout=SAFETY) == 1


def test_a_reply_handle_may_fail_the_ask() -> None:
    class Later(Actor):
        def on_receive(self, message: Any) -> Any:
            return self.reply_later().fail(message)

    with ActorSystem() as system:
        ref = system.spawn(Later)
        with pytest.raises(Boom):
            ref.ask(Boom(), timeout=SAFETY)
        assert ref.is_alive()


def test_a_handler_that_raises_after_it_took_the_reply_handle_fails_the_ask() -> None:
    handles: queue.SimpleQueue[ReplyHandle] = queue.SimpleQueue()

    class Later(Actor):
        def on_receive(self, message: Any) -> Any:
            handles.put(self.reply_later())
            raise message

    with ActorSystem() as system:
        ref = system.spawn(Later)
        with pytest.raises(Boom):
            ref.ask(Boom(), timeout=SAFETY)
        assert handles.get(timeout=SAFETY).reply("late") is False


# -- a tell that fails -----------------------------------------------------------------------------------------------------


@everywhere
def test_a_failure_while_handling_a_tell_crashes_the_actor_and_is_told_to_everybody(
    dispatcher: DispatcherKind, caplog: pytest.LogCaptureFixture
) -> None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with ActorSystem() as system:
        crashed, stopped = heard(system, ActorCrashed), heard(system, ActorStopped)
        ref = system.spawn(Fragile, notes, dispatcher=dispatcher)
        system.spawn(Watcher, ref, notes)
        error = Boom("crash")
        ref.tell(error)
        # Closed before on_failure runs; the watcher is told after it.
        hook, kind, value, traceback, alive = notes.get(timeout=SAFETY)
        assert (hook, kind, value, alive) == ("on_failure", Boom, error, False)
        assert traceback is error.__traceback__
        assert traceback is not None
        assert notes.get(timeout=SAFETY) == Down(ref, DownReason.CRASHED, error)
        assert crashed.get(timeout=SAFETY) == ActorCrashed(ref, error)
        assert stopped.get(timeout=SAFETY) == ActorStopped(ref, DownReason.CRASHED, error)
        assert ref.state is Lifecycle.STOPPED
        with pytest.raises(ActorDeadError):
            ref.tell("dead")
    assert drained(notes) == []  # on_stop did not run
    [record] = [one for one in caplog.records if one.exc_info]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"Unhandled exception in {ref}:"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@everywhere
def test_what_waits_behind_a_crash_is_returned_or_a_dead_letter(dispatcher: DispatcherKind) -> None:
    begun, release = threading.Event(), threading.Event()
    with ActorSystem() as system:
        letters = heard(system, DeadLetter)
        ref = system.spawn(Held, begun, release, dispatcher=dispatcher)
        ref.tell(Boom())
        assert begun.wait(SAFETY)
        ref.tell("behind")
        asked = ref.ask("asked", block=False)
        stopping = ref.stop(block=False)
        release.set()
        with pytest.raises(ActorDeadError) as caught:
            asked.get(timeout=SAFETY)
        assert caught.value.message == "asked"
        assert stopping.get(timeout=SAFETY) is True
        assert letters.get(timeout=SAFETY) == DeadLetter("behind", DeadLetterReason.CRASHED, ref)


def test_a_crash_stops_the_children_first_and_leaves_the_parent_alone() -> None:
    class Parent(Fragile):
        def on_receive(self, message: Any) -> Any:
            if message == "spawn":
                return self.spawn(Parent, name="child")
            return super().on_receive(message)

    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        root = system.spawn(Parent, name="root")
        child = root.ask("spawn", timeout=SAFETY)
        grandchild = child.ask("spawn", timeout=SAFETY)
        child.tell(Boom())
        assert stopped.get(timeout=SAFETY).ref == grandchild
        assert stopped.get(timeout=SAFETY).ref == child
        assert root.is_alive()
        assert root.ask("alive", timeout=SAFETY) == 2 - 1


def test_a_crash_crashes_those_linked_to_it_and_nobody_else() -> None:
    class Linked(Fragile):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                return self.link(message)
            return super().on_receive(message)

    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        first, second, other = (system.spawn(Linked) for _ in range(3))
        first.ask(second, timeout=SAFETY)
        second.tell(Boom())
        ended = {stopped.get(timeout=SAFETY).ref for _ in range(2)}
        assert ended == {first, second}
        assert other.is_alive()


# -- a failed ask that nobody reads ----------------------------------------------------------------------------------------


def unread_but_the_last(ref: ActorRef[Any], events: queue.SimpleQueue[Any]) -> list[str]:
    """Returns what was published up to now: one more unread failure comes behind all others."""
    ref.ask(Boom("last"), block=False)
    ref.ask("handled by now", timeout=SAFETY)
    found: list[str] = []
    while True:
        gc.collect()
        text = str(events.get(timeout=SAFETY).error)
        if text == "last":
            return found
        found.append(text)


@everywhere
def test_a_failed_ask_whose_future_nobody_reads_is_published(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        events = heard(system, UnreadFailure)
        ref = system.spawn(Fragile, dispatcher=dispatcher)
        future = ref.ask(Boom("unread"), block=False)
        ref.ask("handled by now", timeout=SAFETY)
        gc.collect()
        assert drained(events) == []  # the future is still in somebody's hands
        del future
        gc.collect()
        event = events.get(timeout=SAFETY)
        assert (str(event.error), event.recipient) == ("unread", str(ref))
        assert unread_but_the_last(ref, events) == []


def test_an_unread_failure_is_published_at_once_without_the_garbage_collector() -> None:
    with ActorSystem() as system:
        events = heard(system, UnreadFailure)
        ref = system.spawn(Fragile)
        gc.disable()
        try:
            ref.ask(Boom("unread"), block=False)
            assert str(events.get(timeout=SAFETY / 4).error) == "unread"
        finally:
            gc.enable()


def test_a_fire_and_forget_proxy_call_that_fails_is_published() -> None:
    with ActorSystem() as system:
        events = heard(system, UnreadFailure)
        ref = system.spawn(Fragile)
        ref.proxy().on_receive(Boom("unread"))
        ref.ask("handled by now", timeout=SAFETY)
        gc.collect()
        assert str(events.get(timeout=SAFETY).error) == "unread"
        assert ref.is_alive()


def test_a_failure_that_was_read_in_any_way_is_not_published() -> None:
    with ActorSystem() as system:
        events = heard(system, UnreadFailure)
        ref = system.spawn(Fragile)

        def failed() -> Future[Any]:
            future = ref.ask(Boom("read"), block=False)
            ref.ask("handled by now", timeout=SAFETY)
            return future

        with pytest.raises(Boom):
            failed().get()
        assert isinstance(failed().exception(), Boom)
        with pytest.raises(Boom):
            failed().map(str).get()
        failed().add_done_callback(lambda _: None)

        async def await_it() -> None:
            with pytest.raises(Boom):
                await failed()

        asyncio.run(await_it())
        with pytest.raises(Boom):
            ref.ask(Boom("read"), timeout=SAFETY)
        gc.collect()
        assert unread_but_the_last(ref, events) == []


# -- a BaseException -------------------------------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), BaseException("bare")], ids=lambda error: type(error).__name__)
def test_a_base_exception_stops_its_own_system_in_order_and_no_other(dispatcher: DispatcherKind, error: BaseException) -> None:
    with ActorSystem("other") as other, ActorSystem("own") as own:
        elsewhere = other.spawn(Fragile)
        by_default = Fragile.start()
        stopped = heard(own, ActorStopped)
        notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        bystanders = [own.spawn(Fragile, notes) for _ in range(3)]
        ref = own.spawn(Fragile, dispatcher=dispatcher)
        ref.tell(error)
        ended = [stopped.get(timeout=SAFETY) for _ in range(4)]
        assert [event.ref for event in ended] == [ref, *reversed(bystanders)]
        assert [notes.get(timeout=SAFETY) for _ in bystanders] == ["on_stop"] * 3
        own.shutdown()  # waits for the one under way
        assert own.state is SystemState.STOPPED
        assert elsewhere.ask("alive", timeout=SAFETY) == 1
        assert by_default.ask("alive", timeout=SAFETY) == 1
        by_default.stop()


@everywhere
def test_a_cancellation_that_comes_out_of_a_handler_ends_no_system(dispatcher: DispatcherKind) -> None:
    """As from an ``asyncio.run()`` in a plain handler."""
    with ActorSystem() as system:
        asked = system.spawn(Fragile, dispatcher=dispatcher)
        with pytest.raises(AskCancelled):
            asked.ask(asyncio.CancelledError(), timeout=SAFETY)
        assert asked.ask("lives on", timeout=SAFETY) == 2
        assert system.state is SystemState.RUNNING


@everywhere
def test_a_message_told_after_a_cancelled_ask_has_nobody_to_reply_to(dispatcher: DispatcherKind) -> None:
    refusals: queue.SimpleQueue[Any] = queue.SimpleQueue()

    class Replying(Fragile):
        def on_receive(self, message: Any) -> Any:
            if message == "told":
                try:
                    self.reply_later()
                except NotInActorError as error:
                    refusals.put(error)
                else:
                    refusals.put(None)
            return super().on_receive(message)

    with ActorSystem() as system:
        ref = system.spawn(Replying, dispatcher=dispatcher)
        with pytest.raises(AskCancelled):
            ref.ask(asyncio.CancelledError(), timeout=SAFETY)
        ref.tell("told")
        assert isinstance(refusals.get(timeout=SAFETY), NotInActorError)


@everywhere
def test_a_cancellation_that_comes_out_of_a_handler_nobody_waits_for_ends_that_handler_only(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        crashed = heard(system, ActorCrashed)
        told = system.spawn(Fragile, dispatcher=dispatcher)
        told.tell(asyncio.CancelledError())
        assert told.ask("lives on", timeout=SAFETY) == 2
        assert crashed.empty()
        assert system.state is SystemState.RUNNING


@everywhere
def test_a_cancellation_after_taking_the_handle_of_an_ask_is_its_answer(dispatcher: DispatcherKind) -> None:
    handles: list[ReplyHandle] = []

    class Replying(Fragile):
        def on_receive(self, message: Any) -> Any:
            handles.append(self.reply_later())
            return super().on_receive(message)

    with ActorSystem() as system:
        asked = system.spawn(Replying, dispatcher=dispatcher).ask(asyncio.CancelledError(), block=False)
        assert isinstance(asked.exception(timeout=SAFETY), AskCancelled)
        assert handles[0].reply("too late") is False


@everywhere
def test_the_asker_of_a_base_exception_is_told_that_the_actor_died_of_it(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        error = SystemExit(3)
        with pytest.raises(ActorDeadError) as caught:
            system.spawn(Fragile, dispatcher=dispatcher).ask(error, timeout=SAFETY)
        assert "SystemExit" in str(caught.value)
        assert caught.value.__cause__ is error
        assert caught.value.message is error


def test_a_base_exception_on_the_default_system_stops_all_registered_actors_as_in_pykka(caplog: pytest.LogCaptureFixture) -> None:
    class Theirs(pykka.ThreadingActor):
        pass

    caplog.set_level(logging.DEBUG, logger="pykka")
    with ActorSystem() as explicit:
        elsewhere = explicit.spawn(Fragile)
        refs: list[pykka.ActorRef[Any]] = [Fragile.start(), Theirs.start(), ThreadingActor.start()]
        culprit = Fragile.start()
        culprit.tell(SystemExit(3))
        for ref in [*refs, culprit]:
            assert ref.actor_stopped.wait(SAFETY)
        assert f"SystemExit(3) in {culprit}. Stopping all actors." in [record.getMessage() for record in caplog.records]
        assert elsewhere.is_alive()
    ActorRegistry.stop_all()
    assert default_system().state is SystemState.RUNNING  # as in pykka, actors may be started afterwards
    again = Fragile.start()
    assert again.ask("alive", timeout=SAFETY) == 1
    again.stop()


# -- hooks and constructors that raise -------------------------------------------------------------------------------------


class FailingStart(Fragile):
    def on_start(self) -> None:
        raise Boom("on_start")


@everywhere
def test_on_start_that_raises_fails_the_spawn(dispatcher: DispatcherKind, caplog: pytest.LogCaptureFixture) -> None:
    with ActorSystem() as system:
        started, stopped = heard(system, ActorStarted), heard(system, ActorStopped)
        with pytest.raises(ActorStartError) as caught:
            system.spawn(FailingStart, dispatcher=dispatcher)
        assert isinstance(caught.value.__cause__, Boom)
        assert caught.value.cause is caught.value.__cause__
        assert "FailingStart" in str(caught.value)
        assert stopped.get(timeout=SAFETY).reason is DownReason.CRASHED
        assert drained(started) == []
        assert system.actors() == []
    assert [one.getMessage()[:19] for one in caplog.records if one.exc_info] == ["Unhandled exception"]


@everywhere
def test_on_start_that_raises_after_start_is_a_crash_of_the_actor(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        ref = system.start(FailingStart, dispatcher=dispatcher)
        asked = ref.ask("never", block=False)
        event = stopped.get(timeout=SAFETY)
        assert (event.ref, event.reason) == (ref, DownReason.CRASHED)
        with pytest.raises(ActorDeadError):
            asked.get(timeout=SAFETY)


@everywhere
def test_on_start_that_raises_a_base_exception_fails_the_spawn_and_ends_the_system(dispatcher: DispatcherKind) -> None:
    class Exiting(Actor):
        def on_start(self) -> None:
            raise SystemExit(3)

    with ActorSystem() as system:
        bystander = system.spawn(Fragile)
        with pytest.raises(ActorStartError) as caught:
            system.spawn(Exiting, dispatcher=dispatcher)
        assert isinstance(caught.value.cause, SystemExit)
        assert bystander.actor_stopped.wait(SAFETY)


@everywhere
def test_on_stop_that_raises_is_logged_and_the_actor_ends_stopped(dispatcher: DispatcherKind, caplog: pytest.LogCaptureFixture) -> None:
    class FailingStop(Actor):
        def on_stop(self) -> None:
            raise Boom("on_stop")

    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        ref = system.spawn(FailingStop, dispatcher=dispatcher)
        assert ref.stop(timeout=SAFETY) is True
        assert stopped.get(timeout=SAFETY).reason is DownReason.STOPPED
    [record] = [one for one in caplog.records if one.exc_info]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"Unhandled exception in {ref}:")


@everywhere
def test_on_failure_that_raises_is_logged_beside_the_crash(dispatcher: DispatcherKind, caplog: pytest.LogCaptureFixture) -> None:
    class FailingFailure(Fragile):
        def on_failure(self, *_: Any) -> None:
            raise Boom("on_failure")

    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        error = Boom("handler")
        system.spawn(FailingFailure, dispatcher=dispatcher).tell(error)
        event = stopped.get(timeout=SAFETY)
        assert (event.reason, event.error) == (DownReason.CRASHED, error)
    assert [str(one.exc_info[1]) for one in caplog.records if one.exc_info] == ["handler", "on_failure"]


def test_on_undelivered_that_raises_is_published_and_harms_nobody() -> None:
    class FailingUndelivered(Held):
        def on_undelivered(self, message: Any, reason: DeadLetterReason) -> None:
            raise Boom(message)

    begun, release = threading.Event(), threading.Event()
    with ActorSystem() as system:
        failures, letters, stopped = heard(system, CallbackFailed), heard(system, DeadLetter), heard(system, ActorStopped)
        ref = system.spawn(FailingUndelivered, begun, release)
        ref.tell("first")
        assert begun.wait(SAFETY)
        ref.stop(block=False)
        for number in range(3):
            ref.tell(str(number))
        release.set()
        assert [str(failures.get(timeout=SAFETY).error) for _ in range(3)] == ["0", "1", "2"]
        assert [letters.get(timeout=SAFETY).message for _ in range(3)] == ["0", "1", "2"]
        assert stopped.get(timeout=SAFETY).reason is DownReason.STOPPED


class FailingInit(Actor):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        raise error


class Forgetful(Actor):
    def __init__(self) -> None:  # forgets super().__init__()
        self.ready = True


def test_init_that_raises_fails_the_spawn_and_leaves_nothing() -> None:
    with ActorSystem() as system:
        with pytest.raises(ActorStartError) as caught:
            system.spawn(FailingInit, Boom("init"), name="wanted")
        assert isinstance(caught.value.__cause__, Boom)
        assert system.actors() == []
        assert system.lookup("/wanted") is None
        assert system.spawn(Fragile, name="wanted").path == "/wanted"  # the name is free again


def test_init_that_raises_comes_out_of_start_as_in_pykka() -> None:
    before = ActorRegistry.get_all()
    with pytest.raises(Boom):
        FailingInit.start(Boom("init"))
    assert ActorRegistry.get_all() == before
    with ActorSystem() as system, pytest.raises(Boom):
        system.start(FailingInit, Boom("init"))


def test_init_that_raises_a_base_exception_comes_out_as_it_is() -> None:
    with ActorSystem() as system:
        for start in (system.spawn, system.start):
            with pytest.raises(KeyboardInterrupt):
                start(FailingInit, KeyboardInterrupt())
        assert system.actors() == []


def test_a_child_whose_init_raises_fails_the_spawn_in_its_parent_only() -> None:
    class Parent(Actor):
        def on_receive(self, message: Any) -> Any:
            return self.spawn(message)

    with ActorSystem() as system:
        parent = system.spawn(Parent)
        for bad in (Forgetful, FailingStart):
            with pytest.raises(ActorStartError):
                parent.ask(bad, timeout=SAFETY)
        good = parent.ask(Fragile, timeout=SAFETY)
        assert system.actors() == [parent, good]


def test_init_that_forgets_super_is_told_what_to_do() -> None:
    with ActorSystem() as system:
        with pytest.raises(ActorStartError, match=r"Forgetful.__init__\(\) does not call super\(\).__init__\(\)") as caught:
            system.spawn(Forgetful)
        assert isinstance(caught.value.__cause__, TypeError)
        with pytest.raises(TypeError, match="super"):
            system.start(Forgetful)
        assert system.actors() == []


def test_a_dataclass_is_told_where_to_call_super() -> None:
    @dataclass
    class Forgetful(Actor):
        number: int

    @dataclass(eq=False)
    class Mindful(Actor):
        number: int

        def __post_init__(self) -> None:
            super().__init__()

        def on_receive(self, message: Any) -> Any:
            return self.number + message

    with ActorSystem() as system:
        with pytest.raises(TypeError, match=r"call it in __post_init__\(\)"):
            system.start(Forgetful, 1)
        assert system.spawn(Mindful, 1).ask(2, timeout=SAFETY) == 3


def test_wrong_arguments_for_init_are_the_type_error_that_python_raises() -> None:
    with ActorSystem() as system:
        with pytest.raises(ActorStartError) as caught:
            system.spawn(Held)
        assert isinstance(caught.value.__cause__, TypeError)
        with pytest.raises(TypeError, match="begun"):
            Held.start()


# -- cancellation ----------------------------------------------------------------------------------------------------------


class Cancellable(Actor):
    """Waits for ever when told to; tells the test which task it runs in."""

    def __init__(self, tasks: Future[asyncio.Task[Any]]) -> None:
        super().__init__()
        self.tasks = tasks
        self.waits = asyncio.Event

    async def on_receive(self, message: Any) -> Any:
        if message == "wait":
            task = asyncio.current_task()
            assert task is not None
            self.tasks.set(task)
            await asyncio.Event().wait()
        if message == "raise":
            raise asyncio.CancelledError
        return message


@pytest.mark.parametrize("told", [True, False])
def test_a_cancelled_async_handler_ends_alone(told: bool) -> None:
    tasks: Future[asyncio.Task[Any]] = Future()
    with ActorSystem() as system:
        crashed, stopped = heard(system, ActorCrashed), heard(system, ActorStopped)
        ref = system.spawn(Cancellable, tasks)
        asked = None
        if told:
            ref.tell("wait")
        else:
            asked = ref.ask("wait", block=False)
        task = tasks.get(timeout=SAFETY)
        behind = ref.ask("behind", block=False)
        task.get_loop().call_soon_threadsafe(task.cancel)
        assert behind.get(timeout=SAFETY) == "behind"
        if asked is not None:
            with pytest.raises(AskCancelled):
                asked.get(timeout=SAFETY)
        assert ref.ask("alive", timeout=SAFETY) == "alive"
        assert drained(crashed) == drained(stopped) == []
        assert ref.stop(timeout=SAFETY)


def test_a_handler_that_raises_cancelled_error_ends_alone() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Cancellable, Future[Any]())
        ref.tell("raise")
        with pytest.raises(AskCancelled):
            ref.ask("raise", timeout=SAFETY)
        assert ref.ask("alive", timeout=SAFETY) == "alive"


def test_a_cancelled_reentrant_handler_ends_alone() -> None:
    class Reentrant(Cancellable, reentrant=True):
        pass

    tasks: Future[asyncio.Task[Any]] = Future()
    with ActorSystem() as system:
        ref = system.spawn(Reentrant, tasks)
        asked = ref.ask("wait", block=False)
        task = tasks.get(timeout=SAFETY)
        task.get_loop().call_soon_threadsafe(task.cancel)
        with pytest.raises(AskCancelled):
            asked.get(timeout=SAFETY)
        assert ref.ask("alive", timeout=SAFETY) == "alive"


@pytest.mark.parametrize("handler_catches", [True, False])
def test_a_kill_unwinds_a_parked_handler_through_except_exception(handler_catches: bool) -> None:
    unwound: queue.SimpleQueue[str] = queue.SimpleQueue()
    parked: Future[None] = Future()

    class Stubborn(Actor):
        def on_receive(self, message: Any) -> Any:
            try:
                parked.set()
                Future[Any]().get()
            except Exception:  # the claim: this does not catch a kill
                if handler_catches:
                    return "lives"
                raise
            finally:
                unwound.put("finally")

    with ActorSystem() as system:
        stopped = heard(system, ActorStopped)
        ref = system.spawn(Stubborn)
        asked = ref.ask("park", block=False)
        parked.get(timeout=SAFETY)
        assert ref.kill(timeout=SAFETY) is True
        assert unwound.get(timeout=SAFETY) == "finally"
        assert stopped.get(timeout=SAFETY).reason is DownReason.KILLED
        with pytest.raises(ActorDeadError):
            asked.get(timeout=SAFETY)


@pytest.mark.parametrize("when", ["start", "restart"])
def test_a_failing_start_or_restart_is_published_as_a_crash(system: ActorSystem, when: str) -> None:
    crashes: list[Any] = []
    system.events.subscribe(ActorCrashed, lambda event: crashes.append(str(event.error)))

    class Failing(Actor):
        made = 0

        def __init__(self) -> None:
            super().__init__()
            Failing.made += 1
            if Failing.made > 1:
                raise LookupError("at the restart")

        def on_start(self) -> None:
            if when == "start":
                raise LookupError("at the start")

    ref = system.start(Failing)
    if when == "restart":
        assert ref.restart() is False
    ref.stop()
    assert crashes == [f"at the {when}"]
