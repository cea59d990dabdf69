"""The pictures of charts in the documentation are those of the code beside them."""

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
print(sys.modules["__main__"].AlarmDoor.diagram("svg"), end="")
"""


def test_the_picture_in_the_tutorial_of_machines_is_that_of_its_door() -> None:
    command = [sys.executable, "-c", DRAW, str(DOCS / "tutorial-machines.md")]
    env = {**os.environ, "CI": "true"}  # as the pages are run, hypothesis included
    drawn = subprocess.run(command, env=env, cwd=DOCS.parent, capture_output=True, encoding="utf-8", timeout=60, check=True).stdout
    assert drawn == (DOCS / "img" / "door.svg").read_text(encoding="utf-8")
