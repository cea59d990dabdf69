"""How runs begin, are tried again, and end. Used by the scheduler's actor only, in its turn.

A run's way: taken from the agenda when it is due → a place of its kind → attempts → its end → what follows from that.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from actors._core.sending import send_at_once
from actors.errors import ActorRestarting
from actors.scheduler import needs, recurring
from actors.scheduler.alarms import Bell, drop_alarm_locked, set_alarm_locked
from actors.scheduler.books import goes_short_way
from actors.scheduler.errors import AlreadyRunError, TaskDeadlineExceeded, TaskMissedError, TaskTimeout, WorkerDiedError
from actors.scheduler.events import ClockJumped, RunMissed, RunSkipped, TaskFailed
from actors.scheduler.execution import Claim, Execution, Stage
from actors.scheduler.places import leave_locked, make_ready, next_attempt, summarise_locked
from actors.scheduler.stored import RunState
from actors.scheduler.task import OVER, Extra, Run, RunOutcome, Task, TaskState
from actors.scheduler.work import Missed
from actors.texts import error_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.scheduler.books import Books
    from actors.scheduler.execution import Attempt
    from actors.scheduler.hands import Hands
    from actors.scheduler.messages import Claimed
    from actors.scheduler.stored import RunRow

__all__ = ["Engine"]

BATCH = 200  # due tasks begun before the actor looks at its mail
CLAIM_DELAYS = (0.1, 30.0)  # seconds after which a run is claimed again that the store could not take, at first and at most
JUMP = 1.0  # seconds by which the clocks may drift apart between two looks without a notice


class Engine:
    """See the module's docstring.

    Args:
        books: the state; each change of what handles see is made under its lock.
        hands: where attempts are run.
        publish: tells the system of an event.
    """

    def __init__(self, books: Books, hands: Hands, publish: Callable[[object], None]) -> None:
        self.books = books
        self.keeper = books.keeper
        self.hands = hands
        self.publish = publish
        self._offset = books.clock.wall() - books.clock.now()

    # -- looking -----------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Do what is due. Of very much it does a part, and tells the actor to look again."""
        books = self.books
        books.changes()
        with books.lock:
            books.woken = False
        self._follow_news()
        now, wall = books.clock.now(), books.clock.wall()
        self._see_jump(now, wall)
        self._ring(now)
        self._begin_again()
        due = books.take_due(now, wall, BATCH)
        self._begin_due(due, now, wall)
        self.fill()
        if len(due) == BATCH:
            with books.lock:
                again = books.wants_look_locked()
            if again:
                books.wake()

    def arm(self) -> None:
        """Have the clock wake the actor when there is something to do next."""
        books = self.books
        now, wall = books.clock.now(), books.clock.wall()
        with books.lock:
            when = books.next_wake_locked(now, wall)
            # Invariant: with a LOOK in the mailbox there is no need of the clock, and `armed` stays as it was until that is handled.
            if books.woken or books.ended or (now < when == books.armed and books.timer is not None):
                return
            books.armed = when
            old, books.timer = books.timer, None
        if old is not None:
            old.cancel()
        if when == float("inf"):
            return
        timer = books.clock.call_at(when, books.wake_again)
        with books.lock:
            if not books.ended:
                books.timer = timer
                return
        timer.cancel()  # the books were ended meanwhile, by whoever saw that the actor is dead

    def _see_jump(self, now: float, wall: float) -> None:
        offset = wall - now
        jumped, self._offset = offset - self._offset, offset
        if abs(jumped) >= JUMP:
            if jumped <= -recurring.REWIND:
                recurring.rewind(self.books, wall)
            self.publish(ClockJumped(jumped))

    def _ring(self, now: float) -> None:
        """Attend to the alarms that are due."""
        with self.books.lock:
            due = self.books.alarms.pop_until(now, BATCH)
        for _, _, alarm in due:
            execution = alarm.execution
            if not alarm.live:
                continue
            alarm.live = False
            execution.alarms.pop(alarm.bell, None)
            if alarm.bell is Bell.RETRY:
                make_ready(self.books, execution)
            elif alarm.bell is Bell.TIMEOUT:
                timeout = execution.task._options.timeout
                assert timeout is not None
                self._time_out(execution, timeout)
            else:
                self._expire(execution)

    # -- what is due -------------------------------------------------------------------------------------------------------

    def _begin_due(self, due: list[tuple[float, Task[Any]]], now: float, wall: float) -> None:
        told: list[Task[Any]] = []
        for when, task in due:
            if goes_short_way(task):
                if self._tell(task, when):
                    told.append(task)
            elif task._extra is not None and task._extra.recurrence is not None:
                recurring.due(self, task, when, now, wall)
            else:
                self._begin_one_off(task, when, wall if task._options.wall else now)
        if told:
            self._told(told)
        with self.books.lock:
            self.books.taken = []

    def _tell(self, task: Task[Any], due: float) -> bool:
        """Tell a message, and nobody about it; return False if that failed, which is seen to."""
        try:
            send_at_once(task._work._target, needs.value_of(task._given))
        except Exception as error:  # noqa: BLE001  # the outcome: also what isolation or the key of a mailbox raises
            execution = self.new_execution(task, due)
            if execution is not None:
                execution.attempts = 1
                self.finish(execution, RunOutcome.FAILED, None, error)
            return False
        return True

    def _told(self, tasks: list[Task[Any]]) -> None:
        books = self.books
        with books.lock:
            over = [task for task in tasks if books.over_locked(task, TaskState.SUCCEEDED)]
            books.counts[RunOutcome.SUCCEEDED] += len(over)
        for task in over:
            if task._extra is not None:
                books.resolve(task)
                needs.follow(self, task)

    def _begin_one_off(self, task: Task[Any], due: float, now: float) -> None:
        options = task._options
        self.keeper.opened(task, (due,), None)
        execution = self.new_execution(task, due)
        if execution is None:
            return
        if options.missed is Missed.SKIP and now - due > options.grace:
            self.publish(RunMissed(task, execution.due_at, 1, options.missed))
            self.finish(execution, RunOutcome.MISSED, None, TaskMissedError(task.name, now - due))
        else:
            make_ready(self.books, execution)

    def new_execution(self, task: Task[Any], own_due: float) -> Execution | None:
        """Return a new run of `task`, due then by its own clock; None if the task is over."""
        books = self.books
        deadline = task._options.deadline
        due, due_wall = books.times_of(task, own_due)
        with books.lock:
            if task._state in OVER:
                return None
            task._extra = extra = task._extra or Extra()
            extra.numbered += 1
            execution = Execution(task, extra.numbered, due, due_wall, None if deadline is None else due + deadline)
            extra.under_way.append(execution)
            books.under_way[execution] = None
            if execution.expires is not None:
                set_alarm_locked(self.books, Bell.DEADLINE, execution, execution.expires)
        return execution

    def begin(self, execution: Execution) -> None:
        """Let a new run wait for a place."""
        make_ready(self.books, execution)

    # -- persistent tasks --------------------------------------------------------------------------------------------------

    def _begin_again(self) -> None:
        """Let the runs begin another time that an earlier program was at when it ended."""
        for task, row in self.keeper.take_again():
            execution = self.new_execution(task, row.due)
            if execution is not None:
                with self.books.lock:
                    assert task._extra is not None
                    task._extra.numbered -= 1  # it has its number
                    execution.number, execution.attempts = row.number, row.attempt
                make_ready(self.books, execution)

    def claimed(self, answer: Claimed) -> None:
        """Begin with a run whose claim is in the store; try again later if the store failed; drop it if it was run before."""
        books, execution = self.books, answer.execution
        kind = execution.task._options.kind
        with books.lock:
            books.running[kind] -= 1
            over = execution.stage is Stage.OVER
            if answer.error is not None:
                execution.claim = Claim.WANTED
                if not over:
                    delay = min(CLAIM_DELAYS[1], CLAIM_DELAYS[0] * 2.0 ** min(execution.refusals, 30))
                    execution.refusals += 1
                    execution.stage = Stage.WAITING
                    set_alarm_locked(books, Bell.RETRY, execution, books.clock.now() + delay)
                    summarise_locked(execution.task)
            elif answer.row is None:
                execution.claim = Claim.HELD
        if over:
            self.keeper.answered(execution)
        elif answer.row is not None:
            self._drop(execution, answer.row)
        elif answer.error is None:
            make_ready(books, execution, first=True)

    def _drop(self, execution: Execution, row: RunRow) -> None:
        """Forget a run that was run before, or seen to; nobody is told of it a second time."""
        books, task, extra = self.books, execution.task, execution.task._extra
        assert extra is not None  # made with the execution
        with books.lock:
            execution.stage = Stage.OVER
            del books.under_way[execution]
            extra.under_way.remove(execution)
            for bell in list(execution.alarms):
                drop_alarm_locked(books, bell, execution)
            if task._state in OVER:
                return
            recurs = extra.recurrence is not None
            if recurs:
                books.counts[RunOutcome.SKIPPED] += 1
                summarise_locked(task)
            else:
                if row.state is not RunState.SUCCEEDED:
                    extra.error = AlreadyRunError(row.id, row.state.value, row.error)
                state = {RunState.SUCCEEDED: TaskState.SUCCEEDED, RunState.CANCELLED: TaskState.CANCELLED}.get(row.state, TaskState.FAILED)
                books.over_locked(task, state)
        if recurs:
            self.publish(RunSkipped(task, execution.due_at))
            recurring.after_run(self, task)
        else:
            self.keeper.dropped(task)
            books.resolve(task)
            needs.follow(self, task)

    # -- attempts ----------------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Begin with attempts as long as runs are ready and places are free."""
        for kind, ready in self.books.ready.items():
            while len(ready) and self.hands.room(kind):
                attempt = next_attempt(self.books, kind)
                if attempt is None:
                    break
                if isinstance(attempt, Execution):
                    self.keeper.claim(attempt)
                    continue
                self.keeper.begins(attempt.execution)
                try:
                    self.hands.start(attempt)
                except Exception as error:  # noqa: BLE001  # the outcome: a full or closed mailbox, no thread to be had, ...
                    self._settle(attempt, None, error)

    def begun(self, attempt: Attempt) -> None:
        """Take note that a function begins only now, as its process had to be started: its time counts from here."""
        execution, books = attempt.execution, self.books
        now = books.clock.now()
        with books.lock:
            if execution.attempt is not attempt:
                return
            attempt.began, execution.began_wall = now, books.wall_of(now)
            timeout = execution.task._options.timeout
            if timeout is not None:
                set_alarm_locked(books, Bell.TIMEOUT, execution, now + timeout)

    def ended(self, attempt: Attempt, following: Attempt | None = None) -> None:
        """Take note of the outcome of an attempt, unless that was given up, and of what has begun in its place."""
        self.hands.released(attempt, following)
        if attempt.execution.attempt is attempt and attempt.outcome is not None:
            self._settle(attempt, *attempt.outcome)

    def lost(self, attempt: Attempt) -> None:
        """Take note that what ran an attempt is gone."""
        if attempt.execution.attempt is attempt:
            attempt.prevent()
            self._settle(attempt, *(attempt.outcome or (None, WorkerDiedError(attempt.execution.task.name))))

    def _settle(self, attempt: Attempt, value: Any, error: BaseException | None) -> None:
        """End the attempt under way, and with it the run, unless it is worth another attempt."""
        execution, books = attempt.execution, self.books
        now = books.clock.now()
        with books.lock:
            leave_locked(books, attempt)
            execution.attempt = None
            execution.seconds = now - attempt.began
            execution.error = error
            drop_alarm_locked(self.books, Bell.TIMEOUT, execution)
            cancelled = execution.task._state in OVER
        if cancelled:
            self.finish(execution, RunOutcome.CANCELLED, None, error)
        elif error is None:
            self.finish(execution, RunOutcome.SUCCEEDED, value, None)
        elif not self._tries_again(execution, error, now):
            self.finish(execution, RunOutcome.FAILED, None, error)

    def _tries_again(self, execution: Execution, error: BaseException, now: float) -> bool:
        """Let `execution` wait for another attempt, if its policy wants that; what the user's part of the policy raises is a no."""
        retry = execution.task._options.retry
        if retry is None or execution.attempts >= retry.attempts:
            return False
        try:
            if not retry.wants(error):
                return False
            after = _retry_after(error)
        except Exception as broken:  # noqa: BLE001  # the run has failed already; why it is not tried again is said beside that
            why = f"it was not tried again, because Retry.on or its retry_after raised {type(broken).__name__}"
            BaseException.add_note(error, f"{why}: {error_text(broken)}")
            return False
        if after is None:
            after = retry.delay(execution.attempts, self.books.ports.random.random())
        books = self.books
        with books.lock:
            if books.closing or execution.task._state in OVER:
                return False
            execution.stage = Stage.WAITING
            books.counts["retried"] += 1
            set_alarm_locked(self.books, Bell.RETRY, execution, now + after)
            summarise_locked(execution.task)
        return True

    def _time_out(self, execution: Execution, timeout: float) -> None:
        attempt = execution.attempt
        if attempt is not None:
            self._give_up(attempt)
            self._settle(attempt, None, TaskTimeout(execution.task.name, timeout))

    def _expire(self, execution: Execution) -> None:
        deadline = execution.task._options.deadline
        assert deadline is not None
        error = TaskDeadlineExceeded(execution.task.name, deadline)
        error.__cause__ = execution.error
        self._end_early(execution, RunOutcome.FAILED, error)

    def _end_early(self, execution: Execution, outcome: RunOutcome, error: BaseException | None) -> None:
        """End a run wherever it is."""
        books, attempt = self.books, execution.attempt
        if attempt is not None:
            self._give_up(attempt)
            with books.lock:
                leave_locked(books, attempt)
                execution.attempt = None
                execution.seconds = books.clock.now() - attempt.began
        else:
            with books.lock:
                books.stop_locked(execution)
        self.finish(execution, outcome, None, error)

    def _give_up(self, attempt: Attempt) -> None:
        self.hands.give_up(attempt, self.books.clock.now() - attempt.began)

    # -- the end of a run --------------------------------------------------------------------------------------------------

    def finish(self, execution: Execution, outcome: RunOutcome, value: Any, error: BaseException | None) -> None:
        """End a run: note it, tell of it, and let follow what follows from it."""
        books, task = self.books, execution.task
        run = Run(
            task,
            execution.number,
            execution.attempts,
            execution.due_at,
            execution.began_at,
            execution.seconds,
            outcome,
            value,
            error,
            execution.id,
        )
        extra = task._extra
        assert extra is not None  # made with the execution
        recurs = extra.recurrence is not None
        with books.lock:
            execution.stage = Stage.OVER
            del books.under_way[execution]
            books.tried.pop(execution, None)
            extra.under_way.remove(execution)
            extra.last = run
            for bell in list(execution.alarms):
                drop_alarm_locked(self.books, bell, execution)
            cancelled = task._state in OVER
            if not cancelled:
                books.counts[outcome] += 1
                if not recurs:
                    extra.value, extra.error = value, error
                    books.over_locked(task, _STATES[outcome])
                else:
                    summarise_locked(task)
        self.keeper.finished(execution, outcome, error)
        if cancelled:
            return
        if outcome is not RunOutcome.CANCELLED:
            self.tell(run)
        if recurs:
            recurring.after_run(self, task)
        else:
            books.resolve(task)
            needs.follow(self, task)

    def tell(self, run: Run[Any]) -> None:
        """Tell whoever wants to know of a run that has ended by itself."""
        options = run.task._options
        if run.outcome is RunOutcome.SUCCEEDED:
            self.hands.tell_run(options.on_success, run)
        else:
            self.publish(TaskFailed(run.task, run))
            self.hands.tell_run(options.on_failure, run)

    def _follow_news(self) -> None:
        """See to the tasks that are over by other hands: give back what their runs hold, and let those fail that need them."""
        books = self.books
        while True:
            try:
                task = books.news.popleft()
            except IndexError:
                return
            extra = task._extra
            for execution in list(extra.under_way) if extra is not None else ():
                self._end_early(execution, RunOutcome.CANCELLED, None)
            needs.follow(self, task)

    # -- the end of all ----------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Go on after a restart of the actor: what was under way has failed, or ended and nobody took note."""
        books = self.books
        for execution in list(books.under_way):
            attempt = execution.attempt
            if attempt is not None:
                given_up = attempt.prevent() or attempt.context.cancelled or attempt.outcome is None
                attempt.context.cancelled = True
                self._settle(attempt, *((None, ActorRestarting(books.name)) if given_up or attempt.outcome is None else attempt.outcome))
        with books.lock:
            taken, books.taken = books.taken, []
        for due, task in taken:
            if task._state in OVER or (task._extra is not None and task._extra.under_way):
                continue
            if goes_short_way(task):
                # It may have been told or not: telling it again could be once too much.
                lost = self.new_execution(task, due)
                if lost is not None:
                    self.finish(lost, RunOutcome.FAILED, None, ActorRestarting(books.name))
            else:
                with books.lock:
                    books.put_locked(task, due)

    def end_all(self) -> None:
        """Give up what is under way."""
        for execution in list(self.books.under_way):
            attempt = execution.attempt
            if attempt is not None and attempt.outcome is not None:  # its notice is on the way, and may come too late
                self._settle(attempt, *attempt.outcome)
            else:
                self._end_early(execution, RunOutcome.CANCELLED, None)


def _retry_after(error: BaseException) -> float | None:
    """Return how many seconds `error` says to wait, None if it does not. Asks the user's class."""
    after = getattr(error, "retry_after", None)
    if isinstance(after, timedelta):
        after = after.total_seconds()
    if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after < float("inf"):
        return None
    return float(after)


_STATES = {
    RunOutcome.SUCCEEDED: TaskState.SUCCEEDED,
    RunOutcome.FAILED: TaskState.FAILED,
    RunOutcome.MISSED: TaskState.FAILED,
    RunOutcome.INTERRUPTED: TaskState.FAILED,
    RunOutcome.CANCELLED: TaskState.CANCELLED,
}
