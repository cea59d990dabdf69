"""A system with a bus in it, and what the bus tells about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorSystem
from actors.events import EventBus, EventDropped, SubscriberFailed, SubscriptionClosed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def system(no_leaks: None) -> Iterator[ActorSystem]:
    with ActorSystem() as system:
        yield system


@pytest.fixture
def bus(system: ActorSystem) -> Iterator[EventBus]:
    with EventBus(system) as bus:
        yield bus


@pytest.fixture
def told(system: ActorSystem) -> list[Any]:
    """What the bus publishes on the event stream of its system, in order."""
    told: list[Any] = []
    for kind in (EventDropped, SubscriberFailed, SubscriptionClosed):
        system.events.subscribe(kind, told.append)
    return told
