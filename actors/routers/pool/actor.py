"""The actor that has the workers of a pool: it starts them, replaces them, and lets them go. Jobs go past it."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core import ending, supervision
from actors._core.actor import Actor
from actors._core.bounded import Overflow
from actors._core.context import current_entry
from actors._core.isolation import Isolation
from actors._core.life import started
from actors._core.lifecycle import DownReason
from actors._core.lineage import lineage_of
from actors._core.mailbox import Unbounded
from actors._core.messages import Entry, Note
from actors._core.options import Overrides
from actors._core.supervision import ChildEvent, Guard
from actors.errors import ActorDeadError, SystemStoppedError
from actors.routers.errors import TooManyDeathsError
from actors.routers.pool.books import Books
from actors.routers.pool.events import PoolResized, WorkerDied
from actors.routers.pool.intake import take_in
from actors.routers.pool.jobs import Job
from actors.routers.pool.options import CAPACITY, check_options
from actors.routers.pool.watching import Watch

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.lineage import Lineage
    from actors._core.ref import ActorRef
    from actors._core.reply import ReplyHandle
    from actors.routers.pool.options import Batch, Elastic, PoolBackoff, PoolOptions, Rate
    from actors.routers.pool.slots import Slot
    from actors.routers.routing import Routing

__all__ = ["LOOK", "Close", "Errand", "PoolActor", "attach", "books_of"]


GRACE = 1.0  # seconds that workers have at least to end


class _Look:
    """There is something to be seen to."""

    def __repr__(self) -> str:
        return "<look>"


LOOK = _Look()


class Errand(Note):
    """Travels with what the pool tells its actor: once that ends, there is nothing left to see to, and nothing is lost with it."""

    __slots__ = ()

    def fenced(self, cell: Cell) -> bool:
        """Tell whether it comes too late."""
        return cell.end is not None


class Close:
    """The pool is to finish what it has in `timeout` seconds, and to end; None: as long as it takes."""

    __slots__ = ("timeout",)

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout


class PoolActor(Actor, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """The parent of the workers of a pool. Made by `Pool`, or as a child of a supervisor; then `Pool.of(ref)` is its handle.

    Its jobs survive a restart in place: what was under way then counts as handed out once. Its plain ref takes jobs, too, in its turn; in a
    full pool it lets nobody wait.

    Args: as of `Pool`.
    """

    use_daemon_thread = True
    _greenroom_supervises = True

    def __init__(
        self,
        worker: Any,
        *,
        size: int | Elastic | None = None,
        routing: Routing | None = None,
        capacity: int = CAPACITY,
        overflow: Overflow = Overflow.REJECT,
        timeout: float | None = None,
        redeliver: int = 1,
        concurrency: int = 1,
        batch: Batch | None = None,
        rate: Rate | None = None,
        backoff: PoolBackoff | None = None,
        intensity: int | None = None,
        period: float = 5.0,
        processes: bool = False,
        hangs_after: float | None = None,
        books: Books | None = None,
    ) -> None:
        super().__init__()
        self._options: PoolOptions = (
            books.options
            if books is not None
            else check_options(
                worker,
                size=size,
                routing=routing,
                capacity=capacity,
                overflow=overflow,
                timeout=timeout,
                redeliver=redeliver,
                concurrency=concurrency,
                batch=batch,
                rate=rate,
                backoff=backoff,
                intensity=intensity,
                period=period,
                processes=processes,
                hangs_after=hangs_after,
            )
        )
        # Of a supervised one, those of the former instance come in `on_takeover`; handles read it from other threads.
        self._books: Books | None = books
        self._deaths: deque[float] = deque(maxlen=None if self._options.intensity is None else self._options.intensity + 1)
        self._finishing = False  # whether it ends once there is nothing left to do
        self._close_by: float | None = None  # clock time by which it ends in any case, then
        self._leaving = False  # whether no worker can be started any more
        self._watch: Watch = None  # type: ignore[assignment]  # made when it begins

    def on_handover(self) -> Books | None:
        """Hand the jobs to the next instance."""
        return self._books

    def on_takeover(self, state: Books) -> None:
        """Take the jobs of the former instance."""
        self._books = state

    def _greenroom_begin(self) -> None:
        cell = self._greenroom_cell
        self._alarms = supervision.take_office(cell, self)
        books = self._books
        if books is None:
            self._books = books = Books(self.path, cell.system.ports, self._options)
        if books.accounts.ref is None:
            attach(books, cell.ref)
        self._watch = Watch(books)
        for slot in [*books.slots, *books.leaving]:  # of the former instance
            books.returns.died(slot, None)
            if slot.retiring:
                self._forget(slot)
            else:
                self._start(slot)
        self._fit()
        started(cell, restarted=cell.incarnation > 1, error=cell.extras().cause)
        if books.closing:
            self._close(Close(None))
        self._look()

    @property
    def _state(self) -> Books:
        assert self._books is not None  # since it began
        return self._books

    # -- mail ----------------------------------------------------------------------------------------------------------------

    def on_receive(self, message: Any) -> Any:
        """Hand in a job for whoever has but the actor's plain ref."""
        if message is LOOK:
            self._look()
            return None
        if type(message) is Close:
            self._close(message)
            return None
        entry = current_entry(self._greenroom_cell)
        future, note = (entry[1], entry[2]) if type(entry) is Entry else (None, None)
        handle = self.reply_later() if future is not None else None
        origin = tuple(entry[-3:]) if self._state.traced and isinstance(entry, tuple) else ()
        self._hand_in(message, handle, note.expires if note is not None else None, origin, lineage_of(entry))
        return None

    def _hand_in(
        self, message: Any, handle: ReplyHandle | None, expires: float | None, origin: tuple[Any, ...], lineage: Lineage | None
    ) -> None:
        books = self._state
        answer: Future[Any] | None = None
        if handle is not None:
            answer = books.new_future()
            answer.add_done_callback(lambda done: _pass_on(done, handle))
            handle.cancel_token.add_callback(answer.cancel)
        job = Job(books, message, answer, expires)
        job.origin = origin
        job.lineage = lineage
        try:
            take_in(books, job)
        except Exception as error:  # noqa: BLE001  # the sender's: the pool lives on
            if answer is not None:
                answer.try_fail(error)
            else:
                books.refuse(message)

    def _look(self) -> None:
        """See to what has become due."""
        books = self._state
        books.look()
        now = books.ports.clock.now()
        change, hanging = self._watch.look(now)
        for cell in hanging:
            ending.kill(cell)
        if change and not books.closing:
            self._resize(change)
        self._fit()
        self._see_off()
        if self._finishing:
            self._finish(now)

    # -- size ----------------------------------------------------------------------------------------------------------------

    def _resize(self, change: int) -> None:
        """Change the size by itself."""
        books = self._state
        with books.lock:
            before = books.target
            books.target += change
        why = "a job has waited" if change > 0 else "a worker had nothing to do"
        books.accounts.publish(PoolResized, before, before + change, why)

    def _fit(self) -> None:
        """Have as many slots as there shall be."""
        books = self._state
        with books.lock:
            new = [books.new_slot() for _ in range(books.target - len(books.slots))]
            surplus = len(books.slots) - books.target
            # Those first that have nothing to do, and of them the youngest.
            for slot in sorted(books.slots, key=lambda slot: (bool(slot.held), -slot.number))[: max(0, surplus)]:
                books.retire(slot)
            if new or surplus > 0:
                books.relay()
        books.flush()
        for slot in new:
            self._start(slot)
        if surplus > 0:
            self._see_off()

    def _see_off(self) -> None:
        """Stop workers that are to go and have done with what they were at."""
        books = self._state
        with books.lock:
            idle = [slot for slot in books.leaving if not slot.held and not slot.told]
            for slot in idle:
                slot.told = True
        for slot in idle:
            if slot.cell is None:
                self._forget(slot)
            else:
                ending.stop(slot.cell, None)

    def _forget(self, slot: Slot) -> None:
        self._alarms.cancel(slot)
        books = self._state
        with books.lock:
            books.leaving.pop(slot, None)

    # -- workers -------------------------------------------------------------------------------------------------------------

    def _start(self, slot: Slot) -> None:
        """Begin to start a worker. Its start may take minutes, and nobody waits for it."""
        if slot.retiring or self._leaving:
            return
        books, recipe = self._state, self._options.recipe
        guard = Guard(self._greenroom_cell, self, slot, order=slot.number, restarts=False, deadline=None)
        kwargs = dict(recipe.kwargs) if recipe.kwargs is not None else None
        try:
            cell = self._greenroom_cell.system.spawn_supervised(
                guard, recipe.actor_class, recipe.args, kwargs, slot.name, Overrides(mailbox=Unbounded())
            )
        except Exception as error:  # noqa: BLE001  # a start that fails like any other, once this turn's call is over
            self._leaving = isinstance(error, SystemStoppedError)
            failure = error
            self._alarms.set(slot, 0.0, lambda: self._ended(slot, DownReason.CRASHED, failure))
            return
        with books.lock:
            slot.cell = cell

    def _greenroom_hear(self, slot: Slot, event: ChildEvent, reason: DownReason | None, error: BaseException | None) -> None:
        if event is ChildEvent.STARTED:
            self._state.started(slot)
            if self._finishing:
                self._finish(self._state.ports.clock.now())
        elif event is ChildEvent.ENDED:
            self._ended(slot, reason, error)
            if self._finishing:
                self._finish(self._state.ports.clock.now())

    def _ended(self, slot: Slot, reason: DownReason | None, error: BaseException | None) -> None:
        """Deal with the end of a worker: what it had comes again, and another takes its place."""
        books = self._state
        worker, proven = slot.cell.ref if slot.cell is not None else None, slot.proven
        begun = books.returns.died(slot, error)
        if slot.retiring:
            self._forget(slot)
            if not begun:
                return
        with books.lock:
            books.accounts.deaths += 1
        if worker is not None:
            books.accounts.publish(WorkerDied, worker, error, begun)
        if slot.retiring:
            return
        if reason is not DownReason.STOPPED:
            self._count_death(error)
        self._replace(slot, proven=proven)

    def _count_death(self, error: BaseException | None) -> None:
        """Crash if there were too many of late."""
        intensity, period = self._options.intensity, self._options.period
        if intensity is None:
            return
        now = self._state.ports.clock.now()
        self._deaths.append(now)
        if len(self._deaths) > intensity and now - self._deaths[0] < period:
            raise TooManyDeathsError(self._state.name, len(self._deaths), period, error) from error

    def _replace(self, slot: Slot, *, proven: bool) -> None:
        if proven:
            self._start(slot)
            return
        with self._state.lock:
            slot.deaths += 1
            delay = self._options.backoff.delay(slot.deaths)
        self._alarms.set(slot, delay, lambda: self._start(slot))

    # -- the end -------------------------------------------------------------------------------------------------------------

    def _close(self, message: Close) -> None:
        """Let what there is be finished in time, and end."""
        books = self._state
        books.close()
        self._finishing = True
        now = books.ports.clock.now()
        if message.timeout is not None:
            self._close_by = now + message.timeout
            with books.lock:
                books.want_look(self._close_by)
        books.drained().add_done_callback(lambda _: books.ring())
        self._finish(now)

    def _finish(self, now: float) -> None:
        """End if there is nothing left to do, or no time."""
        books = self._state
        with books.lock:
            slots = [slot for slot in (*books.slots, *books.leaving) if slot.cell is not None]
            busy = [slot.cell for slot in slots if slot.held]
            starting = [slot.cell for slot in slots if not slot.ready]
            idle = books.accounts.idle()
        late = self._close_by is not None and now >= self._close_by
        # Nobody has anything to do for a worker that is starting. To break that off is clean in a process, which ends with all that it has;
        # another one is awaited as a job would be, for its start may never end.
        needless = idle and self._options.processes
        if not late and (not idle or (starting and not needless)):
            return
        self._finishing = False
        self._leaving = True
        if late:
            books.end()
        for cell in [*(busy if late else ()), *(starting if late or needless else ())]:
            if cell is not None:
                ending.kill(cell)
        # A worker that hangs in its start or its end has what is left of the time, too, and then is killed with the pool.
        left = None if self._close_by is None else max(GRACE, self._close_by - now)
        ending.stop(self._greenroom_cell, left)


def _pass_on(done: Future[Any], handle: ReplyHandle) -> None:
    """Give the outcome of a job to whoever asked the pool's actor itself."""
    error = done.exception()
    if error is None:
        handle.reply(done.get())
    else:
        handle.fail(error)


def attach(books: Books, ref: ActorRef[PoolActor]) -> None:
    """Let `books` belong to the actor `ref`, and end with it, however that ends."""
    with books.lock:
        if books.accounts.ref is not None:
            return
        books.accounts.ref = ref
        books.traced = bool(ref._target.system.config.tracing)

    def ring() -> None:
        with contextlib.suppress(ActorDeadError):  # then there is nothing to see to
            ref.tell(Entry((LOOK, None, Errand())))

    def end(_: object) -> None:
        how = ref._target.end
        try:
            books.end(how[1] if how is not None else None)
        finally:
            books.gone.try_set(None)

    books.ring = ring
    ending.when_ended(ref._target).add_done_callback(end)


def books_of(ref: ActorRef[Any]) -> Books | None:
    """Return the books of a running PoolActor, None of one that is only starting."""
    actor = ref._target.actor
    return actor._books if isinstance(actor, PoolActor) else None
