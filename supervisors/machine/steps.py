"""How a machine takes an event: what is done, in which order. The rules are those of OTP's gen_statem.

Each part is a generator that yields the coroutines of async actions, and nothing where all are plain. So there is one text for both.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actors._core import fates
from actors._core.context import current_entry
from actors._core.events import DeadLetterReason
from actors._core.messages import STOP, Control, Entry, Signal, Stashed
from actors._core.turn import answered
from actors.errors import ActorKilled, StashFullError
from supervisors.machine.chart import History, Kind, Verdict
from supervisors.machine.errors import EndlessEventsError
from supervisors.machine.events import Done, EventTimeout, NamedTimeout, StateChanged, StateTimeout
from supervisors.machine.run import NO_EFFECTS, SLOW, Mark, Phase, is_own, own_entry
from supervisors.machine.timeouts import apply, cancel_timeout, check_timeouts, start_timeout
from supervisors.machine.wrong import name_of, refused, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from actors._core.cell import Cell
    from supervisors.machine.run import Effects, Run
    from supervisors.machine.table import Arm, Leaf, Move

    Steps = Generator[Any, Any, Any]

__all__ = ["NOT_DONE", "begin", "broke", "check_hook", "check_verdict", "drive", "entered", "handle"]

VALUES = (Enum, StateTimeout, EventTimeout, NamedTimeout, Done)  # events by themselves, not by their class

Machine = Any  # StateMachine[Any, Any], whose module needs this one


class _NotDone:
    """Stands for what an action returns that has still to be called."""


NOT_DONE = _NotDone()


# -- driving -----------------------------------------------------------------------------------------------------------------------------


def drive(steps: Steps) -> Any:
    """Run steps; return what they return, or a coroutine for the rest of them if they wait for one."""
    try:
        waits = next(steps)
    except StopIteration as stop:
        return stop.value
    return _go_on(steps, waits)


async def _go_on(steps: Steps, waits: Any) -> Any:
    while True:
        try:
            value = await waits
        except BaseException as error:  # noqa: BLE001  # it belongs to the action that waits
            try:
                waits = steps.throw(error)
            except StopIteration as stop:
                return stop.value
        else:
            try:
                waits = steps.send(value)
            except StopIteration as stop:
                return stop.value


def _awaited(machine: Machine, do: Any, waits: Any) -> Steps:
    """Return what comes of the coroutine that an action returned."""
    if machine._greenroom_async:
        return (yield waits)
    raise _not_plain(machine, do, waits)


def _not_plain(machine: Machine, do: Any, waits: Any) -> Exception:
    waits.close()
    return wrong(machine, f"{name_of(do)} returned a coroutine: declare it with async def, so that the machine runs on an event loop")


# -- one event from the mailbox ----------------------------------------------------------------------------------------------------------


def handle(machine: Machine, run: Run, event: Any, arm: Arm | None, value: Any) -> Steps:
    """Take an event from the mailbox, by `arm` if that is known, and then what the machine has given itself thereby.

    `value` is what the action returned, if it was called; NOT_DONE if it is to be called.
    """
    if type(event) is not Mark:
        own = is_own(machine._greenroom_cell)
        try:
            value = yield from _take(machine, run, event, arm, value, mailed=True)
        except BaseException as error:
            if run.broken:
                broke(machine, run, error)
            else:
                _steady(machine, run)
            raise
        if not own and type(current_entry(machine._greenroom_cell)) is not Stashed:
            run.progressed()
    if run.inserted or (run.zeros and not run.retrying):
        yield from _own_events(machine, run, value)
    if not run.retrying:
        run.progressed()
    return value


def entered(machine: Machine, run: Run, value: Any) -> Steps:
    """Go on with what enter actions have started, after an event that was taken the quick way."""
    _steady(machine, run)
    if run.zeros and not run.retrying:
        yield from _own_events(machine, run, value)
    return value


def _own_events(machine: Machine, run: Run, value: Any) -> Steps:
    """Take the events that the machine has given itself. What fails here is a crash: nobody asked for it."""
    answered(machine._greenroom_cell, value)
    try:
        yield from _settle(machine, run)
    except Exception as error:
        if isinstance(error, machine._greenroom_cell.system.ports.passing):
            raise
        _crash(machine, error)
    except machine._greenroom_cell.system.ports.cancelled as error:
        _crash(machine, error)
        raise


def _settle(machine: Machine, run: Run) -> Steps:
    while (event := run.next_own()) is not None:
        if not run.circle(event, machine._greenroom_event_limit):
            raise EndlessEventsError(type(machine).__qualname__, run.leaf.name, machine._greenroom_event_limit, run.recent)
        yield from _take(machine, run, event, None, None, mailed=False)


def begin(machine: Machine, run: Run) -> Steps:
    """Enter the state in which the machine begins."""
    yield from _change(machine, run, run.table.into(run.leaf), NO_EFFECTS)
    run.transitions = 0
    _steady(machine, run)
    _changed(machine, run, None, None)
    yield from _settle(machine, run)
    run.progressed()


# -- one event ---------------------------------------------------------------------------------------------------------------------------


def _take(machine: Machine, run: Run, event: Any, arm: Arm | None, value: Any, *, mailed: bool) -> Steps:
    """Take one event: guard, action, change of state, what the action asked for."""
    if run.waiting:
        cancel_timeout(machine, run, EventTimeout())
    if arm is None:
        arm, value = _choose(machine, run, event), NOT_DONE
    leaf = run.leaf
    if run.observer is not None and arm.verdict is Verdict.REFUSE:
        run.observer(leaf, arm.rule, event, None)
    value = yield from _act(machine, run, arm, event, value, mailed=mailed)
    effects, run.effects = run.effects or NO_EFFECTS, None
    if value is not None:
        _check_answer(machine, run, value, mailed=mailed)
    move = _way(machine, run, arm, effects)
    check_timeouts(machine, run.leaf if move is None else move.leaf, effects)
    if arm.rule.aside or arm.verdict is Verdict.POSTPONE:
        _set_aside(machine, event, mailed=mailed)
    yield from _conclude(machine, run, move, effects, event)
    if run.observer is not None:
        run.observer(leaf, arm.rule, event, effects.to)
    return value


def _act(machine: Machine, run: Run, arm: Arm, event: Any, value: Any, *, mailed: bool) -> Steps:
    """Do what a transition says, unless it was done and has returned `value`; return what the action returns."""
    if arm.verdict is Verdict.REFUSE:
        raise refused(machine, event, f"refuse() in the chart, {arm.rule.where}")
    if arm.do is None:
        return None
    former, run.phase = run.phase, Phase.ACTION if mailed else Phase.OWN
    try:
        if value is NOT_DONE:
            value = arm.do(machine, event)
        if type(value) is CoroutineType:
            value = yield from _awaited(machine, arm.do, value)
        return value
    except BaseException:
        run.effects = None
        raise
    finally:
        run.phase = former


def _conclude(machine: Machine, run: Run, move: Move | None, effects: Effects, event: Any) -> Steps:
    """Go where the event leads, and do what its action asked for. What fails in here leaves the machine in no state."""
    inserted: Sequence[Any] = effects.inserted
    try:
        if move is None:
            apply(machine, run, effects)
        else:
            old = run.leaf
            yield from _change(machine, run, move, effects)
            if move.changes:
                _changed(machine, run, old, event)
                inserted = _arrive(machine, run, inserted)
        run.insert(inserted)
        if effects.checkpoint:
            run.saved = machine.snapshot()
        if run.leaf.node.kind is not Kind.FINAL:
            _steady(machine, run)
    except BaseException:
        run.broken = True
        raise


def _choose(machine: Machine, run: Run, event: Any) -> Arm:
    for arm in run.leaf.arms(event if isinstance(event, VALUES) else type(event)):
        if arm.when is None or _holds(machine, run, arm.when, event):
            return arm
    hint = "; it is a class: send an instance of it" if isinstance(event, type) else ""
    raise refused(machine, event, f"no state of the chart knows it{hint}")


def _holds(machine: Machine, run: Run, when: Callable[..., Any], event: Any) -> bool:
    """Ask a guard."""
    former, run.phase = run.phase, Phase.GUARD
    try:
        verdict = when(machine, event)
    finally:
        run.phase = former
    return check_verdict(machine, when, verdict)


def check_verdict(machine: Machine, when: Any, verdict: Any) -> bool:
    """Return what a guard said; raise TransitionError for what is neither True nor False."""
    if verdict is True or verdict is False:
        return verdict
    raise wrong(machine, f"the guard {name_of(when)} returned {verdict!r}: True or False")


def _way(machine: Machine, run: Run, arm: Arm, effects: Effects) -> Move | None:
    """Return where the event leads; None if the state is neither changed nor entered again."""
    rule, move = arm.rule, arm.move
    to: Any = None
    if rule.choice:
        to = effects.to
        if to is not None and to not in rule.targets:
            choices = ", ".join(map(str, rule.targets))
            raise wrong(machine, f"goto({to}) is not among to=({choices},) at {rule.where}; add it there")
    elif effects.to is not None and (effects.to,) != rule.targets:
        raise wrong(machine, f"goto({effects.to}): the transition at {rule.where} has no choice; declare it with to=({effects.to}, ...)")
    elif rule.targets and move is None:
        to = rule.targets[0]
    if to is not None:
        table = run.table
        node = table.tree.nodes[to.of if isinstance(to, History) else to]
        leaf = _remembered(run, to) if isinstance(to, History) else table.leaf(node)
        move = table.between(run.leaf, leaf, node if rule.reenter else None)
    return move if move is not None and (move.changes or rule.reenter) else None


def _remembered(run: Run, to: History[Any]) -> Leaf:
    node = run.table.tree.nodes[to.of]
    last = run.visited.get(node)
    if last is None:
        return run.table.leaf(node)
    if to.deep:
        return last
    return run.table.leaf(last.chain[last.chain.index(node) - 1])


def _change(machine: Machine, run: Run, move: Move, effects: Effects) -> Steps:
    """Leave the states that are left and enter those that are entered."""
    former, run.phase = run.phase, Phase.EXIT
    try:
        for event in move.cancels:
            cancel_timeout(machine, run, event)
        for node in move.records:
            run.visited[node] = run.leaf
        for do in move.exits:
            if (value := do(machine)) is not None:
                yield from _check_hook(machine, run, do, value)
        run.leaf = move.leaf
        run.transitions += move.changes
        run.since = run.now()
        run.phase = Phase.ENTER
        for event, rule in move.starts:
            start_timeout(machine, run, event, rule.seconds)
        apply(machine, run, effects)
        for do in move.enters:
            if (value := do(machine)) is not None:
                yield from _check_hook(machine, run, do, value)
    finally:
        run.phase = former


def _arrive(machine: Machine, run: Run, inserted: Sequence[Any]) -> Sequence[Any]:
    """Do what a new state brings along: it may be the last one, or postponed events are taken again. Return the events to insert."""
    cell = machine._greenroom_cell
    node = run.leaf.node
    if node.kind is Kind.FINAL:
        assert node.parent is not None  # only the root has none
        if node.parent.name is None:
            for event in (*inserted, *(run.inserted or ())):
                fates.dead_letter(cell, event, DeadLetterReason.STOPPED, own_turn=True)
            run.zeros.clear()
            run.inserted = None
            run.steps = SLOW
            cell.system.put_back(cell, [Entry((STOP, None, None))])  # ahead of all mail: a final state takes no events
            return []
        inserted = [*inserted, Done(node.parent.name)]
    stash = cell.rare.stash if cell.rare is not None else None
    if stash and cell.end is None:
        # Those inserted before this event stay behind the postponed ones, which the queue restarts from; those of this event go ahead.
        entries = [*stash, *(own_entry(cell, event) for event in run.inserted or ())]
        stash.clear()
        run.inserted = None
        if not run.retrying:
            run.retrying = True
            entries.append(run.mark())
        elif not run.circle(cell.unwrap(entries[-1])[0], machine._greenroom_event_limit):
            run.broken = True
            raise EndlessEventsError(type(machine).__qualname__, run.leaf.name, machine._greenroom_event_limit, run.recent)
        cell.system.put_back(cell, entries)
    return inserted


def _steady(machine: Machine, run: Run) -> None:
    """Let the event timeout of the state begin, and choose the way of the next event."""
    rule = run.leaf.patience if run.leaf.impatient and not run.waiting else None
    if rule is not None:
        start_timeout(machine, run, EventTimeout(), rule.seconds)
    rare = machine._greenroom_cell.rare
    slow = run.waiting or run.observer is not None or (rare is not None and rare.stash)
    run.steps = SLOW if slow else run.leaf.steps


def _changed(machine: Machine, run: Run, old: Leaf | None, event: object) -> None:
    if not run.stream.idle:
        run.stream.publish(StateChanged(machine._greenroom_cell.ref, None if old is None else old.name, event, run.leaf.name))


def _set_aside(machine: Machine, event: Any, *, mailed: bool) -> None:
    """Postpone an event: it is kept in the stash, with whoever asked."""
    cell = machine._greenroom_cell
    if mailed:
        own = is_own(cell)
        machine._greenroom_put_aside()
        if own:  # the stash takes it for one that has passed its fence, which it has to pass again
            cell.rare.stash[-1] = own_entry(cell, event)
        return
    rare = cell.extras()
    if rare.stash is None:
        rare.stash = deque()
    if len(rare.stash) >= cell.options.stash_capacity:
        raise StashFullError(cell.label(), cell.options.stash_capacity)
    rare.stash.append(own_entry(cell, event))


def _check_answer(machine: Machine, run: Run, value: Any, *, mailed: bool) -> None:
    if type(value) is run.table.states and not (mailed and machine._greenroom_cell.reply is not None):
        raise wrong(machine, f"an action returned {value}, but nobody asked: where to go, say with to= in the chart, or with goto()")


def _check_hook(machine: Machine, run: Run, do: Any, value: Any) -> Steps:
    """Deal with what an enter or exit action returned: a coroutine is awaited, a state is nonsense."""
    if type(value) is CoroutineType:
        value = yield from _awaited(machine, do, value)
    check_hook(machine, run, do, value)


def check_hook(machine: Machine, run: Run, do: Any, value: Any) -> None:
    """Raise TransitionError for what an enter or exit action that is not awaited may not return: a state, or a coroutine."""
    if type(value) is CoroutineType:
        raise _not_plain(machine, do, value)
    if type(value) is run.table.states:
        raise wrong(machine, f"{name_of(do)} returned {value}: an enter or exit action may not change the state")


def _answers(machine: Machine) -> bool:
    """Tell whether what is raised now is told to an asker, and is no crash."""
    cell: Cell = machine._greenroom_cell
    entry = current_entry(cell)
    stashed = type(entry) is Stashed
    if stashed:
        entry = entry.entry
    crashes = cell.guard is not None and cell.guard.ask_crashes and not stashed
    return type(entry) is Entry and entry[1] is not None and not crashes


def broke(machine: Machine, run: Run, error: BaseException) -> None:
    """Deal with a machine that is in no state any more: it crashes, also if what is raised is told to an asker, which is no crash."""
    run.broken = True
    if _answers(machine):
        _crash(machine, error)


def _crash(machine: Machine, error: BaseException) -> None:
    """Crash once the message being handled is done with."""
    cell: Cell = machine._greenroom_cell
    if isinstance(error, ActorKilled):
        return
    incarnation = cell.incarnation
    cell.signal(Control(Signal.CRASH, error=error, call=lambda: cell.incarnation == incarnation))
