from __future__ import annotations

import asyncio
import math
import pickle
from typing import Any

import pytest

from actors import ActorError, ActorSystem
from actors.channels import Channel, open_channel
from actors.events import (
    BusClosedError,
    BusError,
    BusEvent,
    BusFullError,
    EventBus,
    NoResponderError,
    Slow,
    TopicError,
)
from tests.events.kit import Subscriber


@pytest.mark.parametrize("topic", ["", ".", "a..b", ".a", "a.", "*", "a.#", "a*", "x" * 256])
def test_what_is_no_topic_is_refused_everywhere(bus: EventBus, topic: str) -> None:
    for call in (
        lambda: bus.publish(topic, 1, retain=True),
        lambda: asyncio.run(bus.publish_async(topic, 1)),
        lambda: bus.request(topic, 1),
        lambda: bus.forget(topic),
    ):
        with pytest.raises(TopicError) as caught:
            call()
        assert caught.value.topic == topic
        assert isinstance(caught.value, ValueError)
    assert bus.stats().published == 0
    assert bus.retained() == {}


@pytest.mark.parametrize("pattern", ["", ".", "a..b", "a.", "a*", "##", "x" * 256])
def test_what_is_no_pattern_is_refused_everywhere(bus: EventBus, system: ActorSystem, pattern: str) -> None:
    actors = len(system.actors())
    for call in (lambda: bus.subscribe(pattern, print), lambda: bus.respond(pattern, print), lambda: bus.retained(pattern)):
        with pytest.raises(TopicError):
            call()
    assert len(system.actors()) == actors


@pytest.mark.parametrize("text", [None, 3, b"a", ["a"]])
def test_what_is_no_text_is_refused(bus: EventBus, text: Any) -> None:
    for call in (
        lambda: bus.publish(text, 1),
        lambda: bus.subscribe(text),
        lambda: bus.respond(text, print),
        lambda: bus.request(text, 1),
        lambda: bus.retained(text),
        lambda: bus.forget(text),
    ):
        with pytest.raises(TypeError, match="a text"):
            call()


@pytest.mark.parametrize(("capacity", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.5, TypeError), (None, TypeError)])
def test_a_capacity_is_a_whole_number_of_at_least_one(bus: EventBus, capacity: Any, error: type[Exception]) -> None:
    for call in (
        lambda: bus.subscribe("a", capacity=capacity),
        lambda: bus.subscribe("a", print, capacity=capacity),
        lambda: bus.respond("a", print, capacity=capacity),
    ):
        with pytest.raises(error, match=f"capacity={capacity}"):
            call()


@pytest.mark.parametrize("limit", ["retained", "subscriptions"])
@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (True, TypeError), (1.5, TypeError), ("9", TypeError)])
def test_a_limit_is_a_whole_number(system: ActorSystem, limit: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{limit}="):
        EventBus(system, **{limit: value})
    assert system.actors() == []


async def generates(event: BusEvent[int]) -> Any:
    yield event


@pytest.mark.parametrize("target", ["print", 3, Subscriber, object(), generates, lambda event: (yield event)])
def test_a_target_of_a_wrong_kind_is_refused(bus: EventBus, target: Any) -> None:
    for call in (lambda: bus.subscribe("a", target), lambda: bus.respond("a", target)):
        with pytest.raises(TypeError, match="target="):
            call()


def test_a_receiver_is_no_target_and_a_sender_answers_nothing(bus: EventBus) -> None:
    sender, receiver = open_channel(1)
    with pytest.raises(TypeError, match="a Sender"):
        bus.subscribe("a", receiver)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="target="):
        bus.respond("a", sender)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="target="):
        bus.respond("a", None)  # type: ignore[arg-type]


def test_both_ends_in_one_are_a_target(bus: EventBus) -> None:
    channel: Channel[BusEvent[int]] = Channel(1)
    bus.subscribe("a", channel)  # type: ignore[call-overload]
    bus.publish("a", 1)
    assert channel.receive_nowait().event == 1


@pytest.mark.parametrize("slow", ["BLOCK", None, 1])
def test_a_policy_is_a_member_of_slow(bus: EventBus, slow: Any) -> None:
    with pytest.raises(TypeError, match="slow="):
        bus.subscribe("a", slow=slow)


@pytest.mark.parametrize(("timeout", "error"), [(-1, ValueError), (math.nan, ValueError), ("1", TypeError), (True, TypeError)])
def test_a_timeout_is_a_number_of_seconds(bus: EventBus, timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timeout="):
        bus.subscribe("a", slow=Slow.BLOCK, timeout=timeout)
    with pytest.raises(error, match="timeout="):
        bus.close(timeout=timeout)
    assert bus.publish("a", 1) == 0


@pytest.mark.parametrize("slow", [Slow.DROP_OLDEST, Slow.DROP_NEWEST, Slow.CLOSE])
def test_a_timeout_is_for_who_waits(bus: EventBus, slow: Slow) -> None:
    with pytest.raises(ValueError, match=r"Slow\.BLOCK"):
        bus.subscribe("a", slow=slow, timeout=1.0)


@pytest.mark.parametrize("of", ["str", 3, (int, str)])
def test_the_kind_of_events_is_a_class(bus: EventBus, of: Any) -> None:
    with pytest.raises(TypeError, match="of="):
        bus.subscribe("a", of=of)


def test_a_bus_is_in_a_system() -> None:
    with pytest.raises(TypeError, match="an ActorSystem"):
        EventBus("system")  # type: ignore[arg-type]


def test_who_has_given_a_target_cannot_receive(bus: EventBus) -> None:
    sender, _receiver = open_channel(1)
    for target in (print, sender):
        with bus.subscribe("a", target) as events:  # type: ignore[arg-type]
            calls = (
                events.receive,
                events.receive_nowait,
                events.__iter__,
                events.__aiter__,
                lambda one=events: asyncio.run(one.receive_async()),
            )
            for call in calls:
                with pytest.raises(TypeError, match="without a target"):
                    call()


@pytest.mark.parametrize(
    "error",
    [TopicError("a..b", "no"), BusClosedError("bus", 1), BusFullError("retained", 3), NoResponderError("a.b")],
)
def test_errors_are_of_the_tree_and_travel(error: BusError) -> None:
    assert isinstance(error, ActorError)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_the_bus_is_not_loaded_by_those_who_do_not_use_it() -> None:
    import subprocess
    import sys

    program = """
import sys, actors, actors.events
assert not [name for name in sys.modules if name.startswith(("actors.channels", "actors.events."))]
assert "EventBus" in dir(actors.events)
from actors.events import EventBus
assert EventBus.__module__ == "actors.events.bus"
try:
    actors.events.Missing
except AttributeError as error:
    assert "Missing" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)
