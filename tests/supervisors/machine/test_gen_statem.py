"""The rules of OTP's gen_statem, one by one, on every dispatcher."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors import ActorDeadError
from supervisors.machine import TransitionError, UnhandledEventError
from tests.supervisors.machine.kit import STAGES, Do, Inside, Later, Place, Player, Stage, log, stage, to

A, B, C = Place.A, Place.B, Place.C


@pytest.fixture(params=STAGES)
def on(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(request.param) as made:
        yield made


# -- a state change is next ≠ old; only then ... -----------------------------------------------------------------------------------------


def test_a_state_change_is_next_other_than_old_only_then_the_queue_restarts_from_the_oldest_postponed_event(on: Stage) -> None:
    player = on.spawn(Player)
    for name in ("first", "second", "third"):
        player.tell(Later(name))
    player.tell(Do("same", to(A)))
    player.tell(Do("other", to(B)))
    player.tell(Do("after"))
    assert log(player) == ["+A", "A:same", "A:other", "-A", "+B", "B:first", "B:second", "B:third", "B:after"]


def test_an_event_that_changes_the_state_while_postponed_ones_come_again_restarts_the_queue_from_the_oldest(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Later("one"))
    player.tell(Later("two", to(A)))
    player.tell(Later("three"))
    player.tell(Do("go", to(B)))
    player.tell(Do("go again", to(C)))
    # "two" takes the machine back to A, where "three" is postponed once more, behind nothing: "one" and "two" are done with.
    assert log(player) == ["+A", "A:go", "-A", "+B", "B:one", "B:two", "-B", "+A", "A:go again", "-A", "+C", "C:three"]


def test_a_state_change_is_next_other_than_old_only_then_the_state_timeout_is_cancelled(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("start", lambda machine: machine.start_state_timeout(5.0)))
    player.tell(Do("same", to(A)))
    assert log(player)[-1] == "A:same"
    on.advance(5.0)
    assert log(player)[-1] == "A:state timeout"
    player.tell(Do("start", lambda machine: machine.start_state_timeout(5.0)))
    player.tell(Do("other", to(B)))
    assert log(player)[-1] == "+B"
    on.advance(10.0)
    assert log(player)[-1] == "+B"


def test_a_state_change_is_next_other_than_old_only_then_the_enter_action_runs(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("same", to(A)))
    player.tell(Do("stay"))
    player.tell(Do("other", to(B)))
    assert log(player) == ["+A", "A:same", "A:stay", "A:other", "-A", "+B"]


def test_data_only_changes_never_retry_postponed_events(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Later("kept"))
    player.tell(Do("data", lambda machine: machine.data.append("changed")))
    player.tell(Do("same", to(A)))
    assert log(player) == ["+A", "A:data", "changed", "A:same"]
    assert player.stats().stashed == 1


# -- inserted and internal events --------------------------------------------------------------------------------------------------------


def test_inserted_events_go_ahead_of_queued_ones_the_first_listed_first(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("now", lambda machine: machine.insert(Inside("x"), Do("y"))))
    player.tell(Do("queued"))
    assert log(player) == ["+A", "A:now", "A:x", "A:y", "A:queued"]


def test_events_inserted_by_an_inserted_one_go_ahead_of_the_rest(on: Stage) -> None:
    player = on.spawn(Player)
    nested = Inside("x", lambda machine: machine.insert(Inside("x1"), Inside("x2")))
    player.tell(Do("now", lambda machine: machine.insert(nested, Inside("y"))))
    assert log(player) == ["+A", "A:now", "A:x", "A:x1", "A:x2", "A:y"]


def test_inserted_events_go_ahead_of_postponed_ones_that_come_again(on: Stage) -> None:
    def go(machine: Player) -> None:
        machine.insert(Inside("inserted"))
        machine.goto(B)

    player = on.spawn(Player)
    player.tell(Later("postponed"))
    player.tell(Do("go", go))
    player.tell(Do("queued"))
    assert log(player) == ["+A", "A:go", "-A", "+B", "B:inserted", "B:postponed", "B:queued"]


def test_an_inserted_event_can_be_postponed(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Later("before"))
    player.tell(Do("now", lambda machine: machine.insert(Later("inserted"))))
    player.tell(Later("after"))
    player.tell(Do("go", to(B)))
    assert log(player) == ["+A", "A:now", "A:go", "-A", "+B", "B:before", "B:inserted", "B:after"]


def test_internal_events_cannot_come_from_outside(on: Stage) -> None:
    player = on.spawn(Player)
    with pytest.raises(UnhandledEventError, match="internal"):
        player.ask(Inside("forged"))
    assert log(player) == ["+A"]


# -- timeouts ----------------------------------------------------------------------------------------------------------------------------


def test_there_is_one_state_timeout_a_second_one_replaces_it(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("start", lambda machine: machine.start_state_timeout(5.0)))
    player.tell(Do("again", lambda machine: machine.start_state_timeout(8.0)))
    assert log(player)[-1] == "A:again"
    on.advance(5.0)
    assert log(player)[-1] == "A:again"
    on.advance(3.0)
    assert log(player)[-1] == "A:state timeout"
    on.advance(20.0)
    assert log(player).count("A:state timeout") == 1


def test_a_state_timeout_started_by_the_event_that_changes_the_state_is_the_new_states(on: Stage) -> None:
    def go(machine: Player) -> None:
        machine.start_state_timeout(5.0)
        machine.goto(B)

    player = on.spawn(Player)
    player.tell(Do("go", go))
    assert log(player)[-1] == "+B"
    on.advance(5.0)
    assert log(player)[-1] == "B:state timeout"


def test_there_is_one_event_timeout_which_any_event_cancels(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("start", lambda machine: machine.start_event_timeout(5.0)))
    on.advance(4.0)
    player.tell(Later("even a postponed one"))
    on.advance(10.0)
    assert log(player) == ["+A", "A:start"]
    player.tell(Do("start", lambda machine: machine.start_event_timeout(5.0)))
    on.advance(5.0)
    assert log(player)[-1] == "A:event timeout"


@pytest.mark.parametrize(
    "event",
    [
        Do("taken"),
        Later("postponed"),
        Do("moving", to(B)),
        Do("inserts", lambda machine: machine.insert(Inside("inserted"))),
    ],
    ids=lambda event: event.name,
)
def test_an_event_timeout_is_cancelled_by(on: Stage, event: Do) -> None:
    player = on.spawn(Player)
    player.tell(Do("start", lambda machine: machine.start_event_timeout(5.0)))
    player.tell(event)
    on.advance(10.0)
    assert not any("event timeout" in line for line in log(player))


def test_an_event_timeout_is_cancelled_by_another_timeout(on: Stage) -> None:
    def start(machine: Player) -> None:
        machine.start_timeout("one", 1.0)
        machine.start_event_timeout(5.0)

    player = on.spawn(Player)
    player.tell(Do("start", start))
    on.advance(1.0)
    on.advance(10.0)
    assert log(player) == ["+A", "A:start", "A:one"]


def test_any_number_of_named_timeouts_which_are_never_cancelled_by_themselves(on: Stage) -> None:
    def start(machine: Player) -> None:
        machine.start_timeout("one", 5.0)
        machine.start_timeout("two", 6.0)

    player = on.spawn(Player)
    player.tell(Do("start", start))
    player.tell(Do("go", to(B)))
    player.tell(Do("back", to(A)))
    assert log(player)[-1] == "+A"
    on.advance(5.0)
    assert log(player)[-1] == "A:one"
    on.advance(1.0)
    assert log(player)[-1] == "A:two"


def test_a_named_timeout_is_replaced_by_one_of_its_name_and_cancelled_by_its_name(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("start", lambda machine: machine.start_timeout("one", 5.0)))
    player.tell(Do("replace", lambda machine: machine.start_timeout("one", 8.0)))
    assert log(player)[-1] == "A:replace"
    on.advance(7.0)
    assert log(player)[-1] == "A:replace"
    player.tell(Do("cancel", lambda machine: machine.cancel_timeout("one")))
    assert log(player)[-1] == "A:cancel"
    on.advance(10.0)
    assert log(player)[-1] == "A:cancel"


def test_timeout_0_comes_after_events_already_received_and_before_those_not_yet_received(on: Stage) -> None:
    def go(machine: Player) -> None:
        machine.start_timeout("one", 0)
        machine.insert(Inside("inserted"))
        machine.goto(B)

    player = on.spawn(Player)
    player.tell(Later("received 1"))
    player.tell(Later("received 2"))
    player.tell(Do("go", go))
    player.tell(Do("not yet received"))
    assert log(player) == ["+A", "A:go", "-A", "+B", "B:inserted", "B:received 1", "B:received 2", "B:one", "B:not yet received"]


def test_timeouts_of_0_come_in_the_order_they_were_started_also_those_of_later_events(on: Stage) -> None:
    def first(machine: Player) -> None:
        machine.start_timeout("two", 0)
        machine.insert(Inside("inserted", lambda machine: machine.start_timeout("one", 0)))

    player = on.spawn(Player)
    player.tell(Do("first", first))
    player.tell(Do("queued"))
    assert log(player) == ["+A", "A:first", "A:inserted", "A:two", "A:one", "A:queued"]


def test_a_state_change_cancels_a_state_timeout_of_0_that_waits(on: Stage) -> None:
    def start(machine: Player) -> None:
        machine.start_state_timeout(0)
        machine.insert(Inside("leave", to(B)))

    player = on.spawn(Player)
    player.tell(Do("start", start))
    assert log(player) == ["+A", "A:start", "A:leave", "-A", "+B"]


def test_an_event_timeout_of_0_is_cancelled_by_an_event_already_received(on: Stage) -> None:
    def start(machine: Player) -> None:
        machine.start_event_timeout(0)
        machine.insert(Inside("inserted"))

    player = on.spawn(Player)
    player.tell(Do("start", start))
    player.tell(Do("alone", lambda machine: machine.start_event_timeout(0)))
    assert log(player) == ["+A", "A:start", "A:inserted", "A:alone", "A:event timeout"]


def test_a_timeout_of_0_can_be_cancelled(on: Stage) -> None:
    def start(machine: Player) -> None:
        machine.start_timeout("one", 0)
        machine.insert(Inside("cancel", lambda machine: machine.cancel_timeout("one")))

    player = on.spawn(Player)
    player.tell(Do("start", start))
    assert log(player) == ["+A", "A:start", "A:cancel"]


# -- enter actions -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forbidden",
    [
        pytest.param(lambda machine: machine.goto(C), id="change the state"),
        pytest.param(lambda machine: machine.stash(), id="postpone"),
        pytest.param(lambda machine: machine.insert(Inside("no")), id="insert"),
    ],
)
@pytest.mark.parametrize("action", ["enter", "exit"])
def test_enter_actions_may_not(on: Stage, forbidden: object, action: str) -> None:
    refusals: list[TransitionError] = []

    def tries(machine: Player) -> None:
        if len(machine.data) > 1:
            with pytest.raises(TransitionError) as caught:
                forbidden(machine)  # type: ignore[operator]
            refusals.append(caught.value)

    player = on.spawn(Player, tries if action == "enter" else None, tries if action == "exit" else None)
    player.tell(Do("go", to(B)))
    assert log(player) == ["+A", "A:go", "-A", "+B"]
    assert len(refusals) == 1


def test_enter_actions_may_start_timeouts(on: Stage) -> None:
    player = on.spawn(Player, lambda machine: machine.start_state_timeout(3.0))
    on.advance(3.0)
    assert log(player) == ["+A", "A:state timeout"]


def test_the_enter_action_of_the_initial_state_runs_before_the_first_event(on: Stage) -> None:
    player = on.spawn(Player)
    player.tell(Do("first"))
    assert log(player) == ["+A", "A:first"]


# -- replies -----------------------------------------------------------------------------------------------------------------------------


def test_a_reply_may_come_from_a_later_state(on: Stage) -> None:
    handles = []
    player = on.spawn(Player)
    question = player.ask(Do("question", lambda machine: handles.append(machine.reply_later())), block=False)
    player.tell(Do("go", to(B)))
    assert log(player)[-1] == "+B"
    assert not question.done()
    player.tell(Do("answer", lambda machine: handles[0].reply(machine.state)))
    assert question.get(timeout=20) is B


def test_a_postponed_ask_is_answered_when_it_is_taken(on: Stage) -> None:
    player = on.spawn(Player)
    question = player.ask(Later("question", lambda machine: machine.state.name), block=False)
    assert log(player) == ["+A"]
    assert not question.done()
    player.tell(Do("go", to(C)))
    assert question.get(timeout=20) == "C"


def test_postponed_events_of_a_machine_that_stops_are_told_to_who_sent_them(on: Stage) -> None:
    player = on.spawn(Player)
    question = player.ask(Later("asked"), block=False)
    player.tell(Later("told"))
    player.stop()
    with pytest.raises(ActorDeadError):
        question.get(timeout=20)
    assert on.letters == [Later("told")]
