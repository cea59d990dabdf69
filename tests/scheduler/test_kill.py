"""Whatever was due is run once, or accounted for, however often and whenever the program is killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actors.scheduler.definition import recurrence_of
from actors.scheduler.recurrence import Cron, Every
from actors.scheduler.store import Store
from actors.scheduler.stored import RunRow, RunState, StoredSchedule
from tests.scheduler.killed import TICK
from tests.support import ACCEPT, scaled

BEGUN = {RunState.SUCCEEDED, RunState.FAILED, RunState.INTERRUPTED, RunState.CANCELLED}
AGAIN = {"rerun"}  # whose runs may begin a second time
RECURRING = ("once", "all", "skip", "rerun", "queue", "allow", "flaky", "tell", "ask", "cron", "times")


@dataclass
class Chain:
    """One database, and the programs that had it, one after the other."""

    directory: Path
    seed: int
    rounds: int
    epoch: float = field(default_factory=lambda: float(int(time.time())))

    @property
    def database(self) -> Path:
        return self.directory / "schedules.db"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def program(self, number: int, *last: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.scheduler.killed", self.database, self.log, str(number), repr(self.epoch), *last]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self) -> None:
        """Start programs and kill them, most while they are at work, some while they start."""
        chance = random.Random(self.seed)
        for number in range(self.rounds):
            with self.program(number) as child:
                assert child.stdout is not None
                assert child.stderr is not None
                if chance.random() < 0.2:
                    time.sleep(chance.uniform(0.0, 0.5))
                else:
                    if child.stdout.readline() != "ready\n":
                        pytest.fail(f"round {number}: {child.stderr.read()}")
                    time.sleep(chance.uniform(0.0, 0.4) if chance.random() < 0.95 else chance.uniform(1.0, 2.0))
                child.send_signal(signal.SIGKILL)
                child.wait()
                assert child.returncode == -signal.SIGKILL, child.stderr.read()
        with self.program(self.rounds, "last") as child:
            _, errors = child.communicate(timeout=60)
            assert child.returncode == 0, errors


@dataclass
class Account:
    """What the database and the log say after the last program has ended."""

    schedules: dict[str, StoredSchedule]
    rows: dict[str, list[RunRow]]
    begun: Counter[str]
    ended: Counter[str]
    stored: set[str]
    messages: Counter[str]

    @classmethod
    def of(cls, chain: Chain) -> Account:
        with Store(chain.database, keep=1_000_000) as store:
            schedules = {schedule.name: schedule for schedule in store.schedules()}
            rows: dict[str, list[RunRow]] = {}
            for run in reversed(store.history(limit=10_000_000)):
                row = store.run(run.id)
                assert row is not None
                rows.setdefault(run.name, []).append(row)
        lines = [line.split() for line in chain.log.read_text().splitlines()]
        begun = Counter(line[1] for line in lines if line[0] == "begin")
        ended = Counter(line[1] for line in lines if line[0] == "end")
        stored = {line[1] for line in lines if line[0] == "stored"}
        messages = Counter(line[1] for line in lines if line[0] == "message")
        return cls(schedules, rows, begun, ended, stored, messages)


def check_runs(account: Account) -> None:
    """Nothing is run twice, and the database knows of everything that was run."""
    known = {row.id: row for rows in account.rows.values() for row in rows}
    for run, times in account.begun.items():
        row = known.get(run)
        assert row is not None, f"{run} was begun without a claim"
        assert row.state in BEGUN, f"{run} was begun and is {row.state}"
        assert times == 1 or row.name in AGAIN, f"{run} was begun {times} times"
        assert times <= row.attempt, f"{run} was begun {times} times in {row.attempt} attempts"
    for run, times in account.ended.items():
        assert times <= account.begun[run]
        assert times == 1 or known[run].name in AGAIN, f"{run} was done {times} times"
    for row in known.values():
        assert row.state is not RunState.CLAIMED, f"{row.id} is still claimed"
        if row.state is RunState.SUCCEEDED and row.name not in ("tell", "ask"):
            assert account.ended[row.id] >= 1, f"{row.id} is said to have succeeded, and has not"
        if row.state in (RunState.MISSED, RunState.SKIPPED):
            assert account.begun[row.id] == 0


def check_dues(account: Account, name: str) -> int:
    """Each time when a schedule was due has a row of its own or is counted as missed, exactly once; return how many there were."""
    schedule = account.schedules[name]
    recurrence = recurrence_of(schedule)
    assert recurrence is not None
    rows = {row.due for row in account.rows[name]}
    accounted = Counter(row.due for row in account.rows[name])
    for row in account.rows[name]:
        after, left = row.due, row.count - 1
        assert not left or row.state is RunState.MISSED
        while left:  # those that follow and have no row of their own
            following = recurrence.next_after(after)
            assert following is not None
            after = following
            if after not in rows:
                rows.add(after)
                accounted[after] += 1
                left -= 1
    first = schedule.origin if isinstance(recurrence, Every) else min(accounted)
    end = schedule.due if schedule.due is not None else max(accounted) + 1e-6
    due: float | None = first
    count = 0
    while due is not None and due < end:
        assert accounted.pop(due, 0) == 1, f"{name} at {due}"
        count += 1
        due = recurrence.next_after(due)
    assert due is None or due not in accounted, f"{name} is due at {due}, where it has a row"
    for after in sorted(accounted):  # while one run waited for a place, those behind it were skipped, or overtook it
        assert due is not None
        while due is not None and due < after:
            due = recurrence.next_after(due)
        assert due == after, f"{name}: a run at {after}, when nothing was due"
        assert accounted[after] == 1
    if isinstance(recurrence, Cron):
        assert end - first <= count, "every second"
    return count


def check_one_offs(account: Account, chain: Chain) -> int:
    """Each one-off that was stored has exactly one row, or is still to come."""
    for name, rows in account.rows.items():
        if name.startswith(("after-", "at-")):
            assert len(rows) == 1, name
            assert rows[0].count == 1
        if name.startswith("at-"):
            assert rows[0].due == chain.epoch + int(name.removeprefix("at-")) * TICK
    for name in account.stored:
        # A busy program may not have come to all of them before it ended: what has no row is due still.
        assert name in account.rows or account.schedules[name].due is not None, f"{name} is lost"
    return len(account.stored)


def check_messages(account: Account) -> None:
    """No message is sent twice, and an ask that has succeeded was heard."""
    for kind in ("tell", "ask"):
        assert account.messages[kind] <= sum(row.state in BEGUN for row in account.rows[kind])
    assert account.messages["ask"] >= sum(row.state is RunState.SUCCEEDED for row in account.rows["ask"])


@pytest.mark.timeout(3000 if ACCEPT else 180)
@pytest.mark.parametrize("seed", range(scaled(2, 1)))
def test_what_was_due_is_run_once_or_accounted_for_however_often_the_program_is_killed(tmp_path: Path, seed: int) -> None:
    chain = Chain(tmp_path, seed, scaled(500, 4))
    chain.run()
    account = Account.of(chain)
    check_runs(account)
    dues = {name: check_dues(account, name) for name in RECURRING}
    check_messages(account)
    one_offs = check_one_offs(account, chain)
    times = account.schedules["times"]
    assert times.runs == sum(row.state in BEGUN for row in account.rows["times"]) <= 500
    states = Counter(row.state.value for rows in account.rows.values() for row in rows)
    counted = sum(row.count for rows in account.rows.values() for row in rows if row.state is RunState.MISSED)
    print(  # noqa: T201  # the figures, with pytest -s
        f"\n{chain.rounds} kills; {sum(dues.values())} due times of recurring tasks, {one_offs} one-offs; "
        f"{sum(account.begun.values())} runs begun; rows: {dict(states)}, those missed stand for {counted}"
    )
