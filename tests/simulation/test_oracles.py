"""Oracles: each tells what it is for, in a run that breaks it, and is silent in one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorRef, Bounded
from actors.testing import Faults, InvariantError, Ordering, Simulation, explore, oracles
from tests.simulation.scenarios import Forward, Log, Philosopher, dining

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.world import World


def failure_of(scenario: Callable[[Simulation], object], **options: Any) -> str | None:
    found = explore(scenario, runs=options.pop("runs", 300), **options)
    if found.failure is None:
        return None
    assert isinstance(found.failure.error, InvariantError)
    return str(found.failure.error)


def pair(sim: Simulation) -> None:
    sim.check(oracles.PairFifo())
    log = sim.spawn(Log)
    log.tell(1)
    log.tell(2)
    sim.run()


@pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
def test_the_messages_of_a_pair_come_in_order_but_over_a_network_without_any(ordering: Ordering) -> None:
    assert failure_of(pair, ordering=ordering) is None
    assert failure_of(pair, ordering=Ordering.UNORDERED) == (
        "'pair FIFO' does not hold: 1 scenario -> /$1 was delivered after 2 scenario -> /$1, which was sent later"
    )


def triangle(sim: Simulation) -> None:
    class Both(Actor):
        def __init__(self, last: ActorRef[Any], relay: ActorRef[Any]) -> None:
            super().__init__()
            self.last, self.relay = last, relay

        def on_receive(self, message: Any) -> None:
            self.last.tell("first")
            self.relay.tell("second")

    sim.check(oracles.CausalOrder())
    log = sim.spawn(Log)
    sim.spawn(Both, log, sim.spawn(Forward, log)).tell("go")
    sim.run()


def test_what_a_message_led_to_comes_after_it_in_causal_order_only() -> None:
    assert failure_of(triangle, strategy="exhaustive") is None
    assert "which its sending led to" in str(failure_of(triangle, ordering=Ordering.PAIR_FIFO))


def once(oracle: Callable[[], oracles.Oracle]) -> Callable[[Simulation], object]:
    def scenario(sim: Simulation) -> None:
        sim.check(oracle())
        log = sim.spawn(Log)
        sim.spawn(Forward, log).tell("x")
        sim.run()

    return scenario


def test_messages_that_come_twice_or_never_are_told() -> None:
    assert failure_of(once(oracles.ExactlyOnce)) is None
    assert "was delivered twice" in str(failure_of(once(oracles.AtMostOnce), faults=Faults(duplicate=1)))
    assert failure_of(once(oracles.AtMostOnce), faults=Faults(drop=1)) is None
    assert "was never delivered" in str(failure_of(once(oracles.ExactlyOnce), faults=Faults(drop=1)))


def test_a_key_of_the_user_says_which_messages_are_the_same() -> None:
    def resend(sim: Simulation) -> None:
        sim.check(oracles.AtMostOnce(key=lambda message: message[0]))
        log = sim.spawn(Log)
        log.tell((1, "x"))
        log.tell((1, "again"))
        sim.run()

    assert "(1, 'again') scenario -> /$1 was delivered twice" in str(failure_of(resend))


def test_an_ask_that_nobody_answers_is_told() -> None:
    class Silent(Actor):
        def on_receive(self, message: Any) -> Any:
            self.reply_later()

    def scenario(sim: Simulation, actor_class: type[Actor] = Silent) -> None:
        sim.check(oracles.AskResolvesOnce())
        kept = sim.spawn(actor_class).ask("x", block=False)
        sim.run()
        assert kept is not None

    assert "'x' scenario -> /$1 was never answered" in str(failure_of(scenario))
    assert failure_of(lambda sim: scenario(sim, Log)) is None


def test_handlers_that_wait_for_ever_are_told() -> None:
    def scenario(sim: Simulation) -> None:
        sim.check(oracles.NoDeadlock())
        dining_without_waiting(sim)

    assert "handlers wait for ever in " in str(failure_of(scenario))


def dining_without_waiting(sim: Simulation) -> None:
    from tests.simulation.scenarios import Fork

    forks = [sim.spawn(Fork) for _ in range(3)]
    for seat in range(3):
        sim.spawn(Philosopher, forks[seat], forks[(seat + 1) % 3]).tell("eat")
    sim.run()


def test_messages_that_are_left_in_a_mailbox_or_stash_are_told() -> None:
    class Stasher(Actor):
        def on_receive(self, message: Any) -> None:
            self.stash()

    def scenario(sim: Simulation) -> None:
        sim.check(oracles.NothingLeft())
        sim.spawn(Stasher).tell("x")
        sim.run()

    assert "1 messages are in the stash of /$1" in str(failure_of(scenario))

    def waiting(sim: Simulation) -> None:
        sim.check(oracles.NothingLeft())
        dining_without_waiting(sim)

    assert failure_of(once(oracles.NothingLeft)) is None
    assert failure_of(waiting, runs=50) is None  # their messages were all taken


def test_a_message_that_is_changed_after_it_was_sent_is_told() -> None:
    def scenario(sim: Simulation) -> None:
        sim.check(oracles.UnchangedMessages())
        log = sim.spawn(Log)
        message = [1]
        log.tell(message)
        log.tell((2, object()))
        message.append(2)
        sim.run()

    assert "[1, 2] scenario -> /$1 was [1] when it was sent" in str(failure_of(scenario))


def test_a_mailbox_that_grows_beyond_a_bound_is_told() -> None:
    def flood(sim: Simulation, mailbox: Any = None) -> None:
        sim.check(oracles.MailboxBound(2, Log))
        log = sim.spawn(Log, mailbox=mailbox)
        for number in range(3):
            sim.spawn(Forward, log).tell(number)
        sim.run()

    assert "is number 3 in the mailbox, of at most 2" in str(failure_of(flood))
    assert failure_of(lambda sim: flood(sim, Bounded(2))) is None


def test_what_never_comes_and_what_does_not_hold_at_rest_are_told() -> None:
    def scenario(sim: Simulation, last: int) -> None:
        log = sim.spawn(Log)
        sim.eventually("three came", lambda: 3 in sim.instance(log).got)
        sim.at_rest("all came", lambda: len(sim.instance(log).got) == 3)
        for number in (1, 2, last):
            log.tell(number)
        sim.run()

    assert failure_of(lambda sim: scenario(sim, 3)) is None
    assert failure_of(lambda sim: scenario(sim, 4)) == "'three came' does not hold: nothing can happen any more, and it has never held"


def test_the_contract_holds_in_every_run() -> None:
    def scenario(sim: Simulation) -> None:
        sim.check(*oracles.contract())
        dining(sim)

    found = explore(scenario, runs=300)
    assert found.failure is not None
    assert not isinstance(found.failure.error, InvariantError)  # but they starve


class Fragile(Actor):
    def on_receive(self, message: Any) -> None:
        raise ValueError(message)


def test_an_actor_that_crashes_by_itself_is_told_and_one_that_is_made_to_is_not() -> None:
    def scenario(sim: Simulation, actor: type[Actor]) -> None:
        sim.check(oracles.NoCrashes())
        sim.spawn(actor, name="it").tell("x")
        sim.run()

    assert failure_of(lambda sim: scenario(sim, Fragile)) == "'no crashes' does not hold: /it crashed with ValueError('x')"
    assert failure_of(lambda sim: scenario(sim, Log), faults=Faults(crash=1), runs=50) is None


def test_an_oracle_watches_once_and_two_that_are_equal_are_two() -> None:
    class Counting(oracles.Oracle):
        name = "counts"

        def __init__(self) -> None:
            self.steps = 0

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Counting)

        __hash__ = None  # type: ignore[assignment]

        def stepped(self, world: World) -> None:
            self.steps += 1

    with Simulation() as sim:
        one, other = Counting(), Counting()
        sim.check(one, one, other)
        sim.spawn(Log)
        assert one.steps == other.steps == sim.steps > 0


def test_an_oracle_of_another_run_is_refused() -> None:
    outside = oracles.PairFifo()
    found = explore(lambda sim: sim.check(outside), runs=2)
    assert found.failure is not None
    assert str(found.failure.error).startswith("the oracle 'pair FIFO' has watched another run: create it in the scenario")


def test_what_is_no_oracle_is_refused() -> None:
    with Simulation() as sim, pytest.raises(TypeError, match="no oracle"):
        sim.check(oracles.PairFifo)  # type: ignore[arg-type]


# The framework itself keeps the following: to see that they are told, the oracles are lied to.


def test_a_handler_that_begins_while_another_is_at_work_is_told() -> None:
    class Liar(oracles.OneAtATime):
        def delivered(self, mail: oracles.Mail) -> None:
            super().delivered(mail)
            self.again = lambda: super(Liar, self).delivered(mail)

    class Busy(Actor):
        def __init__(self, liar: Liar) -> None:
            super().__init__()
            self.liar = liar

        def on_receive(self, message: Any) -> None:
            self.liar.again()

    def scenario(sim: Simulation) -> None:
        liar = Liar()
        sim.check(liar)
        sim.spawn(Busy, liar).tell("x")
        sim.run()

    assert "'x' scenario -> /$1 was delivered while /$1 was at work" in str(failure_of(scenario, runs=1))


def test_a_delivery_to_an_actor_that_has_ended_is_told() -> None:
    mails: list[oracles.Mail] = []

    class Keeper(oracles.Oracle):
        def delivered(self, mail: oracles.Mail) -> None:
            mails.append(mail)

    with Simulation() as sim:
        sim.check(Keeper())
        log = sim.spawn(Log)
        log.tell("x")
        oracles.NothingAfterStop().delivered(mails[0]) if mails else None
        log.stop()
        with pytest.raises(InvariantError, match="to an actor that has ended"):
            oracles.NothingAfterStop().delivered(mails[0])


def test_a_tick_of_a_cancelled_timer_that_is_handled_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ticker(Actor):
        def on_receive(self, message: Any) -> None:
            if message == "begin":
                self.start_timer("timer", 1.0, "tick")
            elif message == "end":
                self.cancel_timer("timer")

    def scenario(sim: Simulation) -> None:
        sim.check(oracles.CancelledTimersSilent())
        ticker = sim.spawn(Ticker)
        ticker.tell("begin")
        sim.spawn(Forward, ticker).tell("end")
        sim.run()

    assert failure_of(scenario) is None
    monkeypatch.setattr("actors._core.timers._Timer.fenced", lambda *_: False)
    assert "was handled, though its timer was cancelled" in str(failure_of(scenario))


def test_parts_that_are_compared_by_identity_are_no_change() -> None:
    def scenario(sim: Simulation) -> None:
        sim.check(oracles.UnchangedMessages())
        sim.spawn(Log).tell(("failed", ValueError("x")))
        sim.run()

    assert failure_of(scenario) is None


def test_actors_of_two_systems_are_told_apart() -> None:
    def scenario(sim: Simulation) -> None:
        sim.check(*oracles.contract())
        for number, name in enumerate(("one", "other")):
            sim.new_system(name).spawn(Log, name="log").tell(number)
        sim.run()

    assert failure_of(scenario) is None


def test_what_is_to_hold_at_the_end_needs_an_end() -> None:
    def forgetful(sim: Simulation) -> None:
        sim.at_rest("never looked at", lambda: False)
        sim.spawn(Log).tell(1)

    found = explore(forgetful, runs=1)
    assert found.failure is not None
    assert "let the scenario call sim.run()" in str(found.failure.error)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: oracles.MailboxBound(-1), ValueError),
        (lambda: oracles.MailboxBound(True), ValueError),
        (lambda: oracles.MailboxBound(1, "Store"), TypeError),  # type: ignore[arg-type]
        (lambda: oracles.AtMostOnce("id"), TypeError),  # type: ignore[arg-type]
    ],
)
def test_an_oracle_refuses_what_it_cannot_watch_with(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error, match="is not valid"):
        make()
