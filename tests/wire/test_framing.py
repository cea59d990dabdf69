"""Frames: put around payloads, taken apart, and found in streams that are cut anywhere."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.errors import CodecError
from actors.wire.codec import Codec
from actors.wire.framing import FrameDecoder, frame_parts, inflated, unframed
from actors.wire.limits import Limits


@dataclass
class Plain:
    """A codec that knows no types: a payload that begins with "bad" is refused."""

    limits: Limits = field(default_factory=Limits)

    def decode(self, data: bytes, /) -> Any:
        assert type(data) is bytes
        if data.startswith(b"bad"):
            raise CodecError("is bad")
        return data


def framed(payload: bytes, **options: Any) -> bytes:
    return b"".join(frame_parts([payload], **options))


def header(*, magic: bytes = b"GR", version: int = 1, flags: int = 0, length: int = 0) -> bytes:
    return struct.pack(">2sBBI", magic, version, flags, length)


def outcome(decoder: FrameDecoder) -> list[Any]:
    """What a decoder has now: messages, and the sentences of errors; a fatal one ends it."""
    found: list[Any] = []
    while True:
        try:
            found.append(next(decoder))
        except StopIteration:
            return found
        except CodecError as error:
            found.append(str(error))
            if error.fatal:
                return found


def test_a_frame_is_magic_version_flags_length_and_payload() -> None:
    assert framed(b"abc") == b"GR\x01\x00\x00\x00\x00\x03abc"


def test_parts_are_not_copied() -> None:
    large = memoryview(bytes(1000))
    assert frame_parts([b"head", large])[2] is large


def test_a_part_of_wider_elements_counts_its_bytes() -> None:
    wide = memoryview(bytes(16)).cast("d")
    assert frame_parts([wide])[0][-4:] == b"\x00\x00\x00\x10"


def test_a_payload_is_compressed_only_above_the_threshold_and_if_that_makes_it_smaller() -> None:
    assert framed(bytes(100), compress_above=100)[3] == 0
    assert framed(bytes(101), compress_above=100)[3] == 1
    assert framed(b"abcdefghijkl", compress_above=0)[3] == 0


@given(st.binary(max_size=300), st.sampled_from([None, 0, 50]))
def test_what_was_framed_comes_out_of_its_frame(payload: bytes, compress_above: int | None) -> None:
    frame = framed(payload, compress_above=compress_above)
    assert unframed(frame, Limits()) == payload
    assert unframed(bytearray(frame), Limits()) == payload
    assert unframed(memoryview(frame), Limits()) == payload


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends in the header of its frame: 0 of 8 bytes"),
        (b"GR\x01", "ends in the header of its frame: 3 of 8 bytes"),
        (framed(b"abc")[:-1], "ends in the middle of its frame: 10 of 11 bytes"),
        (framed(b"abc") + b"x", "has 1 bytes after its frame of 11"),
        (b"GX", "has b'GX' at byte 0 where a frame should begin with b'GR'"),
        (header(version=2), "version 2 of the format at byte 0; known here is 1"),
        (header(flags=6), "unknown flags 0x06"),
    ],
)
def test_what_is_not_exactly_one_frame_is_refused_by_what_is_wrong(data: bytes, why: str) -> None:
    with pytest.raises(CodecError) as caught:
        unframed(data, Limits())
    assert why in caught.value.why


def test_a_length_beyond_the_limit_is_refused_from_the_header_alone() -> None:
    decoder = FrameDecoder(Plain(Limits(size=100)))
    decoder.feed(header(length=101))
    with pytest.raises(CodecError, match=r"has a frame of 101 bytes at byte 0, and the limit is size=100") as caught:
        next(decoder)
    assert caught.value.limit == "size"
    assert caught.value.fatal


def test_a_length_reserves_nothing() -> None:
    decoder = FrameDecoder(Plain(Limits(size=1 << 31)))
    tracemalloc.start()
    try:
        decoder.feed(header(length=1 << 30))
        assert list(decoder) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert decoder.pending == 8


@pytest.mark.parametrize("broken", [b"X", b"GX", b"GR\x02", b"GR\x00", b"GR\x01\x02", header(length=1 << 31)])
def test_a_broken_header_is_fatal_as_soon_as_its_byte_is_there_and_told_each_time(broken: bytes) -> None:
    decoder = FrameDecoder(Plain())
    decoder.feed(framed(b"one") + broken)
    assert next(decoder) == b"one"
    for _ in range(3):
        with pytest.raises(CodecError, match="at byte 11") as caught:
            next(decoder)
        assert caught.value.fatal
        decoder.feed(framed(b"two"))
    assert decoder.pending == 0
    with pytest.raises(CodecError, match="at byte 11"):
        decoder.close()


def test_an_error_of_one_message_does_not_lose_the_next() -> None:
    decoder = FrameDecoder(Plain())
    decoder.feed(framed(b"one") + framed(b"bad") + framed(b"two"))
    assert outcome(decoder) == [b"one", "message is bad", b"two"]


def test_a_codec_that_fails_does_not_lose_the_next_message() -> None:
    class Failing(Plain):
        def decode(self, data: bytes, /) -> Any:
            if data == b"one":
                raise RuntimeError("a bug")
            return data

    decoder = FrameDecoder(Failing())
    decoder.feed(framed(b"one") + framed(b"two"))
    with pytest.raises(RuntimeError):
        next(decoder)
    assert list(decoder) == [b"two"]


def compressed(body: bytes) -> bytes:
    return header(flags=1, length=len(body)) + body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (zlib.compress(bytes(500))[:-1], "is cut off in its compressed part"),
        (b"", "is cut off in its compressed part"),
        (zlib.compress(bytes(500)) + b"xy", "has 2 bytes after its compressed part"),
        (b"no zlib", "cannot be decompressed"),
        (zlib.compress(bytes(1001)), "has more than 1000 bytes once it is decompressed, and the limit is size=1000"),
    ],
)
def test_a_compressed_part_that_is_not_whole_or_too_large_is_an_error_of_its_message_only(body: bytes, why: str) -> None:
    decoder = FrameDecoder(Plain(Limits(size=1000)))
    decoder.feed(compressed(body) + framed(b"next"))
    found = outcome(decoder)
    assert why in found[0]
    assert found[1:] == [b"next"]


def test_exactly_the_limit_may_come_out_of_a_compressed_part() -> None:
    assert unframed(compressed(zlib.compress(bytes(1000))), Limits(size=1000)) == bytes(1000)


def test_a_bomb_makes_no_more_than_the_limit() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    tracemalloc.start()
    try:
        result, error = inflated(bomb, Limits(size=100_000))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert len(result) == 100_000
    assert error is not None
    assert error.limit == "size"


def test_garbage_beyond_the_piece_with_the_end_is_counted() -> None:
    _, error = inflated(zlib.compress(b"abc") + bytes(200_000), Limits())
    assert error is not None
    assert "has 200000 bytes after" in error.why


STREAM = framed(b"one") + framed(b"bad") + framed(bytes(300), compress_above=10) + framed(b"") + framed(b"two")
STREAMS = [STREAM, STREAM + b"GR\x07", STREAM + b"oops", STREAM[:-1], compressed(b"oops") + STREAM]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 80)))
@example(STREAM + b"oops", [len(STREAM) + 1])
def test_any_cutting_of_a_stream_gives_the_same_messages_and_errors(stream: bytes, cuts: list[int]) -> None:
    whole = FrameDecoder(Plain())
    whole.feed(stream)
    expected = outcome(whole)
    decoder = FrameDecoder(Plain())
    found: list[Any] = []
    bounds = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    for start, end in pairwise(bounds):
        decoder.feed(memoryview(stream)[start:end])
        found += outcome(decoder)
    # The error of a stream is told each time: once is compared.
    assert list(dict.fromkeys(map(repr, found))) == list(dict.fromkeys(map(repr, expected)))
    assert decoder.pending == whole.pending


def test_a_large_frame_may_come_byte_by_byte() -> None:
    payload = bytes(200_000)
    decoder = FrameDecoder(Plain())
    looked = 0
    for byte in framed(payload):
        decoder.feed(bytes([byte]))
        for message in decoder:
            assert message == payload
            looked += 1
    assert looked == 1


def test_a_message_does_not_change_when_the_fed_buffer_or_the_stream_goes_on() -> None:
    decoder = FrameDecoder(Plain())
    piece = bytearray(framed(b"one"))
    decoder.feed(piece)
    message = next(decoder)
    piece[:] = bytes(len(piece))
    decoder.feed(framed(b"two"))
    assert message == b"one"


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (b"GR\x01", "3 of the 8 of its header from byte 11"),
        (framed(b"two")[:-1], "10 of 11 bytes from byte 11"),
        (b"XY", "has b'X' at byte 11"),
    ],
)
def test_close_tells_of_a_stream_that_ended_in_the_middle_of_a_frame(rest: bytes, why: str) -> None:
    decoder = FrameDecoder(Plain())
    decoder.feed(framed(b"one") + rest)
    assert decoder.pending == len(rest)
    with pytest.raises(CodecError, match=why) as caught:
        decoder.close()
    assert caught.value.fatal
    assert next(decoder) == b"one"


def test_what_is_no_bytes_is_refused_by_its_type_and_leaves_the_stream_as_it_was() -> None:
    decoder = FrameDecoder(Plain())
    decoder.feed(framed(b"one")[:5])
    with pytest.raises(TypeError, match="data=str is not valid: bytes"):
        decoder.feed("text")  # type: ignore[arg-type]  # that is what is refused
    decoder.feed(framed(b"one")[5:])
    assert list(decoder) == [b"one"]


def test_a_stream_that_ended_between_frames_closes_and_takes_no_more() -> None:
    decoder = FrameDecoder(Plain())
    decoder.feed(framed(b"one"))
    decoder.close()
    decoder.close()
    assert list(decoder) == [b"one"]
    with pytest.raises(ValueError, match="close"):
        decoder.feed(b"G")


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_errors(data: bytes) -> None:
    decoder = FrameDecoder(Plain(Limits(size=1000)))
    decoder.feed(data)
    outcome(decoder)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_any_mutation_of_a_stream_is_messages_or_errors(at: int, byte: int) -> None:
    stream = bytearray(STREAM)
    stream[at % len(stream)] = byte
    decoder = FrameDecoder(Plain(Limits(size=1000)))
    decoder.feed(stream)
    outcome(decoder)


def test_frames_of_msgpack_follow_each_other_with_nothing_between() -> None:
    payloads = [msgpack.packb([2, number, "text"]) for number in range(5)]
    decoder = FrameDecoder(Plain())
    decoder.feed(b"".join(map(framed, payloads)))
    assert list(decoder) == payloads


MESSAGE = [1, "text", (2.5, None), {"key": {3, 4}}, b"bytes" * 100]


@given(st.lists(st.integers(0, 200), max_size=5))
def test_the_codec_and_its_frames_come_back_however_they_are_cut(cuts: list[int]) -> None:
    codec = Codec(compress_above=50)
    stream = codec.frame(MESSAGE) + codec.frame("between") + codec.frame(MESSAGE)
    decoder = FrameDecoder(codec)
    found: list[Any] = []
    for start, end in pairwise(sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})):
        decoder.feed(stream[start:end])
        found += decoder
    decoder.close()
    assert found == [MESSAGE, "between", MESSAGE]


@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from([None, 50]))
def test_any_mutation_of_a_frame_of_the_codec_is_a_message_or_an_error(at: int, byte: int, compress_above: int | None) -> None:
    codec = Codec(compress_above=compress_above)
    stream = bytearray(codec.frame(MESSAGE) * 2)
    stream[at % len(stream)] = byte
    decoder = FrameDecoder(codec)
    decoder.feed(stream)
    outcome(decoder)


@pytest.mark.parametrize("codec", [None, "codec", Limits(), Codec])
def test_a_decoder_of_frames_refuses_what_is_no_codec_at_once(codec: Any) -> None:
    with pytest.raises(TypeError, match=r"^codec=.* is not valid: a Codec$"):
        FrameDecoder(codec)
