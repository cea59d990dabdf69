"""What cannot change passes as it is; of anything else the check says which part of it can."""

from __future__ import annotations

import array
import collections
import datetime as dt
import enum
import functools
import gc
import re
import threading
import types
import weakref
import zoneinfo
from dataclasses import dataclass, field, make_dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

import attr
import attrs
import msgspec
import numpy as np
import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Actor, Down, Future, Request
from actors.errors import ActorDeadError, ActorStartError, MutableMessageError
from actors.wire import immutable
from actors.wire.immutable import check_immutable, is_immutable
from tests.support import scaled

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    customer: str
    price: float
    paid: bool
    lines: Any = ()


@dataclass(frozen=True)
class Loose:
    number: int
    inner: Any = None

    @functools.cached_property
    def parts(self) -> list[int]:
        return [self.number]


@dataclass
class Thawed:
    number: int = 1


class Undecorated(Loose):
    pass


class Place(NamedTuple):
    x: Any
    y: Any = 0


class PlaceWithMore(Place):
    pass


@dataclass(frozen=True)
class Box(Generic[T]):
    content: T
    count: ClassVar[list[int]] = []


@dataclass(frozen=True)
class Find(Request[int]):
    key: str


@dataclass(frozen=True)
class Listed(list[int]):
    number: int = 1


class Colour(enum.Enum):
    RED = [1]  # noqa: RUF012  # a mutable value on purpose


class Mode(enum.Flag):
    R = 1
    W = 2


class Level(str, enum.Enum):  # noqa: UP042  # the older way
    LOW = "low"


class Word(str):
    __slots__ = ()


class Zone(dt.tzinfo):
    pass


class Failed(Exception):
    def __init__(self, code: int, detail: Any = None) -> None:
        super().__init__(code)
        self.detail = detail


class SlotFailed(Exception):
    __slots__ = ("place", "unset")


@attrs.frozen
class Attrs:
    x: Any
    y: int = 0


@attrs.frozen(slots=False)
class AttrsLoose:
    x: Any


@attr.s(frozen=True)
class AttrsOld:
    x = attr.ib()


@attrs.define
class AttrsHeir(Attrs):  # attrs freezes what is derived from frozen
    z: Any = 0


@attrs.define
class AttrsThawed:
    x: int


class AttrsUndecorated(Attrs):
    pass


class Struct(msgspec.Struct, frozen=True):
    x: Any
    y: int = 0


class StructHeir(Struct):
    z: Any = 0


class StructThawed(Struct, frozen=False):
    z: int = 0


class Declaring:
    """As much of a registry as the check needs."""

    def __init__(self, *classes: type) -> None:
        self.immutable = frozenset(classes)


def refusal(value: Any, registry: Any = None) -> MutableMessageError:
    assert not is_immutable(value, registry)
    with pytest.raises(MutableMessageError) as caught:
        check_immutable(value, registry)
    return caught.value


def accepted(value: Any, registry: Any = None) -> bool:
    for _ in range(2):  # the second time, the class is known
        check_immutable(value, registry)
        assert is_immutable(value, registry)
    return True


# -- atoms and handles ------------------------------------------------------------------------------------------------------

ATOMS = [
    *(None, True, 1, 10**100, 1.5, 1j, "a", b"a", range(3), ..., NotImplemented, object()),
    *(dt.date(2020, 1, 1), dt.timedelta(1), dt.UTC, dt.timezone(dt.timedelta(hours=1), "x"), zoneinfo.ZoneInfo("UTC")),
    *(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))),  # noqa: DTZ001
    *(dt.time(1), dt.time(1, tzinfo=dt.UTC), Decimal(1), Fraction(1, 3), UUID(int=1), re.compile("a")),
    *(Path("a"), PurePosixPath("a"), PureWindowsPath("a")),
    *(Colour.RED, Mode.R, Mode.R | Mode.W, Level.LOW, int, Order, enum.EnumMeta),
    *(np.float64(1), np.int8(1), np.bool_(1), np.str_("a"), np.datetime64("2020"), np.longdouble(1)),
]


@pytest.mark.parametrize("value", ATOMS, ids=lambda value: type(value).__name__)
def test_atoms_pass_alone_and_inside(value: object) -> None:
    assert accepted(value)
    assert accepted((value, frozenset({value}), Loose(1, value)))


def test_refs_proxies_futures_and_reply_handles_pass() -> None:
    class Keeper(Actor):
        def on_receive(self, message: Any) -> Any:
            handle = self.reply_later()
            ok = accepted((handle, self.cancel_token, self.actor_ref))
            handle.reply(ok)

    class Old(pykka.ThreadingActor):
        pass

    ref, old = Keeper.start(), Old.start()
    try:
        assert accepted((ref, ref.proxy(), Future(), old))
        assert ref.ask("now", timeout=10) is True
    finally:
        ref.stop()
        old.stop()


# -- containers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        (),
        frozenset(),
        (1, ("a", (b"b", None))),
        frozenset({(1, 2), frozenset({3})}),
        Place(1, (2,)),
        collections.namedtuple("Pair", "a b")(1, 2),  # noqa: PYI024
        Order(1, "a", 1.0, True, ("x", "y")),
        Loose(1, Order(2, "b", 2.0, False)),
        Box((1, 2)),
        Find("a"),
        make_dataclass("Empty", [], frozen=True)(),
        make_dataclass("Odd", [("größe", int)], frozen=True)(1),
        Attrs((1,)),
        AttrsLoose((1,)),
        AttrsOld((1,)),
        AttrsHeir(1, 2, (3,)),
        Struct((1,)),
        StructHeir(1, z=(2,)),
        Failed(1, (2,)),
        OSError(2, "no", "file"),
        ExceptionGroup("many", [ValueError(1), Failed(2)]),
        ActorStartError("a", ValueError("b")),
        Down(Colour.RED, Colour.RED, ValueError("b")),  # type: ignore[arg-type]
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_only_the_immutable_passes(value: object) -> None:
    assert accepted(value)


def slot_failed() -> SlotFailed:
    error = SlotFailed(1)
    error.place = []
    return error


REFUSED: list[tuple[Any, str, str, str]] = [
    ([], "message", "list", "can change"),
    ({}, "message", "dict", "can change"),
    (set(), "message", "set", "can change"),
    (bytearray(), "message", "bytearray", "can change"),
    (collections.deque(), "message", "deque", "can change"),
    (collections.OrderedDict(), "message", "OrderedDict", "can change"),
    (array.array("b"), "message", "array", "not known to be immutable"),
    (memoryview(b""), "message", "memoryview", "view of memory"),
    (types.MappingProxyType({}), "message", "mappingproxy", "view of a dict"),
    ((1, (2, [3])), "message[1][1]", "list", "can change"),
    (Place(1, [2]), "message.y", "list", "can change"),
    (PlaceWithMore(1), "message", "PlaceWithMore", "attributes beside its fields"),
    (Order(1, "a", 1.0, True, ("x", [])), "message.lines[1]", "list", "can change"),
    (Order([], "a", 1.0, True), "message.number", "list", "can change"),
    (Loose(1, Loose(2, {})), "message.inner.inner", "dict", "can change"),
    (Box([1]), "message.content", "list", "can change"),
    (Thawed(), "message", "Thawed", "is a mutable dataclass"),
    (Undecorated(1), "message", "Undecorated", "is no dataclass itself, only its base class Loose is"),
    (Listed(), "message", "Listed", "contents of a list"),
    (Attrs([]), "message.x", "list", "can change"),
    (AttrsLoose([]), "message.x", "list", "can change"),
    (AttrsOld([]), "message.x", "list", "can change"),
    (AttrsHeir(1, 2, []), "message.z", "list", "can change"),
    (AttrsThawed(1), "message", "AttrsThawed", "is a mutable attrs class"),
    (AttrsUndecorated(1), "message", "AttrsUndecorated", "is no attrs class itself, only its base class Attrs is"),
    (Struct([]), "message.x", "list", "can change"),
    (StructHeir(1, z=[]), "message.z", "list", "can change"),
    (StructThawed(1), "message", "StructThawed", "is a mutable Struct"),
    (Word("a"), "message", "Word", "is a subclass of str"),
    (collections.UserList(), "message", "UserList", "not known to be immutable"),
    (dt.datetime(2020, 1, 1, tzinfo=Zone()), "message.tzinfo", "Zone", "not known to be immutable"),
    (dt.time(1, tzinfo=Zone()), "message.tzinfo", "Zone", "not known to be immutable"),
    (ValueError(1, [2]), "message.args[1]", "list", "can change"),
    (Failed(1, []), "message.detail", "list", "can change"),
    (slot_failed(), "message.place", "list", "can change"),
    (OSError(2, "no", bytearray(b"file")), "message.filename", "bytearray", "can change"),
    (ExceptionGroup("many", [ValueError(1), Failed(2, [])]), "message.exceptions[1].detail", "list", "can change"),
    (ActorDeadError("a", "b", [1]), "message.args[2]", "list", "can change"),
    (np.zeros(2), "message", "ndarray", "numpy array"),
    (np.zeros(1, dtype="i4,i4")[0], "message", "void", "record of numpy"),
    (len, "message", "builtin_function_or_method", "is a function"),
    (lambda: 0, "message", "function", "is a function"),
    ([].append, "message", "builtin_function_or_method", "is a function"),
    (Loose(1).__eq__, "message", "method", "is a method"),
    (functools.partial(len, ""), "message", "partial", "is a function"),
    ((x for x in ""), "message", "generator", "under way"),
    (types, "message", "module", "is a module"),
    (threading.Lock(), "message", "lock", "is a lock"),
    (threading.RLock(), "message", "RLock", "is a lock"),
    (types.SimpleNamespace(), "message", "SimpleNamespace", "not known to be immutable"),
]


@pytest.mark.parametrize(("value", "path", "kind", "why"), REFUSED, ids=[f"{row[2]}-{row[1]}" for row in REFUSED])
def test_what_can_change_is_refused_by_path_kind_and_reason(value: object, path: str, kind: str, why: str) -> None:
    for _ in range(2):  # the second time, the class is known
        error = refusal(value)
        assert (error.path, error.kind) == (path, kind)
        assert why in error.why
    assert refusal((0, value)).path == f"message[1]{path.removeprefix('message')}"


def test_the_path_into_a_frozenset_is_in_braces() -> None:
    assert refusal(frozenset({types.SimpleNamespace.__new__, 1}.difference({1}))).path == "message{0}"


def test_an_array_that_may_not_be_written_is_refused_as_its_memory_may_be() -> None:
    memory = np.zeros(2)
    view = memory[:]
    view.flags.writeable = False
    assert refusal(view).kind == "ndarray"


def test_the_first_of_several_is_named() -> None:
    assert refusal((1, (2, (3, []), {}), [])).path == "message[1][1][1]"


def test_a_value_of_another_type_than_the_first_instance_had_is_looked_at() -> None:
    Kind = make_dataclass("Kind", ["a", "b", "c"], frozen=True)  # noqa: N806
    assert accepted(Kind(1, "x", None))
    assert accepted(Kind(None, (1, ("x",)), Kind(1.5, Colour.RED, frozenset())))
    assert refusal(Kind(1, "x", [])).path == "message.c"
    assert refusal(Kind(1, ([],), None)).path == "message.b[0]"
    Held = make_dataclass("Held", ["a"], frozen=True)  # noqa: N806
    assert refusal(Held([])).path == "message.a"
    assert accepted(Held(1))
    Tupled = make_dataclass("Tupled", ["a"], frozen=True)  # noqa: N806
    assert accepted(Tupled((1,)))
    assert refusal(Tupled(([],))).path == "message.a[0]"


def test_attributes_that_are_no_fields_are_not_looked_at() -> None:
    one = Loose(1)
    assert one.parts == [1]
    assert "parts" in vars(one)
    assert accepted(one)


def raise_with_a_cause() -> None:
    try:
        raise ValueError([])  # noqa: TRY301
    except ValueError as cause:
        raise Failed(1) from cause


def test_notes_traceback_cause_and_context_of_an_exception_are_not_looked_at() -> None:
    with pytest.raises(Failed) as caught:
        raise_with_a_cause()
    caught.value.add_note("a note")
    assert accepted(caught.value)


def test_where_an_attribute_was_missing_is_not_looked_at() -> None:
    with pytest.raises(AttributeError) as caught:
        [].nothing  # type: ignore[attr-defined]  # noqa: B018
    assert caught.value.obj == []
    assert accepted(caught.value)


def test_attributes_added_to_an_exception_are_looked_at() -> None:
    error = ValueError(1)
    assert accepted(error)
    error.more = []  # type: ignore[attr-defined]
    assert refusal(error).path == "message.more"


@pytest.mark.parametrize("slots", [True, False])
def test_a_field_without_a_value_is_told(slots: bool) -> None:
    Half = make_dataclass("Half", ["a", "b"], frozen=True, slots=slots)  # noqa: N806
    half = object.__new__(Half)
    object.__setattr__(half, "a", 1)
    for _ in range(2):
        error = refusal((half,))
        assert (error.path, error.kind, error.why) == ("message[0]", "Half", "has no value in its field 'b'")
    assert accepted(Half(1, 2))


# -- declared classes -------------------------------------------------------------------------------------------------------


def test_a_declared_class_passes_for_the_registry_that_has_it_only() -> None:
    value = (Word("a"), Loose(1, Word("b")))
    assert refusal(value).path == "message[0]"
    assert accepted(value, Declaring(Word))
    assert refusal(value).path == "message[0]"
    assert refusal(value, Declaring(Place)).path == "message[0]"
    assert accepted(Word("a"), Declaring(Word))
    assert accepted(Loose(1, []), Declaring(Loose))
    assert accepted(dt.time(1, tzinfo=Zone()), Declaring(Zone))


@pytest.mark.parametrize("given_", [3, list])
def test_a_registry_that_is_none_is_refused_by_its_value(given_: Any) -> None:
    with pytest.raises(TypeError, match=r"registry=.* is not valid: a Registry, or None"):
        check_immutable([1], registry=given_)


def test_a_subclass_of_a_declared_class_is_another_class() -> None:
    class Longer(Word):
        pass

    assert refusal(Longer("a"), Declaring(Word)).kind == "Longer"


# -- any shape --------------------------------------------------------------------------------------------------------------

atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from([*Mode]) | st.dates() | st.times()


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4).map(tuple)
        | st.builds(Place, inner, inner)
        | st.builds(Order, atoms, atoms, atoms, atoms, inner)
        | st.builds(Loose, inner, inner)
        | st.builds(Attrs, inner, atoms)
        | st.builds(Struct, inner, atoms)
        | st.builds(Failed, atoms, inner)
    )


@given(st.recursive(atoms, wrapped, max_leaves=20))
def test_nested_at_random_the_immutable_passes(value: Any) -> None:
    assert accepted(value)


WAYS: list[tuple[str, Any]] = [
    ("[0]", lambda inner, a: (inner, a)),
    ("[2]", lambda inner, a: (a, a, inner, a)),
    (".x", Place),
    (".y", lambda inner, a: Place(a, inner)),
    (".lines", lambda inner, a: Order(a, a, a, a, inner)),
    (".customer", lambda inner, a: Order(a, inner, a, a)),
    (".inner", lambda inner, a: Loose(a, inner)),
    (".number", Loose),
    (".x", lambda inner, a: Attrs(inner)),
    (".x", lambda inner, a: AttrsLoose(inner)),
    (".x", lambda inner, a: Struct(inner)),
    (".detail", lambda inner, a: Failed(1, inner)),
    (".args[1]", lambda inner, a: ValueError(a, inner)),
]
leaves = st.sampled_from([[], {}, set(), bytearray(), Thawed(), Undecorated(1), Word("a"), len])


@given(leaves, st.lists(st.tuples(st.sampled_from(WAYS), st.recursive(atoms, wrapped, max_leaves=5)), max_size=8))
def test_one_mutable_leaf_anywhere_is_refused_with_exactly_its_path(leaf: Any, ways: list[Any]) -> None:
    value, path = leaf, ""
    for (part, build), beside in ways:
        value, path = build(value, beside), f"{part}{path}"
    error = refusal(value)
    assert (error.path, error.kind) == (f"message{path}", type(leaf).__name__)


def nested(inner: Any, levels: int) -> Any:
    for _ in range(levels):
        inner = (inner,)
    return inner


def test_a_million_levels_are_walked() -> None:
    levels = scaled(1_000_000, 200_000)
    assert is_immutable(nested(1, levels))
    with pytest.raises(MutableMessageError) as caught:
        check_immutable(nested([], levels))
    assert re.fullmatch(rf"message(\[0\]){{49}}\.\.\.\({levels - 99} more\)\.\.\.(\[0\]){{50}}", caught.value.path)


def test_a_chain_of_frozen_objects_is_walked() -> None:
    chain: Any = None
    for number in range(50_000):
        chain = Loose(number, chain)
    assert accepted(chain)
    while chain is not None:  # freed link by link: all at once would be a recursion
        chain = chain.inner


@pytest.mark.parametrize("leaf", [1, []])
def test_what_is_shared_is_walked_once(leaf: Any) -> None:
    value: Any = leaf
    for _ in range(100):
        value = (value, value)
    assert is_immutable(value) == (leaf == 1)
    assert refusal((value, [])).path.endswith("[1]" if leaf == 1 else "[0]")
    if leaf != 1:
        assert refusal(value).path.count("[0]") >= 99
    assert accepted(functools.reduce(lambda inner, _: Loose(1, (inner, inner)), range(100), 1))


def test_a_cycle_of_frozen_objects_ends() -> None:
    one = Loose(1)
    two = Loose(2, (one,))
    object.__setattr__(one, "inner", two)
    assert accepted(one)
    assert refusal((one, [])).path == "message[1]"
    object.__setattr__(two, "number", [])
    assert refusal(one).path == "message.inner.number"


def test_a_cycle_through_a_list_is_refused_at_the_list() -> None:
    items: list[Any] = []
    items.append((items,))
    assert refusal(tuple(items)).path == "message[0][0]"


# -- no code of the value runs ----------------------------------------------------------------------------------------------


def hostile(*_args: object, **_kwargs: object) -> Any:
    msg = "code of the value ran"
    raise AssertionError(msg)


NAMES = "eq hash repr str iter len bool contains getattribute getattr reduce copy getitem"
HOSTILE = {f"__{name}__": hostile for name in NAMES.split()}


@pytest.mark.parametrize("slots", [True, False])
def test_a_frozen_dataclass_is_read_without_its_code(slots: bool) -> None:
    Wild = make_dataclass("Wild", ["a", "b"], frozen=True, eq=False, repr=False, slots=slots, namespace=HOSTILE)  # noqa: N806
    assert accepted(Wild(1, ("x",)))
    assert refusal((Wild(1, []),)).path == "message[0].b"
    half = object.__new__(Wild)
    assert refusal(half).why == "has no value in its field 'a'"


def test_a_missing_field_does_not_run_getattr() -> None:
    Lazy = make_dataclass("Lazy", ["a"], frozen=True, namespace={"__getattr__": hostile})  # noqa: N806
    assert accepted(Lazy(1))
    assert refusal(object.__new__(Lazy)).why == "has no value in its field 'a'"


def test_tuples_and_exceptions_are_read_without_their_code() -> None:
    WildPlace = type("WildPlace", (Place,), {"__slots__": (), **HOSTILE})  # noqa: N806
    assert accepted(tuple.__new__(WildPlace, (1, 2)))
    assert refusal(tuple.__new__(WildPlace, (1, []))).path == "message.y"
    WildError = type("WildError", (Exception,), {"args": property(hostile), "__dict__": property(hostile), **HOSTILE})  # noqa: N806
    error = BaseException.__new__(WildError, [])
    assert refusal(error).path == "message.args[0]"


def test_an_unknown_object_is_refused_without_its_code() -> None:
    Wild = type("Wild", (), {"__class__": property(hostile), **HOSTILE})  # noqa: N806
    assert refusal((Wild(),)).kind == "Wild"
    assert refusal(Loose(1, Wild())).path == "message.inner"


def test_a_class_with_a_hash_of_its_own_is_judged_without_it() -> None:
    Meta = type("Meta", (type,), {"__eq__": hostile, "__hash__": hostile, "__getattribute__": hostile, "__instancecheck__": hostile})  # noqa: N806
    Odd = Meta("Odd", (), {})  # noqa: N806
    assert refusal(Odd()).kind == "Odd"
    assert accepted(Odd)


def test_a_field_that_a_descriptor_computes_is_refused() -> None:
    class Computed:
        def __get__(self, instance: object, owner: object) -> Any:
            return 1 if instance is None else hostile()

        def __set__(self, instance: object, value: object) -> None:
            pass

    @dataclass(frozen=True)
    class Sneaky:
        a: Any = Computed()  # noqa: RUF009

    error = refusal((Sneaky(),))
    assert error.path == "message[0]"
    assert "computes its field 'a': a Computed" in error.why


def test_a_default_that_is_a_function_is_no_descriptor() -> None:
    @dataclass(frozen=True)
    class Called:
        a: Any = len
        b: Any = lambda: 0

    assert accepted(Called(1, int))
    assert refusal(Called(1)).path == "message.b"


def test_init_only_and_class_variables_are_no_fields() -> None:
    assert accepted(Box(1))
    with_factory = make_dataclass("Made", [("a", list, field(default_factory=list))], frozen=True)
    assert refusal(with_factory()).path == "message.a"


def test_what_poses_as_a_numpy_scalar_or_a_struct_is_refused() -> None:
    class Heir(np.float64):
        pass

    assert refusal(Heir(1)).kind == "Heir"
    assert refusal(type("generic", (), {})()).kind == "generic"
    assert refusal(type("Struct", (), {"__module__": 1})()).kind == "Struct"


# -- what is remembered of classes ------------------------------------------------------------------------------------------


def remembered() -> tuple[int, int, int]:
    gc.collect()
    return len(immutable._rests), len(immutable._plain), len(immutable._references)


def make_and_check() -> list[weakref.ref[type]]:
    Node = make_dataclass("Node", ["a", "next"], frozen=True)  # noqa: N806
    assert accepted(Node(1, Node(2, None)))
    Short = enum.Enum("Short", "A")  # noqa: N806
    assert accepted((Short.A, Node(Short.A, None)))
    Bad = type("Bad", (), {})  # noqa: N806
    assert refusal(Bad())
    Broken = type("Broken", (Exception,), {"__slots__": ("x",)})  # noqa: N806
    assert accepted(Broken(1))
    Pair = collections.namedtuple("Pair", "a b")  # type: ignore[misc]  # noqa: PYI024
    assert accepted(Pair(1, 2))
    return [weakref.ref(cls) for cls in (Node, Short, Bad, Broken, Pair)]


def test_classes_are_not_kept_alive_and_nothing_stays_of_them() -> None:
    make_and_check()  # what is learned of classes that stay is learned by this
    before = remembered()
    for _ in range(3):
        gone = make_and_check()
        gc.collect()
        assert [reference() for reference in gone] == [None] * len(gone)
    assert remembered() == before


def test_a_class_in_the_place_of_another_is_judged_anew() -> None:
    for number in range(200):
        frozen = number % 3 == 0
        cls = make_dataclass("Made", ["a"], frozen=frozen)
        assert is_immutable(cls(1)) is frozen
        del cls
        gc.collect(0)


def test_threads_that_judge_the_same_classes_at_once_agree() -> None:
    classes = [make_dataclass(f"C{number}", ["a", "b"], frozen=number % 2 == 0) for number in range(100)]
    start = threading.Barrier(4)
    answers: list[list[bool]] = []

    def judge() -> None:
        start.wait(10)
        answers.append([is_immutable(cls(1, ("x",))) for cls in classes])

    threads = [threading.Thread(target=judge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [[number % 2 == 0 for number in range(100)]] * 4
