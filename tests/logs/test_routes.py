"""Routes: `logging`, warnings, uncaught exceptions, loguru's logger and the events of systems lead to the logging actor, and back."""

from __future__ import annotations

import asyncio
import gc
import logging as stdlib
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

import supervisors
from actors import Actor, ActorSystem, logs
from actors.logs import Routes, log
from supervisors.events import BreakerChanged, RestartScheduled, SupervisorGaveUp
from supervisors.machine.events import StateChanged
from tests.logs.kit_sinks import NO_ROUTES, WAIT, Taker

ONLY = {
    name: Routes(**{other: other == name for other in ("logging", "warnings", "uncaught", "loguru")}) for name in ("logging", "warnings")
}


@pytest.fixture
def root() -> Iterator[stdlib.Logger]:
    one = stdlib.getLogger()
    level, handlers = one.level, one.handlers[:]
    yield one
    one.setLevel(level)
    one.handlers[:] = handlers


def one_line(sink: Taker, logging: logs.Logging) -> dict[str, Any]:
    assert logging.flush(WAIT)
    (message,) = sink.messages
    record: dict[str, Any] = message.record
    return record


# -- logging ---------------------------------------------------------------------------------------------------------------


def test_line_of_logging_has_name_place_level_fields_and_exception() -> None:
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        try:
            raise ValueError("v")  # noqa: TRY301
        except ValueError:
            stdlib.getLogger("a.library").error("hello %s", "you", exc_info=True, extra={"order": 7})  # noqa: G201  # another level would do
        record = one_line(sink, logging)
    assert (record["message"], record["name"], record["level"].name) == ("hello you", "a.library", "ERROR")
    assert (record["function"], record["file"].name) == (sys._getframe().f_code.co_name, "test_routes.py")
    assert record["extra"]["order"] == 7
    assert record["exception"].type is ValueError


@pytest.mark.parametrize(("number", "name"), [(20, "INFO"), (30, "WARNING"), (40, "ERROR"), (50, "CRITICAL"), (35, "Level 35")])
def test_levels_of_logging_are_kept(number: int, name: str) -> None:
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        stdlib.getLogger("lib").log(number, "x")
        level = one_line(sink, logging)["level"]
    assert (level.no, level.name) == (number, name)


def test_format_that_does_not_fit_its_arguments_is_told_in_the_line(root: stdlib.Logger) -> None:
    root.handlers.clear()  # pytest's own raises what it cannot format
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        stdlib.getLogger("lib").warning("%d apples", "no")  # noqa: PLE1205, RUF100
        message = one_line(sink, logging)["message"]
    assert message.startswith("%d apples [not formatted: TypeError")


def test_stack_that_was_asked_for_is_a_field() -> None:
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        stdlib.getLogger("lib").warning("x", stack_info=True)
        assert "test_stack_that" in one_line(sink, logging)["extra"]["stack"]


def test_braces_in_a_message_of_logging_are_no_format() -> None:
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        stdlib.getLogger("lib").warning("{} {x} {")
        assert one_line(sink, logging)["message"] == "{} {x} {"


def test_handler_of_basic_config_is_replaced_and_comes_back_with_the_level(root: stdlib.Logger) -> None:
    theirs, other = stdlib.StreamHandler(sys.stderr), stdlib.NullHandler()
    root.handlers[:] = [theirs, other]
    root.setLevel(stdlib.WARNING)
    logging = logs.setup(Taker(), level="DEBUG")
    assert theirs not in root.handlers
    assert other in root.handlers
    assert root.level == stdlib.DEBUG
    logging.close()
    assert set(root.handlers) == {theirs, other}
    assert root.level == stdlib.WARNING


def test_root_level_of_the_program_s_own_is_left_alone(root: stdlib.Logger) -> None:
    root.setLevel(stdlib.ERROR)
    logging = logs.setup(Taker())
    assert root.level == stdlib.ERROR
    logging.close()
    assert root.level == stdlib.ERROR
    root.setLevel(stdlib.WARNING)
    logging = logs.setup(Taker())
    root.setLevel(stdlib.CRITICAL)
    logging.close()
    assert root.level == stdlib.CRITICAL


def test_library_that_logs_in_a_handler_speaks_for_the_actor() -> None:
    class Uses(Actor):
        def on_receive(self, message: Any) -> None:
            self.log.info("mine")
            stdlib.getLogger("lib").warning("a library's")
            logger.info("by loguru")

    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        with ActorSystem("shop") as system:
            system.spawn(Uses, name="cart").ask("go")
        assert logging.flush(WAIT)
    mine, library, theirs = [one.record for one in sink.messages]
    assert mine["actor"] == library["actor"] == theirs["actor"] == "/cart"
    assert mine["correlation"]
    assert mine["correlation"] == library["correlation"] == theirs["correlation"]


# -- the others ------------------------------------------------------------------------------------------------------------


def test_warning_becomes_a_line() -> None:
    sink = Taker()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with logs.setup(sink, events=False) as logging:
            warnings.warn("careful", RuntimeWarning, stacklevel=1)
            record = one_line(sink, logging)
    assert (record["message"], record["level"].name, record["name"]) == ("careful", "WARNING", "py.warnings")
    assert record["extra"]["category"] == "RuntimeWarning"
    assert record["extra"]["file"] == __file__


def test_uncaught_exception_of_a_thread_is_a_line_and_goes_to_the_former_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    former: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", former.append)
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        thread = threading.Thread(target=lambda: {}["no"], name="worker-7")
        thread.start()
        thread.join()
        record = one_line(sink, logging)
    assert record["message"] == "uncaught exception in thread worker-7: KeyError: 'no'"
    assert (record["level"].name, record["event"]) == ("ERROR", "uncaught")
    assert record["exception"].type is KeyError
    assert len(former) == 1


def test_exception_of_a_finalizer_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bad:
        def __del__(self) -> None:
            raise ValueError("in the finalizer")

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        Bad()
        gc.collect()
        record = one_line(sink, logging)
    assert "in the finalizer" in record["message"]
    assert record["event"] == "uncaught"


def test_exception_that_an_event_loop_reports_is_a_line() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "it went wrong", "exception": ValueError("v")})

    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        asyncio.run(main())
        record = one_line(sink, logging)
    assert (record["name"], record["message"]) == ("asyncio", "it went wrong")
    assert record["exception"].type is ValueError


def test_uncaught_exception_of_the_main_thread_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        error = ValueError("v")
        sys.excepthook(ValueError, error, None)
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        record = one_line(sink, logging)
    assert (record["message"], record["level"].name) == ("uncaught exception: ValueError: v", "CRITICAL")


def test_line_of_loguru_s_logger_has_its_fields_level_and_exception() -> None:
    sink = Taker()
    with logs.setup(sink, events=False) as logging:
        with logger.contextualize(request=1):
            try:
                raise ValueError("v")  # noqa: TRY301
            except ValueError:
                logger.bind(user="u").exception("hello {}", "you")
        record = one_line(sink, logging)
    assert (record["message"], record["name"], record["level"].name) == ("hello you", __name__, "ERROR")
    assert record["extra"] == {"request": 1, "user": "u"}
    assert record["exception"].type is ValueError


def test_route_that_is_off_is_not_touched() -> None:
    sink = Taker()
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning, stdlib.getLogger().handlers[:])
    number = logger.add(lambda _: None)
    with logs.setup(sink, events=False, routes=NO_ROUTES) as logging:
        assert before == (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning, stdlib.getLogger().handlers[:])
        stdlib.getLogger("lib").warning("x")
        logger.info("x")
        assert logging.flush(WAIT)
        assert sink.messages == []
    logger.remove(number)


def test_everything_is_restored_after_close() -> None:
    def state() -> tuple[Any, ...]:
        hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
        inside = logger._core  # type: ignore[attr-defined]
        return hooks, stdlib.getLogger().handlers[:], stdlib.getLogger().level, dict(inside.handlers), inside.min_level

    before = state()
    logging = logs.setup(Taker())
    assert state() != before
    again = logs.setup(Taker())
    again.close()
    assert logging.close()
    assert state() == before


# -- events of systems -----------------------------------------------------------------------------------------------------


class Crashes(Actor):
    def on_receive(self, message: Any) -> None:
        message.wait(WAIT)
        raise ValueError("v")


def test_events_of_a_system_are_lines_with_fields_and_levels() -> None:
    sink = Taker()
    with logs.setup(sink, level="DEBUG") as logging:
        with ActorSystem("shop") as system:
            ref = system.spawn(Crashes, name="weak")
            go = threading.Event()
            ref.tell(go)
            ref.tell("secret")
            go.set()
        assert logging.flush(WAIT)
    told = {one.record["event"]: one.record for one in sink.messages}
    assert {"actor.started", "actor.crashed", "actor.stopped"} <= set(told)
    assert (told["actor.started"]["level"].name, told["actor.crashed"]["level"].name) == ("DEBUG", "ERROR")
    crashed = told["actor.crashed"]
    assert (crashed["actor"], crashed["exception"].type) == ("/weak", ValueError)
    assert crashed["extra"]["error"] == "ValueError"
    dead = told["dead_letter"]
    assert (dead["level"].name, dead["extra"]["message_type"], dead["extra"]["reason"]) == ("WARNING", "str", "crashed")
    assert "secret" not in dead["message"]
    # pykka's own record of the crash is not there once more
    assert len([one for one in sink.messages if one.record["exception"]]) == 1


def test_no_events_are_told_with_events_false() -> None:
    sink = Taker()
    with logs.setup(sink, level="DEBUG", events=False) as logging:
        with ActorSystem("shop") as system:
            system.spawn(Actor)
        assert logging.flush(WAIT)
        assert [one for one in sink.messages if one.record["event"]] == []


def test_systems_made_before_and_after_setup_are_heard_until_close() -> None:
    sink = Taker()
    with ActorSystem("early") as early:
        logging = logs.setup(sink, level="DEBUG")
        with ActorSystem("late") as late:
            early.spawn(Actor, name="e").ask(None)
            late.spawn(Actor, name="l").ask(None)
            assert logging.flush(WAIT)
            started = {(one.record["system"], one.record["actor"]) for one in sink.messages if one.record["event"] == "actor.started"}
            assert started == {("early", "/e"), ("late", "/l")}
            logging.close()
            count = len(sink.messages)
            early.spawn(Actor).ask(None)
    assert len(sink.messages) == count


def test_events_of_supervision_and_machines_say_their_names_and_levels() -> None:
    assert RestartScheduled.log_as == ("restart.scheduled", "WARNING")
    assert SupervisorGaveUp.log_as == ("supervisor.gave_up", "ERROR")
    assert BreakerChanged.log_as == ("breaker.changed", "WARNING")
    assert StateChanged.log_as == ("state.changed", "DEBUG")
    sink = Taker()
    with logs.setup(sink, level="DEBUG") as logging, ActorSystem("shop") as system:
        state = supervisors.BreakerState
        system.events.publish(BreakerChanged("db", state.CLOSED, state.OPEN))
        assert logging.flush(WAIT)
        (told,) = [one.record for one in sink.messages if one.record["event"] == "breaker.changed"]
    assert told["level"].name == "WARNING"
    assert told["extra"] == {"name": "db", "before": "closed", "after": "open"}


def test_log_of_a_program_without_setup_goes_to_loguru_and_so_after_close() -> None:
    got: list[str] = []
    with logs.setup(Taker(), events=False):
        pass
    number = logger.add(lambda message: got.append(message.record["message"]))
    log.info("after")
    logger.remove(number)
    assert got == ["after"]
