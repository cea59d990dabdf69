"""The same call makes the same line as loguru's own logger: records, and text in every format of loguru's.

That is the test of `actors.logs.loguru_port`, which uses insides of loguru: a release that changes them fails here.
"""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from loguru import logger

from actors._core.desk import DESK
from actors._core.frozen import frozen_field
from actors.logs import Routes, Sink, log, loguru_port
from actors.logs.routes import RouteHandler
from tests.logs.kit import WAIT, Caught, place, raised
from tests.support import scaled

examples = settings(max_examples=scaled(2000, 50), suppress_health_check=[HealthCheck.function_scoped_fixture])

logger.level("TEST_LOGURU", no=27, color="<yellow><bold>", icon="?")

LEVELS = ["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL", "TEST_LOGURU", 7, 33]
PLAIN: list[Any] = [0, -1, 12345, 3.14, "text", "", "{}", "<red>", None, True, b"bytes", 1j]
OBJECTS: list[Any] = [[1, "a"], {"a": [1]}, (1,), {1}, Decimal("1.50"), date(2024, 5, 31), Path("/a"), object, int, ValueError("x")]
VALUES = st.sampled_from([*PLAIN, *OBJECTS])
PIECES = st.sampled_from([
    *("{}", "{0}", "{1}", "{x}", "{y}", "{x!r}", "{!s}", "{0:>8}"),
    *( "{:^6}", "{x:<10}", "{:.2f}", "{x:{y}}", "{x.real}", "{x[0]}", "{nothing}"),
    *("text ", "é\U0001f600", "{{", "}}", "{", "}", "%s", "<", "\n", "\\"),
])  # fmt: skip
TEMPLATES = st.lists(PIECES, max_size=6).map("".join)
MARKUP = st.lists(
    PIECES.filter(lambda piece: piece not in "{}<\\") | st.sampled_from(["<red>a</red>", "<b>{}</b>", "\\<red>"]), max_size=5
).map("".join)
ARGS = st.lists(VALUES, max_size=3)
KWARGS = st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES, max_size=3)


class Failing:
    """Stands for a call that loguru refuses."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def both(caught: Caught, theirs: list[Any], call: Callable[[Any], object]) -> tuple[dict[str, Any], Any]:
    """Have ours and loguru's logger do the same; return the records."""
    caught.clear()
    theirs.clear()
    failed = None
    for one in (log, logger):
        try:
            call(one)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            assert one is logger, "only loguru raises"
            failed = Failing(error)
    return caught.record, failed or theirs[0].record


def same_place_and_level(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert place(ours) == place(theirs)
    assert ours["module"] == theirs["module"]
    for name, parts in {
        "level": ("name", "no", "icon"),
        "file": ("name", "path"),
        "thread": ("id", "name"),
        "process": ("id", "name"),
    }.items():
        assert [getattr(ours[name], part) for part in parts] == [getattr(theirs[name], part) for part in parts]
        assert type(ours[name]) is type(theirs[name])
        assert f"{ours[name]}" == f"{theirs[name]}"
    assert type(ours["time"]) is type(theirs["time"])
    assert ours["time"].tzinfo.utcoffset(None) == theirs["time"].tzinfo.utcoffset(None)
    assert ours["time"].tzname() == theirs["time"].tzname()
    assert abs((ours["time"] - theirs["time"]).total_seconds()) < WAIT
    assert type(ours["elapsed"]) is type(theirs["elapsed"])
    assert {*theirs} <= {*ours}


def same(ours: dict[str, Any], theirs: Any) -> None:
    """Compare records; values that can change are text, or containers of such, in ours."""
    if isinstance(theirs, Failing):
        assert f"[not formatted: {type(theirs.error).__name__}: " in ours["message"]
        return
    same_place_and_level(ours, theirs)
    assert ours["message"] == theirs["message"]
    assert ours["extra"] == {name: frozen_field(value) for name, value in theirs["extra"].items()}
    assert (ours["exception"] is None) == (theirs["exception"] is None)
    if ours["exception"] is not None:
        assert ours["exception"] == theirs["exception"]


# -- records ---------------------------------------------------------------------------------------------------------------


@given(level=st.sampled_from(LEVELS), template=TEMPLATES, args=ARGS, kwargs=KWARGS)
@example(level="INFO", template="{x:{y}}", args=[], kwargs={"x": 1, "y": ">5"})
@examples
def test_the_same_call_makes_the_same_record(caught: Caught, global_sink: Any, level: Any, template: str, args: Any, kwargs: Any) -> None:
    caught.ready()
    theirs = _their(global_sink)
    same(*both(caught, theirs, lambda one: one.log(level, template, *args, **kwargs)))


@given(template=MARKUP, args=ARGS, kwargs=KWARGS)
@examples
def test_the_same_call_with_markup_makes_the_same_record(caught: Caught, global_sink: Any, template: str, args: Any, kwargs: Any) -> None:
    caught.ready()
    theirs = _their(global_sink)
    same(*both(caught, theirs, lambda one: one.opt(colors=True).info(template, *args, **kwargs)))


def _within(one: Any, text: str, args: Any, kwargs: Any) -> None:
    with one.contextualize(a=1, x=1), one.contextualize(a=2):
        one.bind(b=3).info(text, *args, **kwargs)


WAYS: dict[str, Callable[[Any, str, Any, Any], object]] = {
    "bind": lambda one, text, args, kwargs: one.bind(a=1, x=2).bind(a=3).info(text, *args, **kwargs),
    "lazy": lambda one, text, args, kwargs: one.opt(lazy=True).info(
        text, *(lambda value=value: value for value in args), **{name: (lambda value=value: value) for name, value in kwargs.items()}
    ),
    "without capture": lambda one, text, args, kwargs: one.bind(a=1).opt(capture=False).info(text, *args, **kwargs),
    "raw": lambda one, text, args, kwargs: one.opt(raw=True).info(text, *args, **kwargs),
    "depth 0": lambda one, text, args, kwargs: one.opt(depth=0).warning(text, *args, **kwargs),
    "depth 1": lambda one, text, args, kwargs: one.opt(depth=1).warning(text, *args, **kwargs),
    "depth 2": lambda one, text, args, kwargs: one.opt(depth=2).log("INFO", text, *args, **kwargs),
    "patch": lambda one, text, args, kwargs: one.patch(lambda record: record["extra"].update(size=len(record["message"]))).info(
        text, *args, **kwargs
    ),
    "patches": lambda one, text, args, kwargs: (
        one.patch(lambda record: record["extra"].update(a=1))
        .patch(lambda record: record.update(message=record["message"] + "!", extra={"b": record["extra"]["a"]}))
        .info(text, *args, **kwargs)
    ),
    "exception": lambda one, text, args, kwargs: one.opt(exception=ERROR).info(text, *args, **kwargs),
    "exception tuple": lambda one, text, args, kwargs: one.opt(exception=(type(ERROR), ERROR, ERROR.__traceback__)).info(
        text, *args, **kwargs
    ),
    "no exception": lambda one, text, args, kwargs: one.opt(exception=False).info(text, *args, **kwargs),
    "contextualize": _within,
}
ERROR = raised(ValueError("bad"))


@pytest.mark.parametrize("way", WAYS)
@given(template=TEMPLATES, args=ARGS, kwargs=KWARGS)
@settings(examples, max_examples=scaled(200, 15))
def test_every_way_of_calling_makes_the_same_record(
    caught: Caught, global_sink: Any, way: str, template: str, args: Any, kwargs: Any
) -> None:
    caught.ready()
    theirs = _their(global_sink)
    same(*both(caught, theirs, lambda one: WAYS[way](one, template, args, kwargs)))


@given(
    args=st.lists(st.sampled_from(PLAIN), min_size=1, max_size=2), kwargs=st.dictionaries(st.sampled_from("xyz"), st.sampled_from(PLAIN))
)
@settings(examples, max_examples=scaled(200, 15))
def test_a_message_that_uses_the_record_is_the_same(caught: Caught, global_sink: Any, args: Any, kwargs: Any) -> None:
    caught.ready()
    theirs = _their(global_sink)
    template = (
        "{} {record[level].name} {record[function]}:{record[line]} {record[thread].name} {record[extra]} {record[message]} {record[name]}"
    )
    same(*both(caught, theirs, lambda one: one.bind(b=1).opt(record=True).info(template, *args, **kwargs)))


@pytest.mark.parametrize("name", ["trace", "debug", "info", "success", "warning", "error", "critical", "exception"])
def test_every_method_makes_the_same_record(caught: Caught, global_sink: Any, name: str) -> None:
    caught.set_up()
    theirs = _their(global_sink)
    try:
        raise ERROR
    except ValueError:
        same(*both(caught, theirs, lambda one: getattr(one, name)("{}", 1, a=2)))


MESSAGE = "{record[function]}:{record[line]} {record[extra]}"


def _catches(one: Any, kind: str) -> None:
    if kind == "block":
        with one.catch(level="WARNING", message=MESSAGE):
            raise ERROR
    elif kind == "patched":
        one.bind(a=1).patch(lambda record: record["extra"].update(b=1)).opt(depth=1).catch(message=MESSAGE)(lambda: 1 / 0)()
    elif kind == "generator":
        [*one.catch(message=MESSAGE)(_numbers)()]
    else:
        one.catch(message=MESSAGE)(_raise)(1, b=2)


def _raise(a: int, b: int) -> None:
    raise ERROR


def _numbers() -> Any:
    yield 1
    raise ERROR


@pytest.mark.parametrize("kind", ["block", "function", "generator", "patched"])
def test_what_is_caught_makes_the_same_record(caught: Caught, global_sink: Any, kind: str) -> None:
    caught.set_up()
    theirs = _their(global_sink)
    ours, their = both(caught, theirs, lambda one: _catches(one, kind))
    same_place_and_level(ours, their)
    assert ours["message"] == their["message"]
    assert ours["extra"] == their["extra"]
    assert ours["exception"].type is their["exception"].type
    assert kind == "patched" or ours["exception"].value is their["exception"].value is ERROR


@pytest.fixture(autouse=True)
def _quiet(global_sink: Any) -> Any:
    """No tracebacks on stderr while loguru's logger is used."""
    put_back = loguru_port._put_default_aside()
    yield
    put_back()


def _their(global_sink: Any) -> list[Any]:
    """The messages of loguru's own; one sink for all examples of a property."""
    known: list[Any] | None = getattr(global_sink, "known", None)
    if known is None:
        known = global_sink.known = global_sink(format="{message}", backtrace=False, diagnose=False)
    return known


# -- text ------------------------------------------------------------------------------------------------------------------

FIELDS = [
    *("{level}", "{level.name: <8}", "{level.no:03d}", "{level.icon}", "{message}", "{message:>20}", "{message!r}", "{name}", "{function}"),
    *("{line}", "{file}", "{file.name}", "{file.path}", "{module}", "{extra}", "{extra[b]}", "{thread}", "{thread.name}", "{thread.id}"),
    *(
        "{process}",
        "{process.id}",
        "{process.name}",
        "{time}",
        "{time:YYYY-MM-DD HH:mm:ss.SSSSSS ZZ zz}",
        "{time:X x D DDDD}",
        "{time:HH:mm!UTC}",
    ),
    *("{{", "}}", " | ", "é", "\\<red>"),
]
TAGS = st.sampled_from(["red", "level", "lvl", "bold", "bg blue", "fg 200", "LIGHT-CYAN", "dim"])
PARTS = st.recursive(
    st.sampled_from(FIELDS),
    lambda inner: st.builds(lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", TAGS, st.lists(inner, max_size=3)),
    max_leaves=5,
)
FORMATS = st.lists(PARTS, max_size=6).map("".join)
SECONDS = 1_717_156_800.123456


def _patched(record: dict[str, Any]) -> None:
    record["time"] = type(record["time"]).fromtimestamp(SECONDS, record["time"].tzinfo)


@given(
    form=FORMATS,
    dynamic=st.booleans(),
    colorize=st.booleans(),
    level=st.sampled_from(LEVELS),
    option=st.sampled_from(["none", "colors", "raw", "exception", "raw colors"]),
    message=st.sampled_from(["text", "{a}", "<red>{b}</red>", "", "é <bold>x</bold>"]),
)
@example(form="<level>{level}</level>", dynamic=False, colorize=True, level="TEST_LOGURU", option="none", message="text")
@example(form="<level>{message}</level>", dynamic=True, colorize=True, level="TEST_LOGURU", option="colors", message="<red>{b}</red>")
@example(form="<level>{message}</level>", dynamic=False, colorize=True, level=7, option="raw colors", message="<level>{b}</level>")
@examples
def test_the_same_call_makes_the_same_text_in_every_format(
    caught: Caught, form: str, dynamic: bool, colorize: bool, level: Any, option: str, message: str
) -> None:
    given_form: Any = (lambda _: form + "\n{exception}") if dynamic else form
    theirs, ours, stream = [], [], io.StringIO()
    options: dict[str, Any] = {"format": given_form, "colorize": colorize, "backtrace": False, "diagnose": False}
    try:
        number = logger.add(theirs.append, level=0, catch=False, **options)
    except ValueError:
        with pytest.raises(ValueError, match="format="):
            Sink(ours.append, **options)
        return
    caught.set_up(Sink(ours.append, **options), Sink(stream, **options))
    opts = {"colors": "colors" in option, "raw": "raw" in option, "exception": ERROR if option == "exception" else None}
    now, DESK.now = DESK.now, lambda: SECONDS
    try:
        for one in (log, logger.patch(_patched)):
            one.bind(b="bound").opt(**opts).log(level, message, a=1, b="given")
    finally:
        DESK.now = now
        logger.remove(number)
    caught.flush()
    assert [str(text) for text in ours] == [str(text) for text in theirs]
    if option != "exception":
        assert stream.getvalue() == str(theirs[0])
    elif not colorize:
        assert stream.getvalue().startswith(str(theirs[0]).split("Traceback")[0].rstrip("\n"))


@pytest.mark.parametrize(
    "given_filter",
    [None, "tests", "nothing", "tests.logs", {"tests": "WARNING"}, {"": False}, {"tests": 35, "": True}, lambda r: r["line"] % 2],
)
def test_filters_are_logurus(caught: Caught, given_filter: Any) -> None:
    theirs: list[Any] = []
    ours: list[Any] = []
    number = logger.add(theirs.append, level=0, format="{message}", filter=given_filter, catch=False)
    caught.set_up(Sink(ours.append, filter=given_filter))
    for one in (log, logger):
        one.debug("1")
        one.warning("2")
        one.error("3")
    logger.remove(number)
    caught.flush()
    assert [str(text) for text in ours] == [str(text) for text in theirs]


@pytest.mark.parametrize("option", ["none", "exception", "raw"])
def test_handlers_of_logging_get_the_same_record(caught: Caught, option: str) -> None:
    class Keeping(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.records: list[logging.LogRecord] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.records.append(record)

    theirs, ours = Keeping(), Keeping()
    number = logger.add(theirs, level=0, format="{message}", catch=False, backtrace=False, diagnose=False)
    caught.set_up(ours)
    opts = {"exception": ERROR if option == "exception" else None, "raw": option == "raw"}
    for one in (log, logger):
        one.bind(b=1).opt(**opts).warning("{a}", a=2)
    logger.remove(number)
    caught.flush()
    (our,), (their,) = ours.records, theirs.records
    assert abs(our.created - their.created) < WAIT
    assert abs(our.created - caught.record["time"].timestamp()) < 1e-6
    names = ("name", "levelno", "levelname", "pathname", "lineno", "funcName", "thread", "threadName", "process", "processName", "module")
    assert [getattr(our, name) for name in names] == [getattr(their, name) for name in names]
    assert our.getMessage() == their.getMessage()
    assert our.exc_info == their.exc_info
    assert our.__dict__["extra"] == their.__dict__["extra"]


# -- routes ----------------------------------------------------------------------------------------------------------------


@given(level=st.sampled_from(LEVELS), template=TEMPLATES, args=ARGS, kwargs=KWARGS, fails=st.booleans())
@examples
def test_a_line_of_logurus_logger_arrives_as_it_is(
    caught: Caught, global_sink: Any, level: Any, template: str, args: Any, kwargs: Any, fails: bool
) -> None:
    caught.ready(routes=Routes(logging=False, warnings=False, uncaught=False))
    theirs = _their(global_sink)
    theirs.clear()
    try:
        logger.bind(b=1).opt(exception=ERROR if fails else None).log(level, template, *args, **kwargs)
    except (ValueError, TypeError, LookupError, AttributeError):
        assume(False)
    record = theirs[0].record
    same(caught.record, record)
    assert caught.record["time"] == record["time"]


@given(
    level=st.integers(1, 60),
    message=st.sampled_from(["text", "%s", "%d %s", "100%", "{x}", "é\n"]),
    args=st.lists(st.sampled_from(PLAIN + OBJECTS), max_size=2),
)
@examples
def test_a_line_of_logging_arrives_as_it_is(caught: Caught, level: int, message: str, args: Any) -> None:
    caught.ready(routes=Routes(loguru=False, warnings=False, uncaught=False))
    kept: list[logging.LogRecord] = []
    library = logging.getLogger("tests.library")
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers[:] = [one for one in handlers if isinstance(one, RouteHandler)]  # pytest's own raises for what is not formatted
    library.addFilter(lambda record: kept.append(record) or True)
    try:
        library.log(level, message, *args, extra={"a": 1}, exc_info=ERROR if level % 2 else None)
    finally:
        library.filters.clear()
        root.handlers[:] = handlers
    record, (expected,) = caught.record, kept
    try:
        text = expected.getMessage()
    except (TypeError, ValueError) as failure:
        text = f"{message} [not formatted: {type(failure).__name__}: {failure}]"
    assert record["message"] == text
    assert place(record) == ("tests.library", expected.funcName, expected.lineno)
    assert (record["level"].no, record["file"].path) == (level, expected.pathname)
    assert record["extra"] == {"a": 1}
    assert (record["exception"].value if level % 2 else None) is (ERROR if level % 2 else None)
    assert (record["thread"].name, record["thread"].id) == (threading.current_thread().name, threading.get_ident())
    assert abs(record["time"].timestamp() - expected.created) < 1e-5


def test_the_place_of_a_line_that_comes_from_another_module_is_that_module(caught: Caught, global_sink: Any) -> None:
    caught.set_up()
    theirs = _their(global_sink)
    names: dict[str, Any] = {"__name__": "elsewhere"}
    exec(compile("def call(one):\n\n    one.info('said')\n", "/lib/elsewhere.py", "exec"), names)
    same(*both(caught, theirs, names["call"]))
    assert place(caught.record) == ("elsewhere", "call", 3)
    assert "elsewhere" not in sys.modules


PROGRAM = """
import io
from loguru import logger
from actors import logs

logger.info("before")
for number in (1, 2):
    out = io.StringIO()
    with logs.setup(out, level="DEBUG"):
        logger.info(f"inside {number}")
        logger.trace("not at this level")
    assert out.getvalue().count("\\n") == 1, out.getvalue()
    logger.info(f"after {number}")
    logs.log.info(f"also after {number}")
with logs.setup(io.StringIO()):
    logger.remove()
logger.info("never")
"""


def test_the_handler_that_loguru_begins_with_is_back_after_close() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=WAIT, check=True)
    assert [line.rpartition(" - ")[2] for line in done.stderr.splitlines()] == [
        "before",
        "after 1",
        "also after 1",
        "after 2",
        "also after 2",
    ]
