"""Fixtures of the tests of channels."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.channels.kit import KINDS, Parties

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def restless() -> Iterator[None]:
    """Have the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def parties() -> Iterator[Parties]:
    """Whoever can use a channel; what they do must be over at the end of the test."""
    with Parties() as made:
        yield made


every_kind = pytest.mark.parametrize("kind", KINDS)
