"""Supervised actors: what a supervisor is told about its child, and the terms that the child's cell carries for it.

This is mechanism. A supervised actor that crashes does not end: it *comes down*, keeps its ref and its mailbox, and waits in the state
RESTARTING for what its supervisor decides. When it is to be brought up again, told to stop, or given up, is decided elsewhere.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from actors._core import deadlock, fates
from actors._core.admission import warm
from actors._core.bounded import BoundedMailbox
from actors._core.doors import Door
from actors._core.events import DeadLetterReason
from actors._core.lifecycle import Lifecycle, advance
from actors._core.lineage import FROM_USERS, lineage_of
from actors._core.messages import BRING_UP, CHILD_EVENT, STOP, STOP_DOWN, TAKE_DOWN, Control, Entry, Note, Stashed
from actors._core.reply import close_handles
from actors.errors import ActorRestarting

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.lineage import Lineage
    from actors._core.ports import TimerHandle

__all__ = [
    "Alarms",
    "ChildEvent",
    "Guard",
    "Owner",
    "Redelivered",
    "WhileDown",
    "bring_up",
    "come_down",
    "drop",
    "give_back",
    "hear",
    "keep_down",
    "may_come_again",
    "post_event",
    "reopen",
    "shut",
    "take_down",
    "take_office",
]


class ChildEvent(Enum):
    """What a supervisor is told about a child, ahead of its mail."""

    STARTED = auto()
    """An incarnation is running (of a supervisor: with its children)."""

    FAILED = auto()
    """It has crashed, or failed to start again, and waits for a decision."""

    DOWN = auto()
    """It is down, and its own children have ended."""

    ENDED = auto()
    """It has ended for good: the cell is gone."""


class WhileDown(Enum):
    """What becomes of the mail of a child that is down."""

    KEEP = "keep"
    """It waits for the next incarnation."""

    FAIL_FAST = "fail fast"
    """Asks, also those that wait, and new tells fail with ActorRestarting; tells that wait are kept."""

    DROP = "drop"
    """All of it is dropped: asks fail with ActorRestarting, tells become dead letters."""


def bring_up(cell: Cell, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> None:
    """Have a cell that is down make its next instance, with these arguments. By its supervisor."""
    guard = cell.guard
    assert guard is not None  # it is supervised
    guard.arguments = args, kwargs
    cell.signal(BRING_UP)


def take_down(cell: Cell) -> None:
    """Have a running cell come down: its instance gets its last hooks, its children end, and it waits. By its supervisor.

    What its handler waits for of a sibling that is down itself, and is not brought up before this one is down, fails.
    """
    # Invariant: first the signal, then the look for a wait. A handler notes its wait, and then looks for the signal.
    cell.signal(TAKE_DOWN)
    deadlock.give_up_on_siblings(cell)


def drop(cell: Cell) -> None:
    """Have a cell that is down end, with no further hook. By its supervisor."""
    cell.signal(STOP_DOWN)


def keep_down(cell: Cell, retry_at: float) -> None:
    """Tell whoever waits for an answer of a cell that is down that it stays so until `retry_at`, in clock time. By its supervisor."""
    guard = cell.guard
    assert guard is not None  # it is supervised
    guard.retry_at = retry_at
    rare = cell.rare
    for handle in tuple(rare.handles) if rare is not None else ():
        handle.fail(ActorRestarting(cell.label(), guard.retry_after(cell)))


class Owner(Protocol):
    """The instance of a supervisor."""

    def _greenroom_hear(self, child: Any, event: ChildEvent, reason: Any, error: BaseException | None) -> None:
        """Take note of what has happened to a child. In the supervisor's own turn."""


class Guard:
    """The terms of one supervised cell.

    Written by the supervisor before the cell begins, but for: `held`, `down` and `failure`, by the cell's turn owner; `proven`, by the
    same, once; `retry_at` and `arguments`, by the supervisor's turn owner, who then signals the cell; senders read `retry_at`, old or new.
    """

    __slots__ = (
        "arguments",
        "ask_crashes",
        "child",
        "deadline",
        "down",
        "failure",
        "held",
        "kills",
        "order",
        "owner",
        "proven",
        "redeliver",
        "restarts",
        "retry_at",
        "supervisor",
        "while_down",
    )

    def __init__(
        self,
        supervisor: Cell,
        owner: Owner,
        child: Any,
        *,
        order: int,
        restarts: bool,
        deadline: float | None,
        kills: bool = False,
        ask_crashes: bool = False,
        redeliver: int = 0,
        while_down: WhileDown = WhileDown.KEEP,
    ) -> None:
        self.supervisor = supervisor
        self.owner = owner
        self.child = child
        self.order = order  # among its siblings: they end in the reverse of it, whenever they were started
        self.restarts = restarts  # whether a crash is the supervisor's to decide on, rather than the end
        self.deadline = deadline  # seconds that a stop may take; None: as long as it takes
        self.kills = kills  # whether it is not stopped but killed
        self.ask_crashes = ask_crashes
        self.redeliver = redeliver
        self.while_down = while_down
        self.arguments: tuple[tuple[Any, ...], dict[str, Any] | None] = ((), None)  # written before the cell is brought up
        self.proven = False  # whether it has been running: a first start that fails is no crash. Written once, to True.
        self.held = False
        self.down = False  # whether the supervisor was told that it is down; by the cell's turn owner, as `held`
        self.failure: BaseException | None = None  # what the supervisor is told of once the children have ended
        self.retry_at: float | None = None

    def tell(self, event: ChildEvent, reason: Any = None, error: BaseException | None = None) -> None:
        """Tell the supervisor, ahead of its mail."""
        post_event(self.supervisor, self.owner, self.owner._greenroom_hear, self.child, event, reason, error)

    def retry_after(self, cell: Cell) -> float | None:
        """Return the seconds until the next attempt to start `cell`, None if that is not known."""
        retry_at = self.retry_at
        return None if retry_at is None else max(0.0, retry_at - cell.system.ports.clock.now())


def take_office(cell: Cell, owner: Any) -> Alarms:
    """Let `cell` be told of children: `owner` is its instance from now on. In its turn."""
    rare = cell.extras()
    if rare.desk == ():
        rare.desk = deque()
    rare.alarms = alarms = Alarms(cell, owner)
    return alarms


def post_event(supervisor: Cell, owner: Any, call: Callable[..., object], *arguments: Any) -> None:
    """Have ``call(*arguments)`` made in the turn of `supervisor`, ahead of its mail, if `owner` is its instance still. From any thread."""
    # Invariant: first the event, then the signal. A turn that takes the signal sees every event posted before it.
    supervisor.rare.desk.append((owner, call, arguments))  # type: ignore[union-attr]  # it has taken office
    supervisor.signal(CHILD_EVENT, once=True)


def hear(cell: Cell) -> None:
    """Make the calls that were posted to the supervisor `cell`. In its own turn; what comes out of them is its crash."""
    desk = cell.extras().desk
    while desk:
        owner, call, arguments = desk.popleft()
        if owner is cell.actor and cell.state is Lifecycle.RUNNING:
            call(*arguments)


class _Alarm:
    """One timer of a supervisor; `live` is written by its turn owner, or by whoever ends it."""

    __slots__ = ("call", "handle", "live")

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.live = True
        self.handle: TimerHandle | None = None

    def fire(self) -> None:
        if self.live:
            self.live = False
            self.call()

    def cancel(self) -> None:
        self.live = False
        if self.handle is not None:
            self.handle.cancel()


class Alarms:
    """The timers of a supervisor's incarnation: each makes a call in its turn. Cancelled with the incarnation, whoever ends that."""

    def __init__(self, cell: Cell, owner: Any) -> None:
        self._cell = cell
        self._owner = owner
        self._alarms: dict[Any, _Alarm] = {}  # under the system's lock

    def set(self, key: Any, seconds: float, call: Callable[[], object]) -> None:
        """Have `call` made in `seconds` seconds, in place of what `key` was set to before."""
        self.cancel(key)
        cell, owner = self._cell, self._owner
        alarm = _Alarm(call)
        with cell.system.lock:
            self._alarms[key] = alarm
        clock = cell.system.ports.clock
        alarm.handle = clock.call_at(clock.now() + seconds, lambda: post_event(cell, owner, alarm.fire))

    def cancel(self, key: Any) -> None:
        """Forget what `key` was set to."""
        if key not in self._alarms:  # only the supervisor's turns add to it
            return
        with self._cell.system.lock:
            alarm = self._alarms.pop(key, None)
        if alarm is not None:
            alarm.cancel()

    def cancel_all(self) -> None:
        """Forget everything."""
        with self._cell.system.lock:
            alarms = list(self._alarms.values())
            self._alarms.clear()
        for alarm in alarms:
            alarm.cancel()


# -- the message that crashed its actor ------------------------------------------------------------------------------------


class Redelivered(Note):
    """Rides on a message that has crashed its actor and comes again: how often it has."""

    __slots__ = ("lineage", "times")
    fate = DeadLetterReason.POISONED

    def __init__(self, times: int, expires: float | None, lineage: Lineage | None) -> None:
        super().__init__(expires)
        self.times = times
        self.lineage = lineage


_OF_USERS = (*FROM_USERS, Redelivered)


def give_back(cell: Cell, entry: Any, error: BaseException) -> None:
    """Put the message that crashed a supervised actor back to the front of its mailbox, or account for it. In the actor's turn."""
    if isinstance(entry, Control) and type(entry) is not Stashed:  # a hook, or nothing
        return
    if type(entry) is Stashed:  # the stash has it
        return
    message, future, note = cell.unwrap(entry)
    if message is STOP or type(note) not in _OF_USERS:  # a tick or notice: it carries nothing
        return
    if future is not None:
        if future.done():
            return
        close_handles(cell, future)
    again = may_come_again(cell, entry)
    if again:
        times = note.times if type(note) is Redelivered else 0
        rest = entry[3:] if type(entry) is Entry else entry[1:] if type(entry) is tuple and cell.system.config.tracing else ()
        expires = note.expires if note is not None else None
        cell.handled -= 1
        cell.system.put_back(cell, [Entry((message, future, Redelivered(times + 1, expires, lineage_of(entry)), *rest))])
    elif future is not None:
        future.try_fail(error)
    else:
        cell.handled -= 1
        fates.dead_letter(cell, message, DeadLetterReason.POISONED, own_turn=True)


def may_come_again(cell: Cell, entry: Any) -> bool:
    """Tell whether the message that has just crashed the actor is to be handled once more."""
    guard = cell.guard
    if guard is None or not guard.restarts or cell.reentrant:
        return False
    note = cell.unwrap(entry)[2]
    return (note.times if type(note) is Redelivered else 0) < guard.redeliver


# -- while it is down ------------------------------------------------------------------------------------------------------


def come_down(cell: Cell) -> bool:
    """Take a running cell down, to wait for its supervisor; False if it has to end instead. In the cell's turn."""
    guard = cell.guard
    if guard is None or not guard.restarts or not guard.proven:
        return False
    supervisor = guard.supervisor
    # Invariant: a supervisor that ends changes its state under the lock, and then tells its children to stop. So either this sees
    # that it ends, or the stop finds the child down.
    with cell.system.lock:
        if supervisor.state is not Lifecycle.RUNNING or supervisor.actor is not guard.owner or cell.end is not None:
            return False
        if cell.state is not Lifecycle.RESTARTING:
            cell.state = advance(cell.state, Lifecycle.RESTARTING)
        guard.held = True
        guard.down = False
    guard.retry_at = guard.failure = None
    return True


def shut(cell: Cell) -> None:
    """Do to the mail of a cell that is down what its guard says. In the cell's turn."""
    guard = cell.guard
    assert guard is not None  # it is supervised
    if guard.while_down is WhileDown.KEEP:
        return
    warm(cell)
    with cell.system.lock:
        if cell.end is None:
            cell.inbox = _DownDoor(cell)
    kept: list[Any] = []
    queue = cell.queue
    while queue:
        try:
            entry = queue.popleft()
        except IndexError:
            break
        message, future, note = cell.unwrap(entry)
        drops = guard.while_down is WhileDown.DROP and message is not STOP and type(note) in _OF_USERS
        if (future is not None and message is not STOP) or drops:
            lose(cell, entry)
        else:
            kept.append(entry)
    if kept:
        cell.system.put_back(cell, kept)


def reopen(cell: Cell) -> None:
    """Let mail in again. In the cell's turn."""
    if type(cell.inbox) is not _DownDoor:
        return
    with cell.system.lock:
        if type(cell.inbox) is _DownDoor and cell.end is None:
            cell.inbox = cell.system.door_of(cell)


def lose(cell: Cell, entry: Any) -> None:
    """Account for a message that a cell which is down does not keep."""
    message, future = cell.unwrap(entry)[:2]
    guard = cell.guard
    assert guard is not None  # it is supervised
    with cell.system.lock:
        cell.extras_locked().dropped += 1
    if future is not None:
        future.try_fail(ActorRestarting(cell.label(), guard.retry_after(cell), message))
    else:
        cell.system.dead_letter(cell, message, DeadLetterReason.RESTARTED)


class _DownDoor(Door):
    """Stands before the mailbox of a cell that is down and does not take mail."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def queue(self) -> Any:
        """The mailbox behind it."""
        return self._cell.queue

    def exempt(self, entry: Any) -> None:  # type: ignore[override]
        """Admit a stop, a tick or a notice all the same."""
        queue = self._cell.queue
        (queue.exempt if isinstance(queue, BoundedMailbox) else queue.append)(entry)

    def refuse(self, entry: Any) -> bool:
        """Refuse or drop `entry`.

        Raises:
            ActorRestarting: the guard says to fail fast.
        """
        cell = self._cell
        guard = cell.guard
        assert guard is not None  # it is supervised
        if guard.while_down is WhileDown.FAIL_FAST:
            raise ActorRestarting(cell.label(), guard.retry_after(cell), cell.unwrap(entry)[0])
        lose(cell, entry)
        return True
