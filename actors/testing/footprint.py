"""What each step of a run touched, and so which steps depend on each other.

Two steps depend on each other if they are of the same actor, or if one looked at or changed something else that the other changed: an
actor's end, a name, the clock, chance, what was declared as shared. Steps that do not depend may as well come the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.bounded import bare
from actors._core.doors import CLOSED
from actors._core.lifecycle import Lifecycle
from actors._core.watch import WatchNote
from actors.testing.aio import actor_of
from actors.testing.network import Kind, Ordering, network_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable, Iterator

    from actors._core.cell import Cell
    from actors.testing.network import Now, Pending, Wait
    from actors.testing.world import World

__all__ = ["Event", "Footprint", "Footprints", "conflict"]

Footprint = dict["Hashable", bool]
"""What a step touched: whether it changed it, by resource."""

STRICT = (Kind.TIMER, Kind.FAULT)  # what can come where it was possible, and nowhere else
ANYTHING = "anything"  # every step looks at it; one that changes it depends on all others


class Event:
    """One step of a run, as a partial order sees it."""

    __slots__ = ("before", "cell", "enabled", "footprint", "happened", "index", "learned", "name", "newest", "pending", "required")

    def __init__(self, index: int, pending: Pending, enabled: list[Pending], newest: int) -> None:
        self.index = index  # in its run
        self.pending = pending
        self.name = pending.name
        self.cell = pending.cell
        self.enabled = enabled
        self.newest = newest  # of all that was under way before the step
        self.footprint: Footprint = {ANYTHING: False}
        self.happened = True  # False: nobody knows what it would have touched
        self.learned = 0  # the steps that it has learned of without a message or a wait, as bits by index
        self.required = 0  # the steps without which it could not have come, as bits by index
        self.before = 0  # those, and all others it depends on: it happens after them

    def touch(self, resource: Hashable, *, changes: bool) -> None:
        """Note that the step looks at, or changes, `resource`."""
        self.footprint[resource] = changes or self.footprint.get(resource, False)


def conflict(one: Footprint, other: Footprint) -> bool:
    """Tell whether two steps depend on each other."""
    return any(resource in other and (changes or other[resource]) for resource, changes in one.items())


class Footprints:
    """Watches one run from its beginning, and says how its steps depend on each other.

    Args:
        world: in which nothing has happened yet.
        names: of steps; the same ones for all runs that are compared.
        pairs: of steps that are known to depend on each other for another reason than what they touch, by name; grows.
        reduces: False lets every step depend on every other.
    """

    def __init__(self, world: World, names: dict[Any, int], pairs: dict[int, dict[Hashable, None]], *, reduces: bool) -> None:
        world.names = names
        world.asks_always = True
        self.events: list[Event] = []
        self._world = world
        self._pairs = pairs
        self._reduces = reduces
        self._accesses: dict[Hashable, list[tuple[int, bool]]] = {}  # which steps touched a resource, and whether they changed it
        self._cells: dict[Cell, int] = {}  # a name for each actor, the same in every run in which it has the same causes
        self._event: Event | None = None  # the step under way
        self._scenario = 0  # the steps that the scenario has learned of
        self._learned: list[int] = []  # those that it is about to learn of, when the step under way is over
        self._left: dict[Pending, None] = {}  # what has become possible and has not happened
        self._injected: dict[Pending, int] = {}  # of what was sent in another's name: the step that let it come
        self._told: dict[Pending, int] = {}  # of what the scenario sent: what it had learned of
        self._doors: dict[Cell, tuple[bool, bool]] = {}  # of actors that may end in the step under way: how it was before
        # Of this one run; hunting pays nothing.
        self._plain: dict[str, Any] = {}
        for name in (
            "perform",
            "sent",
            "signalled",
            "touched",
            "observed",
            "entangled",
            "contends",
            "learns_of",
            "scenario_learns",
            "settled",
            "now",
            "lane",
        ):
            self._plain[name] = getattr(world, name)
            setattr(world, name, getattr(self, "_on_" + name))
        world.looks_at = self._touch  # type: ignore[method-assign]
        world.loop.watch = self._on_handle

    # -- what a step does --------------------------------------------------------------------------------------------------

    def _on_perform(self, chosen: Pending) -> None:
        world = self._world
        event = self._event = Event(len(self.events), chosen, world.last_enabled, world.newest)
        self.events.append(event)
        self._left.pop(chosen, None)
        if chosen.cell is None and chosen.kind is Kind.CALL:  # a shutdown goes on: it looks at everybody, and at the clock
            world.looked = True
        if not self._reduces:
            event.touch(ANYTHING, changes=True)
        _touch_timer(event)
        _touch_fault(event)
        self._doors.clear()
        if chosen.kind is Kind.DELIVERY and chosen.cell is not None:
            self._look_at_future(chosen, chosen.cell)
        if chosen.cell is not None:
            self._contend(chosen.cell)
        for pair in self._pairs.get(event.name, ()):
            event.touch(pair, changes=True)
        try:
            self._plain["perform"](chosen)
        finally:
            for cell, before in self._doors.items():
                if before != _door(cell):
                    event.touch(("door", self._cells.get(cell)), changes=True)
            self._event = None
            self._order(event)
            for step in self._learned:
                self._scenario |= self._reach(step)
            self._learned.clear()

    def _look_at_future(self, chosen: Pending, cell: Cell) -> None:
        """Note that an ask is not handled if it was cancelled."""
        network = network_of(cell)
        if network is not None and chosen in network.pending:
            future = cell.unwrap(bare(network.entry(chosen)))[1]
            resource = getattr(future, "resource", None)
            if resource is not None:
                self._touch(resource, changes=False)

    def _on_contends(self, cell: Cell) -> None:
        self._plain["contends"](cell)
        self._contend(cell)

    def _contend(self, cell: Cell) -> None:
        """Note that the step under way depends on all steps of `cell`, as if it were one."""
        self._touch(self._actor(cell), changes=True)
        for name in self._world.shared.get(cell, ()):
            self._touch(("shared", name), changes=True)
        if self._event is not None:
            self._doors.setdefault(cell, _door(cell))

    def _on_entangled(self, cells: tuple[Cell, ...]) -> None:
        """Note that the step under way has met with a deadlock: it and those in which the others began to wait depend on each other.

        Whichever of them comes last meets with it, so none of them can be told by what it touched.
        """
        self._plain["entangled"](cells)
        late = self._event
        for cell in cells if late is not None else ():
            accesses = self._accesses.get(self._actor(cell), ())
            early = next((self.events[index] for index, _ in reversed(accesses) if self.events[index].cell is cell), None)
            if late is None or early is None or cell is late.cell:
                continue
            pair = ("pair", min(early.name, late.name), max(early.name, late.name))
            for event in (early, late):
                self._pairs.setdefault(event.name, {})[pair] = None
                event.touch(pair, changes=True)
            self._accesses[pair] = [(early.index, True)]

    def _on_signalled(self, cell: Cell) -> None:
        self._contend(cell)
        self._plain["signalled"](cell)

    def _on_sent(self, kind: Kind, cell: Cell | None, target: Any, now: Now | None = None, wait: Wait | None = None) -> Pending:
        pending: Pending = self._plain["sent"](kind, cell, target, now, wait)
        by = now or self._world.at_work
        self._left[pending] = None
        if now is not None and kind is Kind.DELIVERY:  # or the turn of an actor, due since the last step
            self._injected[pending] = len(self.events)
        elif by.cell is None and by.name == 0:  # the scenario, and no call that goes on
            self._told[pending] = self._scenario
        if kind is Kind.DELIVERY and cell is not None:
            self._touch_shared(cell)
        if wait is not None and self._event is not None:
            self._event.touch(("wait", wait.name), changes=True)
        return pending

    def _on_touched(self, what: Any, *, changes: bool = True) -> None:
        self._plain["touched"](what, changes=changes)
        if not isinstance(what, WatchNote):
            self._touch_shared(what, changes=changes)

    def _on_observed(self, cell: Cell) -> None:
        self._plain["observed"](cell)
        self._contend(cell)

    def _touch_shared(self, what: Any, *, changes: bool = True) -> None:
        if what is None:
            self._touch(ANYTHING, changes=True)
        elif what in self._cells:
            self._touch(("door", self._cells[what]), changes=False)
        else:
            self._touch(what, changes=changes)

    def _touch(self, resource: Hashable, *, changes: bool) -> None:
        """Note what the step under way touches, or the scenario does: that goes on in the step after which it does so."""
        if self._event is not None:
            self._event.touch(resource, changes=changes)
        elif self.events and (event := self.events[-1]).footprint.get(resource) not in (True, changes):
            event.touch(resource, changes=changes)
            self._after(event, resource, changes=changes)
            if self._scenario >> event.index & 1:
                self._scenario |= event.before

    def _on_now(self) -> float:
        self._touch("clock", changes=False)
        now: float = self._plain["now"]()
        return now

    def _on_lane(self, cell: Cell) -> Any:
        lane = self._plain["lane"](cell)
        self._cells[cell] = self._world.cells[cell]
        return lane

    def _on_handle(self, handle: asyncio.Handle) -> None:
        """Note that a task goes on in the step under way, whoever's step that is."""
        cell = actor_of(handle)
        if cell is not None:
            self._contend(cell)

    # -- what the scenario knows ---------------------------------------------------------------------------------------------

    def _on_scenario_learns(self, by: Now | None = None) -> None:
        self._plain["scenario_learns"](by)
        if self._event is not None:
            self._learned.append(by.step if by is not None else len(self.events))
        elif by is not None:
            self._scenario |= self._reach(by.step)

    def _on_learns_of(self, by: Now | None) -> None:
        self._plain["learns_of"](by)
        if by is not None and self._event is not None:
            self._event.learned |= self._reach(by.step)

    def _on_settled(self) -> None:
        self._plain["settled"]()
        self._scenario = (1 << len(self.events)) - 1

    # -- the order -----------------------------------------------------------------------------------------------------------

    def _reach(self, step: int) -> int:
        """Return a step and all before it, as bits by index."""
        return self.events[step - 1].before | 1 << (step - 1) if step else 0

    def _require(self, event: Event) -> None:
        """Work out without which steps `event` could not have come."""
        pending = event.pending
        event.required = event.learned | self._led_to(pending)
        if pending.wait is not None:
            event.required |= self._reach(pending.wait.step)
        if pending.kind is not Kind.DELIVERY:
            return
        for index, _ in reversed(self._accesses.get(self._actor(event.cell), ())):
            other = self.events[index]
            if other.cell is event.cell and other.pending.kind is Kind.DELIVERY and comes_first(self._world.ordering, other, event):
                event.required |= self._reach(index + 1)
                return

    def _led_to(self, pending: Pending) -> int:
        """Return the steps that made `pending` possible: a fault needs what the message needs that it happens to."""
        if pending.kind is Kind.FAULT:
            message = pending.target.message
            return self._led_to(message) if message is not None else 0
        return self._told.get(pending, 0) | self._reach(pending.cause) | self._reach(self._injected.get(pending, 0))

    def _order(self, event: Event) -> None:
        """Work out what `event`, the last one, comes after."""
        self._require(event)
        event.before = event.required
        for resource, changes in event.footprint.items():
            self._after(event, resource, changes=changes)

    def _after(self, event: Event, resource: Hashable, *, changes: bool) -> None:
        accesses = self._accesses.setdefault(resource, [])
        if accesses and accesses[-1][0] == event.index:
            accesses.pop()
        for index, changed in reversed(accesses):
            if changes or changed:
                event.before |= self._reach(index + 1)
            if changed:
                break
        accesses.append((event.index, changes))

    def races(self) -> Iterator[tuple[Event, Event]]:
        """Yield pairs of steps of which the second could have come instead of the first. Not all second ones have come at all."""
        for event in self.events:
            yield from self._races(event)
        for pending in self._left:
            yield from self._races(self._never(pending))

    def _never(self, pending: Pending) -> Event:
        """Return the step that `pending` would have been: a timer that was cancelled, a message that came too late."""
        event = Event(len(self.events), pending, [], 0)
        event.happened = False
        event.touch(self._actor(pending.cell) if self._reduces else ANYTHING, changes=True)
        _touch_timer(event)
        self._require(event)
        event.before = event.required
        return event

    def _actor(self, cell: Cell | None) -> Hashable:
        return "actor", self._cells.get(cell) if cell is not None else None

    def _races(self, late: Event) -> Iterator[tuple[Event, Event]]:
        for resource, changes in late.footprint.items():
            for index, changed in reversed(self._accesses.get(resource, ())):
                if index >= late.index or not (changes or changed):
                    continue
                early = self.events[index]
                if not late.required >> index & 1:
                    same = not self._reduces or self._actor(late.cell) in early.footprint
                    if _impossible(early, late, same=same):
                        continue
                    yield early, late
                if changed:
                    break


def _touch_timer(event: Event) -> None:
    """Note what a timer changes as such: the time, and the wait that it ends."""
    pending = event.pending
    if pending.kind is not Kind.TIMER:
        return
    event.touch("clock", changes=True)
    if pending.wait is not None:
        event.touch(("wait", pending.wait.name), changes=True)
    # A patient one comes after whatever can happen; one that is nobody's, of a shutdown, may concern every actor.
    if pending.target.patient or (pending.cell is None and pending.wait is None):
        event.touch(ANYTHING, changes=True)


def _touch_fault(event: Event) -> None:
    """Note what a fault changes beside the actor that it happens to: how many of its kind are left, or what is possible at all."""
    if event.pending.kind is Kind.FAULT:
        fault = event.pending.target
        event.touch(ANYTHING if fault.message is None else ("fault", fault.kind), changes=True)


def _door(cell: Cell) -> tuple[bool, bool]:
    """Return whether `cell` takes no more messages, and whether it has ended."""
    return cell.inbox is CLOSED, cell.state is Lifecycle.STOPPED


def comes_first(ordering: Ordering, one: Event, other: Event) -> bool:
    """Tell whether the delivery `one` has to come before `other`, to the same actor."""
    early, late = one.pending, other.pending
    if early.late or late.late:
        return False
    if ordering is Ordering.CAUSAL:
        return bool(late.past >> early.sequence & 1)
    return ordering is Ordering.PAIR_FIFO and early.sender is late.sender and early.sequence < late.sequence


def _impossible(early: Event, late: Event, *, same: bool) -> bool:
    """Tell whether `late` could certainly not have come instead of `early`: its actor was at something else."""
    # Of another actor, what is not possible yet may be so after steps that do not depend on `early`.
    strict = same or early.pending.kind in STRICT or late.pending.kind in STRICT
    if late.pending.kind is Kind.FAULT or (late.pending.sequence <= early.newest and strict):
        return all(one.name != late.name for one in early.enabled)
    if early.cell is not late.cell or late.pending.kind is not Kind.DELIVERY:
        return False
    cell = late.cell
    kind = early.pending.kind
    return kind is Kind.SIGNAL or (kind is Kind.REPLY and cell is not None and not cell.options.reentrant)
