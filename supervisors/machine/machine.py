"""The base class of actors that are state machines."""

from __future__ import annotations

import copy
import inspect
from enum import Enum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin, overload

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from actors import Actor, NotInActorError
from actors._core.actor import _own
from actors._core.context import current_entry
from actors._core.handlers import enclosing_names
from actors._core.messages import Control
from actors._core.seconds import check_seconds
from supervisors.machine import steps
from supervisors.machine.chart import Chart, History
from supervisors.machine.checks import check
from supervisors.machine.errors import MachineDeclarationError, Problem
from supervisors.machine.events import EventTimeout, NamedTimeout, StateTimeout
from supervisors.machine.mermaid import mermaid
from supervisors.machine.quick import find
from supervisors.machine.run import NEW, Phase, Run
from supervisors.machine.snapshot import Snapshot
from supervisors.machine.svg import svg
from supervisors.machine.table import Table
from supervisors.machine.timeouts import apply
from supervisors.machine.tree import grow
from supervisors.machine.wrong import wrong

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors.machine.run import Effects

__all__ = ["StateMachine"]

S = TypeVar("S", bound=Enum)
D = TypeVar("D")

EVENT_LIMIT = 10_000
MISSING: Any = object()
_PROXIED = (ProxyCall, ProxyGetAttr, ProxySetAttr)


class StateMachine(Actor, Generic[S, D]):
    """An actor that is a state machine: what becomes of a message depends on the state it is in, and a chart says how.

    `S` is the Enum of its states, `D` the type of the data beside the state. The chart stands in the class body, behind its actions::

        class Turnstile(StateMachine[Gate, int]):
            def count(self, event: Push) -> None:
                self.data += 1

            chart = Chart(
                initial(Gate.LOCKED, on(Coin, to=Gate.OPEN), ignore(Push)),
                state(Gate.OPEN, on(Push, to=Gate.LOCKED, do=count), ignore(Coin), state_timeout(10.0, to=Gate.LOCKED)),
            )

    It is checked when the class is made. A subclass that overrides an action takes part in the chart with its own.

    What an action returns answers an ask, as in every actor; `reply_later()` answers from a later state. An action that raises has changed
    nothing but the data: the machine stays where it is, and the asker is told; if nobody asked, it crashes. What an enter or exit action
    raises crashes it in any case, and so does what is raised while it takes an event of its own.

    Args (class keywords; those of `Actor` but ``reentrant`` as well):
        event_limit: how many events it may give itself in a row: inserted ones, timeouts of 0, postponed ones over and over.

    Raises (when the class is made):
        MachineDeclarationError: something is wrong with the chart; it names each line.

    The rules are those of OTP's ``gen_statem``, hierarchical states and history those of UML state charts.
    """

    chart: Chart[S]
    """What it does in which state."""

    data: D
    """What the machine keeps beside its state. Yours to change in actions."""

    _greenroom_table: ClassVar[Table | None] = None
    _greenroom_event_limit: ClassVar[int] = EVENT_LIMIT

    def __init_subclass__(cls, *, event_limit: int | None = None, **keywords: Any) -> None:
        if event_limit is not None:
            if isinstance(event_limit, bool) or not isinstance(event_limit, int) or event_limit < 1:
                msg = f"event_limit={event_limit!r} is not valid: a whole number of events, 1 or more"
                raise ValueError(msg)
            cls._greenroom_event_limit = event_limit
        if keywords.get("reentrant"):
            msg = f"{cls.__qualname__}: reentrant=True is not for machines: they take one event at a time"
            raise TypeError(msg)
        chart = getattr(cls, "chart", None)
        if chart is not None:
            cls._greenroom_table = _table(cls, chart, enclosing_names(cls))
            cls._greenroom_awaits = any(map(inspect.iscoroutinefunction, cls._greenroom_table.functions()))
        super().__init_subclass__(**keywords)
        if cls.on_receive is not StateMachine.on_receive or cls._greenroom_handlers:
            msg = f"{cls.__qualname__}: what becomes of messages is in the chart of a machine, not in on_receive() or @handler; use on()"
            raise TypeError(msg)

    @overload
    def __init__(self: StateMachine[S, None]) -> None: ...
    @overload
    def __init__(self, data: D) -> None: ...
    def __init__(self, data: Any = MISSING) -> None:
        """Prepare the machine, with its data. An override calls ``super().__init__(data)``."""
        super().__init__()
        if data is MISSING:
            data = None
            kind = _data_of(type(self))
            if kind is not None:
                msg = f"{type(self).__qualname__}() is not valid: it is a StateMachine[..., {kind}]; give its data"
                raise TypeError(msg)
        table = self._greenroom_table
        if table is None:
            msg = f"{type(self).__qualname__} has no chart: write chart = Chart(...) in the class"
            raise TypeError(msg)
        self.data = data
        self._greenroom_run = Run(table, self._greenroom_cell)

    # -- where it is -------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> S:
        """The state it is in: the innermost one. In an exit action the one that is left, in an enter action the one that is entered."""
        return self._greenroom_run.leaf.name  # type: ignore[return-value]

    def is_in(self, state: S) -> bool:
        """Tell whether it is in `state`, or in one inside of it."""
        return state in self._greenroom_run.leaf.inside

    def snapshot(self) -> Snapshot[S, D]:
        """Return where it is, with a deep copy of its data."""
        run = self._greenroom_run
        history: Any = {node.name: leaf.name for node, leaf in run.visited.items()}
        return Snapshot(self.state, copy.deepcopy(self.data), history)

    def resume(self, snapshot: Snapshot[S, D]) -> None:
        """Begin where `snapshot` was taken, in place of the initial state. Called in ``__init__``, behind ``super().__init__()``.

        That state is entered as any other: its enter actions run, its timeouts start.

        Raises:
            ValueError: it is none of an innermost state of this machine.
            TransitionError: the machine has begun.
        """
        run = self._greenroom_run
        if not isinstance(snapshot, Snapshot):
            msg = f"snapshot={snapshot!r} is not valid: a Snapshot"
            raise TypeError(msg)
        if run.steps is not NEW:
            raise wrong(self, "resume() is for __init__: the machine has begun")
        leaves, nodes = run.table.leaves, run.table.tree.nodes
        for state in (snapshot.state, *snapshot.history.values()):
            if state not in leaves:
                msg = f"snapshot={snapshot!r} is not valid: {state!r} is no innermost state of {type(self).__qualname__}"
                raise ValueError(msg)
        run.leaf = leaves[snapshot.state]
        run.visited = {nodes[state]: leaves[was] for state, was in snapshot.history.items()}
        run.saved = snapshot
        self.data = copy.deepcopy(snapshot.data)

    # -- life --------------------------------------------------------------------------------------------------------------

    def on_start(self) -> Any:
        """Enter the initial state. An override calls ``super().on_start()``, and awaits what it returns if the machine is async."""
        super().on_start()
        return steps.drive(steps.begin(self, self._greenroom_run))

    def on_handover(self) -> Any:
        """Hand the last `checkpoint` over to the next incarnation."""
        return self._greenroom_run.saved

    def on_takeover(self, state: Any) -> None:
        """Resume from what `on_handover` gave."""
        self.resume(state)

    def on_receive(self, message: Any) -> Any:
        """Take an event, as the chart says. Not to be overridden."""
        run = self._greenroom_run
        try:
            way = run.steps[type(message)]
        except KeyError:
            way = find(self, run, message)
        step = way.step
        return step(self, run, message, way)

    # -- what an action asks for -------------------------------------------------------------------------------------------

    def goto(self, state: S | History[S]) -> None:
        """Go to `state`, one of those declared with ``to=(A, B)``, once the action has returned. Without this call the machine stays.

        Raises:
            TransitionError: it is not declared there, or this is no action.
        """
        self._asking("goto()").to = state

    def insert(self, *events: Any) -> None:
        """Take `events` next, the first one first, ahead of postponed ones and of those in the mailbox.

        Raises:
            TransitionError: this is an enter or exit action, or a guard.
        """
        self._asking("insert()").inserted += events

    def checkpoint(self) -> None:
        """Keep a snapshot, taken once the event being handled is done with: a restart resumes from it, in place of the initial state.

        Raises:
            TransitionError: this is an enter or exit action, or a guard.
        """
        self._asking("checkpoint()").checkpoint = True

    def start_state_timeout(self, seconds: float) -> None:
        """Start the state timeout of the state that the event leads to, or stays in; in place of the one that is running.

        Args:
            seconds: 0 or more.

        Raises:
            TransitionError: that state has no `state_timeout()` in the chart.
        """
        self._timeout("start_state_timeout()", StateTimeout, check_seconds("seconds", seconds))

    def cancel_state_timeout(self) -> None:
        """Cancel the state timeout of the state that the event leads to, and of those around it."""
        self._timeout("cancel_state_timeout()", StateTimeout, None)

    def start_event_timeout(self, seconds: float) -> None:
        """Start an event timeout: over once no event has come for `seconds`; any event cancels it.

        Args:
            seconds: 0 or more.

        Raises:
            TransitionError: the state that the event leads to has no `event_timeout()` in the chart.
        """
        self._timeout("start_event_timeout()", EventTimeout(), check_seconds("seconds", seconds))

    def cancel_event_timeout(self) -> None:
        """Cancel the event timeout."""
        self._timeout("cancel_event_timeout()", EventTimeout(), None)

    def start_timeout(self, key: Hashable, seconds: float) -> None:
        """Start the named timeout `key`, in place of the one that is running. It outlives changes of state.

        Args:
            key: the name, of which there is a `timeout()` in the chart.
            seconds: 0 or more.

        Raises:
            TransitionError: there is no `timeout()` of that name in the chart.
        """
        event = NamedTimeout(key)
        if event not in self._greenroom_run.table.keys:
            raise wrong(self, f"start_timeout({key!r}): there is no timeout({key!r}) in the chart: nothing would happen; add it")
        self._timeout("start_timeout()", event, check_seconds("seconds", seconds))

    def cancel_timeout(self, key: Hashable) -> None:
        """Cancel the named timeout `key`, also if it is over and its event has not been taken yet."""
        self._timeout("cancel_timeout()", NamedTimeout(key), None)

    def stash(self) -> None:
        """Not for machines: `postpone()` in the chart is."""
        raise wrong(self, "stash() is not for machines: write postpone(...), or on(..., postpone=True), in the chart")

    def unstash(self, count: int | None = None) -> int:
        """Not for machines: postponed events are taken again at the next change of state."""
        del count
        raise wrong(self, "unstash() is not for machines: postponed events are taken again at the next change of state")

    def _asking(self, call: str) -> Effects:
        """Return what the action running here asks for."""
        run = self._acting(call)
        if run.phase in (Phase.ENTER, Phase.EXIT):
            raise wrong(self, f"{call} in an enter or exit action: these may not change the state, nor insert or postpone events")
        return run.asked()

    def _timeout(self, call: str, event: Any, seconds: float | None) -> None:
        run = self._acting(call)
        if run.phase is Phase.ENTER or (run.phase is Phase.EXIT and isinstance(event, NamedTimeout)):
            effects = run.asked()
            run.effects = None
            effects.timeouts.append((event, seconds))
            apply(self, run, effects)
        elif run.phase is Phase.EXIT:
            raise wrong(self, f"{call} in an exit action: that state is over; call it in the action, or when the next state is entered")
        else:
            run.asked().timeouts.append((event, seconds))

    def _acting(self, call: str) -> Run:
        """Check that an action is running here."""
        cell = _own(self, call)
        run = self._greenroom_run
        if run.phase is Phase.GUARD:
            raise wrong(self, f"{call} in a guard: a guard only looks")
        entry = current_entry(cell)
        if run.phase is Phase.ACTION and (isinstance(entry, Control) or type(cell.unwrap(entry)[0]) in _PROXIED):
            raise NotInActorError(call, "is for actions of the chart: there is no event being handled here")
        return run

    def _greenroom_put_aside(self) -> None:
        super().stash()

    # -- pictures ----------------------------------------------------------------------------------------------------------

    @classmethod
    def diagram(cls, kind: Literal["mermaid", "svg"] = "mermaid", *, current: S | None = None) -> str:
        """Return a picture of the chart.

        Args:
            kind: Mermaid's text of a state diagram, or an SVG document.
            current: a state to be shown as the one the machine is in.

        Raises:
            TypeError: the class has no chart.
            ValueError: `kind` or `current` is none of these.
        """
        if cls._greenroom_table is None:
            msg = f"{cls.__qualname__} has no chart: there is nothing to draw"
            raise TypeError(msg)
        if kind == "mermaid":
            return mermaid(cls, current)
        if kind == "svg":
            return svg(cls, current)
        msg = f"kind={kind!r} is not valid: 'mermaid' or 'svg'"
        raise ValueError(msg)


def _data_of(machine: type[Any]) -> str | None:
    """Return how a class says that its data is of a type that None is not of; None if it does not say so."""
    for base in machine.__mro__:
        for written in vars(base).get("__orig_bases__", ()):
            if get_origin(written) is StateMachine:
                kind = get_args(written)[1]
                plain = get_origin(kind) or kind
                refuses = isinstance(plain, type) and plain not in (NoneType, UnionType, object)
                return (kind.__qualname__ if kind is plain else str(kind)) if refuses else None
    return None


def _table(machine: type[Any], chart: Any, names: dict[str, Any]) -> Table:
    """Make the table of a class from its chart, or raise telling all that is wrong."""
    name = machine.__qualname__
    if not isinstance(chart, Chart):
        where = f"{machine.__module__}.{name}"
        raise MachineDeclarationError(name, [Problem(where, f"chart={chart!r} is not valid: chart = Chart(...)")])
    tree = grow(chart)
    if not tree.problems:
        check(tree, machine, names)
    if tree.problems:
        raise MachineDeclarationError(name, tree.problems)
    return Table(tree, machine)
