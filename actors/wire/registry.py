"""The registry: which types may travel, and under which names. Whatever is not in it is neither written nor made."""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from actors._core.ref import ActorRef
from actors.errors import RegistrationError
from actors.wire import kinds
from actors.wire.atoms import ATOMS
from actors.wire.entries import EnumEntry, FieldsEntry, FunctionsEntry
from actors.wire.error_entry import ErrorEntry
from actors.wire.kinds import name_of
from actors.wire.shapes import check_name
from actors.wire.specs import NATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.wire.entries import Entry

__all__ = ["RegisteredType", "Registry"]

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


@dataclass(frozen=True, slots=True)
class RegisteredType:
    """One type of a registry, to look at.

    Attributes:
        name: under which it travels.
        version: of its fields.
        cls: the class.
        fields: their names, in the order in which they travel; none of an enum, an exception, or a type with functions.
        aliases: names under which it travelled before.
        unchecked: fields that take any value, because their annotation cannot be resolved where the class was declared.
    """

    name: str
    version: int
    cls: type[Any]
    fields: tuple[str, ...]
    aliases: tuple[str, ...]
    unchecked: tuple[str, ...]


class Registry:
    """Which types may travel as bytes, under which names.

    There is no global one: make one, register the types, give it to a `Codec`. What was registered stays registered. All methods may be
    called from any thread.

    Args:
        *others: registries whose types are taken over, for instance those of libraries.

    Raises:
        RegistrationError: two of them have the same type, or another type under the same name.
    """

    def __init__(self, *others: Registry) -> None:
        self._lock = threading.Lock()
        # Written under the lock, each entry once; read without it: a dict's lookup is one operation.
        self._by_class: dict[type[Any], Entry] = {}
        self._by_name: dict[str, Entry] = {}
        self._aliases: dict[type[Any], tuple[str, ...]] = {}
        self.immutable: frozenset[type[Any]] = frozenset()  # what `declare_immutable` was given; replaced as a whole under the lock
        for other in others:
            if not isinstance(other, Registry):
                msg = f"Registry({other!r}) is not valid: it takes other registries"
                raise TypeError(msg)
            for cls, entry in tuple(other._by_class.items()):
                self._enter(entry, other._aliases[cls], same=True)
            self.declare_immutable(*other.immutable)

    def __repr__(self) -> str:
        return f"<Registry of {len(self._by_class)} types>"

    def __contains__(self, cls: object) -> bool:
        return cls in self._by_class

    @property
    def types(self) -> tuple[RegisteredType, ...]:
        """What is registered, in the order of registration."""
        return tuple(
            RegisteredType(entry.shape.name, entry.shape.version, cls, entry.shape.fields or (), self._aliases[cls], entry.unchecked)
            for cls, entry in tuple(self._by_class.items())
        )

    @overload
    def register(
        self,
        cls: None = None,
        /,
        *,
        name: str | None = None,
        version: int = 1,
        aliases: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> Callable[[C], C]: ...

    @overload
    def register(
        self,
        cls: C,
        /,
        *,
        name: str | None = None,
        version: int = 1,
        aliases: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> C: ...

    def register(
        self,
        cls: Any = None,
        /,
        *,
        name: str | None = None,
        version: int = 1,
        aliases: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> Any:
        """Let instances of `cls` travel. Also a decorator: ``@registry.register`` or ``@registry.register(name="shop.Order")``.

        Instances of exactly this class: subclasses are registered by themselves. A dataclass is taken apart into its fields, and made
        again without a call of ``__init__``, but with one of ``__post_init__``; an exception likewise, of arguments, attributes and
        notes; attrs classes, Structs and named tuples by a call with all their fields, so that converters and validators run. Values
        that the annotation of a field excludes are refused on both sides; where it is an exception, a `RemoteError` is accepted, too.

        Args:
            cls: a dataclass, attrs class, msgspec Struct, enum, named tuple or exception.
            name: under which it travels; keep it when the class moves. None: its module and qualified name.
            version: of the fields; count it up when their meaning changes. Fields that come with a default, or go, need no new version.
            aliases: names under which it travelled before; they are still read.
            renamed: former names of fields, or of members of an enum, and the present ones.
            upgrades: for a version, a function from what came, a dict of fields, to what it is in the next version.

        Returns:
            `cls` itself.

        Raises:
            RegistrationError: it is of another kind; or the class, or one of the names, is registered already.
        """
        if cls is None:
            return lambda one: self.register(one, name=name, version=version, aliases=aliases, renamed=renamed, upgrades=upgrades)
        self._check_class(cls)
        former = self._check(cls, name, version, aliases, upgrades)
        if renamed is not None and not (
            isinstance(renamed, Mapping) and all(isinstance(one, str) for pair in renamed.items() for one in pair)
        ):
            raise RegistrationError(name_of(cls), f"renamed={renamed!r} is not valid: a dict of former names and present ones")
        self._enter(_entry_of(cls, name or name_of(cls), version, renamed or {}, upgrades or {}), former)
        return cls

    def register_functions(
        self,
        cls: type[T],
        *,
        encode: Callable[[T], Any],
        decode: Callable[[Any], T],
        name: str | None = None,
        version: int = 1,
        aliases: Iterable[str] = (),
        upgrades: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> type[T]:
        """Let instances of any class travel, by functions that take them apart and put them together.

        Args:
            cls: the class; instances of exactly this one.
            encode: returns something that can travel.
            decode: makes an instance of what `encode` returned. It may get anything that can travel: bytes come from anywhere.
            name: as for `register`.
            version: of what `encode` returns.
            aliases: as for `register`.
            upgrades: for a version, a function from what `encode` returned then to what it returns in the next version.

        Returns:
            `cls` itself.

        Raises:
            RegistrationError: the class, or one of the names, is registered already; or an argument is not valid.
        """
        self._check_class(cls)
        former = self._check(cls, name, version, aliases, upgrades)
        for what, function in (("encode", encode), ("decode", decode)):
            if not callable(function):
                raise RegistrationError(name_of(cls), f"{what}={function!r} is not valid: a function of one argument")
        self._enter(FunctionsEntry(cls, name or name_of(cls), version, upgrades or {}, encode, decode), former)
        return cls

    def declare_immutable(self, *classes: type[Any]) -> None:
        """Let instances of exactly these classes pass where only what cannot change does.

        For classes of which that cannot be seen. `Isolation.CHECK` accepts them, `Isolation.COPY` hands them on as they are; that they
        do not change is up to you. Declare them before a codec has copied one: what it has found out about a class stays.
        """
        for cls in classes:
            if not isinstance(cls, type):
                raise RegistrationError(repr(cls), "declare_immutable() takes classes")
        with self._lock:
            self.immutable |= frozenset(classes)

    def entry(self, cls: type[Any]) -> Entry | None:
        """Return what is known of a class, None if it is not registered. For codecs."""
        return self._by_class.get(cls)

    def named(self, name: str) -> Entry | None:
        """Return what is known of the class that is, or was, registered under `name`. For codecs."""
        return self._by_name.get(name)

    @staticmethod
    def _check_class(given: object) -> None:
        if isinstance(given, str):
            raise RegistrationError(repr(given), f"it is no class; for the name of one, write @registry.register(name={given!r})")
        if not isinstance(given, type):
            raise RegistrationError(name_of(given), "it is no class")
        if given in NATIVE or (given.__module__ == "builtins" and not issubclass(given, BaseException)):
            raise RegistrationError(name_of(given), "builtin types travel by themselves, or not at all")
        if given in ATOMS or given is ActorRef:
            raise RegistrationError(name_of(given), "it travels by itself")

    @staticmethod
    def _check(
        given: type[Any], name: str | None, version: object, aliases: Iterable[str], upgrades: Mapping[int, Callable[[Any], Any]] | None
    ) -> tuple[str, ...]:
        """Return the aliases, all arguments having been looked at."""
        subject = name_of(given)
        if isinstance(aliases, str) or not isinstance(aliases, Iterable):
            raise RegistrationError(subject, f"aliases={aliases!r} is not valid: several names, like ({str(aliases)!r},)")
        former = tuple(aliases)
        for one in (subject if name is None else name, *former):
            wrong = check_name(one)
            if wrong is not None:
                raise RegistrationError(subject, wrong)
        if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version < 1_000_000_000:  # noqa: PLR2004
            raise RegistrationError(subject, f"version={version!r} is not valid: a whole number, 1 or more")
        if upgrades is None:
            return former
        if not isinstance(upgrades, Mapping):
            raise RegistrationError(subject, f"upgrades={upgrades!r} is not valid: a dict of versions and functions")
        for step, upgrade in upgrades.items():
            if not isinstance(step, int) or isinstance(step, bool) or not 1 <= step < version or not callable(upgrade):
                raise RegistrationError(
                    subject, f"upgrades={{{step!r}: {upgrade!r}}} is not valid: an older version than {version}, and a function"
                )
        missing = [step for step in range(min(upgrades, default=version), version) if step not in upgrades]
        if missing:
            raise RegistrationError(subject, f"upgrades has no function for version {missing[0]}, which the ones before it lead to")
        return former

    def _enter(self, entry: Entry, aliases: tuple[str, ...], *, same: bool = False) -> None:
        names = (entry.shape.name, *aliases)
        with self._lock:
            if same and self._by_class.get(entry.cls) is entry:
                return
            if entry.cls in self._by_class:
                raise RegistrationError(name_of(entry.cls), f"it is registered already, as {self._by_class[entry.cls].shape.name!r}")
            for name in names:
                if name in self._by_name or names.count(name) > 1:
                    taken = self._by_name.get(name, entry).cls
                    raise RegistrationError(
                        name_of(entry.cls), f"the name {name!r} is taken by {name_of(taken)}: give it another with name="
                    )
            self._aliases[entry.cls] = aliases
            self._by_name.update(dict.fromkeys(names, entry))
            self._by_class[entry.cls] = entry


def _entry_of(
    cls: type[Any], name: str, version: int, renamed: Mapping[str, str], upgrades: Mapping[int, Callable[[Any], Any]]
) -> FieldsEntry | EnumEntry | ErrorEntry:
    """Return what is known of a class of one of the kinds that need no functions.

    Raises:
        RegistrationError: it is of none, or cannot be made again of what it has.
    """
    if issubclass(cls, BaseException):
        if renamed:
            raise RegistrationError(name_of(cls), "renamed= is for types with fields and enums")
        return ErrorEntry(cls, name, version, upgrades)
    if issubclass(cls, enum.Enum):
        if not kinds.is_enum(cls):
            raise RegistrationError(name_of(cls), "the enum has no members")
        return EnumEntry(cls, name, version, renamed, upgrades)
    found = kinds.fields_of(cls)
    if found is None:
        why = "it is no dataclass, attrs class, msgspec Struct, named tuple, enum or exception: use register_functions(), or @dataclass"
        raise RegistrationError(name_of(cls), why)
    return FieldsEntry(cls, name, version, renamed, upgrades, found)
