"""The contract's lines about deadlocks: a cycle of endless waits raises before it closes; nothing else does."""

from __future__ import annotations

import itertools
import queue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorStartError,
    ActorSystem,
    Bounded,
    DeadlockError,
    DispatcherKind,
    Future,
    Lifecycle,
    MailboxFullError,
    ReplyHandle,
    Timeout,
    get_all,
    wait_any,
)
from actors.events import DeadlockFound
from tests.contract.kit import Gate, eventually, held
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0
POOL, THREAD, LOOP = DispatcherKind.POOL, DispatcherKind.THREAD, DispatcherKind.EVENT_LOOP
everywhere = pytest.mark.parametrize("dispatcher", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)


class Node(Actor):
    """Asks along the refs it is sent, in its own handler; answers "x" to all else."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            return message[0].ask(message[1:]) if message else "end"
        return message


class AsyncNode(Actor):
    async def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            return await message[0].ask_async(message[1:]) if message else "end"
        return message


class Starter(Actor):
    """Waits for the start, then asks another one."""

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, tuple):
            return message
        ready, start, other = message
        ready.put(self.actor_ref)
        start.get()
        return None if other is None else other.ask("x")


class AsyncStarter(Actor):
    async def on_receive(self, message: Any) -> Any:
        if not isinstance(message, tuple):
            return message
        ready, start, other = message
        ready.put(self.actor_ref)
        await start
        return None if other is None else await other.ask_async("x")


class Calling(Actor):
    """Calls what it is sent, with itself."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


def node(system: ActorSystem, dispatcher: DispatcherKind, name: str | None = None) -> ActorRef[Any]:
    if dispatcher is LOOP:
        return system.spawn(AsyncNode, name=name)
    return system.spawn(Node, name=name, dispatcher=dispatcher)


def starter(system: ActorSystem, dispatcher: DispatcherKind, name: str | None = None) -> ActorRef[Any]:
    if dispatcher is LOOP:
        return system.spawn(AsyncStarter, name=name)
    return system.spawn(Starter, name=name, dispatcher=dispatcher)


# -- cycles of asks --------------------------------------------------------------------------------------------------------


@everywhere
def test_an_actor_that_asks_itself_gets_the_error(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        ref = node(system, dispatcher, "alone")
        with pytest.raises(DeadlockError) as caught:
            ref.ask([ref], timeout=SAFETY)
        assert caught.value.cycle == ("/alone", "/alone")
        assert ref.ask("alive", timeout=SAFETY) == "alive"


@pytest.mark.parametrize("second", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)
@pytest.mark.parametrize("first", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)
def test_two_actors_that_ask_each_other_get_the_error_across_dispatchers(first: DispatcherKind, second: DispatcherKind) -> None:
    with ActorSystem() as system:
        one, other = node(system, first, "one"), node(system, second, "other")
        with pytest.raises(DeadlockError) as caught:
            one.ask([other, one], timeout=SAFETY)
        # Whichever began to wait last is where the cycle was found.
        assert caught.value.cycle in {("/other", "/one", "/other"), ("/one", "/other", "/one")}
        assert " -> ".join(caught.value.cycle) in str(caught.value)
        assert [ref.ask("alive", timeout=SAFETY) for ref in (one, other)] == ["alive"] * 2


@given(st.lists(st.sampled_from([POOL, THREAD, LOOP]), min_size=1, max_size=8), st.integers(0, 3))
@settings(max_examples=scaled(500, 25))
def test_a_ring_of_any_size_and_dispatchers_is_named_without_the_actors_before_it(ring: list[DispatcherKind], lead: int) -> None:
    with ActorSystem() as system:
        before = [node(system, POOL, f"before{number}") for number in range(lead)]
        members = [node(system, dispatcher, f"member{number}") for number, dispatcher in enumerate(ring)]
        way = [*before, *members, members[0]]
        with pytest.raises(DeadlockError) as caught:
            way[0].ask(way[1:], timeout=SAFETY)
        *cycle, again = caught.value.cycle
        assert again == cycle[0]
        paths = [member.path for member in members]
        begin = paths.index(again)
        assert cycle == paths[begin:] + paths[:begin]
        assert [ref.ask("alive", timeout=SAFETY) for ref in way] == ["alive"] * len(way)


@given(st.data())
@settings(max_examples=scaled(500, 25))
def test_in_any_graph_of_waits_each_cycle_is_broken_and_nobody_else_fails(data: st.DataObject) -> None:
    """Every actor waits for at most one other, all at once: whoever is on no cycle gets its answer."""
    size = data.draw(st.integers(1, 7), "size")
    after = [data.draw(st.none() | st.integers(0, size - 1), "after") for _ in range(size)]
    dispatchers = [data.draw(st.sampled_from([POOL, THREAD, LOOP]), "dispatcher") for _ in range(size)]
    cycles = {cycle for start in range(size) if (cycle := cycle_through(after, start))}
    with ActorSystem() as system:
        refs = [starter(system, dispatcher, f"a{number}") for number, dispatcher in enumerate(dispatchers)]
        ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        start: Future[None] = Future()
        answers = [ref.ask((ready, start, None if to is None else refs[to]), block=False) for ref, to in zip(refs, after, strict=True)]
        for _ in refs:
            ready.get(timeout=SAFETY)
        start.set()
        errors = [answer.exception(timeout=SAFETY) for answer in answers]
    for error in errors:
        assert error is None or isinstance(error, DeadlockError)
    named = [frozenset(int(path[2:]) for path in error.cycle) for error in errors if isinstance(error, DeadlockError)]
    assert set(named) == cycles
    for number, error in enumerate(errors):
        if isinstance(error, DeadlockError):
            assert error.cycle[0] == error.cycle[-1]
            steps = [int(path[2:]) for path in error.cycle]
            assert all(after[one] == other for one, other in itertools.pairwise(steps))
            assert number in steps


def cycle_through(after: list[int | None], start: int) -> frozenset[int]:
    """Returns the cycle that `start` is on, if it is on one."""
    trail: list[int] = []
    at: int | None = start
    while at is not None and at not in trail:
        trail.append(at)
        at = after[at]
    return frozenset(trail) if at == start else frozenset()


@pytest.mark.parametrize("second", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)
@pytest.mark.parametrize("first", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)
def test_of_two_that_close_a_cycle_at_the_same_moment_at_least_one_gets_the_error_and_none_hangs(
    first: DispatcherKind, second: DispatcherKind
) -> None:
    with ActorSystem() as system:
        one, other = starter(system, first), starter(system, second)
        for _ in range(scaled(2_000, 60)):
            ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
            start: Future[None] = Future()
            answers = [one.ask((ready, start, other), block=False), other.ask((ready, start, one), block=False)]
            for _ in answers:
                ready.get(timeout=SAFETY)
            start.set()
            errors = [answer.exception(timeout=SAFETY) for answer in answers]
            assert any(isinstance(error, DeadlockError) for error in errors)
            assert {type(error) for error in errors} <= {DeadlockError, type(None)}


# -- other ways to wait ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dispatcher", [POOL, THREAD])
@pytest.mark.parametrize(
    "wait",
    [
        lambda ref: ref.ask("x", block=False).get(),
        lambda ref: ref.ask("x", block=False).exception(),
        lambda ref: ref.ask("x", block=False).map(str).get(),
        lambda ref: ref.ask("x", block=False).join(ref.ask("y", block=False)).get(),
        lambda ref: get_all([ref.ask("x", block=False)]),
        lambda ref: wait_any([ref.ask("x", block=False), ref.ask("y", block=False)]),
        lambda ref: ref.proxy().on_receive("x").get(),
        lambda ref: ref.call(Calling.on_receive, "x").get(),
        lambda ref: ref.stop(),
    ],
    ids=["get", "exception", "map", "join", "get_all", "wait_any", "proxy", "call", "stop"],
)
def test_every_way_to_wait_for_oneself_gets_the_error(wait: Any, dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Calling, dispatcher=dispatcher)
        with pytest.raises(DeadlockError):
            ref.ask(lambda me: wait(me.actor_ref), timeout=SAFETY)


def test_a_child_that_asks_its_spawning_parent_fails_the_spawn() -> None:
    class Child(Actor):
        def __init__(self, parent: ActorRef[Any]) -> None:
            super().__init__()
            self.asked = parent

        def on_start(self) -> None:
            self.asked.ask("x")

    with ActorSystem() as system:
        ref = system.spawn(Calling)
        with pytest.raises(ActorStartError) as caught:
            ref.ask(lambda me: me.spawn(Child, me.actor_ref), timeout=SAFETY)
        assert isinstance(caught.value.cause, DeadlockError)
        assert ref.ask("alive", timeout=SAFETY) == "alive"


def test_a_parent_that_waits_for_the_end_of_a_child_that_asks_it_gets_one_error() -> None:
    class Child(Actor):
        def __init__(self, parent: ActorRef[Any]) -> None:
            super().__init__()
            self.asked = parent

        def on_stop(self) -> None:
            self.asked.ask("x")

    with ActorSystem() as system:
        ref = system.spawn(Calling)
        stopped = ref.ask(lambda me: me.spawn(Child, me.actor_ref).stop(), block=False)
        assert stopped.get(timeout=SAFETY) is True  # on_stop's error is logged, as any error of a hook
        assert ref.ask("alive", timeout=SAFETY) == "alive"


class Full(Actor, mailbox=Bounded(1)):
    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@pytest.mark.parametrize("dispatcher", [POOL, THREAD])
def test_a_send_to_ones_own_full_mailbox_raises_at_once(dispatcher: DispatcherKind) -> None:
    def fill(me: Full) -> None:
        me.actor_ref.tell("first")
        me.actor_ref.tell("second")

    with ActorSystem() as system:
        ref = system.spawn(Full, dispatcher=dispatcher)
        with pytest.raises((DeadlockError, MailboxFullError)):
            ref.ask(fill, timeout=SAFETY)
        assert ref.ask("alive", timeout=SAFETY) == "alive"


@pytest.mark.parametrize("dispatcher", [POOL, THREAD, LOOP])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("how", ["stop", "restart"])
def test_a_handler_cannot_wait_for_the_end_or_restart_of_an_actor_above_it(how: str, depth: int, dispatcher: DispatcherKind) -> None:
    def child(parent: Any) -> Any:
        return parent.spawn(Family, name="child", dispatcher=dispatcher)

    class Family(Actor):
        def on_receive(self, message: Any) -> Any:
            return message(self)

    class AsyncFamily(Actor):
        async def on_receive(self, message: Any) -> Any:
            return await message(self)

    with ActorSystem() as system:
        top = below = system.spawn(Family, name="top")
        for _ in range(depth - 1):
            below = below.ask(lambda actor: actor.spawn(Family, name="child"), timeout=SAFETY)
        if dispatcher is LOOP:
            below = below.ask(lambda actor: actor.spawn(AsyncFamily, name="child"), timeout=SAFETY)
        else:
            below = below.ask(child, timeout=SAFETY)

        def wait(_: Any) -> Any:
            return getattr(top, how)(block=dispatcher is not LOOP)

        with pytest.raises(DeadlockError) as caught:
            below.ask(wait, timeout=SAFETY)
        assert caught.value.cycle == (below.path, "/top", below.path)
        assert top.stop(timeout=SAFETY) in {True, False}


def test_a_handler_may_wait_for_the_end_of_an_actor_above_it_that_has_a_deadline() -> None:
    class Family(Actor):
        def on_receive(self, message: Any) -> Any:
            return message(self)

    with ActorSystem() as system:
        top = system.spawn(Family)
        below = top.ask(lambda actor: actor.spawn(Family), timeout=SAFETY)
        answer = below.ask(lambda _: top.stop(deadline=0.01), block=False)
        assert isinstance(answer.exception(timeout=SAFETY), ActorDeadError)
        assert top.stop(timeout=SAFETY) in {True, False}


@pytest.mark.parametrize("dispatcher", [POOL, THREAD])
def test_a_blocked_send_is_an_edge(dispatcher: DispatcherKind) -> None:
    """One waits for room with the other, which asks the first: neither could ever move."""
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()
    go: Future[None] = Future()

    with ActorSystem() as system:
        full, sender = system.spawn(Full, name="full", dispatcher=dispatcher), system.spawn(Calling, name="sender", dispatcher=dispatcher)

        def ask_back(_: Any) -> Any:
            ready.put("full")
            go.get()
            return sender.ask("x")

        def overfill(_: Any) -> Any:
            ready.put("sender")
            go.get()
            full.tell("takes the only room")
            full.tell("waits for room")
            return "sent"

        answers = [full.ask(ask_back, block=False), sender.ask(overfill, block=False)]
        for _ in answers:
            ready.get(timeout=SAFETY)
        go.set()
        errors = [answer.exception(timeout=SAFETY) for answer in answers]
        [error] = [one for one in errors if one is not None]
        assert isinstance(error, DeadlockError)
        assert set(error.cycle) == {"/full", "/sender"}
        assert [ref.ask("alive", timeout=SAFETY) for ref in (full, sender)] == ["alive"] * 2


def test_an_awaited_send_is_an_edge() -> None:
    class Sending(Actor):
        async def on_receive(self, message: Any) -> Any:
            await message.tell_async("takes the only room")
            await message.tell_async("waits for room")

    with ActorSystem() as system:
        full, sender = system.spawn(Full, name="full"), system.spawn(Sending, name="sender")
        with pytest.raises(DeadlockError) as caught:
            full.ask(lambda _: sender.ask(full), timeout=SAFETY)
        assert set(caught.value.cycle) == {"/full", "/sender"}


def test_waiting_for_any_needs_every_branch_stuck() -> None:
    with ActorSystem() as system:
        stuck, other = system.spawn(Calling, name="stuck"), system.spawn(Calling, name="other")

        def all_stuck(me: Any) -> Any:
            both = [other.ask(lambda _: me.actor_ref.ask("x"), block=False), me.actor_ref.ask("y", block=False)]
            return wait_any(both)

        answer = stuck.ask(all_stuck, block=False)
        error = answer.exception(timeout=SAFETY)
        if error is None:  # the other one came last and got the error, which is how its branch ended
            error = answer.get().exception()
        assert isinstance(error, DeadlockError)
        assert set(error.cycle) <= {"/stuck", "/other"}


def test_waiting_for_any_with_one_live_branch_is_no_deadlock() -> None:
    with ActorSystem() as system:
        live: Future[str] = Future()
        free, waiting = system.spawn(Calling), system.spawn(Calling)

        def wait(me: Any) -> Any:
            stuck = me.actor_ref.ask("x", block=False)
            answered = free.ask(lambda _: live.get(), block=False)
            return wait_any([stuck, answered]) is answered

        answer = waiting.ask(wait, block=False)
        with pytest.raises(Timeout):
            answer.get(timeout=0.01)
        live.set("live")
        assert answer.get(timeout=SAFETY) is True


# -- what is no deadlock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finite", ["first", "second"])
def test_a_cycle_with_a_finite_wait_in_it_is_none(finite: str) -> None:
    with ActorSystem() as system:
        one, other = system.spawn(Calling), system.spawn(Calling)
        short = 0.05

        def ask_back(_: Any) -> Any:
            try:
                return one.ask("x", timeout=short if finite == "second" else None)
            except Timeout:
                return "timeout in the second"

        def ask(_: Any) -> Any:
            try:
                return other.ask(ask_back, timeout=short if finite == "first" else None)
            except Timeout:
                return "timeout in the first"

        assert one.ask(ask, timeout=SAFETY) == f"timeout in the {finite}"
        assert [ref.ask("alive", timeout=SAFETY) for ref in (one, other)] == ["alive"] * 2


def test_an_awaited_finite_wait_is_none() -> None:
    class Impatient(Actor):
        async def on_receive(self, message: Any) -> Any:
            if message == "x":
                return message
            with pytest.raises(Timeout):
                await message.ask_async("x", timeout=0.05)
            return "timeout"

    with ActorSystem() as system:
        ref = system.spawn(Impatient)
        assert ref.ask(ref, timeout=SAFETY) == "timeout"


class Reentrant(Actor, reentrant=True):
    async def on_receive(self, message: Any) -> Any:
        if isinstance(message, list):
            return await message[0].ask_async(message[1:]) if message else "end"
        return message


@pytest.mark.parametrize("dispatcher", [POOL, THREAD, LOOP], ids=lambda kind: kind.value)
def test_a_reentrant_actor_answers_while_it_waits(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        reentrant, other = system.spawn(Reentrant), node(system, dispatcher)
        assert reentrant.ask([reentrant], timeout=SAFETY) == "end"
        assert reentrant.ask([other, reentrant], timeout=SAFETY) == "end"
        assert other.ask([reentrant], timeout=SAFETY) == "end"


def test_an_open_reply_handle_is_no_edge() -> None:
    """Whoever holds the handle may answer while the actor itself waits."""
    handles: queue.SimpleQueue[ReplyHandle] = queue.SimpleQueue()
    with ActorSystem() as system:
        one, other = system.spawn(Calling), system.spawn(Calling)

        def take_handle_and_ask_back(me: Any) -> Any:
            handles.put(me.reply_later())
            assert one.ask("x") == "x"

        answer = one.ask(lambda _: other.ask(take_handle_and_ask_back), block=False)
        handle = handles.get(timeout=SAFETY)
        assert not answer.done()
        assert handle.reply("by the handle")
        assert answer.get(timeout=SAFETY) == "by the handle"
        assert other.ask("alive", timeout=SAFETY) == "alive"


def test_waiting_for_a_future_that_anybody_may_set_is_none() -> None:
    with ActorSystem() as system:
        anybodys: Future[str] = Future()
        one, other = system.spawn(Calling), system.spawn(Calling)
        answer = one.ask(lambda _: anybodys.get(), block=False)
        behind = other.ask(lambda _: one.ask("x"), block=False)
        with pytest.raises(Timeout):
            behind.get(timeout=0.01)
        anybodys.set("set")
        assert answer.get(timeout=SAFETY) == "set"
        assert behind.get(timeout=SAFETY) == "x"


def test_asking_without_waiting_is_none() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Calling)
        future = ref.ask(lambda me: me.actor_ref.ask("x", block=False), timeout=SAFETY)
        assert future.get(timeout=SAFETY) == "x"


def test_threads_outside_of_actors_are_no_part_of_a_cycle() -> None:
    """The test asks, is asked back through a plain future, and answers: no actor waits for an actor."""
    with ActorSystem() as system:
        question: Future[str] = Future()
        answer = system.spawn(Calling).ask(lambda _: question.get(), block=False)
        question.set("answer")
        assert answer.get(timeout=SAFETY) == "answer"


def test_a_wait_that_ended_is_no_edge_any_more() -> None:
    with ActorSystem() as system:
        one, other = system.spawn(Calling), system.spawn(Calling)
        for _ in range(100):
            assert one.ask(lambda _: other.ask("x"), timeout=SAFETY) == "x"
            assert other.ask(lambda _: one.ask("x"), timeout=SAFETY) == "x"


def test_the_error_survives_pickling_with_its_cycle() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(DeadlockError(("/a", "/b", "/a"))))
    assert error.cycle == ("/a", "/b", "/a")
    assert str(error) == str(DeadlockError(("/a", "/b", "/a")))


# -- ends and restarts, which wait for children ----------------------------------------------------------------------------


class Asker(Actor):
    """Tells that it is at work, waits for the start, then asks another one and notes what came of it."""

    def __init__(self, outcome: Future[Any]) -> None:
        super().__init__()
        self.outcome = outcome

    def on_receive(self, message: Any) -> None:
        ready, start, other = message
        ready.set()
        start.get()
        try:
            self.outcome.set(other.ask("x"))
        except DeadlockError as error:
            self.outcome.set(error)


class AsyncAsker(Asker):
    async def on_receive(self, message: Any) -> None:
        ready, start, other = message
        ready.set()
        await start
        try:
            self.outcome.set(await other.ask_async("x"))
        except DeadlockError as error:
            self.outcome.set(error)


class Below:
    """An asker below a calling actor, at work on a question that it puts to `other` once `start` is set."""

    def __init__(self, above: ActorRef[Any], dispatcher: DispatcherKind, other: ActorRef[Any]) -> None:
        kind = AsyncAsker if dispatcher is LOOP else Asker
        self.outcome: Future[Any] = Future()
        self.start: Future[None] = Future()
        ready: Future[None] = Future()
        self.ref = above.ask(lambda me: me.spawn(kind, self.outcome, name="below", dispatcher=dispatcher), timeout=SAFETY)
        self.ref.tell((ready, self.start, other))
        ready.get(timeout=SAFETY)

    def asks(self) -> None:
        """Let it ask, and wait until it waits."""
        self.start.set(None)
        eventually(lambda: self.ref._target.wait is not None and self.ref._target.wait.futures[0] is not self.start)


def waits(ref: ActorRef[Any], state: Lifecycle) -> None:
    """Return when `ref` waits for its children in `state`."""
    eventually(lambda: ref.state is state and ref._target.suspended)


@everywhere
@pytest.mark.parametrize("asks_first", [True, False])
def test_a_child_that_waits_for_its_restarting_parent_gets_the_error_and_the_restart_goes_on(
    asks_first: bool,  # a parameter of the test
    dispatcher: DispatcherKind,
) -> None:
    with ActorSystem() as system:
        parent = system.spawn(Calling, name="parent")
        child = Below(parent, dispatcher, parent)
        if asks_first:
            with held(parent):
                child.asks()
                restarted = parent.restart(block=False)
        else:
            restarted = parent.restart(block=False)
            waits(parent, Lifecycle.RESTARTING)
            child.start.set(None)
        error = child.outcome.get(timeout=SAFETY)
        assert isinstance(error, DeadlockError)
        assert set(error.cycle) == {"/parent", "/parent/below"}
        assert restarted.get(timeout=SAFETY) is True
        assert parent.ask("alive", timeout=SAFETY) == "alive"


@everywhere
@pytest.mark.parametrize("asks_first", [True, False])
def test_a_handler_that_waits_for_the_stop_of_an_actor_whose_child_waits_for_it_hangs_nobody(
    asks_first: bool,  # a parameter of the test
    dispatcher: DispatcherKind,
) -> None:
    with ActorSystem() as system:
        manager, parent = system.spawn(Calling, name="manager"), system.spawn(Calling, name="parent")
        child = Below(parent, dispatcher, manager)
        if asks_first:
            gate = Gate()
            stopped = manager.ask(lambda _: (gate.hold(), parent.stop()), block=False)
            gate.reached()
            child.asks()
            gate.open()
        else:
            stopped = manager.ask(lambda _: parent.stop(), block=False)
            waits(parent, Lifecycle.STOPPING)
            child.start.set(None)
        error = child.outcome.get(timeout=SAFETY)
        assert isinstance(error, DeadlockError)
        assert set(error.cycle) == {"/manager", "/parent", "/parent/below"}
        assert stopped.get(timeout=SAFETY) in (True, ("opened", True))


@everywhere
def test_only_the_child_that_the_end_waits_for_now_is_an_edge(dispatcher: DispatcherKind) -> None:
    """The one started last is stopped first; the other, which waits for the parent's restart, is found when its turn to stop has come."""
    with ActorSystem() as system:
        parent = system.spawn(Calling, name="parent")
        child = Below(parent, dispatcher, parent)
        last = parent.ask(lambda me: me.spawn(Calling, name="last"), timeout=SAFETY)
        with held(last):
            restarted = parent.restart(block=False)
            waits(parent, Lifecycle.RESTARTING)
            child.asks()
            assert not child.outcome.done()
        assert isinstance(child.outcome.get(timeout=SAFETY), DeadlockError)
        assert restarted.get(timeout=SAFETY) is True


@pytest.mark.parametrize("dispatcher", [POOL, THREAD])
@pytest.mark.parametrize("how", [lambda ref: ref.kill(), lambda ref: ref.stop(deadline=0.01)], ids=["kill", "stop with a deadline"])
def test_a_handler_may_wait_for_the_kill_of_an_actor_that_waits_for_it(how: Any, dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        victim = system.spawn(Calling, name="victim", dispatcher=dispatcher)
        killer = system.spawn(Calling, name="killer", dispatcher=dispatcher)
        ended: Future[Any] = Future()
        asked = victim.ask(lambda _: killer.ask(lambda _: ended.set(how(victim))), block=False)
        assert ended.get(timeout=SAFETY) is True
        assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)
        assert killer.ask("alive", timeout=SAFETY) == "alive"


@everywhere
def test_a_cycle_through_several_systems_names_them(dispatcher: DispatcherKind) -> None:
    node: Any = AsyncNode if dispatcher is LOOP else Node
    with ActorSystem("left") as left, ActorSystem("right") as right:
        one = left.spawn(node, name="node", dispatcher=dispatcher)
        two = right.spawn(node, name="node", dispatcher=dispatcher)
        with pytest.raises(DeadlockError) as caught:
            one.ask([two, one, "end"], timeout=SAFETY)
        assert caught.value.cycle[0] == caught.value.cycle[-1]
        assert set(caught.value.cycle) == {"left:/node", "right:/node"}


# -- what is published -----------------------------------------------------------------------------------------------------


@everywhere
def test_a_refused_wait_is_published_with_its_cycle_before_it_raises(dispatcher: DispatcherKind) -> None:
    found: list[DeadlockFound] = []
    with ActorSystem() as system:
        system.events.subscribe(DeadlockFound, found.append)
        one, other = node(system, dispatcher, "one"), node(system, dispatcher, "other")
        with pytest.raises(DeadlockError) as caught:
            one.ask([other, one], timeout=SAFETY)
        (event,) = found
        assert event.cycle == event.error.cycle == caught.value.cycle
        assert event.ref.path in event.cycle
        assert event.ref in {one, other}


@everywhere
def test_a_wait_that_an_end_fails_is_published(dispatcher: DispatcherKind) -> None:
    found: queue.Queue[DeadlockFound] = queue.Queue()
    with ActorSystem() as system:
        system.events.subscribe(DeadlockFound, found.put)
        parent = system.spawn(Calling, name="parent")
        child = Below(parent, dispatcher, parent)
        with held(parent):
            child.asks()
            restarted = parent.restart(block=False)
        error = child.outcome.get(timeout=SAFETY)
        event = found.get(timeout=SAFETY)
        assert (event.ref, event.cycle, event.error) == (child.ref, error.cycle, error)
        assert restarted.get(timeout=SAFETY) is True
        assert found.empty()


def test_the_wait_of_a_reentrant_actor_for_its_own_end_is_published() -> None:
    class Ending(Actor, reentrant=True):
        async def on_receive(self, message: Any) -> Any:
            return await self.actor_ref.stop(block=False)

    found: list[DeadlockFound] = []
    with ActorSystem() as system:
        system.events.subscribe(DeadlockFound, found.append)
        ref = system.spawn(Ending, name="ending")
        with pytest.raises(DeadlockError):
            ref.ask("stop", timeout=SAFETY)
        assert [(event.ref, event.cycle) for event in found] == [(ref, ("/ending", "/ending"))]


@pytest.mark.parametrize("dispatcher", [POOL, THREAD], ids=lambda kind: kind.value)
def test_who_hears_of_a_deadlock_may_ask_and_be_asked(dispatcher: DispatcherKind) -> None:
    answers: list[Any] = []
    with ActorSystem() as system:
        helper, alone = node(system, dispatcher), node(system, dispatcher)
        system.events.subscribe(DeadlockFound, lambda _: answers.append(helper.ask("alive")))
        with pytest.raises(DeadlockError):
            alone.ask([alone], timeout=SAFETY)
        assert answers == ["alive"]
