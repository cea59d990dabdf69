"""Writing by calls: records go to functions, coroutine functions and handlers of `logging`, one after the other."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

from actors.logs.formats import Format, renderer
from actors.logs.loguru_port import Emitter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.logs.progress import Progress
    from actors.logs.record import Record
    from actors.logs.sinks import Sink

__all__ = ["CallWriter"]


class CallWriter:
    """Hands records to a function, a coroutine function or a handler of `logging`, one after the other."""

    def __init__(self, sink: Sink) -> None:
        self._took = 0
        self._runner: asyncio.Runner | None = None
        self._handler: _Handing | None = None
        target: Any = sink.target
        if sink.kind == "coroutine function":
            self._runner = asyncio.Runner()
            target = self._awaited(sink.target)
        elif sink.kind == "function":
            target = self._counted(sink.target)
        else:
            target = self._handler = _Handing(sink.target, self._count)
        given = sink.shown_format()
        self._line: Callable[[Record], str] | None = None
        if isinstance(given, Format):
            options = {"colorize": bool(sink.colorize), "backtrace": sink.backtrace, "diagnose": sink.diagnose}
            self._line = renderer(given, **options)
        self._bare = sink.kind == "handler"  # which ends lines itself, and writes the traceback too
        self._emitter = Emitter(
            target,
            format="{message}" if self._line is not None else given,
            colorize=bool(sink.colorize),
            filter=sink.filter,
            backtrace=sink.backtrace,
            diagnose=sink.diagnose,
        )

    def _count(self) -> None:
        self._took += 1

    def _counted(self, function: Callable[[Any], object]) -> Callable[[Any], None]:
        def call(message: Any) -> None:
            function(message)
            self._took += 1

        return call

    def _awaited(self, function: Callable[[Any], Any]) -> Callable[[Any], None]:
        def call(message: Any) -> None:
            assert self._runner is not None
            self._runner.run(function(message))
            self._took += 1

        return call

    def write(self, records: Sequence[Record], progress: Progress) -> None:
        """Hand records on in order. What is raised is the sink's failure: `progress` tells how far it came."""
        for number, record in enumerate(records, 1):
            progress.begin(number)
            took = self._took
            made = record.as_loguru()
            if self._handler is not None:
                self._handler.record = record
            if self._line is None:
                more = record.more
                self._emitter.emit(made, raw=more.raw if more is not None else False, colors=more.markup if more is not None else None)
            else:
                text = self._line(record)
                made = {**made, "message": text.removesuffix("\n"), "exception": None} if self._bare else {**made, "message": text}
                self._emitter.emit(made, raw=True)
            if took == self._took:
                progress.filtered += 1
            progress.done = number
        if self._handler is not None:
            self._handler.record = None  # it may have an exception, and all that this holds on to

    def close(self) -> None:
        """Close what was opened."""
        try:
            self._emitter.close()
        finally:
            if self._runner is not None:
                self._runner.close()


class _Handing(logging.Handler):
    """Hands records to a handler, with the time and the thread of the call: `logging` knows only those of the writing.

    What fails in the handler comes out; `logging` would only print it.
    """

    def __init__(self, handler: logging.Handler, count: Callable[[], object]) -> None:
        super().__init__()
        self._handler = handler
        self._count = count
        self.record: Record | None = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Hand a record on."""
        source = self.record
        assert source is not None  # set before each one
        record.relativeCreated += (source.time - record.created) * 1000
        record.created, record.msecs = source.time, source.time % 1 * 1000
        record.thread, record.threadName = source.thread.id, source.thread.name
        handler: Any = self._handler
        handler.handleError = _raised
        try:
            handler.handle(record)
        finally:
            del handler.handleError
        self._count()
        return record

    def close(self) -> None:
        """Close the handler."""
        super().close()
        self._handler.close()


def _raised(record: Any) -> None:
    """Raise what a handler has just caught."""
    del record
    error = sys.exc_info()[1]
    if error is not None:
        raise error
