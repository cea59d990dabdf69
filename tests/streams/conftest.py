"""A system for each test, and a look for what it leaves behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from pykka import ActorRegistry

from actors import ActorSystem, get_all
from actors._core.ending import when_ended
from tests.support import leaks_since

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    threads, urns = set(threading.enumerate()), {ref.actor_urn for ref in ActorRegistry.get_all()}
    with ActorSystem() as system:
        yield system
        left = [when_ended(ref._target) for ref in system.actors()]  # a result comes just before its stream's actor has ended
        get_all(left, timeout=10)
        assert system.actors() == []
    assert leaks_since(threads, urns) == []
