"""Fixtures for the tests of pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorSystem
from actors.testing import Simulation
from tests.routers.pool.kit import Events

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation(max_steps=100_000) as simulation:
        yield simulation


@pytest.fixture
def events(sim: Simulation) -> Events:
    return Events(sim.system)


@pytest.fixture
def system(no_leaks: Any) -> Iterator[ActorSystem]:
    with ActorSystem() as real:
        yield real
