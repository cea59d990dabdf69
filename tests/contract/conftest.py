"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from actors import Actor, ActorSystem, DispatcherKind
from tests.contract.kit import EVERY_KIND, FakeClock, timeless, under

On = Callable[..., type[Any]]


@pytest.fixture(autouse=True)
def _nothing_left_behind(no_leaks: None) -> None:
    """Every contract test cleans up after itself."""


@pytest.fixture(params=EVERY_KIND, ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> DispatcherKind:
    """Each of the dispatchers in turn."""
    made: DispatcherKind = request.param
    return made


@pytest.fixture
def on(kind: DispatcherKind) -> Callable[..., type[Actor]]:
    """Makes an actor class run under the dispatcher in turn: ``on(Puppet, stash_capacity=2)``."""
    return partial(under, kind)


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    """A system that is shut down after the test."""
    with ActorSystem() as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    """Virtual time, for `timeless_system`."""
    return FakeClock()


@pytest.fixture
def timeless_system(clock: FakeClock) -> Iterator[ActorSystem]:
    """A system whose time is `clock`."""
    with ActorSystem(config=timeless(clock)) as made:
        yield made
