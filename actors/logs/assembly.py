"""Setting logging up: one call makes the logging actor, its sinks and the routes that lead there."""

from __future__ import annotations

import sys
import threading
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from actors._core import ports
from actors._core.desk import DESK, no_secret
from actors._core.future import Future
from actors._core.log import Log
from actors._core.seconds import check_seconds, check_timeout
from actors.errors import ActorDeadError, Timeout
from actors.logs import direct
from actors.logs.backlog import Flush, LevelChange, Signal, SinkState
from actors.logs.door import DRAIN, Ordered
from actors.logs.events import OWN_CONFIG, Watching
from actors.logs.foreign import silenced
from actors.logs.late import Late
from actors.logs.levels import level_number
from actors.logs.log_actor import LogActor
from actors.logs.losses import told
from actors.logs.overload import Overload
from actors.logs.own import emergency, nobody
from actors.logs.redaction import Redact
from actors.logs.routes import Routes
from actors.logs.sinks import as_sink
from actors.logs.thinning import Repeats, Sample
from actors.logs.works import Config, LogStats, Works
from actors.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actors._core.ref import ActorRef

__all__ = ["LogStats", "Logging", "flush", "log", "setup"]

STARTING = 1.0  # seconds that `setup` waits at most for the threads; it takes some milliseconds
ENDING = 1.0  # seconds that sinks have for closing

log = Log(DESK)
"""Writes log lines for code outside of actors. Called in a handler, it speaks for the actor that is running there."""


class _Then(Enum):
    """Who takes the lines that come after a `Logging` was closed."""

    DIRECT = "loguru's global logger"
    NEXT = "the one that `setup` is about to make"
    LATE = "the same sinks, without actors: the program ends"


class Logging:
    """Logging as it is set up. Made by `setup`; use it with ``with`` to have it closed at the end."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.RLock()  # a finalizer or signal handler may log in the middle of anything
        self._starting = False  # under _lock
        self._works: Works | None = None  # under _lock
        self._system: ActorSystem | None = None  # under _lock
        self._ref: ActorRef[LogActor] | None = None  # under _lock
        self._closed = False  # under _lock
        self._level = config.level
        self._undo: list[Any] = []

    def __repr__(self) -> str:
        return f"<Logging to {', '.join(sink.name for sink in self._config.sinks)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    # -- beginning ---------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Let log calls come here; the first of them starts the logging actor."""
        from actors.logs import ending  # noqa: PLC0415  # it needs this module

        works = self._works = Works(self._config, self._wake, self._revive, self._works)
        direct.busy()
        ending.ends_without_atexit()
        DESK.pressed = works.door.pressed  # before the next ones, see `Door`
        DESK.refuse = works.door.refuse
        DESK.calm = -1
        DESK.refusing = 0
        redact = self._config.redact
        DESK.secret = works.redactor.secret if works.redactor is not None else no_secret
        DESK.hidden = redact.replacement if redact is not None else DESK.hidden
        DESK.hides = redact is not None
        self._level = works.lowest()
        DESK.use(Ordered().append if self._config.ordered else DESK.queue.append, self._level)

    def _start_up(self) -> None:
        """Start the threads now, and not with the first line: at the end of a program, Python 3.12 starts none."""
        works = self._works
        assert works is not None  # it has begun
        self._wake()
        if not works.ended:
            works.started.wait(STARTING)

    def _wake(self) -> None:
        """Have the logging actor look into the queue. In a forked child it is started when there is something for it."""
        ref = self._ref
        if ref is None:
            with self._lock:
                if self._ref is None and not self._closed and not self._starting:
                    self._starting = True
                    try:
                        self._start()
                    finally:
                        self._starting = False
            return  # it looks when it begins
        try:
            ref.tell(DRAIN)
        except ActorDeadError:  # closed at this moment, or failed: then the next one looks when it begins
            return

    def _revive(self) -> None:
        """Start another logging actor, in the turn of the one that failed."""
        with self._lock:
            if self._system is not None and not self._closed:
                self._ref = self._system.start(LogActor, self._works)

    def _start(self) -> None:
        """Start the logging actor; at the end of a program, and where threads are short, that cannot be."""
        try:
            with silenced():
                self._system = ActorSystem("logs", config=OWN_CONFIG)
                self._ref = self._system.start(LogActor, self._works, name="logger")
        except RuntimeError as error:
            self._system = None
            works = self._works
            assert works is not None  # it has begun
            works.ended = True
            emergency(f"logging has no thread of its own ({error}): each call writes its line itself")
            late = Late(works.backlogs, works.redactor)
            late.install()
            late.stragglers()

    # -- what users do -----------------------------------------------------------------------------------------------------

    @property
    def level(self) -> int:
        """The number of the lowest level that any sink takes."""
        return self._level

    def set_level(self, level: str | int) -> None:
        """Change the level of all sinks that were not given one of their own. Takes effect at once.

        Raises:
            ValueError, TypeError: there is no such level.
        """
        no = level_number(level)
        works = self._works
        assert works is not None  # it has begun
        with _setting_up:
            if self is not _current:
                return
            self._level = min(no if sink.no is None else sink.no for sink in self._config.sinks)
            DESK.use(DESK._append, self._level)
            DESK.queue.append(LevelChange(no))
        works.door.claim()
        self._wake()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until every line logged before has been written, or reported as lost.

        Args:
            timeout: seconds to wait at most.

        Returns:
            False if that was not so in time, or a sink fails again and again.

        Raises:
            BlockingInLoopError: on an event loop with actors; use `flush_async`.
        """
        check_timeout(timeout)
        ports.ambient().waiter.check("flush() would block the event loop; write `await logging.flush_async()`")
        try:
            return bool(self._mark().get(timeout=timeout))
        except Timeout:
            return False

    async def flush_async(self, timeout: float = 5.0) -> bool:
        """Do what `flush` does without blocking the event loop."""
        check_timeout(timeout)
        try:
            return bool(await ports.ambient().awaiter.within(self._mark(), timeout))
        except Timeout:
            return False

    def _mark(self) -> Future[bool]:
        done: Future[bool] = Future()
        self._put_marker(done)
        return done

    def _put_marker(self, done: Any) -> None:
        if self._closed:
            done.try_set(True)
            return
        DESK.queue.append(Flush(done))
        works = self._works
        assert works is not None  # it has begun
        works.door.claim()
        self._wake()  # also while it is awake: it may be about to look again only in a while

    def opened(self, timeout: float) -> None:
        """Wait for the sinks to have opened what they truncate: a forked child goes on with their files."""
        if any(sink.options.get("mode", "a") != "a" for sink in self._config.sinks):
            done = Signal()
            self._put_marker(done)
            done.wait(timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Write what was logged, close the sinks, and take the routes away. Idempotent.

        Log lines then go to loguru's global logger again, as before `setup`. What could not be written is counted on stderr.

        Args:
            timeout: seconds for writing at most.

        Returns:
            True if all was written.
        """
        check_seconds("timeout", timeout)
        with _setting_up:
            return self._close(timeout)

    def _close(self, timeout: float, *, then: _Then = _Then.DIRECT) -> bool:
        works = self._works
        if self._closed or works is None:
            return True
        if ports.ambient().waiter.on_loop():  # where the end of a system refuses to block; it is blocked all the same, but not by an error
            results: list[bool] = []
            thread = threading.Thread(target=lambda: results.append(self._close_here(works, timeout, then)), name="greenroom-logs-close")
            thread.start()
            thread.join()
            return bool(results and results[0])
        return self._close_here(works, timeout, then)

    def _close_here(self, works: Works, timeout: float, then: _Then) -> bool:
        global _current  # noqa: PLW0603
        if then is not _Then.LATE:
            for undo in reversed(self._undo):
                undo()
            self._undo.clear()
        if then is _Then.DIRECT:
            direct.install()
        flushed = self._finish(works, timeout)
        late = Late((), works.redactor)
        if then is _Then.LATE:
            for backlog in works.backlogs:
                if backlog.threadless:
                    late.write_rest(backlog)
        working = [one for one in works.backlogs if one.state is SinkState.WORKING and not one.waiting()]
        if _current is self:
            _current = None
        if then is _Then.NEXT:
            works.hand_back()
            self._account(works, [])
            return flushed
        self._account(works, works.take_rest() if not flushed else [])
        if then is _Then.DIRECT:
            direct.settle()
        else:
            late.go_on(working)
            late.install()
            late.stragglers()
        return flushed

    def _finish(self, works: Works, timeout: float) -> bool:
        """Have the logging actor write what came before this moment, and end."""
        done = Signal()
        DESK.queue.append(Flush(done, last=True))
        works.door.claim()
        self._wake()
        flushed = done.wait(timeout)
        works.ended = True
        with self._lock:
            self._closed = True
            system, self._system = self._system, None
        if system is not None:
            self._end(system)
        return flushed

    def _end(self, system: ActorSystem) -> None:
        """End the actors: the sinks are closed, and what hangs is left behind."""
        try:
            system.shutdown(timeout=ENDING)
        except RuntimeError:  # Python 3.12 starts no thread at the end of a program, not even one that ends others
            ref = self._ref
            if ref is not None:
                done = Signal()
                ref.stop(block=False).add_done_callback(lambda _: done.try_set(True))
                done.wait(ENDING)

    @staticmethod
    def _account(works: Works, left: list[Any]) -> None:
        """Tell on stderr what never reached a sink."""
        works.lose(works.door.close())
        for backlog in works.backlogs:
            counts, waiting = backlog.close()
            waiting += sum(1 for line in left if line[1] >= backlog.lowest)
            name = backlog.sink.name
            if counts:
                emergency(f"log sink {name}: {told(counts)[0]}")
            if waiting:
                why = f" ({backlog.error})" if backlog.error else ""
                emergency(f"log sink {name}: {waiting:,} {'line was' if waiting == 1 else 'lines were'} not written before the end{why}")

    def stats(self) -> LogStats:
        """Return the account of this moment."""
        works = self._works
        assert works is not None  # it has begun
        thinning = works.thinning
        return LogStats(
            works.logged(),
            works.waiting(),
            works.door.mode(),
            works.lost.by_level_and_actor(),
            thinning.sampled if thinning is not None else 0,
            thinning.repeated if thinning is not None else 0,
            tuple(backlog.stats() for backlog in works.backlogs),
        )


_current: Logging | None = None  # under _setting_up
_setting_up = threading.RLock()


def setup(
    *sinks: Any,
    level: str | int = "INFO",
    overload: Overload | None = None,
    redact: Redact | None = None,
    sample: Sample | None = None,
    repeats: Repeats | None = None,
    ordered: bool = False,
    correlation: bool = True,
    events: bool = True,
    routes: Routes | None = None,
    exit_timeout: float = 5.0,
) -> Logging:
    """Set the logging of this program up: from now on, one actor writes what is logged anywhere in it.

    Args:
        *sinks: each a `Sink`, or what one is made of: a path, a stream, a function, a handler. None at all means stderr,
            or nobody in a program that has none.
        level: the lowest level that is written, where a sink has none of its own.
        overload: what happens when lines come faster than they are written.
        redact: what no sink must see.
        sample: leave out most lines of each place in the code.
        repeats: leave out repetitions.
        ordered: write lines strictly in the order of their times, across all actors and threads; a call costs more then.
        correlation: systems that are made from now on trace, unless their config says otherwise, so that lines tell to which message from
            outside they go back.
        events: what systems tell about themselves becomes lines with fields.
        routes: what else leads here: `logging`, `warnings`, uncaught exceptions, loguru's global logger.
        exit_timeout: seconds that are taken for writing at the end of the program.

    Returns:
        What flushes, counts and closes it. The end of the program closes it too.

    Raises:
        TypeError, ValueError: an argument is not valid. Nothing is changed then.
        RuntimeError: called within a simulation, whose threads and time are not real.
    """
    if ports.simulated() is not None:
        msg = "setup() within a simulation is not valid: call it before; a test sees the lines of simulated actors by the fixture `logs`"
        raise RuntimeError(msg)
    global _current  # noqa: PLW0603
    config = _checked(
        sinks or (sys.stderr if sys.stderr is not None else nobody,),
        level,
        overload,
        redact,
        sample,
        repeats,
        routes,
        exit_timeout,
        ordered,
        correlation,
        events,
    )
    with _setting_up:
        if _current is not None:
            _current._close(config.exit_timeout, then=_Then.NEXT)
        made = Logging(config)
        made._begin()
        made._undo.append(config.routes.install())
        if config.events:
            made._undo.append(Watching().install())
        direct.correlate(config.correlation)
        _current = made
        made._start_up()
    return made


def _checked(
    sinks: tuple[Any, ...],
    level: str | int,
    overload: Any,
    redact: Any,
    sample: Any,
    repeats: Any,
    routes: Any,
    exit_timeout: float,
    *flags: bool,
) -> Config:
    made = tuple(as_sink(one) for one in sinks)
    for name, value, kind in (
        ("overload", overload, Overload),
        ("redact", redact, Redact),
        ("sample", sample, Sample),
        ("repeats", repeats, Repeats),
        ("routes", routes, Routes),
    ):
        if value is not None and not isinstance(value, kind):
            msg = f"{name}={value!r} is not valid: {kind.__name__}(...), or None"
            raise TypeError(msg)
    for name, value in zip(("ordered", "correlation", "events"), flags, strict=True):
        if not isinstance(value, bool):
            msg = f"{name}={value!r} is not valid: True or False"
            raise TypeError(msg)
    ordered, correlation, events = flags
    return Config(
        made,
        level_number(level),
        overload or Overload(),
        redact,
        sample,
        repeats,
        ordered,
        correlation,
        events,
        routes or Routes(),
        check_seconds("exit_timeout", exit_timeout),
    )


def flush(timeout: float = 5.0) -> bool:
    """Flush the logging that is set up; True without any. For the moment before ``os._exit()`` or ``os.execv()``."""
    current = _current
    return True if current is None else current.flush(timeout)
