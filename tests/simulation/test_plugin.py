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


def session(directory: Path, *options: str) -> str:
    test = directory / "test_it.py"
    test.write_text(TESTS)
    quiet = ["-p", "no:randomly", "-p", "no:cacheprovider", "--rootdir", str(directory)]
    command = [sys.executable, "-m", "pytest", *quiet, str(test), *options]
    # On a CI machine hypothesis keeps nothing: these sessions are to be like those at a desk.
    environment = {**{name: value for name, value in os.environ.items() if name != "CI"}, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=directory)
    return run.stdout + run.stderr


def test_a_session_says_what_was_explored_and_tries_what_it_kept_first(tmp_path: Path) -> None:
    imports = "import hypothesis\n"
    (tmp_path / "conftest.py").write_text(imports)  # its database is used where it is in use
    first = session(tmp_path)
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
    assert [path.name for path in saved] == ["test_it.test_race.html"]
    assert f"chart saved: {saved[0]}" in out
    assert "keys=" in saved[0].read_text()


@pytest.mark.parametrize("option", ["--greenroom-strategy=clever", "--greenroom-runs=many"])
def test_bad_options_are_refused(tmp_path: Path, option: str) -> None:
    assert option.split("=")[1] in session(tmp_path, option)
    assert "usage" in session(tmp_path, option)
