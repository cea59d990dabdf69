"""The worker processes of a scheduler: made when they are needed for the first time, and kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from actors._core.mutex import Mutex
from actors.errors import ActorDeadError
from actors.scheduler.alarms import Bell, drop_alarm_locked
from actors.scheduler.context import RunInfo
from actors.scheduler.errors import SchedulerClosedError, WorkerDiedError
from actors.scheduler.messages import Begun
from actors.scheduler.processes import ProcessSlot
from actors.scheduler.work import Kind
from actors.scheduler.workers import tell_ended

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Attempt

__all__ = ["ProcessPool"]

END_LIMIT = 5.0  # seconds that `join` waits for each worker; a closed one that is not killed has one second, and then is


class ProcessPool:
    """Used by the scheduler's actor in its turn; one for each incarnation. Only `close` and `join` come from elsewhere."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = Mutex()  # guards the next two: no process is made behind `close`
        self._slots: list[ProcessSlot] = []
        self._closed = False
        self._free: list[ProcessSlot] = []
        self._busy: dict[ProcessSlot, Attempt] = {}

    def room(self) -> bool:
        """Tell whether an attempt finds a process. One that is being killed counts until it has ended."""
        return bool(self._free) or len(self._slots) < self._books.limits.places[Kind.PROCESS]

    def start(self, attempt: Attempt) -> None:
        """Have `attempt` run, unless it was given up before."""
        if not attempt.take():
            tell_ended(self._books, attempt)
            return
        slot = self._free.pop() if self._free else self._new_slot()
        self._busy[slot] = attempt
        attempt.place = slot
        try:
            self._run(slot, attempt)
        except BaseException:  # such as no thread to be had: the slot is as it was
            self.released(attempt)
            raise

    def _new_slot(self) -> ProcessSlot:
        with self._lock:
            if self._closed:
                raise SchedulerClosedError(self._books.name)
            slot = ProcessSlot(f"process-{len(self._slots) + 1}")
            self._slots.append(slot)
        return slot

    def _run(self, slot: ProcessSlot, attempt: Attempt) -> None:
        books, context = self._books, attempt.context

        def ended(value: Any, error: BaseException | None) -> None:
            if not (self._closed and isinstance(error, WorkerDiedError)):  # else it has no outcome: `close` has killed it
                attempt.outcome = (value, error)
            tell_ended(books, attempt)

        def began() -> None:
            assert books.ref is not None
            with contextlib.suppress(ActorDeadError):  # it has ended, and what is under way with it
                books.ref.tell(Begun(attempt))

        waits = not slot.ready
        if waits:
            with books.lock:  # a timeout is of the function, and counts from when that begins
                drop_alarm_locked(books, Bell.TIMEOUT, attempt.execution)
        info = RunInfo(context.id, context.name, context.number, context.attempt, context.due, context.deadline)
        assert attempt.call is not None
        slot.run(attempt.call, attempt.given, info, ended=ended, progress=context._report, began=began if waits else None)

    def released(self, attempt: Attempt) -> None:
        """Note that the process of `attempt` is free again."""
        slot = attempt.place
        if self._busy.get(slot) is attempt:
            del self._busy[slot]
            self._free.append(slot)

    def give_up(self, attempt: Attempt) -> None:
        """Kill the process that `attempt` runs in. It counts as busy until it has ended."""
        if self._busy.get(attempt.place) is attempt and attempt.outcome is None:
            attempt.place.kill()

    def prewarm(self) -> None:
        """Start all processes that there may be."""
        while len(self._slots) < self._books.limits.places[Kind.PROCESS]:
            self._free.append(self._new_slot())
        for slot in self._free:
            slot.prewarm()

    def close(self) -> None:
        """Kill what is under way, and end all processes. Not waited for; see `join`."""
        with self._lock:
            self._closed = True
            slots = self._slots.copy()
        for slot in slots:
            slot.close()

    def join(self) -> None:
        """Wait until all processes have ended after `close`."""
        for slot in self._slots.copy():
            slot.join(END_LIMIT)
