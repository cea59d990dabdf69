"""Mail and restarts: every message has one fate, whatever the policy, the mailbox, the dispatcher and the order of events."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRestarting,
    ActorSystem,
    Bounded,
    DeadLetter,
    DeadLetterReason,
    DispatcherKind,
    Future,
    Lifecycle,
    MailboxFullError,
    Overflow,
    Priority,
    SystemConfig,
    Unbounded,
)
from actors.testing import ManualClock, Simulation
from supervisors import AskFailure, Backoff, ChildState, GetChild, ListChildren, Strategy, Supervisor, WhileDown, child
from tests.contract.kit import EVERY_KIND, WAIT, Puppet, dead_letters, eventually, held, settle, under
from tests.supervisors.players import fail, get, states
from tests.supervisors.test_model import AnyOrder
from tests.support import scaled

PAUSE = Backoff(10.0, 10.0, jitter=0.0)
MAILBOXES = (
    Unbounded(),
    Unbounded(),
    Bounded(3, Overflow.REJECT),
    Bounded(3, Overflow.DROP_NEWEST),
    Bounded(3, Overflow.DROP_OLDEST),
    Bounded(3, Overflow.BLOCK),
    Priority(lambda message: message[0] % 3),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# -- every message has one fate ----------------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What the actors of a run tell of the messages, each with a number of its own."""

    handled: list[int] = field(default_factory=list)
    tried: Counter[int] = field(default_factory=Counter)  # how often a message has crashed somebody
    letters: list[tuple[int, DeadLetterReason]] = field(default_factory=list)
    undelivered: list[int] = field(default_factory=list)
    stashing: bool = True


class Clerk(Actor):
    """Does with a message what it says, and notes it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def on_receive(self, message: Any) -> Any:
        number, what = message
        if what == "stash" and self.ledger.stashing:
            self.stash()
            return None
        if what == "crash":
            self.ledger.tried[number] += 1
            raise LookupError(number)
        if what == "once":
            self.ledger.tried[number] += 1
            if self.ledger.tried[number] == 1:
                raise LookupError(number)
        self.ledger.handled.append(number)
        if what == "unstash":
            self.unstash()
        return number

    def on_undelivered(self, message: Any, reason: DeadLetterReason) -> None:
        self.ledger.undelivered.append(message[0])


class AsyncClerk(Clerk, dispatcher=DispatcherKind.EVENT_LOOP):
    async def on_receive(self, message: Any) -> Any:
        return Clerk.on_receive(self, message)


@dataclass
class Sent:
    """A message: whether it was an ask, and what its sender learned at once."""

    number: int
    what: str
    to: ActorRef[Any]
    answer: Future[Any] | None = None
    error: ActorDeadError | MailboxFullError | None = None


@dataclass
class Office:
    """Whoever sends: to the clerk of now."""

    sim: Simulation
    supervisor: ActorRef[Any]
    ref: ActorRef[Any]
    sent: list[Sent] = field(default_factory=list)

    def look(self) -> None:
        self.ref = self.supervisor.ask(GetChild("clerk")) or self.ref

    def do(self, command: str, more: Any = None) -> None:
        match command:
            case "tell" | "ask":
                self.send(command, more)
            case "sibling":
                sibling = self.supervisor.ask(GetChild("sibling"))
                if sibling is not None and sibling.state is Lifecycle.RUNNING:
                    self.sim.crash(sibling)
            case "advance":
                self.sim.advance(more / 2)
            case "step":
                for _ in range(more):
                    self.sim.step()
            case _:
                getattr(self.ref, command)(block=False)
                self.look()

    def send(self, how: str, what: str) -> None:
        one = Sent(len(self.sent), what, self.ref)
        self.sent.append(one)
        message = one.number, what
        try:
            if how == "tell":
                self.ref.tell(message)
            else:
                one.answer = self.ref.ask(message, block=False)
        except (ActorDeadError, MailboxFullError) as error:
            one.error = error


COMMANDS = st.one_of(
    st.tuples(st.sampled_from(("tell", "ask")), st.sampled_from(("do", "do", "do", "crash", "once", "stash", "unstash"))),
    st.tuples(st.sampled_from(("sibling", "kill", "restart", "stop"))),
    st.tuples(st.sampled_from(("advance", "step")), st.integers(1, 4)),
)


@settings(max_examples=scaled(10_000, 300), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    clerk=st.sampled_from((Clerk, AsyncClerk)),
    mailbox=st.sampled_from(MAILBOXES),
    strategy=st.sampled_from(Strategy),
    while_down=st.sampled_from(WhileDown),
    redeliver=st.integers(0, 2),
    ask_failure=st.sampled_from(AskFailure),
    backoff=st.sampled_from((None, Backoff(1.0, 1.0, jitter=0.0))),
    commands=st.lists(COMMANDS, max_size=20),
    seed=st.integers(0, 2**16),
)
def test_every_message_has_exactly_one_fate(
    clerk: type[Clerk],
    mailbox: Any,
    strategy: Strategy,
    while_down: WhileDown,
    redeliver: int,
    ask_failure: AskFailure,
    backoff: Backoff | None,
    commands: list[tuple[Any, ...]],
    seed: int,
) -> None:
    ledger = Ledger()
    with Simulation(AnyOrder(seed) if seed else None) as sim:
        sim.system.events.subscribe(DeadLetter, lambda letter: ledger.letters.append((letter.message[0], letter.reason)))
        spec = child(
            clerk,
            ledger,
            name="clerk",
            mailbox=mailbox,
            while_down=while_down,
            redeliver=redeliver,
            ask_failure=ask_failure,
            backoff=backoff,
        )
        supervisor = sim.spawn(Supervisor, [child(Puppet, name="sibling"), spec], strategy=strategy, intensity=None)
        office = Office(sim, supervisor, get(supervisor, "clerk"))
        for command in commands:
            office.do(*command)
        sim.run()
        ledger.stashing = False
        office.look()
        office.do("tell", "unstash")
        sim.run()
        sent = office.sent
        check(ledger, sent, redeliver)
        check_counts(ledger, sent)
        if not isinstance(mailbox, Priority):
            plain = [number for number in ledger.handled if sent[number].what != "stash"]
            assert plain == sorted(plain), "what is not put aside is handled in the order sent, redelivered or not"


def check(ledger: Ledger, sent: list[Sent], redeliver: int) -> None:
    handled, letters = Counter(ledger.handled), Counter(number for number, _ in ledger.letters)
    reasons = dict(ledger.letters)
    for one in sent:
        number = one.number
        assert one.error is None or one.error.message == (number, one.what), "what is refused comes back"
        fates = handled[number] + (one.error is not None)
        if one.answer is None:
            assert fates + letters[number] == 1, one
        else:
            assert one.answer.done(), one
            failed = one.answer.exception() is not None
            # What a full mailbox drops is published, though its asker is told as well.
            assert letters[number] == (failed and reasons.get(number) in (DeadLetterReason.DROPPED_NEWEST, DeadLetterReason.DROPPED_OLDEST))
            assert fates + failed == 1 or (one.what == "stash" and not failed), one
        assert ledger.tried[number] <= 1 + redeliver, one
        if reasons.get(number) is DeadLetterReason.POISONED:
            assert ledger.tried[number] == 1 + redeliver, one
    assert max(Counter(ledger.undelivered).values(), default=1) == 1
    assert set(ledger.undelivered) <= {number for number, _ in ledger.letters} | {one.number for one in sent if one.answer is not None}


def check_counts(ledger: Ledger, sent: list[Sent]) -> None:
    """At rest, the counters of each actor agree with its senders' own."""
    for ref in {one.to for one in sent}:
        stats = ref.stats()
        assert stats.in_progress == stats.waiting == stats.stashed == 0
        mine = [one for one in sent if one.to == ref and one.error is None]
        # An ask whose answer tells of a restart may have been refused at the door, or taken in and dropped.
        unsure = sum(one.answer is not None and isinstance(one.answer.exception(), ActorDeadError | MailboxFullError) for one in mine)
        assert len(mine) - unsure <= stats.accepted <= len(mine)
        assert stats.accepted == stats.handled + stats.dead_lettered + stats.dropped


# -- on every dispatcher -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=EVERY_KIND, ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> DispatcherKind:
    made: DispatcherKind = request.param
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def system(clock: ManualClock) -> Iterator[ActorSystem]:
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as made:
        yield made


class Keeper(Puppet):
    """Keeps its log over restarts, for the test to look at."""


def supervised(
    system: ActorSystem, kind: DispatcherKind, actor_class: type[Any] = Keeper, *args: Any, **options: Any
) -> tuple[ActorRef[Any], ActorRef[Any]]:
    """Return a supervisor and its one child."""
    options.setdefault("backoff", PAUSE)
    group = system.spawn(Supervisor, [child(under(kind, actor_class), *args, name="one", **options)], intensity=None)
    return group, get(group, "one")


def brought_down(group: ActorRef[Any], ref: ActorRef[Any]) -> None:
    """Let the child crash; return when it is in backoff."""
    ref.tell(fail)
    eventually(lambda: states(group) == {"one": ChildState.WAITING})


def test_kept_mail_is_handled_by_the_next_instance_in_order(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    log: list[Any] = []
    group, ref = supervised(system, kind, Keeper, log)
    with held(ref):
        ref.tell(fail)
        ref.tell(1)
        asked = ref.ask(2, block=False)
    eventually(lambda: states(group) == {"one": ChildState.WAITING})
    ref.tell(3)
    assert log == []
    assert ref.stats().waiting == 3
    clock.advance(10.0)
    assert asked.get(timeout=WAIT) == 2
    settle(ref)
    assert log == [1, 2, 3]


def test_fail_fast_gives_asks_and_new_tells_back_and_keeps_the_tells_that_wait(
    system: ActorSystem, clock: ManualClock, kind: DispatcherKind
) -> None:
    log: list[Any] = []
    group, ref = supervised(system, kind, Keeper, log, while_down=WhileDown.FAIL_FAST)
    with held(ref):
        ref.tell(fail)
        ref.tell(1)
        asked = ref.ask(2, block=False)
        ref.tell(3)
    with pytest.raises(ActorRestarting) as caught:
        asked.get(timeout=WAIT)
    assert caught.value.message == 2
    eventually(lambda: states(group) == {"one": ChildState.WAITING})
    clock.advance(4.0)
    for refused in (lambda: ref.tell(4), lambda: ref.ask(4, timeout=WAIT), lambda: ref.tell_within(4, 1.0)):
        with pytest.raises(ActorRestarting) as caught:
            refused()
        assert caught.value.message == 4
        assert caught.value.retry_after == 6.0
    clock.advance(6.0)
    eventually(lambda: states(group) == {"one": ChildState.RUNNING})
    settle(ref)
    assert log == [1, 3]


def test_drop_drops_all_of_it_and_tells_of_it(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    letters, log = dead_letters(system), []  # type: ignore[var-annotated]
    group, ref = supervised(system, kind, Keeper, log, while_down=WhileDown.DROP)
    with held(ref):
        ref.tell(fail)
        ref.tell(1)
        asked = ref.ask(2, block=False)
    with pytest.raises(ActorRestarting):
        asked.get(timeout=WAIT)
    eventually(lambda: states(group) == {"one": ChildState.WAITING})
    ref.tell(3)
    with pytest.raises(ActorRestarting):
        ref.ask(4, timeout=WAIT)
    clock.advance(10.0)
    eventually(lambda: states(group) == {"one": ChildState.RUNNING})
    assert ref.ask(5, timeout=WAIT) == 5
    assert log == [5]
    assert letters == [(fail, DeadLetterReason.POISONED), (1, DeadLetterReason.RESTARTED), (3, DeadLetterReason.RESTARTED)]
    assert ref.stats().dropped == 4


@pytest.mark.parametrize("policy", WhileDown)
def test_the_policy_applies_also_while_a_sibling_has_the_child_taken_down(
    system: ActorSystem, clock: ManualClock, kind: DispatcherKind, policy: WhileDown
) -> None:
    log: list[Any] = []
    specs = [child(Puppet, name="failing", backoff=PAUSE), child(under(kind, Keeper), log, name="one", while_down=policy)]
    group = system.spawn(Supervisor, specs, intensity=None, strategy=Strategy.REST_FOR_ONE)
    ref = get(group, "one")
    get(group, "failing").tell(fail)
    eventually(lambda: states(group) == {"failing": ChildState.WAITING, "one": ChildState.DOWN})
    if policy is WhileDown.FAIL_FAST:
        with pytest.raises(ActorRestarting):
            ref.tell(1)
    else:
        ref.tell(1)
    clock.advance(10.0)
    eventually(lambda: states(group)["one"] is ChildState.RUNNING)
    settle(ref)
    assert log == ([1] if policy is WhileDown.KEEP else [])


@pytest.mark.parametrize("times", [0, 1, 3])
def test_what_crashed_the_actor_comes_again_ahead_of_the_rest_so_many_times(system: ActorSystem, kind: DispatcherKind, times: int) -> None:
    log: list[Any] = []

    class Tried(Keeper):
        def on_receive(self, message: Any) -> Any:
            if message == "poison":
                self.log.append(message)
                raise LookupError
            return super().on_receive(message)

    letters = dead_letters(system)
    _, ref = supervised(system, kind, Tried, log, redeliver=times, backoff=None)
    with held(ref):
        ref.tell("poison")
        ref.tell("behind")
    eventually(lambda: "behind" in log)
    assert log == ["poison"] * (times + 1) + ["behind"]
    assert letters == [("poison", DeadLetterReason.POISONED)]
    assert ref.stats().restarts == times + 1
    settle(ref)
    stats = ref.stats()
    assert stats.accepted == stats.handled + stats.dead_lettered + stats.in_progress


@pytest.mark.parametrize("times", [0, 2])
def test_an_ask_that_counts_as_a_crash_fails_its_asker_after_the_last_time_only(
    system: ActorSystem, kind: DispatcherKind, times: int
) -> None:
    tries: list[int] = []

    class Asked(Keeper):
        def on_receive(self, message: Any) -> Any:
            if message == "poison":
                tries.append(1)
                raise LookupError(len(tries))
            return super().on_receive(message)

    letters = dead_letters(system)
    _, ref = supervised(system, kind, Asked, ask_failure=AskFailure.CRASH, redeliver=times, backoff=None)
    with pytest.raises(LookupError) as caught:
        ref.ask("poison", timeout=WAIT)
    assert caught.value.args == (times + 1,)
    assert ref.ask("alive", timeout=WAIT) == "alive"
    assert ref.stats().restarts == times + 1
    assert letters == []


def test_an_ask_that_fails_is_no_crash_by_default(system: ActorSystem, kind: DispatcherKind) -> None:
    _, ref = supervised(system, kind)
    with pytest.raises(LookupError):
        ref.ask(fail, timeout=WAIT)
    assert ref.ask("alive", timeout=WAIT) == "alive"
    assert ref.stats().restarts == 0


def test_the_stash_returns_to_the_front_at_a_restart(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    instances: list[int] = []

    class Stasher(Keeper):
        def on_start(self) -> None:
            instances.append(1)

        def on_receive(self, message: Any) -> Any:
            if len(instances) == 1 and isinstance(message, int):
                return self.stash()
            return super().on_receive(message)

    _, ref = supervised(system, kind, Stasher, log, backoff=None)
    ref.tell(1)
    asked = ref.ask(2, block=False)
    with held(ref):
        ref.tell(fail)
        ref.tell(3)
    assert asked.get(timeout=WAIT) == 2
    eventually(lambda: 3 in log)
    assert log == [1, 2, 3]
    assert ref.stats().stashed == 0


@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.DROP_NEWEST, Overflow.DROP_OLDEST])
def test_a_bounded_mailbox_keeps_its_bound_and_policy_while_its_actor_is_down(
    system: ActorSystem, clock: ManualClock, kind: DispatcherKind, overflow: Overflow
) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    group, ref = supervised(system, kind, Keeper, log, mailbox=Bounded(2, overflow))
    brought_down(group, ref)
    for number in (1, 2):
        ref.tell(number)
    if overflow is Overflow.REJECT:
        with pytest.raises(MailboxFullError) as caught:
            ref.tell(3)
        assert caught.value.message == 3
    else:
        ref.tell(3)
    clock.advance(10.0)
    eventually(lambda: not ref.stats().waiting)
    settle(ref)
    assert log == {Overflow.REJECT: [1, 2], Overflow.DROP_NEWEST: [1, 2], Overflow.DROP_OLDEST: [2, 3]}[overflow]
    lost = {Overflow.REJECT: [], Overflow.DROP_NEWEST: [(3, DeadLetterReason.DROPPED_NEWEST)]}
    assert letters[1:] == lost.get(overflow, [(1, DeadLetterReason.DROPPED_OLDEST)])


def test_a_sender_that_waits_for_room_is_let_in_when_the_actor_is_back(
    system: ActorSystem, clock: ManualClock, kind: DispatcherKind
) -> None:
    log: list[Any] = []
    group, ref = supervised(system, kind, Keeper, log, mailbox=Bounded(1, Overflow.BLOCK))
    brought_down(group, ref)
    ref.tell(1)
    sender = system.spawn(Puppet)
    told = sender.ask(lambda _: ref.tell(2), block=False)
    eventually(lambda: sender.stats().in_progress)
    assert not told.done()
    clock.advance(10.0)
    told.get(timeout=WAIT)
    eventually(lambda: log == [1, 2])


def test_mail_that_expires_while_its_actor_is_down_is_a_dead_letter(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    group, ref = supervised(system, kind, Keeper, log)
    brought_down(group, ref)
    ref.tell_within(1, 5.0)
    ref.tell_within(2, 15.0)
    clock.advance(10.0)
    eventually(lambda: log == [2])
    assert letters[1:] == [(1, DeadLetterReason.EXPIRED)]


def test_mail_for_a_child_that_is_killed_is_not_its_successors(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    letters = dead_letters(system)
    group, ref = supervised(system, kind, Keeper, log, backoff=None)
    with held(ref):
        ref.tell(1)
        asked = ref.ask(2, block=False)
        ref.kill(timeout=WAIT)
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)
    assert letters == [(1, DeadLetterReason.KILLED)]
    eventually(lambda: group.ask(GetChild("one")) not in (None, ref))
    settle(get(group, "one"))
    assert log == []


def test_mail_of_a_child_that_is_given_up_becomes_dead_letters(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    letters = dead_letters(system)
    group, ref = supervised(system, kind)
    brought_down(group, ref)
    ref.tell(1)
    asked = ref.ask(2, block=False)
    assert group.stop(timeout=WAIT) is True
    with pytest.raises(ActorDeadError):
        asked.get(timeout=WAIT)
    assert letters[1:] == [(1, DeadLetterReason.STOPPED)]


def test_reply_handles_of_the_old_instance_tell_when_to_ask_again(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    group, ref = supervised(system, kind)
    open_ask = ref.ask(lambda actor: actor.reply_later(), block=False)
    settle(ref)
    brought_down(group, ref)
    with pytest.raises(ActorRestarting) as caught:
        open_ask.get(timeout=WAIT)
    assert caught.value.retry_after == 10.0


# -- what is handed over -----------------------------------------------------------------------------------------------------


class Counting(Puppet):
    """Hands its count over."""

    def __init__(self, log: list[Any], failing: list[str] | None = None) -> None:
        super().__init__(log)
        self.failing = failing if failing is not None else []
        self.count = 0
        self.log.append("init")

    def on_start(self) -> None:
        if "on_start" in self.failing:
            self.failing.remove("on_start")
            raise LookupError("on_start")
        self.log.append("on_start")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.log.append("on_failure")

    def on_handover(self) -> Any:
        if "on_handover" in self.failing:
            self.failing.remove("on_handover")
            raise LookupError("on_handover")
        self.log.append(("on_handover", self.count))
        return self.count or None

    def on_takeover(self, state: Any) -> None:
        if "on_takeover" in self.failing:
            self.failing.remove("on_takeover")
            raise LookupError("on_takeover")
        self.log.append(("on_takeover", state))
        self.count = state


def count(actor: Any) -> int:
    actor.count += 1
    total: int = actor.count
    return total


def test_state_goes_from_on_failure_of_the_old_to_between_init_and_on_start_of_the_new(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    _, ref = supervised(system, kind, Counting, log, backoff=None)
    ref.ask(count)
    ref.tell(fail)
    assert ref.ask(count, timeout=WAIT) == 2
    assert log == ["init", "on_start", "on_failure", ("on_handover", 1), "init", ("on_takeover", 1), "on_start"]


def test_nothing_handed_over_is_nothing_taken_over(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    _, ref = supervised(system, kind, Counting, log, backoff=None)
    ref.tell(fail)
    settle(ref)
    assert log == ["init", "on_start", "on_failure", ("on_handover", 0), "init", "on_start"]


@pytest.mark.parametrize("failing", ["on_start", "on_takeover"])
def test_what_was_handed_over_is_kept_until_an_instance_runs(system: ActorSystem, kind: DispatcherKind, failing: str) -> None:
    log: list[Any] = []
    broken: list[str] = []
    _, ref = supervised(system, kind, Counting, log, broken, backoff=None)
    ref.ask(count)
    broken.extend([failing] * 2)
    ref.tell(fail)
    assert ref.ask(count, timeout=WAIT) == 2
    assert ref.stats().restarts == 3


def test_a_handover_that_fails_hands_nothing_over(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    broken: list[str] = []
    _, ref = supervised(system, kind, Counting, log, broken, backoff=None)
    ref.ask(count)
    broken.append("on_handover")
    ref.tell(fail)
    assert ref.ask(count, timeout=WAIT) == 1
    assert ref.stats().restarts == 1


def test_a_child_that_a_sibling_takes_down_hands_over_too(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    specs = [child(Puppet, name="failing"), child(under(kind, Counting), log, name="one")]
    group = system.spawn(Supervisor, specs, strategy=Strategy.ONE_FOR_ALL)
    ref = get(group, "one")
    ref.ask(count)
    get(group, "failing").tell(fail)
    eventually(lambda: ref.stats().restarts == 1)
    assert ref.ask(count, timeout=WAIT) == 2


class Holding(Puppet):
    """Hears, as it is made, which of the former instances there still are."""

    def __init__(self, former: list[Any], seen: list[int]) -> None:
        super().__init__([])
        seen.append(sum(one() is not None for one in former))
        former.append(weakref.ref(self))

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.log.append(["self" in frame.f_locals for frame, _ in walk_tb(traceback)])  # as some who report failures do


def fail_deep(actor: Any) -> None:
    try:
        fail(actor)
    except Exception as error:
        raise LookupError("caught, and again") from error


@pytest.mark.parametrize("failing", [fail, fail_deep])
def test_a_failure_that_is_kept_does_not_keep_the_instance_it_ended(system: ActorSystem, kind: DispatcherKind, failing: Any) -> None:
    former: list[Any] = []
    group, ref = supervised(system, kind, Holding, former, [], backoff=None)
    ref.tell(failing)
    settle(ref)
    error = group.ask(ListChildren())[0].last_error
    assert isinstance(error, (ValueError, LookupError))
    assert error.__traceback__ is not None
    eventually(lambda: former[0]() is None)
    assert "fail" in [frame.f_code.co_name for frame, _ in walk_tb((error.__cause__ or error).__traceback__)]


def test_the_old_instance_is_gone_before_the_new_one_is_made(system: ActorSystem, kind: DispatcherKind) -> None:
    former: list[Any] = []
    seen: list[int] = []
    _, ref = supervised(system, kind, Holding, former, seen, backoff=None)
    for _ in range(3):
        ref.tell(fail)
    settle(ref)
    assert seen == [0, 0, 0, 0]


def test_a_successor_of_a_killed_child_takes_nothing_over(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    group, ref = supervised(system, kind, Counting, log, backoff=None)
    ref.ask(count)
    ref.kill(timeout=WAIT)
    eventually(lambda: group.ask(GetChild("one")) not in (None, ref))
    assert get(group, "one").ask(count, timeout=WAIT) == 1


class Juggler(Actor, reentrant=True, dispatcher=DispatcherKind.EVENT_LOOP):
    """Has several messages in hand; told to fail, it waits for its cue first."""

    def __init__(self) -> None:
        super().__init__()
        self.cue = asyncio.Event()

    async def on_receive(self, message: Any) -> Any:
        if message == "cue":
            self.cue.set()
            return None
        if message == "fail":
            await self.cue.wait()
            raise LookupError(message)
        return message


def test_the_message_that_crashes_a_reentrant_actor_is_a_dead_letter() -> None:
    with ActorSystem() as system:
        letters = dead_letters(system)
        ref = get(system.spawn(Supervisor, [child(Juggler, name="one")]), "one")
        ref.tell("fail")
        assert ref.ask("meanwhile", timeout=WAIT) == "meanwhile"
        ref.tell("cue")
        eventually(lambda: ref.stats().restarts == 1)
        assert ref.ask("after", timeout=WAIT) == "after"
        assert letters == [("fail", DeadLetterReason.POISONED)]
        assert (ref.stats().handled, ref.stats().dead_lettered) == (3, 1)


def test_a_restart_that_fails_to_start_runs_no_hook_of_that_instance(system: ActorSystem, kind: DispatcherKind) -> None:
    log: list[Any] = []
    broken: list[str] = []
    _, ref = supervised(system, kind, Counting, log, broken, backoff=None)
    broken.append("on_start")
    ref.tell(fail)
    settle(ref)
    assert [entry for entry in log if entry == "on_failure"] == ["on_failure"]
    assert log[-3:] == ["init", "init", "on_start"]
