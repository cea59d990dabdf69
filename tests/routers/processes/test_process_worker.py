"""One worker in a process, without a pool around it."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from actors import ActorRef, ActorSystem, DeadLetter, DeadLetterReason, DownReason
from actors.errors import ActorDeadError, ActorStartError, AskCancelled, NotInActorError
from actors.routers.workers.processes import ProcessWorker, in_process
from actors.routers.workers.recipe import recipe_of
from actors.scheduler import ResultNotPicklableError, WorkerDiedError
from actors.testing import Probe, Simulation
from tests.routers.processes.workers import Async, Count, Silent, Worker, double
from tests.scheduler.test_process_slot import LIMIT, children, is_running, open_files, pid_in, wait_until
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")

Ref = ActorRef[ProcessWorker]


def left() -> list[str]:
    """The processes of workers, but for the one that is kept."""
    return [name for name in children("worker") if not name.endswith("/kept")]


def threads_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "worker /" in thread.name and not thread.name.endswith("/kept")]


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem() as system:
        yield system
    wait_until(lambda: left() == [])
    wait_until(lambda: threads_left() == [])


@pytest.fixture(scope="module")
def kept() -> Iterator[Ref]:
    """One worker for all tests after which it lives on."""
    with ActorSystem() as system:
        yield system.spawn(ProcessWorker, Worker, name="kept")


@pytest.fixture
def lives_on(kept: Ref) -> Iterator[Ref]:
    pid = kept.ask("pid", timeout=LIMIT)
    yield kept
    assert kept.ask("pid", timeout=LIMIT) == pid


def start(system: ActorSystem, *args: Any, **kwargs: Any) -> Ref:
    return system.spawn(ProcessWorker, Worker, args, kwargs)


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return [line.rpartition(" ")[0] for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


# -- messages ---------------------------------------------------------------------------------------------------------------


def test_messages_are_handled_on_the_main_thread_of_another_process(lives_on: Ref) -> None:
    assert lives_on.ask("pid") != os.getpid()
    assert lives_on.ask("thread") is True


def test_instance_keeps_its_state_and_has_its_handlers(system: ActorSystem) -> None:
    ref = start(system)
    for _ in range(3):
        ref.tell("pid")
    assert ref.ask(Count()) == 3


def test_exception_comes_back_to_the_asker_with_the_remote_traceback(lives_on: Ref) -> None:
    with pytest.raises(ValueError, match="no such thing") as caught:
        lives_on.ask(("fail", "no such thing"))
    assert any("In worker process" in note and "raise ValueError(text)" in note for note in caught.value.__notes__)


def test_message_that_cannot_be_pickled_is_an_error_of_the_asker(lives_on: Ref) -> None:
    with pytest.raises(TypeError, match="the message cannot be sent to a process: pass plain data") as caught:
        lives_on.ask(("give", threading.Lock()))
    assert type(pickle.loads(pickle.dumps(caught.value))) is TypeError


def test_told_message_that_cannot_be_pickled_is_a_dead_letter_and_no_crash(system: ActorSystem) -> None:
    letters: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, letters.append)
    ref = start(system)
    pid = ref.ask("pid")
    lock = threading.Lock()
    ref.tell(("give", lock))
    assert ref.ask("pid") == pid
    assert [(letter.message, letter.reason) for letter in letters] == [(("give", lock), DeadLetterReason.REFUSED)]


@pytest.mark.parametrize("what", ["give_lambda", "odd"])
def test_result_that_cannot_be_pickled_is_an_error_of_the_asker(lives_on: Ref, what: str) -> None:
    with pytest.raises(ResultNotPicklableError):
        lives_on.ask(what)


def test_result_of_a_told_message_need_not_be_pickled(lives_on: Ref) -> None:
    lives_on.tell("give_lambda")


def test_arrays_go_there_and_back(lives_on: Ref) -> None:
    array = np.arange(1_000_000)
    assert (lives_on.ask(("twice", array)) == 2 * array).all()


def test_death_that_a_handler_tells_of_is_not_that_of_its_process(lives_on: Ref) -> None:
    with pytest.raises(WorkerDiedError, match="some task"):
        lives_on.ask("die_of_another")


def test_handler_waits_parked(system: ActorSystem, tmp_path: Path) -> None:
    """Many wait at once for their processes, on the few threads that there are."""
    refs = [start(system) for _ in range(2)]
    asked = [ref.ask(("sleep", str(tmp_path / str(number))), block=False) for number, ref in enumerate(refs)]
    pids = [pid_in(tmp_path / str(number)) for number in range(2)]
    assert len(set(pids)) == 2
    for ref in refs:
        ref.kill()
    for future in asked:
        assert isinstance(future.exception(timeout=LIMIT), ActorDeadError)


@pytest.mark.parametrize("what", ["spawn", "actor_ref", "system", "stop", "reply_later", "stash", "timer", "parent", "watch"])
def test_what_needs_a_system_says_that_there_is_none(lives_on: Ref, what: str) -> None:
    with pytest.raises(NotInActorError, match="is not to be had here: this instance lives in a worker process"):
        lives_on.ask(("uses", what))


def test_log_of_the_actor_is_not_there(lives_on: Ref) -> None:
    with pytest.raises(NotInActorError, match="log, other than the standard library's"):
        lives_on.ask("logs")


def test_what_needs_no_system_is_there(lives_on: Ref) -> None:
    assert lives_on.ask("may_use") == ("/kept", "/kept", (), None)


def test_function_may_be_the_worker(system: ActorSystem) -> None:
    recipe = in_process(recipe_of(functools.partial(double)))
    ref = system.spawn(recipe.actor_class, *recipe.args, **(recipe.kwargs or {}))
    assert ref.ask(21) == 42


# -- cancelling and deadlines -----------------------------------------------------------------------------------------------


def test_cancelled_ask_is_told_to_the_handler_and_ends_nothing(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system)
    pid = ref.ask("pid")
    for number in range(scaled(50, 3)):
        path = tmp_path / f"begun-{number}"
        future = ref.ask(("until_cancelled", str(path)), block=False)
        pid_in(path)
        assert future.cancel()
        assert ref.ask("pid", timeout=LIMIT) == pid
        assert (tmp_path / f"begun-{number}-cancelled").read_text(encoding="utf-8") == "True"
        with pytest.raises(AskCancelled):
            future.get()


def test_cancel_of_one_ask_is_not_told_to_another(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system)
    rng = random.Random(5)
    for number in range(scaled(2000, 200)):
        future = ref.ask("pid", block=False)
        if rng.random() < 0.5:
            time.sleep(rng.random() * 0.0005)
        future.cancel()
        path = tmp_path / f"{number}"
        if number % 50 == 0:
            other = ref.ask(("until_cancelled", str(path)), block=False)
            pid_in(path)
            assert not other.done()
            other.cancel()
            ref.ask("pid")
            assert path.with_name(f"{number}-cancelled").exists()


def test_deadline_is_known_in_the_process(lives_on: Ref) -> None:
    left = lives_on.ask("left", deadline=100.0)
    assert left is not None
    assert 0 < left <= 100.0
    assert lives_on.ask("left") is None


# -- life -------------------------------------------------------------------------------------------------------------------


def test_stop_runs_the_hook_and_ends_the_process(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system, str(tmp_path))
    pid = ref.ask("pid")
    ref.tell("pid")
    assert ref.stop(timeout=LIMIT)
    assert not is_running(pid)
    assert notes(tmp_path) == ["start", "stop"]


def test_kill_of_the_actor_kills_the_process_under_way(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system, str(tmp_path))
    future = ref.ask(("sleep", str(tmp_path / "pid")), block=False)
    pid = pid_in(tmp_path / "pid")
    ref.kill()
    wait_until(lambda: not is_running(pid))
    assert isinstance(future.exception(timeout=LIMIT), ActorDeadError)
    assert notes(tmp_path) == ["start"]


def test_kill_of_an_idle_actor_ends_the_process(system: ActorSystem) -> None:
    ref = start(system)
    pid = ref.ask("pid")
    ref.kill()
    wait_until(lambda: not is_running(pid))


def test_kill_while_the_process_starts_ends_it(system: ActorSystem) -> None:
    rng = random.Random(6)
    for _ in range(scaled(40, 3)):
        future = system._runtime.spawn_under(None, ProcessWorker, (Worker, (), {"start": "sleep"}), {}, None, _declared())
        time.sleep(rng.random() * 0.3)
        assert future._cell is not None
        future._cell.ref.kill()
        assert future.exception(timeout=LIMIT) is not None
    wait_until(lambda: left() == [])


def _declared() -> Any:
    from actors._core.options import AS_DECLARED

    return AS_DECLARED


def test_told_message_that_fails_crashes_the_actor_and_runs_the_hook(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system, str(tmp_path))
    pid = ref.ask("pid")
    with Probe(system) as probe:
        probe.watch(ref)
        ref.tell(("fail", "told"))
        down = probe.expect_down(ref, timeout=LIMIT)
    assert down.reason is DownReason.CRASHED
    assert isinstance(down.error, ValueError)
    assert notes(tmp_path) == ["start", "failure ValueError('told') True"]
    wait_until(lambda: not is_running(pid))


@pytest.mark.parametrize(("what", "code"), [("die", 3), ("kill", -signal.SIGKILL), ("exit", None)])
@pytest.mark.parametrize("asked", [True, False])
def test_death_of_the_process_is_a_crash_of_the_actor(system: ActorSystem, what: str, code: int | None, asked: bool) -> None:
    ref = start(system)
    with Probe(system) as probe:
        probe.watch(ref)
        if asked:
            with pytest.raises(ActorDeadError):
                ref.ask(what, timeout=LIMIT)
        else:
            ref.tell(what)
        down = probe.expect_down(ref, timeout=LIMIT)
    assert down.reason is DownReason.CRASHED
    assert isinstance(down.error, WorkerDiedError)
    assert down.error.code == code
    if what == "exit":
        assert "SystemExit('enough')" in str(down.error)


def test_death_of_the_process_between_two_messages_crashes_the_actor_at_once(system: ActorSystem) -> None:
    ref = start(system)
    pid = ref.ask("pid")
    with Probe(system) as probe:
        probe.watch(ref)
        os.kill(pid, signal.SIGKILL)
        down = probe.expect_down(ref, timeout=LIMIT)
    assert down.reason is DownReason.CRASHED
    assert isinstance(down.error, WorkerDiedError)
    assert down.error.code == -signal.SIGKILL


def test_messages_behind_the_one_that_killed_the_process_come_back(system: ActorSystem) -> None:
    ref = start(system)
    asked = [ref.ask(what, block=False) for what in ("die", "pid", "pid")]
    for future in asked:
        assert isinstance(future.exception(timeout=LIMIT), ActorDeadError)


@pytest.mark.parametrize(
    ("how", "cause", "text"),
    [("raise", LookupError, "no model"), ("die", WorkerDiedError, "exit code 9"), ("exit", WorkerDiedError, "licence")],
)
def test_start_that_fails_says_why_and_leaves_no_process(system: ActorSystem, how: str, cause: type[Exception], text: str) -> None:
    with pytest.raises(ActorStartError) as caught:
        start(system, start=how)
    assert isinstance(caught.value.__cause__, cause)
    assert text in str(caught.value.__cause__)
    wait_until(lambda: left() == [])


def test_class_that_does_not_call_its_base_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ActorStartError) as caught:
        system.spawn(ProcessWorker, Silent)
    assert "does not call super().__init__()" in str(caught.value.__cause__)


def test_restart_in_place_makes_a_new_process(system: ActorSystem, tmp_path: Path) -> None:
    ref = start(system, str(tmp_path))
    pid = ref.ask("pid")
    assert ref.restart(timeout=LIMIT)
    assert ref.ask("pid") != pid
    assert not is_running(pid)
    assert notes(tmp_path) == ["start", "failure None False", "start"]


def test_system_that_is_shut_down_leaves_no_process(tmp_path: Path) -> None:
    with ActorSystem() as system:
        ref = start(system, str(tmp_path))
        pid = ref.ask("pid")
        busy = start(system)
        busy.tell(("sleep", str(tmp_path / "busy")))
        sleeping = pid_in(tmp_path / "busy")
        busy.kill(block=False)
    assert not is_running(pid)
    wait_until(lambda: not is_running(sleeping))
    assert notes(tmp_path) == ["start", "stop"]


def use_all_ways(tmp_path: Path) -> None:
    with ActorSystem() as system:
        stopped, crashed, killed, dead, idle = [start(system) for _ in range(5)]
        stopped.ask("pid")
        crashed.tell(("fail", "x"))
        path = tmp_path / f"{time.monotonic_ns()}"
        killed.tell(("sleep", str(path)))
        pid_in(path)
        killed.kill()
        with contextlib.suppress(ActorDeadError):
            dead.ask("die")
        os.kill(idle.ask("pid"), signal.SIGKILL)
    wait_until(lambda: left() == [])


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with ActorSystem() as system:  # some things stay once they have been started
        start(system)
    files = open_files()
    use_all_ways(tmp_path)
    wait_until(lambda: threads_left() == [])
    assert open_files() <= files


def test_every_ask_is_answered_whatever_kills_come(system: ActorSystem) -> None:
    rng = random.Random(7)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(scaled(100, 2)):
            ref = start(system)
            pid = ref.ask("pid")
            asked = [ref.ask(("give", number), block=False) for number in range(20)]
            time.sleep(rng.random() * 0.01)
            if rng.random() < 0.5:
                ref.kill(block=False)
            else:
                os.kill(pid, signal.SIGKILL)
            for number, future in enumerate(asked):
                error = future.exception(timeout=LIMIT)
                assert isinstance(error, ActorDeadError) if error is not None else future.get() == number
    finally:
        sys.setswitchinterval(interval)


# -- recipes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("worker", [Async, functools.partial(Async)])
def test_async_worker_is_refused(worker: Any) -> None:
    with pytest.raises(TypeError, match="a process runs no event loop"):
        in_process(recipe_of(worker))


@pytest.mark.parametrize("worker", [lambda message: message, functools.partial(Worker, threading.Lock())])
def test_worker_that_cannot_be_sent_is_refused(worker: Any) -> None:
    with pytest.raises(TypeError, match="cannot"):
        in_process(recipe_of(worker))


# -- simulation -------------------------------------------------------------------------------------------------------------


def test_instance_lives_in_the_program_of_a_simulation(tmp_path: Path) -> None:
    with Simulation() as simulation:
        ref = simulation.spawn(ProcessWorker, Worker, (str(tmp_path),))
        assert ref.ask("pid") == os.getpid()
        with pytest.raises(ValueError, match="x"):
            ref.ask(("fail", "x"))
        with pytest.raises(NotInActorError, match="worker process"):
            ref.ask(("uses", "spawn"))
        assert ref.ask("left", deadline=7.0) == 7.0
        assert ref.ask(Count()) == 4
        ref.stop()
        other = simulation.spawn(ProcessWorker, Worker, (str(tmp_path),))
        other.tell(("fail", "told"))
        simulation.run()
        assert not other.is_alive()
    assert notes(tmp_path) == ["start", "stop", "start", "failure ValueError('told') True"]
