"""Hypothesis profiles and fixtures for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from pykka import ActorRegistry

from tests.support import ACCEPT, leaks_since, transient_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

# Examples of properties here start threads: Hypothesis's deadline would tell about the machine.
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("again", deadline=None, max_examples=12, derandomize=True)
settings.register_profile("accept", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def accept() -> bool:
    """Whether this is an acceptance run: long tests in full."""
    return ACCEPT


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves a thread or an actor behind; ask for it with ``usefixtures``."""
    threads = transient_threads()
    urns = {ref.actor_urn for ref in ActorRegistry.get_all()}
    yield
    if leaked := leaks_since(threads, urns):
        pytest.fail(f"left behind: {', '.join(sorted(leaked))}", pytrace=False)
