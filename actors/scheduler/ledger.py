"""What the store knows, or is about to know, of the persistent tasks; and the writes that are on their way to it.

The scheduler's actor notes what happens and goes on; a child of it makes the writes, all that wait in one transaction. A run that is to
begin waits for the write that claims it. In the store a schedule is due at the earliest time for which there is no row of a run yet. So
whatever was due and is not claimed when the program is killed is found to be due, or missed, by the next one; what is claimed never is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from actors._core.mutex import Mutex
from actors.scheduler.errors import StoreError, StoreFullError
from actors.scheduler.stored import AddRun, EndRun, PutSchedule, RemoveSchedule, RetryRun, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.scheduler.store import Store
    from actors.scheduler.stored import Operation, RunRow, StoredSchedule

__all__ = ["Ledger", "Page", "Write"]

BATCH = 500  # writes in one transaction
MERGED = 1000  # rows of runs that were not begun that may wait to be written; beyond that they are counted


@dataclass(slots=True, eq=False)
class Page:
    """One persistent task. Guarded by the lock of the ledger.

    Attributes:
        schedule: its definition. Its `due` and `runs` are of when it was put here.
        open: when runs were due that have no row in the store yet.
        next: when the next run after those is due; None if there is none.
        runs: how many have been begun.
        known: when runs were due that an earlier program has seen to, though they came after one that is due still.
        cancelled: whether somebody has cancelled the task. Set once, by any thread, under no lock.
    """

    schedule: StoredSchedule
    open: set[float] = field(default_factory=set)
    next: float | None = None
    runs: int = 0
    known: frozenset[float] = frozenset()
    cancelled: bool = False

    def earliest(self, closed: Iterable[float] = ()) -> float | None:
        """Return the earliest time for which there will be no row when those of `closed` have theirs."""
        return min(self.open.difference(closed), default=self.next)


@dataclass(slots=True, eq=False)
class Write:
    """Operations on one page that belong together.

    Attributes:
        page: the task.
        operations: what is to be written; when the schedule is due then is filled in at the last moment.
        done: called with the answers once all of it is in the store.
        failed: called if it could not be written; then it is not tried again. None: it is tried until it succeeds.
        lost: called if the store is closed before that.
    """

    page: Page
    operations: list[Operation]
    done: Callable[[list[bool]], object] | None = None
    failed: Callable[[StoreError], object] | None = None
    lost: Callable[[StoreError], object] | None = None


class Ledger:
    """Pages by name, and the queue of writes. May be used from any thread; only `flush` and `close` wait for the disk.

    Args:
        store: where it is written.
        wake: called when there is something to flush; any thread, no lock held.
    """

    def __init__(self, store: Store, wake: Callable[[], object]) -> None:
        self.store = store
        self.wake = wake
        self._lock = Mutex()  # guards pages and the queue; never held while the disk is waited for
        self._flushing = Mutex()  # held by whoever writes, so that writes are in order
        self._pages: dict[str, Page] = {}
        self._queue: deque[Write] = deque()

    # -- what happens ------------------------------------------------------------------------------------------------------------

    def page(self, name: str) -> Page | None:
        """Return the page of a task."""
        with self._lock:
            return self._pages.get(name)

    def put(
        self,
        schedule: StoredSchedule,
        *,
        write: bool = True,
        beside: Iterable[Operation] = (),
        done: Callable[[list[bool]], object] | None = None,
        lost: Callable[[StoreError], object] | None = None,
        known: frozenset[float] = frozenset(),
    ) -> Page:
        """Begin a page, in place of an older one of that name.

        Args:
            schedule: of the task.
            write: whether it has to be written; then call `wake` once no lock is held.
            beside: operations that belong to it: all of them are in the store, or none.
            done: called when it has been written.
            lost: called if the store is closed before that.
            known: see `Page`.
        """
        page = Page(schedule, next=schedule.due, runs=schedule.runs, known=known)
        with self._lock:
            self._pages[schedule.name] = page
            if write:
                self._queue.append(Write(page, [PutSchedule(schedule), *beside], done, lost=lost))
        return page

    def current(self, page: Page) -> StoredSchedule:
        """Return the schedule as it is now: when its earliest run is due that was not claimed or given up, and how many were begun."""
        with self._lock:
            return replace(page.schedule, due=page.earliest(), runs=page.runs)

    def opened(self, page: Page, dues: Iterable[float], following: float | None) -> None:
        """Note that runs are due, and when the next one after them is."""
        with self._lock:
            page.open.update(dues)
            page.next = following

    def claim(self, page: Page, row: RunRow, done: Callable[[list[bool]], object], failed: Callable[[StoreError], object]) -> None:
        """Let the store know that a run begins. It may begin once `done` was called, with [True]; [False]: there is one of that id."""
        self._add(Write(page, [AddRun(row, None, 0)], done, failed))

    def again(self, page: Page, retry: RetryRun, done: Callable[[list[bool]], object], failed: Callable[[StoreError], object]) -> None:
        """Let the store know that another attempt of a claimed run begins; as `claim`."""
        self._add(Write(page, [retry], done, failed))

    def noted(self, page: Page, retry: RetryRun) -> None:
        """Let the store know that another attempt has begun; nothing depends on it."""
        self._add(Write(page, [retry]))

    def passed(self, page: Page, row: RunRow) -> None:
        """Note a run that does not begin: it was missed, skipped, or cancelled before."""
        with self._lock:
            last = self._queue[-1] if len(self._queue) > MERGED else None
            if last is not None and last.page is page and isinstance(add := last.operations[0], AddRun) and add.row.state is row.state:
                # The store fails for long, and this goes on and on: everything is bounded. `open` has the first of them.
                last.operations[0] = replace(add, row=replace(add.row, count=add.row.count + row.count))
                page.open.discard(row.due)
                return
        self._add(Write(page, [AddRun(row, None, 0)]))

    def ended(self, page: Page, end: EndRun, *, following: float | None = None, last: bool = False) -> None:
        """Note how a claimed run ended.

        Args:
            page: of the task.
            end: what became of it.
            following: when the next run is due, if that depends on when this one ended.
            last: whether the schedule is not needed any more.
        """
        if following is not None:
            with self._lock:
                page.next = following
        self._add(Write(page, [end, RemoveSchedule(page.schedule.name)] if last else [end]))
        if last:
            self.forget(page)

    def remove(self, page: Page) -> None:
        """Note that the task is over: it is cancelled, or will not come again. Its runs stay in the history."""
        self._add(Write(page, [RemoveSchedule(page.schedule.name)]))
        self.forget(page)

    def forget(self, page: Page) -> None:
        """Note that the task is over. What the store has of it stays there."""
        with self._lock:
            if self._pages.get(page.schedule.name) is page:
                del self._pages[page.schedule.name]

    def _add(self, write: Write) -> None:
        with self._lock:
            self._queue.append(write)
        self.wake()

    # -- writing -----------------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many writes are on their way."""
        with self._lock:
            return len(self._queue)

    def flush(self) -> StoreError | None:
        """Write all that waits; return why some of that could not be done, or None. What may be tried again waits still."""
        told: list[Callable[[], object]] = []
        with self._flushing:
            with self._lock:
                waiting = list(self._queue)
                self._queue.clear()
            kept: list[Write] = []
            failure: StoreError | None = None
            for start in range(0, len(waiting), BATCH):
                failure = self._write(waiting[start : start + BATCH], kept, told) or failure
            with self._lock:
                self._queue.extendleft(reversed(kept))
        for tell in told:  # no lock is held any more
            tell()
        return failure

    def _write(self, batch: list[Write], kept: list[Write], told: list[Callable[[], object]]) -> StoreError | None:
        """Make these writes together; or one by one, if there is no room for all: some may need none, or make some."""
        stuck = {write.page for write in kept}
        ready = [write for write in batch if write.page not in stuck]
        failure = self._commit(ready, told)
        if failure is None:
            pending = [write for write in batch if write.page in stuck]
        elif isinstance(failure, StoreFullError) and len(ready) > 1:
            pending = []
            for write in batch:  # Invariant: the writes of a page are made in order, so what follows one that failed waits with it
                if write.page in stuck or self._commit([write], told) is not None:
                    stuck.add(write.page)
                    pending.append(write)
        else:
            pending = batch
        for write in pending:
            if write.failed is None:
                kept.append(write)
            else:
                why = failure or StoreError(self.store.path, "cannot take this before what was there earlier")
                told.append(partial(write.failed, why))
        return failure

    def _commit(self, writes: list[Write], told: list[Callable[[], object]]) -> StoreError | None:
        if not writes:
            return None
        closed: dict[Page, list[float]] = {}
        runs: dict[Page, int] = {}
        with self._lock:
            lists = [self._dated(write, closed.setdefault(write.page, []), runs) for write in writes]
        try:
            taken = iter(self.store.apply([operation for operations in lists for operation in operations]))
        except StoreError as error:
            return error
        except Exception as error:  # noqa: BLE001  # a bug, but no reason to forget what waits: it is told, and tried again
            return StoreError(self.store.path, f"cannot be written: {type(error).__name__}: {error}")
        with self._lock:
            for page, dues in closed.items():
                page.open.difference_update(dues)
                page.runs = runs.get(page, page.runs)
        for write, operations in zip(writes, lists, strict=True):
            answers = list(islice(taken, len(operations)))
            if write.done is not None:
                told.append(partial(write.done, answers))
        return None

    def _dated(self, write: Write, closed: list[float], runs: dict[Page, int]) -> list[Operation]:
        """Return the operations with when their schedule is due next, as far as it is known now.

        If another task has taken the name, the schedule is that one's: nothing of it is changed any more.
        """
        page = write.page
        ours = self._pages.get(page.schedule.name, page) is page
        operations: list[Operation] = []
        for operation in write.operations:
            if isinstance(operation, AddRun):
                closed.append(operation.row.due)
                runs[page] = runs.get(page, page.runs) + (operation.row.state is RunState.CLAIMED)
                operations.append(replace(operation, due=page.earliest(closed), runs=runs[page], moves=ours))
            elif isinstance(operation, EndRun):
                operations.append(replace(operation, due=page.earliest(closed) if ours else None))
            elif ours or isinstance(operation, RetryRun):
                operations.append(operation)
        return operations

    def close(self) -> StoreError | None:
        """Write what waits, and give the file back. What cannot be written is lost: return why."""
        try:
            failure = self.flush()
        finally:
            self.store.close()
        with self._lock:
            lost = list(self._queue)
            self._queue.clear()
        for write in lost:  # no lock is held
            if write.lost is not None:
                write.lost(failure or StoreError(self.store.path, "is closed"))
        return failure
