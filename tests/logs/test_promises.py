"""What the contract page promises of logging, a test for each promise."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from actors import Actor, ActorSystem, SystemConfig, logs
from actors.logs import JSON, TEXT, Burst, Logging, Overload, Redact, Repeats, Routes, Sample, Sink, SinkBackoff
from actors.testing import CapturedLogs, Simulation

WAIT = 30.0
QUIET = Routes(logging=False, warnings=False, uncaught=False, loguru=False)
SOON = SinkBackoff(first=0.001, most=0.01)


class SetUp:
    """Sets logging up, quietly unless told otherwise."""

    def __init__(self) -> None:
        self.made: list[Logging] = []

    def __call__(self, *sinks: Any, **options: Any) -> Logging:
        self.made.append(logs.setup(*sinks, **{"routes": QUIET, "events": False, **options}))
        return self.made[-1]


@pytest.fixture
def set_up() -> Iterator[SetUp]:
    made = SetUp()
    yield made
    for one in made.made:
        one.close(WAIT)


class Held:
    """A sink that takes nothing before it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.reached = threading.Event()
        self.messages: list[Any] = []

    def __call__(self, message: Any) -> None:
        self.reached.set()
        assert self.gate.wait(WAIT)
        self.messages.append(message)

    def hold_up_the_logging_actor(self) -> None:
        """Have it take no line before the gate is open, by a patcher, which runs in its turn."""
        inside = threading.Event()

        def patcher(record: Any) -> None:
            inside.set()
            assert self.gate.wait(WAIT)

        logs.log.patch(patcher).info("the logging actor is held up by this one")
        assert inside.wait(WAIT)

    def of_program(self) -> list[str]:
        return [one.record["message"] for one in self.messages if not one.record["event"]]


@pytest.fixture
def held() -> Iterator[Held]:
    sink = Held()
    yield sink
    sink.gate.set()


def fail(text: str) -> None:
    raise ValueError(text)


class Counter(Actor):
    def on_receive(self, message: Any) -> None:
        for number in range(message):
            self.log.info("{}", number)


class AsyncCounter(Actor):
    async def on_receive(self, message: Any) -> None:  # type: ignore[override]
        for number in range(message):
            self.log.info("{}", number)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_of_one_actor_are_written_in_the_order_logged(set_up: SetUp) -> None:
    out = io.StringIO()
    logging = set_up(Sink(out, format=JSON))
    with ActorSystem() as system:
        counters = [system.spawn(kind) for kind in (Counter, AsyncCounter) * 3]
        for counter in counters * 5:
            counter.tell(100)
    assert logging.flush(WAIT)
    lines = lines_of(out)
    for counter in counters:
        assert [line["message"] for line in lines if line["actor"] == counter.path] == [str(number) for number in range(100)] * 5


def test_the_time_of_a_line_is_that_of_its_call(set_up: SetUp, held: Held) -> None:
    logging = set_up(held)
    logs.log.info("the sink holds this one")
    assert held.reached.wait(WAIT)
    before = time.time()
    logs.log.info("now")
    after = time.time()
    held.gate.set()
    assert logging.flush(WAIT)
    assert before - 1e-3 <= held.messages[1].record["time"].timestamp() <= after + 1e-3


def test_with_ordered_lines_of_all_threads_are_written_in_the_order_of_their_times(set_up: SetUp) -> None:
    out = io.StringIO()
    logging = set_up(Sink(out, format=JSON), ordered=True)
    threads = [threading.Thread(target=lambda: [logs.log.info("{}", number) for number in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logging.flush(WAIT)
    times = [line["time"] for line in lines_of(out)]
    assert len(times) == 2000
    assert times == sorted(set(times))


class Odd:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")


def test_a_log_call_raises_for_nothing_that_it_is_given(set_up: SetUp) -> None:
    out = io.StringIO()
    logging = set_up(Sink(out, format=JSON), Sink(io.StringIO(), format=TEXT))
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        ("{} {} {}", ("one",), {}),
        ("{:d}", ("x",), {}),
        ("{ not a place }", (1,), {}),
        ("{0.missing}", (1,), {}),
        ("{}", (Odd(),), {}),
        (Odd(), (), {"odd": Odd(), "deep": [[{"odd": Odd()}]]}),
        ("braces {} {", (), {}),
        ("\ud800 \x00", (), {"\ud800": "\ud800"}),
    ]
    for message, args, kwargs in calls:
        logs.log.info(message, *args, **kwargs)
    assert logging.flush(WAIT)
    assert len(lines_of(out)) == len(calls)


def test_a_level_that_does_not_exist_is_refused(set_up: SetUp) -> None:
    set_up(io.StringIO())
    with pytest.raises(ValueError, match="level='LOUD' is not valid"):
        logs.log.log("LOUD", "x")
    with pytest.raises(ValueError, match="level=-1 is not valid"):
        logs.log.log(-1, "x")
    with pytest.raises(ValueError, match="level='LOUD' is not valid"):
        logs.setup(level="LOUD")


def test_an_object_is_logged_as_it_was_at_the_call(set_up: SetUp, held: Held) -> None:
    logging = set_up(held)
    held.hold_up_the_logging_actor()
    basket = ["tea"]
    logs.log.info("bought {}", basket)
    logs.log.info("bought", basket=basket)
    logs.log.bind(basket=basket).info("bought")
    basket.append("milk")
    held.gate.set()
    assert logging.flush(WAIT)
    first, *others = [one.record for one in held.messages[1:]]
    assert first["message"] == "bought ['tea']"
    assert [one["extra"] for one in others] == [{"basket": ["tea"]}] * 2


def test_on_an_event_loop_no_log_call_waits_however_many_lines_do(set_up: SetUp, held: Held) -> None:
    logging = set_up(held, overload=Overload(sync_at=1, drop_at=100_000, flush_at=200_000, patience=1000.0))
    held.hold_up_the_logging_actor()
    with ActorSystem() as system:
        system.spawn(AsyncCounter).ask(500, timeout=WAIT)

        async def on_a_loop_of_its_own() -> None:
            for _ in range(500):
                logs.log.info("x")

        asyncio.run(on_a_loop_of_its_own())
    held.gate.set()
    assert logging.flush(WAIT)


def test_a_thread_waits_for_a_bounded_time_when_too_many_lines_wait(set_up: SetUp, held: Held) -> None:
    set_up(held, overload=Overload(sync_at=1, drop_at=100_000, flush_at=200_000, patience=0.001))
    held.hold_up_the_logging_actor()
    thread = threading.Thread(target=lambda: [logs.log.info("x") for _ in range(50)])
    thread.start()
    thread.join(WAIT)  # though nothing is taken until the end of the test
    assert not thread.is_alive()
    with ActorSystem() as system:
        system.spawn(Counter).ask(50, timeout=WAIT)


def test_no_more_lines_wait_than_the_limits_say(set_up: SetUp, held: Held) -> None:
    made = set_up(Sink(held, backlog=100), overload=Overload(sync_at=10, drop_at=20, flush_at=1_000, patience=0.0))
    for _ in range(5_000):
        logs.log.error("x")
        assert made.stats().waiting <= 2 * 1_000 + 1  # errors that a flush has kept, and new ones
    assert made.stats().sinks[0].waiting <= 100 + 25 + 50  # those that are kept longest, and the batch that is being written
    held.gate.set()
    assert made.flush(WAIT)


@pytest.mark.parametrize("mode", ["drop", "flush", "burst", "backlog"])
def test_every_line_is_written_or_counted_as_lost_and_told_in_the_log(set_up: SetUp, held: Held, mode: str) -> None:
    few = Overload(sync_at=1, drop_at=50, flush_at=10_000, patience=0.0)
    overload = {
        "drop": few,
        "flush": Overload(sync_at=1, drop_at=50, flush_at=60, patience=0.0),
        "burst": Overload(burst=Burst(lines=5, seconds=3600.0)),
        "backlog": Overload(),
    }[mode]
    logging = set_up(Sink(held, backlog=10), overload=overload)
    for number in range(2_000):
        logs.log.log("ERROR" if number % 10 == 0 else "INFO", "{}", number)
    assert not logging.flush(0.5)  # the sink is held, and left behind after a while
    held.gate.set()
    assert logging.flush(WAIT)
    stats = logging.stats()
    (sink,) = stats.sinks
    assert stats.logged == 2_000 == sink.written + sink.lost
    assert sink.written == len(held.of_program())
    told = [one.record["extra"] for one in held.messages if one.record["event"] == "log.lost"]
    assert sum(one["lines"] for one in told) == sink.lost > 0
    assert sum(sum(one["by_level"].values()) for one in told) == sink.lost
    assert sum(sum(one["by_actor"].values()) for one in told) == sink.lost


def test_errors_are_kept_when_other_lines_are_dropped(set_up: SetUp, held: Held) -> None:
    logging = set_up(held, overload=Overload(sync_at=1, drop_at=100, flush_at=100_000, patience=0.0))
    logs.log.info("the sink holds this one")
    assert held.reached.wait(WAIT)
    for number in range(5_000):
        logs.log.log("ERROR" if number % 10 == 0 else "INFO", "{}", number)
    held.gate.set()
    assert logging.flush(WAIT)
    assert [one for one in held.of_program() if one.endswith("0")] == [str(number) for number in range(0, 5_000, 10)]


def test_a_sink_that_raises_or_hangs_keeps_no_line_from_the_others(set_up: SetUp, held: Held) -> None:
    def broken(message: Any) -> None:
        raise OSError("the disk is full")

    out = io.StringIO()
    logging = set_up(Sink(broken, backoff=SOON), held, Sink(out, format=JSON))
    for number in range(100):
        logs.log.info("{}", number)
    assert not logging.flush(0.5)  # for the two others
    mine = [line["message"] for line in lines_of(out) if "event" not in line]
    assert mine == [str(number) for number in range(100)]
    failed = [line for line in lines_of(out) if line.get("event") == "log.sink_failed"]
    assert [line["fields"]["sink"] for line in failed] == ["broken"]


def test_a_sink_that_comes_back_gets_what_waited_in_order(set_up: SetUp) -> None:
    taken: list[str] = []
    works = threading.Event()
    tried = threading.Event()

    def collector(message: Any) -> None:
        tried.set()
        if not works.is_set():
            raise ConnectionError("gone")
        if not message.record["event"]:
            taken.append(message.record["message"])

    logging = set_up(Sink(collector, backoff=SOON))
    for number in range(100):
        logs.log.info("{}", number)
    assert tried.wait(WAIT)
    works.set()
    assert logging.flush(WAIT)
    assert taken == [str(number) for number in range(100)]
    assert logging.stats().sinks[0].failures > 0


def test_a_sink_that_hangs_is_taken_over_and_loses_what_it_was_writing(set_up: SetUp, held: Held) -> None:
    taken: list[str] = []

    def hangs_once(message: Any) -> None:
        if not held.reached.is_set():
            held(message)
        elif not message.record["event"]:
            taken.append(message.record["message"])

    made = set_up(Sink(hangs_once, hangs_after=0.01, backoff=SOON))
    for number in range(100):
        logs.log.info("{}", number)
    assert made.flush(WAIT)
    assert taken == [str(number) for number in range(1, 100)]
    (sink,) = made.stats().sinks
    assert (sink.written, sink.lost) == (99, 1)
    held.gate.set()  # the former one goes on, and has no part in anything any more
    logs.log.info("after")
    assert made.flush(WAIT)
    assert taken == [*(str(number) for number in range(1, 100)), "after"]
    (sink,) = made.stats().sinks
    assert (sink.written, sink.lost) == (100, 1)


def test_what_a_sink_logs_while_it_writes_is_counted_and_does_not_come_back(set_up: SetUp) -> None:
    def chatty(message: Any) -> None:
        logs.log.info("I write")

    logging = set_up(chatty)
    logs.log.info("one")
    assert logging.flush(WAIT)
    assert logging.flush(WAIT)
    (sink,) = logging.stats().sinks
    assert sink.written == 1
    assert sink.lost >= 1


def test_no_message_field_name_or_exception_can_pass_for_a_line(set_up: SetUp) -> None:
    forged = '\n2030-01-01 00:00:00.000 | ERROR    | /bank - robbed\r\n\x1b[2J{"level":"ERROR"}\u2028x\x85'
    text, lines = io.StringIO(), io.StringIO()
    logging = set_up(Sink(text, format=TEXT), Sink(text, format="{time} {message} {extra}"), Sink(lines, format=JSON))
    logs.log.info(forged)
    logs.log.info("{}", forged)
    logs.log.bind(**{forged: forged}).info("field")
    try:
        fail(forged)
    except ValueError:
        logs.log.exception("failed")
    assert logging.flush(WAIT)
    assert len(lines.getvalue().split("\n")) == 5
    assert len(lines_of(lines)) == 4
    assert all(line[:2] == "20" or line.startswith("    ") for line in text.getvalue().split("\n")[:-1])
    assert not any(line.startswith("2030") for line in text.getvalue().splitlines())
    assert lines_of(lines)[0]["message"] == forged
    assert "\x1b" not in text.getvalue()


@pytest.mark.parametrize("colorize", [True, False])
def test_a_line_looks_as_if_loguru_had_written_it(set_up: SetUp, colorize: bool) -> None:
    form = (
        "<level>{level: <8}</level>|{level.icon}|{level.no}|{name}|{function}|{file.name}|{file.path}|{module}|{thread.name}|{thread.id}|"
        "{process.name}|{process.id}|{time:YYYY-MM-DD ZZ}|{message}|<red>{extra[a]}</red>"
    )
    ours, theirs = io.StringIO(), io.StringIO()
    made = set_up(Sink(ours, format=form, colorize=colorize), level=0)
    number = logger.add(theirs, format=form, colorize=colorize, level=0)
    levels = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
    for log in (logs.log, logger):
        for level in levels:
            log.bind(a=1).log(level, "{} and {b}", 1, b="two")
            log.bind(a=2).opt(colors=True).log(level, "<green>{}</green>", level)
            log.bind(a=3).opt(record=True).log(level, "{record[level].name}")
    logger.remove(number)
    assert made.flush(WAIT)
    assert len(ours.getvalue().splitlines()) == 3 * len(levels)
    assert ours.getvalue() == theirs.getvalue()


def test_no_sink_sees_a_secret(set_up: SetUp, tmp_path: Path) -> None:
    seen: list[Any] = []
    stream, file = io.StringIO(), tmp_path / "log"

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(vars(record))

    def function(message: Any) -> None:
        seen.append([str(message), repr(message.record)])

    made = set_up(
        file,
        Sink(stream, format=TEXT),
        function,
        Keeps(),
        redact=Redact(keys=["password"], patterns=[r"\b\d{4}-\d{4}\b"]),
    )
    logs.log.info("with {password}", password="s3cret")
    logs.log.info("card {}", "1234-5678", form={"Password": "s3cret", "cards": ["1234-5678"]})
    logs.log.bind(db_password="s3cret").info("bound")
    try:
        fail("1234-5678")
    except ValueError:
        logs.log.exception("card 1234-5678 was refused")
    assert made.flush(WAIT)
    everything = file.read_text() + stream.getvalue() + repr(seen)
    assert "was refused" in everything
    assert "s3cret" not in everything
    assert "1234-5678" not in everything


def test_what_libraries_log_and_warn_of_is_written_too(set_up: SetUp) -> None:
    out = io.StringIO()
    made = set_up(Sink(out, format=JSON), routes=Routes(uncaught=False, loguru=False))
    logging.getLogger("a.library").warning("%d is %s", 1, "low", extra={"port": 80})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        made_again = warnings.showwarning  # catch_warnings puts back what was there: the route
        made_again(UserWarning("careful"), UserWarning, "file.py", 7)
    assert made.flush(WAIT)
    first, second = lines_of(out)
    assert (first["logger"], first["level"], first["message"], first["fields"]) == ("a.library", "WARNING", "1 is low", {"port": 80})
    assert second["message"] == "careful"


def test_the_fields_of_a_context_are_in_every_line_within_it_also_of_libraries(set_up: SetUp) -> None:
    out = io.StringIO()
    made = set_up(Sink(out, format=JSON), routes=Routes(warnings=False, uncaught=False))
    with logs.log.contextualize(order=7):
        logs.log.info("ours")
        logging.getLogger("a.library").warning("theirs", extra={"port": 80})
        logger.info("loguru's")
    logs.log.info("after")
    assert made.flush(WAIT)
    assert [line.get("fields") for line in lines_of(out)] == [{"order": 7}, {"order": 7, "port": 80}, {"order": 7}, None]


def test_what_systems_tell_about_themselves_is_lines_with_fields(set_up: SetUp) -> None:
    class Fails(Actor):
        def on_receive(self, message: Any) -> None:
            raise ValueError("no tea left")

    out = io.StringIO()
    made = set_up(Sink(out, format=JSON), events=True, level="DEBUG")
    with ActorSystem("shop") as system:
        ref = system.spawn(Fails, name="till")
        ref.tell("sell")
    assert made.flush(WAIT)
    crash = next(line for line in lines_of(out) if line.get("event") == "actor.crashed")
    assert (crash["system"], crash["actor"], crash["level"]) == ("shop", "/till", "ERROR")
    assert crash["exception"]["message"] == "no tea left"


def test_all_lines_that_one_message_brought_about_have_its_correlation_id(set_up: SetUp) -> None:
    class Below(Actor):
        def on_receive(self, message: Any) -> None:
            self.log.info("below {}", message)

    class Above(Actor):
        def __init__(self, below: Any) -> None:
            super().__init__()
            self.below = below

        def on_receive(self, message: Any) -> None:
            self.log.info("above {}", message)
            self.below.tell(message)

    out = io.StringIO()
    made = set_up(Sink(out, format=JSON))
    with ActorSystem() as system:
        above = system.spawn(Above, system.spawn(Below))
        above.tell("a")
        above.tell("b")
    assert made.flush(WAIT)
    ids = {line["message"]: line["correlation"] for line in lines_of(out)}
    assert ids["above a"] == ids["below a"] != ids["above b"] == ids["below b"]
    with ActorSystem(config=SystemConfig(tracing=False)) as untraced:
        untraced.spawn(Counter).ask(1)
    assert made.flush(WAIT)
    assert "correlation" not in lines_of(out)[-1]


def test_what_is_sampled_or_repeated_is_counted_and_told(set_up: SetUp) -> None:
    out = io.StringIO()
    made = set_up(Sink(out, format=JSON), sample=Sample(every=10), repeats=Repeats(seconds=3600.0))
    for number in range(100):
        logs.log.info("{}", number)
    for _ in range(100):
        logs.log.warning("again")
    assert made.flush(WAIT)
    lines = lines_of(out)
    assert [line["message"] for line in lines if line["level"] == "INFO"] == [str(number) for number in range(0, 100, 10)]
    assert lines[1]["fields"] == {"sampled": 9}
    assert [line["fields"]["repeats"] for line in lines if line.get("event") == "log.repeated"] == [99]
    stats = made.stats()
    assert (stats.sampled, stats.repeated) == (90, 99)


# -- in tests --------------------------------------------------------------------------------------------------------------


def test_a_line_is_captured_when_its_call_has_returned() -> None:
    with CapturedLogs() as captured, ActorSystem() as system:
        counter = system.spawn(Counter)
        counter.ask(3)
        assert [line.message for line in captured.of(counter, level="INFO")] == ["0", "1", "2"]


def test_a_simulated_run_logs_the_same_each_time() -> None:
    def run() -> list[Any]:
        with CapturedLogs() as captured, Simulation() as sim:
            counter = sim.spawn(Counter, name="counter")
            counter.tell(2)
            sim.advance(3.0)
            counter.ask(1)
            return [(line.time, line.actor, line.message, line.correlation) for line in captured.lines]

    first = run()
    assert first
    assert run() == first


# -- the end of the program --------------------------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, threading
from actors import Actor, ActorSystem, logs

class Worker(Actor):
    def on_receive(self, message):
        for number in range(1000):
            self.log.info("{}", number)
        if message == "exit":
            sys.exit(3)

logging = logs.setup(sys.argv[1])
system = ActorSystem()
"""
ENDINGS = {
    "at its end": "system.spawn(Worker).ask('work'); system.shutdown()",
    "by an exception": "system.spawn(Worker).ask('work'); system.shutdown(); raise ValueError('the end')",
    "by sys.exit": "system.spawn(Worker).ask('work'); system.shutdown(); sys.exit(3)",
    "by sys.exit in an actor": "system.spawn(Worker).tell('exit'); system.shutdown()",
    "by Ctrl-C": "system.spawn(Worker).ask('work'); system.shutdown(); signal.raise_signal(signal.SIGINT)",
    "by SIGTERM in run()": """
class Ends(Worker):
    def on_receive(self, message):
        super().on_receive(message)
        os.kill(os.getpid(), signal.SIGTERM)
system.spawn(Ends).tell('work'); system.run()""",
    "by os._exit after flush": "system.spawn(Worker).ask('work'); logs.flush(); os._exit(0)",
}


def lines_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def run_program(code: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM + code, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_logged_before_the_end_of_the_program_is_written(ending: str, tmp_path: Path) -> None:
    result = run_program(ENDINGS[ending], tmp_path / "log")
    mine = [line["message"] for line in lines_in(tmp_path / "log") if line["function"] == "on_receive"]
    assert mine == [str(number) for number in range(1000)], result.stderr


def test_what_is_not_written_in_time_at_the_end_is_counted_on_stderr(tmp_path: Path) -> None:
    code = """
def hangs(message):
    threading.Event().wait()
logs.setup(logs.Sink(hangs), exit_timeout=0.2)
system.spawn(Worker).ask('work'); system.shutdown()
"""
    result = run_program(code, tmp_path / "log")
    assert "log sink hangs: 1 line lost (1 INFO): the sink hung while it wrote it" in result.stderr
    assert "log sink hangs: 999 lines were not written before the end" in result.stderr


FORKS = {
    "fork": """
logs.log.info("parent before")
child = os.fork()
logs.log.info("child" if child == 0 else "parent after")
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
""",
    "multiprocessing": """
import multiprocessing
logs.log.info("parent before")
process = multiprocessing.get_context("fork").Process(target=logs.log.info, args=("child",))
process.start()
process.join()
logs.log.info("parent after")
""",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("way", FORKS)
def test_a_forked_child_writes_its_own_lines_and_its_parent_writes_the_others(way: str, tmp_path: Path) -> None:
    result = run_program("import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORKS[way], tmp_path / "log")
    lines = {line["message"]: line["process"] for line in lines_in(tmp_path / "log")}
    assert sorted(lines) == ["child", "parent after", "parent before"], result.stderr
    assert len(lines_in(tmp_path / "log")) == 3
    assert lines["parent before"] == lines["parent after"] != lines["child"]
