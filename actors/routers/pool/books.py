"""The books of a pool: its waiting jobs, its slots, its counters, under one lock.

Jobs wait here and not in the mailboxes of workers, so nothing is lost with a worker, and a change of the size moves jobs.

Whoever frees a worker or brings a job hands the one to the other: a sender in its own call, a worker in its own turn, the pool's actor in
its. Under the lock it only notes what is to be sent and told, in two deques; `flush` does that without the lock, for that runs the code of
users. Of several who flush at once, each entry is one's.

A job has one fate, given by `_settle` under the lock, and is counted with it; what its asker or the dead letters get follows.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.bounded import Overflow
from actors._core.context import current_cell, current_entry
from actors._core.doors import CLOSED
from actors._core.events import DeadLetterReason
from actors._core.future import Future
from actors._core.lifecycle import DownReason
from actors._core.messages import Entry, Signal, Stashed
from actors._core.mutex import Mutex
from actors._core.reports import watch_reading
from actors.errors import ActorDeadError, ActorError, ActorRestarting, AskCancelled, DeadlineExceeded
from actors.routers.errors import BatchResultError, PoolClosedError, WorkerLostError
from actors.routers.pool.events import JobRedelivered
from actors.routers.pool.jobs import Bundle, Job, JobState, Parcel
from actors.routers.pool.keyed import KeyedLanes
from actors.routers.pool.lanes import OwnLanes, SharedLane
from actors.routers.pool.pace import Gate, Pace
from actors.routers.pool.room import Line, Shed
from actors.routers.pool.slots import Slot
from actors.routers.pool.stats import PoolStats
from actors.routers.routing import FULL, ConsistentHash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors._core.cell import Cell
    from actors._core.ports import Ports, TimerHandle
    from actors._core.ref import ActorRef
    from actors.routers.pool.lanes import Lanes
    from actors.routers.pool.options import PoolOptions

__all__ = ["Books"]

OVER, RUNNING, WAITING, OUTSIDE = JobState.OVER, JobState.RUNNING, JobState.WAITING, JobState.OUTSIDE


class Books:
    """See the module's docstring.

    Attributes:
        name: the path of the pool.
        lock: guards everything but what never changes.
        ref: the pool's actor, once it is known.
        blocks: whether senders wait for room.
        target: workers there shall be.
        closing: whether no job is taken any more.
        ended: whether the pool's actor has ended.
        gone: set after that.
        ring: called, on the clock's thread, when something is due; set by whoever attaches the actor.
    """

    def __init__(self, name: str, ports: Ports, options: PoolOptions) -> None:
        self.name = name
        self.ports = ports
        self.options = options
        self._world = ports.dispatcher
        self.lock = Mutex()
        self.ref: ActorRef[Any] | None = None
        self.blocks = options.overflow is Overflow.BLOCK
        self.target = options.size
        self.slots: list[Slot] = []  # those that are not retiring, in the order made
        self.leaving: dict[Slot, None] = {}  # those that are
        self.lanes: Lanes = self._new_lanes()
        self.gate = Gate(options.rate)
        self.pace = Pace(ports.clock.now())
        self.line = Line()
        self.bursts = Shed()
        self.closing = False
        self.ended = False
        self.gone = self.new_future()
        self.ring: Callable[[], object] = lambda: None
        self.drains: list[Future[bool]] = []
        self.waiting = self.running = self.accepted = 0
        self.done = self.failed = self.shed = self.expired = self.cancelled = self.poisoned = 0
        self.redelivered = self.deaths = self.batches = 0
        self.restless = options.elastic is not None or options.hangs_after is not None  # whether the actor looks now and then
        self.looking = False  # whether it is going to
        self._out = 0  # parcels that workers have, also those whose asker has given up or has the answer already
        self._numbers = 0
        self._outbox: deque[Parcel] = deque()
        self._news: deque[Callable[[], object]] = deque()
        self._admitting = False
        self._alarm: float | None = None  # clock time of the next look
        self._handle: TimerHandle | None = None
        self._resource = self._world.resource("pool") if self._world is not None else None

    def _new_lanes(self) -> Lanes:
        routing = self.options.routing
        if routing is None:
            return SharedLane()
        if isinstance(routing, ConsistentHash):
            return KeyedLanes(routing)
        return OwnLanes(routing, self.ports, _load)

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

    # -- jobs come in --------------------------------------------------------------------------------------------------------

    def arrive(self, job: Job) -> None:
        """Let `job` in: hand it to a worker that could take it now, or let it wait. Under the lock; the caller flushes."""
        self.accepted += 1
        job.number = self.accepted
        job.state = WAITING
        self.waiting += 1
        if self.options.batch is not None:
            job.since = self.ports.clock.now()
        slot = self.lanes.add(job)
        if slot is not None:
            self.hand_to(slot)
        if self.restless and not self.looking:
            self.looking = True
            self._news.append(self.ring)

    def is_closed(self) -> bool:
        """Tell whether no job is taken any more. Under the lock."""
        return self.closing or self.ended or (self.ref is not None and self.ref._target.inbox is CLOSED)

    def works_here(self) -> bool:
        """Tell whether the caller is a handler of a worker of this pool."""
        cell = current_cell()
        guard = cell.guard if cell is not None else None
        return guard is not None and isinstance(guard.child, Slot) and self.ref is not None and guard.supervisor is self.ref._target

    # -- jobs go out ---------------------------------------------------------------------------------------------------------

    def hand_to(self, slot: Slot) -> None:
        """Hand `slot` what it can take. Under the lock; the caller flushes."""
        while slot.open:
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
        count, batch = 1, self.options.batch
        if batch is not None and not first.deliveries:
            count = self.lanes.count(slot, batch.most)
            due = first.since + batch.within
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
        if self.options.batch is not None:
            jobs = [job]
            while len(jobs) < count:
                more = self._next_of_batch(slot, jobs[-1])
                if more is None:
                    break
                self._take(more, slot)
                jobs.append(more)
            parcel = Bundle(self, jobs)
            parcel.slot = slot
            self.batches += 1
        if self.gate.watches:
            self.gate.let_through(self.ports.clock.now(), len(parcel.jobs))
        parcel.cell = slot.cell
        parcel.begun = parcel.handled = parcel.answered = False
        slot.held[parcel] = None
        slot.handed += 1
        self._out += 1
        slot.room -= 1
        self.lanes.closed(slot)  # it stands behind the others if it has room left
        self._outbox.append(parcel)
        if self.line:
            self.admit()

    def _next_of_batch(self, slot: Slot, last: Job) -> Job | None:
        if isinstance(self.lanes, KeyedLanes):
            return self.lanes.take_more(slot, last)
        following = self.lanes.peek(slot)
        return self.lanes.take(slot) if following is not None and not following.deliveries else None

    def _take(self, job: Job, slot: Slot) -> None:
        self.waiting -= 1
        self.running += 1
        job.state = RUNNING
        job.slot = slot

    def admit(self) -> None:
        """Let senders in for whom there is room, in order. Under the lock."""
        if self._admitting:  # this goes on further up
            return
        self._admitting = True
        while self.line and self.waiting < self.options.capacity:
            job, admitted = self.line.first()
            self._news.append(functools.partial(admitted.try_set, None))
            self.arrive(job)
        self._admitting = False

    # -- without the lock ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send and tell what was noted. Without the lock."""
        outbox, news = self._outbox, self._news
        while outbox or news:
            try:
                if outbox:
                    self._send(outbox.popleft())
                else:
                    news.popleft()()
            except IndexError:  # another one was faster
                continue

    def _send(self, parcel: Parcel) -> None:
        cell = parcel.cell
        if cell is None:  # its worker has ended meanwhile, and it was taken back
            return
        attempt: Future[Any] | None = None
        if type(parcel) is Bundle or parcel.jobs[0].future is not None:
            attempt = self.new_future()
            attempt._cell = cell
            parcel.attempt = attempt
            attempt.add_done_callback(functools.partial(self._attempted, parcel))
        try:
            cell.ref.tell(Entry((parcel.content, attempt, parcel)))
        except ActorDeadError:  # its end is about to be told, and takes everything back
            return
        except ActorError as error:  # its isolation does not let the message through
            self._refused(parcel, error)

    def _refused(self, parcel: Parcel, error: ActorError) -> None:
        """Account for what could not be handed to a worker."""
        with self.lock:
            if parcel.cell is None:
                return
            for job in parcel.jobs:
                self._fail(job, error, DeadLetterReason.REFUSED)
            self._release(parcel)
        self.flush()

    # -- what workers tell ---------------------------------------------------------------------------------------------------

    def begin(self, parcel: Parcel, cell: Cell) -> bool:
        """Take note that `cell` is about to handle `parcel`; return False if it must not. In the turn of `cell`."""
        self.touches()
        with self.lock:
            # Invariant: an end is noted in the cell before its mail is drained, which asks here, too. So what was only waiting there
            # was not begun, and comes again without counting a delivery.
            if parcel.cell is not cell or cell.end is not None:
                return False
            if parcel.begun:  # it was stashed
                parcel.incarnation = cell.incarnation
                return True
            if self._is_wanted(parcel):
                parcel.begun = True
                parcel.incarnation = cell.incarnation
                return True
            self._release(parcel)
        self.flush()
        return False

    def _is_wanted(self, parcel: Parcel) -> bool:
        wanted = False
        for job in parcel.jobs:
            if job.state is RUNNING and job.expires is not None and self.ports.clock.now() >= job.expires:
                self._expire(job)
            wanted = wanted or job.state is RUNNING
        return wanted

    def handled(self, parcel: Parcel, cell: Cell) -> None:
        """Take note that the handler of `cell` has returned from `parcel`. In the turn of `cell`."""
        if type(cell.current) is Stashed or (cell.reentrant and _is_broken_off(cell)):
            return
        self.touches()
        with self.lock:
            if parcel.cell is not cell:  # a killed worker's handler has come to its end at last
                return
            parcel.handled = True
            if parcel.incarnation != cell.incarnation:
                self._restarted(parcel)
            elif parcel.attempt is None:
                self._settle(parcel.jobs[0])
                self.done += 1
                self._release(parcel)
            elif parcel.answered:
                self._release(parcel)
            # Else it will reply later.
        self.flush()

    def _attempted(self, parcel: Parcel, attempt: Future[Any]) -> None:
        """Take note of what a worker has answered, or failed with. In whichever thread resolves that."""
        error: BaseException | None = attempt._value if attempt._state != DONE else None
        cell = attempt._cell
        own = isinstance(error, ActorDeadError) and cell is not None and error.recipient == cell.label()
        if own and not isinstance(error, ActorRestarting):
            return  # the worker ends: what it had is taken back then
        self.touches()
        with self.lock:
            if parcel.attempt is not attempt or parcel.cell is not cell:
                return
            parcel.answered = True
            if own:
                self._restarted(parcel)
            elif isinstance(parcel, Bundle):
                self._deal_out(parcel, error, attempt._value)
            else:
                job = parcel.jobs[0]
                if error is not None:
                    self._fail(job, error, None)
                elif self._settle(job):
                    self.done += 1
                    self._news.append(functools.partial(job.future.try_set, attempt._value))  # type: ignore[union-attr]  # it was asked
            if parcel.handled:
                self._release(parcel)
        self.flush()

    def _restarted(self, parcel: Parcel) -> None:
        """Take back what a worker was at that somebody has restarted: the next instance knows nothing of it. The caller flushes."""
        slot = parcel.slot
        assert slot is not None  # it has a worker
        self._take_back([parcel], None)
        slot.room += 1
        self.hand_out()

    def _deal_out(self, parcel: Bundle, error: BaseException | None, value: Any) -> None:
        """Give each job of a batch its own result."""
        jobs = parcel.jobs
        if error is not None:
            for job in jobs:
                if job.future is not None:
                    self._fail(job, error, None)
            again = self._count_deliveries([job for job in jobs if job.state is RUNNING], error)
            parcel.jobs = tuple(job for job in jobs if job not in again)
            self._wait_again(again)
            self.hand_out()
            return
        if not isinstance(value, list | tuple) or len(value) != len(jobs):
            wrong = BatchResultError(len(jobs), len(value) if isinstance(value, list | tuple) else None)
            for job in jobs:
                self._fail(job, wrong, DeadLetterReason.POISONED)
            return
        for job, result in zip(jobs, value, strict=True):
            if isinstance(result, Exception):
                self._fail(job, result, DeadLetterReason.POISONED)
            elif self._settle(job):
                self.done += 1
                if job.future is not None:
                    self._news.append(functools.partial(job.future.try_set, result))

    def _release(self, parcel: Parcel) -> None:
        """Take `parcel` off its worker, who has done with it, and hand that the next."""
        slot = parcel.slot
        if slot is None or parcel.cell is None or parcel not in slot.held:
            return
        self._drop(parcel, slot)
        slot.room += 1
        if parcel.handled:
            slot.proven = True
            slot.deaths = 0
        if slot.retiring and not slot.held:
            self._news.append(self.ring)
        others = [self.lanes.over(job) for job in parcel.jobs]
        self.hand_to(slot)
        for other in others:
            if other is not None and other is not slot:
                self.hand_to(other)

    def _drop(self, parcel: Parcel, slot: Slot) -> None:
        del slot.held[parcel]
        self._out -= 1
        parcel.cell = parcel.attempt = None
        self._look_whether_idle()

    # -- ends of jobs --------------------------------------------------------------------------------------------------------

    def _settle(self, job: Job) -> bool:
        """Note that `job` is over, whatever its fate, which the caller counts; False if it was before. Under the lock."""
        if job.state is OVER:
            return False
        if job.state is RUNNING:
            self.running -= 1
        elif job.state is WAITING:
            self.waiting -= 1
        job.state = OVER
        self._look_whether_idle()
        return True

    def idle(self) -> bool:
        """Tell whether no job waits or is under way. Under the lock."""
        return not self.waiting and not self._out

    def _look_whether_idle(self) -> None:
        if self.drains and self.idle():
            self._news.append(self._drained)

    def _fail(self, job: Job, error: BaseException, reason: DeadLetterReason | None) -> None:
        """End `job` with `error` for its asker; without one it is a dead letter, for `reason`."""
        if not self._settle(job):
            return
        if isinstance(error, AskCancelled) and job.future is not None and job.future.cancelled():
            self.cancelled += 1
            return
        self.failed += 1
        self._news.append(functools.partial(self._tell_end, job, error, reason, job.slot.cell if job.slot is not None else None))

    def _expire(self, job: Job) -> None:
        if self._settle(job):
            self.expired += 1
            error = DeadlineExceeded(self.name, job.message)
            self._news.append(functools.partial(self._tell_end, job, error, DeadLetterReason.EXPIRED, None))
            if job.future is not None:
                self._news.append(functools.partial(self.dead_letter, job.message, DeadLetterReason.EXPIRED))

    def lose(self, job: Job, error: BaseException, reason: DeadLetterReason) -> None:
        """Count `job` as shed. Under the lock."""
        if self._settle(job):
            self.shed += 1
            self._news.append(functools.partial(self._tell_end, job, error, reason, None))

    def later(self, call: Callable[[], object]) -> None:
        """Have `call` made by the next flush."""
        self._news.append(call)

    def _tell_end(self, job: Job, error: BaseException, reason: DeadLetterReason | None, cell: Cell | None) -> None:
        """Tell the asker, or the dead letters."""
        future = job.future
        if future is None:
            if reason is not None:
                self.dead_letter(job.message, reason)
            return
        future._forget(job.forsaken)
        if cell is not None:
            watch_reading(cell, future, error)
        future.try_fail(error)

    def refuse(self, message: Any) -> None:
        """Account for a told job that found no room, or no pool, and whose sender is not there to be told."""
        with self.lock:
            reason = DeadLetterReason.STOPPED if self.is_closed() else DeadLetterReason.DROPPED_NEWEST
        self.dead_letter(message, reason)

    def dead_letter(self, message: Any, reason: DeadLetterReason) -> None:
        """Publish a message that nobody will handle."""
        if self.ref is not None:
            self.ref._target.system.dead_letter(self.ref._target, message, reason)

    def cancel(self, job: Job) -> None:
        """Give `job` up, which its asker has cancelled."""
        self.touches()
        attempt: Future[Any] | None = None
        with self.lock:
            if job.state is WAITING:
                self.lanes.remove(job)
                self._cancelled(job)
                self.admit()
            elif job.state is RUNNING:
                parcel = job if job.cell is not None else None
                if parcel is not None and parcel.begun:
                    attempt = parcel.attempt
                else:
                    self._cancelled(job)
            elif job.state is OUTSIDE:
                self.line.leave(job)
        if attempt is not None:
            attempt.cancel()
        self.flush()

    def _cancelled(self, job: Job) -> None:
        if self._settle(job):
            self.cancelled += 1
            self._news.append(functools.partial(self.dead_letter, job.message, DeadLetterReason.CANCELLED))

    # -- ends of workers -----------------------------------------------------------------------------------------------------

    def started(self, slot: Slot) -> None:
        """Take note that the worker of `slot` is running."""
        self.touches()
        with self.lock:
            slot.ready = True
            slot.proven = False
            slot.room = self.options.concurrency - len(slot.held)
            self.hand_to(slot)
        self.flush()

    def lost(self, slot: Slot, error: BaseException | None) -> int:
        """Take back what the worker of `slot` had, which has ended; return how many jobs it had begun."""
        self.touches()
        with self.lock:
            slot.ready = False
            slot.cell = None
            slot.room = 0
            self.lanes.closed(slot)
            begun = self._take_back(list(slot.held), error)
            self.hand_out()
        self.flush()
        return begun

    def _take_back(self, parcels: list[Parcel], error: BaseException | None) -> int:
        """Let the jobs of `parcels`, in order, wait again in front, unless they were handed out too often."""
        back: list[Job] = []
        begun = 0
        for parcel in parcels:
            slot = parcel.slot
            assert slot is not None  # somebody had it
            jobs = [job for job in parcel.jobs if job.state is RUNNING]
            if parcel.begun:
                begun += len(jobs)
                jobs = self._count_deliveries(jobs, error)
            back += jobs
            for job in parcel.jobs:
                if job.state is OVER:
                    self.lanes.over(job)
            self._drop(parcel, slot)
        self._wait_again(back)
        return begun

    def _count_deliveries(self, jobs: Iterable[Job], error: BaseException | None) -> list[Job]:
        """Count a delivery of each; those that had too many are over. Return the others, which the caller lets wait again."""
        again: list[Job] = []
        for job in jobs:
            job.deliveries += 1
            if job.deliveries > self.options.redeliver:
                self._settle(job)
                self.poisoned += 1
                lost = WorkerLostError(job.message, self.name, job.deliveries, error)
                lost.__cause__ = error
                self._news.append(functools.partial(self._tell_end, job, lost, DeadLetterReason.POISONED, None))
                continue
            self.redelivered += 1
            self._news.append(functools.partial(self._tell_redelivery, job, job.deliveries, error))
            again.append(job)
        return again

    def _wait_again(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.state = WAITING
            self.running -= 1
            self.waiting += 1
        if jobs:
            self.lanes.back(jobs)

    def _tell_redelivery(self, job: Job, deliveries: int, error: BaseException | None) -> None:
        ref = self.ref
        if ref is not None and not ref._target.system.events.idle:
            ref._target.system.events.publish(JobRedelivered(ref, job.message, deliveries, error))

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
        self.slots.remove(slot)
        self.leaving[slot] = None
        self.lanes.closed(slot)

    def relay(self) -> None:
        """Place the waiting jobs anew, after slots have come or gone. Under the lock; the caller flushes."""
        self.lanes.relay(self.slots)
        self.hand_out()

    # -- time ----------------------------------------------------------------------------------------------------------------

    def want_look(self, when: float) -> None:
        """Have `ring` called at `when`, in clock time, if it is not called earlier anyway. Under the lock."""
        if self._alarm is not None and self._alarm <= when:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._alarm = when
        self._handle = self.ports.clock.call_at(when, self._rings)

    def _rings(self) -> None:
        self.ring()

    def look(self) -> None:
        """Do what has become due."""
        self.touches()
        with self.lock:
            if self._alarm is not None and self._alarm <= self.ports.clock.now():
                self._alarm = self._handle = None
            self.hand_out()
            self.admit()
        self.flush()

    def retry_after(self, now: float) -> float | None:
        """Return the seconds after which there should be room, by the pace of late. Under the lock."""
        finished = self.done + self.failed + self.poisoned
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
            full = self.waiting >= self.options.capacity
            return PoolStats(
                size=self.target,
                ready=sum(slot.ready for slot in slots),
                busy=sum(bool(slot.held) for slot in slots),
                waiting=self.waiting,
                running=self.running,
                accepted=self.accepted,
                done=self.done,
                failed=self.failed,
                shed=self.shed,
                expired=self.expired,
                cancelled=self.cancelled,
                poisoned=self.poisoned,
                redelivered=self.redelivered,
                deaths=self.deaths,
                batches=self.batches,
                retry_after=self.retry_after(self.ports.clock.now()) if full else None,
            )

    def drained(self) -> Future[bool]:
        """Return a future that is set once no job waits or is under way."""
        future = self.new_future()
        self.touches()
        with self.lock:
            idle = self.idle() or self.ended
            if not idle:
                self.drains = [one for one in self.drains if not one.done()]
                self.drains.append(future)
        if idle:
            future.try_set(True)
        return future

    def _drained(self) -> None:
        with self.lock:
            if not self.idle():
                return
            drains, self.drains = self.drains, []
        for future in drains:
            future.try_set(True)

    def close(self) -> None:
        """Take no job any more. Senders that wait for room are sent away."""
        self.touches()
        with self.lock:
            self.closing = True
            self._send_away()
            self.hand_out()  # batches wait for no company any more
        self.flush()

    def _send_away(self) -> None:
        while self.line:
            job, admitted = self.line.first()
            self._news.append(functools.partial(admitted.try_fail, PoolClosedError(self.name, job.message)))

    def end(self) -> None:
        """Give up what there is: the pool's actor has ended. Nothing hangs."""
        self.touches()
        with self.lock:
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
                    self._drop(parcel, slot)
            for job in [*jobs, *self.lanes.everyone()]:
                self.lose(job, PoolClosedError(self.name, job.message), DeadLetterReason.STOPPED)
            self.slots, self.leaving = [], {}
            self.lanes = self._new_lanes()
        self.flush()
        self._drained()


def _is_broken_off(cell: Cell) -> bool:
    """Tell whether a handler of a reentrant actor did not come to its end: it has stashed its message, or its actor dies."""
    died = cell.end is not None and cell.end[0] is not DownReason.STOPPED
    return died or type(current_entry(cell)) is Stashed or any(control.signal is Signal.KILL for control in cell.control)


def _load(slot: Slot) -> int:
    """Return how much a slot has to do; one whose worker is not running is chosen last."""
    return len(slot.lane) + len(slot.held) if slot.ready else FULL


DONE = 2  # the state of a future with a value
