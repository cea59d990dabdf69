"""What is handed in: kinds of work, the policies for it, and its options, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from types import FunctionType
from typing import Any

from actors._core.callbacks import check_callback
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds

__all__ = [
    "Interrupted",
    "Kind",
    "Missed",
    "Options",
    "Overlap",
    "ResultOf",
    "Retry",
    "Work",
    "check_count",
    "check_needs",
    "check_options",
]


class Kind(Enum):
    """Where a task runs. In a simulation everything runs in simulated actors, PROCESS like FUNCTION."""

    TELL = "tell"
    """A message to an actor; done once the mailbox has it."""

    ASK = "ask"
    """A message to an actor; its answer is the result."""

    FUNCTION = "function"
    """A function on a thread of the scheduler's pool; it may block."""

    COROUTINE = "coroutine"
    """A coroutine function on the event loop of the system."""

    PROCESS = "process"
    """A function in a process of the scheduler's pool, for work that needs a processor of its own."""


class Overlap(Enum):
    """What happens when a run of a recurring task is due while the last one is under way."""

    SKIP = "skip"
    """It is skipped, and reported as `RunSkipped`."""

    QUEUE = "queue"
    """It waits for the last one; one run waits at most, others are skipped."""

    ALLOW = "allow"
    """It runs beside the last one. When 1000 wait for a place, further ones are skipped."""


class Missed(Enum):
    """What happens with runs that could not begin within `grace` of their time."""

    SKIP = "skip"
    """They are not run."""

    ONCE = "once"
    """One run stands for all of them."""

    ALL = "all"
    """All are run, the latest 1000 at most; unless `Overlap.ALLOW` says otherwise, one after the other."""


class Interrupted(Enum):
    """What happens with a run of a persistent task that was under way when the program was killed."""

    REPORT = "report"
    """It is told as INTERRUPTED and not run again."""

    RERUN = "rerun"
    """It is run again, under the same id."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how a failed attempt is made again: exponential backoff with jitter, capped.

    Attributes:
        attempts: how many are made in all.
        initial: seconds before the second attempt.
        maximum: seconds that no delay exceeds, jitter included.
        factor: by which each delay is longer than the one before.
        jitter: 0 to 1; a delay is drawn from as much below and above what `factor` says.
        on: which exceptions are worth another attempt: a type, a tuple of types, or a function that tells. The scheduler waits for that,
            so it must not wait for anything itself.
    """

    attempts: int = 3
    initial: float = 0.1
    maximum: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2
    on: type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool] = Exception

    def __post_init__(self) -> None:
        check_count("attempts", self.attempts)
        check_seconds("initial", self.initial)
        check_seconds("maximum", self.maximum)
        if check_seconds("factor", self.factor) < 1:
            msg = f"factor={self.factor!r} is not valid: 1 or more"
            raise ValueError(msg)
        if check_seconds("jitter", self.jitter) > 1:
            msg = f"jitter={self.jitter!r} is not valid: 0 to 1"
            raise ValueError(msg)
        types = self.on if isinstance(self.on, tuple) else (self.on,)
        if all(isinstance(one, type) and issubclass(one, BaseException) for one in types):
            return
        if isinstance(self.on, type):
            msg = f"on={self.on!r} is not valid: a type of exceptions, a tuple of such, or a function of the exception"
            raise TypeError(msg)
        check_callback("on", self.on, "a type of exceptions, a tuple of such, or a function of the exception")

    def delay(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait after failed attempt number `attempt` (from 1); `chance` is a random number in [0, 1)."""
        try:
            plain = self.initial * self.factor ** (attempt - 1)
        except OverflowError:
            plain = self.maximum
        return min(self.maximum, plain * (1 + self.jitter * (2 * chance - 1)))

    def wants(self, error: BaseException) -> bool:
        """Tell whether `error` is worth another attempt. Calls the user's function, if `on` is one."""
        if isinstance(self.on, type | tuple):
            return isinstance(error, self.on)
        return isinstance(error, Exception) and bool(self.on(error))


@dataclass(frozen=True, slots=True)
class ResultOf:
    """Stands among the arguments of a `Work` for the result of another work of the same graph.

    Attributes:
        name: of that work.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Work:
    """One node of `Scheduler.graph`.

    Attributes:
        work: as for `Scheduler.submit`.
        args: its arguments; a `ResultOf` is replaced by the result of that work, which is needed then.
        needs: names of works that have to succeed first.
        options: of the task.
    """

    work: Any
    args: tuple[Any, ...] = ()
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("args", self.args), ("needs", self.needs)):
            if not isinstance(value, tuple):
                msg = f"{name}={value!r} is not valid: a tuple"
                raise TypeError(msg)
        if not isinstance(self.options, Mapping):
            msg = f"options={self.options!r} is not valid: a mapping of names to values"
            raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a task, checked. Tasks without any share one object for each kind.

    Attributes:
        wall: whether the due time is one of the clock on the wall.
        plain: whether a run is over once it was told, and nobody is to learn of it: the scheduler takes a short way then.
        others: see `Scheduler`.
    """

    kind: Kind
    wall: bool = False
    plain: bool = False
    name: str | None = None
    priority: int = 0
    deadline: float | None = None
    timeout: float | None = None
    retry: Retry | None = None
    overlap: Overlap = Overlap.SKIP
    missed: Missed = Missed.ONCE
    grace: float = 1.0
    on_success: Any = None
    on_failure: Any = None
    persist: bool = False
    interrupted: Interrupted = Interrupted.REPORT


_DEFAULTS = {(kind, wall): Options(kind, wall, plain=kind is Kind.TELL) for kind in Kind for wall in (False, True)}

_ENUMS = {"overlap": Overlap, "missed": Missed, "interrupted": Interrupted}
_NAMES = frozenset(Options.__dataclass_fields__) - {"wall", "plain"}
_NOT_PLAIN = frozenset({"deadline", "retry", "on_success", "on_failure", "persist"})
LONGEST_NAME = 200


def check_options(work: Any, args: tuple[Any, ...], given: Mapping[str, Any], *, wall: bool = False) -> Options:
    """Return the options `given` for `work`, or raise naming parameter and value."""
    kind = _kind_of(work, given.get("kind"))
    _check_args(kind, work, args)
    if not given or (len(given) == 1 and "kind" in given):
        return _DEFAULTS[kind, wall]
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _NAMES:
            msg = (
                f"{name}={value!r} is not valid: the options are {', '.join(sorted(_NAMES | {'needs'}))}; "
                f"what is meant for the work itself goes there by functools.partial(function, {name}=...)"
            )
            raise TypeError(msg)
        if name != "kind":
            checked[name] = _check_option(name, value)
    plain = kind is Kind.TELL and not _NOT_PLAIN.intersection(checked) and checked.get("missed") is not Missed.SKIP
    return Options(kind, wall, plain, **checked)


def _check_option(name: str, value: Any) -> Any:
    if name in _ENUMS:
        _check_type(name, value, _ENUMS[name], f"use a member of {_ENUMS[name].__name__}")
        return value
    return _CHECKS[name](name, value)


def _check_type(name: str, value: object, wanted: type | tuple[type, ...], what: str) -> None:
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        msg = f"{name}={value!r} is not valid: {what}"
        raise TypeError(msg)


def _check_limit(name: str, value: Any) -> float | None:
    if value is not None and (value := check_seconds(name, value)) == 0:
        msg = f"{name}=0 is not valid: more than 0 seconds, or None"
        raise ValueError(msg)
    return value


def _check_priority(name: str, value: Any) -> int:
    _check_type(name, value, int, "a whole number, lowest first")
    return value


def _check_name(name: str, value: Any) -> str | None:
    if value is None:
        return None
    _check_type(name, value, str, "a text, or None")
    if not 0 < len(value) <= LONGEST_NAME:
        msg = f"{name}={value!r} is not valid: 1 to {LONGEST_NAME} characters"
        raise ValueError(msg)
    return value


def _check_retry(name: str, value: Any) -> Retry | None:
    if value is not None:
        _check_type(name, value, Retry, "a Retry, or None")
    return value


def _check_listener(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, ActorRef):
        check_callback(name, value, "a function of the Run, a ref, or None")
    return value


def _check_persist(name: str, value: Any) -> bool:
    _check_type(name, value, bool, "True or False")
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "deadline": _check_limit,
    "timeout": _check_limit,
    "grace": check_seconds,
    "priority": _check_priority,
    "name": _check_name,
    "retry": _check_retry,
    "on_success": _check_listener,
    "on_failure": _check_listener,
    "persist": _check_persist,
}


def _kind_of(work: Any, kind: Any) -> Kind:
    if kind is not None and not isinstance(kind, Kind):
        msg = f"kind={kind!r} is not valid: use a member of Kind"
        raise TypeError(msg)
    if isinstance(work, ActorRef):
        if kind not in (None, Kind.TELL, Kind.ASK):
            msg = f"kind={kind} is not valid for a ref: Kind.TELL or Kind.ASK"
            raise ValueError(msg)
        return kind or Kind.TELL
    if inspect.iscoroutine(work):
        msg = f"work={work!r} is not valid: hand in the coroutine function and its arguments, and do not call it"
        raise TypeError(msg)
    if inspect.isgeneratorfunction(work) or inspect.isasyncgenfunction(work):
        msg = f"work={work!r} is not valid: a call of a generator function runs nothing of it; hand in a function that goes through it"
        raise TypeError(msg)
    if not callable(work):
        msg = f"work={work!r} is not valid: a function, a coroutine function, or a ref of an actor of this framework"
        raise TypeError(msg)
    is_async = _is_async(work)
    if kind is None:
        return Kind.COROUTINE if is_async else Kind.FUNCTION
    if kind in (Kind.TELL, Kind.ASK):
        msg = f"kind={kind} is not valid for a function: those are for refs of actors"
        raise ValueError(msg)
    if is_async and kind is not Kind.COROUTINE:
        msg = f"kind={kind} is not valid for a coroutine function: Kind.COROUTINE, or leave it out"
        raise ValueError(msg)
    return kind


def _is_async(work: Any) -> bool:
    if type(work) is FunctionType and not work.__dict__:  # the short way for the most usual
        return bool(work.__code__.co_flags & inspect.CO_COROUTINE)
    while isinstance(work, partial):
        work = work.func
    return inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(getattr(work, "__call__", None))  # noqa: B004  # its kind


def _check_args(kind: Kind, work: Any, args: tuple[Any, ...]) -> None:
    if kind in (Kind.TELL, Kind.ASK) and len(args) != 1:
        msg = f"args={args!r} is not valid for {work!r}: exactly one argument, the message"
        raise TypeError(msg)


def check_count(name: str, value: object) -> int:
    """Return `value` if it is a whole number, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name}={value!r} is not valid: a whole number"
        raise TypeError(msg)
    if value < 1:
        msg = f"{name}={value!r} is not valid: 1 or more"
        raise ValueError(msg)
    return value


def check_needs(needs: object) -> Sequence[Any]:
    """Return `needs` if it is a sequence."""
    if not isinstance(needs, Sequence) or isinstance(needs, str):
        msg = f"needs={needs!r} is not valid: a sequence of tasks"
        raise TypeError(msg)
    return needs
