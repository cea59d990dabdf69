"""The frames of a file or a pipe, one after the other; what is broken is handed out as far as it could be read."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NamedTuple

from actors.errors import CodecError
from actors.wire.framing import HEADER, MAGIC, inflated, read_header
from actors.wire.limits import Limits, exceeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from actors.wire.framing import Header

__all__ = ["Recorded", "recorded"]

SIZE: Final = 256 * 1024 * 1024  # bytes of a payload that are read, whatever the limits were of those who wrote it
PIECE: Final = 1 << 20


class Recorded(NamedTuple):
    """A frame, or what there is of one.

    Attributes:
        number: from 1 on; 0 of a file that is one payload, without a frame.
        offset: the byte of the file where it begins.
        size: its bytes, with the header.
        compressed: whether it is.
        payload: what is in it, not compressed; None if nothing could be read.
        error: what is wrong with the frame.
    """

    number: int
    offset: int
    size: int
    compressed: bool
    payload: bytes | None
    error: CodecError | None = None


def recorded(file: IO[bytes], size: int = SIZE) -> Iterator[Recorded]:
    """Yield what is in a file, frame by frame; nothing if it is empty.

    After a frame whose length cannot be believed, nothing more is read.

    Args:
        file: what begins with a frame, or else is one payload.
        size: bytes of a payload that are read at most.
    """
    limits = Limits(size=size)
    head = _read(file, HEADER)
    if head and not head.startswith(MAGIC):
        yield _bare(head + _read(file, max(0, size + 1 - len(head))), limits)
        return
    number, offset = 1, 0
    while head:
        header, error = _header(head, offset, limits)
        if header is None:
            yield Recorded(number, offset, len(head), compressed=False, payload=None, error=error)
            return
        yield _frame(number, offset, header, _read(file, header.length), limits)
        number, offset = number + 1, offset + HEADER + header.length
        head = _read(file, HEADER)


def _header(head: bytes, offset: int, limits: Limits) -> tuple[Header | None, CodecError | None]:
    try:
        header = read_header(head, limits, offset)
    except CodecError as error:
        return None, error
    if header is None:
        return None, CodecError(f"ends in the header of a frame at byte {offset}: {len(head)} of {HEADER} bytes", fatal=True)
    return header, None


def _bare(payload: bytes, limits: Limits) -> Recorded:
    error = exceeded("size", f"has more than {limits.size} bytes", limits) if len(payload) > limits.size else None
    return Recorded(0, 0, len(payload), compressed=False, payload=payload[: limits.size], error=error)


def _frame(number: int, offset: int, header: Header, body: bytes, limits: Limits) -> Recorded:
    error: CodecError | None = None
    payload = body
    if header.compressed:
        payload, error = inflated(body, limits)
    if len(body) < header.length:
        whole = HEADER + header.length
        error = CodecError(f"ends in the middle of a frame at byte {offset}: {HEADER + len(body)} of {whole} bytes", fatal=True)
    return Recorded(number, offset, HEADER + len(body), header.compressed, payload, error)


def _read(file: IO[bytes], length: int) -> bytes:
    """Return so many bytes, or all that there are: a pipe gives them in pieces, and a length is not believed before they are there."""
    pieces: list[bytes] = []
    while length:
        piece = file.read(min(length, PIECE))
        if not piece:
            break
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)
