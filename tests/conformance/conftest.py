"""The fixture that runs a test in every world."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.conformance.worlds import WORLDS, World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, no_leaks: None) -> Iterator[World]:
    before = set(threading.enumerate())
    made, end = make_world(request.param)
    try:
        yield made
    finally:
        end()
    if made.sim is not None:
        assert set(threading.enumerate()) <= before, "the single-step dispatcher needs no thread"
