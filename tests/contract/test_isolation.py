"""Isolation: what an actor shares, of messages and answers, with those it talks to."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    Bounded,
    CodecError,
    DeadLetter,
    DispatcherKind,
    Down,
    Future,
    Isolation,
    MailboxFullError,
    MutableMessageError,
    Overflow,
    Priority,
    SystemConfig,
    Unbounded,
    WouldBlockError,
)
from actors.events import UnreadFailure
from actors.testing import Probe, Simulation, explore
from supervisors import (
    ChildSpecError,
    DynamicSupervisor,
    GetChild,
    ListChildren,
    StartChild,
    Supervisor,
    TaskSupervisor,
    WhileDown,
    child,
    run_task,
)
from supervisors.machine import Chart, StateMachine, initial, machine_info, on, state
from tests.contract.kit import EVERY_KIND, WAIT, Gate, Puppet, emptied, eventually, in_threads, spawn_child, under

COPY, CHECK, SHARE = Isolation.COPY, Isolation.CHECK, Isolation.SHARE
ISOLATED = pytest.mark.parametrize("mode", [CHECK, COPY], ids=lambda mode: mode.value)


@dataclass(frozen=True)
class Order:
    """A message that cannot change."""

    number: int
    parts: tuple[str, ...] = ()


class Basket:
    """What can change, and what no codec knows."""

    def __init__(self) -> None:
        self.things: list[Any] = []


class Shelf(Actor):
    """Keeps what it is sent in a list that its test has, too, and knows some words."""

    def __init__(self, log: list[Any] | None = None, gate: Gate | None = None) -> None:
        super().__init__()
        self.log: list[Any] = [] if log is None else log
        self.gate = gate
        self.things: list[Any] = []
        self.handles: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case "things":
                return self.things
            case "things later":
                self.handles.append(self.reply_later())
            case "now":
                return self.handles.pop().reply(self.things)
            case "number":
                return len(self.log)
            case "change":
                self.things.append("changed")
            case "fail":
                raise LookupError([1])
            case "hold":
                assert self.gate is not None
                self.gate.hold()
            case _:
                self.log.append(message)
        return None

    def keep(self, thing: Any, *, also: Any = None) -> list[Any]:
        self.log.append(thing)
        if also is not None:
            self.log.append(also)
        return self.things

    def spoil(self, thing: list[Any]) -> None:
        thing.append("spoilt")

    @property
    def kept(self) -> Any:
        return self.log[-1]

    @kept.setter
    def kept(self, thing: Any) -> None:
        self.log.append(thing)


class Courier(Actor, isolation=Isolation.SHARE):
    """Awaits what a function makes."""

    async def on_receive(self, make: Callable[[], Any]) -> Any:
        return await make()


class World:
    """Systems on one dispatcher, real or simulated."""

    def __init__(self, kind: DispatcherKind, sim: Simulation | None) -> None:
        self.kind = kind
        self.sim = sim

    @contextmanager
    def system(self, isolation: Isolation = SHARE, **config: Any) -> Iterator[ActorSystem]:
        if self.sim is not None:
            yield self.sim.new_system(isolation=isolation, **config)
            return
        with ActorSystem(config=SystemConfig(isolation=isolation, **config)) as system:
            yield system

    def on(self, actor_class: type[Any], **options: Any) -> type[Any]:
        return under(self.kind, actor_class, **options)


@pytest.fixture(params=[*(kind.value for kind in EVERY_KIND), "simulated pool", "simulated event_loop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each dispatcher in turn, also under simulation."""
    words = request.param.split()
    kind = DispatcherKind(words[-1])
    if len(words) == 1:
        yield World(kind, None)
        return
    with Simulation() as sim:
        yield World(kind, sim)


def settled(ref: ActorRef[Any]) -> int:
    """Return how much `ref` has kept, once it has handled what it was sent before."""
    number: int = ref.ask("number", timeout=WAIT)
    return number


# -- every way to send -----------------------------------------------------------------------------------------------------


def _awaiting(send: Callable[[ActorRef[Any], Any], Any]) -> Callable[[ActorSystem, ActorRef[Any], Any], Any]:
    return lambda system, ref, message: system.spawn(Courier).ask(lambda: send(ref, message), timeout=WAIT)


SENDS: dict[str, Callable[[ActorSystem, ActorRef[Any], Any], Any]] = {
    "tell": lambda _, ref, message: ref.tell(message),
    "tell_within": lambda _, ref, message: ref.tell_within(message, 100.0),
    "ask": lambda _, ref, message: ref.ask(message, timeout=WAIT),
    "ask for a future": lambda _, ref, message: ref.ask(message, block=False).get(timeout=WAIT),
    "ask with a deadline": lambda _, ref, message: ref.ask(message, deadline=100.0, timeout=WAIT),
    "tell_async": _awaiting(lambda ref, message: ref.tell_async(message)),
    "ask_async": _awaiting(lambda ref, message: ref.ask_async(message)),
    "ask_async with a timeout": _awaiting(lambda ref, message: ref.ask_async(message, timeout=WAIT)),
    "call": lambda _, ref, message: ref.call(Shelf.keep, message).get(timeout=WAIT),
    "call with a keyword": lambda _, ref, message: ref.call(Shelf.keep, "thing", also=message).get(timeout=WAIT),
    "a proxied call": lambda _, ref, message: ref.proxy().keep(message).get(timeout=WAIT),
    "a proxied call told": lambda _, ref, message: ref.proxy().keep.defer(message),
    "a proxied attribute": lambda _, ref, message: setattr(ref.proxy(), "kept", message),
}
every_way = pytest.mark.parametrize("way", sorted(SENDS))


@every_way
def test_what_a_sender_changes_after_the_send_is_not_seen_by_an_actor_that_has_copies(world: World, way: str) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf), log := [])
        message = ["thing", {"a": [1]}]
        SENDS[way](system, ref, message)
        message[1]["a"].append(2)  # type: ignore[index]
        message.append("more")
        settled(ref)
        assert log[-1] == ["thing", {"a": [1]}]


@every_way
def test_what_an_actor_changes_of_its_copy_is_not_seen_by_the_sender(world: World, way: str) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf), log := [])
        message = ["thing", {"a": [1]}]
        SENDS[way](system, ref, message)
        settled(ref)
        log[-1][1]["a"].append(2)
        log[-1].append("more")
        assert message == ["thing", {"a": [1]}]


@every_way
def test_what_can_change_is_refused_by_check_in_the_senders_call_and_leaves_no_trace(world: World, way: str) -> None:
    with world.system(CHECK) as system:
        letters: list[Any] = []
        system.events.subscribe(DeadLetter, letters.append)
        ref = system.spawn(world.on(Shelf), log := [])
        settled(ref)
        before = ref.stats()
        with pytest.raises(MutableMessageError) as caught:
            SENDS[way](system, ref, ("thing", ["can change"]))
        assert (caught.value.kind, caught.value.path[:7]) == ("list", "message")
        assert (settled(ref), log, letters) == (0, [], [])
        after = ref.stats()
        assert (after.accepted, after.handled, after.waiting) == (before.accepted + 1, before.handled + 1, 0)


@every_way
def test_what_cannot_change_passes_the_check_as_the_very_object(world: World, way: str) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf), log := [])
        message = Order(1, ("part",))
        ref.proxy().things = ()
        SENDS[way](system, ref, message)
        settled(ref)
        assert log[-1] is message


@every_way
def test_what_the_codec_cannot_encode_is_refused_by_copy(world: World, way: str) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf), log := [])
        with pytest.raises(CodecError):
            SENDS[way](system, ref, ["thing", Basket()])
        assert (settled(ref), log) == (0, [])


def test_whoever_shares_has_the_very_object(world: World) -> None:
    with world.system() as system:
        ref = system.spawn(world.on(Shelf), log := [])
        message = ["thing", Basket()]
        ref.tell(message)
        settled(ref)
        assert log[0] is message
        assert ref.ask("things", timeout=WAIT) is ref.proxy().things.get(timeout=WAIT)


def test_a_broadcast_that_one_member_is_refused_reaches_all_others(world: World) -> None:
    with world.system() as system:
        shelves = [system.spawn(world.on(Shelf, isolation=mode)) for mode in (SHARE, CHECK, SHARE)]
        for ref in shelves:
            system.groups.join("shelves", ref)
        with pytest.raises(MutableMessageError, match="message "):
            system.groups.broadcast("shelves", [1])
        assert [settled(ref) for ref in shelves] == [1, 0, 1]


def test_a_refused_ask_for_a_future_fails_the_future_and_does_not_raise(world: World) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        assert isinstance(ref.ask([], block=False).exception(timeout=WAIT), MutableMessageError)
        assert isinstance(ref.call(Shelf.keep, []).exception(timeout=WAIT), MutableMessageError)


def test_a_refused_call_says_that_its_arguments_are_the_message(world: World) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        error = ref.call(Shelf.keep, 1, also=[]).exception(timeout=WAIT)
        assert isinstance(error, MutableMessageError)
        assert error.path == "message[1]"
        assert "keep()" in error.__notes__[0]


def test_two_arguments_that_are_one_object_are_one_object_in_the_copy(world: World) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf), log := [])
        thing = [1]
        ref.call(Shelf.keep, thing, also=thing).get(timeout=WAIT)
        assert log[0] is log[1]
        assert log[0] is not thing


THINGS = st.recursive(
    st.integers() | st.text() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
)


def mutable_parts(value: Any) -> list[int]:
    """Return the ids of all lists and dicts within `value`."""
    parts = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else []
    return [id(value)] * isinstance(value, list | dict) + [one for part in parts for one in mutable_parts(part)]


@given(st.lists(THINGS, min_size=1, max_size=5))
def test_copies_are_equal_in_the_order_sent_and_have_nothing_that_can_change_in_common(things: list[Any]) -> None:
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(Shelf, log := [])
        for number, thing in enumerate(things):
            ref.tell((number, thing))
        settled(ref)
        assert log == list(enumerate(things))
        assert not set(mutable_parts(log)) & set(mutable_parts(things))


def test_each_of_many_senders_at_once_has_its_message_copied_as_it_was_when_sent(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), log := [])

        def send(sender: int) -> None:
            message = [sender, 0]
            for number in range(100):
                message[1] = number
                ref.tell(message)

        in_threads([lambda sender=sender: send(sender) for sender in range(4)])  # type: ignore[misc]
        assert settled(ref) == 400
        for sender in range(4):
            assert [number for who, number in log if who == sender] == list(range(100))


# -- answers ---------------------------------------------------------------------------------------------------------------


def _later(_: ActorSystem, ref: ActorRef[Any]) -> Any:
    future = ref.ask("things later", block=False)
    assert ref.ask("now", timeout=WAIT) is True
    return future.get(timeout=WAIT)


ASKS: dict[str, Callable[[ActorSystem, ActorRef[Any]], Any]] = {
    "ask": lambda _, ref: ref.ask("things", timeout=WAIT),
    "ask for a future": lambda _, ref: ref.ask("things", block=False).get(timeout=WAIT),
    "ask_async": lambda system, ref: system.spawn(Courier).ask(lambda: ref.ask_async("things"), timeout=WAIT),
    "ask_async with a timeout": lambda system, ref: system.spawn(Courier).ask(lambda: ref.ask_async("things", timeout=WAIT), timeout=WAIT),
    "call": lambda _, ref: ref.call(Shelf.keep, 1).get(timeout=WAIT),
    "a proxied attribute": lambda _, ref: ref.proxy().things.get(timeout=WAIT),
    "reply_later": _later,
}
every_answer = pytest.mark.parametrize("way", sorted(ASKS))


@every_answer
def test_an_answer_and_what_the_actor_has_are_changed_apart_where_answers_are_copies(world: World, way: str) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf))
        ref.tell("change")
        answer = ASKS[way](system, ref)
        assert answer == ["changed"]
        answer.append("by the asker")
        assert ASKS[way](system, ref) == ["changed"]
        ref.tell("change")
        assert ASKS[way](system, ref) == ["changed", "changed"]
        assert answer == ["changed", "by the asker"]


@every_answer
def test_an_answer_that_can_change_fails_the_ask_and_the_actor_lives_on(world: World, way: str) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        with pytest.raises(MutableMessageError) as caught:
            ASKS[way](system, ref)
        assert (caught.value.path, caught.value.kind) == ("message", "list")
        assert caught.value.__notes__ == ["it is the answer that was refused; the actor has handled the message"]
        assert ref.is_alive()
        ref.proxy().things = ("cannot change",)
        assert ASKS[way](system, ref) == ("cannot change",)
        assert ref.stats().in_progress == 0


def test_an_exception_as_an_answer_goes_as_it_is(world: World) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        error = ref.ask("fail", block=False).exception(timeout=WAIT)
        assert isinstance(error, LookupError)
        assert error.args == ([1],)


def test_a_refused_answer_that_nobody_reads_is_reported(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(isolation=CHECK)) as system:
        unread: list[Any] = []
        system.events.subscribe(UnreadFailure, unread.append)
        ref = system.spawn(under(kind, Shelf))
        ref.ask("things", block=False)
        settled(ref)
        eventually(lambda: unread)
        assert isinstance(unread[0].error, MutableMessageError)


def test_what_is_made_of_the_future_of_an_isolated_answer_is_the_askers_own(world: World) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        future = ref.ask("number", block=False)
        assert isinstance(future, Future)
        assert future.map(lambda number: [number]).get(timeout=WAIT) == [0]
        assert future.join(ref.ask("number", block=False)).get(timeout=WAIT) == [0, 0]


def test_an_ask_that_was_cancelled_has_its_late_answer_fenced_off(world: World) -> None:
    with world.system(CHECK) as system:
        ref = system.spawn(world.on(Shelf))
        future = ref.ask("things later", block=False)
        settled(ref)
        assert future.cancel() is True
        assert ref.ask("now", timeout=WAIT) is False


def test_asks_on_ones_own_loop_are_isolated_too() -> None:
    class Answering(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.things: list[Any] = []

        async def on_receive(self, message: Any) -> Any:
            self.things.append(message)
            return self.things

    async def main() -> None:
        async with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
            ref = await system.spawn_async(Answering)
            expected: list[Any] = []
            for number in range(20):  # of an idle actor: asks that share would begin on this very stack
                message = [number]
                answer = await ref.ask_async(message)
                expected.append([number])
                assert answer == expected
                message.append("changed")
                answer[-1].append("changed")

    asyncio.run(main())


# -- which mode ------------------------------------------------------------------------------------------------------------


def mode_of(ref: ActorRef[Any]) -> Isolation:
    """Return how `ref`, which is a Shelf, is isolated."""
    message: list[Any] = []
    try:
        ref.call(Shelf.spoil, message).get(timeout=WAIT)
    except MutableMessageError:
        return CHECK
    return SHARE if message else COPY


@pytest.mark.parametrize("declared", Isolation, ids=lambda mode: mode.value)
@pytest.mark.parametrize("default", Isolation, ids=lambda mode: mode.value)
def test_what_a_class_declares_wins_over_the_systems_default(default: Isolation, declared: Isolation) -> None:
    class Declared(Shelf, isolation=declared):
        pass

    class Inheriting(Declared):
        pass

    with ActorSystem(config=SystemConfig(isolation=default)) as system:
        assert mode_of(system.spawn(Shelf)) is default
        assert mode_of(system.spawn(Declared)) is declared
        assert mode_of(system.spawn(Inheriting)) is declared


@pytest.mark.parametrize("given_", Isolation, ids=lambda mode: mode.value)
def test_what_spawn_is_given_wins_over_what_the_class_declares(world: World, given_: Isolation) -> None:
    class Parent(Puppet, isolation=SHARE):
        pass

    with world.system(COPY) as system:
        for declared in Isolation:
            actor_class = world.on(Shelf, isolation=declared)
            assert mode_of(system.spawn(actor_class, isolation=given_)) is given_
            assert mode_of(system.start(actor_class, isolation=given_)) is given_
            assert mode_of(system.spawn(actor_class)) is declared
        parent = system.spawn(world.on(Parent))
        assert mode_of(parent.ask(lambda actor: spawn_child(actor, world.on(Shelf), isolation=given_), timeout=WAIT)) is given_


def test_actors_share_unless_somebody_says_otherwise() -> None:
    with ActorSystem() as system:
        assert system.config.isolation is SHARE
        assert mode_of(system.spawn(Shelf)) is SHARE


@ISOLATED
def test_an_actor_built_by_hand_is_isolated_as_its_class_or_its_system_says(mode: Isolation) -> None:
    class Builder(Actor, isolation=SHARE):
        def on_receive(self, actor_class: type[Actor]) -> Any:
            actor = actor_class()
            ref = actor.actor_ref
            actor._start_actor_loop()
            return ref

    class Sharing(Shelf, isolation=SHARE):
        pass

    with ActorSystem(config=SystemConfig(isolation=mode)) as system:
        builder = system.spawn(Builder)
        assert mode_of(builder.ask(Shelf, timeout=WAIT)) is mode
        assert mode_of(builder.ask(Sharing, timeout=WAIT)) is SHARE


def test_an_isolation_that_is_none_is_refused_by_name_and_value() -> None:
    with pytest.raises(TypeError, match="isolation='copy'"):
        SystemConfig(isolation="copy")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="isolation='copy'"):

        class Declared(Actor, isolation="copy"):  # type: ignore[arg-type]
            pass

    with ActorSystem() as system, pytest.raises(TypeError, match="isolation='copy'"):
        system.spawn(Shelf, isolation="copy")  # type: ignore[arg-type]


def test_a_codec_that_is_none_is_refused_by_name_and_value() -> None:
    with pytest.raises(TypeError, match="codec='msgpack'"):
        SystemConfig(codec="msgpack")  # type: ignore[arg-type]


def test_where_everybody_shares_the_codec_is_not_loaded() -> None:
    program = """
import sys
from actors import Actor, ActorSystem
class Echo(Actor):
    def on_receive(self, message):
        return message
with ActorSystem() as system:
    assert system.spawn(Echo).ask([1], timeout=30) == [1]
print(sorted(name for name in sys.modules if name.startswith(("actors.wire", "msgpack"))))
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- mailboxes and their errors --------------------------------------------------------------------------------------------


@contextmanager
def holding(ref: ActorRef[Any], gate: Gate) -> Iterator[None]:
    """Keep `ref`, which has `gate`, in the middle of a message."""
    ref.tell("hold")
    gate.reached()
    try:
        yield
    finally:
        gate.open()


@ISOLATED
def test_a_full_mailbox_gives_the_senders_own_message_back(world: World, mode: Isolation) -> None:
    with world.system(mode) as system:
        ref = system.spawn(world.on(Shelf), [], gate := Gate(), mailbox=Bounded(1, Overflow.REJECT))
        message = ("thing",) if mode is CHECK else ["thing"]
        # In a simulation nothing is handled before somebody waits.
        with nullcontext() if world.sim is not None else holding(ref, gate):
            ref.tell("in")
            with pytest.raises(MailboxFullError) as caught:
                ref.tell(message)
            assert caught.value.message is caught.value.args[1] is message
            assert ref.ask(message, block=False).exception().message is message  # type: ignore[union-attr]


def test_a_send_that_found_no_room_in_time_gives_the_senders_own_message_back(kind: DispatcherKind) -> None:
    message = ["thing"]
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), log := [], gate := Gate(), mailbox=Bounded(1, timeout=0.01))

        async def tell() -> None:
            ref.tell(message)

        sends = (lambda: ref.tell(message), lambda: asyncio.run(ref.tell_async(message)), lambda: asyncio.run(tell()))
        with holding(ref, gate):
            ref.tell("in")
            for send, kind_of_error in zip(sends, (MailboxFullError, MailboxFullError, WouldBlockError), strict=True):
                with pytest.raises(kind_of_error) as caught:
                    send()
                assert caught.value.message is message
        emptied(ref)
        assert log == ["in"]


def test_a_message_that_waits_for_room_is_as_it_was_when_sent(kind: DispatcherKind) -> None:
    message = ["thing"]
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), log := [], gate := Gate(), mailbox=Bounded(1))
        with holding(ref, gate):
            ref.tell("in")
            sender = threading.Thread(target=lambda: ref.tell(message))
            sender.start()
            eventually(lambda: ref._target.queue._waiting)
            message.append("changed")
        sender.join(WAIT)
        emptied(ref)
        assert log == ["in", ["thing"]]


def test_a_sender_that_awaited_room_in_a_mailbox_that_closed_has_its_own_message_back(kind: DispatcherKind) -> None:
    message = ["thing"]
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), [], gate := Gate(), mailbox=Bounded(1))

        async def tell() -> None:
            telling = asyncio.ensure_future(ref.tell_async(message))
            await asyncio.sleep(0)  # it has joined the line
            ref.kill(block=False)
            await telling

        ref.tell("hold")
        gate.reached()
        ref.tell("in")
        with pytest.raises(ActorDeadError) as caught:
            asyncio.run(tell())
        gate.open()
        assert caught.value.message is message


MAILBOXES = {"unbounded": Unbounded(), "bounded": Bounded(10), "by priority": Priority(lambda message: 0)}


@pytest.mark.parametrize("mailbox", MAILBOXES.values(), ids=MAILBOXES)
def test_whatever_the_mailbox_messages_and_answers_are_isolated(world: World, mailbox: Any) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Shelf), log := [], mailbox=mailbox)
        message = ["thing"]
        for way in ("tell", "tell_async", "ask", "ask for a future", "ask_async", "ask_async with a timeout"):
            SENDS[way](system, ref, message)
            message.append(way)
        settled(ref)
        assert [len(one) for one in log] == [1, 2, 3, 4, 5, 6]
        for answer in ASKS.values():
            answer(system, ref).append("by the asker")
        assert ref.ask("things", timeout=WAIT) == []


def test_a_refused_message_takes_no_room(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(isolation=CHECK)) as system:
        ref = system.spawn(under(kind, Shelf), log := [], gate := Gate(), mailbox=Bounded(1, Overflow.REJECT))
        with holding(ref, gate):
            for send in (lambda: ref.tell([]), lambda: asyncio.run(ref.tell_async([]))):
                with pytest.raises(MutableMessageError):
                    send()
            ref.tell("fits")
        emptied(ref)
        assert log == ["fits"]


def test_a_priority_is_that_of_the_copy_and_equal_ones_keep_their_order(kind: DispatcherKind) -> None:
    def key(message: Any) -> int:
        return message[0] if isinstance(message, list) else 0

    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), log := [], gate := Gate(), mailbox=Priority(key))
        with holding(ref, gate):
            message = [3, "a"]
            ref.tell(message)
            message[:] = [1, "b"]
            ref.tell(message)
            message[:] = [3, "c"]
            ref.tell(message)
            message[:] = [0, "d"]
        emptied(ref)
        assert log == [[1, "b"], [3, "a"], [3, "c"]]


@ISOLATED
def test_a_send_to_a_dead_actor_gives_the_senders_own_message_back(world: World, mode: Isolation) -> None:
    with world.system(mode) as system:
        ref = system.spawn(world.on(Shelf))
        ref.stop(timeout=WAIT)
        message = ["thing"]
        with pytest.raises(ActorDeadError) as caught:
            ref.tell(message)
        assert caught.value.message is message


def test_an_ask_that_waits_when_the_actor_ends_gives_the_askers_own_message_back(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), [], gate := Gate())
        message = ["thing"]
        with holding(ref, gate):
            asked = ref.ask(message, block=False)
            called = ref.call(Shelf.keep, message)
            expired = ref.ask(message, block=False, deadline=0)
            ref.kill(block=False)
        for future in (asked, called, expired):
            with pytest.raises(ActorDeadError) as caught:
                future.get(timeout=WAIT)
            own = caught.value.message
            assert (own if future is not called else own.args[0]) is message
            assert own in caught.value.args


def test_an_ask_under_way_when_the_actor_is_killed_gives_the_askers_own_message_back(kind: DispatcherKind) -> None:
    class Holding(Actor):
        def on_receive(self, _: list[Any]) -> Any:
            return gate.hold()

    gate = Gate()
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Holding))
        message = ["thing"]
        asked = ref.ask(message, block=False)
        gate.reached()
        ref.kill(block=False)
        with pytest.raises(ActorDeadError) as caught:
            asked.get(timeout=WAIT)
        gate.open()
        assert caught.value.message is message


def test_an_error_of_another_ask_that_an_actor_fails_with_is_its_own(world: World) -> None:
    class Forwarding(Actor):
        def __init__(self, to: ActorRef[Any]) -> None:
            super().__init__()
            self.to = to

        def on_receive(self, message: list[Any]) -> Any:
            self.to.tell(message)

    with world.system(COPY) as system:
        dead = system.spawn(world.on(Shelf))
        dead.stop(timeout=WAIT)
        message = ["thing"]
        with pytest.raises(ActorDeadError) as caught:
            system.spawn(world.on(Forwarding), dead).ask(message, timeout=WAIT)
        assert caught.value.message == message
        assert caught.value.message is not message


@every_way
def test_tracing_and_isolation_go_together(world: World, way: str) -> None:
    if way == "a proxied attribute":
        way = "tell"
    with world.system(COPY, tracing=True) as system:
        ref = system.spawn(world.on(Identified), log := [])
        message = ["thing"]
        SENDS[way](system, ref, message)
        message.append("changed")
        SENDS[way](system, ref, message)
        settled(ref)
        assert [one for one in log if isinstance(one, list)] == [["thing"], ["thing", "changed"]]
        if "call" not in way:
            ids = [one for one in log if isinstance(one, str)]
            assert len(set(ids)) == 2


class Identified(Shelf):
    """Notes the correlation id of each message, too."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            self.log.append(self.correlation_id)
        return super().on_receive(message)


# -- in the mailbox a message is what it was when it was let in -----------------------------------------------------------------


class Stashing(Shelf):
    """Puts the first message aside, twice; it comes back."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            self.log.append(message)
            if len(self.log) < 3:
                self.stash()
                self.unstash()
            return self.things
        return super().on_receive(message)


def test_a_stashed_message_is_the_same_copy_when_it_comes_back(world: World) -> None:
    with world.system(COPY) as system:
        ref = system.spawn(world.on(Stashing), log := [])
        message = ["thing"]
        answer = ref.ask(message, timeout=WAIT)
        assert log[0] is log[1] is log[2] is not message
        answer.append("by the asker")
        assert ref.ask("things", timeout=WAIT) == []


def test_a_restart_leaves_the_mail_as_it_is_and_the_actor_isolated(kind: DispatcherKind) -> None:
    with ActorSystem(config=SystemConfig(isolation=COPY)) as system:
        ref = system.spawn(under(kind, Shelf), log := [], gate := Gate())
        message = ["thing"]
        with holding(ref, gate):
            ref.tell(message)
            message.append("changed")
            restarted = ref.restart(block=False)
        assert restarted.get(timeout=WAIT) is True
        ref.tell(message)
        message.append("again")
        settled(ref)
        assert log == [["thing"], ["thing", "changed"]]
        assert mode_of(ref) is COPY


class Ticking(Shelf):
    """Sends itself what can change, in every way that is its own."""

    def on_receive(self, message: Any) -> Any:
        if message == "begin":
            self.start_timer("tick", 0.0, ["tick"])
            future: Future[Any] = Future()
            future.set(["piped"])
            self.pipe_to_self(future)
            self.watch(self.system.spawn(Shelf, name="watched"))
            self.system.lookup("/watched").kill(block=False)  # type: ignore[union-attr]
            return None
        return super().on_receive(message)


class TickingOnLoop(Ticking):
    """The same, where to wait is to await."""

    async def on_receive(self, message: Any) -> Any:
        if message == "begin":
            self.start_timer("tick", 0.0, ["tick"])
            future: Future[Any] = Future()
            future.set(["piped"])
            self.pipe_to_self(future)
            watched = await self.system.spawn_async(Shelf)
            self.watch(watched)
            watched.kill(block=False)
            return None
        return super().on_receive(message)


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.value)
def test_what_an_actor_sends_itself_by_timers_and_pipes_is_its_own_and_shared(kind: DispatcherKind) -> None:
    actor_class: type[Actor] = TickingOnLoop if kind is DispatcherKind.EVENT_LOOP else Ticking
    with ActorSystem(config=SystemConfig(isolation=CHECK)) as system:
        ref = system.spawn(actor_class, log := [], dispatcher=kind)
        ref.tell("begin")
        eventually(lambda: len(log) == 3)
        assert ["tick"] in log
        assert ["piped"] in log
        assert any(isinstance(one, Down) for one in log)


# -- with supervisors, machines and tests -------------------------------------------------------------------------------------


class Shop(Supervisor):
    """One child for each mode, and one as its system has it."""

    sharing = child(Shelf, isolation=Isolation.SHARE)
    checked = child(Shelf, isolation=Isolation.CHECK)
    copied = child(Shelf, isolation=Isolation.COPY)
    as_declared = child(Shelf)


def child_of(supervisor: ActorRef[Any], name: str) -> ActorRef[Any]:
    ref = supervisor.ask(GetChild(name), timeout=WAIT)
    assert ref is not None
    return ref


@pytest.mark.parametrize("mode", Isolation, ids=lambda mode: mode.value)
def test_a_child_spec_says_how_its_child_is_isolated_also_after_a_restart(mode: Isolation) -> None:
    with ActorSystem(config=SystemConfig(isolation=mode)) as system:
        shop = system.spawn(Shop)
        for _ in range(2):
            modes = [mode_of(child_of(shop, name)) for name in ("sharing", "checked", "copied", "as_declared")]
            assert modes == [SHARE, CHECK, COPY, mode]
            for name in ("sharing", "checked", "copied", "as_declared"):
                child_of(shop, name).restart(timeout=WAIT)


def test_a_child_spec_refuses_an_isolation_that_is_none() -> None:
    with pytest.raises(ChildSpecError, match="isolation='copy'"):
        child(Shelf, isolation="copy")  # type: ignore[arg-type]


@ISOLATED
def test_supervisors_take_their_requests_whatever_the_mode_of_the_system(world: World, mode: Isolation) -> None:
    with world.system(mode) as system:
        dynamic = system.spawn(DynamicSupervisor)
        ref = dynamic.ask(StartChild(child(world.on(Shelf), [], name="one")), timeout=WAIT)
        assert mode_of(ref) is mode
        assert [info.name for info in dynamic.ask(ListChildren(), timeout=WAIT)] == ["one"]
        assert child_of(system.spawn(Shop), "as_declared").is_alive()


@ISOLATED
def test_tasks_take_and_give_what_they_like_whatever_the_mode_of_the_system(mode: Isolation) -> None:
    with ActorSystem(config=SystemConfig(isolation=mode)) as system:
        tasks = system.spawn(TaskSupervisor)
        thing = [Basket()]
        assert run_task(tasks, lambda value: value, thing).get(timeout=WAIT) is thing


def test_a_supervised_actor_that_takes_no_mail_while_it_is_down_is_isolated_when_it_is_back() -> None:
    class Crashing(Shelf):
        def on_receive(self, message: Any) -> Any:
            if message == "crash":
                raise LookupError
            return super().on_receive(message)

    class Strict(Supervisor):
        crashing = child(Crashing, while_down=WhileDown.FAIL_FAST, isolation=COPY)

    with ActorSystem() as system:
        ref = child_of(system.spawn(Strict), "crashing")
        ref.tell("crash")
        eventually(lambda: ref.stats().restarts == 1)
        assert mode_of(ref) is COPY


def test_a_machine_is_isolated_as_its_system_is(world: World) -> None:
    with world.system(CHECK) as system:
        lamp = system.spawn(Lamp, None)
        with pytest.raises(MutableMessageError):
            lamp.ask(Press([]), timeout=WAIT)
        lamp.ask(Press(()), timeout=WAIT)
        assert machine_info(lamp).state is Light.ON


class Light(Enum):
    OFF = auto()
    ON = auto()


@dataclass(frozen=True)
class Press:
    how: Any


class Lamp(StateMachine[Light, None]):
    chart = Chart(initial(Light.OFF, on(Press, to=Light.ON)), state(Light.ON, on(Press, to=Light.OFF)))


@ISOLATED
def test_a_probe_takes_everything(mode: Isolation) -> None:
    with ActorSystem(config=SystemConfig(isolation=mode)) as system, Probe(system) as probe:
        thing = [Basket()]
        probe.ref.tell(thing)
        assert probe.expect() is thing


def test_isolation_neither_adds_nor_hides_an_order_of_events() -> None:
    class Asking(Actor, isolation=SHARE):
        def __init__(self, shelf: ActorRef[Any]) -> None:
            super().__init__()
            self.shelf = shelf

        def on_receive(self, message: Any) -> Any:
            self.shelf.tell([message])
            return self.shelf.ask("number")

    def orders(mode: Isolation) -> tuple[int, set[Any]]:
        outcomes = set()

        def scenario(sim: Simulation) -> None:
            system = sim.new_system(isolation=mode)
            shelf = system.spawn(Shelf)
            asked = [system.spawn(Asking, shelf).ask(number, block=False) for number in range(2)]
            outcomes.add(tuple(future.get() for future in asked))

        return explore(scenario, strategy="exhaustive").runs, outcomes

    runs, outcomes = orders(SHARE)
    assert len(outcomes) > 1
    assert orders(COPY) == (runs, outcomes)


def test_under_every_order_of_messages_each_receiver_has_what_was_sent_to_it() -> None:
    def scenario(sim: Simulation) -> None:
        system = sim.new_system(isolation=COPY)
        logs: tuple[list[Any], list[Any]] = ([], [])
        refs = [system.spawn(Shelf, log) for log in logs]
        message = [0]
        for number in range(3):
            message[0] = number
            for ref in refs:
                ref.tell(message)
        asked = [ref.ask("things", block=False) for ref in refs]
        message[0] = 4
        for future in asked:
            future.get().append("by the asker")
        assert [ref.ask("things") for ref in refs] == [[], []]
        assert logs == ([[0], [1], [2]], [[0], [1], [2]])

    explore(scenario, runs=100)
