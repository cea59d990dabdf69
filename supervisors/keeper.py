"""What every supervisor does: start children, hear of them, count their failures, give up.

A supervisor is a state machine. It never waits: what it begins it hears the end of, in its own turn and ahead of its mail, so it answers
whatever its children are at.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors import Actor, ActorRef, ActorStartError, DownReason, Isolation, Lifecycle, SystemStoppedError, handler
from actors._core import ending, supervision
from actors._core.life import started
from actors._core.options import Overrides
from actors._core.supervision import ChildEvent, Guard
from supervisors.errors import Failure, RestartLimitError, SupervisorStoppingError
from supervisors.events import RestartScheduled, SupervisorGaveUp
from supervisors.policy import Limit, Outcome, Restart, Window, restarts
from supervisors.requests import ChildCounts, ChildInfo, ChildState, CountChildren, GetChild, ListChildren
from supervisors.spec import AskFailure, ChildSpec, Shutdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors import ReplyHandle
    from actors._core.cell import Cell

__all__ = ["Child", "Keeper"]

HISTORY = 20  # failures that a supervisor remembers, to tell of when it gives up


class Child:
    """One child: its spec, and what has become of it. Everything here is the supervisor's own, written in its turns."""

    __slots__ = (
        "asked",
        "attempt",
        "cell",
        "error",
        "failures",
        "name",
        "number",
        "place",
        "proven",
        "released",
        "restarts",
        "since",
        "spec",
        "starters",
        "state",
        "stoppers",
        "window",
    )

    def __init__(self, spec: ChildSpec[Any], name: str | None, number: int) -> None:
        self.spec = spec
        self.name = name
        self.number = number  # start order
        self.place: str | None = None  # the path of its cell, once that was asked for
        self.state = ChildState.STOPPED
        self.cell: Cell | None = None
        self.attempt: int | None = None  # of its backoff
        self.since: float | None = None  # since when it has been running; None while it is not
        self.proven = False  # whether it has ever been running
        self.restarts = 0
        self.error: BaseException | None = None
        self.window = Window(spec.limit) if spec.limit is not None else None
        self.starters: tuple[ReplyHandle, ...] = ()  # told when it is running; not empty only for a start that was asked for
        self.stoppers: tuple[ReplyHandle, ...] = ()  # told when it has ended
        self.asked = False  # whether its start was asked for, so that a failure is the asker's to deal with
        self.released = False  # whether its end was asked for, so that it is no failure

    @property
    def label(self) -> str:
        """What people call it."""
        if self.name is not None:
            return self.name
        if self.place is None and self.cell is not None:
            self.place = self.cell.path
        return self.place or self.spec.actor_class.__name__


class Keeper(Actor, isolation=Isolation.SHARE):
    """The base of all supervisors. Children fail one by one here; who keeps an order overrides `_bring_back` and `_settled`."""

    _greenroom_supervises = True

    def __init__(self, limit: Limit | None) -> None:
        super().__init__()
        self._limit = limit
        self._window = Window(limit)
        self._history: deque[Failure] = deque(maxlen=HISTORY)
        self._numbers = 0
        self._ready = False
        self._leaving = False  # whether it has begun to end by itself

    # -- the kernel's side -------------------------------------------------------------------------------------------------

    def _greenroom_begin(self) -> None:
        self._alarms = supervision.take_office(self._greenroom_cell, self)
        self._open()

    def _open(self) -> None:
        """Start what there is to start; call `_become_ready` when that is done."""
        self._become_ready()

    def _become_ready(self) -> None:
        if not self._ready:
            self._ready = True
            cell = self._greenroom_cell
            started(cell, restarted=cell.incarnation > 1, error=cell.extras().cause)

    def _greenroom_hear(self, child: Child, event: ChildEvent, reason: DownReason | None, error: BaseException | None) -> None:
        if not self._has(child):
            return
        match event:
            case ChildEvent.STARTED:
                self._on_started(child)
            case ChildEvent.FAILED:
                self._on_failed(child, error)
            case ChildEvent.DOWN:
                self._on_down(child)
            case ChildEvent.ENDED:
                self._on_ended(child, reason, error)

    # -- the children, as they are kept ------------------------------------------------------------------------------------

    def _has(self, child: Child) -> bool:
        raise NotImplementedError

    def _all(self) -> Iterable[Child]:
        """Return the children in start order."""
        raise NotImplementedError

    def _find(self, which: str | ActorRef[Any]) -> Child | None:
        raise NotImplementedError

    def _forget(self, child: Child) -> None:
        raise NotImplementedError

    def _new_child(self, spec: ChildSpec[Any], name: str | None) -> Child:
        self._numbers += 1
        return Child(spec, name, self._numbers)

    # -- what subclasses decide --------------------------------------------------------------------------------------------

    def _arguments(self, spec: ChildSpec[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return spec.args, dict(spec.kwargs)

    def _bring_back(self, child: Child, delay: float) -> None:
        """Start `child`, which has failed, in `delay` seconds, and whoever else that concerns."""
        if delay:
            self._alarms.set(child, delay, lambda: self._start(child))
        else:
            self._start(child)

    def _settled(self, child: Child) -> None:
        """Take note that `child` has come to run, to be down, or to have ended."""

    def _ended_for_good(self, child: Child) -> None:
        """Take note that `child` has ended by itself and is not started again."""

    # -- starting ----------------------------------------------------------------------------------------------------------

    def _start(self, child: Child) -> None:
        """Begin to start a child that is down or has no actor."""
        spec = child.spec
        child.state = ChildState.STARTING
        try:
            args, kwargs = self._arguments(spec)
            if child.cell is not None:
                child.cell.guard.retry_at = None  # type: ignore[union-attr]  # every child has one
                supervision.bring_up(child.cell, args, kwargs)
            else:
                child.place = None
                child.cell = self._greenroom_cell.system.spawn_supervised(
                    self._guard(child), spec.actor_class, args, kwargs, child.name, Overrides(spec.dispatcher, spec.mailbox, spec.isolation)
                )
        except Exception as error:  # noqa: BLE001  # a start that fails like any other, once this turn's call is over
            failure = error
            # Not at once: a start that is refused for ever would keep the supervisor from its mail, and from its own stop.
            self._alarms.set(child, 0.0, lambda: self._start_refused(child, failure))
            return
        if spec.start_timeout is not None:
            self._alarms.set(child, spec.start_timeout, lambda: self._start_too_slow(child))

    def _guard(self, child: Child) -> Guard:
        spec = child.spec
        return Guard(
            self._greenroom_cell,
            self,
            child,
            order=child.number,
            restarts=spec.restart is not Restart.TEMPORARY,
            deadline=spec.deadline,
            kills=spec.shutdown is Shutdown.KILL,
            ask_crashes=spec.ask_failure is AskFailure.CRASH,
            redeliver=spec.redeliver,
            while_down=spec.while_down,
        )

    def _start_refused(self, child: Child, error: Exception) -> None:
        """Deal with a child that got no actor: its name is taken, an argument is dead, the system ends."""
        if not self._has(child) or child.state is not ChildState.STARTING:
            return
        self._leaving = self._leaving or isinstance(error, SystemStoppedError)
        if child.cell is not None:  # it stays down
            self._on_failed(child, error)
        else:
            self._on_ended(child, DownReason.CRASHED, error)

    def _start_too_slow(self, child: Child) -> None:
        if child.cell is not None and child.state is ChildState.STARTING:
            child.error = ActorStartError(child.label, TimeoutError(f"it was not running after {child.spec.start_timeout} seconds"))
            ending.kill(child.cell)

    # -- hearing of them ---------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._greenroom_cell.system.ports.clock.now()

    def _on_started(self, child: Child) -> None:
        if child.state is not ChildState.STARTING or child.cell is None:
            return
        self._alarms.cancel(child)
        child.state = ChildState.RUNNING
        child.since = self._now()
        child.proven = True
        child.asked = False
        starters, child.starters = child.starters, ()
        for starter in starters:
            starter.reply(child.cell.ref)
        self._settled(child)

    def _on_failed(self, child: Child, error: BaseException | None) -> None:
        """Hear that `child` crashed, or failed to start again. It waits for what is decided."""
        self._alarms.cancel(child)
        if child.released and child.cell is not None:
            supervision.drop(child.cell)
        elif child.state is ChildState.STOPPING:  # it was to come down anyway: no failure to be counted
            child.error = error
            child.state = ChildState.DOWN
            self._settled(child)
        else:
            self._failed(child, error)

    def _on_down(self, child: Child) -> None:
        if child.state is not ChildState.STOPPING or child.cell is None:
            return
        if child.released:
            supervision.drop(child.cell)
            return
        self._alarms.cancel(child)
        child.state = ChildState.DOWN
        self._settled(child)

    def _on_ended(self, child: Child, reason: DownReason | None, error: BaseException | None) -> None:
        before, child.cell = child.state, None
        outcome = Outcome.NORMAL if reason is DownReason.STOPPED else Outcome.ABNORMAL
        if before in (ChildState.DOWN, ChildState.WAITING) and not child.released and restarts(child.spec.restart, outcome):
            # It was not running: no failure more. Another actor starts in its place, at the time that was set.
            self._settled(child)
            return
        self._alarms.cancel(child)
        child.state = ChildState.STOPPED
        stoppers, child.stoppers = child.stoppers, ()
        if error is None and reason is not DownReason.STOPPED:
            error = child.error if before is ChildState.STARTING else None
        if error is not None and not isinstance(error, Exception):  # it ends the system: nothing is started any more
            self._leaving = True
        if child.released or before is ChildState.STOPPING:
            child.released = False
            self._fail_starters(child, ActorStartError(child.label, error))
            if child.spec.restart is Restart.TEMPORARY or self._drops_stopped():
                self._forget(child)
            self._settled(child)
        elif before is ChildState.STARTING:
            self._start_failed(child, error)
        else:
            self._ended_by_itself(child, outcome, error)
        for stopper in stoppers:
            stopper.reply(True)

    def _drops_stopped(self) -> bool:
        """Tell whether children that have ended for good are forgotten."""
        return False

    def _fail_starters(self, child: Child, failure: Exception) -> None:
        starters, child.starters = child.starters, ()
        for starter in starters:
            starter.fail(failure)

    def _start_failed(self, child: Child, error: BaseException | None) -> None:
        failure = error if isinstance(error, ActorStartError) else ActorStartError(child.label, error)
        failure.__cause__ = failure.cause
        if child.asked:
            child.asked = False
            child.error = error
            if not child.proven:
                self._forget(child)
            self._fail_starters(child, failure)
            self._settled(child)
        elif not self._ready and not child.proven:
            raise failure  # and so the supervisor has not started; what it had started is stopped in reverse order
        else:
            self._failed(child, error)

    def _ended_by_itself(self, child: Child, outcome: Outcome, error: BaseException | None) -> None:
        if restarts(child.spec.restart, outcome):
            self._failed(child, error)
            return
        if error is not None:
            child.error = error
        if child.spec.restart is Restart.TEMPORARY or self._drops_stopped():
            self._forget(child)
        self._ended_for_good(child)
        self._settled(child)

    # -- deciding ----------------------------------------------------------------------------------------------------------

    def _failed(self, child: Child, error: BaseException | None) -> None:
        """Count a failure, and have the child started again; or give up."""
        now = self._now()
        child.state = ChildState.DOWN
        child.error = error
        if self._leaving:
            return
        child.restarts += 1
        self._history.append(Failure(child.label, error, now))
        if not self._window.add(now):
            assert self._limit is not None  # without one there never are too many
            self._give_up(child, self._limit)
        if child.window is not None and not child.window.add(now):
            assert child.spec.limit is not None  # the window is made of it
            self._give_up(child, child.spec.limit)
        delay = self._delay(child, now)
        child.since = None
        if delay:
            child.state = ChildState.WAITING
            if child.cell is not None:
                supervision.keep_down(child.cell, now + delay)
        cell = self._greenroom_cell
        if not cell.system.events.idle:
            cell.system.events.publish(RestartScheduled(cell.ref, child.label, error, delay, self._window.count(now)))
        self._bring_back(child, delay)

    def _delay(self, child: Child, now: float) -> float:
        backoff = child.spec.backoff
        if backoff is None:
            return 0.0
        ran = max(0.0, now - child.since) if child.since is not None else 0.0
        child.attempt = 0 if child.attempt is None else backoff.next_attempt(child.attempt, ran)
        return backoff.delay(child.attempt, self._greenroom_cell.system.ports.random.random())

    def _give_up(self, child: Child, limit: Limit) -> None:
        cell = self._greenroom_cell
        error = RestartLimitError(cell.path, child.label, limit.restarts, limit.period, tuple(self._history))
        error.__cause__ = child.error
        cell.system.events.publish(SupervisorGaveUp(cell.ref, error))
        raise error

    def _leave(self) -> None:
        """Begin to end, gracefully: nothing is started any more."""
        self._leaving = True
        self.stop()

    # -- ending a child ----------------------------------------------------------------------------------------------------

    def _end(self, child: Child) -> bool:
        """Begin to end a child for good; return False if it has no actor."""
        if child.cell is None:
            self._alarms.cancel(child)
            child.state = ChildState.STOPPED
            return False
        down = child.state in (ChildState.DOWN, ChildState.WAITING)
        coming_down = child.state is ChildState.STOPPING
        self._alarms.cancel(child)
        child.released = True
        child.state = ChildState.STOPPING
        if down:
            supervision.drop(child.cell)
        elif not coming_down:  # else its coming down is heard of
            ending.end_supervised(child.cell)
        return True

    # -- requests ----------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._leaving or self._greenroom_cell.state is not Lifecycle.RUNNING:
            raise SupervisorStoppingError(self.path)

    def _info(self, child: Child) -> ChildInfo:
        ref = child.cell.ref if child.cell is not None else None
        spec = child.spec
        guard = child.cell.guard if child.cell is not None else None
        wait = guard.retry_after(child.cell) if guard is not None and child.cell is not None else None
        return ChildInfo(child.name, ref, spec.actor_class, child.state, spec.restart, child.restarts, child.error, wait)

    @handler
    def _list_children(self, message: ListChildren) -> tuple[ChildInfo, ...]:
        del message
        return tuple(self._info(child) for child in self._all())

    @handler
    def _count_children(self, message: CountChildren) -> ChildCounts:
        del message
        children = list(self._all())
        active = sum(child.cell is not None for child in children)
        supervisors = sum(child.spec.is_supervisor for child in children)
        return ChildCounts(len(children), active, supervisors, len(children) - supervisors)

    @handler
    def _get_child(self, message: GetChild) -> ActorRef[Any] | None:
        child = self._find(message.which)
        return child.cell.ref if child is not None and child.cell is not None else None
