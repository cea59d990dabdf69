"""The ledger: what was due is never lost on its way to the store, whatever fails and whenever the program ends."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.scheduler.errors import StoreError, StoreFullError
from actors.scheduler.ledger import Ledger, Page
from actors.scheduler.store import Store
from actors.scheduler.stored import AddRun, EndRun, RetryRun, RunRow, RunState, run_id
from tests.scheduler.test_store import NEW_YEAR, Faulty, limit_pages, schedule
from tests.support import scaled


def row(name: str, due: float, state: RunState = RunState.CLAIMED, number: int = 1) -> RunRow:
    return RunRow(run_id(name, due), name, number, due, 1, state, began=due)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as made:
        yield made


class Answers:
    """What the ledger told of one write."""

    def __init__(self) -> None:
        self.done: list[list[bool]] = []
        self.failed: list[StoreError] = []


def claim(ledger: Ledger, page: Page, due: float, number: int = 1) -> Answers:
    answers = Answers()
    ledger.claim(page, row(page.schedule.name, due, number=number), answers.done.append, answers.failed.append)
    return answers


def test_run_may_begin_only_when_its_claim_is_in_the_store(store: Store) -> None:
    woken: list[None] = []
    ledger = Ledger(store, lambda: woken.append(None))
    page = ledger.put(schedule(due=NEW_YEAR))
    ledger.opened(page, {NEW_YEAR}, NEW_YEAR + 60)
    answers = claim(ledger, page, NEW_YEAR)
    assert answers.done == []
    assert store.claimed() == []
    assert woken
    assert ledger.flush() is None
    assert answers.done == [[True]]
    assert [run.due for run in store.claimed()] == [NEW_YEAR]
    assert store.schedules()[0].due == NEW_YEAR + 60


def test_schedule_stays_due_at_the_earliest_run_that_is_neither_claimed_nor_given_up(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page = ledger.put(schedule(due=NEW_YEAR))
    ledger.opened(page, {NEW_YEAR, NEW_YEAR + 1, NEW_YEAR + 2}, NEW_YEAR + 3)
    ledger.passed(page, row("backup", NEW_YEAR + 1, RunState.SKIPPED))
    ledger.flush()
    assert store.schedules()[0].due == NEW_YEAR  # it waits for a place, and would be lost if a kill came now
    claim(ledger, page, NEW_YEAR)
    claim(ledger, page, NEW_YEAR + 2)
    ledger.flush()
    assert store.schedules()[0].due == NEW_YEAR + 3


def test_second_claim_of_one_run_is_told_so(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page = ledger.put(schedule())
    first, second = claim(ledger, page, NEW_YEAR), claim(ledger, page, NEW_YEAR)
    ledger.flush()
    assert (first.done, second.done) == ([[True]], [[False]])


def test_what_a_former_definition_owed_is_written_with_the_new_one_or_not_at_all(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    ledger.put(schedule(due=NEW_YEAR))
    assert ledger.flush() is None
    missed = AddRun(row("backup", NEW_YEAR, RunState.MISSED), None, 0)
    ledger.put(schedule(due=NEW_YEAR + 9, target="other"), beside=[missed])
    faulty = store._database._connection = Faulty(store._database._connection)
    faulty.fail(2, again=False)
    assert ledger.flush() is not None
    assert store.schedules()[0].target == "shop.backup"
    assert ledger.flush() is None
    (found,) = store.schedules()
    assert (found.target, found.due) == ("other", NEW_YEAR + 9)
    assert [run.state for run in store.history()] == [RunState.MISSED]


def test_end_of_a_one_off_takes_its_schedule_away_and_leaves_its_run(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page = ledger.put(schedule(recurrence="once"))
    ledger.opened(page, {NEW_YEAR}, None)
    claim(ledger, page, NEW_YEAR)
    ledger.flush()
    assert store.schedules()[0].due is None
    ledger.ended(page, EndRun(run_id("backup", NEW_YEAR), RunState.SUCCEEDED, NEW_YEAR + 1), last=True)
    assert ledger.page("backup") is None
    ledger.flush()
    assert store.schedules() == []
    assert [run.state for run in store.history()] == [RunState.SUCCEEDED]


def test_next_run_with_a_fixed_delay_is_due_after_the_end_of_the_last(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page = ledger.put(schedule(recurrence="every 60.0 FIXED_DELAY"))
    ledger.opened(page, {NEW_YEAR}, NEW_YEAR + 60)
    claim(ledger, page, NEW_YEAR)
    ledger.flush()
    ledger.ended(page, EndRun(run_id("backup", NEW_YEAR), RunState.SUCCEEDED, NEW_YEAR + 7), following=NEW_YEAR + 67)
    ledger.flush()
    assert store.schedules()[0].due == NEW_YEAR + 67


def test_without_room_what_needs_none_is_written_and_claims_are_given_back(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page, other = ledger.put(schedule()), ledger.put(schedule("other"))
    claim(ledger, page, NEW_YEAR)
    ledger.flush()
    limit_pages(store, 1)
    ledger.put(schedule("big", arguments=b"x" * 100_000))
    ledger.ended(page, EndRun(run_id("backup", NEW_YEAR), RunState.SUCCEEDED, NEW_YEAR + 1))
    big = ledger.page("big")
    assert big is not None
    refused, taken = claim(ledger, big, NEW_YEAR), claim(ledger, other, NEW_YEAR + 1)
    assert isinstance(ledger.flush(), StoreFullError)
    assert refused.done == []
    assert [type(error) for error in refused.failed] == [StoreFullError]
    assert taken.done == [[True]]
    assert [run.name for run in store.claimed()] == ["other"]
    assert ledger.waiting == 1
    limit_pages(store, 1000)
    assert ledger.flush() is None
    assert {one.name for one in store.schedules()} == {"backup", "other", "big"}


def test_rows_of_runs_that_were_not_begun_are_counted_when_too_many_wait(store: Store) -> None:
    ledger = Ledger(store, lambda: None)
    page = ledger.put(schedule())
    for n in range(5000):
        ledger.opened(page, {NEW_YEAR + n}, NEW_YEAR + n + 1)
        ledger.passed(page, row("backup", NEW_YEAR + n, RunState.SKIPPED))
    assert ledger.waiting <= 1002
    assert len(page.open) <= 1002
    ledger.flush()
    assert sum(run.count for run in store.history(limit=10_000)) + 0 >= 5000 - 1 - ledger.waiting
    assert store.schedules()[0].due == NEW_YEAR + 5000


def test_close_writes_what_waits_and_gives_the_file_back_even_if_that_fails(tmp_path: Path) -> None:
    for code in (None, sqlite3.SQLITE_IOERR):
        store = Store(tmp_path / "s.db")
        ledger = Ledger(store, lambda: None)
        if code is not None:
            faulty = store._database._connection = Faulty(store._database._connection)
            faulty.fail(0, again=True)
        ledger.put(schedule("first" if code is None else "second"))
        assert (ledger.close() is None) == (code is None)
    with Store(tmp_path / "s.db") as store:
        assert [one.name for one in store.schedules()] == ["first"]


class LedgerUnderFaults(RuleBasedStateMachine):
    """Two tasks that are due every second; runs are claimed, given up and ended in any order, and the disk fails now and then."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.directory.name) / "s.db")
        self.ledger = Ledger(self.store, lambda: None)
        self.pages = {name: self.ledger.put(schedule(name, due=0.0)) for name in "ab"}
        self.ledger.flush()
        self.now = dict.fromkeys("ab", 0)
        self.waiting: dict[str, list[int]] = {"a": [], "b": []}  # due, nothing done about them
        self.running: list[tuple[str, int]] = []
        self.claims: dict[tuple[str, int], Answers] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.directory.cleanup()

    @rule(name=st.sampled_from("ab"), n=st.integers(1, 3))
    def time_passes(self, name: str, n: int) -> None:
        start = self.now[name]
        self.now[name] += n
        self.ledger.opened(self.pages[name], {float(due) for due in range(start, start + n)}, float(start + n))
        self.waiting[name].extend(range(start, start + n))

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data(), begins=st.booleans())
    def decide(self, data: st.DataObject, begins: bool) -> None:
        name = data.draw(st.sampled_from([name for name, dues in self.waiting.items() if dues]))
        due = data.draw(st.sampled_from(self.waiting[name]))
        self.waiting[name].remove(due)
        if begins:
            self.claims[name, due] = claim(self.ledger, self.pages[name], float(due), due)
        else:
            self.ledger.passed(self.pages[name], row(name, float(due), RunState.SKIPPED))

    @rule(nth=st.none() | st.integers(0, 8), full=st.booleans(), again=st.booleans())
    def flush(self, nth: int | None, full: bool, again: bool) -> None:
        real = self.store._database._connection
        if nth is not None:
            faulty = self.store._database._connection = Faulty(real)
            faulty.fail(nth, again=again, code=sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR)
        failure = self.ledger.flush()
        self.store._database._connection = real
        if nth is None:
            assert failure is None
            assert self.ledger.waiting == 0
        for (name, due), answers in list(self.claims.items()):
            assert len(answers.done) + len(answers.failed) == 1, "each claim is answered exactly once, by the next flush"
            del self.claims[name, due]
            if answers.done:
                assert answers.done == [[True]]
                self.running.append((name, due))
            else:
                self.waiting[name].append(due)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), again=st.booleans())
    def end(self, data: st.DataObject, again: bool) -> None:
        name, due = data.draw(st.sampled_from(self.running))
        page, run = self.pages[name], run_id(name, due)
        if again:
            self.ledger.again(page, RetryRun(run, 2, 1.0), lambda _: None, lambda _: None)
        else:
            self.running.remove((name, due))
            self.ledger.ended(page, EndRun(run, RunState.SUCCEEDED, 1.0))

    @invariant()
    def nothing_that_was_due_is_lost_if_the_program_is_killed_now(self) -> None:
        if not hasattr(self, "store"):
            return
        for stored in self.store.schedules():
            assert stored.due is not None
            rows = {run.due.timestamp() for run in self.store.history(stored.name)}
            for due in range(self.now[stored.name]):
                assert due in rows or stored.due <= due
            assert stored.due not in rows
        begun = {(run.name, int(run.due)) for run in self.store.claimed()}
        assert set(self.running) <= begun


TestLedgerUnderFaults = LedgerUnderFaults.TestCase
TestLedgerUnderFaults.settings = settings(max_examples=scaled(500, 40), stateful_step_count=30, deadline=None)
