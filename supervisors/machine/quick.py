"""The quick way through a chart: a function for each innermost state and class of event, made when the first one comes.

It is for events that need no care: no enter or exit action, no timeout, nothing postponed. All else goes by `supervisors.machine.steps`.
"""

from __future__ import annotations

import inspect
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from supervisors.machine.chart import Verdict
from supervisors.machine.errors import MachineError
from supervisors.machine.events import InternalEvent, StateChanged
from supervisors.machine.run import NEW, SLOW, Mark, Own
from supervisors.machine.steps import NOT_DONE, drive, handle, holds
from supervisors.machine.wrong import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors.machine.run import Run
    from supervisors.machine.table import Arm, Leaf, Move

    Step = Callable[[Any, Run, Any], Any]

__all__ = ["find"]

Machine = Any  # StateMachine[Any, Any], whose module needs this one


def find(machine: Machine, run: Run, message: Any) -> Step:
    """Return what handles a message for whose class there is no step, or not now."""
    if run.steps is NEW:
        msg = f"{type(machine).__qualname__} has not begun: its on_start() does not call super().on_start(), or does not await it"
        raise MachineError(msg)
    kind = type(message)
    if kind is Own or kind is Mark:
        return _careful
    if isinstance(message, InternalEvent):
        raise refused(machine, message, "it is internal: only the machine itself inserts it")
    if run.steps is SLOW:
        return _careful
    return run.leaf.steps.setdefault(kind, _step(run.leaf, kind)) if run.leaf.arms(kind) or issubclass(kind, Enum) else _careful


def _step(leaf: Leaf, kind: Any) -> Step:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _by_member(leaf, kind)
    arms = [(arm.when, _quick(leaf, arm)) for arm in leaf.arms(kind)]
    first, step = arms[0]
    if first is None:
        return step

    def guarded(machine: Machine, run: Run, event: Any) -> Any:
        for when, step in arms:
            if when is None or holds(machine, run, when, event):
                return step(machine, run, event)
        raise refused(machine, event, "no guard holds")

    return guarded


def _by_member(leaf: Leaf, kind: type[Enum]) -> Step:
    steps = {member._name_: _step(leaf, member) if leaf.arms(member) else _careful for member in kind}
    get = steps.get  # by name: the hash of a member is computed in Python

    def step(machine: Machine, run: Run, event: Any) -> Any:
        return get(event._name_, _careful)(machine, run, event)  # a Flag has more members than it names

    return step


def _quick(leaf: Leaf, arm: Arm) -> Step:
    """Return what takes an event by one transition, whose guard holds."""
    rule, do, move = arm.rule, arm.do, arm.move
    if rule.aside or rule.choice or leaf.impatient or inspect.iscoroutinefunction(do):
        return _by(arm)
    if arm.verdict is Verdict.IGNORE:
        return _nothing
    if arm.verdict is not Verdict.TAKE or (move is None and rule.targets):
        return _by(arm)
    if move is None or (not move.changes and not rule.reenter):
        return _nothing if do is None else _staying(arm, do, type(leaf.name))
    return _going(arm, do, move, leaf) if move.quiet else _by(arm)


def _nothing(machine: Machine, run: Run, event: Any) -> None:
    """Take an event that nothing is done for."""


def _staying(arm: Arm, do: Callable[..., Any], states: type[Enum]) -> Step:
    def step(machine: Machine, run: Run, event: Any) -> Any:
        try:
            value = do(machine, event)
        except BaseException:
            run.effects = None
            raise
        if run.effects is not None or type(value) is CoroutineType or type(value) is states:
            return drive(handle(machine, run, event, arm, value))
        return value

    return step


def _going(arm: Arm, do: Callable[..., Any] | None, move: Move, old: Leaf) -> Step:
    leaf, steps, name, states = move.leaf, move.leaf.steps, move.leaf.name, type(old.name)

    def step(machine: Machine, run: Run, event: Any) -> Any:
        value = None
        if do is not None:
            try:
                value = do(machine, event)
            except BaseException:
                run.effects = None
                raise
            if run.effects is not None or type(value) is CoroutineType or type(value) is states:
                return drive(handle(machine, run, event, arm, value))
        run.leaf = leaf
        run.steps = steps
        run.transitions += 1
        run.since = run.now()
        if run.stream._subscriptions:
            run.stream.publish(StateChanged(machine._greenroom_cell.ref, old.name, event, name))
        return value

    return step


def _careful(machine: Machine, run: Run, event: Any) -> Any:
    """Take an event from the mailbox for which nothing is known beforehand."""
    return drive(handle(machine, run, event, None, None))


def _by(arm: Arm) -> Step:
    def step(machine: Machine, run: Run, event: Any) -> Any:
        return drive(handle(machine, run, event, arm, NOT_DONE))

    return step
