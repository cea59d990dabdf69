"""The command `greenroom`: a run is walked through forward and back, the same everywhere; what cannot be replayed is refused."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.testing import Ordering, Simulation, Step, command, explore, simulate, text_chart
from actors.testing.explore import rerun
from actors.testing.setup import Setup
from actors.testing.stepper import HELP, MOST_WAITING, Stepper
from actors.testing.token import dump
from actors.texts import text_of
from tests.simulation.scenarios import Forward, Log, check_then_create, dining, name_is_known
from tests.simulation.test_charts import runs, step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "actors.testing"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "TERM": "dumb", **more}


def greenroom(*arguments: str, cwd: Path = ROOT, python: str = sys.executable, **more: str) -> subprocess.CompletedProcess[str]:
    call = [python, "-m", "actors.testing", *arguments]
    return subprocess.run(
        call, cwd=cwd, env=environment(**more), capture_output=True, encoding="utf-8", timeout=60, check=False, stdin=subprocess.DEVNULL
    )


@functools.cache
def token_of(scenario: Callable[[Simulation], object], **options: Any) -> str:
    failure = explore(scenario, **options).failure
    assert failure is not None
    return failure.token


class Sets(Actor):
    """Holds what has another order in every process."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.nested: dict[str, Any] = {}

    def on_receive(self, words: frozenset[str]) -> None:
        self.words |= words
        self.nested[f"{len(self.words)}"] = [words, {("x", frozenset(words))}]


def sets(sim: Simulation) -> None:
    one = sim.spawn(Sets, name="sets")
    sim.spawn(Forward, one).tell(frozenset("abcdef"))
    sim.spawn(Forward, one).tell(frozenset({"gamma", "delta"}))
    sim.run()
    assert not sim.instance(one).words


def passes(sim: Simulation) -> None:
    print("what a scenario prints")  # noqa: T201  # what is to be kept out
    sim.spawn(Log, name="log").tell("x\x1b[31m")
    sim.run()


def leaves(sim: Simulation) -> None:
    sys.exit(7)


def skips(sim: Simulation) -> None:
    pytest.skip("not here")


async def waits(sim: Simulation) -> None:
    pass


class Scenarios:
    @staticmethod
    def inside(sim: Simulation) -> None:
        log = sim.spawn(Log, name="log")
        log.tell(1)
        sim.run()
        assert sim.instance(log).got == [], "it got something"

    def method(self, sim: Simulation) -> None:
        pass

    @simulate()
    def simulated(self, sim: Simulation) -> None:
        pass


@simulate(token="")
def simulated(sim: Simulation) -> None:
    Scenarios.inside(sim)


@simulate()
def simulated_with(sim: Simulation, word: str, *, other: int, more: int = 1) -> None:
    pass


@given(word=st.text())
@simulate()
def simulated_given(sim: Simulation, word: str) -> None:
    pass


def fake_token(name: str, module: str = __name__, choices: Sequence[int] = ()) -> str:
    """Return the token of a run of a scenario by that name, a quiet one if there are no choices."""

    def scenario(_: Simulation) -> None: ...

    scenario.__module__, scenario.__qualname__ = module, name
    return dump(scenario, Setup(), choices)


# -- the command -----------------------------------------------------------------------------------------------------------


def test_a_failure_is_printed_as_its_chart_and_every_step() -> None:
    token = token_of(name_is_known, ordering=Ordering.PAIR_FIFO)
    done = greenroom("replay", token)
    assert (done.returncode, done.stderr) == (1, "")
    _, steps, _ = rerun(name_is_known, token)
    assert done.stdout.startswith(text_chart(steps))
    assert [int(number) for number in re.findall(rf"^step (\d+) of {len(steps)},", done.stdout, re.MULTILINE)] == list(
        range(1, len(steps) + 1)
    )
    assert "  ran before ('exit', 'S1') /worker -> /registry\n" in done.stdout
    assert "    * names = {'S1': 'old'} -> {'S1': 'new'}\n" in done.stdout
    assert "  under way to /registry: ('register', 'S1', 'new') from /supervisor\n" in done.stdout
    error, place = done.stdout.splitlines()[-2:]
    assert error.startswith("AssertionError")
    assert re.fullmatch(r"  tests.simulation.scenarios\.py:\d+: assert registry\.ask.*", place)


def test_a_token_that_does_not_fail_any_more_says_so_and_what_the_scenario_prints_is_no_output() -> None:
    done = greenroom("replay", fake_token("passes"), "--all")
    assert done.returncode == 0
    assert done.stdout.endswith("does not fail any more\n")
    assert "what a scenario prints" not in done.stdout
    assert "\x1b" not in done.stdout


def test_the_steps_are_printed_as_lines_of_json() -> None:
    token = token_of(Scenarios.inside)
    done = greenroom("replay", token, "--json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["number"], line["kind"], line["actor"]) for line in lines] == [(1, "signal", "/log"), (2, "delivery", "/log")]
    assert lines[1]["attributes"] == {"got": ["[]", "[1]"]}
    assert "it got something" in done.stderr


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Return the exit code of the command, run in this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115, PTH123
    try:
        return command.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdin.close()


@pytest.mark.parametrize("suffix", [".txt", ".mmd", ".svg", ".html"])
def test_a_chart_is_saved_by_the_suffix(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / f"run{suffix}"
    assert run_main(monkeypatch, "replay", token_of(Scenarios.inside), "--save", str(file)) == 1
    assert "log" in file.read_text(encoding="utf-8")


def test_a_test_under_simulate_is_found_behind_its_name() -> None:
    # Made in a process of its own, where no assertion is rewritten, and replayed from this file as pytest names it.
    done = greenroom("replay", fake_token("simulated"))
    assert done.returncode == 1
    assert "AssertionError: it got something" in done.stdout


def test_a_scenario_is_found_in_a_further_directory_or_by_another_name(tmp_path: Path) -> None:
    text = "def empty(sim):\n    raise KeyError('found')\n"
    (tmp_path / "elsewhere.py").write_text(text)
    token = fake_token("empty", "elsewhere")
    assert greenroom("replay", token).returncode == 2
    for cwd, more in ((ROOT, ["--path", str(tmp_path)]), (tmp_path, [])):
        done = greenroom("replay", token, *more, cwd=cwd)
        assert done.returncode == 1, done.stderr
        assert "KeyError: 'found'\n  elsewhere.py:2: raise KeyError('found')\n" in done.stdout
    for name in ("test.<locals>.scenario", "other"):
        done = greenroom("replay", fake_token(name), "--scenario", "elsewhere:empty", cwd=tmp_path)
        assert done.returncode == 1, done.stderr


BROKEN = {
    "nowhere": ("there is no", "--scenario"),
    "Scenarios.nothing": ("Scenarios has no nothing", "--scenario"),
    "test.<locals>.scenario": ("inside of a function", "--scenario MODULE:NAME"),
    "<lambda>": ("inside of a function", "--scenario"),
    "Scenarios": ("no scenario",),
    "Scenarios.method": ("is a method", "@simulate(token=...)"),
    "Scenarios.simulated": ("is a method", "@simulate(token=...)"),
    "waits": ("no scenario",),
    "simulated_with": ("takes word, other besides", "@simulate(token=...)"),
    "simulated_given": ("takes word besides", "hypothesis"),
    "leaves": ("ended the program with exit code 7",),
    "skips": ("leaves its test", "not here"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_scenario_that_cannot_be_run_is_refused_with_the_reason(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "replay", fake_token(name)) == 2
    out, err = capfd.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith("greenroom: ")
    for part in BROKEN[name]:
        assert part in err


REFUSED: list[tuple[list[str], str]] = [
    ([], "COMMAND"),
    (["replay"], "TOKEN"),
    (["replay", fake_token("passes", choices=[0, 3])], "2 of its 2 choices could not be made"),
    (["rewind"], "rewind"),
    (["replay", "not a token"], "damaged"),
    (["replay", "日本"], "damaged"),
    (["replay", fake_token("passes"), "--all", "--json"], "not allowed"),
    (["replay", fake_token("passes"), "--width", "39"], "40 columns"),
    (["replay", fake_token("passes"), "--save", "run.png"], ".html"),
    (["replay", fake_token("passes"), "--save", "/no/such/directory/run.txt"], "directory"),
    (["replay", fake_token("x", "no_such_module")], "--path DIR"),
    (["replay", fake_token("x", "__main__")], "program that was run"),
    (["replay", fake_token("passes"), "--scenario", "nothing"], "MODULE:NAME"),
    (["replay", fake_token("passes"), "--scenario", "no_such_module:x"], "--path DIR"),
]


@pytest.mark.parametrize(("arguments", "why"), REFUSED, ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "")
def test_a_wrong_call_is_refused_with_the_reason(
    arguments: list[str], why: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, *arguments) == 2
    assert why in capfd.readouterr().err


@pytest.mark.parametrize("code", ["import no_such_thing", "raise RuntimeError('boom')", "def", "import sys; sys.exit()"])
def test_a_module_that_cannot_be_imported_is_named(code: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(code)
    done = greenroom("replay", fake_token("x", "broken"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("greenroom: the module broken cannot be imported: ")
    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    done = greenroom("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"greenroom \S.*\n", done.stdout)


def test_a_terminal_of_ascii_is_enough() -> None:
    done = greenroom("replay", token_of(dining), PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert done.stdout.isascii()


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    call = subprocess.Popen(
        [*COMMAND, "replay", token_of(dining)], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with call:
        assert call.stdout is not None
        assert call.stderr is not None
        call.stdout.close()
        assert call.stderr.read() == b""


# -- the same everywhere ---------------------------------------------------------------------------------------------------


def other_pythons() -> list[str]:
    """Interpreters of another version that have what we need; also those of the checkout that this one's environment is of."""
    found = []
    for root in {ROOT, Path(sys.prefix).parent}:
        for python in sorted([*root.glob(".venv/bin/python"), *root.glob(".cache/*/bin/python")]):
            program = "import sys, greenlet, loguru, msgpack, pykka, hypothesis, pytest; print(*sys.version_info[:2])"
            probe = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
            if probe.returncode == 0 and probe.stdout.split() != [*map(str, sys.version_info[:2])]:
                found.append(str(python))
    return found


SAME = {
    "race": (check_then_create, {}),
    "deadlock": (dining, {}),
    "overtaking": (name_is_known, {"ordering": Ordering.PAIR_FIFO}),
    "sets": (sets, {}),
}


@pytest.mark.parametrize("name", SAME)
def test_a_token_is_told_byte_for_byte_the_same_under_any_hash_seed(name: str) -> None:
    scenario, options = SAME[name]
    token = token_of(scenario, **options)
    told = {greenroom("replay", token, "--all", PYTHONHASHSEED=seed).stdout for seed in ("0", "1", "4711")}
    assert len(told) == 1
    assert "step 1 of" in told.pop()


@pytest.mark.parametrize("name", SAME)
def test_a_token_is_told_byte_for_byte_the_same_under_another_python(name: str) -> None:
    others = other_pythons()
    if not others:
        pytest.skip(
            "no other Python with greenlet, loguru, msgpack, pykka, hypothesis and pytest was found (`make other-python` makes one)"
        )
    scenario, options = SAME[name]
    token = token_of(scenario, **options)
    first = greenroom("replay", token, "--all")
    assert "step 1 of" in first.stdout
    for python in others:
        again = greenroom("replay", token, "--all", python=python)
        assert (again.stdout, again.returncode) == (first.stdout, first.returncode)


def test_sets_are_told_in_order_and_everything_else_as_it_is() -> None:
    cycle: list[Any] = [{2, 1}]
    cycle.append(cycle)
    assert text_of(frozenset({"b", "a"})) == "frozenset({'a', 'b'})"
    assert text_of({"x": ({"b", "a"},)}) == "{'x': ({'a', 'b'},)}"
    assert text_of(cycle) == "[{1, 2}, [{1, 2}, [...]]]"
    for value in (set(), frozenset(), (), [], {}, (1,), {1: [2, (3, 4)]}, "x", None):
        assert text_of(value) == repr(value)


# -- in a terminal ---------------------------------------------------------------------------------------------------------


# The command, in a pseudo terminal whose Ctrl-C interrupts it.
OWN_TERMINAL = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from actors.testing.command import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo terminals")
@pytest.mark.parametrize("end", [b"q\n", b"\x04", b"\x03"], ids=["q", "Ctrl-D", "Ctrl-C"])
def test_in_a_terminal_one_walks_forward_and_back(end: bytes, tmp_path: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    saved = tmp_path / "run.svg"
    call = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, "replay", token_of(Scenarios.inside)],
        cwd=ROOT,
        env=environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen = ""

    def wait_for(text: str) -> None:
        nonlocal seen
        while text not in seen:
            seen += os.read(controller, 10_000).decode()
        seen = seen.partition(text)[2]

    try:
        wait_for("h lists the commands")
        for typed, told in (
            (b"\n", "step 1 of 2"),
            (b"n\n", "* got = [] -> [1]"),
            (b"b\n", "step 1 of 2"),
            (b"a log\n", "got = []"),
            (f"w {saved}\n".encode(), "saved "),
            (b"w run.png\n", "is not valid"),
            (b"2\n", "it got something"),
        ):
            wait_for("/2] ")
            os.write(controller, typed)
            wait_for(told)
        wait_for("[2/2] ")
        # A Ctrl-C that comes just before the interpreter blocks in its read is seen only at the next key: people press it again.
        for _ in range(30):
            with contextlib.suppress(OSError):  # it has ended, and its terminal with it
                os.write(controller, end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                call.wait(1)
                break
        assert call.returncode == 1
        assert saved.exists()
    finally:
        call.kill()
        call.wait()
        os.close(controller)


# -- the walk --------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["n", "", "b", "f", "l", "s", "m", "a", "h", "a x", "a /registry", "/", "/ e", "/ 日", "w", "w x.svg", "q", "0", "3", "²"]
)
COMMANDS = st.one_of(WORDS, st.text(max_size=6), st.integers(-2, 20).map(str), st.just("9" * 5000))


@settings(deadline=None, max_examples=150)
@given(steps=runs(lanes=5), lines=st.lists(COMMANDS, max_size=30))
def test_no_command_fails_and_one_stays_within_the_run(steps: list[Step], lines: list[str]) -> None:
    stepper = Stepper(steps, "outcome", width=60)
    for line in lines:
        answer = stepper.handle(line)
        assert 0 <= stepper.position <= len(steps)
        assert answer.text or answer.ends or answer.save_to
        assert "\x1b" not in answer.text
        assert answer.text.replace("\n", "").isprintable()


@settings(deadline=None, max_examples=100)
@given(steps=runs(lanes=5), lines=st.lists(COMMANDS, max_size=8))
def test_back_after_next_is_where_it_was(steps: list[Step], lines: list[str]) -> None:
    stepper = Stepper(steps)
    for line in lines:
        stepper.handle(line)
    position, shown = stepper.position, stepper.shown()
    stepper.handle("n")
    if stepper.position == position:
        assert position == len(steps)
    else:
        assert stepper.handle("b").text == shown
        assert stepper.position == position


def overtaking() -> Stepper:
    error, steps, _ = rerun(name_is_known, token_of(name_is_known, ordering=Ordering.PAIR_FIFO), states=True)
    return Stepper(steps, repr(error))


def test_the_walk_shows_mailboxes_states_and_the_chart_as_of_its_step() -> None:
    stepper = overtaking()
    assert "nothing is under way" in stepper.handle("m").text
    assert "no actor has taken a step" in stepper.handle("a").text
    assert stepper.handle("/ 'register'").text.startswith("step 7 of 9, 0s  /supervisor -> /registry  delivery: ('register'")
    assert stepper.handle("m").text == "  under way to /registry: ('exit', 'S1') from /worker"
    assert stepper.handle("a registry").text == "  Registry /registry (since step 7)\n      names = {'S1': 'new'}"
    assert stepper.handle("s").text.count("'register'") == 1
    assert "'whereis'" not in stepper.handle("s").text
    assert "no message after step 7" in stepper.handle("/").text
    stepper.handle("b")
    assert stepper.handle("a /registry").text.endswith("names = {'S1': 'old'}")
    assert all(path in stepper.handle("a").text for path in ("/registry", "/worker", "/supervisor"))
    assert "no actor whose path has 'nobody'" in stepper.handle("a nobody").text


def test_of_a_long_mailbox_a_step_shows_the_first_and_m_shows_all() -> None:
    waiting = {"/log": tuple(f"'m{number}' from scenario" for number in range(MOST_WAITING + 3))}
    stepper = Stepper([step(1, "->/log", "'x'", waiting=waiting)])
    assert stepper.handle("n").text.endswith("  under way to /log: 3 more")
    assert len(stepper.handle("m").text.splitlines()) == MOST_WAITING + 3


def test_the_walk_ends_with_what_the_run_came_to_and_goes_no_further() -> None:
    stepper = overtaking()
    assert "AssertionError" in stepper.handle("l").text
    assert stepper.handle("n").text.startswith("this is the end\nAssertionError")
    assert stepper.handle("10").text == "there is no step 10; the last one is 9"
    assert stepper.position == 9
    assert stepper.handle("f").text.startswith("step 1 of 9")
    assert stepper.handle("b").text == "the beginning of 9 steps"
    assert stepper.handle("b").text == "this is the beginning"


def test_every_command_is_in_the_help() -> None:
    stepper = overtaking()
    assert stepper.handle("h").text == HELP
    for word in ("n", "b", "f", "l", "s", "m", "h", "q"):
        assert re.search(rf"\b{word}\b", HELP)
        assert "no command" not in stepper.handle(word).text
    assert "no command" in stepper.handle("x").text
    assert "no command" in stepper.handle("b 1").text
