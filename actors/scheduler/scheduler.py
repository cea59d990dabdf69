"""The handle of a scheduler."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from actors._core.context import current_cell
from actors._core.ending import when_ended
from actors._core.future import Future
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds, check_timeout
from actors._core.timers import TimerMode
from actors.errors import ActorDeadError, DeadlockError, Timeout
from actors.scheduler import views
from actors.scheduler.actor import SchedulerActor, attach, books_of, new_books
from actors.scheduler.context import current_run
from actors.scheduler.definition import Definition
from actors.scheduler.errors import SchedulerClosedError
from actors.scheduler.limits import check_limits
from actors.scheduler.messages import Close, Drain, Prewarm
from actors.scheduler.needs import all_needs, in_order, needs_of
from actors.scheduler.processes import check_picklable
from actors.scheduler.recurrence import Cron, Every
from actors.scheduler.task import Task, TaskState
from actors.scheduler.walltime import EPOCH
from actors.scheduler.work import Kind, Options, ResultOf, check_count, check_needs, check_options
from actors.scheduler.zones import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import tzinfo
    from pathlib import Path
    from types import TracebackType

    from actors.scheduler.books import Books
    from actors.scheduler.jobs import Jobs
    from actors.scheduler.stats import SchedulerStats
    from actors.scheduler.store import Store
    from actors.scheduler.work import Work
    from actors.system import ActorSystem

__all__ = ["Scheduler"]

R = TypeVar("R")


class Scheduler:
    """Runs work now, later, again and again, or after other work: messages, functions, coroutines, and functions in processes.

    It may be used from any thread, handler and coroutine. With ``with`` or ``async with`` it is closed at the end; it also ends with its
    system.

    Work is a function (which runs on a thread of the scheduler's pool), a coroutine function (on the event loop), a function with
    ``kind=Kind.PROCESS`` (in a process), or the ref of an actor with one argument, the message (told; with ``kind=Kind.ASK`` the answer
    is the result). A `Task` among the arguments is needed first, and its result stands for it.

    Options of all work:
        kind: where it runs; None: as above.
        name: unique among tasks that are not over.
        priority: of runs that wait for a place, lowest first.
        deadline: seconds from when a run is due until its result must be there, retries included; else `TaskDeadlineExceeded`.
        timeout: seconds of one attempt; else `TaskTimeout`, which counts as a failure of the attempt. A message told takes no time.
        retry: a `Retry`; None: one attempt.
        needs: tasks that must succeed before; if one does not, this one fails with `NeedFailedError`. Not of recurring tasks.
        overlap: of recurring tasks, when a run is due while the last is under way.
        missed: what becomes of runs that could not begin within `grace` of their time: while the scheduler was paused or the program
            down, or because a clock was set.
        grace: seconds.
        on_success: called with the `Run`, on a helper of the scheduler's, or a ref that is told it.
        on_failure: likewise, after the last attempt.
        persist: keep the task in the store.
        interrupted: what becomes of a run of a persistent task that was under way when the program was killed.

    Args:
        system: whose actors, clock and threads are used.
        name: of the actor that runs it, for people.
        threads: functions that run at once.
        coroutines: likewise.
        processes: likewise; None: as many as there are processors.
        asks: asks under way at once.
        capacity: tasks that are not over; one more is refused with `SchedulerFullError`.
        abandoned: threads that may be stuck in functions that were given up, beside those of the pool; at the limit no new ones are made
            in their place until one of them returns. Likewise, how many coroutines may hold out against their cancellation.
        store: where persistent tasks are kept.
        jobs: what persistent tasks may run.
    """

    def __init__(
        self,
        system: ActorSystem,
        *,
        name: str = "scheduler",
        threads: int = 4,
        coroutines: int = 100,
        processes: int | None = None,
        asks: int = 1000,
        capacity: int = 2_000_000,
        abandoned: int = 16,
        store: str | Path | Store | None = None,
        jobs: Jobs | None = None,
    ) -> None:
        if not callable(getattr(system, "start", None)) or not hasattr(system, "ports"):
            msg = f"system={system!r} is not valid: an ActorSystem"
            raise TypeError(msg)
        limits = check_limits(
            threads=threads, coroutines=coroutines, processes=processes, asks=asks, capacity=capacity, abandoned=abandoned
        )
        self._books: Books = new_books(f"/{name}", system, limits, store, jobs)
        places: dict[str, Any] = {
            "threads": threads,
            "coroutines": coroutines,
            "processes": processes,
            "asks": asks,
            "capacity": capacity,
            "abandoned": abandoned,
        }
        try:
            ref = system.start(SchedulerActor, name=name, books=self._books, **places)
        except BaseException:
            self._books.keeper.close()
            raise
        attach(self._books, ref)

    @classmethod
    def of(cls, ref: ActorRef[SchedulerActor]) -> Scheduler:
        """Return a handle of a SchedulerActor, such as a supervised one.

        Raises:
            TypeError: `ref` is of another actor.
            SchedulerClosedError: it has ended.
        """
        if not isinstance(ref, ActorRef) or not issubclass(ref.actor_class, SchedulerActor):
            msg = f"ref={ref!r} is not valid: a ref of a SchedulerActor"
            raise TypeError(msg)
        books = books_of(ref)
        if books is None:  # it is starting, or restarting
            try:
                ref.ask(Drain(Future()), timeout=5.0)
            except ActorDeadError:
                raise SchedulerClosedError(ref.path) from None
            books = books_of(ref)
            if books is None:
                raise SchedulerClosedError(ref.path)
        scheduler = cls.__new__(cls)
        scheduler._books = books
        return scheduler

    def __repr__(self) -> str:
        return f"<Scheduler {self._books.name!r}{' closed' if self._books.closing else ''}>"

    @property
    def ref(self) -> ActorRef[SchedulerActor]:
        """The actor that runs it."""
        assert self._books.ref is not None
        return self._books.ref

    # -- handing work in -----------------------------------------------------------------------------------------------------

    @overload
    def submit(self, work: ActorRef[Any], message: Any, /, **options: Any) -> Task[Any]: ...
    @overload
    def submit(self, work: Callable[..., Coroutine[Any, Any, R]], /, *args: Any, **options: Any) -> Task[R]: ...
    @overload
    def submit(self, work: Callable[..., R], /, *args: Any, **options: Any) -> Task[R]: ...
    def submit(self, work: Any, /, *args: Any, **options: Any) -> Task[Any]:
        """Run `work` now, or as soon as there is a place for it.

        Args:
            work: see the class.
            args: its arguments, or the message.
            options: see the class.

        Raises:
            SchedulerClosedError: the scheduler is closed.
            SchedulerFullError: it holds `capacity` tasks that are not over.
            DuplicateTaskError: a task that is not over has this name.
        """
        return self._one_off(self._books.clock.now(), work, args, options)

    @overload
    def after(self, delay: float, work: ActorRef[Any], message: Any, /, **options: Any) -> Task[Any]: ...
    @overload
    def after(self, delay: float, work: Callable[..., Coroutine[Any, Any, R]], /, *args: Any, **options: Any) -> Task[R]: ...
    @overload
    def after(self, delay: float, work: Callable[..., R], /, *args: Any, **options: Any) -> Task[R]: ...
    def after(self, delay: float, work: Any, /, *args: Any, **options: Any) -> Task[Any]:
        """Run `work` in `delay` seconds. Other arguments and errors: as of `submit`."""
        return self._one_off(self._books.clock.now() + check_seconds("delay", delay), work, args, options)

    @overload
    def at(self, when: datetime, work: ActorRef[Any], message: Any, /, **options: Any) -> Task[Any]: ...
    @overload
    def at(self, when: datetime, work: Callable[..., Coroutine[Any, Any, R]], /, *args: Any, **options: Any) -> Task[R]: ...
    @overload
    def at(self, when: datetime, work: Callable[..., R], /, *args: Any, **options: Any) -> Task[R]: ...
    def at(self, when: datetime, work: Any, /, *args: Any, **options: Any) -> Task[Any]:
        """Run `work` when the clock on the wall shows `when`; at once, if it has shown it before.

        With ``persist=True``, a time that has passed is one that was missed, and one that an earlier program has run is not run again.

        Args:
            when: a time of day with a zone.
            work: see the class.
            args: its arguments, or the message.
            options: see the class.

        Raises: as `submit`, and ValueError for a `when` without a zone.
        """
        if not isinstance(when, datetime):
            msg = f"when={when!r} is not valid: a datetime"
            raise TypeError(msg)
        if when.utcoffset() is None:
            msg = f"when={when!r} is not valid: it has no zone; write datetime(..., tzinfo=ZoneInfo('Europe/Berlin')), or UTC"
            raise ValueError(msg)
        due = (when - EPOCH).total_seconds()
        if not options.get("persist"):  # the run of a persistent one is known by its time, also if an earlier program was to run it
            due = max(due, self._books.clock.wall())
        return self._one_off(due, work, args, options, wall=True)

    @overload
    def every(
        self,
        interval: float,
        work: ActorRef[Any],
        message: Any,
        /,
        *,
        mode: TimerMode = ...,
        initial_delay: float | None = ...,
        times: int | None = ...,
        **options: Any,
    ) -> Task[int]: ...
    @overload
    def every(
        self,
        interval: float,
        work: Callable[..., Any],
        /,
        *args: Any,
        mode: TimerMode = ...,
        initial_delay: float | None = ...,
        times: int | None = ...,
        **options: Any,
    ) -> Task[int]: ...
    def every(
        self,
        interval: float,
        work: Any,
        /,
        *args: Any,
        mode: TimerMode = TimerMode.FIXED_RATE,
        initial_delay: float | None = None,
        times: int | None = None,
        **options: Any,
    ) -> Task[int]:
        """Run `work` every `interval` seconds.

        Args:
            interval: seconds.
            work: see the class.
            args: its arguments, or the message.
            mode: what the interval is counted from: due time to due time without drift, or from the end of a run to the next.
            initial_delay: seconds to the first run; None: `interval`.
            times: how many runs there are; None: no end.
            options: see the class.

        Raises: as `submit`.
        """
        name, delay = ("interval", interval) if initial_delay is None else ("initial_delay", initial_delay)
        first = self._books.clock.now() + check_seconds(name, delay)
        if first >= LATEST:
            msg = f"{name}={delay!r} is not valid: that is beyond the calendar"
            raise ValueError(msg)
        return self._recurring(first, Every(interval, mode, first), times, work, args, options)

    @overload
    def cron(
        self, expression: str, work: ActorRef[Any], message: Any, /, *, zone: str | tzinfo = ..., times: int | None = ..., **options: Any
    ) -> Task[int]: ...
    @overload
    def cron(
        self, expression: str, work: Callable[..., Any], /, *args: Any, zone: str | tzinfo = ..., times: int | None = ..., **options: Any
    ) -> Task[int]: ...
    def cron(
        self, expression: str, work: Any, /, *args: Any, zone: str | tzinfo = "UTC", times: int | None = None, **options: Any
    ) -> Task[int]:
        """Run `work` whenever the clock on the wall fits a cron expression.

        Args:
            expression: see `Cron`.
            work: see the class.
            args: its arguments, or the message.
            zone: the time zone of the expression, by name or as a tzinfo.
            times: how many runs there are; None: no end.
            options: see the class.

        Raises: as `submit`, and CronError for an expression or zone that is none, or that never fires.
        """
        recurrence = Cron(expression, zone)
        first = recurrence.next_after(self._books.clock.wall())
        return self._recurring(first, recurrence, times, work, args, options, wall=True)

    def graph(self, works: Mapping[str, Work]) -> dict[str, Task[Any]]:
        """Hand in works that need each other, each run once those that it needs have succeeded.

        Args:
            works: by name. Names are those within the graph; a task that shall be found by `get` has its name among its options.

        Returns:
            The tasks, by the same names.

        Raises: as `submit`, and then none of them is run.
            UnknownNeedError: a work needs one that is not there.
            CycleError: works need each other in a cycle.
        """
        order = in_order(works)
        for name in order:
            work = works[name]
            check_options(work.work, work.args, {key: value for key, value in work.options.items() if key != "needs"})
        tasks: dict[str, Task[Any]] = {}
        self._books.hold()
        try:
            for name in order:
                work = works[name]
                args = tuple(tasks[arg.name] if isinstance(arg, ResultOf) else arg for arg in work.args)
                options = dict(work.options)
                needs = [*check_needs(options.pop("needs", ())), *(tasks[need] for need in needs_of(work))]
                tasks[name] = self._one_off(self._books.clock.now(), work.work, args, {**options, "needs": needs})
        except BaseException:
            for task in reversed(tasks.values()):
                task.cancel()
            raise
        finally:
            self._books.release()
        return {name: tasks[name] for name in works}

    def _one_off(self, due: float, work: Any, args: tuple[Any, ...], options: dict[str, Any], *, wall: bool = False) -> Task[Any]:
        needs = options.pop("needs", ())
        checked = _checked(work, args, options, wall=wall or bool(options.get("persist")))
        found = all_needs(self._books, args, check_needs(needs)) if needs or args else ()
        if checked.persist:
            if found:
                msg = f"needs={needs!r} is not valid with persist=True: a persistent task needs no others, also not among its args"
                raise ValueError(msg)
            definition = Definition(work, _given(checked, args), checked, None, None)
            return self._books.keeper.declare(definition, due if wall else self._on_wall(due), fixed=wall)
        return self._books.insert(work, _given(checked, args), checked, due, needs=found)

    def _recurring(
        self,
        first: float | None,
        recurrence: Any,
        times: int | None,
        work: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
        *,
        wall: bool = False,
    ) -> Task[int]:
        if times is not None:
            check_count("times", times)
        needs = options.pop("needs", ())
        checked = _checked(work, args, options, wall=wall or bool(options.get("persist")))
        if all_needs(self._books, args, check_needs(needs)):
            msg = (
                f"needs={needs!r} is not valid: a recurring task needs no others, also not among its args; submit() the first run by itself"
            )
            raise ValueError(msg)
        if first is None:
            msg = f"{recurrence!r} is not valid: it is never due"
            raise ValueError(msg)
        if checked.persist:
            if isinstance(recurrence, Every):
                first = self._on_wall(first)
                recurrence = replace(recurrence, origin=first)
            definition = Definition(work, _given(checked, args), checked, recurrence, times)
            return self._books.keeper.declare(definition, first, fixed=False)
        return self._books.insert(work, _given(checked, args), checked, first, recurrence=recurrence, times=times)

    def _on_wall(self, due: float) -> float:
        """Return a clock time by the clock on the wall, which is the one that the next program has, too."""
        clock = self._books.clock
        return clock.wall() + (due - clock.now())

    # -- looking -------------------------------------------------------------------------------------------------------------

    def tasks(self, *, state: TaskState | None = None, limit: int = 1000) -> list[Task[Any]]:
        """Return tasks: those under way, then those that wait by due time, then those that need others.

        Args:
            state: only those in this state; None: all that are not over.
            limit: how many at most.
        """
        if state is not None and not isinstance(state, TaskState):
            msg = f"state={state!r} is not valid: use a member of TaskState, or None"
            raise TypeError(msg)
        return views.tasks(self._books, state, check_count("limit", limit))

    def get(self, name: str) -> Task[Any] | None:
        """Return the task that is not over and was given this name, None if there is none."""
        self._books.looks()
        return self._books.names.get(name)

    def stats(self) -> SchedulerStats:
        """Return the figures of this moment."""
        return views.stats(self._books)

    def prewarm(self) -> None:
        """Start all processes now, so that the first runs need not wait for them. Does not wait; in a simulation there are none."""
        with contextlib.suppress(ActorDeadError):  # then none is needed
            self.ref.tell(Prewarm())

    # -- going on, and ending ------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Begin no runs until `resume`. Those under way go on. Runs that are due meanwhile may be missed: see the option `missed`."""
        self._books.set_paused(paused=True)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._books.set_paused(paused=False)

    def drain(self, *, timeout: float | None = None) -> bool:
        """Wait until no task is due or under way; return False after `timeout` seconds. Tasks that are due later do not count.

        Raises:
            DeadlockError: it is called without a timeout in a run of its own.
        """
        self._check_drain(timeout)
        future = self._drained()
        try:
            return future.get(timeout=timeout)
        except Timeout:
            return not future.cancel()
        except BaseException:
            future.cancel()
            raise

    async def drain_async(self, *, timeout: float | None = None) -> bool:
        """Await what `drain` waits for."""
        self._check_drain(timeout)
        future = self._drained()
        try:
            if timeout is None:
                return await future
            return await self._books.ports.awaiter.within(future, timeout)
        except Timeout:
            return not future.cancel()
        except BaseException:
            future.cancel()
            raise

    def _check_drain(self, timeout: float | None) -> None:
        check_timeout(timeout)
        self._refuse_own_turn("drain")
        context = current_run()
        if timeout is None and context is not None and views.runs(self._books, context):
            raise DeadlockError((context.name, self._books.name, context.name), "give drain() a timeout, or call it outside of all runs")

    def _refuse_own_turn(self, call: str) -> None:
        if current_cell() is self.ref._target:
            raise DeadlockError((self.ref.path, self.ref.path), f"do not call {call}() in Retry.on, for which the scheduler waits")

    def _drained(self) -> Future[bool]:
        future: Future[bool] = Future()
        try:
            self.ref.tell(Drain(future))
        except ActorDeadError:
            future.try_set(True)
        if self._books.ended:  # it came when the actor was at its end, and may be nobody's
            future.try_set(True)
        return future

    def close(self, *, timeout: float | None = 5.0) -> None:
        """Take no more tasks, cancel all that have not begun, let those under way end, and end the scheduler. Idempotent.

        Args:
            timeout: seconds that runs under way have; they are given up then. Callbacks have what is left of that, one second at least.
                None: as long as they take.

        Raises:
            DeadlockError: it is called in a run or callback of its own. The scheduler is closed all the same.
        """
        check_timeout(timeout)
        self._refuse_own_turn("close")
        self._books.ports.waiter.check("close() would block the event loop; write `await scheduler.close_async()`")
        self._close(timeout).get()
        self._books.gone.get()

    async def close_async(self, *, timeout: float | None = 5.0) -> None:
        """Await what `close` waits for."""
        check_timeout(timeout)
        await self._close(timeout)
        await self._books.gone

    def _close(self, timeout: float | None) -> Future[bool]:
        books = self._books
        books.changes()
        with books.lock:
            books.closing = True
        gone = when_ended(self.ref._target)
        gone._ends = self.ref._target  # a run, or a callback, that waits for this would be waited for itself
        with contextlib.suppress(ActorDeadError):  # it is ending already
            self.ref.tell(Close(None if timeout is None else max(0.0, timeout)))
        return gone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close_async()


def _checked(work: Any, args: tuple[Any, ...], options: Mapping[str, Any], *, wall: bool) -> Options:
    checked = check_options(work, args, options, wall=wall)
    if checked.kind is Kind.PROCESS:  # also in a simulation, which stands for the same program
        check_picklable(work, args, skip=Task)
    return checked


def _given(options: Options, args: tuple[Any, ...]) -> Any:
    return args[0] if options.kind in (Kind.TELL, Kind.ASK) else args
