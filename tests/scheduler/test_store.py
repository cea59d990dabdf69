"""The store alone: what it keeps, what it refuses, and what of it is left when something fails or ends."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.scheduler import database as database_module
from actors.scheduler.database import VERSION
from actors.scheduler.errors import StoreDamagedError, StoreError, StoreFullError, StoreLockedError, StoreVersionError
from actors.scheduler.jobs import Jobs
from actors.scheduler.store import Store
from actors.scheduler.stored import (
    AddRun,
    EndRun,
    Operation,
    PutSchedule,
    RemoveSchedule,
    RetryRun,
    RunRow,
    RunState,
    StoredSchedule,
    run_id,
)
from tests.support import scaled

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def schedule(name: str = "backup", *, due: float | None = NEW_YEAR, **changes: object) -> StoredSchedule:
    values: dict[str, object] = {
        "kind": "FUNCTION",
        "target": "shop.backup",
        "arguments": b"\x90",
        "recurrence": "every 60.0 FIXED_RATE",
        "zone": "",
        "options": "{}",
        "origin": NEW_YEAR,
        "runs": 0,
    }
    return StoredSchedule(name=name, due=due, **{**values, **changes})  # type: ignore[arg-type]


def claim(name: str = "backup", number: int = 1, *, next_due: float | None = None) -> AddRun:
    due = NEW_YEAR + number
    row = RunRow(run_id(name, due), name, number, due, 1, RunState.CLAIMED, began=due)
    return AddRun(row, due=due + 60 if next_due is None else next_due, runs=number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "schedules.db"


# -- what it keeps -----------------------------------------------------------------------------------------------------------------


def test_what_was_applied_is_there_when_the_file_is_opened_again(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim(), claim(number=2)])
        store.apply([EndRun(claim().row.id, RunState.FAILED, NEW_YEAR + 5, "ValueError: no")])
    with Store(path) as store:
        assert store.schedules() == [schedule(due=NEW_YEAR + 62, runs=2)]
        assert store.claimed() == [claim(number=2).row]
        second, first = store.history("backup")
    assert (second.state, second.ended, second.error) == (RunState.CLAIMED, None, None)
    assert (first.state, first.error, first.number) == (RunState.FAILED, "ValueError: no", 1)
    assert first.due == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert first.ended == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_run_id_names_the_task_and_the_time_when_it_was_due() -> None:
    assert run_id("backup", NEW_YEAR + 0.25) == "backup@2026-01-01T00:00:00.250000Z"


def test_run_is_claimed_once_and_the_second_claim_changes_nothing(path: Path) -> None:
    with Store(path) as store:
        assert store.apply([PutSchedule(schedule()), claim(), claim()]) == [True, True, False]
        again = AddRun(RunRow(claim().row.id, "backup", 9, 0.0, 9, RunState.MISSED), due=None, runs=9)
        assert store.apply([again]) == [False]
        assert store.claimed() == [claim().row]


def test_only_a_claimed_run_can_end_or_be_tried_again(path: Path) -> None:
    run = claim().row.id
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim()])
        assert store.apply([RetryRun(run, 2, NEW_YEAR + 3), EndRun(run, RunState.SUCCEEDED, NEW_YEAR + 4)]) == [True, True]
        assert store.apply([EndRun(run, RunState.FAILED, NEW_YEAR + 5), RetryRun(run, 3, 0.0)]) == [False, False]
        assert store.apply([EndRun("never", RunState.FAILED, NEW_YEAR)]) == [False]
        (found,) = store.history()
    assert (found.attempt, found.state, found.error) == (2, RunState.SUCCEEDED, None)


def test_end_of_a_run_may_move_its_schedule_unless_that_is_over(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim(), EndRun(claim().row.id, RunState.SUCCEEDED, NEW_YEAR, due=NEW_YEAR + 99)])
        assert store.schedules()[0].due == NEW_YEAR + 99
        second = claim(number=2).row
        store.apply([AddRun(second, due=None, runs=2), EndRun(second.id, RunState.SUCCEEDED, NEW_YEAR, due=NEW_YEAR + 200)])
        assert store.schedules()[0].due is None


def test_schedules_come_in_the_order_in_which_they_were_first_put_in(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule(name)) for name in ("b", "a", "c")])
        store.apply([PutSchedule(schedule("b", target="other")), RemoveSchedule("a"), RemoveSchedule("never")])
        assert [(s.name, s.target) for s in store.schedules()] == [("b", "other"), ("c", "shop.backup")]


def test_long_or_strange_text_of_an_error_is_kept_as_far_as_it_can_be(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim(), EndRun(claim().row.id, RunState.FAILED, NEW_YEAR, "\ud800" + "x" * 10_000)])
        (found,) = store.history()
    assert found.error is not None
    assert found.error.startswith("?xxx")
    assert len(found.error) <= 2000


# -- bounds ------------------------------------------------------------------------------------------------------------------------


def test_history_of_a_name_is_bounded_and_the_oldest_go_first(path: Path) -> None:
    with Store(path, keep=3) as store:
        store.apply([PutSchedule(schedule()), PutSchedule(schedule("other")), claim("other")])
        store.apply([EndRun(claim("other").row.id, RunState.SUCCEEDED, NEW_YEAR)])
        for number in range(1, 11):
            store.apply([claim(number=number)])
            store.apply([EndRun(claim(number=number).row.id, RunState.SUCCEEDED, NEW_YEAR + number)])
        store.apply([claim(number=11)])
        assert [run.number for run in store.history("backup")] == [11, 10, 9, 8]
        assert len(store.history("other")) == 1


def test_claimed_run_is_never_trimmed(path: Path) -> None:
    with Store(path, keep=1) as store:
        store.apply([PutSchedule(schedule()), claim()])
        for number in range(2, 9):
            store.apply([claim(number=number), EndRun(claim(number=number).row.id, RunState.SUCCEEDED, NEW_YEAR)])
        assert claim().row in store.claimed()


def test_runs_of_old_names_are_bounded_in_all(path: Path) -> None:
    with Store(path, keep=1) as store:
        for number in range(1, 501):
            name = f"mail-{number}"
            run = claim(name, number)
            store.apply([PutSchedule(schedule(name)), run, EndRun(run.row.id, RunState.SUCCEEDED, NEW_YEAR), RemoveSchedule(name)])
        found = store.history()
        assert 100 <= len(found) <= 200
        assert found[0].name == "mail-500"


def test_forget_takes_what_ended_before_and_says_how_many(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), *(claim(number=n) for n in range(1, 6))])
        store.apply([EndRun(claim(number=n).row.id, RunState.SUCCEEDED, NEW_YEAR + n) for n in range(1, 5)])
        zone = timezone(timedelta(hours=5))
        assert store.forget(datetime(2026, 1, 1, 5, 0, 3, tzinfo=zone)) == 2
        assert [run.number for run in store.history()] == [5, 4, 3]
        assert store.schedules() != []


def test_forget_takes_schedules_that_are_over_and_have_no_runs_left(path: Path) -> None:
    with Store(path) as store:
        run = claim()
        store.apply([PutSchedule(schedule()), AddRun(run.row, due=None, runs=1), EndRun(run.row.id, RunState.SUCCEEDED, NEW_YEAR)])
        store.apply([PutSchedule(schedule("next"))])
        store.forget(datetime(2026, 1, 2, tzinfo=UTC))
        assert [s.name for s in store.schedules()] == ["next"]


# -- one program at a time -----------------------------------------------------------------------------------------------------------

OWNER = """
import sys
from actors.scheduler.store import Store
store = Store(sys.argv[1])
print("mine", flush=True)
sys.stdin.read()
"""


def owner(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "mine\n"
    return child


def test_second_program_is_refused_and_told_so_until_the_first_is_killed(path: Path) -> None:
    with owner(path) as child:
        with pytest.raises(StoreLockedError, match="one program at a time") as caught:
            Store(path)
        assert caught.value.path == str(path)
        child.send_signal(signal.SIGKILL)
    Store(path).close()


def test_second_store_of_the_same_program_is_refused_and_harms_nothing(path: Path) -> None:
    with Store(path) as store:
        for _ in range(3):
            with pytest.raises(StoreLockedError):
                Store(path)
        with owner_refused(path):
            store.apply([PutSchedule(schedule())])
    with Store(path) as store:
        assert store.schedules() == [schedule()]


def owner_refused(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", OWNER, str(path)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert child.wait(60) == 1
    return child


def test_close_gives_the_file_back_with_nothing_beside_it(path: Path) -> None:
    store = Store(path)
    store.apply([PutSchedule(schedule())])
    store.close()
    store.close()
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(StoreError, match="is closed"):
        store.history()
    with pytest.raises(StoreError, match="is closed"):
        store.apply([])
    with owner(path) as child:
        child.communicate("")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("ending", ["sys.exit()", "store.close()", "del store", "os._exit(0)"])
def test_child_of_a_fork_can_neither_use_nor_harm_the_store_of_its_parent(path: Path, ending: str) -> None:
    program = f"""
import os, sys
from actors.scheduler.store import Store
from actors.scheduler.errors import StoreError
from tests.scheduler.test_store import PutSchedule, schedule
store = Store(sys.argv[1])
store.apply([PutSchedule(schedule("before"))])
if os.fork() == 0:
    try:
        store.apply([PutSchedule(schedule("child"))])
    except StoreError as error:
        assert "parent" in str(error)
    else:
        os._exit(3)
    {ending}
    sys.exit()
_, status = os.wait()
assert status == 0, status
store.apply([PutSchedule(schedule("after"))])
assert os.path.exists(sys.argv[1] + "-wal")
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Store(path) as store:
        assert [s.name for s in store.schedules()] == ["before", "after"]


# -- files that are no store of this version -----------------------------------------------------------------------------------------


def test_database_of_another_application_is_refused_and_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match="another application") as caught:
        Store(path)
    assert (caught.value.found, caught.value.supported) == (None, VERSION)
    assert path.read_bytes() == before


def test_store_of_a_later_version_is_refused_and_left_as_it_is(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 7")
    later.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=r"has version 7.*update greenroom") as caught:
        Store(path)
    assert (caught.value.found, caught.value.supported) == (7, VERSION)
    assert path.read_bytes() == before


def test_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError, match="put it aside") as caught:
        Store(path)
    assert caught.value.path == str(path)
    assert path.read_bytes() == before


def test_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with Store(path) as store:
        assert store.schedules() == []


@pytest.mark.parametrize("table", ["schedules", "runs"])
def test_store_without_one_of_its_tables_is_damaged(path: Path, table: str) -> None:
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute(f"DROP TABLE {table}")
    other.close()
    with pytest.raises(StoreDamagedError, match=f"without the table {table}"):
        Store(path)


def test_run_in_a_state_that_nobody_knows_is_damage(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim()])
    with sqlite3.connect(path) as other:
        other.execute("UPDATE runs SET state = 'dancing'")
    other.close()
    with Store(path) as store, pytest.raises(StoreDamagedError, match="'dancing'"):
        store.history()


@settings(max_examples=scaled(300, 30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=40))
def test_file_with_wrong_bytes_is_used_or_refused_but_never_anything_else(path: Path, places: list[tuple[float, int]]) -> None:
    path.unlink(missing_ok=True)
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), *(claim(number=n) for n in range(1, 50))])
    content = bytearray(path.read_bytes())
    for place, value in places:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    try:
        with Store(path) as store:
            store.schedules()
            store.history()
            store.claimed()
            store.apply([claim(number=99)])
    except StoreError:
        pass


def test_text_that_is_none_is_damage(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule())])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"shop.backup", b"shop\x80backup").replace(b"runs_by_name ON", b"runs_by_\x80ame ON"))
    with pytest.raises(StoreDamagedError), Store(path) as store:
        store.schedules()


def test_directory_that_is_not_there_is_an_error_that_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is its directory there"):
        Store(tmp_path / "nowhere" / "x.db")


def test_directory_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        Store(tmp_path)


@pytest.mark.parametrize("due", [1e308, -1e308, float("inf"), 253402300800.0])
def test_schedule_that_is_due_beyond_the_calendar_is_damage(path: Path, due: float) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule(due=due))])
        with pytest.raises(StoreDamagedError, match="'backup' is due at"):
            store.schedules()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everything")
def test_file_that_may_not_be_written_is_an_error_that_says_so(path: Path) -> None:
    Store(path).close()
    path.chmod(0o400)
    with pytest.raises(StoreError, match="permissions"):
        Store(path)


@pytest.mark.parametrize(
    "error",
    [
        StoreError("x.db", "is closed"),
        StoreLockedError("x.db"),
        StoreVersionError("x.db", None, 1),
        StoreVersionError("x.db", 7, 1),
        StoreFullError("x.db"),
        StoreDamagedError("x.db", "no table"),
    ],
)
def test_errors_travel_with_all_that_they_say(error: StoreError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


# -- faults --------------------------------------------------------------------------------------------------------------------------


def limit_pages(store: Store, extra: int) -> None:
    connection = store._database._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + extra}")


def test_full_disk_is_an_error_and_nothing_of_the_change_was_made(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule()), claim()])
        limit_pages(store, 1)
        big = [PutSchedule(schedule(f"big-{n}", arguments=b"x" * 3000)) for n in range(20)]
        with pytest.raises(StoreFullError, match="make room") as caught:
            store.apply([EndRun(claim().row.id, RunState.SUCCEEDED, NEW_YEAR), *big])
        assert caught.value.path == str(path)
        assert store.claimed() == [claim().row]
        assert [s.name for s in store.schedules()] == ["backup"]
        assert store.apply([EndRun(claim().row.id, RunState.SUCCEEDED, NEW_YEAR)]) == [True]  # what needs no room still works
        limit_pages(store, 1000)
        store.apply(big)
    with Store(path) as store:
        assert len(store.schedules()) == 21


class Faulty:
    """A connection that fails at its nth statement from now, once or from then on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.left: int | None = None
        self.again = False
        self.code = sqlite3.SQLITE_IOERR

    def fail(self, after: int, *, again: bool, code: int = sqlite3.SQLITE_IOERR) -> None:
        self.left, self.again, self.code = after, again, code

    def execute(self, *args: object) -> sqlite3.Cursor:
        if self.left is not None and args[0] != "ROLLBACK":
            self.left -= 1
            if self.left < 0:
                self.left = 0 if self.again else None
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = self.code
                raise error
        return self.connection.execute(*args)  # type: ignore[arg-type]

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    def close(self) -> None:
        self.connection.close()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT])
def test_change_is_made_whole_or_not_at_all_whichever_statement_fails(path: Path, again: bool, code: int) -> None:
    batch = [EndRun(claim().row.id, RunState.SUCCEEDED, NEW_YEAR), claim(number=2), PutSchedule(schedule("new")), RemoveSchedule("old")]
    tried = 0
    for nth in itertools.count():
        path.unlink(missing_ok=True)
        with Store(path) as store:
            store.apply([PutSchedule(schedule()), PutSchedule(schedule("old")), claim()])
            store._added = 0
            before = (store.schedules(), store.history())
            faulty = store._database._connection = Faulty(store._database._connection)
            faulty.fail(nth, again=again, code=code)
            try:
                store.apply(batch)
            except StoreError:
                tried += 1
                faulty.left = None
                assert (store.schedules(), store.history()) == before
                assert all(store.apply(batch)), "and it can be made afterwards"
            else:
                break
    assert tried >= 6  # begin, the four and more, commit


def test_store_that_cannot_be_set_up_leaves_no_connection_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Faulty] = []
    connect = database_module.connect

    def faulty(path: str) -> Faulty:
        made.append(Faulty(connect(path)))
        made[-1].fail(len(made) - 1, again=True)
        return made[-1]

    monkeypatch.setattr(database_module, "connect", faulty)
    for _ in range(100):
        try:
            Store(path).close()
        except StoreError:
            with pytest.raises(sqlite3.ProgrammingError):
                made[-1].connection.execute("SELECT 1")
        else:
            break
    assert len(made) > 8


def test_many_threads_may_use_a_store_at_once(path: Path) -> None:
    with Store(path) as store:
        store.apply([PutSchedule(schedule(f"t{n}")) for n in range(8)])
        taken: list[bool] = []

        def work(n: int) -> None:
            for number in range(1, 51):
                taken.extend(store.apply([claim("shared", number), claim(f"t{n}", number)]))
                store.history(limit=5)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(taken) == 50 + 8 * 50  # a shared run is claimed by exactly one
        assert len(store.claimed()) == 50 + 8 * 50


# -- bad arguments -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", ":memory:", "a\0b"])
def test_path_that_is_no_file_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="path="):
        Store(bad)


@pytest.mark.parametrize("bad", [None, 3, b"x"])
def test_path_of_a_wrong_type_is_refused(bad: object) -> None:
    with pytest.raises(TypeError, match="path="):
        Store(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"codec": 3}, TypeError),
        ({"synchronous": 1}, TypeError),
        ({"keep": True}, TypeError),
        ({"keep": 1.0}, TypeError),
        ({"keep": 0}, ValueError),
    ],
)
def test_wrong_options_are_refused_before_a_file_is_made(path: Path, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(options))}="):
        Store(path, **options)  # type: ignore[arg-type]
    assert not path.exists()


def test_wrong_arguments_of_history_and_forget_are_refused(path: Path) -> None:
    with Store(path) as store:
        for call, error in [
            (lambda: store.history(3), TypeError),  # type: ignore[arg-type]
            (lambda: store.history(limit=1.5), TypeError),  # type: ignore[arg-type]
            (lambda: store.history(limit=-1), ValueError),
            (lambda: store.forget("2026"), TypeError),  # type: ignore[arg-type]
            (lambda: store.forget(datetime(2026, 1, 1)), ValueError),  # noqa: DTZ001
        ]:
            with pytest.raises(error, match="is not valid"):
                call()


# -- jobs ----------------------------------------------------------------------------------------------------------------------------


def test_job_is_found_by_its_name_and_its_name_by_the_function() -> None:
    jobs = Jobs()

    @jobs.register(name="shop.backup")
    def backup() -> None: ...

    assert jobs.register(run_id) is run_id
    assert jobs.get("shop.backup") is backup
    assert jobs.name_of(backup) == "shop.backup"
    assert jobs.names() == ["actors.scheduler.stored.run_id", "shop.backup"]
    assert jobs.get("os.system") is None
    assert jobs.name_of(os.getpid) is None
    assert jobs.name_of([]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "name", "error"),
    [
        (3, None, TypeError),
        (lambda: 0, None, TypeError),
        (run_id, "", ValueError),
        (run_id, "a\nb", ValueError),
        (run_id, 3, TypeError),
        (os.getcwd, "taken", ValueError),
        (os.getpid, "another", ValueError),
    ],
)
def test_job_that_could_not_be_found_again_is_refused(function: object, name: object, error: type[Exception]) -> None:
    jobs = Jobs()
    jobs.register(os.getpid, name="taken")
    with pytest.raises(error, match="is not valid"):
        jobs.register(function, name=name)  # type: ignore[call-overload]
    assert jobs.names() == ["taken"]


# -- against a model -----------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
STATES = st.sampled_from([state for state in RunState if state is not RunState.CLAIMED])


class StoreAgainstModel(RuleBasedStateMachine):
    """Batches of every kind of change, faults, and openings of the file again."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "s.db"
        self.store = Store(self.path)
        self.schedules: dict[str, StoredSchedule] = {}
        self.runs: dict[str, RunRow] = {}

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    operations = st.lists(
        st.one_of(
            st.builds(lambda n, t, d: PutSchedule(schedule(n, target=t, due=d)), NAMES, st.text("xy", max_size=2), st.floats(0, 1e10)),
            st.builds(RemoveSchedule, NAMES),
            st.builds(
                lambda name, number, state, due: AddRun(
                    RunRow(run_id(name, number), name, number, float(number), 1, state, None, None, None, number + 1), due, number
                ),
                NAMES,
                st.integers(0, 5),
                st.sampled_from(RunState),
                st.none() | st.floats(0, 1e10),
            ),
            st.builds(lambda name, number, n: RetryRun(run_id(name, number), n, float(n)), NAMES, st.integers(0, 5), st.integers(1, 9)),
            st.builds(
                lambda name, number, state, due: EndRun(run_id(name, number), state, 7.0, "e", due),
                NAMES,
                st.integers(0, 5),
                STATES,
                st.none() | st.floats(0, 1e10),
            ),
        ),
        max_size=8,
    )

    @rule(batch=operations)
    def apply(self, batch: list[Operation]) -> None:
        assert self.store.apply(batch) == [self.expected(operation) for operation in batch]

    @rule(batch=operations.filter(bool), nth=st.integers(0, 10))
    def fail(self, batch: list[Operation], nth: int) -> None:
        real = self.store._database._connection
        faulty = Faulty(real)
        faulty.fail(nth, again=False)
        self.store._database._connection = faulty
        try:
            taken = self.store.apply(batch)
        except StoreError:
            pass
        else:
            assert taken == [self.expected(operation) for operation in batch]
        finally:
            self.store._database._connection = real

    @precondition(lambda self: self.runs)
    @rule(clean=st.booleans())
    def open_again(self, clean: bool) -> None:
        if clean:
            self.store.close()
        else:  # as if the program had been killed: what is in the two files is all there is
            copy = self.path.with_name(f"{self.path.name}2")
            for end in ("", "-wal"):
                copy.with_name(copy.name + end).write_bytes(self.path.with_name(self.path.name + end).read_bytes())
            self.store.close()
            self.path = copy
        self.store = Store(self.path)

    def expected(self, operation: Operation) -> bool:  # noqa: PLR0911  # a case each
        import dataclasses

        match operation:
            case PutSchedule(new):
                self.schedules[new.name] = new
                return True
            case RemoveSchedule(name):
                return self.schedules.pop(name, None) is not None
            case AddRun(row, due, runs):
                if row.name in self.schedules:
                    self.schedules[row.name] = dataclasses.replace(self.schedules[row.name], due=due, runs=runs)
                return self.runs.setdefault(row.id, row) is row
            case RetryRun(id=run, attempt=attempt, began=began):
                if self.runs.get(run, None) is None or self.runs[run].state is not RunState.CLAIMED:
                    return False
                self.runs[run] = dataclasses.replace(self.runs[run], attempt=attempt, began=began)
                return True
            case EndRun(id=run, state=state, ended=ended, error=error, due=due):
                if self.runs.get(run, None) is None or self.runs[run].state is not RunState.CLAIMED:
                    return False
                row = self.runs[run] = dataclasses.replace(self.runs[run], state=state, ended=ended, error=error)
                found = self.schedules.get(row.name)
                if due is not None and found is not None and found.due is not None:
                    self.schedules[row.name] = dataclasses.replace(found, due=due)
                return True

    @invariant()
    def is_as_the_model(self) -> None:
        assert {s.name: s for s in self.store.schedules()} == self.schedules
        assert {run.id: run for run in self.store.claimed()} == {i: r for i, r in self.runs.items() if r.state is RunState.CLAIMED}
        for run in self.runs:
            assert self.store.run(run) == self.runs[run]


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=scaled(300, 25), stateful_step_count=20, deadline=None)
