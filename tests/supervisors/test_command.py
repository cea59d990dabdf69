"""The command `greenroom`: what it lists, what it hands on, what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from supervisors import command
from supervisors.demo.catalogue import DEMOS

ROOT = Path(__file__).parents[2]


def greenroom(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
        "COLUMNS": "100",
        "GREENROOM_QUICK": "1",
    }
    call = [sys.executable, "-W", "error", "-m", "supervisors", *arguments]
    given: dict[str, Any] = {"capture_output": True, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(call, env=environment, encoding="utf-8", timeout=90, check=False, **given)


def test_the_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "demo " in told
    assert "logs " in told
    assert "replay " in told
    assert "machine " in told


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"greenroom {metadata.version('greenroom')}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--nothing"], ["replai", "x"]])
def test_what_is_no_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "usage: greenroom" in capsys.readouterr().err


def test_replay_is_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["replay", "no token"]) == 2
    assert capsys.readouterr().err.startswith("greenroom: ")


def test_without_what_it_is_drawn_with_a_demo_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "typer" else object())
    assert command.main(["demo"]) == 2
    assert capsys.readouterr().err == "greenroom demo needs typer: pip install 'greenroom[cli]'\n"


def test_the_list_has_every_demo_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(DEMOS)
    assert all(demo.title in line for demo, line in zip(DEMOS.values(), lines, strict=True))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing"], "there are"),
        (["--seconds", "0"], "more than 0"),
        (["--seconds", "nan"], "more than 0"),
        (["--seconds", "x"], "seconds"),
        (["--chaos", "x"], "chaos"),
        (["--save", "tree.png"], ".svg"),
        (["--nothing"], "nothing"),
        (["strategies", "backoff"], "backoff"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", *arguments]) == 2
    assert why in capsys.readouterr().err


def test_the_help_of_a_demo_says_what_the_exit_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["demo", "--help"]) == 0
    told = capsys.readouterr().out
    for expected in ("--chaos", "--headless", "--seconds", "--save", "--list", "130"):
        assert expected in told


def test_a_demo_in_a_pipe_is_a_log_and_ends_by_itself(tmp_path: Path) -> None:
    result = greenroom("demo", "strategies", "--seconds", "2", "--chaos", "3", "--save", str(tmp_path / "tree.svg"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "every promise was kept." in result.stdout
    assert "\x1b" not in result.stdout
    assert (tmp_path / "tree.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_reader_that_has_seen_enough_ends_a_demo_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = greenroom(
            "demo", "strategies", "--headless", "--seconds", "20", stdout=writing, stderr=subprocess.PIPE, capture_output=False
        )
    finally:
        os.close(writing)
    assert result.stderr == ""
    assert result.returncode == 141  # as a shell tells SIGPIPE


def test_the_best_demo_is_the_one_without_a_name() -> None:
    result = greenroom("demo", "--chaos", "5")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("greenroom demo pipeline")
    assert "The names used most" in result.stdout
