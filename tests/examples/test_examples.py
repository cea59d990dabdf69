from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ACCEPT, scaled

FOLDER = Path(__file__).parent.parent.parent / "examples"
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("_"))
LIMIT = scaled(full=900, quick=120)


@pytest.mark.timeout(LIMIT + 30)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs_by_itself(example: Path, tmp_path: Path) -> None:
    quick = {} if ACCEPT else {"GREENROOM_QUICK": "1"}
    result = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env={**os.environ, **quick},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    output = f"{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    assert result.returncode == 0, output
    assert "Traceback" not in result.stderr, output
