"""Known bugs of small programs are found and told by as few deliveries as there can be; of correct programs nothing is told.

| program | style | ordering | minimum |
|---|---|---|---|
| check_then_create_asking | ask | causal | 7 |
| check_then_create_awaiting | async | causal | 7 |
| check_then_create_telling | tell | causal | 9 |
| check_then_create_from_the_start | tell | causal | 7 |
| check_then_create_from_the_start | tell | unordered | 7 |
| registry_exit_overtaken | tell | causal | 6 |
| registry_that_compares | tell | pair FIFO | 6 |
| put_repeated | tell | unordered | 7 |
| put_repeated_by_a_network | tell | unordered | 10 |
| transfer_race | ask | causal | 12 |
| transfer_race_awaiting | async | causal | 12 |
| retry_applied_twice | tell, timers | causal | 7 |
| cache_filled_after_invalidation | ask | causal | 8 |
| cache_filled_by_the_database | tell | unordered | 5 |
| late_subscriber | tell | causal | 7 |
| late_subscriber_of_a_topic_that_retains | tell | unordered | 9 |
| ring_election_hasty | tell | causal | 14 |
| ring_election_hasty | tell | unordered | 13 |
| two_phase_commit | tell | unordered | 10 |
| commit_decided_early | tell | causal | 10 |
| commit_decided_early_awaiting | async | causal | 5 |
| alternating_bit_that_loses_later | tell, timers | unordered | 17 |
| stop_and_wait_without_a_bit | tell, timers | causal | 10 |
| snapshot | tell | unordered | 9 |
| plain_broadcast | tell | pair FIFO | 8 |
| plain_broadcast_answerer_first | tell | causal | 8 |
| quiescence_in_two_rounds | ask | pair FIFO | 6 |
| quiescence_by_counting | ask | causal | 8 |
| reentrant_counter | async | causal | 5 |
| buffer_that_wakes_one | tell | causal | 11 |
| buffer_that_wakes_one | tell | pair FIFO | 11 |
| buffer_that_wakes_one | tell | unordered | 11 |
| monitor_that_wakes_one | ask | causal | 10 |
| dining | ask | causal | 9 |
| dining_awaiting | async | causal | 9 |
| dining_telling | tell | causal | 9 |
| lamport_mutex | tell | unordered | 6 |
| token_made_again | tell, timers | causal | 6 |
| lock_upgrade_lost | ask | causal | 13 |
| stolen_job_lost | tell | causal | 10 |
| stolen_job_lost | tell | unordered | 10 |
| managers_of_two_kinds | ask and tell | causal | 6 |
| managers_of_two_keys | ask | causal | 6 |
| dining_for_three_meals | ask | causal | 9 |
| dining_of_four | ask | causal | 12 |
| buffer_of_four_readers | tell | causal | 14 |
| lamport_mutex_of_three | tell | unordered | 10 |
| election_on_a_ring_of_five | tell | causal | 8 |
| commit_among_chatter | tell | causal | 7 |
| snapshot_of_a_flow | tell | unordered | 6 |
| puts_repeated | tell | unordered | 8 |
| upgrades_of_three | ask | causal | 11 |
| token_made_again_on_a_ring_of_five | tell, timers | causal | 9 |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors.testing import Faults, Kind, Ordering, Simulation, explore
from tests.simulation.brute import truth
from tests.simulation.programs import data, larger, protocols, resources
from tests.support import ACCEPT, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    Scenario = Callable[[Simulation], None]

CAUSAL, PAIR_FIFO, UNORDERED = Ordering.CAUSAL, Ordering.PAIR_FIFO, Ordering.UNORDERED
RUNS = 2_000
SEEDS = range(scaled(5, 1))
STATES = scaled(20_000, 150)  # enough for every one of these at full size

BUGGY: list[tuple[Scenario, Ordering, int]] = [
    (data.check_then_create_asking, CAUSAL, 7),
    (data.check_then_create_awaiting, CAUSAL, 7),
    (data.check_then_create_telling, CAUSAL, 9),
    (data.check_then_create_from_the_start, CAUSAL, 7),
    (data.check_then_create_from_the_start, UNORDERED, 7),
    (data.registry_exit_overtaken, CAUSAL, 6),
    (data.registry_that_compares, PAIR_FIFO, 6),
    (data.put_repeated, UNORDERED, 7),
    (data.put_repeated_by_a_network, UNORDERED, 10),
    (data.transfer_race, CAUSAL, 12),
    (data.transfer_race_awaiting, CAUSAL, 12),
    (data.retry_applied_twice, CAUSAL, 7),
    (data.cache_filled_after_invalidation, CAUSAL, 8),
    (data.cache_filled_by_the_database, UNORDERED, 5),
    (data.late_subscriber, CAUSAL, 7),
    (data.late_subscriber_of_a_topic_that_retains, UNORDERED, 9),
    (protocols.ring_election_hasty, CAUSAL, 14),
    (protocols.ring_election_hasty, UNORDERED, 13),
    (protocols.two_phase_commit, UNORDERED, 10),
    (protocols.commit_decided_early, CAUSAL, 10),
    (protocols.commit_decided_early_awaiting, CAUSAL, 5),
    (protocols.alternating_bit_that_loses_later, UNORDERED, 17),
    (protocols.stop_and_wait_without_a_bit, CAUSAL, 10),
    (protocols.snapshot, UNORDERED, 9),
    (protocols.plain_broadcast, PAIR_FIFO, 8),
    (protocols.plain_broadcast_answerer_first, CAUSAL, 8),
    (protocols.quiescence_in_two_rounds, PAIR_FIFO, 6),
    (protocols.quiescence_by_counting, CAUSAL, 8),
    (protocols.reentrant_counter, CAUSAL, 5),
    (resources.buffer_that_wakes_one, CAUSAL, 11),
    (resources.buffer_that_wakes_one, PAIR_FIFO, 11),
    (resources.buffer_that_wakes_one, UNORDERED, 11),
    (resources.monitor_that_wakes_one, CAUSAL, 10),
    (resources.dining, CAUSAL, 9),
    (resources.dining_awaiting, CAUSAL, 9),
    (resources.dining_telling, CAUSAL, 9),
    (resources.lamport_mutex, UNORDERED, 6),
    (resources.token_made_again, CAUSAL, 6),
    (resources.lock_upgrade_lost, CAUSAL, 13),
    (resources.stolen_job_lost, CAUSAL, 10),
    (resources.stolen_job_lost, UNORDERED, 10),
]

LARGER: list[tuple[Scenario, Ordering, int]] = [
    (larger.managers_of_two_kinds, CAUSAL, 6),
    (larger.managers_of_two_keys, CAUSAL, 6),
    (larger.dining_for_three_meals, CAUSAL, 9),
    (larger.dining_of_four, CAUSAL, 12),
    (larger.buffer_of_four_readers, CAUSAL, 14),
    (larger.lamport_mutex_of_three, UNORDERED, 10),
    (larger.election_on_a_ring_of_five, CAUSAL, 8),
    (larger.commit_among_chatter, CAUSAL, 7),
    (larger.snapshot_of_a_flow, UNORDERED, 6),
    (larger.puts_repeated, UNORDERED, 8),
    (larger.upgrades_of_three, CAUSAL, 11),
    (larger.token_made_again_on_a_ring_of_five, CAUSAL, 9),
]

# Too many states for a test; done once, in some minutes: `truth(scenario, ordering=ordering)`.
PROVED_BEFORE = [larger.dining_of_four]

# The weakest ordering under which each is correct: it is under all that promise more, too.
CORRECT: list[tuple[Scenario, Ordering]] = [
    (data.create_if_absent, UNORDERED),
    (data.registry_that_compares, CAUSAL),
    (data.put_once, UNORDERED),
    (data.put_repeated, PAIR_FIFO),
    (data.put_with_versions, UNORDERED),
    (data.transfer_by_adding, UNORDERED),
    (data.retry_with_numbers, UNORDERED),
    (data.cache_with_versions, UNORDERED),
    (data.cache_filled_by_the_database, PAIR_FIFO),
    (data.late_subscriber_of_a_topic_that_retains, PAIR_FIFO),
    (protocols.ring_election, UNORDERED),
    (protocols.two_phase_commit, PAIR_FIFO),
    (protocols.two_phase_commit_awaiting, UNORDERED),
    (protocols.alternating_bit, PAIR_FIFO),
    (protocols.alternating_bit_that_loses_later, PAIR_FIFO),
    (protocols.snapshot, PAIR_FIFO),
    (protocols.plain_broadcast, CAUSAL),
    (protocols.causal_broadcast, UNORDERED),
    (protocols.quiescence_in_two_rounds, CAUSAL),
    (protocols.quiescence_by_deficits, UNORDERED),
    (protocols.counter_one_at_a_time, UNORDERED),
    (resources.buffer_that_wakes_all_of_few, UNORDERED),
    (resources.dining_with_ordered_forks, UNORDERED),
    (resources.lamport_mutex, PAIR_FIFO),
    (resources.token_ring, UNORDERED),
    (resources.lock_taken_for_writing, UNORDERED),
    (resources.stolen_job_queued, UNORDERED),
    (larger.election_on_a_ring_of_four, UNORDERED),
]


def name(value: Any) -> str | None:
    return getattr(value, "__name__", None) or getattr(value, "value", None)


def cases() -> list[Any]:
    """Every program with a bug, with every seed."""
    found = []
    always = (data.registry_exit_overtaken, resources.buffer_that_wakes_one, resources.dining)
    smaller = [one for number, one in enumerate(BUGGY) if ACCEPT or number % 2 == 0 or one[0] in always]
    for scenario, ordering, minimum in smaller + LARGER[:: scaled(1, 4)]:
        for seed in SEEDS:
            label = f"{scenario.__name__}-{ordering.value}-{minimum}-{seed}"
            found.append(pytest.param(scenario, ordering, minimum, seed, id=label))
    return found


@pytest.mark.parametrize(("scenario", "ordering", "minimum", "seed"), cases())
def test_a_known_bug_is_found_and_told_by_the_fewest_deliveries(scenario: Scenario, ordering: Ordering, minimum: int, seed: int) -> None:
    found = explore(scenario, ordering=ordering, seed=seed, runs=RUNS, shrinking=60)  # it ends by itself, long before
    assert found.failure is not None
    assert found.failure.deliveries == minimum, f"\n{found.failure}"


@pytest.mark.parametrize(("scenario", "ordering", "minimum"), [one for one in BUGGY + LARGER if one[0] not in PROVED_BEFORE], ids=name)
def test_fewer_deliveries_do_not_show_the_bug(scenario: Scenario, ordering: Ordering, minimum: int) -> None:
    found = truth(scenario, ordering=ordering, states=STATES)
    assert found.minimum == (minimum if found.complete or ACCEPT else None)


@pytest.mark.parametrize(("scenario", "weakest"), CORRECT, ids=name)
def test_of_a_correct_program_nothing_is_told(scenario: Scenario, weakest: Ordering) -> None:
    for ordering in list(Ordering)[: list(Ordering).index(weakest) + 1]:
        explore(scenario, ordering=ordering, runs=scaled(RUNS, 40)).check()


@pytest.mark.parametrize(("scenario", "weakest"), CORRECT, ids=name)
def test_no_state_of_a_correct_program_is_wrong(scenario: Scenario, weakest: Ordering) -> None:
    """Weaker orderings have the runs of stronger ones among theirs."""
    found = truth(scenario, ordering=weakest, states=STATES)
    assert found.error is None
    assert found.complete or not ACCEPT, "no proof"


def test_shrinking_comes_to_an_end_by_itself() -> None:
    runs = 0

    def counted(sim: Simulation) -> None:
        nonlocal runs
        runs += 1
        if runs > RUNS:
            raise SystemExit
        data.put_repeated(sim)

    try:
        found = explore(counted, ordering=UNORDERED, shrinking=float("inf"))
    except SystemExit:
        pytest.fail("there is no end")
    assert found.failure is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_message_that_comes_twice_is_told_by_the_fewest_deliveries(seed: int) -> None:
    found = explore(data.put_once, ordering=UNORDERED, faults=Faults(duplicate=1), seed=seed, runs=RUNS, shrinking=60)
    assert found.failure is not None
    assert found.failure.deliveries == 7
    assert [step.message for step in found.failure.steps if step.kind is Kind.FAULT] == ["duplicate ('put', 1, 10, <Client>) /$2 -> /$1"]
