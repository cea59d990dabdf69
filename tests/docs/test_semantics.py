"""The contract page names its tests, and they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "semantics.md").read_text(encoding="utf-8")
NAME = re.compile(r"`(test_\w+)`")
EXISTING = {
    name
    for file in TESTS.rglob("test_*.py")
    for name in re.findall(r"^\s*(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
}
PROMISES = PAGE.partition("## What is not promised")[0]


@pytest.mark.parametrize("name", sorted(set(NAME.findall(PAGE))))
def test_a_test_named_by_the_contract_exists(name: str) -> None:
    assert name in EXISTING


def test_every_promise_names_a_test() -> None:
    promises = re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]
    assert promises
    bare = [text for text in promises if not NAME.search(text)]
    assert bare == []
