"""The promises of section "contract" that hold on every dispatcher, each as a test that runs on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorKilled,
    ActorRef,
    ActorStartError,
    AskCancelled,
    Bounded,
    DeadlineExceeded,
    DeadlockError,
    Down,
    DownReason,
    Future,
    LinkedActorDied,
    MailboxFullError,
    Overflow,
    PipeFailed,
    Priority,
    ReceiveTimeout,
    Timeout,
    TimerMode,
    WouldBlockError,
    get_all,
    handler,
)
from actors.events import ActorCrashed, ActorStarted, ActorStopped, DeadLetterReason
from tests.conformance.worlds import PATIENCE, child, got

if TYPE_CHECKING:
    from actors import ReplyHandle
    from tests.conformance.worlds import World


class Recorder:
    """Keeps what it is told; ``"seen"`` asks for it. A `Gate` holds it until the gate is opened."""

    def __init__(self: Any) -> None:
        Actor.__init__(self)
        self.seen: list[Any] = []

    async def on_receive(self: Any, message: Any) -> Any:
        match message:
            case "seen":
                return list(self.seen)
            case "stats":
                return self.actor_ref.stats()
            case Gate():
                message.reached.set()
                await got(self, message.opened)
            case Exception():
                raise message
            case _:
                self.seen.append(message)
        return None


class Gate:
    """Holds the handler that it is sent to."""

    def __init__(self) -> None:
        self.reached: Future[None] = Future()
        self.opened: Future[None] = Future()

    def hold(self, ref: ActorRef[Any]) -> None:
        """Make the actor busy; return when it is."""
        ref.tell(self)
        self.reached.get(timeout=PATIENCE)

    def open(self) -> None:
        self.opened.set()


class Watcher:
    """Watches what it is told to; resolves the futures it was given with the notices, in order."""

    def __init__(self: Any, *notices: Future[Any]) -> None:
        Actor.__init__(self)
        self.notices = list(notices)
        self.seen: list[Any] = []

    async def on_receive(self: Any, message: Any) -> Any:
        match message:
            case ActorRef():
                self.watch(message)
            case ("unwatch", ref):
                self.unwatch(ref)
            case "seen":
                return list(self.seen)
            case _:
                self.seen.append(message)
                if self.notices:
                    self.notices.pop(0).set(message)
        return None


def seen(ref: ActorRef[Any]) -> Any:
    return ref.ask("seen", timeout=PATIENCE)


# -- delivery --------------------------------------------------------------------------------------------------------------


def test_messages_of_one_sender_arrive_in_the_order_sent(world: World) -> None:
    ref = world.spawn(Recorder)
    for number in range(500):
        ref.tell(number)
    assert seen(ref) == list(range(500))


def test_messages_from_actor_to_actor_arrive_in_the_order_sent(world: World) -> None:
    class Sender:
        async def on_receive(self: Any, message: tuple[int, ActorRef[Any]]) -> None:
            name, to = message
            for number in range(100):
                to.tell((name, number))

    receiver = world.spawn(Recorder)
    senders = [world.spawn(Sender) for _ in range(4)]
    get_all([sender.ask((name, receiver), block=False) for name, sender in enumerate(senders)], timeout=PATIENCE)
    everything = seen(receiver)
    assert len(everything) == 400
    for name in range(4):
        assert [number for who, number in everything if who == name] == list(range(100))


def test_tells_and_asks_of_one_sender_share_one_order(world: World) -> None:
    ref = world.spawn(Recorder)
    futures = []
    for number in range(50):
        ref.tell(number)
        futures.append(ref.ask("seen", block=False))
    assert [len(answer) for answer in get_all(futures, timeout=PATIENCE)] == list(range(1, 51))


def test_an_actor_that_waits_in_a_handler_admits_no_other_message(world: World) -> None:
    class Busy:
        inside = 0

        async def on_receive(self: Any, message: Any) -> int:
            assert self.inside == 0
            self.inside += 1
            await got(self, message.ask("seen", block=False))
            self.inside -= 1
            return int(self.inside)

    other = world.spawn(Recorder)
    busy = world.spawn(Busy)
    assert get_all([busy.ask(other, block=False) for _ in range(20)], timeout=PATIENCE) == [0] * 20


def test_many_actors_may_wait_for_one_another_at_once(world: World) -> None:
    class Link:
        def __init__(self: Any, behind: ActorRef[Any] | None) -> None:
            Actor.__init__(self)
            self.behind = behind

        async def on_receive(self: Any, message: int) -> int:
            return message if self.behind is None else 1 + int(await got(self, self.behind.ask(message, block=False)))

    ref: ActorRef[Any] | None = None
    for _ in range(30):
        ref = world.spawn(Link, ref)
    assert ref is not None
    assert ref.ask(0, timeout=PATIENCE) == 29


def test_an_ask_is_answered_with_what_the_handler_returns(world: World) -> None:
    class Doubler:
        async def on_receive(self: Any, message: int) -> int:
            return message * 2

    assert world.spawn(Doubler).ask(21, timeout=PATIENCE) == 42


def test_handlers_by_type_run_and_the_rest_goes_to_on_receive(world: World) -> None:
    class Typed:
        @handler
        async def number(self: Any, message: int) -> str:
            return f"number {message}"

        @handler
        async def text(self: Any, message: str) -> str:
            return f"text {message}"

        async def on_receive(self: Any, message: Any) -> str:
            return f"other {message}"

    ref = world.spawn(Typed)
    assert [ref.ask(message, timeout=PATIENCE) for message in (1, "a", 2.5)] == ["number 1", "text a", "other 2.5"]


def test_proxies_reach_methods_and_attributes(world: World) -> None:
    class Counter:
        count = 0

        async def add(self: Any, number: int) -> int:
            self.count += number
            return int(self.count)

    proxy: Any = world.spawn(Counter).proxy()
    assert proxy.add(2).get(timeout=PATIENCE) == 2
    proxy.count = 40
    assert proxy.add(2).get(timeout=PATIENCE) == 42
    assert proxy.count.get(timeout=PATIENCE) == 42


def test_a_tell_to_a_dead_actor_raises_and_carries_the_message_back(world: World) -> None:
    ref = world.spawn(Recorder)
    ref.stop(timeout=PATIENCE)
    with pytest.raises(ActorDeadError) as caught:
        ref.tell("late")
    assert caught.value.message == "late"
    with pytest.raises(ActorDeadError):
        ref.ask("late", timeout=PATIENCE)


def test_a_timeout_bounds_the_wait_only(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    with pytest.raises(Timeout):
        ref.ask("kept", timeout=0.01)
    gate.open()
    assert seen(ref) == ["kept"]


def test_a_message_whose_deadline_has_passed_becomes_a_dead_letter(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    ref.tell_within("late", 0.01)
    asked = ref.ask("late too", block=False, deadline=0.01)
    with pytest.raises(Timeout):
        Future[None]().get(timeout=0.05)  # time goes by
    gate.open()
    with pytest.raises(DeadlineExceeded):
        asked.get(timeout=PATIENCE)
    assert seen(ref) == []
    assert world.reasons("late") == [DeadLetterReason.EXPIRED]


def test_a_cancelled_ask_that_still_waits_is_not_handled(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    asked = ref.ask("cancelled", block=False)
    assert asked.cancel()
    gate.open()
    assert seen(ref) == []
    assert world.reasons("cancelled") == [DeadLetterReason.CANCELLED]
    with pytest.raises(AskCancelled):
        asked.get(timeout=PATIENCE)


# -- failure ---------------------------------------------------------------------------------------------------------------


def test_an_exception_in_an_ask_is_told_to_the_asker_and_the_actor_lives_on(world: World) -> None:
    ref = world.spawn(Recorder)
    with pytest.raises(ValueError, match="told"):
        ref.ask(ValueError("told"), timeout=PATIENCE)
    assert ref.is_alive()
    assert seen(ref) == []


def test_an_exception_in_a_tell_is_a_crash_that_everybody_is_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    hooks: list[str] = []

    class Fragile:
        async def on_receive(self: Any, message: Exception) -> None:
            raise message

        async def on_failure(self: Any, kind: type, error: BaseException, traceback: Any) -> None:
            hooks.append(f"on_failure {error}")

        async def on_stop(self: Any) -> None:
            hooks.append("on_stop")

    down: Future[Down] = Future()
    crashes: list[ActorCrashed] = []
    world.system.events.subscribe(ActorCrashed, crashes.append)
    ref = world.spawn(Fragile)
    watcher = world.spawn(Watcher, down)
    watcher.ask(ref, timeout=PATIENCE)
    error = ValueError("broken")
    ref.tell(error)
    notice = down.get(timeout=PATIENCE)
    assert (notice.ref, notice.reason, notice.error) == (ref, DownReason.CRASHED, error)
    assert hooks == ["on_failure broken"]
    assert [(crash.ref, crash.error) for crash in crashes] == [(ref, error)]
    assert not ref.is_alive()
    assert any("Unhandled exception" in record.message for record in caplog.records)


def test_mail_behind_a_crash_comes_back_or_is_a_dead_letter(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    ref.tell(ValueError("crash"))
    ref.tell("told")
    asked = ref.ask("asked", block=False)
    gate.open()
    with pytest.raises(ActorDeadError) as caught:
        asked.get(timeout=PATIENCE)
    assert caught.value.message == "asked"
    assert world.reasons("told") == [DeadLetterReason.CRASHED]
    assert caplog.records


def test_a_failing_on_start_fails_the_spawn_with_its_cause(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Stillborn:
        async def on_start(self: Any) -> None:
            raise ValueError("no")

    with pytest.raises(ActorStartError) as caught:
        world.spawn(Stillborn)
    assert isinstance(caught.value.__cause__, ValueError)
    assert world.system.actors() == []
    assert caplog.records


def test_restart_puts_a_new_instance_behind_the_same_ref_and_keeps_the_mail(world: World) -> None:
    log: list[str] = []

    class Phoenix(Recorder):
        def __init__(self: Any, name: str) -> None:
            Actor.__init__(self)
            self.seen = []
            log.append(f"init {name}")

        async def on_start(self: Any) -> None:
            log.append("on_start")

        async def on_failure(self: Any, *_: Any) -> None:
            log.append("on_failure")

        async def on_stop(self: Any) -> None:
            log.append("on_stop")

    ref = world.spawn(Phoenix, "bird")
    ref.ask("old", timeout=PATIENCE)
    gate = Gate()
    gate.hold(ref)
    ref.tell("kept")
    restarted: Any = ref.restart(block=False)
    gate.open()
    assert restarted.get(timeout=PATIENCE) is True
    assert seen(ref) == ["kept"]
    assert log == ["init bird", "on_start", "on_failure", "init bird", "on_start"]
    assert ref.stats().restarts == 1


def test_restart_stops_children_ends_timers_and_brings_the_stash_back_in_front(world: World) -> None:
    class Parent:
        def __init__(self: Any, kid: type[Actor], ticked: Future[None]) -> None:
            Actor.__init__(self)
            self.kid, self.ticked, self.seen, self.fresh = kid, ticked, [], True

        async def on_receive(self: Any, message: Any) -> Any:
            match message:
                case "prepare":
                    self.fresh = False
                    self.start_timer("old", 0.02, "tick")
                    return await child(self, self.kid)
                case "tick":
                    self.ticked.set()
                case "seen":
                    return list(self.seen)
                case _ if not self.fresh:
                    self.stash()
                case _:
                    self.seen.append(message)
            return None

    ticked: Future[None] = Future()
    ref = world.spawn(Parent, world.actor(Recorder), ticked)
    kid = ref.ask("prepare", timeout=PATIENCE)
    for number in range(3):
        ref.tell(number)
    assert seen(ref) == []
    assert ref.restart(timeout=PATIENCE) is True
    assert not kid.is_alive()
    assert seen(ref) == [0, 1, 2]
    with pytest.raises(Timeout):
        ticked.get(timeout=0.1)


# -- life ------------------------------------------------------------------------------------------------------------------


def test_hooks_run_in_order_around_the_messages(world: World) -> None:
    log: list[Any] = []

    class Hooked:
        def __init__(self: Any) -> None:
            Actor.__init__(self)
            log.append("init")

        async def on_start(self: Any) -> None:
            log.append("on_start")

        async def on_receive(self: Any, message: Any) -> None:
            log.append(message)

        async def on_stop(self: Any) -> None:
            log.append("on_stop")

    world.system.events.subscribe(ActorStarted, lambda _: log.append("started"))
    world.system.events.subscribe(ActorStopped, lambda _: log.append("stopped"))
    ref = world.system.start(world.actor(Hooked))
    ref.tell(1)
    ref.tell(2)
    assert ref.stop(timeout=PATIENCE) is True
    assert log == ["init", "on_start", "started", 1, 2, "on_stop", "stopped"]


def test_stop_lets_the_mail_before_it_be_handled_and_returns_false_when_dead(world: World) -> None:
    kept: list[Any] = []

    class Keeper:
        async def on_receive(self: Any, message: Any) -> None:
            kept.append(message)

    ref = world.spawn(Keeper)
    for number in range(20):
        ref.tell(number)
    assert ref.stop(timeout=PATIENCE) is True
    assert kept == list(range(20))
    assert ref.stop(timeout=PATIENCE) is False


def test_message_sent_while_stopping_is_returned(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    first: Any = ref.stop(block=False)
    ref.tell("told")
    asked = ref.ask("asked", block=False)
    second: Any = ref.stop(block=False)
    gate.open()
    assert first.get(timeout=PATIENCE) is True
    assert second.get(timeout=PATIENCE) is True
    with pytest.raises(ActorDeadError) as caught:
        asked.get(timeout=PATIENCE)
    assert caught.value.message == "asked"
    assert world.reasons("told") == [DeadLetterReason.STOPPED]


def test_an_actor_may_stop_itself_behind_its_mail(world: World) -> None:
    class Quitter(Recorder):
        async def on_receive(self: Any, message: Any) -> Any:
            if message == "quit":
                self.stop()
            self.seen.append(message)
            return list(self.seen)

    down: Future[Down] = Future()
    ref = world.spawn(Quitter)
    world.spawn(Watcher, down).ask(ref, timeout=PATIENCE)
    gate_answers = [ref.ask(message, block=False) for message in ("a", "quit")]
    assert get_all(gate_answers, timeout=PATIENCE)[1] == ["a", "quit"]
    assert down.get(timeout=PATIENCE).reason is DownReason.STOPPED


def test_kill_overtakes_the_mail_and_runs_no_hook(world: World) -> None:
    log: list[Any] = []

    class Victim:
        async def on_receive(self: Any, message: Any) -> None:
            if isinstance(message, Gate):
                message.reached.set()
                try:
                    await got(self, message.opened)
                except ActorKilled:
                    log.append("killed")
                    raise
            log.append(message)

        async def on_stop(self: Any) -> None:
            log.append("on_stop")

        async def on_failure(self: Any, *_: Any) -> None:
            log.append("on_failure")

    # A thread is abandoned where a greenlet or a task is unwound.
    down: Future[Down] = Future()
    ref = world.spawn(Victim)
    world.spawn(Watcher, down).ask(ref, timeout=PATIENCE)
    gate = Gate()
    gate.hold(ref)
    ref.tell("never")
    assert ref.kill(timeout=PATIENCE) is True
    assert down.get(timeout=PATIENCE).reason is DownReason.KILLED
    assert world.reasons("never") == [DeadLetterReason.KILLED]
    assert [entry for entry in log if entry != "killed"] == []
    assert ref.kill(timeout=PATIENCE) is False


def test_the_asker_of_a_killed_handler_gets_actor_dead_error(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    asked = ref.ask(gate, block=False)
    gate.reached.get(timeout=PATIENCE)
    ref.kill(timeout=PATIENCE)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=PATIENCE)


def test_a_stop_with_a_deadline_kills_what_does_not_end(world: World) -> None:
    ref = world.spawn(Recorder)
    gate = Gate()
    gate.hold(ref)
    ref.stop(deadline=0.02, timeout=PATIENCE)
    assert not ref.is_alive()


def test_children_stop_before_their_parent_in_reverse_start_order(world: World) -> None:
    log: list[str] = []

    class Kid:
        async def on_stop(self: Any) -> None:
            log.append(self.path)

    class Parent:
        async def on_start(self: Any) -> None:
            for name in ("a", "b", "c"):
                await child(self, kid, name=name)

        async def on_stop(self: Any) -> None:
            log.append(self.path)

    kid = world.actor(Kid)
    ref = world.spawn(Parent, name="parent")
    found = world.system.lookup("/parent/b")
    assert found is not None
    assert found.name == "b"
    ref.stop(timeout=PATIENCE)
    assert log == ["/parent/c", "/parent/b", "/parent/a", "/parent"]
    assert world.system.lookup("/parent/b") is None


def test_killing_a_parent_kills_its_children(world: World) -> None:
    class Parent:
        async def on_receive(self: Any, message: type[Actor]) -> ActorRef[Any]:
            return await child(self, message)

    down: Future[Down] = Future()
    ref = world.spawn(Parent)
    kid = ref.ask(world.actor(Recorder), timeout=PATIENCE)
    world.spawn(Watcher, down).ask(kid, timeout=PATIENCE)
    ref.kill(timeout=PATIENCE)
    assert down.get(timeout=PATIENCE).reason is DownReason.KILLED
    assert not kid.is_alive()


def test_a_crashed_child_leaves_its_parent_alive(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Parent:
        async def on_receive(self: Any, message: Any) -> Any:
            if isinstance(message, type):
                return await child(self, message)
            return [kid.name for kid in self.children]

    down: Future[Down] = Future()
    ref = world.spawn(Parent)
    kid = ref.ask(world.actor(Recorder), timeout=PATIENCE)
    world.spawn(Watcher, down).ask(kid, timeout=PATIENCE)
    kid.tell(ValueError("crash"))
    assert down.get(timeout=PATIENCE).reason is DownReason.CRASHED
    assert ref.ask("children", timeout=PATIENCE) == []
    assert caplog.records


def test_shutdown_stops_actors_in_reverse_start_order(world: World) -> None:
    log: list[str] = []

    class Named:
        async def on_stop(self: Any) -> None:
            log.append(self.path)

    named = world.actor(Named)
    for name in ("a", "b", "c"):
        world.system.spawn(named, name=name)
    report = world.system.shutdown(timeout=PATIENCE)
    assert log == ["/c", "/b", "/a"]
    assert (report.stopped, report.killed) == (3, ())


def test_a_handler_may_have_its_system_shut_down(world: World) -> None:
    class Ender(Recorder):
        async def on_receive(self: Any, message: Any) -> None:
            self.system.request_shutdown()

        async def on_stop(self: Any) -> None:
            stopped.set()

    stopped: Future[None] = Future()
    world.spawn(Ender).tell("end")
    stopped.get(timeout=PATIENCE)
    world.system.shutdown()  # waits for the one under way
    assert world.system.actors() == []


def test_a_base_exception_in_a_handler_stops_its_system_in_order(world: World) -> None:
    class Fatal(BaseException):
        pass

    class Witness(Recorder):
        async def on_receive(self: Any, message: Any) -> None:
            raise Fatal

        async def on_stop(self: Any) -> None:
            log.append(self.path)
            if len(log) == 2:
                over.set()

    log: list[str] = []
    over: Future[None] = Future()
    witness = world.actor(Witness)
    for name in ("a", "b"):
        world.system.spawn(witness, name=name)
    world.system.spawn(witness, name="c").tell("fatal")
    over.get(timeout=PATIENCE)
    world.system.shutdown()
    assert [path for path in log if path != "/c"] == ["/b", "/a"]


# -- watch and link --------------------------------------------------------------------------------------------------------


def test_down_comes_after_every_message_the_dead_actor_sent(world: World) -> None:
    class Chatty:
        async def on_receive(self: Any, to: ActorRef[Any]) -> None:
            for number in range(50):
                to.tell(number)
            self.stop()

        async def on_stop(self: Any) -> None:
            watcher.tell("last words")

    class Listener(Watcher):
        async def on_receive(self: Any, message: Any) -> Any:
            if isinstance(message, Down):
                self.notices[0].set([*self.seen, message.reason])
            elif isinstance(message, ActorRef):
                self.watch(message)
            else:
                self.seen.append(message)

    everything: Future[list[Any]] = Future()
    watcher = world.spawn(Listener, everything)
    ref = world.spawn(Chatty)
    watcher.ask(ref, timeout=PATIENCE)
    ref.tell(watcher)
    assert everything.get(timeout=PATIENCE) == [*range(50), "last words", DownReason.STOPPED]


def test_watching_a_dead_actor_answers_at_once_and_once(world: World) -> None:
    down: Future[Down] = Future()
    ref = world.spawn(Recorder)
    ref.stop(timeout=PATIENCE)
    watcher = world.spawn(Watcher, down)
    watcher.ask(ref, timeout=PATIENCE)
    assert down.get(timeout=PATIENCE) == Down(ref, DownReason.NOT_FOUND, None)
    assert len(seen(watcher)) == 1


def test_watching_twice_gives_one_down_and_unwatching_none(world: World) -> None:
    down: Future[Down] = Future()
    one, other = world.spawn(Recorder), world.spawn(Recorder)
    watcher = world.spawn(Watcher, down)
    for message in (other, one, one, ("unwatch", other)):
        watcher.ask(message, timeout=PATIENCE)
    other.stop(timeout=PATIENCE)
    one.stop(timeout=PATIENCE)
    assert down.get(timeout=PATIENCE).ref == one
    assert [notice.ref for notice in seen(watcher)] == [one]


def test_a_down_that_waits_in_the_mailbox_is_purged_by_unwatch(world: World) -> None:
    class Forgetful(Watcher):
        async def on_receive(self: Any, message: Any) -> Any:
            match message:
                case Gate():
                    message.reached.set()
                    await got(self, message.opened)
                    self.unwatch(ref)
                case "seen":
                    return list(self.seen)
                case ActorRef():
                    self.watch(message)
                case _:
                    self.seen.append(message)
            return None

    ref = world.spawn(Recorder)
    watcher = world.spawn(Forgetful)
    watcher.ask(ref, timeout=PATIENCE)
    gate = Gate()
    gate.hold(watcher)
    ref.stop(timeout=PATIENCE)
    gate.open()
    assert seen(watcher) == []


def test_a_linked_actor_crashes_when_the_other_ends_abnormally(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Linker:
        async def on_receive(self: Any, other: ActorRef[Any]) -> None:
            self.link(other)

    down: Future[Down] = Future()
    ref, linker = world.spawn(Recorder), world.spawn(Linker)
    linker.ask(ref, timeout=PATIENCE)
    world.spawn(Watcher, down).ask(linker, timeout=PATIENCE)
    ref.kill(timeout=PATIENCE)
    notice = down.get(timeout=PATIENCE)
    assert notice.reason is DownReason.CRASHED
    assert isinstance(notice.error, LinkedActorDied)
    assert caplog.records


# -- stash, timers, replies, pipes -----------------------------------------------------------------------------------------


def test_unstashed_messages_come_first_and_in_order(world: World) -> None:
    class Stasher(Recorder):
        def __init__(self: Any) -> None:
            Actor.__init__(self)
            self.seen, self.open = [], False

        async def on_receive(self: Any, message: Any) -> Any:
            match message:
                case "seen":
                    return list(self.seen)
                case "open":
                    self.open = True
                    self.unstash()
                case Gate():
                    message.reached.set()
                    await got(self, message.opened)
                case _ if not self.open:
                    self.stash()
                case _:
                    self.seen.append(message)
            return None

    ref = world.spawn(Stasher)
    for number in range(5):
        ref.tell(number)
    gate = Gate()
    gate.hold(ref)
    ref.tell("open")
    ref.tell(5)
    gate.open()
    assert seen(ref) == [0, 1, 2, 3, 4, 5]


class Timed:
    """Runs the function it is sent on itself, and gives what it is told otherwise to a future."""

    def __init__(self: Any, count: int, done: Future[list[Any]]) -> None:
        Actor.__init__(self)
        self.count, self.done, self.seen = count, done, []

    async def on_receive(self: Any, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.seen.append(message)
        if len(self.seen) == self.count:
            self.done.set(list(self.seen))
        return None


def test_one_shot_timers_tick_once_each_in_the_order_of_their_times(world: World) -> None:
    done: Future[list[Any]] = Future()
    ref = world.spawn(Timed, 3, done)

    def start(actor: Any) -> None:
        actor.start_timer("late", 0.06, "late")
        actor.start_timer("early", 0.01, "early")
        actor.start_timer("gone", 0.01, "gone")
        actor.start_timer("same", 0.01, "replaced")
        actor.start_timer("same", 0.03, "replacement")
        assert actor.cancel_timer("gone")
        assert not actor.cancel_timer("gone")
        assert actor.timer_active("late")

    ref.ask(start, timeout=PATIENCE)
    assert done.get(timeout=PATIENCE) == ["early", "replacement", "late"]
    assert ref.ask(lambda actor: actor.timer_active("late"), timeout=PATIENCE) is False


@pytest.mark.parametrize("mode", list(TimerMode))
def test_periodic_timers_tick_until_they_are_cancelled(world: World, mode: TimerMode) -> None:
    done: Future[list[Any]] = Future()
    ref = world.spawn(Timed, 5, done)
    ref.ask(lambda actor: actor.start_periodic_timer("beat", 0.01, "beat", mode=mode), timeout=PATIENCE)
    assert done.get(timeout=PATIENCE) == ["beat"] * 5
    assert ref.ask(lambda actor: actor.cancel_timer("beat"), timeout=PATIENCE) is True
    count = ref.ask(lambda actor: len(actor.seen), timeout=PATIENCE)
    with pytest.raises(Timeout):
        Future[None]().get(timeout=0.05)  # time goes by
    assert ref.ask(lambda actor: len(actor.seen), timeout=PATIENCE) == count


def test_a_cancelled_tick_that_waits_in_the_mailbox_is_not_delivered(world: World) -> None:
    class Late(Timed):
        async def on_receive(self: Any, message: Any) -> Any:
            if isinstance(message, Gate):
                self.start_timer("tick", 0.01, "tick")
                message.reached.set()
                await got(self, message.opened)
                self.cancel_timer("tick")
            elif message == "seen":
                return list(self.seen)
            else:
                self.seen.append(message)
            return None

    ref = world.spawn(Late, 0, Future())
    gate = Gate()
    gate.hold(ref)
    with pytest.raises(Timeout):
        Future[None]().get(timeout=0.05)  # the tick has come in
    gate.open()
    assert seen(ref) == []


def test_a_receive_timeout_tells_of_silence(world: World) -> None:
    done: Future[list[Any]] = Future()
    ref = world.spawn(Timed, 2, done)
    ref.ask(lambda actor: actor.set_receive_timeout(0.02), timeout=PATIENCE)
    assert done.get(timeout=PATIENCE) == [ReceiveTimeout(), ReceiveTimeout()]
    ref.ask(lambda actor: actor.set_receive_timeout(None), timeout=PATIENCE)


class Clerk:
    """Keeps reply handles."""

    def __init__(self: Any) -> None:
        Actor.__init__(self)
        self.handles: list[ReplyHandle] = []

    async def on_receive(self: Any, message: Any) -> Any:
        if message == "later":
            self.handles.append(self.reply_later())
            return "not the answer"
        return [handle.reply(message) for handle in self.handles]


def test_a_reply_may_come_later_than_the_handler_returns(world: World) -> None:
    ref = world.spawn(Clerk)
    asked = ref.ask("later", block=False)
    assert ref.ask("the answer", timeout=PATIENCE) == [True]
    assert asked.get(timeout=PATIENCE) == "the answer"
    assert ref.ask("twice", timeout=PATIENCE) == [False]
    assert asked.get(timeout=PATIENCE) == "the answer"


def test_an_open_reply_handle_fails_when_its_actor_stops(world: World) -> None:
    ref = world.spawn(Clerk)
    asked = ref.ask("later", block=False)
    ref.stop(timeout=PATIENCE)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=PATIENCE)


def test_a_piped_future_comes_back_as_a_message(world: World) -> None:
    done: Future[list[Any]] = Future()
    ref = world.spawn(Timed, 3, done)
    value, mapped, failed = Future[int](), Future[int](), Future[int]()
    error = ValueError("piped")

    def pipe(actor: Any) -> None:
        actor.pipe_to_self(value)
        actor.pipe_to_self(mapped, on_success=lambda number: number + 1)
        actor.pipe_to_self(failed)

    ref.ask(pipe, timeout=PATIENCE)
    value.set(1)
    mapped.set(1)
    failed.set_exception(error)
    assert done.get(timeout=PATIENCE) == [1, 2, PipeFailed(error)]


# -- mailboxes -------------------------------------------------------------------------------------------------------------


def test_a_priority_mailbox_hands_out_the_lowest_key_first_and_equal_keys_in_order(world: World) -> None:
    def key(message: Any) -> int:
        return int(message[0]) if isinstance(message, tuple) else 99

    ref = world.spawn(Recorder, mailbox=Priority(key))
    gate = Gate()
    gate.hold(ref)
    for message in ((3, "a"), (1, "b"), (2, "c"), (1, "d"), (3, "e")):
        ref.tell(message)
    gate.open()
    assert seen(ref) == [(1, "b"), (1, "d"), (2, "c"), (3, "a"), (3, "e")]


def test_a_full_mailbox_that_rejects_carries_the_message_back(world: World) -> None:
    ref = world.spawn(Recorder, mailbox=Bounded(2, Overflow.REJECT))
    gate = Gate()
    gate.hold(ref)
    ref.tell(1)
    ref.tell(2)
    with pytest.raises(MailboxFullError) as caught:
        ref.tell(3)
    assert (caught.value.message, caught.value.capacity) == (3, 2)
    with pytest.raises(MailboxFullError):
        ref.ask(4, timeout=PATIENCE)
    gate.open()
    ref.stop(timeout=PATIENCE)  # a stop is exempt from the bound


@pytest.mark.parametrize(
    ("overflow", "kept", "lost", "reason"),
    [
        (Overflow.DROP_NEWEST, [1, 2], [3, 4], DeadLetterReason.DROPPED_NEWEST),
        (Overflow.DROP_OLDEST, [3, 4], [1, 2], DeadLetterReason.DROPPED_OLDEST),
    ],
)
def test_a_full_mailbox_that_drops_counts_and_dead_letters_what_it_drops(
    world: World, overflow: Overflow, kept: list[int], lost: list[int], reason: DeadLetterReason
) -> None:
    handled: list[Any] = []

    class Slow:
        async def on_receive(self: Any, message: Any) -> None:
            if isinstance(message, Gate):
                message.reached.set()
                await got(self, message.opened)
            else:
                handled.append(message)

    ref = world.spawn(Slow, mailbox=Bounded(2, overflow))
    gate = Gate()
    gate.hold(ref)
    for number in (1, 2, 3, 4):
        ref.tell(number)
    gate.open()
    ref.stop(timeout=PATIENCE)
    assert handled == kept
    assert world.letters == [(number, reason) for number in lost]
    assert ref.stats().dropped == 2


def test_a_send_to_a_full_mailbox_that_blocks_waits_for_room(world: World) -> None:
    class Producer:
        async def on_receive(self: Any, to: ActorRef[Any]) -> str:
            for number in range(20):
                if self.asynchronous:
                    await to.tell_async(number)
                else:
                    to.tell(number)
            return "done"

    ref = world.spawn(Recorder, mailbox=Bounded(2))
    producer = world.spawn(Producer)
    assert producer.ask(ref, timeout=PATIENCE) == "done"
    ref.tell(20)
    assert seen(ref) == list(range(21))


def test_a_blocking_send_on_an_event_loop_raises_and_one_to_oneself_anywhere(world: World) -> None:
    class Full:
        async def on_receive(self: Any, message: Any) -> str:
            if isinstance(message, ActorRef):
                try:
                    for number in range(5):
                        message.tell(number)
                except MailboxFullError as error:
                    return type(error).__name__
            return "room"

    own = world.spawn(Full, mailbox=Bounded(1))
    assert own.ask(own, timeout=PATIENCE) == "MailboxFullError"
    if world.asynchronous:
        other = world.spawn(Recorder, mailbox=Bounded(1))
        gate = Gate()
        gate.hold(other)
        assert world.spawn(Full).ask(other, timeout=PATIENCE) == WouldBlockError.__name__
        gate.open()


def test_a_sender_blocked_by_a_full_mailbox_is_told_when_it_closes(world: World) -> None:
    class Producer:
        async def on_receive(self: Any, to: ActorRef[Any]) -> Any:
            try:
                if self.asynchronous:
                    await to.tell_async("stuck")
                else:
                    to.tell("stuck")
            except ActorDeadError as error:
                return error.message
            return "admitted"

    ref = world.spawn(Recorder, mailbox=Bounded(1))
    gate = Gate()
    gate.hold(ref)
    ref.tell("fills it")
    asked = world.spawn(Producer).ask(ref, block=False)
    killed: Any = ref.kill(block=False)
    assert killed.get(timeout=PATIENCE) is True
    assert asked.get(timeout=PATIENCE) == "stuck"


# -- deadlocks -------------------------------------------------------------------------------------------------------------


class Caller:
    """Asks the first of the refs it is sent, with the rest."""

    async def on_receive(self: Any, refs: list[ActorRef[Any]]) -> Any:
        return await got(self, refs[0].ask(refs[1:], block=False)) if refs else "end"


def test_a_cycle_of_waits_raises_deadlock_error_that_names_it(world: World) -> None:
    a, b, c = (world.spawn(Caller, name=name) for name in "abc")
    assert a.ask([b, c], timeout=PATIENCE) == "end"
    with pytest.raises(DeadlockError) as caught:
        a.ask([b, c, a], timeout=PATIENCE)
    assert set(caught.value.cycle) == {"/a", "/b", "/c"}
    assert a.ask([b, c], timeout=PATIENCE) == "end"


def test_an_actor_that_asks_itself_gets_deadlock_error(world: World) -> None:
    ref = world.spawn(Caller, name="self")
    with pytest.raises(DeadlockError) as caught:
        ref.ask([ref], timeout=PATIENCE)
    assert set(caught.value.cycle) == {"/self"}


def test_a_cycle_with_a_finite_wait_is_no_deadlock(world: World) -> None:
    class Patient:
        async def on_receive(self: Any, refs: list[ActorRef[Any]]) -> Any:
            if not refs:
                return "end"
            try:
                if self.asynchronous:
                    return await refs[0].ask_async(refs[1:], timeout=0.02)
                return refs[0].ask(refs[1:], timeout=0.02)
            except Timeout:
                return "timeout"

    patient = world.spawn(Patient)
    caller = world.spawn(Caller)
    assert patient.ask([caller, patient], timeout=PATIENCE) == "timeout"


# -- counting --------------------------------------------------------------------------------------------------------------


def test_every_accepted_message_is_accounted_for(world: World) -> None:
    class Stasher(Recorder):
        async def on_receive(self: Any, message: Any) -> Any:
            match message:
                case "aside":
                    self.stash()
                case Gate():
                    message.reached.set()
                    await got(self, message.opened)
                case 9:
                    last.set()

    last: Future[None] = Future()
    ref = world.spawn(Stasher, mailbox=Bounded(10, Overflow.DROP_NEWEST))
    for _ in range(3):
        ref.tell("aside")
    ref.ask("handled", timeout=PATIENCE)
    gate = Gate()
    gate.hold(ref)
    for number in range(12):
        ref.tell(number)
    with pytest.raises(ActorDeadError):
        ref.ask("dropped", timeout=PATIENCE)
    gate.open()
    last.get(timeout=PATIENCE)
    ref.ask("drained", timeout=PATIENCE)
    stats = ref.stats()
    assert stats.accepted == 3 + 1 + 1 + 12 + 1 + 1
    assert (stats.stashed, stats.dropped, stats.waiting, stats.in_progress) == (3, 3, 0, 0)
    assert stats.handled == 1 + 1 + 10 + 1
    ref.stop(timeout=PATIENCE)
    end = ref.stats()
    assert (end.accepted, end.stashed, end.dead_lettered) == (stats.accepted, 0, 3)
    assert world.reasons("aside") == [DeadLetterReason.STOPPED] * 3


def test_members_leave_their_groups_when_they_end(world: World) -> None:
    one, other = world.spawn(Recorder), world.spawn(Recorder)
    for ref in (one, other):
        world.system.groups.join("all", ref)
    assert world.system.groups.broadcast("all", "hello") == 2
    assert seen(one) == seen(other) == ["hello"]
    one.stop(timeout=PATIENCE)
    assert world.system.groups.members("all") == [other]
