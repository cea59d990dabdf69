"""The logging actor: takes lines out of the queue, hands them to the sinks, and supervises these."""

from __future__ import annotations

import threading
import time
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.desk import DESK, Own
from actors._core.isolation import Isolation
from actors._core.messages import Down
from actors._core.options import DispatcherKind
from actors.errors import ActorStartError, SystemStoppedError
from actors.logs.backlog import Flush, LevelChange, SinkState
from actors.logs.door import DRAIN
from actors.logs.levels import level_number
from actors.logs.losses import Why
from actors.logs.own import OwnLines, emergency
from actors.logs.record import Maker
from actors.logs.sink_actor import REPORT_EVERY, WORK, SinkActor
from actors.logs.thinning import Thinning

if TYPE_CHECKING:
    from actors._core.ref import ActorRef
    from actors.logs.backlog import Backlog
    from actors.logs.record import Record
    from actors.logs.works import Works

__all__ = ["LogActor"]

BATCH = 500  # lines between two looks at the sinks
ROUNDS = 4  # batches between two looks into the mailbox
LINGER = 0.005  # seconds after which it looks again, before it sleeps: callers need not wake it meanwhile
LOOK = 0.25  # seconds between two looks at sinks that have something to do
STALLED = 0.25  # seconds without any progress after which the others go on without a sink
GIVE_UP = 4  # times `hangs_after`: then a new incarnation takes over
LEFT_BEHIND = 4  # threads of a sink that hang at a time, at most
HOPELESS = 3  # failures in a row after which a flush does not wait for a sink


class _Restart:
    """It is time to try a sink again."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class _Look:
    """It is time to look at the sinks."""


class _Keeping:
    """What the logging actor knows of one sink besides its backlog."""

    __slots__ = ("failed_at", "left", "moved_at", "progress", "ref", "seen", "seen_at", "since")

    def __init__(self) -> None:
        self.ref: ActorRef[SinkActor] | None = None
        self.progress: Any = None
        self.moved_at = 0.0  # when it was last seen to get on, by those who wait for room
        self.seen: Any = None
        self.left: list[threading.Thread] = []  # threads of incarnations that hung
        self.seen_at = 0.0  # likewise, by those who look whether it hangs
        self.failed_at = -1  # how many lines were done with when it failed last
        self.since = 0.0  # when it failed or hung, for the first time in a row


class LogActor(Actor, dispatcher=DispatcherKind.THREAD, isolation=Isolation.SHARE):
    """See the module's docstring.

    Args:
        works: what it shares with those who set logging up.
    """

    use_daemon_thread = True

    def __init__(self, works: Works) -> None:
        super().__init__()
        self._works = works
        self._backlogs: tuple[Backlog, ...] = works.backlogs
        self._keeping = [_Keeping() for _ in works.backlogs]
        self._maker = Maker(works.redactor)
        self._own = OwnLines(works.redactor)
        config = works.config
        keep = level_number(config.overload.keep)
        self._keep = keep
        self._thinning = works.thinning = Thinning(config.sample, config.repeats, config.overload.burst, keep, self._tell)
        self._front = works.front
        self._batch = min((backlog.room for backlog in works.backlogs), default=BATCH)
        self._looking = False
        self._lingering = False

    def on_start(self) -> None:
        """Start the sinks."""
        self._works.threads.add(threading.current_thread())
        for backlog in self._backlogs:
            backlog.give_up()  # by an actor before this one, which failed
            backlog.idle = True
        for index in range(len(self._backlogs)):
            self._start_sink(index)
        self._works.started.try_set(True)
        self.actor_ref.tell(DRAIN)

    def on_failure(self, exception_type: Any, exception_value: BaseException | None, traceback: Any) -> None:
        """Let another take over: this is a fault of ours, and lines are to be written all the same."""
        self.on_stop()
        told = "".join(format_exception(exception_type, exception_value, traceback)) if exception_value is not None else ""
        emergency(f"the logging actor failed and is started again; please report this\n{told}")
        self._works.revive()

    def on_stop(self) -> None:
        """Note that the thread is not one of logging any more."""
        self._works.threads.discard(threading.current_thread())

    def on_receive(self, message: Any) -> None:
        """Take lines, or look after a sink."""
        if message is DRAIN:
            self._lingering = False
            self._drain()
        elif type(message) is _Look:
            self._looking = False
            self._look()
        elif type(message) is Down:
            self._sink_down(message)
        elif type(message) is _Restart:
            self._start_sink(message.index)

    # -- lines -------------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        door = self._works.door
        self._take_losses()
        if self._works.ended:
            return
        if door.overfull():
            self._flush_queue()
        taken = 0
        for _ in range(ROUNDS):
            if self._held_up():
                break
            took = self._take(self._batch)
            taken += took
            door.made_room()
            self._nudge()
            if took < self._batch:
                break
        self._look_soon()
        if len(DESK.queue) or self._front:
            if self._held_up():
                self._linger()
            else:
                self.actor_ref.tell(DRAIN)
        elif taken:
            self._linger()
        elif not self._lingering:
            self._sleep()

    def _linger(self) -> None:
        self._lingering = self._later("drain", LINGER, DRAIN)
        if not self._lingering:
            self._sleep()

    def _later(self, key: Any, delay: float, message: Any) -> bool:
        """Be told something after a while; False where timers have no thread, at the end of a program that Python 3.12 runs."""
        try:
            self.start_timer(key, delay, message)
        except RuntimeError:
            return False
        return True

    def _sleep(self) -> None:
        door = self._works.door
        door.unclaim()
        # Invariant: the duty is given back before this look. Whoever appended before and saw it taken left its line to this look.
        if (DESK.queue or door.losses.total) and door.claim():
            self.actor_ref.tell(DRAIN)

    def _take(self, most: int) -> int:
        """Hand on up to so many lines; return how many there were."""
        front, queue, threads, make = self._front, DESK.queue, self._works.threads, self._maker.make
        thinning = self._thinning
        for number in range(most):  # not more, so that mail comes through
            if self._works.ended:
                return number
            try:
                line = front.popleft() if front else queue.popleft()
            except IndexError:
                return number
            if type(line) is not tuple:
                self._take_marker(line)
                continue
            self._works.drained += 1
            if line[13] in threads:
                if _feeds(line):
                    self._lose(Why.OWN, line)
                    continue
                line = (*line[:7], None, 0, None, *line[10:])  # of a finalizer, which speaks for no actor
            try:
                record = make(line)
            except BaseException:  # a fault of ours: another actor goes on with the next line
                self._lose(Why.FAILED, line)
                raise
            if thinning.bursts(record):
                self._lose(Why.BURST, line)
            elif thinning.passes(record):
                self._put(record)
        return most

    def _put(self, record: Record, but: Backlog | None = None) -> None:
        for backlog in self._backlogs:
            if record.no >= backlog.lowest and backlog is not but:
                backlog.put(record)

    def _lose(self, why: Why, line: tuple[Any, ...]) -> None:
        cell = line[7]
        self._works.lose({(why, line[1], cell.path if cell is not None else ""): 1})

    def _take_losses(self) -> None:
        """Hand on the counts of lines that callers have not even left here."""
        losses = self._works.door.losses
        if losses.total:
            self._works.lose(losses.take())

    def _flush_queue(self) -> None:
        """Throw away what waits, but for what is kept longest."""
        queue, kept = DESK.queue, self._front
        most = self._works.config.overload.flush_at
        for _ in range(len(queue)):
            line = queue.popleft()
            if type(line) is not tuple or (line[1] >= self._keep and len(kept) < most):
                kept.append(line)
            else:
                self._works.drained += 1
                self._lose(Why.FLUSH, line)
        self._works.door.made_room()

    def _take_marker(self, marker: Flush | LevelChange) -> None:
        if type(marker) is Flush:
            self._pass_marker(marker)
            self._works.ended = self._works.ended or marker.last
            return
        assert type(marker) is LevelChange
        for backlog in self._backlogs:
            if backlog.sink.no is None:
                backlog.lowest = marker.no

    def _pass_marker(self, marker: Flush) -> None:
        self._thinning.tell_over(float("inf"))
        self._take_losses()
        for index, backlog in enumerate(self._backlogs):
            marker.expect()
            backlog.put_marker(marker)
            if backlog.state is SinkState.FAILED and self._keeping[index].ref is None:
                self.cancel_timer(("restart", index))
                self._start_sink(index)
        marker.passed()

    def _tell(self, event: str, level: str, message: str, fields: dict[str, Any], but: Backlog | None = None) -> None:
        """Hand on a line of its own."""
        self._put(self._own.record(event, level, message, fields), but)

    def _nudge(self) -> None:
        for backlog, keeping in zip(self._backlogs, self._keeping, strict=True):
            if backlog.idle and keeping.ref is not None and (backlog.lines or backlog.has_news()):
                backlog.idle = False
                keeping.ref.tell(WORK)

    def _held_up(self) -> bool:
        """Tell whether a sink that gets on has no room: callers are to be slowed down to its pace, rather than lose lines."""
        now = time.monotonic()
        held = False
        for backlog, keeping in zip(self._backlogs, self._keeping, strict=True):
            progress = backlog.progress()
            if progress != keeping.progress or not backlog.full():
                keeping.progress, keeping.moved_at = progress, now
            held = held or (backlog.full() and now - keeping.moved_at < STALLED)
        return held

    # -- sinks -------------------------------------------------------------------------------------------------------------

    def _start_sink(self, index: int) -> None:
        backlog, keeping = self._backlogs[index], self._keeping[index]
        works = self._works
        gate = works.gates[index] = threading.Lock()
        try:
            ref = self.spawn(SinkActor, backlog, self._own, works.threads, gate)
        except SystemStoppedError:  # closed at this moment; what waits is counted there
            return
        except ActorStartError as error:  # no thread is to be had: perhaps later, but not at the end of a program
            backlog.error, backlog.state, backlog.threadless = str(error.cause), SinkState.FAILED, True
            self._disappoint(backlog)
            self._later(("restart", index), backlog.sink.backoff.most, _Restart(index))
            return
        keeping.ref = ref
        backlog.threadless = False
        self.watch(ref)
        backlog.idle = False
        ref.tell(WORK)

    def _sink_down(self, down: Down) -> None:
        """A sink has failed, or was given up: try again later."""
        index = next((number for number, one in enumerate(self._keeping) if one.ref == down.ref), None)
        if index is None:
            return
        backlog, keeping = self._backlogs[index], self._keeping[index]
        keeping.ref = None
        backlog.give_up()
        if down.error is not None and backlog.error is None:
            backlog.error = f"{type(down.error).__name__}: {down.error}"
        backlog.failures += backlog.state is not SinkState.HUNG  # that was counted when it was seen
        backlog.streak = backlog.streak + 1 if backlog.settled == keeping.failed_at else 1
        keeping.failed_at = backlog.settled
        self._fails(backlog, keeping, SinkState.FAILED)
        waits = any(type(one) is Flush for one in list(backlog.lines))
        if waits and backlog.streak >= HOPELESS:
            self._disappoint(backlog)
        delay = backlog.sink.backoff.delay(backlog.streak)
        self._later(("restart", index), min(delay, LINGER) if waits and backlog.streak < HOPELESS else delay, _Restart(index))
        self._look_soon()

    @staticmethod
    def _disappoint(backlog: Backlog) -> None:
        """Tell those who wait for a sink that it does not get on."""
        for marker in [one for one in list(backlog.lines) if type(one) is Flush]:
            backlog.lines.remove(marker)
            marker.passed(ok=False)

    def _fails(self, backlog: Backlog, keeping: _Keeping, state: SinkState) -> None:
        """Report a failure, if it is the first in a row."""
        known, backlog.state = backlog.state, state
        if known is not SinkState.WORKING:
            return
        keeping.since = time.monotonic()
        keeping.progress = backlog.progress()
        sink = backlog.sink
        what = f"fails: {backlog.error}" if state is SinkState.FAILED else f"hangs: {backlog.error}"
        message = f"log sink {sink.name} {what}"
        self._tell("log.sink_failed", "ERROR", message, {"sink": sink.name, "state": state.value, "error": backlog.error}, but=backlog)
        self._nudge()
        emergency(f"{message}; its lines wait, up to {sink.backlog:,}")

    def _recovered(self, backlog: Backlog, keeping: _Keeping) -> None:
        backlog.state = SinkState.WORKING
        backlog.streak = 0
        seconds = time.monotonic() - keeping.since
        message = f"log sink {backlog.sink.name} works again, after {seconds:.1f} seconds"
        self._tell("log.sink_resumed", "WARNING", message, {"sink": backlog.sink.name, "lost": backlog.lost, "seconds": round(seconds, 3)})
        emergency(message)

    def _look_soon(self) -> None:
        """Look at the sinks after a while, if any has something to do."""
        if self._looking:
            return
        for backlog in self._backlogs:
            if backlog.lines or backlog.has_news() or backlog.busy_since is not None or backlog.state is not SinkState.WORKING:
                break
        else:
            if not self._thinning.pending:
                return
        self._looking = self._later("look", LOOK, _Look())

    def _look(self) -> None:
        now = time.monotonic()
        for backlog, keeping in zip(self._backlogs, self._keeping, strict=True):
            since = backlog.busy_since
            if (progress := backlog.progress()) != keeping.seen:
                keeping.seen, keeping.seen_at = progress, now
            still = now - max(since, keeping.seen_at) if since is not None else 0.0
            if still > backlog.sink.hangs_after:
                if backlog.state is not SinkState.HUNG:
                    backlog.failures += 1
                    backlog.error = f"a write has taken more than {backlog.sink.hangs_after} seconds"
                self._fails(backlog, keeping, SinkState.HUNG)
                if still > GIVE_UP * backlog.sink.hangs_after:
                    self._take_over(backlog, keeping)
            elif backlog.state is not SinkState.WORKING and keeping.ref is not None and self._got_on(backlog, keeping):
                self._recovered(backlog, keeping)
        self._thinning.tell_over(time.time())
        self._nudge()
        self._look_soon()

    @staticmethod
    def _take_over(backlog: Backlog, keeping: _Keeping) -> None:
        """Leave a sink's thread behind, unless too many are left behind already: then it is waited for."""
        keeping.left = [thread for thread in keeping.left if thread.is_alive()]
        if keeping.ref is None or backlog.thread is None or len(keeping.left) >= LEFT_BEHIND:
            return
        if backlog.thread not in keeping.left:
            keeping.left.append(backlog.thread)
        keeping.ref.kill(block=False)

    @staticmethod
    def _got_on(backlog: Backlog, keeping: _Keeping) -> bool:
        """Tell whether a sink has written something since it failed, or has nothing left to write."""
        return backlog.progress()[0] > keeping.progress[0] or (not backlog.lines and backlog.busy_since is None)


def _feeds(line: tuple[Any, ...]) -> bool:
    """Tell whether a line of a thread of logging is one that a sink or a patcher makes for each that it is called with."""
    return type(line[6]) is Own or (line[14] is not None and line[14].event is not None)


assert REPORT_EVERY > LOOK  # so that each report is made soon after it is due
