"""Values of every kind that can travel, nested at random; and a comparison that lets no difference pass."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import struct
import zoneinfo
from decimal import Decimal
from pathlib import PosixPath, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import attrs
import msgspec
import numpy as np
from hypothesis import strategies as st

from actors import ActorRef, RemoteError
from tests.wire import classes as c


def _called(name: str, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same strategy under a short name: hypothesis tells of each what it is, and of these that would be pages."""

    def drawn(draw: st.DrawFn) -> Any:
        return draw(strategy)

    drawn.__name__ = name
    return st.composite(drawn)()


# -- values without parts ------------------------------------------------------------------------------------------------------

TEXTS = st.one_of(st.text(max_size=10), st.text(st.characters(categories=["Cs", "Ll", "So"]), max_size=6))
INTS = st.one_of(
    st.integers(-(2**65), 2**65),
    st.integers(-(2**300), 2**300),
    st.sampled_from([-(2**63) - 1, -(2**63), 2**63, 2**64 - 1, 2**64, 2**61 - 1, -1, -2]),
)
FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan]))
NATIVES = st.one_of(st.none(), st.booleans(), INTS, FLOATS, TEXTS, st.binary(max_size=10))

OFFSETS = st.timedeltas(dt.timedelta(microseconds=-86_399_999_999), dt.timedelta(microseconds=86_399_999_999))
FIXED = st.one_of(OFFSETS.map(dt.timezone), st.builds(dt.timezone, OFFSETS, st.text(max_size=5)), st.just(dt.UTC))
NAMED = st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Etc/GMT+5", "Asia/Kolkata"]).map(zoneinfo.ZoneInfo)
ZONES = st.one_of(st.none(), FIXED, NAMED)
FOLDS = st.sampled_from([0, 1])
DATETIMES = st.builds(lambda it, zone, fold: it.replace(tzinfo=zone, fold=fold), st.datetimes(), ZONES, FOLDS)
TIMES = st.builds(lambda it, zone, fold: it.replace(tzinfo=zone, fold=fold), st.times(), ZONES, FOLDS)
DECIMALS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).filter(lambda it: not it.is_snan()),  # which cannot be hashed
    st.sampled_from([Decimal(text) for text in ("-0", "0E+5", "1E+999999999", "1E-999999999", "-NaN123", "1.10", "Infinity")]),
)
PATHS = st.one_of(
    st.builds(PosixPath, TEXTS),
    st.builds(PurePosixPath, TEXTS, TEXTS),
    # pathlib itself takes some odd ones for others when it reads them again, like "./c:".
    st.builds(PureWindowsPath, TEXTS, TEXTS).filter(lambda path: PureWindowsPath(str(path)) == path),
)
FLAGS = st.one_of(st.sampled_from([*c.Access]), st.builds(lambda a, b: a | b, st.sampled_from([*c.Access]), st.sampled_from([*c.Access])))
MEMBERS = st.one_of(
    st.sampled_from([*c.Colour, *c.Level, *c.Word, c.Access(0), c.Loose(0)]), FLAGS, st.sampled_from([c.Loose.A | c.Loose.B])
)
# Python numbers with the same hash.
ALIKE = st.sampled_from([0, -1, -2, 2**61 - 1, 1 - 2**61, 0.0, Decimal(2**61 - 1), Decimal(-2), UUID(int=2**61 - 1)])

_DTYPES = ["?", "i1", "<i4", ">i4", "u8", "<f2", ">f8", "c8", "<M8[ns]", ">M8[D]", "m8[s]", "S3", "<U2", ">U2"]


def _array(dtype: str, shape: list[int], data: bytes, order: str) -> np.ndarray[Any, Any]:
    kind = np.dtype(dtype)
    count = math.prod(shape)
    if kind.kind in "US":
        flat = np.array([chr(97 + one % 26) for one in data[:count].ljust(count, b"a")], dtype=kind)
    elif kind.kind == "b":
        flat = np.array([one % 2 for one in data[:count].ljust(count, b"\0")], dtype=kind)
    else:
        flat = np.frombuffer(data.ljust(count * kind.itemsize, b"\1")[: count * kind.itemsize], dtype=kind)
    made = flat.reshape(shape).copy(order="F" if order == "F" else "C")
    return made[::-1, ...] if order == "reversed" and made.ndim else made.T if order == "turned" else made


ARRAYS = st.builds(
    _array,
    st.sampled_from(_DTYPES),
    st.one_of(st.lists(st.integers(0, 4), max_size=3), st.sampled_from([[40, 50], [2000], [30, 3, 20]])),
    st.binary(max_size=40),
    st.sampled_from(["C", "F", "reversed", "turned"]),
)
SCALARS = st.one_of(
    FLOATS.map(np.float64),
    st.integers(0, 255).map(np.uint8),
    st.booleans().map(np.bool_),
    st.text("ab", max_size=3).map(np.str_),
    st.sampled_from(
        [np.datetime64("2024-05-01T12:30"), np.datetime64("NaT"), np.timedelta64(5, "h"), np.complex64(1 + 2j), np.bytes_(b"ab")]
    ),
)

# What can be hashed, and equals itself.
ATOMS = _called(
    "atoms",
    st.one_of(
        NATIVES,
        DATETIMES,
        st.dates(),
        TIMES,
        st.timedeltas(),
        DECIMALS,
        st.uuids(),
        PATHS,
        MEMBERS,
        ALIKE,
        SCALARS,
    ),
)
PLAIN = st.builds(
    lambda cls, name, number, ratio, data: cls(name, number, ratio, data),
    st.sampled_from([c.Plain, c.AlsoPlain]),
    TEXTS,
    INTS,
    st.one_of(FLOATS, INTS),
    st.one_of(st.none(), st.binary(max_size=4)),
)

FLAT = st.builds(
    c.Flat,
    st.lists(TEXTS, max_size=4),
    st.dictionaries(TEXTS, INTS, max_size=3),
    st.one_of(st.none(), st.sets(INTS, max_size=4)),
    st.one_of(st.none(), st.lists(TEXTS, max_size=2)),
    st.lists(st.one_of(FLOATS, INTS), max_size=3).map(tuple),
)

# -- values with parts ---------------------------------------------------------------------------------------------------------


def _hashable_around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4).map(tuple),
        st.frozensets(inner, max_size=4),
        st.builds(c.Frozen, inner, inner),
        st.builds(c.FrozenSlots, inner),
        st.builds(c.AttrsFrozen, inner),
        st.builds(lambda key: c.StructFrozen(key=key), inner),
        st.builds(c.TypedTuple, inner, inner),
        st.builds(c.OldTuple, inner, inner),
        st.builds(c.Money, inner, inner),
    )


HASHABLE = _called("hashable", st.recursive(st.one_of(ATOMS, _called("plain", PLAIN)), _hashable_around, max_leaves=8))


def _remote(name: str, arguments: list[Any], text: str, notes: list[str]) -> RemoteError:
    return RemoteError(name, tuple(arguments), text, tuple(notes), "")


def _failed(arguments: list[Any], attribute: Any, notes: list[str]) -> c.Failed:
    made = c.Failed(*arguments)
    made.attribute = attribute  # type: ignore[attr-defined]
    for note in notes:
        made.add_note(note)
    return made


def _derived(given: int, late: Any) -> c.Derived:
    made = c.Derived(given)
    made.late = late
    return made


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=4)
    notes = st.lists(TEXTS, max_size=2)
    return st.one_of(
        several,
        several.map(tuple),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.builds(c.Mutable, INTS, inner),
        st.builds(c.Slots, inner, several),
        st.builds(lambda first, second: c.KeywordOnly(first=first, second=second), inner, inner),
        st.builds(c.Inherited, INTS, inner, inner),
        st.builds(c.Box, inner),
        st.builds(c.Frozen, inner, inner),
        st.builds(_derived, INTS, inner),
        st.builds(c.ByIdentity, inner),
        FLAT,
        FLAT.map(lambda it: c.Flat(it.names, it.counts, it.seen, it.names, it.pair)),  # one list in two fields
        st.builds(c.Rows, st.lists(st.lists(INTS, max_size=3), max_size=3)),
        st.builds(lambda first, second: c.AttrsMutable(first, private=second), inner, inner),
        st.builds(c.StructMutable, inner, inner),
        st.builds(c.TypedTuple, inner, inner),
        st.builds(c.Holder, inner),
        st.builds(c.WithCode, inner),
        st.builds(_failed, several, inner, notes),
        st.builds(_remote, TEXTS, several, TEXTS, notes),
        # The same object several times.
        inner.map(lambda one: [one, one]),
        inner.map(lambda one: {"a": one, "b": (one, [one])}),
        st.builds(lambda one, other: [c.Box(one), other, {"again": [one]}, c.Holder(one)], inner, inner),
    )


LEAVES = st.one_of(
    HASHABLE,
    FLAT,
    st.binary(max_size=10).map(bytearray),
    ARRAYS,
    st.sampled_from([Decimal("sNaN"), Decimal("-sNaN5")]),
    st.builds(list),
    st.builds(set),
    st.builds(dict),
    st.builds(c.Nothing),
    st.just(()),
    st.just(frozenset()),
)
VALUES = _called("values", st.recursive(_called("leaves", LEAVES), _around, max_leaves=12))


# -- the comparison ------------------------------------------------------------------------------------------------------------

_SETS = (set, frozenset)


def _attributes(value: Any) -> dict[Any, Any] | None:  # noqa: PLR0911  # one for each kind of class
    """What an instance is made of; None of what has no parts."""
    kind = type(value)
    if isinstance(value, BaseException):
        return {"args": value.args, **vars(value)}
    if issubclass(kind, tuple):
        return dict(enumerate(value))
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if attrs.has(kind):
        return {one.name: getattr(value, one.name) for one in attrs.fields(kind)}
    if issubclass(kind, msgspec.Struct):
        return {name: getattr(value, name) for name in kind.__struct_fields__}
    if kind in (c.Money, c.Holder):
        return vars(value)
    return None


def _leaf(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    """A value without parts, as something of which equality says all."""
    kind = type(value)
    if kind is float:
        return "nan" if math.isnan(value) else struct.pack(">d", value)
    if kind is Decimal:
        return value.as_tuple()
    if kind in (dt.datetime, dt.time):
        return value.replace(tzinfo=None), value.fold, _leaf(value.tzinfo)
    if kind is dt.timezone:
        return value.__getinitargs__()  # type: ignore[attr-defined]
    if kind is zoneinfo.ZoneInfo:
        return value.key
    if kind is np.ndarray:
        order = value.flags.f_contiguous and not value.flags.c_contiguous
        return value.dtype.str, value.shape, order, value.tobytes()
    if isinstance(value, np.generic):
        return value.dtype.str, value.tobytes()
    return value


def fingerprint(value: Any) -> str:
    """A text that is the same of two values that are the same in every respect but identity, whatever the order of their sets."""
    kind = type(value)
    parts = _attributes(value)
    if kind in _SETS:
        content: Any = sorted(map(fingerprint, value))
    elif kind is dict:
        content = [(fingerprint(key), fingerprint(one)) for key, one in value.items()]
    elif kind in (list, tuple):
        content = [fingerprint(one) for one in value]
    else:
        content = _leaf(value) if parts is None else [(name, fingerprint(one)) for name, one in parts.items()]
    return hashlib.sha256(f"{kind.__qualname__} {content!r}".encode("utf-8", "surrogatepass")).hexdigest()


def assert_same(one: Any, other: Any) -> None:
    """Fail unless two values are the same: types, values, and which of their objects are one object."""
    _Comparison().compare(one, other, "value")


class _Comparison:
    def __init__(self) -> None:
        self._forth: dict[int, Any] = {}
        self._back: dict[int, Any] = {}
        self._kept: list[Any] = []

    def compare(self, one: Any, other: Any, path: str) -> None:  # noqa: C901  # one for each kind of value
        assert type(one) is type(other), f"{path}: {type(one)} became {type(other)}"
        kind = type(one)
        if isinstance(one, ActorRef):
            assert one == other, path
            return
        attributes = _attributes(one)
        has_identity = kind in (list, dict, set, bytearray, np.ndarray) or attributes is not None
        if has_identity or (kind in (tuple, frozenset) and one):  # () is one object, wherever it comes from
            known = id(one) in self._forth
            assert known == (id(other) in self._back), f"{path}: shared on one side only"
            if known:
                assert self._forth[id(one)] is other, f"{path}: another object than before"
                return
            self._forth[id(one)], self._back[id(other)] = other, one
            self._kept += [one, other]
        if kind in (list, tuple):
            assert len(one) == len(other), path
            for index, (a, b) in enumerate(zip(one, other, strict=True)):
                self.compare(a, b, f"{path}[{index}]")
        elif kind is dict:
            assert len(one) == len(other), path
            for (key, a), (its, b) in zip(one.items(), other.items(), strict=True):
                self.compare(key, its, f"{path}{{key}}")
                self.compare(a, b, f"{path}[{key!r}]")
        elif kind in _SETS:
            # Elements are paired by what they are: their order may differ.
            assert sorted(map(fingerprint, one)) == sorted(map(fingerprint, other)), path
        elif attributes is not None:
            theirs = _attributes(other)
            assert theirs is not None
            assert attributes.keys() == theirs.keys(), path
            for name, a in attributes.items():
                self.compare(a, theirs[name], f"{path}.{name}")
        elif isinstance(one, float | Decimal | dt.datetime | dt.time | np.ndarray | np.generic):
            assert _leaf(one) == _leaf(other), f"{path}: {one!r} became {other!r}"
        else:
            assert one == other, f"{path}: {one!r} became {other!r}"
