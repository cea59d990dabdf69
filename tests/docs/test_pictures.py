"""The pictures in the documentation are those of the code beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"

DRAW = """
import io, sys
from contextlib import redirect_stdout
from pathlib import Path
from tests.docs.code_blocks import run
with redirect_stdout(io.StringIO()):
    run(Path(sys.argv[1]))
print(eval(sys.argv[2], vars(sys.modules["__main__"])), end="")
"""


def drawn_by(page: str, expression: str, cwd: Path) -> str:
    """What an expression gives once the code of a page has run."""
    command = [sys.executable, "-c", DRAW, str(DOCS / page), expression]
    env = {**os.environ, "CI": "true", "PYTHONPATH": str(DOCS.parent)}  # as the pages are run, hypothesis included
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, encoding="utf-8", timeout=60, check=True).stdout


def test_the_pictures_in_the_tutorial_of_backpressure_are_those_of_its_stream(tmp_path: Path) -> None:
    drawn = drawn_by("tutorial-backpressure.md", "picture + chr(0) + drawing", tmp_path)
    text, picture = drawn.split("\0")
    assert f"```text\n{text}\n```" in (DOCS / "tutorial-backpressure.md").read_text(encoding="utf-8")
    assert picture == (DOCS / "img" / "stream.svg").read_text(encoding="utf-8")


def test_the_picture_in_the_tutorial_of_machines_is_that_of_its_door(tmp_path: Path) -> None:
    drawn = drawn_by("tutorial-machines.md", "AlarmDoor.diagram('svg')", tmp_path)
    assert drawn == (DOCS / "img" / "door.svg").read_text(encoding="utf-8")
