"""Machines that hypothesis walks through their chart at random."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, ResolutionFailed

from actors import Request
from actors._core.callbacks import check_callback
from actors.errors import ActorDeadError
from actors.events import ActorCrashed
from actors.testing import InvariantError, Kind, Simulation
from supervisors.machine.chart import Verdict, event_text
from supervisors.machine.checks import alphabet
from supervisors.machine.coverage import Coverage, tree_of
from supervisors.machine.errors import UnhandledEventError
from supervisors.machine.events import InternalEvent, NamedTimeout
from supervisors.machine.info import machine_info
from supervisors.machine.table import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actors import ActorRef, Future
    from actors.testing import Pending
    from supervisors.machine.machine import StateMachine
    from supervisors.machine.tree import Tree

__all__ = ["UNKNOWN", "Walk", "WalkStep", "walks"]


class _Unknown:
    def __repr__(self) -> str:
        return "<an event that the chart does not know>"


UNKNOWN = _Unknown()  # what a walk with any_events sends, too


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One step of a walk.

    Attributes:
        event: what was sent; None if time passed.
        seconds: how much time passed.
        asked: whether it was asked; else it was told.
        old: where the machine was.
        new: where it was afterwards; None if it had ended.
        error: what the asker was told instead of an answer; or, of what is expected, what it crashed with.
    """

    event: Any
    seconds: float
    asked: bool
    old: Enum
    new: Enum | None
    error: BaseException | None

    def __str__(self) -> str:
        what = f"{self.seconds:g} s pass" if self.event is None else f"{'ask' if self.asked else 'tell'} {_text(self.event)}"
        new = "the end" if self.new is None else self.new.name
        error = "" if self.error is None else f", {type(self.error).__name__}{' to the asker' if self.asked else ''}"
        return f"{self.old.name}: {what} → {new}{error}"


@dataclass(frozen=True, slots=True)
class Walk:
    """A run of one machine.

    Attributes:
        steps: what happened, in order.
        states: where it began and where it was after each step, without the end.
        ended: whether it came to its end.
        data: the machine's data at the end of the walk.
    """

    steps: tuple[WalkStep, ...]
    states: tuple[Enum, ...]
    ended: bool
    data: Any

    def __repr__(self) -> str:
        return "\n".join(["a walk:", *(f"  {number}. {step}" for number, step in enumerate(self.steps, 1))])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # hypothesis shows by it what a test fails with
        del cycle
        printer.text(repr(self))


def walks(
    machine_class: type[StateMachine[Any, Any]],
    *args: Any,
    events: Mapping[Any, st.SearchStrategy[Any]] | None = None,
    length: int = 30,
    any_events: bool = False,
    invariants: Iterable[Callable[[Any], object]] = (),
    expected: type[BaseException] | tuple[type[BaseException], ...] = (),
    coverage: Coverage | None = None,
    timeouts: bool = True,
    **kwargs: Any,
) -> st.SearchStrategy[Walk]:
    """A strategy of walks: each starts a machine in a simulation of its own, and sends it events that are drawn one by one.

    An event is told or asked, a `Request` always asked. A walk fails with what the machine crashes with or tells an asker instead of an
    answer, or with an invariant that does not hold; hypothesis makes it short. The least test is ``@given(walks(Door, [1, 2]))`` above a
    function that does nothing.

    Args:
        machine_class: a class derived from `StateMachine`.
        args: for its ``__init__``; each walk gets deep copies. A strategy is drawn from, as those of `events` are, in the simulation: there
            ``st.builds(Other.start)`` is the ref of another actor.
        events: strategies by class or Enum, for events that hypothesis cannot make well with ``from_type``.
        length: steps at most.
        any_events: draw also events that the state refuses, and one that the chart does not know; asked, so that they are no crash.
        invariants: functions of the machine, called after each step; one that returns False, or raises, fails the walk.
        expected: exceptions that actions raise on purpose, as answers; when nobody asked, they end the machine and the walk.
        coverage: counts the transitions that are taken.
        timeouts: let time pass, too: up to the next timeout, or half of that; a second if none is running.
        kwargs: as `args`.

    Raises:
        TypeError: `machine_class` is no class of machines with a chart; `events` names one that the chart does not know; another argument
            is not what it should be.
        ValueError: `length` is not a whole number of steps, 1 or more.
    """
    tree = tree_of(machine_class)
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        msg = f"length={length!r} is not valid: a whole number of steps, 1 or more"
        raise ValueError(msg)
    known = [one for one in alphabet(tree) if not _is_internal(one)]
    given = dict(events or {})
    for one, made in given.items():
        if one not in known and not (isinstance(one, type) and issubclass(one, Enum)):
            names = ", ".join(map(event_text, known))
            msg = f"events={{{event_text(one)}: ...}} is not valid: the chart knows {names}"
            raise TypeError(msg)
        if not isinstance(made, st.SearchStrategy):
            msg = f"events={{{event_text(one)}: {made!r}}} is not valid: a strategy of hypothesis"
            raise TypeError(msg)
    invariants = tuple(invariants)
    expected = expected if isinstance(expected, tuple) else (expected,)
    _check(machine_class, invariants, expected, coverage, any_events=any_events, timeouts=timeouts)
    return _walks(_Course(machine_class, args, kwargs, tree, known, given, length, any_events, invariants, expected, coverage, timeouts))


def _check(machine_class: Any, invariants: Iterable[Any], expected: Iterable[Any], coverage: Any, **flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            msg = f"{name}={value!r} is not valid: True or False"
            raise TypeError(msg)
    for invariant in invariants:
        check_callback("invariants", invariant, "functions of the machine")
    for error in expected:
        if not isinstance(error, type) or not issubclass(error, BaseException):
            msg = f"expected={error!r} is not valid: a class of exceptions, or several"
            raise TypeError(msg)
    if coverage is not None and (not isinstance(coverage, Coverage) or not issubclass(machine_class, coverage.machine_class)):
        msg = f"coverage={coverage!r} is not valid: Coverage({machine_class.__qualname__})"
        raise TypeError(msg)


def _is_internal(event: Any) -> bool:
    return isinstance(event, InternalEvent | NamedTimeout) or (isinstance(event, type) and issubclass(event, InternalEvent))


@dataclass(frozen=True, slots=True, repr=False)
class _Course:
    """What all walks of one strategy have in common."""

    machine_class: type[Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tree: Tree
    known: list[Any]
    events: dict[Any, st.SearchStrategy[Any]]
    length: int
    any_events: bool
    invariants: tuple[Callable[[Any], object], ...]
    expected: tuple[type[BaseException], ...]
    coverage: Coverage | None
    timeouts: bool

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # hypothesis tells by it whose walk has failed
        del cycle
        printer.text(self.machine_class.__qualname__)

    def choices(self, state: Enum) -> list[Any]:
        """Return the events that may come in a state; None is time."""
        chain = self.tree.nodes[state].chain
        taken = [one for one in self.known if self.any_events or any(r.verdict is not Verdict.REFUSE for r in candidates(chain, one))]
        return [*taken, *([UNKNOWN] if self.any_events else []), *([None] if self.timeouts else [])]

    def made(self, event: Any) -> st.SearchStrategy[Any]:
        if event in self.events:
            return self.events[event]
        if isinstance(event, Enum):
            return self.events.get(type(event), st.just(event))
        return st.from_type(event)

    def refuses(self, state: Enum, event: Any) -> bool:
        """Tell whether a state may refuse an event."""
        key = event if isinstance(event, Enum) else type(event)
        found = candidates(self.tree.nodes[state].chain, key)
        return not found or any(rule.verdict is Verdict.REFUSE for rule in found)


class _MailFirst:
    """Lets time pass only when nothing else is left to do."""

    def choose(self, enabled: Sequence[Pending]) -> int:
        return next((index for index, one in enumerate(enabled) if one.kind is not Kind.TIMER), 0)


@st.composite
def _walks(draw: st.DrawFn, course: _Course) -> Walk:
    with Simulation(_MailFirst(), max_steps=1_000_000) as sim:
        args = tuple(_fresh(draw, arg) for arg in course.args)
        kwargs = {name: _fresh(draw, arg) for name, arg in course.kwargs.items()}
        # As start() does, which a machine may have as an action: it returns before the machine begins, so that all is seen from there on.
        ref = sim.system._runtime.start(course.machine_class, args, kwargs)
        return _Walker(draw, course, sim, ref).walk()


def _fresh(draw: st.DrawFn, arg: Any) -> Any:
    return draw(arg) if isinstance(arg, st.SearchStrategy) else copy.deepcopy(arg)


class _Walker:
    """One walk while it is made."""

    def __init__(self, draw: st.DrawFn, course: _Course, sim: Simulation, ref: ActorRef[Any]) -> None:
        self.draw = draw
        self.course = course
        self.sim = sim
        self.ref = ref
        self.machine: Any = sim.instance(ref)
        self.steps: list[WalkStep] = []
        self.under_way: WalkStep | None = None
        self.failures: list[BaseException] = []
        self.crash: BaseException | None = None
        self.answers: list[tuple[Future[Any], Enum, Any]] = []  # of asks, with the state they were asked in
        sim.system.events.subscribe(ActorCrashed, self._crashed)
        if course.coverage is not None:
            course.coverage.watch(self.machine)

    def _crashed(self, event: ActorCrashed) -> None:
        if event.ref == self.ref:
            self.crash = event.error
            self._judge(event.error)

    def walk(self) -> Walk:
        """Go as far as it is drawn; what comes out of the simulation, like a failed assertion in an action, is told with the steps."""
        try:
            return self._walk()
        except Exception as error:
            if self.under_way is not None:
                self.steps.append(replace(self.under_way, new=self._state(), error=error))
                error.add_note(self._story())
            raise

    def _walk(self) -> Walk:
        self._settle()
        self._look()
        states = [self.machine.state]
        while self.ref.is_alive() and len(self.steps) < self.course.length and self.draw(_MORE):
            step = self._step()
            self.steps.append(step)
            self.under_way = None
            self._look()
            if step.new is not None:
                states.append(step.new)
        return Walk(tuple(self.steps), tuple(states), not self.ref.is_alive(), self.machine.data)

    def _step(self) -> WalkStep:
        old = self.machine.state
        choice = self.draw(st.sampled_from(self.course.choices(old)))
        if choice is None:
            seconds = self._seconds()
            self.under_way = WalkStep(None, seconds, False, old, old, None)
            self.sim.advance(seconds)
            self._settle()
            self._read_answers(None)
            return WalkStep(None, seconds, False, old, self._state(), self.crash)
        event = UNKNOWN if choice is UNKNOWN else self._made(choice)
        asked = isinstance(event, Request) or self.draw(st.booleans()) or self.course.refuses(old, event)
        self.under_way = WalkStep(event, 0.0, asked, old, old, None)
        answer: Future[Any] | None = None
        if asked:
            answer = self.ref.ask(event, block=False)
            self.answers.append((answer, old, event))
        else:
            self.ref.tell(event)
        self._settle()
        return WalkStep(event, 0.0, asked, old, self._state(), self._read_answers(answer) or self.crash)

    def _made(self, choice: Any) -> Any:
        name = event_text(choice)
        try:
            event = self.draw(self.course.made(choice))
        except (ResolutionFailed, InvalidArgument, TypeError) as error:
            msg = f"{name} cannot be made ({error}): say how with events={{{name}: st.builds({name}, ...)}}"
            raise TypeError(msg) from error
        if isinstance(choice, type) and not isinstance(event, choice):
            msg = f"events={{{name}: ...}} made {event!r}, which is no {name}"
            raise TypeError(msg)
        return event

    def _settle(self) -> None:
        """Let happen what follows: what takes no time, and an action that waits until its end."""
        self.sim.advance(0)
        while self._is_waiting() and self.sim.step():
            self.sim.advance(0)

    def _is_waiting(self) -> bool:
        world, cell = self.sim._world, self.machine._greenroom_cell
        waits = any(runner.cell is cell and not runner.idle for runner in world.runners)
        return waits or any(parker.cell is cell for parker in world.parked.values())

    def _seconds(self) -> float:
        running = machine_info(self.ref).timeouts
        if not running:
            return 1.0
        return self.draw(st.sampled_from([running[0].left, running[0].left / 2]))

    def _state(self) -> Enum | None:
        return self.machine.state if self.ref.is_alive() else None

    def _read_answers(self, latest: Future[Any] | None) -> BaseException | None:
        """Judge the answers that have come; return what `latest` failed with."""
        waiting, found = [], None
        for answer, old, event in self.answers:
            if not answer.done():
                waiting.append((answer, old, event))
                continue
            error = answer.exception()
            if isinstance(error, ActorDeadError) and not self.ref.is_alive():
                continue  # who waits when it ends is told so
            if error is not None:
                if not self._is_refusal(error, old, event):
                    self._judge(error)
                found = error if answer is latest else found
        self.answers = waiting
        return found

    def _is_refusal(self, error: BaseException, old: Enum, event: Any) -> bool:
        return isinstance(error, UnhandledEventError) and error.event is event and self.course.refuses(old, event)

    def _judge(self, error: BaseException) -> None:
        if not isinstance(error, self.course.expected):
            self.failures.append(error)

    def _look(self) -> None:
        """Fail for what went wrong in the last step."""
        if self.failures:
            error = self.failures[0]
            error.add_note(self._story())
            raise error
        if self.crash is not None:
            return
        for invariant in self.course.invariants:
            name = getattr(invariant, "__name__", repr(invariant))
            try:
                holds = invariant(self.machine)
            except Exception as error:
                error.add_note(f"{name} was looked at\n{self._story()}")
                raise
            if holds is False:
                raise InvariantError(name, len(self.steps), self._story())

    def _story(self) -> str:
        lines = [f"  {number}. {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([f"in {self.machine.state} with {self.machine.data!r}, after:", *(lines or ["  the beginning"])])


def _text(event: Any) -> str:
    """Return an event as text: of one without a text of its own, its class and what it holds."""
    if isinstance(event, Enum):
        return str(event)
    if event is UNKNOWN or type(event).__repr__ is not object.__repr__:  # type: ignore[comparison-overlap]
        return repr(event)
    held = ", ".join(f"{name}={value!r}" for name, value in getattr(event, "__dict__", {}).items())
    return f"{event_text(type(event))}({held})"


_MORE = st.integers(0, 24).map(bool)  # so that a walk ends now and then before its length, and hypothesis can make it shorter
