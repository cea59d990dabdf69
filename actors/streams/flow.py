"""The ends of a stage: what waits before it, what it has made, what those behind it have demanded; and its counters."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.mutex import Mutex
from actors.streams.messages import Cancelled, Demand, Elements, Ended, send
from actors.streams.stats import StageState, StageStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.ports import Ports
    from actors._core.ref import ActorRef
    from actors.streams.graph import Planned

__all__ = ["Flow", "Inlet", "Outlet"]

PATIENCE = 0.005  # seconds of one slice of work after which what it has made is given on from beside it
LATELY = 1.0  # seconds over which a rate is taken, at least


class Inlet:
    """Where elements come in. Belongs to the stage's turn; others read it for figures.

    Attributes:
        waiting: the elements that wait.
        capacity: how many may wait, or be on their way, at most.
        received: how many have come.
        ended: whether no more will come.
        error: what came in place of a proper end.
    """

    __slots__ = ("_outlet", "_promised", "_upstream", "capacity", "ended", "error", "received", "waiting")

    def __init__(self, capacity: int) -> None:
        self.waiting: deque[Any] = deque()
        self.capacity = capacity
        self.received = 0
        self.ended = False
        self.error: BaseException | None = None
        self._promised = 0  # demanded in all; what is on its way is this less `received`
        self._upstream: ActorRef[Any] | None = None
        self._outlet = 0

    def connect(self, upstream: ActorRef[Any], outlet: int) -> None:
        """Take note of who gives the elements."""
        self._upstream, self._outlet = upstream, outlet

    @property
    def over(self) -> bool:
        """Whether the last element has been taken, and no more will come."""
        return self.ended and not self.waiting

    def came(self, items: list[Any]) -> None:
        """Let elements in; nobody waits for those of an inlet that was cancelled."""
        if not self.ended:
            self.received += len(items)
            self.waiting.extend(items)

    def end(self, error: BaseException | None) -> None:
        """Take note that nothing more will come."""
        if not self.ended:
            self.ended, self.error = True, error

    def demand(self) -> None:
        """Ask for more once half of the room is free: so elements travel in company, and it never runs empty while there are any."""
        # Invariant: what waits and what is on its way are never more than `capacity`.
        free = self.capacity - len(self.waiting) - (self._promised - self.received)
        if not self.ended and 2 * free >= self.capacity and self._upstream is not None:
            self._promised += free
            send(self._upstream, Demand(self._outlet, free))

    def cancel(self) -> None:
        """Want nothing more."""
        self.waiting.clear()
        if not self.ended:
            self.ended = True
            if self._upstream is not None:
                send(self._upstream, Cancelled(self._outlet))

    def settled(self) -> tuple[int, int]:
        """Return what is the same at the outlet over there while nothing is on its way; what was demanded and has come."""
        return (-1, -1) if self.ended else (self._promised, self.received)


class Outlet:
    """Where elements go out.

    The stage's turn appends to `out` and writes `granted`. Whoever gives elements on (that turn, or the clock beside one that is stuck)
    holds the lock from taking them out until they are sent, so that they arrive in order.

    Attributes:
        out: elements made and not given on yet; those made after the end was given stay here, see `end`.
        granted: how many have been demanded in all.
        given: how many have been given on; under the lock.
        open: whether somebody wants them; under the lock.
        ended: whether the end was given; under the lock.
    """

    __slots__ = ("_downstream", "_inlet", "_lock", "ended", "given", "granted", "open", "out")

    def __init__(self, lock: Mutex) -> None:
        self._lock = lock
        self.out: deque[Any] = deque()
        self.granted = 0
        self.given = 0
        self.open = True
        self.ended = False
        self._downstream: ActorRef[Any] | None = None
        self._inlet = 0

    def connect(self, downstream: ActorRef[Any], inlet: int) -> None:
        """Take note of who takes the elements."""
        self._downstream, self._inlet = downstream, inlet

    @property
    def made(self) -> int:
        """How many elements the stage has made."""
        with self._lock:
            return self.given + len(self.out)

    @property
    def room(self) -> int:
        """How many elements the stage may still make."""
        return self.granted - self.made

    def settled(self) -> tuple[int, int]:
        """Return the counterpart of `Inlet.settled`."""
        return (self.granted, self.given) if self.open else (-1, -1)

    def flush(self) -> None:
        """Give on what there is."""
        if not self.out:  # only ever emptied elsewhere, so that there is nothing to do
            return
        with self._lock:
            if not self.open or self._downstream is None:
                return
            # Invariant: only holders of the lock take out of it, so as many are there.
            items = [self.out.popleft() for _ in range(len(self.out))]
            if items:
                self.given += len(items)
                send(self._downstream, Elements(self._inlet, items))

    def end(self, error: BaseException | None) -> None:
        """Give on what there is, and then nothing more. From beside a stage that is stuck, too: what it makes later stays in `out`."""
        with self._lock:
            self.flush()
            # A stage that has not begun ends by itself when it does: whoever goes on without it must not take its end away.
            if self.open and self._downstream is not None:
                self.open, self.ended = False, True
                send(self._downstream, Ended(self._inlet, error))

    def close(self) -> None:
        """Give nothing more: nobody wants it."""
        with self._lock:
            if self.open:
                self.open = False
                self.out.clear()


class Flow:
    """All of a stage that others may look at. Counters are written by the stage's turn alone, and read by anybody at any moment.

    Attributes:
        name: of the stage.
        kind: of the stage.
        inlets: where elements come in.
        outlets: where they go out.
        hurry: whether the slice of work under way is to end after the element that it is at: it lasts too long, or the stream is over. Set
            from beside, too; whoever sets it loses against nobody but the beginning of the next slice.
        halted: whether the stream is over. Set once, from beside.
        finishing: whether a source is to give no more elements. Set once, from beside.
        working: whether a slice of work is under way.
        slices: how many slices of work have begun.
        begun: whether the stage knows its neighbours.
        idle: whether it can do nothing until a message comes.
        timed: whether it waits for a time.
        ended: whether the stage has ended.
        held: what gives back what the stage holds, while it holds anything and no slice of work is under way. Whoever pops it owns what the
            stage holds: a slice of work for as long as it lasts, or who calls it.
        under_way: elements taken and not done with, in stages that wait for something outside.
        needs_all: whether it can do nothing while one of its inlets is empty.
        failed: whether the stream failed with what happened in the stage; written before `ended`.
        unwatched: whether the stream's actor looks no more whether anything moves, and is to be told when something has. Set from beside,
            taken back by the stage's turn.
        splits: whether each element goes to one outlet, and not to all.
        skipped: elements dropped because of an error.
        dropped: elements dropped for want of room, or of somebody who wants them.
        restarts: how often the stage began anew.
    """

    __slots__ = (
        "_armed",
        "_clock",
        "_feeds",
        "_lock",
        "_marks",
        "_real",
        "begun",
        "dropped",
        "ended",
        "failed",
        "finishing",
        "halted",
        "held",
        "hurry",
        "idle",
        "inlets",
        "kind",
        "name",
        "needs_all",
        "outlets",
        "restarts",
        "skipped",
        "slices",
        "splits",
        "timed",
        "under_way",
        "unwatched",
        "working",
    )

    def __init__(self, planned: Planned, ports: Ports, buffer: int) -> None:
        self.name = planned.name
        self.kind = planned.node.kind
        self._feeds = tuple(index for index, _ in planned.outlets)
        self._lock = Mutex()
        share = max(1, buffer // max(1, len(planned.inlets)))
        self.inlets = tuple(Inlet(share) for _ in planned.inlets)
        self.outlets = tuple(Outlet(self._lock) for _ in planned.outlets)
        self._clock = ports.clock
        self._real = ports.dispatcher is None
        now = self._clock.now()
        # (when, elements) at two moments, the later at least LATELY after the earlier; replaced as a whole by the stage's turn.
        self._marks = ((now, 0), (now, 0))
        self._armed = False  # whether the clock is going to look; set under the lock
        self.held: list[Callable[[], object]] = []
        self.begun = self.hurry = self.halted = self.finishing = self.working = self.idle = self.timed = self.ended = False
        self.needs_all = self.splits = self.failed = self.unwatched = False
        self.slices = self.under_way = self.skipped = self.dropped = self.restarts = 0

    # -- of the stage's turn -------------------------------------------------------------------------------------------------

    def begin_slice(self) -> None:
        """Take note that a slice of work begins; see to it that what it makes is given on also if it gets stuck."""
        # Invariant: `working` is set before this look at `_armed`, and the clock clears that before it looks at `working`.
        self.working = True
        self.slices += 1
        self.idle = False
        self.hurry = self.halted
        if not self._armed and self._real:  # in a simulation no time passes in a slice
            self._arm()

    def end_slice(self) -> None:
        """Give on what the slice of work has made."""
        for outlet in self.outlets:
            outlet.flush()

    def _arm(self) -> None:
        with self._lock:
            if self._armed:
                return
            self._armed = True
            now = self._clock.now()
            self._mark(now)
            self._clock.call_at(now + PATIENCE, self._overdue)

    def _overdue(self) -> None:
        """Look whether a slice of work lasts too long: its elements shall not wait for those that it is at. On the clock's thread."""
        self._armed = False
        if self.working:
            self.hurry = True
            for outlet in self.outlets:
                outlet.flush()
            self._arm()

    def hold(self, call: Callable[[], object]) -> None:
        """Take note, after a slice of work, of what gives back what the stage holds. From the slice's own thread."""
        # Invariant: who ends the stream sets `halted` and then looks here; so one of the two finds what the other has left.
        self.held.append(call)
        if self.halted:
            self.release()

    def release(self) -> None:
        """Have given back what the stage holds, unless that was done, or a slice of work is under way, which does it at its end."""
        try:
            call = self.held.pop()
        except IndexError:
            return
        call()

    # -- figures -------------------------------------------------------------------------------------------------------------

    @property
    def given(self) -> int:
        """How many elements it has given on; of a broadcast, to the fastest branch; of a partition, to all together."""
        given = [outlet.given for outlet in self.outlets]
        return sum(given) if self.splits else max(given, default=0)

    @property
    def waiting(self) -> int:
        """How many elements wait before it."""
        return sum(len(inlet.waiting) for inlet in self.inlets)

    @property
    def taken(self) -> int:
        """How many elements it has taken."""
        return max(0, sum(inlet.received for inlet in self.inlets) - self.waiting)

    @property
    def room(self) -> int | None:
        """How many elements it may give; None if nobody says how many."""
        return min((max(0, outlet.room) for outlet in self.outlets if outlet.open), default=None)

    def _passed(self) -> int:
        return self.taken if self.inlets else self.given

    def _mark(self, now: float) -> None:
        later = self._marks[1]
        if now - later[0] >= LATELY:
            self._marks = (later, (now, self._passed()))

    @property
    def rests(self) -> bool:
        """Whether it will do nothing more unless one of its neighbours does something."""
        return self.ended or (self.idle and not self.under_way and not self.timed)

    def state(self) -> StageState:
        """Return what the stage is at."""
        if self.ended:
            return StageState.FAILED if self.failed else StageState.ENDED
        if self.working or self.under_way:
            return StageState.WORKING
        empty = [not inlet.waiting for inlet in self.inlets]
        lacks = bool(empty) and (all(empty) or (self.needs_all and any(empty)))
        if lacks:
            return StageState.WAITS_FOR_ELEMENTS
        return StageState.WAITS_FOR_ROOM if self.room == 0 else StageState.WORKING

    def stats(self, now: float) -> StageStats:
        """Return the figures of this moment."""
        (then, before), _ = self._marks
        return StageStats(
            name=self.name,
            kind=self.kind,
            state=self.state(),
            taken=self.taken,
            given=self.given,
            skipped=self.skipped,
            dropped=self.dropped,
            restarts=self.restarts,
            waiting=self.waiting,
            capacity=sum(inlet.capacity for inlet in self.inlets),
            room=self.room or 0,
            under_way=self.under_way,
            rate=(self._passed() - before) / (now - then) if now > then else 0.0,
            feeds=self._feeds,
        )
