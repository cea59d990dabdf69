"""What the tests of the logging actor share: logging that is set up with sinks that collect, and gone afterwards."""

from __future__ import annotations

import inspect
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from loguru import logger

from actors import logs
from actors._core.desk import DESK
from actors.logs import Logging, Routes, Sink, direct

E = TypeVar("E", bound=BaseException)
NO_ROUTES = Routes(logging=False, warnings=False, uncaught=False, loguru=False)
WAIT = 30.0  # a safety net for what should come at once


class Caught:
    """Logging with a sink that keeps the records, and with a stream for each form of text that is asked for."""

    def __init__(self) -> None:
        self.logging: Logging | None = None
        self._options: dict[str, Any] | None = None
        self._messages: list[Any] = []
        self._streams: list[io.StringIO] = []

    def set_up(
        self,
        *sinks: Any,
        formats: tuple[Any, ...] = (),
        collect: bool = True,
        colorize: bool = False,
        path: Path | None = None,
        **options: Any,
    ) -> Caught:
        """Set logging up; what is not given is as quiet as can be: every level, no routes, no events."""
        self._messages = messages = []  # of its own: the former sink may still have something to write
        self._streams = [io.StringIO() for _ in formats]
        own = [Sink(stream, format=one, colorize=colorize) for stream, one in zip(self._streams, formats, strict=True)]
        taking = [Sink(messages.append, name="caught")] if collect else []
        own += [Sink(path, format=logs.JSON)] if path is not None else []
        given = {"level": 0, "routes": NO_ROUTES, "events": False, **options}
        self.logging = logs.setup(*taking, *own, *sinks, **given)
        return self

    def ready(self, **options: Any) -> Caught:
        """Set logging up, but only once for all examples of a property: then forget what came before."""
        if self._options == options:
            self.clear()
            return self
        self._options = options
        return self.set_up(**options)

    def flush(self) -> None:
        """Wait until all was written."""
        assert self.logging is not None
        assert self.logging.flush(WAIT)

    @property
    def written(self) -> list[Any]:
        """The messages that the function sink was called with."""
        self.flush()
        return list(self._messages)

    @property
    def records(self) -> list[dict[str, Any]]:
        """All records, as a function sink sees them."""
        return [message.record for message in self.written]

    @property
    def record(self) -> dict[str, Any]:
        """The only record."""
        (one,) = self.records
        return one

    @property
    def message(self) -> str:
        """The message of the only record."""
        made: str = self.record["message"]
        return made

    @property
    def messages(self) -> list[str]:
        """All messages."""
        return [record["message"] for record in self.records]

    def text(self, number: int = 0) -> str:
        """What was written to the stream of a format."""
        self.flush()
        return self._streams[number].getvalue()

    def lines(self, number: int = 0) -> list[str]:
        """The same, by lines; there are no others than those that end."""
        text = self.text(number)
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    def objects(self, number: int = 0) -> list[dict[str, Any]]:
        """JSON lines, read back."""
        return [json.loads(line) for line in self.lines(number)]

    def clear(self) -> None:
        """Forget what came until now."""
        self.flush()
        self._messages.clear()
        for stream in self._streams:
            stream.seek(0)
            stream.truncate()


def _state() -> tuple[Any, ...]:
    """What `setup` may change in the process."""
    return (
        DESK.level,
        DESK.append,
        DESK.calm,
        DESK.secret,
        list(logging.getLogger().handlers),
        logging.getLogger().level,
        warnings.showwarning,
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
    )


@pytest.fixture
def caught() -> Iterator[Caught]:
    """Logging for one test; afterwards everything is as before."""
    before = _state()
    made = Caught()
    yield made
    if made.logging is not None:
        made.logging.close(WAIT)
    assert _state() == before
    assert DESK.append is direct.write


@pytest.fixture
def global_sink() -> Iterator[Callable[..., list[Any]]]:
    """Adds sinks to loguru's global logger: ``global_sink(format="{message}")`` returns the list of its messages."""
    added: list[int] = []

    def add(**options: Any) -> list[Any]:
        messages: list[Any] = []
        added.append(logger.add(messages.append, **{"level": 0, "catch": False, **options}))
        return messages

    yield add
    for number in added:
        logger.remove(number)


def here(back: int = 0) -> tuple[str, str, int]:
    """Module, function and line of the caller, or of a line `back` above."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_globals["__name__"], frame.f_back.f_code.co_name, frame.f_back.f_lineno - back


def place(record: dict[str, Any]) -> tuple[str, str, int]:
    """Module, function and line that a record tells."""
    return record["name"], record["function"], record["line"]


def raised(error: E) -> E:
    """Return an exception that has been raised, so that it has a traceback."""
    try:
        raise error
    except type(error) as caught_one:
        return caught_one
