"""Messages as bytes, and copies of messages: ours, msgspec's and Python's own ways, with the same data in the same classes."""

from __future__ import annotations

import copy
import importlib
import itertools
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from actors import Actor, ActorSystem, Isolation, SystemConfig
from actors.wire import Codec, Registry, check_immutable
from tests.benchmarks.harness import ContenderAbsentError


@dataclass(frozen=True, slots=True)
class Frozen:
    """Five plain fields that cannot change."""

    id: int
    name: str
    price: float
    paid: bool
    note: str | None


@dataclass
class Mutable:
    """The same that can."""

    id: int
    name: str
    price: float
    paid: bool
    note: str | None


@dataclass
class Basket:
    """A message with messages, a dict and a time in it."""

    id: int
    at: datetime
    lines: list[Mutable]
    labels: dict[str, int]


FROZEN = Frozen(17, "teapot", 4.5, True, None)
MUTABLE = Mutable(17, "teapot", 4.5, True, None)
BASKET = Basket(
    id=7,
    at=datetime(2026, 7, 1, 12, 30, 15, 250_000, tzinfo=UTC),
    lines=[Mutable(number, f"item {number}", number * 0.5, number % 2 == 0, None) for number in range(10)],
    labels={"fragile": 2, "gift": 1, "tea": 7},
)


class Format(NamedTuple):
    """A way to make bytes of one message, and the message of bytes."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def codec() -> Codec:
    """Our codec, with the classes of this module registered."""
    registry = Registry()
    for cls in (Frozen, Mutable, Basket):
        registry.register(cls, name=f"shop.{cls.__name__}")
    return Codec(registry)


def greenroom(_message: Any) -> Format:
    """Ours: checks the types of all fields, on both sides."""
    ours = codec()
    return Format(ours.encode, ours.decode)


def msgspec(message: Any) -> Format:
    """msgspec's msgpack, with a decoder made for the class: checks types when it decodes."""
    try:
        library = importlib.import_module("msgspec")
    except ImportError as error:
        raise ContenderAbsentError("msgspec is not installed") from error
    return Format(library.msgpack.Encoder().encode, library.msgpack.Decoder(type(message)).decode)


def pickled(_message: Any) -> Format:
    """pickle, which checks nothing, and runs what the bytes say."""
    return Format(partial(pickle.dumps, protocol=5), pickle.loads)


def round_trips(operations: int, *, message: Any, make: Callable[[Any], Format]) -> float:
    """Make bytes of a message and a message of them so many times; return the seconds."""
    encode, decode = make(message)
    if decode(encode(message)) != message:
        raise ValueError("what came back is another message")
    begin = time.perf_counter()
    for _ in itertools.repeat(None, operations):
        decode(encode(message))
    return time.perf_counter() - begin


def size(message: Any, make: Callable[[Any], Format]) -> float:
    """Return how many bytes a message takes."""
    return float(len(make(message).encode(message)))


def copies(operations: int, *, message: Any, deep: bool) -> float:
    """Copy a message so many times, by `copy.deepcopy` or our codec; return the seconds."""
    duplicate = copy.deepcopy if deep else codec().copy
    if duplicate(message) != message:
        raise ValueError("the copy is another message")
    begin = time.perf_counter()
    for _ in itertools.repeat(None, operations):
        duplicate(message)
    return time.perf_counter() - begin


def checks(operations: int, *, message: Any) -> float:
    """Check so many times that a message cannot change; return the seconds."""
    return _calls(operations, check_immutable, message)


def empty_calls(operations: int) -> float:
    """Call a function that does nothing so many times; return the seconds."""
    return _calls(operations, lambda _value: None, FROZEN)


def _calls(operations: int, function: Callable[[Any], None], message: Any) -> float:
    function(message)
    begin = time.perf_counter()
    for _ in itertools.repeat(None, operations):
        function(message)
    return time.perf_counter() - begin


class Counter(Actor):
    """Counts messages; answers the string with how many there were."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: Any) -> int | None:
        if type(message) is str:
            return self.count
        self.count += 1
        return None


def tells(operations: int, *, message: Any, isolation: Isolation) -> float:
    """Tell an actor a message so many times; return the seconds until all were handled."""
    with ActorSystem(config=SystemConfig(isolation=isolation, codec=codec())) as system:
        counter = system.spawn(Counter)
        begin = time.perf_counter()
        for _ in itertools.repeat(None, operations):
            counter.tell(message)
        handled = counter.ask("how many?")
        seconds = time.perf_counter() - begin
    if handled != operations:
        raise ValueError(f"{handled} of {operations} messages were handled")
    return seconds
