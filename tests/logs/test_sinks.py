"""A sink that raises, hangs or fills the disk: the others go on, it comes back, and every line is written once or counted."""

from __future__ import annotations

import asyncio
import gzip
import io
import itertools
import json
import logging as stdlib
import os
import random
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import Actor, ActorSystem, logs
from actors.logs import JSON, Sink, SinkState, log
from tests.logs.kit_sinks import SOON, WAIT, Held, Taker, balanced, plain, run


def failing(*errors: BaseException | None) -> Taker:
    """A sink that raises these one after the other, and then nothing more."""
    left = iter(errors)

    def first(message: Any) -> None:
        error = next(left, None)
        if error is not None:
            raise error

    return Taker(first)


@pytest.mark.parametrize(
    "error",
    [ValueError("v"), OSError("o"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), BaseException("b")],
    ids=lambda one: type(one).__name__,
)
def test_whatever_a_sink_raises_it_is_tried_again_and_nothing_is_lost(error: BaseException) -> None:
    bad, good = failing(None, error), Taker()
    with plain(Sink(bad, name="bad", backoff=SOON), good) as logging:
        for number in range(10):
            log.info("{}", number)
        assert logging.flush(WAIT)
        assert bad.lines == good.lines == [str(number) for number in range(10)]
        assert [(one.failures, one.lost) for one in balanced(logging).sinks] == [(1, 0), (0, 0)]


def test_failure_and_recovery_are_told_by_the_others_and_on_stderr_once(capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = failing(*[OSError("no space")] * 5), Taker()
    with plain(Sink(bad, name="bad", backoff=SOON), good):
        log.info("a")
        assert good.wait(lambda: bool(good.events("log.sink_resumed")))
    (failed,), (resumed,) = good.events("log.sink_failed"), good.events("log.sink_resumed")
    assert (failed["sink"], failed["state"], failed["error"]) == ("bad", "failed", "OSError: no space")
    assert (resumed["sink"], resumed["lost"]) == ("bad", 0)
    assert not bad.events("log.sink_failed")
    told = capsys.readouterr().err
    assert told.count("log sink bad fails: OSError: no space") == 1
    assert told.count("log sink bad works again") == 1


def test_line_that_a_sink_refuses_each_time_is_lost_and_told_and_the_next_ones_are_written() -> None:
    tries = []

    def first(message: Any) -> None:
        if message.record["message"] == "poison":
            tries.append(message)
            raise ValueError(message)

    picky, good = Taker(first), Taker()
    with plain(Sink(picky, attempts=2, backoff=SOON), good) as logging:
        for text in ("a", "poison", "b"):
            log.warning(text)
        assert logging.flush(WAIT)
        assert len(tries) == 2
        assert picky.lines == ["a", "b"]
        assert good.lines == ["a", "poison", "b"]
        assert picky.lost() == 1
        assert picky.events("log.lost")[0]["by_level"] == {"WARNING": 1}
        assert logging.stats().lost == {("WARNING", ""): 1}
        balanced(logging)


def test_flush_with_a_sink_that_always_fails_is_false_and_the_other_has_everything() -> None:
    def first(message: Any) -> None:
        raise OSError("never")

    good = Taker()
    with plain(Sink(Taker(first), backoff=logs.SinkBackoff(first=0.001, most=30)), good) as logging:
        for number in range(100):
            log.info("{}", number)
        assert not logging.flush(WAIT)
        assert len(good.lines) == 100
        bad, other = balanced(logging).sinks
        assert (bad.state, bad.written, bad.waiting, bad.lost) == (SinkState.FAILED, 0, 100, 0)
        assert (other.written, other.lost) == (100, 0)
        assert not logging.close(WAIT)


def test_backlog_of_a_failing_sink_is_bounded_and_keeps_errors_longer() -> None:
    def first(message: Any) -> None:
        if not healthy.is_set():
            raise OSError("not yet")

    healthy = threading.Event()
    bad, good = Taker(first), Taker()
    with plain(Sink(bad, backlog=100, backoff=SOON), good) as logging:
        for _ in range(1000):
            log.info("i")
        assert good.wait(lambda: len(good.lines) == 1000)
        for _ in range(10):
            log.error("e")
        assert good.wait(lambda: len(good.lines) == 1010)
        account = balanced(logging).sinks[0]
        assert account.waiting <= 125
        assert account.lost == 1010 - account.waiting
        healthy.set()
        assert logging.flush(WAIT)
        assert bad.lines.count("e") == 10
        assert len(bad.lines) + bad.lost() == 1010
        assert logging.stats().lost == {("INFO", ""): 1010 - len(bad.lines)}


def test_sink_that_hangs_and_goes_on_has_every_line_once() -> None:
    hanging, good = Held(), Taker()
    with plain(Sink(hanging, name="stuck", hangs_after=0.3), good) as logging:
        for number in range(100):
            log.info("{}", number)
        assert good.wait(lambda: bool(good.events("log.sink_failed")))
        assert good.lines == [str(number) for number in range(100)]
        assert balanced(logging).sinks[0].state is SinkState.HUNG
        hanging.gate.set()
        assert logging.flush(WAIT)
        assert hanging.lines == good.lines
        assert good.wait(lambda: bool(good.events("log.sink_resumed")))
        assert balanced(logging).sinks[0].failures == 1


def test_sink_that_hangs_for_ever_is_taken_over_and_only_the_line_it_hung_with_is_lost() -> None:
    never = threading.Event()

    def first(message: Any) -> None:
        if message.record["message"] == "5" and not never.is_set():
            never.wait(WAIT)

    hanging, good = Taker(first), Taker()
    with plain(Sink(hanging, hangs_after=0.02), good) as logging:
        for number in range(100):
            log.info("{}", number)
        assert hanging.wait(lambda: len(hanging.lines) == 99)
        assert hanging.lines == [str(number) for number in range(100) if number != 5]
        assert logging.flush(WAIT)
        assert hanging.lost() == 1
        before = [one.failures for one in balanced(logging).sinks]
        never.set()  # whoever was given up wakes, and must not go on with the rest of its lines
        assert hanging.wait(lambda: len(hanging.lines) == 100)
        log.info("more")
        assert logging.flush(WAIT)
        assert sorted(hanging.lines) == sorted([*(str(number) for number in range(100)), "more"])
        assert before == [1, 0]


def test_sink_that_is_slow_but_gets_on_is_not_called_hung() -> None:
    pause = threading.Event()
    slow = Taker(lambda _: pause.wait(0.02))
    with plain(Sink(slow, hangs_after=0.5)) as logging:
        for number in range(60):
            log.info("{}", number)
        assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].failures == 0


# -- files -----------------------------------------------------------------------------------------------------------------


def test_full_device_fails_with_enospc_and_nothing_counts_as_written(tmp_path: Path) -> None:
    good = tmp_path / "good.log"
    with plain(Sink("/dev/full", name="full", backoff=SOON), Sink(good, format="{message}")) as logging:
        for number in range(1000):
            log.info("{}", number)
        assert not logging.flush(WAIT)
        full, other = balanced(logging).sinks
        assert (full.written, full.waiting, full.lost) == (0, 1000, 0)
        assert full.error is not None
        assert "[Errno 28]" in full.error
        assert other.written == 1000
    assert [one for one in good.read_text().splitlines() if one.isdigit()] == [str(number) for number in range(1000)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "small"
    where.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(where)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("may not mount a file system")
    yield where
    subprocess.run(["umount", "-l", str(where)], capture_output=True, check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_disk_that_fills_and_has_room_again_holds_every_line_once(small_disk: Path) -> None:
    path, ballast = small_disk / "a.log", small_disk / "ballast"
    ballast.write_bytes(b"x" * 30_000)
    good = Taker()
    with plain(Sink(path, name="disk", format="{message}", backoff=SOON), good) as logging:
        for number in range(800):
            log.info("{:050d}", number)
        assert good.wait(lambda: bool(good.events("log.sink_failed")))
        ballast.unlink()
        assert good.wait(lambda: bool(good.events("log.sink_resumed")))
        assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].written == 800
    lines = path.read_text().splitlines()
    # A torn line is there once in part, and once whole.
    assert [one for one in lines if len(one) == 50 and one.isdigit()] == [f"{number:050d}" for number in range(800)]


LIMITED = """
    import json, resource, sys, threading
    from actors import logs
    path, rotation = sys.argv[1], sys.argv[2] or None
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    failed, resumed = threading.Event(), threading.Event()
    def other(message):
        {"log.sink_failed": failed, "log.sink_resumed": resumed}.get(message.record["event"], threading.Event()).set()
    options = {"rotation": rotation} if rotation else {}
    soon = logs.SinkBackoff(first=0.001, most=0.01)
    with logs.setup(logs.Sink(path, format="{message}", backoff=soon, **options), other, events=False) as logging:
        for number in range(2000):
            logs.log.info("{:050d}", number)
        if not rotation:
            assert failed.wait(30)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert resumed.wait(30)
        assert logging.flush(30)
        one = logging.stats().sinks[0]
        print(json.dumps([one.accepted, one.written, one.lost, one.waiting, one.failures > 0]))
"""


@pytest.mark.parametrize("limit", [40_000, 40_003, 65_536, 51 * 700])
def test_partial_writes_are_completed_and_no_line_is_there_twice(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "a.log"
    ended = run(LIMITED, path, "", limit)
    assert json.loads(ended.stdout) == [2000, 2000, 0, 0, True], ended.stderr
    whole = [one for one in path.read_text().splitlines() if len(one) == 50 and one.isdigit()]
    assert whole == [f"{number:050d}" for number in range(2000)]


def test_rotation_before_the_limit_avoids_it(tmp_path: Path) -> None:
    ended = run(LIMITED, tmp_path / "a.log", "20 kB", 40_000)
    assert json.loads(ended.stdout) == [2000, 2000, 0, 0, False], ended.stderr
    lines = sorted(line for path in tmp_path.iterdir() for line in path.read_text().splitlines())
    assert lines == [f"{number:050d}" for number in range(2000)]


def test_compression_that_fails_harms_no_other_file_and_no_line(tmp_path: Path) -> None:
    others: list[Any] = []
    fails = itertools.count()

    def compress(path: str) -> None:
        # Whoever closes a descriptor once more, or writes to its number, meets one of these.
        others.extend((tmp_path / f"other{number}").open("w") for number in range(3))
        if next(fails) < 2:
            raise RuntimeError("cannot compress")

    target = tmp_path / "a.log"
    with plain(Sink(target, format="{message}", rotation=5000, compression=compress, backoff=SOON)) as logging:
        for number in range(1000):
            log.info("{:050d}", number)
        assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].written == 1000
    for number, file in enumerate(others):
        file.write(f"mine {number}")
        file.close()
        assert Path(file.name).exists()
    assert all(f"mine {number}" == Path(file.name).read_text() for number, file in enumerate(others[-3:], len(others) - 3))
    lines = sorted(line for path in tmp_path.glob("a*") for line in path.read_text().splitlines() if line.isdigit())
    assert lines == [f"{number:050d}" for number in range(1000)]


def test_rotation_retention_and_compression_are_loguru_s(tmp_path: Path) -> None:
    with plain(Sink(tmp_path / "a.log", format="{message}", rotation=10_000, retention=3, compression="gz")) as logging:
        for number in range(2000):
            log.info("{:050d}", number)
        assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].written == 2000
    packed = sorted(tmp_path.glob("*.gz"))
    assert len(packed) == 3
    assert all(line.isdigit() for path in packed for line in gzip.decompress(path.read_bytes()).splitlines())


def test_file_with_mode_w_begins_empty_and_is_not_emptied_by_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    broken = threading.Event()

    def fails(record: Any) -> bool:
        if record["message"] == "3" and not broken.is_set():
            broken.set()
            raise SystemExit
        return True

    with plain(Sink(path, mode="w", format="{message}", filter=fails, backoff=SOON)) as logging:
        for number in range(10):
            log.info("{}", number)
            assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].failures == 1
    assert path.read_text().splitlines()[:10] == [str(number) for number in range(10)]


def test_file_that_is_deleted_comes_back_with_watch(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with plain(Sink(path, watch=True, format="{message}")) as logging:
        log.info("before")
        assert logging.flush(WAIT)
        path.unlink()
        log.info("after")
        assert logging.flush(WAIT)
    assert path.read_text() == "after\n"


def test_directory_that_cannot_be_written_to_is_used_when_it_can(tmp_path: Path) -> None:
    blocked, good = tmp_path / "blocked", Taker()
    blocked.write_text("a file, where a directory is needed")
    with plain(Sink(blocked / "a.log", format="{message}", backoff=SOON), good) as logging:
        log.info("x")
        assert good.wait(lambda: bool(good.events("log.sink_failed")))
        blocked.unlink()
        assert good.wait(lambda: bool(good.events("log.sink_resumed")))
        assert logging.flush(WAIT)
    assert (blocked / "a.log").read_text().splitlines()[0] == "x"


# -- streams and handlers --------------------------------------------------------------------------------------------------


def test_closed_stream_fails_and_the_others_go_on() -> None:
    closed, good = io.StringIO(), Taker()
    closed.close()
    with plain(closed, good) as logging:
        log.info("x")
        assert not logging.flush(WAIT)
        assert good.lines == ["x"]
        assert "closed file" in str(logging.stats().sinks[0].error)


def test_broken_pipe_fails_and_the_others_go_on() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    good = Taker()
    with os.fdopen(writing, "w") as broken, plain(Sink(broken, name="pipe"), good) as logging:
        log.info("x")
        assert not logging.flush(WAIT)
        assert good.lines == ["x"]
        assert "BrokenPipeError" in str(balanced(logging).sinks[0].error)


def test_pipe_that_nobody_reads_hangs_alone_even_if_it_is_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while select.select([], [writing], [], 0)[1]:
        os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    good = Taker()
    with os.fdopen(reading) as reader, os.fdopen(writing, "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        monkeypatch.setattr(sys, "__stderr__", full)
        logging = plain(Sink(full, name="full", hangs_after=0.05, format="{message}"), good)
        log.info("a")
        assert good.wait(lambda: bool(good.events("log.sink_failed")))
        log.info("b")
        assert good.wait(lambda: good.lines == ["a", "b"])
        os.set_blocking(reader.fileno(), False)
        while select.select([reader], [], [], 0.2)[0]:
            os.read(reader.fileno(), 1 << 16)
        assert logging.flush(WAIT)
        logging.close()


def test_handler_of_logging_that_fails_counts_as_failed_and_its_filter_counts_nothing() -> None:
    class Handler(stdlib.Handler):
        got: list[str]

        def emit(self, record: stdlib.LogRecord) -> None:
            try:
                if record.getMessage() == "b" and "b!" not in self.got:
                    self.got.append("b!")
                    raise OSError("once")  # noqa: TRY301  # as emit() of the standard handlers is written
                self.got.append(record.getMessage())
            except OSError:
                self.handleError(record)

    handler = Handler()
    handler.got = []
    with plain(Sink(handler, filter=lambda record: record["message"] != "c", backoff=SOON)) as logging:
        for text in "abcd":
            log.info(text)
        assert logging.flush(WAIT)
        account = balanced(logging).sinks[0]
    assert handler.got[:4] == ["a", "b!", "b", "d"]
    assert (account.accepted, account.written, account.failures) == (3, 3, 1)


def test_coroutine_function_as_a_sink() -> None:
    got: list[str] = []

    async def sink(message: Any) -> None:
        await asyncio.sleep(0)
        if message.record["message"] == "b" and not fails.is_set():
            fails.set()
            raise asyncio.CancelledError
        got.append(str(message).strip())

    fails = threading.Event()
    with plain(Sink(sink, backoff=SOON)) as logging:
        for text in "abc":
            log.info(text)
        assert logging.flush(WAIT)
        assert balanced(logging).sinks[0].written == 3
    assert got[:3] == ["a", "b", "c"]


# -- the account -----------------------------------------------------------------------------------------------------------


def test_account_adds_up_at_any_moment() -> None:
    chance = random.Random(1)

    def first(message: Any) -> None:
        if chance.random() < 0.02:
            raise OSError("by chance")

    over = threading.Event()

    def logs_much() -> None:
        for number in range(3000):
            log.info("{}", number)
        over.set()

    sinks = (Sink(Taker(first), backoff=SOON), Sink(Taker(), filter=lambda record: record["message"][-1] != "7", backlog=50))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with plain(*sinks) as logging:
            thread = threading.Thread(target=logs_much)
            thread.start()
            while not over.is_set():
                balanced(logging)
            thread.join()
            logging.flush(WAIT)
            assert balanced(logging).logged == 3000
    finally:
        sys.setswitchinterval(interval)


# -- never logs to itself in a loop ----------------------------------------------------------------------------------------


def test_sinks_that_log_whatever_way_make_no_loop() -> None:
    from loguru import logger

    mine = stdlib.getLogger("of.a.sink")
    mine.setLevel("INFO")

    def logs_a_line(message: Any) -> None:
        log.info("one by the log")
        mine.warning("one by logging")
        logger.info("one by loguru")

    first, second, good = Taker(logs_a_line), Taker(logs_a_line), Taker()
    with logs.setup(first, second, good, events=False) as logging:
        for number in range(20):
            log.info("{}", number)
        for _ in range(5):
            assert logging.flush(WAIT)
        for sink in (first, second, good):
            assert sink.lines == [str(number) for number in range(20)]
        echoes = 3 * (len(first.messages) + len(second.messages))
        assert logging.flush(WAIT)
        account = balanced(logging)
        assert account.sinks[2].lost >= echoes - 6
        assert "logged by a sink while it wrote" in str(good.events("log.lost")[0])
        assert len(good.events("log.lost")) <= 7


def test_patcher_and_filter_that_log_make_no_loop() -> None:
    sink = Taker()

    def patches(record: Any) -> None:
        log.info("by the patcher")

    def filters(record: Any) -> bool:
        log.info("by the filter")
        return True

    with plain(Sink(sink, filter=filters)) as logging:
        log.patch(patches).info("a")
        assert logging.flush(WAIT)
        assert logging.flush(WAIT)
        assert sink.lines == ["a"]


def test_kernel_says_nothing_about_the_actors_of_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="pykka")
    sink = Taker()
    with logs.setup(sink, level="DEBUG") as logging:
        log.info("a")
        with ActorSystem("seen") as system:
            system.spawn(Actor, name="one")
        assert logging.flush(WAIT)
        assert logging.flush(WAIT)
    paths = {one.record["actor"] for one in sink.messages}
    assert not [path for path in paths if path.startswith("/logger")]
    assert not [one for one in sink.lines if "LogActor" in one or "SinkActor" in one]


def test_json_lines_of_losses_name_sink_levels_actors_and_reasons(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"

    class Chatty(Actor):
        def on_receive(self, message: Any) -> None:
            for _ in range(message):
                self.log.info("x")

    with plain(Sink(path, name="file", format=JSON), overload=logs.Overload(burst=logs.Burst(lines=3, seconds=1000))) as logging:
        with ActorSystem("shop") as system:
            system.spawn(Chatty, name="chatty").ask(10)
        assert logging.flush(WAIT)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (lost,) = [line for line in lines if line.get("event") == "log.lost"]
    assert lost["level"] == "WARNING"
    assert lost["fields"] == {
        "sink": "file",
        "lines": 7,
        "by_level": {"INFO": 7},
        "by_actor": {"/chatty": 7},
        "by_reason": {"dropped: more lines than the burst limit": 7},
    }


def test_stream_in_an_encoding_with_a_mark_has_it_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("w", encoding="utf-16") as stream, plain(Sink(stream, format="{message}")) as logging:
        for number in range(3):
            log.info("{}", number)
            assert logging.flush(WAIT)
    assert path.read_text(encoding="utf-16") == "0\n1\n2\n"
