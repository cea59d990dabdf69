"""The programs of the how-to page about workers that die, each run as a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.code_blocks import Block, blocks_of
from tests.scheduler.test_process_programs import ROOT, Programs, programs
from tests.scheduler.test_process_slot import LIMIT, wait_until

__all__ = ["programs"]  # a fixture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc")

PAGE = ROOT / "docs" / "how-to" / "worker-dies.md"
PROGRAMS_OF_THE_PAGE = [block for block in blocks_of(PAGE.read_text(encoding="utf-8")) if block.reason is not None]


@pytest.mark.parametrize("block", PROGRAMS_OF_THE_PAGE, ids=lambda block: f"line {block.line}")
def test_programs_of_the_how_to_page_run(programs: Programs, block: Block) -> None:
    path = programs.folder / "program.py"
    path.write_text(block.code, encoding="utf-8")
    program = programs.start("-W", "error", str(path))
    out, err = program.communicate(timeout=LIMIT)
    assert (out, err, program.returncode) == ("", "", 0)


def test_the_how_to_page_has_programs() -> None:
    assert len(PROGRAMS_OF_THE_PAGE) == 1


KILLED = """
from pathlib import Path
import os, sys, time
import numpy as np
from actors import ActorSystem
from actors.routers import Pool

def work(array):
    Path(sys.argv[1], f"worker-{array[0]}").write_text(str(os.getpid()))
    time.sleep(600)

def main():
    with ActorSystem() as system, Pool(system, work, size=2, processes=True) as pool:
        for number in range(2):
            pool.ref.tell(np.full(1_000_000, number))
        time.sleep(600)

if __name__ == "__main__":
    main()
"""

UNGUARDED = """
from actors import ActorSystem
from actors.routers.workers.processes import ProcessWorker
from tests.routers.processes.workers import Worker

with ActorSystem() as system:
    try:
        system.spawn(ProcessWorker, Worker)
    except Exception as error:
        print(error.__cause__, flush=True)
"""


def test_program_that_is_killed_leaves_no_worker_and_no_memory(programs: Programs) -> None:
    path = programs.folder / "killed.py"
    path.write_text(KILLED, encoding="utf-8")
    program = programs.start(str(path), str(programs.folder))
    pids = programs.workers(2)
    assert all(maps_arrays(pid) for pid in pids)
    program.kill()
    program.wait(LIMIT)
    wait_until(lambda: not any(maps_arrays(pid) for pid in pids))


def maps_arrays(pid: int) -> bool:
    """Whether there is such a process with an array of ours."""
    try:
        return "/memfd:greenroom" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_main_module_that_begins_anew_in_the_worker_is_told(programs: Programs) -> None:
    path = programs.folder / "unguarded.py"
    path.write_text(UNGUARDED, encoding="utf-8")
    program: subprocess.Popen[str] = programs.start(str(path))
    out, _ = program.communicate(timeout=LIMIT)
    assert "if __name__ == '__main__'" in out
    assert program.returncode == 0
