"""The files that ``greenroom logs`` reads: plain or compressed, the standard input, and files that still grow."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from actors.logs.reading import Splitter, Tally

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

__all__ = ["Source", "UnreadableError"]

PIECE = 1 << 20  # bytes that are read at once
MARK = b"\xef\xbb\xbf"  # what some editors begin a file with
STDIN = "-"
# By their first bytes, for the names of rotated files tell little.
OPENERS: dict[bytes, Callable[[io.BufferedReader], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
FOREIGN = {b"PK\x03\x04": "unzip -p", b"\x28\xb5\x2f\xfd": "zstd -dc"}
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)


class UnreadableError(Exception):
    """A file that cannot be read; the text says why, and what to do."""


class Source:
    """One of the files of a command line, opened. To be closed.

    Raises:
        UnreadableError: it cannot be opened, or is compressed in a way that is not understood.
    """

    def __init__(self, name: str) -> None:
        self.name = "standard input" if name == STDIN else name
        self.tally = Tally()
        self.damage: str | None = None
        self._path = None if name == STDIN else Path(name)
        self._splitter = Splitter()
        self._closing: list[IO[bytes]] = []
        try:
            self._raw = self._opened()
            first = self._raw.peek(1)[:6]
        except OSError as error:
            self.close()
            raise UnreadableError(_why(name, error)) from error
        for start, program in FOREIGN.items():
            if first.startswith(start):
                self.close()
                msg = f"{name} is compressed in a way that is not understood here: {program} FILE | greenroom logs -"
                raise UnreadableError(msg)
        opener = next((opener for start, opener in OPENERS.items() if first.startswith(start)), None)
        self._file: io.BufferedIOBase = self._raw if opener is None else opener(self._raw)
        #: It is what another program is writing just now, such as a pipe.
        self.flows = self._path is None or not stat.S_ISREG(os.fstat(self._raw.fileno()).st_mode)
        #: It may still grow, be truncated, or make room for another one of its name.
        self.grows = opener is None and not self.flows
        self._begun = False  # not before the mark at its beginning, if there is one, has been taken away

    def close(self) -> None:
        """Close what was opened; the standard input stays open."""
        for file in self._closing:
            file.close()

    def batches(self, *, to_the_end: bool = True) -> Iterator[list[bytes]]:
        """Yield all its lines, many at once; what is damaged ends it, and is told by `damage`.

        Args:
            to_the_end: the last line counts even if it has no end. Otherwise that may be still to come.
        """
        while piece := self._piece(self._file.read):
            yield self._splitter.feed(piece)
        if to_the_end:
            yield self._splitter.rest()

    def flowing(self) -> Iterator[list[bytes]]:
        """Yield its lines as soon as they are there."""
        while piece := self._piece(self._file.read1):
            yield self._splitter.feed(piece)
        yield self._splitter.rest()

    def more(self) -> list[bytes]:
        """Return the lines that were added to a file that grows, or to the file that has its name now."""
        replaced = self._is_replaced()  # asked before the old one is read to its end: it was complete then
        lines = [line for batch in self.batches(to_the_end=False) for line in batch]
        if replaced:
            lines += self._splitter.rest()
            lines += self._reopened()
        elif os.fstat(self._raw.fileno()).st_size < self._raw.tell():
            lines += self._splitter.rest()
            self._raw.seek(0)
            lines += [line for batch in self.batches(to_the_end=False) for line in batch]
        return lines

    def _piece(self, read: Callable[[int], bytes]) -> bytes:
        try:
            piece = read(PIECE)
        except DAMAGE as error:
            self.damage = str(error) or type(error).__name__
            return b""
        if not self._begun and piece:
            self._begun = True
            return piece.removeprefix(MARK)
        return piece

    def _opened(self) -> io.BufferedReader:
        if self._path is None:
            if sys.stdin is None:
                raise UnreadableError("the standard input is closed: name a FILE")
            return cast("io.BufferedReader", sys.stdin.buffer)
        file = self._path.open("rb")
        self._closing.append(file)
        return file

    def _is_replaced(self) -> bool:
        assert self._path is not None
        try:
            there = self._path.stat()
        except OSError:
            return False  # the old one was taken away, the new one is not there yet
        return not os.path.samestat(there, os.fstat(self._raw.fileno()))

    def _reopened(self) -> list[bytes]:
        old = self._raw
        try:
            self._raw = self._file = self._opened()
        except OSError:
            return []  # gone again: the next time, it is looked for once more
        self._closing.remove(old)
        old.close()
        return [line for batch in self.batches(to_the_end=False) for line in batch]


def _why(name: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file {name}"
    if isinstance(error, IsADirectoryError):
        return f"{name} is a directory: name the files in it, like {name.rstrip('/')}/*.log"
    return f"{name} cannot be read: {error.strerror or error}"
