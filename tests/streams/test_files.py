"""Files as sources and sinks."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import ActorSystem
from actors.streams import Sink, Source, StreamCancelled, StreamState
from tests.streams.test_ending import until

DUE = 20.0


def open_files(path: Path) -> int:
    """How many descriptors of this process are of that file."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += os.path.realpath(entry) == os.path.realpath(path)
        except OSError:
            continue
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="shows no open files")


def collected(system: ActorSystem, source: Source[Any]) -> list[Any]:
    return source.to(Sink.collect()).run(system).result(timeout=DUE)


def test_lines_come_without_their_ends(system: ActorSystem, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("one\ntwö\r\n\nlast".encode())
    assert collected(system, Source.lines(path)) == ["one", "twö", "", "last"]


def test_lines_of_another_encoding(system: ActorSystem, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("zwölf\n".encode("latin-1"))
    assert collected(system, Source.lines(str(path), encoding="latin-1")) == ["zwölf"]
    assert collected(system, Source.lines(path, errors="replace")) == ["zw\ufffdlf"]
    with pytest.raises(UnicodeDecodeError):
        collected(system, Source.lines(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(content=st.binary(max_size=300), size=st.integers(1, 40))
def test_blocks_are_the_file(system: ActorSystem, tmp_path: Path, content: bytes, size: int) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(content)
    blocks = collected(system, Source.blocks(path, size=size))
    assert b"".join(blocks) == content
    assert all(len(block) == size for block in blocks[:-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(lines=st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))))
def test_what_is_written_as_lines_is_read_as_lines(system: ActorSystem, tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "text"
    assert Source(lines).to(Sink.file(path)).run(system).result(timeout=DUE) == len(lines)
    assert collected(system, Source.lines(path)) == lines


def test_a_file_is_written_anew_or_added_to(system: ActorSystem, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old\n")
    some: list[bytes | bytearray] = [b"a", bytearray(b"b")]
    assert Source(some).to(Sink.file(path, mode="a")).run(system).result(timeout=DUE) == 2
    assert path.read_bytes() == b"old\nab"
    assert Source(["new"]).to(Sink.file(path)).run(system).result(timeout=DUE) == 1
    assert path.read_bytes() == b"new\n"


def test_what_was_taken_is_in_the_file_before_the_stream_ends(system: ActorSystem, tmp_path: Path) -> None:
    path = tmp_path / "out"
    gate = threading.Event()

    def source() -> Iterable[str]:
        yield "one"
        gate.wait(DUE)

    run = Source(source).to(Sink.file(path)).run(system)
    until(lambda: path.exists() and path.read_text() == "one\n")
    assert not run.done
    gate.set()
    assert run.result(timeout=DUE) == 1


def test_an_element_that_is_no_text_and_no_bytes_fails_the_stream(system: ActorSystem, tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(TypeError, match=r"element=3 cannot be written"):
        Source(["one", 3]).to(Sink.file(path)).run(system).result(timeout=DUE)  # type: ignore[arg-type]
    assert path.read_text() == "one\n"


def test_a_file_that_is_not_there_fails_the_stream_with_that_error(system: ActorSystem, tmp_path: Path) -> None:
    for stream in (
        Source.lines(tmp_path / "none").to(Sink.count()),
        Source.blocks(tmp_path / "none").to(Sink.count()),
        Source([b"x"]).to(Sink.file(tmp_path / "none" / "none")),
    ):
        run = stream.run(system)
        with pytest.raises(FileNotFoundError) as raised:
            run.result(timeout=DUE)
        assert any("in stage" in note for note in raised.value.__notes__)
        assert run.stats().state is StreamState.FAILED


@needs_proc
@pytest.mark.parametrize("end", ["end", "take", "cancel", "stop", "crash", "shutdown"])
def test_files_are_closed_whatever_ends_the_stream(tmp_path: Path, end: str) -> None:
    path, out = tmp_path / "in", tmp_path / "out"
    path.write_text("line\n" * 5_000)

    def many() -> Iterable[str]:
        return itertools.chain.from_iterable(Path(path).open() for _ in ()) if end == "end" else itertools.repeat("line")

    def crash(line: str) -> str:
        if end == "crash":
            raise LookupError(line)
        return line

    with ActorSystem() as system:
        source = Source.lines(path).concat(Source(many)).map(crash)
        run = (source.take(7) if end == "take" else source).to(Sink.file(out)).run(system)
        match end:
            case "end" | "take":
                assert run.result(timeout=DUE) == (5_000 if end == "end" else 7)
            case "cancel":
                run.cancel()
                with pytest.raises(StreamCancelled):
                    run.result(timeout=DUE)
            case "stop":
                run.stop()
                run.result(timeout=DUE)
            case "crash":
                with pytest.raises(LookupError):
                    run.result(timeout=DUE)
            case _:
                pass
    assert run.done
    assert open_files(path) == open_files(out) == 0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Source.lines(3), TypeError, "path=3"),  # type: ignore[arg-type]
        (lambda: Source.lines(b"x"), TypeError, "path=b'x'"),  # type: ignore[arg-type]
        (lambda: Source.lines(""), ValueError, "path=''"),
        (lambda: Source.lines("x", encoding="utf-9"), ValueError, "encoding='utf-9'"),
        (lambda: Source.lines("x", errors="never"), ValueError, "errors='never'"),
        (lambda: Source.blocks("x", size=0), ValueError, "size=0"),
        (lambda: Sink.file("x", mode="r"), ValueError, "mode='r'"),  # type: ignore[arg-type]
        (lambda: Sink.file("x", encoding=None), TypeError, "encoding=None"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused_at_once(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
