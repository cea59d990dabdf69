"""Frames: what a payload has around it in a stream or a file. Nothing in here knows what a payload means."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from actors.errors import CodecError
from actors.wire.limits import exceeded
from actors.wire.tags import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from actors.wire.limits import Limits

__all__ = ["HEADER", "MAGIC", "FrameDecoder", "Header", "frame_parts", "inflated", "read_header", "unframed"]

MAGIC: Final = b"GR"
COMPRESSED: Final = 1
LONGEST: Final = 0xFFFF_FFFF  # what four bytes of length can say
PIECE: Final = 1 << 16  # bytes that are decompressed at once
_LAYOUT = struct.Struct(">2sBBI")
HEADER: Final = _LAYOUT.size

Part = bytes | memoryview


class Decoder(Protocol):
    """What a `FrameDecoder` needs of a codec."""

    @property
    def limits(self) -> Limits:
        """How much one message may be."""

    def decode(self, data: bytes, /) -> Any:
        """Return the message that a payload is."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a payload.

    Attributes:
        compressed: whether what follows is compressed.
        length: bytes that follow.
    """

    compressed: bool
    length: int


def frame_parts(parts: Sequence[Part], *, compress_above: int | None = None) -> list[Part]:
    """Return a frame around a payload, both in pieces; large pieces are not copied.

    Args:
        parts: the payload.
        compress_above: bytes of a payload from which on it is compressed, if that makes it smaller; None: never.

    Raises:
        CodecError: a frame cannot say how long the payload is.
    """
    length = sum(map(_size, parts))
    flags = 0
    if compress_above is not None and length > compress_above:
        compressed = _deflated(parts)
        if len(compressed) < length:
            parts, length, flags = [compressed], len(compressed), COMPRESSED
    if length > LONGEST:
        raise CodecError(f"has {length} bytes, and a frame takes {LONGEST} at most", limit="size")
    return [_LAYOUT.pack(MAGIC, FORMAT_VERSION, flags, length), *parts]


def unframed(data: bytes | bytearray | memoryview, limits: Limits) -> bytes:
    """Return the payload of exactly one frame.

    Raises:
        CodecError: `data` is something else, or less, or more.
    """
    with memoryview(data) as given, given.cast("B") as view:
        header = read_header(view[:HEADER], limits)
        if header is None:
            raise CodecError(f"ends in the header of its frame: {len(view)} of {HEADER} bytes")
        end = HEADER + header.length
        if len(view) < end:
            raise CodecError(f"ends in the middle of its frame: {len(view)} of {end} bytes")
        if len(view) > end:
            raise CodecError(f"has {len(view) - end} bytes after its frame of {end}: read several frames with FrameDecoder")
        return _payload(header, bytes(view[HEADER:]), limits)


def read_header(data: bytes | bytearray | memoryview, limits: Limits, at: int = 0) -> Header | None:
    """Return what the first bytes of a frame say; None if they are too few, and those that are there are right.

    Args:
        data: the first 8 bytes, or fewer.
        limits: what a length must not pass.
        at: where in the stream this is.

    Raises:
        CodecError: this is no frame of a version that is known, or it is too long. Nothing after it can be read: it is `fatal`.
    """
    start = bytes(data[:HEADER])
    for place, (found, wanted) in enumerate(zip(start, MAGIC, strict=False)):
        if found != wanted:  # told up to the first wrong byte, however many more are there by now
            raise CodecError(f"has {start[: place + 1]!r} at byte {at} where a frame should begin with {MAGIC!r}", fatal=True)
    if len(start) > 2 and start[2] != FORMAT_VERSION:  # noqa: PLR2004  # where the version is
        raise CodecError(
            f"has a frame of version {start[2]} of the format at byte {at}; known here is {FORMAT_VERSION}: read it with the release "
            "that wrote it, or a later one",
            fatal=True,
        )
    if len(start) > 3 and start[3] & ~COMPRESSED:  # noqa: PLR2004  # where the flags are
        raise CodecError(f"has a frame with unknown flags {start[3]:#04x} at byte {at}", fatal=True)
    if len(start) < HEADER:
        return None
    _, _, flags, length = _LAYOUT.unpack(start)
    if length > limits.size:
        error = exceeded("size", f"has a frame of {length} bytes at byte {at}", limits)
        raise CodecError(error.why, error.path, error.limit, fatal=True)
    return Header(compressed=bool(flags & COMPRESSED), length=length)


def inflated(data: bytes, limits: Limits) -> tuple[bytes, CodecError | None]:
    """Return what compressed bytes are, as far as they can be read, and what is wrong with them, if anything is.

    Never more than `limits.size` bytes and a piece are made, whatever the bytes claim.
    """
    stream = zlib.decompressobj()
    result = bytearray()
    given = memoryview(data)
    for start in range(0, len(data), PIECE):
        try:
            # One more than allowed, so that too many are noticed; a bound of 0 would be none.
            result += stream.decompress(given[start : start + PIECE], limits.size + 1 - len(result))
        except zlib.error as error:
            return bytes(result), CodecError(f"cannot be decompressed: {error}")
        if len(result) > limits.size:
            return bytes(result[: limits.size]), exceeded("size", f"has more than {limits.size} bytes once it is decompressed", limits)
        if stream.eof:
            more = len(stream.unused_data) + max(0, len(data) - start - PIECE)
            return bytes(result), CodecError(f"has {more} bytes after its compressed part") if more else None
    return bytes(result), CodecError("is cut off in its compressed part")


def _payload(header: Header, body: bytes, limits: Limits) -> bytes:
    if not header.compressed:
        return body
    payload, error = inflated(body, limits)
    if error is not None:
        raise error
    return payload


def _size(part: Part) -> int:
    return part.nbytes if isinstance(part, memoryview) else len(part)


def _deflated(parts: Sequence[Part]) -> bytes:
    stream = zlib.compressobj()
    pieces = [stream.compress(part) for part in parts]
    pieces.append(stream.flush())
    return b"".join(pieces)


class FrameDecoder:
    """The messages in a stream of bytes, however it is cut.

    Feed what arrives, and take the messages that are complete after each time, so that no more than one frame waits::

        decoder = FrameDecoder(codec)
        for piece in stream:
            decoder.feed(piece)
            for message in decoder:
                ...
        decoder.close()

    A `CodecError` of one message does not end the stream: the next call of `next` gives the message after it. One that is `fatal` does, and
    comes again each time. No length is trusted: one beyond the limits is refused when the header is there, and nothing is reserved for
    bytes that have not arrived.

    It is for one reader: calls from several threads at once need a lock around them.

    Args:
        codec: makes messages of payloads.
    """

    def __init__(self, codec: Decoder) -> None:
        if not callable(getattr(codec, "decode", None)) or not hasattr(codec, "limits"):
            msg = f"codec={codec!r} is not valid: a Codec"
            raise TypeError(msg)
        self._codec = codec
        self._limits = codec.limits
        self._buffer = bytearray()
        self._at = 0  # where in the buffer the next frame begins
        self._before = 0  # bytes of the stream before the buffer
        self._header: Header | None = None  # of the next frame, once it is complete
        self._broken: CodecError | None = None
        self._closed = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream.

        After an error of the stream they are dropped: nothing can be read out of them.

        Raises:
            ValueError: the stream was closed.
            TypeError: `data` is something else.
        """
        if self._closed:
            raise ValueError("feed() after close(): a new stream needs a new FrameDecoder")
        if self._broken is not None:
            return
        # Cutting off the front of a bytearray moves nothing: it costs as little as the appending.
        del self._buffer[: self._at]
        self._before += self._at
        self._at = 0
        try:
            self._buffer += data
        except TypeError as error:
            msg = f"data={type(data).__name__} is not valid: bytes, as of a file that was opened in mode 'rb' ({error})"
            raise TypeError(msg) from None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Return the next message that is complete.

        Raises:
            StopIteration: there is none yet.
            CodecError: it cannot be decoded, or nothing more can be.
        """
        payload = self._next_payload()
        if payload is None:
            raise StopIteration
        return self._codec.decode(payload)

    def _next_payload(self) -> bytes | None:
        if self._broken is not None:
            raise self._broken.with_traceback(None)  # or it would grow each time
        if self._header is None:
            try:
                self._header = read_header(self._buffer[self._at : self._at + HEADER], self._limits, self._before + self._at)
            except CodecError as error:
                self._broken = error
                self._buffer.clear()
                self._at = 0
                raise
        header = self._header
        if header is None or len(self._buffer) - self._at < HEADER + header.length:
            return None
        start = self._at + HEADER
        with memoryview(self._buffer) as view:
            # A copy: what is decoded may be a view of it, and the buffer changes.
            body = bytes(view[start : start + header.length])
        # Before anything can fail: what comes next is the next frame.
        self._at = start + header.length
        self._header = None
        return _payload(header, body, self._limits)

    @property
    def pending(self) -> int:
        """Bytes of the frame that is not complete."""
        at = self._at
        while True:
            try:
                header = read_header(self._buffer[at : at + HEADER], self._limits)
            except CodecError:
                return len(self._buffer) - at
            if header is None or at + HEADER + header.length > len(self._buffer):
                return len(self._buffer) - at
            at += HEADER + header.length

    def close(self) -> None:
        """Say that the stream has ended; messages that are complete can still be taken.

        Raises:
            CodecError: it ended in the middle of a frame, or could not be read to its end.
        """
        self._closed = True
        if self._broken is not None:
            raise self._broken.with_traceback(None)
        missing = self.pending
        if not missing:
            return
        at = len(self._buffer) - missing
        header = read_header(self._buffer[at : at + HEADER], self._limits, self._before + at)
        whole = f"{HEADER + header.length} bytes" if header is not None else f"the {HEADER} of its header"
        raise CodecError(f"ends in the middle of a frame: {missing} of {whole} from byte {self._before + at} are there", fatal=True)
