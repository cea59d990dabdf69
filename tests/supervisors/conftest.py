"""Fixtures of the tests of supervisors."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _nothing_left_behind(no_leaks: None) -> None:
    """Every test of supervisors cleans up after itself."""
