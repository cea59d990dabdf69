"""Files as sources and sinks. Memory stays the same, however long they are."""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from actors.streams.logic import SinkLogic, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ToFile", "check_encoding", "check_path", "read_blocks", "read_lines"]


def read_lines(path: Path, encoding: str, errors: str) -> Iterator[str]:
    """Yield the lines of a file without their ends."""
    with path.open(encoding=encoding, errors=errors) as file:
        for line in file:
            yield line.removesuffix("\n")


def read_blocks(path: Path, size: int) -> Iterator[bytes]:
    """Yield the bytes of a file, `size` at a time; the last ones may be fewer."""
    with path.open("rb") as file:
        while block := file.read(size):
            yield block


class ToFile(SinkLogic):
    """Writes the elements to a file: texts as lines, bytes as they are. Its result is their number."""

    def __init__(self, path: Path, mode: str, encoding: str) -> None:
        self.path = path
        self.mode = mode
        self.encoding = encoding
        self.file: IO[bytes] | None = None
        self.count = 0

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.file = self.path.open(f"{self.mode}b")

    def feed(self, count: int) -> None:
        """See `Linear`. What was taken has been handed to the operating system when this returns."""
        assert self.file is not None
        take, write, flow = self.take, self.file.write, self.flow
        for _ in range(count):
            self.element = element = take()
            write(f"{element}\n".encode(self.encoding) if isinstance(element, str) else _bytes(element))
            self.count += 1
            if flow.hurry:
                break
        self.file.flush()

    def close(self) -> None:
        """See `Logic`."""
        if self.file is not None:
            self.file.close()

    def result(self) -> int:
        """See `SinkLogic`."""
        return self.count


def _bytes(element: Any) -> bytes | bytearray | memoryview:
    if isinstance(element, bytes | bytearray | memoryview):
        return element
    msg = f"element={element!r:.200} cannot be written to a file: a str or bytes; map(str) makes lines of anything"
    raise TypeError(msg)


def check_path(path: object) -> Path:
    """Return `path`, or raise unless it is one."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        msg = f"path={path!r} is not valid: the path of a file"
        raise TypeError(msg)
    if not os.fspath(path):
        msg = f"path={path!r} is not valid: it is empty"
        raise ValueError(msg)
    return Path(path)


def check_encoding(encoding: object, errors: object = "strict") -> None:
    """Raise unless there is such an encoding, and such a way to deal with errors."""
    for name, value, look in (("encoding", encoding, codecs.lookup), ("errors", errors, codecs.lookup_error)):
        if not isinstance(value, str):
            msg = f"{name}={value!r} is not valid: a text, like 'utf-8' or 'strict'"
            raise TypeError(msg)
        try:
            look(value)
        except LookupError:
            msg = f"{name}={value!r} is not valid: Python knows none of that name"
            raise ValueError(msg) from None
