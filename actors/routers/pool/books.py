"""The books of a pool: its waiting jobs, its slots, its counters, under one lock.

Jobs wait here and not in the mailboxes of workers, so nothing is lost with a worker, and a change of the size moves jobs.

Whoever frees a worker or brings a job hands the one to the other: a sender in its own call, a worker in its own turn, the pool's actor in
its. Under the lock it only notes what is to be sent and told; `flush` does that without the lock, for that runs the code of users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.bounded import Overflow
from actors._core.context import current_cell
from actors._core.doors import CLOSED
from actors._core.events import DeadLetterReason
from actors._core.future import Future
from actors._core.mutex import Mutex
from actors.routers.errors import PoolClosedError
from actors.routers.pool.accounts import Accounts
from actors.routers.pool.forking import ForkedLock, inherit
from actors.routers.pool.jobs import Bundle, Job, JobState, Parcel
from actors.routers.pool.keyed import KeyedLanes
from actors.routers.pool.lanes import OwnLanes, SharedLane
from actors.routers.pool.outbox import Outbox
from actors.routers.pool.pace import Gate, Pace
from actors.routers.pool.returns import Returns
from actors.routers.pool.room import Line
from actors.routers.pool.slots import Slot
from actors.routers.pool.stats import PoolStats
from actors.routers.routing import FULL, ConsistentHash

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.ports import Ports, TimerHandle
    from actors.routers.pool.lanes import Lanes
    from actors.routers.pool.options import PoolOptions

__all__ = ["Books"]

OVER, RUNNING, WAITING, OUTSIDE = JobState.OVER, JobState.RUNNING, JobState.WAITING, JobState.OUTSIDE


class Books:
    """See the module's docstring.

    Attributes:
        name: the path of the pool.
        lock: guards everything but what never changes.
        accounts: its counters, and the ends of its jobs.
        returns: what its workers tell.
        simulated: whether a simulation wants to know who touches them.
        traced: whether jobs carry where they came from.
        blocks: whether senders wait for room.
        keyed: whether jobs have keys.
        target: workers there shall be.
        closing: whether no job is taken any more.
        cause: what the pool's actor crashed with.
        ended: whether the pool's actor has ended.
        gone: set after that.
        ring: called, on the clock's thread, when something is due; set by whoever attaches the actor.
    """

    def __init__(self, name: str, ports: Ports, options: PoolOptions) -> None:
        self.name = name
        self.ports = ports
        self.options = options
        self._world = ports.dispatcher
        self.simulated = ports.dispatcher is not None
        self.traced = False
        self.lock = Mutex()
        self.blocks = options.overflow is Overflow.BLOCK
        self.keyed = isinstance(options.routing, ConsistentHash)
        self._batch = options.batch
        self.target = options.size
        self.slots: list[Slot] = []  # those that are not retiring, in the order made
        self.leaving: dict[Slot, None] = {}  # those that are
        self.lanes: Lanes = self._new_lanes()
        self.gate = Gate(options.rate)
        self.pace = Pace(ports.clock.now())
        self.line = Line()
        self.accounts = Accounts(name, options.redeliver)
        self.returns = Returns(self)
        self.closing = False
        self.cause: BaseException | None = None
        self.ended = False
        self.gone = self.new_future()
        self.ring: Callable[[], object] = lambda: None
        self.restless = options.elastic is not None or options.hangs_after is not None  # whether the actor looks now and then
        self.looking = False  # whether it is going to
        self._numbers = 0
        self._outbox = Outbox(self.accounts.news, self.returns)
        self._admitting = False
        self._alarm: float | None = None  # clock time of the next look
        self._handle: TimerHandle | None = None
        self._resource = self._world.resource("pool") if self._world is not None else None
        inherit(self)

    def _new_lanes(self) -> Lanes:
        routing = self.options.routing
        if routing is None:
            # Elastic: if all took turns, none would ever be idle for long enough to go, however little there is to do.
            return SharedLane(packed=self.options.elastic is not None)
        if isinstance(routing, ConsistentHash):
            return KeyedLanes(routing)
        return OwnLanes(routing, self.ports, _load)

    def forked(self) -> None:
        """Refuse everything from now on: this is a forked child, and the workers are elsewhere. So may be who holds the lock."""
        self.lock = ForkedLock(self.name if self.accounts.ref is None else self.accounts.ref._target.system.name)  # type: ignore[assignment]

    def new_future(self) -> Future[Any]:
        """Return a future that nobody has resolved."""
        future: Future[Any] = Future()
        self.adopt(future)
        return future

    def adopt(self, future: Future[Any]) -> None:
        """Let a simulation know of a future, before anybody listens to it."""
        if self._world is not None:
            self._world.adopt(future)

    def touches(self, *, changes: bool = True) -> None:
        """Tell a simulation that the caller looks at, or changes, what several actors share."""
        if self._world is not None:
            self._world.touched(self._resource, changes=changes)

    def looks_whether_alive(self) -> None:
        """Tell a simulation that the caller looks whether the pool's actor lives."""
        if self._world is not None and self.accounts.ref is not None:
            self._world.touched(self.accounts.ref._target)

    def refuse(self, message: Any) -> None:
        """Account for a told job that found no room, or no pool, and whose sender is not there to be told."""
        with self.lock:
            reason = DeadLetterReason.STOPPED if self.is_closed() else DeadLetterReason.DROPPED_NEWEST
        self.accounts.dead_letter(message, reason)

    # -- jobs come in --------------------------------------------------------------------------------------------------------

    def arrive(self, job: Job) -> None:
        """Let `job` in: hand it to a worker that could take it now, or let it wait. Under the lock; the caller flushes."""
        self.accounts.let_in(job)
        if self._batch is not None:
            job.since = self.ports.clock.now()
        slot = self.lanes.add(job)
        if slot is not None:
            self.hand_to(slot)
        if self.restless and not self.looking:
            self.looking = True
            self.accounts.later(self.ring)

    def is_closed(self) -> bool:
        """Tell whether no job is taken any more. Under the lock."""
        return self.closing or self.ended or (self.accounts.ref is not None and self.accounts.ref._target.inbox is CLOSED)

    def works_here(self) -> bool:
        """Tell whether the caller is a handler of a worker of this pool."""
        cell = current_cell()
        guard = cell.guard if cell is not None else None
        return (
            guard is not None
            and isinstance(guard.child, Slot)
            and self.accounts.ref is not None
            and guard.supervisor is self.accounts.ref._target
        )

    # -- jobs go out ---------------------------------------------------------------------------------------------------------

    def hand_to(self, slot: Slot) -> None:
        """Hand `slot` what it can take. Under the lock; the caller flushes."""
        while slot.room > 0 and slot.ready and not slot.retiring:  # as `slot.open` has it; there is one look for each job
            if self._batch is None and not self.gate.watches:  # nearly always
                job = self.lanes.take(slot)
                if job is None:
                    self.lanes.opened(slot)
                    return
                self._take(job, slot)
                self._give(job, slot, self._new_attempt(slot) if job.future is not None else None)
                continue
            first = self.lanes.peek(slot)
            if first is None:
                self.lanes.opened(slot)
                return
            count = self._may_take(slot, first)
            if not count:
                self.lanes.opened(slot)
                return
            self._hand(slot, count)

    def hand_out(self) -> None:
        """Hand all slots what they can take. Under the lock; the caller flushes."""
        for slot in self.slots:
            if slot.room > 0:
                self.hand_to(slot)

    def _may_take(self, slot: Slot, first: Job) -> int:
        """Return how many jobs may be handed to `slot` in one parcel now; 0 has this looked at again in time."""
        count, batch = 1, self._batch
        if batch is not None and not first.deliveries:
            count = self.lanes.count(slot, batch.most)
            due = first.since + batch.patience
            if count < batch.most and self.ports.clock.now() < due and not self.closing:
                self.want_look(due)
                return 0
        if self.gate.watches:
            now = self.ports.clock.now()
            count = self.gate.free(now, count)
            if not count:
                self.want_look(self.gate.opens_at(now))
        return count

    def _hand(self, slot: Slot, count: int) -> None:
        """Take so many jobs for `slot` and note that they are to be sent."""
        job = self.lanes.take(slot)
        assert job is not None  # there are so many
        self._take(job, slot)
        parcel: Parcel = job
        if self._batch is not None:
            jobs = [job]
            while len(jobs) < count:
                more = self._next_of_batch(slot, jobs[-1])
                if more is None:
                    break
                self._take(more, slot)
                jobs.append(more)
            parcel = Bundle(self, jobs)
            parcel.slot = slot
            self.accounts.batches += 1
        if self.gate.watches:
            self.gate.let_through(self.ports.clock.now(), len(parcel.jobs))
        self._give(parcel, slot, self._new_attempt(slot) if type(parcel) is Bundle or job.future is not None else None)

    def _give(self, parcel: Parcel, slot: Slot, attempt: Future[Any] | None) -> None:
        """Note that `parcel` is to be sent to the worker of `slot`, which is to resolve `attempt`."""
        assert slot.cell is not None  # it is ready
        parcel.cell = slot.cell
        # Invariant: made under the lock. Where it is sent, another may have taken the parcel back and handed it out anew.
        parcel.attempt = attempt
        parcel.begun = parcel.handled = parcel.answered = False
        # Invariant: no call in between, so no Ctrl-C. What a worker has is on its way.
        slot.held[parcel] = None
        slot.handed += 1
        self.accounts.out += 1
        slot.room -= 1
        self._outbox.parcels.append((parcel, slot.cell, attempt))
        self.lanes.closed(slot)  # it stands behind the others if it has room left
        if self.line.senders:
            self.admit()
        if self.accounts.bursts.bursting and 2 * self.accounts.waiting < self.options.capacity:
            self.accounts.end_burst()

    def _new_attempt(self, slot: Slot) -> Future[Any]:
        attempt = self.new_future()
        attempt._cell = slot.cell
        return attempt

    def _next_of_batch(self, slot: Slot, last: Job) -> Job | None:
        if isinstance(self.lanes, KeyedLanes):
            return self.lanes.take_more(slot, last)
        following = self.lanes.peek(slot)
        return self.lanes.take(slot) if following is not None and not following.deliveries else None

    def _take(self, job: Job, slot: Slot) -> None:
        self.accounts.waiting -= 1
        self.accounts.running += 1
        job.state = RUNNING
        job.slot = slot

    def admit(self) -> None:
        """Let senders in for whom there is room, in order. Under the lock."""
        if self._admitting:  # this goes on further up
            return
        self._admitting = True
        while self.line.senders and self.accounts.waiting < self.options.capacity:
            job, admitted = self.line.first()
            self.arrive(job)
            self.accounts.later(admitted.try_set, None)
            self.line.leave(job)
        self._admitting = False

    def mend(self) -> None:
        """Go on after a Ctrl-C in the middle of a change, of which nobody knows how far it came. Under the lock.

        What counts is which jobs are open and who has them; all else is reckoned from that. Whoever is to be told is told soon, by others.
        """
        slots = [*self.slots, *self.leaving]
        parcels = [parcel for slot in slots for parcel in slot.held]
        held = {job for parcel in parcels for job in parcel.jobs}
        self.accounts.recount(held, len(parcels))
        self._admitting = False
        for job, admitted in list(self.line.senders.items()):
            if job.state is not OUTSIDE:
                self.line.leave(job)
                self.accounts.later(admitted.try_set, None)
        for slot in slots:
            slot.lane.clear()
            slot.room = self.options.concurrency - len(slot.held) if slot.ready else 0
        self.lanes = self._new_lanes()
        self.lanes.relay(self.slots)
        for job in held:
            self.lanes.held(job)
        for job in sorted(self.accounts.open, key=lambda job: job.number):
            if job.state is WAITING:
                self.lanes.add(job)
        self.hand_out()
        self.admit()
        self.accounts.look_whether_idle()
        for job in self.accounts.open:
            if job.future is not None and job.future.cancelled():
                self.accounts.later(self.cancel, job)

    def look_soon(self) -> None:
        """Have the pool's actor look, send and tell: a Ctrl-C kept somebody from it."""
        with self.lock:
            self._alarm = None
            self.want_look(self.ports.clock.now())

    # -- without the lock ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send and tell what was noted. Without the lock."""
        self._outbox.flush()

    # -- what its actor and askers tell ----------------------------------------------------------------------------------------

    def cancel(self, job: Job) -> None:
        """Give `job` up, which its asker has cancelled."""
        self.touches()
        try:
            with self.lock:
                try:
                    self._give_up(job)
                except BaseException:  # a Ctrl-C
                    self.mend()
                    raise
            self.flush()
        except BaseException:
            self.look_soon()
            raise

    def _give_up(self, job: Job) -> None:
        if job.state is WAITING:
            self.lanes.remove(job)
            self.accounts.cancel(job)
            self.admit()
        elif job.state is RUNNING:
            if job.cell is not None and job.begun and job.attempt is not None:
                self.accounts.later(job.attempt.cancel)
            else:
                self.accounts.cancel(job)
        elif job.state is OUTSIDE and job in self.line.senders:
            # Nobody is in the way any more: its sender goes on, and finds that it is cancelled.
            self.accounts.later(self.accounts.dead_letter, job.message, DeadLetterReason.CANCELLED)
            self.accounts.later(self.line.senders[job].try_set, None)
            self.line.leave(job)

    def started(self, slot: Slot) -> None:
        """Take note that the worker of `slot` is running."""
        self.touches()
        with self.lock:
            slot.ready = True
            slot.proven = False
            self.returns.left_behind(slot)
            slot.room = self.options.concurrency - len(slot.held)
            self.hand_to(slot)
        self.flush()

    def drop(self, parcel: Parcel, slot: Slot) -> None:
        """Take `parcel` off the worker of `slot`. Under the lock."""
        del slot.held[parcel]
        self.accounts.out -= 1
        parcel.cell = parcel.attempt = None
        if slot.retiring and not slot.held:
            self.accounts.later(self.ring)  # its worker may go
        if self.accounts.drains:
            self.accounts.look_whether_idle()

    # -- slots ---------------------------------------------------------------------------------------------------------------

    def new_slot(self) -> Slot:
        """Add a slot and place the waiting jobs anew. Under the lock."""
        self._numbers += 1
        slot = Slot(self._numbers)
        self.slots.append(slot)
        return slot

    def retire(self, slot: Slot) -> None:
        """Let `slot` get no job any more. Under the lock; the caller relays."""
        slot.retiring = True
        self.leaving[slot] = None
        self.lanes.closed(slot)

    def relay(self) -> None:
        """Place the waiting jobs anew, after slots have come or gone. Under the lock; the caller flushes."""
        self.slots = [slot for slot in self.slots if not slot.retiring]
        self.lanes.relay(self.slots)
        self.hand_out()

    # -- time ----------------------------------------------------------------------------------------------------------------

    def want_look(self, when: float) -> None:
        """Have `ring` called at `when`, in clock time, if it is not called earlier anyway. Under the lock."""
        if self._alarm is not None and self._alarm <= when:
            return
        handle, self._handle = self._handle, self.ports.clock.call_at(when, self._rings)
        self._alarm = when
        if handle is not None:
            handle.cancel()

    def _rings(self) -> None:
        with self.lock:
            self._alarm = self._handle = None
        self.ring()

    def look(self) -> None:
        """Do what has become due."""
        self.touches()
        with self.lock:
            self.hand_out()
            self.admit()
        self.flush()

    def retry_after(self, now: float) -> float | None:
        """Return the seconds after which there should be room, by the pace of late. Under the lock."""
        ends = self.accounts.ends
        finished = ends["done"] + ends["failed"] + ends["poisoned"]
        pace = self.pace.per_second(now, finished)
        opens = self.gate.opens_at(now) - now if self.gate.watches else 0.0
        if pace is None:
            return opens or None
        return max(1.0 / pace, opens)

    # -- looking, and the end ------------------------------------------------------------------------------------------------

    def stats(self) -> PoolStats:
        """Return the figures of this moment."""
        self.touches(changes=False)
        with self.lock:
            slots = [*self.slots, *self.leaving]
            full = self.accounts.waiting >= self.options.capacity
            return PoolStats(
                size=self.target,
                ready=sum(slot.ready for slot in slots),
                busy=sum(bool(slot.held) for slot in slots),
                waiting=self.accounts.waiting,
                running=self.accounts.running,
                accepted=self.accounts.accepted,
                **self.accounts.ends,
                redelivered=self.accounts.redelivered,
                deaths=self.accounts.deaths,
                batches=self.accounts.batches,
                retry_after=self.retry_after(self.ports.clock.now()) if full else None,
            )

    def drained(self) -> Future[bool]:
        """Return a future that is set once no job waits or is under way."""
        future = self.new_future()
        self.touches()
        with self.lock:
            idle = self.accounts.idle() or self.ended
            if not idle:
                self.accounts.drains = [one for one in self.accounts.drains if not one.done()]
                self.accounts.drains.append(future)
        if idle:
            future.try_set(True)
        return future

    def close(self) -> None:
        """Take no job any more. Senders that wait for room are sent away."""
        self.touches()
        with self.lock:
            self.closing = True
            self._send_away()
            self.hand_out()  # batches wait for no company any more
        self.flush()

    def _send_away(self) -> None:
        while self.line.senders:
            job, admitted = self.line.first()
            self.accounts.later(admitted.try_fail, PoolClosedError(self.name, job.message, self.cause))
            self.line.leave(job)

    def end(self, cause: BaseException | None = None) -> None:
        """Give up what there is: the pool's actor has ended, perhaps of a crash. Nothing hangs."""
        self.touches()
        with self.lock:
            self.cause = self.cause or cause
            self.closing = self.ended = True
            self._send_away()
            if self._handle is not None:
                self._handle.cancel()
            slots = [*self.slots, *self.leaving]
            jobs = [job for slot in slots for parcel in slot.held for job in parcel.jobs]
            for slot in slots:
                slot.ready = False
                slot.room = 0
                for parcel in list(slot.held):
                    self.drop(parcel, slot)
            for job in [*jobs, *self.lanes.everyone()]:
                self.accounts.lose(job, PoolClosedError(self.name, job.message, self.cause), DeadLetterReason.STOPPED)
            self.slots, self.leaving = [], {}
            self.lanes = self._new_lanes()
            self.accounts.end_burst()
        self.flush()


def _load(slot: Slot) -> int:
    """Return how much a slot has to do; one whose worker is not running is chosen last."""
    return len(slot.lane) + len(slot.held) if slot.ready else FULL
