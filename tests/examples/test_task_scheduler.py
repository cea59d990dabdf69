"""The example of the scheduler: what it prints does not depend on how fast it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.examples.test_examples import FOLDER, LIMIT


def test_the_report_is_published_after_it_was_refused_and_the_failure_is_told(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(FOLDER / "task_scheduler.py")],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    for package in ("asyncio", "email", "multiprocessing", "unittest", "xml"):
        assert re.search(rf"^{package} +\d+ +[\d,]+ +[\d,]+  \w+ \(\d+ lines\)$", result.stdout, re.MULTILINE)
        assert re.search(rf"^survey {package}: done in ", result.stderr, re.MULTILINE)
    assert "report.txt was published, and was refused before: True" in result.stdout
    assert "compare has failed, 2 times: FileNotFoundError" in result.stdout
    assert re.search(r"^compare: failed in .*FileNotFoundError", result.stderr, re.MULTILINE)
    assert re.search(r"^\d+ succeeded, 1 failed, \d+ retried", result.stderr, re.MULTILINE)
