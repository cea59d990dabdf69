"""The example of the stream: it counts what a plain program counts, and keeps no more than its window."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.test_examples import FOLDER, LIMIT


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("word_stream")
    for name in ("word_stream", "_terminal"):
        del sys.modules[name]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(FOLDER / "word_stream.py"), str(folder), *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)


def test_the_text_is_repeated_until_there_is_enough_of_it(example: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a" * 40_000)
    (tmp_path / "b.py").write_text("b" * 10)
    text = example.Text(tmp_path, 100_000)
    pieces = list(text)
    assert [len(piece) for piece in pieces[:3]] == [2**15, 40_000 - 2**15, 10]
    assert "".join(pieces) == ("a" * 40_000 + "b" * 10) * 2 + "a" * 19_980
    assert text.read == 100_000


def test_files_that_have_become_empty_end_the_text(example: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("some")
    text = example.Text(tmp_path, 100)
    pieces = iter(text)
    assert [next(pieces), next(pieces)] == ["some", "some"]
    (tmp_path / "a.py").write_text("")
    assert list(pieces) == []


def test_the_last_window_is_that_of_a_plain_program(example: Any, tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number:02}.py").write_text(f"one{' two' * number} three{' four' * (60 - number)}\n" * 20)
    size = sum(path.stat().st_size for path in tmp_path.iterdir()) * 6
    result = run(tmp_path, "--gigabytes", f"{size / 1e9:.12f}", "--top", "4")
    assert result.returncode == 0, result.stderr
    pieces = list(example.Text(tmp_path, size))
    expected = Counter(word for piece in pieces[-example.WINDOW :] for word in example.split(piece))
    found = re.findall(r"^(\w+) +([\d,]+)$", result.stdout, re.MULTILINE)
    assert [(word, int(times.replace(",", ""))) for word, times in found] == expected.most_common(4)
    assert f"{size:,} bytes in " in result.stdout
    assert "stream words: succeeded" in result.stderr


def test_a_file_that_is_no_text_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(bytes(range(256)) * 10)
    result = run(tmp_path, "--gigabytes", "0.001")
    assert result.returncode == 0, result.stderr
    assert "1,000,000 bytes in " in result.stdout


@pytest.mark.parametrize("arguments", [["--gigabytes", "0"], ["--gigabytes", "nan"], ["--top", "0"]])
def test_numbers_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    result = run(FOLDER, *arguments)
    assert result.returncode == 2
    assert "--gigabytes takes a number above 0" in result.stderr


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    for folder in (tmp_path, tmp_path / "missing"):
        result = run(folder)
        assert result.returncode == 2
        assert "path: " in result.stderr
