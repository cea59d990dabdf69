"""What simulations and probes raise."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from actors.errors import ActorError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import FrameType

    from actors.testing.history import Operation

__all__ = [
    "EndlessStepError",
    "InjectedCrash",
    "InvariantError",
    "LinearizabilityError",
    "LogError",
    "ProbeError",
    "RealWorldError",
    "SimulationError",
    "SimulationOver",
    "StuckError",
    "TokenError",
    "TooManyConfigurationsError",
    "TooManyStepsError",
    "UnstableError",
]


class SimulationError(ActorError):
    """The root of what a simulation itself raises."""


class StuckError(SimulationError):
    """The scenario waits for something that no step and no timer can bring about.

    Attributes:
        time: the virtual time, in seconds.
        asked: paths of the actors whose answers the scenario waits for; () if it waits for something else.
        waits: for each handler that waits, too: the path of its actor, and those of the actors whose answers it waits for.
    """

    def __init__(self, time: float, asked: tuple[str, ...], waits: dict[str, tuple[str, ...]]) -> None:
        super().__init__(time, asked, waits)
        self.time = time
        self.asked = asked
        self.waits = waits

    @property
    def waiting(self) -> tuple[str, ...]:
        """Paths of the actors whose handlers wait, too."""
        return tuple(self.waits)

    def __str__(self) -> str:
        who = ", ".join(f"{path}{_for_answers(asked)}" for path, asked in self.waits.items()) or "nobody"
        whose = f"the scenario waits{_for_answers(self.asked)}"
        return f"nothing can happen any more (at {self.time} s), but {whose}; handlers that wait, too: {who}"


def _for_answers(asked: tuple[str, ...]) -> str:
    return f" for an answer of {' or '.join(asked)}" if asked else ""


class InvariantError(SimulationError, AssertionError):
    """Something that should always hold did not.

    Attributes:
        name: what should hold.
        step: after how many steps; 0 if an oracle says it.
        detail: what was wrong; "" if only the name is known.
    """

    def __init__(self, name: str, step: int = 0, detail: str = "") -> None:
        super().__init__(name, step, detail)
        self.name = name
        self.step = step
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.name!r} does not hold: {self.detail}" if self.detail else f"{self.name!r} does not hold after step {self.step}"


class InjectedCrash(SimulationError):
    """What an actor fails with that crashes because the explorer chose so.

    Attributes:
        actor: its path.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return f"{self.actor} was made to crash"


class TooManyStepsError(SimulationError):
    """A run did not end within its limit of steps: some actors keep each other busy for ever, or the limit is too low.

    Attributes:
        limit: the steps taken.
        last: the paths of the actors of the last ones.
        polls: whether it is a coroutine that has no end, one that yields to others without ever waiting for anything.
        sends: whether it is one step that has no end, of a handler that has sent that many messages in it.
    """

    def __init__(self, limit: int, last: tuple[str, ...], *, polls: bool = False, sends: bool = False) -> None:
        super().__init__(limit, last)
        self.limit = limit
        self.last = last
        self.polls = polls
        self.sends = sends

    def __str__(self) -> str:
        if self.polls:
            return f"a coroutine of {self.last[0]} polls without end: let it wait for a message or a future, or for time to go by"
        if self.sends:
            return f"a step of {self.last[0]} has sent {self.limit} messages and goes on; raise max_steps if that is meant"
        return f"{self.limit} steps and no end; the last ones were of {', '.join(self.last)}; raise max_steps if the scenario is that long"


class EndlessStepError(SimulationError):
    """A handler or a check loops without ever waiting for anything. Found by the processor time it takes, on the main thread only.

    Attributes:
        actor: the path of the handler's actor, or whose step is checked; "" if it is no actor's.
        where: the line it was at, as ``file:number``.
        seconds: of processor time after which it was given up: `Simulation.step_seconds`.
        check: the name of the check, of an oracle or as given to `always`; "" if it is a handler that loops.
    """

    def __init__(self, actor: str, where: str, seconds: float, check: str = "") -> None:
        super().__init__(actor, where, seconds, check)
        self.actor = actor
        self.where = where
        self.seconds = seconds
        self.check = check

    def __str__(self) -> str:
        who = f"the check {self.check!r}" if self.check else f"a step of {self.actor or 'a coroutine'}"
        return (
            f"{who} has taken {self.seconds} s of processor time, at {self.where}: it loops for ever, "
            "or Simulation.step_seconds is to be raised"
        )


class LinearizabilityError(SimulationError, AssertionError):
    """No order of the operations on an object, each at one moment between its beginning and its end, gives their results.

    Attributes:
        key: of the object; None if the history has no keys.
        prefix: the operations that can be put in order, in that order, when the history is explained up to the latest moment.
        unexplained: those of which one would have to come next, and none can; the first one could not wait any longer.
        state: of the model after `prefix`.
        picture: the end of `prefix`, and what was under way then, as lines of text.
    """

    def __init__(
        self, key: Hashable, prefix: tuple[Operation, ...], unexplained: tuple[Operation, ...], state: Hashable, picture: str
    ) -> None:
        super().__init__(key, prefix, unexplained, state, picture)
        self.key = key
        self.prefix = prefix
        self.unexplained = unexplained
        self.state = state
        self.picture = picture

    def __str__(self) -> str:
        whose = "" if self.key is None else f" of key {self.key!r}"
        count = len(self.prefix)
        return (
            f"the history{whose} is not linearizable: after {count} operation{'s' * (count != 1)} in order, with the state {self.state!r}, "
            f"none of those marked ! can come next\n\n{self.picture}"
        )


class TooManyConfigurationsError(SimulationError):
    """A history has too many orders to go through: whether it is linearizable is not known.

    Attributes:
        key: of the object; None if the history has no keys.
        limit: the configurations looked at.
    """

    def __init__(self, key: Hashable, limit: int) -> None:
        super().__init__(key, limit)
        self.key = key
        self.limit = limit

    def __str__(self) -> str:
        whose = "" if self.key is None else f" of key {self.key!r}"
        return (
            f"{self.limit} configurations and no verdict on the history{whose}; make it shorter, with fewer operations at once, "
            "or raise max_configurations"
        )


class UnstableError(SimulationError):
    """The same choices gave another run: something in the scenario or its actors depends on more than the simulation.

    Attributes:
        step: the first step that differed, counted from 1; 0 if it is not known.
        first: what happened there in the first run.
        second: what happened there in the second.
    """

    def __init__(self, step: int, first: str, second: str) -> None:
        super().__init__(step, first, second)
        self.step = step
        self.first = first
        self.second = second

    def __str__(self) -> str:
        if self.step == 0:
            return f"the same choices ended in {self.first} and then in {self.second}; check_stable() names the step where they part"
        return (
            f"the same choices gave another run: step {self.step} was {self.first!r} and then {self.second!r}; look for a set's order, "
            "id(), the wall clock or random numbers of its own"
        )


class TokenError(SimulationError, ValueError):
    """A token that does not fit: of another version, another scenario, a program that has changed too much since, or damaged.

    Attributes:
        token: the text.
        why: what is wrong with it.
    """

    def __init__(self, token: str, why: str) -> None:
        super().__init__(token, why)
        self.token = token
        self.why = why

    def __str__(self) -> str:
        return f"token {self.token!r} cannot be replayed here: {self.why}"


class ProbeError(ActorError, AssertionError):
    """A `Probe` was told, or asked, something else than the test expects of it.

    Attributes:
        probe: the path of the probe.
        why: what was expected, and what came instead.
        recent: the last messages that the probe received, as text, the oldest first.
    """

    def __init__(self, probe: str, why: str, recent: tuple[str, ...]) -> None:
        super().__init__(probe, why, recent)
        self.probe = probe
        self.why = why
        self.recent = recent

    def __str__(self) -> str:
        if not self.recent:
            return f"probe {self.probe}: {self.why}\nit has received no message"
        return "\n  ".join((f"probe {self.probe}: {self.why}\nthe last messages it received:", *self.recent))


class LogError(ActorError, AssertionError):
    """`CapturedLogs` has not the lines that the test expects.

    Attributes:
        wanted: what they were to be like.
        found: how many there are.
        count: how many there were to be; None: one or more.
        shown: the last lines that were logged, or those that were not to be.
    """

    def __init__(self, wanted: str, found: int, count: int | None, shown: list[str]) -> None:
        super().__init__(wanted, found, count, shown)
        self.wanted = wanted
        self.found = found
        self.count = count
        self.shown = shown

    def __str__(self) -> str:
        expected = "at least one line" if self.count is None else f"{self.count} lines" if self.count else "no line"
        have = "\n  ".join(self.shown) or "(nothing was logged)"
        return f"expected {expected} with {self.wanted}, found {self.found}; logged:\n  {have}"


class RealWorldError(BaseException):
    """Code in a simulation reached for the real world: a thread, a socket, an executor, a real sleep.

    A BaseException, so that no handler's ``except Exception`` hides it.

    Attributes:
        what: what it reached for.
        where: the line, as ``file:number``.
    """

    def __init__(self, what: str, where: str = "") -> None:
        where = where or line_outside(sys._getframe(1))
        super().__init__(what, where)
        self.what = what
        self.where = where

    def __str__(self) -> str:
        return f"{self.what} in a simulation, at {self.where}: nothing real belongs there; replace it by an actor or a fake"


class SimulationOver(BaseException):
    """Unwinds the handlers that still wait when a simulation ends. Never seen outside."""


def line_outside(frame: FrameType) -> str:
    """Return the innermost line that belongs neither to the framework nor to the standard library's own machinery."""
    inner = ("actors.", "asyncio", "contextlib", "threading", "concurrent.", "socket", "selectors", "subprocess", "multiprocessing")
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(inner):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
