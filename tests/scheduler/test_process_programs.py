"""Whole programs with worker processes: Ctrl-C, ends that nobody prepared, and what a main module must not do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.code_blocks import Block, blocks_of
from tests.scheduler import process_programs
from tests.scheduler.test_process_slot import LIMIT, is_running, pid_in, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")

ROOT = Path(__file__).parent.parent.parent


class Programs:
    """Starts programs in process groups of their own, as a shell does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        program = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])},
        )
        self.started.append(program)
        return program

    def named(self, name: str) -> subprocess.Popen[str]:
        return self.start(process_programs.__file__, name, str(self.folder))

    def ready(self) -> None:
        wait_until((self.folder / "ready").exists)

    def workers(self, count: int) -> list[int]:
        return [pid_in(self.folder / f"worker-{number}") for number in range(count)]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path)
    yield programs
    for program in programs.started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def group_of(pid: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == pid and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found


def test_interrupt_of_the_whole_group_ends_the_program_cleanly(programs: Programs) -> None:
    program = programs.named("interrupted")
    programs.ready()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("interrupted\n", "", 0)
    assert not any(is_running(pid) for pid in programs.workers(2))
    wait_until(lambda: group_of(program.pid) == [])  # the tracker of multiprocessing ends when it sees that all others have


def test_interrupt_while_a_process_starts_is_not_its_own(programs: Programs) -> None:
    program = programs.named("interrupted_at_start")
    programs.ready()
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("interrupted\n4\n", "", 0)


def test_workers_of_a_program_that_was_killed_end_by_themselves(programs: Programs) -> None:
    program = programs.named("waits")
    programs.ready()
    workers = programs.workers(2)
    assert all(is_running(pid) for pid in workers)
    program.kill()
    program.wait(LIMIT)
    wait_until(lambda: group_of(program.pid) == [])
    assert not any(is_running(pid) for pid in workers)


def test_program_that_closes_nothing_ends_and_leaves_no_process(programs: Programs) -> None:
    program = programs.named("leaves_everything")
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("the end\n", "", 0)
    assert not any(is_running(pid) for pid in programs.workers(1))
    wait_until(lambda: group_of(program.pid) == [])


def test_end_of_a_program_does_not_depend_on_who_waits_for_its_workers_first(programs: Programs) -> None:
    program = programs.named("is_joined_late")
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("the end\n", "", 0)


def test_end_of_a_forked_child_of_the_program_ends_no_worker(programs: Programs) -> None:
    program = programs.named("forks")
    out, _ = program.communicate(timeout=LIMIT)
    assert (out, program.returncode) == ("3\nTrue\n", 0)


def test_functions_and_classes_of_the_main_module_pass(programs: Programs) -> None:
    program = programs.named("uses_main")
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("('__mp_main__', 7)\nTrue\n", "", 0)


def test_what_a_function_prints_is_not_lost_with_its_process(programs: Programs) -> None:
    program = programs.named("prints")
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("printed in a worker\n", "", 0)


UNGUARDED = """
from actors import ActorSystem
from actors.scheduler import Kind, Scheduler
from tests.scheduler import in_processes as work

with ActorSystem() as system, Scheduler(system, processes=1) as scheduler:
    print(scheduler.submit(work.square, 2, kind=Kind.PROCESS).future.exception(), flush=True)
"""


def test_main_module_that_begins_anew_in_the_worker_is_an_error_of_the_run(programs: Programs) -> None:
    path = programs.folder / "unguarded.py"
    path.write_text(UNGUARDED, encoding="utf-8")
    program = programs.start(str(path))
    out, _ = program.communicate(timeout=LIMIT)
    assert "if __name__ == '__main__'" in out
    assert program.returncode == 0


IMPORT_FAILS = """
if __name__ != "__main__":
    raise ImportError("not in a worker")
""" + UNGUARDED.replace("with ", 'if __name__ == "__main__":\n  with ')


def test_main_module_that_cannot_be_imported_again_is_an_error_of_the_run(programs: Programs) -> None:
    path = programs.folder / "broken.py"
    path.write_text(IMPORT_FAILS, encoding="utf-8")
    program = programs.start(str(path))
    out, err = program.communicate(timeout=LIMIT)
    assert "exit code 1" in out
    assert "what went wrong is on stderr" in out
    assert "ImportError: not in a worker" in err
    assert program.returncode == 0


FROM_COMMAND_LINE = """
def local(): return 1
from actors import ActorSystem
from actors.scheduler import Kind, Scheduler
with ActorSystem() as system, Scheduler(system, processes=1) as scheduler:
    print(scheduler.submit(local, kind=Kind.PROCESS).future.exception(), flush=True)
    print(scheduler.submit(abs, -3, kind=Kind.PROCESS).result(), flush=True)
"""


def test_function_of_a_program_without_a_file_is_refused_with_advice(programs: Programs) -> None:
    program = programs.start("-c", FROM_COMMAND_LINE)
    out, _ = program.communicate(timeout=LIMIT)
    assert "define functions and classes in a file" in out
    assert out.endswith("3\n")
    assert program.returncode == 0


PAGE = ROOT / "docs" / "how-to" / "cpu-bound-work.md"
PROGRAMS_OF_THE_PAGE = [block for block in blocks_of(PAGE.read_text(encoding="utf-8")) if block.reason is not None]


@pytest.mark.parametrize("block", PROGRAMS_OF_THE_PAGE, ids=lambda block: f"line {block.line}")
def test_programs_of_the_how_to_page_run(programs: Programs, block: Block) -> None:
    path = programs.folder / "program.py"
    path.write_text(block.code, encoding="utf-8")
    program = programs.start("-W", "error", str(path))
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("", "", 0)


def test_the_how_to_page_has_programs() -> None:
    assert len(PROGRAMS_OF_THE_PAGE) == 3
