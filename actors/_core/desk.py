"""The desk where log lines wait for the logging actor, and what a line is.

A line is a tuple, in the order of `LINE`. Who writes what: any thread appends to `Desk.queue`, whose append is atomic; the other fields
of a desk are written by `actors.logs`, whole values at a time, and read by all.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from actors._core.frozen import Captured, formatted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors._core.cell import Cell

__all__ = ["DESK", "LEVELS", "LINE", "Desk", "More", "Own", "context_fields", "fields_here", "line_text", "no_secret", "own_code", "taps"]

LINE = (
    "time",
    "no",
    "message",
    "args",
    "kwargs",
    "fields",
    "context",
    "cell",
    "incarnation",
    "correlation",
    "code",
    "lasti",
    "globals",
    "thread",
    "more",
)

LEVELS = {5: "TRACE", 10: "DEBUG", 20: "INFO", 25: "SUCCESS", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


# The fields of `Log.contextualize`, in force where they were given.
fields_here: ContextVar[dict[str, Any] | None] = ContextVar("greenroom_log", default=None)
context_fields = fields_here.get


class Own(dict[str, Any]):
    """In the place of fields: what is logged there is logged by a sink or a patcher, while it is called, and must not come back to it."""


@contextmanager
def own_code() -> Generator[None, None, None]:
    """Mark lines as `Own`. Not those of finalizers that run later on the same thread: they are the program's."""
    token = fields_here.set(Own())
    try:
        yield
    finally:
        fields_here.reset(token)


_OFF = 1 << 30


taps: list[Callable[[Any], object]] = []  # of desks that are made from now on; changed by the one thread that runs tests


class Desk:
    """Where lines wait, and what a call has to know about the logging that is set up.

    Args:
        now: returns the time in seconds since the epoch.

    Attributes:
        level: the number of the lowest level that is on.
        append: takes a line.
        refusing: lines of lower levels are refused, with `refuse`: there is too much already.
        calm: more lines than that in `queue` are a case for `pressed`; -1 if whoever takes them sleeps.
        now: returns the time in seconds since the epoch.
        hides: whether there is anything that must not be seen.
        secret: whether the value of a field of that name must not be seen.
        hidden: what is seen in its place.
        colored: makes a message with markup, and its arguments in their places.
        number: returns number and name of a level that is no method of `Log`.
    """

    __slots__ = (
        "_append",
        "_level",
        "append",
        "calm",
        "colored",
        "hidden",
        "hides",
        "level",
        "now",
        "number",
        "pressed",
        "queue",
        "refuse",
        "refusing",
        "secret",
        "taps",
    )

    def __init__(self, now: Callable[[], float]) -> None:
        self.queue: deque[Any] = deque()
        self.append: Callable[[Any], object] = self.queue.append
        self.level = 0
        self.refusing = 0
        self.calm = _OFF
        self.now = now
        self.pressed: Callable[..., object] = _pressed_by_none
        self.refuse: Callable[[int, Cell | None], object] = _nothing
        self.hides = False
        self.secret: Callable[[str], bool] = no_secret
        self.hidden = "***"
        self.colored: Callable[[str, tuple[Any, ...], dict[str, Any]], Any] = _no_colors
        self.number: Callable[[Any], tuple[int, str | None]] = _no_levels
        self.taps: tuple[Callable[[Any], object], ...] = tuple(taps)
        self.use(self.append, 0)

    def use(self, append: Callable[[Any], object], level: int) -> None:
        """Have `append` take lines from `level` on."""
        self._append, self._level = append, level
        self.append, self.level = (self._tapped, 0) if self.taps else (append, level)

    def tap(self, *listeners: Callable[[Any], object]) -> None:
        """Have these called with every line of any level, in the call, and no others."""
        self.taps = listeners
        self.use(self._append, self._level)

    def _tapped(self, line: Any) -> None:
        for tap in self.taps:
            tap(line)
        if line[1] >= self._level:
            self._append(line)


def _pressed_by_none(*, waits: bool = True) -> None:
    """Leave the queue alone."""


def no_secret(name: str) -> bool:  # noqa: ARG001  # the signature of `Desk.secret`
    """Hide nothing."""
    return False


def _nothing(no: int, cell: Cell | None) -> None:
    """Refuse nothing."""


def _no_colors(message: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG001  # the signature of `Desk.colored`
    raise LookupError("nothing knows of colours")


def _no_levels(level: Any) -> tuple[int, str | None]:
    return (level, None) if isinstance(level, int) else (0, str(level))


def _no_time() -> float:
    return 0.0


DESK = Desk(_no_time)  # of the process; `actors.logs` sees to it. A simulation has one of its own among its ports.


class More:
    """What few lines have.

    Attributes:
        level: the level's name, where the number does not say it.
        exception: what `Log.exception` and its like report.
        event: the name of a system's event.
        fields: further fields, frozen.
        where: module, function, line, path, thread and process of a line that came from elsewhere.
        options: of `Log.opt`.
        patchers: of `Log.patch`.
        own: whether the line is one of the logging actor's own.
        capture: whether keyword arguments are fields too.
        markup: the message as it is with colours.
    """

    __slots__ = ("capture", "colors", "event", "exception", "fields", "level", "markup", "own", "patchers", "raw", "record", "where")

    def __init__(self) -> None:
        self.level: str | None = None
        self.exception: Captured | None = None
        self.event: str | None = None
        self.fields: dict[str, Any] | None = None
        self.where: tuple[Any, ...] | None = None
        self.patchers: tuple[Callable[[Any], object], ...] = ()
        self.colors = False
        self.raw = False
        self.record = False
        self.own = False
        self.capture = True
        self.markup: Any = None


def line_text(line: tuple[Any, ...]) -> str:
    """Return level and message of a line."""
    no, message, args, kwargs, more = line[1], line[2], line[3], line[4], line[-1]
    name = (more.level if more is not None else None) or LEVELS.get(no, f"Level {no}")
    return f"{name}: {formatted(message, args, kwargs) if args or kwargs else message}"
