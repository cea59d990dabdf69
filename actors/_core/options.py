"""What a class declares about its actors, as class keywords, checked when the class is made."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from actors._core.handlers import is_handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Bounded, Mailbox, Priority, Unbounded
from actors.errors import HandlerDeclarationError

__all__ = ["AS_DECLARED", "DispatcherKind", "Options", "Overrides", "check_async", "check_mailbox", "fold_options", "note_own_keywords"]


class DispatcherKind(Enum):
    """How the turns of an actor get a thread."""

    POOL = "pool"
    """A few threads shared by all; for plain handlers. A handler that waits in `get()` holds no thread."""

    THREAD = "thread"
    """A thread of its own, as pykka's actors have; for thread-bound libraries and handlers that hold locks while they wait."""

    EVENT_LOOP = "event_loop"
    """An asyncio event loop; for async handlers."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one class, or of one actor where `spawn` said otherwise."""

    dispatcher: DispatcherKind | None = None
    mailbox: Mailbox = Unbounded()  # noqa: RUF009  # frozen
    mailbox_declared: bool = False
    isolation: Isolation | None = None  # None: the system's
    stash_capacity: int = 1000
    reentrant: bool = False
    own_context: bool = False

    def merged(self, keywords: dict[str, Any]) -> Options:
        """Return these options with `keywords` (those not None) laid over them, checked by name and value."""
        given = {name: value for name, value in keywords.items() if value is not None}
        if "dispatcher" in given and not isinstance(given["dispatcher"], DispatcherKind):
            msg = f"dispatcher={given['dispatcher']!r} is not valid: use a member of DispatcherKind"
            raise TypeError(msg)
        if "isolation" in given and not isinstance(given["isolation"], Isolation):
            msg = f"isolation={given['isolation']!r} is not valid: use a member of Isolation"
            raise TypeError(msg)
        if "mailbox" in given:
            check_mailbox(given["mailbox"])
            given["mailbox_declared"] = True
        for name in ("reentrant", "own_context"):
            if not isinstance(given.get(name, False), bool):
                msg = f"{name}={given[name]!r} is not valid: True or False"
                raise TypeError(msg)
        capacity = given.get("stash_capacity", 1)
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            msg = f"stash_capacity={capacity!r} is not valid: a whole number of messages, 1 or more"
            raise ValueError(msg)
        return replace(self, **given) if any(getattr(self, name) != value for name, value in given.items()) else self


class Overrides(NamedTuple):
    """What `spawn` was given in place of what the class declares; None: as declared."""

    dispatcher: DispatcherKind | None = None
    mailbox: Mailbox | None = None
    isolation: Isolation | None = None


AS_DECLARED = Overrides()


def check_mailbox(mailbox: object) -> None:
    """Raise TypeError unless `mailbox` is a mailbox declaration."""
    if not isinstance(mailbox, Unbounded | Bounded | Priority):
        msg = f"mailbox={mailbox!r} is not valid: use Unbounded(), Bounded(...) or Priority(...)"
        raise TypeError(msg)


def note_own_keywords(failure: BaseException, actor_class: type[Any], **given: object) -> None:
    """Add a note to `failure` for each keyword that spawn() was given and took, although ``__init__`` has one of that name."""
    parameters = inspect.signature(actor_class.__init__).parameters
    for keyword, value in given.items():
        if value is not None and keyword in parameters:
            failure.add_note(
                f"{keyword}= is spawn()'s own keyword and does not reach {actor_class.__qualname__}.__init__(): "
                "pass that argument by position, or rename the parameter"
            )


def fold_options(actor_class: Any, declared: dict[str, Any]) -> Options:
    """Note what a class declares itself; return its options: what it and its bases declare, the nearest in method resolution order first.

    Folded from the declarations and not from the options of one base, which cannot tell what it declares from what is a default.
    """
    actor_class._greenroom_declared = declared
    options = Options()
    for base in reversed(actor_class.__mro__):
        options = options.merged(vars(base).get("_greenroom_declared", {}))
    return options


def check_async(actor_class: type[Any], options: Options) -> bool:
    """Return whether the class has any async handler, hook or public method; raise if its options do not fit that."""
    is_async = actor_class._greenroom_awaits or _has_async_members(actor_class)
    if is_async and options.dispatcher in (DispatcherKind.POOL, DispatcherKind.THREAD):
        msg = f"{actor_class.__qualname__} has async handlers, which need dispatcher=DispatcherKind.EVENT_LOOP, not {options.dispatcher}"
        raise HandlerDeclarationError(msg)
    if options.reentrant and not is_async:
        msg = f"{actor_class.__qualname__}: reentrant=True is for classes with async handlers: only an await can admit another message"
        raise HandlerDeclarationError(msg)
    return is_async


def _has_async_members(actor_class: type[Any]) -> bool:
    for base in actor_class.__mro__:
        known = vars(base).get("_greenroom_async")  # of a class made before; the framework's own async methods do not count
        if known is not None:
            if known:
                return True
            continue
        for name, member in vars(base).items():
            counts = not name.startswith("_") or is_handler(member)
            if counts and callable(member) and inspect.iscoroutinefunction(inspect.unwrap(member)):
                return True
    return False
