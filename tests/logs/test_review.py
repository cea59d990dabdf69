"""What logging keeps and what it forgets, and what it does where programs are unlucky."""

from __future__ import annotations

import asyncio
import copy
import gc
import queue
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from actors import Actor, ActorSystem, process
from actors._core.desk import DESK
from actors.logs import JSON, TEXT, Overload, Repeats, Sink, SinkBackoff, assembly, log
from actors.logs.losses import Losses, Why
from tests.logs.kit import WAIT, Caught, raised
from tests.logs.kit_sinks import run

HEAD = """
import os, sys, threading
from actors import Actor, ActorSystem, logs
from actors.logs import Sink, log
"""


class Talker(Actor):
    def __init__(self, given: Any = None) -> None:
        super().__init__()
        self.given = given

    def on_receive(self, message: Any) -> Any:
        self.log.info("{}", message)
        if message == "fail":
            raise ValueError(message)
        return message


class Given:
    """What an actor is started with."""


def ended_system() -> list[weakref.ref[Any]]:
    """Return weak references to a system that is over, and to what its actor was given."""
    given = Given()
    with ActorSystem("short") as system:
        system.spawn(Talker, given).ask("a line")
        return [weakref.ref(system), weakref.ref(given)]


def test_logging_keeps_no_system_alive_that_has_ended_and_nothing_that_its_actors_were_given(caught: Caught) -> None:
    caught.set_up(events=True)
    kept = ended_system()
    caught.flush()
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_logging_that_is_not_set_up_keeps_none_either(global_sink: Any) -> None:
    messages = global_sink(format="{message}")
    kept = ended_system()
    gc.collect()
    assert messages == ["a line\n"]
    assert [one() for one in kept] == [None, None]


def test_a_thread_that_has_ended_is_not_kept_alive(caught: Caught) -> None:
    caught.set_up()
    thread = threading.Thread(target=log.info, args=("x",), name="short")
    thread.start()
    thread.join()
    assert caught.record["thread"].name == "short"
    gone = weakref.ref(thread)
    del thread
    gc.collect()
    assert gone() is None


def test_a_thread_that_is_renamed_has_its_new_name_in_its_next_lines(caught: Caught) -> None:
    caught.set_up()

    def work() -> None:
        for job in ("first", "second"):
            threading.current_thread().name = job
            log.info("x")
            caught.flush()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [one["thread"].name for one in caught.records] == ["first", "second"]


@pytest.mark.parametrize("name", ["logs", "other"])
def test_a_system_of_any_name_tells_its_events(name: str, caught: Caught) -> None:
    caught.set_up(events=True)
    with ActorSystem(name) as system:
        system.spawn(Talker, name="talker").tell("fail")
    assert [(one["system"], one["actor"]) for one in caught.records if one["event"] == "actor.crashed"] == [(name, "/talker")]


def test_a_system_made_while_logging_is_set_up_tells_its_events_once(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ActorSystem] = []

    class Hasty(list[Any]):
        """As if another thread made a system just when somebody begins to watch."""

        def append(self, watch: Any) -> None:
            super().append(watch)
            made.append(ActorSystem("quick"))

    monkeypatch.setattr(process, "watchers", Hasty())
    caught.set_up(events=True)
    with made[0] as system:
        system.spawn(Talker)
    assert [one["system"] for one in caught.records if one["event"] == "actor.started"] == ["quick"]
    assert caught.logging is not None
    caught.logging.close()


def test_a_forked_child_says_its_own_process_also_where_nothing_is_set_up() -> None:
    ended = run(
        HEAD
        + """
from loguru import logger
logger.remove()
logger.add(sys.stdout, format="{process.id}")
log.info("of the parent")
sys.stdout.flush()
if os.fork() == 0:
    log.info("of the child")
    print(os.getpid(), flush=True)
    os._exit(0)
os.wait()
"""
    )
    parent, line, child = ended.stdout.split()
    assert parent != line == child, ended.stderr


def test_a_finalizer_may_log_at_the_very_end_of_the_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
logs.setup(Sink(sys.argv[1], format="{message}"), events=False)
class Last:
    def __del__(self, log=log, write=os.write):
        log.info("finalizer")
        write(1, b"went on")
last = Last()
log.info("before")
""",
        path,
    )
    assert ended.stdout == "went on", ended.stderr
    written = path.read_text().splitlines()
    assert written == ["before", "finalizer"] or (written == ["before"] and "1 line was not written at the end" in ended.stderr)


def test_callers_that_waited_long_enough_are_not_remembered(caught: Caught) -> None:
    go = threading.Event()
    caught.set_up(Sink(lambda _: go.wait(), name="slow", backlog=1), overload=Overload(sync_at=1, drop_at=500, flush_at=1000, patience=0.0))
    for _ in range(300):
        log.info("x")
    assert caught.logging is not None
    works = caught.logging._works
    assert works is not None
    assert not works.door._waiting
    go.set()


def test_the_duty_to_wake_the_logging_actor_is_only_one_persons(caught: Caught) -> None:
    caught.set_up()
    assert caught.logging is not None
    works = caught.logging._works
    assert works is not None
    caught.logging.close(WAIT)
    works.door.claim()
    for _ in range(2):  # it gives it back each time that it finds nothing, whoever had it look
        works.door.unclaim()
    assert [works.door.claim() for _ in range(2)] == [True, False]
    DESK.calm = 0


def test_a_caller_that_comes_late_out_of_an_overload_does_not_shut_those_who_follow(caught: Caught, global_sink: Any) -> None:
    messages = global_sink(format="{message}")
    caught.set_up(overload=Overload(sync_at=1, drop_at=2, flush_at=3, patience=0.0))
    assert caught.logging is not None
    works = caught.logging._works
    assert works is not None
    caught.logging.close(WAIT)
    # Threads that were in the middle of a log call when logging was closed:
    works.door._refuse_below(1 << 30)
    works.door.unclaim()
    works.door.claim()
    log.info("after")
    assert messages == ["after\n"]
    DESK.calm = 0


def test_a_line_refused_by_logging_that_was_just_closed_is_counted_on_stderr(caught: Caught, capsys: pytest.CaptureFixture[str]) -> None:
    caught.set_up()
    assert caught.logging is not None
    works = caught.logging._works
    assert works is not None
    caught.logging.close(WAIT)
    works.door.refuse(20, None)
    assert capsys.readouterr().err == "greenroom: 1 line lost (1 INFO): dropped: too many lines waited\n"


def test_losses_counted_in_the_middle_of_counting_are_not_lost() -> None:
    losses = Losses()

    added: list[int] = []

    class Interrupted(str):
        """As a signal handler or finalizer would, it adds a loss of its own just when the same is being added."""

        __slots__ = ()

        def __hash__(self) -> int:
            if len(added) < 10:
                added.append(1)
                losses.add(Why.BURST, 20, "/a")
            return hash("/a")

    for _ in range(5):
        losses.add(Why.BURST, 20, Interrupted("/a"))
    assert len(added) > 5
    assert losses.total == sum(losses.take().values()) == 5 + len(added)


def test_a_signal_handler_may_flush_while_the_logging_actor_starts(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[bool] = []

    def make(*args: Any, **options: Any) -> ActorSystem:
        logging = sys._getframe(1).f_locals["self"]  # which nobody has yet
        flushed.append(logging.flush(0.0))
        return ActorSystem(*args, **options)

    monkeypatch.setattr(assembly, "ActorSystem", make)
    thread = threading.Thread(target=caught.set_up, daemon=True)
    thread.start()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert flushed == [False]
    log.info("x")
    assert caught.messages == ["x"]


def test_what_was_interrupted_between_its_claim_and_its_wake_is_made_good(caught: Caught) -> None:
    written = threading.Event()
    sink = Sink(lambda _: written.set())
    caught.set_up(sink, collect=False, overload=Overload(sync_at=5, drop_at=10, flush_at=20, patience=0.0))
    assert caught.logging is not None
    works = caught.logging._works
    assert works is not None
    assert works.door.claim()  # and then Ctrl-C came

    async def storm() -> None:
        for number in range(10):
            log.info("{}", number)

    asyncio.run(storm())
    assert written.wait(WAIT)


def test_the_end_does_not_wait_for_a_thread_that_hangs_in_a_sink(tmp_path: Path) -> None:
    ended = run(
        """
import atexit
def late():
    go.set()
    hangs.wait()
    log.info("of the main thread")
    print("over", flush=True)
atexit.register(late)
"""
        + HEAD
        + """
go, hangs = threading.Event(), threading.Event()
def sink(message):
    if threading.current_thread() is thread:
        hangs.set()
        threading.Event().wait()
thread = threading.Thread(target=lambda: (go.wait(), log.info("of a thread")), daemon=True)
thread.start()
logs.setup(Sink(sink), events=False)
""",
        timeout=20,
    )
    assert ended.stdout == "over\n"
    assert "1 line was not written at the end" in ended.stderr


def test_repetitions_are_told_also_if_the_clock_was_set_back(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    caught.set_up(repeats=Repeats(seconds=10.0))
    times = iter([7200.0, 7201.0, 3600.0, 3601.0])
    monkeypatch.setattr(DESK, "now", lambda: next(times))
    for _ in range(4):
        log.info("x")
    assert caught.messages == ["x", "once more: x", "x", "once more: x"]


def test_what_may_be_repeated_keeps_no_exception_alive(caught: Caught) -> None:
    written = queue.SimpleQueue[str]()
    caught.set_up(Sink(lambda message: written.put(message.record["message"])), repeats=Repeats(seconds=1000.0), collect=False)
    error = raised(ValueError("x"))
    given = Given()
    error.args = (given,)
    for message in ("failed", "y"):  # one after the other, and no flush: that tells all repetitions
        log.opt(exception=error if message == "failed" else None).warning(message)
        assert written.get(timeout=WAIT) == message
    gone = weakref.ref(given)
    del given, error
    gc.collect()
    assert gone() is None


def test_a_stderr_that_is_the_programs_own_does_not_harm_the_logging_actor(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    class Window:
        def write(self, text: str) -> None:
            raise RuntimeError("the window is closed")

    monkeypatch.setattr(sys, "stderr", Window())
    monkeypatch.setattr(sys, "__stderr__", Window())

    def fails_once(message: Any) -> None:
        if not failed:
            failed.append(message)
            raise ConnectionError("no way")

    failed: list[Any] = []
    caught.set_up(Sink(fails_once, name="other", backoff=SinkBackoff(first=0.001)))
    log.info("x")
    caught.flush()
    assert caught.logging is not None
    assert [(one.name, one.written) for one in caught.logging.stats().sinks] == [("caught", 1), ("other", 1)]
    assert caught.messages[0] == "x"


def test_a_copy_of_what_has_a_log_has_the_same_log() -> None:
    mine = log.bind(a=1)
    assert copy.deepcopy({"log": mine}) == {"log": mine}
    assert copy.copy(mine) is mine


def test_lines_follow_a_change_of_the_time_zone(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    caught.set_up(formats=(JSON, TEXT))
    monkeypatch.setattr(DESK, "now", lambda: 1_000_000_000.0)
    try:
        for zone in ("UTC", "Asia/Kolkata"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            log.info("x")
            caught.flush()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert [one["time"] for one in caught.objects(0)] == ["2001-09-09T01:46:40.000000+00:00", "2001-09-09T07:16:40.000000+05:30"]
    assert [line.split(" | ")[0] for line in caught.lines(1)] == ["2001-09-09 01:46:40.000", "2001-09-09 07:16:40.000"]
    assert [str(record["time"].tzinfo) for record in caught.records] == ["UTC", "IST"]


def test_the_account_of_logging_that_was_closed_stays_as_it_is(caught: Caught) -> None:
    caught.set_up()
    log.info("x")
    former = caught.logging
    assert former is not None
    caught.set_up()
    go = threading.Event()
    caught.set_up(Sink(lambda _: go.wait(), name="slow", backlog=1))
    for _ in range(100):
        log.info("y")
    assert (former.stats().logged, former.stats().waiting) == (1, 0)
    go.set()


def test_a_child_forked_while_another_thread_sets_logging_up_writes_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
from actors.logs import assembly
began, forked = threading.Event(), threading.Event()
real = assembly.direct.correlate
def correlate(wanted):  # in the middle of setup
    began.set()
    forked.wait(0.05)
    real(wanted)
assembly.direct.correlate = correlate
thread = threading.Thread(target=lambda: logs.setup(Sink(sys.argv[1], format="{message}"), events=False))
thread.start()
began.wait()
if os.fork() == 0:
    log.info("of the child")
    os._exit(0 if logs.flush() else 1)
forked.set()
thread.join()
os.wait()
""",
        path,
    )
    assert path.read_text() == "of the child\n", ended.stderr


def test_the_line_of_a_finalizer_is_written_also_if_it_runs_when_a_sink_lets_go(caught: Caught) -> None:
    class Connection:
        def __del__(self) -> None:
            log.info("closed")

    def fail() -> None:
        connection = Connection()  # kept alive by the traceback alone
        raise ValueError(connection is None)

    caught.set_up(collect=False, formats=(JSON,))
    for _ in range(100):
        try:
            fail()
        except ValueError:
            log.exception("failed")
    caught.flush()
    lines = caught.objects()
    assert [one["message"] for one in lines].count("closed") == 100
    assert all("actor" not in one for one in lines)
