"""The words in which a machine is declared: a chart of states, and in each what becomes of which event.

Nothing is checked here but single arguments; what the parts are together, `supervisors.machine.tree` makes of them.
"""

from __future__ import annotations

import inspect
import sys
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from actors._core.seconds import check_seconds
from supervisors.machine.events import Done, EventTimeout, NamedTimeout, StateTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = [
    "Action",
    "Chart",
    "History",
    "Kind",
    "State",
    "Transition",
    "Verdict",
    "event_timeout",
    "final",
    "history",
    "ignore",
    "initial",
    "on",
    "on_done",
    "on_enter",
    "on_exit",
    "postpone",
    "refuse",
    "state",
    "state_timeout",
    "timeout",
]

S = TypeVar("S", bound=Enum)
S_co = TypeVar("S_co", bound=Enum, covariant=True)
E = TypeVar("E")
M = TypeVar("M", bound=Enum)


class Kind(Enum):
    """What a state is to the one around it."""

    PLAIN = auto()
    INITIAL = auto()
    FINAL = auto()


class Verdict(Enum):
    """What becomes of an event."""

    TAKE = auto()
    IGNORE = auto()
    POSTPONE = auto()
    REFUSE = auto()


class History(Generic[S_co]):
    """A target: where the machine was inside of `of` when it left that state."""

    __slots__ = ("deep", "of")

    def __init__(self, of: S_co, *, deep: bool) -> None:
        self.of = of
        self.deep = deep

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and (other.of, other.deep) == (self.of, self.deep)

    def __hash__(self) -> int:
        return hash((self.of, self.deep))

    def __repr__(self) -> str:
        return f"history({self.of}{', deep=True' if self.deep else ''})"


class Transition(Generic[S_co]):
    """What becomes of one event in a state: made by `on()`, `ignore()` and their like.

    Attributes:
        event: a class, an Enum, or a member of one; of timeouts and `on_done`, the class of their event until the state is known.
        targets: where it may lead; empty for nowhere.
        choice: whether the action chooses among them.
        when: the guard; None always holds.
        do: the action; None for none.
        verdict: what becomes of the event.
        aside: whether the event comes again in the next state.
        reenter: whether the state is left and entered also if it stays the same.
        seconds: of a timeout of a state, how long.
        where: the line it was written in.
    """

    __slots__ = ("aside", "choice", "do", "event", "reenter", "seconds", "targets", "verdict", "when", "where", "word")

    def __init__(
        self,
        word: str,
        event: Any,
        *,
        to: Any = None,
        when: Callable[..., Any] | None = None,
        do: Callable[..., Any] | None = None,
        verdict: Verdict = Verdict.TAKE,
        aside: bool = False,
        reenter: bool = False,
        seconds: float | Callable[[Any], float] | None = None,
        where: str,
    ) -> None:
        self.word = word
        self.event = event
        self.choice = isinstance(to, tuple)
        self.targets: tuple[S_co | History[S_co], ...] = _targets(to)
        self.when = _checked(when, "when", 2, plain=True)
        self.do = _checked(do, "do", 2)
        self.verdict = verdict
        self.aside = _flag("postpone", aside)
        self.reenter = _flag("reenter", reenter)
        self.seconds = seconds
        self.where = where
        if self.choice and do is None:
            msg = f"to={to!r} without do=: which of them it is, the action says with goto()"
            raise TypeError(msg)

    def __repr__(self) -> str:
        return f"{self.word}({event_text(self.event)})"


class Action:
    """What is done when a state is entered, or left."""

    __slots__ = ("do", "enters", "where")

    def __init__(self, do: Callable[..., Any], *, enters: bool, where: str) -> None:
        self.do = do
        self.enters = enters
        self.where = where


class State(Generic[S_co]):
    """A state with what is declared in it: made by `initial()`, `state()` and `final()`."""

    __slots__ = ("kind", "name", "parts", "stays", "where")

    def __init__(self, name: S_co, parts: tuple[Any, ...], kind: Kind, *, stays: bool = False, where: str) -> None:
        if not isinstance(name, Enum):
            msg = f"{name!r} is not valid as a state: a member of an Enum"
            raise TypeError(msg)
        self.name = name
        self.parts = _parts(parts, (State, Transition, Action))
        self.kind = kind
        self.stays = _flag("stays", stays)
        self.where = where


class Chart(Generic[S]):
    """The states of a machine and what it does in each.

    Args:
        parts: the states, one of them `initial()`; and transitions, which hold in every state that has none of its own for the event.
    """

    def __init__(self, *parts: State[S] | Transition[S]) -> None:
        self.parts = _parts(parts, (State, Transition))
        self.where = _here()


# -- states ------------------------------------------------------------------------------------------------------------------------------


def initial(state: S, *parts: State[S] | Transition[S] | Action, stays: bool = False) -> State[S]:
    """Declare the state in which the machine, or the state around it, begins. See `state`."""
    return State(state, parts, Kind.INITIAL, stays=stays, where=_here())


def state(state: S, *parts: State[S] | Transition[S] | Action, stays: bool = False) -> State[S]:
    """Declare a state.

    Args:
        state: a member of the machine's Enum.
        parts: states inside of it, of which one is `initial()`; what becomes of events, for this state and those inside of it that do not
            say so themselves; `on_enter()` and `on_exit()`.
        stays: that no way leads out of it is meant so.
    """
    return State(state, parts, Kind.PLAIN, stays=stays, where=_here())


def final(state: S, *parts: Action) -> State[S]:
    """Declare a state in which the machine ends; or, inside of another state, with which that one is done (see `on_done`)."""
    return State(state, parts, Kind.FINAL, where=_here())


def on_enter(action: Callable[[Any], object]) -> Action:
    """Do ``action(self)``, plain or async, whenever the state is entered. It may not change the state, nor insert or postpone events."""
    return Action(_checked(action, "action", 1), enters=True, where=_here())


def on_exit(action: Callable[[Any], object]) -> Action:
    """Do ``action(self)``, plain or async, whenever the state is left. It may not change the state, nor insert or postpone events."""
    return Action(_checked(action, "action", 1), enters=False, where=_here())


def history(state: S, *, deep: bool = False) -> History[S]:
    """Return a target: where the machine was inside of `state` when it left it, or its initial state if it has not been there.

    Args:
        state: a state with states inside.
        deep: take the innermost state; else the one directly inside, and there its initial state.
    """
    if not isinstance(state, Enum):
        msg = f"history({state!r}) is not valid: a state, a member of the machine's Enum"
        raise TypeError(msg)
    return History(state, deep=_flag("deep", deep))


# -- what becomes of events --------------------------------------------------------------------------------------------------------------


@overload
def on(
    event: type[E],
    *,
    to: S | History[S] | tuple[S | History[S], ...],
    when: Callable[[Any, E], bool] | None = None,
    do: Callable[[Any, E], object] | None = None,
    postpone: bool = False,
    reenter: bool = False,
) -> Transition[S]: ...
@overload
def on(
    event: type[E],
    *,
    when: Callable[[Any, E], bool] | None = None,
    do: Callable[[Any, E], object] | None = None,
    postpone: bool = False,
    reenter: bool = False,
) -> Transition[Any]: ...
@overload
def on(
    event: M,
    *,
    to: S | History[S] | tuple[S | History[S], ...],
    when: Callable[[Any, M], bool] | None = None,
    do: Callable[[Any, M], object] | None = None,
    postpone: bool = False,
    reenter: bool = False,
) -> Transition[S]: ...
@overload
def on(
    event: M,
    *,
    when: Callable[[Any, M], bool] | None = None,
    do: Callable[[Any, M], object] | None = None,
    postpone: bool = False,
    reenter: bool = False,
) -> Transition[Any]: ...
def on(
    event: Any,
    *,
    to: Any = None,
    when: Any = None,
    do: Any = None,
    postpone: bool = False,
    reenter: bool = False,
) -> Transition[Any]:
    """Declare what an event leads to.

    Of several for one event in one state, the first whose guard holds counts; if none holds, the state around it is asked.

    Args:
        event: a class, also for its subclasses; an Enum, for all its members; or one member.
        to: the state to go to; None to stay. A tuple of them lets the action choose, with `StateMachine.goto`.
        when: a plain function ``when(self, event) -> bool``; without one it always holds.
        do: a function ``do(self, event)``, plain or async. What it returns answers an ask. If it raises, nothing has happened.
        postpone: keep the event, after `do`, until the next change of state (this one, if `to` is another state), and take it again.
        reenter: leave and enter the state also if it stays the same.
    """
    return Transition("on", _event(event), to=to, when=when, do=do, aside=postpone, reenter=reenter, where=_here())


def ignore(*events: type[Any] | Enum, when: Callable[[Any, Any], bool] | None = None) -> Transition[Any]:
    """Declare that events are taken and nothing is done; an ask is answered with None."""
    return _verdicts("ignore", Verdict.IGNORE, events, when, _here())


def postpone(*events: type[Any] | Enum, when: Callable[[Any, Any], bool] | None = None) -> Transition[Any]:
    """Declare that events are kept until the next change of state; at most ``stash_capacity`` of them."""
    return _verdicts("postpone", Verdict.POSTPONE, events, when, _here())


def refuse(*events: type[Any] | Enum, when: Callable[[Any, Any], bool] | None = None) -> Transition[Any]:
    """Declare that events are a mistake: UnhandledEventError, for the asker or as a crash."""
    return _verdicts("refuse", Verdict.REFUSE, events, when, _here())


def state_timeout(
    seconds: float | Callable[[Any], float] | None,
    *,
    to: S | History[S] | tuple[S | History[S], ...] | None = None,
    when: Callable[[Any, StateTimeout], bool] | None = None,
    do: Callable[[Any, StateTimeout], object] | None = None,
    reenter: bool = False,
) -> Transition[S]:
    """Declare what happens once the machine has been in this state for `seconds`. Leaving the state cancels it.

    Args:
        seconds: 0 or more, or a function ``seconds(self)``; 0 comes behind the events already received, before those still to be received.
            None: `StateMachine.start_state_timeout` starts it.
        to: as for `on`.
        when: as for `on`.
        do: as for `on`.
        reenter: as for `on`.
    """
    given = _seconds(seconds)
    return Transition("state_timeout", StateTimeout, to=to, when=when, do=do, reenter=reenter, seconds=given, where=_here())


def event_timeout(
    seconds: float | Callable[[Any], float] | None,
    *,
    to: S | History[S] | tuple[S | History[S], ...] | None = None,
    when: Callable[[Any, EventTimeout], bool] | None = None,
    do: Callable[[Any, EventTimeout], object] | None = None,
    reenter: bool = False,
) -> Transition[S]:
    """Declare what happens once no event has come for `seconds` while the machine is in this state. Any event cancels it.

    Args:
        seconds: as for `state_timeout`, counted from each event anew, its own included: if it leads to no other state, it comes again.
            None: `StateMachine.start_event_timeout` starts it, once.
        to: as for `on`.
        when: as for `on`.
        do: as for `on`.
        reenter: as for `on`.
    """
    given = _seconds(seconds)
    return Transition("event_timeout", EventTimeout(), to=to, when=when, do=do, reenter=reenter, seconds=given, where=_here())


def timeout(
    key: Hashable,
    *,
    to: S | History[S] | tuple[S | History[S], ...] | None = None,
    when: Callable[[Any, NamedTimeout], bool] | None = None,
    do: Callable[[Any, NamedTimeout], object] | None = None,
    reenter: bool = False,
) -> Transition[S]:
    """Declare what happens when the timeout that ``start_timeout(key, seconds)`` started is over. Nothing cancels it by itself."""
    hash(key)
    return Transition("timeout", NamedTimeout(key), to=to, when=when, do=do, reenter=reenter, where=_here())


def on_done(
    *,
    to: S | History[S] | tuple[S | History[S], ...] | None = None,
    when: Callable[[Any, Done], bool] | None = None,
    do: Callable[[Any, Done], object] | None = None,
) -> Transition[S]:
    """Declare what happens when a final state inside of this one was entered."""
    return Transition("on_done", Done, to=to, when=when, do=do, where=_here())


# -- single arguments --------------------------------------------------------------------------------------------------------------------


def event_text(event: Any) -> str:
    """Return how an event is written in a chart."""
    return event.__qualname__.rpartition(".<locals>.")[2] if isinstance(event, type) else str(event)


def _here() -> str:
    """Return the line that calls the function that calls this."""
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _event(event: Any) -> Any:
    if not isinstance(event, type | Enum):
        msg = f"{event!r} is not valid as an event: a class of messages, an Enum, or a member of one"
        raise TypeError(msg)
    if isinstance(event, type) and issubclass(event, StateTimeout | EventTimeout | NamedTimeout | Done):
        msg = f"{event.__name__} is not declared with on(): use state_timeout(), event_timeout(), timeout() or on_done()"
        raise TypeError(msg)
    return event


def _verdicts(word: str, verdict: Verdict, events: tuple[Any, ...], when: Any, where: str) -> Transition[Any]:
    if not events:
        msg = f"{word}() is not valid: name the events"
        raise TypeError(msg)
    return Transition(word, tuple(map(_event, events)), when=when, verdict=verdict, where=where)


def _targets(to: Any) -> tuple[Any, ...]:
    targets = to if isinstance(to, tuple) else () if to is None else (to,)
    if to == ():
        msg = "to=() is not valid: states to choose from, or None to stay"
        raise TypeError(msg)
    for one in targets:
        if not isinstance(one, Enum | History):
            msg = f"to={to!r} is not valid: a state (a member of the machine's Enum), history(state), or a tuple of them"
            raise TypeError(msg)
    return targets


def _seconds(seconds: Any) -> Any:
    if seconds is None:
        return None
    return _checked(seconds, "seconds", 1, plain=True) if callable(seconds) else check_seconds("seconds", seconds)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        msg = f"{name}={value!r} is not valid: True or False"
        raise TypeError(msg)
    return value


def _parts(parts: tuple[Any, ...], kinds: tuple[type[Any], ...]) -> tuple[Any, ...]:
    for part in parts:
        if not isinstance(part, kinds):
            what = ", ".join(kind.__name__ for kind in kinds)
            msg = f"{part!r} is not valid as a part of a chart ({what}): write state(...), on(...), ignore(...) and their like"
            raise TypeError(msg)
    return parts


def _checked(function: Any, name: str, count: int, *, plain: bool = False) -> Any:
    """Return a function that is called with so many arguments, or raise for what is none."""
    if function is None and name in ("when", "do"):
        return None
    takes = "(self)" if count == 1 else "(self, event)"
    if not callable(function) or isinstance(function, staticmethod | classmethod):
        msg = f"{name}={function!r} is not valid: a function {name}{takes}"
        raise TypeError(msg)
    if plain and inspect.iscoroutinefunction(inspect.unwrap(function)):
        msg = f"{name}={function!r} is not valid: it is asked between two events, where nothing can be awaited; make it a plain function"
        raise TypeError(msg)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin without one
        return function
    try:
        signature.bind(*(None,) * count)
    except TypeError as error:
        msg = f"{name}={function!r} is not valid: it is called as {name}{takes} ({error})"
        raise TypeError(msg) from None
    return function
