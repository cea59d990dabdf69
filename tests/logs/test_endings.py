"""The end of the program, however it comes, and its forks: what was logged before is in the file, once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.logs.kit_sinks import run

HEAD = """
import atexit, os, signal, sys, threading
from pathlib import Path
atexit.register(lambda: log.info("registered before"))
from actors import Actor, ActorSystem, logs
from actors.logs import Sink, log
class Talker(Actor):
    def on_receive(self, message):
        self.log.info(message)
        if message == "exit":
            sys.exit(3)
logging = logs.setup(Sink(sys.argv[1], format="{message}"), events=False, level="INFO", exit_timeout=1.0)
"""
MANY = "for number in range(1000): log.info(str(number))\n"
NUMBERS = [str(number) for number in range(1000)]


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


ENDS = {
    "normally": ("", 0, []),
    "by an exception": ("raise ValueError('v')", 1, ["uncaught exception: ValueError: v"]),
    "by Ctrl-C": ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT, []),
    "by sys.exit with actors alive": ("ActorSystem('s').spawn(Talker).ask('alive'); sys.exit(4)", 4, ["alive"]),
    "by sys.exit in an actor": ("with ActorSystem('s') as s: s.spawn(Talker).tell('exit')", 0, ["exit"]),
    "with stderr closed": ("sys.stderr.close()", 0, []),
    "with no streams": ("sys.stdout = sys.stderr = sys.__stderr__ = None", 0, []),
}


@pytest.mark.parametrize("how", ENDS)
def test_everything_logged_is_written_when_the_program_ends(how: str, tmp_path: Path) -> None:
    end, code, more = ENDS[how]
    path = tmp_path / "a.log"
    ended = run(HEAD + MANY + end, path)
    lines = lines_of(path)
    assert lines[:1000] == NUMBERS, ended.stderr
    assert [one for one in lines[1000:] if not one.startswith(("Unhandled exception", "    "))] == [*more, "registered before"], (
        ended.stderr
    )
    assert ended.returncode == code, ended.stderr


def test_lines_of_atexit_handlers_before_and_after_setup_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
atexit.register(lambda: log.info("registered after"))
import logging as stdlib
atexit.register(lambda: stdlib.getLogger("x").warning("by logging"))
""",
        path,
    )
    assert lines_of(path) == ["by logging", "registered after", "registered before"], ended.stderr


def test_hanging_sink_does_not_hold_the_end_and_its_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
never = threading.Event()
def stuck(message): never.wait()
logs.setup(Sink(sys.argv[1], format="{message}"), Sink(stuck, name="stuck"), events=False, exit_timeout=0.2)
"""
        + MANY,
        path,
    )
    assert ended.returncode == 0
    assert lines_of(path) == [*NUMBERS, "registered before"]
    assert "log sink stuck: 1 line lost (1 INFO): the sink hung while it wrote it" in ended.stderr
    assert "log sink stuck: 999 lines were not written before the end" in ended.stderr


def test_setup_to_stderr_in_a_program_without_one_is_no_error() -> None:
    ended = run("import sys; sys.stderr = sys.__stderr__ = None\nfrom actors import logs\nlogs.setup(); logs.log.info('x'); print('fine')")
    assert (ended.returncode, ended.stdout) == (0, "fine\n")


def test_program_that_can_start_no_thread_writes_its_lines_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
def start(self): raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = start
log.info("one")
log.info("two")
""",
        path,
    )
    assert lines_of(path) == ["one", "two", "registered before"], ended.stderr


FORK = """
pid = os.fork()
if pid == 0:
    log.info("of the child")
    {end}
os.waitpid(pid, 0)
log.info("of the parent")
"""


@pytest.mark.parametrize(("end", "late"), [("sys.exit(0)", 1), ("logs.flush(); os._exit(0)", 0)])
def test_fork_writes_waiting_lines_once_and_the_child_s_own(tmp_path: Path, end: str, late: int) -> None:
    path = tmp_path / "a.log"
    ended = run(HEAD + MANY + FORK.format(end=end), path)
    lines = lines_of(path)
    assert [one for one in lines if one.isdigit()] == NUMBERS, ended.stderr
    assert (lines.count("of the child"), lines.count("of the parent")) == (1, 1)
    assert lines.count("registered before") == 1 + late


def test_child_goes_on_with_a_file_that_its_parent_emptied(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    ended = run(
        HEAD + "logs.setup(Sink(sys.argv[1], format='{message}', mode='w'), events=False)\n" + MANY + FORK.format(end="sys.exit(0)"), path
    )
    assert sorted(lines_of(path)) == sorted([*NUMBERS, "of the child", "of the parent", *["registered before"] * 2]), ended.stderr


def test_forks_while_threads_log_neither_hang_nor_double_nor_tear_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
def storm(name):
    for number in range(2000): log.info(f"{name} {number}")
threads = [threading.Thread(target=storm, args=(name,)) for name in "abcd"]
for one in threads: one.start()
for child in range(10):
    pid = os.fork()
    if pid == 0:
        log.info(f"child {child}")
        logs.flush()
        os._exit(0)
    os.waitpid(pid, 0)
for one in threads: one.join()
""",
        path,
    )
    lines = lines_of(path)
    expected = [f"{name} {number}" for name in "abcd" for number in range(2000)]
    assert sorted(lines) == sorted([*expected, *(f"child {child}" for child in range(10)), "registered before"]), ended.stderr


def test_fork_does_not_wait_for_a_sink_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
never, began = threading.Event(), threading.Event()
def stuck(message):
    if os.getpid() == parent:
        began.set(); never.wait()
parent = os.getpid()
logs.setup(Sink(sys.argv[1], format="{message}"), Sink(stuck, name="stuck"), events=False, exit_timeout=0.2)
log.info("x")
began.wait()
"""
        + FORK.format(end="logs.flush(); os._exit(0)"),
        path,
    )
    assert sorted(lines_of(path)) == ["of the child", "of the parent", "registered before", "x"], ended.stderr


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_write_what_they_log(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    path = tmp_path / "a.log"
    program.write_text(
        """
import multiprocessing, sys
from actors import logs
from actors.logs import Sink, log
def child(path, sets_up):
    if sets_up:
        logs.setup(Sink(path, format="{message}"))
    for number in range(100): log.info(f"child {number}")
if __name__ == "__main__":
    path, method = sys.argv[1:]
    logs.setup(Sink(path, format="{message}"))
    log.info("parent")
    process = multiprocessing.get_context(method).Process(target=child, args=(path, method != "fork"))
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""
    )
    ended = run("import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')", program, path, method)
    if method != "fork":  # which imports the main program anew, by its path
        import os
        import subprocess
        import sys

        root = str(Path(__file__).parents[2])
        path.unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONPATH": root}
        ended = subprocess.run(
            [sys.executable, program, path, method], capture_output=True, text=True, env=environment, timeout=60, check=False
        )
    assert ended.returncode == 0, ended.stderr
    assert sorted(lines_of(path)) == sorted(["parent", *(f"child {number}" for number in range(100))])


# -- flush and close -------------------------------------------------------------------------------------------------------


def test_closes_setups_and_flushes_at_once_lose_no_line_uncounted(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        """
import sys, threading
from actors import logs
from actors.logs import Sink, log
from loguru import logger
logger.remove()
direct = []
logger.add(lambda message: direct.append(message.record["message"]))
sys.setswitchinterval(1e-6)
routes = logs.Routes(loguru=False)
def setup(): return logs.setup(Sink(sys.argv[1], format="{message}"), events=False, routes=routes)
def storm(name):
    for number in range(1500): log.info(f"{name} {number}")
def again():
    for _ in range(15):
        setup().close()
def flushes():
    for _ in range(50): logs.flush()
targets = [*((storm, name) for name in "abc"), (again,), (again,), (flushes,)]
threads = [threading.Thread(target=one[0], args=one[1:]) for one in targets]
for one in threads: one.start()
for one in threads: one.join()
setup().close()
lines = open(sys.argv[1]).read().splitlines() + direct
assert sorted(lines) == sorted(f"{name} {number}" for name in "abc" for number in range(1500)), (len(lines), len(set(lines)))
""",
        path,
    )
    assert ended.returncode == 0, ended.stderr


def test_close_leaves_no_thread_and_no_descriptor_behind(tmp_path: Path) -> None:
    ended = run(
        """
import os, sys, threading
from actors import logs
def once(number):
    with logs.setup(sys.argv[1] + str(number), lambda message: None):
        logs.log.info("x")
def left(): return {one.name for one in threading.enumerate()}, len(os.listdir("/proc/self/fd"))
once(0)
before = left()
for number in range(20): once(number % 3)
assert left() == before, (before, left())
""",
        tmp_path / "a.log",
    )
    assert ended.returncode == 0, ended.stderr


def test_flush_from_a_handler_a_loop_and_a_thread(tmp_path: Path) -> None:
    ended = run(
        """
import asyncio, sys
from actors import Actor, ActorSystem, logs
got = []
class Blocking(Actor):
    def on_receive(self, message):
        self.log.info("a")
        return logging.flush(), list(got)
class OnLoop(Actor):
    async def on_receive(self, message):
        self.log.info("b")
        return await logging.flush_async(), list(got)
async def main():
    logs.log.info("c")
    return await logging.flush_async(), list(got), logging.close()
logging = logs.setup(lambda message: got.append(message.record["message"]), events=False)
with ActorSystem("s") as system:
    assert system.spawn(Blocking).ask(1) == (True, ["a"])
    assert system.spawn(OnLoop).ask(1) == (True, ["a", "b"])
assert asyncio.run(main()) == (True, ["a", "b", "c"], True)
assert logging.flush() and logging.close() and logs.flush()
""",
    )
    assert ended.returncode == 0, ended.stderr
