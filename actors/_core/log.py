"""`self.log`: the callers' half of logging.

A call takes down what only the caller knows (when, who, where in the code, for which message) and leaves that at the desk: formatting and
writing are the logging actor's, `actors.logs`. What may change meanwhile is made text in the call; see `freeze`.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from threading import current_thread
from typing import TYPE_CHECKING, Any, TypeVar, overload

from actors._core.context import correlation_key, current_cell
from actors._core.desk import DESK, Desk, More, Own, context_fields, fields_here
from actors._core.frozen import PLAIN, Captured, freeze, frozen_field, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors._core.catching import Catcher
    from actors._core.cell import Cell

__all__ = ["Log", "LogAttribute"]

F = TypeVar("F", bound="Callable[..., Any]")

_getframe = sys._getframe


class Log:
    """Writes log lines for one actor, or for code outside of actors: loguru's API, at a fraction of its cost to the caller.

    ``{}`` in a message takes arguments as `str.format` does; keyword arguments are fields of the line too. A call never raises for what it
    is to log: what cannot be formatted is written as it is, with the reason. Lines of one actor appear in the order written, with the
    time of the call. The calls never block, but for `setup(overload=...)`, which can make threads wait for some milliseconds.
    """

    __slots__ = ("_cell", "_desk", "_fields", "_traced")

    def __init__(self, desk: Desk, cell: Cell | None = None, fields: dict[str, Any] | None = None) -> None:
        self._desk = desk
        self._cell = cell
        self._fields = fields
        self._traced = cell is not None and cell.system.config.tracing

    def __repr__(self) -> str:
        return f"<Log of {self._cell.path if self._cell is not None else 'no actor'}>"

    def __copy__(self) -> Log:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Log:
        return self  # it never changes, and speaks for the same actor in any copy of what has it

    def __reduce__(self) -> Any:
        msg = f"{self!r} cannot be pickled: it belongs to this process; take `actors.logs.log` or the actor's own there"
        raise TypeError(msg)

    # -- levels ------------------------------------------------------------------------------------------------------------

    def trace(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level TRACE (5)."""
        if self._desk.level <= 5:  # noqa: PLR2004
            self._put(5, message, args, kwargs)

    def debug(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level DEBUG (10)."""
        if self._desk.level <= 10:  # noqa: PLR2004
            self._put(10, message, args, kwargs)

    def info(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level INFO (20)."""
        if self._desk.level <= 20:  # noqa: PLR2004
            self._put(20, message, args, kwargs)

    def success(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level SUCCESS (25)."""
        if self._desk.level <= 25:  # noqa: PLR2004
            self._put(25, message, args, kwargs)

    def warning(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level WARNING (30)."""
        if self._desk.level <= 30:  # noqa: PLR2004
            self._put(30, message, args, kwargs)

    def error(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level ERROR (40)."""
        if self._desk.level <= 40:  # noqa: PLR2004
            self._put(40, message, args, kwargs)

    def critical(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level CRITICAL (50)."""
        if self._desk.level <= 50:  # noqa: PLR2004
            self._put(50, message, args, kwargs)

    def exception(self, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at level ERROR, with the exception that is being handled."""
        if self._desk.level <= 40:  # noqa: PLR2004
            more = More()
            more.exception = Captured.of(sys.exc_info()[1])
            self._put(40, message, args, kwargs, more)

    def log(self, level: str | int, message: object, /, *args: Any, **kwargs: Any) -> None:
        """Log at a level given by its name or number.

        Raises:
            ValueError: there is no level of that name, or the number is negative.
            TypeError: it is neither.
        """
        no, name = self._desk.number(level)
        if self._desk.level <= no:
            more = None
            if name is not None:
                more = More()
                more.level = name
            self._put(no, message, args, kwargs, more)

    def _put(  # a further call would cost as much as half of this one
        self, no: int, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], more: More | None = None, depth: int = 2
    ) -> None:
        """Take down a line; the place in the code is that of the caller `depth` frames up."""
        desk = self._desk
        cell, traced = self._cell, self._traced
        if cell is None:
            cell = current_cell()
            traced = cell is not None
        if no < desk.refusing:
            desk.refuse(no, cell)
            return
        correlation = correlation_key(cell) if traced else None  # type: ignore[arg-type]  # traced: it is one
        if type(message) is not str:
            message = text_of(message)
        for value in args:
            if type(value) not in PLAIN:
                message, args, kwargs, more = freeze(message, args, kwargs, more or More(), desk)
                break
        else:
            if kwargs and not PLAIN.issuperset(map(type, kwargs.values())):
                message, args, kwargs, more = freeze(message, args, kwargs, more or More(), desk)
        try:
            frame = _getframe(depth)
        except ValueError:  # no caller so far up
            frame = _getframe(1)
        desk.append(
            (
                desk.now(),
                no,
                message,
                args,
                kwargs,
                self._fields,
                context_fields(),
                cell,
                0 if cell is None else cell.incarnation,
                correlation,
                frame.f_code,
                frame.f_lasti,
                frame.f_globals,
                current_thread(),
                more,
            )
        )
        if len(desk.queue) > desk.calm:
            desk.pressed()

    def _report(self, no: int, message: str, more: More, depth: int) -> None:
        """Take down what `Log.catch` caught; the place in the code is that of the caller `depth` frames up."""
        self._put(no, message, (), {}, more, depth + 1)

    # -- more of loguru's API ----------------------------------------------------------------------------------------------

    def bind(self, /, **fields: Any) -> Log:
        """Return a log whose lines have these fields too. Values are taken down now, see `freeze`."""
        return self._with({**(self._fields or {}), **{name: frozen_field(value) for name, value in fields.items()}})

    def _with(self, fields: dict[str, Any] | None) -> Log:
        return Log(self._desk, self._cell, fields)

    @staticmethod
    @contextmanager
    def contextualize(**fields: Any) -> Generator[None, None, None]:
        """Give every line that is logged within the ``with`` these fields: of any log, in this handler, thread or task."""
        context = fields_here.get()
        made = {**(context or {}), **{name: frozen_field(value) for name, value in fields.items()}}
        token = fields_here.set(Own(made) if type(context) is Own else made)
        try:
            yield
        finally:
            fields_here.reset(token)

    def opt(
        self,
        *,
        exception: bool | BaseException | tuple[Any, ...] | None = None,
        record: bool = False,
        lazy: bool = False,
        colors: bool = False,
        raw: bool = False,
        capture: bool = True,
        depth: int = 0,
    ) -> Log:
        """Return a log that works otherwise, as loguru's `opt` does.

        Args:
            exception: True adds the exception that is being handled; an exception, or what `sys.exc_info` returned, adds that.
            record: the message may use ``{record[...]}``.
            lazy: arguments are functions, called only if the level is on.
            colors: the message has markup, like ``<red>``.
            raw: the message is written as it is, in place of a formatted line.
            capture: keyword arguments are fields too.
            depth: how many callers further up the line is said to come from.
        """
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
            msg = f"depth={depth!r} is not valid: a whole number of callers, 0 or more"
            raise ValueError(msg)
        return OptLog(self, (exception, record, lazy, colors, raw, capture, depth), ())

    def patch(self, patcher: Callable[[Any], object]) -> Log:
        """Return a log with whose records `patcher` is called before they are written, in the logging actor."""
        if not callable(patcher):
            msg = f"patcher={patcher!r} is not valid: a function of the record"
            raise TypeError(msg)
        return OptLog(self, (None, False, False, False, False, True, 0), (patcher,))

    @overload
    def catch(
        self,
        exception: type[BaseException] | tuple[type[BaseException], ...] = ...,
        *,
        level: str | int = ...,
        reraise: bool = ...,
        onerror: Callable[[BaseException], object] | None = ...,
        exclude: type[BaseException] | tuple[type[BaseException], ...] | None = ...,
        default: Any = ...,
        message: str = ...,
    ) -> Catcher: ...

    @overload
    def catch(self, exception: F) -> F: ...

    def catch(
        self,
        exception: Any = Exception,
        *,
        level: str | int = "ERROR",
        reraise: bool = False,
        onerror: Callable[[BaseException], object] | None = None,
        exclude: Any = None,
        default: Any = None,
        message: str = "An error has been caught in function '{record[function]}', process '{record[process].name}'",
    ) -> Any:
        """Log what is raised, as a decorator of plain, async and generator functions, or around a ``with``.

        Args:
            exception: the type or types that are logged.
            level: at which.
            reraise: raise it again afterwards; else it is over.
            onerror: called with it.
            exclude: the type or types that go through as if this was not there.
            default: what a decorated function returns in place of a value.
            message: of the line.
        """
        from actors._core.catching import Catcher  # noqa: PLC0415  # rare

        if callable(exception) and not isinstance(exception, type):  # @log.catch without parentheses
            return Catcher(self, Exception, level, reraise, onerror, exclude, default, message)(exception)
        return Catcher(self, exception, level, reraise, onerror, exclude, default, message)


class OptLog(Log):
    """A log with options."""

    __slots__ = ("_options", "_patchers")

    _patchers: tuple[Callable[[Any], object], ...]

    def __init__(self, log: Log, options: tuple[Any, ...], patchers: tuple[Callable[[Any], object], ...]) -> None:
        super().__init__(log._desk, log._cell, log._fields)
        self._options = options
        former: tuple[Callable[[Any], object], ...] = log._patchers if isinstance(log, OptLog) else ()
        self._patchers = (*former, *patchers)

    def _with(self, fields: dict[str, Any] | None) -> Log:
        bound = OptLog(self, self._options, ())
        bound._fields = fields
        return bound

    def patch(self, patcher: Callable[[Any], object]) -> Log:
        """Return a log with a further patcher."""
        super().patch(patcher)
        return OptLog(self, self._options, (patcher,))

    def _put(self, no: int, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], more: More | None = None, depth: int = 2) -> None:
        exception, record, lazy, colors, raw, capture, above = self._options
        more = more or More()
        more.record, more.colors, more.raw, more.capture, more.patchers = record, colors, raw, capture, self._patchers
        if exception is not None and exception is not False:
            more.exception = Captured.of(_exception_of(exception))
        if lazy:
            args = tuple(_called(arg) for arg in args)
            kwargs = {name: _called(value) for name, value in kwargs.items()}
        super()._put(no, message, args, kwargs, more, depth + 1 + above)

    def _report(self, no: int, message: str, more: More, depth: int) -> None:
        _, _, _, more.colors, more.raw, _, above = self._options
        more.patchers = self._patchers
        Log._put(self, no, message, (), {}, more, depth + 1 + above)


def _exception_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return next((part for part in given if isinstance(part, BaseException)), None)
    return sys.exc_info()[1]


def _called(function: Any) -> Any:
    try:
        return function()
    except Exception as error:  # noqa: BLE001  # told in the line
        return f"<{text_of(function)} raised {type(error).__name__}: {text_of(error)}>"


class LogAttribute:
    """`Actor.log`: made when first asked for, then an attribute of the instance; gives way to a program's own attribute of that name."""

    @overload
    def __get__(self, actor: None, owner: type) -> LogAttribute: ...

    @overload
    def __get__(self, actor: object, owner: type | None = None) -> Log: ...

    def __get__(self, actor: Any, owner: type | None = None) -> Any:
        """Return the actor's log."""
        if actor is None:
            return self
        cell = actor._greenroom_cell
        if cell is None:  # in the __init__ of an actor made by hand, before that of the base class
            return Log(DESK)
        actor.__dict__["log"] = log = Log(cell.system.ports.log or DESK, cell)
        return log
