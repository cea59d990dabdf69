"""Faults: what goes wrong in a run by the explorer's choice, within a budget.

Each is a step like any other, offered after everything that goes right: a message is lost, comes twice or late; an actor crashes, restarts
or stands still for a while; a group of actors is cut off.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pykka.messages import _ActorStop

from actors._core import ending
from actors._core.bounded import bare
from actors._core.lifecycle import Lifecycle
from actors._core.lineage import FROM_USERS
from actors._core.messages import STOP, Control, Down, Signal
from actors.testing.errors import InjectedCrash
from actors.testing.network import Kind, Pending, network_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from actors._core.cell import Cell
    from actors.testing.network import SimMailbox
    from actors.testing.world import World

__all__ = ["Fault", "Faults", "Injector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How many faults of each kind a run may have.

    Attributes:
        duplicate: messages that come twice, the second time at any later moment; not what an actor's own timers and pipes bring it.
        drop: messages that are lost, but for the same. Nobody is told; an asker waits until its timeout. What the scenario itself asks is
            not lost.
        delay: messages that others may overtake, whatever the ordering promises.
        crash: actors that fail between two messages, as if a handler had raised.
        restart: actors that are replaced by a new instance between two messages.
        pause: actors that stand still for a while, as on a machine that swaps.
        partition: times that a group (`Simulation.group`) is cut off for a while; what is under way between it and others then is lost,
            but for stops and notices of ends.
        actors: the classes of actors that this may happen to, or to whose messages; empty for all.
    """

    duplicate: int = 0
    drop: int = 0
    delay: int = 0
    crash: int = 0
    restart: int = 0
    pause: int = 0
    partition: int = 0
    actors: tuple[type[Any], ...] = ()

    def __post_init__(self) -> None:
        for name in self.kinds():
            count = getattr(self, name)
            if type(count) is not int or count < 0:
                msg = f"{name}={count!r} is not valid: how many at most, 0 or more"
                raise ValueError(msg)
        if not isinstance(self.actors, tuple) or not all(isinstance(one, type) for one in self.actors):
            msg = f"actors={self.actors!r} is not valid: a tuple of classes of actors"
            raise TypeError(msg)

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the names of all kinds of faults."""
        return tuple(field.name for field in fields(cls) if field.name != "actors")

    def budget(self) -> dict[str, int]:
        """Return how many there may be of each kind that there may be any of."""
        return {name: getattr(self, name) for name in self.kinds() if getattr(self, name)}


class Fault:
    """One fault that is possible: what kind, and what it happens to."""

    __slots__ = ("group", "kind", "message", "victim")

    def __init__(self, kind: str, victim: Cell | None = None, message: Pending | None = None, group: str = "") -> None:
        self.kind = kind
        self.victim = victim
        self.message = message
        self.group = group

    def __str__(self) -> str:
        return f"{self.kind} {self.group}" if self.group else self.kind


class Injector:
    """Offers the faults that are possible, and makes the chosen one happen."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.left = faults.budget()
        self.groups: dict[str, dict[Cell, None]] = {}
        self._actors = faults.actors
        self._world = world
        self._offered: dict[tuple[str, Hashable], Pending] = {}
        self._times: Counter[tuple[str, Hashable]] = Counter()  # how often what has happened to whom
        self.paused: dict[Cell, None] = {}
        self._cut: dict[str, None] = {}

    # -- what is possible --------------------------------------------------------------------------------------------------

    @property
    def lasts(self) -> bool:
        """Whether anything is wrong that will end."""
        return bool(self.paused or self._cut)

    def spared(self, found: list[Pending]) -> list[Pending]:
        """Return what of `found` is possible in spite of the faults that last."""
        if not self.lasts:
            return found
        return [one for one in found if one.cell not in self.paused and not self._is_cut(one)]

    def faults(self, found: list[Pending]) -> Iterator[Pending]:
        """Yield the faults that are possible beside `found`. A run is not kept going by what can go wrong after its end."""
        if found:
            yield from self._new(found)
        yield from (self._offer("resume", cell, Fault("resume", cell)) for cell in self.paused)
        yield from (self._offer("heal", group, Fault("heal", group=group)) for group in self._cut)

    def _new(self, found: list[Pending]) -> Iterator[Pending]:
        left = self.left
        for kind in ("duplicate", "drop", "delay"):
            if left.get(kind):
                yield from (self._offer(kind, one, Fault(kind, one.cell, one)) for one in found if self._may_harm(kind, one))
        for kind in ("crash", "restart", "pause"):
            if left.get(kind):
                for cell in self._world.cells:
                    if cell.state is Lifecycle.RUNNING and cell not in self.paused and self._concerns(cell):
                        yield self._offer(kind, cell, Fault(kind, cell))
        if left.get("partition"):
            yield from (self._offer("partition", group, Fault("partition", group=group)) for group in self.groups if group not in self._cut)

    def _concerns(self, cell: Cell) -> bool:
        kind = cell.actor_class
        return issubclass(kind, self._actors) if self._actors else not kind.__module__.startswith("actors.")

    def _may_harm(self, kind: str, one: Pending) -> bool:
        network = _network(one)
        if network is None or one.cell is None or one.late or not self._concerns(one.cell):
            return False
        if kind == "delay":
            return len(network.pending) > 1
        if _is_sure(network, one):
            return False
        future = one.cell.unwrap(bare(network.entry(one)))[1]
        return not (kind == "drop" and future is not None and one.sender is None)

    def _offer(self, kind: str, what: Hashable, fault: Fault) -> Pending:
        offered = self._offered.get((kind, what))
        if offered is None:
            world = self._world
            offered = self._offered[kind, what] = Pending(Kind.FAULT, world.number(), fault.victim, fault, world.origin())
            if world.names is not None:
                name = (
                    fault.message.name if fault.message is not None else world.cells.get(fault.victim, 0) if fault.victim else fault.group
                )
                offered.name = world.names.setdefault((kind, name, self._times[kind, what]), len(world.names) + 1)
        return offered

    def _is_cut(self, one: Pending) -> bool:
        network = _network(one)
        return network is not None and any(crosses(one, self.groups[group]) for group in self._cut)

    # -- what happens ------------------------------------------------------------------------------------------------------

    def spend(self, fault: Fault) -> None:
        """Make `fault` happen, out of the budget."""
        if fault.kind in self.left:
            self.left[fault.kind] -= 1
        self.inject(fault)

    def inject(self, fault: Fault) -> None:
        """Make `fault` happen."""
        kind, cell = fault.kind, fault.victim
        self._times[kind, fault.message or cell or fault.group] += 1
        for key in [key for key in self._offered if key[0] == kind]:
            del self._offered[key]
        if fault.message is not None and cell is not None:
            self._harm(kind, cell, fault.message)
        elif kind == "partition":
            self._cut[fault.group] = None
        elif kind == "heal":
            self._heal(fault.group)
        elif kind == "pause" and cell is not None:
            self.paused[cell] = None
        elif kind == "resume" and cell is not None:
            self.paused.pop(cell, None)
        elif kind == "crash" and cell is not None:
            cell.signal(Control(Signal.CRASH, error=InjectedCrash(cell.path)))
        elif cell is not None:
            ending.restart(cell)

    def _harm(self, kind: str, cell: Cell, message: Pending) -> None:
        network = network_of(cell)
        assert network is not None
        if kind == "drop":
            self._lose(cell, network, [message])
        elif kind == "delay":
            network.delay(message)
        else:
            network.copy(message)

    def across(self, group: str) -> dict[Cell, list[Pending]]:
        """Return the messages that would be lost if the partition of `group` healed now, by whom they are for."""
        found = {}
        for cell in self._world.cells:
            network = network_of(cell)
            if network:
                found[cell] = [one for one in network.pending if crosses(one, self.groups[group]) and not _is_sure(network, one)]
        return {cell: messages for cell, messages in found.items() if messages}

    def _heal(self, group: str) -> None:
        self._cut.pop(group, None)
        for cell, messages in self.across(group).items():
            network = network_of(cell)
            assert network is not None
            self._lose(cell, network, messages)

    def _lose(self, cell: Cell, network: SimMailbox, messages: list[Pending]) -> None:
        for one in messages:
            network.chosen = one
            cell.queue.popleft()  # as its reader would, so that who waits for room is let in
        if not network and not cell.control:
            self._world.skip_turn(cell)


def crosses(one: Pending, members: dict[Cell, None]) -> bool:
    """Tell whether a message goes from outside of `members` to inside, or the other way. The scenario is everywhere."""
    return one.sender is not None and (one.sender in members) != (one.cell in members)


def _is_sure(network: SimMailbox, one: Pending) -> bool:
    """Tell whether a message cannot be lost, nor come twice.

    An actor is told to stop, or of an end, by the system, and once. What its own timers and pipes bring it has not travelled.
    """
    assert one.cell is not None
    message, _, note = one.cell.unwrap(bare(network.entry(one)))
    return message is STOP or type(message) in (Down, _ActorStop) or type(note) not in FROM_USERS


def _network(one: Pending) -> SimMailbox | None:
    """Return the network in which the message `one` is under way; None if it is none."""
    network = network_of(one.cell) if one.kind is Kind.DELIVERY and one.cell is not None else None
    return network if network is not None and one in network.pending else None
