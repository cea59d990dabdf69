"""Dumps on a signal, in processes that are stuck; and debuggers, profilers and coverage at work on handlers."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = """
import os, signal, sys, threading, time
from hashlib import pbkdf2_hmac
from actors import Actor, ActorSystem, DispatcherKind, Future
from actors.observe import dump, dump_on_signal
class Waits(Actor):
    def on_receive(self, future): return future.get()
class Spins(Actor):
    def on_receive(self, _):
        while True: pass
class Loop(Actor):
    async def on_receive(self, _): threading.Event().wait()
take_back = dump_on_signal(file=sys.argv[1])
system = ActorSystem("stuck")
"""


def run(code: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8", timeout=60, check=False)


def dumped(tmp_path: Path, stuck: str) -> str:
    """What a process dumps whose main thread gets stuck in `stuck`, once all its actors are stuck."""
    target = tmp_path / "dump.txt"
    code = (
        BEGIN
        + textwrap.dedent("""
        system.spawn(Waits, name="parked").tell(Future())
        system.spawn(Spins, name="spins").tell(1)
        system.spawn(Loop, name="loop").tell(1)
        while [one.position.value for one in dump(system).systems[0].actors] != ["parked", "running", "running"]: pass
        def tell():  # once the main thread is at it: Python looks at signals before that line, and not in it
            while sys._current_frames()[threading.main_thread().ident].f_lineno != stuck.__code__.co_firstlineno + 1: pass
            print("ready", flush=True)
    """)
        + f"""
def stuck():
    {stuck}
threading.Thread(target=tell).start()
stuck()
"""
    )
    command = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGUSR1)
            while not target.exists() or "other threads" not in target.read_text(encoding="utf-8"):
                assert process.poll() is None
            return target.read_text(encoding="utf-8")
        finally:
            process.kill()


def test_a_signal_dumps_while_main_thread_workers_and_loop_are_stuck(tmp_path: Path) -> None:
    text = dumped(tmp_path, "while True: pass")
    assert "/parked  Waits  parked" in text
    assert "in Waits.on_receive" in text
    assert "in Spins.on_receive" in text
    assert "/loop  Loop  running" in text


def test_a_signal_dumps_while_the_main_thread_is_in_a_call_in_c(tmp_path: Path) -> None:
    # It lets the other threads run, and looks at no signal for minutes: no handler of Python's runs in that time.
    text = dumped(tmp_path, "pbkdf2_hmac('sha512', b'a', b'b', 2**31 - 1)")
    assert "system stuck, running" in text


def test_what_was_before_is_put_back(tmp_path: Path) -> None:
    done = run(
        BEGIN
        + """
take_back(); take_back()
assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
assert signal.set_wakeup_fd(-1) == -1
assert not [one for one in threading.enumerate() if one.name == "greenroom-dump"]
system.shutdown()
""",
        str(tmp_path / "dump.txt"),
    )
    assert done.returncode == 0, done.stderr


def test_each_signal_is_dumped_once(tmp_path: Path) -> None:
    done = run(
        BEGIN
        + """
def dumps():  # not the line of this program, which is in them as well
    return sum(line.startswith("system stuck,") for line in open(sys.argv[1])) if os.path.exists(sys.argv[1]) else 0
for number in range(3):
    os.kill(os.getpid(), signal.SIGUSR1)
    while dumps() <= number: pass
take_back()
assert dumps() == 3, dumps()
system.shutdown()
""",
        str(tmp_path / "dump.txt"),
    )
    assert done.returncode == 0, done.stderr


HANDLER = """
import sys, threading
from actors import Actor, ActorSystem, Future
class One(Actor):
    def on_receive(self, future):
        value = future.get()
        {before}
        return self.twice(value)
    def twice(self, value):
        return value * 2
"""


def test_a_breakpoint_works_in_a_handler_that_was_parked() -> None:
    code = (
        HANDLER.format(before="breakpoint()")
        + """
with ActorSystem() as system:
    gate = Future()
    answer = system.spawn(One).ask(gate, block=False)
    while not system.stats().parked: pass
    gate.set(21)
    print("answer", answer.get())
"""
    )
    done = run(code, stdin="p value\nnext\nstep\nwhere\ncontinue\n")
    assert done.returncode == 0, done.stderr
    assert "21" in done.stdout
    assert "answer 42" in done.stdout
    assert "on_receive" in done.stdout


def test_profilers_of_all_threads_see_handlers() -> None:
    code = (
        """
import threading
calls = []
threading.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
"""
        + HANDLER.format(before="pass")
        + """
with ActorSystem() as system:
    gate = Future()
    answer = system.spawn(One).ask(gate, block=False)
    while not system.stats().parked: pass
    gate.set(21)
    assert answer.get() == 42
    threading.setprofile(None)
assert "on_receive" in calls
print("twice" in calls)
"""
    )
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"
