"""Exceptions: of a registered type as themselves, of any other as what can be told of them."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from dataclasses import dataclass
from typing import Any, TypeVar

import attrs
import pytest
from msgpack import packb

import actors.errors
from actors.errors import ActorError, ActorRestarting, ActorStartError, CodecError, MailboxFullError, MutableMessageError, RemoteError
from actors.wire import Codec, Registry
from actors.wire.exceptions import LONGEST, MOST

T = TypeVar("T", bound=BaseException)


def codec_of(*classes: type, **options: Any) -> Codec:
    registry = Registry()
    for cls in classes:
        registry.register(cls, name=cls.__name__)
    return Codec(registry, **options)


class Simple(Exception):
    pass


def raised(error: T, cause: BaseException | None = None) -> T:
    """The exception with a traceback."""
    try:
        raise error from cause  # noqa: TRY301
    except BaseException as caught:  # noqa: BLE001
        assert caught is error  # noqa: PT017  # it is the same
        return error


class OtherArguments(Exception):
    """Its ``__init__`` takes something else than it hands on."""

    def __init__(self, code: int) -> None:
        super().__init__(f"failed with {code}")
        self.code = code


class KeywordOnly(Exception):
    def __init__(self, *, code: int, items: list[int]) -> None:
        super().__init__()
        self.code = code
        self.items = items


class Slotted(Exception):
    __slots__ = ("code", "unset")

    def __init__(self, code: int) -> None:
        super().__init__("slotted")
        self.code = code


class MissingFile(FileNotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(2, "gone", name)


class Both(OtherArguments, OSError):
    pass


class Group(ExceptionGroup[Simple]):
    def __new__(cls, errors: list[Simple]) -> Group:  # noqa: PYI034
        return super().__new__(cls, "made", errors)


class Reduced(Exception):
    """Says itself how it is made again."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a}, {b}")
        self.a, self.b = a, b

    def __reduce__(self) -> Any:
        return Reduced, (self.a, self.b)


@dataclass
class AsDataclass(Exception):
    code: int
    name: str = ""


@attrs.define
class AsAttrs(Exception):
    code: int


def state_of(error: BaseException) -> Any:
    slots = {name: getattr(error, name, None) for name in getattr(type(error), "__slots__", ()) if not name.startswith("__")}
    members = {
        name: getattr(error, name, None) for name in ("filename", "errno", "name", "path", "value", "object", "start", "code", "pos")
    }
    rest = {name: value for name, value in vars(error).items() if name != "__notes__"}
    arguments = tuple(map(repr, error.args))
    return type(error), arguments, str(error), rest, slots, members, getattr(error, "__notes__", [])


RETURNING: list[BaseException] = [
    Simple(),
    Simple(1, "two", [3], {"four": (5,)}),
    OtherArguments(3),
    KeywordOnly(code=3, items=[1]),
    Slotted(7),
    MissingFile("/x"),
    Both(5),
    Group([Simple(1), Simple(2)]),
    Reduced(1, 2),
    AsDataclass(1, name="x"),
    AsDataclass(code=1),
    AsAttrs(1),
    FileNotFoundError(2, "gone", "/etc/x"),
    FileNotFoundError(2, "gone", "/etc/x", None, "/etc/y"),
    OSError("just a text"),
    ImportError("no", name="x", path="/y"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    StopIteration([1]),
    SystemExit(3),
    ExceptionGroup("several", [Simple(1), Simple(2)]),
    json.JSONDecodeError("bad", "text", 2),
    KeyError("key"),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("error", RETURNING, ids=lambda error: type(error).__name__)
def test_an_exception_of_a_registered_type_arrives_as_itself(error: BaseException) -> None:
    codec = codec_of(*{type(error), Simple})
    for made in (codec.decode(codec.encode(error)), codec.decode(codec.encode([error]))[0], codec.copy([error, []])[0]):
        assert state_of(made) == state_of(error)
    error.add_note("a note")
    assert codec.decode(codec.encode(error)).__notes__ == ["a note"]


def test_attributes_set_later_and_notes_travel_and_neither_cause_nor_traceback_do() -> None:
    error: Any = raised(Simple("x"), raised(KeyError(1)))
    error.more = [1]
    error.add_note("one")
    error.add_note("two")
    codec = codec_of(Simple)
    for made in (codec.decode(codec.encode(error)), codec.copy(error)):
        assert (made.more, made.__notes__) == ([1], ["one", "two"])
        assert made.__cause__ is made.__context__ is made.__traceback__ is None
        assert made.more is not error.more


def test_the_init_of_a_registered_type_is_not_called() -> None:
    class Counting(Exception):
        made = 0

        def __init__(self, text: str) -> None:
            super().__init__(text)
            Counting.made += 1

    codec = codec_of(Counting)
    codec.decode(codec.encode(Counting("x")))
    assert Counting.made == 1


def test_an_upgrade_of_an_exception_gets_and_returns_its_arguments() -> None:
    registry = Registry()
    registry.register(Simple, name="Simple", version=2, upgrades={1: lambda arguments: (*arguments, "new")})
    codec = Codec(registry)
    made = codec.decode(packb(["Simple/1", [3, 1], [6, "a", 2], [2, "note"]]))
    assert (made.args, made.a, made.__notes__) == ((1, "new"), 2, ["note"])
    registry = Registry()
    registry.register(Simple, name="Simple", version=2, upgrades={1: lambda _: 5})
    with pytest.raises(CodecError, match="no tuple, dict and list of texts"):
        Codec(registry).decode(packb(["Simple/1", [3, 1], [6], [2]]))


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ([], "has not arguments, attributes and notes"),
        ([[3], [6]], "has not arguments, attributes and notes"),
        ([[2], [6], [2]], "are no tuple, dict and list of texts"),
        ([[3], [6, 1, 2], [2]], "are no tuple, dict and list of texts"),
        ([[3], [6], [2, 5]], "are no tuple, dict and list of texts"),
        ([[3], [2], [2]], "are no tuple, dict and list of texts"),
    ],
)
def test_a_node_with_other_parts_is_refused(node: list[Any], why: str) -> None:
    with pytest.raises(CodecError, match=why):
        codec_of(Simple).decode(packb(["Simple/1", *node]))


@pytest.mark.parametrize(
    ("cls", "node"),
    [
        (UnicodeDecodeError, [[3, 1], [6], [2]]),
        (ExceptionGroup, [[3, "x", [2]], [6], [2]]),
        (OSError, [[3, 2, "gone"], [6], [2]]),
        (ImportError, [[3], [6, "name_from", 1, "name", 1], [2]]),
        (Simple, [[3], [6, "__class__", 5, "add_note", 1, "__dict__", 2], [2, "note"]]),
    ],
)
def test_hostile_parts_of_a_registered_exception_make_one_or_an_error(cls: type[BaseException], node: list[Any]) -> None:
    try:
        made = codec_of(cls).decode(packb([f"{cls.__name__}/1", *node]))
    except CodecError:
        return
    assert type(made) is cls


def _framework() -> list[type[Exception]]:
    return [one for one in vars(actors.errors).values() if inspect.isclass(one) and issubclass(one, ActorError)]


MADE = {
    "ActorStartError": ActorStartError("a (/a)", ValueError("x")),
    "ActorRestarting": ActorRestarting("a (/a)", 1.5, ["message"]),
    "MailboxFullError": MailboxFullError("a (/a)", ["message"], 5),
    "MutableMessageError": MutableMessageError("message.x", "list"),
    "CodecError": CodecError("is bad", "message[0]", "depth"),
}


@pytest.mark.parametrize("name", MADE)
def test_errors_of_the_framework_travel_registered_and_unregistered(name: str) -> None:
    error = MADE[name]
    codec = codec_of(*_framework(), ValueError)
    made = codec.decode(codec.encode([error]))[0]
    assert type(made) is type(error)
    assert str(made) == str(error)
    assert {**vars(made), "cause": None} == {**vars(error), "cause": None}
    told = Codec().decode(Codec().encode([error]))[0]
    assert (told.type_name, told.text) == (f"actors.errors.{name}", str(error))


def test_where_an_exception_is_declared_a_told_one_arrives_if_its_type_is_not_registered() -> None:
    @dataclass
    class Failed:
        error: ValueError | None

    codec = codec_of(Failed)
    for sent in (Failed(ValueError([1])), Failed(RemoteError("a.B")), Failed(None)):
        there, copy = codec.decode(codec.encode([sent]))[0], codec.copy([sent])[0]
        assert type(there.error) is type(copy.error) is (RemoteError if sent.error is not None else type(None))
    registered = codec_of(Failed, ValueError)
    assert type(registered.decode(registered.encode(Failed(ValueError(1)))).error) is ValueError
    with pytest.raises(CodecError, match=r"message.error is a KeyError, and ValueError \| None is declared"):
        codec.encode(Failed(KeyError(1)))  # type: ignore[arg-type]


# -- of types that are not registered ------------------------------------------------------------------------------------------


def told(error: BaseException, **options: Any) -> RemoteError:
    codec = Codec(**options)
    made = codec.decode(codec.encode(error))
    assert type(made) is RemoteError
    return made


def test_of_another_exception_type_text_arguments_and_notes_arrive() -> None:
    error = OtherArguments(3)
    error.add_note("a note")
    made = told(error)
    assert made.type_name == f"{__name__}.OtherArguments"
    assert made.text == "failed with 3"
    assert made.arguments == ("failed with 3",)
    assert made.notes == ("a note",)
    assert made.__notes__ == ["a note"]
    assert made.traceback == ""
    assert str(made) == f"{__name__}.OtherArguments: failed with 3"


def test_arguments_that_cannot_travel_go_as_their_repr_alone() -> None:
    lock = threading.Lock()
    shared = [1]
    made = told(Simple(lock, [lock], shared, shared, lambda: 1, ValueError(lock)))
    assert made.arguments[0] == repr(lock)
    assert made.arguments[1] == f"[{lock!r}]"
    assert made.arguments[2] is made.arguments[3]
    assert made.arguments[4].startswith("<function")
    assert made.arguments[5].arguments == (repr(lock),)


def test_an_argument_that_fails_halfway_leaves_nothing_behind() -> None:
    shared = [1]
    made = told(Simple([shared, shared, threading.Lock()], shared, (shared,)))
    assert made.arguments[1] == [1]
    assert made.arguments[2][0] is made.arguments[1]


def test_an_exception_that_holds_itself_is_told_of() -> None:
    error = Simple()
    error.args = (error, 1, [])
    assert told(error).arguments[1] == 1
    assert Codec().copy([error, []])[0].arguments[1] == 1


def test_the_traceback_tells_causes_and_can_be_left_out() -> None:
    error = raised(Simple("outer", []), raised(KeyError("inner")))
    made, without = told(error), told(error, tracebacks=False)
    copied = Codec().copy(error)
    assert "KeyError: 'inner'" in made.traceback
    assert "direct cause" in made.traceback
    assert made.traceback.rstrip().endswith("Simple: ('outer', [])")
    assert without.traceback == ""
    assert copied.traceback == made.traceback


def test_told_on_it_stays_what_it_was_with_the_notes_added_on_the_way() -> None:
    first = told(raised(Simple(1, [2])))
    first.add_note("seen by the gateway")
    second = told(raised(first))
    third = Codec().copy([second, []])[0]
    for made in (second, third):
        assert (made.type_name, made.text, made.arguments, made.traceback) == (
            f"{__name__}.Simple",
            first.text,
            (1, [2]),
            first.traceback,
        )
        assert made.__notes__ == ["seen by the gateway"]


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class OddText(str):
    __slots__ = ()

    def __len__(self) -> int:
        return 0


class Odd(Exception):
    args = property(lambda _: 1 // 0)  # type: ignore[assignment]

    def __str__(self) -> str:
        raise ZeroDivisionError


class OddTextual(Exception):
    def __str__(self) -> str:
        return OddText("odd \ud800")


class Lying(Exception):
    __class__ = property(lambda _: int)  # type: ignore[assignment]


def with_notes(notes: Any) -> Simple:
    error = Simple("x")
    error.__notes__ = notes
    return error


@pytest.mark.parametrize(
    "error",
    [
        Simple(Unprintable()),
        Odd(1),
        OddTextual(),
        Lying(),
        Simple("\ud800"),
        with_notes(5),
        with_notes("text"),
        with_notes(None),
        with_notes([1, Unprintable(), OddText("x")]),
        RemoteError(5, 5, None, (), b"x"),  # type: ignore[arg-type]
        type("OddModule", (Exception,), {"__module__": 5})(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("registered", [False, True])
def test_an_odd_exception_is_told_of_all_the_same(error: Exception, registered: bool) -> None:
    codec = codec_of(*([type(error)] if registered else []))
    try:
        made = codec.decode(codec.encode([error]))[0]
        copied = codec.copy([error, []])[0]
    except CodecError:
        assert registered, "some part of it is of a type that cannot travel"
        return
    assert isinstance(made, BaseException if registered else RemoteError)
    assert type(copied) in (type(made), type(error)), "what cannot change is copied as it is"
    if type(made) is RemoteError and not registered:
        assert all(type(one) is str for one in (made.type_name, made.text, made.traceback, *made.notes))


def test_what_is_told_has_bounds() -> None:
    error = Simple("x" * (LONGEST + 5), *range(2 * MOST))
    error.__notes__ = ["n" * (LONGEST + 1)] + ["n"] * MOST
    made = told(error)
    assert len(made.text) > LONGEST
    assert len(made.arguments) == len(made.notes) == MOST
    assert made.notes[0].endswith("... (1 more characters)")


def test_a_broken_reduce_is_an_error_that_says_so() -> None:
    class Raising(Exception):
        def __reduce__(self) -> Any:
            raise ValueError("no")

    class Elsewhere(Exception):
        def __reduce__(self) -> Any:
            return Simple, (1,)

    class Text(Exception):
        def __reduce__(self) -> Any:
            return "global"

    for cls, why in ((Raising, "ValueError: no"), (Elsewhere, "has a __reduce__ of its own"), (Text, "has a __reduce__ of its own")):
        codec = codec_of(cls)
        for send in (codec.encode, codec.copy):
            with pytest.raises(CodecError, match=why):
                send([cls([])])


def test_an_attribute_without_a_name_is_refused_where_it_is_sent() -> None:
    error = Simple()
    vars(error)[5] = 1  # type: ignore[index]
    with pytest.raises(CodecError, match=r"message\[0\] has an attribute whose name is no text"):
        codec_of(Simple).encode([error])
