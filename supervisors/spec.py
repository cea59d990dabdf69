"""What a child is and how it is to be treated: declared once, checked when it is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from actors import Actor, ActorRef, Isolation
from actors._core.options import DispatcherKind, check_mailbox
from actors._core.supervision import WhileDown
from actors._core.tree import NAME
from supervisors.errors import ChildSpecError
from supervisors.policy import AutoShutdown, Backoff, Limit, Restart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors._core.mailbox import Mailbox

__all__ = ["AskFailure", "ChildSpec", "Shutdown", "WhileDown", "check_significant", "checked", "child"]

A = TypeVar("A", bound=Actor)

_NONE: Mapping[str, Any] = MappingProxyType({})
DEADLINE = 5.0  # seconds that a worker has to end, if its spec does not say


class Shutdown(Enum):
    """How a child is ended, where that is not a number of seconds."""

    KILL = "kill"
    """At once, without its hooks."""

    INFINITY = "infinity"
    """It may take as long as it takes."""


class AskFailure(Enum):
    """What an exception is while an ask is handled."""

    ANSWERED = "answered"
    """Told to the asker; the actor lives on, as in pykka."""

    CRASH = "crash"
    """Told to the asker, and a crash as well."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ChildSpec(Generic[A]):
    """A child of a supervisor. `child()` makes one in fewer words.

    Args:
        actor_class: what is started.
        args: for its ``__init__``, now and at each restart. The spec of an earlier sibling stands for its ref of that time;
            any other is for a `PartitionSupervisor`, which makes its children of it.
        kwargs: likewise.
        name: unique among the children; None takes the attribute's name, or else that of the class (none under a DynamicSupervisor).
        restart: whether it is restarted.
        shutdown: how it is ended: seconds until it is killed, or a member of `Shutdown`. None: 5 seconds, INFINITY for a supervisor.
        significant: whether its end may end its supervisor; see `AutoShutdown`.
        backoff: how long to wait before each restart; None: not at all.
        limit: how many restarts of this child are too many, besides what its supervisor allows for all.
        ask_failure: whether an exception while it answers an ask is a crash.
        redeliver: how often the message that crashed it comes back to its next instance, before it is a dead letter. For an ask
            that counts as a crash, the asker goes on waiting meanwhile.
        while_down: what becomes of its mail while it is down.
        start_timeout: seconds that ``__init__`` and `on_start` may take before the start has failed; None: as long as it takes.
        dispatcher: in place of what the class declares.
        mailbox: in place of what the class declares.
        isolation: in place of what the class declares.

    Raises:
        ChildSpecError: something does not fit; it names the parameter and the value.
    """

    actor_class: type[A]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    name: str | None = None
    restart: Restart = Restart.PERMANENT
    shutdown: float | Shutdown | None = None
    significant: bool = False
    backoff: Backoff | None = None
    limit: Limit | None = None
    ask_failure: AskFailure = AskFailure.ANSWERED
    redeliver: int = 0
    while_down: WhileDown = WhileDown.KEEP
    start_timeout: float | None = None
    dispatcher: DispatcherKind | None = None
    mailbox: Mailbox | None = None
    isolation: Isolation | None = None

    def __post_init__(self) -> None:
        _check(self)
        # Nobody who holds the dict that was given can change what is declared.
        object.__setattr__(self, "kwargs", MappingProxyType(dict(self.kwargs)) if self.kwargs else _NONE)

    def replace(self, **changes: Any) -> ChildSpec[A]:
        """Return a spec with some parameters changed."""
        return replace(self, **changes)

    @property
    def is_supervisor(self) -> bool:
        """Whether the child is a supervisor itself."""
        return self.actor_class._greenroom_supervises

    @property
    def takes_specs(self) -> bool:
        """Whether a spec among its arguments is given to it as it is, unless it is an earlier sibling's."""
        return getattr(self.actor_class, "_takes_specs", False)

    @property
    def deadline(self) -> float | None:
        """Seconds that its end may take; None: as long as it takes."""
        if self.shutdown is None:
            return None if self.is_supervisor else DEADLINE
        return None if isinstance(self.shutdown, Shutdown) else self.shutdown

    @overload
    def __get__(self, supervisor: None, owner: type) -> Self: ...

    @overload
    def __get__(self, supervisor: object, owner: type | None = None) -> ActorRef[A]: ...

    def __get__(self, supervisor: Any, owner: type | None = None) -> Any:
        """Return the ref that the child has now, where the spec is an attribute of a supervisor's class."""
        return self if supervisor is None else cast("ActorRef[A]", supervisor._ref_of(self))


def child(
    actor_class: type[A],
    *args: Any,
    name: str | None = None,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | Shutdown | None = None,
    significant: bool = False,
    backoff: Backoff | None = None,
    limit: Limit | None = None,
    ask_failure: AskFailure = AskFailure.ANSWERED,
    redeliver: int = 0,
    while_down: WhileDown = WhileDown.KEEP,
    start_timeout: float | None = None,
    dispatcher: DispatcherKind | None = None,
    mailbox: Mailbox | None = None,
    isolation: Isolation | None = None,
    **kwargs: Any,
) -> ChildSpec[A]:
    """Return the spec of a child; what is not a parameter of `ChildSpec` goes to the child's ``__init__``.

    An argument of ``__init__`` that has the name of a parameter here is passed by position, or in a `ChildSpec` written out.
    """
    return ChildSpec(
        actor_class=actor_class,
        args=args,
        kwargs=kwargs,
        name=name,
        restart=restart,
        shutdown=shutdown,
        significant=significant,
        backoff=backoff,
        limit=limit,
        ask_failure=ask_failure,
        redeliver=redeliver,
        while_down=while_down,
        start_timeout=start_timeout,
        dispatcher=dispatcher,
        mailbox=mailbox,
        isolation=isolation,
    )


def _check(spec: ChildSpec[Any]) -> None:
    actor_class = spec.actor_class
    if not (isinstance(actor_class, type) and issubclass(actor_class, Actor)):
        raise ChildSpecError("actor_class", actor_class, "a subclass of actors.Actor")
    if not isinstance(spec.args, tuple):
        raise ChildSpecError("args", spec.args, "a tuple")
    if not (isinstance(spec.kwargs, Mapping) and all(isinstance(key, str) for key in spec.kwargs)):
        raise ChildSpecError("kwargs", spec.kwargs, "a mapping with names as keys")
    if spec.name is not None and not (isinstance(spec.name, str) and NAME.fullmatch(spec.name)):
        raise ChildSpecError("name", spec.name, "1 to 128 of the letters A-Z a-z 0-9 and - _ . ~ + @")
    _check_members(spec)
    _check_figures(spec)
    _check_together(spec)


def _check_together(spec: ChildSpec[Any]) -> None:
    """Check what fits alone, but not with something else."""
    actor_class = spec.actor_class
    if spec.significant and spec.restart is Restart.PERMANENT:
        raise ChildSpecError("significant", spec.significant, "a permanent child is always restarted, and so never ends by itself")
    if spec.restart is Restart.TEMPORARY:
        for name, idle in (("backoff", None), ("limit", None), ("redeliver", 0), ("while_down", WhileDown.KEEP)):
            if getattr(spec, name) != idle:
                raise ChildSpecError(name, getattr(spec, name), "a temporary child is never restarted")
    if spec.redeliver and actor_class._greenroom_options.reentrant:
        raise ChildSpecError("redeliver", spec.redeliver, f"{actor_class.__qualname__} is reentrant: its messages are under way together")
    if spec.dispatcher not in (None, DispatcherKind.EVENT_LOOP) and actor_class._greenroom_async:
        raise ChildSpecError("dispatcher", spec.dispatcher, f"the async handlers of {actor_class.__qualname__} need an event loop")


def _check_members(spec: ChildSpec[Any]) -> None:
    """Check what is a member of an enum, or an object of one class, or a truth value."""
    kinds: dict[str, Any] = {"restart": Restart, "ask_failure": AskFailure, "while_down": WhileDown}
    for name, kind in kinds.items():
        if not isinstance(getattr(spec, name), kind):
            raise ChildSpecError(name, getattr(spec, name), f"a member of {kind.__name__}")
    kinds = {"backoff": Backoff, "limit": Limit, "dispatcher": DispatcherKind, "isolation": Isolation}
    for name, kind in kinds.items():
        if not isinstance(getattr(spec, name), kind | None):
            raise ChildSpecError(name, getattr(spec, name), f"{'an' if kind is Isolation else 'a'} {kind.__name__}, or None")
    if not isinstance(spec.significant, bool):
        raise ChildSpecError("significant", spec.significant, "True or False")
    if spec.mailbox is not None:
        try:
            check_mailbox(spec.mailbox)
        except TypeError:
            raise ChildSpecError("mailbox", spec.mailbox, "Unbounded(), Bounded(...) or Priority(...), or None") from None


def _check_figures(spec: ChildSpec[Any]) -> None:
    if not isinstance(spec.shutdown, Shutdown | None) and not _seconds(spec.shutdown):
        raise ChildSpecError("shutdown", spec.shutdown, "seconds, more than 0, or a member of Shutdown, or None")
    if spec.start_timeout is not None and not _seconds(spec.start_timeout):
        raise ChildSpecError("start_timeout", spec.start_timeout, "seconds, more than 0, or None")
    if isinstance(spec.redeliver, bool) or not isinstance(spec.redeliver, int) or spec.redeliver < 0:
        raise ChildSpecError("redeliver", spec.redeliver, "a whole number, 0 or more")


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def checked(specs: Iterable[Any], where: str) -> list[ChildSpec[Any]]:
    """Return specs with a name each, in the order given.

    Raises:
        ChildSpecError: something is no spec, a name comes twice, or a child is an argument of an earlier one.
    """
    found: dict[str, ChildSpec[Any]] = {}
    known: set[ChildSpec[Any]] = set()
    try:
        given = list(specs)
    except TypeError:
        raise ChildSpecError(where, specs, "an iterable of ChildSpec") from None
    for spec in given:
        if not isinstance(spec, ChildSpec):
            raise ChildSpecError(where, spec, "a ChildSpec; child(...) makes one")
        name = spec.name or vars(spec).get("attribute") or spec.actor_class.__name__
        if name in found:
            raise ChildSpecError("name", name, f"two children of {where} have it")
        for sibling in (*spec.args, *spec.kwargs.values()):
            if isinstance(sibling, ChildSpec) and sibling not in known and not spec.takes_specs:
                raise ChildSpecError("args", sibling, f"{name!r} depends on a child that is not declared before it")
        known.add(spec)
        found[name] = spec
    return list(found.values())


def check_significant(spec: ChildSpec[Any], auto_shutdown: AutoShutdown) -> None:
    """Check that a child which is significant is so to its supervisor.

    Raises:
        ChildSpecError: it is not.
    """
    if spec.significant and auto_shutdown is AutoShutdown.NEVER:
        raise ChildSpecError("significant", spec.significant, f"the supervisor of {name_of(spec)!r} has auto_shutdown=AutoShutdown.NEVER")


def name_of(spec: ChildSpec[Any]) -> str:
    """Return the name of a child that has to have one."""
    return spec.name or vars(spec).get("attribute") or spec.actor_class.__name__
