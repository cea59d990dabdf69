from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import queue
import random
import signal
import sys
import threading
import time
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors.scheduler.bodies import BodyPipe
from actors.scheduler.context import Progress, RunInfo
from actors.scheduler.errors import ResultNotPicklableError, SchedulerClosedError, WorkerDiedError
from actors.scheduler.processes import ProcessSlot, check_picklable
from tests.scheduler import in_processes as work
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")

LIMIT = 30.0
DUE = datetime(2026, 1, 1, tzinfo=UTC)
INFO = RunInfo("7-2", "the task", 2, 3, DUE, None)


class Outcome:
    """What became of a run."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self.begun = threading.Event()
        self.progress: list[Progress] = []

    def ended(self, value: Any, error: BaseException | None) -> None:
        self.told.put((value, error))

    def value(self) -> Any:
        value, error = self.told.get(timeout=LIMIT)
        if error is not None:
            raise error
        assert self.told.empty()
        return value

    def error(self) -> BaseException:
        value, error = self.told.get(timeout=LIMIT)
        assert value is None
        assert error is not None
        assert self.told.empty()
        return error


def begin(slot: ProcessSlot, function: Callable[..., Any], *args: Any, info: RunInfo = INFO) -> Outcome:
    outcome = Outcome()
    slot.run(function, args, info, ended=outcome.ended, progress=outcome.progress.append, began=outcome.begun.set)
    return outcome


def run(slot: ProcessSlot, function: Callable[..., Any], *args: Any) -> Any:
    return begin(slot, function, *args).value()


def failure(slot: ProcessSlot, function: Callable[..., Any], *args: Any) -> BaseException:
    return begin(slot, function, *args).error()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def children(name: str) -> list[str]:
    return [child.name for child in multiprocessing.active_children() if child.name.startswith(f"greenroom-{name}")]


def open_files() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()}


def pid_in(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text(encoding="utf-8").strip())
    return int(path.read_text(encoding="utf-8"))


@pytest.fixture
def slot() -> Iterator[ProcessSlot]:
    slot = ProcessSlot("test")
    yield slot
    slot.close()
    assert slot.join(LIMIT)
    assert children("test") == []


@pytest.fixture
def tiny_switch_interval() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def kept() -> Iterator[ProcessSlot]:
    """One worker for all tests after which it lives on."""
    slot = ProcessSlot("kept")
    yield slot
    slot.close()
    assert slot.join(LIMIT)


@pytest.fixture
def lives_on(kept: ProcessSlot) -> Iterator[ProcessSlot]:
    pid, _ = run(kept, work.where)
    yield kept
    assert run(kept, work.where) == (pid, True)


# -- what a function does ---------------------------------------------------------------------------------------------------


def test_function_runs_on_the_main_thread_of_another_process(lives_on: ProcessSlot) -> None:
    pid, on_main_thread = run(lives_on, work.where)
    assert pid == lives_on.pid != os.getpid()
    assert on_main_thread


def test_exception_comes_back_with_the_traceback_of_the_other_side_as_a_note(lives_on: ProcessSlot) -> None:
    error = failure(lives_on, work.fail, "no such thing")
    assert type(error) is ValueError
    assert error.args == ("no such thing",)
    (note,) = error.__notes__
    assert f"process {lives_on.pid}" in note
    assert "in_processes.py" in note
    assert "raise ValueError(text)" in note
    assert "process_worker.py" not in note


def test_note_tells_the_cause_as_well(lives_on: ProcessSlot) -> None:
    (note,) = failure(lives_on, work.chain).__notes__
    assert "ValueError: the reason" in note
    assert "KeyError: 'the error'" in note


def test_wrong_arguments_are_an_error_of_the_run(lives_on: ProcessSlot) -> None:
    assert isinstance(failure(lives_on, work.square, 1, 2), TypeError)


@pytest.mark.parametrize(
    ("what", "kind"), [("interrupt", KeyboardInterrupt), ("exit", SystemExit), ("memory", MemoryError), ("generator", GeneratorExit)]
)
def test_function_may_raise_anything(lives_on: ProcessSlot, what: str, kind: type[BaseException]) -> None:
    assert type(failure(lives_on, work.raise_it, what)) is kind


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [
        (work.give_lambda, (), "function cannot be pickled"),
        (work.deep, (), "RecursionError"),
        (work.give_quits, ("there",), "SystemExit: 5"),
        (work.give_quits, ("here",), "SystemExit: 6"),
    ],
)
def test_value_that_cannot_be_pickled_is_an_error_that_says_why(
    lives_on: ProcessSlot, function: Any, args: tuple[Any, ...], why: str
) -> None:
    error = failure(lives_on, function, *args)
    assert isinstance(error, ResultNotPicklableError)
    assert error.task == "the task"
    assert why in error.why
    assert why in str(error)


@pytest.mark.parametrize(
    ("what", "why"), [("unpicklable", "NotPicklable cannot be pickled"), ("not unpicklable", "missing 1 required"), ("text", "became str")]
)
def test_exception_that_cannot_be_pickled_is_an_error_that_carries_its_traceback(lives_on: ProcessSlot, what: str, why: str) -> None:
    error = failure(lives_on, work.raise_it, what)
    assert isinstance(error, ResultNotPicklableError)
    assert why in error.why
    assert "in raise_it" in error.__notes__[0]


@pytest.mark.parametrize("function", [lambda: None, threading.Lock().acquire])
def test_function_that_cannot_be_pickled_is_refused_with_advice(lives_on: ProcessSlot, function: Any) -> None:
    with pytest.raises(TypeError, match="top level of a module"):
        check_picklable(function, ())
    error = failure(lives_on, function)
    assert isinstance(error, TypeError)
    assert "top level of a module" in str(error)


def test_argument_that_cannot_be_pickled_is_refused_with_its_number(lives_on: ProcessSlot) -> None:
    with pytest.raises(TypeError, match=r"argument 1 of .*square"):
        check_picklable(work.square, (1, threading.Lock()))
    assert "argument 0 of" in str(failure(lives_on, work.square, threading.Lock()))


def test_what_can_be_pickled_is_accepted() -> None:
    check_picklable(work.square, (1, "two", [3]))


def test_function_that_is_not_in_the_worker_is_an_error_with_advice(lives_on: ProcessSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_here() -> None:
        """It looks like one of the module."""

    only_here.__qualname__ = "only_here"
    only_here.__module__ = work.__name__
    monkeypatch.setattr(work, "only_here", only_here, raising=False)
    error = failure(lives_on, only_here)
    assert isinstance(error, TypeError)
    assert "define functions and classes in a file" in str(error)


def test_large_values_and_arguments_pass(lives_on: ProcessSlot) -> None:
    size = scaled(300_000_000, 30_000_000)
    assert len(run(lives_on, work.big, size)) == size
    assert run(lives_on, work.size_of, b"y" * size) == size


def test_function_learns_about_its_run(lives_on: ProcessSlot) -> None:
    info = RunInfo("7-2", "the task", 2, 3, DUE, 100.0)
    ident, name, number, attempt, due, deadline, cancelled = begin(lives_on, work.about_run, info=info).value()
    assert (ident, name, number, attempt, due, cancelled) == ("7-2", "the task", 2, 3, DUE, False)
    assert 0 < deadline <= 100.0
    assert begin(lives_on, work.about_run).value()[5] is None


def test_next_function_finds_the_working_directory_of_the_program(lives_on: ProcessSlot, tmp_path: Path) -> None:
    here = str(Path.cwd())
    assert run(lives_on, work.change_directory, str(tmp_path)) == here
    assert run(lives_on, work.change_directory, str(tmp_path)) == here


def test_interrupt_is_ignored_and_not_inherited_as_ignored(lives_on: ProcessSlot) -> None:
    assert run(lives_on, work.interrupt_itself) == "still here"
    assert run(lives_on, work.signal_handler) == (False, False)


# -- progress ---------------------------------------------------------------------------------------------------------------


def test_latest_progress_is_told_before_the_end(lives_on: ProcessSlot) -> None:
    outcome = begin(lives_on, work.count, 5, 0.0)
    assert outcome.value() == 5
    assert outcome.progress[-1] == Progress(5, 5, "step 5")


def test_latest_progress_is_told_while_the_function_goes_on(slot: ProcessSlot) -> None:
    seen: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    outcome = Outcome()
    slot.run(work.report_and_stay, (600.0,), INFO, ended=outcome.ended, progress=seen.put)
    progress = seen.get(timeout=LIMIT)
    while progress.text != "the latest":
        progress = seen.get(timeout=LIMIT)
    slot.kill()
    assert isinstance(outcome.error(), WorkerDiedError)


def test_progress_crosses_at_a_bounded_rate(lives_on: ProcessSlot) -> None:
    before = time.monotonic()
    outcome = begin(lives_on, work.count, 20_000, 0.0)
    outcome.value()
    assert 1 <= len(outcome.progress) <= 2 + (time.monotonic() - before) / 0.1
    assert [one.done for one in outcome.progress] == sorted(one.done for one in outcome.progress)


def test_progress_of_one_run_is_not_told_to_the_next(lives_on: ProcessSlot) -> None:
    for _ in range(20):
        begin(lives_on, work.count, 3, 0.0).value()
        outcome = begin(lives_on, work.square, 2)
        assert outcome.value() == 4
        assert outcome.progress == []


def test_progress_callback_that_fails_does_not_harm_the_run(lives_on: ProcessSlot, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: Progress) -> None:
        raise LookupError

    outcome = Outcome()
    lives_on.run(work.count, (2, 0.0), INFO, ended=outcome.ended, progress=fails)
    assert outcome.value() == 2
    assert "callback of a process slot failed" in caplog.text


# -- functions that fork ----------------------------------------------------------------------------------------------------


def test_forked_child_that_returns_from_the_function_does_not_answer(lives_on: ProcessSlot, tmp_path: Path) -> None:
    answer = run(lives_on, work.fork_and_return, str(tmp_path / "child"))
    assert answer.startswith("parent of ")
    child = pid_in(tmp_path / "child")
    assert answer == f"parent of {child}"
    wait_until(lambda: not is_running(child))
    assert run(lives_on, work.square, 3) == 9  # and not what the child has returned


def test_forked_child_that_raises_ends_with_an_exit_code(lives_on: ProcessSlot) -> None:
    assert run(lives_on, work.fork_and_raise) == 1
    assert run(lives_on, work.fork_and_exit, 9) == 9


def test_forked_child_that_returns_has_ended_well(lives_on: ProcessSlot) -> None:
    assert run(lives_on, work.fork_and_count) == 0


def test_progress_of_a_forked_child_goes_nowhere(lives_on: ProcessSlot) -> None:
    outcome = begin(lives_on, work.fork_and_report)
    assert outcome.value() == 1
    assert outcome.progress == []


def test_death_of_a_worker_is_noticed_while_its_child_lives_on(slot: ProcessSlot, tmp_path: Path) -> None:
    error = failure(slot, work.fork_and_die, str(tmp_path / "child"))
    child = pid_in(tmp_path / "child")
    assert is_running(child)
    os.kill(child, signal.SIGKILL)
    assert isinstance(error, WorkerDiedError)
    assert error.code == 7


def test_killed_worker_is_noticed_while_a_program_it_started_lives_on(slot: ProcessSlot, tmp_path: Path) -> None:
    run(slot, work.leave_by_system, str(tmp_path / "one"))
    grandchildren = [pid_in(tmp_path / "one"), run(slot, work.start_program)]
    outcome = begin(slot, work.run_forever)
    assert outcome.begun.wait(LIMIT)
    slot.kill()
    assert isinstance(outcome.error(), WorkerDiedError)
    for pid in grandchildren:
        assert is_running(pid)
        os.kill(pid, signal.SIGKILL)


def test_function_may_have_processes_of_its_own(lives_on: ProcessSlot) -> None:
    assert run(lives_on, work.in_pool) == [1, 4, 9]


# -- workers that die -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "code"),
    [
        (work.exit_with, (3,), 3),
        (work.exit_with, (0,), 0),
        (work.kill_itself, (signal.SIGKILL,), -signal.SIGKILL),
        (work.kill_itself, (signal.SIGTERM,), -signal.SIGTERM),
        (work.segfault, (), -signal.SIGSEGV),
    ],
)
def test_death_of_the_worker_costs_one_run(slot: ProcessSlot, function: Any, args: tuple[Any, ...], code: int) -> None:
    first = run(slot, work.where)
    error = failure(slot, function, *args)
    assert isinstance(error, WorkerDiedError)
    assert (error.task, error.code) == ("the task", code)
    assert run(slot, work.where) != first


def test_worker_without_its_files_is_dead(slot: ProcessSlot) -> None:
    error = failure(slot, work.close_everything)
    assert isinstance(error, WorkerDiedError)
    assert run(slot, work.square, 5) == 25


def test_worker_that_dies_between_runs_costs_none(slot: ProcessSlot) -> None:
    for _ in range(scaled(40, 2)):
        pid, _ = run(slot, work.where)
        os.kill(pid, signal.SIGKILL)
        assert run(slot, work.square, 6) == 36


def test_worker_without_memory_for_a_call_makes_way_for_a_new_one(slot: ProcessSlot) -> None:
    pid, _ = run(slot, work.where)
    run(slot, work.limit_memory, 20_000_000)
    assert run(slot, work.size_of, bytes(200_000_000)) == 200_000_000
    assert run(slot, work.where)[0] != pid


def test_worker_whose_outcome_cannot_be_received_is_not_used_again(slot: ProcessSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    pid, _ = run(slot, work.where)

    def none_left(_: BodyPipe) -> Any:
        raise MemoryError  # and what has come stays where it is

    with monkeypatch.context() as patch:
        patch.setattr(BodyPipe, "recv_body", none_left)
        error = failure(slot, work.big, 10)
    assert isinstance(error, WorkerDiedError)
    assert "MemoryError" in str(error)
    assert run(slot, work.where)[0] != pid


def test_no_process_to_be_had_is_an_error_of_the_run(slot: ProcessSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:

        def start(_: object) -> None:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        patched.setattr(multiprocessing.context.SpawnProcess, "start", start)
        assert isinstance(failure(slot, work.square, 7), BlockingIOError)
        slot.prewarm()
    assert run(slot, work.square, 7) == 49


def test_worker_that_does_not_come_up_is_an_error_of_the_run() -> None:
    slot = ProcessSlot("slow", start_limit=0.0)
    error = failure(slot, work.square, 8)
    assert isinstance(error, WorkerDiedError)
    assert "__main__" in str(error)
    slot.close()
    assert slot.join(LIMIT)


# -- kill -------------------------------------------------------------------------------------------------------------------


def test_killed_run_ends_with_an_error_and_the_next_has_a_new_process(slot: ProcessSlot) -> None:
    outcome = begin(slot, work.run_forever)
    assert outcome.begun.wait(LIMIT)
    pid = slot.pid
    assert pid is not None
    slot.kill()
    slot.kill()
    error = outcome.error()
    assert isinstance(error, WorkerDiedError)
    assert error.code == -signal.SIGKILL
    assert "given up" in str(error)
    assert not is_running(pid)
    assert run(slot, work.square, 9) == 81


def test_kill_while_a_worker_starts_ends_the_run(slot: ProcessSlot) -> None:
    rng = random.Random(8)
    for _ in range(scaled(100, 20)):
        outcome = begin(slot, work.run_forever)
        time.sleep(rng.random() * rng.choice([0.001, 0.02, 0.2]))
        slot.kill()
        assert isinstance(outcome.error(), WorkerDiedError)
    assert run(slot, work.square, 9) == 81


def test_kill_of_an_idle_slot_costs_no_run(slot: ProcessSlot) -> None:
    slot.kill()
    pid, _ = run(slot, work.where)
    slot.kill()
    slot.kill()
    outcome = begin(slot, work.where)
    assert outcome.value()[0] != pid


def test_kill_while_large_things_pass_ends_the_run(slot: ProcessSlot) -> None:
    rng = random.Random(9)
    large = b"x" * 50_000_000
    for function, argument in [(work.big, len(large)), (work.size_of, large)] * scaled(20, 1):
        run(slot, work.square, 1)
        outcome = begin(slot, function, argument)
        time.sleep(rng.random() * 0.1)
        slot.kill()
        value, error = outcome.told.get(timeout=LIMIT)
        assert error is None or isinstance(error, WorkerDiedError)
        assert (value is None) == (error is not None)


def kill_at_random(slot: ProcessSlot, seed: int, over: threading.Event) -> None:
    """Kills, and deaths from outside, at any moment."""
    rng = random.Random(seed)
    while not over.wait(rng.random() * 0.4):
        pid = slot.pid
        if pid is None or rng.random() < 0.5:
            slot.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def use_and_check(slot: ProcessSlot, runs: int, strange: list[object]) -> None:
    for number in range(runs):
        outcome = begin(slot, work.square, number)
        value, error = outcome.told.get(timeout=LIMIT)
        if not (isinstance(error, WorkerDiedError) if value is None else value == number * number):
            strange.append((value, error))
        if not outcome.told.empty():
            strange.append("told twice")


def test_every_run_ends_once_whatever_kills_come(tiny_switch_interval: None) -> None:
    slots = [ProcessSlot(f"stress-{number}") for number in range(2)]
    over = threading.Event()
    strange: list[object] = []
    users = [threading.Thread(target=use_and_check, args=(slot, scaled(400, 20), strange)) for slot in slots]
    killers = [threading.Thread(target=kill_at_random, args=(slot, seed, over)) for seed, slot in enumerate(slots * 2)]
    for thread in users + killers:
        thread.start()
    for thread in users:
        thread.join()
    over.set()
    for thread in killers:
        thread.join()
    for slot in slots:
        slot.close()
        assert slot.join(LIMIT)
    assert strange == []
    assert children("stress") == []


# -- use --------------------------------------------------------------------------------------------------------------------


def test_slot_takes_one_run_at_a_time(slot: ProcessSlot) -> None:
    outcome = begin(slot, work.run_forever)
    assert slot.busy
    with pytest.raises(RuntimeError, match="one run at a time"):
        begin(slot, work.square, 1)
    slot.kill()
    outcome.error()
    assert not slot.busy


def test_slot_is_free_when_the_outcome_is_told(slot: ProcessSlot) -> None:
    left = list(range(50))
    done = threading.Event()

    def again(_: Any = None, __: BaseException | None = None) -> None:
        if left:
            slot.run(work.square, (left.pop(),), INFO, ended=again, progress=print)
        else:
            done.set()

    again()
    assert done.wait(LIMIT)


def test_prewarmed_worker_is_the_one_that_runs(slot: ProcessSlot) -> None:
    slot.prewarm()
    slot.prewarm()
    wait_until(lambda: slot.pid)
    assert run(slot, work.where)[0] == slot.pid


def test_arguments_and_values_are_not_kept(slot: ProcessSlot) -> None:
    argument = set(range(1000))
    kept = weakref.ref(argument)
    outcome = begin(slot, len, argument)
    assert outcome.value() == 1000
    del argument
    wait_until(lambda: kept() is None)  # the slot's thread is just letting go of it


# -- close ------------------------------------------------------------------------------------------------------------------


def test_what_a_worker_has_imported_is_not_searched_for_garbage(lives_on: ProcessSlot) -> None:
    """Most of the time that an idle worker took to end went there."""
    assert run(lives_on, work.searched_for_garbage) < len(gc.get_objects()) / 10


def test_what_functions_have_made_ends_with_the_process(tmp_path: Path) -> None:
    slot = ProcessSlot("test")
    run(slot, work.keep_file, str(tmp_path / "kept"), "the last line")
    slot.close()
    assert slot.join(LIMIT)
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "the last line"


def test_closed_slot_refuses(slot: ProcessSlot) -> None:
    slot.close()
    slot.close()
    with pytest.raises(SchedulerClosedError):
        begin(slot, work.square, 1)
    with pytest.raises(SchedulerClosedError):
        slot.prewarm()
    slot.kill()


def test_close_kills_the_run_under_way(slot: ProcessSlot) -> None:
    outcome = begin(slot, work.run_forever)
    assert outcome.begun.wait(LIMIT)
    slot.close()
    assert isinstance(outcome.error(), WorkerDiedError)


def test_close_before_the_run_has_begun_ends_it(slot: ProcessSlot) -> None:
    outcome = begin(slot, work.run_forever)
    slot.close()
    assert isinstance(outcome.error(), WorkerDiedError)


def use_all_ways() -> None:
    slot = ProcessSlot("leak")
    run(slot, work.square, 1)
    failure(slot, work.exit_with, 1)
    failure(slot, work.fail, "x")
    outcome = begin(slot, work.run_forever)
    slot.kill()
    outcome.error()
    run(slot, work.count, 3, 0.0)
    slot.close()
    assert slot.join(LIMIT)
    busy = ProcessSlot("leak")
    outcome = begin(busy, work.run_forever)
    assert outcome.begun.wait(LIMIT)
    busy.close()
    starting = ProcessSlot("leak")
    starting.prewarm()
    starting.close()
    assert busy.join(LIMIT)
    assert starting.join(LIMIT)


def test_nothing_is_left_after_close() -> None:
    use_all_ways()  # the resource tracker of multiprocessing stays, once it has been started
    threads, files = set(threading.enumerate()), open_files()
    use_all_ways()
    assert set(threading.enumerate()) == threads
    assert open_files() <= files
    assert children("leak") == []


# -- workers that have state ------------------------------------------------------------------------------------------------


@pytest.fixture
def deaths() -> queue.SimpleQueue[WorkerDiedError]:
    return queue.SimpleQueue()


@pytest.fixture
def lasting(deaths: queue.SimpleQueue[WorkerDiedError]) -> Iterator[ProcessSlot]:
    slot = ProcessSlot("lasting", died=deaths.put)
    yield slot
    slot.close()
    assert slot.join(LIMIT)
    assert children("lasting") == []


def test_death_between_two_runs_is_told_once_and_the_worker_not_replaced(
    lasting: ProcessSlot, deaths: queue.SimpleQueue[WorkerDiedError]
) -> None:
    pid, _ = run(lasting, work.where)
    assert not lasting.dead
    os.kill(pid, signal.SIGKILL)
    assert deaths.get(timeout=LIMIT).code == -signal.SIGKILL
    assert lasting.dead
    assert isinstance(failure(lasting, work.where), WorkerDiedError)
    assert deaths.empty()


def test_death_in_a_run_is_the_outcome_of_that_run_alone(lasting: ProcessSlot, deaths: queue.SimpleQueue[WorkerDiedError]) -> None:
    assert isinstance(failure(lasting, work.exit_with, 3), WorkerDiedError)
    assert lasting.dead
    assert "not replaced" in str(failure(lasting, work.where))
    assert deaths.empty()


def test_run_that_races_with_a_death_has_an_outcome_or_the_death_is_told(deaths: queue.SimpleQueue[WorkerDiedError]) -> None:
    for _ in range(scaled(60, 6)):
        slot = ProcessSlot("racing", died=deaths.put)
        pid, _ = run(slot, work.where)
        os.kill(pid, signal.SIGKILL)
        assert isinstance(failure(slot, work.where), WorkerDiedError)
        over = threading.Event()
        slot.close(over.set)
        assert over.wait(LIMIT)
    assert children("racing") == []


def test_close_tells_when_the_process_has_ended(lasting: ProcessSlot) -> None:
    pid, _ = run(lasting, work.where)
    over: queue.SimpleQueue[bool] = queue.SimpleQueue()
    lasting.close(lambda: over.put(is_running(pid)))
    assert over.get(timeout=LIMIT) is False
    assert lasting.join(LIMIT)
    lasting.close(lambda: over.put(True))
    assert over.get(timeout=LIMIT)


def test_close_of_a_slot_that_was_never_used_tells_at_once() -> None:
    told: list[bool] = []
    ProcessSlot("unused").close(lambda: told.append(True))
    assert told == [True]


def test_cancelled_run_learns_of_it_and_goes_on(slot: ProcessSlot) -> None:
    slot.cancel()
    for _ in range(3):
        assert run(slot, work.square, 2) == 4
        outcome = begin(slot, work.wait_until_cancelled)
        slot.cancel()
        assert outcome.value() == "cancelled"
        assert begin(slot, work.about_run).value()[-1] is False
