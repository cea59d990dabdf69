"""Writers: how records reach files, streams, functions and handlers, and how many of them did when that fails."""

from __future__ import annotations

import asyncio
import codecs
import inspect
import io
import logging
import os
import stat
from typing import TYPE_CHECKING, Any, Protocol

from actors.logs.formats import Format, renderer
from actors.logs.loguru_port import Emitter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.logs.record import Record
    from actors.logs.sinks import Sink

__all__ = ["Progress", "Writer", "open_writer"]

CHUNK = 64 * 1024  # characters that are written at once
ROTATED_CHUNK = 4 * 1024  # likewise, of a file that rotates: it may exceed its size by so much


class Progress:
    """How far a writer has come with what it was given. Written by the writer; others may look at it while it hangs."""

    __slots__ = ("done", "filtered")

    def __init__(self) -> None:
        self.done = 0  # records that are dealt with
        self.filtered = 0  # those of them that the filter refused


class Writer(Protocol):
    """Writes records."""

    def write(self, records: Sequence[Record], progress: Progress) -> None:
        """Write records in order. What is raised is the sink's failure: `progress` tells how far it came."""

    def close(self) -> None:
        """Close what was opened."""


def open_writer(sink: Sink, *, again: bool = False) -> Writer:
    """Return a writer for a sink; raises what opening it raises. `again`: it was open before, and its file is to be gone on with."""
    if sink.kind == "path":
        return _TextWriter(sink, _FileOut(sink, again=again))
    if sink.kind == "stream":
        return _TextWriter(sink, _StreamOut(sink.target))
    return _CallWriter(sink)


class _Out(Protocol):
    chunk: int

    def write(self, lines: list[str]) -> int:
        """Write lines; return how many were written whole if it failed, having kept the failure in `error`."""

    error: Exception | None

    def close(self) -> None: ...


class _TextWriter:
    """Makes text of records and writes it, many lines at once."""

    def __init__(self, sink: Sink, out: _Out) -> None:
        self._line = renderer(
            sink.shown_format(),
            ascii_only=not takes_all(sink),
            colorize=sink.shows_colors(),
            filter_=sink.filter,
            backtrace=sink.backtrace,
            diagnose=sink.diagnose,
        )
        self._out = out

    def write(self, records: Sequence[Record], progress: Progress) -> None:
        make, most = self._line, self._out.chunk
        lines: list[str] = []
        numbers: list[int] = []  # of the records that the lines are of
        size = 0
        for number, record in enumerate(records):
            text = make(record)
            if not text:
                continue
            lines.append(text)
            numbers.append(number)
            size += len(text)
            if size >= most:
                self._flush(lines, numbers, progress, number + 1)
                lines, numbers, size = [], [], 0
        self._flush(lines, numbers, progress, len(records))

    def _flush(self, lines: list[str], numbers: list[int], progress: Progress, done: int) -> None:
        before = progress.done - progress.filtered  # lines that were written
        written = self._out.write(lines) if lines else 0
        error, self._out.error = self._out.error, None
        if error is None or written == len(lines):
            progress.done, progress.filtered = done, done - before - len(lines)
            return
        progress.done = numbers[written]
        progress.filtered = progress.done - before - written
        raise error

    def close(self) -> None:
        self._out.close()


def _whole(lines: list[str], sizes: list[int], written: int) -> tuple[int, bool]:
    """Return how many lines `written` bytes are, and whether a torn one came behind them."""
    for number in range(len(lines)):
        if written < sizes[number]:
            return number, written > 0
        written -= sizes[number]
    return len(lines), False


class _FileOut:
    """A file, by loguru: it opens, rotates, compresses and deletes. Its descriptor is watched, to know what reached a full disk."""

    def __init__(self, sink: Sink, *, again: bool) -> None:
        self._descriptor = -1
        self._torn = False
        self.error: Exception | None = None
        self.chunk = ROTATED_CHUNK if sink.options.get("rotation") is not None else CHUNK
        self._encoding: str = sink.options.get("encoding") or "utf8"
        options = {"errors": "backslashreplace", **sink.options}
        if again:
            options["mode"] = "a"
        self._emitter = Emitter(sink.target, format="{message}", colorize=False, opener=self._open, **options)

    def _open(self, path: str, flags: int) -> int:
        self._descriptor = os.open(path, flags, 0o666)
        return self._descriptor

    def write(self, lines: list[str]) -> int:
        before = self._size()
        descriptor = self._descriptor
        text = "".join(lines)
        if self._torn:
            text = "\n" + text
        try:
            self._emitter.raw(text)
        except Exception as error:  # noqa: BLE001  # handed on by the caller, with what was written before
            self.error = error
        if self.error is None:
            self._torn = False
            return len(lines)
        grown = self._size() - before - self._torn if self._descriptor == descriptor and before >= 0 else 0
        sizes = [len(line.encode(self._encoding, "backslashreplace")) for line in lines]
        whole, self._torn = _whole(lines, sizes, max(0, grown))
        self._let_go()
        return whole

    def _size(self) -> int:
        try:
            status = os.fstat(self._descriptor)
        except OSError:  # not open yet, with delay=True
            return -1
        return status.st_size if stat.S_ISREG(status.st_mode) else -1

    def _let_go(self) -> None:
        """Have what Python still keeps for the file go nowhere: it will be written again, and must not be there twice."""
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._descriptor)
            os.close(null)
        except OSError:  # no descriptors left: then closing it fails too, and keeps nothing
            return

    def close(self) -> None:
        self._emitter.close()


class _StreamOut:
    """A stream. One with a descriptor is written to past its buffer, so that it is known what went through."""

    chunk = CHUNK

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: Exception | None = None
        self._descriptor = _descriptor(stream)
        self._encoding = getattr(stream, "encoding", None) or "utf8"

    def write(self, lines: list[str]) -> int:
        try:
            if self._descriptor is None:
                self._write_text("".join(lines))
                _flushed(self._stream)
                return len(lines)
            return self._write_bytes(lines)
        except Exception as error:  # noqa: BLE001  # handed on by the caller
            self.error = error
            return 0

    def _write_text(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self._stream.write(text.encode(self._encoding, "backslashreplace").decode(self._encoding))

    def _write_bytes(self, lines: list[str]) -> int:
        assert self._descriptor is not None
        self._stream.flush()  # what others wrote before; raises ValueError if it is closed
        encoded = [line.encode(self._encoding, "backslashreplace") for line in lines]
        left = memoryview(b"".join(encoded))
        written = 0
        try:
            while written < len(left):
                written += os.write(self._descriptor, left[written:])
        except OSError as error:
            self.error = error
            whole, torn = _whole(lines, [len(one) for one in encoded], written)
            if torn:
                self._end_line()
            return whole
        return len(lines)

    def _end_line(self) -> None:
        try:
            os.write(self._descriptor or 0, b"\n")
        except OSError:  # it fails as it did: the torn line is continued by the next
            return

    def close(self) -> None:
        if not getattr(self._stream, "closed", False):
            _flushed(self._stream)


def _descriptor(stream: Any) -> int | None:
    if not isinstance(stream, io.TextIOWrapper):
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _flushed(stream: Any) -> None:
    flush = getattr(stream, "flush", None)
    if callable(flush):
        flush()


class _CallWriter:
    """Hands records to a function, a coroutine function or a handler of `logging`, one after the other."""

    def __init__(self, sink: Sink) -> None:
        self._took = 0
        self._runner: asyncio.Runner | None = None
        self._handler: _Handled | None = None
        target: Any = sink.target
        if sink.kind == "coroutine function":
            self._runner = asyncio.Runner()
            target = self._awaited(sink.target)
        elif sink.kind == "function":
            target = self._counted(sink.target)
        else:
            target = self._handler = _Handled(sink.target)
        self._always = sink.kind == "handler" and sink.filter is None
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
        for record in records:
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
            if took == self._took and not self._always:
                progress.filtered += 1
            progress.done += 1

    def close(self) -> None:
        try:
            self._emitter.close()
        finally:
            if self._runner is not None:
                self._runner.close()


class _Handled(logging.Handler):
    """Hands records to a handler with the time and the thread of the call; `logging` knows only those of the writing."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._target = handler
        self.record: Record | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Hand a record on."""
        source = self.record
        assert source is not None  # set before each one
        record.relativeCreated += (source.time - record.created) * 1000
        record.created, record.msecs = source.time, source.time % 1 * 1000
        record.thread, record.threadName = source.thread.id, source.thread.name
        return bool(self._target.handle(record))

    def close(self) -> None:
        """Close the handler."""
        super().close()
        self._target.close()


def takes_all(sink: Sink) -> bool:
    """Tell whether every character can be written to a sink of text."""
    given = sink.options.get("encoding") if sink.kind == "path" else getattr(sink.target, "encoding", None)
    try:
        return given is None or codecs.lookup(given).name.startswith("utf")
    except (LookupError, TypeError):  # a stream that makes its own sense of it
        return False


def is_coroutine_function(target: Any) -> bool:
    """Tell whether calling `target` gives a coroutine."""
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004
