"""Bad input of every kind ends in a clear error that says what to do, and nothing is lost."""

from __future__ import annotations

import gc
import pickle
import queue
import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorError,
    ActorKilled,
    ActorRef,
    ActorRestarting,
    ActorStartError,
    ActorSystem,
    AskCancelled,
    BlockingInLoopError,
    Bounded,
    Budget,
    DeadLetter,
    DeadLetterReason,
    DeadlineExceeded,
    DeadlockError,
    DispatcherKind,
    ForkedError,
    Future,
    HandlerDeclarationError,
    InternalError,
    InvalidNameError,
    LinkedActorDied,
    MailboxFullError,
    NameTakenError,
    NotInActorError,
    Overflow,
    Priority,
    ShutdownPhase,
    StashFullError,
    SystemConfig,
    SystemStoppedError,
    Timeout,
    WouldBlockError,
    errors,
    wait_any,
)
from actors.channels import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelEndedError,
    ChannelError,
    ChannelFullError,
    ChannelOutsideError,
)
from actors.channels import errors as channel_errors
from actors.events import BusClosedError, BusError, BusFullError, Link, NoResponderError, TopicError, UnreadFailure
from actors.events import errors as event_errors
from actors.observe import errors as observe_errors
from actors.scheduler import (
    AlreadyRunError,
    CronError,
    CycleError,
    DuplicateTaskError,
    NeedFailedError,
    ResultNotPicklableError,
    SchedulerClosedError,
    SchedulerError,
    SchedulerFullError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreVersionError,
    TaskDeadlineExceeded,
    TaskMissedError,
    TaskTimeout,
    UnknownNeedError,
    WorkerDiedError,
)
from actors.scheduler import errors as scheduler_errors
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0
everywhere = pytest.mark.parametrize("dispatcher", list(DispatcherKind), ids=lambda kind: kind.value)


class Echo(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


# -- messages --------------------------------------------------------------------------------------------------------------


class Hostile:
    """Raises whenever anybody but its owner touches it."""

    def _refuse(self, *_: Any) -> Any:
        raise RuntimeError("do not touch")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __repr__ = __str__ = __iter__ = __contains__ = _refuse
    __getattr__ = __format__ = __reduce__ = __copy__ = __deepcopy__ = __call__ = _refuse
    __hash__ = _refuse  # type: ignore[assignment]


class Lying:
    """Says that it is what it is not, and equal to everything."""

    def __init__(self, claimed: type) -> None:
        self.claimed = claimed

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.claimed

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False


class RaisingClass:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no class")


def messages() -> dict[str, Any]:
    from actors._core.messages import STOP, Entry

    looped: list[Any] = []
    looped.append(looped)
    return {
        "lambda": lambda: 1,
        "lock": threading.Lock(),
        "generator": (number for number in ()),
        "unhashable": {"a": [1]},
        "huge": bytearray(64 << 20),
        "looped": looped,
        "hostile": Hostile(),
        "exception": ValueError("a message"),
        "base exception": SystemExit(1),
        "class": Echo,
        "tuple like an entry": (1, None, None),
        "empty tuple": (),
        "traced tuple": (1, "id", None, 0),
        "raising class": RaisingClass(),
        "none": None,
        "false": False,
        "ellipsis": ...,
        "not implemented": NotImplemented,
        "a future": Future(),
        **{
            f"lying {claimed.__name__}": Lying(claimed)
            for claimed in (pykka.messages._ActorStop, pykka.messages.ProxyCall, Entry, type(STOP))
        },
    }


@everywhere
@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("mailbox", [None, Bounded(10), Priority(lambda _: 0)], ids=["unbounded", "bounded", "priority"])
def test_any_object_travels_untouched(dispatcher: DispatcherKind, tracing: bool, mailbox: Any) -> None:
    class Keeping(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.kept: list[Any] = []

        def on_receive(self, message: Any) -> Any:
            self.kept.append(message)
            return self.kept

    with ActorSystem(config=SystemConfig(tracing=tracing)) as system:
        ref = system.spawn(Keeping, dispatcher=dispatcher, mailbox=mailbox)
        for message in messages().values():
            ref.tell(message)
            kept = ref.ask(message, timeout=SAFETY)
            assert kept[-2] is message
            assert kept[-1] is message
        assert ref.is_alive()


@everywhere
def test_hostile_objects_come_back_from_every_fate(dispatcher: DispatcherKind) -> None:
    """Undelivered, failed, refused: the object itself comes back and is not looked at."""
    begun, release = threading.Event(), threading.Event()
    hostile = Hostile()
    back: list[Any] = []

    class Held(Actor):
        def on_receive(self, message: Any) -> Any:
            begun.set()
            release.wait(SAFETY)

        def on_undelivered(self, message: Any, reason: DeadLetterReason) -> None:
            back.append(message)

    with ActorSystem() as system:
        letters: queue.SimpleQueue[DeadLetter] = queue.SimpleQueue()
        system.events.subscribe(DeadLetter, letters.put)
        ref = system.spawn(Held, dispatcher=dispatcher)
        ref.tell("hold")
        assert begun.wait(SAFETY)
        ref.stop(block=False)
        ref.tell(hostile)
        asked = ref.ask(hostile, block=False)
        release.set()
        error = asked.exception(timeout=SAFETY)
        assert isinstance(error, ActorDeadError)
        assert error.message is hostile
        assert str(error)
        assert letters.get(timeout=SAFETY).message is hostile
        assert back[0] is hostile
        with pytest.raises(ActorDeadError) as caught:
            ref.tell(hostile)
        assert caught.value.message is hostile


def test_a_refused_hostile_message_rides_on_the_error() -> None:
    begun, release = threading.Event(), threading.Event()

    class Held(Actor, mailbox=Bounded(1, Overflow.REJECT)):
        def on_receive(self, message: Any) -> Any:
            begun.set()
            release.wait(SAFETY)

    with ActorSystem() as system:
        ref = system.spawn(Held)
        ref.tell("hold")
        assert begun.wait(SAFETY)
        ref.tell("fills")
        hostile = Hostile()
        with pytest.raises(MailboxFullError) as caught:
            ref.tell(hostile)
        assert caught.value.message is hostile
        assert "1 messages" in str(caught.value)
        release.set()


@everywhere
def test_a_hostile_answer_or_error_is_the_askers_own_business(dispatcher: DispatcherKind) -> None:
    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("do not print")

        __repr__ = __str__

    class Raising(Actor):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, type):
                raise message
            return Hostile()

    with ActorSystem() as system:
        ref = system.spawn(Raising, dispatcher=dispatcher)
        assert type(ref.ask("answer", timeout=SAFETY)) is Hostile
        with pytest.raises(HostileError):
            ref.ask(HostileError, timeout=SAFETY)
        assert type(ref.ask("alive", timeout=SAFETY)) is Hostile


def test_a_priority_key_that_raises_is_the_senders_error() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo, mailbox=Priority(lambda message: message["urgency"]))
        with pytest.raises(KeyError):
            ref.tell({})
        with pytest.raises(TypeError):
            ref.tell(3)
        assert ref.ask({"urgency": 1}, timeout=SAFETY) == {"urgency": 1}


# -- arguments -------------------------------------------------------------------------------------------------------------


class Calling(Actor):
    def on_receive(self, message: Any) -> Any:
        return message(self)


def refused(call: Callable[[], Any], *says: str) -> None:
    with pytest.raises((TypeError, ValueError, ActorError)) as caught:
        call()
    text = str(caught.value)
    assert not isinstance(caught.value, ActorStartError)
    for one in says:
        assert one in text


@pytest.mark.parametrize("bad", ["soon", float("nan"), [1]], ids=repr)
def test_timeouts_are_refused_by_name_and_value_and_nothing_is_sent(bad: Any) -> None:
    says = f"timeout={bad!r}"
    with ActorSystem() as system:
        ref = system.spawn(Echo)
        future: Future[Any] = Future()
        refused(lambda: ref.ask("x", timeout=bad), says)
        refused(lambda: ref.stop(timeout=bad), says)
        refused(lambda: ref.kill(timeout=bad), says)
        refused(lambda: ref.restart(timeout=bad), says)
        refused(lambda: future.get(timeout=bad), says)
        refused(lambda: future.exception(timeout=bad), says)
        refused(lambda: wait_any([future], timeout=bad), says)
        refused(lambda: system.shutdown(timeout=bad), says)
        refused(lambda: system.on_shutdown(ShutdownPhase.ACTORS, lambda: None, name="x", timeout=bad), says)
        refused(lambda: Bounded(1, timeout=bad), says)
        refused(lambda: Priority(len, timeout=bad), says)
        assert ref.ask("alive", timeout=SAFETY) == "alive"
        assert ref.stats().accepted == 1


@pytest.mark.parametrize("bad", ["soon", float("nan"), -1, True, 10**400], ids=lambda bad: repr(bad)[:12])
def test_deadlines_are_refused_by_name_and_value_and_nothing_is_sent(bad: Any) -> None:
    says = f"deadline={bad!r}"
    with ActorSystem() as system:
        ref = system.spawn(Echo)
        refused(lambda: ref.ask("x", deadline=bad), says)
        refused(lambda: ref.tell_within("x", bad), says)
        refused(lambda: ref.stop(deadline=bad), says)
        assert ref.ask("alive", timeout=SAFETY) == "alive"
        assert ref.stats().accepted == 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s, r: s.spawn(3), "actor_class=3"),
        (lambda s, r: s.start(3), "actor_class=3"),
        (lambda s, r: s.spawn(pykka.ThreadingActor), "actor_class="),
        (lambda s, r: s.spawn(Echo()), "actor_class="),
        (lambda s, r: s.spawn(Echo, dispatcher="pool"), "dispatcher='pool'"),
        (lambda s, r: s.spawn(Echo, mailbox=3), "mailbox=3"),
        (lambda s, r: s.spawn(Echo, name=3), "name=3"),
        (lambda s, r: s.spawn(Echo, name=""), "name=''"),
        (lambda s, r: s.spawn(Echo, name="a/b"), "name='a/b'"),
        (lambda s, r: s.spawn(Echo, name="x" * 129), "name='xxx"),
        (lambda s, r: s.lookup(3), "path=3"),
        (lambda s, r: s.lookup("no/slash"), "path='no/slash'"),
        (lambda s, r: s.events.subscribe(3, print), "event_type=3"),
        (lambda s, r: s.events.subscribe(object, 3), "target=3"),
        (lambda s, r: s.groups.join(3, r), "name=3"),
        (lambda s, r: s.groups.join("a", 3), "ref=3"),
        (lambda s, r: s.on_shutdown("first", print, name="x"), "phase='first'"),
        (lambda s, r: s.on_shutdown(ShutdownPhase.ACTORS, 3, name="x"), "hook=3"),
        (lambda s, r: s.on_shutdown(ShutdownPhase.ACTORS, print, name=3), "name=3"),
        (lambda s, r: ActorRef(3), "3"),
        (lambda s, r: r.call(3), "method=3"),
        (lambda s, r: wait_any([3]), "3"),
        (lambda s, r: wait_any([]), "at least one"),
        (lambda s, r: Future().add_done_callback(3), "callback=3"),
        (lambda s, r: Future.from_concurrent(3), "future=3"),
        (lambda s, r: ActorSystem(3), "name=3"),
        (lambda s, r: ActorSystem(config=3), "config=3"),
        (lambda s, r: SystemConfig(turn=0), "turn=0"),
        (lambda s, r: SystemConfig(turn=True), "turn=True"),
        (lambda s, r: SystemConfig(max_workers="many"), "max_workers='many'"),
        (lambda s, r: SystemConfig(high_water=0), "high_water=0"),
        (lambda s, r: SystemConfig(high_water=2.5), "high_water=2.5"),
        (lambda s, r: SystemConfig(high_water=None), "high_water=None"),
        (lambda s, r: SystemConfig(blocked_after=0), "blocked_after=0"),
        (lambda s, r: SystemConfig(blocked_after=float("nan")), "blocked_after=nan"),
        (lambda s, r: SystemConfig(shutdown_timeout="long"), "shutdown_timeout='long'"),
        (lambda s, r: SystemConfig(shutdown_timeout=float("inf")), "shutdown_timeout=inf"),
        (lambda s, r: SystemConfig(mailbox="big"), "mailbox='big'"),
        (lambda s, r: SystemConfig(tracing="yes"), "tracing='yes'"),
        (lambda s, r: SystemConfig(ports="real"), "ports='real'"),
        (lambda s, r: SystemConfig(loop_factory="uvloop"), "loop_factory='uvloop'"),
        (lambda s, r: Bounded(0), "capacity=0"),
        (lambda s, r: Bounded("ten"), "capacity='ten'"),
        (lambda s, r: Bounded(1, "block"), "overflow='block'"),
        (lambda s, r: Bounded(1, timeout=-1), "timeout=-1"),
        (lambda s, r: Priority(3), "key=3"),
        (lambda s, r: Priority(len, capacity=0), "capacity=0"),
        (lambda s, r: Priority(len, overflow="drop"), "overflow='drop'"),
        (lambda s, r: Priority(len, timeout=-1), "timeout=-1"),
        (lambda s, r: type.__call__(type(Actor), "X", (Actor,), {}, dispatcher="pool"), "dispatcher='pool'"),
        (lambda s, r: type.__call__(type(Actor), "X", (Actor,), {}, mailbox=3), "mailbox=3"),
        (lambda s, r: type.__call__(type(Actor), "X", (Actor,), {}, stash_capacity=0), "stash_capacity=0"),
        (lambda s, r: type.__call__(type(Actor), "X", (Actor,), {}, own_context="yes"), "own_context='yes'"),
        (lambda s, r: type.__call__(type(Actor), "X", (Actor,), {}, reentrant="yes"), "reentrant"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_argument_is_refused_by_name_and_value(call: Callable[[ActorSystem, ActorRef[Any]], Any], says: str) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo, name="fine")
        refused(lambda: call(system, ref), says)
        assert system.actors() == [ref]
        assert ref.ask("alive", timeout=SAFETY) == "alive"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda me: me.watch(3), "ref=3"),
        (lambda me: me.unwatch("x"), "ref='x'"),
        (lambda me: me.link(None), "ref=None"),
        (lambda me: me.start_timer("k", "soon", 1), "delay='soon'"),
        (lambda me: me.start_timer("k", -1, 1), "delay=-1"),
        (lambda me: me.start_timer("k", float("inf"), 1), "delay=inf"),
        (lambda me: me.start_timer([], 1, 1), "unhashable"),
        (lambda me: me.start_periodic_timer("k", 0, 1), "interval=0"),
        (lambda me: me.start_periodic_timer("k", "often", 1), "interval='often'"),
        (lambda me: me.start_periodic_timer("k", 1, 1, mode="rate"), "mode='rate'"),
        (lambda me: me.start_periodic_timer("k", 1, 1, initial_delay="now"), "initial_delay='now'"),
        (lambda me: me.set_receive_timeout("never"), "seconds='never'"),
        (lambda me: me.set_receive_timeout(0), "seconds=0"),
        (lambda me: me.pipe_to_self(3), "future=3"),
        (lambda me: me.pipe_to_self(Future(), on_success=3), "on_success=3"),
        (lambda me: me.pipe_to_self(Future(), on_failure=3), "on_failure=3"),
        (lambda me: me.unstash("all"), "count='all'"),
        (lambda me: me.spawn(3), "actor_class=3"),
        (lambda me: me.spawn(Echo, name="no spaces"), "name='no spaces'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_argument_in_a_handler_is_refused_by_name_and_value(call: Callable[[Any], Any], says: str) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Calling)
        refused(lambda: ref.ask(call, timeout=SAFETY), says)
        assert ref.ask(lambda _: "alive", timeout=SAFETY) == "alive"


def test_leaving_a_group_needs_a_ref() -> None:
    with ActorSystem() as system:
        refused(lambda: system.groups.leave("a", 3), "ref=3")  # type: ignore[arg-type]


def test_pykkas_actors_cannot_be_watched_and_the_text_says_so() -> None:
    class Theirs(pykka.ThreadingActor):
        pass

    theirs = Theirs.start()
    try:
        with ActorSystem() as system:
            refused(lambda: system.spawn(Calling).ask(lambda me: me.watch(theirs), timeout=SAFETY), "pykka")
    finally:
        theirs.stop()


# -- refs ------------------------------------------------------------------------------------------------------------------


@everywhere
def test_every_send_to_a_dead_actor_gives_the_message_back(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo, dispatcher=dispatcher)
        ref.stop(timeout=SAFETY)
        for send in (ref.tell, ref.ask, lambda message: ref.tell_within(message, 1)):
            with pytest.raises(ActorDeadError) as caught:
                send("the message")
            assert caught.value.message == "the message"
            assert caught.value.recipient == str(ref)
        future = ref.ask("the message", block=False)
        assert isinstance(future.exception(timeout=SAFETY), ActorDeadError)
        assert ref.stop() is False
        assert ref.kill() is False
        assert ref.restart() is False


def test_the_proxy_of_a_dead_actor_is_refused_with_an_error_of_this_package() -> None:
    """Ours is a subclass of pykka's: who catches ours would let pykka's pass."""
    with ActorSystem() as system:
        ref = system.spawn(Echo)
        ref.stop(timeout=SAFETY)
        with pytest.raises(ActorDeadError) as caught:
            ref.proxy()
        assert str(caught.value) == f"{ref} not found"


def test_a_ref_outlives_its_system() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo, name="gone")
    del system
    gc.collect()
    assert ref.path == "/gone"
    assert not ref.is_alive()
    assert ref.stop() is False
    with pytest.raises(ActorDeadError):
        ref.tell("x")


def test_refs_of_different_systems_differ_and_work_across() -> None:
    class Forwarding(Actor):
        def on_receive(self, message: Any) -> Any:
            return message[0].ask(message[1])

    with ActorSystem("a") as one, ActorSystem("b") as other:
        mine, foreign = one.spawn(Forwarding, name="same"), other.spawn(Echo, name="same")
        assert (mine.path, mine.uid) == (foreign.path, foreign.uid)
        assert mine != foreign
        assert len({mine, foreign}) == 2
        assert mine.ask((foreign, "across"), timeout=SAFETY) == "across"


@pytest.mark.parametrize("forged", [3, None, "urn:uuid:1", object(), Echo, {}], ids=repr)
def test_a_ref_cannot_be_forged(forged: Any) -> None:
    with pytest.raises(TypeError, match="refs come from"):
        ActorRef(forged)


def test_a_ref_refuses_to_be_pickled_rather_than_to_lie() -> None:
    with ActorSystem() as system, pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(system.spawn(Echo))


def test_refs_are_compared_with_anything() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo)
        assert ref == ref.ask("x", block=False)._cell.ref  # type: ignore[union-attr]
        assert ref != 3
        assert ref != "x"
        assert (ref == Lying(ActorRef)) in {True, False}


# -- errors ----------------------------------------------------------------------------------------------------------------

ERRORS: list[BaseException] = [
    observe_errors.ObserveError("text"),
    observe_errors.ForeignActorError(None),
    errors.CodecError("has 7 elements", "message[3]", "length", True),
    errors.MutableMessageError("message[0]", "list"),
    errors.RegistrationError("shop.Order", "the name is taken"),
    errors.BudgetExceededError(Budget(hops=1), (Link("/a", "str"),), "x"),
    errors.RemoteError("builtins.ValueError", (1, "x"), "wrong", ("a note",), "Traceback ..."),
    ActorError("text"),
    ActorDeadError("text", "Recipient", {"the": "message"}),
    ActorStartError("Recipient", KeyError("cause")),
    ActorRestarting("Recipient", 2.5),
    DeadlineExceeded("Recipient", ["message"]),
    Timeout("text"),
    MailboxFullError("Recipient", "message", 3, "for 2 seconds"),
    WouldBlockError("Recipient", "message", 3),
    DeadlockError(("/a", "/b", "/a")),
    BlockingInLoopError(),
    AskCancelled("text"),
    StashFullError("Recipient", 7),
    LinkedActorDied("Recipient", "crashed"),
    NameTakenError("name", "/parent"),
    InvalidNameError("bad name"),
    SystemStoppedError("system"),
    ForkedError("system"),
    HandlerDeclarationError("text"),
    NotInActorError("stash()"),
    InternalError("text"),
    ActorKilled(),
    ChannelError("text"),
    ChannelClosedError("jobs", "it is closed: nothing can be sent any more", (1, "x")),
    ChannelEndedError("jobs"),
    ChannelFullError("jobs", (1, "x"), 3),
    ChannelOutsideError("jobs"),
    ChannelEmptyError("jobs"),
    BusError("text"),
    TopicError("a..b", "a word is missing"),
    BusClosedError("bus", ("the", "event")),
    BusFullError("retained", 3),
    NoResponderError("a.b"),
    SchedulerError("text"),
    CronError("0 0 30 2 *", "it never fires"),
    CycleError(("a", "b", "a")),
    UnknownNeedError("a", "b"),
    DuplicateTaskError("nightly"),
    SchedulerFullError(3),
    SchedulerClosedError("/scheduler"),
    NeedFailedError("a", ValueError("cause")),
    TaskTimeout("nightly", 1.5),
    TaskDeadlineExceeded("nightly", 2.5),
    TaskMissedError("nightly", 3600.0),
    AlreadyRunError("nightly@2026-01-01T00:00:00+00:00", "failed", "ValueError: text"),
    WorkerDiedError("nightly", -9, "it was killed from outside"),
    ResultNotPicklableError("nightly", "it is a lambda"),
    StoreError("schedules.db", "cannot be read"),
    StoreLockedError("schedules.db"),
    StoreVersionError("schedules.db", 3, 2),
    StoreFullError("schedules.db"),
    StoreDamagedError("schedules.db", "a table is missing"),
]


def test_every_error_of_the_tree_is_in_the_list() -> None:
    trees = (errors, channel_errors, event_errors, observe_errors, scheduler_errors)
    assert {type(error).__name__ for error in ERRORS} == {name for tree in trees for name in tree.__all__}
    assert all(isinstance(error, ActorError | ActorKilled) for error in ERRORS)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling_with_their_attributes_and_text(error: BaseException, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert {key: repr(value) for key, value in vars(again).items()} == {key: repr(value) for key, value in vars(error).items()}


def test_errors_that_were_raised_by_the_framework_survive_pickling() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo, name="gone")
        ref.stop(timeout=SAFETY)
        for provoke in (lambda: ref.tell("x"), lambda: system.spawn(Echo, name="a/b"), lambda: Future[Any]().get(timeout=0)):
            with pytest.raises(ActorError) as caught:
                provoke()
            again = pickle.loads(pickle.dumps(caught.value))
            assert (type(again), str(again)) == (type(caught.value), str(caught.value))


# -- a hundred thousand messages -------------------------------------------------------------------------------------------


@everywhere
def test_messages_to_an_actor_that_never_returns_are_all_accounted_for_when_it_is_killed(dispatcher: DispatcherKind) -> None:
    number = scaled(100_000, 5_000)
    begun, release = threading.Event(), threading.Event()

    class Stuck(Actor):
        def on_receive(self, message: Any) -> Any:
            begun.set()
            release.wait(SAFETY)

    with ActorSystem(config=SystemConfig(blocked_after=0.02)) as system:
        letters: list[DeadLetter] = []
        system.events.subscribe(DeadLetter, letters.append)
        system.events.subscribe(UnreadFailure, pytest.fail)
        ref = system.spawn(Stuck, dispatcher=dispatcher)
        stuck = ref.ask("stuck", block=False)
        assert begun.wait(SAFETY)
        for index in range(number):
            ref.tell(index)
        asked = [ref.ask(index, block=False) for index in range(number // 100)]
        if dispatcher is DispatcherKind.EVENT_LOOP:
            release.set()  # its thread is the loop's: nothing can be abandoned there without all the others
            ref.kill(timeout=SAFETY)
        else:
            assert ref.kill(timeout=SAFETY) is True
        errors_ = [future.exception(timeout=SAFETY) for future in asked]
        stuck.exception(timeout=SAFETY)
        if dispatcher is not DispatcherKind.EVENT_LOOP:
            assert isinstance(stuck.exception(), ActorDeadError)
            assert [letter.message for letter in letters] == list(range(number))
            assert {letter.reason for letter in letters} == {DeadLetterReason.KILLED}
            assert all(isinstance(error, ActorDeadError) for error in errors_)
        stats = ref.stats()
        assert stats.accepted == number + number // 100 + 1
        assert stats.accepted == stats.handled + stats.in_progress + stats.waiting + stats.stashed + stats.dead_lettered + stats.dropped
        assert stats.waiting == 0
        release.set()
