"""The command `greenroom machine`: it draws what it is told to, and says what it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.supervisors.machine.pictured import Door

ROOT = Path(__file__).parents[3]

CHART = """\
from enum import Enum, auto
from supervisors.machine import Chart, StateMachine, initial, on, state

print("imported")

class Gate(Enum):
    LOCKED = auto()
    OPEN = auto()

class Coin: ...
class Push: ...

class Turnstile(StateMachine[Gate, None]):
    chart = Chart(on(Coin, to=Gate.OPEN), on(Push, to=Gate.LOCKED), initial(Gate.LOCKED), state(Gate.OPEN))

class Space:
    Inner = Turnstile

class Base(StateMachine[Gate, None]): ...

number = 1
"""
BROKEN = CHART.replace("state(Gate.OPEN))", "state(Gate.OPEN), on(Coin))").replace("Turnstile", "Wrong")


def greenroom(*arguments: str, at: Path = ROOT, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "ascii", "PYTHONDONTWRITEBYTECODE": "1"}
    call = [sys.executable, "-W", "error", "-m", "supervisors", "machine", *arguments]
    return subprocess.run(call, env=environment, encoding="utf-8", timeout=90, check=False, capture_output=True, cwd=at)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "gates.py").write_text(CHART)
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "failing.py").write_text("1 / 0")
    (tmp_path / "leaving.py").write_text("raise SystemExit(3)")
    return tmp_path


def test_a_machine_is_printed_for_mermaid() -> None:
    result = greenroom("tests.supervisors.machine.pictured:Door")
    assert (result.returncode, result.stderr, result.stdout) == (0, "", Door.diagram())
    assert greenroom("tests.supervisors.machine.pictured:Door", "--mermaid").stdout == Door.diagram()


def test_a_machine_is_printed_as_svg() -> None:
    result = greenroom("tests.supervisors.machine.pictured:Door", "--svg")
    assert (result.returncode, result.stderr, result.stdout) == (0, "", Door.diagram("svg"))


def test_a_picture_is_written_to_a_file_of_its_kind(tmp_path: Path) -> None:
    for arguments, name, text in (
        ([], "a.mmd", Door.diagram()),
        ([], "a.svg", Door.diagram("svg")),
        (["--svg"], "a.txt", Door.diagram("svg")),
        (["--mermaid"], "b.svg", Door.diagram()),
    ):
        result = greenroom("tests.supervisors.machine.pictured:Door", *arguments, "--output", str(tmp_path / name))
        assert (result.returncode, result.stdout) == (0, f"saved {tmp_path / name}\n")
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    ET.parse(tmp_path / "a.svg")


def test_a_module_is_found_where_the_command_runs_and_what_it_prints_is_not_in_the_picture(project: Path) -> None:
    result = greenroom("gates:Turnstile", at=project)
    assert (result.returncode, result.stderr) == (0, "imported\n")
    assert result.stdout.startswith("stateDiagram-v2\n")


def test_a_module_is_found_in_a_directory_that_is_named_and_a_class_inside_of_another_one(project: Path) -> None:
    result = greenroom("gates:Space.Inner", "--path", str(project))
    assert (result.returncode, result.stderr) == (0, "imported\n")
    assert result.stdout.startswith("stateDiagram-v2\n")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("gates", "gates is not valid: it is MODULE:CLASS"),
        (":Turnstile", ":Turnstile is not valid: it is MODULE:CLASS"),
        ("gates:", "gates: is not valid: it is MODULE:CLASS"),
        ("nothing.here:Turnstile", "there is no module nothing.here here; --path DIR adds"),
        ("gates:Nobody", "there is no gates:Nobody: gates has no Nobody"),
        ("gates:Turnstile.nobody", "there is no gates:Turnstile.nobody: Turnstile has no nobody"),
        ("gates:Gate", "gates:Gate is no state machine"),
        ("gates:number", "gates:number is no state machine"),
        ("gates:Base", "gates:Base has no chart"),
        ("failing:Turnstile", "the module failing cannot be imported: ZeroDivisionError"),
        ("leaving:Turnstile", "the module leaving cannot be imported: SystemExit: 3"),
    ],
)
def test_what_is_no_machine_is_refused_with_the_reason(project: Path, place: str, why: str) -> None:
    result = greenroom(place, at=project)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.removeprefix("imported\n").startswith(f"greenroom: {why}")


def test_a_chart_that_is_not_valid_is_refused_with_all_that_is_wrong(project: Path) -> None:
    result = greenroom("broken:Wrong", at=project)
    assert (result.returncode, result.stdout) == (2, "")
    told = result.stderr.removeprefix("imported\n").splitlines()
    assert told[0] == "greenroom: the chart of Wrong is not valid:"
    assert told[1].startswith(f"  {project / 'broken.py'}:14: on(Coin) in the chart")
    assert "Traceback" not in result.stderr


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    result = greenroom("tests.supervisors.machine.pictured:Door", "--output", str(tmp_path / "no" / "where.svg"))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("greenroom: ")
    assert "where.svg" in result.stderr


def test_two_kinds_at_once_are_refused() -> None:
    result = greenroom("tests.supervisors.machine.pictured:Door", "--svg", "--mermaid")
    assert result.returncode == 2
    assert "not allowed with" in result.stderr


def test_the_help_tells_of_it() -> None:
    told = greenroom("--help").stdout
    assert "MODULE:CLASS" in told
    assert "--output FILE" in told


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-m", "supervisors", "machine", "tests.supervisors.machine.pictured:Door"]
    with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as made:
        assert made.stdout is not None
        assert made.stderr is not None
        made.stdout.close()
        assert made.stderr.read() == b""
        assert made.wait(90) == 1


def test_how_each_state_is_reached_is_printed(project: Path) -> None:
    result = greenroom("gates:Turnstile", "--reach", at=project)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Turnstile: 2 states", "  LOCKED: where it begins"]
    assert lines[3].strip().startswith("in any state: on Coin ")
    assert "gates.py:" in lines[3]
