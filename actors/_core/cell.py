"""A cell: the lasting half of an actor. Its address, mailbox, lanes and counters stay while instances come and go.

Who may touch what:

- Senders, from any thread: `inbox`, `token`, `lane`, `state` to read; they append to the inbox.
- The turn owner, which is whoever took the only item out of `token`: `queue`, `actor`, `current`, `handled`, `incarnation`,
  `state`. The token goes from a sender's `pop` through the run queue to a worker, and back at the end of the turn.
- Under `system.lock`, from any thread: `control`, `suspended`, the mailbox of a cold actor, and the fields of `rare` that say so.
- The clock's thread ends an abandoned actor beside its turn owner: `begin_end` and `finish` happen once, whoever comes first.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from actors._core import fates, high_water
from actors._core.bounded import BoundedMailbox
from actors._core.doors import CLOSED, COLD
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import IDLE, PROBE, STOP, Control, Entry

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from contextvars import Context

    from actors._core.context import Delivery
    from actors._core.events import DeadLetterReason
    from actors._core.future import Future
    from actors._core.lineage import Lineage
    from actors._core.options import Options
    from actors._core.ports import Parker, TimerHandle
    from actors._core.ref import ActorRef
    from actors._core.reply import ReplyHandle
    from actors._core.supervision import Alarms, Guard
    from actors._core.timers import Timers
    from actors._core.watch import WatchNote
    from actors.runtime import Runtime

__all__ = ["Cell", "Host", "Lane", "Rare"]


class Host(Protocol):
    """Where turns are given: a run queue and whoever sleeps until there is something in it."""

    queue: deque[Cell]
    sleepers: list[Any]

    def wake(self) -> None:
        """Wake one sleeper. Called after appending to `queue` when `sleepers` is not empty."""

    def retire(self, cell: Cell) -> None:
        """Forget what is kept for `cell`, which has ended."""

    def check_turns(self) -> None:
        """End the cells that wait here for turns if there will be none any more. Called before somebody blocks for one of them."""


class Lane:
    """The host of all actors of one class. Moving a class is one attribute store."""

    __slots__ = ("host",)

    def __init__(self, host: Host) -> None:
        self.host = host


NOTHING_OPEN: Any = MappingProxyType({})


class Rare:
    """What most actors never have, made when first needed. Written by the turn owner unless said otherwise."""

    __slots__ = (
        "abandoned",
        "alarms",
        "cause",
        "children",
        "context",
        "crowded",
        "dead_lettered",
        "deadlines",
        "desk",
        "dropped",
        "groups",
        "handed",
        "handles",
        "killed",
        "leaving",
        "lineage",
        "links",
        "lost",
        "open",
        "paused",
        "reports",
        "restarts",
        "runner",
        "stash",
        "stopped_event",
        "timers",
        "together",
        "told",
        "warnings",
        "watchers",
        "watching",
    )

    def __init__(self) -> None:
        self.children: dict[str | int, Cell] = {}  # by name, or uid if unnamed; in start order; under system.lock
        self.leaving: list[Cell] | None = None  # children to be stopped one after the other, the next one last
        self.told: Cell | None = None  # the one of them that was told to stop last
        self.watchers: dict[Cell, WatchNote] = {}  # under system.lock
        self.watching: dict[Cell, WatchNote] = {}
        self.links: dict[Cell, None] = {}  # under system.lock; a dict for its order, which no address decides
        self.groups: dict[str, None] = {}  # under system.lock; a dict for its order
        self.timers: Timers | None = None
        self.stash: deque[Any] | None = None
        self.handles: dict[ReplyHandle, None] = {}  # under system.lock
        self.stopped_event: Any = None  # under system.lock
        self.dead_lettered = 0  # under system.lock
        self.dropped = 0  # under system.lock
        # Dropped messages that the actor's hook is still to be told of; the newest if there are too many.
        self.lost: deque[tuple[Any, DeadLetterReason]] | None = None  # made under system.lock
        self.open: dict[Any, Delivery] = NOTHING_OPEN  # messages a reentrant actor is at, by task; by its loop's thread
        self.lineage: Lineage | None = None  # of the message in whose handler it was started; written before it begins
        self.restarts = 0
        self.reports: tuple[Callable[[], object], ...] = ()  # told when a restart is over; under system.lock
        self.crowded = False  # whether it was published that too many messages wait; a bounded mailbox notes that itself
        self.context: Context | None = None  # of the class option own_context
        self.cause: BaseException | None = None  # of the restart under way
        self.handed: Any = None  # what the old instance hands over to the new one
        self.abandoned = False  # under system.lock
        self.alarms: Alarms | None = None  # of a supervisor
        self.desk: Any = ()  # what a supervisor is still to be told, in a deque that anyone appends to
        self.together = False  # whether the children of a supervisor end at the same time
        self.deadlines: list[TimerHandle] | None = None  # for that, once they were told; by the turn owner
        self.killed = False  # whether the children were told of the kill
        self.runner: Any = None  # the dispatcher's own: the event loop keeps its task here
        self.paused = False  # its mail waits; under system.lock
        self.warnings: tuple[str, ...] = ()  # what watchdogs have to say of it; by the thread of the one that says so


class Cell:
    """See the module's docstring."""

    __slots__ = (
        "__weakref__",
        "actor",
        "actor_class",
        "args",
        "control",
        "current",
        "end",
        "guard",
        "handled",
        "inbox",
        "incarnation",
        "kwargs",
        "lane",
        "mourners",
        "name",
        "options",
        "parent",
        "queue",
        "rare",
        "receiver",
        "ref",
        "reply",
        "state",
        "suspended",
        "system",
        "token",
        "uid",
        "urn",
        "wait",
    )

    def __init__(
        self,
        system: Runtime,
        actor_class: type[Any],
        options: Options,
        lane: Lane,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
    ) -> None:
        self.system = system
        self.actor_class = actor_class
        self.options = options
        self.lane = lane
        self.args = args
        self.kwargs = kwargs
        self.inbox: Any = COLD
        self.queue: Any = ()
        # Invariant: holds the cell itself while nobody owns the turn, nothing while somebody does. Before the start, the starter does.
        self.token: list[Cell] = []
        self.control: tuple[Control, ...] = ()
        self.actor: Any = None
        self.receiver: Any = None
        self.current: Any = IDLE
        self.reply: Future[Any] | None = None
        self.handled = 0
        self.state = Lifecycle.CREATED
        self.suspended = False
        self.incarnation = 0  # 0 until it is begun; each restart makes it one more
        self.end: tuple[DownReason, BaseException | None] | None = None  # under system.lock
        self.mourners: tuple[Future[bool], ...] = ()  # set when it has ended; under system.lock
        self.parent: Cell | None = None
        self.name: str | None = None
        self.uid = 0
        self.urn: str | None = None
        self.ref: ActorRef[Any] = None  # type: ignore[assignment]  # set by whoever makes the cell
        self.rare: Rare | None = None
        self.guard: Guard | None = None  # set before it begins, if it is supervised
        self.wait: Parker | None = None

    # -- identity ----------------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The names from the root down, like ``/parent/child``; an unstarted actor has no place in the tree yet."""
        names: list[str] = []
        cell: Cell | None = self
        while cell is not None:
            names.append(cell.get_name())
            cell = cell.parent
        return "/" + "/".join(reversed(names))

    def get_name(self) -> str:
        """Return the name, made from the uid for an actor that was given none."""
        return self.name if self.name is not None else f"${self.uid}"

    def get_urn(self) -> str:
        """Return the actor's URN, made when first asked for."""
        if self.urn is None:
            urn = self.system.ports.ids.urn()
            with self.system.lock:
                if self.urn is None:
                    self.urn = urn
        return self.urn

    def label(self) -> str:
        """Return pykka's text for the actor: class and URN."""
        return f"{self.actor_class.__name__} ({self.get_urn()})"

    @property
    def reentrant(self) -> bool:
        """Whether the actor takes messages while its handlers wait."""
        return self.options.reentrant

    def extras(self) -> Rare:
        """Return the rare fields, making them if need be."""
        if self.rare is None:
            with self.system.lock:
                return self.extras_locked()
        return self.rare

    def extras_locked(self) -> Rare:
        """Do as `extras` does, for a caller that holds the system's lock."""
        if self.rare is None:
            self.rare = Rare()
        return self.rare

    # -- turns -----------------------------------------------------------------------------------------------------------

    def rouse(self) -> None:
        """Queue the cell for a turn if nobody has done so yet."""
        if self.token:
            try:
                cell = self.token.pop()
            except IndexError:
                return
            host = self.lane.host
            host.queue.append(cell)
            if host.sleepers:
                host.wake()

    def signal(self, control: Control, *, once: bool = False) -> None:
        """Put `control` into the control lane and see to it that the actor attends to it between two messages.

        Args:
            control: what is wanted.
            once: whether one of that kind, still to be attended to, is enough. So the lane stays short whoever has many children.
        """
        with self.system.lock:
            waiting = self.control
            if not waiting:
                self.control = (control,)
            elif not once or all(other.signal is not control.signal for other in waiting):
                self.control = (*waiting, control)
            woken, self.suspended = self.suspended, False
        dispatcher = self.system.ports.dispatcher
        if dispatcher is not None:
            dispatcher.signalled(self)
        if woken:
            self.requeue()
        else:
            self.rouse()

    def yield_turn(self) -> None:
        """Let the turn under way end after its message. By the turn owner."""
        with self.system.lock:
            self.control = (*self.control, PROBE)

    def requeue(self) -> None:
        """Give the cell, whose token the caller holds, another turn behind the others."""
        host = self.lane.host
        host.queue.append(self)
        if host.sleepers:
            host.wake()

    # -- the turn owner's --------------------------------------------------------------------------------------------------

    def next_control(self) -> Control | None:
        """Take the oldest entry out of the control lane."""
        if not self.control:  # what comes after this look is seen when the turn ends
            return None
        with self.system.lock:
            waiting = self.control
            self.control = waiting[1:]
            return waiting[0]

    def end_turn(self) -> None:
        """Give the turn up outside the hot path: go to sleep, wait for children with the turn held, or queue again."""
        waits = self.state is Lifecycle.STOPPING or self.state is Lifecycle.RESTARTING
        if not waits:
            high_water.look(self)
        with self.system.lock:
            again = bool(self.control) or (not waits and bool(self.queue))
            if not again and waits:
                self.suspended = True
        if again:
            self.requeue()
        elif not waits:
            self.token.append(self)
            if self.queue or self.control:
                self.rouse()

    def close(self, *, own_turn: bool) -> None:
        """Admit nothing any more, and let nothing that was admitted wait for ever.

        Args:
            own_turn: whether this is the actor's own turn, so that its hook may be told.
        """
        # Invariant: first the door, then the drain. A sender appends and then looks at the door; so either this drain or that
        # sender finds the entry. Under the lock, or a sender that is just giving a cold actor its mailbox would open the door again.
        with self.system.lock:
            self.inbox = CLOSED
        queue = self.queue
        if isinstance(queue, BoundedMailbox):
            queue.close()
        self._drain(queue, own_turn=own_turn)
        self.queue = ()
        # Invariant: a sender that still saw the queue in its place left its entry to this look; the others settle it themselves.
        self._drain(queue, own_turn=own_turn)
        stash = self.rare.stash if self.rare is not None else None
        self._drain(stash, own_turn=own_turn)
        event = self.rare.stopped_event if self.rare is not None else None
        if event is not None:  # whoever makes it, under the lock, looks at the door after that
            event.set()

    def _drain(self, entries: Any, *, own_turn: bool) -> None:
        while entries:
            try:
                entry = entries.popleft()
            except IndexError:
                return
            fates.refuse(self, entry, own_turn=own_turn)

    def unwrap(self, entry: Any) -> tuple[Any, Future[Any] | None, Any]:
        """Return the message, future and note of an entry of any form."""
        if type(entry) is Entry:
            return entry[0], entry[1], entry[2]
        return (entry[0] if self.system.config.tracing and type(entry) is tuple else entry), None, None

    def mourn(self, future: Future[bool]) -> bool:
        """Have `future` set when the actor has ended; return False if it has."""
        with self.system.lock:
            if self.state is Lifecycle.STOPPED:
                return False
            self.mourners = (*self.mourners, future)
            return True

    def waiting(self) -> int:
        """Return how many messages wait in the mailbox. The marker of a stop is none."""
        queue = self.queue
        entries = queue.entries() if isinstance(queue, BoundedMailbox) else tuple(queue)
        return sum(1 for entry in entries if type(entry) is not Entry or entry[0] is not STOP)
