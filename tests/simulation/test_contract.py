"""The contract of the kernel under every ordering: what programs of hypothesis' making record is what was promised.

Where a promise is of some orderings only, the test names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings

from actors import ActorDeadError, DeadLetterReason, DownReason
from actors.testing import Ordering, Simulation, explore
from tests.simulation.generated import EVERY, ORDERED, SCENARIO, Mail, Program, Run, programs
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

CAUSAL, PAIR_FIFO, UNORDERED = Ordering.CAUSAL, Ordering.PAIR_FIFO, Ordering.UNORDERED
RUNS = scaled(24, 5)
EXAMPLES = settings(max_examples=scaled(300, 8), deadline=None)


def check(program: Program, claim: Callable[[Run], None], *orderings: Ordering) -> None:
    """Have `claim` hold in every run that is made of `program`."""

    def scenario(sim: Simulation) -> None:
        claim(Run(sim, program).begin())

    for ordering in orderings or Ordering:
        explore(scenario, runs=RUNS, ordering=ordering, shrinking=0).check()
        explore(scenario, runs=RUNS, ordering=ordering, shrinking=0, strategy="exhaustive").check()


def in_order(run: Run, comes_first: Callable[[Mail, Mail], bool]) -> None:
    sent = [mail for mail in run.mails if mail.way in ("tell", "ask") and mail.number not in run.returned]
    fates: dict[Any, Any] = {mail: run.fate(mail) for mail in sent}
    assert None not in fates.values()
    for event in run.all("begin"):
        for earlier in sent:
            if event.mail in fates and earlier.to == event.who and comes_first(earlier, event.mail):
                assert fates[earlier] <= fates[event.mail], (earlier, event.mail)


@EXAMPLES
@given(programs(ORDERED))
def test_messages_of_one_sender_are_handled_in_the_order_sent(program: Program) -> None:
    """Under CAUSAL and PAIR_FIFO; stash is an order that one asks for."""

    def claim(run: Run) -> None:
        in_order(run, lambda earlier, later: earlier.sender == later.sender and earlier.number < later.number)

    check(program, claim, CAUSAL, PAIR_FIFO)


@EXAMPLES
@given(programs(ORDERED))
def test_a_message_is_handled_before_what_its_sending_led_to(program: Program) -> None:
    """Under CAUSAL."""
    check(program, lambda run: in_order(run, lambda earlier, later: earlier.number in later.past), CAUSAL)


@EXAMPLES
@given(programs())
def test_a_message_is_handled_at_most_once(program: Program) -> None:
    def claim(run: Run) -> None:
        for mail in run.mails:
            assert 0 <= run.handlings(mail) <= 1, mail

    check(program, claim)


@EXAMPLES
@given(programs())
def test_every_message_has_exactly_one_fate(program: Program) -> None:
    """It is handled, or returned, or a dead letter; a tick of a timer that has ended is none of these."""

    def claim(run: Run) -> None:
        for mail in run.mails:
            if mail.way not in ("tell", "ask"):
                continue
            handled = run.handlings(mail)
            dead = sum(event.mail is mail for event in run.all("dead"))
            returned = mail.number in run.returned
            assert not returned or run.returned[mail.number].message is mail
            if mail.way == "ask" and not handled:
                (error,) = run.outcomes[mail.number]
                returned = isinstance(error, ActorDeadError) and error.message is mail and not dead
            assert handled + dead + returned == 1, (mail, handled, dead, returned)

    check(program, claim)


@EXAMPLES
@given(programs())
def test_an_actor_is_at_one_message_at_a_time(program: Program) -> None:
    def claim(run: Run) -> None:
        assert all(event.more[0] == 0 for event in run.all("begin"))

    check(program, claim)


@EXAMPLES
@given(programs())
def test_nothing_is_handled_after_the_end(program: Program) -> None:
    """Neither after `on_stop`, nor after watchers are told."""

    def claim(run: Run) -> None:
        over: set[str] = set()
        for event in run.events:
            assert event.who not in over or event.what not in ("begin", "down", "on_stop", "ended"), event
            if event.what == "ended":
                over.add(event.who)
        for index, event in enumerate(run.events):
            if event.what == "on_stop":
                assert all(later.who != event.who or later.what != "begin" for later in run.events[index:])
        assert over >= set(run.refs)

    check(program, claim)


@EXAMPLES
@given(programs())
def test_every_ask_resolves_exactly_once(program: Program) -> None:
    def claim(run: Run) -> None:
        assert all(len(outcomes) == 1 for outcomes in run.outcomes.values()), run.outcomes

    check(program, claim)


@EXAMPLES
@given(programs((*("timer", "cancel") * 4, "tell", "tell", "sleep", "sleep", "restart", "ask", "stop")))
def test_a_timer_that_was_cancelled_or_replaced_stays_silent(program: Program) -> None:
    """So does one of a former instance. None comes early or twice."""

    def claim(run: Run) -> None:
        for event in run.all("begin"):
            if event.mail is not None and event.mail.timer is not None:
                _, number, earliest = event.mail.timer
                assert event.more[2] == number
                assert event.time >= earliest
                assert run.handlings(event.mail) == 1

    check(program, claim)


@EXAMPLES
@given(programs((*ORDERED, *("watch",) * 6, "stop", "kill")))
def test_a_down_comes_exactly_once(program: Program) -> None:
    def claim(run: Run) -> None:
        watching: set[tuple[str, str]] = set()
        for event in run.events[: run.quiet]:
            if event.what == "watch":
                watching.add((event.who, event.more[0]))
            elif event.what == "down":
                assert (event.who, event.more) in watching, event
                watching.remove((event.who, event.more))
        for watcher, target in watching:
            assert target not in dict(run.ended_before) or watcher not in run.alive or watcher in run.busy, (watcher, target)

    check(program, claim)


@EXAMPLES
@given(programs((*("watch", "tell") * 3, "ask later", "stop", "kill")))
def test_a_down_comes_after_every_message_that_the_actor_sent_the_watcher(program: Program) -> None:
    """Under CAUSAL and PAIR_FIFO."""

    def claim(run: Run) -> None:
        for index, event in enumerate(run.events):
            if event.what == "down":
                for mail in run.mails:
                    if (
                        mail.sender == event.more
                        and mail.to == event.who
                        and mail.way in ("tell", "ask")
                        and mail.number not in run.returned
                    ):
                        fate = run.fate(mail)
                        assert fate is not None
                        assert fate < index, (event, mail)

    check(program, claim, CAUSAL, PAIR_FIFO)


@EXAMPLES
@given(programs((*EVERY, "kill", "kill")))
def test_a_kill_comes_before_the_mail(program: Program) -> None:
    """Also before what was sent before it."""

    def claim(run: Run) -> None:
        for index, event in enumerate(run.events):
            if event.what == "kill":
                to = event.mail.to
                assert all(later.who != to or later.what not in ("begin", "down") for later in run.events[index:]), event

    check(program, claim)


@EXAMPLES
@given(programs((*EVERY, "restart", "restart")))
def test_a_restart_comes_before_the_mail_and_the_ref_stays(program: Program) -> None:
    def claim(run: Run) -> None:
        for index, event in enumerate(run.events):
            if event.what == "restart":
                to = event.mail.to
                later = next((one for one in run.events[index:] if one.who == to and one.what == "begin"), None)
                assert later is None or later.more[1] > event.more[1]
        for name in run.alive:
            assert run.sim.system.lookup(f"/{name}") in (run.refs[name], None)

    check(program, claim)


@EXAMPLES
@given(programs((*(name for name in ORDERED if name not in ("kill", "fail")), "stop")))
def test_a_stop_handles_everything_that_was_sent_before_it(program: Program) -> None:
    """What is in the past of the stop under CAUSAL, what its sender sent the actor under PAIR_FIFO.

    There the stop of a shutdown comes from the actor that has ended before, and is behind nothing that others sent.
    """

    def before(stop: Mail, mail: Mail, *, causal: bool) -> bool:
        return mail.number in stop.past and (causal or mail.sender == stop.sender)

    for ordering in (CAUSAL, PAIR_FIFO):

        def claim(run: Run, causal: bool = ordering is CAUSAL) -> None:
            for name in list(run.refs)[: len(program.kinds)]:
                if run.ended[name] is not DownReason.STOPPED:
                    continue
                end = Mail(-1, SCENARIO, name, "stop", run.known[SCENARIO], ())  # of the shutdown; handlers that it frees still send
                stops = [mail for mail in run.mails if mail.way == "stop" and mail.to == name]
                if causal:
                    stops.append(end)
                elif not stops:
                    continue
                unhandled = [mail for mail in run.mails if mail.to == name and mail.way in ("tell", "ask") and not run.handlings(mail)]
                unhandled = [mail for mail in unhandled if mail.number not in run.returned and run.fate(mail) is not None]
                assert any(not any(before(stop, mail, causal=causal) for mail in unhandled) for stop in stops), (name, unhandled)

        check(program, claim, ordering)


def cycle(name: str, waits: dict[str, Mail]) -> bool:
    """Tell whether `name` waits for itself in the end."""
    at: str = name
    for _ in waits:
        if at not in waits:
            return False
        at = waits[at].to
        if at == name:
            return True
    return False


@EXAMPLES
@given(programs(("ask", "ask", "tell", "ask later", "reply later", "reply"), kinds=("plain", "plain", "async"), depth=2))
def test_a_deadlock_error_has_a_cycle_and_every_cycle_has_one(program: Program) -> None:
    def claim(run: Run) -> None:
        for event in run.all("deadlock"):
            assert cycle(event.who, event.more), event
        # Who has handled an ask and owes the answer waits for nobody.
        stuck = {name: mail for name, mail in run.stuck.items() if run.place("end", mail) is None}
        assert not any(cycle(name, stuck) for name in stuck)

    check(program, claim)


@EXAMPLES
@given(programs(("tell within", "ask within", "tell within", "sleep", "sleep", "tell", "ask", "fail", "restart", "stash", "unstash")))
def test_a_message_is_never_handled_after_its_deadline(program: Program) -> None:
    def claim(run: Run) -> None:
        for event in run.all("begin"):
            mail = event.mail
            assert mail is not None
            assert mail.latest is None or event.time <= mail.latest, event
        for event in run.all("dead"):
            if event.more is DeadLetterReason.EXPIRED:
                assert event.mail is not None
                # None: an ask has the deadline of the message in whose handler it is sent, of which its mail knows nothing.
                assert event.mail.latest is None or event.time >= event.mail.latest

    check(program, claim)
