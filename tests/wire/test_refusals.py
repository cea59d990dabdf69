"""What cannot travel is refused with a `CodecError` that names where it is and what to do about it, and never with anything else."""

from __future__ import annotations

import contextlib
import gc
import io
import pickle
import re
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any

import pytest

from actors import Actor, ActorSystem
from actors.errors import ActorError, CodecError
from actors.wire import Codec, Limits, Registry
from tests.wire.payloads import packed


@dataclass
class Node:
    part: Any = None
    parts: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    part: Any = None


@dataclass
class Unregistered:
    part: Any = None


class Lost(Exception):
    pass


def codec_of(*classes: type, **options: Any) -> Codec:
    registry = Registry()
    for cls in (Node, Frozen, Lost, *classes):
        registry.register(cls, name=cls.__name__)
    return Codec(registry, **options)


CODEC = codec_of()


def refusal(act: Callable[[Any], Any], value: Any) -> CodecError:
    with pytest.raises(CodecError) as caught:
        act(value)
    error = caught.value
    text = str(error)
    assert text == f"{error.path} {error.why}"
    assert text.startswith("message")
    assert "\n" not in text
    assert not error.fatal
    there = pickle.loads(pickle.dumps(error))
    assert (str(there), there.path, there.limit, there.fatal) == (text, error.path, error.limit, error.fatal)
    return error


# -- kinds of objects --------------------------------------------------------------------------------------------------------


def _generator() -> Iterator[int]:
    yield 1


class SubList(list[int]):
    pass


class SubStr(str):
    __slots__ = ()


class SubInt(int):
    pass


class SubNode(Node):
    pass


class Own(tzinfo):
    def utcoffset(self, _at: Any) -> timedelta:
        return timedelta(0)


NOWHERE = re.escape("code does not travel")
UNKNOWN = "which is not registered: registry.register"
BUILTIN = "which is none of the builtin types that travel: send what it is made of"
SUBCLASS = "only exact types travel, so register this one, too"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (lambda: 1, NOWHERE),
        (len, NOWHERE),
        ([].append, NOWHERE),
        (_generator(), BUILTIN),
        (sys, BUILTIN),
        (threading.Lock(), "means something in this process only"),
        (io.BytesIO(), "means something in this process only"),
        (object, "classes do not travel; send a name"),
        (Node, "classes do not travel; send a name"),
        (list[int], NOWHERE),
        (object(), BUILTIN),
        (1j, BUILTIN),
        (range(3), BUILTIN),
        (memoryview(b"x"), BUILTIN),
        (Ellipsis, BUILTIN),
        (NotImplemented, BUILTIN),
        (iter([]), BUILTIN),
        ({}.keys(), BUILTIN),
        (deque(), UNKNOWN),
        (re.compile("x"), UNKNOWN),
        (Unregistered(), rf"{__name__}.Unregistered, which is not registered: registry.register\(Unregistered\)"),
        (SubNode(), f"a subclass of Node: {SUBCLASS}"),
        (SubList(), f"a subclass of list: {SUBCLASS}"),
        (SubStr(), f"a subclass of str: {SUBCLASS}"),
        (SubInt(), f"a subclass of int: {SUBCLASS}"),
        (defaultdict(int), f"a subclass of dict: {SUBCLASS}"),
        (OrderedDict(), f"a subclass of dict: {SUBCLASS}"),
        (Counter(), f"a subclass of dict: {SUBCLASS}"),
        (type("Sub", (datetime,), {})(2024, 1, 1), f"a subclass of datetime: {SUBCLASS}"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_is_of_no_type_that_travels_is_refused_wherever_it_is(value: Any, why: str) -> None:
    assert re.search(why, refusal(CODEC.encode, value).why)
    places = {
        "message[1]": [1, value],
        "message[0][2]": [("a", "b", value)],
        "message['key'][0]": {"key": [value]},
        "message.part.parts[1]": Node(Node(parts=[1, value])),
        "message[0].part": [Frozen(value)],
        "message[0].args[0]": [Lost([value])],
    }
    for path, holder in places.items():
        error = refusal(CODEC.encode, holder)
        assert error.path.startswith(path.replace(".args[0]", ".args[0][0]"))
        assert re.search(why, error.why)
        assert error.limit is None


def test_keys_and_elements_are_named_by_their_place() -> None:
    class Key:
        pass

    assert refusal(CODEC.encode, {1: 2, Key(): 3}).path == "message{1}"
    assert refusal(CODEC.encode, [{Key()}]).path == "message[0]{0}"
    assert refusal(CODEC.encode, {(1, Key()): 3}).path == "message{0}[1]"
    assert refusal(CODEC.encode, {(1, 2): Key()}).path == "message[<tuple>]"
    assert refusal(CODEC.encode, {"k" * 100: Key()}).path == f"message['{'k' * 40}'...]"
    assert refusal(CODEC.encode, {2**70: Key()}).path == "message[<int>]"
    assert refusal(CODEC.encode, {1, Key(), Frozen(Key())}).path.startswith("message{")


def test_refs_without_a_system_futures_proxies_and_handles_do_not_travel() -> None:
    class Quiet(Actor):
        value = 5

        def on_receive(self, _message: Any) -> int:
            return 1

    with ActorSystem("refusals") as system:
        ref = system.spawn(Quiet)
        future = ref.ask(1, block=False)
        for value in (future, ref.proxy(), system):
            assert "message[0] is of " in str(refusal(CODEC.encode, [value]))
        assert "this codec finds no actors: use system.codec" in refusal(CODEC.decode, CODEC.encode([ref])).why
        assert system.codec.decode(CODEC.encode([ref])) == [ref]
        future.get()


@pytest.mark.parametrize("value", [datetime(2024, 1, 1, tzinfo=Own()), time(1, tzinfo=Own())])
def test_a_zone_of_a_class_of_the_program_is_refused_by_its_path(value: Any) -> None:
    error = refusal(CODEC.encode, {"at": [value]})
    assert error.path == "message['at'][0].tzinfo"
    assert "is of the class Own: a datetime.timezone can travel, or a ZoneInfo with a key" in error.why


def test_a_zone_whose_name_is_no_valid_text_is_refused_by_its_path() -> None:
    error = refusal(CODEC.encode, [datetime(2024, 1, 1, tzinfo=timezone(timedelta(0), "\ud800"))])
    assert str(error) == "message[0].tzinfo has a name that is no valid UTF-8"


def test_a_field_that_was_not_set_is_named() -> None:
    @dataclass(slots=True)
    class Slotted:
        first: int
        second: Any

    codec = codec_of(Slotted)
    one = Slotted(1, 2)
    del one.second
    for act in (codec.encode, codec.copy):
        assert str(refusal(act, [one])) == "message[0].second has not been set"
        assert str(refusal(act, one)) == "message.second has not been set"
    node = Node()
    del node.parts
    assert str(refusal(CODEC.encode, node)) == "message.parts has not been set"


# -- cycles and depth --------------------------------------------------------------------------------------------------------


def _cycles() -> dict[str, Any]:
    in_list: list[Any] = [1]
    in_list.append(in_list)
    in_dict: dict[str, Any] = {}
    in_dict["a"] = [in_dict]
    node = Node()
    node.parts.append((node,))
    through_set = Frozen([])
    through_set.part.append({through_set_key := Hashable(), "other"})
    through_set_key.part = through_set
    error = Lost()
    error.args = ([error],)
    holder: tuple[Any, ...] = ([],)
    holder[0].append(holder)
    return {"list": in_list, "dict": in_dict, "dataclass": node, "set": through_set, "exception": error, "tuple": holder}


@dataclass(eq=False)
class Hashable:
    part: Any = None


@pytest.mark.parametrize("name", _cycles())
def test_a_message_cannot_hold_itself(name: str) -> None:
    codec = codec_of(Hashable)
    for act in (codec.encode, codec.copy):
        for value in (_cycles()[name], [_cycles()[name]]):
            error = refusal(act, value)
            assert "that it is a part of: a message cannot hold itself" in error.why
            assert error.limit is None


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: [inner],
    "tuple": lambda inner: (inner,),
    "dict": lambda inner: {"a": inner},
    "dataclass": Node,
    "frozen": Frozen,
}


def nested(wrap: Callable[[Any], Any], depth: int, inner: Any = ()) -> Any:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def unravel(value: Any) -> None:
    """Take a deep value apart: dataclasses that hold each other would be freed recursively."""
    while value is not None and value != ():
        if isinstance(value, Node):
            inner, value.part = value.part, None
            value = inner
        else:
            return


@pytest.mark.parametrize("name", WRAPS)
def test_any_depth_is_refused_by_the_limit_that_says_how_to_raise_it(name: str) -> None:
    # A copy of what is frozen looks from each level for what can change, down to the end.
    depth = {"list": 1_000_000, "frozen": 2_000}.get(name, 50_000)
    value = nested(WRAPS[name], depth, [])
    error = refusal(CODEC.encode, value)
    assert error.limit == "depth"
    assert error.why == "is nested more than 100 deep, and the limit is depth=100: raise it with Limits(depth=...)"
    assert refusal(CODEC.copy, value).limit == "depth"
    unravel(value)


@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("limit", [1, 2, 3, 50, 120])
@pytest.mark.parametrize("inner", [5, [], [1], Frozen(1), Frozen([]), timedelta(1), {1: 2}, Lost("x"), bytearray()], ids=repr)
def test_the_depth_that_can_be_encoded_is_the_depth_that_can_be_decoded_and_copied(name: str, limit: int, inner: Any) -> None:
    codec, free = codec_of(limits=Limits(depth=limit)), codec_of(limits=Limits(depth=200))
    for depth in {max(limit - 3, 0), max(limit - 2, 0), limit - 1, limit, limit + 1}:
        value = nested(WRAPS[name], depth, [inner, inner])
        payload = free.encode(value)
        outcomes = []
        for act, given in ((codec.encode, value), (codec.decode, payload), (codec.copy, [value])):
            try:
                act(given)
                outcomes.append(None)
            except CodecError as error:
                outcomes.append(error.limit)
        assert set(outcomes) <= {None, "depth"}
        assert outcomes[0] == outcomes[1], depth


def at_remaining(frames: int, act: Callable[[], Any]) -> Any:
    """The outcome of `act`, called with about so many frames left of the stack."""
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]

    def down(left: int) -> Any:
        return act() if left <= 0 else down(left - 1)

    return down(sys.getrecursionlimit() - depth - frames - 2)


STACK_FULL = "message is nested deeper than the stack of this thread allows here: call from less deep, or send it less deep"


@pytest.mark.parametrize("where", ["thread", "actor"])
def test_near_the_end_of_the_stack_a_message_passes_or_is_refused_and_the_next_passes(where: str) -> None:
    value = nested(Node, 60, [1])
    payload = CODEC.encode(value)
    seen = set()

    def try_all() -> None:
        for frames in (*range(30, 90, 7), 150, 300, 800):
            for act in (lambda: CODEC.encode(value), lambda: CODEC.decode(payload), lambda: CODEC.copy(value)):
                try:
                    at_remaining(frames, act)
                    seen.add("passed")
                except CodecError as error:
                    seen.add(str(error))
        assert CODEC.encode(value) == payload

    if where == "thread":
        try_all()
    else:

        class Trying(Actor):
            def on_receive(self, _message: Any) -> Any:
                try_all()
                return "done"

        with ActorSystem("deep") as system:
            assert system.spawn(Trying).ask("go", timeout=60) == "done"
    if sys.version_info < (3, 12):  # later ones count no frames of functions that are called by C
        assert seen == {"passed", STACK_FULL}


# -- limits ------------------------------------------------------------------------------------------------------------------


def test_the_size_is_limited_both_ways() -> None:
    codec = codec_of(limits=Limits(size=100))
    fits, large = "x" * 98, "x" * 99
    assert codec.decode(codec.encode(fits)) == fits
    for act, value in ((codec.encode, large), (codec.decode, CODEC.encode(large)), (codec.encode_parts, large), (codec.frame, large)):
        error = refusal(act, value)
        assert (error.path, error.limit) == ("message", "size")
        assert error.why == "has 101 bytes, and the limit is size=100: raise it with Limits(size=...)"
    assert codec.copy([large]) == [large], "a copy has no bytes"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda count: [*range(count)], "elements"),
        (lambda count: tuple(range(count)), "elements"),
        (lambda count: set(range(count)), "elements"),
        (lambda count: {str(one) for one in range(count)}, "elements"),
        (lambda count: {*range(count - 1), "x"} if count else set(), "elements"),
        (lambda count: frozenset(range(count)), "elements"),
        (lambda count: dict.fromkeys(range(count)), "keys"),
        (lambda count: [[]] * count, "elements"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: {"a": value}, Node, lambda value: Node(None, [value])])
def test_the_length_of_collections_is_limited_both_ways(make: Callable[[int], Any], what: str, wrap: Callable[[Any], Any]) -> None:
    codec = codec_of(limits=Limits(length=10))
    codec.decode(codec.encode(wrap(make(10))))
    codec.copy(wrap(make(10)))
    for act, value in ((codec.encode, wrap(make(11))), (codec.decode, CODEC.encode(wrap(make(11))))):
        error = refusal(act, value)
        assert error.limit == "length"
        assert error.why == f"has 11 {what}, and the limit is length=10: raise it with Limits(length=...)"
        assert error.path in ("message['a']", "message.part", "message.parts[0]")
    if not isinstance(make(1), tuple | frozenset):
        assert refusal(codec.copy, wrap(make(11))).limit == "length"


def test_the_memory_of_decoding_is_limited() -> None:
    codec = codec_of(limits=Limits(memory=100_000))
    payload = CODEC.encode({"a": [[[]] * 3 for _ in range(3000)]})
    error = refusal(codec.decode, payload)
    assert error.limit == "memory"
    assert "and the limit is memory=100000: raise it with Limits(memory=...)" in error.why
    assert error.path.startswith("message")
    assert CODEC.decode(payload)


def test_what_is_within_sets_costs_no_more_than_once() -> None:
    value: Any = frozenset({1, "a"})
    for _ in range(90):
        value = frozenset({value, "a"})
    assert CODEC.decode(CODEC.encode(value)) == value


def test_equal_sets_make_equal_bytes_also_of_types_that_look_alike() -> None:
    @dataclass(frozen=True)
    class Twin:
        part: Any = None

    codec = codec_of(Twin)
    parts = [Frozen(1), Twin(1), Frozen((1,)), Twin((1,)), (1, 2), frozenset({1, "a"})]
    assert codec.encode(set(parts)) == codec.encode({*parts[::-1]})
    first, second = set(parts), set()
    for part in reversed(parts):
        second.add(part)
    assert codec.encode(first) == codec.encode(second)


# -- code of users -----------------------------------------------------------------------------------------------------------


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


ARMED = threading.Event()


@dataclass(frozen=True)
class Failing:
    """Its methods fail once they are armed."""

    part: Any = None
    how: Any = None

    def __post_init__(self) -> None:
        if ARMED.is_set() and self.how == "post_init":
            raise Unprintable

    def __hash__(self) -> int:
        if ARMED.is_set() and self.how == "hash":
            raise Unprintable
        return 1

    def __eq__(self, other: object) -> bool:
        if ARMED.is_set() and self.how == "eq":
            raise Unprintable
        return self is other


@pytest.fixture
def armed() -> Iterator[threading.Event]:
    yield ARMED
    ARMED.clear()


@pytest.mark.parametrize("how", ["post_init", "hash", "eq"])
@pytest.mark.parametrize("holder", [lambda one: {one}, lambda one: {one: []}, lambda one: frozenset({one}), lambda one: [one]])
def test_methods_of_a_class_that_raise_are_errors(armed: threading.Event, how: str, holder: Callable[[Any], Any]) -> None:
    codec = codec_of(Failing)
    value = [holder(Failing([1], how)), holder(Failing([2], how))]
    if isinstance(value[0], set | dict | frozenset):
        value = [value[0] | value[1]]
    payload = codec.encode(value)
    armed.set()
    assert codec.encode(value) == payload, "encoding calls none of them"
    outcomes = set()
    for act, given in ((codec.decode, payload), (codec.copy, value)):
        try:
            act(given)
            outcomes.add("passed")
        except CodecError as error:
            outcomes.add(str(error).partition("<")[2])
    fails = how == "post_init" or not isinstance(value[0], list)
    assert outcomes == ({"unprintable Unprintable: RuntimeError>"} if fails else {"passed"})


def test_what_users_raise_on_purpose_to_end_the_program_passes() -> None:
    class Ending:
        pass

    def end(_value: Any) -> Any:
        raise KeyboardInterrupt

    registry = Registry()
    registry.register_functions(Ending, encode=end, decode=end)
    with pytest.raises(KeyboardInterrupt):
        Codec(registry).encode([Ending()])


# -- other threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="garbage is collected between instructions only")
def test_a_dict_that_changes_in_the_middle_of_encoding_is_a_value_or_an_error() -> None:
    @dataclass
    class Flat:
        names: dict[int, str]

    codec = codec_of(Flat)
    codec.encode(Flat({1: "a"}))

    def change(value: dict[int, Any]) -> Callable[..., None]:
        return lambda *_: value.popitem() if value else None

    threshold = gc.get_threshold()
    for wrap in (lambda value: value, lambda value: [value], Flat):
        value = {number: str(number) for number in range(400)}
        callback = change(value)
        gc.callbacks.append(callback)
        gc.set_threshold(1)
        try:
            with contextlib.suppress(CodecError):
                codec.encode(wrap(value))
        finally:
            gc.set_threshold(*threshold)
            gc.callbacks.remove(callback)


def test_what_another_thread_changes_is_a_value_or_an_error() -> None:
    @dataclass
    class Flat:
        numbers: list[int]
        names: dict[int, str]

    codec = codec_of(Flat)
    flat = Flat([1], {})
    value: dict[str, Any] = {"list": [[1]], "dict": {}, "set": {1}, "bytes": bytearray(), "flat": flat}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            value["list"].append([number] if number % 2 else number)
            value["dict"][number] = [number]
            value["set"].add((number,))
            value["bytes"] += b"x"
            flat.numbers.append(number if number % 3 else object())  # type: ignore[arg-type]
            flat.names[number] = "x"
            if number % 50 == 0:
                for part in (*value.values(), flat.numbers, flat.names):
                    if hasattr(part, "clear"):
                        part.clear()

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(150):
            for act in (lambda given: codec.decode(codec.encode(given)), codec.copy):
                for given in (value, flat):
                    with contextlib.suppress(CodecError):
                        act(given)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


# -- the error itself --------------------------------------------------------------------------------------------------------


def test_an_error_of_the_codec_is_one_of_the_framework_and_of_values() -> None:
    error = refusal(CODEC.encode, [object()])
    assert isinstance(error, ActorError)
    assert isinstance(error, ValueError)


def test_the_cause_of_an_error_is_what_the_code_of_the_user_raised() -> None:
    class Money:
        pass

    registry = Registry()
    registry.register_functions(Money, encode=lambda _: {}["x"], decode=lambda _: Money())
    error = refusal(Codec(registry).encode, {"a": [Money()]})
    assert isinstance(error.__cause__, KeyError)
    assert error.path == "message['a'][0]"


def test_a_payload_that_is_none_is_told_by_its_path() -> None:
    for payload in (b"", b"\xc1", packed({}), packed([2, [99]]), packed([2, []]), packed([0, [], [], [1, 0]]), b"\x91"):
        refusal(CODEC.decode, payload)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": 0}, "size=0 is not valid"),
        ({"depth": 201}, "depth=201 is not valid: 200 at most"),
        ({"length": True}, "length=True is not valid"),
        ({"memory": 1.5}, "memory=1.5 is not valid"),
        ({"size": "1"}, "size='1' is not valid"),
    ],
)
def test_limits_are_whole_numbers_from_1_on(options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        Limits(**options)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"registry": 5}, "registry=5 is not valid"),
        ({"limits": {}}, "limits={} is not valid"),
        ({"refs": 5}, "refs=5 is not valid"),
        ({"tracebacks": 1}, "tracebacks=1 is not valid"),
        ({"compress_above": -1}, "compress_above=-1 is not valid"),
        ({"compress_above": True}, "compress_above=True is not valid"),
    ],
)
def test_a_codec_refuses_arguments_of_other_types(options: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(error)):
        Codec(**options)
