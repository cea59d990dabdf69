"""Types of messages as bytes: what registration keeps, what a codec makes, what configurations take."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, assert_type

from actors import Actor, ActorRef, ActorSystem, Isolation, SystemConfig
from actors.wire import Codec, FrameDecoder, Limits, RefAddress, RegisteredType, Registry, check_immutable

registry = Registry(Registry())


@registry.register
@dataclass(frozen=True)
class Order:
    number: int


@registry.register(name="shop.Colour", version=2, aliases=["Colour"], renamed={"ROT": "RED"}, upgrades={1: str.upper})
class Colour(enum.Enum):
    RED = 1


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


def _cents(money: Money) -> int:
    return money.cents


class Shop(Actor, isolation=Isolation.COPY):
    def on_receive(self, message: object) -> Order:
        del message
        return Order(1)


def classes_stay_what_they_are() -> None:
    assert_type(Order(1).number, int)
    assert_type(Colour("RED"), Colour)
    assert_type(registry.register(Order), type[Order])
    assert_type(registry.register_functions(Money, encode=_cents, decode=Money), type[Money])
    assert_type(registry.types, tuple[RegisteredType, ...])
    assert_type(registry.types[0].fields, tuple[str, ...])
    assert_type(Order in registry, bool)
    registry.declare_immutable(Money, Order)


def what_a_codec_makes(stream: Iterator[bytes]) -> None:
    codec = Codec(registry, limits=Limits(size=1000, depth=10), refs=None, tracebacks=False, compress_above=100)
    assert_type(codec.encode(Order(1)), bytes)
    assert_type(codec.encode_parts(Order(1)), list[bytes | memoryview])
    assert_type(codec.frame(Order(1)), bytes)
    assert_type(codec.decode(b""), Any)
    assert_type(codec.decode(bytearray()), Any)
    assert_type(codec.unframe(memoryview(b"")), Any)
    assert_type(codec.copy(Order(1)), Any)
    assert_type(codec.limits, Limits)
    assert_type(codec.limits.memory, int)
    assert_type(codec.registry, Registry)
    decoder = FrameDecoder(codec)
    for piece in stream:
        decoder.feed(piece)
        for message in decoder:
            assert_type(message, Any)
    assert_type(decoder.pending, int)
    check_immutable(Order(1), registry)


def what_a_system_takes(ref: ActorRef[Shop]) -> None:
    system = ActorSystem("shop", config=SystemConfig(codec=Codec(registry), isolation=Isolation.CHECK))
    assert_type(system.codec, Codec)
    assert_type(ref.address, RefAddress)
    assert_type(system.spawn(Shop, isolation=Isolation.SHARE), ActorRef[Shop])
