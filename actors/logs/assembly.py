"""Setting logging up: one call makes the logging actor, its sinks and the routes that lead there."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from actors._core import ports
from actors._core.future import Future
from actors._core.log import DESK, Log, no_secret
from actors._core.seconds import check_seconds, check_timeout
from actors.config import SystemConfig
from actors.errors import ActorDeadError, Timeout
from actors.logs import direct
from actors.logs.backlog import Flush
from actors.logs.door import DRAIN, Ordered
from actors.logs.events import OWN_SYSTEM, Watching
from actors.logs.foreign import silenced
from actors.logs.levels import level_number
from actors.logs.log_actor import LogActor
from actors.logs.losses import told
from actors.logs.overload import Mode, Overload
from actors.logs.own import emergency
from actors.logs.redaction import Redact
from actors.logs.routes import Routes
from actors.logs.sinks import as_sink
from actors.logs.thinning import Repeats, Sample
from actors.logs.works import Config, Works
from actors.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actors._core.ref import ActorRef
    from actors.logs.backlog import SinkStats

__all__ = ["LogStats", "Logging", "flush", "log", "setup"]

log = Log(DESK)
"""Writes log lines for code outside of actors. Called in a handler, it speaks for the actor that is running there."""


@dataclass(frozen=True, slots=True)
class LogStats:
    """The account of the logging that is set up.

    Attributes:
        logged: lines whose level was on.
        waiting: lines in the queue, before any sink.
        mode: what a log call does at this moment.
        lost: lines that were lost, by level and path of the actor (or nothing): before they came to the sinks, or by one of them, and then
            once for each sink that lost it.
        sampled: lines left out by `Sample`.
        repeated: lines left out by `Repeats`.
        sinks: the account of each sink.
    """

    logged: int
    waiting: int
    mode: Mode
    lost: dict[tuple[str, str], int]
    sampled: int
    repeated: int
    sinks: tuple[SinkStats, ...]


class Logging:
    """Logging as it is set up. Made by `setup`; use it with ``with`` to have it closed at the end."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._works: Works | None = None  # under _lock
        self._system: ActorSystem | None = None  # under _lock
        self._ref: ActorRef[LogActor] | None = None  # under _lock
        self._closed = False  # under _lock
        self._undo: list[Any] = []

    def __repr__(self) -> str:
        return f"<Logging to {', '.join(sink.name for sink in self._config.sinks)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    # -- beginning ---------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start the logging actor, and let log calls come to it."""
        works = self._works = Works(self._config, self._wake)
        DESK.calm = -1
        DESK.pressed = works.door.pressed
        DESK.refuse = works.door.refuse
        DESK.refusing = 0
        DESK.secret = works.redactor.secret if works.redactor is not None else no_secret
        DESK.use(Ordered().append if self._config.ordered else DESK.queue.append, works.lowest())

    def _wake(self) -> None:
        """Have the logging actor look into the queue. It is started when there is something for it, also in a forked child."""
        ref = self._ref
        if ref is None:
            with self._lock:
                if self._ref is None and not self._closed:
                    with silenced():
                        self._system = ActorSystem(OWN_SYSTEM, config=SystemConfig(tracing=False))
                        self._ref = self._system.start(LogActor, self._works, name="logger")
            return  # it looks when it begins
        try:
            ref.tell(DRAIN)
        except ActorDeadError:  # closed at this moment
            return

    # -- what users do -----------------------------------------------------------------------------------------------------

    @property
    def level(self) -> int:
        """The number of the lowest level that any sink takes."""
        return self._works.lowest() if self._works is not None else DESK.level

    def set_level(self, level: str | int) -> None:
        """Change the level of all sinks that were not given one of their own. Takes effect at once.

        Raises:
            ValueError, TypeError: there is no such level.
        """
        no = level_number(level)
        works = self._works
        if works is None or self._closed:
            return
        for backlog in works.backlogs:
            if backlog.sink.no is None:
                backlog.lowest = no
        DESK.use(DESK._append, works.lowest())

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
        if self._closed:
            done.set(True)
            return done
        DESK.queue.append(Flush(done))
        works = self._works
        assert works is not None  # it has begun
        works.door.claim()
        self._wake()  # also while it is awake: it may be about to look again only in a while
        return done

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

    def _close(self, timeout: float) -> bool:
        if self._closed:
            return True
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        direct.install()
        flushed = self._finish(timeout)
        with self._lock:
            self._closed = True
            system, self._system = self._system, None
        if system is not None:
            system.shutdown(timeout=1.0)
        self._account()
        global _current  # noqa: PLW0603
        if _current is self:
            _current = None
        return flushed

    def _finish(self, timeout: float) -> bool:
        """Flush, though calls do not come here any more."""
        done: Future[bool] = Future()
        DESK.queue.append(Flush(done))
        works = self._works
        assert works is not None  # it has begun
        works.door.claim()
        self._wake()
        DESK.calm = 1 << 30
        try:
            return bool(done.get(timeout=timeout))
        except Timeout:
            return False

    def _account(self) -> None:
        """Tell on stderr what never reached a sink."""
        works = self._works
        assert works is not None  # it has begun
        left = works.take_rest()
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
        *sinks: each a `Sink`, or what one is made of: a path, a stream, a function, a handler. None at all means stderr.
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
    """
    global _current  # noqa: PLW0603
    config = _checked(sinks or (sys.stderr,), level, overload, redact, sample, repeats, routes, exit_timeout, ordered, correlation, events)
    with _setting_up:
        if _current is not None:
            _current._close(config.exit_timeout)
        made = Logging(config)
        made._begin()
        made._undo.append(config.routes.install())
        if config.events:
            made._undo.append(Watching().install())
        direct.correlate(config.correlation)
        _current = made
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
