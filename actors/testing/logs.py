"""Log lines in tests: every line that is logged while a test runs, to be looked at and asserted on without waiting."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from actors._core import desk
from actors._core.desk import DESK
from actors._core.seconds import check_timeout
from actors.logs.events import Watching
from actors.logs.levels import level_number
from actors.logs.record import Maker
from actors.testing.errors import LogError

if TYPE_CHECKING:
    import re

    from actors.logs.record import Record

__all__ = ["CapturedLine", "CapturedLogs"]

MOST = 100_000  # lines that are kept: the last ones
SHOWN = 30  # lines that an error shows


@dataclass(frozen=True, slots=True)
class CapturedLine:
    """One line.

    Attributes:
        time: of the call, in seconds since the epoch; in a simulation virtual: its first moment is the beginning of the year 2000.
        level: the level's name.
        no: the level's number.
        message: with its arguments in their places.
        system: the name of the actor's system; "" outside of actors, as the next two.
        actor: the actor's path.
        actor_class: the name of its class.
        incarnation: counted from 1; 0 outside of actors.
        correlation: the id of the message from outside that it goes back to; None in systems that do not trace.
        event: the name of the event, like "actor.crashed", if it is one of a system's.
        fields: what was bound, and keyword arguments.
        exception: the exception that was logged with it.
        logger: the module.
        function: the function.
        line: the line of code.
    """

    time: float
    level: str
    no: int
    message: str
    system: str
    actor: str
    actor_class: str
    incarnation: int
    correlation: str | None
    event: str | None
    fields: dict[str, Any]
    exception: BaseException | None
    logger: str
    function: str
    line: int

    def __str__(self) -> str:
        fields = "".join(f" {name}={value!r}" for name, value in self.fields.items())
        event = f" ({self.event})" if self.event else ""
        return f"{self.level:<8} {self.actor or self.logger}: {self.message}{fields}{event}"


def _captured(record: Record) -> CapturedLine:
    who, exception = record.who, record.exception
    return CapturedLine(
        record.time,
        record.level.name,
        record.no,
        record.message,
        who.system if who is not None else "",
        record.actor,
        who.class_name if who is not None else "",
        record.incarnation,
        record.correlation,
        record.event,
        record.fields,
        exception.error if exception is not None else None,
        record.site.name,
        record.site.function,
        record.site.line,
    )


class CapturedLogs:
    """Every line of any level that is logged while this is in force, in the order of the calls, also what systems tell about themselves.

    A line is here when the call that logged it has returned: an actor's line is when its answer is. The pytest fixture `logs` is one; it
    is a context manager for other uses. Lines go where `actors.logs.setup` sent them as well.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._maker = Maker()  # under _lock
        self._lines: deque[CapturedLine] = deque(maxlen=MOST)  # under _lock
        self._watching = Watching(simulated=True)
        self._end: Any = None

    def __enter__(self) -> Self:
        desk.taps.append(self._take)
        DESK.tap(*DESK.taps, self._take)
        self._end = self._watching.install()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        desk.taps.remove(self._take)
        DESK.tap(*(tap for tap in DESK.taps if tap != self._take))

    def __repr__(self) -> str:
        return f"<CapturedLogs: {len(self._lines)} lines>"

    def _take(self, line: tuple[Any, ...]) -> None:
        with self._lock:
            self._lines.append(_captured(self._maker.make(line)))
            self._lock.notify_all()

    @property
    def lines(self) -> list[CapturedLine]:
        """What was logged so far; the last 100,000 lines."""
        with self._lock:
            return list(self._lines)

    @property
    def messages(self) -> list[str]:
        """The messages of `lines`."""
        return [line.message for line in self.lines]

    def clear(self) -> None:
        """Forget what was logged so far."""
        with self._lock:
            self._lines.clear()

    def of(
        self,
        actor: Any = None,
        *,
        level: str | int | None = None,
        event: str | None = None,
        message: str | re.Pattern[str] | None = None,
        **fields: Any,
    ) -> list[CapturedLine]:
        """Return the lines for which all of this holds.

        Args:
            actor: the path of the actor, or its ref.
            level: exactly this one.
            event: the name of the event.
            message: a text that the message has in it, or a pattern that is found in it.
            **fields: fields that have just these values.
        """
        path = getattr(actor, "path", actor)
        no = None if level is None else level_number(level)
        return [
            line
            for line in self.lines
            if (path is None or line.actor == path)
            and (no is None or line.no == no)
            and (event is None or line.event == event)
            and (message is None or _has(message, line.message))
            and all(name in line.fields and line.fields[name] == value for name, value in fields.items())
        ]

    def expect(self, actor: Any = None, *, count: int | None = None, timeout: float = 0.0, **wanted: Any) -> CapturedLine:
        """Return the first line for which all of this holds.

        Args:
            actor: as for `of`.
            count: how many such lines there have to be; None: one or more.
            timeout: seconds to wait for it at most, where something else logs it: another thread, or another actor. Not in a simulation.
            **wanted: as for `of`.

        Raises:
            LogError: (an AssertionError) there is no such line, or there are not `count`; it shows what there is.
        """
        check_timeout(timeout)
        found: list[CapturedLine] = []

        def there() -> bool:
            found[:] = self.of(actor, **wanted)
            return len(found) >= (1 if count is None else count)

        with self._lock:
            self._lock.wait_for(there, timeout)
        if not found or (count is not None and len(found) != count):
            raise LogError(_sentence(actor, wanted), len(found), count, [str(line) for line in self.lines[-SHOWN:]])
        return found[0]

    def expect_none(self, actor: Any = None, **wanted: Any) -> None:
        """Make sure that no line so far is one for which all of this holds.

        Raises:
            LogError: (an AssertionError) there is one.
        """
        found = self.of(actor, **wanted)
        if found:
            raise LogError(_sentence(actor, wanted), len(found), 0, [str(line) for line in found[:SHOWN]])


def _has(wanted: str | re.Pattern[str], message: str) -> bool:
    return wanted in message if isinstance(wanted, str) else wanted.search(message) is not None


def _sentence(actor: Any, wanted: dict[str, Any]) -> str:
    parts = [f"{name}={getattr(value, 'pattern', value)!r}" for name, value in wanted.items()]
    if actor is not None:
        parts.insert(0, f"actor={getattr(actor, 'path', actor)!r}")
    return ", ".join(parts) or "anything"
