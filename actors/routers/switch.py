"""Who the routees of a router are, and which of them a message goes to. Shared by all refs of the router.

Who may touch what:

- Senders, from any thread, read `pick`, which is one attribute, and call it. It chooses from a tuple that never changes.
- Under `_lock`, from any thread: `_routees`, `_closed`, `_changes`, and each store to `pick`. A change of the routees only stores a `pick`
  that makes the new tuple when the next message comes: so ten thousand that come or go in a row cost one.
- Without it, from any thread: `_ring`, the last that was made. Rings never change, and whichever of several a store leaves there, the next
  can be made from it.

A sender that has read an older `pick` may still choose a routee that was removed meanwhile, as if it had sent before that; and one that has
ended, which refuses the message, and then another one is chosen.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from actors._core import watch
from actors._core.bounded import BoundedMailbox
from actors._core.ending import when_ended
from actors._core.mailbox import Unbounded
from actors._core.messages import IDLE, Control, Signal
from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors._core.ref import ActorRef
from actors.errors import ActorDeadError
from actors.routers.errors import NoRouteeError
from actors.routers.ring import Ring
from actors.routers.routing import FEW, FULL, Broadcast, ConsistentHash, LeastLoaded, Members, Routing, ScatterGather, TailChopping
from actors.routers.targets import Chopped, Everyone

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.ports import Ports
    from actors.routers.targets import Target

UNBOUNDED = Unbounded()
MANY = 8  # routees that come are many if they are more than one in so many of all

__all__ = ["Switch", "check_refs", "check_routing", "load_of"]


class Switch:
    """See the module.

    Args:
        ports: those of the router's system.
        routing: a strategy, or a function of a message and the tuple of routees.
        refs: the first routees.
    """

    __slots__ = ("_changes", "_closed", "_lock", "_ports", "_resource", "_ring", "_routees", "_turn", "cell", "pick", "routing")

    def __init__(self, ports: Ports, routing: Any, refs: Iterable[ActorRef[Any]]) -> None:
        self.routing = routing
        self.cell: Cell = None  # type: ignore[assignment]  # see `attach`
        self.pick: Callable[[Any], Target] = self._renew
        self._ports = ports
        self._lock = Mutex()
        self._routees: dict[ActorRef[Any], None] = dict.fromkeys(refs)  # in the order they came
        self._closed = False
        self._changes = 0
        self._turn = itertools.count().__next__  # one operation: of several threads, no two get the same number
        self._resource = ports.dispatcher.resource("router") if ports.dispatcher is not None else self
        self._ring: Ring | None = None
        self._prepare(len(self._routees))

    def attach(self, cell: Cell) -> None:
        """Belong to the router actor `cell`, and end with it, however that ends. Idempotent."""
        with self._lock:
            if self.cell is not None:
                return
            self.cell = cell
        when_ended(cell).add_done_callback(lambda _: self.close())

    def close(self) -> None:
        """Take no message any more."""
        touched(self._ports, self._resource)
        with self._lock:
            self._closed = True
            self._routees.clear()
            self._changed()

    # -- routees -----------------------------------------------------------------------------------------------------------

    @property
    def routees(self) -> tuple[ActorRef[Any], ...]:
        """Those there are, in the order they came."""
        touched(self._ports, self._resource, changes=False)
        with self._lock:
            return tuple(self._routees)

    def add(self, refs: tuple[ActorRef[Any], ...]) -> None:
        """Have `refs` as routees, too; those there are already stay where they are.

        Raises:
            ActorDeadError: the router has ended.
        """
        touched(self._ports, self._resource)
        with self._lock:
            closed = self._closed
            if not closed:
                self._routees.update(dict.fromkeys(refs))
                self._changed()
        if closed:
            raise self._dead(None)
        self._look_after(refs)
        self._prepare(len(refs))

    def remove(self, ref: ActorRef[Any]) -> bool:
        """Send nothing to `ref` any more; return False if it was no routee."""
        touched(self._ports, self._resource)
        if not self._take_out(ref):
            return False
        self._look_after((ref,))
        return True

    def forget(self, ref: ActorRef[Any]) -> None:
        """Do without a routee that has ended."""
        touched(self._ports, self._resource)
        self._take_out(ref)

    def _take_out(self, ref: ActorRef[Any]) -> bool:
        with self._lock:
            if ref not in self._routees:
                return False
            del self._routees[ref]
            self._changed()
            return True

    def _changed(self) -> None:
        self._changes += 1
        self.pick = self._renew

    def _look_after(self, refs: tuple[ActorRef[Any], ...]) -> None:
        self.cell.signal(Control(Signal.CALL, call=lambda: self.watch(refs)))

    def watch(self, refs: Iterable[ActorRef[Any]]) -> None:
        """Let the router actor watch those of `refs` that are routees, and no others. In its own turn."""
        with self._lock:
            wanted = [(ref, ref in self._routees) for ref in refs]
        # Whoever adds or removes one calls this afterwards; so the last call sees what the last of them has left.
        for ref, routee in wanted:
            if routee:
                watch.watch(self.cell, ref._target)
            else:
                watch.unwatch(self.cell, ref._target)

    # -- choosing ----------------------------------------------------------------------------------------------------------

    def _renew(self, message: Any) -> Target:
        """Choose after a change; and have what this makes for that used from now on, unless there was another change meanwhile."""
        return self._renewed()(message)

    def _renewed(self) -> Callable[[Any], Target]:
        with self._lock:
            changes, refs = self._changes, tuple(self._routees)
        pick = self._chooser(refs)  # may be the code of a user
        with self._lock:
            if changes == self._changes:
                self.pick = pick
        return pick

    def _prepare(self, came: int) -> None:
        """Make the ring in the call that brought many routees, for it takes a while; not for each of many that come one by one."""
        if isinstance(self.routing, ConsistentHash) and came * MANY > len(self._routees):
            self._renewed()

    def _ring_of(self, names: list[str], points: int) -> Ring:
        self._ring = ring = Ring(names, points, self._ring)
        return ring

    def _chooser(self, refs: tuple[ActorRef[Any], ...]) -> Callable[[Any], Target]:
        if not refs:
            return self._refuse
        choose = self._of(refs)
        dispatcher = self._ports.dispatcher
        if dispatcher is None:
            return choose
        # In a simulation: who sends first may decide where the next one's message goes.
        changes = not isinstance(self.routing, Broadcast | ScatterGather | ConsistentHash)
        looks = isinstance(self.routing, LeastLoaded)

        def noted(message: Any) -> Target:
            dispatcher.touched(self._resource, changes=changes)
            if looks:
                dispatcher.touched(None)
            return choose(message)

        return noted

    def _of(self, refs: tuple[ActorRef[Any], ...]) -> Callable[[Any], Target]:
        routing = self.routing
        several: Target | None = None
        if isinstance(routing, Broadcast | ScatterGather):
            several = Everyone(self.cell, refs, first=isinstance(routing, ScatterGather))
        elif isinstance(routing, TailChopping):
            several = Chopped(self.cell, refs, routing.interval)
        if several is not None:
            return lambda _: several
        if type(routing) is LeastLoaded and all(map(_is_plain, refs)):
            return _least_of(refs, self._turn)
        if isinstance(routing, Routing):
            return routing.chooser(Members(refs, _name, load_of, self._turn, self._ports.random.random, self._ring_of))
        members = frozenset(refs)

        def choose(message: Any) -> Target:
            ref = routing(message, refs)
            if not isinstance(ref, ActorRef) or ref not in members:
                msg = f"routing={routing!r} is not valid: it returned {ref!r}, which is none of the routees that it was given"
                raise TypeError(msg)
            return ref

        return choose

    def _refuse(self, message: Any) -> Target:
        with self._lock:
            closed = self._closed
        raise self._dead(message) if closed else NoRouteeError(self.cell.path, message)

    def _dead(self, message: Any) -> ActorDeadError:
        label = self.cell.label()
        return ActorDeadError(f"{label} not found", label, message)

    # -- what a routee has not taken ---------------------------------------------------------------------------------------

    def instead(self, tried: list[Target], message: Any, error: ActorDeadError) -> Target:
        """Return another one for `message` than those of `tried`, of which the last has refused it with `error`.

        Raises:
            ActorDeadError: there is none.
        """
        last = tried[-1]
        if not isinstance(last, ActorRef):  # several at once, and none of them has taken it
            raise error
        if not last.is_alive():
            self._sweep()
            return self.pick(message)
        # A router without routees, or a pool that is closing: alive, but no use. It stays, for it may take the next one.
        left = tuple(ref for ref in self.routees if ref not in tried and ref.is_alive())
        return self._chooser(left)(message)

    def _sweep(self) -> None:
        """Do without all routees that have ended: where one has, others often have, and each would cost a new `pick`."""
        for ref in self.routees:
            if not ref.is_alive():
                self.forget(ref)

    def load(self) -> int:
        """Return how many messages wait for the routees or are handled by them; FULL if all are."""
        loads = [load_of(ref) for ref in self.routees]
        free = [load for load in loads if load < FULL]
        return sum(free) if free else FULL


def load_of(ref: ActorRef[Any]) -> int:
    """Return how many messages wait for an actor or are handled by it, FULL if it takes no more. A look in passing, from any thread."""
    if type(ref) is not ActorRef:
        load: int = ref._load()  # type: ignore[attr-defined]  # refs of routers and pools have it
        return load
    cell = ref._target
    queue = cell.queue
    if type(queue) is not deque and isinstance(queue, BoundedMailbox) and queue.crowded():
        return FULL
    if cell.reentrant:  # while its handlers wait, nothing is current
        return len(queue) + (len(cell.rare.open) if cell.rare is not None else 0)
    return len(queue) + (cell.current is not IDLE)


def _is_plain(ref: ActorRef[Any]) -> bool:
    """Tell whether its load is what its mailbox holds, and one if it is at something: it is an actor of the usual kind."""
    return type(ref) is ActorRef and not ref._target.reentrant and ref._target.options.mailbox == UNBOUNDED


def _least_of(refs: tuple[ActorRef[Any], ...], turn: Callable[[], int]) -> Callable[[Any], ActorRef[Any]]:
    """Return what chooses among plain refs as `LeastLoaded` does with `load_of`, in a third of the time: no call for each of them."""
    count = len(refs)
    cells = [ref._target for ref in refs] * 2  # from any place on, all of them in turn
    others = [cells[first + 1 : first + count] for first in range(count)] if count <= FEW else None

    def choose(_: Any) -> ActorRef[Any]:
        first = turn() % count
        best = cells[first]
        # Less loaded is who has fewer than `bar` waiting; or just as many, and is at nothing.
        bar = len(best.queue)
        if best.current is IDLE:
            bar -= 1
        if bar >= 0:
            for cell in others[first] if others is not None else cells[first + 1 : first + count]:
                waiting = len(cell.queue)
                if waiting <= bar and (waiting < bar or cell.current is IDLE):
                    best, bar = cell, waiting
                    if cell.current is IDLE:
                        bar -= 1
                        if bar < 0:
                            break
        return best.ref

    return choose


def _name(ref: ActorRef[Any]) -> str:
    return f"{ref._target.system.name}:{ref.path}"


def check_routing(routing: object) -> None:
    """Refuse what is no way of routing."""
    if not isinstance(routing, Routing) and (isinstance(routing, type) or not callable(routing)):
        msg = f"routing={routing!r} is not valid: a strategy, like RoundRobin(), or a function of a message and the routees"
        raise TypeError(msg)


def check_refs(refs: object) -> tuple[ActorRef[Any], ...]:
    """Return `refs` as a tuple, or raise unless they are refs of actors."""
    every: tuple[Any, ...] = tuple(refs) if isinstance(refs, Iterable) else (None,)
    if not all(isinstance(ref, ActorRef) for ref in every):
        msg = f"routees={refs!r} is not valid: refs of actors"
        raise TypeError(msg)
    return every
