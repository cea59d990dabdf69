"""The lock-free protocols of the kernel under real threads that are switched as often as the interpreter can."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from typing import Any

import pytest

import actors.runtime
from actors import (
    Actor,
    ActorDeadError,
    ActorKilled,
    ActorRef,
    ActorSystem,
    AskCancelled,
    Bounded,
    DispatcherKind,
    Future,
    MailboxFullError,
    SystemConfig,
    Timeout,
    get_all,
)
from actors._core.admission import cool
from actors.dispatch.waiting import ThreadParker
from actors.events import DeadLetter
from tests.stress.threads import PATIENCE, race
from tests.support import scaled

pytestmark = [pytest.mark.usefixtures("restless", "no_leaks"), pytest.mark.long, pytest.mark.timeout(900)]

every_dispatcher = pytest.mark.parametrize("kind", list(DispatcherKind))


class Collector(Actor):
    """Takes (sender, number) and resolves `done` when it has `expected` of them; asks for "seen" get them."""

    def __init__(self, expected: int = 0, done: Future[None] | None = None) -> None:
        super().__init__()
        self.expected, self.done = expected, done
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "seen":
            return self.seen
        self.seen.append(message)
        if self.done is not None and len(self.seen) == self.expected:
            self.done.set()
        return message


def assert_order_per_sender(seen: list[tuple[int, int]]) -> None:
    latest: dict[int, int] = {}
    for sender, number in seen:
        assert latest.get(sender, -1) < number, f"sender {sender}: {number} after {latest[sender]}"
        latest[sender] = number


# -- wake-ups --------------------------------------------------------------------------------------------------------------


@every_dispatcher
def test_no_wake_up_is_lost_between_many_senders_and_many_actors(kind: DispatcherKind) -> None:
    senders, receivers, each = 4, 5, scaled(20_000, 1_000)
    with ActorSystem() as system:
        dones: list[Future[None]] = [Future() for _ in range(receivers)]
        refs = [system.spawn(Collector, senders * each, done, dispatcher=kind) for done in dones]

        def send(name: int) -> None:
            for number in range(each):
                for ref in refs:
                    ref.tell((name, number))

        race(*(lambda name=name: send(name) for name in range(senders)))  # type: ignore[misc]
        get_all(dones, timeout=PATIENCE)  # no send comes to the help of one that woke nobody
        for ref in refs:
            assert_order_per_sender(ref.ask("seen", timeout=PATIENCE))


@every_dispatcher
def test_no_wake_up_is_lost_when_the_actor_falls_asleep_after_every_message(kind: DispatcherKind) -> None:
    rounds = scaled(50_000, 2_000)
    with ActorSystem() as system:
        refs = [system.spawn(Collector, dispatcher=kind) for _ in range(3)]

        def ask() -> None:
            for number in range(rounds):
                assert refs[number % 3].ask(number, timeout=PATIENCE) == number

        race(ask, ask)


@every_dispatcher
def test_the_first_message_of_an_actor_that_is_just_starting_is_handled(kind: DispatcherKind) -> None:
    count = scaled(20_000, 200)
    with ActorSystem() as system:
        dones: list[Future[None]] = [Future() for _ in range(count)]
        for done in dones:
            ref = system.start(Collector, 1, done, dispatcher=kind)
            ref.tell("first")
            if kind is DispatcherKind.THREAD:
                ref.stop(block=False)
        get_all(dones, timeout=PATIENCE)


def test_no_wake_up_is_lost_while_the_run_queue_changes_hands() -> None:
    """Handlers that block now and then have the watcher give the queue to other workers while senders wake them."""
    rounds = scaled(3_000, 150)

    class Sleepy(Actor):
        def on_receive(self, message: int) -> int:
            if message % 20 == 0:
                time.sleep(0.006)  # longer than the watcher's patience, shorter than an offence
            return message

    with ActorSystem() as system:
        refs = [system.spawn(Sleepy) for _ in range(4)]

        def ask(seed: int) -> None:
            chance = random.Random(seed)
            for _ in range(rounds):
                number = chance.randrange(100)
                assert chance.choice(refs).ask(number, timeout=PATIENCE) == number

        race(*(lambda seed=seed: ask(seed) for seed in range(3)))  # type: ignore[misc]


@every_dispatcher
def test_a_burst_from_eight_threads_loses_nothing_and_keeps_the_order_of_each(kind: DispatcherKind) -> None:
    threads, each = 8, scaled(1_000_000, 40_000) // 8
    with ActorSystem() as system:
        done: Future[None] = Future()
        ref = system.spawn(Collector, threads * each, done, dispatcher=kind)

        def send(name: int) -> None:
            for number in range(each):
                ref.tell((name, number))

        race(*(lambda name=name: send(name) for name in range(threads)))  # type: ignore[misc]
        done.get(timeout=PATIENCE)
        seen = ref.ask("seen", timeout=PATIENCE)
        assert_order_per_sender(seen)
        assert Counter(sender for sender, _ in seen) == dict.fromkeys(range(threads), each)
        assert ref.stats().handled == threads * each + 1


# -- the end ---------------------------------------------------------------------------------------------------------------


@every_dispatcher
def test_every_ask_that_races_with_a_stop_resolves_once(kind: DispatcherKind) -> None:
    share = {DispatcherKind.POOL: 6, DispatcherKind.EVENT_LOOP: 3, DispatcherKind.THREAD: 1}[kind]
    tries, batch, askers = scaled(1_000_000, 5_000) * share // 10, 250, 2

    class Echo(Actor):
        def on_receive(self, message: int) -> int:
            handled.append(message)
            return message

    handled: list[int] = []
    answered = refused = 0
    with ActorSystem() as system:
        for first in range(0, tries, batch * askers):
            refs = [system.start(Echo, dispatcher=kind) for _ in range(batch)]
            futures: list[list[Future[int]]] = [[] for _ in range(askers)]

            def ask(who: int, refs: list[ActorRef[Any]] = refs, futures: list[list[Future[int]]] = futures, first: int = first) -> None:
                mine = futures[who]
                for number, ref in enumerate(refs):
                    mine.append(ref.ask(first + number * askers + who, block=False))

            def stop(refs: list[ActorRef[Any]] = refs) -> None:
                for ref in refs:
                    ref.stop(block=False)

            race(lambda ask=ask: ask(0), lambda ask=ask: ask(1), stop)  # type: ignore[misc]
            for who, mine in enumerate(futures):
                for number, future in enumerate(mine):
                    try:
                        assert future.get(timeout=PATIENCE) == first + number * askers + who
                        answered += 1
                    except ActorDeadError:
                        refused += 1
    assert answered + refused >= tries
    assert len(handled) == len(set(handled)) == answered


class Counted:
    """What became of numbered messages, told by three sides: the actor, the sender, the dead letters."""

    def __init__(self, system: ActorSystem) -> None:
        self.handled: list[Any] = []
        self.returned: list[Any] = []
        self.letters: list[Any] = []
        system.events.subscribe(DeadLetter, lambda letter: self.letters.append(letter.message))

    def assert_one_fate_each(self, sent: int) -> None:
        fates = Counter(itertools.chain(self.handled, self.returned, self.letters))
        assert len(fates) == sent
        assert set(fates.values()) <= {1}


@every_dispatcher
@pytest.mark.parametrize("how", ["stop", "kill", "crash"])
@pytest.mark.filterwarnings("ignore")
def test_every_tell_that_races_with_the_end_has_one_fate(kind: DispatcherKind, how: str, caplog: pytest.LogCaptureFixture) -> None:
    rounds, each, threads = scaled(1_000, 30), 100, 3

    class Fragile(Actor):
        def on_receive(self, message: Any) -> None:
            if message == "crash":
                raise ValueError
            counted.handled.append(message)

    with ActorSystem() as system:
        counted = Counted(system)
        for turn in range(rounds):
            ref = system.spawn(Fragile, dispatcher=kind)

            def send(name: int, ref: ActorRef[Any] = ref, turn: int = turn) -> None:
                for number in range(each):
                    message = (turn, name, number)
                    try:
                        ref.tell(message)
                    except ActorDeadError as error:
                        counted.returned.append(error.message)

            def end(ref: ActorRef[Any] = ref) -> None:
                match how:
                    case "stop":
                        ref.stop(timeout=PATIENCE)
                    case "kill":
                        ref.kill(timeout=PATIENCE)
                    case _:
                        ref.tell("crash")
                        ref.actor_stopped.wait(PATIENCE)

            race(end, *(lambda name=name, send=send: send(name) for name in range(threads)))  # type: ignore[misc]
    counted.assert_one_fate_each(rounds * each * threads)
    assert bool(caplog.records) == (how == "crash")


@pytest.mark.parametrize("timeout", [None, 0.0005])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_every_blocked_sender_is_let_in_or_told_when_the_mailbox_closes(how: str, timeout: float | None) -> None:
    rounds, each, threads = scaled(1_000, 60), 10, 4

    class Slow(Actor):
        def on_receive(self, message: Any) -> None:
            counted.handled.append(message)

    with ActorSystem() as system:
        counted = Counted(system)
        for turn in range(rounds):
            ref = system.spawn(Slow, mailbox=Bounded(1, timeout=timeout))

            def send(name: int, ref: ActorRef[Any] = ref, turn: int = turn) -> None:
                for number in range(each):
                    message = (turn, name, number)
                    try:
                        ref.tell(message)
                    except (ActorDeadError, MailboxFullError) as error:
                        counted.returned.append(error.message)

            def end(ref: ActorRef[Any] = ref) -> None:
                (ref.stop if how == "stop" else ref.kill)(timeout=PATIENCE)

            race(end, *(lambda name=name, send=send: send(name) for name in range(threads)))  # type: ignore[misc]
    counted.assert_one_fate_each(rounds * each * threads)


def test_blocked_senders_keep_their_order_and_lose_nothing() -> None:
    threads, each = 6, scaled(20_000, 1_000)
    with ActorSystem() as system:
        done: Future[None] = Future()
        ref = system.spawn(Collector, threads * each, done, mailbox=Bounded(2))

        def send(name: int) -> None:
            for number in range(each):
                ref.tell((name, number))

        race(*(lambda name=name: send(name) for name in range(threads)))  # type: ignore[misc]
        done.get(timeout=PATIENCE)
        assert_order_per_sender(ref.ask("seen", timeout=PATIENCE))


# -- idle mailboxes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.EVENT_LOOP])
def test_giving_idle_mailboxes_back_loses_nothing_and_keeps_the_order(
    kind: DispatcherKind, tracing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors.runtime, "WARM", 1)
    receivers, threads, each = 8, 4, scaled(20_000, 500)
    with ActorSystem(config=SystemConfig(tracing=tracing)) as system:
        dones: list[Future[None]] = [Future() for _ in range(receivers)]
        refs = [system.spawn(Collector, threads * each, done, dispatcher=kind) for done in dones]

        def send(name: int) -> None:
            chance = random.Random(name)
            for number in range(each):
                for ref in chance.sample(refs, len(refs)):
                    ref.tell((name, number))

        race(*(lambda name=name: send(name) for name in range(threads)))  # type: ignore[misc]
        get_all(dones, timeout=PATIENCE)
        for ref in refs:
            assert_order_per_sender(ref.ask("seen", timeout=PATIENCE))


def test_a_mailbox_that_is_taken_back_while_it_closes_loses_nothing() -> None:
    rounds, each = scaled(5_000, 200), 30

    class Fleeting(Actor):
        def on_receive(self, message: Any) -> None:
            counted.handled.append(message)

    with ActorSystem() as system:
        counted = Counted(system)
        for turn in range(rounds):
            ref = system.spawn(Fleeting)

            def send(name: int, ref: ActorRef[Any] = ref, turn: int = turn) -> None:
                for number in range(each):
                    message = (turn, name, number)
                    try:
                        ref.tell(message)
                    except ActorDeadError:
                        counted.returned.append(message)

            def take_back(ref: ActorRef[Any] = ref) -> None:
                for _ in range(each):
                    cool(ref._target)

            def end(ref: ActorRef[Any] = ref) -> None:
                ref.stop(timeout=PATIENCE)

            race(end, take_back, take_back, lambda send=send: send(0), lambda send=send: send(1))  # type: ignore[misc]
    counted.assert_one_fate_each(rounds * each * 2)


@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.EVENT_LOOP])
def test_a_mailbox_that_is_first_needed_while_it_closes_loses_nothing(kind: DispatcherKind) -> None:
    rounds = scaled(20_000, 500)

    class Fresh(Actor):
        def on_receive(self, message: Any) -> Any:
            return message

    with ActorSystem() as system:
        outcomes: Counter[str] = Counter()
        for turn in range(rounds):
            ref = system.spawn(Fresh, dispatcher=kind)

            def ask(ref: ActorRef[Any] = ref, turn: int = turn) -> None:
                try:
                    assert ref.ask(turn, timeout=PATIENCE) == turn
                except ActorDeadError:
                    outcomes["dead"] += 1

            def kill(ref: ActorRef[Any] = ref) -> None:
                ref.kill(timeout=PATIENCE)

            race(kill, ask, ask)
            with pytest.raises(ActorDeadError):
                ref.ask(turn, timeout=PATIENCE)
        assert outcomes["dead"]


# -- futures and waits -----------------------------------------------------------------------------------------------------


def test_a_future_that_is_set_cancelled_listened_to_and_read_at_once_has_one_outcome() -> None:
    count = scaled(200_000, 10_000)
    futures: list[Future[int]] = [Future() for _ in range(count)]
    calls: list[list[Any]] = [[] for _ in range(count)]
    sets, cancels, reads = [], [], []

    def set_all() -> None:
        sets.extend(future.try_set(number) for number, future in enumerate(futures))

    def cancel_all() -> None:
        cancels.extend(future.cancel() for future in futures)

    def listen_all() -> None:
        for future, mine in zip(futures, calls, strict=True):
            future.add_done_callback(lambda done, mine=mine: mine.append(done._value))  # type: ignore[misc]

    def read_all() -> None:
        for future in futures:
            try:
                reads.append(future.get(timeout=PATIENCE))
            except AskCancelled as error:
                reads.append(error)  # type: ignore[arg-type]

    race(set_all, cancel_all, listen_all, read_all, listen_all)
    for number, future in enumerate(futures):
        assert sets[number] != cancels[number]
        assert calls[number] == [future._value] * 2
        assert reads[number] is future._value
        assert not future._waiters


def test_a_hook_that_comes_while_getters_wait_is_computed_once_and_told_to_all() -> None:  # noqa: C901  # four sides of one race
    count = scaled(50_000, 5_000)
    futures: list[Future[int]] = [Future() for _ in range(count)]
    computed: list[list[int]] = [[] for _ in range(count)]
    called: list[list[int]] = [[] for _ in range(count)]

    def hook_all() -> None:
        for number, future in enumerate(futures):

            def hook(_: float | None, number: int = number) -> int:
                computed[number].append(number)
                if number % 3 == 0 and len(computed[number]) == 1:
                    raise ValueError(number)  # the first getter gets this, the others try again
                return number

            future.set_get_hook(hook)

    def read_all() -> None:
        for number, future in enumerate(futures):
            try:
                assert future.get(timeout=PATIENCE) == number
            except ValueError:
                assert number % 3 == 0

    def listen_all() -> None:
        for future, mine in zip(futures, called, strict=True):
            future.add_done_callback(lambda _, mine=mine: mine.append(1))  # type: ignore[misc]

    race(hook_all, read_all, read_all, listen_all)
    last: Future[None] = Future()
    left = set(range(count))
    for number, future in enumerate(futures):

        def gone(_: Any, number: int = number) -> None:
            left.discard(number)
            if not left:
                last.try_set()

        future.add_done_callback(gone)
    last.get(timeout=PATIENCE)
    assert all(mine == [1] for mine in called)
    # A hook that fails in a getter is tried again by the next; what it raises for a callback is the outcome.
    assert all(len(mine) == 1 or (len(mine) == 2 and number % 3 == 0) for number, mine in enumerate(computed))


def test_a_lazy_future_of_many_sources_calls_back_once() -> None:
    count = scaled(20_000, 3_000)
    sources: list[list[Future[int]]] = [[Future() for _ in range(count)] for _ in range(3)]
    called: list[list[Any]] = [[] for _ in range(count)]
    last: list[Future[None]] = [Future() for _ in range(count)]
    for number in range(count):
        joined = sources[0][number].join(sources[1][number], sources[2][number])

        def call(done: Future[Any], number: int = number) -> None:
            called[number].append(done.get())
            last[number].try_set()

        joined.add_done_callback(call)

    def set_all(mine: list[Future[int]]) -> None:
        for number, future in enumerate(mine):
            future.set(number)

    race(*(lambda mine=mine: set_all(mine) for mine in sources))  # type: ignore[misc]
    get_all(last, timeout=PATIENCE)
    assert called == [[[number] * 3] for number in range(count)]


def test_a_thread_that_waits_is_ended_once_by_wake_throw_or_time() -> None:
    count = scaled(50_000, 5_000)
    parkers = [ThreadParker() for _ in range(count)]
    ends: list[Any] = []
    thrown: list[bool] = []

    def park_all() -> None:
        for number, parker in enumerate(parkers):
            try:
                ends.append(parker.park(0.0 if number % 2 else 1e-5))
            except ActorKilled:
                ends.append("thrown")

    def wake_all() -> None:
        for parker in parkers:
            parker.wake()

    def throw_all() -> None:
        thrown.extend(parker.throw(ActorKilled()) for parker in parkers)

    race(park_all, wake_all, throw_all)
    assert [end == "thrown" for end in ends] == thrown


@pytest.mark.parametrize("kind", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_waits_in_handlers_end_with_answer_timeout_or_kill(kind: DispatcherKind) -> None:  # three sides of one race
    rounds = scaled(5_000, 150)

    class Waiting(Actor):
        def on_receive(self, message: Any) -> str:
            future, timeout = message
            try:
                return str(future.get(timeout=timeout))
            except Timeout:
                return "timeout"

    outcomes: Counter[str] = Counter()
    with ActorSystem() as system:
        for turn in range(rounds):
            gates: list[Future[str]] = [Future() for _ in range(5)]
            refs = [system.spawn(Waiting, dispatcher=kind) for _ in gates]
            asked = [
                ref.ask((gate, (None, 0.0, 0.0005, 0.001, None)[number]), block=False)
                for number, (ref, gate) in enumerate(zip(refs, gates, strict=True))
            ]

            def open_all(gates: list[Future[str]] = gates) -> None:
                for gate in gates:
                    gate.try_set("open")

            def kill(ref: ActorRef[Any] = refs[turn % 5]) -> None:
                ref.kill(timeout=PATIENCE)

            race(open_all, kill)
            for future in asked:
                try:
                    outcomes[future.get(timeout=PATIENCE)] += 1
                except ActorDeadError:
                    outcomes["killed"] += 1
            for ref in refs:
                ref.stop(block=False)
    assert sum(outcomes.values()) == rounds * 5
    assert set(outcomes) <= {"open", "timeout", "killed"}


@every_dispatcher
def test_one_down_comes_whatever_the_watch_races_with(kind: DispatcherKind) -> None:
    rounds = scaled(5_000, 150)

    class Watcher(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.downs = 0

        def on_receive(self, message: Any) -> Any:
            match message:
                case ActorRef():
                    self.watch(message)
                case "downs":
                    return self.downs
                case _:
                    self.downs += 1
                    came.release()
            return None

    came = threading.Semaphore(0)
    with ActorSystem() as system:
        watcher = system.spawn(Watcher, dispatcher=kind)
        for _ in range(rounds):
            ref = system.spawn(Collector, dispatcher=kind)
            race(lambda ref=ref: watcher.tell(ref), lambda ref=ref: ref.stop(timeout=PATIENCE))  # type: ignore[misc]
            assert came.acquire(timeout=PATIENCE)
        assert watcher.ask("downs", timeout=PATIENCE) == rounds
