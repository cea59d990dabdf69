"""Writers: how records reach files, streams, functions and handlers, and how many of them did when that fails."""

from __future__ import annotations

import codecs
import inspect
import io
import os
import stat
from typing import TYPE_CHECKING, Any, Protocol

from actors.logs.call_writer import CallWriter
from actors.logs.formats import renderer
from actors.logs.loguru_port import Emitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.logs.progress import Progress
    from actors.logs.record import Record
    from actors.logs.sinks import Sink

__all__ = ["Writer", "open_writer"]

CHUNK = 64 * 1024  # characters that are written at once
ROTATED_CHUNK = 4 * 1024  # likewise, of a file that rotates: it may exceed its size by so much


class Writer(Protocol):
    """Writes records."""

    def write(self, records: Sequence[Record], progress: Progress) -> None:
        """Write records in order. What is raised is the sink's failure: `progress` tells how far it came."""

    def close(self) -> None:
        """Close what was opened."""


def open_writer(sink: Sink, *, again: bool = False, shared: bool = False) -> Writer:
    """Return a writer for a sink; raises what opening it raises.

    Args:
        sink: the sink.
        again: it was open before, and its file is to be gone on with.
        shared: another process may be in the middle of a line of its file.
    """
    if sink.kind == "path":
        return _TextWriter(sink, _FileOut(sink, again=again, shared=shared))
    if sink.kind == "stream":
        return _TextWriter(sink, _StreamOut(sink.target))
    return CallWriter(sink)


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
        progress.begin(done)
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

    def __init__(self, sink: Sink, *, again: bool, shared: bool) -> None:
        self._shared = shared
        self._descriptor = -1
        self._opened = 0  # how often
        self._start = 0  # size of the file when it was opened
        self._identity: tuple[int, int] | None = None  # of the file behind the descriptor, whose number may be another's one day
        self.error: Exception | None = None
        self.chunk = ROTATED_CHUNK if sink.options.get("rotation") is not None else CHUNK
        self._encoding: str = sink.options.get("encoding") or "utf8"
        options = {"errors": "backslashreplace", **sink.options}
        if again:
            options["mode"] = "a"
        self._emitter = Emitter(sink.target, format="{message}", colorize=False, opener=self._open, **options)

    def _open(self, path: str, flags: int) -> int:
        # Appending also with mode="w": a forked child writes to the file too.
        self._descriptor = os.open(path, flags | os.O_APPEND, 0o666)
        status = os.fstat(self._descriptor)
        self._identity = (status.st_dev, status.st_ino)
        self._opened += 1
        if not self._shared:
            self._end_line(path)
        self._start = self._size()
        return self._descriptor

    def _end_line(self, path: str) -> None:
        """End a line that was torn by a full disk, or a crash: the next one must not be glued to it."""
        size = self._size()
        if size <= 0:
            return
        end = "a\n".encode(self._encoding)[len("a".encode(self._encoding)) :]
        with open(path, "rb") as file:  # noqa: PTH123  # as it was opened
            file.seek(max(0, size - len(end)))
            torn = file.read() != end
        if torn:
            os.write(self._descriptor, end)

    def write(self, lines: list[str]) -> int:
        before = self._size()
        opened = self._opened
        text = "".join(lines)
        try:
            self._emitter.raw(text)
        except Exception as error:  # noqa: BLE001  # handed on by the caller, with what was written before
            self.error = error
        if self.error is None:
            return len(lines)
        if self._opened != opened:  # opened late, or rotated: what is in it now came from here
            before = self._start
        grown = self._size() - before if before >= 0 else 0
        mark = len("".encode(self._encoding))  # of UTF-16 and its like, which is there once
        sizes = [len(line.encode(self._encoding, "backslashreplace")) - mark for line in lines]
        whole, _ = _whole(lines, sizes, max(0, grown))
        self._let_go()
        return whole

    def _size(self) -> int:
        try:
            status = os.fstat(self._descriptor)
        except OSError:  # not open yet, with delay=True
            return -1
        same = (status.st_dev, status.st_ino) == self._identity
        return status.st_size if same and stat.S_ISREG(status.st_mode) else -1

    def _let_go(self) -> None:
        """Have what Python still keeps for the file go nowhere: it will be written again, and must not be there twice."""
        try:
            status = os.fstat(self._descriptor)
            if (status.st_dev, status.st_ino) != self._identity:  # closed already, by a rotation that failed
                return
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
    if not isinstance(stream, io.TextIOWrapper) or "".encode(stream.encoding):  # that begins with a mark, which only it knows when to write
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _flushed(stream: Any) -> None:
    flush = getattr(stream, "flush", None)
    if callable(flush):
        flush()


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
