"""What happened in a run, step by step, for people."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from actors._core.bounded import bare
from actors._core.desk import line_text
from actors._core.log import Log
from actors._core.messages import STOP
from actors.testing.network import Kind, network_of
from actors.texts import error_text, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors._core.cell import Cell
    from actors._core.events import ActorCrashed
    from actors.testing.faults import Fault, Injector
    from actors.testing.network import Now, Pending
    from actors.testing.world import World

__all__ = ["Step", "record", "without_addresses"]

_REF = re.compile(r"<ActorRef for (\w+) \(urn:uuid:[0-9a-f-]+\)>")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # differs from run to run
WIDTH = 60  # characters of a message that are shown
STATE_WIDTH = 200  # characters of an actor's state that are shown, and of one attribute


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run.

    Attributes:
        number: counted from 1.
        kind: what kind of step it was.
        actor: the path of the actor whose step it was; "" for the scenario.
        sender: the path of who sent, set or caused it; "" for the scenario.
        message: the message delivered, as text; of a signal its name, like "start"; of a fault what it did; "" in other kinds of steps.
        time: virtual time, in seconds.
        cause: the number of the step in which it was sent, set or caused; 0 for the beginning of the scenario.
        overtook: how many that had waited longer were possible, too.
        overtaken: the older messages to the same actor that this delivery came before, like "'exit' /s1 -> /registry".
        clock: the vector clock after the step: of each actor that had a part in it, by path, how many of its steps are in the causal past.
        before: the state of the actor before the step, as text; None unless states were asked for.
        after: the state after it; None as well if the actor has ended.
        actor_class: the name of the actor's class; "" for the scenario.
        waiting: what is under way to each actor after the step, by path; empty unless states were asked for.
        attributes: of each attribute of the actor, its value before and after the step, as text; None where it has none; empty unless
            states were asked for.
        logged: what was logged in the step, like "INFO: sold out".
        crash: what the actor failed with in the step, like "ValueError: no such key"; of others, whose coroutines went on in it, with
            their paths, like "/store: ValueError: no such key"; "" if none did.
    """

    number: int
    kind: Kind
    actor: str
    sender: str
    message: str
    time: float
    cause: int
    overtook: int
    overtaken: tuple[str, ...] = ()
    clock: dict[str, int] = field(default_factory=dict, hash=False)
    before: str | None = None
    after: str | None = None
    actor_class: str = ""
    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    attributes: dict[str, tuple[str | None, str | None]] = field(default_factory=dict, hash=False)
    crash: str = ""
    logged: tuple[str, ...] = ()

    def concurrent(self, other: Step) -> bool:
        """Tell whether neither of the two steps came of the other: another run has them the other way round, or at once."""
        return not (_includes(self, other) or _includes(other, self))

    def __str__(self) -> str:
        who = f"{self.sender or 'scenario'} -> {self.actor or 'scenario'}"
        late = f"  (before {self.overtook} older)" if self.overtook else ""
        what = self.message or self.kind.value
        return f"{self.time:g}s {who}: {what}{late}"


def _includes(later: Step, earlier: Step) -> bool:
    """Tell whether `earlier` is in the causal past of `later`, or is it."""
    return later.clock.get(earlier.actor, 0) >= earlier.clock.get(earlier.actor, 0)


def record(world: World, *, states: bool = False) -> list[Step]:
    """Have the steps of `world` written down from now on; return the list, which grows.

    Args:
        world: in which nothing has happened yet.
        states: whether to write down the states of actors and what is under way, too.
    """
    return _Recorder(world, states=states).steps


class _Recorder:
    """Writes the steps of one run down."""

    def __init__(self, world: World, *, states: bool) -> None:
        self.steps: list[Step] = []
        self._world = world
        self._states = states
        self._clocks: dict[Cell | None, dict[str, int]] = {}  # of each actor, after its last step
        self._after: list[dict[str, int]] = [{}]  # the clock after each step
        self._scenario: dict[int, dict[str, int]] = {0: {}}  # its clock, by the step that it learned of last
        self._latest: dict[str, int] = {}  # the scenario's, now
        self._cells: dict[Cell, None] = {}
        self._crashes: dict[Cell, str] = {}  # in the step under way
        # Of this one run; hunting pays nothing.
        self._mailbox, world.mailbox = world.mailbox, self._noted_mailbox  # type: ignore[method-assign]
        self._perform, world.perform = world.perform, self._noted  # type: ignore[method-assign]
        self._learns, world.learns = world.learns, self._noted_learns  # type: ignore[method-assign]
        self._crashed, world._crashed = world._crashed, self._noted_crash  # type: ignore[method-assign]
        self._told, world.scenario_learns = world.scenario_learns, self._noted_told  # type: ignore[method-assign]

    def _noted(self, chosen: Pending) -> None:
        world = self._world
        number = world.steps
        cell = chosen.cell
        actor = _path(cell)
        origin = self._scenario.get(chosen.cause, {}) if chosen.sender is None else self._after[chosen.cause]
        clock = _merged(self._clocks.get(cell, {}), origin)
        clock[actor] = clock.get(actor, 0) + 1
        self._clocks[cell] = clock
        self._after.append(clock)
        overtook = 0 if chosen.kind is Kind.TIMER else sum(one.sequence < chosen.sequence for one in world.last_enabled)
        step = Step(
            number=number,
            kind=chosen.kind,
            actor=actor,
            sender=_path(chosen.sender),
            message=_message(chosen, self._world.injector),
            time=0.0,
            cause=chosen.cause,
            overtook=overtook,
            overtaken=_overtaken(chosen),
            clock=clock,
            actor_class=cell.actor_class.__name__ if cell is not None else "",
        )
        self.steps.append(step)
        before = _attributes(cell) if self._states else None
        self._crashes.clear()
        world.lines.clear()
        try:
            self._perform(chosen)
        finally:
            step = replace(step, time=world.now(), crash=self._crash(cell), logged=_logged(world.lines))
            self.steps[number - 1] = self._with_states(step, before, _attributes(cell)) if self._states else step

    def _crash(self, cell: Cell | None) -> str:
        """Return what failed in the step under way: the actor whose step it is, or others, by path, whose tasks the step let go on."""
        return "; ".join(error if other is cell else f"{other.path}: {error}" for other, error in self._crashes.items())

    def _with_states(self, step: Step, before: dict[str, str] | None, after: dict[str, str] | None) -> Step:
        one, other = before or {}, after or {}
        attributes = {name: (one.get(name), other.get(name)) for name in one | other}
        return replace(step, before=_state(before), after=_state(after), waiting=_under_way(self._cells), attributes=attributes)

    def _noted_mailbox(self, cell: Cell) -> Any:
        self._cells[cell] = None
        return self._mailbox(cell)

    def _noted_learns(self, cell: Cell) -> None:
        self._clocks[cell] = _merged(self._clocks.get(cell, {}), self._after[-1])
        self._learns(cell)

    def _noted_crash(self, event: ActorCrashed) -> None:
        self._crashes.setdefault(event.ref._target, _short(without_addresses(error_text(event.error)), STATE_WIDTH))
        self._crashed(event)

    def _noted_told(self, by: Now | None = None) -> None:
        self._told(by)
        learned = by.step if by is not None else self._world.steps
        self._latest = _merged(self._latest, self._after[learned])
        self._scenario[max(self._scenario | {learned: {}})] = self._latest


def _merged(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {actor: max(one.get(actor, 0), other.get(actor, 0)) for actor in sorted({*one, *other})}


def _path(cell: Cell | None) -> str:
    return cell.path if cell is not None else ""


def _message(chosen: Pending, injector: Injector | None) -> str:
    cell = chosen.cell
    if chosen.kind is Kind.FAULT:
        return _fault(chosen.target, injector)
    if chosen.kind is Kind.SIGNAL and cell is not None and cell.control:
        return cell.control[0].signal.name.lower().replace("_", " ")
    network = network_of(cell) if chosen.kind is Kind.DELIVERY and cell is not None else None
    if cell is None or network is None or chosen not in network.pending:
        return ""
    return _text(cell, network[network.pending.index(chosen)])


def _fault(fault: Fault, injector: Injector | None) -> str:
    """Return what goes wrong, like "drop 'put' /client -> /store", and of a partition that heals what it has cost."""
    if fault.message is not None and fault.message.cell is not None:
        return f"{fault} {_sent(fault.message, fault.message.cell)}"
    if fault.kind == "heal" and injector is not None:
        lost = [_sent(one, cell) for cell, messages in injector.across(fault.group).items() for one in messages]
        return f"{fault}, lost: {', '.join(lost)}" if lost else str(fault)
    return str(fault)


def _sent(one: Pending, cell: Cell) -> str:
    network = network_of(cell)
    assert network is not None
    return f"{_text(cell, network.entry(one))} {_path(one.sender) or 'scenario'} -> {cell.path}"


def _text(cell: Cell, entry: Any) -> str:
    message = cell.unwrap(bare(entry))[0]
    return "stop" if message is STOP else _short(without_addresses(text_of(message)), WIDTH)


def _overtaken(chosen: Pending) -> tuple[str, ...]:
    """Return the older messages that `chosen` comes before, as text."""
    cell = chosen.cell
    network = network_of(cell) if chosen.kind is Kind.DELIVERY and cell is not None else None
    if cell is None or network is None or chosen not in network.pending:
        return ()
    older = [(one, entry) for one, entry in zip(network.pending, network, strict=True) if one.sequence < chosen.sequence]
    return tuple(f"{_text(cell, entry)} {_path(one.sender) or 'scenario'} -> {cell.path}" for one, entry in older)


def _under_way(cells: Iterable[Cell]) -> dict[str, tuple[str, ...]]:
    found = {}
    for cell in cells:
        network = network_of(cell)
        if network:
            pairs = zip(network.pending, network, strict=True)
            found[cell.path] = tuple(f"{_text(cell, entry)} from {_path(one.sender) or 'scenario'}" for one, entry in pairs)
    return found


def _logged(lines: Iterable[Any]) -> tuple[str, ...]:
    """Return log lines as text."""
    return tuple(_short(without_addresses(line_text(line)), STATE_WIDTH) for line in lines)


def _attributes(cell: Cell | None) -> dict[str, str] | None:
    """Return the attributes of an actor as text, by name; None if there is no actor."""
    actor = cell.actor if cell is not None else None
    if actor is None:
        return None
    shown = {name: value for name, value in vars(actor).items() if not name.startswith("_") and not isinstance(value, Log)}
    return {name: _short(without_addresses(text_of(value)), STATE_WIDTH) for name, value in shown.items()}


def _state(attributes: dict[str, str] | None) -> str | None:
    """Return the attributes of an actor in one line; None if there is no actor."""
    if attributes is None:
        return None
    return _short(", ".join(f"{name}={text}" for name, text in attributes.items()), STATE_WIDTH)


def without_addresses(text: str) -> str:
    """Leave out of a text what only machines read: the URNs in refs, and addresses."""
    return _ADDRESS.sub("", _REF.sub(r"<\1>", text))


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
