"""Persistent tasks as what a store can keep: how one is written down, and how a task is made again of that.

Code never comes out of a store. A function is a name that a `Jobs` has to know, an actor is a path, arguments and messages are decoded
by a `Codec`, which makes registered types only, and exceptions are those that Python has built in.
"""

from __future__ import annotations

import builtins
import json
from dataclasses import dataclass, fields
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from actors._core.ref import ActorRef
from actors._core.timers import TimerMode
from actors.errors import ActorError, CodecError
from actors.scheduler.recurrence import Cron, Every
from actors.scheduler.stored import StoredSchedule
from actors.scheduler.work import Interrupted, Kind, Missed, Options, Overlap, Retry, check_count, check_options
from actors.scheduler.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from actors.scheduler.jobs import Jobs
    from actors.wire import Codec

__all__ = ["ONCE", "Definition", "RevivalError", "define", "recurrence_of", "revive"]

ONCE: Final = "once"
_DEFAULTS: Final = Options(Kind.FUNCTION)
_KEPT: Final = ("priority", "deadline", "timeout", "retry", "overlap", "missed", "grace", "interrupted")  # of the options
_ENUMS: Final[dict[str, type[Enum]]] = {"overlap": Overlap, "missed": Missed, "interrupted": Interrupted}


class RevivalError(Exception):
    """A schedule of the store cannot go on before the program declares it. The text says why."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a task is made of.

    Attributes:
        work: a function, or the ref of an actor.
        given: its arguments, or the message.
        options: those of the task.
        recurrence: when it comes again; None of a one-off.
        times: how many runs there are in all.
    """

    work: Any
    given: Any
    options: Options
    recurrence: Every | Cron | None
    times: int | None


def define(definition: Definition, due: float, *, fixed: bool, jobs: Jobs, codec: Codec) -> StoredSchedule:
    """Write a definition down.

    Args:
        definition: of a task with a name.
        due: when its first run is due.
        fixed: whether a one-off is for that time, not for some seconds from now.
        jobs: where its function is.
        codec: for its arguments.

    Raises:
        ValueError: the function is not registered, or the zone of its cron expression has no name.
        CodecError: its arguments cannot be kept.
    """
    options, work = definition.options, definition.work
    assert options.name is not None
    target = work.path if isinstance(work, ActorRef) else jobs.name_of(work)
    if target is None:
        msg = f"work={work!r} is not valid with persist=True: register it first, with the Jobs that this scheduler was given"
        raise ValueError(msg)
    recurrence, zone = _recurrence_text(definition.recurrence)
    return StoredSchedule(
        name=options.name,
        kind=options.kind.name,
        target=target,
        arguments=codec.encode(definition.given),
        recurrence=f"at {due!r}" if fixed else recurrence,
        zone=zone,
        options=_options_text(options, definition.times),
        origin=definition.recurrence.origin if isinstance(definition.recurrence, Every) else due,
        due=due,
    )


def revive(stored: StoredSchedule, *, jobs: Jobs, codec: Codec, find: Callable[[str], Any]) -> Definition:
    """Return what a task is made of that was written down.

    Args:
        stored: the schedule.
        jobs: where its function is looked for.
        codec: for its arguments.
        find: returns the actor of a path, or None.

    Raises:
        RevivalError: something of it is not known here.
    """
    try:
        kind = Kind[stored.kind]
        message = kind in (Kind.TELL, Kind.ASK)
        given = codec.decode(stored.arguments)
        work = find(stored.target) if message else jobs.get(stored.target)
        if work is None:
            what = "there is no actor" if message else "no job is registered as"
            msg = f"{what} {stored.target!r}"
            raise RevivalError(msg)
        kept, times = _options_of(stored)
        options = check_options(work, (given,) if message else given, kept | {"kind": kind}, wall=True)
        return Definition(work, given, options, recurrence_of(stored), times)
    except CodecError as error:
        msg = f"its arguments cannot be read: {error}"
        raise RevivalError(msg) from error
    except (ActorError, AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        msg = f"this program does not know what it is: {type(error).__name__}: {error}"
        raise RevivalError(msg) from error


def recurrence_of(stored: StoredSchedule) -> Every | Cron | None:
    """Return when a schedule comes again.

    Raises:
        ValueError: it was not written by this version, or this machine does not know the zone.
    """
    word, _, rest = stored.recurrence.partition(" ")
    if word == "cron":
        return Cron(rest, zone_of(stored.zone))
    if word == "every":
        interval, mode = rest.split()
        return Every(float(interval), TimerMode[mode], stored.origin)
    if stored.recurrence == ONCE or word == "at":
        return None
    raise ValueError(stored.recurrence)


def _recurrence_text(recurrence: Every | Cron | None) -> tuple[str, str]:
    if isinstance(recurrence, Every):
        return f"every {recurrence.interval!r} {recurrence.mode.name}", ""
    if isinstance(recurrence, Cron):
        zone = "UTC" if recurrence.zone is UTC else getattr(recurrence.zone, "key", None)
        if not isinstance(zone, str):
            msg = f"zone={recurrence.zone!r} is not valid with persist=True: a zone with a name, such as 'Europe/Berlin'"
            raise ValueError(msg)  # noqa: TRY004  # it is a zone, but not one that a store can keep
        return f"cron {recurrence.expression}", zone
    return ONCE, ""


def _options_text(options: Options, times: int | None) -> str:
    """Return what differs from the defaults, so that options of later versions change no definition of now."""
    kept: dict[str, Any] = {name: getattr(options, name) for name in _KEPT if getattr(options, name) != getattr(_DEFAULTS, name)}
    for name in _ENUMS.keys() & kept.keys():
        kept[name] = kept[name].name
    if (retry := options.retry) is not None:
        on = retry.on if isinstance(retry.on, tuple) else (retry.on,)
        kept["retry"] = {one.name: getattr(retry, one.name) for one in fields(Retry)} | {"on": [_name_of(one) for one in on]}
    if times is not None:
        kept["times"] = times
    return json.dumps(kept, sort_keys=True)


def _options_of(stored: StoredSchedule) -> tuple[dict[str, Any], int | None]:
    kept = json.loads(stored.options)
    times = kept.pop("times", None)
    for name in _ENUMS.keys() & kept.keys():
        kept[name] = _ENUMS[name][kept[name]]
    if "retry" in kept:
        kept["retry"] = Retry(**kept["retry"] | {"on": tuple(map(_exception, kept["retry"]["on"]))})
    return kept | {"name": stored.name, "persist": True}, None if times is None else check_count("times", times)


def _name_of(what: Any) -> str:
    """Return the name of an exception that is built in; of others something that tells them apart, for people."""
    module, name = (getattr(what, attribute, None) for attribute in ("__module__", "__qualname__"))
    return str(name) if module == "builtins" else f"{module}.{name}"


def _exception(name: str) -> type[BaseException]:
    found = getattr(builtins, name, None)
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        msg = f"it is retried on {name}, which only the program knows: declare it again"
        raise RevivalError(msg)  # what `revive` raises of everything
    return found
