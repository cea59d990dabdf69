from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import code_blocks
from tests.docs.code_blocks import blocks_of

ROOT = Path(__file__).parent.parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if blocks_of(page.read_text(encoding="utf-8"))]


def run_page(page: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", code_blocks.__file__, str(page)]
    # With CI set, hypothesis draws the same examples each time, and does not mind a slow machine.
    env = {**os.environ, "CI": "true"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    result = run_page(page, tmp_path)
    assert result.returncode == 0, f"{page}:\n{result.stdout}\n{result.stderr}"


def test_blocks_share_a_namespace_and_run_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\ntext\n\n  ```python title='b'\n  print(x + 1)\n  ```\n")
    assert run_page(page, tmp_path).stdout == "2\n"


def test_a_failure_names_the_line_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\nx.missing\n```\n")
    result = run_page(page, tmp_path)
    assert result.returncode != 0
    assert 'page.md", line 5' in result.stderr


def test_a_block_marked_no_run_is_only_compiled(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- no-run: needs a server -->\n```python\nconnect()\n```\n")
    assert [block.reason for block in blocks_of(page.read_text())] == ["needs a server"]
    assert run_page(page, tmp_path).returncode == 0
    page.write_text("<!-- no-run: needs a server -->\n```python\nconnect(\n```\n")
    assert "SyntaxError" in run_page(page, tmp_path).stderr


def test_other_languages_are_left_alone() -> None:
    assert blocks_of("```sh\nls\n```\n```pycon\n>>> 1\n```\n```python3x\n1\n```\n") == []
