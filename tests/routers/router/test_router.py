"""Routers: who gets what, who routees are, and what becomes of a message that a routee does not take."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    BlockingInLoopError,
    Bounded,
    DeadLetter,
    DeadLetterReason,
    DispatcherKind,
    Future,
    Isolation,
    MailboxFullError,
    Overflow,
    SystemConfig,
)
from actors.events import CallbackFailed
from actors.routers import (
    Broadcast,
    ConsistentHash,
    LeastLoaded,
    NoRouteeError,
    RandomRouting,
    RoundRobin,
    Router,
    RouterActor,
    RouterRef,
    Routing,
    ScatterGather,
    TailChopping,
    ring,
)
from actors.routers.routing import Members
from actors.testing import Simulation
from tests.routers.router.kit import WAIT, Held, Worker, crew, seen
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")

SINGLE = [RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(lambda _: "key"), TailChopping(1.0), lambda _, refs: refs[-1]]


@pytest.fixture
def system() -> Any:
    with ActorSystem() as made:
        yield made


# -- one ref -----------------------------------------------------------------------------------------------------------------


def test_round_robin_goes_from_one_to_the_next(system: ActorSystem) -> None:
    with Router(system, crew(system)) as router:
        assert [router.ref.ask(number) for number in range(6)] == ["w0", "w1", "w2"] * 2


def test_a_function_of_the_users_may_route(system: ActorSystem) -> None:
    with Router(system, crew(system), routing=lambda message, refs: refs[message % len(refs)]) as router:
        assert [router.ref.ask(number) for number in (2, 2, 4)] == ["w2", "w2", "w1"]


@pytest.mark.parametrize("returned", [None, "w0", Worker])
def test_what_is_none_of_the_routees_is_refused(system: ActorSystem, returned: Any) -> None:
    with Router(system, crew(system), routing=lambda *_: returned) as router, pytest.raises(TypeError, match="none of the routees"):
        router.ref.tell("message")


def test_a_stranger_is_none_of_the_routees(system: ActorSystem) -> None:
    stranger = system.spawn(Worker)
    with Router(system, crew(system), routing=lambda *_: stranger) as router, pytest.raises(TypeError, match="none of the routees"):
        router.ref.ask("message")


def test_consistent_hash_keeps_a_key_with_one_routee(system: ActorSystem) -> None:
    with Router(system, crew(system, 5), routing=ConsistentHash(lambda message: message)) as router:
        places = {key: router.ref.ask(key) for key in range(50)}
        assert len(set(places.values())) == 5
        assert all(router.ref.ask(key) == place for key, place in places.items())
        router.remove(next(ref for ref in router.routees if ref.name == "w0"))
        assert all(router.ref.ask(key) == place for key, place in places.items() if place != "w0")


def test_least_loaded_passes_over_who_is_busy(system: ActorSystem) -> None:
    gate = Event()
    held = system.spawn(Held, gate, name="held", dispatcher=DispatcherKind.THREAD)
    with Router(system, [held, *crew(system, 1)], routing=LeastLoaded()) as router:
        held.tell("first")
        assert [router.ref.ask(number) for number in range(4)] == ["w0"] * 4
        gate.set()


class Noting(Event):
    """An event that says of each that waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.put(None)
        return super().wait(timeout)


@pytest.mark.parametrize("count", [4, 10])
def test_of_busy_ones_least_loaded_takes_the_next_in_turn_of_the_least(system: ActorSystem, count: int) -> None:
    gate = Noting()
    held = [system.spawn(Held, gate, name=f"held{index}", dispatcher=DispatcherKind.THREAD) for index in range(count)]
    for ref in held:
        ref.tell("first")
    for _ in held:
        gate.waits.get(timeout=WAIT)
    got: list[list[Any]] = [["first", *["before"] * (1 + index % 3)] for index in range(count)]
    got[-1] = ["first"]  # the last in turn is the first to get one
    for index, ref in enumerate(held):
        for message in got[index][1:]:
            ref.tell(message)
    with Router(system, held, routing=LeastLoaded()) as router:
        for number in range(3 * count):
            router.ref.tell(number)
            in_turn = [got[(number + step) % count] for step in range(count)]
            min(in_turn, key=len).append(number)
        gate.set()
        assert [seen(ref) for ref in held] == got


def test_of_idle_ones_least_loaded_takes_the_next_in_turn() -> None:
    with Simulation() as sim:
        workers = crew(sim.system)
        sim.run()
        with Router(sim.system, workers, routing=LeastLoaded()) as router:
            assert [router.ref.ask(number) for number in range(3)] == ["w0", "w1", "w2"]


def test_least_loaded_takes_one_with_room(system: ActorSystem) -> None:
    gate = Event()
    small = system.spawn(Held, gate, name="small", mailbox=Bounded(1, overflow=Overflow.REJECT), dispatcher=DispatcherKind.THREAD)
    large = system.spawn(Held, gate, name="large", dispatcher=DispatcherKind.THREAD)
    for number in range(5):
        large.tell(number)
    with Router(system, [small, large], routing=LeastLoaded()) as router:
        for number in range(10):
            router.ref.tell(number)  # none is refused
        gate.set()
        assert len(seen(large)) >= 5 + 8


@pytest.mark.parametrize("routing", SINGLE)
def test_every_way_to_send_goes_to_one_routee(system: ActorSystem, routing: Any) -> None:
    async def with_async(ref: RouterRef[Worker]) -> set[Any]:
        await ref.tell_async("told async")
        await ref.tell_async("told async in time", deadline=WAIT)
        return {await ref.ask_async("asked async"), await ref.ask_async("asked in time", timeout=WAIT, deadline=WAIT)}

    workers = crew(system)
    with Router(system, workers, routing=routing) as router:
        ref = router.ref
        ref.tell("told")
        ref.tell_within("told in time", WAIT)
        answers = {ref.ask("asked"), ref.ask("asked, not waiting", block=False).get(), ref.ask("within", timeout=WAIT, deadline=WAIT)}
        answers |= asyncio.run(with_async(ref))
        assert answers <= {"w0", "w1", "w2"}
        assert ref.call(Worker.shout, "hey").get().startswith("HEY of w")
        assert ref.proxy().shout("ho").get().startswith("HO of w")
        ref.proxy().shout.defer("nobody listens")
        ref.actor_inbox  # noqa: B018  # there is one
    assert sum(len(seen(worker)) for worker in workers) == 9


@pytest.mark.parametrize("routing", SINGLE)
def test_a_handler_may_send_through_a_router(system: ActorSystem, routing: Any) -> None:
    class Asker(Actor):
        def on_receive(self, ref: Any) -> Any:
            return ref.ask("question")

    class AsyncAsker(Actor):
        async def on_receive(self, ref: Any) -> Any:
            return await ref.ask_async("question")

    with Router(system, crew(system), routing=routing) as router:
        assert system.spawn(Asker).ask(router.ref) in {"w0", "w1", "w2"}
        assert system.spawn(AsyncAsker).ask(router.ref) in {"w0", "w1", "w2"}


def test_the_errors_of_a_routee_are_the_askers(system: ActorSystem) -> None:
    with Router(system, crew(system)) as router:
        with pytest.raises(LookupError, match="lost"):
            router.ref.ask(LookupError("lost"))
        assert router.ref.ask("goes on") == "w1"


def test_a_cancelled_ask_is_not_handled(system: ActorSystem) -> None:
    gate = Event()
    held = system.spawn(Held, gate, dispatcher=DispatcherKind.THREAD)
    with Router(system, [held]) as router:
        first = router.ref.ask("first", block=False)
        second = router.ref.ask("second", block=False)
        assert second.cancel()
        gate.set()
        first.get(timeout=WAIT)
        assert seen(held) == ["first"]


# -- as an actor -------------------------------------------------------------------------------------------------------------


def test_its_ref_is_that_of_its_actor(system: ActorSystem) -> None:
    with Router(system, crew(system), name="shop") as router:
        ref, plain = router.ref, system.lookup("/shop")
        assert isinstance(ref, RouterRef)
        assert type(plain) is ActorRef
        assert ref == plain
        assert plain == ref
        assert not ref != plain  # noqa: SIM202
        assert hash(ref) == hash(plain)
        assert {ref: 1}[plain] == 1
        assert (ref.path, ref.name, ref.actor_class) == ("/shop", "shop", RouterActor)
        assert router.ref == ref == Router.of(plain).ref
        assert ref != router.routees[0]


def test_its_plain_ref_routes_too(system: ActorSystem) -> None:
    workers = crew(system)
    with Router(system, workers, name="shop"):
        plain = system.lookup("/shop")
        assert plain is not None
        assert [plain.ask(number) for number in range(4)] == ["w0", "w1", "w2", "w0"]
        plain.tell("told")
        plain.tell_within("in time", WAIT)
        with pytest.raises(LookupError, match="lost"):
            plain.ask(LookupError("lost"))
        assert plain.is_alive()
    assert sum(len(seen(worker)) for worker in workers) == 7


def test_an_ask_of_its_plain_ref_can_be_cancelled_at_the_routee(system: ActorSystem) -> None:
    class Patient(Actor):
        def on_receive(self, gone: Event) -> None:
            self.reply_later().cancel_token.add_callback(gone.set)

    with Router(system, [system.spawn(Patient)], name="shop"):
        plain = system.lookup("/shop")
        assert plain is not None
        gone = Event()
        future = plain.ask(gone, block=False)
        plain.ask("", block=False, deadline=WAIT)
        while not future._sources and future._cell is plain._target:
            threading.Event().wait(0.001)
        assert future.cancel()
        assert gone.wait(WAIT)


@pytest.mark.parametrize("routing", [RoundRobin(), Broadcast(), ScatterGather(), TailChopping(0.1)])
def test_what_its_plain_ref_cannot_send_on_is_a_dead_letter(system: ActorSystem, routing: Any) -> None:
    letters: SimpleQueue[DeadLetter] = SimpleQueue()
    system.events.subscribe(DeadLetter, letters.put)
    with Router(system, routing=routing, name="shop") as router:
        plain = system.lookup("/shop")
        assert plain is not None
        plain.tell("nobody there")
        with pytest.raises(NoRouteeError):
            plain.ask("nobody there either")
        assert letters.get(timeout=WAIT) == DeadLetter("nobody there", DeadLetterReason.UNROUTED, router.ref)


def test_a_message_without_a_key_does_not_end_a_router(system: ActorSystem) -> None:
    letters: SimpleQueue[DeadLetter] = SimpleQueue()
    system.events.subscribe(DeadLetter, letters.put)
    failures: SimpleQueue[CallbackFailed] = SimpleQueue()
    system.events.subscribe(CallbackFailed, failures.put)
    with Router(system, crew(system), routing=ConsistentHash(lambda message: message["key"]), name="shop") as router:
        plain = system.lookup("/shop")
        assert plain is not None
        plain.tell({})
        assert letters.get(timeout=WAIT).reason is DeadLetterReason.UNROUTED
        assert isinstance(failures.get(timeout=WAIT).error, KeyError)
        with pytest.raises(KeyError):
            plain.ask({})
        with pytest.raises(KeyError):
            router.ref.tell({})
        assert router.ref.ask({"key": 1}) in {"w0", "w1", "w2"}


def test_as_bytes_it_is_its_actor(system: ActorSystem) -> None:
    with Router(system, crew(system)) as router:
        again = system.codec.decode(system.codec.encode({"to": router.ref}))["to"]
        assert again == router.ref
        assert again.ask("question") == "w0"


def test_it_may_be_a_message_between_isolated_actors() -> None:
    class Asker(Actor):
        def on_receive(self, ref: Any) -> Any:
            return ref.ask("question")

    for isolation in Isolation:
        with ActorSystem(config=SystemConfig(isolation=isolation)) as system, Router(system, crew(system)) as router:
            assert system.spawn(Asker).ask(router.ref) == "w0"


def test_isolation_is_between_sender_and_routee() -> None:
    with ActorSystem(config=SystemConfig(isolation=Isolation.COPY)) as system, Router(system, crew(system, 1)) as router:
        mine = ["a list"]
        router.ref.ask(mine)
        mine.append("changed")
        assert seen(router.routees[0]) == [["a list"]]


def test_stop_ends_the_router_behind_its_mail_and_not_its_routees(system: ActorSystem) -> None:
    workers = crew(system)
    router = Router(system, workers, name="shop")
    plain = system.lookup("/shop")
    assert plain is not None
    for number in range(10):
        plain.tell(number)
    router.ref.stop()
    assert sum(len(seen(worker)) for worker in workers) == 10
    assert not router.ref.is_alive()
    for send in (router.ref.tell, router.ref.ask, plain.tell):
        with pytest.raises(ActorDeadError, match="not found") as caught:
            send("late")
        assert not isinstance(caught.value, NoRouteeError)
        assert caught.value.message == "late"
    with pytest.raises(ActorDeadError):
        router.add(workers[0])
    assert not router.remove(workers[0])
    assert router.broadcast("late") == 0
    assert router.routees == ()


def test_kill_ends_it_as_well(system: ActorSystem) -> None:
    router = Router(system, crew(system))
    router.ref.kill()
    with pytest.raises(ActorDeadError):
        router.ref.tell("late")


def test_close_is_idempotent_and_leaves_the_name_free(system: ActorSystem) -> None:
    workers = crew(system)
    for _ in range(3):
        router = Router(system, workers)
        router.close()
        router.close(timeout=0)
        asyncio.run(router.close_async(timeout=None))
    assert all(worker.is_alive() for worker in workers)


def test_async_with_closes_it() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            worker = await system.spawn_async(Worker)
            async with Router(system, [worker]) as router:
                assert await router.ref.ask_async("question") == worker.name
            with pytest.raises(ActorDeadError):
                router.ref.tell("late")
            assert worker.is_alive()

    asyncio.run(main())


def test_it_ends_with_its_system() -> None:
    with ActorSystem() as system:
        router = Router(system, crew(system))
    with pytest.raises(ActorDeadError):
        router.ref.ask("late")


# -- routees -----------------------------------------------------------------------------------------------------------------


def test_routees_come_and_go_while_others_send(system: ActorSystem) -> None:
    one, two, three = crew(system)
    with Router(system, [one]) as router:
        router.add(two, two, one)
        assert router.routees == (one, two)
        assert Counter(router.ref.ask(number) for number in range(4)) == {"w0": 2, "w1": 2}
        assert router.remove(one)
        assert not router.remove(one)
        assert not router.remove(three)
        assert {router.ref.ask(number) for number in range(4)} == {"w1"}
        router.add(three)
        assert {router.ref.ask(number) for number in range(4)} == {"w1", "w2"}


def test_the_mail_of_one_that_is_removed_stays_with_it(system: ActorSystem) -> None:
    gate = Event()
    held = system.spawn(Held, gate, dispatcher=DispatcherKind.THREAD)
    with Router(system, [held]) as router:
        answers = [router.ref.ask(number, block=False) for number in range(3)]
        assert router.remove(held)
        gate.set()
        assert [answer.get(timeout=WAIT) for answer in answers] == [held.name] * 3


@pytest.mark.parametrize("routing", [RoundRobin(), RandomRouting(), LeastLoaded(), ConsistentHash(str), TailChopping(1.0)])
def test_a_message_that_a_dead_routee_does_not_take_goes_to_another(system: ActorSystem, routing: Any) -> None:
    async def ask(ref: RouterRef[Worker]) -> Any:
        await ref.tell_async("told async")
        return [await ref.ask_async(number) for number in range(3)]

    workers = crew(system, 4)
    with Router(system, workers, routing=routing) as router:
        router.ref.ask("warm")
        for worker in workers[1:]:
            worker.kill()
        router.ref.tell("told")
        router.ref.tell_within("in time", WAIT)
        assert {router.ref.ask(number) for number in range(10)} == {"w0"}
        assert asyncio.run(ask(router.ref)) == ["w0"] * 3
        assert router.routees == (workers[0],)


def test_a_routee_that_ends_is_forgotten_without_a_message(system: ActorSystem) -> None:
    workers = crew(system)
    with Router(system, workers) as router:
        plain = router.ref._target.ref
        workers[0].stop()
        while len(router.routees) > 2:
            plain.stats()
        assert router.routees == tuple(workers[1:])


def test_a_routee_that_was_added_is_forgotten_when_it_ends_and_one_that_was_removed_is_no_concern() -> None:
    with Simulation() as sim:
        one, two, three = crew(sim.system)
        router = Router(sim.system, [one])
        sim.run()
        router.add(two, three)
        sim.run()
        assert router.remove(three)
        sim.run()
        plain = router.ref._target.ref
        handled = plain.stats().handled
        two.kill()
        sim.run()
        assert router.routees == (one,)
        assert plain.stats().handled == handled + 1
        three.kill()
        sim.run()
        assert plain.stats().handled == handled + 1


def test_a_change_while_a_choice_is_being_made_counts_from_the_next_message_on(system: ActorSystem) -> None:
    @dataclass(frozen=True)
    class Slow(Routing):
        def chooser(self, members: Members[Any]) -> Any:
            if router.routees == (one, two):
                router.remove(one)  # as another thread might at this moment
            return RoundRobin().chooser(members)

    one, two = crew(system, 2)
    with Router(system, [one, two], routing=Slow()) as router:
        assert router.ref.ask("first") in {"w0", "w1"}
        assert {router.ref.ask(number) for number in range(4)} == {"w1"}


def test_without_routees_there_is_nobody_to_send_to(system: ActorSystem) -> None:
    for routing in (*SINGLE, Broadcast(), ScatterGather()):
        with Router(system, routing=routing, name="shop") as router:
            for send in (router.ref.tell, router.ref.ask, lambda message, ref=router.ref: asyncio.run(ref.ask_async(message))):
                with pytest.raises(NoRouteeError, match=r"/shop has no routee: add\(\) one") as caught:
                    send("message")
                assert (caught.value.router, caught.value.message) == ("/shop", "message")
            with pytest.raises(NoRouteeError):
                router.ref.proxy()
            assert router.broadcast("message") == 0
            worker = system.spawn(Worker)
            router.add(worker)
            router.ref.ask("message")
            worker.kill()
            with pytest.raises(NoRouteeError):
                router.ref.tell("message")


def test_a_full_routee_refuses_as_it_would_refuse_anybody(system: ActorSystem) -> None:
    gate = Event()
    full = system.spawn(Held, gate, mailbox=Bounded(1, overflow=Overflow.REJECT), dispatcher=DispatcherKind.THREAD)
    with Router(system, [full, *crew(system, 1)], routing=RoundRobin()) as router:
        refused = []
        for number in range(8):
            try:
                router.ref.tell(number)
            except MailboxFullError as error:
                refused.append(error.message)
        # Every other one is for it, and it takes one that waits, and perhaps one that it is at.
        assert len(refused) in {2, 3}
        assert set(refused) < {0, 2, 4, 6}
        gate.set()


def test_a_sender_waits_for_room_in_the_mailbox_of_a_routee(system: ActorSystem) -> None:
    gate = Event()
    full = system.spawn(Held, gate, mailbox=Bounded(1, overflow=Overflow.BLOCK), dispatcher=DispatcherKind.THREAD)
    with Router(system, [full]) as router:
        full.tell("at work")
        full.tell("waits")
        with pytest.raises(MailboxFullError):
            router.ref.ask("no room", timeout=0.01)
        with pytest.raises(MailboxFullError):
            router.ref.tell_within("no room", 0.01)
        gate.set()
        assert asyncio.run(router.ref.ask_async("patient", timeout=WAIT)) == full.name


def test_who_waits_for_room_of_one_that_dies_is_sent_to_another(system: ActorSystem) -> None:
    gate = Event()
    full = system.spawn(Held, gate, mailbox=Bounded(1, overflow=Overflow.BLOCK), dispatcher=DispatcherKind.THREAD)
    other = system.spawn(Worker, name="other")
    with Router(system, [full, other], routing=lambda _, refs: refs[0]) as router:
        answers: list[Any] = []
        full.tell("at work")
        full.tell("waits")
        while not full._target.queue:
            full.is_alive()
        queue = full._target.queue
        thread = threading.Thread(target=lambda: answers.append(router.ref.ask("no room")))
        thread.start()
        while not queue._waiting:
            full.is_alive()
        stopping = full.kill(block=False)
        gate.set()
        thread.join(WAIT)
        stopping.get(timeout=WAIT)
        assert answers == ["other"]
        assert seen(other) == ["no room"]


def test_broadcast_reaches_all_whatever_the_routing(system: ActorSystem) -> None:
    workers = crew(system, 4)
    with Router(system, workers) as router:
        assert router.broadcast("all") == 4
        workers[0].kill()
        assert router.broadcast("again") == 3
        assert [seen(worker) for worker in workers[1:]] == [["all", "again"]] * 3


def test_a_router_may_be_a_routee(system: ActorSystem) -> None:
    with (
        Router(system, crew(system, 2, "a"), name="left") as left,
        Router(system, crew(system, 2, "b"), name="right") as right,
        Router(system, [left.ref, right.ref], name="top") as top,
    ):
        assert [top.ref.ask(number) for number in range(4)] == ["a0", "b0", "a1", "b1"]
        for ref in left.routees:
            ref.kill()
        assert {top.ref.ask(number) for number in range(4)} == {"b0", "b1"}  # alive, but without routees: passed over
        assert top.routees == (left.ref, right.ref)
        left.add(system.spawn(Worker, name="a2"))
        assert {top.ref.ask(number) for number in range(4)} == {"a2", "b0", "b1"}
        right.close()
        assert {top.ref.ask(number) for number in range(4)} == {"a2"}


def test_least_loaded_knows_the_load_of_a_router(system: ActorSystem) -> None:
    gate = Event()
    held = system.spawn(Held, gate, name="held", dispatcher=DispatcherKind.THREAD)
    with (
        Router(system, [held], name="left") as left,
        Router(system, crew(system, 1), name="right") as right,
        Router(system, [left.ref, right.ref], name="top", routing=LeastLoaded()) as top,
    ):
        held.tell("first")
        assert {top.ref.ask(number) for number in range(4)} == {"w0"}
        gate.set()


def test_least_loaded_passes_over_a_router_whose_routees_are_all_full() -> None:
    class Small(Worker, mailbox=Bounded(1, overflow=Overflow.REJECT)):
        def on_receive(self, message: Any) -> Any:
            gate.get()

    with Simulation() as sim:
        gate: Future[None] = Future()
        full = sim.system.spawn(Small)
        full.tell("under way")
        sim.run()
        full.tell("waits")
        with (
            Router(sim.system, [full], name="left") as left,
            Router(sim.system, crew(sim.system, 1), name="right") as right,
            Router(sim.system, [left.ref, right.ref], name="top", routing=LeastLoaded()) as top,
        ):
            assert {top.ref.ask(number) for number in range(4)} == {"w0"}
            gate.set(None)


class Open(Worker, reentrant=True):
    """Is at what it is told to hold until the gate is set, and takes others meanwhile."""

    def __init__(self, gate: Future[None]) -> None:
        super().__init__()
        self.gate = gate

    async def on_receive(self, message: Any) -> Any:
        if message == "hold":
            await self.gate
        return self.actor_ref.name


def test_least_loaded_counts_all_that_a_reentrant_routee_is_at() -> None:
    with Simulation() as sim:
        gate: Future[None] = Future()
        many, few = (sim.system.spawn(Open, gate, name=name) for name in ("many", "few"))
        for ref in (many, many, many, few, few):
            ref.tell("hold")
        sim.run()
        with Router(sim.system, [many, few], routing=LeastLoaded()) as router:
            assert {router.ref.ask(number) for number in range(4)} == {"few"}
        gate.set(None)


def test_least_loaded_counts_what_a_routee_with_a_bounded_mailbox_is_at() -> None:
    class Waits(Worker, mailbox=Bounded(10)):
        def on_receive(self, message: Any) -> Any:
            if message == "hold":
                gate.get()
            return self.actor_ref.name

    with Simulation() as sim:
        gate: Future[None] = Future()
        busy, idle = (sim.system.spawn(Waits, name=name) for name in ("busy", "idle"))
        busy.tell("hold")
        sim.run()
        with Router(sim.system, [busy, idle], routing=LeastLoaded()) as router:
            assert {router.ref.ask(number) for number in range(4)} == {"idle"}
        gate.set(None)


def test_keys_belong_to_the_routees_of_the_same_paths_in_another_run() -> None:
    found = []
    for _ in range(2):
        with ActorSystem("shop") as shop, Router(shop, crew(shop, 5), routing=ConsistentHash(str)) as router:
            found.append([router.ref.ask(number) for number in range(50)])
    assert found[0] == found[1]


@pytest.mark.parametrize("routing", [Broadcast(), ScatterGather(), TailChopping(1.0), RoundRobin()])
def test_a_tell_to_nothing_but_the_dead_is_an_error_of_its_sender(routing: Any) -> None:
    with Simulation() as sim:
        workers = crew(sim.system)
        for worker in workers:
            worker.kill()
        router = Router(sim.system, workers, routing=routing)  # it has not heard yet that they have ended
        with pytest.raises(NoRouteeError):
            router.ref.tell("lost")


def test_the_first_refusal_of_several_is_raised() -> None:
    with Simulation() as sim:
        small = Bounded(1, overflow=Overflow.REJECT)
        full = [sim.system.start(Worker, name=name, mailbox=small) for name in ("one", "two")]
        for ref in full:
            ref.tell("fills it")
        with Router(sim.system, full, routing=Broadcast()) as router, pytest.raises(MailboxFullError) as caught:
            router.ref.tell("too many")
        assert full[0].actor_urn in str(caught.value)


def test_a_proxy_of_a_router_that_has_ended_says_so(system: ActorSystem) -> None:
    with Router(system, crew(system)) as router:
        pass
    with pytest.raises(ActorDeadError) as caught:
        router.ref.proxy()
    assert type(caught.value) is ActorDeadError


def test_a_router_that_would_send_to_itself_is_refused(system: ActorSystem) -> None:
    with Router(system, name="one") as one, Router(system, [one.ref], name="two") as two:
        for ref in (one.ref, two.ref, one.ref._target.ref):
            with pytest.raises(ValueError, match="go round for ever"):
                one.add(ref)
        assert one.routees == ()


def test_thousands_of_routees(system: ActorSystem) -> None:
    count = scaled(10_000, 2_000)
    workers = [system.start(Worker) for _ in range(count)]
    with Router(system) as router:
        for worker in workers:
            router.add(worker)
        for number in range(2 * count):
            router.ref.tell(number)
        assert {len(seen(worker)) for worker in workers[::97]} == {2}
        for ended in [worker.kill(block=False) for worker in workers[:-1]]:
            ended.get(timeout=WAIT)
        assert router.ref.ask("who is left") == workers[-1].name


def test_of_many_routees_with_consistent_hash_a_change_costs_no_more_than_of_few(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Any] = []

    def noting(data: Any, **options: Any) -> Any:
        hashed.append(data)
        return blake2b(data, **options)

    monkeypatch.setattr(ring, "blake2b", noting)
    workers = [system.start(Worker) for _ in range(500)]
    with Router(system, workers, routing=ConsistentHash(str)) as router:
        for_all = len(hashed)  # made here, and not in the call of the first who sends
        assert for_all >= len(workers)
        for_one, rest = divmod(for_all, len(workers))
        assert rest == 0
        hashed.clear()
        router.ref.ask("key")
        assert len(hashed) == 1  # the key
        workers[7].kill()
        while workers[7] in router.routees:
            router.ref.ask("key")
        router.add(system.start(Worker))
        router.ref.ask("key")
        assert len(hashed) <= 1 + (for_one + 1) + (for_one + 1)


# -- what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("routees", [None, 3, "refs", ["w0"], [None], Worker])
def test_routees_that_are_no_refs_are_refused(system: ActorSystem, routees: Any) -> None:
    with pytest.raises(TypeError, match="routees="):
        Router(system, routees)
    with Router(system) as router, pytest.raises(TypeError, match="routees="):
        router.add(routees)
    assert system.lookup("/router") is None


@pytest.mark.parametrize("routing", [None, "round robin", RoundRobin, 3])
def test_a_routing_that_is_none_is_refused(system: ActorSystem, routing: Any) -> None:
    with pytest.raises(TypeError, match="routing="):
        Router(system, routing=routing)
    assert system.lookup("/router") is None


@pytest.mark.parametrize("given", [None, "system", ActorSystem])
def test_a_system_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="system="):
        Router(given)


def test_only_a_router_actor_has_a_router(system: ActorSystem) -> None:
    with pytest.raises(TypeError, match="a ref of a RouterActor"):
        Router.of(crew(system, 1)[0])
    with pytest.raises(TypeError, match="a ref of a RouterActor"):
        Router.of("router")  # type: ignore[arg-type]
    with Router(system) as router:
        pass
    with pytest.raises(ActorDeadError):
        Router.of(router.ref)


def test_futures_of_a_dead_router_say_so(system: ActorSystem) -> None:
    router = Router(system, crew(system))
    router.close()
    future: Future[Any] = router.ref.ask("late", block=False)
    assert isinstance(future.exception(), ActorDeadError)


def test_a_with_block_on_an_event_loop_is_told_of_the_awaitable_form() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            router = Router[Any](system)
            with pytest.raises(BlockingInLoopError, match=r"await router\.close_async\(\)"):
                router.close()
            await router.close_async()

    asyncio.run(main())
