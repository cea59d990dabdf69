"""How lines look: one line each whatever is in them, and JSON that gives back what was logged."""

from __future__ import annotations

import io
import json
import logging
import math
import re
import threading
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorSystem
from actors._core.desk import DESK
from actors.errors import InvalidNameError
from actors.logs import JSON, TEXT, Routes, Sink, log
from tests.logs.kit import WAIT, Caught, raised
from tests.support import scaled

# Ends of lines of all kinds, escapes for terminals, changes of direction, half characters, and what formats and markup are made of.
NASTY = "\n\r\x00\x07\x08\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\udfff"
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # in JSON it is the character that the two stand for in UTF-16
TEXTS = st.text(st.sampled_from([*NASTY, *"a <>{}[]/\\\"'=|:é\U0001f600"]), max_size=12).filter(lambda text: not PAIR.search(text))
FORGED = "\n2024-05-31 12:00:00.000 | CRITICAL | /bank - all is well"
INDENT = "    "

EVERYTHING = (
    "{time} {level.icon} {level} {name}:{function}:{line} {file} {module} {thread.name} {process.name} {elapsed} {extra} - {message}"
)
OURS = "{system} {actor} {actor_class} {incarnation} {correlation} {event} {message}"
FORMATS = (
    TEXT,
    EVERYTHING,
    OURS,
    "<green>{time}</green> <lvl>{message}</lvl> {extra}",
    "{message}",
    lambda record: "{name} {message} {thread.name}\n{exception}",
    JSON,
)
examples = settings(max_examples=scaled(1000, 40), suppress_health_check=[HealthCheck.function_scoped_fixture])


def texts(caught: Caught) -> list[str]:
    """What was written in each form of text."""
    return [caught.text(number) for number in range(len(FORMATS) - 1)]


def check_lines(caught: Caught, count: int, *, tracebacks: bool = False) -> None:
    """Each form has so many lines, and nothing in them that an eye or a terminal could be deceived with."""
    for text in texts(caught):
        lines = text.splitlines()
        assert text.endswith("\n")
        assert len(lines) == text.count("\n")
        assert not set(text) & set(NASTY) - {"\n"}
        if tracebacks:
            lines = [line for line in lines if not line.startswith(INDENT)]
        assert len(lines) == count
    assert len(caught.objects(len(FORMATS) - 1)) == count


# -- one line each ---------------------------------------------------------------------------------------------------------


@given(message=TEXTS, value=TEXTS, name=TEXTS.filter(bool))
@examples
def test_a_line_stays_one_line_whatever_is_in_messages_fields_and_their_names(caught: Caught, message: str, value: str, name: str) -> None:
    caught.ready(formats=FORMATS)
    log.info(message)
    log.info("{} {x}", value, x=value)
    log.bind(**{name: value}).info(message)
    log.info("x", **{name: [value, {value: value}]})
    with log.contextualize(**{name: value}):
        log.info("{}", [value])
    log.opt(lazy=True, record=True).info("{} {record[extra]}", lambda: value)
    log.opt(colors=True).info("<red>{}</red>", value)
    log.patch(lambda record: record.update(message=value)).info(message)
    log.patch(lambda record: record["extra"].update({name: value, "x": {name: value}})).info("x")
    check_lines(caught, 9)
    found = [line["message"] for line in caught.objects(len(FORMATS) - 1)]
    assert found[:2] == [message, f"{value} {value}"]
    assert found[7] == value


@given(text=TEXTS)
@examples
def test_a_line_stays_one_line_whatever_threads_and_code_are_called(caught: Caught, text: str) -> None:
    caught.ready(formats=FORMATS)
    names = {"log": log, "__name__": text}
    exec("def function(): log.info('said')", names)
    function: Any = names["function"]
    function.__code__ = function.__code__.replace(co_name=text or "x", co_filename=f"/dir/{text}".replace("\x00", ""))
    thread = threading.Thread(target=function, name=text)
    thread.start()
    thread.join()
    check_lines(caught, 1)
    (line,) = caught.objects(len(FORMATS) - 1)
    assert (line["logger"], line["function"], line["thread"]) == (text, text or "x", thread.name)


@given(text=TEXTS, note=TEXTS)
@examples
def test_tracebacks_are_indented_whatever_is_in_them(caught: Caught, text: str, note: str) -> None:
    caught.ready(formats=FORMATS)
    kind = type(text.replace("\x00", "").encode("utf8", "replace").decode() or "X", (Exception,), {"__module__": text})
    inner = raised(kind(text))
    inner.add_note(note)
    error = ExceptionGroup(text, [inner])
    error.__cause__ = raised(ValueError(text))
    try:
        raise error
    except ExceptionGroup:
        log.exception("went wrong")
    log.opt(exception=error).error(FORGED)
    log.opt(exception=error, colors=True).error("<red>{}</red>", FORGED)
    check_lines(caught, 3, tracebacks=True)
    for written in texts(caught):
        assert "ExceptionGroup" in written


@given(text=TEXTS)
@examples
def test_lines_from_elsewhere_stay_one_line_too(caught: Caught, text: str) -> None:
    caught.ready(formats=FORMATS, routes=Routes(uncaught=False))
    level = 31
    logging.addLevelName(level, text)
    logger = logging.getLogger(f"tests.{text}")
    try:
        logger.log(level, "%s", text, extra={"given": text, f"x{text}": [text]})
        logger.error(text, extra={"given": 1})
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn_explicit(text, UserWarning, f"x{text}", 1)
    finally:
        logging.addLevelName(level, f"Level {level}")
        logging.Logger.manager.loggerDict.pop(logger.name, None)
    check_lines(caught, 3)


@given(name=TEXTS)
@examples
def test_names_of_actors_and_systems_cannot_forge_lines(caught: Caught, name: str) -> None:
    caught.ready(formats=FORMATS, events=True, level="DEBUG")

    class Speaking(Actor):
        def on_receive(self, message: Any) -> Any:
            self.log.info("said")

    Speaking.__qualname__ = name.replace("\x00", "")
    try:
        with ActorSystem(name) as system:
            system.spawn(Speaking, name=name).ask("?", timeout=WAIT)
    except (InvalidNameError, ValueError):
        pass
    log.info("end")
    check_lines(caught, len(caught.records))


@given(text=TEXTS)
@examples
def test_fields_that_a_format_names_stay_on_the_line(caught: Caught, text: str) -> None:
    caught.ready(formats=("{message} {extra[x]} {extra[y][0]} {extra[z][x]:>5}",))
    log.info("x", x=text, y=[text], z={"x": text})
    (line,) = caught.text().splitlines()
    assert not set(line) & set(NASTY)


@pytest.mark.parametrize("colorize", [False, True])
def test_only_colours_of_the_format_reach_a_terminal(caught: Caught, colorize: bool) -> None:
    caught.set_up(formats=FORMATS, colorize=colorize)
    attack = "\x1b[2J\x1b]0;title\x07\x1b[31mred\u202e"
    log.info(attack)
    log.opt(colors=True).info("<red>{}</red>", attack)
    log.info("{}", [attack], field=attack)
    for text in texts(caught):
        rest = re.sub("\x1b\\[[0-9;]*m", "", text) if colorize else text
        assert not set(rest) & set(NASTY) - {"\n"}
    assert "\x1b" not in caught.text(len(FORMATS) - 1)


def test_a_format_of_several_lines_has_so_many(caught: Caught) -> None:
    caught.set_up(formats=("{level}\n{message}",))
    log.info(FORGED)
    log.opt(exception=raised(ValueError(FORGED))).error("x")
    lines = caught.lines()
    assert lines[:4] == ["INFO", FORGED.replace("\n", "\\n"), "ERROR", "x"]
    assert all(line.startswith(INDENT) for line in lines[4:])


@pytest.mark.parametrize("options", [{"backtrace": True}, {"diagnose": True}])
@pytest.mark.parametrize("form", [TEXT, EVERYTHING])
def test_logurus_own_tracebacks_are_indented_too(caught: Caught, options: dict[str, bool], form: Any) -> None:
    stream = io.StringIO()
    caught.set_up(Sink(stream, format=form, **options))
    log.opt(exception=raised(ValueError(FORGED))).error(FORGED)
    caught.flush()
    first, *others = stream.getvalue().splitlines()
    assert "all is well" in first
    assert len(others) > 3
    assert all(line.startswith(INDENT) for line in others)
    assert ("└" in stream.getvalue()) == ("diagnose" in options)


# -- TEXT ------------------------------------------------------------------------------------------------------------------


def test_text_shows_time_level_origin_message_and_fields(caught: Caught) -> None:
    caught.set_up(formats=(TEXT,))
    log.bind(a=1).warning("said {b}", b="two words", c="", d=[1, {"e": None}])
    record, (line,) = caught.record, caught.lines()
    stamp = record["time"].strftime("%Y-%m-%d %H:%M:%S")
    origin = f"{__name__}:{record['function']}:{record['line']}"
    assert line.startswith(f"{stamp}.{record['time'].microsecond // 1000:03d} | WARNING  | {origin} - said two words")
    assert line.endswith("  a=1 b='two words' c='' d=[1, {'e': None}]")


def test_a_message_with_braces_and_markup_is_shown_as_it_is(caught: Caught) -> None:
    caught.set_up(formats=(TEXT, "{message} {extra[a]}"), colorize=True)
    log.bind(a="<red>{message}</red>").info("{} {x} <red> {0.__class__} %s }{")
    for number in (0, 1):
        assert "{} {x} <red> {0.__class__} %s }{" in caught.text(number)
        assert "<red>{message}</red>" in caught.text(number)


@pytest.mark.parametrize("form", [TEXT, JSON, "{message}", "{extra}"])
def test_functions_and_handlers_take_every_format(caught: Caught, form: Any) -> None:
    taken: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            taken.append(f"{record.getMessage()}\n")

    async def later(message: str) -> None:
        taken.append(str(message))

    caught.set_up(
        Sink(lambda message: taken.append(str(message)), format=form),
        Sink(later, format=form),
        Sink(Handler(), format=form),
        formats=(form,),
    )
    log.info("said", a=1)
    text = caught.text()
    assert taken == [text] * 3


# -- JSON ------------------------------------------------------------------------------------------------------------------

NAMES = st.text(min_size=1, max_size=6)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | TEXTS
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


def as_json(value: Any) -> Any:
    """Of two halves of a character that follow each other JSON makes one."""
    return json.loads(json.dumps(value))


@given(message=st.text() | TEXTS, fields=st.dictionaries(NAMES, VALUES, max_size=4), bound=st.dictionaries(NAMES, VALUES, max_size=2))
@examples
def test_json_gives_back_message_and_fields_exactly(
    caught: Caught, tmp_path_factory: pytest.TempPathFactory, message: str, fields: dict[str, Any], bound: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "x.jsonl"
    caught.ready(path=path, formats=(JSON,))
    path.write_bytes(b"")
    log.bind(**bound).opt(raw=False).info("{message_}", message_=message, **fields)
    caught.flush()
    written = path.read_bytes().split(b"\n")
    assert written[1:] == [b""]
    for line in (*caught.objects(), json.loads(written[0])):
        assert as_json(line["message"]) == as_json(message)
        assert as_json(line["fields"]) == as_json({**bound, "message_": message, **fields})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16", "shift_jis"])
def test_json_is_json_in_every_encoding(caught: Caught, tmp_path: Path, encoding: str) -> None:
    message = "é \U0001f600 \u2028 \ud800 日"
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")
    caught.set_up(Sink(tmp_path / "x", format=JSON, encoding=encoding), Sink(stream, format=JSON))
    log.info(message, **{message: message})
    caught.flush()
    for written in ((tmp_path / "x").read_bytes(), stream.buffer.getvalue()):  # type: ignore[attr-defined]
        line = json.loads(written.decode(encoding))
        assert (line["message"], line["fields"]) == (message, {message: message})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ([math.nan, {"a": math.inf}], ["nan", {"a": "inf"}]),
        (b"bytes\xff", "bytes\\xff"),
        ([b"bytes"], ["bytes"]),
        (1 + 2j, "(1+2j)"),
        ((1, (2,)), [1, [2]]),
        ({1}, [1]),
        ({1: 2, None: 3}, {"1": 2, "None": 3}),
        (OrderedDict(a=OrderedDict(b=1)), {"a": {"b": 1}}),
        (10**5000, "<a whole number of 16610 bits>"),
        ([10**5000], ["<a whole number of 16610 bits>"]),
        (-(2**100), -(2**100)),
        (Path("/a"), "/a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_no_form_for_is_text_whatever_is_beside_it(caught: Caught, value: Any, shown: Any) -> None:
    caught.set_up(formats=(JSON, TEXT))
    log.info("x", value=value)
    log.info("x", value=value, other=math.nan)
    log.bind(value=value).info("x")
    assert [line["fields"]["value"] for line in caught.objects()] == [shown] * 3
    assert len(caught.lines(1)) == 3
    assert "not formatted" not in caught.text(1)


def test_json_has_what_it_is_documented_to_have_and_nothing_empty(caught: Caught) -> None:
    caught.set_up(formats=(JSON,))
    log.info("bare")
    log.opt(exception=raised(ValueError("bad"))).error("full")
    bare, full = caught.objects()
    first, second = caught.records
    assert list(bare) == ["time", "level", "message", "logger", "function", "line", "thread", "process"]
    assert bare["time"] == first["time"].isoformat(timespec="microseconds")
    assert (bare["thread"], bare["process"]) == (first["thread"].name, first["process"].id)
    assert full["exception"]["type"] == "ValueError"
    assert full["exception"]["message"] == "bad"
    assert full["exception"]["traceback"].startswith("Traceback (most recent call last):\n")
    assert full["exception"]["traceback"].endswith("ValueError: bad")
    assert second["exception"].type is ValueError


@given(seconds=st.floats(0, 4e9) | st.integers(0, 4_000_000_000).map(lambda number: number - 1e-7))
@examples
def test_a_line_has_the_same_time_in_every_form(caught: Caught, seconds: float) -> None:
    caught.ready(formats=(JSON, TEXT, "{time:YYYY-MM-DD HH:mm:ss.SSS}"))
    now, DESK.now = DESK.now, lambda: seconds
    try:
        log.info("x")
    finally:
        DESK.now = now
    (line,) = caught.objects()
    assert line["time"] == caught.record["time"].isoformat(timespec="microseconds")
    assert caught.text(1).startswith(caught.text(2).rstrip("\n") + " |")
