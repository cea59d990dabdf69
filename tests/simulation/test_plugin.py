"""The pytest plugin, in sessions of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TESTS = """
from actors.testing import simulate
from tests.simulation.scenarios import Log, check_then_create

@simulate(runs=50)
def test_race(sim):
    check_then_create(sim)

@simulate(strategy="exhaustive")
def test_proved(sim):
    log = sim.spawn(Log)
    log.tell(1)
    sim.run()
"""


def session(directory: Path, *options: str, tests: str = TESTS, installed: bool = False) -> str:
    """Return what a session prints; `installed` has pytest find the plugin, and every other, by itself, which takes seconds."""
    test = directory / "test_it.py"
    test.write_text(tests)
    quiet = ["-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(directory)]
    command = [sys.executable, "-m", "pytest", *quiet, str(test), *options]
    # On a CI machine hypothesis keeps nothing: these sessions are to be like those at a desk.
    environment = {**{name: value for name, value in os.environ.items() if name != "CI"}, "PYTHONPATH": str(ROOT)}
    if not installed:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        command += ["-p", "actors.testing.plugin"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=directory)
    return f"{run.stdout}{run.stderr}\nstatus {run.returncode}"


def test_a_session_says_what_was_explored_and_tries_what_it_kept_first(tmp_path: Path) -> None:
    imports = "import hypothesis\n"
    (tmp_path / "conftest.py").write_text(imports)  # its database is used where it is in use
    first = session(tmp_path, installed=True)
    assert re.search(r"\d+ runs in 2 explorations: 1 failed, 1 proved", first)
    assert "replay with" in first
    assert re.search(r"2 runs in 2 explorations: 1 failed, 1 proved", session(tmp_path))


def test_options_go_before_what_a_test_says(tmp_path: Path) -> None:
    out = session(tmp_path, "--greenroom-strategy=random", "--greenroom-runs=7", "--greenroom-seed=3", "-k", "proved")
    assert "7 runs in 1 explorations: 0 failed" in out


def test_a_token_makes_its_run_only_in_the_test_that_it_is_of(tmp_path: Path) -> None:
    token = re.search(r"replay with '([^']+)'", session(tmp_path))
    assert token is not None
    out = session(tmp_path, f"--greenroom-token={token[1]}")
    assert "1 failed, 1 passed" in out
    assert "1 runs in 1 explorations: 0 failed, 1 proved" in out


def test_charts_are_saved_on_request(tmp_path: Path) -> None:
    out = session(tmp_path, f"--greenroom-charts={tmp_path / 'charts'}")
    saved = list((tmp_path / "charts").glob("*.html"))
    assert [path.name for path in saved] == ["test_it.py_test_race.html"]
    assert f"chart saved: {saved[0]}" in out
    assert "keys=" in saved[0].read_text()


PARAMETRIZED = """
import pytest
from actors.testing import simulate
from tests.simulation.scenarios import check_then_create

@pytest.mark.parametrize("what", ["a/b", "a b", "\u00e4" * 300])
@simulate(runs=50, shrinking=0)
def test_race(sim, what):
    check_then_create(sim)
"""


def test_each_parametrized_test_has_a_chart_of_its_own(tmp_path: Path) -> None:
    out = session(tmp_path, f"--greenroom-charts={tmp_path / 'charts'}", tests=PARAMETRIZED)
    saved = list((tmp_path / "charts").glob("*.html"))
    assert len(saved) == 3
    assert all(f"chart saved: {one}" in out for one in saved)
    assert all(len(one.name) < 200 for one in saved)


OVERTAKING = """
from actors.testing import Ordering, simulate
from tests.simulation.scenarios import Log

@simulate(runs=50)
def test_order(sim):
    log = sim.spawn(Log)
    log.tell(1)
    log.tell(2)
    sim.run()
    assert sim.instance(log).got == [1, 2]
"""


@pytest.mark.parametrize(
    ("option", "outcome"),
    [
        ("--greenroom-seconds=0", "1 runs in 1 explorations: 0 failed"),  # the time is looked at after each run
        ("--greenroom-ordering=pair-fifo", "50 runs in 1 explorations: 0 failed"),
        ("--greenroom-ordering=unordered", "1 failed"),
        ("--greenroom-max-steps=1", "TooManyStepsError"),
    ],
)
def test_an_option_makes_other_runs_than_the_test_says(tmp_path: Path, option: str, outcome: str) -> None:
    assert outcome in session(tmp_path, option, tests=OVERTAKING)


COUNTED = """
import pytest
from actors.testing import simulate
from tests.simulation.scenarios import Log

@pytest.mark.parametrize("count", [1, 2, 3])
@simulate(runs=50)
def test_count(sim, count):
    log = sim.spawn(Log)
    for sender in range(count):
        log.tell(sender)
        sim.spawn(Log).tell(sender)
    sim.run()
    assert len(log.ask("got")) < 3
"""


def test_a_token_is_of_some_inputs_of_a_test_and_passes_the_others(tmp_path: Path) -> None:
    token = re.search(r"replay with '([^']+)'", session(tmp_path, "--greenroom-strategy=random", tests=COUNTED))
    assert token is not None
    assert "1 failed, 2 passed" in session(tmp_path, f"--greenroom-token={token[1]}", tests=COUNTED)


def test_a_token_of_no_test_in_the_session_fails_it(tmp_path: Path) -> None:
    token = re.search(r"replay with '([^']+)'", session(tmp_path, "--greenroom-ordering=unordered", tests=OVERTAKING))
    assert token is not None
    out = session(tmp_path, f"--greenroom-token={token[1]}", "-k", "proved")
    assert "no test of this session made the run, which is of test_it.test_order" in out
    assert "status 4" in out


@pytest.mark.parametrize("option", ["--greenroom-strategy=clever", "--greenroom-runs=many", "--greenroom-token=garbage"])
def test_bad_options_are_refused(tmp_path: Path, option: str) -> None:
    assert option.split("=")[1] in session(tmp_path, option)
    assert "status 4" in session(tmp_path, option)
