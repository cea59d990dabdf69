"""The quick way through a chart: for each innermost state and class of event a record of what is done, made when the first one comes.

It is for events that need no care: no timeout, no choice, nothing postponed. All else goes by `supervisors.machine.steps`.
"""

from __future__ import annotations

import inspect
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import Verdict
from supervisors.machine.errors import MachineError
from supervisors.machine.events import InternalEvent, StateChanged
from supervisors.machine.run import NEW, SLOW, Mark, Phase, is_own
from supervisors.machine.steps import NOT_DONE, broke, check_hook, check_verdict, drive, entered, handle
from supervisors.machine.wrong import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisors.machine.run import Run
    from supervisors.machine.table import Arm, Leaf, Move

__all__ = ["Way", "find"]

ACTION, ENTER, EXIT, GUARD = Phase.ACTION, Phase.ENTER, Phase.EXIT, Phase.GUARD  # a member of an Enum is looked up slowly

Machine = Any  # StateMachine[Any, Any], whose module needs this one


class Way:
    """What becomes of a class of events in an innermost state.

    Attributes:
        step: takes the event: ``step(machine, run, event, way)``. One of the functions below, which few machines have more than one or two
            of: the interpreter is quickest where it calls the same function as the time before.
        arm: the transition.
        do: its action.
        old: the name of the state.
        leaf: where it leads; None if it stays.
        steps: those of that state.
        move: the whole way there.
        ways: with the guards, for an event with several transitions; by name, for the members of an Enum.
    """

    __slots__ = ("arm", "do", "leaf", "move", "old", "step", "steps", "ways")

    def __init__(self, step: Callable[..., Any], old: Enum | None = None, arm: Arm | None = None, move: Move | None = None) -> None:
        self.step = step
        self.old = old
        self.arm = arm
        self.do: Any = arm.do if arm is not None else None
        self.move = move
        self.leaf: Any = move.leaf if move is not None else None
        self.steps: Any = move.leaf.steps if move is not None else None
        self.ways: Any = None


# -- choosing, once for each class of event ----------------------------------------------------------------------------------------------


def find(machine: Machine, run: Run, message: Any) -> Way:
    """Return the way of a message for whose class there is none yet, or not now."""
    if run.steps is NEW:
        msg = f"{type(machine).__qualname__} has not begun: its on_start() does not call super().on_start(), or does not await it"
        raise MachineError(msg)
    kind = type(message)
    if kind is Mark:
        return CAREFUL
    if isinstance(message, InternalEvent):
        if is_own(machine._greenroom_cell):
            return CAREFUL
        raise refused(machine, message, "it is internal: only the machine itself inserts it")
    if run.steps is SLOW or not (run.leaf.arms(kind) or issubclass(kind, Enum)):
        return CAREFUL
    return run.leaf.steps.setdefault(kind, _way(run.leaf, kind))


def _way(leaf: Leaf, kind: Any) -> Way:
    if isinstance(kind, type) and issubclass(kind, Enum):
        way = Way(_take_member)
        members: Mapping[str, Way] = {one._name_: _way(leaf, one) for one in kind if leaf.arms(one)}
        way.ways = members
        return way
    ways = [(arm.when, _quick(leaf, arm)) for arm in leaf.arms(kind)]
    if ways[0][0] is None:
        return ways[0][1]
    way = Way(_take_guarded)
    way.ways = tuple(ways)
    return way


def _quick(leaf: Leaf, arm: Arm) -> Way:
    """Return the way of an event by one transition, whose guard holds."""
    rule, do, move = arm.rule, arm.do, arm.move
    careful = Way(_take_with_care, leaf.name, arm)
    if rule.aside or rule.choice or leaf.impatient:
        return careful
    if arm.verdict is Verdict.IGNORE:
        return IGNORED
    if arm.verdict is not Verdict.TAKE or (move is None and rule.targets):
        return careful
    waits = inspect.iscoroutinefunction(do)
    if move is None or (not move.changes and not rule.reenter):
        return IGNORED if do is None else Way(_wait if waits else _stay, leaf.name, arm)
    if not move.quick or ((move.exits or move.enters) and leaf.table.machine._greenroom_async):
        return careful  # a function of an async machine that is none of async def may return a coroutine
    return Way(_wait if waits else _cross if move.exits or move.enters else _go, leaf.name, arm, move)


# -- taking an event ---------------------------------------------------------------------------------------------------------------------


def _ignore(machine: Machine, run: Run, event: Any, way: Way) -> None:
    """Take an event that nothing is done for."""


def _stay(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    try:
        value = way.do(machine, event)
    except BaseException:
        run.effects = None
        raise
    if run.effects is not None or (value is not None and _is_odd(way, value)):
        return drive(handle(machine, run, event, way.arm, value))
    return value


def _go(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    value, do = None, way.do
    if do is not None:
        try:
            value = do(machine, event)
        except BaseException:
            run.effects = None
            raise
        if run.effects is not None or (value is not None and _is_odd(way, value)):
            return drive(handle(machine, run, event, way.arm, value))
    run.leaf = way.leaf
    run.steps = way.steps
    run.transitions += 1
    now = run.now
    run.since = now()
    if run.stream._subscriptions:
        _publish(machine, run, event, way)
    return value


async def _wait(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    """Stay, or change the state, after an action that is async. No other event is taken meanwhile."""
    try:
        value = await way.do(machine, event)
    except BaseException:
        run.effects = None
        raise
    if run.effects is not None or (value is not None and _is_odd(way, value)):
        rest = drive(handle(machine, run, event, way.arm, value))
        return await rest if type(rest) is CoroutineType else rest
    if way.leaf is not None:
        run.leaf = way.leaf
        run.steps = way.steps
        run.transitions += 1
        run.since = run.now()
        if run.stream._subscriptions:
            _publish(machine, run, event, way)
    return value


def _cross(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    """Change the state, with exit and enter actions."""
    value, do, move = None, way.do, way.move
    if do is not None:
        try:
            value = do(machine, event)
        except BaseException:
            run.effects = None
            raise
        if run.effects is not None or (value is not None and _is_odd(way, value)):
            return drive(handle(machine, run, event, way.arm, value))
    assert move is not None
    try:
        _leave_and_enter(machine, run, move)
    except BaseException as error:
        run.phase = ACTION
        broke(machine, run, error)
        raise
    run.steps = way.steps
    if run.stream._subscriptions:
        _publish(machine, run, event, way)
    return drive(entered(machine, run, value)) if run.zeros or run.waiting else value


def _leave_and_enter(machine: Machine, run: Run, move: Move) -> None:
    run.phase = EXIT
    for do in move.exits:
        if (value := do(machine)) is not None:
            check_hook(machine, run, do, value)
    run.leaf = move.leaf
    run.transitions += 1
    run.since = run.now()
    run.phase = ENTER
    for do in move.enters:
        if (value := do(machine)) is not None:
            check_hook(machine, run, do, value)
    run.phase = ACTION


def _take_guarded(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    for when, one in way.ways:
        if when is not None:
            run.phase = GUARD
            try:
                verdict = when(machine, event)
            finally:
                run.phase = ACTION
            if verdict is False or not check_verdict(machine, when, verdict):
                continue
        step = one.step
        return step(machine, run, event, one)
    raise refused(machine, event, "no guard holds")


def _take_member(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    one = way.ways.get(event._name_, CAREFUL)  # by name: the hash of a member is computed in Python
    step = one.step
    return step(machine, run, event, one)


def _take_with_care(machine: Machine, run: Run, event: Any, way: Way) -> Any:
    return drive(handle(machine, run, event, way.arm, NOT_DONE))


def _publish(machine: Machine, run: Run, event: Any, way: Way) -> None:
    run.stream.publish(StateChanged(machine._greenroom_cell.ref, way.old, event, way.leaf.name))


def _is_odd(way: Way, value: Any) -> bool:
    """Tell whether an action returned what may be no answer: a state, or a coroutine."""
    return type(value) is CoroutineType or type(value) is type(way.old)


CAREFUL = Way(_take_with_care)
IGNORED = Way(_ignore)
