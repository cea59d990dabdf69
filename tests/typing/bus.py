"""Types of an event bus: what a subscription carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from actors import Actor, ActorRef, ActorSystem, Future
from actors.channels import Sender
from actors.events import BusEvent, BusStats, BusSubscription, BusSubscriptionStats, EventBus, Slow


@dataclass(frozen=True)
class Created:
    number: int


def note(event: BusEvent[Created]) -> None: ...


async def note_async(event: BusEvent[Created]) -> None: ...


def note_text(event: BusEvent[str]) -> None: ...


def what_a_subscription_carries(bus: EventBus, ref: ActorRef[Actor], events: Sender[BusEvent[Created]]) -> None:
    assert_type(bus.subscribe("orders.#", of=Created), BusSubscription[Created])
    assert_type(bus.subscribe("orders.#", of=Created).receive(timeout=1.0), BusEvent[Created])
    assert_type(bus.subscribe("orders.#", of=Created).receive_nowait().event, Created)
    assert_type([event.event.number for event in bus.subscribe("orders.#", of=Created)], list[int])
    bus.subscribe("orders.*", note, of=Created, slow=Slow.BLOCK, timeout=1.0)
    bus.subscribe("orders.*", note_async, of=Created)
    bus.subscribe("orders.*", note_text, of=Created)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    bus.subscribe("orders.*", ref, of=Created, slow=Slow.CLOSE)
    bus.subscribe("orders.*", events, of=Created)
    bus.subscribe("orders.*", slow="block")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def what_a_bus_tells(bus: EventBus, subscription: BusSubscription[Created]) -> None:
    assert_type(bus.publish("orders.created", Created(1), retain=True), int)
    assert_type(bus.request("price", 1, timeout=1.0), Future[Any])
    assert_type(bus.retained("orders.#"), dict[str, Any])
    assert_type(bus.forget("orders.created"), bool)
    assert_type(bus.stats(), BusStats)
    assert_type(subscription.stats(), BusSubscriptionStats)
    assert_type(subscription.pattern, str)


async def coroutines(system: ActorSystem) -> None:
    async with EventBus(system, retained=10) as bus:
        assert_type(bus, EventBus)
        assert_type(await bus.publish_async("orders.created", Created(1)), int)
        with bus.subscribe("#") as everything:
            assert_type(await everything.receive_async(), BusEvent[Any])
            async for event in everything:
                assert_type(event, BusEvent[Any])
