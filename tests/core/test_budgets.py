"""Budgets of causal trees: `SystemConfig(budget=Budget(...))`, `ActorSystem.budgeted`."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorRef,
    ActorSystem,
    Bounded,
    Budget,
    BudgetExceededError,
    DeadLetter,
    DeadLetterReason,
    DispatcherKind,
    Future,
    MailboxFullError,
    Overflow,
    SystemConfig,
    TimerMode,
)
from actors.events import BudgetExceeded
from actors.routers import Batch, Pool, Router
from actors.testing import Faults, RandomWalk, Simulation
from supervisors import DynamicSupervisor, StartChild, child
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0
everywhere = pytest.mark.parametrize("dispatcher", list(DispatcherKind), ids=lambda kind: kind.value)


class Echo(Actor):
    """Sends each message on to its partner, one more each time, for ever."""

    def __init__(self, seen: list[int]) -> None:
        super().__init__()
        self.seen = seen
        self.partner: ActorRef[Any] | None = None

    def on_receive(self, message: Any) -> None:
        if isinstance(message, ActorRef):
            self.partner = message
            return
        self.seen.append(message)
        assert self.partner is not None
        self.partner.tell(message + 1)


class AsyncEcho(Echo):
    async def on_receive(self, message: Any) -> None:
        super().on_receive(message)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SAFETY
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def told(system: ActorSystem) -> tuple[Future[BudgetExceeded], list[DeadLetter]]:
    """Return the future of the first event, and the dead letters of the budget."""
    future: Future[BudgetExceeded] = Future()
    letters: list[DeadLetter] = []

    def note(letter: DeadLetter) -> None:
        if letter.reason is DeadLetterReason.OVER_BUDGET:
            letters.append(letter)

    system.events.subscribe(DeadLetter, note)
    system.events.subscribe(BudgetExceeded, future.set)  # raises if there are two
    return future, letters


def pair(system: ActorSystem, dispatcher: DispatcherKind | None = None) -> tuple[ActorRef[Any], list[int]]:
    seen: list[int] = []
    kind = AsyncEcho if dispatcher is DispatcherKind.EVENT_LOOP else Echo
    one = system.spawn(kind, seen, name="one", dispatcher=dispatcher)
    two = system.spawn(kind, seen, name="two", dispatcher=dispatcher)
    one.tell(two)
    two.tell(one)
    return one, seen


@everywhere
def test_a_loop_of_messages_ends_at_its_hops_with_the_chain_that_led_there(dispatcher: DispatcherKind) -> None:
    budget = Budget(hops=5)
    with ActorSystem(config=SystemConfig(budget=budget)) as system:
        exceeded, letters = told(system)
        one, seen = pair(system, dispatcher)
        one.tell(0)
        event = exceeded.get(timeout=SAFETY)
        assert seen == [0, 1, 2, 3, 4, 5]  # the first one, and five hops
        assert event.budget == budget
        assert (event.message, event.ref) == (6, one)
        assert [link.path for link in event.chain] == ["/one", "/two"] * 3 + ["/one"]
        assert {link.kind for link in event.chain} == {"int"}
        assert [(letter.message, letter.recipient) for letter in letters] == [(6, one)]
        assert one.stats().dead_lettered == 1


def test_a_chain_has_its_first_link_and_the_latest() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=1000))) as system:
        exceeded, _ = told(system)
        one, seen = pair(system)
        one.tell(0)
        event = exceeded.get(timeout=SAFETY)
        assert len(seen) == 1001
        assert len(event.chain) == 32
        assert event.chain[0].path == "/one"


class Doubling(Actor):
    """Tells itself each number twice."""

    def __init__(self, handled: list[int]) -> None:
        super().__init__()
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        if message is not None:
            self.handled.append(message)
            self.actor_ref.tell(message)
            self.actor_ref.tell(message)


def test_all_messages_of_a_tree_share_one_budget_and_each_tree_has_its_own() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(messages=50))) as system:
        events: list[BudgetExceeded] = []
        letters: list[DeadLetter] = []
        system.events.subscribe(BudgetExceeded, events.append)
        system.events.subscribe(DeadLetter, letters.append)
        handled: list[int] = []
        ref = system.spawn(Doubling, handled)
        ref.tell(1)
        ref.tell(2)
        while len(events) < 2:  # each tree tells once
            ref.ask(None, timeout=SAFETY)
        ref.ask(None, timeout=SAFETY)  # behind all that was within the budgets
        assert sorted(handled) == [1] * 50 + [2] * 50
        assert len(letters) == 2 * 51  # fifty messages of each tree told a hundred, of which 49 came in
        assert len(events) == 2
        stats = ref.stats()
        assert stats.dead_lettered == 2 * 51
        assert stats.accepted == stats.handled + stats.dead_lettered


class Asks(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.other: ActorRef[Any] | None = None

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ActorRef):
            self.other = message
            return None
        assert self.other is not None
        return self.other.ask(message, timeout=SAFETY)


class Answers(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


def test_an_ask_over_budget_fails_and_says_how_it_came_to_it() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=1))) as system:
        _, letters = told(system)
        first, second, third = (system.spawn(Asks, name=f"asks-{number}") for number in range(3))
        first.tell(second)
        second.tell(third)
        third.tell(system.spawn(Answers))
        with pytest.raises(BudgetExceededError, match="str to /asks-0 -> str to /asks-1 -> str to /asks-2") as caught:
            first.ask("hello")
        assert caught.value.message == "hello"
        assert caught.value.budget == Budget(hops=1)
        assert [letter.recipient for letter in letters] == [third]
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (copy.budget, copy.chain, copy.message) == (caught.value.budget, caught.value.chain, "hello")


def test_an_awaited_ask_on_the_loop_of_the_asked_is_counted_too() -> None:
    class AsksAsync(Asks):
        async def on_receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                self.other = message
                return None
            assert self.other is not None
            return await self.other.ask_async(message)

    class AnswersAsync(Actor):
        async def on_receive(self, message: Any) -> Any:
            return message

    with ActorSystem(config=SystemConfig(budget=Budget(messages=2))) as system:
        first = system.spawn(AsksAsync)
        second = system.spawn(AsksAsync)
        first.ask(second)
        second.ask(system.spawn(AnswersAsync))
        assert second.ask(1) == 1
        with pytest.raises(BudgetExceededError):
            first.ask(1)


class Pipes(Actor):
    """Has the answer to each message piped to itself: another message."""

    def __init__(self, answers: ActorRef[Any], handled: list[Any]) -> None:
        super().__init__()
        self.answers = answers
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        self.handled.append(message)
        self.pipe_to_self(self.answers.ask(message + 1, block=False))


def test_what_is_piped_to_oneself_is_a_hop() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=3))) as system:
        exceeded, _ = told(system)
        handled: list[Any] = []
        ref = system.spawn(Pipes, system.spawn(Answers, name="answers"), handled)
        ref.tell(0)
        chain = exceeded.get(timeout=SAFETY).chain
        assert [link.path for link in chain] == [ref.path] * 4 + ["/answers"]
        assert handled == [0, 1, 2, 3]


class Retries(Actor):
    """Tries again a while later, for ever; or at an interval."""

    def __init__(self, handled: list[Any]) -> None:
        super().__init__()
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        self.handled.append(message)
        if message == "again":
            self.start_timer("again", 0.001, "again")
        elif message == "regularly":
            self.start_periodic_timer("tick", 0.001, "tick", mode=TimerMode.FIXED_DELAY)


def test_a_one_shot_timer_is_a_hop_and_the_ticks_of_an_interval_begin_anew() -> None:
    with Simulation() as simulation:
        system = simulation.new_system(budget=Budget(hops=3))
        exceeded, _ = told(system)
        handled: list[Any] = []
        ref = system.spawn(Retries, handled)
        ref.tell("again")
        simulation.advance(1.0)
        assert exceeded.done()
        assert handled == ["again"] * 4
        ref.tell("regularly")
        simulation.advance(0.1)
        assert handled.count("tick") > 50
        assert ref.stats().dead_lettered == 1


class Stashing(Actor):
    """Puts each number aside, takes it out again, and sends it on to itself."""

    def __init__(self, handled: list[Any]) -> None:
        super().__init__()
        self.handled = handled
        self.aside = False

    def on_receive(self, message: Any) -> None:
        self.aside = not self.aside
        if self.aside:
            self.stash()
            self.unstash()
            return
        self.handled.append(message)
        self.actor_ref.tell(message + 1)


def test_a_message_keeps_its_budget_in_the_stash() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=3))) as system:
        exceeded, _ = told(system)
        handled: list[Any] = []
        system.spawn(Stashing, handled).tell(0)
        exceeded.get(timeout=SAFETY)
        assert handled == [0, 1, 2, 3]


class Begets(Actor):
    """Starts a child that tells its parent, when it starts, to start a child, and so on."""

    def __init__(self, root: ActorRef[Any] | None, started: list[int]) -> None:
        super().__init__()
        self.root = root
        self.started = started

    def on_start(self) -> None:
        if self.root is not None:
            self.root.tell("one more")

    def on_receive(self, message: Any) -> None:
        del message
        self.started.append(1)
        self.spawn(Begets, self.actor_ref, self.started)


def test_what_an_actor_sends_as_it_starts_was_brought_about_by_the_message_that_started_it() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(messages=10))) as system:
        exceeded, _ = told(system)
        started: list[int] = []
        system.spawn(Begets, None, started).tell("one")
        exceeded.get(timeout=SAFETY)
        assert len(started) == 10


class Worker(Actor):
    """Hands each number in again, one more."""

    def __init__(self, place: list[Any], handled: list[Any]) -> None:
        super().__init__()
        self.place = place
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        self.handled.append(message)
        self.place[0].tell(message + 1)


@pytest.mark.parametrize("kind", ["pool", "the pool's actor", "batches", "router", "the router's actor"])
def test_pools_and_routers_hand_it_on(kind: str) -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=4))) as system:
        exceeded, _ = told(system)
        handled: list[Any] = []
        place: list[Any] = []

        def again(batch: list[int]) -> list[None]:
            handled.extend(batch)
            place[0].tell(batch[0] + 1)
            return [None for _ in batch]

        if "router" in kind:
            ref = Router(system, [system.spawn(Worker, place, handled) for _ in range(2)]).ref
        else:
            pool = (
                Pool(system, again, size=2, batch=Batch(5)) if kind == "batches" else Pool(system, partial(Worker, place, handled), size=2)
            )
            ref = pool.ref
        if "actor" in kind:
            plain = system.lookup(ref.path)
            assert plain is not None
            ref = plain
        place.append(ref)
        ref.tell(0)
        assert exceeded.get(timeout=SAFETY).budget == Budget(hops=4)
        # Through the actor itself, a message takes one hop more: it is sent on.
        assert handled == ([0, 1] if kind == "the router's actor" else [0, 1, 2, 3, 4])


class Fails(Actor):
    """Sends a number on before it crashes with it."""

    def __init__(self, handled: list[Any]) -> None:
        super().__init__()
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        self.handled.append(message)
        if len(self.handled) % 2:
            raise ValueError(message)
        self.actor_ref.tell(message + 1)


def test_a_message_that_comes_again_after_a_crash_keeps_its_budget() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=2))) as system:
        exceeded, _ = told(system)
        handled: list[Any] = []

        class Patient(DynamicSupervisor, intensity=10):
            pass

        supervisor = system.spawn(Patient)
        ref = supervisor.ask(StartChild(child(Fails, handled, name="fails", redeliver=1)))
        ref.tell(0)
        exceeded.get(timeout=SAFETY)
        assert handled == [0, 0, 1, 1, 2, 2]


class Crowds(Actor):
    """Sends numbers to a partner that has little room, awaiting it."""

    def __init__(self, partner: ActorRef[Any] | None, handled: list[Any]) -> None:
        super().__init__()
        self.partner = partner
        self.handled = handled

    async def on_receive(self, message: Any) -> None:
        self.handled.append(message)
        if self.partner is not None:
            for number in range(3):
                await self.partner.tell_async(number)


def test_a_bounded_mailbox_counts_what_is_awaited() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(messages=3))) as system:
        exceeded, letters = told(system)
        handled: list[Any] = []
        last = system.spawn(Crowds, None, handled, mailbox=Bounded(1))
        system.spawn(Crowds, last, []).tell("begin")
        exceeded.get(timeout=SAFETY)
        last.ask("end")
        assert handled == [0, 1, "end"]
        assert [letter.message for letter in letters] == [2]


def test_a_block_has_one_budget_for_all_that_begins_in_it_in_a_system_without() -> None:
    with ActorSystem() as system:
        exceeded, _ = told(system)
        one, seen = pair(system)
        with system.budgeted(Budget(messages=8)):
            one.tell(0)
            one.tell(100)
        exceeded.get(timeout=SAFETY)
        assert len(seen) == 8


class Careful(Actor):
    """Gives what it sends a budget of its own."""

    def __init__(self, begin: ActorRef[Any], budget: Budget) -> None:
        super().__init__()
        self.begin = begin
        self.budget = budget

    def on_receive(self, message: Any) -> None:
        with self.system.budgeted(self.budget):
            self.begin.tell(message)


@pytest.mark.parametrize(("outer", "inner", "handled"), [(100, 5, 5), (4, 100, 3)])
def test_a_budget_inside_of_another_one_spends_both(outer: int, inner: int, handled: int) -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(messages=outer))) as system:
        exceeded, _ = told(system)
        one, seen = pair(system)
        system.spawn(Careful, one, Budget(messages=inner)).tell(0)
        assert exceeded.get(timeout=SAFETY).budget == Budget(messages=min(outer, inner))
        assert len(seen) == handled


def test_the_block_is_of_the_handler_that_has_it_and_of_nobody_who_runs_meanwhile() -> None:
    class Quick(Actor):
        async def on_receive(self, message: Any) -> Any:
            return message

    class Other(Actor):
        def __init__(self, quick: ActorRef[Any]) -> None:
            super().__init__()
            self.quick = quick

        async def on_receive(self, message: Any) -> Any:
            if message == "within":
                with self.system.budgeted(Budget(messages=1)):
                    return await self.quick.ask_async(["sent in it"])
            return [await self.quick.ask_async(number) for number in range(3)]

    with ActorSystem() as system:
        other = system.spawn(Other, system.spawn(Quick))
        assert other.ask("within") == ["sent in it"]
        assert other.ask("without") == [0, 1, 2]


def tell_all(ref: ActorRef[Any], who: int) -> None:
    for number in range(200):
        ref.tell((who, number))


def test_senders_lose_nothing_when_budgets_begin_to_be_kept_under_their_hands() -> None:
    for _ in range(scaled(500, 5)):
        with ActorSystem() as system:
            handled: list[Any] = []

            class Collects(Actor):
                def on_receive(self, message: Any, handled: list[Any] = handled) -> None:
                    handled.append(message)

            ref = system.spawn(Collects)
            senders = [threading.Thread(target=tell_all, args=(ref, who)) for who in range(2)]
            for sender in senders:
                sender.start()
            with system.budgeted(Budget(messages=5)):
                pass
            for sender in senders:
                sender.join()
            ref.ask("end")
            assert [n for who, n in handled[:-1] if who == 0] == list(range(200))
            assert [n for who, n in handled[:-1] if who == 1] == list(range(200))


@pytest.mark.parametrize("values", [{"hops": 0}, {"messages": -1}, {"hops": True}, {"messages": 1.5}])
def test_a_budget_says_what_is_wrong_with_it(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not valid: a whole number, 1 or more, or None"):
        Budget(**values)


def test_what_is_no_budget_is_refused() -> None:
    with pytest.raises(TypeError, match="is not valid: a Budget, or None"):
        SystemConfig(budget=3)  # type: ignore[arg-type]
    with ActorSystem() as system, pytest.raises(TypeError, match="is not valid: a Budget"), system.budgeted(3):  # type: ignore[arg-type]
        pass


@given(st.integers(1, 30), st.integers(1, 6))
@settings(deadline=None, max_examples=scaled(200, 20))
def test_a_tree_handles_as_many_messages_as_its_budget_has_and_no_more(messages: int, children: int) -> None:
    class Spreads(Actor):
        def on_receive(self, message: Any) -> None:
            handled.append(message)
            for _ in range(children):
                self.actor_ref.tell(message + 1)

    handled: list[int] = []
    with Simulation() as simulation:
        system = simulation.new_system(budget=Budget(messages=messages))
        system.spawn(Spreads).tell(0)
        simulation.run()
        assert len(handled) == messages


class Successive(Actor):
    """Starts a successor, tells it to do likewise, and ends; the last one stays."""

    cells: ClassVar[list[Any]] = []

    def on_receive(self, message: int) -> None:
        self.cells.append(weakref.ref(self._greenroom_cell))
        if message:
            self.system.start(Successive).tell(message - 1)
            self.stop()


def test_generations_that_have_ended_are_not_kept_by_what_they_brought_about() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(messages=10_000))) as system:
        Successive.cells = []
        system.start(Successive).tell(300)
        wait_until(lambda: len(Successive.cells) == 301 and len(system.actors()) == 1)
        gc.collect()
        assert sum(one() is not None for one in Successive.cells) <= 40  # those that the latest way names


class Nests(Actor):
    """Opens a block at each hop."""

    def on_receive(self, message: int) -> None:
        with self.system.budgeted(Budget(messages=10_000)):
            self.actor_ref.tell(message + 1)


def test_blocks_within_blocks_may_be_as_many_as_there_are_messages() -> None:
    with ActorSystem(config=SystemConfig(budget=Budget(hops=2000))) as system:
        exceeded, _ = told(system)
        system.spawn(Nests).tell(0)
        assert exceeded.get(timeout=SAFETY).message == 2001


def test_what_an_inner_budget_refuses_does_not_spend_the_outer_one() -> None:
    class Tries(Actor):
        def __init__(self, other: ActorRef[Any]) -> None:
            super().__init__()
            self.other = other

        def on_receive(self, message: Any) -> None:
            with self.system.budgeted(Budget(messages=1)):
                for number in range(20):
                    self.other.tell(number)
            for number in range(100, 109):
                self.other.tell(number)

    with ActorSystem(config=SystemConfig(budget=Budget(messages=11))) as system:
        _, letters = told(system)
        handled: list[Any] = []
        other = system.spawn(Collects, handled)
        tries = system.spawn(Tries, other)
        tries.tell("go")
        tries.stop()
        other.ask("end")
        assert handled == [0, *range(100, 109), "end"]
        assert [letter.message for letter in letters] == list(range(1, 20))


class Collects(Actor):
    def __init__(self, handled: list[Any]) -> None:
        super().__init__()
        self.handled = handled

    def on_receive(self, message: Any) -> None:
        self.handled.append(message)


class PipesOn(Actor):
    """Pipes to itself for ever, beginning with what `begin` says: when it starts, at a tick, or in a block."""

    def __init__(self, handled: list[Any], begin: str) -> None:
        super().__init__()
        self.handled = handled
        self.begin = begin

    def on_start(self) -> None:
        if self.begin == "start":
            self.pipe_to_self(ready(0))
        elif self.begin == "tick":
            self.start_periodic_timer("tick", 1.0, "tick")

    def on_receive(self, message: Any) -> None:
        if message == "tick":
            self.cancel_timer("tick")
            self.pipe_to_self(ready(0))
        elif message == "block":
            with self.system.budgeted(Budget(messages=3)):
                for number in range(50):
                    self.pipe_to_self(ready(-number))
        else:
            self.handled.append(message)
            if message >= 0 and self.begin != "block":
                self.pipe_to_self(ready(message + 1))


def ready(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set(value)
    return future


@pytest.mark.parametrize("begin", ["start", "tick", "block"])
def test_a_pipe_begins_a_tree_and_counts_in_a_block(begin: str) -> None:
    with Simulation() as simulation:
        system = simulation.new_system(budget=Budget(messages=10))
        exceeded, _ = told(system)
        handled: list[Any] = []
        ref = system.spawn(PipesOn, handled, begin)
        if begin == "block":
            ref.tell("block")
        simulation.advance(5.0)
        assert exceeded.done()
        assert len(handled) == (3 if begin == "block" else 10)


class StartsInBlock(Actor):
    def __init__(self, other: ActorRef[Any]) -> None:
        super().__init__()
        self.other = other

    def on_receive(self, message: Any) -> None:
        with self.system.budgeted(Budget(messages=3)):
            self.spawn(Sends, self.other)


class Sends(Actor):
    def __init__(self, other: ActorRef[Any]) -> None:
        super().__init__()
        self.other = other

    def on_start(self) -> None:
        for number in range(10):
            self.other.tell(number)


@pytest.mark.parametrize("inside", ["a handler", "plain code"])
def test_an_actor_that_is_started_in_a_block_belongs_to_it(inside: str) -> None:
    with ActorSystem() as system:
        handled: list[Any] = []
        other = system.spawn(Collects, handled)
        if inside == "a handler":
            starts = system.spawn(StartsInBlock, other)
            starts.tell("go")
            starts.stop()
        else:
            with system.budgeted(Budget(messages=3)):
                system.spawn(Sends, other)
        other.ask("end")
        assert handled == [0, 1, 2, "end"]


def test_a_bundle_goes_on_with_the_first_lineage_that_there_is_in_it() -> None:
    gate = threading.Event()
    begun = threading.Event()
    place: list[Any] = []
    rounds: list[int] = []

    def again(batch: list[Any]) -> list[None]:
        if "hold" in batch:
            begun.set()
            assert gate.wait(SAFETY)
        elif "tree" in batch:
            rounds.append(len(batch))
            place[0].tell("tree")
        return [None for _ in batch]

    with ActorSystem() as system:
        exceeded, _ = told(system)
        with Pool(system, again, size=1, batch=Batch(5, within=0.001)) as pool:
            place.append(pool.ref)
            pool.ref.tell("hold")
            assert begun.wait(SAFETY)
            pool.ref.tell("free")  # has no budget, and is the first of the batch
            with system.budgeted(Budget(messages=4)):
                pool.ref.tell("tree")
            gate.set()
            exceeded.get(timeout=SAFETY)
            assert rounds[0] == 2
            assert len(rounds) == 4


@pytest.mark.parametrize("how", ["refused", "refused by a pool", "given up", "replaced"])
def test_what_is_not_sent_after_all_costs_nothing(how: str) -> None:
    class Many(Actor):
        def __init__(self, full: ActorRef[Any], other: ActorRef[Any]) -> None:
            super().__init__()
            self.full = full
            self.other = other

        async def on_receive(self, message: Any) -> None:
            if message != "go":
                return
            for number in range(40):
                if how == "replaced":
                    self.start_timer("later", 1000.0, "later")
                elif how == "given up":
                    with pytest.raises(MailboxFullError):
                        await self.full.tell_async(number, deadline=0.0)
                else:
                    with pytest.raises(MailboxFullError):
                        self.full.tell(number)
            for number in range(5):
                self.other.tell(number)

    class Holds(Actor):
        async def on_receive(self, message: Any) -> None:
            await asyncio.get_running_loop().create_future()

    with Simulation() as simulation:
        system = simulation.new_system(budget=Budget(messages=30))
        exceeded, _ = told(system)
        handled: list[Any] = []
        other = system.spawn(Collects, handled)
        overflow = Overflow.BLOCK if how == "given up" else Overflow.REJECT
        if how == "refused by a pool":
            full: ActorRef[Any] = Pool(system, Holds, size=1, capacity=1, overflow=Overflow.REJECT).ref
        else:
            full = system.spawn(Holds, mailbox=Bounded(1, overflow))
        simulation.run()
        full.tell("one")
        simulation.run()
        full.tell("two")
        many = system.spawn(Many, full, other)
        many.tell("go")
        simulation.advance(0.5)
        assert handled == [0, 1, 2, 3, 4]
        assert not exceeded.done()


def test_the_faults_of_a_simulation_find_messages_that_have_a_budget() -> None:
    class Counts(Actor):
        def __init__(self, handled: list[Any]) -> None:
            super().__init__()
            self.handled = handled

        def on_receive(self, message: Any) -> None:
            self.handled.append(message)

    counts = set()
    for seed in range(30):
        with Simulation(RandomWalk(seed), faults=Faults(drop=1)) as simulation:
            handled: list[Any] = []
            system = simulation.new_system(budget=Budget(messages=100))
            ref = system.spawn(Counts, handled)
            for number in range(5):
                ref.tell(number)
            simulation.run()
            counts.add(len(handled))
    assert counts == {4, 5}
