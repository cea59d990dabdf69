"""The actor that begins and ends runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.ending import when_ended
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Unbounded
from actors._core.messages import Down
from actors._core.options import DispatcherKind
from actors.scheduler import views
from actors.scheduler.books import Books
from actors.scheduler.engine import Engine
from actors.scheduler.hands import Hands
from actors.scheduler.keeper import ADOPTED_AFTER
from actors.scheduler.limits import check_limits
from actors.scheduler.messages import Adopt, Begun, Claimed, Close, Drain, Ended, Look, Prewarm

if TYPE_CHECKING:
    from pathlib import Path

    from actors._core.ref import ActorRef
    from actors.scheduler.jobs import Jobs
    from actors.scheduler.limits import Limits
    from actors.scheduler.store import Store
    from actors.system import ActorSystem

__all__ = ["SchedulerActor", "books_of", "new_books"]


class SchedulerActor(Actor, dispatcher=DispatcherKind.THREAD, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Begins and ends the runs of a scheduler. Made by `Scheduler`, or as a child of a supervisor; then `Scheduler.of(ref)` is its handle.

    Its tasks survive a restart in place: what was under way then counts as a failed attempt.

    Args: as of `Scheduler`.
    """

    use_daemon_thread = True

    def __init__(
        self,
        *,
        threads: int = 4,
        coroutines: int = 100,
        processes: int | None = None,
        asks: int = 1000,
        capacity: int = 2_000_000,
        abandoned: int = 16,
        store: str | Path | Store | None = None,
        jobs: Jobs | None = None,
        books: Books | None = None,
    ) -> None:
        super().__init__()
        self._limits = check_limits(
            threads=threads, coroutines=coroutines, processes=processes, asks=asks, capacity=capacity, abandoned=abandoned
        )
        self._store, self._jobs = store, jobs
        # Of a supervised one, those of the former instance come in `on_takeover`; handles read it from other threads.
        self._books = books
        self._close_by: float | None = 0.0  # clock time until which runs under way, and callbacks, may take when it is closed
        self._hands: Hands = None  # type: ignore[assignment]  # made in on_start

    def on_failure(self, *_: Any) -> None:
        """Let nothing that is under way hold up a restart, or the end."""
        if self._hands is not None:  # else it failed to start
            self._hands.drop_all()

    def on_handover(self) -> Books | None:
        """Hand the tasks to the next instance."""
        return self._books

    def on_takeover(self, state: Books) -> None:
        """Take the tasks of the former instance."""
        self._books = state

    def on_start(self) -> None:
        """Go on with the tasks there are."""
        books = self._books
        if books is None:
            self._books = books = new_books(self.path, self.system, self._limits, self._store, self._jobs)
        if books.ref is None:
            attach(books, self.actor_ref)
        self._hands = Hands(self, books)
        books.processes = self._hands.processes
        self._engine = Engine(books, self._hands, self.system.events.publish)
        self._hands.start_scribe()
        self._engine.recover()
        self._engine.look()
        if books.keeper.writes:
            self.start_timer("adopt", ADOPTED_AFTER, Adopt())
        self._after()

    def on_stop(self) -> None:
        """Say what became of what is under way, end the processes and wait for them, and give the store back."""
        books = self._state
        with books.lock:
            books.closing = True
        self._engine.end_all()
        self._hands.processes.close()
        self._hands.processes.join()
        books.keeper.close()

    @property
    def _state(self) -> Books:
        assert self._books is not None  # since on_start
        return self._books

    @handler
    def look(self, _: Look) -> None:
        """Do what is due."""
        self._engine.look()
        self._after()

    @handler
    def begun(self, message: Begun) -> None:
        """Take note of a beginning that had to be waited for."""
        self._engine.begun(message.attempt)
        self._after()

    @handler
    def prewarm(self, _: Prewarm) -> None:
        """Start all processes."""
        self._hands.prewarm()

    @handler
    def ended(self, message: Ended) -> None:
        """Take note of an outcome."""
        self._state.changes()
        self._engine.ended(message.attempt, message.following)
        if self._state.closing:  # a run of the same task may have waited for a place beside that one
            self._state.cancel_waiting()
            self._engine.look()
        self._engine.fill()
        self._after()

    @handler
    def claimed(self, message: Claimed) -> None:
        """Take note of the answer of the store."""
        self._state.changes()
        self._engine.claimed(message)
        self._engine.fill()
        self._after()

    @handler
    def adopt(self, _: Adopt) -> None:
        """Go on with the persistent tasks that the program has not declared."""
        self._state.keeper.adopt()
        self._after()

    @handler
    def down(self, message: Down) -> None:
        """Take note of the end of a child: what it was at has failed."""
        self._state.changes()
        for attempt in self._hands.down(message.ref):
            self._engine.lost(attempt)
        self._engine.fill()
        self._after()

    @handler
    def drain(self, message: Drain) -> None:
        """Resolve a future once no task is due or under way."""
        books = self._state
        with books.lock:
            books.drains = [one for one in books.drains if not one.done()]
            books.drains.append(message.future)
        self._after()

    @handler
    def close(self, message: Close) -> None:
        """Let what is under way end in time, cancel everything else, and end."""
        books = self._state
        self._close_by = None if message.timeout is None else books.clock.now() + message.timeout
        books.cancel_waiting()
        self._engine.look()
        if message.timeout == 0:
            self._engine.end_all()
        elif message.timeout is not None:
            self.start_timer("close", message.timeout, Close(0.0))
        self._after()

    def _after(self) -> None:
        """Finish any message: tell who waits for an idle scheduler, end if that is due, and have the clock wake the actor."""
        books = self._state
        self._engine.arm()
        if books.drains and views.idle(books, books.clock.now(), books.clock.wall()):
            with books.lock:
                drains, books.drains = books.drains, []
            for future in drains:
                future.try_set(True)
        if books.closing and not books.ended and not books.under_way and not books.keeper.asked:
            left = None if self._close_by is None else self._close_by - books.clock.now()
            self._hands.end_coroutines(HELD_OUT)
            self._hands.end_helper(None if left is None else max(HELD_OUT, left))
            self.stop()


HELD_OUT = 1.0  # seconds that coroutines may hold out against their cancellation when the scheduler is closed, and callbacks have at least


def new_books(path: str, system: ActorSystem, limits: Limits, store: str | Path | Store | None, jobs: Jobs | None) -> Books:
    """Return the books of a new scheduler, with its store open.

    Raises:
        StoreError: that cannot be opened.
    """
    books = Books(path, system.ports, limits)
    books.keeper.open(system, store, jobs)
    return books


def attach(books: Books, ref: ActorRef[SchedulerActor]) -> None:
    """Let `books` belong to the actor `ref`, and end with it, however that ends."""
    with books.lock:
        if books.ref is not None:
            return
        books.ref = ref

    def end(_: object) -> None:
        try:
            books.end()
        finally:
            books.gone.try_set(None)

    when_ended(ref._target).add_done_callback(end)


def books_of(ref: ActorRef[Any]) -> Books | None:
    """Return the books of a running SchedulerActor, None of one that is only starting."""
    actor = ref._target.actor
    return actor._books if isinstance(actor, SchedulerActor) else None
