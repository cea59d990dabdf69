"""Setting logging up: what is refused, by name and value and with nothing changed, and what a second setup does."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from actors import logs
from actors.logs import JSON, TEXT, Logging, Overload, Redact, Repeats, Routes, Sample, Sink, SinkBackoff, log
from actors.testing import Simulation
from tests.logs.kit import NO_ROUTES, WAIT, Caught, _state


async def later(message: Any) -> None:
    """A coroutine function."""


SETUP: list[tuple[dict[str, Any], str]] = [
    ({"level": "NO"}, "level='NO'"),
    ({"level": -1}, "level=-1"),
    ({"level": None}, "level=None"),
    ({"level": True}, "level=True"),
    ({"overload": 5}, "overload=5"),
    ({"overload": Overload}, "overload="),
    ({"redact": ["password"]}, "redact=['password']"),
    ({"sample": 2}, "sample=2"),
    ({"repeats": 2.0}, "repeats=2.0"),
    ({"routes": False}, "routes=False"),
    ({"ordered": 1}, "ordered=1"),
    ({"correlation": None}, "correlation=None"),
    ({"events": "yes"}, "events='yes'"),
    ({"exit_timeout": -1}, "exit_timeout=-1"),
    ({"exit_timeout": "1"}, "exit_timeout='1'"),
    ({"exit_timeout": float("nan")}, "exit_timeout=nan"),
    ({"exit_timeout": None}, "exit_timeout=None"),
]
TARGETS: list[Any] = [None, 1, "", b"x", [], {}, Path, io.StringIO, [print]]
SINK: list[tuple[Any, dict[str, Any], str]] = [
    ("x.log", {"rotation": "no size"}, "rotation='no size'"),
    ("x.log", {"rotation": -1.5j}, "rotation="),
    ("x.log", {"retention": "for ever"}, "retention='for ever'"),
    ("x.log", {"compression": "no such"}, "compression='no such'"),
    ("x.log", {"encoding": "no such"}, "encoding='no such'"),
    ("x.log", {"encoding": 8}, "encoding=8"),
    ("x.log", {"errors": "no such"}, "errors='no such'"),
    ("x.log", {"mode": "r"}, "mode='r'"),
    ("x.log", {"mode": "wb"}, "mode='wb'"),
    ("x.log", {"mode": 1}, "mode=1"),
    ("x.log", {"newline": "x"}, "newline='x'"),
    ("x.log", {"buffering": "x"}, "buffering='x'"),
    ("x.log", {"enqueue": True}, "enqueue=True"),
    ("x.log", {"nothing": 1}, "nothing=1"),
    (print, {"rotation": "1 MB"}, "rotation='1 MB'"),
    (io.StringIO(), {"encoding": "utf8"}, "encoding='utf8'"),
    (print, {"serialize": True}, "serialize=True"),
    (print, {"level": "NO"}, "level='NO'"),
    (print, {"format": 5}, "format=5"),
    (print, {"format": "{nothing}"}, "format='{nothing}'"),
    (print, {"format": "{"}, "format='{'"),
    (print, {"format": "<nothing>x</nothing>"}, "format='<nothing>x</nothing>'"),
    (print, {"format": "<red>x"}, "format='<red>x'"),
    (print, {"filter": 5}, "filter=5"),
    (print, {"filter": {"tests": "NO"}}, "filter="),
    (print, {"filter": {5: "INFO"}}, "filter="),
    (print, {"colorize": "yes"}, "colorize='yes'"),
    (print, {"backtrace": 1}, "backtrace=1"),
    (print, {"diagnose": None}, "diagnose=None"),
    (print, {"name": ""}, "name=''"),
    (print, {"name": 5}, "name=5"),
    (print, {"backlog": 0}, "backlog=0"),
    (print, {"backlog": 1.5}, "backlog=1.5"),
    (print, {"backlog": True}, "backlog=True"),
    (print, {"attempts": 0}, "attempts=0"),
    (print, {"backoff": 1.0}, "backoff=1.0"),
    (print, {"hangs_after": 0}, "hangs_after=0"),
    (print, {"hangs_after": -1}, "hangs_after=-1"),
    (print, {"hangs_after": None}, "hangs_after=None"),
]
PARTS: list[tuple[Any, dict[str, Any], str]] = [
    (SinkBackoff, {"first": 0}, "first=0"),
    (SinkBackoff, {"first": 2, "most": 1}, "most=1"),
    (SinkBackoff, {"most": float("inf")}, "most=inf"),
    (SinkBackoff, {"first": "x"}, "first='x'"),
    (Overload, {"sync_at": 0}, "sync_at=0"),
    (Overload, {"sync_at": 50_000}, "sync_at=50000"),
    (Overload, {"drop_at": 100_000}, "drop_at=100000"),
    (Overload, {"flush_at": "x"}, "flush_at='x'"),
    (Overload, {"patience": -1}, "patience=-1"),
    (Overload, {"keep": "NO"}, "keep='NO'"),
    (Routes, {"logging": 1}, "logging=1"),
    (Routes, {"loguru": None}, "loguru=None"),
]


@pytest.mark.parametrize(("options", "named"), SETUP)
def test_a_bad_argument_of_setup_changes_nothing(caught: Caught, options: dict[str, Any], named: str) -> None:
    caught.set_up()
    before = _state()
    with pytest.raises((TypeError, ValueError), match=re.escape(named)):
        logs.setup(print, **options)
    assert _state() == before
    log.info("goes on")
    assert caught.messages == ["goes on"]


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_a_target_that_is_none_is_refused(caught: Caught, target: Any) -> None:
    caught.set_up()
    before = _state()
    with pytest.raises(TypeError, match=re.escape(f"target={target!r}")):
        logs.setup(print, target)
    assert _state() == before


@pytest.mark.parametrize(("target", "options", "named"), SINK)
def test_a_bad_argument_of_a_sink_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Any, options: dict[str, Any], named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, ValueError), match=re.escape(named)):
        Sink(target, **options)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("part", "options", "named"), PARTS)
def test_a_bad_argument_of_a_part_is_refused(part: Any, options: dict[str, Any], named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(named)):
        part(**options)


def test_declaring_a_sink_touches_no_file(tmp_path: Path) -> None:
    for name in ("x.log", "x.1.log", "x.2.log"):
        (tmp_path / name).write_text("old\n")
    Sink(tmp_path / "x.log", retention=0, compression="gz")
    Sink(tmp_path / "x.log", retention=0, rotation="1 B", mode="w")
    Sink(tmp_path / "new" / "y.log")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(("x.log", "x.1.log", "x.2.log"), "old\n")


@pytest.mark.parametrize(
    "given",
    [
        {"rotation": "10 MB"},
        {"rotation": "00:00", "retention": "10 days", "compression": "gz"},
        {"rotation": 500, "retention": 3},
        {"rotation": lambda message, file: False},
        {"mode": "w", "encoding": "latin-1", "errors": "replace", "newline": "\n", "buffering": 1, "delay": True},
        {"format": TEXT},
        {"format": JSON},
        {"format": "{time} {message} {extra[anything][deep]:>5}"},
        {"format": lambda record: "{message}\n"},
        {"filter": "tests"},
        {"filter": {"tests": "INFO"}},
        {"colorize": True, "backtrace": True, "diagnose": True, "level": "ERROR", "name": "mine"},
    ],
    ids=str,
)
def test_what_loguru_takes_is_taken(caught: Caught, tmp_path: Path, given: dict[str, Any]) -> None:
    caught.set_up(Sink(tmp_path / "x.log", **given))
    log.error("said", anything={"deep": 1})
    caught.flush()
    assert "said" in (tmp_path / "x.log").read_text()


def test_a_second_setup_takes_the_place_of_the_first_which_is_flushed(caught: Caught) -> None:
    first: list[str] = []
    caught.set_up(first.append)
    former = caught.logging
    assert former is not None
    for number in range(100):
        log.info("{}", number)
    caught.set_up(level="ERROR", ordered=True, redact=Redact(), sample=Sample(2), repeats=Repeats())
    assert len(first) == 100
    log.error("{password}", password="hunter2")
    assert caught.messages == ["***"]
    assert former.close()
    assert former.flush()
    former.set_level("INFO")
    log.info("still off")
    log.error("still on")
    assert caught.messages == ["***", "still on"]
    caught.set_up()
    log.info("{password}", password="hunter2")
    assert caught.messages == ["hunter2"]


def test_close_is_idempotent_and_what_is_logged_then_goes_elsewhere(caught: Caught) -> None:
    caught.set_up()
    log.info("x")
    assert caught.logging is not None
    assert caught.logging.close()
    assert caught.logging.close()
    log.info("y")
    assert caught.logging.stats().logged == 1
    assert [sink.written for sink in caught.logging.stats().sinks] == [1]


def test_it_is_closed_at_the_end_of_a_with(caught: Caught) -> None:
    before = _state()
    messages: list[str] = []
    with logs.setup(messages.append, routes=Routes(), level=0) as made:
        assert isinstance(made, Logging)
        assert _state() != before
        log.info("x")
        logging.getLogger("tests").error("y")
    assert _state() == before
    assert [str(message) for message in messages] == ["x\n", "y\n"]


def test_sinks_are_named_for_people() -> None:
    class Target:
        def write(self, text: str) -> None:
            pass

    names = [Sink(target).name for target in ("dir/x.log", Path("y.log"), print, later, Target(), logging.NullHandler())]
    assert names == ["x.log", "y.log", "print", "later", "Target", "NullHandler"]
    assert repr(Sink(print, name="mine")) == "<Sink mine>"


def test_flush_without_any_setup_is_true() -> None:
    assert logs.flush()


def test_nothing_is_formatted_for_levels_that_no_sink_takes(caught: Caught) -> None:
    errors: list[str] = []
    caught.set_up(Sink(errors.append, level="ERROR"), collect=False, level=0)
    log.info("{}", [1])
    log.error("{}", [2])
    caught.flush()
    assert [str(message) for message in errors] == ["[2]\n"]
    assert caught.logging is not None
    assert caught.logging.stats().logged == 1


@pytest.mark.parametrize("timeout", ["1", float("nan"), True])
def test_a_bad_timeout_is_refused(timeout: Any) -> None:
    with logs.setup(print, routes=NO_ROUTES) as made:
        for function in (made.flush, made.close):
            with pytest.raises((TypeError, ValueError), match=re.escape(f"timeout={timeout!r}")):
                function(timeout)
        assert made.flush(WAIT)


def test_setup_within_a_simulation_is_refused_and_changes_nothing() -> None:
    before = _state()
    with Simulation(), pytest.raises(RuntimeError, match="within a simulation"):
        logs.setup(print)
    assert _state() == before
