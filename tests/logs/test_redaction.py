"""Redaction: what no sink may see, by the name of a field or by its looks, on every way to a sink."""

from __future__ import annotations

import io
import logging
import pickle
import re
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loguru import logger

from actors import Actor, ActorSystem
from actors.logs import JSON, TEXT, Redact, Repeats, Routes, Sink, log
from tests.logs.kit import WAIT, Caught, raised
from tests.support import scaled

SECRET = "hunter2"
PUT = "[gone]"
FORMATS = (TEXT, JSON, "{message} {extra}", "{message}")
BY_KEY = Redact(replacement=PUT)
BY_PATTERN = Redact(keys=(), patterns=[SECRET, re.compile(r"\d{4}-\d{4}")], replacement=PUT)
examples = settings(max_examples=scaled(1000, 40), suppress_health_check=[HealthCheck.function_scoped_fixture])


class Plain:
    """Not plain: it makes the line be formatted in the call."""

    def __str__(self) -> str:
        return "plain"


def seen(caught: Caught) -> str:
    """All that any sink saw, also what a function may find in its record."""
    written = "".join(caught.text(number) for number in range(len(FORMATS)))
    return written + "".join(f"{message!r} {message.record!r} {message.record['exception']!r}" for message in caught.written)


def check(caught: Caught, *, times: int | None = None) -> None:
    everything = seen(caught)
    assert SECRET not in everything
    assert PUT in everything
    if times is not None:
        assert caught.text().count(PUT) == times


# -- by key ----------------------------------------------------------------------------------------------------------------

VALUES: list[Any] = [SECRET, SECRET.encode(), [SECRET], {"a": SECRET}, (SECRET, {"b": (SECRET,)}), OrderedDict(a=SECRET), Path(SECRET)]
NAMES = ["password", "PassWord", "db_password", "token", "api_key", "X-Authorization", "cookies", "my secrets"]

BY_KEY_WAYS: dict[str, Callable[[str, Any], None]] = {
    "argument": lambda name, value: log.info("x", **{name: value}),
    "argument in the message": lambda name, value: log.info("{" + name + "}", **{name: value}),
    "with one that is not plain": lambda name, value: log.info("{" + name + "} {}", Plain(), **{name: value}),
    "bind": lambda name, value: log.bind(**{name: value}).info("x"),
    "bind in the message": lambda name, value: log.bind(**{name: value}).opt(record=True).info("{record[extra]}"),
    "within a dict": lambda name, value: log.info("{user}", user={"name": "me", name: value}),
    "within a dict, by position": lambda name, value: log.info("{}", {"name": "me", name: value}),
    "within a list of dicts": lambda name, value: log.info("{} {users}", [({name: value},)], users=[{"a": [{name: value}]}]),
    "within a dict's subclass": lambda name, value: log.info("{} {x}", OrderedDict({name: value}), x=defaultdict(int, {name: value})),
    "within a bound dict": lambda name, value: log.bind(user=OrderedDict({name: {"x": value}})).info("x"),
    "lazy": lambda name, value: log.opt(lazy=True).info("{x} {" + name + "}", **{name: lambda: value, "x": lambda: {name: value}}),
    "record": lambda name, value: log.opt(record=True).info("{record[extra]} {}", {name: value}, **{name: value}),
    "colors": lambda name, value: log.opt(colors=True).info("<red>{" + name + "}</red> {}", {name: value}, **{name: value}),
    "raw": lambda name, value: log.opt(raw=True).info("{" + name + "} {}\n", {name: value}, **{name: value}),
    "without capture": lambda name, value: log.opt(capture=False).info("{" + name + "}", **{name: value}),
    "patch": lambda name, value: log.patch(lambda record: record["extra"].update({name: value, "x": {name: value}})).info("x"),
    "not formatted": lambda name, value: log.info("{" + name + "} {nothing}", **{name: value}),
    "logging": lambda name, value: logging.getLogger("tests").warning("x", extra={name: value, "x": {name: value}}),
    "loguru": lambda name, value: logger.bind(**{name: value}).info("x"),
}  # fmt: skip


@pytest.mark.parametrize("way", BY_KEY_WAYS)
def test_a_field_with_a_secret_name_is_hidden_on_every_way(caught: Caught, way: str) -> None:
    caught.set_up(formats=FORMATS, redact=BY_KEY, routes=Routes(warnings=False, uncaught=False))
    for name, value in product(NAMES, VALUES):
        BY_KEY_WAYS[way](name, value)
        check(caught)
        caught.clear()


def test_a_contextualized_field_with_a_secret_name_is_hidden(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=BY_KEY)
    with log.contextualize(token=SECRET, other={"token": [SECRET]}):
        log.info("x")
        log.opt(record=True).info("{record[extra]}")
    check(caught)


def test_what_is_not_secret_stays(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=BY_KEY)
    shared = {"name": "me", "more": [1, (2, {3})]}
    log.info("{} {user}", shared, user=OrderedDict(a=shared), number=4)
    assert caught.message == f"{shared} {OrderedDict(a=shared)}"
    assert caught.record["extra"] == {"user": {"a": {"name": "me", "more": [1, [2, [3]]]}}, "number": 4}


def test_what_a_program_has_is_not_changed(caught: Caught) -> None:
    caught.set_up(redact=BY_KEY)
    own = {"password": SECRET, "more": [{"token": SECRET}]}
    log.info("{} {x}", own, x=own)
    caught.flush()
    assert own == {"password": SECRET, "more": [{"token": SECRET}]}


def test_keys_of_ones_own_replace_the_usual_ones(caught: Caught) -> None:
    caught.set_up(redact=Redact(keys=["pin."], replacement="{}\\1"))
    log.info("{} {password}", {"PIN.": 1, "pink": 2}, password=3)
    assert caught.message == "{'PIN.': '{}\\\\1', 'pink': 2} 3"
    assert caught.record["extra"] == {"password": 3}


@pytest.mark.parametrize("self_at", ["list", "dict"])
def test_containers_that_contain_themselves_end(caught: Caught, self_at: str) -> None:
    caught.set_up(formats=FORMATS, redact=BY_KEY)
    inner: list[Any] = []
    own: dict[str, Any] = {"password": SECRET, "inner": inner}
    inner.extend([own if self_at == "dict" else inner] * 50)
    log.info("{} {x}", own, x=own)
    check(caught)


# -- by pattern ------------------------------------------------------------------------------------------------------------


def _fail() -> None:
    raise ValueError(SECRET)


BY_PATTERN_WAYS: dict[str, Callable[[], None]] = {
    "message": lambda: log.info(f"it is {SECRET}!"),
    "argument": lambda: log.info("{}", SECRET),
    "object": lambda: log.info("{} {x}", Path(SECRET), x=Path(SECRET)),
    "fields": lambda: log.info("x", a=SECRET, b=[SECRET], c={"d": (SECRET,)}, e=SECRET.encode()),
    "number": lambda: log.info("x {}", "1234-5678", a="1234-5678"),
    "bind": lambda: log.bind(a=SECRET).info("x"),
    "exception": lambda: log.opt(exception=raised(ValueError(SECRET))).error("x"),
    "cause": lambda: log.opt(exception=_caused()).error("x"),
    "record": lambda: log.opt(record=True, exception=raised(ValueError(SECRET))).info("{record[exception]}"),
    "raw": lambda: log.opt(raw=True).info(SECRET + "\n"),
    "colors": lambda: log.opt(colors=True).info("<red>{}</red> <b>x</b>", SECRET),
    "patch": lambda: log.patch(lambda record: record.update(message=SECRET, extra={"a": SECRET})).info("x"),
    "patch with exception": lambda: log.opt(exception=raised(ValueError(SECRET))).patch(lambda record: None).info("x"),
    "catch": log.catch(_fail),
    "not formatted": lambda: log.info("{nothing}", SECRET),
    "logging": lambda: logging.getLogger("tests").error("%s", SECRET, extra={"a": SECRET}, exc_info=raised(ValueError(SECRET))),
    "warnings": lambda: warnings.warn_explicit(SECRET, UserWarning, "x", 1),
    "loguru": lambda: logger.opt(exception=raised(ValueError(SECRET))).info("{}", SECRET, a=SECRET),
}  # fmt: skip


def _caused() -> Exception:
    error = ValueError("x")
    error.__cause__ = raised(KeyError(SECRET))
    error.add_note(SECRET)
    return error


@pytest.mark.parametrize("way", BY_PATTERN_WAYS)
def test_what_looks_like_a_secret_is_hidden_on_every_way(caught: Caught, way: str) -> None:
    caught.set_up(formats=FORMATS, redact=BY_PATTERN, routes=Routes(uncaught=False))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        BY_PATTERN_WAYS[way]()
    everything = seen(caught)
    assert "1234-5678" not in everything
    check(caught)


@pytest.mark.parametrize("colorize", [False, True])
def test_a_coloured_message_shows_no_secret(caught: Caught, colorize: bool) -> None:
    caught.set_up(formats=FORMATS, redact=BY_PATTERN, colorize=colorize)
    log.opt(colors=True).info("<red>{}</red> <b>x</b>", SECRET)
    log.opt(colors=True, raw=True).info(f"<red>{SECRET}</red>\n")
    check(caught)


def test_a_number_that_looks_like_a_secret_is_one(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=Redact(patterns=[r"4\d{15}"], replacement=PUT))
    log.info("{}", 4111111111111111, card=4111111111111111, cards=[4111111111111111], other=5, yes=True)
    assert "4111" not in seen(caught)
    assert caught.record["extra"] == {"card": PUT, "cards": [PUT], "other": 5, "yes": True}


def test_a_secret_at_the_end_of_what_is_kept_of_a_long_line_is_hidden(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=BY_PATTERN)
    for cut in range(1, len(SECRET)):
        log.info("x" * (100_000 - cut) + SECRET, a="x" * (100_000 - cut) + SECRET)
    everything = seen(caught)
    assert not re.search("xhu?n?t?e?", everything)


@pytest.mark.parametrize("options", [{"backtrace": True}, {"diagnose": True}])
def test_a_traceback_without_its_secrets_is_still_shown(caught: Caught, options: dict[str, bool]) -> None:
    stream = io.StringIO()
    caught.set_up(Sink(stream, format=TEXT, **options), formats=FORMATS, redact=BY_PATTERN)
    log.opt(exception=raised(ValueError(SECRET))).error("x")
    check(caught)
    for text in (stream.getvalue(), caught.text(0), caught.text(2)):
        assert "    Traceback (most recent call last):" in text
        assert text.endswith(f"    ValueError: {PUT}\n")
    assert caught.objects(1)[0]["exception"]["message"] == PUT
    assert (
        str(caught.written[0])
        == "x\nTraceback (most recent call last):\n" + caught.written[0].record["exception"].value.traceback.partition("\n")[2] + "\n"
    )
    assert str(caught.record["exception"].value) == PUT
    assert caught.record["exception"].traceback is None


def test_an_actor_that_crashes_with_a_secret_does_not_show_it(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=BY_PATTERN, events=True, routes=Routes())

    class Crashing(Actor):
        def on_receive(self, message: Any) -> Any:
            raise ValueError(message)

    with ActorSystem() as system:
        ref = system.spawn(Crashing)
        ref.tell(SECRET)
        ref.actor_stopped.wait(WAIT)
    check(caught)


def test_repetitions_are_told_without_secrets(caught: Caught) -> None:
    caught.set_up(formats=FORMATS, redact=BY_PATTERN, repeats=Repeats(3600))
    for _ in range(3):
        log.info(SECRET)
    check(caught)
    assert "2 times more" in caught.text()


WORDS = st.text(st.sampled_from("hunter2 x\n{}<>\\"), max_size=10)


@given(
    before=WORDS,
    after=WORDS,
    nested=st.recursive(
        st.just(SECRET), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2), max_leaves=6
    ),
)
@examples
def test_no_secret_is_found_anywhere(caught: Caught, before: str, after: str, nested: Any) -> None:
    caught.ready(formats=FORMATS, redact=BY_PATTERN)
    text = before + SECRET + after
    log.info(text)
    log.info("{} {x}", text, x=nested)
    log.info("{} {x}", nested, x=text)
    log.opt(exception=raised(ValueError(text, nested))).error(text)
    check(caught)


# -- what is no rule -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "error", "named"),
    [
        ({"keys": "password"}, TypeError, "keys='password'"),
        ({"keys": [1]}, TypeError, "keys="),
        ({"keys": [""]}, ValueError, "keys="),
        ({"keys": None}, TypeError, "keys=None"),
        ({"keys": [re.compile("x")]}, TypeError, "keys="),
        ({"patterns": "x"}, TypeError, "patterns='x'"),
        ({"patterns": ["("]}, ValueError, "patterns"),
        ({"patterns": [b"x"]}, TypeError, "patterns="),
        ({"patterns": [re.compile(b"x")]}, TypeError, "patterns="),
        ({"patterns": 1}, TypeError, "patterns=1"),
        ({"replacement": None}, TypeError, "replacement=None"),
        ({"replacement": 1}, TypeError, "replacement=1"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_by_name_and_value(given_: dict[str, Any], error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=re.escape(named)):
        Redact(**given_)


def test_a_rule_without_anything_hides_nothing(caught: Caught) -> None:
    caught.set_up(redact=Redact(keys=()))
    log.info("{password}", password=SECRET)
    assert caught.message == SECRET
    assert pickle.loads(pickle.dumps(caught.record["message"])) == SECRET
