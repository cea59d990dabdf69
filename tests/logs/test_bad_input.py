"""Whatever is logged: the caller never sees an exception, a line never tells what a thing became later, and none is too long."""

from __future__ import annotations

import asyncio
import threading
import types
from collections import OrderedDict, UserDict, namedtuple
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorSystem
from actors.logs import JSON, TEXT, log
from tests.logs.kit import WAIT, Caught, raised
from tests.support import scaled

FORMATS = (TEXT, JSON, "{level} {message} {extra}")
examples = settings(max_examples=scaled(1000, 50), suppress_health_check=[HealthCheck.function_scoped_fixture])


def only_line(caught: Caught) -> dict[str, Any]:
    """The only line there is, in every format, read back from JSON."""
    assert len(caught.lines(0)) == len(caught.lines(2)) == 1
    (line,) = caught.objects(1)
    return line


# -- when it is made text --------------------------------------------------------------------------------------------------


class Changing:
    """Tells how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __str__(self) -> str:
        self.asked += 1
        return f"asked {self.asked}"


def test_what_can_change_is_made_text_in_the_call(caught: Caught) -> None:
    gate = threading.Event()
    caught.set_up(lambda _: gate.wait(WAIT), formats=FORMATS)  # nothing is written before all has changed
    numbers, mapping, nested, changing, held = [1], {"a": 1}, [[1]], Changing(), bytearray(b"a")
    log.info("first")
    log.info("{} {} {} {} {}", numbers, mapping, nested, held, changing, n=numbers, m=mapping, x=nested, h=held, c=changing)
    bound = log.bind(n=numbers, m=mapping)
    with log.contextualize(x=nested):
        numbers.append(2)
        mapping["b"] = 2
        nested[0].append(2)
        held.extend(b"b")
        bound.info("bound")
    gate.set()
    first, given_, later = caught.records
    assert first["extra"] == {}
    assert given_["message"] == "[1] {'a': 1} [[1]] bytearray(b'a') asked 2"  # the field was asked first
    assert given_["extra"] == {"n": [1], "m": {"a": 1}, "x": [[1]], "h": "bytearray(b'a')", "c": "asked 1"}
    assert later["extra"] == {"n": [1], "m": {"a": 1}, "x": [[1]]}
    assert changing.asked == 2


def test_no_text_is_made_by_the_thread_that_writes(caught: Caught) -> None:
    threads: set[str] = set()

    class Noting:
        def __str__(self) -> str:
            threads.add(threading.current_thread().name)
            return "noting"

        def __format__(self, spec: str) -> str:
            return str(self)

        __repr__ = __str__

    caught.set_up(formats=FORMATS)
    for one in (log, log.opt(colors=True), log.opt(record=True), log.opt(raw=True), log.opt(capture=False), log.bind(a=Noting())):
        one.info("{} {x}\n", Noting(), x=[Noting(), {Noting(): Noting()}])
    with log.contextualize(a=Noting()):
        log.info(Noting())
    caught.flush()
    assert threads == {threading.current_thread().name}


@pytest.mark.parametrize("value", [1, -1.5, "text", None, True, b"bytes", 2j])
def test_plain_values_are_fields_as_they_are(caught: Caught, value: Any) -> None:
    caught.set_up()
    log.bind(bound=value).info("{0} {value}", value, value=value)
    assert caught.message == f"{value} {value}"
    assert caught.record["extra"] == {"bound": value, "value": value}
    assert all(type(one) is type(value) for one in caught.record["extra"].values())


class Color(Enum):
    RED = 1


class Number(IntEnum):
    ONE = 1


Point = namedtuple("Point", "x y")  # noqa: PYI024  # an untyped one is what is tried


class Text(str):
    """A text with methods of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def isprintable(self) -> bool:
        raise ValueError("isprintable")

    def __format__(self, spec: str) -> str:
        raise ValueError("format")

    def __len__(self) -> int:
        raise ValueError("len")


class Listing(list):
    def __iter__(self) -> Any:
        raise ValueError("iter")


class Mapping(dict):
    def items(self) -> Any:
        raise ValueError("items")

    def __len__(self) -> int:
        raise ValueError("len")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Color.RED, "Color.RED"),
        (Number.ONE, "1"),
        (Decimal("1.50"), "1.50"),
        (datetime(2024, 5, 31, tzinfo=UTC), "2024-05-31 00:00:00+00:00"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), "{'a': 1}"),
        (types.SimpleNamespace(a=1), "namespace(a=1)"),
        (range(3), "range(0, 3)"),
        (Text("x"), "x"),
        ([Text("x")], ["x"]),
        (Listing([1]), "[1]"),
        (Mapping(a=1), "<Mapping that could not be read: ValueError>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_fields_by_their_text(caught: Caught, value: Any, field: Any) -> None:
    caught.set_up(formats=FORMATS)
    log.info("x", value=value)
    assert caught.record["extra"] == {"value": field}
    assert only_line(caught)["fields"] == {"value": field}


# -- what raises -----------------------------------------------------------------------------------------------------------


class Meta(type):
    def __repr__(cls) -> str:
        raise ValueError("of the class")


class Raising(metaclass=Meta):
    """Raises in whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def _raise(self, *_: Any) -> Any:
        raise self.error

    __str__ = __repr__ = __format__ = __getattr__ = __getitem__ = __len__ = __iter__ = __eq__ = __bool__ = _raise  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Recursive:
    def __str__(self) -> str:
        return str(self)

    __repr__ = __str__


class NoText:
    def __str__(self) -> Any:
        return [1][0]

    __repr__ = __str__


class Worse(Exception):
    def __str__(self) -> str:
        raise ValueError("worse")

    __repr__ = __str__


ODD = [
    Raising(ValueError("bad")),
    Raising(Worse()),
    Raising(MemoryError()),
    Recursive(),
    NoText(),
    Worse(),
    Text("x"),
    Listing([1]),
    Mapping(a=1),
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_objects_that_raise_are_told_in_the_line(caught: Caught, value: Any) -> None:
    for template in ("{}", "{!r}", "{:>5}", "{0.x}", "{0[x]}", "{x}", "{x!s:^9}", "plain"):
        caught.ready(formats=FORMATS)
        log.info(template, value, x=value, y=[value, {"a": value}])
        line = only_line(caught)
        assert line["message"].startswith(template) or "not formatted" not in line["message"]
        assert {*line["fields"]} == {"x", "y"}


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_so_they_are_on_every_other_way(caught: Caught, value: Any) -> None:
    caught.set_up(formats=FORMATS)
    log.info(value)
    log.bind(x=value, y={"a": [value]}).info("bound")
    with log.contextualize(x=value):
        log.opt(lazy=True).info("{} {y}", lambda: value, y=lambda: value)
    log.opt(record=True).info("{} {y} {record[extra]}", value, y=value)
    log.opt(colors=True).info("<red>{} {y}</red>", value, y=value)
    log.opt(capture=False).info("{} {y}", value, y=value)
    log.opt(raw=True).info("{}\n", value)
    log.patch(lambda record: record.update(message=value, extra={"a": value, "b": [value]})).info("patched")
    log.patch(lambda record: record.update(message="x", extra=value)).info("patched")
    caught.flush()
    assert all(text.count("\n") == 9 for text in (caught.text(0), caught.text(2)))
    (sink, *_) = caught.logging.stats().sinks
    assert (sink.written, sink.lost) == (9, 0)


def test_what_ends_a_program_is_not_held_back(caught: Caught) -> None:
    caught.set_up()
    for error in (KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(error)):
            log.info("{}", Raising(error))
    log.info("goes on")
    assert caught.messages == ["goes on"]


def test_an_object_that_blocks_blocks_its_caller_only(caught: Caught) -> None:
    caught.set_up()
    begun, gate = threading.Event(), threading.Event()

    class Blocking:
        def __str__(self) -> str:
            begun.set()
            gate.wait(WAIT)
            return "at last"

    thread = threading.Thread(target=log.info, args=("{}", Blocking()))
    thread.start()
    assert begun.wait(WAIT)
    log.info("meanwhile")
    assert caught.messages == ["meanwhile"]
    gate.set()
    thread.join()
    assert caught.messages == ["meanwhile", "at last"]


def test_an_object_that_logs_when_it_is_asked_is_no_endless_story(caught: Caught) -> None:
    caught.set_up(ordered=True)

    class Talking:
        def __str__(self) -> str:
            log.info("asked")
            return "talking"

    log.info("{}", Talking())
    assert caught.messages == ["asked", "talking"]


# -- messages and formats --------------------------------------------------------------------------------------------------


@given(message=st.text(st.sampled_from("{}!:.[]0ax %"), max_size=12))
@examples
def test_a_message_without_arguments_is_never_formatted(caught: Caught, message: str) -> None:
    caught.ready(formats=FORMATS)
    log.bind(a=1).info(message)
    assert only_line(caught)["message"] == message


@given(message=st.text(st.sampled_from("{}!:.[]0ax %"), max_size=12), value=st.sampled_from([1, "x", None, [1]]))
@examples
def test_what_cannot_be_formatted_is_shown_with_the_reason_and_the_arguments(caught: Caught, message: str, value: Any) -> None:
    caught.ready(formats=FORMATS)
    log.info(message, value, a=value)
    try:
        expected = message.format(value, a=value)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        reason = f"{message} [not formatted: {type(error).__name__}: {error}; arguments: {value!r}, a={value!r}]"
        assert caught.message == reason
    else:
        assert caught.message == expected


@pytest.mark.parametrize(
    "message", [None, 1, b"{}", ["{}"], ValueError("{}"), Color.RED, Text("{}"), object], ids=lambda value: type(value).__name__
)
def test_a_message_may_be_anything(caught: Caught, message: Any) -> None:
    caught.set_up(formats=FORMATS)
    log.info(message)
    assert only_line(caught)["message"] == str.__str__(str(message))


@pytest.mark.parametrize(
    "name", ["self", "message", "level", "no", "more", "depth", "args", "record", "extra", "a b", "", "é", "__class__"]
)
def test_a_field_may_be_called_anything(caught: Caught, name: str) -> None:
    caught.set_up(formats=FORMATS)
    log.info("x", **{name: 1})
    log.log("INFO", "x", **{name: 1})
    log.bind(**{name: 1}).info("x")
    with log.contextualize(**{name: 1}):
        log.exception("x")
    log.opt(lazy=True).info("x", **{name: lambda: 1})
    assert [record["extra"] for record in caught.records] == [{name: 1}] * 5


def test_a_call_without_a_message_is_wrong() -> None:
    with pytest.raises(TypeError):
        log.info()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        log.log("INFO")  # type: ignore[call-arg]


# -- size ------------------------------------------------------------------------------------------------------------------

MOST = 150_000


@pytest.mark.parametrize(
    "call",
    [
        lambda: log.info("x" * 5_000_000),
        lambda: log.info("{}", "x" * 5_000_000),
        lambda: log.info("x", a="x" * 5_000_000),
        lambda: log.info("x", a=b"x" * 5_000_000),
        lambda: log.info("x", a=["x" * 5_000_000]),
        lambda: log.bind(a={"b": "x" * 5_000_000}).info("x"),
        lambda: log.info("{a}", a=range(10) and [0] * 2_000_000),
        lambda: log.info("x", a=[0] * 2_000_000),
        lambda: log.info("x", a=set(range(2_000_000))),
        lambda: log.info("x", a=dict.fromkeys(range(2_000_000))),
        lambda: log.info("x", a=Decimal("1" * 500_000)),
        lambda: log.opt(raw=True).info("x" * 5_000_000 + "\n"),
        lambda: log.opt(exception=raised(ValueError("x" * 5_000_000))).info("x"),
        lambda: log.opt(exception=ValueError("x" * 5_000_000)).info("x"),
        lambda: log.patch(lambda record: record.update(message="x" * 5_000_000)).info("x"),
    ],
)
def test_a_line_is_cut_where_it_is_longer_than_anybody_reads(caught: Caught, call: Any) -> None:
    caught.set_up(formats=FORMATS)
    call()
    caught.flush()
    for number in range(len(FORMATS)):
        assert 0 < len(caught.text(number)) < 3 * MOST
    assert "more" in caught.text(1) or "raw" in caught.text(1) or "…" in caught.text(1)


def test_how_much_was_cut_is_told(caught: Caught) -> None:
    caught.set_up()
    log.info("x" * 100_007, a=[0] * 207, b=dict.fromkeys(range(207)))
    assert caught.message == "x" * 100_000 + "… (7 more characters)"
    assert caught.record["extra"]["a"] == [0] * 200 + ["… 7 more"]
    assert caught.record["extra"]["b"]["…"] == "7 more"
    assert len(caught.record["extra"]["b"]) == 201


def _nested(depth: int, make: Any) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = make(value)
    return value


def _cyclic(width: int) -> Any:
    value: list[Any] = []
    value.extend([value, {"a": value}] * width)
    return value


@pytest.mark.parametrize("make", [
    lambda: _nested(7, lambda one: [one]),
    lambda: _nested(100_000, lambda one: [one]),
    lambda: _nested(100_000, lambda one: {"a": one}),
    lambda: _nested(40, lambda one: [one, one]),
    lambda: _nested(10, lambda one: [one] * 200),
    lambda: _cyclic(1),
    lambda: _cyclic(100),
])  # fmt: skip
def test_deep_wide_and_cyclic_containers_are_short(caught: Caught, make: Any) -> None:
    caught.set_up(formats=FORMATS)
    value = make()
    log.info("x", value=value)
    log.bind(value=value).info("x")
    assert all(0 < len(caught.text(number)) < MOST for number in range(len(FORMATS)))
    assert len(caught.objects(1)) == 2


def test_a_container_that_other_threads_change_meanwhile_is_logged_all_the_same(caught: Caught) -> None:
    caught.set_up(formats=FORMATS)

    class Changing(dict):  # as if another thread did it just then
        def __len__(self) -> int:
            self[object()] = 1
            raise RuntimeError("dictionary changed size during iteration")

    log.info("x", value=Changing(), values=[Changing()])
    fields = only_line(caught)["fields"]
    assert "RuntimeError" in fields["value"]
    assert "RuntimeError" in fields["values"][0]


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.complex_numbers(),
        st.text(max_size=5),
        st.binary(max_size=5),
        st.builds(pow, st.just(10), st.just(5000)),
        st.sampled_from([Color.RED, Number.ONE, Decimal(1), object, Point(1, 2)]),
        st.integers(0, len(ODD) - 1).map(lambda number: ODD[number]),
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)
MESSAGES = st.text(max_size=10) | st.sampled_from(["{}", "{a}", "{0!r:>9}"])


@given(message=MESSAGES, args=st.lists(VALUES, max_size=2), kwargs=st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
@examples
def test_no_call_raises_and_none_of_its_lines_is_lost(caught: Caught, message: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    caught.ready(formats=FORMATS)
    for one in (log, log.bind(**kwargs), log.opt(record=True), log.opt(colors=True), log.opt(capture=False)):
        one.info(message, *args, **kwargs)
    assert len(caught.lines(0)) == len(caught.objects(1)) == len(caught.lines(2)) == len(caught.records) == 5


# -- exceptions ------------------------------------------------------------------------------------------------------------


class Odd(Exception):
    """Odd in every way."""

    def __str__(self) -> str:
        raise ValueError("odd")

    __repr__ = __str__

    @property
    def args(self) -> Any:
        raise ValueError("args")

    @property
    def __notes__(self) -> Any:
        raise ValueError("notes")


def _long_chain(length: int) -> Exception:
    error: Exception = ValueError("first")
    for number in range(length):
        outer = ValueError(f"number {number}")
        outer.__cause__ = error
        error = outer
    return error


def _cycle() -> Exception:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    one.__context__ = one
    return raised(one)


def _group(depth: int, width: int) -> Exception:
    error: Exception = ValueError("inner")
    for _ in range(depth):
        error = ExceptionGroup("group", [error] * width)
    return error


def _noted() -> Exception:
    error = ValueError("noted")
    error.__notes__ = [1, Raising(ValueError("note")), "a note"]
    return error


def _deep(levels: int) -> Exception:
    def down(left: int) -> None:
        if not left:
            raise ValueError("at the bottom")
        further(left - 1)

    def further(left: int) -> None:  # else Python shows the same line once
        down(left)

    try:
        down(levels)
    except ValueError as error:
        return error
    raise AssertionError


def _endless() -> Exception:
    def down() -> None:
        down()

    try:
        down()
    except RecursionError as error:
        return error
    raise AssertionError


def _syntax() -> Exception:
    try:
        compile("a b", "<odd\nfile>", "exec")
    except SyntaxError as error:
        error.lineno = "x"  # type: ignore[assignment]
        error.text = 5  # type: ignore[assignment]
        return error
    raise AssertionError


ERRORS: dict[str, Any] = {
    "not raised": Odd,
    "raised": lambda: raised(Odd()),
    "many causes": lambda: _long_chain(2000),
    "a cycle of causes": _cycle,
    "a wide group": lambda: _group(2, 50),
    "a deep group": lambda: _group(30, 1),
    "odd notes": _noted,
    "a deep stack": lambda: _deep(400),
    "an endless stack": _endless,
    "odd places": _syntax,
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
}


def _log_as_handled(error: BaseException) -> None:
    try:
        _raise(error)
    except BaseException:  # noqa: BLE001  # whatever it is, it is logged
        log.exception("it {}", "failed")


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("name", ERRORS)
def test_odd_exceptions_are_told_as_well_as_can_be(caught: Caught, name: str) -> None:
    caught.set_up(formats=FORMATS)
    error = ERRORS[name]()
    _log_as_handled(error)
    log.opt(exception=error).info("given")
    with log.catch(BaseException, message="caught"):
        raise error
    lines = caught.objects(1)
    assert [line["message"] for line in lines] == ["it failed", "given", "caught"]
    assert {line["exception"]["type"] for line in lines} == {type(error).__qualname__}
    for number in (0, 2):
        heads = [line for line in caught.lines(number) if not line.startswith("    ")]
        assert len(heads) == 3
    assert all(sink.lost == 0 for sink in caught.logging.stats().sinks)


def test_of_a_deep_stack_the_innermost_frames_are_shown(caught: Caught) -> None:
    caught.set_up(formats=FORMATS)
    log.opt(exception=_deep(400)).info("x")
    (line,) = caught.objects(1)
    assert line["exception"]["traceback"].endswith("ValueError: at the bottom")
    assert line["exception"]["traceback"].count("File ") == 50


def test_an_exception_is_shown_as_it_was_when_it_was_logged(caught: Caught) -> None:
    caught.set_up(formats=FORMATS)
    error = raised(ValueError(["as it was"]))
    log.opt(exception=error).info("x")
    error.args[0].append("later")
    error.args = ("later",)
    (line,) = caught.objects(1)
    assert line["exception"]["message"] == "['as it was']"
    assert "later" not in caught.text(0) + caught.text(1) + caught.text(2)


@pytest.mark.parametrize("given_", ["x", 1, (), (None, None, None), (ValueError, None, None), [ValueError("x")], object()])
def test_what_is_no_exception_is_none(caught: Caught, given_: Any) -> None:
    caught.set_up(formats=FORMATS)
    log.opt(exception=given_).info("x")
    assert caught.record["exception"] is None
    assert only_line(caught)["message"] == "x"


# -- actors ----------------------------------------------------------------------------------------------------------------


def test_an_actor_that_logs_what_is_odd_lives_on(caught: Caught) -> None:
    caught.set_up(formats=FORMATS)

    class Reporting(Actor):
        def on_receive(self, message: Any) -> Any:
            self.log.info("{} {message}", *ODD, message=message)
            self.log.opt(exception=Odd()).error("{nothing}", message)
            return "alive"

    with ActorSystem() as system:
        ref = system.spawn(Reporting)
        assert ref.ask(ODD, timeout=WAIT) == "alive"
        assert ref.ask(2, timeout=WAIT) == "alive"
    assert len(caught.records) == 4
