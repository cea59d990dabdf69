"""The callers' half of logging, without any actor: levels, bind, contextualize, opt, patch, and the place in the code."""

from __future__ import annotations

import asyncio
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from loguru import logger

from actors import logs
from actors.logs import TEXT, Sink, log
from tests.logs.kit import Caught, here, place

LEVELS = {"trace": 5, "debug": 10, "info": 20, "success": 25, "warning": 30, "error": 40, "critical": 50}

logger.level("TEST_NOTICE", no=33, color="<magenta>", icon="!")


def never() -> Any:
    """An argument that must not be asked for."""
    raise AssertionError("evaluated")


class Untouchable:
    """An object that must not be looked at."""

    def __str__(self) -> str:
        return str(never())

    __repr__ = __str__


# -- levels ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", LEVELS)
def test_each_level_method_logs_at_its_level(caught: Caught, method: str) -> None:
    caught.set_up()
    getattr(log, method)("said {}", 1, by="me")
    record = caught.record
    assert (record["level"].name, record["level"].no) == (method.upper(), LEVELS[method])
    assert record["message"] == "said 1"
    assert record["extra"] == {"by": "me"}
    assert record["exception"] is None


@pytest.mark.parametrize("level", LEVELS.values())
def test_a_level_is_on_from_the_level_of_setup_upwards(caught: Caught, level: int) -> None:
    caught.set_up(level=level)
    for method, no in LEVELS.items():
        getattr(log, method)(method)
        log.log(method.upper(), method)
        log.log(no, method)
        log.opt(depth=0).log(method.upper(), method)
    assert caught.messages == [method for method, no in LEVELS.items() if no >= level for _ in range(4)]


@pytest.mark.parametrize(
    ("level", "name", "no"),
    [("INFO", "INFO", 20), (40, "ERROR", 40), ("TEST_NOTICE", "TEST_NOTICE", 33), (7, "Level 7", 7), (0, "Level 0", 0)],
)
def test_log_takes_a_name_a_number_or_a_level_of_ones_own(caught: Caught, level: str | int, name: str, no: int) -> None:
    caught.set_up(formats=(TEXT, logs.JSON))
    log.log(level, "said {}", "so", a=1)
    record = caught.record
    assert (record["level"].name, record["level"].no, record["message"]) == (name, no, "said so")
    assert f"| {name: <8} |" in caught.text(0)
    (line,) = caught.objects(1)
    assert line["level"] == name
    assert line.get("no", no) == no
    assert ("no" in line) == (name not in [known.upper() for known in LEVELS])


@pytest.mark.parametrize("level", ["NOTHING", "info", "", -1])
def test_a_level_that_is_none_is_refused_by_name_and_value(caught: Caught, level: Any) -> None:
    caught.set_up()
    for refused in (
        partial(log.log, level, "x"),
        partial(log.opt(raw=True).log, level, "x"),
        partial(log.catch, level=level),
        partial(caught.logging.set_level, level),
        partial(Sink, print, level=level),
    ):
        with pytest.raises(ValueError, match=f"level={level!r} is not valid"):
            refused()
    assert caught.messages == []


@pytest.mark.parametrize("level", [None, 1.5, True, b"INFO", ["INFO"]])
def test_a_level_of_the_wrong_type_is_refused(caught: Caught, level: Any) -> None:
    caught.set_up()
    with pytest.raises(TypeError, match="level="):
        log.log(level, "x")
    with pytest.raises(TypeError, match="level="):
        caught.logging.set_level(level)


def test_a_level_that_is_off_looks_at_nothing_and_calls_nothing(caught: Caught) -> None:
    caught.set_up(level="WARNING")
    for quiet in (log, log.bind(a=1), log.opt(lazy=True), log.opt(lazy=True, record=True, colors=True), log.patch(lambda _: never())):
        quiet.info("{} {x}", Untouchable(), x=Untouchable())
        quiet.info(Untouchable())
        quiet.log("INFO", "{}", Untouchable())
    log.opt(lazy=True).info("{} {x}", never, x=never)
    assert caught.messages == []
    assert caught.logging.stats().logged == 0


def test_set_level_takes_effect_at_once_on_sinks_without_a_level_of_their_own(caught: Caught) -> None:
    own: list[str] = []
    caught.set_up(Sink(own.append, level="ERROR"), level="INFO")
    assert caught.logging.level == 20
    log.debug("1")
    caught.logging.set_level("DEBUG")
    assert caught.logging.level == 10
    log.debug("2")
    caught.logging.set_level(50)
    assert caught.logging.level == 40
    log.error("3")
    log.critical("4")
    assert caught.messages == ["2", "4"]
    assert [str(message) for message in own] == ["3\n", "4\n"]
    assert caught.logging.stats().logged == 3


def test_exception_logs_the_exception_that_is_being_handled(caught: Caught) -> None:
    caught.set_up()
    error = ValueError("bad")
    try:
        raise error
    except ValueError:
        log.exception("went {}", "wrong")
        log.bind(a=1).exception("again")
    log.exception("none")
    first, again, none = caught.records
    assert (first["message"], first["level"].name) == ("went wrong", "ERROR")
    assert first["exception"].value is error
    assert first["exception"].type is ValueError
    assert again["exception"].value is error
    assert none["exception"] is None


# -- fields ----------------------------------------------------------------------------------------------------------------


def test_bound_fields_are_in_every_line_and_the_nearest_wins(caught: Caught) -> None:
    caught.set_up()
    outer = log.bind(a=1, b=1, c=1)
    inner = outer.bind(b=2, c=2)
    with log.contextualize(a=0, d=0):
        inner.info("x", c=3)
    outer.info("y")
    log.info("z")
    assert [record["extra"] for record in caught.records] == [{"a": 1, "b": 2, "c": 3, "d": 0}, {"a": 1, "b": 1, "c": 1}, {}]


def test_fields_are_no_arguments_of_the_message(caught: Caught) -> None:
    caught.set_up()
    log.bind(a=1).info("{a}")
    with log.contextualize(a=1):
        log.info("{}")
    assert caught.messages == ["{a}", "{}"]


def test_what_a_line_is_bound_to_keeps_its_options_and_patchers(caught: Caught) -> None:
    caught.set_up()
    patched = log.opt(lazy=True).patch(lambda record: record["extra"].update(patched=True))
    patched.bind(a=1).info("{}", lambda: "lazy")
    patched.opt(raw=True).info("raw")
    lazy, raw = caught.records
    assert (lazy["message"], lazy["extra"]) == ("lazy", {"a": 1, "patched": True})
    assert (raw["message"], raw["extra"]) == ("raw", {"patched": True})


def test_contextualize_ends_with_its_block_also_when_that_raises(caught: Caught) -> None:
    caught.set_up()
    with log.contextualize(a=1):
        with suppress(KeyError), log.contextualize(a=2, b=2):
            log.info("inner")
            raise KeyError
        log.info("outer")
    log.info("none")
    assert [record["extra"] for record in caught.records] == [{"a": 2, "b": 2}, {"a": 1}, {}]


def test_contextualize_is_of_one_thread(caught: Caught) -> None:
    caught.set_up()
    with log.contextualize(a=1):
        thread = threading.Thread(target=log.info, args=("other",))
        thread.start()
        thread.join()
        log.info("this")
    assert {record["message"]: record["extra"] for record in caught.records} == {"other": {}, "this": {"a": 1}}


def test_contextualize_is_of_one_task_and_stays_across_its_awaits(caught: Caught) -> None:
    caught.set_up()

    async def work(number: int, mine: asyncio.Event, other: asyncio.Event) -> None:
        with log.contextualize(task=number):
            other.set()
            await mine.wait()
            log.info("after await")
            other.set()
        log.info("over")

    async def both() -> None:
        events = (asyncio.Event(), asyncio.Event())
        await asyncio.gather(work(0, *events), work(1, *reversed(events)))

    asyncio.run(both())
    fields = [record["extra"].get("task") for record in caught.records if record["message"] == "after await"]
    assert sorted(fields) == [0, 1]
    assert [record["extra"] for record in caught.records if record["message"] == "over"] == [{}, {}]


def test_contextualize_is_a_method_of_every_log_and_counts_for_all(caught: Caught) -> None:
    caught.set_up()
    with log.bind(a=1).contextualize(b=2):
        log.info("x")
    assert caught.record["extra"] == {"b": 2}


# -- opt -------------------------------------------------------------------------------------------------------------------


def test_opt_exception_takes_true_an_exception_or_what_exc_info_returned(caught: Caught) -> None:
    caught.set_up()
    given, raised = KeyError("given"), ValueError("raised")
    try:
        raise raised
    except ValueError:
        log.opt(exception=True).info("true")
        log.opt(exception=sys.exc_info()).info("tuple")
        log.opt(exception=given).info("instance")
        log.opt(exception=False).info("false")
    log.opt(exception=True).info("none")
    values = [record["exception"] and record["exception"].value for record in caught.records]
    assert values == [raised, raised, given, None, None]


def test_opt_lazy_calls_each_function_once_though_there_are_several_sinks(caught: Caught) -> None:
    caught.set_up(formats=(TEXT, logs.JSON))
    calls: list[str] = []

    def one(name: str) -> str:
        calls.append(name)
        return name

    log.opt(lazy=True).info("{} {b} {}", partial(one, "x"), partial(one, "y"), b=partial(one, "z"))
    assert caught.message == "x z y"
    assert caught.record["extra"] == {"b": "z"}
    assert calls == ["x", "y", "z"]


def test_what_a_lazy_function_raises_is_told_in_the_line(caught: Caught) -> None:
    caught.set_up()
    log.opt(lazy=True).info("value {}", lambda: 1 / 0)
    assert "ZeroDivisionError: division by zero" in caught.message
    assert caught.message.startswith("value <")


def test_opt_record_lets_the_message_use_the_record(caught: Caught) -> None:
    caught.set_up()
    log.opt(record=True).info("{} in {record[function]} at {record[level].name} {x}", 1, x=2)
    log.bind(a=[1]).opt(record=True).info("{record[extra][a]}")
    first, second = caught.records
    assert first["message"] == f"1 in {here()[1]} at INFO 2"
    assert first["extra"] == {"x": 2}
    assert second["message"] == "[1]"


@pytest.mark.parametrize("colorize", [False, True])
def test_markup_of_a_message_is_colour_in_colour_sinks_and_nothing_elsewhere(caught: Caught, colorize: bool) -> None:
    caught.set_up(formats=("{message}", TEXT, logs.JSON), colorize=colorize)
    log.opt(colors=True).info("a <red>{}</red> c {x}", "b", x="d")
    assert caught.message == "a b c d"
    assert caught.objects(2)[0]["message"] == "a b c d"
    if colorize:
        assert caught.lines(0) == ["a \x1b[31mb\x1b[0m c d"]
        assert "\x1b[31mb\x1b[0m" in caught.text(1)
    else:
        assert caught.lines(0) == ["a b c d"]
        assert "\x1b" not in caught.text(1)


@pytest.mark.parametrize("argument", ["<red>", "<nothing>", object(), ["<b>", 1], "</red>"])
@pytest.mark.parametrize("colorize", [False, True])
def test_only_the_message_has_markup_not_its_arguments(caught: Caught, argument: Any, colorize: bool) -> None:
    caught.set_up(formats=("{message}",), colorize=colorize)
    log.opt(colors=True).info("a <red>{}</red> {x!r} <bold>{x!s:>3}</bold>", argument, x=argument)
    log.opt(colors=True, capture=False).info("<red>{x}</red>", x=argument)
    assert caught.messages == [f"a {argument} {argument!r} {argument!s:>3}", f"{argument}"]
    assert ("\x1b[31m" in caught.text()) == colorize
    assert f"{argument}" in caught.text()


@pytest.mark.parametrize("message", ["<nothing>x</nothing>", "<red>x", "x</red>", "<red>{}</red>"])
def test_bad_markup_is_told_as_it_is(caught: Caught, message: str) -> None:
    caught.set_up(formats=(TEXT,))
    log.opt(colors=True).info(message, *([] if "{}" not in message else [object.__new__(Untouchable)]))
    assert "x" in caught.message or "AssertionError" in caught.message
    assert len(caught.lines()) == 1


def test_raw_messages_are_written_as_they_are(caught: Caught) -> None:
    caught.set_up(formats=(TEXT, "{level} {message}"))
    log.opt(raw=True).info("a {} b", 1)
    log.opt(raw=True).info("c\n", exception=1)
    assert caught.text(0) == "a 1 bc\n"
    assert caught.text(1) == "a 1 bc\n"


def test_without_capture_keyword_arguments_are_no_fields(caught: Caught) -> None:
    caught.set_up()
    log.bind(a=1).opt(capture=False).info("{b}", b=2)
    log.bind(a=1).opt(capture=False, record=True).info("{b} {record[extra]}", b=2)
    log.bind(a=1).opt(capture=False, colors=True).info("<red>{b}</red>", b=[2])
    assert caught.messages == ["2", "2 {'a': 1}", "[2]"]
    assert [record["extra"] for record in caught.records] == [{"a": 1}] * 3


@pytest.mark.parametrize("depth", [-1, True, 1.0, None, "1"])
def test_a_depth_that_is_none_is_refused(depth: Any) -> None:
    with pytest.raises(ValueError, match=f"depth={depth!r} is not valid"):
        log.opt(depth=depth)


def test_patchers_change_the_record_in_the_order_they_were_given(caught: Caught) -> None:
    caught.set_up(formats=(TEXT, logs.JSON))
    first = log.patch(lambda record: record.update(message=record["message"] + " one"))
    second = first.patch(lambda record: record.update(message=record["message"] + " two", extra={"seen": record["message"]}))
    second.info("message {x}", x=1)
    assert (caught.message, caught.record["extra"]) == ("message 1 one two", {"seen": "message 1 one"})
    assert "message 1 one two  seen='message 1 one'" in caught.text(0)
    assert caught.objects(1)[0]["fields"] == {"seen": "message 1 one"}


def test_a_patcher_that_raises_is_told_in_the_line_and_the_others_go_on(caught: Caught) -> None:
    caught.set_up()
    log.patch(lambda _: 1 / 0).patch(lambda record: record["extra"].update(a=1)).info("x")
    assert caught.message.startswith("x [patcher failed: ZeroDivisionError")
    assert caught.record["extra"] == {"a": 1}


def test_a_patcher_may_log(caught: Caught, global_sink: Callable[..., list[Any]]) -> None:
    messages = global_sink(format="{message}")
    chatty = log.patch(lambda record: log.info("patched"))
    chatty.info("before setup")
    assert [str(one) for one in messages] == ["patched\n", "before setup\n"]
    caught.set_up()
    chatty.info("after")
    assert "after" in caught.messages


@pytest.mark.parametrize("patcher", [None, 1, "x"])
def test_a_patcher_is_a_function(patcher: Any) -> None:
    for one in (log, log.opt()):
        with pytest.raises(TypeError, match=f"patcher={patcher!r} is not valid"):
            one.patch(patcher)


def test_a_log_belongs_to_its_process() -> None:
    assert repr(log) == "<Log of no actor>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(log)


# -- the place in the code -------------------------------------------------------------------------------------------------


def _ways() -> dict[str, Callable[[str], None]]:
    """The ways of logging: each is called by `_way` alone."""
    return {
        "info": log.info,
        "log": partial(log.log, "INFO"),
        "exception": log.exception,
        "bind": log.bind(a=1).info,
        "opt": log.opt(record=True).info,
        "opt log": partial(log.opt(lazy=True).log, 20),
        "opt exception": log.opt().exception,
        "patch": log.patch(lambda _: None).info,
        "bound opt": log.opt(raw=True).bind(a=1).critical,
    }


@pytest.mark.parametrize("way", _ways())
def test_the_place_of_a_line_is_that_of_its_call(caught: Caught, way: str) -> None:
    caught.set_up(formats=(logs.JSON,))
    call = _ways()[way]
    call("x")
    expected = here(back=1)
    assert place(caught.record) == expected
    assert (caught.record["module"], caught.record["file"].name, caught.record["file"].path) == ("test_log", "test_log.py", __file__)
    if "raw" not in way:
        (line,) = caught.objects()
        assert (line["logger"], line["function"], line["line"]) == expected


def test_with_a_depth_it_is_that_of_a_caller_further_up(caught: Caught) -> None:
    caught.set_up()

    def helper() -> None:
        log.opt(depth=1).info("x")
        log.opt(depth=10_000).info("y")

    helper()
    expected = here(back=1)
    deep, deeper = caught.records
    assert place(deep) == expected
    assert deeper["message"] == "y"


def test_lines_of_one_statement_have_the_lines_of_their_calls(caught: Caught) -> None:
    caught.set_up()
    _ = [
        log.info("a"),
        log.info("b"),
    ]
    first, second = caught.records
    assert second["line"] == first["line"] + 1


def test_code_without_a_name_has_a_place_too(caught: Caught) -> None:
    caught.set_up(formats=(TEXT, logs.JSON))
    exec(compile("log.info('x')", "<odd\nfile>", "exec"), {"log": log, "__name__": "odd\nname"})
    exec("log.info('y')", {"log": log})
    assert len(caught.lines(0)) == 2
    assert [line["logger"] for line in caught.objects(1)] == ["odd\nname", "None"]


# -- nothing set up --------------------------------------------------------------------------------------------------------


def test_before_setup_and_after_close_lines_go_to_logurus_logger(caught: Caught, global_sink: Callable[..., list[Any]]) -> None:
    messages = global_sink(format="{message}")
    with log.contextualize(b=2):
        log.bind(a=1).info("before {c}", c=3)
    before = here(back=1)
    caught.set_up()
    log.info("while")
    caught.logging.close()
    raised = ValueError("bad")
    log.opt(record=True, exception=raised).error("{record[function]} {}", [1])
    log.log("TEST_NOTICE", "noticed {}")
    log.log(7, "seven")
    first, second, third, fourth = (message.record for message in messages)
    assert (first["message"], first["extra"], place(first)) == ("before 3", {"a": 1, "b": 2, "c": 3}, before)
    assert (second["message"], second["exception"].value) == (f"{here()[1]} [1]", raised)
    assert (third["message"], third["level"].name, third["level"].no) == ("noticed {}", "TEST_NOTICE", 33)
    assert fourth["level"].no == 7
    assert caught.logging.stats().logged == 1


def test_a_handler_of_logurus_that_raises_does_not_reach_the_caller(
    global_sink: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    global_sink(format=lambda _: 1 / 0)
    log.info("x")
    assert "ZeroDivisionError" in capsys.readouterr().err
