"""Where attempts are run: the actor's children, the actors that are asked, and how an attempt is given up there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from actors._core.events import CallbackFailed
from actors._core.options import Overrides
from actors._core.sending import ask_at_once, send_at_once
from actors.errors import ActorDeadError
from actors.scheduler.events import ThreadAbandoned
from actors.scheduler.messages import Begin, Call, Cancel
from actors.scheduler.process_pool import ProcessPool
from actors.scheduler.work import Kind
from actors.scheduler.workers import CoroutineRunner, FunctionWorker, Helper, Scribe, tell_ended

if TYPE_CHECKING:
    from actors._core.actor import Actor
    from actors._core.future import Future
    from actors._core.ref import ActorRef
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Attempt
    from actors.scheduler.task import Run

__all__ = ["Hands"]


class Hands:
    """Used by the scheduler's actor only, in its turn; one for each incarnation.

    Children are made when they are needed for the first time, and kept.
    """

    def __init__(self, actor: Actor, books: Books) -> None:
        self._actor = actor
        self._books = books
        self._workers: dict[ActorRef[Any], Attempt | None] = {}  # living ones, with what each is at
        self._free: list[ActorRef[Any]] = []
        self._runner: ActorRef[Any] | None = None
        self._coroutines: dict[Attempt, None] = {}  # what the runner is at, and perhaps one before it whose Down is on the way
        self._helper: ActorRef[Any] | None = None
        self._scribe: ActorRef[Any] | None = None
        self._simulated = books.ports.dispatcher is not None
        self.processes = ProcessPool(books)

    # -- beginning ---------------------------------------------------------------------------------------------------------

    def room(self, kind: Kind) -> bool:
        """Tell whether an attempt of this kind finds a worker."""
        limits = self._books.limits
        if kind is Kind.COROUTINE:  # those that hold out against their cancellation are under way here, and have no place any more
            return len(self._coroutines) < limits.places[kind] + limits.abandoned
        if not self._on_threads(kind):
            return kind is not Kind.PROCESS or self.processes.room()
        most = limits.places[Kind.FUNCTION] + (limits.places[Kind.PROCESS] if self._simulated else 0)
        return bool(self._free) or (len(self._workers) < most and self._books.abandoned < max(1, limits.abandoned))

    def start(self, attempt: Attempt) -> None:
        """Have `attempt` run. What this raises is the outcome, and the attempt is not under way."""
        kind = attempt.execution.task._options.kind
        if kind is Kind.ASK:
            self._ask(attempt)
        elif kind is Kind.TELL:
            if attempt.take():
                send_at_once(attempt.execution.task._work._target, attempt.given)
                attempt.outcome = (None, None)
            tell_ended(self._books, attempt)
        elif kind is Kind.COROUTINE:
            self._start_coroutine(attempt)
        elif self._on_threads(kind):
            self._start_function(attempt)
        else:
            self.processes.start(attempt)

    def _on_threads(self, kind: Kind) -> bool:
        return kind is Kind.FUNCTION or (kind is Kind.PROCESS and self._simulated)

    def prewarm(self) -> None:
        """Start all processes."""
        if not self._simulated:
            self.processes.prewarm()

    def _ask(self, attempt: Attempt) -> None:
        if not attempt.take():
            tell_ended(self._books, attempt)
            return

        def answered(future: Future[Any]) -> None:
            error = future.exception()
            attempt.outcome = (None, error) if error is not None else (future.get(), None)
            tell_ended(self._books, attempt)

        attempt.place = future = ask_at_once(attempt.execution.task._work._target, attempt.given)
        future.add_done_callback(answered)

    def _start_function(self, attempt: Attempt) -> None:
        while True:
            worker = self._free.pop() if self._free else self._spawn(FunctionWorker)
            self._workers[worker] = attempt
            attempt.place = worker
            try:
                worker.tell(Begin(attempt))
            except ActorDeadError:  # somebody ended it, and its Down is on the way
                del self._workers[worker]
            else:
                return

    def _start_coroutine(self, attempt: Attempt) -> None:
        while True:
            if self._runner is None:
                self._runner = self._spawn(CoroutineRunner)
            self._coroutines[attempt] = None
            attempt.place = self._runner
            try:
                self._runner.tell(Begin(attempt))
            except ActorDeadError:
                del self._coroutines[attempt]
                self._runner = None
            else:
                return

    def start_scribe(self) -> None:
        """Have a child write into the store, if there is one."""
        if self._books.keeper.writes:
            self._scribe = self._spawn(Scribe, self._books.keeper)
            self._books.keeper.begin(self._scribe)

    def _spawn(self, actor_class: type[Actor], argument: Any = None) -> ActorRef[Any]:
        """Start a child without waiting until it runs: the event loop may be busy. It takes mail at once."""
        cell = self._actor._greenroom_cell
        future = cell.system.spawn_under(cell, actor_class, (argument or self._books,), {}, None, Overrides(None, None, None))
        assert future._cell is not None
        ref = future._cell.ref
        self._actor.watch(ref)
        return ref

    # -- ending ------------------------------------------------------------------------------------------------------------

    def released(self, attempt: Attempt, following: Attempt | None) -> None:
        """Note that the worker of `attempt` is free again, or is at `following`."""
        self._coroutines.pop(attempt, None)
        self.processes.released(attempt)
        worker = attempt.place
        if self._workers.get(worker) is attempt:
            self._workers[worker] = following
            if following is None:
                self._free.append(worker)

    def give_up(self, attempt: Attempt, seconds: float) -> None:
        """End an attempt whose outcome nobody wants any more; if it has not begun, it never will."""
        attempt.context.cancelled = True
        if attempt.prevent():
            return  # whoever it was handed to finds that out
        kind = attempt.execution.task._options.kind
        if kind is Kind.ASK and attempt.place is not None:
            attempt.place.cancel()
        elif kind is Kind.COROUTINE:
            self._cancel_coroutine(attempt)
        elif self._on_threads(kind):
            self._leave_behind(attempt, seconds)
        elif kind is Kind.PROCESS:
            self.processes.give_up(attempt)

    def _cancel_coroutine(self, attempt: Attempt) -> None:
        if attempt in self._coroutines:
            try:
                attempt.place.tell(Cancel(attempt))
            except ActorDeadError:
                self._coroutines.pop(attempt)  # it was cancelled with the runner

    def _leave_behind(self, attempt: Attempt, seconds: float) -> None:
        """Give up the worker whose function is not to be ended."""
        worker = attempt.place  # it may have gone on to this attempt by itself, and the notice be on its way
        if worker not in self._workers:
            return
        with self._books.lock:
            if attempt.returned:
                return  # the notice is on its way
            attempt.abandoned = True
            self._books.abandoned += 1
        del self._workers[worker]
        self._actor.unwatch(worker)
        worker.kill(block=False)
        self._actor.system.events.publish(ThreadAbandoned(attempt.execution.task, seconds))

    def down(self, ref: ActorRef[Any]) -> list[Attempt]:
        """Forget a child that has ended; return the attempts that ended with it."""
        if ref == self._helper:
            self._helper = None
            return []
        if ref == self._scribe:
            self.start_scribe()
            return []
        if ref.actor_class is CoroutineRunner:
            if ref == self._runner:  # else another has taken its place already
                self._runner = None
            lost = [attempt for attempt in self._coroutines if attempt.place == ref]
            for attempt in lost:
                del self._coroutines[attempt]
            return lost
        if ref in self._free:
            self._free.remove(ref)
        if self._workers.pop(ref, None) is None:
            return []
        return self._lost_with(ref)

    def _lost_with(self, worker: ActorRef[Any]) -> list[Attempt]:
        """Return the attempt that `worker` was at, which it may have gone on to by itself, and see that it goes on to no other."""
        books = self._books
        with books.lock:
            lost = [one.attempt for one in books.under_way if one.attempt is not None and one.attempt.place == worker]
            for attempt in lost:
                if not attempt.prevent() and not attempt.returned:  # its thread is stuck in it
                    attempt.abandoned = True
                    books.abandoned += 1
        return lost

    def drop_all(self) -> None:
        """End the workers without waiting for what they are at, which counts as given up: the actor is failing."""
        for attempt in (*self._coroutines, *self._workers.values()):
            if attempt is not None and attempt.outcome is None:
                attempt.context.cancelled = True
        for worker in self._workers:
            worker.kill(block=False)
            self._lost_with(worker)
        if self._runner is not None:
            self._runner.kill(block=False)
        self.processes.close()

    def end_coroutines(self, seconds: float) -> None:
        """Let the runner end, and kill it after `seconds`: a coroutine may hold out against its cancellation."""
        if self._runner is not None:
            self._runner.stop(block=False, deadline=seconds)

    def end_helper(self, seconds: float | None) -> None:
        """Let the callbacks that wait be called, and kill the helper after `seconds`: one may never return. None: as long as they take."""
        if self._helper is not None and seconds is not None:
            self._helper.stop(block=False, deadline=seconds)

    # -- telling -----------------------------------------------------------------------------------------------------------

    def tell_run(self, target: Any, run: Run[Any]) -> None:
        """Hand `run` to the callback or ref `target`."""
        if target is None:
            return
        try:
            if isinstance(target, pykka.ActorRef):
                send_at_once(target._target, run)  # type: ignore[attr-defined]  # ours: the options are checked
            else:
                self._call(Call(target, run))
        except Exception as error:  # noqa: BLE001  # ended, full, or what the isolation of the receiver says: the run has nothing to do with it
            self._actor.system.events.publish(CallbackFailed(error, target))

    def _call(self, call: Call) -> None:
        if self._helper is None:
            cell = self._actor._greenroom_cell
            future = cell.system.spawn_under(cell, Helper, (), {}, None, Overrides(None, None, None))
            assert future._cell is not None
            self._helper = future._cell.ref
            self._actor.watch(self._helper)
        self._helper.tell(call)
